// SPDX-License-Identifier: GPL-2.0
/*
 * Unmodified QEMU on /dev/kvm, whatever module stands behind it: picks the
 * scenarios, runs one after the other, prints TAP. Runs in the emulated
 * machine, started by scripts/guest/job-qemu; works on a real host too.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"

struct options options = {
	.device = "kvm",
	.strategy = "none",
	.dir = "/job/qemu",
	.accel = "kvm",
	.emulator = "/usr/bin/qemu-system-x86_64",
};

static const struct scenario *const groups[] = {
	boot_scenarios, migrate_scenarios, bad_scenarios, other_scenarios, gdb_scenarios,
};

static const char *current;
static int number, failed;

bool result(bool good, const char *format, ...)
{
	va_list ap;

	number++;
	failed += !good;
	printf("%sok %d - %s: ", good ? "" : "not ", number, current);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return good;
}

void figures(const char *format, ...)
{
	va_list ap;

	printf("#> figures {\"device\": \"%s\", \"strategy\": \"%s\", \"scenario\": \"%s\", ",
	       options.device, options.strategy, current);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	puts("}");
	fflush(stdout);
}

static const struct scenario *find(const char *name)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct scenario *s = groups[g]; s->name; s++)
			if (!strcmp(s->name, name))
				return s;
	return NULL;
}

static int usage(FILE *out)
{
	fprintf(out, "usage: qemu-test [--device NAME] [--strategy NAME] [--dir DIR] [--accel A] SCENARIO...\n"
		     "  --device NAME    which module stands behind /dev/kvm: slat or kvm_intel\n"
		     "  --strategy NAME  which dirty-log strategy it uses (for the figures)\n"
		     "  --dir DIR        where vmlinuz, initrd, bad.rom are (default: /job/qemu)\n"
		     "  --accel A        tcg tests the tests on a host without KVM (default: kvm)\n"
		     "scenarios:\n");
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct scenario *s = groups[g]; s->name; s++)
			fprintf(out, "  %-12s %s\n", s->name, s->what);
	return out == stdout ? 0 : 2;
}

static int parse(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "--help"))
			exit(usage(stdout));
		if (i + 1 >= argc)
			exit(usage(stderr));
		if (!strcmp(argv[i], "--device"))
			options.device = argv[i + 1];
		else if (!strcmp(argv[i], "--strategy"))
			options.strategy = argv[i + 1];
		else if (!strcmp(argv[i], "--accel"))
			options.accel = argv[i + 1];
		else if (!strcmp(argv[i], "--dir"))
			options.dir = argv[i + 1];
		else
			exit(usage(stderr));
	}
	for (int j = i; j < argc; j++) {
		if (!find(argv[j])) {
			fprintf(stderr, "qemu-test: scenario '%s': expected one of those below\n",
				argv[j]);
			exit(usage(stderr));
		}
	}
	if (i == argc)
		exit(usage(stderr));
	return i;
}

int main(int argc, char **argv)
{
	int i = parse(argc, argv);

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	options.cpus = sysconf(_SC_NPROCESSORS_ONLN);
	puts("TAP version 13");
	for (; i < argc; i++) {
		const struct scenario *s = find(argv[i]);
		int before = number;

		current = s->name;
		if (options.cpus < s->cpus) {
			printf("ok %d - %s # SKIP the host has %d CPU\n", ++number, current,
			       options.cpus);
			continue;
		}
		note("%s: %s", s->name, s->what);
		s->run();
		qemu_kill_all();
		if (number == before)
			result(false, "told no result");
	}
	printf("1..%d\n", number);
	return failed ? 1 : 0;
}
