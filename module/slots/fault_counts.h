/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many faults a slot had, and what became of them.
 *
 * vCPUs that fault side by side in one slot must not share a cache line for that.  So
 * each keeps what it has counted for the last few slots it faulted in, in words that it
 * alone writes, and hands them to the slot when another one needs the place.  A reader
 * adds both up.  Handing over and adding up exclude each other by a leaf lock, so a
 * fault is seen once: here or there.
 */
#ifndef SLAT_FAULT_COUNTS_H
#define SLAT_FAULT_COUNTS_H

#include "mmu/port.h"

struct slat_memslot;
struct slat_memslots;
struct slat_slot_state;

/* What became of a fault on a slot. */
enum slat_slot_fault {
	SLAT_SLOT_FAULT_RAM,		/* the host was asked for a page, and it was mapped */
	SLAT_SLOT_FAULT_WRITE,		/* a write was mended without the host */
	SLAT_SLOT_FAULT_SPURIOUS,	/* the right was granted already */
	SLAT_SLOT_FAULT_RETRY,		/* a race with a change was lost */
	SLAT_NR_SLOT_FAULTS,
};

/**
 * struct slat_fault_counts - faults on one slot
 * @nr: by what became of them
 */
struct slat_fault_counts {
	u64 nr[SLAT_NR_SLOT_FAULTS];
};

/* Low memory, high memory and two more: what a guest that runs touches by turns. */
#define SLAT_COUNTED_SLOTS	4

/**
 * struct slat_fault_counter - what one vCPU has counted and not handed over
 * @list: in slat_memslots.counters; under slat_memslots.counters_lock
 * @slots: one place for all slots whose id is the same modulo SLAT_COUNTED_SLOTS
 *	@slots.state: whose faults; holds a reference; written by the vCPU under the
 *		lock, so that it may read it without
 *	@slots.counts: written by the vCPU alone; under the lock where it becomes 0
 */
struct slat_fault_counter {
	struct list_head list;
	struct {
		struct slat_slot_state *state;
		struct slat_fault_counts counts;
	} slots[SLAT_COUNTED_SLOTS];
};

/* A vCPU comes; @counter is zeroed memory. */
void slat_fault_counter_register(struct slat_memslots *slots,
				 struct slat_fault_counter *counter);

/* A vCPU goes, which is inside no fault; what it has counted stays counted. */
void slat_fault_counter_unregister(struct slat_memslots *slots,
				   struct slat_fault_counter *counter);

/**
 * slat_fault_count() - one more fault on a slot
 * @slots: the VM's slots
 * @counter: the calling vCPU's
 * @slot: the slot, kept by the caller's reader section
 * @what: what became of it
 *
 * Takes a leaf lock when the slot has no place with this vCPU yet.
 */
void slat_fault_count(struct slat_memslots *slots, struct slat_fault_counter *counter,
		      const struct slat_memslot *slot, enum slat_slot_fault what);

/**
 * slat_fault_counts_sum() - add up what was counted for a slot since it was created
 * @slots: the VM's slots
 * @slot: the slot; slots_lock or a reader section keeps it
 * @sum: result
 *
 * Takes a leaf lock.  What is being counted meanwhile may be in or not; no number is
 * ever less than it was.
 */
void slat_fault_counts_sum(struct slat_memslots *slots, const struct slat_memslot *slot,
			   struct slat_fault_counts *sum);

#endif
