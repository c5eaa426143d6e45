// SPDX-License-Identifier: GPL-2.0
/*
 * Installing entries for a fault: RAM leafs and MMIO entries, and the lookup
 * behind an EPT misconfiguration. Called by pagefault.c inside a reader
 * section, without locks; faults of many vCPUs run side by side (mmu lock
 * shared, entries by cmpxchg).
 */
#include "internal.h"

static struct slat_table *cache_take(struct slat_table_cache *cache)
{
	return cache->nr ? cache->tables[--cache->nr] : NULL;
}

static void cache_give(struct slat_table_cache *cache, struct slat_table *table)
{
	cache->tables[cache->nr++] = table;
}

/*
 * The table of the 4 KiB entries for @gfn; tables that lack are linked from
 * @cache. NULL: the cache ran out. Tables can't go while the lock is held.
 */
static struct slat_table *walk_to_leaf(struct slat_mmu *mmu,
				       struct slat_table_cache *cache, gfn_t gfn)
{
	struct slat_table *table = mmu->root;

	while (table->level > SLAT_LEVEL_4K) {
		u64 old = port_entry_read(slat_table_entry(table, gfn));
		struct slat_table *child;

		if (ept_is_table(old, table->level)) {
			table = slat_table_of(old);
			continue;
		}
		child = cache_take(cache);
		if (!child)
			return NULL;
		slat_table_set_place(child, table, gfn);
		if (slat_entry_try_set(mmu, table, gfn, &old,
				       ept_make_table(port_table_pa(child->entries))))
			table = child;
		else
			cache_give(cache, child);
	}
	return table;
}

/* The entry to write over @old for @map; @old itself if it is as good already. */
static u64 leaf_for(u64 old, const struct slat_map *map)
{
	u64 gain = 0;

	if (!ept_is_present(old))
		return ept_make_leaf(map->pfn, map->write, map->host_writable);
	if (map->host_writable)
		gain |= EPT_SW_HOST_WRITABLE;
	if (map->write)
		gain |= EPT_W | EPT_D;
	return old | gain;
}

/*
 * W was granted: the page counts as dirty. In the same shared section as the
 * entry, so that a collection, which is exclusive, sees both or neither.
 */
static void map_mark_dirty(const struct slat_map *map)
{
	if (map->dirty_bitmap && map->write &&
	    !port_bit_test(map->dirty_bit, map->dirty_bitmap))
		port_bit_set(map->dirty_bit, map->dirty_bitmap);
}

/*
 * Write the leaf. SLAT_MAP_RETRY: it points to another page, which should not
 * happen without a notification and is mended by the caller.
 */
static enum slat_map_result leaf_install(struct slat_mmu *mmu,
					 struct slat_table *table,
					 const struct slat_map *map)
{
	u64 old = port_entry_read(slat_table_entry(table, map->gfn));
	u64 new;

	do {
		if (ept_is_present(old) && ept_pfn(old) != map->pfn)
			return SLAT_MAP_RETRY;
		new = leaf_for(old, map);
		if (new == old)
			return SLAT_MAP_SPURIOUS;
	} while (!slat_entry_try_set(mmu, table, map->gfn, &old, new));
	map_mark_dirty(map);
	return SLAT_MAP_INSTALLED;
}

/* A leaf should be gone and is not: a notification or a zap was lost. */
static void zap_lost(struct slat_mmu *mmu, gfn_t gfn)
{
	struct slat_zap zap = { .why = SLAT_WHY_FAULT, .may_yield = true };

	slat_mmu_zap_range(mmu, gfn, gfn + 1, &zap);
}

enum slat_map_result slat_mmu_map(struct slat_mmu *mmu,
				  struct slat_table_cache *cache,
				  const struct slat_map *map)
{
	enum slat_map_result result = SLAT_MAP_RETRY;
	bool moved = false, around;

	port_read_lock(&mmu->lock);
	around = map->around && map->around->nr && map->around->still_valid(map);
	if (around || map->still_valid(map)) {
		struct slat_table *table = walk_to_leaf(mmu, cache, map->gfn);

		result = table ? leaf_install(mmu, table, map) :
				 SLAT_MAP_NO_TABLE;
		moved = result == SLAT_MAP_RETRY;
		if (around && result == SLAT_MAP_INSTALLED)
			slat_around_install(mmu, table, map);
	}
	port_read_unlock(&mmu->lock);

	if (moved)
		zap_lost(mmu, map->gfn);
	return result;
}

/* SLAT_MAP_NO_TABLE: no leaf that may be made writable without the host. */
static enum slat_map_result leaf_make_writable(struct slat_mmu *mmu,
					       struct slat_table *table,
					       const struct slat_map *map)
{
	u64 old = port_entry_read(slat_table_entry(table, map->gfn));

	do {
		if (!ept_is_leaf(old, table->level) ||
		    !(old & EPT_SW_HOST_WRITABLE))
			return SLAT_MAP_NO_TABLE;
		if (old & EPT_W)
			return SLAT_MAP_SPURIOUS;
	} while (!slat_entry_try_set(mmu, table, map->gfn, &old,
				     old | EPT_W | EPT_D));
	map_mark_dirty(map);
	return SLAT_MAP_INSTALLED;
}

enum slat_map_result slat_mmu_make_writable(struct slat_mmu *mmu,
					    const struct slat_map *map)
{
	enum slat_map_result result = SLAT_MAP_RETRY;

	port_read_lock(&mmu->lock);
	if (map->still_valid(map)) {
		struct slat_table *table = slat_table_find_leaf(mmu, map->gfn);

		result = table ? leaf_make_writable(mmu, table, map) :
				 SLAT_MAP_NO_TABLE;
	}
	port_read_unlock(&mmu->lock);
	if (result == SLAT_MAP_INSTALLED)
		atomic64_inc(&mmu->stats.faults_write);
	return result;
}

/* Write the MMIO entry; never over a present one: SLAT_MAP_RETRY. */
static enum slat_map_result mmio_install(struct slat_mmu *mmu,
					 struct slat_table *table, gfn_t gfn,
					 u64 new)
{
	u64 old = port_entry_read(slat_table_entry(table, gfn));

	do {
		if (ept_is_present(old))
			return SLAT_MAP_RETRY;
		if (old == new)
			return SLAT_MAP_SPURIOUS;
	} while (!slat_entry_try_set(mmu, table, gfn, &old, new));
	slat_table_list_mmio(mmu, table);
	return SLAT_MAP_INSTALLED;
}

static void trace_mark(const struct slat_mmu *mmu, gfn_t gfn, u64 gen)
{
	const struct slat_ev_mmio ev = {
		.vm = mmu->config.id,
		.gfn = gfn,
		.entry_gen = gen & slat_gen_mask(&mmu->config.layout),
		.generation = gen,
	};

	slat_trace_mmio_mark(&ev);
}

enum slat_map_result slat_mmu_mark_mmio(struct slat_mmu *mmu,
					struct slat_table_cache *cache,
					const struct slat_map *map, u64 gen)
{
	enum slat_map_result result = SLAT_MAP_RETRY;
	bool covered = false;

	if (map->gfn >= SLAT_MAX_GFN)
		return SLAT_MAP_RETRY;
	port_read_lock(&mmu->lock);
	if (map->still_valid(map)) {
		struct slat_table *table = walk_to_leaf(mmu, cache, map->gfn);

		result = table ? mmio_install(mmu, table, map->gfn,
					      slat_mmio_make(&mmu->config.layout, gen)) :
				 SLAT_MAP_NO_TABLE;
		/*
		 * A slot may have been created since the look above, and another
		 * fault may have mapped it. If none was, a zap was lost: zap and
		 * flush now.
		 */
		covered = result == SLAT_MAP_RETRY &&
			  WARN_ON_ONCE(map->still_valid(map));
	}
	port_read_unlock(&mmu->lock);

	if (covered)
		zap_lost(mmu, map->gfn);
	if (result == SLAT_MAP_INSTALLED) {
		atomic64_inc(&mmu->stats.mmio_mark);
		if (port_trace_on(slat_mmio_mark))
			trace_mark(mmu, map->gfn, gen);
	}
	return result;
}

/* As slat_mmu_lookup_mmio(); @found is the entry at which the walk ended. */
static enum slat_mmio_lookup mmio_lookup(struct slat_mmu *mmu, gfn_t gfn, u64 gen,
					 u64 *found)
{
	struct slat_table *table = mmu->root;
	u64 entry;

	if (gfn >= SLAT_MAX_GFN)
		return SLAT_MMIO_NONE;
	for (;;) {
		entry = port_entry_read(slat_table_entry(table, gfn));
		if (!ept_is_wellformed(entry, table->level))
			return SLAT_MMIO_BROKEN;
		if (!ept_is_table(entry, table->level))
			break;
		table = slat_table_of(entry);
	}
	*found = entry;
	if (!ept_is_mmio(entry))
		return SLAT_MMIO_NONE;
	if (slat_mmio_is_current(&mmu->config.layout, entry, gen)) {
		atomic64_inc(&mmu->stats.mmio_hit);
		return SLAT_MMIO_HIT;
	}
	atomic64_inc(&mmu->stats.mmio_stale);
	return SLAT_MMIO_STALE;
}

static void trace_check(const struct slat_mmu *mmu, gfn_t gfn, u64 entry, u64 gen,
			enum slat_mmio_lookup result)
{
	const struct slat_ev_mmio ev = {
		.vm = mmu->config.id,
		.result = result,
		.gfn = gfn,
		.entry_gen = result <= SLAT_MMIO_STALE ? slat_mmio_gen(entry) : 0,
		.generation = gen,
	};

	slat_trace_mmio_check(&ev);
}

enum slat_mmio_lookup slat_mmu_lookup_mmio(struct slat_mmu *mmu, gfn_t gfn,
					   u64 gen)
{
	enum slat_mmio_lookup result;
	u64 entry = 0;

	result = mmio_lookup(mmu, gfn, gen, &entry);
	if (port_trace_on(slat_mmio_check))
		trace_check(mmu, gfn, entry, gen, result);
	return result;
}
