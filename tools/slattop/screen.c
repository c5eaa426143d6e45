// SPDX-License-Identifier: GPL-2.0
/* One interval for people: a paragraph a VM, below it its vCPUs and slots. */
#include <string.h>

#include "top.h"

#define MOST	3

static double rate(const struct sample *s, unsigned long long count)
{
	return s->seconds > 0 ? count / s->seconds : 0;
}

static double mean(unsigned long long sum, unsigned long long count)
{
	return count ? (double)sum / count : 0;
}

static unsigned long long exits_of(const struct vcpu_counts *v)
{
	unsigned long long sum = 0;

	for (int i = 0; i < NR_REASONS; i++)
		sum += v->exits[i];
	return sum;
}

/* The most frequent exit reasons with their share. */
static void show_reasons(const unsigned long long *exits, unsigned long long sum)
{
	bool shown[NR_REASONS] = { };

	for (int n = 0; n < MOST; n++) {
		int best = -1;

		for (int i = 0; i < NR_REASONS; i++)
			if (!shown[i] && exits[i] && (best < 0 || exits[i] > exits[best]))
				best = i;
		if (best < 0)
			return;
		shown[best] = true;
		printf(" %s %.0f%%", reason_name(best), 100.0 * exits[best] / sum);
	}
}

static void show_vcpus(const struct sample *s, unsigned int vm)
{
	printf("  %6s %10s %10s %7s  %s\n", "VCPU", "EXITS/s", "USER/s", "GUEST", "MOST OF THEM");
	for (int i = 0; i < s->nr_vcpus; i++) {
		const struct vcpu_counts *v = &s->vcpus[i].counts;
		unsigned long long sum = exits_of(v);

		if (s->vcpus[i].key.vm != vm)
			continue;
		printf("  %6u %10.0f %10.0f %6.1f%% ", s->vcpus[i].key.vcpu, rate(s, sum),
		       rate(s, v->user_exits), rate(s, v->guest_ns) / 1e7);
		show_reasons(v->exits, sum);
		putchar('\n');
	}
}

static void show_slots(const struct sample *s, unsigned int vm)
{
	bool head = false;

	for (int i = 0; i < s->nr_slots; i++) {
		const struct slot_counts *c = &s->slots[i].counts;

		if (s->slots[i].key.vm != vm || c->gone)
			continue;
		if (!head)
			printf("  %6s %14s %10s %6s %9s %11s %9s %9s %6s %6s\n", "SLOT", "BASE GFN",
			       "PAGES", "FLAGS", "CHANGES/s", "DIRTY/s", "LOG us", "PROT/s",
			       "RMAP/s", "SCAN/s");
		head = true;
		printf("  %6u %#14llx %10llu %6u %9.1f %11.0f %9.1f %9.0f %6.1f %6.1f\n",
		       s->slots[i].key.slot, c->base_gfn, c->npages, c->flags,
		       rate(s, c->changes), rate(s, c->dirty_pages),
		       mean(c->log_ns, c->gets + c->clears) / 1000, rate(s, c->protected_pages),
		       rate(s, c->rounds[0]), rate(s, c->rounds[1]));
	}
}

static void show_faults(const struct sample *s, const struct vm_counts *c)
{
	unsigned long long sum = 0;

	for (int i = 0; i < NR_OUTCOMES; i++)
		sum += c->faults[i];
	printf("  faults %.0f/s, %.1f us each", rate(s, sum), mean(c->fault_ns, sum) / 1000);
	for (int i = 0; i < NR_OUTCOMES; i++)
		if (c->faults[i])
			printf(", %s %.0f/s", outcome_names[i], rate(s, c->faults[i]));
	printf("\n  mmio %.0f/s, entries made %.0f/s", rate(s, c->mmio_accesses),
	       rate(s, c->mmio_marks));
	for (int i = 0; i < NR_LOOKUPS; i++)
		if (c->mmio[i])
			printf(", %s %.0f/s", lookup_names[i], rate(s, c->mmio[i]));
	putchar('\n');
}

static void show_vm(const struct sample *s, const struct vm_line *vm)
{
	const struct vm_counts *c = &vm->counts;
	char name[100] = "?";

	vm_name(vm->id, name, sizeof(name));
	printf("VM %u (%s)\n", vm->id, name);
	show_faults(s, c);
	printf("  flushes %.1f/s, %.1f CPUs and %.1f us each; notifications %.1f/s\n",
	       rate(s, c->flushes), mean(c->flush_cpus, c->flushes),
	       mean(c->flush_ns, c->flushes) / 1000, rate(s, c->notifications));
	printf("  zaps %.1f steps/s, %.0f leafs/s, longest hold so far %.1f us; slot changes %.1f/s, %.1f us each, %.1f yields/s\n",
	       rate(s, c->zap_steps), rate(s, c->zapped), c->zap_hold_max_ns / 1000.0,
	       rate(s, c->slot_changes), mean(c->slot_change_ns, c->slot_changes) / 1000,
	       rate(s, c->slot_yields));
	show_vcpus(s, vm->id);
	show_slots(s, vm->id);
}

void screen_show(const struct sample *s, bool clear)
{
	if (clear)
		fputs("\033[H\033[2J", stdout);
	printf("slattop: %d VMs, %d vCPUs, %.1f s\n", s->nr_vms, s->nr_vcpus, s->seconds);
	for (int i = 0; i < s->nr_vms; i++)
		show_vm(s, &s->vms[i]);
	fflush(stdout);
}
