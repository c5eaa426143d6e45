/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copying a sorted array with one item taken out and one put in: how every
 * immutable array of slots is made from its predecessor. Pure.
 */
#ifndef SLAT_ARRAY_H
#define SLAT_ARRAY_H

#include "mmu/types.h"

#define SLAT_EXCHANGE_NONE	(~0U)

/**
 * struct slat_exchange - which items change
 * @size: of one item in bytes
 * @nr: items in the old array
 * @out: position in the old array of the item to leave out, or none
 * @in: position in the old array before which @item goes, or none
 * @item: the item to put in
 */
struct slat_exchange {
	size_t size;
	u32 nr;
	u32 out;
	u32 in;
	const void *item;
};

/* Copy items [from, until) of the old array; returns where the next one goes. */
static inline char *slat_array_copy(char *to, const char *old, size_t size,
				    u32 from, u32 until)
{
	if (from >= until)
		return to;
	memcpy(to, old + from * size, (until - from) * size);
	return to + (until - from) * size;
}

static inline void slat_array_exchange(void *new, const void *old,
				       const struct slat_exchange *x)
{
	u32 first = min(min(x->in, x->out), x->nr);
	char *to = slat_array_copy(new, old, x->size, 0, first);

	if (x->out < x->in) {
		to = slat_array_copy(to, old, x->size, x->out + 1,
				     min(x->in, x->nr));
		first = min(x->in, x->nr);
	}
	if (x->in != SLAT_EXCHANGE_NONE) {
		memcpy(to, x->item, x->size);
		to += x->size;
	}
	if (x->out == SLAT_EXCHANGE_NONE || x->out < x->in) {
		slat_array_copy(to, old, x->size, first, x->nr);
		return;
	}
	to = slat_array_copy(to, old, x->size, first, x->out);
	slat_array_copy(to, old, x->size, x->out + 1, x->nr);
}

#endif
