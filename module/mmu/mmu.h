/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Public interface of the MMU core: one EPT per VM.
 *
 * Lock order, outermost first: slots_lock (struct slat_memslots) > reader
 * section (struct slat_epochs) > host mmap_lock > mmu lock (struct slat_mmu) >
 * the leaf spinlocks of slat_epochs, slat_notify, the hva index and the list of
 * MMIO tables, none of which is held while another lock is taken.
 *
 * Faults hold the mmu lock shared and change entries by cmpxchg; everything
 * that takes rights away holds it exclusive. Table pages are freed after a
 * flush and after every reader section that could have seen them; so a lookup
 * inside a reader section needs no lock.
 */
#ifndef SLAT_MMU_MMU_H
#define SLAT_MMU_MMU_H

#include "epoch.h"
#include "hist.h"
#include "events.h"
#include "mmio_gen.h"
#include "notify.h"
#include "ops.h"
#include "policy.h"

struct slat_table;
struct slat_memslot;
struct slat_memslots;
struct slat_slots_root;
struct slat_mmu;

/**
 * struct slat_mmu_stats - event counts; each only grows unless said otherwise
 * @faults_ram: faults that installed or upgraded a RAM leaf
 * @faults_spurious: faults that found the right already granted
 * @faults_retry: faults that lost a race with a slot or host change
 * @mmio_mark: MMIO entries written (first touch or after going stale)
 * @mmio_hit: misconfigurations resolved from the entry alone
 * @mmio_stale: misconfigurations whose entry had an older generation
 * @faults_write: write faults on a protected leaf mended without the host
 * @around_leafs: leafs that faults installed beside their own
 * @wrprot_leafs: leafs write-protected for the dirty log
 * @rounds_rmap: collections of dirty bits that protected by rmap
 * @rounds_scan: collections of dirty bits that protected by a scan
 * @mapped_leafs: leafs made present; less @zapped_leafs: how many there are
 * @zapped_leafs: present leafs made non-present
 * @zapped_mmio: MMIO entries removed by a wrap or with their table
 * @tables: table pages linked now, the root included (grows and shrinks)
 * @tables_freed: table pages unlinked
 * @flushes: flushes asked for
 * @flush_cpus: CPUs interrupted by them
 * @yields: times the mmu lock was dropped in the middle of a walk
 * @reclaims: times the cap or the shrinker took tables back
 */
struct slat_mmu_stats {
	atomic64_t faults_ram;
	atomic64_t faults_spurious;
	atomic64_t faults_retry;
	atomic64_t faults_write;
	atomic64_t around_leafs;
	atomic64_t wrprot_leafs;
	atomic64_t rounds_rmap;
	atomic64_t rounds_scan;
	atomic64_t mmio_mark;
	atomic64_t mmio_hit;
	atomic64_t mmio_stale;
	atomic64_t mapped_leafs;
	atomic64_t zapped_leafs;
	atomic64_t zapped_mmio;
	atomic64_t tables;
	atomic64_t tables_freed;
	atomic64_t flushes;
	atomic64_t flush_cpus;
	atomic64_t yields;
	atomic64_t reclaims;
};

/**
 * struct slat_mmu_config - const properties of an EPT
 * @layout: how MMIO entries are written
 * @accessed_dirty: the EPTP enables accessed and dirty bits
 * @around: pages that a fault may map beside its own, SLAT_AROUND_MAX at most
 * @id: number of the VM in traces
 */
struct slat_mmu_config {
	struct slat_mmio_layout layout;
	bool accessed_dirty;
	unsigned int around;
	u32 id;
};

/**
 * struct slat_mmu - the EPT of one VM
 * @lock: the mmu lock; faults shared, zaps exclusive
 * @root: top table; const after init
 * @ops: callbacks; const after init
 * @ctx: their argument; const after init
 * @epochs: the VM's epochs; const after init
 * @config: const after init
 * @max_tables: cap on @stats.tables, read bare
 * @cap_is_users: the client chose @max_tables; the size of the slots no longer
 *	rules it
 * @cap_lock: leaf lock; protects writes of @max_tables and @cap_is_users
 * @mmio_lock: leaf lock; protects @mmio_tables
 * @mmio_tables: tables that an MMIO entry was ever written to
 * @reclaim_gfn: where the cap's clock hand stands; under @lock exclusive
 * @hold: how long @lock was held exclusive, from taking or yielding to the next;
 *	under it
 * @zap: how long zapping a range took, yields included; under @lock exclusive
 * @stats: event counts
 */
struct slat_mmu {
	port_rwlock_t lock;
	struct slat_table *root;
	const struct slat_mmu_ops *ops;
	void *ctx;
	struct slat_epochs *epochs;
	struct slat_mmu_config config;
	port_spinlock_t cap_lock;
	u64 max_tables;
	bool cap_is_users;
	port_spinlock_t mmio_lock;
	struct list_head mmio_tables;
	gfn_t reclaim_gfn;
	struct slat_hist hold;
	struct slat_hist zap;
	struct slat_mmu_stats stats;
};

/* Fewest tables a VM can be capped to (KVM_MIN_ALLOC_MMU_PAGES). */
#define SLAT_MIN_TABLES		64

/* How many tables MMIO may use beside those that the slots need. */
#define SLAT_MMIO_TABLES	1024

/**
 * struct slat_table_cache - tables allocated ahead of a fault, by its owner
 * @nr: how many there are
 * @tables: the tables; a fault needs at most one per level below the root
 */
struct slat_table_cache {
	unsigned int nr;
	struct slat_table *tables[SLAT_ROOT_LEVEL - 1];
};

struct slat_map;

/**
 * struct slat_around - pages to map beside the one that faulted
 * @nr: how many; they follow it in the slot and in its table
 * @write: grant write
 * @host_writable: the slot allows write
 * @installed: out: bit i: @pfn[i] is mapped now
 * @pfn: host pages, all of which the host lets us write
 * @still_valid: as in struct slat_map, for that page and all of these
 */
struct slat_around {
	unsigned int nr;
	bool write;
	bool host_writable;
	u32 installed;
	kvm_pfn_t pfn[SLAT_AROUND_MAX];
	bool (*still_valid)(const struct slat_map *map);
};

/**
 * struct slat_map - a leaf to install
 * @slots: what @still_valid needs (struct slat_memslots)
 * @root: the slot set that the fault used; held by the reader section
 * @slot: the slot found in it; NULL for an MMIO entry
 * @gfn: guest page
 * @pfn: host page
 * @hva: its host address
 * @notify_seq: captured before the host was asked
 * @write: grant write
 * @host_writable: the host and the slot allow write, whether or not @write
 * @dirty_bitmap: of the slot, NULL if it does not log; written when W is granted
 * @dirty_bit: the bit of @gfn in it
 * @around: what else to install if the leaf is; NULL: nothing
 * @still_valid: asked under the mmu lock, just before the entry is written
 */
struct slat_map {
	struct slat_memslots *slots;
	const struct slat_slots_root *root;
	const struct slat_memslot *slot;
	gfn_t gfn;
	kvm_pfn_t pfn;
	hva_t hva;
	u64 notify_seq;
	bool write;
	bool host_writable;
	unsigned long *dirty_bitmap;
	u64 dirty_bit;
	struct slat_around *around;
	bool (*still_valid)(const struct slat_map *map);
};

enum slat_map_result {
	SLAT_MAP_INSTALLED,	/* the entry was written */
	SLAT_MAP_SPURIOUS,	/* the entry was already as good */
	SLAT_MAP_RETRY,		/* something changed: look everything up again */
	SLAT_MAP_NO_TABLE,	/* the cache ran out: top it up */
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
 * slat_mmu_destroy() - free all tables
 * @mmu: no vCPU uses it any more, no reader is inside a section
 */
void slat_mmu_destroy(struct slat_mmu *mmu);

/* Physical address of the top table, for the EPTP. */
u64 slat_mmu_root_pa(const struct slat_mmu *mmu);

/**
 * slat_mmu_set_max_tables() - cap the number of table pages
 * @mmu: the EPT
 * @max: cap, at least SLAT_MIN_TABLES
 *
 * Tables beyond a lowered cap are taken back before it returns.
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
 * slat_table_cache_topup() - allocate what one fault may need
 * @mmu: the EPT
 * @cache: the caller's cache
 *
 * Sleeps; called without locks. Takes tables back first when the VM is at its
 * cap, so the cap may be exceeded by what faults in flight hold.
 *
 * Return: 0 or -ENOMEM.
 */
int slat_table_cache_topup(struct slat_mmu *mmu, struct slat_table_cache *cache);

void slat_table_cache_free(struct slat_table_cache *cache);

/**
 * slat_mmu_map() - install a RAM leaf or upgrade its rights
 * @mmu: the EPT
 * @cache: topped up
 * @map: what to install
 *
 * Called inside the reader section in which @map was looked up. Never lowers
 * rights and never changes the pfn of a present leaf: a leaf that points
 * elsewhere is zapped and flushed, and the caller retries. Pages around it are
 * left out, and nothing is retried, where they may not be mapped.
 */
enum slat_map_result slat_mmu_map(struct slat_mmu *mmu,
				  struct slat_table_cache *cache,
				  const struct slat_map *map);

/**
 * slat_mmu_want_around() - how many pages behind a fault's are worth mapping too?
 * @mmu: the EPT
 * @gfn: page that faulted
 *
 * A hint: none unless the page before it is mapped, which tells a guest that goes
 * through its memory from one that jumps. Called inside a reader section, without
 * the mmu lock.
 *
 * Return: how many of the next pages of the same table are not mapped, in a row,
 * up to what the configuration allows.
 */
unsigned int slat_mmu_want_around(struct slat_mmu *mmu, gfn_t gfn);

/**
 * slat_mmu_make_writable() - give W back to a leaf that only the log took it from
 * @mmu: the EPT
 * @map: @slot, @gfn and the dirty bitmap filled in; @still_valid asks for the
 *	slot alone, since a leaf that is present is what the host still grants
 *
 * Called inside the reader section. Return: SLAT_MAP_NO_TABLE when there is no
 * such leaf: take the way over the host.
 */
enum slat_map_result slat_mmu_make_writable(struct slat_mmu *mmu,
					    const struct slat_map *map);

/**
 * slat_mmu_mark_mmio() - write an MMIO entry
 * @mmu: the EPT
 * @cache: topped up
 * @map: @slot NULL, @root the slot set in which no slot was found
 * @gen: its generation, settled
 *
 * Called inside the reader section. SLAT_MAP_RETRY means only that nothing was
 * written; the access is MMIO all the same.
 */
enum slat_map_result slat_mmu_mark_mmio(struct slat_mmu *mmu,
					struct slat_table_cache *cache,
					const struct slat_map *map, u64 gen);

/**
 * slat_mmu_lookup_mmio() - what is behind an EPT misconfiguration?
 * @mmu: the EPT
 * @gfn: guest page
 * @gen: generation of the current slot set, as read inside this section
 *
 * Called inside a reader section, without the mmu lock: tables seen here are
 * not freed before the section ends, and an entry is one word.
 */
enum slat_mmio_lookup slat_mmu_lookup_mmio(struct slat_mmu *mmu, gfn_t gfn,
					   u64 gen);

/**
 * struct slat_visit - a look at all entries of a range, a slice at a time
 * @end: first gfn behind the range
 * @visit: called for each entry that is not 0, tables before what is below them;
 *	@gfn is the first that the entry covers
 * @arg: for @visit
 * @budget: entries that may still be read in this slice
 */
struct slat_visit {
	gfn_t end;
	void (*visit)(struct slat_visit *v, gfn_t gfn, int level, u64 entry);
	void *arg;
	int budget;
};

/**
 * slat_mmu_visit() - one slice
 * @mmu: the EPT
 * @gfn: where to begin, or to go on
 * @v: the rest
 *
 * Called inside a reader section, without the mmu lock; the caller leaves the
 * section between slices, since updates wait for it. A table is visited when the
 * walk comes to its first gfn. A slice reads some thousand entries at most.
 *
 * Return: where to go on; at or behind @v->end when done.
 */
gfn_t slat_mmu_visit(struct slat_mmu *mmu, gfn_t gfn, struct slat_visit *v);

/**
 * struct slat_zap - how to zap, and what came of it
 * @why: for traces
 * @may_yield: the mmu lock may be dropped in between
 * @leafs: out: present leafs that were zapped
 * @yields: out: times the mmu lock was dropped
 */
struct slat_zap {
	enum slat_why why;
	bool may_yield;
	u64 leafs;
	u64 yields;
};

/**
 * struct slat_entry_view - where a page walk ends
 * @entry: the entry
 * @level: its level
 * @rights: EPT_R, EPT_W and EPT_X as all levels grant them
 * @broken: the entry is none that this module writes
 */
struct slat_entry_view {
	u64 entry;
	int level;
	u64 rights;
	bool broken;
};

/**
 * slat_mmu_read_entry() - look an entry up
 * @mmu: the EPT
 * @gfn: below SLAT_MAX_GFN
 * @view: result
 *
 * Called inside a reader section, without the mmu lock.
 */
void slat_mmu_read_entry(struct slat_mmu *mmu, gfn_t gfn, struct slat_entry_view *view);

/**
 * slat_mmu_zap_range() - make a range of gfns non-present, and flush
 * @mmu: the EPT
 * @start: first gfn
 * @end: first gfn behind the range
 * @zap: how, and what came of it
 *
 * When it returns no CPU can reach the host memory that was mapped. Takes the
 * mmu lock exclusive; MMIO entries in the range go too. Tables that lie wholly
 * in the range are unlinked with one write and retired.
 */
void slat_mmu_zap_range(struct slat_mmu *mmu, gfn_t start, gfn_t end,
			struct slat_zap *zap);

/**
 * slat_mmu_wrprot_range() - write-protect every leaf of a range, and flush
 * @mmu: the EPT
 * @start: first gfn
 * @end: first gfn behind the range
 *
 * Takes the mmu lock exclusive and may yield.
 *
 * Return: how many leafs lost W.
 */
u64 slat_mmu_wrprot_range(struct slat_mmu *mmu, gfn_t start, gfn_t end);

/**
 * struct slat_dirty_round - one collection of a slot's dirty bits
 * @base_gfn: gfn of bit 0
 * @npages: bits
 * @live: the bitmap that writers set bits in
 * @only: take only these bits; NULL: all
 * @strategy: how to protect
 * @taken: out: the bits taken from @live
 * @nr_taken: out: how many bits those are
 * @nr_protected: out: leafs that lost W
 * @nr_visited: out: leafs looked at
 * @spent: out: time of the protecting alone, in units of port_clock()
 */
struct slat_dirty_round {
	gfn_t base_gfn;
	u64 npages;
	unsigned long *live;
	const unsigned long *only;
	enum slat_wrprot strategy;
	unsigned long *taken;
	u64 nr_taken;
	u64 nr_protected;
	u64 nr_visited;
	u64 spent;
};

/* Words of a bitmap that a collection takes at once: one leaf table's worth. */
#define SLAT_COLLECT_WORDS	(SLAT_TABLE_ENTRIES / (8 * sizeof(unsigned long)))

static_assert(SLAT_COLLECT_WORDS == 8);

/*
 * Has none of the words [@from, @until) a bit, SLAT_COLLECT_WORDS at most? Most of
 * most logs is passed here: whole stretches are one expression without a loop.
 * Bare reads: a bit that is set meanwhile may be seen or not.
 */
static inline bool slat_words_are_zero(const unsigned long *words, u64 from, u64 until)
{
	const unsigned long *w = words + from;
	unsigned long any = 0;

	if (until - from == SLAT_COLLECT_WORDS)
		return !(READ_ONCE(w[0]) | READ_ONCE(w[1]) | READ_ONCE(w[2]) |
			 READ_ONCE(w[3]) | READ_ONCE(w[4]) | READ_ONCE(w[5]) |
			 READ_ONCE(w[6]) | READ_ONCE(w[7]));
	for (; from < until; from++)
		any |= READ_ONCE(words[from]);
	return !any;
}

/**
 * slat_mmu_collect_dirty() - take dirty bits and protect their pages, and flush
 * @mmu: the EPT
 * @round: what to take, and what came of it
 *
 * A bit is taken and its leaf protected in one exclusive section, and a fault
 * grants W and sets the bit in one shared section; so when it returns, each page
 * whose bit was taken traps its next write, or has its bit set again.
 * Takes the mmu lock exclusive and may yield.
 */
void slat_mmu_collect_dirty(struct slat_mmu *mmu,
			    struct slat_dirty_round *round);

/**
 * slat_mmu_zap_mmio() - remove every MMIO entry; RAM leafs stay
 * @mmu: the EPT
 *
 * Called by the slots while a change is in flux, before a wrapped generation
 * is published.
 */
void slat_mmu_zap_mmio(struct slat_mmu *mmu);

/**
 * slat_mmu_age_range() - were leafs of a range accessed?
 * @mmu: the EPT
 * @start: first gfn
 * @end: first gfn behind the range
 * @clear: clear the accessed bits, without a flush: a CPU with a cached
 *	translation may fail to set the bit again, which only makes the page look
 *	older than it is (the host's aging tolerates that)
 *
 * Without EPT A/D bits every present leaf counts as accessed.
 *
 * Return: true if any was.
 */
bool slat_mmu_age_range(struct slat_mmu *mmu, gfn_t start, gfn_t end,
			bool clear);

/**
 * slat_mmu_sync_faults() - wait for every fault that is inside the mmu lock
 * @mmu: the EPT
 *
 * After a new slot set was published: a fault that checked the old one under
 * the lock has written its entry when this returns, and no later one can.
 */
void slat_mmu_sync_faults(struct slat_mmu *mmu);

/**
 * slat_mmu_reclaim() - take table pages back
 * @mmu: the EPT
 * @nr: how many are wanted
 * @ram_too: when tables that hold only MMIO entries do not suffice, take
 *	tables of RAM as well (the guest will fault on them again)
 *
 * Always legal; takes the mmu lock exclusive. Return: how many were unlinked.
 */
u64 slat_mmu_reclaim(struct slat_mmu *mmu, u64 nr, bool ram_too);

/* How many tables slat_mmu_reclaim() could take without touching RAM, about. */
u64 slat_mmu_reclaimable(struct slat_mmu *mmu);

/**
 * struct slat_verify_report - what slat_mmu_verify() counted
 * @leafs: present leafs
 * @mmio: MMIO entries
 * @tables: linked tables, the root included
 */
struct slat_verify_report {
	u64 leafs;
	u64 mmio;
	u64 tables;
};

/**
 * slat_mmu_verify() - check the whole tree (debug builds and tests)
 * @mmu: the EPT
 * @leaf_ok: asked for each present leaf; may be NULL
 * @arg: its argument
 * @report: counts; may be NULL
 *
 * Takes the mmu lock exclusive for the whole walk.
 *
 * Return: NULL, or a sentence that says which invariant is broken.
 */
const char *slat_mmu_verify(struct slat_mmu *mmu,
			    bool (*leaf_ok)(void *arg, gfn_t gfn, u64 entry),
			    void *arg, struct slat_verify_report *report);

#endif
