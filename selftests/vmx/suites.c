// SPDX-License-Identifier: GPL-2.0
/*
 * The list of suites.
 */
#include "world.h"

int main(int argc, char **argv)
{
	static const struct test *const suites[] = {
		table_tests,
		start_tests,
		hotplug_tests,
		random_tests,
		tsc_tests,
		perf_tests,
		0
	};

	return test_main(argc, argv, suites);
}
