/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the tracing*.c tests: a guest, a tracing instance, and the list
 * of all events. Included once by each, whose own name is in NAME.
 */
#ifndef SLAT_SELFTESTS_TRACING_H
#define SLAT_SELFTESTS_TRACING_H

#include "dirty.h"
#include "test.h"
#include "trace.h"

#define NPAGES		100ul
#define GFN		(DIRTY_GPA / PAGE_SIZE)
#define OTHER_SLOT	2
#define OTHER_GPA	0x30000000ul

/* Every event, the test that must find it, and its fields in order. */
static const struct {
	const char *name;
	const char *test;
	const char *fields;
} events[] = {
	{ "slat_dirty_log_clear", "tracing_mmu", "vm slot error first_page npages pages ns" },
	{ "slat_dirty_log_get", "tracing_mmu", "vm slot error first_page npages pages ns" },
	{ "slat_fault", "tracing", "vm vcpu gpa access level outcome ns" },
	{ "slat_flush", "tracing_mmu", "vm why cpus ns" },
	{ "slat_mmio", "tracing", "vm vcpu gpa value len write in_kernel" },
	{ "slat_mmio_check", "tracing", "vm result gfn entry_gen generation" },
	{ "slat_mmio_mark", "tracing", "vm gfn entry_gen generation" },
	{ "slat_notifier_end", "tracing_mmu", "vm start end" },
	{ "slat_notifier_release", "tracing_mmu", "vm zapped" },
	{ "slat_notifier_start", "tracing_mmu", "vm may_block mapped start end ns" },
	{ "slat_slot_change", "tracing_mmu", "vm op id flags base_gfn npages old_gen"
					    " new_gen zapped yields wait_ns ns" },
	{ "slat_user_exit", "tracing", "vm vcpu reason error" },
	{ "slat_vcpu_create", "tracing", "vm vcpu" },
	{ "slat_vcpu_destroy", "tracing", "vm vcpu" },
	{ "slat_vcpu_entry", "tracing", "vm vcpu rip event" },
	{ "slat_vcpu_exit", "tracing", "vm vcpu reason intr_info qualification"
						    " rip" },
	{ "slat_vm_create", "tracing", "vm pid fd" },
	{ "slat_vm_destroy", "tracing", "vm" },
	{ "slat_wrprot", "tracing_mmu", "vm slot policy strategy predicted_rmap"
				       " predicted_scan cost visited pages" },
	{ "slat_zap_step", "tracing_mmu", "vm why step leafs mmio tables ns" },
};

/* Kept over all tests, each of which is a process: how often one has found each event. */
static struct {
	unsigned int tests;
	unsigned int seen[ARRAY_SIZE(events)];
} *kept;
static unsigned int nr_tests;

FIXTURE(tracing) {
	struct dirty d;
	struct trace t;
	struct pages all;
	bool on;
	uint64_t vm;
};

/* The next event of this VM. */
static inline const struct event *next(struct _test_data_tracing *self, const char *name,
				const struct event *ev)
{
	while ((ev = trace_next(&self->t, name, ev)) && event_num(ev, "vm") != self->vm)
		;
	for (size_t i = 0; ev && i < ARRAY_SIZE(events); i++)
		if (!strcmp(events[i].name, name))
			kept->seen[i]++;
	return ev;
}

#define first(name)	next(self, name, NULL)

/* The next event of this VM whose field has that number. */
static inline const struct event *next_with(struct _test_data_tracing *self, const char *name,
					    const char *field, uint64_t value,
					    const struct event *ev)
{
	while ((ev = next(self, name, ev)) && event_num(ev, field) != value)
		;
	return ev;
}

#define first_with(name, field, value)	next_with(self, name, field, value, NULL)

/* Sum of a field over the events of one reason; -1: there was none. */
static inline int64_t sum_of(struct _test_data_tracing *self, const char *name,
			     const char *why, const char *field)
{
	const struct event *ev = NULL;
	int64_t sum = -1;
	char key[32];

	snprintf(key, sizeof(key), " why=%s ", why);
	while ((ev = next(self, name, ev)))
		if (strstr(ev->text, key))
			sum = (sum < 0 ? 0 : sum) + event_num(ev, field);
	return sum;
}

/* One write to a page that no slot has: an exit, then the rest. */
static inline int write_mmio(struct dirty *d, uint64_t page)
{
	struct pages one = pages_each(page + 1, page, 1);

	dirty_aim_write(d, &one);
	return vcpu_run_to(&d->g.vcpu, KVM_EXIT_MMIO) ?: vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT);
}

static inline int other_slot(struct dirty *d, size_t size)
{
	return vm_set_slot(&d->g.vm, OTHER_SLOT, 0, OTHER_GPA, size, d->mem);
}

#define NEED_TRACING							\
	do {								\
		if (!self->on)						\
			SKIP(return, "no trace points of slat here");	\
	} while (0)

FIXTURE_SETUP(tracing)
{
	const struct event *ev;

	kept->tests++;
	self->all = pages_all(NPAGES);
	self->on = !trace_open(&self->t);
	if (self->on)
		trace_start(&self->t, "slat_vm_create");
	dirty_init(&self->d, NPAGES, 0);
	if (!self->on)
		return;
	self->on = !vm_is_kvm(&self->d.g.vm);
	trace_stop(&self->t);
	ev = trace_next(&self->t, "slat_vm_create", NULL);
	self->vm = ev ? event_num(ev, "vm") : 0;
}

FIXTURE_TEARDOWN(tracing)
{
	if (!_metadata->passed)
		trace_dump(&self->t);
	dirty_destroy(&self->d);
	trace_close(&self->t);
}

/* Did all tests of this program run, the one that asks being the last? */
static inline bool tracing_is_whole(void)
{
	return kept->tests == nr_tests;
}

/* Has program @name found each event that is its own? */
static inline bool tracing_saw_all(const char *name)
{
	bool all = true;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (strcmp(events[i].test, name) || kept->seen[i])
			continue;
		fprintf(stderr, "# %s was never seen\n", events[i].name);
		all = false;
	}
	return all;
}

static inline int tracing_main(int argc, char **argv)
{
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	for (struct __fixture_metadata *f = __fixture_list; f; f = f->next)
		for (struct __test_metadata *t = f->tests; t; t = t->next)
			nr_tests++;
	trace_instance_make();
	status = test_main(argc, argv);
	trace_instance_remove();
	return status;
}

#endif
