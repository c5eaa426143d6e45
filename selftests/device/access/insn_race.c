// SPDX-License-Identifier: GPL-2.0
/*
 * An MMIO instruction that changes after the processor has fetched it and before
 * the emulator does: another vCPU rewrites its bytes, one at a time, all the
 * while. What is emulated then is one of the instructions that were there, an
 * exit that waits for the client is finished as what it was, and bytes that no
 * emulator knows end a run, but not the guest.
 */
#include "test.h"

#include <sched.h>

#define MMIO		0xd0000000ul
#define FILL		0x4d	/* every byte that is read or written */
#define CHOICES		GUEST_DATA
#define ROUNDS		(GUEST_DATA + PAGE_SIZE)

#define PREFIX_LEN	3
/* Any first byte goes with any second and any third. */
static const uint8_t prefixes[] = { 0x48, 0x66, 0x90 };			/* REX.W, 16 bit, NOP */
static const uint8_t opcodes[] = { 0x8b, 0x89, 0x8a, 0x88, 0xdd };	/* MOV, and x87 */
static const uint8_t modrms[] = { 0x03, 0x0b, 0x13 };			/* rax, rcx, rdx; (rbx) */

/* vCPU 0: the first three bytes change; then it counts. */
GUEST_CODE_BLOB(victim, 64,
	"1: .byte 0x48, 0x8b, 0x03\n"
	"incq (%rsi)\n"
	"jmp 1b\n");

/*
 * vCPU 1: rdi = the instruction, rsi = 256 triples to choose from, r8 = a random
 * state. Between two choices it waits a little, for a time that changes.
 */
GUEST_CODE_BLOB(rewriter, 64,
	"1: imul $1103515245, %r8, %r8\n"
	"add $12345, %r8\n"
	"mov %r8, %rax\n"
	"shr $16, %rax\n"
	"movzbl %al, %ebx\n"
	"lea (%rbx,%rbx,2), %rbx\n"
	"mov (%rsi,%rbx), %dl\n"
	"mov %dl, (%rdi)\n"
	"mov 1(%rsi,%rbx), %dl\n"
	"mov %dl, 1(%rdi)\n"
	"mov 2(%rsi,%rbx), %dl\n"
	"mov %dl, 2(%rdi)\n"
	"movzbl %ah, %ecx\n"
	"2: dec %ecx\n"
	"jns 2b\n"
	"jmp 1b\n");
#define REWRITER	(GUEST_CODE + PAGE_SIZE)

FIXTURE(insn) {
	struct guest g;
	struct kvm_run *run;
	struct vcpu other;
	struct runner runner;
	unsigned int reads, writes, failures, exceptions;
};

FIXTURE_SETUP(insn)
{
	struct kvm_regs regs;
	uint8_t *choice;

	guest_start(&self->g, MODE_LONG, victim);
	self->run = self->g.vcpu.run;
	regs = vcpu_regs(&self->g.vcpu);
	regs.rbx = MMIO;
	regs.rsi = ROUNDS;
	regs.rax = regs.rcx = regs.rdx = 0x4d4d4d4d4d4d4d4d;
	vcpu_set_regs(&self->g.vcpu, &regs);

	memcpy(self->g.ram + REWRITER, rewriter_start, rewriter_end - rewriter_start);
	choice = self->g.ram + CHOICES;
	for (int i = 0; i < 256; i++, choice += PREFIX_LEN) {
		choice[0] = prefixes[i % ARRAY_SIZE(prefixes)];
		choice[1] = opcodes[i / 3 % ARRAY_SIZE(opcodes)];
		choice[2] = modrms[i / 15 % ARRAY_SIZE(modrms)];
	}
	guest_add_vcpu(&self->g, 1, MODE_LONG, &self->other);
	regs = vcpu_regs(&self->other);
	regs.rip = REWRITER;
	regs.rdi = GUEST_CODE;
	regs.rsi = CHOICES;
	regs.r8 = 1;
	vcpu_set_regs(&self->other, &regs);
}

FIXTURE_TEARDOWN(insn)
{
	vcpu_destroy(&self->other);
	guest_destroy(&self->g);
}

#define insn_data _test_data_insn	/* as the harness names it */

/* What was read before, of which a 32 bit read has cleared the upper half. */
static bool is_fill(const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (data[i] != FILL && (i < 4 || data[i]))
			return false;
	return true;
}

static bool mmio_ok(struct insn_data *self)
{
	struct kvm_run *run = self->run;
	uint32_t len = run->mmio.len;

	if (run->mmio.phys_addr != MMIO || (len != 1 && len != 2 && len != 4 && len != 8))
		return false;
	if (run->mmio.is_write && !is_fill(run->mmio.data, len))
		return false;
	if (!run->mmio.is_write)
		memset(run->mmio.data, FILL, sizeof(run->mmio.data));
	self->reads += !run->mmio.is_write;
	self->writes += run->mmio.is_write;
	return true;
}

/* An instruction that no emulator knows: an error, which KVM follows up by #UD. */
static bool exit_ok(struct insn_data *self)
{
	struct kvm_run *run = self->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		return mmio_ok(self);
	case KVM_EXIT_INTERNAL_ERROR:
		self->failures++;
		return run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION;
	case KVM_EXIT_IO:
		self->exceptions++;
		return run->io.port == PORT_EXC && guest_exception(&self->g)->vector == 6 &&
		       self->failures >= self->exceptions;
	}
	return false;
}

static bool run_once(struct insn_data *self)
{
	int ret = vcpu_run(&self->g.vcpu);

	if (ret == 0 && exit_ok(self))
		return true;
	vcpu_describe_exit(&self->g.vcpu, ret);
	return false;
}

#define ENOUGH 300u

TEST_F_TIMEOUT(insn, another_vcpu_rewrites_it, LONG_TIMEOUT)
{
	volatile uint64_t *rounds = guest_u64(&self->g, ROUNDS);
	uint64_t deadline = now_ms() + 100000;

	runner_start(&self->runner, &self->other);
	while (self->reads < ENOUGH || self->writes < ENOUGH || !self->failures ||
	       *rounds < 2 * ENOUGH) {
		ASSERT_TRUE(run_once(self));
		ASSERT_GT(deadline, now_ms())
			TH_LOG("%u reads, %u writes, %u failures", self->reads, self->writes,
			       self->failures);
		/* On one CPU, the other vCPU needs it to change the bytes. */
		if (self->run->exit_reason == KVM_EXIT_INTERNAL_ERROR || cpus_online() == 1)
			sched_yield();
	}
	EXPECT_EQ(0, runner_stop(&self->runner));
	/* Each round of the guest was one access, but for those not finished. */
	EXPECT_LE(self->reads + self->writes, *rounds + 1);
	EXPECT_LE(*rounds, self->reads + self->writes);
}

static void set_insn(struct insn_data *self, const char *bytes, size_t size)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);

	memcpy(self->g.ram + GUEST_CODE, bytes, size);
	self->g.ram[GUEST_CODE + size] = 0xf4;
	regs.rip = GUEST_CODE;
	regs.rax = 0x1111111111111111;
	regs.rbx = MMIO;
	vcpu_set_regs(&self->g.vcpu, &regs);
}

/* The client has the exit; what it was is no longer in memory. */
TEST_F(insn, an_exit_is_finished_as_the_instruction_that_made_it)
{
	struct kvm_regs regs;

	/* mov (%rbx), %rax becomes four HLTs. */
	set_insn(self, "\x48\x8b\x03", 3);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	memset(self->run->mmio.data, FILL, 8);
	memset(self->g.ram + GUEST_CODE, 0xf4, 4);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(GUEST_CODE + 4, regs.rip);
	EXPECT_EQ(0x4d4d4d4d4d4d4d4dull, regs.rax);

	/* addl $1, (%rbx): its write comes too, though an undecodable one is there. */
	set_insn(self, "\x83\x03\x01", 3);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	EXPECT_FALSE(self->run->mmio.is_write);
	memset(self->run->mmio.data, FILL, 8);
	memcpy(self->g.ram + GUEST_CODE, "\xdd\x03\xf4", 3);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	EXPECT_TRUE(self->run->mmio.is_write);
	EXPECT_EQ(4u, self->run->mmio.len);
	EXPECT_EQ(0x4d4d4d4eu, *(uint32_t *)self->run->mmio.data);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(GUEST_CODE + 4, vcpu_regs(&self->g.vcpu).rip);

	/* Half way through two pages of MMIO. */
	set_insn(self, "\x48\x8b\x83\xfc\x0f\x00\x00", 7);	/* mov 0xffc(%rbx), %rax */
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	memset(self->run->mmio.data, 1, 8);
	memset(self->g.ram + GUEST_CODE, 0xf4, 7);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	EXPECT_EQ(MMIO + PAGE_SIZE, self->run->mmio.phys_addr);
	memset(self->run->mmio.data, 2, 8);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x0202020201010101ull, vcpu_regs(&self->g.vcpu).rax);
}

/* Nothing of an instruction decoded before is used for the one that is there now. */
TEST_F(insn, the_next_run_takes_the_bytes_that_are_there)
{
	for (int i = 0; i < 50; i++) {
		set_insn(self, "\x48\x8b\x03", 3);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
		ASSERT_FALSE(self->run->mmio.is_write);
		ASSERT_EQ(8u, self->run->mmio.len);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
		set_insn(self, "\x66\x89\x03", 3);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
		ASSERT_TRUE(self->run->mmio.is_write);
		ASSERT_EQ(2u, self->run->mmio.len);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
		set_insn(self, "\xdd\x03", 2);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_INTERNAL_ERROR));
	}
}

SLAT_TEST_MAIN
