// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction decoder: prefixes, opcode, ModRM with its address, then
 * immediates; optab.c and opcode.c say what there is, operand.c names the
 * operands. Called by emulate.c on a private copy of the bytes; pure, expects
 * no lock.
 */
#include "decode.h"
#include "optab.h"

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

/* The fields of a VEX prefix, into those that legacy prefixes fill. */
static void vex_fields(struct cursor *c, u8 rxb, u8 rest)
{
	static const u8 rep[4] = { 0, 0, 0xf3, 0xf2 };
	struct slat_insn *insn = c->insn;

	insn->rep = rep[rest & 3];
	insn->opsize_prefix = (rest & 3) == 1;
	insn->vex_long = rest & 4;
	insn->vex_unused = (rest >> 3 & 15) == 15;
	/* R, X and B are inverted; in 32-bit code there are eight registers. */
	if (!c->long_mode)
		return;
	insn->rex = (rxb & 0x80 ? 0 : REX_R) | (rxb & 0x40 ? 0 : REX_X) |
		    (rxb & 0x20 ? 0 : REX_B);
}

/* The bytes of a VEX (C4, C5) or EVEX (62) prefix after the first one. */
static int decode_vex_prefix(struct cursor *c, u8 first)
{
	struct slat_insn *insn = c->insn;
	u8 payload = take(c, 1);
	u8 rest;

	insn->map = 1;
	if (first == 0xc5) {
		vex_fields(c, payload | 0x60, payload);
		return c->err;
	}
	rest = take(c, 1);
	if (first == 0xc4) {
		insn->map = payload & 31;
		vex_fields(c, payload, rest);
		if (c->long_mode && rest & 0x80)
			insn->rex |= REX_W;
		return c->err;
	}
	insn->map = payload & 7;
	take(c, 1);
	return c->err ? c->err : rest & 4 ? 0 : -EINVAL;
}

/* VEX moves; of the others, and of EVEX, the length alone. */
static int decode_vex(struct cursor *c, u8 first)
{
	struct slat_insn *insn = c->insn;
	struct optab_entry entry = { 0 };
	unsigned int size, map, attr;
	int ret;

	if (insn->lock || insn->rep || insn->opsize_prefix || insn->rex)
		return -EINVAL;
	insn->vex = true;
	ret = decode_vex_prefix(c, first);
	if (ret)
		return ret;
	map = insn->map;
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
	decode_segment(c);
	if (c->err || first == 0x62)
		return c->err ? c->err : -EOPNOTSUPP;
	ret = slat_opcode_vex(insn, &entry, &size);
	if (ret)
		return ret;
	insn->op = entry.op;
	insn->aligned = entry.attr & A_ALIGN;
	return slat_operands_decode(insn, &entry, size);
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

static void decode_immediate(struct cursor *c, unsigned int attr)
{
	struct slat_insn *insn = c->insn;
	unsigned int start = c->pos;
	unsigned int z = insn->osize == 2 ? 2 : 4;

	if (attr & A_I16)
		insn->imm = take(c, 2);
	if (attr & A_I8)
		insn->imm = attr & A_I16 ? insn->imm | take(c, 1) << 16 : take_signed(c, 1);
	if (attr & A_IZ)
		insn->imm = take_signed(c, z);
	if (attr & A_IV)
		insn->imm = take_signed(c, insn->osize);
	if (attr & A_JZ)
		insn->imm = take_signed(c, c->long_mode ? 4 : z);
	if (attr & A_FAR) {
		insn->imm = take(c, z);
		insn->imm |= take(c, 2) << 32;
	}
	insn->imm_len = c->pos - start;
}

/* Everything after the opcode, for the entry that the opcode selected. */
static int decode_rest(struct cursor *c, struct optab_entry entry)
{
	struct slat_insn *insn = c->insn;
	unsigned int sse_size = 0;
	int undefined;

	if (entry.attr & A_M)
		decode_modrm(c, entry.attr);
	undefined = slat_opcode_adjust(insn, &entry);
	if ((entry.attr & A_D64) && c->long_mode)
		insn->osize = insn->opsize_prefix && !(insn->rex & REX_W) ? 2 : 8;
	if ((entry.attr & A_F64) && c->long_mode)
		insn->osize = 8;
	if (entry.dst == O_MOFFS || entry.src == O_MOFFS)
		insn->disp = take(c, insn->asize);
	decode_immediate(c, entry.attr);
	decode_segment(c);
	if (c->err || undefined)
		return c->err ? c->err : undefined;

	if (insn->map == 1 && entry.op == SLAT_OP_NONE)
		slat_opcode_sse(insn, &entry, &sse_size);
	else if (entry.op == SLAT_OP_SSEMOV)
		sse_size = 16;
	insn->op = entry.op;
	insn->aligned = entry.attr & A_ALIGN;
	if (entry.op == SLAT_OP_NONE)
		return insn->lock ? -EINVAL : -EOPNOTSUPP;
	return slat_operands_decode(insn, &entry, sse_size);
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
	return decode_rest(c, slat_opcode_map38(insn));
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
