// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at the tree without changing it and without the mmu lock: called
 * inside a reader section, which keeps the tables that it meets from being
 * freed; each entry is read once. What comes out was true of each entry when it
 * was read, and no more.
 */
#include "internal.h"

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
	view->broken = !ept_is_wellformed(view->entry, view->level);
}
