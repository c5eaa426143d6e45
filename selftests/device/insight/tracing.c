// SPDX-License-Identifier: GPL-2.0
/*
 * The trace points of VMs, vCPUs, faults and MMIO, each provoked and compared
 * with what was done: names and fields are an interface (docs/tracing.md). The
 * last tests fail where an event lacks in the list, has other fields, or was
 * never seen. Skipped on KVM. What the MMU tells is in tracing_mmu.c.
 */
#define NAME	"tracing"
#include "tracing.h"

#include <sys/eventfd.h>

#define EXIT_IO		30
#define EXIT_HLT	12
#define EVENT_NMI	0x80000202

GUEST_CODE_BLOB(sync, 64, "nop\n" SYNC64 "hlt\n");

static uint64_t stored_bits(uint64_t generation)
{
	return generation & ((1ull << module_parameter("gen_bits")) - 1);
}

TEST_F(tracing, life_of_a_vm_and_its_vcpus)
{
	const struct event *made, *gone, *vcpu;
	struct vm vm;
	int fd;

	NEED_TRACING;
	trace_start(&self->t, "slat_vm_create slat_vm_destroy slat_vcpu_create"
			      " slat_vcpu_destroy");
	vm_create(&vm);
	fd = vcpu_create_raw(&vm, 3);
	ASSERT_LE(0, fd);
	ASSERT_EQ(-EEXIST, vcpu_create_raw(&vm, 3));
	close(fd);
	vm_destroy(&vm);
	trace_stop(&self->t);

	made = trace_next(&self->t, "slat_vm_create", NULL);
	ASSERT_NE(NULL, made);
	EXPECT_EQ(self->vm + 1, event_num(made, "vm"));
	EXPECT_EQ((uint64_t)getpid(), event_num(made, "pid"));
	EXPECT_EQ((uint64_t)vm.fd, event_num(made, "fd"));
	self->vm++;
	made = first("slat_vm_create");
	gone = first("slat_vm_destroy");
	ASSERT_NE(NULL, gone);
	vcpu = first("slat_vcpu_create");
	ASSERT_NE(NULL, vcpu);
	EXPECT_EQ(3, event_num(vcpu, "vcpu"));
	EXPECT_TRUE(made < vcpu);
	/* The second attempt made a vCPU too, and took it back. */
	EXPECT_EQ(trace_count(&self->t, "slat_vcpu_create"),
		  trace_count(&self->t, "slat_vcpu_destroy"));
	vcpu = first("slat_vcpu_destroy");
	ASSERT_NE(NULL, vcpu);
	EXPECT_EQ(3, event_num(vcpu, "vcpu"));
	EXPECT_TRUE(vcpu < gone);
}

TEST_F(tracing, entries_and_exits)
{
	struct guest *g = &self->d.g;
	const struct event *ev, *exit;
	size_t nr = 0;

	NEED_TRACING;
	guest_load(g, sync);
	trace_start(&self->t, "slat_vcpu_entry slat_vcpu_exit slat_user_exit");
	ASSERT_EQ(0, vcpu_run_to(&g->vcpu, KVM_EXIT_IO));
	ASSERT_EQ(0, vcpu_run_to(&g->vcpu, KVM_EXIT_HLT));
	g->vcpu.run->immediate_exit = 1;
	ASSERT_EQ(-EINTR, vcpu_run(&g->vcpu));
	g->vcpu.run->immediate_exit = 0;
	trace_stop(&self->t);

	ev = first("slat_vcpu_entry");
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(GUEST_CODE, event_num(ev, "rip"));
	EXPECT_EQ(0, event_num(ev, "vcpu"));
	EXPECT_EQ(0, event_num(ev, "event"));
	ev = first_with("slat_vcpu_exit", "reason", EXIT_IO);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(GUEST_CODE + 1, event_num(ev, "rip"));
	EXPECT_EQ(PORT_SYNC, event_num(ev, "qualification") >> 16);
	ev = next_with(self, "slat_vcpu_exit", "reason", EXIT_HLT, ev);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(GUEST_CODE + 3, event_num(ev, "rip"));

	/* One exit behind each entry. */
	for (ev = first("slat_vcpu_entry"); ev; ev = next(self, "slat_vcpu_entry", ev)) {
		exit = next(self, "slat_vcpu_exit", ev);
		ASSERT_NE(NULL, exit);
		ASSERT_TRUE(exit == ev + 1);
		nr++;
	}
	EXPECT_EQ(nr, trace_count(&self->t, "slat_vcpu_exit"));

	ev = first("slat_user_exit");
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(KVM_EXIT_IO, event_num(ev, "reason"));
	EXPECT_EQ(0, event_num(ev, "error"));
	ev = next(self, "slat_user_exit", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(KVM_EXIT_HLT, event_num(ev, "reason"));
	ev = next(self, "slat_user_exit", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ((uint64_t)-EINTR, event_num(ev, "error"));
	EXPECT_EQ(NULL, next(self, "slat_user_exit", ev));
}

TEST_F(tracing, an_entry_tells_the_event_that_it_injects)
{
	struct guest *g = &self->d.g;

	NEED_TRACING;
	guest_settle_nmis();
	guest_load(g, sync);
	ASSERT_EQ(0, vm_ioctl_num(g->vcpu.fd, KVM_NMI, 0));
	trace_start(&self->t, "slat_vcpu_entry");
	ASSERT_EQ(0, vcpu_run_to(&g->vcpu, KVM_EXIT_IO));
	trace_stop(&self->t);
	EXPECT_EQ(PORT_EXC, g->vcpu.run->io.port);
	EXPECT_NE(NULL, first_with("slat_vcpu_entry", "event", EVENT_NMI));
}

/* The fault at one page: what is told of it. */
static bool fault_is(struct _test_data_tracing *self, uint64_t page, const char *access,
		     const char *outcome, uint64_t level)
{
	const struct event *ev = first_with("slat_fault", "gpa", DIRTY_GPA + page * PAGE_SIZE);

	if (!ev) {
		fprintf(stderr, "# no fault at page %llu\n", (unsigned long long)page);
		return false;
	}
	return event_is(ev, "access", access) && event_is(ev, "outcome", outcome) &&
	       event_num(ev, "level") == level && event_num(ev, "vcpu") == 0 &&
	       event_num(ev, "ns") > 0;
}

TEST_F(tracing, faults_and_what_became_of_them)
{
	struct pages one = pages_each(NPAGES, 7, NPAGES), two = pages_each(NPAGES, 8, NPAGES);
	struct dirty *d = &self->d;

	NEED_TRACING;
	ASSERT_EQ(0, dirty_set(d, 0));
	trace_start(&self->t, "slat_fault");
	ASSERT_EQ(0, dirty_write(d, &one));
	ASSERT_EQ(0, dirty_read(d, &two));
	trace_stop(&self->t);
	EXPECT_TRUE(fault_is(self, 7, "write", "installed", 1));
	EXPECT_TRUE(fault_is(self, 8, "read", "installed", 1));

	ASSERT_EQ(0, dirty_set(d, LOG));
	trace_start(&self->t, "slat_fault");
	ASSERT_EQ(0, dirty_write(d, &one));
	trace_stop(&self->t);
	EXPECT_TRUE(fault_is(self, 7, "write|present", "writable", 1));

	ASSERT_EQ(0, dirty_delete(d));
	trace_start(&self->t, "slat_fault");
	ASSERT_EQ(0, write_mmio(d, 7));
	trace_stop(&self->t);
	EXPECT_TRUE(fault_is(self, 7, "write", "mmio", 0));
	trace_start(&self->t, "slat_fault");
	ASSERT_EQ(0, write_mmio(d, 7));
	trace_stop(&self->t);
	EXPECT_TRUE(fault_is(self, 7, "misconfig", "mmio", 0));

	/* Where no MMIO entry is left behind. */
	ASSERT_EQ(0, mprotect(d->mem, NPAGES * PAGE_SIZE, PROT_NONE));
	ASSERT_EQ(0, dirty_set(d, 0));
	dirty_aim_write(d, &two);
	trace_start(&self->t, "slat_fault slat_user_exit");
	ASSERT_EQ(-EFAULT, vcpu_run(&d->g.vcpu));
	trace_stop(&self->t);
	EXPECT_TRUE(fault_is(self, 8, "write", "error", 0));
	EXPECT_NE(NULL, first_with("slat_user_exit", "error", -EFAULT));
}

TEST_F(tracing, mmio_entries_and_generations)
{
	struct dirty *d = &self->d;
	const struct event *ev;
	uint64_t old, generation;

	NEED_TRACING;
	trace_start(&self->t, "slat_mmio_mark slat_mmio_check");
	ASSERT_EQ(0, write_mmio(d, 5));
	ASSERT_EQ(0, write_mmio(d, 5));
	trace_stop(&self->t);
	ev = first("slat_mmio_mark");
	ASSERT_NE(NULL, ev);
	old = event_num(ev, "generation");
	EXPECT_EQ(GFN + 5, event_num(ev, "gfn"));
	EXPECT_EQ(stored_bits(old), event_num(ev, "entry_gen"));
	EXPECT_EQ(1u, trace_count(&self->t, "slat_mmio_mark"));
	ev = first("slat_mmio_check");
	ASSERT_NE(NULL, ev);
	EXPECT_TRUE(event_is(ev, "result", "hit"));
	EXPECT_EQ(GFN + 5, event_num(ev, "gfn"));
	EXPECT_EQ(old, event_num(ev, "generation"));
	EXPECT_EQ(stored_bits(old), event_num(ev, "entry_gen"));
	EXPECT_EQ(1u, trace_count(&self->t, "slat_mmio_check"));

	/* A change elsewhere: the entry is one generation behind. */
	trace_start(&self->t, "slat_mmio_mark slat_mmio_check slat_slot_change");
	ASSERT_EQ(0, other_slot(d, PAGE_SIZE));
	ASSERT_EQ(0, write_mmio(d, 5));
	ASSERT_EQ(0, write_mmio(d, 5));
	trace_stop(&self->t);
	ev = first("slat_slot_change");
	ASSERT_NE(NULL, ev);
	generation = event_num(ev, "new_gen");
	EXPECT_EQ(old, event_num(ev, "old_gen"));
	EXPECT_EQ(old + 1, generation);
	ev = next(self, "slat_mmio_check", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_TRUE(event_is(ev, "result", "stale"));
	EXPECT_EQ(stored_bits(old), event_num(ev, "entry_gen"));
	EXPECT_EQ(generation, event_num(ev, "generation"));
	ev = next(self, "slat_mmio_mark", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(generation, event_num(ev, "generation"));
	ev = next(self, "slat_mmio_check", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_TRUE(event_is(ev, "result", "hit"));
}

static int eventfd_assign(struct dirty *d, int fd, uint64_t page, uint32_t len)
{
	struct kvm_ioeventfd args = {
		.addr = DIRTY_GPA + page * PAGE_SIZE, .len = len, .fd = fd,
	};

	return vm_ioctl(d->g.vm.fd, KVM_IOEVENTFD, &args);
}

TEST_F(tracing, mmio_accesses)
{
	struct pages two = pages_each(NPAGES, 6, NPAGES), three = pages_each(NPAGES, 9, NPAGES);
	int fd = eventfd(0, 0);
	struct dirty *d = &self->d;
	const struct event *ev;

	NEED_TRACING;
	ASSERT_EQ(0, eventfd_assign(d, fd, 6, 8));
	ASSERT_EQ(0, eventfd_assign(d, fd, 9, 0));
	ASSERT_EQ(0, write_mmio(d, 5));
	dirty_aim_write(d, &three);
	ASSERT_EQ(0, vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT));
	trace_start(&self->t, "slat_mmio");
	ASSERT_EQ(0, write_mmio(d, 5));
	ev = NULL;
	dirty_aim_write(d, &two);
	ASSERT_EQ(0, vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT));
	trace_stop(&self->t);
	ev = first("slat_mmio");
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(DIRTY_GPA + 5 * PAGE_SIZE, event_num(ev, "gpa"));
	EXPECT_EQ(8, event_num(ev, "len"));
	EXPECT_EQ(0, event_num(ev, "in_kernel"));
	EXPECT_EQ(d->value - 1, event_num(ev, "value"));
	EXPECT_NE(NULL, strstr(ev->text, " write "));
	ev = next(self, "slat_mmio", ev);
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(DIRTY_GPA + 6 * PAGE_SIZE, event_num(ev, "gpa"));
	EXPECT_EQ(8, event_num(ev, "len"));
	EXPECT_EQ(1, event_num(ev, "in_kernel"));
	EXPECT_EQ(d->value, event_num(ev, "value"));
	EXPECT_EQ(NULL, next(self, "slat_mmio", ev));

	/* Any length, any value: the kernel may not have looked. */
	trace_start(&self->t, "slat_mmio");
	dirty_aim_write(d, &three);
	ASSERT_EQ(0, vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT));
	trace_stop(&self->t);
	ev = first("slat_mmio");
	ASSERT_NE(NULL, ev);
	EXPECT_EQ(DIRTY_GPA + 9 * PAGE_SIZE, event_num(ev, "gpa"));
	EXPECT_EQ(1, event_num(ev, "in_kernel"));
	EXPECT_EQ(0, event_num(ev, "len") % 8);
	close(fd);
}

TEST_F(tracing, every_event_is_known_here)
{
	char *list, *fields, known[64 * ARRAY_SIZE(events)] = "";

	NEED_TRACING;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		strcat(strcat(known, events[i].name), "\n");
	list = trace_list(&self->t);
	EXPECT_STREQ(known, list);
	free(list);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		fields = trace_fields(&self->t, events[i].name);
		EXPECT_STREQ(events[i].fields, fields) TH_LOG("%s", events[i].name);
		free(fields);
	}
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
