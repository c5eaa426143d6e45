// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers, EFER, XCR0 and the APIC base: the checks that the
 * architecture makes, and the VMCS fields that follow from a value.  The
 * slat_cr_set_*() functions do what the guest's instruction does and return
 * -EINVAL where it gets #GP; slat_cr_apply_*() trust their value.  Context:
 * process, loaded.
 *
 * The hardware's CR0 and CR4 differ from what the guest reads in the bits that
 * VMX operation fixes, in CR0.CD and NW, which would disable the host's caches,
 * in CR4.MCE, which must stay the host's, and in CR4.UMIP where exits stand in.
 */
#include <linux/errno.h>
#include <linux/mm.h>

#include <asm/apicdef.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>

#include "tlb.h"
#include "vcpu.h"

#define CR0_VALID	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | \
			 X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
			 X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)

/* A change of these loads the PDPTEs again in PAE paging. */
#define CR0_PDPTE	(X86_CR0_CD | X86_CR0_NW | X86_CR0_PG)
#define CR4_PDPTE	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP)

bool slat_cr_cr0_valid(u64 cr0)
{
	if (cr0 >> 32)
		return false;
	if (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || cr0 & X86_CR0_PE;
}

bool slat_cr_cr4_valid(struct slat_vmx *vmx, u64 cr4)
{
	return !(cr4 & ~vmx->guest.cr4_valid);
}

bool slat_cr_pae_paging(struct slat_vmx *vmx)
{
	return slat_cr0(vmx) & X86_CR0_PG && slat_cr4(vmx) & X86_CR4_PAE &&
	       !(vmx->efer & EFER_LMA);
}

u64 slat_cr_pdpte_reserved(const struct slat_vmx *vmx)
{
	return GENMASK_ULL(63, vmx->guest.maxphyaddr) | GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1);
}

/* In compatibility with the SDM only present entries are checked. */
bool slat_cr_pdptes_valid(const struct slat_vmx *vmx, const u64 pdptes[4])
{
	u64 reserved = slat_cr_pdpte_reserved(vmx);
	int i;

	for (i = 0; i < 4; i++)
		if (pdptes[i] & 1 && pdptes[i] & reserved)
			return false;
	return true;
}

void slat_cr_write_pdptes(const u64 pdptes[4])
{
	slat_vmcs_write(GUEST_PDPTR0, pdptes[0]);
	slat_vmcs_write(GUEST_PDPTR1, pdptes[1]);
	slat_vmcs_write(GUEST_PDPTR2, pdptes[2]);
	slat_vmcs_write(GUEST_PDPTR3, pdptes[3]);
}

/*
 * With EPT the processor takes the PDPTEs from the VMCS; whoever emulates an
 * instruction that loads them has to read them from guest memory.
 */
int slat_cr_load_pdptes(struct slat_vmx *vmx, u64 cr3)
{
	u64 pdptes[4];

	if (vmx->ops->read_guest(vmx->ctx, cr3 & GENMASK_ULL(31, 5), pdptes,
				 sizeof(pdptes)) ||
	    !slat_cr_pdptes_valid(vmx, pdptes))
		return -EINVAL;
	slat_cr_write_pdptes(pdptes);
	return 0;
}

void slat_vmx_pdptes(struct slat_vmx *vmx, u64 pdptes[4])
{
	pdptes[0] = slat_vmcs_read(GUEST_PDPTR0);
	pdptes[1] = slat_vmcs_read(GUEST_PDPTR1);
	pdptes[2] = slat_vmcs_read(GUEST_PDPTR2);
	pdptes[3] = slat_vmcs_read(GUEST_PDPTR3);
}

void slat_cr_apply_cr0(struct slat_vmx *vmx, u64 cr0)
{
	const struct slat_caps *caps = vmx->caps;
	u64 hw = (cr0 | caps->cr0_fixed0) & caps->cr0_fixed1;

	slat_tlb_cr0_changes(vmx, vmx->cr0, cr0);
	vmx->cr0 = cr0;
	vmx->avail |= SLAT_CACHE_CR0;
	slat_vmcs_write(GUEST_CR0, hw & ~(u64)(X86_CR0_CD | X86_CR0_NW));
	/* A guest never reads ET as 0, whatever user space restored. */
	slat_vmcs_write(CR0_READ_SHADOW, cr0 | X86_CR0_ET);
}

void slat_cr_apply_cr4(struct slat_vmx *vmx, u64 cr4)
{
	u64 hw = (cr4 & ~(u64)X86_CR4_MCE) | vmx->caps->cr4_fixed0 |
		 (cr4_read_shadow() & X86_CR4_MCE);

	slat_tlb_cr4_changes(vmx, vmx->cr4, cr4);
	vmx->cr4 = cr4;
	vmx->avail |= SLAT_CACHE_CR4;
	if (vmx->caps->umip_by_exits) {
		hw &= ~(u64)X86_CR4_UMIP;
		slat_vcpu_update_controls(vmx);
	}
	slat_vmcs_write(GUEST_CR4, hw);
	slat_vmcs_write(CR4_READ_SHADOW, cr4);
}

void slat_cr_apply_efer(struct slat_vmx *vmx, u64 efer)
{
	slat_switch_set_efer(vmx, efer);
	slat_vmcs_write(GUEST_IA32_EFER, efer);
	slat_vmx_set_entry(vmx, efer & EFER_LMA ?
			   vmx->vm_entry | VM_ENTRY_IA32E_MODE :
			   vmx->vm_entry & ~VM_ENTRY_IA32E_MODE);
}

/* Which bits exit; they are owned only while the guest's CPUID has them. */
void slat_cr_update_masks(struct slat_vmx *vmx)
{
	u64 cr0 = slat_cr0(vmx), cr4 = slat_cr4(vmx);

	vmx->cr0_owned = vmx->caps->cr0_owned;
	vmx->cr4_owned = vmx->caps->cr4_owned & vmx->guest.cr4_valid;
	slat_vmcs_write(CR0_GUEST_HOST_MASK, ~vmx->cr0_owned);
	slat_vmcs_write(CR4_GUEST_HOST_MASK, ~vmx->cr4_owned);
	slat_cr_apply_cr0(vmx, cr0);
	slat_cr_apply_cr4(vmx, cr4);
}

/* CR0.PG changes with EFER.LME set: long mode begins or ends. */
static void long_mode_switch(struct slat_vmx *vmx, bool on)
{
	u32 ar;

	if (!on) {
		slat_cr_apply_efer(vmx, vmx->efer & ~(u64)EFER_LMA);
		return;
	}
	slat_cr_apply_efer(vmx, vmx->efer | EFER_LMA);
	/* VM entry wants a busy TSS of the long mode's type in TR. */
	ar = slat_vmcs_read(GUEST_TR_AR_BYTES);
	if ((ar & VMX_AR_TYPE_MASK) != VMX_AR_TYPE_BUSY_64_TSS)
		slat_vmcs_write(GUEST_TR_AR_BYTES,
				(ar & ~VMX_AR_TYPE_MASK) |
				VMX_AR_TYPE_BUSY_64_TSS);
}

static bool cs_is_64bit(void)
{
	return slat_vmcs_read(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK;
}

static int cr0_check_paging(struct slat_vmx *vmx, u64 old, u64 cr0)
{
	bool long_mode = vmx->efer & EFER_LME;

	if (!(cr0 & X86_CR0_PG)) {
		if (slat_cr4(vmx) & X86_CR4_PCIDE ||
		    (vmx->efer & EFER_LMA && cs_is_64bit()))
			return -EINVAL;
		return 0;
	}
	if (long_mode) {
		if (!(old & X86_CR0_PG) &&
		    (!(slat_cr4(vmx) & X86_CR4_PAE) || cs_is_64bit()))
			return -EINVAL;
		return 0;
	}
	if (slat_cr4(vmx) & X86_CR4_PAE && (old ^ cr0) & CR0_PDPTE)
		return slat_cr_load_pdptes(vmx, slat_vmx_cr3(vmx));
	return 0;
}

int slat_cr_set_cr0(struct slat_vmx *vmx, u64 cr0)
{
	u64 old = slat_cr0(vmx);
	int err;

	cr0 |= X86_CR0_ET;
	if (!slat_cr_cr0_valid(cr0))
		return -EINVAL;
	cr0 &= CR0_VALID;
	err = cr0_check_paging(vmx, old, cr0);
	if (err)
		return err;
	if (vmx->efer & EFER_LME && (old ^ cr0) & X86_CR0_PG)
		long_mode_switch(vmx, cr0 & X86_CR0_PG);
	slat_cr_apply_cr0(vmx, cr0);
	return 0;
}

#define MSW_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

/* LMSW can set PE, not clear it. */
int slat_cr_load_msw(struct slat_vmx *vmx, u16 msw)
{
	u64 cr0 = slat_cr0(vmx) & ~(u64)(MSW_BITS & ~X86_CR0_PE);

	return slat_cr_set_cr0(vmx, cr0 | (msw & MSW_BITS));
}

int slat_cr_set_cr4(struct slat_vmx *vmx, u64 cr4)
{
	u64 old = slat_cr4(vmx);
	u64 cr3 = slat_vmx_cr3(vmx);

	if (!slat_cr_cr4_valid(vmx, cr4))
		return -EINVAL;
	if (vmx->efer & EFER_LMA) {
		if (!(cr4 & X86_CR4_PAE))
			return -EINVAL;
	} else if (slat_cr0(vmx) & X86_CR0_PG && cr4 & X86_CR4_PAE &&
		   (old ^ cr4) & CR4_PDPTE && slat_cr_load_pdptes(vmx, cr3)) {
		return -EINVAL;
	}
	if (cr4 & ~old & X86_CR4_PCIDE &&
	    (!(vmx->efer & EFER_LMA) || cr3 & X86_CR3_PCID_MASK))
		return -EINVAL;
	slat_cr_apply_cr4(vmx, cr4);
	return 0;
}

int slat_cr_set_efer(struct slat_vmx *vmx, u64 efer, bool host)
{
	if (efer & ~vmx->guest.efer_valid)
		return -EINVAL;
	if (!host) {
		if ((efer ^ vmx->efer) & EFER_LME && slat_cr0(vmx) & X86_CR0_PG)
			return -EINVAL;
		/* Writes leave LMA as it is. */
		efer = (efer & ~(u64)EFER_LMA) | (vmx->efer & EFER_LMA);
	}
	slat_tlb_efer_changes(vmx, vmx->efer, efer);
	slat_cr_apply_efer(vmx, efer);
	return 0;
}

int slat_vmx_set_xcr0(struct slat_vmx *vmx, u64 xcr0, struct slat_reject *why)
{
	u64 avx512 = xcr0 & XFEATURE_MASK_AVX512;
	u64 valid = vmx->guest.xcr0_valid | XFEATURE_MASK_FP;

	/* The value after RESET is taken even where the CPUID has no XSAVE. */
	if (!(xcr0 & XFEATURE_MASK_FP) || xcr0 & ~valid)
		return slat_reject(why, -EINVAL, SLAT_CHECK_XCR0, xcr0, valid);
	if (xcr0 & XFEATURE_MASK_YMM && !(xcr0 & XFEATURE_MASK_SSE))
		return slat_reject(why, -EINVAL, SLAT_CHECK_XCR0_STATES, xcr0, 0);
	if (avx512 && (avx512 != XFEATURE_MASK_AVX512 ||
		       !(xcr0 & XFEATURE_MASK_YMM)))
		return slat_reject(why, -EINVAL, SLAT_CHECK_XCR0_STATES, xcr0, 0);
	vmx->xcr0 = xcr0;
	return 0;
}

#define APIC_MODE	(MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)

/* The local APIC is user space's, which sees the value at the next exit. */
int slat_cr_set_apic_base(struct slat_vmx *vmx, u64 base, bool host,
			  struct slat_reject *why)
{
	u64 reserved = GENMASK_ULL(63, vmx->guest.maxphyaddr) | 0x2ff;
	u64 old = vmx->apic_base & APIC_MODE, mode = base & APIC_MODE;

	if (!slat_vmx_has(vmx, SLAT_CPU_X2APIC))
		reserved |= X2APIC_ENABLE;
	if (base & reserved)
		return slat_reject(why, -EINVAL, SLAT_CHECK_APIC_BASE, base, reserved);
	if (mode == X2APIC_ENABLE)
		return slat_reject(why, -EINVAL, SLAT_CHECK_APIC_MODE, base,
				   MSR_IA32_APICBASE_ENABLE);
	/* From off to x2APIC, and back from it, there is a step between. */
	if (!host && ((old == APIC_MODE && mode == MSR_IA32_APICBASE_ENABLE) ||
		      (!old && mode == APIC_MODE)))
		return -EINVAL;
	vmx->apic_base = base;
	return 0;
}
