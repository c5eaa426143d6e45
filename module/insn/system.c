// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that store or load system registers: descriptor tables, LDTR and TR, the
 * machine status word, the x87's control and status word, far pointers into segment
 * registers. Called by exec.c; what changes is queued and done when the instruction commits.
 * Expects no lock.
 */
#include "alu.h"
#include "machine.h"

#define CR0_EM		SLAT_INSN_BIT(2)
#define CR0_TS		SLAT_INSN_BIT(3)
#define CR4_UMIP	SLAT_INSN_BIT(11)

/* The limit comes first in a table's image, then the base. */
#define LIMIT_BYTES	2

/* Loads are the supervisor's; stores too where CR4.UMIP says so. */
static bool is_denied(const struct slat_emul *e, const struct slat_system_state *state)
{
	switch (e->insn.op) {
	case SLAT_OP_LLDT:
	case SLAT_OP_LTR:
	case SLAT_OP_LGDT:
	case SLAT_OP_LIDT:
	case SLAT_OP_LMSW:
		return e->cpl;
	default:
		return e->cpl && state->cr4 & CR4_UMIP;
	}
}

/* A memory operand that is no number. */
static enum slat_emul_status read_bytes(struct slat_emul *e, unsigned int len, void *buf)
{
	enum slat_emul_status status;
	u64 linear;

	status = slat_exec_mem(e, len, SLAT_ACC_READ, &linear);
	return status == SLAT_EMUL_DONE ?
	       slat_machine_read(e, linear, len, SLAT_ACC_READ, buf) : status;
}

/* A far pointer in memory: the offset, of the operand size, then the selector. */
enum slat_emul_status slat_system_read_pointer(struct slat_emul *e, u64 *offset, u16 *selector)
{
	unsigned int size = e->insn.osize;
	u8 image[sizeof(u64) + sizeof(u16)];
	enum slat_emul_status status;

	*offset = 0;
	status = read_bytes(e, size + sizeof(u16), image);
	if (status != SLAT_EMUL_DONE)
		return status;
	memcpy(offset, image, size);
	memcpy(selector, image + size, sizeof(u16));
	return SLAT_EMUL_DONE;
}

static enum slat_emul_status exec_store_table(struct slat_emul *e,
					      const struct slat_system_table *table)
{
	unsigned int len = e->insn.dst.size;
	u16 limit = table->limit;
	enum slat_emul_status status;
	u8 image[LIMIT_BYTES + sizeof(u64)];
	u64 linear;

	memcpy(image, &limit, LIMIT_BYTES);
	memcpy(image + LIMIT_BYTES, &table->base, sizeof(u64));
	status = slat_exec_mem(e, len, SLAT_ACC_WRITE, &linear);
	return status == SLAT_EMUL_DONE ? slat_machine_write(e, linear, len, image, NULL) :
					  status;
}

/* With 16-bit operands the base has 24 bits. */
static enum slat_emul_status exec_load_table(struct slat_emul *e)
{
	u8 image[LIMIT_BYTES + sizeof(u64)] = { 0 };
	enum slat_emul_status status;

	status = read_bytes(e, e->insn.dst.size, image);
	if (status != SLAT_EMUL_DONE)
		return status;
	memcpy(&e->table.limit, image, LIMIT_BYTES);
	memcpy(&e->table.base, image + LIMIT_BYTES, sizeof(u64));
	if (e->mode != SLAT_MODE_LONG && e->insn.osize == 2)
		e->table.base &= 0xffffff;
	if (e->mode == SLAT_MODE_LONG && !slat_machine_is_canonical(e->table.base))
		return slat_machine_raise(e, SLAT_VEC_GP);
	e->effect = e->insn.op == SLAT_OP_LGDT ? EFFECT_GDT : EFFECT_IDT;
	return SLAT_EMUL_DONE;
}

static enum slat_emul_status exec_load_selector(struct slat_emul *e)
{
	enum slat_seg seg = e->insn.op == SLAT_OP_LLDT ? SLAT_SEG_LDTR : SLAT_SEG_TR;
	enum slat_emul_status status;
	u64 selector;

	status = slat_exec_read(e, &e->insn.src, SLAT_ACC_READ, &selector);
	return status == SLAT_EMUL_DONE ? slat_segment_load(e, seg, selector) : status;
}

static enum slat_emul_status exec_store_selector(struct slat_emul *e)
{
	enum slat_seg seg = e->insn.op == SLAT_OP_SLDT ? SLAT_SEG_LDTR : SLAT_SEG_TR;

	if (!e->ops->seg_selector)
		return SLAT_EMUL_UNHANDLED;
	return slat_exec_write(e, &e->insn.dst, e->ops->seg_selector(e->ctx, seg), NULL);
}

static enum slat_emul_status exec_lmsw(struct slat_emul *e)
{
	enum slat_emul_status status;
	u64 msw;

	status = slat_exec_read(e, &e->insn.src, SLAT_ACC_READ, &msw);
	e->table.limit = msw;
	e->effect = EFFECT_MSW;
	return status;
}

static enum slat_emul_status exec_x87_word(struct slat_emul *e,
					   const struct slat_system_state *state)
{
	bool status_word = e->insn.op == SLAT_OP_FNSTSW;

	if (state->cr0 & (CR0_EM | CR0_TS))
		return slat_machine_raise(e, SLAT_VEC_NM);
	return slat_exec_write(e, &e->insn.dst, e->ops->system->x87_word(e->ctx, status_word),
			       NULL);
}

/* The segment register is loaded only if the whole pointer is good, and then both are. */
static enum slat_emul_status exec_load_pointer(struct slat_emul *e)
{
	static const u8 one_byte[2] = { SLAT_SEG_ES, SLAT_SEG_DS };	/* C4, C5 */
	const struct slat_insn *insn = &e->insn;
	unsigned int seg = insn->map ? insn->opcode & 7 : one_byte[insn->opcode & 1];
	enum slat_emul_status status;
	u16 selector;
	u64 offset;

	status = slat_system_read_pointer(e, &offset, &selector);
	if (status == SLAT_EMUL_DONE)
		status = slat_segment_load(e, seg, selector);
	return status == SLAT_EMUL_DONE ? slat_exec_write(e, &insn->dst, offset, NULL) : status;
}

enum slat_emul_status slat_exec_system(struct slat_emul *e)
{
	struct slat_system_state state;

	if (!e->ops->system)
		return SLAT_EMUL_UNHANDLED;
	if (e->insn.op == SLAT_OP_LSEG)
		return exec_load_pointer(e);
	e->ops->system->state(e->ctx, &state);
	if (e->insn.op == SLAT_OP_FNSTCW || e->insn.op == SLAT_OP_FNSTSW)
		return exec_x87_word(e, &state);
	if (is_denied(e, &state))
		return slat_machine_raise(e, SLAT_VEC_GP);
	switch (e->insn.op) {
	case SLAT_OP_SLDT:
	case SLAT_OP_STR:
		return exec_store_selector(e);
	case SLAT_OP_LLDT:
	case SLAT_OP_LTR:
		return exec_load_selector(e);
	case SLAT_OP_SGDT:
		return exec_store_table(e, &state.gdt);
	case SLAT_OP_SIDT:
		return exec_store_table(e, &state.idt);
	case SLAT_OP_LGDT:
	case SLAT_OP_LIDT:
		return exec_load_table(e);
	case SLAT_OP_SMSW:
		return slat_exec_write(e, &e->insn.dst, state.cr0, NULL);
	default:
		return exec_lmsw(e);
	}
}

static void commit_segment(struct slat_emul *e)
{
	e->ops->system->set_segment(e->ctx, e->load.seg, e->load.selector, &e->load.desc);
	/* MOV and POP keep events away until a new stack pointer is there; LSS brings it. */
	if (e->load.seg == SLAT_SEG_SS && e->insn.op != SLAT_OP_LSEG)
		e->committed = SLAT_COMMITTED_SHADOW;
}

void slat_system_commit(struct slat_emul *e)
{
	const struct slat_system_ops *system = e->ops->system;

	switch (e->effect) {
	case EFFECT_IRET:
		system->end_nmi(e->ctx);
		commit_segment(e);
		break;
	case EFFECT_SEGMENT:
		commit_segment(e);
		break;
	case EFFECT_GDT:
		system->set_gdt(e->ctx, e->table.base, e->table.limit);
		break;
	case EFFECT_IDT:
		system->set_idt(e->ctx, e->table.base, e->table.limit);
		break;
	default:
		system->load_msw(e->ctx, e->table.limit);
		break;
	}
}
