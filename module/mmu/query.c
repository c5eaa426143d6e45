// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at the tree without changing it and without the mmu lock: called
 * inside a reader section, which keeps the tables that it meets from being
 * freed; each entry is read once. What comes out was true of each entry when it
 * was read, and no more.
 */
#include "internal.h"
#include "query.h"

void slat_mmu_read_entry(struct slat_mmu *mmu, gfn_t gfn, struct slat_entry_view *view)
{
	struct slat_table *table = mmu->root;

	view->rights = EPT_RWX;
	for (;;) {
		view->entry = port_entry_read(slat_table_entry(table, gfn));
		view->level = table->level;
		if (!ept_is_table(view->entry, table->level))
			break;
		view->rights &= view->entry;
		table = slat_table_of(view->entry);
	}
	view->rights &= ept_is_present(view->entry) ? view->entry : 0;
	view->broken = !ept_is_wellformed(view->entry, view->level, mmu->config.reserved);
}

/* About one leaf table's worth, and what is above it. */
#define SLICE_ENTRIES	1024

/* Recursion: no deeper than SLAT_ROOT_LEVEL. Each call reads an entry at least. */
static gfn_t table_visit(struct slat_table *table, gfn_t gfn, struct slat_visit *v)
{
	const u64 pages = slat_level_pages(table->level);
	gfn_t end = min(v->end, table->base + pages * SLAT_TABLE_ENTRIES);

	while (gfn < end) {
		u64 entry = port_entry_read(slat_table_entry(table, gfn));
		gfn_t base = slat_level_base(gfn, table->level);

		v->budget--;
		if (ept_is_table(entry, table->level)) {
			if (gfn == base)
				v->visit(v, gfn, table->level, entry);
			gfn = table_visit(slat_table_of(entry), gfn, v);
		} else {
			if (entry)
				v->visit(v, base, table->level, entry);
			gfn = base + pages;
		}
		if (v->budget <= 0)
			break;
	}
	return gfn;
}

gfn_t slat_mmu_visit(struct slat_mmu *mmu, gfn_t gfn, struct slat_visit *v)
{
	v->end = min(v->end, SLAT_MAX_GFN);
	v->budget = SLICE_ENTRIES;
	return gfn < v->end ? table_visit(mmu->root, gfn, v) : v->end;
}
