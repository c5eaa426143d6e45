// SPDX-License-Identifier: GPL-2.0
/*
 * The stack and near branches: what pushes and pops, and where RIP goes when
 * the target or the return address comes from memory. Called by exec.c;
 * changes nothing itself, expects no lock.
 */
#include "alu.h"
#include "machine.h"

/* Bytes of rSP that push and pop use. */
static unsigned int stack_size(const struct slat_emul *e)
{
	if (e->mode == SLAT_MODE_LONG)
		return 8;
	if (e->stack_size)
		return e->stack_size;
	return e->mode == SLAT_MODE_PROT32 ? 4 : 2;
}

void slat_stack_move(struct slat_emul *e, u64 rsp)
{
	slat_machine_set_gpr(e, SLAT_RSP, stack_size(e), rsp);
}

/* Push the low @len bytes of @value into a slot of the operand size. */
enum slat_emul_status slat_stack_push(struct slat_emul *e, u64 value, unsigned int len)
{
	unsigned int size = e->insn.osize;
	enum slat_emul_status status;
	u64 offset, linear;

	offset = slat_machine_gpr(e, SLAT_RSP) - size;
	offset &= slat_alu_mask(stack_size(e));
	status = slat_machine_linear(e, SLAT_SEG_SS, offset, size,
				     SLAT_ACC_WRITE, &linear);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_stack_move(e, offset);
	return slat_machine_write(e, linear, len, &value, NULL);
}

/* Read @len bytes at @offset in the stack segment. */
enum slat_emul_status slat_stack_read(struct slat_emul *e, u64 offset, unsigned int len,
				      u64 *value)
{
	enum slat_emul_status status;
	u64 linear;

	*value = 0;
	offset &= slat_alu_mask(stack_size(e));
	status = slat_machine_linear(e, SLAT_SEG_SS, offset, len,
				     SLAT_ACC_READ, &linear);
	if (status != SLAT_EMUL_DONE)
		return status;
	return slat_machine_read(e, linear, len, SLAT_ACC_READ, value);
}

static enum slat_emul_status exec_push(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	unsigned int len = insn->osize;
	enum slat_emul_status status;
	u64 value;

	status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &value);
	if (status != SLAT_EMUL_DONE)
		return status;
	/* A 32-bit push of a selector leaves the upper half of its slot. */
	if (insn->src.type == SLAT_OPND_SREG && len == 4)
		len = 2;
	return slat_stack_push(e, value, len);
}

/*
 * An address with rSP in it, and POP rSP itself, see the popped rSP. Of a selector's slot
 * only the selector is read.
 */
static enum slat_emul_status exec_pop(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	unsigned int len = insn->dst.type == SLAT_OPND_SREG ? 2 : insn->osize;
	enum slat_emul_status status;
	u64 value;

	status = slat_stack_read(e, e->gpr[SLAT_RSP], len, &value);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_stack_move(e, e->gpr[SLAT_RSP] + insn->osize);
	return slat_exec_write(e, &insn->dst, value, NULL);
}

/* rAX first; rSP as it was before. */
static enum slat_emul_status exec_pusha(struct slat_emul *e)
{
	enum slat_emul_status status = SLAT_EMUL_DONE;
	unsigned int reg;

	for (reg = SLAT_RAX; reg < SLAT_R8 && status == SLAT_EMUL_DONE; reg++)
		status = slat_stack_push(e, e->gpr[reg], e->insn.osize);
	return status;
}

/* The other way round; what was pushed for rSP is skipped. */
static enum slat_emul_status exec_popa(struct slat_emul *e)
{
	unsigned int size = e->insn.osize;
	u64 rsp = e->gpr[SLAT_RSP];
	enum slat_emul_status status;
	unsigned int reg;
	u64 value;

	for (reg = SLAT_R8; reg-- > SLAT_RAX; rsp += size) {
		if (reg == SLAT_RSP)
			continue;
		status = slat_stack_read(e, rsp, size, &value);
		if (status != SLAT_EMUL_DONE)
			return status;
		slat_machine_set_gpr(e, reg, size, value);
	}
	slat_stack_move(e, rsp);
	return SLAT_EMUL_DONE;
}

/* In virtual-8086 mode the flags are the monitor's unless IOPL is 3. */
static bool flags_are_guarded(const struct slat_emul *e)
{
	return e->mode == SLAT_MODE_VM86 &&
	       (e->rflags & SLAT_FLAG_IOPL) != SLAT_FLAG_IOPL;
}

static enum slat_emul_status exec_pushf(struct slat_emul *e)
{
	if (flags_are_guarded(e))
		return slat_machine_raise(e, SLAT_VEC_GP);
	return slat_stack_push(e, e->rflags & ~(SLAT_FLAG_VM | SLAT_FLAG_RF),
			  e->insn.osize);
}

/* Flags that POPF changes at this privilege level. */
static u64 popf_flags(const struct slat_emul *e)
{
	u64 flags = SLAT_FLAG_ARITH | SLAT_FLAG_TF | SLAT_FLAG_DF |
		    SLAT_FLAG_NT | SLAT_FLAG_AC | SLAT_FLAG_ID;

	if (e->mode == SLAT_MODE_REAL || e->cpl == 0)
		flags |= SLAT_FLAG_IF | SLAT_FLAG_IOPL;
	else if (e->mode == SLAT_MODE_VM86 || e->cpl <= (e->rflags >> 12 & 3))
		flags |= SLAT_FLAG_IF;
	if (e->insn.osize == 2)
		flags &= 0xffff;
	return flags;
}

static enum slat_emul_status exec_popf(struct slat_emul *e)
{
	u64 flags = popf_flags(e);
	enum slat_emul_status status;
	u64 value;

	if (flags_are_guarded(e))
		return slat_machine_raise(e, SLAT_VEC_GP);
	status = slat_stack_read(e, e->gpr[SLAT_RSP], e->insn.osize, &value);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_stack_move(e, e->gpr[SLAT_RSP] + e->insn.osize);
	e->next_rflags = (e->next_rflags & ~flags) | (value & flags);
	return SLAT_EMUL_DONE;
}

/*
 * Level 0. The new end of the stack must be writable; nothing is written there. Levels with
 * a display copy up to 31 frame pointers, which no program is known to keep in a device.
 */
static enum slat_emul_status exec_enter(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	unsigned int size = insn->osize;
	enum slat_emul_status status;
	u64 frame, end, linear;

	if (insn->imm >> 16 & 31)
		return SLAT_EMUL_UNHANDLED;
	status = slat_stack_push(e, e->gpr[SLAT_RBP], size);
	if (status != SLAT_EMUL_DONE)
		return status;
	frame = slat_machine_gpr(e, SLAT_RSP);
	end = (frame - (u16)insn->imm) & slat_alu_mask(stack_size(e));
	status = slat_machine_linear(e, SLAT_SEG_SS, end, size, SLAT_ACC_WRITE, &linear);
	if (status == SLAT_EMUL_DONE)
		status = slat_machine_probe(e, linear, size, SLAT_ACC_WRITE);
	slat_machine_set_gpr(e, SLAT_RBP, size, frame);
	slat_stack_move(e, end);
	return status;
}

static enum slat_emul_status exec_leave(struct slat_emul *e)
{
	u64 frame = e->gpr[SLAT_RBP];
	enum slat_emul_status status;
	u64 value;

	status = slat_stack_read(e, frame, e->insn.osize, &value);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_stack_move(e, frame + e->insn.osize);
	slat_machine_set_gpr(e, SLAT_RBP, e->insn.osize, value);
	return SLAT_EMUL_DONE;
}

/* A target that is no good faults before anything is pushed. */
static enum slat_emul_status exec_call(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	u64 back = e->next_rip;
	enum slat_emul_status status;
	u64 target;

	status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &target);
	if (status != SLAT_EMUL_DONE)
		return status;
	if (insn->src.type == SLAT_OPND_IMM)
		target += back;
	status = slat_machine_branch(e, target);
	if (status != SLAT_EMUL_DONE)
		return status;
	return slat_stack_push(e, back, insn->osize);
}

static enum slat_emul_status exec_jmp(struct slat_emul *e)
{
	enum slat_emul_status status;
	u64 target;

	status = slat_exec_read(e, &e->insn.src, SLAT_ACC_READ, &target);
	return status == SLAT_EMUL_DONE ? slat_machine_branch(e, target) : status;
}

static enum slat_emul_status exec_ret(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	enum slat_emul_status status;
	u64 target;

	status = slat_stack_read(e, e->gpr[SLAT_RSP], insn->osize, &target);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_stack_move(e, e->gpr[SLAT_RSP] + insn->osize +
		      (insn->imm_len ? insn->imm : 0));
	return slat_machine_branch(e, target);
}

enum slat_emul_status slat_exec_stack(struct slat_emul *e)
{
	switch (e->insn.op) {
	case SLAT_OP_PUSH:
		return exec_push(e);
	case SLAT_OP_POP:
		return exec_pop(e);
	case SLAT_OP_PUSHA:
		return exec_pusha(e);
	case SLAT_OP_POPA:
		return exec_popa(e);
	case SLAT_OP_PUSHF:
		return exec_pushf(e);
	case SLAT_OP_POPF:
		return exec_popf(e);
	case SLAT_OP_ENTER:
		return exec_enter(e);
	case SLAT_OP_LEAVE:
		return exec_leave(e);
	case SLAT_OP_CALL:
		return exec_call(e);
	case SLAT_OP_JMP:
		return exec_jmp(e);
	case SLAT_OP_RET:
		return exec_ret(e);
	default:
		return SLAT_EMUL_UNHANDLED;
	}
}
