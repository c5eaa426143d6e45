// SPDX-License-Identifier: GPL-2.0
/*
 * The list of suites.
 */
#include "tap.h"

extern const struct test step_tests[];
extern const struct test race_tests[];
extern const struct test random_tests[];

int main(int argc, char **argv)
{
	static const struct test *const suites[] = {
		step_tests,
		race_tests,
		random_tests,
		0
	};

	return test_main(argc, argv, suites);
}
