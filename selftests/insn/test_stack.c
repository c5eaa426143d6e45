// SPDX-License-Identifier: GPL-2.0
/*
 * The stack and near branches in the emulator, where native execution cannot
 * be the judge: the instruction goes elsewhere, changes flags that only a
 * supervisor may, or its stack is a device.
 */
#include "scene.h"
#include "tap.h"

static struct fake f;

#define STACK	(SCENE_BASE + 0x800)

static void start_stack(const enum fake_page *pages)
{
	scene_start(&f, pages);
	f.e.gpr[SLAT_RSP] = STACK;
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x1100;
}

static void poke(u64 linear, u64 value)
{
	memcpy(f.memory + (linear - SCENE_BASE), &value, sizeof(value));
}

static void test_call(void)
{
	enum slat_emul_status s;
	u64 below;

	start_stack(scene_ram_mmio);
	poke(SCENE_BASE + 0x1100, 0x123456);
	below = scene_peek(&f, STACK - 8, 8);
	RUN_CODE(&f, "\xff\x13");			/* call [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x1100, 8, false) &&
	       f.e.rip == SCENE_CODE && f.e.gpr[SLAT_RSP] == STACK &&
	       scene_peek(&f, STACK - 8, 8) == below,
	       "call through a device: nothing is pushed before the target is known");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == 0x123456 && f.e.gpr[SLAT_RSP] == STACK - 8 &&
	       scene_peek(&f, STACK - 8, 8) == SCENE_CODE + 2, "then the call is made");

	start_stack(scene_all_mmio);
	RUN_CODE(&f, "\xe8\x10\x00\x00\x00");		/* call +16 */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_log == 1 && f.log[0].is_write && f.log[0].len == 8 &&
	       f.e.rip == SCENE_CODE + 5 + 16 &&
	       scene_peek(&f, STACK - 8, 8) == SCENE_CODE + 5, "a call whose stack is a device");
	f.e.gpr[SLAT_RSP] = STACK - 8;
	f.e.rip = SCENE_CODE;
	RUN_CODE(&f, "\xc2\x18\x00");			/* ret 24 */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE + 5 &&
	       f.e.gpr[SLAT_RSP] == STACK + 24, "a return from there drops its arguments");

	start_stack(NULL);
	poke(SCENE_BASE + 0x1100, 1ull << 47);
	RUN_CODE(&f, "\xff\x13");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP &&
	       f.e.rip == SCENE_CODE && f.e.gpr[SLAT_RSP] == STACK,
	       "a target that is not canonical: #GP(0), nothing pushed");
}

static void test_jmp(void)
{
	enum slat_emul_status s;

	start_stack(scene_all_mmio);
	poke(SCENE_BASE + 0x1100, 0x1234567890);
	RUN_CODE(&f, "\x66\xff\x23");			/* jmp [rbx], 66 is void */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == 0x1234567890 && f.nr_log == 1,
	       "jmp through a device");

	start_stack(NULL);
	f.e.mode = SLAT_MODE_PROT32;
	f.e.stack_size = 4;
	poke(SCENE_BASE + 0x1100, 0x12345678);
	RUN_CODE(&f, "\x66\xff\x23");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == 0x5678, "a 16-bit jmp cuts EIP");
	f.e.rip = SCENE_CODE;
	f.check_limit = 0x5677;
	f.seg[SLAT_SEG_DS] = SCENE_BASE;
	f.e.gpr[SLAT_RBX] = 0x1100;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP &&
	       f.e.rip == SCENE_CODE, "beyond the limit of CS: #GP(0)");
}

static void test_pusha(void)
{
	enum slat_emul_status s;
	unsigned int i, wrong = 0;

	start_stack(scene_all_mmio);
	f.e.mode = SLAT_MODE_PROT16;
	f.e.stack_size = 2;
	f.seg[SLAT_SEG_SS] = SCENE_BASE;
	f.e.gpr[SLAT_RSP] = 0xabcd0006;
	f.check_limit = 0xffff;
	RUN_CODE(&f, "\x60");				/* pusha */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.gpr[SLAT_RSP] == 0xabcd0006 && !f.nr_log,
	       "pusha that runs out of its stack faults before a device sees anything");

	start_stack(scene_all_mmio);
	f.e.mode = SLAT_MODE_PROT32;
	f.e.stack_size = 4;
	RUN_CODE(&f, "\x60");
	s = fake_run(&f);
	for (i = 0; i < 8; i++) {
		u32 want = i == SLAT_RSP ? STACK : f.e.gpr[i];

		wrong += f.log[i].len != 4 || !f.log[i].is_write ||
			 f.log[i].gpa != fake_gpa(&f, STACK - 4 - 4 * i) ||
			 scene_peek(&f, STACK - 4 - 4 * i, 4) != want;
	}
	tap_ok(s == SLAT_EMUL_DONE && f.nr_log == 8 && !wrong && f.e.gpr[SLAT_RSP] == STACK - 32,
	       "pusha to a device: eight writes, RAX first");
}

/* @cpl and @iopl, and which of the flags POPF may change. */
static bool popf_is(enum slat_insn_mode mode, unsigned int cpl, unsigned int iopl, u64 changed)
{
	const u64 all = SLAT_FLAG_ARITH | SLAT_FLAG_DF | SLAT_FLAG_IF | SLAT_FLAG_IOPL |
			SLAT_FLAG_NT | SLAT_FLAG_AC | SLAT_FLAG_ID;
	u64 before;

	start_stack(NULL);
	f.e.mode = mode;
	f.e.cpl = cpl;
	f.e.stack_size = 4;
	before = f.e.rflags = 2 | iopl << 12;
	poke(STACK, ~before);
	RUN_CODE(&f, "\x66\x9d");			/* 32-bit in 16-bit code, else 16-bit */
	return fake_run(&f) == SLAT_EMUL_DONE &&
	       ((f.e.rflags ^ before) & all) == changed;
}

static void test_popf(void)
{
	const u64 user = SLAT_FLAG_ARITH | SLAT_FLAG_DF | SLAT_FLAG_NT;
	const u64 wide = SLAT_FLAG_AC | SLAT_FLAG_ID;

	tap_ok(popf_is(SLAT_MODE_REAL, 0, 0, user | wide | SLAT_FLAG_IF | SLAT_FLAG_IOPL),
	       "popf in real mode changes IF and IOPL");
	tap_ok(popf_is(SLAT_MODE_PROT16, 0, 3, user | wide | SLAT_FLAG_IF | SLAT_FLAG_IOPL),
	       "a supervisor's too");
	tap_ok(popf_is(SLAT_MODE_PROT16, 3, 0, user | wide), "a user's neither");
	tap_ok(popf_is(SLAT_MODE_PROT16, 3, 3, user | wide | SLAT_FLAG_IF),
	       "with IOPL 3 a user changes IF");
	tap_ok(popf_is(SLAT_MODE_PROT32, 0, 0, user | SLAT_FLAG_IF | SLAT_FLAG_IOPL),
	       "16 bits leave the upper flags alone");
	tap_ok(popf_is(SLAT_MODE_VM86, 3, 3, user | wide | SLAT_FLAG_IF),
	       "in virtual-8086 mode with IOPL 3: IF, not IOPL");
	tap_ok(!popf_is(SLAT_MODE_VM86, 3, 0, 0) && f.e.exception.vector == SLAT_VEC_GP &&
	       f.e.gpr[SLAT_RSP] == STACK, "with less: #GP(0)");
}

static void test_mmx(void)
{
	enum slat_emul_status s;

	start_stack(scene_all_mmio);
	f.mmx[1] = 0x1122334455667788;
	RUN_CODE(&f, "\x0f\x7f\x0b");			/* movq [rbx], mm1 */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x1100, 8, true) &&
	       f.mmx_state, "an MMX store makes one write and leaves MMX state");
	start_stack(scene_all_mmio);
	RUN_CODE(&f, "\x0f\x6f\x0b");			/* movq mm1, [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && !f.mmx_state && fake_answer(&f) == SLAT_EMUL_DONE &&
	       f.mmx_state && f.mmx[1] == scene_peek(&f, SCENE_BASE + 0x1100, 8),
	       "an MMX load leaves the registers alone until the data is there");
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	test_call();
	test_jmp();
	test_pusha();
	test_popf();
	test_mmx();
	return tap_end();
}
