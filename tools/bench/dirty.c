// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty-log rounds by density: GET (and CLEAR, where protecting is a step of its
 * own) plus the guest's rewrites of the same pages, so that no work can hide in
 * the next write. Pages are scattered evenly over the slot or clustered at its
 * beginning. Two variants, of which the report takes the better for each device:
 * as GET protects, and with KVM_DIRTY_LOG_INITIALLY_SET.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG		KVM_MEM_LOG_DIRTY_PAGES
#define MANUAL_ALL_SET	(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET)

static const unsigned long densities[] = { 1, 16, 64, 256, 1024, 4096, RAM_PAGES };

static uint64_t bitmap[RAM_PAGES / 64];

struct variant {
	const char *suffix;
	uint64_t manual;
};

static void log_get(struct bench_guest *bg)
{
	struct kvm_dirty_log log = { .slot = RAM_SLOT, .dirty_bitmap = bitmap };

	vm_must(vm_ioctl(bg->g.vm.fd, KVM_GET_DIRTY_LOG, &log), "KVM_GET_DIRTY_LOG");
}

static void log_clear(struct bench_guest *bg)
{
	struct kvm_clear_dirty_log clear = {
		.slot = RAM_SLOT, .num_pages = RAM_PAGES, .dirty_bitmap = bitmap,
	};

	vm_must(vm_ioctl(bg->g.vm.fd, KVM_CLEAR_DIRTY_LOG, &clear), "KVM_CLEAR_DIRTY_LOG");
}

/* One round's share of the client. */
static void log_take(struct bench_guest *bg, const struct variant *variant)
{
	log_get(bg);
	if (variant->manual)
		log_clear(bg);
}

static void sample(const struct variant *variant, const char *name, const char *title,
		   const char *unit, double value)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s", name, variant->suffix);
	bench_sample(full, title, unit, value);
}

/* A benchmark of a log that lost pages would measure nothing. */
static void must_be_dirty(const struct work *work)
{
	for (uint64_t i = 0; i < work->count; i++) {
		uint64_t page = (work->first - RAM_GPA + i * work->stride) / PAGE_SIZE;

		if (bitmap[page / 64] >> page % 64 & 1)
			continue;
		fprintf(stderr, "slatbench: page %llu was written and is not in the log\n",
			(unsigned long long)page);
		exit(1);
	}
}

static void rounds(struct bench_guest *bg, const struct variant *variant, unsigned long nr,
		   bool scattered)
{
	const struct work work = {
		.what = WORK_WRITE, .first = RAM_GPA, .count = nr,
		.stride = scattered ? RAM_SIZE / nr : PAGE_SIZE,
	};
	char name[64];

	snprintf(name, sizeof(name), "dirty.round_%s_%lu", scattered ? "scattered" : "clustered",
		 nr);
	if (!bench_wants(name))
		return;
	log_take(bg, variant);
	work_do(&bg->g.vcpu, &work);
	/* The first round only settles what its policy has to learn. */
	for (unsigned int i = 0; i <= bench_repeats(); i++) {
		uint64_t start = ticks_now();

		log_take(bg, variant);
		must_be_dirty(&work);
		work_do(&bg->g.vcpu, &work);
		if (i)
			sample(variant, name, "dirty-log round: GET and the guest's rewrites",
			       "ticks", ticks_now() - start);
	}
}

static void enable_and_disable(struct bench_guest *bg, const struct variant *variant)
{
	uint64_t start;

	work_touch_ram(bg, WORK_WRITE);
	start = ticks_now();
	vm_must(bench_set_ram(bg, LOG), "KVM_MEM_LOG_DIRTY_PAGES");
	sample(variant, "dirty.enable", "enable the log of 16384 mapped pages", "ticks",
	       ticks_now() - start);
	if (variant->manual)
		log_take(bg, variant);
	sample(variant, "dirty.first_write", "first write to a logged page", "ticks/page",
	       (double)work_touch_ram(bg, WORK_WRITE) / RAM_PAGES);
	start = ticks_now();
	vm_must(bench_set_ram(bg, 0), "the end of KVM_MEM_LOG_DIRTY_PAGES");
	sample(variant, "dirty.disable", "disable it", "ticks", ticks_now() - start);
}

static void dirty_variant(const struct variant *variant)
{
	struct bench_guest bg;
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args[0] = variant->manual,
	};

	bench_progress("dirty%s", variant->suffix);
	if (!bench_guest_init(&bg, RAM_SIZE, BACKING_4K))
		return;
	if (variant->manual)
		vm_must(vm_ioctl(bg.g.vm.fd, KVM_ENABLE_CAP, &cap), "KVM_ENABLE_CAP");
	for (unsigned int i = 0; i < bench_repeats_few(); i++)
		enable_and_disable(&bg, variant);
	work_touch_ram(&bg, WORK_WRITE);
	vm_must(bench_set_ram(&bg, LOG), "KVM_MEM_LOG_DIRTY_PAGES");
	for (unsigned int i = 0; i < sizeof(densities) / sizeof(densities[0]); i++) {
		rounds(&bg, variant, densities[i], true);
		if (densities[i] > 1 && densities[i] < RAM_PAGES)
			rounds(&bg, variant, densities[i], false);
	}
	bench_guest_destroy(&bg);
}

void group_dirty(void)
{
	static const struct variant variants[] = {
		{ "", 0 }, { "@initially_set", MANUAL_ALL_SET },
	};

	dirty_variant(&variants[0]);
	dirty_variant(&variants[1]);
}
