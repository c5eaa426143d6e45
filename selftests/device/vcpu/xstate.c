// SPDX-License-Identifier: GPL-2.0
/*
 * Extended processor state: XCR0 and XSETBV, what CPUID says of it, AVX
 * registers of the guest and of the host, and KVM_GET_XSAVE, KVM_SET_XSAVE,
 * KVM_GET_XCRS and KVM_SET_XCRS between vCPUs.
 */
#include "test.h"

#define CR4_OSXSAVE	(1ul << 18)
#define XCR0_AVX	7ull
#define CPUID_XSAVE	(1u << 26)
#define CPUID_OSXSAVE	(1u << 27)
#define CPUID_AVX	(1u << 28)
#define CPUID_PKU	(1u << 3)
#define XSAVE_HEADER	(512 / 4)
#define XSAVE_YMM	(576 / 4)
#define XSAVE_MXCSR	(24 / 4)
#define VECTOR_UD	6
#define VECTOR_GP	13

FIXTURE(xstate) {
	struct guest g;
	struct vcpu *vcpu;
	struct kvm_cpuid2 *cpuid;
};

GUEST_CODE_BLOB(nothing, 64, "hlt\n");

FIXTURE_SETUP(xstate)
{
	guest_start(&self->g, MODE_LONG, nothing);
	self->vcpu = &self->g.vcpu;
	self->cpuid = vm_supported_cpuid(self->g.vm.dev);
}

FIXTURE_TEARDOWN(xstate)
{
	free(self->cpuid);
	guest_destroy(&self->g);
}

static int set_xcr0(struct vcpu *vcpu, uint64_t value)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = value };

	return vm_ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs);
}

static uint64_t get_xcr0(struct vcpu *vcpu)
{
	struct kvm_xcrs xcrs = {};

	vm_must(vm_ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs), "KVM_GET_XCRS");
	return xcrs.nr_xcrs == 1 && !xcrs.xcrs[0].xcr ? xcrs.xcrs[0].value : 0;
}

/* Allow XSETBV, as the guest's system would. */
static void enable_osxsave(struct vcpu *vcpu)
{
	struct kvm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cr4 |= CR4_OSXSAVE;
	vm_must(vcpu_set_sregs(vcpu, &sregs), "CR4.OSXSAVE");
}

/* A skip in the fixture would not keep the test from running. */
#define skip_without_xsave() do {						\
	if (!(cpuid_find(self->cpuid, 1, 0)->ecx & CPUID_XSAVE))		\
		SKIP(return, "no XSAVE");					\
} while (0)

#define has_avx(cpuid)	(cpuid_find(cpuid, 1, 0)->ecx & CPUID_AVX)

TEST_F(xstate, xcrs_of_a_fresh_vcpu)
{
	skip_without_xsave();
	EXPECT_EQ(1ull, get_xcr0(self->vcpu));
}

TEST_F(xstate, xcr0_must_make_sense)
{
	skip_without_xsave();
	EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, 0));
	EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, 2));
	EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, 5));		/* YMM without SSE */
	EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, 0x27));		/* a part of AVX-512 */
	EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, 1ull << 62 | 1));
	EXPECT_EQ(1ull, get_xcr0(self->vcpu));
	EXPECT_EQ(0, set_xcr0(self->vcpu, 3));
	EXPECT_EQ(3ull, get_xcr0(self->vcpu));
}

TEST_F(xstate, xcrs_errors)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = KVM_MAX_XCRS + 1 };

	skip_without_xsave();
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	xcrs.nr_xcrs = 1;
	xcrs.xcrs[0].value = 1;
	xcrs.flags = 1;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	xcrs.flags = 0;
	xcrs.nr_xcrs = 0;
	EXPECT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	/* others than XCR0 are passed over */
	xcrs.nr_xcrs = 2;
	xcrs.xcrs[0].xcr = 5;
	xcrs.xcrs[0].value = 0;
	xcrs.xcrs[1].value = 3;
	EXPECT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	EXPECT_EQ(3ull, get_xcr0(self->vcpu));
}

/* The value after RESET is what a client of a CPU without XSAVE restores. */
TEST_F(xstate, xcr0_without_xsave_in_cpuid)
{
	skip_without_xsave();
	cpuid_find(self->cpuid, 1, 0)->ecx &= ~(CPUID_XSAVE | CPUID_AVX);
	cpuid_find(self->cpuid, 0xd, 0)->eax = 0;
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_CPUID2, self->cpuid));
	EXPECT_EQ(0, set_xcr0(self->vcpu, 1));
	EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, 3));
}

/* XSETBV of RDX:RAX to the XCR in RCX. */
GUEST_CODE_BLOB(xsetbv, 64, "xsetbv\n hlt\n");

static int guest_xsetbv(struct guest *g, uint32_t index, uint64_t value)
{
	struct kvm_regs regs;

	guest_load(g, xsetbv);
	regs = vcpu_regs(&g->vcpu);
	regs.rip = GUEST_CODE;
	regs.rcx = index;
	regs.rax = (uint32_t)value;
	regs.rdx = value >> 32;
	vcpu_set_regs(&g->vcpu, &regs);
	vm_must(vcpu_run(&g->vcpu), "KVM_RUN");
	return g->vcpu.run->exit_reason == KVM_EXIT_HLT ? 0 : (int)guest_exception(g)->vector;
}

TEST_F(xstate, xsetbv_of_the_guest)
{
	skip_without_xsave();
	EXPECT_EQ(VECTOR_UD, guest_xsetbv(&self->g, 0, 1));
	enable_osxsave(self->vcpu);
	EXPECT_EQ(0, guest_xsetbv(&self->g, 0, 3));
	EXPECT_EQ(3ull, get_xcr0(self->vcpu));
	EXPECT_EQ(VECTOR_GP, guest_xsetbv(&self->g, 0, 0));
	EXPECT_EQ(VECTOR_GP, guest_xsetbv(&self->g, 0, 5));
	EXPECT_EQ(VECTOR_GP, guest_xsetbv(&self->g, 0, 1ull << 63 | 3));
	EXPECT_EQ(VECTOR_GP, guest_xsetbv(&self->g, 1, 3));
	EXPECT_EQ(3ull, get_xcr0(self->vcpu));
}

/* What CPUID.D says of the current XCR0 follows it, and OSXSAVE follows CR4. */
GUEST_CODE_BLOB(cpuid_d, 64,
	"mov $1, %eax\n xor %ecx, %ecx\n cpuid\n mov %ecx, %esi\n"
	"mov $0xd, %eax\n xor %ecx, %ecx\n cpuid\n hlt\n");

TEST_F(xstate, cpuid_follows_xcr0)
{
	struct kvm_regs regs;

	skip_without_xsave();
	guest_load(&self->g, cpuid_d);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(self->vcpu);
	EXPECT_EQ(0ull, regs.rsi & CPUID_OSXSAVE);
	EXPECT_EQ(576ull, regs.rbx);
	enable_osxsave(self->vcpu);
	if (!has_avx(self->cpuid))
		SKIP(return, "no AVX");
	ASSERT_EQ(0, set_xcr0(self->vcpu, XCR0_AVX));
	guest_load(&self->g, cpuid_d);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(self->vcpu);
	EXPECT_NE(0ull, regs.rsi & CPUID_OSXSAVE);
	EXPECT_EQ(832ull, regs.rbx);
	EXPECT_LE(832ull, regs.rcx);
	EXPECT_EQ(XCR0_AVX, regs.rax & XCR0_AVX);
}

TEST_F(xstate, xsave_round_trip)
{
	struct kvm_xsave in, out;

	memset(&in, 0xff, sizeof(in));
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE, &in));
	EXPECT_EQ(0x1f80u, in.region[XSAVE_MXCSR]);
	EXPECT_EQ(0x37fu, in.region[0] & 0xffff);
	in.region[XSAVE_HEADER] |= 3;
	in.region[XSAVE_MXCSR] = 0x9fc0;
	for (int i = 0; i < 64; i++)
		in.region[160 / 4 + i] = 0x1010101 * i;
	if (has_avx(self->cpuid)) {
		in.region[XSAVE_HEADER] |= 4;
		for (int i = 0; i < 64; i++)
			in.region[XSAVE_YMM + i] = ~i;
	}
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_XSAVE, &in));
	memset(&out, 0xff, sizeof(out));
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE, &out));
	EXPECT_EQ(0, memcmp(in.region, out.region, 416));
	EXPECT_EQ(in.region[XSAVE_HEADER], out.region[XSAVE_HEADER]);
	if (has_avx(self->cpuid))
		EXPECT_EQ(0, memcmp(&in.region[XSAVE_YMM], &out.region[XSAVE_YMM], 256));
}

TEST_F(xstate, xsave_that_would_fault_is_refused)
{
	struct kvm_xsave good, bad;

	skip_without_xsave();
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE, &good));
	good.region[XSAVE_HEADER] |= 3;
	bad = good;
	bad.region[XSAVE_MXCSR] = 1u << 31;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_XSAVE, &bad));
	bad = good;
	bad.region[XSAVE_HEADER + 1] = 1u << 30;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_XSAVE, &bad));
	bad = good;
	bad.region[XSAVE_HEADER + 2] = 1;		/* XCOMP_BV */
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_XSAVE, &bad));
	bad = good;
	bad.region[XSAVE_HEADER + 4] = 1;		/* reserved */
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vcpu->fd, KVM_SET_XSAVE, &bad));
	EXPECT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_SET_XSAVE, &good));
}

TEST_F(xstate, xsave2_is_as_long_as_its_capability)
{
	int size = vm_check_extension(self->g.vm.fd, KVM_CAP_XSAVE2);
	uint8_t *edge, *page;
	struct kvm_xsave old;

	ASSERT_LE((int)sizeof(struct kvm_xsave), size);
	page = vm_alloc(16 * PAGE_SIZE);
	edge = page + 15 * PAGE_SIZE;
	munmap(edge, PAGE_SIZE);
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE2, edge - size));
	ASSERT_EQ(0, vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE, &old));
	EXPECT_EQ(0, memcmp(&old, edge - size, sizeof(old)));
	EXPECT_EQ(-EFAULT, vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE2, edge - size + 64));
	EXPECT_EQ(-EFAULT, vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE, edge - sizeof(old) + 1));
}

/* All registers from memory; after the halt, changed and back to memory. */
GUEST_CODE_BLOB(avx, 64,
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xgetbv\n or $7, %eax\n xsetbv\n"
	"mov $0x40000, %ebx\n"
	"vmovdqu (%rbx), %ymm0\n"
	"vmovdqu 32(%rbx), %ymm7\n"
	"vmovdqu 64(%rbx), %ymm15\n"
	"hlt\n"
	"vxorps %ymm7, %ymm0, %ymm1\n"
	"vmovdqu %ymm0, 0x100(%rbx)\n"
	"vmovdqu %ymm7, 0x120(%rbx)\n"
	"vmovdqu %ymm15, 0x140(%rbx)\n"
	"vmovdqu %ymm1, 0x160(%rbx)\n"
	"hlt\n");

static void fill(uint8_t *mem)
{
	for (int i = 0; i < 96; i++)
		mem[i] = i * 5 + 3;
}

static bool avx_results_ok(const uint8_t *mem)
{
	for (int i = 0; i < 32; i++)
		if (mem[0x160 + i] != (mem[i] ^ mem[32 + i]))
			return false;
	return !memcmp(mem, mem + 0x100, 96);
}

/* Kernel and user space of the host use the registers between two entries. */
TEST_F(xstate, avx_survives_exits)
{
	uint8_t *mem = self->g.ram + GUEST_DATA;

	if (!has_avx(self->cpuid))
		SKIP(return, "no AVX");
	guest_load(&self->g, avx);
	fill(mem);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	__asm__ volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n vmovdqa %%ymm0, %%ymm7\n"
			 "vmovdqa %%ymm0, %%ymm15" : : : "xmm0", "xmm7", "xmm15");
	usleep(20000);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	EXPECT_TRUE(avx_results_ok(mem));
}

TEST_F(xstate, avx_of_the_host_survives_the_guest)
{
	uint8_t *mem = self->g.ram + GUEST_DATA, before[64], after[64];
	uint32_t xcr0, edx;
	int ret;

	if (!has_avx(self->cpuid))
		SKIP(return, "no AVX");
	guest_load(&self->g, avx);
	fill(mem);
	memset(before, 0xa5, sizeof(before));
	__asm__ volatile("vmovdqu %0, %%ymm7\n vmovdqu %1, %%ymm15"
			 : : "m"(before[0]), "m"(before[32]) : "xmm7", "xmm15");
	__asm__ volatile("syscall" : "=a"(ret) : "0"(16), "D"(self->vcpu->fd), "S"(KVM_RUN),
			 "d"(0) : "rcx", "r11", "memory");
	__asm__ volatile("vmovdqu %%ymm7, %0\n vmovdqu %%ymm15, %1"
			 : "=m"(after[0]), "=m"(after[32]) : : "memory");
	__asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(edx) : "c"(0));
	EXPECT_EQ(0, ret);
	EXPECT_EQ((uint32_t)KVM_EXIT_HLT, self->vcpu->run->exit_reason);
	EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
	EXPECT_EQ(XCR0_AVX, xcr0 & XCR0_AVX);
}

/* The host's XCR0 is its own again, whatever the guest's was. */
TEST_F(xstate, xcr0_of_the_host)
{
	uint32_t before, after, edx;

	skip_without_xsave();
	enable_osxsave(self->vcpu);
	ASSERT_EQ(0, set_xcr0(self->vcpu, 1));
	__asm__ volatile("xgetbv" : "=a"(before), "=d"(edx) : "c"(0));
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	__asm__ volatile("xgetbv" : "=a"(after), "=d"(edx) : "c"(0));
	EXPECT_EQ(before, after);
	EXPECT_EQ(1ull, get_xcr0(self->vcpu));
}

static void move_state(struct vcpu *from, struct vcpu *to)
{
	struct kvm_sregs sregs = vcpu_sregs(from);
	struct kvm_regs regs = vcpu_regs(from);
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;

	vm_must(vcpu_set_sregs(to, &sregs), "KVM_SET_SREGS");
	vm_must(vm_ioctl(from->fd, KVM_GET_XCRS, &xcrs), "KVM_GET_XCRS");
	vm_must(vm_ioctl(to->fd, KVM_SET_XCRS, &xcrs), "KVM_SET_XCRS");
	vm_must(vm_ioctl(from->fd, KVM_GET_XSAVE, &xsave), "KVM_GET_XSAVE");
	vm_must(vm_ioctl(to->fd, KVM_SET_XSAVE, &xsave), "KVM_SET_XSAVE");
	vcpu_set_regs(to, &regs);
}

TEST_F(xstate, avx_moves_to_another_vm)
{
	struct guest other;
	uint8_t *mem;

	if (!has_avx(self->cpuid))
		SKIP(return, "no AVX");
	guest_load(&self->g, avx);
	fill(self->g.ram + GUEST_DATA);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	guest_start(&other, MODE_LONG, avx);
	mem = other.ram + GUEST_DATA;
	fill(mem);
	move_state(self->vcpu, &other.vcpu);
	ASSERT_EQ(0, vcpu_run_to(&other.vcpu, KVM_EXIT_HLT));
	EXPECT_TRUE(avx_results_ok(mem));
	guest_destroy(&other);
}

/* PKRU is kept beside the rest of the state. */
GUEST_CODE_BLOB(pkru, 64,
	"mov %cr4, %rax\n or $0x400000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $0x55555550, %eax\n wrpkru\n"
	"hlt\n"
	"xor %ecx, %ecx\n rdpkru\n hlt\n");

TEST_F(xstate, pkru_moves_to_another_vm)
{
	struct kvm_cpuid_entry2 *leaf = cpuid_find(self->cpuid, 7, 0);
	struct guest other;

	if (!leaf || !(leaf->ecx & CPUID_PKU))
		SKIP(return, "no PKU");
	enable_osxsave(self->vcpu);
	ASSERT_EQ(0, set_xcr0(self->vcpu, 1 << 9 | 3));
	guest_load(&self->g, pkru);
	ASSERT_EQ(0, vcpu_run_to(self->vcpu, KVM_EXIT_HLT));
	guest_start(&other, MODE_LONG, pkru);
	move_state(self->vcpu, &other.vcpu);
	ASSERT_EQ(0, vcpu_run_to(&other.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x55555550ull, vcpu_regs(&other.vcpu).rax);
	guest_destroy(&other);
}

SLAT_TEST_MAIN
