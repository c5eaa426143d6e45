// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's own page tables where no walk can use them as it should: in MMIO,
 * in a READONLY slot, or in memory that the host has taken away. Each run ends
 * or the guest goes on; none may loop, and nothing READONLY may change.
 *
 * KVM takes the address of the entry for that of the operand, so its guest reads
 * the entry instead of the data; Slat rather ends the run by an internal error.
 */
#include "test.h"

#define SLOT	1
#define GPA	0x10000000ul	/* the slot with the table that is special */
#define MMIO	0xd0000000ul
#define LINEAR	0x8000000000ul	/* entry 1 of the top table, entry 0 of the others */
#define DATA	0x7711ull
#define RUNS	4

#define TABLE	(PTE_P | PTE_W)
#define WALKED	(PTE_P | PTE_W | PTE_A | PTE_D)

GUEST_CODE_BLOB(load, 64, "mov (%rbx), %rax\n hlt\n");

/* @level of the special table: 0 is what CR3 points to; from 1 on there is also data. */
FIXTURE(tables) {
	struct guest g;
	struct kvm_run *run;
	uint64_t *mem;
};

FIXTURE_VARIANT(tables) {
	int level;
};

FIXTURE_VARIANT_ADD(tables, pml4) { 0 };
FIXTURE_VARIANT_ADD(tables, pdpt) { 1 };
FIXTURE_VARIANT_ADD(tables, pd) { 2 };
FIXTURE_VARIANT_ADD(tables, pt) { 3 };

FIXTURE_SETUP(tables)
{
	guest_start(&self->g, MODE_LONG, load);
	self->run = self->g.vcpu.run;
	self->mem = vm_alloc(PAGE_SIZE);
	*guest_u64(&self->g, GUEST_DATA) = DATA;
}

FIXTURE_TEARDOWN(tables)
{
	guest_destroy(&self->g);
	vm_free(self->mem, PAGE_SIZE);
}

#define tables_data _test_data_tables	/* as the harness names it */

/* Map LINEAR to GUEST_DATA by four tables, that of @level at @gpa; load from there. */
static void map_data(struct tables_data *self, int level, uint64_t gpa, uint64_t flags)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);
	uint64_t *entry = guest_u64(&self->g, GUEST_PML4) + 1;

	for (int i = 1; i < 4; i++) {
		uint64_t table = GUEST_DATA + (1 + i) * PAGE_SIZE;

		*entry = (i == level ? gpa : table) | flags;
		entry = i == level ? self->mem : guest_u64(&self->g, table);
	}
	*entry = GUEST_DATA | flags;
	regs.rip = GUEST_CODE;
	regs.rbx = LINEAR;
	regs.rax = 0x1234;
	vcpu_set_regs(&self->g.vcpu, &regs);
}

/* Move the table of @level that maps the code to @gpa; its copy is in self->mem. */
static void map_code(struct tables_data *self, int level, uint64_t gpa)
{
	static const uint64_t tables[] = { GUEST_PML4, GUEST_PDPT, GUEST_PD };
	struct kvm_sregs sregs = vcpu_sregs(&self->g.vcpu);

	memcpy(self->mem, self->g.ram + tables[level], PAGE_SIZE);
	if (level) {
		*guest_u64(&self->g, tables[level - 1]) = gpa | WALKED;
	} else {
		sregs.cr3 = gpa;
		vm_must(vcpu_set_sregs(&self->g.vcpu, &sregs), "KVM_SET_SREGS");
	}
}

static bool is_internal_error(struct tables_data *self)
{
	return self->run->exit_reason == KVM_EXIT_INTERNAL_ERROR &&
	       vcpu_regs(&self->g.vcpu).rip == GUEST_CODE;
}

TEST_F(tables, code_through_a_table_in_mmio)
{
	if (variant->level == 3)
		SKIP(return, "large pages map the code");
	map_code(self, variant->level, MMIO);
	for (int i = 0; i < RUNS; i++) {
		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		ASSERT_TRUE(is_internal_error(self)) vcpu_describe_exit(&self->g.vcpu, 0);
	}
}

/*
 * An error, or a read of the table's entry as if it were the data. Once the
 * table is known to be MMIO, that is what Slat answers too.
 */
TEST_F(tables, data_through_a_table_in_mmio)
{
	int i;

	if (!variant->level)
		SKIP(return, "it maps the code as well");
	map_data(self, variant->level, MMIO, WALKED);
	for (i = 0; i < RUNS; i++) {
		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		if (self->run->exit_reason == KVM_EXIT_HLT)
			break;
		if (is_internal_error(self))
			continue;
		ASSERT_EQ((uint32_t)KVM_EXIT_MMIO, self->run->exit_reason);
		ASSERT_EQ(MMIO, self->run->mmio.phys_addr);
		ASSERT_FALSE(self->run->mmio.is_write);
		memset(self->run->mmio.data, 0, 8);
	}
	EXPECT_LT(0, i);
	/* The table that is RAM again is walked as any other. */
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, MMIO, PAGE_SIZE, self->mem));
	map_data(self, variant->level, MMIO, WALKED);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(DATA, vcpu_regs(&self->g.vcpu).rax);
}

TEST_F(tables, code_through_a_readonly_table)
{
	if (variant->level == 3)
		SKIP(return, "large pages map the code");
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM runs in circles until a signal comes");
	if (!vm_uses_ept_ad(&self->g.vm))
		SKIP(return, "the processor needs to write no bit");
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, KVM_MEM_READONLY, GPA, PAGE_SIZE, self->mem));
	map_code(self, variant->level, GPA);
	self->mem[0] |= PTE_A;
	for (int i = 0; i < RUNS; i++) {
		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		ASSERT_TRUE(is_internal_error(self)) vcpu_describe_exit(&self->g.vcpu, 0);
	}
}

/* With A and D bits in the EPT every walk writes; else only one that sets a bit. */
TEST_F(tables, data_through_a_readonly_table)
{
	static const uint64_t flags[] = { WALKED, TABLE };
	bool walks_write = vm_uses_ept_ad(&self->g.vm);

	if (!variant->level)
		SKIP(return, "it maps the code as well");
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, KVM_MEM_READONLY, GPA, PAGE_SIZE, self->mem));
	/* Bochs sets A bits without asking the EPT where the EPT's own are off. */
	for (size_t i = 0; i < (walks_write ? ARRAY_SIZE(flags) : 1); i++) {
		uint64_t entry;

		map_data(self, variant->level, GPA, flags[i]);
		entry = self->mem[0];
		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		if (walks_write && !vm_is_kvm(&self->g.vm)) {
			EXPECT_TRUE(is_internal_error(self)) vcpu_describe_exit(&self->g.vcpu, 0);
		} else {
			EXPECT_EQ((uint32_t)KVM_EXIT_HLT, self->run->exit_reason);
			EXPECT_EQ(walks_write ? entry : DATA, vcpu_regs(&self->g.vcpu).rax);
		}
		EXPECT_EQ(entry, self->mem[0]);
	}
}

/* EFAULT as long as it is gone; then the access is made as if nothing had been. */
TEST_F(tables, data_through_a_table_that_the_host_took_away)
{
	if (!variant->level)
		SKIP(return, "it maps the code as well");
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, PAGE_SIZE, self->mem));
	for (int i = 0; i < 3; i++) {
		map_data(self, variant->level, GPA, TABLE);
		ASSERT_EQ(0, mprotect(self->mem, PAGE_SIZE, PROT_NONE));
		for (int k = 0; k < RUNS; k++) {
			ASSERT_EQ(-EFAULT, vcpu_run(&self->g.vcpu));
			ASSERT_EQ(GUEST_CODE, vcpu_regs(&self->g.vcpu).rip);
		}
		ASSERT_EQ(0, mprotect(self->mem, PAGE_SIZE, PROT_READ | PROT_WRITE));
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
		EXPECT_EQ(DATA, vcpu_regs(&self->g.vcpu).rax);
		EXPECT_NE(0ull, self->mem[0] & PTE_A);
	}
}

SLAT_TEST_MAIN
