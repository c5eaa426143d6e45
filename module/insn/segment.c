// SPDX-License-Identifier: GPL-2.0
/*
 * Limit and type checks of segmented accesses. Called by the glue's seg_check
 * callback; pure, expects no lock.
 */
#include "segment.h"

#define TYPE_CODE		8	/* code segment */
#define TYPE_WRITABLE		2	/* of a data segment */
#define TYPE_READABLE		2	/* of a code segment */
#define TYPE_EXPAND_DOWN	4	/* of a data segment */

static bool segment_type_denies(const struct slat_segment *desc,
				unsigned int access)
{
	if (desc->unusable || !desc->s)
		return true;
	if (access & SLAT_ACC_FETCH)
		return !(desc->type & TYPE_CODE);
	if (desc->type & TYPE_CODE)
		return (access & SLAT_ACC_WRITE) ||
		       !(desc->type & TYPE_READABLE);
	return (access & SLAT_ACC_WRITE) && !(desc->type & TYPE_WRITABLE);
}

static bool segment_limit_denies(const struct slat_segment *desc, u64 first,
				 u64 last)
{
	u64 top = desc->db ? 0xffffffff : 0xffff;

	if (!(desc->type & TYPE_CODE) && (desc->type & TYPE_EXPAND_DOWN))
		return first <= desc->limit || last > top;
	return last > desc->limit;
}

int slat_segment_check(const struct slat_segment *desc,
		       enum slat_insn_mode mode, enum slat_seg seg, u64 offset,
		       unsigned int len, unsigned int access,
		       struct slat_exception *ex)
{
	bool typed = mode == SLAT_MODE_PROT16 || mode == SLAT_MODE_PROT32;
	u64 last = offset + len - 1;

	if (mode == SLAT_MODE_LONG)
		return 0;
	if (!(typed && segment_type_denies(desc, access)) &&
	    !segment_limit_denies(desc, offset, last))
		return 0;
	*ex = (struct slat_exception) {
		.vector = seg == SLAT_SEG_SS ? SLAT_VEC_SS : SLAT_VEC_GP,
		.has_error = mode != SLAT_MODE_REAL,
	};
	return -EFAULT;
}
