// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's dirty-log rounds: the guest writes some of a slot's pages, the VMM
 * asks which. A round costs both: what the call takes, and what the guest's next
 * write to each page pays for the page having been protected again. What is told
 * must be what was written, to the page.
 */
#include "slatvm.h"

#include <errno.h>
#include <stdlib.h>

#include "protocol.h"

struct density {
	uint64_t pages;		/* this many, spread evenly; or, where 0, */
	uint64_t one_in;	/* each so many */
	const char *text;
	const char *round, *round_title;	/* in the report: the whole, */
	const char *get, *get_title;		/* and the call alone */
};

/* The densest comes last: it leaves each page as the demo's other scenes know it. */
static const struct density densities[] = {
	{ 1, 0, "one page", "round_1", "dirty round of 1 page: GET and the guest's write",
	  "get_1", "dirty round of 1 page: GET alone" },
	{ 64, 0, "64 pages, scattered", "round_64", "dirty round of 64 scattered pages",
	  "get_64", "dirty round of 64 scattered pages: GET alone" },
	{ 0, 16, "every 16th page", "round_16th", "dirty round of every 16th page",
	  "get_16th", "dirty round of every 16th page: GET alone" },
	{ 0, 2, "every 2nd page", "round_half", "dirty round of every 2nd page",
	  "get_half", "dirty round of every 2nd page: GET alone" },
	{ 0, 1, "all pages", "round_all", "dirty round of all pages",
	  "get_all", "dirty round of all pages: GET alone" },
};

/* What one round took. */
struct round {
	uint64_t pages;
	uint64_t get;
	uint64_t rewrites;
	const char *strategy;
};

static uint64_t guest_writes(struct vm *vm, const struct slot *slot, uint64_t one_in)
{
	struct scene scene = {
		.base = slot->gpa, .size = slot->size, .stride = one_in * PAGE_SIZE,
	};
	struct outcome o = scene_all(vm, CMD_WRITE, scene);

	if (o.mmio_exits)
		die(0, "%llu MMIO exits from memory that has a slot",
		    (unsigned long long)o.mmio_exits);
	return o.ticks;
}

/* Exactly each @one_in-th bit must be set; returns how many. */
static uint64_t count_pages(const struct slot *slot, const uint64_t *bitmap, uint64_t one_in)
{
	uint64_t n = 0;

	for (uint64_t page = 0; page < slot->size / PAGE_SIZE; page++) {
		bool told = bitmap[page / 64] >> page % 64 & 1;
		bool written = page % one_in == 0;

		if (told != written)
			die(0, "dirty log of %s: page %llu was %s", slot->name,
			    (unsigned long long)page,
			    written ? "written and is not told" : "told and not written");
		n += told;
	}
	return n;
}

static const char *strategy(const struct stats *before, const struct stats *after)
{
	long long rmap = stats_delta(before, after, COUNT_ROUNDS_RMAP);

	if (rmap == COUNT_UNKNOWN)
		return NULL;
	return rmap ? "rmap" : "scan";
}

static struct round one_round(struct vm *vm, const struct slot *slot, uint64_t *bitmap,
			      uint64_t one_in)
{
	struct stats before, after;
	struct round r;

	r.rewrites = guest_writes(vm, slot, one_in);
	stats_read(vm, &before);
	r.get = vm_slot_dirty(vm, slot, bitmap);
	stats_read(vm, &after);
	r.strategy = strategy(&before, &after);
	r.pages = count_pages(slot, bitmap, one_in);
	return r;
}

static void print_round(const char *text, const struct round *r)
{
	uint64_t whole = r->get + r->rewrites;

	printf("  %-22s %7llu %9s %13llu %13llu %13llu %11.1f\n", text,
	       (unsigned long long)r->pages, r->strategy ? r->strategy : "n/a",
	       (unsigned long long)r->get, (unsigned long long)r->rewrites,
	       (unsigned long long)whole, (double)whole / r->pages);
}

/* The first round of a density protects its pages, the second is the one that counts. */
static void measure(struct vm *vm, const struct slot *slot, uint64_t *bitmap,
		    const struct density *d, struct report *report)
{
	uint64_t npages = slot->size / PAGE_SIZE;
	uint64_t one_in = d->pages ? npages / d->pages : d->one_in;
	struct round r;

	one_round(vm, slot, bitmap, one_in);
	r = one_round(vm, slot, bitmap, one_in);
	print_round(d->text, &r);
	report_add(report, d->round, d->round_title, r.get + r.rewrites, "ticks");
	report_note(report, r.strategy);
	report_add(report, d->get, d->get_title, r.get, "ticks");
}

static void check_data(struct vm *vm, const struct slot *slot)
{
	struct scene scene = { .base = slot->gpa, .size = slot->size };
	struct outcome o = scene_all(vm, CMD_CHECK, scene);

	if (o.result)
		die(0, "%llu words of guest memory are wrong after the dirty log",
		    (unsigned long long)o.result);
}

void scene_dirty(struct vm *vm, struct slot *slot, struct report *report)
{
	uint64_t npages = slot->size / PAGE_SIZE;
	uint64_t *bitmap = calloc((npages + 63) / 64, sizeof(*bitmap));
	uint64_t ticks;

	if (!bitmap)
		die(ENOMEM, "bitmap");
	printf("\n== rounds of the dirty log of %s, %llu pages, all mapped\n", slot->name,
	       (unsigned long long)npages);
	printf("  the guest writes all of it without a log: %.1f ticks/page\n",
	       (double)guest_writes(vm, slot, 1) / npages);
	ticks = vm_slot_log(vm, slot, true);
	printf("  logging begins: %llu ticks\n", (unsigned long long)ticks);
	report_add(report, "log_on", "dirty log begins, all pages mapped", ticks, "ticks");

	printf("  %-22s %7s %9s %13s %13s %13s %11s\n", "written in a round", "told",
	       "strategy", "GET", "guest writes", "whole", "a page");
	for (size_t i = 0; i < sizeof(densities) / sizeof(densities[0]); i++)
		measure(vm, slot, bitmap, &densities[i], report);
	check_data(vm, slot);

	ticks = vm_slot_log(vm, slot, false);
	printf("  logging ends: %llu ticks; all rounds told exactly what was written\n",
	       (unsigned long long)ticks);
	report_add(report, "log_off", "dirty log ends", ticks, "ticks");
	free(bitmap);
}
