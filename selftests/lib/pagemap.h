/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the host says of a page of this process: /proc/self/pagemap and smaps, mincore(),
 * and the kernel's counters and switches under /proc and /sys.
 */
#ifndef SLAT_SELFTESTS_PAGEMAP_H
#define SLAT_SELFTESTS_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>

#define PM_PRESENT	(1ull << 63)
#define PM_SWAPPED	(1ull << 62)
#define PM_UFFD_WP	(1ull << 57)
#define PM_PFN		((1ull << 55) - 1)

uint64_t pagemap(const void *page);

static inline bool page_is_present(const void *page)
{
	return pagemap(page) & PM_PRESENT;
}

/* 0 where none is mapped. */
static inline uint64_t page_pfn(const void *page)
{
	uint64_t entry = pagemap(page);

	return entry & PM_PRESENT ? entry & PM_PFN : 0;
}

bool page_in_core(const void *page);

/* How many of the @n pages at @mem have all of these bits. */
uint64_t pages_with(const void *mem, uint64_t n, uint64_t bits);

/* KiB in a line ("Swap:") of the mapping that holds @mem. */
uint64_t smaps_kib(const void *mem, const char *line);

/* A counter of /proc/vmstat; 0 where this kernel has none of that name. */
uint64_t vmstat(const char *name);

bool there_is_a_swap(void);

/* Write to, or read a number from, a file of the kernel's: 0 or -errno. */
int kernel_set(const char *path, const char *text);
int kernel_get(const char *path, uint64_t *value);

#endif
