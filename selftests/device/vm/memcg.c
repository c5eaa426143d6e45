// SPDX-License-Identifier: GPL-2.0
/*
 * A control group's memory.max is hit by the guest's faults: the host swaps the guest's own
 * memory to make room; where it can't, KVM_RUN is refused and goes on once there is room;
 * and a VMM that the host kills for it leaves nothing behind.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#include <signal.h>
#include <sys/stat.h>

#define PAGES	1024ul
#define SIZE	(PAGES * PAGE_SIZE)
#define ROOT	"/sys/fs/cgroup"
#define GROUP	ROOT "/slat-test"

FIXTURE(memcg) {
	struct ram r;
	bool made;
};

static int group_set(const char *file, const char *text)
{
	char path[80];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	return kernel_set(path, text);
}

/* The guest's slot is charged to the group, since its pages come when it is a member. */
FIXTURE_SETUP(memcg)
{
	if (kernel_set(ROOT "/cgroup.subtree_control", "+memory"))
		SKIP(return, "no control groups of memory");
	mkdir(GROUP, 0700);
	self->made = true;
	ASSERT_EQ(0, group_set("memory.max", "max"));
	ASSERT_EQ(0, group_set("cgroup.procs", "0"));
	ram_init(&self->r, PAGES, NULL);
}

FIXTURE_TEARDOWN(memcg)
{
	if (!self->made)
		return;
	ram_destroy(&self->r);
	kernel_set(ROOT "/cgroup.procs", "0");
	rmdir(GROUP);
}

/* Less than the slot needs. */
static int limit(bool swap)
{
	int ret = group_set("memory.swap.max", swap ? "max" : "0");

	return ret ? ret : group_set("memory.max", "3M");
}

TEST_F_TIMEOUT(memcg, what_does_not_fit_is_swapped, LONG_TIMEOUT)
{
	uint64_t out = vmstat("pswpout");

	if (!there_is_a_swap())
		SKIP(return, "no swap");
	ASSERT_EQ(0, limit(true));
	for (uint64_t tag = 0x1000; tag < 0x3000; tag += 0x1000) {
		ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, tag));
		ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, tag));
	}
	EXPECT_LT(out + PAGES / 2, vmstat("pswpout"));
	EXPECT_LT(0ull, pages_with(self->r.mem, PAGES, PM_SWAPPED));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x2000));
}

/*
 * Nobody may be killed for it, so the guest's fault itself fails. A fault of the test's own
 * would be tried for ever: while the limit holds, nothing is done that was not done before.
 */
TEST_F_TIMEOUT(memcg, a_store_that_finds_no_room_is_refused, LONG_TIMEOUT)
{
	int max = open(GROUP "/memory.max", O_WRONLY | O_CLOEXEC), set, ret, lifted;
	uint64_t at;

	ASSERT_LE(0, max);
	ASSERT_EQ(0, kernel_set("/proc/self/oom_score_adj", "-1000"));
	ASSERT_EQ(0, group_set("memory.swap.max", "0"));
	ASSERT_EQ(3, write(max, "max", 3));
	ASSERT_EQ(0, ram_store(&self->r, 0, 1, 0x1000));
	set = write(max, "3M", 2);
	ret = ram_store(&self->r, 0, PAGES, 0x1000);
	lifted = write(max, "max", 3);
	EXPECT_EQ(2, set);
	EXPECT_EQ(3, lifted);
	ASSERT_EQ(-EFAULT, ret);
	at = (vcpu_regs(&self->r.g.vcpu).rdi - RAM_GPA) / PAGE_SIZE;
	EXPECT_LT(1ull, at);
	EXPECT_GT(PAGES, at);
	EXPECT_TRUE(ram_host_holds(&self->r, 0, at, 0x1000));
	EXPECT_FALSE(page_is_present(ram_word(&self->r, at)));
	/* It goes on where it was. */
	ASSERT_EQ(0, vcpu_run_to(&self->r.g.vcpu, KVM_EXIT_HLT));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x1000));
	close(max);
}

/* A VMM of its own that is killed in the middle of its guest's fault. */
TEST_F_TIMEOUT(memcg, the_host_kills_the_vmm, LONG_TIMEOUT)
{
	struct ram r;
	int status;
	pid_t pid;

	ASSERT_EQ(0, limit(false));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		kernel_set("/proc/self/oom_score_adj", "1000");
		ram_init(&r, PAGES, NULL);
		ram_store(&r, 0, PAGES, 0x1000);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	/* Its memory is free again. */
	EXPECT_EQ(0, ram_store(&self->r, 0, PAGES / 4, 0x1000));
	EXPECT_TRUE(ram_holds(&self->r, 0, PAGES / 4, 0x1000));
}

SLAT_TEST_MAIN
