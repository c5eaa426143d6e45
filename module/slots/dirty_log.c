// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log of a slot: the client's calls that read and clear it. Called by
 * the VM's ioctls; takes slots_lock itself. How pages are protected again is
 * mmu/wrprot.c's job, which strategy mmu/policy.h's.
 */
#include "dirty_log.h"
#include "mmu/dirty.h"
#include "mmu/events.h"

#define WORD_BITS	(8 * sizeof(unsigned long))

/* The slot with number @id, which must log; slots_lock is held. */
static int logging_slot(struct slat_memslots *slots, u32 id,
			const struct slat_memslot **slot, struct slat_reject *why)
{
	port_assert_mutex(&slots->lock);
	if (why)
		why->slot = id;
	if (id >= slots->config.nr_max)
		return slat_reject(why, -EINVAL, SLAT_CHECK_SLOT_ID, id,
				   slots->config.nr_max - 1);
	*slot = slat_memslots_find_id(slots, id);
	if (!*slot)
		return slat_reject(why, -ENOENT, SLAT_CHECK_NO_SLOT, id, 0);
	if (!(*slot)->log)
		return slat_reject(why, -ENOENT, SLAT_CHECK_NOT_LOGGING, id, 0);
	return 0;
}

/**
 * struct collection - what a collection is going to meet, about
 * @dirty: pages whose bit is set
 * @leafs: leaves of the tables that have one of them
 */
struct collection {
	u64 dirty;
	u64 leafs;
};

static u64 bits_in(const unsigned long *words, u64 from, u64 until)
{
	u64 bits = 0;

	for (; from < until; from++) {
		unsigned long word = READ_ONCE(words[from]);

		if (word)
			bits += port_popcount(word);
	}
	return bits;
}

/* Bits may come and go meanwhile: it is a guess about cost alone. */
static struct collection collection_guess(const unsigned long *words, u64 nr)
{
	struct collection guess = {};
	u64 at = 0;

	while (at < nr) {
		u64 until = min(at + SLAT_COLLECT_WORDS, nr);

		if (!slat_words_are_zero(words, at, until)) {
			guess.leafs += SLAT_COLLECT_WORDS * WORD_BITS;
			guess.dirty += bits_in(words, at, until);
		}
		at = until;
	}
	return guess;
}

static enum slat_wrprot choose_strategy(struct slat_memslots *slots,
					const struct slat_memslot *slot,
					const struct collection *guess)
{
	enum slat_wrprot_policy policy = slat_memslots_policy(slots, slot);

	if (policy == SLAT_POLICY_AUTO)
		return slat_wrprot_cheaper(&slots->costs, guess->dirty,
					   guess->leafs);
	return slat_choose_wrprot(policy, guess->dirty,
				  slat_mmu_nr_tables(slots->mmu));
}

/* What the automatic policy thinks of each strategy, in units of the clock. */
static void wrprot_predict(const struct slat_wrprot_costs *costs,
			   const struct collection *guess, u64 *predicted)
{
	/* Averages are kept in 1/16 of it. */
	predicted[SLAT_WRPROT_RMAP] = guess->dirty *
		slat_wrprot_visit_cost(costs, SLAT_WRPROT_RMAP) / 16;
	predicted[SLAT_WRPROT_SCAN] = guess->leafs *
		slat_wrprot_visit_cost(costs, SLAT_WRPROT_SCAN) / 16;
}

static void wrprot_trace(const struct slat_memslots *slots, const struct slat_memslot *slot,
			 const struct slat_dirty_round *round, const u64 *predicted)
{
	const struct slat_ev_wrprot ev = {
		.vm = slots->mmu->config.id,
		.slot = slot->id,
		.policy = slat_memslots_policy(slots, slot),
		.by = round->strategy == SLAT_WRPROT_RMAP ? SLAT_PROTECTED_RMAP :
							    SLAT_PROTECTED_SCAN,
		.predicted_rmap = predicted[SLAT_WRPROT_RMAP],
		.predicted_scan = predicted[SLAT_WRPROT_SCAN],
		.cost = round->spent,
		.visited = round->nr_visited,
		.pages = round->nr_protected,
	};

	slat_trace_wrprot(&ev);
}

/* Take bits of @slot (of words from @first on) into its taken bitmap. */
static void slot_collect(struct slat_memslots *slots,
			 const struct slat_memslot *slot, u64 first,
			 struct slat_dirty_round *round)
{
	struct slat_dirty_log *log = slot->log;
	u64 words = (round->npages + WORD_BITS - 1) / WORD_BITS;
	u64 predicted[SLAT_NR_WRPROT] = {};
	struct collection guess;

	port_assert_mutex(&slots->lock);
	round->base_gfn = slot->base_gfn + first * WORD_BITS;
	round->live = log->live + first;
	round->taken = log->taken + first;
	guess = collection_guess(round->only ? round->only : round->live, words);
	if (port_trace_on(slat_wrprot))
		wrprot_predict(&slots->costs, &guess, predicted);
	round->strategy = choose_strategy(slots, slot, &guess);
	slat_mmu_collect_dirty(slots->mmu, round);
	if (port_trace_on(slat_wrprot))
		wrprot_trace(slots, slot, round, predicted);
	slat_wrprot_learn(&slots->costs, round->strategy, round->spent,
			  round->nr_visited);
	slot->state->wrprot_leafs += round->nr_protected;
	slot->state->wrprot_spent += round->spent;
	slot->state->rounds[round->strategy]++;
	slot->state->dirty_since = port_clock();
}

/* The client did not get the bits: nothing may be lost. */
static void log_put_back(struct slat_dirty_log *log)
{
	u64 i;

	for (i = 0; i < log->nr_words; i++) {
		if (log->taken[i])
			port_word_or(&log->live[i], log->taken[i]);
	}
}

static int log_get(struct slat_memslots *slots, const struct slat_memslot *slot,
		   void __user *to)
{
	struct slat_dirty_round round = { .npages = slot->npages };
	struct slat_dirty_log *log = slot->log;
	size_t bytes = log->nr_words * sizeof(*log->live);

	/* Bits only come while slots_lock is held: one that is missed stays for CLEAR. */
	if (slots->manual_protect)
		return port_copy_to_user(to, log->live, bytes) ? 0 : -EFAULT;
	slot_collect(slots, slot, 0, &round);
	if (port_copy_to_user(to, log->taken, bytes)) {
		slot->state->dirty_reported += round.nr_taken;
		return 0;
	}
	log_put_back(log);
	return -EFAULT;
}

/* How many bits of a range @words has. */
static u64 pages_in(const unsigned long *words, u64 first_page, u64 npages)
{
	return bits_in(words, first_page / WORD_BITS,
		       (first_page + npages + WORD_BITS - 1) / WORD_BITS);
}

static void get_trace(const struct slat_memslots *slots, const struct slat_memslot *slot,
		      u32 id, int err, u64 began)
{
	const struct slat_dirty_log *log = err ? NULL : slot->log;
	const struct slat_ev_dirty_log ev = {
		.vm = slots->mmu->config.id,
		.slot = id,
		.error = err,
		.npages = err ? 0 : slot->npages,
		.pages = err ? 0 : pages_in(slots->manual_protect ? log->live : log->taken,
					    0, slot->npages),
		.ns = slat_trace_since(began),
	};

	slat_trace_dirty_log_get(&ev);
}

int slat_memslots_get_dirty_log(struct slat_memslots *slots,
				const struct kvm_dirty_log *log,
				struct slat_reject *why)
{
	const struct slat_memslot *slot = NULL;
	u64 began;
	int err;

	port_mutex_lock(&slots->lock);
	began = slat_trace_began(slat_dirty_log_get);
	err = logging_slot(slots, log->slot, &slot, why);
	if (!err)
		err = log_get(slots, slot, log->dirty_bitmap);
	if (port_trace_on(slat_dirty_log_get))
		get_trace(slots, slot, log->slot, err, began);
	port_mutex_unlock(&slots->lock);
	return err;
}

/* Is the range of @log one that @slot can clear? */
static int clear_range_check(const struct slat_memslot *slot,
			     const struct kvm_clear_dirty_log *log,
			     struct slat_reject *why)
{
	u64 npages = log->num_pages;

	if (log->first_page > slot->npages || npages > slot->npages - log->first_page)
		return slat_reject(why, -EINVAL, SLAT_CHECK_CLEAR_RANGE,
				   log->first_page + npages, slot->npages);
	if (npages != slot->npages - log->first_page && npages % WORD_BITS)
		return slat_reject(why, -EINVAL, SLAT_CHECK_CLEAR_LENGTH, npages, WORD_BITS);
	return 0;
}

static int log_clear(struct slat_memslots *slots, const struct slat_memslot *slot,
		     const struct kvm_clear_dirty_log *log, struct slat_reject *why)
{
	struct slat_dirty_round round = { .npages = log->num_pages };
	size_t bytes = (round.npages + WORD_BITS - 1) / WORD_BITS *
		       sizeof(unsigned long);
	unsigned long *only;
	int err;

	err = clear_range_check(slot, log, why);
	if (err)
		return err;
	only = port_alloc(bytes);
	if (!only)
		return -ENOMEM;
	round.only = only;
	if (port_copy_from_user(only, log->dirty_bitmap, bytes)) {
		slot_collect(slots, slot, log->first_page / WORD_BITS, &round);
		slot->state->dirty_reported += round.nr_taken;
	} else {
		err = -EFAULT;
	}
	port_free(only);
	return err;
}

static void clear_trace(const struct slat_memslots *slots, const struct slat_memslot *slot,
			const struct kvm_clear_dirty_log *log, int err, u64 began)
{
	const struct slat_ev_dirty_log ev = {
		.vm = slots->mmu->config.id,
		.slot = log->slot,
		.error = err,
		.first_page = log->first_page,
		.npages = log->num_pages,
		.pages = err ? 0 : pages_in(slot->log->taken, log->first_page, log->num_pages),
		.ns = slat_trace_since(began),
	};

	slat_trace_dirty_log_clear(&ev);
}

int slat_memslots_clear_dirty_log(struct slat_memslots *slots,
				  const struct kvm_clear_dirty_log *log,
				  struct slat_reject *why)
{
	const struct slat_memslot *slot = NULL;
	u64 began;
	int err;

	/* As in KVM, before the slot is looked for. */
	if (log->first_page % WORD_BITS)
		return slat_reject(why, -EINVAL, SLAT_CHECK_CLEAR_FIRST, log->first_page,
				   WORD_BITS);
	port_mutex_lock(&slots->lock);
	began = slat_trace_began(slat_dirty_log_clear);
	err = logging_slot(slots, log->slot, &slot, why);
	if (!err)
		err = log_clear(slots, slot, log, why);
	if (port_trace_on(slat_dirty_log_clear))
		clear_trace(slots, slot, log, err, began);
	port_mutex_unlock(&slots->lock);
	return err;
}

void slat_memslots_mark_dirty(struct slat_memslots *slots, gfn_t gfn)
{
	const struct slat_memslot *slot;

	/*
	 * The write before the lookup. Pairs with the publication of the slot
	 * that logs: if it is not seen here, the write came before it.
	 */
	smp_mb();
	slot = slat_slots_find(slat_memslots_read(slots), gfn);
	if (slot && slot->log)
		port_bit_set(gfn - slot->base_gfn, slot->log->live);
}
