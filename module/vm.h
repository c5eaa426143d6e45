/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine: its slots, its EPT, its vCPUs and the files that hold it.
 *
 * Life: the VM's file and each vCPU's file hold one reference each, so they may
 * be closed in any order; the last one destroys the VM with all its vCPUs. The
 * files pin the module (fops.owner). The owner's mm_struct, not its users, is
 * held: pages come and go by the mmu_notifier.
 */
#ifndef SLAT_VM_H
#define SLAT_VM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "device.h"
#include "extension.h"
#include "iobus.h"
#include "memslots.h"

struct seq_file;
struct slat_vcpu;
struct slat_visit;

/**
 * struct slat_vm - one virtual machine
 * @device: the device it came from
 * @kref: the files that hold it
 * @mm: the owner's address space; ioctls of any other are refused
 * @dead: the owner's address space is gone, or an invariant broke
 * @list: in slat_device.vms; protected by slat_device.vms_lock
 * @debugfs: its directory
 * @epochs: readers of the slots and tables
 * @mmu: the EPT
 * @slots: the memory slots
 * @vmx: what the processor knows of it
 * @notifier: changes of the owner's address space
 * @io: writes that the kernel answers
 * @failure: the last ioctl that failed
 * @lock: outermost lock; protects @vcpus, @nr_vcpus and @clock_offset
 * @vcpus: by id; an entry lives as long as the VM
 * @nr_vcpus: how many there are, those in the making included
 * @clock_offset: from the host's clock since boot to the VM's, in ns
 */
struct slat_vm {
	struct slat_device *device;
	struct kref kref;
	struct mm_struct *mm;
	bool dead;
	struct list_head list;
	struct dentry *debugfs;

	struct slat_epochs epochs;
	struct slat_mmu mmu;
	struct slat_memslots slots;
	struct slat_vmx_vm vmx;
	struct mmu_notifier notifier;
	struct slat_vm_io io;
	struct slat_failure failure;

	struct mutex lock;
	struct xarray vcpus;
	u32 nr_vcpus;
	s64 clock_offset;
};

/* May the calling process use this VM? */
static inline bool slat_vm_is_usable(const struct slat_vm *vm)
{
	return likely(vm->mm == current->mm && !READ_ONCE(vm->dead));
}

/* Number of the VM in traces: 1 for the first since the module was loaded. */
static inline u32 slat_vm_id(const struct slat_vm *vm)
{
	return vm->mmu.config.id;
}

/**
 * slat_vm_create_fd() - KVM_CREATE_VM
 * @device: the device
 * @type: the client's argument
 *
 * Return: a file descriptor;
 * -EINVAL: @type is not 0; -EBUSY: another hypervisor owns VMX;
 * -EMFILE, -ENFILE, -ENOMEM, -EINTR; -EIO: VMXON failed.
 */
int slat_vm_create_fd(struct slat_device *device, unsigned long type);

static inline void slat_vm_get(struct slat_vm *vm)
{
	kref_get(&vm->kref);
}

void slat_vm_put(struct slat_vm *vm);

/* An invariant is broken: refuse every further ioctl. */
void slat_vm_kill(struct slat_vm *vm);

/* vm_platform.c */

/**
 * slat_vm_platform_ioctl() - ioctls that a PC's VM has for historical reasons
 * @vm: the VM
 * @cmd: KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_GSI_ROUTING,
 *	KVM_GET_CLOCK, KVM_SET_CLOCK
 * @arg: the ioctl's argument
 * @why: filled in with -EINVAL
 *
 * Return: 0; -EINVAL: the address is too high, a vCPU exists already, there is
 * nothing to route to, or an unknown flag; -EFAULT; -ENOTTY: not one of these.
 */
long slat_vm_platform_ioctl(struct slat_vm *vm, unsigned int cmd, unsigned long arg,
			    struct slat_reject *why);

/* The VM's clock starts at 0 now. */
void slat_vm_clock_init(struct slat_vm *vm);

/* hostmem.c */

extern const struct slat_mmu_ops slat_host_mmu_ops;

/**
 * slat_host_attach() - follow the changes of the calling process's memory
 * @vm: slots and EPT are initialised
 *
 * Return: 0, -ENOMEM, or -EINTR (a signal came while waiting for mmap_lock).
 */
int slat_host_attach(struct slat_vm *vm);

/* No callback runs any more when it returns. */
void slat_host_detach(struct slat_vm *vm);

/* stats_fd.c */

/**
 * slat_vm_stats_fd() - KVM_GET_STATS_FD of a VM
 * @vm: the VM
 *
 * Return: a file descriptor that holds the VM; -EMFILE, -ENFILE, -ENOMEM.
 */
int slat_vm_stats_fd(struct slat_vm *vm);

/* slot_stats.c */

/**
 * slat_vm_slot_stats() - SLAT_GET_SLOT_STATS
 * @vm: the VM
 * @argp: the client's structure
 * @why: filled in with -EINVAL and -ENOENT
 *
 * Takes slots_lock, so the slot stays what it is while its leafs are counted.
 *
 * Return: 0; -EINVAL: flags, reserved fields, no such slot number; -ENOENT: no
 * such slot; -EINTR: a fatal signal; -EFAULT.
 */
int slat_vm_slot_stats(struct slat_vm *vm, void __user *argp, struct slat_reject *why);

/* A line a slot, for debugfs. */
void slat_vm_slots_show(struct slat_vm *vm, struct seq_file *m);

/* A walk over a VM's EPT in slices: 0, or -EINTR by a fatal signal. */
int slat_vm_visit(struct slat_vm *vm, gfn_t start, struct slat_visit *v);

/* ept_dump.c */
extern const struct file_operations slat_ept_dump_fops;

/* stats.c */

/* Make the VM's debugfs directory, named after the caller and @fd. */
void slat_vm_debugfs_add(struct slat_vm *vm, int fd);
void slat_vm_debugfs_remove(struct slat_vm *vm);

#endif
