/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decisions from plain numbers: choose, then do. Pure.
 */
#ifndef SLAT_MMU_POLICY_H
#define SLAT_MMU_POLICY_H

#include "types.h"

/* How a collection of dirty bits write-protects; all give the same result. */
enum slat_wrprot {
	SLAT_WRPROT_RMAP,	/* the leaf of each dirty gfn */
	SLAT_WRPROT_SCAN,	/* every leaf of the slot, table by table */
};

/* Who chooses the strategy. */
enum slat_wrprot_policy {
	SLAT_POLICY_CLASSIC,	/* rmap if fewer pages are dirty than tables used */
	SLAT_POLICY_RMAP,
	SLAT_POLICY_SCAN,
	SLAT_NR_POLICIES,
};

/**
 * slat_choose_wrprot() - which strategy for this collection?
 * @policy: who chooses
 * @nr_dirty: dirty pages, about
 * @nr_tables: table pages that the VM uses
 *
 * The classic rule is that of Linux commit 95d4c16ce78c ("KVM: Optimize dirty
 * logging by rmap_write_protect()").
 */
static inline enum slat_wrprot slat_choose_wrprot(enum slat_wrprot_policy policy,
						  u64 nr_dirty, u64 nr_tables)
{
	switch (policy) {
	case SLAT_POLICY_RMAP:
		return SLAT_WRPROT_RMAP;
	case SLAT_POLICY_SCAN:
		return SLAT_WRPROT_SCAN;
	default:
		return nr_dirty < nr_tables ? SLAT_WRPROT_RMAP :
					      SLAT_WRPROT_SCAN;
	}
}

#endif
