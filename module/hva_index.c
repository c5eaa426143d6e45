// SPDX-License-Identifier: GPL-2.0
/*
 * Slots by host address: a sorted array in which each range knows the greatest
 * end so far, so that a search backwards knows when to stop. Built by
 * memslots.c for each update that changes host ranges, walked by the
 * mmu_notifier.
 */
#include "hva_index.h"
#include "array.h"

static struct slat_hva_range range_of(const struct slat_memslot *slot)
{
	return (struct slat_hva_range) {
		.start = slot->hva,
		.end = slot->hva + (slot->npages << SLAT_PAGE_SHIFT),
		.base_gfn = slot->base_gfn,
	};
}

static bool range_is_before(const struct slat_hva_range *a,
			    const struct slat_hva_range *b)
{
	return a->start < b->start ||
	       (a->start == b->start && a->base_gfn < b->base_gfn);
}

/* Number of ranges that sort before @key. */
static u32 index_before(const struct slat_hva_index *index,
			const struct slat_hva_range *key)
{
	u32 low = 0, high = index ? index->nr : 0;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (range_is_before(&index->ranges[mid], key))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Fill in max_end from position @from on: below it nothing changed. */
static void index_fill_max_end(struct slat_hva_index *index, u32 from)
{
	hva_t max_end = from ? index->ranges[from - 1].max_end : 0;
	u32 i;

	for (i = from; i < index->nr; i++) {
		max_end = max(max_end, index->ranges[i].end);
		index->ranges[i].max_end = max_end;
	}
}

struct slat_hva_index *slat_hva_index_replace(const struct slat_hva_index *index,
					      const struct slat_memslot *old,
					      const struct slat_memslot *new)
{
	u32 nr = index ? index->nr : 0;
	struct slat_hva_range leaving, coming;
	struct slat_hva_index *copy;
	struct slat_exchange change = {
		.size = sizeof(coming),
		.nr = nr,
		.out = SLAT_EXCHANGE_NONE,
		.in = SLAT_EXCHANGE_NONE,
		.item = &coming,
	};

	nr = nr - !!old + !!new;
	copy = port_alloc(sizeof(*copy) + nr * sizeof(copy->ranges[0]));
	if (!copy)
		return NULL;
	copy->nr = nr;
	if (old) {
		leaving = range_of(old);
		change.out = index_before(index, &leaving);
	}
	if (new) {
		coming = range_of(new);
		change.in = index_before(index, &coming);
	}
	slat_array_exchange(copy->ranges, index ? index->ranges : NULL, &change);
	/* Neither position is one, when nothing changes. */
	index_fill_max_end(copy, min(min(change.in, change.out), nr));
	return copy;
}

void slat_hva_walk_start(struct slat_hva_walk *walk, hva_t start, hva_t end)
{
	walk->start = start;
	walk->end = end;
	/* Before this sorts everything that starts below @end. */
	walk->at.start = end;
	walk->at.base_gfn = 0;
}

bool slat_hva_walk_next(struct slat_hva_walk *walk,
			const struct slat_hva_index *index)
{
	u32 at = index_before(index, &walk->at);

	while (at--) {
		const struct slat_hva_range *range = &index->ranges[at];
		hva_t from, to;

		if (range->max_end <= walk->start)
			return false;
		if (range->end <= walk->start)
			continue;
		walk->at = *range;
		from = max(walk->start, range->start);
		to = min(walk->end, range->end);
		walk->first = range->base_gfn +
			      ((from - range->start) >> SLAT_PAGE_SHIFT);
		walk->last = range->base_gfn +
			     ((to - 1 - range->start) >> SLAT_PAGE_SHIFT) + 1;
		return true;
	}
	return false;
}
