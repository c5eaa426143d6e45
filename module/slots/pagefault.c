// SPDX-License-Identifier: GPL-2.0
/*
 * Resolving an EPT fault: look the gfn up in the slot set, ask the host for the
 * page or tag the entry as MMIO. Called by the vCPU loop inside its reader
 * section; sleeps in the host's page fault. Nothing is decided twice: what was
 * looked up is captured in struct slat_map and re-checked under the mmu lock.
 */
#include "pagefault.h"
#include "dirty_log.h"

/*
 * Does the gfn still have the very slot object that the fault used? Any change
 * makes a new one, and a slot that goes is replaced by an invalid one. An
 * unchanged set answers without a search: the reader section keeps the old set
 * from being reused at the same address.
 */
static bool slot_is_current(const struct slat_map *map)
{
	const struct slat_slots_root *now = slat_memslots_read(map->slots);

	return now == map->root || slat_slots_find(now, map->gfn) == map->slot;
}

/* A new RAM leaf is good if, besides, the host has not changed the page since. */
static bool ram_is_valid(const struct slat_map *map)
{
	return slot_is_current(map) &&
	       slat_notify_may_map(&map->slots->notify, map->notify_seq,
				   map->hva, 1);
}

/* So are it and those behind it, all of the same slot. */
static bool around_is_valid(const struct slat_map *map)
{
	return slot_is_current(map) &&
	       slat_notify_may_map(&map->slots->notify, map->notify_seq,
				   map->hva, 1 + map->around->nr);
}

/*
 * An MMIO entry is good if the set in which no slot was found is still the
 * current one and settled: then its generation is the current one as well.
 */
static bool mmio_is_valid(const struct slat_map *map)
{
	return slat_memslots_read(map->slots) == map->root &&
	       !slat_gen_in_flux(map->root->generation);
}

/* No slot: remember that in the entry, if possible. It is MMIO anyway. */
static enum slat_fault_result mmio_fault(struct slat_fault_context *context,
					 struct slat_map *map)
{
	struct slat_mmu *mmu = context->slots->mmu;

	map->still_valid = mmio_is_valid;
	if (!slat_table_cache_topup(mmu, &context->cache))
		slat_mmu_mark_mmio(mmu, &context->cache, map,
				   map->root->generation);
	return SLAT_FAULT_MMIO;
}

static enum slat_fault_result map_result(struct slat_fault_context *context,
					 const struct slat_map *map,
					 enum slat_map_result result,
					 enum slat_fixed installed)
{
	struct slat_slot_state *state = map->slot->state;
	struct slat_mmu *mmu = context->slots->mmu;

	switch (result) {
	case SLAT_MAP_INSTALLED:
		context->fixed = installed;
		atomic64_inc(installed == SLAT_FIXED_WRITABLE ? &state->faults_write :
								&state->faults_ram);
		return SLAT_FAULT_FIXED;
	case SLAT_MAP_SPURIOUS:
		context->fixed = SLAT_FIXED_SPURIOUS;
		atomic64_inc(&mmu->stats.faults_spurious);
		atomic64_inc(&state->faults_spurious);
		return SLAT_FAULT_FIXED;
	default:
		atomic64_inc(&mmu->stats.faults_retry);
		atomic64_inc(&state->faults_retry);
		return SLAT_FAULT_RETRY;
	}
}

/* The dirty bit that goes with a leaf of @map, if its slot logs. */
static void map_set_log(struct slat_map *map)
{
	if (!map->slot->log)
		return;
	map->dirty_bitmap = map->slot->log->live;
	map->dirty_bit = map->gfn - map->slot->base_gfn;
}

/*
 * The pages behind @map's that its fault is to map too. After notify_seq was
 * captured, as the page itself. A log is no obstacle: a page that is read becomes
 * writable when it is written, and so does this one. None where the host had to
 * make @page: memory that is touched for the first time is looked through in vain.
 */
static void around_get(struct slat_mmu *mmu, struct slat_map *map,
		       const struct slat_host_page *page,
		       struct slat_around *around)
{
	const struct slat_memslot *slot = map->slot;
	u64 behind = slot->base_gfn + slot->npages - map->gfn - 1;

	around->installed = 0;
	around->still_valid = around_is_valid;
	around->host_writable = !(slot->flags & KVM_MEM_READONLY);
	around->write = around->host_writable && !map->dirty_bitmap;
	around->nr = page->present ?
		min_t(u64, behind, slat_mmu_want_around(mmu, map->gfn)) : 0;
	if (around->nr)
		around->nr = mmu->ops->get_present(mmu->ctx, map->hva + SLAT_PAGE_SIZE,
						   around->nr, around->pfn);
}

static void around_put(struct slat_mmu *mmu, const struct slat_around *around)
{
	if (around->nr)
		mmu->ops->put_present(mmu->ctx, around->pfn, around->nr,
				      around->host_writable ? around->installed : 0);
}

/* Ask the host for the page and install it. */
static enum slat_fault_result host_fault(struct slat_fault_context *context,
					 struct slat_map *map, bool write)
{
	struct slat_mmu *mmu = context->slots->mmu;
	struct slat_host_page page = {
		.hva = slat_memslot_hva(map->slot, map->gfn),
		.write = write,
	};
	enum slat_map_result result;
	struct slat_around around;

	context->error = slat_table_cache_topup(mmu, &context->cache);
	if (context->error)
		return SLAT_FAULT_ERROR;

	map->still_valid = ram_is_valid;
	map->hva = page.hva;
	map->notify_seq = slat_notify_seq(&context->slots->notify);
	context->error = mmu->ops->get_page(mmu->ctx, &page);
	if (context->error == -EAGAIN)
		return map_result(context, map, SLAT_MAP_RETRY, SLAT_FIXED_INSTALLED);
	if (context->error)
		return SLAT_FAULT_ERROR;

	map->pfn = page.pfn;
	map->host_writable = page.writable &&
			     !(map->slot->flags & KVM_MEM_READONLY);
	/* A page that is logged becomes writable when it is written. */
	map->write = map->host_writable && (write || !map->dirty_bitmap);
	around_get(mmu, map, &page, &around);
	map->around = &around;
	result = slat_mmu_map(mmu, &context->cache, map);
	if (result == SLAT_MAP_INSTALLED)
		atomic64_inc(&mmu->stats.faults_ram);
	around_put(mmu, &around);
	mmu->ops->put_page(mmu->ctx, &page,
			   map->host_writable && result == SLAT_MAP_INSTALLED);
	return map_result(context, map, result, SLAT_FIXED_INSTALLED);
}

static enum slat_fault_result ram_fault(struct slat_fault_context *context,
					struct slat_map *map,
					const struct slat_fault *fault)
{
	enum slat_map_result result;

	map_set_log(map);
	if (fault->write && fault->present) {
		map->still_valid = slot_is_current;
		map->write = true;
		result = slat_mmu_make_writable(context->slots->mmu, map);
		if (result != SLAT_MAP_NO_TABLE)
			return map_result(context, map, result, SLAT_FIXED_WRITABLE);
	}
	return host_fault(context, map, fault->write);
}

enum slat_fault_result slat_handle_fault(struct slat_fault_context *context,
					 const struct slat_fault *fault)
{
	struct slat_memslots *slots = context->slots;
	struct slat_map map = {
		.slots = slots,
		.root = slat_memslots_read(slots),
		.gfn = fault->gpa >> SLAT_PAGE_SHIFT,
	};

	if (fault->misconfig) {
		switch (slat_mmu_lookup_mmio(slots->mmu, map.gfn,
					     map.root->generation)) {
		case SLAT_MMIO_HIT:
			return SLAT_FAULT_MMIO;
		case SLAT_MMIO_NONE:
			context->fixed = SLAT_FIXED_SPURIOUS;
			return SLAT_FAULT_FIXED;
		case SLAT_MMIO_BROKEN:
			return SLAT_FAULT_BROKEN;
		case SLAT_MMIO_STALE:
			break;
		}
	}

	map.slot = slat_slots_find(map.root, map.gfn);
	if (!map.slot)
		return mmio_fault(context, &map);
	if (map.slot->invalid)
		return map_result(context, &map, SLAT_MAP_RETRY, SLAT_FIXED_INSTALLED);
	/* Not cached: reads of the slot must stay RAM. */
	if (fault->write && (map.slot->flags & KVM_MEM_READONLY))
		return SLAT_FAULT_MMIO;
	return ram_fault(context, &map, fault);
}
