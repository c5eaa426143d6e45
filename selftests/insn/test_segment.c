// SPDX-License-Identifier: GPL-2.0
/*
 * Segment limits and types against the processor: random descriptors in the
 * LDT, accesses around their borders in compatibility mode; slat_segment_check()
 * must foretell each fault. What Linux lets no LDT hold is checked by hand.
 */
#include <asm/ldt.h>

#include "../../module/insn/segment.h"
#include "native.h"
#include "tap.h"

#define DATA_BYTES	0x20000u

/* One access: instruction, width, direction; the address is in EBX. */
static const struct probe {
	const char *bytes;
	unsigned int code_len;
	unsigned int len;
	unsigned int access;
} probes[] = {
	{ "\x8a\x03", 2, 1, SLAT_ACC_READ },
	{ "\x88\x03", 2, 1, SLAT_ACC_WRITE },
	{ "\x66\x8b\x03", 3, 2, SLAT_ACC_READ },
	{ "\x66\x89\x03", 3, 2, SLAT_ACC_WRITE },
	{ "\x8b\x03", 2, 4, SLAT_ACC_READ },
	{ "\x01\x03", 2, 4, SLAT_ACC_WRITE },
	{ "\xf3\x0f\x7e\x03", 4, 8, SLAT_ACC_READ },
	{ "\x0f\x11\x03", 3, 16, SLAT_ACC_WRITE },
};

static void draw_descriptor(struct user_desc *desc, struct slat_segment *segment)
{
	memset(desc, 0, sizeof(*desc));
	desc->contents = rnd_below(3);
	desc->read_exec_only = rnd_one_in(3);
	desc->seg_32bit = rnd_one_in(2);
	desc->limit_in_pages = rnd_one_in(4);
	desc->limit = desc->limit_in_pages ? rnd_below(32) : rnd_below(DATA_BYTES);
	*segment = (struct slat_segment) {
		.limit = desc->limit_in_pages ? desc->limit << 12 | 0xfff : desc->limit,
		.type = 1 | !desc->read_exec_only << 1 | desc->contents << 2,
		.s = true,
		.db = desc->seg_32bit,
	};
}

/* Near the limit, near 64 KiB, or anywhere in the data. */
static u32 draw_offset(const struct slat_segment *segment)
{
	u32 offset;

	switch (rnd_below(4)) {
	case 0:
	case 1:
		offset = segment->limit + 8 - rnd_below(28);
		break;
	case 2:
		offset = 0x10008 - rnd_below(28);
		break;
	default:
		offset = rnd_below(DATA_BYTES);
		break;
	}
	return offset % (DATA_BYTES - 16);
}

static void test_descriptors(unsigned long count)
{
	struct native_setup setup = { .mode = SLAT_MODE_PROT32, .small = true };
	unsigned long i, faults = 0, wrong = 0;
	struct slat_segment segment;
	struct slat_exception ex;
	struct user_desc desc;

	for (i = 0; i < count; i++) {
		const struct probe *p = &probes[rnd_below(8)];
		struct native_regs regs = { .rflags = 2 };
		bool native;
		u32 offset;
		int ret;

		if (i % 16 == 0) {
			draw_descriptor(&desc, &segment);
			if (!native_data_segment(&desc)) {
				tap_ok(false, "the LDT takes a descriptor");
				return;
			}
		}
		offset = draw_offset(&segment);
		regs.gpr[3] = offset;
		native = native_run(&setup, (const u8 *)p->bytes, p->code_len, &regs);
		ret = slat_segment_check(&segment, setup.mode, SLAT_SEG_DS, offset,
					 p->len, p->access, &ex);
		faults += !native;
		if (native == !ret && (native || (ex.vector == SLAT_VEC_GP &&
						  ex.has_error && !ex.error_code)))
			continue;
		if (wrong++ < 10)
			tap_note("type %x limit %x db %d: offset %x len %u access %u: %s, foretold %d",
				 segment.type, segment.limit, segment.db, offset, p->len,
				 p->access, native ? "good" : "fault", ret);
	}
	tap_ok(!wrong && faults > count / 10 && faults < count - count / 10,
	       "%lu accesses as on the processor (%lu faulted), %lu differ",
	       count, faults, wrong);
}

static int check(struct slat_segment segment, enum slat_insn_mode mode,
		 enum slat_seg seg, u64 offset, struct slat_exception *ex)
{
	memset(ex, 0xff, sizeof(*ex));
	return slat_segment_check(&segment, mode, seg, offset, 4, SLAT_ACC_READ, ex);
}

static void test_by_hand(void)
{
	const struct slat_segment data = { .limit = 0xffff, .type = 3, .s = true };
	struct slat_segment null = data, system = data, rom = data;
	struct slat_exception ex;

	null.unusable = true;
	system.s = false;
	rom.type = 8;			/* execute only */
	tap_ok(check(null, SLAT_MODE_PROT32, SLAT_SEG_ES, 0, &ex) == -EFAULT &&
	       ex.vector == SLAT_VEC_GP && ex.has_error, "a null segment: #GP(0)");
	tap_ok(check(null, SLAT_MODE_PROT32, SLAT_SEG_SS, 0, &ex) == -EFAULT &&
	       ex.vector == SLAT_VEC_SS, "a null stack segment: #SS(0)");
	tap_ok(check(system, SLAT_MODE_PROT16, SLAT_SEG_DS, 0, &ex) == -EFAULT,
	       "a system segment: #GP(0)");
	tap_ok(check(rom, SLAT_MODE_PROT32, SLAT_SEG_CS, 0, &ex) == -EFAULT,
	       "reading an execute-only segment: #GP(0)");
	tap_ok(!check(rom, SLAT_MODE_REAL, SLAT_SEG_CS, 0, &ex) &&
	       !check(null, SLAT_MODE_VM86, SLAT_SEG_DS, 0, &ex),
	       "real and virtual-8086 mode know no types");
	tap_ok(check(data, SLAT_MODE_REAL, SLAT_SEG_DS, 0xfffd, &ex) == -EFAULT &&
	       ex.vector == SLAT_VEC_GP && !ex.has_error,
	       "past 64 KiB in real mode: #GP without an error code");
	tap_ok(check(data, SLAT_MODE_VM86, SLAT_SEG_DS, 0xfffd, &ex) == -EFAULT && ex.has_error,
	       "in virtual-8086 mode with one");
	tap_ok(!check(null, SLAT_MODE_LONG, SLAT_SEG_DS, ~0ull, &ex),
	       "64-bit mode checks nothing here");
	tap_ok(slat_segment_check(&data, SLAT_MODE_PROT32, SLAT_SEG_CS, 0, 4,
				  SLAT_ACC_FETCH, &ex) == -EFAULT &&
	       !slat_segment_check(&rom, SLAT_MODE_PROT32, SLAT_SEG_CS, 0, 4,
				   SLAT_ACC_FETCH, &ex), "only code can be fetched");
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	test_by_hand();
	if (native_init(DATA_BYTES) && native_has_compat())
		test_descriptors(tap_count(50000));
	else
		tap_skip("descriptors on the processor", "no LDT, addresses taken, or the host runs no such code");
	return tap_end();
}
