// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_SET_GUEST_DEBUG: software and hardware breakpoints of a debugging client,
 * single steps over what the processor executes and what the host completes,
 * events handed back, and the guest's own debug registers meanwhile.
 */
#include "test.h"

#define CODE_AT(offset)	(GUEST_CODE + (offset))
#define DB		1u
#define BP		3u
#define NMI		2u
#define IRQ_VECTOR	0x1f
#define DR6_LOW		0xffff0ff0ull
#define DR6_BS		(1ull << 14)
#define DR6_BD		(1ull << 13)
#define DR7_GD		(1ull << 13)
#define DR7_LOCAL(n)	(1ull << (2 * (n)))
#define DR7_WRITE4(n)	(0xdull << (16 + 4 * (n)))

FIXTURE(debug) {
	struct guest g;
	struct vcpu *vcpu;
	struct kvm_run *run;
	struct guest_exception *e;
};

GUEST_CODE_BLOB(nops, 64, "nop\n nop\n nop\n nop\n hlt\n");

/*
 * With RFLAGS.TF set, Bochs traps once more when it enters the guest behind an
 * exit that is not a trap itself: step_to() passes over that one. As for exits
 * for pages, the code's is there before a test steps through it.
 */
FIXTURE_SETUP(debug)
{
	guest_settle_nmis();
	guest_start(&self->g, MODE_LONG, nops);
	vm_must(vcpu_run(&self->g.vcpu), "KVM_RUN");
	guest_load(&self->g, nops);
	self->vcpu = &self->g.vcpu;
	self->run = self->vcpu->run;
	self->e = guest_exception(&self->g);
}

FIXTURE_TEARDOWN(debug)
{
	guest_destroy(&self->g);
}

static int set_debug(struct vcpu *vcpu, uint32_t control)
{
	struct kvm_guest_debug dbg = { .control = control };

	return vm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg);
}

static int set_breakpoint(struct vcpu *vcpu, unsigned int n, uint64_t address, uint64_t dr7)
{
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
	};

	dbg.arch.debugreg[n] = address;
	dbg.arch.debugreg[7] = 0x400 | dr7;
	return vm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg);
}

static bool stopped_at(struct vcpu *vcpu, uint32_t exception, uint64_t pc)
{
	struct kvm_debug_exit_arch *d = &vcpu->run->debug.arch;

	if (vcpu_run_to(vcpu, KVM_EXIT_DEBUG))
		return false;
	if (d->exception == exception && d->pc == pc)
		return true;
	fprintf(stderr, "# exception %u at 0x%llx dr6 0x%llx, not %u at 0x%lx\n", d->exception,
		(unsigned long long)d->pc, (unsigned long long)d->dr6, exception, (unsigned long)pc);
	return false;
}

#define STEP	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)

/* Ask for one step, which ends at @pc. */
static bool step_to(struct vcpu *vcpu, uint64_t pc)
{
	uint64_t from = vcpu_regs(vcpu).rip;

	vm_must(set_debug(vcpu, STEP), "KVM_SET_GUEST_DEBUG");
	if (vcpu_run_to(vcpu, KVM_EXIT_DEBUG))
		return false;
	if (vcpu->run->debug.arch.pc == from && vcpu_run_to(vcpu, KVM_EXIT_DEBUG))
		return false;
	if (vcpu->run->debug.arch.pc == pc && vcpu->run->debug.arch.exception == DB &&
	    vcpu->run->debug.arch.dr6 == (DR6_LOW | DR6_BS))
		return true;
	fprintf(stderr, "# exception %u at 0x%llx dr6 0x%llx, not a step to 0x%lx\n",
		vcpu->run->debug.arch.exception, (unsigned long long)vcpu->run->debug.arch.pc,
		(unsigned long long)vcpu->run->debug.arch.dr6, (unsigned long)pc);
	return false;
}

TEST_F(debug, capabilities)
{
	EXPECT_EQ(1, vm_check_extension(self->g.vm.fd, KVM_CAP_SET_GUEST_DEBUG));
	EXPECT_EQ(1, vm_check_extension(self->g.vm.fd, KVM_CAP_X86_ROBUST_SINGLESTEP));
	EXPECT_EQ((int)(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
			KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |
			KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |
			KVM_GUESTDBG_BLOCKIRQ),
		  vm_check_extension(self->g.vm.fd, KVM_CAP_SET_GUEST_DEBUG2));
}

TEST_F(debug, errors)
{
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vcpu->fd, KVM_SET_GUEST_DEBUG, 1));
	if (!vm_is_kvm(&self->g.vm))	/* which takes any flag */
		EXPECT_EQ(-EINVAL, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE | 1 << 4));
	EXPECT_EQ(0, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB));
	EXPECT_EQ(-EBUSY, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP));
}

GUEST_CODE_BLOB(int3, 64, "nop\n int3\n nop\n hlt\n");

TEST_F(debug, software_breakpoint)
{
	struct kvm_regs regs;

	guest_load(&self->g, int3);
	ASSERT_EQ(0, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP));
	ASSERT_TRUE(stopped_at(self->vcpu, BP, CODE_AT(1)));
	EXPECT_EQ(CODE_AT(1), vcpu_regs(self->vcpu).rip);
	EXPECT_EQ(0ull, self->e->count);
	/* the client puts back what was there */
	self->g.ram[CODE_AT(1)] = 0x90;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	/* without the flag it is the guest's */
	self->g.ram[CODE_AT(1)] = 0xcc;
	regs = vcpu_regs(self->vcpu);
	regs.rip = CODE_AT(0);
	vcpu_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	EXPECT_EQ((uint64_t)BP, self->e->vector);
}

/* A breakpoint that was not the client's. */
TEST_F(debug, software_breakpoint_is_handed_back)
{
	guest_load(&self->g, int3);
	ASSERT_EQ(0, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP));
	ASSERT_TRUE(stopped_at(self->vcpu, BP, CODE_AT(1)));
	ASSERT_EQ(0, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP |
					   KVM_GUESTDBG_INJECT_BP));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ((uint64_t)BP, self->e->vector);
	EXPECT_EQ(CODE_AT(2), self->e->rip);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
}

TEST_F(debug, debug_exception_is_injected)
{
	ASSERT_EQ(0, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ((uint64_t)DB, self->e->vector);
	EXPECT_EQ(CODE_AT(0), self->e->rip);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
}

TEST_F(debug, execution_breakpoints)
{
	for (unsigned int i = 0; i < 4; i++) {
		guest_load(&self->g, nops);
		ASSERT_EQ(0, set_breakpoint(self->vcpu, i, CODE_AT(2), DR7_LOCAL(i)));
		ASSERT_TRUE(stopped_at(self->vcpu, DB, CODE_AT(2)));
		EXPECT_EQ(DR6_LOW | 1ull << i, self->run->debug.arch.dr6);
		EXPECT_EQ(0x400 | DR7_LOCAL(i), self->run->debug.arch.dr7);
		ASSERT_EQ(0, set_debug(self->vcpu, 0));
		ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	}
	EXPECT_EQ(0ull, self->e->count);
}

GUEST_CODE_BLOB(store, 64, "mov $0x40000, %ebx\n movl $7, (%rbx)\n nop\n hlt\n");

TEST_F(debug, data_breakpoints)
{
	for (unsigned int i = 0; i < 4; i++) {
		guest_load(&self->g, store);
		ASSERT_EQ(0, set_breakpoint(self->vcpu, i, GUEST_DATA,
					    DR7_LOCAL(i) | DR7_WRITE4(i)));
		ASSERT_TRUE(stopped_at(self->vcpu, DB, CODE_AT(11)));
		EXPECT_EQ(DR6_LOW | 1ull << i, self->run->debug.arch.dr6);
		ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	}
}

/* The guest writes and reads registers of its own while the client has them. */
GUEST_CODE_BLOB(own_drs, 64,
	"mov $0x40000, %ebx\n mov %rbx, %dr1\n"
	"mov $0x00d00408, %eax\n mov %rax, %dr7\n"
	"movl $5, (%rbx)\n"
	"mov %dr1, %rcx\n mov %dr7, %rdx\n mov %dr6, %rsi\n"
	"hlt\n");

TEST_F(debug, registers_of_the_guest_are_kept_aside)
{
	struct kvm_debugregs regs;

	guest_load(&self->g, own_drs);
	ASSERT_EQ(0, set_breakpoint(self->vcpu, 1, 0x12345678, DR7_LOCAL(1)));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(GUEST_DATA, vcpu_regs(self->vcpu).rcx);
	EXPECT_EQ(0x00d00408ull, vcpu_regs(self->vcpu).rdx);
	EXPECT_EQ(DR6_LOW, vcpu_regs(self->vcpu).rsi);
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_GET_DEBUGREGS, &regs));
	EXPECT_EQ(GUEST_DATA, regs.db[1]);
	EXPECT_EQ(0x00d00408ull, regs.dr7);
	EXPECT_EQ(0ull, self->e->count);
	/* and count again when it is done */
	ASSERT_EQ(0, set_debug(self->vcpu, 0));
	guest_load(&self->g, store);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	EXPECT_EQ((uint64_t)DB, self->e->vector);
	EXPECT_EQ(CODE_AT(11), self->e->rip);
}

GUEST_CODE_BLOB(mov_dr, 64, "mov %dr0, %rax\n hlt\n");

TEST_F(debug, general_detect)
{
	guest_load(&self->g, mov_dr);
	ASSERT_EQ(0, set_breakpoint(self->vcpu, 0, 0, DR7_GD));
	ASSERT_TRUE(stopped_at(self->vcpu, DB, CODE_AT(0)));
	EXPECT_EQ(DR6_LOW | DR6_BD, self->run->debug.arch.dr6);
	ASSERT_EQ(0, set_debug(self->vcpu, KVM_GUESTDBG_ENABLE));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
}

/* What the processor does, and what the host does for it. */
GUEST_CODE_BLOB(steps, 64,
	"xor %eax, %eax\n"		/* 0 */
	"cpuid\n"			/* 2 */
	"mov $0x1a0, %ecx\n"		/* 4 */
	"rdmsr\n"			/* 9 */
	"mov %cr0, %rax\n"		/* 11 */
	"mov %rax, %cr0\n"		/* 14 */
	"wbinvd\n"			/* 17 */
	"nop\n"				/* 19 */
	"jmp 1f\n nop\n 1: nop\n"	/* 20, 22, 23 */
	"hlt\n");			/* 24 */

TEST_F(debug, steps)
{
	static const uint64_t stops[] = { 2, 4, 9, 11, 14, 17, 19, 20, 23, 24 };

	guest_load(&self->g, steps);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		ASSERT_TRUE(step_to(self->vcpu, CODE_AT(stops[i])));
		EXPECT_EQ(0ull, vcpu_regs(self->vcpu).rflags & RFLAGS_TF);
	}
	ASSERT_EQ(0, set_debug(self->vcpu, 0));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0ull, self->e->count);
}

/* Steps go on without another call, as long as the processor makes them. */
TEST_F(debug, steps_in_a_row)
{
	ASSERT_EQ(0, set_debug(self->vcpu, STEP));
	for (uint64_t i = 1; i <= 4; i++)
		ASSERT_TRUE(stopped_at(self->vcpu, DB, CODE_AT(i)));
}

/* The flag is not left behind. */
GUEST_CODE_BLOB(flags, 64, "nop\n pushfq\n pop %rax\n hlt\n");

TEST_F(debug, no_step_is_left_behind)
{
	guest_load(&self->g, flags);
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(1)));
	ASSERT_EQ(0, set_debug(self->vcpu, 0));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0ull, vcpu_regs(self->vcpu).rax & RFLAGS_TF);
}

/* The client completes the instruction: the step is over at the next KVM_RUN. */
GUEST_CODE_BLOB(devices, 64,
	"mov $0x50000000, %ebx\n"	/* 0 */
	"out %al, $0x10\n"		/* 5 */
	"in $0x10, %al\n"		/* 7 */
	"mov %eax, (%rbx)\n"		/* 9 */
	"mov (%rbx), %ecx\n"		/* 11 */
	"add %eax, (%rbx)\n"		/* 13: read and write */
	"nop\n hlt\n");			/* 15 */

static bool step_over_exits(struct vcpu *vcpu, uint32_t reason, int exits, uint64_t pc)
{
	uint64_t from = vcpu_regs(vcpu).rip;
	int seen = 0, ret;

	vm_must(set_debug(vcpu, STEP), "KVM_SET_GUEST_DEBUG");
	do {
		ret = vcpu_run(vcpu);
		if (!ret && vcpu->run->exit_reason == reason)
			seen++;
		/* Bochs's additional trap: it says that nothing was done. */
	} while (!ret && (vcpu->run->exit_reason == reason ||
			  (vcpu->run->exit_reason == KVM_EXIT_DEBUG &&
			   vcpu->run->debug.arch.pc == from)));
	if (!ret && seen == exits && vcpu->run->exit_reason == KVM_EXIT_DEBUG &&
	    vcpu->run->debug.arch.pc == pc &&
	    vcpu->run->debug.arch.dr6 == (DR6_LOW | DR6_BS))
		return true;
	vcpu_describe_exit(vcpu, ret);
	fprintf(stderr, "# %d exits, then at 0x%llx\n", seen,
		(unsigned long long)vcpu->run->debug.arch.pc);
	return false;
}

TEST_F(debug, steps_over_devices)
{
	guest_load(&self->g, devices);
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(5)));
	ASSERT_TRUE(step_over_exits(self->vcpu, KVM_EXIT_IO, 1, CODE_AT(7)));
	ASSERT_TRUE(step_over_exits(self->vcpu, KVM_EXIT_IO, 1, CODE_AT(9)));
	ASSERT_TRUE(step_over_exits(self->vcpu, KVM_EXIT_MMIO, 1, CODE_AT(11)));
	ASSERT_TRUE(step_over_exits(self->vcpu, KVM_EXIT_MMIO, 1, CODE_AT(13)));
	ASSERT_TRUE(step_over_exits(self->vcpu, KVM_EXIT_MMIO, 2, CODE_AT(15)));
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(16)));
}

/* Each element of a string is a step, whoever carries it out. */
GUEST_CODE_BLOB(string, 64,
	"mov $0x50000000, %edi\n"	/* 0 */
	"mov $3, %ecx\n"		/* 5 */
	"rep stosb\n"			/* 10 */
	"nop\n hlt\n");			/* 12 */

TEST_F(debug, steps_over_a_string)
{
	guest_load(&self->g, string);
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(5)));
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(10)));
	for (uint64_t left = 3; left--;) {
		vm_must(set_debug(self->vcpu, STEP), "KVM_SET_GUEST_DEBUG");
		/* Bochs's additional trap comes before anything was done. */
		do {
			ASSERT_EQ(0, vcpu_run(self->vcpu));
		} while (self->run->exit_reason == KVM_EXIT_DEBUG &&
			 vcpu_regs(self->vcpu).rcx == left + 1);
		ASSERT_EQ((uint32_t)KVM_EXIT_MMIO, self->run->exit_reason);
		ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_DEBUG));
		EXPECT_EQ(left, vcpu_regs(self->vcpu).rcx);
		/* KVM finds out that none is left when it comes back. */
		if (left || !vm_is_kvm(&self->g.vm))
			EXPECT_EQ(left ? CODE_AT(10) : CODE_AT(12), self->run->debug.arch.pc);
	}
}

/* A step begins and ends in the shadow of STI and of MOV SS. */
GUEST_CODE_BLOB(shadows, 64,
	"mov %ss, %ecx\n"		/* 0 */
	"sti\n"				/* 2 */
	"nop\n"				/* 3 */
	"nop\n"				/* 4 */
	"hlt\n");			/* 5 */

TEST_F(debug, steps_in_a_shadow)
{
	guest_load(&self->g, shadows);
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(2)));
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(3)));
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(4)));
	ASSERT_TRUE(step_to(self->vcpu, CODE_AT(5)));
}

/* The guest asked for traps at branches only: that is not what a step is. */
GUEST_CODE_BLOB(branch_steps, 64,
	"mov $0x1d9, %ecx\n mov $2, %eax\n xor %edx, %edx\n wrmsr\n"	/* 0 5 10 12 */
	"nop\n nop\n hlt\n");						/* 14 */

TEST_F(debug, steps_of_a_guest_that_uses_btf)
{
	static const uint64_t stops[] = { 5, 10, 12, 14, 15, 16 };

	guest_load(&self->g, branch_steps);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		ASSERT_TRUE(step_to(self->vcpu, CODE_AT(stops[i])));
}

TEST_F(debug, pc_is_linear)
{
	struct kvm_regs regs;

	guest_destroy(&self->g);
	guest_start(&self->g, MODE_REAL, nops);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(self->vcpu);
	regs.rip = 0;
	vcpu_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, set_debug(self->vcpu, STEP));
	ASSERT_TRUE(stopped_at(self->vcpu, DB, GUEST_CODE + 1));
	EXPECT_EQ(1ull, vcpu_regs(self->vcpu).rip);
}

TEST_F(debug, nmi_is_kept_away_from_a_step)
{
	ASSERT_EQ(0, set_debug(self->vcpu, STEP | KVM_GUESTDBG_BLOCKIRQ));
	ASSERT_EQ(0, vm_ioctl_num(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_TRUE(stopped_at(self->vcpu, DB, CODE_AT(1)));
	ASSERT_TRUE(stopped_at(self->vcpu, DB, CODE_AT(2)));
	EXPECT_EQ(0ull, self->e->count);
	ASSERT_EQ(0, set_debug(self->vcpu, 0));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ((uint64_t)NMI, self->e->vector);
	EXPECT_EQ(CODE_AT(2), self->e->rip);
}

/* KVM keeps those of its own controllers away, not those of KVM_INTERRUPT. */
TEST_F(debug, interrupt_is_kept_away_from_a_step)
{
	struct kvm_interrupt irq = { .irq = IRQ_VECTOR };
	struct kvm_regs regs = vcpu_regs(self->vcpu);

	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "not in KVM");
	regs.rflags |= RFLAGS_IF;
	vcpu_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, set_debug(self->vcpu, STEP | KVM_GUESTDBG_BLOCKIRQ));
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_INTERRUPT, &irq));
	ASSERT_TRUE(stopped_at(self->vcpu, DB, CODE_AT(1)));
	ASSERT_EQ(0, set_debug(self->vcpu, 0));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	EXPECT_EQ((uint64_t)IRQ_VECTOR, self->e->vector);
	EXPECT_EQ(CODE_AT(1), self->e->rip);
}

SLAT_TEST_MAIN
