// SPDX-License-Identifier: GPL-2.0
/*
 * Ageing, by accessed bits or by faults: see age.h. Called by the mmu_notifier by way of
 * the slots.
 */
#include "age.h"
#include "internal.h"

/* With the lock shared: entries change meanwhile, but no table goes. */
static bool age_by_bits(struct slat_mmu *mmu, gfn_t start, gfn_t end, bool clear)
{
	struct slat_changes aged[SLAT_ROOT_LEVEL] = {};
	struct slat_iter iter;
	bool young = false;

	port_read_lock(&mmu->lock);
	slat_for_each_entry(&iter, mmu, start, end) {
		if (!ept_is_leaf(iter.old, iter.table->level) || !(iter.old & EPT_A))
			continue;
		young = true;
		if (!clear)
			break;
		slat_entry_clear_accessed(mmu, aged, iter.table, iter.gfn);
	}
	port_read_unlock(&mmu->lock);
	if (young && clear)
		slat_counters_add_changes(mmu, SLAT_CHANGE_AGED, aged);
	return young;
}

/* A leaf that is there was accessed since the last time, or it would be gone. */
static bool age_by_faults(struct slat_mmu *mmu, gfn_t start, gfn_t end, bool clear)
{
	struct slat_batch batch;
	struct slat_iter iter;
	bool young = false;

	slat_batch_init(&batch, mmu, SLAT_WHY_AGE);
	port_write_lock(&mmu->lock);
	slat_batch_begin_step(&batch);
	slat_for_each_entry(&iter, mmu, start, end) {
		if (!ept_is_leaf(iter.old, iter.table->level))
			continue;
		young = true;
		if (!clear)
			break;
		slat_entry_zap(&batch, iter.table, iter.gfn);
	}
	slat_batch_flush(&batch);
	port_write_unlock(&mmu->lock);
	return young;
}

bool slat_mmu_age_range(struct slat_mmu *mmu, gfn_t start, gfn_t end, bool clear)
{
	return mmu->config.accessed_dirty ? age_by_bits(mmu, start, end, clear) :
					    age_by_faults(mmu, start, end, clear);
}
