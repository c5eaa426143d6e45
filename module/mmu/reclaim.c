// SPDX-License-Identifier: GPL-2.0
/*
 * The cap on table pages: a guest that touches MMIO 2 MiB apart makes a table
 * for each touch, so tables can be taken back at any time. Called when a fault
 * finds the VM at its cap, by KVM_SET_NR_MMU_PAGES and by the shrinker; takes
 * the mmu lock exclusive itself.
 */
#include "internal.h"
#include "reclaim.h"

/* Unlink @table and every parent that is empty without it. Returns how many. */
static u64 unlink_upwards(struct slat_batch *batch, struct slat_table *table)
{
	u64 nr = 0;

	while (table->parent) {
		struct slat_table *parent = table->parent;

		slat_entry_unlink(batch, table);
		nr++;
		if (!slat_table_is_empty(parent))
			break;
		table = parent;
	}
	return nr;
}

/*
 * Tables without RAM, oldest first. One that has RAM beside MMIO entries goes to the end of
 * the list; one that has RAM alone leaves it until it loses an entry again. Each is looked
 * at once, whatever others do to the list while the lock is dropped.
 */
static u64 reclaim_ramless(struct slat_batch *batch, u64 nr)
{
	struct slat_mmu *mmu = batch->mmu;
	u64 left, done = 0;

	for (left = mmu->nr_ramless; left && done < nr; left--) {
		struct slat_table *table;

		if (list_empty(&mmu->ramless_tables))
			break;
		table = list_first_entry(&mmu->ramless_tables, struct slat_table,
					 ramless_list);
		if (!slat_table_has_present(table)) {
			done += unlink_upwards(batch, table);
		} else {
			slat_table_unlist_ramless(mmu, table);
			if (slat_table_has_mmio(table))
				slat_table_list_ramless(mmu, table);
		}
		slat_batch_did(batch, SLAT_TABLE_ENTRIES);
		slat_batch_yield(batch);
	}
	return done;
}

/* The first leaf table at or above @gfn, or NULL. */
static struct slat_table *leaf_table_from(struct slat_mmu *mmu, gfn_t gfn)
{
	struct slat_iter iter;

	slat_for_each_entry(&iter, mmu, gfn, SLAT_MAX_GFN) {
		if (iter.table->level == SLAT_LEVEL_4K)
			return iter.table;
	}
	return NULL;
}

/* Any leaf tables, in turn: a clock hand that goes round by gfn. */
static u64 reclaim_any(struct slat_batch *batch, u64 nr)
{
	struct slat_mmu *mmu = batch->mmu;
	bool wrapped = false;
	u64 done = 0;

	while (done < nr) {
		struct slat_table *table =
			leaf_table_from(mmu, mmu->reclaim_gfn);

		if (!table && wrapped)
			break;
		if (!table) {
			wrapped = true;
			mmu->reclaim_gfn = 0;
			continue;
		}
		mmu->reclaim_gfn = table->base +
				   slat_level_pages(SLAT_LEVEL_2M);
		done += unlink_upwards(batch, table);
		slat_batch_yield(batch);
	}
	return done;
}

u64 slat_mmu_reclaim(struct slat_mmu *mmu, u64 nr, bool ram_too)
{
	struct slat_batch batch;
	u64 done;

	/* It would give no memory back, only take more. */
	if (slat_epochs_are_full(mmu->epochs))
		return 0;
	slat_batch_init(&batch, mmu, SLAT_WHY_RECLAIM);
	port_write_lock(&mmu->lock);
	slat_batch_begin_step(&batch);
	done = reclaim_ramless(&batch, nr);
	if (done < nr && ram_too)
		done += reclaim_any(&batch, nr - done);
	if (done)
		slat_count(&mmu->counters.reclaims);
	slat_batch_flush(&batch);
	port_write_unlock(&mmu->lock);
	slat_epoch_reap(mmu->epochs);
	return done;
}

u64 slat_mmu_reclaimable(const struct slat_mmu *mmu)
{
	return READ_ONCE(mmu->nr_ramless);
}

static void cap_write(struct slat_mmu *mmu, u64 max, bool by_user)
{
	port_spin_lock(&mmu->cap_lock);
	if (by_user || !mmu->cap_is_users) {
		WRITE_ONCE(mmu->max_tables, max);
		mmu->cap_is_users |= by_user;
	}
	port_spin_unlock(&mmu->cap_lock);
}

void slat_mmu_set_max_tables(struct slat_mmu *mmu, u64 max)
{
	u64 now;

	WARN_ON_ONCE(max < SLAT_MIN_TABLES);
	cap_write(mmu, max, true);
	now = slat_mmu_nr_tables(mmu);
	if (now > max)
		slat_mmu_reclaim(mmu, now - max, true);
}

void slat_mmu_size_cap(struct slat_mmu *mmu, u64 npages, u64 nr_slots)
{
	/* A slot's two edge tables and, at worst, a chain of its own to each. */
	u64 edges = nr_slots * 2 * (SLAT_ROOT_LEVEL - 1);

	cap_write(mmu, npages / SLAT_TABLE_ENTRIES +
		  npages / slat_level_pages(SLAT_LEVEL_1G) + edges +
		  SLAT_MMIO_TABLES, false);
}
