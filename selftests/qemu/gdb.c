// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's gdbstub, spoken to in gdb's remote protocol: registers and memory,
 * single steps, software and hardware breakpoints, a watchpoint. The guest is
 * the loop "debugged" of bad.S.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

/* Where bad.S keeps the addresses of its loop's instructions. */
#define TABLE		0xfff00
#define PLACES		4
/* RIP in the answer to "g": after sixteen registers of 16 digits. */
#define RIP_AT		(16 * 16)
#define SECONDS		30

static bool gdb_send(struct qemu *q, const char *packet)
{
	unsigned char sum = 0;
	char text[256];
	int n;

	for (const char *c = packet; *c; c++)
		sum += *c;
	n = snprintf(text, sizeof(text), "$%s#%02x", packet, sum);
	return qemu_send(&q->gdb, text, n);
}

/* The next packet's content; acknowledged. */
static bool gdb_receive(struct qemu *q, char *reply, size_t size)
{
	struct stream *s = &q->gdb;
	double end = now() + SECONDS;
	char *from, *to = NULL;

	for (;;) {
		from = s->text ? strchr(s->text + s->seen, '$') : NULL;
		to = from ? strchr(from, '#') : NULL;
		if (to && to + 2 < s->text + s->len)
			break;
		if (now() > end) {
			note("gdbstub: no answer within %d s", SECONDS);
			return false;
		}
		qemu_follow(0.1);
	}
	snprintf(reply, size, "%.*s", (int)(to - from - 1), from + 1);
	s->seen = to + 3 - s->text;
	return qemu_send(s, "+", 1);
}

static bool gdb_ask(struct qemu *q, const char *packet, char *reply, size_t size)
{
	return gdb_send(q, packet) && gdb_receive(q, reply, size);
}

static bool gdb_ok(struct qemu *q, const char *packet)
{
	char reply[64];

	if (!gdb_ask(q, packet, reply, sizeof(reply)))
		return false;
	if (strcmp(reply, "OK"))
		note("gdbstub: \"%s\" is answered by \"%s\"", packet, reply);
	return !strcmp(reply, "OK");
}

/* Bytes in memory order, as hexadecimal digits. */
static uint64_t little_endian(const char *digits, int bytes)
{
	uint64_t value = 0;

	for (int i = bytes - 1; i >= 0; i--) {
		char two[3] = { digits[2 * i], digits[2 * i + 1] };

		value = value << 8 | strtoul(two, NULL, 16);
	}
	return value;
}

static uint64_t gdb_rip(struct qemu *q)
{
	char reply[4096];

	if (!gdb_ask(q, "g", reply, sizeof(reply)) || strlen(reply) < RIP_AT + 16)
		return 0;
	return little_endian(reply + RIP_AT, 8);
}

/* A running guest stops, with @stop in what the stub says, at @rip. */
static bool gdb_stops(struct qemu *q, const char *stop, uint64_t rip)
{
	char reply[256];
	uint64_t at;

	if (!gdb_receive(q, reply, sizeof(reply)))
		return false;
	at = gdb_rip(q);
	if (strstr(reply, stop) && at == rip)
		return true;
	note("gdbstub: stopped with \"%s\" at %#llx, not \"%s\" at %#llx", reply,
	     (unsigned long long)at, stop, (unsigned long long)rip);
	return false;
}

static bool gdb_run(struct qemu *q, const char *packet, const char *stop, uint64_t rip)
{
	return gdb_send(q, packet) && gdb_stops(q, stop, rip);
}

static bool breakpoint(struct qemu *q, char verb, int type, uint64_t address)
{
	char packet[64];

	snprintf(packet, sizeof(packet), "%c%d,%llx,%d", verb, type,
		 (unsigned long long)address, type >= 2 ? 4 : 1);
	return gdb_ok(q, packet);
}

static void debug_loop(struct qemu *q, const uint64_t *place, uint64_t watched)
{
	char watch[40];

	result(breakpoint(q, 'Z', 0, place[0]) && gdb_send(q, "c") &&
	       qemu_send(&q->serial, "b", 1) && gdb_stops(q, "T05", place[0]),
	       "a software breakpoint stops the guest");
	result(breakpoint(q, 'z', 0, place[0]) && gdb_run(q, "s", "T05", place[1]) &&
	       gdb_run(q, "s", "T05", place[2]) && gdb_run(q, "s", "T05", place[3]),
	       "single steps, one instruction each");
	result(breakpoint(q, 'Z', 1, place[1]) && gdb_run(q, "c", "T05", place[1]) &&
	       breakpoint(q, 'z', 1, place[1]), "a hardware breakpoint stops the guest");
	snprintf(watch, sizeof(watch), "watch:%016llx", (unsigned long long)watched);
	result(breakpoint(q, 'Z', 2, watched) && gdb_run(q, "c", watch, place[3]) &&
	       breakpoint(q, 'z', 2, watched), "a watchpoint tells the write");
}

static void run_gdb(void)
{
	char rom[128], reply[4096];
	const char *const args[] = { "-bios", rom, "-m", "16", "-chardev", "socket,id=gdb,fd=5",
			       "-gdb", "chardev:gdb", NULL };
	uint64_t place[PLACES], watched;
	struct qemu q;

	snprintf(rom, sizeof(rom), "%s/bad.rom", options.dir);
	if (!result(qemu_start(&q, "a", args) && gdb_ask(&q, "?", reply, sizeof(reply)) &&
		    reply[0] == 'T', "the gdbstub has stopped the guest"))
		return;
	if (!result(gdb_send(&q, "c") &&
		    qemu_wait_text(&q, &q.serial, "ROM ready", 60, NULL, 0) &&
		    qemu_send(&q.gdb, "\003", 1) && gdb_receive(&q, reply, sizeof(reply)) &&
		    !strncmp(reply, "T02", 3), "it is continued and interrupted"))
		return;
	snprintf(reply, sizeof(reply), "m%x,%x", TABLE, (PLACES + 1) * 4);
	if (!result(gdb_ask(&q, reply, reply, sizeof(reply)) &&
		    strlen(reply) == (PLACES + 1) * 8, "its memory is read"))
		return;
	for (int i = 0; i < PLACES; i++)
		place[i] = little_endian(reply + i * 8, 4);
	watched = little_endian(reply + PLACES * 8, 4);
	debug_loop(&q, place, watched);
	result(gdb_ok(&q, "D") && qemu_wait_text(&q, &q.serial, "ROM loop is done", 60, NULL, 0) &&
	       qemu_quit(&q), "gdb leaves, the guest ends its loop");
}

const struct scenario gdb_scenarios[] = {
	{ "gdb", "QEMU's gdbstub: steps, breakpoints, a watchpoint", run_gdb, 1 },
	{ }
};
