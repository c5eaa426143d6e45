/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slots in an order: a persistent B+ tree. A change makes a new tree in
 * O(log n) that shares with the old one every node off the path to the change,
 * so an old tree stays whole for those who still read it. Pure but for memory;
 * used by set.c (by gfn) and hva_index.c (by host address).
 *
 * A tree is its topmost node; the empty tree is NULL. Nodes are immutable and
 * counted: by the nodes above them and by whoever keeps a tree. The counts
 * alone are written after a tree was published, with atomics, since trees are
 * dropped by whoever reaps them.
 */
#ifndef SLAT_SLOT_TREE_H
#define SLAT_SLOT_TREE_H

#include "mmu/types.h"

/*
 * A node is as large as its entries need, so a small VM has one node of a few
 * entries; 32764 slots make four levels.
 */
#define SLAT_TREE_FANOUT	32

/* Each node but the topmost has this many at least. */
#define SLAT_TREE_MIN		8

struct slat_memslot;
struct slat_slot_state;
struct slat_tree_node;

/**
 * struct slat_tree_entry - one range, or all ranges below a node
 * @start: its first page or address; of a child: the least below it
 * @tie: orders ranges with equal @start; (@start, @tie) is unique in a tree
 * @end: first page or address behind it; of a child: the greatest below it
 * @slot: in a leaf of a slot set
 * @state: in a leaf of the hva index
 * @child: in an inner node
 */
struct slat_tree_entry {
	u64 start;
	u64 tie;
	u64 end;
	union {
		const struct slat_memslot *slot;
		struct slat_slot_state *state;
		struct slat_tree_node *child;
	};
};

/**
 * struct slat_tree_node - immutable
 * @refs: nodes above and owners of trees
 * @nr: number of entries
 * @level: 0 in a leaf
 * @entries: sorted
 */
struct slat_tree_node {
	atomic64_t refs;
	u32 nr;
	u32 level;
	struct slat_tree_entry entries[];
};

/**
 * slat_tree_change() - a tree with one range exchanged
 * @tree: the tree; stays as it is
 * @out: range to leave out (its key is what counts; it is there), or NULL
 * @in: range to put in (not there, unless @out has its key), or NULL
 * @result: the new tree, with a reference for the caller
 *
 * Return: 0 or -ENOMEM.
 */
int slat_tree_change(struct slat_tree_node *tree,
		     const struct slat_tree_entry *out,
		     const struct slat_tree_entry *in,
		     struct slat_tree_node **result);

/* Memory of the nodes that one change makes anew, about; NULL is fine. */
u64 slat_tree_path_bytes(const struct slat_tree_node *tree);

/* Drop a reference to a tree; NULL is fine. */
void slat_tree_put(struct slat_tree_node *tree);

/* The last range whose key is at or below (@start, @tie), or NULL. */
const struct slat_tree_entry *slat_tree_floor(const struct slat_tree_node *tree,
					      u64 start, u64 tie);

/* The last range whose key is below (@start, @tie) and that ends behind @above. */
const struct slat_tree_entry *
slat_tree_last_reaching(const struct slat_tree_node *tree, u64 start, u64 tie,
			u64 above);

#endif
