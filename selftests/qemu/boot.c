// SPDX-License-Identifier: GPL-2.0
/*
 * A Linux guest's life: SeaBIOS, kernel, shell; paused and resumed, reset,
 * rebooted, powered off from inside and from outside; memory that is added
 * while it runs.
 */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

static const char *path(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s/%s", options.dir, name);
	return buf;
}

/*
 * With several vCPUs: Debian's QEMU 7.2 (7.2.22) never takes a start-up IPI
 * back when its own APIC serves KVM, and so, once such a vCPU halts, loops in
 * kvm_vcpu_thread_fn() with the big lock held (cpu_has_work() sees the bit,
 * kvm_arch_process_async_events() leaves it). Such a vCPU must never halt:
 * Linux idles by polling, and the firmware is one that does not start it,
 * which SeaBIOS does only to halt it again.
 */
static const char qboot[] = "/usr/share/qemu/qboot.rom";

bool guest_start(struct qemu *q, const char *name, const char *const *args)
{
	char kernel[128], initrd[128];
	const char *all[40] = {
		"-kernel", path(kernel, sizeof(kernel), "vmlinuz"),
		"-initrd", path(initrd, sizeof(initrd), "initrd"),
		"-append", "console=ttyS0 quiet panic=-1",
	};
	bool several = false;
	int n = 6;

	for (; args && *args && n < 36; args++) {
		several |= !strcmp(all[n - 1], "-smp") && strcmp(*args, "1");
		all[n++] = *args;
	}
	if (several) {
		all[5] = "console=ttyS0 quiet panic=-1 idle=poll";
		all[n++] = "-bios";
		all[n++] = qboot;
	}
	return qemu_start(q, name, all);
}

/* Where each vCPU stands, for the reader of a failure. */
static void show_registers(struct qemu *q)
{
	char reply[8192], *at;

	if (!q->pid || !qemu_do(q, reply, sizeof(reply), "human-monitor-command",
				"{\"command-line\": \"info registers -a\"}"))
		return;
	for (at = strstr(reply, "RIP="); at; at = strstr(at + 1, "RIP="))
		note("%s: %.90s", q->name, at);
}

bool guest_wait_shell(struct qemu *q, char *line, size_t size)
{
	char ignored[256];

	if (qemu_wait_text(q, &q->serial, "GUEST shell", BOOT_SECONDS, line ?: ignored,
			   line ? size : sizeof(ignored)))
		return true;
	show_registers(q);
	qemu_follow(1);
	show_registers(q);
	qemu_show_counters(q);
	return false;
}

bool guest_shell(struct qemu *q, double seconds, const char *command)
{
	static int serial;
	char text[40], line[80];

	/* The shell does not echo, so the text can only be its answer. */
	snprintf(text, sizeof(text), "GUEST did %d:", ++serial);
	if (!qemu_type(q, "%s; echo \"%s $?.\"\n", command, text) ||
	    !qemu_wait_text(q, &q->serial, text, seconds, line, sizeof(line)))
		return false;
	if (strstr(line, ": 0."))
		return true;
	note("%s: the guest's \"%s\" failed: %s", q->name, command, line);
	return false;
}

/* Boots with @cpus, tells ticks and seconds from QEMU's start to the shell. */
static bool boot(struct qemu *q, const char *smp, const char *cpu, const char *const *more)
{
	const char *args[24] = { "-m", "128", "-smp", smp, "-cpu", cpu };
	char line[160], cpus[16];
	uint64_t spent;
	int n = 6;

	while (more && *more && n < 23)
		args[n++] = *more++;
	if (!result(guest_start(q, "a", args), "QEMU starts"))
		return false;
	if (!result(guest_wait_shell(q, line, sizeof(line)), "the guest is at its shell"))
		return false;
	spent = ticks() - q->start_ticks;
	qemu_show_counters(q);
	snprintf(cpus, sizeof(cpus), " %s CPUs", smp);
	figures("\"cpus\": %s, \"cpu\": \"%s\", \"boot_ticks\": %llu, \"boot_seconds\": %.2f", smp,
		cpu, (unsigned long long)spent, now() - q->start_time);
	return result(strstr(line, cpus) && strstr(line, "Linux 6.1"),
		      "it has its kernel and %s CPUs", smp);
}

/* Powered off from inside: QEMU ends with status 0. */
static void guest_off(struct qemu *q)
{
	result(qemu_type(q, "poweroff -f\n") && qemu_wait_exit(q, 60) && qemu_quit(q),
	       "the guest powers itself off and QEMU ends");
}

static void run_boot1(void)
{
	struct qemu q;

	if (boot(&q, "1", "qemu64", NULL))
		guest_off(&q);
}

/* Pages that one vCPU writes and the other reads, both at work. */
static void busy_on_two(struct qemu *q)
{
	qemu_type(q, "taskset 1 guest busy 24 1 & a=$!; taskset 2 guest busy 24 1 & b=$!\n");
	result(qemu_wait_text(q, &q->serial, "GUEST busy: first pass", 120, NULL, 0) &&
	       guest_shell(q, 60, "sleep 3; taskset -p 2 $a; taskset -p 1 $b; sleep 3; "
			   "kill -USR1 $a $b; wait $a && wait $b"),
	       "memory that both write holds what was written, after they swapped vCPUs");
}

static void run_boot2(void)
{
	struct qemu q;

	if (!boot(&q, "2", "qemu64", NULL))
		return;
	result(guest_shell(&q, 60, "taskset 1 true && taskset 2 true"), "both CPUs run programs");
	busy_on_two(&q);
	/* Powering off, Linux would halt its second CPU first. */
	result(qemu_quit(&q), "QEMU ends when told");
}

static void run_cpu_host(void)
{
	struct qemu q;

	if (boot(&q, "1", "host", NULL))
		guest_off(&q);
}

static void run_cpu_max(void)
{
	struct qemu q;

	if (boot(&q, "1", "max", NULL))
		guest_off(&q);
}

/* The guest's time while it is stopped and after. */
static void pause_resume(struct qemu *q)
{
	size_t before;

	qemu_type(q, "for i in 1 2 3 4 5 6 7 8; do echo GUEST tick $i.; usleep 200000; done\n");
	if (!result(qemu_wait_text(q, &q->serial, "GUEST tick 2.", 30, NULL, 0), "the guest counts"))
		return;
	result(qemu_do(q, NULL, 0, "stop", NULL) && qemu_wait_event(q, "STOP", 30, NULL, 0) &&
	       qemu_wait_status(q, "paused", 10), "it is paused");
	/* what it had in the serial line's FIFO */
	qemu_follow(0.5);
	before = q->serial.len;
	qemu_follow(2);
	result(q->serial.len == before, "a paused guest says nothing");
	result(qemu_do(q, NULL, 0, "cont", NULL) && qemu_wait_status(q, "running", 10) &&
	       qemu_wait_text(q, &q->serial, "GUEST tick 8.", 60, NULL, 0),
	       "it is resumed and counts on");
}

static void run_life(void)
{
	struct qemu q;

	if (!boot(&q, "1", "qemu64", NULL))
		return;
	pause_resume(&q);
	if (!result(qemu_do(&q, NULL, 0, "system_reset", NULL) &&
		    qemu_wait_event(&q, "RESET", 30, NULL, 0) &&
		    guest_wait_shell(&q, NULL, 0), "system_reset: the guest boots again"))
		return;
	if (!result(qemu_type(&q, "reboot -f\n") && qemu_wait_event(&q, "RESET", 60, NULL, 0) &&
		    guest_wait_shell(&q, NULL, 0), "reboot: the guest boots again"))
		return;
	qemu_type(&q, "guest button 60 && poweroff -f\n");
	if (!result(qemu_wait_text(&q, &q.serial, "GUEST button: 1", 30, NULL, 0),
		    "the guest has a power button"))
		return;
	result(qemu_do(&q, NULL, 0, "system_powerdown", NULL) &&
	       qemu_wait_text(&q, &q.serial, "GUEST button: power", 30, NULL, 0) &&
	       qemu_wait_event(&q, "SHUTDOWN", 60, NULL, 0) &&
	       qemu_wait_exit(&q, 60) && qemu_quit(&q),
	       "system_powerdown: the guest powers off");
}

/* The guest's MemTotal in KiB, 0 where it does not answer. */
static uint64_t guest_memory(struct qemu *q)
{
	char line[80];
	unsigned long long kib = 0;

	qemu_type(q, "awk '/^MemTotal/ {print \"GUEST has\", $2, \"KiB\"}' /proc/meminfo\n");
	if (!qemu_wait_text(q, &q->serial, "GUEST has", 30, line, sizeof(line)))
		return 0;
	return sscanf(line, "GUEST has %llu", &kib) == 1 ? kib : 0;
}

static void run_hotplug(void)
{
	static const char *const more[] = { "-m", "128M,slots=2,maxmem=512M", NULL };
	uint64_t before, after = 0;
	struct qemu q;

	if (!boot(&q, "1", "qemu64", more))
		return;
	before = guest_memory(&q);
	if (!result(qemu_do(&q, NULL, 0, "object-add",
			    "{\"qom-type\": \"memory-backend-ram\", \"id\": \"m1\", "
			    "\"size\": 134217728}") &&
		    qemu_do(&q, NULL, 0, "device_add",
			    "{\"driver\": \"pc-dimm\", \"id\": \"d1\", \"memdev\": \"m1\"}"),
		    "QEMU adds a pc-dimm of 128 MiB"))
		return;
	for (int i = 0; i < 20 && after < before + 100 * 1024; i++) {
		qemu_follow(0.5);
		after = guest_memory(&q);
		if (!after)
			break;
	}
	if (!result(before && after >= before + 100 * 1024, "the guest has %llu KiB, had %llu",
		    (unsigned long long)after, (unsigned long long)before))
		return;
	/* More than what it had: new memory is used. */
	qemu_type(&q, "guest busy 160 1 & p=$!\n");
	result(qemu_wait_text(&q, &q.serial, "GUEST busy: first pass", 120, NULL, 0) &&
	       guest_shell(&q, 60, "kill -USR1 $p; wait $p"),
	       "160 MiB of the guest's memory hold what was written");
	guest_off(&q);
}

const struct scenario boot_scenarios[] = {
	{ "boot1", "SeaBIOS, Linux, shell with one vCPU, power off", run_boot1, 1 },
	{ "boot2", "qboot, Linux, shell with two vCPUs, both at work", run_boot2, 2 },
	{ "cpu-host", "the same with -cpu host", run_cpu_host, 1 },
	{ "cpu-max", "the same with -cpu max", run_cpu_max, 1 },
	{ "life", "pause and resume, reset, reboot, power button", run_life, 1 },
	{ "hotplug", "memory is added while the guest runs", run_hotplug, 1 },
	{ }
};
