// SPDX-License-Identifier: GPL-2.0
/*
 * Fault-around: what a fault maps beside its own page, and what it must leave.
 */
#include "explore.h"
#include "world.h"

#define CPU(n)	(&world.vcpus[n])
#define AROUND	7

static struct world_options options = {
	.gen_bits = SLAT_GEN_BITS_MAX, .nr_slots = 8, .vcpus = 3,
	.accessed_dirty = true, .around = AROUND,
};

static void begin(const struct sim_plan *plan)
{
	world_begin(test_options.seed, plan, &options);
}

/* The host has these pages, since somebody wrote them. */
static void host_has(u64 page, u64 npages)
{
	for (; npages--; page++) {
		struct slat_host_page host = { .hva = hva_of(page), .write = true };

		CHECK_EQ(host_get_page(NULL, &host), 0);
		host_put_page(NULL, &host);
	}
}

static u64 nr_around(void)
{
	return world_stats().around_leafs;
}

/* One fault maps exactly [gfn, gfn + nr), and the guest reaches all of it. */
static void fault_maps(gfn_t gfn, enum access access, u64 nr)
{
	u64 before = world_leafs(0, SLAT_MAX_GFN);
	struct touch touch = guest_touch(CPU(0), gfn, access);
	u64 i;

	CHECK(touch.result == TOUCH_RAM && touch.exits == 1 && !touch.retries);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), before + nr);
	for (i = 1; i < nr; i++) {
		CHECK(!(world_entry(gfn + i) & EPT_A));
		touch = guest_touch(CPU(1), gfn + i, ACCESS_READ);
		CHECK(touch.result == TOUCH_RAM && !touch.exits);
	}
}

static void test_sequence(void)
{
	gfn_t gfn;

	begin(NULL);
	world_must_set(0, 0, 1024, hva_of(0), 0);
	host_has(0, 1024);
	fault_maps(0, ACCESS_WRITE, 1);
	for (gfn = 1; gfn + AROUND < 512; gfn += 1 + AROUND) {
		fault_maps(gfn, gfn & 16 ? ACCESS_READ : ACCESS_WRITE, 1 + AROUND);
		CHECK(world_entry(gfn + 1) & EPT_W);
	}
	/* The table ends, and the next one begins like the first. */
	fault_maps(gfn, ACCESS_READ, 512 - gfn);
	fault_maps(512, ACCESS_READ, 1);
	fault_maps(513, ACCESS_READ, 1 + AROUND);
	CHECK_EQ(nr_around() + world_stats().faults_ram,
		 world_leafs(0, SLAT_MAX_GFN));
	world_end();
}

static void test_jumps(void)
{
	gfn_t gfn;

	begin(NULL);
	world_must_set(0, 0, 4096, hva_of(0), 0);
	host_has(0, 4096);
	for (gfn = 0; gfn < 4096; gfn += 2)
		fault_maps(gfn, ACCESS_WRITE, 1);
	CHECK_EQ(nr_around(), 0);
	world_end();

	options.around = 0;
	begin(NULL);
	options.around = AROUND;
	world_must_set(0, 0, 64, hva_of(0), 0);
	host_has(0, 64);
	for (gfn = 0; gfn < 64; gfn++)
		fault_maps(gfn, ACCESS_WRITE, 1);
	world_end();
}

/* Where a run of pages ends, so does what is mapped. */
static void test_ends(void)
{
	struct host_page *page;

	begin(NULL);
	world_must_set(0, 0, 4, hva_of(0), 0);
	world_must_set(1, 4, 60, hva_of(100), 0);
	host_has(0, 8);
	host_has(100, 9);
	host_has(110, 50);
	/* the slot */
	fault_maps(0, ACCESS_READ, 1);
	fault_maps(1, ACCESS_READ, 3);
	CHECK_EQ(world_entry(4), 0);
	/* a page that is mapped already */
	fault_maps(7, ACCESS_READ, 1);
	fault_maps(4, ACCESS_READ, 3);
	/* one that the host does not have */
	fault_maps(8, ACCESS_READ, 5);
	CHECK_EQ(host_page(hva_of(109))->pte, HOST_ABSENT);
	fault_maps(13, ACCESS_READ, 1);
	fault_maps(14, ACCESS_READ, 1 + AROUND);
	/* one that it has for reading, or withholds */
	page = host_page(hva_of(100 + 24 - 4));
	page->pte = HOST_RO;
	host_frame(page->pfn)->writable = false;
	fault_maps(22, ACCESS_READ, 2);
	fault_maps(24, ACCESS_READ, 1);
	host_options.withhold = 1024;
	fault_maps(25, ACCESS_READ, 1);
	host_options.withhold = 0;
	/* the slot's end is the last page of all */
	fault_maps(62, ACCESS_READ, 1);
	fault_maps(63, ACCESS_READ, 1);
	world_end();
}

/* Nothing is looked for beyond the last entry of a table, nor put into its first. */
static void test_table_end(void)
{
	begin(NULL);
	world_must_set(0, 0, 2048, hva_of(0), 0);
	host_has(1016, 16);
	fault_maps(1022, ACCESS_READ, 1);
	fault_maps(1023, ACCESS_READ, 1);
	CHECK_EQ(world_entry(512), 0);
	CHECK_EQ(world_entry(1024), 0);
	world_end();
}

/* Memory that is used for the first time: each page is made, and comes alone, up to the last. */
static void test_first_touch(void)
{
	gfn_t gfn;

	begin(NULL);
	world_must_set(0, 0, 64, hva_of(0), 0);
	host_has(12, 52);
	for (gfn = 0; gfn < 12; gfn++)
		fault_maps(gfn, gfn & 1 ? ACCESS_READ : ACCESS_WRITE, 1);
	fault_maps(12, ACCESS_WRITE, 1 + AROUND);
	world_end();
}

static void test_readonly_slot(void)
{
	begin(NULL);
	world_must_set(0, 0, 16, hva_of(0), KVM_MEM_READONLY);
	host_has(0, 16);
	fault_maps(0, ACCESS_READ, 1);
	fault_maps(1, ACCESS_READ, 1 + AROUND);
	CHECK(!(world_entry(3) & (EPT_W | EPT_D | EPT_SW_HOST_WRITABLE)));
	guest_must(CPU(0), 3, ACCESS_WRITE, TOUCH_MMIO);
	world_end();
}

/* A log runs: a neighbour is clean until it is written, and that needs no host. */
static void test_logging(void)
{
	begin(NULL);
	world_must_set(0, 0, 16, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	host_has(0, 16);
	fault_maps(0, ACCESS_WRITE, 1);
	fault_maps(1, ACCESS_WRITE, 1 + AROUND);
	CHECK((world_entry(2) & (EPT_W | EPT_D | EPT_SW_HOST_WRITABLE)) ==
	      EPT_SW_HOST_WRITABLE);
	world_get_dirty(0, false);
	guest_must(CPU(0), 4, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(world_stats().faults_write, 1);
	world_get_dirty(0, false);
	world_end();
}

static u64 nr_dirty(u64 page, u64 npages)
{
	u64 nr = 0;

	for (; npages--; page++) {
		struct host_frame *frame = host_frame(host_page(hva_of(page))->pfn);

		nr += frame->dirty || frame->kept;
	}
	return nr;
}

/*
 * The client gives memory up, and the guest reads two pages of it: the host keeps those
 * and may drop the others. A write to one of them is not lost, log or no log.
 */
static void given_up(u32 flags)
{
	begin(NULL);
	world_must_set(0, 0, 16, hva_of(0), flags);
	host_has(0, 16);
	CHECK_EQ(nr_dirty(0, 16), 16);
	host_change(hva_of(0), 16, HOST_GIVE_UP, true);
	CHECK_EQ(nr_dirty(0, 16), 0);
	fault_maps(0, ACCESS_READ, 1);
	fault_maps(1, ACCESS_READ, 1 + AROUND);
	CHECK_EQ(nr_dirty(0, 16), 2);
	CHECK(!(world_entry(3) & (EPT_W | EPT_D | EPT_SW_HOST_WRITABLE)));
	guest_must(CPU(0), 3, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(nr_dirty(0, 16), 3);
	host_change(hva_of(0), 16, HOST_SWAP, true);
	guest_must(CPU(0), 3, ACCESS_READ, TOUCH_RAM);
	world_end();
}

static void test_given_up(void)
{
	given_up(0);
	given_up(KVM_MEM_LOG_DIRTY_PAGES);
}

/* Entries that remember MMIO from before there was a slot. */
static void test_over_mmio(void)
{
	gfn_t gfn;

	begin(NULL);
	for (gfn = 0; gfn < 8; gfn++)
		guest_must(CPU(0), gfn, ACCESS_READ, TOUCH_MMIO);
	world_must_set(0, 0, 8, hva_of(0), 0);
	host_has(0, 8);
	fault_maps(0, ACCESS_WRITE, 1);
	fault_maps(1, ACCESS_WRITE, 7);
	world_end();
}

/* The host changes one of them: the page itself is mapped all the same. */
static void test_host_changes(void)
{
	begin(NULL);
	world_must_set(0, 0, 64, hva_of(0), 0);
	host_has(0, 64);
	guest_must(CPU(0), 0, ACCESS_WRITE, TOUCH_RAM);
	host_change_begin(hva_of(8), 1, true);
	fault_maps(1, ACCESS_WRITE, 1);
	host_change_end(hva_of(8), 1);
	/* The page behind the last of them is none of theirs. */
	host_change_begin(hva_of(10), 1, true);
	fault_maps(2, ACCESS_WRITE, 1 + AROUND);
	host_change_end(hva_of(10), 1);
	CHECK_EQ(world.retries, 0);
	world_end();
}

#define GFN	0x1fa	/* of six pages, up to the end of a table */

static void act_write(void *arg)
{
	guest_touch(CPU((long)arg), GFN + 1, ACCESS_WRITE);
}

static void act_read_behind(void *arg)
{
	guest_touch(CPU((long)arg), GFN + 2, ACCESS_READ);
	guest_touch(CPU((long)arg), GFN + 3, ACCESS_WRITE);
}

static void act_replace(void *arg)
{
	(void)arg;
	host_change(hva_of(3), 1, HOST_REPLACE, true);
}

static void act_unmap(void *arg)
{
	(void)arg;
	host_change(hva_of(2), 3, HOST_UNMAP, false);
}

static void act_protect(void *arg)
{
	(void)arg;
	host_change(hva_of(4), 1, HOST_PROTECT, true);
}

/* Writeback, then the page is wanted for something else; others just go. */
static void act_clean(void *arg)
{
	(void)arg;
	host_change(hva_of(1), 4, HOST_CLEAN, true);
	host_change(hva_of(1), 4, HOST_SWAP, true);
}

static void act_give_up(void *arg)
{
	(void)arg;
	host_change(hva_of(2), 3, HOST_GIVE_UP, true);
	host_change(hva_of(2), 3, HOST_HINT, false);
	host_change(hva_of(2), 3, HOST_SWAP, true);
}

static void act_delete(void *arg)
{
	(void)arg;
	world_delete(1);
	host_change(hva_of(0), 6, HOST_UNMAP, true);
}

static void act_log(void *arg)
{
	(void)arg;
	world_must_set(1, GFN, 6, hva_of(0), KVM_MEM_LOG_DIRTY_PAGES);
	world_get_dirty(1, false);
}

/* The page before GFN + 1 is mapped: the fault there takes the others along. */
static void race_begin(const struct sim_plan *plan)
{
	begin(plan);
	world_must_set(1, GFN, 6, hva_of(0), 0);
	host_has(0, 6);
	guest_must(CPU(2), GFN, ACCESS_WRITE, TOUCH_RAM);
	sim_spawn("vcpu", act_write, (void *)0L);
	sim_spawn("vcpu", act_read_behind, (void *)1L);
}

static void host_vs_around(const struct sim_plan *plan)
{
	race_begin(plan);
	sim_spawn("replace", act_replace, NULL);
	sim_spawn("unmap", act_unmap, NULL);
	sim_spawn("protect", act_protect, NULL);
	world_end();
}

static void test_host_vs_around(void)
{
	explore(host_vs_around, 5, test_runs(300));
}

static void saving_vs_around(const struct sim_plan *plan)
{
	race_begin(plan);
	sim_spawn("clean", act_clean, NULL);
	sim_spawn("give up", act_give_up, NULL);
	sim_join_all();
	host_change(hva_of(0), 6, HOST_SWAP, true);
	world_end();
}

static void test_saving_vs_around(void)
{
	explore(saving_vs_around, 4, test_runs(300));
}

static void delete_vs_around(const struct sim_plan *plan)
{
	race_begin(plan);
	sim_spawn("delete", act_delete, NULL);
	sim_join_all();
	guest_must(CPU(0), GFN + 2, ACCESS_READ, TOUCH_MMIO);
	CHECK_EQ(world_leafs(0, SLAT_MAX_GFN), 0);
	world_end();
}

static void test_delete_vs_around(void)
{
	explore(delete_vs_around, 3, test_runs(300));
}

static void log_vs_around(const struct sim_plan *plan)
{
	race_begin(plan);
	sim_spawn("log", act_log, NULL);
	sim_join_all();
	guest_must(CPU(1), GFN + 4, ACCESS_WRITE, TOUCH_RAM);
	world_get_dirty(1, false);
	world_end();
}

static void test_log_vs_around(void)
{
	explore(log_vs_around, 3, test_runs(300));
}

const struct test around_tests[] = {
	{ "around: a guest that goes through its memory", test_sequence },
	{ "around: nothing for a guest that jumps, or where it is off", test_jumps },
	{ "around: ends with the slot, the table, what is mapped, what the host has",
	  test_ends },
	{ "around: nothing beyond the last entry of a table", test_table_end },
	{ "around: nothing beside a page that the host had to make", test_first_touch },
	{ "around: a read-only slot", test_readonly_slot },
	{ "around: a slot that logs", test_logging },
	{ "around: what the host may drop is read, and no more", test_given_up },
	{ "around: stale MMIO entries give way", test_over_mmio },
	{ "around: a change of a neighbour keeps no page back", test_host_changes },
	{ "race: host changes against fault-around", test_host_vs_around },
	{ "race: writeback, MADV_FREE and swap against fault-around", test_saving_vs_around },
	{ "race: slot delete against fault-around", test_delete_vs_around },
	{ "race: enabling the dirty log against fault-around", test_log_vs_around },
	{ }
};
