// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing a vCPU's state for the client. Called by the ioctl
 * dispatch with the vCPU's mutex held, not loaded. Structures are copied in
 * whole before the vCPU is loaded, and out after it was unloaded.
 */
#include <linux/err.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>

#include "access/guestmem.h"
#include "insn/walk.h"
#include "vcpu.h"

/* For what moves the guest elsewhere: code, mode or addresses. */
static void load_to_change(struct slat_vcpu *vcpu)
{
	slat_vmx_load(vcpu->vmx);
	slat_access_note_place(&vcpu->access);
}

int slat_vcpu_get_regs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_regs regs = {};

	slat_vmx_load(vcpu->vmx);
	slat_vmx_get_regs(vcpu->vmx, &regs);
	slat_vmx_unload(vcpu->vmx);
	return copy_to_user(argp, &regs, sizeof(regs)) ? -EFAULT : 0;
}

int slat_vcpu_set_regs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_regs regs;

	if (copy_from_user(&regs, argp, sizeof(regs)))
		return -EFAULT;
	load_to_change(vcpu);
	slat_vmx_set_regs(vcpu->vmx, &regs);
	slat_vmx_unload(vcpu->vmx);
	return 0;
}

int slat_vcpu_get_sregs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_sregs sregs = {};

	slat_vmx_load(vcpu->vmx);
	slat_vmx_get_sregs(vcpu->vmx, &sregs);
	slat_vmx_unload(vcpu->vmx);
	return copy_to_user(argp, &sregs, sizeof(sregs)) ? -EFAULT : 0;
}

int slat_vcpu_set_sregs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_sregs sregs;
	int err;

	if (copy_from_user(&sregs, argp, sizeof(sregs)))
		return -EFAULT;
	load_to_change(vcpu);
	err = slat_vmx_set_sregs(vcpu->vmx, &sregs, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_get_sregs2(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_sregs2 sregs2 = {};

	slat_vmx_load(vcpu->vmx);
	slat_vmx_get_sregs2(vcpu->vmx, &sregs2);
	slat_vmx_unload(vcpu->vmx);
	return copy_to_user(argp, &sregs2, sizeof(sregs2)) ? -EFAULT : 0;
}

int slat_vcpu_set_sregs2(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_sregs2 sregs2;
	int err;

	if (copy_from_user(&sregs2, argp, sizeof(sregs2)))
		return -EFAULT;
	load_to_change(vcpu);
	err = slat_vmx_set_sregs2(vcpu->vmx, &sregs2, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_get_events(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_vcpu_events events = {};

	slat_vmx_load(vcpu->vmx);
	slat_vmx_get_events(vcpu->vmx, slat_vm_event_flags(vcpu->vm), &events);
	slat_vmx_unload(vcpu->vmx);
	return copy_to_user(argp, &events, sizeof(events)) ? -EFAULT : 0;
}

int slat_vcpu_set_events(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_vcpu_events events;
	int err;

	if (copy_from_user(&events, argp, sizeof(events)))
		return -EFAULT;
	slat_vmx_load(vcpu->vmx);
	err = slat_vmx_set_events(vcpu->vmx, slat_vm_event_flags(vcpu->vm), &events, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_get_debugregs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_debugregs dbg = {};

	slat_vmx_load(vcpu->vmx);
	slat_vmx_get_debugregs(vcpu->vmx, &dbg);
	slat_vmx_unload(vcpu->vmx);
	return copy_to_user(argp, &dbg, sizeof(dbg)) ? -EFAULT : 0;
}

int slat_vcpu_set_debugregs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_debugregs dbg;
	int err;

	if (copy_from_user(&dbg, argp, sizeof(dbg)))
		return -EFAULT;
	slat_vmx_load(vcpu->vmx);
	err = slat_vmx_set_debugregs(vcpu->vmx, &dbg, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_set_guest_debug(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_guest_debug dbg;
	int err;

	if (copy_from_user(&dbg, argp, sizeof(dbg)))
		return -EFAULT;
	slat_vmx_load(vcpu->vmx);
	err = slat_vmx_set_guest_debug(vcpu->vmx, &dbg, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_get_xcrs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_xcrs xcrs = {};

	if (boot_cpu_has(X86_FEATURE_XSAVE)) {
		xcrs.nr_xcrs = 1;
		xcrs.xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
		xcrs.xcrs[0].value = slat_vmx_xcr0(vcpu->vmx);
	}
	return copy_to_user(argp, &xcrs, sizeof(xcrs)) ? -EFAULT : 0;
}

/* XCR0 is the only one; others in the list are left alone, as in KVM. */
int slat_vcpu_set_xcrs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_xcrs xcrs;
	u32 i;

	if (copy_from_user(&xcrs, argp, sizeof(xcrs)))
		return -EFAULT;
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_NO_XSAVE, 0, 0);
	if (xcrs.nr_xcrs > KVM_MAX_XCRS)
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_MANY_ENTRIES, xcrs.nr_xcrs,
				   KVM_MAX_XCRS);
	if (xcrs.flags)
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_FLAGS, xcrs.flags, 0);
	for (i = 0; i < xcrs.nr_xcrs; i++)
		if (xcrs.xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return slat_vmx_set_xcr0(vcpu->vmx, xcrs.xcrs[i].value, &vcpu->why);
	return 0;
}

/* Copy the list in. Return: the entries, *@nr of them, or ERR_PTR. */
static struct kvm_msr_entry *msrs_copy_in(const struct kvm_msrs __user *argp, u32 *nr,
					  struct slat_reject *why)
{
	struct kvm_msrs head;

	if (copy_from_user(&head, argp, sizeof(head)))
		return ERR_PTR(-EFAULT);
	if (head.nmsrs >= SLAT_MAX_IO_MSRS)
		return ERR_PTR(slat_reject(why, -E2BIG, SLAT_CHECK_MANY_ENTRIES, head.nmsrs,
					   SLAT_MAX_IO_MSRS - 1));
	*nr = head.nmsrs;
	return memdup_user(argp->entries, head.nmsrs * sizeof(struct kvm_msr_entry));
}

/* Both stop at the first MSR that fails and return how many went before it. */
int slat_vcpu_get_msrs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_msrs __user *user = argp;
	struct kvm_msr_entry *entries;
	u32 nr, i;
	int ret;

	entries = msrs_copy_in(user, &nr, &vcpu->why);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	slat_vmx_load(vcpu->vmx);
	for (i = 0; i < nr; i++)
		if (slat_vmx_get_msr(vcpu->vmx, entries[i].index, &entries[i].data, true))
			break;
	slat_vmx_unload(vcpu->vmx);
	ret = i;
	if (copy_to_user(user->entries, entries, nr * sizeof(*entries)))
		ret = -EFAULT;
	kfree(entries);
	return ret;
}

int slat_vcpu_set_msrs(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_msr_entry *entries;
	u32 nr, i;

	entries = msrs_copy_in(argp, &nr, &vcpu->why);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	load_to_change(vcpu);
	for (i = 0; i < nr; i++)
		if (slat_vmx_set_msr(vcpu->vmx, entries[i].index, entries[i].data, true))
			break;
	slat_vmx_unload(vcpu->vmx);
	kfree(entries);
	return i;
}

int slat_vcpu_setup_mce(struct slat_vcpu *vcpu, void __user *argp)
{
	u64 cap;
	int err;

	if (copy_from_user(&cap, argp, sizeof(cap)))
		return -EFAULT;
	slat_vmx_load(vcpu->vmx);
	err = slat_vmx_setup_mce(vcpu->vmx, cap, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_set_mce(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_x86_mce mce;
	int err;

	if (copy_from_user(&mce, argp, sizeof(mce)))
		return -EFAULT;
	slat_vmx_load(vcpu->vmx);
	err = slat_vmx_set_mce(vcpu->vmx, &mce, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

/* Looking on changes nothing: no rights are asked for, A and D stay. */
static void translate(struct slat_vcpu *vcpu, struct kvm_translation *tr)
{
	struct slat_epochs *epochs = &vcpu->vm->epochs;
	struct slat_walk_cpu cpu = {};
	struct slat_walk_result res;
	int err;

	slat_reader_enter(epochs, &vcpu->access.reader);
	slat_access_walk_cpu(&vcpu->access, &cpu);
	cpu.cpl = 0;
	err = slat_walk(&cpu, &slat_access_walk_ops, &vcpu->access, tr->linear_address,
			SLAT_ACC_ANY | SLAT_ACC_NO_AD, &res);
	slat_reader_leave(epochs, &vcpu->access.reader);
	tr->physical_address = err ? ~0ULL : res.gpa;
	tr->valid = !err;
	tr->writeable = !err && res.writable;
	tr->usermode = !err && res.user;
}

int slat_vcpu_translate(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_translation tr;

	if (copy_from_user(&tr, argp, sizeof(tr)))
		return -EFAULT;
	slat_vmx_load(vcpu->vmx);
	translate(vcpu, &tr);
	slat_vmx_unload(vcpu->vmx);
	return copy_to_user(argp, &tr, sizeof(tr)) ? -EFAULT : 0;
}

int slat_vcpu_interrupt(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_interrupt irq;
	int err;

	if (copy_from_user(&irq, argp, sizeof(irq)))
		return -EFAULT;
	slat_vmx_load(vcpu->vmx);
	err = slat_vmx_queue_interrupt(vcpu->vmx, irq.irq, &vcpu->why);
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_nmi(struct slat_vcpu *vcpu)
{
	slat_vmx_load(vcpu->vmx);
	slat_vmx_queue_nmi(vcpu->vmx);
	slat_vmx_unload(vcpu->vmx);
	return 0;
}
