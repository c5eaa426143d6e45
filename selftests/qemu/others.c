// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that others made: Debian's stock kernel, GRUB on a CD, and memtest86+,
 * which is no Linux.
 */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

/* Its XZ decompression alone is some 3 billion instructions. */
#define STOCK_SECONDS	900

static void run_stock(void)
{
	char kernel[128], initrd[128], line[160];
	const char *const args[] = {
		"-m", "256", "-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyS0 panic=-1", NULL
	};
	struct qemu q;

	snprintf(kernel, sizeof(kernel), "%s/vmlinuz-stock", options.dir);
	snprintf(initrd, sizeof(initrd), "%s/initrd", options.dir);
	if (!result(qemu_start(&q, "a", args), "QEMU starts"))
		return;
	if (!result(qemu_wait_text(&q, &q.serial, "GUEST shell", STOCK_SECONDS, line,
				   sizeof(line)), "Debian's kernel is at its shell"))
		return;
	figures("\"boot_ticks\": %llu, \"boot_seconds\": %.2f",
		(unsigned long long)(ticks() - q.start_ticks), now() - q.start_time);
	result(strstr(line, "-amd64") != NULL, "it is the stock kernel");
	result(qemu_type(&q, "poweroff -f\n") && qemu_wait_exit(&q, 120) && qemu_quit(&q),
	       "it powers itself off and QEMU ends");
}

/* SeaBIOS reads the CD by string port I/O; GRUB runs in real and protected mode. */
static void run_grub(void)
{
	char iso[128], line[160];
	const char *const args[] = { "-m", "128", "-cdrom", iso, "-boot", "d", NULL };
	struct qemu q;

	snprintf(iso, sizeof(iso), "%s/guest.iso", options.dir);
	if (!result(qemu_start(&q, "a", args), "QEMU starts"))
		return;
	if (!result(qemu_wait_text(&q, &q.serial, "GUEST shell", BOOT_SECONDS, line,
				   sizeof(line)), "GRUB boots Linux from a CD"))
		return;
	figures("\"boot_ticks\": %llu, \"boot_seconds\": %.2f",
		(unsigned long long)(ticks() - q.start_ticks), now() - q.start_time);
	qemu_show_counters(&q);
	result(qemu_type(&q, "poweroff -f\n") && qemu_wait_exit(&q, 60) && qemu_quit(&q),
	       "it powers itself off and QEMU ends");
}

/* memtest86+ in 16 MiB until its screen says @until, and what it says of errors. */
static void memtest(const char *until, const char *means, double seconds)
{
	char kernel[128];
	const char *const args[] = { "-m", "16", "-kernel", kernel, "-append", "console=ttyS0,115200", NULL };
	struct qemu q;

	snprintf(kernel, sizeof(kernel), "%s/memtest", options.dir);
	if (!result(qemu_start(&q, "a", args), "QEMU starts"))
		return;
	q.serial.screen = true;
	if (!result(qemu_wait_text(&q, &q.serial, "Memtest86+", 120, NULL, 0),
		    "memtest86+ shows its screen"))
		return;
	if (!result(qemu_wait_text(&q, &q.serial, until, seconds, NULL, 0), "%s", means))
		return;
	/* A screen has no ends of lines to wait for; it is painted anew all the time. */
	result(qemu_wait_text(&q, &q.serial, "Errors: 0 ", 60, NULL, 0), "it has found no error");
	result(qemu_quit(&q), "QEMU ends when told");
}

static void run_memtest(void)
{
	memtest("#5  [", "its tests 0 to 4 are done", 600);
}

static void run_memtest_pass(void)
{
	memtest("Pass:  1", "its first pass is done", 2700);
}

const struct scenario other_scenarios[] = {
	{ "stock", "Debian's stock 6.1 kernel as a guest", run_stock, 1 },
	{ "grub", "SeaBIOS, GRUB and Linux from a CD", run_grub, 1 },
	{ "memtest", "memtest86+, a guest that is not Linux: its first tests", run_memtest, 1 },
	{ "memtest-pass", "memtest86+: a whole pass", run_memtest_pass, 1 },
	{ }
};
