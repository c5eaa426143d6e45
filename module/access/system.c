// SPDX-License-Identifier: GPL-2.0
/*
 * System registers for the emulator: from vmx and to it; see system.h. Called by the emulator,
 * loaded, inside the vCPU's reader section.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "access.h"
#include "fpregs.h"
#include "guestmem.h"
#include "system.h"

#define OFFSET_MASK	(SLAT_PAGE_SIZE - 1)

static int system_translate(struct slat_vcpu_access *access, u64 linear, unsigned int flags,
			    u64 *gpa)
{
	return slat_access_linear_to_gpa(access, &slat_access_walk_ops, linear,
					 flags | SLAT_ACC_IMPLICIT, gpa);
}

int slat_access_read_system(void *ctx, u64 linear, void *buf, unsigned int len)
{
	struct slat_vcpu_access *access = ctx;
	unsigned int n;
	u64 gpa;
	int err;

	for (; len; len -= n, linear += n, buf += n) {
		n = min_t(unsigned int, len, SLAT_PAGE_SIZE - (linear & OFFSET_MASK));
		err = system_translate(access, linear, SLAT_ACC_READ, &gpa);
		if (!err)
			err = slat_guest_read(access, gpa, buf, n);
		if (err)
			return err;
	}
	return 0;
}

/* A ROM takes no mark, and the processor does not look whether it did. */
static int system_cmpxchg(void *ctx, u64 linear, u8 old, u8 new)
{
	struct slat_vcpu_access *access = ctx;
	u64 gpa;
	int err;

	err = system_translate(access, linear, SLAT_ACC_WRITE, &gpa);
	if (!err)
		err = slat_guest_cmpxchg(access, gpa, &old, &new, sizeof(old));
	return err == -ENXIO ? 0 : err;
}

static void system_registers(void *ctx, struct slat_system_state *state)
{
	struct slat_vcpu_access *access = ctx;
	struct slat_vmx_table gdt, idt;
	struct kvm_segment ldt;

	slat_vmx_get_tables(access->vmx, &gdt, &idt);
	slat_vmx_segment(access->vmx, SLAT_VMX_SEG_LDTR, &ldt);
	*state = (struct slat_system_state) {
		.gdt = { .base = gdt.base, .limit = gdt.limit, .usable = true },
		.idt = { .base = idt.base, .limit = idt.limit, .usable = true },
		.ldt = { .base = ldt.base, .limit = ldt.limit, .usable = !ldt.unusable },
		/* As in the read shadow: a guest never reads ET as 0. */
		.cr0 = slat_vmx_cr0(access->vmx) | X86_CR0_ET,
		.cr4 = slat_vmx_cr4(access->vmx),
		.lma = slat_vmx_efer(access->vmx) & EFER_LMA,
	};
}

static void system_get_segment(void *ctx, enum slat_seg seg, struct slat_descriptor *desc)
{
	struct slat_vcpu_access *access = ctx;
	struct kvm_segment kseg;

	slat_vmx_segment(access->vmx, (enum slat_vmx_seg)seg, &kseg);
	*desc = (struct slat_descriptor) {
		.base = kseg.base,
		.limit = kseg.limit,
		.type = kseg.type,
		.dpl = kseg.dpl,
		.s = kseg.s,
		.present = !kseg.unusable,
		.avl = kseg.avl,
		.l = kseg.l,
		.db = kseg.db,
		.g = kseg.g,
	};
}

static void system_set_segment(void *ctx, enum slat_seg seg, u16 selector,
			       const struct slat_descriptor *desc)
{
	struct slat_vcpu_access *access = ctx;
	const struct kvm_segment kseg = {
		.selector = selector,
		.base = desc->base,
		.limit = desc->limit,
		.type = desc->type,
		.dpl = desc->dpl,
		.s = desc->s,
		.present = desc->present,
		.unusable = !desc->present,
		.avl = desc->avl,
		.l = desc->l,
		.db = desc->db,
		.g = desc->g,
	};

	slat_vmx_set_segment(access->vmx, (enum slat_vmx_seg)seg, &kseg);
}

static void system_set_gdt(void *ctx, u64 base, u16 limit)
{
	struct slat_vcpu_access *access = ctx;

	slat_vmx_set_gdt(access->vmx, base, limit);
}

static void system_set_idt(void *ctx, u64 base, u16 limit)
{
	struct slat_vcpu_access *access = ctx;

	slat_vmx_set_idt(access->vmx, base, limit);
}

static void system_load_msw(void *ctx, u16 msw)
{
	struct slat_vcpu_access *access = ctx;

	slat_vmx_load_msw(access->vmx, msw);
}

static void system_end_nmi(void *ctx)
{
	struct slat_vcpu_access *access = ctx;

	slat_vmx_end_nmi(access->vmx);
}

static u16 system_x87_word(void *ctx, bool status)
{
	return status ? slat_fpu_x87_status() : slat_fpu_x87_control();
}

const struct slat_system_ops slat_access_system_ops = {
	.state = system_registers,
	.read = slat_access_read_system,
	.cmpxchg = system_cmpxchg,
	.get_segment = system_get_segment,
	.set_segment = system_set_segment,
	.set_gdt = system_set_gdt,
	.set_idt = system_set_idt,
	.load_msw = system_load_msw,
	.end_nmi = system_end_nmi,
	.x87_word = system_x87_word,
};
