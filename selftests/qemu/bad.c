// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that misbehave (bad.S, run as QEMU's firmware): the end that KVM
 * gives them, and a QEMU that still answers and ends when it is told to.
 */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

static bool rom_start(struct qemu *q)
{
	char rom[128];
	const char *const args[] = { "-bios", rom, "-m", "16", "-no-reboot", NULL };

	snprintf(rom, sizeof(rom), "%s/bad.rom", options.dir);
	return result(qemu_start(q, "a", args) &&
		      qemu_wait_text(q, &q->serial, "ROM ready", 60, NULL, 0),
		      "a firmware of our own runs");
}

/* The letter, and what the guest must say within 60 seconds. */
static bool rom_does(struct qemu *q, const char *letter, const char *answer)
{
	return qemu_send(&q->serial, letter, 1) &&
	       qemu_wait_text(q, &q->serial, answer, 60, NULL, 0);
}

/* The whole: no matter what the guest does, QEMU obeys. */
static void rom_quit(struct qemu *q)
{
	char reply[256];

	result(qemu_do(q, reply, sizeof(reply), "query-status", NULL) && qemu_quit(q),
	       "QEMU answers and ends when told");
}

static void run_triple_fault(void)
{
	char line[512];
	struct qemu q;

	if (!rom_start(&q))
		return;
	qemu_send(&q.serial, "t", 1);
	result(qemu_wait_event(&q, "SHUTDOWN", 60, line, sizeof(line)) &&
	       strstr(line, "\"guest-reset\""), "a triple fault resets the guest");
	result(qemu_wait_exit(&q, 60) && qemu_quit(&q), "QEMU, told not to reboot, ends");
}

/* Instructions that no one can fetch: an internal error stops the guest. */
static void jump_into(const char *letter)
{
	struct qemu q;

	if (!rom_start(&q))
		return;
	qemu_send(&q.serial, letter, 1);
	result(qemu_wait_text(&q, &q.err, "KVM internal error. Suberror: 1", 60, NULL, 0),
	       "KVM_EXIT_INTERNAL_ERROR with suberror 1");
	result(qemu_wait_status(&q, "internal-error", 30), "QEMU stops the guest");
	rom_quit(&q);
}

static void run_jump(void)
{
	jump_into("j");
}

static void run_jump_screen(void)
{
	jump_into("v");
}

static void run_rom(void)
{
	struct qemu q;

	if (!rom_start(&q))
		return;
	result(rom_does(&q, "r", "ROM unchanged"), "writes to the ROM it runs in change nothing");
	rom_quit(&q);
}

static void run_debug(void)
{
	struct qemu q;

	if (!rom_start(&q))
		return;
	result(rom_does(&q, "d", "ROM debug traps are all there"),
	       "20003 single steps and 10000 data breakpoints are told");
	rom_quit(&q);
}

static void run_alignment(void)
{
	struct qemu q;

	if (!rom_start(&q))
		return;
	result(rom_does(&q, "a", "....."), "20480 alignment checks reach the guest");
	result(qemu_do(&q, NULL, 0, "stop", NULL) && qemu_wait_status(&q, "paused", 30) &&
	       qemu_do(&q, NULL, 0, "cont", NULL) &&
	       qemu_wait_text(&q, &q.serial, "..", 60, NULL, 0),
	       "a guest that faults for ever is stopped and goes on");
	rom_quit(&q);
}

static void run_halt(void)
{
	struct qemu q;

	if (!rom_start(&q))
		return;
	qemu_send(&q.serial, "h", 1);
	qemu_follow(1);
	result(qemu_wait_status(&q, "running", 10), "a guest that halts with interrupts off stays");
	rom_quit(&q);
}

static void run_garbage(void)
{
	struct qemu q;

	if (!rom_start(&q))
		return;
	result(rom_does(&q, "g", "ROM garbage is written"),
	       "garbage in ports, IOAPIC, HPET, local APIC and screen");
	rom_quit(&q);
}

const struct scenario bad_scenarios[] = {
	{ "bad-triple", "a guest faults three times over", run_triple_fault, 1 },
	{ "bad-jump", "a guest jumps into a device", run_jump, 1 },
	{ "bad-screen", "a guest jumps into the screen's window", run_jump_screen, 1 },
	{ "bad-rom", "a guest runs in read-only memory and writes to it", run_rom, 1 },
	{ "bad-debug", "a guest single-steps and hits breakpoints", run_debug, 1 },
	{ "bad-align", "a guest faults with #AC for ever", run_alignment, 1 },
	{ "bad-halt", "a guest halts with interrupts off", run_halt, 1 },
	{ "bad-garbage", "a guest writes garbage into its devices", run_garbage, 1 },
	{ }
};
