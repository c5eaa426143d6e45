// SPDX-License-Identifier: GPL-2.0
/*
 * MMIO at its edges: accesses and instructions that cross a page, linear
 * addresses that are not physical ones, user mode, the top of the address
 * space, and instructions that can't be decoded, which must end the run with
 * their bytes and never loop.
 */
#include "test.h"

#define MMIO	0xd0000000ul
#define LINEAR	0x40000000ul	/* mapped page by page by map_page() */
#define PT	(GUEST_DATA + 0x4000)

GUEST_CODE_BLOB(rd64, 64, "mov (%rbx), %rax\n hlt\n");
GUEST_CODE_BLOB(wr64, 64, "mov %rax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(rd16, 64, "movups (%rbx), %xmm0\n movups %xmm0, (%rcx)\n hlt\n");

FIXTURE(edge) {
	struct guest g;
	struct kvm_run *run;
};

FIXTURE_SETUP(edge)
{
	guest_start(&self->g, MODE_LONG, rd64);
	self->run = self->g.vcpu.run;
}

FIXTURE_TEARDOWN(edge)
{
	guest_destroy(&self->g);
}

static void set_access(struct guest *g, uint64_t rip, uint64_t address, uint64_t value)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rip = rip;
	regs.rbx = address;
	regs.rax = value;
	vcpu_set_regs(&g->vcpu, &regs);
}

/* Map LINEAR + @index pages to @gpa by a 4K entry; the first call makes the table. */
static void map_page(struct guest *g, unsigned int index, uint64_t gpa, uint64_t flags)
{
	uint64_t *pd = guest_u64(g, GUEST_PD + LINEAR / GIB * PAGE_SIZE);

	pd[0] = PT | PTE_P | PTE_W | PTE_U | PTE_A;
	guest_u64(g, PT)[index] = gpa | flags;
}

/* Run to an MMIO exit of exactly this shape. */
static bool mmio_exit(struct guest *g, bool is_write, uint64_t gpa, uint32_t len)
{
	struct kvm_run *run = g->vcpu.run;
	int ret = vcpu_run(&g->vcpu);

	if (ret == 0 && run->exit_reason == KVM_EXIT_MMIO && run->mmio.phys_addr == gpa &&
	    run->mmio.len == len && run->mmio.is_write == is_write)
		return true;
	fprintf(stderr, "# expected MMIO %s 0x%lx len %u\n", is_write ? "write" : "read", gpa,
		len);
	vcpu_describe_exit(&g->vcpu, ret);
	return false;
}

static void answer(struct guest *g, const char *bytes)
{
	memcpy(g->vcpu.run->mmio.data, bytes, g->vcpu.run->mmio.len);
}

TEST_F(edge, read_across_two_mmio_pages)
{
	set_access(&self->g, GUEST_CODE, MMIO + 0xffd, 0);
	ASSERT_TRUE(mmio_exit(&self->g, false, MMIO + 0xffd, 3));
	answer(&self->g, "\x01\x02\x03");
	ASSERT_TRUE(mmio_exit(&self->g, false, MMIO + 0x1000, 5));
	answer(&self->g, "\x04\x05\x06\x07\x08");
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x0807060504030201ull, vcpu_regs(&self->g.vcpu).rax);
}

TEST_F(edge, write_across_two_mmio_pages)
{
	guest_load(&self->g, wr64);
	set_access(&self->g, GUEST_CODE, MMIO + 0xffe, 0x0807060504030201);
	ASSERT_TRUE(mmio_exit(&self->g, true, MMIO + 0xffe, 2));
	EXPECT_EQ(0, memcmp(self->run->mmio.data, "\x01\x02", 2));
	ASSERT_TRUE(mmio_exit(&self->g, true, MMIO + 0x1000, 6));
	EXPECT_EQ(0, memcmp(self->run->mmio.data, "\x03\x04\x05\x06\x07\x08", 6));
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

TEST_F(edge, read_from_ram_into_mmio)
{
	memcpy(self->g.ram + GUEST_RAM - 4, "\x01\x02\x03\x04", 4);
	set_access(&self->g, GUEST_CODE, GUEST_RAM - 4, 0);
	ASSERT_TRUE(mmio_exit(&self->g, false, GUEST_RAM, 4));
	answer(&self->g, "\x05\x06\x07\x08");
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x0807060504030201ull, vcpu_regs(&self->g.vcpu).rax);
}

TEST_F(edge, read_from_mmio_into_ram)
{
	uint8_t *high = vm_alloc(PAGE_SIZE);

	memcpy(high, "\x07\x08", 2);
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 1, 0, MMIO, PAGE_SIZE, high));
	set_access(&self->g, GUEST_CODE, MMIO - 6, 0);
	ASSERT_TRUE(mmio_exit(&self->g, false, MMIO - 6, 6));
	answer(&self->g, "\x01\x02\x03\x04\x05\x06");
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x0807060504030201ull, vcpu_regs(&self->g.vcpu).rax);
}

TEST_F(edge, write_from_ram_into_mmio)
{
	guest_load(&self->g, wr64);
	set_access(&self->g, GUEST_CODE, GUEST_RAM - 4, 0x0807060504030201);
	ASSERT_TRUE(mmio_exit(&self->g, true, GUEST_RAM, 4));
	EXPECT_EQ(0, memcmp(self->run->mmio.data, "\x05\x06\x07\x08", 4));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0, memcmp(self->g.ram + GUEST_RAM - 4, "\x01\x02\x03\x04", 4));
}

TEST_F(edge, pages_that_are_not_neighbours)
{
	map_page(&self->g, 0, MMIO, PTE_P | PTE_W);
	map_page(&self->g, 1, MMIO + 0x7000, PTE_P | PTE_W);
	set_access(&self->g, GUEST_CODE, LINEAR + 0xffc, 0);
	ASSERT_TRUE(mmio_exit(&self->g, false, MMIO + 0xffc, 4));
	answer(&self->g, "\x01\x02\x03\x04");
	ASSERT_TRUE(mmio_exit(&self->g, false, MMIO + 0x7000, 4));
	answer(&self->g, "\x05\x06\x07\x08");
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x0807060504030201ull, vcpu_regs(&self->g.vcpu).rax);
	EXPECT_NE(0ull, guest_u64(&self->g, PT)[0] & PTE_A);
}

/* The second page is absent: #PF with its address, before any exit. */
TEST_F(edge, crossing_into_an_absent_page)
{
	map_page(&self->g, 0, MMIO, PTE_P | PTE_W);
	set_access(&self->g, GUEST_CODE, LINEAR + 0xffc, 0);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(14ull, guest_exception(&self->g)->vector);
	EXPECT_EQ(LINEAR + 0x1000, guest_exception(&self->g)->cr2);
	EXPECT_EQ(0ull, guest_exception(&self->g)->error);
	EXPECT_EQ(GUEST_CODE, guest_exception(&self->g)->rip);
}

/* The instruction itself straddles two pages that are not neighbours. */
TEST_F(edge, instruction_across_two_pages)
{
	const uint64_t first = GUEST_DATA + 0x8000, second = GUEST_DATA + 0xc000;

	for (int split = 1; split < 3; split++) {
		memcpy(self->g.ram + first + PAGE_SIZE - split, rd64_start, split);
		memcpy(self->g.ram + second, rd64_start + split, 4 - split);
		map_page(&self->g, 0, first, PTE_P);
		map_page(&self->g, 1, second, PTE_P);
		set_access(&self->g, LINEAR + PAGE_SIZE - split, MMIO, 0);
		ASSERT_TRUE(mmio_exit(&self->g, false, MMIO, 8));
		answer(&self->g, "\x01\x02\x03\x04\x05\x06\x07\x08");
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
		EXPECT_EQ(0x0807060504030201ull, vcpu_regs(&self->g.vcpu).rax);
		EXPECT_EQ(LINEAR + PAGE_SIZE - split + 4, vcpu_regs(&self->g.vcpu).rip);
	}
}

TEST_F(edge, write_sets_the_dirty_bit_of_the_guest_entry)
{
	guest_load(&self->g, wr64);
	map_page(&self->g, 0, MMIO, PTE_P | PTE_W);
	set_access(&self->g, GUEST_CODE, LINEAR + 8, 1);
	ASSERT_TRUE(mmio_exit(&self->g, true, MMIO + 8, 8));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(PTE_A | PTE_D, guest_u64(&self->g, PT)[0] & (PTE_A | PTE_D));
}

TEST_F(edge, user_mode_access)
{
	guest_set_user(&self->g.vcpu);
	set_access(&self->g, GUEST_CODE, MMIO, 0);
	ASSERT_TRUE(mmio_exit(&self->g, false, MMIO, 8));
	answer(&self->g, "\x01\x02\x03\x04\x05\x06\x07\x08");
	/* HLT at CPL 3 is #GP. */
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(13ull, guest_exception(&self->g)->vector);
	EXPECT_EQ(0x0807060504030201ull, guest_exception(&self->g)->rax);
}

TEST_F(edge, top_of_the_physical_address_space)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(self->g.vm.dev);
	uint32_t bits = cpuid_find(cpuid, 0x80000008, 0)->eax & 0xff;
	uint64_t top = bits < 39 ? 1ull << bits : 1ull << 39;

	free(cpuid);
	set_access(&self->g, GUEST_CODE, top - 8, 0);
	ASSERT_TRUE(mmio_exit(&self->g, false, top - 8, 8));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

/* A known MMIO page changes nothing for its neighbours in the table. */
TEST_F(edge, every_page_of_one_table)
{
	struct probe p;

	guest_destroy(&self->g);
	probe_init(&self->g);
	for (uint64_t i = 0; i < 512; i++) {
		ASSERT_TRUE(probe_is_mmio(&self->g, MMIO + i * PAGE_SIZE));
	}
	for (uint64_t i = 0; i < 512; i += 5) {
		ASSERT_EQ(0, probe_write(&self->g, MMIO + i * PAGE_SIZE + 16, i, &p));
		ASSERT_EQ(MMIO + i * PAGE_SIZE + 16, p.addr);
		ASSERT_EQ(i, p.value);
	}
}

/* A page table for each access would be more than the budget allows. */
TEST_F(edge, a_small_budget_of_page_tables_is_enough)
{
	struct probe p;

	guest_destroy(&self->g);
	probe_init(&self->g);
	ASSERT_EQ(0, vm_ioctl_num(self->g.vm.fd, KVM_SET_NR_MMU_PAGES, 64));
	for (uint64_t i = 0; i < 600; i++) {
		uint64_t gpa = 4 * GIB + i * 2 * MIB;

		ASSERT_TRUE(probe_is_mmio(&self->g, gpa));
		ASSERT_EQ(0, probe_write(&self->g, GUEST_DATA + i * 8, i, &p));
		ASSERT_FALSE(p.mmio);
	}
	for (uint64_t i = 0; i < 600; i += 7) {
		ASSERT_TRUE(probe_is_mmio(&self->g, 4 * GIB + i * 2 * MIB));
		ASSERT_TRUE(probe_is_ram(&self->g, GUEST_DATA + i * 8, i));
	}
}

static const char insn_fld[] = "\xdd\x03";			/* fldl (%rbx) */
static const char insn_paddd[] = "\x66\x0f\xfe\x03";		/* paddd (%rbx), %xmm0 */
static const char insn_crc32[] = "\xf2\x0f\x38\xf1\x03";	/* crc32l (%rbx), %eax */

static bool is_error_with_bytes(struct guest *g, const char *insn, size_t size)
{
	struct kvm_run *run = g->vcpu.run;

	return run->exit_reason == KVM_EXIT_INTERNAL_ERROR &&
	       run->emulation_failure.suberror == KVM_INTERNAL_ERROR_EMULATION &&
	       run->emulation_failure.ndata >= 3 &&
	       run->emulation_failure.flags &
		       KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES &&
	       run->emulation_failure.insn_size >= size &&
	       run->emulation_failure.insn_size <= 15 &&
	       !memcmp(run->emulation_failure.insn_bytes, insn, size) &&
	       vcpu_regs(&g->vcpu).rip == GUEST_CODE;
}

/*
 * Undecodable: an error with the bytes, RIP unmoved. Run on regardless, and
 * the guest gets #UD (so KVM does it) or the same error comes once more.
 */
static bool fails_with_bytes(struct guest *g, const char *insn, size_t size)
{
	bool ok;

	memcpy(g->ram + GUEST_CODE, insn, size);
	g->ram[GUEST_CODE + size] = 0xf4;
	set_access(g, GUEST_CODE, MMIO, 0);
	ok = !vcpu_run(&g->vcpu) && is_error_with_bytes(g, insn, size) &&
	     !vcpu_run(&g->vcpu) &&
	     (is_error_with_bytes(g, insn, size) || guest_exception(g)->vector == 6);
	if (!ok)
		vcpu_describe_exit(&g->vcpu, 0);
	return ok;
}

TEST_F(edge, undecodable_instructions_are_an_internal_error)
{
	EXPECT_TRUE(fails_with_bytes(&self->g, insn_fld, sizeof(insn_fld) - 1));
	EXPECT_TRUE(fails_with_bytes(&self->g, insn_paddd, sizeof(insn_paddd) - 1));
	EXPECT_TRUE(fails_with_bytes(&self->g, insn_crc32, sizeof(insn_crc32) - 1));
}

/* A program gets #UD, unless the client wants to hear of each failure. */
TEST_F(edge, undecodable_instruction_of_a_program)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 },
	};

	memcpy(self->g.ram + GUEST_CODE, insn_fld, sizeof(insn_fld) - 1);
	guest_set_user(&self->g.vcpu);
	set_access(&self->g, GUEST_CODE, MMIO, 0);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(6ull, guest_exception(&self->g)->vector);

	ASSERT_EQ(0, vm_ioctl(self->g.vm.fd, KVM_ENABLE_CAP, &cap));
	guest_set_user(&self->g.vcpu);
	set_access(&self->g, GUEST_CODE, MMIO, 0);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_INTERNAL_ERROR));
	EXPECT_TRUE(is_error_with_bytes(&self->g, insn_fld, sizeof(insn_fld) - 1));
}

/* After such an error the client may step over the instruction itself. */
TEST_F(edge, client_skips_an_undecodable_instruction)
{
	memcpy(self->g.ram + GUEST_CODE, "\xdd\x03\xf4", 3);
	set_access(&self->g, GUEST_CODE, MMIO, 0);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_INTERNAL_ERROR));
	set_access(&self->g, GUEST_CODE + 2, 0, 0x1234);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x1234ull, vcpu_regs(&self->g.vcpu).rax);
}

TEST_F(edge, instruction_fetch_from_mmio_ends_the_run)
{
	set_access(&self->g, MMIO, MMIO, 0);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_INTERNAL_ERROR));
	EXPECT_EQ((uint32_t)KVM_INTERNAL_ERROR_EMULATION, self->run->internal.suberror);
	EXPECT_EQ(MMIO, vcpu_regs(&self->g.vcpu).rip);
}

/*
 * Forms beyond the promised set: either exactly right, or an internal error.
 * A 16 byte access may come as two exits of eight.
 */
TEST_F(edge, sixteen_byte_access_is_right_or_refused)
{
	struct kvm_regs regs;

	guest_load(&self->g, rd16);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rbx = MMIO;
	regs.rcx = GUEST_DATA;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
	if (self->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		return;
	ASSERT_EQ(8u, self->run->mmio.len);
	ASSERT_EQ(MMIO, self->run->mmio.phys_addr);
	answer(&self->g, "\x01\x02\x03\x04\x05\x06\x07\x08");
	ASSERT_TRUE(mmio_exit(&self->g, false, MMIO + 8, 8));
	answer(&self->g, "\x11\x12\x13\x14\x15\x16\x17\x18");
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x0807060504030201ull, guest_u64(&self->g, GUEST_DATA)[0]);
	EXPECT_EQ(0x1817161514131211ull, guest_u64(&self->g, GUEST_DATA)[1]);
}

SLAT_TEST_MAIN
