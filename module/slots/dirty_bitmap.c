// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a slot's dirty bitmaps. Called where slot objects are made and freed;
 * the last reference may go where nobody may sleep.
 */
#include "dirty_bitmap.h"

#define WORD_BITS	(8 * sizeof(unsigned long))

static u64 log_bytes(u64 nr_words)
{
	return sizeof(struct slat_dirty_log) + 2 * nr_words * sizeof(unsigned long);
}

struct slat_dirty_log *slat_dirty_log_create(u64 npages, bool all_set)
{
	u64 nr_words = (npages + WORD_BITS - 1) / WORD_BITS;
	struct slat_dirty_log *log;
	u64 bit;

	log = port_alloc(log_bytes(nr_words));
	if (!log)
		return NULL;
	atomic64_set(&log->refs, 1);
	log->nr_words = nr_words;
	log->live = (unsigned long *)(log + 1);
	log->taken = log->live + nr_words;
	if (all_set) {
		for (bit = 0; bit < npages / WORD_BITS; bit++)
			log->live[bit] = ~0UL;
		if (npages % WORD_BITS)
			log->live[bit] = BIT_ULL(npages % WORD_BITS) - 1;
	}
	return log;
}

struct slat_dirty_log *slat_dirty_log_get(struct slat_dirty_log *log)
{
	if (log)
		atomic64_inc(&log->refs);
	return log;
}

void slat_dirty_log_put(struct slat_dirty_log *log)
{
	if (log && !atomic64_dec_return(&log->refs))
		port_free(log);
}

u64 slat_dirty_log_own_bytes(const struct slat_dirty_log *log)
{
	return log && atomic64_read(&log->refs) == 1 ? log_bytes(log->nr_words) : 0;
}
