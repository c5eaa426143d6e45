// SPDX-License-Identifier: GPL-2.0
/*
 * The core under real threads, for ThreadSanitizer: vCPUs that fault, a client
 * that changes slots and reads the dirty log, a host that changes pages, a
 * shrinker that reads the statistics too. What must hold is simple here; the
 * simulated machine (world.h) knows more, but it can't see a data race.
 */
#include "mmu/reclaim.h"
#include "mmu/verify.h"
#include "slots/dirty_log.h"
#include "slots/pagefault.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

#define VCPUS		3
#define SLOT_PAGES	600
#define HOST_PAGES	(4 * SLOT_PAGES)
#define HVA		0x7f0000000000UL
#define FIRST_PFN	0x1000
#define STEPS		test_runs(6000)

static struct slat_epochs epochs;
static struct slat_mmu mmu;
static struct slat_memslots slots;
static bool over;

/* The host's page table: frame = FIRST_PFN + page + version * HOST_PAGES. */
static pthread_mutex_t host_lock = PTHREAD_MUTEX_INITIALIZER;
static u64 host_version[HOST_PAGES];

static u64 page_of(kvm_pfn_t pfn)
{
	return (pfn - FIRST_PFN) % HOST_PAGES;
}

static int get_page(void *ctx, struct slat_host_page *page)
{
	u64 nr = (page->hva - HVA) / SLAT_PAGE_SIZE;

	(void)ctx;
	CHECK(nr < HOST_PAGES);
	pthread_mutex_lock(&host_lock);
	page->pfn = FIRST_PFN + nr + host_version[nr] * HOST_PAGES;
	pthread_mutex_unlock(&host_lock);
	page->level = SLAT_LEVEL_4K;
	page->writable = page->write || (page->hva >> 13 & 1);
	page->present = page->writable;
	sched_yield();
	return 0;
}

static void put_page(void *ctx, struct slat_host_page *page)
{
	(void)ctx;
	(void)page;
}

static unsigned int get_present(void *ctx, hva_t hva, unsigned int nr, kvm_pfn_t *pfns)
{
	struct slat_host_page page = { .hva = hva };
	unsigned int i;

	for (i = 0; i < nr; i++, page.hva += SLAT_PAGE_SIZE) {
		get_page(ctx, &page);
		if (!page.writable)
			break;
		pfns[i] = page.pfn;
	}
	return i;
}

static void put_present(void *ctx, const kvm_pfn_t *pfns, unsigned int nr)
{
	(void)ctx;
	(void)pfns;
	(void)nr;
}

static u32 keep_dirty(void *ctx, const kvm_pfn_t *pfns, unsigned int nr)
{
	(void)ctx;
	(void)pfns;
	(void)nr;
	return 0x55555555;
}

static void mark_dirty(void *ctx, kvm_pfn_t pfn)
{
	(void)ctx;
	(void)pfn;
}

static unsigned int flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct slat_mmu_ops ops = {
	.flush = flush, .get_page = get_page, .put_page = put_page,
	.get_present = get_present, .put_present = put_present,
	.keep_dirty = keep_dirty, .mark_dirty = mark_dirty,
};

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static int set_region(u32 id, gfn_t gfn, u64 npages, u64 page, u32 flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .flags = flags, .guest_phys_addr = gfn * SLAT_PAGE_SIZE,
		.memory_size = npages * SLAT_PAGE_SIZE,
		.userspace_addr = HVA + page * SLAT_PAGE_SIZE,
	};

	return slat_memslots_set_region(&slots, &region, NULL);
}

/* Slot 0 is always there; MMIO in it is a failure at any time. */
static void *vcpu_main(void *arg)
{
	unsigned int seed = (uintptr_t)arg * 77 + 1;
	struct slat_fault_context context = {};
	struct slat_reader reader = {};
	unsigned int i, steps = STEPS;

	slat_reader_register(&epochs, &reader);
	slat_fault_context_init(&context, &slots);
	for (i = 0; i < steps; i++) {
		unsigned int r = next_random(&seed);
		struct slat_fault fault = {
			.gpa = (u64)(r % (4 * SLOT_PAGES)) << 12,
			.write = r >> 12 & 1,
			.read = !(r >> 12 & 1),
			.present = r >> 13 & 1,
			.misconfig = !(r >> 14 & 7),
		};
		enum slat_fault_result result;

		slat_reader_enter(&epochs, &reader);
		result = slat_handle_fault(&context, &fault);
		if (fault.write && !(r >> 17 & 3))
			slat_memslots_mark_dirty(&slots, fault.gpa >> 12);
		CHECK(result != SLAT_FAULT_BROKEN && result != SLAT_FAULT_ERROR);
		CHECK(result != SLAT_FAULT_MMIO || fault.gpa >> 12 >= SLOT_PAGES);
		slat_reader_leave(&epochs, &reader);
	}
	slat_fault_context_destroy(&context);
	slat_reader_unregister(&epochs, &reader);
	return NULL;
}

struct range {
	u64 first;
	u64 end;
};

static bool gfn_is_outside(void *arg, gfn_t gfn, int level, u64 entry)
{
	const struct range *range = arg;

	(void)level;
	(void)entry;
	return gfn < range->first || gfn >= range->end;
}

static bool page_is_outside(void *arg, gfn_t gfn, int level, u64 entry)
{
	const struct range *range = arg;
	u64 page = page_of(ept_pfn(entry));

	(void)gfn;
	(void)level;
	return page < range->first || page >= range->end;
}

static void must_be(const char *broken)
{
	if (broken)
		FAIL("%s", broken);
}

static void *slots_main(void *arg)
{
	static unsigned long words[SLOT_PAGES / 64 + 1];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = words };
	unsigned int i = 0;

	(void)arg;
	while (!READ_ONCE(over)) {
		gfn_t gfn = (1 + i % 2) * SLOT_PAGES;
		struct range range = { gfn, gfn + SLOT_PAGES };

		CHECK_EQ(set_region(1, gfn, SLOT_PAGES, SLOT_PAGES, 0), 0);
		CHECK_EQ(set_region(1, gfn, SLOT_PAGES, SLOT_PAGES,
				    KVM_MEM_LOG_DIRTY_PAGES), 0);
		slots.policy = i % SLAT_NR_POLICIES;
		CHECK_EQ(slat_memslots_get_dirty_log(&slots, &log, NULL), 0);
		CHECK_EQ(set_region(1, gfn + SLOT_PAGES, SLOT_PAGES, SLOT_PAGES,
				    KVM_MEM_LOG_DIRTY_PAGES), 0);
		must_be(slat_mmu_verify(&mmu, gfn_is_outside, &range, NULL));
		CHECK_EQ(slat_memslots_get_dirty_log(&slots, &log, NULL), 0);
		CHECK_EQ(set_region(1, 0, 0, 0, 0), 0);
		range.first += SLOT_PAGES;
		range.end += SLOT_PAGES;
		must_be(slat_mmu_verify(&mmu, gfn_is_outside, &range, NULL));
		i++;
	}
	return NULL;
}

static void *host_main(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!READ_ONCE(over)) {
		u64 first = next_random(&seed) % (HOST_PAGES - 32);
		struct range range = { first, first + 1 + next_random(&seed) % 31 };
		hva_t start = HVA + range.first * SLAT_PAGE_SIZE;
		hva_t end = HVA + range.end * SLAT_PAGE_SIZE;
		u64 page;

		slat_memslots_invalidate_begin(&slots, start, end, first & 1);
		must_be(slat_mmu_verify(&mmu, page_is_outside, &range, NULL));
		pthread_mutex_lock(&host_lock);
		for (page = range.first; page < range.end; page++)
			host_version[page]++;
		pthread_mutex_unlock(&host_lock);
		slat_memslots_invalidate_end(&slots);
		slat_memslots_age(&slots, start, end, true);
		sched_yield();
	}
	return NULL;
}

/* Slot 0 is always there, and its counts only grow. */
static void slots_watch(u64 *least)
{
	struct slat_fault_counts sum;

	port_mutex_lock(&slots.lock);
	slat_fault_counts_sum(&slots, slat_memslots_find_id(&slots, 0), &sum);
	port_mutex_unlock(&slots.lock);
	CHECK(sum.nr[SLAT_SLOT_FAULT_RAM] >= *least);
	*least = sum.nr[SLAT_SLOT_FAULT_RAM];
}

static void *shrinker_main(void *arg)
{
	struct slat_mmu_stats stats;
	u64 faults = 0;

	(void)arg;
	while (!READ_ONCE(over)) {
		slat_mmu_reclaim(&mmu, 1, false);
		slat_mmu_reclaimable(&mmu);
		slat_mmu_reclaim(&mmu, 1, true);
		slat_mmu_stats_sum(&mmu, &stats);
		CHECK(stats.zapped_leafs <= stats.mapped_leafs);
		slots_watch(&faults);
		sched_yield();
	}
	return NULL;
}

static void test_threads(void)
{
	struct slat_mmu_config mmu_config = {
		.layout = { .gen_bits = 4, .guard = slat_mmio_guard(46) },
		.accessed_dirty = true,
		.around = 5,
	};
	struct slat_memslots_config config = { .nr_max = 8, .max_gfn = SLAT_MAX_GFN };
	pthread_t vcpus[VCPUS], others[3];
	unsigned long i;

	slat_epochs_init(&epochs);
	CHECK_EQ(slat_mmu_init(&mmu, &ops, NULL, &epochs, &mmu_config), 0);
	CHECK_EQ(slat_memslots_init(&slots, &mmu, &config), 0);
	CHECK_EQ(set_region(0, 0, SLOT_PAGES, 0, 0), 0);
	for (i = 0; i < VCPUS; i++)
		pthread_create(&vcpus[i], NULL, vcpu_main, (void *)i);
	pthread_create(&others[0], NULL, slots_main, NULL);
	pthread_create(&others[1], NULL, host_main, (void *)5);
	pthread_create(&others[2], NULL, shrinker_main, NULL);
	for (i = 0; i < VCPUS; i++)
		pthread_join(vcpus[i], NULL);
	WRITE_ONCE(over, true);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		pthread_join(others[i], NULL);
	must_be(slat_mmu_verify(&mmu, NULL, NULL, NULL));
	CHECK_EQ(slots.notify.in_progress, 0);
	slat_memslots_destroy(&slots);
	slat_mmu_destroy(&mmu);
	slat_epochs_destroy(&epochs);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "threads: faults, slots, dirty log, host and shrinker at a time",
		  test_threads },
		{ }
	};
	static const struct test *const suites[] = { tests, 0 };

	return test_main(argc, argv, suites);
}
