// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction decoder: prefixes, opcode, ModRM with its address, then
 * immediates; the tables of optab.c say what there is. Called by emulate.c on
 * a private copy of the bytes; pure, expects no lock.
 */
#include "decode.h"
#include "optab.h"

#define REX_B		1
#define REX_X		2
#define REX_R		4
#define REX_W		8

#define MODRM_MOD(m)	((m) >> 6)
#define MODRM_REG(m)	(((m) >> 3) & 7)
#define MODRM_RM(m)	((m) & 7)

/**
 * struct cursor - reading position in the bytes of an instruction
 * @insn: instruction being built
 * @bytes: the bytes, with room for a whole word to be read at any of them
 * @nr: bytes there are; none any more after an error
 * @pos: next byte
 * @err: first error met; reads after it give zeros
 * @override: segment override, or SLAT_SEG_NR
 * @addr_prefix: 67 prefix present
 * @long_mode: 64-bit mode
 */
struct cursor {
	struct slat_insn *insn;
	u8 bytes[SLAT_INSN_MAX_LEN + 8];
	unsigned int nr;
	unsigned int pos;
	int err;
	u8 override;
	bool addr_prefix;
	bool long_mode;
};

/* The next @n bytes as a little-endian number; 0 when they are not there. */
static u64 take(struct cursor *c, unsigned int n)
{
	u64 value;

	if (c->pos + n > c->nr) {
		if (!c->err)
			c->err = c->pos + n > SLAT_INSN_MAX_LEN ? -E2BIG :
								  -ENODATA;
		c->nr = 0;
		return 0;
	}
	memcpy(&value, c->bytes + c->pos, sizeof(value));
	c->pos += n;
	return value & (~0ull >> (64 - 8 * n));
}

static u64 take_signed(struct cursor *c, unsigned int n)
{
	unsigned int shift = 64 - 8 * n;

	return (u64)((s64)(take(c, n) << shift) >> shift);
}

static u8 peek(struct cursor *c)
{
	u8 byte = take(c, 1);

	if (!c->err)
		c->pos--;
	return byte;
}

/* One prefix byte; false when @byte is none. */
static bool prefix_apply(struct cursor *c, u8 byte)
{
	struct slat_insn *insn = c->insn;

	if (c->long_mode && (byte & 0xf0) == 0x40) {
		insn->rex = byte;
		return true;
	}
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* In 64-bit mode these bases are zero: the prefix is void. */
		if (!c->long_mode)
			c->override = (byte >> 3) & 3;
		break;
	case 0x64:
	case 0x65:
		c->override = byte & 7;
		break;
	case 0x66:
		insn->opsize_prefix = true;
		break;
	case 0x67:
		c->addr_prefix = true;
		break;
	case 0xf0:
		insn->lock = true;
		break;
	case 0xf2:
	case 0xf3:
		insn->rep = byte;
		break;
	default:
		return false;
	}
	/* A REX prefix counts only right before the opcode. */
	insn->rex = 0;
	return true;
}

/* Take all prefixes; returns the first byte that is none. */
static u8 decode_prefixes(struct cursor *c)
{
	struct slat_insn *insn = c->insn;
	bool wide = insn->mode == SLAT_MODE_PROT32;
	u8 byte;

	do {
		byte = take(c, 1);
	} while (!c->err && prefix_apply(c, byte));

	if (c->long_mode) {
		insn->asize = c->addr_prefix ? 4 : 8;
		insn->osize = insn->opsize_prefix ? 2 : 4;
		if (insn->rex & REX_W)
			insn->osize = 8;
	} else {
		insn->asize = wide != c->addr_prefix ? 4 : 2;
		insn->osize = wide != insn->opsize_prefix ? 4 : 2;
	}
	return byte;
}

static void address_16(struct cursor *c)
{
	static const u8 base[8] = {
		SLAT_RBX, SLAT_RBX, SLAT_RBP, SLAT_RBP,
		SLAT_RSI, SLAT_RDI, SLAT_RBP, SLAT_RBX,
	};
	struct slat_insn *insn = c->insn;
	unsigned int mod = MODRM_MOD(insn->modrm);
	unsigned int rm = MODRM_RM(insn->modrm);

	if (mod == 0 && rm == 6) {
		insn->disp = take_signed(c, 2);
		return;
	}
	insn->base = base[rm];
	if (rm < 4)
		insn->index = rm & 1 ? SLAT_RDI : SLAT_RSI;
	if (mod)
		insn->disp = take_signed(c, mod);
}

static void address_sib(struct cursor *c)
{
	struct slat_insn *insn = c->insn;
	unsigned int base, index;

	insn->sib = take(c, 1);
	base = insn->sib & 7;
	index = ((insn->sib >> 3) & 7) | (insn->rex & REX_X ? 8 : 0);
	insn->scale = insn->sib >> 6;
	if (index != SLAT_RSP)
		insn->index = index;
	if (base == SLAT_RBP && MODRM_MOD(insn->modrm) == 0)
		insn->disp = take_signed(c, 4);
	else
		insn->base = base | (insn->rex & REX_B ? 8 : 0);
}

static void address_32(struct cursor *c)
{
	struct slat_insn *insn = c->insn;
	unsigned int mod = MODRM_MOD(insn->modrm);
	unsigned int rm = MODRM_RM(insn->modrm);

	if (rm == 4) {
		address_sib(c);
	} else if (mod == 0 && rm == 5) {
		insn->rip_relative = c->long_mode;
		insn->disp = take_signed(c, 4);
	} else {
		insn->base = rm | (insn->rex & REX_B ? 8 : 0);
	}
	if (mod == 1)
		insn->disp = take_signed(c, 1);
	else if (mod == 2)
		insn->disp = take_signed(c, 4);
}

static void decode_modrm(struct cursor *c, unsigned int attr)
{
	struct slat_insn *insn = c->insn;

	insn->has_modrm = true;
	insn->modrm = take(c, 1);
	if (MODRM_MOD(insn->modrm) == 3 || (attr & A_RR))
		return;
	if (insn->asize == 2)
		address_16(c);
	else
		address_32(c);
}

/* Segment of the memory operand: override, or SS for a stack base. */
static void decode_segment(struct cursor *c)
{
	struct slat_insn *insn = c->insn;

	if (c->override != SLAT_SEG_NR)
		insn->seg = c->override;
	else if (insn->base == SLAT_RSP || insn->base == SLAT_RBP)
		insn->seg = SLAT_SEG_SS;
	else
		insn->seg = SLAT_SEG_DS;
}

/* VEX (C4, C5) and EVEX (62): length only. */
static int decode_vex(struct cursor *c, u8 first)
{
	struct slat_insn *insn = c->insn;
	unsigned int map = 1;
	unsigned int attr;
	u8 payload;

	if (insn->lock || insn->rep || insn->opsize_prefix || insn->rex)
		return -EINVAL;
	insn->vex = true;
	payload = take(c, 1);
	if (first == 0xc4) {
		map = payload & 31;
		take(c, 1);
	} else if (first == 0x62) {
		map = payload & 7;
		payload = take(c, 1) & 4;
		take(c, 1);
		if (!c->err && !payload)
			return -EINVAL;
	}
	insn->map = map;
	insn->opcode = take(c, 1);
	if (c->err)
		return c->err;
	if (map == 0 || map == 4 || map > 6 || (map > 3 && first != 0x62))
		return -EINVAL;
	attr = A_M;
	if (map == 1)
		attr = slat_optab_0f[insn->opcode].attr & (A_M | A_I8);
	else if (map == 3)
		attr |= A_I8;
	if (attr & A_M)
		decode_modrm(c, attr);
	if (attr & A_I8)
		take(c, 1);
	return c->err ? c->err : -EOPNOTSUPP;
}

static bool is_vex(struct cursor *c, u8 byte)
{
	if (byte != 0xc4 && byte != 0xc5 && byte != 0x62)
		return false;
	if (c->long_mode)
		return true;
	if (c->insn->mode == SLAT_MODE_REAL || c->insn->mode == SLAT_MODE_VM86)
		return false;
	return peek(c) >= 0xc0;
}

/* The 0F 38 and 0F 3A maps hold few instructions that are emulated. */
static struct optab_entry map38_entry(const struct slat_insn *insn)
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
		entry.attr |= A_ALIGN;
		entry.dst = O_V;
		entry.src = O_M;
	}
	return entry;
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
		if (reg < 2) {
			entry->op = SLAT_OP_TEST;
			entry->src = O_I;
			entry->attr |= entry->attr & A_B ? A_I8 : A_IZ;
		} else if (reg < 6) {
			static const u8 ops[4] = { SLAT_OP_NOT, SLAT_OP_NEG,
						   SLAT_OP_MUL, SLAT_OP_IMUL1 };

			entry->op = ops[reg - 2];
		}
		return 0;
	case G_INCDEC:
		entry->op = SLAT_OP_INC + reg;
		return reg < 2 ? 0 : -EINVAL;
	case G_FF:
		if (reg < 2) {
			entry->op = SLAT_OP_INC + reg;
		} else if (reg == 6) {
			entry->op = SLAT_OP_PUSH;
			entry->attr |= A_D64;
			entry->src = O_E;
			entry->dst = O_NONE;
		}
		return reg == 7 || (!memory && (reg & 5) == 1 && reg > 1) ?
		       -EINVAL : 0;
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
	default:
		return -EINVAL;
	}
}

/* SSE moves share opcodes; the mandatory prefix tells them apart. */
static bool sse_entry(struct slat_insn *insn, struct optab_entry *entry,
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
	case O_MOFFS:
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
		if (insn->map == 1) {		/* MOVNTI knows no 16 bits */
			insn->dst.size = w ? 8 : 4;
			insn->src.size = insn->dst.size;
		} else if (insn->opcode == 0x8c) {
			insn->src.size = 2;
			if (MODRM_MOD(insn->modrm) != 3)
				insn->dst.size = 2;
		}
		break;
	default:
		break;
	}
}

/* LEA and the loads of far pointers and bounds have no register form. */
static bool wants_memory(const struct slat_insn *insn)
{
	return insn->map == 0 && (insn->opcode == 0x62 || insn->opcode == 0x8d ||
				  insn->opcode == 0xc4 || insn->opcode == 0xc5);
}

/* What the table entry leaves open about single instructions. */
static int entry_adjust(struct cursor *c, struct optab_entry *entry)
{
	struct slat_insn *insn = c->insn;

	if ((entry->attr & A_UD) || (c->long_mode && (entry->attr & A_N64)))
		return -EINVAL;
	if (wants_memory(insn) && MODRM_MOD(insn->modrm) == 3)
		return -EINVAL;
	if (insn->map == 0 && insn->opcode == 0x63 && !c->long_mode)
		entry->op = SLAT_OP_NONE;			/* ARPL */
	if (insn->map == 1 && insn->opcode == 0xc3 &&
	    (insn->rep || insn->opsize_prefix))
		return -EINVAL;					/* MOVNTI */
	if (entry->attr & A_GRP)
		return group_entry(insn, entry);
	return 0;
}

static void decode_immediate(struct cursor *c, unsigned int attr)
{
	struct slat_insn *insn = c->insn;
	unsigned int start = c->pos;
	unsigned int z = insn->osize == 2 ? 2 : 4;

	if (attr & A_I16)
		insn->imm = take(c, 2);
	if (attr & A_I8)
		insn->imm = take_signed(c, 1);
	if (attr & A_IZ)
		insn->imm = take_signed(c, z);
	if (attr & A_IV)
		insn->imm = take_signed(c, insn->osize);
	if (attr & A_JZ)
		insn->imm = take_signed(c, c->long_mode ? 4 : z);
	if (attr & A_FAR) {
		take(c, z);
		take(c, 2);
	}
	insn->imm_len = c->pos - start;
}

/* Everything after the opcode, for the entry that the opcode selected. */
static int decode_rest(struct cursor *c, struct optab_entry entry)
{
	struct slat_insn *insn = c->insn;
	unsigned int sse_size = 0;
	int ret, undefined;

	if (entry.attr & A_M)
		decode_modrm(c, entry.attr);
	undefined = entry_adjust(c, &entry);
	if ((entry.attr & A_D64) && c->long_mode)
		insn->osize = insn->opsize_prefix && !(insn->rex & REX_W) ? 2 : 8;
	if (entry.dst == O_MOFFS || entry.src == O_MOFFS)
		insn->disp = take(c, insn->asize);
	decode_immediate(c, entry.attr);
	decode_segment(c);
	insn->len = c->pos;
	if (c->err || undefined)
		return c->err ? c->err : undefined;

	if (insn->map == 1 && entry.op == SLAT_OP_NONE)
		sse_entry(insn, &entry, &sse_size);
	else if (entry.op == SLAT_OP_SSEMOV)
		sse_size = 16;
	insn->op = entry.op;
	insn->aligned = entry.attr & A_ALIGN;
	if (entry.op == SLAT_OP_NONE)
		return insn->lock ? -EINVAL : -EOPNOTSUPP;
	if (entry.src == O_ONE)
		insn->imm = 1;
	if (op_has_plain_imm8(entry.op))
		insn->imm &= 0xff;
	insn->cond = insn->opcode & 15;
	operand_sizes(insn, entry.attr);
	if (sse_size) {
		insn->dst.size = sse_size;
		insn->src.size = sse_size;
	}
	ret = operand_decode(insn, entry.dst, &insn->dst);
	if (!ret)
		ret = operand_decode(insn, entry.src, &insn->src);
	if (!ret && insn->lock && !(op_is_lockable(entry.op) &&
				    insn->dst.type == SLAT_OPND_MEM))
		ret = -EINVAL;
	return ret;
}

/* The opcode bytes; the entry they select goes to decode_rest(). */
static int decode_opcode(struct cursor *c, u8 byte)
{
	struct slat_insn *insn = c->insn;

	if (is_vex(c, byte))
		return decode_vex(c, byte);
	insn->opcode = byte;
	if (byte != 0x0f)
		return decode_rest(c, slat_optab_one[byte]);

	insn->map = 1;
	insn->opcode = take(c, 1);
	if (insn->opcode != 0x38 && insn->opcode != 0x3a)
		return decode_rest(c, slat_optab_0f[insn->opcode]);
	insn->map = insn->opcode == 0x38 ? 2 : 3;
	insn->opcode = take(c, 1);
	return decode_rest(c, map38_entry(insn));
}

int slat_insn_decode(struct slat_insn *insn, const u8 *bytes, unsigned int nr,
		     enum slat_insn_mode mode)
{
	struct cursor c = {
		.insn = insn,
		.nr = nr < SLAT_INSN_MAX_LEN ? nr : SLAT_INSN_MAX_LEN,
		.override = SLAT_SEG_NR,
		.long_mode = mode == SLAT_MODE_LONG,
	};
	int ret;
	u8 byte;

	memset(insn, 0, sizeof(*insn));
	memcpy(c.bytes, bytes, c.nr);
	memcpy(insn->bytes, c.bytes, sizeof(insn->bytes));
	insn->mode = mode;
	insn->base = SLAT_GPR_NONE;
	insn->index = SLAT_GPR_NONE;
	byte = decode_prefixes(&c);
	if (c.err)
		return c.err;
	ret = decode_opcode(&c, byte);
	if (c.err)
		return c.err;
	insn->len = c.pos;
	return ret;
}
