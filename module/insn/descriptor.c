// SPDX-License-Identifier: GPL-2.0
/*
 * Segment descriptors and the rules of loading them; see descriptor.h. Pure, expects no
 * lock.
 */
#include "descriptor.h"

static u64 field(u64 value, unsigned int first, unsigned int width)
{
	return value >> first & ((1ull << width) - 1);
}

void slat_descriptor_decode(u64 low, u32 high, struct slat_descriptor *desc)
{
	u32 limit = field(low, 0, 16) | field(low, 48, 4) << 16;
	bool g = field(low, 55, 1);

	*desc = (struct slat_descriptor) {
		.base = field(low, 16, 24) | field(low, 56, 8) << 24 | (u64)high << 32,
		.limit = g ? limit << 12 | 0xfff : limit,
		.type = field(low, 40, 4),
		.s = field(low, 44, 1),
		.dpl = field(low, 45, 2),
		.present = field(low, 47, 1),
		.avl = field(low, 52, 1),
		.l = field(low, 53, 1),
		.db = field(low, 54, 1),
		.g = g,
	};
}

bool slat_descriptor_null_ok(const struct slat_load *load)
{
	switch (load->seg) {
	case SLAT_SEG_CS:
	case SLAT_SEG_TR:
		return false;
	case SLAT_SEG_SS:
		/* 64-bit code of a supervisor needs no stack segment. */
		return load->long_mode && load->cpl < 3 && load->selector == load->cpl;
	default:
		return true;
	}
}

static bool data_is_refused(const struct slat_load *load, const struct slat_descriptor *desc)
{
	unsigned int kind = desc->type & (SLAT_TYPE_CODE | SLAT_TYPE_CONFORMING);

	if (!desc->s || (desc->type & (SLAT_TYPE_CODE | SLAT_TYPE_READABLE)) == SLAT_TYPE_CODE)
		return true;
	/* Conforming code may be read at any level. */
	if (kind == (SLAT_TYPE_CODE | SLAT_TYPE_CONFORMING))
		return false;
	return (load->selector & 3) > desc->dpl || load->cpl > desc->dpl;
}

static bool stack_is_refused(const struct slat_load *load, const struct slat_descriptor *desc)
{
	return !desc->s || (load->selector & 3) != load->cpl || desc->dpl != load->cpl ||
	       (desc->type & (SLAT_TYPE_CODE | SLAT_TYPE_WRITABLE)) != SLAT_TYPE_WRITABLE;
}

static bool code_is_refused(const struct slat_load *load, const struct slat_descriptor *desc)
{
	bool conforming = desc->type & SLAT_TYPE_CONFORMING;
	u8 rpl = load->selector & 3;

	if (!desc->s || !(desc->type & SLAT_TYPE_CODE) || (load->lma && desc->l && desc->db))
		return true;
	if (load->why == SLAT_LOAD_RETURN)
		return rpl < load->cpl || (conforming ? desc->dpl > rpl : desc->dpl != rpl);
	if (conforming)
		return desc->dpl > load->cpl;
	return rpl > load->cpl || desc->dpl != load->cpl;
}

/* A TSS of 16 bits is none in IA-32e mode. */
static bool task_is_refused(const struct slat_load *load, const struct slat_descriptor *desc)
{
	return desc->s || (desc->type != SLAT_TYPE_TSS &&
			   (desc->type != SLAT_TYPE_TSS16 || load->lma));
}

static bool is_refused(const struct slat_load *load, const struct slat_descriptor *desc)
{
	switch (load->seg) {
	case SLAT_SEG_CS:
		return code_is_refused(load, desc);
	case SLAT_SEG_SS:
		return stack_is_refused(load, desc);
	case SLAT_SEG_LDTR:
		return desc->s || desc->type != SLAT_TYPE_LDT;
	case SLAT_SEG_TR:
		return task_is_refused(load, desc);
	default:
		return data_is_refused(load, desc);
	}
}

u8 slat_descriptor_check(const struct slat_load *load, const struct slat_descriptor *desc)
{
	if (is_refused(load, desc))
		return SLAT_VEC_GP;
	if (!desc->present)
		return load->seg == SLAT_SEG_SS ? SLAT_VEC_SS : SLAT_VEC_NP;
	return 0;
}

bool slat_descriptor_is_gate(const struct slat_load *load, const struct slat_descriptor *desc)
{
	if (load->why != SLAT_LOAD_JUMP || desc->s)
		return false;
	switch (desc->type) {
	case SLAT_TYPE_CALL_GATE:
		return true;
	case SLAT_TYPE_CALL_GATE16:
	case SLAT_TYPE_TASK_GATE:
	case SLAT_TYPE_TSS16:
	case SLAT_TYPE_TSS:
		return !load->lma;
	default:
		return false;
	}
}
