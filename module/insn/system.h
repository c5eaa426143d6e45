/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System registers as the emulator sees them: segments with their hidden part,
 * descriptor tables, control registers. The glue fills struct slat_system_ops; segments.c,
 * system.c and far.c call it, each time an instruction needs it, which is rare: nothing is
 * kept here between instructions.
 */
#ifndef SLAT_INSN_SYSTEM_H
#define SLAT_INSN_SYSTEM_H

#include "descriptor.h"
#include "types.h"

/**
 * struct slat_system_table - a descriptor table
 * @base: linear address
 * @limit: last byte
 * @usable: there is one; always true of the GDT and the IDT
 */
struct slat_system_table {
	u64 base;
	u32 limit;
	bool usable;
};

/**
 * struct slat_system_state - registers that rule system instructions
 * @gdt: GDTR
 * @idt: IDTR
 * @ldt: hidden part of LDTR
 * @cr0: CR0 as the guest reads it
 * @cr4: CR4 (UMIP matters)
 * @lma: EFER.LMA: IA-32e mode, 64-bit code or compatibility mode
 */
struct slat_system_state {
	struct slat_system_table gdt;
	struct slat_system_table idt;
	struct slat_system_table ldt;
	u64 cr0;
	u64 cr4;
	bool lma;
};

/**
 * struct slat_system_ops - the emulator's way to system registers
 *
 * Every callback gets slat_emul.ctx. Those that return int behave as the callbacks of
 * struct slat_emul_ops do: -EFAULT with slat_emul.exception filled, -EAGAIN for RETRY.
 * Those that change something are called when the instruction commits, and cannot fail.
 *
 * @state: fill in the registers
 * @read: read at a linear address as the processor reads a descriptor: as a supervisor,
 *	whatever the CPL. An errno also when no RAM is there.
 * @cmpxchg: likewise, write one byte if it still is @old; else -EAGAIN. 0 also where the
 *	guest may not write, a ROM: what the processor marks there is lost.
 * @get_segment: hidden part of a segment register
 * @set_segment: load one, selector and hidden part
 * @set_gdt: load GDTR
 * @set_idt: load IDTR
 * @load_msw: change the four low bits of CR0 as LMSW does
 * @end_nmi: what IRET does to NMIs: they are blocked no longer
 * @x87_word: the x87 status word, or else the control word
 */
struct slat_system_ops {
	void (*state)(void *ctx, struct slat_system_state *state);
	int (*read)(void *ctx, u64 linear, void *buf, unsigned int len);
	int (*cmpxchg)(void *ctx, u64 linear, u8 old, u8 new);
	void (*get_segment)(void *ctx, enum slat_seg seg, struct slat_descriptor *desc);
	void (*set_segment)(void *ctx, enum slat_seg seg, u16 selector,
			    const struct slat_descriptor *desc);
	void (*set_gdt)(void *ctx, u64 base, u16 limit);
	void (*set_idt)(void *ctx, u64 base, u16 limit);
	void (*load_msw)(void *ctx, u16 msw);
	void (*end_nmi)(void *ctx);
	u16 (*x87_word)(void *ctx, bool status);
};

#endif /* SLAT_INSN_SYSTEM_H */
