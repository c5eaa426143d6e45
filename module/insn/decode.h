/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instruction decoder: bytes in, struct slat_insn out. Pure: no callbacks, no
 * memory but its arguments. Called by emulate.c on the private copy of the
 * bytes, and by anything that needs an instruction's length.
 *
 * Lengths are decoded from tables for every instruction of the one-byte, 0F,
 * 0F 38 and 0F 3A maps and for VEX and EVEX; operands for those that can be
 * emulated (op other than SLAT_OP_NONE).
 */
#ifndef SLAT_INSN_DECODE_H
#define SLAT_INSN_DECODE_H

#include "types.h"

#define SLAT_INSN_MAX_LEN	15

/* What an instruction does; the order of the first eight and of the shifts
 * is that of the ModRM reg field in their group opcodes.
 */
enum slat_op {
	SLAT_OP_NONE,		/* length known, not emulated */
	SLAT_OP_ADD,
	SLAT_OP_OR,
	SLAT_OP_ADC,
	SLAT_OP_SBB,
	SLAT_OP_AND,
	SLAT_OP_SUB,
	SLAT_OP_XOR,
	SLAT_OP_CMP,
	SLAT_OP_ROL,
	SLAT_OP_ROR,
	SLAT_OP_RCL,
	SLAT_OP_RCR,
	SLAT_OP_SHL,
	SLAT_OP_SHR,
	SLAT_OP_SHL2,		/* the undocumented twin of SHL (reg = 6) */
	SLAT_OP_SAR,
	SLAT_OP_TEST,
	SLAT_OP_INC,
	SLAT_OP_DEC,
	SLAT_OP_NOT,
	SLAT_OP_NEG,
	SLAT_OP_MUL,
	SLAT_OP_IMUL1,		/* rDX:rAX = rAX * operand */
	SLAT_OP_IMUL,		/* two and three operands */
	SLAT_OP_DIV,
	SLAT_OP_IDIV,
	SLAT_OP_SHLD,
	SLAT_OP_SHRD,
	SLAT_OP_MOV,
	SLAT_OP_MOVZX,
	SLAT_OP_MOVSX,		/* MOVSXD too */
	SLAT_OP_MOVBE,
	SLAT_OP_CMOV,
	SLAT_OP_SETCC,
	SLAT_OP_XCHG,
	SLAT_OP_CMPXCHG,
	SLAT_OP_CMPXCHG8B,	/* CMPXCHG16B by operand size */
	SLAT_OP_XADD,
	SLAT_OP_BT,
	SLAT_OP_BTS,
	SLAT_OP_BTR,
	SLAT_OP_BTC,
	SLAT_OP_XLAT,
	SLAT_OP_BSF,
	SLAT_OP_BSR,
	SLAT_OP_PUSH,
	SLAT_OP_POP,
	SLAT_OP_PUSHA,
	SLAT_OP_POPA,
	SLAT_OP_PUSHF,
	SLAT_OP_POPF,
	SLAT_OP_ENTER,
	SLAT_OP_LEAVE,
	SLAT_OP_CALL,		/* near */
	SLAT_OP_JMP,		/* near, through r/m */
	SLAT_OP_RET,		/* near */
	SLAT_OP_CALLF,
	SLAT_OP_JMPF,
	SLAT_OP_RETF,
	SLAT_OP_IRET,
	SLAT_OP_MOVS,
	SLAT_OP_CMPS,
	SLAT_OP_STOS,
	SLAT_OP_LODS,
	SLAT_OP_SCAS,
	SLAT_OP_INS,
	SLAT_OP_OUTS,
	SLAT_OP_IN,
	SLAT_OP_OUT,
	SLAT_OP_SSEMOV,		/* whole operand, rest of an XMM target kept */
	SLAT_OP_SSEMOVZ,	/* rest of an XMM target cleared */
	SLAT_OP_VEXMOV,		/* rest of a YMM target cleared, and all above */
	SLAT_OP_MMXMOV,		/* rest of an MMX target cleared */
	SLAT_OP_LSEG,		/* LDS, LES, LFS, LGS, LSS */
	SLAT_OP_SLDT,		/* the next four in the order of ModRM reg */
	SLAT_OP_STR,
	SLAT_OP_LLDT,
	SLAT_OP_LTR,
	SLAT_OP_SGDT,		/* and these */
	SLAT_OP_SIDT,
	SLAT_OP_LGDT,
	SLAT_OP_LIDT,
	SLAT_OP_SMSW,
	SLAT_OP_LMSW,
	SLAT_OP_FNSTCW,
	SLAT_OP_FNSTSW,
	SLAT_OP_NOP,		/* hints: PREFETCHh, NOP r/m, fences */
	SLAT_OP_NR,
};

/**
 * enum slat_operand_type - where an operand lives
 * @SLAT_OPND_NONE: no operand
 * @SLAT_OPND_REG: low @size bytes of general register @reg
 * @SLAT_OPND_REG_HIGH: bits 15:8 of general register @reg (AH, CH, DH, BH)
 * @SLAT_OPND_MEM: @size bytes of memory at the instruction's address
 * @SLAT_OPND_IMM: the immediate
 * @SLAT_OPND_XMM: low @size bytes of vector register @reg, up to 32 with VEX
 * @SLAT_OPND_XMM_HIGH: bits 127:64 of vector register @reg
 * @SLAT_OPND_MMX: low @size bytes of MMX register @reg
 * @SLAT_OPND_SREG: selector of segment register @reg
 * @SLAT_OPND_STR_SRC: memory at seg:rSI
 * @SLAT_OPND_STR_DST: memory at ES:rDI
 */
enum slat_operand_type {
	SLAT_OPND_NONE,
	SLAT_OPND_REG,
	SLAT_OPND_REG_HIGH,
	SLAT_OPND_MEM,
	SLAT_OPND_IMM,
	SLAT_OPND_XMM,
	SLAT_OPND_XMM_HIGH,
	SLAT_OPND_MMX,
	SLAT_OPND_SREG,
	SLAT_OPND_STR_SRC,
	SLAT_OPND_STR_DST,
};

/**
 * struct slat_operand - one operand of an instruction
 * @type: enum slat_operand_type
 * @reg: register number of the types that name one
 * @size: width in bytes: 1, 2, 4, 8, 16 or 32; of a far pointer and of a
 *	descriptor table's base and limit: 4, 6 or 10
 */
struct slat_operand {
	u8 type;
	u8 reg;
	u8 size;
};

/**
 * struct slat_insn - a decoded instruction
 * @bytes: the instruction itself; the first @len are valid
 * @len: length in bytes, 1..15
 * @mode: enum slat_insn_mode it was decoded for
 * @map: 0 = one-byte opcodes, 1 = 0F, 2 = 0F 38, 3 = 0F 3A, 5, 6 = EVEX maps
 * @opcode: last opcode byte
 * @op: enum slat_op
 * @cond: condition of CMOVcc and SETcc, as in the opcode's low four bits
 * @lock: LOCK prefix, legal on this instruction
 * @two_places: it touches memory at two addresses
 * @aligned: #GP(0) unless the memory operand is aligned to its size
 * @rep: 0, 0xf2 or 0xf3: the last repeat prefix
 * @opsize_prefix: 66 prefix present
 * @vex: VEX or EVEX encoded; @rex and @rep then say what its fields do
 * @vex_long: VEX.L
 * @vex_unused: VEX.vvvv names no register
 * @has_modrm: @modrm (and @sib where it asks for one) are valid
 * @modrm: ModRM byte
 * @sib: SIB byte, 0 if there is none
 * @rex: REX prefix, or 0
 * @osize: operand size in bytes: 2, 4 or 8
 * @asize: address size in bytes: 2, 4 or 8
 * @imm_len: bytes of immediate, 0 if none
 * @dst: first operand
 * @src: second operand; a third is always the immediate, or CL
 * @imm: immediate, sign-extended unless it is a shift count, bit or port; of a far
 *       pointer the offset, with the selector in bits 47:32; of ENTER the size,
 *       with the level in bits 23:16
 * @seg: enum slat_seg of the memory operand (of rSI for strings), override
 *       and default applied
 * @base: base register of the memory operand, or SLAT_GPR_NONE
 * @index: index register, or SLAT_GPR_NONE
 * @scale: shift of the index, 0..3
 * @rip_relative: @disp counts from the end of the instruction
 * @disp: displacement, sign-extended; the address itself for MOV moffs
 */
struct slat_insn {
	u8 bytes[SLAT_INSN_MAX_LEN];
	u8 len;
	u8 mode;
	u8 map;
	u8 opcode;
	u8 op;
	u8 cond;
	bool lock;
	bool two_places;
	bool aligned;
	u8 rep;
	bool opsize_prefix;
	bool vex;
	bool vex_long;
	bool vex_unused;
	bool has_modrm;
	u8 modrm;
	u8 sib;
	u8 rex;
	u8 osize;
	u8 asize;
	u8 imm_len;
	struct slat_operand dst;
	struct slat_operand src;
	u8 seg;
	u8 base;
	u8 index;
	u8 scale;
	bool rip_relative;
	u64 imm;
	u64 disp;
};

/**
 * slat_insn_decode() - decode one instruction
 * @insn: result; @insn->bytes gets a copy of what was looked at
 * @bytes: instruction bytes, read once
 * @nr: how many there are; more than 15 are ignored
 * @mode: code segment mode
 *
 * Return: 0: decoded, can be emulated;
 * -ENODATA: the instruction is longer than the @nr (< 15) bytes given;
 * -E2BIG: longer than 15 bytes: the processor raises #GP(0);
 * -EINVAL: no such instruction: the processor raises #UD;
 * -EOPNOTSUPP: valid perhaps, @insn->len is its length, not emulated.
 */
int slat_insn_decode(struct slat_insn *insn, const u8 *bytes, unsigned int nr,
		     enum slat_insn_mode mode);

/**
 * slat_insn_address_registers() - what decides where its operands are
 * @insn: the instruction
 *
 * Return: a bit for each general register that is part of an address in memory,
 * counts the elements or names the port.
 */
u32 slat_insn_address_registers(const struct slat_insn *insn);

#endif /* SLAT_INSN_DECODE_H */
