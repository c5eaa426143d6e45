// SPDX-License-Identifier: GPL-2.0
/*
 * MMX, SSE and AVX moves of 4 to 32 bytes between memory, general registers and
 * vector registers. Called by exec.c; changes nothing itself, expects no lock.
 */
#include "machine.h"

/* All that the instruction may see of a register: 16 bytes, or 32 with VEX. */
static void read_vector(struct slat_emul *e, unsigned int reg, u8 *buf)
{
	if (e->insn.op == SLAT_OP_VEXMOV)
		e->ops->read_ymm(e->ctx, reg, buf);
	else
		e->ops->read_xmm(e->ctx, reg, buf);
}

static enum slat_emul_status sse_read(struct slat_emul *e,
				      const struct slat_operand *opnd, u8 *buf)
{
	enum slat_emul_status status;
	u64 linear;

	switch (opnd->type) {
	case SLAT_OPND_XMM:
		read_vector(e, opnd->reg, buf);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_XMM_HIGH:
		read_vector(e, opnd->reg, buf);
		memcpy(buf, buf + 8, 8);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_MMX:
		e->ops->read_mmx(e->ctx, opnd->reg, buf);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_REG:
		memcpy(buf, &e->gpr[opnd->reg], 8);
		return SLAT_EMUL_DONE;
	default:
		status = slat_exec_mem(e, opnd->size, SLAT_ACC_READ, &linear);
		if (status != SLAT_EMUL_DONE)
			return status;
		return slat_machine_read(e, linear, opnd->size, SLAT_ACC_READ,
					 buf);
	}
}

static void sse_write_xmm(struct slat_emul *e, const struct slat_operand *opnd,
			  const u8 *buf)
{
	if (e->insn.op != SLAT_OP_SSEMOV)
		memset(e->vector_value, 0, sizeof(e->vector_value));
	else
		e->ops->read_xmm(e->ctx, opnd->reg, e->vector_value);
	memcpy(e->vector_value + (opnd->type == SLAT_OPND_XMM_HIGH ? 8 : 0), buf,
	       opnd->size);
	e->vector_reg = opnd->reg;
	e->effect = e->insn.op == SLAT_OP_VEXMOV ? EFFECT_YMM : EFFECT_XMM;
}

/* Four bytes clear the other four. */
static void sse_write_mmx(struct slat_emul *e, const struct slat_operand *opnd,
			  const u8 *buf)
{
	memset(e->vector_value, 0, 8);
	memcpy(e->vector_value, buf, opnd->size);
	e->vector_reg = opnd->reg;
	e->effect = EFFECT_MMX;
}

/* Does the glue have what this instruction needs? */
static bool sse_is_possible(const struct slat_emul *e)
{
	switch (e->insn.op) {
	case SLAT_OP_MMXMOV:
		return e->ops->read_mmx && e->ops->write_mmx;
	case SLAT_OP_VEXMOV:
		return e->ops->read_ymm && e->ops->write_ymm;
	default:
		return e->ops->read_xmm && e->ops->write_xmm;
	}
}

/* And has the guest the right to use it? */
static enum slat_emul_status sse_check(struct slat_emul *e)
{
	enum slat_registers registers = SLAT_REGISTERS_XMM;

	if (!e->ops->check_registers)
		return SLAT_EMUL_DONE;
	if (e->insn.op == SLAT_OP_MMXMOV)
		registers = SLAT_REGISTERS_MMX;
	else if (e->insn.op == SLAT_OP_VEXMOV)
		registers = SLAT_REGISTERS_YMM;
	return slat_machine_errno(e->ops->check_registers(e->ctx, registers));
}

enum slat_emul_status slat_exec_sse(struct slat_emul *e)
{
	const struct slat_operand *dst = &e->insn.dst;
	enum slat_emul_status status;
	u8 buf[SLAT_EMUL_MAX_DATA] = { 0 };
	u64 value, linear;

	if (!sse_is_possible(e))
		return SLAT_EMUL_UNHANDLED;
	status = sse_check(e);
	if (status != SLAT_EMUL_DONE)
		return status;
	/* Every MMX instruction turns the x87 registers into MMX registers. */
	if (e->insn.op == SLAT_OP_MMXMOV)
		e->effect = EFFECT_MMX_STATE;
	status = sse_read(e, &e->insn.src, buf);
	if (status != SLAT_EMUL_DONE)
		return status;
	switch (dst->type) {
	case SLAT_OPND_XMM:
	case SLAT_OPND_XMM_HIGH:
		sse_write_xmm(e, dst, buf);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_MMX:
		sse_write_mmx(e, dst, buf);
		return SLAT_EMUL_DONE;
	case SLAT_OPND_REG:
		memcpy(&value, buf, sizeof(value));
		return slat_exec_write(e, dst, value, NULL);
	default:
		status = slat_exec_mem(e, dst->size, SLAT_ACC_WRITE, &linear);
		if (status != SLAT_EMUL_DONE)
			return status;
		return slat_machine_write(e, linear, dst->size, buf, NULL);
	}
}
