// SPDX-License-Identifier: GPL-2.0
/*
 * Slots, one call after the other: each errno, limits, lookups in big sets,
 * memory that runs out at every allocation.
 */
#include "world.h"

#define PAGE	4096ULL
#define USER_END PORT_USER_END

struct request {
	u32 slot;
	u32 flags;
	u64 gpa;
	u64 size;
	u64 hva;
	int err;
};

static void requests_check(const struct request *requests, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct request *r = &requests[i];
		struct kvm_userspace_memory_region region = {
			.slot = r->slot, .flags = r->flags, .guest_phys_addr = r->gpa,
			.memory_size = r->size, .userspace_addr = r->hva,
		};
		const struct slat_slots_root *root = world.slots.root;
		int err = world_region(&region);

		if (err != r->err)
			FAIL("request %zu gives %d, expected %d", i, err, r->err);
		if (err && world.slots.root != root)
			FAIL("request %zu fails, but the set has changed", i);
		world_check();
	}
}

/* What is wrong whatever slots there are. */
static void test_errno(void)
{
	const u64 h = HOST_BASE, limit = SLAT_MAX_GFN * PAGE;
	const struct request requests[] = {
		/* Unknown flags. */
		{ 0, 4, 0, PAGE, h, -EINVAL },
		{ 0, 1U << 31, 0, PAGE, h, -EINVAL },
		{ 0, ~0U, 0, PAGE, h, -EINVAL },
		/* Alignment, also of requests to delete. */
		{ 0, 0, 1, PAGE, h, -EINVAL },
		{ 0, 0, 0x800, PAGE, h, -EINVAL },
		{ 0, 0, 0, PAGE + 1, h, -EINVAL },
		{ 0, 0, 0, 0x800, h, -EINVAL },
		{ 0, 0, 0, PAGE, h + 1, -EINVAL },
		{ 0, 0, 0, 0, h + 0x800, -EINVAL },
		/* No such slot to delete. */
		{ 0, 0, 0, 0, h, -EINVAL },
		{ 0, 0, 0, 0, 0, -EINVAL },
		/* Slot numbers; the upper half is an address space. */
		{ 31, 0, 31 * PAGE, PAGE, h, 0 },
		{ 31, 0, 0, 0, 0, 0 },
		{ 32, 0, 0, PAGE, h, -EINVAL },
		{ 0x10000, 0, 0, PAGE, h, -EINVAL },
		{ ~0U, 0, 0, PAGE, h, -EINVAL },
		/* Host addresses: the kernel's, wrapping, the very end. */
		{ 0, 0, 0, PAGE, 0xffff888000000000, -EINVAL },
		{ 0, 0, 0, PAGE, ~0ULL - PAGE + 1, -EINVAL },
		{ 0, 0, 0, 2 * PAGE, USER_END - PAGE, -EINVAL },
		{ 0, 0, 0, PAGE, USER_END - PAGE, 0 },
		{ 0, 0, 0, 0, 0, 0 },
		{ 0, 0, 0, PAGE, USER_END, -EINVAL },
		/* Guest addresses: wrapping, beyond what four levels map. */
		{ 0, 0, ~0ULL - PAGE + 1, 2 * PAGE, h, -EINVAL },
		{ 0, 0, ~0ULL - PAGE + 1, PAGE, h, -EINVAL },
		{ 0, 0, limit, PAGE, h, -EINVAL },
		{ 0, 0, limit - PAGE, 2 * PAGE, h, -EINVAL },
		{ 0, 0, limit - PAGE, PAGE, h, 0 },
		{ 0, 0, 0, 0, 0, 0 },
		/* Sizes. */
		{ 0, 0, 0, 1ULL << 43, 0, -EINVAL },
		{ 0, 0, 0, ~0ULL - PAGE + 1, h, -EINVAL },
		{ 0, 0, 0, ((1ULL << 31) - 1) * PAGE, 0, 0 },
		{ 0, 0, 0, 0, 0, 0 },
	};

	world_begin(test_options.seed, NULL, NULL);
	requests_check(requests, ARRAY_SIZE(requests));
	world_end();
}

static void test_errno_of_changes(void)
{
	const u64 h = HOST_BASE, limit = SLAT_MAX_GFN * PAGE;
	const u32 ro = KVM_MEM_READONLY, log = KVM_MEM_LOG_DIRTY_PAGES;
	const struct request requests[] = {
		/* What a live slot may change. */
		{ 1, 0, 0x100000, 4 * PAGE, h, 0 },
		{ 1, 0, 0x100000, 4 * PAGE, h, 0 },
		{ 1, 0, 0x100000, 5 * PAGE, h, -EINVAL },
		{ 1, 0, 0x100000, 3 * PAGE, h, -EINVAL },
		{ 1, 0, 0x100000, 4 * PAGE, h + PAGE, -EINVAL },
		{ 1, ro, 0x100000, 4 * PAGE, h, -EINVAL },
		{ 1, log, 0x100000, 4 * PAGE, h, 0 },
		{ 1, log | ro, 0x100000, 4 * PAGE, h, -EINVAL },
		{ 1, 0, 0x200000, 4 * PAGE, h + PAGE, -EINVAL },
		{ 1, 0, 0x200000, 4 * PAGE, h, 0 },
		{ 1, log, 0x201000, 4 * PAGE, h, 0 },
		{ 1, 0, 0x201000, 4 * PAGE, h, 0 },
		/* Overlap on each side; one's own old place does not count. */
		{ 2, ro, 0x300000, 4 * PAGE, h, 0 },
		{ 3, 0, 0x300000, 4 * PAGE, h, -EEXIST },
		{ 3, 0, 0x2ff000, 2 * PAGE, h, -EEXIST },
		{ 3, 0, 0x303000, PAGE, h, -EEXIST },
		{ 3, 0, 0x301000, PAGE, h, -EEXIST },
		{ 3, 0, 0, 0x400000, h, -EEXIST },
		{ 1, 0, 0x303000, 4 * PAGE, h, -EEXIST },
		{ 1, 0, 0x2fd000, 4 * PAGE, h, -EEXIST },
		{ 3, 0, 0x2ff000, PAGE, h, 0 },
		{ 4, 0, 0x304000, PAGE, h, 0 },
		{ 2, ro, 0x301000, 4 * PAGE, h, -EEXIST },
		/* Overlap is looked at before the limit, as KVM does. */
		{ 2, ro, limit - PAGE, 4 * PAGE, h, -EINVAL },
		{ 1, 0, limit - PAGE, 4 * PAGE, h, -EINVAL },
		/* A request to delete ignores what is not about it. */
		{ 1, ro, 0x7000, 0, 0x5000, 0 },
		{ 1, 0, 0, 0, 0, -EINVAL },
	};

	world_begin(test_options.seed, NULL, NULL);
	requests_check(requests, ARRAY_SIZE(requests));
	world_end();
}

static void test_generation_counts(void)
{
	u64 gen;

	world_begin(test_options.seed, NULL, NULL);
	gen = world.slots.root->generation;
	world_must_set(0, 0, 1, hva_of(0), 0);
	CHECK_EQ(world.slots.root->generation, gen + 1);
	world_must_set(0, 0, 1, hva_of(0), 0);
	CHECK_EQ(world.slots.root->generation, gen + 1);
	world_must_set(0, 0, 1, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_EQ(world.slots.root->generation, gen + 2);
	world_must_set(0, 1, 1, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_EQ(world.slots.root->generation, gen + 3);
	world_delete(0);
	CHECK_EQ(world.slots.root->generation, gen + 4);
	world_end();
}

/* Many slots in a random order of gfns, created, looked up, deleted. */
static void test_many_slots(void)
{
	struct world_options options = { .gen_bits = 39, .nr_slots = 3000, .vcpus = 1 };
	static u32 at[1500];
	u32 nr = ARRAY_SIZE(at), i;

	world_begin(test_options.seed, NULL, &options);
	for (i = 0; i < nr; i++)
		at[i] = i;
	for (i = nr - 1; i; i--) {
		u32 other = sim_below(i + 1);

		swap(at[i], at[other]);
	}
	for (i = 0; i < nr; i++) {
		struct kvm_userspace_memory_region r = {
			.slot = (i * 7) % nr, .guest_phys_addr = at[i] * 3 * PAGE,
			.memory_size = 2 * PAGE, .userspace_addr = hva_of(at[i] * 5),
		};

		CHECK_EQ(slat_memslots_set_region(&world.slots, &r, NULL), 0);
	}
	for (i = 0; i < nr; i++) {
		const struct slat_memslot *slot =
			world_slot((i * 7) % nr);

		CHECK(slot && slot->base_gfn == at[i] * 3);
		CHECK(slat_slots_find(world.slots.root, at[i] * 3) == slot);
		CHECK(slat_slots_find(world.slots.root, at[i] * 3 + 1) == slot);
		CHECK(!slat_slots_find(world.slots.root, at[i] * 3 + 2));
	}
	for (i = 0; i < nr; i++) {
		struct kvm_userspace_memory_region r = { .slot = (i * 11) % nr };

		CHECK_EQ(slat_memslots_set_region(&world.slots, &r, NULL), 0);
		CHECK(!world_slot((i * 11) % nr));
		CHECK_EQ(world.slots.root->nr, nr - i - 1);
	}
	world_end();
}

/* One operation with the n-th allocation failing, for every n. */
static void each_allocation_fails(void (*prepare)(void), int (*operate)(void))
{
	u64 n;
	int err;

	for (n = 1; n < 100; n++) {
		const struct slat_slots_root *root;
		const struct slat_tree_node *index;
		u64 leafs, allocs, gen;

		world_begin(test_options.seed, NULL, NULL);
		prepare();
		world_check();
		root = world.slots.root;
		index = world.slots.index;
		gen = root->generation;
		leafs = world_leafs(0, SLAT_MAX_GFN);
		allocs = machine.live_allocs;
		machine.fail_at = machine.nr_allocs + n;
		err = operate();
		machine.fail_at = 0;
		if (err) {
			CHECK_EQ(err, -ENOMEM);
			CHECK(world.slots.root == root && world.slots.index == index);
			CHECK_EQ(root->generation, gen);
			CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), leafs);
			CHECK_EQ(machine.live_allocs, allocs);
		}
		world_check();
		CHECK_EQ(operate(), 0);
		world_end();
		if (!err)
			break;
	}
	CHECK(n > 1 && n < 100);
}

static void prepare_slots(void)
{
	world_must_set(0, 0, 8, hva_of(0), 0);
	world_must_set(1, 0x400, 8, hva_of(16), KVM_MEM_LOG_DIRTY_PAGES);
	guest_must(&world.vcpus[0], 1, ACCESS_WRITE, TOUCH_RAM);
	guest_must(&world.vcpus[0], 0x401, ACCESS_WRITE, TOUCH_RAM);
	guest_must(&world.vcpus[0], 0x800, ACCESS_READ, TOUCH_MMIO);
}

static bool toggled;

static void prepare_toggle(void)
{
	prepare_slots();
	toggled = false;
}

static int operate_create(void)
{
	u32 id = toggled ? 3 : 2;
	int err = world_set_region(id, id * 0x1000, 4, hva_of(40), 0);

	toggled |= !err;
	return err;
}

static int operate_delete(void)
{
	int err = world_set_region(toggled ? 1 : 0, 0, 0, 0, 0);

	toggled |= !err;
	return err;
}

static int operate_move(void)
{
	int err = world_set_region(0, toggled ? 0x30 : 0x20, 8, hva_of(0), 0);

	toggled |= !err;
	return err;
}

static int operate_flags(void)
{
	int err = world_set_region(0, 0, 8, hva_of(0),
				   toggled ? 0 : KVM_MEM_LOG_DIRTY_PAGES);

	toggled |= !err;
	return err;
}

static int operate_clear(void)
{
	return world_clear_dirty(1, 0, 8, ~0ULL);
}

static int operate_fault(void)
{
	struct touch touch = guest_touch(&world.vcpus[1], 2, ACCESS_WRITE);

	return touch.result == TOUCH_ERROR ? touch.error : 0;
}

static void test_no_memory(void)
{
	each_allocation_fails(prepare_toggle, operate_create);
	each_allocation_fails(prepare_toggle, operate_delete);
	each_allocation_fails(prepare_toggle, operate_move);
	each_allocation_fails(prepare_toggle, operate_flags);
	each_allocation_fails(prepare_slots, operate_clear);
}

/* A fault that found no memory keeps the tables that it got for the next one. */
static void test_no_memory_fault(void)
{
	u64 n;

	for (n = 1; n <= 8; n++) {
		world_begin(test_options.seed, NULL, NULL);
		prepare_slots();
		machine.fail_at = machine.nr_allocs + n;
		CHECK_EQ(operate_fault(), n <= 6 ? -ENOMEM : 0);
		machine.fail_at = 0;
		CHECK_EQ(operate_fault(), 0);
		world_end();
	}
}

/* MMIO needs no memory: without tables it is merely not remembered. */
static void test_no_memory_mmio(void)
{
	world_begin(test_options.seed, NULL, NULL);
	machine.fail_chance = 1024;
	guest_must(&world.vcpus[0], 5, ACCESS_READ, TOUCH_MMIO);
	guest_must(&world.vcpus[0], 5, ACCESS_WRITE, TOUCH_MMIO);
	CHECK_EQ(world_entry(5), 0);
	machine.fail_chance = 0;
	guest_must(&world.vcpus[0], 5, ACCESS_READ, TOUCH_MMIO);
	CHECK(ept_is_mmio(world_entry(5)));
	world_end();
}

/* The making of a VM, with each allocation failing. */
static void test_no_memory_vm(void)
{
	static const struct slat_mmu_ops ops;
	struct slat_mmu_config mmu_config = { .layout.gen_bits = 8 };
	struct slat_memslots_config config = { .nr_max = 8, .max_gfn = SLAT_MAX_GFN };
	u64 n;
	int err = -ENOMEM;

	for (n = 1; err && n < 20; n++) {
		struct slat_epochs epochs = {};
		struct slat_mmu mmu = {};
		struct slat_memslots slots = {};

		sim_reset(1, NULL);
		machine_reset();
		machine.fail_at = n;
		slat_epochs_init(&epochs);
		err = slat_mmu_init(&mmu, &ops, NULL, &epochs, &mmu_config);
		if (!err) {
			err = slat_memslots_init(&slots, &mmu, &config);
			if (!err)
				slat_memslots_destroy(&slots);
			slat_mmu_destroy(&mmu);
		}
		CHECK(!err || err == -ENOMEM);
		CHECK_EQ(machine.live_allocs, 0);
		CHECK_EQ(machine.live_tables, 0);
	}
	CHECK_EQ(n, 5);
}

const struct test slots_tests[] = {
	{ "each errno of a slot request is KVM's", test_errno },
	{ "each errno of a change of a slot is KVM's", test_errno_of_changes },
	{ "each change counts one generation, no change none", test_generation_counts },
	{ "1500 slots are found by number and by gfn", test_many_slots },
	{ "a slot change without memory changes and leaks nothing", test_no_memory },
	{ "a fault without memory can be repeated", test_no_memory_fault },
	{ "MMIO works without memory", test_no_memory_mmio },
	{ "making a VM without memory leaks nothing", test_no_memory_vm },
	{ }
};
