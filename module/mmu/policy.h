/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decisions from plain numbers: choose, then do. Pure.
 */
#ifndef SLAT_MMU_POLICY_H
#define SLAT_MMU_POLICY_H

#include "types.h"

/* How a collection of dirty bits write-protects; all give the same result. */
enum slat_wrprot {
	SLAT_WRPROT_RMAP,	/* the leaf of each dirty gfn */
	SLAT_WRPROT_SCAN,	/* every leaf of the slot, table by table */
	SLAT_NR_WRPROT,
};

/* Who chooses the strategy. */
enum slat_wrprot_policy {
	SLAT_POLICY_AUTO,	/* what costs less, as measured */
	SLAT_POLICY_CLASSIC,	/* rmap if fewer pages are dirty than tables used */
	SLAT_POLICY_RMAP,
	SLAT_POLICY_SCAN,
	SLAT_NR_POLICIES,
	SLAT_POLICY_INHERIT = SLAT_NR_POLICIES,	/* whoever stands above: VM, module */
};

/* The policy that rules where @own stands above nothing and below @above. */
static inline enum slat_wrprot_policy
slat_policy_effective(enum slat_wrprot_policy own, enum slat_wrprot_policy above)
{
	return own == SLAT_POLICY_INHERIT ? above : own;
}

/**
 * struct slat_wrprot_costs - what protecting has cost, per leaf that was visited
 * @visit: running average by strategy, in 1/16 of the port's clock; 0: unknown
 * @choices: how often the automatic policy chose
 */
struct slat_wrprot_costs {
	u32 visit[SLAT_NR_WRPROT];
	u32 choices;
};

/*
 * Until both were measured: rmap looks for each of its leaves, a scan reads
 * them in a row. One visit by rmap is taken to be as dear as this many.
 */
#define SLAT_RMAP_VISIT_SEED	4

/*
 * Every so many choices the other strategy is tried, if it is not far off; far
 * more seldom whatever it seems to cost, since an average may be wrong.
 */
#define SLAT_WRPROT_PROBE	32
#define SLAT_WRPROT_PROBE_ANY	1024

static inline u64 slat_wrprot_visit_cost(const struct slat_wrprot_costs *costs,
					 enum slat_wrprot strategy)
{
	u64 rmap = costs->visit[SLAT_WRPROT_RMAP];
	u64 scan = costs->visit[SLAT_WRPROT_SCAN];

	if (!rmap && !scan)
		scan = 1;
	if (strategy == SLAT_WRPROT_RMAP)
		return rmap ? rmap : scan * SLAT_RMAP_VISIT_SEED;
	return scan ? scan : max(rmap / SLAT_RMAP_VISIT_SEED, 1ULL);
}

/**
 * slat_wrprot_learn() - account for what a collection has cost
 * @costs: the averages
 * @strategy: how it protected
 * @spent: time of the protecting alone, in units of the port's clock
 * @visited: leaves that it looked at
 *
 * Few visits say more about entering the loop than about a visit.
 */
static inline void slat_wrprot_learn(struct slat_wrprot_costs *costs,
				     enum slat_wrprot strategy, u64 spent,
				     u64 visited)
{
	u32 *average = &costs->visit[strategy];
	u64 sample;

	if (visited < 16)
		return;
	sample = min(max(spent * 16 / visited, 1ULL), 1ULL << 16);
	/* One interrupt in the middle must not make the average another one. */
	if (*average)
		sample = (7ULL * *average + min(sample, 8ULL * *average) + 7) / 8;
	*average = sample;
}

/**
 * slat_wrprot_cheaper() - what the automatic policy chooses
 * @costs: the averages; counts the choice
 * @nr_dirty: leaves that rmap would visit
 * @nr_leafs: leaves that a scan would visit
 */
static inline enum slat_wrprot
slat_wrprot_cheaper(struct slat_wrprot_costs *costs, u64 nr_dirty, u64 nr_leafs)
{
	u64 rmap = nr_dirty * slat_wrprot_visit_cost(costs, SLAT_WRPROT_RMAP);
	u64 scan = nr_leafs * slat_wrprot_visit_cost(costs, SLAT_WRPROT_SCAN);
	bool probes = ++costs->choices % SLAT_WRPROT_PROBE == 0;
	bool takes_rmap = rmap <= scan;

	if (probes && (max(rmap, scan) < 2 * min(rmap, scan) ||
		       costs->choices % SLAT_WRPROT_PROBE_ANY == 0))
		takes_rmap = !takes_rmap;
	return takes_rmap ? SLAT_WRPROT_RMAP : SLAT_WRPROT_SCAN;
}

/**
 * slat_choose_wrprot() - which strategy for this collection?
 * @policy: who chooses; not the automatic one
 * @nr_dirty: dirty pages, about
 * @nr_tables: table pages that the VM uses
 *
 * The classic rule is that of Linux commit 95d4c16ce78c ("KVM: Optimize dirty
 * logging by rmap_write_protect()").
 */
static inline enum slat_wrprot slat_choose_wrprot(enum slat_wrprot_policy policy,
						  u64 nr_dirty, u64 nr_tables)
{
	switch (policy) {
	case SLAT_POLICY_RMAP:
		return SLAT_WRPROT_RMAP;
	case SLAT_POLICY_SCAN:
		return SLAT_WRPROT_SCAN;
	default:
		return nr_dirty < nr_tables ? SLAT_WRPROT_RMAP :
					      SLAT_WRPROT_SCAN;
	}
}

#endif
