/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slat's own ioctls (<slat.h>), and the record that explains a refused one.
 */
#ifndef SLAT_EXTENSION_H
#define SLAT_EXTENSION_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "mmu/policy.h"
#include "reject.h"

struct slat_device;
struct slat_vm;

/**
 * struct slat_failure - the last ioctl of a VM that failed
 * @lock: leaf lock; protects the rest
 * @serial: how many have failed
 * @call: its number
 * @error: its errno, positive
 * @why: what its checks said
 */
struct slat_failure {
	spinlock_t lock;
	u64 serial;
	u32 call;
	u32 error;
	struct slat_reject why;
};

void slat_failure_init(struct slat_failure *failure);

/**
 * slat_failure_record() - an ioctl has failed
 * @failure: of the VM
 * @call: number of the ioctl
 * @err: what it returns, negative
 * @why: what its checks said
 */
void slat_failure_record(struct slat_failure *failure, u32 call, long err,
			 const struct slat_reject *why);

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

/**
 * slat_check_zero() - are reserved words 0?
 * @words: in the kernel's copy of the client's structure
 * @nr: how many
 * @offset: of the first in the structure
 * @why: filled in with -EINVAL; may be NULL
 *
 * Return: 0 or -EINVAL.
 */
int slat_check_zero(const __u64 *words, unsigned int nr, size_t offset,
		    struct slat_reject *why);

/* Are the flags none but those of @allowed? */
static inline int slat_check_flags(u32 flags, u32 allowed, struct slat_reject *why)
{
	return flags & ~allowed ?
	       slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, flags, allowed) : 0;
}

/* The ABI's name of a policy: enum slat_protect. */
u32 slat_protect_of(enum slat_wrprot_policy policy);

/* Flags and reserved words of @copy, of which @allowed flags exist. */
#define slat_check_form(copy, allowed, why)					\
	(slat_check_flags((copy)->flags, allowed, why) ?:			\
	 slat_check_zero((copy)->reserved, ARRAY_SIZE((copy)->reserved),	\
			 offsetof(typeof(*(copy)), reserved), why))

#endif
