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
	slat_memslots_age(&world.slots, hva_of(0), hva_of(NPAGES), true);
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

const struct test counts_tests[] = {
	{ "counts: changes of entries, level by level", test_levels },
	{ "counts: vCPUs side by side lose nothing", test_side_by_side },
	{ "counts: a vCPU goes, what it counted stays, once", test_goes },
	{ "counts: never more zaps than mappings", test_zaps },
	{ }
};
