// SPDX-License-Identifier: GPL-2.0
/*
 * What must be true of the VM under test: at every write to an entry, for every
 * translation that a CPU may begin to use, after every slot change, and when
 * nothing is in flight. See world.h.
 */
#include "slots/hva_index.h"
#include "traced.h"
#include "world.h"

#include <stdlib.h>

#define OPS_REMEMBERED	256

static struct {
	struct flat_slot old;
	struct flat_slot new;
	enum flat_kind kind;
	u64 at;
} done[OPS_REMEMBERED];
static unsigned int nr_done;

void world_op_done(const struct world_op *op)
{
	__typeof__(&done[0]) d = &done[nr_done++ % OPS_REMEMBERED];

	d->old = op->change.old;
	d->new = op->change.new;
	d->kind = op->change.kind;
	d->at = sim_step();
}

static bool op_is_in_flight(const struct world_op *op)
{
	return op->active && op->locked && !op->log;
}

static bool change_touches(const struct flat_change *change, gfn_t gfn)
{
	return !change->err && change->kind != FLAT_NONE &&
	       (flat_covers(&change->old, gfn) || flat_covers(&change->new, gfn));
}

static bool slot_changed(gfn_t gfn, u64 since, bool moved_only)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(world.ops); i++) {
		struct world_op *op = &world.ops[i];

		if (op_is_in_flight(op) && change_touches(&op->change, gfn) &&
		    !(moved_only && op->change.kind == FLAT_FLAGS))
			return true;
	}
	for (i = 0; i < OPS_REMEMBERED && i < nr_done; i++) {
		if (done[i].at < since || (moved_only && done[i].kind == FLAT_FLAGS))
			continue;
		if (flat_covers(&done[i].old, gfn) || flat_covers(&done[i].new, gfn))
			return true;
	}
	return false;
}

bool world_slot_changed(gfn_t gfn, u64 since)
{
	return slot_changed(gfn, since, false);
}

static bool comes_or_goes(const struct flat_slot *old, const struct flat_slot *new,
			  gfn_t gfn)
{
	return flat_covers(old, gfn) != flat_covers(new, gfn);
}

bool world_had_no_slot(gfn_t gfn, u64 since)
{
	unsigned int i;

	if (!flat_find(&world.flat, gfn))
		return true;
	for (i = 0; i < ARRAY_SIZE(world.ops); i++) {
		struct world_op *op = &world.ops[i];

		if (op_is_in_flight(op) && !op->change.err &&
		    comes_or_goes(&op->change.old, &op->change.new, gfn))
			return true;
	}
	for (i = 0; i < OPS_REMEMBERED && i < nr_done; i++) {
		if (done[i].at >= since && comes_or_goes(&done[i].old, &done[i].new, gfn))
			return true;
	}
	return false;
}

bool world_slot_moved(gfn_t gfn, u64 since)
{
	return slot_changed(gfn, since, true);
}

static bool slot_allows(const struct flat_slot *slot, gfn_t gfn, hva_t hva,
			bool write)
{
	return slot && flat_covers(slot, gfn) && flat_hva(slot, gfn) == hva &&
	       !(write && (slot->flags & KVM_MEM_READONLY));
}

bool world_leaf_is_legal(gfn_t gfn, u64 entry, const char **why)
{
	const struct host_frame *frame = host_frame(ept_pfn(entry));
	bool write = entry & (EPT_W | EPT_SW_HOST_WRITABLE);
	unsigned int i;

	*why = "no such frame of the host";
	if (!frame)
		return false;
	*why = "the host took the frame away";
	if (!frame->mapped)
		return false;
	*why = "the host is changing this page";
	if (host_is_blocked(frame->hva))
		return false;
	*why = "writable, but the host's page is not";
	if (write && !frame->writable)
		return false;
	if (slot_allows(flat_find(&world.flat, gfn), gfn, frame->hva, write))
		return true;
	for (i = 0; i < ARRAY_SIZE(world.ops); i++) {
		const struct world_op *op = &world.ops[i];

		if (op_is_in_flight(op) && !op->change.err &&
		    (slot_allows(&op->change.old, gfn, frame->hva, write) ||
		     slot_allows(&op->change.new, gfn, frame->hva, write)))
			return true;
	}
	*why = "no slot maps this page so";
	return false;
}

static void watch_leaf(gfn_t gfn, u64 entry)
{
	const char *why;

	if (!world_leaf_is_legal(gfn, entry, &why))
		FAIL("gfn %llx gets entry %llx: %s", gfn, entry, why);
	if ((entry & (EPT_MEMTYPE_MASK | EPT_IPAT)) != (EPT_MEMTYPE_WB | EPT_IPAT))
		FAIL("gfn %llx: memory type of entry %llx", gfn, entry);
}

/* A leaf may go only if somebody asked for it. */
static void watch_leaf_gone(gfn_t gfn, u64 entry)
{
	const struct host_frame *frame = host_frame(ept_pfn(entry));
	unsigned int i;

	if (world.reclaiming || world.closing || host_is_changing(frame->hva))
		return;
	if (world.ageing && !world.options.accessed_dirty)
		return;
	/* A change of the host zaps where its slot was when it looked. */
	if (host_changing_since() != ~0ULL &&
	    world_slot_moved(gfn, host_changing_since()))
		return;
	for (i = 0; i < ARRAY_SIZE(world.ops); i++) {
		const struct world_op *op = &world.ops[i];

		if (op_is_in_flight(op) && !op->change.err &&
		    (op->change.kind == FLAT_DELETE || op->change.kind == FLAT_MOVE) &&
		    flat_covers(&op->change.old, gfn))
			return;
	}
	FAIL("the RAM mapping of gfn %llx falls, but nobody asked for that", gfn);
}

/*
 * The whole generation of an MMIO entry just written: the newest settled one
 * with those low bits.
 */
static u64 entry_generation(u64 entry)
{
	u64 now = world.slots.root->generation & ~SLAT_GEN_IN_FLUX;
	u64 mask = slat_gen_mask(&world.mmu.config.layout);

	return now - ((now - slat_mmio_gen(entry)) & mask);
}

static bool mmio_is_wellformed(u64 entry)
{
	const struct slat_mmio_layout *layout = &world.mmu.config.layout;

	return entry == slat_mmio_make(layout, slat_mmio_gen(entry)) &&
	       slat_mmio_gen(entry) <= slat_gen_mask(layout);
}

static void watch_write(struct fake_table *table, int index, u64 old, u64 new)
{
	struct sim_lock *lock = &world.mmu.lock.l;
	/* What has no other effect than a page that looks older is no loss. */
	bool ages = ept_is_present(old) && new == (old & ~EPT_A);
	bool takes = ept_is_present(old) && ept_change_needs_flush(old, new) && !ages;

	if (world.closing)
		return;
	if (table->level && !tlb_is_linked(table))
		FAIL("an entry of a table is written that was unlinked");
	if (table->level && !sim_holds(lock, takes || (old && !new)))
		FAIL("entry %llx becomes %llx without the mmu lock", old, new);
	if (ept_is_present(old) && ept_is_present(new) && ept_addr(old) != ept_addr(new))
		FAIL("a present entry changes its address: %llx -> %llx", old, new);
	if (ept_is_present(old) && ept_is_mmio(new))
		FAIL("an MMIO entry is written over %llx", old);
	if (new && !ept_is_present(new) && !ept_is_mmio(new))
		FAIL("garbage in an entry: %llx", new);
	if (ept_is_mmio(new)) {
		if (table->level != SLAT_LEVEL_4K || !mmio_is_wellformed(new))
			FAIL("an odd MMIO entry: %llx on level %d", new, table->level);
		if (!table->generation)
			table->generation = calloc(512, sizeof(u64));
		table->generation[index] = entry_generation(new);
	}
}

static void watch_table_free(struct fake_table *table)
{
	const struct fake_table *above = table;
	u64 unlinked_at = 0;
	unsigned int i;

	if (!table->level || world.closing)
		return;
	/* Children are freed before their parents, so these are alive. */
	for (; above && !unlinked_at; above = above->parent)
		unlinked_at = above->unlinked_at;
	if (!unlinked_at)
		FAIL("a table is freed that is linked");
	for (i = 0; i < ARRAY_SIZE(table->told); i++) {
		if (table->nonzero[i] & ~table->told[i])
			FAIL("a table is freed, and nobody told of all its entries");
	}
	for (i = 0; i < world.options.vcpus; i++) {
		if (world.vcpus[i].inside && world.vcpus[i].entered_at < unlinked_at)
			FAIL("a table is freed that vCPU %u may have found in its "
			     "section", i);
	}
}

void world_watch(void)
{
	nr_done = 0;
	machine.on_leaf = watch_leaf;
	machine.on_leaf_gone = watch_leaf_gone;
	machine.on_write = watch_write;
	machine.on_table_free = watch_table_free;
}

static bool op_in_flight(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(world.ops); i++) {
		if (op_is_in_flight(&world.ops[i]))
			return true;
	}
	return false;
}

/* No entry of an older generation looks current; no current one hides RAM. */
static void mmio_check(struct fake_table *table, int index, gfn_t gfn, u64 entry,
		       void *arg)
{
	u64 now = *(u64 *)arg;

	if (!ept_is_mmio(entry) ||
	    !slat_mmio_is_current(&world.mmu.config.layout, entry, now))
		return;
	if (table->generation[index] != now)
		FAIL("gfn %llx: an MMIO entry of generation %llu is believed in %llu",
		     gfn, table->generation[index], now);
	if (flat_find(&world.flat, gfn))
		FAIL("gfn %llx is RAM, but an MMIO entry is believed", gfn);
}

void world_check_settled(void)
{
	u64 now = world.slots.root->generation;

	if (op_in_flight())
		return;
	if (slat_gen_in_flux(now))
		FAIL("no slot change is in flight, but the generation says so");
	tlb_for_each_linked(mmio_check, &now);
}

const struct slat_memslot *world_slot(u32 id)
{
	return id < world.slots.nr_ids ? world.slots.by_id[id] : NULL;
}

static void slot_check(const struct slat_slots_root *root,
		       const struct flat_slot *slot)
{
	const struct slat_memslot *found = world_slot(slot->id);

	if (!found || found->invalid || found->base_gfn != slot->base ||
	    found->npages != slot->npages || found->hva != slot->hva ||
	    found->flags != slot->flags)
		FAIL("slot %u is not found as it was set", slot->id);
	if (slat_slots_find(root, slot->base) != found ||
	    slat_slots_find(root, slot->base + slot->npages / 2) != found ||
	    slat_slots_find(root, slot->base + slot->npages - 1) != found)
		FAIL("slot %u is not found by gfn", slot->id);
	if (slat_slots_find(root, slot->base + slot->npages) == found ||
	    (slot->base && slat_slots_find(root, slot->base - 1) == found))
		FAIL("slot %u is found outside its range", slot->id);
}

static u64 node_check(const struct slat_tree_node *node, bool top)
{
	u64 nr = 0;
	u32 i, j;

	CHECK(atomic64_read(&node->refs) > 0);
	CHECK(node->nr <= SLAT_TREE_FANOUT);
	CHECK(node->nr >= (top ? 1 + !!node->level : SLAT_TREE_MIN));
	for (i = 0; i < node->nr; i++) {
		const struct slat_tree_entry *e = &node->entries[i];
		const struct slat_tree_node *child = e->child;
		u64 end = 0;

		CHECK(!i || e[-1].start < e->start ||
		      (e[-1].start == e->start && e[-1].tie < e->tie));
		if (!node->level) {
			nr++;
			continue;
		}
		CHECK_EQ(child->level, node->level - 1);
		CHECK(child->entries[0].start == e->start && child->entries[0].tie == e->tie);
		for (j = 0; j < child->nr; j++)
			end = max(end, child->entries[j].end);
		CHECK_EQ(end, e->end);
		nr += node_check(child, false);
	}
	return nr;
}

u64 tree_check(const struct slat_tree_node *tree)
{
	return tree ? node_check(tree, true) : 0;
}

static void slots_check(void)
{
	const struct slat_slots_root *root = world.slots.root;
	u64 nr = 0, npages = 0, ids = 0;
	u32 i;

	for (i = 0; i < FLAT_MAX; i++) {
		if (!world.flat.slots[i].used)
			continue;
		nr++;
		npages += world.flat.slots[i].npages;
		slot_check(root, &world.flat.slots[i]);
	}
	CHECK_EQ(root->nr, nr);
	CHECK_EQ(world.slots.npages, npages);
	for (i = 0; i < world.slots.nr_ids; i++)
		ids += !!world.slots.by_id[i];
	CHECK_EQ(ids, nr);
	CHECK_EQ(tree_check(root->by_gfn), nr);
}

/* The hva index has each slot once and nothing else. */
static void index_check(void)
{
	const struct slat_tree_entry *range;
	u64 start = ~0ULL, tie = ~0ULL;

	CHECK_EQ(tree_check(world.slots.index), world.slots.root->nr);
	while ((range = slat_tree_last_reaching(world.slots.index, start, tie, 0))) {
		const struct flat_slot *slot = flat_find(&world.flat, range->tie);

		CHECK(slot && slot->base == range->tie && slot->hva == range->start);
		CHECK(range->end == range->start + slot->npages * SLAT_PAGE_SIZE);
		start = range->start;
		tie = range->tie;
	}
}

static bool leaf_ok(void *arg, gfn_t gfn, int level, u64 entry)
{
	const char *why;

	(void)arg;
	CHECK_EQ(level, SLAT_LEVEL_4K);
	if (!world_leaf_is_legal(gfn, entry, &why))
		FAIL("quiet, but gfn %llx has entry %llx: %s", gfn, entry, why);
	if ((entry & (EPT_W | EPT_SW_HOST_WRITABLE)) &&
	    !host_frame(ept_pfn(entry))->dirty)
		FAIL("gfn %llx is writable, but its page was not marked dirty", gfn);
	return true;
}

static void leaf_check(u32 cpus, gfn_t gfn, u64 entry, void *arg)
{
	const char *why;

	(void)arg;
	if (!world_leaf_is_legal(gfn, entry, &why))
		FAIL("quiet, but CPUs %x may use gfn %llx, entry %llx: %s", cpus, gfn,
		     entry, why);
	dirty_check_leaf(gfn, entry);
}

void world_check(void)
{
	struct slat_verify_report report = {};
	const char *broken;
	u64 cached = 0;
	unsigned int i;

	if (op_in_flight())
		FAIL("world_check() with a slot change in flight");
	CHECK_EQ(world.slots.notify.in_progress, 0);
	CHECK_EQ(host_refs(), 0);
	machine_check_told();
	broken = slat_mmu_verify(&world.mmu, leaf_ok, NULL, &report);
	if (broken)
		FAIL("verify: %s", broken);
	traced_check();
	tlb_for_each(leaf_check, NULL);
	world_check_settled();
	slots_check();
	index_check();
	for (i = 0; i < world.options.vcpus; i++) {
		if (world.vcpus[i].inside)
			return;
		cached += world.vcpus[i].context.vcpu.cache.nr;
	}
	slat_epoch_reap(&world.epochs);
	CHECK_EQ(world.epochs.nr_retired, 0);
	CHECK_EQ(machine.live_tables, report.tables + cached);
}

struct count {
	gfn_t start;
	gfn_t end;
	u64 nr;
};

static void leaf_count(struct fake_table *table, int index, gfn_t gfn, u64 entry,
		       void *arg)
{
	struct count *count = arg;

	(void)index;
	if (ept_is_leaf(entry, table->level) && gfn >= count->start && gfn < count->end)
		count->nr++;
}

u64 world_leafs(gfn_t start, gfn_t end)
{
	struct count count = { start, end, 0 };

	tlb_for_each_linked(leaf_count, &count);
	return count.nr;
}

u64 world_entry(gfn_t gfn)
{
	return tlb_walk(gfn).entry;
}
