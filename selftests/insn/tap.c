// SPDX-License-Identifier: GPL-2.0
/*
 * TAP output, options and random numbers for the tests in this directory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static unsigned int nr_tests, nr_failed;
static unsigned long count_option;
static uint64_t seed = 1;

static void tap_line(const char *head, const char *format, va_list args)
{
	fputs(head, stdout);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
}

bool tap_ok(bool passed, const char *format, ...)
{
	char head[32];
	va_list args;

	nr_tests++;
	nr_failed += !passed;
	snprintf(head, sizeof(head), "%sok %u - ", passed ? "" : "not ", nr_tests);
	va_start(args, format);
	tap_line(head, format, args);
	va_end(args);
	return passed;
}

void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_line("# ", format, args);
	va_end(args);
}

void tap_skip(const char *name, const char *why)
{
	nr_tests++;
	printf("ok %u - %s # SKIP %s\n", nr_tests, name, why);
}

int tap_end(void)
{
	printf("1..%u\n", nr_tests);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

unsigned long tap_count(unsigned long preset)
{
	return count_option ? count_option : preset;
}

void tap_options(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (i + 1 < argc && !strcmp(argv[i], "--count")) {
			count_option = strtoul(argv[++i], NULL, 0);
		} else if (i + 1 < argc && !strcmp(argv[i], "--seed")) {
			seed = strtoull(argv[++i], NULL, 0);
		} else {
			fprintf(stderr, "usage: %s [--count N] [--seed S]\n", argv[0]);
			exit(2);
		}
	}
	printf("TAP version 13\n# seed %llu\n", (unsigned long long)seed);
}

uint64_t rnd(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

unsigned int rnd_below(unsigned int n)
{
	return rnd() % n;
}

bool rnd_one_in(unsigned int n)
{
	return rnd() % n == 0;
}

uint64_t rnd_value(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffffffffffff, 0x100000000,
	};

	switch (rnd_below(4)) {
	case 0:
		return edges[rnd_below(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return rnd() & 0xff;
	default:
		return rnd();
	}
}
