// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's contract with its glue: what is committed when, how device
 * accesses are cut into fragments, what each failure leaves behind.
 */
#include <stdlib.h>

#include "fake.h"
#include "tap.h"

#define BASE	0x20000000ull
#define CODE	0x400000ull

/* Instruction bytes as a string literal. */
#define RUN_CODE(f, text)	fake_code(f, text, sizeof(text) - 1)

static struct fake f;

static void start(const enum fake_page *pages)
{
	unsigned int i;

	fake_init(&f, BASE);
	f.e.rip = CODE;
	for (i = 0; i < FAKE_BYTES; i++)
		f.memory[i] = i * 7 + i / 256;
	for (i = 0; pages && i < FAKE_PAGES; i++)
		f.page[i] = pages[i];
	for (i = 0; i < SLAT_GPR_NR; i++)
		f.e.gpr[i] = 0x1111111111111111ull * i;
	f.e.rflags = 2 | SLAT_FLAG_CF;
}

static const enum fake_page all_mmio[] = { FAKE_MMIO, FAKE_MMIO, FAKE_MMIO, FAKE_MMIO };
static const enum fake_page ram_mmio[] = { FAKE_RAM, FAKE_MMIO, FAKE_RAM, FAKE_NONE };
static const enum fake_page mmio_none[] = { FAKE_MMIO, FAKE_NONE, FAKE_RAM, FAKE_RAM };

static u64 peek(u64 linear, unsigned int len)
{
	u64 value = 0;

	memcpy(&value, f.memory + (linear - BASE), len);
	return value;
}

/* Registers, RIP, flags and memory as start() left them. */
static bool untouched(void)
{
	unsigned int i;

	for (i = 0; i < SLAT_GPR_NR; i++)
		if (f.e.gpr[i] != 0x1111111111111111ull * i && i != SLAT_RBX &&
		    i != SLAT_RSP && i != SLAT_RCX && i != SLAT_RDX &&
		    i != SLAT_RSI && i != SLAT_RDI)
			return false;
	for (i = 0; i < FAKE_BYTES; i++)
		if (f.memory[i] != (u8)(i * 7 + i / 256))
			return false;
	return f.e.rip == CODE && f.e.rflags == (2 | SLAT_FLAG_CF);
}

static bool mmio_is(u64 linear, unsigned int len, bool is_write)
{
	return f.e.mmio.gpa == fake_gpa(&f, linear) && f.e.mmio.len == len &&
	       f.e.mmio.is_write == is_write;
}

static void test_read(void)
{
	static const u8 answer[8] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 };
	enum slat_emul_status s;

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x100;
	RUN_CODE(&f, "\x8b\x03");			/* mov eax, [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 0x100, 4, false) && untouched() &&
	       slat_emul_pending(&f.e), "read: nothing is committed before the answer");
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == 0x55667788 &&
	       f.e.rip == CODE + 2 && !slat_emul_pending(&f.e),
	       "read: the answer reaches the register, upper half cleared");
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_UNHANDLED && f.e.gpr[SLAT_RAX] == 0x55667788,
	       "completion without a pending access is refused");

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x100;
	RUN_CODE(&f, "\x48\x8b\x03");			/* mov rax, [rbx] */
	slat_emul_run(&f.e);
	memset(f.code, 0xcc, sizeof(f.code));
	f.e.gpr[SLAT_RDI] = 0xabc;			/* KVM_SET_REGS */
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == 0x1122334455667788 &&
	       f.e.gpr[SLAT_RDI] == 0xabc && f.nr_fetch == 1,
	       "rewritten code does not matter any more, new registers do");

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x100;
	RUN_CODE(&f, "\x8b\x03");
	slat_emul_run(&f.e);
	slat_emul_cancel(&f.e);
	tap_ok(!slat_emul_pending(&f.e) && untouched() &&
	       slat_emul_complete_mmio(&f.e, answer) == SLAT_EMUL_UNHANDLED,
	       "a cancelled access leaves everything as it was");
}

/* An abandoned instruction leaves nothing to the next one. */
static void test_abandoned(void)
{
	enum slat_emul_status s;

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 4093;
	RUN_CODE(&f, "\x48\x8b\x03");
	slat_emul_run(&f.e);
	fake_answer(&f);				/* half of it */
	f.e.gpr[SLAT_RBX] = BASE + 0x300;
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 0x300, 8, false) &&
	       fake_answer(&f) == SLAT_EMUL_DONE &&
	       f.e.gpr[SLAT_RAX] == peek(BASE + 0x300, 8),
	       "a new run forgets what an abandoned one has read");

	start(all_mmio);
	f.e.gpr[SLAT_RDI] = BASE + 0x100;
	RUN_CODE(&f, "\x0f\xc7\x0f");			/* cmpxchg8b [rdi] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_log == 2 && f.log[0].len == 8 &&
	       f.log[1].len == 8 && f.log[1].is_write,
	       "cmpxchg8b on a device: 8 bytes in, 8 bytes out");
}

static void test_write(void)
{
	enum slat_emul_status s;

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x208;
	f.e.gpr[SLAT_RAX] = 0x0123456789abcdef;
	RUN_CODE(&f, "\x48\x89\x03");			/* mov [rbx], rax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 0x208, 8, true) &&
	       !memcmp(f.e.mmio.data, &f.e.gpr[SLAT_RAX], 8) && f.e.rip == CODE + 3,
	       "write: RIP is past the instruction when the data goes out");
	s = slat_emul_complete_mmio(&f.e, NULL);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == CODE + 3, "write: then done");

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x40;
	RUN_CODE(&f, "\xc6\x03\x5a");			/* mov byte [rbx], 5a */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 0x40, 1, true) &&
	       f.e.mmio.data[0] == 0x5a && !f.e.mmio.data[1], "write of an immediate byte");

	start(all_mmio);
	f.page[0] = FAKE_READONLY;
	f.e.gpr[SLAT_RBX] = BASE + 0x10;
	RUN_CODE(&f, "\x83\x03\x05");			/* add dword [rbx], 5 */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 0x10, 4, true),
	       "read-only slot: read from RAM, the write exits");
}

/* A pending access after which nothing is left to do may be cancelled. */
static void test_last(void)
{
	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 4092;
	RUN_CODE(&f, "\x48\x01\x03");			/* add [rbx], rax */
	slat_emul_run(&f.e);
	tap_ok(!slat_emul_is_last(&f.e), "a read is never the last act");
	fake_answer(&f);
	fake_answer(&f);
	tap_ok(f.e.mmio.is_write && !slat_emul_is_last(&f.e), "nor a write with another fragment");
	fake_answer(&f);
	tap_ok(f.e.mmio.is_write && slat_emul_is_last(&f.e) && f.e.rip == CODE + 3,
	       "its last fragment is");
	slat_emul_cancel(&f.e);
	tap_ok(f.e.rip == CODE + 3 && !slat_emul_pending(&f.e) && !slat_emul_is_last(&f.e),
	       "and can be cancelled without loss");

	start(ram_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 8192 - 2;
	RUN_CODE(&f, "\x89\x03");			/* device, then RAM */
	slat_emul_run(&f.e);
	tap_ok(slat_emul_is_last(&f.e), "what is left in RAM is written already");

	start(all_mmio);
	f.e.gpr[SLAT_RDI] = BASE;
	f.e.gpr[SLAT_RCX] = 2;
	RUN_CODE(&f, "\xf3\xaa");
	slat_emul_run(&f.e);
	tap_ok(!slat_emul_is_last(&f.e), "nor is an element before the last of a rep");
	fake_answer(&f);
	tap_ok(slat_emul_is_last(&f.e), "but the last element is");
}

static void test_modify(void)
{
	u8 answer[4] = { 0xff, 0xff, 0xff, 0xff };
	enum slat_emul_status s;

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x100;
	f.e.gpr[SLAT_RAX] = 1;
	RUN_CODE(&f, "\xf0\x01\x03");			/* lock add [rbx], eax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 0x100, 4, false),
	       "read-modify-write reads first");
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 0x100, 4, true) &&
	       !memcmp(f.e.mmio.data, "\0\0\0\0", 4) && f.e.rip == CODE + 3 &&
	       (f.e.rflags & SLAT_FLAG_ARITH) == (SLAT_FLAG_CF | SLAT_FLAG_ZF |
						  SLAT_FLAG_PF | SLAT_FLAG_AF),
	       "then writes the sum, with flags committed");
	tap_ok(slat_emul_complete_mmio(&f.e, NULL) == SLAT_EMUL_DONE, "then ends");

	start(NULL);
	f.e.gpr[SLAT_RBX] = BASE + 0x100;
	f.race = 1;
	RUN_CODE(&f, "\xf0\x01\x03");
	s = slat_emul_run(&f.e);
	f.memory[0x100]--;		/* what the other vCPU did */
	tap_ok(s == SLAT_EMUL_RETRY && untouched(), "a lost cmpxchg on RAM: retry, nothing changed");

	start(NULL);
	f.e.gpr[SLAT_RBX] = BASE + 0x13e;
	RUN_CODE(&f, "\xf0\x01\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && !f.nr_cmpxchg, "a lock across a cache line is a plain write");

	start(NULL);
	f.e.gpr[SLAT_RBX] = BASE + 0x100;
	RUN_CODE(&f, "\x87\x03");			/* xchg [rbx], eax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_cmpxchg == 1 && peek(BASE + 0x100, 4) == 0,
	       "xchg with RAM is atomic without a prefix");
}

static void test_wide_exchange(void)
{
	enum slat_emul_status s;
	u8 want[16];

	start(NULL);
	f.e.gpr[SLAT_RDI] = BASE + 0x100;
	f.e.gpr[SLAT_RAX] = peek(BASE + 0x100, 8);
	f.e.gpr[SLAT_RDX] = peek(BASE + 0x108, 8);
	memcpy(want, &f.e.gpr[SLAT_RBX], 8);
	memcpy(want + 8, &f.e.gpr[SLAT_RCX], 8);
	RUN_CODE(&f, "\xf0\x48\x0f\xc7\x0f");	/* lock cmpxchg16b [rdi] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_cmpxchg == 1 &&
	       !memcmp(f.memory + 0x100, want, 16) && (f.e.rflags & SLAT_FLAG_ZF),
	       "16 bytes are exchanged atomically");
	f.e.rip = CODE;
	f.e.gpr[SLAT_RAX] = peek(BASE + 0x100, 8);
	f.e.gpr[SLAT_RDX] = ~peek(BASE + 0x108, 8);
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && !(f.e.rflags & SLAT_FLAG_ZF) &&
	       f.e.gpr[SLAT_RDX] == peek(BASE + 0x108, 8),
	       "both halves must match");
	f.e.rip = CODE;
	f.race = 1;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_RETRY && f.e.rip == CODE, "16 bytes, lost race: retry");
	f.e.gpr[SLAT_RDI] += 8;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP,
	       "cmpxchg16b misaligned: #GP(0)");
}

static void test_fragments(void)
{
	enum slat_emul_status s;
	u64 want;

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 4093;
	want = peek(BASE + 4093, 8);
	RUN_CODE(&f, "\x48\x8b\x03");			/* mov rax, [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 4093, 3, false), "across pages: first part");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 4096, 5, false) &&
	       f.e.rip == CODE, "across pages: second part, nothing committed yet");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == want, "across pages: joined");

	start(ram_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 4096 - 4;
	RUN_CODE(&f, "\x0f\x11\x0b");			/* movups [rbx], xmm1 */
	memcpy(f.xmm[1], "0123456789abcdef", 16);
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 4096, 8, true) &&
	       !memcmp(f.memory + 4092, "0123", 4) && !memcmp(f.e.mmio.data, "456789ab", 8),
	       "16 bytes from RAM into a device: RAM part written, 8 bytes exit");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 4104, 4, true) &&
	       !memcmp(f.e.mmio.data, "cdef", 4), "the rest in a fragment of its own");
	tap_ok(fake_answer(&f) == SLAT_EMUL_DONE &&
	       !memcmp(f.memory + 4092, "0123456789abcdef", 16), "all 16 bytes arrived");

	start(ram_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 8192 - 4;
	RUN_CODE(&f, "\x0f\x10\x0b");			/* movups xmm1, [rbx] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_log == 1 && f.log[0].len == 4 &&
	       !memcmp(f.xmm[1], f.memory + 8188, 16), "16 bytes from a device into RAM's page");
}

static void test_faults(void)
{
	enum slat_emul_status s;

	start(mmio_none);
	f.e.gpr[SLAT_RBX] = BASE + 4093;
	RUN_CODE(&f, "\x48\x8b\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_PF &&
	       f.e.exception.cr2 == BASE + 4096 && untouched(),
	       "a fault on the second page comes before the device is read");

	start(ram_mmio);
	f.e.gpr[SLAT_RSI] = BASE + 4096;
	f.e.gpr[SLAT_RDI] = BASE + 3 * 4096;
	RUN_CODE(&f, "\xa4");				/* movsb */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.error_code == 2 &&
	       f.e.exception.cr2 == BASE + 3 * 4096 && untouched(),
	       "a destination that faults does so before the device is read");

	start(NULL);
	f.e.gpr[SLAT_RBX] = 0x8000000000000000;
	RUN_CODE(&f, "\x8b\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP &&
	       f.e.exception.has_error && !f.e.exception.error_code && untouched(),
	       "an address that is not canonical: #GP(0)");
	start(NULL);
	f.e.gpr[SLAT_RSP] = 0x7ffffffffffd;
	RUN_CODE(&f, "\x8b\x04\x24");			/* mov eax, [rsp] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_SS && untouched(),
	       "its last byte not canonical, through SS: #SS(0)");

	start(NULL);
	f.e.gpr[SLAT_RBX] = BASE + 8;
	RUN_CODE(&f, "\x0f\x28\x0b");			/* movaps xmm1, [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP,
	       "movaps with a misaligned operand: #GP(0)");
}

static void test_refusals(void)
{
	enum slat_emul_status s;

	start(all_mmio);
	RUN_CODE(&f, "\x0f\x01\x13");			/* lgdt [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_UNHANDLED && untouched() && f.e.fetched == 15 &&
	       f.e.insn.len == 3 && !memcmp(f.e.insn.bytes, "\x0f\x01\x13", 3),
	       "an instruction that is not emulated: unhandled, with its bytes");
	start(all_mmio);
	RUN_CODE(&f, "\xf0\x8b\x03");			/* lock mov */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_UD &&
	       !f.e.exception.has_error && untouched(), "a lock that is not allowed: #UD");
	start(all_mmio);
	RUN_CODE(&f, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x8b\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP && untouched(),
	       "an instruction of 16 bytes: #GP(0)");
	start(all_mmio);
	f.e.ops = &(struct slat_emul_ops) {
		.fetch = f.e.ops->fetch, .translate = f.e.ops->translate,
		.read_gpa = f.e.ops->read_gpa, .write_gpa = f.e.ops->write_gpa,
		.cmpxchg_gpa = f.e.ops->cmpxchg_gpa, .seg_base = f.e.ops->seg_base,
	};
	f.e.gpr[SLAT_RBX] = BASE;
	RUN_CODE(&f, "\x0f\x10\x0b");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_UNHANDLED && untouched(), "SSE without its callbacks: unhandled");
}

static int fetch_nothing(void *ctx, u64 linear, void *buf, unsigned int len)
{
	(void)ctx, (void)linear, (void)buf, (void)len;
	return 0;
}

static void test_fetch(void)
{
	enum slat_emul_status s;

	start(NULL);
	f.e.rip = CODE + 4094;
	f.e.gpr[SLAT_RBX] = BASE;
	RUN_CODE(&f, "\x48\x8b\x43\x10");		/* mov rax, [rbx + 16] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_fetch == 2 && f.e.gpr[SLAT_RAX] == peek(BASE + 16, 8),
	       "an instruction across pages is fetched in two parts");
	start(NULL);
	f.e.rip = CODE + 4092;
	f.e.gpr[SLAT_RBX] = BASE;
	RUN_CODE(&f, "\x48\x8b\x43\x10");
	f.code_len = 4;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_fetch == 1,
	       "an instruction that ends with its page leaves the next one alone");
	start(NULL);
	f.e.rip = CODE + 4094;
	RUN_CODE(&f, "\x48\x8b\x43\x10");
	f.code_len = 2;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.cr2 == CODE + 4096,
	       "a fault of the second part is the guest's");

	start(NULL);
	f.e.ops = &(struct slat_emul_ops) { .fetch = fetch_nothing };
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_UNHANDLED && !f.e.fetched, "no byte to fetch: unhandled, no loop");

	start(NULL);
	f.e.mode = SLAT_MODE_PROT32;
	f.e.rip = 0xfffffffe;
	f.seg[SLAT_SEG_CS] = CODE + 2;
	f.e.gpr[SLAT_RBX] = BASE;
	RUN_CODE(&f, "\x8b\x43\x10");		/* mov eax, [ebx + 16] */
	f.code_linear = CODE;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == peek(BASE + 16, 4) && f.e.rip == 1,
	       "32-bit code: base plus EIP and the next EIP wrap at 4 GiB");
}

/* Run one instruction again and again, changed each time. */
static void test_repeated(void)
{
	enum slat_emul_status s;

	start(NULL);
	f.e.gpr[SLAT_RBX] = BASE;
	RUN_CODE(&f, "\x8b\x03\x11\x22");		/* mov eax, [rbx] */
	fake_run(&f);
	f.e.rip = CODE;
	RUN_CODE(&f, "\x8b\x43\x40\x33");		/* mov eax, [rbx + 40] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == peek(BASE + 0x40, 4) &&
	       f.e.rip == CODE + 3, "the same place with other code: decoded anew");
	f.e.rip = CODE;
	RUN_CODE(&f, "\x8b\x43\x40\x55");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == CODE + 3 && f.e.insn.bytes[3] == 0x55,
	       "the same instruction again shows its new neighbours");
	f.e.rip = CODE;
	f.e.mode = SLAT_MODE_PROT16;
	f.seg[SLAT_SEG_DS] = BASE;
	f.e.gpr[SLAT_RBP] = 0x100;
	f.e.gpr[SLAT_RDI] = 0;
	f.seg[SLAT_SEG_SS] = BASE;
	s = fake_run(&f);				/* mov ax, [bp + di + 40] */
	tap_ok(s == SLAT_EMUL_DONE && (u16)f.e.gpr[SLAT_RAX] == peek(BASE + 0x140, 2),
	       "the same bytes in another mode: decoded anew");
	f.e.mode = SLAT_MODE_LONG;
	f.e.rip = CODE;
	RUN_CODE(&f, "\x0f\x01\x13");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_UNHANDLED && slat_emul_run(&f.e) == SLAT_EMUL_UNHANDLED,
	       "what cannot be emulated is refused every time");
	RUN_CODE(&f, "\xf0\x8b\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && slat_emul_run(&f.e) == SLAT_EMUL_EXCEPTION,
	       "what is undefined is undefined every time");
}

static void test_hint(void)
{
	enum slat_emul_status s;

	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x100;
	f.e.gpa_hint = fake_gpa(&f, BASE + 0x100);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\x01\x03");			/* add [rbx], eax */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && !f.nr_translate && f.nr_log == 2 &&
	       f.log[1].gpa == fake_gpa(&f, BASE + 0x100), "the exit's GPA saves the walk");
	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 0x104;
	f.e.gpa_hint = fake_gpa(&f, BASE + 0x100);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\x01\x03");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_translate == 1 &&
	       f.log[0].gpa == fake_gpa(&f, BASE + 0x104), "not when the page offset differs");
	start(all_mmio);
	f.e.gpr[SLAT_RBX] = BASE + 4094;
	f.e.gpa_hint = fake_gpa(&f, BASE + 4094);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\x8b\x03");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_translate == 2 && f.nr_log == 2,
	       "nor when the operand crosses a page");
	start(all_mmio);
	f.e.gpr[SLAT_RSI] = BASE + 0x100;
	f.e.gpr[SLAT_RDI] = BASE + 0x1100;
	f.e.gpa_hint = fake_gpa(&f, BASE + 0x100);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\xa4");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_translate == 2 &&
	       f.log[1].gpa == fake_gpa(&f, BASE + 0x1100), "nor for two memory operands");
	start(all_mmio);
	f.e.gpr[SLAT_RDI] = BASE + 0xffe;
	f.e.gpr[SLAT_RCX] = 0x1004;
	f.e.gpa_hint = fake_gpa(&f, BASE + 0xffe);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\xf3\xaa");			/* rep stosb */
	do
		s = fake_run(&f);
	while (s == SLAT_EMUL_DONE && f.e.rip == CODE);
	tap_ok(s == SLAT_EMUL_DONE && f.memory[0x2001] == 0 && f.memory[0x1ffe] == 0 &&
	       f.e.gpr[SLAT_RDI] == BASE + 0x2002, "and only for the first iteration");
}

static void test_string(void)
{
	enum slat_emul_status s;
	unsigned int runs = 0;

	start(ram_mmio);
	f.e.gpr[SLAT_RSI] = BASE;
	f.e.gpr[SLAT_RDI] = BASE + 4096;
	f.e.gpr[SLAT_RCX] = 3;
	RUN_CODE(&f, "\xf3\xa5");			/* rep movsd */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE + 4096, 4, true) && f.e.rip == CODE &&
	       f.e.gpr[SLAT_RCX] == 2 && f.e.gpr[SLAT_RSI] == BASE + 4,
	       "rep movs: one element out, registers moved, RIP stays");
	s = fake_answer(&f);
	s = s == SLAT_EMUL_MMIO ? fake_answer(&f) : s;
	tap_ok(s == SLAT_EMUL_MMIO && f.e.rip == CODE + 2 && !f.e.gpr[SLAT_RCX],
	       "with the last element RIP moves on");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_DONE && !memcmp(f.memory, f.memory + 4096, 12), "rep movs: copied");

	start(NULL);
	f.e.gpr[SLAT_RDI] = BASE;
	f.e.gpr[SLAT_RCX] = 5000;
	RUN_CODE(&f, "\xf3\xaa");
	do {
		s = slat_emul_run(&f.e);
		runs++;
	} while (s == SLAT_EMUL_DONE && f.e.rip == CODE && runs < 100);
	tap_ok(s == SLAT_EMUL_DONE && runs == 5 && !f.e.gpr[SLAT_RCX] && !f.memory[4999],
	       "a long rep comes back to the guest now and then");

	start(NULL);
	f.e.gpr[SLAT_RDI] = BASE;
	f.e.gpr[SLAT_RCX] = 10;
	f.stop = true;
	RUN_CODE(&f, "\xf3\xaa");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == CODE && f.e.gpr[SLAT_RCX] == 9,
	       "pending work ends a rep after one iteration");
	f.stop = false;
	f.e.rflags |= SLAT_FLAG_TF;
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RCX] == 8, "so does single-stepping");

	start(ram_mmio);
	f.e.gpr[SLAT_RSI] = BASE;
	f.e.gpr[SLAT_RDI] = BASE + 3 * 4096 - 2;
	f.e.gpr[SLAT_RCX] = 5;
	RUN_CODE(&f, "\xf3\xa4");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.cr2 == BASE + 3 * 4096 &&
	       f.e.gpr[SLAT_RCX] == 3 && f.e.rip == CODE,
	       "a fault in the middle of a rep keeps what was done");
}

static void test_port(void)
{
	u8 data[SLAT_EMUL_PIO_DATA];
	enum slat_emul_status s;
	u64 old;

	memset(data, 0xa5, sizeof(data));
	start(NULL);
	f.e.gpr[SLAT_RDX] = 0x3f8;
	old = f.e.gpr[SLAT_RAX] = 0x1122334455667788;
	RUN_CODE(&f, "\xec");				/* in al, dx */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.port == 0x3f8 && f.e.pio.size == 1 &&
	       f.e.pio.is_in && f.e.pio.count == 1 && f.e.rip == CODE &&
	       f.e.gpr[SLAT_RAX] == old, "in: RIP stays until the answer");
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == 0x11223344556677a5 &&
	       f.e.rip == CODE + 1, "in: only AL changes");

	start(NULL);
	f.e.gpr[SLAT_RAX] = 0x12345678;
	RUN_CODE(&f, "\xe7\x80");			/* out 80, eax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.port == 0x80 && f.e.pio.size == 4 &&
	       !f.e.pio.is_in && !memcmp(f.e.pio.data, "\x78\x56\x34\x12", 4) &&
	       f.e.rip == CODE, "out: four bytes to an immediate port");
	s = slat_emul_complete_pio(&f.e, NULL);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == CODE + 2, "out: done after the exit");

	start(NULL);
	f.allowed_port = 0x80;
	RUN_CODE(&f, "\xe7\x80");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP && untouched(),
	       "a port that the guest may not use: #GP(0)");

	start(NULL);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RDI] = BASE + 4096 - 100;
	f.e.gpr[SLAT_RCX] = 150;
	RUN_CODE(&f, "\xf3\x6c");			/* rep insb */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 100 && f.e.gpr[SLAT_RCX] == 150,
	       "rep ins reads ahead to the end of the page");
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 50 && f.e.gpr[SLAT_RCX] == 50 &&
	       f.memory[4095] == 0xa5, "then the rest from the next page");
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == CODE + 2 && f.memory[4096 + 49] == 0xa5 &&
	       f.memory[4096 + 50] != 0xa5, "rep ins: exactly the count");

	start(NULL);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RDI] = BASE + 4096 + 4;
	f.e.gpr[SLAT_RCX] = 10;
	f.e.rflags |= SLAT_FLAG_DF;
	RUN_CODE(&f, "\xf3\x66\x6d");			/* rep insw */
	slat_emul_run(&f.e);
	tap_ok(f.e.pio.count == 3, "downwards: the element here and those below it");
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(s == SLAT_EMUL_PIO && f.e.gpr[SLAT_RDI] == BASE + 4094 &&
	       f.memory[4096] == 0xa5 && f.memory[4101] == 0xa5 && f.memory[4102] != 0xa5 &&
	       f.memory[4095] != 0xa5, "and they land there");

	start(NULL);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RDI] = BASE;
	f.e.gpr[SLAT_RCX] = 2;
	f.e.rflags |= SLAT_FLAG_TF;
	RUN_CODE(&f, "\xf3\x6c");
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(f.e.pio.count == 1 && s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RCX] == 1 &&
	       f.e.rip == CODE, "single-stepped, rep ins takes one element");

	start(NULL);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RDI] = BASE;
	f.e.gpr[SLAT_RCX] = 2;
	RUN_CODE(&f, "\xf3\x6c");
	slat_emul_run(&f.e);
	f.e.gpr[SLAT_RCX] = 1;
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(s == SLAT_EMUL_DONE && !f.e.gpr[SLAT_RCX] && f.e.rip == CODE + 2 &&
	       f.e.gpr[SLAT_RDI] == BASE + 1, "a count lowered by user space is obeyed");
	start(NULL);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RDI] = BASE;
	f.e.gpr[SLAT_RCX] = 3;
	RUN_CODE(&f, "\xf3\x6c");
	slat_emul_run(&f.e);
	f.e.gpr[SLAT_RCX] = 8192;
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(s == SLAT_EMUL_PIO && f.e.gpr[SLAT_RCX] == 8189 &&
	       f.e.pio.count == SLAT_EMUL_PIO_DATA, "and a raised one: the next batch follows");

	start(NULL);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RSI] = BASE + 8192 - 6;
	f.e.gpr[SLAT_RCX] = 4;
	RUN_CODE(&f, "\xf3\x66\x6f");			/* rep outsw */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 3 && f.e.pio.size == 2 &&
	       !memcmp(f.e.pio.data, f.memory + 8192 - 6, 6) && f.e.gpr[SLAT_RCX] == 1 &&
	       f.e.rip == CODE, "rep outs sends what is in the page");
	s = slat_emul_complete_pio(&f.e, NULL);
	tap_ok(s == SLAT_EMUL_PIO && f.e.pio.count == 1 && f.e.rip == CODE + 3 &&
	       slat_emul_complete_pio(&f.e, NULL) == SLAT_EMUL_DONE, "then the last element");

	start(all_mmio);
	f.e.gpr[SLAT_RDX] = 0x80;
	f.e.gpr[SLAT_RDI] = BASE;
	RUN_CODE(&f, "\x6d");				/* insd to a device */
	slat_emul_run(&f.e);
	s = slat_emul_complete_pio(&f.e, data);
	tap_ok(s == SLAT_EMUL_MMIO && mmio_is(BASE, 4, true) && f.e.rip == CODE + 1 &&
	       fake_answer(&f) == SLAT_EMUL_DONE && peek(BASE, 4) == 0xa5a5a5a5,
	       "ins into a device: the port, then the device");
}

static void test_small_modes(void)
{
	enum slat_emul_status s;

	start(NULL);
	f.e.mode = SLAT_MODE_REAL;
	f.e.rip = 0x10;
	f.seg[SLAT_SEG_CS] = 0x7c00;
	f.seg[SLAT_SEG_DS] = BASE;
	f.e.gpr[SLAT_RBX] = 0xfff0;
	f.e.gpr[SLAT_RSI] = 0x20;
	RUN_CODE(&f, "\x8b\x00");			/* mov ax, [bx + si] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && (u16)f.e.gpr[SLAT_RAX] == peek(BASE + 0x10, 2) &&
	       f.e.rip == 0x12, "real mode: bases added, 16-bit addresses wrap");
	f.check_limit = 0xf;
	f.e.rip = 0x10;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP && f.e.rip == 0x10,
	       "past the segment limit: #GP");

	start(NULL);
	f.e.mode = SLAT_MODE_PROT32;
	f.e.rip = CODE;
	f.seg[SLAT_SEG_DS] = 0xfffff000;
	f.e.gpr[SLAT_RAX] = 0;
	RUN_CODE(&f, "\xa1\x04\x10\x00\x20");		/* mov eax, [20001004] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == peek(BASE + 4, 4),
	       "32-bit: base plus offset wraps at 4 GiB");

	start(NULL);
	f.e.mode = SLAT_MODE_PROT16;
	f.e.stack_size = 2;
	f.seg[SLAT_SEG_SS] = BASE;
	f.e.gpr[SLAT_RSP] = 0xabcd0002;
	f.e.gpr[SLAT_RAX] = 0x5678;
	RUN_CODE(&f, "\x50");				/* push ax */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && peek(BASE, 2) == 0x5678 &&
	       f.e.gpr[SLAT_RSP] == 0xabcd0000, "16-bit stack: only SP moves");
	f.e.gpr[SLAT_RSP] = 0xabcd0000;
	f.e.rip = CODE;
	RUN_CODE(&f, "\x66\x5b");			/* pop ebx */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RBX] == peek(BASE, 4) &&
	       f.e.gpr[SLAT_RSP] == 0xabcd0004, "32-bit pop from a 16-bit stack");
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	test_read();
	test_abandoned();
	test_write();
	test_last();
	test_modify();
	test_wide_exchange();
	test_fragments();
	test_faults();
	test_refusals();
	test_fetch();
	test_repeated();
	test_hint();
	test_string();
	test_port();
	test_small_modes();
	return tap_end();
}
