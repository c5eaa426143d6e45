// SPDX-License-Identifier: GPL-2.0
/*
 * Resolving an EPT fault: look the gfn up in the slot set, ask the host for the
 * page or tag the entry as MMIO. Called by the vCPU loop inside its reader
 * section; sleeps in the host's page fault. Nothing is decided twice: what was
 * looked up is kept in struct slat_lookup and compared again under the mmu lock.
 */
#include "pagefault.h"
#include "dirty_bitmap.h"

/*
 * Does the gfn still have the very slot object that the fault used? Any change
 * makes a new one, and a slot that goes is replaced by an invalid one. An
 * unchanged set answers without a search: the reader section keeps the old set
 * from being reused at the same address.
 */
static bool slot_is_current(struct slat_memslots *slots, const struct slat_lookup *from)
{
	const struct slat_slots_root *now = slat_memslots_read(slots);

	return now == from->root || slat_slots_find(now, from->gfn) == from->slot;
}

/*
 * A new RAM leaf is good if, besides, the host has not changed the page since; so are it
 * and those behind it, all of the same slot.
 */
static bool ram_is_valid(struct slat_memslots *slots, const struct slat_map *map,
			 unsigned int nr)
{
	return slot_is_current(slots, map->from) &&
	       slat_notify_may_map(&slots->notify, map->notify_seq, map->hva, nr);
}

/*
 * An MMIO entry is good if the set in which no slot was found is still the
 * current one and settled: then its generation is the current one as well.
 */
static bool mmio_is_valid(struct slat_memslots *slots, const struct slat_lookup *from)
{
	return slat_memslots_read(slots) == from->root &&
	       !slat_gen_in_flux(from->root->generation);
}

const struct slat_recheck_ops slat_fault_recheck = {
	.may_map = ram_is_valid,
	.may_write = slot_is_current,
	.may_mark = mmio_is_valid,
};

/*
 * No slot: remember that in the entry, if possible. It is MMIO anyway, and that is what
 * bounds the tables of a guest that goes on while another vCPU sleeps in a section: where
 * none can be had, an entry is written only if its table is there.
 */
static enum slat_fault_result mmio_fault(struct slat_fault_context *context,
					 const struct slat_lookup *from)
{
	struct slat_mmu *mmu = context->slots->mmu;

	slat_table_cache_topup(mmu, &context->vcpu.cache, false);
	slat_mmu_mark_mmio(mmu, &context->vcpu, from, from->root->generation);
	return SLAT_FAULT_MMIO;
}

static void fault_count(struct slat_fault_context *context, const struct slat_memslot *slot,
			enum slat_slot_fault what)
{
	slat_fault_count(context->slots, &context->counter, slot, what);
}

static enum slat_fault_result map_result(struct slat_fault_context *context,
					 const struct slat_memslot *slot,
					 enum slat_map_result result,
					 enum slat_fixed installed)
{
	struct slat_counters *counters = &context->vcpu.counters;

	switch (result) {
	case SLAT_MAP_INSTALLED:
		context->fixed = installed;
		fault_count(context, slot, installed == SLAT_FIXED_WRITABLE ?
					   SLAT_SLOT_FAULT_WRITE : SLAT_SLOT_FAULT_RAM);
		return SLAT_FAULT_FIXED;
	case SLAT_MAP_SPURIOUS:
		context->fixed = SLAT_FIXED_SPURIOUS;
		slat_count(&counters->faults_spurious);
		fault_count(context, slot, SLAT_SLOT_FAULT_SPURIOUS);
		return SLAT_FAULT_FIXED;
	default:
		slat_count(&counters->faults_retry);
		fault_count(context, slot, SLAT_SLOT_FAULT_RETRY);
		return SLAT_FAULT_RETRY;
	}
}

/* The dirty bit that goes with a leaf of the slot, if that logs. */
static struct slat_dirty_mark dirty_mark_of(const struct slat_lookup *from)
{
	const struct slat_memslot *slot = from->slot;

	return (struct slat_dirty_mark) {
		.bitmap = slot->log ? slot->log->live : NULL,
		.bit = from->gfn - slot->base_gfn,
	};
}

/*
 * The pages behind @map's that its fault is to map too. After notify_seq was
 * captured, as the page itself. A log is no obstacle: a page that is read becomes
 * writable when it is written, and so does this one. None where the host had to
 * make @page: memory that is touched for the first time is looked through in vain.
 */
static void around_get(struct slat_mmu *mmu, struct slat_map *map,
		       const struct slat_host_page *page)
{
	const struct slat_lookup *from = map->from;
	const struct slat_memslot *slot = from->slot;
	struct slat_around *around = &map->around;
	u64 behind = slot->base_gfn + slot->npages - from->gfn - 1;

	around->host_writable = !(slot->flags & KVM_MEM_READONLY);
	around->write = around->host_writable && !map->mark.bitmap;
	around->nr = page->present ?
		min_t(u64, behind, slat_mmu_want_around(mmu, from->gfn)) : 0;
	if (around->nr)
		around->nr = mmu->ops->get_present(mmu->ctx, map->hva + SLAT_PAGE_SIZE,
						   around->nr, around->pfn);
}

static void around_put(struct slat_mmu *mmu, const struct slat_around *around)
{
	if (around->nr)
		mmu->ops->put_present(mmu->ctx, around->pfn, around->nr);
}

/* Ask the host for the page and install it. */
static enum slat_fault_result host_fault(struct slat_fault_context *context,
					 struct slat_lookup *from,
					 const struct slat_dirty_mark *mark, bool write)
{
	const struct slat_memslot *slot = from->slot;
	struct slat_mmu *mmu = context->slots->mmu;
	struct slat_host_page page = {
		.hva = slat_memslot_hva(slot, from->gfn),
		.write = write,
	};
	enum slat_map_result result;
	struct slat_map map;

	/* RAM beyond the cap, if need be: no more than the slots have. */
	context->error = slat_table_cache_topup(mmu, &context->vcpu.cache, true);
	if (context->error)
		return SLAT_FAULT_ERROR;

	map.from = from;
	map.mark = *mark;
	map.hva = page.hva;
	map.notify_seq = slat_notify_seq(&context->slots->notify);
	context->error = mmu->ops->get_page(mmu->ctx, &page);
	if (context->error == -EAGAIN)
		return map_result(context, slot, SLAT_MAP_RETRY, SLAT_FIXED_INSTALLED);
	if (context->error)
		return SLAT_FAULT_ERROR;

	from->level = page.level;
	map.pfn = page.pfn;
	map.host_writable = page.writable && !(slot->flags & KVM_MEM_READONLY);
	/* A page that is logged becomes writable when it is written. */
	map.write = map.host_writable && (write || !mark->bitmap);
	around_get(mmu, &map, &page);
	result = slat_mmu_map(mmu, &context->vcpu, &map);
	if (result == SLAT_MAP_INSTALLED)
		slat_count(&context->vcpu.counters.faults_ram);
	around_put(mmu, &map.around);
	mmu->ops->put_page(mmu->ctx, &page);
	return map_result(context, slot, result, SLAT_FIXED_INSTALLED);
}

static enum slat_fault_result ram_fault(struct slat_fault_context *context,
					struct slat_lookup *from,
					const struct slat_fault *fault)
{
	const struct slat_dirty_mark mark = dirty_mark_of(from);
	enum slat_map_result result;

	if (fault->write && fault->present) {
		result = slat_mmu_make_writable(context->slots->mmu, &context->vcpu,
						from, &mark);
		if (result != SLAT_MAP_NO_TABLE)
			return map_result(context, from->slot, result,
					  SLAT_FIXED_WRITABLE);
	}
	return host_fault(context, from, &mark, fault->write);
}

void slat_fault_context_init(struct slat_fault_context *context, struct slat_memslots *slots)
{
	context->slots = slots;
	slat_mmu_vcpu_register(slots->mmu, &context->vcpu);
	slat_fault_counter_register(slots, &context->counter);
}

void slat_fault_context_destroy(struct slat_fault_context *context)
{
	slat_fault_counter_unregister(context->slots, &context->counter);
	slat_mmu_vcpu_unregister(context->slots->mmu, &context->vcpu);
}

enum slat_fault_result slat_handle_fault(struct slat_fault_context *context,
					 const struct slat_fault *fault)
{
	struct slat_memslots *slots = context->slots;
	struct slat_lookup from = {
		.root = slat_memslots_read(slots),
		.gfn = fault->gpa >> SLAT_PAGE_SHIFT,
		.level = SLAT_LEVEL_4K,
	};

	if (fault->misconfig) {
		switch (slat_mmu_lookup_mmio(slots->mmu, &context->vcpu, from.gfn,
					     from.root->generation)) {
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

	from.slot = slat_slots_find(from.root, from.gfn);
	if (!from.slot)
		return mmio_fault(context, &from);
	if (from.slot->invalid)
		return map_result(context, from.slot, SLAT_MAP_RETRY, SLAT_FIXED_INSTALLED);
	/* Not cached: reads of the slot must stay RAM. */
	if (fault->write && (from.slot->flags & KVM_MEM_READONLY))
		return SLAT_FAULT_MMIO;
	return ram_fault(context, &from, fault);
}
