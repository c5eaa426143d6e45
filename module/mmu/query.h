/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looking at the tree without changing it: one entry, or all of a range. Called inside
 * a reader section, without the mmu lock.
 */
#ifndef SLAT_MMU_QUERY_H
#define SLAT_MMU_QUERY_H

#include "types.h"

struct slat_mmu;

/**
 * struct slat_entry_view - where a page walk ends
 * @entry: the entry
 * @level: its level
 * @rights: EPT_R, EPT_W and EPT_X as all levels grant them
 * @broken: the entry is none that this module writes
 */
struct slat_entry_view {
	u64 entry;
	int level;
	u64 rights;
	bool broken;
};

/**
 * slat_mmu_read_entry() - look an entry up
 * @mmu: the EPT
 * @gfn: below SLAT_MAX_GFN
 * @view: result
 *
 * Called inside a reader section, without the mmu lock.
 */
void slat_mmu_read_entry(struct slat_mmu *mmu, gfn_t gfn, struct slat_entry_view *view);

/**
 * struct slat_visit - a look at all entries of a range, a slice at a time
 * @end: first gfn behind the range
 * @visit: called for each entry that is not 0, tables before what is below them;
 *	@gfn is the first that the entry covers
 * @arg: for @visit
 * @budget: entries that may still be read in this slice
 */
struct slat_visit {
	gfn_t end;
	void (*visit)(struct slat_visit *v, gfn_t gfn, int level, u64 entry);
	void *arg;
	int budget;
};

/**
 * slat_mmu_visit() - one slice
 * @mmu: the EPT
 * @gfn: where to begin, or to go on
 * @v: the rest
 *
 * Called inside a reader section, without the mmu lock; the caller leaves the
 * section between slices, since updates wait for it. A table is visited when the
 * walk comes to its first gfn. A slice reads some thousand entries at most.
 *
 * Return: where to go on; at or behind @v->end when done.
 */
gfn_t slat_mmu_visit(struct slat_mmu *mmu, gfn_t gfn, struct slat_visit *v);

#endif
