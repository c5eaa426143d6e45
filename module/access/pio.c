// SPDX-License-Identifier: GPL-2.0
/*
 * IN and OUT: exits to the client and their completion. String forms go to the
 * emulator. Called by the run loop, loaded, outside any reader section.
 *
 * RIP stays at the instruction until the client runs the vCPU again: only then
 * its answer is taken and the instruction skipped.
 */
#include <linux/kvm.h>
#include <linux/string.h>

#include <asm/page.h>

#include "access.h"

/* Clients written for early KVM expect RIP behind an OUT to this port at once. */
#define PORT_RIP_MOVES_FIRST	0x7e

static u64 linear_rip(struct slat_vcpu_access *access)
{
	u64 rip = slat_vmx_rip(access->vmx);

	if (slat_vmx_cpu_mode(access->vmx) == SLAT_VMX_MODE_LONG)
		return rip;
	return (u32)(slat_vmx_seg_base(access->vmx, SLAT_VMX_SEG_CS) + rip);
}

static enum slat_step pio_string(struct slat_vcpu_access *access)
{
	struct slat_epochs *epochs = access->epochs;
	enum slat_step step;

	access->emul.single_outs = slat_io_exists(access->io);
	slat_reader_enter(epochs, &access->reader);
	step = slat_access_emulate(access);
	slat_reader_leave(epochs, &access->reader);
	return step;
}

/* An OUT that the client need not see? */
static bool pio_in_kernel(struct slat_vcpu_access *access)
{
	const struct slat_exit_io *io = &access->exit.io;
	struct slat_epochs *epochs = access->epochs;
	bool taken;

	if (io->in)
		return false;
	slat_reader_enter(epochs, &access->reader);
	taken = slat_iobus_write(access->io, SLAT_IOBUS_PIO, io->port, io->size,
				 slat_vmx_gprs(access->vmx));
	slat_reader_leave(epochs, &access->reader);
	access->stats.in_kernel += taken;
	return taken;
}

enum slat_step slat_access_pio(struct slat_vcpu_access *access)
{
	const struct slat_exit_io *io = &access->exit.io;
	struct kvm_run *run = access->run;

	if (io->string)
		return pio_string(access);
	if (slat_io_exists(access->io) && pio_in_kernel(access)) {
		slat_vmx_skip(access->vmx);
		return SLAT_STEP_ENTER;
	}
	access->stats.pio++;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = io->in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = io->size;
	run->io.port = io->port;
	run->io.count = 1;
	run->io.data_offset = SLAT_PIO_PAGE * PAGE_SIZE;
	access->pio_size = io->size;
	if (io->in) {
		access->pending = SLAT_PENDING_IN;
	} else {
		memcpy(access->pio_data, slat_vmx_gprs(access->vmx), io->size);
		if (io->port == PORT_RIP_MOVES_FIRST) {
			slat_vmx_skip(access->vmx);
			return SLAT_STEP_USER;
		}
		access->pending = SLAT_PENDING_OUT;
	}
	access->pio_linear_rip = linear_rip(access);
	return SLAT_STEP_USER;
}

/* 1 and 2 bytes leave the rest of RAX alone, 4 bytes clear its upper half. */
static void pio_in_to_rax(struct slat_vcpu_access *access)
{
	u64 *rax = &slat_vmx_gprs(access->vmx)[SLAT_RAX];
	u64 value = access->pio_size < 4 ? *rax : 0;

	memcpy(&value, access->pio_data, access->pio_size);
	*rax = value;
}

enum slat_step slat_access_complete_pio(struct slat_vcpu_access *access)
{
	bool in = access->pending == SLAT_PENDING_IN;

	access->pending = SLAT_PENDING_NONE;
	/* The client moved RIP: it took the instruction over. */
	if (linear_rip(access) != access->pio_linear_rip)
		return SLAT_STEP_ENTER;
	if (in)
		pio_in_to_rax(access);
	slat_vmx_skip(access->vmx);
	return SLAT_STEP_ENTER;
}
