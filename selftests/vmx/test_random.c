// SPDX-License-Identifier: GPL-2.0
/*
 * Random histories of a machine.
 */
#include "world.h"

#include <stdint.h>

#define STEPS		200
#define RUNS		3000

static uint64_t state;

static unsigned int rnd(unsigned int n)
{
	/* splitmix64 */
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z ^ (z >> 31)) % n;
}

static void step_cpu(void)
{
	int cpu = 1 + rnd(CPUS - 1);

	if (!world.cpu[cpu].online)
		world_cpu_up(cpu);
	else
		world_cpu_down(cpu, rnd(2));
}

static void step_kvm(void)
{
	switch (rnd(6)) {
	case 0:
		world_kvm_load();
		break;
	case 1:
		world_kvm_unload();
		break;
	case 2:
		world_kvm_on();
		break;
	case 3:
		world_kvm_off();
		break;
	case 4:
		world_kvm_unload_core();
		break;
	case 5:
		world_kvm_look();
		break;
	}
}

static void step_vm(void)
{
	int i;

	for (i = 0; i < CPUS; i++)
		world.cpu[i].broken = !rnd(20);
	world.kvms_error = rnd(20) ? 0 : -12;
	world.own_error = rnd(20) ? 0 : -28;
	if (world.users && rnd(2))
		world_put();
	else
		world_get();
}

static void step(void)
{
	unsigned int what = rnd(100);

	if (what < 40)
		step_vm();
	else if (what < 65)
		step_cpu();
	else if (what < 90)
		step_kvm();
	else if (what < 98)
		world_sleep();
	else if (!rnd(4))
		world_reboot();
}

static void test_histories(void)
{
	unsigned int run, i;

	for (run = 0; run < test_runs(RUNS); run++) {
		state = test_options.seed * 1000003 + run;
		world_init(rnd(2));
		for (i = 0; i < STEPS; i++) {
			step();
			world_check();
		}
		while (world.users)
			world_put();
		world_check();
		if (world_any_on() || world.slot == OURS || world.followed)
			FAIL("run %u: something is left", run);
	}
}

/* What no machine does: events without the order that hardware and kernel keep. */
static void test_wrong_histories(void)
{
	unsigned int run, i;

	for (run = 0; run < test_runs(RUNS); run++) {
		state = test_options.seed * 1000003 + run;
		world_init(rnd(2));
		for (i = 0; i < STEPS; i++) {
			if (rnd(3))
				step_vm();
			else
				world_event(SLAT_WHEN_CPU_STARTS + rnd(6), rnd(CPUS));
			CHECK(!world.locked);
		}
		while (world.users)
			world_put();
		CHECK(!world_any_on());
	}
}

const struct test random_tests[] = {
	{ "random: histories of a machine", test_histories },
	{ "random: events in an order that can't be", test_wrong_histories },
	{ }
};
