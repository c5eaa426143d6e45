// SPDX-License-Identifier: GPL-2.0
/*
 * What each instruction does, but for strings, ports, the stack, far branches, vector
 * and system registers: operands in, arithmetic of alu.c, operands out. Called by emulate.c, possibly several
 * times for one instruction until all device data is there; changes nothing
 * itself. Expects no lock.
 */
#include "alu.h"
#include "machine.h"

/* Offset of the memory operand in its segment. */
static u64 effective_address(const struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	u64 offset = insn->disp;

	if (insn->base != SLAT_GPR_NONE)
		offset += slat_machine_gpr(e, insn->base);
	if (insn->index != SLAT_GPR_NONE)
		offset += slat_machine_gpr(e, insn->index) << insn->scale;
	if (insn->rip_relative)
		offset += e->next_rip;
	return offset & slat_alu_mask(insn->asize);
}

/*
 * What else the address depends on. A bit offset in a register reaches beyond
 * the operand: the operand is the aligned unit at that signed distance. XLAT
 * adds AL.
 */
static u64 operand_offset(const struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	unsigned int size = insn->dst.size;
	unsigned int shift = 64 - 8 * size;
	s64 bit;

	if (insn->op < SLAT_OP_BT || insn->op > SLAT_OP_XLAT)
		return 0;
	if (insn->op == SLAT_OP_XLAT)
		return (u8)e->gpr[SLAT_RAX];
	if (insn->src.type != SLAT_OPND_REG)
		return 0;
	bit = (s64)(e->gpr[insn->src.reg] << shift) >> shift;
	bit &= ~(s64)(8 * size - 1);
	return (u64)(bit >> 3);
}

/* Linear address of the memory operand, computed once per attempt. */
enum slat_emul_status slat_exec_mem(struct slat_emul *e, unsigned int len,
				    unsigned int access, u64 *linear)
{
	enum slat_emul_status status;
	u64 offset;

	if (!e->mem_valid) {
		offset = effective_address(e) + operand_offset(e);
		offset &= slat_alu_mask(e->insn.asize);
		status = slat_machine_linear(e, e->insn.seg, offset, len,
					     access, &e->mem_linear);
		if (status != SLAT_EMUL_DONE)
			return status;
		if (e->insn.aligned && (e->mem_linear & (len - 1)))
			return slat_machine_raise(e, SLAT_VEC_GP);
		e->mem_valid = true;
	}
	*linear = e->mem_linear;
	return SLAT_EMUL_DONE;
}

static enum slat_emul_status read_mem(struct slat_emul *e, unsigned int size,
				      unsigned int access, u64 *value)
{
	enum slat_emul_status status;
	u64 linear;

	*value = 0;
	/* Where a write follows, it wants the address of the read. */
	if (!(access & SLAT_ACC_WRITE) && slat_machine_replay(e, size, value))
		return SLAT_EMUL_DONE;
	status = slat_exec_mem(e, size, access, &linear);
	if (status != SLAT_EMUL_DONE)
		return status;
	return slat_machine_read(e, linear, size, access, value);
}

/* Value of an operand of up to 8 bytes, zero-extended. */
enum slat_emul_status slat_exec_read(struct slat_emul *e,
				     const struct slat_operand *opnd,
				     unsigned int access, u64 *value)
{
	switch (opnd->type) {
	case SLAT_OPND_REG:
		*value = e->gpr[opnd->reg] & slat_alu_mask(opnd->size);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_REG_HIGH:
		*value = (e->gpr[opnd->reg] >> 8) & 0xff;
		return SLAT_EMUL_DONE;
	case SLAT_OPND_IMM:
		*value = e->insn.imm & slat_alu_mask(opnd->size);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_SREG:
		if (!e->ops->seg_selector)
			return SLAT_EMUL_UNHANDLED;
		*value = e->ops->seg_selector(e->ctx, opnd->reg);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_MEM:
		return read_mem(e, opnd->size, access, value);
	default:
		return SLAT_EMUL_UNHANDLED;
	}
}

/* Queue the write of an operand; @old: memory must still hold it. */
enum slat_emul_status slat_exec_write(struct slat_emul *e,
				      const struct slat_operand *opnd,
				      u64 value, const u64 *old)
{
	enum slat_emul_status status;
	u64 linear;

	switch (opnd->type) {
	case SLAT_OPND_REG:
		slat_machine_set_gpr(e, opnd->reg, opnd->size, value);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_REG_HIGH:
		value = (slat_machine_gpr(e, opnd->reg) & ~0xff00ull) |
			((value & 0xff) << 8);
		slat_machine_set_gpr(e, opnd->reg, 8, value);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_SREG:
		return slat_segment_load(e, opnd->reg, value);
	case SLAT_OPND_MEM:
		status = slat_exec_mem(e, opnd->size, SLAT_ACC_WRITE, &linear);
		if (status != SLAT_EMUL_DONE)
			return status;
		return slat_machine_write(e, linear, opnd->size, &value, old);
	default:
		return SLAT_EMUL_UNHANDLED;
	}
}

static u64 sign_extend(u64 value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(value << shift) >> shift);
}

static u64 swap_bytes(u64 value, unsigned int size)
{
	u64 swapped = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		swapped |= ((value >> (8 * i)) & 0xff) << (8 * (size - 1 - i));
	return swapped;
}

/* Moves: one operand read, changed on the way, one written. */
static enum slat_emul_status exec_move(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	enum slat_emul_status status;
	u64 value;

	status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &value);
	if (status != SLAT_EMUL_DONE)
		return status;
	if (insn->op == SLAT_OP_MOVSX)
		value = sign_extend(value, insn->src.size);
	else if (insn->op == SLAT_OP_MOVBE)
		value = swap_bytes(value, insn->src.size);
	else if (insn->op == SLAT_OP_CMOV &&
		 !slat_alu_condition(insn->cond, e->rflags))
		value = e->gpr[insn->dst.reg];
	return slat_exec_write(e, &insn->dst, value, NULL);
}

static enum slat_emul_status exec_setcc(struct slat_emul *e)
{
	return slat_exec_write(e, &e->insn.dst,
			       slat_alu_condition(e->insn.cond, e->rflags),
			       NULL);
}

/* The count of a shift: CL, or the immediate. */
static unsigned int shift_count(const struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	bool twin = insn->op == SLAT_OP_SHLD || insn->op == SLAT_OP_SHRD;

	if (twin ? insn->imm_len : insn->src.type == SLAT_OPND_IMM)
		return insn->imm & 0xff;
	return e->gpr[SLAT_RCX] & 0xff;
}

static u64 modify(struct slat_emul *e, u64 dst, u64 src)
{
	unsigned int op = e->insn.op;
	unsigned int size = e->insn.dst.size;

	switch (op) {
	case SLAT_OP_ADD ... SLAT_OP_CMP:
	case SLAT_OP_TEST:
		return slat_alu_binary(op, size, dst, src, &e->next_rflags);
	case SLAT_OP_ROL ... SLAT_OP_SAR:
		return slat_alu_shift(op, size, dst, shift_count(e),
				      &e->next_rflags);
	case SLAT_OP_SHLD:
	case SLAT_OP_SHRD:
		return slat_alu_shift_double(op, size, dst, src,
					     shift_count(e), &e->next_rflags);
	case SLAT_OP_BT ... SLAT_OP_BTC:
		return slat_alu_bit(op, size, dst, src, &e->next_rflags);
	default:
		return slat_alu_unary(op, size, dst, &e->next_rflags);
	}
}

/* Read the first operand, change it, write it back unless it only tests. */
static enum slat_emul_status exec_modify(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	bool tests = insn->op == SLAT_OP_CMP || insn->op == SLAT_OP_TEST ||
		     insn->op == SLAT_OP_BT;
	unsigned int access = tests ? SLAT_ACC_READ : SLAT_ACC_WRITE;
	enum slat_emul_status status;
	u64 dst, result;
	u64 src = 0;

	status = slat_exec_read(e, &insn->dst, access, &dst);
	if (status == SLAT_EMUL_DONE && insn->src.type != SLAT_OPND_NONE)
		status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &src);
	if (status != SLAT_EMUL_DONE)
		return status;
	result = modify(e, dst, src);
	if (tests)
		return SLAT_EMUL_DONE;
	return slat_exec_write(e, &insn->dst, result, insn->lock ? &dst : NULL);
}

static enum slat_emul_status exec_multiply(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	unsigned int size = insn->dst.size;
	enum slat_emul_status status;
	u64 a = 0;
	u64 b, low, high;

	if (insn->op == SLAT_OP_IMUL) {
		status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &a);
		b = insn->imm_len ? insn->imm : e->gpr[insn->dst.reg];
		low = slat_alu_multiply(insn->op, size, a, b, &high,
					&e->next_rflags);
		slat_machine_set_gpr(e, insn->dst.reg, size, low);
		return status;
	}
	status = slat_exec_read(e, &insn->dst, SLAT_ACC_READ, &a);
	low = slat_alu_multiply(insn->op, size, a, e->gpr[SLAT_RAX], &high,
				&e->next_rflags);
	if (size == 1) {
		slat_machine_set_gpr(e, SLAT_RAX, 2, (high << 8) | low);
	} else {
		slat_machine_set_gpr(e, SLAT_RAX, size, low);
		slat_machine_set_gpr(e, SLAT_RDX, size, high);
	}
	return status;
}

/* rDX:rAX by the operand; AX by a byte. */
static enum slat_emul_status exec_divide(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	unsigned int size = insn->dst.size;
	u64 low = e->gpr[SLAT_RAX];
	u64 high = size == 1 ? low >> 8 : e->gpr[SLAT_RDX];
	enum slat_emul_status status;
	u64 divisor;

	status = slat_exec_read(e, &insn->dst, SLAT_ACC_READ, &divisor);
	if (status != SLAT_EMUL_DONE)
		return status;
	if (!slat_alu_divide(insn->op, size, divisor, &low, &high))
		return slat_machine_raise(e, SLAT_VEC_DE);
	if (size == 1) {
		slat_machine_set_gpr(e, SLAT_RAX, 2, (high << 8) | low);
	} else {
		slat_machine_set_gpr(e, SLAT_RAX, size, low);
		slat_machine_set_gpr(e, SLAT_RDX, size, high);
	}
	return SLAT_EMUL_DONE;
}

/* Without any bit set the destination stays as it is. */
static enum slat_emul_status exec_scan(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	enum slat_emul_status status;
	u64 src;

	status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &src);
	if (status != SLAT_EMUL_DONE)
		return status;
	e->next_rflags &= ~SLAT_FLAG_ZF;
	if (!src)
		e->next_rflags |= SLAT_FLAG_ZF;
	else
		slat_machine_set_gpr(e, insn->dst.reg, insn->dst.size,
				     slat_alu_scan(insn->op, src));
	return SLAT_EMUL_DONE;
}

/* XCHG with memory is locked, prefix or not. */
static enum slat_emul_status exec_exchange(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	bool atomic = insn->lock || insn->op == SLAT_OP_XCHG;
	enum slat_emul_status status;
	u64 dst, src, sum;

	status = slat_exec_read(e, &insn->dst, SLAT_ACC_WRITE, &dst);
	if (status == SLAT_EMUL_DONE)
		status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &src);
	if (status != SLAT_EMUL_DONE)
		return status;
	sum = src;
	if (insn->op == SLAT_OP_XADD)
		sum = slat_alu_binary(SLAT_OP_ADD, insn->dst.size, dst, src,
				      &e->next_rflags);
	status = slat_exec_write(e, &insn->src, dst, NULL);
	if (status != SLAT_EMUL_DONE)
		return status;
	return slat_exec_write(e, &insn->dst, sum, atomic ? &dst : NULL);
}

/* Memory is always written, on a mismatch with what it held. */
static enum slat_emul_status exec_cmpxchg(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	unsigned int size = insn->dst.size;
	enum slat_emul_status status;
	u64 dst, src;

	status = slat_exec_read(e, &insn->dst, SLAT_ACC_WRITE, &dst);
	if (status == SLAT_EMUL_DONE)
		status = slat_exec_read(e, &insn->src, SLAT_ACC_READ, &src);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_alu_binary(SLAT_OP_CMP, size, e->gpr[SLAT_RAX], dst,
			&e->next_rflags);
	if (!(e->next_rflags & SLAT_FLAG_ZF)) {
		src = dst;
		slat_machine_set_gpr(e, SLAT_RAX, size, dst);
		if (insn->dst.type != SLAT_OPND_MEM)
			return SLAT_EMUL_DONE;
	}
	return slat_exec_write(e, &insn->dst, src, insn->lock ? &dst : NULL);
}

static enum slat_emul_status exec_cmpxchg8b(struct slat_emul *e)
{
	unsigned int half = e->insn.dst.size / 2;
	u64 mask = slat_alu_mask(half);
	enum slat_emul_status status;
	u64 low = 0, high = 0;
	u8 old[16], new[16];
	u64 linear;

	status = slat_exec_mem(e, 2 * half, SLAT_ACC_WRITE, &linear);
	if (status == SLAT_EMUL_DONE && half == 8 && (linear & 15))
		status = slat_machine_raise(e, SLAT_VEC_GP);
	if (status == SLAT_EMUL_DONE)
		status = slat_machine_read(e, linear, 2 * half, SLAT_ACC_WRITE,
					   old);
	if (status != SLAT_EMUL_DONE)
		return status;
	memcpy(new, old, sizeof(new));
	memcpy(&low, old, half);
	memcpy(&high, old + half, half);
	if (low == (e->gpr[SLAT_RAX] & mask) &&
	    high == (e->gpr[SLAT_RDX] & mask)) {
		e->next_rflags |= SLAT_FLAG_ZF;
		memcpy(new, &e->gpr[SLAT_RBX], half);
		memcpy(new + half, &e->gpr[SLAT_RCX], half);
	} else {
		e->next_rflags &= ~SLAT_FLAG_ZF;
		slat_machine_set_gpr(e, SLAT_RAX, half, low);
		slat_machine_set_gpr(e, SLAT_RDX, half, high);
	}
	return slat_machine_write(e, linear, 2 * half, new,
				  e->insn.lock ? old : NULL);
}

enum slat_emul_status slat_exec(struct slat_emul *e)
{
	unsigned int op = e->insn.op;

	/* First, because a switch is a search, and these are most of all. */
	if (op >= SLAT_OP_MOV && op <= SLAT_OP_CMOV)
		return exec_move(e);
	switch (op) {
	case SLAT_OP_XLAT:
		return exec_move(e);
	case SLAT_OP_ADD ... SLAT_OP_NEG:
	case SLAT_OP_SHLD:
	case SLAT_OP_SHRD:
	case SLAT_OP_BT ... SLAT_OP_BTC:
		return exec_modify(e);
	case SLAT_OP_SETCC:
		return exec_setcc(e);
	case SLAT_OP_MUL:
	case SLAT_OP_IMUL1:
	case SLAT_OP_IMUL:
		return exec_multiply(e);
	case SLAT_OP_DIV:
	case SLAT_OP_IDIV:
		return exec_divide(e);
	case SLAT_OP_BSF:
	case SLAT_OP_BSR:
		return exec_scan(e);
	case SLAT_OP_XCHG:
	case SLAT_OP_XADD:
		return exec_exchange(e);
	case SLAT_OP_CMPXCHG:
		return exec_cmpxchg(e);
	case SLAT_OP_CMPXCHG8B:
		return exec_cmpxchg8b(e);
	case SLAT_OP_PUSH ... SLAT_OP_RET:
		return slat_exec_stack(e);
	case SLAT_OP_CALLF ... SLAT_OP_IRET:
		return slat_exec_far(e);
	case SLAT_OP_MOVS ... SLAT_OP_SCAS:
	case SLAT_OP_INS:
	case SLAT_OP_OUTS:
		return slat_exec_string(e);
	case SLAT_OP_IN:
	case SLAT_OP_OUT:
		return slat_exec_io(e);
	case SLAT_OP_SSEMOV:
	case SLAT_OP_SSEMOVZ:
	case SLAT_OP_VEXMOV:
	case SLAT_OP_MMXMOV:
		return slat_exec_sse(e);
	case SLAT_OP_LSEG ... SLAT_OP_FNSTSW:
		return slat_exec_system(e);
	case SLAT_OP_NOP:
		return SLAT_EMUL_DONE;
	default:
		return SLAT_EMUL_UNHANDLED;
	}
}
