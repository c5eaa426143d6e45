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

#include "vcpu.h"

/* Clients written for early KVM expect RIP behind an OUT to this port at once. */
#define PORT_RIP_MOVES_FIRST	0x7e

static u64 linear_rip(struct slat_vcpu *vcpu)
{
	u64 rip = slat_vmx_rip(vcpu->vmx);

	if (slat_vmx_cpu_mode(vcpu->vmx) == SLAT_VMX_MODE_LONG)
		return rip;
	return (u32)(slat_vmx_seg_base(vcpu->vmx, SLAT_VMX_SEG_CS) + rip);
}

static enum slat_step pio_string(struct slat_vcpu *vcpu)
{
	struct slat_epochs *epochs = &vcpu->vm->epochs;
	enum slat_step step;

	vcpu->emul.single_outs = slat_io_exists(&vcpu->vm->io);
	slat_reader_enter(epochs, &vcpu->reader);
	step = slat_vcpu_emulate(vcpu);
	slat_reader_leave(epochs, &vcpu->reader);
	return step;
}

/* An OUT that the client need not see? */
static bool pio_in_kernel(struct slat_vcpu *vcpu)
{
	const struct slat_exit_io *io = &vcpu->exit.io;
	struct slat_epochs *epochs = &vcpu->vm->epochs;
	bool taken;

	if (io->in)
		return false;
	slat_reader_enter(epochs, &vcpu->reader);
	taken = slat_iobus_write(vcpu->vm, SLAT_IOBUS_PIO, io->port, io->size,
				 slat_vmx_gprs(vcpu->vmx));
	slat_reader_leave(epochs, &vcpu->reader);
	vcpu->stats.in_kernel += taken;
	return taken;
}

enum slat_step slat_vcpu_pio(struct slat_vcpu *vcpu)
{
	const struct slat_exit_io *io = &vcpu->exit.io;
	struct kvm_run *run = vcpu->run;

	if (io->string)
		return pio_string(vcpu);
	if (slat_io_exists(&vcpu->vm->io) && pio_in_kernel(vcpu)) {
		slat_vmx_skip(vcpu->vmx);
		return SLAT_STEP_ENTER;
	}
	vcpu->stats.pio++;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = io->in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = io->size;
	run->io.port = io->port;
	run->io.count = 1;
	run->io.data_offset = SLAT_PIO_PAGE * PAGE_SIZE;
	vcpu->pio_size = io->size;
	if (io->in) {
		vcpu->pending = SLAT_PENDING_IN;
	} else {
		memcpy(vcpu->pio_data, slat_vmx_gprs(vcpu->vmx), io->size);
		if (io->port == PORT_RIP_MOVES_FIRST) {
			slat_vmx_skip(vcpu->vmx);
			return SLAT_STEP_USER;
		}
		vcpu->pending = SLAT_PENDING_OUT;
	}
	vcpu->pio_linear_rip = linear_rip(vcpu);
	return SLAT_STEP_USER;
}

/* 1 and 2 bytes leave the rest of RAX alone, 4 bytes clear its upper half. */
static void pio_in_to_rax(struct slat_vcpu *vcpu)
{
	u64 *rax = &slat_vmx_gprs(vcpu->vmx)[SLAT_RAX];
	u64 value = vcpu->pio_size < 4 ? *rax : 0;

	memcpy(&value, vcpu->pio_data, vcpu->pio_size);
	*rax = value;
}

enum slat_step slat_vcpu_complete_pio(struct slat_vcpu *vcpu)
{
	bool in = vcpu->pending == SLAT_PENDING_IN;

	vcpu->pending = SLAT_PENDING_NONE;
	/* The client moved RIP: it took the instruction over. */
	if (linear_rip(vcpu) != vcpu->pio_linear_rip)
		return SLAT_STEP_ENTER;
	if (in)
		pio_in_to_rax(vcpu);
	slat_vmx_skip(vcpu->vmx);
	return SLAT_STEP_ENTER;
}
