// SPDX-License-Identifier: GPL-2.0
/*
 * EPT faults on pages that the host has: in sequence, where a module may map
 * the neighbours too, and 2 MiB apart, where that can't help; by backing.
 */
#include "bench.h"

#include <stdio.h>

#define SPARSE_SIZE	(512 * MIB)

struct fault_row {
	const char *name;
	const char *title;
	enum backing backing;
};

/* The slot is deleted and made anew for each sample: nothing is mapped then. */
static void remap(struct bench_guest *bg)
{
	vm_must(vm_delete_slot(&bg->g.vm, RAM_SLOT), "deleting the RAM's slot");
	vm_must(bench_set_ram(bg, 0), "the RAM's slot");
}

static void in_sequence(const struct fault_row *row)
{
	struct bench_guest bg;

	if (!bench_wants(row->name))
		return;
	bench_progress("%s", row->name);
	if (!bench_guest_init(&bg, RAM_SIZE, row->backing)) {
		bench_progress("%s: the host has no such memory, left out", row->name);
		return;
	}
	for (unsigned int i = 0; i < bench_repeats_few(); i++) {
		if (i)
			remap(&bg);
		bench_sample(row->name, row->title, "ticks/page",
			     (double)work_touch_ram(&bg, WORK_WRITE) / RAM_PAGES);
	}
	bench_guest_destroy(&bg);
}

static void sparse(void)
{
	const struct work work = {
		.what = WORK_WRITE, .first = RAM_GPA, .stride = 2 * MIB,
		.count = SPARSE_SIZE / (2 * MIB),
	};
	struct bench_guest bg;

	if (!bench_wants("fault.stride_2m"))
		return;
	bench_progress("fault.stride_2m");
	if (!bench_guest_init(&bg, SPARSE_SIZE, BACKING_4K))
		return;
	for (unsigned int i = 0; i < bench_repeats_few(); i++) {
		if (i)
			remap(&bg);
		bench_sample("fault.stride_2m", "EPT fault, host page present, 2 MiB apart",
			     "ticks/page",
			     (double)work_do(&bg.g.vcpu, &work) / work.count);
	}
	bench_guest_destroy(&bg);
}

/* Enough huge pages for one guest; gone again afterwards. */
static void hugetlb_pages(unsigned int nr)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "w");

	if (!file)
		return;
	fprintf(file, "%u\n", nr);
	fclose(file);
}

void group_fault(void)
{
	static const struct fault_row seq = {
		"fault.sequence", "EPT fault, host page present, in sequence", BACKING_4K,
	};
	static const struct fault_row thp = {
		"fault.thp", "guest writes THP-backed RAM once, per 4 KiB", BACKING_THP,
	};
	static const struct fault_row hugetlb = {
		"fault.hugetlb", "guest writes hugetlb-backed RAM once, per 4 KiB",
		BACKING_HUGETLB,
	};

	in_sequence(&seq);
	sparse();
	in_sequence(&thp);
	hugetlb_pages(RAM_SIZE / (2 * MIB));
	in_sequence(&hugetlb);
	hugetlb_pages(0);
}
