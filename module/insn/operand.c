// SPDX-License-Identifier: GPL-2.0
/*
 * Operands of an instruction that is emulated: where they live, how wide they
 * are, whether LOCK may stand before it. Called by decode.c; pure.
 */
#include "optab.h"

static void operand_gpr(const struct slat_insn *insn,
			struct slat_operand *opnd, unsigned int reg,
			unsigned int rex_bit)
{
	opnd->type = SLAT_OPND_REG;
	opnd->reg = reg | (insn->rex & rex_bit ? 8 : 0);
	if (opnd->size == 1 && !insn->rex && reg >= 4) {
		opnd->type = SLAT_OPND_REG_HIGH;
		opnd->reg = reg - 4;
	}
}

/* Operands in the ModRM byte's r/m field; -EINVAL: register not allowed. */
static int operand_rm(const struct slat_insn *insn, unsigned int where,
		      struct slat_operand *opnd)
{
	unsigned int rm = MODRM_RM(insn->modrm);

	if (MODRM_MOD(insn->modrm) != 3) {
		opnd->type = SLAT_OPND_MEM;
		return 0;
	}
	if (where == O_M)
		return -EINVAL;
	if (where == O_E) {
		operand_gpr(insn, opnd, rm, REX_B);
	} else if (where == O_Q) {
		opnd->type = SLAT_OPND_MMX;
		opnd->reg = rm;
	} else {
		opnd->type = SLAT_OPND_XMM;
		opnd->reg = rm | (insn->rex & REX_B ? 8 : 0);
	}
	return 0;
}

/* Fill @opnd from where the table says it is; its size is set already. */
static int operand_decode(const struct slat_insn *insn, unsigned int where,
			  struct slat_operand *opnd)
{
	unsigned int reg = MODRM_REG(insn->modrm);

	switch (where) {
	case O_NONE:
	case O_CL:
		opnd->size = 0;
		return 0;
	case O_E:
	case O_M:
	case O_W:
	case O_Q:
		return operand_rm(insn, where, opnd);
	case O_G:
		operand_gpr(insn, opnd, reg, REX_R);
		return 0;
	case O_Z:
		operand_gpr(insn, opnd, insn->opcode & 7, REX_B);
		return 0;
	case O_A:
		opnd->type = SLAT_OPND_REG;
		opnd->reg = SLAT_RAX;
		return 0;
	case O_DX:
		opnd->type = SLAT_OPND_REG;
		opnd->reg = SLAT_RDX;
		opnd->size = 2;
		return 0;
	case O_I:
	case O_ONE:
		opnd->type = SLAT_OPND_IMM;
		return 0;
	case O_P:
		opnd->type = SLAT_OPND_MMX;
		opnd->reg = reg;
		return 0;
	case O_MOFFS:
	case O_XLAT:
		opnd->type = SLAT_OPND_MEM;
		return 0;
	case O_S:
		opnd->type = SLAT_OPND_SREG;
		opnd->reg = reg;
		return reg < SLAT_SEG_NR ? 0 : -EINVAL;
	case O_OPSEG:
		opnd->type = SLAT_OPND_SREG;
		opnd->reg = (insn->opcode >> 3) & 7;
		return 0;
	case O_V:
	case O_V_HIGH:
		opnd->type = where == O_V ? SLAT_OPND_XMM : SLAT_OPND_XMM_HIGH;
		opnd->reg = reg | (insn->rex & REX_R ? 8 : 0);
		return 0;
	case O_STR_SRC:
	case O_STR_DST:
		opnd->type = where == O_STR_SRC ? SLAT_OPND_STR_SRC :
						  SLAT_OPND_STR_DST;
		return 0;
	default:
		return -EINVAL;
	}
}

static bool op_is_lockable(unsigned int op)
{
	switch (op) {
	case SLAT_OP_ADD ... SLAT_OP_XOR:
	case SLAT_OP_INC ... SLAT_OP_NEG:
	case SLAT_OP_XCHG ... SLAT_OP_XADD:
	case SLAT_OP_BTS ... SLAT_OP_BTC:
		return true;
	default:
		return false;
	}
}

/* An 8-bit immediate that is a count, a bit or a port, not a number. */
static bool op_has_plain_imm8(unsigned int op)
{
	switch (op) {
	case SLAT_OP_ROL ... SLAT_OP_SAR:
	case SLAT_OP_SHLD:
	case SLAT_OP_SHRD:
	case SLAT_OP_BT ... SLAT_OP_BTC:
	case SLAT_OP_IN:
	case SLAT_OP_OUT:
		return true;
	default:
		return false;
	}
}

/* Two memory operands, or one and the stack. */
static bool op_has_two_places(const struct slat_insn *insn)
{
	switch (insn->op) {
	case SLAT_OP_MOVS:
	case SLAT_OP_CMPS:
		return true;
	case SLAT_OP_ENTER:
		/* It tries the new end of the stack besides. */
		return true;
	case SLAT_OP_PUSH:
	case SLAT_OP_CALL:
	case SLAT_OP_CALLF:
		return insn->src.type == SLAT_OPND_MEM;
	case SLAT_OP_POP:
		return insn->dst.type == SLAT_OPND_MEM;
	default:
		return false;
	}
}

/* Far pointers, descriptor tables, and words in memory whatever the operand size is. */
static void system_sizes(struct slat_insn *insn)
{
	switch (insn->op) {
	case SLAT_OP_LSEG:
	case SLAT_OP_CALLF:
	case SLAT_OP_JMPF:
		insn->src.size = insn->osize + 2;
		break;
	case SLAT_OP_SGDT ... SLAT_OP_LIDT:
		insn->dst.size = insn->mode == SLAT_MODE_LONG ? 10 : 6;
		break;
	case SLAT_OP_SLDT:
	case SLAT_OP_STR:
	case SLAT_OP_SMSW:
	case SLAT_OP_FNSTCW:
	case SLAT_OP_FNSTSW:
		if (MODRM_MOD(insn->modrm) != 3)
			insn->dst.size = 2;
		break;
	default:
		break;
	}
}

/* MOVNTI knows no 16 bits, a segment register in memory no more. */
static void mov_sizes(struct slat_insn *insn, bool w)
{
	if (insn->map == 1) {
		insn->dst.size = w ? 8 : 4;
		insn->src.size = insn->dst.size;
	} else if (insn->opcode == 0x8c) {
		insn->src.size = 2;
		if (MODRM_MOD(insn->modrm) != 3)
			insn->dst.size = 2;
	} else if (insn->opcode == 0x8e) {
		insn->dst.size = 2;
		insn->src.size = 2;
	}
}

/* Widths that differ from the operand size. */
static void operand_sizes(struct slat_insn *insn, unsigned int attr)
{
	bool w = insn->rex & REX_W;

	insn->dst.size = insn->osize;
	insn->src.size = insn->osize;
	if (attr & A_B) {
		insn->dst.size = 1;
		insn->src.size = 1;
	}
	if (attr & A_S1)
		insn->src.size = 1;
	if (attr & A_S2)
		insn->src.size = 2;

	switch (insn->op) {
	case SLAT_OP_MOVSX:
		if (insn->map == 0)
			insn->src.size = insn->osize == 2 ? 2 : 4;
		break;
	case SLAT_OP_CMPXCHG8B:
		insn->dst.size = w ? 16 : 8;
		break;
	case SLAT_OP_INS:
	case SLAT_OP_OUTS:
	case SLAT_OP_IN:
	case SLAT_OP_OUT:
		if (insn->dst.size == 8) {
			insn->dst.size = 4;
			insn->src.size = 4;
		}
		break;
	case SLAT_OP_MOV:
		mov_sizes(insn, w);
		break;
	default:
		system_sizes(insn);
		break;
	}
}

u32 slat_insn_address_registers(const struct slat_insn *insn)
{
	u32 mask = 0;

	if (insn->base != SLAT_GPR_NONE)
		mask |= 1 << insn->base;
	if (insn->index != SLAT_GPR_NONE)
		mask |= 1 << insn->index;
	switch (insn->op) {
	case SLAT_OP_PUSH ... SLAT_OP_IRET:
		return mask | 1 << SLAT_RSP | 1 << SLAT_RBP;
	case SLAT_OP_INS:
	case SLAT_OP_OUTS:
		mask |= 1 << SLAT_RDX;
		fallthrough;
	case SLAT_OP_MOVS ... SLAT_OP_SCAS:
		return mask | 1 << SLAT_RSI | 1 << SLAT_RDI | 1 << SLAT_RCX;
	case SLAT_OP_IN:
	case SLAT_OP_OUT:
		return mask | 1 << SLAT_RDX;
	case SLAT_OP_XLAT:
		return mask | 1 << SLAT_RAX;
	case SLAT_OP_BT ... SLAT_OP_BTC:
		return mask | (insn->src.type == SLAT_OPND_REG ? 1 << insn->src.reg : 0);
	default:
		return mask;
	}
}

/*
 * Fill operands, condition and immediate. -EINVAL: a register where memory
 * must be, or LOCK on what cannot be locked.
 */
int slat_operands_decode(struct slat_insn *insn,
			 const struct optab_entry *entry,
			 unsigned int sse_size)
{
	int ret;

	if (entry->src == O_ONE)
		insn->imm = 1;
	if (op_has_plain_imm8(entry->op))
		insn->imm &= 0xff;
	insn->cond = insn->opcode & 15;
	operand_sizes(insn, entry->attr);
	if (sse_size) {
		insn->dst.size = sse_size;
		insn->src.size = sse_size;
	}
	if (entry->src == O_XLAT)
		insn->base = SLAT_RBX;
	ret = operand_decode(insn, entry->dst, &insn->dst);
	if (!ret)
		ret = operand_decode(insn, entry->src, &insn->src);
	insn->two_places = op_has_two_places(insn);
	if (!ret && insn->lock && !(op_is_lockable(entry->op) &&
				    insn->dst.type == SLAT_OPND_MEM))
		ret = -EINVAL;
	return ret;
}
