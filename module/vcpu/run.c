// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_RUN: from the client's call to the guest and back. Called by the ioctl
 * with the vCPU's mutex held.
 *
 *	complete the last exit -> immediate_exit? -> work of the host task ->
 *	enter -> dispatch the exit -> enter again, or tell the client
 *
 * The vCPU's reader section is entered only while an exit is served from slots
 * or tables, and left before each retry: an updater that waits for us must
 * never be what we wait for.
 */
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/string.h>

#include <asm/fpu/api.h>
#include <asm/processor-flags.h>

#include "abi.h"
#include "compat.h"
#include "trace.h"
#include "vcpu.h"

static enum slat_step run_exit(struct slat_vcpu *vcpu, u32 reason)
{
	vcpu->run->exit_reason = reason;
	return SLAT_STEP_USER;
}

static enum slat_step run_internal(struct slat_vcpu *vcpu)
{
	const struct slat_exit *exit = &vcpu->access.exit;
	struct kvm_run *run = vcpu->run;

	run->internal.suberror = exit->internal.suberror;
	run->internal.ndata = exit->internal.ndata;
	memcpy(run->internal.data, exit->internal.data, sizeof(exit->internal.data));
	return run_exit(vcpu, KVM_EXIT_INTERNAL_ERROR);
}

static enum slat_step run_debug(struct slat_vcpu *vcpu)
{
	const struct slat_exit *exit = &vcpu->access.exit;

	vcpu->run->debug.arch = (struct kvm_debug_exit_arch) {
		.exception = exit->debug.exception,
		.pc = exit->debug.pc,
		.dr6 = exit->debug.dr6,
		.dr7 = exit->debug.dr7,
	};
	return run_exit(vcpu, KVM_EXIT_DEBUG);
}

static enum slat_step run_exception(struct slat_vcpu *vcpu)
{
	const struct slat_exit *exit = &vcpu->access.exit;

	vcpu->run->ex.exception = exit->exception.vector;
	vcpu->run->ex.error_code = exit->exception.error;
	return run_exit(vcpu, KVM_EXIT_EXCEPTION);
}

static enum slat_step run_fail_entry(struct slat_vcpu *vcpu)
{
	const struct slat_exit *exit = &vcpu->access.exit;

	vcpu->run->fail_entry.hardware_entry_failure_reason = exit->fail_entry.reason;
	vcpu->run->fail_entry.cpu = exit->fail_entry.cpu;
	return run_exit(vcpu, KVM_EXIT_FAIL_ENTRY);
}

/* An access that no RAM answers; inside the reader section. */
static enum slat_step run_mmio(struct slat_vcpu *vcpu)
{
	const struct slat_fault *fault = &vcpu->access.exit.fault;

	if (fault->in_event) {
		slat_vmx_delivery_error(vcpu->vmx, fault->gpa, &vcpu->access.exit);
		return run_internal(vcpu);
	}
	/*
	 * The guest's page tables lie where it cannot write, or nowhere: no
	 * instruction could be emulated to help, and entering again would loop.
	 */
	if (fault->page_walk) {
		vcpu->access.emul.fetched = 0;
		return slat_access_failed(&vcpu->access);
	}
	return slat_access_emulate(&vcpu->access);
}

/* A misconfiguration that this module did not write: stop with the evidence. */
static enum slat_step run_broken(struct slat_vcpu *vcpu)
{
	struct slat_exit *exit = &vcpu->access.exit;
	gpa_t gpa = exit->fault.gpa;

	WARN_ON_ONCE(1);
	exit->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	exit->internal.ndata = 2;
	memset(exit->internal.data, 0, sizeof(exit->internal.data));
	exit->internal.data[0] = exit->reason;
	exit->internal.data[1] = gpa;
	return run_internal(vcpu);
}

/* An instruction that the processor leaves to the host, wherever its operands are. */
static enum slat_step run_emulate(struct slat_vcpu *vcpu)
{
	struct slat_epochs *epochs = &vcpu->vm->epochs;
	enum slat_step step;

	slat_reader_enter(epochs, &vcpu->access.reader);
	step = slat_access_emulate(&vcpu->access);
	slat_reader_leave(epochs, &vcpu->access.reader);
	return step;
}

static enum slat_fault_outcome fault_outcome(const struct slat_fault_context *context,
					     enum slat_fault_result result)
{
	switch (result) {
	case SLAT_FAULT_FIXED:
		return context->fixed == SLAT_FIXED_INSTALLED ? SLAT_OUTCOME_INSTALLED :
		       context->fixed == SLAT_FIXED_WRITABLE ? SLAT_OUTCOME_WRITABLE :
							       SLAT_OUTCOME_SPURIOUS;
	case SLAT_FAULT_RETRY:
		return SLAT_OUTCOME_RETRY;
	case SLAT_FAULT_MMIO:
		return SLAT_OUTCOME_MMIO;
	case SLAT_FAULT_ERROR:
		return SLAT_OUTCOME_ERROR;
	default:
		return SLAT_OUTCOME_BROKEN;
	}
}

/* The same with the trace point around it. */
static noinline enum slat_fault_result run_fault_traced(struct slat_vcpu *vcpu)
{
	const struct slat_fault *fault = &vcpu->access.exit.fault;
	u64 began = slat_trace_now();
	enum slat_fault_result result = slat_handle_fault(&vcpu->fault, fault);
	enum slat_fault_outcome outcome = fault_outcome(&vcpu->fault, result);

	trace_slat_fault(slat_vm_id(vcpu->vm), vcpu->id, fault, outcome,
			 slat_trace_now() - began);
	return result;
}

static enum slat_fault_result run_fault(struct slat_vcpu *vcpu)
{
	if (trace_slat_fault_enabled())
		return run_fault_traced(vcpu);
	return slat_handle_fault(&vcpu->fault, &vcpu->access.exit.fault);
}

/* The slot is there and its memory is not: what a client needs to provide it. */
static void tell_memory_fault(struct kvm_run *run, gpa_t gpa)
{
	const struct abi_memory_fault fault = {
		.gpa = gpa & ~(gpa_t)(SLAT_PAGE_SIZE - 1),
		.size = SLAT_PAGE_SIZE,
	};

	memcpy(run->padding, &fault, sizeof(fault));
	run->exit_reason = KVM_EXIT_MEMORY_FAULT;
}

/* KVM_RUN fails: with a signal, or since the host has no page. Inside the reader section. */
static noinline enum slat_step run_fault_error(struct slat_vcpu *vcpu)
{
	const struct slat_slots_root *root = slat_memslots_read(&vcpu->vm->slots);
	gpa_t gpa = vcpu->access.exit.fault.gpa;
	const struct slat_memslot *slot = slat_slots_find(root, gpa >> SLAT_PAGE_SHIFT);
	hva_t hva = slot ? slat_memslot_hva(slot, gpa >> SLAT_PAGE_SHIFT) : 0;

	if (vcpu->fault.error == -EINTR) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		return SLAT_STEP_ERROR;
	}
	if (vcpu->fault.error == -EFAULT)
		tell_memory_fault(vcpu->run, gpa);
	if (vcpu->fault.error != -ENOMEM)
		slat_reject(&vcpu->why, vcpu->fault.error, SLAT_CHECK_HOST_PAGE, gpa, hva);
	return SLAT_STEP_ERROR;
}

static enum slat_step run_ept(struct slat_vcpu *vcpu)
{
	struct slat_epochs *epochs = &vcpu->vm->epochs;
	enum slat_step step = SLAT_STEP_ENTER;

	vcpu->stats.ept++;
	slat_reader_enter(epochs, &vcpu->access.reader);
	switch (run_fault(vcpu)) {
	case SLAT_FAULT_FIXED:
	case SLAT_FAULT_RETRY:
		break;
	case SLAT_FAULT_MMIO:
		step = run_mmio(vcpu);
		break;
	case SLAT_FAULT_BROKEN:
		step = run_broken(vcpu);
		break;
	case SLAT_FAULT_ERROR:
		step = run_fault_error(vcpu);
		break;
	}
	slat_reader_leave(epochs, &vcpu->access.reader);
	return step;
}

static enum slat_step run_dispatch(struct slat_vcpu *vcpu, enum slat_exit_type type)
{
	if (type != SLAT_EXIT_ABORT)
		vcpu->stats.exits++;
	switch (type) {
	case SLAT_EXIT_NONE:
		return SLAT_STEP_ENTER;
	case SLAT_EXIT_ABORT:
		vcpu->stats.aborts++;
		return SLAT_STEP_ENTER;
	case SLAT_EXIT_CPUID:
		vcpu->stats.cpuid++;
		slat_vcpu_cpuid(vcpu);
		return SLAT_STEP_ENTER;
	case SLAT_EXIT_EMULATE:
		return run_emulate(vcpu);
	case SLAT_EXIT_HLT:
		vcpu->stats.hlt++;
		return run_exit(vcpu, KVM_EXIT_HLT);
	case SLAT_EXIT_IO:
		vcpu->stats.io++;
		return slat_access_pio(&vcpu->access);
	case SLAT_EXIT_EPT:
		return run_ept(vcpu);
	case SLAT_EXIT_SHUTDOWN:
		return run_exit(vcpu, KVM_EXIT_SHUTDOWN);
	case SLAT_EXIT_IRQ_WINDOW:
		return run_exit(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	case SLAT_EXIT_SET_TPR:
		return run_exit(vcpu, KVM_EXIT_SET_TPR);
	case SLAT_EXIT_DEBUG:
		return run_debug(vcpu);
	case SLAT_EXIT_EXCEPTION:
		return run_exception(vcpu);
	case SLAT_EXIT_FAIL_ENTRY:
		return run_fail_entry(vcpu);
	case SLAT_EXIT_INTERNAL:
		return run_internal(vcpu);
	}
	WARN_ON_ONCE(1);
	return run_exit(vcpu, KVM_EXIT_UNKNOWN);
}

/* One attempt to finish the access that the client has answered. */
static enum slat_step run_complete_once(struct slat_vcpu *vcpu)
{
	struct slat_epochs *epochs = &vcpu->vm->epochs;
	enum slat_step step = SLAT_STEP_ENTER;

	switch (vcpu->access.pending) {
	case SLAT_PENDING_NONE:
		break;
	case SLAT_PENDING_IN:
	case SLAT_PENDING_OUT:
		step = slat_access_complete_pio(&vcpu->access);
		break;
	case SLAT_PENDING_EMUL_MMIO:
	case SLAT_PENDING_EMUL_PIO:
	case SLAT_PENDING_EMUL_RESUME:
		slat_reader_enter(epochs, &vcpu->access.reader);
		step = slat_access_complete_emulation(&vcpu->access);
		slat_reader_leave(epochs, &vcpu->access.reader);
		break;
	}
	return step;
}

/*
 * Where the data of the access goes to a slot in the middle of a change, wait
 * for the change, outside the section that it waits for: slots_lock is held for
 * as long. Only a fatal signal ends the wait. A client that enters again to have
 * the access completed, with a signal pending or immediate_exit set, relies on
 * that it is (KVM's API, "KVM_RUN": nothing that it could save shows the rest).
 */
static enum slat_step run_complete(struct slat_vcpu *vcpu)
{
	struct mutex *slots_lock = &vcpu->vm->slots.lock;
	enum slat_step step = run_complete_once(vcpu);

	while (unlikely(step == SLAT_STEP_RESUME)) {
		if (mutex_lock_killable(slots_lock)) {
			vcpu->fault.error = -EINTR;
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return SLAT_STEP_ERROR;
		}
		mutex_unlock(slots_lock);
		step = run_complete_once(vcpu);
	}
	return step;
}

static int run_loop(struct slat_vcpu *vcpu)
{
	enum slat_step step;
	int err;

	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	vcpu->has_run = true;
	do {
		err = slat_vcpu_do_work(vcpu);
		if (err)
			return err;
		vcpu->access.exit_type = slat_vmx_run(vcpu->vmx, &vcpu->access.exit);
		step = run_dispatch(vcpu, vcpu->access.exit_type);
	} while (step == SLAT_STEP_ENTER);
	return step == SLAT_STEP_ERROR ? vcpu->fault.error : 0;
}

/* The client's part of kvm_run, each field read once. */
static int run_take_requests(struct slat_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	bool irq_window = READ_ONCE(run->request_interrupt_window);
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	u64 valid = READ_ONCE(run->kvm_valid_regs);
	u64 cr8;

	if (valid & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_VALID_REGS, valid,
				   KVM_SYNC_X86_VALID_FIELDS);
	if (unlikely(dirty)) {
		int err = slat_sync_regs_load(vcpu, dirty);

		if (err)
			return err;
	}
	cr8 = READ_ONCE(run->cr8);
	if (slat_vmx_set_cr8(vcpu->vmx, cr8))
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_CR8, cr8, 0xf);
	slat_vmx_want_irq_window(vcpu->vmx, irq_window);
	return 0;
}

static int run_with_fpu(struct slat_vcpu *vcpu, bool immediate_exit)
{
	int err;

	err = run_take_requests(vcpu);
	if (err)
		return err;
	if (vcpu->access.pending != SLAT_PENDING_NONE) {
		enum slat_step step = run_complete(vcpu);

		if (step != SLAT_STEP_ENTER)
			return step == SLAT_STEP_ERROR ? vcpu->fault.error : 0;
	}
	if (immediate_exit)
		return -EINTR;
	return run_loop(vcpu);
}

/* The other direction. */
static void run_store_state(struct slat_vcpu *vcpu)
{
	struct slat_vmx *vmx = vcpu->vmx;
	struct kvm_run *run = vcpu->run;
	u64 valid = READ_ONCE(run->kvm_valid_regs);

	if (unlikely(valid))
		slat_sync_regs_store(vcpu, valid);
	run->if_flag = !!(slat_vmx_rflags(vmx) & X86_EFLAGS_IF);
	run->cr8 = slat_vmx_cr8(vmx);
	run->apic_base = slat_vmx_apic_base(vmx);
	run->ready_for_interrupt_injection = slat_vmx_ready_for_irq(vmx);
}

static void sigmask_activate(struct slat_vcpu *vcpu)
{
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

static void sigmask_deactivate(struct slat_vcpu *vcpu)
{
	if (!vcpu->sigset_active)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

int slat_vcpu_run(struct slat_vcpu *vcpu)
{
	bool immediate_exit = slat_run_immediate_exit(vcpu->run);
	int err;

	vcpu->access.immediate_exit = immediate_exit;
	slat_vmx_load(vcpu->vmx);
	sigmask_activate(vcpu);
	vcpu->run->flags = 0;
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
	err = run_with_fpu(vcpu, immediate_exit);
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
	run_store_state(vcpu);
	sigmask_deactivate(vcpu);
	slat_vmx_unload(vcpu->vmx);
	vcpu->stats.user++;
	if (trace_slat_user_exit_enabled())
		trace_slat_user_exit(slat_vm_id(vcpu->vm), vcpu->id,
				     READ_ONCE(vcpu->run->exit_reason), err);
	return err;
}
