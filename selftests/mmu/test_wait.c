// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits for whom: epochs, slot changes against readers that sleep, host
 * changes against faults that sleep in get_page(). Steps by hand (SIM_MANUAL):
 * a task runs until it blocks.
 */
#include "world.h"

#define CPU(n)	(&world.vcpus[n])

static void begin(void)
{
	world_begin(test_options.seed, NULL, NULL);
	world_must_set(0, 0, 8, hva_of(0), 0);
}

static void delete_0(void *arg)
{
	(void)arg;
	world_delete(0);
}

static void move_0(void *arg)
{
	(void)arg;
	world_must_set(0, 0x100, 8, hva_of(0), 0);
}

/* CREATE returns while every vCPU sleeps inside a section, and it works. */
static void test_create_waits_for_nobody(void)
{
	u64 leafs;

	begin();
	guest_must(CPU(1), 1, ACCESS_WRITE, TOUCH_RAM);
	vcpu_enter(CPU(0));
	vcpu_enter(CPU(1));
	sim_section(false);
	leafs = machine.removed_leafs;
	world_must_set(1, 0x40, 8, hva_of(16), 0);
	world_must_set(2, 0x80, 8, hva_of(32), KVM_MEM_LOG_DIRTY_PAGES);
	world_must_set(1, 0x40, 8, hva_of(16), KVM_MEM_LOG_DIRTY_PAGES);
	CHECK_EQ(sim_counts.sleeps, 0);
	CHECK_EQ(machine.removed_leafs, leafs);
	vcpu_leave(CPU(0));
	vcpu_leave(CPU(1));
	guest_must(CPU(0), 0x40, ACCESS_WRITE, TOUCH_RAM);
	world_end();
}

/* DELETE and MOVE wait for who was inside before, not for who came after. */
static void wait_for_old_readers(void (*change)(void *))
{
	int task;

	begin();
	guest_must(CPU(0), 1, ACCESS_WRITE, TOUCH_RAM);
	vcpu_enter(CPU(0));
	sim_section(false);
	task = sim_spawn("change", change, NULL);
	CHECK(!sim_run(task));
	CHECK(sim_is_blocked(task));
	/* The range is gone for the guest although the change still waits. */
	CHECK_EQ(world_leafs(0, 8), 0);
	vcpu_enter(CPU(1));
	sim_section(false);
	CHECK(slat_slots_find(slat_memslots_read(&world.slots), 1)->invalid);
	vcpu_leave(CPU(0));
	CHECK(sim_run(task));
	CHECK(CPU(1)->inside);
	vcpu_leave(CPU(1));
	world_end();
}

static void test_delete_waits(void)
{
	wait_for_old_readers(delete_0);
	wait_for_old_readers(move_0);
}

/* No reader inside: no sleep at all. */
static void test_delete_alone(void)
{
	begin();
	guest_must(CPU(0), 1, ACCESS_WRITE, TOUCH_RAM);
	world_must_set(0, 0x100, 8, hva_of(0), 0);
	guest_must(CPU(0), 0x101, ACCESS_WRITE, TOUCH_RAM);
	world_delete(0);
	CHECK_EQ(sim_counts.sleeps, 0);
	world_end();
}

static int hook_task;

static void hook_run_task(hva_t hva)
{
	(void)hva;
	host_get_hook = NULL;
	sim_run(hook_task);
}

/* The slot is deleted while a fault on it sleeps in the host. */
static void test_delete_in_get_page(void)
{
	enum slat_fault_result result;

	begin();
	hook_task = sim_spawn("delete", delete_0, NULL);
	host_get_hook = hook_run_task;
	result = guest_fault(CPU(0), 2, 0, ACCESS_WRITE);
	CHECK_EQ(result, SLAT_FAULT_RETRY);
	CHECK_EQ(world_entry(2), 0);
	CHECK(sim_run(hook_task));
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_MMIO);
	world_end();
}

static void recreate_0(void *arg)
{
	(void)arg;
	world_must_set(1, 0x400, 1, hva_of(100), 0);
}

/* Another slot is made while a fault sleeps: the fault need not retry. */
static void test_create_in_get_page(void)
{
	begin();
	hook_task = sim_spawn("create", recreate_0, NULL);
	host_get_hook = hook_run_task;
	CHECK_EQ(guest_fault(CPU(0), 2, 0, ACCESS_WRITE), SLAT_FAULT_FIXED);
	CHECK(sim_is_done(hook_task));
	CHECK(world_entry(2) & EPT_W);
	world_end();
}

static void replace_page_2(void *arg)
{
	(void)arg;
	host_change(hva_of(2), 1, HOST_REPLACE, true);
}

static void begin_page_2(void *arg)
{
	(void)arg;
	host_change_begin(hva_of(2), 1, true);
}

static void test_change_in_get_page(void)
{
	begin();
	/* Begun and ended in between: the sequence tells. */
	hook_task = sim_spawn("replace", replace_page_2, NULL);
	host_get_hook = hook_run_task;
	CHECK_EQ(guest_fault(CPU(0), 2, 0, ACCESS_WRITE), SLAT_FAULT_RETRY);
	CHECK_EQ(world_entry(2), 0);
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_RAM);
	/* Begun in between and not ended: the range tells. */
	hook_task = sim_spawn("begin", begin_page_2, NULL);
	host_get_hook = hook_run_task;
	CHECK_EQ(guest_fault(CPU(0), 2, 0, ACCESS_WRITE), SLAT_FAULT_RETRY);
	CHECK_EQ(world_entry(2), 0);
	host_change_end(hva_of(2), 1);
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_RAM);
	/* Begun and ended in between, while another is in progress elsewhere. */
	host_change(hva_of(2), 1, HOST_UNMAP, true);
	host_change_begin(hva_of(300), 1, true);
	hook_task = sim_spawn("replace", replace_page_2, NULL);
	host_get_hook = hook_run_task;
	CHECK_EQ(guest_fault(CPU(0), 2, 0, ACCESS_WRITE), SLAT_FAULT_RETRY);
	host_change_end(hva_of(300), 1);
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_RAM);
	world_end();
}

/* A change in progress elsewhere does not hold up a fault, not even once. */
static void test_unrelated_change(void)
{
	u64 i;

	begin();
	world_must_set(1, 0x100, 64, hva_of(100), 0);
	/* The host has the pages: only the raised range keeps them out. */
	for (i = 0; i < 64; i++)
		guest_must(CPU(0), 0x100 + i, ACCESS_WRITE, TOUCH_RAM);
	host_change_begin(hva_of(100), 10, true);
	host_change_begin(hva_of(120), 10, true);
	for (i = 0; i < 8; i++) {
		struct touch touch = guest_touch(CPU(0), i, ACCESS_WRITE);

		CHECK(touch.result == TOUCH_RAM && !touch.retries);
	}
	/* The edges of the union are exact. */
	CHECK_EQ(guest_touch(CPU(0), 0x100 + 30, ACCESS_WRITE).retries, 0);
	CHECK_EQ(guest_fault(CPU(0), 0x100, 0, ACCESS_READ), SLAT_FAULT_RETRY);
	CHECK_EQ(guest_fault(CPU(0), 0x100 + 29, 0, ACCESS_READ), SLAT_FAULT_RETRY);
	host_change_end(hva_of(100), 10);
	CHECK_EQ(guest_fault(CPU(0), 0x100 + 20, 0, ACCESS_READ), SLAT_FAULT_RETRY);
	/* A third, below: the union grows at that end and shrinks at none. */
	host_change_begin(hva_of(90), 2, true);
	CHECK_EQ(guest_fault(CPU(0), 0x100 + 29, 0, ACCESS_READ), SLAT_FAULT_RETRY);
	host_change_end(hva_of(90), 2);
	host_change_end(hva_of(120), 10);
	CHECK_EQ(world.slots.notify.in_progress, 0);
	guest_must(CPU(0), 0x100 + 20, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(0), 0x100, ACCESS_READ, TOUCH_RAM);
	world_end();
}

/* A slot made while a change of its host range is in progress maps nothing of it. */
static void test_slot_in_change(void)
{
	u64 i;

	begin();
	world_must_set(2, 0x400, 8, hva_of(198), 0);
	for (i = 0; i < 8; i++)
		guest_must(CPU(0), 0x400 + i, ACCESS_WRITE, TOUCH_RAM);
	host_change_begin(hva_of(200), 4, true);
	world_must_set(1, 0x100, 8, hva_of(198), 0);
	CHECK_EQ(guest_fault(CPU(0), 0x102, 0, ACCESS_WRITE), SLAT_FAULT_RETRY);
	guest_must(CPU(0), 0x101, ACCESS_WRITE, TOUCH_RAM);
	world_must_set(1, 0x200, 8, hva_of(198), 0);
	CHECK_EQ(guest_fault(CPU(0), 0x202, 0, ACCESS_WRITE), SLAT_FAULT_RETRY);
	host_change_apply(hva_of(200), 4, HOST_REPLACE);
	host_change_end(hva_of(200), 4);
	guest_must(CPU(0), 0x202, ACCESS_WRITE, TOUCH_RAM);
	world_end();
}

struct thing {
	struct slat_retired retired;
	bool freed;
};

static void thing_free(struct slat_retired *retired)
{
	container_of(retired, struct thing, retired)->freed = true;
}

/* Retired objects go in order, each when its last reader has left, not sooner. */
static void test_retire(void)
{
	struct thing things[4] = {};
	unsigned int i;

	begin();
	slat_epoch_reap(&world.epochs);
	slat_epoch_retire(&world.epochs, &things[0].retired, SLAT_RETIRED_MAX / 2,
			  thing_free);
	vcpu_enter(CPU(0));
	slat_epoch_retire(&world.epochs, &things[1].retired, SLAT_RETIRED_MAX / 2,
			  thing_free);
	sim_section(false);
	vcpu_enter(CPU(1));
	slat_epoch_retire(&world.epochs, &things[2].retired, SLAT_RETIRED_MAX / 2,
			  thing_free);
	slat_epoch_retire(&world.epochs, &things[3].retired, SLAT_RETIRED_MAX / 2,
			  thing_free);
	CHECK(!things[0].freed);
	/* Twice as much as may be kept, but nobody keeps the first. */
	CHECK(!slat_epochs_are_full(&world.epochs));
	slat_epoch_reap(&world.epochs);
	CHECK(things[0].freed && !things[1].freed && !things[2].freed);
	CHECK(slat_epochs_are_full(&world.epochs));
	vcpu_leave(CPU(0));
	CHECK(!slat_epochs_are_full(&world.epochs));
	slat_epoch_reap(&world.epochs);
	CHECK(things[1].freed && !things[2].freed && !things[3].freed);
	CHECK_EQ(world.epochs.nr_retired, 2);
	CHECK_EQ(world.epochs.retired_bytes, SLAT_RETIRED_MAX);
	vcpu_leave(CPU(1));
	slat_epoch_reap(&world.epochs);
	for (i = 0; i < ARRAY_SIZE(things); i++)
		CHECK(things[i].freed);
	CHECK_EQ(world.epochs.nr_retired, 0);
	world_end();
}

/* A client that changes slots in a loop cannot pile up old sets without end. */
static void test_retired_are_bounded(void)
{
	unsigned int i;

	begin();
	vcpu_enter(CPU(0));
	sim_section(false);
	for (i = 0; i < 1000; i++)
		world_must_set(0, 0, 8, hva_of(0), i & 1 ? 0 : KVM_MEM_LOG_DIRTY_PAGES);
	CHECK(world.epochs.nr_retired >= 1000);
	vcpu_leave(CPU(0));
	world_must_set(1, 0x100, 1, hva_of(100), 0);
	CHECK_EQ(world.epochs.nr_retired, 0);
	world_end();
}

/* Toggles the log of slot 0, of @npages pages, until that fails. Returns how often. */
static unsigned int toggle_log(u64 npages, unsigned int most, int *err)
{
	struct kvm_userspace_memory_region r = {
		.memory_size = npages * SLAT_PAGE_SIZE, .userspace_addr = HOST_BASE,
	};
	unsigned int done;

	for (done = 0; done < most; done++) {
		r.flags = done & 1 ? 0 : KVM_MEM_LOG_DIRTY_PAGES;
		*err = slat_memslots_set_region(&world.slots, &r, NULL);
		if (*err)
			break;
	}
	return done;
}

/*
 * Beside a sleeper each log that ends stays. In the end there is no memory for a change
 * that waits for nobody; nothing has changed, and it can be made when the sleeper is gone.
 */
static void test_retired_memory_is_bounded(void)
{
	const u64 npages = 4ULL << 20;
	struct kvm_userspace_memory_region other = {
		.slot = 1, .guest_phys_addr = 1ULL << 40, .memory_size = SLAT_PAGE_SIZE,
	};
	const struct slat_slots_root *before;
	u64 sleeps = sim_counts.sleeps;
	unsigned int done;
	int err = 0;

	begin();
	world_delete(0);
	world_must_set(0, 0, npages, HOST_BASE, 0);
	vcpu_enter(CPU(0));
	sim_section(false);
	done = toggle_log(npages, 5000, &err);
	CHECK_EQ(err, -ENOMEM);
	CHECK(done > 8 && done < 200);
	CHECK(world.epochs.retired_bytes < (64ULL << 20) + 2 * npages);
	before = world.slots.root;
	CHECK_EQ(slat_memslots_set_region(&world.slots, &other, NULL), -ENOMEM);
	CHECK(world.slots.root == before);
	CHECK_EQ(sim_counts.sleeps, sleeps);
	vcpu_leave(CPU(0));
	CHECK_EQ(toggle_log(npages, 20, &err), 20);
	CHECK_EQ(world.epochs.retired_bytes, 0);
	world_end();
}

static u64 *shared_word;

/* Publishes, waits, and reuses: a reader inside must keep the old alive. */
static void epoch_updater(void *arg)
{
	u64 *old = shared_word;
	static u64 next[1];

	(void)arg;
	next[0] = 1;
	WRITE_ONCE(shared_word, next);
	slat_epoch_wait(&world.epochs, slat_epoch_advance(&world.epochs));
	sim_point();
	old[0] = 0;
}

static void epoch_reader(void *arg)
{
	struct vcpu *vcpu = arg;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		u64 *word;

		slat_reader_enter(&world.epochs, &vcpu->reader);
		word = READ_ONCE(shared_word);
		sim_point();
		if (READ_ONCE(word[0]) != 1)
			FAIL("a reader found an old object that was reused");
		slat_reader_leave(&world.epochs, &vcpu->reader);
		sim_point();
	}
}

/* With store buffers: each barrier of the epochs is needed, as is each wakeup. */
static void test_epoch_barriers(void)
{
	unsigned int i, runs = test_runs(20000);

	for (i = 0; i < runs; i++) {
		struct sim_plan plan = {
			.kind = SIM_RANDOM, .chance = 200, .buffering = true,
		};
		static u64 first[1];

		world_begin(test_options.seed + i, &plan, NULL);
		first[0] = 1;
		shared_word = first;
		sim_spawn("reader", epoch_reader, CPU(0));
		sim_spawn("reader", epoch_reader, CPU(1));
		sim_spawn("updater", epoch_updater, NULL);
		world_end();
	}
}

const struct test wait_tests[] = {
	{ "slot create and flags wait for nobody and drop nothing",
	  test_create_waits_for_nobody },
	{ "slot delete and move wait for those who were inside", test_delete_waits },
	{ "slot delete and move without readers do not sleep", test_delete_alone },
	{ "a slot is deleted while its fault sleeps", test_delete_in_get_page },
	{ "a slot is created while another's fault sleeps", test_create_in_get_page },
	{ "the host changes a page while its fault sleeps", test_change_in_get_page },
	{ "a host change elsewhere holds up no fault", test_unrelated_change },
	{ "a slot created or moved inside a host change", test_slot_in_change },
	{ "retired objects go when their last reader left", test_retire },
	{ "old slot sets are freed when the sleeper wakes", test_retired_are_bounded },
	{ "logs and sets that a sleeper keeps are bounded, and nobody waits",
	  test_retired_memory_is_bounded },
	{ "epochs on a machine with store buffers", test_epoch_barriers },
	{ }
};
