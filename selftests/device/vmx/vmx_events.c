// SPDX-License-Identifier: GPL-2.0
/*
 * Events: exceptions that the guest raises itself, debug registers and single
 * stepping over emulated instructions, interrupts and NMIs from user space,
 * windows, and deliveries that fault in the middle.
 */
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "test.h"

#define CODE_AT(offset)	(GUEST_CODE + (offset))
#define IRQ_VECTOR	0x1f	/* the last one that has a stub */

FIXTURE(events) {
	struct guest g;
	struct kvm_run *run;
	struct guest_exception *e;
};

GUEST_CODE_BLOB(nothing, 64, "hlt\n");

FIXTURE_SETUP(events)
{
	guest_settle_nmis();
	guest_start(&self->g, MODE_LONG, nothing);
	self->run = self->g.vcpu.run;
	self->e = guest_exception(&self->g);
}

FIXTURE_TEARDOWN(events)
{
	guest_destroy(&self->g);
}

static bool at_exception(struct guest *g, uint64_t vector, uint64_t error, uint64_t rip)
{
	struct guest_exception *e = guest_exception(g);
	int ret = vcpu_run(&g->vcpu);

	if (!ret && g->vcpu.run->exit_reason == KVM_EXIT_IO &&
	    g->vcpu.run->io.port == PORT_EXC && e->vector == vector && e->error == error &&
	    e->rip == rip)
		return true;
	vcpu_describe_exit(&g->vcpu, ret);
	fprintf(stderr, "# vector %lu error %lu rip %lx\n", (unsigned long)e->vector,
		(unsigned long)e->error, (unsigned long)e->rip);
	return false;
}

GUEST_CODE_BLOB(divide, 64, "xor %ecx, %ecx\n div %ecx\n hlt\n");
GUEST_CODE_BLOB(breakpoint, 64, "int3\n hlt\n");
GUEST_CODE_BLOB(icebp, 64, ".byte 0xf1\n hlt\n");
GUEST_CODE_BLOB(gp, 64, "mov $0x1230, %eax\n mov %ax, %ds\n hlt\n");
GUEST_CODE_BLOB(pf, 64, "mov $0x9000000000, %rax\n mov (%rax), %rbx\n hlt\n");
GUEST_CODE_BLOB(triple, 64, "lidt 1f(%rip)\n ud2\n 1: .word 0\n .quad 0\n");

TEST_F(events, exceptions_of_the_guest)
{
	guest_load(&self->g, divide);
	ASSERT_TRUE(at_exception(&self->g, 0, 0, CODE_AT(2)));
	guest_set_mode(&self->g.vcpu, MODE_LONG);
	vcpu_run(&self->g.vcpu);
}

TEST_F(events, breakpoint_resumes_behind)
{
	guest_load(&self->g, breakpoint);
	ASSERT_TRUE(at_exception(&self->g, 3, 0, CODE_AT(1)));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

TEST_F(events, icebp_traps_behind)
{
	guest_load(&self->g, icebp);
	ASSERT_TRUE(at_exception(&self->g, 1, 0, CODE_AT(1)));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

TEST_F(events, general_protection_has_its_error)
{
	guest_load(&self->g, gp);
	ASSERT_TRUE(at_exception(&self->g, 13, 0x1230, CODE_AT(5)));
}

TEST_F(events, page_fault_has_cr2)
{
	*guest_u64(&self->g, GUEST_PDPT + 8 * 0x240 % 4096) = 0;
	*guest_u64(&self->g, GUEST_PML4 + 8) = 0;
	guest_load(&self->g, pf);
	ASSERT_TRUE(at_exception(&self->g, 14, 0, CODE_AT(10)));
	EXPECT_EQ(0x9000000000ull, self->e->cr2);
	EXPECT_EQ(0x9000000000ull, vcpu_sregs(&self->g.vcpu).cr2);
}

TEST_F(events, triple_fault_is_shutdown)
{
	guest_load(&self->g, triple);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_SHUTDOWN));
}

/* DR0 execution breakpoint, DR1 write watch; DR6 is read in the handler. */
GUEST_CODE_BLOB(debug_regs, 64,
	"mov $0x40000, %ebx\n"
	"mov %rbx, %dr1\n"
	"lea 1f(%rip), %rax\n mov %rax, %dr0\n"
	"mov $0x00d00602, %eax\n and $~2, %eax\n or $0x0a, %eax\n mov %rax, %dr7\n"
	"mov %dr1, %rcx\n"
	"out %al, $0x10\n"
	"movl $5, (%rbx)\n"
	"nop\n"
	"1: nop\n"
	"mov %dr6, %rdx\n mov %dr7, %rsi\n"
	"hlt\n");

TEST_F(events, debug_registers)
{
	struct kvm_debugregs dbg;

	guest_load(&self->g, debug_regs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_SYNC, self->run->io.port);
	EXPECT_EQ(GUEST_DATA, vcpu_regs(&self->g.vcpu).rcx);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_DEBUGREGS, &dbg));
	EXPECT_EQ(GUEST_DATA, dbg.db[1]);
	EXPECT_EQ(0ull, dbg.dr6 & 0xf);
	/* trap after the write */
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ(1ull, self->e->vector);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_DEBUGREGS, &dbg));
	EXPECT_EQ(2ull, dbg.dr6 & 0xf);
	/* fault before the nop at 1 */
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ(1ull, self->e->vector);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_DEBUGREGS, &dbg));
	EXPECT_EQ(1ull, dbg.dr6 & 0xf);
	EXPECT_EQ(dbg.db[0], self->e->rip);
	/* resume with RF so that it does not hit again */
	*(uint64_t *)(self->g.ram + self->e->frame + 16) |= 1 << 16;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(1ull, vcpu_regs(&self->g.vcpu).rdx & 0xf);
	EXPECT_EQ(0x00d0060aull, vcpu_regs(&self->g.vcpu).rsi);
}

/* Each of the instructions owes a trap, completed by the host or not. */
GUEST_CODE_BLOB(stepping, 64,
	"pushfq\n orq $0x100, (%rsp)\n mov $0x50000000, %ebx\n popfq\n"
	"nop\n"				/* 1 */
	"xor %eax, %eax\n"		/* 2 */
	"cpuid\n"			/* 3: cleared rbx etc */
	"mov $0x50000000, %ebx\n"	/* 4 */
	"out %al, $0x10\n"		/* 5 */
	"mov %eax, (%rbx)\n"		/* 6: MMIO */
	"wbinvd\n"			/* 7 */
	"hlt\n");			/* at 31 */

TEST_F(events, single_step_over_exits)
{
	static const uint32_t exits[] = { KVM_EXIT_IO, KVM_EXIT_MMIO };
	unsigned int traps = 0, others = 0;
	uint64_t last = 0;

	guest_load(&self->g, stepping);
	for (;;) {
		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		if (self->run->exit_reason == KVM_EXIT_HLT)
			break;
		if (self->run->exit_reason == KVM_EXIT_IO && self->run->io.port == PORT_EXC) {
			ASSERT_EQ(1ull, self->e->vector);
			/* The trap of the HLT ends it; KVM tells of the halt first. */
			if (self->e->rip == CODE_AT(32))
				break;
			/* Bochs has one too many where MMIO exits as a fault. */
			if (self->e->rip != last)
				traps++;
			last = self->e->rip;
			continue;
		}
		ASSERT_LT(others, 2u);
		ASSERT_EQ(exits[others], self->run->exit_reason);
		/* traps of all instructions before this one came first */
		EXPECT_EQ(others ? 5u : 4u, traps);
		others++;
	}
	EXPECT_EQ(2u, others);
	EXPECT_EQ(7u, traps);
}

GUEST_CODE_BLOB(interrupts, 64,
	"cli\n out %al, $0x10\n"	/* 0..2 */
	"nop\n"				/* 3 */
	"sti\n"				/* 4 */
	"nop\n"				/* 5: shadow of STI */
	"nop\n"				/* 6: the interrupt comes before this */
	"cli\n out %al, $0x10\n"
	"hlt\n");

static int queue_irq(struct vcpu *vcpu, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return vm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

TEST_F(events, interrupt_waits_for_the_window)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM enters the interrupt whether or not the guest takes it");
	guest_load(&self->g, interrupts);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(0, self->run->if_flag);
	EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
	/* IF is clear: it has to wait, not to fail the entry */
	EXPECT_EQ(-EINVAL, queue_irq(&self->g.vcpu, 256));
	ASSERT_EQ(0, queue_irq(&self->g.vcpu, IRQ_VECTOR));
	ASSERT_TRUE(at_exception(&self->g, IRQ_VECTOR, 0, CODE_AT(6)) ||
		    self->e->rip == CODE_AT(5));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_SYNC, self->run->io.port);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

/*
 * The trap of an instruction that the host completed comes before an interrupt that
 * the client queued meanwhile, and is not lost to it.
 */
#define SINGLE_STEP	"pushfq\n orq $0x100, (%rsp)\n popfq\n nop\n"	/* 0..10 */

GUEST_CODE_BLOB(stepped_out, 64,
	"cli\n" SINGLE_STEP "sti\n nop\n out %al, $0x10\n nop\n hlt\n");
GUEST_CODE_BLOB(stepped_hlt, 64,
	"cli\n" SINGLE_STEP "sti\n hlt\n nop\n hlt\n");

/* Run to the exception at @rip; Bochs may repeat the trap of the one before. */
static bool steps_to(struct guest *g, uint64_t vector, uint64_t rip)
{
	struct guest_exception *e = guest_exception(g);

	for (int i = 0; i < 16; i++) {
		if (vcpu_run_to(&g->vcpu, KVM_EXIT_IO) || g->vcpu.run->io.port != PORT_EXC)
			return false;
		if (e->vector == vector && e->rip == rip)
			return true;
		if (e->vector != 1 || e->rip > rip)
			break;
	}
	fprintf(stderr, "# vector %lu at 0x%lx, not %lu at 0x%lx\n", e->vector, e->rip,
		vector, rip);
	return false;
}

TEST_F(events, a_step_comes_before_an_interrupt)
{
	guest_load(&self->g, stepped_out);
	/* Behind the NOP that stands before the OUT. */
	ASSERT_TRUE(steps_to(&self->g, 1, CODE_AT(14)));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_SYNC, self->run->io.port);
	ASSERT_EQ(0, queue_irq(&self->g.vcpu, IRQ_VECTOR));
	EXPECT_TRUE(steps_to(&self->g, 1, CODE_AT(16)));
	/* KVM forgets an interrupt that has to wait for an exception. */
	if (!vm_is_kvm(&self->g.vm))
		EXPECT_TRUE(steps_to(&self->g, IRQ_VECTOR, CODE_AT(16)));
}

TEST_F(events, a_step_ends_a_halt)
{
	guest_load(&self->g, stepped_hlt);
	ASSERT_TRUE(steps_to(&self->g, 1, CODE_AT(13)));
	/* KVM tells the client of the halt first. */
	if (vm_is_kvm(&self->g.vm))
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_TRUE(steps_to(&self->g, 1, CODE_AT(14)));
	/* The guest goes on behind it. */
	EXPECT_TRUE(steps_to(&self->g, 1, CODE_AT(15)));
}

/* What waited for the end of STI's shadow ends the halt, without the client. */
GUEST_CODE_BLOB(sti_hlt, 64,
	"cli\n out %al, $0x10\n sti\n hlt\n out %al, $0x10\n");

TEST_F(events, hlt_with_an_interrupt_that_waited)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM enters the interrupt whether or not the guest takes it");
	guest_load(&self->g, sti_hlt);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(0, queue_irq(&self->g.vcpu, IRQ_VECTOR));
	ASSERT_TRUE(at_exception(&self->g, IRQ_VECTOR, 0, CODE_AT(5)));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_SYNC, self->run->io.port);
}

TEST_F(events, window_exit)
{
	guest_load(&self->g, interrupts);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	self->run->request_interrupt_window = 1;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IRQ_WINDOW_OPEN));
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);
	EXPECT_EQ(1, self->run->if_flag);
	self->run->request_interrupt_window = 0;
	ASSERT_EQ(0, queue_irq(&self->g.vcpu, IRQ_VECTOR));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ((uint64_t)IRQ_VECTOR, self->e->vector);
}

/* The second NMI waits until the handler of the first returned. */
TEST_F(events, nmi_is_blocked_until_iret)
{
	struct kvm_vcpu_events ev;

	guest_load(&self->g, interrupts);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_NMI, NULL));
	ASSERT_TRUE(at_exception(&self->g, 2, 0, CODE_AT(3)));
	EXPECT_EQ(1ull, self->e->count);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &ev));
	EXPECT_EQ(1, ev.nmi.masked);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_NMI, NULL));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &ev));
	EXPECT_EQ(1, ev.nmi.pending);
	ASSERT_TRUE(at_exception(&self->g, 2, 0, CODE_AT(3)));
	EXPECT_EQ(2ull, self->e->count);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_SYNC, self->run->io.port);
	EXPECT_EQ(2ull, self->e->count);
}

/*
 * Interrupts of the host at every point of an entry: before it, at it, with the
 * event half delivered, behind it.  Each event arrives once.  The timers that
 * cause them say nothing to this process, so no signal keeps it from entering.
 */
GUEST_CODE_BLOB(sync_loop, 64, "sti\n nop\n 1: out %al, $0x10\n nop\n jmp 1b\n");

static int host_timer(long period_ns)
{
	struct itimerspec period = {
		.it_interval.tv_nsec = period_ns,
		.it_value.tv_nsec = period_ns,
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	if (fd >= 0 && timerfd_settime(fd, 0, &period, NULL)) {
		close(fd);
		return -1;
	}
	return fd;
}

TEST_F(events, each_event_arrives_once_among_interrupts_of_the_host)
{
	/* no multiple of what an entry takes */
	int timer = host_timer(317 * 1000);

	ASSERT_LE(0, timer);
	guest_load(&self->g, sync_loop);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	for (uint64_t round = 1; round <= 2000; round++) {
		bool nmi = round & 1;

		/* with and without an EPT violation at the push of the frame */
		ASSERT_EQ(0, round & 2 ? madvise(self->g.ram + GUEST_STACK - PAGE_SIZE, PAGE_SIZE,
						 MADV_DONTNEED) : 0);
		ASSERT_EQ(0, nmi ? vm_ioctl(self->g.vcpu.fd, KVM_NMI, NULL) :
				   queue_irq(&self->g.vcpu, IRQ_VECTOR));
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
		ASSERT_EQ(PORT_EXC, self->run->io.port) {
			TH_LOG("round %lu: %s did not arrive", (unsigned long)round,
			       nmi ? "the NMI" : "the interrupt");
		}
		ASSERT_EQ(nmi ? 2ull : (uint64_t)IRQ_VECTOR, self->e->vector);
		ASSERT_EQ(round, self->e->count);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
		ASSERT_EQ(PORT_SYNC, self->run->io.port);
	}
	close(timer);
}

/*
 * The stack of the handler lies in a page that the guest has never touched: the
 * delivery takes an EPT violation in its middle and has to be done again.
 */
GUEST_CODE_BLOB(fresh_stack, 64,
	"mov %rbx, %rsp\n int3\n"
	"mov %rcx, %rsp\n xor %ecx, %ecx\n div %ecx\n hlt\n");

TEST_F(events, delivery_over_an_ept_violation)
{
	uint8_t *more = vm_alloc(64 * KIB);
	struct kvm_regs regs;

	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 1, 0, 16 * MIB, 64 * KIB, more));
	guest_load(&self->g, fresh_stack);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rbx = 16 * MIB + 8 * KIB;
	regs.rcx = 16 * MIB + 32 * KIB;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_TRUE(at_exception(&self->g, 3, 0, CODE_AT(4)));
	ASSERT_TRUE(at_exception(&self->g, 0, 0, CODE_AT(9)));
	EXPECT_EQ(2ull, self->e->count);
	vm_free(more, 64 * KIB);
}

TEST_F(events, interrupt_over_an_ept_violation)
{
	uint8_t *more = vm_alloc(64 * KIB);
	struct kvm_regs regs;

	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM enters the interrupt whether or not the guest takes it");
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 1, 0, 16 * MIB, 64 * KIB, more));
	guest_load(&self->g, interrupts);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	regs = vcpu_regs(&self->g.vcpu);
	regs.rsp = 16 * MIB + 8 * KIB;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_NMI, NULL));
	ASSERT_EQ(0, queue_irq(&self->g.vcpu, IRQ_VECTOR));
	ASSERT_TRUE(at_exception(&self->g, 2, 0, CODE_AT(3)));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ((uint64_t)IRQ_VECTOR, self->e->vector);
	vm_free(more, 64 * KIB);
}

/* Nothing can be emulated in the middle of a delivery. */
TEST_F(events, delivery_over_mmio_is_an_error)
{
	struct kvm_vcpu_events none = {};
	struct kvm_regs regs;

	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM tries to emulate what the event interrupted");
	for (int round = 0; round < 2; round++) {
		guest_load(&self->g, fresh_stack);
		regs = vcpu_regs(&self->g.vcpu);
		regs.rbx = 0x50000000;
		vcpu_set_regs(&self->g.vcpu, &regs);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_INTERNAL_ERROR));
		EXPECT_EQ(3u, self->run->internal.suberror);
		EXPECT_EQ(CODE_AT(3), vcpu_regs(&self->g.vcpu).rip);
		guest_set_mode(&self->g.vcpu, MODE_LONG);
		ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &none));
	}
}

/* #AC in user mode is the guest's own affair. */
GUEST_CODE_BLOB(alignment, 64,
	"push $0x33\n push $0x3f000\n push $0x40202\n push $0x2b\n lea 1f(%rip), %rax\n push %rax\n"
	"mov %cr0, %rax\n or $0x40000, %eax\n mov %rax, %cr0\n"
	"iretq\n"
	"1: mov 0x40001, %eax\n");

TEST_F(events, alignment_check)
{
	guest_load(&self->g, alignment);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ(17ull, self->e->vector);
	EXPECT_EQ(0ull, self->e->error);
}

/* Exceptions given by user space; bad ones are refused. */
TEST_F(events, set_vcpu_events)
{
	struct kvm_vcpu_events ev = {}, back;

	guest_load(&self->g, interrupts);
	ev.flags = 1u << 30;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ev.flags = 0;
	ev.exception.injected = 1;
	ev.exception.nr = 32;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ev.exception.nr = 2;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ev.exception.nr = 13;
	ev.exception.has_error_code = 1;
	ev.exception.error_code = 0x48;
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &back));
	EXPECT_EQ(1, back.exception.injected);
	EXPECT_EQ(13, back.exception.nr);
	ASSERT_TRUE(at_exception(&self->g, 13, 0x48, CODE_AT(0)));
}

static int enable_cap(struct vm *vm, uint32_t number)
{
	struct kvm_enable_cap cap = { .cap = number, .args = { 1 } };

	return vm_check_extension(vm->fd, number) == 1 ?
	       vm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap) : -ENOTTY;
}

/* Pending with its payload: CR2 or DR6 change when it is delivered, and not before. */
TEST_F(events, set_pending_exceptions)
{
	struct kvm_vcpu_events ev = {
		.flags = KVM_VCPUEVENT_VALID_PAYLOAD,
		.exception = { .pending = 1, .nr = 14, .has_error_code = 1, .error_code = 2 },
		.exception_has_payload = 1, .exception_payload = 0x123456789000,
	}, back;
	struct kvm_debugregs dbg;

	guest_load(&self->g, interrupts);
	EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ASSERT_EQ(0, enable_cap(&self->g.vm, KVM_CAP_EXCEPTION_PAYLOAD));
	ev.exception.nr = 32;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ev.exception.nr = 14;
	/* Pending wins. */
	ev.exception.injected = 1;
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &back));
	EXPECT_EQ(ev.flags, back.flags & ev.flags);
	EXPECT_EQ(1, back.exception.pending);
	EXPECT_EQ(0, back.exception.injected);
	EXPECT_EQ(1, back.exception_has_payload);
	EXPECT_EQ(ev.exception_payload, back.exception_payload);
	/* New registers drop it, and what is set again is there again. */
	guest_load(&self->g, interrupts);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &back));
	EXPECT_EQ(0, back.exception.pending);
	if (!vm_is_kvm(&self->g.vm))
		EXPECT_EQ(0, back.exception_has_payload);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	EXPECT_EQ(0ull, vcpu_sregs(&self->g.vcpu).cr2);
	/* KVM 6.1 and 6.12 bring no payload but that of #DB. */
	ASSERT_TRUE(at_exception(&self->g, 14, 2, CODE_AT(0)));
	if (!vm_is_kvm(&self->g.vm))
		EXPECT_EQ(ev.exception_payload, self->e->cr2);

	ev.exception = (typeof(ev.exception)) { .pending = 1, .nr = 1 };
	ev.exception_payload = 0x4002;
	guest_set_mode(&self->g.vcpu, MODE_LONG);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_DEBUGREGS, &dbg));
	EXPECT_EQ(0ull, dbg.dr6 & 0x400f);
	ASSERT_TRUE(at_exception(&self->g, 1, 0, CODE_AT(0)));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_DEBUGREGS, &dbg));
	EXPECT_EQ(0x4002ull, dbg.dr6 & 0x400f);
	/* Once delivered it is neither. */
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &back));
	EXPECT_EQ(0, back.exception.pending | back.exception.injected);
	EXPECT_EQ(0, back.exception_has_payload);
}

TEST_F(events, set_a_triple_fault)
{
	struct kvm_vcpu_events ev = {
		.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT, .triple_fault.pending = 1,
	}, back;

	guest_load(&self->g, interrupts);
	EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ASSERT_EQ(0, enable_cap(&self->g.vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &back));
	EXPECT_EQ(ev.flags, back.flags & ev.flags);
	EXPECT_EQ(0, back.triple_fault.pending);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &back));
	EXPECT_EQ(1, back.triple_fault.pending);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_SHUTDOWN));
	/* It is taken back as well as set. */
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ev.triple_fault.pending = 0;
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &ev));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
}

/* Bad guest state: the entry fails, and the vCPU can be repaired. */
TEST_F(events, failed_entry)
{
	struct kvm_sregs s = vcpu_sregs(&self->g.vcpu), bad;

	guest_load(&self->g, interrupts);
	bad = s;
	bad.tr.type = 9;	/* not busy */
	ASSERT_EQ(0, vcpu_set_sregs(&self->g.vcpu, &bad));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_FAIL_ENTRY));
	EXPECT_EQ(0x80000021ull, self->run->fail_entry.hardware_entry_failure_reason);
	ASSERT_EQ(0, vcpu_set_sregs(&self->g.vcpu, &s));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
}

SLAT_TEST_MAIN
