/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slots by host address, for host changes. Apart from the slot set proper: it
 * is read by the mmu_notifier, which must not wait for anybody, and it keeps a
 * slot from before its first fault until after its last entry is zapped.
 */
#ifndef SLAT_HVA_INDEX_H
#define SLAT_HVA_INDEX_H

#include "memslots.h"

/**
 * struct slat_hva_range - one slot as the host sees it
 * @start: first host address
 * @end: first host address behind it
 * @max_end: the greatest @end of this and all earlier ranges of the index
 * @base_gfn: gfn of @start; unique in an index
 */
struct slat_hva_range {
	hva_t start;
	hva_t end;
	hva_t max_end;
	gfn_t base_gfn;
};

/**
 * struct slat_hva_index - all slots, sorted by (start, base_gfn); immutable
 * @nr: number of ranges
 * @ranges: the ranges; slots may share host memory, so they may overlap
 */
struct slat_hva_index {
	u32 nr;
	struct slat_hva_range ranges[];
};

/**
 * slat_hva_index_replace() - a copy of an index with one slot exchanged
 * @index: the index, or NULL for the empty one
 * @old: slot to leave out, or NULL
 * @new: slot to add, or NULL
 *
 * Return: the new index, to be freed by port_free(), or NULL without memory.
 */
struct slat_hva_index *slat_hva_index_replace(const struct slat_hva_index *index,
					      const struct slat_memslot *old,
					      const struct slat_memslot *new);

/**
 * struct slat_hva_walk - a walk over the parts of a host range that slots map
 * @start: first host address
 * @end: first host address behind the range
 * @at: range found last: the walk goes down from here, in any index
 * @first: found: first gfn
 * @last: found: first gfn behind the part
 */
struct slat_hva_walk {
	hva_t start;
	hva_t end;
	struct slat_hva_range at;
	gfn_t first;
	gfn_t last;
};

void slat_hva_walk_start(struct slat_hva_walk *walk, hva_t start, hva_t end);

/**
 * slat_hva_walk_next() - find the next part
 * @walk: the walk
 * @index: the current index; it may be another one than the last time
 *
 * A slot that is in the index during the whole walk is found exactly once.
 *
 * Return: false when there are no more.
 */
bool slat_hva_walk_next(struct slat_hva_walk *walk,
			const struct slat_hva_index *index);

#endif
