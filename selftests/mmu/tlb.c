// SPDX-License-Identifier: GPL-2.0
/*
 * The adversarial model of translation caches. A CPU may use any translation
 * that a page walk could have found at any moment since that CPU's last flush:
 * leafs since replaced (struct stale_leaf), and tables since unlinked, whose
 * entries it reads anew through a cached pointer (fake_table.reach), which is
 * what the PML4E, PDPTE and PDE caches hold. That is the superset of what any
 * real CPU keeps (SDM volume 3, "Caching Translation Information"). Non-present
 * entries and misconfigurations are never cached, and an EPT violation drops
 * what was used for its address.
 *
 * Since the whole set is known, the worst choice need not be searched for: a
 * check asks whether anything forbidden is in it.
 */
#include "machine.h"
#include "tap.h"

#include <stdlib.h>

static struct fake_table *root;

static bool is_leaf(const struct fake_table *table, u64 entry)
{
	return ept_is_leaf(entry, table->level);
}

static struct fake_table *child_of(u64 entry)
{
	return machine_table(ept_addr(entry));
}

bool tlb_is_linked(const struct fake_table *table)
{
	for (; table != root; table = table->parent) {
		if (!table->linked || !table->parent)
			return false;
	}
	return true;
}

static void stale_add(struct fake_table *table, int index, u64 entry, u32 cpus)
{
	struct stale_leaf *stale;

	if (!cpus)
		return;
	for (stale = table->stale; stale; stale = stale->next) {
		if (stale->index == index && stale->entry == entry) {
			stale->cpus |= cpus;
			return;
		}
	}
	stale = malloc(sizeof(*stale));
	*stale = (struct stale_leaf){ table->stale, entry, index, cpus };
	table->stale = stale;
}

/* CPUs of @cpus can now walk to @table: so to all below it. */
static void table_reached(struct fake_table *table, u32 cpus)
{
	u64 *entries = machine_entries(table);
	int i;

	table->reach |= cpus;
	for (i = machine_next_entry(table, 0); i < 512;
	     i = machine_next_entry(table, i + 1)) {
		if (ept_is_table(entries[i], table->level))
			table_reached(child_of(entries[i]), cpus);
		else if (is_leaf(table, entries[i]) && machine.on_leaf)
			machine.on_leaf(tlb_gfn(table, i), entries[i]);
	}
}

static void table_link(struct fake_table *parent, int index, u64 entry)
{
	struct fake_table *table = child_of(entry);

	if (table->linked)
		FAIL("a table is linked twice");
	if (table->unlinked_at)
		FAIL("a table that was unlinked is linked again");
	table->linked = true;
	table->level = parent->level - 1;
	table->base = tlb_gfn(parent, index);
	table->parent = parent;
	if (parent->reach)
		table_reached(table, parent->reach);
}

static void subtree_gone(struct fake_table *table)
{
	u64 *entries = machine_entries(table);
	int i;

	for (i = machine_next_entry(table, 0); i < 512;
	     i = machine_next_entry(table, i + 1)) {
		if (ept_is_table(entries[i], table->level)) {
			subtree_gone(child_of(entries[i]));
		} else if (is_leaf(table, entries[i])) {
			machine.removed_leafs++;
			if (machine.on_leaf_gone)
				machine.on_leaf_gone(tlb_gfn(table, i), entries[i]);
		}
	}
}

static void old_gone(struct fake_table *table, int index, u64 old)
{
	if (is_leaf(table, old)) {
		stale_add(table, index, old, table->reach);
		return;
	}
	if (ept_is_table(old, table->level)) {
		struct fake_table *child = child_of(old);

		if (tlb_is_linked(child))
			subtree_gone(child);
		child->linked = false;
		child->unlinked_at = sim_step() + 1;
	}
}

void tlb_changed(struct fake_table *table, int index, u64 old, u64 new)
{
	bool same = ept_is_present(old) && ept_is_present(new) &&
		    ept_addr(old) == ept_addr(new) &&
		    is_leaf(table, old) == is_leaf(table, new);

	if (!table->level)
		return;
	if (same && !is_leaf(table, old))
		return;
	old_gone(table, index, old);
	if (is_leaf(table, old) && !same && tlb_is_linked(table)) {
		machine.removed_leafs++;
		if (machine.on_leaf_gone)
			machine.on_leaf_gone(tlb_gfn(table, index), old);
	}
	if (is_leaf(table, new)) {
		if (table->reach && machine.on_leaf)
			machine.on_leaf(tlb_gfn(table, index), new);
	} else if (ept_is_table(new, table->level)) {
		table_link(table, index, new);
	}
}

void tlb_table_freed(struct fake_table *table)
{
	if (table->reach && root)
		FAIL("a table (level %d, gfn %llx) is freed while a CPU may still "
		     "walk it (CPUs %x, %s)", table->level, table->base, table->reach,
		     tlb_is_linked(table) ? "it is linked" : "no flush since it was unlinked");
}

void tlb_set_root(u64 root_pa)
{
	root = machine_table(root_pa);
	root->level = SLAT_ROOT_LEVEL;
	root->linked = true;
	root->reach = ALL_CPUS;
}

void tlb_close(void)
{
	root = NULL;
}

static void table_flush(struct fake_table *table, void *arg)
{
	u32 cpus = *(u32 *)arg;
	struct stale_leaf **at = &table->stale;

	table->reach &= ~cpus;
	while (*at) {
		struct stale_leaf *stale = *at;

		stale->cpus &= ~cpus;
		if (stale->cpus) {
			at = &stale->next;
			continue;
		}
		*at = stale->next;
		free(stale);
	}
}

static void table_reach_again(struct fake_table *table, u32 cpus)
{
	u64 *entries = machine_entries(table);
	int i;

	table->reach |= cpus;
	if (table->level == SLAT_LEVEL_4K)
		return;
	for (i = machine_next_entry(table, 0); i < 512;
	     i = machine_next_entry(table, i + 1)) {
		if (ept_is_table(entries[i], table->level))
			table_reach_again(child_of(entries[i]), cpus);
	}
}

void tlb_flush(u32 cpus)
{
	sim_trace("flush of CPUs %llx", cpus, 0, 0, 0);
	machine_for_each_table(table_flush, &cpus);
	if (root)
		table_reach_again(root, cpus);
}

struct violation {
	u32 cpu;
	gfn_t gfn;
};

static bool table_covers(const struct fake_table *table, gfn_t gfn)
{
	return table->level && gfn >= table->base &&
	       gfn - table->base < slat_level_pages(table->level + 1);
}

/*
 * Forget what leads to the gfn, but keep what this CPU may have cached for other
 * gfns of an unlinked table.
 */
static void table_violation(struct fake_table *table, void *arg)
{
	struct violation *violation = arg;
	int i, index = slat_level_index(violation->gfn, table->level ? : 1);
	u64 *entries = machine_entries(table);
	struct stale_leaf *stale;

	if (!table_covers(table, violation->gfn))
		return;
	for (stale = table->stale; stale; stale = stale->next) {
		if (stale->index == index)
			stale->cpus &= ~violation->cpu;
	}
	if (!(table->reach & violation->cpu) || tlb_is_linked(table))
		return;
	for (i = machine_next_entry(table, 0); i < 512;
	     i = machine_next_entry(table, i + 1)) {
		if (i != index && is_leaf(table, entries[i]))
			stale_add(table, i, entries[i], violation->cpu);
	}
	table->reach &= ~violation->cpu;
}

void tlb_violation(int cpu, gfn_t gfn)
{
	struct violation violation = { 1U << cpu, gfn };

	machine_for_each_table(table_violation, &violation);
}

struct tlb_walk tlb_walk(gfn_t gfn)
{
	struct tlb_walk walk = { .table = root };

	for (;;) {
		walk.index = slat_level_index(gfn, walk.table->level);
		walk.entry = machine_entries(walk.table)[walk.index];
		if (!ept_is_table(walk.entry, walk.table->level))
			return walk;
		walk.table = child_of(walk.entry);
	}
}

struct candidates {
	u32 cpu;
	gfn_t gfn;
	u64 *entries;
	int nr;
	int max;
};

static void table_candidates(struct fake_table *table, void *arg)
{
	struct candidates *found = arg;
	struct stale_leaf *stale;
	u64 entry;
	int index;

	if (!table_covers(table, found->gfn))
		return;
	index = slat_level_index(found->gfn, table->level);
	entry = machine_entries(table)[index];
	if ((table->reach & found->cpu) && is_leaf(table, entry) &&
	    found->nr < found->max)
		found->entries[found->nr++] = entry;
	for (stale = table->stale; stale; stale = stale->next) {
		if (stale->index == index && (stale->cpus & found->cpu) &&
		    found->nr < found->max)
			found->entries[found->nr++] = stale->entry;
	}
}

int tlb_candidates(int cpu, gfn_t gfn, u64 *entries, int max)
{
	struct candidates found = { 1U << cpu, gfn, entries, 0, max };

	machine_for_each_table(table_candidates, &found);
	return found.nr;
}

struct visit {
	void (*leaf)(u32 cpus, gfn_t gfn, u64 entry, void *arg);
	void (*entry)(struct fake_table *table, int index, gfn_t gfn, u64 entry,
		      void *arg);
	void *arg;
};

static void table_visit(struct fake_table *table, void *arg)
{
	struct visit *visit = arg;
	u64 *entries = machine_entries(table);
	struct stale_leaf *stale;
	int i;

	if (!table->level)
		return;
	for (stale = table->stale; stale; stale = stale->next) {
		if (stale->cpus)
			visit->leaf(stale->cpus, tlb_gfn(table, stale->index),
				    stale->entry, visit->arg);
	}
	for (i = machine_next_entry(table, 0); table->reach && i < 512;
	     i = machine_next_entry(table, i + 1)) {
		if (is_leaf(table, entries[i]))
			visit->leaf(table->reach, tlb_gfn(table, i), entries[i],
				    visit->arg);
	}
}

void tlb_for_each(void (*fn)(u32 cpus, gfn_t gfn, u64 entry, void *arg), void *arg)
{
	struct visit visit = { .leaf = fn, .arg = arg };

	machine_for_each_table(table_visit, &visit);
}

static void table_visit_linked(struct fake_table *table, void *arg)
{
	struct visit *visit = arg;
	u64 *entries = machine_entries(table);
	int i;

	if (!table->level || !tlb_is_linked(table))
		return;
	for (i = machine_next_entry(table, 0); i < 512;
	     i = machine_next_entry(table, i + 1))
		visit->entry(table, i, tlb_gfn(table, i), entries[i], visit->arg);
}

void tlb_for_each_linked(void (*fn)(struct fake_table *table, int index, gfn_t gfn,
				    u64 entry, void *arg), void *arg)
{
	struct visit visit = { .entry = fn, .arg = arg };

	machine_for_each_table(table_visit_linked, &visit);
}
