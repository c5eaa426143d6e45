// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_RUN as a call: when it returns and with what. Immediate exit, signals
 * and the signal mask, halts, shutdown, a kvm_run page that another thread
 * scribbles over, several threads and several VMs.
 */
#include "test.h"

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/time.h>

GUEST_CODE_BLOB(spin, 64, "1: incq 0x40000\n jmp 1b\n");
GUEST_CODE_BLOB(halt, 64, "1: hlt\n inc %rax\n jmp 1b\n");
GUEST_CODE_BLOB(count_out, 64, "1: inc %eax\n" SYNC64 "jmp 1b\n");
/* No usable IDT: the #UD, then #DF, then shutdown. */
GUEST_CODE_BLOB(triple, 64,
	"push $0\n push $0\n push $0\n"
	"lidt (%rsp)\n"
	"ud2\n");

FIXTURE(run) {
	struct guest g;
	struct kvm_run *run;
	volatile uint64_t *count;
};

FIXTURE_SETUP(run)
{
	guest_start(&self->g, MODE_LONG, spin);
	self->run = self->g.vcpu.run;
	self->count = guest_u64(&self->g, GUEST_DATA);
}

FIXTURE_TEARDOWN(run)
{
	guest_destroy(&self->g);
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void catch(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(sig, &sa, NULL);
}

static void alarm_ms(unsigned int ms, unsigned int interval_ms)
{
	struct itimerval timer = {
		.it_value.tv_usec = ms * 1000,
		.it_interval.tv_usec = interval_ms * 1000,
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* struct kvm_signal_mask with the set that follows its length word. */
struct sigmask {
	uint32_t len;
	uint8_t set[8];
};

static struct sigmask make_mask(uint64_t set)
{
	struct sigmask mask = { .len = 8 };

	memcpy(mask.set, &set, sizeof(set));
	return mask;
}

TEST_F(run, immediate_exit_is_eintr_and_runs_nothing)
{
	self->run->immediate_exit = 1;
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	}
	EXPECT_EQ(0ull, *self->count);
	EXPECT_EQ(GUEST_CODE, vcpu_regs(&self->g.vcpu).rip);
}

TEST_F(run, signal_interrupts_a_spinning_guest)
{
	catch(SIGALRM);
	alarm_ms(50, 0);
	EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	EXPECT_EQ((uint32_t)KVM_EXIT_INTR, self->run->exit_reason);
	EXPECT_EQ(1, signals);
	EXPECT_LT(0ull, *self->count);
}

TEST_F(run, pending_signal_returns_at_once)
{
	struct sigmask mask = make_mask(0);
	sigset_t set;

	catch(SIGUSR2);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	/* Blocked outside, open inside KVM_RUN: the classic use of the mask. */
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_SIGNAL_MASK, &mask));
	EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	EXPECT_EQ(0ull, *self->count);
	/* Still pending, still blocked: KVM_RUN only looked through its mask. */
	EXPECT_EQ(0, signals);
	sigpending(&set);
	EXPECT_EQ(1, sigismember(&set, SIGUSR2));
}

TEST_F(run, masked_signal_waits_for_the_end_of_the_run)
{
	struct sigmask mask = make_mask(1ull << (SIGALRM - 1));

	guest_load(&self->g, count_out);
	catch(SIGALRM);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_SIGNAL_MASK, &mask));
	alarm_ms(20, 0);
	for (uint64_t i = 1; !signals; i++) {
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
		ASSERT_EQ(i, vcpu_io_value(&self->g.vcpu));
	}
	ASSERT_EQ(0, vm_ioctl_num(self->g.vcpu.fd, KVM_SET_SIGNAL_MASK, 0));
}

/* Without a handler to run, a signal that is ignored must not end the run. */
TEST_F(run, ignored_signals_are_no_eintr)
{
	guest_load(&self->g, count_out);
	signal(SIGALRM, SIG_IGN);
	alarm_ms(1, 1);
	for (uint64_t i = 1; i < 3000; i++) {
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
		ASSERT_EQ(i, vcpu_io_value(&self->g.vcpu));
	}
	alarm_ms(0, 0);
}

TEST_F(run, no_progress_is_lost_to_many_signals)
{
	unsigned int period_ms = 2;
	bool progress = true;
	uint64_t expected = 1;

	guest_load(&self->g, count_out);
	catch(SIGALRM);
	alarm_ms(period_ms, period_ms);
	while (expected < 2000) {
		int ret = vcpu_run(&self->g.vcpu);

		if (ret == -EINTR) {
			/* As often as this machine can bear: it may be a slow one. */
			if (!progress) {
				period_ms *= 2;
				alarm_ms(period_ms, period_ms);
			}
			progress = false;
			continue;
		}
		progress = true;
		ASSERT_EQ(0, ret);
		ASSERT_EQ((uint32_t)KVM_EXIT_IO, self->run->exit_reason);
		ASSERT_EQ(expected, vcpu_io_value(&self->g.vcpu));
		expected++;
	}
	alarm_ms(0, 0);
	EXPECT_LT(0, signals);
}

TEST_F(run, hlt_exits_with_rip_behind_it)
{
	guest_load(&self->g, halt);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
		EXPECT_EQ((uint64_t)i, vcpu_regs(&self->g.vcpu).rax);
		EXPECT_EQ(GUEST_CODE + 1, vcpu_regs(&self->g.vcpu).rip);
	}
}

TEST_F(run, triple_fault_is_shutdown)
{
	guest_load(&self->g, triple);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_SHUTDOWN));
	/* A reset by the client brings the vCPU back. */
	guest_load(&self->g, halt);
	guest_set_mode(&self->g.vcpu, MODE_LONG);
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

TEST_F(run, no_memory_at_all_is_an_internal_error)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_create(&vm);
	vcpu_create(&vm, 0, &vcpu);
	/* KVM sizes its page-table budget by the slots: none would be ENOSPC. */
	ASSERT_EQ(0, vm_ioctl_num(vm.fd, KVM_SET_NR_MMU_PAGES, 64));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vcpu_run_to(&vcpu, KVM_EXIT_INTERNAL_ERROR));
		EXPECT_EQ((uint32_t)KVM_INTERNAL_ERROR_EMULATION, vcpu.run->internal.suberror);
	}
	EXPECT_EQ(0xfff0ull, vcpu_regs(&vcpu).rip);
	vcpu_destroy(&vcpu);
	vm_destroy(&vm);
}

TEST_F(run, out_fields_of_kvm_run)
{
	guest_load(&self->g, halt);
	self->run->cr8 = 5;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(1, self->run->if_flag);
	EXPECT_EQ(5ull, self->run->cr8);
	EXPECT_EQ(5ull, vcpu_sregs(&self->g.vcpu).cr8);
	EXPECT_EQ(vcpu_sregs(&self->g.vcpu).apic_base, self->run->apic_base);
	self->run->cr8 = 0x10;
	EXPECT_EQ(-EINVAL, vcpu_run(&self->g.vcpu));
}

TEST_F(run, unknown_sync_regs_are_einval)
{
	self->run->kvm_valid_regs = 1ull << 20;
	EXPECT_EQ(-EINVAL, vcpu_run(&self->g.vcpu));
	self->run->kvm_valid_regs = 0;
	self->run->kvm_dirty_regs = 1ull << 20;
	EXPECT_EQ(-EINVAL, vcpu_run(&self->g.vcpu));
	if (!vm_check_extension(self->g.vm.dev, KVM_CAP_SYNC_REGS)) {
		self->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
		EXPECT_EQ(-EINVAL, vcpu_run(&self->g.vcpu));
	}
}

TEST_F(run, cpuid_is_frozen_after_the_first_run)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(self->g.vm.dev);

	guest_load(&self->g, halt);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_CPUID2, cpuid));
	cpuid_find(cpuid, 0x80000002, 0)->eax ^= 1;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, KVM_SET_CPUID2, cpuid));
	free(cpuid);
}

struct scribbler {
	struct kvm_run *run;
	size_t size;
	volatile bool stop;
};

/* Everything but immediate_exit, which would only end the test early. */
static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	uint64_t x = 88172645463325252ull;

	while (!s->stop) {
		volatile uint8_t *page = (volatile uint8_t *)s->run;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (x % s->size != offsetof(struct kvm_run, immediate_exit))
			page[x % s->size] = x >> 32;
		if (!(x & 0xff))
			sched_yield();
	}
	return NULL;
}

/* The kernel may answer any errno to garbage, but the guest's memory is whole. */
TEST_F_TIMEOUT(run, kvm_run_scribbled_over_while_it_runs, LONG_TIMEOUT)
{
	struct scribbler s = { self->run, self->g.vm.run_size, false };
	uint8_t *high = self->g.ram + 0x100000;
	pthread_t thread;

	memset(high, 0x77, 0x10000);
	guest_load(&self->g, count_out);
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
	for (int i = 0; i < 3000; i++) {
		int ret = vcpu_run(&self->g.vcpu);

		ASSERT_TRUE(ret == 0 || ret == -EINVAL || ret == -EINTR) TH_LOG("%d", ret);
	}
	s.stop = true;
	pthread_join(thread, NULL);
	for (int i = 0; i < 0x10000; i++) {
		ASSERT_EQ(0x77, high[i]);
	}
	memset(self->run, 0, PAGE_SIZE);
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
}

TEST_F(run, second_thread_waits_for_the_vcpu)
{
	struct runner r = {};
	struct kvm_regs regs;

	runner_start(&r, &self->g.vcpu);
	while (!*self->count)
		usleep(1000);
	/* GET_REGS from here gets the vCPU only between two runs. */
	catch(SIGUSR1);
	pthread_kill(r.thread, SIGUSR1);
	EXPECT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0, runner_stop(&r));
	EXPECT_LE(GUEST_CODE, regs.rip);
}

TEST_F(run, vcpu_moves_from_thread_to_thread)
{
	for (int i = 0; i < 10; i++) {
		struct runner r = {};
		uint64_t before = *self->count;

		runner_start(&r, &self->g.vcpu);
		while (*self->count == before)
			usleep(500);
		ASSERT_EQ(0, runner_stop(&r));
	}
}

TEST_F_TIMEOUT(run, several_vms_at_once, LONG_TIMEOUT)
{
	struct guest guests[4];
	struct runner r[4] = {};

	for (int i = 0; i < 4; i++) {
		guest_start(&guests[i], MODE_LONG, spin);
		runner_start(&r[i], &guests[i].vcpu);
	}
	for (int i = 0; i < 4; i++) {
		volatile uint64_t *count = guest_u64(&guests[i], GUEST_DATA);

		while (*count < 1000)
			usleep(1000);
	}
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(0, runner_stop(&r[i]));
		guest_destroy(&guests[i]);
	}
}

/* SIGSTOP and SIGCONT end no run by themselves that a handler does not see. */
/*
 * A process that a signal stops while it makes its VM gets EINTR, as with KVM: so
 * the stops begin when the child has said that its guest is there.
 */
TEST_F(run, stopped_and_continued_process)
{
	int status, ready[2];
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct guest g;

		guest_start(&g, MODE_LONG, count_out);
		if (write(ready[1], &byte, 1) != 1)
			_exit(2);
		for (uint64_t i = 1; i < 20000; i++) {
			int ret = vcpu_run(&g.vcpu);

			if (ret == -EINTR)
				i--;
			else if (ret || vcpu_io_value(&g.vcpu) != i)
				_exit(1);
		}
		_exit(0);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	close(ready[0]);
	for (int i = 0; i < 5; i++) {
		usleep(20000);
		kill(pid, SIGSTOP);
		usleep(10000);
		kill(pid, SIGCONT);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(run, traced_process_stops_inside_a_run)
{
	int status, ready[2];
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct guest g;

		guest_start(&g, MODE_LONG, spin);
		if (write(ready[1], &byte, 1) != 1)
			_exit(2);
		while (vcpu_run(&g.vcpu) == -EINTR)
			;
		_exit(0);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	close(ready[0]);
	usleep(200 * 1000);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
		usleep(20000);
	}
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
}

SLAT_TEST_MAIN
