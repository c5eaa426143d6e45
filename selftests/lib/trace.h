/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's trace points as tracefs shows them: events are enabled in a
 * tracing instance of the test's own, then read back as text. Used by the
 * tracing*.c tests.
 */
#ifndef SLAT_SELFTESTS_TRACE_H
#define SLAT_SELFTESTS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event {
	char name[32];
	char text[400];		/* " vm=1 gpa=0x1000 ..." */
};

struct trace {
	char base[64];		/* where tracefs is */
	char dir[96];		/* the instance */
	struct event *events;
	size_t nr;
};

/*
 * One instance for all tests of a program, made and removed by its main(): the
 * kernel makes a directory for each of its events then, many seconds of work on
 * a debug kernel.
 */
void trace_instance_make(void);
void trace_instance_remove(void);

/* 0, or -ENOENT where this kernel has no tracefs or the device no events. */
int trace_open(struct trace *t);
void trace_close(struct trace *t);

/* Enable the events of a list, divided by blanks, with an empty buffer. */
void trace_start(struct trace *t, const char *names);
/* Disable all and read what came. */
void trace_stop(struct trace *t);

/* The next event of that name behind @after (NULL: the first), or NULL. */
const struct event *trace_next(const struct trace *t, const char *name,
			       const struct event *after);
size_t trace_count(const struct trace *t, const char *name);

/* A field's value; a test must not go on without it, so none is fatal. */
uint64_t event_num(const struct event *ev, const char *field);
bool event_is(const struct event *ev, const char *field, const char *word);
/* Print what came, for a test that failed. */
void trace_dump(const struct trace *t);

/* Names in events/slat, sorted, each followed by a newline; free() it. */
char *trace_list(const struct trace *t);
/* The fields of an event, in order, divided by blanks; free() it. */
char *trace_fields(const struct trace *t, const char *name);

#endif
