/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory slots: immutable sets, published by one pointer store.
 *
 * All slots of a VM at one moment are one immutable object (struct
 * slat_slots_root) with the generation that belongs to exactly this set. A
 * reader loads the pointer once inside a reader section and then works on a
 * snapshot that cannot change. An update builds a new set, publishes it, and
 * the old one is freed when no reader can hold it (see mmu/epoch.h).
 *
 * Builds in the kernel and in user space: the core's gate and the base ABI are
 * its only includes.
 */
#ifndef SLAT_MEMSLOTS_H
#define SLAT_MEMSLOTS_H

#include <linux/kvm.h>

#include "fault_counts.h"
#include "mmu/epoch.h"
#include "mmu/hist.h"
#include "mmu/mmu.h"
#include "mmu/notify.h"
#include "mmu/policy.h"
#include "reject.h"

/* As KVM's: SHRT_MAX less the private slots, of which there are none here. */
#define SLAT_NR_MEMSLOTS	32764
#define SLAT_MAX_SLOT_PAGES	((1ULL << 31) - 1)

struct slat_dirty_log;
struct slat_tree_node;

/**
 * struct slat_slot_state - what a slot keeps while its object is exchanged
 * @refs: slot objects that share it, and vCPUs that count for it
 * @faults: faults that vCPUs no longer keep; under slat_memslots.counters_lock
 * @zapped: leafs zapped by moves and by changes of the host
 * @policy: how its pages are protected again; under slots_lock, as the rest
 * @wrprot_leafs: leafs write-protected for the log
 * @wrprot_spent: time that took, in units of port_clock()
 * @rounds: collections of dirty bits, by strategy
 * @dirty_reported: pages whose bit was collected
 * @dirty_since: port_clock() at the last collection, or when the log began
 *
 * It begins with CREATE and ends with DELETE; changes of flags and MOVE hand it
 * on to the new object.
 */
struct slat_slot_state {
	atomic64_t refs;
	struct slat_fault_counts faults;
	atomic64_t zapped;
	enum slat_wrprot_policy policy;
	u64 wrprot_leafs;
	u64 wrprot_spent;
	u64 rounds[SLAT_NR_WRPROT];
	u64 dirty_reported;
	u64 dirty_since;
};

struct slat_slot_state *slat_slot_state_get(struct slat_slot_state *state);

/* The last one frees it; may be called where nobody may sleep. */
void slat_slot_state_put(struct slat_slot_state *state);

/**
 * struct slat_memslot - one slot; immutable. Any change makes a new object.
 * @base_gfn: first guest page
 * @npages: length
 * @hva: host address of the first page
 * @id: the client's number for it
 * @flags: KVM_MEM_*
 * @state: what changes while the slot stays the same; holds a reference
 * @log: its dirty log, NULL unless KVM_MEM_LOG_DIRTY_PAGES; holds a reference
 * @invalid: stands in for a slot that is being deleted or moved: faults retry
 * @retired: to free it after the last reader
 */
struct slat_memslot {
	gfn_t base_gfn;
	u64 npages;
	hva_t hva;
	u32 id;
	u32 flags;
	struct slat_slot_state *state;
	struct slat_dirty_log *log;
	bool invalid;
	struct slat_retired retired;
};

/**
 * struct slat_slots_root - all slots at one moment; immutable
 * @generation: of this set; bit 63 while a change is in flux
 * @nr: number of slots
 * @by_gfn: the slots by base_gfn; a reference
 * @retired: to free it after the last reader
 */
struct slat_slots_root {
	u64 generation;
	u32 nr;
	struct slat_tree_node *by_gfn;
	struct slat_retired retired;
};

/**
 * struct slat_memslots_config - const after init
 * @nr_max: how many slots a VM may have
 * @max_gfn: slots must end at or below this gfn
 * @first_generation: generation of the empty set (a debug knob; 0 normally)
 * @policy: how dirty pages are protected where neither slot nor VM says
 */
struct slat_memslots_config {
	u32 nr_max;
	gfn_t max_gfn;
	u64 first_generation;
	enum slat_wrprot_policy policy;
};

/**
 * struct slat_memslots - the slots of one VM
 * @root: the current set; published with release, read inside a section
 * @lock: slots_lock, serialises updates; outermost lock
 * @npages: pages in all slots; under @lock
 * @by_id: the slots of the last complete set by id, NULL where there is none;
 *	under @lock
 * @nr_ids: length of @by_id
 * @config: limits
 * @mmu: the EPT that the slots rule
 * @notify: host changes in progress
 * @manual_protect: KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE and
 *	KVM_DIRTY_LOG_INITIALLY_SET as the client enabled them; under @lock
 * @policy: who chooses how dirty pages are protected, for slots that do not say;
 *	under @lock
 * @costs: what the automatic policy has learned; under @lock
 * @changes: how long changes took, but for allocating; under @lock
 * @index_lock: leaf lock; protects @index
 * @index: slots by hva, for host changes
 * @counters_lock: leaf lock; protects @counters, see fault_counts.h
 * @counters: what vCPUs have counted by slot
 */
struct slat_memslots {
	struct slat_slots_root *root;
	port_mutex_t lock;
	u64 npages;
	struct slat_memslot **by_id;
	u32 nr_ids;
	struct slat_memslots_config config;
	struct slat_mmu *mmu;
	struct slat_notify notify;
	u64 manual_protect;
	enum slat_wrprot_policy policy;
	struct slat_wrprot_costs costs;
	struct slat_hist changes;
	port_rwlock_t index_lock;
	struct slat_tree_node *index;
	port_spinlock_t counters_lock;
	struct list_head counters;
};

/**
 * slat_memslots_init() - the empty set
 * @slots: zeroed memory
 * @mmu: the EPT, initialised
 * @config: limits
 *
 * Return: 0 or -ENOMEM.
 */
int slat_memslots_init(struct slat_memslots *slots, struct slat_mmu *mmu,
		       const struct slat_memslots_config *config);

/* Free everything; no reader is left and the EPT is no longer used. */
void slat_memslots_destroy(struct slat_memslots *slots);

/**
 * slat_memslots_set_region() - KVM_SET_USER_MEMORY_REGION
 * @slots: the VM's slots
 * @region: a private copy of the client's request
 * @why: filled in with -EINVAL and -EEXIST; may be NULL
 *
 * Creates, deletes, moves a slot or changes its flags, as KVM does. DELETE and
 * MOVE return when nothing of the old range is reachable: by a vCPU, by a fault
 * in flight or by kernel code that serves one. CREATE waits for nobody. Called
 * outside any reader section, without locks.
 *
 * Return: 0;
 * -EINVAL: an unknown flag, an address or size that is not page aligned, a
 *	size of 0 for a slot that does not exist, an id at or above the limit, a
 *	guest or host range that wraps or is out of bounds, or a change of size,
 *	host address or READONLY of a live slot;
 * -EEXIST: the guest range overlaps another slot;
 * -ENOMEM. On error nothing has changed.
 */
int slat_memslots_set_region(struct slat_memslots *slots,
			     const struct kvm_userspace_memory_region *region,
			     struct slat_reject *why);

/* The current set; the caller is inside a reader section. */
static inline const struct slat_slots_root *
slat_memslots_read(const struct slat_memslots *slots)
{
	/* Pairs with the release in the publisher: the set is complete. */
	return smp_load_acquire(&slots->root);
}

/* The slot that contains @gfn in set @root, or NULL. May be invalid. */
const struct slat_memslot *slat_slots_find(const struct slat_slots_root *root,
					   gfn_t gfn);

/* The slot with number @id, or NULL; slots_lock is held. */
const struct slat_memslot *slat_memslots_find_id(const struct slat_memslots *slots,
						 u32 id);

/* The policy for the dirty log of @slot, NULL: of slots that do not say. slots_lock is held. */
enum slat_wrprot_policy slat_memslots_policy(const struct slat_memslots *slots,
					     const struct slat_memslot *slot);

static inline hva_t slat_memslot_hva(const struct slat_memslot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << SLAT_PAGE_SHIFT);
}

/**
 * slat_memslots_invalidate_begin() - the host is about to change a range
 * @slots: the VM's slots
 * @start: first host address
 * @end: first host address behind the range
 * @may_block: the caller may sleep
 *
 * Zaps every guest mapping of the range. When it returns no CPU can reach it
 * and no fault can map it until slat_memslots_invalidate_end().
 *
 * Return: true if anything was mapped.
 */
bool slat_memslots_invalidate_begin(struct slat_memslots *slots, hva_t start,
				    hva_t end, bool may_block);
void slat_memslots_invalidate_end(struct slat_memslots *slots);

/* Was guest memory in the host range accessed? See slat_mmu_age_range(). */
bool slat_memslots_age(struct slat_memslots *slots, hva_t start, hva_t end,
		       bool clear);

#endif
