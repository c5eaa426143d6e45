// SPDX-License-Identifier: GPL-2.0
/*
 * slat_mmu_verify() itself: break a sound tree in each way and see it told. The
 * only test that looks into the core's tables.
 */
#include "mmu/internal.h"
#include "world.h"

static struct slat_table *leaf_table;

static void begin(void)
{
	world_begin(test_options.seed, NULL, NULL);
	world_must_set(0, 0, 4, hva_of(0), 0);
	guest_must(&world.vcpus[0], 2, ACCESS_WRITE, TOUCH_RAM);
	guest_must(&world.vcpus[0], 5, ACCESS_READ, TOUCH_MMIO);
	port_write_lock(&world.mmu.lock);
	leaf_table = slat_table_find(&world.mmu, 2, SLAT_LEVEL_4K);
	port_write_unlock(&world.mmu.lock);
	CHECK(leaf_table && !slat_mmu_verify(&world.mmu, NULL, NULL, NULL));
}

static void must_tell(const char *expected)
{
	const char *broken = slat_mmu_verify(&world.mmu, NULL, NULL, NULL);

	if (!broken || strcmp(broken, expected))
		FAIL("verify says \"%s\", expected \"%s\"", broken ? : "sound", expected);
}

static bool no_leaf(void *arg, gfn_t gfn, int level, u64 entry)
{
	(void)arg;
	(void)gfn;
	(void)level;
	(void)entry;
	return false;
}

static void test_tables(void)
{
	begin();
	leaf_table->index++;
	must_tell("a table does not know the entry that points to it");
	leaf_table->index--;
	leaf_table->level++;
	must_tell("a table has the wrong level");
	leaf_table->level--;
	leaf_table->base += 512;
	must_tell("a table has the wrong base");
	leaf_table->base -= 512;
	leaf_table->ramless_listed = false;
	must_tell("a table with an MMIO entry is not listed");
	leaf_table->ramless_listed = true;
	port_table_set_meta(leaf_table->entries, NULL);
	must_tell("an entry points to a page that is no table");
	port_table_set_meta(leaf_table->entries, leaf_table);
	atomic64_inc(&world.mmu.nr_tables);
	must_tell("the number of tables differs from the count");
	atomic64_dec(&world.mmu.nr_tables);
	world_end();
}

/* Each level for itself: what is counted on the wrong one is not made up for. */
static void test_counts(void)
{
	struct slat_changes *leafs = &world.mmu.counters.entries[SLAT_LEVEL_4K - 1];
	struct slat_changes *above = &world.mmu.counters.entries[SLAT_LEVEL_2M - 1];

	begin();
	leafs->nr[SLAT_CHANGE_MAPPED]++;
	must_tell("the number of leafs differs from the counts");
	leafs->nr[SLAT_CHANGE_ZAPPED]++;
	CHECK(!slat_mmu_verify(&world.mmu, NULL, NULL, NULL));
	leafs->nr[SLAT_CHANGE_MAPPED]--;
	above->nr[SLAT_CHANGE_MAPPED]++;
	must_tell("the number of leafs differs from the counts");
	above->nr[SLAT_CHANGE_MAPPED]--;
	leafs->nr[SLAT_CHANGE_ZAPPED]--;
	above->nr[SLAT_CHANGE_LINKED]++;
	must_tell("the number of links differs from the counts");
	above->nr[SLAT_CHANGE_LINKED]--;
	world_end();
}

static void test_entries(void)
{
	u64 good;

	begin();
	good = leaf_table->entries[2];
	leaf_table->entries[2] = good ^ EPT_MEMTYPE_WB;
	must_tell("an entry is malformed");
	leaf_table->entries[2] = EPT_W;
	must_tell("an entry is malformed");
	leaf_table->entries[2] = good;
	leaf_table->parent->entries[7] = leaf_table->entries[5];
	must_tell("an MMIO entry is not on the lowest level");
	leaf_table->parent->entries[7] = 0;
	CHECK(!strcmp(slat_mmu_verify(&world.mmu, no_leaf, NULL, NULL),
		      "a leaf maps what it must not"));
	CHECK(!slat_mmu_verify(&world.mmu, NULL, NULL, NULL));
	world_end();
}

const struct test verify_tests[] = {
	{ "verify tells broken tables", test_tables },
	{ "verify tells broken entries", test_entries },
	{ "verify tells counts that went wrong, level by level", test_counts },
	{ }
};
