// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol step by step: what each call executes and whom it interrupts,
 * and above all what it may leave out.
 */
#include "world.h"

static void begin(void)
{
	world_begin(test_options.seed, NULL, false);
	cpu_prefer(2);
	world.invepts = 0;
	world.invvpids = 0;
}

/* What one entry on @cpu executes. */
static void check_entry(struct vcpu *vcpu, int cpu, int invepts, int invvpids)
{
	u64 before_ept = world.invepts, before_vpid = world.invvpids;

	CHECK(vcpu_run(vcpu, cpu, GUEST_RUN));
	CHECK_EQ(world.invepts - before_ept, invepts);
	CHECK_EQ(world.invvpids - before_vpid, invvpids);
}

static void test_entry(void)
{
	struct vm *vm;
	struct vcpu *a, *b;

	begin();
	vm = vm_create();
	a = vcpu_create(vm);
	b = vcpu_create(vm);
	check_entry(a, 0, 1, 1);
	check_entry(a, 0, 0, 0);
	/* What the VM owes on a CPU is paid once for all its vCPUs. */
	check_entry(b, 0, 0, 1);
	check_entry(b, 1, 1, 1);
	check_entry(a, 1, 0, 1);
	check_entry(a, 0, 0, 1);
	check_entry(a, 0, 0, 0);
	/* Nobody is in the guest: a flush interrupts nobody, each CPU pays later. */
	CHECK_EQ(vm_remap(vm, 0), 0);
	CHECK_EQ(vm_remap(vm, 1), 0);
	check_entry(a, 0, 1, 0);
	check_entry(b, 0, 0, 1);
	check_entry(b, 1, 1, 1);
	world_end();
}

static void act_linger(void *arg)
{
	struct vcpu *vcpu = arg;

	/* On the CPU that it ran on before. */
	vcpu_run(vcpu, vcpu->hw.mode_cpu, GUEST_LINGER);
}

static void test_interrupt(void)
{
	struct vcpu *a, *b, *other;
	struct vm *vm, *vm2;

	begin();
	vm = vm_create();
	vm2 = vm_create();
	a = vcpu_create(vm);
	b = vcpu_create(vm);
	other = vcpu_create(vm2);
	check_entry(a, 0, 1, 1);
	check_entry(b, 1, 1, 1);
	check_entry(other, 1, 1, 1);
	sim_run(sim_spawn("vcpu a", act_linger, a));
	sim_run(sim_spawn("vcpu b", act_linger, b));
	CHECK_EQ(vm_remap(vm2, 0), 0);
	CHECK_EQ(vm_remap(vm, 0), 2);
	CHECK_EQ(vm_remap(vm, 0), 0);
	sim_run(sim_spawn("other", act_linger, other));
	CHECK_EQ(vm_remap(vm, 0), 0);
	CHECK_EQ(vm_remap(vm2, 0), 1);
	sim_join_all();
	world_end();
}

static void test_changes(void)
{
	struct vm *vm;
	struct vcpu *vcpu;
	int change;

	begin();
	vm = vm_create();
	vcpu = vcpu_create(vm);
	check_entry(vcpu, 0, 1, 1);
	for (change = 0; change < NR_CHANGES; change++) {
		vcpu_change(vcpu, change);
		check_entry(vcpu, 0, 0, change != CHANGE_NOTHING);
		check_entry(vcpu, 0, 0, 0);
	}
	/* Several owe one. */
	vcpu_change(vcpu, CHANGE_SREGS);
	vcpu_change(vcpu, CHANGE_PG);
	check_entry(vcpu, 1, 1, 1);
	world_end();
}

static void test_abort(void)
{
	struct vm *vm;
	struct vcpu *vcpu;

	begin();
	vm = vm_create();
	vcpu = vcpu_create(vm);
	check_entry(vcpu, 0, 1, 1);
	vcpu_change(vcpu, CHANGE_SREGS);
	vm_remap(vm, 0);
	cpu_vmx_off(0);
	CHECK(!vcpu_run(vcpu, 0, GUEST_RUN));
	CHECK_EQ(vm_remap(vm, 1), 0);
	cpu_vmx_on(0);
	/* Nothing was forgotten by the entry that was given up. */
	check_entry(vcpu, 0, 1, 1);
	/* Nor by one that finds other work to do, whatever it owes. */
	vcpu_change(vcpu, CHANGE_SREGS);
	vcpu->work = true;
	CHECK(!vcpu_run(vcpu, 0, GUEST_RUN));
	check_entry(vcpu, 0, 0, 1);
	vcpu->work = true;
	CHECK(!vcpu_run(vcpu, 1, GUEST_RUN));
	check_entry(vcpu, 1, 1, 1);
	world_end();
}

static void test_again(void)
{
	struct vm *vm, *other;
	struct vcpu *vcpu;
	u64 eptp;
	u16 vpid;

	begin();
	other = vm_create();
	vcpu_run(vcpu_create(other), 0, GUEST_RUN);
	vm = vm_create();
	vcpu = vcpu_create(vm);
	check_entry(vcpu, 0, 1, 1);
	eptp = vm->hw.eptp;
	vpid = vcpu->hw.vpid;
	vcpu_destroy(vcpu);
	vcpu = vcpu_create(vm);
	CHECK_EQ(vcpu->hw.vpid, vpid);
	check_entry(vcpu, 0, 0, 1);
	vcpu_destroy(vcpu);
	vm_destroy(vm);
	vm = vm_create();
	CHECK_EQ(vm->hw.eptp, eptp);
	vcpu = vcpu_create(vm);
	check_entry(vcpu, 0, 1, 1);
	world_end();
}

/* All VPIDs are taken: the vCPU has none, and an entry drops what INVVPID would. */
static void test_no_vpid(void)
{
	struct vcpu *vcpu, *other = NULL;
	struct vm *vm;
	int i, change;

	begin();
	vm = vm_create();
	for (i = 1; i < NR_VPIDS; i++)
		other = vcpu_create(vm);
	vcpu = vcpu_create(vm);
	CHECK_EQ(vcpu->hw.vpid, 0);
	check_entry(vcpu, 0, 1, 0);
	check_entry(other, 0, 0, 1);
	for (change = 0; change < NR_CHANGES; change++) {
		vcpu_change(vcpu, change);
		check_entry(vcpu, 0, 0, 0);
	}
	check_entry(other, 0, 0, 0);
	check_entry(vcpu, 1, 1, 0);
	CHECK_EQ(vm_remap(vm, 0), 0);
	check_entry(vcpu, 1, 1, 0);
	/* Another one in its place that has none either. */
	vcpu_destroy(vcpu);
	check_entry(vcpu_create(vm), 1, 0, 0);
	world_end();
}

const struct test step_tests[] = {
	{ "an entry executes what its CPU and its vCPU owe, once", test_entry },
	{ "a flush interrupts the CPUs that run the VM, once", test_interrupt },
	{ "each change of registers, and no other, owes INVVPID", test_changes },
	{ "an entry that is given up still owes", test_abort },
	{ "a root page and a VPID used again", test_again },
	{ "a vCPU without a VPID owes no INVVPID", test_no_vpid },
	{ 0 }
};
