// SPDX-License-Identifier: GPL-2.0
/*
 * Life of an EPT: made with the VM, destroyed after its last vCPU.
 */
#include "internal.h"
#include "reclaim.h"

int slat_mmu_init(struct slat_mmu *mmu, const struct slat_mmu_ops *ops,
		  void *ctx, struct slat_epochs *epochs,
		  const struct slat_mmu_config *config)
{
	WARN_ON_ONCE(config->layout.gen_bits < SLAT_GEN_BITS_MIN ||
		     config->layout.gen_bits > SLAT_GEN_BITS_MAX);
	mmu->root = slat_table_alloc();
	if (!mmu->root)
		return -ENOMEM;
	mmu->root->level = SLAT_ROOT_LEVEL;
	mmu->ops = ops;
	mmu->ctx = ctx;
	mmu->epochs = epochs;
	mmu->config = *config;
	port_rwlock_init(&mmu->lock);
	port_spin_init(&mmu->cap_lock);
	port_spin_init(&mmu->ramless_lock);
	INIT_LIST_HEAD(&mmu->ramless_tables);
	port_spin_init(&mmu->vcpus_lock);
	INIT_LIST_HEAD(&mmu->vcpus);
	atomic64_set(&mmu->nr_tables, 1);
	slat_mmu_size_cap(mmu, 0, 0);
	return 0;
}

void slat_mmu_destroy(struct slat_mmu *mmu)
{
	WARN_ON_ONCE(!list_empty(&mmu->vcpus));
	slat_table_free_subtree(mmu->root);
	mmu->root = NULL;
}

u64 slat_mmu_root_pa(const struct slat_mmu *mmu)
{
	return port_table_pa(mmu->root->entries);
}
