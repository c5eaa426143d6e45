// SPDX-License-Identifier: GPL-2.0
/*
 * The list of suites.
 */
#include "tap.h"

extern const struct test pure_tests[];
extern const struct test tree_tests[];
extern const struct test slots_tests[];
extern const struct test fault_tests[];
extern const struct test around_tests[];
extern const struct test zap_tests[];
extern const struct test slices_tests[];
extern const struct test verify_tests[];
extern const struct test wait_tests[];
extern const struct test dirty_tests[];
extern const struct test traced_tests[];
extern const struct test query_tests[];
extern const struct test counts_tests[];
extern const struct test race_tests[];
extern const struct test random_tests[];

int main(int argc, char **argv)
{
	static const struct test *const suites[] = {
		pure_tests,
		tree_tests,
		slots_tests,
		fault_tests,
		around_tests,
		zap_tests,
		slices_tests,
		verify_tests,
		wait_tests,
		dirty_tests,
		traced_tests,
		query_tests,
		counts_tests,
		race_tests,
		random_tests,
		0
	};

	return test_main(argc, argv, suites);
}
