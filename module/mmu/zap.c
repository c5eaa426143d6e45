// SPDX-License-Identifier: GPL-2.0
/*
 * Taking entries away: ranges (slots, host changes) and all MMIO entries (wrap).
 * Called by the slots and by the mmu_notifier; takes the mmu lock exclusive itself.
 */
#include "internal.h"
#include "zap.h"

/*
 * A table that the range covers goes as a whole, unless sleepers keep too many already:
 * then its entries are zapped, and the guest, which comes back, finds it in its place.
 */
static bool table_may_go(const struct slat_batch *batch, const struct slat_iter *iter)
{
	return slat_iter_covered(iter) && !slat_epochs_are_full(batch->mmu->epochs);
}

static void zap_entries(struct slat_batch *batch, gfn_t start, gfn_t end,
			bool may_yield)
{
	struct slat_iter iter;

	slat_for_each_entry(&iter, batch->mmu, start, end) {
		int level = iter.table->level;

		if (may_yield && slat_iter_yield(&iter, batch))
			continue;
		if (!iter.old)
			continue;
		if (!ept_is_table(iter.old, level)) {
			slat_entry_zap(batch, iter.table, iter.gfn);
			iter.old = 0;
		} else if (level == SLAT_LEVEL_2M && table_may_go(batch, &iter)) {
			slat_entry_unlink(batch, slat_table_of(iter.old));
			iter.old = 0;
		}
	}
}

/* Unlink the tables with entries of @level in the range that became empty. */
static void zap_empty_tables(struct slat_batch *batch, gfn_t start, gfn_t end,
			     int level, bool may_yield)
{
	struct slat_iter iter;

	slat_for_each_entry(&iter, batch->mmu, start, end) {
		struct slat_table *child;

		if (may_yield && slat_iter_yield(&iter, batch))
			continue;
		if (iter.table->level != level + 1 ||
		    !ept_is_table(iter.old, level + 1))
			continue;
		child = slat_table_of(iter.old);
		/* Do not go below: the entries there are not of interest. */
		iter.old = 0;
		if (slat_table_is_empty(child) && table_may_go(batch, &iter))
			slat_entry_unlink(batch, child);
	}
}

void slat_mmu_zap_range(struct slat_mmu *mmu, gfn_t start, gfn_t end,
			struct slat_zap *zap)
{
	bool may_yield = zap->may_yield;
	struct slat_batch batch;
	u64 began = port_clock();
	int level;

	slat_batch_init(&batch, mmu, zap->why);
	port_write_lock(&mmu->lock);
	slat_batch_begin_step(&batch);
	zap_entries(&batch, start, end, may_yield);
	for (level = SLAT_LEVEL_2M; level < SLAT_ROOT_LEVEL; level++) {
		if (end - start >= slat_level_pages(level + 1))
			zap_empty_tables(&batch, start, end, level, may_yield);
	}
	slat_batch_flush(&batch);
	slat_hist_add(&mmu->zap, port_clock() - began);
	port_write_unlock(&mmu->lock);
	zap->leafs = batch.leafs;
	zap->yields = batch.yields;
}

/* Says whether the table has RAM. */
static bool zap_mmio_entries(struct slat_batch *batch, struct slat_table *table)
{
	gfn_t gfn = table->base;
	bool present = false;
	unsigned int i;

	for (i = 0; i < SLAT_TABLE_ENTRIES; i++, gfn += slat_level_pages(table->level)) {
		u64 entry = port_entry_read(&table->entries[i]);

		if (ept_is_mmio(entry))
			slat_entry_zap(batch, table, gfn);
		present |= ept_is_present(entry);
	}
	slat_batch_did(batch, SLAT_TABLE_ENTRIES);
	return present;
}

/*
 * No flush is owed for MMIO entries: hardware never caches them. All tables leave the list
 * first, for one of our own, so the walk ends whatever happens while it yields: no new
 * entry is written meanwhile, since the change is in flux, so what is listed then has
 * none. Tables that are left empty are listed again: unlinking them would owe a flush, and
 * they are the first to be reclaimed.
 */
void slat_mmu_zap_mmio(struct slat_mmu *mmu)
{
	struct slat_batch batch;
	LIST_HEAD(todo);

	slat_batch_init(&batch, mmu, SLAT_WHY_WRAP);
	port_write_lock(&mmu->lock);
	slat_batch_begin_step(&batch);
	slat_tables_take_ramless(mmu, &todo);
	while (!list_empty(&todo)) {
		struct slat_table *table =
			list_first_entry(&todo, struct slat_table, ramless_list);
		bool has_ram = zap_mmio_entries(&batch, table);

		slat_table_unlist_ramless(mmu, table);
		if (!has_ram)
			slat_table_list_ramless(mmu, table);
		slat_batch_yield(&batch);
	}
	slat_batch_flush(&batch);
	port_write_unlock(&mmu->lock);
}

void slat_mmu_sync_faults(struct slat_mmu *mmu)
{
	port_write_lock(&mmu->lock);
	port_write_unlock(&mmu->lock);
}
