// SPDX-License-Identifier: GPL-2.0
/* The files of the kernel's that pagemap.h names. */
#define _GNU_SOURCE
#include "pagemap.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t pagemap(const void *page)
{
	off_t at = (uintptr_t)page / PAGE_SIZE * sizeof(uint64_t);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
		vm_must(-errno, "/proc/self/pagemap");
	close(fd);
	return entry;
}

bool page_in_core(const void *page)
{
	unsigned char there;

	if (mincore((void *)page, PAGE_SIZE, &there))
		vm_must(-errno, "mincore");
	return there & 1;
}

uint64_t pages_with(const void *mem, uint64_t n, uint64_t bits)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < n; i++)
		found += (pagemap((char *)mem + i * PAGE_SIZE) & bits) == bits;
	return found;
}

uint64_t smaps_kib(const void *mem, const char *line)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	uint64_t value = 0;
	bool here = false;
	char text[256];

	while (file && fgets(text, sizeof(text), file)) {
		if (sscanf(text, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)mem && (uintptr_t)mem < end;
		else if (here && !strncmp(text, line, strlen(line)))
			value = strtoull(text + strlen(line), NULL, 10);
	}
	if (!file)
		vm_must(-errno, "/proc/self/smaps");
	fclose(file);
	return value;
}

uint64_t vmstat(const char *name)
{
	FILE *file = fopen("/proc/vmstat", "r");
	unsigned long long value;
	uint64_t found = 0;
	char key[64];

	while (file && fscanf(file, "%63s %llu", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

bool there_is_a_swap(void)
{
	FILE *file = fopen("/proc/swaps", "r");
	char line[256];
	bool found;

	if (!file)
		return false;
	found = fgets(line, sizeof(line), file) && fgets(line, sizeof(line), file);
	fclose(file);
	return found;
}

int kernel_set(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int kernel_get(const char *path, uint64_t *value)
{
	FILE *file = fopen(path, "r");
	char text[64] = "";

	if (!file)
		return -errno;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	*value = strtoull(text, NULL, 0);
	return 0;
}
