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
/* ES and FS as set below; the counts and indices by address size. */
GUEST_CODE_BLOB(insw_16, 16, "std\n rep insw\n cld\n hlt\n");
GUEST_CODE_BLOB(outsb_fs_16, 16, "fs rep outsb\n hlt\n");
GUEST_CODE_BLOB(insl_a32_16, 16, "addr32 rep insl\n hlt\n");
GUEST_CODE_BLOB(insb_32, 32, "rep insb\n hlt\n");
GUEST_CODE_BLOB(outsw_a16_32, 32, "addr16 rep outsw\n hlt\n");
GUEST_CODE_BLOB(outsb_a32, 64, "addr32 rep outsb\n hlt\n");
GUEST_CODE_BLOB(insb_std, 64, "std\n rep insb\n cld\n hlt\n");
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

/*
 * Run a string instruction to the halt: IN gives 1, 2, 3..., what OUT sends is
 * kept in @sent. Returns the number of exits, or -1.
 */
static int run_string(struct guest *g, unsigned int size, uint8_t *sent, unsigned int room)
{
	struct kvm_run *run = g->vcpu.run;
	unsigned int n = 0;

	for (int exits = 0; exits < 10000; exits++) {
		uint8_t *data;
		int ret = vcpu_run(&g->vcpu);

		if (!ret && run->exit_reason == KVM_EXIT_HLT)
			return exits;
		if (ret || run->exit_reason != KVM_EXIT_IO || run->io.port != PORT ||
		    run->io.size != size || run->io.count * size > 1024 || !run->io.count) {
			vcpu_describe_exit(&g->vcpu, ret);
			return -1;
		}
		data = (uint8_t *)run + run->io.data_offset;
		for (unsigned int i = 0; i < run->io.count * size; i++, n++) {
			if (run->io.direction == KVM_EXIT_IO_IN)
				data[i] = n + 1;
			else if (n < room)
				sent[n] = data[i];
		}
	}
	return -1;
}

/* RCX, RSI and RDI with @high above what the address size uses. */
static void set_string(struct guest *g, uint64_t index, uint64_t count, uint64_t high)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rdx = PORT;
	regs.rsi = regs.rdi = index | high;
	regs.rcx = count | high;
	vcpu_set_regs(&g->vcpu, &regs);
}

static void start_string(struct guest *g, enum guest_mode mode, const char *start,
			 const char *end)
{
	struct kvm_sregs s;

	guest_destroy(g);
	guest_init(g, mode, start, end);
	if (mode != MODE_REAL)
		return;
	s = vcpu_sregs(&g->vcpu);
	s.es.base = s.fs.base = GUEST_DATA;
	s.es.selector = s.fs.selector = GUEST_DATA >> 4;
	vm_must(vcpu_set_sregs(&g->vcpu, &s), "KVM_SET_SREGS");
}

#define string_start(g, mode, name)	start_string(g, mode, name##_start, name##_end)

TEST_F(pio, real_mode_insw_downwards)
{
	struct kvm_regs regs;

	string_start(&self->g, MODE_REAL, insw_16);
	set_string(&self->g, 0x1006, 6, 0xabcd0000);
	ASSERT_LE(1, run_string(&self->g, 2, NULL, 0));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(0xabcd0000ull, regs.rcx);
	EXPECT_EQ(0xabcd0ffaull, regs.rdi);
	for (unsigned int i = 0; i < 6; i++)
		EXPECT_EQ((2 * i + 2) << 8 | (2 * i + 1),
			  *(uint16_t *)(self->g.ram + GUEST_DATA + 0x1006 - 2 * i));
}

/* 16-bit indices wrap inside their segment. */
TEST_F(pio, real_mode_outsb_from_another_segment)
{
	uint8_t sent[8];

	string_start(&self->g, MODE_REAL, outsb_fs_16);
	memcpy(self->g.ram + GUEST_DATA + 0xfffd, "abc", 3);
	memcpy(self->g.ram + GUEST_DATA, "defgh", 5);
	set_string(&self->g, 0xfffd, 8, 0x12340000);
	ASSERT_LE(1, run_string(&self->g, 1, sent, sizeof(sent)));
	EXPECT_EQ(0, memcmp(sent, "abcdefgh", 8));
	EXPECT_EQ(0x12340005ull, vcpu_regs(&self->g.vcpu).rsi);
	EXPECT_EQ(0x12340000ull, vcpu_regs(&self->g.vcpu).rcx);
}

TEST_F(pio, real_mode_insl_with_32_bit_addresses)
{
	string_start(&self->g, MODE_REAL, insl_a32_16);
	set_string(&self->g, 0x200, 3, 0);
	ASSERT_LE(1, run_string(&self->g, 4, NULL, 0));
	EXPECT_EQ(0x0c0b0a09u, *(uint32_t *)(self->g.ram + GUEST_DATA + 0x208));
	EXPECT_EQ(0x20cull, vcpu_regs(&self->g.vcpu).rdi);
}

/* As firmware loads a file: read ahead to the end of the page, a buffer at a time. */
TEST_F(pio, insb_of_many_pages)
{
	string_start(&self->g, MODE_PROT32, insb_32);
	set_string(&self->g, GUEST_DATA + 100, 3 * PAGE_SIZE, 0);
	EXPECT_EQ(13, run_string(&self->g, 1, NULL, 0));
	for (unsigned int i = 0; i < 3 * PAGE_SIZE; i++)
		ASSERT_EQ((uint8_t)(i + 1), self->g.ram[GUEST_DATA + 100 + i]);
	EXPECT_EQ(0, self->g.ram[GUEST_DATA + 100 + 3 * PAGE_SIZE]);
}

TEST_F(pio, insb_downwards_over_pages)
{
	string_start(&self->g, MODE_LONG, insb_std);
	set_string(&self->g, GUEST_DATA + PAGE_SIZE + 2, 6, 0);
	ASSERT_LE(1, run_string(&self->g, 1, NULL, 0));
	EXPECT_EQ(0, memcmp(self->g.ram + GUEST_DATA + PAGE_SIZE - 3, "\6\5\4\3\2\1", 6));
	EXPECT_EQ(GUEST_DATA + PAGE_SIZE - 4, vcpu_regs(&self->g.vcpu).rdi);
}

TEST_F(pio, outsw_with_16_bit_addresses)
{
	uint8_t sent[4];

	string_start(&self->g, MODE_PROT32, outsw_a16_32);
	memcpy(self->g.ram + 0xe000, "wxyz", 4);
	set_string(&self->g, 0xe000, 2, 0x56780000);
	ASSERT_LE(1, run_string(&self->g, 2, sent, sizeof(sent)));
	EXPECT_EQ(0, memcmp(sent, "wxyz", 4));
	EXPECT_EQ(0x5678e004ull, vcpu_regs(&self->g.vcpu).rsi);
	EXPECT_EQ(0x56780000ull, vcpu_regs(&self->g.vcpu).rcx);
}

TEST_F(pio, outsb_with_32_bit_addresses)
{
	uint8_t sent[4];

	string_start(&self->g, MODE_LONG, outsb_a32);
	memcpy(self->g.ram + GUEST_DATA, "wxyz", 4);
	set_string(&self->g, GUEST_DATA, 4, 0x5678ull << 32);
	ASSERT_LE(1, run_string(&self->g, 1, sent, sizeof(sent)));
	EXPECT_EQ(0, memcmp(sent, "wxyz", 4));
	EXPECT_EQ(GUEST_DATA + 4, vcpu_regs(&self->g.vcpu).rsi);
	EXPECT_EQ(0ull, vcpu_regs(&self->g.vcpu).rcx);
}

SLAT_TEST_MAIN
