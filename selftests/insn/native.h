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
	u8 ymm[16][32];		/* without AVX the upper halves are 0 */
	u64 mmx[8];
};

/**
 * struct native_setup - in which surroundings the instruction runs
 * @mode: SLAT_MODE_LONG, or SLAT_MODE_PROT32 and PROT16 as compatibility mode
 * @small: outside 64-bit mode, DS, ES and SS begin at the data and end at
 *	NATIVE_LIMIT, with a 16-bit stack pointer; else they are flat
 */
struct native_setup {
	enum slat_insn_mode mode;
	bool small;
};

#define NATIVE_LIMIT	(4 * 4096 - 65)

/* Map everything; false when the addresses are taken. */
bool native_init(unsigned int data_bytes);
/* Can compatibility mode be used? */
bool native_has_compat(void);
/* Has it VEX moves? */
bool native_has_avx(void);
/* Instruction pointer and base of CS where the instruction will run. */
u64 native_rip(const struct native_setup *setup);
u64 native_code_base(const struct native_setup *setup);
/* Selector of a segment register while it runs. */
u16 native_selector(const struct native_setup *setup, enum slat_seg seg);
/* Another descriptor, based at the data, for DS and ES in a small setup. */
struct user_desc;
bool native_data_segment(const struct user_desc *desc);
/* Execute; false when it faulted (then registers are as they were). */
bool native_run(const struct native_setup *setup, const u8 *bytes,
		unsigned int len, struct native_regs *regs);
/* The signal of the last fault: SIGBUS for #SS, SIGSEGV for #GP and #PF. */
int native_signal(void);

#endif /* SLAT_SELFTESTS_INSN_NATIVE_H */
