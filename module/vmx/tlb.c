// SPDX-License-Identifier: GPL-2.0
/*
 * Flushing what processors cache of the EPT.  A flush is a number: the flusher
 * increments the VM's tlb_seq and interrupts the CPUs that run the VM with an
 * older number; every entry compares the number with the one that its CPU last
 * flushed for, and executes INVEPT when they differ.  So a CPU that is idle, or
 * runs something else, is left alone and pays at its next entry.
 *
 * Order: the flusher writes EPT entries, increments tlb_seq (full barrier),
 * reads each vCPU's mode.  The vCPU sets its mode to IN_GUEST, full barrier,
 * reads tlb_seq, enters.  One of the two always sees the other.  The interrupt
 * stays pending while the vCPU has interrupts off and then causes an exit
 * before the guest's first instruction.
 *
 * A translation cached on a CPU after it flushed for number N was read from
 * EPT entries not older than N.  That holds for all vCPUs of the VM, so a
 * migrating vCPU owes no INVEPT on a CPU that is up to date; it owes INVVPID,
 * because INVLPG and MOV CR3, which do not exit, had their effect elsewhere.
 *
 * This file and tlb.h reach the world through port.h: selftests/flush builds
 * them in user space.
 */
#include "tlb.h"

/* This CPU has just executed VMXON: what it cached before is unknown. */
void slat_tlb_cpu_on(void)
{
	slat_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	slat_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}

/* All of vm->cpu_seq is 0. */
void slat_tlb_vm_init(struct slat_vmx_vm *vm)
{
	/* No CPU is up to date yet: the root may have been another VM's. */
	atomic64_set(&vm->tlb_seq, 1);
}

void slat_tlb_vcpu_init(struct slat_vmx *vmx)
{
	/* So the first entry counts as a move: the VPID may have been another vCPU's. */
	vmx->mode_cpu = -1;
}

/*
 * The vCPU enters on @cpu, but its last entry was elsewhere.  Since @cpu last
 * ran it, if ever, the guest may have changed its tables and executed INVLPG or
 * MOV CR3 on other CPUs.  A CPU that it was only loaded on counts for nothing.
 */
void slat_tlb_moved(struct slat_vmx *vmx, int cpu)
{
	/* Before the mode, by the release in slat_tlb_enter(). */
	WRITE_ONCE(vmx->mode_cpu, cpu);
	slat_request(vmx, SLAT_REQUEST_VPID);
}

static void flush_ack(void *unused)
{
	/* The interrupt itself ended guest mode on this CPU. */
}

unsigned int slat_vmx_vm_flush(struct slat_vmx_vm *vm)
{
	struct cpumask *mask = NULL;
	struct slat_vmx *vmx;
	unsigned int kicked = 0;
	u64 seq;

	/*
	 * Full barrier: EPT entries written before, modes read after.  Pairs
	 * with smp_mb() in slat_tlb_enter().
	 */
	seq = atomic64_inc_return(&vm->tlb_seq);

	preempt_disable();
	rcu_read_lock();
	list_for_each_entry_rcu(vmx, &vm->vcpus, vm_node) {
		int cpu;

		/* Pairs with the releases in slat_tlb_enter() and slat_tlb_leave(). */
		if (smp_load_acquire(&vmx->mode) != SLAT_IN_GUEST)
			continue;
		cpu = READ_ONCE(vmx->mode_cpu);
		if (READ_ONCE(vm->cpu_seq[cpu]) >= seq)
			continue;
		if (!mask) {
			mask = slat_cpu_kick_mask();
			cpumask_clear(mask);
		}
		if (!cpumask_test_and_set_cpu(cpu, mask))
			kicked++;
	}
	rcu_read_unlock();
	if (mask)
		smp_call_function_many(mask, flush_ack, NULL, true);
	preempt_enable();
	return kicked;
}

/* Carry out flush number @seq here.  Interrupts off, mode is IN_GUEST. */
void slat_tlb_flush_local(struct slat_vmx *vmx, u64 seq)
{
	struct slat_vmx_vm *vm = vmx->vm;

	slat_invept(vmx->caps->invept_single, vm->eptp);
	/*
	 * A flusher that sees this early skips us: the guest does not run yet,
	 * so nothing is used before INVEPT is complete.
	 */
	WRITE_ONCE(vm->cpu_seq[smp_processor_id()], seq);
}

/*
 * SLAT_REQUEST_VPID.  Interrupts off.  Without a VPID the entry itself drops all
 * linear mappings (SDM, "Operations that Invalidate Cached Mappings"), and INVVPID
 * would fail.
 */
void slat_tlb_flush_vpid(struct slat_vmx *vmx)
{
	if (likely(vmx->vpid))
		slat_invvpid(vmx->caps->invvpid_single, vmx->vpid);
}
