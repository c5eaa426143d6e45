/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fake machine's memory: table pages with invented physical addresses, every
 * entry write recorded and checked, allocations that fail on demand. And its
 * CPUs' translation caches (tlb.c), which forget nothing before they must.
 */
#ifndef SLAT_MACHINE_H
#define SLAT_MACHINE_H

#include "mmu/ept.h"
#include "sim.h"

#define MACHINE_TABLES	8192
#define MACHINE_CPUS	4
#define ALL_CPUS	((1U << MACHINE_CPUS) - 1)

/* A leaf that was replaced; CPUs of @cpus may still use it. */
struct stale_leaf {
	struct stale_leaf *next;
	u64 entry;
	u16 index;
	u16 cpus;
};

/**
 * struct fake_table - what the machine knows about one table page
 * @live: allocated
 * @linked: some entry points to it; its parent may itself be unlinked
 * @level: of its entries; 0 before it was ever linked
 * @base: first gfn it covers
 * @parent: table with the entry that points, or did point, here
 * @reach: CPUs whose paging-structure caches, or a walk, may lead here
 * @unlinked_at: scheduling point at which it was unlinked, 0 never
 * @meta: port_table_meta()
 * @nonzero: bitmap of entries that are not zero
 * @told: bitmap of entries of which the core has said that they went with the table
 * @stale: leafs replaced since a CPU's last flush
 * @generation: full generation of each MMIO entry, allocated at the first
 */
struct fake_table {
	bool live;
	bool linked;
	int level;
	gfn_t base;
	struct fake_table *parent;
	u32 reach;
	u64 unlinked_at;
	void *meta;
	u64 nonzero[8];
	u64 told[8];
	struct stale_leaf *stale;
	u64 *generation;
};

/* One write to an entry. */
struct machine_write {
	struct fake_table *table;
	u16 index;
	u64 old;
	u64 new;
};

/* A write by a task of which the core has not said yet what it is. */
struct machine_untold {
	u64 *entry;
	u64 old;
	u64 new;
};

/**
 * struct machine - the one there is
 * @fail_at: the allocation that fails, counted from 1; 0 none
 * @fail_chance: chance in 1024 that any allocation fails
 * @nr_allocs: allocations asked for
 * @nr_failed: of each task, those that failed
 * @live_allocs: of port_alloc(), not yet freed
 * @live_tables: table pages not yet freed
 * @removed_leafs: present leafs made unreachable by a write, ever
 * @untold: of each task: its last write to an entry, until the core tells of it
 * @nr_writes: length of @history
 * @history: writes since machine_record(true), if recording
 * @on_write: called after each write by the core, before it can be seen
 * @on_leaf: called for each translation that a CPU may begin to use
 * @on_leaf_gone: called for each leaf that a page walk no longer finds
 * @on_table_free: called before a table page is freed
 */
struct machine {
	u64 fail_at;
	unsigned int fail_chance;
	u64 nr_allocs;
	u64 nr_failed[SIM_MAX_TASKS];
	long live_allocs;
	long live_tables;
	u64 removed_leafs;
	struct machine_untold untold[SIM_MAX_TASKS];
	bool recording;
	u64 nr_writes;
	struct machine_write *history;
	void (*on_write)(struct fake_table *table, int index, u64 old, u64 new);
	void (*on_leaf)(gfn_t gfn, u64 entry);
	void (*on_leaf_gone)(gfn_t gfn, u64 entry);
	void (*on_table_free)(struct fake_table *table);
};

extern struct machine machine;

void machine_reset(void);
void machine_record(bool on);
struct fake_table *machine_table(u64 pa);
u64 *machine_entries(const struct fake_table *table);
u64 machine_table_pa(const struct fake_table *table);
/* Call @fn for every live table. */
void machine_for_each_table(void (*fn)(struct fake_table *table, void *arg),
			    void *arg);
/* Index of the first entry that is not zero at or behind @index; 512 if none. */
int machine_next_entry(const struct fake_table *table, int index);
/* Has the core told of every write? */
void machine_check_told(void);
/* Hardware sets bits of an entry (A, D). */
void machine_hw_set(struct fake_table *table, int index, u64 bits);

/* tlb.c */

/* The top table, from the moment the EPT exists. */
void tlb_set_root(u64 root_pa);
/* No CPU uses the EPT any more, and none ever will. */
void tlb_close(void);
bool tlb_is_linked(const struct fake_table *table);
void tlb_changed(struct fake_table *table, int index, u64 old, u64 new);
void tlb_table_freed(struct fake_table *table);
/* What INVEPT does on the CPUs of @cpus. */
void tlb_flush(u32 cpus);
/* What an EPT violation at @gfn makes @cpu forget. */
void tlb_violation(int cpu, gfn_t gfn);

struct tlb_walk {
	struct fake_table *table;
	int index;
	u64 entry;
};

/* A page walk of memory as it is now. */
struct tlb_walk tlb_walk(gfn_t gfn);
/* All present leafs that @cpu may use for @gfn; returns how many. */
int tlb_candidates(int cpu, gfn_t gfn, u64 *entries, int max);
/* Call @fn for every present leaf that some CPU may use. */
void tlb_for_each(void (*fn)(u32 cpus, gfn_t gfn, u64 entry, void *arg),
		  void *arg);
/* Call @fn for every entry that is not zero and that a page walk finds. */
void tlb_for_each_linked(void (*fn)(struct fake_table *table, int index,
				    gfn_t gfn, u64 entry, void *arg), void *arg);

static inline gfn_t tlb_gfn(const struct fake_table *table, int index)
{
	return table->base + index * slat_level_pages(table->level);
}

#endif
