// SPDX-License-Identifier: GPL-2.0
/*
 * SLAT_QUERY_GPA against what an access then really meets: each reason step by
 * step, and the answers of random VMs against accesses. Refused queries and what
 * a refused slot change says of itself.
 */
#include "slots/gpa_query.h"
#include "world.h"

#include <string.h>

#define CPU(n)	(&world.vcpus[n])
#define LOG	KVM_MEM_LOG_DIRTY_PAGES

static const u32 accesses[] = {
	[ACCESS_READ] = SLAT_GPA_READ, [ACCESS_WRITE] = SLAT_GPA_WRITE,
	[ACCESS_EXEC] = SLAT_GPA_EXEC,
};

static struct slat_gpa_query ask(gfn_t gfn, enum access access)
{
	struct slat_gpa_query query = {
		.gpa = gfn << SLAT_PAGE_SHIFT | 0x123, .access = accesses[access],
	};

	vcpu_enter(CPU(3));
	CHECK_EQ(slat_memslots_query_gpa(&world.slots, &query, NULL), 0);
	vcpu_leave(CPU(3));
	return query;
}

static void must_say(gfn_t gfn, enum access access, enum slat_gpa_reason reason)
{
	struct slat_gpa_query query = ask(gfn, access);

	if (query.reason != reason)
		FAIL("gfn %llx, access %d: reason %u, expected %d", gfn, access, query.reason,
		     reason);
}

static void begin(void)
{
	struct world_options options = {
		.gen_bits = 39, .nr_slots = 8, .vcpus = 4, .accessed_dirty = true,
	};

	world_begin(test_options.seed, NULL, &options);
}

static void test_reasons(void)
{
	struct slat_gpa_query q;

	begin();
	must_say(3, ACCESS_READ, SLAT_GPA_NO_SLOT);
	guest_must(CPU(0), 3, ACCESS_READ, TOUCH_MMIO);
	must_say(3, ACCESS_WRITE, SLAT_GPA_MMIO);
	world_must_set(0, 0x200, 8, hva_of(0), 0);
	must_say(3, ACCESS_READ, SLAT_GPA_MMIO_STALE);
	q = ask(3, ACCESS_READ);
	CHECK_EQ(q.state, SLAT_GPA_STATE_MMIO);
	CHECK_EQ(q.slot, SLAT_NO_SLOT);
	CHECK_EQ(q.entry_generation, 0);
	CHECK_EQ(q.generation, 1);
	CHECK_EQ(q.level, 1);

	must_say(0x201, ACCESS_WRITE, SLAT_GPA_UNMAPPED);
	CHECK_EQ(ask(0x201, ACCESS_WRITE).level, 2);
	CHECK_EQ(ask(1ULL << 35, ACCESS_WRITE).level, 4);
	guest_must(CPU(0), 0x201, ACCESS_WRITE, TOUCH_RAM);
	must_say(0x201, ACCESS_READ, SLAT_GPA_NO_EXIT);
	must_say(0x201, ACCESS_WRITE, SLAT_GPA_NO_EXIT);
	must_say(0x201, ACCESS_EXEC, SLAT_GPA_NO_EXIT);
	q = ask(0x201, ACCESS_READ);
	CHECK_EQ(q.slot, 0);
	CHECK_EQ(q.hva, hva_of(1) + 0x123);
	CHECK_EQ(q.rights, SLAT_GPA_READ | SLAT_GPA_WRITE | SLAT_GPA_EXEC);
	CHECK(q.state & SLAT_GPA_STATE_PRESENT && q.state & SLAT_GPA_STATE_SLOT);

	world_must_set(0, 0x200, 8, hva_of(0), LOG);
	must_say(0x201, ACCESS_WRITE, SLAT_GPA_LOGGED);
	must_say(0x201, ACCESS_READ, SLAT_GPA_NO_EXIT);
	CHECK(!(ask(0x201, ACCESS_WRITE).state & SLAT_GPA_STATE_DIRTY_BIT));
	guest_must(CPU(0), 0x201, ACCESS_WRITE, TOUCH_RAM);
	CHECK(ask(0x201, ACCESS_WRITE).state & SLAT_GPA_STATE_DIRTY_BIT);
	must_say(0x201, ACCESS_WRITE, SLAT_GPA_NO_EXIT);
	world_end();
}

static void test_readonly(void)
{
	begin();
	world_must_set(0, 0, 8, hva_of(0), 0);
	world_must_set(1, 0x10, 8, hva_of(8), KVM_MEM_READONLY);
	must_say(0x10, ACCESS_WRITE, SLAT_GPA_READONLY);
	must_say(0x10, ACCESS_READ, SLAT_GPA_UNMAPPED);
	guest_must(CPU(0), 0x10, ACCESS_READ, TOUCH_RAM);
	must_say(0x10, ACCESS_WRITE, SLAT_GPA_READONLY);
	must_say(0x10, ACCESS_EXEC, SLAT_GPA_NO_EXIT);
	host_page(hva_of(2))->reads_shared = true;
	guest_must(CPU(0), 2, ACCESS_READ, TOUCH_RAM);
	must_say(2, ACCESS_WRITE, SLAT_GPA_HOST_READONLY);
	guest_must(CPU(0), 2, ACCESS_WRITE, TOUCH_RAM);
	must_say(2, ACCESS_WRITE, SLAT_GPA_NO_EXIT);
	world_end();
}

static void test_host_changes(void)
{
	begin();
	world_must_set(0, 0, 8, hva_of(0), 0);
	guest_must(CPU(0), 2, ACCESS_READ, TOUCH_RAM);
	host_change_begin(hva_of(2), 1, true);
	must_say(1, ACCESS_READ, SLAT_GPA_UNMAPPED);
	must_say(2, ACCESS_READ, SLAT_GPA_NOTIFIER);
	must_say(3, ACCESS_READ, SLAT_GPA_UNMAPPED);
	host_change_apply(hva_of(2), 1, HOST_UNMAP);
	host_change_end(hva_of(2), 1);
	must_say(2, ACCESS_READ, SLAT_GPA_UNMAPPED);
	world_end();
}

static void delete_0(void *arg)
{
	(void)arg;
	world_delete(0);
}

/* DELETE waits for a reader: the slot is still there, but no fault may map it. */
static void test_in_flux(void)
{
	struct slat_gpa_query query;
	int task;

	begin();
	world_must_set(0, 0, 8, hva_of(0), 0);
	guest_must(CPU(0), 2, ACCESS_READ, TOUCH_RAM);
	vcpu_enter(CPU(1));
	task = sim_spawn("delete", delete_0, NULL);
	CHECK(!sim_run(task));
	query = ask(2, ACCESS_READ);
	CHECK_EQ(query.reason, SLAT_GPA_IN_FLUX);
	CHECK(query.state & SLAT_GPA_STATE_FLUX && query.state & SLAT_GPA_STATE_SLOT_INVALID);
	CHECK_EQ(query.slot, 0);
	CHECK_EQ(query.generation, 1);
	vcpu_leave(CPU(1));
	CHECK(sim_run(task));
	must_say(2, ACCESS_READ, SLAT_GPA_NO_SLOT);
	world_end();
}

static void test_refused(void)
{
	static const struct {
		struct slat_gpa_query query;
		u32 check;
	} bad[] = {
		{ { .access = 0 }, SLAT_CHECK_ACCESS },
		{ { .access = 3 }, SLAT_CHECK_ACCESS },
		{ { .access = 8 }, SLAT_CHECK_ACCESS },
		{ { .access = 1, .flags = 1 }, SLAT_CHECK_FLAGS },
		{ { .access = 1, .flags = 1U << 31 }, SLAT_CHECK_FLAGS },
		{ { .access = 1, .pad = 1 }, SLAT_CHECK_RESERVED },
		{ { .access = 1, .reserved = { 1 } }, SLAT_CHECK_RESERVED },
		{ { .access = 1, .reserved = { 0, 0, 0, 1ULL << 63 } }, SLAT_CHECK_RESERVED },
		{ { .access = 1, .gpa = 1ULL << 48 }, SLAT_CHECK_ADDRESS },
		{ { .access = 1, .gpa = ~0ULL }, SLAT_CHECK_ADDRESS },
	};
	struct slat_gpa_query query;
	unsigned int i;

	begin();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct slat_reject why = SLAT_REJECT_INIT;

		query = bad[i].query;
		CHECK_EQ(slat_memslots_query_gpa(&world.slots, &query, &why), -EINVAL);
		CHECK_EQ(why.check, bad[i].check);
		CHECK(!memcmp(&query, &bad[i].query, sizeof(query)));
	}
	world_end();
}

/* What was said must be what an access of a CPU without stale translations meets. */
static void answer_check(const struct slat_gpa_query *query, const struct touch *touch,
			 enum access access)
{
	switch (query->reason) {
	case SLAT_GPA_NO_EXIT:
		CHECK_EQ(touch->exits, 0);
		CHECK(touch->result == TOUCH_RAM);
		break;
	case SLAT_GPA_UNMAPPED:
	case SLAT_GPA_LOGGED:
	case SLAT_GPA_HOST_READONLY:
		CHECK(touch->exits > 0 && touch->result == TOUCH_RAM);
		break;
	case SLAT_GPA_NO_SLOT:
	case SLAT_GPA_MMIO:
		CHECK(touch->exits > 0 && touch->result == TOUCH_MMIO);
		break;
	case SLAT_GPA_READONLY:
		CHECK(access == ACCESS_WRITE && touch->result == TOUCH_MMIO);
		break;
	case SLAT_GPA_MMIO_STALE:
		CHECK(touch->exits > 0);
		CHECK(touch->result == TOUCH_RAM || touch->result == TOUCH_MMIO);
		break;
	default:
		FAIL("nothing changes, but the reason is %u", query->reason);
	}
}

static void change_something(void)
{
	static const u32 flags[] = { 0, LOG, KVM_MEM_READONLY, 0 };
	u32 id = sim_below(3);

	switch (sim_below(6)) {
	case 0:
		world_set_region(id, sim_below(40), 4 + sim_below(20), hva_of(id * 64),
				 flags[sim_below(4)]);
		break;
	case 1:
		world_set_region(id, 0, 0, 0, 0);
		break;
	case 2:
		world_get_dirty(id, false);
		break;
	case 3:
		host_change(hva_of(id * 64 + sim_below(24)), 1 + sim_below(3),
			    sim_below(HOST_CHANGES), true);
		break;
	case 4:
		host_page(hva_of(id * 64 + sim_below(24)))->reads_shared = sim_below(2);
		break;
	default:
		world_reclaim(1, true);
		break;
	}
}

static void test_answers(void)
{
	unsigned int i, seen[SLAT_GPA_BROKEN + 1] = {};

	begin();
	for (i = 0; i < 6000; i++) {
		gfn_t gfn = sim_below(64);
		enum access access = sim_below(3);
		struct slat_gpa_query query;
		struct touch touch;

		if (i % 4 == 0)
			change_something();
		query = ask(gfn, access);
		seen[query.reason]++;
		/* A CPU may hold fewer rights than the entry grants now. */
		tlb_flush((1U << WORLD_VCPUS) - 1);
		touch = guest_touch(CPU(0), gfn, access);
		answer_check(&query, &touch, access);
	}
	for (i = 0; i <= SLAT_GPA_HOST_READONLY; i++)
		CHECK(seen[i] > 0);
	world_end();
}

/* The check that fails is the one that is told, with what it compared. */
static void test_region_reasons(void)
{
	static const struct {
		struct kvm_userspace_memory_region r;
		u32 check;
		u64 value, limit;
	} bad[] = {
		{ { 1, 4, 0, 0x1000, 0 }, SLAT_CHECK_FLAGS, 4, 3 },
		{ { 1, 0, 0x10000, 0x1800, 0 }, SLAT_CHECK_SIZE_ALIGN, 0x1800, 0x1000 },
		{ { 1, 0, 0x10001, 0x1000, 0 }, SLAT_CHECK_GPA_ALIGN, 0x10001, 0x1000 },
		{ { 1, 0, 0x10000, 0x1000, 8 }, SLAT_CHECK_HVA_ALIGN, 8, 0x1000 },
		{ { 1, 0, 0, 0x1000, 1ULL << 63 }, SLAT_CHECK_HVA_RANGE, 1ULL << 63, 0x1000 },
		{ { 8, 0, 0x10000, 0x1000, 0 }, SLAT_CHECK_SLOT_ID, 8, 7 },
		{ { 1, 0, -0x1000ULL, 0x2000, 0 }, SLAT_CHECK_GPA_WRAP, -0x1000ULL, 0x2000 },
		{ { 1, 0, 0, 1ULL << 43, 0 }, SLAT_CHECK_SLOT_SIZE, 1ULL << 43, 0x7fffffff000 },
		{ { 1, 0, 0x10000, 0, 0 }, SLAT_CHECK_NO_SLOT, 1, 0 },
		{ { 0, 0, 0, 0x9000, HOST_BASE }, SLAT_CHECK_SIZE_CHANGED, 0x9000, 0x8000 },
		{ { 0, 0, 0, 0x8000, HOST_BASE + 0x1000 }, SLAT_CHECK_HVA_CHANGED,
		  HOST_BASE + 0x1000, HOST_BASE },
		{ { 0, KVM_MEM_READONLY, 0, 0x8000, HOST_BASE }, SLAT_CHECK_READONLY_CHANGED,
		  KVM_MEM_READONLY, 0 },
		{ { 1, 0, 0x7000, 0x8000, 0 }, SLAT_CHECK_OVERLAP, 0x7000, 0x8000 },
	};
	unsigned int i;

	begin();
	world_must_set(0, 0, 8, hva_of(0), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct slat_reject why = SLAT_REJECT_INIT;

		CHECK(slat_memslots_set_region(&world.slots, &bad[i].r, &why) < 0);
		CHECK_EQ(why.check, bad[i].check);
		CHECK_EQ(why.value, bad[i].value);
		CHECK_EQ(why.limit, bad[i].limit);
		CHECK_EQ(why.slot, bad[i].r.slot);
	}
	world_end();
}

struct seen {
	u64 leafs;
	u64 mmio;
	u64 tables;
	gfn_t next;
};

static void see(struct slat_visit *v, gfn_t gfn, int level, u64 entry)
{
	struct seen *seen = v->arg;

	CHECK(gfn >= seen->next && gfn < v->end);
	if (ept_is_table(entry, level)) {
		seen->tables++;
		seen->next = gfn;
		return;
	}
	seen->next = gfn + slat_level_pages(level);
	if (ept_is_leaf(entry, level))
		seen->leafs++;
	else
		seen->mmio++;
}

static struct seen visit(gfn_t start, gfn_t end)
{
	struct seen seen = { .next = start };
	struct slat_visit v = { .end = end, .visit = see, .arg = &seen };
	unsigned int slices = 0;
	gfn_t gfn = start;

	while (gfn < end) {
		gfn_t next;

		vcpu_enter(CPU(3));
		next = slat_mmu_visit(&world.mmu, gfn, &v);
		vcpu_leave(CPU(3));
		CHECK(next > gfn || next >= v.end);
		gfn = next;
		if (gfn >= v.end)
			break;
		CHECK(++slices < 1000);
	}
	return seen;
}

static u64 times(const struct slat_hist *hist)
{
	unsigned int i;
	u64 nr = 0;

	for (i = 0; i < SLAT_HIST_BUCKETS; i++)
		nr += hist->bucket[i];
	return nr;
}

/* Slices together see each entry once, whatever the range. */
static void test_visit(void)
{
	struct slat_verify_report report;
	unsigned int i;

	begin();
	world_must_set(0, 0x1f0, 3000, hva_of(0), 0);
	world_must_set(1, 0x3fff0, 64, hva_of(4000), 0);
	for (i = 0; i < 1500; i++)
		guest_must(CPU(0), 0x1f0 + sim_below(3000), ACCESS_WRITE, TOUCH_RAM);
	for (i = 0; i < 64; i++)
		guest_must(CPU(0), 0x3fff0 + i, ACCESS_READ, TOUCH_RAM);
	for (i = 0; i < 40; i++)
		guest_must(CPU(0), sim_below(0x1f0), ACCESS_READ, TOUCH_MMIO);
	CHECK(!slat_mmu_verify(&world.mmu, NULL, NULL, &report));
	CHECK_EQ(visit(0, SLAT_MAX_GFN).leafs, report.leafs);
	CHECK_EQ(visit(0, SLAT_MAX_GFN).mmio, report.mmio);
	CHECK_EQ(visit(0, SLAT_MAX_GFN).tables, report.tables - 1);
	for (i = 0; i < 100; i++) {
		gfn_t start = sim_below(3600), end = start + sim_below(1 + 3600);

		CHECK_EQ(visit(start, end).leafs, world_leafs(start, end));
	}
	/* One zap, two sections of write protection, and all of them held the lock. */
	world_must_set(1, 0x3fff0, 64, hva_of(4000), LOG);
	CHECK_EQ(world_get_dirty(1, false), 0);
	host_change(hva_of(0), 1, HOST_NOTHING, true);
	CHECK_EQ(times(&world.mmu.zap), 1);
	CHECK_EQ(times(&world.mmu.hold), 3);
	CHECK_EQ(times(&world.slots.changes), 3);
	CHECK_EQ(visit(0x3fff0, 0x3fff0 + 64).leafs, 64);
	CHECK_EQ(visit(SLAT_MAX_GFN - 1, ~0ULL).leafs, 0);
	world_end();
}

static struct slat_slot_state *state_of(u32 id)
{
	return world_slot(id)->state;
}

static u64 faults(u32 id, enum slat_slot_fault what)
{
	return world_slot_faults(id).nr[what];
}

static u64 zapped(u32 id)
{
	return atomic64_read(&state_of(id)->zapped);
}

/* What a slot counts, over changes of its flags and moves, until it is deleted. */
static void test_counts(void)
{
	unsigned int i;

	begin();
	world_must_set(0, 0, 64, hva_of(0), 0);
	world_must_set(1, 0x400, 64, hva_of(100), 0);
	for (i = 0; i < 20; i++)
		guest_must(CPU(0), i, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(faults(0, SLAT_SLOT_FAULT_RAM), 20);
	CHECK_EQ(faults(1, SLAT_SLOT_FAULT_RAM), 0);
	host_change(hva_of(3), 4, HOST_UNMAP, true);
	CHECK_EQ(zapped(0), 4);
	CHECK_EQ(zapped(1), 0);
	world_must_set(0, 0, 64, hva_of(0), LOG);
	CHECK_EQ(state_of(0)->wrprot_leafs, 16);
	for (i = 10; i < 15; i++)
		guest_must(CPU(0), i, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(faults(0, SLAT_SLOT_FAULT_WRITE), 5);
	/* Not told, not counted. */
	CHECK_EQ(world_get_dirty(0, true), -EFAULT);
	CHECK_EQ(state_of(0)->dirty_reported, 0);
	CHECK_EQ(world_get_dirty(0, false), 0);
	CHECK_EQ(state_of(0)->dirty_reported, 5);
	CHECK_EQ(state_of(0)->wrprot_leafs, 21);
	CHECK_EQ(state_of(0)->rounds[SLAT_WRPROT_RMAP] +
		 state_of(0)->rounds[SLAT_WRPROT_SCAN], 2);
	CHECK_EQ(state_of(1)->rounds[SLAT_WRPROT_SCAN], 0);
	world_must_set(0, 0x80, 64, hva_of(0), 0);
	CHECK_EQ(zapped(0), 20);
	CHECK_EQ(faults(0, SLAT_SLOT_FAULT_RAM), 20);
	guest_must(CPU(0), 0x80, ACCESS_WRITE, TOUCH_RAM);
	host_change(hva_of(0), 1, HOST_UNMAP, true);
	CHECK_EQ(zapped(0), 21);
	world_delete(0);
	world_must_set(0, 0, 64, hva_of(0), 0);
	CHECK_EQ(faults(0, SLAT_SLOT_FAULT_RAM), 0);
	CHECK_EQ(zapped(0), 0);
	world_end();
}

const struct test query_tests[] = {
	{ "query: slices see every entry once", test_visit },
	{ "slot: what it counts", test_counts },
	{ "query: each reason in turn", test_reasons },
	{ "query: what cannot be written", test_readonly },
	{ "query: the host changes the memory behind", test_host_changes },
	{ "query: a slot that goes", test_in_flux },
	{ "query: refused", test_refused },
	{ "query: an access meets what was said", test_answers },
	{ "query: a refused slot change is explained", test_region_reasons },
	{ }
};
