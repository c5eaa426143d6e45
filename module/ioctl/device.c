// SPDX-License-Identifier: GPL-2.0
/*
 * The device node: ioctls that need no VM. Called by any process that may open
 * the node; takes no lock.
 */
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <asm/cpufeature.h>

#include "abi.h"
#include "insight/insight.h"
#include "ioctl.h"
#include "slots/memslots.h"
#include "vcpu/cpuid.h"
#include "vcpu/vcpu.h"
#include "vm/device.h"

/* As KVM's. The routes would lead to controllers that do not exist here. */
#define SLAT_MAX_IRQ_ROUTES	4096

long slat_check_extension(const struct slat_device *device, unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_USER_MEMORY2:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_MMU_SHADOW_CACHE_CONTROL:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_XSAVE:
	case KVM_CAP_SREGS2:
	case KVM_CAP_GET_MSR_FEATURES:
	case KVM_CAP_SET_GUEST_DEBUG:
	case KVM_CAP_X86_ROBUST_SINGLESTEP:
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_NO_LENGTH:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_COALESCED_PIO:
	case KVM_CAP_BINARY_STATS_FD:
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
	case KVM_CAP_MEMORY_FAULT_INFO:
	case KVM_CAP_PRE_FAULT_MEMORY:
	case KVM_CAP_EXCEPTION_PAYLOAD:
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
	/* KVM says so whatever there is to signal, and QEMU from 8.2 on must hear it. */
	case KVM_CAP_SIGNAL_MSI:
		return 1;
	case KVM_CAP_SYNC_REGS:
		return KVM_SYNC_X86_VALID_FIELDS;
	case KVM_CAP_SET_GUEST_DEBUG2:
		return slat_vmx_guest_debug_flags();
	case KVM_CAP_COALESCED_MMIO:
		return SLAT_RING_PAGE;
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_XSAVE2:
		return slat_fpu_xsave_size(device->caps);
	case KVM_CAP_ADJUST_CLOCK:
		return KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
	case KVM_CAP_IRQ_ROUTING:
		return SLAT_MAX_IRQ_ROUTES;
	case KVM_CAP_MCE:
		return SLAT_MCE_BANKS;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	case KVM_CAP_NR_VCPUS:
		return min(num_online_cpus(), device->config.max_vcpus);
	case KVM_CAP_MAX_VCPUS:
		return device->config.max_vcpus;
	case KVM_CAP_MAX_VCPU_ID:
		return slat_max_vcpu_ids(device);
	case KVM_CAP_NR_MEMSLOTS:
		return device->config.nr_memslots;
	default:
		return 0;
	}
}

static int dev_get_supported_cpuid(const struct slat_device *device,
				   struct kvm_cpuid2 __user *argp)
{
	struct kvm_cpuid2 head;
	int err;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	err = slat_cpuid_supported(device->caps, &head.nent, argp->entries);
	if (err)
		return err;
	return copy_to_user(argp, &head, sizeof(head)) ? -EFAULT : 0;
}

/* Fills an array of @max MSR numbers. Return: how many there are. */
typedef unsigned int (*msr_list_fn)(u32 *out, unsigned int max);

/* The number is told even when the list does not fit, as in KVM. */
static int dev_get_msr_index_list(struct kvm_msr_list __user *argp, msr_list_fn fill)
{
	struct kvm_msr_list head;
	u32 room, *list;
	int err = 0;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	room = head.nmsrs;
	head.nmsrs = fill(NULL, 0);
	if (copy_to_user(argp, &head, sizeof(head)))
		return -EFAULT;
	if (room < head.nmsrs)
		return -E2BIG;
	list = kcalloc(head.nmsrs, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	fill(list, head.nmsrs);
	if (copy_to_user(argp->indices, list, head.nmsrs * sizeof(*list)))
		err = -EFAULT;
	kfree(list);
	return err;
}

/* Stops at the first that is not in the list and returns how many went before. */
static int dev_get_feature_msrs(struct kvm_msrs __user *argp)
{
	struct kvm_msr_entry entry;
	struct kvm_msrs head;
	u32 i;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= SLAT_MAX_IO_MSRS)
		return -E2BIG;
	for (i = 0; i < head.nmsrs; i++) {
		if (copy_from_user(&entry, &argp->entries[i], sizeof(entry)))
			return -EFAULT;
		if (slat_vmx_get_feature_msr(entry.index, &entry.data))
			break;
		if (copy_to_user(&argp->entries[i], &entry, sizeof(entry)))
			return -EFAULT;
	}
	return i;
}

static int dev_get_mce_cap(u64 __user *argp)
{
	const u64 cap = slat_vmx_mce_cap();

	return copy_to_user(argp, &cap, sizeof(cap)) ? -EFAULT : 0;
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct slat_device *device =
		container_of(file->private_data, struct slat_device, misc);
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return slat_vm_create_fd(device, arg);
	case KVM_CHECK_EXTENSION:
		return slat_check_extension(device, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : SLAT_NR_RUN_PAGES * PAGE_SIZE;
	case KVM_GET_SUPPORTED_CPUID:
		return dev_get_supported_cpuid(device, argp);
	case KVM_GET_MSR_INDEX_LIST:
		return dev_get_msr_index_list(argp, slat_vmx_msr_list);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return dev_get_msr_index_list(argp, slat_vmx_feature_msr_list);
	case KVM_GET_MSRS:
		return dev_get_feature_msrs(argp);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return dev_get_mce_cap(argp);
	case SLAT_GET_INFO:
		return slat_extension_info(device, argp, NULL);
	default:
		return -EINVAL;
	}
}

const struct file_operations slat_dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
