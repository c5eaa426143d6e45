// SPDX-License-Identifier: GPL-2.0
/*
 * The persistent B+ tree of slots: one change copies the nodes on one path,
 * from the leaf up. Called by set.c and hva_index.c; needs no lock.
 */
#include "tree.h"

/* SLAT_TREE_MIN children a node: enough for far more slots than a VM has. */
#define TREE_MAX_HEIGHT		8

static bool key_is_before(const struct slat_tree_entry *entry, u64 start, u64 tie)
{
	return entry->start < start ||
	       (entry->start == start && entry->tie < tie);
}

/* Number of entries whose key is below (@start, @tie). */
static u32 node_below(const struct slat_tree_node *node, u64 start, u64 tie)
{
	u32 low = 0, high = node->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (key_is_before(&node->entries[mid], start, tie))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Number of entries whose key is at or below (@start, @tie). */
static u32 node_up_to(const struct slat_tree_node *node, u64 start, u64 tie)
{
	u32 at = node_below(node, start, tie);

	if (at < node->nr && node->entries[at].start == start &&
	    node->entries[at].tie == tie)
		at++;
	return at;
}

static struct slat_tree_node *tree_get(struct slat_tree_node *tree)
{
	if (tree)
		atomic64_inc(&tree->refs);
	return tree;
}

static u64 node_bytes(u32 nr)
{
	return sizeof(struct slat_tree_node) + nr * sizeof(struct slat_tree_entry);
}

/* Any path tells: it is as long as the others, and its nodes are of their kind. */
u64 slat_tree_path_bytes(const struct slat_tree_node *tree)
{
	u64 bytes = 0;

	for (; tree; tree = tree->level ? tree->entries[0].child : NULL)
		bytes += node_bytes(tree->nr);
	return bytes;
}

/* Recursion: no deeper than TREE_MAX_HEIGHT. */
void slat_tree_put(struct slat_tree_node *tree)
{
	u32 i;

	if (!tree || atomic64_dec_return(&tree->refs))
		return;
	for (i = 0; tree->level && i < tree->nr; i++)
		slat_tree_put(tree->entries[i].child);
	port_free(tree);
}

const struct slat_tree_entry *slat_tree_floor(const struct slat_tree_node *tree,
					      u64 start, u64 tie)
{
	while (tree) {
		u32 at = node_up_to(tree, start, tie);

		if (!at)
			return NULL;
		if (!tree->level)
			return &tree->entries[at - 1];
		tree = tree->entries[at - 1].child;
	}
	return NULL;
}

/*
 * Only the child that the key falls into can disappoint: in any other one all
 * keys are below, so one that reaches far enough has what is sought. Recursion:
 * no deeper than TREE_MAX_HEIGHT.
 */
const struct slat_tree_entry *
slat_tree_last_reaching(const struct slat_tree_node *tree, u64 start, u64 tie,
			u64 above)
{
	u32 at = tree ? node_below(tree, start, tie) : 0;

	while (at--) {
		const struct slat_tree_entry *entry = &tree->entries[at];

		if (entry->end <= above)
			continue;
		if (tree->level)
			entry = slat_tree_last_reaching(entry->child, start, tie,
							above);
		if (entry)
			return entry;
	}
	return NULL;
}

/* What the node above says of @node. */
static struct slat_tree_entry entry_of(struct slat_tree_node *node)
{
	struct slat_tree_entry entry = {
		.start = node->entries[0].start,
		.tie = node->entries[0].tie,
		.child = node,
	};
	u32 i;

	for (i = 0; i < node->nr; i++)
		entry.end = max(entry.end, node->entries[i].end);
	return entry;
}

/**
 * struct run - entries that stand side by side
 * @entries: the first of them
 * @nr: how many
 */
struct run {
	const struct slat_tree_entry *entries;
	u32 nr;
};

/* Left sibling or nothing, before, new, behind, right sibling or nothing. */
#define MAX_RUNS	5

/**
 * struct splice - a change on its way up
 * @at: in the node now looked at, the first entry that goes
 * @nr_out: how many go
 * @in: what comes instead
 * @nr_in: how many
 */
struct splice {
	u32 at;
	u32 nr_out;
	struct slat_tree_entry in[2];
	u32 nr_in;
};

/* The way from the topmost node down to a leaf. */
struct tree_path {
	struct slat_tree_node *node[TREE_MAX_HEIGHT];
	u32 at[TREE_MAX_HEIGHT];
	u32 height;
};

/* A node of @nr entries, the ones from @first on of @runs laid end to end. */
static struct slat_tree_node *node_create(u32 level, const struct run *runs,
					  u32 first, u32 nr)
{
	struct slat_tree_node *node;
	u32 i, have = 0;

	node = port_alloc(node_bytes(nr));
	if (!node)
		return NULL;
	atomic64_set(&node->refs, 1);
	node->level = level;
	node->nr = nr;
	for (; have < nr; runs++) {
		u32 skip = min(first, runs->nr);
		u32 take = min(nr - have, runs->nr - skip);

		first -= skip;
		if (take)
			memcpy(&node->entries[have], runs->entries + skip,
			       take * sizeof(node->entries[0]));
		have += take;
	}
	for (i = 0; level && i < nr; i++)
		tree_get(node->entries[i].child);
	return node;
}

/* Drop the nodes that a splice would have put in. */
static void splice_drop(struct splice *splice, u32 level)
{
	u32 i;

	for (i = 0; level && i < splice->nr_in; i++)
		slat_tree_put(splice->in[i].child);
	splice->nr_in = 0;
}

/*
 * Replace the entries that @runs show at @level by one node, or by two where
 * they don't fit into one: these are what the splice puts in one level up.
 */
static int splice_build(struct splice *splice, u32 level, const struct run *runs,
			u32 total)
{
	u32 split = total > SLAT_TREE_FANOUT ? total / 2 : total;
	struct slat_tree_node *node[2] = {};
	u32 i, nr = total > split ? 2 : !!total;

	if (nr)
		node[0] = node_create(level, runs, 0, split);
	if (nr == 2)
		node[1] = node_create(level, runs, split, total - split);
	/* The new nodes hold references of their own. */
	splice_drop(splice, level);
	if ((nr && !node[0]) || (nr == 2 && !node[1])) {
		slat_tree_put(node[0]);
		slat_tree_put(node[1]);
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++)
		splice->in[i] = entry_of(node[i]);
	splice->nr_in = nr;
	return 0;
}

/*
 * Carry a splice one level up, from the node at @depth of the path into the one
 * above. A node left with too little is put together with a sibling.
 */
static int splice_rise(struct splice *splice, const struct tree_path *path, u32 depth)
{
	const struct slat_tree_node *node = path->node[depth];
	const struct slat_tree_node *above = depth ? path->node[depth - 1] : NULL;
	u32 behind = splice->at + splice->nr_out;
	struct slat_tree_entry in[2] = { splice->in[0], splice->in[1] };
	struct run runs[MAX_RUNS] = {
		[1] = { node->entries, splice->at },
		[2] = { in, splice->nr_in },
		[3] = { node->entries + behind, node->nr - behind },
	};
	u32 total = node->nr - splice->nr_out + splice->nr_in;
	u32 at = depth ? path->at[depth - 1] : 0, nr_out = 1;

	if (above && total < SLAT_TREE_MIN) {
		u32 other = at ? at - 1 : at + 1;
		const struct slat_tree_node *sibling = above->entries[other].child;
		struct run *run = &runs[at ? 0 : MAX_RUNS - 1];

		run->entries = sibling->entries;
		run->nr = sibling->nr;
		total += sibling->nr;
		at = min(at, other);
		nr_out = 2;
	}
	splice->at = at;
	splice->nr_out = nr_out;
	return splice_build(splice, node->level, runs, total);
}

/* The new topmost node of what has come up: none, one or two nodes. */
static int splice_top(struct splice *splice, u32 level,
		      struct slat_tree_node **result)
{
	const struct run runs = { splice->in, splice->nr_in };
	struct slat_tree_node *top = splice->in[0].child;

	*result = NULL;
	if (!splice->nr_in)
		return 0;
	if (splice->nr_in == 2) {
		*result = node_create(level + 1, &runs, 0, 2);
		splice_drop(splice, level + 1);
		return *result ? 0 : -ENOMEM;
	}
	/* A node with a single child is no use on top. */
	if (top->level && top->nr == 1) {
		*result = tree_get(top->entries[0].child);
		slat_tree_put(top);
		return 0;
	}
	*result = top;
	return 0;
}

static void tree_path_find(struct tree_path *path, struct slat_tree_node *tree,
			   const struct slat_tree_entry *key)
{
	path->height = 0;
	while (tree && !WARN_ON_ONCE(path->height == TREE_MAX_HEIGHT)) {
		u32 at = node_up_to(tree, key->start, key->tie);

		/* What is below all keys goes to the first child. */
		if (tree->level && at)
			at--;
		path->node[path->height] = tree;
		path->at[path->height++] = at;
		tree = tree->level ? tree->entries[at].child : NULL;
	}
}

/* Take the entry with @key out if @takes, put @in in if there is one. */
static int tree_splice(struct slat_tree_node *tree,
		       const struct slat_tree_entry *key, bool takes,
		       const struct slat_tree_entry *in,
		       struct slat_tree_node **result)
{
	struct splice splice = { .nr_out = takes, .nr_in = !!in };
	struct tree_path path;
	u32 depth;
	int err;

	if (in)
		splice.in[0] = *in;
	if (!tree) {
		const struct run runs = { splice.in, splice.nr_in };

		*result = node_create(0, &runs, 0, splice.nr_in);
		return *result ? 0 : -ENOMEM;
	}
	tree_path_find(&path, tree, key);
	splice.at = path.at[path.height - 1] - splice.nr_out;
	for (depth = path.height; depth--; ) {
		err = splice_rise(&splice, &path, depth);
		if (err)
			return err;
	}
	return splice_top(&splice, tree->level, result);
}

int slat_tree_change(struct slat_tree_node *tree,
		     const struct slat_tree_entry *out,
		     const struct slat_tree_entry *in,
		     struct slat_tree_node **result)
{
	struct slat_tree_node *without;
	int err;

	if (!out && !in) {
		*result = tree_get(tree);
		return 0;
	}
	if (!out || !in || (out->start == in->start && out->tie == in->tie))
		return tree_splice(tree, out ?: in, out, in, result);
	err = tree_splice(tree, out, true, NULL, &without);
	if (err)
		return err;
	err = tree_splice(without, in, false, in, result);
	slat_tree_put(without);
	return err;
}
