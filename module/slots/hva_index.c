// SPDX-License-Identifier: GPL-2.0
/*
 * Slots by host address: a tree in which each node knows the greatest end below
 * it, so that a search backwards knows where not to look. Changed by memslots.c
 * for each update that changes host ranges, walked by the mmu_notifier.
 */
#include "hva_index.h"

static struct slat_tree_entry range_of(const struct slat_memslot *slot)
{
	return (struct slat_tree_entry) {
		.start = slot->hva,
		.tie = slot->base_gfn,
		.end = slot->hva + (slot->npages << SLAT_PAGE_SHIFT),
		.state = slot->state,
	};
}

int slat_hva_index_replace(struct slat_tree_node *index,
			   const struct slat_memslot *old,
			   const struct slat_memslot *new,
			   struct slat_tree_node **result)
{
	struct slat_tree_entry out, in;

	if (old)
		out = range_of(old);
	if (new)
		in = range_of(new);
	return slat_tree_change(index, old ? &out : NULL, new ? &in : NULL,
				result);
}

void slat_hva_walk_start(struct slat_hva_walk *walk, hva_t start, hva_t end)
{
	walk->start = start;
	walk->end = end;
	/* Before this sorts everything that starts below @end. */
	walk->at_hva = end;
	walk->at_gfn = 0;
}

bool slat_hva_walk_next(struct slat_hva_walk *walk,
			const struct slat_tree_node *index)
{
	const struct slat_tree_entry *range =
		slat_tree_last_reaching(index, walk->at_hva, walk->at_gfn,
					walk->start);
	hva_t from, to;

	if (!range)
		return false;
	walk->at_hva = range->start;
	walk->at_gfn = range->tie;
	walk->state = range->state;
	from = max_t(hva_t, walk->start, range->start);
	to = min_t(hva_t, walk->end, range->end);
	walk->first = range->tie + ((from - range->start) >> SLAT_PAGE_SHIFT);
	walk->last = range->tie + ((to - 1 - range->start) >> SLAT_PAGE_SHIFT) + 1;
	return true;
}
