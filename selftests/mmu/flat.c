// SPDX-License-Identifier: GPL-2.0
/*
 * The flat reference model of slots. See flat.h.
 */
#include "flat.h"

static struct flat_slot *find_id(const struct flat *flat, u32 id)
{
	u32 i;

	for (i = 0; i < FLAT_MAX; i++) {
		if (flat->slots[i].used && flat->slots[i].id == id)
			return (struct flat_slot *)&flat->slots[i];
	}
	return NULL;
}

struct flat_slot flat_slot(const struct flat *flat, u32 id)
{
	const struct flat_slot *slot = find_id(flat, id);

	return slot ? *slot : (struct flat_slot){ .used = false };
}

const struct flat_slot *flat_find(const struct flat *flat, gfn_t gfn)
{
	u32 i;

	for (i = 0; i < FLAT_MAX; i++) {
		if (flat_covers(&flat->slots[i], gfn))
			return &flat->slots[i];
	}
	return NULL;
}

static bool overlaps(const struct flat *flat, const struct flat_slot *slot)
{
	u32 i;

	for (i = 0; i < FLAT_MAX; i++) {
		const struct flat_slot *other = &flat->slots[i];

		if (other->used && other->id != slot->id &&
		    slot->base < other->base + other->npages &&
		    other->base < slot->base + slot->npages)
			return true;
	}
	return false;
}

/* The checks that need no slot, in any order: they all give -EINVAL. */
static bool is_malformed(const struct flat *flat,
			 const struct kvm_userspace_memory_region *r)
{
	u64 bits = r->guest_phys_addr | r->memory_size | r->userspace_addr;

	return (bits & 0xfff) || (r->flags & ~(KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES)) ||
	       r->slot >= flat->nr_max ||
	       r->guest_phys_addr > ~0ULL - r->memory_size ||
	       r->userspace_addr > PORT_USER_END ||
	       r->memory_size > PORT_USER_END - r->userspace_addr ||
	       r->memory_size / 4096 >= 1ULL << 31;
}

struct flat_change flat_expect(const struct flat *flat,
			       const struct kvm_userspace_memory_region *r)
{
	const struct flat_slot *old = find_id(flat, r->slot);
	struct flat_change change = {
		.err = -EINVAL,
		.new = { true, r->slot, r->flags, r->guest_phys_addr / 4096,
			 r->memory_size / 4096, r->userspace_addr },
	};

	if (is_malformed(flat, r))
		return change;
	if (old)
		change.old = *old;
	if (!r->memory_size) {
		change.kind = FLAT_DELETE;
		change.new.used = false;
		change.err = old ? 0 : -EINVAL;
		return change;
	}
	change.kind = FLAT_CREATE;
	if (old) {
		if (old->hva != change.new.hva || old->npages != change.new.npages ||
		    (old->flags ^ change.new.flags) & KVM_MEM_READONLY)
			return change;
		change.kind = FLAT_MOVE;
		if (old->base == change.new.base) {
			change.kind = old->flags == change.new.flags ? FLAT_NONE :
								       FLAT_FLAGS;
			change.err = 0;
			return change;
		}
	}
	if (overlaps(flat, &change.new))
		change.err = -EEXIST;
	else if (change.new.base + change.new.npages <= flat->max_gfn)
		change.err = 0;
	return change;
}

void flat_apply(struct flat *flat, const struct flat_change *change)
{
	struct flat_slot *slot;
	u32 i;

	if (change->err || change->kind == FLAT_NONE)
		return;
	slot = find_id(flat, change->kind == FLAT_CREATE ? change->new.id :
							   change->old.id);
	if (change->kind == FLAT_CREATE) {
		for (i = 0; !slot && i < FLAT_MAX; i++) {
			if (!flat->slots[i].used)
				slot = &flat->slots[i];
		}
	}
	*slot = change->new;
}
