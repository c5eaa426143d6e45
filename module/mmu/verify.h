/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checking the whole tree, for tests and debug builds.
 */
#ifndef SLAT_MMU_VERIFY_H
#define SLAT_MMU_VERIFY_H

#include "types.h"

struct slat_mmu;

/**
 * struct slat_verify_report - what slat_mmu_verify() counted
 * @leafs: present leafs
 * @mmio: MMIO entries
 * @tables: linked tables, the root included
 */
struct slat_verify_report {
	u64 leafs;
	u64 mmio;
	u64 tables;
};

/**
 * slat_mmu_verify() - check the whole tree (debug builds and tests)
 * @mmu: the EPT
 * @leaf_ok: asked for each present leaf; may be NULL
 * @arg: its argument
 * @report: counts; may be NULL
 *
 * Takes the mmu lock exclusive for the whole walk.
 *
 * Return: NULL, or a sentence that says which invariant is broken.
 */
const char *slat_mmu_verify(struct slat_mmu *mmu,
			    bool (*leaf_ok)(void *arg, gfn_t gfn, int level, u64 entry),
			    void *arg, struct slat_verify_report *report);

#endif
