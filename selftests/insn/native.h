/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Execute one instruction on the processor that runs the test, with all
 * registers given, on memory at a fixed low address.
 */
#ifndef SLAT_SELFTESTS_INSN_NATIVE_H
#define SLAT_SELFTESTS_INSN_NATIVE_H

#include "../../module/insn/types.h"

#define NATIVE_STATE	0x10000000ul
#define NATIVE_CODE	0x10010000ul	/* where the prologue starts */
#define NATIVE_DATA	0x20000000ul
#define NATIVE_GUARD	0x100000ul	/* unmapped on either side of the data */

/* Registers before and after; rflags without TF, IF, AC. */
struct native_regs {
	u64 gpr[16];
	u64 rflags;
	u8 xmm[16][16];
};

/* Map everything; false when the addresses are taken. */
bool native_init(unsigned int data_bytes);
/* Address at which the instruction itself will run. */
u64 native_rip(void);
/* Execute; false when it faulted (then registers are as they were). */
bool native_run(const u8 *bytes, unsigned int len, struct native_regs *regs);

#endif /* SLAT_SELFTESTS_INSN_NATIVE_H */
