// SPDX-License-Identifier: GPL-2.0
/*
 * Checking the whole tree against the invariants that every other file relies
 * on. Called by tests and by debug builds; takes the mmu lock exclusive.
 */
#include "internal.h"
#include "verify.h"

/**
 * struct verify - a check in progress
 * @leaf_ok: asked for each leaf, or NULL
 * @arg: its argument
 * @leafs: leafs found, by level, [0]: SLAT_LEVEL_4K
 * @linked: entries found that point to tables, by the entry's level
 * @report: counts
 */
struct verify {
	bool (*leaf_ok)(void *arg, gfn_t gfn, int level, u64 entry);
	void *arg;
	u64 leafs[SLAT_ROOT_LEVEL];
	u64 linked[SLAT_ROOT_LEVEL];
	struct slat_verify_report report;
};

static const char *verify_table(const struct slat_iter *iter)
{
	const struct slat_table *child = slat_table_of(iter->old);

	if (!child)
		return "an entry points to a page that is no table";
	if (child->parent != iter->table ||
	    child->index != slat_level_index(iter->gfn, iter->table->level))
		return "a table does not know the entry that points to it";
	if (child->level != iter->table->level - 1)
		return "a table has the wrong level";
	if (child->base != slat_level_base(iter->gfn, iter->table->level))
		return "a table has the wrong base";
	if (!child->ramless_listed && !slat_table_has_present(child))
		return "a table without RAM is not listed";
	return NULL;
}

static const char *verify_entry(struct verify *verify,
				const struct slat_iter *iter)
{
	int level = iter->table->level;
	u64 entry = iter->old;

	if (!entry)
		return NULL;
	if (!ept_is_wellformed(entry, level, iter->mmu->config.reserved))
		return "an entry is malformed";
	if (ept_is_table(entry, level)) {
		verify->report.tables++;
		verify->linked[level - 1]++;
		return verify_table(iter);
	}
	if (ept_is_mmio(entry)) {
		verify->report.mmio++;
		if (level != SLAT_LEVEL_4K)
			return "an MMIO entry is not on the lowest level";
		if (!iter->table->ramless_listed)
			return "a table with an MMIO entry is not listed";
		return NULL;
	}
	verify->report.leafs++;
	verify->leafs[level - 1]++;
	if (verify->leaf_ok && !verify->leaf_ok(verify->arg, iter->gfn, level, entry))
		return "a leaf maps what it must not";
	return NULL;
}

/* Is what the door has counted what there is? */
static const char *verify_counts(struct slat_mmu *mmu, const struct verify *verify)
{
	struct slat_counters sum;
	int i;

	if (verify->report.tables != slat_mmu_nr_tables(mmu))
		return "the number of tables differs from the count";
	slat_counters_sum(mmu, &sum);
	for (i = 0; i < SLAT_ROOT_LEVEL; i++) {
		const u64 *nr = sum.entries[i].nr;

		if (verify->leafs[i] != nr[SLAT_CHANGE_MAPPED] - nr[SLAT_CHANGE_ZAPPED])
			return "the number of leafs differs from the counts";
		if (verify->linked[i] != nr[SLAT_CHANGE_LINKED] - nr[SLAT_CHANGE_UNLINKED])
			return "the number of links differs from the counts";
	}
	return NULL;
}

const char *slat_mmu_verify(struct slat_mmu *mmu,
			    bool (*leaf_ok)(void *arg, gfn_t gfn, int level, u64 entry),
			    void *arg, struct slat_verify_report *report)
{
	struct verify verify = { .leaf_ok = leaf_ok, .arg = arg };
	const char *broken = NULL;
	struct slat_iter iter;

	verify.report.tables = 1;
	port_write_lock(&mmu->lock);
	slat_for_each_entry(&iter, mmu, 0, SLAT_MAX_GFN) {
		broken = verify_entry(&verify, &iter);
		if (broken)
			break;
	}
	if (!broken)
		broken = verify_counts(mmu, &verify);
	port_write_unlock(&mmu->lock);
	if (report)
		*report = verify.report;
	return broken;
}
