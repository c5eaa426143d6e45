/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cap on table pages and taking them back. Called by ioctls, by the slots and by
 * the shrinker, without the mmu lock.
 */
#ifndef SLAT_MMU_RECLAIM_H
#define SLAT_MMU_RECLAIM_H

#include "types.h"

struct slat_mmu;

/* Fewest tables a VM can be capped to (KVM_MIN_ALLOC_MMU_PAGES). */
#define SLAT_MIN_TABLES		64

/* How many tables MMIO may use beside those that the slots need. */
#define SLAT_MMIO_TABLES	1024

/**
 * slat_mmu_set_max_tables() - cap the number of table pages
 * @mmu: the EPT
 * @max: cap, at least SLAT_MIN_TABLES
 *
 * Tables beyond a lowered cap are taken back before it returns. The cap is exceeded by
 * what faults in flight hold, and, while sleeping readers keep what was taken before, by
 * the tables of RAM.
 */
void slat_mmu_set_max_tables(struct slat_mmu *mmu, u64 max);

/**
 * slat_mmu_size_cap() - let the cap follow the size of the slots
 * @mmu: the EPT
 * @npages: pages in all slots
 * @nr_slots: number of slots
 *
 * The cap then suffices to map all slots and SLAT_MMIO_TABLES more, so that RAM
 * never has to go because of it. Nothing happens once the client chose a cap.
 */
void slat_mmu_size_cap(struct slat_mmu *mmu, u64 npages, u64 nr_slots);

/**
 * slat_mmu_reclaim() - take table pages back
 * @mmu: the EPT
 * @nr: how many are wanted
 * @ram_too: when tables that hold MMIO entries alone, or nothing, do not suffice, take
 *	tables of RAM as well (the guest will fault on them again)
 *
 * Always legal; takes the mmu lock exclusive, and yields it. Takes none while sleeping readers keep
 * those that were taken before (slat_epochs_are_full()). Return: how many were unlinked.
 */
u64 slat_mmu_reclaim(struct slat_mmu *mmu, u64 nr, bool ram_too);

/*
 * How many tables slat_mmu_reclaim() would look at without touching RAM. It takes most of
 * them; those that it finds to have RAM alone are not counted any more.
 */
u64 slat_mmu_reclaimable(const struct slat_mmu *mmu);

#endif
