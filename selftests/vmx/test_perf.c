// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken from perf's answer about the host's counters, in the forms that kernels
 * give it: none, for processors that isolate PEBS or don't, and for a guest with a PMU.
 */
#include "world.h"
#include "vmx/perf.h"

#define COUNTERS	0x70000000full
#define MSR_OTHER	0x600	/* IA32_DS_AREA */

static struct slat_perf perf;

#define ANSWER(...) do {							\
	static const struct perf_guest_switch_msr msrs[] = { __VA_ARGS__ };	\
										\
	perf = slat_perf_read(msrs, sizeof(msrs) / sizeof(msrs[0]));		\
} while (0)

static void test_none(void)
{
	/* What stands at the number is not written where there is no array. */
	perf = slat_perf_read(NULL, 5);
	CHECK(!perf.has_ctrl);
	CHECK_EQ(perf.pebs, 0);
	/* A processor without that MSR: the counters' own ones. */
	ANSWER({ .msr = 0x186, .host = 0x430000, .guest = 0x30000 });
	CHECK(!perf.has_ctrl);
	CHECK_EQ(perf.pebs, 0);
}

static void test_sides(void)
{
	ANSWER({ .msr = MSR_CORE_PERF_GLOBAL_CTRL, .host = COUNTERS & ~2, .guest = COUNTERS & ~1 });
	CHECK(perf.has_ctrl);
	CHECK_EQ(perf.host, COUNTERS & ~2);
	CHECK_EQ(perf.guest, COUNTERS & ~1);
	CHECK_EQ(perf.pebs, 0);
}

static void test_pebs(void)
{
	ANSWER({ .msr = MSR_CORE_PERF_GLOBAL_CTRL, .host = COUNTERS, .guest = COUNTERS & ~1 },
	       { .msr = MSR_IA32_PEBS_ENABLE, .host = 1, .guest = 0 });
	CHECK_EQ(perf.guest, COUNTERS & ~1);
	CHECK_EQ(perf.pebs, 1);
	/* Nobody samples: nothing to stop. */
	ANSWER({ .msr = MSR_CORE_PERF_GLOBAL_CTRL, .host = COUNTERS, .guest = COUNTERS },
	       { .msr = MSR_IA32_PEBS_ENABLE, .host = 0, .guest = 0 });
	CHECK_EQ(perf.pebs, 0);
}

/* Processors that isolate PEBS leave it on; DS_AREA is a matter of guests' PMUs. */
static void test_guests_pmu(void)
{
	ANSWER({ .msr = MSR_OTHER, .host = 0x1000, .guest = 0 },
	       { .msr = MSR_IA32_PEBS_ENABLE, .host = 3, .guest = 2 },
	       { .msr = MSR_CORE_PERF_GLOBAL_CTRL, .host = COUNTERS, .guest = 0 });
	CHECK(perf.has_ctrl);
	CHECK_EQ(perf.host, COUNTERS);
	CHECK_EQ(perf.guest, 0);
	CHECK_EQ(perf.pebs, 0);
}

const struct test perf_tests[] = {
	{ "perf: no counters", test_none },
	{ "perf: counters of the host, of the guest and of both", test_sides },
	{ "perf: PEBS stops where a record could be late", test_pebs },
	{ "perf: what a guest's PMU would need is left alone", test_guests_pmu },
	{ }
};
