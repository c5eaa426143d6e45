/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ageing: has the guest used its memory? Called by the slots for the mmu_notifier, which
 * may hold a page table's spinlock, without the mmu lock.
 */
#ifndef SLAT_MMU_AGE_H
#define SLAT_MMU_AGE_H

#include "types.h"

struct slat_mmu;

/**
 * slat_mmu_age_range() - were leaves of a range accessed?
 * @mmu: the EPT
 * @start: first gfn
 * @end: first gfn behind the range
 * @clear: from now on they count as not accessed, until they are
 *
 * With EPT's accessed bits the mmu lock is taken shared: faults go on beside it. The bits
 * are cleared without a flush: a CPU with a cached translation may fail to set the bit
 * again, which only makes the page look older than it is (the host's ageing tolerates
 * that; Linux's own x86 code does the same).
 *
 * Without them (processors before Haswell, or eptad=0) a leaf counts as accessed as long
 * as it is there. @clear zaps it then, with a flush, the mmu lock exclusive: the next
 * access faults and brings it back. Each page costs a fault, as on KVM; but without this
 * every page would look used for ever, and the host would never find one to take.
 *
 * Never sleeps, nor drops the lock: the host asks for a page, or a huge one.
 *
 * Return: true if any was.
 */
bool slat_mmu_age_range(struct slat_mmu *mmu, gfn_t start, gfn_t end,
			bool clear);

#endif
