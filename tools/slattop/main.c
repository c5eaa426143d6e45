// SPDX-License-Identifier: GPL-2.0
/*
 * slattop: VMs, vCPUs and slots of slat.ko while they run, from its trace
 * points. The programs of slattop.bpf.c count in the kernel; here a sample is
 * taken each interval and the difference to the last one shown.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "top.h"
#include "slattop.skel.h"

static const char usage[] =
"usage: slattop [--interval SECONDS] [--count N | --once] [--json]\n"
"\n"
"  --interval S  seconds between two screens, 0.1 to 3600 (2)\n"
"  --count N     end after N screens\n"
"  --once        one screen, after one interval; the same as --count 1\n"
"  --json        one JSON object a line for each interval, counts not rates\n"
"\n"
"Needs root, slat.ko loaded, tracefs, debugfs, and a kernel with BPF. While it\n"
"runs, the trace points of slat are on; they cost each exit some hundred\n"
"nanoseconds. Exit status: 0 fine, 1 not possible here, 2 wrong usage.\n";

static const struct option options[] = {
	{ "interval", required_argument, NULL, 'i' },
	{ "count", required_argument, NULL, 'n' },
	{ "once", no_argument, NULL, '1' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	double interval;
	unsigned long count;
	bool json;
};

static volatile sig_atomic_t stopped;

void die(const char *format, ...)
{
	va_list ap;

	fputs("slattop: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static double number(const char *text, double min, double max, const char *what)
{
	char *end;
	double value = strtod(text, &end);

	if (!*text || *end || !(value >= min && value <= max)) {
		fprintf(stderr, "slattop: %s '%s': expected a number from %g to %g\n", what, text,
			min, max);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv, struct arguments *a)
{
	int c;

	while ((c = getopt_long(argc, argv, "i:n:1jh", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			a->interval = number(optarg, 0.1, 3600, "--interval");
			break;
		case 'n':
			a->count = number(optarg, 1, 1e9, "--count");
			break;
		case '1':
			a->count = 1;
			break;
		case 'j':
			a->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "slattop: argument '%s': expected none\n", argv[optind]);
		exit(2);
	}
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, ap) : 0;
}

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static void wait_interval(double seconds)
{
	const struct timespec t = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	nanosleep(&t, NULL);
}

static struct slattop *start(void)
{
	struct slattop *top = slattop__open();
	int err;

	if (!top)
		die("BPF programs: %s", strerror(errno));
	events_find((struct offsets *)&top->rodata->offsets);
	err = slattop__load(top);
	if (err)
		die("the kernel refuses the BPF programs: %s%s", strerror(-err),
		    err == -EPERM ? ": expected root" : "");
	err = slattop__attach(top);
	if (err)
		die("the trace points of slat cannot be attached to: %s", strerror(-err));
	return top;
}

static void show_all(const struct maps *maps, const struct arguments *a)
{
	/* too large for the stack */
	static struct sample before, now, shown;

	sample_take(maps, &before);
	for (unsigned long n = 0; !stopped && (!a->count || n < a->count); n++) {
		wait_interval(a->interval);
		sample_take(maps, &now);
		shown = now;
		sample_subtract(&shown, &before);
		before = now;
		if (a->json)
			json_show(&shown);
		else
			screen_show(&shown, a->count != 1 && isatty(STDOUT_FILENO));
	}
}

int main(int argc, char **argv)
{
	struct arguments a = { .interval = 2 };
	struct slattop *top;
	struct maps maps;

	parse(argc, argv, &a);
	libbpf_set_print(quiet);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	top = start();
	maps = (struct maps){
		.vms = bpf_map__fd(top->maps.vms),
		.vcpus = bpf_map__fd(top->maps.vcpus),
		.slots = bpf_map__fd(top->maps.slots),
	};
	show_all(&maps, &a);
	slattop__destroy(top);
	return 0;
}
