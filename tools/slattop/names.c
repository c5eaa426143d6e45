// SPDX-License-Identifier: GPL-2.0
/* Names for numbers: whose VM it is, exit reasons, outcomes. */
#include <asm/vmx.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define DEBUGFS		"/sys/kernel/debug/slat"

const char *const outcome_names[NR_OUTCOMES] = {
	"installed", "writable", "spurious", "retry", "mmio", "error", "broken",
};

const char *const lookup_names[NR_LOOKUPS] = { "hit", "stale", "none", "broken" };

const char *const protected_names[NR_PROTECTED] = { "rmap", "scan", "range" };

static const struct {
	unsigned int reason;
	const char *name;
} reasons[] = { VMX_EXIT_REASONS };

const char *reason_name(unsigned int reason)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].reason == reason)
			return reasons[i].name;
	return "other";
}

/* The first line of a VM's counters is its number. */
static bool directory_is(const char *directory, unsigned int id)
{
	unsigned int found = 0;
	char path[400];
	bool good;
	FILE *f;

	snprintf(path, sizeof(path), DEBUGFS "/%s/stats", directory);
	f = fopen(path, "r");
	if (!f)
		return false;
	good = fscanf(f, "id %u", &found) == 1 && found == id;
	fclose(f);
	return good;
}

static void name_from(const char *directory, char *name, size_t size)
{
	char path[64], comm[32] = "?";
	int pid, fd;
	FILE *f;

	if (sscanf(directory, "%d-%d", &pid, &fd) != 2)
		pid = fd = 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (f) {
		if (fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(f);
	}
	snprintf(name, size, "%s, pid %d, fd %d", comm, pid, fd);
}

bool vm_name(unsigned int id, char *name, size_t size)
{
	DIR *dir = opendir(DEBUGFS);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		found = directory_is(entry->d_name, id);
		if (found)
			name_from(entry->d_name, name, size);
	}
	if (dir)
		closedir(dir);
	return found;
}
