/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Epochs: how readers of slots and tables keep old objects alive, and how an
 * updater waits for exactly those readers that may still hold one.
 *
 * A reader (one per vCPU, one per ioctl in flight) publishes the current epoch
 * number while it is inside a section and 0 while it is outside. Readers may
 * sleep inside (they fault in host memory), which rules out RCU; and an updater
 * need not wait for a reader that started after its change, nor for one that is
 * outside: a vCPU in guest mode costs nothing.
 *
 * Proof of the wait. Reader: store epoch, full barrier, load the pointer.
 * Updater: store the pointer, full barrier (in slat_epoch_advance()), load the
 * reader's epoch. One of the two sees the other's store: either the reader
 * loads the new pointer, or the updater sees it inside and waits. A reader
 * whose epoch is greater than the one returned by slat_epoch_advance() entered
 * after the advance, so after the store of the pointer.
 *
 * A reader that sleeps (userfaultfd, NFS) keeps whatever is retired meanwhile, for as
 * long as the client likes; so what is retired is counted in bytes, and there are two
 * bounds. None is a wait: whoever would wait for the sleeper may be whom it waits for.
 *
 *	SLAT_RETIRED_MAX: the guest's. Taking a table out of the tree is never
 *	necessary: its entries can be zapped where they are, an MMIO access can be
 *	emulated without an entry, and RAM can have a table beyond the cap, since
 *	slots need only so many. So beyond the budget, and while it is a sleeper
 *	that keeps it, no table is taken (slat_epochs_are_full()).
 *	The slots': see change_has_room() in slots/memslots.c.
 */
#ifndef SLAT_MMU_EPOCH_H
#define SLAT_MMU_EPOCH_H

#include "types.h"

/**
 * struct slat_epochs - one domain of readers and retired objects (one per VM)
 * @now: current epoch, never 0; written under @lock
 * @waiters: updaters asleep in slat_epoch_wait()
 * @wait: where they sleep
 * @lock: leaf lock; protects @readers, @retired and writes of @now
 * @readers: all registered readers
 * @retired: objects to be freed, oldest epoch first
 * @nr_retired: length of @retired
 * @retired_bytes: memory of all of them; as @nr_retired written under @lock, read bare
 */
struct slat_epochs {
	u64 now;
	atomic64_t waiters;
	port_waitq_t wait;
	port_spinlock_t lock;
	struct list_head readers;
	struct list_head retired;
	u64 nr_retired;
	u64 retired_bytes;
};

/* Objects that are freed in one go: as long as the leaf lock is held, and a CPU kept. */
#define SLAT_REAP_SLICE		64

/* Retired bytes beyond which no more tables are taken: about 1000 of them. */
#define SLAT_RETIRED_MAX	(4ULL << 20)

/**
 * struct slat_reader - one reader
 * @epoch: 0 outside; inside, the epoch at entry. Written by its owner alone.
 * @list: in slat_epochs.readers
 */
struct slat_reader {
	u64 epoch;
	struct list_head list;
};

/**
 * struct slat_retired - embedded in what is freed when no reader can hold it
 * @list: in slat_epochs.retired
 * @epoch: readers at or below this may hold the object
 * @bytes: of memory that it keeps, about
 * @free: called without locks once none does
 */
struct slat_retired {
	struct list_head list;
	u64 epoch;
	u64 bytes;
	void (*free)(struct slat_retired *retired);
};

void slat_epochs_init(struct slat_epochs *epochs);

/**
 * slat_epochs_destroy() - free everything still retired
 * @epochs: domain without registered readers
 */
void slat_epochs_destroy(struct slat_epochs *epochs);

void slat_reader_register(struct slat_epochs *epochs, struct slat_reader *reader);
void slat_reader_unregister(struct slat_epochs *epochs,
			    struct slat_reader *reader);

static inline bool slat_reader_inside(const struct slat_reader *reader)
{
	return reader->epoch != 0;
}

/* Enter a section. Sections of one reader do not nest. */
static inline void slat_reader_enter(struct slat_epochs *epochs,
				     struct slat_reader *reader)
{
	WRITE_ONCE(reader->epoch, READ_ONCE(epochs->now));
	/* Pairs with slat_epoch_advance(): see the proof above. */
	smp_mb();
}

void slat_reader_wake(struct slat_epochs *epochs);

/* Leave a section: nothing found in it may be used afterwards. */
static inline void slat_reader_leave(struct slat_epochs *epochs,
				     struct slat_reader *reader)
{
	/* What the section did comes before: pairs with epochs_oldest(). */
	smp_store_release(&reader->epoch, 0);
	/* Pairs with slat_epoch_wait(): it counts itself, then looks at us. */
	smp_mb();
	if (unlikely(atomic64_read(&epochs->waiters)))
		slat_reader_wake(epochs);
}

/**
 * slat_epoch_advance() - begin a new epoch after a pointer was replaced
 * @epochs: domain
 *
 * Return: the epoch that ended; readers at or below it may hold the old object.
 */
u64 slat_epoch_advance(struct slat_epochs *epochs);

/**
 * slat_epoch_wait() - wait until no reader is inside @epoch or an older one
 * @epochs: domain
 * @epoch: what slat_epoch_advance() returned
 *
 * Sleeps. The caller must not be inside a section and holds no lock that a
 * reader inside one may take.
 */
void slat_epoch_wait(struct slat_epochs *epochs, u64 epoch);

/**
 * slat_epoch_retire() - free an object once no reader can hold it
 * @epochs: domain
 * @retired: embedded in the object; already unreachable for new readers
 * @bytes: of memory that freeing it gives back, about
 * @free: how to free it
 *
 * May be called under the mmu lock. Nothing is freed before the next
 * slat_epoch_reap().
 */
void slat_epoch_retire(struct slat_epochs *epochs, struct slat_retired *retired, u64 bytes,
		       void (*free)(struct slat_retired *retired));

/**
 * slat_epoch_reap() - free the retired objects that nobody can hold any more
 * @epochs: domain
 *
 * Called without spinlocks, from process context: may give up the CPU.
 */
void slat_epoch_reap(struct slat_epochs *epochs);

/**
 * slat_epochs_are_full() - do sleeping readers keep as much as they may?
 * @epochs: domain
 *
 * More than SLAT_RETIRED_MAX is retired, and slat_epoch_reap() would not help. Takes a
 * leaf lock if the first is so; may be called under the mmu lock.
 */
bool slat_epochs_are_full(struct slat_epochs *epochs);

#endif
