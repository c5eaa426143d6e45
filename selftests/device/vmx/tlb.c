// SPDX-License-Identifier: GPL-2.0
/*
 * What CPUs may still have cached of memory that was behind a guest physical
 * address: slots that cover whole tables and come and go with other memory, tables
 * that are reclaimed, VMs that take the place of dead ones. Each read must give the
 * word of the memory that is there now. Bochs empties its TLB at each VM exit, so a
 * flush that is missing shows on silicon alone; what shows there is a slot, a table or
 * a root that was not exchanged. The guest's own tables are in tlb_linear.c.
 */
#include "test.h"

#include <sched.h>

#define SLOT		1
#define GPA		(1 * GIB)	/* the start of what one page directory maps */
#define PARK		(4 * GIB)	/* where slots wait that the guest does not read */
#define PAGES		8ul		/* of a slot that are read, first and last among them */
#define READER		(GUEST_CODE + 0x1000)
#define TAG		0x7ab1e5ea00000000ull

/*
 * Reads the first word of r9 pages, r8 bytes apart from rbx on. Each must be between
 * the two bounds at rcx: the lower one is read before the word, so it was promised
 * before the read began; the upper one after it.
 */
GUEST_CODE_BLOB(reader, 64,
	"1: mov %rbx, %rdi\n"
	"mov %r9, %rsi\n"
	"2: mov (%rcx), %rdx\n"
	"mov (%rdi), %rax\n"
	"cmp %rdx, %rax\n"
	"jb 3f\n"
	"cmp 8(%rcx), %rax\n"
	"ja 3f\n"
	"add %r8, %rdi\n"
	"dec %rsi\n"
	"jnz 2b\n"
	"incq 16(%rcx)\n"
	"jmp 1b\n"
	"3: hlt\n");

struct report {
	volatile uint64_t lowest;
	volatile uint64_t highest;
	volatile uint64_t rounds;
};

/* A vCPU that reads on a CPU of its own, as far as there is one. */
struct watch {
	struct vcpu vcpu;
	struct runner r;
	struct report *report;
};

static void watch_start(struct watch *w, struct guest *g, unsigned int id, size_t stride,
			uint64_t pages)
{
	const uint64_t where = GUEST_DATA + id * PAGE_SIZE;
	struct kvm_regs regs;

	memcpy(g->ram + READER, reader_start, reader_end - reader_start);
	guest_add_vcpu(g, id, MODE_LONG, &w->vcpu);
	regs = vcpu_regs(&w->vcpu);
	regs.rip = READER;
	regs.rbx = GPA;
	regs.rcx = where;
	regs.r8 = stride;
	regs.r9 = pages;
	vcpu_set_regs(&w->vcpu, &regs);
	w->report = (struct report *)guest_u64(g, where);
	w->report->lowest = TAG;
	w->report->highest = TAG;
	w->r.mmio_value = TAG;
	runner_start(&w->r, &w->vcpu);
	vm_must(pin_thread(w->r.thread, id % cpus_online()), "CPU of the reader");
}

/* It has read every page since now, and found none that was wrong. */
static bool watch_is_content(struct watch *w)
{
	uint64_t target = w->report->rounds + 2;
	uint64_t deadline = now_ms() + 20000;
	struct kvm_regs regs;

	while (w->report->rounds < target && !w->r.ended && now_ms() < deadline)
		sched_yield();
	if (w->r.ended) {
		regs = vcpu_regs(&w->vcpu);
		fprintf(stderr, "# at 0x%llx read 0x%llx, expected 0x%llx to 0x%llx\n", regs.rdi,
			regs.rax, regs.rdx, (unsigned long long)w->report->highest);
		return false;
	}
	return w->report->rounds >= target;
}

static int watch_stop(struct watch *w)
{
	int err = runner_stop(&w->r);

	vcpu_destroy(&w->vcpu);
	return err;
}

FIXTURE(tlb) {
	struct guest g;
	struct watch w;
	uint64_t *mem[2];
};

FIXTURE_VARIANT(tlb) {
	size_t size;
	bool move;
};

FIXTURE_VARIANT_ADD(tlb, table_made_anew) { 2 * MIB, false };
FIXTURE_VARIANT_ADD(tlb, table_moved) { 2 * MIB, true };
FIXTURE_VARIANT_ADD(tlb, tables_made_anew) { 16 * MIB, false };
FIXTURE_VARIANT_ADD(tlb, directory_made_anew) { GIB, false };
FIXTURE_VARIANT_ADD(tlb, directory_moved) { GIB, true };

FIXTURE_SETUP(tlb)
{
	probe_init(&self->g);
	memset(&self->w, 0, sizeof(self->w));
	vm_must(pin_thread(pthread_self(), 0), "CPU of the test");
	for (int i = 0; i < 2; i++)
		self->mem[i] = vm_alloc(variant->size);
}

FIXTURE_TEARDOWN(tlb)
{
	guest_destroy(&self->g);
	for (int i = 0; i < 2; i++)
		vm_free(self->mem[i], variant->size);
}

#define tlb_data _test_data_tlb		/* as the harness names them */
#define tlb_variant _fixture_variant_tlb

static size_t page_offset(const struct tlb_variant *variant, uint64_t page)
{
	return (variant->size / PAGE_SIZE - 1) / (PAGES - 1) * page * PAGE_SIZE;
}

/* Put memory @i at GPA, by a new slot or by one that waited elsewhere. */
static int arrive(struct tlb_data *self, const struct tlb_variant *variant, int i)
{
	return vm_set_slot(&self->g.vm, SLOT + i, 0, GPA, variant->size, self->mem[i]);
}

static int leave(struct tlb_data *self, const struct tlb_variant *variant, int i)
{
	return variant->move ? vm_set_slot(&self->g.vm, SLOT + i, 0, PARK + i * GIB,
					   variant->size, self->mem[i]) :
			       vm_delete_slot(&self->g.vm, SLOT + i);
}

/* Each page by the test's own vCPU, at once. */
static bool pages_are_ram(struct tlb_data *self, const struct tlb_variant *variant, uint64_t value)
{
	for (uint64_t k = 0; k < PAGES; k++)
		if (!probe_is_ram(&self->g, GPA + page_offset(variant, k), value))
			return false;
	return true;
}

static bool pages_are_mmio(struct tlb_data *self, const struct tlb_variant *variant)
{
	for (uint64_t k = 0; k < PAGES; k++)
		if (!probe_is_mmio(&self->g, GPA + page_offset(variant, k)))
			return false;
	return true;
}

static void fill(struct tlb_data *self, const struct tlb_variant *variant, int i, uint64_t value)
{
	for (uint64_t k = 0; k < PAGES; k++)
		self->mem[i][page_offset(variant, k) / 8] = value;
}

static void answer_mmio(struct watch *w, uint64_t value)
{
	__atomic_store_n(&w->r.mmio_value, value, __ATOMIC_RELEASE);
}

/* Number @n: one memory comes, the other one takes its place, a device takes its. */
static int change(struct tlb_data *self, const struct tlb_variant *variant, uint64_t n)
{
	int i = (n - TAG - 1) / 3 & 1;

	switch ((n - TAG - 1) % 3) {
	case 0:
		fill(self, variant, i, n);
		return arrive(self, variant, i);
	case 1:
		fill(self, variant, !i, n);
		answer_mmio(&self->w, n);
		return leave(self, variant, i) ?: arrive(self, variant, !i);
	default:
		answer_mmio(&self->w, n);
		return leave(self, variant, !i);
	}
}

/* What is read is a number that rises; that of before is not seen once a change returned. */
TEST_F_TIMEOUT(tlb, slot_with_other_memory, LONG_TIMEOUT)
{
	struct watch *w = &self->w;

	watch_start(w, &self->g, 1, page_offset(variant, 1), PAGES);
	ASSERT_TRUE(watch_is_content(w));
	for (uint64_t n = TAG + 1; n <= TAG + 30; n++) {
		w->report->highest = n;
		ASSERT_EQ(0, change(self, variant, n));
		w->report->lowest = n;
		if ((n - TAG) % 3) {
			ASSERT_TRUE(pages_are_ram(self, variant, n));
		} else {
			ASSERT_TRUE(pages_are_mmio(self, variant));
		}
		ASSERT_TRUE(watch_is_content(w)) TH_LOG("number %lu", n - TAG);
	}
	EXPECT_EQ(0, watch_stop(w));
}

FIXTURE(vms) {
	struct guest g;
	uint64_t *mem;
};

#define SIZE	(256 * MIB)
#define TABLES	(SIZE / (2 * MIB))
#define MIN_TABLES	64ul		/* what KVM_SET_NR_MMU_PAGES takes at least */

FIXTURE_SETUP(vms)
{
	probe_init(&self->g);
	self->mem = vm_alloc(SIZE);
	for (size_t k = 0; k < TABLES; k++)
		self->mem[k * 2 * MIB / 8] = TAG;
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
}

FIXTURE_TEARDOWN(vms)
{
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
}

#define PIPES		4
#define PIPE_SIZE	(1 * MIB)
#define POISON_LEAF	0x1335ull	/* readable, write-back, page 1 of the machine */

/*
 * Pages that the kernel has just freed get words that look like leafs of an EPT: who
 * still walks a table that was freed finds memory that is not the guest's. Pipes take
 * their pages where tables do.
 */
static void poison_free_pages(void)
{
	static uint64_t poison[PIPE_SIZE / 8];
	int pipes[PIPES][2];

	for (size_t i = 0; i < PIPE_SIZE / 8; i++)
		poison[i] = POISON_LEAF;
	for (int i = 0; i < PIPES; i++) {
		vm_must(pipe2(pipes[i], O_NONBLOCK) ? -errno : 0, "pipe");
		vm_must(fcntl(pipes[i][1], F_SETPIPE_SZ, PIPE_SIZE) < 0 ? -errno : 0, "its size");
		vm_must(write(pipes[i][1], poison, PIPE_SIZE) < 0 ? -errno : 0, "its pages");
	}
	for (int i = 0; i < PIPES; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

/* Two vCPUs read through more tables than the VM may have. */
TEST_F_TIMEOUT(vms, reclaimed_tables, LONG_TIMEOUT)
{
	struct watch w[2] = {};

	for (int i = 0; i < 2; i++)
		watch_start(&w[i], &self->g, 1 + i, 2 * MIB, TABLES);
	for (int round = 0; round < 8; round++) {
		uint64_t cap = round & 1 ? 4 * TABLES : MIN_TABLES;

		ASSERT_EQ(0, vm_ioctl_num(self->g.vm.fd, KVM_SET_NR_MMU_PAGES, cap));
		poison_free_pages();
		for (int i = 0; i < 2; i++)
			ASSERT_TRUE(watch_is_content(&w[i])) TH_LOG("round %d", round);
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, watch_stop(&w[i]));
		EXPECT_EQ(0ull, w[i].r.mmio_reads);
	}
}

/*
 * A VM is likely to get the tables of the one that has just gone, at the same
 * addresses, root included. Where that one had memory this one has none.
 */
TEST_F_TIMEOUT(vms, vm_in_the_place_of_a_dead_one, LONG_TIMEOUT)
{
	uint64_t *mem = vm_alloc(2 * MIB);

	for (uint64_t n = 1; n <= 12; n++) {
		const uint64_t here = GPA + (n & 1) * 2 * MIB, there = GPA + !(n & 1) * 2 * MIB;
		struct guest other;

		probe_init(&other);
		mem[0] = TAG + n;
		ASSERT_EQ(0, vm_set_slot(&other.vm, SLOT, 0, here, 2 * MIB, mem));
		for (int cpu = 0; cpu < cpus_online(); cpu++) {
			ASSERT_EQ(0, pin_thread(pthread_self(), cpu));
			ASSERT_TRUE(probe_is_ram(&other, here, TAG + n));
			ASSERT_TRUE(probe_is_mmio(&other, there));
			ASSERT_TRUE(probe_is_ram(&self->g, here, TAG));
		}
		guest_destroy(&other);
	}
	vm_free(mem, 2 * MIB);
}

SLAT_TEST_MAIN
