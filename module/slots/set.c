// SPDX-License-Identifier: GPL-2.0
/*
 * Slots and sets of slots: building, searching, freeing. Pure but for memory;
 * called by memslots.c under slots_lock, the searches by every reader.
 */
#include "set.h"
#include "dirty_bitmap.h"
#include "tree.h"

struct slat_slots_root *slat_slots_root_create(u64 gen)
{
	struct slat_slots_root *root = port_alloc(sizeof(*root));

	if (root)
		root->generation = gen;
	return root;
}

void slat_slots_root_free(struct slat_slots_root *root)
{
	if (!root)
		return;
	slat_tree_put(root->by_gfn);
	port_free(root);
}

static void root_retired_free(struct slat_retired *retired)
{
	slat_slots_root_free(container_of(retired, struct slat_slots_root,
					  retired));
}

/*
 * The first object of a slot and the state that outlives it, in one piece so
 * that CREATE allocates once: it is freed with the last reference to the state.
 */
struct slot_home {
	struct slat_memslot slot;
	struct slat_slot_state state;
};

static struct slot_home *home_of(struct slat_slot_state *state)
{
	return container_of(state, struct slot_home, state);
}

static struct slat_memslot *slot_alloc_home(void)
{
	struct slot_home *home = port_alloc(sizeof(*home));

	if (!home)
		return NULL;
	atomic64_set(&home->state.refs, 1);
	home->state.policy = SLAT_POLICY_INHERIT;
	home->slot.state = &home->state;
	return &home->slot;
}

static struct slat_memslot *slot_alloc(struct slat_slot_state *state)
{
	struct slat_memslot *slot = port_alloc(sizeof(*slot));

	if (!slot)
		return NULL;
	slot->state = slat_slot_state_get(state);
	return slot;
}

struct slat_slot_state *slat_slot_state_get(struct slat_slot_state *state)
{
	atomic64_inc(&state->refs);
	return state;
}

/* The last reference may be that of a notifier which must not sleep. */
void slat_slot_state_put(struct slat_slot_state *state)
{
	static_assert(sizeof(struct slot_home) <= SLAT_PAGE_SIZE);

	if (!atomic64_dec_return(&state->refs))
		port_free_small(home_of(state));
}

void slat_memslot_free(struct slat_memslot *slot)
{
	struct slat_slot_state *state;

	if (!slot)
		return;
	state = slot->state;
	slat_dirty_log_put(slot->log);
	if (slot != &home_of(state)->slot)
		port_free(slot);
	slat_slot_state_put(state);
}

static void slot_retired_free(struct slat_retired *retired)
{
	slat_memslot_free(container_of(retired, struct slat_memslot, retired));
}

void slat_slots_root_retire(struct slat_epochs *epochs,
			    struct slat_slots_root *root)
{
	if (root)
		slat_epoch_retire(epochs, &root->retired,
				  sizeof(*root) + slat_tree_path_bytes(root->by_gfn),
				  root_retired_free);
}

void slat_memslot_retire(struct slat_epochs *epochs, struct slat_memslot *slot)
{
	if (slot)
		slat_epoch_retire(epochs, &slot->retired,
				  sizeof(*slot) + slat_dirty_log_own_bytes(slot->log),
				  slot_retired_free);
}

const struct slat_memslot *slat_slots_find(const struct slat_slots_root *root,
					   gfn_t gfn)
{
	const struct slat_tree_entry *entry = slat_tree_floor(root->by_gfn, gfn, 0);

	return entry && gfn < entry->end ? entry->slot : NULL;
}

static struct slat_tree_entry entry_of_slot(const struct slat_memslot *slot)
{
	return (struct slat_tree_entry) {
		.start = slot->base_gfn,
		.end = slot->base_gfn + slot->npages,
		.slot = slot,
	};
}

struct slat_slots_root *slat_slots_root_replace(const struct slat_slots_root *root,
						const struct slat_memslot *old,
						const struct slat_memslot *new,
						u64 gen)
{
	struct slat_slots_root *copy = slat_slots_root_create(gen);
	struct slat_tree_entry out, in;

	if (!copy)
		return NULL;
	if (old)
		out = entry_of_slot(old);
	if (new)
		in = entry_of_slot(new);
	copy->nr = root->nr - !!old + !!new;
	if (!slat_tree_change(root->by_gfn, old ? &out : NULL,
			      new ? &in : NULL, &copy->by_gfn))
		return copy;
	port_free(copy);
	return NULL;
}

struct slat_memslot *
slat_memslot_create(const struct kvm_userspace_memory_region *region,
		    const struct slat_memslot *old, bool all_set)
{
	struct slat_memslot *slot = old ? slot_alloc(old->state) : slot_alloc_home();

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
	struct slat_memslot *invalid = slot_alloc(slot->state);

	if (!invalid)
		return NULL;
	*invalid = *slot;
	invalid->invalid = true;
	slat_dirty_log_get(invalid->log);
	return invalid;
}

const struct slat_memslot *slat_slots_overlap(const struct slat_slots_root *root,
					      gfn_t start, gfn_t end,
					      const struct slat_memslot *self)
{
	const struct slat_tree_entry *last =
		slat_tree_floor(root->by_gfn, end - 1, 0);

	/* Slots are disjoint: at most one of those that reach in is @self. */
	if (last && last->slot == self)
		last = last->start ? slat_tree_floor(root->by_gfn,
						     last->start - 1, 0) : NULL;
	return last && last->end > start ? last->slot : NULL;
}
