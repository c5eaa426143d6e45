// SPDX-License-Identifier: GPL-2.0
/*
 * Races: small scenarios run in every order with one preemption and in many
 * with two or three. What must hold is checked by world_check.c at each write
 * and at each return; the scenarios bring the actors together.
 */
#include "explore.h"
#include "world.h"

#define GFN	0x1fe
#define PAIRS	300

static struct world_options options = {
	.gen_bits = SLAT_GEN_BITS_MAX, .nr_slots = 8, .vcpus = 3,
};

static void begin(const struct sim_plan *plan)
{
	world_begin(test_options.seed, plan, &options);
}

/* Actors, by what they do to gfn GFN or to the slot there. */

static void act_read(void *arg)
{
	guest_touch(&world.vcpus[(long)arg], GFN, ACCESS_READ);
}

static void act_write(void *arg)
{
	guest_touch(&world.vcpus[(long)arg], GFN, ACCESS_WRITE);
	guest_touch(&world.vcpus[(long)arg], GFN + 1, ACCESS_WRITE);
}

static void act_write_twice(void *arg)
{
	guest_touch(&world.vcpus[(long)arg], GFN, ACCESS_WRITE);
	guest_touch(&world.vcpus[(long)arg], GFN, ACCESS_WRITE);
}

static void act_write_moved(void *arg)
{
	guest_touch(&world.vcpus[(long)arg], GFN + 0x200, ACCESS_WRITE);
}

static void act_create(void *arg)
{
	(void)arg;
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
}

/* As a client does: delete, then give the memory back. */
static void act_delete(void *arg)
{
	(void)arg;
	world_delete(1);
	host_change(hva_of(0), 4, HOST_UNMAP, true);
}

static void act_move(void *arg)
{
	(void)arg;
	world_must_set(1, GFN - 2 + 0x200, 4, hva_of(0), 0);
}

static void act_recreate(void *arg)
{
	(void)arg;
	world_delete(1);
	world_must_set(1, GFN - 2, 4, hva_of(16), 0);
}

static void act_create_other(void *arg)
{
	(void)arg;
	world_must_set(2, 0x1000, 1, hva_of(32), 0);
}

static void act_replace(void *arg)
{
	(void)arg;
	host_change(hva_of(1), 3, HOST_REPLACE, true);
}

static void act_unmap_atomic(void *arg)
{
	(void)arg;
	host_change(hva_of(0), 4, HOST_UNMAP, false);
}

static void act_protect(void *arg)
{
	(void)arg;
	host_change(hva_of(2), 1, HOST_PROTECT, true);
}

static void act_clean(void *arg)
{
	(void)arg;
	host_change(hva_of(2), 2, HOST_CLEAN, true);
}

static void act_give_up(void *arg)
{
	(void)arg;
	host_change(hva_of(2), 1, HOST_GIVE_UP, false);
	host_change(hva_of(2), 2, HOST_HINT, true);
}

static void act_swap(void *arg)
{
	(void)arg;
	host_change(hva_of(1), 3, HOST_SWAP, true);
}

static void act_reclaim(void *arg)
{
	(void)arg;
	world_reclaim(4, true);
}

static void act_age(void *arg)
{
	(void)arg;
	world_age(0, 4, true);
}

static void act_log_on(void *arg)
{
	(void)arg;
	world_must_set(1, GFN - 2, 4, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
}

static void act_get_dirty(void *arg)
{
	(void)arg;
	world_get_dirty(1, false);
}

static void act_kernel_write(void *arg)
{
	world_kernel_write(&world.vcpus[(long)arg], GFN);
}

static void act_kernel_write_next(void *arg)
{
	world_kernel_write(&world.vcpus[(long)arg], GFN + 1);
}

/* Looks a slot up and uses its host memory until task 1 is done or waits. */
static void act_hold(void *arg)
{
	struct vcpu *vcpu = &world.vcpus[(long)arg];
	const struct slat_memslot *slot;

	vcpu_enter(vcpu);
	slot = slat_slots_find(slat_memslots_read(&world.slots), GFN);
	while (!sim_is_done(1) && !sim_is_blocked(1))
		sim_pause();
	if (slot && !slot->invalid && slot->base_gfn != GFN - 2)
		FAIL("the slot changed while it was in use");
	vcpu_leave(vcpu);
}

static void spawn_vcpu(long vcpu, void (*act)(void *))
{
	sim_spawn("vcpu", act, (void *)vcpu);
}

static void create_vs_mmio(const struct sim_plan *plan)
{
	begin(plan);
	spawn_vcpu(0, act_read);
	spawn_vcpu(1, act_read);
	sim_spawn("create", act_create, NULL);
	sim_join_all();
	guest_must(&world.vcpus[0], GFN, ACCESS_READ, TOUCH_RAM);
	guest_must(&world.vcpus[1], GFN, ACCESS_WRITE, TOUCH_RAM);
	world_end();
}

static void test_create_vs_mmio(void)
{
	explore(create_vs_mmio, 3, test_runs(PAIRS));
}

static void delete_vs_fault(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	guest_must(&world.vcpus[2], GFN - 1, ACCESS_WRITE, TOUCH_RAM);
	spawn_vcpu(0, act_read);
	spawn_vcpu(1, act_write);
	sim_spawn("delete", act_delete, NULL);
	sim_join_all();
	guest_must(&world.vcpus[0], GFN, ACCESS_READ, TOUCH_MMIO);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), 0);
	world_end();
}

static void test_delete_vs_fault(void)
{
	explore(delete_vs_fault, 3, test_runs(PAIRS));
}

static void delete_vs_reader(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	sim_spawn("delete", act_delete, NULL);
	spawn_vcpu(0, act_hold);
	world_end();
}

static void test_delete_vs_reader(void)
{
	explore(delete_vs_reader, 2, test_runs(PAIRS));
}

static void move_vs_fault(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	guest_must(&world.vcpus[2], GFN, ACCESS_WRITE, TOUCH_RAM);
	spawn_vcpu(0, act_write);
	spawn_vcpu(1, act_write_moved);
	sim_spawn("move", act_move, NULL);
	sim_join_all();
	guest_must(&world.vcpus[0], GFN, ACCESS_READ, TOUCH_MMIO);
	guest_must(&world.vcpus[0], GFN + 0x200, ACCESS_READ, TOUCH_RAM);
	world_end();
}

static void test_move_vs_fault(void)
{
	explore(move_vs_fault, 3, test_runs(PAIRS));
}

static void act_move_by_one(void *arg)
{
	(void)arg;
	world_must_set(1, GFN - 1, 4, hva_of(0), 0);
}

/* A page that the slot covers before and after is never MMIO. */
static void act_must_be_ram(void *arg)
{
	guest_must(&world.vcpus[(long)arg], GFN, ACCESS_WRITE, TOUCH_RAM);
}

static void move_overlapping(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	sim_spawn("move", act_move_by_one, NULL);
	spawn_vcpu(0, act_must_be_ram);
	spawn_vcpu(1, act_must_be_ram);
	world_end();
}

static void test_move_overlapping(void)
{
	explore(move_overlapping, 3, test_runs(PAIRS));
}

static void recreate_vs_fault(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	spawn_vcpu(0, act_write);
	sim_spawn("recreate", act_recreate, NULL);
	sim_spawn("other", act_create_other, NULL);
	sim_join_all();
	guest_must(&world.vcpus[0], GFN, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(host_frame(ept_pfn(world_entry(GFN)))->hva, hva_of(18));
	world_end();
}

static void test_recreate_vs_fault(void)
{
	explore(recreate_vs_fault, 3, test_runs(PAIRS));
}

static void notify_vs_fault(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	guest_must(&world.vcpus[2], GFN, ACCESS_READ, TOUCH_RAM);
	spawn_vcpu(0, act_read);
	spawn_vcpu(1, act_write);
	sim_spawn("replace", act_replace, NULL);
	sim_spawn("unmap", act_unmap_atomic, NULL);
	world_end();
}

static void test_notify_vs_fault(void)
{
	explore(notify_vs_fault, 4, test_runs(PAIRS));
}

static void hook_pause(hva_t hva)
{
	(void)hva;
	sim_pause();
}

/* The host changes the page, in part or whole, while a fault holds the old one. */
static void notify_in_get_page(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	spawn_vcpu(0, act_write);
	sim_spawn("replace", act_replace, NULL);
	host_get_hook = hook_pause;
	world_end();
}

static void test_notify_in_get_page(void)
{
	explore(notify_in_get_page, 2, test_runs(PAIRS));
}

static void protect_vs_write(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	spawn_vcpu(0, act_write_twice);
	spawn_vcpu(1, act_read);
	sim_spawn("protect", act_protect, NULL);
	world_end();
}

static void test_protect_vs_write(void)
{
	explore(protect_vs_write, 3, test_runs(PAIRS));
}

static void notify_vs_create(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(3, 0x800, 4, hva_of(0), 0);
	guest_must(&world.vcpus[1], 0x802, ACCESS_WRITE, TOUCH_RAM);
	sim_spawn("create", act_create, NULL);
	spawn_vcpu(0, act_write);
	sim_spawn("unmap", act_unmap_atomic, NULL);
	world_end();
}

static void test_notify_vs_create(void)
{
	explore(notify_vs_create, 3, test_runs(PAIRS));
}

static void notify_vs_move(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	guest_must(&world.vcpus[1], GFN, ACCESS_WRITE, TOUCH_RAM);
	sim_spawn("move", act_move, NULL);
	spawn_vcpu(0, act_write_moved);
	sim_spawn("replace", act_replace, NULL);
	world_end();
}

static void test_notify_vs_move(void)
{
	explore(notify_vs_move, 3, test_runs(PAIRS));
}

/* Two bits of generation: the second change wraps. */
static void wrap_vs_mmio(const struct sim_plan *plan)
{
	options.gen_bits = 2;
	options.first_generation = 2;
	begin(plan);
	options.gen_bits = SLAT_GEN_BITS_MAX;
	options.first_generation = 0;
	guest_must(&world.vcpus[2], 0x777, ACCESS_READ, TOUCH_MMIO);
	spawn_vcpu(0, act_read);
	sim_spawn("other", act_create_other, NULL);
	sim_spawn("create", act_create, NULL);
	sim_join_all();
	guest_must(&world.vcpus[0], GFN, ACCESS_READ, TOUCH_RAM);
	guest_must(&world.vcpus[2], 0x777, ACCESS_READ, TOUCH_MMIO);
	world_end();
}

static void test_wrap_vs_mmio(void)
{
	explore(wrap_vs_mmio, 3, test_runs(PAIRS));
}

/* The host saves what was written before it drops it, in whatever order. */
static void saving_vs_fault(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	guest_must(&world.vcpus[0], GFN, ACCESS_READ, TOUCH_RAM);
	host_change(hva_of(0), 4, HOST_CLEAN, true);
	spawn_vcpu(0, act_write);
	spawn_vcpu(1, act_read);
	sim_spawn("clean", act_clean, NULL);
	sim_spawn("give up", act_give_up, NULL);
	sim_spawn("swap", act_swap, NULL);
	sim_join_all();
	guest_must(&world.vcpus[0], GFN, ACCESS_WRITE, TOUCH_RAM);
	host_change(hva_of(0), 4, HOST_SWAP, true);
	world_end();
}

static void test_saving_vs_fault(void)
{
	explore(saving_vs_fault, 5, test_runs(PAIRS));
}

static void reclaim_vs_lookup(const struct sim_plan *plan)
{
	begin(plan);
	guest_must(&world.vcpus[2], GFN, ACCESS_READ, TOUCH_MMIO);
	world_must_set(2, 0x1000, 1, hva_of(32), 0);
	spawn_vcpu(0, act_read);
	sim_spawn("reclaim", act_reclaim, NULL);
	sim_spawn("create", act_create, NULL);
	spawn_vcpu(1, act_read);
	world_end();
}

static void test_reclaim_vs_lookup(void)
{
	explore(reclaim_vs_lookup, 4, test_runs(PAIRS));
}

static void fault_vs_fault(const struct sim_plan *plan)
{
	options.accessed_dirty = true;
	begin(plan);
	options.accessed_dirty = false;
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	host_page(hva_of(2))->reads_shared = true;
	spawn_vcpu(0, act_write);
	spawn_vcpu(1, act_read);
	spawn_vcpu(2, act_write);
	sim_spawn("age", act_age, NULL);
	sim_join_all();
	CHECK(world_entry(GFN) & EPT_W);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), 2);
	world_end();
}

static void test_fault_vs_fault(void)
{
	explore(fault_vs_fault, 4, test_runs(PAIRS));
}

static void log_on_vs_write(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	guest_must(&world.vcpus[2], GFN, ACCESS_WRITE, TOUCH_RAM);
	sim_spawn("log on", act_log_on, NULL);
	spawn_vcpu(0, act_write);
	spawn_vcpu(1, act_kernel_write);
	sim_join_all();
	guest_must(&world.vcpus[2], GFN, ACCESS_WRITE, TOUCH_RAM);
	guest_must(&world.vcpus[2], GFN + 1, ACCESS_WRITE, TOUCH_RAM);
	world_get_dirty(1, false);
	world_end();
}

static void test_log_on_vs_write(void)
{
	explore(log_on_vs_write, 3, test_runs(PAIRS));
}

static void get_dirty_vs_write(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	guest_must(&world.vcpus[2], GFN, ACCESS_WRITE, TOUCH_RAM);
	spawn_vcpu(0, act_write_twice);
	spawn_vcpu(1, act_write);
	sim_spawn("get", act_get_dirty, NULL);
	sim_spawn("get", act_get_dirty, NULL);
	sim_join_all();
	world_get_dirty(1, false);
	world_end();
}

static void test_get_dirty_vs_write(void)
{
	explore(get_dirty_vs_write, 4, test_runs(PAIRS));
}

static void act_read_twice(void *arg)
{
	guest_touch(&world.vcpus[(long)arg], GFN, ACCESS_READ);
	guest_touch(&world.vcpus[(long)arg], GFN, ACCESS_READ);
}

/* Hardware sets A and D without any lock, between a look and an exchange. */
static void hardware_vs_bits(const struct sim_plan *plan)
{
	options.accessed_dirty = true;
	begin(plan);
	options.accessed_dirty = false;
	world_must_set(1, GFN - 2, 4, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	guest_must(&world.vcpus[2], GFN, ACCESS_WRITE, TOUCH_RAM);
	world_age(0, 4, true);
	tlb_flush(ALL_CPUS);
	sim_spawn("get", act_get_dirty, NULL);
	sim_spawn("age", act_age, NULL);
	spawn_vcpu(0, act_read_twice);
	spawn_vcpu(1, act_write);
	sim_join_all();
	world_get_dirty(1, false);
	world_end();
}

static void test_hardware_vs_bits(void)
{
	explore(hardware_vs_bits, 4, test_runs(PAIRS));
}

/* Without accessed bits ageing takes leaves away: no CPU may reach them behind it. */
static void fault_vs_age(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	spawn_vcpu(0, act_write_twice);
	spawn_vcpu(1, act_read_twice);
	sim_spawn("age", act_age, NULL);
	sim_spawn("get", act_get_dirty, NULL);
	sim_join_all();
	world_get_dirty(1, false);
	host_change(hva_of(0), 4, HOST_REPLACE, true);
	world_end();
}

static void test_fault_vs_age(void)
{
	explore(fault_vs_age, 4, test_runs(PAIRS));
}

/* Protected by an earlier collection: W comes back without the host. */
static void get_dirty_vs_mend(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	guest_must(&world.vcpus[2], GFN, ACCESS_WRITE, TOUCH_RAM);
	world_get_dirty(1, false);
	spawn_vcpu(0, act_write_twice);
	spawn_vcpu(1, act_write_twice);
	sim_spawn("get", act_get_dirty, NULL);
	sim_join_all();
	world_get_dirty(1, false);
	world_end();
}

static void test_get_dirty_vs_mend(void)
{
	explore(get_dirty_vs_mend, 3, test_runs(PAIRS));
}

/* The kernel marks a page without any lock, in the word that is collected. */
static void get_dirty_vs_kernel(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	guest_must(&world.vcpus[2], GFN, ACCESS_WRITE, TOUCH_RAM);
	sim_spawn("get", act_get_dirty, NULL);
	spawn_vcpu(0, act_kernel_write_next);
	sim_join_all();
	world_get_dirty(1, false);
	world_end();
}

static void test_get_dirty_vs_kernel(void)
{
	explore(get_dirty_vs_kernel, 2, test_runs(PAIRS));
}

/* What the guest's page holds, for one page; a store to it can be delayed. */
static u64 content, copied;

static void act_kernel_store(void *arg)
{
	struct vcpu *vcpu = &world.vcpus[(long)arg];

	vcpu_enter(vcpu);
	WRITE_ONCE(content, 1);
	slat_memslots_mark_dirty(&world.slots, GFN);
	vcpu_leave(vcpu);
}

/* A client that begins to log, then copies everything, then asks what changed. */
static void act_log_on_and_copy(void *arg)
{
	act_log_on(arg);
	copied = READ_ONCE(content);
}

static void log_on_vs_kernel(const struct sim_plan *plan)
{
	unsigned long words[1] = {};
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = words };

	begin(plan);
	world_must_set(1, GFN - 2, 4, hva_of(0), 0);
	content = copied = 0;
	sim_spawn("log on", act_log_on_and_copy, NULL);
	spawn_vcpu(0, act_kernel_store);
	sim_join_all();
	CHECK_EQ(slat_memslots_get_dirty_log(&world.slots, &log, NULL), 0);
	if (!copied && !(words[0] & 4))
		FAIL("the copy lacks what the kernel wrote, and the log does too");
	world_end();
}

static void test_log_on_vs_kernel(void)
{
	explore(log_on_vs_kernel, 2, test_runs(4 * PAIRS));
}

const struct test race_tests[] = {
	{ "race: slot create against MMIO faults", test_create_vs_mmio },
	{ "race: slot delete and munmap against faults", test_delete_vs_fault },
	{ "race: slot delete against a reader that uses the slot", test_delete_vs_reader },
	{ "race: slot move against faults at both places", test_move_vs_fault },
	{ "race: slot move by one page against faults between", test_move_overlapping },
	{ "race: slot delete and create anew against a fault", test_recreate_vs_fault },
	{ "race: host changes against faults", test_notify_vs_fault },
	{ "race: a host change while a fault holds the page", test_notify_in_get_page },
	{ "race: host write protection against writes", test_protect_vs_write },
	{ "race: a host change that spans a slot create", test_notify_vs_create },
	{ "race: a host change that spans a slot move", test_notify_vs_move },
	{ "race: generation wrap against MMIO faults", test_wrap_vs_mmio },
	{ "race: writeback, MADV_FREE and swap against faults", test_saving_vs_fault },
	{ "race: reclaim of tables against lookups without a lock",
	  test_reclaim_vs_lookup },
	{ "race: faults on the same page and table", test_fault_vs_fault },
	{ "race: ageing by faults against faults and collections", test_fault_vs_age },
	{ "race: enabling the dirty log against writes", test_log_on_vs_write },
	{ "race: enabling the dirty log against the kernel's writes",
	  test_log_on_vs_kernel },
	{ "race: collecting dirty pages against writes", test_get_dirty_vs_write },
	{ "race: A and D bits that hardware sets meanwhile", test_hardware_vs_bits },
	{ "race: collecting dirty pages against mending leafs", test_get_dirty_vs_mend },
	{ "race: collecting dirty pages against the kernel's writes",
	  test_get_dirty_vs_kernel },
	{ }
};
