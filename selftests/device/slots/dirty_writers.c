// SPDX-License-Identifier: GPL-2.0
/*
 * Writes to logged memory that no store of the guest makes by itself: the kernel
 * finishes port and MMIO instructions on the guest's behalf, and the processor
 * sets accessed and dirty bits in the guest's page tables. Each must be told
 * like any other write, also where the log began while the client was answering.
 */
#include "dirty.h"
#include "test.h"

#define NPAGES	200ul
#define MMIO	0xd0000000ul
#define PORT	0x80
#define LINEAR	0x40000000ul	/* its page directory entry points to page PT of the slot */
#define PT	20
#define PAGE(n)	(DIRTY_GPA + (n) * PAGE_SIZE)

GUEST_CODE_BLOB(w_ins, 64, "rep insb\n hlt\n");
GUEST_CODE_BLOB(w_movs, 64, "movsq\n hlt\n");
GUEST_CODE_BLOB(w_rep_movs, 64, "rep movsb\n hlt\n");
GUEST_CODE_BLOB(w_push, 64, "push (%rbx)\n hlt\n");
GUEST_CODE_BLOB(w_pop, 64, "pop (%rbx)\n hlt\n");
GUEST_CODE_BLOB(w_store, 64, "mov %rax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(w_load, 64, "mov (%rbx), %rax\n hlt\n");

#define NO_PAGE (-1)

struct writer {
	const char *name;
	const char *start, *end;
	uint64_t rdi, rcx, rsp, rbx;
	int pages[2];		/* that are written */
	bool at_once;		/* before the exit, not after it */
	bool may_walk_early;	/* page PT may be written before or after the exit */
};

#define CODE(blob) w_##blob##_start, w_##blob##_end

static const struct writer writers[] = {
	{ "ins", CODE(ins), .rdi = PAGE(10), .rcx = 8, .pages = { 10, NO_PAGE } },
	{ "ins into two pages", CODE(ins), .rdi = PAGE(70) - 4, .rcx = 8, .pages = { 69, 70 } },
	{ "movs", CODE(movs), .rdi = PAGE(2), .pages = { 2, NO_PAGE } },
	{ "movs into two pages", CODE(movs), .rdi = PAGE(3) - 3, .pages = { 2, 3 } },
	{ "rep movs", CODE(rep_movs), .rdi = PAGE(199), .rcx = 3, .pages = { 199, NO_PAGE } },
	{ "push", CODE(push), .rsp = PAGE(5), .rbx = MMIO, .pages = { 4, NO_PAGE } },
	{ "push onto two pages", CODE(push), .rsp = PAGE(5) + 4, .rbx = MMIO, .pages = { 4, 5 } },
	{ "pop", CODE(pop), .rsp = PAGE(5), .rbx = MMIO, .pages = { NO_PAGE, NO_PAGE } },
	{ "store into RAM and MMIO", CODE(store), .rbx = PAGE(NPAGES) - 4,
	  .pages = { NPAGES - 1, NO_PAGE }, .at_once = true },
	{ "accessed and dirty bits", CODE(movs), .rdi = LINEAR + 8, .pages = { PT, 30 },
	  .may_walk_early = true },
};

FIXTURE(writers) {
	struct dirty d;
};

FIXTURE_VARIANT(writers) {
	uint64_t manual;
};

FIXTURE_VARIANT_ADD(writers, plain) { 0 };
FIXTURE_VARIANT_ADD(writers, manual) { MANUAL };

static void set_page_table(struct dirty *d, uint64_t entry)
{
	uint64_t *pd = guest_u64(&d->g, GUEST_PD + LINEAR / GIB * PAGE_SIZE);

	pd[0] = PAGE(PT) | PTE_P | PTE_W | PTE_A;
	*(uint64_t *)(d->mem + PT * PAGE_SIZE) = entry;
}

/* Everything is mapped at first: KVM tells pages that are read first as written. */
FIXTURE_SETUP(writers)
{
	struct pages all = pages_all(NPAGES);

	dirty_init(&self->d, NPAGES, variant->manual);
	vm_must(dirty_set(&self->d, 0), "the slot");
	vm_must(dirty_write(&self->d, &all), "the guest's writes");
}

FIXTURE_TEARDOWN(writers)
{
	dirty_destroy(&self->d);
}

static void prepare(struct dirty *d, const struct writer *w)
{
	struct kvm_regs regs;

	guest_load_code(&d->g, w->start, w->end);
	set_page_table(d, PAGE(30) | PTE_P | PTE_W);
	regs = vcpu_regs(&d->g.vcpu);
	regs.rip = GUEST_CODE;
	regs.rsi = MMIO;
	regs.rdi = w->rdi;
	regs.rcx = w->rcx;
	regs.rdx = PORT;
	regs.rbx = w->rbx;
	regs.rsp = w->rsp ? w->rsp : GUEST_STACK;
	vcpu_set_regs(&d->g.vcpu, &regs);
}

/* Run, answering each exit with bytes 0xab, until the guest halts or @exits came. */
static int run(struct dirty *d, int exits)
{
	struct kvm_run *run = d->g.vcpu.run;
	int ret;

	while ((ret = vcpu_run(&d->g.vcpu)) == 0) {
		if (run->exit_reason == KVM_EXIT_HLT)
			return 0;
		if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
			memset(run->mmio.data, 0xab, sizeof(run->mmio.data));
		else if (run->exit_reason == KVM_EXIT_IO && run->io.port == PORT)
			memset((char *)run + run->io.data_offset, 0xab,
			       run->io.size * run->io.count);
		else if (run->exit_reason != KVM_EXIT_MMIO)
			break;
		if (--exits == 0)
			return 0;
	}
	vcpu_describe_exit(&d->g.vcpu, ret);
	return -1;
}

static struct pages pages_of(const struct writer *w)
{
	struct pages set = {};

	for (size_t i = 0; i < ARRAY_SIZE(w->pages); i++)
		if (w->pages[i] != NO_PAGE)
			pages_add(&set, w->pages[i]);
	return set;
}

TEST_F(writers, each_page_written_by_the_kernel_is_reported)
{
	struct dirty *d = &self->d;

	ASSERT_EQ(0, dirty_set(d, LOG));
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		struct pages set = pages_of(&writers[i]);

		for (int turn = 0; turn < 3; turn++) {
			prepare(d, &writers[i]);
			ASSERT_EQ(0, run(d, 0)) TH_LOG("%s", writers[i].name);
			ASSERT_TRUE(dirty_is(d, &set)) TH_LOG("%s, %d", writers[i].name, turn);
		}
	}
	EXPECT_EQ(0xab, d->mem[2 * PAGE_SIZE]);
	EXPECT_EQ(0xab, d->mem[30 * PAGE_SIZE + 8]);
	EXPECT_EQ(PTE_A | PTE_D, *(uint64_t *)(d->mem + PT * PAGE_SIZE) & (PTE_A | PTE_D));
}

/* Was @set told, less what may have been written before: the page table? */
static bool is_told(const struct writer *w, const struct pages *told, const struct pages *early)
{
	struct pages set = pages_of(w), got = *told;

	if (w->may_walk_early && (!early || pages_has(early, PT)))
		pages_add(&got, PT);
	if (pages_same(&got, &set, NPAGES))
		return true;
	fprintf(stderr, "# %s\n", w->name);
	return false;
}

/* The page is written after the client's answer, so a round before has not told it. */
TEST_F(writers, a_round_between_the_exit_and_its_answer)
{
	struct dirty *d = &self->d;

	ASSERT_EQ(0, dirty_set(d, LOG));
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		const struct writer *w = &writers[i];
		struct pages early;

		prepare(d, w);
		ASSERT_EQ(0, run(d, 1)) TH_LOG("%s", w->name);
		ASSERT_EQ(0, dirty_take(d));
		early = d->got;
		ASSERT_EQ(0, run(d, 0)) TH_LOG("%s", w->name);
		if (w->at_once) {
			ASSERT_TRUE(is_told(w, &early, NULL));
			ASSERT_TRUE(dirty_is_none(d)) TH_LOG("%s", w->name);
			continue;
		}
		ASSERT_EQ(0, dirty_take(d));
		ASSERT_TRUE(is_told(w, &d->got, &early));
	}
}

/* Logging that begins while the client answers sees the write that follows. */
TEST_F(writers, a_log_that_begins_between_the_exit_and_its_answer)
{
	struct dirty *d = &self->d;

	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		const struct writer *w = &writers[i];

		if (w->at_once)
			continue;
		ASSERT_EQ(0, dirty_set(d, 0));
		prepare(d, w);
		ASSERT_EQ(0, run(d, 1)) TH_LOG("%s", w->name);
		ASSERT_EQ(0, dirty_set(d, LOG));
		ASSERT_EQ(0, run(d, 0)) TH_LOG("%s", w->name);
		ASSERT_EQ(0, dirty_take(d));
		ASSERT_TRUE(is_told(w, &d->got, NULL));
	}
}

/* And one that ends has nothing to tell, nor to write to. */
TEST_F(writers, a_log_that_ends_between_the_exit_and_its_answer)
{
	struct dirty *d = &self->d;

	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		ASSERT_EQ(0, dirty_set(d, LOG));
		prepare(d, &writers[i]);
		ASSERT_EQ(0, run(d, 1)) TH_LOG("%s", writers[i].name);
		ASSERT_EQ(0, dirty_set(d, 0));
		ASSERT_EQ(0, run(d, 0)) TH_LOG("%s", writers[i].name);
		ASSERT_EQ(-ENOENT, dirty_get(d));
	}
}

/* With A and D bits in the EPT, the processor's own walks write the guest's tables. */
TEST_F(writers, bits_that_the_processor_sets_in_page_tables)
{
	struct dirty *d = &self->d;
	struct pages table = pages_each(PT + 1, PT, 1), both = table;

	if (!vm_uses_ept_ad(&d->g.vm))
		SKIP(return, "the EPT's accessed and dirty bits are off");
	ASSERT_EQ(0, dirty_set(d, LOG));
	pages_add(&both, 30);
	for (int turn = 0; turn < 3; turn++) {
		struct writer w = { "load", CODE(load), .rbx = LINEAR };

		prepare(d, &w);
		ASSERT_EQ(0, run(d, 0));
		ASSERT_TRUE(dirty_is(d, &table)) TH_LOG("turn %d", turn);
		ASSERT_EQ(PTE_A, *(uint64_t *)(d->mem + PT * PAGE_SIZE) & (PTE_A | PTE_D));
		w = (struct writer) { "store", CODE(store), .rbx = LINEAR };
		prepare(d, &w);
		ASSERT_EQ(0, run(d, 0));
		ASSERT_TRUE(dirty_is(d, &both)) TH_LOG("turn %d", turn);
	}
}

SLAT_TEST_MAIN
