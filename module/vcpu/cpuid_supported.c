// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_SUPPORTED_CPUID: what a guest can be offered here. A feature is named
 * only if the host has it (as the host kernel left it), if its state is saved
 * for the guest, and if vmx carries out what it needs. Called by the device's
 * ioctl; takes no lock.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor.h>

#include "cpuid.h"

/* Last leaves that are described here. */
#define MAX_BASIC_LEAF		0x1f
#define MAX_EXT_LEAF		0x80000008

#define XSAVE_LEGACY_SIZE	512
#define XSAVE_HEADER_SIZE	64

struct cpuid_list {
	const struct slat_vmx_caps *caps;
	struct kvm_cpuid_entry2 *entries;
	u32 nr;
	u32 max;
};

static struct kvm_cpuid_entry2 *list_add_entry(struct cpuid_list *list, u32 function,
					       u32 index, u32 flags)
{
	struct kvm_cpuid_entry2 *e;

	if (list->nr >= list->max)
		return NULL;
	e = &list->entries[list->nr++];
	memset(e, 0, sizeof(*e));
	e->function = function;
	e->index = index;
	e->flags = flags;
	return e;
}

/* The host's answer as a new entry; NULL: no room. */
static struct kvm_cpuid_entry2 *list_add_host(struct cpuid_list *list, u32 function,
					      u32 index, u32 flags)
{
	struct kvm_cpuid_entry2 *e = list_add_entry(list, function, index, flags);

	if (e)
		cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

static struct kvm_cpuid_entry2 *list_add_zero(struct cpuid_list *list, u32 function)
{
	return list_add_entry(list, function, 0, 0);
}

u32 slat_xstate_size(u64 xcr0, bool compacted)
{
	u32 size = XSAVE_LEGACY_SIZE + XSAVE_HEADER_SIZE;
	u32 eax, ebx, ecx, edx, offset;
	unsigned int i;

	for (i = 2; i < 63; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		offset = ebx;
		if (compacted)
			/* ECX bit 1: the component begins at 64 bytes. */
			offset = ecx & BIT(1) ? ALIGN(size, 64) : size;
		size = compacted ? offset + eax : max(size, offset + eax);
	}
	return size;
}

/* Keep the bits of @word that are in @allowed and that the host kernel kept. */
static u32 feature_mask(u32 word, unsigned int capability_word, u32 allowed)
{
	return word & boot_cpu_data.x86_capability[capability_word] & allowed;
}

#define FEATURE_WORD(feature)	((feature) / 32)
#define F(feature)		BIT((feature) % 32)

#define HAS(list, feature, bit) \
	((list)->caps->cpu.features & (feature) ? (bit) : 0)

#define LEAF1_ECX							\
	(F(X86_FEATURE_XMM3) | F(X86_FEATURE_PCLMULQDQ) |		\
	 F(X86_FEATURE_SSSE3) | F(X86_FEATURE_FMA) |			\
	 F(X86_FEATURE_CX16) | F(X86_FEATURE_XMM4_1) |			\
	 F(X86_FEATURE_XMM4_2) | F(X86_FEATURE_MOVBE) |			\
	 F(X86_FEATURE_POPCNT) | F(X86_FEATURE_AES) |			\
	 F(X86_FEATURE_AVX) | F(X86_FEATURE_F16C) |			\
	 F(X86_FEATURE_RDRAND))

#define LEAF1_EDX							\
	(F(X86_FEATURE_FPU) | F(X86_FEATURE_VME) | F(X86_FEATURE_DE) |	\
	 F(X86_FEATURE_PSE) | F(X86_FEATURE_TSC) | F(X86_FEATURE_MSR) |	\
	 F(X86_FEATURE_PAE) | F(X86_FEATURE_CX8) |			\
	 F(X86_FEATURE_SEP) | F(X86_FEATURE_PGE) |			\
	 F(X86_FEATURE_CMOV) | F(X86_FEATURE_PAT) |			\
	 F(X86_FEATURE_PSE36) | F(X86_FEATURE_CLFLUSH) |		\
	 F(X86_FEATURE_MMX) | F(X86_FEATURE_FXSR) |			\
	 F(X86_FEATURE_XMM) | F(X86_FEATURE_XMM2) |			\
	 F(X86_FEATURE_SELFSNOOP))

static int add_leaf_1(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_host(list, 1, 0, 0);

	if (!e)
		return -E2BIG;
	/* APIC id, logical processors: the client's business. */
	e->ebx &= 0x0000ff00;
	e->ecx = feature_mask(e->ecx, FEATURE_WORD(X86_FEATURE_XMM3), LEAF1_ECX) |
		 HAS(list, SLAT_CPU_PCID, F(X86_FEATURE_PCID)) |
		 HAS(list, SLAT_CPU_XSAVE, F(X86_FEATURE_XSAVE)) |
		 F(X86_FEATURE_HYPERVISOR);
	/*
	 * The APIC is the client's to emulate; nothing here stands against it.
	 * MTRRs are kept for the guest, and all of its memory is write-back.
	 */
	e->edx = feature_mask(e->edx, FEATURE_WORD(X86_FEATURE_FPU), LEAF1_EDX) |
		 HAS(list, SLAT_CPU_MCE,
		     F(X86_FEATURE_MCE) | F(X86_FEATURE_MCA)) |
		 F(X86_FEATURE_APIC) | F(X86_FEATURE_MTRR);
	return 0;
}

static int add_leaf_4(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e;
	u32 i = 0;

	do {
		e = list_add_host(list, 4, i++, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
		if (!e)
			return -E2BIG;
	} while (e->eax & 0x1f);
	return 0;
}

#define LEAF7_EBX							\
	(F(X86_FEATURE_BMI1) | F(X86_FEATURE_HLE) |			\
	 F(X86_FEATURE_AVX2) | F(X86_FEATURE_FDP_EXCPTN_ONLY) |		\
	 F(X86_FEATURE_BMI2) | F(X86_FEATURE_ERMS) |			\
	 F(X86_FEATURE_RTM) | F(X86_FEATURE_ZERO_FCS_FDS) |		\
	 F(X86_FEATURE_AVX512F) | F(X86_FEATURE_AVX512DQ) |		\
	 F(X86_FEATURE_RDSEED) | F(X86_FEATURE_ADX) |			\
	 F(X86_FEATURE_AVX512IFMA) | F(X86_FEATURE_CLFLUSHOPT) |	\
	 F(X86_FEATURE_CLWB) | F(X86_FEATURE_AVX512PF) |		\
	 F(X86_FEATURE_AVX512ER) | F(X86_FEATURE_AVX512CD) |		\
	 F(X86_FEATURE_SHA_NI) | F(X86_FEATURE_AVX512BW) |		\
	 F(X86_FEATURE_AVX512VL))

#define LEAF7_ECX							\
	(F(X86_FEATURE_AVX512VBMI) | F(X86_FEATURE_AVX512_VBMI2) |	\
	 F(X86_FEATURE_GFNI) | F(X86_FEATURE_VAES) |			\
	 F(X86_FEATURE_VPCLMULQDQ) | F(X86_FEATURE_AVX512_VNNI) |	\
	 F(X86_FEATURE_AVX512_BITALG) |					\
	 F(X86_FEATURE_AVX512_VPOPCNTDQ) | F(X86_FEATURE_CLDEMOTE) |	\
	 F(X86_FEATURE_MOVDIRI) | F(X86_FEATURE_MOVDIR64B))

#define LEAF7_EDX							\
	(F(X86_FEATURE_AVX512_4VNNIW) | F(X86_FEATURE_AVX512_4FMAPS) |	\
	 F(X86_FEATURE_AVX512_VP2INTERSECT) | F(X86_FEATURE_MD_CLEAR) |	\
	 F(X86_FEATURE_FSRM) | F(X86_FEATURE_SERIALIZE) |		\
	 F(X86_FEATURE_TSXLDTRK) | F(X86_FEATURE_AVX512_FP16))

/* Features that a CR4 bit turns on: offered where vmx lets the bit be set. */
static u32 by_cr4(const struct cpuid_list *list, u64 cr4_bit, u32 feature)
{
	return list->caps->cpu.cr4_valid & cr4_bit ? feature : 0;
}

static u32 by_spec_ctrl(const struct cpuid_list *list, u64 msr_bit, u32 feature)
{
	return list->caps->cpu.spec_ctrl_valid & msr_bit ? feature : 0;
}

static void mask_leaf_7_0(const struct cpuid_list *list, struct kvm_cpuid_entry2 *e)
{
	/* IBRS and IBPB share a bit, so both must be there. */
	u32 spec_ctrl = HAS(list, SLAT_CPU_IBPB,
			    by_spec_ctrl(list, SPEC_CTRL_IBRS, F(X86_FEATURE_SPEC_CTRL)));

	e->ebx = feature_mask(e->ebx, FEATURE_WORD(X86_FEATURE_FSGSBASE), LEAF7_EBX) |
		 by_cr4(list, X86_CR4_FSGSBASE, F(X86_FEATURE_FSGSBASE)) |
		 by_cr4(list, X86_CR4_SMEP, F(X86_FEATURE_SMEP)) |
		 by_cr4(list, X86_CR4_SMAP, F(X86_FEATURE_SMAP)) |
		 HAS(list, SLAT_CPU_INVPCID, F(X86_FEATURE_INVPCID)) |
		 HAS(list, SLAT_CPU_TSC_ADJUST, F(X86_FEATURE_TSC_ADJUST));
	e->ecx = feature_mask(e->ecx, FEATURE_WORD(X86_FEATURE_PKU), LEAF7_ECX) |
		 by_cr4(list, X86_CR4_UMIP, F(X86_FEATURE_UMIP)) |
		 HAS(list, SLAT_CPU_PKU, F(X86_FEATURE_PKU)) |
		 HAS(list, SLAT_CPU_RDPID, F(X86_FEATURE_RDPID));
	e->edx = feature_mask(e->edx, FEATURE_WORD(X86_FEATURE_SPEC_CTRL), LEAF7_EDX) |
		 spec_ctrl |
		 by_spec_ctrl(list, SPEC_CTRL_STIBP, F(X86_FEATURE_INTEL_STIBP)) |
		 by_spec_ctrl(list, SPEC_CTRL_SSBD, F(X86_FEATURE_SPEC_CTRL_SSBD)) |
		 HAS(list, SLAT_CPU_FLUSH_L1D, F(X86_FEATURE_FLUSH_L1D)) |
		 HAS(list, SLAT_CPU_ARCH_CAPS, F(X86_FEATURE_ARCH_CAPABILITIES));
}

static int add_leaf_7(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e;
	u32 max;

	e = list_add_host(list, 7, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	max = min(e->eax, 1u);
	e->eax = max;
	mask_leaf_7_0(list, e);
	if (!max)
		return 0;
	e = list_add_host(list, 7, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	e->eax = feature_mask(e->eax, FEATURE_WORD(X86_FEATURE_AVX_VNNI),
			      F(X86_FEATURE_AVX_VNNI) | F(X86_FEATURE_AVX512_BF16));
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
	return 0;
}

static int add_leaf_d_components(struct cpuid_list *list)
{
	const struct slat_guest_cpu *cpu = &list->caps->cpu;
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	for (i = 2; i < 63; i++) {
		if (!((cpu->xcr0_valid | cpu->xss_valid) & BIT_ULL(i)))
			continue;
		e = list_add_host(list, 0xd, i, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
		if (!e)
			return -E2BIG;
		/* Bit 2 of ECX says XFD, which is not offered. */
		e->ecx &= BIT(0) | BIT(1);
		e->edx = 0;
	}
	return 0;
}

static int add_leaf_d(struct cpuid_list *list)
{
	const struct slat_guest_cpu *cpu = &list->caps->cpu;
	struct kvm_cpuid_entry2 *e;

	e = list_add_host(list, 0xd, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	e->eax &= cpu->xcr0_valid;
	e->edx &= cpu->xcr0_valid >> 32;
	e->ebx = cpu->xcr0_valid ? slat_xstate_size(cpu->xcr0_valid, false) : 0;
	e->ecx = e->ebx;
	if (!cpu->xcr0_valid)
		return 0;
	e = list_add_host(list, 0xd, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	e->eax = feature_mask(e->eax, FEATURE_WORD(X86_FEATURE_XSAVEOPT),
			      F(X86_FEATURE_XSAVEOPT) | F(X86_FEATURE_XSAVEC) |
			      F(X86_FEATURE_XGETBV1)) |
		 HAS(list, SLAT_CPU_XSAVES, F(X86_FEATURE_XSAVES));
	e->ebx = 0;
	if (e->eax & (F(X86_FEATURE_XSAVEC) | F(X86_FEATURE_XSAVES)))
		e->ebx = slat_xstate_size(cpu->xcr0_valid | cpu->xss_valid, true);
	e->ecx &= cpu->xss_valid;
	e->edx &= cpu->xss_valid >> 32;
	return add_leaf_d_components(list);
}

static int add_basic_leaf(struct cpuid_list *list, u32 function)
{
	struct kvm_cpuid_entry2 *e;

	switch (function) {
	case 1:
		return add_leaf_1(list);
	case 2:		/* cache descriptors */
		e = list_add_host(list, function, 0, 0);
		return e ? 0 : -E2BIG;
	case 4:
		return add_leaf_4(list);
	case 6:		/* thermal: only that the APIC timer always runs */
		e = list_add_zero(list, function);
		if (!e)
			return -E2BIG;
		e->eax = BIT(2);
		return 0;
	case 7:
		return add_leaf_7(list);
	case 0xd:
		return add_leaf_d(list);
	default:
		/* Absent here: MWAIT, perf, topology, SGX, PT, AMX and the rest. */
		return list_add_zero(list, function) ? 0 : -E2BIG;
	}
}

#define LEAF81_ECX \
	(F(X86_FEATURE_LAHF_LM) | F(X86_FEATURE_ABM) | F(X86_FEATURE_3DNOWPREFETCH))

static int add_leaf_81(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_host(list, 0x80000001, 0, 0);

	if (!e)
		return -E2BIG;
	e->ebx = 0;
	e->ecx = feature_mask(e->ecx, FEATURE_WORD(X86_FEATURE_LAHF_LM), LEAF81_ECX);
	e->edx = HAS(list, SLAT_CPU_SYSCALL, F(X86_FEATURE_SYSCALL)) |
		 HAS(list, SLAT_CPU_NX, F(X86_FEATURE_NX)) |
		 HAS(list, SLAT_CPU_GBPAGES, F(X86_FEATURE_GBPAGES)) |
		 HAS(list, SLAT_CPU_RDTSCP, F(X86_FEATURE_RDTSCP)) |
		 HAS(list, SLAT_CPU_LM, F(X86_FEATURE_LM));
	return 0;
}

static int add_leaf_88(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_entry(list, 0x80000008, 0, 0);

	if (!e)
		return -E2BIG;
	/* Four levels of EPT, and of guest paging: 48 bits of either address. */
	e->eax = list->caps->cpu.maxphyaddr | 48 << 8;
	return 0;
}

static int add_ext_leaf(struct cpuid_list *list, u32 function)
{
	struct kvm_cpuid_entry2 *e;

	switch (function) {
	case 0x80000001:
		return add_leaf_81(list);
	case 0x80000002 ... 0x80000004:		/* brand string */
	case 0x80000006:			/* L2 cache */
		return list_add_host(list, function, 0, 0) ? 0 : -E2BIG;
	case 0x80000007:
		e = list_add_zero(list, function);
		if (!e)
			return -E2BIG;
		/* Bit 8: invariant TSC, where the host has one. */
		e->edx = boot_cpu_data.x86_power & BIT(8);
		return 0;
	case 0x80000008:
		return add_leaf_88(list);
	default:
		return list_add_zero(list, function) ? 0 : -E2BIG;
	}
}

static int add_basic_leaves(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_host(list, 0, 0, 0);
	u32 function, max;
	int err = 0;

	if (!e)
		return -E2BIG;
	max = min_t(u32, e->eax, MAX_BASIC_LEAF);
	e->eax = max;
	for (function = 1; function <= max && !err; function++)
		err = add_basic_leaf(list, function);
	return err;
}

static int add_ext_leaves(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_host(list, 0x80000000, 0, 0);
	u32 function, max;
	int err = 0;

	if (!e)
		return -E2BIG;
	max = min_t(u32, e->eax, MAX_EXT_LEAF);
	e->eax = max;
	for (function = 0x80000001; function <= max && !err; function++)
		err = add_ext_leaf(list, function);
	return err;
}

static int add_signature(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_zero(list, SLAT_CPUID_SIGNATURE);

	if (!e)
		return -E2BIG;
	e->eax = SLAT_CPUID_SIGNATURE;
	memcpy(&e->ebx, SLAT_SIGNATURE, sizeof(e->ebx));
	memcpy(&e->ecx, SLAT_SIGNATURE + 4, sizeof(e->ecx));
	memcpy(&e->edx, SLAT_SIGNATURE + 8, sizeof(e->edx));
	return 0;
}

/* All on one processor, so that the answers fit together. */
static int list_fill(struct cpuid_list *list)
{
	int err;

	err = add_basic_leaves(list);
	if (!err)
		err = add_ext_leaves(list);
	if (!err)
		err = add_signature(list);
	return err;
}

int slat_cpuid_supported(const struct slat_vmx_caps *caps, u32 *nent,
			 struct kvm_cpuid_entry2 __user *entries)
{
	struct cpuid_list list = {
		.caps = caps,
		.max = min_t(u32, *nent, SLAT_MAX_CPUID_ENTRIES),
	};
	int err;

	if (!list.max)
		return -E2BIG;
	list.entries = kvcalloc(list.max, sizeof(*list.entries), GFP_KERNEL);
	if (!list.entries)
		return -ENOMEM;
	migrate_disable();
	err = list_fill(&list);
	migrate_enable();
	if (!err && copy_to_user(entries, list.entries,
				 list.nr * sizeof(*list.entries)))
		err = -EFAULT;
	if (!err)
		*nent = list.nr;
	kvfree(list.entries);
	return err;
}
