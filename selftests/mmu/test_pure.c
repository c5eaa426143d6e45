// SPDX-License-Identifier: GPL-2.0
/*
 * The pure headers: MMIO entries and their generations, EPT entries, the rule
 * of flushing, the choice of a strategy. Against definitions written anew.
 */
#include "mmu/hist.h"
#include "mmu/policy.h"
#include "world.h"

/* The address bits that a processor with 46 of them has not. */
#define RESERVED	(EPT_ADDR_MASK & ~(BIT_ULL(46) - 1))

static bool wellformed(u64 entry, int level)
{
	return ept_is_wellformed(entry, level, RESERVED);
}

static const struct slat_mmio_layout full = {
	.gen_bits = SLAT_GEN_BITS_MAX, .guard = 0x1f0000000000,
};

static void generation_check(const struct slat_mmio_layout *layout, u64 gen)
{
	u64 entry = slat_mmio_make(layout, gen);
	u64 mask = slat_gen_mask(layout);

	if ((entry & 7) != 6 || ept_is_present(entry) || !ept_is_mmio(entry))
		FAIL("entry %llx of generation %llx is no misconfiguration", entry, gen);
	if ((entry & layout->guard) != layout->guard)
		FAIL("entry %llx lacks guard bits", entry);
	if (slat_mmio_gen(entry) != (gen & mask))
		FAIL("generation %llx comes back as %llx", gen, slat_mmio_gen(entry));
	if (!wellformed(entry, SLAT_LEVEL_4K))
		FAIL("entry %llx is called malformed", entry);
	CHECK(slat_mmio_is_current(layout, entry, gen));
	CHECK(!slat_mmio_is_current(layout, entry, gen | SLAT_GEN_IN_FLUX));
	CHECK(!slat_mmio_is_current(layout, entry, gen + 1));
	CHECK(!slat_mmio_is_current(layout, entry, gen + mask));
}

static void test_generations(void)
{
	u64 gen, i;

	sim_reset(test_options.seed, NULL);
	for (gen = 0; gen < 1 << 20; gen++)
		generation_check(&full, gen);
	for (i = 0; i < 200000; i++) {
		struct slat_mmio_layout layout = full;

		layout.gen_bits = 2 + sim_below(SLAT_GEN_BITS_MAX - 1);
		generation_check(&layout, sim_random() >> 1);
	}
	/* Two generations never share an entry unless the stored bits do. */
	for (i = 0; i < SLAT_GEN_BITS_MAX; i++)
		CHECK(slat_mmio_make(&full, 0) != slat_mmio_make(&full, 1ULL << i));
}

static void test_generation_steps(void)
{
	const struct slat_mmio_layout two = { .gen_bits = 2 };
	u64 gen;

	CHECK_EQ(slat_gen_next(5), 6);
	CHECK_EQ(slat_gen_next(5 | SLAT_GEN_IN_FLUX), 6);
	CHECK_EQ(slat_gen_next(~SLAT_GEN_IN_FLUX), 0);
	CHECK(slat_gen_in_flux(5 | SLAT_GEN_IN_FLUX));
	CHECK(!slat_gen_in_flux(~SLAT_GEN_IN_FLUX));
	for (gen = 0; gen < 64; gen++) {
		CHECK_EQ(slat_gen_wraps(&two, gen), gen % 4 == 0);
		CHECK_EQ(slat_gen_wraps(&full, gen), gen == 0);
	}
}

static void test_guard(void)
{
	unsigned int bits;

	for (bits = 0; bits < 64; bits++) {
		u64 guard = slat_mmio_guard(bits);

		if (!guard) {
			CHECK(bits < SLAT_CACHE_BITS_MIN || bits > 52);
			continue;
		}
		CHECK_EQ(__builtin_popcountll(guard), 5);
		CHECK_EQ(63 - __builtin_clzll(guard), bits - 1);
		CHECK_EQ(guard & (SLAT_GEN_LOW_MASK | SLAT_GEN_MID_MASK |
				  SLAT_GEN_HIGH_MASK | SLAT_GEN_IN_FLUX), 0);
	}
}

static void test_entries(void)
{
	unsigned int i;

	sim_reset(test_options.seed, NULL);
	for (i = 0; i < 100000; i++) {
		kvm_pfn_t pfn = sim_random() >> 30;
		bool write = i & 1, host = (i & 2) || write;
		u64 leaf = ept_make_leaf(pfn, write, host);
		u64 table = ept_make_table(pfn << 12);

		CHECK(ept_pfn(leaf) == pfn && ept_pfn(table) == pfn);
		CHECK_EQ(!!(leaf & EPT_W), write);
		CHECK((leaf & 7) != 6 && (leaf & 7) != 2 && (leaf & 1));
		CHECK_EQ(leaf & EPT_MEMTYPE_MASK, 6 << 3);
		CHECK(ept_is_leaf(leaf, 1) && !ept_is_table(leaf, 1));
		CHECK_EQ(table & 0xfff, 7);
		CHECK(ept_is_table(table, 2) && ept_is_table(table, 4));
		CHECK(!ept_is_leaf(table, 2) && ept_is_leaf(table | EPT_PS, 2));
		CHECK(wellformed(leaf, 1) && wellformed(table, 3));
		/* What hardware calls a misconfiguration, and nobody here makes. */
		CHECK(!wellformed((leaf | EPT_W) & ~(EPT_R | EPT_X), 1));
		CHECK(!wellformed(leaf ^ (1ULL << 3), 1));
		CHECK(!wellformed(table | (1ULL << 4), 3));
		CHECK(!wellformed(leaf | 1ULL << (46 + i % 6), 1));
		CHECK(!wellformed(table | 1ULL << (46 + i % 6), 2 + i % 3));
		/* Large pages: not in the root, nor with an address amid the page. */
		leaf |= EPT_PS;
		CHECK(!wellformed(leaf, 1) && !wellformed(leaf, 4));
		CHECK_EQ(wellformed(leaf, 2), !(pfn % 512));
		CHECK_EQ(wellformed(leaf, 3), !(pfn % (512 * 512)));
		leaf = ept_make_leaf(pfn & ~(512ULL * 512 - 1), write, host) | EPT_PS;
		CHECK(wellformed(leaf, 2) && wellformed(leaf, 3));
		CHECK(!wellformed(leaf & ~EPT_PS, 3) && !wellformed(leaf | 1ULL << 20, 2));
		CHECK(!wellformed(leaf | 1ULL << 29, 3));
	}
	CHECK(!wellformed(ept_make_leaf(0, true, true) | EPT_PS, 4));
	CHECK(wellformed(0, 1));
	CHECK(!ept_is_present(0) && !ept_is_mmio(0));
}

/* A flush is owed if a TLB filled from the old entry allows more than the new. */
static void test_flush_rule(void)
{
	static const u64 entries[] = {
		0, 0x16, 0x1000000000000036, 0x100377, 0x100375, 0x100177, 0x100277,
		0x200377, 0x100007, 0x100107, 0x1000f7, 0x100371,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		for (j = 0; j < ARRAY_SIZE(entries); j++) {
			u64 old = entries[i], new = entries[j];
			u64 fixed = EPT_ADDR_MASK | EPT_PS | EPT_MEMTYPE_MASK | EPT_IPAT;
			bool owed = (old & 1) &&
				    (!(new & 1) || (old & fixed) != (new & fixed) ||
				     (old & ~new & (EPT_RWX | EPT_A | EPT_D)));

			if (ept_change_needs_flush(old, new) != owed)
				FAIL("%llx -> %llx: flush owed: %d", old, new, owed);
		}
	}
}

static void test_policy(void)
{
	CHECK_EQ(slat_choose_wrprot(SLAT_POLICY_CLASSIC, 9, 10), SLAT_WRPROT_RMAP);
	CHECK_EQ(slat_choose_wrprot(SLAT_POLICY_CLASSIC, 10, 10), SLAT_WRPROT_SCAN);
	CHECK_EQ(slat_choose_wrprot(SLAT_POLICY_RMAP, 1000, 10), SLAT_WRPROT_RMAP);
	CHECK_EQ(slat_choose_wrprot(SLAT_POLICY_SCAN, 0, 10), SLAT_WRPROT_SCAN);
	CHECK_EQ(slat_policy_effective(SLAT_POLICY_INHERIT, SLAT_POLICY_RMAP), SLAT_POLICY_RMAP);
	CHECK_EQ(slat_policy_effective(SLAT_POLICY_AUTO, SLAT_POLICY_RMAP), SLAT_POLICY_AUTO);
}

static void test_policy_auto(void)
{
	struct slat_wrprot_costs costs = {};
	unsigned int i, probes = 0;

	/* Nothing is known: by the seed alone. */
	CHECK_EQ(slat_wrprot_cheaper(&costs, 100, 512), SLAT_WRPROT_RMAP);
	CHECK_EQ(slat_wrprot_cheaper(&costs, 200, 512), SLAT_WRPROT_SCAN);
	/* Too little to learn from. */
	slat_wrprot_learn(&costs, SLAT_WRPROT_RMAP, 1000000, 15);
	CHECK_EQ(costs.visit[SLAT_WRPROT_RMAP], 0);
	/* The first sample counts whole, later ones by an eighth. */
	slat_wrprot_learn(&costs, SLAT_WRPROT_SCAN, 512 * 6, 512);
	CHECK_EQ(costs.visit[SLAT_WRPROT_SCAN], 6 * 16);
	slat_wrprot_learn(&costs, SLAT_WRPROT_SCAN, 512 * 14, 512);
	CHECK_EQ(costs.visit[SLAT_WRPROT_SCAN], 7 * 16);
	/* One is known, the other follows it. */
	CHECK_EQ(slat_wrprot_cheaper(&costs, 100, 512), SLAT_WRPROT_RMAP);
	CHECK_EQ(slat_wrprot_cheaper(&costs, 200, 512), SLAT_WRPROT_SCAN);
	/* Both are: what was measured decides, here 512 * 7 against 44 a page. */
	slat_wrprot_learn(&costs, SLAT_WRPROT_RMAP, 64 * 44, 64);
	CHECK_EQ(slat_wrprot_cheaper(&costs, 81, 512), SLAT_WRPROT_RMAP);
	CHECK_EQ(slat_wrprot_cheaper(&costs, 82, 512), SLAT_WRPROT_SCAN);
	/* The other one is tried now and then, where it is not twice as dear. */
	for (i = 0; i < 10 * SLAT_WRPROT_PROBE; i++)
		probes += slat_wrprot_cheaper(&costs, 60, 512) == SLAT_WRPROT_SCAN;
	CHECK_EQ(probes, 10);
	/* And whatever it costs, far more seldom: the average may be wrong. */
	for (i = probes = 0; i < 3 * SLAT_WRPROT_PROBE_ANY; i++)
		probes += slat_wrprot_cheaper(&costs, 1, 512) == SLAT_WRPROT_SCAN;
	CHECK_EQ(probes, 3);
	/* One outlier does not double it. */
	slat_wrprot_learn(&costs, SLAT_WRPROT_SCAN, 1 << 20, 512);
	CHECK(costs.visit[SLAT_WRPROT_SCAN] < 2 * 7 * 16);
	/* Nothing measured may make a cost 0 or run over. */
	for (i = 0; i < 100; i++)
		slat_wrprot_learn(&costs, SLAT_WRPROT_SCAN, 0, 512);
	CHECK(costs.visit[SLAT_WRPROT_SCAN] > 0);
	slat_wrprot_learn(&costs, SLAT_WRPROT_SCAN, 1ULL << 58, 16);
	CHECK(costs.visit[SLAT_WRPROT_SCAN] < 1 << 17);
}

static void test_histogram(void)
{
	struct slat_hist hist = {};
	unsigned int i;

	CHECK_EQ(slat_hist_index(0), 0);
	for (i = 0; i < 64; i++) {
		u64 from = 1ULL << i;

		CHECK_EQ(slat_hist_index(from), min(i + 1, SLAT_HIST_BUCKETS - 1U));
		CHECK_EQ(slat_hist_index(from + (from - 1)), min(i + 1, SLAT_HIST_BUCKETS - 1U));
	}
	slat_hist_add(&hist, 1000);
	slat_hist_add(&hist, 1023);
	slat_hist_add(&hist, 1024);
	CHECK_EQ(hist.bucket[10], 2);
	CHECK_EQ(hist.bucket[11], 1);
}

static void test_levels(void)
{
	gfn_t gfn = 0x123456789;
	int level;

	for (level = 1; level <= 4; level++) {
		CHECK_EQ(slat_level_pages(level), 1ULL << (9 * (level - 1)));
		CHECK_EQ(slat_level_index(gfn, level), gfn >> (9 * (level - 1)) & 511);
		CHECK_EQ(slat_level_base(gfn, level) % slat_level_pages(level), 0);
		CHECK(gfn - slat_level_base(gfn, level) < slat_level_pages(level));
	}
	CHECK_EQ(SLAT_MAX_GFN, 1ULL << 36);
}

const struct test pure_tests[] = {
	{ "every generation survives in an MMIO entry that is never present",
	  test_generations },
	{ "generations count, wrap and are in flux", test_generation_steps },
	{ "the L1TF guard bits lie clear of everything else", test_guard },
	{ "EPT entries are made and told apart", test_entries },
	{ "a flush is owed exactly when rights or places are taken away",
	  test_flush_rule },
	{ "the classic rule and the forced strategies", test_policy },
	{ "the automatic policy follows what was measured", test_policy_auto },
	{ "histograms by powers of two", test_histogram },
	{ "levels", test_levels },
	{ }
};
