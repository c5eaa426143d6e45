// SPDX-License-Identifier: GPL-2.0
/*
 * Taking away: ranges and their edges, tables, the yield point, and the cap on
 * tables. Every entry's every state is checked as it is written (world_check.c);
 * here are the edges and what happens while the lock is dropped.
 */
#include "explore.h"
#include "world.h"

#define CPU(n)	(&world.vcpus[n])
#define M2	512ULL
#define G1	(512 * M2)

static void begin(const struct sim_plan *plan)
{
	world_begin(test_options.seed, plan, NULL);
}

/* Delete a slot [@base, @base + @npages) that lies amid others; they stay. */
static void slot_edges(gfn_t base, u64 npages)
{
	const gfn_t mine[] = { base, base + npages / 2, base + npages - 1 };
	u64 others = 0, i;

	begin(NULL);
	if (base) {
		world_must_set(1, 0, base, hva_of(0), 0);
		guest_must(CPU(0), base - 1, ACCESS_WRITE, TOUCH_RAM);
		others++;
	}
	world_must_set(2, base + npages, 2 * G1, hva_of(1 << 21), 0);
	guest_must(CPU(0), base + npages, ACCESS_WRITE, TOUCH_RAM);
	guest_must(CPU(0), base + npages + G1, ACCESS_WRITE, TOUCH_RAM);
	others += 2;
	world_must_set(3, base, npages, hva_of(1 << 23), 0);
	for (i = 0; i < ARRAY_SIZE(mine); i++)
		guest_must(CPU(1), mine[i], ACCESS_WRITE, TOUCH_RAM);
	world_delete(3);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), others);
	for (i = 0; i < ARRAY_SIZE(mine); i++)
		guest_must(CPU(0), mine[i], ACCESS_READ, TOUCH_MMIO);
	world_end();
}

static void test_edges(void)
{
	static const u64 bases[] = { 0, 1, M2 - 1, M2, M2 + 1, G1 - 1, G1, G1 + M2,
				     512 * G1 - 1, 512 * G1 };
	static const u64 sizes[] = { 1, 2, M2 - 1, M2, M2 + 1, 2 * M2, G1 - 1, G1,
				     G1 + 1, 2 * G1, 2 * G1 + M2 + 1 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++)
			slot_edges(bases[i], sizes[j]);
	}
}

/* A deleted slot leaves no more tables behind than its two edges need. */
static void test_tables_go(void)
{
	u64 before, i;

	begin(NULL);
	world_must_set(1, 0, 1, hva_of(0), 0);
	guest_must(CPU(0), 0, ACCESS_READ, TOUCH_RAM);
	before = world_stats().tables;
	world_must_set(0, G1, 2 * G1, hva_of(1 << 20), 0);
	for (i = 0; i < 64; i++)
		guest_must(CPU(0), G1 + i * 15 * M2, ACCESS_WRITE, TOUCH_RAM);
	CHECK(world_stats().tables > before + 60);
	world_delete(0);
	CHECK_EQ(world_stats().tables, before);
	world_end();
}

static void touch_all(struct vcpu *vcpu, u64 page, u64 npages, u64 step)
{
	for (; npages; npages--, page += step)
		guest_must(vcpu, page, ACCESS_WRITE, TOUCH_RAM);
}

/* Nothing was mapped: nothing is owed. Slot changes elsewhere cost no flush. */
static void test_flush_economy(void)
{
	u64 flushes;

	begin(NULL);
	world_must_set(0, 0, 64, hva_of(0), 0);
	touch_all(CPU(0), 0, 64, 1);
	flushes = world_stats().flushes;
	world_must_set(1, 0x10000, 64, hva_of(100), 0);
	world_must_set(1, 0x20000, 64, hva_of(100), 0);
	world_delete(1);
	host_change(hva_of(1000), 64, HOST_UNMAP, true);
	CHECK_EQ(world_stats().flushes, flushes);
	/* One flush for one range, however many pages. */
	host_change(hva_of(0), 64, HOST_UNMAP, true);
	CHECK_EQ(world_stats().flushes, flushes + 1);
	CHECK_EQ(world_leafs(0, 64), 0);
	world_end();
}

static gfn_t relax_gfn;
static unsigned int relax_kind;

/* What other CPUs do while the lock is dropped in the middle of a walk. */
static void relax_hook(void)
{
	static unsigned int turn;
	const struct flat_slot *slot;
	const char *why;
	u64 entry = world_entry(relax_gfn);

	sim_relax_hook = NULL;
	/* What was zapped must be out of every TLB by now. */
	if (ept_is_present(entry))
		CHECK(world_leaf_is_legal(relax_gfn, entry, &why));
	slot = flat_find(&world.flat, relax_gfn);
	switch (relax_kind) {
	case 0:
		guest_fault(CPU(turn++ & 1), relax_gfn, 0, ACCESS_WRITE);
		break;
	case 1:
		guest_fault(CPU(0), relax_gfn + turn++ % 3, 0, ACCESS_READ);
		guest_fault(CPU(1), 0x100000 + (turn << 9), 0, ACCESS_READ);
		break;
	case 2:
		world_reclaim(2, true);
		break;
	default:
		if (slot)
			host_change(slot->hva, 1, HOST_REPLACE, true);
		break;
	}
	sim_relax_hook = relax_hook;
}

static void delete_yielding(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, 0, M2 - 4, hva_of(0), 0);
	world_must_set(0, M2 - 4, 8 + M2, hva_of(M2), 0);
	world_must_set(2, 2 * M2 + 4, 8, hva_of(8 * M2), 0);
	touch_all(CPU(0), M2 - 6, 10, 1);
	touch_all(CPU(1), 2 * M2 - 2, 10, 1);
	relax_gfn = M2 - 3;
	sim_relax_hook = relax_hook;
	world_delete(0);
	sim_relax_hook = NULL;
	CHECK_EQ(world_leafs(M2 - 4, 2 * M2 + 4), 0);
	guest_must(CPU(0), M2 - 3, ACCESS_READ, TOUCH_MMIO);
	guest_must(CPU(0), M2 - 5, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(1), 2 * M2 + 4, ACCESS_READ, TOUCH_RAM);
	world_end();
}

static void test_yield_delete(void)
{
	for (relax_kind = 0; relax_kind < 4; relax_kind++)
		explore_yields(delete_yielding);
}

/* A zap by the host with the slot alive: faults may refill behind the cursor. */
static void unmap_yielding(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(0, M2 - 8, 16, hva_of(0), 0);
	touch_all(CPU(0), M2 - 8, 16, 1);
	relax_gfn = M2 - 8;
	sim_relax_hook = relax_kind == 3 ? NULL : relax_hook;
	host_change(hva_of(2), 12, HOST_UNMAP, true);
	sim_relax_hook = NULL;
	touch_all(CPU(1), M2 - 8, 16, 1);
	world_end();
}

static void test_yield_unmap(void)
{
	for (relax_kind = 0; relax_kind < 4; relax_kind++)
		explore_yields(unmap_yielding);
}

static void wrap_yielding(const struct sim_plan *plan)
{
	struct world_options options = {
		.gen_bits = 2, .first_generation = 3, .nr_slots = 4, .vcpus = 2,
	};
	gfn_t gfn;

	world_begin(test_options.seed, plan, &options);
	for (gfn = 1; gfn < 8; gfn++)
		guest_must(CPU(0), gfn << 9, ACCESS_READ, TOUCH_MMIO);
	relax_gfn = 5 << 9;
	sim_relax_hook = relax_kind == 3 ? NULL : relax_hook;
	world_must_set(0, 5 << 9, 1, hva_of(0), 0);
	sim_relax_hook = NULL;
	guest_must(CPU(0), 5 << 9, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(0), 6 << 9, ACCESS_READ, TOUCH_MMIO);
	world_end();
}

static void test_yield_wrap(void)
{
	for (relax_kind = 0; relax_kind < 4; relax_kind++)
		explore_yields(wrap_yielding);
}

/* An invalidation that must not sleep takes the lock once and keeps it. */
static void test_atomic_invalidate(void)
{
	struct sim_plan plan = { .yield = SIM_YIELD_ALWAYS };

	begin(&plan);
	world_must_set(0, 64, 64, hva_of(0), 0);
	touch_all(CPU(0), 64, 64, 1);
	host_change(hva_of(0), 64, HOST_UNMAP, false);
	CHECK_EQ(sim_counts.relaxed, 0);
	CHECK_EQ(world_leafs(64, 128), 0);
	world_end();
}

/* Each state of the tree in between maps each page as before or not at all. */
static void test_intermediate_states(void)
{
	static u64 state[64], before[64];
	u64 i, w;

	begin(NULL);
	world_must_set(0, M2 - 32, 64, hva_of(0), 0);
	touch_all(CPU(0), M2 - 32, 64, 1);
	for (i = 0; i < 64; i++)
		state[i] = before[i] = world_entry(M2 - 32 + i);
	machine_record(true);
	host_change(hva_of(8), 40, HOST_UNMAP, true);
	machine_record(false);
	CHECK_EQ(machine.nr_writes, 40);
	for (w = 0; w < machine.nr_writes; w++) {
		const struct machine_write *write = &machine.history[w];

		i = tlb_gfn(write->table, write->index) - (M2 - 32);
		CHECK(i >= 8 && i < 48);
		CHECK_EQ(write->old, state[i]);
		CHECK_EQ(write->new, 0);
		state[i] = write->new;
	}
	for (i = 0; i < 64; i++)
		CHECK_EQ(world_entry(M2 - 32 + i), i >= 8 && i < 48 ? 0 : before[i]);
	world_end();
}

/* Two slots share host memory: a host change hits both. */
static void test_alias(void)
{
	begin(NULL);
	world_must_set(0, 0, 16, hva_of(0), 0);
	world_must_set(1, 0x1000, 8, hva_of(4), 0);
	world_must_set(2, 0x2000, 2, hva_of(0), 0);
	world_must_set(3, 0x3000, 1, hva_of(6), 0);
	touch_all(CPU(0), 0, 16, 1);
	touch_all(CPU(1), 0x1000, 8, 1);
	guest_must(CPU(1), 0x3000, ACCESS_READ, TOUCH_RAM);
	host_change(hva_of(5), 2, HOST_REPLACE, true);
	CHECK_EQ(world_leafs(0, 16), 14);
	CHECK_EQ(world_leafs(0x1000, 0x1008), 6);
	CHECK_EQ(world_leafs(0x3000, 0x3001), 0);
	world_end();
}

/* A guest that touches MMIO 2 MiB apart gets no more tables than the cap. */
static void test_cap(void)
{
	u64 i, most = 0;

	begin(NULL);
	world.reclaiming++;
	slat_mmu_set_max_tables(&world.mmu, SLAT_MIN_TABLES);
	world_must_set(0, 0, 8, hva_of(0), 0);
	for (i = 1; i < 1000; i++) {
		guest_must(CPU(i & 1), i * M2, ACCESS_READ, TOUCH_MMIO);
		if (i % 10 == 0)
			guest_must(CPU(0), i / 10 % 8, ACCESS_WRITE, TOUCH_RAM);
		most = max(most, world_stats().tables);
	}
	CHECK(most <= SLAT_MIN_TABLES);
	CHECK(world_stats().reclaims > 0);
	world_check();
	/* Raise it, fill up, lower it again: the surplus goes at once. */
	slat_mmu_set_max_tables(&world.mmu, 400);
	for (i = 1; i < 300; i++)
		guest_must(CPU(0), i * M2, ACCESS_READ, TOUCH_MMIO);
	CHECK(world_stats().tables > 300);
	slat_mmu_set_max_tables(&world.mmu, SLAT_MIN_TABLES);
	CHECK(world_stats().tables <= SLAT_MIN_TABLES);
	world_end();
}

/* By default the cap leaves room for all RAM and bounds MMIO alone. */
static void test_default_cap(void)
{
	u64 i;

	begin(NULL);
	world_must_set(0, 0, 64 * M2, hva_of(0), 0);
	touch_all(CPU(0), 0, 64, M2);
	for (i = 64; i < 64 + 2 * SLAT_MMIO_TABLES; i++) {
		world.reclaiming++;
		guest_must(CPU(0), (i + 512) * M2, ACCESS_READ, TOUCH_MMIO);
		world.reclaiming--;
	}
	CHECK_EQ(world_leafs(0, 64 * M2), 64);
	CHECK(world_stats().tables < SLAT_MMIO_TABLES + 128);
	world_end();
}

/* What sleepers may keep, and what a change takes that was allowed when it began. */
#define KEPT_TABLES	((long)(SLAT_RETIRED_MAX / SLAT_PAGE_SIZE + 16))

/* vCPU 1 sleeps in a section from here on, in a VM that may have few tables. */
static void sleeper_begin(void)
{
	struct world_options options = {
		.gen_bits = SLAT_GEN_BITS_MAX, .nr_slots = 4, .vcpus = 3,
	};

	world_begin(test_options.seed, NULL, &options);
	world.reclaiming++;
	slat_mmu_set_max_tables(&world.mmu, SLAT_MIN_TABLES);
	vcpu_enter(CPU(1));
	sim_section(false);
}

/* It wakes: what it kept goes, and the cap is heeded again. */
static void sleeper_end(void)
{
	u64 i;

	vcpu_leave(CPU(1));
	for (i = 0; i < 2 * SLAT_MIN_TABLES; i++)
		guest_must(CPU(0), (1 << 30) + i * M2, ACCESS_READ, TOUCH_MMIO);
	CHECK(ept_is_mmio(world_entry((1 << 30) + (i - 1) * M2)));
	slat_epoch_reap(&world.epochs);
	CHECK_EQ(world.epochs.retired_bytes, 0);
	CHECK(world_stats().tables <= SLAT_MIN_TABLES);
	world_end();
}

/* MMIO needs no table: without one, each access is a slow fault, and so it stays. */
static void test_sleeper_mmio(void)
{
	u64 i, tables;

	sleeper_begin();
	/* vCPU 2 keeps two spare tables of the three that it had for the second. */
	guest_must(CPU(2), 0, ACCESS_READ, TOUCH_MMIO);
	guest_must(CPU(2), M2, ACCESS_READ, TOUCH_MMIO);
	for (i = 2; i < 3000; i++)
		guest_must(CPU(0), i * M2, ACCESS_READ, TOUCH_MMIO);
	CHECK(slat_epochs_are_full(&world.epochs));
	CHECK(machine.live_tables <= KEPT_TABLES + SLAT_MIN_TABLES);
	CHECK_EQ(world_entry(2999 * M2), 0);
	/* Where the table is there, an entry is written. */
	for (i = 1; !ept_is_mmio(world_entry(i * M2)); i++)
		;
	guest_must(CPU(0), i * M2 + 1, ACCESS_READ, TOUCH_MMIO);
	CHECK(ept_is_mmio(world_entry(i * M2 + 1)));
	/* And nothing is begun that could not be ended. */
	tables = world_stats().tables;
	for (i = 1; i < 100; i++)
		guest_must(CPU(i & 2), i << 27, ACCESS_READ, TOUCH_MMIO);
	CHECK_EQ(world_stats().tables, tables);
	sleeper_end();
}

/* RAM beyond the cap: its tables stay, which are no more than the slots need. */
static void test_sleeper_ram(void)
{
	u64 i;

	sleeper_begin();
	world_must_set(0, 0, 200 * M2, hva_of(0), 0);
	for (i = 0; i < 3000; i++) {
		struct touch touch = guest_touch(CPU(0), i % 200 * M2, ACCESS_WRITE);

		CHECK(touch.result == TOUCH_RAM && !touch.retries);
	}
	CHECK(machine.live_tables <= KEPT_TABLES + SLAT_MIN_TABLES + 200);
	CHECK_EQ(world_leafs(0, 200 * M2), 200);
	sleeper_end();
}

/* Nor does a host that takes memory back again and again get the tables to go. */
static void test_sleeper_host(void)
{
	u64 i;

	sleeper_begin();
	world_must_set(0, 0, 4 * M2, hva_of(0), 0);
	for (i = 0; i < 1500; i++) {
		guest_must(CPU(0), i % 4 * M2, ACCESS_WRITE, TOUCH_RAM);
		guest_must(CPU(0), i % 4 * M2 + 1, ACCESS_WRITE, TOUCH_RAM);
		host_change(hva_of(i % 4 * M2), M2, HOST_UNMAP, true);
		CHECK_EQ(world_leafs(0, 4 * M2), 0);
	}
	CHECK(machine.live_tables <= KEPT_TABLES + 16);
	sleeper_end();
}

/* The shrinker's way takes tables without RAM and no others. */
static void test_reclaim(void)
{
	u64 i;

	begin(NULL);
	world_must_set(0, 0, 1, hva_of(0), 0);
	guest_must(CPU(0), 0, ACCESS_WRITE, TOUCH_RAM);
	guest_must(CPU(0), 1, ACCESS_READ, TOUCH_MMIO);
	for (i = 1; i < 20; i++)
		guest_must(CPU(1), i * M2, ACCESS_READ, TOUCH_MMIO);
	CHECK_EQ(slat_mmu_reclaimable(&world.mmu), 20);
	CHECK_EQ(slat_mmu_reclaim(&world.mmu, 5, false), 5);
	/* Not counted as asked for: RAM must not fall here. */
	CHECK_EQ(slat_mmu_reclaim(&world.mmu, 100, false), 14);
	CHECK_EQ(slat_mmu_reclaim(&world.mmu, 100, false), 0);
	guest_must(CPU(0), 0, ACCESS_READ, TOUCH_RAM);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), 1);
	CHECK(world_reclaim(100, true) >= 1);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), 0);
	CHECK_EQ(world_stats().tables, 1);
	for (i = 0; i < 20; i++)
		guest_must(CPU(0), i * M2, ACCESS_READ, i ? TOUCH_MMIO : TOUCH_RAM);
	world_end();
}

/*
 * What becomes empty is taken before RAM is: tables at the edges of a slot that moves, of
 * pages that the host takes back, and of MMIO entries that a wrap removed.
 */
static void test_reclaim_empty(void)
{
	struct world_options options = {
		.gen_bits = 4, .nr_slots = 4, .vcpus = 2,
	};
	u64 i;

	world_begin(test_options.seed, NULL, &options);
	world_must_set(0, 0, 16 * M2, hva_of(0), 0);
	touch_all(CPU(0), 0, 8, M2);
	/* Pages 8 to 15 have tables of their own, and nothing in them. */
	touch_all(CPU(0), 8 * M2, 8, M2);
	host_change(hva_of(8 * M2), 8 * M2, HOST_UNMAP, true);
	for (i = 0; i < 20; i++) {
		world_must_set(1, (i + 1) * G1 + 3, 2, hva_of(1 << 20), 0);
		guest_must(CPU(1), (i + 1) * G1 + 3, ACCESS_WRITE, TOUCH_RAM);
		guest_must(CPU(1), (i + 1) * G1 + M2, ACCESS_READ, TOUCH_MMIO);
	}
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), 8 + 1);
	CHECK(slat_mmu_reclaimable(&world.mmu) >= 20);
	CHECK(world_reclaim(1000, false) >= 19 * 2);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), 8 + 1);
	/* The root, two page directory chains of two, and the leaf tables in use. */
	CHECK_EQ(world_stats().tables, 1 + 1 + 2 + 8 + 1);
	CHECK_EQ(world_reclaim(1000, false), 0);
	CHECK_EQ(slat_mmu_reclaimable(&world.mmu), 0);
	world_end();
}

/* The cap is kept with tables that hold nothing: RAM that nobody touches stays. */
static void test_cap_empty(void)
{
	u64 i;

	begin(NULL);
	slat_mmu_set_max_tables(&world.mmu, SLAT_MIN_TABLES);
	world_must_set(0, 0, 16 * M2, hva_of(0), 0);
	touch_all(CPU(0), 0, 16, M2);
	for (i = 0; i < 500; i++) {
		world_must_set(1, (i + 32) * M2 + 3, 2, hva_of(1 << 20), 0);
		guest_must(CPU(1), (i + 32) * M2 + 3, ACCESS_WRITE, TOUCH_RAM);
	}
	CHECK_EQ(world_leafs(0, 16 * M2), 16);
	CHECK(world_stats().tables <= SLAT_MIN_TABLES);
	world_end();
}

const struct test zap_tests[] = {
	{ "a slot delete zaps its range to the page, at every edge", test_edges },
	{ "a slot delete gives its tables back", test_tables_go },
	{ "flushes are paid when owed and not otherwise", test_flush_economy },
	{ "a slot delete that yields anywhere", test_yield_delete },
	{ "a host change that yields anywhere", test_yield_unmap },
	{ "a generation wrap that yields anywhere", test_yield_wrap },
	{ "a host change that may not sleep", test_atomic_invalidate },
	{ "every state in between is the old or the new one", test_intermediate_states },
	{ "host memory in two slots", test_alias },
	{ "the cap on tables", test_cap },
	{ "the cap that follows the slots", test_default_cap },
	{ "beside a sleeper: tables of MMIO are bounded", test_sleeper_mmio },
	{ "beside a sleeper: RAM goes beyond the cap, and no further", test_sleeper_ram },
	{ "beside a sleeper: the host's changes leave tables in place", test_sleeper_host },
	{ "reclaim takes tables without RAM first", test_reclaim },
	{ "reclaim takes tables that became empty", test_reclaim_empty },
	{ "the cap on tables is kept with those that became empty", test_cap_empty },
	{ }
};
