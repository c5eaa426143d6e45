// SPDX-License-Identifier: GPL-2.0
/* What a command found: kept until the end, printed as lines or as JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "slatctl.h"

#define MAX_FINDINGS	64

struct record {
	enum level level;
	const char *name, *remedy;
	char *text;
};

static const char *const level_names[] = { "ok", "note", "warning", "FAIL" };
static const char *const level_json[] = { "ok", "note", "warning", "fail" };

static struct record records[MAX_FINDINGS];
static int nr_records;

void finding(enum level level, const char *name, const char *remedy,
	     const char *format, ...)
{
	struct record *r = &records[nr_records];
	va_list ap;

	if (nr_records == MAX_FINDINGS)
		return;
	va_start(ap, format);
	if (vasprintf(&r->text, format, ap) >= 0) {
		r->level = level;
		r->name = name;
		r->remedy = remedy;
		nr_records++;
	}
	va_end(ap);
}

void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void print_json(bool good)
{
	printf("{\n \"can_run\": %s,\n \"findings\": [", good ? "true" : "false");
	for (int i = 0; i < nr_records; i++) {
		const struct record *r = &records[i];

		printf("%s\n  {\"name\": ", i ? "," : "");
		json_string(r->name);
		printf(", \"level\": \"%s\", \"text\": ", level_json[r->level]);
		json_string(r->text);
		if (r->remedy) {
			printf(", \"remedy\": ");
			json_string(r->remedy);
		}
		printf("}");
	}
	printf("\n ]\n}\n");
}

static void print_lines(void)
{
	for (int i = 0; i < nr_records; i++) {
		const struct record *r = &records[i];

		printf("%-8s%-12s%s\n", level_names[r->level], r->name, r->text);
		if (r->remedy)
			printf("%20s%s\n", "-> ", r->remedy);
	}
}

bool findings_print(void)
{
	bool good = true;

	for (int i = 0; i < nr_records; i++)
		good = good && records[i].level != FINDING_FAIL;
	if (options.json)
		print_json(good);
	else
		print_lines();
	for (int i = 0; i < nr_records; i++)
		free(records[i].text);
	nr_records = 0;
	return good;
}
