// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator among callbacks that fail, change their mind and lie about
 * lengths, with random bytes as code in every mode: it must end, stay inside
 * its memory (the sanitizers watch) and keep its promise that what fails
 * changes nothing and what was handed out as a write is followed by success.
 */
#include <stdlib.h>

#include "fake.h"
#include "tap.h"

#define BASE		0x20000ull
#define MAX_EXITS	20000

static struct fake f;
static const struct slat_emul_ops *real;
static unsigned int trouble;		/* one call in so many goes wrong */
static unsigned int ram_writes;		/* that succeeded in this run */

/* Zero, or an errno that makes the callback fail. */
static int draw_errno(void)
{
	static const int errnos[] = { -EFAULT, -EAGAIN, -EINVAL, -EIO, -EINTR };

	if (!trouble || !rnd_one_in(trouble))
		return 0;
	f.e.exception = (struct slat_exception) { .vector = SLAT_VEC_PF,
						  .has_error = true };
	return errnos[rnd_below(5)];
}

static int chaos_fetch(void *ctx, u64 linear, void *buf, unsigned int len)
{
	int err = draw_errno();

	return err ? err : real->fetch(ctx, linear, buf, 1 + rnd_below(len));
}

static int chaos_translate(void *ctx, u64 linear, unsigned int access, u64 *gpa)
{
	int err = draw_errno();

	return err ? err : real->translate(ctx, BASE + linear % FAKE_BYTES, access, gpa);
}

/* Pages turn from RAM into devices and back at any time. */
static void change_pages(void)
{
	if (rnd_one_in(8))
		f.page[rnd_below(FAKE_PAGES)] = rnd_below(3);
}

static int chaos_read_gpa(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	int err = draw_errno();
	unsigned int i;

	change_pages();
	if (!err)
		err = real->read_gpa(ctx, gpa, buf, len);
	/* Selectors of the tables' few entries, among others. */
	for (i = 0; !err && i < len; i++)
		((u8 *)buf)[i] = rnd_one_in(4) ? 0 : rnd();
	return err;
}

static int chaos_write_gpa(void *ctx, u64 gpa, const void *buf, unsigned int len)
{
	int err = draw_errno();

	change_pages();
	if (!err)
		err = real->write_gpa(ctx, gpa, buf, len);
	ram_writes += !err;
	return err;
}

static int chaos_cmpxchg_gpa(void *ctx, u64 gpa, const void *old,
			     const void *new, unsigned int len)
{
	int err = draw_errno();

	f.race = rnd_one_in(4);
	if (!err)
		err = real->cmpxchg_gpa(ctx, gpa, old, new, len);
	ram_writes += !err;
	return err;
}

static u64 chaos_seg_base(void *ctx, enum slat_seg seg)
{
	return seg == SLAT_SEG_CS ? real->seg_base(ctx, seg) : rnd();
}

static int chaos_seg_check(void *ctx, enum slat_seg seg, u64 offset,
			   unsigned int len, unsigned int access)
{
	int err = draw_errno();

	return err ? err : real->seg_check(ctx, seg, offset, len, access);
}

static int chaos_check_io(void *ctx, u16 port, unsigned int size)
{
	int err = draw_errno();

	return err ? err : real->check_io(ctx, port, size);
}

static int chaos_read_table(void *ctx, u64 linear, void *buf, unsigned int len)
{
	u64 raw[2] = { rnd(), rnd() & ~(0x1full << 40) };
	int err = draw_errno();

	(void)ctx;
	(void)linear;
	memcpy(buf, raw, len);
	return err;
}

static int chaos_cmpxchg_table(void *ctx, u64 linear, u8 old, u8 new)
{
	(void)ctx;
	(void)linear;
	/* A mark is set, and never taken back. */
	if ((old & new) != old)
		abort();
	return draw_errno();
}

static bool chaos_stop(void *ctx)
{
	(void)ctx;
	return rnd_one_in(64);
}

static struct slat_emul_ops ops;
static struct slat_system_ops system_ops;

static void setup(void)
{
	static const enum slat_insn_mode modes[] = {
		SLAT_MODE_LONG, SLAT_MODE_PROT32, SLAT_MODE_PROT16,
		SLAT_MODE_REAL, SLAT_MODE_VM86,
	};
	u8 bytes[16];
	unsigned int i;

	fake_init(&f, BASE);
	real = f.e.ops;
	ops = *real;
	ops.fetch = chaos_fetch;
	ops.translate = chaos_translate;
	ops.read_gpa = chaos_read_gpa;
	ops.write_gpa = chaos_write_gpa;
	ops.cmpxchg_gpa = chaos_cmpxchg_gpa;
	ops.seg_base = chaos_seg_base;
	ops.seg_check = chaos_seg_check;
	ops.check_io = chaos_check_io;
	ops.stop = chaos_stop;
	system_ops = *real->system;
	system_ops.read = chaos_read_table;
	system_ops.cmpxchg = chaos_cmpxchg_table;
	ops.system = &system_ops;
	f.e.ops = &ops;
	f.e.mode = modes[rnd_below(5)];
	f.e.rip = rnd_one_in(2) ? 0x4ff8 : 0x400000;
	f.e.cpl = rnd_one_in(2) ? 3 : 0;
	f.e.rflags = 2 | (rnd() & (SLAT_FLAG_ARITH | SLAT_FLAG_DF));
	if (rnd_one_in(10))
		f.e.rflags |= SLAT_FLAG_TF;
	for (i = 0; i < SLAT_GPR_NR; i++)
		f.e.gpr[i] = rnd_value();
	if (rnd_one_in(2))
		f.e.gpr[SLAT_RCX] = rnd_below(5000);
	for (i = 0; i < FAKE_PAGES; i++)
		f.page[i] = rnd_below(3);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = rnd();
	i = 0;
	while (i < 3 && rnd_one_in(3))
		bytes[i++] = "\x66\x67\xf2\xf3\xf0\x48\x65\x0f"[rnd_below(8)];
	if (rnd_one_in(4))		/* strings and ports */
		bytes[i] = (rnd_one_in(2) ? 0xa4 : 0x6c) + rnd_below(12) % (rnd_one_in(2) ? 4 : 12);
	fake_code(&f, bytes, sizeof(bytes));
	trouble = rnd_one_in(3) ? 0 : 2 + rnd_below(30);
	ram_writes = 0;
}

static bool same_state(const struct slat_emul *a, const struct slat_emul *b)
{
	return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) && a->rip == b->rip &&
	       a->rflags == b->rflags;
}

static bool is_string(const struct slat_emul *e)
{
	return (e->insn.op >= SLAT_OP_MOVS && e->insn.op <= SLAT_OP_OUTS);
}

/* One exit to user space; NULL or what is wrong with it. */
static const char *check_exit(enum slat_emul_status s, const struct slat_emul *before)
{
	const struct slat_emul *e = &f.e;

	if (!slat_emul_pending(e))
		return "an exit that is not pending";
	if (s == SLAT_EMUL_MMIO) {
		if (e->mmio.len < 1 || e->mmio.len > 8 ||
		    e->mmio.gpa % 4096 + e->mmio.len > 4096)
			return "a fragment that is too long";
		if (!e->mmio.is_write && !is_string(e) && !same_state(e, before))
			return "state committed before the data is there";
		return NULL;
	}
	if (e->pio.size != 1 && e->pio.size != 2 && e->pio.size != 4)
		return "a port access of an odd size";
	if (!e->pio.count || e->pio.size * e->pio.count > SLAT_EMUL_PIO_DATA)
		return "a port access that is too long";
	return NULL;
}

static bool is_branch(const struct slat_emul *e)
{
	return e->insn.op >= SLAT_OP_CALL && e->insn.op <= SLAT_OP_IRET;
}

/* The state at the end; NULL or what is wrong with it. */
static const char *check_end(enum slat_emul_status s, const struct slat_emul *before,
			     bool wrote)
{
	const struct slat_emul *e = &f.e;

	if (slat_emul_pending(e))
		return "still pending at the end";
	if (s == SLAT_EMUL_DONE) {
		u64 next = before->rip + e->insn.len;

		if (e->mode != SLAT_MODE_LONG)
			next = (u32)next;
		if (e->rip != next && !is_branch(e) &&
		    !(is_string(e) && e->rip == before->rip))
			return "done at a wrong RIP";
		return NULL;
	}
	if (is_string(e))
		return e->rip == before->rip ? NULL : "failed past its RIP";
	if (wrote)
		return "failed after a write was handed out";
	if (!same_state(e, before))
		return "failed and changed registers";
	/* The second page of a write may fail after the first was written. */
	if (ram_writes && s != SLAT_EMUL_UNHANDLED)
		return "failed and changed memory";
	return NULL;
}

static const char *run_one(enum slat_emul_status *end)
{
	struct slat_emul before;
	enum slat_emul_status s;
	unsigned int exits = 0;
	const char *wrong;
	bool wrote = false;
	u8 data[SLAT_EMUL_PIO_DATA];

	setup();
	memset(data, rnd(), sizeof(data));
	before = f.e;
	s = slat_emul_run(&f.e);
	while (s == SLAT_EMUL_MMIO || s == SLAT_EMUL_PIO) {
		wrong = check_exit(s, &before);
		if (wrong)
			return wrong;
		if (++exits > MAX_EXITS)
			return "no end";
		if (s == SLAT_EMUL_MMIO) {
			wrote |= f.e.mmio.is_write;
			s = slat_emul_complete_mmio(&f.e, data);
		} else {
			s = slat_emul_complete_pio(&f.e, data);
		}
	}
	*end = s;
	return check_end(s, &before, wrote);
}

int main(int argc, char **argv)
{
	unsigned long i, count, ends[SLAT_EMUL_RETRY + 1] = { 0 }, wrong = 0;
	enum slat_emul_status end = SLAT_EMUL_DONE;

	tap_options(argc, argv);
	count = tap_count(200000);
	for (i = 0; i < count; i++) {
		const char *what = run_one(&end);

		if (!what) {
			ends[end]++;
			continue;
		}
		if (wrong++ < 10)
			tap_note("%s: %02x %02x %02x %02x op %u mode %d", what, f.code[0],
				 f.code[1], f.code[2], f.code[3], f.e.insn.op, f.e.mode);
	}
	tap_ok(!wrong, "%lu runs among failing callbacks keep the promises, %lu do not",
	       count, wrong);
	tap_ok(ends[SLAT_EMUL_DONE] > count / 10 && ends[SLAT_EMUL_EXCEPTION] &&
	       ends[SLAT_EMUL_UNHANDLED] && ends[SLAT_EMUL_RETRY],
	       "they ended in every way: %lu done, %lu exceptions, %lu unhandled, %lu retries",
	       ends[SLAT_EMUL_DONE], ends[SLAT_EMUL_EXCEPTION],
	       ends[SLAT_EMUL_UNHANDLED], ends[SLAT_EMUL_RETRY]);
	return tap_end();
}
