/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking entries away: ranges, every MMIO entry. Called by the slots and by the
 * mmu_notifier without the mmu lock, which is taken exclusive inside.
 */
#ifndef SLAT_MMU_ZAP_H
#define SLAT_MMU_ZAP_H

#include "events.h"

struct slat_mmu;

/**
 * struct slat_zap - how to zap, and what came of it
 * @why: for traces
 * @may_yield: the mmu lock may be dropped in between
 * @leafs: out: present leafs that were zapped, of any level
 * @yields: out: times the mmu lock was dropped
 */
struct slat_zap {
	enum slat_why why;
	bool may_yield;
	u64 leafs;
	u64 yields;
};

/**
 * slat_mmu_zap_range() - make a range of gfns non-present, and flush
 * @mmu: the EPT
 * @start: first gfn
 * @end: first gfn behind the range
 * @zap: how, and what came of it
 *
 * When it returns no CPU can reach the host memory that was mapped. MMIO entries in
 * the range go too. Tables that lie wholly in the range are unlinked with one write and
 * retired.
 */
void slat_mmu_zap_range(struct slat_mmu *mmu, gfn_t start, gfn_t end,
			struct slat_zap *zap);

/**
 * slat_mmu_zap_mmio() - remove every MMIO entry; RAM leafs stay
 * @mmu: the EPT
 *
 * Called by the slots while a change is in flux, before a wrapped generation
 * is published.
 */
void slat_mmu_zap_mmio(struct slat_mmu *mmu);

/**
 * slat_mmu_sync_faults() - wait for every fault that is inside the mmu lock
 * @mmu: the EPT
 *
 * After a new slot set was published: a fault that checked the old one under
 * the lock has written its entry when this returns, and no later one can.
 */
void slat_mmu_sync_faults(struct slat_mmu *mmu);

#endif
