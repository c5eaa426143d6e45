// SPDX-License-Identifier: GPL-2.0
/* The tracing instance and the text that trace.h describes. */
#include "trace.h"
#include "vm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM		"slat"
#define MAX_EVENTS	8192

/* The program's instance; its tests, each a process of its own, inherit the name. */
static char instance[96];

static int file_write(const char *dir, const char *name, const char *text)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static void must_write(const struct trace *t, const char *name, const char *text)
{
	vm_must(file_write(t->dir, name, text), name);
}

static bool base_find(struct trace *t)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[128];

	mount("tracefs", places[0], "tracefs", 0, NULL);
	for (size_t i = 0; i < 2; i++) {
		snprintf(t->base, sizeof(t->base), "%s", places[i]);
		snprintf(path, sizeof(path), "%s/events/" SYSTEM, places[i]);
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

void trace_instance_make(void)
{
	struct trace t;

	if (!base_find(&t))
		return;
	snprintf(instance, sizeof(instance), "%s/instances/slat-test-%d", t.base, getpid());
	if (mkdir(instance, 0700))
		vm_must(-errno, instance);
}

void trace_instance_remove(void)
{
	if (*instance && rmdir(instance))
		vm_must(-errno, instance);
}

int trace_open(struct trace *t)
{
	memset(t, 0, sizeof(*t));
	if (!base_find(t) || !*instance)
		return -ENOENT;
	memcpy(t->dir, instance, sizeof(t->dir));
	t->events = calloc(MAX_EVENTS, sizeof(t->events[0]));
	if (!t->events)
		vm_must(-ENOMEM, "events");
	return 0;
}

void trace_close(struct trace *t)
{
	if (!t->events)
		return;
	must_write(t, "events/" SYSTEM "/enable", "0");
	free(t->events);
	t->events = NULL;
}

void trace_start(struct trace *t, const char *names)
{
	char list[512], path[128], *name, *rest = list;

	must_write(t, "tracing_on", "0");
	must_write(t, "trace", "");
	snprintf(list, sizeof(list), "%s", names);
	while ((name = strsep(&rest, " ")) != NULL) {
		snprintf(path, sizeof(path), "events/" SYSTEM "/%s/enable", name);
		must_write(t, path, "1");
	}
	must_write(t, "tracing_on", "1");
}

/* A line is "task-pid [cpu] flags time: name: fields". */
static void line_parse(struct trace *t, char *line)
{
	char *name = strstr(line, ": " SYSTEM "_"), *end;
	struct event *ev = &t->events[t->nr];

	if (line[0] == '#' || !name || t->nr == MAX_EVENTS)
		return;
	name += 2;
	end = strchr(name, ':');
	if (!end)
		return;
	*end = 0;
	snprintf(ev->name, sizeof(ev->name), "%s", name);
	snprintf(ev->text, sizeof(ev->text), "%s", end + 1);
	ev->text[strcspn(ev->text, "\n")] = 0;
	t->nr++;
}

void trace_stop(struct trace *t)
{
	char path[128], line[1024];
	FILE *file;

	must_write(t, "tracing_on", "0");
	must_write(t, "events/" SYSTEM "/enable", "0");
	t->nr = 0;
	snprintf(path, sizeof(path), "%s/trace", t->dir);
	file = fopen(path, "r");
	if (!file)
		vm_must(-errno, path);
	while (fgets(line, sizeof(line), file))
		line_parse(t, line);
	fclose(file);
}

const struct event *trace_next(const struct trace *t, const char *name,
			       const struct event *after)
{
	for (size_t i = after ? after - t->events + 1 : 0; i < t->nr; i++)
		if (!strcmp(t->events[i].name, name))
			return &t->events[i];
	return NULL;
}

size_t trace_count(const struct trace *t, const char *name)
{
	const struct event *ev = NULL;
	size_t nr = 0;

	while ((ev = trace_next(t, name, ev)) != NULL)
		nr++;
	return nr;
}

static const char *field_find(const struct event *ev, const char *field)
{
	char key[40];
	char *at;

	snprintf(key, sizeof(key), " %s=", field);
	at = strstr(ev->text, key);
	if (!at) {
		fprintf(stderr, "# %s has no field '%s':%s\n", ev->name, field, ev->text);
		abort();
	}
	return at + strlen(key);
}

uint64_t event_num(const struct event *ev, const char *field)
{
	return strtoull(field_find(ev, field), NULL, 0);
}

bool event_is(const struct event *ev, const char *field, const char *word)
{
	const char *value = field_find(ev, field);
	size_t len = strcspn(value, " ");

	if (len == strlen(word) && !strncmp(value, word, len))
		return true;
	fprintf(stderr, "# expected %s=%s:%s\n", field, word, ev->text);
	return false;
}

void trace_dump(const struct trace *t)
{
	for (size_t i = 0; i < t->nr && i < 100; i++)
		fprintf(stderr, "# %s:%s\n", t->events[i].name, t->events[i].text);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *trace_list(const struct trace *t)
{
	char path[128], *names[64], *list = calloc(64, 64);
	struct dirent *entry;
	size_t nr = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/events/" SYSTEM, t->base);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && nr < 64)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			names[nr++] = strdup(entry->d_name);
	if (dir)
		closedir(dir);
	qsort(names, nr, sizeof(names[0]), by_name);
	for (size_t i = 0; i < nr; i++) {
		strcat(strncat(list, names[i], 62), "\n");
		free(names[i]);
	}
	return list;
}

/* A line is "\tfield:u32 vm;\toffset:8;\t...". */
static void field_append(char *fields, char *line)
{
	char *end = strchr(line, ';'), *name;

	if (strncmp(line, "\tfield:", 7) || !end)
		return;
	*end = 0;
	name = strrchr(line, ' ');
	if (!name || !strncmp(name + 1, "common_", 7))
		return;
	strncat(fields, name + (*fields ? 0 : 1), 62);
}

char *trace_fields(const struct trace *t, const char *name)
{
	char path[192], line[8192], *fields = calloc(64, 64);
	FILE *file;

	snprintf(path, sizeof(path), "%s/events/" SYSTEM "/%s/format", t->base, name);
	file = fopen(path, "r");
	if (!file)
		return fields;
	while (fgets(line, sizeof(line), file))
		field_append(fields, line);
	fclose(file);
	return fields;
}
