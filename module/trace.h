/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace points, system "slat": the one place where they are defined, for
 * whoever is not part of the core. The core's own go through mmu/events.h, and
 * trace.c brings them here. Read more than once by the kernel's macros.
 *
 * Names, fields and their meaning are an interface; docs/tracing.md describes
 * them, and selftests/device/insight/tracing.c provokes each. New fields go to the end.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM slat

#if !defined(SLAT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SLAT_TRACE_H

#include <linux/kvm.h>
#include <linux/ktime.h>
#include <linux/tracepoint.h>

#include <asm/vmx.h>

#include "mmu/events.h"

#ifndef SLAT_TRACE_ONCE
#define SLAT_TRACE_ONCE

/* What became of an EPT fault. The values are seen in traces. */
enum slat_fault_outcome {
	SLAT_OUTCOME_INSTALLED = 0,	/* a leaf was written, or gained rights */
	SLAT_OUTCOME_WRITABLE = 1,	/* a leaf got back the W that a log took */
	SLAT_OUTCOME_SPURIOUS = 2,	/* there was nothing to do (any more) */
	SLAT_OUTCOME_RETRY = 3,		/* lost a race: the guest comes again */
	SLAT_OUTCOME_MMIO = 4,		/* no RAM: to the emulator */
	SLAT_OUTCOME_ERROR = 5,		/* no host page: KVM_RUN fails */
	SLAT_OUTCOME_BROKEN = 6,	/* an entry that nobody wrote */
};

/* The kind of an access that faulted, in slat_fault. The values are seen in traces. */
#define SLAT_ACCESS_READ	BIT(0)
#define SLAT_ACCESS_WRITE	BIT(1)
#define SLAT_ACCESS_EXEC	BIT(2)
#define SLAT_ACCESS_PRESENT	BIT(3)	/* the entry granted some right */
#define SLAT_ACCESS_MISCONFIG	BIT(4)	/* then the first four are unknown */
#define SLAT_ACCESS_PAGE_WALK	BIT(5)	/* by the guest's own page walk */
#define SLAT_ACCESS_IN_EVENT	BIT(6)	/* while an event was delivered */

static inline u32 slat_trace_access(const struct slat_fault *fault)
{
	return (fault->read ? SLAT_ACCESS_READ : 0) |
	       (fault->write ? SLAT_ACCESS_WRITE : 0) |
	       (fault->exec ? SLAT_ACCESS_EXEC : 0) |
	       (fault->present ? SLAT_ACCESS_PRESENT : 0) |
	       (fault->misconfig ? SLAT_ACCESS_MISCONFIG : 0) |
	       (fault->page_walk ? SLAT_ACCESS_PAGE_WALK : 0) |
	       (fault->in_event ? SLAT_ACCESS_IN_EVENT : 0);
}

/* Arguments of slat_mmio. */
#define SLAT_TRACE_MMIO_WRITE	BIT(0)
#define SLAT_TRACE_MMIO_KERNEL	BIT(1)	/* an eventfd or the ring took it */

/* For durations; any context. */
static inline u64 slat_trace_now(void)
{
	return ktime_get_mono_fast_ns();
}

#endif /* SLAT_TRACE_ONCE */

#define SLAT_EXIT_NAMES							\
	{ KVM_EXIT_UNKNOWN, "UNKNOWN" },				\
	{ KVM_EXIT_EXCEPTION, "EXCEPTION" },				\
	{ KVM_EXIT_IO, "IO" },						\
	{ KVM_EXIT_DEBUG, "DEBUG" },					\
	{ KVM_EXIT_HLT, "HLT" },					\
	{ KVM_EXIT_MMIO, "MMIO" },					\
	{ KVM_EXIT_IRQ_WINDOW_OPEN, "IRQ_WINDOW_OPEN" },		\
	{ KVM_EXIT_SHUTDOWN, "SHUTDOWN" },				\
	{ KVM_EXIT_FAIL_ENTRY, "FAIL_ENTRY" },				\
	{ KVM_EXIT_INTR, "INTR" },					\
	{ KVM_EXIT_SET_TPR, "SET_TPR" },				\
	{ KVM_EXIT_INTERNAL_ERROR, "INTERNAL_ERROR" }

#define SLAT_ACCESS_NAMES						\
	{ SLAT_ACCESS_READ, "read" },					\
	{ SLAT_ACCESS_WRITE, "write" },					\
	{ SLAT_ACCESS_EXEC, "exec" },					\
	{ SLAT_ACCESS_PRESENT, "present" },				\
	{ SLAT_ACCESS_MISCONFIG, "misconfig" },				\
	{ SLAT_ACCESS_PAGE_WALK, "page_walk" },				\
	{ SLAT_ACCESS_IN_EVENT, "in_event" }

TRACE_DEFINE_ENUM(SLAT_OUTCOME_INSTALLED);
TRACE_DEFINE_ENUM(SLAT_OUTCOME_WRITABLE);
TRACE_DEFINE_ENUM(SLAT_OUTCOME_SPURIOUS);
TRACE_DEFINE_ENUM(SLAT_OUTCOME_RETRY);
TRACE_DEFINE_ENUM(SLAT_OUTCOME_MMIO);
TRACE_DEFINE_ENUM(SLAT_OUTCOME_ERROR);
TRACE_DEFINE_ENUM(SLAT_OUTCOME_BROKEN);

#define SLAT_OUTCOME_NAMES						\
	{ SLAT_OUTCOME_INSTALLED, "installed" },			\
	{ SLAT_OUTCOME_WRITABLE, "writable" },				\
	{ SLAT_OUTCOME_SPURIOUS, "spurious" },				\
	{ SLAT_OUTCOME_RETRY, "retry" },				\
	{ SLAT_OUTCOME_MMIO, "mmio" },					\
	{ SLAT_OUTCOME_ERROR, "error" },				\
	{ SLAT_OUTCOME_BROKEN, "broken" }

TRACE_DEFINE_ENUM(SLAT_WHY_SLOT);
TRACE_DEFINE_ENUM(SLAT_WHY_LOG);
TRACE_DEFINE_ENUM(SLAT_WHY_DIRTY);
TRACE_DEFINE_ENUM(SLAT_WHY_NOTIFIER);
TRACE_DEFINE_ENUM(SLAT_WHY_RELEASE);
TRACE_DEFINE_ENUM(SLAT_WHY_WRAP);
TRACE_DEFINE_ENUM(SLAT_WHY_RECLAIM);
TRACE_DEFINE_ENUM(SLAT_WHY_FAULT);
TRACE_DEFINE_ENUM(SLAT_WHY_AGE);

#define SLAT_WHY_NAMES							\
	{ SLAT_WHY_SLOT, "slot" },					\
	{ SLAT_WHY_LOG, "log" },					\
	{ SLAT_WHY_DIRTY, "dirty" },					\
	{ SLAT_WHY_NOTIFIER, "notifier" },				\
	{ SLAT_WHY_RELEASE, "release" },				\
	{ SLAT_WHY_WRAP, "wrap" },					\
	{ SLAT_WHY_RECLAIM, "reclaim" },				\
	{ SLAT_WHY_FAULT, "fault" },					\
	{ SLAT_WHY_AGE, "age" }

TRACE_DEFINE_ENUM(SLAT_SLOT_CREATE);
TRACE_DEFINE_ENUM(SLAT_SLOT_DELETE);
TRACE_DEFINE_ENUM(SLAT_SLOT_MOVE);
TRACE_DEFINE_ENUM(SLAT_SLOT_FLAGS);

#define SLAT_SLOT_NAMES							\
	{ SLAT_SLOT_CREATE, "create" },					\
	{ SLAT_SLOT_DELETE, "delete" },					\
	{ SLAT_SLOT_MOVE, "move" },					\
	{ SLAT_SLOT_FLAGS, "flags" }

TRACE_DEFINE_ENUM(SLAT_PROTECTED_RMAP);
TRACE_DEFINE_ENUM(SLAT_PROTECTED_SCAN);
TRACE_DEFINE_ENUM(SLAT_PROTECTED_RANGE);

#define SLAT_PROTECTED_NAMES						\
	{ SLAT_PROTECTED_RMAP, "rmap" },				\
	{ SLAT_PROTECTED_SCAN, "scan" },				\
	{ SLAT_PROTECTED_RANGE, "range" }

TRACE_DEFINE_ENUM(SLAT_MMIO_HIT);
TRACE_DEFINE_ENUM(SLAT_MMIO_STALE);
TRACE_DEFINE_ENUM(SLAT_MMIO_NONE);
TRACE_DEFINE_ENUM(SLAT_MMIO_BROKEN);

#define SLAT_LOOKUP_NAMES						\
	{ SLAT_MMIO_HIT, "hit" },					\
	{ SLAT_MMIO_STALE, "stale" },					\
	{ SLAT_MMIO_NONE, "none" },					\
	{ SLAT_MMIO_BROKEN, "broken" }

/* Life */

TRACE_EVENT(slat_vm_create,
	TP_PROTO(u32 vm, int pid, int fd),
	TP_ARGS(vm, pid, fd),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(int, pid)
		__field(int, fd)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->pid = pid;
		__entry->fd = fd;
	),
	TP_printk("vm=%u pid=%d fd=%d", __entry->vm, __entry->pid, __entry->fd)
);

TRACE_EVENT(slat_vm_destroy,
	TP_PROTO(u32 vm),
	TP_ARGS(vm),
	TP_STRUCT__entry(
		__field(u32, vm)
	),
	TP_fast_assign(
		__entry->vm = vm;
	),
	TP_printk("vm=%u", __entry->vm)
);

DECLARE_EVENT_CLASS(slat_vcpu_life,
	TP_PROTO(u32 vm, u32 vcpu),
	TP_ARGS(vm, vcpu),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
	),
	TP_printk("vm=%u vcpu=%u", __entry->vm, __entry->vcpu)
);

DEFINE_EVENT(slat_vcpu_life, slat_vcpu_create,
	TP_PROTO(u32 vm, u32 vcpu),
	TP_ARGS(vm, vcpu)
);

DEFINE_EVENT(slat_vcpu_life, slat_vcpu_destroy,
	TP_PROTO(u32 vm, u32 vcpu),
	TP_ARGS(vm, vcpu)
);

/* Entries and exits */

TRACE_EVENT(slat_vcpu_entry,
	TP_PROTO(u32 vm, u32 vcpu, u64 rip, u32 event),
	TP_ARGS(vm, vcpu, rip, event),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, rip)
		__field(u32, event)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->rip = rip;
		__entry->event = event;
	),
	TP_printk("vm=%u vcpu=%u rip=0x%llx event=0x%x", __entry->vm, __entry->vcpu,
		  __entry->rip, __entry->event)
);

TRACE_EVENT(slat_vcpu_exit,
	TP_PROTO(u32 vm, u32 vcpu, u32 reason, u64 qualification, u64 rip, u32 intr_info),
	TP_ARGS(vm, vcpu, reason, qualification, rip, intr_info),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, reason)
		__field(u32, intr_info)
		__field(u64, qualification)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->reason = reason;
		__entry->intr_info = intr_info;
		__entry->qualification = qualification;
		__entry->rip = rip;
	),
	TP_printk("vm=%u vcpu=%u reason=%u (%s%s) intr_info=0x%x qualification=0x%llx rip=0x%llx",
		  __entry->vm, __entry->vcpu, __entry->reason & 0xffff,
		  __print_symbolic(__entry->reason & 0xffff, VMX_EXIT_REASONS),
		  __entry->reason & VMX_EXIT_REASONS_FAILED_VMENTRY ? ", entry failed" : "",
		  __entry->intr_info, __entry->qualification, __entry->rip)
);

TRACE_EVENT(slat_user_exit,
	TP_PROTO(u32 vm, u32 vcpu, u32 reason, int error),
	TP_ARGS(vm, vcpu, reason, error),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, reason)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->reason = reason;
		__entry->error = error;
	),
	TP_printk("vm=%u vcpu=%u reason=%u (%s) error=%d", __entry->vm, __entry->vcpu,
		  __entry->reason, __print_symbolic(__entry->reason, SLAT_EXIT_NAMES),
		  __entry->error)
);

/* Faults and MMIO */

TRACE_EVENT(slat_fault,
	TP_PROTO(u32 vm, u32 vcpu, const struct slat_fault *fault,
		 enum slat_fault_outcome outcome, u64 ns),
	TP_ARGS(vm, vcpu, fault, outcome, ns),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, gpa)
		__field(u32, access)
		__field(u32, level)
		__field(u32, outcome)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->gpa = fault->gpa;
		__entry->access = slat_trace_access(fault);
		/* Leaves of 4 KiB are the only ones that a fault installs. */
		__entry->level = outcome <= SLAT_OUTCOME_WRITABLE ? SLAT_LEVEL_4K : 0;
		__entry->outcome = outcome;
		__entry->ns = ns;
	),
	TP_printk("vm=%u vcpu=%u gpa=0x%llx access=%s level=%u outcome=%s ns=%llu",
		  __entry->vm, __entry->vcpu, __entry->gpa,
		  __print_flags(__entry->access, "|", SLAT_ACCESS_NAMES), __entry->level,
		  __print_symbolic(__entry->outcome, SLAT_OUTCOME_NAMES), __entry->ns)
);

TRACE_EVENT(slat_mmio_mark,
	TP_PROTO(const struct slat_ev_mmio *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u64, gfn)
		__field(u64, entry_gen)
		__field(u64, generation)
	),
	TP_fast_assign(
		__entry->vm = ev->vm;
		__entry->gfn = ev->gfn;
		__entry->entry_gen = ev->entry_gen;
		__entry->generation = ev->generation;
	),
	TP_printk("vm=%u gfn=0x%llx entry_gen=%llu generation=%llu", __entry->vm,
		  __entry->gfn, __entry->entry_gen, __entry->generation)
);

TRACE_EVENT(slat_mmio_check,
	TP_PROTO(const struct slat_ev_mmio *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, result)
		__field(u64, gfn)
		__field(u64, entry_gen)
		__field(u64, generation)
	),
	TP_fast_assign(
		__entry->vm = ev->vm;
		__entry->result = ev->result;
		__entry->gfn = ev->gfn;
		__entry->entry_gen = ev->entry_gen;
		__entry->generation = ev->generation;
	),
	TP_printk("vm=%u gfn=0x%llx result=%s entry_gen=%llu generation=%llu", __entry->vm,
		  __entry->gfn, __print_symbolic(__entry->result, SLAT_LOOKUP_NAMES),
		  __entry->entry_gen, __entry->generation)
);

TRACE_EVENT(slat_mmio,
	TP_PROTO(u32 vm, u32 vcpu, u64 gpa, u32 len, u32 flags, u64 value),
	TP_ARGS(vm, vcpu, gpa, len, flags, value),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u64, gpa)
		__field(u64, value)
		__field(u32, len)
		__field(u8, write)
		__field(u8, in_kernel)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->vcpu = vcpu;
		__entry->gpa = gpa;
		__entry->value = value;
		__entry->len = len;
		__entry->write = !!(flags & SLAT_TRACE_MMIO_WRITE);
		__entry->in_kernel = !!(flags & SLAT_TRACE_MMIO_KERNEL);
	),
	TP_printk("vm=%u vcpu=%u gpa=0x%llx len=%u %s in_kernel=%u value=0x%llx",
		  __entry->vm, __entry->vcpu, __entry->gpa, __entry->len,
		  __entry->write ? "write" : "read", __entry->in_kernel, __entry->value)
);

/* Slots */

TRACE_EVENT(slat_slot_change,
	TP_PROTO(const struct slat_ev_slot_change *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, op)
		__field(u32, id)
		__field(u32, flags)
		__field(u64, base_gfn)
		__field(u64, npages)
		__field(u64, old_gen)
		__field(u64, new_gen)
		__field(u64, zapped)
		__field(u64, yields)
		__field(u64, wait_ns)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vm = ev->vm;
		__entry->op = ev->op;
		__entry->id = ev->id;
		__entry->flags = ev->flags;
		__entry->base_gfn = ev->base_gfn;
		__entry->npages = ev->npages;
		__entry->old_gen = ev->old_gen;
		__entry->new_gen = ev->new_gen;
		__entry->zapped = ev->zapped;
		__entry->yields = ev->yields;
		__entry->wait_ns = ev->wait_ns;
		__entry->ns = ev->ns;
	),
	TP_printk("vm=%u op=%s id=%u flags=0x%x base_gfn=0x%llx npages=%llu old_gen=%llu new_gen=%llu zapped=%llu yields=%llu wait_ns=%llu ns=%llu",
		  __entry->vm, __print_symbolic(__entry->op, SLAT_SLOT_NAMES), __entry->id,
		  __entry->flags, __entry->base_gfn, __entry->npages, __entry->old_gen,
		  __entry->new_gen, __entry->zapped, __entry->yields, __entry->wait_ns,
		  __entry->ns)
);

TRACE_EVENT(slat_zap_step,
	TP_PROTO(const struct slat_ev_zap_step *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, why)
		__field(u32, step)
		__field(u64, leafs)
		__field(u64, mmio)
		__field(u64, tables)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vm = ev->vm;
		__entry->why = ev->why;
		__entry->step = ev->step;
		__entry->leafs = ev->leafs;
		__entry->mmio = ev->mmio;
		__entry->tables = ev->tables;
		__entry->ns = ev->ns;
	),
	TP_printk("vm=%u why=%s step=%u leafs=%llu mmio=%llu tables=%llu ns=%llu", __entry->vm,
		  __print_symbolic(__entry->why, SLAT_WHY_NAMES), __entry->step,
		  __entry->leafs, __entry->mmio, __entry->tables, __entry->ns)
);

TRACE_EVENT(slat_flush,
	TP_PROTO(const struct slat_ev_flush *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, why)
		__field(u32, cpus)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vm = ev->vm;
		__entry->why = ev->why;
		__entry->cpus = ev->cpus;
		__entry->ns = ev->ns;
	),
	TP_printk("vm=%u why=%s cpus=%u ns=%llu", __entry->vm,
		  __print_symbolic(__entry->why, SLAT_WHY_NAMES), __entry->cpus, __entry->ns)
);

/* Dirty log */

TRACE_EVENT(slat_wrprot,
	TP_PROTO(const struct slat_ev_wrprot *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, slot)
		__field(u32, policy)
		__field(u32, strategy)
		__field(u64, predicted_rmap)
		__field(u64, predicted_scan)
		__field(u64, cost)
		__field(u64, visited)
		__field(u64, pages)
	),
	TP_fast_assign(
		__entry->vm = ev->vm;
		__entry->slot = ev->slot;
		/* The numbers of the ABI, enum slat_protect: see extension.c. */
		__entry->policy = ev->policy + 1;
		__entry->strategy = ev->by;
		__entry->predicted_rmap = ev->predicted_rmap;
		__entry->predicted_scan = ev->predicted_scan;
		__entry->cost = ev->cost;
		__entry->visited = ev->visited;
		__entry->pages = ev->pages;
	),
	TP_printk("vm=%u slot=%u policy=%u strategy=%s predicted_rmap=%llu predicted_scan=%llu cost=%llu visited=%llu pages=%llu",
		  __entry->vm, __entry->slot, __entry->policy,
		  __print_symbolic(__entry->strategy, SLAT_PROTECTED_NAMES),
		  __entry->predicted_rmap, __entry->predicted_scan, __entry->cost,
		  __entry->visited, __entry->pages)
);

DECLARE_EVENT_CLASS(slat_dirty_log,
	TP_PROTO(const struct slat_ev_dirty_log *ev),
	TP_ARGS(ev),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, slot)
		__field(int, error)
		__field(u64, first_page)
		__field(u64, npages)
		__field(u64, pages)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vm = ev->vm;
		__entry->slot = ev->slot;
		__entry->error = ev->error;
		__entry->first_page = ev->first_page;
		__entry->npages = ev->npages;
		__entry->pages = ev->pages;
		__entry->ns = ev->ns;
	),
	TP_printk("vm=%u slot=%u error=%d first_page=%llu npages=%llu pages=%llu ns=%llu",
		  __entry->vm, __entry->slot, __entry->error, __entry->first_page,
		  __entry->npages, __entry->pages, __entry->ns)
);

DEFINE_EVENT(slat_dirty_log, slat_dirty_log_get,
	TP_PROTO(const struct slat_ev_dirty_log *ev),
	TP_ARGS(ev)
);

DEFINE_EVENT(slat_dirty_log, slat_dirty_log_clear,
	TP_PROTO(const struct slat_ev_dirty_log *ev),
	TP_ARGS(ev)
);

/* Changes of the host's memory */

TRACE_EVENT(slat_notifier_start,
	TP_PROTO(u32 vm, unsigned long start, unsigned long end, bool may_block, bool mapped,
		 u64 ns),
	TP_ARGS(vm, start, end, may_block, mapped, ns),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u8, may_block)
		__field(u8, mapped)
		__field(u64, start)
		__field(u64, end)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->may_block = may_block;
		__entry->mapped = mapped;
		__entry->start = start;
		__entry->end = end;
		__entry->ns = ns;
	),
	TP_printk("vm=%u start=0x%llx end=0x%llx may_block=%u mapped=%u ns=%llu", __entry->vm,
		  __entry->start, __entry->end, __entry->may_block, __entry->mapped,
		  __entry->ns)
);

TRACE_EVENT(slat_notifier_end,
	TP_PROTO(u32 vm, unsigned long start, unsigned long end),
	TP_ARGS(vm, start, end),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u64, start)
		__field(u64, end)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("vm=%u start=0x%llx end=0x%llx", __entry->vm, __entry->start, __entry->end)
);

TRACE_EVENT(slat_notifier_release,
	TP_PROTO(u32 vm, u64 zapped),
	TP_ARGS(vm, zapped),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u64, zapped)
	),
	TP_fast_assign(
		__entry->vm = vm;
		__entry->zapped = zapped;
	),
	TP_printk("vm=%u zapped=%llu", __entry->vm, __entry->zapped)
);

#endif /* SLAT_TRACE_H */

/* Found by the -I that Kbuild gives trace.c. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
