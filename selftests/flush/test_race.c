// SPDX-License-Identifier: GPL-2.0
/*
 * Races: small scenarios in every order with one preemption, and in many with two
 * or three, with stores that stay in the store buffer. What must hold is checked
 * at each VM entry, at each page walk and when a flush returns.
 */
#include "explore.h"
#include "world.h"

#define PAIRS	400

static bool coarse;
static enum change change;
static struct vm *vm, *other;
static struct vcpu *vcpus[3];

/* A VM whose vCPUs have run everywhere; who acts begins with full caches. */
static void begin(const struct sim_plan *plan, int nr_vcpus)
{
	int i, cpu;

	world_begin(test_options.seed, plan, coarse);
	vm = vm_create();
	for (i = 0; i < nr_vcpus; i++) {
		vcpus[i] = vcpu_create(vm);
		for (cpu = 0; cpu < MODEL_CPUS; cpu++)
			vcpu_run(vcpus[i], cpu, GUEST_RUN);
	}
}

static void finish(void)
{
	int i, cpu;

	sim_join_all();
	for (i = 0; i < 3; i++) {
		for (cpu = 0; vcpus[i] && cpu < MODEL_CPUS; cpu++)
			vcpu_run(vcpus[i], cpu, GUEST_RUN);
		vcpus[i] = NULL;
	}
	world_end();
}

static void act_run_0(void *arg)
{
	vcpu_run(vcpus[(long)arg], 0, GUEST_RUN);
	vcpu_run(vcpus[(long)arg], 0, GUEST_RUN);
}

static void act_run_1(void *arg)
{
	vcpu_run(vcpus[(long)arg], 1, GUEST_RUN);
	vcpu_run(vcpus[(long)arg], 1, GUEST_RUN);
}

static void act_move(void *arg)
{
	vcpu_run(vcpus[(long)arg], 0, GUEST_RUN);
	vcpu_run(vcpus[(long)arg], 1, GUEST_INVLPG);
	vcpu_run(vcpus[(long)arg], 0, GUEST_RUN);
}

static void act_move_back(void *arg)
{
	vcpu_run(vcpus[(long)arg], 1, GUEST_INVLPG);
	vcpu_run(vcpus[(long)arg], 0, GUEST_INVLPG);
	vcpu_run(vcpus[(long)arg], 1, GUEST_RUN);
}

static void act_remap(void *arg)
{
	cpu_prefer(2);
	vm_remap(vm, (long)arg);
}

static void act_remap_twice(void *arg)
{
	cpu_prefer(2);
	vm_remap(vm, (long)arg);
	vm_remap(vm, (long)arg);
}

/* From a CPU on which vCPUs run too. */
static void act_remap_on_1(void *arg)
{
	cpu_prefer(1);
	vm_remap(vm, (long)arg);
}

static void act_change(void *arg)
{
	struct vcpu *vcpu = vcpus[(long)arg];

	vcpu_change(vcpu, change);
	vcpu_run(vcpu, 0, GUEST_RUN);
	vcpu_run(vcpu, 1, GUEST_RUN);
	vcpu_change(vcpu, change);
	vcpu_run(vcpu, 1, GUEST_RUN);
	vcpu_run(vcpu, 0, GUEST_RUN);
}

static void act_again(void *arg)
{
	vcpu_destroy(vcpus[(long)arg]);
	vcpus[(long)arg] = vcpu_create(vm);
	vcpu_run(vcpus[(long)arg], 0, GUEST_RUN);
	vcpu_run(vcpus[(long)arg], 1, GUEST_RUN);
}

/* The VM ends, and the next one gets its root page. */
static void act_next_vm(void *arg)
{
	vcpu_destroy(vcpus[0]);
	vm_destroy(vm);
	vm = vm_create();
	vcpus[0] = vcpu_create(vm);
	vcpu_run(vcpus[0], 0, GUEST_RUN);
	cpu_prefer(2);
	vm_remap(vm, 0);
	vcpu_run(vcpus[0], 1, GUEST_RUN);
}

static void act_other(void *arg)
{
	vcpu_run(vcpus[1], 0, GUEST_RUN);
	cpu_prefer(2);
	vm_remap(other, 0);
	vcpu_run(vcpus[1], 1, GUEST_RUN);
	vcpu_run(vcpus[1], 0, GUEST_RUN);
}

static void act_offline(void *arg)
{
	cpu_vmx_off((long)arg);
	cpu_vmx_on((long)arg);
}

static void spawn(void (*act)(void *), long arg)
{
	sim_spawn("task", act, (void *)arg);
}

static void race_entry(const struct sim_plan *plan)
{
	begin(plan, 1);
	spawn(act_run_0, 0);
	spawn(act_remap_twice, 0);
	finish();
}

static void race_two(const struct sim_plan *plan)
{
	begin(plan, 2);
	spawn(act_run_0, 0);
	spawn(act_run_1, 1);
	spawn(act_remap, 0);
	finish();
}

static void race_shared_cpu(const struct sim_plan *plan)
{
	begin(plan, 2);
	spawn(act_run_0, 0);
	spawn(act_run_0, 1);
	spawn(act_remap_twice, 0);
	finish();
}

static void race_flushers(const struct sim_plan *plan)
{
	begin(plan, 1);
	spawn(act_run_0, 0);
	spawn(act_remap_on_1, 0);
	spawn(act_remap, 1);
	finish();
}

static void race_move(const struct sim_plan *plan)
{
	begin(plan, 2);
	spawn(act_move, 0);
	spawn(act_move_back, 1);
	spawn(act_remap, 0);
	finish();
}

static void race_change(const struct sim_plan *plan)
{
	begin(plan, 2);
	spawn(act_change, 0);
	spawn(act_move, 1);
	finish();
}

static void race_vpid(const struct sim_plan *plan)
{
	begin(plan, 2);
	spawn(act_again, 0);
	spawn(act_again, 1);
	spawn(act_remap, 0);
	finish();
}

static void race_root(const struct sim_plan *plan)
{
	int cpu;

	begin(plan, 1);
	other = vm_create();
	vcpus[1] = vcpu_create(other);
	for (cpu = 0; cpu < MODEL_CPUS; cpu++)
		vcpu_run(vcpus[1], cpu, GUEST_RUN);
	spawn(act_next_vm, 0);
	spawn(act_other, 0);
	finish();
}

static void race_offline(const struct sim_plan *plan)
{
	begin(plan, 2);
	spawn(act_run_0, 0);
	spawn(act_move, 1);
	spawn(act_offline, 0);
	spawn(act_remap, 0);
	finish();
}

static void both(scenario_fn scenario, int tasks)
{
	unsigned int pairs = test_runs(PAIRS);

	coarse = false;
	explore(scenario, tasks, pairs);
	coarse = true;
	explore(scenario, tasks, pairs / 4);
}

static void test_entry(void)
{
	both(race_entry, 2);
}

static void test_two(void)
{
	both(race_two, 3);
}

static void test_shared_cpu(void)
{
	both(race_shared_cpu, 3);
}

static void test_flushers(void)
{
	both(race_flushers, 3);
}

static void test_move(void)
{
	both(race_move, 3);
}

static void test_change(void)
{
	for (change = 0; change < NR_CHANGES; change++)
		both(race_change, 2);
}

static void test_vpid(void)
{
	both(race_vpid, 3);
}

static void test_root(void)
{
	both(race_root, 2);
}

static void test_offline(void)
{
	both(race_offline, 4);
}

const struct test race_tests[] = {
	{ "race: a flush and an entry", test_entry },
	{ "race: a flush and two vCPUs on two CPUs", test_two },
	{ "race: a flush and two vCPUs on one CPU", test_shared_cpu },
	{ "race: two flushes and an entry", test_flushers },
	{ "race: vCPUs that move, INVLPG, a flush", test_move },
	{ "race: a change of registers and a vCPU that moves", test_change },
	{ "race: a VPID used again and a flush", test_vpid },
	{ "race: a root page used again while another VM runs", test_root },
	{ "race: a CPU goes off line and comes back", test_offline },
	{ 0 }
};
