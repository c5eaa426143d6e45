// SPDX-License-Identifier: GPL-2.0
/*
 * The model's processors. See cpus.h.
 */
#include "world.h"

#include <string.h>

struct cpu cpus[MODEL_CPUS];

/* Of each task: the CPU that it runs on, and the one it prefers. */
static int cpu_of[SIM_MAX_TASKS];
static int home_of[SIM_MAX_TASKS];

static struct cpu *this_cpu(void)
{
	return &cpus[smp_processor_id()];
}

int smp_processor_id(void)
{
	if (cpu_of[sim_self()] < 0)
		FAIL("a task that may be preempted asks for its CPU");
	return cpu_of[sim_self()];
}

void cpu_prefer(int cpu)
{
	home_of[sim_self()] = cpu;
}

void cpu_take(int cpu)
{
	while (cpus[cpu].taken)
		sim_block(&cpus[cpu]);
	cpus[cpu].taken = true;
	cpu_of[sim_self()] = cpu;
	/* A context switch. */
	smp_mb();
}

void cpu_release(void)
{
	struct cpu *cpu = this_cpu();

	smp_mb();
	cpu_of[sim_self()] = -1;
	cpu->taken = false;
	sim_wake(cpu);
	sim_point();
}

void preempt_disable(void)
{
	cpu_take(home_of[sim_self()]);
}

void preempt_enable(void)
{
	cpu_release();
}

void cpu_irqs_off(void)
{
	this_cpu()->irqs_off = true;
}

void cpu_irqs_on(void)
{
	struct cpu *cpu = this_cpu();

	cpu->irqs_off = false;
	if (cpu->pending) {
		smp_mb();
		cpu->pending = false;
		cpu->acks++;
		sim_wake(&cpu->acks);
	}
	sim_point();
}

struct cpumask *slat_cpu_kick_mask(void)
{
	return &this_cpu()->mask;
}

/* A CPU with interrupts on takes it at once, and there is nothing that it ends. */
void smp_call_function_many(const struct cpumask *mask, void (*fn)(void *), void *arg,
			    bool wait)
{
	u64 asked[MODEL_CPUS] = { 0 };
	int self = smp_processor_id(), i;

	smp_mb();
	for (i = 0; i < MODEL_CPUS; i++) {
		if (!(mask->bits >> i & 1) || i == self)
			continue;
		fn(arg);
		if (!cpus[i].irqs_off)
			continue;
		asked[i] = cpus[i].acks + 1;
		cpus[i].pending = true;
		sim_wake(&cpus[i].pending);
	}
	for (i = 0; wait && i < MODEL_CPUS; i++) {
		while (cpus[i].acks < asked[i])
			sim_block(&cpus[i].acks);
	}
	smp_mb();
}

static void cached_add(struct cpu *cpu, const struct cached *new)
{
	int i;

	for (i = 0; i < cpu->nr_cached; i++) {
		if (!memcmp(&cpu->cached[i], new, sizeof(*new)))
			return;
	}
	if (cpu->nr_cached == MAX_CACHED)
		FAIL("too many translations are cached");
	cpu->cached[cpu->nr_cached++] = *new;
}

static void cached_drop(struct cpu *cpu, bool (*match)(const struct cached *, u64), u64 key)
{
	int from, to = 0;

	for (from = 0; from < cpu->nr_cached; from++) {
		if (!match(&cpu->cached[from], key))
			cpu->cached[to++] = cpu->cached[from];
	}
	cpu->nr_cached = to;
}

static bool match_any_eptp(const struct cached *cached, u64 key)
{
	return cached->eptp;
}

static bool match_eptp(const struct cached *cached, u64 eptp)
{
	return cached->eptp == eptp;
}

static bool match_any_vpid(const struct cached *cached, u64 key)
{
	return cached->vpid;
}

static bool match_vpid(const struct cached *cached, u64 vpid)
{
	return cached->vpid == vpid;
}

static struct cpu *vmx_cpu(const char *what)
{
	struct cpu *cpu = this_cpu();

	sim_point();
	if (!cpu->vmx_on || cpu->guest || !cpu->irqs_off)
		FAIL("%s where it can't be", what);
	return cpu;
}

void slat_invept(unsigned long extent, u64 eptp)
{
	struct cpu *cpu = vmx_cpu("INVEPT");

	world.invepts++;
	sim_trace("CPU %llu: INVEPT %llx", cpu - cpus, eptp, 0, 0);
	cached_drop(cpu, extent == VMX_EPT_EXTENT_GLOBAL ? match_any_eptp : match_eptp, eptp);
}

void slat_invvpid(unsigned long extent, u16 vpid)
{
	struct cpu *cpu = vmx_cpu("INVVPID");

	if (extent == VMX_VPID_EXTENT_SINGLE_CONTEXT && !vpid)
		FAIL("INVVPID of VPID 0 fails");
	world.invvpids++;
	sim_trace("CPU %llu: INVVPID %llu", cpu - cpus, vpid, 0, 0);
	cached_drop(cpu, extent == VMX_VPID_EXTENT_ALL_CONTEXT ? match_any_vpid : match_vpid,
		    vpid);
}

u16 vcpu_tag(const struct vcpu *vcpu)
{
	return vcpu->hw.vpid ? vcpu->hw.vpid : NO_VPID;
}

void cpu_drop_linear(u16 vpid)
{
	cached_drop(this_cpu(), match_vpid, vpid);
}

void cpu_vmx_on(int cpu)
{
	cpu_take(cpu);
	cpu_irqs_off();
	cpus[cpu].vmx_on = true;
	slat_tlb_cpu_on();
	cpu_irqs_on();
	cpu_release();
}

void cpu_vmx_off(int cpu)
{
	struct cached foreign = { .frame = FOREIGN };
	int root;

	cpu_take(cpu);
	sim_trace("CPU %llu: VMXOFF", cpu, 0, 0, 0);
	cpus[cpu].vmx_on = false;
	/* The first without EPT. */
	for (root = 0; root <= NR_ROOTS; root++) {
		foreign.eptp = (u64)root << 12;
		for (foreign.vpid = !root; foreign.vpid < NR_VPIDS; foreign.vpid++)
			cached_add(&cpus[cpu], &foreign);
	}
	cpu_release();
}

void cpus_reset(void)
{
	int i;

	memset(cpus, 0, sizeof(cpus));
	for (i = 0; i < SIM_MAX_TASKS; i++) {
		cpu_of[i] = -1;
		home_of[i] = 0;
	}
}

static void cached_check(const struct cpu *cpu, const struct cached *cached)
{
	const struct vcpu *vcpu = cpu->guest;
	u64 nr = cpu - cpus;

	if ((cached->eptp && cached->eptp != vcpu->hw.vm->eptp) ||
	    (cached->vpid && cached->vpid != vcpu_tag(vcpu)))
		return;
	if (cached->vpid && cached->uid != vcpu->uid)
		FAIL("CPU %llu: vCPU %u may use a linear translation of vCPU %u", nr, vcpu->uid,
		     cached->uid);
	if (cached->vpid && cached->gen != vcpu->gen)
		FAIL("CPU %llu: vCPU %u may use a linear translation of its state %u in state %u",
		     nr, vcpu->uid, cached->gen, vcpu->gen);
	if (world.dead[cached->frame])
		FAIL("CPU %llu: vCPU %u may use frame %u, which was given back", nr, vcpu->uid,
		     cached->frame);
}

void cpu_check(const struct cpu *cpu)
{
	int i;

	for (i = 0; cpu->guest && i < cpu->nr_cached; i++)
		cached_check(cpu, &cpu->cached[i]);
}

void cpus_check(void)
{
	int i;

	for (i = 0; i < MODEL_CPUS; i++)
		cpu_check(&cpus[i]);
}

void cpu_enter_guest(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();

	if (!cpu->vmx_on || !cpu->irqs_off || cpu->guest)
		FAIL("VM entry where it can't be");
	sim_trace("CPU %llu: vCPU %llu enters", cpu - cpus, vcpu->uid, 0, 0);
	/* VPID off: an entry drops what was made without one, and so does the exit. */
	if (!vcpu->hw.vpid)
		cpu_drop_linear(NO_VPID);
	cpu->guest = vcpu;
	cpu_check(cpu);
}

void cpu_leave_guest(void)
{
	struct cpu *cpu = this_cpu();

	sim_trace("CPU %llu: vCPU %llu leaves", cpu - cpus, cpu->guest->uid, 0, 0);
	if (!cpu->guest->hw.vpid)
		cpu_drop_linear(NO_VPID);
	cpu->guest = NULL;
}

void cpu_fill(void)
{
	struct cpu *cpu = this_cpu();
	struct vcpu *vcpu = cpu->guest;
	struct cached cached;
	int gfn;

	for (gfn = 0; gfn < NR_GFNS; gfn++) {
		memset(&cached, 0, sizeof(cached));
		cached.eptp = vcpu->hw.vm->eptp;
		cached.gfn = gfn;
		cached.frame = READ_ONCE(vcpu->vm->ept[gfn]);
		cached_add(cpu, &cached);
		cached.vpid = vcpu_tag(vcpu);
		cached.uid = vcpu->uid;
		cached.gen = vcpu->gen;
		cached_add(cpu, &cached);
	}
	cpu_check(cpu);
}

void cpu_linger(void)
{
	struct cpu *cpu = this_cpu();

	while (!cpu->pending)
		sim_block(&cpu->pending);
}
