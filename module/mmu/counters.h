/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event counters of an EPT: who counts where, and how they are added up.
 *
 * Each block of counters has one writer at a time: that of a vCPU is written by its
 * faults, that of the EPT by whoever holds the mmu lock exclusive. So counting is a
 * plain addition, and vCPUs that fault side by side share no cache line of the EPT for it.
 * Readers take what they find: a counter is one aligned word.
 */
#ifndef SLAT_MMU_COUNTERS_H
#define SLAT_MMU_COUNTERS_H

#include "types.h"

struct slat_mmu;

/* What became of an entry; each change is one of these, and is counted as such. */
enum slat_change {
	SLAT_CHANGE_MAPPED,	/* a leaf became present */
	SLAT_CHANGE_ZAPPED,	/* a present leaf became non-present */
	SLAT_CHANGE_LINKED,	/* a table was linked */
	SLAT_CHANGE_UNLINKED,	/* a table was unlinked */
	SLAT_CHANGE_MARKED,	/* an MMIO entry was written, over an older one too */
	SLAT_CHANGE_UNMARKED,	/* an MMIO entry was removed */
	SLAT_CHANGE_PROTECTED,	/* a leaf lost W */
	SLAT_CHANGE_AGED,	/* a leaf lost A */
	SLAT_CHANGE_GAINED,	/* a leaf gained rights */
	SLAT_NR_CHANGES,
};

/**
 * struct slat_changes - changes of entries of one level
 * @nr: how many, by kind
 */
struct slat_changes {
	u64 nr[SLAT_NR_CHANGES];
};

/**
 * struct slat_counters - a block with one writer at a time; nothing but u64
 * @entries: changes of entries by their level, [0]: SLAT_LEVEL_4K
 * @faults_ram: faults that installed or upgraded a RAM leaf
 * @faults_spurious: faults that found the right already granted
 * @faults_retry: faults that lost a race with a slot or host change
 * @faults_write: write faults on a protected leaf mended without the host
 * @around_leafs: leafs that faults installed beside their own
 * @mmio_hit: misconfigurations resolved from the entry alone
 * @mmio_stale: misconfigurations whose entry had an older generation
 * @rounds_rmap: collections of dirty bits that protected by rmap
 * @rounds_scan: collections of dirty bits that protected by a scan
 * @flushes: flushes asked for
 * @flush_cpus: CPUs interrupted by them
 * @yields: times the mmu lock was dropped in the middle of a walk
 * @reclaims: times the cap or the shrinker took tables back
 */
struct slat_counters {
	struct slat_changes entries[SLAT_ROOT_LEVEL];
	/* faults, inside a reader section */
	u64 faults_ram;
	u64 faults_spurious;
	u64 faults_retry;
	u64 faults_write;
	u64 around_leafs;
	u64 mmio_hit;
	u64 mmio_stale;
	/* the mmu lock held exclusive */
	u64 rounds_rmap;
	u64 rounds_scan;
	u64 flushes;
	u64 flush_cpus;
	u64 yields;
	u64 reclaims;
};

/**
 * struct slat_mmu_stats - the sums that are shown; each only grows unless said otherwise
 * @faults_ram: as in struct slat_counters, as all that has its name
 * @faults_spurious: see there
 * @faults_retry: see there
 * @faults_write: see there
 * @around_leafs: see there
 * @wrprot_leafs: leafs write-protected for the dirty log
 * @rounds_rmap: see there
 * @rounds_scan: see there
 * @mmio_mark: MMIO entries written (first touch or after going stale)
 * @mmio_hit: see there
 * @mmio_stale: see there
 * @mapped_leafs: leafs made present; less @zapped_leafs: how many there are
 * @zapped_leafs: present leafs made non-present; never more than @mapped_leafs
 * @zapped_mmio: MMIO entries removed by a wrap, with their table or their range
 * @tables: table pages linked now, the root included (grows and shrinks)
 * @tables_freed: table pages unlinked
 * @flushes: see there
 * @flush_cpus: see there
 * @yields: see there
 * @reclaims: see there
 */
struct slat_mmu_stats {
	u64 faults_ram;
	u64 faults_spurious;
	u64 faults_retry;
	u64 faults_write;
	u64 around_leafs;
	u64 wrprot_leafs;
	u64 rounds_rmap;
	u64 rounds_scan;
	u64 mmio_mark;
	u64 mmio_hit;
	u64 mmio_stale;
	u64 mapped_leafs;
	u64 zapped_leafs;
	u64 zapped_mmio;
	u64 tables;
	u64 tables_freed;
	u64 flushes;
	u64 flush_cpus;
	u64 yields;
	u64 reclaims;
};

/* One more of what @counter counts, which nobody else writes now. */
static inline void slat_count(u64 *counter)
{
	port_counter_add(counter, 1);
}

/**
 * slat_mmu_stats_sum() - add up what everybody has counted
 * @mmu: the EPT
 * @stats: the sums
 *
 * Takes a leaf lock, so may be called under any lock. With the mmu lock held
 * exclusive the changes of entries are exact; else what is being counted meanwhile
 * may be in or not.
 */
void slat_mmu_stats_sum(struct slat_mmu *mmu, struct slat_mmu_stats *stats);

#endif
