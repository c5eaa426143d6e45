// SPDX-License-Identifier: GPL-2.0
/*
 * Segment loads, far branches and system registers in the emulator: which selectors and
 * descriptors are refused, with which exception, and what is marked, queued and committed.
 * The processor cannot be the judge here, as the instructions are a supervisor's; the same
 * ones run on it in selftests/device/access/segments.c.
 */
#include "scene.h"
#include "tap.h"

static struct fake f;

#define OPERAND		(SCENE_BASE + 0x1100)	/* a device where a test wants one */
#define STACK		(SCENE_BASE + 0x800)

/* Access byte and flags of a descriptor. */
#define A(type, dpl)	(0x90 | (dpl) << 5 | (type))
#define SYSTEM(type)	(0x80 | (type))
#define ABSENT		0x80
#define DATA		(SLAT_TYPE_WRITABLE)
#define CODE		(SLAT_TYPE_CODE | SLAT_TYPE_READABLE)
#define CONFORMING	(CODE | SLAT_TYPE_CONFORMING)
#define F_G		8
#define F_D		4
#define F_L		2

static u64 descriptor(u32 base, u32 limit, u8 access, u8 flags)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	       (u64)(limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static void put_entry(unsigned int index, u8 access, u8 flags)
{
	f.gdt[index] = descriptor(0x12345000, 0xfffff, access, flags);
}

static u8 entry_type(unsigned int index)
{
	return f.gdt[index] >> 40 & 15;
}

static void poke(u64 linear, u64 value, unsigned int len)
{
	memcpy(f.memory + (linear - SCENE_BASE), &value, len);
}

/* A machine whose operand is a device, in RBX; the stack is RAM. */
static void start(enum slat_insn_mode mode, u8 cpl)
{
	scene_start(&f, scene_ram_mmio);
	f.e.mode = mode;
	f.e.cpl = cpl;
	f.e.stack_size = 4;
	f.e.gpr[SLAT_RBX] = OPERAND;
	f.e.gpr[SLAT_RSP] = STACK;
	f.sys.lma = mode == SLAT_MODE_LONG;
	if (mode == SLAT_MODE_REAL || mode == SLAT_MODE_VM86) {
		f.seg[SLAT_SEG_DS] = SCENE_BASE;
		f.e.gpr[SLAT_RBX] = OPERAND - SCENE_BASE;
	}
}

static bool faulted(enum slat_emul_status s, u8 vector, u32 error)
{
	return s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == vector &&
	       f.e.exception.has_error && f.e.exception.error_code == error &&
	       f.e.rip == SCENE_CODE && !f.nr_marks && !f.hidden[SLAT_SEG_SS].limit;
}

/* MOV to a segment register, of a selector for entry 2, by RPL and CPL. */
static const struct {
	const char *name;
	enum slat_seg seg;
	u8 access, rpl, cpl, vector;
} loads[] = {
	{ "data, all levels equal", SLAT_SEG_DS, A(DATA, 0), 0, 0, 0 },
	{ "data of an outer level", SLAT_SEG_DS, A(DATA, 3), 0, 0, 0 },
	{ "data, read only", SLAT_SEG_ES, A(0, 0), 0, 0, 0 },
	{ "data of an inner level", SLAT_SEG_DS, A(DATA, 0), 3, 3, SLAT_VEC_GP },
	{ "data by an RPL of less right", SLAT_SEG_DS, A(DATA, 0), 3, 0, SLAT_VEC_GP },
	{ "data by an RPL that gains nothing", SLAT_SEG_DS, A(DATA, 0), 0, 3, SLAT_VEC_GP },
	{ "readable code", SLAT_SEG_FS, A(CODE, 3), 3, 3, 0 },
	{ "code that cannot be read", SLAT_SEG_FS, A(SLAT_TYPE_CODE, 3), 3, 3, SLAT_VEC_GP },
	{ "code of an inner level", SLAT_SEG_GS, A(CODE, 0), 3, 3, SLAT_VEC_GP },
	{ "conforming code of an inner level", SLAT_SEG_GS, A(CONFORMING, 0), 3, 3, 0 },
	{ "data that is not present", SLAT_SEG_DS, A(DATA, 3) & ~ABSENT, 3, 3, SLAT_VEC_NP },
	{ "a bad type comes before absence", SLAT_SEG_DS, A(SLAT_TYPE_CODE, 3) & ~ABSENT, 3, 3,
	  SLAT_VEC_GP },
	{ "a system descriptor", SLAT_SEG_DS, SYSTEM(SLAT_TYPE_LDT), 0, 0, SLAT_VEC_GP },
	{ "a stack", SLAT_SEG_SS, A(DATA, 3), 3, 3, 0 },
	{ "a stack by another RPL", SLAT_SEG_SS, A(DATA, 0), 1, 0, SLAT_VEC_GP },
	{ "a stack of another level", SLAT_SEG_SS, A(DATA, 3), 0, 0, SLAT_VEC_GP },
	{ "a stack of an inner level", SLAT_SEG_SS, A(DATA, 0), 3, 3, SLAT_VEC_GP },
	{ "a stack that is read only", SLAT_SEG_SS, A(0, 3), 3, 3, SLAT_VEC_GP },
	{ "a stack in code", SLAT_SEG_SS, A(CODE, 3), 3, 3, SLAT_VEC_GP },
	{ "a stack that is not present", SLAT_SEG_SS, A(DATA, 3) & ~ABSENT, 3, 3, SLAT_VEC_SS },
};

static void test_loads(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(loads); i++) {
		u16 selector = 2 * 8 + loads[i].rpl;
		enum slat_emul_status s;
		u8 code[2] = { 0x8e, 3 | loads[i].seg << 3 };	/* mov sreg, [ebx] */
		bool good;

		start(SLAT_MODE_PROT32, loads[i].cpl);
		put_entry(2, loads[i].access, F_G | F_D);
		poke(OPERAND, selector, 2);
		fake_code(&f, code, 2);
		s = fake_run(&f);
		if (loads[i].vector)
			good = faulted(s, loads[i].vector, 2 * 8);
		else
			good = s == SLAT_EMUL_DONE && f.selector[loads[i].seg] == selector &&
			       f.hidden[loads[i].seg].base == 0x12345000 &&
			       f.hidden[loads[i].seg].limit == 0xffffffff &&
			       f.hidden[loads[i].seg].type & SLAT_TYPE_ACCESSED &&
			       entry_type(2) & SLAT_TYPE_ACCESSED && f.nr_marks == 1;
		tap_ok(good && f.log[0].len == 2 && f.nr_log == 1, "mov to a segment register: %s",
		       loads[i].name);
	}
}

/* @selector into @seg at @cpl, of an LDT and a GDT whose entry 31 is the last. */
static enum slat_emul_status load(enum slat_insn_mode mode, enum slat_seg seg, u8 cpl, u16 selector)
{
	u8 code[2] = { 0x8e, 3 | seg << 3 };

	start(mode, cpl);
	put_entry(31, A(DATA, cpl), F_G | F_D);
	f.ldt[31] = descriptor(0x54321000, 0x123, A(DATA | SLAT_TYPE_ACCESSED, cpl), 0);
	if (mode == SLAT_MODE_REAL || mode == SLAT_MODE_VM86)
		code[1] += 4;			/* [bx] */
	poke(OPERAND, selector, 2);
	fake_code(&f, code, 2);
	return SLAT_EMUL_DONE;
}

static void test_selectors(void)
{
	struct slat_descriptor *ss = &f.hidden[SLAT_SEG_SS], *ds = &f.hidden[SLAT_SEG_DS];

	load(SLAT_MODE_PROT32, SLAT_SEG_DS, 3, 31 * 8 + 7);
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && ds->base == 0x54321000 && ds->limit == 0x123 &&
	       !ds->db && !f.nr_marks, "a selector of the LDT, whose descriptor is marked already");
	load(SLAT_MODE_PROT32, SLAT_SEG_DS, 3, 31 * 8 + 7);
	f.sys.ldt.usable = false;
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 31 * 8 + 4), "without an LDT: #GP(selector)");
	load(SLAT_MODE_PROT32, SLAT_SEG_DS, 0, 31 * 8);
	f.sys.gdt.limit--;
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 31 * 8), "half beyond the limit: #GP(selector)");
	load(SLAT_MODE_PROT32, SLAT_SEG_DS, 3, 3);
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && !ds->present && !ds->limit && !f.nr_table_reads &&
	       f.selector[SLAT_SEG_DS] == 3, "a null selector leaves nothing that can be used");
	load(SLAT_MODE_PROT32, SLAT_SEG_SS, 0, 0);
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0), "for the stack it is #GP(0)");
	load(SLAT_MODE_LONG, SLAT_SEG_SS, 1, 1);
	ss->present = true;
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && !ss->present && ss->dpl == 1 &&
	       f.e.committed == SLAT_COMMITTED_SHADOW,
	       "but not for a supervisor in 64-bit code; SS tells the level");
	load(SLAT_MODE_LONG, SLAT_SEG_SS, 0, 3);
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0), "with another RPL: #GP(0)");
	load(SLAT_MODE_LONG, SLAT_SEG_SS, 3, 3);
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0), "for a user: #GP(0)");
	load(SLAT_MODE_REAL, SLAT_SEG_DS, 0, 0xabcd);
	*ds = (struct slat_descriptor) { .limit = 0xffffffff, .type = 3, .s = true,
					 .present = true, .g = true, .db = true };
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && ds->base == 0xabcd0 && ds->limit == 0xffffffff &&
	       ds->db && !f.nr_table_reads, "real mode changes the base and leaves the limit");
	load(SLAT_MODE_VM86, SLAT_SEG_DS, 3, 0xabcd);
	ds->limit = 0xffffffff;
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && ds->base == 0xabcd0 && ds->limit == 0xffff &&
	       ds->dpl == 3 && ds->type == 3 && ds->s && ds->present,
	       "virtual-8086 mode has one kind of segment");
	load(SLAT_MODE_PROT32, SLAT_SEG_DS, 0, 31 * 8);
	f.table_race = 1;
	tap_ok(fake_run(&f) == SLAT_EMUL_RETRY && slat_emul_has_answer(&f.e) &&
	       slat_emul_resume(&f.e) == SLAT_EMUL_DONE && f.nr_log == 1 && ds->present,
	       "a descriptor that changes meanwhile: again, without asking the device twice");
}

static void test_stack_segment(void)
{
	start(SLAT_MODE_PROT32, 0);
	f.gdt[2] = descriptor(0, 0xfffff, A(DATA, 0), F_G | F_D);
	f.e.gpr[SLAT_RSP] = OPERAND;
	poke(OPERAND, 0xffff0010, 4);
	RUN_CODE(&f, "\x17");				/* pop ss */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.log[0].len == 2 &&
	       f.e.gpr[SLAT_RSP] == OPERAND + 4 && f.selector[SLAT_SEG_SS] == 0x10 &&
	       f.e.committed == SLAT_COMMITTED_SHADOW,
	       "pop ss reads the selector alone, and events wait for one more instruction");
	f.e.rip = SCENE_CODE;
	f.e.gpr[SLAT_RSP] = OPERAND;
	RUN_CODE(&f, "\x1f");				/* pop ds */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.selector[SLAT_SEG_DS] == 0x10 &&
	       f.e.committed == SLAT_COMMITTED, "pop ds: they do not");
	f.e.rip = SCENE_CODE;
	poke(OPERAND, 0x001087654321, 6);
	RUN_CODE(&f, "\x0f\xb2\x23");			/* lss esp, [ebx] */
	f.nr_log = 0;
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.nr_log == 1 && f.log[0].len == 6 &&
	       f.e.gpr[SLAT_RSP] == 0x87654321 && f.e.committed == SLAT_COMMITTED,
	       "lss takes the pointer in one read, and needs no shadow");

	start(SLAT_MODE_PROT32, 0);
	poke(OPERAND, 0x010087654321, 6);
	RUN_CODE(&f, "\xc4\x03");			/* les eax, [ebx] */
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0x100) && f.e.gpr[SLAT_RAX] == 0,
	       "les with a selector that is no good leaves both registers");

	start(SLAT_MODE_LONG, 0);
	put_entry(2, A(DATA, 0), F_G | F_D);
	poke(OPERAND, 0x1122334455667788, 8);
	poke(OPERAND + 8, 0x10, 2);
	RUN_CODE(&f, "\x48\x0f\xb5\x0b");		/* lgs rcx, [rbx] */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.e.gpr[SLAT_RCX] == 0x1122334455667788 &&
	       f.nr_log == 2 && f.seg[SLAT_SEG_GS] == 0x12345000, "lgs with an offset of 64 bits");
}

/* LLDT or LTR of entry 4, with an upper half in entry 5. */
static enum slat_emul_status load_system(enum slat_insn_mode mode, u8 cpl, u16 selector, u8 type,
					 bool task)
{
	start(mode, cpl);
	put_entry(4, type, 0);
	f.gdt[5] = 0xffff8888;
	poke(OPERAND, selector, 2);
	if (task)
		RUN_CODE(&f, "\x0f\x00\x1b");
	else
		RUN_CODE(&f, "\x0f\x00\x13");
	return fake_run(&f);
}

static void test_system_segments(void)
{
	struct slat_descriptor *tr = &f.hidden[SLAT_SEG_TR], *ldt = &f.hidden[SLAT_SEG_LDTR];
	const u8 tss = SYSTEM(SLAT_TYPE_TSS);
	enum slat_emul_status s;

	s = load_system(SLAT_MODE_LONG, 0, 0x20, tss, true);
	tap_ok(s == SLAT_EMUL_DONE && tr->base == 0xffff888812345000 && tr->type == 11 &&
	       entry_type(4) == 11 && f.selector[SLAT_SEG_TR] == 0x20,
	       "ltr of 16 bytes; the TSS is busy then");
	s = load_system(SLAT_MODE_PROT32, 0, 0x20, SYSTEM(SLAT_TYPE_TSS16), true);
	tap_ok(s == SLAT_EMUL_DONE && tr->base == 0x12345000 && tr->type == 3, "ltr of 16-bit TSS");
	tap_ok(faulted(load_system(SLAT_MODE_LONG, 0, 0x20, SYSTEM(SLAT_TYPE_TSS16), true),
		       SLAT_VEC_GP, 0x20), "which is none in 64-bit mode");
	tap_ok(faulted(load_system(SLAT_MODE_LONG, 0, 0x20, SYSTEM(11), true), SLAT_VEC_GP, 0x20),
	       "ltr of a busy TSS: #GP(selector)");
	tap_ok(faulted(load_system(SLAT_MODE_LONG, 0, 0x20, tss & ~ABSENT, true), SLAT_VEC_NP, 0x20),
	       "of one that is not present: #NP");
	tap_ok(faulted(load_system(SLAT_MODE_LONG, 0, 0x24, tss, true), SLAT_VEC_GP, 0x24),
	       "from the LDT: #GP(selector)");
	tap_ok(faulted(load_system(SLAT_MODE_LONG, 0, 3, tss, true), SLAT_VEC_GP, 0),
	       "null: #GP(0)");
	s = load_system(SLAT_MODE_LONG, 3, 0x20, tss, true);
	tap_ok(faulted(s, SLAT_VEC_GP, 0) && !f.nr_log, "by a user: #GP(0) before the device is read");
	start(SLAT_MODE_LONG, 0);
	put_entry(4, tss, 0);
	f.gdt[5] = 0x8888;
	poke(OPERAND, 0x20, 2);
	RUN_CODE(&f, "\x0f\x00\x1b");
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0x20), "a base that is not canonical: #GP(selector)");
	f.gdt[5] = 0xffff8888 | 1ull << 41;
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0x20), "an upper half with a type: #GP(selector)");

	s = load_system(SLAT_MODE_LONG, 0, 0x20, SYSTEM(SLAT_TYPE_LDT), false);
	tap_ok(s == SLAT_EMUL_DONE && ldt->base == 0xffff888812345000 && !f.nr_marks,
	       "lldt, which marks nothing");
	s = load_system(SLAT_MODE_PROT32, 0, 2, 0, false);
	tap_ok(s == SLAT_EMUL_DONE && !ldt->present && f.selector[SLAT_SEG_LDTR] == 2, "no LDT");
	tap_ok(faulted(load_system(SLAT_MODE_PROT32, 0, 0x20, tss, false), SLAT_VEC_GP, 0x20),
	       "lldt of a TSS: #GP(selector)");
}

/* A store by a user, with UMIP and without. */
static void test_stores(void)
{
	static const struct {
		const char *name, *code;
		unsigned int len, size;
		u64 value;
	} stores[] = {
		{ "smsw", "\x0f\x01\x23", 3, 2, 0x0031 },
		{ "smsw, whatever REX.W says", "\x48\x0f\x01\x23", 4, 2, 0x0031 },
		{ "sldt", "\x0f\x00\x03", 3, 2, 0x1234 },
		{ "str", "\x0f\x00\x0b", 3, 2, 0x5678 },
		{ "sgdt", "\x0f\x01\x03", 3, 8, FAKE_GDT << 16 | 0xff },
		{ "sidt", "\x0f\x01\x0b", 3, 8, 0x12345678ull << 16 | 0xfff },
		{ "fnstcw", "\xd9\x3b", 2, 2, 0x37f },
		{ "fnstsw", "\xdd\x3b", 2, 2, 0x80 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stores); i++) {
		enum slat_emul_status s;
		bool umip = i < 6;

		start(SLAT_MODE_LONG, 3);
		f.selector[SLAT_SEG_LDTR] = 0x1234;
		f.selector[SLAT_SEG_TR] = 0x5678;
		f.x87_status = 0x80;
		fake_code(&f, stores[i].code, stores[i].len);
		s = fake_run(&f);
		tap_ok(s == SLAT_EMUL_DONE && f.log[0].len == stores[i].size &&
		       scene_peek(&f, OPERAND, stores[i].size) == stores[i].value, "%s",
		       stores[i].name);
		start(SLAT_MODE_LONG, 3);
		f.sys.cr4 = umip ? 1 << 11 : 0;
		f.sys.cr0 |= umip ? 0 : 1 << 3;
		fake_code(&f, stores[i].code, stores[i].len);
		s = fake_run(&f);
		tap_ok(s == SLAT_EMUL_EXCEPTION && !f.nr_log && scene_untouched(&f) &&
		       f.e.exception.vector == (umip ? SLAT_VEC_GP : SLAT_VEC_NM), "%s with %s",
		       stores[i].name, umip ? "CR4.UMIP: #GP(0)" : "CR0.TS: #NM");
	}
}

static void test_tables(void)
{
	start(SLAT_MODE_LONG, 0);
	poke(OPERAND, 0x123, 2);
	poke(OPERAND + 2, 0xffff800011112222, 8);
	RUN_CODE(&f, "\x0f\x01\x13");			/* lgdt [rbx] */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.sys.gdt.limit == 0x123 &&
	       f.sys.gdt.base == 0xffff800011112222, "lgdt");
	poke(OPERAND + 2, 0x800011112222, 8);
	f.e.rip = SCENE_CODE;
	RUN_CODE(&f, "\x0f\x01\x1b");			/* lidt [rbx] */
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0) && f.sys.idt.limit == 0xfff,
	       "lidt of a base that is not canonical: #GP(0)");
	start(SLAT_MODE_PROT32, 0);
	poke(OPERAND, 0xabcdef12345678, 8);
	RUN_CODE(&f, "\x66\x0f\x01\x1b");
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.sys.idt.base == 0xef1234 &&
	       f.sys.idt.limit == 0x5678 && f.nr_log == 1 && f.log[0].len == 6,
	       "16-bit operands: 24 bits of the base");
	start(SLAT_MODE_PROT32, 1);
	RUN_CODE(&f, "\x0f\x01\x13");
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0) && !f.nr_log, "not by CPL 1");
	start(SLAT_MODE_PROT32, 0);
	poke(OPERAND, 0xfff0, 2);
	RUN_CODE(&f, "\x0f\x01\x33");			/* lmsw [ebx] */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.sys.cr0 == 0x80000031, "lmsw does not clear PE");
	f.e.rip = SCENE_CODE;
	poke(OPERAND, 0x000e, 2);
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.sys.cr0 == 0x8000003f, "lmsw sets MP, EM and TS");
	start(SLAT_MODE_PROT32, 3);
	RUN_CODE(&f, "\x0f\x01\x33");
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0) && !f.nr_log, "lmsw by a user: #GP(0)");
}

/* Far branches to entry 3. */
static const struct {
	const char *name;
	u8 access, flags, rpl, cpl;
	u8 jump, back;		/* vector, or 0: done; 0xff: refused */
} targets[] = {
	{ "code of this level", A(CODE, 0), F_D | F_G, 0, 0, 0, 0 },
	{ "64-bit code", A(CODE, 0), F_L | F_G, 0, 0, 0, 0 },
	{ "64-bit code with D set", A(CODE, 0), F_L | F_D | F_G, 0, 0, SLAT_VEC_GP, SLAT_VEC_GP },
	{ "data", A(DATA, 0), F_D | F_G, 0, 0, SLAT_VEC_GP, SLAT_VEC_GP },
	{ "code of an inner level", A(CODE, 0), F_D | F_G, 3, 3, SLAT_VEC_GP, SLAT_VEC_GP },
	{ "code of an outer level", A(CODE, 3), F_D | F_G, 3, 0, SLAT_VEC_GP, 0xff },
	{ "an RPL of less right", A(CODE, 0), F_D | F_G, 3, 0, SLAT_VEC_GP, SLAT_VEC_GP },
	{ "an RPL of more right", A(CODE, 3), F_D | F_G, 0, 3, 0, SLAT_VEC_GP },
	{ "conforming code", A(CONFORMING, 0), F_D | F_G, 3, 3, 0, 0 },
	{ "conforming code of an outer level", A(CONFORMING, 3), F_D | F_G, 0, 0, SLAT_VEC_GP,
	  SLAT_VEC_GP },
	{ "code that is not present", A(CODE, 0) & ~ABSENT, F_D | F_G, 0, 0, SLAT_VEC_NP,
	  SLAT_VEC_NP },
	{ "a call gate", SYSTEM(SLAT_TYPE_CALL_GATE), 0, 0, 0, 0xff, SLAT_VEC_GP },
	{ "a task", SYSTEM(SLAT_TYPE_TSS), 0, 0, 0, SLAT_VEC_GP, SLAT_VEC_GP },
	{ "an LDT", SYSTEM(SLAT_TYPE_LDT), 0, 0, 0, SLAT_VEC_GP, SLAT_VEC_GP },
};

static bool branched(enum slat_emul_status s, u8 want, u16 selector)
{
	if (want == 0xff)
		return s == SLAT_EMUL_UNHANDLED && f.e.rip == SCENE_CODE && !f.nr_marks;
	if (want)
		return faulted(s, want, 3 * 8);
	return s == SLAT_EMUL_DONE && f.e.rip == 0x87654321 && f.selector[SLAT_SEG_CS] == selector &&
	       f.nr_marks == 1 && entry_type(3) & SLAT_TYPE_ACCESSED;
}

static void test_far_targets(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		u16 selector = 3 * 8 + targets[i].rpl, cs = 3 * 8 + targets[i].cpl;

		start(SLAT_MODE_LONG, targets[i].cpl);
		put_entry(3, targets[i].access, targets[i].flags);
		poke(OPERAND, 0x87654321 | (u64)selector << 32, 6);
		RUN_CODE(&f, "\xff\x2b");		/* jmp far [rbx] */
		tap_ok(branched(fake_run(&f), targets[i].jump, cs) && f.log[0].len == 6,
		       "jmp far: %s", targets[i].name);
		start(SLAT_MODE_LONG, targets[i].cpl);
		put_entry(3, targets[i].access, targets[i].flags);
		f.e.gpr[SLAT_RSP] = OPERAND;
		poke(OPERAND, 0x87654321 | (u64)selector << 32, 8);
		RUN_CODE(&f, "\xca\x10\x00");		/* ret far 16 */
		tap_ok(branched(fake_run(&f), targets[i].back, selector) && f.nr_log == 2 &&
		       f.e.gpr[SLAT_RSP] == OPERAND + (targets[i].back ? 0 : 8 + 16),
		       "ret far: %s", targets[i].name);
	}
}

static void test_far(void)
{
	start(SLAT_MODE_LONG, 0);
	put_entry(3, A(CODE, 0), F_L | F_G);
	f.selector[SLAT_SEG_CS] = 0x50;
	poke(OPERAND, 0x112233445566, 8);
	poke(OPERAND + 8, 0x18, 2);
	RUN_CODE(&f, "\x48\xff\x1b");			/* call far [rbx] */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.e.rip == 0x112233445566 &&
	       f.e.gpr[SLAT_RSP] == STACK - 16 && scene_peek(&f, STACK - 8, 8) == 0x50 &&
	       scene_peek(&f, STACK - 16, 8) == SCENE_CODE + 3, "call far with slots of 64 bits");
	poke(OPERAND, 0x800000000000, 8);
	f.e.rip = SCENE_CODE;
	f.nr_marks = 0;
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0) && f.e.gpr[SLAT_RSP] == STACK - 16,
	       "a target that is not canonical: #GP(0)");

	start(SLAT_MODE_LONG, 0);
	put_entry(3, A(CODE, 0), F_D | F_G);
	f.page[0] = FAKE_MMIO;
	RUN_CODE(&f, "\x48\xff\x1b");
	poke(OPERAND, 0x55ffffffff, 8);
	poke(OPERAND + 8, 0x18, 2);
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.e.rip == 0xffffffff && f.nr_log == 4,
	       "to compatibility mode EIP is cut, and its stack may be a device");

	start(SLAT_MODE_PROT32, 0);
	put_entry(3, A(CODE, 0), F_D);
	RUN_CODE(&f, "\x9a\x00\x00\x10\x00\x18\x00");	/* call far 18:100000 */
	tap_ok(faulted(fake_run(&f), SLAT_VEC_GP, 0) && f.e.gpr[SLAT_RSP] == STACK,
	       "beyond the new limit: #GP(0), nothing pushed");

	start(SLAT_MODE_REAL, 0);
	f.hidden[SLAT_SEG_CS] = (struct slat_descriptor) { .limit = 0xffff, .present = true };
	f.seg[SLAT_SEG_SS] = SCENE_BASE;
	f.e.stack_size = 2;
	f.e.gpr[SLAT_RSP] = OPERAND - SCENE_BASE;
	f.e.rflags |= SLAT_FLAG_RF;
	poke(OPERAND, 0x12345678, 4);
	poke(OPERAND + 4, 0x7246, 2);
	RUN_CODE(&f, "\xcf");				/* iret */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.e.rip == 0x5678 && f.seg[SLAT_SEG_CS] == 0x12340 &&
	       f.e.rflags == 0x7246 && f.nmi_ended &&
	       (u16)f.e.gpr[SLAT_RSP] == OPERAND - SCENE_BASE + 6, "iret in real mode");
	start(SLAT_MODE_PROT32, 0);
	RUN_CODE(&f, "\xcf");
	tap_ok(fake_run(&f) == SLAT_EMUL_UNHANDLED && scene_untouched(&f),
	       "iret elsewhere is not emulated");
}

static void test_enter(void)
{
	start(SLAT_MODE_LONG, 0);
	f.e.gpr[SLAT_RSP] = OPERAND;
	RUN_CODE(&f, "\xc8\x20\x00\x00");		/* enter 32, 0 */
	tap_ok(fake_run(&f) == SLAT_EMUL_DONE && f.nr_log == 1 && f.log[0].is_write &&
	       f.e.gpr[SLAT_RBP] == OPERAND - 8 && f.e.gpr[SLAT_RSP] == OPERAND - 40,
	       "enter whose stack is a device writes once");
	start(SLAT_MODE_LONG, 0);
	f.readonly = 1;
	f.e.gpr[SLAT_RSP] = OPERAND;
	RUN_CODE(&f, "\xc8\x00\x08\x00");
	tap_ok(fake_run(&f) == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_PF &&
	       !f.nr_log && f.e.gpr[SLAT_RSP] == OPERAND && scene_untouched(&f),
	       "the new end of the stack must be writable");
	start(SLAT_MODE_LONG, 0);
	RUN_CODE(&f, "\xc8\x20\x00\x01");
	tap_ok(fake_run(&f) == SLAT_EMUL_UNHANDLED && scene_untouched(&f), "no display");
}

static void test_alignment(void)
{
	static const struct {
		const char *name, *code;
		unsigned int len, good, bad;
	} pointers[] = {
		{ "lss of 80 bits", "\x48\x0f\xb2\x03", 4, 8, 4 },
		{ "lss of 48 bits", "\x0f\xb2\x03", 3, 4, 2 },
		{ "lss of 32 bits", "\x66\x0f\xb2\x03", 4, 2, 1 },
		{ "sgdt", "\x0f\x01\x03", 3, 6, 8 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pointers); i++) {
		enum slat_emul_status s;
		bool good;

		start(SLAT_MODE_LONG, 3);
		put_entry(2, A(DATA, 3), 0);
		memset(f.memory, 0x13, sizeof(f.memory));
		f.e.align_check = true;
		f.e.gpr[SLAT_RBX] = OPERAND + pointers[i].good;
		fake_code(&f, pointers[i].code, pointers[i].len);
		s = fake_run(&f);
		/* The selector is no good, but it was read. */
		good = f.nr_log && (s == SLAT_EMUL_DONE || f.e.exception.vector == SLAT_VEC_GP);
		f.e.gpr[SLAT_RBX] = OPERAND + pointers[i].bad;
		f.e.rip = SCENE_CODE;
		tap_ok(good && fake_run(&f) == SLAT_EMUL_EXCEPTION &&
		       f.e.exception.vector == SLAT_VEC_AC, "%s: alignment", pointers[i].name);
	}
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	test_loads();
	test_selectors();
	test_stack_segment();
	test_system_segments();
	test_stores();
	test_tables();
	test_far_targets();
	test_far();
	test_enter();
	test_alignment();
	return tap_end();
}
