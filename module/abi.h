/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ABI's numbers, frozen by the compiler: the layout of each structure in
 * <slat.h>, and what Slat answers of KVM's calls that are younger than the oldest
 * header it is built with. Included by what answers them and, in user space, by the
 * tests of these calls.
 */
#ifndef SLAT_ABI_H
#define SLAT_ABI_H

#include <linux/kvm.h>
#include <slat.h>

#define ABI_SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), #type " has changed its size")
#define ABI_FIELD(type, field, bytes) \
	_Static_assert(__builtin_offsetof(struct type, field) == (bytes),	\
		       #type "." #field " has moved")

ABI_SIZE(slat_info, 72);
ABI_FIELD(slat_info, flags, 0);
ABI_FIELD(slat_info, version, 4);
ABI_FIELD(slat_info, calls, 8);
ABI_FIELD(slat_info, protect, 16);
ABI_FIELD(slat_info, gen_bits, 24);
ABI_FIELD(slat_info, nr_levels, 28);
ABI_FIELD(slat_info, leaf_levels, 32);
ABI_FIELD(slat_info, pad, 36);
ABI_FIELD(slat_info, reserved, 40);

ABI_SIZE(slat_policy, 32);
ABI_FIELD(slat_policy, flags, 0);
ABI_FIELD(slat_policy, slot, 4);
ABI_FIELD(slat_policy, protect, 8);
ABI_FIELD(slat_policy, effective, 12);
ABI_FIELD(slat_policy, reserved, 16);

ABI_SIZE(slat_gpa_query, 104);
ABI_FIELD(slat_gpa_query, flags, 0);
ABI_FIELD(slat_gpa_query, access, 4);
ABI_FIELD(slat_gpa_query, gpa, 8);
ABI_FIELD(slat_gpa_query, reason, 16);
ABI_FIELD(slat_gpa_query, state, 20);
ABI_FIELD(slat_gpa_query, level, 24);
ABI_FIELD(slat_gpa_query, rights, 28);
ABI_FIELD(slat_gpa_query, slot, 32);
ABI_FIELD(slat_gpa_query, slot_flags, 36);
ABI_FIELD(slat_gpa_query, hva, 40);
ABI_FIELD(slat_gpa_query, generation, 48);
ABI_FIELD(slat_gpa_query, entry_generation, 56);
ABI_FIELD(slat_gpa_query, gen_bits, 64);
ABI_FIELD(slat_gpa_query, pad, 68);
ABI_FIELD(slat_gpa_query, reserved, 72);

ABI_SIZE(slat_last_error, 288);
ABI_FIELD(slat_last_error, flags, 0);
ABI_FIELD(slat_last_error, check, 4);
ABI_FIELD(slat_last_error, error, 8);
ABI_FIELD(slat_last_error, call, 12);
ABI_FIELD(slat_last_error, serial, 16);
ABI_FIELD(slat_last_error, value, 24);
ABI_FIELD(slat_last_error, limit, 32);
ABI_FIELD(slat_last_error, slot, 40);
ABI_FIELD(slat_last_error, other, 44);
ABI_FIELD(slat_last_error, other_gpa, 48);
ABI_FIELD(slat_last_error, other_size, 56);
ABI_FIELD(slat_last_error, vcpu, 64);
ABI_FIELD(slat_last_error, pad, 68);
ABI_FIELD(slat_last_error, reserved, 72);
ABI_FIELD(slat_last_error, text, 96);

ABI_SIZE(slat_slot_stats, 256);
ABI_FIELD(slat_slot_stats, flags, 0);
ABI_FIELD(slat_slot_stats, slot, 4);
ABI_FIELD(slat_slot_stats, gpa, 8);
ABI_FIELD(slat_slot_stats, size, 16);
ABI_FIELD(slat_slot_stats, hva, 24);
ABI_FIELD(slat_slot_stats, slot_flags, 32);
ABI_FIELD(slat_slot_stats, protect, 36);
ABI_FIELD(slat_slot_stats, faults_ram, 40);
ABI_FIELD(slat_slot_stats, faults_write, 48);
ABI_FIELD(slat_slot_stats, faults_spurious, 56);
ABI_FIELD(slat_slot_stats, faults_retry, 64);
ABI_FIELD(slat_slot_stats, mapped, 72);
ABI_FIELD(slat_slot_stats, mapped_writable, 96);
ABI_FIELD(slat_slot_stats, zapped, 104);
ABI_FIELD(slat_slot_stats, wrprot_leafs, 112);
ABI_FIELD(slat_slot_stats, wrprot_ns, 120);
ABI_FIELD(slat_slot_stats, rounds_rmap, 128);
ABI_FIELD(slat_slot_stats, rounds_scan, 136);
ABI_FIELD(slat_slot_stats, dirty_reported, 144);
ABI_FIELD(slat_slot_stats, dirty_now, 152);
ABI_FIELD(slat_slot_stats, dirty_ns, 160);
ABI_FIELD(slat_slot_stats, mmio_mark, 168);
ABI_FIELD(slat_slot_stats, mmio_hit, 176);
ABI_FIELD(slat_slot_stats, mmio_stale, 184);
ABI_FIELD(slat_slot_stats, reserved, 192);

_Static_assert(SLAT_GET_INFO == 0xc048d500, "SLAT_GET_INFO has changed");
_Static_assert(SLAT_GET_POLICY == 0xc020d501, "SLAT_GET_POLICY has changed");
_Static_assert(SLAT_SET_POLICY == 0x4020d502, "SLAT_SET_POLICY has changed");
_Static_assert(SLAT_QUERY_GPA == 0xc068d503, "SLAT_QUERY_GPA has changed");
_Static_assert(SLAT_GET_LAST_ERROR == 0xc120d504, "SLAT_GET_LAST_ERROR has changed");
_Static_assert(SLAT_GET_SLOT_STATS == 0xc100d505, "SLAT_GET_SLOT_STATS has changed");

/* KVM_SET_USER_MEMORY_REGION2 (6.8): the first call's structure, and guest_memfd. */
#ifndef KVM_SET_USER_MEMORY_REGION2
#define KVM_CAP_USER_MEMORY2	231
#define KVM_MEM_GUEST_MEMFD	(1UL << 2)
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};
#define KVM_SET_USER_MEMORY_REGION2	\
	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

ABI_SIZE(kvm_userspace_memory_region2, 160);
ABI_FIELD(kvm_userspace_memory_region2, userspace_addr, 24);
ABI_FIELD(kvm_userspace_memory_region2, guest_memfd_offset, 32);
ABI_FIELD(kvm_userspace_memory_region2, guest_memfd, 40);
_Static_assert(KVM_CAP_USER_MEMORY2 == 231, "KVM_CAP_USER_MEMORY2 has changed");
_Static_assert(KVM_MEM_GUEST_MEMFD == 4, "KVM_MEM_GUEST_MEMFD has changed");
_Static_assert(KVM_SET_USER_MEMORY_REGION2 == 0x40a0ae49,
	       "KVM_SET_USER_MEMORY_REGION2 has changed");

/* KVM_EXIT_MEMORY_FAULT (6.8), and what kvm_run has with it. */
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT		39
#define KVM_CAP_MEMORY_FAULT_INFO	232
#else
_Static_assert(__builtin_offsetof(struct kvm_run, memory_fault) ==
	       __builtin_offsetof(struct kvm_run, padding) &&
	       sizeof(((struct kvm_run *)0)->memory_fault) == 24,
	       "kvm_run.memory_fault has changed");
#endif
struct abi_memory_fault {
	__u64 flags;
	__u64 gpa;
	__u64 size;
};

ABI_SIZE(abi_memory_fault, 24);
_Static_assert(KVM_EXIT_MEMORY_FAULT == 39, "KVM_EXIT_MEMORY_FAULT has changed");
_Static_assert(KVM_CAP_MEMORY_FAULT_INFO == 232, "KVM_CAP_MEMORY_FAULT_INFO has changed");

/* KVM_PRE_FAULT_MEMORY (6.11). */
#ifndef KVM_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY	236
struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};
#define KVM_PRE_FAULT_MEMORY	_IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

ABI_SIZE(kvm_pre_fault_memory, 64);
ABI_FIELD(kvm_pre_fault_memory, size, 8);
ABI_FIELD(kvm_pre_fault_memory, flags, 16);
_Static_assert(KVM_CAP_PRE_FAULT_MEMORY == 236, "KVM_CAP_PRE_FAULT_MEMORY has changed");
_Static_assert(KVM_PRE_FAULT_MEMORY == 0xc040aed5, "KVM_PRE_FAULT_MEMORY has changed");

#endif
