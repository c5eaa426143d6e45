// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of two guests that are alike become one (KSM): neither may see what the other one
 * stores, and both go on while it happens.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#include <sched.h>

#define PAGES	16ul
#define SIZE	(PAGES * PAGE_SIZE)
#define KSM	"/sys/kernel/mm/ksm/"
#define WAIT_MS	90000

FIXTURE(ksm) {
	struct ram a, b;
};

FIXTURE_SETUP(ksm)
{
	if (access(KSM "run", W_OK))
		SKIP(return, "no KSM in this kernel");
	ram_init(&self->a, PAGES, NULL);
	ram_init(&self->b, PAGES, NULL);
	ASSERT_EQ(0, kernel_set(KSM "sleep_millisecs", "1"));
	ASSERT_EQ(0, kernel_set(KSM "pages_to_scan", "1000"));
	ASSERT_EQ(0, madvise(self->a.mem, SIZE, MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(self->b.mem, SIZE, MADV_MERGEABLE));
}

/* What is merged stays so until somebody stores to it, or all is taken apart. */
FIXTURE_TEARDOWN(ksm)
{
	if (!self->a.mem)
		return;
	kernel_set(KSM "run", "2");
	kernel_set(KSM "run", "0");
	ram_destroy(&self->a);
	ram_destroy(&self->b);
}

static uint64_t merged(struct ram *a, struct ram *b)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		n += page_pfn(ram_word(a, i)) && page_pfn(ram_word(a, i)) == page_pfn(ram_word(b, i));
	return n;
}

static bool merge(struct ram *a, struct ram *b)
{
	uint64_t deadline = now_ms() + WAIT_MS;

	if (kernel_set(KSM "run", "1"))
		return false;
	while (merged(a, b) < PAGES && now_ms() < deadline)
		sched_yield();
	kernel_set(KSM "run", "0");
	return merged(a, b) == PAGES;
}

TEST_F_TIMEOUT(ksm, guests_do_not_see_each_other, LONG_TIMEOUT)
{
	ASSERT_EQ(0, ram_store(&self->a, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_store(&self->b, 0, PAGES, 0x1000));
	ASSERT_TRUE(merge(&self->a, &self->b));
	/* Neither the one that has the page mapped since before, nor the one that reads it first. */
	EXPECT_TRUE(ram_both_hold(&self->b, 0, PAGES, 0x1000));
	ASSERT_EQ(PAGES, merged(&self->a, &self->b));
	ASSERT_EQ(0, ram_store(&self->a, 0, PAGES / 2, 0x2000));
	EXPECT_EQ(PAGES / 2, merged(&self->a, &self->b));
	EXPECT_TRUE(ram_host_holds(&self->b, 0, PAGES, 0x1000));
	EXPECT_TRUE(ram_holds(&self->b, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_store(&self->b, PAGES / 2, PAGES / 2, 0x3000));
	EXPECT_EQ(0ull, merged(&self->a, &self->b));
	EXPECT_TRUE(ram_both_hold(&self->a, 0, PAGES / 2, 0x2000));
	EXPECT_TRUE(ram_both_hold(&self->a, PAGES / 2, PAGES / 2, 0x1000));
	EXPECT_TRUE(ram_both_hold(&self->b, 0, PAGES / 2, 0x1000));
}

/* Taken apart, pages are alike and no longer the same. */
TEST_F_TIMEOUT(ksm, unmerged_pages_hold_what_they_held, LONG_TIMEOUT)
{
	ASSERT_EQ(0, ram_store(&self->a, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_store(&self->b, 0, PAGES, 0x1000));
	ASSERT_TRUE(merge(&self->a, &self->b));
	ASSERT_TRUE(ram_both_hold(&self->a, 0, PAGES, 0x1000));
	ASSERT_TRUE(ram_both_hold(&self->b, 0, PAGES, 0x1000));
	ASSERT_EQ(0, madvise(self->a.mem, SIZE, MADV_UNMERGEABLE));
	ASSERT_EQ(0ull, merged(&self->a, &self->b));
	*ram_word(&self->a, 3) = 0x2003;
	EXPECT_TRUE(ram_both_hold(&self->a, 3, 1, 0x2000));
	EXPECT_TRUE(ram_both_hold(&self->b, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_store(&self->a, 0, PAGES, 0x4000));
	EXPECT_TRUE(ram_host_holds(&self->a, 0, PAGES, 0x4000));
	EXPECT_TRUE(ram_both_hold(&self->b, 0, PAGES, 0x1000));
}

/* A page that is made one with another was not stored to. */
TEST_F_TIMEOUT(ksm, the_log_tells_stores_alone, LONG_TIMEOUT)
{
	ASSERT_EQ(0, ram_set(&self->a, KVM_MEM_LOG_DIRTY_PAGES));
	ASSERT_EQ(0, ram_store(&self->a, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_store(&self->b, 0, PAGES, 0x1000));
	EXPECT_EQ((1ull << PAGES) - 1, ram_log(&self->a));
	ASSERT_TRUE(merge(&self->a, &self->b));
	EXPECT_EQ(0ull, ram_log(&self->a));
	ASSERT_TRUE(ram_both_hold(&self->a, 0, PAGES, 0x1000));
	EXPECT_EQ(0ull, ram_log(&self->a));
	ASSERT_EQ(0, ram_store(&self->a, 4, 4, 0x2000));
	EXPECT_EQ(0xf0ull, ram_log(&self->a));
	EXPECT_TRUE(ram_both_hold(&self->b, 0, PAGES, 0x1000));
}

/* All pages are alike between two rounds, and each is stored to in the next. */
TEST_F_TIMEOUT(ksm, a_guest_that_goes_on_loses_nothing, LONG_TIMEOUT)
{
	uint64_t scans = 0, now = 0, deadline = now_ms() + WAIT_MS;

	ASSERT_EQ(0, ram_store(&self->b, 0, PAGES, 0x1000));
	ASSERT_EQ(0, kernel_get(KSM "full_scans", &scans));
	ASSERT_EQ(0, kernel_set(KSM "run", "1"));
	ram_start(&self->a, 0);
	do {
		ASSERT_TRUE(ram_goes_on(&self->a));
		ASSERT_EQ(0, kernel_get(KSM "full_scans", &now));
	} while (now < scans + 8 && now_ms() < deadline);
	EXPECT_TRUE(ram_stop(&self->a));
	EXPECT_LE(scans + 8, now);
	EXPECT_TRUE(ram_both_hold(&self->b, 0, PAGES, 0x1000));
}

SLAT_TEST_MAIN
