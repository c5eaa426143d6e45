/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine: its slots, its EPT, its vCPUs and the files that hold it.
 *
 * Life: the VM's file and each vCPU's file hold one reference each, so they may
 * be closed in any order; the last one destroys the VM with all its vCPUs. The
 * files pin the module (fops.owner). The owner's mm_struct, not its users, is
 * held: pages come and go by the mmu_notifier.
 */
#ifndef SLAT_VM_VM_H
#define SLAT_VM_VM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "device.h"
#include "failure.h"
#include "io/iobus.h"
#include "slots/memslots.h"

struct slat_vcpu;
struct slat_vm;

/**
 * struct slat_vm_ops - what a VM's end needs from the rooms above
 * @debugfs_remove: take down what shows the VM there; first of all
 * @vcpu_destroy: no file refers to the vCPU
 *
 * Both in process context, without locks.
 */
struct slat_vm_ops {
	void (*debugfs_remove)(struct slat_vm *vm);
	void (*vcpu_destroy)(struct slat_vcpu *vcpu);
};

/**
 * struct slat_vm - one virtual machine
 * @device: the device it came from
 * @ops: callbacks; constant
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
 * @exit_on_failure: an instruction that can't be emulated ends KVM_RUN at each privilege
 *	level; written without lock, each failure reads it once
 * @event_flags: KVM_VCPUEVENT_VALID_PAYLOAD and _TRIPLE_FAULT, as far as the client has
 *	switched them on; written under @lock, each call reads it once
 * @lock: outermost lock; protects @vcpus, @nr_vcpus, @max_vcpu_ids and @clock_offset
 * @vcpus: by id; an entry lives as long as the VM
 * @nr_vcpus: how many there are, those in the making included
 * @max_vcpu_ids: their ids are less; 0: the client has not said, and there is none yet
 * @clock_offset: from the host's clock since boot to the VM's, in ns
 */
struct slat_vm {
	struct slat_device *device;
	const struct slat_vm_ops *ops;
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
	bool exit_on_failure;
	u32 event_flags;

	struct mutex lock;
	struct xarray vcpus;
	u32 nr_vcpus;
	u32 max_vcpu_ids;
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
 * slat_vm_create() - a VM of the calling process, with one reference
 * @device: the device
 * @ops: callbacks
 * @fd: the number that its file will have, for traces
 *
 * Return: the VM, or ERR_PTR: -EBUSY: another hypervisor owns VMX, or the machine
 * goes down; -ENOMEM, -EINTR; -EIO: VMXON failed.
 */
struct slat_vm *slat_vm_create(struct slat_device *device, const struct slat_vm_ops *ops,
			       int fd);

static inline void slat_vm_get(struct slat_vm *vm)
{
	kref_get(&vm->kref);
}

void slat_vm_put(struct slat_vm *vm);

/* An invariant is broken: refuse every further ioctl. */
void slat_vm_kill(struct slat_vm *vm);

/* Which flags of struct kvm_vcpu_events does the client know? */
static inline u32 slat_vm_event_flags(const struct slat_vm *vm)
{
	return READ_ONCE(vm->event_flags);
}

/* enable_cap.c */

/**
 * slat_vm_enable_cap() - KVM_ENABLE_CAP
 * @vm: the VM
 * @argp: the client's struct kvm_enable_cap
 * @why: filled in with -EINVAL
 *
 * Return: 0;
 * -EINVAL: a capability that can't be switched on, a flag, an argument that it does not
 * have, or too late; -EFAULT.
 */
int slat_vm_enable_cap(struct slat_vm *vm, const void __user *argp, struct slat_reject *why);

/* platform.c */

/**
 * slat_vm_platform_ioctl() - ioctls that a PC's VM has for historical reasons
 * @vm: the VM
 * @cmd: KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_GSI_ROUTING,
 *	KVM_SIGNAL_MSI, KVM_GET_CLOCK, KVM_SET_CLOCK, KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ
 * @arg: the ioctl's argument
 * @why: filled in with -EINVAL
 *
 * Return: 0, or kHz; -EINVAL: the address is too high, a vCPU exists already, there is
 * nothing to route or signal to, an unknown flag, or another rate; -EFAULT; -ENOTTY: not
 * one of these.
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

#endif
