// SPDX-License-Identifier: GPL-2.0
/*
 * Linear addresses of the guest: the registers and the page tables that rule
 * them, handed to the walker in insn/. Called by the emulator's glue and by
 * KVM_TRANSLATE, loaded, inside the vCPU's reader section.
 */
#include <linux/errno.h>

#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "access.h"
#include "guestmem.h"

#define EXC_GP	13
#define EXC_PF	14

void slat_access_walk_cpu(struct slat_vcpu_access *access, struct slat_walk_cpu *cpu)
{
	struct slat_vmx *vmx = access->vmx;

	cpu->cr0 = slat_vmx_cr0(vmx);
	cpu->cr3 = slat_vmx_cr3(vmx);
	cpu->cr4 = slat_vmx_cr4(vmx);
	cpu->efer = slat_vmx_efer(vmx);
	cpu->rflags = slat_vmx_rflags(vmx);
	cpu->pkru = slat_vmx_pkru(vmx);
	cpu->cpl = slat_vmx_cpl(vmx);
	cpu->maxphyaddr = access->guest_cpu->maxphyaddr;
	cpu->no_gbpages = !(access->guest_cpu->features & SLAT_CPU_GBPAGES);
	cpu->no_pse36 = false;
	if ((cpu->cr4 & X86_CR4_PAE) && !(cpu->efer & EFER_LMA))
		slat_vmx_pdptes(vmx, cpu->pdpte);
}

static int walk_read_entry(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	int err = slat_guest_read(ctx, gpa, buf, len);

	return err == -ENXIO ? -EFAULT : err;
}

static int walk_cmpxchg_entry(void *ctx, u64 gpa, u64 old, u64 new,
			      unsigned int len)
{
	int err = slat_guest_cmpxchg(ctx, gpa, &old, &new, len);

	return err == -ENXIO ? -EFAULT : err;
}

const struct slat_walk_ops slat_access_walk_ops = {
	.read_entry = walk_read_entry,
	.cmpxchg_entry = walk_cmpxchg_entry,
};

/* What the guest gets for a translation that failed. */
static void walk_exception(struct slat_emul *emul,
			   const struct slat_walk_result *res, u64 linear)
{
	emul->exception = (struct slat_exception) {
		.vector = res->fault ? EXC_PF : EXC_GP,
		.has_error = true,
		.error_code = res->fault ? res->pfec : 0,
		.cr2 = linear,
	};
}

int slat_access_linear_to_gpa(struct slat_vcpu_access *access, const struct slat_walk_ops *ops,
			    u64 linear, unsigned int flags, u64 *gpa)
{
	struct slat_walk_result res;
	int err;

	if (!access->walk_cpu_valid) {
		slat_access_walk_cpu(access, &access->walk_cpu);
		access->walk_cpu_valid = true;
	}
	err = slat_walk(&access->walk_cpu, ops, access, linear, flags, &res);
	if (err == -EFAULT)
		walk_exception(&access->emul, &res, linear);
	*gpa = res.gpa;
	return err;
}
