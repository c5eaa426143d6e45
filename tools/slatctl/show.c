// SPDX-License-Identifier: GPL-2.0
/*
 * slatctl show: the slots of a VM and what its EPT maps in each, from debugfs;
 * as text, as JSON, or as a picture (svg.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "slatctl.h"

static const char *const protects[] = { "default", "auto", "classic", "rmap", "scan" };

const char *protect_text(unsigned int protect)
{
	return protect < sizeof(protects) / sizeof(protects[0]) ? protects[protect] : "?";
}

/* One more element at the end of an array that grows by doubling. */
static void *array_add(void *array, int nr, size_t size)
{
	void *larger;

	if (nr & (nr - 1))
		return array;
	larger = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!larger) {
		fputs("slatctl: out of memory\n", stderr);
		exit(1);
	}
	return larger;
}

static unsigned long long member(const char *line, const char *name)
{
	char pattern[40];
	const char *at;

	snprintf(pattern, sizeof(pattern), " %s ", name);
	at = strstr(line, pattern);
	return at ? strtoull(at + strlen(pattern), NULL, 0) : 0;
}

/* "ID gpa N size N ..." */
static void slot_parse(const char *line, struct picture *p)
{
	struct slot_view slot = {
		.id = strtoul(line, NULL, 10),
		.first = member(line, "gpa") / PAGE,
		.npages = member(line, "size") / PAGE,
		.flags = member(line, "flags"),
		.protect = member(line, "protect"),
		.mapped = member(line, "mapped_4k"),
		.writable = member(line, "writable"),
		.dirty_now = member(line, "dirty_now"),
		.faults = member(line, "faults_ram") + member(line, "faults_write"),
		.zapped = member(line, "zapped"),
	};

	p->slots = array_add(p->slots, p->nr_slots, sizeof(slot));
	p->slots[p->nr_slots++] = slot;
}

/* "LEVEL gfn FIRST-LAST leaf|mmio|table ..." */
static void run_parse(const char *line, struct picture *p)
{
	struct run_view run = { };
	char kind[16];
	int used = 0;

	if (sscanf(line, " %d gfn 0x%llx-0x%llx %15s %n", &run.level, &run.first, &run.last, kind,
		   &used) != 4 || !strcmp(kind, "table"))
		return;
	run.mmio = !strcmp(kind, "mmio");
	run.stale = run.mmio && strstr(line, " stale");
	if (!run.mmio)
		snprintf(run.rights, sizeof(run.rights), "%.6s", line + used);
	p->runs = array_add(p->runs, p->nr_runs, sizeof(run));
	p->runs[p->nr_runs++] = run;
}

static bool file_read(const char *vm, const char *name, struct picture *p,
		      void (*parse)(const char *line, struct picture *p))
{
	char path[300], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), VMS_DIRECTORY "/%s/%s", vm, name);
	f = fopen(host_path("%s", path), "r");
	if (!f) {
		fprintf(stderr, "slatctl: %s: %s\n", path, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "generation ", 11))
			p->generation = strtoull(line + 11, NULL, 10);
		else
			parse(line, p);
	}
	fclose(f);
	return true;
}

static bool run_in_slot(const struct run_view *run, const struct slot_view *slot)
{
	return run->last >= slot->first && run->first < slot->first + slot->npages;
}

static void run_line(const struct run_view *run, const char *indent)
{
	printf("%s0x%llx-0x%llx level %d ", indent, run->first, run->last, run->level);
	if (run->mmio)
		puts(run->stale ? "mmio, stale" : "mmio");
	else
		printf("%s\n", run->rights);
}

static bool run_has_slot(const struct picture *p, const struct run_view *run)
{
	for (int i = 0; i < p->nr_slots; i++)
		if (run_in_slot(run, &p->slots[i]))
			return true;
	return false;
}

static void show_lines(const struct picture *p)
{
	printf("VM %s, generation %llu; gfns\n", p->name, p->generation);
	for (int i = 0; i < p->nr_slots; i++) {
		const struct slot_view *s = &p->slots[i];

		printf("slot %u: 0x%llx-0x%llx, flags %u, policy %s: %llu of %llu pages mapped, %llu writable, %llu dirty\n",
		       s->id, s->first, s->first + s->npages - 1, s->flags,
		       protect_text(s->protect), s->mapped, s->npages, s->writable,
		       s->dirty_now);
		for (int j = 0; j < p->nr_runs; j++)
			if (run_in_slot(&p->runs[j], s))
				run_line(&p->runs[j], "  ");
	}
	puts("no slot:");
	for (int j = 0; j < p->nr_runs; j++)
		if (!run_has_slot(p, &p->runs[j]))
			run_line(&p->runs[j], "  ");
}

static void show_json(const struct picture *p)
{
	printf("{\"vm\": ");
	json_string(p->name);
	printf(", \"generation\": %llu, \"slots\": [", p->generation);
	for (int i = 0; i < p->nr_slots; i++) {
		const struct slot_view *s = &p->slots[i];

		printf("%s\n {\"slot\": %u, \"base_gfn\": %llu, \"npages\": %llu, \"flags\": %u, \"policy\": \"%s\", ",
		       i ? "," : "", s->id, s->first, s->npages, s->flags,
		       protect_text(s->protect));
		printf("\"mapped\": %llu, \"writable\": %llu, \"dirty\": %llu, \"faults\": %llu, \"zapped\": %llu}",
		       s->mapped, s->writable, s->dirty_now, s->faults, s->zapped);
	}
	printf("],\n \"runs\": [");
	for (int j = 0; j < p->nr_runs; j++) {
		const struct run_view *r = &p->runs[j];

		printf("%s\n {\"first_gfn\": %llu, \"last_gfn\": %llu, \"level\": %d, ", j ? "," : "",
		       r->first, r->last, r->level);
		if (r->mmio)
			printf("\"mmio\": \"%s\"}", r->stale ? "stale" : "current");
		else
			printf("\"rights\": \"%s\"}", r->rights);
	}
	puts("]}");
}

int cmd_show(void)
{
	struct picture p = { };
	bool good;

	if (!vm_directory(options.args[0], p.name, sizeof(p.name)))
		return 1;
	good = file_read(p.name, "slots", &p, slot_parse) && file_read(p.name, "ept", &p, run_parse);
	if (good && options.svg)
		show_svg(&p);
	else if (good && options.json)
		show_json(&p);
	else if (good)
		show_lines(&p);
	free(p.slots);
	free(p.runs);
	return good ? 0 : 1;
}
