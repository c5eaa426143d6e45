// SPDX-License-Identifier: GPL-2.0
/*
 * How long the mmu lock is held exclusive: nobody who waits is served before a slice of
 * work is done, and nobody has the lock for longer than its budget. The flushes and
 * yields are counted; the other tests yield after any entry, these after slices alone.
 */
#include "mmu/internal.h"
#include "world.h"

#define CPU(n)	(&world.vcpus[n])
#define M2	512ULL
#define TABLES	200ULL

static void begin(bool waiters)
{
	struct world_options options = {
		.gen_bits = 2, .nr_slots = 4, .vcpus = 2, .first_generation = 1,
	};
	struct sim_plan plan = {
		.slices = true, .yield = waiters ? SIM_YIELD_ALWAYS : SIM_YIELD_NEVER,
	};

	world_begin(test_options.seed, &plan, &options);
}

/* A page in each of so many tables. */
static void touch_tables(u64 nr, enum touch_result result)
{
	u64 i;

	for (i = 0; i < nr; i++)
		guest_must(CPU(0), i * M2 + 1, ACCESS_WRITE, result);
}

/* Somebody waits all the time; all but one page of a table go, one by one. */
static void test_waiters(void)
{
	u64 i, flushes;

	begin(true);
	world_must_set(0, 0, M2, hva_of(0), 0);
	for (i = 0; i < M2; i++)
		guest_must(CPU(0), i, ACCESS_WRITE, TOUCH_RAM);
	flushes = world_stats().flushes;
	host_change(hva_of(0), M2 - 1, HOST_UNMAP, true);
	CHECK_EQ(world_leafs(0, M2), 1);
	CHECK(sim_counts.relaxed >= 1);
	CHECK(world_stats().flushes <= flushes + 3);
	world_end();
}

/* Nobody waits. Few entries, but each takes so long that the time is over before. */
static void slow_unmap(u64 tick, bool yields)
{
	u64 i;

	begin(false);
	world_must_set(0, 0, M2, hva_of(0), 0);
	for (i = 0; i < M2; i++)
		guest_must(CPU(0), i, ACCESS_WRITE, TOUCH_RAM);
	sim_plan.tick = tick;
	host_change(hva_of(0), M2 - 1, HOST_UNMAP, true);
	CHECK_EQ(sim_counts.relaxed > 0, yields);
	CHECK(sim_counts.relaxed <= 2);
	CHECK_EQ(world_leafs(0, M2), 1);
	world_end();
}

static void test_time(void)
{
	slow_unmap(1, false);
	slow_unmap(SLAT_HOLD_NS, true);
}

/* Yields that @nr tables of work take if nobody is seen to wait. */
static void check_yields(u64 before, u64 nr)
{
	const u64 holds = nr * M2 / SLAT_HOLD_ENTRIES;

	CHECK(sim_counts.relaxed >= before + holds);
	CHECK(sim_counts.relaxed <= before + 3 * holds);
}

static void test_zap(void)
{
	begin(false);
	world_must_set(0, 0, TABLES * M2, hva_of(0), 0);
	touch_tables(TABLES, TOUCH_RAM);
	CHECK_EQ(sim_counts.relaxed, 0);
	world_delete(0);
	check_yields(0, TABLES);
	world_end();
}

static void test_log(void)
{
	u64 before;

	begin(false);
	world_must_set(0, 0, TABLES * M2, hva_of(0), 0);
	touch_tables(TABLES, TOUCH_RAM);
	world_must_set(0, 0, TABLES * M2, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	check_yields(0, TABLES);
	/* Every page of the tables is looked at, or those alone that are dirty. */
	before = sim_counts.relaxed;
	world.slots.policy = SLAT_POLICY_SCAN;
	touch_tables(TABLES, TOUCH_RAM);
	CHECK_EQ(world_get_dirty(0, false), 0);
	check_yields(before, TABLES);
	before = sim_counts.relaxed;
	world.slots.policy = SLAT_POLICY_RMAP;
	touch_tables(TABLES, TOUCH_RAM);
	CHECK_EQ(world_get_dirty(0, false), 0);
	CHECK(sim_counts.relaxed <= before + 1);
	world_end();
}

static void test_reclaim(void)
{
	begin(false);
	world_must_set(0, 0, TABLES * M2, hva_of(0), 0);
	touch_tables(TABLES, TOUCH_RAM);
	CHECK(world_reclaim(TABLES, true) >= TABLES);
	check_yields(0, TABLES);
	world_end();
}

static void test_wrap(void)
{
	begin(false);
	touch_tables(TABLES, TOUCH_MMIO);
	world_must_set(0, 1ULL << 30, 1, hva_of(0), 0);
	world_must_set(1, 1ULL << 31, 1, hva_of(1), 0);
	world_must_set(2, 1ULL << 32, 1, hva_of(2), 0);
	CHECK_EQ(world_stats().zapped_mmio, TABLES);
	check_yields(0, TABLES);
	world_end();
}

const struct test slices_tests[] = {
	{ "slices: waiters get the lock after a slice, not after each page", test_waiters },
	{ "slices: a section that is slow drops the lock after its time", test_time },
	{ "slices: a slot delete drops the lock though nobody is seen", test_zap },
	{ "slices: write protection and collections drop the lock", test_log },
	{ "slices: reclaim drops the lock", test_reclaim },
	{ "slices: a generation wrap drops the lock", test_wrap },
	{ }
};
