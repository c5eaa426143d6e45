// SPDX-License-Identifier: GPL-2.0
/*
 * The fake host's memory and its mmu_notifier events. See host.h.
 */
#include "host.h"
#include "machine.h"
#include "tap.h"

#include <stdlib.h>

#define HASH		64
#define FIRST_PFN	0x100000ULL
#define FIRST_BLOCK	1024

struct host_options host_options;
void (*host_get_hook)(hva_t hva);

static struct host_page *pages[HASH];
static struct host_frame *frames;
static u64 nr_frames, max_frames;
static struct slat_memslots *notified;
static port_mutex_t mmap_lock;
static long refs;
static int last_error[SIM_MAX_TASKS];
static hva_t signalled[SIM_MAX_TASKS];

static struct {
	hva_t start;
	hva_t end;
	bool used;
	bool zapped;
	u64 began_at;
} active[HOST_MAX_ACTIVE];

static struct {
	hva_t start;
	hva_t end;
	u64 at;
} changed[64];
static unsigned int nr_changed;

void host_reset(struct slat_memslots *slots)
{
	unsigned int i;

	for (i = 0; i < HASH; i++) {
		while (pages[i]) {
			struct host_page *page = pages[i];

			pages[i] = page->next;
			free(page);
		}
	}
	nr_frames = 0;
	refs = 0;
	nr_changed = 0;
	notified = slots;
	memset(active, 0, sizeof(active));
	memset(&host_options, 0, sizeof(host_options));
	memset(last_error, 0, sizeof(last_error));
	memset(signalled, 0, sizeof(signalled));
	host_get_hook = NULL;
	sim_lock_init(&mmap_lock.l, "mmap_lock", SIM_RANK_MMAP);
}

struct host_page *host_page(hva_t hva)
{
	unsigned int hash = (hva >> SLAT_PAGE_SHIFT) % HASH;
	struct host_page *page;

	for (page = pages[hash]; page; page = page->next) {
		if (page->hva == hva)
			return page;
	}
	page = calloc(1, sizeof(*page));
	page->hva = hva;
	page->reads_shared = host_options.shared &&
			     sim_chance(host_options.shared);
	page->next = pages[hash];
	pages[hash] = page;
	return page;
}

struct host_frame *host_frame(kvm_pfn_t pfn)
{
	if (pfn < FIRST_PFN || pfn - FIRST_PFN >= nr_frames)
		return NULL;
	return &frames[pfn - FIRST_PFN];
}

static kvm_pfn_t frame_new(hva_t hva, bool writable)
{
	if (nr_frames == max_frames) {
		max_frames = max_frames ? 2 * max_frames : FIRST_BLOCK;
		frames = realloc(frames, max_frames * sizeof(*frames));
	}
	frames[nr_frames] = (struct host_frame){
		.hva = hva, .mapped = true, .writable = writable,
	};
	return FIRST_PFN + nr_frames++;
}

struct forbidden {
	hva_t start;
	hva_t end;
};

static void leaf_must_not_map(u32 cpus, gfn_t gfn, u64 entry, void *arg)
{
	const struct forbidden *forbidden = arg;
	const struct host_frame *frame = host_frame(ept_pfn(entry));

	if (frame && frame->hva >= forbidden->start && frame->hva < forbidden->end)
		FAIL("invalidate_begin() has returned, but CPUs %x may still use "
		     "gfn %llx -> hva %lx (entry %llx)", cpus, gfn, frame->hva, entry);
}

void host_change_begin(hva_t start, u64 npages, bool may_block)
{
	struct forbidden range = { start, start + npages * SLAT_PAGE_SIZE };
	int i;

	for (i = 0; i < HOST_MAX_ACTIVE && active[i].used; i++)
		;
	if (i == HOST_MAX_ACTIVE)
		FAIL("too many host changes at a time");
	active[i].used = true;
	active[i].zapped = false;
	active[i].began_at = sim_step();
	active[i].start = range.start;
	active[i].end = range.end;
	sim_trace("invalidate_begin hva %llx, %llu pages", start, npages, 0, 0);
	if (!may_block)
		sim_atomic_begin();
	slat_memslots_invalidate_begin(notified, range.start, range.end, may_block);
	if (!may_block)
		sim_atomic_end();
	tlb_for_each(leaf_must_not_map, &range);
	active[i].zapped = true;
	sim_point();
}

/* What the host does to a page that it may want back as it was. */
static void page_change_state(struct host_page *page, struct host_frame *frame,
			      enum host_change change)
{
	if (frame->unsaved && !frame->dirty && !frame->kept && change != HOST_HINT &&
	    change != HOST_GIVE_UP)
		FAIL("hva %lx was written, and the host does not know: lost", page->hva);
	switch (change) {
	case HOST_HINT:
		page->pte = HOST_HINTED;
		frame->mapped = false;
		return;
	case HOST_CLEAN:
		if (page->pte == HOST_RW)
			page->pte = HOST_RO;
		frame->writable = false;
		break;
	case HOST_SWAP:
		page->pte = HOST_ABSENT;
		frame->mapped = false;
		frame->writable = false;
		break;
	default:
		break;
	}
	frame->dirty = false;
	frame->kept = false;
	frame->unsaved = false;
}

static void page_change(struct host_page *page, enum host_change change)
{
	struct host_frame *frame = host_frame(page->pfn);

	if (page->pte == HOST_ABSENT || change == HOST_NOTHING)
		return;
	if (change >= HOST_CLEAN) {
		page_change_state(page, frame, change);
		return;
	}
	if (change == HOST_PROTECT) {
		page->pte = HOST_RO;
		frame->mapped = true;
		frame->writable = false;
		return;
	}
	frame->mapped = false;
	frame->writable = false;
	page->pte = HOST_ABSENT;
	if (change == HOST_REPLACE) {
		page->pte = HOST_RW;
		page->pfn = frame_new(page->hva, true);
		host_frame(page->pfn)->kept = true;
	}
}

void host_change_apply(hva_t start, u64 npages, enum host_change change)
{
	hva_t end = start + npages * SLAT_PAGE_SIZE;
	unsigned int i;

	for (i = 0; i < HASH; i++) {
		struct host_page *page;

		for (page = pages[i]; page; page = page->next) {
			if (page->hva >= start && page->hva < end)
				page_change(page, change);
		}
	}
}

void host_change_end(hva_t start, u64 npages)
{
	hva_t end = start + npages * SLAT_PAGE_SIZE;
	int i;

	for (i = 0; i < HOST_MAX_ACTIVE; i++) {
		if (active[i].used && active[i].zapped &&
		    active[i].start == start && active[i].end == end)
			break;
	}
	if (i == HOST_MAX_ACTIVE)
		FAIL("the end of a host change without its begin");
	active[i].zapped = false;
	sim_trace("invalidate_end hva %llx, %llu pages", start, npages, 0, 0);
	slat_memslots_invalidate_end(notified);
	active[i].used = false;
	i = nr_changed++ % ARRAY_SIZE(changed);
	changed[i].start = start;
	changed[i].end = end;
	changed[i].at = sim_step();
}

void host_change(hva_t start, u64 npages, enum host_change change, bool may_block)
{
	host_change_begin(start, npages, may_block);
	host_change_apply(start, npages, change);
	sim_point();
	host_change_end(start, npages);
}

bool host_is_blocked(hva_t hva)
{
	int i;

	for (i = 0; i < HOST_MAX_ACTIVE; i++) {
		if (active[i].used && active[i].zapped &&
		    hva >= active[i].start && hva < active[i].end)
			return true;
	}
	return false;
}

bool host_is_changing(hva_t hva)
{
	int i;

	for (i = 0; i < HOST_MAX_ACTIVE; i++) {
		if (active[i].used && hva >= active[i].start && hva < active[i].end)
			return true;
	}
	return false;
}

u64 host_changing_since(void)
{
	u64 since = ~0ULL;
	int i;

	for (i = 0; i < HOST_MAX_ACTIVE; i++) {
		if (active[i].used)
			since = min(since, active[i].began_at);
	}
	return since;
}

u64 host_changed_at(hva_t hva)
{
	unsigned int i;
	u64 at = 0;

	for (i = 0; i < ARRAY_SIZE(changed) && i < nr_changed; i++) {
		if (hva >= changed[i].start && hva < changed[i].end)
			at = max(at, changed[i].at);
	}
	return at;
}

int host_last_error(void)
{
	return last_error[sim_self()];
}

hva_t host_take_signal(void)
{
	hva_t hva = signalled[sim_self()];

	signalled[sim_self()] = 0;
	return hva;
}

long host_refs(void)
{
	return refs;
}

/* What the host's own fault handler does. May notify us itself (COW). */
static int host_fault(struct host_page *page, bool write)
{
	if (page->no_vma)
		return -EFAULT;
	if (page->poisoned) {
		signalled[sim_self()] = page->hva;
		return -EAGAIN;
	}
	if (write && page->vma_readonly)
		return -EFAULT;
	if (host_is_blocked(page->hva) && page->pte <= HOST_HINTED)
		return -EAGAIN;
	if (page->pte == HOST_HINTED) {
		struct host_frame *frame = host_frame(page->pfn);

		frame->mapped = true;
		page->pte = frame->writable ? HOST_RW : HOST_RO;
	}
	if (page->pte == HOST_ABSENT) {
		bool rw = !page->vma_readonly && (write || !page->reads_shared);

		page->pfn = frame_new(page->hva, rw);
		page->pte = rw ? HOST_RW : HOST_RO;
		host_frame(page->pfn)->kept = write;
	} else if (write && page->pte == HOST_RO) {
		host_change(page->hva, 1, HOST_REPLACE, true);
	}
	return 0;
}

static int get_error(const struct slat_host_page *page)
{
	sim_might_sleep("get_page");
	if (page->hva & (SLAT_PAGE_SIZE - 1))
		FAIL("get_page of an unaligned hva %lx", page->hva);
	if (host_options.again && sim_chance(host_options.again))
		return -EAGAIN;
	if (host_options.interrupted && sim_chance(host_options.interrupted))
		return -EINTR;
	return 0;
}

static void frame_get(kvm_pfn_t pfn)
{
	host_frame(pfn)->refs++;
	refs++;
}

static void frame_put(kvm_pfn_t pfn)
{
	struct host_frame *frame = host_frame(pfn);

	if (!frame || frame->refs <= 0)
		FAIL("a page is put that was not got, pfn %llx", pfn);
	frame->refs--;
	refs--;
}

static struct host_frame *frame_held(kvm_pfn_t pfn)
{
	struct host_frame *frame = host_frame(pfn);

	sim_assert_held(&notified->mmu->lock.l, false);
	if (!frame || frame->refs <= 0)
		FAIL("asked of a page that is not held, pfn %llx", pfn);
	return frame;
}

/* Under the lock a page is what it was when the slots were asked: mapped and writable. */
void host_mark_dirty(void *ctx, kvm_pfn_t pfn)
{
	struct host_frame *frame = frame_held(pfn);

	(void)ctx;
	if (!frame->mapped || !frame->writable || host_is_blocked(frame->hva))
		FAIL("hva %lx is marked dirty after the host has cleaned it", frame->hva);
	sim_trace("mark_dirty pfn %llx, was %llu", pfn, frame->dirty, 0, 0);
	frame->dirty = true;
}

u32 host_keep_dirty(void *ctx, const kvm_pfn_t *pfns, unsigned int nr)
{
	unsigned int i;
	u32 kept = 0;

	for (i = 0; i < nr; i++) {
		if (!frame_held(pfns[i])->dirty && !host_frame(pfns[i])->kept)
			continue;
		host_mark_dirty(ctx, pfns[i]);
		kept |= 1u << i;
	}
	return kept;
}

void host_written(kvm_pfn_t pfn)
{
	host_frame(pfn)->unsaved = true;
}

int host_get_page(void *ctx, struct slat_host_page *page)
{
	struct host_page *host = host_page(page->hva);
	bool slow = host_options.slow && sim_chance(host_options.slow);
	int err = get_error(page);

	(void)ctx;
	if (slow)
		port_mutex_lock(&mmap_lock);
	sim_point();
	page->level = SLAT_LEVEL_4K;
	page->present = host->pte == HOST_RW;
	if (!err)
		err = host_fault(host, page->write);
	/* The page may have gone while the host's fault slept. */
	if (!err && (host->pte <= HOST_HINTED ||
		     (page->write && host->pte != HOST_RW)))
		err = -EAGAIN;
	if (!err) {
		frame_get(host->pfn);
		page->pfn = host->pfn;
		page->writable = host->pte == HOST_RW &&
				 (page->write || !host_options.withhold ||
				  !sim_chance(host_options.withhold));
		page->private = host;
	}
	if (slow)
		port_mutex_unlock(&mmap_lock);
	last_error[sim_self()] = err;
	sim_trace("get_page hva %llx, write %llu: error %llu, pfn %llx", page->hva,
		  page->write, -err, err ? 0 : page->pfn);
	if (!err && host_get_hook)
		host_get_hook(page->hva);
	sim_point();
	return err;
}

void host_put_page(void *ctx, struct slat_host_page *page)
{
	(void)ctx;
	frame_put(page->pfn);
	sim_point();
}

unsigned int host_get_present(void *ctx, hva_t hva, unsigned int nr, kvm_pfn_t *pfns)
{
	unsigned int found;

	(void)ctx;
	if (hva & (SLAT_PAGE_SIZE - 1) || !nr || nr > SLAT_AROUND_MAX)
		FAIL("get_present of %u pages at %lx", nr, hva);
	sim_point();
	for (found = 0; found < nr; found++) {
		struct host_page *page = host_page(hva + found * SLAT_PAGE_SIZE);

		if (page->pte != HOST_RW ||
		    (host_options.withhold && sim_chance(host_options.withhold)))
			break;
		frame_get(page->pfn);
		pfns[found] = page->pfn;
	}
	sim_trace("get_present hva %llx, %llu pages: %llu", hva, nr, found, 0);
	sim_point();
	return found;
}

void host_put_present(void *ctx, const kvm_pfn_t *pfns, unsigned int nr)
{
	unsigned int i;

	(void)ctx;
	for (i = 0; i < nr; i++)
		frame_put(pfns[i]);
	sim_point();
}
