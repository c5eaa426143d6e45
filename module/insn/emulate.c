// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine: start an instruction, stop where user space must answer,
 * continue, commit. exec.c and string.c run between "begin" and "commit" and
 * change nothing themselves, but for the descriptors that segments.c marks. Called
 * by the vCPU's glue on the vCPU's thread; expects no lock.
 */
#include "emulate.h"
#include "machine.h"

static void machine_reset(struct slat_emul *e)
{
	e->state = STATE_IDLE;
	e->again = false;
	e->pio_answered = false;
	e->iterations = 0;
	e->read_len = 0;
	e->read_device = false;
	e->nr_xlats = 0;
	e->nr_writes = 0;
	e->pio_pos = 0;
	e->pio_end = 0;
	e->fetched = 0;
}

/* The segment's limit: the code may be longer than what the processor fetched. */
static enum slat_emul_status fetch_check(struct slat_emul *e)
{
	if (e->mode == SLAT_MODE_LONG || !e->ops->seg_check)
		return SLAT_EMUL_DONE;
	return slat_machine_errno(e->ops->seg_check(e->ctx, SLAT_SEG_CS, e->rip, e->insn.len,
						    SLAT_ACC_FETCH));
}

/* The last instruction again, as a loop over a device register has it? */
static bool is_decoded(const struct slat_emul *e, const u8 *bytes,
		       unsigned int nr)
{
	return e->decoded && e->insn.mode == e->mode && e->insn.len <= nr &&
	       !memcmp(e->insn.bytes, bytes, e->insn.len);
}

/* Bytes are taken once, page by page, and only as many pages as needed. */
static enum slat_emul_status fetch_decode(struct slat_emul *e)
{
	u8 bytes[SLAT_INSN_MAX_LEN] = { 0 };
	u64 base = 0;
	unsigned int nr = 0;
	unsigned int room;
	u64 linear;
	int ret;

	if (e->mode != SLAT_MODE_LONG)
		base = e->ops->seg_base(e->ctx, SLAT_SEG_CS);
	do {
		linear = base + e->rip + nr;
		if (e->mode != SLAT_MODE_LONG)
			linear = (u32)linear;
		room = SLAT_INSN_PAGE_SIZE - (linear & ~SLAT_INSN_PAGE_MASK);
		if (room > SLAT_INSN_MAX_LEN - nr)
			room = SLAT_INSN_MAX_LEN - nr;
		ret = e->ops->fetch(e->ctx, linear, bytes + nr, room);
		if (ret <= 0 || (unsigned int)ret > room)
			return slat_machine_errno(ret < 0 ? ret : -EIO);
		nr += ret;
		e->fetched = nr;
		if (is_decoded(e, bytes, nr)) {
			memcpy(e->insn.bytes, bytes, sizeof(bytes));
			return fetch_check(e);
		}
		ret = slat_insn_decode(&e->insn, bytes, nr, e->mode);
		e->decoded = !ret;
	} while (ret == -ENODATA);

	if (ret == -E2BIG)
		return slat_machine_raise(e, SLAT_VEC_GP);
	if (ret == -EINVAL)
		return slat_machine_raise(e, SLAT_VEC_UD);
	return ret ? slat_machine_errno(ret) : fetch_check(e);
}

static void begin(struct slat_emul *e)
{
	e->read_pos = 0;
	e->nr_reg_writes = 0;
	e->nr_writes = 0;
	e->write_pos = 0;
	e->effect = EFFECT_NONE;
	e->again = false;
	e->mem_valid = false;
	e->next_rip = e->rip + e->insn.len;
	if (e->mode != SLAT_MODE_LONG)
		e->next_rip = (u32)e->next_rip;
	e->next_rflags = e->rflags & ~SLAT_FLAG_RF;
	e->next_pio_pos = e->pio_pos;
}

/* Write what goes to RAM; mark what goes to a device. */
static enum slat_emul_status write_ram(struct slat_emul *e)
{
	bool written = false;
	unsigned int i;
	int ret;

	for (i = 0; i < e->nr_writes; i++) {
		struct slat_emul_write *w = &e->write[i];

		if (w->atomic)
			ret = e->ops->cmpxchg_gpa(e->ctx, w->gpa, e->old,
						  w->data, w->len);
		else
			ret = e->ops->write_gpa(e->ctx, w->gpa, w->data, w->len);
		w->mmio = ret == -ENXIO;
		if (ret && !w->mmio)
			return written ? SLAT_EMUL_UNHANDLED :
					 slat_machine_errno(ret);
		written |= !ret;
	}
	return SLAT_EMUL_DONE;
}

static void commit_effect(struct slat_emul *e)
{
	switch (e->effect) {
	case EFFECT_XMM:
		e->ops->write_xmm(e->ctx, e->vector_reg, e->vector_value);
		break;
	case EFFECT_YMM:
		e->ops->write_ymm(e->ctx, e->vector_reg, e->vector_value);
		break;
	case EFFECT_MMX:
		e->ops->write_mmx(e->ctx, e->vector_reg, e->vector_value);
		break;
	case EFFECT_MMX_STATE:
		e->ops->write_mmx(e->ctx, e->vector_reg, NULL);
		break;
	default:
		slat_system_commit(e);
		break;
	}
}

static void commit(struct slat_emul *e)
{
	unsigned int i;

	for (i = 0; i < e->nr_reg_writes; i++)
		e->gpr[e->reg_write[i]] = e->reg_value[i];
	e->committed = SLAT_COMMITTED;
	e->rip = e->next_rip;
	e->rflags = e->next_rflags;
	e->pio_pos = e->next_pio_pos;
	if (e->effect != EFFECT_NONE)
		commit_effect(e);
}

/* Hand out the next fragment of a device write, if any is left. */
static enum slat_emul_status write_mmio(struct slat_emul *e)
{
	struct slat_emul_write *w;
	unsigned int n;
	u64 value;

	for (; e->write_pos < e->nr_writes; e->write_pos++) {
		w = &e->write[e->write_pos];
		if (!w->mmio || w->done == w->len)
			continue;
		n = w->len - w->done;
		if (n > sizeof(e->mmio.data))
			n = sizeof(e->mmio.data);
		e->mmio.gpa = w->gpa + w->done;
		e->mmio.len = n;
		e->mmio.is_write = true;
		/* Whole words: done is a multiple of 8, data has room for it. */
		memcpy(&value, w->data + w->done, sizeof(value));
		value &= ~0ull >> (64 - 8 * n);
		memcpy(e->mmio.data, &value, sizeof(value));
		w->done += n;
		e->state = STATE_MMIO_WRITE;
		return SLAT_EMUL_MMIO;
	}
	return SLAT_EMUL_DONE;
}

/* May a string instruction go on with its next iteration right away? */
static bool may_iterate(struct slat_emul *e)
{
	e->read_len = 0;
	e->read_device = false;
	e->pio_answered = false;
	e->gpa_hint_valid = false;
	if (!e->again)
		return false;
	e->iterations++;
	/* Data already taken from a port must reach memory. */
	if (e->pio_pos < e->pio_end)
		return true;
	if (e->step)
		return false;
	if (e->iterations >= SLAT_EMUL_MAX_ITER)
		return false;
	return !e->ops->stop || !e->ops->stop(e->ctx);
}

/* One attempt at the instruction, up to its commit. */
static enum slat_emul_status attempt(struct slat_emul *e)
{
	enum slat_emul_status status;

	begin(e);
	status = slat_exec(e);
	if (status != SLAT_EMUL_DONE)
		return status;
	status = write_ram(e);
	if (status != SLAT_EMUL_DONE)
		return status;
	commit(e);
	return write_mmio(e);
}

static enum slat_emul_status machine_loop(struct slat_emul *e)
{
	enum slat_emul_status status;

	do {
		status = attempt(e);
		if (status != SLAT_EMUL_DONE)
			return status;
		if (e->state == STATE_PIO_OUTS)
			return SLAT_EMUL_PIO;
	} while (may_iterate(e));
	return SLAT_EMUL_DONE;
}

enum slat_emul_status slat_emul_run(struct slat_emul *e)
{
	enum slat_emul_status status;

	machine_reset(e);
	status = fetch_decode(e);
	if (status != SLAT_EMUL_DONE)
		return status;
	return machine_loop(e);
}

enum slat_emul_status slat_emul_complete_mmio(struct slat_emul *e,
					      const u8 *data)
{
	enum slat_emul_status status;

	if (e->state == STATE_MMIO_READ) {
		e->state = STATE_IDLE;
		memcpy(e->read_log + e->read_len, data, e->mmio.len);
		e->read_len += e->mmio.len;
		e->read_device = true;
		return machine_loop(e);
	}
	if (e->state != STATE_MMIO_WRITE)
		return SLAT_EMUL_UNHANDLED;

	e->state = STATE_IDLE;
	status = write_mmio(e);
	if (status != SLAT_EMUL_DONE)
		return status;
	return may_iterate(e) ? machine_loop(e) : SLAT_EMUL_DONE;
}

enum slat_emul_status slat_emul_complete_pio(struct slat_emul *e,
					     const u8 *data)
{
	if (e->state == STATE_PIO) {
		e->state = STATE_IDLE;
		e->pio_answered = true;
		if (e->pio.is_in) {
			e->pio_pos = 0;
			e->pio_end = e->pio.size * e->pio.count;
			memcpy(e->pio.data, data, e->pio_end);
		}
		return machine_loop(e);
	}
	if (e->state != STATE_PIO_OUTS)
		return SLAT_EMUL_UNHANDLED;
	e->state = STATE_IDLE;
	return may_iterate(e) ? machine_loop(e) : SLAT_EMUL_DONE;
}

bool slat_emul_has_answer(const struct slat_emul *e)
{
	return e->state == STATE_IDLE && (e->read_device || e->pio_pos < e->pio_end);
}

enum slat_emul_status slat_emul_resume(struct slat_emul *e)
{
	return slat_emul_has_answer(e) ? machine_loop(e) : SLAT_EMUL_UNHANDLED;
}

bool slat_emul_is_last(const struct slat_emul *e)
{
	unsigned int i;

	if (e->state != STATE_MMIO_WRITE || e->again)
		return false;
	for (i = e->write_pos; i < e->nr_writes; i++)
		if (e->write[i].mmio && e->write[i].done < e->write[i].len)
			return false;
	return true;
}

u32 slat_emul_depends_on(const struct slat_emul *e)
{
	if (e->state == STATE_MMIO_WRITE || e->state == STATE_PIO_OUTS)
		return 0;
	return slat_insn_address_registers(&e->insn);
}

bool slat_emul_pending(const struct slat_emul *e)
{
	return e->state != STATE_IDLE;
}

void slat_emul_cancel(struct slat_emul *e)
{
	machine_reset(e);
}
