/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limit and type checks of a segmented access outside 64-bit mode. The glue's
 * seg_check callback reads the segment from the VMCS and calls this.
 */
#ifndef SLAT_INSN_SEGMENT_H
#define SLAT_INSN_SEGMENT_H

#include "types.h"

/**
 * struct slat_segment - the hidden part of a segment register, as KVM has it
 * @limit: byte limit, granularity applied
 * @type: descriptor type, 4 bits
 * @s: code or data segment
 * @db: D/B bit
 * @unusable: no access is possible through it (a null selector)
 */
struct slat_segment {
	u32 limit;
	u8 type;
	bool s;
	bool db;
	bool unusable;
};

/**
 * slat_segment_check() - may this segment be used for this access
 * @desc: the segment
 * @mode: code segment mode; SLAT_MODE_LONG always passes
 * @seg: which segment register (SS makes #SS instead of #GP)
 * @offset: effective address
 * @len: bytes, at least 1
 * @access: enum slat_access flags
 * @ex: filled when the check fails
 *
 * Real and virtual-8086 mode check the limit alone. (SDM, "Limit Checking"
 * and "Type Checking".)
 *
 * Return: 0, or -EFAULT with @ex.
 */
int slat_segment_check(const struct slat_segment *desc,
		       enum slat_insn_mode mode, enum slat_seg seg, u64 offset,
		       unsigned int len, unsigned int access,
		       struct slat_exception *ex);

#endif /* SLAT_INSN_SEGMENT_H */
