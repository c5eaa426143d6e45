// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts from a client with an interrupt controller of its own, as QEMU
 * with kernel-irqchip=off: when it is told that one can be delivered, windows
 * behind STI and MOV SS, NMIs, the task priority, and the APIC's base.
 */
#include "test.h"

#define CODE_AT(offset)	(GUEST_CODE + (offset))
#define VECTOR		0x1f
#define OTHER_VECTOR	0x1e
#define VECTOR_NMI	2
#define MSR_APIC_BASE	0x1b
#define APIC_X2		(1ull << 10)
#define APIC_ENABLE	(1ull << 11)
#define SHADOW_STI	KVM_X86_SHADOW_INT_STI
#define SHADOW_MOV_SS	KVM_X86_SHADOW_INT_MOV_SS

FIXTURE(irq) {
	struct guest g;
	struct vcpu *vcpu;
	struct kvm_run *run;
	struct guest_exception *e;
};

GUEST_CODE_BLOB(nops, 64, "nop\n nop\n nop\n nop\n hlt\n");

FIXTURE_SETUP(irq)
{
	guest_settle_nmis();
	guest_start(&self->g, MODE_LONG, nops);
	self->vcpu = &self->g.vcpu;
	self->run = self->vcpu->run;
	self->e = guest_exception(&self->g);
}

FIXTURE_TEARDOWN(irq)
{
	guest_destroy(&self->g);
}

static int queue_irq(struct vcpu *vcpu, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return vm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

static int queue_nmi(struct vcpu *vcpu)
{
	return vm_ioctl_num(vcpu->fd, KVM_NMI, 0);
}

static struct kvm_vcpu_events get_events(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	vm_must(vm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events), "KVM_GET_VCPU_EVENTS");
	return events;
}

static void set_rflags(struct vcpu *vcpu, uint64_t rflags)
{
	struct kvm_regs regs = vcpu_regs(vcpu);

	regs.rflags = rflags | 2;
	vcpu_set_regs(vcpu, &regs);
}

/* KVM_RUN that does nothing but fill kvm_run. */
static bool refresh(struct vcpu *vcpu)
{
	int ret;

	vcpu->run->immediate_exit = 1;
	ret = vcpu_run(vcpu);
	vcpu->run->immediate_exit = 0;
	return ret == -EINTR;
}

/* The next exit is the stub of @vector, come from @rip. */
static bool delivered(struct guest *g, uint64_t vector, uint64_t rip)
{
	struct guest_exception *e = guest_exception(g);

	if (!vcpu_run_to(&g->vcpu, KVM_EXIT_IO) && g->vcpu.run->io.port == PORT_EXC &&
	    e->vector == vector && e->rip == rip)
		return true;
	fprintf(stderr, "# port 0x%x vector %lu rip 0x%lx\n", g->vcpu.run->io.port,
		(unsigned long)e->vector, (unsigned long)e->rip);
	return false;
}

TEST_F(irq, ready_follows_if)
{
	set_rflags(self->vcpu, 0);
	ASSERT_TRUE(refresh(self->vcpu));
	EXPECT_EQ(0, self->run->if_flag);
	EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
	set_rflags(self->vcpu, RFLAGS_IF);
	ASSERT_TRUE(refresh(self->vcpu));
	EXPECT_EQ(1, self->run->if_flag);
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);
}

TEST_F(irq, is_delivered_once)
{
	set_rflags(self->vcpu, RFLAGS_IF);
	ASSERT_EQ(0, queue_irq(self->vcpu, VECTOR));
	ASSERT_TRUE(refresh(self->vcpu));
	EXPECT_EQ(1, self->run->if_flag);
	EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
	EXPECT_EQ(1, get_events(self->vcpu).interrupt.injected);
	EXPECT_EQ(VECTOR, get_events(self->vcpu).interrupt.nr);
	EXPECT_EQ(1ull << VECTOR, vcpu_sregs(self->vcpu).interrupt_bitmap[0]);
	ASSERT_TRUE(delivered(&self->g, VECTOR, CODE_AT(0)));
	/* the handler runs with IF clear */
	EXPECT_EQ(0, self->run->if_flag);
	EXPECT_EQ(0, get_events(self->vcpu).interrupt.injected);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(1ull, self->e->count);
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);
}

TEST_F(irq, a_later_one_takes_its_place)
{
	set_rflags(self->vcpu, RFLAGS_IF);
	EXPECT_EQ(-EINVAL, queue_irq(self->vcpu, 256));
	EXPECT_EQ(-EINVAL, queue_irq(self->vcpu, ~0u));
	ASSERT_EQ(0, queue_irq(self->vcpu, OTHER_VECTOR));
	ASSERT_EQ(0, queue_irq(self->vcpu, VECTOR));
	ASSERT_TRUE(delivered(&self->g, VECTOR, CODE_AT(0)));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(1ull, self->e->count);
}

/* A queued one goes along in a migration: with SREGS, and with the events. */
TEST_F(irq, moves_to_another_vm)
{
	struct kvm_vcpu_events events, none = { .flags = KVM_VCPUEVENT_VALID_SHADOW };
	struct kvm_sregs sregs;

	set_rflags(self->vcpu, RFLAGS_IF);
	ASSERT_EQ(0, queue_irq(self->vcpu, VECTOR));
	sregs = vcpu_sregs(self->vcpu);
	events = get_events(self->vcpu);
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &none));
	EXPECT_EQ(0ull, vcpu_sregs(self->vcpu).interrupt_bitmap[0]);
	ASSERT_EQ(0, vcpu_set_sregs(self->vcpu, &sregs));
	EXPECT_EQ(1, get_events(self->vcpu).interrupt.injected);
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &none));
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	ASSERT_TRUE(delivered(&self->g, VECTOR, CODE_AT(0)));
}

TEST_F(irq, open_window_exits_at_once)
{
	set_rflags(self->vcpu, RFLAGS_IF);
	self->run->request_interrupt_window = 1;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(CODE_AT(0), vcpu_regs(self->vcpu).rip);
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);
	/* and again, while it is asked for */
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(CODE_AT(0), vcpu_regs(self->vcpu).rip);
	self->run->request_interrupt_window = 0;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
}

/* Asked for while IF is clear: one instruction behind the STI. */
GUEST_CODE_BLOB(sti, 64,
	"cli\n out %al, $0x10\n"	/* 0, 1 */
	"nop\n"				/* 3 */
	"sti\n"				/* 4 */
	"nop\n"				/* 5 */
	"nop\n"				/* 6 */
	"hlt\n");

TEST_F(irq, window_behind_sti)
{
	guest_load(&self->g, sti);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
	self->run->request_interrupt_window = 1;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(CODE_AT(6), vcpu_regs(self->vcpu).rip);
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);
	self->run->request_interrupt_window = 0;
	ASSERT_EQ(0, queue_irq(self->vcpu, VECTOR));
	ASSERT_TRUE(delivered(&self->g, VECTOR, CODE_AT(6)));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
}

/* Never between MOV SS and the instruction behind it. */
GUEST_CODE_BLOB(mov_ss, 64,
	"cli\n mov %ss, %ecx\n out %al, $0x10\n"	/* 0, 1, 3 */
	"sti\n"						/* 5 */
	"mov %ecx, %ss\n"				/* 6: in the shadow of STI */
	"nop\n"						/* 8: in that of MOV SS */
	"nop\n"						/* 9 */
	"hlt\n");

TEST_F(irq, window_behind_mov_ss)
{
	guest_load(&self->g, mov_ss);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	self->run->request_interrupt_window = 1;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(CODE_AT(9), vcpu_regs(self->vcpu).rip);
}

/* The halt is in the shadow; the window opens behind it. */
GUEST_CODE_BLOB(sti_hlt, 64, "cli\n out %al, $0x10\n sti\n hlt\n nop\n hlt\n");

TEST_F(irq, halt_in_the_shadow_of_sti)
{
	guest_load(&self->g, sti_hlt);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	self->run->request_interrupt_window = 1;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(CODE_AT(5), vcpu_regs(self->vcpu).rip);
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(CODE_AT(5), vcpu_regs(self->vcpu).rip);
}

/* The shadow of an instruction that exits to the client ends with it. */
GUEST_CODE_BLOB(shadowed_out, 64, "sti\n out %al, $0x10\n nop\n hlt\n");

TEST_F(irq, shadow_ends_with_an_exit)
{
	set_rflags(self->vcpu, 0);
	guest_load(&self->g, shadowed_out);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	EXPECT_EQ(1, self->run->if_flag);
	EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
	EXPECT_EQ(SHADOW_STI, get_events(self->vcpu).interrupt.shadow);
	self->run->request_interrupt_window = 1;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(CODE_AT(3), vcpu_regs(self->vcpu).rip);
	EXPECT_EQ(0, get_events(self->vcpu).interrupt.shadow);
}

TEST_F(irq, shadow_is_restored)
{
	static const uint8_t shadows[] = { SHADOW_STI, SHADOW_MOV_SS };
	struct kvm_vcpu_events events = get_events(self->vcpu);

	EXPECT_EQ((uint32_t)(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			     KVM_VCPUEVENT_VALID_SMM), events.flags);
	EXPECT_EQ(0, events.smi.smm | events.smi.pending | events.smi.latched_init);
	for (size_t i = 0; i < ARRAY_SIZE(shadows); i++) {
		guest_load(&self->g, nops);
		set_rflags(self->vcpu, RFLAGS_IF);
		events.interrupt.shadow = shadows[i];
		ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
		EXPECT_EQ(shadows[i], get_events(self->vcpu).interrupt.shadow);
		self->run->request_interrupt_window = 1;
		ASSERT_TRUE(refresh(self->vcpu));
		EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
		ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
		EXPECT_EQ(CODE_AT(1), vcpu_regs(self->vcpu).rip);
	}
	/* without the flag it stays as it is */
	events.flags = 0;
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, get_events(self->vcpu).interrupt.shadow);
}

/*
 * There is no case of an NMI in a shadow: Bochs then tells that NMIs are blocked,
 * and so they stay.
 */
TEST_F(irq, nmi_goes_first)
{
	set_rflags(self->vcpu, RFLAGS_IF);
	ASSERT_EQ(0, queue_nmi(self->vcpu));
	ASSERT_TRUE(delivered(&self->g, VECTOR_NMI, CODE_AT(0)));
	EXPECT_EQ(1, get_events(self->vcpu).nmi.masked);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0, get_events(self->vcpu).nmi.masked);
	EXPECT_EQ(1ull, self->e->count);
}

/* One more is kept while the first is handled, and no third. */
TEST_F(irq, nmi_while_one_is_handled)
{
	ASSERT_EQ(0, queue_nmi(self->vcpu));
	ASSERT_TRUE(delivered(&self->g, VECTOR_NMI, CODE_AT(0)));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, queue_nmi(self->vcpu));
	EXPECT_EQ(1, get_events(self->vcpu).nmi.pending);
	ASSERT_TRUE(delivered(&self->g, VECTOR_NMI, CODE_AT(0)));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(2ull, self->e->count);
}

/* Masked by a client that restores a handler in the middle. */
TEST_F(irq, nmi_masked_by_the_client)
{
	struct kvm_vcpu_events events = get_events(self->vcpu);

	events.nmi.masked = 1;
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	ASSERT_EQ(0, queue_nmi(self->vcpu));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0ull, self->e->count);
	events = get_events(self->vcpu);
	EXPECT_EQ(1, events.nmi.masked);
	EXPECT_EQ(1, events.nmi.pending);
	events.nmi.masked = 0;
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	ASSERT_TRUE(delivered(&self->g, VECTOR_NMI, CODE_AT(5)));
}

/* Raised without a word, lowered with an exit; reads see what the client wrote. */
GUEST_CODE_BLOB(tpr, 64,
	"mov %cr8, %rbx\n"
	"mov $9, %eax\n mov %rax, %cr8\n"
	"mov $4, %eax\n mov %rax, %cr8\n"
	"mov %cr8, %rcx\n"
	"hlt\n");

TEST_F(irq, task_priority)
{
	guest_load(&self->g, tpr);
	self->run->cr8 = 6;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_SET_TPR));
	EXPECT_EQ(4ull, self->run->cr8);
	EXPECT_EQ(6ull, vcpu_regs(self->vcpu).rbx);
	EXPECT_EQ(4ull, vcpu_sregs(self->vcpu).cr8);
	self->run->cr8 = 3;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(3ull, vcpu_regs(self->vcpu).rcx);
	self->run->cr8 = 16;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
}

GUEST_CODE_BLOB(apic_base, 64,
	"mov $0x1b, %ecx\n rdmsr\n and $~0x800, %eax\n wrmsr\n"
	"mov $1, %eax\n cpuid\n hlt\n");

TEST_F(irq, apic_base_is_told)
{
	ASSERT_TRUE(refresh(self->vcpu));
	EXPECT_EQ(0xfee00900ull, self->run->apic_base);
	guest_load(&self->g, apic_base);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0xfee00100ull, self->run->apic_base);
	/* CPUID has no APIC any more */
	EXPECT_EQ(0ull, vcpu_regs(self->vcpu).rdx & 1 << 9);
}

/* The x2APIC's bit is for a guest whose CPUID has one. */
TEST_F(irq, apic_base_of_an_x2apic)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(self->g.vm.dev);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 1, 0);

	leaf->ecx &= ~(1u << 21);
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_CPUID2, cpuid));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_APIC_BASE, 0xfee00000 | APIC_ENABLE | APIC_X2));
	leaf->ecx |= 1u << 21;
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_CPUID2, cpuid));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_APIC_BASE, 0xfee00000 | APIC_X2));
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, MSR_APIC_BASE, 0xfee00000 | APIC_ENABLE | APIC_X2));
	free(cpuid);
}

SLAT_TEST_MAIN
