// SPDX-License-Identifier: GPL-2.0
/*
 * SLAT_GET_LAST_ERROR of vCPUs' ioctls: each refusal has words of its own, says which
 * vCPU's call it was, and is recorded in the VM. KVM has no such call.
 */
#include "test.h"
#include "told.h"

#include <cpuid.h>
#include <sys/mman.h>

#include "../../../module/abi.h"

#define SLOT	1
#define GPA	0x10000000ul

GUEST_CODE_BLOB(halt, 32, "hlt\n");

FIXTURE(vcpu_error) {
	struct guest g;
	uint64_t *mem;
	int fd;
};

FIXTURE_SETUP(vcpu_error)
{
	probe_init(&self->g);
	self->mem = vm_alloc(PAGE_SIZE);
	self->fd = self->g.vm.fd;
}

FIXTURE_TEARDOWN(vcpu_error)
{
	guest_destroy(&self->g);
	vm_free(self->mem, PAGE_SIZE);
}

/* What the processor must have. */
enum need { NOTHING, XSAVE, AVX, X2APIC };

static bool is_there(int dev, enum need need)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(dev);
	struct kvm_cpuid_entry2 *one = cpuid_find(cpuid, 1, 0);
	bool there = need == NOTHING || (need == XSAVE && one->ecx & bit_XSAVE) ||
		     (need == AVX && one->ecx & bit_AVX) ||
		     (need == X2APIC && one->ecx & 1u << 21);

	free(cpuid);
	return there;
}

/* A field of a structure, to be overwritten. */
struct patch {
	size_t at;
	size_t size;
	uint64_t value;
};

#define FIELD(type, field, value) \
	{ offsetof(struct type, field), sizeof(((struct type *)0)->field), value }

/*
 * State as @get gives it (0: all zeroes), changed at one or two places, given to @set.
 * The guest is in long mode and has not run.
 */
static const struct bad_state {
	unsigned long get, set;
	struct patch patch[2];
	enum need need;
	struct told told;
} bad_state[] = {
#define SREGS	KVM_GET_SREGS, KVM_SET_SREGS
	{ SREGS, { FIELD(kvm_sregs, cr0, 1ull << 32) }, NOTHING,
	  { EINVAL, SLAT_CHECK_CR0, 1ull << 32, 0, "CR0 0x100000000: expected 32 bits" } },
	{ SREGS, { FIELD(kvm_sregs, cr0, 0x80000000) }, NOTHING,
	  { EINVAL, SLAT_CHECK_CR0, 0x80000000, 0, "PG with PE alone" } },
	{ SREGS, { FIELD(kvm_sregs, cr4, 1ull << 40) }, NOTHING,
	  { EINVAL, SLAT_CHECK_CR4, 1ull << 40, ANY, "CR4 0x10000000000: expected none but 0x" } },
	{ SREGS, { FIELD(kvm_sregs, efer, 1ull << 63) }, NOTHING,
	  { EINVAL, SLAT_CHECK_EFER, 1ull << 63, ANY, "EFER 0x8000000000000000: expected none" } },
	{ SREGS, { FIELD(kvm_sregs, cr8, 16) }, NOTHING,
	  { EINVAL, SLAT_CHECK_CR8, 16, 15, "cr8 0x10: expected at most 0xf" } },
	{ SREGS, { FIELD(kvm_sregs, efer, EFER_LME) }, NOTHING,
	  { EINVAL, SLAT_CHECK_LONG_MODE, EFER_LME, ANY, "EFER 0x100 with CR0 0x8" } },
	{ SREGS, { FIELD(kvm_sregs, efer, 0) }, NOTHING,
	  { EINVAL, SLAT_CHECK_CS, 1, 0, "CS.L 1, CS.D 0: expected L in long mode alone" } },
	{ SREGS, { FIELD(kvm_sregs, cs.db, 1) }, NOTHING,
	  { EINVAL, SLAT_CHECK_CS, 1, 1, "CS.L 1, CS.D 1: expected L in long mode alone" } },
	{ SREGS, { FIELD(kvm_sregs, cr4, 0) }, NOTHING,
	  { EINVAL, SLAT_CHECK_PAE, 0, CR4_PAE, "CR4 0x0: expected PAE, 0x20, in long" } },
	{ SREGS, { FIELD(kvm_sregs, cr3, 1ull << 60) }, NOTHING,
	  { EINVAL, SLAT_CHECK_CR3, 1ull << 60, ANY, "CR3 0x1000000000000000: expected an" } },
	{ SREGS, { FIELD(kvm_sregs, apic_base, 1) }, NOTHING,
	  { EINVAL, SLAT_CHECK_APIC_BASE, 1, ANY, "apic_base 0x1: expected none of 0x" } },
	{ SREGS, { FIELD(kvm_sregs, apic_base, 0x400) }, X2APIC,
	  { EINVAL, SLAT_CHECK_APIC_MODE, 0x400, 0x800, "apic_base 0x400: expected x2APIC" } },
#define SREGS2	KVM_GET_SREGS2, KVM_SET_SREGS2
	{ SREGS2, { FIELD(kvm_sregs2, flags, 2) }, NOTHING,
	  { EINVAL, SLAT_CHECK_FLAGS, 2, 1, "flags 0x2: expected none but 0x1" } },
	{ SREGS2, { FIELD(kvm_sregs2, flags, 1) }, NOTHING,
	  { EINVAL, SLAT_CHECK_PDPTRS, 1, 0, "flags 0x1: expected PDPTEs with PAE" } },
#define EVENTS	KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS
	{ EVENTS, { FIELD(kvm_vcpu_events, flags, 1u << 31) }, NOTHING,
	  { EINVAL, SLAT_CHECK_FLAGS, 1u << 31, ANY, "flags 0x80000000: expected none but" } },
	{ EVENTS, { FIELD(kvm_vcpu_events, exception.injected, 1),
		    FIELD(kvm_vcpu_events, exception.nr, 2) }, NOTHING,
	  { EINVAL, SLAT_CHECK_EXCEPTION, 2, 31, "exception 2: expected at most 31, and not" } },
	{ EVENTS, { FIELD(kvm_vcpu_events, exception.injected, 1),
		    FIELD(kvm_vcpu_events, exception.nr, 32) }, NOTHING,
	  { EINVAL, SLAT_CHECK_EXCEPTION, 32, 31, "exception 32: expected at most 31" } },
	{ EVENTS, { FIELD(kvm_vcpu_events, flags, KVM_VCPUEVENT_VALID_SMM),
		    FIELD(kvm_vcpu_events, smi.smm, 1) }, NOTHING,
	  { EINVAL, SLAT_CHECK_SMM, KVM_VCPUEVENT_VALID_SMM, 0, "expected no state of SMM" } },
#define DEBUGREGS KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS
	{ DEBUGREGS, { FIELD(kvm_debugregs, flags, 1) }, NOTHING,
	  { EINVAL, SLAT_CHECK_FLAGS, 1, 0, "flags 0x1: expected none" } },
	{ DEBUGREGS, { FIELD(kvm_debugregs, dr6, 1ull << 32) }, NOTHING,
	  { EINVAL, SLAT_CHECK_DR, 1ull << 32, ANY, "DR6 0x100000000, DR7 0x4" } },
	{ DEBUGREGS, { FIELD(kvm_debugregs, dr7, 1ull << 33) }, NOTHING,
	  { EINVAL, SLAT_CHECK_DR, ANY, 1ull << 33, "DR7 0x200000000: expected 32 bits" } },
#define XCRS	KVM_GET_XCRS, KVM_SET_XCRS
	{ XCRS, { FIELD(kvm_xcrs, nr_xcrs, 17) }, XSAVE,
	  { EINVAL, SLAT_CHECK_MANY_ENTRIES, 17, 16, "17 entries: expected at most 16" } },
	{ XCRS, { FIELD(kvm_xcrs, flags, 1) }, XSAVE,
	  { EINVAL, SLAT_CHECK_FLAGS, 1, 0, "flags 0x1: expected none" } },
	{ XCRS, { FIELD(kvm_xcrs, xcrs[0].value, 2) }, XSAVE,
	  { EINVAL, SLAT_CHECK_XCR0, 2, ANY, "XCR0 0x2: expected bit 0, and none but" } },
	{ XCRS, { FIELD(kvm_xcrs, xcrs[0].value, 5) }, AVX,
	  { EINVAL, SLAT_CHECK_XCR0_STATES, 5, 0, "XCR0 0x5: expected AVX with SSE" } },
	{ KVM_GET_XSAVE, KVM_SET_XSAVE, { { 512, 8, 1ull << 62 } }, XSAVE,
	  { EINVAL, SLAT_CHECK_XSAVE, 1ull << 62, ANY, "XSTATE_BV 0x4000000000000000: expected" } },
	{ KVM_GET_MP_STATE, KVM_SET_MP_STATE, { FIELD(kvm_mp_state, mp_state, 3) }, NOTHING,
	  { EINVAL, SLAT_CHECK_MP_STATE, 3, 0, "mp_state 3: expected 0, KVM_MP_STATE_RUN" } },
	{ 0, KVM_SET_GUEST_DEBUG, { FIELD(kvm_guest_debug, control, 1u << 30) }, NOTHING,
	  { EINVAL, SLAT_CHECK_FLAGS, 1u << 30, ANY, "flags 0x40000000: expected none but" } },
	{ 0, KVM_INTERRUPT, { FIELD(kvm_interrupt, irq, 256) }, NOTHING,
	  { EINVAL, SLAT_CHECK_VECTOR, 256, 255, "interrupt 256: expected a vector of at" } },
	{ 0, KVM_SET_SIGNAL_MASK, { FIELD(kvm_signal_mask, len, 4) }, NOTHING,
	  { EINVAL, SLAT_CHECK_SIGSET, 4, 8, "len 4: expected 8" } },
	{ 0, KVM_X86_SETUP_MCE, { { 0, 8, 0 } }, NOTHING,
	  { EINVAL, SLAT_CHECK_MCE_BANKS, 0, 32, "0 banks: expected 1 to 32" } },
	{ 0, KVM_X86_SETUP_MCE, { { 0, 8, 33 } }, NOTHING,
	  { EINVAL, SLAT_CHECK_MCE_BANKS, 33, 32, "33 banks: expected 1 to 32" } },
	{ 0, KVM_X86_SETUP_MCE, { { 0, 8, 1ull << 62 | 1 } }, NOTHING,
	  { EINVAL, SLAT_CHECK_MCE_CAP, 1ull << 62 | 1, ANY, "MCG_CAP 0x4000000000000001: exp" } },
	{ 0, KVM_X86_SET_MCE, { FIELD(kvm_x86_mce, bank, 200) }, NOTHING,
	  { EINVAL, SLAT_CHECK_MCE_BANK, 200, 31, "bank 200: expected at most 31" } },
	{ 0, KVM_X86_SET_MCE, { FIELD(kvm_x86_mce, status, 0x17) }, NOTHING,
	  { EINVAL, SLAT_CHECK_MCE_STATUS, 0x17, 1ull << 63, "status 0x17: expected VAL, 0x8" } },
	{ 0, KVM_GET_MSRS, { FIELD(kvm_msrs, nmsrs, 256) }, NOTHING,
	  { E2BIG, SLAT_CHECK_MANY_ENTRIES, 256, 255, "256 entries: expected at most 255" } },
	{ 0, KVM_SET_MSRS, { FIELD(kvm_msrs, nmsrs, 1000) }, NOTHING,
	  { E2BIG, SLAT_CHECK_MANY_ENTRIES, 1000, 255, "1000 entries: expected at most 255" } },
	{ 0, KVM_SET_CPUID2, { FIELD(kvm_cpuid2, nent, 100000) }, NOTHING,
	  { E2BIG, SLAT_CHECK_MANY_ENTRIES, 100000, ANY, "100000 entries: expected at most" } },
	{ 0, KVM_GET_CPUID2, { FIELD(kvm_cpuid2, nent, 1) }, NOTHING,
	  { E2BIG, SLAT_CHECK_FEW_ENTRIES, 1, ANY, "room for 1 entries: expected at least" } },
	{ 0, KVM_SET_CPUID2, { FIELD(kvm_cpuid2, nent, 0) }, NOTHING,
	  /* The guest has run once, see below. */
	  { EINVAL, SLAT_CHECK_CPUID_FIXED, 0, ANY, "0 entries: expected the guest's own" } },
	{ 0, KVM_CREATE_IRQCHIP, { { 0, 1, 0 } }, NOTHING,
	  { EINVAL, SLAT_CHECK_UNKNOWN_CALL, KVM_CREATE_IRQCHIP, 0, "there is no such call" } },
	{ 0, SLAT_GET_INFO, { { 0, 1, 0 } }, NOTHING,
	  { EINVAL, SLAT_CHECK_UNKNOWN_CALL, SLAT_GET_INFO, 0, "there is no such call" } },
};

static int give_bad(struct vcpu *vcpu, const struct bad_state *bad)
{
	static uint8_t arg[8192];

	memset(arg, 0, sizeof(arg));
	if (bad->get)
		vm_must(vm_ioctl(vcpu->fd, bad->get, arg), "GET");
	for (size_t i = 0; i < ARRAY_SIZE(bad->patch); i++)
		memcpy(arg + bad->patch[i].at, &bad->patch[i].value, bad->patch[i].size);
	return vm_ioctl(vcpu->fd, bad->set, arg);
}

TEST_F(vcpu_error, of_state)
{
	uint64_t serial = 0;

	SLAT_ONLY(&self->g.vm);
	/* CPUID is fixed from here on. */
	ASSERT_TRUE(probe_is_mmio(&self->g, GPA));
	for (size_t i = 0; i < ARRAY_SIZE(bad_state); i++) {
		const struct bad_state *bad = &bad_state[i];
		int ret;

		if (!is_there(self->g.vm.dev, bad->need))
			continue;
		ret = give_bad(&self->g.vcpu, bad);
		EXPECT_TRUE(is_told(self->fd, 0, ret, bad->set, &bad->told)) TH_LOG("row %zu", i);
		EXPECT_EQ(++serial, last_error(self->fd).serial);
	}
	/* Nothing was changed by any of them. */
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA));
	EXPECT_EQ(serial, last_error(self->fd).serial);
}

TEST_F(vcpu_error, of_numbers)
{
	static const struct told run = { EINVAL, SLAT_CHECK_RUN_ARG, 7, 0, "argument 0x7: expected 0" };
	static const struct told khz = { EINVAL, SLAT_CHECK_TSC_KHZ, 1, ANY, "1 kHz: expected the" };
	static const struct told memory = { ENOENT, SLAT_CHECK_NO_MEMORY, GPA, 0,
		"guest address 0x10000000: expected a slot there" };
	struct kvm_pre_fault_memory range = { .gpa = GPA, .size = PAGE_SIZE };
	int fd = self->g.vcpu.fd;

	SLAT_ONLY(&self->g.vm);
	EXPECT_TRUE(is_told(self->fd, 0, vm_ioctl(fd, KVM_PRE_FAULT_MEMORY, &range),
			    KVM_PRE_FAULT_MEMORY, &memory));
	EXPECT_TRUE(is_told(self->fd, 0, vm_ioctl_num(fd, KVM_RUN, 7), KVM_RUN, &run));
	EXPECT_TRUE(is_told(self->fd, 0, vm_ioctl_num(fd, KVM_SET_TSC_KHZ, 1), KVM_SET_TSC_KHZ,
			    &khz));
}

/* What a client writes into kvm_run. */
TEST_F(vcpu_error, of_the_run_page)
{
	static const struct told valid = { EINVAL, SLAT_CHECK_VALID_REGS, 1ull << 40, 7,
		"kvm_valid_regs 0x10000000000: expected none but 0x7" };
	static const struct told dirty = { EINVAL, SLAT_CHECK_DIRTY_REGS, 1ull << 41, 7,
		"kvm_dirty_regs 0x20000000000: expected none but 0x7" };
	static const struct told cr8 = { EINVAL, SLAT_CHECK_CR8, 0x20, 0xf, "cr8 0x20: expected" };
	static const struct told sregs = { EINVAL, SLAT_CHECK_CR0, 1ull << 35, 0,
		"CR0 0x800000000: expected 32 bits" };
	struct kvm_run *r = self->g.vcpu.run;

	SLAT_ONLY(&self->g.vm);
	r->kvm_valid_regs = 1ull << 40;
	EXPECT_TRUE(is_told(self->fd, 0, vcpu_run(&self->g.vcpu), KVM_RUN, &valid));
	r->kvm_valid_regs = 0;
	r->kvm_dirty_regs = 1ull << 41;
	EXPECT_TRUE(is_told(self->fd, 0, vcpu_run(&self->g.vcpu), KVM_RUN, &dirty));
	r->s.regs.sregs = vcpu_sregs(&self->g.vcpu);
	r->s.regs.sregs.cr0 = 1ull << 35;
	r->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	EXPECT_TRUE(is_told(self->fd, 0, vcpu_run(&self->g.vcpu), KVM_RUN, &sregs));
	r->kvm_dirty_regs = 0;
	r->cr8 = 0x20;
	EXPECT_TRUE(is_told(self->fd, 0, vcpu_run(&self->g.vcpu), KVM_RUN, &cr8));
}

/* The plainest question of all: why does KVM_RUN say EFAULT? */
TEST_F(vcpu_error, of_a_page_that_the_host_does_not_have)
{
	struct told told = { EFAULT, SLAT_CHECK_HOST_PAGE, GPA, (uintptr_t)self->mem,
		"guest address 0x10000000: expected the host to have a page at 0x" };
	struct kvm_regs regs;
	struct probe p;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, PAGE_SIZE, self->mem));
	ASSERT_EQ(0, mprotect(self->mem, PAGE_SIZE, PROT_NONE));
	/* Where the probe reads from, and with which registers. */
	ASSERT_EQ(0, probe_read(&self->g, GPA + PAGE_SIZE, &p));
	regs = vcpu_regs(&self->g.vcpu);
	regs.rip = GUEST_CODE;
	regs.rbx = GPA;
	vcpu_set_regs(&self->g.vcpu, &regs);
	EXPECT_TRUE(is_told(self->fd, 0, vcpu_run(&self->g.vcpu), KVM_RUN, &told));
	ASSERT_EQ(0, mprotect(self->mem, PAGE_SIZE, PROT_READ | PROT_WRITE));
}

TEST_F(vcpu_error, of_cpuid_before_the_guest_has_run)
{
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 entry; } cpuid = {
		.head.nent = 1, .entry = { .function = 0x80000008, .eax = 47 << 8 },
	};
	static const struct told told = { EINVAL, SLAT_CHECK_CPUID_WIDTH, 47, 0,
		"47 bits of linear addresses in leaf 0x80000008: expected 48 or 57" };
	int fd = self->g.vcpu.fd;

	SLAT_ONLY(&self->g.vm);
	EXPECT_TRUE(is_told(self->fd, 0, vm_ioctl(fd, KVM_SET_CPUID2, &cpuid), KVM_SET_CPUID2,
			    &told));
}

TEST_F(vcpu_error, of_pdptes)
{
	static const struct told told = { EINVAL, SLAT_CHECK_PDPTE, 7, ANY,
		"PDPTE 0x7: expected none of 0x" };
	struct guest *g = &self->g;
	struct kvm_sregs2 s;

	SLAT_ONLY(&self->g.vm);
	guest_destroy(g);
	guest_start(g, MODE_PAE, halt);
	ASSERT_EQ(0, vm_ioctl(g->vcpu.fd, KVM_GET_SREGS2, &s));
	ASSERT_EQ(1ull, s.flags);
	s.pdptrs[2] = 7;
	EXPECT_TRUE(is_told(g->vm.fd, 0, vm_ioctl(g->vcpu.fd, KVM_SET_SREGS2, &s), KVM_SET_SREGS2,
			    &told));
}

TEST_F(vcpu_error, of_an_exception_before_the_last_was_delivered)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP,
	};
	const struct told told = { EBUSY, SLAT_CHECK_DEBUG_BUSY, debug.control, 3,
		"expected no exception to inject while 3 is pending" };
	int fd = self->g.vcpu.fd;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, vm_ioctl(fd, KVM_SET_GUEST_DEBUG, &debug));
	EXPECT_TRUE(is_told(self->fd, 0, vm_ioctl(fd, KVM_SET_GUEST_DEBUG, &debug),
			    KVM_SET_GUEST_DEBUG, &told));
}

/* Which vCPU; and that a signal is no refusal, nor what another process may not call. */
TEST_F(vcpu_error, whose_and_what_is_none)
{
	static const struct told told = { EINVAL, SLAT_CHECK_MP_STATE, 5, 0, "vCPU 3: mp_state 5" };
	struct kvm_mp_state state = { .mp_state = 5 };
	struct vcpu other;
	uint64_t serial;

	SLAT_ONLY(&self->g.vm);
	guest_add_vcpu(&self->g, 3, MODE_LONG, &other);
	EXPECT_TRUE(is_told(self->fd, 3, vm_ioctl(other.fd, KVM_SET_MP_STATE, &state),
			    KVM_SET_MP_STATE, &told));
	serial = last_error(self->fd).serial;
	self->g.vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->g.vcpu));
	self->g.vcpu.run->immediate_exit = 0;
	EXPECT_EQ(serial, last_error(self->fd).serial);
	/* What said nothing but its errno does not repeat the words of the last. */
	EXPECT_EQ(-EFAULT, vm_ioctl(other.fd, KVM_SET_MP_STATE, NULL));
	EXPECT_EQ((uint32_t)SLAT_CHECK_UNTOLD, last_error(self->fd).check);
	EXPECT_EQ(3u, last_error(self->fd).vcpu);
	/* The VM's own calls are still the VM's. */
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_SET_NR_MMU_PAGES, 1));
	EXPECT_EQ(SLAT_NO_VCPU, last_error(self->fd).vcpu);
	vcpu_destroy(&other);
}

SLAT_TEST_MAIN
