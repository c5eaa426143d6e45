// SPDX-License-Identifier: GPL-2.0
/*
 * Adding up what vCPUs and exclusive sections have counted: see counters.h. vCPUs are
 * registered when they are made; sums are asked for by readers of statistics, without
 * locks or with any.
 */
#include "counters.h"
#include "internal.h"

static_assert(sizeof(struct slat_counters) % sizeof(u64) == 0);

static void counters_add(struct slat_counters *sum, const struct slat_counters *block)
{
	const u64 *from = (const u64 *)block;
	u64 *to = (u64 *)sum;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += READ_ONCE(from[i]);
}

void slat_mmu_vcpu_register(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu)
{
	port_spin_lock(&mmu->vcpus_lock);
	list_add_tail(&vcpu->list, &mmu->vcpus);
	port_spin_unlock(&mmu->vcpus_lock);
}

/* In one section, so that a sum has each count once: here or there. */
void slat_mmu_vcpu_unregister(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu)
{
	port_spin_lock(&mmu->vcpus_lock);
	counters_add(&mmu->gone, &vcpu->counters);
	list_del(&vcpu->list);
	port_spin_unlock(&mmu->vcpus_lock);
	slat_table_cache_free(&vcpu->cache);
}

/* What a section counted aside that had the mmu lock shared and is no vCPU's. */
void slat_counters_add_changes(struct slat_mmu *mmu, enum slat_change change,
			       const struct slat_changes *by_level)
{
	int level;

	port_spin_lock(&mmu->vcpus_lock);
	for (level = 0; level < SLAT_ROOT_LEVEL; level++)
		port_counter_add(&mmu->gone.entries[level].nr[change], by_level[level].nr[change]);
	port_spin_unlock(&mmu->vcpus_lock);
}

/**
 * slat_counters_sum() - all blocks in one
 * @mmu: the EPT
 * @sum: result
 *
 * Exclusive sections come first: what they took away was installed, and counted, in a
 * shared section before (the mmu lock orders the two). So whoever sees a zap counted
 * here sees the mapping below, and there are never more zaps than mappings.
 */
void slat_counters_sum(struct slat_mmu *mmu, struct slat_counters *sum)
{
	struct slat_mmu_vcpu *vcpu;

	*sum = (struct slat_counters){};
	port_spin_lock(&mmu->vcpus_lock);
	counters_add(sum, &mmu->counters);
	/* Pairs with the release of the mmu lock by the fault that mapped. */
	smp_rmb();
	counters_add(sum, &mmu->gone);
	list_for_each_entry(vcpu, &mmu->vcpus, list)
		counters_add(sum, &vcpu->counters);
	port_spin_unlock(&mmu->vcpus_lock);
}

/* Changes of one kind on all levels. */
u64 slat_counters_changes(const struct slat_counters *counters, enum slat_change change)
{
	u64 nr = 0;
	int level;

	for (level = SLAT_LEVEL_4K; level <= SLAT_ROOT_LEVEL; level++)
		nr += counters->entries[level - 1].nr[change];
	return nr;
}

void slat_mmu_stats_sum(struct slat_mmu *mmu, struct slat_mmu_stats *stats)
{
	struct slat_counters sum;

	slat_counters_sum(mmu, &sum);
	*stats = (struct slat_mmu_stats) {
		.faults_ram = sum.faults_ram,
		.faults_spurious = sum.faults_spurious,
		.faults_retry = sum.faults_retry,
		.faults_write = sum.faults_write,
		.around_leafs = sum.around_leafs,
		.wrprot_leafs = slat_counters_changes(&sum, SLAT_CHANGE_PROTECTED),
		.rounds_rmap = sum.rounds_rmap,
		.rounds_scan = sum.rounds_scan,
		.mmio_mark = slat_counters_changes(&sum, SLAT_CHANGE_MARKED),
		.mmio_hit = sum.mmio_hit,
		.mmio_stale = sum.mmio_stale,
		.mapped_leafs = slat_counters_changes(&sum, SLAT_CHANGE_MAPPED),
		.zapped_leafs = slat_counters_changes(&sum, SLAT_CHANGE_ZAPPED),
		.zapped_mmio = slat_counters_changes(&sum, SLAT_CHANGE_UNMARKED),
		.tables = slat_mmu_nr_tables(mmu),
		.tables_freed = slat_counters_changes(&sum, SLAT_CHANGE_UNLINKED),
		.flushes = sum.flushes,
		.flush_cpus = sum.flush_cpus,
		.yields = sum.yields,
		.reclaims = sum.reclaims,
	};
}
