// SPDX-License-Identifier: GPL-2.0
/*
 * The device's own counters, so that the demo can show causes beside costs.
 * Slat has one file of "name value" lines per VM, KVM one file per counter;
 * both lie in debugfs under <pid>-<VM fd>. What a device doesn't count is n/a.
 */
#include "slatvm.h"

#include <string.h>
#include <unistd.h>

#define DEBUGFS	"/sys/kernel/debug"

static const char *const slat_names[COUNTERS] = {
	[COUNT_FAULTS] = "faults_ram",
	[COUNT_MMIO_MARK] = "mmio_mark",
	[COUNT_MMIO_HIT] = "mmio_hit",
	[COUNT_MMIO_STALE] = "mmio_stale",
	[COUNT_ZAPPED] = "zapped_leafs",
	[COUNT_FLUSHES] = "flushes",
	[COUNT_ROUNDS_RMAP] = "rounds_rmap",
	[COUNT_ROUNDS_SCAN] = "rounds_scan",
	[COUNT_EXITS] = "exits_total",
	[COUNT_GENERATION] = "generation",
};

/* KVM has no count of zapped leafs; what they cost shows when the guest faults again. */
static const char *const kvm_names[COUNTERS] = {
	[COUNT_FAULTS] = "pf_fixed",
	[COUNT_MMIO_MARK] = "pf_mmio_spte_created",
	[COUNT_FLUSHES] = "remote_tlb_flush",
	[COUNT_EXITS] = "exits",
};

static bool slat_read(FILE *file, struct stats *stats)
{
	char name[64];
	long long value;

	while (fscanf(file, "%63s %lld", name, &value) == 2)
		for (int c = 0; c < COUNTERS; c++)
			if (slat_names[c] && !strcmp(name, slat_names[c]))
				stats->value[c] = value;
	return true;
}

static long long kvm_read(const struct vm *vm, const char *name)
{
	long long value = COUNT_UNKNOWN;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), DEBUGFS "/kvm/%d-%d/%s", getpid(), vm->fd, name);
	file = fopen(path, "r");
	if (!file)
		return COUNT_UNKNOWN;
	if (fscanf(file, "%lld", &value) != 1)
		value = COUNT_UNKNOWN;
	fclose(file);
	return value;
}

void stats_read(struct vm *vm, struct stats *stats)
{
	char path[128];
	FILE *file;

	for (int c = 0; c < COUNTERS; c++)
		stats->value[c] = COUNT_UNKNOWN;
	snprintf(path, sizeof(path), DEBUGFS "/slat/%d-%d/stats", getpid(), vm->fd);
	file = fopen(path, "r");
	if (file) {
		slat_read(file, stats);
		fclose(file);
		return;
	}
	for (int c = 0; c < COUNTERS; c++)
		if (kvm_names[c])
			stats->value[c] = kvm_read(vm, kvm_names[c]);
}

long long stats_delta(const struct stats *before, const struct stats *after, enum counter c)
{
	if (before->value[c] == COUNT_UNKNOWN || after->value[c] == COUNT_UNKNOWN)
		return COUNT_UNKNOWN;
	return after->value[c] - before->value[c];
}

const char *count_text(long long value)
{
	static char ring[8][24];
	static unsigned int next;
	char *text = ring[next++ % 8];

	if (value == COUNT_UNKNOWN)
		return "n/a";
	snprintf(text, sizeof(ring[0]), "%lld", value);
	return text;
}
