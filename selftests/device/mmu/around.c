// SPDX-License-Identifier: GPL-2.0
/*
 * Fault-around: a guest that goes through memory that the host has faults once for
 * as many pages as the module's parameter fault_around says, and nothing else
 * changes for it: not the dirty log, and not what it sees when the host changes a
 * page that it has not touched. On KVM only the last is looked at.
 */
#include "test.h"
#include "dirty.h"

#include <slat-helper.h>
#include <sys/mman.h>

#define NPAGES		203ul	/* 3 below the end of a table, 200 in the next one */
#define IN_FIRST	3ul

FIXTURE(around) {
	struct dirty d;
	uint64_t at_once;	/* pages a fault */
};

/* The host has every page, each with its number in it. */
FIXTURE_SETUP(around)
{
	dirty_init(&self->d, NPAGES, 0);
	for (uint64_t i = 0; i < NPAGES; i++)
		*(uint64_t *)(self->d.mem + i * PAGE_SIZE) = i;
	self->at_once = vm_is_kvm(&self->d.g.vm) ? 1 : module_parameter("fault_around");
}

FIXTURE_TEARDOWN(around)
{
	dirty_destroy(&self->d);
}

static struct slat_slot_stats slot_stats(struct dirty *d)
{
	struct slat_slot_stats s;

	vm_must(slat_get_slot_stats(d->g.vm.fd, DIRTY_SLOT, &s), "SLAT_GET_SLOT_STATS");
	return s;
}

/* The first page of a table is alone, since nothing before it tells where the guest goes. */
static uint64_t faults_for(uint64_t npages, uint64_t at_once)
{
	return 1 + (npages - 1 + at_once - 1) / at_once;
}

TEST_F(around, a_guest_that_goes_on_faults_once_for_several_pages)
{
	struct pages all = pages_all(NPAGES);
	struct dirty *d = &self->d;
	struct slat_slot_stats s;

	SLAT_ONLY(&d->g.vm);
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_read(d, &all));
	s = slot_stats(d);
	EXPECT_EQ(NPAGES, s.mapped[0]);
	EXPECT_EQ(NPAGES, s.mapped_writable);
	EXPECT_EQ(faults_for(IN_FIRST, self->at_once) +
		  faults_for(NPAGES - IN_FIRST, self->at_once), s.faults_ram);
	/* And writes without another one. */
	ASSERT_EQ(0, dirty_write(d, &all));
	EXPECT_TRUE(dirty_data_ok(d, &all));
	EXPECT_EQ(s.faults_ram, slot_stats(d).faults_ram);
}

TEST_F(around, a_guest_that_jumps_faults_for_each_page)
{
	struct pages some = pages_each(NPAGES, 0, 2);
	struct dirty *d = &self->d;

	SLAT_ONLY(&d->g.vm);
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_read(d, &some));
	EXPECT_EQ((NPAGES + 1) / 2, slot_stats(d).faults_ram);
	EXPECT_EQ((NPAGES + 1) / 2, slot_stats(d).mapped[0]);
}

TEST_F(around, only_what_the_host_has_is_mapped)
{
	struct pages first = pages_each(NPAGES, 0, NPAGES);
	struct dirty *d = &self->d;
	uint8_t there;

	SLAT_ONLY(&d->g.vm);
	ASSERT_EQ(0, madvise(d->mem + 2 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED));
	ASSERT_EQ(0, dirty_set(d, 0));
	pages_add(&first, 1);
	ASSERT_EQ(0, dirty_read(d, &first));
	EXPECT_EQ(2ull, slot_stats(d).mapped[0]);
	ASSERT_EQ(0, mincore(d->mem + 2 * PAGE_SIZE, PAGE_SIZE, &there));
	EXPECT_EQ(0, there & 1);
}

/* The guest is the first to touch a page, in the middle of others that are there. */
TEST_F(around, a_page_that_the_host_has_to_make_comes_alone)
{
	struct pages behind = pages_each(NPAGES, 22, NPAGES);
	struct pages first = pages_each(NPAGES, 20, NPAGES);
	struct dirty *d = &self->d;

	SLAT_ONLY(&d->g.vm);
	ASSERT_EQ(0, madvise(d->mem + 21 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED));
	ASSERT_EQ(0, dirty_set(d, 0));
	pages_add(&first, 21);
	ASSERT_EQ(0, dirty_write(d, &first));
	EXPECT_EQ(2ull, slot_stats(d).mapped[0]);
	ASSERT_EQ(0, dirty_read(d, &behind));
	EXPECT_EQ(2 + self->at_once, slot_stats(d).mapped[0]);
}

/*
 * A log reports what the guest wrote, not what came along. KVM is not held to it: it
 * reports a page that was only read where the log ran before its first fault.
 */
TEST_F(around, what_comes_along_is_not_dirty)
{
	struct pages wrote = pages_each(NPAGES, 10, NPAGES), later;
	struct dirty *d = &self->d;

	SLAT_ONLY(&d->g.vm);
	for (int logs_first = 0; logs_first < 2; logs_first++) {
		ASSERT_EQ(0, dirty_set(d, logs_first ? LOG : 0));
		later = pages_each(NPAGES, 9, NPAGES);
		pages_add(&later, 10);
		ASSERT_EQ(0, dirty_read(d, &later));
		ASSERT_EQ(0, dirty_set(d, LOG));
		EXPECT_TRUE(dirty_is_none(d));
		ASSERT_EQ(0, dirty_write(d, &wrote));
		EXPECT_TRUE(dirty_is(d, &wrote));
		later = pages_each(NPAGES, 12, NPAGES);
		ASSERT_EQ(0, dirty_write(d, &later));
		EXPECT_TRUE(dirty_is(d, &later));
		EXPECT_TRUE(dirty_is_none(d));
		ASSERT_EQ(0, dirty_delete(d));
	}
}

/* The host takes a page back that came along: the guest's next write goes to the new one. */
TEST_F(around, the_host_takes_back_what_came_along)
{
	struct pages first = pages_each(NPAGES, 20, NPAGES);
	struct pages behind = pages_each(NPAGES, 22, 2);
	struct dirty *d = &self->d;

	pages_add(&first, 21);
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &first));
	ASSERT_EQ(0, madvise(d->mem + 22 * PAGE_SIZE, 9 * PAGE_SIZE, MADV_DONTNEED));
	for (uint64_t i = 22; i < 31; i += 2)
		*(uint64_t *)(d->mem + i * PAGE_SIZE) = 0xc0ffee;
	ASSERT_EQ(0, dirty_write(d, &behind));
	EXPECT_TRUE(dirty_data_ok(d, &behind));
}

SLAT_TEST_MAIN
