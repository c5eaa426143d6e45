// SPDX-License-Identifier: GPL-2.0
/*
 * Port I/O exits: sizes, both directions, immediate and DX ports, when RIP
 * moves, completion by an immediate exit, and string forms.
 */
#include "test.h"

#define PORT	0x1234

GUEST_CODE_BLOB(in8, 64, "in %dx, %al\n hlt\n");
GUEST_CODE_BLOB(in16, 64, "in %dx, %ax\n hlt\n");
GUEST_CODE_BLOB(in32, 64, "in %dx, %eax\n hlt\n");
GUEST_CODE_BLOB(in8i, 64, "in $0x42, %al\n hlt\n");
GUEST_CODE_BLOB(out8, 64, "out %al, %dx\n hlt\n");
GUEST_CODE_BLOB(out16, 64, "out %ax, %dx\n hlt\n");
GUEST_CODE_BLOB(out32, 64, "out %eax, %dx\n hlt\n");
GUEST_CODE_BLOB(out16i, 64, "out %ax, $0x42\n hlt\n");
GUEST_CODE_BLOB(insb, 64, "rep insb\n hlt\n");
GUEST_CODE_BLOB(outsl, 64, "rep outsl\n hlt\n");
GUEST_CODE_BLOB(in8_32, 32, "in %dx, %al\n hlt\n");
GUEST_CODE_BLOB(out16_16, 16, "out %ax, %dx\n hlt\n");

FIXTURE(pio) {
	struct guest g;
	struct kvm_run *run;
};

FIXTURE_SETUP(pio)
{
	guest_start(&self->g, MODE_LONG, in8);
	self->run = self->g.vcpu.run;
}

FIXTURE_TEARDOWN(pio)
{
	guest_destroy(&self->g);
}

#define RAX_IN	0x1122334455667788ull

static void set_regs(struct guest *g)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rax = RAX_IN;
	regs.rdx = PORT;
	regs.rsi = regs.rdi = GUEST_DATA;
	vcpu_set_regs(&g->vcpu, &regs);
}

static bool io_exit(struct guest *g, uint8_t direction, uint8_t size, uint16_t port)
{
	struct kvm_run *run = g->vcpu.run;
	int ret = vcpu_run(&g->vcpu);

	if (ret == 0 && run->exit_reason == KVM_EXIT_IO && run->io.direction == direction &&
	    run->io.size == size && run->io.port == port &&
	    run->io.data_offset + size <= g->vm.run_size)
		return true;
	fprintf(stderr, "# expected %s size %u port 0x%x\n", direction ? "OUT" : "IN", size, port);
	vcpu_describe_exit(&g->vcpu, ret);
	return false;
}

static void answer(struct guest *g, uint64_t value)
{
	struct kvm_run *run = g->vcpu.run;

	memcpy((char *)run + run->io.data_offset, &value, run->io.size);
}

#define check_in(blob, size, port, result) do {					\
	guest_load(&self->g, blob);						\
	set_regs(&self->g);							\
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_IN, size, port));		\
	EXPECT_EQ(1u, self->run->io.count);					\
	EXPECT_EQ(GUEST_CODE, vcpu_regs(&self->g.vcpu).rip);			\
	answer(&self->g, 0xa1b2c3d4);						\
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));			\
	EXPECT_EQ(result, vcpu_regs(&self->g.vcpu).rax);			\
} while (0)

TEST_F(pio, in_of_each_size)
{
	check_in(in8, 1, PORT, 0x11223344556677d4ull);
	check_in(in16, 2, PORT, 0x112233445566c3d4ull);
	check_in(in32, 4, PORT, 0xa1b2c3d4ull);
	check_in(in8i, 1, 0x42, 0x11223344556677d4ull);
}

#define check_out(blob, size, port, value) do {					\
	guest_load(&self->g, blob);						\
	set_regs(&self->g);							\
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_OUT, size, port));		\
	EXPECT_EQ(1u, self->run->io.count);					\
	EXPECT_EQ(value, vcpu_io_value(&self->g.vcpu));				\
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));			\
	EXPECT_EQ(RAX_IN, vcpu_regs(&self->g.vcpu).rax);			\
} while (0)

TEST_F(pio, out_of_each_size)
{
	check_out(out8, 1, PORT, 0x88ull);
	check_out(out16, 2, PORT, 0x7788ull);
	check_out(out32, 4, PORT, 0x55667788ull);
	check_out(out16i, 2, 0x42, 0x7788ull);
}

TEST_F(pio, data_lies_in_the_second_page_of_the_mapping)
{
	set_regs(&self->g);
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_IN, 1, PORT));
	EXPECT_EQ(PAGE_SIZE, self->run->io.data_offset);
}

TEST_F(pio, in_is_completed_by_an_immediate_exit)
{
	set_regs(&self->g);
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_IN, 1, PORT));
	answer(&self->g, 0x99);
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	EXPECT_EQ(GUEST_CODE + 1, vcpu_regs(&self->g.vcpu).rip);
	EXPECT_EQ(0x1122334455667799ull, vcpu_regs(&self->g.vcpu).rax);
	/* Nothing is pending any more: a second one changes nothing. */
	EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	EXPECT_EQ(GUEST_CODE + 1, vcpu_regs(&self->g.vcpu).rip);
	self->run->immediate_exit = 0;
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

TEST_F(pio, out_is_completed_by_an_immediate_exit)
{
	guest_load(&self->g, out8);
	set_regs(&self->g);
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_OUT, 1, PORT));
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	EXPECT_EQ(GUEST_CODE + 1, vcpu_regs(&self->g.vcpu).rip);
	self->run->immediate_exit = 0;
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

/* A client that moved RIP after an OUT means it: nothing is skipped for it. */
TEST_F(pio, rip_set_by_the_client_after_out_is_kept)
{
	struct kvm_regs regs;

	guest_load(&self->g, out8);
	set_regs(&self->g);
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_OUT, 1, PORT));
	self->g.ram[GUEST_CODE + 0x40] = 0xf4;
	regs = vcpu_regs(&self->g.vcpu);
	regs.rip = GUEST_CODE + 0x40;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(GUEST_CODE + 0x41, vcpu_regs(&self->g.vcpu).rip);
}

TEST_F(pio, in_from_32_bit_code)
{
	guest_destroy(&self->g);
	guest_start(&self->g, MODE_PROT32, in8_32);
	set_regs(&self->g);
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_IN, 1, PORT));
	answer(&self->g, 0x99);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x99ull, vcpu_regs(&self->g.vcpu).rax & 0xff);
}

TEST_F(pio, out_from_real_mode)
{
	guest_destroy(&self->g);
	guest_start(&self->g, MODE_REAL, out16_16);
	set_regs(&self->g);
	ASSERT_TRUE(io_exit(&self->g, KVM_EXIT_IO_OUT, 2, PORT));
	EXPECT_EQ(0x7788ull, vcpu_io_value(&self->g.vcpu));
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

/* REP INSB: the bytes arrive in order, in however many exits; or it is refused. */
TEST_F(pio, rep_insb)
{
	struct kvm_regs regs;
	unsigned int n = 0;

	guest_load(&self->g, insb);
	set_regs(&self->g);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rcx = 100;
	vcpu_set_regs(&self->g.vcpu, &regs);
	for (;;) {
		uint8_t *data;

		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		if (self->run->exit_reason == KVM_EXIT_INTERNAL_ERROR && n == 0)
			return;
		if (self->run->exit_reason == KVM_EXIT_HLT)
			break;
		ASSERT_EQ((uint32_t)KVM_EXIT_IO, self->run->exit_reason);
		ASSERT_EQ(1, self->run->io.size);
		data = (uint8_t *)self->run + self->run->io.data_offset;
		for (unsigned int i = 0; i < self->run->io.count; i++)
			data[i] = n++;
	}
	EXPECT_EQ(0ull, vcpu_regs(&self->g.vcpu).rcx);
	EXPECT_EQ(GUEST_DATA + 100, vcpu_regs(&self->g.vcpu).rdi);
	for (unsigned int i = 0; i < 100; i++)
		EXPECT_EQ(i, self->g.ram[GUEST_DATA + i]);
}

TEST_F(pio, rep_outsl)
{
	struct kvm_regs regs;
	unsigned int n = 0;

	for (uint32_t i = 0; i < 50; i++)
		((uint32_t *)(self->g.ram + GUEST_DATA))[i] = 0x1000 + i;
	guest_load(&self->g, outsl);
	set_regs(&self->g);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rcx = 50;
	vcpu_set_regs(&self->g.vcpu, &regs);
	for (;;) {
		uint32_t *data;

		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		if (self->run->exit_reason == KVM_EXIT_INTERNAL_ERROR && n == 0)
			return;
		if (self->run->exit_reason == KVM_EXIT_HLT)
			break;
		ASSERT_EQ((uint32_t)KVM_EXIT_IO, self->run->exit_reason);
		ASSERT_EQ(4, self->run->io.size);
		data = (uint32_t *)((char *)self->run + self->run->io.data_offset);
		for (unsigned int i = 0; i < self->run->io.count; i++)
			EXPECT_EQ(0x1000 + n++, data[i]);
	}
	EXPECT_EQ(50u, n);
	EXPECT_EQ(0ull, vcpu_regs(&self->g.vcpu).rcx);
	EXPECT_EQ(GUEST_DATA + 200, vcpu_regs(&self->g.vcpu).rsi);
}

SLAT_TEST_MAIN
