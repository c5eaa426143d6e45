/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opcode tables of the decoder, private to decode.c, opcode.c, operand.c and
 * optab.c. One entry says how long the rest of the instruction is (attr) and,
 * for instructions that are emulated, what it does to which operands (op, dst,
 * src).
 */
#ifndef SLAT_INSN_OPTAB_H
#define SLAT_INSN_OPTAB_H

#include "decode.h"

#define REX_B		1
#define REX_X		2
#define REX_R		4
#define REX_W		8

#define MODRM_MOD(m)	((m) >> 6)
#define MODRM_REG(m)	(((m) >> 3) & 7)
#define MODRM_RM(m)	((m) & 7)

/* Where an operand is encoded. */
enum optab_operand {
	O_NONE,
	O_E,		/* ModRM r/m: general register or memory */
	O_M,		/* ModRM r/m: memory only */
	O_G,		/* ModRM reg: general register */
	O_A,		/* rAX */
	O_Z,		/* opcode bits 2:0 */
	O_I,		/* immediate */
	O_ONE,		/* the constant 1 */
	O_CL,		/* CL */
	O_DX,		/* DX */
	O_MOFFS,	/* memory at an absolute offset */
	O_S,		/* ModRM reg: segment register */
	O_OPSEG,	/* opcode bits 5:3: segment register */
	O_V,		/* ModRM reg: XMM register */
	O_W,		/* ModRM r/m: XMM register or memory */
	O_V_HIGH,	/* ModRM reg: high half of the XMM register */
	O_P,		/* ModRM reg: MMX register */
	O_Q,		/* ModRM r/m: MMX register or memory */
	O_XLAT,		/* memory at rBX + AL */
	O_STR_SRC,
	O_STR_DST,
};

/* Attributes: bits. */
#define A_M	0x0001	/* ModRM byte */
#define A_I8	0x0002	/* 8-bit immediate or displacement */
#define A_I16	0x0004	/* 16-bit immediate */
#define A_IZ	0x0008	/* 16 or 32-bit immediate by operand size */
#define A_IV	0x0010	/* 16, 32 or 64-bit immediate by operand size */
#define A_JZ	0x0020	/* branch displacement: 32-bit in 64-bit mode */
#define A_FAR	0x0040	/* far pointer: A_IZ and a selector */
#define A_B	0x0080	/* byte operands */
#define A_N64	0x0100	/* undefined in 64-bit mode */
#define A_D64	0x0200	/* 64-bit operand by default in 64-bit mode */
#define A_UD	0x0400	/* undefined */
#define A_RR	0x0800	/* ModRM mod field is taken as 3 */
#define A_S1	0x1000	/* source is one byte */
#define A_S2	0x2000	/* source is two bytes */
#define A_GRP	0x4000	/* op is an enum optab_group: ModRM reg selects */
#define A_ALIGN	0x8000	/* memory operand must be aligned to its size */
#define A_F64	0x10000	/* 64-bit operand in 64-bit mode, whatever the prefixes */
#define A_V128	0x20000	/* has a VEX form of the same meaning, of 16 bytes and less */
#define A_V256	0x40000	/* and one of 32 bytes */

/* Opcodes whose meaning depends on the ModRM reg field. */
enum optab_group {
	G_ALU,		/* 80-83 */
	G_SHIFT,	/* C0, C1, D0-D3 */
	G_UNARY,	/* F6, F7 */
	G_INCDEC,	/* FE */
	G_FF,		/* FF */
	G_MOV,		/* C6, C7 */
	G_POP,		/* 8F */
	G_BT,		/* 0F BA */
	G_CMPXCHG8B,	/* 0F C7 */
	G_FENCE,	/* 0F AE */
	G_SEGMENT,	/* 0F 00 */
	G_TABLE,	/* 0F 01 */
	G_X87,		/* D9, DD */
	G_NR,
};

/**
 * struct optab_entry - one opcode
 * @attr: A_* bits
 * @op: enum slat_op, or enum optab_group with A_GRP
 * @dst: enum optab_operand
 * @src: enum optab_operand
 */
struct optab_entry {
	u32 attr;
	u8 op;
	u8 dst;
	u8 src;
};

/**
 * struct optab_sse - an SSE move, by opcode of the 0F map and prefix
 * @opcode: opcode byte
 * @prefix: 0, 0x66, 0xf2 or 0xf3
 * @size: bytes moved; 0: 4, or 8 with REX.W
 * @entry: operands; A_ALIGN in attr
 */
struct optab_sse {
	u8 opcode;
	u8 prefix;
	u8 size;
	struct optab_entry entry;
};

extern const struct optab_entry slat_optab_one[256];
extern const struct optab_entry slat_optab_0f[256];
extern const struct optab_sse slat_optab_sse[];
extern const unsigned int slat_optab_nr_sse;

/* opcode.c: entries that depend on more than the opcode byte. */
struct optab_entry slat_opcode_map38(const struct slat_insn *insn);
int slat_opcode_adjust(const struct slat_insn *insn, struct optab_entry *entry);
bool slat_opcode_sse(const struct slat_insn *insn, struct optab_entry *entry,
		     unsigned int *size);
int slat_opcode_vex(const struct slat_insn *insn, struct optab_entry *entry,
		    unsigned int *size);

/* operand.c: operands of an instruction whose entry is settled. */
int slat_operands_decode(struct slat_insn *insn,
			 const struct optab_entry *entry,
			 unsigned int sse_size);

#endif /* SLAT_INSN_OPTAB_H */
