// SPDX-License-Identifier: GPL-2.0
/*
 * Exits of MOV CR, CLTS, LMSW and MOV DR.  Most writes of CR0 and CR4 change
 * only bits that the guest owns and do not come here.  Context: process, loaded.
 */
#include <linux/errno.h>

#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "vcpu.h"

/* Exit qualification. */
#define CR_NUMBER	GENMASK(3, 0)
#define CR_TYPE_SHIFT	4
#define CR_TYPE_MASK	3
#define CR_GPR_SHIFT	8
#define CR_GPR_MASK	15
#define CR_LMSW_SHIFT	16

enum {
	CR_MOV_TO,
	CR_MOV_FROM,
	CR_CLTS,
	CR_LMSW,
};

/* DR6: MOV DR while DR7.GD is set. */
#define DR_GENERAL_DETECT	BIT(13)

/* Outside of 64-bit code only the low half takes part. */
static u64 gpr_read(struct slat_vmx *vmx, unsigned int gpr)
{
	u64 value = slat_regs(vmx)[gpr];

	return slat_vmx_cpu_mode(vmx) == SLAT_VMX_MODE_LONG ? value :
							      (u32)value;
}

static int set_cr8(struct slat_vmx *vmx, u64 cr8)
{
	u64 old = vmx->cr8;

	if (slat_vmx_set_cr8(vmx, cr8))
		return -EINVAL;
	/* Lower: user space's APIC may have an interrupt that passes now. */
	return cr8 < old;
}

static int mov_to_cr(struct slat_vmx *vmx, unsigned int cr, u64 value)
{
	switch (cr) {
	case 0:
		return slat_cr_set_cr0(vmx, value);
	case 4:
		return slat_cr_set_cr4(vmx, value);
	case 8:
		return set_cr8(vmx, value);
	}
	/* CR3 does not exit, the others raise #UD before they would. */
	WARN_ON_ONCE(1);
	return -EINVAL;
}

/*
 * Emulate a control register access.  Return: 0; 1 if CR8 was lowered; -EINVAL
 * for #GP(0).  The caller moves RIP.
 */
int slat_exit_cr(struct slat_vmx *vmx)
{
	u64 qual = slat_vmcs_read(EXIT_QUALIFICATION);
	unsigned int gpr = qual >> CR_GPR_SHIFT & CR_GPR_MASK;

	switch (qual >> CR_TYPE_SHIFT & CR_TYPE_MASK) {
	case CR_MOV_TO:
		return mov_to_cr(vmx, qual & CR_NUMBER, gpr_read(vmx, gpr));
	case CR_MOV_FROM:
		/* Reads of CR0 and CR4 take the shadow, CR3 is free. */
		if (WARN_ON_ONCE((qual & CR_NUMBER) != 8))
			return -EINVAL;
		slat_regs(vmx)[gpr] = vmx->cr8;
		return 0;
	case CR_CLTS:
		return slat_cr_set_cr0(vmx, slat_cr0(vmx) & ~(u64)X86_CR0_TS);
	default:
		return slat_cr_load_msw(vmx, qual >> CR_LMSW_SHIFT);
	}
}

/* Exit qualification of MOV DR. */
#define DR_NUMBER	GENMASK(2, 0)
#define DR_FROM		BIT(4)

static u64 dr_read(struct slat_vmx *vmx, unsigned int dr)
{
	if (dr < 4)
		return vmx->dr[dr];
	return dr & 1 ? vmx->dr7 : vmx->dr6;
}

static int dr_write(struct slat_vmx *vmx, unsigned int dr, u64 value)
{
	if (dr < 4) {
		vmx->dr[dr] = value;
		return 0;
	}
	if (value >> 32)
		return -EINVAL;
	if (dr & 1)
		slat_regs_set_dr7(vmx, (value & SLAT_DR7_VALID) | SLAT_DR7_RESET);
	else
		vmx->dr6 = (value & SLAT_DR6_VALID) | SLAT_DR6_RESET;
	return 0;
}

/* While the client debugs, the registers of the guest are not in the processor. */
static enum slat_exit_type emulate_mov_dr(struct slat_vmx *vmx,
					  struct slat_exit *exit, u32 qual)
{
	unsigned int dr = qual & DR_NUMBER, gpr = qual >> CR_GPR_SHIFT & CR_GPR_MASK;
	int err = 0;

	if (dr >> 1 == 2 && slat_cr4(vmx) & X86_CR4_DE) {
		slat_vmx_inject_exception(vmx, X86_TRAP_UD, false, 0, 0);
		return SLAT_EXIT_NONE;
	}
	if (slat_vmcs_read(GUEST_DR7) & SLAT_DR7_GD) {
		if (vmx->debug.control & KVM_GUESTDBG_USE_HW_BP)
			return slat_debug_db(vmx, exit, DR_GENERAL_DETECT);
		slat_vmx_inject_exception(vmx, X86_TRAP_DB, false, 0,
					  DR_GENERAL_DETECT);
		return SLAT_EXIT_NONE;
	}
	if (slat_vmx_cpl(vmx))
		err = -EINVAL;
	else if (qual & DR_FROM)
		slat_regs(vmx)[gpr] = dr_read(vmx, dr);
	else
		err = dr_write(vmx, dr, gpr_read(vmx, gpr));
	if (err)
		slat_vmx_inject_exception(vmx, X86_TRAP_GP, true, 0, 0);
	else
		slat_vmx_skip(vmx);
	return SLAT_EXIT_NONE;
}

/*
 * The guest touches its debug registers: give them to it until the next exit,
 * and let it execute the instruction again, with all its checks.
 */
enum slat_exit_type slat_exit_dr(struct slat_vmx *vmx, struct slat_exit *exit)
{
	if (unlikely(vmx->debug.control))
		return emulate_mov_dr(vmx, exit, slat_vmcs_read(EXIT_QUALIFICATION));
	slat_vmx_set_primary(vmx, vmx->primary & ~CPU_BASED_MOV_DR_EXITING);
	vmx->drs_loaded = true;
	return SLAT_EXIT_NONE;
}
