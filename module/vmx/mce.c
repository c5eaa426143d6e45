// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's machine-check banks: MSRs that are kept for the guest, and errors
 * that user space puts into them.  No error of the host's gets here.  Called by
 * the MSR table and by the vCPU's calls.  Context: process, loaded.
 */
#include <linux/errno.h>
#include <linux/nospec.h>

#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "vcpu.h"

/* One bank's MSRs. */
enum {
	BANK_CTL,
	BANK_STATUS,
	BANK_ADDR,
	BANK_MISC,
	BANK_MSRS,
};

/* Bits of MCG_CAP that are the client's to choose; bits 23:16 are a count. */
#define CAP_FREE	(MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK)

u64 slat_vmx_mce_cap(void)
{
	return MCG_CTL_P | MCG_SER_P;
}

static unsigned int bank_count(const struct slat_vmx *vmx)
{
	return vmx->msr[SLAT_MSR_MCG_CAP] & MCG_BANKCNT_MASK;
}

/* IA32_MCG_CTL exists only where MCG_CAP says so; user space may see its 0. */
static bool ctl_exists(const struct slat_vmx *vmx)
{
	return vmx->msr[SLAT_MSR_MCG_CAP] & MCG_CTL_P;
}

/* Return: the slot of a bank's MSR, or NULL: there is no such bank. */
static u64 *bank_msr(struct slat_vmx *vmx, u32 index)
{
	u32 offset = index - MSR_IA32_MC0_CTL, end = bank_count(vmx) * BANK_MSRS;

	if (offset >= end)
		return NULL;
	return &vmx->msr[SLAT_MSR_MCE_BANKS + array_index_nospec(offset, end)];
}

int slat_mce_get(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	const u64 *bank;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*data = vmx->msr[SLAT_MSR_MCG_CAP];
		return 0;
	case MSR_IA32_MCG_STATUS:
		*data = vmx->msr[SLAT_MSR_MCG_STATUS];
		return 0;
	case MSR_IA32_MCG_CTL:
		*data = vmx->msr[SLAT_MSR_MCG_CTL];
		return host || ctl_exists(vmx) ? 0 : -EINVAL;
	case MSR_IA32_MC0_CTL2 ... MSR_IA32_MC0_CTL2 + SLAT_MCE_BANKS - 1:
		/* No corrected-error interrupt: they stay 0 in user space's list. */
		*data = 0;
		return host && index - MSR_IA32_MC0_CTL2 < bank_count(vmx) ? 0 : -EINVAL;
	}
	bank = bank_msr(vmx, index);
	if (!bank)
		return -EINVAL;
	*data = *bank;
	return 0;
}

static int set_ctl(struct slat_vmx *vmx, u64 data, bool host)
{
	if (!ctl_exists(vmx) && (data || !host))
		return -EINVAL;
	if (data && data != ~0ULL)
		return -EINVAL;
	vmx->msr[SLAT_MSR_MCG_CTL] = data;
	return 0;
}

static int set_bank(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	u64 *bank = bank_msr(vmx, index);

	if (!bank)
		return -EINVAL;
	switch ((index - MSR_IA32_MC0_CTL) % BANK_MSRS) {
	case BANK_CTL:
		/* All or nothing; some systems clear bit 10, others bit 0. */
		if (data && (data | BIT_ULL(10) | BIT_ULL(0)) != ~0ULL)
			return -EINVAL;
		break;
	case BANK_STATUS:
		/* Software may only clear it. */
		if (data && !host)
			return -EINVAL;
		break;
	}
	*bank = data;
	return 0;
}

int slat_mce_set(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	switch (index) {
	case MSR_IA32_MCG_STATUS:
		vmx->msr[SLAT_MSR_MCG_STATUS] = data;
		return 0;
	case MSR_IA32_MCG_CTL:
		return set_ctl(vmx, data, host);
	case MSR_IA32_MC0_CTL2 ... MSR_IA32_MC0_CTL2 + SLAT_MCE_BANKS - 1:
		if (data || !host || index - MSR_IA32_MC0_CTL2 >= bank_count(vmx))
			return -EINVAL;
		return 0;
	}
	return set_bank(vmx, index, data, host);
}

int slat_vmx_setup_mce(struct slat_vmx *vmx, u64 cap, struct slat_reject *why)
{
	unsigned int banks = cap & MCG_BANKCNT_MASK, i;

	if (!banks || banks > SLAT_MCE_BANKS)
		return slat_reject(why, -EINVAL, SLAT_CHECK_MCE_BANKS, banks, SLAT_MCE_BANKS);
	if (cap & ~(slat_vmx_mce_cap() | CAP_FREE))
		return slat_reject(why, -EINVAL, SLAT_CHECK_MCE_CAP, cap,
				   slat_vmx_mce_cap() | CAP_FREE);
	vmx->msr[SLAT_MSR_MCG_CAP] = cap;
	if (cap & MCG_CTL_P)
		vmx->msr[SLAT_MSR_MCG_CTL] = ~0ULL;
	for (i = 0; i < banks; i++)
		vmx->msr[SLAT_MSR_MCE_BANKS + i * BANK_MSRS + BANK_CTL] = ~0ULL;
	return 0;
}

static void bank_fill(struct slat_vmx *vmx, u64 *bank, const struct kvm_x86_mce *mce)
{
	bool overflow = bank[BANK_STATUS] & MCI_STATUS_VAL;

	bank[BANK_STATUS] = mce->status | (overflow ? MCI_STATUS_OVER : 0);
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
}

/* Uncorrected, but no action is needed: logged without #MC. */
static bool is_ucna(const struct kvm_x86_mce *mce)
{
	return !mce->mcg_status && mce->status & MCI_STATUS_UC &&
	       !(mce->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

static void uncorrected(struct slat_vmx *vmx, u64 *bank, const struct kvm_x86_mce *mce)
{
	if ((ctl_exists(vmx) && vmx->msr[SLAT_MSR_MCG_CTL] != ~0ULL) ||
	    bank[BANK_CTL] != ~0ULL)
		return;
	/* A second one during the first, or nobody to take it: shutdown. */
	if (vmx->msr[SLAT_MSR_MCG_STATUS] & MCG_STATUS_MCIP ||
	    !(slat_cr4(vmx) & X86_CR4_MCE)) {
		vmx->ev.triple_fault = true;
		return;
	}
	bank_fill(vmx, bank, mce);
	vmx->msr[SLAT_MSR_MCG_STATUS] = mce->mcg_status;
	slat_vmx_inject_exception(vmx, X86_TRAP_MC, false, 0, 0);
}

int slat_vmx_set_mce(struct slat_vmx *vmx, const struct kvm_x86_mce *mce,
		     struct slat_reject *why)
{
	u64 *bank = bank_msr(vmx, MSR_IA32_MC0_CTL + mce->bank * BANK_MSRS);

	if (!bank)
		return slat_reject(why, -EINVAL, SLAT_CHECK_MCE_BANK, mce->bank,
				   bank_count(vmx) - 1);
	if (!(mce->status & MCI_STATUS_VAL))
		return slat_reject(why, -EINVAL, SLAT_CHECK_MCE_STATUS, mce->status,
				   MCI_STATUS_VAL);
	if (is_ucna(mce)) {
		bank[BANK_STATUS] = mce->status;
		bank[BANK_ADDR] = mce->addr;
		bank[BANK_MISC] = mce->misc;
		vmx->msr[SLAT_MSR_MCG_STATUS] = mce->mcg_status;
	} else if (mce->status & MCI_STATUS_UC) {
		uncorrected(vmx, bank, mce);
	} else if (bank[BANK_STATUS] & MCI_STATUS_VAL &&
		   bank[BANK_STATUS] & MCI_STATUS_UC) {
		/* A corrected error does not displace an uncorrected one. */
		bank[BANK_STATUS] |= MCI_STATUS_OVER;
	} else {
		bank_fill(vmx, bank, mce);
	}
	return 0;
}
