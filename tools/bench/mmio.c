// SPDX-License-Identifier: GPL-2.0
/*
 * Exits to the client: an MMIO store, and the first one after a slot change,
 * when the guest's code and page tables are warm but MMIO entries are stale.
 */
#include "bench.h"

#define TIMES	500

static void mmio_write(struct bench_guest *bg)
{
	/* A store and an OUT each time; the OUT alone is a row of the floor. */
	const struct work both = {
		.what = WORK_STORE_PORT, .first = MMIO_GPA, .count = TIMES,
	};
	const struct work port = { .what = WORK_PORT, .count = TIMES };
	double ticks;

	work_do(&bg->g.vcpu, &both);
	ticks = (double)work_do(&bg->g.vcpu, &both) - work_do(&bg->g.vcpu, &port);
	bench_sample("mmio.write", "MMIO store, exit to the client and back", "ticks",
		     ticks / TIMES);
}

static void mmio_read(struct bench_guest *bg)
{
	const struct work work = { .what = WORK_READ, .first = MMIO_GPA, .count = TIMES };

	work_do(&bg->g.vcpu, &work);
	bench_sample("mmio.read", "MMIO load, exit to the client and back", "ticks",
		     (double)work_do(&bg->g.vcpu, &work) / TIMES);
}

/* One store and a closing OUT; the guest halts after a second pair. */
static uint64_t store_and_port(struct bench_guest *bg)
{
	uint64_t start = ticks_now();

	work_step(&bg->g.vcpu, KVM_EXIT_MMIO);
	work_step(&bg->g.vcpu, KVM_EXIT_IO);
	return ticks_now() - start;
}

static void mmio_after_change(struct bench_guest *bg, const char *name, const char *title,
			      int (*change)(struct bench_guest *bg))
{
	const struct work work = {
		.what = WORK_STORE_PORT, .first = MMIO_GPA, .count = 1000,
	};

	work_aim(&bg->g.vcpu, &work);
	for (int i = 0; i < 4; i++)
		store_and_port(bg);
	vm_must(change(bg), "a slot change");
	bench_sample(name, title, "ticks", store_and_port(bg));
}

static int create_small(struct bench_guest *bg)
{
	return bench_set_small(bg, SMALL_GPA, 0);
}

static int delete_small(struct bench_guest *bg)
{
	return vm_delete_slot(&bg->g.vm, SMALL_SLOT);
}

void group_mmio(void)
{
	struct bench_guest bg;

	bench_progress("mmio");
	if (!bench_guest_init(&bg, RAM_SIZE, BACKING_4K))
		return;
	work_touch_ram(&bg, WORK_WRITE);
	for (unsigned int i = 0; i < bench_repeats(); i++) {
		mmio_write(&bg);
		mmio_read(&bg);
	}
	/* One store each: now and then a sample meets a timer's interrupt. */
	for (unsigned int i = 0; i < 3 * bench_repeats(); i++) {
		mmio_after_change(&bg, "mmio.after_create",
				  "MMIO store just after a slot was created, with a closing port exit",
				  create_small);
		mmio_after_change(&bg, "mmio.after_delete",
				  "MMIO store just after a slot was deleted, with a closing port exit",
				  delete_small);
	}
	bench_guest_destroy(&bg);
}
