// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers and SPEC_CTRL of the host that change from one entry to the next,
 * because the kernel keeps them by task: CR4.TSD (PR_SET_TSC), CR3 with the address-space
 * identifiers that it hands out, SPEC_CTRL (PR_SET_SPECULATION_CTRL). After each exit the
 * task has its own again, and the guest never has them.
 */
#define _GNU_SOURCE
#include "test.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ROUNDS		200

#ifndef PR_SET_SPECULATION_CTRL
#define PR_SET_SPECULATION_CTRL	53
#define PR_SPEC_STORE_BYPASS	0
#define PR_SPEC_ENABLE		(1UL << 1)
#define PR_SPEC_DISABLE		(1UL << 2)
#endif

#define MSR_SPEC_CTRL	0x48
#define SPEC_CTRL_STIBP	(1u << 1)
#define SPEC_CTRL_SSBD	(1u << 2)

/* It reads the TSC, which the task may not, at each exit. */
GUEST_CODE_BLOB(reads_tsc, 64, "1: rdtsc\n out %al, $0x10\n jmp 1b\n");
/* The same without exits, until user space says stop. */
GUEST_CODE_BLOB(spins, 64,
	"mov $0x40000, %ebx\n"
	"1: rdtsc\n incq (%rbx)\n cmpq $0, 8(%rbx)\n je 1b\n hlt\n");

FIXTURE(control) {
	struct guest g;
	struct kvm_run *run;
};

FIXTURE_SETUP(control)
{
	guest_start(&self->g, MODE_LONG, reads_tsc);
	self->run = self->g.vcpu.run;
}

FIXTURE_TEARDOWN(control)
{
	guest_destroy(&self->g);
}

static sigjmp_buf no_tsc;

static void on_fault(int sig __attribute__((unused)))
{
	siglongjmp(no_tsc, 1);
}

/* May this task read the TSC? SIGSEGV says no. */
static bool may_read_tsc(void)
{
	struct sigaction sa = { .sa_handler = on_fault }, old;
	bool may = false;

	sigaction(SIGSEGV, &sa, &old);
	if (!sigsetjmp(no_tsc, 1)) {
		uint32_t low, high;

		__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
		may = true;
	}
	sigaction(SIGSEGV, &old, NULL);
	return may;
}

static int set_tsc(bool may)
{
	return prctl(PR_SET_TSC, may ? PR_TSC_ENABLE : PR_TSC_SIGSEGV, 0, 0, 0);
}

TEST_F(control, cr4_changes_between_entries)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool may = i % 3 != 1;

		ASSERT_EQ(0, set_tsc(may));
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO)) TH_LOG("round %d", i);
		ASSERT_EQ(PORT_SYNC, self->run->io.port) TH_LOG("round %d", i);
		ASSERT_EQ(may, may_read_tsc()) TH_LOG("round %d", i);
	}
	set_tsc(true);
}

struct spinner {
	struct guest g;
	bool may, kept;
	int ret;
	pthread_t thread;
};

static void *spin(void *arg)
{
	struct spinner *s = arg;

	set_tsc(s->may);
	s->ret = vcpu_run_to(&s->g.vcpu, KVM_EXIT_HLT);
	s->kept = may_read_tsc() == s->may;
	set_tsc(true);
	return NULL;
}

/* Tasks take turns on one CPU, each with another CR4, while their guests run. */
TEST_F(control, cr4_changes_while_guests_run)
{
	struct spinner s[2] = { { .may = true }, { .may = false } };

	for (int i = 0; i < 2; i++) {
		guest_start(&s[i].g, MODE_LONG, spins);
		ASSERT_EQ(0, pthread_create(&s[i].thread, NULL, spin, &s[i]));
		ASSERT_EQ(0, pin_thread(s[i].thread, 0));
	}
	usleep(300000);
	for (int i = 0; i < 2; i++) {
		*(volatile uint64_t *)(s[i].g.ram + GUEST_DATA + 8) = 1;
		pthread_join(s[i].thread, NULL);
		EXPECT_EQ(0, s[i].ret);
		EXPECT_TRUE(s[i].kept) TH_LOG("task %d", i);
		EXPECT_GT(*guest_u64(&s[i].g, GUEST_DATA), 10ull);
		guest_destroy(&s[i].g);
	}
}

/* More processes than the kernel has identifiers for address spaces: it hands them out anew. */
#define PROCESSES	9
#define TURNS		30

static volatile uint64_t mine[PAGE_SIZE / 8] __attribute__((aligned(4096)));

/* Does a process find its own memory after each exit, and its guest the guest's own? */
static int take_turns(uint64_t tag)
{
	struct guest g;
	int ret = 0;

	if (pin_thread(pthread_self(), 0))
		return 1;
	guest_start(&g, MODE_LONG, reads_tsc);
	mine[0] = tag;
	*guest_u64(&g, GUEST_DATA) = tag;
	for (int i = 0; i < TURNS && !ret; i++) {
		if (vcpu_run_to(&g.vcpu, KVM_EXIT_IO))
			ret = 2;
		else if (mine[0] != tag || *guest_u64(&g, GUEST_DATA) != tag)
			ret = 3;
		mine[i % 512] = tag;
		sched_yield();
	}
	guest_destroy(&g);
	return ret;
}

TEST_F(control, cr3_changes_between_entries)
{
	pid_t children[PROCESSES];
	int status;

	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		ASSERT_LE(0, children[i]);
		if (!children[i])
			_exit(take_turns(0x1000 + i));
	}
	for (int i = 0; i < PROCESSES; i++) {
		ASSERT_EQ(children[i], waitpid(children[i], &status, 0));
		EXPECT_EQ(0, status) TH_LOG("process %d", i);
	}
}

/* The guest's SPEC_CTRL stays its own, and so does the task's. */
GUEST_CODE_BLOB(spec_ctrl, 64,
	"mov $0x48, %ecx\n mov $2, %eax\n xor %edx, %edx\n wrmsr\n"
	"out %al, $0x10\n"
	"mov $0x48, %ecx\n rdmsr\n out %al, $0x10\n hlt\n");

static uint64_t host_spec_ctrl(int msr)
{
	uint64_t value = ~0ull;

	return pread(msr, &value, sizeof(value), MSR_SPEC_CTRL) == sizeof(value) ? value : ~0ull;
}

/* IBRS, IBPB, and STIBP, which the guest sets. */
static bool guest_has_spec_ctrl(struct vm *vm)
{
	const uint32_t bits = 1u << 26 | 1u << 27;
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(vm->dev);
	bool has = (cpuid_find(cpuid, 7, 0)->edx & bits) == bits;

	free(cpuid);
	return has;
}

TEST_F(control, spec_ctrl_of_the_task)
{
	int msr = open("/dev/cpu/0/msr", O_RDONLY);
	uint64_t before;
	bool ssbd;

	if (msr < 0 || !guest_has_spec_ctrl(&self->g.vm) || host_spec_ctrl(msr) == ~0ull)
		SKIP(return, "no MSR driver, or no SPEC_CTRL");
	ASSERT_EQ(0, pin_thread(pthread_self(), 0));
	/* Where the kernel leaves store bypass alone, it may have set IBRS for good. */
	ssbd = !prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
	before = host_spec_ctrl(msr);
	EXPECT_EQ(ssbd ? SPEC_CTRL_SSBD : 0, before & SPEC_CTRL_SSBD);
	guest_load(&self->g, spec_ctrl);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_SYNC, self->run->io.port);
	EXPECT_EQ(before, host_spec_ctrl(msr));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_SYNC, self->run->io.port);
	EXPECT_EQ((uint64_t)SPEC_CTRL_STIBP, vcpu_regs(&self->g.vcpu).rax);
	EXPECT_EQ(before, host_spec_ctrl(msr));
	if (ssbd)
		prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_ENABLE, 0, 0);
	close(msr);
}

SLAT_TEST_MAIN
