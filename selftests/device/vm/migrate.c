// SPDX-License-Identifier: GPL-2.0
/*
 * The host moves pages to other page frames under the guest: between NUMA nodes, by the
 * hints of NUMA balancing, by compaction. Nodes can be had of any machine with the
 * kernel's parameter numa=fake=2, as the checks' machines have.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>

#define PAGES	64ul
#define SIZE	(PAGES * PAGE_SIZE)
#define BALANCING	"/proc/sys/kernel/numa_balancing"
#define DELAY	"/sys/kernel/debug/sched/numa_balancing/scan_delay_ms"
#define PERIOD	"/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms"
#define HINTS	50
#define WAIT_MS	60000

FIXTURE(migrate) {
	struct ram r;
};

FIXTURE_VARIANT(migrate) {
	bool shared;
};

FIXTURE_VARIANT_ADD(migrate, anonymous) { false };
FIXTURE_VARIANT_ADD(migrate, shared) { true };

FIXTURE_SETUP(migrate)
{
	void *mem = NULL;

	if (variant->shared) {
		mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, mem);
	}
	ram_init(&self->r, PAGES, mem);
}

FIXTURE_TEARDOWN(migrate)
{
	ram_destroy(&self->r);
}

static bool has_two_nodes(void)
{
	return !access("/sys/devices/system/node/node1", F_OK);
}

/* Returns how many pages are on the node now. */
static int move_to(struct ram *r, int node)
{
	int nodes[PAGES], status[PAGES], moved = 0;
	void *pages[PAGES];

	for (uint64_t i = 0; i < PAGES; i++) {
		pages[i] = ram_word(r, i);
		nodes[i] = node;
		status[i] = -1;
	}
	if (syscall(SYS_move_pages, 0, PAGES, pages, nodes, status, MPOL_MF_MOVE) < 0)
		vm_must(-errno, "move_pages");
	for (uint64_t i = 0; i < PAGES; i++)
		moved += status[i] == node;
	return moved;
}

static void all_pfns(struct ram *r, uint64_t *pfn)
{
	for (uint64_t i = 0; i < PAGES; i++)
		pfn[i] = page_pfn(ram_word(r, i));
}

static uint64_t how_many_moved(struct ram *r, const uint64_t *before)
{
	uint64_t moved = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		moved += page_pfn(ram_word(r, i)) != before[i];
	return moved;
}

TEST_F(migrate, moved_pages_hold_what_they_held)
{
	uint64_t pfn[PAGES];

	if (!has_two_nodes())
		SKIP(return, "one NUMA node");
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	move_to(&self->r, 0);
	for (int i = 1; i <= 6; i++) {
		all_pfns(&self->r, pfn);
		ASSERT_EQ((int)PAGES, move_to(&self->r, i % 2));
		ASSERT_EQ(PAGES, how_many_moved(&self->r, pfn));
		ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, i * 0x1000));
		ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, (i + 1) * 0x1000));
		ASSERT_TRUE(ram_host_holds(&self->r, 0, PAGES, (i + 1) * 0x1000));
	}
}

TEST_F_TIMEOUT(migrate, a_guest_that_goes_on_loses_nothing, LONG_TIMEOUT)
{
	uint64_t pfn[PAGES], moved = 0;

	if (!has_two_nodes())
		SKIP(return, "one NUMA node");
	ram_start(&self->r, 0);
	for (int i = 0; i < 16; i++) {
		ASSERT_TRUE(ram_goes_on(&self->r));
		all_pfns(&self->r, pfn);
		move_to(&self->r, i % 2);
		moved += how_many_moved(&self->r, pfn);
	}
	EXPECT_LT(PAGES, moved);
	ASSERT_TRUE(ram_goes_on(&self->r));
	EXPECT_TRUE(ram_stop(&self->r));
}

/* A page that only moves was not stored to; what was told before stays told. */
TEST_F(migrate, the_log_tells_stores_alone)
{
	if (!has_two_nodes())
		SKIP(return, "one NUMA node");
	ASSERT_EQ(0, ram_set(&self->r, KVM_MEM_LOG_DIRTY_PAGES));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	EXPECT_EQ(~0ull, ram_log(&self->r));
	for (int i = 0; i < 4; i++) {
		move_to(&self->r, i % 2);
		ASSERT_EQ(0, ram_store(&self->r, 4 * i, 4, 0x2000));
		move_to(&self->r, (i + 1) % 2);
		EXPECT_EQ(0xfull << 4 * i, ram_log(&self->r));
		EXPECT_EQ(0ull, ram_log(&self->r));
	}
	EXPECT_TRUE(ram_both_hold(&self->r, 0, 16, 0x2000));
	EXPECT_TRUE(ram_both_hold(&self->r, 16, PAGES - 16, 0x1000));
}

/*
 * The balancer takes the rights to a page away for a moment, to see who uses it; it looks at
 * what a thread used while that thread runs.
 */
TEST_F_TIMEOUT(migrate, hints_of_numa_balancing_lose_nothing, LONG_TIMEOUT)
{
	uint64_t hints = vmstat("numa_pte_updates"), deadline = now_ms() + WAIT_MS;
	uint64_t delay = 0, period = 0;
	char text[32];

	if (!has_two_nodes() || kernel_get(DELAY, &delay) || kernel_get(PERIOD, &period))
		SKIP(return, "one NUMA node, or no balancing of several");
	ASSERT_EQ(0, kernel_set(DELAY, "0"));
	ASSERT_EQ(0, kernel_set(PERIOD, "1"));
	ASSERT_EQ(0, kernel_set(BALANCING, "1"));
	ram_start(&self->r, 0);
	while (vmstat("numa_pte_updates") < hints + HINTS && now_ms() < deadline)
		EXPECT_TRUE(ram_goes_on(&self->r));
	EXPECT_TRUE(ram_stop(&self->r));
	kernel_set(BALANCING, "0");
	snprintf(text, sizeof(text), "%llu", (unsigned long long)delay);
	kernel_set(DELAY, text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)period);
	kernel_set(PERIOD, text);
	EXPECT_LE(hints + HINTS, vmstat("numa_pte_updates"));
}

/* Compaction takes pages from where a zone begins; whether any of ours moves is its affair. */
TEST_F_TIMEOUT(migrate, compaction_loses_nothing, LONG_TIMEOUT)
{
	uint64_t moved = vmstat("compact_migrate_scanned");

	if (access("/proc/sys/vm/compact_memory", W_OK))
		SKIP(return, "no compaction");
	ram_start(&self->r, 0);
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(ram_goes_on(&self->r));
		ASSERT_EQ(0, kernel_set("/proc/sys/vm/compact_memory", "1"));
	}
	ASSERT_TRUE(ram_goes_on(&self->r));
	EXPECT_TRUE(ram_stop(&self->r));
	EXPECT_LT(moved, vmstat("compact_migrate_scanned"));
}

SLAT_TEST_MAIN
