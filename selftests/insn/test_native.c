// SPDX-License-Identifier: GPL-2.0
/*
 * Every emulated instruction against the processor: random instructions with
 * random operands run natively on a buffer and in the emulator on a copy of
 * it, whose pages are RAM, device, read-only or missing. Registers, flags,
 * vector registers, memory and faults must come out the same. On a processor of
 * another maker than Intel what is known to differ is left out: makers_differ().
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
	struct native_setup setup;
	u8 bytes[SLAT_INSN_MAX_LEN];
	struct slat_insn insn;
	struct native_regs regs;
};

static u64 fs_base;
static unsigned long done_by_op[SLAT_OP_NR];
static unsigned long faults;
static bool is_intel;

static void read_segments(void)
{
	unsigned long base = 0;

	syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
	fs_base = base;
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
}

static u64 segment_base(const struct native_setup *setup, unsigned int seg)
{
	if (setup->mode != SLAT_MODE_LONG)
		return setup->small ? NATIVE_DATA : 0;
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
	case SLAT_OP_DIV:
	case SLAT_OP_IDIV:
		return SLAT_FLAG_ARITH;
	case SLAT_OP_BSF:
	case SLAT_OP_BSR:
		return SLAT_FLAG_ARITH & ~SLAT_FLAG_ZF;
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

/*
 * Ports trap, branches do not come back, POPF may stop the test itself, and
 * null or code segments fault for reasons of their own. Of system registers a host
 * may show a program what it likes (UMIP), and tables are its own.
 */
static bool is_candidate(const struct slat_insn *insn)
{
	if (insn->mode != SLAT_MODE_LONG &&
	    (insn->seg >= SLAT_SEG_FS || insn->seg == SLAT_SEG_CS))
		return false;
	switch (insn->op) {
	case SLAT_OP_IN:
	case SLAT_OP_OUT:
	case SLAT_OP_INS:
	case SLAT_OP_OUTS:
	case SLAT_OP_POPF:
	case SLAT_OP_CALL:
	case SLAT_OP_JMP:
	case SLAT_OP_RET ... SLAT_OP_IRET:
	case SLAT_OP_LSEG ... SLAT_OP_LMSW:
	case SLAT_OP_NOP:
		return false;
	case SLAT_OP_MOV:
	case SLAT_OP_POP:
		return insn->dst.type != SLAT_OPND_SREG;
	case SLAT_OP_ENTER:
		return !(insn->imm >> 16 & 31);
	case SLAT_OP_VEXMOV:
		return native_has_avx();
	case SLAT_OP_PUSHA:
	case SLAT_OP_POPA:
		return insn->mode != SLAT_MODE_LONG;
	default:
		return true;
	}
}

/*
 * What processors of other makers do in another way, while the emulator does as
 * Intel's. There a selector pushed as 32 bits fills its slot's upper half, MOVSXD
 * to 16 bits reads 32, and nothing is cut where a 32-bit count of 0 has nothing to
 * repeat.
 */
static bool makers_differ(const struct trial *t)
{
	const struct slat_insn *insn = &t->insn;

	if (insn->op == SLAT_OP_PUSH)
		return insn->src.type == SLAT_OPND_SREG && insn->osize == 4;
	if (insn->mode == SLAT_MODE_LONG && insn->map == 0 && insn->opcode == 0x63)
		return insn->osize == 2;
	return insn->rep && insn->mode == SLAT_MODE_LONG && insn->asize == 4 &&
	       !(u32)t->regs.gpr[SLAT_RCX];
}

/* Few of all VEX instructions are moves: begin as they do. */
static void draw_vex(struct trial *t)
{
	static const u8 opcodes[] = { 0x10, 0x11, 0x13, 0x17, 0x28, 0x29, 0x2b, 0x6e,
				      0x6f, 0x7e, 0x7f, 0xd6, 0xe7, 0xf0 };
	bool two = rnd_one_in(2);

	t->bytes[0] = two ? 0xc5 : 0xc4;
	t->bytes[1] = two ? 0x78 | (rnd() & 0x87) : (rnd() & 0xe0) | 1;
	t->bytes[2] = 0x78 | (rnd() & 0x87);
	t->bytes[two ? 2 : 3] = opcodes[rnd_below(sizeof(opcodes))];
}

/* Few of all bytes are ENTER, and few of those of a level that is emulated. */
static void draw_enter(struct trial *t, unsigned int pos)
{
	t->bytes[pos] = 0xc8;
	t->bytes[pos + 3] &= ~31;
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
		if (!pos && rnd_one_in(16)) {
			draw_vex(t);
			continue;
		}
		if (t->setup.mode == SLAT_MODE_LONG && rnd_one_in(2))
			t->bytes[pos++] = 0x40 | rnd_below(16);
		if (rnd_one_in(2))
			t->bytes[pos++] = 0x0f;
		else if (rnd_one_in(64))
			draw_enter(t, pos);
		if (pos && t->bytes[pos - 1] == 0x0f && rnd_one_in(16))
			t->bytes[pos++] = 0x38;
	} while (slat_insn_decode(&t->insn, t->bytes, sizeof(t->bytes),
				  t->setup.mode) || !is_candidate(&t->insn));
}

static bool has_memory(const struct slat_insn *insn)
{
	return insn->dst.type == SLAT_OPND_MEM || insn->src.type == SLAT_OPND_MEM;
}

static u64 asize_mask(const struct slat_insn *insn)
{
	return ~0ull >> (64 - 8 * insn->asize);
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

	memcpy(t->bytes + at, &disp, bytes);
	return slat_insn_decode(&t->insn, t->bytes, sizeof(t->bytes),
				t->setup.mode) == 0;
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
		address += native_rip(&t->setup) + insn->len;
	if (insn->op == SLAT_OP_XLAT)
		address += (u8)t->regs.gpr[SLAT_RAX];
	return address & asize_mask(insn);
}

/* Choose registers or a displacement so that the operand is at @target. */
static bool aim(struct trial *t, u64 target)
{
	struct slat_insn *insn = &t->insn;
	u64 base = segment_base(&t->setup, insn->seg);
	u64 want = target - base;
	u64 *gpr = t->regs.gpr;

	if (insn->op == SLAT_OP_POP && insn->base == SLAT_RSP)
		want -= insn->osize;
	if (insn->base != SLAT_GPR_NONE) {
		gpr[insn->base] = 0;
		gpr[insn->base] = want - address_of(t);
		if (insn->asize < 8) {
			gpr[insn->base] &= asize_mask(insn);
			gpr[insn->base] |= rnd() & ~asize_mask(insn);
		}
	} else if (insn->index != SLAT_GPR_NONE) {
		gpr[insn->index] = (want - insn->disp) >> insn->scale;
	} else if ((insn->modrm & 0xc0) == 0 && insn->has_modrm) {
		if (insn->rip_relative)
			want -= native_rip(&t->setup) + insn->len;
		if (!patch_disp(t, want, insn->asize == 2 ? 2 : 4))
			return false;
	} else if (!patch_disp(t, want, insn->asize)) {
		return false;
	}
	return address_of(t) + base ==
	       target - (insn->op == SLAT_OP_POP && insn->base == SLAT_RSP ?
			 insn->osize : 0);
}

/* Outside 64-bit mode there are eight registers of 32 bits. */
static void cut_registers(struct trial *t)
{
	unsigned int i;

	if (t->setup.mode == SLAT_MODE_LONG)
		return;
	for (i = 0; i < 16; i++)
		t->regs.gpr[i] = i < 8 ? (u32)t->regs.gpr[i] : 0;
}

/* A stack pointer in the data; of a 16-bit one the rest is arbitrary. */
static u64 draw_stack(const struct trial *t)
{
	u64 pointer = draw_address() - segment_base(&t->setup, SLAT_SEG_SS);

	if (t->setup.small && t->setup.mode != SLAT_MODE_LONG)
		pointer = (u16)pointer | (rnd() & 0xffff0000);
	return pointer;
}

static void draw_registers(struct trial *t)
{
	const struct slat_insn *insn = &t->insn;
	u64 upper = rnd() & ~asize_mask(insn);
	u64 data = segment_base(&t->setup, SLAT_SEG_ES);
	unsigned int i;

	for (i = 0; i < 16; i++)
		t->regs.gpr[i] = rnd_value();
	for (i = 0; i < 16; i++) {
		u64 words[4] = { rnd(), rnd(), rnd(), rnd() };

		memset(t->regs.ymm[i], 0, 32);
		memcpy(t->regs.ymm[i], words, native_has_avx() ? 32 : 16);
	}
	for (i = 0; i < 8; i++)
		t->regs.mmx[i] = rnd();
	t->regs.rflags = 2 | (rnd() & SLAT_FLAG_ARITH);
	if (insn->op >= SLAT_OP_PUSH && insn->op <= SLAT_OP_LEAVE) {
		t->regs.gpr[SLAT_RSP] = draw_stack(t);
		t->regs.gpr[SLAT_RBP] = draw_stack(t);
	}
	/* Most random quotients do not fit. */
	if ((insn->op == SLAT_OP_DIV || insn->op == SLAT_OP_IDIV) && rnd_one_in(2)) {
		t->regs.gpr[SLAT_RDX] = rnd_one_in(2) ? 0 : -1;
		t->regs.gpr[SLAT_RAX] = rnd() >> rnd_below(64);
	}
	if (insn->op < SLAT_OP_MOVS || insn->op > SLAT_OP_SCAS)
		return;
	if (rnd_one_in(2))
		t->regs.rflags |= SLAT_FLAG_DF;
	t->regs.gpr[SLAT_RSI] = (draw_address() -
				 segment_base(&t->setup, insn->seg)) & asize_mask(insn);
	t->regs.gpr[SLAT_RDI] = (draw_address() - data) & asize_mask(insn);
	t->regs.gpr[SLAT_RSI] |= upper;
	t->regs.gpr[SLAT_RDI] |= upper;
	if (insn->rep)
		t->regs.gpr[SLAT_RCX] = rnd_below(24) | upper;
}

/* Bit offsets in registers stay near; the rest of the drawing is retried. */
static bool draw_trial(struct trial *t)
{
	struct slat_insn *insn = &t->insn;
	bool bits, good = true;

	draw_instruction(t);
	bits = insn->op >= SLAT_OP_BT && insn->op <= SLAT_OP_BTC &&
	       insn->src.type == SLAT_OPND_REG;
	draw_registers(t);
	if (insn->src.type == SLAT_OPND_STR_SRC && insn->seg == SLAT_SEG_FS)
		return insn->asize == 8;
	if (bits && rnd_one_in(2))
		t->regs.gpr[insn->src.reg] = (s64)rnd_below(4000) - 2000;
	cut_registers(t);
	if (has_memory(insn))
		good = aim(t, draw_address());
	cut_registers(t);
	return good;
}

/* Make comparisons succeed often enough. */
static void plant_equality(struct trial *t, u8 *memory)
{
	u64 address = address_of(t) + segment_base(&t->setup, t->insn.seg) -
		      NATIVE_DATA;
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
	memcpy(f->ymm, t->regs.ymm, sizeof(f->ymm));
	memcpy(f->mmx, t->regs.mmx, sizeof(f->mmx));
	/* The host's own, which PUSHF shows. */
	f->e.rflags = t->regs.rflags | SLAT_FLAG_IF;
	f->e.rip = native_rip(&t->setup);
	f->e.mode = t->setup.mode;
	for (i = 0; i < SLAT_SEG_NR; i++) {
		f->seg[i] = segment_base(&t->setup, i);
		f->selector[i] = native_selector(&t->setup, i);
	}
	f->seg[SLAT_SEG_CS] = native_code_base(&t->setup);
	if (t->setup.mode != SLAT_MODE_LONG) {
		f->e.stack_size = t->setup.small ? 2 : 4;
		f->check_limit = t->setup.small ? NATIVE_LIMIT : 0;
	}
	fake_code(f, t->bytes, t->insn.len);
}

/* Upper halves mean nothing outside 64-bit mode. */
static bool same_registers(const struct trial *t, const u64 *a, const u64 *b)
{
	bool lng = t->setup.mode == SLAT_MODE_LONG;
	u64 mask = lng ? ~0ull : 0xffffffff;
	unsigned int i;

	for (i = 0; i < (lng ? 16 : 8); i++)
		if ((a[i] ^ b[i]) & mask)
			return false;
	return true;
}

static const char *compare(const struct trial *t, const struct fake *f,
			   const struct native_regs *after, unsigned int count)
{
	u64 flags = SLAT_FLAG_ARITH | SLAT_FLAG_DF;

	flags &= ~undefined_flags(&t->insn, count);
	if (f->e.rip != native_rip(&t->setup) + t->insn.len)
		return "rip";
	if (!same_registers(t, f->e.gpr, after->gpr))
		return "registers";
	if ((f->e.rflags ^ after->rflags) & flags)
		return "flags";
	if (memcmp(f->ymm, after->ymm, sizeof(after->ymm)) ||
	    memcmp(f->mmx, after->mmx, sizeof(after->mmx)))
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
static bool run_trial(struct fake *f, enum slat_insn_mode mode,
		      unsigned long *wrong)
{
	enum slat_emul_status status;
	struct native_regs after;
	const char *what = NULL;
	struct trial t;
	bool native;
	unsigned int i;

	t.setup.mode = mode;
	t.setup.small = mode != SLAT_MODE_LONG && rnd_one_in(2);
	if (!draw_trial(&t) || is_undefined(&t) || (!is_intel && makers_differ(&t)))
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
	native = native_run(&t.setup, t.bytes, t.insn.len, &after);
	if (!native) {
		faults++;
		/* Iterations before the fault count in both; below the stack nothing does. */
		if (status != SLAT_EMUL_EXCEPTION)
			what = "faults (only native did)";
		else if (t.insn.op != SLAT_OP_ENTER &&
			 memcmp(f->memory, (void *)NATIVE_DATA, FAKE_BYTES))
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

static void test_mode(enum slat_insn_mode mode, const char *name,
		      unsigned long count)
{
	unsigned long i = 0, wrong = 0, missed = 0;
	static struct fake f;
	unsigned int op;

	memset(done_by_op, 0, sizeof(done_by_op));
	faults = 0;
	while (i < count)
		i += run_trial(&f, mode, &wrong);
	tap_ok(!wrong, "%s: %lu random instructions as on the processor (%lu faulted), %lu differ",
	       name, count, faults, wrong);
	for (op = SLAT_OP_NONE + 1; op < SLAT_OP_NR; op++) {
		struct slat_insn insn = { .op = op, .mode = mode };

		if (is_candidate(&insn) && !done_by_op[op]) {
			tap_note("operation %u was never drawn", op);
			missed++;
		}
	}
	tap_ok(!missed, "%s: every emulated operation was drawn", name);
}

int main(int argc, char **argv)
{
	unsigned long count;

	tap_options(argc, argv);
	read_segments();
	if (!native_init(FAKE_BYTES)) {
		tap_skip("native execution", "low addresses are taken");
		return tap_end();
	}
	is_intel = __builtin_cpu_is("intel");
	if (!is_intel)
		tap_note("not a processor of Intel's: what other makers do in another way is left out");
	count = tap_count(100000);
	test_mode(SLAT_MODE_LONG, "64-bit", count / 2);
	if (!native_has_compat()) {
		tap_skip("native execution of 32 and 16-bit code", "no LDT, or the host runs no such code");
		return tap_end();
	}
	test_mode(SLAT_MODE_PROT32, "32-bit", count / 4);
	test_mode(SLAT_MODE_PROT16, "16-bit", count / 4);
	return tap_end();
}
