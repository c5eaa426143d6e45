/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bitmaps of a slot's dirty log, and who holds them: slot objects, which
 * come and go while the log stays. Builds in the kernel and in user space.
 */
#ifndef SLAT_SLOTS_DIRTY_BITMAP_H
#define SLAT_SLOTS_DIRTY_BITMAP_H

#include "mmu/types.h"

/**
 * struct slat_dirty_log - bitmaps of one slot
 * @refs: slot objects that share it (a slot that moves keeps its log)
 * @nr_words: of each bitmap
 * @live: bits set by writers at any time
 * @taken: bits of the collection in progress; under slots_lock
 */
struct slat_dirty_log {
	atomic64_t refs;
	u64 nr_words;
	unsigned long *live;
	unsigned long *taken;
};

/**
 * slat_dirty_log_create() - empty bitmaps for a slot
 * @npages: of the slot
 * @all_set: every page counts as dirty at first
 *
 * Return: the log with one reference, or NULL without memory.
 */
struct slat_dirty_log *slat_dirty_log_create(u64 npages, bool all_set);

struct slat_dirty_log *slat_dirty_log_get(struct slat_dirty_log *log);
void slat_dirty_log_put(struct slat_dirty_log *log);

/* What goes with the caller's reference: nothing if it is not the last. NULL is fine. */
u64 slat_dirty_log_own_bytes(const struct slat_dirty_log *log);

#endif
