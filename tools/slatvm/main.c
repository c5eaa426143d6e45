// SPDX-License-Identifier: GPL-2.0
/* Options of the reference VMM; the work is in run.c, linux.c, demo.c and report.c. */
#include "linux.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
"usage: slatvm demo    [--device NODE] [--mem MIB] [--cpus N] [--json FILE] [--label TEXT]\n"
"       slatvm run     [--device NODE] [--mem MIB] [--load ADDRESS] [--real] IMAGE\n"
"       slatvm linux   [--device NODE] [--mem MIB] [--initrd FILE] [--append TEXT]\n"
"                      [--migrate SECONDS] BZIMAGE\n"
"       slatvm compare FILE FILE...\n"
"\n"
"demo     runs a guest over a few hundred MiB of slots and shows what faults,\n"
"         MMIO exits, slot changes and dirty-log rounds cost on the device\n"
"run      enters a flat binary at ADDRESS in 32-bit protected mode, or in real\n"
"         mode; port 0xe9 is its console, port 0xf4 ends with a status, HLT with 0\n"
"linux    boots Linux with a serial console on standard input and output, and ends\n"
"         when the guest reboots; with --migrate it moves, running, to a second\n"
"         process after SECONDS and goes on there\n"
"compare  prints files written by \"demo --json\" side by side\n"
"\n"
"  --device NODE   default: $SLAT_DEV, else /dev/slat; /dev/kvm works alike\n"
"  --mem MIB       guest memory (demo: 256, run: 64, linux: 128)\n"
"  --cpus N        vCPUs of the demo, 1 to 16 (1)\n"
"  --load ADDRESS  where IMAGE lies and starts (0x100000; with --real 0x7c00)\n"
"  --initrd FILE   the guest's initramfs\n"
"  --append TEXT   more of the guest kernel's command line\n"
"  --json FILE     also write the demo's figures there; - is standard output\n"
"  --label TEXT    the device's name in tables\n";

static const struct option options[] = {
	{ "device", required_argument, NULL, 'd' },
	{ "mem", required_argument, NULL, 'm' },
	{ "cpus", required_argument, NULL, 'c' },
	{ "json", required_argument, NULL, 'j' },
	{ "label", required_argument, NULL, 'n' },
	{ "load", required_argument, NULL, 'l' },
	{ "real", no_argument, NULL, 'r' },
	{ "initrd", required_argument, NULL, 'i' },
	{ "append", required_argument, NULL, 'a' },
	{ "migrate", required_argument, NULL, 'M' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	const char *device;
	uint64_t mem;
	uint64_t load;
	struct demo_options demo;
	struct run_options run;
	struct linux_options boot;
};

static uint64_t number(const char *text, uint64_t min, uint64_t max, const char *what)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (!*text || *end || *text == '-' || value < min || value > max)
		die(0, "%s '%s': expected a number from %llu to %llu", what, text,
		    (unsigned long long)min, (unsigned long long)max);
	return value;
}

static void parse(int argc, char **argv, struct arguments *a)
{
	int c;

	while ((c = getopt_long(argc, argv, "d:m:c:j:n:l:rh", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			a->device = optarg;
			break;
		case 'm':
			a->mem = number(optarg, 4, 2048, "--mem");
			break;
		case 'c':
			a->demo.cpus = number(optarg, 1, CPUS_MAX, "--cpus");
			break;
		case 'j':
			a->demo.json = optarg;
			break;
		case 'n':
			a->demo.label = optarg;
			break;
		case 'l':
			a->load = number(optarg, 0, 0xffffffff, "--load");
			break;
		case 'r':
			a->run.real_mode = true;
			break;
		case 'i':
			a->boot.initrd = optarg;
			break;
		case 'a':
			a->boot.append = optarg;
			break;
		case 'M':
			a->boot.migrate_after_s = number(optarg, 1, 86400, "--migrate");
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
}

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *env = getenv("SLAT_DEV");
	struct arguments a = {
		.device = env && *env ? env : "/dev/slat",
		.load = ~0ull,
		.demo.cpus = 1,
	};
	const char *command;
	int left;

	parse(argc, argv, &a);
	left = argc - optind - 1;
	if (left < 0)
		return wrong_usage();
	command = argv[optind++];
	if (!strcmp(command, "demo") && left == 0) {
		a.demo.memory = (a.mem ? a.mem : 256) * MIB;
		return demo(a.device, &a.demo);
	}
	if (!strcmp(command, "run") && left == 1) {
		a.run.image = argv[optind];
		a.run.memory = (a.mem ? a.mem : 64) * MIB;
		a.run.load = a.load != ~0ull ? a.load : a.run.real_mode ? 0x7c00 : 0x100000;
		return run_image(a.device, &a.run);
	}
	if (!strcmp(command, "linux") && left == 1) {
		a.boot.kernel = argv[optind];
		a.boot.memory = (a.mem ? a.mem : 128) * MIB;
		return linux_boot(a.device, &a.boot);
	}
	if (!strcmp(command, "compare"))
		return report_compare(argv + optind, left);
	return wrong_usage();
}
