// SPDX-License-Identifier: GPL-2.0
/*
 * The one door for entry changes: every write to a paging entry is here, and
 * every change passes entry_changed() with (gfn, old, new, level). Called by
 * fault.c with the mmu lock shared (cmpxchg), by the rest with it exclusive.
 */
#include "internal.h"

/*
 * Account for a change that has just taken effect and check the rules that no
 * caller may break: a present leaf never changes its pfn in place, a table is
 * never replaced in place, and an MMIO entry never covers anything present.
 */
static void entry_changed(struct slat_mmu *mmu, int level, u64 old, u64 new)
{
	if (ept_is_present(old) && ept_is_present(new))
		WARN_ON_ONCE(ept_addr(old) != ept_addr(new) ||
			     ept_is_leaf(old, level) != ept_is_leaf(new, level));
	WARN_ON_ONCE(ept_is_mmio(new) && ept_is_present(old));

	if (ept_is_leaf(new, level) && !ept_is_present(old))
		atomic64_inc(&mmu->stats.mapped_leafs);
	if (ept_is_leaf(old, level) && !ept_is_present(new))
		atomic64_inc(&mmu->stats.zapped_leafs);
	if (ept_is_mmio(old) && !new)
		atomic64_inc(&mmu->stats.zapped_mmio);
	if (ept_is_table(new, level) && !ept_is_present(old))
		atomic64_inc(&mmu->stats.tables);
}

/**
 * slat_entry_try_set() - change an entry that others may change at the same time
 * @mmu: the EPT; lock held shared
 * @table: table of the entry
 * @gfn: a gfn that the entry covers
 * @old: what the caller read; updated when the entry held something else
 * @new: what to write; takes no right away from @old, so no flush is owed
 *
 * The exchange is a full barrier: what @new points at is visible before it.
 *
 * Return: true if @new was written.
 */
bool slat_entry_try_set(struct slat_mmu *mmu, struct slat_table *table, gfn_t gfn,
			u64 *old, u64 new)
{
	u64 found;

	port_assert_held(&mmu->lock);
	WARN_ON_ONCE(ept_change_needs_flush(*old, new));
	found = port_entry_cmpxchg(slat_table_entry(table, gfn), *old, new);
	if (found != *old) {
		*old = found;
		return false;
	}
	entry_changed(mmu, table->level, *old, new);
	return true;
}

/**
 * slat_entry_zap() - make a leaf or an MMIO entry non-present
 * @batch: the exclusive section; learns that a flush is owed
 * @table: table of the entry
 * @gfn: a gfn that the entry covers
 *
 * The exchange catches A and D bits that hardware sets until the last moment.
 */
void slat_entry_zap(struct slat_batch *batch, struct slat_table *table, gfn_t gfn)
{
	u64 old;

	port_assert_write(&batch->mmu->lock);
	old = port_entry_xchg(slat_table_entry(table, gfn), 0);
	if (ept_change_needs_flush(old, 0)) {
		batch->flush_owed = true;
		batch->leafs++;
	} else {
		batch->mmio += ept_is_mmio(old);
	}
	entry_changed(batch->mmu, table->level, old, 0);
}

/* Account for everything below an unlinked table; its entries stay as they are. */
static void table_unlinked(struct slat_batch *batch, struct slat_table *table)
{
	struct slat_mmu *mmu = batch->mmu;
	u64 leafs = 0, mmio = 0;
	unsigned int i;

	for (i = 0; i < SLAT_TABLE_ENTRIES; i++) {
		u64 entry = port_entry_read(&table->entries[i]);

		if (!entry)
			continue;
		if (ept_is_table(entry, table->level))
			table_unlinked(batch, slat_table_of(entry));
		else if (ept_is_present(entry))
			leafs++;
		else
			mmio++;
	}
	slat_table_unlist_mmio(mmu, table);
	atomic64_add(leafs, &mmu->stats.zapped_leafs);
	atomic64_add(mmio, &mmu->stats.zapped_mmio);
	atomic64_dec(&mmu->stats.tables);
	atomic64_inc(&mmu->stats.tables_freed);
	batch->leafs += leafs;
	batch->mmio += mmio;
}

/**
 * slat_entry_unlink() - take a table and all below it out of the tree
 * @batch: the exclusive section; frees the table after its flush
 * @table: any table but the root
 *
 * One write makes the whole subtree unreachable for a page walk. A flush is
 * owed even if nothing below was present: a CPU may hold the table's address in
 * its paging-structure caches.
 */
void slat_entry_unlink(struct slat_batch *batch, struct slat_table *table)
{
	u64 *entry = &table->parent->entries[table->index];
	u64 old;

	port_assert_write(&batch->mmu->lock);
	old = port_entry_xchg(entry, 0);
	WARN_ON_ONCE(!ept_is_table(old, table->parent->level) ||
		     slat_table_of(old) != table);
	batch->flush_owed = true;
	batch->unlinked++;
	table_unlinked(batch, table);
	list_add_tail(&table->batch_list, &batch->tables);
}

/**
 * slat_entry_wrprot() - take W from a leaf
 * @batch: the exclusive section; learns that a flush is owed
 * @table: table of the entry
 * @gfn: a gfn that the entry covers
 *
 * A leaf that has no W owes nothing: whoever took it flushed before it dropped
 * the mmu lock (slat_batch_flush()). Hardware may set A or D meanwhile, hence
 * the exchange in a loop.
 *
 * Return: true if it had W.
 */
bool slat_entry_wrprot(struct slat_batch *batch, struct slat_table *table,
		       gfn_t gfn)
{
	u64 *entry = slat_table_entry(table, gfn);
	u64 old = port_entry_read(entry);

	port_assert_write(&batch->mmu->lock);
	while (ept_is_leaf(old, table->level) && (old & EPT_W)) {
		u64 found = port_entry_cmpxchg(entry, old, old & ~EPT_W);

		if (found == old) {
			batch->flush_owed = true;
			return true;
		}
		old = found;
	}
	return false;
}

/**
 * slat_table_wrprot() - take W from the leaves of a range of one leaf table
 * @batch: the exclusive section; learns that a flush is owed
 * @table: a table at level 4K
 * @start: first gfn of the range
 * @end: first gfn behind it; the table covers both ends
 *
 * Most entries that a scan meets have no W: those cost a read and a test.
 *
 * Return: how many had W.
 */
u64 slat_table_wrprot(struct slat_batch *batch, struct slat_table *table,
		      gfn_t start, gfn_t end)
{
	u64 nr = 0;
	gfn_t gfn;

	for (gfn = start; gfn < end; gfn++) {
		if (port_entry_read(slat_table_entry(table, gfn)) & EPT_W)
			nr += slat_entry_wrprot(batch, table, gfn);
	}
	return nr;
}

/**
 * slat_entry_clear_accessed() - clear the A bit of a present leaf
 * @mmu: the EPT; lock held exclusive
 * @table: table of the entry
 * @gfn: a gfn that the entry covers
 *
 * Hardware may set A or D meanwhile, hence the exchange in a loop. No flush:
 * see slat_mmu_age_range().
 *
 * Return: true if A was set.
 */
bool slat_entry_clear_accessed(struct slat_mmu *mmu, struct slat_table *table,
			       gfn_t gfn)
{
	u64 *entry = slat_table_entry(table, gfn);
	u64 old = port_entry_read(entry);

	port_assert_write(&mmu->lock);
	while (ept_is_leaf(old, table->level) && (old & EPT_A)) {
		u64 found = port_entry_cmpxchg(entry, old, old & ~EPT_A);

		if (found == old)
			return true;
		old = found;
	}
	return false;
}
