/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUID: what can be offered, what the client chose, what the guest reads.
 */
#ifndef SLAT_CPUID_H
#define SLAT_CPUID_H

#include <linux/kvm.h>

#include "vmx/vmx.h"

/* As KVM's KVM_MAX_CPUID_ENTRIES. */
#define SLAT_MAX_CPUID_ENTRIES	256

/* Leaf of our own signature; the only one in the hypervisor range. */
#define SLAT_CPUID_SIGNATURE	0x40000000
#define SLAT_SIGNATURE		"SlatSlatSlat"

/* XSAVEC or XSAVES: EBX of the leaf is the size of the compacted format. */
#define SLAT_CPUID_D1_EAX_COMPACTED	(BIT(1) | BIT(3))

/**
 * slat_cpuid_supported() - KVM_GET_SUPPORTED_CPUID
 * @caps: what vmx carries out
 * @nent: in: room in @entries; out: how many were written
 * @entries: the client's array
 *
 * Return: 0; -E2BIG: not enough room; -EFAULT; -ENOMEM.
 */
int slat_cpuid_supported(const struct slat_vmx_caps *caps, u32 *nent,
			 struct kvm_cpuid_entry2 __user *entries);

/* Bytes that XSAVE needs for the components in @xcr0, standard or compacted. */
u32 slat_xstate_size(u64 xcr0, bool compacted);

/* The entry of @function and @index, or NULL; @index only where it matters. */
struct kvm_cpuid_entry2 *slat_cpuid_find(struct kvm_cpuid_entry2 *entries, u32 nr,
					 u32 function, u32 index);

#endif
