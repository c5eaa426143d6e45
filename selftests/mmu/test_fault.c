// SPDX-License-Identifier: GPL-2.0
/*
 * Faults, one at a time: RAM, read-only, MMIO and what the host answers; what
 * is remembered in entries, and that what goes stale is noticed.
 */
#include "traced.h"
#include "world.h"

#define CPU(n)	(&world.vcpus[n])

static void begin(void)
{
	world_begin(test_options.seed, NULL, NULL);
}

static void test_ram(void)
{
	struct touch touch;
	unsigned int i;

	begin();
	world_must_set(0, 0, 1024, hva_of(0), 0);
	for (i = 0; i < world_nr_gfns && world_gfns[i] < 1024; i++) {
		touch = guest_touch(CPU(0), world_gfns[i], i % 3);
		CHECK(touch.result == TOUCH_RAM && touch.exits == 1);
		/* Every right at once: the second touch of any kind is free. */
		touch = guest_touch(CPU(0), world_gfns[i], ACCESS_WRITE);
		CHECK(touch.result == TOUCH_RAM && !touch.exits);
		touch = guest_touch(CPU(1), world_gfns[i], ACCESS_EXEC);
		CHECK(touch.result == TOUCH_RAM && !touch.exits);
		CHECK_EQ(host_frame(ept_pfn(touch.entry))->hva, hva_of(world_gfns[i]));
	}
	CHECK_EQ(world_stats().faults_ram, i);
	CHECK_EQ(world_leafs(0, 1024), i);
	world_end();
}

/* A page that the host shares is read-only until the first write copies it. */
static void test_copy_on_write(void)
{
	struct touch touch;
	kvm_pfn_t shared;

	begin();
	world_must_set(0, 0, 4, hva_of(0), 0);
	host_page(hva_of(1))->reads_shared = true;
	touch = guest_touch(CPU(0), 1, ACCESS_READ);
	shared = ept_pfn(touch.entry);
	CHECK(!(touch.entry & EPT_W));
	guest_must(CPU(1), 1, ACCESS_EXEC, TOUCH_RAM);
	touch = guest_touch(CPU(1), 1, ACCESS_WRITE);
	CHECK(touch.result == TOUCH_RAM && ept_pfn(touch.entry) != shared);
	CHECK(!host_frame(shared)->mapped);
	touch = guest_touch(CPU(0), 1, ACCESS_READ);
	CHECK(ept_pfn(touch.entry) != shared);
	world_end();
}

/* A write to a page that the host gave for reading, but would give for writing. */
static void test_upgrade(void)
{
	struct touch touch;

	begin();
	world_must_set(0, 0, 4, hva_of(0), 0);
	host_options.withhold = 1024;
	touch = guest_touch(CPU(0), 2, ACCESS_READ);
	CHECK(!(touch.entry & EPT_W));
	guest_must(CPU(1), 2, ACCESS_READ, TOUCH_RAM);
	world.worst = true;
	touch = guest_touch(CPU(0), 2, ACCESS_WRITE);
	/* The CPU may have cached the old entry again before it changed. */
	CHECK(touch.result == TOUCH_RAM && touch.exits <= 2 && !touch.retries);
	/* The other CPU's TLB is stale, which costs it one fault at most. */
	touch = guest_touch(CPU(1), 2, ACCESS_WRITE);
	CHECK(touch.result == TOUCH_RAM && touch.exits == 1);
	CHECK(world_stats().faults_spurious >= 1);
	/* A late read fault takes nothing away, whatever the host grants it. */
	CHECK_EQ(guest_fault(CPU(1), 2, 0, ACCESS_READ), SLAT_FAULT_FIXED);
	CHECK(world_entry(2) & EPT_W);
	CHECK_EQ(world_stats().flushes, 0);
	world_end();
}

static void test_readonly_slot(void)
{
	struct touch touch;
	unsigned int i;

	begin();
	world_must_set(0, 0x10, 4, hva_of(0), KVM_MEM_READONLY);
	/* A write before any read must not make reads MMIO. */
	for (i = 0; i < 3; i++) {
		guest_must(CPU(0), 0x11, ACCESS_WRITE, TOUCH_MMIO);
		CHECK(!ept_is_mmio(world_entry(0x11)));
		touch = guest_touch(CPU(0), 0x11, ACCESS_READ);
		CHECK(touch.result == TOUCH_RAM && touch.exits == !i);
		CHECK(!(touch.entry & (EPT_W | EPT_SW_HOST_WRITABLE)));
		guest_must(CPU(1), 0x11, ACCESS_EXEC, TOUCH_RAM);
	}
	CHECK_EQ(world_stats().mmio_mark, 0);
	world_end();
}

static void test_host_errors(void)
{
	static const int errors[] = { -EFAULT, -EINTR, -EFAULT };
	struct touch touch;
	unsigned int i;

	begin();
	world_must_set(0, 0, 8, hva_of(0), 0);
	host_page(hva_of(0))->no_vma = true;
	host_page(hva_of(1))->poisoned = true;
	host_page(hva_of(2))->vma_readonly = true;
	for (i = 0; i < 3; i++) {
		touch = guest_touch(CPU(0), i, ACCESS_WRITE);
		CHECK(touch.result == TOUCH_ERROR && touch.error == errors[i]);
		CHECK_EQ(world_entry(i), 0);
		CHECK_EQ(touch.lost, i == 1 ? hva_of(1) : 0);
	}
	/* What was lost is told again, until the host has other memory there. */
	for (i = 0; i < 3; i++) {
		touch = guest_touch(CPU(i & 1), 1, ACCESS_READ);
		CHECK(touch.result == TOUCH_ERROR && touch.error == -EINTR);
		CHECK(touch.lost == hva_of(1) && touch.exits == 1);
	}
	host_page(hva_of(1))->poisoned = false;
	guest_must(CPU(0), 1, ACCESS_READ, TOUCH_RAM);
	/* Reading is allowed there, and the write still fails afterwards. */
	guest_must(CPU(0), 2, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_ERROR);
	guest_must(CPU(0), 2, ACCESS_READ, TOUCH_RAM);
	host_options.interrupted = 1024;
	touch = guest_touch(CPU(0), 3, ACCESS_READ);
	CHECK(touch.result == TOUCH_ERROR && touch.error == -EINTR);
	host_options.interrupted = 0;
	host_options.again = 700;
	for (i = 3; i < 8; i++)
		guest_must(CPU(0), i, ACCESS_READ, TOUCH_RAM);
	CHECK(world.retries > 0);
	world_end();
}

/* The first touch remembers; then no lookup of slots, from any CPU. */
static void test_mmio(void)
{
	unsigned int i;

	begin();
	world_must_set(0, 0, 4, hva_of(0), 0);
	guest_must(CPU(0), 4, ACCESS_READ, TOUCH_MMIO);
	CHECK(ept_is_mmio(world_entry(4)));
	for (i = 0; i < 100; i++)
		guest_must(CPU(i & 1), 4, i % 3, TOUCH_MMIO);
	CHECK_EQ(world_stats().mmio_mark, 1);
	CHECK_EQ(world_stats().mmio_hit, 100);
	CHECK_EQ(world_stats().mmio_stale, 0);
	/* Beyond what four levels map there is MMIO, but no entry for it. */
	CHECK_EQ(guest_fault(CPU(0), SLAT_MAX_GFN, 0, ACCESS_READ), SLAT_FAULT_MMIO);
	CHECK_EQ(world_stats().mmio_mark, 1);
	world_end();
}

/*
 * After any number of slot changes an MMIO page costs one slow fault, not more
 * (the upper bits of the generation must come back as they were stored).
 */
static void test_mmio_after_changes(void)
{
	u64 marks, hits;
	unsigned int i;

	begin();
	for (i = 0; i < 1100; i++) {
		if (i % 2)
			world_delete(0);
		else
			world_must_set(0, 0, 1, hva_of(0), 0);
		marks = world_stats().mmio_mark;
		hits = world_stats().mmio_hit;
		guest_must(CPU(0), 100, ACCESS_READ, TOUCH_MMIO);
		guest_must(CPU(1), 100, ACCESS_WRITE, TOUCH_MMIO);
		guest_must(CPU(0), 100, ACCESS_READ, TOUCH_MMIO);
		CHECK_EQ(world_stats().mmio_mark - marks, 1);
		CHECK_EQ(world_stats().mmio_hit - hits, 2);
	}
	world_end();
}

/* MMIO, then a slot there, then none: the same vCPU sees each at once. */
static void test_mmio_to_ram_and_back(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < 50; i++) {
		guest_must(CPU(0), 0x33, ACCESS_READ, TOUCH_MMIO);
		guest_must(CPU(1), 0x34, ACCESS_WRITE, TOUCH_MMIO);
		world_must_set(3, 0x30, 8, hva_of(i), 0);
		guest_must(CPU(0), 0x33, ACCESS_READ, TOUCH_RAM);
		guest_must(CPU(1), 0x34, ACCESS_WRITE, TOUCH_RAM);
		world_delete(3);
	}
	world_end();
}

/* Across wraps of two and three bits, starting just before one. */
static void test_mmio_wrap(void)
{
	unsigned int bits, i;

	for (bits = 2; bits <= 3; bits++) {
		struct world_options options = {
			.gen_bits = bits, .first_generation = (1ULL << 20) - 3,
			.nr_slots = 8, .vcpus = 2,
		};

		world_begin(test_options.seed, NULL, &options);
		world_must_set(0, 0x1000, 600, hva_of(0), 0);
		guest_must(CPU(0), 0x1001, ACCESS_WRITE, TOUCH_RAM);
		for (i = 0; i < 70; i++) {
			u64 zapped = world_stats().zapped_leafs;

			/* Pages touched at different generations, long ago. */
			guest_must(CPU(0), 0x40 + i % 13, ACCESS_READ, TOUCH_MMIO);
			guest_must(CPU(1), (0x40 + i % 7) << 9, ACCESS_READ, TOUCH_MMIO);
			world_must_set(1, 0x40 + i % 13, 1, hva_of(700), 0);
			guest_must(CPU(0), 0x40 + i % 13, ACCESS_READ, TOUCH_RAM);
			world_delete(1);
			/* RAM never falls because of a wrap. */
			CHECK_EQ(world_stats().zapped_leafs, zapped + 1);
			world_check();
		}
		CHECK(traced.mmio_why[SLAT_WHY_WRAP] > 0);
		world_end();
	}
}

static void corrupt(gfn_t gfn, u64 entry)
{
	struct tlb_walk walk = tlb_walk(gfn);

	machine_entries(walk.table)[walk.index] = entry;
}

/* A misconfiguration that nobody wrote is told, neither emulated nor retried. */
static void test_broken_entry(void)
{
	struct slat_fault fault = { .gpa = 2 << 12, .misconfig = true };
	u64 good;

	begin();
	world_must_set(0, 0, 4, hva_of(0), 0);
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_RAM);
	good = world_entry(2);
	corrupt(2, (good & ~EPT_MEMTYPE_MASK) | 2 << 3);
	vcpu_enter(CPU(0));
	CHECK_EQ(slat_handle_fault(&CPU(0)->context, &fault), SLAT_FAULT_BROKEN);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_BROKEN], 1);
	corrupt(2, good);
	/* By now it is a good leaf: somebody else was faster. */
	CHECK_EQ(slat_handle_fault(&CPU(0)->context, &fault), SLAT_FAULT_FIXED);
	CHECK_EQ(CPU(0)->context.fixed, SLAT_FIXED_SPURIOUS);
	CHECK_EQ(traced.looked_up[SLAT_MMIO_NONE], 1);
	vcpu_leave(CPU(0));
	world_end();
}

/* A leaf that points elsewhere (a lost zap) is zapped and flushed, not reused. */
static void test_lost_zap(void)
{
	struct touch touch;

	begin();
	world_must_set(0, 0, 4, hva_of(0), 0);
	host_page(hva_of(2))->reads_shared = true;
	touch = guest_touch(CPU(0), 2, ACCESS_READ);
	CHECK(touch.result == TOUCH_RAM);
	/* The host copies the page and tells nobody. */
	host_change_apply(hva_of(2), 1, HOST_REPLACE);
	tlb_violation(0, 2);
	world.reclaiming++;
	CHECK_EQ(guest_fault(CPU(0), 2, touch.entry, ACCESS_WRITE), SLAT_FAULT_RETRY);
	world.reclaiming--;
	CHECK_EQ(world_entry(2), 0);
	CHECK_EQ(world_stats().flushes, 1);
	CHECK_EQ(traced.flushes_why[SLAT_WHY_FAULT], 1);
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_RAM);
	world_end();
}

/* A leaf where there is no slot (another lost zap) is not covered up by MMIO. */
static void test_lost_zap_mmio(void)
{
	u64 leaf;

	begin();
	world_must_set(0, 0, 4, hva_of(0), 0);
	guest_must(CPU(0), 2, ACCESS_READ, TOUCH_RAM);
	leaf = world_entry(2);
	world_delete(0);
	world_must_set(1, 0x100, 4, hva_of(8), 0);
	guest_must(CPU(0), 3, ACCESS_READ, TOUCH_MMIO);
	corrupt(2, leaf);
	/* A second leaf as far as the counts go: its end will be counted too. */
	world.mmu.counters.entries[0].nr[SLAT_CHANGE_MAPPED]++;
	world.reclaiming++;
	sim_expect_warning = true;
	/* This access is MMIO, but nothing is written over the leaf. */
	CHECK_EQ(guest_fault(CPU(1), 2, 0, ACCESS_READ), SLAT_FAULT_MMIO);
	sim_expect_warning = false;
	world.reclaiming--;
	CHECK_EQ(sim_counts.warnings, 1);
	CHECK_EQ(world_entry(2), 0);
	CHECK_EQ(world_stats().flushes, 2);
	CHECK_EQ(traced.flushes_why[SLAT_WHY_FAULT], 1);
	world_end();
}

static void age_check(bool expected, bool clear)
{
	bool young = world_age(0, 8, clear);

	if (young != expected)
		FAIL("the range looks %s", young ? "young" : "old");
}

static void test_age(void)
{
	struct world_options options = {
		.gen_bits = 39, .nr_slots = 8, .vcpus = 2, .accessed_dirty = true,
	};
	u64 entry;

	world_begin(test_options.seed, NULL, &options);
	world_must_set(0, 0x1fe, 8, hva_of(0), 0);
	age_check(false, true);
	guest_must(CPU(0), 0x1ff, ACCESS_WRITE, TOUCH_RAM);
	guest_must(CPU(0), 0x201, ACCESS_READ, TOUCH_RAM);
	entry = world_entry(0x1ff);
	age_check(true, false);
	age_check(true, true);
	/* Only the A bits have gone. */
	CHECK_EQ(world_entry(0x1ff), entry & ~EPT_A);
	CHECK(!(world_entry(0x201) & EPT_A));
	age_check(false, false);
	CHECK(!world_age(9, 81, true));
	/* A walk sets the bit again. */
	tlb_flush(ALL_CPUS);
	while (!(world_entry(0x201) & EPT_A))
		guest_must(CPU(1), 0x201, ACCESS_READ, TOUCH_RAM);
	age_check(true, true);
	world_end();

}

/* Without A bits what is mapped is young, and stays so only if the guest comes again. */
static void test_age_by_faults(void)
{
	struct world_options options = {
		.gen_bits = 39, .nr_slots = 8, .vcpus = 2,
	};
	u64 flushes;

	world_begin(test_options.seed, NULL, &options);
	world_must_set(0, 0x1fe, 8, hva_of(0), 0);
	age_check(false, true);
	guest_must(CPU(0), 0x1ff, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(1), 0x201, ACCESS_WRITE, TOUCH_RAM);
	guest_must(CPU(1), 0x202, ACCESS_READ, TOUCH_RAM);
	age_check(true, false);
	age_check(true, false);
	flushes = world_stats().flushes;
	age_check(true, true);
	CHECK_EQ(world_stats().flushes, flushes + 1);
	CHECK_EQ(world_leafs(0x1fe, 0x206), 0);
	age_check(false, false);
	age_check(false, true);
	CHECK_EQ(world_stats().flushes, flushes + 1);
	CHECK_EQ(traced.flushes_why[SLAT_WHY_AGE], 1);
	/* Whoever is used comes back by its next access, the others stay old. */
	guest_must(CPU(0), 0x201, ACCESS_READ, TOUCH_RAM);
	CHECK(world_age(3, 1, true));
	CHECK(!world_age(1, 1, true));
	world_end();
}

const struct test fault_tests[] = {
	{ "a RAM fault installs all rights at once", test_ram },
	{ "copy on write gives way to the new page everywhere", test_copy_on_write },
	{ "gaining a right needs no flush", test_upgrade },
	{ "a write to a read-only slot is MMIO, reads stay RAM", test_readonly_slot },
	{ "what the host answers reaches the vCPU", test_host_errors },
	{ "an MMIO page is remembered in its entry", test_mmio },
	{ "an MMIO page costs one slow fault after each of 1100 changes",
	  test_mmio_after_changes },
	{ "MMIO becomes RAM and MMIO again without delay", test_mmio_to_ram_and_back },
	{ "no stale MMIO entry and no lost RAM across generation wraps",
	  test_mmio_wrap },
	{ "a misconfiguration that nobody wrote is told", test_broken_entry },
	{ "a leaf whose zap was lost is mended", test_lost_zap },
	{ "a leaf where no slot is left is zapped before MMIO is remembered",
	  test_lost_zap_mmio },
	{ "aging", test_age },
	{ "aging without accessed bits", test_age_by_faults },
	{ }
};
