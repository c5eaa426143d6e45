/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Write protection for the dirty log: a whole range, and the pages whose bits are
 * collected. Called by the slots under slots_lock, without the mmu lock, which is taken
 * exclusive inside.
 */
#ifndef SLAT_MMU_DIRTY_H
#define SLAT_MMU_DIRTY_H

#include "policy.h"

struct slat_mmu;

/**
 * slat_mmu_wrprot_range() - write-protect every leaf of a range, and flush
 * @mmu: the EPT
 * @start: first gfn
 * @end: first gfn behind the range
 *
 * Takes the mmu lock exclusive and may yield.
 *
 * Return: how many leafs lost W.
 */
u64 slat_mmu_wrprot_range(struct slat_mmu *mmu, gfn_t start, gfn_t end);

/**
 * struct slat_dirty_round - one collection of a slot's dirty bits
 * @base_gfn: gfn of bit 0
 * @npages: bits
 * @live: the bitmap that writers set bits in
 * @only: take only these bits; NULL: all
 * @strategy: how to protect
 * @taken: out: the bits taken from @live
 * @nr_taken: out: how many bits those are
 * @nr_protected: out: leafs that lost W
 * @nr_visited: out: leafs looked at
 * @spent: out: time of the protecting alone, in units of port_clock()
 */
struct slat_dirty_round {
	gfn_t base_gfn;
	u64 npages;
	unsigned long *live;
	const unsigned long *only;
	enum slat_wrprot strategy;
	unsigned long *taken;
	u64 nr_taken;
	u64 nr_protected;
	u64 nr_visited;
	u64 spent;
};

/* Words of a bitmap that a collection takes at once: one leaf table's worth. */
#define SLAT_COLLECT_WORDS	(SLAT_TABLE_ENTRIES / (8 * sizeof(unsigned long)))

static_assert(SLAT_COLLECT_WORDS == 8);

/*
 * Has none of the words [@from, @until) a bit, SLAT_COLLECT_WORDS at most? Most of
 * most logs is passed here: whole stretches are one expression without a loop.
 * Bare reads: a bit that is set meanwhile may be seen or not.
 */
static inline bool slat_words_are_zero(const unsigned long *words, u64 from, u64 until)
{
	const unsigned long *w = words + from;
	unsigned long any = 0;

	if (until - from == SLAT_COLLECT_WORDS)
		return !(READ_ONCE(w[0]) | READ_ONCE(w[1]) | READ_ONCE(w[2]) |
			 READ_ONCE(w[3]) | READ_ONCE(w[4]) | READ_ONCE(w[5]) |
			 READ_ONCE(w[6]) | READ_ONCE(w[7]));
	for (; from < until; from++)
		any |= READ_ONCE(words[from]);
	return !any;
}

/**
 * slat_mmu_collect_dirty() - take dirty bits and protect their pages, and flush
 * @mmu: the EPT
 * @round: what to take, and what came of it
 *
 * A bit is taken and its leaf protected in one exclusive section, and a fault
 * grants W and sets the bit in one shared section; so when it returns, each page
 * whose bit was taken traps its next write, or has its bit set again.
 * Takes the mmu lock exclusive and may yield.
 */
void slat_mmu_collect_dirty(struct slat_mmu *mmu,
			    struct slat_dirty_round *round);

#endif
