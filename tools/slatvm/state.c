// SPDX-License-Identifier: GPL-2.0
/*
 * All of a vCPU's state, taken and given. The order of giving matters: control
 * registers before MSRs that they rule, XCR0 before the registers it enables,
 * events last, since an earlier call may clear them.
 */
#include "linux.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSR_TSC_ADJUST	0x3b

static void must(struct vcpu *vcpu, unsigned long request, void *arg, const char *what)
{
	if (ioctl(vcpu->fd, request, arg) < 0)
		die(errno, "%s", what);
}

/* The device's list; those that it can't read at the moment are left out. */
static void msrs_get(struct vcpu *vcpu, struct vcpu_state *state)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = { .head.nmsrs = 1 };
	struct {
		struct kvm_msr_list head;
		uint32_t indices[MSRS_MAX];
	} list = { .head.nmsrs = MSRS_MAX };

	must(&(struct vcpu) { .fd = vcpu->vm->dev }, KVM_GET_MSR_INDEX_LIST, &list,
	     "KVM_GET_MSR_INDEX_LIST");
	state->nr_msrs = 0;
	for (uint32_t i = 0; i < list.head.nmsrs; i++) {
		/* It follows from the TSC, and writing it would move that again. */
		if (list.indices[i] == MSR_TSC_ADJUST)
			continue;
		one.entry = (struct kvm_msr_entry) { .index = list.indices[i] };
		if (ioctl(vcpu->fd, KVM_GET_MSRS, &one) == 1)
			state->msrs[state->nr_msrs++] = one.entry;
	}
}

/*
 * One by one, and only what differs: a device may list an MSR that it lets
 * nobody write at the moment, not even with the value that it has.
 */
static void msrs_set(struct vcpu *vcpu, const struct vcpu_state *state)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = { .head.nmsrs = 1 };

	for (uint32_t i = 0; i < state->nr_msrs; i++) {
		one.entry = state->msrs[i];
		if (ioctl(vcpu->fd, KVM_GET_MSRS, &one) == 1 &&
		    one.entry.data == state->msrs[i].data)
			continue;
		one.entry = state->msrs[i];
		if (ioctl(vcpu->fd, KVM_SET_MSRS, &one) != 1)
			die(0, "KVM_SET_MSRS: MSR 0x%x with 0x%llx is refused", one.entry.index,
			    one.entry.data);
	}
}

void state_get(struct vcpu *vcpu, struct vcpu_state *state)
{
	memset(state, 0, sizeof(*state));
	state->has_xsave = ioctl(vcpu->vm->dev, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE) > 0 &&
			   ioctl(vcpu->vm->dev, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) > 0;
	must(vcpu, KVM_GET_REGS, &state->regs, "KVM_GET_REGS");
	must(vcpu, KVM_GET_SREGS, &state->sregs, "KVM_GET_SREGS");
	if (state->has_xsave) {
		must(vcpu, KVM_GET_XSAVE, &state->xsave, "KVM_GET_XSAVE");
		must(vcpu, KVM_GET_XCRS, &state->xcrs, "KVM_GET_XCRS");
	} else {
		must(vcpu, KVM_GET_FPU, &state->fpu, "KVM_GET_FPU");
	}
	msrs_get(vcpu, state);
	must(vcpu, KVM_GET_DEBUGREGS, &state->debugregs, "KVM_GET_DEBUGREGS");
	must(vcpu, KVM_GET_MP_STATE, &state->mp_state, "KVM_GET_MP_STATE");
	must(vcpu, KVM_GET_VCPU_EVENTS, &state->events, "KVM_GET_VCPU_EVENTS");
}

void state_set(struct vcpu *vcpu, const struct vcpu_state *given)
{
	struct vcpu_state state = *given;

	must(vcpu, KVM_SET_SREGS, &state.sregs, "KVM_SET_SREGS");
	must(vcpu, KVM_SET_REGS, &state.regs, "KVM_SET_REGS");
	if (state.has_xsave) {
		must(vcpu, KVM_SET_XCRS, &state.xcrs, "KVM_SET_XCRS");
		must(vcpu, KVM_SET_XSAVE, &state.xsave, "KVM_SET_XSAVE");
	} else {
		must(vcpu, KVM_SET_FPU, &state.fpu, "KVM_SET_FPU");
	}
	msrs_set(vcpu, &state);
	must(vcpu, KVM_SET_DEBUGREGS, &state.debugregs, "KVM_SET_DEBUGREGS");
	must(vcpu, KVM_SET_MP_STATE, &state.mp_state, "KVM_SET_MP_STATE");
	must(vcpu, KVM_SET_VCPU_EVENTS, &state.events, "KVM_SET_VCPU_EVENTS");
}
