// SPDX-License-Identifier: GPL-2.0
/*
 * Table pages: allocation, place in the tree, the list of tables that may be
 * without RAM, and the vCPUs' caches of spare tables. Linking and unlinking is
 * set_pte.c's job.
 */
#include "internal.h"
#include "reclaim.h"

struct slat_table *slat_table_alloc(void)
{
	struct slat_table *table = port_alloc(sizeof(*table));

	if (!table)
		return NULL;
	table->entries = port_table_alloc();
	if (!table->entries) {
		port_free(table);
		return NULL;
	}
	port_table_set_meta(table->entries, table);
	return table;
}

void slat_table_free(struct slat_table *table)
{
	port_table_set_meta(table->entries, NULL);
	port_table_free(table->entries);
	port_free(table);
}

/*
 * Free an unlinked table and all below it. Nobody can reach them any more, so
 * no lock is needed. Recursion is at most SLAT_ROOT_LEVEL deep.
 */
void slat_table_free_subtree(struct slat_table *table)
{
	unsigned int i;

	for (i = 0; table->level > SLAT_LEVEL_4K && i < SLAT_TABLE_ENTRIES; i++) {
		u64 entry = port_entry_read(&table->entries[i]);

		if (ept_is_table(entry, table->level))
			slat_table_free_subtree(slat_table_of(entry));
	}
	slat_table_free(table);
}

/* Make @table fit for the entry of @parent that covers @gfn. */
void slat_table_set_place(struct slat_table *table, struct slat_table *parent,
			  gfn_t gfn)
{
	table->parent = parent;
	table->level = parent->level - 1;
	table->index = slat_level_index(gfn, parent->level);
	table->base = slat_level_base(gfn, parent->level);
}

/*
 * The table of the entries of @level for @gfn, or NULL. Inside a reader section, which
 * keeps the table from being freed; without the mmu lock it may be unlinked already.
 */
struct slat_table *slat_table_peek(struct slat_mmu *mmu, gfn_t gfn, int level)
{
	struct slat_table *table = mmu->root;

	while (table->level > level) {
		u64 entry = port_entry_read(slat_table_entry(table, gfn));

		if (!ept_is_table(entry, table->level))
			return NULL;
		table = slat_table_of(entry);
	}
	return table;
}

/* The same with the mmu lock held: a table that is linked. */
struct slat_table *slat_table_find(struct slat_mmu *mmu, gfn_t gfn, int level)
{
	port_assert_held(&mmu->lock);
	return slat_table_peek(mmu, gfn, level);
}

bool slat_table_is_empty(const struct slat_table *table)
{
	unsigned int i;

	for (i = 0; i < SLAT_TABLE_ENTRIES; i++) {
		if (port_entry_read(&table->entries[i]))
			return false;
	}
	return true;
}

bool slat_table_has_present(const struct slat_table *table)
{
	unsigned int i;

	for (i = 0; i < SLAT_TABLE_ENTRIES; i++) {
		if (ept_is_present(port_entry_read(&table->entries[i])))
			return true;
	}
	return false;
}

bool slat_table_has_mmio(const struct slat_table *table)
{
	unsigned int i;

	for (i = 0; i < SLAT_TABLE_ENTRIES; i++) {
		if (ept_is_mmio(port_entry_read(&table->entries[i])))
			return true;
	}
	return false;
}

/* The bare look may miss a concurrent listing; the lock then tells. */
void slat_table_list_ramless(struct slat_mmu *mmu, struct slat_table *table)
{
	port_assert_held(&mmu->lock);
	if (READ_ONCE(table->ramless_listed))
		return;
	port_spin_lock(&mmu->ramless_lock);
	if (!table->ramless_listed) {
		WRITE_ONCE(table->ramless_listed, true);
		list_add_tail(&table->ramless_list, &mmu->ramless_tables);
		WRITE_ONCE(mmu->nr_ramless, mmu->nr_ramless + 1);
	}
	port_spin_unlock(&mmu->ramless_lock);
}

void slat_table_unlist_ramless(struct slat_mmu *mmu, struct slat_table *table)
{
	port_assert_write(&mmu->lock);
	if (!table->ramless_listed)
		return;
	port_spin_lock(&mmu->ramless_lock);
	list_del(&table->ramless_list);
	WRITE_ONCE(mmu->nr_ramless, mmu->nr_ramless - 1);
	WRITE_ONCE(table->ramless_listed, false);
	port_spin_unlock(&mmu->ramless_lock);
}

/* All wait on another list, from which each may be taken as from its own. */
void slat_tables_take_ramless(struct slat_mmu *mmu, struct list_head *to)
{
	port_assert_write(&mmu->lock);
	port_spin_lock(&mmu->ramless_lock);
	list_splice_tail_init(&mmu->ramless_tables, to);
	port_spin_unlock(&mmu->ramless_lock);
}

/* How many tables a VM at its cap gives back at once, to do it seldom. */
#define RECLAIM_BATCH	16

int slat_table_cache_topup(struct slat_mmu *mmu, struct slat_table_cache *cache, bool must)
{
	if (likely(cache->nr == ARRAY_SIZE(cache->tables)))
		return 0;
	slat_epoch_reap(mmu->epochs);
	if (slat_mmu_nr_tables(mmu) + ARRAY_SIZE(cache->tables) >
	    READ_ONCE(mmu->max_tables) &&
	    !slat_mmu_reclaim(mmu, RECLAIM_BATCH, true) && !must)
		return -EAGAIN;
	while (cache->nr < ARRAY_SIZE(cache->tables)) {
		struct slat_table *table = slat_table_alloc();

		if (!table)
			return -ENOMEM;
		cache->tables[cache->nr++] = table;
	}
	return 0;
}

void slat_table_cache_free(struct slat_table_cache *cache)
{
	while (cache->nr)
		slat_table_free(cache->tables[--cache->nr]);
}
