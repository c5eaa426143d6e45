// SPDX-License-Identifier: GPL-2.0
/*
 * What an executing instruction sees of the machine: registers, segments,
 * linear memory. Reads are logged so that a restarted instruction finds the
 * same data; writes are queued for emulate.c. Called by exec.c and string.c;
 * expects no lock.
 */
#include "alu.h"
#include "machine.h"

/* What a callback's errno means for the instruction. */
enum slat_emul_status slat_machine_errno(int ret)
{
	switch (ret) {
	case 0:
		return SLAT_EMUL_DONE;
	case -EFAULT:
		return SLAT_EMUL_EXCEPTION;
	case -EAGAIN:
		return SLAT_EMUL_RETRY;
	default:
		return SLAT_EMUL_UNHANDLED;
	}
}

enum slat_emul_status slat_machine_raise(struct slat_emul *e, u8 vector)
{
	e->exception = (struct slat_exception) {
		.vector = vector,
		.has_error = vector >= SLAT_VEC_NP && vector != SLAT_VEC_MF &&
			     e->mode != SLAT_MODE_REAL,
	};
	return SLAT_EMUL_EXCEPTION;
}

/* The fault of a bad address: #SS through SS, else #GP. */
enum slat_emul_status slat_machine_gp(struct slat_emul *e, enum slat_seg seg)
{
	return slat_machine_raise(e, seg == SLAT_SEG_SS ? SLAT_VEC_SS :
							  SLAT_VEC_GP);
}

/* A register as this instruction has left it so far. */
u64 slat_machine_gpr(const struct slat_emul *e, unsigned int reg)
{
	unsigned int i;

	for (i = e->nr_reg_writes; i-- > 0;)
		if (e->reg_write[i] == reg)
			return e->reg_value[i];
	return e->gpr[reg];
}

/* Queue a register write; 32 bits clear the upper half, 8 and 16 keep it. */
void slat_machine_set_gpr(struct slat_emul *e, unsigned int reg,
			  unsigned int size, u64 value)
{
	u64 mask = slat_alu_mask(size);

	if (e->nr_reg_writes == SLAT_EMUL_REG_WRITES)
		return;
	value &= mask;
	if (size < 4)
		value |= slat_machine_gpr(e, reg) & ~mask;
	e->reg_write[e->nr_reg_writes] = reg;
	e->reg_value[e->nr_reg_writes] = value;
	e->nr_reg_writes++;
}

bool slat_machine_is_canonical(u64 linear)
{
	return (u64)((s64)(linear << 16) >> 16) == linear;
}

enum slat_emul_status slat_machine_linear(struct slat_emul *e,
					  enum slat_seg seg, u64 offset,
					  unsigned int len, unsigned int access,
					  u64 *linear)
{
	int ret;

	if (e->mode == SLAT_MODE_LONG) {
		*linear = offset;
		if (seg == SLAT_SEG_FS || seg == SLAT_SEG_GS)
			*linear += e->ops->seg_base(e->ctx, seg);
		if (!slat_machine_is_canonical(*linear) ||
		    !slat_machine_is_canonical(*linear + len - 1))
			return slat_machine_gp(e, seg);
		return SLAT_EMUL_DONE;
	}
	if (e->ops->seg_check) {
		ret = e->ops->seg_check(e->ctx, seg, offset, len, access);
		if (ret)
			return slat_machine_errno(ret);
	}
	*linear = (u32)(offset + e->ops->seg_base(e->ctx, seg));
	return SLAT_EMUL_DONE;
}

/* Go on at @target: canonical, or inside CS and as wide as the operand. */
enum slat_emul_status slat_machine_branch(struct slat_emul *e, u64 target)
{
	int ret = 0;

	target &= slat_alu_mask(e->insn.osize);
	if (e->mode == SLAT_MODE_LONG) {
		if (!slat_machine_is_canonical(target))
			return slat_machine_raise(e, SLAT_VEC_GP);
	} else if (e->ops->seg_check) {
		ret = e->ops->seg_check(e->ctx, SLAT_SEG_CS, target, 1,
					SLAT_ACC_FETCH);
	}
	e->next_rip = target;
	return slat_machine_errno(ret);
}

static bool hint_applies(const struct slat_emul *e, u64 linear,
			 unsigned int access, unsigned int len)
{
	unsigned int offset = linear & ~SLAT_INSN_PAGE_MASK;

	if (access & SLAT_ACC_WRITE && !e->gpa_hint_write)
		return false;
	return e->gpa_hint_valid && !e->insn.two_places &&
	       offset == (e->gpa_hint & ~SLAT_INSN_PAGE_MASK) &&
	       offset + len <= SLAT_INSN_PAGE_SIZE;
}

/*
 * Translate through a few remembered pages. They may live as long as TLB
 * entries: another vCPU's shootdown waits until this one is in the guest.
 */
enum slat_emul_status slat_machine_gpa(struct slat_emul *e, u64 linear,
				       unsigned int access, unsigned int len,
				       u64 *gpa)
{
	u64 page = linear & SLAT_INSN_PAGE_MASK;
	struct slat_emul_xlat *x;
	unsigned int i;
	int ret;

	for (i = 0; i < SLAT_EMUL_XLATS && i < e->nr_xlats; i++) {
		x = &e->xlat[i];
		if (x->linear == page && (x->access | access) == x->access) {
			*gpa = x->gpa | (linear & ~SLAT_INSN_PAGE_MASK);
			return SLAT_EMUL_DONE;
		}
	}
	if (hint_applies(e, linear, access, len)) {
		*gpa = e->gpa_hint;
	} else {
		ret = e->ops->translate(e->ctx, linear, access |
					(e->cpl == 3 ? SLAT_ACC_USER : 0), gpa);
		if (ret)
			return slat_machine_errno(ret);
	}
	/* Round robin; the count stays in 4..7 once all are used. */
	x = &e->xlat[e->nr_xlats % SLAT_EMUL_XLATS];
	if (++e->nr_xlats == 2 * SLAT_EMUL_XLATS)
		e->nr_xlats = SLAT_EMUL_XLATS;
	x->linear = page;
	x->gpa = *gpa & SLAT_INSN_PAGE_MASK;
	x->access = access;
	return SLAT_EMUL_DONE;
}

/**
 * struct span - a linear range split at a page boundary
 * @nr: 1 or 2 parts
 * @len: length of each part
 * @gpa: guest physical address of each part
 */
struct span {
	unsigned int nr;
	unsigned int len[2];
	u64 gpa[2];
};

/* Both pages are translated before either is accessed, as processors do. */
static enum slat_emul_status span_translate(struct slat_emul *e,
					    struct span *span, u64 linear,
					    unsigned int len,
					    unsigned int access)
{
	unsigned int room;
	enum slat_emul_status status;

	room = SLAT_INSN_PAGE_SIZE - (linear & ~SLAT_INSN_PAGE_MASK);
	span->nr = len > room ? 2 : 1;
	span->len[0] = len > room ? room : len;
	span->len[1] = len - span->len[0];
	status = slat_machine_gpa(e, linear, access, len, &span->gpa[0]);
	if (status != SLAT_EMUL_DONE || span->nr == 1)
		return status;
	linear += span->len[0];
	if (e->mode != SLAT_MODE_LONG)
		linear = (u32)linear;
	return slat_machine_gpa(e, linear, access, span->len[1], &span->gpa[1]);
}

/*
 * Vector registers have rules of their own. A far pointer is aligned as its offset
 * is, the image of a descriptor table as the base in it, behind the limit.
 */
static bool is_misaligned(const struct slat_emul *e, u64 linear, unsigned int len)
{
	switch (e->insn.op) {
	case SLAT_OP_LSEG:
	case SLAT_OP_CALLF:
	case SLAT_OP_JMPF:
		/* Else it is what CALL pushes. */
		if (len == e->insn.src.size)
			len = e->insn.osize;
		break;
	case SLAT_OP_SGDT:
	case SLAT_OP_SIDT:
		linear += 2;
		len -= 2;
		break;
	}
	return len <= 8 && linear & (len - 1);
}

/* Alignment comes after the pages (SDM, "Priority Among Concurrent Events"). */
static enum slat_emul_status span_find(struct slat_emul *e, struct span *span,
				       u64 linear, unsigned int len,
				       unsigned int access)
{
	enum slat_emul_status status = span_translate(e, span, linear, len, access);

	if (status == SLAT_EMUL_DONE && e->align_check && is_misaligned(e, linear, len))
		return slat_machine_raise(e, SLAT_VEC_AC);
	return status;
}

/* Translate only, so that a fault comes before any device access. */
enum slat_emul_status slat_machine_probe(struct slat_emul *e, u64 linear,
					 unsigned int len, unsigned int access)
{
	struct span span;

	return span_find(e, &span, linear, len, access);
}

/*
 * Data of an operand that an earlier attempt has read whole: its address was
 * found good then and need not be looked at again.
 */
bool slat_machine_replay(struct slat_emul *e, unsigned int len, void *buf)
{
	if ((unsigned int)(e->read_len - e->read_pos) < len)
		return false;
	memcpy(buf, e->read_log + e->read_pos, len);
	e->read_pos += len;
	return true;
}

static enum slat_emul_status read_device(struct slat_emul *e, u64 gpa,
					 unsigned int len)
{
	e->mmio.gpa = gpa;
	e->mmio.len = len > sizeof(e->mmio.data) ? sizeof(e->mmio.data) : len;
	e->mmio.is_write = false;
	memset(e->mmio.data, 0, sizeof(e->mmio.data));
	e->state = STATE_MMIO_READ;
	return SLAT_EMUL_MMIO;
}

/* Read within a page: from the log, then RAM, then ask for device data. */
static enum slat_emul_status read_part(struct slat_emul *e, u64 gpa,
				       unsigned int len, u8 *buf)
{
	unsigned int n;
	int ret;

	while (len) {
		if (e->read_pos == e->read_len) {
			if (len > sizeof(e->read_log) - e->read_len)
				return SLAT_EMUL_UNHANDLED;
			ret = e->ops->read_gpa(e->ctx, gpa,
					       e->read_log + e->read_len, len);
			if (ret == -ENXIO)
				return read_device(e, gpa, len);
			if (ret)
				return slat_machine_errno(ret);
			e->read_len += len;
		}
		n = e->read_len - e->read_pos;
		if (n > len)
			n = len;
		memcpy(buf, e->read_log + e->read_pos, n);
		e->read_pos += n;
		buf += n;
		gpa += n;
		len -= n;
	}
	return SLAT_EMUL_DONE;
}

enum slat_emul_status slat_machine_read(struct slat_emul *e, u64 linear,
					unsigned int len, unsigned int access,
					void *buf)
{
	enum slat_emul_status status;
	struct span span;

	status = span_find(e, &span, linear, len, access);
	if (status != SLAT_EMUL_DONE)
		return status;
	status = read_part(e, span.gpa[0], span.len[0], buf);
	if (status != SLAT_EMUL_DONE || span.nr == 1)
		return status;
	return read_part(e, span.gpa[1], span.len[1], (u8 *)buf + span.len[0]);
}

/*
 * Queue a write. With @old it must find that in RAM, atomically; a write that
 * crosses a cache line is plain, as split locks are in KVM.
 */
enum slat_emul_status slat_machine_write(struct slat_emul *e, u64 linear,
					 unsigned int len, const void *data,
					 const void *old)
{
	enum slat_emul_status status;
	struct span span;
	unsigned int i;

	status = span_find(e, &span, linear, len, SLAT_ACC_WRITE);
	if (status != SLAT_EMUL_DONE)
		return status;
	if (e->nr_writes + span.nr > SLAT_EMUL_WRITES ||
	    len > SLAT_EMUL_MAX_DATA)
		return SLAT_EMUL_UNHANDLED;
	for (i = 0; i < span.nr; i++) {
		struct slat_emul_write *w = &e->write[e->nr_writes++];

		w->gpa = span.gpa[i];
		w->len = span.len[i];
		w->done = 0;
		w->mmio = false;
		w->atomic = old && (linear & 63) + len <= 64;
		memcpy(w->data, data, w->len);
		data = (const u8 *)data + w->len;
	}
	if (old && len <= sizeof(e->old))
		memcpy(e->old, old, len);
	return SLAT_EMUL_DONE;
}
