// SPDX-License-Identifier: GPL-2.0
/*
 * SLAT_QUERY_GPA: what the EPT and the slots say of an address. The reasons are
 * those of pagefault.c, in the same order, without doing what a fault does.
 * Called inside a reader section, without locks.
 */
#include "gpa_query.h"
#include "dirty_bitmap.h"
#include "mmu/query.h"

#define GPA_ACCESS	(SLAT_GPA_READ | SLAT_GPA_WRITE | SLAT_GPA_EXEC)

/* Rights are told in the ABI's bits, which are those of an EPT entry. */
static_assert(SLAT_GPA_READ == EPT_R && SLAT_GPA_WRITE == EPT_W && SLAT_GPA_EXEC == EPT_X);

/**
 * struct scene - all that the reason depends on
 * @view: the entry
 * @slot: the slot, or NULL
 * @mmio_current: it is an MMIO entry that would be believed
 * @host_changes: the host is changing the memory behind the page
 */
struct scene {
	struct slat_entry_view view;
	const struct slat_memslot *slot;
	bool mmio_current;
	bool host_changes;
};

/* Why does an access that finds no MMIO entry need a fault on @slot? */
static enum slat_gpa_reason reason_of_slot(const struct scene *scene, bool write)
{
	const struct slat_memslot *slot = scene->slot;
	u64 entry = scene->view.entry;

	if (!slot)
		return SLAT_GPA_NO_SLOT;
	if (slot->invalid)
		return SLAT_GPA_IN_FLUX;
	if (write && (slot->flags & KVM_MEM_READONLY))
		return SLAT_GPA_READONLY;
	/* A leaf that only the log took W from needs nobody else. */
	if (ept_is_present(entry) && (entry & EPT_SW_HOST_WRITABLE))
		return SLAT_GPA_LOGGED;
	if (scene->host_changes)
		return SLAT_GPA_NOTIFIER;
	return ept_is_present(entry) ? SLAT_GPA_HOST_READONLY : SLAT_GPA_UNMAPPED;
}

static enum slat_gpa_reason reason_of(const struct scene *scene, u32 access)
{
	const struct slat_entry_view *view = &scene->view;

	if (view->broken)
		return SLAT_GPA_BROKEN;
	if (ept_is_mmio(view->entry))
		return scene->mmio_current ? SLAT_GPA_MMIO : SLAT_GPA_MMIO_STALE;
	if (view->rights & access)
		return SLAT_GPA_NO_EXIT;
	return reason_of_slot(scene, access == SLAT_GPA_WRITE);
}

static u32 state_of_entry(u64 entry)
{
	u32 state = 0;

	if (ept_is_mmio(entry))
		return SLAT_GPA_STATE_MMIO;
	if (!ept_is_present(entry))
		return 0;
	state |= SLAT_GPA_STATE_PRESENT;
	if (entry & EPT_A)
		state |= SLAT_GPA_STATE_ACCESSED;
	if (entry & EPT_D)
		state |= SLAT_GPA_STATE_DIRTY;
	if (entry & EPT_SW_HOST_WRITABLE)
		state |= SLAT_GPA_STATE_HOST_WRITABLE;
	return state;
}

static void query_set_slot(struct slat_gpa_query *query, const struct slat_memslot *slot,
			   gfn_t gfn)
{
	query->slot = SLAT_NO_SLOT;
	query->slot_flags = 0;
	query->hva = 0;
	if (!slot)
		return;
	query->state |= SLAT_GPA_STATE_SLOT;
	query->slot = slot->id;
	query->slot_flags = slot->flags;
	query->hva = slat_memslot_hva(slot, gfn) + query->gpa % SLAT_PAGE_SIZE;
	if (slot->invalid)
		query->state |= SLAT_GPA_STATE_SLOT_INVALID;
	if (slot->log && port_bit_test(gfn - slot->base_gfn, slot->log->live))
		query->state |= SLAT_GPA_STATE_DIRTY_BIT;
}

static int query_check(const struct slat_memslots *slots, const struct slat_gpa_query *query,
		       struct slat_reject *why)
{
	u64 gfns = min(slots->config.max_gfn, SLAT_MAX_GFN);
	u32 i;

	if (query->flags)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, query->flags, 0);
	if (query->pad)
		return slat_reject(why, -EINVAL, SLAT_CHECK_RESERVED,
				   offsetof(struct slat_gpa_query, pad), 0);
	for (i = 0; i < ARRAY_SIZE(query->reserved); i++) {
		if (query->reserved[i])
			return slat_reject(why, -EINVAL, SLAT_CHECK_RESERVED,
					   offsetof(struct slat_gpa_query, reserved[i]), 0);
	}
	if (query->access & ~GPA_ACCESS || port_popcount(query->access) != 1)
		return slat_reject(why, -EINVAL, SLAT_CHECK_ACCESS, query->access, GPA_ACCESS);
	if (query->gpa >> SLAT_PAGE_SHIFT >= gfns)
		return slat_reject(why, -EINVAL, SLAT_CHECK_ADDRESS, query->gpa,
				   (gfns << SLAT_PAGE_SHIFT) - 1);
	return 0;
}

int slat_memslots_query_gpa(struct slat_memslots *slots, struct slat_gpa_query *query,
			    struct slat_reject *why)
{
	const struct slat_slots_root *root = slat_memslots_read(slots);
	const struct slat_mmio_layout *layout = &slots->mmu->config.layout;
	gfn_t gfn = query->gpa >> SLAT_PAGE_SHIFT;
	struct scene scene;
	u64 entry;
	int err;

	err = query_check(slots, query, why);
	if (err)
		return err;
	slat_mmu_read_entry(slots->mmu, gfn, &scene.view);
	entry = scene.view.entry;
	scene.slot = slat_slots_find(root, gfn);
	scene.mmio_current = ept_is_mmio(entry) &&
			     slat_mmio_is_current(layout, entry, root->generation);
	scene.host_changes = scene.slot &&
			     slat_notify_covers(&slots->notify,
						slat_memslot_hva(scene.slot, gfn));

	query->reason = reason_of(&scene, query->access);
	query->state = state_of_entry(entry);
	if (slat_gen_in_flux(root->generation))
		query->state |= SLAT_GPA_STATE_FLUX;
	query->level = scene.view.level;
	query->rights = scene.view.rights & EPT_RWX;
	query->generation = root->generation & ~SLAT_GEN_IN_FLUX;
	query->entry_generation = ept_is_mmio(entry) ? slat_mmio_gen(entry) : 0;
	query->gen_bits = layout->gen_bits;
	query_set_slot(query, scene.slot, gfn);
	return 0;
}
