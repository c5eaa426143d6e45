/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the core share and nobody else sees: tables, the iterator,
 * the batch of a zap, and the one door through which entries change.
 */
#ifndef SLAT_MMU_INTERNAL_H
#define SLAT_MMU_INTERNAL_H

#include "map.h"
#include "mmu.h"

/**
 * struct slat_table - what we know about one page of entries
 * @entries: the page; changed through set_pte.c alone
 * @level: level of its entries; const while linked
 * @base: first gfn that it covers; const while linked
 * @parent: table with the entry that points here; const while linked
 * @index: that entry; const while linked
 * @ramless_listed: @ramless_list is in use; under slat_mmu.ramless_lock (read bare)
 * @ramless_list: in slat_mmu.ramless_tables, or on the list of a wrap that goes on; under
 *	slat_mmu.ramless_lock
 * @batch_list: unlinked, waits for the flush; owned by the zap
 * @retired: flushed, waits for readers
 */
struct slat_table {
	u64 *entries;
	int level;
	unsigned int index;
	gfn_t base;
	struct slat_table *parent;
	bool ramless_listed;
	struct list_head ramless_list;
	struct list_head batch_list;
	struct slat_retired retired;
};

/* table.c */
struct slat_table *slat_table_alloc(void);
void slat_table_free(struct slat_table *table);
void slat_table_free_subtree(struct slat_table *table);
void slat_table_set_place(struct slat_table *table, struct slat_table *parent,
			  gfn_t gfn);
struct slat_table *slat_table_find(struct slat_mmu *mmu, gfn_t gfn, int level);
struct slat_table *slat_table_peek(struct slat_mmu *mmu, gfn_t gfn, int level);
bool slat_table_is_empty(const struct slat_table *table);
bool slat_table_has_present(const struct slat_table *table);
bool slat_table_has_mmio(const struct slat_table *table);
void slat_table_list_ramless(struct slat_mmu *mmu, struct slat_table *table);
void slat_table_unlist_ramless(struct slat_mmu *mmu, struct slat_table *table);
void slat_tables_take_ramless(struct slat_mmu *mmu, struct list_head *to);
void slat_table_cache_free(struct slat_table_cache *cache);

/* The table behind entry @entry, which ept_is_table(). */
static inline struct slat_table *slat_table_of(u64 entry)
{
	return port_table_meta(port_table_va(ept_addr(entry)));
}

/*
 * @table may have no RAM any more: it lost an entry. The mmu lock is held exclusive. The
 * root stays for good.
 */
static inline void slat_table_lost_entry(struct slat_mmu *mmu, struct slat_table *table)
{
	if (unlikely(!READ_ONCE(table->ramless_listed)) && table->parent)
		slat_table_list_ramless(mmu, table);
}

static inline u64 *slat_table_entry(const struct slat_table *table, gfn_t gfn)
{
	return &table->entries[slat_level_index(gfn, table->level)];
}

/**
 * struct slat_batch - what an exclusive section owes before it may end
 * @mmu: the EPT
 * @why: what it is for
 * @flush_owed: a CPU may cache what was taken away since the last flush
 * @leafs: present leafs zapped, ever
 * @mmio: MMIO entries removed, ever
 * @unlinked: subtrees unlinked, ever
 * @yields: times the lock was dropped
 * @held_since: port_clock() when the lock was taken, or taken again
 * @work: entries dealt with since then, about
 * @look_at: @work at which the section asks again whether it should yield
 * @step: what was already told of @leafs, @mmio and @unlinked, and when the lock
 *	was taken; in use while the trace point slat_zap_step is on
 * @tables: unlinked since the last flush, by slat_table.batch_list
 */
struct slat_batch {
	struct slat_mmu *mmu;
	enum slat_why why;
	bool flush_owed;
	u64 leafs;
	u64 mmio;
	u64 unlinked;
	u64 yields;
	u64 held_since;
	u64 work;
	u64 look_at;
	struct {
		u64 leafs;
		u64 mmio;
		u64 unlinked;
		u64 began;
	} step;
	struct list_head tables;
};

/* set_pte.c */
bool slat_entry_try_set(struct slat_mmu *mmu, struct slat_counters *counters,
			struct slat_table *table, gfn_t gfn, u64 *old, u64 new);
void slat_entry_zap(struct slat_batch *batch, struct slat_table *table, gfn_t gfn);
void slat_entry_unlink(struct slat_batch *batch, struct slat_table *table);
bool slat_entry_wrprot(struct slat_batch *batch, struct slat_table *table,
		       gfn_t gfn);
bool slat_page_wrprot(struct slat_batch *batch, struct slat_table *table, gfn_t gfn);
u64 slat_table_wrprot(struct slat_batch *batch, struct slat_table *table,
		      gfn_t start, gfn_t end);
bool slat_entry_clear_accessed(struct slat_mmu *mmu, struct slat_changes *changes,
			       struct slat_table *table, gfn_t gfn);

/* counters.c */
void slat_counters_sum(struct slat_mmu *mmu, struct slat_counters *sum);
void slat_counters_add_changes(struct slat_mmu *mmu, enum slat_change change,
			       const struct slat_changes *by_level);
u64 slat_counters_changes(const struct slat_counters *counters, enum slat_change change);

/* around.c */
void slat_around_install(struct slat_mmu *mmu, struct slat_mmu_vcpu *vcpu,
			 struct slat_table *table, const struct slat_map *map);

/* batch.c */
void slat_batch_init(struct slat_batch *batch, struct slat_mmu *mmu,
		     enum slat_why why);
void slat_batch_note_step(struct slat_batch *batch);
void slat_batch_flush(struct slat_batch *batch);
bool slat_batch_look(struct slat_batch *batch);

/*
 * A section asks who waits after so many entries, no sooner: what it does then, the flush
 * above all, costs as much as they do. So a waiter waits for a table's worth of work.
 */
#define SLAT_SLICE	port_slice(SLAT_TABLE_ENTRIES)

/*
 * What a section may do until it drops the lock, whether or not it sees a waiter: those
 * that wait for a CPU are not seen. Whichever is spent first; the time is for entries
 * that are slow to reach (another node's memory, a host below this one).
 */
#define SLAT_HOLD_ENTRIES	(64 * SLAT_TABLE_ENTRIES)
#define SLAT_HOLD_NS		500000

/* The lock was just taken for a part of the work, which ends with its flush. */
static inline void slat_batch_begin_step(struct slat_batch *batch)
{
	batch->held_since = port_clock();
	batch->work = 0;
	batch->look_at = SLAT_SLICE;
	batch->step.began = 0;
	if (port_trace_on(slat_zap_step))
		slat_batch_note_step(batch);
}

/* @nr entries were looked at, or changed. */
static inline void slat_batch_did(struct slat_batch *batch, u64 nr)
{
	batch->work += nr;
}

/* The one door for yielding. Return: true if the lock was dropped and taken again. */
static inline bool slat_batch_yield(struct slat_batch *batch)
{
	return unlikely(batch->work >= batch->look_at) && slat_batch_look(batch);
}

/**
 * struct slat_iter - walk over all entries that touch a range, top down
 * @mmu: the EPT
 * @start: first gfn of the range
 * @end: first gfn behind it
 * @gfn: the walk has dealt with everything below this
 * @table: where it stands
 * @old: the entry for @gfn in @table, as read; set it after changing the entry
 * @yielded: gfn at which the walk last yielded; it yields again only beyond it
 * @restart: the next step begins again at the top, for the same @gfn
 *
 * The mmu lock is held, exclusive if anything is unlinked.
 */
struct slat_iter {
	struct slat_mmu *mmu;
	gfn_t start;
	gfn_t end;
	gfn_t gfn;
	struct slat_table *table;
	u64 old;
	u64 yielded;
	bool restart;
};

/* iter.c */
void slat_iter_start(struct slat_iter *iter, struct slat_mmu *mmu, gfn_t start,
		     gfn_t end);
void slat_iter_next(struct slat_iter *iter);
bool slat_iter_yield(struct slat_iter *iter, struct slat_batch *batch);

static inline bool slat_iter_valid(const struct slat_iter *iter)
{
	return iter->table;
}

/*
 * The walk stands in a leaf table: first gfn that the table or the range no
 * longer covers. slat_iter_done_until() with it goes on behind the table.
 */
static inline gfn_t slat_iter_table_end(const struct slat_iter *iter)
{
	return min(iter->end, iter->table->base +
			      slat_level_pages(SLAT_LEVEL_2M));
}

/* Everything below @gfn, in the table where the walk stands, was dealt with. */
static inline void slat_iter_done_until(struct slat_iter *iter, gfn_t gfn)
{
	iter->gfn = gfn - 1;
}

/* Does the entry at which the walk stands lie wholly in the range? */
static inline bool slat_iter_covered(const struct slat_iter *iter)
{
	gfn_t base = slat_level_base(iter->gfn, iter->table->level);

	return base >= iter->start &&
	       base + slat_level_pages(iter->table->level) <= iter->end;
}

#define slat_for_each_entry(iter, mmu, start, end)			\
	for (slat_iter_start(iter, mmu, start, end);			\
	     slat_iter_valid(iter); slat_iter_next(iter))

#endif
