// SPDX-License-Identifier: GPL-2.0
/*
 * Invalidations in progress: see notify.h for the protocol and its proof.
 * Begin and end are called by the mmu_notifier, may_map by the fault path.
 */
#include "notify.h"

void slat_notify_init(struct slat_notify *notify)
{
	port_spin_init(&notify->lock);
	notify->in_progress = 0;
	notify->seq = 0;
	notify->start = 0;
	notify->end = 0;
}

void slat_notify_begin(struct slat_notify *notify, hva_t start, hva_t end)
{
	port_spin_lock(&notify->lock);
	if (!notify->in_progress) {
		notify->start = start;
		notify->end = end;
	} else {
		notify->start = min(notify->start, start);
		notify->end = max(notify->end, end);
	}
	WRITE_ONCE(notify->in_progress, notify->in_progress + 1);
	port_spin_unlock(&notify->lock);
	/* Raised before the caller reads the hva index. */
	smp_mb();
}

void slat_notify_end(struct slat_notify *notify)
{
	port_spin_lock(&notify->lock);
	/* A fault that misses the range below must see the sequence. */
	smp_store_release(&notify->seq, notify->seq + 1);
	if (!WARN_ON_ONCE(!notify->in_progress)) {
		/* Pairs with slat_notify_may_map(). */
		smp_store_release(&notify->in_progress,
				  notify->in_progress - 1);
	}
	port_spin_unlock(&notify->lock);
}

static bool notify_overlaps(const struct slat_notify *notify, hva_t hva,
			    unsigned int nr)
{
	return notify->in_progress &&
	       hva + nr * SLAT_PAGE_SIZE > notify->start && hva < notify->end;
}

bool slat_notify_covers(struct slat_notify *notify, hva_t hva)
{
	bool covers;

	port_spin_lock(&notify->lock);
	covers = notify_overlaps(notify, hva, 1);
	port_spin_unlock(&notify->lock);
	return covers;
}

bool slat_notify_may_map(struct slat_notify *notify, u64 seq, hva_t hva, unsigned int nr)
{
	bool blocked;

	/*
	 * The count first: end() bumps the sequence before it lowers the count,
	 * so whoever sees the lowered count also sees the sequence.
	 */
	if (likely(!smp_load_acquire(&notify->in_progress)))
		return READ_ONCE(notify->seq) == seq;
	port_spin_lock(&notify->lock);
	blocked = notify->seq != seq || notify_overlaps(notify, hva, nr);
	port_spin_unlock(&notify->lock);
	return !blocked;
}
