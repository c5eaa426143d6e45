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

/**
 * slat_check_zero() - are reserved words 0?
 * @words: in the kernel's copy of the client's structure
 * @nr: how many
 * @offset: of the first in the structure
 * @why: filled in with -EINVAL; may be NULL
 *
 * Return: 0 or -EINVAL.
 */
static inline int slat_check_zero(const __u64 *words, unsigned int nr, u64 offset,
				  struct slat_reject *why)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (words[i])
			return slat_reject(why, -EINVAL, SLAT_CHECK_RESERVED,
					   offset + i * sizeof(words[0]), 0);
	}
	return 0;
}

/* Are the flags none but those of @allowed? */
static inline int slat_check_flags(u32 flags, u32 allowed, struct slat_reject *why)
{
	return flags & ~allowed ?
	       slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, flags, allowed) : 0;
}

/* Flags and reserved words of @copy, of which @allowed flags exist. */
#define slat_check_form(copy, allowed, why)					\
	(slat_check_flags((copy)->flags, allowed, why) ?:			\
	 slat_check_zero((copy)->reserved, ARRAY_SIZE((copy)->reserved),	\
			 offsetof(typeof(*(copy)), reserved), why))

#endif
