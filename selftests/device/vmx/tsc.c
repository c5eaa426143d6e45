// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's TSC on CPUs whose TSCs disagree: the test puts one back for a moment, through
 * the host's module msr, and skips where that is not loaded (modprobe msr). The host's log
 * then says that something wrote to the MSR, and maybe that it put it right itself.
 */
#include <fcntl.h>

#include "test.h"

#define MSR_TSC		0x10
#define BACK		(1ull << 30)	/* far more than a move takes */

GUEST_CODE_BLOB(read_tsc, 64, "rdtsc\n shl $32, %rdx\n or %rdx, %rax\n hlt\n");

FIXTURE(tsc) {
	struct guest g;
	int msr;	/* of CPU 1 */
};

FIXTURE_SETUP(tsc)
{
	self->msr = open("/dev/cpu/1/msr", O_RDWR);
	guest_start(&self->g, MODE_LONG, read_tsc);
}

FIXTURE_TEARDOWN(tsc)
{
	guest_destroy(&self->g);
	close(self->msr);
}

static uint64_t guest_tsc(struct guest *g)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rip = GUEST_CODE;
	vcpu_set_regs(&g->vcpu, &regs);
	vm_must(vcpu_run_to(&g->vcpu, KVM_EXIT_HLT), "RDTSC");
	return vcpu_regs(&g->vcpu).rax;
}

static bool host_tsc_move(int fd, uint64_t by)
{
	uint64_t tsc;

	if (pread(fd, &tsc, sizeof(tsc), MSR_TSC) != sizeof(tsc))
		return false;
	tsc += by;
	return pwrite(fd, &tsc, sizeof(tsc), MSR_TSC) == sizeof(tsc);
}

TEST_F(tsc, a_move_to_a_cpu_behind)
{
	uint64_t before, after, back;

	if (self->msr < 0)
		SKIP(return, "needs two CPUs and the host's module msr");
	ASSERT_EQ(0, pin_thread(pthread_self(), 0));
	ASSERT_TRUE(host_tsc_move(self->msr, -BACK));
	before = guest_tsc(&self->g);
	ASSERT_EQ(0, pin_thread(pthread_self(), 1));
	after = guest_tsc(&self->g);
	ASSERT_EQ(0, pin_thread(pthread_self(), 0));
	back = guest_tsc(&self->g);
	ASSERT_TRUE(host_tsc_move(self->msr, BACK));
	/* Time stands still on the way there, and never goes back. */
	EXPECT_LE(before, after);
	EXPECT_GT(BACK / 2, after - before);
	EXPECT_LE(after, back);
}

SLAT_TEST_MAIN
