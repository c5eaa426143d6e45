// SPDX-License-Identifier: GPL-2.0
/*
 * The floor: a system call, an exit that the module answers by itself and one
 * that the client answers, with nothing around them, one entry written
 * atomically, and the guest's loop without an exit. What a row costs beyond its floor is the module's own work.
 */
#include "bench.h"

#include <sys/syscall.h>
#include <unistd.h>

#define TIMES	1000

static void floor_syscall(void)
{
	uint64_t start = ticks_now();

	for (int i = 0; i < TIMES; i++)
		syscall(SYS_getppid);
	bench_sample("floor.syscall", "system call that does nothing", "ticks",
		     (double)(ticks_now() - start) / TIMES);
}

static void floor_ioctl(struct bench_guest *bg)
{
	uint64_t start = ticks_now();

	for (int i = 0; i < TIMES; i++)
		vm_check_extension(bg->g.vm.dev, KVM_CAP_USER_MEMORY);
	bench_sample("floor.ioctl", "KVM_CHECK_EXTENSION", "ticks",
		     (double)(ticks_now() - start) / TIMES);
}

static void floor_entry(void)
{
	static uint64_t table[512];
	uint64_t start = ticks_now();

	for (int i = 0; i < 512; i++) {
		uint64_t old = table[i];

		__sync_bool_compare_and_swap(&table[i], old, old + 1);
	}
	bench_sample("floor.entry", "one entry read and exchanged", "ticks",
		     (double)(ticks_now() - start) / 512);
}

/* The guest's own loop over pages that are mapped: no exit at all. */
static void floor_touch(struct bench_guest *bg)
{
	const struct work work = {
		.what = WORK_WRITE, .first = SMALL_GPA, .count = 100000,
	};

	vm_must(bench_set_small(bg, SMALL_GPA, 0), "the small slot");
	work_do(&bg->g.vcpu, &work);
	bench_sample("floor.touch", "guest's loop over a mapped page", "ticks",
		     (double)work_do(&bg->g.vcpu, &work) / work.count);
	vm_must(vm_delete_slot(&bg->g.vm, SMALL_SLOT), "deleting the small slot");
}

static void floor_exit(struct bench_guest *bg, enum guest_work what, const char *name,
		       const char *title)
{
	const struct work work = { .what = what, .count = TIMES };

	bench_sample(name, title, "ticks", (double)work_do(&bg->g.vcpu, &work) / TIMES);
}

void group_floor(void)
{
	struct bench_guest bg;

	bench_progress("floor");
	if (!bench_guest_init(&bg, 0, BACKING_4K))
		return;
	for (unsigned int i = 0; i < bench_repeats(); i++) {
		floor_syscall();
		floor_ioctl(&bg);
		floor_entry();
		floor_touch(&bg);
		floor_exit(&bg, WORK_CPUID, "floor.exit",
			   "exit answered in the module (CPUID), and entry");
		floor_exit(&bg, WORK_PORT, "floor.exit_user",
			   "port exit to the client, and back");
	}
	bench_guest_destroy(&bg);
}
