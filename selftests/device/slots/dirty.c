// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log of one vCPU's own writes: each page written is reported exactly
 * once a round, none is lost and none invented, whatever the slot's size, the
 * way its bits are cleared, and what becomes of the slot meanwhile. Bad input is
 * in dirty_bad.c, other writers in dirty_writers.c, races in dirty_race.c.
 */
#include "dirty.h"
#include "test.h"

#define GPA2		0x18000000ul
#define ALIAS_SLOT	2

FIXTURE(dirty) {
	struct dirty d;
	struct pages all;
};

/* One table or three; each way to clear. Other sizes are in a test of their own. */
FIXTURE_VARIANT(dirty) {
	uint64_t npages;
	uint64_t manual;
};

FIXTURE_VARIANT_ADD(dirty, plain) { 530, 0 };
FIXTURE_VARIANT_ADD(dirty, manual) { 530, MANUAL };
FIXTURE_VARIANT_ADD(dirty, all_set) { 65, MANUAL_ALL_SET };

FIXTURE_SETUP(dirty)
{
	dirty_init(&self->d, variant->npages, variant->manual);
	self->all = pages_all(variant->npages);
}

FIXTURE_TEARDOWN(dirty)
{
	dirty_destroy(&self->d);
}

/* What a log has to tell just after it was enabled. */
static bool log_begins(struct dirty *d, const struct pages *all)
{
	if (d->flags & KVM_DIRTY_LOG_INITIALLY_SET)
		return dirty_is(d, all) && dirty_is_none(d);
	return dirty_is_none(d);
}

/* Write @set, take the round, and a second one that has nothing to tell. */
static bool round_is_exact(struct dirty *d, const struct pages *set)
{
	return !dirty_write(d, set) && dirty_is(d, set) && dirty_data_ok(d, set) &&
	       dirty_is_none(d);
}

static bool rounds_are_exact(struct dirty *d)
{
	uint64_t n = d->npages, seed = n;
	const struct pages sets[] = {
		pages_each(n, 0, n),
		pages_each(n, n - 1, 1),
		pages_each(n, 0, n > 1 ? n - 1 : 1),
		pages_all(n),
		pages_random(n, 16, &seed),
		pages_random(n, 3, &seed),
		pages_each(n, n / 2, 1),
	};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		if (!round_is_exact(d, &sets[i])) {
			fprintf(stderr, "# set %zu\n", i);
			return false;
		}
	}
	return true;
}

TEST_F_TIMEOUT(dirty, rounds_of_a_slot_that_was_mapped, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;

	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	EXPECT_TRUE(rounds_are_exact(d));
}

TEST_F_TIMEOUT(dirty, rounds_of_a_slot_that_logs_from_its_creation, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	EXPECT_TRUE(rounds_are_exact(d));
}

/* Several writes to a page in one round are one page; earlier bits stay. */
TEST_F(dirty, a_round_gathers_all_since_the_last)
{
	struct dirty *d = &self->d;
	uint64_t seed = 5;
	struct pages some = pages_random(d->npages, 4, &seed);

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	pages_add(&some, d->npages - 1);
	for (uint64_t page = 0; page < d->npages; page++) {
		if (pages_has(&some, page)) {
			ASSERT_EQ(0, dirty_write_page(d, page));
		}
	}
	ASSERT_EQ(0, dirty_write(d, &some));
	EXPECT_TRUE(dirty_is(d, &some));
}

/* A log that ends takes its bits along; writes without a log are nobody's. */
TEST_F_TIMEOUT(dirty, log_off_and_on_begins_anew, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;
	struct pages odd = pages_each(d->npages, d->npages > 1, 2);

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, dirty_write(d, &odd));
		ASSERT_EQ(0, dirty_set(d, 0));
		ASSERT_EQ(-ENOENT, dirty_get(d));
		ASSERT_EQ(0, dirty_write(d, &self->all));
		ASSERT_EQ(0, dirty_set(d, LOG));
		ASSERT_TRUE(log_begins(d, &self->all)) TH_LOG("turn %d", i);
		ASSERT_TRUE(round_is_exact(d, &odd)) TH_LOG("turn %d", i);
	}
	EXPECT_TRUE(dirty_data_ok(d, &odd));
}

/* The same flags once more: no change, and no bit is lost. */
TEST_F(dirty, setting_the_same_slot_again_keeps_the_bits)
{
	struct dirty *d = &self->d;
	struct pages odd = pages_each(d->npages, d->npages > 1, 2);

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	ASSERT_EQ(0, dirty_write(d, &odd));
	ASSERT_EQ(0, dirty_set(d, LOG));
	EXPECT_TRUE(dirty_is(d, &odd));
}

/* The log goes with its slot: the bits are the slot's pages, not addresses. */
TEST_F_TIMEOUT(dirty, a_move_keeps_the_bits, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;
	size_t size = d->npages * PAGE_SIZE;
	struct pages odd = pages_each(d->npages, d->npages > 1, 2);

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	ASSERT_EQ(0, dirty_write(d, &odd));
	ASSERT_EQ(0, vm_set_slot(&d->g.vm, DIRTY_SLOT, LOG, GPA2, size, d->mem));
	ASSERT_EQ(0, dirty_set(d, LOG));
	EXPECT_TRUE(dirty_is(d, &odd));
	EXPECT_TRUE(rounds_are_exact(d));
	/* A move that enables the log, or ends it. */
	ASSERT_EQ(0, vm_set_slot(&d->g.vm, DIRTY_SLOT, 0, GPA2, size, d->mem));
	EXPECT_EQ(-ENOENT, dirty_get(d));
	ASSERT_EQ(0, dirty_set(d, LOG));
	EXPECT_TRUE(log_begins(d, &self->all));
	EXPECT_TRUE(round_is_exact(d, &odd));
}

TEST_F(dirty, delete_ends_the_log)
{
	struct dirty *d = &self->d;

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	ASSERT_EQ(0, dirty_delete(d));
	EXPECT_EQ(-ENOENT, dirty_get(d));
	EXPECT_EQ(-ENOENT, dirty_clear(d, &self->all));
	ASSERT_EQ(0, dirty_set(d, LOG));
	EXPECT_TRUE(log_begins(d, &self->all));
	EXPECT_TRUE(round_is_exact(d, &self->all));
}

/* Where the host discards pages the log goes on: a page faults in anew. */
TEST_F(dirty, discarded_pages_are_logged_again)
{
	struct dirty *d = &self->d;
	struct pages odd = pages_each(d->npages, d->npages > 1, 2);

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_TRUE(log_begins(d, &self->all));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	ASSERT_EQ(0, madvise(d->mem, d->npages * PAGE_SIZE, MADV_DONTNEED));
	ASSERT_TRUE(dirty_is(d, &self->all));
	ASSERT_TRUE(round_is_exact(d, &odd));
	ASSERT_EQ(0, madvise(d->mem, d->npages * PAGE_SIZE, MADV_DONTNEED));
	EXPECT_TRUE(round_is_exact(d, &self->all));
}

/* Two slots on the same memory: the bit is the slot's through which it came. */
TEST_F(dirty, two_slots_on_the_same_memory)
{
	struct dirty *d = &self->d;
	size_t size = d->npages * PAGE_SIZE;
	struct pages odd = pages_each(d->npages, d->npages > 1, 2), *alias = &d->got;

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, vm_set_slot(&d->g.vm, ALIAS_SLOT, LOG, GPA2, size, d->mem));
	ASSERT_TRUE(log_begins(d, &self->all));
	ASSERT_EQ(0, dirty_log_get(&d->g.vm, ALIAS_SLOT, alias));
	if (d->flags) {
		ASSERT_EQ(0, dirty_log_clear(&d->g.vm, ALIAS_SLOT, 0, d->npages, alias));
	}
	ASSERT_EQ(0, dirty_write(d, &odd));
	memset(alias, 0, sizeof(*alias));
	ASSERT_EQ(0, dirty_log_get(&d->g.vm, ALIAS_SLOT, alias));
	EXPECT_TRUE(pages_same(alias, &(struct pages){}, d->npages));
	EXPECT_TRUE(dirty_is(d, &odd));
}

FIXTURE(log) {
	struct dirty d;
	struct pages all;
};

#define NPAGES 200ul

FIXTURE_SETUP(log)
{
	dirty_init(&self->d, NPAGES, 0);
	self->all = pages_all(NPAGES);
}

FIXTURE_TEARDOWN(log)
{
	dirty_destroy(&self->d);
}

TEST_F(log, reads_and_the_hosts_own_writes_are_not_reported)
{
	struct dirty *d = &self->d;

	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_read(d, &self->all));
	memset(d->mem, 0x77, NPAGES * PAGE_SIZE);
	ASSERT_EQ(0, dirty_read(d, &self->all));
	EXPECT_TRUE(dirty_is_none(d));
}

/* A page that is read first is not written. KVM maps it writable at once, and says it was. */
TEST_F(log, first_reads_are_not_reported)
{
	struct dirty *d = &self->d;
	struct pages one = pages_each(NPAGES, 70, NPAGES);

	if (vm_is_kvm(&d->g.vm))
		SKIP(return, "KVM reports pages that are read first");
	ASSERT_EQ(0, dirty_set(d, LOG));
	memset(d->mem, 0x77, NPAGES * PAGE_SIZE);
	ASSERT_EQ(0, dirty_read(d, &self->all));
	EXPECT_TRUE(dirty_is_none(d));
	EXPECT_TRUE(round_is_exact(d, &one));
}

TEST_F(log, readonly_slot_reads_are_ram_and_nothing_is_reported)
{
	struct dirty *d = &self->d;
	struct pages one = pages_each(NPAGES, 70, NPAGES);

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, dirty_set(d, KVM_MEM_READONLY | LOG));
		ASSERT_EQ(0, dirty_read(d, &self->all));
		/* A write is the device's, and no page's. */
		dirty_aim_write(d, &one);
		ASSERT_EQ(0, vcpu_run_to(&d->g.vcpu, KVM_EXIT_MMIO));
		ASSERT_EQ(DIRTY_GPA + 70 * PAGE_SIZE, d->g.vcpu.run->mmio.phys_addr);
		ASSERT_EQ(0, vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT));
		EXPECT_TRUE(dirty_is_none(d));
		EXPECT_EQ(0, d->mem[70 * PAGE_SIZE]);
		ASSERT_EQ(-EINVAL, dirty_set(d, LOG));
		ASSERT_EQ(0, dirty_set(d, KVM_MEM_READONLY));
		ASSERT_EQ(-ENOENT, dirty_get(d));
		ASSERT_EQ(0, dirty_read(d, &self->all));
	}
}

/* Another slot's log is another slot's, also in the same leaf table. */
TEST_F(log, neighbours_are_left_alone)
{
	struct dirty *d = &self->d;
	struct pages low = pages_each(64, 0, 1), high = {};
	struct vm *vm = &d->g.vm;

	for (uint64_t page = 64; page < NPAGES; page++)
		pages_add(&high, page);
	ASSERT_EQ(0, vm_set_slot(vm, DIRTY_SLOT, LOG, DIRTY_GPA, 64 * PAGE_SIZE, d->mem));
	ASSERT_EQ(0, vm_set_slot(vm, 2, 0, DIRTY_GPA + 64 * PAGE_SIZE,
				 (NPAGES - 64) * PAGE_SIZE, d->mem + 64 * PAGE_SIZE));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, dirty_write(d, &self->all));
		memset(&d->got, 0, sizeof(d->got));
		ASSERT_EQ(0, dirty_log_get(vm, DIRTY_SLOT, &d->got));
		ASSERT_TRUE(pages_same(&d->got, &low, 64));
		ASSERT_EQ(0, dirty_write(d, &high));
		ASSERT_EQ(0, dirty_log_get(vm, DIRTY_SLOT, &d->got));
		ASSERT_TRUE(pages_same(&d->got, &(struct pages){}, 64));
	}
}

TEST_F_TIMEOUT(log, sizes_around_a_word, LONG_TIMEOUT)
{
	static const struct { uint64_t npages, manual; } slots[] = {
		{ 1, 0 }, { 63, 0 }, { 64, 0 }, { 65, 0 }, { 128, 0 },
		{ 63, MANUAL }, { 64, MANUAL }, { 65, MANUAL },
		{ 1, MANUAL_ALL_SET }, { 63, MANUAL_ALL_SET }, { 64, MANUAL_ALL_SET },
	};
	struct dirty *d = &self->d;

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		struct pages all = pages_all(slots[i].npages);

		dirty_destroy(d);
		dirty_init(d, slots[i].npages, slots[i].manual);
		ASSERT_EQ(0, dirty_set(d, i % 2 ? LOG : 0));
		ASSERT_EQ(0, dirty_write(d, &all));
		ASSERT_EQ(0, dirty_set(d, 0));
		ASSERT_EQ(0, dirty_set(d, LOG));
		ASSERT_TRUE(log_begins(d, &all)) TH_LOG("slot %zu", i);
		ASSERT_TRUE(rounds_are_exact(d)) TH_LOG("slot %zu", i);
	}
}

/* More than one page of bitmap, few pages of it touched. */
TEST_F_TIMEOUT(log, a_large_slot, LONG_TIMEOUT)
{
	uint64_t n = 40001, seed = 9;
	struct dirty *d = &self->d;
	struct pages set;

	dirty_destroy(d);
	dirty_init(d, n, 0);
	ASSERT_EQ(0, dirty_set(d, LOG));
	for (unsigned int one_in = 5000; one_in > 50; one_in /= 50) {
		set = pages_random(n, one_in, &seed);
		pages_add(&set, n - 1);
		ASSERT_TRUE(round_is_exact(d, &set)) TH_LOG("one in %u", one_in);
	}
}

SLAT_TEST_MAIN
