// SPDX-License-Identifier: GPL-2.0
/*
 * "slatvm demo": one long mode guest over a few hundred MiB of slots, and what
 * a hypervisor engineer asks about them: what a fault costs, what an MMIO exit
 * costs before and after a slot change, what create, move and delete of a slot
 * take away from the guest besides that slot, and what a dirty log costs.
 */
#include "slatvm.h"

#include "protocol.h"

#define RAM_GPA		0x10000000ul
#define WINDOW_GPA	0xc0000000ul	/* a slot of 16 MiB that moves, as a PCI BAR does */
#define WINDOW_MOVED	0xc8000000ul
#define WINDOW_SIZE	(16 * MIB)
#define HOLE_GPA	0xe0000000ul	/* no slot, until one is created right here */
#define FAR_GPA		0xd0000000ul	/* where a small slot comes and goes elsewhere */
#define SMALL_SIZE	(64 * KIB)
#define ACCESSES	1000

struct demo {
	struct vm vm;
	struct report report;
	struct slot *ram, *window, *here, *away;
	struct stats before, after;
};

static void slot_print(const struct slot *s)
{
	printf("  slot %u  %-8s gpa 0x%09llx - 0x%09llx  %8.2f MiB\n", s->id, s->name,
	       (unsigned long long)s->gpa, (unsigned long long)(s->gpa + s->size),
	       (double)s->size / MIB);
}

static void begin(struct demo *d)
{
	stats_read(&d->vm, &d->before);
}

static long long delta(struct demo *d, enum counter c)
{
	stats_read(&d->vm, &d->after);
	return stats_delta(&d->before, &d->after, c);
}

static void require_clean(struct outcome o, const char *what)
{
	if (o.result)
		die(0, "%s: %llu words of guest memory are wrong", what,
		    (unsigned long long)o.result);
	if (o.mmio_exits)
		die(0, "%s: %llu MMIO exits from memory that has a slot", what,
		    (unsigned long long)o.mmio_exits);
}

static void setup(struct demo *d, const char *device, const struct demo_options *o)
{
	printf("== the machine's slots\n");
	vm_open(&d->vm, device);
	vm_add_slot(&d->vm, "low", 0, 2 * MIB);
	d->ram = vm_add_slot(&d->vm, "ram", RAM_GPA, o->memory);
	d->window = vm_add_slot(&d->vm, "window", WINDOW_GPA, WINDOW_SIZE);
	d->here = vm_add_slot(&d->vm, "here", HOLE_GPA, SMALL_SIZE);
	d->away = vm_add_slot(&d->vm, "away", FAR_GPA, SMALL_SIZE);
	for (unsigned int i = 0; i < 3; i++) {
		vm_slot_create(&d->vm, &d->vm.slots[i]);
		slot_print(&d->vm.slots[i]);
	}
	for (unsigned int i = 0; i < o->cpus; i++)
		vcpu_add(&d->vm);
	printf("  host memory is 4K pages, all present; %u vCPU%s\n", o->cpus,
	       o->cpus > 1 ? "s, each doing its share of a pass" : "");
	scene_boot(&d->vm);
}

/* One pass of the guest over a slot: ticks a page, and how many faults it took. */
static double pass(struct demo *d, uint32_t command, const struct slot *slot, const char *text)
{
	struct scene scene = { .base = slot->gpa, .size = slot->size };
	uint64_t pages = slot->size / PAGE_SIZE;
	struct outcome o;
	double cost;

	begin(d);
	o = scene_all(&d->vm, command, scene);
	require_clean(o, text);
	cost = (double)o.ticks / pages;
	printf("  %-46s %8llu pages %10.1f ticks/page  faults %s\n", text,
	       (unsigned long long)pages, cost, count_text(delta(d, COUNT_FAULTS)));
	return cost;
}

static void scene_faults(struct demo *d)
{
	struct report *r = &d->report;

	printf("\n== the guest touches its memory\n");
	report_add(r, "fault", "EPT fault, host page present",
		   pass(d, CMD_WRITE, d->ram, "first write to each page of ram"), "ticks/page");
	report_add(r, "touch", "the guest checks a page it has already",
		   pass(d, CMD_CHECK, d->ram, "reads it all back and checks it"), "ticks/page");
	pass(d, CMD_WRITE, d->window, "first write to each page of window");
}

/* Loads from the hole: exits, their cost, and what became of the MMIO entry. */
static double probe_hole(struct demo *d, uint64_t count, const char *text)
{
	struct scene scene = { .base = HOLE_GPA, .count = count };
	struct outcome o;

	begin(d);
	o = scene_one(&d->vm, CMD_LOAD, scene);
	stats_read(&d->vm, &d->after);
	printf("  %-34s %10s %7llu %12.0f %6s %6s %6s\n", text,
	       count_text(d->after.value[COUNT_GENERATION]),
	       (unsigned long long)o.mmio_exits, (double)o.ticks / count,
	       count_text(stats_delta(&d->before, &d->after, COUNT_MMIO_MARK)),
	       count_text(stats_delta(&d->before, &d->after, COUNT_MMIO_HIT)),
	       count_text(stats_delta(&d->before, &d->after, COUNT_MMIO_STALE)));
	if (o.mmio_exits != count && o.mmio_exits != 0)
		die(0, "%s: %llu exits for %llu accesses", text,
		    (unsigned long long)o.mmio_exits, (unsigned long long)count);
	return (double)o.ticks / count;
}

static void require_exits(struct demo *d, bool expected)
{
	struct scene scene = { .base = HOLE_GPA, .count = 1 };
	struct outcome o = scene_one(&d->vm, CMD_LOAD, scene);

	if ((o.mmio_exits != 0) != expected)
		die(0, "0x%lx %s after the slot change", HOLE_GPA,
		    expected ? "is still RAM" : "still exits as MMIO");
}

static void scene_mmio(struct demo *d)
{
	struct report *r = &d->report;
	uint64_t create, delete;

	printf("\n== MMIO exits before and after slot changes (one address, 0x%lx)\n", HOLE_GPA);
	printf("  %-34s %10s %7s %12s %6s %6s %6s\n", "", "generation", "exits",
	       "ticks/access", "mark", "hit", "stale");
	probe_hole(d, 1, "no slot there: first load");
	report_add(r, "mmio", "MMIO load, exit to user space and back",
		   probe_hole(d, ACCESSES, "loads again"), "ticks");
	create = vm_slot_create(&d->vm, d->away);
	report_add(r, "mmio_after_create", "the first MMIO load after a create elsewhere",
		   probe_hole(d, 1, "a small slot created elsewhere"), "ticks");
	probe_hole(d, ACCESSES, "loads again");
	delete = vm_slot_delete(&d->vm, d->away);
	probe_hole(d, 1, "that slot deleted");
	report_add(r, "create", "create of a 64 KiB slot", create, "ticks");
	report_add(r, "delete", "delete of a 64 KiB slot", delete, "ticks");
	vm_slot_create(&d->vm, d->here);
	probe_hole(d, ACCESSES, "a slot created right here");
	require_exits(d, false);
	vm_slot_delete(&d->vm, d->here);
	probe_hole(d, ACCESSES, "and deleted again");
	require_exits(d, true);
}

static void print_change(struct demo *d, const char *text, uint64_t ticks)
{
	stats_read(&d->vm, &d->after);
	printf("  %-46s %10llu ticks  leafs zapped %s, flushes %s, generation %s\n", text,
	       (unsigned long long)ticks,
	       count_text(stats_delta(&d->before, &d->after, COUNT_ZAPPED)),
	       count_text(stats_delta(&d->before, &d->after, COUNT_FLUSHES)),
	       count_text(d->after.value[COUNT_GENERATION]));
}

/* What the guest pays in its untouched ram after @ticks of a slot change. */
static double aftermath(struct demo *d, long long *refaults)
{
	double cost = pass(d, CMD_CHECK, d->ram, "the guest checks all of ram again");

	*refaults = stats_delta(&d->before, &d->after, COUNT_FAULTS);
	return cost;
}

static void scene_changes(struct demo *d)
{
	struct report *r = &d->report;
	long long refaults;
	uint64_t ticks;
	double cost;

	printf("\n== what a slot change takes, and what it leaves alone\n");
	begin(d);
	ticks = vm_slot_move(&d->vm, d->window, WINDOW_MOVED);
	print_change(d, "move of window (16 MiB, all mapped)", ticks);
	report_add(r, "move", "move of a mapped 16 MiB slot", ticks, "ticks");
	cost = aftermath(d, &refaults);
	report_add(r, "after_move", "the guest's other memory after that move", cost,
		   "ticks/page");
	pass(d, CMD_CHECK, d->window, "window holds its data at its new place");

	begin(d);
	ticks = vm_slot_delete(&d->vm, d->window);
	print_change(d, "delete of window", ticks);
	report_add(r, "delete_mapped", "delete of a mapped 16 MiB slot", ticks, "ticks");
	cost = aftermath(d, &refaults);
	report_add(r, "after_delete", "the guest's other memory after that delete", cost,
		   "ticks/page");
	if (refaults != COUNT_UNKNOWN)
		report_add(r, "refaults", "pages of other slots that faulted again", refaults,
			   "pages");
}

static void scene_end(struct demo *d)
{
	uint64_t start = ticks_now();

	vm_close(&d->vm);
	report_add(&d->report, "destroy", "the VM's end: all fds closed", ticks_now() - start,
		   "ticks");
}

int demo(const char *device, const struct demo_options *o)
{
	static struct demo d;

	setvbuf(stdout, NULL, _IOLBF, 0);
	d.report.device = o->label ? o->label : device;
	d.report.ticks_are_instructions = ticks_are_instructions();
	printf("slatvm demo on %s. Ticks are those of the TSC%s\n\n", device,
	       d.report.ticks_are_instructions ?
	       ", which counts one per instruction\non this (emulated) machine: they compare path lengths in software, not silicon." :
	       ".");
	setup(&d, device, o);
	scene_faults(&d);
	scene_mmio(&d);
	scene_changes(&d);
	scene_dirty(&d.vm, d.ram, &d.report);
	scene_end(&d);
	report_print(&d.report);
	if (o->json)
		report_write_json(&d.report, o->json);
	return 0;
}
