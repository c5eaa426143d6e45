// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's user program gains nothing by an instruction that is emulated, and
 * stops nothing.
 *
 * The instruction that exits need not be the one that is emulated. Here the program
 * changes the entry that maps its own page, without INVLPG, and goes on: the
 * processor still fetches by the translation that it has, the emulator by the
 * tables as they are. In Bochs as on silicon that translation lives until the exit.
 * Should it not, the processor executes the second instruction itself, and raises
 * what the emulator has to raise.
 */
#include "test.h"

#define MMIO		0xd0000000ul
#define LINEAR		0x40000000ul
#define PT		(GUEST_DATA + 0x4000)
#define PAGE_EXITS	(GUEST_DATA + 0x8000)	/* the code that the processor has */
#define PAGE_FOUND	(GUEST_DATA + 0x9000)	/* the code that the tables have */
#define CODE		(LINEAR + 0x1000)
#define DEVICE		(LINEAR + 0x2000)
#define PORT		0x99
#define TSS_BITMAP	0x66	/* of the word that says where it is */

/* mov %rdi, (%rsi): the entry that maps this code. */
static const uint8_t remap[] = { 0x48, 0x89, 0x3e };

#define BYTES(text)	(text), sizeof(text) - 1

static const char load_byte[] = "\x8a\x03";		/* mov (%rbx), %al */
static const char store_byte[] = "\x88\x03";		/* mov %al, (%rbx) */

#define VEC_NM	7
#define VEC_UD	6
#define VEC_GP	13
#define VEC_PF	14
#define VEC_AC	17

FIXTURE(rights) {
	struct guest g;
	struct kvm_run *run;
	struct kvm_sregs start;		/* at each start of the code */
};
#define rights_data FIXTURE_DATA(rights)

GUEST_CODE_BLOB(halt, 64, "hlt\n");

FIXTURE_SETUP(rights)
{
	guest_start(&self->g, MODE_LONG, halt);
	self->run = self->g.vcpu.run;
	self->start = vcpu_sregs(&self->g.vcpu);
	/* No bitmap of ports inside the limit. */
	*(uint16_t *)(self->g.ram + GUEST_TSS + TSS_BITMAP) = 0xffff;
}

FIXTURE_TEARDOWN(rights)
{
	guest_destroy(&self->g);
}

static void map(struct guest *g, uint64_t linear, uint64_t gpa, uint64_t flags)
{
	guest_u64(g, GUEST_PD + LINEAR / GIB * PAGE_SIZE)[0] = PT | PTE_P | PTE_W | PTE_U | PTE_A;
	guest_u64(g, PT)[linear / PAGE_SIZE % 512] = gpa | PTE_P | PTE_U | PTE_A | flags;
}

static void code_put(struct guest *g, uint64_t page, const char *insn, size_t len)
{
	memset(g->ram + page, 0xf4, 64);
	memcpy(g->ram + page, remap, sizeof(remap));
	memcpy(g->ram + page + sizeof(remap), insn, len);
}

static void code_start(rights_data *self, uint64_t rip, uint64_t rflags)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);

	regs.rip = rip;
	regs.rflags = rflags | RFLAGS_IF | 2;
	regs.rbx = DEVICE;
	regs.rcx = 1;
	regs.rdx = PORT;
	regs.rdi = PAGE_FOUND | PTE_P | PTE_U | PTE_W | PTE_A;
	regs.rsi = PT + CODE / PAGE_SIZE % 512 * 8;
	regs.rsp = GUEST_STACK;
	vm_must(vcpu_set_sregs(&self->g.vcpu, &self->start), "KVM_SET_SREGS");
	vcpu_set_regs(&self->g.vcpu, &regs);
	memset(guest_exception(&self->g), 0, sizeof(struct guest_exception));
}

/* One exit by @exits, carried out as @found. */
static int run_changed(rights_data *self, const char *exits, size_t exits_len, const char *found,
		       size_t found_len, uint64_t rflags)
{
	code_put(&self->g, PAGE_EXITS, exits, exits_len);
	code_put(&self->g, PAGE_FOUND, found, found_len);
	map(&self->g, CODE, PAGE_EXITS, PTE_W);
	code_start(self, CODE, rflags);
	return vcpu_run(&self->g.vcpu);
}

/* Did the guest get @vector at the instruction, before anything came of it? */
static bool raised(struct guest *g, int ret, unsigned int vector, uint64_t error)
{
	struct guest_exception *e = guest_exception(g);

	if (!ret && g->vcpu.run->exit_reason == KVM_EXIT_IO &&
	    g->vcpu.run->io.port == PORT_EXC && e->vector == vector && e->error == error &&
	    e->rip == CODE + sizeof(remap))
		return true;
	fprintf(stderr, "# expected vector %u error 0x%lx at 0x%lx; last one: %lu 0x%lx at 0x%lx\n",
		vector, error, CODE + sizeof(remap), e->vector, e->error, e->rip);
	vcpu_describe_exit(&g->vcpu, ret);
	return false;
}

static void be_user(rights_data *self)
{
	guest_set_user(&self->g.vcpu);
	self->start = vcpu_sregs(&self->g.vcpu);
}

/* A store becomes @found; twice, since the second exit is by an entry that is known. */
static bool store_becomes(rights_data *self, const char *found, size_t len, unsigned int vector)
{
	for (int i = 0; i < 2; i++)
		if (!raised(&self->g, run_changed(self, BYTES(store_byte), found, len, 0), vector,
			    0))
			return false;
	return true;
}

/* An exit by the device, so that its entry is known; the code is not changed. */
static bool device_known(rights_data *self)
{
	code_put(&self->g, PAGE_FOUND, load_byte, sizeof(load_byte) - 1);
	map(&self->g, CODE, PAGE_FOUND, PTE_W);
	code_start(self, CODE, 0);
	return !vcpu_run(&self->g.vcpu) && self->run->exit_reason == KVM_EXIT_MMIO;
}

TEST_F(rights, ports_that_a_program_may_not_use)
{
	map(&self->g, DEVICE, MMIO, PTE_W);
	be_user(self);
	EXPECT_TRUE(store_becomes(self, BYTES("\xee"), VEC_GP));		/* out %al, %dx */
	EXPECT_TRUE(store_becomes(self, BYTES("\xe7\x99"), VEC_GP));	/* out %eax, 99 */
	EXPECT_TRUE(store_becomes(self, BYTES("\xec"), VEC_GP));		/* in */
	EXPECT_TRUE(store_becomes(self, BYTES("\x6e"), VEC_GP));		/* outsb */
	EXPECT_TRUE(store_becomes(self, BYTES("\xf3\x6c"), VEC_GP));	/* rep insb */
}

/* With a bitmap that allows one port, that one is reached. */
TEST_F(rights, ports_that_a_program_may_use)
{
	be_user(self);
	self->start.tr.limit = 0x68 + PORT / 8 + 1;
	memset(self->g.ram + GUEST_TSS + 0x68, 0xff, 0x100);
	*(uint16_t *)(self->g.ram + GUEST_TSS + TSS_BITMAP) = 0x68;
	self->g.ram[GUEST_TSS + 0x68 + PORT / 8] = ~(1 << PORT % 8);
	map(&self->g, DEVICE, MMIO, PTE_W);
	ASSERT_EQ(0, run_changed(self, BYTES(store_byte), BYTES("\xee"), 0));
	EXPECT_EQ((uint32_t)KVM_EXIT_IO, self->run->exit_reason);
	EXPECT_EQ(PORT, self->run->io.port);
	EXPECT_EQ(1, self->run->io.size);
	/* Two ports are more than it has. */
	EXPECT_TRUE(store_becomes(self, BYTES("\x66\xef"), VEC_GP));
}

/* The processor refuses them before it looks at their operand, so they never exit by it. */
TEST_F(rights, system_registers_that_a_program_may_not_load)
{
	map(&self->g, DEVICE, MMIO, PTE_W);
	be_user(self);
	EXPECT_TRUE(store_becomes(self, BYTES("\x0f\x01\x13"), VEC_GP));	/* lgdt (%rbx) */
	EXPECT_TRUE(store_becomes(self, BYTES("\x0f\x01\x1b"), VEC_GP));	/* lidt (%rbx) */
	EXPECT_TRUE(store_becomes(self, BYTES("\x0f\x01\x33"), VEC_GP));	/* lmsw (%rbx) */
	EXPECT_TRUE(store_becomes(self, BYTES("\x0f\x01\xf0"), VEC_GP));	/* lmsw %ax */
	EXPECT_TRUE(store_becomes(self, BYTES("\x0f\x00\x13"), VEC_GP));	/* lldt (%rbx) */
	EXPECT_TRUE(store_becomes(self, BYTES("\x0f\x00\xd8"), VEC_GP));	/* ltr %ax */
}

TEST_F(rights, vector_registers_that_are_switched_off)
{
	static const char movups[] = "\x0f\x11\x03", movq[] = "\x0f\x7f\x03";

	map(&self->g, DEVICE, MMIO, PTE_W);
	be_user(self);
	self->start.cr0 |= CR0_TS;
	EXPECT_TRUE(store_becomes(self, BYTES(movups), VEC_NM));
	EXPECT_TRUE(store_becomes(self, BYTES(movq), VEC_NM));
	self->start.cr0 |= CR0_EM;
	EXPECT_TRUE(store_becomes(self, BYTES(movups), VEC_UD));
	EXPECT_TRUE(store_becomes(self, BYTES(movq), VEC_UD));
}

TEST_F(rights, vector_registers_that_are_not_switched_on)
{
	map(&self->g, DEVICE, MMIO, PTE_W);
	be_user(self);
	self->start.cr4 &= ~(CR4_OSFXSR | CR4_OSXSAVE);
	EXPECT_TRUE(store_becomes(self, BYTES("\x0f\x11\x03"), VEC_UD));
	EXPECT_TRUE(store_becomes(self, BYTES("\xc5\xfc\x11\x03"), VEC_UD));
}

/* KVM checks alignment nowhere, and pages for the access that exited. */
TEST_F(rights, alignment_is_checked)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM's emulator has no alignment check");
	map(&self->g, DEVICE, MMIO, PTE_W);
	be_user(self);
	self->start.cr0 |= CR0_AM;
	for (int i = 0; i < 2; i++)
		EXPECT_TRUE(raised(&self->g, run_changed(self, BYTES(store_byte),
							 BYTES("\x89\x43\x01"), RFLAGS_AC),
				   VEC_AC, 0));
}

/* P, W and who it was. */
static bool write_faults(rights_data *self, uint64_t error)
{
	return device_known(self) &&
	       raised(&self->g, run_changed(self, BYTES(load_byte), BYTES(store_byte), 0), VEC_PF,
		      error) &&
	       raised(&self->g, run_changed(self, BYTES(load_byte), BYTES("\x00\x03"), 0), VEC_PF,
		      error) &&
	       raised(&self->g, run_changed(self, BYTES(load_byte), BYTES("\x0f\x11\x03"), 0),
		      VEC_PF, error);
}

TEST_F(rights, a_load_that_becomes_a_store_to_a_page_that_is_read_only)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM takes the exit's address for any access");
	map(&self->g, DEVICE, MMIO, 0);
	be_user(self);
	EXPECT_TRUE(write_faults(self, 7));
}

static const struct {
	const char *name, *insn;
	size_t len;
} unknown[] = {
	{ "fldl", BYTES("\xdd\x03") },
	{ "paddd", BYTES("\x66\x0f\xfe\x03") },
	{ "crc32l", BYTES("\xf2\x0f\x38\xf1\x03") },
	{ "vaddps", BYTES("\xc5\xfc\x58\x03") },
};

/* Not an error that stops the VM, and comes again when it runs on. */
TEST_F(rights, instructions_that_nobody_emulates)
{
	map(&self->g, DEVICE, MMIO, PTE_W);
	be_user(self);
	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		for (int known = 0; known < 2; known++) {
			code_put(&self->g, PAGE_FOUND, unknown[i].insn, unknown[i].len);
			map(&self->g, CODE, PAGE_FOUND, PTE_W);
			code_start(self, CODE, 0);
			TH_LOG("%s", unknown[i].name);
			EXPECT_TRUE(raised(&self->g, vcpu_run(&self->g.vcpu), VEC_UD, 0));
		}
	}
}

TEST_F(rights, a_jump_into_the_device)
{
	struct guest_exception *e = guest_exception(&self->g);

	map(&self->g, DEVICE, MMIO, PTE_W);
	be_user(self);
	for (int i = 0; i < 2; i++) {
		code_start(self, DEVICE, 0);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
		EXPECT_EQ((uint64_t)VEC_UD, e->vector);
		EXPECT_EQ(DEVICE, e->rip);
	}
}

/* VMX's own instructions exit whatever the privilege level. */
TEST_F(rights, instructions_of_vmx)
{
	static const char *const insns[] = {
		"\x0f\x01\xc2", "\x0f\x01\xc3", "\x0f\x01\xc4", "\x0f\x01\xd4",
	};

	be_user(self);
	for (unsigned int i = 0; i < ARRAY_SIZE(insns); i++) {
		code_put(&self->g, PAGE_FOUND, insns[i], 3);
		map(&self->g, CODE, PAGE_FOUND, PTE_W);
		code_start(self, CODE, 0);
		EXPECT_TRUE(raised(&self->g, vcpu_run(&self->g.vcpu), VEC_UD, 0));
	}
}

SLAT_TEST_MAIN
