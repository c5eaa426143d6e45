// SPDX-License-Identifier: GPL-2.0
/* One interval for programs: one JSON object a line, counts of the interval. */
#include <string.h>

#include "top.h"

static void counts(const char *name, const unsigned long long *values, int nr,
		   const char *const *names)
{
	const char *comma = "";

	printf("\"%s\": {", name);
	for (int i = 0; i < nr; i++) {
		printf("%s\"%s\": %llu", comma, names[i], values[i]);
		comma = ", ";
	}
	printf("}");
}

static void show_exits(const unsigned long long *exits)
{
	const char *comma = "";

	printf("\"exits\": {");
	for (int i = 0; i < NR_REASONS; i++) {
		if (!exits[i])
			continue;
		printf("%s\"%s\": %llu", comma, reason_name(i), exits[i]);
		comma = ", ";
	}
	printf("}");
}

static void show_vcpus(const struct sample *s, unsigned int vm)
{
	const char *comma = "";

	printf(", \"vcpus\": [");
	for (int i = 0; i < s->nr_vcpus; i++) {
		const struct vcpu_counts *v = &s->vcpus[i].counts;

		if (s->vcpus[i].key.vm != vm)
			continue;
		printf("%s{\"vcpu\": %u, \"user_exits\": %llu, \"guest_ns\": %llu, ", comma,
		       s->vcpus[i].key.vcpu, v->user_exits, v->guest_ns);
		show_exits(v->exits);
		printf("}");
		comma = ", ";
	}
	printf("]");
}

static void show_slots(const struct sample *s, unsigned int vm)
{
	const char *comma = "";

	printf(", \"slots\": [");
	for (int i = 0; i < s->nr_slots; i++) {
		const struct slot_counts *c = &s->slots[i].counts;

		if (s->slots[i].key.vm != vm || c->gone)
			continue;
		printf("%s{\"slot\": %u, \"base_gfn\": %llu, \"npages\": %llu, \"flags\": %u, ",
		       comma, s->slots[i].key.slot, c->base_gfn, c->npages, c->flags);
		printf("\"changes\": %llu, \"change_ns\": %llu, \"gets\": %llu, \"clears\": %llu, ",
		       c->changes, c->change_ns, c->gets, c->clears);
		printf("\"dirty_pages\": %llu, \"log_ns\": %llu, \"protected\": %llu, \"cost\": %llu, ",
		       c->dirty_pages, c->log_ns, c->protected_pages, c->cost);
		counts("rounds", c->rounds, NR_PROTECTED, protected_names);
		printf("}");
		comma = ", ";
	}
	printf("]");
}

static void show_vm(const struct sample *s, const struct vm_line *vm)
{
	const struct vm_counts *c = &vm->counts;

	printf("{\"vm\": %u, ", vm->id);
	counts("faults", c->faults, NR_OUTCOMES, outcome_names);
	printf(", \"fault_ns\": %llu, \"mmio\": %llu, \"mmio_marks\": %llu, ", c->fault_ns,
	       c->mmio_accesses, c->mmio_marks);
	counts("mmio_lookups", c->mmio, NR_LOOKUPS, lookup_names);
	printf(", \"flushes\": %llu, \"flush_cpus\": %llu, \"flush_ns\": %llu, ", c->flushes,
	       c->flush_cpus, c->flush_ns);
	printf("\"zap_steps\": %llu, \"zapped\": %llu, \"zap_hold_max_ns\": %llu, ", c->zap_steps,
	       c->zapped, c->zap_hold_max_ns);
	printf("\"slot_changes\": %llu, \"slot_change_ns\": %llu, \"slot_yields\": %llu, ",
	       c->slot_changes, c->slot_change_ns, c->slot_yields);
	printf("\"notifications\": %llu", c->notifications);
	show_vcpus(s, vm->id);
	show_slots(s, vm->id);
	printf("}");
}

void json_show(const struct sample *s)
{
	printf("{\"seconds\": %.3f, \"vms\": [", s->seconds);
	for (int i = 0; i < s->nr_vms; i++) {
		if (i)
			printf(", ");
		show_vm(s, &s->vms[i]);
	}
	puts("]}");
	fflush(stdout);
}
