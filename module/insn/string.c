// SPDX-License-Identifier: GPL-2.0
/*
 * String instructions and port access. One call of slat_exec_string() is one
 * iteration; e->again asks emulate.c for the next one after the commit. Ports
 * are read ahead for REP INS and written in batches for REP OUTS, as far as
 * a page of memory and SLAT_EMUL_PIO_DATA allow. Expects no lock.
 */
#include "alu.h"
#include "machine.h"

static bool is_compare(const struct slat_insn *insn)
{
	return insn->op == SLAT_OP_CMPS || insn->op == SLAT_OP_SCAS;
}

static u64 string_address(const struct slat_emul *e, unsigned int reg)
{
	return e->gpr[reg] & slat_alu_mask(e->insn.asize);
}

/* Move an index register @count elements on, in the direction of DF. */
static void string_advance(struct slat_emul *e, unsigned int reg,
			   unsigned int size, unsigned int count)
{
	u64 step = (u64)size * count;

	if (e->rflags & SLAT_FLAG_DF)
		step = -step;
	slat_machine_set_gpr(e, reg, e->insn.asize, e->gpr[reg] + step);
}

static enum slat_emul_status string_linear(struct slat_emul *e,
					   const struct slat_operand *opnd,
					   unsigned int access, u64 *linear)
{
	bool source = opnd->type == SLAT_OPND_STR_SRC;

	return slat_machine_linear(e, source ? e->insn.seg : SLAT_SEG_ES,
				   string_address(e, source ? SLAT_RSI :
							      SLAT_RDI),
				   opnd->size, access, linear);
}

/* Read a string operand, or rAX. */
static enum slat_emul_status string_read(struct slat_emul *e,
					 const struct slat_operand *opnd,
					 u64 *value)
{
	enum slat_emul_status status;
	u64 linear;

	*value = 0;
	if (opnd->type == SLAT_OPND_REG)
		return slat_exec_read(e, opnd, SLAT_ACC_READ, value);
	if (slat_machine_replay(e, opnd->size, value))
		return SLAT_EMUL_DONE;
	status = string_linear(e, opnd, SLAT_ACC_READ, &linear);
	if (status != SLAT_EMUL_DONE)
		return status;
	return slat_machine_read(e, linear, opnd->size, SLAT_ACC_READ, value);
}

static enum slat_emul_status string_write(struct slat_emul *e,
					  const struct slat_operand *opnd,
					  u64 value)
{
	enum slat_emul_status status;
	u64 linear;

	if (opnd->type == SLAT_OPND_REG)
		return slat_exec_write(e, opnd, value, NULL);
	status = string_linear(e, opnd, SLAT_ACC_WRITE, &linear);
	if (status != SLAT_EMUL_DONE)
		return status;
	return slat_machine_write(e, linear, opnd->size, &value, NULL);
}

static enum slat_emul_status string_move(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	enum slat_emul_status status;
	u64 value, unused;

	/* A destination that faults must do so before a device is read. */
	if (insn->dst.type == SLAT_OPND_STR_DST &&
	    insn->src.type == SLAT_OPND_STR_SRC) {
		status = string_linear(e, &insn->dst, SLAT_ACC_WRITE, &unused);
		if (status == SLAT_EMUL_DONE)
			status = slat_machine_probe(e, unused, insn->dst.size,
						    SLAT_ACC_WRITE);
		if (status != SLAT_EMUL_DONE)
			return status;
	}
	status = string_read(e, &insn->src, &value);
	if (status != SLAT_EMUL_DONE)
		return status;
	return string_write(e, &insn->dst, value);
}

/* CMPS compares [rSI] with [rDI], SCAS rAX with [rDI]. */
static enum slat_emul_status string_compare(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	enum slat_emul_status status;
	u64 a, b;

	status = string_read(e, &insn->src, &a);
	if (status == SLAT_EMUL_DONE)
		status = string_read(e, &insn->dst, &b);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_alu_binary(SLAT_OP_CMP, insn->dst.size, a, b, &e->next_rflags);
	return SLAT_EMUL_DONE;
}

/* Elements that fit the rest of the page, the buffer and the count. */
static unsigned int port_batch(const struct slat_emul *e, u64 linear,
			       unsigned int size, u64 count)
{
	unsigned int offset = linear & ~SLAT_INSN_PAGE_MASK;
	unsigned int room;
	u64 nr;

	if (e->step)
		return 1;
	/* Downwards: the element here and those below it. */
	room = e->rflags & SLAT_FLAG_DF ? offset + size :
					  SLAT_INSN_PAGE_SIZE - offset;
	if (room > SLAT_EMUL_PIO_DATA)
		room = SLAT_EMUL_PIO_DATA;
	nr = room / size;
	if (nr > count)
		nr = count;
	return nr ? nr : 1;
}

static enum slat_emul_status port_check(struct slat_emul *e, u16 port,
					unsigned int size)
{
	if (!e->ops->check_io)
		return SLAT_EMUL_DONE;
	return slat_machine_errno(e->ops->check_io(e->ctx, port, size));
}

static enum slat_emul_status port_exit(struct slat_emul *e, u16 port,
				       unsigned int size, bool is_in,
				       unsigned int count)
{
	e->pio.port = port;
	e->pio.size = size;
	e->pio.is_in = is_in;
	e->pio.count = count;
	e->state = STATE_PIO;
	return SLAT_EMUL_PIO;
}

/*
 * What a port has given, to RAM in one piece: as far as it lies upwards in one
 * page, inside the segment, and RCX still allows it. Returns how many elements
 * went so; 0 sends the next one by itself, to a device or to its fault.
 */
static unsigned int string_in_block(struct slat_emul *e, u64 linear, u64 count)
{
	unsigned int size = e->insn.dst.size;
	unsigned int given = (e->pio_end - e->pio_pos) / size;
	unsigned int nr = port_batch(e, linear, size, count);
	u64 offset = string_address(e, SLAT_RDI);
	u64 gpa;

	if (nr > given)
		nr = given;
	if (nr < 2 || e->rflags & SLAT_FLAG_DF ||
	    nr * size - 1 > slat_alu_mask(e->insn.asize) - offset)
		return 0;
	if (slat_machine_linear(e, SLAT_SEG_ES, offset, nr * size, SLAT_ACC_WRITE,
				&linear) != SLAT_EMUL_DONE ||
	    slat_machine_gpa(e, linear, SLAT_ACC_WRITE, nr * size, &gpa) != SLAT_EMUL_DONE ||
	    e->ops->write_gpa(e->ctx, gpa, e->pio.data + e->pio_pos, nr * size))
		return 0;
	e->next_pio_pos += nr * size;
	return nr;
}

/* From the read-ahead to memory; an empty one is filled first. */
static enum slat_emul_status string_in(struct slat_emul *e, u64 count, unsigned int *nr)
{
	const struct slat_operand *dst = &e->insn.dst;
	u16 port = e->gpr[SLAT_RDX];
	enum slat_emul_status status;
	u64 linear;
	u64 value = 0;

	status = string_linear(e, dst, SLAT_ACC_WRITE, &linear);
	if (status == SLAT_EMUL_DONE)
		status = slat_machine_probe(e, linear, dst->size,
					    SLAT_ACC_WRITE);
	if (status != SLAT_EMUL_DONE)
		return status;
	if (e->pio_pos == e->pio_end) {
		status = port_check(e, port, dst->size);
		if (status != SLAT_EMUL_DONE)
			return status;
		return port_exit(e, port, dst->size, true,
				 port_batch(e, linear, dst->size, count));
	}
	*nr = string_in_block(e, linear, count);
	if (*nr)
		return SLAT_EMUL_DONE;
	*nr = 1;
	memcpy(&value, e->pio.data + e->pio_pos, dst->size);
	e->next_pio_pos += dst->size;
	return slat_machine_write(e, linear, dst->size, &value, NULL);
}

/*
 * Collect what OUTS sends from RAM, element by element; a device gives one.
 * The batch lies in one page, upwards or downwards.
 */
static enum slat_emul_status string_out(struct slat_emul *e, u64 count,
					unsigned int *nr)
{
	const struct slat_operand *src = &e->insn.src;
	unsigned int size = src->size;
	u16 port = e->gpr[SLAT_RDX];
	enum slat_emul_status status;
	unsigned int batch, i;
	u64 linear, value, gpa;

	status = port_check(e, port, size);
	if (status == SLAT_EMUL_DONE)
		status = string_linear(e, src, SLAT_ACC_READ, &linear);
	if (status == SLAT_EMUL_DONE)
		status = slat_machine_read(e, linear, size, SLAT_ACC_READ,
					   &value);
	if (status != SLAT_EMUL_DONE)
		return status;
	memcpy(e->pio.data, &value, size);
	*nr = 1;
	batch = port_batch(e, linear, size, count);
	/* Outside 64-bit mode each element has its own limit check. */
	if (e->mode != SLAT_MODE_LONG || e->single_outs)
		batch = 1;
	status = slat_machine_gpa(e, linear, SLAT_ACC_READ, size, &gpa);
	for (i = 1; i < batch && status == SLAT_EMUL_DONE; i++) {
		gpa += e->rflags & SLAT_FLAG_DF ? -(u64)size : size;
		if (e->ops->read_gpa(e->ctx, gpa, e->pio.data + i * size, size))
			break;
		*nr = i + 1;
	}
	port_exit(e, port, size, false, *nr);
	e->state = STATE_PIO_OUTS;
	return SLAT_EMUL_DONE;
}

static enum slat_emul_status string_one(struct slat_emul *e, u64 count,
					unsigned int *nr)
{
	*nr = 1;
	switch (e->insn.op) {
	case SLAT_OP_CMPS:
	case SLAT_OP_SCAS:
		return string_compare(e);
	case SLAT_OP_INS:
		return string_in(e, count, nr);
	case SLAT_OP_OUTS:
		return string_out(e, count, nr);
	default:
		return string_move(e);
	}
}

/* Is this the last iteration? Decides whether RIP moves on. */
static void string_repeat(struct slat_emul *e, u64 left)
{
	const struct slat_insn *insn = &e->insn;
	bool equal = e->next_rflags & SLAT_FLAG_ZF;

	slat_machine_set_gpr(e, SLAT_RCX, insn->asize, left);
	if (!left || (is_compare(insn) && equal != (insn->rep == 0xf3)))
		return;
	e->again = true;
	e->next_rip = e->rip;
}

/*
 * Nothing to repeat. Intel processors cut the registers that a 32-bit count
 * and 32-bit addresses use, all the same: rCX always, the index registers in
 * STOS and MOVS.
 */
static enum slat_emul_status string_nothing(struct slat_emul *e)
{
	if (e->insn.asize != 4)
		return SLAT_EMUL_DONE;
	slat_machine_set_gpr(e, SLAT_RCX, 4, 0);
	if (e->insn.op == SLAT_OP_MOVS)
		slat_machine_set_gpr(e, SLAT_RSI, 4, e->gpr[SLAT_RSI]);
	if (e->insn.op == SLAT_OP_MOVS || e->insn.op == SLAT_OP_STOS)
		slat_machine_set_gpr(e, SLAT_RDI, 4, e->gpr[SLAT_RDI]);
	return SLAT_EMUL_DONE;
}

enum slat_emul_status slat_exec_string(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	u64 count = insn->rep ? string_address(e, SLAT_RCX) : 1;
	enum slat_emul_status status;
	unsigned int nr;

	if (!count)
		return string_nothing(e);
	status = string_one(e, count, &nr);
	if (status != SLAT_EMUL_DONE)
		return status;
	if (insn->src.type == SLAT_OPND_STR_SRC)
		string_advance(e, SLAT_RSI, insn->src.size, nr);
	if (insn->dst.type == SLAT_OPND_STR_DST)
		string_advance(e, SLAT_RDI, insn->dst.size, nr);
	if (insn->rep)
		string_repeat(e, count - nr);
	return SLAT_EMUL_DONE;
}

/* IN and OUT: RIP and rAX stay until user space has answered. */
enum slat_emul_status slat_exec_io(struct slat_emul *e)
{
	const struct slat_insn *insn = &e->insn;
	bool is_in = insn->op == SLAT_OP_IN;
	const struct slat_operand *data = is_in ? &insn->dst : &insn->src;
	const struct slat_operand *where = is_in ? &insn->src : &insn->dst;
	enum slat_emul_status status;
	u64 value = 0;
	u16 port;

	port = where->type == SLAT_OPND_IMM ? insn->imm & 0xff :
					      e->gpr[SLAT_RDX];
	if (!e->pio_answered) {
		status = port_check(e, port, data->size);
		if (status != SLAT_EMUL_DONE)
			return status;
		memcpy(e->pio.data, &e->gpr[SLAT_RAX], data->size);
		return port_exit(e, port, data->size, is_in, 1);
	}
	if (!is_in)
		return SLAT_EMUL_DONE;
	memcpy(&value, e->pio.data, data->size);
	e->next_pio_pos = e->pio_end;
	return slat_exec_write(e, data, value, NULL);
}
