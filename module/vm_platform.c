// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls of a VM that are about the PC platform that KVM grew up with. A
 * processor with unrestricted guest and a client with interrupt controllers of
 * its own need nothing of them, so they check and answer as KVM does there, and
 * no state follows. Called by the VM's ioctl, without locks.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "vm.h"

/*
 * Three pages below 4 GiB for a TSS, in which processors without unrestricted
 * guest run real mode as virtual-8086 mode.
 */
static int set_tss_addr(unsigned long addr)
{
	return addr > (u32)(-3 * PAGE_SIZE) ? -EINVAL : 0;
}

/* Likewise the page table with which they run without paging. */
static int set_identity_map_addr(struct slat_vm *vm, const u64 __user *argp)
{
	u64 addr;
	int err = -EINVAL;

	mutex_lock(&vm->lock);
	if (!vm->nr_vcpus)
		err = copy_from_user(&addr, argp, sizeof(addr)) ? -EFAULT : 0;
	mutex_unlock(&vm->lock);
	return err;
}

/* Routes lead to the kernel's interrupt controllers, of which there are none. */
static int set_gsi_routing(const struct kvm_irq_routing __user *argp)
{
	struct kvm_irq_routing routing;

	return copy_from_user(&routing, argp, sizeof(routing)) ? -EFAULT : -EINVAL;
}

long slat_vm_platform_ioctl(struct slat_vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_SET_TSS_ADDR:
		return set_tss_addr(arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_map_addr(vm, argp);
	case KVM_SET_GSI_ROUTING:
		return set_gsi_routing(argp);
	default:
		return -ENOTTY;
	}
}
