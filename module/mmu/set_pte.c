// SPDX-License-Identifier: GPL-2.0
/*
 * The one door for entry changes: every write to a paging entry is here, and every
 * change passes entry_changed(): installing, mending, zapping, unlinking a table with
 * all that is below it, write protection, aging. Called by fault.c and around.c with
 * the mmu lock shared (cmpxchg), by the rest with it exclusive.
 */
#include "internal.h"

/*
 * The door. A change of an entry has just taken effect: check that it was legal, tell
 * it, count it. A table knows its place, so that level and gfn come for nothing; the
 * compiler leaves of the rest what a caller's @old and @new do not decide by themselves.
 *
 * @changes: where to count it, of the entry's level: in the counters of whoever makes
 * the change, or on the stack of one that changes many entries of a table and adds them
 * up once (changes_add()).
 */
static __always_inline enum slat_change
entry_changed(struct slat_changes *changes, const struct slat_table *table,
	      unsigned int index, u64 old, u64 new)
{
	const int level = table->level;
	const enum slat_change change = ept_change(old, new, level);

	WARN_ON_ONCE(!ept_change_is_legal(old, new));
	port_entry_changed(&table->entries[index],
			   table->base + index * slat_level_pages(level), level, old, new);
	port_counter_add(&changes->nr[change], 1);
	return change;
}

static struct slat_changes *changes_of(struct slat_counters *counters,
				       const struct slat_table *table)
{
	return &counters->entries[table->level - 1];
}

static void changes_add(struct slat_changes *to, const struct slat_changes *changes)
{
	unsigned int i;

	for (i = 0; i < SLAT_NR_CHANGES; i++)
		port_counter_add(&to->nr[i], changes->nr[i]);
}

/**
 * slat_entry_try_set() - change an entry that others may change at the same time
 * @mmu: the EPT; lock held shared
 * @counters: of the vCPU
 * @table: table of the entry
 * @gfn: a gfn that the entry covers
 * @old: what the caller read; updated when the entry held something else
 * @new: what to write; takes no right away from @old, so no flush is owed
 *
 * The exchange is a full barrier: what @new points at is visible before it.
 *
 * Return: true if @new was written.
 */
bool slat_entry_try_set(struct slat_mmu *mmu, struct slat_counters *counters,
			struct slat_table *table, gfn_t gfn, u64 *old, u64 new)
{
	const unsigned int index = slat_level_index(gfn, table->level);
	u64 found;

	port_assert_held(&mmu->lock);
	WARN_ON_ONCE(ept_change_needs_flush(*old, new));
	found = port_entry_cmpxchg(&table->entries[index], *old, new);
	if (found != *old) {
		*old = found;
		return false;
	}
	if (entry_changed(changes_of(counters, table), table, index, found, new) ==
	    SLAT_CHANGE_LINKED)
		atomic64_inc(&mmu->nr_tables);
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
	const unsigned int index = slat_level_index(gfn, table->level);
	struct slat_mmu *mmu = batch->mmu;
	u64 old;

	port_assert_write(&mmu->lock);
	old = port_entry_xchg(&table->entries[index], 0);
	if (ept_change_needs_flush(old, 0)) {
		batch->flush_owed = true;
		batch->leafs++;
	} else {
		batch->mmio++;
	}
	entry_changed(changes_of(&mmu->counters, table), table, index, old, 0);
}

/* All entries below an unlinked table are gone, though they stay as they are. */
static void table_unlinked(struct slat_batch *batch, struct slat_table *table)
{
	struct slat_mmu *mmu = batch->mmu;
	struct slat_changes changes = {};
	unsigned int i;

	for (i = 0; i < SLAT_TABLE_ENTRIES; i++) {
		u64 entry = port_entry_read(&table->entries[i]);

		if (entry && entry_changed(&changes, table, i, entry, 0) ==
			     SLAT_CHANGE_UNLINKED)
			table_unlinked(batch, slat_table_of(entry));
	}
	slat_table_unlist_mmio(mmu, table);
	atomic64_dec(&mmu->nr_tables);
	changes_add(changes_of(&mmu->counters, table), &changes);
	batch->leafs += changes.nr[SLAT_CHANGE_ZAPPED];
	batch->mmio += changes.nr[SLAT_CHANGE_UNMARKED];
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
	struct slat_table *parent = table->parent;
	struct slat_mmu *mmu = batch->mmu;
	u64 old;

	port_assert_write(&mmu->lock);
	old = port_entry_xchg(&parent->entries[table->index], 0);
	WARN_ON_ONCE(!ept_is_table(old, parent->level) || slat_table_of(old) != table);
	entry_changed(changes_of(&mmu->counters, parent), parent, table->index, old, 0);
	batch->flush_owed = true;
	batch->unlinked++;
	table_unlinked(batch, table);
	list_add_tail(&table->batch_list, &batch->tables);
}

/*
 * Take W from a leaf. Hardware may set A or D meanwhile, hence the exchange in a loop. A
 * leaf that has no W owes nothing: whoever took it flushed before it dropped the mmu
 * lock (slat_batch_flush()).
 */
static __always_inline bool leaf_wrprot(struct slat_batch *batch, struct slat_changes *changes,
					struct slat_table *table, unsigned int index, u64 old)
{
	u64 *entry = &table->entries[index];

	while (ept_is_leaf(old, table->level) && (old & EPT_W)) {
		u64 found = port_entry_cmpxchg(entry, old, old & ~EPT_W);

		if (found == old) {
			batch->flush_owed = true;
			entry_changed(changes, table, index, old, old & ~EPT_W);
			return true;
		}
		old = found;
	}
	return false;
}

/**
 * slat_entry_wrprot() - take W from a leaf
 * @batch: the exclusive section; learns that a flush is owed
 * @table: table of the entry
 * @gfn: a gfn that the entry covers
 *
 * Return: true if it had W.
 */
bool slat_entry_wrprot(struct slat_batch *batch, struct slat_table *table,
		       gfn_t gfn)
{
	const unsigned int index = slat_level_index(gfn, table->level);

	port_assert_write(&batch->mmu->lock);
	return leaf_wrprot(batch, changes_of(&batch->mmu->counters, table), table, index,
			   port_entry_read(&table->entries[index]));
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
	unsigned int i = slat_level_index(start, SLAT_LEVEL_4K);
	const unsigned int until = i + (end - start);
	struct slat_changes changes = {};

	port_assert_write(&batch->mmu->lock);
	for (; i < until; i++) {
		u64 entry = port_entry_read(&table->entries[i]);

		if (entry & EPT_W)
			leaf_wrprot(batch, &changes, table, i, entry);
	}
	changes_add(changes_of(&batch->mmu->counters, table), &changes);
	return changes.nr[SLAT_CHANGE_PROTECTED];
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
	const unsigned int index = slat_level_index(gfn, table->level);
	u64 *entry = &table->entries[index];
	u64 old = port_entry_read(entry);

	port_assert_write(&mmu->lock);
	while (ept_is_leaf(old, table->level) && (old & EPT_A)) {
		u64 found = port_entry_cmpxchg(entry, old, old & ~EPT_A);

		if (found == old) {
			entry_changed(changes_of(&mmu->counters, table), table, index, old,
				      old & ~EPT_A);
			return true;
		}
		old = found;
	}
	return false;
}
