// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs: vCPUs that run, move, change registers, die and are made
 * again; flushers; VMs that come and go on the same root page; CPUs that go off
 * line. Everything follows from the seed.
 */
#include "world.h"

#define ROUNDS	12

static struct vm *vm;

static int any_cpu(void)
{
	return sim_below(MODEL_CPUS);
}

/* Run a few times, here and there, with what a vCPU does in between. */
static void vcpu_live(struct vcpu *vcpu)
{
	int turns = 1 + sim_below(4);

	while (turns--) {
		if (sim_chance(300))
			vcpu_change(vcpu, sim_below(NR_CHANGES));
		vcpu->work = sim_chance(100);
		vcpu_run(vcpu, any_cpu(), sim_chance(300) ? GUEST_INVLPG : GUEST_RUN);
	}
}

static void task_vcpu(void *arg)
{
	struct vcpu *vcpu = vcpu_create(vm);
	int round;

	for (round = 0; round < ROUNDS; round++) {
		vcpu_live(vcpu);
		if (sim_chance(200)) {
			vcpu_destroy(vcpu);
			vcpu = vcpu_create(vm);
		}
	}
	vcpu_destroy(vcpu);
}

static void task_flush(void *arg)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		cpu_prefer(any_cpu());
		vm_remap(vm, (long)arg);
		sim_pause();
	}
}

static void task_vms(void *arg)
{
	int round, turns;

	for (round = 0; round < ROUNDS / 2; round++) {
		struct vm *mine = vm_create();
		struct vcpu *vcpu = vcpu_create(mine);

		for (turns = sim_below(4); turns; turns--) {
			vcpu_live(vcpu);
			cpu_prefer(any_cpu());
			vm_remap(mine, sim_below(NR_GFNS));
		}
		vcpu_destroy(vcpu);
		vm_destroy(mine);
	}
}

static void task_hotplug(void *arg)
{
	int round;

	for (round = 0; round < ROUNDS / 2; round++) {
		int cpu = any_cpu();

		cpu_vmx_off(cpu);
		sim_pause();
		cpu_vmx_on(cpu);
		sim_pause();
	}
}

static void run_one(u64 seed, bool hotplug)
{
	struct sim_plan plan = {
		.kind = SIM_RANDOM, .chance = 40 + seed % 7 * 80, .buffering = true,
	};
	long i;

	world_begin(seed, &plan, seed % 4 == 3);
	vm = vm_create();
	for (i = 0; i < 3; i++)
		sim_spawn("vcpu", task_vcpu, NULL);
	for (i = 0; i < NR_GFNS; i++)
		sim_spawn("flush", task_flush, (void *)i);
	for (i = 0; i < 2; i++)
		sim_spawn("vms", task_vms, NULL);
	if (hotplug)
		sim_spawn("hotplug", task_hotplug, NULL);
	sim_join_all();
	vm_destroy(vm);
}

static void run_many(bool hotplug)
{
	unsigned int runs = test_runs(300), i;
	u64 interrupted = 0, aborted = 0;

	for (i = 0; i < runs; i++) {
		run_one(test_options.seed * 100003 + i, hotplug);
		interrupted += world.interrupted;
		aborted += world.aborted;
		world_end();
	}
	CHECK(interrupted > 0);
	CHECK(hotplug == (aborted > 0));
}

static void test_random(void)
{
	run_many(false);
}

static void test_random_hotplug(void)
{
	run_many(true);
}

const struct test random_tests[] = {
	{ "random vCPUs, flushes and VMs", test_random },
	{ "the same while CPUs go off line", test_random_hotplug },
	{ 0 }
};
