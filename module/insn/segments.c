// SPDX-License-Identifier: GPL-2.0
/*
 * Loading segment registers: the descriptor is read from the GDT or the LDT, checked, and
 * marked as accessed, and the load is queued. Called by exec.c, system.c and far.c, when the
 * instruction has all its data; expects no lock.
 *
 * The mark is the one thing that is written before the instruction commits, as processors do
 * it. An instruction that is begun again finds it there; the guest cannot tell.
 */
#include "machine.h"

static enum slat_emul_status raise_selector(struct slat_emul *e, u8 vector, u16 selector)
{
	enum slat_emul_status status = slat_machine_raise(e, vector);

	e->exception.error_code = selector & ~3;
	return status;
}

/* The descriptor's bytes; @len is 16 for those that have a base of 64 bits. */
static enum slat_emul_status descriptor_read(struct slat_emul *e,
					     const struct slat_system_state *state,
					     u16 selector, void *buf, unsigned int len)
{
	const struct slat_system_table *table = selector & 4 ? &state->ldt : &state->gdt;
	u32 offset = selector & ~7;
	u64 linear = table->base + offset;

	if (!table->usable || offset + len - 1 > table->limit)
		return raise_selector(e, SLAT_VEC_GP, selector);
	if (!state->lma)
		linear = (u32)linear;
	e->load.linear = linear;
	return slat_machine_errno(e->ops->system->read(e->ctx, linear, buf, len));
}

/* Bits of the second half of a system descriptor that would make another one of it. */
#define HIGH_TYPE	(0x1full << 40)

static enum slat_emul_status descriptor_load(struct slat_emul *e, const struct slat_load *load,
					     const struct slat_system_state *state)
{
	bool is_system = load->seg >= SLAT_SEG_LDTR;
	bool wide = is_system && load->long_mode;
	struct slat_descriptor *desc = &e->load.desc;
	enum slat_emul_status status;
	u64 raw[2] = { 0 };
	u8 vector;

	if (is_system && load->selector & 4)
		return raise_selector(e, SLAT_VEC_GP, load->selector);
	status = descriptor_read(e, state, load->selector, raw, wide ? 16 : 8);
	if (status != SLAT_EMUL_DONE)
		return status;
	slat_descriptor_decode(raw[0], raw[1], desc);
	if (slat_descriptor_is_gate(load, desc))
		return SLAT_EMUL_UNHANDLED;
	vector = slat_descriptor_check(load, desc);
	if (!vector && (raw[1] & HIGH_TYPE || (wide && !slat_machine_is_canonical(desc->base))))
		vector = SLAT_VEC_GP;
	if (vector)
		return raise_selector(e, vector, load->selector);
	e->load.type_byte = raw[0] >> (8 * SLAT_DESCRIPTOR_TYPE_BYTE);
	e->load.in_table = true;
	return SLAT_EMUL_DONE;
}

/* A null selector leaves a register that nothing can be reached through. */
static enum slat_emul_status null_load(struct slat_emul *e, const struct slat_load *load)
{
	if (!slat_descriptor_null_ok(load))
		return slat_machine_raise(e, SLAT_VEC_GP);
	/* The level of the stack segment is the CPL, whatever else there is of it. */
	e->load.desc = (struct slat_descriptor) {
		.dpl = load->seg == SLAT_SEG_SS ? load->cpl : 0,
	};
	return SLAT_EMUL_DONE;
}

/*
 * Real mode changes the base alone, so that a limit of protected mode stays. In virtual-8086
 * mode all segments are alike.
 */
static void flat_load(struct slat_emul *e, enum slat_seg seg, u16 selector)
{
	bool real = e->mode == SLAT_MODE_REAL;
	struct slat_descriptor *desc = &e->load.desc;

	if (real)
		e->ops->system->get_segment(e->ctx, seg, desc);
	if (!real || !desc->present)
		*desc = (struct slat_descriptor) {
			.limit = 0xffff,
			.type = SLAT_TYPE_WRITABLE | SLAT_TYPE_ACCESSED,
			.s = true,
			.present = true,
			.dpl = real ? 0 : 3,
		};
	desc->base = selector << 4;
}

static enum slat_emul_status load_queue(struct slat_emul *e, enum slat_seg seg, u16 selector,
					enum slat_load_why why)
{
	struct slat_load load = {
		.seg = seg,
		.why = why,
		.selector = selector,
		.cpl = e->cpl,
		.long_mode = e->mode == SLAT_MODE_LONG,
	};
	struct slat_system_state state;
	enum slat_emul_status status;

	if (!e->ops->system)
		return SLAT_EMUL_UNHANDLED;
	e->load.in_table = false;
	e->load.seg = seg;
	e->load.selector = selector;
	e->effect = EFFECT_SEGMENT;
	if (e->mode == SLAT_MODE_REAL || e->mode == SLAT_MODE_VM86) {
		flat_load(e, seg, selector);
		return SLAT_EMUL_DONE;
	}
	if (slat_selector_is_null(selector))
		return null_load(e, &load);
	e->ops->system->state(e->ctx, &state);
	load.lma = state.lma;
	status = descriptor_load(e, &load, &state);
	if (seg == SLAT_SEG_CS)
		e->load.selector = (selector & ~3) | (why == SLAT_LOAD_RETURN ? selector & 3 : e->cpl);
	return status;
}

/*
 * Mark the descriptor that is going to be loaded: accessed, or busy. Last of all, when the
 * instruction has nothing more to be refused for.
 */
enum slat_emul_status slat_segment_mark(struct slat_emul *e)
{
	struct slat_descriptor *desc = &e->load.desc;
	u8 mark = 0, old = e->load.type_byte;

	if (!e->load.in_table || e->load.seg == SLAT_SEG_LDTR)
		return SLAT_EMUL_DONE;
	mark = desc->s ? SLAT_TYPE_ACCESSED : SLAT_TYPE_TSS_BUSY;
	desc->type |= mark;
	if (old & mark)
		return SLAT_EMUL_DONE;
	return slat_machine_errno(e->ops->system->cmpxchg(e->ctx, e->load.linear +
							  SLAT_DESCRIPTOR_TYPE_BYTE,
							  old, old | mark));
}

/* Queue the load of a data or stack segment, of LDTR or TR. */
enum slat_emul_status slat_segment_load(struct slat_emul *e, enum slat_seg seg, u16 selector)
{
	enum slat_emul_status status = load_queue(e, seg, selector, SLAT_LOAD_DATA);

	return status == SLAT_EMUL_DONE ? slat_segment_mark(e) : status;
}

/* Queue the load of CS; the caller goes on to check, and marks it. */
enum slat_emul_status slat_segment_load_code(struct slat_emul *e, u16 selector,
					     enum slat_load_why why)
{
	return load_queue(e, SLAT_SEG_CS, selector, why);
}
