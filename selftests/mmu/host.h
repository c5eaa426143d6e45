/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fake host: a user address space whose pages appear on demand and which
 * changes pages under the guest's feet, telling the mmu_notifier as Linux does.
 * A page frame is never used twice, so a translation to a frame that the host
 * took away is a failure at any later time. Nor may a write be lost: the host drops a
 * page without saving it unless it knows that it is dirty.
 */
#ifndef SLAT_HOST_H
#define SLAT_HOST_H

#include "slots/memslots.h"

#define HOST_BASE	0x7f0000000000UL
#define HOST_MAX_ACTIVE	8

/* HOST_HINTED: as it was, but the next touch faults (NUMA balancing). */
enum host_pte { HOST_ABSENT, HOST_HINTED, HOST_RO, HOST_RW };

/**
 * struct host_page - one page of the address space
 * @pte: what the host's page table grants
 * @pfn: frame, when @pte is not HOST_ABSENT
 * @no_vma: nothing is mapped there: -EFAULT
 * @vma_readonly: writes: -EFAULT
 * @poisoned: the memory is lost: a signal, and -EAGAIN
 * @reads_shared: a read fault maps the page read-only (a zero or shared page)
 */
struct host_page {
	hva_t hva;
	enum host_pte pte;
	kvm_pfn_t pfn;
	bool no_vma;
	bool vma_readonly;
	bool poisoned;
	bool reads_shared;
	struct host_page *next;
};

/**
 * struct host_frame - a page frame
 * @mapped: the host's page table still leads here
 * @writable: and lets it be written
 * @dirty: marked dirty: the host saves it before it drops it
 * @kept: it does so anyhow, unless it cleans the page before
 * @unsaved: a guest wrote it since the host last saved it, or gave its contents up
 * @refs: references given out and not put
 */
struct host_frame {
	hva_t hva;
	bool mapped;
	bool writable;
	bool dirty;
	bool kept;
	bool unsaved;
	int refs;
};

enum host_change {
	HOST_UNMAP,		/* the page is gone; the next touch gets another */
	HOST_REPLACE,		/* another frame at once (migration, COW) */
	HOST_PROTECT,		/* the same frame, read-only */
	HOST_NOTHING,		/* notified, but nothing changed */
	HOST_CLEAN,		/* written back, and read-only to notice the next write */
	HOST_GIVE_UP,		/* MADV_FREE: clean and still writable; may be dropped */
	HOST_SWAP,		/* dropped, and saved before if the host knows it dirty */
	HOST_HINT,		/* kept, but the next touch faults */
	HOST_CHANGES,
};

/**
 * struct host_options - how nasty the host is; chances in 1024
 * @again: get_page() returns -EAGAIN
 * @interrupted: get_page() returns -EINTR
 * @shared: a new page is first mapped read-only
 * @slow: get_page() takes mmap_lock
 * @withhold: a page that is writable is given to a reader as not writable
 */
struct host_options {
	unsigned int again;
	unsigned int interrupted;
	unsigned int shared;
	unsigned int slow;
	unsigned int withhold;
};

extern struct host_options host_options;
/* Called in get_page() after the page was found and referenced. */
extern void (*host_get_hook)(hva_t hva);

void host_reset(struct slat_memslots *slots);
struct host_page *host_page(hva_t hva);
struct host_frame *host_frame(kvm_pfn_t pfn);
int host_get_page(void *ctx, struct slat_host_page *page);
void host_put_page(void *ctx, struct slat_host_page *page);
/* Of the pages that are there and writable; some are withheld, as @host_options say. */
unsigned int host_get_present(void *ctx, hva_t hva, unsigned int nr, kvm_pfn_t *pfns);
void host_put_present(void *ctx, const kvm_pfn_t *pfns, unsigned int nr);
u32 host_keep_dirty(void *ctx, const kvm_pfn_t *pfns, unsigned int nr);
void host_mark_dirty(void *ctx, kvm_pfn_t pfn);
/* A guest writes through a leaf. */
void host_written(kvm_pfn_t pfn);
/* The mmu_notifier sequence around one change of [@start, @start + @npages). */
void host_change(hva_t start, u64 npages, enum host_change change, bool may_block);
/* The halves of it, for tests that look in between. */
void host_change_begin(hva_t start, u64 npages, bool may_block);
void host_change_apply(hva_t start, u64 npages, enum host_change change);
void host_change_end(hva_t start, u64 npages);
/* Is @hva in a range between the return of begin() and the call of end()? */
bool host_is_blocked(hva_t hva);
/* Is @hva in a range between the call of begin() and the return of end()? */
bool host_is_changing(hva_t hva);
/* Scheduling point at which the oldest change in flight began, ~0 if none is. */
u64 host_changing_since(void);
/* Scheduling point of the last change that touched @hva, 0 never. */
u64 host_changed_at(hva_t hva);
/* How many get_page() of the running task failed, and how last. */
int host_last_error(void);
/* The page for which the running task got a signal since the last call, or 0. */
hva_t host_take_signal(void);
/* References given out and not put. */
long host_refs(void);

#endif
