// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: validation, publication, and the order of things in an update.
 * Called by the VM's ioctl and by the mmu_notifier; takes slots_lock itself.
 *
 * What each change does, in order (G is the generation before it):
 *
 *            publish            then                      publish   wait
 *  CREATE    -                  hva index with the slot   G+1       none
 *  FLAGS     -                  (then protect, for a log) G+1       none
 *  DELETE    INVALID, G|flux    zap + flush, wait for     G+1       readers of
 *  MOVE      INVALID, G|flux    readers, new hva index    G+1       the old set
 *  a wrap    same set, G|flux   zap MMIO entries          G+1       none
 *
 * A fault re-checks its slot under the mmu lock (pagefault.c), so once INVALID
 * is published and the mmu lock was held exclusive, no leaf of the old slot can
 * appear any more. The readers that DELETE and MOVE wait for are those that may
 * still touch the old host range itself: an emulated access, a page being
 * faulted in.
 */
#include "memslots.h"
#include "hva_index.h"
#include "mmu/age.h"
#include "mmu/dirty.h"
#include "mmu/events.h"
#include "mmu/reclaim.h"
#include "mmu/zap.h"
#include "pagefault.h"
#include "set.h"

/**
 * struct change - one update, from validation to publication
 * @old: the slot that goes or changes, NULL for CREATE
 * @new: the slot that comes, NULL for DELETE
 * @invalid: stands in for @old while it goes; NULL for CREATE and FLAGS_ONLY
 * @flux: the set with @invalid, or the unchanged set before a wrap
 * @final: the set to be
 * @index: the hva index to be, if @moves
 * @moves: host ranges change: all but FLAGS
 * @id: of the slot
 * @zap: how @old was zapped
 * @began: for slat_slot_change, when slots_lock was taken
 * @wait_ns: for slat_slot_change
 */
struct change {
	struct slat_memslot *old;
	struct slat_memslot *new;
	struct slat_memslot *invalid;
	struct slat_slots_root *flux;
	struct slat_slots_root *final;
	struct slat_tree_node *index;
	bool moves;
	u32 id;
	struct slat_zap zap;
	u64 began;
	u64 wait_ns;
};

/*
 * Publish @root: from here on new readers see it. The store is a release so
 * that they see a complete set; the old set stays with the caller.
 */
static void root_publish(struct slat_memslots *slots, struct slat_slots_root *root)
{
	port_assert_mutex(&slots->lock);
	/* Pairs with slat_memslots_read(). */
	smp_store_release(&slots->root, root);
}

static void index_publish(struct slat_memslots *slots,
			  struct slat_tree_node *index)
{
	struct slat_tree_node *old;

	port_write_lock(&slots->index_lock);
	old = slots->index;
	slots->index = index;
	port_write_unlock(&slots->index_lock);
	slat_tree_put(old);
}

int slat_memslots_init(struct slat_memslots *slots, struct slat_mmu *mmu,
		       const struct slat_memslots_config *config)
{
	slots->root = slat_slots_root_create(config->first_generation &
					     ~SLAT_GEN_IN_FLUX);
	if (!slots->root)
		return -ENOMEM;
	slots->config = *config;
	slots->policy = SLAT_POLICY_INHERIT;
	slots->mmu = mmu;
	slat_mmu_set_slots(mmu, &slat_fault_recheck, slots);
	slat_notify_init(&slots->notify);
	port_mutex_init(&slots->lock);
	port_rwlock_init(&slots->index_lock);
	port_spin_init(&slots->counters_lock);
	INIT_LIST_HEAD(&slots->counters);
	return 0;
}

void slat_memslots_destroy(struct slat_memslots *slots)
{
	u32 i;

	for (i = 0; i < slots->nr_ids; i++)
		slat_memslot_free(slots->by_id[i]);
	port_free(slots->by_id);
	slat_slots_root_free(slots->root);
	slat_tree_put(slots->index);
}

const struct slat_memslot *slat_memslots_find_id(const struct slat_memslots *slots,
						 u32 id)
{
	port_assert_mutex(&slots->lock);
	return id < slots->nr_ids ? slots->by_id[id] : NULL;
}

enum slat_wrprot_policy slat_memslots_policy(const struct slat_memslots *slots,
					     const struct slat_memslot *slot)
{
	enum slat_wrprot_policy above =
		slat_policy_effective(slots->policy, slots->config.policy);

	port_assert_mutex(&slots->lock);
	return slot ? slat_policy_effective(slot->state->policy, above) : above;
}

/* Make room for @id: at least twice what there was, so that it is rare. */
static int ids_grow(struct slat_memslots *slots, u32 id)
{
	u32 nr = min(max(id + 1, 2 * slots->nr_ids), slots->config.nr_max);
	struct slat_memslot **by_id, **old = slots->by_id;

	if (id < slots->nr_ids)
		return 0;
	by_id = port_alloc(nr * sizeof(by_id[0]));
	if (!by_id)
		return -ENOMEM;
	if (old)
		memcpy(by_id, old, slots->nr_ids * sizeof(by_id[0]));
	slots->by_id = by_id;
	slots->nr_ids = nr;
	port_free(old);
	return 0;
}

#define REGION_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

static int region_check_aligned(const struct kvm_userspace_memory_region *r,
				struct slat_reject *why)
{
	const u64 page = SLAT_PAGE_SIZE;

	if (r->memory_size % page)
		return slat_reject(why, -EINVAL, SLAT_CHECK_SIZE_ALIGN, r->memory_size, page);
	if (r->guest_phys_addr % page)
		return slat_reject(why, -EINVAL, SLAT_CHECK_GPA_ALIGN, r->guest_phys_addr, page);
	if (r->userspace_addr % page)
		return slat_reject(why, -EINVAL, SLAT_CHECK_HVA_ALIGN, r->userspace_addr, page);
	return 0;
}

/* Everything that can be said about a request without knowing the slots. */
static int region_check(const struct slat_memslots *slots,
			const struct kvm_userspace_memory_region *r,
			struct slat_reject *why)
{
	int err;

	if (r->flags & ~REGION_FLAGS)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, r->flags, REGION_FLAGS);
	err = region_check_aligned(r, why);
	if (err)
		return err;
	if (!port_user_range_ok(r->userspace_addr, r->memory_size))
		return slat_reject(why, -EINVAL, SLAT_CHECK_HVA_RANGE, r->userspace_addr,
				   r->memory_size);
	/* The upper half of the id is an address space: there is one. */
	if (r->slot >= slots->config.nr_max)
		return slat_reject(why, -EINVAL, SLAT_CHECK_SLOT_ID, r->slot,
				   slots->config.nr_max - 1);
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr)
		return slat_reject(why, -EINVAL, SLAT_CHECK_GPA_WRAP, r->guest_phys_addr,
				   r->memory_size);
	if (r->memory_size >> SLAT_PAGE_SHIFT > SLAT_MAX_SLOT_PAGES)
		return slat_reject(why, -EINVAL, SLAT_CHECK_SLOT_SIZE, r->memory_size,
				   SLAT_MAX_SLOT_PAGES << SLAT_PAGE_SHIFT);
	return 0;
}

enum change_kind {
	CHANGE_NONE,
	CHANGE_CREATE,
	CHANGE_DELETE,
	CHANGE_MOVE,
	CHANGE_FLAGS,
};

/* What a live slot can't change. */
static int change_check_old(const struct kvm_userspace_memory_region *r,
			    const struct slat_memslot *old, struct slat_reject *why)
{
	if (r->userspace_addr != old->hva)
		return slat_reject(why, -EINVAL, SLAT_CHECK_HVA_CHANGED, r->userspace_addr,
				   old->hva);
	if (r->memory_size >> SLAT_PAGE_SHIFT != old->npages)
		return slat_reject(why, -EINVAL, SLAT_CHECK_SIZE_CHANGED, r->memory_size,
				   old->npages << SLAT_PAGE_SHIFT);
	if ((r->flags ^ old->flags) & KVM_MEM_READONLY)
		return slat_reject(why, -EINVAL, SLAT_CHECK_READONLY_CHANGED, r->flags,
				   old->flags);
	return 0;
}

static int reject_overlap(struct slat_reject *why,
			  const struct kvm_userspace_memory_region *r,
			  const struct slat_memslot *other)
{
	if (why) {
		why->other = other->id;
		why->other_gpa = other->base_gfn << SLAT_PAGE_SHIFT;
		why->other_size = other->npages << SLAT_PAGE_SHIFT;
	}
	return slat_reject(why, -EEXIST, SLAT_CHECK_OVERLAP, r->guest_phys_addr, r->memory_size);
}

/* Which change is asked for, and is it legal? Returns the kind or -errno. */
static int change_kind(const struct slat_memslots *slots,
		       const struct kvm_userspace_memory_region *r,
		       const struct slat_memslot *old, struct slat_reject *why)
{
	u64 npages = r->memory_size >> SLAT_PAGE_SHIFT;
	gfn_t base_gfn = r->guest_phys_addr >> SLAT_PAGE_SHIFT;
	const struct slat_memslot *other;
	int kind = CHANGE_CREATE;

	if (!npages)
		return old ? CHANGE_DELETE :
			     slat_reject(why, -EINVAL, SLAT_CHECK_NO_SLOT, r->slot, 0);
	if (old) {
		int err = change_check_old(r, old, why);

		if (err)
			return err;
		if (base_gfn == old->base_gfn)
			return r->flags == old->flags ? CHANGE_NONE :
							CHANGE_FLAGS;
		kind = CHANGE_MOVE;
	}
	other = slat_slots_overlap(slots->root, base_gfn, base_gfn + npages, old);
	if (other)
		return reject_overlap(why, r, other);
	if (base_gfn + npages > slots->config.max_gfn)
		return slat_reject(why, -EINVAL, SLAT_CHECK_GPA_LIMIT,
				   r->guest_phys_addr + r->memory_size,
				   slots->config.max_gfn << SLAT_PAGE_SHIFT);
	return kind;
}

static void change_free(struct change *change)
{
	slat_memslot_free(change->new);
	slat_memslot_free(change->invalid);
	slat_slots_root_free(change->flux);
	slat_slots_root_free(change->final);
	slat_tree_put(change->index);
}

/* Does a new log begin with every page dirty? */
static bool slots_log_all_set(const struct slat_memslots *slots)
{
	return slots->manual_protect & KVM_DIRTY_LOG_INITIALLY_SET;
}

/* Allocate all that @change needs, so that nothing can fail once it is seen. */
static int change_prepare(struct slat_memslots *slots, struct change *change,
			  const struct kvm_userspace_memory_region *r, int kind)
{
	const struct slat_slots_root *root = slots->root;
	u64 next = slat_gen_next(root->generation);
	u64 flux = root->generation | SLAT_GEN_IN_FLUX;
	bool goes = kind == CHANGE_DELETE || kind == CHANGE_MOVE;

	if (kind != CHANGE_DELETE) {
		change->new = slat_memslot_create(r, change->old,
						  slots_log_all_set(slots));
		if (!change->new)
			return -ENOMEM;
	}
	if (goes) {
		change->invalid = slat_memslot_create_invalid(change->old);
		if (!change->invalid)
			return -ENOMEM;
	}
	if (goes || slat_gen_wraps(&slots->mmu->config.layout, next)) {
		change->flux = slat_slots_root_replace(root,
						       goes ? change->old : NULL,
						       change->invalid, flux);
		if (!change->flux)
			return -ENOMEM;
	}
	change->final = slat_slots_root_replace(root, change->old, change->new,
						next);
	if (!change->final)
		return -ENOMEM;
	change->moves = kind != CHANGE_FLAGS;
	if (change->moves &&
	    slat_hva_index_replace(slots->index, change->old, change->new,
				   &change->index))
		return -ENOMEM;
	return ids_grow(slots, r->slot);
}

static void change_wait(struct change *change, struct slat_epochs *epochs, u64 epoch)
{
	u64 began = slat_trace_began(slat_slot_change);

	slat_epoch_wait(epochs, epoch);
	if (port_trace_on(slat_slot_change))
		change->wait_ns = slat_trace_since(began);
}

/*
 * Publish that the change is in flux; for a slot that goes, make it
 * unreachable. Nobody sleeps under slots_lock but readers that need no lock of
 * ours to go on, so the wait ends.
 */
static void change_begin(struct slat_memslots *slots, struct change *change)
{
	struct slat_mmu *mmu = slots->mmu;
	const struct slat_memslot *old = change->old;
	u64 epoch;

	root_publish(slots, change->flux);
	epoch = slat_epoch_advance(mmu->epochs);
	if (change->invalid) {
		slat_mmu_zap_range(mmu, old->base_gfn,
				   old->base_gfn + old->npages, &change->zap);
		atomic64_add(change->zap.leafs, &old->state->zapped);
		change_wait(change, mmu->epochs, epoch);
	}
	if (slat_gen_wraps(&mmu->config.layout, change->final->generation))
		slat_mmu_zap_mmio(mmu);
}

/*
 * Is there something mapped writable that a new log must trap? Not when every
 * page begins dirty: then CLEAR protects. Not for a slot that moves: it was
 * zapped.
 */
static bool change_starts_log(const struct slat_memslots *slots,
			      const struct change *change)
{
	return change->old && change->new && !change->invalid &&
	       change->new->log && !slots_log_all_set(slots);
}

/* A new log begins: what is mapped writable loses its W. */
static void change_protect(struct slat_memslots *slots, const struct change *change)
{
	const struct slat_memslot *slot = change->new;
	u64 pages, spent, began = port_clock();

	pages = slat_mmu_wrprot_range(slots->mmu, slot->base_gfn,
				      slot->base_gfn + slot->npages);
	spent = port_clock() - began;
	slot->state->wrprot_leafs += pages;
	slot->state->wrprot_spent += spent;
	if (port_trace_on(slat_wrprot)) {
		const struct slat_ev_wrprot ev = {
			.vm = slots->mmu->config.id,
			.slot = change->id,
			.policy = slat_memslots_policy(slots, slot),
			.by = SLAT_PROTECTED_RANGE,
			.cost = spent,
			.visited = slot->npages,
			.pages = pages,
		};

		slat_trace_wrprot(&ev);
	}
}

static enum slat_slot_op change_op(const struct change *change)
{
	if (!change->old)
		return SLAT_SLOT_CREATE;
	if (!change->new)
		return SLAT_SLOT_DELETE;
	return change->invalid ? SLAT_SLOT_MOVE : SLAT_SLOT_FLAGS;
}

/* Before the old slot is retired. */
static void change_trace(const struct slat_memslots *slots, const struct change *change,
			 u64 old_gen)
{
	const struct slat_memslot *slot = change->new ? change->new : change->old;
	const struct slat_ev_slot_change ev = {
		.vm = slots->mmu->config.id,
		.op = change_op(change),
		.id = change->id,
		.flags = slot->flags,
		.base_gfn = slot->base_gfn,
		.npages = slot->npages,
		.old_gen = old_gen,
		.new_gen = change->final->generation,
		.zapped = change->zap.leafs,
		.yields = change->zap.yields,
		.wait_ns = change->wait_ns,
		.ns = slat_trace_since(change->began),
	};

	slat_trace_slot_change(&ev);
}

/* Publish the result and retire what it replaces. */
static void change_finish(struct slat_memslots *slots, struct change *change,
			  struct slat_slots_root *before)
{
	struct slat_epochs *epochs = slots->mmu->epochs;

	/* A slot is known to the notifier before the first fault can see it. */
	if (change->moves)
		index_publish(slots, change->index);
	root_publish(slots, change->final);
	/* A fault that checked the old set has written its entry after this. */
	slat_mmu_sync_faults(slots->mmu);
	if (change->new && change->new->log && !(change->old && change->old->log))
		change->new->state->dirty_since = port_clock();
	if (change_starts_log(slots, change))
		change_protect(slots, change);
	if (port_trace_on(slat_slot_change))
		change_trace(slots, change, before->generation);

	slat_slots_root_retire(epochs, before);
	slat_slots_root_retire(epochs, change->flux);
	slat_memslot_retire(epochs, change->old);
	slat_memslot_retire(epochs, change->invalid);
	slots->by_id[change->id] = change->new;
}

static void change_commit(struct slat_memslots *slots, struct change *change)
{
	struct slat_slots_root *before = slots->root;
	u64 began = port_clock();

	if (change->new)
		slots->npages += change->new->npages;
	if (change->old)
		slots->npages -= change->old->npages;
	if (change->flux)
		change_begin(slots, change);
	/* Room for the new slot's tables before its first fault. */
	slat_mmu_size_cap(slots->mmu, slots->npages, change->final->nr);
	change_finish(slots, change, before);
	slat_hist_add(&slots->changes, port_clock() - began);
}

/*
 * What CREATE and flags may leave to sleeping readers, who keep it as long as the client
 * lets them sleep. Far more than a client that changes its slots now and then ever does,
 * beside the logs of all its slots thrown away a few times over (a quarter of a byte a
 * page each).
 */
#define CHANGES_RETIRED_MAX	(64ULL << 20)
#define CHANGES_RETIRED_PER_PAGE	1

/*
 * DELETE and MOVE wait for those who sleep inside the old set, so nothing piles up. The
 * others wait for nobody: a client that goes on in a loop is told that it has no memory,
 * before anything has changed.
 */
static bool change_has_room(const struct slat_memslots *slots, int kind)
{
	u64 max = CHANGES_RETIRED_MAX + slots->npages * CHANGES_RETIRED_PER_PAGE;
	struct slat_epochs *epochs = slots->mmu->epochs;

	if (kind == CHANGE_DELETE || kind == CHANGE_MOVE ||
	    READ_ONCE(epochs->retired_bytes) <= max)
		return true;
	slat_epoch_reap(epochs);
	return READ_ONCE(epochs->retired_bytes) <= max;
}

int slat_memslots_set_region(struct slat_memslots *slots,
			     const struct kvm_userspace_memory_region *region,
			     struct slat_reject *why)
{
	struct change change = {
		.id = region->slot,
		.zap = { .why = SLAT_WHY_SLOT, .may_yield = true },
	};
	int kind, err;

	if (why)
		why->slot = region->slot;
	err = region_check(slots, region, why);
	if (err)
		return err;

	port_mutex_lock(&slots->lock);
	change.began = slat_trace_began(slat_slot_change);
	change.old = (struct slat_memslot *)
		slat_memslots_find_id(slots, region->slot);
	kind = change_kind(slots, region, change.old, why);
	if (kind > CHANGE_NONE) {
		err = change_has_room(slots, kind) ?
		      change_prepare(slots, &change, region, kind) : -ENOMEM;
		if (err)
			change_free(&change);
		else
			change_commit(slots, &change);
		slat_epoch_reap(slots->mmu->epochs);
	}
	port_mutex_unlock(&slots->lock);
	return kind < 0 ? kind : err;
}

/* What to do with each part of a host range that slots map. */
struct hva_visitor {
	bool (*visit)(struct slat_mmu *mmu, const struct slat_hva_walk *part, bool flag);
	bool flag;
};

static bool hva_zap(struct slat_mmu *mmu, const struct slat_hva_walk *part, bool may_block)
{
	struct slat_zap zap = { .why = SLAT_WHY_NOTIFIER, .may_yield = may_block };

	slat_mmu_zap_range(mmu, part->first, part->last, &zap);
	atomic64_add(zap.leafs, &part->state->zapped);
	return zap.leafs;
}

static bool hva_age(struct slat_mmu *mmu, const struct slat_hva_walk *part, bool clear)
{
	return slat_mmu_age_range(mmu, part->first, part->last, clear);
}

/*
 * The index lock is dropped for each visit: a slot deleted meanwhile has been
 * zapped by the deletion, and one created or moved meanwhile is kept from
 * mapping the range by the raised notify.
 */
static bool slots_visit_hva(struct slat_memslots *slots, hva_t start, hva_t end,
			    const struct hva_visitor *visitor)
{
	struct slat_hva_walk walk;
	bool any = false;

	slat_hva_walk_start(&walk, start, end);
	for (;;) {
		bool found;

		port_read_lock(&slots->index_lock);
		found = slat_hva_walk_next(&walk, slots->index);
		if (found)
			slat_slot_state_get(walk.state);
		port_read_unlock(&slots->index_lock);
		if (!found)
			return any;
		any |= visitor->visit(slots->mmu, &walk, visitor->flag);
		slat_slot_state_put(walk.state);
	}
}

bool slat_memslots_invalidate_begin(struct slat_memslots *slots, hva_t start,
				    hva_t end, bool may_block)
{
	const struct hva_visitor zap = {
		.visit = hva_zap,
		.flag = may_block,
	};

	slat_notify_begin(&slots->notify, start, end);
	return slots_visit_hva(slots, start, end, &zap);
}

void slat_memslots_invalidate_end(struct slat_memslots *slots)
{
	slat_notify_end(&slots->notify);
}

bool slat_memslots_age(struct slat_memslots *slots, hva_t start, hva_t end,
		       bool clear)
{
	const struct hva_visitor age = {
		.visit = hva_age,
		.flag = clear,
	};

	return slots_visit_hva(slots, start, end, &age);
}
