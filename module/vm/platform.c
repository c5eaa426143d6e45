// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls of a VM that are about the PC platform that KVM grew up with. A
 * processor with unrestricted guest and a client with interrupt controllers of
 * its own need little of them: most check and answer as KVM does there, and no
 * state follows. The clock is the exception. Called by the VM's ioctl, without
 * locks.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include <asm/msr.h>

#include "vm.h"

/*
 * Three pages below 4 GiB for a TSS, in which processors without unrestricted
 * guest run real mode as virtual-8086 mode.
 */
static int set_tss_addr(unsigned long addr, struct slat_reject *why)
{
	const unsigned long max = (u32)(-3 * PAGE_SIZE);

	return addr > max ? slat_reject(why, -EINVAL, SLAT_CHECK_ADDRESS, addr, max) : 0;
}

/* Likewise the page table with which they run without paging. */
static int set_identity_map_addr(struct slat_vm *vm, const u64 __user *argp,
				 struct slat_reject *why)
{
	u64 addr;
	int err;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		err = slat_reject(why, -EINVAL, SLAT_CHECK_VCPUS_MADE, vm->nr_vcpus, 0);
	else
		err = copy_from_user(&addr, argp, sizeof(addr)) ? -EFAULT : 0;
	mutex_unlock(&vm->lock);
	return err;
}

/* Routes lead to the kernel's interrupt controllers, of which there are none. */
static int set_gsi_routing(const struct kvm_irq_routing __user *argp, struct slat_reject *why)
{
	struct kvm_irq_routing routing;

	if (copy_from_user(&routing, argp, sizeof(routing)))
		return -EFAULT;
	return slat_reject(why, -EINVAL, SLAT_CHECK_NO_IRQCHIP, routing.nr, 0);
}

/* Nor do messages find one. */
static int signal_msi(const struct kvm_msi __user *argp, struct slat_reject *why)
{
	struct kvm_msi msi;

	if (copy_from_user(&msi, argp, sizeof(msi)))
		return -EFAULT;
	return slat_reject(why, -EINVAL, SLAT_CHECK_NO_IRQCHIP, msi.data, 0);
}

void slat_vm_clock_init(struct slat_vm *vm)
{
	vm->clock_offset = -(s64)ktime_get_boottime_ns();
}

/*
 * Nanoseconds that the VM exists, or since what the client set. No guest sees
 * it: it is the client's, which carries it over to where the VM goes.
 */
static int get_clock(struct slat_vm *vm, struct kvm_clock_data __user *argp)
{
	struct kvm_clock_data data = {
		.flags = KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC,
	};

	mutex_lock(&vm->lock);
	/* The three are of one moment. */
	preempt_disable();
	data.clock = ktime_get_boottime_ns() + vm->clock_offset;
	data.realtime = ktime_get_real_ns();
	data.host_tsc = rdtsc();
	preempt_enable();
	mutex_unlock(&vm->lock);
	return copy_to_user(argp, &data, sizeof(data)) ? -EFAULT : 0;
}

#define CLOCK_FLAGS (KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

static int set_clock(struct slat_vm *vm, const struct kvm_clock_data __user *argp,
		     struct slat_reject *why)
{
	struct kvm_clock_data data;
	u64 now;

	if (copy_from_user(&data, argp, sizeof(data)))
		return -EFAULT;
	if (data.flags & ~CLOCK_FLAGS)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, data.flags, CLOCK_FLAGS);
	/* The time that the VM was on its way; never backwards. */
	now = ktime_get_real_ns();
	if (data.flags & KVM_CLOCK_REALTIME && now > data.realtime)
		data.clock += now - data.realtime;
	mutex_lock(&vm->lock);
	vm->clock_offset = data.clock - ktime_get_boottime_ns();
	mutex_unlock(&vm->lock);
	return 0;
}

long slat_vm_platform_ioctl(struct slat_vm *vm, unsigned int cmd, unsigned long arg,
			    struct slat_reject *why)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_SET_TSS_ADDR:
		return set_tss_addr(arg, why);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_map_addr(vm, argp, why);
	case KVM_SET_GSI_ROUTING:
		return set_gsi_routing(argp, why);
	case KVM_SIGNAL_MSI:
		return signal_msi(argp, why);
	case KVM_GET_CLOCK:
		return get_clock(vm, argp);
	case KVM_SET_CLOCK:
		return set_clock(vm, argp, why);
	/* What each vCPU of the VM will begin with, and there is but one rate. */
	case KVM_GET_TSC_KHZ:
		return slat_vmx_tsc_khz();
	case KVM_SET_TSC_KHZ:
		return slat_vmx_set_tsc_khz(arg, why);
	default:
		return -ENOTTY;
	}
}
