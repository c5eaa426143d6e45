/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Segment descriptors: what the bytes say, and whether a segment register may be loaded with
 * them. Pure; called by segments.c, which reads them.
 */
#ifndef SLAT_INSN_DESCRIPTOR_H
#define SLAT_INSN_DESCRIPTOR_H

#include "types.h"

/* Types of code and data segments. */
#define SLAT_TYPE_ACCESSED	1
#define SLAT_TYPE_WRITABLE	2	/* of a data segment */
#define SLAT_TYPE_READABLE	2	/* of a code segment */
#define SLAT_TYPE_CONFORMING	4	/* of a code segment */
#define SLAT_TYPE_CODE		8

/* Types of system descriptors. */
#define SLAT_TYPE_TSS16		1
#define SLAT_TYPE_LDT		2
#define SLAT_TYPE_TSS_BUSY	2	/* bit that makes an available TSS a busy one */
#define SLAT_TYPE_CALL_GATE16	4
#define SLAT_TYPE_TASK_GATE	5
#define SLAT_TYPE_TSS		9
#define SLAT_TYPE_CALL_GATE	12

/**
 * struct slat_descriptor - a descriptor, or the hidden part of a segment register
 * @base: base address
 * @limit: byte limit, granularity applied
 * @type: 4 bits
 * @dpl: privilege level
 * @s: code or data segment
 * @present: false in a register: unusable, as a null selector leaves it
 * @avl: for software
 * @l: 64-bit code segment
 * @db: default size
 * @g: the limit counts pages
 */
struct slat_descriptor {
	u64 base;
	u32 limit;
	u8 type;
	u8 dpl;
	bool s;
	bool present;
	bool avl;
	bool l;
	bool db;
	bool g;
};

/* The type byte inside a descriptor, which the processor marks. */
#define SLAT_DESCRIPTOR_TYPE_BYTE	5

/**
 * enum slat_load_why - what a selector is loaded for
 * @SLAT_LOAD_DATA: into the register that it names, LDTR and TR too
 * @SLAT_LOAD_JUMP: into CS, by a far JMP or CALL
 * @SLAT_LOAD_RETURN: into CS, by a far RET
 */
enum slat_load_why {
	SLAT_LOAD_DATA,
	SLAT_LOAD_JUMP,
	SLAT_LOAD_RETURN,
};

/**
 * struct slat_load - the load of a segment register in protected mode
 * @seg: which one
 * @why: what for
 * @selector: new selector
 * @cpl: current privilege level
 * @lma: IA-32e mode
 * @long_mode: 64-bit mode
 */
struct slat_load {
	enum slat_seg seg;
	enum slat_load_why why;
	u16 selector;
	u8 cpl;
	bool lma;
	bool long_mode;
};

static inline bool slat_selector_is_null(u16 selector)
{
	return !(selector & ~3);
}

/**
 * slat_descriptor_decode() - what the eight bytes of a descriptor say
 * @low: the bytes
 * @high: bits 63:32 of the base, from the second half of a descriptor of 16 bytes
 * @desc: result
 */
void slat_descriptor_decode(u64 low, u32 high, struct slat_descriptor *desc);

/**
 * slat_descriptor_null_ok() - may this register be loaded with a null selector?
 * @load: the load
 *
 * Else it is #GP(0).
 */
bool slat_descriptor_null_ok(const struct slat_load *load);

/**
 * slat_descriptor_check() - may this register be loaded with this descriptor?
 * @load: the load
 * @desc: what @load->selector names
 *
 * SDM, "Privilege Level Checking When Accessing Data Segments", and the operation of MOV,
 * JMP, CALL, RET, LLDT and LTR.
 *
 * Return: 0, or the vector of the exception, whose error code is the selector.
 */
u8 slat_descriptor_check(const struct slat_load *load, const struct slat_descriptor *desc);

/**
 * slat_descriptor_is_gate() - does a far JMP or CALL go through this, or switch tasks?
 * @load: the load
 * @desc: what @load->selector names
 */
bool slat_descriptor_is_gate(const struct slat_load *load, const struct slat_descriptor *desc);

#endif /* SLAT_INSN_DESCRIPTOR_H */
