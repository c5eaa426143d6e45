/* SPDX-License-Identifier: GPL-2.0 */
/* What slatctl show reads from debugfs, and its picture. */
#ifndef SLATCTL_SHOW_H
#define SLATCTL_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#define PAGE	4096

/* One slot; pages and gfns. */
struct slot_view {
	unsigned int id, flags, protect;
	unsigned long long first, npages;
	unsigned long long mapped, writable, dirty_now, faults, zapped;
};

/**
 * struct run_view - neighbouring entries that are alike
 * @rights: "rwx AD", with a dash for each that is missing; empty for MMIO
 */
struct run_view {
	int level;
	unsigned long long first, last;
	bool mmio, stale;
	char rights[8];
};

struct picture {
	char name[64];
	unsigned long long generation;
	struct slot_view *slots;
	struct run_view *runs;
	int nr_slots, nr_runs;
};

const char *protect_text(unsigned int protect);
void show_svg(const struct picture *p);

#endif
