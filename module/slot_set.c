// SPDX-License-Identifier: GPL-2.0
/*
 * Slots and sets of slots: building, searching, freeing. Pure but for memory;
 * called by memslots.c under slots_lock, the searches by every reader.
 */
#include "slot_set.h"
#include "array.h"
#include "dirty_log.h"

struct slat_slots_root *slat_slots_root_alloc(u32 nr)
{
	struct slat_slots_root *root;

	root = port_alloc(sizeof(*root) + 2 * nr * sizeof(root->by_gfn[0]));
	if (!root)
		return NULL;
	root->nr = nr;
	root->by_gfn = (struct slat_memslot **)(root + 1);
	root->by_id = root->by_gfn + nr;
	return root;
}

static void root_retired_free(struct slat_retired *retired)
{
	port_free(container_of(retired, struct slat_slots_root, retired));
}

void slat_memslot_free(struct slat_memslot *slot)
{
	if (!slot)
		return;
	slat_dirty_log_put(slot->log);
	port_free(slot);
}

static void slot_retired_free(struct slat_retired *retired)
{
	slat_memslot_free(container_of(retired, struct slat_memslot, retired));
}

void slat_slots_root_retire(struct slat_epochs *epochs,
			    struct slat_slots_root *root)
{
	if (root)
		slat_epoch_retire(epochs, &root->retired, root_retired_free);
}

void slat_memslot_retire(struct slat_epochs *epochs, struct slat_memslot *slot)
{
	if (slot)
		slat_epoch_retire(epochs, &slot->retired, slot_retired_free);
}

/* Number of slots that begin at or below @gfn. */
static u32 slots_up_to_gfn(const struct slat_slots_root *root, gfn_t gfn)
{
	u32 low = 0, high = root->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (root->by_gfn[mid]->base_gfn <= gfn)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Number of slots whose id is below @id. */
static u32 slots_below_id(const struct slat_slots_root *root, u32 id)
{
	u32 low = 0, high = root->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (root->by_id[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct slat_memslot *slat_slots_find(const struct slat_slots_root *root,
					   gfn_t gfn)
{
	u32 nr = slots_up_to_gfn(root, gfn);
	const struct slat_memslot *slot;

	if (!nr)
		return NULL;
	slot = root->by_gfn[nr - 1];
	return gfn - slot->base_gfn < slot->npages ? slot : NULL;
}

const struct slat_memslot *slat_slots_find_id(const struct slat_slots_root *root,
					      u32 id)
{
	u32 at = slots_below_id(root, id);

	if (at == root->nr || root->by_id[at]->id != id)
		return NULL;
	return root->by_id[at];
}

struct slat_slots_root *slat_slots_root_replace(const struct slat_slots_root *root,
						const struct slat_memslot *old,
						struct slat_memslot *new, u64 gen)
{
	struct slat_slots_root *copy =
		slat_slots_root_alloc(root->nr - !!old + !!new);
	struct slat_exchange change = {
		.size = sizeof(new),
		.nr = root->nr,
		.out = SLAT_EXCHANGE_NONE,
		.in = SLAT_EXCHANGE_NONE,
		.item = &new,
	};

	if (!copy)
		return NULL;
	copy->generation = gen;
	if (old)
		change.out = slots_up_to_gfn(root, old->base_gfn) - 1;
	if (new)
		change.in = slots_up_to_gfn(root, new->base_gfn);
	slat_array_exchange(copy->by_gfn, root->by_gfn, &change);

	if (old)
		change.out = slots_below_id(root, old->id);
	if (new)
		change.in = slots_below_id(root, new->id);
	slat_array_exchange(copy->by_id, root->by_id, &change);
	return copy;
}

struct slat_memslot *
slat_memslot_create(const struct kvm_userspace_memory_region *region,
		    const struct slat_memslot *old, bool all_set)
{
	struct slat_memslot *slot = port_alloc(sizeof(*slot));

	if (!slot)
		return NULL;
	slot->base_gfn = region->guest_phys_addr >> SLAT_PAGE_SHIFT;
	slot->npages = region->memory_size >> SLAT_PAGE_SHIFT;
	slot->hva = region->userspace_addr;
	slot->id = region->slot;
	slot->flags = region->flags;
	if (!(region->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return slot;
	slot->log = old && old->log ? slat_dirty_log_get(old->log) :
		    slat_dirty_log_create(slot->npages, all_set);
	if (slot->log)
		return slot;
	slat_memslot_free(slot);
	return NULL;
}

struct slat_memslot *slat_memslot_create_invalid(const struct slat_memslot *slot)
{
	struct slat_memslot *invalid = port_alloc(sizeof(*invalid));

	if (!invalid)
		return NULL;
	*invalid = *slot;
	invalid->invalid = true;
	slat_dirty_log_get(invalid->log);
	return invalid;
}

bool slat_slots_overlap(const struct slat_slots_root *root, gfn_t start,
			gfn_t end, const struct slat_memslot *self)
{
	u32 at = slots_up_to_gfn(root, end - 1);

	/* Slots are disjoint: at most one of those that reach in is @self. */
	while (at--) {
		const struct slat_memslot *slot = root->by_gfn[at];

		if (slot == self)
			continue;
		return slot->base_gfn + slot->npages > start;
	}
	return false;
}
