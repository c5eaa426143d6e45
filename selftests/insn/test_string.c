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
	f.e.step = true;
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
	f.e.step = true;
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

/* An answer in which each byte tells its place. */
static void number_answer(void)
{
	for (unsigned int i = 0; i < sizeof(answer); i++)
		answer[i] = 0x80 | (i * 7 + 1);
}

/* What a port gave goes to RAM in one write, wherever elements could. */
static void test_ins_block(void)
{
	static const enum fake_page ram_device[] = { FAKE_RAM, FAKE_MMIO, FAKE_RAM, FAKE_RAM };
	enum slat_emul_status s;

	start_port(NULL, SCENE_BASE + 6, 512);
	number_answer();
	RUN_CODE(&f, "\xf3\x66\x6d");			/* rep insw */
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_write == 1 && !f.e.gpr[SLAT_RCX] &&
	       f.e.gpr[SLAT_RDI] == SCENE_BASE + 6 + 1024 && f.e.rip == SCENE_CODE + 3 &&
	       !memcmp(f.memory + 6, answer, 1024), "a sector goes to RAM in one write");

	start_port(NULL, SCENE_BASE + 6, 4);
	number_answer();
	f.e.mode = SLAT_MODE_PROT32;
	f.check_limit = SCENE_BASE + 6 + 9;
	RUN_CODE(&f, "\xf3\x6d");			/* rep insd */
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP &&
	       f.e.gpr[SLAT_RCX] == 2 && !memcmp(f.memory + 6, answer, 8) &&
	       f.memory[6 + 8] != answer[8], "across the segment's limit: up to it, then #GP");

	start_port(NULL, 0xfffe, 3);
	number_answer();
	f.base = 0x10000;
	f.e.mode = SLAT_MODE_REAL;
	f.seg[SLAT_SEG_ES] = 0xf00;		/* 0x10efe: not at the end of a page */
	RUN_CODE(&f, "\xf3\x6c");			/* rep insb */
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.gpr[SLAT_RDI] == 0 && f.e.gpr[SLAT_RCX] == 1 &&
	       !memcmp(f.memory + 0xefe, answer, 2) && f.memory[0xf00] != answer[2],
	       "DI wraps at 64 KiB in the middle of a page");

	start_port(ram_device, SCENE_BASE + 4096 - 4, 4);
	number_answer();
	RUN_CODE(&f, "\xf3\x66\x6d");
	slat_emul_run(&f.e);
	/* The client moves the destination: its second half is a device's. */
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 4096 - 2;
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 4096, 2, true) &&
	       !memcmp(f.memory + 4094, answer, 2) && !memcmp(f.e.mmio.data, answer + 2, 2) &&
	       f.e.gpr[SLAT_RCX] == 2, "from RAM into a device: element by element");
}

/* A device's answer survives a slot that is being changed. */
static void test_resume(void)
{
	static const enum fake_page busy[] = { FAKE_BUSY, FAKE_RAM, FAKE_RAM, FAKE_RAM };
	static const enum fake_page device_busy[] = {
		FAKE_MMIO, FAKE_BUSY, FAKE_RAM, FAKE_RAM
	};
	enum slat_emul_status s;

	start_port(busy, SCENE_BASE + 8, 300);
	number_answer();
	RUN_CODE(&f, "\xf3\x6c");			/* rep insb */
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_RETRY && slat_emul_has_answer(&f.e) && f.e.gpr[SLAT_RCX] == 300 &&
	       f.e.rip == SCENE_CODE, "rep ins into a slot that is being changed: again");
	s = slat_emul_resume(&f.e);
	tap_ok(s == SLAT_EMUL_RETRY && slat_emul_has_answer(&f.e), "and again");
	f.page[0] = FAKE_RAM;
	s = slat_emul_resume(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && !memcmp(f.memory + 8, answer, 300) &&
	       !f.e.gpr[SLAT_RCX] && !slat_emul_has_answer(&f.e),
	       "what the port gave is in memory, the port was not asked twice");
	tap_ok(slat_emul_resume(&f.e) == SLAT_EMUL_UNHANDLED, "nothing is left to resume");

	start_port(busy, SCENE_BASE, 1);
	RUN_CODE(&f, "\x6c");				/* insb: one element */
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_RETRY && slat_emul_has_answer(&f.e), "ins of one element: again");
	f.page[0] = FAKE_MMIO;
	s = slat_emul_resume(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && f.e.mmio.is_write && f.e.mmio.data[0] == 0xa5,
	       "the slot is gone: a device gets it");

	scene_start(&f, device_busy);
	f.e.gpr[SLAT_RSI] = SCENE_BASE;
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 4096;
	RUN_CODE(&f, "\xa5");				/* movsd from a device */
	s = slat_emul_run(&f.e);
	s = s == SLAT_EMUL_MMIO ? fake_answer(&f) : s;
	tap_ok(s == SLAT_EMUL_RETRY && slat_emul_has_answer(&f.e) && f.nr_log == 1,
	       "movs from a device into such a slot: again");
	f.page[1] = FAKE_RAM;
	s = slat_emul_resume(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_log == 1 && !memcmp(f.memory, f.memory + 4096, 4) &&
	       f.e.rip == SCENE_CODE + 1, "the device was read once");

	scene_start(&f, busy);
	f.e.gpr[SLAT_RDI] = SCENE_BASE;
	RUN_CODE(&f, "\x89\x0f");			/* mov [rdi], ecx */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_RETRY && !slat_emul_has_answer(&f.e) && scene_untouched(&f),
	       "without a device's answer the guest is entered again");
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
	test_ins_block();
	test_resume();
	test_ins_count();
	test_outs();
	test_port_device();
	return tap_end();
}
