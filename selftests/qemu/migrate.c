// SPDX-License-Identifier: GPL-2.0
/*
 * Live migration: the guest rewrites memory with a pattern all the while and
 * verifies each word before it writes the next; where it arrives it verifies
 * everything once more. To another QEMU over a Unix socket, and to a file.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"

/* MiB that the guest keeps busy. */
#define BUSY_MIB	24
/* Rounds of precopy before the guest may be stopped for the rest. */
#define ROUNDS		4
#define SOCKET		"/tmp/slat-migrate"
#define STATE_FILE	"/tmp/slat-state"
/* How often the guest moves in the long form. */
#define HOPS		20

/* One way of a migration. */
struct way {
	const char *to;
	const char *from;
	/* a listener must be there before the source starts */
	bool live;
};

static const struct way over_socket = { "unix:" SOCKET, "unix:" SOCKET, true };
static const struct way over_file = { "exec:cat > " STATE_FILE, "exec:cat " STATE_FILE, false };

static bool busy_start(struct qemu *q, int threads)
{
	char text[64];

	snprintf(text, sizeof(text), "guest busy %d %d & p=$!\n", BUSY_MIB, threads);
	return qemu_type(q, "%s", text) &&
	       qemu_wait_text(q, &q->serial, "GUEST busy: first pass", 120, NULL, 0);
}

/* The guest's own verdict on its memory. */
static bool busy_verify(struct qemu *q, unsigned long long *passes)
{
	char line[160];
	unsigned long long wrong = 1;
	char *at;

	if (!qemu_type(q, "kill -USR1 $p; wait $p\n") ||
	    !qemu_wait_text(q, &q->serial, "GUEST busy: verified", 120, line, sizeof(line)))
		return false;
	at = strstr(line, "threads, ");
	return at && sscanf(at, "threads, %llu passes, %llu words", passes, &wrong) == 2 && !wrong;
}

static bool downtime_limit(struct qemu *q, int ms)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"downtime-limit\": %d}", ms);
	return qemu_do(q, NULL, 0, "migrate-set-parameters", text);
}

/* Follows the source until it is done; false where it failed. */
static bool migrate_follow(struct qemu *q, char *reply, size_t size)
{
	double end = now() + 300, shown = 0;
	bool pressed = false;
	char status[40];

	for (;;) {
		uint64_t rounds = 0, left = 0;

		if (!qemu_do(q, reply, size, "query-migrate", NULL) ||
		    !json_string(reply, "status", status, sizeof(status)))
			return false;
		json_number(reply, "dirty-sync-count", &rounds);
		json_number(reply, "remaining", &left);
		if (!strcmp(status, "completed"))
			return true;
		if (!strcmp(status, "failed") || now() > end) {
			note("%s: migration is %s: %s", q->name, status, reply);
			return false;
		}
		if (now() > shown + 2) {
			shown = now();
			note("%s: migration %s, round %llu, %llu KiB left", q->name, status,
			     (unsigned long long)rounds, (unsigned long long)left / 1024);
		}
		/* The guest writes faster than a socket is filled: end it by force. */
		if (rounds >= ROUNDS && !pressed) {
			pressed = true;
			if (!downtime_limit(q, 60000))
				return false;
		}
		qemu_follow(0.1);
	}
}

static void tell_figures(const char *reply, const char *way, unsigned long long passes)
{
	static const char *const keys[] = {
		"dirty-sync-count", "normal", "duplicate", "transferred", "downtime", "total-time",
	};
	uint64_t v[6] = {};

	for (int i = 0; i < 6; i++)
		json_number(reply, keys[i], &v[i]);
	note("strategy %s: %llu rounds, %llu pages sent, %llu of one byte, %llu KiB, downtime %llu ms, %llu ms in all",
	     options.strategy, (unsigned long long)v[0], (unsigned long long)v[1],
	     (unsigned long long)v[2], (unsigned long long)v[3] / 1024,
	     (unsigned long long)v[4], (unsigned long long)v[5]);
	figures("\"way\": \"%s\", \"rounds\": %llu, \"pages\": %llu, \"pages_of_one_byte\": %llu, \"bytes\": %llu, \"downtime_ms\": %llu, \"total_ms\": %llu, \"guest_passes\": %llu",
		way, (unsigned long long)v[0], (unsigned long long)v[1],
		(unsigned long long)v[2], (unsigned long long)v[3], (unsigned long long)v[4],
		(unsigned long long)v[5], passes);
}

/* The destination, which waits for its guest. */
static bool incoming_start(struct qemu *q, const char *name, const char *smp,
			   const struct way *way)
{
	const char *const args[] = { "-m", "128", "-smp", smp, "-incoming", way->from, NULL };

	if (way->live)
		unlink(SOCKET);
	return guest_start(q, name, args);
}

/* From @a, which ends, to @b, which starts; the guest of @b verifies. */
static bool hop(struct qemu *a, struct qemu *b, const char *name, const char *smp,
		const struct way *way)
{
	char arguments[120], reply[4096];
	unsigned long long passes = 0;

	if (way->live && !incoming_start(b, name, smp, way))
		return result(false, "the destination starts");
	snprintf(arguments, sizeof(arguments), "{\"uri\": \"%s\"}", way->to);
	if (!downtime_limit(a, 1) || !qemu_do(a, NULL, 0, "migrate", arguments) ||
	    !migrate_follow(a, reply, sizeof(reply)))
		return result(false, "the guest is sent");
	if (!way->live && !incoming_start(b, name, smp, way))
		return result(false, "the destination starts");
	if (!qemu_wait_event(b, "RESUME", 120, NULL, 0) || !qemu_wait_status(b, "running", 60))
		return result(false, "the guest runs where it arrived");
	if (!qemu_quit(a))
		return result(false, "the source ends");
	/* some passes over memory that came from afar */
	qemu_follow(1);
	if (!busy_verify(b, &passes))
		return result(false, "the guest's memory is what it wrote");
	tell_figures(reply, way->live ? "socket" : "file", passes);
	return true;
}

static void migrate(const char *smp, const struct way *way, int hops)
{
	const char *const args[] = { "-m", "128", "-smp", smp, NULL };
	static const char *const names[] = { "a", "b" };
	int threads = smp[0] - '0', done = 0;
	struct qemu q[2];

	if (!result(guest_start(&q[0], names[0], args) && guest_wait_shell(&q[0], NULL, 0),
		    "the guest is at its shell"))
		return;
	for (; done < hops; done++) {
		struct qemu *from = &q[done % 2], *to = &q[(done + 1) % 2];

		if (!result(busy_start(from, threads), "the guest writes %d MiB", BUSY_MIB))
			return;
		if (!hop(from, to, names[(done + 1) % 2], smp, way))
			return;
		result(true, "migration %d: the guest verified its memory", done + 1);
	}
	result(guest_shell(&q[done % 2], 30, "true") && qemu_quit(&q[done % 2]),
	       "the guest answers where it is now, and QEMU ends");
	unlink(STATE_FILE);
}

static void run_migrate(void)
{
	migrate("1", &over_socket, 1);
}

static void run_migrate2(void)
{
	migrate("2", &over_socket, 1);
}

static void run_many(void)
{
	migrate("1", &over_socket, HOPS);
}

static void run_save(void)
{
	migrate("1", &over_file, 1);
}

const struct scenario migrate_scenarios[] = {
	{ "migrate", "live migration of a busy guest to another QEMU", run_migrate, 1 },
	{ "migrate2", "the same with two vCPUs", run_migrate2, 2 },
	{ "migrate-many", "a busy guest migrates twenty times", run_many, 1 },
	{ "save", "a busy guest is saved to a file and restored", run_save, 1 },
	{ }
};
