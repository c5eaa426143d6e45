// SPDX-License-Identifier: GPL-2.0
/*
 * VMX operation of one CPU: VMXON, VMXOFF, and what the CPU keeps for it.
 * Called by power.c on the CPU in question, with interrupts off.  All state here
 * is per CPU and changed by that CPU alone.
 */
#include "power.h"

#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/perf_event.h>
#include <linux/printk.h>
#include <linux/smp.h>

#include <asm/msr.h>
#include <asm/tlbflush.h>

#include "tlb.h"
#include "vcpu.h"

struct vmx_cpu {
	struct slat_vmcs *region;
	cpumask_var_t kick_mask;
	struct slat_cpu_msrs msrs;
};

static DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);
DEFINE_PER_CPU(bool, slat_vmx_on);

/* Scratch mask of this CPU; preemption off. */
struct cpumask *slat_cpu_kick_mask(void)
{
	return this_cpu_cpumask_var_ptr(vmx_cpu.kick_mask);
}

/* The host's own values of the MSRs that SYSCALL and RDTSCP use. */
const struct slat_cpu_msrs *slat_cpu_host_msrs(void)
{
	return this_cpu_ptr(&vmx_cpu.msrs);
}

static bool vmxe_is_set(void)
{
	/* The shadow misses a hypervisor that writes CR4 behind Linux. */
	return (cr4_read_shadow() | __read_cr4()) & X86_CR4_VMXE;
}

static void host_msrs_read(struct slat_cpu_msrs *msrs)
{
	rdmsrl(MSR_STAR, msrs->star);
	rdmsrl(MSR_LSTAR, msrs->lstar);
	rdmsrl(MSR_SYSCALL_MASK, msrs->fmask);
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID))
		rdmsrl(MSR_TSC_AUX, msrs->tsc_aux);
}

static int enter_vmx(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	u64 pa = __pa(cpu->region);

	if (vmxe_is_set())
		return -EBUSY;
	if (!slat_caps_match()) {
		pr_err("slat: CPU %d differs in VMX capabilities\n",
		       smp_processor_id());
		return -EIO;
	}
	host_msrs_read(&cpu->msrs);

	intel_pt_handle_vmx(1);
	cr4_set_bits(X86_CR4_VMXE);
	/* An NMI of a panic turns off what may be on: VMXOFF in vain does no harm. */
	this_cpu_write(slat_vmx_on, true);
	asm goto("1: vmxon %[pa]\n\t"
		 "jbe %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [pa] "m"(pa) : "cc", "memory" : fail);
	/* VPIDs and EPTPs are ours alone from here: drop what others left. */
	slat_tlb_cpu_on();
	return 0;

fail:
	this_cpu_write(slat_vmx_on, false);
	cr4_clear_bits(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
	return -EIO;
}

static void leave_vmx(void)
{
	asm volatile("1: vmxoff\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : : : "cc", "memory");
	cr4_clear_bits(X86_CR4_VMXE);
}

int slat_vmxon_order(enum slat_cpu_order order)
{
	switch (slat_cpu_decide(this_cpu_read(slat_vmx_on), order)) {
	case SLAT_STEP_VMXON:
		return enter_vmx();
	case SLAT_STEP_VMXOFF:
		slat_active_clear();
		leave_vmx();
		this_cpu_write(slat_vmx_on, false);
		intel_pt_handle_vmx(0);
		break;
	case SLAT_STEP_DROP:
		this_cpu_write(slat_vmx_on, false);
		slat_active_drop();
		leave_vmx();
		break;
	case SLAT_STEP_NONE:
		break;
	}
	return 0;
}

void slat_vmxon_free(void)
{
	struct vmx_cpu *vc;
	int cpu;

	for_each_possible_cpu(cpu) {
		vc = per_cpu_ptr(&vmx_cpu, cpu);
		slat_vmcs_free(vc->region);
		vc->region = NULL;
		free_cpumask_var(vc->kick_mask);
	}
}

int slat_vmxon_alloc(u32 revision)
{
	struct vmx_cpu *vc;
	int cpu;

	for_each_possible_cpu(cpu) {
		vc = per_cpu_ptr(&vmx_cpu, cpu);
		vc->region = slat_vmcs_alloc(revision);
		if (!vc->region ||
		    !zalloc_cpumask_var(&vc->kick_mask, GFP_KERNEL)) {
			slat_vmxon_free();
			return -ENOMEM;
		}
	}
	return 0;
}
