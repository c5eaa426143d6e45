// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU processes: start, streams, QMP, end. See qemu.h for what the scenarios
 * may rely on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "qemu.h"

#define MAX_PROCESSES	4
#define MAX_ARGS	64
/* A line of the guest without an end is shown in pieces of this size. */
#define SHOWN_MAX	160

/* The processes that are followed. */
static struct qemu *running[MAX_PROCESSES];

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}

void note(const char *format, ...)
{
	static double first;
	va_list ap;

	if (!first)
		first = now();
	printf("# [%5.1f] ", now() - first);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void stream_open(struct stream *s, int fd, char mark)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->mark = mark;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void stream_close(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->text);
	s->text = NULL;
	s->len = 0;
	s->seen = 0;
}

/*
 * Of the monitor only what it says by itself, of gdb nothing; not what QEMU
 * says at each start about the local APIC that we ask for and paravirtual
 * features that a module does not have.
 */
static bool is_worth_showing(const struct stream *s, const char *line)
{
	switch (s->mark) {
	case '@':
		return false;
	case '|':
		return !s->screen;
	case '>':
		return strstr(line, "\"event\"");
	case '!':
		return !strstr(line, "CPUID.40000001H") && !strstr(line, "kernel-irqchip except") &&
		       !strstr(line, "local APIC is deprecated");
	default:
		return true;
	}
}

/* Shows the whole lines that came, without what a terminal would obey. */
static void stream_show(struct stream *s, const char *name)
{
	size_t end = s->shown;

	for (; end < s->len; end++) {
		char line[SHOWN_MAX + 1];
		size_t n = 0;

		if (s->text[end] != '\n' && end - s->shown < SHOWN_MAX)
			continue;
		for (size_t i = s->shown; i < end; i++)
			if (s->text[i] >= ' ' && s->text[i] < 127)
				line[n++] = s->text[i];
		line[n] = 0;
		if (n && is_worth_showing(s, line))
			note("%s%c %s", name, s->mark, line);
		s->shown = end + (s->text[end] == '\n');
	}
}

/* Makes room for @more bytes and a NUL. */
static void stream_grow(struct stream *s, size_t more)
{
	while (s->size - s->len <= more) {
		s->size = s->size ? s->size * 2 : 16384;
		s->text = realloc(s->text, s->size);
		if (!s->text) {
			perror("realloc");
			exit(1);
		}
		s->text[s->len] = 0;
	}
}

/* Reads what is there; true where something was. */
static bool stream_read(struct stream *s, const char *name)
{
	bool any = false;

	while (s->fd >= 0) {
		ssize_t n;

		stream_grow(s, 4096);
		n = read(s->fd, s->text + s->len, s->size - s->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			close(s->fd);
			s->fd = -1;
		}
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			if (!s->text[s->len + i])
				s->text[s->len + i] = ' ';
		s->len += n;
		s->text[s->len] = 0;
		any = true;
	}
	if (any)
		stream_show(s, name);
	return any;
}

/* Sorts the monitor's lines: greeting, events, the answer to a command. */
static void monitor_read(struct qemu *q)
{
	struct stream *s = &q->qmp;
	char *line, *end;

	while (s->text && (end = strchr(s->text + s->seen, '\n'))) {
		size_t len = end + 1 - (s->text + s->seen);

		line = s->text + s->seen;
		if (!strncmp(line, "{\"QMP\"", 6)) {
			q->greeted = true;
		} else if (!strncmp(line, "{\"timestamp\"", 12)) {
			stream_grow(&q->events, len);
			memcpy(q->events.text + q->events.len, line, len);
			q->events.len += len;
			q->events.text[q->events.len] = 0;
		} else {
			snprintf(q->reply, sizeof(q->reply), "%.*s", (int)len - 1, line);
			q->replied = true;
		}
		s->seen += len;
	}
}

/* One look at every process's streams, at most @ms of waiting for them. */
static bool follow(int ms)
{
	struct pollfd fds[MAX_PROCESSES * 4];
	bool any = false;
	nfds_t n = 0;

	for (int i = 0; i < MAX_PROCESSES; i++) {
		struct qemu *q = running[i];

		if (!q)
			continue;
		fds[n++] = (struct pollfd){ .fd = q->serial.fd, .events = POLLIN };
		fds[n++] = (struct pollfd){ .fd = q->qmp.fd, .events = POLLIN };
		fds[n++] = (struct pollfd){ .fd = q->err.fd, .events = POLLIN };
		fds[n++] = (struct pollfd){ .fd = q->gdb.fd, .events = POLLIN };
	}
	poll(fds, n, ms);
	for (int i = 0; i < MAX_PROCESSES; i++) {
		struct qemu *q = running[i];

		if (!q)
			continue;
		any |= stream_read(&q->serial, q->name);
		any |= stream_read(&q->qmp, q->name);
		any |= stream_read(&q->err, q->name);
		any |= stream_read(&q->gdb, q->name);
		monitor_read(q);
	}
	return any;
}

void qemu_follow(double seconds)
{
	double end = now() + seconds;

	while (now() < end)
		follow(100);
}

/* Whether the process has ended and all that it said was read. */
static bool ended(struct qemu *q)
{
	if (q->pid > 0 && waitpid(q->pid, &q->status, WNOHANG) == q->pid)
		q->pid = 0;
	return !q->pid && !follow(0);
}

static const char *status_text(int status)
{
	static char text[40];

	if (WIFEXITED(status))
		snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(status));
	else
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	return text;
}

/* Says each quarter of a minute what is waited for; the machine wants a sign. */
static void say_waiting(struct qemu *q, const char *text, double *last)
{
	if (now() - *last < 15)
		return;
	*last = now();
	note("%s: waiting for \"%s\"", q->name, text);
}

static bool stream_find(struct stream *s, const char *text, char *line, size_t size)
{
	char *at, *end;

	if (!s->text)
		return false;
	at = strstr(s->text + s->seen, text);
	if (!at)
		return false;
	if (!line) {
		s->seen = at + strlen(text) - s->text;
		return true;
	}
	end = strchr(at, '\n');
	if (!end)
		return false;
	snprintf(line, size, "%.*s", (int)(end - at), at);
	line[strcspn(line, "\r")] = 0;
	s->seen = end - s->text;
	return true;
}

bool qemu_wait_text(struct qemu *q, struct stream *s, const char *text, double seconds,
		    char *line, size_t size)
{
	double end = now() + seconds, last = now();

	while (!stream_find(s, text, line, size)) {
		if (ended(q) && !stream_find(s, text, line, size)) {
			note("%s: QEMU ended (%s) before \"%s\"", q->name,
			     status_text(q->status), text);
			return false;
		}
		if (now() > end) {
			note("%s: no \"%s\" within %.0f s", q->name, text, seconds);
			return false;
		}
		say_waiting(q, text, &last);
		follow(200);
	}
	return true;
}

bool qemu_wait_exit(struct qemu *q, double seconds)
{
	double end = now() + seconds, last = now();

	while (!ended(q)) {
		if (now() > end) {
			note("%s: QEMU has not ended within %.0f s", q->name, seconds);
			return false;
		}
		say_waiting(q, "its end", &last);
		follow(200);
	}
	return true;
}

bool qemu_send(struct stream *s, const char *data, size_t len)
{
	double end = now() + 30;

	while (len) {
		ssize_t n = write(s->fd, data, len);

		if (n > 0) {
			data += n;
			len -= n;
			continue;
		}
		if ((errno != EAGAIN && errno != EINTR) || now() > end) {
			note("write to QEMU: %s", strerror(errno));
			return false;
		}
		follow(50);
	}
	return true;
}

bool qemu_type(struct qemu *q, const char *format, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return qemu_send(&q->serial, text, n);
}

bool qemu_do(struct qemu *q, char *reply, size_t size, const char *command,
	     const char *arguments)
{
	char text[1024], reason[256] = "no reason";
	double end = now() + 60;
	int n;

	n = snprintf(text, sizeof(text), "{\"execute\": \"%s\"%s%s}\n", command,
		     arguments ? ", \"arguments\": " : "", arguments ?: "");
	q->replied = false;
	if (!qemu_send(&q->qmp, text, n))
		return false;
	while (!q->replied) {
		if (ended(q) && !q->replied) {
			note("%s: QEMU ended at %s", q->name, command);
			return !strcmp(command, "quit");
		}
		if (now() > end) {
			note("%s: no answer to %s within 60 s", q->name, command);
			return false;
		}
		follow(200);
	}
	if (!strncmp(q->reply, "{\"error\"", 8)) {
		json_string(q->reply, "desc", reason, sizeof(reason));
		note("%s: %s is refused: %s", q->name, command, reason);
		return false;
	}
	if (reply)
		snprintf(reply, size, "%s", q->reply);
	return true;
}

bool qemu_wait_event(struct qemu *q, const char *event, double seconds, char *line, size_t size)
{
	char text[80], ignored[1024];

	snprintf(text, sizeof(text), "\"event\": \"%s\"", event);
	return qemu_wait_text(q, &q->events, text, seconds, line ?: ignored,
			      line ? size : sizeof(ignored));
}

bool qemu_wait_status(struct qemu *q, const char *status, double seconds)
{
	double end = now() + seconds;
	char reply[512], is[64];

	do {
		if (!qemu_do(q, reply, sizeof(reply), "query-status", NULL) ||
		    !json_string(reply, "status", is, sizeof(is)))
			return false;
		if (!strcmp(is, status))
			return true;
		qemu_follow(0.2);
	} while (now() < end);
	note("%s: status is \"%s\", not \"%s\"", q->name, is, status);
	return false;
}

bool json_string(const char *json, const char *key, char *value, size_t size)
{
	char text[80];
	const char *at;

	snprintf(text, sizeof(text), "\"%s\": \"", key);
	at = strstr(json, text);
	if (!at)
		return false;
	at += strlen(text);
	snprintf(value, size, "%.*s", (int)strcspn(at, "\""), at);
	return true;
}

bool json_number(const char *json, const char *key, uint64_t *value)
{
	char text[80];
	const char *at;

	snprintf(text, sizeof(text), "\"%s\": ", key);
	at = strstr(json, text);
	if (!at)
		return false;
	*value = strtoull(at + strlen(text), NULL, 10);
	return true;
}

/* In the child: descriptors 3, 4 and 5 are serial line, monitor and gdbstub. */
static void run_emulator(const int fds[4], const char *const *args)
{
	const char *argv[MAX_ARGS] = {
		options.emulator, "-accel", options.accel, "-machine",
		strcmp(options.accel, "kvm") ? "pc" : "pc,kernel-irqchip=off",
		"-nodefaults", "-no-user-config", "-display", "none", "-vga", "std",
		"-chardev", "socket,id=serial,fd=3", "-serial", "chardev:serial",
		"-chardev", "socket,id=monitor,fd=4", "-mon", "chardev=monitor,mode=control",
	};
	int n = 0, up[3];

	while (argv[n])
		n++;
	while (*args && n < MAX_ARGS - 1)
		argv[n++] = *args++;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* First out of the way of the final numbers. */
	for (int i = 0; i < 3; i++)
		up[i] = fcntl(fds[i], F_DUPFD, 20);
	for (int i = 0; i < 3; i++)
		dup2(up[i], 3 + i);
	dup2(fds[3], 1);
	dup2(fds[3], 2);
	for (int i = 6; i < 64; i++)
		close(i);
	execv(options.emulator, (char *const *)argv);
	perror(options.emulator);
	_exit(127);
}

static bool slot_take(struct qemu *q)
{
	for (int i = 0; i < MAX_PROCESSES; i++) {
		if (!running[i]) {
			running[i] = q;
			return true;
		}
	}
	return false;
}

bool qemu_start(struct qemu *q, const char *name, const char *const *args)
{
	int serial[2], qmp[2], gdb[2], err[2];
	struct stream *streams[] = { &q->serial, &q->qmp, &q->gdb };
	int *pairs[] = { serial, qmp, gdb };
	int child[4];

	memset(q, 0, sizeof(*q));
	q->name = name;
	q->events.fd = -1;
	for (int i = 0; i < 3; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i])) {
			note("socketpair: %s", strerror(errno));
			return false;
		}
		child[i] = pairs[i][1];
		stream_open(streams[i], pairs[i][0], "|>@"[i]);
	}
	if (!slot_take(q) || pipe(err)) {
		note("no place for another QEMU");
		return false;
	}
	child[3] = err[1];
	stream_open(&q->err, err[0], '!');
	q->start_time = now();
	q->start_ticks = ticks();
	q->pid = fork();
	if (!q->pid)
		run_emulator(child, args);
	for (int i = 0; i < 4; i++)
		close(child[i]);
	if (q->pid < 0)
		return false;
	while (!q->greeted) {
		if (ended(q) && !q->greeted) {
			note("%s: QEMU does not start (%s)", name, status_text(q->status));
			return false;
		}
		if (now() > q->start_time + 120) {
			note("%s: no word of QEMU's monitor within 120 s", name);
			return false;
		}
		follow(200);
	}
	return qemu_do(q, NULL, 0, "qmp_capabilities", NULL);
}

static void qemu_forget(struct qemu *q)
{
	stream_close(&q->serial);
	stream_close(&q->qmp);
	stream_close(&q->err);
	stream_close(&q->gdb);
	stream_close(&q->events);
	for (int i = 0; i < MAX_PROCESSES; i++)
		if (running[i] == q)
			running[i] = NULL;
}

bool qemu_quit(struct qemu *q)
{
	bool good = true;

	if (!ended(q)) {
		good = qemu_do(q, NULL, 0, "quit", NULL) && qemu_wait_exit(q, 60);
		if (!good && q->pid > 0) {
			kill(q->pid, SIGKILL);
			qemu_wait_exit(q, 60);
		}
	}
	if (good && (!WIFEXITED(q->status) || WEXITSTATUS(q->status))) {
		note("%s: QEMU ended with %s", q->name, status_text(q->status));
		good = false;
	}
	qemu_forget(q);
	return good;
}

void qemu_kill_all(void)
{
	for (int i = 0; i < MAX_PROCESSES; i++) {
		struct qemu *q = running[i];

		if (!q)
			continue;
		if (q->pid > 0) {
			kill(q->pid, SIGKILL);
			qemu_wait_exit(q, 60);
		}
		qemu_forget(q);
	}
}
