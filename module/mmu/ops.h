/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam of the MMU core: what it asks of its surroundings. The rooms above wire
 * these callbacks to vmx (flush) and to hostmem (pages of the user process);
 * the tests wire them to the fake machine.
 */
#ifndef SLAT_MMU_OPS_H
#define SLAT_MMU_OPS_H

#include "types.h"

/**
 * struct slat_host_page - a page of host memory, asked for and found
 * @hva: in: address in the owner's address space, page aligned
 * @write: in: the access is a write; the page must be writable
 * @pfn: out: where the page is
 * @level: out: level of the largest leaf that may map it, as far as the host goes
 * @writable: out: the host mapping grants write (may be true on a read)
 * @present: out: the host had the page before, writable: those behind it may be
 *	there too. A hint: it may be wrong either way, and changes at any time.
 * @private: out: for put_page()
 */
struct slat_host_page {
	hva_t hva;
	bool write;
	kvm_pfn_t pfn;
	int level;
	bool writable;
	bool present;
	void *private;
};

/* Most pages that a fault maps beside its own. */
#define SLAT_AROUND_MAX		15

/**
 * struct slat_mmu_ops - callbacks of one VM; const after init
 * @flush: make every CPU forget what it cached through this EPT. Returns when
 *	no CPU can use older translations any more. Called with the mmu lock held
 *	for write; must not sleep. Returns how many CPUs were interrupted.
 * @get_page: find the host page at @page->hva, faulting it in; may sleep. No
 *	pin is kept beyond put_page(): the mmu_notifier protects the mapping.
 *	Returns 0; -EFAULT: no such memory, or no right to it; -EINTR: a signal is
 *	pending; -EAGAIN: try again, unless a signal is pending by then.
 * @put_page: done with a page of get_page().
 * @get_present: find the pages from @hva on, @nr at most, that the host has and
 *	lets us write as they are; must not fault any in. Returns how many from the
 *	first on. A page may already be in a range that the host is changing.
 * @put_present: done with them.
 * @keep_dirty: which of these pages could the host not drop without saving them? They
 *	are dirty, or as good as that, so they are marked at once, which tells the host
 *	nothing. Returns bit i for @pfns[i]; at most 32.
 * @mark_dirty: the guest may write the page from now on, without a further word.
 *
 * Both are about pages of get_page() or get_present() that were not put, and are called
 * with the mmu lock held shared, after the host's changes were looked at: must not sleep.
 * The host cleans a page (writeback, MADV_FREE) between a begin and an end of its
 * notifier, and that begin needs the lock exclusive. So a mark that is made under the
 * lock comes before the page is cleaned, and the leaf is gone by then; a mark that came
 * later would stick to a clean page, which the host writes back no more.
 */
struct slat_mmu_ops {
	unsigned int (*flush)(void *ctx);
	int (*get_page)(void *ctx, struct slat_host_page *page);
	void (*put_page)(void *ctx, struct slat_host_page *page);
	unsigned int (*get_present)(void *ctx, hva_t hva, unsigned int nr,
				    kvm_pfn_t *pfns);
	void (*put_present)(void *ctx, const kvm_pfn_t *pfns, unsigned int nr);
	u32 (*keep_dirty)(void *ctx, const kvm_pfn_t *pfns, unsigned int nr);
	void (*mark_dirty)(void *ctx, kvm_pfn_t pfn);
};

#endif
