// SPDX-License-Identifier: GPL-2.0
/*
 * Fault-around: a guest that goes through its memory page by page faults once for
 * several pages, where the host has them. Called by pagefault.c to ask how many, and
 * by fault.c, in the section that installs the page which faulted.
 *
 * The guest gains nothing that its own fault would not give it: a neighbour is
 * installed only where nothing is mapped, under the same look at the slot, and if the
 * host changes none of the pages (one look covers all of them). It gets W only where a
 * fault for reading would, and A stays clear until the guest comes. Nor does the host
 * lose anything: a page that it could drop as it is (MADV_FREE) is mapped for reading
 * alone, since with W it would have to be marked dirty, and the guest never touched it.
 */
#include "internal.h"

unsigned int slat_mmu_want_around(struct slat_mmu *mmu, gfn_t gfn)
{
	const unsigned int max = mmu->config.around;
	const unsigned int at = slat_level_index(gfn, SLAT_LEVEL_4K);
	const struct slat_table *table;
	unsigned int nr = 0;

	table = max && at ? slat_table_peek(mmu, gfn, SLAT_LEVEL_4K) : NULL;
	if (!table || !ept_is_present(port_entry_read(&table->entries[at - 1])))
		return 0;
	while (nr < max && at + nr + 1 < SLAT_TABLE_ENTRIES &&
	       !ept_is_present(port_entry_read(&table->entries[at + nr + 1])))
		nr++;
	return nr;
}

/* Bit i: page i may be written, now or when the log allows. */
static u32 around_writable(struct slat_mmu *mmu, const struct slat_around *around)
{
	if (!around->nr || !around->host_writable)
		return 0;
	return mmu->ops->keep_dirty(mmu->ctx, around->pfn, around->nr);
}

/**
 * slat_around_install() - the leaves beside the one that @map installed
 * @mmu: the EPT; lock held shared since the slots allowed them
 * @vcpu: whose fault it is
 * @table: leaf table of the page that faulted
 * @map: with pages around it
 *
 * An entry that another fault writes meanwhile is left to it.
 */
void slat_around_install(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
			 struct slat_table *table, const struct slat_map *map)
{
	const struct slat_around *around = &map->around;
	u32 writable = around_writable(mmu, around);
	unsigned int i, done = 0;

	for (i = 0; i < around->nr; i++) {
		gfn_t gfn = map->from->gfn + 1 + i;
		u64 old = port_entry_read(slat_table_entry(table, gfn));
		bool may_write = writable >> i & 1;
		u64 new = ept_make_leaf(around->pfn[i], around->write && may_write,
					may_write) & ~EPT_A;

		if (ept_is_present(old) ||
		    !slat_entry_try_set(mmu, &vcpu->counters, table, gfn, &old, new))
			continue;
		done++;
	}
	port_counter_add(&vcpu->counters.around_leafs, done);
}
