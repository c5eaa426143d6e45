// SPDX-License-Identifier: GPL-2.0
/* Options of slatctl; each command has a file of its own. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slatctl.h"

struct options options = { .root = "" };

static const char usage[] =
"usage: slatctl doctor [--json] [--dry] [--root DIR]\n"
"       slatctl list   [--json]\n"
"\n"
"doctor  tells whether Slat can run on this machine, and what to do where it can't;\n"
"        with the module loaded it runs a guest of one instruction\n"
"list    the VMs of the module, one a line (needs debugfs, so root)\n"
"\n"
"  --json      machine-readable\n"
"  --dry       doctor: look only, make no VM\n"
"  --root DIR  read the host's files below DIR (implies --dry)\n"
"\n"
"Exit status: 0 fine (doctor: Slat can run here), 1 not, 2 wrong usage.\n";

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "dry", no_argument, NULL, 'n' },
	{ "root", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct command {
	const char *name;
	int (*run)(void);
};

static const struct command commands[] = {
	{ "doctor", cmd_doctor },
	{ "list", cmd_list },
};

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "jnr:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			options.json = true;
			break;
		case 'n':
			options.dry = true;
			break;
		case 'r':
			options.root = optarg;
			options.dry = true;
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

int main(int argc, char **argv)
{
	parse(argc, argv);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (optind + 1 == argc && !strcmp(argv[optind], commands[i].name))
			return commands[i].run();
	if (optind < argc)
		fprintf(stderr, "slatctl: '%s': expected one command: doctor or list\n", argv[optind]);
	fputs(usage, stderr);
	return 2;
}
