// SPDX-License-Identifier: GPL-2.0
/*
 * Registers and ports that the guest may use, by its control registers and its
 * TSS. Called by the emulator, loaded, inside the vCPU's reader section.
 */
#include <linux/errno.h>

#include <asm/processor-flags.h>

#include "access.h"
#include "fpregs.h"
#include "rights.h"
#include "system.h"

int slat_access_check_registers(void *ctx, enum slat_registers registers)
{
	struct slat_vcpu_access *access = ctx;
	const struct slat_rights_cpu cpu = {
		.cr0 = slat_vmx_cr0(access->vmx),
		.cr4 = slat_vmx_cr4(access->vmx),
		.xcr0 = slat_vmx_xcr0(access->vmx),
		.mode = access->emul.mode,
		.x87_error = registers == SLAT_REGISTERS_MMX && slat_fpu_x87_error(),
	};
	u8 vector = slat_rights_registers(&cpu, registers);

	if (!vector)
		return 0;
	access->emul.exception = (struct slat_exception) { .vector = vector };
	return -EFAULT;
}

static bool io_is_free(struct slat_vcpu_access *access)
{
	const struct slat_emul *emul = &access->emul;

	switch (emul->mode) {
	case SLAT_MODE_REAL:
		return true;
	case SLAT_MODE_VM86:
		/* IOPL guards flags there, not ports. */
		return false;
	default:
		return emul->cpl <= (emul->rflags & SLAT_FLAG_IOPL) >> X86_EFLAGS_IOPL_BIT;
	}
}

int slat_access_check_io(void *ctx, u16 port, unsigned int size)
{
	struct slat_vcpu_access *access = ctx;
	struct slat_rights_tss tss;
	struct kvm_segment tr;
	int err;

	if (likely(io_is_free(access)))
		return 0;
	slat_vmx_segment(access->vmx, SLAT_VMX_SEG_TR, &tr);
	tss = (struct slat_rights_tss) {
		.base = tr.base,
		.limit = tr.limit,
		.type = tr.type,
		.usable = !tr.unusable && tr.present,
	};
	err = slat_rights_port(&tss, slat_access_read_system, access, port, size);
	if (err <= 0)
		return err;
	access->emul.exception = (struct slat_exception) {
		.vector = SLAT_VEC_GP, .has_error = true,
	};
	return -EFAULT;
}

bool slat_access_checks_alignment(struct slat_vcpu_access *access)
{
	const struct slat_emul *emul = &access->emul;

	return emul->rflags & SLAT_FLAG_AC && emul->cpl == 3 &&
	       slat_vmx_cr0(access->vmx) & X86_CR0_AM;
}
