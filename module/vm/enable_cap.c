// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_ENABLE_CAP: what a client switches on for its VM. Each capability says here what
 * its arguments may be; who reads the switch is said where the switch is, in struct
 * slat_vm. Called by the VM's ioctl, without locks.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/uaccess.h>

#include "vm.h"

static int enable_manual_protect(struct slat_vm *vm, u64 arg, struct slat_reject *why)
{
	u64 allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (arg & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (arg & ~allowed)
		return slat_reject(why, -EINVAL, SLAT_CHECK_CAP_ARGS, arg, allowed);
	mutex_lock(&vm->slots.lock);
	vm->slots.manual_protect = arg;
	mutex_unlock(&vm->slots.lock);
	return 0;
}

/* Said once, before the first vCPU; the same again is no change, as in KVM. */
static int enable_max_vcpu_id(struct slat_vm *vm, u64 arg, struct slat_reject *why)
{
	const u32 max = slat_max_vcpu_ids(vm->device);
	int err = 0;

	if (arg > max)
		return slat_reject(why, -EINVAL, SLAT_CHECK_VCPU_IDS, arg, max);
	mutex_lock(&vm->lock);
	if (!vm->max_vcpu_ids)
		vm->max_vcpu_ids = arg;
	else if (vm->max_vcpu_ids != arg)
		err = slat_reject(why, -EINVAL, SLAT_CHECK_VCPU_IDS, arg, vm->max_vcpu_ids);
	mutex_unlock(&vm->lock);
	return err;
}

static int enable_exit_on_failure(struct slat_vm *vm, u64 arg, struct slat_reject *why)
{
	if (arg > 1)
		return slat_reject(why, -EINVAL, SLAT_CHECK_CAP_ARGS, arg, 1);
	WRITE_ONCE(vm->exit_on_failure, arg);
	return 0;
}

/* Any number but 0 switches it on, as in KVM. */
static int enable_event_flag(struct slat_vm *vm, u64 arg, u32 flag)
{
	mutex_lock(&vm->lock);
	WRITE_ONCE(vm->event_flags, arg ? vm->event_flags | flag : vm->event_flags & ~flag);
	mutex_unlock(&vm->lock);
	return 0;
}

int slat_vm_enable_cap(struct slat_vm *vm, const void __user *argp, struct slat_reject *why)
{
	struct kvm_enable_cap cap;

	if (copy_from_user(&cap, argp, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, cap.flags, 0);
	switch (cap.cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return enable_manual_protect(vm, cap.args[0], why);
	case KVM_CAP_MAX_VCPU_ID:
		return enable_max_vcpu_id(vm, cap.args[0], why);
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		return enable_exit_on_failure(vm, cap.args[0], why);
	case KVM_CAP_EXCEPTION_PAYLOAD:
		return enable_event_flag(vm, cap.args[0], KVM_VCPUEVENT_VALID_PAYLOAD);
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		return enable_event_flag(vm, cap.args[0], KVM_VCPUEVENT_VALID_TRIPLE_FAULT);
	default:
		return slat_reject(why, -EINVAL, SLAT_CHECK_CAP, cap.cap, 0);
	}
}
