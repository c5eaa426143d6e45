// SPDX-License-Identifier: GPL-2.0
/*
 * One entry into the guest and the exit from it.  From the point where the vCPU
 * is seen as IN_GUEST until the exit, interrupts are off: a flush or another
 * interrupt that comes in between stays pending and ends guest mode before the
 * guest's first instruction.  Everything between guest_state_enter_irqoff() and
 * _exit_irqoff() is noinstr: for RCU and the tracers the CPU is in user mode
 * there.
 *
 * What the host owns and the VMCS does not switch: debug registers, XCR0, XSS,
 * PKRU, DEBUGCTL, CR2, SPEC_CTRL.  The performance counters stand still in the
 * guest, where the processor can switch them: a host profile never shows a
 * guest's time as the host's.
 */
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>
#include <linux/sched.h>

#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/pkru.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "compat.h"
#include "trace.h"
#include "entry.h"
#include "tlb.h"
#include "vcpu.h"

static_assert(offsetof(struct slat_vmx_frame, regs) == 0);
static_assert(offsetof(struct slat_vmx_frame, host_rsp) == SLAT_FRAME_HOST_RSP);
static_assert(offsetof(struct slat_vmx_frame, spec_ctrl) == SLAT_FRAME_SPEC_CTRL);

#define ENTRY_FAILED	VMX_EXIT_REASONS_FAILED_VMENTRY

/* From entry.S, on the stack that the exit will use. */
noinstr void slat_vmx_host_rsp_changed(struct slat_vmx_frame *frame, u64 rsp)
{
	frame->host_rsp = rsp;
	slat_vmcs_write(HOST_RSP, rsp);
}

/* From entry.S, before the first unbalanced return after an exit. */
noinstr void slat_vmx_restore_spec_ctrl(struct slat_vmx_frame *frame,
					unsigned long flags)
{
	u64 host = this_cpu_read(x86_spec_ctrl_current);

	if (flags & BIT(SLAT_ENTER_SAVE_SPEC_BIT))
		frame->spec_ctrl = __rdmsr(MSR_IA32_SPEC_CTRL);
	/*
	 * With plain IBRS the bit must be written after each transition from
	 * a less privileged mode, even if it is set already.
	 */
	if (cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS) ||
	    frame->spec_ctrl != host)
		native_wrmsrl(MSR_IA32_SPEC_CTRL, host);
	barrier_nospec();
}

/*
 * Registers of the guest that must be in place while its state is in the FPU:
 * XSAVE in the guest uses them as they are.
 */
static bool uses_pkru(const struct slat_vmx *vmx)
{
	return cpu_feature_enabled(X86_FEATURE_PKU) &&
	       (vmx->cr4 & X86_CR4_PKE || vmx->xcr0 & XFEATURE_MASK_PKRU);
}

static void xstate_to_guest(struct slat_vmx *vmx, u32 *host_pkru)
{
	if (slat_has_osxsave(vmx)) {
		if (vmx->xcr0 != vmx->caps->pub.host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vmx->xcr0);
		if (slat_vmx_has(vmx, SLAT_CPU_XSAVES) &&
		    vmx->msr[SLAT_MSR_XSS] != vmx->caps->host_xss)
			wrmsrl(MSR_IA32_XSS, vmx->msr[SLAT_MSR_XSS]);
	}
	if (uses_pkru(vmx)) {
		*host_pkru = rdpkru();
		if (vmx->pkru != *host_pkru)
			wrpkru(vmx->pkru);
	}
}

static void xstate_to_host(struct slat_vmx *vmx, u32 host_pkru)
{
	if (uses_pkru(vmx)) {
		vmx->pkru = rdpkru();
		if (vmx->pkru != host_pkru)
			wrpkru(host_pkru);
	}
	if (slat_has_osxsave(vmx)) {
		if (vmx->xcr0 != vmx->caps->pub.host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK,
			       vmx->caps->pub.host_xcr0);
		if (slat_vmx_has(vmx, SLAT_CPU_XSAVES) &&
		    vmx->msr[SLAT_MSR_XSS] != vmx->caps->host_xss)
			wrmsrl(MSR_IA32_XSS, vmx->caps->host_xss);
	}
}

static void drs_to_guest(const struct slat_vmx *vmx)
{
	const u64 *dr = vmx->debug.control & KVM_GUESTDBG_USE_HW_BP ?
			vmx->debug.dr : vmx->dr;

	if (likely(!vmx->drs_loaded && !vmx->drs_armed)) {
		if (unlikely(hw_breakpoint_active()))
			set_debugreg(0, 7);
		return;
	}
	/* No breakpoint of the host may hit the guest's addresses here. */
	set_debugreg(0, 7);
	set_debugreg(dr[0], 0);
	set_debugreg(dr[1], 1);
	set_debugreg(dr[2], 2);
	set_debugreg(dr[3], 3);
	if (vmx->drs_loaded)
		set_debugreg(vmx->dr6, 6);
}

static void drs_to_host(struct slat_vmx *vmx)
{
	if (unlikely(vmx->drs_loaded)) {
		get_debugreg(vmx->dr[0], 0);
		get_debugreg(vmx->dr[1], 1);
		get_debugreg(vmx->dr[2], 2);
		get_debugreg(vmx->dr[3], 3);
		get_debugreg(vmx->dr6, 6);
		/* The host's #DB handler must not find the guest's bits. */
		set_debugreg(DR6_RESERVED, 6);
		vmx->dr7 = slat_vmcs_read(GUEST_DR7);
		vmx->drs_armed = vmx->dr7 & SLAT_DR7_ENABLES;
		vmx->drs_loaded = false;
		slat_vmx_set_primary(vmx, vmx->primary |
					  CPU_BASED_MOV_DR_EXITING);
	}
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
}

/* Host fields that the kernel may have changed since the last entry. */
static void host_fields_refresh(struct slat_vmx *vmx)
{
	struct slat_vmx_host *host = &vmx->host;
	u64 value;

	value = __native_read_cr3();
	if (unlikely(value != host->cr3)) {
		slat_vmcs_write(HOST_CR3, value);
		host->cr3 = value;
	}
	value = cr4_read_shadow();
	if (unlikely(value != host->cr4)) {
		slat_vmcs_write(HOST_CR4, value);
		host->cr4 = value;
	}
	/* VM exit clears it; interrupt handlers may change it. */
	host->debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
	value = vmx->debugctl | (host->debugctl & DEBUGCTLMSR_FREEZE_IN_SMM);
	/* The client's steps are instructions, whatever the guest's are. */
	if (unlikely(vmx->debug.control & KVM_GUESTDBG_SINGLESTEP))
		value &= ~(u64)DEBUGCTLMSR_BTF;
	if (unlikely(value != host->guest_debugctl)) {
		slat_vmcs_write(GUEST_IA32_DEBUGCTL, value);
		host->guest_debugctl = value;
	}
}

static void guest_fields_write(struct slat_vmx *vmx)
{
	u64 rsp = vmx->frame.regs[SLAT_REG_RSP];

	if (vmx->avail & SLAT_CACHE_RSP && rsp != vmx->rsp_hw) {
		slat_vmcs_write(GUEST_RSP, rsp);
		vmx->rsp_hw = rsp;
	}
	if (vmx->dirty & SLAT_CACHE_RIP)
		slat_vmcs_write(GUEST_RIP, vmx->rip);
	if (vmx->dirty & SLAT_CACHE_RFLAGS)
		slat_vmcs_write(GUEST_RFLAGS, vmx->rflags);
	vmx->dirty = 0;
}

static unsigned long enter_flags(const struct slat_vmx *vmx)
{
	unsigned long flags = 0;

	if (vmx->launched)
		flags |= BIT(SLAT_ENTER_RESUME_BIT);
	if (cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL)) {
		if (vmx->frame.spec_ctrl != this_cpu_read(x86_spec_ctrl_current))
			flags |= BIT(SLAT_ENTER_WRITE_SPEC_BIT);
		if (vmx->spec_ctrl_open)
			flags |= BIT(SLAT_ENTER_SAVE_SPEC_BIT);
	}
	return flags;
}

static __always_inline bool is_host_nmi(u32 info)
{
	return (info & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) ==
	       (INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR);
}

static noinstr void run_enter(struct slat_vmx *vmx, unsigned long flags)
{
	guest_state_enter_irqoff();

	if (unlikely(READ_ONCE(vmx->caps->l1d_flush)))
		slat_l1d_flush(vmx->caps);
	if (vmx->cr2 != native_read_cr2())
		native_write_cr2(vmx->cr2);

	vmx->fail = slat_vmx_enter(&vmx->frame, flags);

	vmx->cr2 = native_read_cr2();
	vmx->avail = 0;
	if (likely(!vmx->fail)) {
		vmx->exit_reason = slat_vmcs_read(VM_EXIT_REASON);
		if (vmx->exit_reason == EXIT_REASON_EXCEPTION_NMI) {
			vmx->intr_info = slat_vmcs_read(VM_EXIT_INTR_INFO);
			vmx->avail = SLAT_CACHE_INTR_INFO;
			/* NMIs are blocked until its IRET: at once. */
			if (is_host_nmi(vmx->intr_info))
				slat_vmx_nmi((unsigned long)SLAT_NMI_ENTRY);
		}
	}

	guest_state_exit_irqoff();
}

/* As if it had come from user space: nothing in the kernel to recover. */
static void host_machine_check(void)
{
	struct pt_regs regs = {
		.cs = __USER_CS,
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
}

static void exit_irqoff(struct slat_vmx *vmx)
{
	u16 reason = vmx->exit_reason;

	if (reason == EXIT_REASON_MCE_DURING_VMENTRY ||
	    (reason == EXIT_REASON_EXCEPTION_NMI &&
	     (vmx->intr_info & INTR_INFO_VECTOR_MASK) == X86_TRAP_MC))
		host_machine_check();
}

/* What the vCPU asked for; this entry is certain, and interrupts are off until then. */
static void run_requests(struct slat_vmx *vmx, u32 requests)
{
	if (requests & SLAT_REQUEST_EVENTS)
		slat_events_prepare(vmx);
	if (likely(!(requests & ~SLAT_REQUEST_EVENTS)))
		return;
	if (requests & SLAT_REQUEST_VPID)
		slat_tlb_flush_vpid(vmx);
	if (requests & SLAT_REQUEST_L1D)
		slat_l1d_requested();
}

static __always_inline bool may_enter(const struct slat_vmx *vmx)
{
	/* Where the tick is off, work of RCU's must not wait for the guest's end. */
	xfer_to_guest_mode_prepare();
	return slat_cpu_vmx_on() && !xfer_to_guest_mode_work_pending();
}

/* The vCPU counts as in the guest; false: it must not enter. */
static bool run_begin(struct slat_vmx *vmx)
{
	u32 requests;

	if (unlikely(!slat_tlb_begin(vmx, may_enter, &requests)))
		return false;
	if (unlikely(requests))
		run_requests(vmx, requests);
	return true;
}

static enum slat_exit_type run_abort(struct slat_vmx *vmx)
{
	bool on = slat_cpu_vmx_on();

	slat_tlb_leave(vmx);
	local_irq_enable();
	preempt_enable();
	if (unlikely(!on)) {
		if (slat_cpu_rebooting())
			return SLAT_EXIT_SHUTDOWN;
		/* This CPU goes offline, its tasks are about to be moved. */
		schedule_timeout_uninterruptible(1);
	}
	return SLAT_EXIT_ABORT;
}

static enum slat_exit_type run_failed(struct slat_vmx *vmx,
				      struct slat_exit *exit)
{
	slat_events_cancel(vmx);
	if (vmx->fail == SLAT_ENTER_FAULTED)
		return SLAT_EXIT_SHUTDOWN;
	exit->fail_entry.cpu = vmx->cpu;
	exit->fail_entry.reason = vmx->fail ?
		slat_vmcs_read(VM_INSTRUCTION_ERROR) : vmx->exit_reason;
	slat_vmcs_dump(vmx->fail ? ~0U : vmx->exit_reason,
		       vmx->fail ? 0 : slat_vmcs_read(EXIT_QUALIFICATION));
	return SLAT_EXIT_FAIL_ENTRY;
}

/*
 * IRET unblocked NMIs and then faulted: it comes again, so they are still
 * blocked.  The bit is undefined for a double fault and during delivery.
 */
static void recover_nmi_blocking(struct slat_vmx *vmx)
{
	u32 info = slat_intr_info(vmx);
	u32 state;

	if (!(info & INTR_INFO_UNBLOCK_NMI) ||
	    (info & INTR_INFO_VECTOR_MASK) == X86_TRAP_DF ||
	    vmx->idt_vectoring & VECTORING_INFO_VALID_MASK)
		return;
	state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
			state | GUEST_INTR_STATE_NMI);
}

/* Out of line: the entry pays for a NOP, and for nothing else while they are off. */
static noinline void trace_entry(struct slat_vmx *vmx)
{
	trace_slat_vcpu_entry(vmx->vm->id, vmx->id, slat_rip(vmx),
			      slat_vmcs_read(VM_ENTRY_INTR_INFO_FIELD));
}

/* A VM entry that VMLAUNCH or VMRESUME refused has no reason. */
static noinline void trace_exit(struct slat_vmx *vmx)
{
	if (vmx->fail)
		trace_slat_vcpu_exit(vmx->vm->id, vmx->id, ~0U, 0, slat_rip(vmx), 0);
	else
		trace_slat_vcpu_exit(vmx->vm->id, vmx->id, vmx->exit_reason,
				     slat_vmcs_read(EXIT_QUALIFICATION), slat_rip(vmx),
				     slat_intr_info(vmx));
}

/* Interrupts off: enter, leave, and have the host's state back. */
static void run_guest(struct slat_vmx *vmx)
{
	u32 host_pkru = 0;

	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();

	if (vmx->caps->has_pmu)
		slat_perf_to_guest(vmx);
	guest_fields_write(vmx);
	host_fields_refresh(vmx);
	/* A probe may read user memory: the host's PKRU must still be there. */
	if (trace_slat_vcpu_entry_enabled())
		trace_entry(vmx);
	drs_to_guest(vmx);
	guest_timing_enter_irqoff();
	xstate_to_guest(vmx, &host_pkru);

	run_enter(vmx, enter_flags(vmx));

	if (vmx->host.debugctl)
		native_wrmsrl(MSR_IA32_DEBUGCTLMSR, vmx->host.debugctl);
	if (unlikely(vmx->host.pebs_stopped))
		slat_perf_restart_pebs(vmx);
	xstate_to_host(vmx, host_pkru);
	drs_to_host(vmx);
	slat_tlb_leave(vmx);

	if (likely(!vmx->fail)) {
		if (likely(!(vmx->exit_reason & ENTRY_FAILED)))
			vmx->launched = true;
		exit_irqoff(vmx);
	}
	if (trace_slat_vcpu_exit_enabled())
		trace_exit(vmx);
	/* User space shall not run on predictions that the guest trained. */
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);

	/*
	 * Take the interrupt that ended guest mode, and any tick, while the
	 * time still counts as the guest's.  STI opens one instruction later.
	 */
	local_irq_enable();
	asm volatile("nop");
	local_irq_disable();
	guest_timing_exit_irqoff();
}

enum slat_exit_type slat_vmx_run(struct slat_vmx *vmx, struct slat_exit *exit)
{
	exit->reason = ~0U;
	exit->qualification = 0;
	if (unlikely(vmx->ev.triple_fault)) {
		vmx->ev.triple_fault = false;
		return SLAT_EXIT_SHUTDOWN;
	}
	if (unlikely(vmx->debug.control & KVM_GUESTDBG_SINGLESTEP) &&
	    slat_debug_step(vmx, exit))
		return SLAT_EXIT_DEBUG;

	preempt_disable();
	slat_switch_to_guest(vmx);
	local_irq_disable();
	if (unlikely(!run_begin(vmx)))
		return run_abort(vmx);
	run_guest(vmx);
	local_irq_enable();
	preempt_enable();

	if (unlikely(vmx->fail || vmx->exit_reason & ENTRY_FAILED))
		return run_failed(vmx, exit);

	exit->reason = vmx->exit_reason;
	vmx->idt_vectoring = slat_vmcs_read(IDT_VECTORING_INFO_FIELD);
	if (unlikely(vmx->exit_reason == EXIT_REASON_EXCEPTION_NMI))
		recover_nmi_blocking(vmx);
	if (unlikely(vmx->ev.entered ||
		     vmx->idt_vectoring & VECTORING_INFO_VALID_MASK))
		slat_events_complete(vmx);

	return slat_exit_handle(vmx, exit);
}
