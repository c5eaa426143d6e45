// SPDX-License-Identifier: GPL-2.0
/*
 * Noting down a failed ioctl. Called at the end of each one that fails, without
 * locks or with the vCPU's mutex.
 */
#include <linux/errno.h>

#include <slat.h>

#include "failure.h"

void slat_failure_init(struct slat_failure *failure)
{
	spin_lock_init(&failure->lock);
	failure->why = (struct slat_reject)SLAT_REJECT_INIT;
}

void slat_failure_record(struct slat_failure *failure, u32 call, long err,
			 const struct slat_reject *why)
{
	/* A question about errors is none of them. */
	if (call == SLAT_GET_LAST_ERROR)
		return;
	spin_lock(&failure->lock);
	failure->serial++;
	failure->call = call;
	failure->error = -err;
	failure->why = *why;
	if (why->check == SLAT_CHECK_NONE)
		failure->why.check = err == -ENOTTY ? SLAT_CHECK_UNKNOWN_CALL : SLAT_CHECK_UNTOLD;
	if (err == -ENOTTY)
		failure->why.value = call;
	spin_unlock(&failure->lock);
}
