/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Host changes against faults: the sequence and the range in progress.
 *
 * The mmu_notifier says begin(range) before the host changes a range of its
 * page tables and end(range) afterwards. A fault captures the sequence, asks
 * the host for the page, takes the mmu lock shared and installs the leaf only
 * if slat_notify_may_map() allows.
 *
 * Proof that no leaf outlives its host page. Begin: raise the range, full
 * barrier, read the hva index; if a slot overlaps, take the mmu lock exclusive
 * and zap. A fault whose lock section came first is zapped. One that comes
 * later sees the raised range (through the lock) or, when end() was already
 * called, the bumped sequence, unless it captured the sequence after end(): then
 * it asked the host after the change. If no slot overlapped in the index, a
 * slot published later had its index entry stored after our read, so a fault
 * on it captured and checked after the range was raised.
 */
#ifndef SLAT_MMU_NOTIFY_H
#define SLAT_MMU_NOTIFY_H

#include "types.h"

/**
 * struct slat_notify - invalidations in progress (one per VM)
 * @lock: leaf lock; protects all fields (@seq and @in_progress are read bare)
 * @in_progress: begin() calls without their end()
 * @seq: completed invalidations
 * @start: @in_progress != 0: the union of the ranges begins here
 * @end: and ends here
 */
struct slat_notify {
	port_spinlock_t lock;
	u64 in_progress;
	u64 seq;
	hva_t start;
	hva_t end;
};

void slat_notify_init(struct slat_notify *notify);
void slat_notify_begin(struct slat_notify *notify, hva_t start, hva_t end);
void slat_notify_end(struct slat_notify *notify);

/* Capture before asking the host for a page. */
static inline u64 slat_notify_seq(const struct slat_notify *notify)
{
	/* Ordered before the look at the host's page tables. */
	return smp_load_acquire(&notify->seq);
}

/**
 * slat_notify_may_map() - is the page that the host gave still the right one?
 * @notify: the VM's invalidations
 * @seq: captured before the host was asked
 * @hva: address of the page, or of the first of some
 * @nr: how many pages
 *
 * Called with the mmu lock held.
 */
bool slat_notify_may_map(struct slat_notify *notify, u64 seq, hva_t hva, unsigned int nr);

/* Is the page at @hva in a range that the host is changing now? Called without @lock. */
bool slat_notify_covers(struct slat_notify *notify, hva_t hva);

#endif
