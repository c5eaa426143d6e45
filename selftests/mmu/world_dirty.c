// SPDX-License-Identifier: GPL-2.0
/*
 * The reference model of dirty logs. It knows when each page was written and
 * which reports cover that: a write that ended before a collection began and
 * that no report covers is lost; a page reported that nobody tried to write
 * since its last report is invented. See world.h.
 */
#include "world.h"

#include <stdlib.h>

#define PAGES		2048
#define WORD_BITS	64
/* Longest slot that a test logs, in pages. */
#define MAX_LOGGED	(1ULL << 19)
/* world_op.npages of a GET. */
#define ALL_PAGES	(~0ULL)

/**
 * struct written - what was written to one guest page
 * @pending: when the oldest write ended that no report covers; 0 none
 * @attempt: somebody tried to write since the last report
 * @open: writers in the middle of it
 * @ended: when the last of them was done
 */
struct written {
	bool used;
	gfn_t gfn;
	u64 pending;
	bool attempt;
	unsigned int open;
	u64 ended;
};

static struct written written[PAGES];
/* Those in use, by their place. */
static u16 used[PAGES];
static unsigned int nr_used;

static struct written *written_page(gfn_t gfn)
{
	u64 at = gfn * 0x9e3779b97f4a7c15ULL >> 53;
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		struct written *page = &written[(at + i) % PAGES];

		if (page->used && page->gfn != gfn)
			continue;
		if (!page->used)
			used[nr_used++] = page - written;
		page->used = true;
		page->gfn = gfn;
		return page;
	}
	FAIL("too many pages are written");
}

void dirty_reset(void)
{
	while (nr_used)
		memset(&written[used[--nr_used]], 0, sizeof(written[0]));
}

void dirty_write_begin(gfn_t gfn)
{
	struct written *page = written_page(gfn);

	page->attempt = true;
	page->open++;
}

void dirty_write_end(gfn_t gfn, bool wrote)
{
	struct written *page = written_page(gfn);

	page->open--;
	page->ended = sim_step();
	if (wrote && !page->pending)
		page->pending = sim_step();
}

static void for_each_in(const struct flat_slot *slot,
			void (*fn)(struct written *page, const struct flat_slot *to),
			const struct flat_slot *to)
{
	unsigned int i;

	for (i = 0; i < nr_used; i++) {
		if (flat_covers(slot, written[used[i]].gfn))
			fn(&written[used[i]], to);
	}
}

static void page_forget_attempt(struct written *page, const struct flat_slot *to)
{
	(void)to;
	if (!page->open)
		page->attempt = false;
}

static void page_forget_pending(struct written *page, const struct flat_slot *to)
{
	(void)to;
	page->pending = 0;
}

static void page_move(struct written *page, const struct flat_slot *to)
{
	struct written *there = written_page(page->gfn + to[1].base - to[0].base);

	if (page->pending && !there->pending)
		there->pending = page->pending;
	there->attempt |= page->attempt;
	page->pending = 0;
	page->attempt = page->open;
}

static bool logs(const struct flat_slot *slot)
{
	return slot->used && (slot->flags & KVM_MEM_LOG_DIRTY_PAGES);
}

/* slots_lock was taken for @change: a log that begins is empty. */
void dirty_change_begins(const struct flat_change *change)
{
	if (!change->err && logs(&change->new) && !logs(&change->old))
		for_each_in(&change->new, page_forget_attempt, NULL);
}

/* It took effect; a slot that moves keeps its log, if it had one. */
void dirty_change_applies(const struct flat_change *change)
{
	struct flat_slot way[2] = { change->old, change->new };

	struct written *before;
	unsigned int i, nr;

	if (change->err || (change->kind != FLAT_MOVE && change->kind != FLAT_DELETE))
		return;
	if (change->kind == FLAT_DELETE || !logs(&change->old) || !logs(&change->new)) {
		for_each_in(&change->old, page_forget_pending, NULL);
		return;
	}
	/* The ranges may overlap: go over a copy. */
	nr = nr_used;
	before = malloc(nr * sizeof(*before) + 1);
	for (i = 0; i < nr; i++) {
		struct written *page = &written[used[i]];

		before[i] = *page;
		if (flat_covers(&change->old, page->gfn)) {
			page->pending = 0;
			page->attempt = page->open;
		}
	}
	for (i = 0; i < nr; i++) {
		before[i].open = 0;
		if (flat_covers(&change->old, before[i].gfn))
			page_move(&before[i], way);
	}
	free(before);
}

/* slots_lock is about to be released: what was written before need not be in a new log. */
void dirty_change_ended(const struct flat_change *change)
{
	if (!change->err && logs(&change->new) && !logs(&change->old))
		for_each_in(&change->new, page_forget_pending, NULL);
}

static bool bit_of(const unsigned long *words, u64 bit)
{
	return words[bit / WORD_BITS] >> (bit % WORD_BITS) & 1;
}

static void report_check(const struct flat_slot *slot, const unsigned long *words,
			 u64 began_at)
{
	unsigned int i;

	for (i = 0; i < nr_used; i++) {
		const struct written *page = &written[used[i]];
		bool reported;

		if (!flat_covers(slot, page->gfn))
			continue;
		reported = bit_of(words, page->gfn - slot->base);
		if (!reported && page->pending && page->pending < began_at)
			FAIL("gfn %llx was written at %llu, a dirty log taken at %llu "
			     "lacks it", page->gfn, page->pending, began_at);
		if (reported && !page->attempt && !world.options.initially_set)
			FAIL("gfn %llx is reported dirty, but nobody wrote it", page->gfn);
	}
	if (slot->npages % WORD_BITS &&
	    words[slot->npages / WORD_BITS] >> (slot->npages % WORD_BITS))
		FAIL("a dirty log has bits behind the end of its slot");
}

/* Bits [@first, ...) of @words were taken: the client copies the pages now. */
static void report_covers(const struct world_op *op, u64 first, u64 npages,
			  const unsigned long *words)
{
	const struct flat_slot *slot = &op->change.old;
	unsigned int i;

	for (i = 0; i < nr_used; i++) {
		struct written *page = &written[used[i]];
		u64 bit = page->gfn - slot->base;

		if (!flat_covers(slot, page->gfn) || bit < first ||
		    bit >= first + npages || !bit_of(words, bit - first))
			continue;
		page->pending = 0;
		/* Who wrote meanwhile may have set the bit again. */
		if (!page->open && page->ended < op->began_at)
			page->attempt = false;
	}
}

static int clear_expect(const struct world_op *op)
{
	const struct flat_slot *slot = &op->change.old;

	if (op->first > slot->npages ||
	    op->npages > slot->npages - op->first)
		return -EINVAL;
	if (op->npages % 64 && op->first + op->npages != slot->npages)
		return -EINVAL;
	return op->words ? 0 : -EFAULT;
}

static int log_expect(const struct world_op *op)
{
	if (op->region.slot >= world.options.nr_slots)
		return -EINVAL;
	/* Before the slot is looked for, as KVM does. */
	if (op->first % 64)
		return -EINVAL;
	if (!logs(&op->change.old))
		return -ENOENT;
	if (op->npages != ALL_PAGES)
		return clear_expect(op);
	return op->words ? 0 : -EFAULT;
}

void dirty_log_ends(const struct world_op *op)
{
	/* Without memory a CLEAR takes nothing. */
	if (log_expect(op) || machine.nr_failed[sim_self()] != op->failed)
		return;
	if (op->npages != ALL_PAGES) {
		report_covers(op, op->first, op->npages, op->words);
		return;
	}
	report_check(&op->change.old, op->words, op->began_at);
	if (!world.slots.manual_protect)
		report_covers(op, 0, op->change.old.npages, op->words);
}

/*
 * The op of this task. The model's slot is captured when slots_lock is taken,
 * the result judged when it is released.
 */
static struct world_op *log_begin(u32 id, u64 first, u64 npages, u64 pattern)
{
	struct world_op *op = &world.ops[sim_self()];
	u64 i;

	*op = (struct world_op){
		.active = true, .log = true, .region.slot = id,
		.first = first, .npages = npages,
	};
	if (pattern || npages == ALL_PAGES) {
		op->words = calloc(MAX_LOGGED / WORD_BITS, sizeof(*op->words));
		for (i = 0; pattern && i < MAX_LOGGED / WORD_BITS; i++)
			op->words[i] = pattern;
	}
	return op;
}

static int log_end(struct world_op *op, int err)
{
	int expected = log_expect(op);

	op->active = false;
	if (err != expected && !(err == -ENOMEM && (machine.fail_chance || machine.fail_at)))
		FAIL("a dirty log call gives %d, expected %d", err, expected);
	free(op->words);
	return err;
}

int world_get_dirty(u32 id, bool bad_buffer)
{
	struct world_op *op = log_begin(id, 0, ALL_PAGES, 0);
	struct kvm_dirty_log log = { .slot = id };

	if (bad_buffer) {
		free(op->words);
		op->words = NULL;
	}
	log.dirty_bitmap = op->words;
	sim_trace("get_dirty_log of slot %llu", id, 0, 0, 0);
	return log_end(op, slat_memslots_get_dirty_log(&world.slots, &log, NULL));
}

int world_clear_dirty(u32 id, u64 first, u64 npages, u64 pattern)
{
	struct world_op *op = log_begin(id, first, npages, pattern);
	struct kvm_clear_dirty_log log = {
		.slot = id, .first_page = first, .num_pages = npages,
		.dirty_bitmap = op->words,
	};

	sim_trace("clear_dirty_log of slot %llu: %llx, %llu pages", id, first, npages, 0);
	return log_end(op, slat_memslots_clear_dirty_log(&world.slots, &log, NULL));
}

/* Kernel code writes guest memory for a vCPU: look up, write, mark. */
void world_kernel_write(struct vcpu *vcpu, gfn_t gfn)
{
	const struct slat_memslot *slot;
	bool writes;

	dirty_write_begin(gfn);
	vcpu_enter(vcpu);
	slot = slat_slots_find(slat_memslots_read(&world.slots), gfn);
	sim_point();
	writes = slot && !slot->invalid;
	if (writes) {
		sim_point();
		slat_memslots_mark_dirty(&world.slots, gfn);
	}
	dirty_write_end(gfn, writes && !world_slot_moved(gfn, vcpu->entered_at));
	vcpu_leave(vcpu);
}

/* Quiet: what a CPU can write without a fault has its bit set. */
void dirty_check_leaf(gfn_t gfn, u64 entry)
{
	const struct slat_memslot *slot;
	const struct slat_dirty_log *log;

	if (!(entry & EPT_W))
		return;
	slot = slat_slots_find(world.slots.root, gfn);
	log = slot ? slot->log : NULL;
	if (log && !bit_of(log->live, gfn - slot->base_gfn))
		FAIL("quiet, but gfn %llx can be written and its dirty bit is clear", gfn);
}
