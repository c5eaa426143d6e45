// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM's address space changes under a guest that goes on storing: fork, MADV_DONTFORK,
 * mremap away and back, mprotect. From the moment on at which the host has memory for
 * itself, no store of the guest's may reach it.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#include <sched.h>

#define PAGES	32ul
#define SIZE	(PAGES * PAGE_SIZE)
#define LOOKS	200

FIXTURE(space) {
	struct ram r;
	char *elsewhere;
};

FIXTURE_SETUP(space)
{
	ram_init(&self->r, PAGES, NULL);
	self->elsewhere = vm_alloc(SIZE);
}

FIXTURE_TEARDOWN(space)
{
	ram_destroy(&self->r);
}

/* The first words of all pages, which nobody may be storing to any more. */
static bool is_still(const struct ram *r, const void *mem)
{
	uint64_t words[PAGES];

	for (uint64_t i = 0; i < PAGES; i++)
		words[i] = *(volatile uint64_t *)((char *)mem + i * PAGE_SIZE);
	if (!ram_is_one_moment(r, mem))
		return false;
	for (int look = 0; look < LOOKS; look++) {
		for (uint64_t i = 0; i < PAGES; i++)
			if (words[i] != *(volatile uint64_t *)((char *)mem + i * PAGE_SIZE))
				return false;
		sched_yield();
	}
	return true;
}

/* A child sees the memory of one moment, for ever, and what it stores there is its own. */
static int look_and_store(const struct ram *r, int begin)
{
	char c;

	if (read(begin, &c, 1) != 1)
		return 2;
	if (!is_still(r, r->mem))
		return 3;
	for (uint64_t i = 0; i < PAGES; i++)
		*ram_word(r, i) = 0xbad;
	return 0;
}

TEST_F_TIMEOUT(space, fork_is_a_snapshot, LONG_TIMEOUT)
{
	int begin[2], status;
	pid_t pid;

	ram_start(&self->r, 0);
	for (int i = 0; i < 6; i++) {
		ASSERT_TRUE(ram_goes_on(&self->r));
		ASSERT_EQ(0, pipe(begin));
		pid = fork();
		ASSERT_LE(0, pid);
		if (pid == 0)
			_exit(look_and_store(&self->r, begin[0]));
		/* The guest goes on while the child still has each page. */
		EXPECT_TRUE(ram_goes_on(&self->r));
		ASSERT_EQ(1, write(begin[1], "", 1));
		EXPECT_TRUE(ram_goes_on(&self->r));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		close(begin[0]);
		close(begin[1]);
	}
	EXPECT_TRUE(ram_stop(&self->r));
}

/* A child that has none of it makes no copy necessary. */
TEST_F(space, dontfork_leaves_the_pages_with_the_guest)
{
	uint64_t pfn[PAGES];
	unsigned char there;
	int begin[2];
	pid_t pid;
	int status;
	char c;

	ASSERT_EQ(0, madvise(self->r.mem, SIZE, MADV_DONTFORK));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	for (uint64_t i = 0; i < PAGES; i++)
		pfn[i] = page_pfn(ram_word(&self->r, i));
	ASSERT_EQ(0, pipe(begin));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0)
		_exit(read(begin[0], &c, 1) == 1 && mincore(self->r.mem, PAGE_SIZE, &there) &&
		      errno == ENOMEM ? 0 : 1);
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x2000));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x2000));
	for (uint64_t i = 0; i < PAGES; i++)
		EXPECT_EQ(pfn[i], page_pfn(ram_word(&self->r, i)));
	ASSERT_EQ(1, write(begin[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The guest's store is refused; where it stands is where it goes on. */
static void expect_stuck(struct __test_metadata *_metadata, struct ram *r)
{
	EXPECT_EQ(-EFAULT, runner_join(&r->runner));
}

static void go_on(struct ram *r)
{
	runner_start(&r->runner, &r->g.vcpu);
}

TEST_F_TIMEOUT(space, memory_moved_away_is_still_and_comes_back, LONG_TIMEOUT)
{
	ram_start(&self->r, 0);
	for (int i = 0; i < 6; i++) {
		ASSERT_TRUE(ram_goes_on(&self->r));
		ASSERT_EQ(self->elsewhere, mremap(self->r.mem, SIZE, SIZE,
						  MREMAP_MAYMOVE | MREMAP_FIXED, self->elsewhere));
		EXPECT_TRUE(is_still(&self->r, self->elsewhere));
		expect_stuck(_metadata, &self->r);
		ASSERT_EQ((void *)self->r.mem, mremap(self->elsewhere, SIZE, SIZE,
						      MREMAP_MAYMOVE | MREMAP_FIXED, self->r.mem));
		go_on(&self->r);
	}
	ASSERT_TRUE(ram_goes_on(&self->r));
	EXPECT_TRUE(ram_stop(&self->r));
}

/* The old place keeps its mapping, without a page; what the guest stores there is lost to none. */
TEST_F(space, memory_moved_with_dontunmap_leaves_zeroes)
{
	void *got;

	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	got = mremap(self->r.mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		     self->elsewhere);
	ASSERT_EQ((void *)self->elsewhere, got);
	for (uint64_t i = 0; i < PAGES; i++)
		EXPECT_TRUE(ram_holds(&self->r, i, 1, -i));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x2000));
	for (uint64_t i = 0; i < PAGES; i++)
		EXPECT_EQ(0x1000 + i, *(uint64_t *)(self->elsewhere + i * PAGE_SIZE));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x2000));
}

TEST_F_TIMEOUT(space, protected_memory_is_still, LONG_TIMEOUT)
{
	static const int kinds[] = { PROT_READ, PROT_NONE };

	ram_start(&self->r, 0);
	for (int i = 0; i < 6; i++) {
		ASSERT_TRUE(ram_goes_on(&self->r));
		ASSERT_EQ(0, mprotect(self->r.mem, SIZE, kinds[i % 2]));
		if (kinds[i % 2] == PROT_READ)
			EXPECT_TRUE(is_still(&self->r, self->r.mem));
		expect_stuck(_metadata, &self->r);
		ASSERT_EQ(0, mprotect(self->r.mem, SIZE, PROT_READ | PROT_WRITE));
		EXPECT_TRUE(ram_is_one_moment(&self->r, self->r.mem));
		go_on(&self->r);
	}
	ASSERT_TRUE(ram_goes_on(&self->r));
	EXPECT_TRUE(ram_stop(&self->r));
}

SLAT_TEST_MAIN
