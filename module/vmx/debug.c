// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_SET_GUEST_DEBUG: a client that debugs its guest.  It steps with RFLAGS.TF,
 * which it sets when it asks for the step and which nobody but the guest changes
 * after that; it breaks with debug registers of its own, which displace the
 * guest's, or with INT3 in the guest's code.  Whatever it hits comes out as
 * SLAT_EXIT_DEBUG; a #DB or #BP that is the guest's own it hands back with the
 * next call.  Context: process, loaded.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include <uapi/asm/debugreg.h>

#include "request.h"
#include "vcpu.h"

#define INJECT		(KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)
#define CATCH_DB	(KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)

u32 slat_vmx_guest_debug_flags(void)
{
	return KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
	       KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | INJECT |
	       KVM_GUESTDBG_BLOCKIRQ;
}

/* The debug registers that count: the client's hide the guest's. */
void slat_debug_update_dr7(struct slat_vmx *vmx)
{
	bool clients = vmx->debug.control & KVM_GUESTDBG_USE_HW_BP;
	u64 dr7 = clients ? vmx->debug.dr7 : vmx->dr7;

	slat_vmcs_write(GUEST_DR7, dr7);
	vmx->drs_armed = dr7 & SLAT_DR7_ENABLES;
}

static void update_exceptions(struct slat_vmx *vmx)
{
	u32 exceptions = vmx->exceptions & ~BIT(X86_TRAP_BP);

	if (vmx->debug.control & KVM_GUESTDBG_USE_SW_BP)
		exceptions |= BIT(X86_TRAP_BP);
	if (exceptions != vmx->exceptions) {
		vmx->exceptions = exceptions;
		slat_vmcs_write(EXCEPTION_BITMAP, exceptions);
	}
}

int slat_vmx_set_guest_debug(struct slat_vmx *vmx, const struct kvm_guest_debug *dbg,
			     struct slat_reject *why)
{
	u64 rflags = slat_vmx_rflags(vmx);

	if (dbg->control & ~slat_vmx_guest_debug_flags())
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, dbg->control,
				   slat_vmx_guest_debug_flags());
	if (dbg->control & INJECT) {
		if (vmx->ev.exc_pending)
			return slat_reject(why, -EBUSY, SLAT_CHECK_DEBUG_BUSY, dbg->control,
					   vmx->ev.exc_vector);
		slat_events_queue_exception(vmx, dbg->control & KVM_GUESTDBG_INJECT_DB ?
					    X86_TRAP_DB : X86_TRAP_BP);
	}
	vmx->debug.control = dbg->control & KVM_GUESTDBG_ENABLE ?
			     dbg->control & ~INJECT : 0;
	vmx->debug.stepped = false;
	memcpy(vmx->debug.dr, dbg->arch.debugreg, sizeof(vmx->debug.dr));
	vmx->debug.dr7 = (dbg->arch.debugreg[7] & SLAT_DR7_VALID) | SLAT_DR7_RESET;
	slat_debug_update_dr7(vmx);
	update_exceptions(vmx);
	if (vmx->debug.control & KVM_GUESTDBG_SINGLESTEP)
		rflags |= X86_EFLAGS_TF;
	slat_set_rflags(vmx, rflags);
	/* Interrupts may be held back from here on, or not any more. */
	slat_request(vmx, SLAT_REQUEST_EVENTS);
	return 0;
}

static u64 linear_rip(struct slat_vmx *vmx)
{
	u64 rip = slat_rip(vmx);

	if (slat_vmx_cpu_mode(vmx) == SLAT_VMX_MODE_LONG)
		return rip;
	return (u32)(slat_vmx_seg_base(vmx, SLAT_VMX_SEG_CS) + rip);
}

static enum slat_exit_type debug_exit(struct slat_vmx *vmx,
				      struct slat_exit *exit, u8 vector, u64 dr6)
{
	exit->debug.exception = vector;
	exit->debug.pc = linear_rip(vmx);
	exit->debug.dr6 = dr6 | SLAT_DR6_RESET;
	exit->debug.dr7 = slat_vmcs_read(GUEST_DR7);
	return SLAT_EXIT_DEBUG;
}

bool slat_debug_catches_db(const struct slat_vmx *vmx)
{
	return vmx->debug.control & CATCH_DB;
}

enum slat_exit_type slat_debug_db(struct slat_vmx *vmx, struct slat_exit *exit,
				  u64 dr6)
{
	return debug_exit(vmx, exit, X86_TRAP_DB, dr6);
}

enum slat_exit_type slat_debug_bp(struct slat_vmx *vmx, struct slat_exit *exit)
{
	/* For the case that the client hands it back. */
	vmx->ev.insn_len = slat_vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	return debug_exit(vmx, exit, X86_TRAP_BP, vmx->dr6);
}

/*
 * An instruction that the host completed owes the trap of RFLAGS.TF: to the
 * client, before the next entry, or to the guest. The guest's is queued as #DB,
 * which goes before any interrupt: as a pending debug exception an injected event
 * would discard it (SDM, "Delivery of Pending Debug Exceptions after VM Entry").
 */
void slat_debug_completed(struct slat_vmx *vmx)
{
	if (vmx->debug.control & KVM_GUESTDBG_SINGLESTEP) {
		vmx->debug.stepped = true;
		return;
	}
	if (!(vmx->debugctl & DEBUGCTLMSR_BTF))
		slat_vmx_inject_exception(vmx, X86_TRAP_DB, false, 0, DR_STEP);
}

/*
 * RIP is where an instruction left it that blocks events for one more. Its trap is
 * the processor's to keep until then, and VM entry insists that a single step is
 * pending where TF meets a shadow (SDM, "Checks on Guest Non-Register State").
 */
void slat_debug_shadowed(struct slat_vmx *vmx)
{
	u64 pending;

	if (!(slat_rflags(vmx) & X86_EFLAGS_TF))
		return;
	if (vmx->debug.control & KVM_GUESTDBG_SINGLESTEP) {
		vmx->debug.stepped = true;
		return;
	}
	if (vmx->debugctl & DEBUGCTLMSR_BTF)
		return;
	pending = slat_vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	slat_vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, pending | DR_STEP);
}

/* Before an entry, while the client steps.  True: the step is over already. */
bool slat_debug_step(struct slat_vmx *vmx, struct slat_exit *exit)
{
	u32 shadow, cleared;

	if (vmx->debug.stepped) {
		vmx->debug.stepped = false;
		debug_exit(vmx, exit, X86_TRAP_DB, DR_STEP);
		return true;
	}
	/*
	 * VM entry would insist on a pending trap where TF meets a shadow, and
	 * the step would be over before its instruction.
	 */
	shadow = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	cleared = shadow & ~(u32)SLAT_SHADOW;
	if (cleared != shadow && slat_rflags(vmx) & X86_EFLAGS_TF)
		slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO, cleared);
	return false;
}
