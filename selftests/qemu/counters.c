// SPDX-License-Identifier: GPL-2.0
/*
 * What the modules count for a VM: slat.ko in debugfs slat/PID-FD/stats, a
 * line a counter; kvm_intel in kvm/PID-FD/, a file a counter. Zeros are left
 * out; the rest are shown on a few lines.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu.h"

#define DEBUGFS		"/sys/kernel/debug"
#define LINE		100

struct text {
	char line[LINE + 60];
	size_t len;
};

static void add(struct text *t, const char *name, unsigned long long value)
{
	if (!value)
		return;
	t->len += snprintf(t->line + t->len, sizeof(t->line) - t->len, " %.40s %llu", name, value);
	if (t->len < LINE)
		return;
	note("counters:%s", t->line);
	t->len = 0;
}

static void show_file(struct text *t, const char *path)
{
	unsigned long long value;
	char name[64];
	FILE *f = fopen(path, "r");

	while (f && fscanf(f, "%63s %llu", name, &value) == 2)
		add(t, name, value);
	if (f)
		fclose(f);
}

static void show_directory(struct text *t, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[600];

	while (dir && (entry = readdir(dir))) {
		unsigned long long value;
		FILE *f;

		if (entry->d_type != DT_REG)
			continue;
		snprintf(name, sizeof(name), "%.300s/%s", path, entry->d_name);
		f = fopen(name, "r");
		if (f && fscanf(f, "%llu", &value) == 1)
			add(t, entry->d_name, value);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
}

static void show_module(struct text *t, const char *module, int pid)
{
	char path[300], name[400], prefix[16];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), DEBUGFS "/%s", module);
	snprintf(prefix, sizeof(prefix), "%d-", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(name, sizeof(name), "%.60s/%.60s", path, entry->d_name);
		show_directory(t, name);
		strcat(name, "/stats");
		show_file(t, name);
	}
	if (dir)
		closedir(dir);
}

void qemu_show_counters(struct qemu *q)
{
	struct text t = { };

	show_module(&t, "slat", q->pid);
	show_module(&t, "kvm", q->pid);
	if (t.len)
		note("counters:%s", t.line);
}
