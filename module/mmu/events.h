/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core tells of itself while it runs: one struct per trace point, and
 * the function that takes it. In the kernel trace.c hands it to the trace event
 * of the same name; the tests count it and compare it with the statistics.
 *
 * A caller asks port_trace_on() first, which costs a static key, and measures
 * or counts nothing for an event that nobody listens to. Most are called with
 * the mmu lock or slots_lock held, so they must not sleep. docs/tracing.md says
 * what each field means to a reader.
 */
#ifndef SLAT_MMU_EVENTS_H
#define SLAT_MMU_EVENTS_H

#include "types.h"

/* Why leaves are taken away or protected. The values are seen in traces. */
enum slat_why {
	SLAT_WHY_SLOT = 0,	/* a slot is deleted or moved */
	SLAT_WHY_LOG = 1,	/* a dirty log was enabled */
	SLAT_WHY_DIRTY = 2,	/* dirty bits were collected */
	SLAT_WHY_NOTIFIER = 3,	/* the host changes a range of its memory */
	SLAT_WHY_RELEASE = 4,	/* the owner's address space is gone */
	SLAT_WHY_WRAP = 5,	/* the generation in MMIO entries starts again */
	SLAT_WHY_RECLAIM = 6,	/* the cap on tables, or memory pressure */
	SLAT_WHY_FAULT = 7,	/* a fault found a leaf that should be gone */
	SLAT_WHY_AGE = 8,	/* the host asks what is in use, without accessed bits */
};

/* Which change of slots. The values are seen in traces. */
enum slat_slot_op {
	SLAT_SLOT_CREATE = 0,
	SLAT_SLOT_DELETE = 1,
	SLAT_SLOT_MOVE = 2,
	SLAT_SLOT_FLAGS = 3,
};

/* How leaves were write-protected. The values are seen in traces. */
enum slat_protected_by {
	SLAT_PROTECTED_RMAP = 0,	/* the leaf of each dirty gfn */
	SLAT_PROTECTED_SCAN = 1,	/* every leaf of tables with a dirty one */
	SLAT_PROTECTED_RANGE = 2,	/* the whole slot: its log was enabled */
};

/* What was found behind a misconfiguration. The values are seen in traces. */
enum slat_mmio_lookup {
	SLAT_MMIO_HIT = 0,	/* an MMIO entry of the current generation */
	SLAT_MMIO_STALE = 1,	/* an MMIO entry of an older generation */
	SLAT_MMIO_NONE = 2,	/* no MMIO entry (any more) */
	SLAT_MMIO_BROKEN = 3,	/* a misconfiguration that nobody wrote on purpose */
};

/**
 * struct slat_ev_flush - CPUs were made to forget translations; mmu lock held
 * @vm: slat_mmu_config.id
 * @why: who asked
 * @cpus: CPUs interrupted
 * @ns: until the last had answered
 */
struct slat_ev_flush {
	u32 vm;
	enum slat_why why;
	u32 cpus;
	u64 ns;
};

/**
 * struct slat_ev_zap_step - one exclusive section of a zap ends; mmu lock held
 * @vm: slat_mmu_config.id
 * @why: who zaps
 * @step: 0 for the first section of a zap, one more after each yield
 * @leafs: present leafs zapped in this section, of any level
 * @mmio: MMIO entries removed in it
 * @tables: subtrees unlinked in it
 * @ns: how long the lock was held
 */
struct slat_ev_zap_step {
	u32 vm;
	enum slat_why why;
	u32 step;
	u64 leafs;
	u64 mmio;
	u64 tables;
	u64 ns;
};

/**
 * struct slat_ev_mmio - an MMIO entry was written or looked up
 * @vm: slat_mmu_config.id
 * @result: of the lookup
 * @gfn: guest page
 * @level: of the entry at which the walk ended
 * @entry_gen: generation in the entry, as many bits as it stores
 * @generation: of the slot set that the fault used
 */
struct slat_ev_mmio {
	u32 vm;
	enum slat_mmio_lookup result;
	gfn_t gfn;
	int level;
	u64 entry_gen;
	u64 generation;
};

/**
 * struct slat_ev_slot_change - a change of slots is done; slots_lock held
 * @vm: slat_mmu_config.id
 * @op: which change
 * @id: the client's number of the slot
 * @flags: KVM_MEM_*, new ones; of a slot that goes: its last ones
 * @base_gfn: where it is now; of a slot that goes: was
 * @npages: its length
 * @old_gen: generation before
 * @new_gen: generation after
 * @zapped: leafs zapped for it
 * @yields: times the zap dropped the mmu lock
 * @wait_ns: how long readers of the old set were waited for
 * @ns: how long the whole change took under slots_lock
 */
struct slat_ev_slot_change {
	u32 vm;
	enum slat_slot_op op;
	u32 id;
	u32 flags;
	gfn_t base_gfn;
	u64 npages;
	u64 old_gen;
	u64 new_gen;
	u64 zapped;
	u64 yields;
	u64 wait_ns;
	u64 ns;
};

/**
 * struct slat_ev_wrprot - leaves were write-protected; slots_lock held
 * @vm: slat_mmu_config.id
 * @slot: the client's number of the slot
 * @policy: enum slat_wrprot_policy
 * @by: how it was done
 * @predicted_rmap: what rmap was thought to cost, in units of port_clock()
 * @predicted_scan: what a scan was thought to cost
 * @cost: what the protecting took in fact
 * @visited: leafs looked at
 * @pages: leafs that lost W
 */
struct slat_ev_wrprot {
	u32 vm;
	u32 slot;
	u32 policy;
	enum slat_protected_by by;
	u64 predicted_rmap;
	u64 predicted_scan;
	u64 cost;
	u64 visited;
	u64 pages;
};

/**
 * struct slat_ev_dirty_log - the client read or cleared a log; slots_lock held
 * @vm: slat_mmu_config.id
 * @slot: the client's number of the slot
 * @error: what the call returns
 * @first_page: where the range begins
 * @npages: its length
 * @pages: bits told to the client, or taken from the log
 * @ns: how long it took under slots_lock
 */
struct slat_ev_dirty_log {
	u32 vm;
	u32 slot;
	int error;
	u64 first_page;
	u64 npages;
	u64 pages;
	u64 ns;
};

PORT_TRACE_DECLARE(slat_flush);
PORT_TRACE_DECLARE(slat_zap_step);
PORT_TRACE_DECLARE(slat_mmio_mark);
PORT_TRACE_DECLARE(slat_mmio_check);
PORT_TRACE_DECLARE(slat_slot_change);
PORT_TRACE_DECLARE(slat_wrprot);
PORT_TRACE_DECLARE(slat_dirty_log_get);
PORT_TRACE_DECLARE(slat_dirty_log_clear);

void slat_trace_flush(const struct slat_ev_flush *ev);
void slat_trace_zap_step(const struct slat_ev_zap_step *ev);
void slat_trace_mmio_mark(const struct slat_ev_mmio *ev);
void slat_trace_mmio_check(const struct slat_ev_mmio *ev);
void slat_trace_slot_change(const struct slat_ev_slot_change *ev);
void slat_trace_wrprot(const struct slat_ev_wrprot *ev);
void slat_trace_dirty_log_get(const struct slat_ev_dirty_log *ev);
void slat_trace_dirty_log_clear(const struct slat_ev_dirty_log *ev);

/* The time, if @event is on; for slat_trace_since(). */
#define slat_trace_began(event)	(port_trace_on(event) ? port_trace_ns() : 0)

/* How long ago that was; 0 when the event was enabled meanwhile. */
static inline u64 slat_trace_since(u64 began)
{
	return began ? port_trace_ns() - began : 0;
}

#endif
