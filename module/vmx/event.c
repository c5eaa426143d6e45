// SPDX-License-Identifier: GPL-2.0
/*
 * Events for the guest: exceptions, NMIs and interrupts, those that are queued
 * and those whose delivery an exit interrupted.  Priority at entry: exception,
 * NMI, interrupt; one per entry, and a window exit for what has to wait.
 *
 * slat_events_prepare() runs with interrupts off after the last check that
 * could still abandon the entry, so it never has to be undone, except when the
 * entry itself fails.  An interrupt that user space queued while the guest
 * cannot take it waits for the window instead of failing the entry.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include <uapi/asm/debugreg.h>

#include "request.h"
#include "vcpu.h"

static bool vector_is_contributory(u8 vector)
{
	return vector == X86_TRAP_DE || vector == X86_TRAP_CP ||
	       (vector >= X86_TRAP_TS && vector <= X86_TRAP_GP);
}

/* Does @second, raised while delivering @first, make a double fault? */
static bool makes_double_fault(u8 first, u8 second)
{
	if (vector_is_contributory(first))
		return vector_is_contributory(second);
	return first == X86_TRAP_PF &&
	       (second == X86_TRAP_PF || vector_is_contributory(second));
}

/* DR6 as #DB leaves it: @payload has the bits set that are 1 by polarity. */
static void deliver_db_payload(struct slat_vmx *vmx, u64 payload)
{
	vmx->dr6 &= ~(u64)DR_TRAP_BITS;
	vmx->dr6 |= SLAT_DR6_RESET;
	vmx->dr6 |= payload;
	/* Bits that are active low: RTM and BLD. */
	vmx->dr6 ^= payload & SLAT_DR6_RESET;
	vmx->dr6 &= ~BIT_ULL(12);
}

/* What an exception leaves in registers before its handler begins. */
static void deliver_payload(struct slat_vmx *vmx, u8 vector, u64 payload)
{
	if (vector == X86_TRAP_PF)
		vmx->cr2 = payload;
	else if (vector == X86_TRAP_DB)
		deliver_db_payload(vmx, payload);
}

static void queue_exception(struct slat_vmx *vmx, u8 vector, bool has_error,
			    u32 error)
{
	struct slat_vmx_events *ev = &vmx->ev;

	slat_request(vmx, SLAT_REQUEST_EVENTS);
	ev->exc_pending = true;
	ev->exc_injected = false;
	ev->exc_vector = vector;
	ev->exc_has_error = has_error;
	ev->exc_has_payload = false;
	ev->exc_error = error;

	/*
	 * The exception goes first.  An interrupted INT n comes again by
	 * itself, when its instruction is restarted; an NMI has to be kept.
	 */
	if (ev->irq_soft) {
		ev->irq_queued = false;
		ev->irq_soft = false;
	}
	if (ev->nmi_injected) {
		ev->nmi_injected = false;
		ev->nmi_pending++;
	}
}

void slat_vmx_inject_exception(struct slat_vmx *vmx, u8 vector, bool has_error,
			       u32 error, u64 payload)
{
	struct slat_vmx_events *ev = &vmx->ev;

	if (ev->exc_pending || ev->exc_injected) {
		if (ev->exc_vector == X86_TRAP_DF) {
			ev->exc_pending = false;
			ev->exc_injected = false;
			ev->triple_fault = true;
			slat_request(vmx, SLAT_REQUEST_EVENTS);
			return;
		}
		if (makes_double_fault(ev->exc_vector, vector)) {
			vector = X86_TRAP_DF;
			has_error = true;
			error = 0;
		}
	}
	deliver_payload(vmx, vector, payload);
	queue_exception(vmx, vector, has_error, error);
}

/* One that a debugging client hands back: DR6 is left as it is. */
void slat_events_queue_exception(struct slat_vmx *vmx, u8 vector)
{
	queue_exception(vmx, vector, false, 0);
}

int slat_vmx_queue_interrupt(struct slat_vmx *vmx, u32 vector, struct slat_reject *why)
{
	struct slat_vmx_events *ev = &vmx->ev;

	if (vector > 255)
		return slat_reject(why, -EINVAL, SLAT_CHECK_VECTOR, vector, 255);
	ev->irq_queued = true;
	ev->irq_soft = false;
	ev->irq_vector = vector;
	slat_request(vmx, SLAT_REQUEST_EVENTS);
	return 0;
}

void slat_vmx_queue_nmi(struct slat_vmx *vmx)
{
	u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	bool handled = state & GUEST_INTR_STATE_NMI || vmx->ev.nmi_injected;

	/* One may be latched while another is being handled. */
	if (vmx->ev.nmi_pending < (handled ? 1 : 2))
		vmx->ev.nmi_pending++;
	slat_request(vmx, SLAT_REQUEST_EVENTS);
}

static bool irq_open(struct slat_vmx *vmx)
{
	return slat_rflags(vmx) & X86_EFLAGS_IF &&
	       !(slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & SLAT_SHADOW);
}

/* Will an event be delivered before the guest's next instruction? */
bool slat_events_wake(struct slat_vmx *vmx)
{
	const struct slat_vmx_events *ev = &vmx->ev;
	u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	if (vmx->debug.control & KVM_GUESTDBG_BLOCKIRQ)
		return false;
	if (ev->nmi_pending && !(state & (SLAT_SHADOW | GUEST_INTR_STATE_NMI)))
		return true;
	return ev->irq_queued && irq_open(vmx);
}

bool slat_vmx_is_due(struct slat_vmx *vmx)
{
	const struct slat_vmx_events *ev = &vmx->ev;

	if (ev->exc_pending || ev->exc_injected || ev->nmi_injected || ev->triple_fault)
		return true;
	if (slat_vmx_steps(vmx) || slat_events_wake(vmx))
		return true;
	return ev->want_window && slat_vmx_ready_for_irq(vmx);
}

bool slat_vmx_ready_for_irq(struct slat_vmx *vmx)
{
	const struct slat_vmx_events *ev = &vmx->ev;

	if (ev->irq_queued || ev->exc_pending || ev->exc_injected ||
	    ev->nmi_injected)
		return false;
	return irq_open(vmx);
}

void slat_vmx_want_irq_window(struct slat_vmx *vmx, bool want)
{
	if (vmx->ev.want_window != want) {
		vmx->ev.want_window = want;
		slat_request(vmx, SLAT_REQUEST_EVENTS);
	}
}

static void enter_event(struct slat_vmx *vmx, enum slat_event_kind kind,
			u32 info)
{
	vmx->ev.entered = kind;
	slat_vmcs_write(VM_ENTRY_INTR_INFO_FIELD, info | INTR_INFO_VALID_MASK);
}

/* Does the frame of this exception have RFLAGS.RF set? */
static bool vector_is_fault(u8 vector)
{
	return !slat_vector_is_soft(vector) && vector != X86_TRAP_DB &&
	       vector != X86_TRAP_DF && vector != X86_TRAP_MC;
}

static void enter_exception(struct slat_vmx *vmx)
{
	struct slat_vmx_events *ev = &vmx->ev;
	u32 info = ev->exc_vector;

	if (ev->exc_pending) {
		ev->exc_pending = false;
		ev->exc_injected = true;
		if (ev->exc_has_payload)
			deliver_payload(vmx, ev->exc_vector, ev->exc_payload);
		ev->exc_has_payload = false;
		if (vector_is_fault(ev->exc_vector))
			slat_set_rflags(vmx, slat_rflags(vmx) | X86_EFLAGS_RF);
		if (ev->exc_vector == X86_TRAP_DB) {
			/* What #DB clears, and an exit by #DB does not. */
			vmx->debugctl &= ~(u64)DEBUGCTLMSR_BTF;
			if (vmx->dr7 & SLAT_DR7_GD)
				slat_regs_set_dr7(vmx, vmx->dr7 & ~SLAT_DR7_GD);
		}
	}
	/* Real mode has no error codes. */
	if (ev->exc_has_error && slat_cr0(vmx) & X86_CR0_PE) {
		slat_vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, ev->exc_error);
		info |= INTR_INFO_DELIVER_CODE_MASK;
	}
	if (slat_vector_is_soft(ev->exc_vector)) {
		slat_vmcs_write(VM_ENTRY_INSTRUCTION_LEN, ev->insn_len ?: 1);
		info |= INTR_TYPE_SOFT_EXCEPTION;
	} else {
		info |= INTR_TYPE_HARD_EXCEPTION;
	}
	enter_event(vmx, SLAT_EVENT_EXCEPTION, info);
}

static void enter_irq(struct slat_vmx *vmx)
{
	struct slat_vmx_events *ev = &vmx->ev;
	u32 info = ev->irq_vector;

	if (ev->irq_soft) {
		slat_vmcs_write(VM_ENTRY_INSTRUCTION_LEN, ev->insn_len ?: 1);
		info |= INTR_TYPE_SOFT_INTR;
	} else {
		info |= INTR_TYPE_EXT_INTR;
	}
	enter_event(vmx, SLAT_EVENT_IRQ, info);
}

/*
 * Try to enter an NMI; false if it has to wait.  *@use_irq_window: the NMI
 * window would open under an STI shadow, in which NMIs cannot be injected; the
 * interrupt window opens right behind it.
 */
static bool enter_nmi(struct slat_vmx *vmx, bool *use_irq_window)
{
	struct slat_vmx_events *ev = &vmx->ev;
	u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	if (state & (SLAT_SHADOW | GUEST_INTR_STATE_NMI)) {
		*use_irq_window = state & GUEST_INTR_STATE_STI;
		return false;
	}
	ev->nmi_pending--;
	ev->nmi_injected = true;
	enter_event(vmx, SLAT_EVENT_NMI, INTR_TYPE_NMI_INTR | X86_TRAP_NMI);
	return true;
}

void slat_events_prepare(struct slat_vmx *vmx)
{
	struct slat_vmx_events *ev = &vmx->ev;
	bool irq_window = false, nmi_window = false;
	u32 primary = vmx->primary & ~(CPU_BASED_INTR_WINDOW_EXITING |
				       CPU_BASED_NMI_WINDOW_EXITING);

	if (ev->exc_pending || ev->exc_injected)
		enter_exception(vmx);
	else if (ev->nmi_injected)
		enter_event(vmx, SLAT_EVENT_NMI,
			    INTR_TYPE_NMI_INTR | X86_TRAP_NMI);
	else if (ev->irq_queued && ev->irq_soft)
		enter_irq(vmx);

	/* A debugging client may keep interrupts away from what it looks at. */
	if (unlikely(vmx->debug.control & KVM_GUESTDBG_BLOCKIRQ)) {
		slat_vmx_set_primary(vmx, primary);
		return;
	}
	if (ev->nmi_pending &&
	    (ev->entered || !enter_nmi(vmx, &irq_window) || ev->nmi_pending))
		nmi_window = !irq_window;
	if (ev->irq_queued && !ev->irq_soft) {
		if (!ev->entered && irq_open(vmx))
			enter_irq(vmx);
		else
			irq_window = true;
	}

	if (irq_window || ev->want_window)
		primary |= CPU_BASED_INTR_WINDOW_EXITING;
	if (nmi_window)
		primary |= CPU_BASED_NMI_WINDOW_EXITING;
	slat_vmx_set_primary(vmx, primary);
}

/* The entry failed: what was to be delivered still is. */
void slat_events_cancel(struct slat_vmx *vmx)
{
	struct slat_vmx_events *ev = &vmx->ev;

	if (ev->entered) {
		slat_vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
		ev->entered = SLAT_EVENT_NONE;
	}
	slat_request(vmx, SLAT_REQUEST_EVENTS);
}

static void requeue_interrupted(struct slat_vmx *vmx, u32 info)
{
	struct slat_vmx_events *ev = &vmx->ev;
	u8 vector = info & VECTORING_INFO_VECTOR_MASK;
	u32 type = info & VECTORING_INFO_TYPE_MASK;

	slat_request(vmx, SLAT_REQUEST_EVENTS);
	if (type == INTR_TYPE_SOFT_EXCEPTION || type == INTR_TYPE_SOFT_INTR)
		ev->insn_len = slat_vmcs_read(VM_EXIT_INSTRUCTION_LEN);

	switch (type) {
	case INTR_TYPE_NMI_INTR: {
		u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

		/* Its delivery has not happened, so it blocks nothing yet. */
		ev->nmi_injected = true;
		slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
				state & ~GUEST_INTR_STATE_NMI);
		break;
	}
	case INTR_TYPE_HARD_EXCEPTION:
	case INTR_TYPE_SOFT_EXCEPTION:
		ev->exc_injected = true;
		ev->exc_vector = vector;
		ev->exc_has_error = info & VECTORING_INFO_DELIVER_CODE_MASK;
		if (ev->exc_has_error)
			ev->exc_error = slat_vmcs_read(IDT_VECTORING_ERROR_CODE);
		break;
	case INTR_TYPE_EXT_INTR:
	case INTR_TYPE_SOFT_INTR:
		ev->irq_queued = true;
		ev->irq_soft = type == INTR_TYPE_SOFT_INTR;
		ev->irq_vector = vector;
		break;
	default:
		/* INT1 has no event of its own: its instruction comes again. */
		break;
	}
}

/* After an exit: what was entered is delivered, unless the exit says not. */
void slat_events_complete(struct slat_vmx *vmx)
{
	struct slat_vmx_events *ev = &vmx->ev;

	switch (ev->entered) {
	case SLAT_EVENT_EXCEPTION:
		ev->exc_injected = false;
		break;
	case SLAT_EVENT_NMI:
		ev->nmi_injected = false;
		break;
	case SLAT_EVENT_IRQ:
		ev->irq_queued = false;
		ev->irq_soft = false;
		break;
	}
	ev->entered = SLAT_EVENT_NONE;
	if (unlikely(vmx->idt_vectoring & VECTORING_INFO_VALID_MASK))
		requeue_interrupted(vmx, vmx->idt_vectoring);
}
