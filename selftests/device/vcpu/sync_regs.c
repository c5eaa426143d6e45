// SPDX-License-Identifier: GPL-2.0
/*
 * Registers that travel otherwise than with their first ioctl: in kvm_run
 * (KVM_CAP_SYNC_REGS), and with the PDPTEs (KVM_CAP_SREGS2).
 */
#include "test.h"

#define ALL	KVM_SYNC_X86_VALID_FIELDS
#define PDPTRS	KVM_SREGS2_FLAGS_PDPTRS_VALID

FIXTURE(sync) {
	struct guest g;
	struct vcpu *vcpu;
	struct kvm_run *run;
	struct kvm_sync_regs *regs;
};

GUEST_CODE_BLOB(count, 64, "1: inc %rbx\n hlt\n jmp 1b\n");

FIXTURE_SETUP(sync)
{
	guest_start(&self->g, MODE_LONG, count);
	self->vcpu = &self->g.vcpu;
	self->run = self->vcpu->run;
	self->regs = &self->run->s.regs;
}

FIXTURE_TEARDOWN(sync)
{
	guest_destroy(&self->g);
}

TEST_F(sync, capability)
{
	EXPECT_EQ((int)ALL, vm_check_extension(self->g.vm.fd, KVM_CAP_SYNC_REGS));
	EXPECT_EQ(1, vm_check_extension(self->g.vm.fd, KVM_CAP_SREGS2));
}

/* KVM of 6.12 does not look at the upper half. */
TEST_F(sync, unknown_fields)
{
	self->run->kvm_valid_regs = 1ull << 3;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	self->run->kvm_valid_regs = 1ull << 31 | ALL;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	self->run->kvm_valid_regs = 0;
	self->run->kvm_dirty_regs = 1ull << 4;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	self->run->kvm_dirty_regs = 0;
	EXPECT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
}

TEST_F(sync, what_is_asked_for_is_stored)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	self->run->kvm_valid_regs = ALL;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(self->vcpu);
	sregs = vcpu_sregs(self->vcpu);
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, memcmp(&regs, &self->regs->regs, sizeof(regs)));
	EXPECT_EQ(0, memcmp(&sregs, &self->regs->sregs, sizeof(sregs)));
	EXPECT_EQ(0, memcmp(&events, &self->regs->events, sizeof(events)));
	self->run->kvm_valid_regs = KVM_SYNC_X86_SREGS;
	self->regs->regs.rbx = 0x1234;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x1234ull, self->regs->regs.rbx);
	EXPECT_EQ(2ull, vcpu_regs(self->vcpu).rbx);
}

TEST_F(sync, what_is_dirty_is_taken)
{
	self->run->kvm_valid_regs = ALL;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	self->regs->regs.rbx = 100;
	self->regs->sregs.cr2 = 0xabc;
	self->regs->sregs.cr8 = 7;
	self->run->cr8 = 5;
	self->regs->events.nmi.masked = 1;
	self->run->kvm_dirty_regs = ALL;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0ull, self->run->kvm_dirty_regs);
	EXPECT_EQ(101ull, self->regs->regs.rbx);
	EXPECT_EQ(101ull, vcpu_regs(self->vcpu).rbx);
	EXPECT_EQ(0xabcull, vcpu_sregs(self->vcpu).cr2);
	/* the TPR has a field of its own, which wins */
	EXPECT_EQ(5ull, vcpu_sregs(self->vcpu).cr8);
	EXPECT_EQ(1, self->regs->events.nmi.masked);
}

TEST_F(sync, bad_values_are_refused)
{
	self->run->kvm_valid_regs = ALL;
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	self->regs->regs.rbx = 50;
	self->regs->sregs.cr0 = 1ull << 31;
	self->run->kvm_dirty_regs = ALL;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	/* the general registers went before */
	EXPECT_EQ((uint64_t)(KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS),
		  self->run->kvm_dirty_regs);
	EXPECT_EQ(50ull, vcpu_regs(self->vcpu).rbx);
	self->regs->sregs = vcpu_sregs(self->vcpu);
	self->regs->events.flags = 1u << 31;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	EXPECT_EQ((uint64_t)KVM_SYNC_X86_EVENTS, self->run->kvm_dirty_regs);
	self->regs->events.flags = 0;
	EXPECT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(51ull, self->regs->regs.rbx);
}

/* Another thread writes the page all the time: whatever is taken was checked. */
static void *scribble(void *arg)
{
	volatile struct kvm_run *run = arg;

	for (unsigned int i = 0; !run->padding1[0]; i++) {
		run->kvm_dirty_regs = i & 8 ? ALL : 1ull << 20;
		run->s.regs.sregs.cr0 = i & 1 ? 0x80000000 : 0x80000033;
		run->s.regs.sregs.cr4 = i & 2 ? ~0ull : 0x620;
		run->s.regs.events.exception.nr = i;
		run->s.regs.events.exception.injected = i & 4;
		run->s.regs.events.flags = i & 16 ? 0 : ~0u;
	}
	return NULL;
}

TEST_F_TIMEOUT(sync, page_written_meanwhile, LONG_TIMEOUT)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, self->run));
	for (int i = 0; i < 2000; i++) {
		int ret = vcpu_run(self->vcpu);

		ASSERT_TRUE(!ret || ret == -EINVAL) TH_LOG("KVM_RUN returns %d", ret);
		if (self->run->exit_reason == KVM_EXIT_SHUTDOWN ||
		    self->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
			guest_set_mode(self->vcpu, MODE_LONG);
	}
	self->run->padding1[0] = 1;
	pthread_join(thread, NULL);
}

static struct kvm_sregs2 get_sregs2(struct vcpu *vcpu)
{
	struct kvm_sregs2 sregs2;

	memset(&sregs2, 0xff, sizeof(sregs2));
	vm_must(vm_ioctl(vcpu->fd, KVM_GET_SREGS2, &sregs2), "KVM_GET_SREGS2");
	return sregs2;
}

TEST_F(sync, sregs2_in_long_mode)
{
	struct kvm_sregs2 sregs2 = get_sregs2(self->vcpu), back;
	struct kvm_sregs sregs = vcpu_sregs(self->vcpu);

	EXPECT_EQ(0, memcmp(&sregs, &sregs2, offsetof(struct kvm_sregs, interrupt_bitmap)));
	EXPECT_EQ(0ull, sregs2.flags);
	EXPECT_EQ(0ull, sregs2.pdptrs[0]);
	sregs2.cr2 = 0x5000;
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_SREGS2, &sregs2));
	back = get_sregs2(self->vcpu);
	EXPECT_EQ(0, memcmp(&sregs2, &back, sizeof(back)));
	sregs2.flags = PDPTRS;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_SREGS2, &sregs2));
	sregs2.flags = 2;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_SREGS2, &sregs2));
	sregs2.flags = 0;
	sregs2.cr0 = 1ull << 31;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_SREGS2, &sregs2));
}

GUEST_CODE_BLOB(load32, 32, "mov 0x40000000, %eax\n hlt\n");

/* The PDPTEs given count, whatever is in memory by now. */
TEST_F(sync, sregs2_brings_pdptes)
{
	struct kvm_sregs2 sregs2;
	uint64_t *pdpt;

	guest_destroy(&self->g);
	guest_start(&self->g, MODE_PAE, load32);
	sregs2 = get_sregs2(self->vcpu);
	pdpt = guest_u64(&self->g, GUEST_PAE_PDPT);
	EXPECT_EQ((uint64_t)PDPTRS, sregs2.flags);
	EXPECT_EQ(0, memcmp(pdpt, sregs2.pdptrs, sizeof(sregs2.pdptrs)));
	sregs2.pdptrs[1] = sregs2.pdptrs[0];
	memset(pdpt, 0, sizeof(sregs2.pdptrs));
	*(uint32_t *)self->g.ram = 0xcafe;
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_SREGS2, &sregs2));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0xcafeull, vcpu_regs(self->vcpu).rax);
	EXPECT_EQ(sregs2.pdptrs[0], get_sregs2(self->vcpu).pdptrs[1]);
}

SLAT_TEST_MAIN
