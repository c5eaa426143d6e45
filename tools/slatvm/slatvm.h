/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pieces of the reference VMM and who calls whom:
 *
 *   main.c    options; calls run.c, linux.c, demo.c or report.c
 *   vm.c      the KVM ABI: VM, slots, vCPUs, one exit at a time
 *   run.c     "slatvm run": a flat binary as the guest
 *   linux.c   "slatvm linux": a bzImage, see linux.h and board.h
 *   demo.c    "slatvm demo": one guest on one device, its scenes in order
 *   dirty.c   the demo's dirty-log rounds
 *   scene.c   commands to the demo's guest, and what they cost
 *   stats.c   the device's counters, from debugfs
 *   report.c  rows of figures: table, JSON, comparison
 */
#ifndef SLATVM_H
#define SLATVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE_SIZE	4096ul
#define KIB		1024ul
#define MIB		(1024ul * KIB)
#define SLOTS_MAX	8
#define CPUS_MAX	16

/* vm.c */

struct slot {
	uint32_t id;
	uint64_t gpa;
	size_t size;
	void *mem;
	const char *name;
	bool log;		/* its dirty log is on */
};

struct vm;

struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	bool line_open;		/* the console is in the middle of a line */
	uint64_t mmio_exits;
};

struct vm {
	const char *device;
	int dev;
	int fd;
	size_t run_size;
	struct slot slots[SLOTS_MAX];
	unsigned int nr_slots;
	struct vcpu vcpus[CPUS_MAX];
	unsigned int nr_vcpus;
};

/* Print "slatvm: ..." and, where @error is an errno, its text; exit 1. */
void __attribute__((noreturn, format(printf, 2, 3))) die(int error, const char *format, ...);

void vm_open(struct vm *vm, const char *device);
void vm_close(struct vm *vm);
/* Back @size bytes at @gpa by host memory that is present already. */
struct slot *vm_add_slot(struct vm *vm, const char *name, uint64_t gpa, size_t size);
/* KVM_SET_USER_MEMORY_REGION for @slot as it stands; returns the call's TSC ticks. */
uint64_t vm_slot_create(struct vm *vm, const struct slot *slot);
uint64_t vm_slot_delete(struct vm *vm, const struct slot *slot);
uint64_t vm_slot_move(struct vm *vm, struct slot *slot, uint64_t gpa);
/* Begin or end the slot's dirty log; take its bits, one a page. Both return ticks. */
uint64_t vm_slot_log(struct vm *vm, struct slot *slot, bool log);
uint64_t vm_slot_dirty(struct vm *vm, const struct slot *slot, uint64_t *bitmap);
struct slot *vm_slot_at(struct vm *vm, uint64_t gpa);

struct vcpu *vcpu_add(struct vm *vm);
/* Flat 32-bit protected mode, no paging, with these selectors. */
void vcpu_enter_flat(struct vcpu *vcpu, const struct kvm_regs *regs, uint16_t code,
		     uint16_t data);
/* The same with registers of our own; EBX = the vCPU's number. */
void vcpu_enter_protected(struct vcpu *vcpu, uint64_t entry);
/* Real mode at @entry, below 1 MiB. */
void vcpu_enter_real(struct vcpu *vcpu, uint64_t entry);
/* Run to the next exit and return its reason; a signal is no exit. */
uint32_t vcpu_run(struct vcpu *vcpu);
/* The bytes of a port exit in the shared page. */
void *vcpu_io_data(struct vcpu *vcpu);
/* Answer an exit that both commands treat alike; false when it is not known. */
bool vcpu_handle_exit(struct vcpu *vcpu);
void __attribute__((noreturn)) vcpu_die(struct vcpu *vcpu);

static inline uint64_t ticks_now(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* run.c */

struct run_options {
	const char *image;
	size_t memory;
	uint64_t load;
	bool real_mode;
};

int run_image(const char *device, const struct run_options *options);

/* demo.c */

struct demo_options {
	size_t memory;
	unsigned int cpus;
	const char *json;	/* a path, "-" for standard output, or NULL */
	const char *label;	/* the device's name in tables, or NULL */
};

int demo(const char *device, const struct demo_options *options);

/* scene.c */

struct scene {
	uint64_t base;
	uint64_t size;		/* written or checked: bytes */
	uint64_t stride;	/* of the words written or checked; 0: one a page */
	uint64_t count;		/* loaded or stored: times */
};

/* What one command did, summed over the CPUs; ticks are the slowest CPU's. */
struct outcome {
	uint64_t ticks;
	uint64_t result;
	uint64_t mmio_exits;
};

/* Start every vCPU and run it to its first request for a command. */
void scene_boot(struct vm *vm);
/* Split @scene over all CPUs (or give it to CPU 0 alone) and wait. */
struct outcome scene_all(struct vm *vm, uint32_t command, struct scene scene);
struct outcome scene_one(struct vm *vm, uint32_t command, struct scene scene);

/* dirty.c */

struct report;

/* Rounds of the dirty log of @slot at several densities; ends with the log off. */
void scene_dirty(struct vm *vm, struct slot *slot, struct report *report);

/* stats.c */

enum counter {
	COUNT_FAULTS,
	COUNT_MMIO_MARK,
	COUNT_MMIO_HIT,
	COUNT_MMIO_STALE,
	COUNT_ZAPPED,
	COUNT_FLUSHES,
	COUNT_ROUNDS_RMAP,
	COUNT_ROUNDS_SCAN,
	COUNT_EXITS,
	COUNT_GENERATION,
	COUNTERS,
};

#define COUNT_UNKNOWN	(-1ll)

struct stats {
	long long value[COUNTERS];
};

/* Read the counters of @vm; what the device doesn't tell is COUNT_UNKNOWN. */
void stats_read(struct vm *vm, struct stats *stats);
/* @after - @before, or COUNT_UNKNOWN. */
long long stats_delta(const struct stats *before, const struct stats *after, enum counter c);
/* "1234" or "n/a", in a ring of buffers that one printf may use up to 8 of. */
const char *count_text(long long value);

/* report.c */

struct row {
	const char *name;	/* key in the JSON */
	const char *title;
	double value;
	const char *unit;
	const char *note;	/* how it was done, or NULL */
};

struct report {
	const char *device;
	bool ticks_are_instructions;
	struct row rows[32];
	unsigned int nr_rows;
};

/* True where the TSC counts instructions, as an emulator's may. */
bool ticks_are_instructions(void);
void report_add(struct report *report, const char *name, const char *title, double value,
		const char *unit);
/* Say beside the row added last how the device did it. */
void report_note(struct report *report, const char *note);
void report_print(const struct report *report);
void report_write_json(const struct report *report, const char *path);
/* Print the rows of several JSON files side by side. */
int report_compare(char **paths, unsigned int n);

#endif
