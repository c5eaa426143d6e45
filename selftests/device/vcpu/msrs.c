// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that are kept for the guest: those that QEMU restores on every reset and
 * after a migration, what each refuses, and the machine-check banks.
 */
#include "test.h"

#define MCG_CAP		0x179
#define MCG_STATUS	0x17a
#define MCG_CTL		0x17b
#define MISC_ENABLE	0x1a0
#define MC_CTL(bank)	(0x400 + 4 * (bank))
#define MC_STATUS(bank)	(0x401 + 4 * (bank))
#define MC_ADDR(bank)	(0x402 + 4 * (bank))
#define MC_MISC(bank)	(0x403 + 4 * (bank))

#define MCG_CTL_P	(1ull << 8)
#define MCG_SER_P	(1ull << 24)
#define MCI_VAL		(1ull << 63)
#define MCI_OVER	(1ull << 62)
#define MCI_UC		(1ull << 61)
#define MCI_S		(1ull << 56)
#define MCIP		(1ull << 2)

#define CR4_MCE		(1ul << 6)
#define VECTOR_MC	18

FIXTURE(msr) {
	struct guest g;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

GUEST_CODE_BLOB(rdmsr, 64, "rdmsr\n hlt\n");
GUEST_CODE_BLOB(wrmsr, 64, "wrmsr\n hlt\n");

FIXTURE_SETUP(msr)
{
	guest_start(&self->g, MODE_LONG, rdmsr);
	self->vcpu = &self->g.vcpu;
	self->run = self->vcpu->run;
}

FIXTURE_TEARDOWN(msr)
{
	guest_destroy(&self->g);
}

/* Run RDMSR or WRMSR in the guest: 0, or -1 where it got #GP. */
static int guest_rdmsr(struct guest *g, uint32_t index, uint64_t *value)
{
	struct kvm_regs regs;

	guest_load(g, rdmsr);
	regs = vcpu_regs(&g->vcpu);
	regs.rip = GUEST_CODE;
	regs.rcx = index;
	vcpu_set_regs(&g->vcpu, &regs);
	vm_must(vcpu_run(&g->vcpu), "KVM_RUN");
	if (g->vcpu.run->exit_reason != KVM_EXIT_HLT)
		return -1;
	regs = vcpu_regs(&g->vcpu);
	*value = regs.rdx << 32 | (uint32_t)regs.rax;
	return 0;
}

static int guest_wrmsr(struct guest *g, uint32_t index, uint64_t value)
{
	struct kvm_regs regs;

	guest_load(g, wrmsr);
	regs = vcpu_regs(&g->vcpu);
	regs.rip = GUEST_CODE;
	regs.rcx = index;
	regs.rax = (uint32_t)value;
	regs.rdx = value >> 32;
	vcpu_set_regs(&g->vcpu, &regs);
	vm_must(vcpu_run(&g->vcpu), "KVM_RUN");
	return g->vcpu.run->exit_reason == KVM_EXIT_HLT ? 0 : -1;
}

/* Debian's QEMU 7.2 gives up unless each of these is taken, in this order. */
TEST_F(msr, that_qemu_resets)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x174, 0x176 }, { 0x277, 0x277 }, { 0xc0000081, 0xc0000084 },
		{ 0xc0000102, 0xc0000102 }, { 0xc0010117, 0xc0010117 },
		{ 0x3b, 0x3b }, { 0x1a0, 0x1a0 }, { 0x34, 0x34 }, { 0x10, 0x12 },
		{ 0x4b564d02, 0x4b564d04 }, { 0x2ff, 0x2ff }, { 0x250, 0x250 },
		{ 0x258, 0x259 }, { 0x268, 0x26f }, { 0x200, 0x20f },
		{ MCG_STATUS, MCG_CTL }, { 0x400, 0x427 }, { 0x10a, 0x10a },
		{ 0x8b, 0x8b }, { 0x6e0, 0x6e0 }, { 0x3a, 0x3a },
	};
	uint64_t cap = 10 | MCG_CTL_P | MCG_SER_P, value;

	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_X86_SETUP_MCE, &cap));
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (uint32_t msr = ranges[i].first; msr <= ranges[i].last; msr++) {
			EXPECT_EQ(1, vcpu_get_msr(self->vcpu, msr, &value))
				TH_LOG("read of MSR 0x%x", msr);
			EXPECT_EQ(1, vcpu_set_msr(self->vcpu, msr, value))
				TH_LOG("MSR 0x%x = 0x%lx", msr, value);
			EXPECT_EQ(1, vcpu_set_msr(self->vcpu, msr, 0))
				TH_LOG("MSR 0x%x = 0", msr);
		}
	}
}

TEST_F(msr, keeps_what_it_is_given)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msrs[] = {
		{ 0x3a, 1 },			/* feature control: locked */
		{ 0x3b, 0x123456789ull },	/* TSC adjust */
		{ 0x8b, 0x4200000000ull },	/* microcode */
		{ 0x1fc, 3 },			/* power control */
		{ 0x200, 0xc0000000 }, { 0x201, 0xfc0000800ull },
		{ 0x20e, 0x100000006ull }, { 0x20f, 0xf00000800ull },
		{ 0x250, 0x0606060606060606ull }, { 0x258, 0x0505050505050505ull },
		{ 0x259, 0 }, { 0x268, 0x0101010101010101ull },
		{ 0x26f, 0x0404040404040404ull },
		{ 0x2ff, 0xc06 }, { 0x277, 0x0007010600070106ull },
		{ MISC_ENABLE, 0x1801 }, { MCG_STATUS, 5 },
		{ MC_STATUS(3), MCI_VAL | 0x150 }, { MC_ADDR(3), 0x12345000 },
		{ MC_MISC(31), 0x86 }, { MC_CTL(3), ~0ull }, { MC_CTL(3), 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t value = ~msrs[i].value;

		EXPECT_EQ(1, vcpu_set_msr(self->vcpu, msrs[i].index, msrs[i].value))
			TH_LOG("MSR 0x%x", msrs[i].index);
		EXPECT_EQ(1, vcpu_get_msr(self->vcpu, msrs[i].index, &value));
		EXPECT_EQ(msrs[i].value, value) TH_LOG("MSR 0x%x", msrs[i].index);
	}
}

TEST_F(msr, refuses_what_is_reserved)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msrs[] = {
		{ 0x200, 2 }, { 0x200, 0x100 }, { 0x200, 1ull << 60 },
		{ 0x201, 0x400 }, { 0x201, 1ull << 60 },
		{ 0x250, 0x02 }, { 0x268, 7ull << 56 }, { 0x2ff, 2 }, { 0x2ff, 0x100 },
		{ 0x277, 2 }, { 0x277, 3ull << 56 }, { 0x3a, 1 << 3 },
		{ MCG_CAP, 1 }, { MCG_CTL, 5 }, { MC_CTL(0), 1 },
		{ 0xfe, 0 },		/* MTRRcap is read-only */
	};

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		EXPECT_EQ(0, vcpu_set_msr(self->vcpu, msrs[i].index, msrs[i].value))
			TH_LOG("MSR 0x%x = 0x%lx", msrs[i].index, msrs[i].value);
	}
}

/* KVM leaves it to the processor, and asks that only in long mode with SYSCALL. */
TEST_F(msr, fmask_has_32_bits)
{
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, 0xc0000084, 0xffffffff));
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM keeps what the processor would refuse");
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0xc0000084, 1ull << 32));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, 0xc0000084, ~0ull));
}

/* Read by systems that do not ask CPUID first. */
TEST_F(msr, of_a_model_read_as_constants)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msrs[] = {
		{ 0x0, 0 }, { 0x17, 0 }, { 0x2a, 0 }, { 0x2c, 1 << 24 }, { 0xcd, 3 },
		{ 0xfe, 0x508 }, { 0x198, 1000 | 4ull << 40 }, { 0x199, 0 }, { 0x1db, 0 },
		{ 0x606, 0 }, { 0x611, 0 },
	};
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		EXPECT_EQ(0, guest_rdmsr(&self->g, msrs[i].index, &value))
			TH_LOG("MSR 0x%x", msrs[i].index);
		EXPECT_EQ(msrs[i].value, value) TH_LOG("MSR 0x%x", msrs[i].index);
	}
	EXPECT_EQ(-1, guest_rdmsr(&self->g, 0xdeadbeef, &value));
	EXPECT_EQ(-1, guest_wrmsr(&self->g, 0xdeadbeef, 0));
	EXPECT_EQ(-1, guest_wrmsr(&self->g, 0xfe, 0x508));
}

/* 6.1's KVM takes bit 24 not yet. */
TEST_F(msr, hwcr_of_another_vendor)
{
	const uint64_t ignored = 1 << 3 | 1 << 6 | 1 << 8;
	uint64_t value;

	ASSERT_EQ(1, vcpu_get_msr(self->vcpu, 0xc0010015, &value));
	EXPECT_EQ(0ull, value);
	for (int bit = 0; bit < 64; bit++) {
		uint64_t data = 1ull << bit;
		bool taken = data & (ignored | 1 << 18);

		if (bit == 24)
			continue;
		EXPECT_EQ(taken, vcpu_set_msr(self->vcpu, 0xc0010015, data)) TH_LOG("bit %d", bit);
		ASSERT_EQ(1, vcpu_get_msr(self->vcpu, 0xc0010015, &value));
		/* What was refused leaves the last value that was not. */
		EXPECT_EQ(bit < 18 ? 0ull : 1ull << 18, value) TH_LOG("bit %d", bit);
	}
	EXPECT_EQ(0, guest_wrmsr(&self->g, 0xc0010015, ignored | 1 << 18));
	ASSERT_EQ(0, guest_rdmsr(&self->g, 0xc0010015, &value));
	EXPECT_EQ(1ull << 18, value);
	EXPECT_EQ(-1, guest_wrmsr(&self->g, 0xc0010015, 1));
}

TEST_F(msr, misc_enable_of_the_guest)
{
	uint64_t before, value;

	ASSERT_EQ(0, guest_rdmsr(&self->g, MISC_ENABLE, &before));
	/* no branch trace store, no PEBS: read-only */
	EXPECT_EQ(-1, guest_wrmsr(&self->g, MISC_ENABLE, before ^ 1 << 11));
	EXPECT_EQ(-1, guest_wrmsr(&self->g, MISC_ENABLE, before ^ 1 << 12));
	EXPECT_EQ(0, guest_wrmsr(&self->g, MISC_ENABLE, before | 1));
	ASSERT_EQ(0, guest_rdmsr(&self->g, MISC_ENABLE, &value));
	EXPECT_EQ(before | 1, value);
}

/* Branch records are asked for by systems that get none. */
TEST_F(msr, debugctl_without_branch_records)
{
	uint64_t value;

	EXPECT_EQ(0, guest_wrmsr(&self->g, 0x1d9, 1));
	ASSERT_EQ(0, guest_rdmsr(&self->g, 0x1d9, &value));
	EXPECT_EQ(0ull, value);
	EXPECT_EQ(-1, guest_wrmsr(&self->g, 0x1d9, 1 << 6));
}

TEST_F(msr, feature_control_is_locked_by_the_guest)
{
	uint64_t value;

	ASSERT_EQ(0, guest_wrmsr(&self->g, 0x3a, 1));
	EXPECT_EQ(-1, guest_wrmsr(&self->g, 0x3a, 0));
	ASSERT_EQ(0, guest_rdmsr(&self->g, 0x3a, &value));
	EXPECT_EQ(1ull, value);
	EXPECT_EQ(1, vcpu_set_msr(self->vcpu, 0x3a, 0));
}

static int setup_mce(struct vcpu *vcpu, uint64_t cap)
{
	return vm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap);
}

TEST_F(msr, mce_setup)
{
	uint64_t value;

	EXPECT_EQ(-EINVAL, setup_mce(self->vcpu, 0));
	EXPECT_EQ(-EINVAL, setup_mce(self->vcpu, 33));
	EXPECT_EQ(-EINVAL, setup_mce(self->vcpu, 10 | 1ull << 9));
	EXPECT_EQ(-EINVAL, setup_mce(self->vcpu, 10 | 1ull << 40));
	ASSERT_EQ(0, setup_mce(self->vcpu, 10 | MCG_CTL_P | MCG_SER_P));
	ASSERT_EQ(0, guest_rdmsr(&self->g, MCG_CAP, &value));
	EXPECT_EQ(10 | MCG_CTL_P | MCG_SER_P, value);
	ASSERT_EQ(0, guest_rdmsr(&self->g, MCG_CTL, &value));
	EXPECT_EQ(~0ull, value);
	ASSERT_EQ(0, guest_rdmsr(&self->g, MC_CTL(9), &value));
	EXPECT_EQ(~0ull, value);
	EXPECT_EQ(-1, guest_rdmsr(&self->g, MC_CTL(10), &value));
	EXPECT_EQ(0, vcpu_get_msr(self->vcpu, MC_CTL(10), &value));
	EXPECT_EQ(0, guest_wrmsr(&self->g, MC_STATUS(0), 0));
	EXPECT_EQ(-1, guest_wrmsr(&self->g, MC_STATUS(0), 1));
	/* without MCG_CTL_P the MSR is not there */
	ASSERT_EQ(0, setup_mce(self->vcpu, 1));
	EXPECT_EQ(-1, guest_rdmsr(&self->g, MCG_CTL, &value));
	EXPECT_EQ(1, vcpu_get_msr(self->vcpu, MCG_CTL, &value));
}

static int report(struct vcpu *vcpu, uint8_t bank, uint64_t status, uint64_t mcg_status)
{
	struct kvm_x86_mce mce = {
		.bank = bank, .status = status, .addr = 0x1000 + bank, .misc = 0x86,
		.mcg_status = mcg_status,
	};

	return vm_ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce);
}

TEST_F(msr, mce_corrected_errors_are_logged)
{
	uint64_t value;

	ASSERT_EQ(0, setup_mce(self->vcpu, 10 | MCG_CTL_P));
	EXPECT_EQ(-EINVAL, report(self->vcpu, 10, MCI_VAL, 0));
	EXPECT_EQ(-EINVAL, report(self->vcpu, 255, MCI_VAL, 0));
	EXPECT_EQ(-EINVAL, report(self->vcpu, 2, 0x150, 0));
	ASSERT_EQ(0, report(self->vcpu, 2, MCI_VAL | 0x150, 0));
	ASSERT_EQ(0, guest_rdmsr(&self->g, MC_STATUS(2), &value));
	EXPECT_EQ(MCI_VAL | 0x150, value);
	ASSERT_EQ(0, guest_rdmsr(&self->g, MC_ADDR(2), &value));
	EXPECT_EQ(0x1002ull, value);
	ASSERT_EQ(0, report(self->vcpu, 2, MCI_VAL | 0x151, 0));
	ASSERT_EQ(0, guest_rdmsr(&self->g, MC_STATUS(2), &value));
	EXPECT_EQ(MCI_VAL | MCI_OVER | 0x151, value);
}

TEST_F(msr, mce_uncorrected_error_raises_mc)
{
	struct kvm_sregs sregs = vcpu_sregs(self->vcpu);
	uint64_t value;

	sregs.cr4 |= CR4_MCE;
	ASSERT_EQ(0, vcpu_set_sregs(self->vcpu, &sregs));
	ASSERT_EQ(0, setup_mce(self->vcpu, 10 | MCG_CTL_P | MCG_SER_P));
	guest_load(&self->g, rdmsr);
	ASSERT_EQ(0, report(self->vcpu, 1, MCI_VAL | MCI_UC | MCI_S | 0x150, MCIP));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_IO));
	ASSERT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ((uint64_t)VECTOR_MC, guest_exception(&self->g)->vector);
	ASSERT_EQ(1, vcpu_get_msr(self->vcpu, MCG_STATUS, &value));
	EXPECT_EQ(MCIP, value);
	/* a second one while the first is in progress */
	ASSERT_EQ(0, report(self->vcpu, 1, MCI_VAL | MCI_UC | MCI_S | 0x150, MCIP));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_SHUTDOWN));
}

TEST_F(msr, mce_without_cr4_mce_is_shutdown)
{
	ASSERT_EQ(0, setup_mce(self->vcpu, 10 | MCG_CTL_P));
	ASSERT_EQ(0, report(self->vcpu, 1, MCI_VAL | MCI_UC | MCI_S, MCIP));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_SHUTDOWN));
}

/* A bank, or all of them, with reporting turned off. */
TEST_F(msr, mce_reporting_can_be_off)
{
	uint64_t value;

	ASSERT_EQ(0, setup_mce(self->vcpu, 10 | MCG_CTL_P));
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MC_CTL(1), 0));
	ASSERT_EQ(0, report(self->vcpu, 1, MCI_VAL | MCI_UC | MCI_S, MCIP));
	ASSERT_EQ(1, vcpu_set_msr(self->vcpu, MCG_CTL, 0));
	ASSERT_EQ(0, report(self->vcpu, 2, MCI_VAL | MCI_UC | MCI_S, MCIP));
	ASSERT_EQ(1, vcpu_get_msr(self->vcpu, MC_STATUS(1), &value));
	EXPECT_EQ(0ull, value);
	/* an uncorrected one that needs no action is logged all the same */
	ASSERT_EQ(0, report(self->vcpu, 1, MCI_VAL | MCI_UC | 0x150, 0));
	ASSERT_EQ(0, guest_rdmsr(&self->g, MC_STATUS(1), &value));
	EXPECT_EQ(MCI_VAL | MCI_UC | 0x150, value);
}

SLAT_TEST_MAIN
