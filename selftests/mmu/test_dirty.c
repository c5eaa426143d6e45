// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log, one call after the other: reports, both strategies, manual
 * clearing, errors. That nothing is lost or invented is the model's to say
 * (world_dirty.c).
 */
#include "world.h"

#define CPU(n)	(&world.vcpus[n])
#define LOG	KVM_MEM_LOG_DIRTY_PAGES
#define BASE	0x1f0
#define NPAGES	(1024 + 67)

static void begin(bool manual, bool set)
{
	struct world_options options = {
		.gen_bits = 39, .nr_slots = 8, .vcpus = 2,
		.manual_protect = manual, .initially_set = set,
	};

	world_begin(test_options.seed, NULL, &options);
}

static void write_some(unsigned int nr)
{
	while (nr--) {
		struct vcpu *vcpu = CPU(nr & 1);
		gfn_t gfn = BASE + sim_below(NPAGES);

		if (nr % 5 == 4)
			world_kernel_write(vcpu, gfn);
		else
			guest_must(vcpu, gfn, nr % 3 ? ACCESS_WRITE : ACCESS_READ,
				   TOUCH_RAM);
	}
}

static void test_rounds(void)
{
	unsigned int policy, i;

	for (policy = 0; policy < SLAT_NR_POLICIES; policy++) {
		begin(false, false);
		world.slots.policy = policy;
		world_must_set(0, BASE, NPAGES, hva_of(0), 0);
		write_some(300);
		/* What is mapped writable now must trap from here on. */
		world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
		for (i = 0; i < 12; i++) {
			world_get_dirty(0, false);
			write_some(i * 20);
			world_check();
		}
		world_get_dirty(0, false);
		world_must_set(0, BASE, NPAGES, hva_of(0), 0);
		CHECK_EQ(world_get_dirty(0, false), -ENOENT);
		write_some(50);
		/* A new log begins empty. */
		world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
		world_get_dirty(0, false);
		world_end();
	}
}

static u64 bits_of(u32 id)
{
	struct kvm_dirty_log log = { .slot = id };
	static unsigned long words[64];
	u64 i, nr = 0;

	memset(words, 0, sizeof(words));
	log.dirty_bitmap = words;
	CHECK_EQ(slat_memslots_get_dirty_log(&world.slots, &log, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(words); i++)
		nr += __builtin_popcountl(words[i]);
	return nr;
}

/* Each collection teaches the automatic policy what its strategy costs. */
static void test_learns(void)
{
	const u32 *visit = world.slots.costs.visit;
	gfn_t gfn;

	begin(false, false);
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	/* Many for one table, whatever other tables the slot has. */
	for (gfn = BASE; gfn < BASE + 150; gfn++)
		guest_must(CPU(0), gfn, ACCESS_WRITE, TOUCH_RAM);
	world_get_dirty(0, false);
	CHECK(visit[SLAT_WRPROT_SCAN] && !visit[SLAT_WRPROT_RMAP]);
	for (gfn = BASE; gfn < BASE + 20; gfn++)
		guest_must(CPU(0), gfn, ACCESS_WRITE, TOUCH_RAM);
	world_get_dirty(0, false);
	CHECK(visit[SLAT_WRPROT_RMAP]);
	world_end();
}

/* The same pages, whichever way they are protected; reads do not count. */
static void test_strategies(void)
{
	unsigned int policy, i;

	for (policy = 0; policy < SLAT_NR_POLICIES; policy++) {
		u64 protects;

		begin(false, false);
		world.slots.policy = policy;
		world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
		for (i = 0; i < NPAGES; i += 3)
			guest_must(CPU(i & 1), BASE + i, i % 2 ? ACCESS_WRITE : ACCESS_READ,
				   TOUCH_RAM);
		CHECK_EQ(bits_of(0), NPAGES / 6 + (NPAGES % 6 > 3));
		CHECK_EQ(bits_of(0), 0);
		/* The next write costs one fault, which asks no host. */
		for (i = 3; i < NPAGES; i += 6) {
			struct touch touch = guest_touch(CPU(0), BASE + i, ACCESS_WRITE);

			CHECK(touch.exits <= 2 && touch.exits >= 1);
		}
		protects = world_stats().wrprot_leafs;
		CHECK_EQ(protects, NPAGES / 6 + (NPAGES % 6 > 3));
		CHECK(world_stats().faults_write >= protects - 1);
		CHECK_EQ(bits_of(0), NPAGES / 6 + (NPAGES % 6 > 3));
		world_end();
	}
}

/* One page at a time, in each word of the bitmap: words are looked at in stretches. */
static void test_each_word(void)
{
	unsigned int manual, page;

	for (manual = 0; manual < 2; manual++) {
		begin(manual, false);
		world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
		for (page = 0; page < NPAGES; page += page % 64 ? 1 : 63) {
			guest_must(CPU(0), BASE + page, ACCESS_WRITE, TOUCH_RAM);
			CHECK_EQ(bits_of(0), 1);
			if (manual)
				CHECK_EQ(world_clear_dirty(0, page / 64 * 64,
							   min(64, NPAGES - page / 64 * 64),
							   ~0ULL), 0);
			CHECK_EQ(bits_of(0), 0);
		}
		world_end();
	}
}

static void test_copy_fails(void)
{
	begin(false, false);
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	write_some(60);
	CHECK_EQ(world_get_dirty(0, true), -EFAULT);
	write_some(10);
	CHECK_EQ(world_get_dirty(0, true), -EFAULT);
	/* Nothing is lost: the model checks. */
	CHECK_EQ(world_get_dirty(0, false), 0);
	CHECK_EQ(bits_of(0), 0);
	world_end();
}

static void test_errno(void)
{
	const struct { u32 id; u64 first, npages; int err; } clears[] = {
		{ 0, 0, NPAGES, 0 }, { 0, 64, 64, 0 }, { 0, 64, 0, 0 },
		{ 0, 1024, 67, 0 }, { 0, 1088, 3, 0 },
		{ 0, 1, 64, -EINVAL }, { 0, 32, 64, -EINVAL }, { 0, 64, 63, -EINVAL },
		{ 0, 0, NPAGES + 1, -EINVAL }, { 0, 1024, 64 + 64, -EINVAL },
		{ 0, 1152, 0, -EINVAL }, { 0, 1ULL << 40, 64, -EINVAL },
		{ 0, 64, ~0ULL - 63, -EINVAL }, { 0, ~0ULL - 63, 64, -EINVAL },
		{ 0, 0, ~0ULL - 1, -EINVAL },
		{ 1, 0, 64, -ENOENT }, { 2, 0, 64, -ENOENT }, { 1, 1, 64, -EINVAL }, { 8, 0, 64, -EINVAL },
		{ ~0U, 0, 64, -EINVAL },
	};
	unsigned int i;

	begin(true, false);
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	world_must_set(1, 0x10000, 8, hva_of(2000), 0);
	for (i = 0; i < ARRAY_SIZE(clears); i++)
		CHECK_EQ(world_clear_dirty(clears[i].id, clears[i].first,
					   clears[i].npages, ~0ULL), clears[i].err);
	CHECK_EQ(world_clear_dirty(0, 0, 64, 0), -EFAULT);
	CHECK_EQ(world_get_dirty(1, false), -ENOENT);
	CHECK_EQ(world_get_dirty(2, false), -ENOENT);
	CHECK_EQ(world_get_dirty(8, false), -EINVAL);
	CHECK_EQ(world_get_dirty(~0U, false), -EINVAL);
	world_end();
}

/* GET only looks, CLEAR takes: what is not cleared stays reported. */
static void test_manual(void)
{
	unsigned int set, i;

	for (set = 0; set < 2; set++) {
		begin(true, set);
		world_must_set(0, BASE, NPAGES, hva_of(0), 0);
		write_some(100);
		world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
		if (set)
			CHECK_EQ(bits_of(0), NPAGES);
		for (i = 0; i < 8; i++) {
			u64 bits;

			world.slots.policy = i % SLAT_NR_POLICIES;
			write_some(40);
			bits = bits_of(0);
			CHECK_EQ(bits_of(0), bits);
			CHECK_EQ(world_clear_dirty(0, 64, 128, ~0ULL), 0);
			world_get_dirty(0, false);
			CHECK_EQ(world_clear_dirty(0, 1024, 67, 0x5555555555555555), 0);
			world_get_dirty(0, false);
			if (i % 3 == 2) {
				CHECK_EQ(world_clear_dirty(0, 0, NPAGES, ~0ULL), 0);
				CHECK_EQ(bits_of(0), 0);
			}
			world_check();
		}
		world_end();
	}
}

static u64 rounds(bool scan)
{
	return scan ? world_stats().rounds_scan : world_stats().rounds_rmap;
}

/* A round on slot @id protects by a scan, or by rmap. */
static void round_must(u32 id, bool scan)
{
	u64 before = rounds(scan), other = rounds(!scan);

	CHECK_EQ(world_get_dirty(id, false), 0);
	CHECK_EQ(rounds(scan), before + 1);
	CHECK_EQ(rounds(!scan), other);
}

/*
 * The slot's policy, else the VM's, else the module's; it stays with the slot over
 * flags and moves, and ends with it.
 */
static void test_policies(void)
{
	begin(false, false);
	world.slots.config.policy = SLAT_POLICY_SCAN;
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	world_must_set(1, 0x10000, 70, hva_of(2000), LOG);
	round_must(0, true);
	world.slots.policy = SLAT_POLICY_RMAP;
	round_must(0, false);
	((struct slat_memslot *)world_slot(0))->state->policy = SLAT_POLICY_SCAN;
	round_must(0, true);
	round_must(1, false);
	world_must_set(0, BASE, NPAGES, hva_of(0), 0);
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	round_must(0, true);
	world_must_set(0, BASE + 7, NPAGES, hva_of(0), LOG);
	round_must(0, true);
	world_delete(0);
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	round_must(0, false);
	world.slots.policy = SLAT_POLICY_INHERIT;
	round_must(1, true);
	world_end();
}

/* A slot that moves keeps its log; one that is deleted and made anew does not. */
static void test_move(void)
{
	begin(false, false);
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	write_some(40);
	world_must_set(0, BASE + 7, NPAGES, hva_of(0), LOG);
	guest_must(CPU(0), BASE + 9, ACCESS_WRITE, TOUCH_RAM);
	world_get_dirty(0, false);
	CHECK_EQ(bits_of(0), 0);
	guest_must(CPU(0), BASE + 9, ACCESS_WRITE, TOUCH_RAM);
	world_delete(0);
	world_must_set(0, BASE, NPAGES, hva_of(0), LOG);
	CHECK_EQ(bits_of(0), 0);
	world_end();
}

/* Read-only memory of the host, or of the slot, never becomes writable so. */
static void test_readonly(void)
{
	begin(false, false);
	world_must_set(0, 0, 8, hva_of(0), LOG);
	world_must_set(1, 0x100, 8, hva_of(50), LOG | KVM_MEM_READONLY);
	host_page(hva_of(1))->reads_shared = true;
	host_page(hva_of(2))->vma_readonly = true;
	guest_must(CPU(0), 1, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(0), 2, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(0), 0x101, ACCESS_READ, TOUCH_RAM);
	guest_must(CPU(1), 2, ACCESS_WRITE, TOUCH_ERROR);
	guest_must(CPU(1), 0x101, ACCESS_WRITE, TOUCH_MMIO);
	CHECK_EQ(bits_of(0), 0);
	guest_must(CPU(1), 1, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(bits_of(0), 1);
	CHECK_EQ(bits_of(1), 0);
	/* Protected by the log, then by the host: the bit alone must not mend it. */
	host_change(hva_of(1), 1, HOST_PROTECT, true);
	guest_must(CPU(1), 1, ACCESS_WRITE, TOUCH_RAM);
	CHECK_EQ(bits_of(0), 1);
	world_end();
}

const struct test dirty_tests[] = {
	{ "dirty log: costs are learned", test_learns },
	{ "dirty log: every write is reported, none invented", test_rounds },
	{ "dirty log: both strategies report the same", test_strategies },
	{ "dirty log: one page in each word", test_each_word },
	{ "dirty log: nothing is lost when the copy fails", test_copy_fails },
	{ "dirty log: errno", test_errno },
	{ "dirty log: the client clears it", test_manual },
	{ "dirty log: a slot moves", test_move },
	{ "dirty log: the policy of slot, VM and module", test_policies },
	{ "dirty log: read-only memory", test_readonly },
	{ }
};
