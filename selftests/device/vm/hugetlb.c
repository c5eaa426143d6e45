// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages of hugetlbfs behind a slot: contents, holes, a pool that is too small, copy on
 * write, the log of parts of one.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#include <sys/syscall.h>

#define HUGE		(2 * MIB)
#define HUGE_PAGES	2ul
#define SIZE		(HUGE_PAGES * HUGE)
#define EACH		(HUGE / PAGE_SIZE)
#define PAGES		(HUGE_PAGES * EACH)
#define POOL		"/proc/sys/vm/nr_hugepages"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB	4u
#endif

FIXTURE(hugetlb) {
	struct ram r;
	int fd;
	char *alias;
};

FIXTURE_VARIANT(hugetlb) {
	bool shared;
};

FIXTURE_VARIANT_ADD(hugetlb, private) { false };
FIXTURE_VARIANT_ADD(hugetlb, shared) { true };

static bool pool_is(const char *n)
{
	uint64_t got = 0;

	return !kernel_set(POOL, n) && !kernel_get(POOL, &got) && got == strtoull(n, NULL, 0);
}

FIXTURE_SETUP(hugetlb)
{
	void *mem;

	self->fd = -1;
	if (!pool_is("4"))
		SKIP(return, "no pool of huge pages");
	self->fd = syscall(SYS_memfd_create, "guest", MFD_CLOEXEC | MFD_HUGETLB);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ftruncate(self->fd, SIZE));
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_NORESERVE |
		   (variant->shared ? MAP_SHARED : MAP_PRIVATE), self->fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	self->alias = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			   self->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->alias);
	ram_init(&self->r, PAGES, mem);
}

FIXTURE_TEARDOWN(hugetlb)
{
	if (self->fd < 0)
		return;
	ram_destroy(&self->r);
	munmap(self->alias, SIZE);
	close(self->fd);
	kernel_set(POOL, "0");
}

TEST_F(hugetlb, guest_and_host_see_one_another)
{
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x1000));
	for (uint64_t i = 0; i < PAGES; i++)
		*ram_word(&self->r, i) = 0x2000 + i;
	EXPECT_TRUE(ram_holds(&self->r, 0, PAGES, 0x2000));
	/* The file has it exactly if it is shared. */
	for (uint64_t i = 0; i < PAGES; i += EACH / 4)
		EXPECT_EQ(variant->shared ? 0x2000 + i : 0,
			  *(uint64_t *)(self->alias + i * PAGE_SIZE));
}

TEST_F(hugetlb, a_hole_is_zeroes)
{
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, variant->shared ?
		     fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HUGE, HUGE) :
		     madvise(self->r.mem + HUGE, HUGE, MADV_DONTNEED));
	EXPECT_TRUE(ram_holds(&self->r, 0, EACH, 0x1000));
	for (uint64_t i = EACH; i < PAGES; i++)
		ASSERT_TRUE(ram_holds(&self->r, i, 1, -i));
	ASSERT_EQ(0, ram_store(&self->r, EACH, EACH, 0x2000));
	EXPECT_TRUE(ram_host_holds(&self->r, EACH, EACH, 0x2000));
	if (variant->shared) {
		ASSERT_EQ(0, madvise(self->r.mem, HUGE, MADV_REMOVE));
		for (uint64_t i = 0; i < EACH; i++)
			ASSERT_TRUE(ram_holds(&self->r, i, 1, -i));
		EXPECT_TRUE(ram_holds(&self->r, EACH, EACH, 0x2000));
	}
}

/* No page, as SIGBUS tells a program: the guest's access is refused until there is one. */
TEST_F(hugetlb, an_empty_pool_refuses_the_access)
{
	ASSERT_TRUE(pool_is("1"));
	ASSERT_EQ(0, ram_store(&self->r, 0, EACH, 0x1000));
	EXPECT_EQ(-EFAULT, ram_store(&self->r, EACH, EACH, 0x1000));
	EXPECT_EQ(RAM_GPA + HUGE, vcpu_regs(&self->r.g.vcpu).rdi);
	EXPECT_TRUE(ram_holds(&self->r, 0, EACH, 0x1000));
	ASSERT_TRUE(pool_is("2"));
	EXPECT_EQ(0, ram_store(&self->r, EACH, EACH, 0x1000));
	EXPECT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
}

TEST_F(hugetlb, a_truncated_file_refuses_the_access)
{
	if (!variant->shared)
		SKIP(return, "of shared memory alone");
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ftruncate(self->fd, HUGE));
	EXPECT_TRUE(ram_holds(&self->r, 0, EACH, 0x1000));
	EXPECT_EQ(-EFAULT, ram_store(&self->r, EACH, 1, 0x2000));
	ASSERT_EQ(0, ftruncate(self->fd, SIZE));
	for (uint64_t i = EACH; i < PAGES; i++)
		ASSERT_TRUE(ram_holds(&self->r, i, 1, -i));
}

/* The host copies a whole huge page for one store. */
TEST_F(hugetlb, fork_is_a_copy)
{
	const uint64_t tag = variant->shared ? 0x2000 : 0x1000;
	int begin[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, pipe(begin));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0)
		_exit(read(begin[0], &c, 1) == 1 &&
		      ram_host_holds(&self->r, 0, PAGES, tag) ? 0 : 1);
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x2000));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x2000));
	ASSERT_EQ(1, write(begin[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(ram_holds(&self->r, 0, PAGES, 0x2000));
}

/* A page of 4 KiB is told, not the huge one that it is part of. */
TEST_F(hugetlb, the_log_tells_small_pages)
{
	uint64_t bits[PAGES / 64] = {};
	struct kvm_dirty_log log = { .slot = RAM_SLOT, .dirty_bitmap = bits };

	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_set(&self->r, KVM_MEM_LOG_DIRTY_PAGES));
	ASSERT_EQ(0, ram_store(&self->r, 70, 2, 0x2000));
	ASSERT_EQ(0, ram_store(&self->r, EACH + 5, 1, 0x2000));
	ASSERT_EQ(0, vm_ioctl(self->r.g.vm.fd, KVM_GET_DIRTY_LOG, &log));
	for (uint64_t i = 0; i < PAGES / 64; i++)
		EXPECT_EQ(i == 1 ? 3ull << 6 : i == EACH / 64 ? 1ull << 5 : 0, bits[i]);
	ASSERT_EQ(0, ram_set(&self->r, 0));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x3000));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x3000));
}

TEST_F_TIMEOUT(hugetlb, a_guest_that_is_stopped_goes_on_where_it_was, LONG_TIMEOUT)
{
	ram_start(&self->r, 0);
	ASSERT_TRUE(ram_goes_on(&self->r));
	/* Rights go and come again; the contents stay. */
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, mprotect(self->r.mem, SIZE, PROT_READ));
		ASSERT_EQ(-EFAULT, runner_join(&self->r.runner));
		ASSERT_EQ(0, mprotect(self->r.mem, SIZE, PROT_READ | PROT_WRITE));
		EXPECT_TRUE(ram_is_one_moment(&self->r, self->r.mem));
		runner_start(&self->r.runner, &self->r.g.vcpu);
		ASSERT_TRUE(ram_goes_on(&self->r));
	}
	EXPECT_TRUE(ram_stop(&self->r));
}

SLAT_TEST_MAIN
