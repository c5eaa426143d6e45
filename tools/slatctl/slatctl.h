/* SPDX-License-Identifier: GPL-2.0 */
/*
 * slatctl: what an administrator asks about Slat. One file per command; this is
 * what they share: the host's files below a root (another one in tests), and
 * findings that come out as lines for people or as JSON.
 */
#ifndef SLATCTL_H
#define SLATCTL_H

#include <stdbool.h>
#include <stddef.h>

/* main.c */

/**
 * struct options - what the command line said
 * @root: directory that stands for / when files of the host are read
 * @json: machine-readable output
 * @dry: doctor: read only, make no VM
 * @svg: show: a picture
 * @slot: policy: of this slot, not of the VM; -1: of the VM
 * @args: what follows the command
 * @nr_args: how many
 */
struct options {
	const char *root;
	bool json;
	bool dry;
	bool svg;
	long slot;
	char **args;
	int nr_args;
};

extern struct options options;

/* host.c: files of the host; no function ends the program */

/* Path of @format below the root; a static buffer, good until the next call. */
const char *host_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool host_exists(const char *path);
/* The first line of a file, without its newline; false where it can't be read. */
bool host_line(const char *path, char *line, size_t size);
/* What stands behind "NAME<blanks>: " in a file such as /proc/cpuinfo. */
bool host_field(const char *path, const char *name, char *value, size_t size);
/* Is @word one of the blank-separated words of @list? */
bool has_word(const char *list, const char *word);

/* findings.c */

enum level { FINDING_OK, FINDING_NOTE, FINDING_WARN, FINDING_FAIL };

/**
 * finding() - one result
 * @level: FINDING_FAIL where Slat cannot run because of it
 * @name: of the thing looked at, short, for programs
 * @remedy: what to do about it, or NULL
 * @format: what was found, in words
 */
void finding(enum level level, const char *name, const char *remedy,
	     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The text of all findings so far. Returns whether none of them is a failure. */
bool findings_print(void);

/* Writes @text as a JSON string with its quotes. */
void json_string(const char *text);

/* The commands: return the exit status. */
int cmd_doctor(void);
int cmd_list(void);
int cmd_show(void);
int cmd_explain(void);
int cmd_policy(void);
int cmd_error(void);

/* The module's directory in debugfs, below options.root. */
#define VMS_DIRECTORY	"/sys/kernel/debug/slat"

/* vm.c */

/**
 * vm_directory() - a VM's directory below VMS_DIRECTORY
 * @vm: as for vm_open()
 * @name: receives "PID-FD"
 * @size: of @name
 *
 * Return: false after a message on stderr.
 */
bool vm_directory(const char *vm, char *name, size_t size);

/**
 * vm_open() - a descriptor of another process's VM
 * @name: "PID", where the process has one VM, or "PID-FD" as slatctl list shows it
 *
 * Return: the descriptor, or -1 after a message on stderr.
 */
int vm_open(const char *name);

/* doctor's last step, try.c: a guest of one instruction on @node */
void try_guest(const char *node);

#endif
