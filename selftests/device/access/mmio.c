// SPDX-License-Identifier: GPL-2.0
/*
 * MMIO by every instruction form that the decoder must know, in 64 and 32 bit
 * code: the exits (address, length, data), the register and flag results, and
 * that an exit is complete only after the next KVM_RUN. Splits across pages and
 * what can't be decoded are in mmio_edge.c.
 */
#include "test.h"

#define MMIO		0xd0000000ull
#define READ_DATA	0x8899aabbccddeeffull
#define RAX_IN		0x1122334455667788ull

#define CF	0x001
#define PF	0x004
#define AF	0x010
#define ZF	0x040
#define SF	0x080
#define OF	0x800
#define ARITH	(CF | PF | AF | ZF | SF | OF)

enum { NONE, RD, WR, RMW };

struct insn_case {
	const char *name;
	const char *start, *end;
	int kind;
	uint32_t len;
	uint64_t offset;	/* of the access from MMIO */
	uint64_t written;
	uint64_t rax;		/* RAX afterwards */
	uint32_t flags_mask;
	uint32_t flags;
};

/*
 * rbx = MMIO, rcx = 2, rax = RAX_IN; in the 32 bit cases the low halves. The
 * code ends in HLT. Expected values are spelled out, not computed.
 */
#define CASE(bits, id, text)	GUEST_CODE_BLOB(m##bits##_##id, bits, text "\nhlt\n")
#define C64(id, kind, len, off, wr, rax, mask, fl) \
	{ "64 " #id, m64_##id##_start, m64_##id##_end, kind, len, off, wr, rax, mask, fl }
#define C32(id, kind, len, off, wr, rax, mask, fl) \
	{ "32 " #id, m32_##id##_start, m32_##id##_end, kind, len, off, wr, rax, mask, fl }

CASE(64, mov8_r, "mov (%rbx), %al");
CASE(64, mov8_rh, "mov (%rbx), %ah");
CASE(64, mov16_r, "mov (%rbx), %ax");
CASE(64, mov32_r, "mov (%rbx), %eax");
CASE(64, mov64_r, "mov (%rbx), %rax");
CASE(64, mov8_w, "mov %al, 1(%rbx)");
CASE(64, mov8_wh, "mov %ah, (%rbx)");
CASE(64, mov8_wrex, "mov %rax, %rsi\n mov %sil, (%rbx)");
CASE(64, mov16_w, "mov %ax, 2(%rbx)");
CASE(64, mov32_w, "mov %eax, 4(%rbx)");
CASE(64, mov64_w, "mov %rax, 8(%rbx)");
CASE(64, mov8_i, "movb $0x5a, (%rbx)");
CASE(64, mov16_i, "movw $0x1234, (%rbx)");
CASE(64, mov32_i, "movl $0x12345678, (%rbx)");
CASE(64, mov64_i, "movq $-2, (%rbx)");
CASE(64, disp32, "mov 0x12345(%rbx), %rax");
CASE(64, dispneg, "mov %eax, -4(%rbx)");
CASE(64, sib, "mov 16(%rbx,%rcx,4), %eax");
CASE(64, sib_nobase, "mov %rbx, %rdx\n shr $3, %rdx\n mov (,%rdx,8), %eax");
CASE(64, r13, "mov %rbx, %r13\n mov (%r13), %eax");
CASE(64, r12, "mov %rbx, %r12\n mov (%r12), %eax");
CASE(64, r8data, "mov %rax, %r8\n mov %r8d, (%rbx)");
CASE(64, addr32, "mov (%ebx), %eax");
CASE(64, rip_rel, "mov 0x30000000(%rip), %eax");
CASE(64, moffs_r, "movabs 0xd0000040, %eax");
CASE(64, moffs_w, "movabs %rax, 0xd0000048");
CASE(64, fs_base, "mov %fs:(%rbx), %eax");
CASE(64, movzx8, "movzbl (%rbx), %eax");
CASE(64, movzx8_16, "movzbw (%rbx), %ax");
CASE(64, movzx8_64, "movzbq (%rbx), %rax");
CASE(64, movzx16, "movzwl (%rbx), %eax");
CASE(64, movsx8, "movsbl (%rbx), %eax");
CASE(64, movsx8_64, "movsbq (%rbx), %rax");
CASE(64, movsx16_64, "movswq (%rbx), %rax");
CASE(64, movsxd, "movslq (%rbx), %rax");
CASE(64, add_r, "add (%rbx), %eax");
CASE(64, add_w, "add %eax, (%rbx)");
CASE(64, add_i8, "addq $1, (%rbx)");
CASE(64, adc_w, "stc\n adc %al, (%rbx)");
CASE(64, sub_r, "sub (%rbx), %rax");
CASE(64, sbb_i, "stc\n sbbl $0, (%rbx)");
CASE(64, and_w, "and %rax, (%rbx)");
CASE(64, and_i, "andb $0x0f, (%rbx)");
CASE(64, or_w, "or %ax, (%rbx)");
CASE(64, or_i, "orl $0x100, (%rbx)");
CASE(64, xor_r, "xor (%rbx), %rax");
CASE(64, xor_lock, "lock xorl $-1, (%rbx)");
CASE(64, cmp_r, "cmp (%rbx), %eax");
CASE(64, cmp_m, "cmp %rax, (%rbx)");
CASE(64, cmp_i, "cmpb $-1, (%rbx)");
CASE(64, test_m, "test %eax, (%rbx)");
CASE(64, test_i, "testl $0x10000, (%rbx)");

static const struct insn_case cases64[] = {
	C64(mov8_r, RD, 1, 0, 0, 0x11223344556677ff, 0, 0),
	C64(mov8_rh, RD, 1, 0, 0, 0x112233445566ff88, 0, 0),
	C64(mov16_r, RD, 2, 0, 0, 0x112233445566eeff, 0, 0),
	C64(mov32_r, RD, 4, 0, 0, 0xccddeeff, 0, 0),
	C64(mov64_r, RD, 8, 0, 0, READ_DATA, 0, 0),
	C64(mov8_w, WR, 1, 1, 0x88, RAX_IN, 0, 0),
	C64(mov8_wh, WR, 1, 0, 0x77, RAX_IN, 0, 0),
	C64(mov8_wrex, WR, 1, 0, 0x88, RAX_IN, 0, 0),
	C64(mov16_w, WR, 2, 2, 0x7788, RAX_IN, 0, 0),
	C64(mov32_w, WR, 4, 4, 0x55667788, RAX_IN, 0, 0),
	C64(mov64_w, WR, 8, 8, RAX_IN, RAX_IN, 0, 0),
	C64(mov8_i, WR, 1, 0, 0x5a, RAX_IN, 0, 0),
	C64(mov16_i, WR, 2, 0, 0x1234, RAX_IN, 0, 0),
	C64(mov32_i, WR, 4, 0, 0x12345678, RAX_IN, 0, 0),
	C64(mov64_i, WR, 8, 0, -2ull, RAX_IN, 0, 0),
	C64(disp32, RD, 8, 0x12345, 0, READ_DATA, 0, 0),
	C64(dispneg, WR, 4, -4ull, 0x55667788, RAX_IN, 0, 0),
	C64(sib, RD, 4, 24, 0, 0xccddeeff, 0, 0),
	C64(sib_nobase, RD, 4, 0, 0, 0xccddeeff, 0, 0),
	C64(r13, RD, 4, 0, 0, 0xccddeeff, 0, 0),
	C64(r12, RD, 4, 0, 0, 0xccddeeff, 0, 0),
	C64(r8data, WR, 4, 0, 0x55667788, RAX_IN, 0, 0),
	C64(addr32, RD, 4, 0, 0, 0xccddeeff, 0, 0),
	C64(rip_rel, RD, 4, GUEST_CODE + 6 + 0x30000000 - MMIO, 0, 0xccddeeff, 0, 0),
	C64(moffs_r, RD, 4, 0x40, 0, 0xccddeeff, 0, 0),
	C64(moffs_w, WR, 8, 0x48, RAX_IN, RAX_IN, 0, 0),
	C64(fs_base, RD, 4, 0x2000, 0, 0xccddeeff, 0, 0),
	C64(movzx8, RD, 1, 0, 0, 0xff, 0, 0),
	C64(movzx8_16, RD, 1, 0, 0, 0x11223344556600ff, 0, 0),
	C64(movzx8_64, RD, 1, 0, 0, 0xff, 0, 0),
	C64(movzx16, RD, 2, 0, 0, 0xeeff, 0, 0),
	C64(movsx8, RD, 1, 0, 0, 0xffffffff, 0, 0),
	C64(movsx8_64, RD, 1, 0, 0, -1ull, 0, 0),
	C64(movsx16_64, RD, 2, 0, 0, 0xffffffffffffeeff, 0, 0),
	C64(movsxd, RD, 4, 0, 0, 0xffffffffccddeeff, 0, 0),
	C64(add_r, RD, 4, 0, 0, 0x22446687, ARITH, CF | PF | AF),
	C64(add_w, RMW, 4, 0, 0x22446687, RAX_IN, ARITH, CF | PF | AF),
	C64(add_i8, RMW, 8, 0, 0x8899aabbccddef00, RAX_IN, ARITH, PF | AF | SF),
	C64(adc_w, RMW, 1, 0, 0x88, RAX_IN, ARITH, CF | PF | AF | SF),
	C64(sub_r, RD, 8, 0, 0, 0x8888888888888889, ARITH, CF | AF | SF | OF),
	C64(sbb_i, RMW, 4, 0, 0xccddeefe, RAX_IN, ARITH, SF),
	C64(and_w, RMW, 8, 0, 0x0000220044446688, RAX_IN, CF | PF | ZF | SF | OF, PF),
	C64(and_i, RMW, 1, 0, 0x0f, RAX_IN, CF | PF | ZF | SF | OF, PF),
	C64(or_w, RMW, 2, 0, 0xffff, RAX_IN, CF | PF | ZF | SF | OF, PF | SF),
	C64(or_i, RMW, 4, 0, 0xccddefff, RAX_IN, CF | PF | ZF | SF | OF, PF | SF),
	C64(xor_r, RD, 8, 0, 0, 0x99bb99ff99bb9977, CF | PF | ZF | SF | OF, PF | SF),
	C64(xor_lock, RMW, 4, 0, 0x33221100, RAX_IN, CF | PF | ZF | SF | OF, PF),
	C64(cmp_r, RD, 4, 0, 0, RAX_IN, ARITH, CF | AF | SF | OF),
	C64(cmp_m, RD, 8, 0, 0, RAX_IN, ARITH, PF | OF),
	C64(cmp_i, RD, 1, 0, 0, RAX_IN, ARITH, PF | ZF),
	C64(test_m, RD, 4, 0, 0, RAX_IN, CF | PF | ZF | SF | OF, PF),
	C64(test_i, RD, 4, 0, 0, RAX_IN, CF | PF | ZF | SF | OF, PF),
};

CASE(32, mov8_r, "mov (%ebx), %al");
CASE(32, mov16_r, "mov (%ebx), %ax");
CASE(32, mov32_r, "mov (%ebx), %eax");
CASE(32, mov8_w, "mov %ah, (%ebx)");
CASE(32, mov16_w, "mov %ax, (%ebx)");
CASE(32, mov32_w, "mov %eax, (%ebx)");
CASE(32, mov32_i, "movl $0x12345678, 0x10(%ebx)");
CASE(32, disp_only, "mov 0xd0000100, %ecx\n mov %ecx, %eax");
CASE(32, moffs_r, "mov 0xd0000100, %eax");
CASE(32, moffs_w, "mov %al, 0xd0000101");
CASE(32, sib, "mov 8(%ebx,%ecx,8), %eax");
CASE(32, ebp_esp, "mov %ebx, %ebp\n mov 4(%ebp), %eax");
CASE(32, movzx8, "movzbl (%ebx), %eax");
CASE(32, movsx16, "movswl (%ebx), %eax");
CASE(32, add_w, "add %eax, (%ebx)");
CASE(32, or_i, "orb $1, 7(%ebx)");
CASE(32, cmp_i, "cmpl $0x12, (%ebx)");
CASE(32, test_r, "test %al, (%ebx)");
CASE(32, addr16, "mov %ebx, %edi\n movw $0x10, %bx\n addr16 mov 0x20(%bx), %eax");

static const struct insn_case cases32[] = {
	C32(mov8_r, RD, 1, 0, 0, 0x556677ff, 0, 0),
	C32(mov16_r, RD, 2, 0, 0, 0x5566eeff, 0, 0),
	C32(mov32_r, RD, 4, 0, 0, 0xccddeeff, 0, 0),
	C32(mov8_w, WR, 1, 0, 0x77, 0x55667788, 0, 0),
	C32(mov16_w, WR, 2, 0, 0x7788, 0x55667788, 0, 0),
	C32(mov32_w, WR, 4, 0, 0x55667788, 0x55667788, 0, 0),
	C32(mov32_i, WR, 4, 0x10, 0x12345678, 0x55667788, 0, 0),
	C32(disp_only, RD, 4, 0x100, 0, 0xccddeeff, 0, 0),
	C32(moffs_r, RD, 4, 0x100, 0, 0xccddeeff, 0, 0),
	C32(moffs_w, WR, 1, 0x101, 0x88, 0x55667788, 0, 0),
	C32(sib, RD, 4, 24, 0, 0xccddeeff, 0, 0),
	C32(ebp_esp, RD, 4, 4, 0, 0xccddeeff, 0, 0),
	C32(movzx8, RD, 1, 0, 0, 0xff, 0, 0),
	C32(movsx16, RD, 2, 0, 0, 0xffffeeff, 0, 0),
	C32(add_w, RMW, 4, 0, 0x22446687, 0x55667788, ARITH, CF | PF | AF),
	C32(or_i, RMW, 1, 7, 0xff, 0x55667788, CF | PF | ZF | SF | OF, PF | SF),
	C32(cmp_i, RD, 4, 0, 0, 0x55667788, ARITH, PF | SF),
	C32(test_r, RD, 1, 0, 0, 0x55667788, CF | PF | ZF | SF | OF, PF | SF),
	/* A 16 bit address lies in RAM: no exit, the slot's first page. */
	C32(addr16, NONE, 0, 0, 0, 0x13579bdf, 0, 0),
};

/* The exit must be @is_write at the case's address; @data is compared or given. */
static bool expect_exit(struct guest *g, const struct insn_case *c, bool is_write, uint64_t data)
{
	struct kvm_run *run = g->vcpu.run;
	int ret = vcpu_run(&g->vcpu);
	uint64_t seen = 0;

	if (ret || run->exit_reason != KVM_EXIT_MMIO || run->mmio.len != c->len ||
	    run->mmio.phys_addr != MMIO + c->offset || run->mmio.is_write != is_write) {
		fprintf(stderr, "# %s: expected MMIO %s len %u\n", c->name,
			is_write ? "write" : "read", c->len);
		vcpu_describe_exit(&g->vcpu, ret);
		return false;
	}
	if (!is_write) {
		memcpy(run->mmio.data, &data, sizeof(data));
		return true;
	}
	memcpy(&seen, run->mmio.data, c->len);
	if (seen != data)
		fprintf(stderr, "# %s: wrote 0x%llx, expected 0x%llx\n", c->name,
			(unsigned long long)seen, (unsigned long long)data);
	return seen == data;
}

static bool run_case(struct guest *g, enum guest_mode mode, const struct insn_case *c)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);
	bool ok;

	memcpy(g->ram + GUEST_CODE, c->start, c->end - c->start);
	regs.rip = GUEST_CODE;
	regs.rax = mode == MODE_LONG ? RAX_IN : (uint32_t)RAX_IN;
	regs.rbx = MMIO;
	regs.rcx = 2;
	regs.rflags = 2;
	vcpu_set_regs(&g->vcpu, &regs);
	if ((c->kind == RD || c->kind == RMW) && !expect_exit(g, c, false, READ_DATA))
		return false;
	if ((c->kind == WR || c->kind == RMW) && !expect_exit(g, c, true, c->written))
		return false;
	if (vcpu_run_to(&g->vcpu, KVM_EXIT_HLT)) {
		fprintf(stderr, "# %s: no halt\n", c->name);
		return false;
	}
	regs = vcpu_regs(&g->vcpu);
	ok = regs.rax == c->rax && (regs.rflags & c->flags_mask) == c->flags &&
	     regs.rip == GUEST_CODE + (uint64_t)(c->end - c->start);
	if (!ok)
		fprintf(stderr, "# %s: rax 0x%llx rflags 0x%llx rip 0x%llx\n", c->name,
			regs.rax, regs.rflags, regs.rip);
	return ok;
}

FIXTURE(mmio) {
	struct guest g;
};

FIXTURE_VARIANT(mmio) {
	enum guest_mode mode;
	const struct insn_case *cases;
	size_t n;
};

FIXTURE_VARIANT_ADD(mmio, long_mode) {
	.mode = MODE_LONG, .cases = cases64, .n = ARRAY_SIZE(cases64),
};

FIXTURE_VARIANT_ADD(mmio, protected_mode) {
	.mode = MODE_PROT32, .cases = cases32, .n = ARRAY_SIZE(cases32),
};

FIXTURE_VARIANT_ADD(mmio, paging_32) {
	.mode = MODE_PAGED32, .cases = cases32, .n = ARRAY_SIZE(cases32),
};

FIXTURE_VARIANT_ADD(mmio, pae) {
	.mode = MODE_PAE, .cases = cases32, .n = ARRAY_SIZE(cases32),
};

FIXTURE_SETUP(mmio)
{
	guest_init(&self->g, variant->mode, variant->cases[0].start, variant->cases[0].end);
	*(uint32_t *)(self->g.ram + 0x30) = 0x13579bdf;
}

FIXTURE_TEARDOWN(mmio)
{
	guest_destroy(&self->g);
}

TEST_F(mmio, instruction_forms)
{
	struct kvm_sregs s = vcpu_sregs(&self->g.vcpu);

	s.fs.base = 0x2000;
	ASSERT_EQ(0, vcpu_set_sregs(&self->g.vcpu, &s));
	for (size_t i = 0; i < variant->n; i++)
		EXPECT_TRUE(run_case(&self->g, variant->mode, &variant->cases[i]));
}

/* The same once more: entries are cached in the page table by now. */
TEST_F(mmio, instruction_forms_on_known_pages)
{
	bool ok = true;

	for (int i = 0; i < 100 && ok; i++)
		ok = run_case(&self->g, variant->mode, &variant->cases[0]);
	EXPECT_TRUE(ok);
}

TEST_F(mmio, read_is_complete_only_after_the_next_run)
{
	const struct insn_case *c = &variant->cases[0];
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);

	regs.rax = RAX_IN;
	regs.rbx = MMIO;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_TRUE(expect_exit(&self->g, c, false, READ_DATA));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(GUEST_CODE, regs.rip);
	self->g.vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_LT(GUEST_CODE, regs.rip);
	EXPECT_EQ(c->rax & 0xffff, regs.rax & 0xffff);
	self->g.vcpu.run->immediate_exit = 0;
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

SLAT_TEST_MAIN
