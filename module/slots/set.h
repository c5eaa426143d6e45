/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Building and searching the immutable objects: slots and sets of slots. What
 * memslots.c publishes is made here.
 */
#ifndef SLAT_SLOT_SET_H
#define SLAT_SLOT_SET_H

#include "memslots.h"

/* The empty set; NULL without memory. */
struct slat_slots_root *slat_slots_root_create(u64 gen);

/**
 * slat_slots_root_replace() - a set with one slot exchanged
 * @root: the set that it is made from; stays as it is
 * @old: slot to leave out, or NULL
 * @new: slot to put in, or NULL
 * @gen: generation of the new set
 *
 * With neither slot the new set differs in its generation alone.
 *
 * Return: the new set, or NULL without memory.
 */
struct slat_slots_root *slat_slots_root_replace(const struct slat_slots_root *root,
						const struct slat_memslot *old,
						const struct slat_memslot *new,
						u64 gen);

/* Free a set that no reader ever saw or can see any more. NULL is fine. */
void slat_slots_root_free(struct slat_slots_root *root);

/* Hand over to the epochs: freed when no reader can hold it. NULL is fine. */
void slat_slots_root_retire(struct slat_epochs *epochs,
			    struct slat_slots_root *root);
void slat_memslot_retire(struct slat_epochs *epochs, struct slat_memslot *slot);

/**
 * slat_memslot_create() - the slot that a client asks for
 * @region: a checked request
 * @old: the slot that it changes, or NULL; if it logs, the bits are kept
 * @all_set: a new dirty log begins with every page dirty
 *
 * Return: the slot, or NULL without memory.
 */
struct slat_memslot *
slat_memslot_create(const struct kvm_userspace_memory_region *region,
		    const struct slat_memslot *old, bool all_set);

/* What stands in for @slot while it goes; NULL without memory. */
struct slat_memslot *slat_memslot_create_invalid(const struct slat_memslot *slot);

/* Free a slot that no reader ever saw or can see any more. NULL is fine. */
void slat_memslot_free(struct slat_memslot *slot);

/* A slot of @root other than @self that [@start, @end) overlaps, or NULL. */
const struct slat_memslot *slat_slots_overlap(const struct slat_slots_root *root,
					      gfn_t start, gfn_t end,
					      const struct slat_memslot *self);

#endif
