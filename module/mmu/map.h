/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a fault asks of the core: RAM leafs, MMIO entries, W for a leaf that the log
 * protects, and the lookup behind an EPT misconfiguration. Called by pagefault.c
 * inside the reader section in which it looked the gfn up, without locks.
 *
 * What was looked up may be out of date by the time the mmu lock is held; so each
 * request says what it was, and the slots are asked again under the lock, just before
 * the entry is written (struct slat_recheck_ops).
 */
#ifndef SLAT_MMU_MAP_H
#define SLAT_MMU_MAP_H

#include "counters.h"
#include "events.h"
#include "ops.h"

struct slat_memslot;
struct slat_memslots;
struct slat_slots_root;
struct slat_table;

/**
 * struct slat_table_cache - tables allocated ahead of a fault, by its owner
 * @nr: how many there are
 * @tables: the tables; a fault needs at most one per level below the root
 */
struct slat_table_cache {
	unsigned int nr;
	struct slat_table *tables[SLAT_ROOT_LEVEL - 1];
};

/**
 * struct slat_mmu_vcpu - what one vCPU brings to its faults
 * @cache: its spare tables
 * @counters: what its faults have counted; written by them alone
 * @list: in slat_mmu.vcpus; under slat_mmu.vcpus_lock
 */
struct slat_mmu_vcpu {
	struct slat_table_cache cache;
	struct slat_counters counters;
	struct list_head list;
};

/**
 * slat_mmu_vcpu_register() - a vCPU comes
 * @mmu: the EPT
 * @vcpu: zeroed memory
 */
void slat_mmu_vcpu_register(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu);

/**
 * slat_mmu_vcpu_unregister() - a vCPU goes
 * @mmu: the EPT
 * @vcpu: registered; inside no fault
 *
 * Frees its spare tables; what it has counted stays counted.
 */
void slat_mmu_vcpu_unregister(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu);

/**
 * struct slat_lookup - what a fault found, and which entry it is about
 * @root: the slot set that was searched; held by the reader section
 * @slot: the slot found in it; NULL: none, it is MMIO
 * @gfn: guest page
 * @level: level of the entry to be written
 */
struct slat_lookup {
	const struct slat_slots_root *root;
	const struct slat_memslot *slot;
	gfn_t gfn;
	int level;
};

/**
 * struct slat_dirty_mark - what to set in the same section in which W is granted
 * @bitmap: of the slot, NULL if it does not log
 * @bit: that of the page
 */
struct slat_dirty_mark {
	unsigned long *bitmap;
	u64 bit;
};

/**
 * struct slat_around - pages to map beside the one that faulted
 * @nr: how many; they follow it in the slot and in its table
 * @write: grant write
 * @host_writable: the slot allows write
 * @pfn: host pages, all of which the host lets us write
 */
struct slat_around {
	unsigned int nr;
	bool write;
	bool host_writable;
	kvm_pfn_t pfn[SLAT_AROUND_MAX];
};

/**
 * struct slat_map - a RAM leaf to install
 * @from: what was looked up; its slot is not NULL
 * @pfn: host page
 * @hva: its host address
 * @notify_seq: captured before the host was asked
 * @write: grant write
 * @host_writable: the host and the slot allow write, whether or not @write
 * @mark: its dirty bit
 * @around: what else to install if the leaf is
 */
struct slat_map {
	const struct slat_lookup *from;
	kvm_pfn_t pfn;
	hva_t hva;
	u64 notify_seq;
	bool write;
	bool host_writable;
	struct slat_dirty_mark mark;
	struct slat_around around;
};

/**
 * struct slat_recheck_ops - does what a fault looked up still hold?
 * @may_map: a RAM leaf may be installed for @map and the @nr - 1 pages behind it
 * @may_write: a leaf that only the log took W from may get it back
 * @may_mark: an MMIO entry may be written
 *
 * Supplied by the slots, const after init; asked with the mmu lock held. @slots is
 * slat_mmu.slots.
 */
struct slat_recheck_ops {
	bool (*may_map)(struct slat_memslots *slots, const struct slat_map *map,
			unsigned int nr);
	bool (*may_write)(struct slat_memslots *slots, const struct slat_lookup *from);
	bool (*may_mark)(struct slat_memslots *slots, const struct slat_lookup *from);
};

enum slat_map_result {
	SLAT_MAP_INSTALLED,	/* the entry was written */
	SLAT_MAP_SPURIOUS,	/* the entry was already as good */
	SLAT_MAP_RETRY,		/* something changed: look everything up again */
	SLAT_MAP_NO_TABLE,	/* the cache ran out: top it up */
};

/**
 * slat_table_cache_topup() - allocate what one fault may need
 * @mmu: the EPT
 * @cache: the caller's cache
 * @must: even where the VM is at its cap and nothing can be taken back
 *
 * Sleeps; called without locks. Takes tables back first when the VM is at its
 * cap, so the cap may be exceeded by what faults in flight hold.
 *
 * Return: 0 or -ENOMEM; -EAGAIN: not @must.
 */
int slat_table_cache_topup(struct slat_mmu *mmu, struct slat_table_cache *cache, bool must);

/**
 * slat_mmu_map() - install a RAM leaf or upgrade its rights
 * @mmu: the EPT
 * @vcpu: registered; its cache is topped up
 * @map: what to install; of 4 KiB, the only leafs so far
 *
 * Never lowers rights and never changes the pfn of a present leaf: a leaf that points
 * elsewhere is zapped and flushed, and the caller retries. Pages around it are left
 * out, and nothing is retried, where they may not be mapped.
 */
enum slat_map_result slat_mmu_map(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
				  const struct slat_map *map);

/**
 * slat_mmu_want_around() - how many pages behind a fault's are worth mapping too?
 * @mmu: the EPT
 * @gfn: page that faulted
 *
 * A hint: none unless the page before it is mapped, which tells a guest that goes
 * through its memory from one that jumps. Without the mmu lock.
 *
 * Return: how many of the next pages of the same table of 4 KiB entries are not
 * mapped, in a row, up to what the configuration allows.
 */
unsigned int slat_mmu_want_around(struct slat_mmu *mmu, gfn_t gfn);

/**
 * slat_mmu_make_writable() - give W back to a leaf that only the log took it from
 * @mmu: the EPT
 * @vcpu: registered
 * @from: what was looked up; the slot alone is compared again, since a leaf that is
 *	present is what the host still grants
 * @mark: its dirty bit
 *
 * Return: SLAT_MAP_NO_TABLE when there is no such leaf: take the way over the host.
 */
enum slat_map_result slat_mmu_make_writable(struct slat_mmu *mmu,
					    struct slat_mmu_vcpu *vcpu,
					    const struct slat_lookup *from,
					    const struct slat_dirty_mark *mark);

/**
 * slat_mmu_mark_mmio() - write an MMIO entry
 * @mmu: the EPT
 * @vcpu: registered; where its cache is not full, only a table that is there is used
 * @from: the slot set in which no slot was found
 * @gen: its generation, settled
 *
 * SLAT_MAP_RETRY means only that nothing was written; the access is MMIO all the same.
 */
enum slat_map_result slat_mmu_mark_mmio(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
					const struct slat_lookup *from, u64 gen);

/**
 * slat_mmu_lookup_mmio() - what is behind an EPT misconfiguration?
 * @mmu: the EPT
 * @vcpu: registered
 * @gfn: guest page
 * @gen: generation of the current slot set, as read inside this section
 *
 * Without the mmu lock: tables seen here are not freed before the section ends, and an
 * entry is one word.
 */
enum slat_mmio_lookup slat_mmu_lookup_mmio(struct slat_mmu *mmu,
					   struct slat_mmu_vcpu *vcpu, gfn_t gfn,
					   u64 gen);

#endif
