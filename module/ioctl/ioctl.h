/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a client opens and calls: the node, the file of a VM, the file of a vCPU.
 * Each has a switch that finds the function for a call; the work is done in the
 * rooms below.
 */
#ifndef SLAT_IOCTL_IOCTL_H
#define SLAT_IOCTL_IOCTL_H

#include <linux/fs.h>
#include <linux/types.h>

struct slat_device;
struct slat_reject;
struct slat_vm;

/* device.c */
extern const struct file_operations slat_dev_fops;

/**
 * slat_check_extension() - KVM_CHECK_EXTENSION
 * @device: the device
 * @cap: KVM_CAP_*
 *
 * Return: the value of what is implemented, 0 for everything else.
 */
long slat_check_extension(const struct slat_device *device, unsigned long cap);

/* vm.c */

/**
 * slat_vm_create_fd() - KVM_CREATE_VM
 * @device: the device
 * @type: the client's argument
 *
 * Return: a file descriptor;
 * -EINVAL: @type is not 0; -EBUSY: another hypervisor owns VMX, or the machine
 * goes down;
 * -EMFILE, -ENFILE, -ENOMEM, -EINTR; -EIO: VMXON failed.
 */
int slat_vm_create_fd(struct slat_device *device, unsigned long type);

/* vcpu.c */

/**
 * slat_vcpu_create_fd() - KVM_CREATE_VCPU
 * @vm: the VM
 * @id: the client's number for the vCPU
 * @why: filled in with -EINVAL and -EEXIST
 *
 * Return: a file descriptor;
 * -EINVAL: @id is out of range, or there are as many vCPUs as allowed;
 * -EEXIST: @id is taken; -EMFILE, -ENFILE, -ENOMEM.
 */
int slat_vcpu_create_fd(struct slat_vm *vm, unsigned long id, struct slat_reject *why);

#endif
