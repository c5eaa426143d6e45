// SPDX-License-Identifier: GPL-2.0
/*
 * Installing entries for a fault: RAM leafs and MMIO entries, and the lookup
 * behind an EPT misconfiguration. Called by pagefault.c inside a reader
 * section, without locks; faults of many vCPUs run side by side (mmu lock
 * shared, entries by cmpxchg).
 */
#include "internal.h"
#include "zap.h"

static struct slat_table *cache_take(struct slat_table_cache *cache)
{
	return cache->nr ? cache->tables[--cache->nr] : NULL;
}

static void cache_give(struct slat_table_cache *cache, struct slat_table *table)
{
	cache->tables[cache->nr++] = table;
}

/*
 * The table of the entry that @from is about; tables that lack are linked from the
 * vCPU's cache. NULL: it ran out. Tables can't go while the lock is held.
 */
static struct slat_table *walk_to_table(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
					const struct slat_lookup *from)
{
	struct slat_table *table = mmu->root;

	while (table->level > from->level) {
		u64 old = port_entry_read(slat_table_entry(table, from->gfn));
		struct slat_table *child;

		if (ept_is_table(old, table->level)) {
			table = slat_table_of(old);
			continue;
		}
		child = cache_take(&vcpu->cache);
		if (!child)
			return NULL;
		slat_table_set_place(child, table, from->gfn);
		if (slat_entry_try_set(mmu, &vcpu->counters, table, from->gfn, &old,
				       ept_make_table(port_table_pa(child->entries))))
			table = child;
		else
			cache_give(&vcpu->cache, child);
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
static void mark_dirty(const struct slat_dirty_mark *mark)
{
	if (mark->bitmap && !port_bit_test(mark->bit, mark->bitmap))
		port_bit_set(mark->bit, mark->bitmap);
}

/*
 * Write the leaf. SLAT_MAP_RETRY: it points to another page, which should not
 * happen without a notification and is mended by the caller.
 */
static enum slat_map_result leaf_install(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
					 struct slat_table *table,
					 const struct slat_map *map)
{
	const gfn_t gfn = map->from->gfn;
	u64 old = port_entry_read(slat_table_entry(table, gfn));
	u64 new;

	do {
		if (ept_is_present(old) && ept_pfn(old) != map->pfn)
			return SLAT_MAP_RETRY;
		new = leaf_for(old, map);
		if (new == old)
			return SLAT_MAP_SPURIOUS;
	} while (!slat_entry_try_set(mmu, &vcpu->counters, table, gfn, &old, new));
	if (map->write)
		mark_dirty(&map->mark);
	/* Also if it is the log that keeps W: it comes without the host. */
	if (map->host_writable)
		mmu->ops->mark_dirty(mmu->ctx, map->pfn);
	return SLAT_MAP_INSTALLED;
}

/* A leaf should be gone and is not: a notification or a zap was lost. */
static void zap_lost(struct slat_mmu *mmu, gfn_t gfn)
{
	struct slat_zap zap = { .why = SLAT_WHY_FAULT, .may_yield = true };

	slat_mmu_zap_range(mmu, gfn, gfn + 1, &zap);
}

enum slat_map_result slat_mmu_map(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
				  const struct slat_map *map)
{
	const struct slat_recheck_ops *recheck = mmu->recheck;
	enum slat_map_result result = SLAT_MAP_RETRY;
	bool moved = false, around;

	if (WARN_ON_ONCE(map->from->level != SLAT_LEVEL_4K))
		return SLAT_MAP_RETRY;
	port_read_lock(&mmu->lock);
	around = map->around.nr && recheck->may_map(mmu->slots, map, 1 + map->around.nr);
	if (around || recheck->may_map(mmu->slots, map, 1)) {
		struct slat_table *table = walk_to_table(mmu, vcpu, map->from);

		result = table ? leaf_install(mmu, vcpu, table, map) :
				 SLAT_MAP_NO_TABLE;
		moved = result == SLAT_MAP_RETRY;
		if (around && result == SLAT_MAP_INSTALLED)
			slat_around_install(mmu, vcpu, table, map);
	}
	port_read_unlock(&mmu->lock);

	if (moved)
		zap_lost(mmu, map->from->gfn);
	return result;
}

/* SLAT_MAP_NO_TABLE: no leaf that may be made writable without the host. */
static enum slat_map_result leaf_make_writable(struct slat_mmu *mmu,
					       struct slat_mmu_vcpu *vcpu,
					       struct slat_table *table, gfn_t gfn)
{
	u64 old = port_entry_read(slat_table_entry(table, gfn));

	do {
		if (!ept_is_leaf(old, table->level) ||
		    !(old & EPT_SW_HOST_WRITABLE))
			return SLAT_MAP_NO_TABLE;
		if (old & EPT_W)
			return SLAT_MAP_SPURIOUS;
	} while (!slat_entry_try_set(mmu, &vcpu->counters, table, gfn, &old,
				     old | EPT_W | EPT_D));
	return SLAT_MAP_INSTALLED;
}

enum slat_map_result slat_mmu_make_writable(struct slat_mmu *mmu,
					    struct slat_mmu_vcpu *vcpu,
					    const struct slat_lookup *from,
					    const struct slat_dirty_mark *mark)
{
	enum slat_map_result result = SLAT_MAP_RETRY;

	port_read_lock(&mmu->lock);
	if (mmu->recheck->may_write(mmu->slots, from)) {
		struct slat_table *table = slat_table_find(mmu, from->gfn, from->level);

		result = table ? leaf_make_writable(mmu, vcpu, table, from->gfn) :
				 SLAT_MAP_NO_TABLE;
		if (result == SLAT_MAP_INSTALLED)
			mark_dirty(mark);
	}
	port_read_unlock(&mmu->lock);
	if (result == SLAT_MAP_INSTALLED)
		slat_count(&vcpu->counters.faults_write);
	return result;
}

/* Write the MMIO entry; never over a present one: SLAT_MAP_RETRY. */
static enum slat_map_result mmio_install(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
					 struct slat_table *table, gfn_t gfn,
					 u64 new)
{
	u64 old = port_entry_read(slat_table_entry(table, gfn));

	do {
		if (ept_is_present(old))
			return SLAT_MAP_RETRY;
		if (old == new)
			return SLAT_MAP_SPURIOUS;
	} while (!slat_entry_try_set(mmu, &vcpu->counters, table, gfn, &old, new));
	slat_table_list_ramless(mmu, table);
	return SLAT_MAP_INSTALLED;
}

static void trace_mark(const struct slat_mmu *mmu, const struct slat_lookup *from, u64 gen)
{
	const struct slat_ev_mmio ev = {
		.vm = mmu->config.id,
		.gfn = from->gfn,
		.level = from->level,
		.entry_gen = gen & slat_gen_mask(&mmu->config.layout),
		.generation = gen,
	};

	slat_trace_mmio_mark(&ev);
}

/*
 * All the tables that an MMIO entry may lack, or none: what an empty cache left in the
 * middle would stay, since tables are taken back from the leaves upwards.
 */
static struct slat_table *mmio_table(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
				     const struct slat_lookup *from)
{
	if (vcpu->cache.nr == ARRAY_SIZE(vcpu->cache.tables))
		return walk_to_table(mmu, vcpu, from);
	return slat_table_find(mmu, from->gfn, from->level);
}

enum slat_map_result slat_mmu_mark_mmio(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
					const struct slat_lookup *from, u64 gen)
{
	const struct slat_recheck_ops *recheck = mmu->recheck;
	enum slat_map_result result = SLAT_MAP_RETRY;
	bool covered = false;

	if (from->gfn >= SLAT_MAX_GFN)
		return SLAT_MAP_RETRY;
	port_read_lock(&mmu->lock);
	if (recheck->may_mark(mmu->slots, from)) {
		struct slat_table *table = mmio_table(mmu, vcpu, from);

		result = table ? mmio_install(mmu, vcpu, table, from->gfn,
					      slat_mmio_make(&mmu->config.layout, gen)) :
				 SLAT_MAP_NO_TABLE;
		/*
		 * A slot may have been created since the look above, and another
		 * fault may have mapped it. If none was, a zap was lost: zap and
		 * flush now.
		 */
		covered = result == SLAT_MAP_RETRY &&
			  WARN_ON_ONCE(recheck->may_mark(mmu->slots, from));
	}
	port_read_unlock(&mmu->lock);

	if (covered)
		zap_lost(mmu, from->gfn);
	if (result == SLAT_MAP_INSTALLED && port_trace_on(slat_mmio_mark))
		trace_mark(mmu, from, gen);
	return result;
}

/* As slat_mmu_lookup_mmio(); @found and @level: the entry at which the walk ended. */
static enum slat_mmio_lookup mmio_lookup(struct slat_mmu *mmu, gfn_t gfn, u64 gen,
					 u64 *found, int *level)
{
	struct slat_table *table = mmu->root;
	u64 entry;

	if (gfn >= SLAT_MAX_GFN)
		return SLAT_MMIO_NONE;
	for (;;) {
		entry = port_entry_read(slat_table_entry(table, gfn));
		*level = table->level;
		if (!ept_is_wellformed(entry, table->level, mmu->config.reserved))
			return SLAT_MMIO_BROKEN;
		if (!ept_is_table(entry, table->level))
			break;
		table = slat_table_of(entry);
	}
	*found = entry;
	if (!ept_is_mmio(entry))
		return SLAT_MMIO_NONE;
	return slat_mmio_is_current(&mmu->config.layout, entry, gen) ? SLAT_MMIO_HIT :
								       SLAT_MMIO_STALE;
}

enum slat_mmio_lookup slat_mmu_lookup_mmio(struct slat_mmu *mmu,
					   struct slat_mmu_vcpu *vcpu, gfn_t gfn,
					   u64 gen)
{
	enum slat_mmio_lookup result;
	int level = SLAT_ROOT_LEVEL;
	u64 entry = 0;

	result = mmio_lookup(mmu, gfn, gen, &entry, &level);
	if (result == SLAT_MMIO_HIT)
		slat_count(&vcpu->counters.mmio_hit);
	else if (result == SLAT_MMIO_STALE)
		slat_count(&vcpu->counters.mmio_stale);
	if (port_trace_on(slat_mmio_check)) {
		const struct slat_ev_mmio ev = {
			.vm = mmu->config.id,
			.result = result,
			.gfn = gfn,
			.level = level,
			.entry_gen = result <= SLAT_MMIO_STALE ? slat_mmio_gen(entry) : 0,
			.generation = gen,
		};

		slat_trace_mmio_check(&ev);
	}
	return result;
}
