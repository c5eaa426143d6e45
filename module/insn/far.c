// SPDX-License-Identifier: GPL-2.0
/*
 * Far branches at one privilege level: JMP, CALL and RET, and IRET of real mode. Through
 * gates, to other tasks and to outer levels nothing goes here. Called by exec.c; changes
 * nothing itself, but for what segments.c marks; expects no lock.
 */
#include "alu.h"
#include "machine.h"

/* Flags that IRET takes from the stack in real mode. */
#define IRET_FLAGS	(SLAT_FLAG_ARITH | SLAT_FLAG_TF | SLAT_FLAG_IF | SLAT_FLAG_DF | \
			 SLAT_FLAG_IOPL | SLAT_FLAG_NT | SLAT_FLAG_RF | SLAT_FLAG_AC | \
			 SLAT_FLAG_ID)

/* The pointer that a far JMP or CALL has or reads. */
static enum slat_emul_status far_pointer(struct slat_emul *e, u64 *offset, u16 *selector)
{
	const struct slat_insn *insn = &e->insn;

	if (insn->src.type != SLAT_OPND_IMM)
		return slat_system_read_pointer(e, offset, selector);
	*offset = (u32)insn->imm;
	*selector = insn->imm >> 32;
	return SLAT_EMUL_DONE;
}

/* Go on at @offset in the code segment that is queued. */
static enum slat_emul_status far_branch(struct slat_emul *e, u64 offset)
{
	const struct slat_descriptor *code = &e->load.desc;
	struct slat_system_state state;

	e->ops->system->state(e->ctx, &state);
	if (state.lma && code->l) {
		if (!slat_machine_is_canonical(offset))
			return slat_machine_raise(e, SLAT_VEC_GP);
	} else {
		offset = (u32)offset;
		if (offset > code->limit)
			return slat_machine_raise(e, SLAT_VEC_GP);
	}
	e->next_rip = offset;
	return slat_segment_mark(e);
}

static enum slat_emul_status exec_jmp_far(struct slat_emul *e)
{
	enum slat_emul_status status;
	u16 selector;
	u64 offset;

	status = far_pointer(e, &offset, &selector);
	if (status == SLAT_EMUL_DONE)
		status = slat_segment_load_code(e, selector, SLAT_LOAD_JUMP);
	return status == SLAT_EMUL_DONE ? far_branch(e, offset) : status;
}

static enum slat_emul_status exec_call_far(struct slat_emul *e)
{
	enum slat_emul_status status;
	u64 offset, back = e->next_rip;
	u16 selector, cs;

	if (!e->ops->seg_selector)
		return SLAT_EMUL_UNHANDLED;
	cs = e->ops->seg_selector(e->ctx, SLAT_SEG_CS);
	status = far_pointer(e, &offset, &selector);
	if (status == SLAT_EMUL_DONE)
		status = slat_segment_load_code(e, selector, SLAT_LOAD_JUMP);
	if (status == SLAT_EMUL_DONE)
		status = slat_stack_push(e, cs, e->insn.osize);
	if (status == SLAT_EMUL_DONE)
		status = slat_stack_push(e, back, e->insn.osize);
	return status == SLAT_EMUL_DONE ? far_branch(e, offset) : status;
}

/* The offset and, above it, the selector. */
static enum slat_emul_status stack_pointer_read(struct slat_emul *e, u64 *offset, u64 *selector)
{
	u64 rsp = e->gpr[SLAT_RSP];
	unsigned int size = e->insn.osize;
	enum slat_emul_status status = slat_stack_read(e, rsp, size, offset);

	return status == SLAT_EMUL_DONE ? slat_stack_read(e, rsp + size, size, selector) : status;
}

static enum slat_emul_status exec_ret_far(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	bool typed = e->mode != SLAT_MODE_REAL && e->mode != SLAT_MODE_VM86;
	enum slat_emul_status status;
	u64 offset, selector;

	status = stack_pointer_read(e, &offset, &selector);
	if (status == SLAT_EMUL_DONE)
		status = slat_segment_load_code(e, selector, SLAT_LOAD_RETURN);
	if (status != SLAT_EMUL_DONE)
		return status;
	if (typed && (selector & 3) != e->cpl)
		return SLAT_EMUL_UNHANDLED;
	slat_stack_move(e, e->gpr[SLAT_RSP] + 2 * insn->osize + (insn->imm_len ? insn->imm : 0));
	return far_branch(e, offset);
}

static enum slat_emul_status exec_iret(struct slat_emul *e)
{
	unsigned int size = e->insn.osize;
	u64 taken = IRET_FLAGS & slat_alu_mask(size);
	u64 offset, selector, flags, rsp = e->gpr[SLAT_RSP];
	enum slat_emul_status status;

	if (e->mode != SLAT_MODE_REAL)
		return SLAT_EMUL_UNHANDLED;
	status = stack_pointer_read(e, &offset, &selector);
	if (status == SLAT_EMUL_DONE)
		status = slat_stack_read(e, rsp + 2 * size, size, &flags);
	if (status == SLAT_EMUL_DONE)
		status = slat_segment_load_code(e, selector, SLAT_LOAD_RETURN);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_stack_move(e, rsp + 3 * size);
	e->next_rflags = (e->next_rflags & ~taken) | (flags & taken);
	e->effect = EFFECT_IRET;
	return far_branch(e, offset);
}

enum slat_emul_status slat_exec_far(struct slat_emul *e)
{
	if (!e->ops->system)
		return SLAT_EMUL_UNHANDLED;
	switch (e->insn.op) {
	case SLAT_OP_JMPF:
		return exec_jmp_far(e);
	case SLAT_OP_CALLF:
		return exec_call_far(e);
	case SLAT_OP_RETF:
		return exec_ret_far(e);
	default:
		return exec_iret(e);
	}
}
