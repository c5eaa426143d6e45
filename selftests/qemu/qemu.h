/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU processes as a test sees them: started with a serial line and a QMP
 * monitor on socket pairs, followed with bounded waits, ended for certain.
 * One thread; while anything is waited for, the output of every process is
 * read and shown. Nothing here judges: calls say whether it came to pass,
 * and print why it did not.
 */
#ifndef SLAT_QEMU_QEMU_H
#define SLAT_QEMU_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Text from one descriptor, kept whole; seen is how far searches have come. */
struct stream {
	int fd;
	char *text;
	size_t len, size;
	size_t seen, shown;
	char mark;
	/* it paints a screen: no lines worth telling */
	bool screen;
};

struct qemu {
	const char *name;
	pid_t pid;
	int status;
	struct stream serial, qmp, err, gdb;
	struct stream events;
	bool greeted, replied;
	char reply[8192];
	uint64_t start_ticks;
	double start_time;
};

/* What all processes have in common; set by main from its arguments. */
struct options {
	const char *device;
	const char *strategy;
	const char *dir;
	const char *emulator;
	const char *accel;
	int cpus;
};

extern struct options options;

double now(void);
uint64_t ticks(void);

/**
 * qemu_start() - run QEMU with the arguments that all scenarios share
 * @q: what is filled in
 * @name: what its lines are marked with
 * @args: further arguments, ended by NULL
 *
 * Return: whether its monitor answers.
 */
bool qemu_start(struct qemu *q, const char *name, const char *const *args);

/* Ends the process, by QMP, else by force; true where it did what QMP asked. */
bool qemu_quit(struct qemu *q);

/* Forces every process that is left. */
void qemu_kill_all(void);

/* Waits until the process has ended by itself; its status is in q->status. */
bool qemu_wait_exit(struct qemu *q, double seconds);

/**
 * qemu_wait_text() - wait for @text in a stream, after what was found before
 * @line: where the rest of the line goes, with @text at its start; NULL: do
 *        not wait for the end of the line
 */
bool qemu_wait_text(struct qemu *q, struct stream *s, const char *text, double seconds,
		    char *line, size_t size);

/* Waits for a QMP event; @line holds its JSON. */
bool qemu_wait_event(struct qemu *q, const char *event, double seconds, char *line, size_t size);

/* Takes in whatever comes for that long. */
void qemu_follow(double seconds);

/* What the guest's keyboard types. */
bool qemu_type(struct qemu *q, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes into any stream's descriptor. */
bool qemu_send(struct stream *s, const char *data, size_t len);

/**
 * qemu_do() - one QMP command
 * @reply: where its answer goes, NULL where only success counts
 * @command: the command's name
 * @arguments: JSON object or NULL
 */
bool qemu_do(struct qemu *q, char *reply, size_t size, const char *command,
	     const char *arguments);

/* Waits until query-status says @status. */
bool qemu_wait_status(struct qemu *q, const char *status, double seconds);

/* The number, or the string, that follows the first "key": in @json. */
bool json_number(const char *json, const char *key, uint64_t *value);
bool json_string(const char *json, const char *key, char *value, size_t size);

/* What the module counted for this process's VM so far, from debugfs. */
void qemu_show_counters(struct qemu *q);

/* A line for the reader of the TAP stream. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
