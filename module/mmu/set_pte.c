// SPDX-License-Identifier: GPL-2.0
/*
 * The one door for entry changes: every write to a paging entry is here, and every
 * change passes entry_changed(): installing, mending, zapping, unlinking a table with
 * all that is below it, write protection, aging. Called by fault.c and around.c with
 * the mmu lock shared (cmpxchg), as by ageing; by the rest with it exclusive.
 */
#include "internal.h"

/*
 * The door. A change of an entry has just taken effect: tell it and count it. A table
 * knows its place, so level and gfn come for nothing; what a build does not use of all
 * this the compiler leaves out, down to one addition.
 *
 * @changes: where to count it, of the entry's level: in the counters of whoever makes
 *	the change, or on the stack of one that changes many entries of a table and counts
 *	them at once behind it (changes_count()).
 * @change: what it is, as the caller knows already
 *
 * The rules that no change may break are seen to before: what replaces a present entry
 * under the shared lock owes no flush (slat_entry_try_set()), so a leaf never changes its
 * pfn in place, a table is never replaced and an MMIO entry never covers anything
 * present; the rest takes bits away, or all of them.
 */
static __always_inline void entry_changed(struct slat_changes *changes,
					  enum slat_change change,
					  const struct slat_table *table,
					  unsigned int index, u64 old, u64 new)
{
	const gfn_t gfn = table->base + index * slat_level_pages(table->level);

	port_entry_changed(&table->entries[index], gfn, table->level, change, old, new);
	port_counter_add(&changes->nr[change], 1);
}

static __always_inline struct slat_changes *changes_of(struct slat_counters *counters,
						       int level)
{
	return &counters->entries[level - 1];
}

/* What was counted aside. */
static __always_inline u64 changes_count(struct slat_changes *to, enum slat_change change,
					 const struct slat_changes *aside)
{
	port_counter_add(&to->nr[change], aside->nr[change]);
	return aside->nr[change];
}

/* What a fault makes of @old: it takes nothing away. */
static enum slat_change change_by_fault(u64 old, u64 new, int level)
{
	if (ept_is_present(old))
		return SLAT_CHANGE_GAINED;
	if (!ept_is_present(new))
		return SLAT_CHANGE_MARKED;
	return ept_is_table(new, level) ? SLAT_CHANGE_LINKED : SLAT_CHANGE_MAPPED;
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
	const int level = table->level;
	const unsigned int index = slat_level_index(gfn, level);
	enum slat_change change;
	u64 found;

	port_assert_held(&mmu->lock);
	WARN_ON_ONCE(ept_change_needs_flush(*old, new));
	found = port_entry_cmpxchg(&table->entries[index], *old, new);
	if (found != *old) {
		*old = found;
		return false;
	}
	change = change_by_fault(found, new, level);
	entry_changed(changes_of(counters, level), change, table, index, found, new);
	if (change == SLAT_CHANGE_LINKED)
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
	const int level = table->level;
	const unsigned int index = slat_level_index(gfn, level);
	struct slat_mmu *mmu = batch->mmu;
	u64 old;

	port_assert_write(&mmu->lock);
	old = port_entry_xchg(&table->entries[index], 0);
	slat_table_lost_entry(mmu, table);
	slat_batch_did(batch, 1);
	if (ept_change_needs_flush(old, 0)) {
		batch->flush_owed = true;
		batch->leafs++;
		entry_changed(changes_of(&mmu->counters, level), SLAT_CHANGE_ZAPPED, table,
			      index, old, 0);
	} else {
		batch->mmio++;
		entry_changed(changes_of(&mmu->counters, level), SLAT_CHANGE_UNMARKED, table,
			      index, old, 0);
	}
}

static void table_unlinked(struct slat_batch *batch, struct slat_table *table);

/* What was in a table of @level, which the compiler knows for most tables. */
static __always_inline void entries_unlinked(struct slat_batch *batch,
					     const struct slat_table *table, int level,
					     struct slat_changes *changes)
{
	u64 *entries = table->entries;
	unsigned int i;

	for (i = 0; i < SLAT_TABLE_ENTRIES; i++) {
		u64 entry = port_entry_read(&entries[i]);

		if (!entry)
			continue;
		if (ept_is_table(entry, level)) {
			entry_changed(changes, SLAT_CHANGE_UNLINKED, table, i, entry, 0);
			table_unlinked(batch, slat_table_of(entry));
		} else if (ept_is_present(entry)) {
			entry_changed(changes, SLAT_CHANGE_ZAPPED, table, i, entry, 0);
		} else {
			entry_changed(changes, SLAT_CHANGE_UNMARKED, table, i, entry, 0);
		}
	}
}

/* All entries below an unlinked table are gone, though they stay as they are. */
static void table_unlinked(struct slat_batch *batch, struct slat_table *table)
{
	struct slat_mmu *mmu = batch->mmu;
	struct slat_changes *to = changes_of(&mmu->counters, table->level);
	struct slat_changes aside = {};

	if (table->level == SLAT_LEVEL_4K)
		entries_unlinked(batch, table, SLAT_LEVEL_4K, &aside);
	else
		entries_unlinked(batch, table, table->level, &aside);
	slat_table_unlist_ramless(mmu, table);
	atomic64_dec(&mmu->nr_tables);
	changes_count(to, SLAT_CHANGE_UNLINKED, &aside);
	batch->leafs += changes_count(to, SLAT_CHANGE_ZAPPED, &aside);
	batch->mmio += changes_count(to, SLAT_CHANGE_UNMARKED, &aside);
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
	entry_changed(changes_of(&mmu->counters, parent->level), SLAT_CHANGE_UNLINKED, parent,
		      table->index, old, 0);
	batch->flush_owed = true;
	batch->unlinked++;
	slat_table_lost_entry(mmu, parent);
	slat_batch_did(batch, SLAT_TABLE_ENTRIES);
	table_unlinked(batch, table);
	list_add_tail(&table->batch_list, &batch->tables);
}

/*
 * Take W from a leaf of @level. Hardware may set A or D meanwhile, hence the exchange in
 * a loop. A leaf that has no W owes nothing: whoever took it flushed before it dropped
 * the mmu lock (slat_batch_flush()).
 */
static __always_inline bool leaf_wrprot(struct slat_batch *batch, struct slat_changes *changes,
					struct slat_table *table, int level,
					unsigned int index)
{
	u64 *entry = &table->entries[index];
	u64 old = port_entry_read(entry);

	while ((old & EPT_W) && ept_is_leaf(old, level)) {
		u64 found = port_entry_cmpxchg(entry, old, old & ~EPT_W);

		if (found == old) {
			batch->flush_owed = true;
			entry_changed(changes, SLAT_CHANGE_PROTECTED, table, index, old,
				      old & ~EPT_W);
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
	const int level = table->level;

	port_assert_write(&batch->mmu->lock);
	return leaf_wrprot(batch, changes_of(&batch->mmu->counters, level), table, level,
			   slat_level_index(gfn, level));
}

/* The same for a leaf of 4 KiB. */
bool slat_page_wrprot(struct slat_batch *batch, struct slat_table *table, gfn_t gfn)
{
	port_assert_write(&batch->mmu->lock);
	slat_batch_did(batch, 1);
	return leaf_wrprot(batch, changes_of(&batch->mmu->counters, SLAT_LEVEL_4K), table,
			   SLAT_LEVEL_4K, slat_level_index(gfn, SLAT_LEVEL_4K));
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
	const unsigned int from = slat_level_index(start, SLAT_LEVEL_4K);
	const unsigned int until = from + (end - start);
	struct slat_changes aside = {};
	unsigned int i;

	port_assert_write(&batch->mmu->lock);
	slat_batch_did(batch, until - from);
	for (i = from; i < until; i++)
		leaf_wrprot(batch, &aside, table, SLAT_LEVEL_4K, i);
	return changes_count(changes_of(&batch->mmu->counters, SLAT_LEVEL_4K),
			     SLAT_CHANGE_PROTECTED, &aside);
}

/**
 * slat_entry_clear_accessed() - clear the A bit of a present leaf
 * @mmu: the EPT; lock held
 * @changes: where to count it, by level: the lock need not be held exclusive
 * @table: table of the entry
 * @gfn: a gfn that the entry covers
 *
 * Hardware may set A or D meanwhile, and a fault may grant W, hence the exchange in a
 * loop. No flush: see slat_mmu_age_range().
 *
 * Return: true if A was set.
 */
bool slat_entry_clear_accessed(struct slat_mmu *mmu, struct slat_changes *changes,
			       struct slat_table *table, gfn_t gfn)
{
	const int level = table->level;
	const unsigned int index = slat_level_index(gfn, level);
	u64 *entry = &table->entries[index];
	u64 old = port_entry_read(entry);

	port_assert_held(&mmu->lock);
	while (ept_is_leaf(old, level) && (old & EPT_A)) {
		u64 found = port_entry_cmpxchg(entry, old, old & ~EPT_A);

		if (found == old) {
			entry_changed(&changes[level - 1], SLAT_CHANGE_AGED, table, index,
				      old, old & ~EPT_A);
			return true;
		}
		old = found;
	}
	return false;
}
