// SPDX-License-Identifier: GPL-2.0
/*
 * The trace points of what changes mappings: slots, zaps, flushes, the dirty log
 * and the host, each provoked and compared with what was done. See tracing.c.
 */
#define NAME	"tracing_mmu"
#include "tracing.h"

#include <slat.h>
#include <sys/wait.h>

GUEST_CODE_BLOB(spin, 64, "mov $" STR(0x10200000) ", %ebx\n1: mov (%rbx), %rax\njmp 1b\n");

struct wanted {
	const char *op;
	uint64_t base, flags, zapped;
};

static bool change_is(const struct event *ev, const struct wanted *w)
{
	return event_is(ev, "op", w->op) && event_num(ev, "id") == DIRTY_SLOT &&
	       event_num(ev, "base_gfn") == w->base && event_num(ev, "npages") == NPAGES &&
	       event_num(ev, "flags") == w->flags && event_num(ev, "zapped") == w->zapped &&
	       event_num(ev, "ns") > event_num(ev, "wait_ns");
}

TEST_F(tracing, slot_changes)
{
	static const struct wanted wanted[] = {
		{ "create", GFN, 0, 0 },
		{ "flags", GFN, LOG, 0 },
		{ "flags", GFN, 0, 0 },
		{ "move", OTHER_GPA / PAGE_SIZE, 0, NPAGES },
		{ "delete", OTHER_GPA / PAGE_SIZE, 0, 0 },
		{ "create", GFN, 0, 0 },
		{ "delete", GFN, 0, NPAGES },
	};
	struct dirty *d = &self->d;
	const struct event *ev = NULL;
	uint64_t generation = 0;

	NEED_TRACING;
	trace_start(&self->t, "slat_slot_change");
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_set(d, 0));
	/* What is refused, and what changes nothing, is no change. */
	ASSERT_EQ(-EINVAL, dirty_set(d, KVM_MEM_READONLY));
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, vm_set_slot(&d->g.vm, DIRTY_SLOT, 0, OTHER_GPA, NPAGES * PAGE_SIZE,
				 d->mem));
	ASSERT_EQ(0, dirty_delete(d));
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	ASSERT_EQ(0, dirty_delete(d));
	trace_stop(&self->t);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		ev = next(self, "slat_slot_change", ev);
		ASSERT_NE(NULL, ev);
		EXPECT_TRUE(change_is(ev, &wanted[i])) TH_LOG("%zu:%s", i, ev->text);
		if (i) {
			EXPECT_EQ(generation, event_num(ev, "old_gen"));
		}
		generation = event_num(ev, "new_gen");
		EXPECT_EQ(event_num(ev, "old_gen") + 1, generation);
	}
	EXPECT_EQ(NULL, next(self, "slat_slot_change", ev));
}

#define ZAPS	"slat_zap_step slat_flush"

TEST_F(tracing, zaps_and_flushes_and_why)
{
	struct dirty *d = &self->d;

	NEED_TRACING;
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	trace_start(&self->t, ZAPS);
	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	ASSERT_EQ(0, dirty_get(d));
	trace_stop(&self->t);
	/* Nobody runs: there is nobody to interrupt. */
	EXPECT_EQ(0, sum_of(self, "slat_flush", "log", "cpus"));
	EXPECT_EQ(0, sum_of(self, "slat_flush", "dirty", "cpus"));
	EXPECT_EQ(2u, trace_count(&self->t, "slat_flush"));
	EXPECT_EQ(0u, trace_count(&self->t, "slat_zap_step"));

	trace_start(&self->t, ZAPS);
	ASSERT_EQ(0, dirty_delete(d));
	trace_stop(&self->t);
	EXPECT_EQ((int64_t)NPAGES, sum_of(self, "slat_zap_step", "slot", "leafs"));
	EXPECT_EQ(0, sum_of(self, "slat_flush", "slot", "cpus"));

	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	trace_start(&self->t, ZAPS);
	ASSERT_EQ(0, madvise(d->mem, NPAGES * PAGE_SIZE, MADV_DONTNEED));
	trace_stop(&self->t);
	EXPECT_EQ((int64_t)NPAGES, sum_of(self, "slat_zap_step", "notifier", "leafs"));
	EXPECT_LT(0, sum_of(self, "slat_zap_step", "notifier", "ns"));
	EXPECT_EQ(0, sum_of(self, "slat_flush", "notifier", "cpus"));
	EXPECT_EQ(NULL, first_with("slat_zap_step", "vm", ~0ull));
}

/* MMIO entries 2 MiB apart take a table each, which the cap takes back. */
TEST_F_TIMEOUT(tracing, tables_taken_back, LONG_TIMEOUT)
{
	struct guest *g = &self->d.g;
	struct probe p;
	const int nr = 80;

	NEED_TRACING;
	guest_destroy(g);
	trace_start(&self->t, "slat_vm_create");
	probe_init(g);
	trace_stop(&self->t);
	self->vm = event_num(trace_next(&self->t, "slat_vm_create", NULL), "vm");
	for (int i = 0; i < nr; i++) {
		ASSERT_EQ(0, probe_read(g, OTHER_GPA + i * 2 * MIB, &p));
		ASSERT_TRUE(p.mmio);
	}
	trace_start(&self->t, ZAPS);
	ASSERT_EQ(0, vm_ioctl_num(g->vm.fd, KVM_SET_NR_MMU_PAGES, 64));
	trace_stop(&self->t);
	EXPECT_LE(nr - 64, sum_of(self, "slat_zap_step", "reclaim", "tables"));
	EXPECT_EQ(sum_of(self, "slat_zap_step", "reclaim", "tables"),
		  sum_of(self, "slat_zap_step", "reclaim", "mmio"));
	EXPECT_EQ(0, sum_of(self, "slat_zap_step", "reclaim", "leafs"));
	EXPECT_EQ(0, sum_of(self, "slat_flush", "reclaim", "cpus"));
}

/* The vCPU is in guest mode most of the time, but not at any given one. */
TEST_F_TIMEOUT(tracing, a_flush_counts_the_cpus_that_it_interrupts, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;
	struct runner runner = {};
	int64_t cpus = 0;

	NEED_TRACING;
	if (cpus_online() < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(0, dirty_set(d, 0));
	guest_load(&d->g, spin);
	runner_start(&runner, &d->g.vcpu);
	for (int i = 0; i < 200 && cpus < 1; i++) {
		usleep(2000);
		trace_start(&self->t, "slat_flush");
		ASSERT_EQ(0, madvise(d->mem, NPAGES * PAGE_SIZE, MADV_DONTNEED));
		trace_stop(&self->t);
		cpus = sum_of(self, "slat_flush", "notifier", "cpus");
		ASSERT_GE(1, cpus);
	}
	ASSERT_EQ(0, runner_stop(&runner));
	EXPECT_EQ(1, cpus);
}

TEST_F(tracing, write_protection_and_its_cost)
{
	struct slat_policy policy = { .protect = SLAT_PROTECT_SCAN };
	struct pages odd = pages_each(NPAGES, 1, 2);
	struct dirty *d = &self->d;
	const struct event *ev;

	NEED_TRACING;
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &odd));
	ASSERT_EQ(0, vm_ioctl(d->g.vm.fd, SLAT_SET_POLICY, &policy));
	trace_start(&self->t, "slat_wrprot");
	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_write(d, &odd));
	ASSERT_EQ(0, dirty_get(d));
	trace_stop(&self->t);
	ev = first("slat_wrprot");
	ASSERT_NE(NULL, ev);
	EXPECT_TRUE(event_is(ev, "strategy", "range"));
	EXPECT_EQ(DIRTY_SLOT, event_num(ev, "slot"));
	EXPECT_EQ(NPAGES / 2, event_num(ev, "pages"));
	EXPECT_EQ(NPAGES, event_num(ev, "visited"));
	EXPECT_LT(0, event_num(ev, "cost"));
	ev = next(self, "slat_wrprot", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_TRUE(event_is(ev, "strategy", "scan"));
	EXPECT_EQ(DIRTY_SLOT, event_num(ev, "slot"));
	EXPECT_EQ(NPAGES / 2, event_num(ev, "pages"));
	EXPECT_LE(NPAGES / 2, event_num(ev, "visited"));
	EXPECT_LT(0, event_num(ev, "cost"));
	/* Both are always predicted, whoever chooses. */
	EXPECT_LT(0, event_num(ev, "predicted_rmap"));
	EXPECT_LT(0, event_num(ev, "predicted_scan"));
	EXPECT_EQ(SLAT_PROTECT_SCAN, event_num(ev, "policy"));
	EXPECT_EQ(NULL, next(self, "slat_wrprot", ev));
}

TEST_F(tracing, dirty_log_calls)
{
	struct pages odd = pages_each(NPAGES, 1, 2);
	struct dirty *d = &self->d;
	const struct event *ev;

	NEED_TRACING;
	trace_start(&self->t, "slat_dirty_log_get slat_dirty_log_clear");
	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_write(d, &odd));
	ASSERT_EQ(0, dirty_get(d));
	ASSERT_EQ(-ENOENT, dirty_log_get(&d->g.vm, 0, &d->got));
	trace_stop(&self->t);
	ev = first("slat_dirty_log_get");
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(DIRTY_SLOT, event_num(ev, "slot"));
	EXPECT_EQ(0, event_num(ev, "error"));
	EXPECT_EQ(NPAGES, event_num(ev, "npages"));
	EXPECT_EQ(NPAGES / 2, event_num(ev, "pages"));
	EXPECT_LT(0, event_num(ev, "ns"));
	ev = next(self, "slat_dirty_log_get", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(0, event_num(ev, "slot"));
	EXPECT_EQ((uint64_t)-ENOENT, event_num(ev, "error"));
	EXPECT_EQ(0, event_num(ev, "pages"));

	ASSERT_EQ(0, dirty_log_manual(&d->g.vm, MANUAL));
	trace_start(&self->t, "slat_dirty_log_get slat_dirty_log_clear");
	ASSERT_EQ(0, dirty_write(d, &odd));
	ASSERT_EQ(0, dirty_get(d));
	ASSERT_EQ(0, dirty_log_clear(&d->g.vm, DIRTY_SLOT, 64, NPAGES - 64, &d->got.word[1]));
	trace_stop(&self->t);
	ev = first("slat_dirty_log_get");
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(NPAGES / 2, event_num(ev, "pages"));
	ev = first("slat_dirty_log_clear");
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(DIRTY_SLOT, event_num(ev, "slot"));
	EXPECT_EQ(64, event_num(ev, "first_page"));
	EXPECT_EQ(NPAGES - 64, event_num(ev, "npages"));
	EXPECT_EQ((NPAGES - 64) / 2, event_num(ev, "pages"));
	EXPECT_EQ(0, event_num(ev, "error"));
}

TEST_F(tracing, changes_of_the_hosts_memory)
{
	struct dirty *d = &self->d;
	uint64_t start = (uintptr_t)d->mem + 10 * PAGE_SIZE, end = start + 5 * PAGE_SIZE;
	void *elsewhere = vm_alloc(PAGE_SIZE);
	const struct event *ev, *over;

	NEED_TRACING;
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_write(d, &self->all));
	*(volatile char *)elsewhere = 1;
	trace_start(&self->t, "slat_notifier_start slat_notifier_end slat_zap_step");
	ASSERT_EQ(0, madvise((void *)start, end - start, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(elsewhere, PAGE_SIZE, MADV_DONTNEED));
	trace_stop(&self->t);
	ev = first_with("slat_notifier_start", "start", start);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(end, event_num(ev, "end"));
	EXPECT_EQ(1, event_num(ev, "mapped"));
	EXPECT_EQ(1, event_num(ev, "may_block"));
	EXPECT_LT(0, event_num(ev, "ns"));
	over = next_with(self, "slat_notifier_end", "start", start, ev);
	ASSERT_NE(NULL, over);
	EXPECT_EQ(end, event_num(over, "end"));
	EXPECT_EQ(5, sum_of(self, "slat_zap_step", "notifier", "leafs"));
	ev = first_with("slat_notifier_start", "start", (uintptr_t)elsewhere);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(0, event_num(ev, "mapped"));
	vm_free(elsewhere, PAGE_SIZE);
}

/* A client that is gone: its memory goes before its files. */
static void child_main(void)
{
	struct dirty *d = calloc(1, sizeof(*d));
	struct pages all = pages_all(NPAGES);

	dirty_init(d, NPAGES, 0);
	_exit(dirty_set(d, 0) || dirty_write(d, &all));
}

TEST_F(tracing, release_of_the_address_space)
{
	const struct event *ev;
	int status;
	pid_t pid;

	NEED_TRACING;
	trace_start(&self->t, "slat_vm_create slat_vm_destroy slat_notifier_release " ZAPS);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		child_main();
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	trace_stop(&self->t);
	ev = trace_next(&self->t, "slat_vm_create", NULL);
	ASSERT_NE(NULL, ev);
	ASSERT_EQ((uint64_t)pid, event_num(ev, "pid"));
	self->vm = event_num(ev, "vm");
	ev = first("slat_notifier_release");
	ASSERT_NE(NULL, ev);
	/* And the guest's code and tables. */
	EXPECT_LE(NPAGES + 1, event_num(ev, "zapped"));
	EXPECT_EQ((int64_t)event_num(ev, "zapped"),
		  sum_of(self, "slat_zap_step", "release", "leafs"));
	EXPECT_EQ(0, sum_of(self, "slat_flush", "release", "cpus"));
	EXPECT_NE(NULL, next(self, "slat_vm_destroy", ev));
}

/* The last test: the others together have found each event. */
TEST_F(tracing, every_event_was_seen)
{
	NEED_TRACING;
	if (!tracing_is_whole())
		SKIP(return, "some tests were left out");
	EXPECT_TRUE(tracing_saw_all(NAME));
}

int main(int argc, char **argv)
{
	return tracing_main(argc, argv);
}
