// SPDX-License-Identifier: GPL-2.0
/* Where the fields of the trace points are, from tracefs. */
#include <string.h>
#include <stddef.h>
#include <unistd.h>

#include "top.h"

/* One field of one event, and where its offset goes. */
struct field {
	const char *event, *name;
	size_t size, where;
};

#define FIELD(event, name, size, member)	\
	{ "slat_" event, name, size, offsetof(struct offsets, member) }

static const struct field fields[] = {
	FIELD("vcpu_exit", "vm", 4, exit_vm),
	FIELD("vcpu_exit", "vcpu", 4, exit_vcpu),
	FIELD("vcpu_exit", "reason", 4, exit_reason),
	FIELD("vcpu_entry", "vm", 4, entry_vm),
	FIELD("vcpu_entry", "vcpu", 4, entry_vcpu),
	FIELD("user_exit", "vm", 4, user_vm),
	FIELD("user_exit", "vcpu", 4, user_vcpu),
	FIELD("fault", "vm", 4, fault_vm),
	FIELD("fault", "outcome", 4, fault_outcome),
	FIELD("fault", "ns", 8, fault_ns),
	FIELD("mmio_check", "vm", 4, check_vm),
	FIELD("mmio_check", "result", 4, check_result),
	FIELD("mmio_mark", "vm", 4, mark_vm),
	FIELD("mmio", "vm", 4, mmio_vm),
	FIELD("flush", "vm", 4, flush_vm),
	FIELD("flush", "cpus", 4, flush_cpus),
	FIELD("flush", "ns", 8, flush_ns),
	FIELD("zap_step", "vm", 4, zap_vm),
	FIELD("zap_step", "leafs", 8, zap_leafs),
	FIELD("zap_step", "ns", 8, zap_ns),
	FIELD("slot_change", "vm", 4, change_vm),
	FIELD("slot_change", "op", 4, change_op),
	FIELD("slot_change", "id", 4, change_id),
	FIELD("slot_change", "flags", 4, change_flags),
	FIELD("slot_change", "base_gfn", 8, change_base_gfn),
	FIELD("slot_change", "npages", 8, change_npages),
	FIELD("slot_change", "yields", 8, change_yields),
	FIELD("slot_change", "ns", 8, change_ns),
	FIELD("wrprot", "vm", 4, protect_vm),
	FIELD("wrprot", "slot", 4, protect_slot),
	FIELD("wrprot", "strategy", 4, protect_strategy),
	FIELD("wrprot", "cost", 8, protect_cost),
	FIELD("wrprot", "pages", 8, protect_pages),
	FIELD("dirty_log_get", "vm", 4, get_vm),
	FIELD("dirty_log_get", "slot", 4, get_slot),
	FIELD("dirty_log_get", "pages", 8, get_pages),
	FIELD("dirty_log_get", "ns", 8, get_ns),
	FIELD("dirty_log_clear", "vm", 4, clear_vm),
	FIELD("dirty_log_clear", "slot", 4, clear_slot),
	FIELD("dirty_log_clear", "ns", 8, clear_ns),
	FIELD("notifier_start", "vm", 4, notify_vm),
	FIELD("vm_destroy", "vm", 4, destroy_vm),
};

static const char *events_directory(void)
{
	static const char *const places[] = {
		"/sys/kernel/tracing/events/slat",
		"/sys/kernel/debug/tracing/events/slat",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!access(places[i], R_OK))
			return places[i];
	die("%s cannot be read: expected slat.ko loaded, tracefs mounted, and root", places[0]);
}

/* Lines are "field:u32 NAME; offset:8; size:4; signed:0;". */
static void field_find(const char *directory, const struct field *field, struct offsets *offsets)
{
	char path[256], line[256], declared[64];
	unsigned int offset, size;
	const char *name;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/format", directory, field->event);
	f = fopen(path, "r");
	if (!f)
		die("%s cannot be read: expected a slat.ko that has this event", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " field:%63[^;]; offset:%u; size:%u;", declared, &offset, &size) != 3)
			continue;
		name = strrchr(declared, ' ');
		if (!name || strcmp(name + 1, field->name))
			continue;
		fclose(f);
		if (size != field->size)
			die("%s: field %s has %u bytes: expected %zu", path, field->name, size,
			    field->size);
		*(unsigned int *)((char *)offsets + field->where) = offset;
		return;
	}
	die("%s has no field %s: expected a slat.ko that has it", path, field->name);
}

void events_find(struct offsets *offsets)
{
	const char *directory = events_directory();

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		field_find(directory, &fields[i], offsets);
}

_Static_assert(sizeof(fields) / sizeof(fields[0]) ==
	       sizeof(struct offsets) / sizeof(unsigned int), "an offset without its field");
