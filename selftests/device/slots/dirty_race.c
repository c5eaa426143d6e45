// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log under vCPUs that write all the time. Each page has a counter
 * that one vCPU alone increments; the test keeps a copy as a live migration
 * does. Whatever was written before a round began and is not told by it must be
 * in the copy already: so each lost page shows at once, at any speed.
 */
#include "dirty.h"
#include "test.h"

#include <sched.h>

#define NPAGES		130ul
#define VCPUS		2
#define GPA2		0x18000000ul

/* rbx: first page, rdx: pages; rcx: rounds done. */
GUEST_CODE_BLOB(counter, 64,
	"1: mov %rbx, %rdi\n"
	"mov %rdx, %rsi\n"
	"2: incq (%rdi)\n"
	"add $4096, %rdi\n"
	"dec %rsi\n"
	"jnz 2b\n"
	"incq (%rcx)\n"
	"jmp 1b\n");

FIXTURE(race) {
	struct dirty d;
	struct vcpu vcpus[VCPUS];
	struct runner runners[VCPUS];
	uint64_t before[NPAGES];
	uint64_t copy[NPAGES];
	uint64_t told;
};

FIXTURE_VARIANT(race) {
	uint64_t manual;
};

FIXTURE_VARIANT_ADD(race, plain) { 0 };
FIXTURE_VARIANT_ADD(race, manual) { MANUAL };
FIXTURE_VARIANT_ADD(race, all_set) { MANUAL_ALL_SET };

#define race_data _test_data_race	/* as the harness names it */

static volatile uint64_t *rounds_done(struct race_data *self, int i)
{
	return guest_u64(&self->d.g, GUEST_DATA + i * PAGE_SIZE);
}

static void aim(struct race_data *self, int i)
{
	const uint64_t share = NPAGES / VCPUS;
	struct kvm_regs regs = vcpu_regs(&self->vcpus[i]);

	regs.rip = GUEST_CODE;
	regs.rbx = DIRTY_GPA + i * share * PAGE_SIZE;
	regs.rdx = share;
	regs.rcx = GUEST_DATA + i * PAGE_SIZE;
	vcpu_set_regs(&self->vcpus[i], &regs);
}

FIXTURE_SETUP(race)
{
	dirty_init(&self->d, NPAGES, variant->manual);
	guest_load(&self->d.g, counter);
	self->vcpus[0] = self->d.g.vcpu;
	for (int i = 1; i < VCPUS; i++)
		guest_add_vcpu(&self->d.g, i, MODE_LONG, &self->vcpus[i]);
	for (int i = 0; i < VCPUS; i++) {
		aim(self, i);
		self->runners[i].vcpu = NULL;
	}
}

FIXTURE_TEARDOWN(race)
{
	for (int i = 1; i < VCPUS; i++)
		vcpu_destroy(&self->vcpus[i]);
	dirty_destroy(&self->d);
}

static void start(struct race_data *self)
{
	for (int i = 0; i < VCPUS; i++)
		runner_start(&self->runners[i], &self->vcpus[i]);
}

static int stop(struct race_data *self)
{
	int error = 0;

	for (int i = 0; i < VCPUS; i++)
		error |= runner_stop(&self->runners[i]);
	return error;
}

/* Every vCPU writes each of its pages at least once from now on. */
static bool all_write(struct race_data *self)
{
	uint64_t deadline = now_ms() + 60000;

	for (int i = 0; i < VCPUS; i++) {
		uint64_t target = *rounds_done(self, i) + 2;

		while (*rounds_done(self, i) < target) {
			if (now_ms() > deadline || self->runners[i].ended)
				return false;
			sched_yield();
		}
	}
	return true;
}

static uint64_t word(struct race_data *self, uint64_t page)
{
	return *(volatile uint64_t *)(self->d.mem + page * PAGE_SIZE);
}

static void copy_all(struct race_data *self)
{
	for (uint64_t page = 0; page < NPAGES; page++)
		self->copy[page] = word(self, page);
}

/* One step of a migration: ask, copy what was told; was anything lost? */
static bool migrate(struct race_data *self)
{
	int ret;

	for (uint64_t page = 0; page < NPAGES; page++)
		self->before[page] = word(self, page);
	ret = dirty_take(&self->d);
	if (ret) {
		fprintf(stderr, "# dirty log: %s\n", strerror(-ret));
		return false;
	}
	for (uint64_t page = 0; page < NPAGES; page++) {
		if (pages_has(&self->d.got, page)) {
			self->copy[page] = word(self, page);
			self->told++;
		} else if (self->copy[page] != self->before[page]) {
			fprintf(stderr, "# page %llu: write %llu lost, the copy has %llu\n",
				(unsigned long long)page,
				(unsigned long long)self->before[page],
				(unsigned long long)self->copy[page]);
			return false;
		}
	}
	return true;
}

/* With the vCPUs stopped, one more round makes the copy whole. */
static bool copy_is_whole(struct race_data *self)
{
	if (!migrate(self))
		return false;
	for (uint64_t page = 0; page < NPAGES; page++)
		if (self->copy[page] != word(self, page))
			return false;
	return dirty_is_none(&self->d);
}

TEST_F_TIMEOUT(race, rounds_under_writers, LONG_TIMEOUT)
{
	ASSERT_EQ(0, dirty_set(&self->d, LOG));
	start(self);
	copy_all(self);
	for (int i = 0; i < 24; i++) {
		if (i % 4 == 0) {
			ASSERT_TRUE(all_write(self));
		}
		ASSERT_TRUE(migrate(self)) TH_LOG("round %d", i);
		/* Every page was written since the round before. */
		if (i % 4 == 0) {
			for (uint64_t page = 0; page < NPAGES; page++) {
				ASSERT_TRUE(pages_has(&self->d.got, page)) TH_LOG("%lu", page);
			}
		}
	}
	ASSERT_EQ(0, stop(self));
	EXPECT_TRUE(copy_is_whole(self));
	EXPECT_LE(6 * NPAGES, self->told);
}

TEST_F_TIMEOUT(race, logging_toggled_under_writers, LONG_TIMEOUT)
{
	ASSERT_EQ(0, dirty_set(&self->d, 0));
	start(self);
	for (int i = 0; i < 15; i++) {
		if (i % 3 == 0) {
			ASSERT_TRUE(all_write(self));
		}
		ASSERT_EQ(0, dirty_set(&self->d, LOG));
		copy_all(self);
		for (int k = 0; k < i % 5; k++) {
			ASSERT_TRUE(migrate(self)) TH_LOG("turn %d round %d", i, k);
			sched_yield();
		}
		if (i % 7 == 0) {
			ASSERT_TRUE(all_write(self));
		}
		ASSERT_TRUE(migrate(self)) TH_LOG("turn %d", i);
		ASSERT_EQ(0, dirty_set(&self->d, 0));
	}
	ASSERT_EQ(0, dirty_set(&self->d, LOG));
	copy_all(self);
	ASSERT_TRUE(all_write(self));
	ASSERT_EQ(0, stop(self));
	EXPECT_TRUE(copy_is_whole(self));
}

/* Parts of the slot cleared one after another, out of order. */
TEST_F_TIMEOUT(race, clear_of_parts_under_writers, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;

	if (!variant->manual)
		SKIP(return, "GET clears");
	ASSERT_EQ(0, dirty_set(d, LOG));
	start(self);
	copy_all(self);
	for (int i = 0; i < 20; i++) {
		uint64_t first = i * 2 % 3 * 64;

		if (i % 5 == 0) {
			ASSERT_TRUE(all_write(self));
		}
		ASSERT_EQ(0, dirty_get(d));
		ASSERT_EQ(0, dirty_log_clear(&d->g.vm, DIRTY_SLOT, first,
					     first + 64 < NPAGES ? 64 : NPAGES - first,
					     &d->got.word[first / 64]));
		for (uint64_t page = first; page < first + 64 && page < NPAGES; page++)
			if (pages_has(&d->got, page))
				self->copy[page] = word(self, page);
	}
	ASSERT_EQ(0, stop(self));
	EXPECT_TRUE(copy_is_whole(self));
}

/*
 * While the slot is elsewhere its place is MMIO, and what is written there is
 * gone; what is written to the slot's memory is told, wherever it lies.
 */
TEST_F_TIMEOUT(race, slot_moved_under_writers, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_take(d));
	copy_all(self);
	start(self);
	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(all_write(self));
		ASSERT_EQ(0, vm_set_slot(&d->g.vm, DIRTY_SLOT, LOG, GPA2, NPAGES * PAGE_SIZE,
					 d->mem));
		sched_yield();
		ASSERT_EQ(0, dirty_set(d, LOG));
		if (i % 3)
			continue;
		ASSERT_EQ(0, dirty_take(d));
		for (uint64_t page = 0; page < NPAGES; page++)
			if (pages_has(&d->got, page))
				self->copy[page] = word(self, page);
	}
	ASSERT_EQ(0, stop(self));
	EXPECT_TRUE(copy_is_whole(self));
}

struct reader {
	struct dirty *d;
	volatile bool *stop;
	struct pages seen;
	int calls, none, failures;
};

static void *read_log(void *arg)
{
	struct reader *r = arg;
	struct pages got;

	do {
		int ret;

		memset(&got, 0, sizeof(got));
		ret = dirty_log_get(&r->d->g.vm, DIRTY_SLOT, &got);
		if (!ret && r->d->flags)
			ret = dirty_log_clear(&r->d->g.vm, DIRTY_SLOT, 0, NPAGES, &got);
		r->calls++;
		r->none += ret == -ENOENT;
		r->failures += ret && ret != -ENOENT;
		for (size_t i = 0; i < ARRAY_SIZE(got.word) && !ret; i++)
			r->seen.word[i] |= got.word[i];
	} while (!*r->stop);
	return NULL;
}

/* A page told to one reader need not be told to the other, but to one it must. */
TEST_F_TIMEOUT(race, two_readers_of_one_log, LONG_TIMEOUT)
{
	volatile bool stop_readers = false;
	struct reader readers[2];
	pthread_t threads[2];
	struct pages all = pages_all(NPAGES);

	ASSERT_EQ(0, dirty_set(&self->d, LOG));
	ASSERT_EQ(0, dirty_take(&self->d));
	for (int i = 0; i < 2; i++) {
		readers[i] = (struct reader) { .d = &self->d, .stop = &stop_readers };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_log, &readers[i]));
	}
	start(self);
	ASSERT_TRUE(all_write(self));
	ASSERT_EQ(0, stop(self));
	stop_readers = true;
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, readers[i].failures);
		EXPECT_EQ(0, readers[i].none);
	}
	ASSERT_EQ(0, dirty_take(&self->d));
	for (size_t i = 0; i < ARRAY_SIZE(all.word); i++)
		self->d.got.word[i] |= readers[0].seen.word[i] | readers[1].seen.word[i];
	EXPECT_TRUE(pages_same(&self->d.got, &all, NPAGES));
}

/* A reader while the log comes and goes: bits or ENOENT, and then exact rounds. */
TEST_F_TIMEOUT(race, reader_while_the_log_is_toggled, LONG_TIMEOUT)
{
	volatile bool stop_reader = false;
	struct reader reader = { .d = &self->d, .stop = &stop_reader };
	pthread_t thread;

	ASSERT_EQ(0, dirty_set(&self->d, 0));
	start(self);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_log, &reader));
	for (int i = 0; i < 25; i++) {
		ASSERT_EQ(0, dirty_set(&self->d, LOG));
		if (i % 5 == 0) {
			ASSERT_TRUE(all_write(self));
		}
		ASSERT_EQ(0, dirty_set(&self->d, 0));
		sched_yield();
	}
	stop_reader = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, reader.failures);
	ASSERT_EQ(0, dirty_set(&self->d, LOG));
	copy_all(self);
	ASSERT_TRUE(all_write(self));
	ASSERT_TRUE(migrate(self));
	ASSERT_EQ(0, stop(self));
	EXPECT_TRUE(copy_is_whole(self));
}

SLAT_TEST_MAIN
