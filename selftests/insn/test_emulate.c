// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's contract with its glue: what is committed when, how device
 * accesses are cut into fragments, what each failure leaves behind.
 */
#include "scene.h"
#include "tap.h"

static struct fake f;

static void test_read(void)
{
	static const u8 answer[8] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 };
	enum slat_emul_status s;

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	RUN_CODE(&f, "\x8b\x03");			/* mov eax, [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x100, 4, false) &&
	       scene_untouched(&f) && slat_emul_pending(&f.e),
	       "read: nothing is committed before the answer");
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == 0x55667788 &&
	       f.e.rip == SCENE_CODE + 2 && !slat_emul_pending(&f.e),
	       "read: the answer reaches the register, upper half cleared");
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_UNHANDLED && f.e.gpr[SLAT_RAX] == 0x55667788,
	       "completion without a pending access is refused");

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	RUN_CODE(&f, "\x48\x8b\x03");			/* mov rax, [rbx] */
	slat_emul_run(&f.e);
	memset(f.code, 0xcc, sizeof(f.code));
	f.e.gpr[SLAT_RDI] = 0xabc;			/* KVM_SET_REGS */
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == 0x1122334455667788 &&
	       f.e.gpr[SLAT_RDI] == 0xabc && f.nr_fetch == 1,
	       "rewritten code does not matter any more, new registers do");

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	RUN_CODE(&f, "\x8b\x03");
	slat_emul_run(&f.e);
	slat_emul_cancel(&f.e);
	tap_ok(!slat_emul_pending(&f.e) && scene_untouched(&f) &&
	       slat_emul_complete_mmio(&f.e, answer) == SLAT_EMUL_UNHANDLED,
	       "a cancelled access leaves everything as it was");
}

/* An abandoned instruction leaves nothing to the next one. */
static void test_abandoned(void)
{
	enum slat_emul_status s;

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 4093;
	RUN_CODE(&f, "\x48\x8b\x03");
	slat_emul_run(&f.e);
	fake_answer(&f);				/* half of it */
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x300;
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x300, 8, false) &&
	       fake_answer(&f) == SLAT_EMUL_DONE &&
	       f.e.gpr[SLAT_RAX] == scene_peek(&f, SCENE_BASE + 0x300, 8),
	       "a new run forgets what an abandoned one has read");

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 0x100;
	RUN_CODE(&f, "\x0f\xc7\x0f");			/* cmpxchg8b [rdi] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_log == 2 && f.log[0].len == 8 &&
	       f.log[1].len == 8 && f.log[1].is_write,
	       "cmpxchg8b on a device: 8 bytes in, 8 bytes out");
}

static void test_write(void)
{
	enum slat_emul_status s;

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x208;
	f.e.gpr[SLAT_RAX] = 0x0123456789abcdef;
	RUN_CODE(&f, "\x48\x89\x03");			/* mov [rbx], rax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x208, 8, true) &&
	       !memcmp(f.e.mmio.data, &f.e.gpr[SLAT_RAX], 8) && f.e.rip == SCENE_CODE + 3,
	       "write: RIP is past the instruction when the data goes out");
	s = slat_emul_complete_mmio(&f.e, NULL);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE + 3, "write: then done");

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x40;
	RUN_CODE(&f, "\xc6\x03\x5a");			/* mov byte [rbx], 5a */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x40, 1, true) &&
	       f.e.mmio.data[0] == 0x5a && !f.e.mmio.data[1], "write of an immediate byte");

	scene_start(&f, scene_all_mmio);
	f.page[0] = FAKE_READONLY;
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x10;
	RUN_CODE(&f, "\x83\x03\x05");			/* add dword [rbx], 5 */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x10, 4, true),
	       "read-only slot: read from RAM, the write exits");
}

/* A pending access after which nothing is left to do may be cancelled. */
static void test_last(void)
{
	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 4092;
	RUN_CODE(&f, "\x48\x01\x03");			/* add [rbx], rax */
	slat_emul_run(&f.e);
	tap_ok(!slat_emul_is_last(&f.e), "a read is never the last act");
	fake_answer(&f);
	fake_answer(&f);
	tap_ok(f.e.mmio.is_write && !slat_emul_is_last(&f.e), "nor a write with another fragment");
	fake_answer(&f);
	tap_ok(f.e.mmio.is_write && slat_emul_is_last(&f.e) && f.e.rip == SCENE_CODE + 3,
	       "its last fragment is");
	slat_emul_cancel(&f.e);
	tap_ok(f.e.rip == SCENE_CODE + 3 && !slat_emul_pending(&f.e) && !slat_emul_is_last(&f.e),
	       "and can be cancelled without loss");

	scene_start(&f, scene_ram_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 8192 - 2;
	RUN_CODE(&f, "\x89\x03");			/* device, then RAM */
	slat_emul_run(&f.e);
	tap_ok(slat_emul_is_last(&f.e), "what is left in RAM is written already");

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RDI] = SCENE_BASE;
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

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	f.e.gpr[SLAT_RAX] = 1;
	RUN_CODE(&f, "\xf0\x01\x03");			/* lock add [rbx], eax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x100, 4, false),
	       "read-modify-write reads first");
	s = slat_emul_complete_mmio(&f.e, answer);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 0x100, 4, true) &&
	       !memcmp(f.e.mmio.data, "\0\0\0\0", 4) && f.e.rip == SCENE_CODE + 3 &&
	       (f.e.rflags & SLAT_FLAG_ARITH) == (SLAT_FLAG_CF | SLAT_FLAG_ZF |
						  SLAT_FLAG_PF | SLAT_FLAG_AF),
	       "then writes the sum, with flags committed");
	tap_ok(slat_emul_complete_mmio(&f.e, NULL) == SLAT_EMUL_DONE, "then ends");

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	f.race = 1;
	RUN_CODE(&f, "\xf0\x01\x03");
	s = slat_emul_run(&f.e);
	f.memory[0x100]--;		/* what the other vCPU did */
	tap_ok(s == SLAT_EMUL_RETRY && scene_untouched(&f),
	       "a lost cmpxchg on RAM: retry, nothing changed");

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x13e;
	RUN_CODE(&f, "\xf0\x01\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && !f.nr_cmpxchg, "a lock across a cache line is a plain write");

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	RUN_CODE(&f, "\x87\x03");			/* xchg [rbx], eax */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_cmpxchg == 1 && scene_peek(&f, SCENE_BASE + 0x100, 4) == 0,
	       "xchg with RAM is atomic without a prefix");
}

static void test_wide_exchange(void)
{
	enum slat_emul_status s;
	u8 want[16];

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 0x100;
	f.e.gpr[SLAT_RAX] = scene_peek(&f, SCENE_BASE + 0x100, 8);
	f.e.gpr[SLAT_RDX] = scene_peek(&f, SCENE_BASE + 0x108, 8);
	memcpy(want, &f.e.gpr[SLAT_RBX], 8);
	memcpy(want + 8, &f.e.gpr[SLAT_RCX], 8);
	RUN_CODE(&f, "\xf0\x48\x0f\xc7\x0f");	/* lock cmpxchg16b [rdi] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_cmpxchg == 1 &&
	       !memcmp(f.memory + 0x100, want, 16) && (f.e.rflags & SLAT_FLAG_ZF),
	       "16 bytes are exchanged atomically");
	f.e.rip = SCENE_CODE;
	f.e.gpr[SLAT_RAX] = scene_peek(&f, SCENE_BASE + 0x100, 8);
	f.e.gpr[SLAT_RDX] = ~scene_peek(&f, SCENE_BASE + 0x108, 8);
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && !(f.e.rflags & SLAT_FLAG_ZF) &&
	       f.e.gpr[SLAT_RDX] == scene_peek(&f, SCENE_BASE + 0x108, 8),
	       "both halves must match");
	f.e.rip = SCENE_CODE;
	f.race = 1;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_RETRY && f.e.rip == SCENE_CODE, "16 bytes, lost race: retry");
	f.e.gpr[SLAT_RDI] += 8;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP,
	       "cmpxchg16b misaligned: #GP(0)");
}

static void test_fragments(void)
{
	enum slat_emul_status s;
	u64 want;

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 4093;
	want = scene_peek(&f, SCENE_BASE + 4093, 8);
	RUN_CODE(&f, "\x48\x8b\x03");			/* mov rax, [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 4093, 3, false),
	       "across pages: first part");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 4096, 5, false) &&
	       f.e.rip == SCENE_CODE, "across pages: second part, nothing committed yet");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == want, "across pages: joined");

	scene_start(&f, scene_ram_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 4096 - 4;
	RUN_CODE(&f, "\x0f\x11\x0b");			/* movups [rbx], xmm1 */
	memcpy(f.ymm[1], "0123456789abcdef", 16);
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 4096, 8, true) &&
	       !memcmp(f.memory + 4092, "0123", 4) && !memcmp(f.e.mmio.data, "456789ab", 8),
	       "16 bytes from RAM into a device: RAM part written, 8 bytes exit");
	s = fake_answer(&f);
	tap_ok(s == SLAT_EMUL_MMIO && scene_mmio_is(&f, SCENE_BASE + 4104, 4, true) &&
	       !memcmp(f.e.mmio.data, "cdef", 4), "the rest in a fragment of its own");
	tap_ok(fake_answer(&f) == SLAT_EMUL_DONE &&
	       !memcmp(f.memory + 4092, "0123456789abcdef", 16), "all 16 bytes arrived");

	scene_start(&f, scene_ram_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 8192 - 4;
	RUN_CODE(&f, "\x0f\x10\x0b");			/* movups xmm1, [rbx] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_log == 1 && f.log[0].len == 4 &&
	       !memcmp(f.ymm[1], f.memory + 8188, 16), "16 bytes from a device into RAM's page");
}

static void test_faults(void)
{
	enum slat_emul_status s;

	scene_start(&f, scene_mmio_none);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 4093;
	RUN_CODE(&f, "\x48\x8b\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_PF &&
	       f.e.exception.cr2 == SCENE_BASE + 4096 && scene_untouched(&f),
	       "a fault on the second page comes before the device is read");

	scene_start(&f, scene_ram_mmio);
	f.e.gpr[SLAT_RSI] = SCENE_BASE + 4096;
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 3 * 4096;
	RUN_CODE(&f, "\xa4");				/* movsb */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.error_code == 2 &&
	       f.e.exception.cr2 == SCENE_BASE + 3 * 4096 && scene_untouched(&f),
	       "a destination that faults does so before the device is read");

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RBX] = 0x8000000000000000;
	RUN_CODE(&f, "\x8b\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP &&
	       f.e.exception.has_error && !f.e.exception.error_code && scene_untouched(&f),
	       "an address that is not canonical: #GP(0)");
	scene_start(&f, NULL);
	f.e.gpr[SLAT_RSP] = 0x7ffffffffffd;
	RUN_CODE(&f, "\x8b\x04\x24");			/* mov eax, [rsp] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_SS && scene_untouched(&f),
	       "its last byte not canonical, through SS: #SS(0)");

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 8;
	RUN_CODE(&f, "\x0f\x28\x0b");			/* movaps xmm1, [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP,
	       "movaps with a misaligned operand: #GP(0)");
}

static void test_refusals(void)
{
	enum slat_emul_status s;

	scene_start(&f, scene_all_mmio);
	RUN_CODE(&f, "\x0f\x00\x23");			/* verr [rbx] */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_UNHANDLED && scene_untouched(&f) && f.e.fetched == 15 &&
	       f.e.insn.len == 3 && !memcmp(f.e.insn.bytes, "\x0f\x00\x23", 3),
	       "an instruction that is not emulated: unhandled, with its bytes");
	scene_start(&f, scene_all_mmio);
	RUN_CODE(&f, "\xf0\x8b\x03");			/* lock mov */
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_UD &&
	       !f.e.exception.has_error && scene_untouched(&f), "a lock that is not allowed: #UD");
	scene_start(&f, scene_all_mmio);
	RUN_CODE(&f, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x8b\x03");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP && scene_untouched(&f),
	       "an instruction of 16 bytes: #GP(0)");
	scene_start(&f, scene_all_mmio);
	f.e.ops = &(struct slat_emul_ops) {
		.fetch = f.e.ops->fetch, .translate = f.e.ops->translate,
		.read_gpa = f.e.ops->read_gpa, .write_gpa = f.e.ops->write_gpa,
		.cmpxchg_gpa = f.e.ops->cmpxchg_gpa, .seg_base = f.e.ops->seg_base,
	};
	f.e.gpr[SLAT_RBX] = SCENE_BASE;
	RUN_CODE(&f, "\x0f\x10\x0b");
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_UNHANDLED && scene_untouched(&f), "SSE without its callbacks: unhandled");
}

static int fetch_nothing(void *ctx, u64 linear, void *buf, unsigned int len)
{
	(void)ctx, (void)linear, (void)buf, (void)len;
	return 0;
}

static void test_fetch(void)
{
	enum slat_emul_status s;

	scene_start(&f, NULL);
	f.e.rip = SCENE_CODE + 4094;
	f.e.gpr[SLAT_RBX] = SCENE_BASE;
	RUN_CODE(&f, "\x48\x8b\x43\x10");		/* mov rax, [rbx + 16] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_fetch == 2 &&
	       f.e.gpr[SLAT_RAX] == scene_peek(&f, SCENE_BASE + 16, 8),
	       "an instruction across pages is fetched in two parts");
	scene_start(&f, NULL);
	f.e.rip = SCENE_CODE + 4092;
	f.e.gpr[SLAT_RBX] = SCENE_BASE;
	RUN_CODE(&f, "\x48\x8b\x43\x10");
	f.code_len = 4;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_fetch == 1,
	       "an instruction that ends with its page leaves the next one alone");
	scene_start(&f, NULL);
	f.e.rip = SCENE_CODE + 4094;
	RUN_CODE(&f, "\x48\x8b\x43\x10");
	f.code_len = 2;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.cr2 == SCENE_CODE + 4096,
	       "a fault of the second part is the guest's");

	scene_start(&f, NULL);
	f.e.ops = &(struct slat_emul_ops) { .fetch = fetch_nothing };
	s = slat_emul_run(&f.e);
	tap_ok(s == SLAT_EMUL_UNHANDLED && !f.e.fetched, "no byte to fetch: unhandled, no loop");

	scene_start(&f, NULL);
	f.e.mode = SLAT_MODE_PROT32;
	f.e.rip = 0xfffffffe;
	f.seg[SLAT_SEG_CS] = SCENE_CODE + 2;
	f.e.gpr[SLAT_RBX] = SCENE_BASE;
	RUN_CODE(&f, "\x8b\x43\x10");		/* mov eax, [ebx + 16] */
	f.code_linear = SCENE_CODE;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == scene_peek(&f, SCENE_BASE + 16, 4) &&
	       f.e.rip == 1,
	       "32-bit code: base plus EIP and the next EIP wrap at 4 GiB");
}

/* Run one instruction again and again, changed each time. */
static void test_repeated(void)
{
	enum slat_emul_status s;

	scene_start(&f, NULL);
	f.e.gpr[SLAT_RBX] = SCENE_BASE;
	RUN_CODE(&f, "\x8b\x03\x11\x22");		/* mov eax, [rbx] */
	fake_run(&f);
	f.e.rip = SCENE_CODE;
	RUN_CODE(&f, "\x8b\x43\x40\x33");		/* mov eax, [rbx + 40] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == scene_peek(&f, SCENE_BASE + 0x40, 4) &&
	       f.e.rip == SCENE_CODE + 3, "the same place with other code: decoded anew");
	f.e.rip = SCENE_CODE;
	RUN_CODE(&f, "\x8b\x43\x40\x55");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE + 3 && f.e.insn.bytes[3] == 0x55,
	       "the same instruction again shows its new neighbours");
	f.e.rip = SCENE_CODE;
	f.e.mode = SLAT_MODE_PROT16;
	f.seg[SLAT_SEG_DS] = SCENE_BASE;
	f.e.gpr[SLAT_RBP] = 0x100;
	f.e.gpr[SLAT_RDI] = 0;
	f.seg[SLAT_SEG_SS] = SCENE_BASE;
	s = fake_run(&f);				/* mov ax, [bp + di + 40] */
	tap_ok(s == SLAT_EMUL_DONE && (u16)f.e.gpr[SLAT_RAX] == scene_peek(&f, SCENE_BASE + 0x140, 2),
	       "the same bytes in another mode: decoded anew");
	f.e.mode = SLAT_MODE_LONG;
	f.e.rip = SCENE_CODE;
	RUN_CODE(&f, "\x0f\x00\x23");
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

	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	f.e.gpa_hint = fake_gpa(&f, SCENE_BASE + 0x100);
	f.e.gpa_hint_valid = true;
	f.e.gpa_hint_write = true;
	RUN_CODE(&f, "\x01\x03");			/* add [rbx], eax */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && !f.nr_translate && f.nr_log == 2 &&
	       f.log[1].gpa == fake_gpa(&f, SCENE_BASE + 0x100), "the exit's GPA saves the walk");
	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x100;
	f.e.gpa_hint = fake_gpa(&f, SCENE_BASE + 0x100);
	f.e.gpa_hint_valid = true;
	f.readonly = 1;
	RUN_CODE(&f, "\x89\x03");			/* mov [rbx], eax */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_PF &&
	       f.e.exception.error_code == 2 && !f.nr_log && scene_untouched(&f),
	       "not of a write that the exit does not prove");
	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 0x104;
	f.e.gpa_hint = fake_gpa(&f, SCENE_BASE + 0x100);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\x01\x03");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_translate == 1 &&
	       f.log[0].gpa == fake_gpa(&f, SCENE_BASE + 0x104), "not when the page offset differs");
	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RBX] = SCENE_BASE + 4094;
	f.e.gpa_hint = fake_gpa(&f, SCENE_BASE + 4094);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\x8b\x03");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_translate == 2 && f.nr_log == 2,
	       "nor when the operand crosses a page");
	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RSI] = SCENE_BASE + 0x100;
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 0x1100;
	f.e.gpa_hint = fake_gpa(&f, SCENE_BASE + 0x100);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\xa4");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.nr_translate == 2 &&
	       f.log[1].gpa == fake_gpa(&f, SCENE_BASE + 0x1100), "nor for two memory operands");
	scene_start(&f, scene_all_mmio);
	f.e.gpr[SLAT_RDI] = SCENE_BASE + 0xffe;
	f.e.gpr[SLAT_RCX] = 0x1004;
	f.e.gpa_hint = fake_gpa(&f, SCENE_BASE + 0xffe);
	f.e.gpa_hint_valid = true;
	RUN_CODE(&f, "\xf3\xaa");			/* rep stosb */
	do
		s = fake_run(&f);
	while (s == SLAT_EMUL_DONE && f.e.rip == SCENE_CODE);
	tap_ok(s == SLAT_EMUL_DONE && f.memory[0x2001] == 0 && f.memory[0x1ffe] == 0 &&
	       f.e.gpr[SLAT_RDI] == SCENE_BASE + 0x2002, "and only for the first iteration");
}

static void test_small_modes(void)
{
	enum slat_emul_status s;

	scene_start(&f, NULL);
	f.e.mode = SLAT_MODE_REAL;
	f.e.rip = 0x10;
	f.seg[SLAT_SEG_CS] = 0x7c00;
	f.seg[SLAT_SEG_DS] = SCENE_BASE;
	f.e.gpr[SLAT_RBX] = 0xfff0;
	f.e.gpr[SLAT_RSI] = 0x20;
	RUN_CODE(&f, "\x8b\x00");			/* mov ax, [bx + si] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && (u16)f.e.gpr[SLAT_RAX] == scene_peek(&f, SCENE_BASE + 0x10, 2) &&
	       f.e.rip == 0x12, "real mode: bases added, 16-bit addresses wrap");
	f.check_limit = 0x10;
	f.e.rip = 8;
	RUN_CODE(&f, "\x8b\x00");
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP && f.e.rip == 8,
	       "past the segment limit: #GP");
	f.check_limit = 9;
	f.e.gpr[SLAT_RBX] = 0;
	f.e.gpr[SLAT_RSI] = 0;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.rip == 10, "up to the limit: allowed");
	f.check_limit = 8;
	f.e.rip = 8;
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_EXCEPTION && f.e.exception.vector == SLAT_VEC_GP && f.e.rip == 8,
	       "code that reaches past the limit of CS: #GP");

	scene_start(&f, NULL);
	f.e.mode = SLAT_MODE_PROT32;
	f.e.rip = SCENE_CODE;
	f.seg[SLAT_SEG_DS] = 0xfffff000;
	f.e.gpr[SLAT_RAX] = 0;
	RUN_CODE(&f, "\xa1\x04\x10\x00\x20");		/* mov eax, [20001004] */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RAX] == scene_peek(&f, SCENE_BASE + 4, 4),
	       "32-bit: base plus offset wraps at 4 GiB");

	scene_start(&f, NULL);
	f.e.mode = SLAT_MODE_PROT16;
	f.e.stack_size = 2;
	f.seg[SLAT_SEG_SS] = SCENE_BASE;
	f.e.gpr[SLAT_RSP] = 0xabcd0002;
	f.e.gpr[SLAT_RAX] = 0x5678;
	RUN_CODE(&f, "\x50");				/* push ax */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && scene_peek(&f, SCENE_BASE, 2) == 0x5678 &&
	       f.e.gpr[SLAT_RSP] == 0xabcd0000, "16-bit stack: only SP moves");
	f.e.gpr[SLAT_RSP] = 0xabcd0000;
	f.e.rip = SCENE_CODE;
	RUN_CODE(&f, "\x66\x5b");			/* pop ebx */
	s = fake_run(&f);
	tap_ok(s == SLAT_EMUL_DONE && f.e.gpr[SLAT_RBX] == scene_peek(&f, SCENE_BASE, 4) &&
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
	test_small_modes();
	return tap_end();
}
