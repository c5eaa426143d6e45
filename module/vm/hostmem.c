// SPDX-License-Identifier: GPL-2.0
/*
 * Host memory behind the slots: finding the page at an hva for a fault, and
 * following the owner's address space by an mmu_notifier. No page stays
 * pinned: the notifier takes mappings back before the host changes them.
 *
 * get_page() and put_page() are called by the fault path in process context,
 * inside a reader section, without spinlocks. The notifier's callbacks are
 * called under the host's locks and may be forbidden to sleep.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "mmu/zap.h"
#include "trace.h"
#include "vm.h"

static unsigned int host_flush(void *ctx)
{
	struct slat_vm *vm = ctx;

	return slat_vmx_vm_flush(&vm->vmx);
}

/*
 * A writable mapping is asked for first even on a read, where it costs nothing:
 * a page that the host lets us write at once saves the fault of the later write.
 */
static bool host_get_writable(hva_t hva, struct page **page)
{
	return get_user_pages_fast_only(hva, 1, FOLL_WRITE, page) == 1;
}

/*
 * As KVM's: what the host lost is told by a signal alone, and the entry that is
 * tried again ends with EINTR; a client that is told so, such as QEMU, raises a
 * machine check in the guest.  Whatever else the host says, the client's memory
 * is at fault.  So is device and other memory without a page behind it: its
 * lifetime and memory type are nobody's promise.
 */
static int host_error(hva_t hva, long error)
{
	switch (error) {
	case -EHWPOISON:
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, PAGE_SHIFT, current);
		return -EAGAIN;
	case -EINTR:
	case -ERESTARTSYS:
		return -EINTR;
	case -EAGAIN:
		return -EAGAIN;
	default:
		return -EFAULT;
	}
}

static int host_get_slow(const struct slat_host_page *want, struct page **page)
{
	unsigned int flags = FOLL_HWPOISON | SLAT_FOLL_INTERRUPTIBLE | SLAT_FOLL_HONOR_NUMA;
	long nr;

	if (want->write)
		flags |= FOLL_WRITE;
	nr = get_user_pages_unlocked(want->hva, 1, page, flags);
	return nr == 1 ? 0 : host_error(want->hva, nr);
}

static int host_get_page(void *ctx, struct slat_host_page *want)
{
	struct page *page, *writable;
	int err;

	want->writable = true;
	want->present = host_get_writable(want->hva, &page);
	if (!want->present) {
		err = host_get_slow(want, &page);
		if (err)
			return err;
		want->writable = want->write;
		if (!want->write && host_get_writable(want->hva, &writable)) {
			put_page(page);
			page = writable;
			want->writable = true;
		}
	}
	want->pfn = page_to_pfn(page);
	want->level = SLAT_LEVEL_4K;
	want->private = page;
	return 0;
}

static void host_put_page(void *ctx, struct slat_host_page *host)
{
	put_page(host->private);
}

static unsigned int host_get_present(void *ctx, hva_t hva, unsigned int nr,
				     kvm_pfn_t *pfns)
{
	struct page *pages[SLAT_AROUND_MAX];
	int found, i;

	found = get_user_pages_fast_only(hva, nr, FOLL_WRITE, pages);
	for (i = 0; i < found; i++)
		pfns[i] = page_to_pfn(pages[i]);
	return max(found, 0);
}

static void host_put_present(void *ctx, const kvm_pfn_t *pfns, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		put_page(pfn_to_page(pfns[i]));
}

/*
 * Memory that is dirty in the host's page tables alone, as anonymous memory is, counts:
 * it can't go before it is in the swap, nor a page of hugetlb at all. A clean copy of
 * the swap can, and so can what MADV_FREE gave up, which is swap backed no more (what the
 * host has not got round to telling apart yet is kept: that is all that a mark does).
 */
static bool folio_is_kept(struct folio *folio)
{
	return folio_test_dirty(folio) || folio_test_hugetlb(folio) ||
	       (folio_test_anon(folio) && folio_test_swapbacked(folio) &&
		!folio_test_swapcache(folio));
}

/*
 * The flag alone, as KVM: set_page_dirty() may want locks that sleep. It is enough, since
 * a page of a file whose writers the host traps is dirty, with all that belongs to it, as
 * long as the host's own mapping is writable; and that it still is, is known under the
 * mmu lock. Later writes by the guest need no more: before the host cleans a page it
 * takes the mapping back.
 */
static void page_mark_dirty(struct page *page)
{
	if (!PageReserved(page) && !PageDirty(page))
		SetPageDirty(page);
}

static void host_mark_dirty(void *ctx, kvm_pfn_t pfn)
{
	page_mark_dirty(pfn_to_page(pfn));
}

static u32 host_keep_dirty(void *ctx, const kvm_pfn_t *pfns, unsigned int nr)
{
	struct folio *folio = NULL;
	bool keep = false;
	unsigned int i;
	u32 kept = 0;

	/* Neighbours are often of one folio, and what is asked and marked is the folio's. */
	for (i = 0; i < nr; i++) {
		struct page *page = pfn_to_page(pfns[i]);

		if (page_folio(page) != folio) {
			folio = page_folio(page);
			keep = folio_is_kept(folio);
			if (keep)
				page_mark_dirty(page);
		}
		kept |= (u32)keep << i;
	}
	return kept;
}

const struct slat_mmu_ops slat_host_mmu_ops = {
	.flush = host_flush,
	.get_page = host_get_page,
	.put_page = host_put_page,
	.get_present = host_get_present,
	.put_present = host_put_present,
	.keep_dirty = host_keep_dirty,
	.mark_dirty = host_mark_dirty,
};

static struct slat_vm *notifier_to_vm(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct slat_vm, notifier);
}

static int host_invalidate_start(struct mmu_notifier *notifier,
				 const struct mmu_notifier_range *range)
{
	struct slat_vm *vm = notifier_to_vm(notifier);
	u64 began = trace_slat_notifier_start_enabled() ? slat_trace_now() : 0;
	bool may_block = mmu_notifier_range_blockable(range);
	bool mapped;

	mapped = slat_memslots_invalidate_begin(&vm->slots, range->start, range->end,
						may_block);
	if (trace_slat_notifier_start_enabled())
		trace_slat_notifier_start(slat_vm_id(vm), range->start, range->end,
					  may_block, mapped,
					  began ? slat_trace_now() - began : 0);
	return 0;
}

static void host_invalidate_end(struct mmu_notifier *notifier,
				const struct mmu_notifier_range *range)
{
	struct slat_vm *vm = notifier_to_vm(notifier);

	slat_memslots_invalidate_end(&vm->slots);
	trace_slat_notifier_end(slat_vm_id(vm), range->start, range->end);
}

static int host_clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			    unsigned long start, unsigned long end)
{
	return slat_memslots_age(&notifier_to_vm(notifier)->slots, start, end, true);
}

static int host_test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			   unsigned long address)
{
	return slat_memslots_age(&notifier_to_vm(notifier)->slots, address,
				 address + PAGE_SIZE, false);
}

/* The address space is going: no task of it runs any more, but files may live. */
static void host_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct slat_zap zap = { .why = SLAT_WHY_RELEASE, .may_yield = true };
	struct slat_vm *vm = notifier_to_vm(notifier);

	slat_vm_kill(vm);
	slat_mmu_zap_range(&vm->mmu, 0, SLAT_MAX_GFN, &zap);
	trace_slat_notifier_release(slat_vm_id(vm), zap.leafs);
}

static const struct mmu_notifier_ops host_notifier_ops = {
	.invalidate_range_start = host_invalidate_start,
	.invalidate_range_end = host_invalidate_end,
	.clear_flush_young = host_clear_young,
	.clear_young = host_clear_young,
	.test_young = host_test_young,
	.release = host_release,
};

int slat_host_attach(struct slat_vm *vm)
{
	vm->notifier.ops = &host_notifier_ops;
	return mmu_notifier_register(&vm->notifier, vm->mm);
}

void slat_host_detach(struct slat_vm *vm)
{
	mmu_notifier_unregister(&vm->notifier, vm->mm);
}
