/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a request was refused: filled by the check that failed, told to the client
 * by SLAT_GET_LAST_ERROR. Builds in the kernel and in user space; no lock: each
 * call has one of its own.
 */
#ifndef SLAT_REJECT_H
#define SLAT_REJECT_H

#include <slat.h>

#include "mmu/types.h"

/**
 * struct slat_reject - one refusal; the fields mean what enum slat_check says
 * @check: enum slat_check; SLAT_CHECK_NONE: no check said anything
 * @slot: the slot that the call was about, or SLAT_NO_SLOT
 * @value: what was given
 * @limit: what was expected
 * @other: the slot in the way, or SLAT_NO_SLOT
 * @other_gpa: where it begins
 * @other_size: its bytes
 * @vcpu: the vCPU whose call it was, or SLAT_NO_VCPU
 */
struct slat_reject {
	u32 check;
	u32 slot;
	u64 value;
	u64 limit;
	u32 other;
	u64 other_gpa;
	u64 other_size;
	u32 vcpu;
};

#define SLAT_REJECT_VCPU(id) { .slot = SLAT_NO_SLOT, .other = SLAT_NO_SLOT, .vcpu = (id) }
#define SLAT_REJECT_INIT SLAT_REJECT_VCPU(SLAT_NO_VCPU)

/* Note down why, and give @err back. @why may be NULL. */
static inline int slat_reject(struct slat_reject *why, int err, enum slat_check check,
			      u64 value, u64 limit)
{
	if (why) {
		why->check = check;
		why->value = value;
		why->limit = limit;
	}
	return err;
}

#endif
