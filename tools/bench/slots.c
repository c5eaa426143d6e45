// SPDX-License-Identifier: GPL-2.0
/*
 * Slot changes: a small slot beside a mapped guest, what the guest pays
 * afterwards, a large slot deleted; and how all that grows with the number of
 * slots, the memory that is mapped and the vCPUs.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>

/* Ticks of one change, and of what the guest's next look at its RAM costs. */
static double timed(int ret, uint64_t start)
{
	double ticks = ticks_now() - start;

	vm_must(ret, "a change of the small slot");
	return ticks;
}

static void touch_small(struct bench_guest *bg, uint64_t gpa)
{
	const struct work work = {
		.what = WORK_WRITE, .first = gpa, .stride = PAGE_SIZE,
		.count = SMALL_SIZE / PAGE_SIZE,
	};

	work_do(&bg->g.vcpu, &work);
}

/*
 * Slots are paid for by the memory cgroup, out of a stock of at most a page: now
 * and then an allocation must fetch the next page, or a free gives one back, which
 * takes 250 to 430 ticks on 6.1. Which of the changes that falls on depends on all that was
 * allocated before, and would be the same one in each sample. An eventfd more, whose
 * file and dentry stay, moves it on from sample to sample.
 */
static void move_stock(void)
{
	vm_must(eventfd(0, 0) < 0 ? -errno : 0, "an eventfd");
}

/* Samples of a row of slot changes. */
static unsigned int nr_changes(void)
{
	return 3 * bench_repeats();
}

struct changes {
	double create;
	double move;
	double delete;
};

/* The small slot's life; the guest has touched it before it moves or goes. */
static struct changes small_changes(struct bench_guest *bg)
{
	struct changes c;
	uint64_t start;

	move_stock();
	start = ticks_now();
	c.create = timed(bench_set_small(bg, SMALL_GPA, 0), start);
	touch_small(bg, SMALL_GPA);
	start = ticks_now();
	c.move = timed(bench_set_small(bg, MOVED_GPA, 0), start);
	touch_small(bg, MOVED_GPA);
	start = ticks_now();
	c.delete = timed(vm_delete_slot(&bg->g.vm, SMALL_SLOT), start);
	return c;
}

static void beside_a_guest(struct bench_guest *bg)
{
	struct changes c;

	work_touch_ram(bg, WORK_WRITE);
	c = small_changes(bg);
	bench_sample("slot.create", "create a 16-page slot beside a mapped 64 MiB guest",
		     "ticks", c.create);
	bench_sample("slot.move", "move it", "ticks", c.move);
	bench_sample("slot.delete", "delete it", "ticks", c.delete);
	bench_sample("slot.after_delete", "guest writes all its RAM after that delete",
		     "ticks/page", (double)work_touch_ram(bg, WORK_WRITE) / RAM_PAGES);
}

static void delete_large(struct bench_guest *bg)
{
	uint64_t start;
	int ret;

	work_touch_ram(bg, WORK_WRITE);
	start = ticks_now();
	ret = vm_delete_slot(&bg->g.vm, RAM_SLOT);
	bench_sample("slot.delete_large", "delete a 64 MiB slot, per mapped page",
		     "ticks/page", timed(ret, start) / RAM_PAGES);
	vm_must(bench_set_ram(bg, 0), "the RAM's slot");
}

void group_slots(void)
{
	struct bench_guest bg;

	bench_progress("slot");
	if (!bench_guest_init(&bg, RAM_SIZE, BACKING_4K))
		return;
	for (unsigned int i = 0; i < nr_changes(); i++)
		beside_a_guest(&bg);
	for (unsigned int i = 0; i < bench_repeats(); i++)
		delete_large(&bg);
	bench_guest_destroy(&bg);
}

/* Rows "grow.<what>.<operation>", one for each size. */
static void grow_sample(const char *what, unsigned long size, const char *operation,
			double ticks)
{
	char name[64];

	snprintf(name, sizeof(name), "grow.%s_%lu.%s", what, size, operation);
	bench_sample(name, "growth", "ticks", ticks);
}

static void grow_samples(struct bench_guest *bg, const char *what, unsigned long size)
{
	const struct work store = {
		.what = WORK_STORE_PORT, .first = MMIO_GPA, .count = 100,
	};

	for (unsigned int i = 0; i < nr_changes(); i++) {
		struct changes c = small_changes(bg);

		grow_sample(what, size, "create", c.create);
		grow_sample(what, size, "move", c.move);
		grow_sample(what, size, "delete", c.delete);
		grow_sample(what, size, "mmio",
			    (double)work_do(&bg->g.vcpu, &store) / store.count);
	}
}

/* @nr slots in all: those of the guest, the small one, and one-page ones above. */
static bool fill_slots(struct bench_guest *bg, unsigned long nr)
{
	const uint64_t above = 0x100000000ul;

	for (unsigned long i = SMALL_SLOT + 1; i < nr; i++) {
		int ret = vm_set_slot(&bg->g.vm, i, 0, above + i * 2 * PAGE_SIZE, PAGE_SIZE,
				      bg->small);

		if (ret == -EINVAL) {
			bench_progress("slot %lu is refused, left out", i);
			return false;
		}
		vm_must(ret, "one of many slots");
	}
	return true;
}

static void grow_slots(unsigned long nr)
{
	struct bench_guest bg;

	bench_progress("growth: %lu slots", nr);
	if (!bench_guest_init(&bg, 0, BACKING_4K))
		return;
	if (fill_slots(&bg, nr))
		grow_samples(&bg, "slots", nr);
	bench_guest_destroy(&bg);
}

static void grow_mapped(unsigned long size)
{
	struct bench_guest bg;

	bench_progress("growth: %lu MiB mapped", size / MIB);
	if (!bench_guest_init(&bg, size, BACKING_4K))
		return;
	work_touch_ram(&bg, WORK_WRITE);
	grow_samples(&bg, "mapped_mib", size / MIB);
	bench_guest_destroy(&bg);
}

static void grow_vcpus(unsigned int nr)
{
	struct vcpu more[2];
	struct bench_guest bg;
	unsigned int i;

	bench_progress("growth: %u vCPUs", nr);
	if (!bench_guest_init(&bg, RAM_SIZE, BACKING_4K))
		return;
	for (i = 1; i < nr; i++) {
		guest_add_vcpu(&bg.g, i, MODE_LONG, &more[i]);
		work_do(&more[i], &(struct work) { .what = WORK_PORT, .count = 10 });
	}
	work_touch_ram(&bg, WORK_WRITE);
	grow_samples(&bg, "vcpus", nr);
	while (--i)
		vcpu_destroy(&more[i]);
	bench_guest_destroy(&bg);
}

void group_growth(void)
{
	static const unsigned long slots[] = { 2, 32, 1024, 32764 };
	static const unsigned long mib[] = { 64, 256, 1024 };

	for (unsigned int i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		if (bench_wants("grow.slots"))
			grow_slots(slots[i]);
	for (unsigned int i = 0; i < sizeof(mib) / sizeof(mib[0]); i++)
		if (bench_wants("grow.mapped_mib"))
			grow_mapped(mib[i] * MIB);
	for (unsigned int i = 1; i <= 2; i++)
		if (bench_wants("grow.vcpus"))
			grow_vcpus(i);
}
