/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tiny TAP producer and the common command line of the tests in this
 * directory: --count N (how much random work) and --seed S.
 */
#ifndef SLAT_SELFTESTS_INSN_TAP_H
#define SLAT_SELFTESTS_INSN_TAP_H

#include <stdbool.h>
#include <stdint.h>

/* One test result; returns @passed. */
bool tap_ok(bool passed, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A diagnostic line. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tap_skip(const char *name, const char *why);
/* Print the plan; returns the exit status of the program. */
int tap_end(void);

/* Random work asked for on the command line, or @preset. */
unsigned long tap_count(unsigned long preset);
void tap_options(int argc, char **argv);

/* A seeded generator (splitmix64); the seed is printed for each program. */
uint64_t rnd(void);
/* Uniform in 0..n-1. */
unsigned int rnd_below(unsigned int n);
/* True once in n times. */
bool rnd_one_in(unsigned int n);
/* A number whose interesting values come often. */
uint64_t rnd_value(void);

#endif /* SLAT_SELFTESTS_INSN_TAP_H */
