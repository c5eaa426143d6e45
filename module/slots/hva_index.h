/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slots by host address, for host changes. Apart from the slot set proper: it
 * is read by the mmu_notifier, which must not wait for anybody, and it keeps a
 * slot from before its first fault until after its last entry is zapped.
 */
#ifndef SLAT_HVA_INDEX_H
#define SLAT_HVA_INDEX_H

#include "memslots.h"
#include "tree.h"

/**
 * slat_hva_index_replace() - an index with one slot exchanged
 * @index: the index that it is made from; stays as it is
 * @old: slot to leave out, or NULL
 * @new: slot to add, or NULL
 * @result: the new index, to be dropped by slat_tree_put()
 *
 * Slots may share host memory, so ranges may overlap; they are ordered by
 * (hva, base_gfn). An index knows nothing of a slot but where it is and the state
 * that outlives its objects: it stays valid when a slot object is exchanged for
 * one in the same place.
 *
 * Return: 0 or -ENOMEM.
 */
int slat_hva_index_replace(struct slat_tree_node *index,
			   const struct slat_memslot *old,
			   const struct slat_memslot *new,
			   struct slat_tree_node **result);

/**
 * struct slat_hva_walk - a walk over the parts of a host range that slots map
 * @start: first host address
 * @end: first host address behind the range
 * @at_hva: where the range found last starts, and
 * @at_gfn: its first gfn: the walk goes down from here, in any index
 * @first: found: first gfn
 * @last: found: first gfn behind the part
 * @state: found: of the slot; lives while the slot is in the index
 */
struct slat_hva_walk {
	hva_t start;
	hva_t end;
	hva_t at_hva;
	gfn_t at_gfn;
	gfn_t first;
	gfn_t last;
	struct slat_slot_state *state;
};

void slat_hva_walk_start(struct slat_hva_walk *walk, hva_t start, hva_t end);

/**
 * slat_hva_walk_next() - find the next part
 * @walk: the walk
 * @index: the current index; it may be another one than the last time
 *
 * A slot that is in the index during the whole walk is found exactly once.
 *
 * Return: false when there are no more.
 */
bool slat_hva_walk_next(struct slat_hva_walk *walk,
			const struct slat_tree_node *index);

#endif
