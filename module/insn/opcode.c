// SPDX-License-Identifier: GPL-2.0
/*
 * Which table entry an opcode means when its byte alone does not say: the
 * small maps, groups chosen by the ModRM reg field, SSE moves chosen by prefix,
 * and what is undefined in some mode. Called by decode.c; pure.
 */
#include "optab.h"

/* The 0F 38 and 0F 3A maps hold few instructions that are emulated. */
struct optab_entry slat_opcode_map38(const struct slat_insn *insn)
{
	struct optab_entry entry = { .attr = A_M };
	bool load = insn->opcode == 0xf0;

	if (insn->map == 3) {
		entry.attr |= A_I8;
		return entry;
	}
	if ((insn->opcode & 0xfe) == 0xf0 && insn->rep == 0) {
		entry.op = SLAT_OP_MOVBE;
		entry.dst = load ? O_G : O_M;
		entry.src = load ? O_M : O_G;
	} else if (insn->opcode == 0x2a && insn->opsize_prefix && !insn->rep) {
		entry.op = SLAT_OP_SSEMOV;	/* MOVNTDQA */
		entry.attr |= A_ALIGN | A_V128 | A_V256;
		entry.dst = O_V;
		entry.src = O_M;
	}
	return entry;
}

/* INC, DEC, near and far CALL and JMP, PUSH; the far ones from memory alone. */
static int group_ff(struct optab_entry *entry, unsigned int reg)
{
	static const struct optab_entry rest[8] = {
		[2] = { .attr = A_F64, .op = SLAT_OP_CALL, .src = O_E },
		[3] = { .op = SLAT_OP_CALLF, .src = O_M },
		[4] = { .attr = A_F64, .op = SLAT_OP_JMP, .src = O_E },
		[5] = { .op = SLAT_OP_JMPF, .src = O_M },
		[6] = { .attr = A_D64, .op = SLAT_OP_PUSH, .src = O_E },
	};

	if (reg < 2) {
		entry->op = SLAT_OP_INC + reg;
		return 0;
	}
	*entry = rest[reg];
	return reg == 7 ? -EINVAL : 0;
}

/* SLDT, STR, LLDT, LTR; VERR and VERW are not emulated. */
static int group_segment(struct optab_entry *entry, unsigned int reg)
{
	static const struct optab_entry loads = { .attr = A_S2, .src = O_E };

	if (reg > 3)
		return 0;
	if (reg >= 2)
		*entry = loads;
	entry->op = SLAT_OP_SLDT + reg;
	return 0;
}

/* Descriptor tables in memory, and the machine status word; INVLPG is not emulated. */
static int group_table(struct optab_entry *entry, unsigned int reg, bool memory)
{
	static const struct optab_entry lmsw = { .attr = A_S2, .op = SLAT_OP_LMSW, .src = O_E };

	if (reg == 4)
		entry->op = SLAT_OP_SMSW;
	else if (reg == 6)
		*entry = lmsw;
	else if (reg < 4 && memory)
		entry->op = SLAT_OP_SGDT + reg;
	return 0;
}

/* TEST, NOT, NEG, and multiplication and division by rAX. */
static void group_unary(struct optab_entry *entry, unsigned int reg)
{
	static const u8 ops[6] = { SLAT_OP_NOT, SLAT_OP_NEG, SLAT_OP_MUL,
				   SLAT_OP_IMUL1, SLAT_OP_DIV, SLAT_OP_IDIV };

	if (reg >= 2) {
		entry->op = ops[reg - 2];
		return;
	}
	entry->op = SLAT_OP_TEST;
	entry->src = O_I;
	entry->attr |= entry->attr & A_B ? A_I8 : A_IZ;
}

/* The table entry of a group opcode, by the ModRM reg field. */
static int group_entry(const struct slat_insn *insn, struct optab_entry *entry)
{
	unsigned int reg = MODRM_REG(insn->modrm);
	bool memory = MODRM_MOD(insn->modrm) != 3;
	enum optab_group group = entry->op;

	entry->attr &= ~A_GRP;
	entry->op = SLAT_OP_NONE;
	switch (group) {
	case G_ALU:
		entry->op = SLAT_OP_ADD + reg;
		return 0;
	case G_SHIFT:
		entry->op = SLAT_OP_ROL + reg;
		return 0;
	case G_UNARY:
		group_unary(entry, reg);
		return 0;
	case G_INCDEC:
		entry->op = SLAT_OP_INC + reg;
		return reg < 2 ? 0 : -EINVAL;
	case G_FF:
		return group_ff(entry, reg);
	case G_MOV:
		/* 7 with ModRM f8 is XABORT or XBEGIN. */
		if (reg == 0)
			entry->op = SLAT_OP_MOV;
		return reg == 0 || insn->modrm == 0xf8 ? 0 : -EINVAL;
	case G_POP:
		entry->op = SLAT_OP_POP;
		return reg == 0 ? 0 : -EINVAL;
	case G_BT:
		entry->op = SLAT_OP_BT + (reg & 3);
		return reg >= 4 ? 0 : -EINVAL;
	case G_CMPXCHG8B:
		if (reg != 1)
			entry->dst = O_NONE;
		else
			entry->op = SLAT_OP_CMPXCHG8B;
		return 0;
	case G_FENCE:
		/* Fences and cache line flushes have no effect on a device. */
		if (insn->rep == 0 && (memory ? reg == 7 :
				       reg >= 5 && !insn->opsize_prefix))
			entry->op = SLAT_OP_NOP;
		return 0;
	case G_SEGMENT:
		return group_segment(entry, reg);
	case G_TABLE:
		return group_table(entry, reg, memory);
	case G_X87:
		/* The control and the status word; 7 with a register is another instruction. */
		if (reg == 7 && memory)
			entry->op = insn->opcode == 0xd9 ? SLAT_OP_FNSTCW : SLAT_OP_FNSTSW;
		return 0;
	default:
		return -EINVAL;
	}
}

/* SSE moves share opcodes; the mandatory prefix tells them apart. */
bool slat_opcode_sse(const struct slat_insn *insn, struct optab_entry *entry,
		     unsigned int *size)
{
	u8 prefix = insn->rep;
	unsigned int i;

	if (!prefix && insn->opsize_prefix)
		prefix = 0x66;
	for (i = 0; i < slat_optab_nr_sse; i++) {
		const struct optab_sse *sse = &slat_optab_sse[i];

		if (sse->opcode != insn->opcode || sse->prefix != prefix)
			continue;
		/* The register forms of 12 and 16 are other instructions. */
		if ((sse->opcode & 0xfb) == 0x12 && !prefix &&
		    MODRM_MOD(insn->modrm) == 3)
			continue;
		*entry = sse->entry;
		*size = sse->size;
		if (!*size)
			*size = insn->rex & REX_W ? 8 : 4;
		/* A scalar load from memory clears the rest of its target. */
		if (sse->opcode == 0x10 && *size < 16 &&
		    MODRM_MOD(insn->modrm) != 3)
			entry->op = SLAT_OP_SSEMOVZ;
		return true;
	}
	return false;
}

/* What VEX makes of an SSE move; loads into a part of a register have a third operand. */
static bool vex_is_move(const struct slat_insn *insn, const struct optab_entry *entry,
			unsigned int size)
{
	bool memory = MODRM_MOD(insn->modrm) != 3;

	if (!(entry->attr & A_V128))
		return false;
	/* VMOVSS and VMOVSD between registers merge. */
	return memory || size == 16 || (insn->opcode != 0x10 && insn->opcode != 0x11);
}

/* -EINVAL: no such instruction; -EOPNOTSUPP: perhaps one, not emulated. */
int slat_opcode_vex(const struct slat_insn *insn, struct optab_entry *entry,
		    unsigned int *size)
{
	if (insn->map == 1) {
		if (!slat_opcode_sse(insn, entry, size))
			return -EOPNOTSUPP;
	} else if (insn->map == 2 && insn->opcode == 0x2a && insn->opsize_prefix) {
		*entry = slat_opcode_map38(insn);	/* VMOVNTDQA */
		*size = 16;
	}
	if (!vex_is_move(insn, entry, *size))
		return -EOPNOTSUPP;
	entry->op = SLAT_OP_VEXMOV;
	if (!insn->vex_unused)
		return -EINVAL;
	if (!insn->vex_long)
		return 0;
	if (entry->attr & A_V256)
		*size = 32;
	/* VMOVSS and VMOVSD ignore VEX.L, other short moves do not. */
	return *size == 32 || (insn->opcode & 0xfe) == 0x10 ? 0 : -EINVAL;
}

/* LEA and the loads of far pointers and bounds have no register form. */
static bool wants_memory(const struct slat_insn *insn)
{
	return insn->map == 0 && (insn->opcode == 0x62 || insn->opcode == 0x8d ||
				  insn->opcode == 0xc4 || insn->opcode == 0xc5);
}

/* LDTR and TR are known, and VERR and VERW, where segments have descriptors. */
static bool has_descriptors(const struct slat_insn *insn)
{
	return insn->mode != SLAT_MODE_REAL && insn->mode != SLAT_MODE_VM86;
}

/* What the table entry leaves open about single instructions. */
int slat_opcode_adjust(const struct slat_insn *insn, struct optab_entry *entry)
{
	bool long_mode = insn->mode == SLAT_MODE_LONG;

	if ((entry->attr & A_UD) || (long_mode && (entry->attr & A_N64)))
		return -EINVAL;
	if (wants_memory(insn) && MODRM_MOD(insn->modrm) == 3)
		return -EINVAL;
	if (insn->map == 0 && insn->opcode == 0x8e && MODRM_REG(insn->modrm) == SLAT_SEG_CS)
		return -EINVAL;
	if (insn->map == 0 && insn->opcode == 0x63 && !long_mode)
		entry->op = SLAT_OP_NONE;			/* ARPL */
	if (insn->map == 1 && insn->opcode == 0x00 && !has_descriptors(insn))
		return -EINVAL;
	if (insn->map == 1 && insn->opcode == 0xc3 &&
	    (insn->rep || insn->opsize_prefix))
		return -EINVAL;					/* MOVNTI */
	if (insn->map == 1 && (insn->opcode & 0xfe) == 0xbc && insn->rep == 0xf3)
		entry->op = SLAT_OP_NONE;		/* TZCNT, LZCNT */
	if (entry->attr & A_GRP)
		return group_entry(insn, entry);
	return 0;
}
