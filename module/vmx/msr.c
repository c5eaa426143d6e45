// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's MSRs.  One sorted table says for each what it is: a stored value
 * with the bits that may be set, or a pair of functions; who may read and write
 * it; and whether a CPUID feature brings it (features.c knows which).  User space
 * (host = true) may restore what a guest may only read, whatever the order in
 * which it sets CPUID and MSRs.  An MSR that is not in the table does not exist:
 * #GP, or -EINVAL.
 *
 * Without exits: FS, GS and KERNEL_GS base and SYSENTER (switched by the VMCS
 * or switch.c), reads of the TSC (offset by hardware), writes of the command
 * MSRs if the CPUID offers them, and SPEC_CTRL from the first value on.
 *
 * Context: process, loaded.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>

#include "vcpu.h"

#define MSR_LIST	BIT(0)	/* in KVM_GET_MSR_INDEX_LIST */
#define MSR_HOST_WRITE	BIT(1)	/* the guest's WRMSR gets #GP */
#define MSR_HOST_READ	BIT(2)	/* the guest's RDMSR gets #GP */
#define MSR_IGNORE	BIT(3)	/* the guest's WRMSR does nothing */
#define MSR_ZERO	BIT(4)	/* absent; user space may restore its 0 */
#define MSR_CANONICAL	BIT(5)	/* must be a canonical address */
#define MSR_CONST	BIT(6)	/* always reads as its valid bits */
#define MSR_READONLY	BIT(7)	/* not even user space writes it */
#define MSR_CPUID	BIT(8)	/* comes with a feature: slat_features_msr() */
#define MSR_HOST_ONLY	(MSR_HOST_READ | MSR_HOST_WRITE)

#define NO_SLOT		(-1)

struct msr_desc {
	u32 first;
	u32 last;
	int slot;
	u16 flags;
	u64 valid;
	int (*get)(struct slat_vmx *vmx, u32 index, u64 *data, bool host);
	int (*set)(struct slat_vmx *vmx, u32 index, u64 data, bool host);
};

static int get_apic_base(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = vmx->apic_base;
	return 0;
}

static int set_apic_base(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	return slat_cr_set_apic_base(vmx, data, host, NULL);
}

static int get_spec_ctrl(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = vmx->frame.spec_ctrl;
	return 0;
}

static int set_spec_ctrl(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (data & ~vmx->guest.spec_ctrl_valid)
		return -EINVAL;
	vmx->frame.spec_ctrl = data;
	if (data && !vmx->spec_ctrl_open) {
		vmx->spec_ctrl_open = true;
		slat_msr_update_bitmap(vmx);
	}
	return 0;
}

/* Write-only commands that reach here: the guest's CPUID lacks them. */
static int get_none(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	return -EINVAL;
}

static int set_none(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	return host && !data ? 0 : -EINVAL;
}

static int set_misc_enable(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	u64 old = vmx->msr[SLAT_MSR_MISC_ENABLE];

	if (!host) {
		if ((old ^ data) & (MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
				    MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL))
			return -EINVAL;
		/* Read-only, but does not fault. */
		data &= ~(u64)MSR_IA32_MISC_ENABLE_EMON;
		data |= old & MSR_IA32_MISC_ENABLE_EMON;
	}
	vmx->msr[SLAT_MSR_MISC_ENABLE] = data;
	return 0;
}

static bool memtype_valid(u8 type)
{
	return type == MTRR_TYPE_UNCACHABLE || type == MTRR_TYPE_WRCOMB ||
	       (type >= MTRR_TYPE_WRTHROUGH && type <= MTRR_TYPE_WRBACK);
}

static int set_mtrr_var(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	bool is_mask = index & 1;
	u64 reserved = GENMASK_ULL(63, vmx->guest.maxphyaddr) |
		       (is_mask ? 0x7ff : 0xf00);

	if (data & reserved || (!is_mask && !memtype_valid(data)))
		return -EINVAL;
	vmx->msr[SLAT_MSR_MTRR_VAR + index - 0x200] = data;
	return 0;
}

static bool memtypes_valid(u64 data, bool pat)
{
	int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = data >> i;

		if (!memtype_valid(type) && !(pat && type == 7))
			return false;
	}
	return true;
}

static unsigned int mtrr_fix_slot(u32 index)
{
	if (index == MSR_MTRRfix64K_00000)
		return SLAT_MSR_MTRR_FIX;
	if (index <= MSR_MTRRfix16K_A0000)
		return SLAT_MSR_MTRR_FIX + 1 + index - MSR_MTRRfix16K_80000;
	return SLAT_MSR_MTRR_FIX + 3 + index - MSR_MTRRfix4K_C0000;
}

static int get_mtrr_fix(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = vmx->msr[mtrr_fix_slot(index)];
	return 0;
}

static int set_mtrr_fix(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (!memtypes_valid(data, false))
		return -EINVAL;
	vmx->msr[mtrr_fix_slot(index)] = data;
	return 0;
}

static int set_mtrr_def(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (data & ~0xcffULL || !memtype_valid(data))
		return -EINVAL;
	vmx->msr[SLAT_MSR_MTRR_DEF] = data;
	return 0;
}

static int get_pat(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = vmx->pat;
	return 0;
}

static int set_pat(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (!memtypes_valid(data, true))
		return -EINVAL;
	vmx->pat = data;
	slat_vmcs_write(GUEST_IA32_PAT, data);
	return 0;
}

static unsigned int sysenter_field(u32 index)
{
	if (index == MSR_IA32_SYSENTER_CS)
		return GUEST_SYSENTER_CS;
	return index == MSR_IA32_SYSENTER_ESP ? GUEST_SYSENTER_ESP :
						GUEST_SYSENTER_EIP;
}

static int get_sysenter(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = slat_vmcs_read(sysenter_field(index));
	return 0;
}

static int set_sysenter(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	slat_vmcs_write(sysenter_field(index),
			index == MSR_IA32_SYSENTER_CS ? (u32)data : data);
	return 0;
}

static int get_debugctl(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = vmx->debugctl;
	return 0;
}

/*
 * No BTS or counters to control: only single-stepping on branches. Systems set
 * LBR without asking whether there are such records, and read it back as 0.
 */
static int set_debugctl(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (data & ~(u64)(DEBUGCTLMSR_BTF | DEBUGCTLMSR_LBR))
		return -EINVAL;
	vmx->debugctl = data & DEBUGCTLMSR_BTF;
	return 0;
}

static int set_feat_ctl(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (data & ~(u64)FEAT_CTL_LOCKED)
		return -EINVAL;
	if (!host && vmx->msr[SLAT_MSR_FEAT_CTL] & FEAT_CTL_LOCKED)
		return -EINVAL;
	vmx->msr[SLAT_MSR_FEAT_CTL] = data;
	return 0;
}

static int set_arch_caps(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (data & ~slat_arch_caps(vmx->caps))
		return -EINVAL;
	vmx->msr[SLAT_MSR_ARCH_CAPS] = data;
	return 0;
}

static int set_xss(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	if (data & ~vmx->guest.xss_valid)
		return -EINVAL;
	vmx->msr[SLAT_MSR_XSS] = data;
	return 0;
}

/* Switches that a guest of an AMD model sets, and that have no effect. */
#define HWCR_IGNORED	(BIT(3) | BIT(6) | BIT(8))
#define HWCR_KEPT	(BIT(18) | BIT(24))

/* Of AMD's, and kept for guests that write it whatever they run on, as in KVM. */
static int set_hwcr(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	data &= ~(u64)HWCR_IGNORED;
	if (data & ~(u64)HWCR_KEPT)
		return -EINVAL;
	vmx->msr[SLAT_MSR_HWCR] = data;
	return 0;
}

static int get_efer(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = vmx->efer;
	return 0;
}

static int set_efer(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	return slat_cr_set_efer(vmx, data, host);
}

static int set_syscall(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	static const u8 slots[] = {
		SLAT_MSR_STAR, SLAT_MSR_LSTAR, SLAT_MSR_CSTAR, SLAT_MSR_FMASK,
	};

	/* As wide as EFLAGS: the processor refuses the rest, to the host as well. */
	if (index == MSR_SYSCALL_MASK && data >> 32)
		return -EINVAL;
	slat_switch_set_msr(vmx, slots[index - MSR_STAR], data);
	return 0;
}

static int get_syscall(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	static const u8 slots[] = {
		SLAT_MSR_STAR, SLAT_MSR_LSTAR, SLAT_MSR_CSTAR, SLAT_MSR_FMASK,
	};

	*data = vmx->msr[slots[index - MSR_STAR]];
	return 0;
}

static int set_tsc_aux(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	slat_switch_set_msr(vmx, SLAT_MSR_TSC_AUX, data);
	return 0;
}

static int get_seg_base(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = slat_vmcs_read(index == MSR_FS_BASE ? GUEST_FS_BASE :
						      GUEST_GS_BASE);
	return 0;
}

static int set_seg_base(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	slat_vmcs_write(index == MSR_FS_BASE ? GUEST_FS_BASE : GUEST_GS_BASE,
			data);
	return 0;
}

static int get_kernel_gs(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = slat_switch_get_kernel_gs(vmx);
	return 0;
}

static int set_kernel_gs(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	slat_switch_set_kernel_gs(vmx, data);
	return 0;
}

#define STORED(msr, slot, flags, valid) \
	{ msr, msr, slot, flags, valid, NULL, NULL }
#define CHECKED(msr, slot, flags, set) \
	{ msr, msr, slot, flags, ~0ULL, NULL, set }
#define CALLED(first, last, flags, get, set) \
	{ first, last, NO_SLOT, flags, ~0ULL, get, set }
#define ABSENT(first, last) \
	{ first, last, NO_SLOT, MSR_ZERO, 0, NULL, NULL }

/* MSRs of a model that guests read without asking CPUID, with KVM's values. */
#define CONSTANT(msr, value) \
	{ msr, msr, NO_SLOT, MSR_CONST | MSR_READONLY, value, NULL, NULL }

/* TSC ticks per bus clock in bits 44:40, as KVM says it. */
#define PERF_STATUS		(1000 | 4ULL << 40)

/* Paravirtual, and not offered; clients set each to 0 on reset. */
#define MSR_KVM_OLD_FIRST	0x11
#define MSR_KVM_OLD_LAST	0x12
#define MSR_KVM_PV_FIRST	0x4b564d00
#define MSR_KVM_PV_LAST		0x4b564d08

/* Sorted by number, ranges do not overlap: msr_find() halves it. */
static const struct msr_desc msr_table[] = {
	CONSTANT(MSR_IA32_P5_MC_ADDR, 0),
	CONSTANT(MSR_IA32_P5_MC_TYPE, 0),
	CALLED(MSR_IA32_TSC, MSR_IA32_TSC, MSR_LIST, slat_tsc_get,
	       slat_tsc_set),
	ABSENT(MSR_KVM_OLD_FIRST, MSR_KVM_OLD_LAST),
	STORED(MSR_IA32_PLATFORM_ID, SLAT_MSR_PLATFORM_ID, MSR_HOST_WRITE, ~0ULL),
	CALLED(MSR_IA32_APICBASE, MSR_IA32_APICBASE, 0, get_apic_base, set_apic_base),
	CONSTANT(MSR_IA32_EBL_CR_POWERON, 0),
	CONSTANT(MSR_EBC_FREQUENCY_ID, BIT(24)),
	STORED(MSR_SMI_COUNT, SLAT_MSR_SMI_COUNT, MSR_LIST | MSR_HOST_WRITE, ~0ULL),
	CHECKED(MSR_IA32_FEAT_CTL, SLAT_MSR_FEAT_CTL, MSR_LIST, set_feat_ctl),
	CHECKED(MSR_IA32_TSC_ADJUST, SLAT_MSR_TSC_ADJUST, MSR_LIST | MSR_CPUID,
		slat_tsc_set_adjust),
	CALLED(MSR_IA32_SPEC_CTRL, MSR_IA32_SPEC_CTRL, MSR_LIST | MSR_CPUID, get_spec_ctrl,
	       set_spec_ctrl),
	CALLED(MSR_IA32_PRED_CMD, MSR_IA32_PRED_CMD, 0, get_none, set_none),
	STORED(MSR_IA32_UCODE_REV, SLAT_MSR_UCODE_REV, MSR_LIST | MSR_IGNORE, ~0ULL),
	STORED(MSR_IA32_SMBASE, SLAT_MSR_SMBASE, MSR_HOST_ONLY, ~0ULL),
	CONSTANT(MSR_FSB_FREQ, 3),
	STORED(MSR_PLATFORM_INFO, SLAT_MSR_PLATFORM_INFO, MSR_LIST | MSR_HOST_WRITE, 0),
	/* 8 variable ranges, fixed ranges, write combining. */
	CONSTANT(MSR_MTRRcap, 8 | BIT(8) | BIT(10)),
	CHECKED(MSR_IA32_ARCH_CAPABILITIES, SLAT_MSR_ARCH_CAPS,
		MSR_LIST | MSR_HOST_WRITE | MSR_CPUID, set_arch_caps),
	CALLED(MSR_IA32_FLUSH_CMD, MSR_IA32_FLUSH_CMD, 0, get_none, set_none),
	CONSTANT(MSR_IA32_BBL_CR_CTL3, 0xbe702111),
	STORED(MSR_MISC_FEATURES_ENABLES, SLAT_MSR_MISC_FEATURES, MSR_LIST, 0),
	CALLED(MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_CS, MSR_LIST, get_sysenter,
	       set_sysenter),
	CALLED(MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP, MSR_LIST | MSR_CANONICAL,
	       get_sysenter, set_sysenter),
	CALLED(MSR_IA32_MCG_CAP, MSR_IA32_MCG_CAP, MSR_READONLY, slat_mce_get,
	       slat_mce_set),
	CALLED(MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL, MSR_LIST, slat_mce_get,
	       slat_mce_set),
	CONSTANT(MSR_IA32_PERF_STATUS, PERF_STATUS),
	CONSTANT(MSR_IA32_PERF_CTL, 0),
	CHECKED(MSR_IA32_MISC_ENABLE, SLAT_MSR_MISC_ENABLE, MSR_LIST, set_misc_enable),
	CALLED(MSR_IA32_DEBUGCTLMSR, MSR_IA32_DEBUGCTLMSR, 0, get_debugctl,
	       set_debugctl),
	CONSTANT(MSR_IA32_LASTBRANCHFROMIP, 0),
	CONSTANT(MSR_IA32_LASTBRANCHTOIP, 0),
	CONSTANT(MSR_IA32_LASTINTFROMIP, 0),
	CONSTANT(MSR_IA32_LASTINTTOIP, 0),
	STORED(MSR_IA32_POWER_CTL, SLAT_MSR_POWER_CTL, MSR_LIST, ~0ULL),
	{ 0x200, 0x20f, SLAT_MSR_MTRR_VAR, 0, ~0ULL, NULL, set_mtrr_var },
	CALLED(MSR_MTRRfix64K_00000, MSR_MTRRfix64K_00000, 0, get_mtrr_fix,
	       set_mtrr_fix),
	CALLED(MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000, 0, get_mtrr_fix,
	       set_mtrr_fix),
	CALLED(MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_F8000, 0, get_mtrr_fix,
	       set_mtrr_fix),
	CALLED(MSR_IA32_CR_PAT, MSR_IA32_CR_PAT, MSR_LIST, get_pat, set_pat),
	CALLED(MSR_IA32_MC0_CTL2, MSR_IA32_MC0_CTL2 + SLAT_MCE_BANKS - 1, 0,
	       slat_mce_get, slat_mce_set),
	CHECKED(MSR_MTRRdefType, SLAT_MSR_MTRR_DEF, 0, set_mtrr_def),
	CALLED(MSR_IA32_MC0_CTL, MSR_IA32_MC0_CTL + 4 * SLAT_MCE_BANKS - 1, 0,
	       slat_mce_get, slat_mce_set),
	CONSTANT(MSR_RAPL_POWER_UNIT, 0),
	CONSTANT(MSR_PKG_ENERGY_STATUS, 0),
	CONSTANT(MSR_DRAM_ENERGY_STATUS, 0),
	CONSTANT(MSR_PP0_ENERGY_STATUS, 0),
	CONSTANT(MSR_PP1_ENERGY_STATUS, 0),
	STORED(MSR_IA32_TSC_DEADLINE, SLAT_MSR_TSC_DEADLINE, MSR_HOST_ONLY, ~0ULL),
	CHECKED(MSR_IA32_XSS, SLAT_MSR_XSS, MSR_LIST | MSR_CPUID, set_xss),
	ABSENT(MSR_KVM_PV_FIRST, MSR_KVM_PV_LAST),
	CALLED(MSR_EFER, MSR_EFER, 0, get_efer, set_efer),
	CALLED(MSR_STAR, MSR_STAR, MSR_LIST, get_syscall, set_syscall),
	CALLED(MSR_LSTAR, MSR_CSTAR, MSR_LIST | MSR_CANONICAL, get_syscall, set_syscall),
	CALLED(MSR_SYSCALL_MASK, MSR_SYSCALL_MASK, MSR_LIST, get_syscall, set_syscall),
	CALLED(MSR_FS_BASE, MSR_GS_BASE, MSR_CANONICAL, get_seg_base, set_seg_base),
	CALLED(MSR_KERNEL_GS_BASE, MSR_KERNEL_GS_BASE, MSR_LIST | MSR_CANONICAL,
	       get_kernel_gs, set_kernel_gs),
	{ MSR_TSC_AUX, MSR_TSC_AUX, SLAT_MSR_TSC_AUX, MSR_LIST | MSR_CPUID, U32_MAX, NULL,
	  set_tsc_aux },
	CHECKED(MSR_K7_HWCR, SLAT_MSR_HWCR, 0, set_hwcr),
	ABSENT(MSR_VM_HSAVE_PA, MSR_VM_HSAVE_PA),
	ABSENT(MSR_AMD64_VIRT_SPEC_CTRL, MSR_AMD64_VIRT_SPEC_CTRL),
};

static const struct msr_desc *msr_find(u32 index)
{
	unsigned int low = 0, high = ARRAY_SIZE(msr_table);

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (index < msr_table[mid].first)
			high = mid;
		else if (index > msr_table[mid].last)
			low = mid + 1;
		else
			return &msr_table[mid];
	}
	return NULL;
}

static bool msr_exists(const struct slat_guest_cpu *cpu, const struct msr_desc *desc)
{
	return !(desc->flags & MSR_CPUID) || slat_features_msr(cpu, desc->first);
}

static bool msr_visible(const struct slat_vmx *vmx,
			const struct msr_desc *desc, bool host)
{
	return host || msr_exists(&vmx->guest, desc);
}

int slat_vmx_get_msr(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	const struct msr_desc *desc = msr_find(index);

	if (!desc || !msr_visible(vmx, desc, host))
		return -EINVAL;
	if (!host && desc->flags & (MSR_HOST_READ | MSR_ZERO))
		return -EINVAL;
	if (desc->flags & MSR_CONST) {
		*data = desc->valid;
		return 0;
	}
	if (desc->get)
		return desc->get(vmx, index, data, host);
	*data = desc->flags & MSR_ZERO ? 0 :
		vmx->msr[desc->slot + index - desc->first];
	return 0;
}

static bool is_canonical(u64 address)
{
	return (u64)((s64)(address << 16) >> 16) == address;
}

int slat_vmx_set_msr(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	const struct msr_desc *desc = msr_find(index);

	if (!desc || !msr_visible(vmx, desc, host))
		return -EINVAL;
	if (desc->flags & MSR_READONLY)
		return -EINVAL;
	if (!host && desc->flags & MSR_IGNORE)
		return 0;
	if (!host && desc->flags & (MSR_HOST_WRITE | MSR_ZERO))
		return -EINVAL;
	if (data & ~desc->valid)
		return -EINVAL;
	if (desc->flags & MSR_CANONICAL && !is_canonical(data))
		return -EINVAL;
	if (desc->set)
		return desc->set(vmx, index, data, host);
	if (!(desc->flags & MSR_ZERO))
		vmx->msr[desc->slot + index - desc->first] = data;
	return 0;
}

/* Is the MSR one that some guest of this host could have? */
static bool msr_listed(const struct msr_desc *desc)
{
	return desc->flags & MSR_LIST && msr_exists(&slat_caps_get()->pub.cpu, desc);
}

unsigned int slat_vmx_msr_list(u32 *out, unsigned int max)
{
	unsigned int i, n = 0;
	u32 index;

	for (i = 0; i < ARRAY_SIZE(msr_table); i++) {
		if (!msr_listed(&msr_table[i]))
			continue;
		for (index = msr_table[i].first; index <= msr_table[i].last;
		     index++, n++)
			if (n < max)
				out[n] = index;
	}
	return n;
}

static const u32 feature_msrs[] = {
	MSR_IA32_UCODE_REV,
	MSR_IA32_ARCH_CAPABILITIES,
};

unsigned int slat_vmx_feature_msr_list(u32 *out, unsigned int max)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(feature_msrs) && i < max; i++)
		out[i] = feature_msrs[i];
	return ARRAY_SIZE(feature_msrs);
}

int slat_vmx_get_feature_msr(u32 index, u64 *data)
{
	switch (index) {
	case MSR_IA32_UCODE_REV:
		/* The host's, for a guest that shall have its processor. */
		if (rdmsrl_safe(MSR_IA32_UCODE_REV, data))
			*data = 0;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		*data = slat_arch_caps(slat_caps_get());
		return 0;
	}
	return -EINVAL;
}

#define BITMAP_BYTES_HIGH	0x400	/* MSRs from 0xc0000000 */
#define BITMAP_BYTES_WRITE	0x800	/* second half: writes */

static void bitmap_open(struct slat_vmx *vmx, u32 index, bool read, bool write)
{
	unsigned long *base = vmx->msr_bitmap;
	unsigned long bit = index & 0x1fff;

	if (index >= 0xc0000000)
		bit += BITMAP_BYTES_HIGH * 8;
	if (read)
		__clear_bit(bit, base);
	if (write)
		__clear_bit(bit + BITMAP_BYTES_WRITE * 8, base);
}

/* Which MSRs do not exit, after a change of the guest's CPUID. */
void slat_msr_update_bitmap(struct slat_vmx *vmx)
{
	memset(vmx->msr_bitmap, 0xff, PAGE_SIZE);
	bitmap_open(vmx, MSR_IA32_TSC, true, false);
	bitmap_open(vmx, MSR_IA32_SYSENTER_CS, true, true);
	bitmap_open(vmx, MSR_IA32_SYSENTER_ESP, true, true);
	bitmap_open(vmx, MSR_IA32_SYSENTER_EIP, true, true);
	bitmap_open(vmx, MSR_FS_BASE, true, true);
	bitmap_open(vmx, MSR_GS_BASE, true, true);
	bitmap_open(vmx, MSR_KERNEL_GS_BASE, true, true);
	if (slat_features_msr(&vmx->guest, MSR_IA32_PRED_CMD))
		bitmap_open(vmx, MSR_IA32_PRED_CMD, false, true);
	if (slat_features_msr(&vmx->guest, MSR_IA32_FLUSH_CMD))
		bitmap_open(vmx, MSR_IA32_FLUSH_CMD, false, true);
	if (vmx->spec_ctrl_open && slat_features_msr(&vmx->guest, MSR_IA32_SPEC_CTRL))
		bitmap_open(vmx, MSR_IA32_SPEC_CTRL, true, true);
}

void slat_msr_init(struct slat_vmx *vmx)
{
	vmx->msr[SLAT_MSR_UCODE_REV] = BIT_ULL(32);
	vmx->msr[SLAT_MSR_MISC_ENABLE] = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL |
					 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
	vmx->msr[SLAT_MSR_MCG_CAP] = SLAT_MCE_BANKS;
	vmx->msr[SLAT_MSR_ARCH_CAPS] = slat_arch_caps(vmx->caps);
	slat_msr_update_bitmap(vmx);
}
