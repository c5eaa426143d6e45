/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last ioctl of a VM, or of one of its vCPUs, that failed: noted down here
 * by the calls, put into words by insight/last_error.c when it is asked for.
 */
#ifndef SLAT_VM_FAILURE_H
#define SLAT_VM_FAILURE_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "reject.h"

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

#endif
