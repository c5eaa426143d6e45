/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One VM on the fake machine: the core under test, vCPUs that touch guest
 * memory through lying TLBs, a host that changes pages, the flat model beside
 * it, and the checks that hold at every write and at every quiet moment.
 */
#ifndef SLAT_WORLD_H
#define SLAT_WORLD_H

#include "slots/dirty_log.h"
#include "flat.h"
#include "host.h"
#include "machine.h"
#include "mmu/query.h"
#include "mmu/reclaim.h"
#include "mmu/verify.h"
#include "mmu/zap.h"
#include "slots/pagefault.h"
#include "tap.h"

#define WORLD_VCPUS	4

/**
 * struct world_options - how the VM is made
 * @gen_bits: generation bits in an MMIO entry
 * @first_generation: of the empty slot set
 * @nr_slots: most slots
 * @vcpus: how many
 * @accessed_dirty: hardware sets A and D
 * @around: pages that a fault may map beside its own
 * @manual_protect: the client clears the dirty log itself
 * @initially_set: and a new log is all ones
 */
struct world_options {
	unsigned int gen_bits;
	u64 first_generation;
	unsigned int nr_slots;
	unsigned int vcpus;
	bool accessed_dirty;
	unsigned int around;
	bool manual_protect;
	bool initially_set;
};

/**
 * struct vcpu - one vCPU, which stays on the physical CPU of its number
 * @inside: in a reader section
 * @entered_at: scheduling point at which it entered
 */
struct vcpu {
	int cpu;
	struct slat_reader reader;
	struct slat_fault_context context;
	bool inside;
	u64 entered_at;
};

/* One slot change, or access to a dirty log, in flight by some task. */
struct world_op {
	bool active;
	bool log;
	bool locked;
	bool applied;
	unsigned long *words;
	u64 first;
	u64 npages;
	const struct slat_slots_root *root;
	u64 began_at;
	u64 published_at;
	u64 sleeps;
	u64 failed;
	struct kvm_userspace_memory_region region;
	struct flat_change change;
};

struct world {
	struct world_options options;
	struct slat_epochs epochs;
	struct slat_mmu mmu;
	struct slat_memslots slots;
	struct vcpu vcpus[WORLD_VCPUS];
	struct flat flat;
	struct world_op ops[SIM_MAX_TASKS];
	unsigned int reclaiming;
	unsigned int ageing;
	bool closing;
	bool worst;		/* a CPU prefers what denies the access */
	u64 retries;		/* faults that were to be retried */
	u64 exits;		/* faults */
};

extern struct world world;

/* Make the VM; the scheduler must have been reset. */
void world_open(const struct world_options *options);
/* sim_reset(), machine_reset() and world_open() at once; NULL: the usual. */
void world_begin(u64 seed, const struct sim_plan *plan,
		 const struct world_options *options);
/* Destroy the VM; nothing may be left. */
void world_close(void);
/* Let all tasks end, check everything, destroy. */
void world_end(void);

/* The ioctl; checks its errno and all that it promises. */
int world_set_region(u32 id, gfn_t base, u64 npages, hva_t hva, u32 flags);
int world_region(const struct kvm_userspace_memory_region *region);
void world_must_set(u32 id, gfn_t base, u64 npages, hva_t hva, u32 flags);
void world_delete(u32 id);

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };
enum touch_result { TOUCH_RAM, TOUCH_MMIO, TOUCH_ERROR };

/**
 * struct touch - what became of a guest access
 * @result: how it ended
 * @entry: the leaf that was used, with TOUCH_RAM
 * @error: -errno, with TOUCH_ERROR
 * @exits: faults that it took
 * @retries: those of them that came back as SLAT_FAULT_RETRY
 * @lost: the page for which a signal came, which ends a retry: -EINTR
 */
struct touch {
	enum touch_result result;
	u64 entry;
	int error;
	unsigned int exits;
	unsigned int retries;
	hva_t lost;
};

struct touch guest_touch(struct vcpu *vcpu, gfn_t gfn, enum access access);
/* The same and the result must be as said. */
void guest_must(struct vcpu *vcpu, gfn_t gfn, enum access access,
		enum touch_result result);
/* One fault, in a section of its own. */
enum slat_fault_result guest_fault(struct vcpu *vcpu, gfn_t gfn, u64 entry,
				   enum access access);
void vcpu_enter(struct vcpu *vcpu);
void vcpu_leave(struct vcpu *vcpu);

/* world_dirty.c */
int world_get_dirty(u32 id, bool bad_buffer);
/* CLEAR of the bits of @pattern in each word; 0: a bad buffer. */
int world_clear_dirty(u32 id, u64 first, u64 npages, u64 pattern);
void world_kernel_write(struct vcpu *vcpu, gfn_t gfn);
/* slots_lock is about to be released by a GET (@npages ~0) or a CLEAR. */
void dirty_log_ends(const struct world_op *op);
void dirty_reset(void);
void dirty_write_begin(gfn_t gfn);
void dirty_write_end(gfn_t gfn, bool wrote);
void dirty_change_begins(const struct flat_change *change);
void dirty_change_applies(const struct flat_change *change);
void dirty_change_ended(const struct flat_change *change);
void dirty_check_leaf(gfn_t gfn, u64 entry);

u64 world_reclaim(u64 nr, bool ram_too);
/* The host asks whether pages [@page, @page + @nr) were used; as clear_flush_young(). */
bool world_age(u64 page, u64 nr, bool clear);

/* What has been counted up to now. */
struct slat_mmu_stats world_stats(void);
/* Faults on the slot with number @id, which is there. */
struct slat_fault_counts world_slot_faults(u32 id);

/* world_check.c */
bool world_leaf_is_legal(gfn_t gfn, u64 entry, const char **why);
/* Checks for any moment at which no slot change is in flight. */
void world_check_settled(void);
/* Checks for a moment at which nothing at all is in flight. */
void world_check(void);

/* What holds in every tree of slots; returns the number of ranges. */
u64 tree_check(const struct slat_tree_node *tree);

/* The slot with number @id of the last complete set, or NULL. */
const struct slat_memslot *world_slot(u32 id);
void world_watch(void);
/* Slot changes that touched @gfn ended at or after @since, or are in flight. */
bool world_slot_changed(gfn_t gfn, u64 since);
/*
 * Was there a settled set without a slot at @gfn, since @since? A slot that moves
 * and covers @gfn before and after is there all the time.
 */
bool world_had_no_slot(gfn_t gfn, u64 since);
/* Slot changes as above, but only those that delete or move. */
bool world_slot_moved(gfn_t gfn, u64 since);
void world_op_done(const struct world_op *op);
/* Linked present leafs in a range. */
u64 world_leafs(gfn_t start, gfn_t end);
/* The entry that a page walk finds for @gfn. */
u64 world_entry(gfn_t gfn);

/* Guest pages that tests like: around the edges of tables of all levels. */
extern const gfn_t world_gfns[];
extern const unsigned int world_nr_gfns;

static inline hva_t hva_of(u64 page)
{
	return HOST_BASE + page * SLAT_PAGE_SIZE;
}

#endif
