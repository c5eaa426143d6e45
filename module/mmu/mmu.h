/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MMU core: one EPT per VM. This is the object, its making and its end; what can be
 * asked of it is in a header by job: map.h (faults), zap.h, dirty.h (write protection),
 * query.h, reclaim.h (the cap on tables), counters.h (statistics), verify.h.
 *
 * Lock order, outermost first: slots_lock (struct slat_memslots) > reader
 * section (struct slat_epochs) > host mmap_lock > mmu lock (struct slat_mmu) >
 * the leaf spinlocks of slat_epochs, slat_notify, the hva index, the list of
 * tables without RAM and the list of vCPUs, none of which is held while another lock is taken.
 *
 * Faults hold the mmu lock shared and change entries by cmpxchg; everything
 * that takes rights away holds it exclusive. Table pages are freed after a
 * flush and after every reader section that could have seen them; so a lookup
 * inside a reader section needs no lock.
 */
#ifndef SLAT_MMU_MMU_H
#define SLAT_MMU_MMU_H

#include "counters.h"
#include "epoch.h"
#include "hist.h"
#include "mmio_gen.h"
#include "ops.h"

struct slat_memslots;
struct slat_recheck_ops;
struct slat_table;

/**
 * struct slat_mmu_config - const properties of an EPT
 * @layout: how MMIO entries are written
 * @reserved: bits of EPT_ADDR_MASK that are beyond the processor's physical addresses
 * @accessed_dirty: the EPTP enables accessed and dirty bits
 * @around: pages that a fault may map beside its own, SLAT_AROUND_MAX at most
 * @id: number of the VM in traces
 */
struct slat_mmu_config {
	struct slat_mmio_layout layout;
	u64 reserved;
	bool accessed_dirty;
	unsigned int around;
	u32 id;
};

/**
 * struct slat_mmu - the EPT of one VM
 * @root: top table; const after init, as all in this group
 * @ops: callbacks
 * @ctx: their argument
 * @recheck: callbacks into the slots
 * @slots: their argument
 * @epochs: the VM's epochs
 * @config: properties
 * @lock: the mmu lock; faults shared, zaps exclusive
 * @reclaim_gfn: where the cap's clock hand stands; under @lock exclusive
 * @counters: what was counted under @lock exclusive
 * @hold: how long @lock was held exclusive, from taking or yielding to the next;
 *	under it
 * @zap: how long zapping a range took, yields included; under @lock exclusive
 * @cap_lock: leaf lock; protects writes of @max_tables and @cap_is_users
 * @max_tables: cap on @nr_tables, read bare
 * @cap_is_users: the client chose @max_tables; the size of the slots no longer
 *	rules it
 * @nr_tables: table pages linked now, the root included
 * @ramless_lock: leaf lock; protects @ramless_tables and the like of a wrap
 * @ramless_tables: tables that may be without RAM: those that an MMIO entry was written
 *	to, and those that lost an entry; any other has RAM below it
 * @nr_ramless: how many they are, written under @ramless_lock, read bare
 * @vcpus_lock: leaf lock; protects @vcpus and @gone
 * @vcpus: registered vCPUs
 * @gone: what vCPUs had counted that are registered no longer, and ageing
 *
 * Each fault writes @lock, though it takes it shared; a lookup takes no lock at all. So
 * what is only read after init has cache lines of its own: a vCPU that looks an entry up,
 * or goes down the tables, does not wait for the line that the faults of others pull to
 * and fro. What exclusive sections write may share the lock's line, since whoever writes
 * it has just taken the lock. @nr_tables is written by faults that link a table, and read
 * with @max_tables.
 */
struct slat_mmu {
	struct slat_table *root;
	const struct slat_mmu_ops *ops;
	void *ctx;
	const struct slat_recheck_ops *recheck;
	struct slat_memslots *slots;
	struct slat_epochs *epochs;
	struct slat_mmu_config config;

	port_rwlock_t lock port_cache_aligned;
	gfn_t reclaim_gfn;
	struct slat_counters counters;
	struct slat_hist hold;
	struct slat_hist zap;

	port_spinlock_t cap_lock port_cache_aligned;
	u64 max_tables;
	bool cap_is_users;
	atomic64_t nr_tables;
	port_spinlock_t ramless_lock;
	struct list_head ramless_tables;
	u64 nr_ramless;
	port_spinlock_t vcpus_lock;
	struct list_head vcpus;
	struct slat_counters gone;
};

/**
 * slat_mmu_init() - make an empty EPT
 * @mmu: zeroed memory
 * @ops: callbacks
 * @ctx: their argument
 * @epochs: the VM's epochs, initialised
 * @config: properties
 *
 * Return: 0 or -ENOMEM.
 */
int slat_mmu_init(struct slat_mmu *mmu, const struct slat_mmu_ops *ops,
		  void *ctx, struct slat_epochs *epochs,
		  const struct slat_mmu_config *config);

/**
 * slat_mmu_set_slots() - say which slots rule the EPT
 * @mmu: the EPT, before its first fault
 * @recheck: what faults ask again
 * @slots: the argument of that
 */
static inline void slat_mmu_set_slots(struct slat_mmu *mmu,
				      const struct slat_recheck_ops *recheck,
				      struct slat_memslots *slots)
{
	mmu->recheck = recheck;
	mmu->slots = slots;
}

/**
 * slat_mmu_destroy() - free all tables
 * @mmu: no vCPU uses it any more, no reader is inside a section
 */
void slat_mmu_destroy(struct slat_mmu *mmu);

/* Physical address of the top table, for the EPTP. */
u64 slat_mmu_root_pa(const struct slat_mmu *mmu);

/* Table pages linked now, the root included. */
static inline u64 slat_mmu_nr_tables(const struct slat_mmu *mmu)
{
	return atomic64_read(&mmu->nr_tables);
}

#endif
