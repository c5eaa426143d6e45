// SPDX-License-Identifier: GPL-2.0
/*
 * String instructions and ports in the emulator: what one call does, in which
 * batches ports are read and written, what is committed in between.
 */
#include "scene.h"
#include "tap.h"

static struct fake f;
static u8 answer[SLAT_EMUL_PIO_DATA];

static void test_string(void)
{
	enum slat_emul_status s;
	unsigned int runs = 0;

	scene_start(&f, scene_ram_mmio);
	f.e.gpr[SLAT_RSI] = SCENE_BASE;
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 4096;
	f.e.gpr[SLAT_RCX] = 3;
	RUN_CODE(&f, "\xf3\xa5");			/* rep movsd */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 4096, 4, true) &&
	       f.e.rip == SCENE_CODE && f.e.gpr[SLAT_RCX] == 2 && f.e.gpr[SLAT_RSI] == SCENE_BASE + 4,
	       "rep movs: one element out, registers moved, RIP stays");
	s = fake_answer(&f);
	s = s == SLAT_EMUL_MMIO ? fake_answer(&f) : s;
	tap_ok(s == SLAT_EMUL_MMIO && f.e.rip == SCENE_CODE + 2 && !f.e.gpr[SLAT_RCX],
	       "with the last element RIP moves on");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_DONE && !memcmp(f.memory, f.memory + 4096, 12), "rep movs: copied");

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RDI] = SCENE_BASE;
	f.e.gpr[SLAT_RCX] = 5000;
	RUN_CODE(&f, "\xf3\xaa");
	do {
		s = slat_emul_run(&f.e);
		runs++;
	} while (s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE && runs < 100);
	tap_ok(s == SLAT_EMUL_DONE && runs == 5 && !f.e.gpr[SLAT_RCX] && !f.memory[4999],
	       "a long rep comes back to the guest now and then");

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RDI] = SCENE_BASE;
	f.e.gpr[SLAT_RCX] = 10;
	f.stop = true;
	RUN_CODE(&f, "\xf3\xaa");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE && f.e.gpr[SLAT_RCX] == 9,
	       "pending work ends a rep after one iteration");
	f.stop = false;
	f.e.rflags |= SLAT_FLAG_TF;
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RCX] == 8, "so does single-stepping");

	scene_start(&f, scene_ram_mmio);
	f.e.gpr[SLAT_RSI] = SCENE_BASE;
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 3 * 4096 - 2;
	f.e.gpr[SLAT_RCX] = 5;
	RUN_CODE(&f, "\xf3\xa4");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.cr2 == SCENE_BASE + 3 * 4096 &&
	       f.e.gpr[SLAT_RCX] == 3 && f.e.rip == SCENE_CODE,
	       "a fault in the middle of a rep keeps what was done");
}

/* A port instruction about to run: DX, the count, and where the data is. */
static void start_port(const enum fake_page *pages, u64 memory, u64 count)
{
	scene_start(&f, pages);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RSI] = memory;
	f.e.gpr[SLAT_RDI] = memory;
	f.e.gpr[SLAT_RCX] = count;
	memset(answer, 0xa5, sizeof(answer));
}

static void test_port(void)
{
	enum slat_emul_status s;
	u64 old;

	start_port(NULL, SCENE_BASE, 0);
	f.e.gpr[SLAT_RDX] = 0x3f8;
	old = f.e.gpr[SLAT_RAX] = 0x1122334455667788;
	RUN_CODE(&f, "\xec");				/* in al, dx */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.port == 0x3f8 && f.e.pio.size == 1 &&
	       f.e.pio.is_in && f.e.pio.count == 1 && f.e.rip == SCENE_CODE &&
	       f.e.gpr[SLAT_RAX] == old, "in: RIP stays until the answer");
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == 0x11223344556677a5 &&
	       f.e.rip == SCENE_CODE + 1, "in: only AL changes");

	start_port(NULL, SCENE_BASE, 0);
	f.e.gpr[SLAT_RAX] = 0x12345678;
	RUN_CODE(&f, "\xe7\x80");			/* out 80, eax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.port == 0x80 && f.e.pio.size == 4 &&
	       !f.e.pio.is_in && !memcmp(f.e.pio.data, "\x78\x56\x34\x12", 4) &&
	       f.e.rip == SCENE_CODE, "out: four bytes to an immediate port");
	s = slat_emul_complete_pio(&f.e, NULL);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE + 2, "out: done after the exit");

	scene_start(&f, NULL);
	f.allowed_port = 0x80;
	RUN_CODE(&f, "\xe7\x80");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP &&
	       scene_untouched(&f), "a port that the guest may not use: #GP(0)");
}

static void test_ins(void)
{
	enum slat_emul_status s;

	start_port(NULL, SCENE_BASE + 4096 - 100, 150);
	RUN_CODE(&f, "\xf3\x6c");			/* rep insb */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 100 && f.e.gpr[SLAT_RCX] == 150,
	       "rep ins reads ahead to the end of the page");
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 50 && f.e.gpr[SLAT_RCX] == 50 &&
	       f.memory[4095] == 0xa5, "then the rest from the next page");
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE + 2 && f.memory[4096 + 49] == 0xa5 &&
	       f.memory[4096 + 50] != 0xa5, "rep ins: exactly the count");

	start_port(NULL, SCENE_BASE + 4096 + 4, 10);
	f.e.rflags |= SLAT_FLAG_DF;
	RUN_CODE(&f, "\xf3\x66\x6d");			/* rep insw */
	slat_emul_run(&f.e);
	tap_ok(f.e.pio.count == 3, "downwards: the element here and those below it");
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_PIO && f.e.gpr[SLAT_RDI] == SCENE_BASE + 4094 &&
	       f.memory[4096] == 0xa5 && f.memory[4101] == 0xa5 && f.memory[4102] != 0xa5 &&
	       f.memory[4095] != 0xa5, "and they land there");

	start_port(NULL, SCENE_BASE, 2);
	f.e.rflags |= SLAT_FLAG_TF;
	RUN_CODE(&f, "\xf3\x6c");
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(f.e.pio.count == 1 && s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RCX] == 1 &&
	       f.e.rip == SCENE_CODE, "single-stepped, rep ins takes one element");
}

/* The client may change the count while it answers. */
static void test_ins_count(void)
{
	enum slat_emul_status s;

	start_port(NULL, SCENE_BASE, 2);
	RUN_CODE(&f, "\xf3\x6c");
	slat_emul_run(&f.e);
	f.e.gpr[SLAT_RCX] = 1;
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && !f.e.gpr[SLAT_RCX] && f.e.rip == SCENE_CODE + 2 &&
	       f.e.gpr[SLAT_RDI] == SCENE_BASE + 1, "a count lowered by user space is obeyed");

	start_port(NULL, SCENE_BASE, 3);
	RUN_CODE(&f, "\xf3\x6c");
	slat_emul_run(&f.e);
	f.e.gpr[SLAT_RCX] = 8192;
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_PIO && f.e.gpr[SLAT_RCX] == 8189 &&
	       f.e.pio.count == SLAT_EMUL_PIO_DATA, "and a raised one: the next batch follows");
}

static void test_outs(void)
{
	enum slat_emul_status s;

	start_port(NULL, SCENE_BASE + 8192 - 6, 4);
	RUN_CODE(&f, "\xf3\x66\x6f");			/* rep outsw */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 3 && f.e.pio.size == 2 &&
	       !memcmp(f.e.pio.data, f.memory + 8192 - 6, 6) && f.e.gpr[SLAT_RCX] == 1 &&
	       f.e.rip == SCENE_CODE, "rep outs sends what is in the page");
	s = slat_emul_complete_pio(&f.e, NULL);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 1 && f.e.rip == SCENE_CODE + 3 &&
	       slat_emul_complete_pio(&f.e, NULL) == SLAT_EMUL_DONE, "then the last element");
}

/* Memory on the other side of the port is a device. */
static void test_port_device(void)
{
	enum slat_emul_status s;

	start_port(scene_all_mmio, SCENE_BASE, 0);
	RUN_CODE(&f, "\x6d");				/* insd to a device */
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE, 4, true) &&
	       f.e.rip == SCENE_CODE + 1 && fake_answer(&f) == SLAT_EMUL_DONE &&
	       scene_peek(&f, SCENE_BASE, 4) == 0xa5a5a5a5,
	       "ins into a device: the port, then the device");
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	test_string();
	test_port();
	test_ins();
	test_ins_count();
	test_outs();
	test_port_device();
	return tap_end();
}
