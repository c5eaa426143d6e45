// SPDX-License-Identifier: GPL-2.0
/*
 * The listener of every trace point of the core: adds up what it is told and
 * compares that with the statistics, which are counted elsewhere. See traced.h.
 */
#include "traced.h"
#include "world.h"

struct traced traced;

void traced_reset(void)
{
	memset(&traced, 0, sizeof(traced));
}

void slat_trace_flush(const struct slat_ev_flush *ev)
{
	sim_assert_held(&world.mmu.lock.l, true);
	traced.flushes++;
	traced.flushes_why[ev->why]++;
	traced.flush_cpus += ev->cpus;
}

void slat_trace_zap_step(const struct slat_ev_zap_step *ev)
{
	sim_assert_held(&world.mmu.lock.l, true);
	CHECK(ev->why != SLAT_WHY_LOG && ev->why != SLAT_WHY_DIRTY);
	if (ev->step)
		traced.zap_yields++;
	traced.leafs += ev->leafs;
	traced.mmio += ev->mmio;
	traced.mmio_why[ev->why] += ev->mmio;
	/* RAM never falls because of a wrap. */
	CHECK(ev->why != SLAT_WHY_WRAP || (!ev->leafs && !ev->tables));
}

void slat_trace_mmio_mark(const struct slat_ev_mmio *ev)
{
	CHECK(!slat_gen_in_flux(ev->generation));
	CHECK_EQ(ev->level, SLAT_LEVEL_4K);
	CHECK_EQ(ev->entry_gen, ev->generation & slat_gen_mask(&world.mmu.config.layout));
	traced.marks++;
}

void slat_trace_mmio_check(const struct slat_ev_mmio *ev)
{
	if (ev->result == SLAT_MMIO_HIT)
		CHECK_EQ(ev->entry_gen,
			 ev->generation & slat_gen_mask(&world.mmu.config.layout));
	traced.looked_up[ev->result]++;
}

void slat_trace_slot_change(const struct slat_ev_slot_change *ev)
{
	sim_assert_held(&world.slots.lock.l, true);
	CHECK_EQ(ev->new_gen, slat_gen_next(ev->old_gen));
	CHECK_EQ(ev->new_gen, world.slots.root->generation);
	if (ev->op == SLAT_SLOT_CREATE || ev->op == SLAT_SLOT_FLAGS)
		CHECK(!ev->zapped && !ev->yields && !ev->wait_ns);
	CHECK(ev->zapped <= ev->npages);
	traced.changes++;
	traced.change_zapped += ev->zapped;
}

void slat_trace_wrprot(const struct slat_ev_wrprot *ev)
{
	sim_assert_held(&world.slots.lock.l, true);
	CHECK(ev->pages <= ev->visited);
	traced.protects++;
	traced.protected_leafs += ev->pages;
}

void slat_trace_dirty_log_get(const struct slat_ev_dirty_log *ev)
{
	sim_assert_held(&world.slots.lock.l, true);
	CHECK(ev->error <= 0 && ev->pages <= ev->npages);
	traced.gets++;
}

void slat_trace_dirty_log_clear(const struct slat_ev_dirty_log *ev)
{
	sim_assert_held(&world.slots.lock.l, true);
	CHECK(ev->error <= 0 && ev->pages <= ev->npages);
	traced.clears++;
}

void traced_check(void)
{
	const struct slat_mmu_stats stats = world_stats();

	CHECK_EQ(traced.flushes, stats.flushes);
	CHECK_EQ(traced.flush_cpus, stats.flush_cpus);
	CHECK_EQ(traced.leafs, stats.zapped_leafs);
	CHECK_EQ(traced.mmio, stats.zapped_mmio);
	CHECK_EQ(traced.marks, stats.mmio_mark);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_HIT], stats.mmio_hit);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_STALE], stats.mmio_stale);
	CHECK_EQ(traced.protected_leafs, stats.wrprot_leafs);
	CHECK(traced.zap_yields <= stats.yields);
	CHECK(traced.change_zapped <= traced.leafs);
	/* Nothing that a wrap takes away is in a TLB. */
	CHECK_EQ(traced.flushes_why[SLAT_WHY_WRAP], 0);
}
