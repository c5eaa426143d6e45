// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's whole life, and the memory that it occupies in the kernel.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VMS		64
#define SLOTS		2048
#define MAPPED		GIB

/* A VM, its slot, a vCPU and its CPUID, the first run, and all of it destroyed. */
void group_life(void)
{
	const struct work once = { .what = WORK_PORT, .count = 1 };

	bench_progress("life");
	for (unsigned int i = 0; i < bench_repeats() * 2; i++) {
		struct bench_guest bg;
		uint64_t start = ticks_now();

		if (!bench_guest_init(&bg, 0, BACKING_4K))
			return;
		work_do(&bg.g.vcpu, &once);
		bench_guest_destroy(&bg);
		bench_sample("life.whole", "a VM with a slot and a vCPU: create, run, destroy",
			     "ticks", ticks_now() - start);
	}
}

/* The counters of a memory cgroup are summed up every two seconds. */
#define CGROUP_SETTLES_S	5

/*
 * Kernel memory charged to our memory cgroup, in KiB; -1 where there is none.
 * MemFree would not do: pages go to per-CPU lists and come from there.
 */
static double kernel_kib(void)
{
	char line[256], path[320];
	unsigned long long bytes;
	double kib = -1;
	FILE *file;

	sleep(CGROUP_SETTLES_S);
	file = fopen("/proc/self/cgroup", "r");

	if (!file)
		return -1;
	if (!fgets(line, sizeof(line), file) || strncmp(line, "0::", 3))
		line[0] = 0;
	fclose(file);
	line[strcspn(line, "\n")] = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.stat", line[0] ? line + 3 : "");
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "kernel %llu", &bytes) == 1)
			kib = bytes / 1024.0;
	fclose(file);
	return kib;
}

static void memory_of_vms(void)
{
	struct vm vms[VMS];
	struct vcpu vcpus[VMS];
	double before = kernel_kib(), with_vms;

	for (int i = 0; i < VMS; i++)
		vm_create(&vms[i]);
	with_vms = kernel_kib();
	for (int i = 0; i < VMS; i++)
		vcpu_create(&vms[i], 0, &vcpus[i]);
	bench_sample("memory.vm", "kernel memory of a VM without vCPUs", "KiB",
		     (with_vms - before) / VMS);
	bench_sample("memory.vcpu", "kernel memory of a vCPU, kvm_run included", "KiB",
		     (kernel_kib() - with_vms) / VMS);
	for (int i = 0; i < VMS; i++) {
		vcpu_destroy(&vcpus[i]);
		vm_destroy(&vms[i]);
	}
}

static void memory_of_slots(void)
{
	struct bench_guest bg;
	double before;

	if (!bench_guest_init(&bg, RAM_SIZE, BACKING_4K))
		return;
	before = kernel_kib();
	for (unsigned int i = 0; i < SLOTS; i++)
		vm_must(vm_set_slot(&bg.g.vm, FIRST_FREE_SLOT + i, 0,
				    0x100000000ul + i * 2 * RAM_SIZE, RAM_SIZE, bg.ram),
			"one of many slots");
	bench_sample("memory.slot", "kernel memory of a 64 MiB slot with nothing mapped", "KiB",
		     (kernel_kib() - before) / SLOTS);
	bench_guest_destroy(&bg);
}

static void memory_of_mappings(void)
{
	struct bench_guest bg;
	double before;

	if (!bench_guest_init(&bg, MAPPED, BACKING_4K))
		return;
	/* The first touch of the guest's own pages is none of ours. */
	work_do(&bg.g.vcpu, &(struct work) { .what = WORK_PORT, .count = 1 });
	before = kernel_kib();
	work_touch_ram(&bg, WORK_WRITE);
	bench_sample("memory.mapped_gib", "kernel memory for 1 GiB mapped in 4 KiB pages", "KiB",
		     kernel_kib() - before);
	bench_guest_destroy(&bg);
}

void group_memory(void)
{
	bench_progress("memory");
	if (kernel_kib() < 0) {
		bench_progress("memory: expected a memory cgroup (v2) of our own, left out");
		return;
	}
	memory_of_vms();
	memory_of_slots();
	memory_of_mappings();
}
