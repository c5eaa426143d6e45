// SPDX-License-Identifier: GPL-2.0
/*
 * Which VMCSs are active on a CPU, and which one is current: a VMCS that the
 * processor may still hold parts of has to be written back to memory by that
 * CPU before VMXOFF there, before another CPU loads it, and before it is freed.
 * Called by vcpu.c for a vCPU that comes to a CPU or goes for good, by vmxon.c
 * before VMXOFF.
 *
 * The lists are changed on their own CPU with interrupts off, current_vmx by its
 * own CPU.
 */
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include <asm/nospec-branch.h>
#include <asm/tsc.h>

#include "power.h"
#include "vcpu.h"

struct active_list {
	struct slat_vmx *current_vmx;
	struct list_head list;
};

static DEFINE_PER_CPU(struct active_list, active);

/* Write the VMCS of @vmx back and forget it; on its CPU, interrupts off. */
static void deactivate_local(struct active_list *here, struct slat_vmx *vmx)
{
	slat_vmcs_clear(vmx->vmcs_pa);
	if (here->current_vmx == vmx)
		here->current_vmx = NULL;
	slat_tsc_left(vmx);
	list_del(&vmx->cpu_node);
	vmx->launched = false;
	/*
	 * The node is off the list before another CPU can see -1 and put it on
	 * its own.  Pairs with smp_rmb() in slat_cpu_activate().
	 */
	smp_wmb();
	WRITE_ONCE(vmx->cpu, -1);
}

static void deactivate_ipi(void *arg)
{
	struct slat_vmx *vmx = arg;

	/* VMXOFF there may have been faster. */
	if (vmx->cpu == smp_processor_id())
		deactivate_local(this_cpu_ptr(&active), vmx);
}

/* Make the VMCS of @vmx active nowhere.  Interrupts on. */
void slat_cpu_deactivate(struct slat_vmx *vmx)
{
	int cpu = READ_ONCE(vmx->cpu);

	if (cpu != -1)
		smp_call_function_single(cpu, deactivate_ipi, vmx, 1);
}

/* Make the VMCS of @vmx current on this CPU.  Preemption off. */
void slat_cpu_activate(struct slat_vmx *vmx, int cpu)
{
	struct active_list *here = this_cpu_ptr(&active);
	bool moved = vmx->cpu != cpu;

	if (unlikely(!slat_cpu_vmx_on()))
		return;

	if (moved) {
		slat_cpu_deactivate(vmx);
		/* Sets up the region, if it was never active. */
		slat_vmcs_clear(vmx->vmcs_pa);
		local_irq_disable();
		/* Pairs with smp_wmb() in deactivate_local(). */
		smp_rmb();
		list_add(&vmx->cpu_node, &here->list);
		local_irq_enable();
	}
	if (here->current_vmx != vmx) {
		here->current_vmx = vmx;
		slat_vmcs_load(vmx->vmcs_pa);
		/* Another guest's branch history must not steer this one. */
		indirect_branch_prediction_barrier();
	}
	if (moved) {
		slat_switch_cpu(vmx, cpu);
		/* Else it arrives with its task, see slat_switch_to_guest(). */
		if (likely(!check_tsc_unstable()))
			slat_tsc_arrived(vmx);
		WRITE_ONCE(vmx->cpu, cpu);
	}
}

void slat_active_clear(void)
{
	struct active_list *here = this_cpu_ptr(&active);
	struct slat_vmx *vmx, *next;

	list_for_each_entry_safe(vmx, next, &here->list, cpu_node)
		deactivate_local(here, vmx);
}

void slat_active_drop(void)
{
	struct slat_vmx *vmx;

	list_for_each_entry(vmx, &this_cpu_ptr(&active)->list, cpu_node)
		slat_vmcs_clear(vmx->vmcs_pa);
}

void slat_active_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		INIT_LIST_HEAD(&per_cpu_ptr(&active, cpu)->list);
}
