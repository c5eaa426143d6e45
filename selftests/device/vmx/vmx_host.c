// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of a running guest: its registers are back after each exit,
 * signals and preemption interrupt a guest that never exits, vCPUs move between
 * CPUs and survive that their CPU goes offline.
 */
#define _GNU_SOURCE
#include "test.h"

#include <asm/ldt.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

FIXTURE(host) {
	struct guest g;
	struct kvm_run *run;
};

/*
 * Counts at GUEST_DATA, and stops at a difference between what it wrote to
 * XMM0, to KERNEL_GS_BASE and to memory, or when the TSC runs backwards.
 */
GUEST_CODE_BLOB(spin, 64,
	"mov $0x40000, %ebx\n"
	"xor %esi, %esi\n"
	"xor %r9d, %r9d\n"
	"1: incq (%rbx)\n"
	"inc %rsi\n"
	"movq %rsi, %xmm0\n"
	"mov $0xc0000102, %ecx\n mov %esi, %eax\n xor %edx, %edx\n wrmsr\n"
	"mov $100, %edi\n"
	"3: pause\n dec %edi\n jnz 3b\n"
	"rdmsr\n cmp %eax, %esi\n jne 2f\n"
	"movq %xmm0, %rax\n cmp %rax, %rsi\n jne 2f\n"
	"cmp (%rbx), %rsi\n jne 2f\n"
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n cmp %r9, %rax\n jb 2f\n mov %rax, %r9\n"
	"cmpq $0, 8(%rbx)\n je 1b\n"
	"hlt\n"
	"2: out %al, $0x10\n");

FIXTURE_SETUP(host)
{
	guest_start(&self->g, MODE_LONG, spin);
	self->run = self->g.vcpu.run;
}

FIXTURE_TEARDOWN(host)
{
	guest_destroy(&self->g);
}

#define COUNT	(*(volatile uint64_t *)(self->g.ram + GUEST_DATA))
#define STOP	(*(volatile uint64_t *)(self->g.ram + GUEST_DATA + 8))

static volatile int alarms;

static void on_alarm(int sig __attribute__((unused)))
{
	alarms++;
}

TEST_F(host, signals_interrupt_a_spinning_guest)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval tick = { { 0, 20000 }, { 0, 20000 } }, off = {};
	uint64_t last = 0;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	for (int i = 0; i < 10; i++) {
		int before = alarms;

		ASSERT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
		ASSERT_EQ(KVM_EXIT_INTR, self->run->exit_reason);
		EXPECT_GT(alarms, before);
		if (i > 1)
			EXPECT_GT(COUNT, last);
		last = COUNT;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	STOP = 1;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

static void *burn(void *arg)
{
	volatile bool *stop = arg;

	while (!*stop)
		__asm__ volatile("pxor %%xmm0, %%xmm0" : : : "xmm0");
	return NULL;
}

/* Another task on the same CPU: the vCPU is switched out again and again. */
TEST_F(host, preemption)
{
	struct runner runner;
	volatile bool stop = false;
	pthread_t thread;

	ASSERT_EQ(0, pin_thread(pthread_self(), 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, burn, (void *)&stop));
	runner_start(&runner, &self->g.vcpu);
	usleep(300000);
	STOP = 1;
	EXPECT_EQ(0, runner_join(&runner));
	EXPECT_EQ(0ull, runner.syncs);
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_GT(COUNT, 10ull);
}

/* Two VMs take turns on one CPU: each VMCS is loaded over the other. */
TEST_F(host, two_vms_on_one_cpu)
{
	struct guest other;
	struct runner a, b;

	ASSERT_EQ(0, pin_thread(pthread_self(), 0));
	guest_start(&other, MODE_LONG, spin);
	runner_start(&a, &self->g.vcpu);
	runner_start(&b, &other.vcpu);
	usleep(300000);
	STOP = 1;
	*(volatile uint64_t *)(other.ram + GUEST_DATA + 8) = 1;
	EXPECT_EQ(0, runner_join(&a));
	EXPECT_EQ(0, runner_join(&b));
	EXPECT_EQ(0ull, a.syncs + b.syncs);
	EXPECT_GT(COUNT, 10ull);
	EXPECT_GT(*(volatile uint64_t *)(other.ram + GUEST_DATA), 10ull);
	guest_destroy(&other);
}

TEST_F(host, migration)
{
	struct runner runner;

	if (cpus_online() < 2)
		SKIP(return, "needs two CPUs");
	runner_start(&runner, &self->g.vcpu);
	for (int i = 0; i < 60; i++) {
		ASSERT_EQ(0, pin_thread(runner.thread, i & 1));
		usleep(5000);
	}
	STOP = 1;
	EXPECT_EQ(0, runner_join(&runner));
	EXPECT_EQ(0ull, runner.syncs);
	EXPECT_GT(COUNT, 10ull);
}

static int write_online(int cpu, const char *value)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, value, 1) == 1 ? 0 : -errno;
	close(fd);
	return ret;
}

TEST_F(host, cpu_goes_offline)
{
	struct runner runner;
	uint64_t before;
	int ret = 0;

	if (cpus_online() < 2 || access("/sys/devices/system/cpu/cpu1/online", W_OK))
		SKIP(return, "needs a second CPU that can go offline");
	runner_start(&runner, &self->g.vcpu);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, pin_thread(runner.thread, 1));
		usleep(20000);
		ret = write_online(1, "0");
		if (ret == -EBUSY)	/* kvm_intel is loaded on 6.1, see docs/vmx.md */
			break;
		ASSERT_EQ(0, ret);
		before = COUNT;
		usleep(50000);
		EXPECT_GT(COUNT, before);
		ASSERT_EQ(0, write_online(1, "1"));
		usleep(20000);
	}
	STOP = 1;
	EXPECT_EQ(0, runner_join(&runner));
	EXPECT_EQ(0ull, runner.syncs);
	if (ret)
		SKIP(return, "CPUs stay online while kvm_intel is loaded");
}

GUEST_CODE_BLOB(halt, 64, "hlt\n");

/* Selectors that VM exit sets to null, and a GS in the LDT. */
TEST_F(host, segments_of_the_task)
{
	struct user_desc desc = {
		.entry_number = 1, .base_addr = 0x1000, .limit = 0xfffff,
		.seg_32bit = 1, .limit_in_pages = 1, .useable = 1,
	};
	uint16_t ds = 0x2b, es = 0x2b, gs = 1 << 3 | 7, ds2, es2, gs2, old;

	if (syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)))
		gs = 0x2b;
	guest_load(&self->g, halt);
	__asm__ volatile("mov %%gs, %0" : "=r"(old));
	__asm__ volatile("mov %0, %%ds\n mov %1, %%es\n mov %2, %%gs"
			 : : "r"(ds), "r"(es), "r"(gs));
	ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
	__asm__ volatile("mov %%ds, %0\n mov %%es, %1\n mov %%gs, %2"
			 : "=r"(ds2), "=r"(es2), "=r"(gs2));
	__asm__ volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%gs" : : "r"(old));
	EXPECT_EQ(ds, ds2);
	EXPECT_EQ(es, es2);
	EXPECT_EQ(gs, gs2);
	EXPECT_EQ(KVM_EXIT_HLT, self->run->exit_reason);
}

/* GS base of the task, which SWAPGS keeps in the MSR that the guest uses. */
TEST_F(host, gs_base_of_the_task)
{
	unsigned long base = 0;

	guest_load(&self->g, halt);
	ASSERT_EQ(0, syscall(SYS_arch_prctl, 0x1001, 0x123456000ul));
	ASSERT_EQ(1, vcpu_set_msr(&self->g.vcpu, 0xc0000102, 0xffff888000001000));
	ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
	ASSERT_EQ(0, syscall(SYS_arch_prctl, 0x1004, &base));
	EXPECT_EQ(0x123456000ul, base);
	syscall(SYS_arch_prctl, 0x1001, 0);
}

/* A watchpoint of the host's at @address. */
static int watch(uint64_t address)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .exclude_kernel = 1,
		.bp_type = HW_BREAKPOINT_W, .bp_addr = address, .bp_len = HW_BREAKPOINT_LEN_4,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t watch_count(int fd)
{
	uint64_t count = ~0ull;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : ~0ull;
}

/* The guest arms all four registers, hits one, and writes where the host watches. */
GUEST_CODE_BLOB(use_drs, 64,
	"mov $0x40000, %ebx\n"
	"lea 16(%rbx), %rax\n mov %rax, %dr0\n mov %rax, %dr1\n"
	"mov %rax, %dr2\n mov %rax, %dr3\n"
	"mov $0xdddd04aa, %eax\n mov %rax, %dr7\n"
	"movl $1, (%rbx)\n"
	"hlt\n"
	"movl $1, 16(%rbx)\n"
	"hlt\n");

TEST_F(host, watchpoints_of_the_host)
{
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		.arch.debugreg = { [0] = GUEST_DATA + 32, [7] = 0x000d0402 },
	};
	volatile uint32_t *word = mmap((void *)GUEST_DATA, PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int fd = watch(GUEST_DATA);

	if (fd < 0 || word == MAP_FAILED)
		SKIP(return, "no hardware breakpoints");
	*word = 1;
	ASSERT_EQ(1ull, watch_count(fd));
	guest_load(&self->g, use_drs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	*word = 2;
	EXPECT_EQ(2ull, watch_count(fd));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ(1ull, guest_exception(&self->g)->vector);
	*word = 3;
	EXPECT_EQ(3ull, watch_count(fd));
	/* and with registers of a debugging client */
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_GUEST_DEBUG, &dbg));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	*word = 4;
	EXPECT_EQ(4ull, watch_count(fd));
	/* where the guest's breakpoints are is nothing to the host */
	word[4] = 1;
	word[8] = 1;
	EXPECT_EQ(4ull, watch_count(fd));
	close(fd);
}

/* Through the MSR driver, where the host has it. */
TEST_F(host, xss_of_the_host)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY);
	uint64_t before, after;

	if (fd < 0 || pread(fd, &before, sizeof(before), 0xda0) != sizeof(before))
		SKIP(return, "no MSR driver, or no XSS");
	guest_load(&self->g, halt);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	ASSERT_EQ((ssize_t)sizeof(after), pread(fd, &after, sizeof(after), 0xda0));
	EXPECT_EQ(before, after);
	close(fd);
}

SLAT_TEST_MAIN
