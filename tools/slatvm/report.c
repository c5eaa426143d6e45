// SPDX-License-Identifier: GPL-2.0
/*
 * Figures in rows: printed as a table, written as JSON, and several JSON files
 * compared side by side. The reader understands the files that this program
 * writes, one row a line, and no other JSON.
 */
#include "slatvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX	4

#define LOOPS		200000

static uint64_t loop_ticks(void)
{
	uint64_t start = ticks_now();

	for (uint32_t n = LOOPS; n; )
		__asm__ volatile("dec %0" : "+r"(n) : : "cc");
	return ticks_now() - start;
}

static uint64_t loop_ticks_with_nops(void)
{
	uint64_t start = ticks_now();

	for (uint32_t n = LOOPS; n; )
		__asm__ volatile(".rept 32\n nop\n .endr\n dec %0" : "+r"(n) : : "cc");
	return ticks_now() - start;
}

/* On silicon 32 NOPs cost some eight cycles; where they cost 32 ticks, ticks count them. */
bool ticks_are_instructions(void)
{
	double extra = 1e18;

	for (int i = 0; i < 5; i++) {
		double plain = loop_ticks();
		double nops = loop_ticks_with_nops();

		if (nops - plain < extra)
			extra = nops - plain;
	}
	extra /= LOOPS;
	return extra > 31.5 && extra < 32.5;
}

void report_add(struct report *r, const char *name, const char *title, double value,
		const char *unit)
{
	if (r->nr_rows < sizeof(r->rows) / sizeof(r->rows[0]))
		r->rows[r->nr_rows++] = (struct row) { name, title, value, unit, NULL };
}

void report_note(struct report *r, const char *note)
{
	r->rows[r->nr_rows - 1].note = note;
}

static void print_value(double value)
{
	printf(value < 100 ? " %14.1f" : " %14.0f", value);
}

void report_print(const struct report *r)
{
	printf("\n%-58s %14s\n", "", r->device);
	for (unsigned int i = 0; i < r->nr_rows; i++) {
		printf("%-58s", r->rows[i].title);
		print_value(r->rows[i].value);
		printf("  %s", r->rows[i].unit);
		if (r->rows[i].note)
			printf(" (%s)", r->rows[i].note);
		printf("\n");
	}
}

static void row_write_json(FILE *file, const struct row *row)
{
	fprintf(file, "{\"name\": \"%s\", \"title\": \"%s\", \"unit\": \"%s\", ", row->name,
		row->title, row->unit);
	if (row->note)
		fprintf(file, "\"note\": \"%s\", ", row->note);
	fprintf(file, "\"value\": %.3f}", row->value);
}

void report_write_json(const struct report *r, const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "w") : stdout;

	if (!file)
		die(errno, "%s", path);
	fprintf(file, "{\n\"device\": \"%s\",\n\"ticks_are_instructions\": %s,\n\"rows\": [\n",
		r->device, r->ticks_are_instructions ? "true" : "false");
	for (unsigned int i = 0; i < r->nr_rows; i++) {
		row_write_json(file, &r->rows[i]);
		fprintf(file, "%s\n", i + 1 < r->nr_rows ? "," : "");
	}
	fprintf(file, "]\n}\n");
	if (file != stdout && fclose(file))
		die(errno, "%s", path);
}

/* The text of "@key": "..." in @line, in memory of its own; NULL when absent. */
static char *json_text(const char *line, const char *key)
{
	char pattern[32];
	const char *start;

	snprintf(pattern, sizeof(pattern), "\"%s\": \"", key);
	start = strstr(line, pattern);
	if (!start)
		return NULL;
	start += strlen(pattern);
	return strndup(start, strcspn(start, "\""));
}

static void report_read_json(struct report *r, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (!file)
		die(errno, "%s", path);
	memset(r, 0, sizeof(*r));
	while (fgets(line, sizeof(line), file)) {
		const char *value = strstr(line, "\"value\": ");

		if (!r->device)
			r->device = json_text(line, "device");
		if (strstr(line, "\"ticks_are_instructions\": true"))
			r->ticks_are_instructions = true;
		if (value) {
			report_add(r, json_text(line, "name"), json_text(line, "title"),
				   atof(value + strlen("\"value\": ")), json_text(line, "unit"));
			report_note(r, json_text(line, "note"));
		}
	}
	fclose(file);
	if (!r->device || !r->nr_rows)
		die(0, "%s: expected a file written by \"slatvm demo --json\"", path);
}

static const struct row *find_row(const struct report *r, const char *name)
{
	for (unsigned int i = 0; i < r->nr_rows; i++)
		if (!strcmp(r->rows[i].name, name))
			return &r->rows[i];
	return NULL;
}

/* How many times the first file's value the best of the others is. */
static void print_ratio(double first, double best)
{
	if (first > 0 && best > 0)
		printf(" %9.2fx", best / first);
	else
		printf(" %10s", "-");
}

static void compare_row(const struct report *reports, unsigned int n, const struct row *row)
{
	double best = 0;

	printf("%-58s", row->title);
	print_value(row->value);
	for (unsigned int i = 1; i < n; i++) {
		const struct row *other = find_row(&reports[i], row->name);

		if (!other) {
			printf(" %14s", "n/a");
			continue;
		}
		print_value(other->value);
		if (!best || other->value < best)
			best = other->value;
	}
	print_ratio(row->value, best);
	printf("  %s", row->unit);
	if (row->note)
		printf(" (%s: %s)", reports[0].device, row->note);
	printf("\n");
}

int report_compare(char **paths, unsigned int n)
{
	static struct report reports[FILES_MAX];
	bool instructions = true;

	if (n < 2 || n > FILES_MAX)
		die(0, "compare: expected 2 to %d files", FILES_MAX);
	for (unsigned int i = 0; i < n; i++) {
		report_read_json(&reports[i], paths[i]);
		instructions &= reports[i].ticks_are_instructions;
	}
	printf("%-58s", "");
	for (unsigned int i = 0; i < n; i++)
		printf(" %14s", reports[i].device);
	printf(" %10s\n", "best/first");
	for (unsigned int i = 0; i < reports[0].nr_rows; i++)
		compare_row(reports, n, &reports[0].rows[i]);
	printf("best/first: the best of the other columns over the first; above 1 the first wins\n");
	if (instructions)
		printf("ticks: one per instruction on this emulated machine, so these are path\n"
		       "lengths in software, not times of any silicon.\n");
	return 0;
}
