// SPDX-License-Identifier: GPL-2.0
/* Options of slatctl; each command has a file of its own. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slatctl.h"

struct options options = { .root = "", .slot = -1 };

static const char usage[] =
"usage: slatctl doctor [--json] [--dry] [--root DIR]\n"
"       slatctl list [--json]\n"
"       slatctl show [--json | --svg] VM\n"
"       slatctl explain [--json] VM ADDRESS [read|write|exec]\n"
"       slatctl policy [--slot N] VM [default|auto|classic|rmap|scan]\n"
"       slatctl error [--json] VM\n"
"\n"
"doctor   tells whether Slat can run on this machine, and what to do where it can't;\n"
"         with the module loaded it runs a guest of one instruction\n"
"list     the VMs of the module, one a line (needs debugfs, so root)\n"
"show     a VM's slots and what its EPT maps in each (needs debugfs)\n"
"explain  why an access to a guest physical address exits, or that it doesn't\n"
"policy   shows or sets how dirty pages are write-protected again\n"
"error    why the VM's last failed ioctl was refused, in words\n"
"\n"
"VM is a process, PID, or PID-FD where it has more than one VM (see list). The last\n"
"three take the VM's descriptor from that process, which needs the right to trace it.\n"
"\n"
"  --json      machine-readable\n"
"  --svg       show: a picture\n"
"  --dry       doctor: look only, make no VM\n"
"  --root DIR  doctor, list, show: read the host's files below DIR (implies --dry)\n"
"  --slot N    policy: of slot N, not of the VM\n"
"\n"
"Exit status: 0 fine (doctor: Slat can run here), 1 not, 2 wrong usage.\n";

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "svg", no_argument, NULL, 'v' },
	{ "dry", no_argument, NULL, 'n' },
	{ "root", required_argument, NULL, 'r' },
	{ "slot", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* @min and @max: how many arguments it takes. */
struct command {
	const char *name;
	int (*run)(void);
	int min, max;
};

static const struct command commands[] = {
	{ "doctor", cmd_doctor, 0, 0 },
	{ "list", cmd_list, 0, 0 },
	{ "show", cmd_show, 1, 1 },
	{ "explain", cmd_explain, 2, 3 },
	{ "policy", cmd_policy, 1, 2 },
	{ "error", cmd_error, 1, 1 },
};

static long slot_number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 0);

	if (*text && !*end && value >= 0 && value <= 0xffff)
		return value;
	fprintf(stderr, "slatctl: --slot '%s': expected a number from 0 to 65535\n", text);
	exit(2);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "jvnr:s:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			options.json = true;
			break;
		case 'v':
			options.svg = true;
			break;
		case 'n':
			options.dry = true;
			break;
		case 'r':
			options.root = optarg;
			options.dry = true;
			break;
		case 's':
			options.slot = slot_number(optarg);
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

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;

	parse(argc, argv);
	if (optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	command = find_command(argv[optind]);
	if (!command) {
		fprintf(stderr, "slatctl: '%s': expected a command, see slatctl --help\n",
			argv[optind]);
		return 2;
	}
	options.args = argv + optind + 1;
	options.nr_args = argc - optind - 1;
	if (options.nr_args < command->min || options.nr_args > command->max) {
		fprintf(stderr, "slatctl: %s has %d arguments: expected %d to %d, see slatctl --help\n",
			command->name, options.nr_args, command->min, command->max);
		return 2;
	}
	return command->run();
}
