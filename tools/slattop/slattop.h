/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs in the kernel (slattop.bpf.c) leave in their maps for the
 * screen (main.c). Everything counts up from the start; the reader subtracts.
 */
#ifndef SLATTOP_H
#define SLATTOP_H

#define NR_REASONS	80	/* VM-exit reasons, the last one holds all others */
#define NR_OUTCOMES	7	/* of faults, as docs/tracing.md numbers them */
#define NR_LOOKUPS	4	/* of MMIO entries */
#define NR_PROTECTED	3	/* ways to write-protect */
#define MAX_VMS		64
#define MAX_VCPUS	1024
#define MAX_SLOTS	4096

/**
 * struct vm_counts - by the VM's number in traces
 * @zap_hold_max_ns: longest section of a zap so far
 */
struct vm_counts {
	unsigned long long faults[NR_OUTCOMES], fault_ns;
	unsigned long long mmio[NR_LOOKUPS], mmio_marks, mmio_accesses;
	unsigned long long flushes, flush_cpus, flush_ns;
	unsigned long long zap_steps, zapped, zap_hold_max_ns;
	unsigned long long slot_changes, slot_change_ns, slot_yields;
	unsigned long long notifications;
};

/**
 * struct vcpu_key - a vCPU of a VM
 */
struct vcpu_key {
	unsigned int vm, vcpu;
};

/**
 * struct vcpu_counts - of one vCPU
 * @guest_ns: time in the guest
 * @entered_ns: when it entered, 0 outside
 */
struct vcpu_counts {
	unsigned long long exits[NR_REASONS];
	unsigned long long user_exits, guest_ns, entered_ns;
};

struct slot_key {
	unsigned int vm, slot;
};

/**
 * struct slot_counts - of one slot, as far as an event told of it
 * @gone: its last change was its deletion
 */
struct slot_counts {
	unsigned long long base_gfn, npages;
	unsigned int flags, gone;
	unsigned long long changes, change_ns;
	unsigned long long gets, clears, dirty_pages, log_ns;
	unsigned long long rounds[NR_PROTECTED], protected_pages, cost;
};

/**
 * struct offsets - where the fields of each event are, from its format file
 *
 * A binary so runs with any version of the module that has the fields, and
 * needs no BTF.
 */
struct offsets {
	unsigned int exit_vm, exit_vcpu, exit_reason;
	unsigned int entry_vm, entry_vcpu;
	unsigned int user_vm, user_vcpu;
	unsigned int fault_vm, fault_outcome, fault_ns;
	unsigned int check_vm, check_result;
	unsigned int mark_vm;
	unsigned int mmio_vm;
	unsigned int flush_vm, flush_cpus, flush_ns;
	unsigned int zap_vm, zap_leafs, zap_ns;
	unsigned int change_vm, change_op, change_id, change_flags, change_base_gfn,
		     change_npages, change_yields, change_ns;
	unsigned int protect_vm, protect_slot, protect_strategy, protect_cost, protect_pages;
	unsigned int get_vm, get_slot, get_pages, get_ns;
	unsigned int clear_vm, clear_slot, clear_ns;
	unsigned int notify_vm;
	unsigned int destroy_vm;
};

#endif
