// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions inside the guest through its own IDT: vector, error code, CR2 and
 * the saved RIP; delivery that itself faults in EPT and must be repeated; and
 * guests that try to keep the CPU busy with exceptions for ever.
 */
#include "test.h"

#include <signal.h>
#include <sys/time.h>

#define DE	0
#define DB	1
#define BP	3
#define UD	6
#define GP	13
#define PF	14
#define AC	17

#define PFEC_P	1ull
#define PFEC_W	2ull
#define PFEC_U	4ull
#define PFEC_I	16ull

FIXTURE(exc) {
	struct guest g;
	struct guest_exception *e;
};

GUEST_CODE_BLOB(idle, 64, "hlt\n");

FIXTURE_SETUP(exc)
{
	guest_start(&self->g, MODE_LONG, idle);
	self->e = guest_exception(&self->g);
}

FIXTURE_TEARDOWN(exc)
{
	guest_destroy(&self->g);
}

/* Run to the report of an exception and check what the guest saw. */
static bool excepts(struct guest *g, uint64_t vector, uint64_t error, uint64_t rip)
{
	struct guest_exception *e = guest_exception(g);

	if (vcpu_run_to(&g->vcpu, KVM_EXIT_IO))
		return false;
	if (g->vcpu.run->io.port == PORT_EXC && e->vector == vector && e->error == error &&
	    e->rip == rip)
		return true;
	fprintf(stderr, "# vector %lu error 0x%lx rip 0x%lx, expected %lu 0x%lx 0x%lx\n",
		e->vector, e->error, e->rip, vector, error, rip);
	return false;
}

/* Let the handler return to @rip instead of the faulting instruction. */
static void resume_at(struct guest *g, uint64_t rip)
{
	memcpy(g->ram + guest_exception(g)->frame, &rip, 4);
}

GUEST_CODE_BLOB(faults, 64,
	"ud2\n"					/* 0x00 */
	".org faults_start + 0x10\n"
	"xor %ecx, %ecx\n div %ecx\n"		/* 0x10, faults at 0x12 */
	".org faults_start + 0x20\n"
	"int3\n"				/* 0x20, trap: RIP 0x21 */
	".org faults_start + 0x30\n"
	"mov $0x8000000000000000, %rax\n"
	"mov (%rax), %eax\n"			/* 0x3a */
	".org faults_start + 0x40\n"
	"mov $0xdeadbeef, %ecx\n wrmsr\n"	/* 0x45 */
	".org faults_start + 0x50\n"
	"mov $0x7000000000, %rax\n"
	"movl $1, 0x123(%rax)\n"		/* 0x5a */
	".org faults_start + 0x70\n"
	"mov $0x33, %eax\n mov %eax, %ds\n"	/* 0x75: user segment, no fault */
	"mov $0x58, %eax\n mov %eax, %ds\n"	/* 0x7c: beyond the GDT */
	".org faults_start + 0x90\n"
	"mov %cr4, %rax\n bts $15, %rax\n mov %rax, %cr4\n"	/* 0x98: reserved bit */
	".org faults_start + 0xa0\n"
	"hlt\n");

TEST_F(exc, each_vector_with_its_error_code)
{
	struct guest *g = &self->g;

	/* Linear 0x7000000000 is behind an entry that is not present. */
	guest_u64(g, GUEST_PDPT)[448] = 0;
	guest_load(g, faults);
	ASSERT_TRUE(excepts(g, UD, 0, GUEST_CODE));
	resume_at(g, GUEST_CODE + 0x10);
	ASSERT_TRUE(excepts(g, DE, 0, GUEST_CODE + 0x12));
	resume_at(g, GUEST_CODE + 0x20);
	ASSERT_TRUE(excepts(g, BP, 0, GUEST_CODE + 0x21));
	resume_at(g, GUEST_CODE + 0x30);
	ASSERT_TRUE(excepts(g, GP, 0, GUEST_CODE + 0x3a));
	resume_at(g, GUEST_CODE + 0x40);
	ASSERT_TRUE(excepts(g, GP, 0, GUEST_CODE + 0x45));
	resume_at(g, GUEST_CODE + 0x50);
	ASSERT_TRUE(excepts(g, PF, PFEC_W, GUEST_CODE + 0x5a));
	EXPECT_EQ(0x7000000123ull, self->e->cr2);
	EXPECT_EQ(0x7000000123ull, vcpu_sregs(&g->vcpu).cr2);
	resume_at(g, GUEST_CODE + 0x70);
	ASSERT_TRUE(excepts(g, GP, 0x58, GUEST_CODE + 0x7c));
	resume_at(g, GUEST_CODE + 0x90);
	ASSERT_TRUE(excepts(g, GP, 0, GUEST_CODE + 0x98));
	resume_at(g, GUEST_CODE + 0xa0);
	ASSERT_EQ(0, vcpu_run_to(&g->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(8u, (uint32_t)self->e->count);
}

GUEST_CODE_BLOB(faults32, 32,
	"ud2\n"
	".org faults32_start + 0x10\n"
	"movl $1, 0xfff00000\n"			/* 0x10 */
	".org faults32_start + 0x20\n"
	"hlt\n");

TEST_F(exc, vectors_in_32_bit_paging)
{
	guest_destroy(&self->g);
	guest_start(&self->g, MODE_PAGED32, faults32);
	self->e = guest_exception(&self->g);
	((uint32_t *)(self->g.ram + GUEST_PD32))[1023] = 0;
	ASSERT_TRUE(excepts(&self->g, UD, 0, GUEST_CODE));
	resume_at(&self->g, GUEST_CODE + 0x10);
	ASSERT_TRUE(excepts(&self->g, PF, PFEC_W, GUEST_CODE + 0x10));
	EXPECT_EQ(0xfff00000ull, self->e->cr2);
	resume_at(&self->g, GUEST_CODE + 0x20);
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

GUEST_CODE_BLOB(rights, 64,
	"movl $1, (%rbx)\n"			/* read-only page */
	".org rights_start + 0x10\n"
	"jmp *%rcx\n"				/* no-execute page */
	".org rights_start + 0x20\n"
	"mov (%rbx), %eax\n hlt\n");

TEST_F(exc, page_rights)
{
	struct guest *g = &self->g;
	struct kvm_regs regs;

	guest_u64(g, GUEST_PD + PAGE_SIZE)[0] = PTE_P | PTE_PS;
	guest_u64(g, GUEST_PD + PAGE_SIZE)[1] = PTE_P | PTE_W | PTE_PS | 1ull << 63;
	struct kvm_sregs s = vcpu_sregs(&g->vcpu);

	s.cr0 |= CR0_WP;
	ASSERT_EQ(0, vcpu_set_sregs(&g->vcpu, &s));
	guest_load(g, rights);
	regs = vcpu_regs(&g->vcpu);
	regs.rbx = GIB;
	regs.rcx = GIB + 2 * MIB;
	vcpu_set_regs(&g->vcpu, &regs);
	ASSERT_TRUE(excepts(g, PF, PFEC_P | PFEC_W, GUEST_CODE));
	EXPECT_EQ(GIB, self->e->cr2);
	resume_at(g, GUEST_CODE + 0x10);
	ASSERT_TRUE(excepts(g, PF, PFEC_P | PFEC_I, GIB + 2 * MIB));
	resume_at(g, GUEST_CODE + 0x20);
	EXPECT_EQ(0, vcpu_run_to(&g->vcpu, KVM_EXIT_HLT));
}

GUEST_CODE_BLOB(step, 64,
	"pushf\n orl $0x100, (%rsp)\n popf\n"
	"nop\n"					/* 0x09: the trap comes after this */
	".org step_start + 0x20\n hlt\n");

TEST_F(exc, single_step)
{
	guest_load(&self->g, step);
	ASSERT_TRUE(excepts(&self->g, DB, 0, GUEST_CODE + 0x0a));
	/* The saved flags would step on: clear TF for the return. */
	guest_u64(&self->g, self->e->frame)[2] &= ~RFLAGS_TF;
	resume_at(&self->g, GUEST_CODE + 0x20);
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

GUEST_CODE_BLOB(privileged, 64,
	"wbinvd\n invd\n pause\n clts\n"
	"mov %cr0, %rax\n lmsw %ax\n smsw %bx\n"
	"mov $3, %eax\n mov %rax, %cr8\n mov %cr8, %rsi\n"
	"invlpg (%rsp)\n"
	"mov %cr3, %rax\n mov %rax, %cr3\n"
	"mov %cr4, %rax\n or $0x80, %rax\n mov %rax, %cr4\n"
	"mov $0x7777, %eax\n vmcall\n mov %rax, %rdi\n"
	"hlt\n"
	"vmlaunch\n"
	".org privileged_start + 0x80\n hlt\n");

/* CR8 writes may end the run so that the client sees the new TPR. */
TEST_F(exc, privileged_instructions)
{
	struct kvm_regs regs;
	int ret;

	guest_load(&self->g, privileged);
	do {
		ret = vcpu_run(&self->g.vcpu);
	} while (!ret && self->g.vcpu.run->exit_reason == KVM_EXIT_SET_TPR);
	ASSERT_EQ(0, ret);
	ASSERT_EQ((uint32_t)KVM_EXIT_HLT, self->g.vcpu.run->exit_reason)
		vcpu_describe_exit(&self->g.vcpu, ret);
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(3ull, regs.rsi);
	EXPECT_EQ(-1000ll, (int64_t)regs.rdi);
	EXPECT_EQ(vcpu_sregs(&self->g.vcpu).cr0 & 0xffff, regs.rbx & 0xffff);
	ASSERT_TRUE(excepts(&self->g, UD, 0, regs.rip));
}

/* Drop the EPT entries of one guest page without touching its content. */
static void forget_page(struct guest *g, uint64_t gpa)
{
	mprotect(g->ram + gpa, PAGE_SIZE, PROT_NONE);
	mprotect(g->ram + gpa, PAGE_SIZE, PROT_READ | PROT_WRITE);
}

GUEST_CODE_BLOB(two_faults, 64,
	"ud2\n"
	".org two_faults_start + 0x10\n"
	"mov $0x7000000000, %rax\n"
	"movl $1, 0x456(%rax)\n"		/* 0x1a */
	".org two_faults_start + 0x30\n"
	"int $0x10\n"				/* 0x30, RIP 0x32 */
	".org two_faults_start + 0x40\n"
	"hlt\n");

/*
 * IDT, GDT, stack and handler are not mapped in EPT when the exception comes:
 * its delivery exits, perhaps several times, and must be taken up again with
 * vector, error code, CR2 and instruction length intact.
 */
TEST_F(exc, delivery_that_faults_in_ept_is_repeated)
{
	static const uint64_t pages[] = {
		GUEST_IDT, GUEST_GDT, GUEST_STACK - PAGE_SIZE, GUEST_STUBS, GUEST_EXC,
	};
	struct guest *g = &self->g;

	guest_u64(g, GUEST_PDPT)[448] = 0;
	for (unsigned int set = 0; set < 1u << ARRAY_SIZE(pages); set++) {
		struct kvm_regs regs = vcpu_regs(&g->vcpu);

		guest_load(g, two_faults);
		regs.rip = GUEST_CODE;
		regs.rsp = GUEST_STACK;
		vcpu_set_regs(&g->vcpu, &regs);
		for (int step = 0; step < 3; step++) {
			for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
				if (set & 1u << i)
					forget_page(g, pages[i]);
			if (step == 0) {
				ASSERT_TRUE(excepts(g, UD, 0, GUEST_CODE));
				resume_at(g, GUEST_CODE + 0x10);
			} else if (step == 1) {
				ASSERT_TRUE(excepts(g, PF, PFEC_W, GUEST_CODE + 0x1a));
				ASSERT_EQ(0x7000000456ull, self->e->cr2);
				resume_at(g, GUEST_CODE + 0x30);
			} else {
				ASSERT_TRUE(excepts(g, 16, 0, GUEST_CODE + 0x32));
				resume_at(g, GUEST_CODE + 0x40);
			}
		}
		ASSERT_EQ(0, vcpu_run_to(&g->vcpu, KVM_EXIT_HLT));
	}
}

/* The IDT lies where no slot is: the run ends, it must not spin. */
TEST_F(exc, idt_in_mmio_ends_the_run)
{
	struct kvm_sregs s = vcpu_sregs(&self->g.vcpu);
	uint32_t reason;

	guest_load(&self->g, two_faults);
	s.idt.base = 0xd0000000;
	ASSERT_EQ(0, vcpu_set_sregs(&self->g.vcpu, &s));
	ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
	reason = self->g.vcpu.run->exit_reason;
	EXPECT_TRUE(reason == KVM_EXIT_INTERNAL_ERROR || reason == KVM_EXIT_SHUTDOWN)
		vcpu_describe_exit(&self->g.vcpu, 0);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void start_alarm(void)
{
	struct itimerval timer = { .it_value.tv_usec = 300000 };
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Enter 32-bit user code on a stack that is not aligned, alignment checked. */
GUEST_CODE_BLOB(ac_storm, 32, "1: mov 0x40001, %eax\n jmp 1b\n");

static void enter_user_with_ac(struct guest *g)
{
	struct kvm_sregs s = vcpu_sregs(&g->vcpu);
	struct kvm_regs regs = vcpu_regs(&g->vcpu);
	uint64_t *gdt = guest_u64(g, GUEST_GDT);

	gdt[SEL_USER64 / 8] = 0x00cffb000000ffff;	/* 32 bit here */
	/* A trap gate for user code to user code: no stack switch. */
	guest_u64(g, GUEST_IDT)[AC] = (GUEST_CODE & 0xffff) | (SEL_USER64 | 3ull) << 16 |
		0xefull << 40 | (GUEST_CODE >> 16) << 48;
	s.cs.selector = SEL_USER64 | 3;
	s.cs.dpl = 3;
	s.ss.selector = s.ds.selector = s.es.selector = SEL_USER_DATA | 3;
	s.ss.dpl = s.ds.dpl = s.es.dpl = 3;
	s.cr0 |= CR0_AM;
	vm_must(vcpu_set_sregs(&g->vcpu, &s), "KVM_SET_SREGS");
	regs.rflags |= RFLAGS_AC;
	regs.rsp = GUEST_STACK - 1;
	vcpu_set_regs(&g->vcpu, &regs);
}

/* The host must get its CPU back: by the alarm, or by giving the guest up. */
TEST_F(exc, alignment_check_storm)
{
	uint32_t reason;
	int ret;

	guest_destroy(&self->g);
	guest_start(&self->g, MODE_PAGED32, ac_storm);
	enter_user_with_ac(&self->g);
	start_alarm();
	ret = vcpu_run(&self->g.vcpu);
	reason = self->g.vcpu.run->exit_reason;
	EXPECT_TRUE(ret == -EINTR || reason == KVM_EXIT_SHUTDOWN ||
		    reason == KVM_EXIT_INTERNAL_ERROR)
		vcpu_describe_exit(&self->g.vcpu, ret);
}

/* A write breakpoint on the very stack that #DB is delivered on. */
GUEST_CODE_BLOB(db_storm, 64,
	"lea -8(%rsp), %rax\n and $~15, %rax\n sub $8, %rax\n"
	"mov %rax, %db0\n"
	"mov $0x90701, %ecx\n mov %rcx, %db7\n"	/* L0, write, 8 bytes */
	"1: mov %eax, (%rax)\n jmp 1b\n");

TEST_F(exc, debug_exception_storm)
{
	int ret = 0;

	guest_load(&self->g, db_storm);
	/* The handler itself: just return, without a report to the host. */
	memcpy(self->g.ram + GUEST_STUBS + DB * 16, "\x48\xcf", 2);
	start_alarm();
	while (!ret && !alarms)
		ret = vcpu_run(&self->g.vcpu);
	EXPECT_EQ(-EINTR, ret) vcpu_describe_exit(&self->g.vcpu, ret);
}

SLAT_TEST_MAIN
