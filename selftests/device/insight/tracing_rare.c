// SPDX-License-Identifier: GPL-2.0
/*
 * What the trace points say of faults that lose or share a race, and of the
 * generation's wrap. userfaultfd makes the races sure to happen: a fault sleeps
 * in it for the host's page until the test has changed what it wanted. What
 * remains, and why no test of the device can provoke it, is in docs/tracing.md.
 */
#define NAME	"tracing_rare"
#include "tracing.h"
#include "uffd.h"

#include <slat-helper.h>
#include <sys/mman.h>

#define PAGE		7ul
#define ZAPS		"slat_zap_step slat_flush"
#define WAIT_MS		10000

static uint8_t *page_at(struct dirty *d, uint64_t page)
{
	return d->mem + page * PAGE_SIZE;
}

/* First in each case with a race: each page of @d's slot is given when @fd is told. */
#define NEED_UFFD(fd, d) do {						\
	NEED_TRACING;							\
	(fd) = uffd_open((d)->mem, NPAGES * PAGE_SIZE);			\
	if ((fd) < 0)							\
		SKIP(return, "no userfaultfd in this kernel");		\
	ASSERT_EQ(0, dirty_set(d, 0));					\
} while (0)

/* The vCPU writes one page, in a thread, and its fault sleeps. */
static bool write_sleeps(struct dirty *d, int fd, uint64_t page, struct runner *runner)
{
	struct pages one = pages_each(NPAGES, page, NPAGES);

	dirty_aim_write(d, &one);
	runner_start(runner, &d->g.vcpu);
	return uffd_wait(fd, page_at(d, page), 1);
}

/*
 * Faults at a page: how many ended so, and the last one of the trace. An event is
 * written once its fault has left the MMU's lock, so that events of two vCPUs may
 * stand in the other order than what they tell; those of one vCPU don't.
 */
struct outcomes {
	unsigned int installed, spurious, retry, mmio;
	const struct event *last, *last_spurious;
};

static struct outcomes outcomes_at(struct _test_data_tracing *self, uint64_t page)
{
	const struct event *ev = NULL;
	struct outcomes o = {};

	while ((ev = next_with(self, "slat_fault", "gpa", DIRTY_GPA + page * PAGE_SIZE, ev))) {
		o.installed += !!strstr(ev->text, " outcome=installed ");
		o.retry += !!strstr(ev->text, " outcome=retry ");
		o.mmio += !!strstr(ev->text, " outcome=mmio ");
		o.last = ev;
		if (strstr(ev->text, " outcome=spurious ")) {
			o.spurious++;
			o.last_spurious = ev;
		}
	}
	return o;
}

static uint64_t retries(struct _test_data_tracing *self)
{
	struct slat_slot_stats s;

	vm_must(slat_get_slot_stats(self->d.g.vm.fd, DIRTY_SLOT, &s), "SLAT_GET_SLOT_STATS");
	return s.faults_retry;
}

/* What the host had given may be gone: its memory changes, at whatever address. */
TEST_F(tracing, a_change_of_the_host_makes_a_fault_retry)
{
	struct dirty *d = &self->d;
	void *elsewhere = vm_alloc(PAGE_SIZE);
	struct runner runner = {};
	const struct event *ev;
	struct outcomes o;
	int fd;

	NEED_UFFD(fd, d);
	trace_start(&self->t, "slat_fault slat_notifier_end");
	ASSERT_TRUE(write_sleeps(d, fd, PAGE, &runner));
	ASSERT_EQ(0, madvise(elsewhere, PAGE_SIZE, MADV_DONTNEED));
	uffd_give(fd, page_at(d, PAGE));
	ASSERT_EQ(0, runner_join(&runner));
	trace_stop(&self->t);
	ev = first_with("slat_notifier_end", "start", (uintptr_t)elsewhere);
	ASSERT_NE(NULL, ev);
	ev = next_with(self, "slat_fault", "gpa", DIRTY_GPA + PAGE * PAGE_SIZE, ev);
	ASSERT_NE(NULL, ev);
	EXPECT_TRUE(event_is(ev, "outcome", "retry"));
	EXPECT_TRUE(event_is(ev, "access", "write"));
	EXPECT_EQ(0, event_num(ev, "level"));
	EXPECT_LT(0, event_num(ev, "ns"));
	o = outcomes_at(self, PAGE);
	EXPECT_EQ(1u, o.installed);
	EXPECT_TRUE(event_is(o.last, "outcome", "installed"));
	EXPECT_EQ(o.retry, retries(self));
	close(fd);
	vm_free(elsewhere, PAGE_SIZE);
}

/* A new object of the slot: here because its log begins, which misses no write. */
TEST_F(tracing, a_change_of_flags_makes_a_fault_retry)
{
	struct pages one = pages_each(NPAGES, PAGE, NPAGES);
	struct dirty *d = &self->d;
	struct runner runner = {};
	struct outcomes o;
	int fd;

	NEED_UFFD(fd, d);
	trace_start(&self->t, "slat_fault");
	ASSERT_TRUE(write_sleeps(d, fd, PAGE, &runner));
	ASSERT_EQ(0, dirty_set(d, LOG));
	uffd_give(fd, page_at(d, PAGE));
	ASSERT_EQ(0, runner_join(&runner));
	trace_stop(&self->t);
	o = outcomes_at(self, PAGE);
	EXPECT_LE(1u, o.retry);
	EXPECT_EQ(1u, o.installed);
	EXPECT_EQ(o.retry, retries(self));
	EXPECT_TRUE(dirty_is(d, &one));
	close(fd);
}

static void *delete_main(void *arg)
{
	return (void *)(intptr_t)dirty_delete(arg);
}

static bool slot_goes(struct dirty *d)
{
	uint64_t until = now_ms() + WAIT_MS;
	struct slat_gpa_query q;

	do {
		vm_must(slat_query_gpa(d->g.vm.fd, DIRTY_GPA, SLAT_GPA_WRITE, &q),
			"SLAT_QUERY_GPA");
		usleep(1000);
	} while (q.reason != SLAT_GPA_IN_FLUX && now_ms() < until);
	return q.reason == SLAT_GPA_IN_FLUX;
}

/* The slot goes while the fault sleeps: it retries until there is MMIO. */
TEST_F(tracing, a_delete_makes_a_fault_retry)
{
	struct dirty *d = &self->d;
	struct runner runner = {};
	pthread_t thread;
	struct outcomes o;
	void *ret;
	int fd;

	NEED_UFFD(fd, d);
	trace_start(&self->t, "slat_fault");
	ASSERT_TRUE(write_sleeps(d, fd, PAGE, &runner));
	ASSERT_EQ(0, pthread_create(&thread, NULL, delete_main, d));
	ASSERT_TRUE(slot_goes(d));
	uffd_give(fd, page_at(d, PAGE));
	ASSERT_EQ(0, runner_join(&runner));
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
	trace_stop(&self->t);
	o = outcomes_at(self, PAGE);
	EXPECT_LE(1u, o.retry);
	EXPECT_EQ(0u, o.installed);
	EXPECT_EQ(1u, o.mmio);
	EXPECT_TRUE(event_is(o.last, "outcome", "mmio"));
	EXPECT_EQ(1u, runner.mmio_writes);
	close(fd);
}

#define ROUNDS	8ul

/*
 * Two vCPUs write the same pages, and their faults sleep for each page together: the
 * second to wake finds the leaf. Not at the last page, since the thread that ends
 * first gives its stack back, nor always at the first ones: a test is a forked process,
 * whose writes to its own memory make the host copy pages. Such changes are retries.
 */
TEST_F_TIMEOUT(tracing, of_two_faults_at_a_page_one_is_spurious, LONG_TIMEOUT)
{
	struct pages some = pages_each(ROUNDS, 0, 1);
	struct runner runners[2] = {};
	struct dirty *d = &self->d;
	unsigned int spurious = 0;
	struct kvm_regs regs;
	struct outcomes o;
	struct vcpu other;
	int fd;

	NEED_UFFD(fd, d);
	guest_add_vcpu(&d->g, 1, MODE_LONG, &other);
	dirty_aim_write(d, &some);
	regs = vcpu_regs(&d->g.vcpu);
	vcpu_set_regs(&other, &regs);
	trace_start(&self->t, "slat_fault");
	runner_start(&runners[0], &d->g.vcpu);
	runner_start(&runners[1], &other);
	for (uint64_t page = 0; page < ROUNDS; page++) {
		ASSERT_TRUE(uffd_wait(fd, page_at(d, page), 2));
		uffd_give(fd, page_at(d, page));
	}
	ASSERT_EQ(0, runner_join(&runners[0]));
	ASSERT_EQ(0, runner_join(&runners[1]));
	trace_stop(&self->t);
	EXPECT_TRUE(dirty_data_ok(d, &some));
	for (uint64_t page = 0; page < ROUNDS; page++) {
		o = outcomes_at(self, page);
		EXPECT_EQ(1u, o.installed);
		EXPECT_GE(1u, o.spurious);
		EXPECT_EQ(0u, o.mmio);
		if (!o.spurious)
			continue;
		spurious++;
		EXPECT_TRUE(event_is(o.last_spurious, "access", "write"));
		EXPECT_EQ(0, event_num(o.last_spurious, "level"));
	}
	EXPECT_LE(1u, spurious);
	vcpu_destroy(&other);
	close(fd);
}

#define MMIO_PAGES	5ul

/*
 * The wrap takes all MMIO entries and nothing else. It owes no flush: no processor
 * caches an entry that is misconfigured.
 */
TEST_F_TIMEOUT(tracing, a_wrap_zaps_mmio_entries_and_flushes_nothing, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;
	const struct event *ev;
	uint64_t bits;

	NEED_TRACING;
	bits = module_parameter("gen_bits");
	if (bits > 8)
		SKIP(return, "takes a module loaded with gen_bits=3");
	/* Whatever the generation is, one of these changes is its wrap. */
	trace_start(&self->t, "slat_slot_change " ZAPS);
	for (uint64_t i = 0; i < 1ull << bits; i += 2) {
		for (uint64_t page = 0; page < MMIO_PAGES; page++) {
			ASSERT_EQ(0, write_mmio(d, page));
		}
		ASSERT_EQ(0, other_slot(d, PAGE_SIZE));
		ASSERT_EQ(0, vm_delete_slot(&d->g.vm, OTHER_SLOT));
	}
	trace_stop(&self->t);
	EXPECT_EQ((int64_t)MMIO_PAGES, sum_of(self, "slat_zap_step", "wrap", "mmio"));
	EXPECT_EQ(0, sum_of(self, "slat_zap_step", "wrap", "leafs"));
	EXPECT_EQ(0, sum_of(self, "slat_zap_step", "wrap", "tables"));
	EXPECT_LT(0, sum_of(self, "slat_zap_step", "wrap", "ns"));
	EXPECT_EQ(0u, trace_count(&self->t, "slat_flush"));
	/* While the new generation is in flux: the change is told after its zap. */
	ev = first("slat_zap_step");
	while (ev && !strstr(ev->text, " why=wrap "))
		ev = next(self, "slat_zap_step", ev);
	ASSERT_NE(NULL, ev);
	ev = next(self, "slat_slot_change", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(0, event_num(ev, "new_gen") & ((1ull << bits) - 1));
	/* RAM was not touched: the one fault is that of the device. */
	trace_start(&self->t, "slat_fault");
	ASSERT_EQ(0, write_mmio(d, 0));
	trace_stop(&self->t);
	EXPECT_EQ(1u, trace_count(&self->t, "slat_fault"));
	EXPECT_EQ(1u, outcomes_at(self, 0).mmio);
}

int main(int argc, char **argv)
{
	return tracing_main(argc, argv);
}
