// SPDX-License-Identifier: GPL-2.0
/*
 * Every emulated instruction against the processor: random instructions with
 * random operands run natively on a buffer and in the emulator on a copy of
 * it, whose pages are RAM, device, read-only or missing. Registers, flags,
 * vector registers, memory and faults must come out the same.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake.h"
#include "native.h"
#include "tap.h"

#define GS_BASE		0x1230ull

/* One random case. */
struct trial {
	u8 bytes[SLAT_INSN_MAX_LEN];
	struct slat_insn insn;
	struct native_regs regs;
};

static u64 fs_base;
static u16 selectors[SLAT_SEG_NR];
static unsigned long done_by_op[SLAT_OP_NR];
static unsigned long faults;

static void read_segments(void)
{
	unsigned long base = 0;

	syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
	fs_base = base;
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
	asm volatile("mov %%es, %0" : "=r"(selectors[SLAT_SEG_ES]));
	asm volatile("mov %%cs, %0" : "=r"(selectors[SLAT_SEG_CS]));
	asm volatile("mov %%ss, %0" : "=r"(selectors[SLAT_SEG_SS]));
	asm volatile("mov %%ds, %0" : "=r"(selectors[SLAT_SEG_DS]));
	asm volatile("mov %%fs, %0" : "=r"(selectors[SLAT_SEG_FS]));
	asm volatile("mov %%gs, %0" : "=r"(selectors[SLAT_SEG_GS]));
}

static u64 segment_base(unsigned int seg)
{
	if (seg == SLAT_SEG_FS)
		return fs_base;
	return seg == SLAT_SEG_GS ? GS_BASE : 0;
}

/* Flags that the SDM leaves undefined, where processors differ. */
static u64 undefined_flags(const struct slat_insn *insn, unsigned int count)
{
	unsigned int width = 8 * insn->dst.size;

	count &= width == 64 ? 63 : 31;
	switch (insn->op) {
	case SLAT_OP_AND:
	case SLAT_OP_OR:
	case SLAT_OP_XOR:
	case SLAT_OP_TEST:
		return SLAT_FLAG_AF;
	case SLAT_OP_ROL ... SLAT_OP_RCR:
		return count == 1 ? 0 : SLAT_FLAG_OF;
	case SLAT_OP_SHL ... SLAT_OP_SAR:
	case SLAT_OP_SHLD:
	case SLAT_OP_SHRD:
		if (!count)
			return 0;
		return SLAT_FLAG_AF | (count == 1 ? 0 : SLAT_FLAG_OF) |
		       (count >= width ? SLAT_FLAG_CF : 0) |
		       (count > width && insn->op >= SLAT_OP_SHLD ?
			SLAT_FLAG_ARITH : 0);
	case SLAT_OP_MUL:
	case SLAT_OP_IMUL1:
	case SLAT_OP_IMUL:
		return SLAT_FLAG_SF | SLAT_FLAG_ZF | SLAT_FLAG_AF | SLAT_FLAG_PF;
	case SLAT_OP_BT ... SLAT_OP_BTC:
		return SLAT_FLAG_OF | SLAT_FLAG_SF | SLAT_FLAG_AF | SLAT_FLAG_PF;
	default:
		return 0;
	}
}

/* A 16-bit double shift by more than 16 has no defined result at all. */
static bool is_undefined(const struct trial *t)
{
	unsigned int count = t->insn.imm_len ? t->insn.imm : t->regs.gpr[SLAT_RCX];

	return (t->insn.op == SLAT_OP_SHLD || t->insn.op == SLAT_OP_SHRD) &&
	       t->insn.dst.size == 2 && (count & 31) > 16;
}

static bool is_candidate(const struct slat_insn *insn)
{
	switch (insn->op) {
	case SLAT_OP_IN:
	case SLAT_OP_OUT:
	case SLAT_OP_INS:
	case SLAT_OP_OUTS:
	case SLAT_OP_NOP:
		return false;
	default:
		return true;
	}
}

/* Draw until there is an instruction that is emulated. */
static void draw_instruction(struct trial *t)
{
	static const u8 prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64, 0x65 };
	unsigned int pos, i;

	do {
		pos = 0;
		for (i = 0; i < sizeof(t->bytes); i++)
			t->bytes[i] = rnd();
		while (pos < 4 && rnd_one_in(3))
			t->bytes[pos++] = prefixes[rnd_below(sizeof(prefixes))];
		if (rnd_one_in(2))
			t->bytes[pos++] = 0x40 | rnd_below(16);
		if (rnd_one_in(2))
			t->bytes[pos++] = 0x0f;
		if (pos && t->bytes[pos - 1] == 0x0f && rnd_one_in(16))
			t->bytes[pos++] = 0x38;
	} while (slat_insn_decode(&t->insn, t->bytes, sizeof(t->bytes),
				  SLAT_MODE_LONG) || !is_candidate(&t->insn));
}

static bool has_memory(const struct slat_insn *insn)
{
	return insn->dst.type == SLAT_OPND_MEM || insn->src.type == SLAT_OPND_MEM;
}

static u64 asize_mask(const struct slat_insn *insn)
{
	return insn->asize == 4 ? 0xffffffff : ~0ull;
}

/* Somewhere in the data, with a liking for page borders and the ends. */
static u64 draw_address(void)
{
	switch (rnd_below(8)) {
	case 0:
	case 1:
		return NATIVE_DATA + 4096 * rnd_below(FAKE_PAGES + 1) - 1 -
		       rnd_below(16);
	case 2:
		return NATIVE_DATA + 4096 * (1 + rnd_below(3)) + 512 * rnd_below(6);
	case 3:
		return NATIVE_DATA + 16 * (64 + rnd_below(900));
	default:
		return NATIVE_DATA + 1024 + rnd_below(FAKE_BYTES - 2048);
	}
}

/* Write a displacement into the instruction's bytes. */
static bool patch_disp(struct trial *t, u64 disp, unsigned int bytes)
{
	unsigned int at = t->insn.len - t->insn.imm_len - bytes;

	if (bytes == 4 && (u64)(s64)(s32)disp != disp)
		return false;
	memcpy(t->bytes + at, &disp, bytes);
	return slat_insn_decode(&t->insn, t->bytes, sizeof(t->bytes),
				SLAT_MODE_LONG) == 0 && t->insn.disp == disp;
}

static u64 address_of(const struct trial *t)
{
	const struct slat_insn *insn = &t->insn;
	u64 address = insn->disp;

	if (insn->base != SLAT_GPR_NONE)
		address += t->regs.gpr[insn->base];
	if (insn->index != SLAT_GPR_NONE)
		address += t->regs.gpr[insn->index] << insn->scale;
	if (insn->rip_relative)
		address += native_rip() + insn->len;
	return address & asize_mask(insn);
}

/* Choose registers or a displacement so that the operand is at @target. */
static bool aim(struct trial *t, u64 target)
{
	struct slat_insn *insn = &t->insn;
	u64 want = target - segment_base(insn->seg);
	u64 *gpr = t->regs.gpr;

	if (insn->op == SLAT_OP_POP && insn->base == SLAT_RSP)
		want -= insn->osize;
	if (insn->base != SLAT_GPR_NONE) {
		gpr[insn->base] = 0;
		gpr[insn->base] = want - address_of(t);
		if (insn->asize == 4 && rnd_one_in(2))
			gpr[insn->base] |= rnd() << 32;
	} else if (insn->index != SLAT_GPR_NONE) {
		gpr[insn->index] = (want - insn->disp) >> insn->scale;
	} else if ((insn->modrm & 0xc0) == 0 && insn->has_modrm) {
		if (insn->rip_relative)
			want -= native_rip() + insn->len;
		if (!patch_disp(t, want, 4))
			return false;
	} else if (!patch_disp(t, want, insn->asize)) {
		return false;
	}
	return address_of(t) + segment_base(insn->seg) ==
	       target - (insn->op == SLAT_OP_POP && insn->base == SLAT_RSP ?
			 insn->osize : 0);
}

static void draw_registers(struct trial *t)
{
	const struct slat_insn *insn = &t->insn;
	u64 upper = insn->asize == 4 ? rnd() << 32 : 0;
	unsigned int i;

	for (i = 0; i < 16; i++)
		t->regs.gpr[i] = rnd_value();
	for (i = 0; i < 16; i++) {
		u64 words[2] = { rnd(), rnd() };

		memcpy(t->regs.xmm[i], words, 16);
	}
	t->regs.rflags = 2 | (rnd() & SLAT_FLAG_ARITH);
	if (insn->op == SLAT_OP_PUSH || insn->op == SLAT_OP_POP)
		t->regs.gpr[SLAT_RSP] = draw_address();
	if (insn->op < SLAT_OP_MOVS || insn->op > SLAT_OP_SCAS)
		return;
	if (rnd_one_in(2))
		t->regs.rflags |= SLAT_FLAG_DF;
	t->regs.gpr[SLAT_RSI] = (draw_address() - segment_base(insn->seg)) | upper;
	t->regs.gpr[SLAT_RDI] = draw_address() | upper;
	if (insn->rep)
		t->regs.gpr[SLAT_RCX] = rnd_below(24) | upper;
}

/* Bit offsets in registers stay near; the rest of the drawing is retried. */
static bool draw_trial(struct trial *t)
{
	struct slat_insn *insn = &t->insn;
	bool bits;

	draw_instruction(t);
	bits = insn->op >= SLAT_OP_BT && insn->op <= SLAT_OP_BTC &&
	       insn->src.type == SLAT_OPND_REG;
	draw_registers(t);
	if (insn->src.type == SLAT_OPND_STR_SRC && insn->seg == SLAT_SEG_FS)
		return insn->asize == 8;
	if (!has_memory(insn))
		return true;
	if (bits && rnd_one_in(2))
		t->regs.gpr[insn->src.reg] = (s64)rnd_below(4000) - 2000;
	return aim(t, draw_address());
}

/* Make comparisons succeed often enough. */
static void plant_equality(struct trial *t, u8 *memory)
{
	u64 address = address_of(t) + segment_base(t->insn.seg) - NATIVE_DATA;
	unsigned int i;

	if (!rnd_one_in(2))
		return;
	if (t->insn.op == SLAT_OP_CMPS || t->insn.op == SLAT_OP_SCAS) {
		u8 fill = t->regs.gpr[SLAT_RAX];

		for (i = 0; i < FAKE_BYTES; i++)
			if (!rnd_one_in(12))
				memory[i] = fill;
		t->regs.gpr[SLAT_RAX] = fill * 0x0101010101010101ull;
	}
	if (t->insn.op == SLAT_OP_CMPXCHG && address < FAKE_BYTES - 16)
		memcpy(&t->regs.gpr[SLAT_RAX], memory + address, 8);
	if (t->insn.op == SLAT_OP_CMPXCHG8B && address < FAKE_BYTES - 16) {
		unsigned int half = t->insn.dst.size / 2;

		memcpy(&t->regs.gpr[SLAT_RAX], memory + address, half);
		memcpy(&t->regs.gpr[SLAT_RDX], memory + address + half, half);
	}
}

static void setup_fake(struct fake *f, const struct trial *t)
{
	unsigned int i, style = rnd_below(4);

	for (i = 0; i < FAKE_PAGES; i++)
		f->page[i] = style == 0 ? FAKE_RAM : style == 1 ? FAKE_MMIO :
			     (enum fake_page)rnd_below(3);
	f->guard = NATIVE_GUARD - 4096;
	f->e.cpl = 3;
	memcpy(f->e.gpr, t->regs.gpr, sizeof(f->e.gpr));
	memcpy(f->xmm, t->regs.xmm, sizeof(f->xmm));
	f->e.rflags = t->regs.rflags;
	f->e.rip = native_rip();
	f->seg[SLAT_SEG_FS] = fs_base;
	f->seg[SLAT_SEG_GS] = GS_BASE;
	memcpy(f->selector, selectors, sizeof(f->selector));
	fake_code(f, t->bytes, t->insn.len);
}

static const char *compare(const struct trial *t, const struct fake *f,
			   const struct native_regs *after, unsigned int count)
{
	u64 flags = SLAT_FLAG_ARITH | SLAT_FLAG_DF;

	flags &= ~undefined_flags(&t->insn, count);
	if (f->e.rip != native_rip() + t->insn.len)
		return "rip";
	if (memcmp(f->e.gpr, after->gpr, sizeof(after->gpr)))
		return "registers";
	if ((f->e.rflags ^ after->rflags) & flags)
		return "flags";
	if (memcmp(f->xmm, after->xmm, sizeof(after->xmm)))
		return "vector registers";
	if (memcmp(f->memory, (void *)NATIVE_DATA, FAKE_BYTES))
		return "memory";
	return NULL;
}

static void report(const struct trial *t, const struct fake *f,
		   const struct native_regs *after, const char *what)
{
	char hex[3 * SLAT_INSN_MAX_LEN + 1] = "";
	unsigned int i;

	for (i = 0; i < t->insn.len; i++)
		sprintf(hex + 3 * i, "%02x ", t->bytes[i]);
	tap_note("%s differ: %s(op %u, map %u opcode %02x)", what, hex,
		 t->insn.op, t->insn.map, t->insn.opcode);
	for (i = 0; i < 16; i++)
		if (f->e.gpr[i] != after->gpr[i])
			tap_note("  reg %u: before %llx emulated %llx native %llx", i,
				 t->regs.gpr[i], f->e.gpr[i], after->gpr[i]);
	tap_note("  flags before %llx emulated %llx native %llx rcx %llx",
		 t->regs.rflags, f->e.rflags, after->rflags,
		 t->regs.gpr[SLAT_RCX]);
}

/* Returns false when the case was no use, else counts into @wrong. */
static bool run_trial(struct fake *f, unsigned long *wrong)
{
	enum slat_emul_status status;
	struct native_regs after;
	const char *what = NULL;
	struct trial t;
	bool native;
	unsigned int i;

	if (!draw_trial(&t) || is_undefined(&t))
		return false;
	fake_init(f, NATIVE_DATA);
	for (i = 0; i < FAKE_BYTES; i += 8) {
		u64 word = rnd();

		memcpy(f->memory + i, &word, 8);
	}
	plant_equality(&t, f->memory);
	memcpy((void *)NATIVE_DATA, f->memory, FAKE_BYTES);
	setup_fake(f, &t);
	status = fake_run(f);
	if (f->strayed)
		return false;
	after = t.regs;
	native = native_run(t.bytes, t.insn.len, &after);
	if (!native) {
		faults++;
		/* Iterations before the fault count in both. */
		if (status != SLAT_EMUL_EXCEPTION)
			what = "faults (only native did)";
		else if (memcmp(f->memory, (void *)NATIVE_DATA, FAKE_BYTES))
			what = "memory after a fault";
	} else if (status != SLAT_EMUL_DONE) {
		what = "status";
	} else {
		what = compare(&t, f, &after,
			       t.insn.src.type == SLAT_OPND_IMM || t.insn.imm_len ?
			       t.insn.imm : t.regs.gpr[SLAT_RCX]);
	}
	done_by_op[t.insn.op]++;
	if (what && (*wrong)++ < 30)
		report(&t, f, &after, what);
	return true;
}

static void test_random(unsigned long count)
{
	unsigned long i = 0, wrong = 0, missed = 0;
	static struct fake f;
	unsigned int op;

	while (i < count)
		i += run_trial(&f, &wrong);
	tap_ok(!wrong, "%lu random instructions as on the processor (%lu faulted), %lu differ",
	       count, faults, wrong);
	for (op = SLAT_OP_NONE + 1; op < SLAT_OP_NR; op++) {
		struct slat_insn insn = { .op = op };

		if (is_candidate(&insn) && !done_by_op[op]) {
			tap_note("operation %u was never drawn", op);
			missed++;
		}
	}
	tap_ok(!missed, "every emulated operation was drawn");
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	read_segments();
	if (!native_init(FAKE_BYTES)) {
		tap_skip("native execution", "low addresses are taken");
		return tap_end();
	}
	test_random(tap_count(100000));
	return tap_end();
}
