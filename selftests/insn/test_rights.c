// SPDX-License-Identifier: GPL-2.0
/*
 * What the emulator checks of an instruction that is another one than the one that
 * exited: vector registers, ports, alignment. And which registers a device's answer
 * is at the mercy of.
 */
#include "scene.h"
#include "tap.h"

static struct fake f;

#define CR0_EM		(1 << 2)
#define CR0_TS		(1 << 3)
#define CR4_OSFXSR	(1 << 9)
#define CR4_OSXSAVE	(1 << 18)

#define MMX	SLAT_REGISTERS_MMX
#define XMM	SLAT_REGISTERS_XMM
#define YMM	SLAT_REGISTERS_YMM

static const struct {
	const char *name;
	struct slat_rights_cpu cpu;
	enum slat_registers registers;
	u8 vector;
} rights[] = {
	{ "MMX needs no bit of CR4", { .mode = SLAT_MODE_LONG }, MMX, 0 },
	{ "MMX with CR0.EM", { .mode = SLAT_MODE_LONG, .cr0 = CR0_EM | CR0_TS }, MMX, SLAT_VEC_UD },
	{ "MMX with CR0.TS", { .mode = SLAT_MODE_LONG, .cr0 = CR0_TS, .x87_error = true }, MMX,
	  SLAT_VEC_NM },
	{ "MMX with an x87 exception pending", { .mode = SLAT_MODE_LONG, .x87_error = true }, MMX,
	  SLAT_VEC_MF },
	{ "XMM with CR4.OSFXSR", { .mode = SLAT_MODE_REAL, .cr4 = CR4_OSFXSR, .x87_error = true },
	  XMM, 0 },
	{ "XMM without CR4.OSFXSR", { .mode = SLAT_MODE_LONG, .cr4 = CR4_OSXSAVE, .xcr0 = 7 }, XMM,
	  SLAT_VEC_UD },
	{ "XMM with CR0.EM", { .mode = SLAT_MODE_LONG, .cr4 = CR4_OSFXSR, .cr0 = CR0_EM }, XMM,
	  SLAT_VEC_UD },
	{ "XMM with CR0.TS", { .mode = SLAT_MODE_LONG, .cr4 = CR4_OSFXSR, .cr0 = CR0_TS }, XMM,
	  SLAT_VEC_NM },
	{ "YMM with XCR0.AVX", { .mode = SLAT_MODE_PROT32, .cr4 = CR4_OSXSAVE, .xcr0 = 7,
	  .cr0 = CR0_EM }, YMM, 0 },
	{ "YMM without XCR0.AVX", { .mode = SLAT_MODE_LONG, .cr4 = CR4_OSXSAVE, .xcr0 = 3 }, YMM,
	  SLAT_VEC_UD },
	{ "YMM without XCR0.SSE", { .mode = SLAT_MODE_LONG, .cr4 = CR4_OSXSAVE, .xcr0 = 5 }, YMM,
	  SLAT_VEC_UD },
	{ "YMM without CR4.OSXSAVE", { .mode = SLAT_MODE_LONG, .cr4 = CR4_OSFXSR, .xcr0 = 7 }, YMM,
	  SLAT_VEC_UD },
	{ "YMM in virtual-8086 mode", { .mode = SLAT_MODE_VM86, .cr4 = CR4_OSXSAVE, .xcr0 = 7 }, YMM,
	  SLAT_VEC_UD },
	{ "YMM in real mode", { .mode = SLAT_MODE_REAL, .cr4 = CR4_OSXSAVE, .xcr0 = 7 }, YMM,
	  SLAT_VEC_UD },
	{ "YMM with CR0.TS", { .mode = SLAT_MODE_LONG, .cr4 = CR4_OSXSAVE, .xcr0 = 7,
	  .cr0 = CR0_TS }, YMM, SLAT_VEC_NM },
};

static void test_registers(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		tap_ok(slat_rights_registers(&rights[i].cpu, rights[i].registers) ==
		       rights[i].vector, "%s", rights[i].name);
}

/* Which registers does the emulator ask for, and does it ask before the device? */
static void test_asked(void)
{
	static const struct {
		const char *name, *code;
		unsigned int len;
		enum slat_registers registers;
	} moves[] = {
		{ "movups", "\x0f\x11\x0b", 3, XMM },
		{ "movd to a general register", "\x66\x0f\x7e\xc8", 4, XMM },
		{ "movq of MMX", "\x0f\x7f\x0b", 3, MMX },
		{ "movntq", "\x0f\xe7\x0b", 3, MMX },
		{ "vmovdqu", "\xc5\xfe\x7f\x0b", 4, YMM },
		{ "vmovups from memory", "\xc5\xfc\x10\x0b", 4, YMM },
	};
	unsigned int i;

	for (i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		enum slat_emul_status s;

		scene_start(&f, scene_all_mmio);
		f.e.gpr[SLAT_RBX] = SCENE_BASE;
		f.asked = -1;
		f.denied = SLAT_VEC_NM;
		fake_code(&f, moves[i].code, moves[i].len);
		s = fake_run(&f);
		tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_NM &&
		       f.asked == moves[i].registers && !f.nr_log && !f.nr_translate &&
		       scene_untouched(&f), "%s: asked for, and denied", moves[i].name);
	}
}

static u8 tss[0x2100];
static unsigned int nr_reads;

static int tss_read(void *ctx, u64 linear, void *buf, unsigned int len)
{
	u64 offset = linear - 0x5000;

	(void)ctx;
	nr_reads++;
	if (offset + len > sizeof(tss))
		return -EIO;
	memcpy(buf, tss + offset, len);
	return 0;
}

static int port(const struct slat_rights_tss *tr, u16 number, unsigned int size)
{
	return slat_rights_port(tr, tss_read, NULL, number, size);
}

static void test_ports(void)
{
	struct slat_rights_tss tr = {
		.base = 0x5000, .limit = 0x68 + 0x2000, .type = 11, .usable = true,
	};

	memset(tss, 0xff, sizeof(tss));
	tss[0x66] = 0x68;
	tss[0x67] = 0;
	tss[0x68 + 0x80 / 8] = 0xfe;
	tss[0x68 + 0x3f8 / 8] = 0;
	tss[0x68 + 0x407 / 8] = 0x7f;
	tss[0x68 + 0x408 / 8] = 0xfe;
	tss[0x68 + 0xffff / 8] = 0x7f;
	tap_ok(!port(&tr, 0x80, 1), "a port whose bit is clear");
	tap_ok(port(&tr, 0x80, 2) == 1 && port(&tr, 0x81, 1) == 1, "the next one is not");
	tap_ok(!port(&tr, 0x3f8, 4) && port(&tr, 0x3fd, 4) == 1, "four ports, all or none");
	tap_ok(!port(&tr, 0x407, 2), "bits of two bytes");
	tap_ok(!port(&tr, 0xffff, 1), "the last port");
	tr.limit--;
	tap_ok(port(&tr, 0xffff, 1) == 1, "its second byte past the limit");
	tr.limit = 0x67;
	tap_ok(port(&tr, 0x80, 1) == 1, "no bitmap inside the limit");
	nr_reads = 0;
	tr.limit = 0x66;
	tap_ok(port(&tr, 0x80, 1) == 1 && !nr_reads, "no room to say where it is");
	tr.limit = 0x2068;
	tr.type = 3;
	tap_ok(port(&tr, 0x80, 1) == 1 && !nr_reads, "a 16-bit TSS has none");
	tr.type = 9;
	tap_ok(!port(&tr, 0x80, 1), "an available TSS has");
	tr.usable = false;
	tap_ok(port(&tr, 0x80, 1) == 1, "no TSS");
	tr.usable = true;
	tr.base = 0x5000 + sizeof(tss);
	tap_ok(port(&tr, 0x80, 1) == -EIO, "a TSS that cannot be read");
}

static void test_alignment(void)
{
	static const struct {
		const char *name, *code;
		unsigned int len, at, off;
	} cases[] = {
		{ "a dword read", "\x8b\x03", 2, 0x102, 1 },
		{ "a qword write", "\x48\x89\x03", 3, 0x104, 1 },
		{ "a word", "\x66\x89\x03", 3, 0x101, 1 },
		{ "a byte", "\x88\x03", 2, 0x101, 0 },
		{ "an aligned dword", "\x89\x03", 2, 0x104, 0 },
		{ "a whole XMM register", "\x0f\x11\x0b", 3, 0x108, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum slat_emul_status s;
		bool raised;

		scene_start(&f, scene_all_mmio);
		f.e.cpl = 3;
		f.e.align_check = true;
		f.e.gpr[SLAT_RBX] = SCENE_BASE + cases[i].at;
		fake_code(&f, cases[i].code, cases[i].len);
		s = fake_run(&f);
		raised = s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_AC &&
			 f.e.exception.has_error && !f.nr_log && scene_untouched(&f);
		tap_ok(raised == cases[i].off && (raised || s == SLAT_EMUL_DONE),
		       "alignment checked, %s", cases[i].name);
	}
	scene_start(&f, scene_mmio_none);
	f.e.align_check = true;
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 4094;
	RUN_CODE(&f, "\x8b\x03");
	tap_ok(fake_run(&f) == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_PF,
	       "a page that is not there comes before alignment");
}

#define BIT_OF(reg)	(1u << SLAT_##reg)

static u32 depends(const char *code, unsigned int len)
{
	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = f.e.gpr[SLAT_RSI] = f.e.gpr[SLAT_RDI] = SCENE_BASE;
	f.e.gpr[SLAT_RSP] = SCENE_BASE + 0x100;
	f.e.gpr[SLAT_RCX] = 4;
	f.e.gpr[SLAT_RAX] = 8;
	fake_code(&f, code, len);
	slat_emul_run(&f.e);
	return slat_emul_depends_on(&f.e);
}

static void test_depends(void)
{
	tap_ok(depends("\x8b\x03", 2) == BIT_OF(RBX), "a read depends on its base");
	tap_ok(depends("\x8b\x04\xcb", 3) == (BIT_OF(RBX) | BIT_OF(RCX)), "and on its index");
	tap_ok(depends("\x01\x03", 2) == BIT_OF(RBX), "so does the read of a modification");
	tap_ok(!depends("\x89\x03", 2), "a write depends on nothing any more");
	tap_ok(depends("\xf3\xa4", 2) == (BIT_OF(RSI) | BIT_OF(RDI) | BIT_OF(RCX)),
	       "a string on its pointers and its count");
	tap_ok(!depends("\xf3\xaa", 2), "one that writes, on nothing");
	tap_ok(depends("\x58", 1) & BIT_OF(RSP), "a pop on the stack pointer");
	tap_ok(depends("\xd7", 1) == (BIT_OF(RBX) | BIT_OF(RAX)), "xlat on AL");
	tap_ok(depends("\x0f\xa3\x03", 3) == (BIT_OF(RBX) | BIT_OF(RAX)), "bt on its bit");
	tap_ok(depends("\xec", 1) == BIT_OF(RDX), "in on the port");
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	test_registers();
	test_asked();
	test_ports();
	test_alignment();
	test_depends();
	return tap_end();
}
