/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a scenario is made of: a name to choose it by, a function that reports
 * results, and the guest that most of them boot. Scenarios stand in boot.c,
 * migrate.c, bad.c, others.c and gdb.c; main.c lists and runs them.
 */
#ifndef SLAT_QEMU_SCENARIO_H
#define SLAT_QEMU_SCENARIO_H

#include "qemu.h"

/* Emulated seconds; more than ten times what it takes. */
#define BOOT_SECONDS	150

struct scenario {
	const char *name;
	const char *what;
	void (*run)(void);
	/* the fewest CPUs of the host that it makes sense on */
	int cpus;
};

extern const struct scenario boot_scenarios[], migrate_scenarios[], bad_scenarios[],
	other_scenarios[], gdb_scenarios[];

/* One TAP result; returns @good. */
bool result(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers for the driver on the host to collect, as members of a JSON object. */
void figures(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * guest_start() - QEMU with the small Linux guest
 * @args: further arguments of QEMU's, ended by NULL
 */
bool guest_start(struct qemu *q, const char *name, const char *const *args);

/* Waits until the guest is at its shell; its line tells kernel, CPUs and memory. */
bool guest_wait_shell(struct qemu *q, char *line, size_t size);

/* One command of the guest's shell; true where it ends with status 0. */
bool guest_shell(struct qemu *q, double seconds, const char *command);

#endif
