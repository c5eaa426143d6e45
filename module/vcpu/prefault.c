// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_PRE_FAULT_MEMORY: the faults of a range before the guest makes them, one after the
 * other on the vCPU's own path, so that there is nothing that a fault of the guest's could
 * find otherwise. Called by the vCPU's ioctl, its mutex held.
 */
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "abi.h"
#include "vcpu.h"

static int prefault_result(struct slat_vcpu *vcpu, enum slat_fault_result result, gpa_t gpa)
{
	switch (result) {
	case SLAT_FAULT_FIXED:
		return 0;
	case SLAT_FAULT_RETRY:
		return -EAGAIN;
	case SLAT_FAULT_MMIO:
		return slat_reject(&vcpu->why, -ENOENT, SLAT_CHECK_NO_MEMORY, gpa, 0);
	case SLAT_FAULT_ERROR:
		return vcpu->fault.error;
	default:
		return -EIO;
	}
}

/* As if the guest read the page; again where something changed meanwhile. */
static int prefault_page(struct slat_vcpu *vcpu, gpa_t gpa)
{
	const struct slat_fault fault = { .gpa = gpa, .read = true };
	struct slat_epochs *epochs = &vcpu->vm->epochs;
	enum slat_fault_result result;
	int err;

	/* No slot can be there, nor an entry for it. */
	if (gpa >> SLAT_PAGE_SHIFT >= vcpu->vm->slots.config.max_gfn)
		return prefault_result(vcpu, SLAT_FAULT_MMIO, gpa);
	do {
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
		slat_reader_enter(epochs, &vcpu->access.reader);
		result = slat_handle_fault(&vcpu->fault, &fault);
		slat_reader_leave(epochs, &vcpu->access.reader);
		err = prefault_result(vcpu, result, gpa);
	} while (err == -EAGAIN);
	return err;
}

/* What is left is in @range; an error counts where nothing at all was done. */
static int prefault_range(struct slat_vcpu *vcpu, struct kvm_pre_fault_memory *range)
{
	const u64 size = range->size;
	int err;

	do {
		err = prefault_page(vcpu, range->gpa);
		if (err)
			break;
		range->gpa += PAGE_SIZE;
		range->size -= PAGE_SIZE;
	} while (range->size);
	return range->size == size ? err : 0;
}

static int range_check(const struct kvm_pre_fault_memory *range, struct slat_reject *why)
{
	if (range->flags)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, range->flags, 0);
	if (!PAGE_ALIGNED(range->gpa))
		return slat_reject(why, -EINVAL, SLAT_CHECK_GPA_ALIGN, range->gpa, PAGE_SIZE);
	if (!PAGE_ALIGNED(range->size))
		return slat_reject(why, -EINVAL, SLAT_CHECK_SIZE_ALIGN, range->size,
				   PAGE_SIZE);
	if (range->gpa + range->size <= range->gpa)
		return slat_reject(why, -EINVAL, SLAT_CHECK_GPA_WRAP, range->gpa,
				   range->size);
	return 0;
}

int slat_vcpu_pre_fault(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_pre_fault_memory range;
	int err;

	if (copy_from_user(&range, argp, sizeof(range)))
		return -EFAULT;
	err = range_check(&range, &vcpu->why);
	if (!err)
		err = prefault_range(vcpu, &range);
	return copy_to_user(argp, &range, sizeof(range)) ? -EFAULT : err;
}
