/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tiny TAP producer. Each test runs in a child of its own, so that a crash, a
 * sanitizer report or a hang is that test's failure and no more.
 */
#ifndef SLAT_TAP_H
#define SLAT_TAP_H

#include <stdbool.h>

/**
 * struct test - one test
 * @name: words, no number
 * @fn: returns if it passed; test_fail() ends it otherwise
 */
struct test {
	const char *name;
	void (*fn)(void);
};

/**
 * struct test_options - from the command line
 * @seed: --seed, of everything random
 * @scale: --count, percent of the usual number of random runs
 */
struct test_options {
	unsigned long long seed;
	unsigned int scale;
};

extern struct test_options test_options;

/* How many runs a random test should make that usually makes @usual. */
unsigned int test_runs(unsigned int usual);

/* A suite ends with an entry without a name. */
int test_main(int argc, char **argv, const struct test *const *suites);

/* Set by sim.c: what to print besides the message. */
extern void (*test_fail_hook)(void);

/* Leave a child process. */
void test_exit(int status) __attribute__((noreturn));

void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#define FAIL(...)	test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond)	do { if (!(cond)) FAIL("expected: %s", #cond); } while (0)
#define CHECK_EQ(a, b)							\
	do {								\
		long long __x = (long long)(a), __y = (long long)(b);	\
		if (__x != __y)						\
			FAIL("%s is %lld, expected %s = %lld", #a, __x,	\
			     #b, __y);					\
	} while (0)

#endif
