// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_SUPPORTED_CPUID: what a guest can be offered here. A feature is named
 * only if the host has it (as the host kernel left it), if its state is saved
 * for the guest, and if vmx carries out what it needs: the table of
 * vmx/features.c. Called by the device's ioctl; takes no lock.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

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

/* Leaves that have subleaves, of those that are absent here; said as KVM says it. */
static bool leaf_is_indexed(u32 function)
{
	switch (function) {
	case 0xb:			/* topology */
	case 0xf ... 0x10:		/* monitoring and allocation of resources */
	case 0x12:			/* SGX */
	case 0x14:			/* Intel PT */
	case 0x17 ... 0x18:		/* SoC, TLBs */
	case 0x1d ... 0x1f:		/* AMX, topology again */
		return true;
	}
	return false;
}

static struct kvm_cpuid_entry2 *list_add_zero(struct cpuid_list *list, u32 function)
{
	return list_add_entry(list, function, 0, leaf_is_indexed(function) ?
			      KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0);
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

/* The feature bits of a word that are offered; @told: the processor's own. */
static u32 offered(const struct cpuid_list *list, enum slat_cpuid_word word, u32 told)
{
	const struct slat_cpuid_offer *offer = &list->caps->offer[word];

	return offer->decided | (told & offer->passed);
}

static int add_leaf_1(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_host(list, 1, 0, 0);

	if (!e)
		return -E2BIG;
	/* APIC id, logical processors: the client's business. */
	e->ebx &= 0x0000ff00;
	e->ecx = offered(list, SLAT_CPUID_1_ECX, e->ecx);
	e->edx = offered(list, SLAT_CPUID_1_EDX, e->edx);
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

/* Subleaves 1 and 2. */
static int add_leaf_7_more(struct cpuid_list *list, u32 max)
{
	struct kvm_cpuid_entry2 *e;

	e = list_add_host(list, 7, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	e->eax = offered(list, SLAT_CPUID_7_1_EAX, e->eax);
	e->ebx = 0;
	e->ecx = 0;
	e->edx = offered(list, SLAT_CPUID_7_1_EDX, e->edx);
	if (max < 2)
		return 0;
	e = list_add_host(list, 7, 2, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = offered(list, SLAT_CPUID_7_2_EDX, e->edx);
	return 0;
}

static int add_leaf_7(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e;
	u32 max;

	e = list_add_host(list, 7, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	max = min(e->eax, 2u);
	e->eax = max;
	e->ebx = offered(list, SLAT_CPUID_7_0_EBX, e->ebx);
	e->ecx = offered(list, SLAT_CPUID_7_ECX, e->ecx);
	e->edx = offered(list, SLAT_CPUID_7_EDX, e->edx);
	return max ? add_leaf_7_more(list, max) : 0;
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
	e->eax = offered(list, SLAT_CPUID_D_1_EAX, e->eax);
	e->ebx = 0;
	if (e->eax & SLAT_CPUID_D1_EAX_COMPACTED)
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
		e->eax = offered(list, SLAT_CPUID_6_EAX, 0);
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

static int add_leaf_81(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_host(list, 0x80000001, 0, 0);

	if (!e)
		return -E2BIG;
	e->ebx = 0;
	e->ecx = offered(list, SLAT_CPUID_8000_0001_ECX, e->ecx);
	e->edx = offered(list, SLAT_CPUID_8000_0001_EDX, e->edx);
	return 0;
}

static int add_leaf_88(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e = list_add_host(list, 0x80000008, 0, 0);

	if (!e)
		return -E2BIG;
	/* Four levels of EPT, and of guest paging: 48 bits of either address. */
	e->eax = list->caps->cpu.maxphyaddr | 48 << 8;
	e->ebx = offered(list, SLAT_CPUID_8000_0008_EBX, e->ebx);
	e->ecx = 0;
	e->edx = 0;
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
