// SPDX-License-Identifier: GPL-2.0
/*
 * slatctl list: the VMs there are, from the module's directory in debugfs: one
 * directory a VM, its name the process and the file descriptor that made it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slatctl.h"

/**
 * struct vm - one line of the list
 * @comm: the process's name
 */
struct vm {
	int pid, fd;
	char comm[32];
	unsigned long long slots, vcpus, exits, faults;
};

static void read_vm(const char *name, struct vm *vm)
{
	char path[64];
	unsigned long long value;
	char key[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", vm->pid);
	if (!host_line(host_path("%s", path), vm->comm, sizeof(vm->comm)))
		strcpy(vm->comm, "?");
	f = fopen(host_path(VMS_DIRECTORY "/%s/stats", name), "r");
	if (!f)
		return;
	while (fscanf(f, "%63s %llu", key, &value) == 2) {
		if (!strcmp(key, "nr_slots"))
			vm->slots = value;
		else if (!strcmp(key, "nr_vcpus"))
			vm->vcpus = value;
		else if (!strcmp(key, "exits_total"))
			vm->exits = value;
		else if (!strcmp(key, "faults_ram"))
			vm->faults = value;
	}
	fclose(f);
}

static void print_vm(const struct vm *vm, int number)
{
	if (options.json) {
		printf("%s\n {\"pid\": %d, \"fd\": %d, \"comm\": ", number ? "," : "", vm->pid, vm->fd);
		json_string(vm->comm);
		printf(", \"slots\": %llu, \"vcpus\": %llu, \"exits\": %llu, \"faults_ram\": %llu}",
		       vm->slots, vm->vcpus, vm->exits, vm->faults);
		return;
	}
	if (!number)
		printf("%8s %4s %-16s %6s %6s %14s %12s\n", "PID", "FD", "COMM", "SLOTS", "VCPUS",
		       "EXITS", "FAULTS");
	printf("%8d %4d %-16s %6llu %6llu %14llu %12llu\n", vm->pid, vm->fd, vm->comm, vm->slots,
	       vm->vcpus, vm->exits, vm->faults);
}

int cmd_list(void)
{
	const char *path = host_path(VMS_DIRECTORY);
	DIR *dir = opendir(path);
	struct dirent *entry;
	int number = 0;

	if (!dir) {
		fprintf(stderr, "slatctl: %s: %s%s\n", path, strerror(errno),
			errno == ENOENT ? ": expected slat.ko loaded and debugfs mounted" :
			errno == EACCES ? ": expected root" : "");
		return 1;
	}
	if (options.json)
		putchar('[');
	while ((entry = readdir(dir))) {
		struct vm vm = { };

		if (sscanf(entry->d_name, "%d-%d", &vm.pid, &vm.fd) != 2)
			continue;
		read_vm(entry->d_name, &vm);
		print_vm(&vm, number++);
	}
	closedir(dir);
	if (options.json)
		puts("\n]");
	else if (!number)
		puts("There is no VM.");
	return 0;
}
