// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that come and go, and sleep: in each state, and in the middle of what
 * changes the state.
 */
#include "world.h"

#include <errno.h>
#include <string.h>

/* How to get into a state with users, or none. */
enum scene { SCENE_OFF, SCENE_EXCLUSIVE, SCENE_SHARED, SCENE_LATE, SCENE_LEAVING, SCENE_GONE,
	     NR_SCENES };

static const enum slat_owner_state scene_state[NR_SCENES] = {
	[SCENE_OFF] = SLAT_OWNER_OFF,
	[SCENE_EXCLUSIVE] = SLAT_OWNER_EXCLUSIVE,
	[SCENE_SHARED] = SLAT_OWNER_SHARED,
	/* KVM's state is behind the starting section, as from 6.3 on. */
	[SCENE_LATE] = SLAT_OWNER_EXCLUSIVE,
	[SCENE_LEAVING] = SLAT_OWNER_LEAVING,
	[SCENE_GONE] = SLAT_OWNER_GONE,
};

static void set_scene(enum scene scene)
{
	world_init(scene != SCENE_LATE);
	if (scene == SCENE_SHARED)
		CHECK(world_kvm_load());
	if (scene != SCENE_OFF && scene != SCENE_GONE)
		CHECK_EQ(world_get(), 0);
	if (scene == SCENE_LEAVING || scene == SCENE_GONE)
		world_reboot();
	CHECK_EQ(world.owner, scene_state[scene]);
	world_check();
}

static void test_down_and_up(void)
{
	int scene, cpu, frozen, err;

	for (scene = 0; scene < NR_SCENES; scene++) {
		for (frozen = 0; frozen < 2; frozen++) {
			set_scene(scene);
			for (cpu = 1; cpu < CPUS; cpu++) {
				err = scene == SCENE_SHARED && !frozen ? -EBUSY : 0;
				CHECK_EQ(world_cpu_down(cpu, frozen), err);
				world_check();
				if (err)
					continue;
				CHECK_EQ(world_cpu_up(cpu), 0);
				world_check();
			}
			CHECK_EQ(world.stays, scene == SCENE_SHARED && !frozen ? CPUS - 1 : 0);
		}
	}
}

static void test_refused(void)
{
	int scene, cpu = CPUS - 1;

	for (scene = 0; scene < NR_SCENES; scene++) {
		set_scene(scene);
		CHECK_EQ(world_cpu_down(cpu, true), 0);
		world.cpu[cpu].broken = true;
		CHECK_EQ(world_cpu_up(cpu), scene == SCENE_SHARED || scene == SCENE_LATE ? -EIO : 0);
		CHECK(!world.cpu[cpu].on);
		world_check();
		/* A CPU that came without VMX goes without a VMXOFF. */
		if (world.cpu[cpu].online)
			CHECK_EQ(world_cpu_down(cpu, true), 0);
		world.cpu[cpu].broken = false;
		CHECK_EQ(world_cpu_up(cpu), 0);
		world_check();
	}
}

static void test_sleep(void)
{
	int scene, broken;

	for (scene = 0; scene < NR_SCENES; scene++) {
		for (broken = 0; broken < 1 << CPUS; broken++) {
			int i;

			set_scene(scene);
			for (i = 0; i < CPUS; i++)
				world.cpu[i].broken = broken & 1 << i;
			world_sleep();
			world_check();
			world_sleep();
			world_check();
			if (world.users)
				world_put();
			world_check();
		}
	}
}

/*
 * One CPU comes or goes while something else changes the state: it looks its row
 * up in one gap and carries it out in another, or when the lock waits for it.
 */
static struct {
	bool up, frozen;
	int now, look_at, finish_at;
	bool looked, finished;
	const struct slat_owner_row *row;
} race;

#define RACE_CPU	1

static void race_finish(void)
{
	void (*gap)(void) = world.gap;

	if (!race.looked || race.finished)
		return;
	world.gap = NULL;
	world_hotplug_finish(race.row, RACE_CPU, race.up);
	world.gap = gap;
	race.finished = true;
}

static void race_gap(void)
{
	int now = race.now++;

	if (now >= race.look_at && !race.looked && !world.locked) {
		race.row = world_hotplug(race.up, race.frozen);
		race.looked = true;
	}
	if (now >= race.finish_at)
		race_finish();
}

/* Return: whether the chain was long enough for the race. */
static bool race_run(enum scene scene, int (*chain)(void), int look_at, int finish_at)
{
	set_scene(scene);
	if (race.up) {
		CHECK_EQ(world_cpu_down(RACE_CPU, true), 0);
		world_check();
	}
	race.now = 0;
	race.look_at = look_at;
	race.finish_at = finish_at;
	race.looked = false;
	race.finished = false;
	world.gap = race_gap;
	world.wait = race_finish;
	chain();
	world.gap = NULL;
	world.wait = NULL;
	race_finish();
	world_check();
	if (world.users)
		world_put();
	world_check();
	return look_at < race.now;
}

static int chain_get(void)
{
	return world_get();
}

static int chain_get_fails(void)
{
	int err;

	world.cpu[CPUS - 1].broken = true;
	err = world_get();
	CHECK_EQ(err, -EIO);
	return err;
}

static int chain_put(void)
{
	world_put();
	return 0;
}

static int chain_reboot(void)
{
	world_reboot();
	return 0;
}

static void race_all(enum scene scene, int (*chain)(void))
{
	int how, look_at, finish_at;

	for (how = 0; how < 3; how++) {
		race.up = how == 0;
		race.frozen = how == 1;
		for (look_at = 0; ; look_at++) {
			bool more = true;

			for (finish_at = look_at; finish_at < look_at + 12; finish_at++)
				more = race_run(scene, chain, look_at, finish_at);
			if (!more)
				break;
		}
	}
}

static void test_race_start(void)
{
	race_all(SCENE_OFF, chain_get);
	race_all(SCENE_OFF, chain_get_fails);
}

static void test_race_end(void)
{
	race_all(SCENE_EXCLUSIVE, chain_put);
	race_all(SCENE_SHARED, chain_put);
	race_all(SCENE_LATE, chain_put);
	race_all(SCENE_LEAVING, chain_put);
}

static void test_race_reboot(void)
{
	race_all(SCENE_OFF, chain_reboot);
	race_all(SCENE_EXCLUSIVE, chain_reboot);
	race_all(SCENE_SHARED, chain_reboot);
	race_all(SCENE_LATE, chain_reboot);
}

/* Any event in any state: what can't come changes nothing, the rest breaks nothing. */
static void test_wrong_events(void)
{
	unsigned int scene, event, cpu;
	struct world before;
	int err;

	for (scene = 0; scene < NR_SCENES; scene++) {
		for (event = 0; event < SLAT_NR_OWNER_EVENTS; event++) {
			for (cpu = 0; cpu < CPUS; cpu++) {
				set_scene(scene);
				before = world;
				err = world_event(event, cpu);
				if (err == -ENOSYS)
					CHECK(!memcmp(&world, &before, sizeof(world)));
				/* and again */
				world_event(event, cpu);
				CHECK(!world.locked);
			}
		}
	}
}

const struct test hotplug_tests[] = {
	{ "hotplug: a CPU goes and comes in each state", test_down_and_up },
	{ "hotplug: a CPU that can't turn VMX on is refused where that is possible", test_refused },
	{ "sleep: VMX is off asleep and back with VMs only", test_sleep },
	{ "race: a CPU comes or goes while VMX is being turned on", test_race_start },
	{ "race: a CPU comes or goes while VMX is being turned off", test_race_end },
	{ "race: a CPU comes or goes while the machine goes down", test_race_reboot },
	{ "wrong: each event in each state, twice", test_wrong_events },
	{ }
};
