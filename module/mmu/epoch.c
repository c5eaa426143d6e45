// SPDX-License-Identifier: GPL-2.0
/*
 * Epochs: waiting for readers and freeing what they may hold. See epoch.h for
 * the protocol and its proof. Called by the slots (old roots) and by the zap
 * code (unlinked tables).
 */
#include "epoch.h"

void slat_epochs_init(struct slat_epochs *epochs)
{
	epochs->now = 1;
	epochs->nr_retired = 0;
	epochs->retired_bytes = 0;
	atomic64_set(&epochs->waiters, 0);
	port_waitq_init(&epochs->wait);
	port_spin_init(&epochs->lock);
	INIT_LIST_HEAD(&epochs->readers);
	INIT_LIST_HEAD(&epochs->retired);
}

void slat_epochs_destroy(struct slat_epochs *epochs)
{
	WARN_ON_ONCE(!list_empty(&epochs->readers));
	slat_epoch_reap(epochs);
	WARN_ON_ONCE(!list_empty(&epochs->retired));
}

void slat_reader_register(struct slat_epochs *epochs, struct slat_reader *reader)
{
	reader->epoch = 0;
	port_spin_lock(&epochs->lock);
	list_add_tail(&reader->list, &epochs->readers);
	port_spin_unlock(&epochs->lock);
}

void slat_reader_unregister(struct slat_epochs *epochs,
			    struct slat_reader *reader)
{
	WARN_ON_ONCE(slat_reader_inside(reader));
	port_spin_lock(&epochs->lock);
	list_del(&reader->list);
	port_spin_unlock(&epochs->lock);
}

void slat_reader_wake(struct slat_epochs *epochs)
{
	port_wake_all(&epochs->wait);
}

/* The oldest epoch that a reader is inside of; ~0 if none is. */
static u64 epochs_oldest(struct slat_epochs *epochs)
{
	struct slat_reader *reader;
	u64 oldest = ~0ULL;

	list_for_each_entry(reader, &epochs->readers, list) {
		/* Pairs with the release in slat_reader_leave(). */
		u64 epoch = smp_load_acquire(&reader->epoch);

		if (epoch)
			oldest = min(oldest, epoch);
	}
	return oldest;
}

static bool epoch_is_over(struct slat_epochs *epochs, u64 epoch)
{
	bool over;

	port_spin_lock(&epochs->lock);
	over = epochs_oldest(epochs) > epoch;
	port_spin_unlock(&epochs->lock);
	return over;
}

u64 slat_epoch_advance(struct slat_epochs *epochs)
{
	u64 old;

	port_spin_lock(&epochs->lock);
	old = epochs->now;
	WRITE_ONCE(epochs->now, old + 1);
	port_spin_unlock(&epochs->lock);
	/* The caller's pointer store before our loads of the readers' epochs. */
	smp_mb();
	return old;
}

void slat_epoch_wait(struct slat_epochs *epochs, u64 epoch)
{
	if (epoch_is_over(epochs, epoch))
		return;
	atomic64_inc(&epochs->waiters);
	/* Pairs with slat_reader_leave(): it clears its epoch, then looks at us. */
	smp_mb();
	port_wait_event(epochs->wait, epoch_is_over(epochs, epoch));
	atomic64_dec(&epochs->waiters);
}

void slat_epoch_retire(struct slat_epochs *epochs, struct slat_retired *retired, u64 bytes,
		       void (*free)(struct slat_retired *retired))
{
	retired->free = free;
	retired->bytes = bytes;
	port_spin_lock(&epochs->lock);
	retired->epoch = epochs->now;
	WRITE_ONCE(epochs->now, retired->epoch + 1);
	list_add_tail(&retired->list, &epochs->retired);
	WRITE_ONCE(epochs->nr_retired, epochs->nr_retired + 1);
	WRITE_ONCE(epochs->retired_bytes, epochs->retired_bytes + bytes);
	port_spin_unlock(&epochs->lock);
}

/* At most SLAT_REAP_SLICE objects of epochs before @until. Returns how many. */
static unsigned int epoch_reap_slice(struct slat_epochs *epochs, u64 until)
{
	struct slat_retired *retired, *next;
	unsigned int nr = 0;
	LIST_HEAD(done);

	port_spin_lock(&epochs->lock);
	until = min(until, epochs_oldest(epochs));
	list_for_each_entry_safe(retired, next, &epochs->retired, list) {
		if (retired->epoch >= until || nr == SLAT_REAP_SLICE)
			break;
		list_del(&retired->list);
		list_add_tail(&retired->list, &done);
		nr++;
		WRITE_ONCE(epochs->nr_retired, epochs->nr_retired - 1);
		WRITE_ONCE(epochs->retired_bytes, epochs->retired_bytes - retired->bytes);
	}
	port_spin_unlock(&epochs->lock);
	list_for_each_entry_safe(retired, next, &done, list)
		retired->free(retired);
	return nr;
}

/*
 * What is retired while this goes on is left to others, so it ends. A reader that enters
 * meanwhile can hold nothing that was retired before.
 */
void slat_epoch_reap(struct slat_epochs *epochs)
{
	u64 until;

	if (!READ_ONCE(epochs->nr_retired))
		return;
	until = READ_ONCE(epochs->now);
	/* What was retired before this point against the readers' epochs. */
	smp_mb();
	while (epoch_reap_slice(epochs, until) == SLAT_REAP_SLICE)
		port_cond_resched();
}

/* In order of age: if the oldest may go, reaping gets on, and it is nobody who sleeps. */
bool slat_epochs_are_full(struct slat_epochs *epochs)
{
	const struct slat_retired *first;
	bool kept;

	if (likely(READ_ONCE(epochs->retired_bytes) <= SLAT_RETIRED_MAX))
		return false;
	/* As slat_epoch_reap(). */
	smp_mb();
	port_spin_lock(&epochs->lock);
	first = list_first_entry(&epochs->retired, struct slat_retired, list);
	kept = !list_empty(&epochs->retired) && first->epoch >= epochs_oldest(epochs);
	port_spin_unlock(&epochs->lock);
	return kept;
}
