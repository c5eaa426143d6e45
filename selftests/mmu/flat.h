/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flat reference model of slots: an unsorted table and KVM's rules, written
 * without a look at module/memslots.c.
 */
#ifndef SLAT_FLAT_H
#define SLAT_FLAT_H

#include "slots/memslots.h"

#define FLAT_MAX	64

struct flat_slot {
	bool used;
	u32 id;
	u32 flags;
	gfn_t base;
	u64 npages;
	hva_t hva;
};

struct flat {
	struct flat_slot slots[FLAT_MAX];
	u32 nr_max;
	gfn_t max_gfn;
};

enum flat_kind { FLAT_NONE, FLAT_CREATE, FLAT_DELETE, FLAT_MOVE, FLAT_FLAGS };

/**
 * struct flat_change - what a request does
 * @err: 0 or the errno that KVM gives
 * @kind: what kind of change it is, if @err is 0
 * @old: the slot before
 * @new: the slot after
 */
struct flat_change {
	int err;
	enum flat_kind kind;
	struct flat_slot old;
	struct flat_slot new;
};

struct flat_change flat_expect(const struct flat *flat,
			       const struct kvm_userspace_memory_region *region);
void flat_apply(struct flat *flat, const struct flat_change *change);
/* The slot with number @id; not used: none. */
struct flat_slot flat_slot(const struct flat *flat, u32 id);
const struct flat_slot *flat_find(const struct flat *flat, gfn_t gfn);

static inline bool flat_covers(const struct flat_slot *slot, gfn_t gfn)
{
	return slot->used && gfn >= slot->base && gfn < slot->base + slot->npages;
}

static inline hva_t flat_hva(const struct flat_slot *slot, gfn_t gfn)
{
	return slot->hva + (gfn - slot->base) * SLAT_PAGE_SIZE;
}

#endif
