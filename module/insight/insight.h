/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tells of a VM and what steers it: Slat's own ioctls (<slat.h>),
 * statistics as files and in debugfs, the EPT as text, the words for a refused
 * call. Called by the ioctls and by the kernel's readers of files; looks at VMs
 * and vCPUs from outside, and nothing below calls it.
 */
#ifndef SLAT_INSIGHT_INSIGHT_H
#define SLAT_INSIGHT_INSIGHT_H

#include <linux/fs.h>
#include <linux/types.h>

#include <slat.h>

#include "mmu/types.h"
#include "mmu/policy.h"

struct seq_file;
struct slat_device;
struct slat_failure;
struct slat_reject;
struct slat_vcpu;
struct slat_visit;
struct slat_vm;

/* last_error.c */

/**
 * slat_failure_get() - SLAT_GET_LAST_ERROR
 * @failure: of the VM
 * @argp: the client's structure
 * @why: filled in with -EINVAL
 *
 * Return: 0; -EINVAL: flags or reserved fields; -EFAULT.
 */
int slat_failure_get(struct slat_failure *failure, void __user *argp,
		     struct slat_reject *why);

/* extension.c */

/**
 * slat_extension_info() - SLAT_GET_INFO
 * @device: the device
 * @argp: the client's structure
 * @why: filled in with -EINVAL; may be NULL
 *
 * Return: 0; -EINVAL: flags or reserved fields; -EFAULT.
 */
int slat_extension_info(const struct slat_device *device, void __user *argp,
			struct slat_reject *why);

/**
 * slat_vm_extension_ioctl() - an ioctl of type SLATIO on a VM
 * @vm: the VM, usable
 * @cmd: the ioctl
 * @argp: the client's structure
 * @why: filled in with -EINVAL and -ENOENT
 *
 * Called without locks.
 *
 * Return: as <slat.h> says of each call; -ENOTTY: not one of them.
 */
long slat_vm_extension_ioctl(struct slat_vm *vm, unsigned int cmd, void __user *argp,
			     struct slat_reject *why);

/* The ABI's name of a policy, enum slat_protect: the core's, behind the default. */
static inline u32 slat_protect_of(enum slat_wrprot_policy policy)
{
	return policy == SLAT_POLICY_INHERIT ? SLAT_PROTECT_DEFAULT : policy + 1;
}

/* stats_fd.c */

/**
 * slat_vm_stats_fd() - KVM_GET_STATS_FD of a VM
 * @vm: the VM
 *
 * Return: a file descriptor that holds the VM; -EMFILE, -ENFILE, -ENOMEM.
 */
int slat_vm_stats_fd(struct slat_vm *vm);

/**
 * slat_vcpu_stats_fd() - KVM_GET_STATS_FD of a vCPU
 * @vcpu: the vCPU
 *
 * Return: a file descriptor that holds the VM; -EMFILE, -ENFILE, -ENOMEM.
 */
int slat_vcpu_stats_fd(struct slat_vcpu *vcpu);

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
