// SPDX-License-Identifier: GPL-2.0
/*
 * Between a device access and its answer the client may do what it likes: queue
 * events, ask for a window, save the vCPU, reset it or take the instruction over.
 *
 * After each element of a string that is answered, all that comes before the next
 * instruction comes before the next element. And what the client sets is where the
 * guest goes on: no answer reaches an instruction that is not there any more.
 */
#include "test.h"

#define MMIO		0xd0000000ul
#define COUNT		200
#define VECTOR		0x1f
#define VECTOR_NMI	2
#define CODE_AT(offset)	(GUEST_CODE + (offset))
#define TARGET		GUEST_DATA
#define RESET_SEGMENT	0xffff0000ul

FIXTURE(answer) {
	struct guest g;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

GUEST_CODE_BLOB(load, 64, "mov (%rbx), %eax\n hlt\n hlt\n");
GUEST_CODE_BLOB(fill, 64, "rep stosb\n hlt\n");
GUEST_CODE_BLOB(fill_sti, 64, "sti\n rep stosb\n hlt\n");
GUEST_CODE_BLOB(copy, 64, "rep movsb\n hlt\n");
GUEST_CODE_BLOB(out, 64, "rep outsb\n hlt\n");

FIXTURE_SETUP(answer)
{
	guest_settle_nmis();
	guest_start(&self->g, MODE_LONG, load);
	self->vcpu = &self->g.vcpu;
	self->run = self->vcpu->run;
}

FIXTURE_TEARDOWN(answer)
{
	guest_destroy(&self->g);
}

/* A string from @from to @to, or a load of the device where they are the same. */
static void begin(struct guest *g, uint64_t from, uint64_t to, uint64_t rflags)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rip = GUEST_CODE;
	regs.rbx = MMIO;
	regs.rcx = COUNT;
	regs.rdx = 0x99;
	regs.rsi = from;
	regs.rdi = to;
	regs.rflags = rflags | 2;
	vcpu_set_regs(&g->vcpu, &regs);
}

/* The next exit is a device access at @gpa, which is answered with @value. */
static bool served(struct guest *g, bool is_write, uint64_t gpa, uint64_t value)
{
	struct kvm_run *run = g->vcpu.run;
	int ret = vcpu_run(&g->vcpu);

	if (!ret && run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write == is_write &&
	    run->mmio.phys_addr == gpa) {
		if (!is_write)
			memcpy(run->mmio.data, &value, sizeof(value));
		return true;
	}
	fprintf(stderr, "# expected a %s of 0x%lx\n", is_write ? "write" : "read", gpa);
	vcpu_describe_exit(&g->vcpu, ret);
	return false;
}

static bool serve_fill(struct guest *g, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!served(g, true, MMIO + i, 0))
			return false;
	return true;
}

static uint64_t left(struct guest *g)
{
	return vcpu_regs(&g->vcpu).rcx;
}

TEST_F(answer, immediate_exit_after_a_write)
{
	guest_load(&self->g, fill);
	begin(&self->g, 0, MMIO, RFLAGS_IF);
	ASSERT_TRUE(serve_fill(&self->g, 3));
	self->run->immediate_exit = 1;
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
		EXPECT_EQ(COUNT - 3ull, left(&self->g));
		EXPECT_EQ(GUEST_CODE, vcpu_regs(self->vcpu).rip);
	}
	self->run->immediate_exit = 0;
	EXPECT_TRUE(served(&self->g, true, MMIO + 3, 0));
}

/* KVM has such a client see the next element's exit at once. */
TEST_F(answer, immediate_exit_after_a_read)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM goes on reading");
	guest_load(&self->g, copy);
	begin(&self->g, MMIO, TARGET, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x11));
	ASSERT_TRUE(served(&self->g, false, MMIO + 1, 0x22));
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(COUNT - 2ull, left(&self->g));
	EXPECT_EQ(0x2211ull, *guest_u64(&self->g, TARGET));
	self->run->immediate_exit = 0;
	EXPECT_TRUE(served(&self->g, false, MMIO + 2, 0x33));
}

TEST_F(answer, immediate_exit_after_a_port)
{
	guest_load(&self->g, out);
	begin(&self->g, MMIO, 0, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x11));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	ASSERT_EQ(COUNT - 1ull, left(&self->g));
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(COUNT - 1ull, left(&self->g));
	self->run->immediate_exit = 0;
	EXPECT_TRUE(served(&self->g, false, MMIO + 1, 0x22));
}

/* The handler's stub is the next exit, and @nr elements are done. */
static bool interrupted_after(struct guest *g, uint64_t vector, uint64_t nr, uint64_t rip)
{
	struct guest_exception *e = guest_exception(g);

	if (!vcpu_run_to(&g->vcpu, KVM_EXIT_IO) && g->vcpu.run->io.port == PORT_EXC &&
	    e->vector == vector && e->rip == rip && left(g) == COUNT - nr)
		return true;
	fprintf(stderr, "# vector %lu at 0x%lx, %lu left\n", e->vector, e->rip, left(g));
	return false;
}

static int queue_irq(struct vcpu *vcpu)
{
	struct kvm_interrupt irq = { .irq = VECTOR };

	return vm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

TEST_F(answer, interrupt_between_two_elements)
{
	guest_load(&self->g, fill);
	begin(&self->g, 0, MMIO, RFLAGS_IF);
	ASSERT_TRUE(serve_fill(&self->g, 3));
	ASSERT_EQ(0, queue_irq(self->vcpu));
	EXPECT_TRUE(interrupted_after(&self->g, VECTOR, 3, GUEST_CODE));
}

TEST_F(answer, nmi_between_two_elements)
{
	guest_load(&self->g, fill);
	begin(&self->g, 0, MMIO, RFLAGS_IF);
	ASSERT_TRUE(serve_fill(&self->g, 3));
	ASSERT_EQ(0, vm_ioctl_num(self->vcpu->fd, KVM_NMI, 0));
	EXPECT_TRUE(interrupted_after(&self->g, VECTOR_NMI, 3, GUEST_CODE));
}

TEST_F(answer, interrupt_between_two_reads)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM goes on reading");
	guest_load(&self->g, copy);
	begin(&self->g, MMIO, TARGET, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x11));
	ASSERT_EQ(0, queue_irq(self->vcpu));
	EXPECT_TRUE(interrupted_after(&self->g, VECTOR, 1, GUEST_CODE));
	EXPECT_EQ(0x11, self->g.ram[TARGET]);
}

TEST_F(answer, window_between_two_elements)
{
	guest_load(&self->g, fill);
	begin(&self->g, 0, MMIO, RFLAGS_IF);
	ASSERT_TRUE(serve_fill(&self->g, 3));
	self->run->request_interrupt_window = 1;
	EXPECT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(COUNT - 3ull, left(&self->g));
	self->run->request_interrupt_window = 0;
	EXPECT_TRUE(served(&self->g, true, MMIO + 3, 0));
}

/* The shadow of STI is over when the first element is done. */
TEST_F(answer, shadow_ends_with_the_first_element)
{
	guest_load(&self->g, fill_sti);
	begin(&self->g, 0, MMIO, 0);
	self->run->request_interrupt_window = 1;
	ASSERT_TRUE(serve_fill(&self->g, 1));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(COUNT - 1ull, left(&self->g));
	EXPECT_EQ(CODE_AT(1), vcpu_regs(self->vcpu).rip);
}

static void set_rip(struct vcpu *vcpu, uint64_t rip)
{
	struct kvm_regs regs = vcpu_regs(vcpu);

	regs.rip = rip;
	vcpu_set_regs(vcpu, &regs);
}

/* The guest halts behind @rip, where a HLT is. */
static bool halts_at(struct vcpu *vcpu, uint64_t rip)
{
	return !vcpu_run_to(vcpu, KVM_EXIT_HLT) && vcpu_regs(vcpu).rip == rip + 1;
}

/* KVM 6.1 adds the load's length to the new RIP. */
TEST_F(answer, client_moves_on_from_a_load)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM finishes the load all the same");
	begin(&self->g, 0, 0, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x12345678));
	set_rip(self->vcpu, CODE_AT(3));
	EXPECT_TRUE(halts_at(self->vcpu, CODE_AT(3)));
	EXPECT_NE(0x12345678ull, vcpu_regs(self->vcpu).rax);
}

TEST_F(answer, client_moves_on_from_a_string)
{
	guest_load(&self->g, fill);
	begin(&self->g, 0, MMIO, RFLAGS_IF);
	ASSERT_TRUE(serve_fill(&self->g, 2));
	set_rip(self->vcpu, CODE_AT(2));
	EXPECT_TRUE(halts_at(self->vcpu, CODE_AT(2)));
	EXPECT_EQ(COUNT - 2ull, left(&self->g));
}

TEST_F(answer, client_moves_on_from_a_copy)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM finishes the element all the same");
	guest_load(&self->g, copy);
	begin(&self->g, MMIO, TARGET, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x11));
	set_rip(self->vcpu, CODE_AT(2));
	EXPECT_TRUE(halts_at(self->vcpu, CODE_AT(2)));
	EXPECT_EQ((uint64_t)COUNT, left(&self->g));
	EXPECT_EQ(0, self->g.ram[TARGET]);
}

/* As a reset by a device does it: the first instruction is at fff0, not behind it. */
TEST_F(answer, client_resets_the_vcpu)
{
	struct kvm_sregs s = vcpu_sregs(self->vcpu);
	uint8_t *rom;

	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM finishes the load all the same");
	rom = vm_alloc(16 * PAGE_SIZE);
	memset(rom, 0xf4, 16 * PAGE_SIZE);
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 1, 0, RESET_SEGMENT, 16 * PAGE_SIZE, rom));
	begin(&self->g, 0, 0, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x12345678));
	s.cr0 = CR0_ET;
	s.cr4 = 0;
	s.efer = 0;
	memset(&s.cs, 0, sizeof(s.cs));
	s.cs.base = RESET_SEGMENT;
	s.cs.selector = 0xf000;
	s.cs.limit = 0xffff;
	s.cs.type = 11;
	s.cs.s = 1;
	s.cs.present = 1;
	s.ss = s.cs;
	s.ss.type = 3;
	s.ss.base = s.ss.selector = 0;
	s.ds = s.es = s.fs = s.gs = s.ss;
	ASSERT_EQ(0, vcpu_set_sregs(self->vcpu, &s));
	set_rip(self->vcpu, 0xfff0);
	EXPECT_TRUE(halts_at(self->vcpu, 0xfff0));
	ASSERT_EQ(0, vm_delete_slot(&self->g.vm, 1));
	vm_free(rom, 16 * PAGE_SIZE);
}

/* The answer is for another address than the one that the guest reads now. */
TEST_F(answer, client_changes_the_address)
{
	struct kvm_regs regs;

	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM finishes the load all the same");
	begin(&self->g, 0, 0, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x11111111));
	regs = vcpu_regs(self->vcpu);
	regs.rbx = MMIO + 0x100;
	vcpu_set_regs(self->vcpu, &regs);
	ASSERT_TRUE(served(&self->g, false, MMIO + 0x100, 0x22222222));
	ASSERT_TRUE(halts_at(self->vcpu, CODE_AT(2)));
	EXPECT_EQ(0x22222222ull, vcpu_regs(self->vcpu).rax);
}

/* What has nothing to do with the access changes nothing about it. */
TEST_F(answer, client_changes_other_registers)
{
	struct kvm_sregs s = vcpu_sregs(self->vcpu);
	struct kvm_regs regs;

	begin(&self->g, 0, 0, RFLAGS_IF);
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x12345678));
	regs = vcpu_regs(self->vcpu);
	regs.rcx = 0xabcd;
	vcpu_set_regs(self->vcpu, &regs);
	ASSERT_EQ(0, vcpu_set_sregs(self->vcpu, &s));
	ASSERT_TRUE(halts_at(self->vcpu, CODE_AT(2)));
	EXPECT_EQ(0xabcdull, vcpu_regs(self->vcpu).rcx);
	/* KVM 6.12 loses the answer. */
	if (!vm_is_kvm(&self->g.vm))
		EXPECT_EQ(0x12345678ull, vcpu_regs(self->vcpu).rax);
}

/* The same through the kvm_run page. */
TEST_F(answer, client_moves_on_by_sync_regs)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM finishes the load all the same");
	begin(&self->g, 0, 0, RFLAGS_IF);
	self->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	ASSERT_TRUE(served(&self->g, false, MMIO, 0x12345678));
	self->run->s.regs.regs.rip = CODE_AT(3);
	self->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	EXPECT_TRUE(halts_at(self->vcpu, CODE_AT(3)));
	EXPECT_NE(0x12345678ull, vcpu_regs(self->vcpu).rax);
}

SLAT_TEST_MAIN
