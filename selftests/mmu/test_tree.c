// SPDX-License-Identifier: GPL-2.0
/*
 * The persistent tree of slots, against a sorted array: every change, every
 * search, and every older tree that somebody still keeps.
 */
#include "slots/tree.h"
#include "world.h"

#define MAX_RANGES	4096
#define KEPT		8

struct flat_tree {
	struct slat_tree_entry ranges[MAX_RANGES];
	u32 nr;
};

/* The model, and trees of the past with what was in them. */
static struct flat_tree model, past_model[KEPT];
static struct slat_tree_node *tree, *past[KEPT];

static bool before(const struct slat_tree_entry *a, u64 start, u64 tie)
{
	return a->start < start || (a->start == start && a->tie < tie);
}

static u32 model_below(const struct flat_tree *m, u64 start, u64 tie)
{
	u32 at;

	for (at = 0; at < m->nr && before(&m->ranges[at], start, tie); at++)
		;
	return at;
}

static void model_take(struct flat_tree *m, u32 at)
{
	for (m->nr--; at < m->nr; at++)
		m->ranges[at] = m->ranges[at + 1];
}

static void model_put(struct flat_tree *m, const struct slat_tree_entry *e)
{
	u32 at = model_below(m, e->start, e->tie), i;

	for (i = m->nr++; i > at; i--)
		m->ranges[i] = m->ranges[i - 1];
	m->ranges[at] = *e;
}

static bool same_range(const struct slat_tree_entry *a,
		       const struct slat_tree_entry *b)
{
	return a->start == b->start && a->tie == b->tie && a->end == b->end &&
	       a->slot == b->slot;
}

/* All of @t, from the last to the first, is what the model has. */
static void same_check(const struct slat_tree_node *t, const struct flat_tree *m)
{
	const struct slat_tree_entry *e;
	u64 start = ~0ULL, tie = ~0ULL;
	u32 nr = m->nr;

	CHECK_EQ(tree_check(t), m->nr);
	while ((e = slat_tree_last_reaching(t, start, tie, 0))) {
		CHECK(nr && same_range(e, &m->ranges[nr - 1]));
		start = e->start;
		tie = e->tie;
		nr--;
	}
	CHECK_EQ(nr, 0);
}

static void search_check(u64 start, u64 tie, u64 above)
{
	const struct slat_tree_entry *found = slat_tree_floor(tree, start, tie);
	u32 at = model_below(&model, start, tie), up_to = at;

	if (at < model.nr && model.ranges[at].start == start &&
	    model.ranges[at].tie == tie)
		up_to++;
	CHECK(up_to ? found && same_range(found, &model.ranges[up_to - 1]) : !found);
	while (at && model.ranges[at - 1].end <= above)
		at--;
	found = slat_tree_last_reaching(tree, start, tie, above);
	CHECK(at ? found && same_range(found, &model.ranges[at - 1]) : !found);
}

/* Few starts, so that many ranges differ in their tie alone. */
static struct slat_tree_entry random_range(void)
{
	u64 start = 1 + sim_below(900);

	return (struct slat_tree_entry) {
		.start = start,
		.tie = sim_below(6),
		.end = start + 1 + (sim_below(20) ? sim_below(9) : sim_below(1000)),
		.slot = (void *)(uintptr_t)(8 * (1 + sim_below(1000))),
	};
}

static void change(const struct slat_tree_entry *out,
		   const struct slat_tree_entry *in)
{
	struct slat_tree_node *next;

	CHECK_EQ(slat_tree_change(tree, out, in, &next), 0);
	slat_tree_put(tree);
	tree = next;
}

static void random_change(u32 aim)
{
	struct slat_tree_entry in = random_range(), out;
	u32 at = model_below(&model, in.start, in.tie);
	bool there = at < model.nr && model.ranges[at].start == in.start &&
		     model.ranges[at].tie == in.tie;
	bool takes = model.nr && sim_below(100) < (model.nr > aim ? 70U : 30U);

	if (there) {
		/* The same place: exchanged, or taken. */
		out = model.ranges[at];
		model_take(&model, at);
		change(&out, takes ? NULL : &in);
		if (!takes)
			model_put(&model, &in);
		return;
	}
	if (takes) {
		at = sim_below(model.nr);
		out = model.ranges[at];
		model_take(&model, at);
	}
	if (!takes || !sim_below(3)) {
		change(takes ? &out : NULL, &in);
		model_put(&model, &in);
		return;
	}
	change(&out, NULL);
}

static void keep(u32 i)
{
	struct slat_tree_node *same;

	if (past[i])
		same_check(past[i], &past_model[i]);
	slat_tree_put(past[i]);
	CHECK_EQ(slat_tree_change(tree, NULL, NULL, &same), 0);
	CHECK(same == tree);
	past[i] = same;
	past_model[i] = model;
}

static void tree_end(void)
{
	u32 i;

	for (i = 0; i < KEPT; i++) {
		if (past[i])
			same_check(past[i], &past_model[i]);
		slat_tree_put(past[i]);
	}
	slat_tree_put(tree);
	CHECK_EQ(machine.live_allocs, 0);
}

static void test_tree_random(void)
{
	u32 i, runs = test_runs(40000);

	for (i = 0; i < runs; i++) {
		/* No more points in a row than a livelock would take. */
		if (!(i % 4000))
			sim_reset(test_options.seed + i, NULL);
		/* Full, then nearly empty, then full again. */
		random_change((i / 4000) % 2 ? 3 : 3000);
		search_check(sim_below(910), sim_below(7), sim_below(910));
		if (!sim_below(64))
			same_check(tree, &model);
		if (!sim_below(500))
			keep(sim_below(KEPT));
	}
	tree_end();
}

/* In order, up and down: what a VMM does, and the worst for a tree. */
static void test_tree_in_order(void)
{
	struct slat_tree_entry e = { .slot = (void *)8 };
	u32 i;

	sim_reset(test_options.seed, NULL);
	for (i = 0; i < 4000; i++) {
		e.start = i;
		e.end = i + 1;
		change(NULL, &e);
		model_put(&model, &e);
	}
	same_check(tree, &model);
	CHECK(tree->level <= 3);
	for (i = 0; i < 4000; i++) {
		e = model.ranges[i % 2 ? model.nr - 1 : 0];
		change(&e, NULL);
		model_take(&model, i % 2 ? model.nr - 1 : 0);
		if (i % 50 == 0)
			same_check(tree, &model);
	}
	CHECK(!tree);
	tree_end();
}

/* The n-th allocation fails, for every n: nothing lost, the old tree whole. */
static void test_tree_no_memory(void)
{
	u32 i, runs = test_runs(2000), failures = 0;

	sim_reset(test_options.seed, NULL);
	for (i = 0; i < 3000; i++)
		random_change(4000);
	for (i = 0; i < runs; i++) {
		struct slat_tree_entry in = random_range(), out;
		struct slat_tree_node *next = NULL;
		u64 allocs = machine.live_allocs, n;
		u32 at = model_below(&model, in.start, in.tie);
		int err = 1;

		if (at < model.nr && model.ranges[at].start == in.start &&
		    model.ranges[at].tie == in.tie)
			continue;
		out = model.ranges[sim_below(model.nr)];
		for (n = 1; err; n++) {
			machine.fail_at = machine.nr_allocs + n;
			err = slat_tree_change(tree, &out, &in, &next);
			machine.fail_at = 0;
			if (!err)
				break;
			CHECK_EQ(err, -ENOMEM);
			CHECK_EQ(machine.live_allocs, allocs);
			failures++;
		}
		slat_tree_put(next);
		CHECK_EQ(machine.live_allocs, allocs);
	}
	CHECK(failures > runs);
	same_check(tree, &model);
	tree_end();
}

const struct test tree_tests[] = {
	{ "slot tree: random changes against a sorted array", test_tree_random },
	{ "slot tree: built and taken down in order", test_tree_in_order },
	{ "slot tree: each allocation fails", test_tree_no_memory },
	{}
};
