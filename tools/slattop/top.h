/* SPDX-License-Identifier: GPL-2.0 */
/*
 * slattop's user side: the fields' offsets (events.c), what the maps hold now
 * and before (sample.c), the names of VMs (names.c), the screen and JSON.
 */
#ifndef SLATTOP_TOP_H
#define SLATTOP_TOP_H

#include <stdbool.h>
#include <stdio.h>

#include "slattop.h"

/* The end of the program with a message; status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* events.c: fills @offsets, dies where an event or a field is missing. */
void events_find(struct offsets *offsets);

struct vcpu_line {
	struct vcpu_key key;
	struct vcpu_counts counts;
};

struct slot_line {
	struct slot_key key;
	struct slot_counts counts;
};

struct vm_line {
	unsigned int id;
	struct vm_counts counts;
};

/**
 * struct sample - everything in the maps, or the difference of two such
 * @seconds: when it was taken; in a difference: how long it covers
 */
struct sample {
	double seconds;
	int nr_vms, nr_vcpus, nr_slots;
	struct vm_line vms[MAX_VMS];
	struct vcpu_line vcpus[MAX_VCPUS];
	struct slot_line slots[MAX_SLOTS];
};

/* sample.c; the maps by their file descriptors */
struct maps {
	int vms, vcpus, slots;
};

void sample_take(const struct maps *maps, struct sample *sample);
/* @now becomes the difference; what went down (a new VM with an old number) stays. */
void sample_subtract(struct sample *now, const struct sample *before);

/* names.c: process and descriptor that hold VM @id; false where nobody knows. */
bool vm_name(unsigned int id, char *name, size_t size);
const char *reason_name(unsigned int reason);
extern const char *const outcome_names[NR_OUTCOMES];
extern const char *const lookup_names[NR_LOOKUPS];
extern const char *const protected_names[NR_PROTECTED];

/* screen.c, json.c: one interval */
void screen_show(const struct sample *s, bool clear);
void json_show(const struct sample *s);

#endif
