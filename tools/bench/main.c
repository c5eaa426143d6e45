// SPDX-License-Identifier: GPL-2.0
/*
 * slatbench's frame: options, the samples of each row, and what is printed of
 * them: a table for people, or JSON for tools/bench/report.
 */
#include "bench.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define ROWS_MAX	192
#define SAMPLES_MAX	64

struct row {
	char name[64];
	const char *title;
	const char *unit;
	double samples[SAMPLES_MAX];
	unsigned int nr;
};

static struct row rows[ROWS_MAX];
static unsigned int nr_rows;

#define HISTOGRAMS_MAX	8
#define BUCKETS		48	/* bucket n counts values in [2^n, 2^(n+1)) */

static struct histogram {
	char name[64];
	const char *title;
	const char *unit;
	unsigned int counts[BUCKETS];
} histograms[HISTOGRAMS_MAX];

static unsigned int nr_histograms;

static struct {
	const char *json;
	const char *label;
	char *const *names;
	unsigned int repeats;
	bool zaps_own_slot;
	bool lists;
} options = { .repeats = 5 };

static const struct group {
	const char *name;
	void (*run)(void);
} groups[] = {
	{ "floor", group_floor },
	{ "fault", group_fault },
	{ "mmio", group_mmio },
	{ "slot", group_slots },
	{ "dirty", group_dirty },
	{ "life", group_life },
	{ "memory", group_memory },
	{ "scene", group_scene },
	{ "lock", group_locks },
	{ "grow", group_growth },
};

static const char usage[] =
"usage: slatbench [options] [NAME...]\n"
"Measures what operations of a VMM cost on one device, in TSC ticks.\n"
"NAME: groups or rows whose names begin so; all where none is given.\n"
"  --device NODE    /dev/slat (default), /dev/kvm\n"
"  --repeat N       times that a group repeats its measurements (default 5)\n"
"  --json FILE      write JSON too; - is standard output\n"
"  --label TEXT     the setting's name in the JSON (default: the device)\n"
"  --zap-own        KVM only: disable KVM_X86_QUIRK_SLOT_ZAP_ALL in each VM\n"
"  --list           the names of the groups\n";

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

bool bench_wants(const char *name)
{
	if (!*options.names)
		return true;
	for (char *const *n = options.names; *n; n++)
		if (begins(name, *n) || begins(*n, name))
			return true;
	return false;
}

unsigned int bench_repeats(void)
{
	return options.repeats;
}

unsigned int bench_repeats_few(void)
{
	return options.repeats < 3 ? options.repeats : 3;
}

bool bench_zaps_own_slot(void)
{
	return options.zaps_own_slot;
}

void bench_progress(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "slatbench: %s: ", options.label);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static struct row *row_of(const char *name)
{
	struct row *row = rows;

	while (row < rows + nr_rows && strcmp(row->name, name))
		row++;
	if (row == rows + ROWS_MAX) {
		fprintf(stderr, "slatbench: row %s: more than %d rows\n", name, ROWS_MAX);
		exit(1);
	}
	return row;
}

void bench_sample(const char *name, const char *title, const char *unit, double value)
{
	struct row *row;

	if (!bench_wants(name))
		return;
	row = row_of(name);
	if (row == rows + nr_rows) {
		nr_rows++;
		snprintf(row->name, sizeof(row->name), "%s", name);
		row->title = title;
		row->unit = unit;
	}
	if (row->nr < SAMPLES_MAX)
		row->samples[row->nr++] = value;
}

static struct histogram *histogram_of(const char *name)
{
	struct histogram *h = histograms;

	while (h < histograms + nr_histograms && strcmp(h->name, name))
		h++;
	if (h == histograms + HISTOGRAMS_MAX) {
		fprintf(stderr, "slatbench: histogram %s: more than %d\n", name, HISTOGRAMS_MAX);
		exit(1);
	}
	return h;
}

void bench_histogram(const char *name, const char *title, const char *unit, uint64_t value)
{
	struct histogram *h;
	unsigned int bucket = value ? 63 - __builtin_clzll(value) : 0;

	if (!bench_wants(name))
		return;
	h = histogram_of(name);
	if (h == histograms + nr_histograms) {
		nr_histograms++;
		snprintf(h->name, sizeof(h->name), "%s", name);
		h->title = title;
		h->unit = unit;
	}
	h->counts[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_table(void)
{
	printf("%-28s %14s %14s %14s  %s\n", "row", "median", "least", "greatest", "unit");
	for (struct row *row = rows; row < rows + nr_rows; row++)
		printf("%-28s %14.1f %14.1f %14.1f  %s\n", row->name,
		       row->samples[row->nr / 2], row->samples[0],
		       row->samples[row->nr - 1], row->unit);
}

/* The buckets that are not empty, as "exponent": count. */
static void write_histograms(FILE *file)
{
	for (struct histogram *h = histograms; h < histograms + nr_histograms; h++) {
		const char *comma = "";

		fprintf(file, "%s\n {\"name\": \"%s\", \"title\": \"%s\", \"unit\": \"%s\", "
			"\"log2\": {", h == histograms ? "" : ",", h->name, h->title, h->unit);
		for (unsigned int i = 0; i < BUCKETS; i++) {
			if (!h->counts[i])
				continue;
			fprintf(file, "%s\"%u\": %u", comma, i, h->counts[i]);
			comma = ", ";
		}
		fputs("}}", file);
	}
}

static void write_json(FILE *file)
{
	struct utsname host;

	uname(&host);
	fprintf(file, "{\"label\": \"%s\", \"kernel\": \"%s\", \"build\": \"%s\", \"rows\": [",
		options.label, host.release, host.version);
	for (struct row *row = rows; row < rows + nr_rows; row++)
		fprintf(file, "%s\n {\"name\": \"%s\", \"title\": \"%s\", \"unit\": \"%s\", "
			"\"median\": %.1f, \"min\": %.1f, \"max\": %.1f, \"n\": %u}",
			row == rows ? "" : ",", row->name, row->title, row->unit,
			row->samples[row->nr / 2], row->samples[0],
			row->samples[row->nr - 1], row->nr);
	fprintf(file, "\n], \"histograms\": [");
	write_histograms(file);
	fprintf(file, "\n]}\n");
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "json", required_argument, NULL, 'j' },
		{ "label", required_argument, NULL, 'l' },
		{ "zap-own", no_argument, NULL, 'z' },
		{ "list", no_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'd':
			vm_set_device(optarg);
			break;
		case 'r':
			options.repeats = strtoul(optarg, NULL, 10);
			break;
		case 'j':
			options.json = optarg;
			break;
		case 'l':
			options.label = optarg;
			break;
		case 'z':
			options.zaps_own_slot = true;
			break;
		case 'L':
			options.lists = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (!options.repeats || options.repeats > SAMPLES_MAX / 3) {
		fprintf(stderr, "slatbench: --repeat: expected 1 to %d\n", SAMPLES_MAX / 3);
		exit(2);
	}
	if (!options.label)
		options.label = vm_device();
	options.names = argv + optind;
}

int main(int argc, char **argv)
{
	FILE *json = stdout;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (options.lists)
			printf("%s\n", groups[i].name);
		else if (bench_wants(groups[i].name))
			groups[i].run();
	}
	if (options.lists)
		return 0;
	if (!nr_rows) {
		fprintf(stderr, "slatbench: no row was measured: see --list\n");
		return 1;
	}
	for (struct row *row = rows; row < rows + nr_rows; row++)
		qsort(row->samples, row->nr, sizeof(row->samples[0]), by_value);
	print_table();
	if (!options.json)
		return 0;
	if (strcmp(options.json, "-"))
		json = fopen(options.json, "w");
	if (!json) {
		perror(options.json);
		return 1;
	}
	write_json(json);
	return fflush(json) || ferror(json);
}
