// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CAP_SYNC_REGS: registers that travel in the kvm_run page, so that a client
 * needs no ioctls for them. Called by KVM_RUN, with the vCPU loaded. The page is
 * the client's, who may write it meanwhile: what comes from it is copied before
 * it is looked at.
 */
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kvm.h>

#include "vcpu.h"

static noinline_for_stack void load_regs(struct slat_vcpu *vcpu)
{
	const struct kvm_regs regs = vcpu->run->s.regs.regs;

	barrier();
	slat_vmx_set_regs(vcpu->vmx, &regs);
}

static noinline_for_stack int load_sregs(struct slat_vcpu *vcpu)
{
	const struct kvm_sregs sregs = vcpu->run->s.regs.sregs;

	barrier();
	return slat_vmx_set_sregs(vcpu->vmx, &sregs, &vcpu->why);
}

static noinline_for_stack int load_events(struct slat_vcpu *vcpu)
{
	const struct kvm_vcpu_events events = vcpu->run->s.regs.events;

	barrier();
	return slat_vmx_set_events(vcpu->vmx, slat_vm_event_flags(vcpu->vm), &events, &vcpu->why);
}

int slat_sync_regs_load(struct slat_vcpu *vcpu, u64 dirty)
{
	struct kvm_run *run = vcpu->run;

	BUILD_BUG_ON(sizeof(run->s.regs) > sizeof(run->s));

	if (dirty & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_DIRTY_REGS, dirty,
				   KVM_SYNC_X86_VALID_FIELDS);
	slat_access_note_place(&vcpu->access);
	if (dirty & KVM_SYNC_X86_REGS) {
		load_regs(vcpu);
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_REGS;
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		if (load_sregs(vcpu))
			return -EINVAL;
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_SREGS;
	}
	if (dirty & KVM_SYNC_X86_EVENTS) {
		if (load_events(vcpu))
			return -EINVAL;
		run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_EVENTS;
	}
	return 0;
}

void slat_sync_regs_store(struct slat_vcpu *vcpu, u64 valid)
{
	struct kvm_sync_regs *regs = &vcpu->run->s.regs;

	if (valid & KVM_SYNC_X86_REGS)
		slat_vmx_get_regs(vcpu->vmx, &regs->regs);
	if (valid & KVM_SYNC_X86_SREGS)
		slat_vmx_get_sregs(vcpu->vmx, &regs->sregs);
	if (valid & KVM_SYNC_X86_EVENTS)
		slat_vmx_get_events(vcpu->vmx, slat_vm_event_flags(vcpu->vm), &regs->events);
}
