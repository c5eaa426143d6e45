// SPDX-License-Identifier: GPL-2.0
/*
 * The file of a VM and its ioctls: who may call, and which function. A call must
 * come from the process that created the VM.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "abi.h"
#include "insight/insight.h"
#include "ioctl.h"
#include "mmu/reclaim.h"
#include "slots/dirty_log.h"
#include "vcpu/vcpu.h"
#include "vm/vm.h"

#ifdef CONFIG_COMPAT
struct compat_dirty_log {
	u32 slot;
	u32 padding;
	union {
		compat_uptr_t dirty_bitmap;
		u64 padding2;
	};
};

struct compat_clear_dirty_log {
	u32 slot;
	u32 num_pages;
	u64 first_page;
	union {
		compat_uptr_t dirty_bitmap;
		u64 padding2;
	};
};
#endif

static int vm_set_user_memory_region(struct slat_vm *vm, void __user *argp,
				     struct slat_reject *why)
{
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region, argp, sizeof(region)))
		return -EFAULT;
	return slat_memslots_set_region(&vm->slots, &region, why);
}

/*
 * The same call with room for a guest_memfd, of which there are none: its flag is one of
 * the unknown, and without it KVM does not look at its fields either.
 */
static int vm_set_user_memory_region2(struct slat_vm *vm, void __user *argp,
				      struct slat_reject *why)
{
	struct kvm_userspace_memory_region2 region2;
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region2, argp, sizeof(region2)))
		return -EFAULT;
	region = (struct kvm_userspace_memory_region) {
		.slot = region2.slot,
		.flags = region2.flags,
		.guest_phys_addr = region2.guest_phys_addr,
		.memory_size = region2.memory_size,
		.userspace_addr = region2.userspace_addr,
	};
	return slat_memslots_set_region(&vm->slots, &region, why);
}

static int vm_get_dirty_log(struct slat_vm *vm, void __user *argp, struct slat_reject *why)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, argp, sizeof(log)))
		return -EFAULT;
	return slat_memslots_get_dirty_log(&vm->slots, &log, why);
}

static int vm_clear_dirty_log(struct slat_vm *vm, void __user *argp, struct slat_reject *why)
{
	struct kvm_clear_dirty_log log;

	if (copy_from_user(&log, argp, sizeof(log)))
		return -EFAULT;
	return slat_memslots_clear_dirty_log(&vm->slots, &log, why);
}

static int vm_set_nr_mmu_pages(struct slat_vm *vm, unsigned long nr, struct slat_reject *why)
{
	if (nr < SLAT_MIN_TABLES)
		return slat_reject(why, -EINVAL, SLAT_CHECK_NR_MMU_PAGES, nr, SLAT_MIN_TABLES);
	slat_mmu_set_max_tables(&vm->mmu, nr);
	return 0;
}

static long vm_get_nr_mmu_pages(struct slat_vm *vm)
{
	return min_t(u64, READ_ONCE(vm->mmu.max_tables), INT_MAX);
}

static long vm_call(struct slat_vm *vm, unsigned int cmd, unsigned long arg,
		    struct slat_reject *why)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_CREATE_VCPU:
		return slat_vcpu_create_fd(vm, arg, why);
	case KVM_SET_USER_MEMORY_REGION:
		return vm_set_user_memory_region(vm, argp, why);
	case KVM_SET_USER_MEMORY_REGION2:
		return vm_set_user_memory_region2(vm, argp, why);
	case KVM_GET_DIRTY_LOG:
		return vm_get_dirty_log(vm, argp, why);
	case KVM_CLEAR_DIRTY_LOG:
		return vm_clear_dirty_log(vm, argp, why);
	case KVM_ENABLE_CAP:
		return slat_vm_enable_cap(vm, argp, why);
	case KVM_SET_NR_MMU_PAGES:
		return vm_set_nr_mmu_pages(vm, arg, why);
	case KVM_GET_NR_MMU_PAGES:
		return vm_get_nr_mmu_pages(vm);
	case KVM_IOEVENTFD:
		return slat_io_eventfd(&vm->io, argp, why);
	case KVM_REGISTER_COALESCED_MMIO:
		return slat_io_add_zone(&vm->io, argp, why);
	case KVM_UNREGISTER_COALESCED_MMIO:
		return slat_io_remove_zones(&vm->io, argp, why);
	case KVM_GET_STATS_FD:
		return slat_vm_stats_fd(vm);
	case KVM_CHECK_EXTENSION:
		return slat_check_extension(vm->device, arg);
	default:
		if (_IOC_TYPE(cmd) == SLATIO)
			return slat_vm_extension_ioctl(vm, cmd, argp, why);
		return slat_vm_platform_ioctl(vm, cmd, arg, why);
	}
}

typedef long (*vm_call_fn)(struct slat_vm *vm, unsigned int cmd, unsigned long arg,
			   struct slat_reject *why);

/*
 * The calls of <slat.h> touch no memory of the process that made the VM, so
 * whoever holds the descriptor may make them: slatctl takes it by pidfd_getfd().
 */
static bool vm_is_for_all(const struct slat_vm *vm, unsigned int cmd)
{
	return _IOC_TYPE(cmd) == SLATIO && !READ_ONCE(vm->dead);
}

/* One ioctl by @call; what fails is noted down, for the process that made the VM. */
static __always_inline long vm_ioctl_by(struct file *file, unsigned int cmd,
					unsigned long arg, vm_call_fn call)
{
	struct slat_vm *vm = file->private_data;
	struct slat_reject why = SLAT_REJECT_INIT;
	bool own = slat_vm_is_usable(vm);
	long ret;

	if (unlikely(!own) && !vm_is_for_all(vm, cmd))
		return -EIO;
	ret = call(vm, cmd, arg, &why);
	if (unlikely(ret < 0) && own)
		slat_failure_record(&vm->failure, cmd, ret, &why);
	return ret;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vm_ioctl_by(file, cmd, arg, vm_call);
}

static int vm_release(struct inode *inode, struct file *file)
{
	slat_vm_put(file->private_data);
	return 0;
}

#ifdef CONFIG_COMPAT
/* A 32-bit client's bitmap pointer fills half of the union it is in. */
static int vm_compat_get_dirty_log(struct slat_vm *vm,
				   const struct compat_dirty_log __user *argp,
				   struct slat_reject *why)
{
	struct compat_dirty_log in;
	struct kvm_dirty_log log = {};

	if (copy_from_user(&in, argp, sizeof(in)))
		return -EFAULT;
	log.slot = in.slot;
	log.dirty_bitmap = compat_ptr(in.dirty_bitmap);
	return slat_memslots_get_dirty_log(&vm->slots, &log, why);
}

static int vm_compat_clear_dirty_log(struct slat_vm *vm,
				     const struct compat_clear_dirty_log __user *argp,
				     struct slat_reject *why)
{
	struct compat_clear_dirty_log in;
	struct kvm_clear_dirty_log log = {};

	if (copy_from_user(&in, argp, sizeof(in)))
		return -EFAULT;
	log.slot = in.slot;
	log.num_pages = in.num_pages;
	log.first_page = in.first_page;
	log.dirty_bitmap = compat_ptr(in.dirty_bitmap);
	return slat_memslots_clear_dirty_log(&vm->slots, &log, why);
}

static long vm_compat_call(struct slat_vm *vm, unsigned int cmd, unsigned long arg,
			   struct slat_reject *why)
{
	void __user *argp = compat_ptr(arg);

	switch (cmd) {
	case KVM_GET_DIRTY_LOG:
		return vm_compat_get_dirty_log(vm, argp, why);
	case KVM_CLEAR_DIRTY_LOG:
		return vm_compat_clear_dirty_log(vm, argp, why);
	default:
		return vm_call(vm, cmd, (unsigned long)argp, why);
	}
}

static long vm_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vm_ioctl_by(file, cmd, arg, vm_compat_call);
}
#endif

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vm_compat_ioctl,
#endif
	.llseek = noop_llseek,
};

static const struct slat_vm_ops vm_ops = {
	.debugfs_remove = slat_vm_debugfs_remove,
	.vcpu_destroy = slat_vcpu_destroy,
};

int slat_vm_create_fd(struct slat_device *device, unsigned long type)
{
	struct slat_vm *vm;
	struct file *file;
	int fd, err;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	err = -EINVAL;
	if (type)
		goto err_fd;
	vm = slat_vm_create(device, &vm_ops, fd);
	err = PTR_ERR_OR_ZERO(vm);
	if (err)
		goto err_fd;
	file = anon_inode_getfile("slat-vm", &vm_fops, vm, O_RDWR);
	err = PTR_ERR_OR_ZERO(file);
	if (err)
		goto err_vm;
	slat_vm_debugfs_add(vm, fd);
	/* From here on the client may close it at any moment. */
	fd_install(fd, file);
	return fd;

err_vm:
	slat_vm_put(vm);
err_fd:
	put_unused_fd(fd);
	return err;
}
