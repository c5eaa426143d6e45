/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Histograms of times, by powers of two. Written under the lock that the owner
 * says, read bare. Pure but for the clock's unit.
 */
#ifndef SLAT_MMU_HIST_H
#define SLAT_MMU_HIST_H

#include "types.h"

/* The last one holds everything above: 4 minutes and more. */
#define SLAT_HIST_BUCKETS	40

/**
 * struct slat_hist - how often something took how long
 * @bucket: [0]: 0 ns; [n]: at least 2^(n-1) ns and less than 2^n
 */
struct slat_hist {
	u64 bucket[SLAT_HIST_BUCKETS];
};

/* Where a time belongs. */
static inline unsigned int slat_hist_index(u64 ns)
{
	return min(port_bits(ns), SLAT_HIST_BUCKETS - 1U);
}

/* @clock: a time in units of port_clock(). */
static inline void slat_hist_add(struct slat_hist *hist, u64 clock)
{
	u64 *bucket = &hist->bucket[slat_hist_index(port_clock_ns(clock))];

	WRITE_ONCE(*bucket, *bucket + 1);
}

#endif
