// SPDX-License-Identifier: GPL-2.0
/*
 * What the core tells at its trace points, to the number. That each sum agrees
 * with the statistics, and each event with its locks, is checked everywhere
 * (traced.c).
 */
#include "traced.h"
#include "world.h"

#define CPU		(&world.vcpus[0])
#define BASE		0x1f0
#define NPAGES		(512 + 40)

static void touch_all(enum access access, enum touch_result result)
{
	gfn_t gfn;

	for (gfn = BASE; gfn < BASE + NPAGES; gfn++)
		guest_must(CPU, gfn, access, result);
}

static void test_slots_and_mmio(void)
{
	u64 marks;

	world_begin(test_options.seed, NULL, NULL);
	world_must_set(0, BASE, NPAGES, hva_of(0), 0);
	CHECK_EQ(traced.changes, 1);
	touch_all(ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(traced.leafs, 0);
	world_delete(0);
	CHECK_EQ(traced.changes, 2);
	CHECK_EQ(traced.change_zapped, NPAGES);
	CHECK_EQ(traced.leafs, NPAGES);
	CHECK_EQ(traced.flushes, 1);
	touch_all(ACCESS_READ, TOUCH_MMIO);
	marks = traced.marks;
	CHECK_EQ(marks, NPAGES);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_HIT], 0);
	touch_all(ACCESS_READ, TOUCH_MMIO);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_HIT], NPAGES);
	/* A change elsewhere makes each of them stale once. */
	world_must_set(1, 0x8000, 1, hva_of(0), 0);
	touch_all(ACCESS_READ, TOUCH_MMIO);
	touch_all(ACCESS_READ, TOUCH_MMIO);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_STALE], NPAGES);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_HIT], 2 * NPAGES);
	CHECK_EQ(traced.marks, 2 * NPAGES);
	world_end();
}

static void test_dirty_log(void)
{
	world_begin(test_options.seed, NULL, NULL);
	world_must_set(0, BASE, NPAGES, hva_of(0), 0);
	touch_all(ACCESS_WRITE, TOUCH_RAM);
	world_must_set(0, BASE, NPAGES, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_EQ(traced.protects, 1);
	CHECK_EQ(traced.protected_leafs, NPAGES);
	touch_all(ACCESS_WRITE, TOUCH_RAM);
	world_get_dirty(0, false);
	CHECK_EQ(traced.gets, 1);
	CHECK_EQ(traced.protects, 2);
	CHECK_EQ(traced.protected_leafs, 2 * NPAGES);
	/* An error is told as well. */
	CHECK_EQ(world_get_dirty(5, false), -ENOENT);
	CHECK_EQ(traced.gets, 2);
	CHECK_EQ(traced.protects, 2);
	world_clear_dirty(0, 0, NPAGES, ~0ULL);
	CHECK_EQ(traced.clears, 1);
	world_end();
}

const struct test traced_tests[] = {
	{ "trace points of slot changes and MMIO count what happened", test_slots_and_mmio },
	{ "trace points of the dirty log count what happened", test_dirty_log },
	{ }
};
