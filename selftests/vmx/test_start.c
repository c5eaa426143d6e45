// SPDX-License-Identifier: GPL-2.0
/*
 * The first VM and the last, against everything that can be in the way; reboot;
 * emergencies.
 */
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>

enum kvm { KVM_ABSENT, KVM_IDLE, KVM_RUNS, NR_KVM };

/* What may be in the way of the first VM. */
struct way {
	bool starting;
	enum kvm kvm;
	int kvms_error, own_error;
	unsigned int broken, foreign;
};

static void way_world(const struct way *way)
{
	int i;

	world_init(way->starting);
	if (way->kvm != KVM_ABSENT)
		CHECK(world_kvm_load());
	if (way->kvm == KVM_RUNS)
		CHECK(world_kvm_on());
	world.kvms_error = way->kvms_error;
	world.own_error = way->own_error;
	for (i = 0; i < CPUS; i++) {
		world.cpu[i].broken = way->broken & 1u << i;
		/* A hypervisor that asks nobody. */
		world.cpu[i].foreign |= !!(way->foreign & 1u << i);
	}
}

static bool way_shared(const struct way *way)
{
	return way->starting && way->kvm != KVM_ABSENT;
}

/* The errno, by rules rather than by the table. */
static int way_errno(const struct way *way)
{
	int i;

	if (way->kvms_error)
		return way->kvms_error;
	if (way_shared(way)) {
		if (way->own_error)
			return way->own_error;
	} else if (way->kvm == KVM_RUNS) {
		return -EBUSY;
	}
	for (i = 0; i < CPUS; i++) {
		if (way->kvm == KVM_RUNS || way->foreign & 1u << i)
			return -EBUSY;
		if (way->broken & 1u << i)
			return -EIO;
	}
	return 0;
}

/* As it was, but for what was logged and remembered of failures. */
static bool same_world(const struct world *before)
{
	struct world now = world;
	int i;

	now.told = before->told;
	for (i = 0; i < CPUS; i++)
		now.cpu[i].failed = before->cpu[i].failed;
	return !memcmp(&now, before, sizeof(now));
}

static void check_way(const struct way *way)
{
	struct world before;
	int err = way_errno(way);

	way_world(way);
	before = world;
	CHECK_EQ(world_get(), err);
	if (err) {
		CHECK_EQ(world.told, 1);
		if (!same_world(&before))
			FAIL("errno %d: something is not as it was", -err);
		return;
	}
	world_check();
	CHECK_EQ(world.owner, way_shared(way) ? SLAT_OWNER_SHARED : SLAT_OWNER_EXCLUSIVE);
	CHECK_EQ(world.guarded, way->kvm == KVM_ABSENT);
	CHECK_EQ(world_get(), 0);
	world_put();
	world_check();
	world_put();
	world_check();
	if (!same_world(&before))
		FAIL("after the last VM something is not as it was");
}

static void test_start(void)
{
	static const int errors[] = { 0, -EBUSY, -ENOSPC };
	unsigned int i, k, o;
	struct way way;

	for (i = 0; i < 2u * NR_KVM << 2 * CPUS; i++) {
		way.starting = i & 1;
		way.foreign = i >> 1 & ((1u << CPUS) - 1);
		way.broken = i >> (1 + CPUS) & ((1u << CPUS) - 1);
		way.kvm = i >> (1 + 2 * CPUS);
		for (k = 0; k < 3; k++) {
			/* EBUSY is what KVM's holding it says. */
			way.kvms_error = errors[k] == -EBUSY ? -EINVAL : errors[k];
			for (o = 0; o < 3; o++) {
				way.own_error = errors[o];
				check_way(&way);
			}
		}
	}
}

/* The two states with VMX on, and what was before. */
static void start(bool shared)
{
	world_init(true);
	if (shared)
		CHECK(world_kvm_load());
	CHECK_EQ(world_get(), 0);
	CHECK_EQ(world.owner, shared ? SLAT_OWNER_SHARED : SLAT_OWNER_EXCLUSIVE);
	world_check();
}

static void test_reboot(void)
{
	int shared, vms, i;

	for (shared = 0; shared < 2; shared++) {
		for (vms = 0; vms < 2; vms++) {
			start(shared);
			if (!vms)
				world_put();
			world_reboot();
			world_check();
			for (i = 1; i < CPUS; i++) {
				CHECK_EQ(world_cpu_down(i, false), 0);
				world_check();
				CHECK_EQ(world_cpu_up(i), 0);
				world_check();
			}
			world_sleep();
			world_reboot();
			world_check();
			if (vms)
				world_put();
			world_check();
			CHECK_EQ(world_get(), -EBUSY);
			CHECK_EQ(world.told, 0);
			world_check();
		}
	}
}

static bool kvm_unload(void)
{
	world_kvm_unload();
	return true;
}

static bool kvm_off(void)
{
	world_kvm_off();
	return true;
}

static bool kvm_unload_core(void)
{
	world_kvm_unload_core();
	return true;
}

/* What may happen to KVM while a VM comes or goes, or between two of them. */
static bool (*const kvm_acts[])(void) = {
	world_kvm_load, kvm_unload, world_kvm_on, kvm_off, kvm_unload_core,
};

#define KVM_ACTS	(int)(sizeof(kvm_acts) / sizeof(kvm_acts[0]))

static int gap_now, gap_wanted, gap_act;

static void kvm_gap(void)
{
	void (*gap)(void) = world.gap;

	if (gap_now++ != gap_wanted)
		return;
	world.gap = NULL;
	kvm_acts[gap_act]();
	world.gap = gap;
}

/* Three acts of KVM's: before, in the middle of, and after the call. */
static void kvm_around(bool starting, int before, int act, bool put)
{
	int end, after, with_vm = put;

	gap_act = act;
	for (gap_wanted = 0; ; gap_wanted++) {
		for (after = 0; after < KVM_ACTS; after++) {
			world_init(starting);
			if (with_vm)
				CHECK_EQ(world_get(), 0);
			kvm_acts[before]();
			world_check();
			gap_now = 0;
			world.gap = kvm_gap;
			put ? world_put() : (void)world_get();
			end = gap_now;
			world.gap = NULL;
			world_check();
			kvm_acts[after]();
			world_check();
			kvm_unload();
			world_check();
			if (world.users)
				world_put();
			world_check();
			CHECK(world.slot == NOBODY);
		}
		if (gap_wanted >= end)
			return;
	}
}

static void test_guard_kvm(void)
{
	int i;

	for (i = 0; i < 4 * KVM_ACTS * KVM_ACTS; i++)
		kvm_around(i & 1, i / 4 % KVM_ACTS, i / 4 / KVM_ACTS, i & 2);
}

/* kvm_intel comes and fails or stays, and leaves: the slot is its own until then. */
static void test_guard_given(void)
{
	int starting;

	for (starting = 0; starting < 2; starting++) {
		world_init(starting);
		CHECK_EQ(world_get(), 0);
		CHECK(world.guarded);
		CHECK_EQ(world_kvm_load(), !starting);
		CHECK_EQ(world.guarded, starting);
		world_check();
		CHECK(!world_kvm_on());
		world_check();
		world_kvm_unload();
		CHECK(world.guarded);
		world_check();
		world_put();
		CHECK(!world.guarded);
		CHECK(world_kvm_load());
		CHECK(world_kvm_on());
		CHECK(world_get());
		world_kvm_unload();
		world_check();
	}
}

/* Loaded behind KVM, of which kvm alone may be left. */
static void test_guard_look(void)
{
	int starting;

	for (starting = 0; starting < 2; starting++) {
		world_init(starting);
		CHECK(world_kvm_load());
		world.guard_is_kvms = false;
		world_kvm_look();
		CHECK_EQ(world_get(), 0);
		CHECK(!world.guarded);
		world_check();
		world_kvm_unload();
		CHECK(world.guarded);
		world_kvm_look();
		CHECK(!world.guarded);
		world_kvm_unload_core();
		CHECK(world.guarded);
		world_put();
		world_check();
	}
}

static void emergency_gap(void)
{
	int i;

	if (gap_now++ != gap_wanted)
		return;
	/* Nothing is called, and nothing must be on. */
	if (!world.guarded) {
		CHECK(!world_any_on());
		return;
	}
	world.gap = NULL;
	for (i = 0; i < CPUS; i++)
		world_emergency(i);
	CHECK(!world_any_on());
}

/* In the middle of whatever goes on, while the callback is registered. */
static void emergency_in(int (*chain)(void), bool shared)
{
	int end;

	for (gap_wanted = 0; ; gap_wanted++) {
		start(shared);
		gap_now = 0;
		world.gap = emergency_gap;
		chain();
		end = gap_now;
		world.gap = NULL;
		CHECK(!world_any_on() || !world.going_down);
		if (gap_wanted >= end)
			return;
	}
}

static int chain_put(void)
{
	world_put();
	return 0;
}

static int chain_reboot(void)
{
	return world_event(SLAT_WHEN_REBOOT, 0);
}

static int chain_down(void)
{
	return world_cpu_down(1, false);
}

static int chain_up(void)
{
	void (*gap)(void) = world.gap;

	world.gap = NULL;
	if (world_cpu_down(1, true))
		return 0;
	world.gap = gap;
	return world_cpu_up(1);
}

/* While VMX is being turned on: no CPU goes on with what it did. */
static jmp_buf stopped;

static void emergency_stops(void)
{
	int i;

	if (gap_now++ != gap_wanted)
		return;
	for (i = 0; i < CPUS; i++)
		world_emergency(i);
	CHECK(!world_any_on());
	longjmp(stopped, 1);
}

static void test_emergency_start(void)
{
	for (gap_wanted = 0; ; gap_wanted++) {
		world_init(true);
		world.cpu[CPUS - 1].broken = gap_wanted & 1;
		gap_now = 0;
		world.gap = emergency_stops;
		if (setjmp(stopped))
			continue;
		world_get();
		return;
	}
}

static void test_emergency(void)
{
	int i;

	start(false);
	for (i = CPUS - 1; i >= 0; i--)
		world_emergency(i);
	CHECK(!world_any_on());
	world_check();
	emergency_in(chain_put, false);
	emergency_in(chain_reboot, false);
	emergency_in(chain_down, false);
	start(true);
	CHECK(!world.guarded);
}

/* Its CPU is turned on only if that was looked up before the emergency. */
static void test_emergency_up(void)
{
	world_init(true);
	CHECK_EQ(world_get(), 0);
	CHECK_EQ(world_cpu_down(1, false), 0);
	world_emergency(0);
	CHECK_EQ(world_cpu_up(1), 0);
	CHECK(!world.cpu[1].on);
	CHECK_EQ(chain_up(), 0);
	CHECK(!world.cpu[1].on);
}

const struct test start_tests[] = {
	{ "start: whatever is in the way, all or nothing", test_start },
	{ "kvm: it comes, goes, turns VMX on and off at any moment", test_guard_kvm },
	{ "kvm: the slot of the emergency callback is its own while it is there", test_guard_given },
	{ "kvm: what was there before the module", test_guard_look },
	{ "reboot: VMX is off for good", test_reboot },
	{ "emergency: at any moment, no CPU stays on", test_emergency },
	{ "emergency: nor while VMX is being turned on", test_emergency_start },
	{ "emergency: no CPU comes up with VMX after it", test_emergency_up },
	{ }
};
