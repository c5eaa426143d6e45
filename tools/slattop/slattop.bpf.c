// SPDX-License-Identifier: GPL-2.0
/*
 * slattop's programs in the kernel: one per trace point, each adds to a map.
 * Fields are read where the event's own format says they are.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "slattop.h"

char LICENSE[] SEC("license") = "GPL";

/* Set by main.c before the programs are loaded. */
const volatile struct offsets offsets;

#define HASH(name, key_type, value_type, nr)		\
	struct {					\
		__uint(type, BPF_MAP_TYPE_HASH);	\
		__uint(max_entries, nr);		\
		__type(key, key_type);			\
		__type(value, value_type);		\
	} name SEC(".maps")

HASH(vms, unsigned int, struct vm_counts, MAX_VMS);
HASH(vcpus, struct vcpu_key, struct vcpu_counts, MAX_VCPUS);
HASH(slots, struct slot_key, struct slot_counts, MAX_SLOTS);

/* What a first look-up inserts; too large for the stack. */
static const struct vm_counts no_vm;
static const struct vcpu_counts no_vcpu;
static const struct slot_counts no_slot;

#define FIELD(type, field)						\
	({								\
		type value_ = 0;					\
									\
		bpf_probe_read_kernel(&value_, sizeof(value_),		\
				      (char *)context + offsets.field);	\
		value_;							\
	})
#define FIELD32(field)	FIELD(unsigned int, field)
#define FIELD64(field)	FIELD(unsigned long long, field)

static void add(unsigned long long *counter, unsigned long long value)
{
	__sync_fetch_and_add(counter, value);
}

static void *find(void *map, const void *key, const void *nothing)
{
	void *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	bpf_map_update_elem(map, key, nothing, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static struct vm_counts *vm_find(unsigned int vm)
{
	return find(&vms, &vm, &no_vm);
}

static struct vcpu_counts *vcpu_find(unsigned int vm, unsigned int vcpu)
{
	const struct vcpu_key key = { vm, vcpu };

	return find(&vcpus, &key, &no_vcpu);
}

static struct slot_counts *slot_find(unsigned int vm, unsigned int slot)
{
	const struct slot_key key = { vm, slot };

	return find(&slots, &key, &no_slot);
}

SEC("tracepoint/slat/slat_vcpu_entry")
int vcpu_entry(void *context)
{
	struct vcpu_counts *v = vcpu_find(FIELD32(entry_vm), FIELD32(entry_vcpu));

	if (v)
		v->entered_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tracepoint/slat/slat_vcpu_exit")
int vcpu_exit(void *context)
{
	struct vcpu_counts *v = vcpu_find(FIELD32(exit_vm), FIELD32(exit_vcpu));
	unsigned int reason = FIELD32(exit_reason) & 0xffff;

	if (!v)
		return 0;
	if (reason >= NR_REASONS)
		reason = NR_REASONS - 1;
	add(&v->exits[reason], 1);
	if (v->entered_ns)
		add(&v->guest_ns, bpf_ktime_get_ns() - v->entered_ns);
	v->entered_ns = 0;
	return 0;
}

SEC("tracepoint/slat/slat_user_exit")
int user_exit(void *context)
{
	struct vcpu_counts *v = vcpu_find(FIELD32(user_vm), FIELD32(user_vcpu));

	if (v)
		add(&v->user_exits, 1);
	return 0;
}

SEC("tracepoint/slat/slat_fault")
int fault(void *context)
{
	struct vm_counts *vm = vm_find(FIELD32(fault_vm));
	unsigned int outcome = FIELD32(fault_outcome);

	if (!vm || outcome >= NR_OUTCOMES)
		return 0;
	add(&vm->faults[outcome], 1);
	add(&vm->fault_ns, FIELD64(fault_ns));
	return 0;
}

SEC("tracepoint/slat/slat_mmio_check")
int mmio_check(void *context)
{
	struct vm_counts *vm = vm_find(FIELD32(check_vm));
	unsigned int result = FIELD32(check_result);

	if (vm && result < NR_LOOKUPS)
		add(&vm->mmio[result], 1);
	return 0;
}

SEC("tracepoint/slat/slat_mmio_mark")
int mmio_mark(void *context)
{
	struct vm_counts *vm = vm_find(FIELD32(mark_vm));

	if (vm)
		add(&vm->mmio_marks, 1);
	return 0;
}

SEC("tracepoint/slat/slat_mmio")
int mmio(void *context)
{
	struct vm_counts *vm = vm_find(FIELD32(mmio_vm));

	if (vm)
		add(&vm->mmio_accesses, 1);
	return 0;
}

SEC("tracepoint/slat/slat_flush")
int flush(void *context)
{
	struct vm_counts *vm = vm_find(FIELD32(flush_vm));

	if (!vm)
		return 0;
	add(&vm->flushes, 1);
	add(&vm->flush_cpus, FIELD32(flush_cpus));
	add(&vm->flush_ns, FIELD64(flush_ns));
	return 0;
}

SEC("tracepoint/slat/slat_zap_step")
int zap_step(void *context)
{
	struct vm_counts *vm = vm_find(FIELD32(zap_vm));
	unsigned long long ns = FIELD64(zap_ns);

	if (!vm)
		return 0;
	add(&vm->zap_steps, 1);
	add(&vm->zapped, FIELD64(zap_leafs));
	/* The mmu lock is held: nobody else writes this VM's. */
	if (ns > vm->zap_hold_max_ns)
		vm->zap_hold_max_ns = ns;
	return 0;
}

SEC("tracepoint/slat/slat_slot_change")
int slot_change(void *context)
{
	unsigned int id = FIELD32(change_vm);
	struct slot_counts *slot = slot_find(id, FIELD32(change_id));
	struct vm_counts *vm = vm_find(id);
	unsigned long long ns = FIELD64(change_ns);

	if (vm) {
		add(&vm->slot_changes, 1);
		add(&vm->slot_change_ns, ns);
		add(&vm->slot_yields, FIELD64(change_yields));
	}
	if (!slot)
		return 0;
	slot->base_gfn = FIELD64(change_base_gfn);
	slot->npages = FIELD64(change_npages);
	slot->flags = FIELD32(change_flags);
	slot->gone = FIELD32(change_op) == 1;
	add(&slot->changes, 1);
	add(&slot->change_ns, ns);
	return 0;
}

SEC("tracepoint/slat/slat_wrprot")
int wrprot(void *context)
{
	struct slot_counts *slot = slot_find(FIELD32(protect_vm), FIELD32(protect_slot));
	unsigned int by = FIELD32(protect_strategy);

	if (!slot)
		return 0;
	if (by < NR_PROTECTED)
		add(&slot->rounds[by], 1);
	add(&slot->protected_pages, FIELD64(protect_pages));
	add(&slot->cost, FIELD64(protect_cost));
	return 0;
}

SEC("tracepoint/slat/slat_dirty_log_get")
int dirty_log_get(void *context)
{
	struct slot_counts *slot = slot_find(FIELD32(get_vm), FIELD32(get_slot));

	if (!slot)
		return 0;
	add(&slot->gets, 1);
	add(&slot->dirty_pages, FIELD64(get_pages));
	add(&slot->log_ns, FIELD64(get_ns));
	return 0;
}

SEC("tracepoint/slat/slat_dirty_log_clear")
int dirty_log_clear(void *context)
{
	struct slot_counts *slot = slot_find(FIELD32(clear_vm), FIELD32(clear_slot));

	if (!slot)
		return 0;
	add(&slot->clears, 1);
	add(&slot->log_ns, FIELD64(clear_ns));
	return 0;
}

SEC("tracepoint/slat/slat_notifier_start")
int notifier_start(void *context)
{
	struct vm_counts *vm = vm_find(FIELD32(notify_vm));

	if (vm)
		add(&vm->notifications, 1);
	return 0;
}

/* Its vCPUs and slots go when the screen is drawn next. */
SEC("tracepoint/slat/slat_vm_destroy")
int vm_destroy(void *context)
{
	unsigned int id = FIELD32(destroy_vm);

	bpf_map_delete_elem(&vms, &id);
	return 0;
}
