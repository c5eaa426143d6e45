// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the suites, a child process for each test, and prints TAP. See tap.h.
 */
#include "tap.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_SECONDS	120

struct test_options test_options = { .seed = 1, .scale = 100 };
void (*test_fail_hook)(void);

/* Also without test_main(), under the fuzzer. */
static bool fail_aborts = true;

#ifdef TEST_COVERAGE
void __gcov_dump(void);
#else
static void __gcov_dump(void)
{
}
#endif

void test_exit(int status)
{
	fflush(stdout);
	__gcov_dump();
	_exit(status);
}

unsigned int test_runs(unsigned int usual)
{
	unsigned int runs = usual * test_options.scale / 100;

	return runs ? runs : 1;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	va_list args;

	printf("# FAIL %s:%d: ", base ? base + 1 : file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (test_fail_hook)
		test_fail_hook();
	fflush(stdout);
	if (fail_aborts)
		abort();
	_exit(1);
}

static bool test_passes(const struct test *test, bool use_fork)
{
	int status;
	pid_t pid;

	if (!use_fork) {
		test->fn();
		return true;
	}
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("# fork");
		exit(1);
	}
	if (!pid) {
		alarm(TEST_SECONDS * (1 + test_options.scale / 100));
		test->fn();
		test_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid) {
		perror("# waitpid");
		exit(1);
	}
	if (WIFSIGNALED(status))
		printf("# ended by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void usage(const char *name)
{
	printf("usage: %s [--seed N] [--count PERCENT] [--only WORDS] [--list]\n"
	       "          [--no-fork] [--fail-fast]\n", name);
}

int test_main(int argc, char **argv, const struct test *const *suites)
{
	bool use_fork = true, list = false, fast = false;
	const char *only = NULL;
	int nr = 0, failed = 0;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fail_aborts = false;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
			test_options.seed = strtoull(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--count") && i + 1 < argc) {
			test_options.scale = strtoul(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--only") && i + 1 < argc) {
			only = argv[++i];
		} else if (!strcmp(argv[i], "--list")) {
			list = true;
		} else if (!strcmp(argv[i], "--no-fork")) {
			use_fork = false;
			fail_aborts = true;
		} else if (!strcmp(argv[i], "--fail-fast")) {
			fast = true;
		} else {
			usage(argv[0]);
			return 2;
		}
	}
	for (; *suites && !(fast && failed); suites++) {
		const struct test *test;

		for (test = *suites; test->name; test++) {
			bool passed;

			if (only && !strstr(test->name, only))
				continue;
			if (list) {
				printf("%s\n", test->name);
				continue;
			}
			passed = test_passes(test, use_fork);
			printf("%sok %d - %s\n", passed ? "" : "not ", ++nr,
			       test->name);
			failed += !passed;
			if (fast && failed)
				break;
		}
	}
	if (!list)
		printf("1..%d\n", nr);
	return failed || (!list && !nr);
}
