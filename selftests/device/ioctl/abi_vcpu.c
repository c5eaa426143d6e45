// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a vCPU: what each state call stores and returns, and each
 * errno. No guest code runs here except where an errno needs a vCPU that ran.
 */
#include "test.h"

#include <signal.h>

#define MSR_TSC			0x10
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_EIP	0x176
#define MSR_PAT			0x277
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_UNKNOWN		0xdeadbeef
#define MSRS_MAX		256

FIXTURE(vcpu) {
	struct vm vm;
	struct vcpu vcpu;
	int fd;
};

FIXTURE_SETUP(vcpu)
{
	vm_create(&self->vm);
	vcpu_create(&self->vm, 0, &self->vcpu);
	self->fd = self->vcpu.fd;
}

FIXTURE_TEARDOWN(vcpu)
{
	vcpu_destroy(&self->vcpu);
	vm_destroy(&self->vm);
}

TEST_F(vcpu, unknown_ioctl_is_einval)
{
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, _IO(KVMIO, 0xff), 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, _IO('T', 0x42), 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_SET_USER_MEMORY_REGION, 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_GET_API_VERSION, 0));
}

TEST_F(vcpu, bad_pointers_are_efault)
{
	static const unsigned long requests[] = {
		KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS,
		KVM_GET_FPU, KVM_SET_FPU, KVM_GET_MSRS, KVM_SET_MSRS,
		KVM_GET_CPUID2, KVM_SET_CPUID2, KVM_GET_MP_STATE, KVM_SET_MP_STATE,
		KVM_GET_VCPU_EVENTS, KVM_TRANSLATE, KVM_SET_SIGNAL_MASK,
		KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XSAVE2, KVM_GET_XCRS, KVM_SET_XCRS,
		KVM_SET_GUEST_DEBUG, KVM_GET_SREGS2, KVM_SET_SREGS2,
	};
	static const unsigned long pointers[] = { 1, 1ul << 63, -PAGE_SIZE };

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(pointers); k++) {
			EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, requests[i], pointers[k]))
				TH_LOG("ioctl 0x%lx pointer 0x%lx", requests[i], pointers[k]);
		}
	}
}

/* A structure that ends in an unmapped page is refused as a whole. */
TEST_F(vcpu, structures_cut_by_a_mapping_change_nothing)
{
	static const struct {
		unsigned long request;
		size_t size;
	} calls[] = {
		{ KVM_SET_REGS, sizeof(struct kvm_regs) },
		{ KVM_SET_SREGS, sizeof(struct kvm_sregs) },
		{ KVM_SET_FPU, sizeof(struct kvm_fpu) },
		{ KVM_SET_MP_STATE, sizeof(struct kvm_mp_state) },
		{ KVM_TRANSLATE, sizeof(struct kvm_translation) },
		{ KVM_SET_XSAVE, sizeof(struct kvm_xsave) },
		{ KVM_SET_XCRS, sizeof(struct kvm_xcrs) },
		{ KVM_GET_XSAVE, sizeof(struct kvm_xsave) },
		{ KVM_GET_XCRS, sizeof(struct kvm_xcrs) },
		{ KVM_GET_REGS, sizeof(struct kvm_regs) },
		{ KVM_GET_SREGS, sizeof(struct kvm_sregs) },
		{ KVM_GET_FPU, sizeof(struct kvm_fpu) },
		{ KVM_GET_VCPU_EVENTS, sizeof(struct kvm_vcpu_events) },
	};
	struct kvm_regs regs = vcpu_regs(&self->vcpu), regs_after;
	struct kvm_sregs sregs = vcpu_sregs(&self->vcpu), sregs_after;
	char *edge = (char *)vm_alloc(2 * PAGE_SIZE) + PAGE_SIZE;

	munmap(edge, PAGE_SIZE);
	memset(edge - PAGE_SIZE, 0xff, PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (size_t cut = 1; cut <= calls[i].size; cut += cut) {
			EXPECT_EQ(-EFAULT, vm_ioctl(self->fd, calls[i].request,
						    edge - calls[i].size + cut))
				TH_LOG("ioctl 0x%lx cut by %zu", calls[i].request, cut);
		}
	}
	regs_after = vcpu_regs(&self->vcpu);
	sregs_after = vcpu_sregs(&self->vcpu);
	EXPECT_EQ(0, memcmp(&regs, &regs_after, sizeof(regs)));
	EXPECT_EQ(0, memcmp(&sregs, &sregs_after, sizeof(sregs)));
}

TEST_F(vcpu, run_rejects_an_argument)
{
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_RUN, 1));
}

TEST_F(vcpu, run_page_maps_once_and_again)
{
	struct kvm_run *again = mmap(NULL, self->vm.run_size, PROT_READ | PROT_WRITE,
				     MAP_SHARED, self->fd, 0);

	ASSERT_NE(MAP_FAILED, again);
	self->vcpu.run->padding1[0] = 0x5a;
	EXPECT_EQ(0x5a, again->padding1[0]);
	munmap(again, self->vm.run_size);
}

TEST_F_SIGNAL(vcpu, run_page_ends_where_the_size_says, SIGBUS)
{
	char *map = mmap(NULL, self->vm.run_size + 64 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, self->fd, 0);

	if (map == MAP_FAILED)
		raise(SIGBUS);
	*(volatile char *)(map + self->vm.run_size + 63 * PAGE_SIZE) = 1;
}

TEST_F(vcpu, run_page_outlives_the_fds)
{
	struct kvm_run *run = self->vcpu.run;

	close(self->vm.fd);
	close(self->fd);
	run->request_interrupt_window = 0;
	EXPECT_EQ(0, run->request_interrupt_window);
}

TEST_F(vcpu, regs_round_trip)
{
	struct kvm_regs in, out;

	memset(&in, 0x5a, sizeof(in));
	in.rflags = 0x246;
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_SET_REGS, &in));
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_REGS, &out));
	EXPECT_EQ(0, memcmp(&in, &out, sizeof(in)));
}

TEST_F(vcpu, rflags_bit_1_is_always_set)
{
	struct kvm_regs regs = { .rflags = 0 };

	vcpu_set_regs(&self->vcpu, &regs);
	EXPECT_EQ(2ull, vcpu_regs(&self->vcpu).rflags);
}

TEST_F(vcpu, reset_state)
{
	struct kvm_regs regs = vcpu_regs(&self->vcpu);
	struct kvm_sregs s = vcpu_sregs(&self->vcpu);

	EXPECT_EQ(0xfff0ull, regs.rip);
	EXPECT_EQ(2ull, regs.rflags);
	EXPECT_EQ(0ull, regs.rax);
	EXPECT_EQ(0ull, regs.rsp);
	EXPECT_EQ(0xf000, s.cs.selector);
	EXPECT_EQ(0xffff0000ull, s.cs.base);
	EXPECT_EQ(0xffffu, s.cs.limit);
	EXPECT_EQ(0, s.ds.selector);
	EXPECT_EQ(0ull, s.ds.base);
	EXPECT_EQ(0xffffu, s.ds.limit);
	EXPECT_EQ(0x60000010ull, s.cr0);
	EXPECT_EQ(0ull, s.cr3);
	EXPECT_EQ(0ull, s.cr4);
	EXPECT_EQ(0ull, s.efer);
	EXPECT_EQ(0xffff, s.gdt.limit);
	EXPECT_EQ(0xffff, s.idt.limit);
	EXPECT_EQ(0xfee00000ull, s.apic_base & ~0xfffull);
	EXPECT_NE(0ull, s.apic_base & 0x100) TH_LOG("vCPU 0 is not the BSP");
}

TEST_F(vcpu, sregs_round_trip)
{
	struct kvm_sregs in, out;

	guest_set_mode(&self->vcpu, MODE_LONG);
	in = vcpu_sregs(&self->vcpu);
	in.fs.base = 0x1122334455667788 >> 17;
	in.gs.base = 0xffff888000000000;
	in.cr2 = 0xdead0000beef;
	in.cr3 = 0x7000;
	in.cr8 = 5;
	in.gdt.base = 0xffffffff80001000;
	in.ldt = (struct kvm_segment) {
		.base = 0x1000, .limit = 0xfff, .selector = 0x40, .type = 2, .present = 1,
	};
	ASSERT_EQ(0, vcpu_set_sregs(&self->vcpu, &in));
	out = vcpu_sregs(&self->vcpu);
	EXPECT_EQ(0, memcmp(&in, &out, sizeof(in)));
}

#define expect_sregs_rejected(field, value) do {				\
	struct kvm_sregs bad = vcpu_sregs(&self->vcpu), before = bad, after;	\
	bad.field = (value);							\
	EXPECT_EQ(-EINVAL, vcpu_set_sregs(&self->vcpu, &bad))			\
		TH_LOG(#field " = 0x%llx", (unsigned long long)bad.field);	\
	after = vcpu_sregs(&self->vcpu);					\
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));			\
} while (0)

TEST_F(vcpu, sregs_that_contradict_themselves_are_einval)
{
	guest_set_mode(&self->vcpu, MODE_LONG);
	expect_sregs_rejected(cr0, CR0_PG | CR0_NE);
	expect_sregs_rejected(cr4, CR4_OSFXSR);
	expect_sregs_rejected(efer, EFER_LME);
	expect_sregs_rejected(efer, 0);
	expect_sregs_rejected(cr4, 1ull << 63 | CR4_PAE);
	expect_sregs_rejected(cr0, vcpu_sregs(&self->vcpu).cr0 | 1ull << 32);
	expect_sregs_rejected(cr3, 1ull << 63);
}

TEST_F(vcpu, sregs_cr4_bits_follow_cpuid)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(self->vm.dev);
	uint32_t ecx = cpuid_find(cpuid, 1, 0)->ecx;

	free(cpuid);
	expect_sregs_rejected(cr4, 1ull << 14);		/* SMXE */
	if (!(ecx & 1u << 5))
		expect_sregs_rejected(cr4, 1ull << 13);	/* VMXE */
}

/* CR3 is checked by it: what no processor has must not be taken for less. */
TEST_F(vcpu, sregs_with_any_physical_width)
{
	static const uint32_t widths[] = { 36, 52, 63, 64, 65, 96, 128, 255 };
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(self->vm.dev);
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid, 0x80000008, 0);
	struct kvm_sregs sregs;

	ASSERT_NE(NULL, e);
	guest_set_mode(&self->vcpu, MODE_LONG);
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		e->eax = (e->eax & ~0xffu) | widths[i];
		ASSERT_EQ(0, vm_ioctl(self->vcpu.fd, KVM_SET_CPUID2, cpuid));
		sregs = vcpu_sregs(&self->vcpu);
		sregs.cr3 = 0x800001000;
		EXPECT_EQ(0, vcpu_set_sregs(&self->vcpu, &sregs)) TH_LOG("%u bits", widths[i]);
	}
	free(cpuid);
}

TEST_F(vcpu, sregs_lma_without_long_mode_is_einval)
{
	guest_set_mode(&self->vcpu, MODE_PROT32);
	expect_sregs_rejected(efer, EFER_LMA);
	expect_sregs_rejected(cs.l, 1);
}

TEST_F(vcpu, sregs_apic_base)
{
	struct kvm_sregs s = vcpu_sregs(&self->vcpu);
	uint64_t base = s.apic_base;

	expect_sregs_rejected(apic_base, 1ull << 10);
	expect_sregs_rejected(apic_base, base | 1);
	expect_sregs_rejected(apic_base, 1ull << 60);
	s.apic_base = 1 << 11;
	EXPECT_EQ(0, vcpu_set_sregs(&self->vcpu, &s));
}

/* MXCSR is not part of GET_FPU and SET_FPU: modes.c sees it through the guest. */
TEST_F(vcpu, fpu_round_trip)
{
	struct kvm_fpu in, out;

	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_FPU, &in));
	EXPECT_EQ(0x37f, in.fcw);
	for (size_t i = 0; i < sizeof(in.xmm); i++)
		((uint8_t *)in.xmm)[i] = i * 7 + 1;
	for (size_t i = 0; i < 8; i++)
		memset(in.fpr[i], 0x10 + i, 10);
	in.fcw = 0x27f;
	in.fsw = 0x3800;
	in.ftwx = 0xff;
	in.last_opcode = 0x123;
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_SET_FPU, &in));
	memset(&out, 0, sizeof(out));
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_FPU, &out));
	EXPECT_EQ(0, memcmp(in.xmm, out.xmm, sizeof(in.xmm)));
	EXPECT_EQ(0, memcmp(in.fpr, out.fpr, sizeof(in.fpr)));
	EXPECT_EQ(in.fcw, out.fcw);
	EXPECT_EQ(in.fsw, out.fsw);
	EXPECT_EQ(in.ftwx, out.ftwx);
	EXPECT_EQ(in.last_opcode, out.last_opcode);
}

TEST_F(vcpu, msr_round_trip)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msrs[] = {
		{ MSR_SYSENTER_CS, 0x10 },
		{ MSR_SYSENTER_EIP, 0xffffffff81000000 },
		{ MSR_STAR, 0x0023001000000000 },
		{ MSR_LSTAR, 0xffffffff82000000 },
		{ 0xc0000084, 0x47700 },		/* FMASK */
		{ 0xc0000100, 0x7f0000001000 },		/* FS base */
		{ 0xc0000101, 0xffff888000001000 },	/* GS base */
		{ 0xc0000102, 0xffff888000002000 },	/* kernel GS base */
		{ MSR_PAT, 0x0007010600070106 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t value;

		EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, msrs[i].index, msrs[i].value))
			TH_LOG("MSR 0x%x", msrs[i].index);
		EXPECT_EQ(1, vcpu_get_msr(&self->vcpu, msrs[i].index, &value));
		EXPECT_EQ(msrs[i].value, value) TH_LOG("MSR 0x%x", msrs[i].index);
	}
}

TEST_F(vcpu, msr_bad_values_are_refused)
{
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_PAT, 2));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_UNKNOWN, 1));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_LSTAR, 1ull << 63));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, 0xc0000080, 1ull << 40));
}

TEST_F(vcpu, msr_list_stops_at_the_first_unknown)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[3];
	} msrs = {
		.head.nmsrs = 3,
		.entries = {
			{ .index = MSR_STAR, .data = 0x1234000000000 },
			{ .index = MSR_UNKNOWN },
			{ .index = MSR_LSTAR, .data = 0x1000 },
		},
	};
	uint64_t value;

	EXPECT_EQ(1, vm_ioctl(self->fd, KVM_SET_MSRS, &msrs));
	EXPECT_EQ(1, vcpu_get_msr(&self->vcpu, MSR_STAR, &value));
	EXPECT_EQ(0x1234000000000ull, value);
	EXPECT_EQ(1, vcpu_get_msr(&self->vcpu, MSR_LSTAR, &value));
	EXPECT_EQ(0ull, value);
	EXPECT_EQ(1, vm_ioctl(self->fd, KVM_GET_MSRS, &msrs));
}

TEST_F(vcpu, msr_count_limits)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + MSRS_MAX * sizeof(msrs->entries[0]));

	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_GET_MSRS, msrs));
	for (int i = 0; i < MSRS_MAX; i++)
		msrs->entries[i].index = MSR_STAR;
	msrs->nmsrs = MSRS_MAX;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_MSRS, msrs));
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_SET_MSRS, msrs));
	msrs->nmsrs = ~0u;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_SET_MSRS, msrs));
	msrs->nmsrs = MSRS_MAX - 1;
	EXPECT_EQ(MSRS_MAX - 1, vm_ioctl(self->fd, KVM_GET_MSRS, msrs));
	free(msrs);
}

TEST_F(vcpu, msr_entries_past_a_mapping_are_efault)
{
	char *page = vm_alloc(2 * PAGE_SIZE);
	struct kvm_msrs *msrs = (void *)(page + PAGE_SIZE - sizeof(*msrs));

	munmap(page + PAGE_SIZE, PAGE_SIZE);
	msrs->nmsrs = 4;
	EXPECT_EQ(-EFAULT, vm_ioctl(self->fd, KVM_GET_MSRS, msrs));
	EXPECT_EQ(-EFAULT, vm_ioctl(self->fd, KVM_SET_MSRS, msrs));
}

TEST_F(vcpu, cpuid_round_trip)
{
	struct kvm_cpuid2 *in = vm_supported_cpuid(self->vm.dev);
	struct kvm_cpuid2 *out = vm_supported_cpuid(self->vm.dev);

	cpuid_find(in, 0x80000002, 0)->eax = 0x74616c53;
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_SET_CPUID2, in));
	memset(out->entries, 0, out->nent * sizeof(out->entries[0]));
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_CPUID2, out));
	EXPECT_EQ(in->nent, out->nent);
	EXPECT_EQ(0x74616c53u, cpuid_find(out, 0x80000002, 0)->eax);
	out->nent = in->nent - 1;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_CPUID2, out));
	free(in);
	free(out);
}

TEST_F(vcpu, cpuid_limits)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 257 * sizeof(cpuid->entries[0]));
	char *page = vm_alloc(2 * PAGE_SIZE);
	struct kvm_cpuid2 *edge = (void *)(page + PAGE_SIZE - sizeof(*edge));

	cpuid->nent = 257;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_SET_CPUID2, cpuid));
	cpuid->nent = ~0u;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_SET_CPUID2, cpuid));
	munmap(page + PAGE_SIZE, PAGE_SIZE);
	edge->nent = 2;
	EXPECT_EQ(-EFAULT, vm_ioctl(self->fd, KVM_SET_CPUID2, edge));
	cpuid->nent = 0;
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_SET_CPUID2, cpuid));
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_GET_CPUID2, cpuid));
	EXPECT_EQ(0u, cpuid->nent);
	free(cpuid);
}

TEST_F(vcpu, mp_state)
{
	struct kvm_mp_state state = { .mp_state = 0xff };

	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_MP_STATE, &state));
	EXPECT_EQ((uint32_t)KVM_MP_STATE_RUNNABLE, state.mp_state);
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_SET_MP_STATE, &state));
	/* The other states belong to an in-kernel local APIC. */
	for (uint32_t s = KVM_MP_STATE_UNINITIALIZED; s <= KVM_MP_STATE_SIPI_RECEIVED; s++) {
		state.mp_state = s;
		EXPECT_EQ(-EINVAL, vm_ioctl(self->fd, KVM_SET_MP_STATE, &state))
			TH_LOG("state %u", s);
	}
	state.mp_state = ~0u;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->fd, KVM_SET_MP_STATE, &state));
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_MP_STATE, &state));
	EXPECT_EQ((uint32_t)KVM_MP_STATE_RUNNABLE, state.mp_state);
}

/* The rate of the host's own TSC is one that each device can give. */
TEST_F(vcpu, tsc_khz)
{
	int khz = vm_ioctl_num(self->fd, KVM_GET_TSC_KHZ, 0);

	ASSERT_LT(1000, khz);
	EXPECT_EQ(0, vm_ioctl_num(self->fd, KVM_SET_TSC_KHZ, khz));
	EXPECT_EQ(0, vm_ioctl_num(self->fd, KVM_SET_TSC_KHZ, 0));
	EXPECT_EQ(khz, vm_ioctl_num(self->fd, KVM_GET_TSC_KHZ, 0));
	if (vm_check_extension(self->vm.dev, KVM_CAP_TSC_CONTROL) <= 0) {
		EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_SET_TSC_KHZ, khz / 2));
		/* KVM has changed what it tells before it refuses. */
		if (!vm_is_kvm(&self->vm))
			EXPECT_EQ(khz, vm_ioctl_num(self->fd, KVM_GET_TSC_KHZ, 0));
	}
}

/* 0 is the reset of a vCPU: its TSC goes on with those of the others. */
TEST_F(vcpu, tsc_written_0_joins_the_others)
{
	uint64_t second = vm_ioctl_num(self->fd, KVM_GET_TSC_KHZ, 0) * 1000ull, value;

	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_TSC, 1000 * second));
	ASSERT_EQ(1, vcpu_get_msr(&self->vcpu, MSR_TSC, &value));
	EXPECT_LE(1000 * second, value);
	EXPECT_GT(1010 * second, value);
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_TSC, 0));
	ASSERT_EQ(1, vcpu_get_msr(&self->vcpu, MSR_TSC, &value));
	EXPECT_LE(1000 * second, value);
}

TEST_F(vcpu, signal_mask_errors)
{
	struct {
		struct kvm_signal_mask head;
		uint8_t set[16];
	} mask = { .head.len = 8 };

	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_SET_SIGNAL_MASK, &mask));
	EXPECT_EQ(0, vm_ioctl_num(self->fd, KVM_SET_SIGNAL_MASK, 0));
	mask.head.len = 4;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->fd, KVM_SET_SIGNAL_MASK, &mask));
	mask.head.len = 16;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->fd, KVM_SET_SIGNAL_MASK, &mask));
	mask.head.len = 0;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->fd, KVM_SET_SIGNAL_MASK, &mask));
}

TEST_F(vcpu, vcpu_events_of_a_fresh_vcpu)
{
	struct kvm_vcpu_events events;

	memset(&events, 0xff, sizeof(events));
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, events.exception.injected);
	EXPECT_EQ(0, events.interrupt.injected);
	EXPECT_EQ(0, events.nmi.injected);
	EXPECT_EQ(0, events.nmi.pending);
	EXPECT_EQ(0, events.nmi.masked);
}

SLAT_TEST_MAIN
