// SPDX-License-Identifier: GPL-2.0
/*
 * Write protection for the dirty log: a whole range when a log is enabled, and
 * the pages whose dirty bits are collected, by either strategy. Called by
 * dirty_log.c and memslots.c; takes the mmu lock exclusive itself.
 */
#include "dirty.h"
#include "internal.h"

#define WORD_BITS	(8 * sizeof(unsigned long))

u64 slat_mmu_wrprot_range(struct slat_mmu *mmu, gfn_t start, gfn_t end)
{
	struct slat_batch batch;
	struct slat_iter iter;
	u64 nr = 0;

	slat_batch_init(&batch, mmu, SLAT_WHY_LOG);
	port_write_lock(&mmu->lock);
	slat_batch_begin_step(&batch);
	slat_for_each_entry(&iter, mmu, start, end) {
		gfn_t until;

		if (slat_iter_yield(&iter, &batch))
			continue;
		if (iter.table->level != SLAT_LEVEL_4K) {
			nr += slat_entry_wrprot(&batch, iter.table, iter.gfn);
			continue;
		}
		until = slat_iter_table_end(&iter);
		nr += slat_table_wrprot(&batch, iter.table, iter.gfn, until);
		slat_iter_done_until(&iter, until);
	}
	slat_batch_flush(&batch);
	port_write_unlock(&mmu->lock);
	return nr;
}

/* Protect the leaf of each taken bit of words [from, until). */
static void protect_by_rmap(struct slat_batch *batch,
			    struct slat_dirty_round *round, u64 from, u64 until)
{
	struct slat_table *table = NULL;
	u64 i;

	for (i = from; i < until; i++) {
		unsigned long word = round->taken[i];

		for (; word; word &= word - 1) {
			gfn_t gfn = round->base_gfn + i * WORD_BITS +
				    port_first_bit(word);

			if (!table || slat_level_base(gfn, SLAT_LEVEL_2M) !=
				      table->base)
				table = slat_table_find(batch->mmu, gfn,
							SLAT_LEVEL_4K);
			if (table && slat_page_wrprot(batch, table, gfn))
				round->nr_protected++;
		}
	}
}

/* Protect every leaf that words [from, until) stand for. */
static void protect_by_scan(struct slat_batch *batch,
			    struct slat_dirty_round *round, u64 from, u64 until)
{
	gfn_t start = round->base_gfn + from * WORD_BITS;
	gfn_t end = round->base_gfn + min(until * WORD_BITS, round->npages);
	struct slat_iter iter;

	slat_for_each_entry(&iter, batch->mmu, start, end) {
		gfn_t until;

		if (iter.table->level != SLAT_LEVEL_4K)
			continue;
		until = slat_iter_table_end(&iter);
		round->nr_visited += until - iter.gfn;
		round->nr_protected += slat_table_wrprot(batch, iter.table,
							 iter.gfn, until);
		slat_iter_done_until(&iter, until);
	}
}

/*
 * None of words [from, until) was taken. Without a loop, as slat_words_are_zero(),
 * and without the string instruction that memset() of 64 bytes would be.
 */
static void take_none(unsigned long *taken, u64 from, u64 until)
{
	unsigned long *t = taken + from;

	if (until - from == SLAT_COLLECT_WORDS) {
		t[0] = 0;
		t[1] = 0;
		t[2] = 0;
		t[3] = 0;
		t[4] = 0;
		t[5] = 0;
		t[6] = 0;
		t[7] = 0;
		return;
	}
	for (; from < until; from++)
		taken[from] = 0;
}

/* Take the bits of words [from, until); says whether there were any. */
static bool take_bits(struct slat_dirty_round *round, u64 from, u64 until)
{
	unsigned long any = 0;
	u64 i;

	if (slat_words_are_zero(round->only ? round->only : round->live, from, until)) {
		take_none(round->taken, from, until);
		return false;
	}
	for (i = from; i < until; i++) {
		unsigned long taken = READ_ONCE(round->live[i]);

		if (taken && round->only)
			taken &= round->only[i];
		if (taken) {
			taken = round->only ?
				port_word_andnot(&round->live[i], round->only[i]) &
				round->only[i] :
				port_word_xchg(&round->live[i], 0);
			round->nr_taken += port_popcount(taken);
		}
		round->taken[i] = taken;
		any |= taken;
	}
	return any;
}

static void protect(struct slat_batch *batch, struct slat_dirty_round *round,
		    u64 from, u64 until)
{
	u64 began = port_clock();

	if (round->strategy == SLAT_WRPROT_RMAP) {
		protect_by_rmap(batch, round, from, until);
		/* One leaf a bit. */
		round->nr_visited = round->nr_taken;
	} else {
		protect_by_scan(batch, round, from, until);
	}
	round->spent += port_clock() - began;
}

/*
 * A scan protects pages too whose bit is not taken (@only, or written since the
 * chunk before): their bit is set, so their next write has nothing to report,
 * and the fault that it takes sets it again.
 */
void slat_mmu_collect_dirty(struct slat_mmu *mmu,
			    struct slat_dirty_round *round)
{
	u64 words = (round->npages + WORD_BITS - 1) / WORD_BITS;
	struct slat_batch batch;
	u64 at;

	round->nr_taken = 0;
	round->nr_protected = 0;
	round->nr_visited = 0;
	round->spent = 0;
	slat_batch_init(&batch, mmu, SLAT_WHY_DIRTY);
	port_write_lock(&mmu->lock);
	slat_batch_begin_step(&batch);
	for (at = 0; at < words; at += SLAT_COLLECT_WORDS) {
		u64 until = min(at + SLAT_COLLECT_WORDS, words);

		if (take_bits(round, at, until))
			protect(&batch, round, at, until);
		slat_batch_did(&batch, SLAT_COLLECT_WORDS);
		slat_batch_yield(&batch);
	}
	slat_count(round->strategy == SLAT_WRPROT_RMAP ? &mmu->counters.rounds_rmap :
							 &mmu->counters.rounds_scan);
	slat_batch_flush(&batch);
	port_write_unlock(&mmu->lock);
}
