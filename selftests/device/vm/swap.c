// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that the host writes to its swap, or may throw away (MADV_FREE), while
 * the guest has it mapped: whatever the guest stored comes back. Needs a swap; the
 * checks' job makes one on a RAM disk.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#define PAGES	64ul
#define SIZE	(PAGES * PAGE_SIZE)
#define WAIT_MS	30000

FIXTURE(swap) {
	struct ram r;
	char *mem;
};

FIXTURE_VARIANT(swap) {
	bool shared;
};

FIXTURE_VARIANT_ADD(swap, anonymous) { false };
FIXTURE_VARIANT_ADD(swap, shared) { true };

FIXTURE_SETUP(swap)
{
	if (!there_is_a_swap())
		SKIP(return, "no swap");
	if (variant->shared) {
		self->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				 -1, 0);
		ASSERT_NE(MAP_FAILED, self->mem);
	}
	ram_init(&self->r, PAGES, self->mem);
	self->mem = (char *)self->r.mem;
}

FIXTURE_TEARDOWN(swap)
{
	if (self->r.mem)
		ram_destroy(&self->r);
}

static uint64_t in_core(const char *mem)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		found += page_in_core(mem + i * PAGE_SIZE) || page_is_present(mem + i * PAGE_SIZE);
	return found;
}

/* A page that is being written, or sits in some CPU's list, goes with a later try. */
static bool page_out(char *mem)
{
	uint64_t deadline = now_ms() + WAIT_MS;

	do {
		if (madvise(mem, SIZE, MADV_PAGEOUT))
			return false;
		if (!pages_with(mem, PAGES, PM_PRESENT))
			return true;
	} while (now_ms() < deadline);
	fprintf(stderr, "# %llu pages stay\n", (unsigned long long)in_core(mem));
	return false;
}

TEST_F(swap, what_the_guest_stored_comes_back)
{
	uint64_t out = vmstat("pswpout");

	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_TRUE(page_out(self->mem));
	if (!variant->shared)
		EXPECT_EQ(PAGES, pages_with(self->mem, PAGES, PM_SWAPPED));
	EXPECT_LE(out + PAGES, vmstat("pswpout"));
	EXPECT_EQ(SIZE / KIB, smaps_kib(self->mem, "Swap:"));
	EXPECT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
	EXPECT_EQ(PAGES, pages_with(self->mem, PAGES, PM_PRESENT));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x1000));
}

/*
 * A page that was only read since it came back is the same as its copy in the swap, and may
 * go without being written: a later store must make it differ.
 */
TEST_F(swap, a_store_after_a_read_is_kept_too)
{
	for (uint64_t tag = 0x1000; tag < 0x5000; tag += 0x1000) {
		ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, tag));
		ASSERT_TRUE(page_out(self->mem));
		ASSERT_TRUE(ram_both_hold(&self->r, 0, PAGES, tag));
		ASSERT_EQ(0, ram_store(&self->r, 0, PAGES / 2, tag + 0x100));
		ASSERT_TRUE(page_out(self->mem));
		ASSERT_TRUE(ram_both_hold(&self->r, 0, PAGES / 2, tag + 0x100));
		ASSERT_TRUE(ram_both_hold(&self->r, PAGES / 2, PAGES / 2, tag));
	}
}

/* The host writes what the guest finds, after the guest had the page before it went. */
TEST_F(swap, what_the_host_stores_meanwhile_is_found)
{
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_TRUE(page_out(self->mem));
	for (uint64_t i = 0; i < PAGES; i++)
		*ram_word(&self->r, i) = 0x2000 + i;
	EXPECT_TRUE(ram_both_hold(&self->r, 0, PAGES, 0x2000));
}

/*
 * Pages that the guest keeps using stay, as a rule: what is asked for under it, it holds up
 * by its accessed bits. So each is made to go once more while the guest stands somewhere.
 */
TEST_F_TIMEOUT(swap, a_guest_that_goes_on_loses_nothing, LONG_TIMEOUT)
{
	uint64_t out = vmstat("pswpout");

	ram_start(&self->r, 0);
	for (int i = 0; i < 8; i++) {
		EXPECT_EQ(0, madvise(self->mem, SIZE, i % 4 == 3 ? MADV_COLD : MADV_PAGEOUT));
		ASSERT_TRUE(ram_goes_on(&self->r));
		ASSERT_EQ(0, runner_stop(&self->r.runner));
		ASSERT_TRUE(page_out(self->mem));
		runner_start(&self->r.runner, &self->r.g.vcpu);
		ASSERT_TRUE(ram_goes_on(&self->r));
	}
	EXPECT_TRUE(ram_stop(&self->r));
	EXPECT_LT(out, vmstat("pswpout"));
}

/* That a page goes and comes back is no store: KVM may tell of it when it is read, Slat not. */
TEST_F(swap, the_log_tells_stores_alone)
{
	uint64_t bits;

	ASSERT_EQ(0, ram_set(&self->r, KVM_MEM_LOG_DIRTY_PAGES));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	EXPECT_EQ(~0ull, ram_log(&self->r));
	ASSERT_TRUE(page_out(self->mem));
	EXPECT_EQ(0ull, ram_log(&self->r));
	ASSERT_TRUE(ram_both_hold(&self->r, 0, PAGES, 0x1000));
	bits = ram_log(&self->r);
	if (!vm_is_kvm(&self->r.g.vm))
		EXPECT_EQ(0ull, bits);
	/* Those told before their page goes are told once. */
	ASSERT_EQ(0, ram_store(&self->r, 8, 8, 0x2000));
	ASSERT_TRUE(page_out(self->mem));
	EXPECT_EQ(0xff00ull, ram_log(&self->r));
	EXPECT_EQ(0ull, ram_log(&self->r));
	ASSERT_EQ(0, ram_store(&self->r, 16, 8, 0x2000));
	EXPECT_EQ(0xff0000ull, ram_log(&self->r));
	EXPECT_TRUE(ram_both_hold(&self->r, 8, 16, 0x2000));
}

/* Each page the guest stored to again after MADV_FREE is kept; others are whole, or zeroes. */
TEST_F(swap, what_is_stored_after_madv_free_is_kept)
{
	uint64_t freed = vmstat("pglazyfreed");

	if (variant->shared)
		SKIP(return, "MADV_FREE is for anonymous memory");
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_FREE));
	/* A read makes it no more worth keeping, and the store behind it needs no fault. */
	ASSERT_TRUE(ram_holds(&self->r, 0, PAGES / 2, 0x1000));
	ASSERT_EQ(0, ram_store(&self->r, PAGES / 4, PAGES / 2, 0x2000));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_PAGEOUT));
	EXPECT_TRUE(ram_both_hold(&self->r, PAGES / 4, PAGES / 2, 0x2000));
	for (uint64_t i = 0; i < PAGES; i++)
		if (*ram_word(&self->r, i) && i / (PAGES / 4) % 3 == 0)
			EXPECT_EQ(0x1000 + i, *ram_word(&self->r, i));
	/* The last quarter, which nobody touched, went. */
	EXPECT_LE(freed + PAGES / 4, vmstat("pglazyfreed"));
	for (uint64_t i = PAGES / 4 * 3; i < PAGES; i++)
		EXPECT_EQ(0ull, *ram_word(&self->r, i));
	EXPECT_TRUE(ram_both_hold(&self->r, PAGES / 4, PAGES / 2, 0x2000));
}

/* mlock() gives the range pages of its own in the place of the zero page that the guest read. */
TEST_F(swap, locked_memory_stays_and_goes_when_unlocked)
{
	uint64_t out;

	for (uint64_t i = 0; i < PAGES; i++)
		ASSERT_TRUE(ram_holds(&self->r, i, 1, -i));
	ASSERT_EQ(0, mlock(self->mem, SIZE));
	for (uint64_t i = 0; i < PAGES; i++)
		*ram_word(&self->r, i) = 0x1000 + i;
	EXPECT_TRUE(ram_both_hold(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x2000));
	EXPECT_EQ(SIZE / KIB, smaps_kib(self->mem, "Locked:"));
	EXPECT_EQ(-1, madvise(self->mem, SIZE, MADV_PAGEOUT));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(PAGES, pages_with(self->mem, PAGES, PM_PRESENT));
	ASSERT_EQ(0, munlock(self->mem, SIZE));
	out = vmstat("pswpout");
	ASSERT_TRUE(page_out(self->mem));
	EXPECT_LT(out, vmstat("pswpout"));
	EXPECT_TRUE(ram_both_hold(&self->r, 0, PAGES, 0x2000));
}

SLAT_TEST_MAIN
