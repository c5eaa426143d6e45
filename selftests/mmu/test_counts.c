// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: what vCPUs and exclusive sections count side by side adds up to what
 * happened, level by level, whoever comes, goes or reads meanwhile.
 */
#include "explore.h"
#include "mmu/internal.h"
#include "world.h"

#define BASE	0x1fc
#define NPAGES	8
#define MMIO	0x180
#define HITS	3

static const struct world_options options = {
	.gen_bits = SLAT_GEN_BITS_MAX, .nr_slots = 8, .vcpus = 3, .accessed_dirty = true,
};

static u64 changes_at(int level, enum slat_change change)
{
	struct slat_counters sum;

	slat_counters_sum(&world.mmu, &sum);
	return sum.entries[level - 1].nr[change];
}

/* BASE and what is behind it lie in two tables of one parent. */
static void test_levels(void)
{
	gfn_t gfn;

	world_begin(test_options.seed, NULL, &options);
	world_must_set(0, BASE, NPAGES, hva_of(0), 0);
	for (gfn = BASE; gfn < BASE + NPAGES; gfn++)
		guest_must(&world.vcpus[gfn % 3], gfn, ACCESS_WRITE, TOUCH_RAM);
	guest_must(&world.vcpus[0], MMIO, ACCESS_READ, TOUCH_MMIO);
	CHECK_EQ(changes_at(SLAT_LEVEL_4K, SLAT_CHANGE_MAPPED), NPAGES);
	CHECK_EQ(changes_at(SLAT_LEVEL_4K, SLAT_CHANGE_MARKED), 1);
	CHECK_EQ(changes_at(SLAT_LEVEL_2M, SLAT_CHANGE_LINKED), 2);
	CHECK_EQ(changes_at(SLAT_LEVEL_1G, SLAT_CHANGE_LINKED), 1);
	CHECK_EQ(changes_at(SLAT_ROOT_LEVEL, SLAT_CHANGE_LINKED), 1);
	world_must_set(0, BASE, NPAGES, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_EQ(changes_at(SLAT_LEVEL_4K, SLAT_CHANGE_PROTECTED), NPAGES);
	world_age(0, NPAGES, true);
	CHECK_EQ(changes_at(SLAT_LEVEL_4K, SLAT_CHANGE_AGED), NPAGES);
	guest_must(&world.vcpus[0], BASE, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(changes_at(SLAT_LEVEL_4K, SLAT_CHANGE_GAINED), 1);
	world_reclaim(~0ULL, true);
	CHECK_EQ(changes_at(SLAT_LEVEL_4K, SLAT_CHANGE_ZAPPED), NPAGES);
	CHECK_EQ(changes_at(SLAT_LEVEL_4K, SLAT_CHANGE_UNMARKED), 1);
	CHECK_EQ(changes_at(SLAT_LEVEL_2M, SLAT_CHANGE_UNLINKED), 2);
	CHECK_EQ(changes_at(SLAT_LEVEL_1G, SLAT_CHANGE_UNLINKED), 1);
	CHECK_EQ(changes_at(SLAT_ROOT_LEVEL, SLAT_CHANGE_UNLINKED), 1);
	world_end();
}

/* The first access marks, the others are hits; each vCPU has a page of its own. */
static void act_mmio(void *arg)
{
	unsigned int i;

	for (i = 0; i <= HITS; i++)
		guest_must(&world.vcpus[(long)arg], MMIO + (long)arg, ACCESS_READ, TOUCH_MMIO);
}

static void scene_side_by_side(const struct sim_plan *plan)
{
	struct slat_mmu_stats stats;

	world_begin(test_options.seed, plan, &options);
	sim_spawn("vCPU 0", act_mmio, (void *)0);
	sim_spawn("vCPU 1", act_mmio, (void *)1);
	sim_join_all();
	stats = world_stats();
	CHECK_EQ(stats.mmio_mark, 2);
	CHECK_EQ(stats.mmio_hit, 2 * HITS);
	world_end();
}

static void test_side_by_side(void)
{
	explore(scene_side_by_side, 2, 50);
}

static void act_go(void *arg)
{
	struct slat_mmu_vcpu *vcpu = &world.vcpus[(long)arg].context.vcpu;

	slat_mmu_vcpu_unregister(&world.mmu, vcpu);
	memset(vcpu, 0, sizeof(*vcpu));
	slat_mmu_vcpu_register(&world.mmu, vcpu);
}

static void act_sum(void *arg)
{
	(void)arg;
	CHECK_EQ(world_stats().mmio_hit, HITS);
}

static void scene_goes(const struct sim_plan *plan)
{
	static const struct sim_plan alone;

	world_begin(test_options.seed, &alone, &options);
	act_mmio((void *)1);
	act_sum(NULL);
	sim_plan = *plan;
	sim_spawn("goes", act_go, (void *)1);
	sim_spawn("reader", act_sum, NULL);
	sim_join_all();
	act_sum(NULL);
	world_end();
}

static void test_goes(void)
{
	explore(scene_goes, 2, 20);
}

static void act_map_and_zap(void *arg)
{
	guest_must(&world.vcpus[(long)arg], BASE, ACCESS_WRITE, TOUCH_RAM);
	host_change(hva_of(0), 1, HOST_REPLACE, true);
}

static void act_compare(void *arg)
{
	struct slat_mmu_stats stats = world_stats();

	(void)arg;
	CHECK(stats.zapped_leafs <= stats.mapped_leafs);
}

static void scene_zaps(const struct sim_plan *plan)
{
	world_begin(test_options.seed, plan, &options);
	world_must_set(0, BASE, NPAGES, hva_of(0), 0);
	sim_spawn("maps and zaps", act_map_and_zap, (void *)2);
	sim_spawn("reader", act_compare, NULL);
	world_end();
}

static void test_zaps(void)
{
	explore(scene_zaps, 2, 50);
}

/* Two slots that want the same place of a vCPU's counter. */
#define FIRST	0
#define SECOND	(FIRST + SLAT_COUNTED_SLOTS)

static const gfn_t place_gfn[] = { 0x400, 0x800 };

static void place_begin(const struct sim_plan *plan)
{
	world_begin(test_options.seed, plan, &options);
	world_must_set(FIRST, place_gfn[0], NPAGES, hva_of(0), 0);
	world_must_set(SECOND, place_gfn[1], NPAGES, hva_of(NPAGES), 0);
}

static u64 faults_of(u32 id)
{
	return world_slot_faults(id).nr[SLAT_SLOT_FAULT_RAM];
}

/* One fault in each slot for each page. */
static void act_by_turns(void *arg)
{
	gfn_t i;

	for (i = 0; i < NPAGES / 2; i++) {
		gfn_t page = i + NPAGES / 2 * (long)arg;

		guest_must(&world.vcpus[(long)arg], place_gfn[0] + page, ACCESS_WRITE, TOUCH_RAM);
		guest_must(&world.vcpus[(long)arg], place_gfn[1] + page, ACCESS_WRITE, TOUCH_RAM);
	}
}

static void test_place(void)
{
	place_begin(NULL);
	act_by_turns((void *)0);
	act_by_turns((void *)1);
	CHECK_EQ(faults_of(FIRST), NPAGES);
	CHECK_EQ(faults_of(SECOND), NPAGES);
	/* A slot of the same number is another slot; the vCPU may still keep the old one's. */
	world_delete(SECOND);
	world_must_set(SECOND, place_gfn[1], NPAGES, hva_of(NPAGES), 0);
	CHECK_EQ(faults_of(SECOND), 0);
	guest_must(&world.vcpus[0], place_gfn[1], ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(faults_of(SECOND), 1);
	slat_fault_context_destroy(&world.vcpus[0].context);
	CHECK_EQ(faults_of(FIRST), NPAGES);
	CHECK_EQ(faults_of(SECOND), 1);
	memset(&world.vcpus[0].context, 0, sizeof(world.vcpus[0].context));
	slat_fault_context_init(&world.vcpus[0].context, &world.slots);
	world_end();
}

static void act_watch(void *arg)
{
	u64 first = 0, second = 0;
	unsigned int i;

	(void)arg;
	for (i = 0; i < 3; i++) {
		CHECK(faults_of(FIRST) >= first && faults_of(SECOND) >= second);
		first = faults_of(FIRST);
		second = faults_of(SECOND);
		CHECK(first <= NPAGES && second <= NPAGES);
	}
}

static void scene_place(const struct sim_plan *plan)
{
	place_begin(plan);
	sim_spawn("vCPU 0", act_by_turns, (void *)0);
	sim_spawn("vCPU 1", act_by_turns, (void *)1);
	sim_spawn("reader", act_watch, NULL);
	sim_join_all();
	CHECK_EQ(faults_of(FIRST), NPAGES);
	CHECK_EQ(faults_of(SECOND), NPAGES);
	world_end();
}

static void test_place_race(void)
{
	explore(scene_place, 1, 50);
}

/* The vCPU goes to the other slot, so it hands over what it has of the first. */
static void act_hand_over(void *arg)
{
	(void)arg;
	guest_must(&world.vcpus[0], place_gfn[1], ACCESS_WRITE, TOUCH_RAM);
}

static void act_exact(void *arg)
{
	(void)arg;
	CHECK_EQ(faults_of(FIRST), NPAGES / 2);
}

static void scene_hand_over(const struct sim_plan *plan)
{
	static const struct sim_plan alone;
	gfn_t i;

	place_begin(&alone);
	for (i = 0; i < NPAGES / 2; i++)
		guest_must(&world.vcpus[0], place_gfn[0] + i, ACCESS_WRITE, TOUCH_RAM);
	sim_plan = *plan;
	sim_spawn("vCPU", act_hand_over, NULL);
	sim_spawn("reader", act_exact, NULL);
	sim_join_all();
	world_end();
}

static void test_hand_over(void)
{
	explore(scene_hand_over, 2, 50);
}

const struct test counts_tests[] = {
	{ "counts: changes of entries, level by level", test_levels },
	{ "counts: vCPUs side by side lose nothing", test_side_by_side },
	{ "counts: a vCPU goes, what it counted stays, once", test_goes },
	{ "counts: never more zaps than mappings", test_zaps },
	{ "counts: slots that share a place lose no fault", test_place },
	{ "counts: the same, read meanwhile", test_place_race },
	{ "counts: what is handed to the slot is seen once", test_hand_over },
	{ }
};
