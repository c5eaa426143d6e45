// SPDX-License-Identifier: GPL-2.0
/*
 * The VM under test: its making and end, the slot ioctl, the vCPUs. The checks
 * are in world_check.c. See world.h.
 */
#include "world.h"
#include "traced.h"

#define MAX_EXITS	3000

struct world world;

#define EDGE(gfn) \
	(gfn) - 3, (gfn) - 2, (gfn) - 1, (gfn), (gfn) + 1, (gfn) + 2, (gfn) + 3

const gfn_t world_gfns[] = {
	0, 1, 2, 3, 4, 5, 6, 7,
	EDGE(1ULL << 9), EDGE(2ULL << 9), EDGE(1ULL << 18), EDGE(1ULL << 27),
	(1ULL << 35) + 5, SLAT_MAX_GFN - 2, SLAT_MAX_GFN - 1,
};
const unsigned int world_nr_gfns = ARRAY_SIZE(world_gfns);

static unsigned int world_flush(void *ctx)
{
	(void)ctx;
	sim_assert_held(&world.mmu.lock.l, true);
	sim_point();
	tlb_flush(ALL_CPUS);
	sim_point();
	return world.options.vcpus;
}

static const struct slat_mmu_ops world_ops = {
	.flush = world_flush,
	.get_page = host_get_page,
	.put_page = host_put_page,
	.get_present = host_get_present,
	.put_present = host_put_present,
	.keep_dirty = host_keep_dirty,
	.mark_dirty = host_mark_dirty,
};

/* A change takes effect, as far as the model goes, while slots_lock is held. */
static void world_mutex_hook(struct sim_lock *lock, bool taken)
{
	struct world_op *op = &world.ops[sim_self()];

	if (lock != &world.slots.lock.l || !op->active)
		return;
	if (taken) {
		op->locked = true;
		op->began_at = sim_step();
		op->sleeps = sim_counts.sleeps;
		op->failed = machine.nr_failed[sim_self()];
		op->root = world.slots.root;
		op->change = flat_expect(&world.flat, &op->region);
		if (op->log)
			op->change.old = flat_slot(&world.flat, op->region.slot);
		else
			dirty_change_begins(&op->change);
		return;
	}
	op->sleeps = sim_counts.sleeps - op->sleeps;
	op->applied = world.slots.root != op->root;
	if (op->applied) {
		flat_apply(&world.flat, &op->change);
		dirty_change_ended(&op->change);
	}
	if (op->log)
		dirty_log_ends(op);
}

/* The moment at which a new slot set can be seen. */
static void world_store_hook(const volatile void *p)
{
	struct world_op *op = &world.ops[sim_self()];

	if (p != &world.slots.root || !op->active || !op->locked)
		return;
	if (!op->published_at)
		op->published_at = sim_step();
	if (!slat_gen_in_flux(world.slots.root->generation))
		dirty_change_applies(&op->change);
}

static int world_make(const struct world_options *options)
{
	struct slat_mmu_config mmu_config = {
		.layout = {
			.gen_bits = options->gen_bits,
			.guard = slat_mmio_guard(46),
		},
		.reserved = EPT_ADDR_MASK & ~(BIT_ULL(46) - 1),
		.accessed_dirty = options->accessed_dirty,
		.around = options->around,
	};
	struct slat_memslots_config config = {
		.nr_max = options->nr_slots,
		.max_gfn = SLAT_MAX_GFN,
		.first_generation = options->first_generation,
	};
	int err;

	slat_epochs_init(&world.epochs);
	err = slat_mmu_init(&world.mmu, &world_ops, NULL, &world.epochs, &mmu_config);
	if (err)
		return err;
	err = slat_memslots_init(&world.slots, &world.mmu, &config);
	if (err)
		slat_mmu_destroy(&world.mmu);
	return err;
}

void world_open(const struct world_options *options)
{
	static const struct world_options usual = {
		.gen_bits = SLAT_GEN_BITS_MAX,
		.nr_slots = 32,
		.vcpus = 2,
	};
	unsigned int i;

	memset(&world, 0, sizeof(world));
	world.options = options ? *options : usual;
	world.flat.nr_max = world.options.nr_slots;
	world.flat.max_gfn = SLAT_MAX_GFN;
	host_reset(&world.slots);
	dirty_reset();
	traced_reset();
	CHECK_EQ(world_make(&world.options), 0);
	if (world.options.manual_protect)
		world.slots.manual_protect |= KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	if (world.options.initially_set)
		world.slots.manual_protect |= KVM_DIRTY_LOG_INITIALLY_SET;
	world.slots.index_lock.l.rank = SIM_RANK_LEAF;
	sim_mutex_hook = world_mutex_hook;
	sim_store_hook = world_store_hook;
	tlb_set_root(slat_mmu_root_pa(&world.mmu));
	world_watch();
	for (i = 0; i < world.options.vcpus; i++) {
		world.vcpus[i].cpu = i;
		slat_reader_register(&world.epochs, &world.vcpus[i].reader);
		slat_fault_context_init(&world.vcpus[i].context, &world.slots);
	}
}

void world_begin(u64 seed, const struct sim_plan *plan,
		 const struct world_options *options)
{
	sim_reset(seed, plan);
	machine_reset();
	world_open(options);
}

void world_close(void)
{
	unsigned int i;

	world.closing = true;
	tlb_close();
	for (i = 0; i < world.options.vcpus; i++) {
		slat_fault_context_destroy(&world.vcpus[i].context);
		slat_reader_unregister(&world.epochs, &world.vcpus[i].reader);
	}
	slat_memslots_destroy(&world.slots);
	slat_mmu_destroy(&world.mmu);
	slat_epochs_destroy(&world.epochs);
	CHECK_EQ(machine.live_allocs, 0);
	CHECK_EQ(machine.live_tables, 0);
	CHECK_EQ(host_refs(), 0);
}

void world_end(void)
{
	sim_join_all();
	world_check();
	world_close();
}

static void op_check_result(const struct world_op *op, int err)
{
	const struct flat_change *change = &op->change;
	unsigned int i;

	if (op->applied != (!err && change->kind != FLAT_NONE))
		FAIL("set_region gives %d and %s the slot set", err,
		     op->applied ? "has changed" : "has not changed");
	if (err == -ENOMEM && (machine.fail_at || machine.fail_chance))
		return;
	if (err != change->err)
		FAIL("set_region gives %d, KVM gives %d", err, change->err);
	if (err)
		return;
	if (change->kind == FLAT_CREATE && op->sleeps)
		FAIL("CREATE waited for a reader");
	if (change->kind != FLAT_DELETE && change->kind != FLAT_MOVE)
		return;
	for (i = 0; i < world.options.vcpus; i++) {
		if (world.vcpus[i].inside &&
		    world.vcpus[i].entered_at < op->published_at)
			FAIL("DELETE or MOVE has returned, but vCPU %u is inside a "
			     "section that is older", i);
	}
}

/* A refusal, and nothing else, is explained; an overlap names who is in the way. */
static void reject_check(const struct world_op *op, int err, const struct slat_reject *why)
{
	const struct flat_slot *new = &op->change.new;
	struct flat_slot other;

	CHECK_EQ(why->slot, op->region.slot);
	CHECK_EQ(why->check != SLAT_CHECK_NONE, err == -EINVAL || err == -EEXIST);
	CHECK_EQ(why->check == SLAT_CHECK_OVERLAP, err == -EEXIST);
	if (err != -EEXIST)
		return;
	other = (struct flat_slot){
		.used = true, .base = why->other_gpa / SLAT_PAGE_SIZE,
		.npages = why->other_size / SLAT_PAGE_SIZE,
	};
	CHECK(why->other != op->region.slot && why->other < world.options.nr_slots);
	CHECK(flat_covers(&other, new->base) || flat_covers(new, other.base));
}

static void leaf_check_cached(u32 cpus, gfn_t gfn, u64 entry, void *arg)
{
	const char *why;

	(void)arg;
	if (!world_leaf_is_legal(gfn, entry, &why))
		FAIL("CPUs %x may use gfn %llx, entry %llx: %s", cpus, gfn, entry, why);
}

int world_region(const struct kvm_userspace_memory_region *region)
{
	struct world_op *op = &world.ops[sim_self()];
	struct slat_reject why = SLAT_REJECT_INIT;
	int err;

	*op = (struct world_op){ .active = true, .region = *region };
	sim_trace("set_region id %llu, gfn %llx, %llu pages, hva %llx", region->slot,
		  region->guest_phys_addr / 4096, region->memory_size / 4096,
		  region->userspace_addr);
	err = slat_memslots_set_region(&world.slots, region, &why);
	sim_trace("set_region done: error %llu", -err, 0, 0, 0);
	if (!op->locked)
		op->change = flat_expect(&world.flat, region);
	op_check_result(op, err);
	reject_check(op, err, &why);
	op->active = false;
	if (!err)
		world_op_done(op);
	tlb_for_each(leaf_check_cached, NULL);
	world_check_settled();
	return err;
}

int world_set_region(u32 id, gfn_t base, u64 npages, hva_t hva, u32 flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = id,
		.flags = flags,
		.guest_phys_addr = base * SLAT_PAGE_SIZE,
		.memory_size = npages * SLAT_PAGE_SIZE,
		.userspace_addr = hva,
	};

	return world_region(&region);
}

void world_must_set(u32 id, gfn_t base, u64 npages, hva_t hva, u32 flags)
{
	CHECK_EQ(world_set_region(id, base, npages, hva, flags), 0);
}

void world_delete(u32 id)
{
	CHECK_EQ(world_set_region(id, 0, 0, 0, 0), 0);
}

void vcpu_enter(struct vcpu *vcpu)
{
	slat_reader_enter(&world.epochs, &vcpu->reader);
	sim_section(true);
	vcpu->entered_at = sim_step();
	vcpu->inside = true;
}

void vcpu_leave(struct vcpu *vcpu)
{
	vcpu->inside = false;
	slat_reader_leave(&world.epochs, &vcpu->reader);
	sim_section(false);
}

static bool entry_allows(u64 entry, enum access access)
{
	static const u64 need[] = { EPT_R, EPT_W, EPT_X };

	return ept_is_present(entry) && (entry & need[access]);
}

/* MMIO is a lie if the gfn had RAM all through the section. */
static void fault_check_mmio(const struct vcpu *vcpu, gfn_t gfn, enum access access)
{
	const struct flat_slot *slot = flat_find(&world.flat, gfn);

	if (!slot || world_had_no_slot(gfn, vcpu->entered_at))
		return;
	if (access == ACCESS_WRITE && (slot->flags & KVM_MEM_READONLY))
		return;
	FAIL("gfn %llx is RAM (slot %u), but the fault says MMIO", gfn, slot->id);
}

enum slat_fault_result guest_fault(struct vcpu *vcpu, gfn_t gfn, u64 entry,
				   enum access access)
{
	struct slat_fault fault = {
		.gpa = gfn << SLAT_PAGE_SHIFT | 0x123,
		.read = access == ACCESS_READ,
		.write = access == ACCESS_WRITE,
		.exec = access == ACCESS_EXEC,
		.present = ept_is_present(entry),
		.misconfig = ept_is_mmio(entry),
	};
	enum slat_fault_result result;

	if (fault.misconfig)
		fault.read = fault.write = fault.exec = false;
	world.exits++;
	vcpu_enter(vcpu);
	result = slat_handle_fault(&vcpu->context, &fault);
	sim_trace("fault gfn %llx, access %llu, entry %llx: result %llu", gfn, access,
		  entry, result);
	if (result == SLAT_FAULT_MMIO)
		fault_check_mmio(vcpu, gfn, fault.misconfig ? ACCESS_READ : access);
	if (result == SLAT_FAULT_BROKEN)
		FAIL("gfn %llx: entry %llx is called broken", gfn, entry);
	vcpu_leave(vcpu);
	return result;
}

/* Hardware's choice among what it may have cached and what memory says. */
static u64 entry_choose(struct vcpu *vcpu, gfn_t gfn, enum access access)
{
	struct tlb_walk walk = tlb_walk(gfn);
	u64 entries[16];
	int i, nr, choice;

	nr = tlb_candidates(vcpu->cpu, gfn, entries, ARRAY_SIZE(entries));
	for (i = 0; world.worst && i < nr; i++) {
		if (!entry_allows(entries[i], access))
			return entries[i];
	}
	choice = sim_below(nr + 1);
	if (choice < nr)
		return entries[choice];
	if (entry_allows(walk.entry, access) && world.options.accessed_dirty) {
		struct fake_table *table = walk.table;

		machine_hw_set(table, walk.index, EPT_A |
			       (access == ACCESS_WRITE ? EPT_D : 0));
		for (; table->parent; table = table->parent)
			machine_hw_set(table->parent,
				       slat_level_index(gfn, table->parent->level),
				       EPT_A);
	}
	return walk.entry;
}

static struct touch touch_loop(struct vcpu *vcpu, gfn_t gfn, enum access access)
{
	struct touch touch = {};
	int patience = MAX_EXITS;

	for (;;) {
		u64 entry;

		sim_point();
		entry = entry_choose(vcpu, gfn, access);
		if (entry_allows(entry, access)) {
			touch.result = TOUCH_RAM;
			touch.entry = entry;
			if (access == ACCESS_WRITE) {
				host_written(ept_pfn(entry));
				dirty_write_end(gfn, true);
			}
			return touch;
		}
		/* While its slot goes or moves, a fault may retry as long. */
		touch.exits++;
		if (!world_slot_changed(gfn, sim_step()) && --patience < 0)
			FAIL("gfn %llx faults for ever", gfn);
		if (!ept_is_mmio(entry))
			tlb_violation(vcpu->cpu, gfn);
		switch (guest_fault(vcpu, gfn, entry, access)) {
		case SLAT_FAULT_MMIO:
			touch.result = TOUCH_MMIO;
			return touch;
		case SLAT_FAULT_ERROR:
			touch.result = TOUCH_ERROR;
			touch.error = vcpu->context.error;
			if (touch.error == -ENOMEM &&
			    (machine.fail_at || machine.fail_chance))
				return touch;
			if (touch.error != host_last_error())
				FAIL("a fault ends with %d, get_page with %d",
				     touch.error, host_last_error());
			return touch;
		case SLAT_FAULT_RETRY:
			touch.retries++;
			world.retries++;
			touch.lost = host_take_signal();
			if (touch.lost) {
				touch.result = TOUCH_ERROR;
				touch.error = -EINTR;
				return touch;
			}
			/* What it waits for needs a CPU too. */
			if (sim_plan.kind != SIM_MANUAL)
				sim_pause();
			break;
		default:
			break;
		}
	}
}

struct touch guest_touch(struct vcpu *vcpu, gfn_t gfn, enum access access)
{
	struct touch touch;

	if (access == ACCESS_WRITE)
		dirty_write_begin(gfn);
	touch = touch_loop(vcpu, gfn, access);
	if (access == ACCESS_WRITE && touch.result != TOUCH_RAM)
		dirty_write_end(gfn, false);
	return touch;
}

void guest_must(struct vcpu *vcpu, gfn_t gfn, enum access access,
		enum touch_result result)
{
	struct touch touch = guest_touch(vcpu, gfn, access);

	if (touch.result != result)
		FAIL("a touch of gfn %llx gives %d (error %d), expected %d", gfn,
		     touch.result, touch.error, result);
}

u64 world_reclaim(u64 nr, bool ram_too)
{
	u64 done;

	world.reclaiming++;
	done = slat_mmu_reclaim(&world.mmu, nr, ram_too);
	world.reclaiming--;
	return done;
}

bool world_age(u64 page, u64 nr, bool clear)
{
	bool young;

	world.ageing++;
	young = slat_memslots_age(&world.slots, hva_of(page), hva_of(page + nr), clear);
	world.ageing--;
	return young;
}

struct slat_fault_counts world_slot_faults(u32 id)
{
	struct slat_fault_counts sum;

	slat_fault_counts_sum(&world.slots, world_slot(id), &sum);
	return sum;
}

struct slat_mmu_stats world_stats(void)
{
	struct slat_mmu_stats stats;

	slat_mmu_stats_sum(&world.mmu, &stats);
	return stats;
}
