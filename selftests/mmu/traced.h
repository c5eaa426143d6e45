/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core's trace points have told since traced_reset(). Each event is
 * checked when it comes: the locks that it promises, fields that belong together.
 */
#ifndef SLAT_TRACED_H
#define SLAT_TRACED_H

#include "mmu/events.h"

/**
 * struct traced - sums over all events
 * @flushes: slat_flush
 * @flushes_why: the same, by reason
 * @flush_cpus: their CPUs
 * @leafs: of slat_zap_step
 * @mmio: of slat_zap_step
 * @mmio_why: the same, by reason
 * @zap_yields: steps that came after a yield
 * @marks: slat_mmio_mark
 * @looked_up: slat_mmio_check, by result
 * @changes: slat_slot_change
 * @change_zapped: leafs zapped for them
 * @protects: slat_wrprot
 * @protected_leafs: their pages
 * @gets: slat_dirty_log_get
 * @clears: slat_dirty_log_clear
 */
struct traced {
	u64 flushes;
	u64 flushes_why[SLAT_WHY_AGE + 1];
	u64 flush_cpus;
	u64 leafs;
	u64 mmio;
	u64 mmio_why[SLAT_WHY_AGE + 1];
	u64 zap_yields;
	u64 marks;
	u64 looked_up[SLAT_MMIO_BROKEN + 1];
	u64 changes;
	u64 change_zapped;
	u64 protects;
	u64 protected_leafs;
	u64 gets;
	u64 clears;
};

extern struct traced traced;

void traced_reset(void);
/* Do the sums agree with the statistics? While nothing is in flight. */
void traced_check(void);

#endif
