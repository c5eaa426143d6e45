// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs that write their RAM while a small read-only slot is deleted and made
 * anew, as firmware does with option ROMs: what the writers lose by it, what
 * the changes cost, and the worst stall of a single guest write.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITERS		8
#define CYCLES		20
#define PAUSE_US	2000
#define PART		(RAM_SIZE / WRITERS)

struct writer {
	struct vcpu vcpu;
	pthread_t thread;
	uint64_t first;
	uint64_t pages;
	uint64_t worst;
};

static atomic_bool stop;

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	const struct work work = {
		.what = WORK_TIMED_WRITE, .first = w->first, .stride = PAGE_SIZE,
		.count = PART / PAGE_SIZE,
	};

	while (!atomic_load(&stop)) {
		uint64_t worst;

		work_do(&w->vcpu, &work);
		worst = vcpu_regs(&w->vcpu).rbx;
		w->pages += work.count;
		if (worst > w->worst)
			w->worst = worst;
	}
	return NULL;
}

static void writers_start(struct bench_guest *bg, struct writer *writers)
{
	atomic_store(&stop, false);
	for (int i = 0; i < WRITERS; i++) {
		struct writer *w = &writers[i];

		w->pages = w->worst = 0;
		w->first = RAM_GPA + i * PART;
		if (i)
			guest_add_vcpu(&bg->g, i, MODE_LONG, &w->vcpu);
		else
			w->vcpu = bg->g.vcpu;
		if (pthread_create(&w->thread, NULL, writer_main, w))
			exit(1);
	}
}

/* Returns the pages written. */
static uint64_t writers_stop(struct writer *writers, uint64_t *worst)
{
	uint64_t pages = 0;

	atomic_store(&stop, true);
	*worst = 0;
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		pages += writers[i].pages;
		if (writers[i].worst > *worst)
			*worst = writers[i].worst;
		if (i)
			vcpu_destroy(&writers[i].vcpu);
	}
	return pages;
}

static void cycle(struct bench_guest *bg)
{
	uint64_t start = ticks_now();

	vm_must(vm_delete_slot(&bg->g.vm, SMALL_SLOT), "deleting the ROM");
	bench_sample("scene.delete", "delete a small ROM slot under 8 writing vCPUs", "ticks",
		     ticks_now() - start);
	usleep(PAUSE_US);
	start = ticks_now();
	vm_must(bench_set_small(bg, SMALL_GPA, KVM_MEM_READONLY), "the ROM");
	bench_sample("scene.create", "make it anew", "ticks", ticks_now() - start);
	usleep(PAUSE_US);
}

static void scene(void)
{
	struct writer writers[WRITERS];
	struct bench_guest bg;
	uint64_t start, pages, worst;

	if (!bench_guest_init(&bg, RAM_SIZE, BACKING_4K))
		return;
	work_touch_ram(&bg, WORK_WRITE);
	vm_must(bench_set_small(&bg, SMALL_GPA, KVM_MEM_READONLY), "the ROM");
	writers_start(&bg, writers);
	start = ticks_now();
	for (int i = 0; i < CYCLES; i++)
		cycle(&bg);
	pages = writers_stop(writers, &worst);
	bench_sample("scene.page", "time per page written meanwhile", "ticks/page",
		     (double)(ticks_now() - start) / pages);
	bench_sample("scene.stall", "worst stall of one guest write, preemption included",
		     "ticks", worst);
	bench_guest_destroy(&bg);
}

void group_scene(void)
{
	bench_progress("scene");
	for (unsigned int i = 0; i < 3; i++)
		scene();
}
