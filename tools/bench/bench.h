/* SPDX-License-Identifier: GPL-2.0 */
/*
 * slatbench: what operations of a VMM cost on one device, in TSC ticks. The
 * same binary runs on any node that speaks the KVM ABI.
 *
 *   main.c    options, samples, JSON
 *   bench_guest.c  the guest: touches memory, stores to MMIO, exits, on command
 *   floor.c   what a system call and an exit cost with nothing around them
 *   fault.c   EPT faults by backing and stride
 *   mmio.c    exits to the client
 *   slots.c   slot changes beside a mapped guest, and how they grow
 *   dirty.c   dirty-log rounds by density
 *   life.c    a VM from creation to destruction, and what it occupies
 *   scene.c   vCPUs at work while a small slot comes and goes
 *   locks.c   how long slot changes and dirty-log calls hold the mmu lock
 */
#ifndef SLATBENCH_H
#define SLATBENCH_H

#include "guest.h"

#define RAM_SLOT	1
#define SMALL_SLOT	2
#define FIRST_FREE_SLOT	3

#define RAM_GPA		0x40000000ul	/* 1 GiB */
#define SMALL_GPA	0x30000000ul	/* below the RAM, in a table of its own */
#define MOVED_GPA	0x31000000ul
#define MMIO_GPA	0x20000000ul

#define RAM_SIZE	(64 * MIB)
#define RAM_PAGES	(RAM_SIZE / PAGE_SIZE)
#define SMALL_SIZE	(16 * PAGE_SIZE)

/* main.c */

/**
 * bench_wants() - will samples of a row or group be kept?
 * @name: of a row, or the beginning of its name
 */
bool bench_wants(const char *name);

/**
 * bench_sample() - one measurement
 * @name: the row, "group.operation[@variant]"; the report compares the best
 *	variant of each device
 * @title: what is measured, for the table
 * @unit: "ticks", "ticks/page", "KiB", ...
 * @value: the figure
 */
void bench_sample(const char *name, const char *title, const char *unit, double value);

/**
 * bench_histogram() - one of many measurements, of which the distribution counts
 * @name: of the histogram; its buckets are powers of two
 * @title: what is measured
 * @unit: "ticks"
 * @value: the figure
 */
void bench_histogram(const char *name, const char *title, const char *unit, uint64_t value);

/* How often a group repeats what it measures. */
unsigned int bench_repeats(void);

/* The same for averages over thousands of pages, which vary less: three at most. */
unsigned int bench_repeats_few(void);

/* The client asked for one of KVM's own settings, see --help. */
bool bench_zaps_own_slot(void);

/* Say what is being done, on stderr. */
void __attribute__((format(printf, 1, 2))) bench_progress(const char *format, ...);

static inline uint64_t ticks_now(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* bench_guest.c */

/* What the guest does until it halts; each is one loop of four instructions. */
enum guest_work {
	WORK_READ,		/* loads from first, first + stride, ... */
	WORK_WRITE,		/* the same with stores */
	WORK_CPUID,		/* an exit that the module handles by itself */
	WORK_PORT,		/* OUT: an exit to the client */
	WORK_STORE_PORT,	/* one store to first, then one OUT; repeated */
	WORK_TIMED_WRITE,	/* stores; the dearest one, in ticks, ends in RBX */
};

struct work {
	enum guest_work what;
	uint64_t first;
	uint64_t stride;
	uint64_t count;
};

enum backing { BACKING_4K, BACKING_THP, BACKING_HUGETLB };

struct bench_guest {
	struct guest g;
	void *ram;
	size_t ram_size;
	void *small;
	enum backing backing;
};

/*
 * A long mode guest with @ram_size bytes at RAM_GPA (0: none), present in the
 * host, and 16 pages for SMALL_SLOT, which is not set. False where the host has
 * no such memory.
 */
bool bench_guest_init(struct bench_guest *bg, size_t ram_size, enum backing backing);
void bench_guest_destroy(struct bench_guest *bg);
int bench_set_ram(struct bench_guest *bg, uint32_t flags);
int bench_set_small(struct bench_guest *bg, uint64_t gpa, uint32_t flags);

/* Set the registers; the next KVM_RUN does the work. */
void work_aim(struct vcpu *vcpu, const struct work *work);
/* Do it to its end and return its ticks; MMIO and port exits are answered. */
uint64_t work_do(struct vcpu *vcpu, const struct work *work);
/* One KVM_RUN that must end with @reason. */
void work_step(struct vcpu *vcpu, uint32_t reason);
/* Every page of the RAM once: read or written. */
uint64_t work_touch_ram(struct bench_guest *bg, enum guest_work what);

/* The groups. */
void group_floor(void);
void group_fault(void);
void group_mmio(void);
void group_slots(void);
void group_growth(void);
void group_dirty(void);
void group_life(void);
void group_memory(void);
void group_scene(void);
void group_locks(void);

#endif
