// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS: what event.c keeps, as clients save and
 * restore it. Called by the vCPU's calls and with the registers in kvm_run; process
 * context, loaded.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include <asm/trapnr.h>

#include "request.h"
#include "vcpu.h"

void slat_vmx_get_events(struct slat_vmx *vmx, u32 switched_on, struct kvm_vcpu_events *out)
{
	const struct slat_vmx_events *ev = &vmx->ev;
	u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	memset(out, 0, sizeof(*out));
	/* A soft exception comes again with its instruction. */
	if (!slat_vector_is_soft(ev->exc_vector)) {
		out->exception.pending = ev->exc_pending;
		out->exception.injected = ev->exc_injected;
		/* Older clients know but one of the two. */
		if (!(switched_on & KVM_VCPUEVENT_VALID_PAYLOAD))
			out->exception.injected |= ev->exc_pending;
	}
	/* KVM_SET_REGS drops what is pending. */
	if (ev->exc_pending && ev->exc_has_payload) {
		out->exception_has_payload = 1;
		out->exception_payload = ev->exc_payload;
	}
	out->exception.nr = ev->exc_vector;
	out->exception.has_error_code = ev->exc_has_error;
	out->exception.error_code = ev->exc_error;

	out->interrupt.injected = ev->irq_queued && !ev->irq_soft;
	out->interrupt.nr = ev->irq_vector;
	if (state & GUEST_INTR_STATE_STI)
		out->interrupt.shadow |= KVM_X86_SHADOW_INT_STI;
	if (state & GUEST_INTR_STATE_MOV_SS)
		out->interrupt.shadow |= KVM_X86_SHADOW_INT_MOV_SS;

	out->nmi.injected = ev->nmi_injected;
	out->nmi.pending = ev->nmi_pending;
	out->nmi.masked = !!(state & GUEST_INTR_STATE_NMI);
	if (switched_on & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		out->triple_fault.pending = ev->triple_fault;
	/* Nothing in @smi is ever set. */
	out->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
		     KVM_VCPUEVENT_VALID_SMM | switched_on;
}

#define EVENT_FLAGS	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
			 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM)

static int events_check(const struct kvm_vcpu_events *in, u32 switched_on,
			struct slat_reject *why)
{
	static const struct kvm_vcpu_events zero;
	const u32 flags = EVENT_FLAGS | switched_on;
	bool pending = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD && in->exception.pending;

	if (in->flags & ~flags)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, in->flags, flags);
	/* There is no SMM to be in. */
	if (in->flags & KVM_VCPUEVENT_VALID_SMM &&
	    memcmp(&in->smi, &zero.smi, sizeof(zero.smi)))
		return slat_reject(why, -EINVAL, SLAT_CHECK_SMM, in->flags, 0);
	if ((in->exception.injected || pending) &&
	    (in->exception.nr > 31 || in->exception.nr == X86_TRAP_NMI))
		return slat_reject(why, -EINVAL, SLAT_CHECK_EXCEPTION, in->exception.nr, 31);
	return 0;
}

static u32 shadow_to_vmx(u8 shadow)
{
	/* Both at once is no state of a processor. */
	if (shadow & KVM_X86_SHADOW_INT_MOV_SS)
		return GUEST_INTR_STATE_MOV_SS;
	return shadow & KVM_X86_SHADOW_INT_STI ? GUEST_INTR_STATE_STI : 0;
}

/* One that is pending brings its payload; what is injected brought it already. */
static void set_exception(struct slat_vmx *vmx, const struct kvm_vcpu_events *in)
{
	struct slat_vmx_events *ev = &vmx->ev;

	ev->exc_pending = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD && in->exception.pending;
	ev->exc_injected = in->exception.injected && !ev->exc_pending;
	ev->exc_vector = in->exception.nr;
	ev->exc_has_error = in->exception.has_error_code;
	ev->exc_error = in->exception.error_code;
	ev->exc_has_payload = ev->exc_pending && in->exception_has_payload;
	ev->exc_payload = in->exception_payload;
}

int slat_vmx_set_events(struct slat_vmx *vmx, u32 switched_on, const struct kvm_vcpu_events *in,
			struct slat_reject *why)
{
	struct slat_vmx_events *ev = &vmx->ev;
	u32 state;
	int err;

	err = events_check(in, switched_on, why);
	if (err)
		return err;

	set_exception(vmx, in);
	if (in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		ev->triple_fault = in->triple_fault.pending;

	ev->irq_queued = in->interrupt.injected;
	ev->irq_soft = in->interrupt.soft;
	ev->irq_vector = in->interrupt.nr;

	ev->nmi_injected = in->nmi.injected;
	if (in->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		ev->nmi_pending = min_t(u8, in->nmi.pending, 2);

	state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	state &= ~GUEST_INTR_STATE_NMI;
	if (in->nmi.masked)
		state |= GUEST_INTR_STATE_NMI;
	if (in->flags & KVM_VCPUEVENT_VALID_SHADOW)
		state = (state & ~SLAT_SHADOW) |
			shadow_to_vmx(in->interrupt.shadow);
	slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state);
	slat_request(vmx, SLAT_REQUEST_EVENTS);
	return 0;
}
