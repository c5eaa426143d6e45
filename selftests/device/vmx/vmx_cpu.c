// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest finds in its processor: MSRs, control registers, the paths from
 * real mode to long mode and back, instructions that exit and what they do.
 */
#include "test.h"

#define CR0_TS		(1ul << 3)
#define CR0_ET		(1ul << 4)
#define CR4_OSXSAVE	(1ul << 18)
#define CR4_UMIP	(1ul << 11)
#define CR4_VMXE	(1ul << 13)
#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_FMASK	0xc0000084
#define MSR_KGS		0xc0000102
#define MSR_TSC_AUX	0xc0000103

/* The host uses XSAVE: CPUID says so to user space. */
static bool host_has_xsave(void)
{
	uint32_t eax = 1, ebx, ecx = 0, edx;

	__asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ecx & 1u << 27;
}

FIXTURE(cpu) {
	struct guest g;
	struct kvm_run *run;
};

GUEST_CODE_BLOB(nothing, 64, "hlt\n");

FIXTURE_SETUP(cpu)
{
	guest_start(&self->g, MODE_LONG, nothing);
	self->run = self->g.vcpu.run;
}

FIXTURE_TEARDOWN(cpu)
{
	guest_destroy(&self->g);
}

/* Run blob with registers; true when it halts without an exception. */
static bool run_hlt(struct guest *g, uint64_t rax, uint64_t rcx, uint64_t rdx)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rax = rax;
	regs.rcx = rcx;
	regs.rdx = rdx;
	vcpu_set_regs(&g->vcpu, &regs);
	return vcpu_run_to(&g->vcpu, KVM_EXIT_HLT) == 0;
}

/* Run blob; true when it raises @vector at its first instruction. */
static bool run_fault(struct guest *g, uint64_t rax, uint64_t rcx, uint64_t rdx,
		      unsigned int vector)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);
	struct kvm_run *run = g->vcpu.run;
	struct guest_exception *e = guest_exception(g);
	int ret;

	memset(e, 0, sizeof(*e));
	regs.rax = rax;
	regs.rcx = rcx;
	regs.rdx = rdx;
	vcpu_set_regs(&g->vcpu, &regs);
	ret = vcpu_run(&g->vcpu);
	if (!ret && run->exit_reason == KVM_EXIT_IO && run->io.port == PORT_EXC &&
	    e->vector == vector && e->error == 0 && e->rip == GUEST_CODE)
		return true;
	vcpu_describe_exit(&g->vcpu, ret);
	fprintf(stderr, "# vector %lu error %lu rip %lx, expected %u\n",
		(unsigned long)e->vector, (unsigned long)e->error,
		(unsigned long)e->rip, vector);
	return false;
}

/* Put the vCPU back at the start of a blob after a fault. */
#define load(blob) do {						\
	guest_set_mode(&self->g.vcpu, MODE_LONG);		\
	guest_load(&self->g, blob);				\
	if (self->run->exit_reason == KVM_EXIT_IO) {		\
		self->run->immediate_exit = 1;			\
		vcpu_run(&self->g.vcpu);			\
		self->run->immediate_exit = 0;			\
		guest_set_mode(&self->g.vcpu, MODE_LONG);	\
	}							\
} while (0)

GUEST_CODE_BLOB(wrmsr_rdmsr, 64, "wrmsr\n xor %eax, %eax\n xor %edx, %edx\n rdmsr\n hlt\n");
GUEST_CODE_BLOB(wrmsr_insn, 64, "wrmsr\n hlt\n");
GUEST_CODE_BLOB(rdmsr_insn, 64, "rdmsr\n hlt\n");

TEST_F(cpu, msr_round_trip)
{
	static const struct { uint32_t index; uint64_t value; } msr[] = {
		{ MSR_STAR, 0x0023001000000000 },
		{ MSR_LSTAR, 0xffffffff81000000 },
		{ MSR_FMASK, 0x47700 },
		{ MSR_KGS, 0xffff888000000000 },
		{ 0xc0000100, 0x7fff12345678 },
		{ 0xc0000101, 0xffff800012345678 },
		{ 0x174, 0x10 }, { 0x175, 0xffffffff82000000 }, { 0x176, 0xffffffff83000000 },
		{ 0x277, 0x0007040600010406 },
		{ 0x2ff, 0xc06 }, { 0x200, 0x80000006 }, { 0x201, 0x800 | 0x80000000 },
		{ 0x250, 0x0606060606060606 }, { 0x26f, 0x0505050505050505 },
		{ 0x1a0, 0x1801 }, { 0x400, ~0ull },
	};
	uint64_t value;

	for (unsigned int i = 0; i < sizeof(msr) / sizeof(msr[0]); i++) {
		struct kvm_regs regs;

		load(wrmsr_rdmsr);
		ASSERT_TRUE(run_hlt(&self->g, (uint32_t)msr[i].value, msr[i].index,
				    msr[i].value >> 32)) TH_LOG("MSR %x", msr[i].index);
		regs = vcpu_regs(&self->g.vcpu);
		EXPECT_EQ(msr[i].value, regs.rax | regs.rdx << 32) TH_LOG("MSR %x", msr[i].index);
		ASSERT_EQ(1, vcpu_get_msr(&self->g.vcpu, msr[i].index, &value));
		EXPECT_EQ(msr[i].value, value) TH_LOG("MSR %x", msr[i].index);
	}
}

TEST_F(cpu, msr_faults)
{
	static const struct { uint32_t index; uint64_t value; } bad[] = {
		{ 0x12345678, 0 }, { MSR_LSTAR, 0x8000000000000000 }, { MSR_EFER, 1ul << 20 },
		{ MSR_EFER, 0 /* LME while paging */ }, { 0x277, 2 }, { 0xfe, 0 }, { 0x200, 2 },
		{ MSR_KGS, 0x0000800000000000 }, { 0x401, 1 },
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		load(wrmsr_insn);
		EXPECT_TRUE(run_fault(&self->g, (uint32_t)bad[i].value, bad[i].index,
				      bad[i].value >> 32, 13)) TH_LOG("MSR %x", bad[i].index);
	}
	load(rdmsr_insn);
	EXPECT_TRUE(run_fault(&self->g, 0, 0x12345678, 0, 13));
	EXPECT_EQ(1, vcpu_set_msr(&self->g.vcpu, 0xc0010117, 0));
	/* Not here: a paravirtual clock, nested SVM. */
	if (vm_is_kvm(&self->g.vm))
		return;
	load(wrmsr_insn);
	EXPECT_TRUE(run_fault(&self->g, 1, 0x4b564d00, 0, 13));
	EXPECT_EQ(0, vcpu_set_msr(&self->g.vcpu, 0xc0010117, 1));
}

GUEST_CODE_BLOB(swap, 64, "swapgs\n out %al, $0x10\n swapgs\n out %al, $0x10\n"
		"mov $0xc0000102, %ecx\n rdmsr\n hlt\n");

TEST_F(cpu, kernel_gs_base_survives_exits)
{
	struct kvm_sregs s;
	uint64_t value;

	load(swap);
	s = vcpu_sregs(&self->g.vcpu);
	s.gs.base = 0x1111000;
	ASSERT_EQ(0, vcpu_set_sregs(&self->g.vcpu, &s));
	ASSERT_EQ(1, vcpu_set_msr(&self->g.vcpu, MSR_KGS, 0x2222000));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(0x2222000ull, vcpu_sregs(&self->g.vcpu).gs.base);
	ASSERT_EQ(1, vcpu_get_msr(&self->g.vcpu, MSR_KGS, &value));
	EXPECT_EQ(0x1111000ull, value);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(0x1111000ull, vcpu_sregs(&self->g.vcpu).gs.base);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x2222000ull, vcpu_regs(&self->g.vcpu).rax);
}

GUEST_CODE_BLOB(tscp, 64, "mov $0xc0000103, %ecx\n xor %edx, %edx\n mov $0x5a5a, %eax\n wrmsr\n"
		"out %al, $0x10\n xor %ecx, %ecx\n rdtscp\n hlt\n");

TEST_F(cpu, tsc_aux)
{
	uint32_t aux_before, aux_after, lo, hi;

	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux_before));
	load(tscp);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux_after));
	EXPECT_EQ(aux_before, aux_after);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x5a5aull, vcpu_regs(&self->g.vcpu).rcx);
}

/* SYSCALL to a handler at code + 64 while the host keeps making its own. */
GUEST_CODE_BLOB(syscall_insn, 64,
	"mov $0xc0000080, %ecx\n rdmsr\n or $1, %eax\n wrmsr\n"
	"mov $0xc0000081, %ecx\n xor %eax, %eax\n mov $0x00180008, %edx\n wrmsr\n"
	"mov $0xc0000082, %ecx\n lea 1f(%rip), %rax\n xor %edx, %edx\n wrmsr\n"
	"mov $0xc0000084, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"
	"out %al, $0x10\n"
	"syscall\n"
	"ud2\n"
	"1: mov $0x77, %ebx\n hlt\n");

TEST_F(cpu, syscall_msrs)
{
	load(syscall_insn);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_GT(getppid(), -1);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x77ull, vcpu_regs(&self->g.vcpu).rbx);
}

GUEST_CODE_BLOB(mov_cr0, 64, "mov %rax, %cr0\n mov %cr0, %rbx\n hlt\n");
GUEST_CODE_BLOB(mov_cr4, 64, "mov %rax, %cr4\n mov %cr4, %rbx\n hlt\n");
GUEST_CODE_BLOB(mov_cr8, 64, "mov %rax, %cr8\n mov %cr8, %rbx\n hlt\n");
GUEST_CODE_BLOB(ts_insns, 64, "smsw %ebx\n or $8, %ebx\n lmsw %bx\n mov %cr0, %r8\n"
		"out %al, $0x10\n clts\n mov %cr0, %r9\n hlt\n");

TEST_F(cpu, control_registers)
{
	uint64_t cr0 = vcpu_sregs(&self->g.vcpu).cr0, cr4 = vcpu_sregs(&self->g.vcpu).cr4;

	load(mov_cr0);
	ASSERT_TRUE(run_hlt(&self->g, cr0 | CR0_WP | CR0_AM, 0, 0));
	EXPECT_EQ(cr0 | CR0_WP | CR0_AM | CR0_ET, vcpu_regs(&self->g.vcpu).rbx);
	EXPECT_EQ(cr0 | CR0_WP | CR0_AM | CR0_ET,
		  vcpu_sregs(&self->g.vcpu).cr0 | CR0_ET);
	load(mov_cr0);		/* caches off: the guest reads it back */
	ASSERT_TRUE(run_hlt(&self->g, cr0 | 0x60000000, 0, 0));
	EXPECT_EQ(cr0 | 0x60000010, vcpu_regs(&self->g.vcpu).rbx);
	load(mov_cr0);		/* PG without PE */
	EXPECT_TRUE(run_fault(&self->g, cr0 & ~CR0_PE, 0, 0, 13));
	load(mov_cr0);		/* NW without CD */
	EXPECT_TRUE(run_fault(&self->g, cr0 | 0x20000000, 0, 0, 13));
	load(mov_cr0);		/* leaving long mode from 64-bit code */
	EXPECT_TRUE(run_fault(&self->g, cr0 & ~CR0_PG, 0, 0, 13));
	load(mov_cr0);
	EXPECT_TRUE(run_fault(&self->g, cr0 | 1ul << 40, 0, 0, 13));

	load(mov_cr4);
	if (host_has_xsave()) {
		ASSERT_TRUE(run_hlt(&self->g, cr4 | CR4_OSXSAVE, 0, 0));
		EXPECT_EQ(cr4 | CR4_OSXSAVE, vcpu_regs(&self->g.vcpu).rbx);
		EXPECT_EQ(cr4 | CR4_OSXSAVE, vcpu_sregs(&self->g.vcpu).cr4);
	} else {
		EXPECT_TRUE(run_fault(&self->g, cr4 | CR4_OSXSAVE, 0, 0, 13));
	}
	if (!vm_is_kvm(&self->g.vm)) {	/* which has nested VMX */
		load(mov_cr4);
		EXPECT_TRUE(run_fault(&self->g, cr4 | CR4_VMXE, 0, 0, 13));
	}
	load(mov_cr4);
	EXPECT_TRUE(run_fault(&self->g, cr4 & ~CR4_PAE, 0, 0, 13));
	load(mov_cr4);
	EXPECT_TRUE(run_fault(&self->g, cr4 | 1ul << 30, 0, 0, 13));

	load(ts_insns);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(CR0_TS, vcpu_sregs(&self->g.vcpu).cr0 & CR0_TS);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(CR0_TS, vcpu_regs(&self->g.vcpu).r8 & CR0_TS);
	EXPECT_EQ(0ull, vcpu_regs(&self->g.vcpu).r9 & CR0_TS);
}

TEST_F(cpu, cr8_lowered_exits)
{
	load(mov_cr8);
	ASSERT_TRUE(run_hlt(&self->g, 9, 0, 0));
	EXPECT_EQ(9ull, self->run->cr8);
	EXPECT_EQ(9ull, vcpu_regs(&self->g.vcpu).rbx);
	load(mov_cr8);
	vcpu_set_regs(&self->g.vcpu, &(struct kvm_regs){ .rip = GUEST_CODE, .rflags = 2, .rax = 3 });
	self->run->cr8 = 9;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_SET_TPR));
	EXPECT_EQ(3ull, self->run->cr8);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	load(mov_cr8);
	EXPECT_TRUE(run_fault(&self->g, 16, 0, 0, 13));
}

#define FAULTING(name, text) GUEST_CODE_BLOB(insn_##name, 64, text "\n hlt\n")
FAULTING(vmxoff, "vmxoff");
FAULTING(vmlaunch, "vmlaunch");
FAULTING(vmread, "vmread %rax, %rbx");
FAULTING(invept, "invept 0x40000, %rax");
FAULTING(mwait, "mwait");
FAULTING(monitor, "monitor");
FAULTING(rdpmc, "rdpmc");
FAULTING(xsetbv, "xsetbv");
FAULTING(ud2, "ud2");
FAULTING(rsm, "rsm");
FAULTING(harmless, "wbinvd\n invd\n pause\n vmcall");

TEST_F(cpu, instructions)
{
	load(insn_vmxoff);
	EXPECT_TRUE(run_fault(&self->g, 0, 0, 0, 6));
	load(insn_vmlaunch);
	EXPECT_TRUE(run_fault(&self->g, 0, 0, 0, 6));
	load(insn_vmread);
	EXPECT_TRUE(run_fault(&self->g, 0, 0, 0, 6));
	load(insn_invept);
	EXPECT_TRUE(run_fault(&self->g, 0, 0, 0, 6));
	/* They are skipped, though the CPUID has no MONITOR. */
	load(insn_mwait);
	EXPECT_TRUE(run_hlt(&self->g, 0, 0, 0));
	load(insn_monitor);
	EXPECT_TRUE(run_hlt(&self->g, 0, 0, 0));
	load(insn_ud2);
	EXPECT_TRUE(run_fault(&self->g, 0, 0, 0, 6));
	load(insn_rsm);
	EXPECT_TRUE(run_fault(&self->g, 0, 0, 0, 6));
	load(insn_rdpmc);
	EXPECT_TRUE(run_fault(&self->g, 0, 0, 0, 13));
	load(insn_xsetbv);	/* CR4.OSXSAVE is clear */
	EXPECT_TRUE(run_fault(&self->g, 1, 0, 0, 6));
	load(insn_harmless);
	ASSERT_TRUE(run_hlt(&self->g, 0, 0, 0));
	EXPECT_EQ(-1000ll, (long long)vcpu_regs(&self->g.vcpu).rax);
}

/* What names a descriptor table register, with CR4.UMIP on, in a kernel. */
GUEST_CODE_BLOB(tables, 64,
	"mov $0x40000, %ebx\n"
	"sgdt (%rbx)\n sidt 16(%rbx)\n sldt 32(%rbx)\n str 40(%rbx)\n"
	"lgdt (%rbx)\n lidt 16(%rbx)\n"
	"movb $0x89, 0x103d\n"		/* the TSS is free again */
	"mov $0x38, %eax\n ltr %ax\n xor %eax, %eax\n lldt %ax\n"
	"str %ecx\n sgdt 48(%rbx)\n hlt\n");
GUEST_CODE_BLOB(bad_ltr, 64, "mov $0x10, %eax\n ltr %ax\n hlt\n");
FAULTING(sgdt, "sgdt 0x40000");
FAULTING(sidt, "sidt 0x40000");
FAULTING(sldt, "sldt %eax");
FAULTING(str, "str %eax");
FAULTING(lldt, "lldt %ax");
/* A program's HLT gets #GP at its own address. */
#define run_user_ends(g, length) ({						\
	memset(guest_exception(g), 0, sizeof(struct guest_exception));		\
	guest_set_user(&(g)->vcpu);						\
	vcpu_run(&(g)->vcpu);							\
	guest_exception(g)->vector == 13 &&					\
		guest_exception(g)->rip == GUEST_CODE + (length);		\
})

static bool umip_offered(struct guest *g)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(g->vm.dev);
	bool offered = cpuid_find(cpuid, 7, 0)->ecx & 1u << 2;

	free(cpuid);
	return offered;
}

static void set_umip(struct guest *g, bool on)
{
	struct kvm_sregs s = vcpu_sregs(&g->vcpu);

	s.cr4 = on ? s.cr4 | CR4_UMIP : s.cr4 & ~CR4_UMIP;
	vm_must(vcpu_set_sregs(&g->vcpu, &s), "KVM_SET_SREGS");
}

TEST_F(cpu, umip_of_the_kernel)
{
	struct kvm_sregs s;
	uint8_t *data = self->g.ram + GUEST_DATA;

	if (!umip_offered(&self->g))
		SKIP(return, "no UMIP here");
	load(tables);
	set_umip(&self->g, true);
	s = vcpu_sregs(&self->g.vcpu);
	ASSERT_TRUE(run_hlt(&self->g, 0, 0, 0));
	EXPECT_EQ(s.gdt.limit, *(uint16_t *)data);
	EXPECT_EQ(s.gdt.base, *(uint64_t *)(data + 2));
	EXPECT_EQ(s.idt.limit, *(uint16_t *)(data + 16));
	EXPECT_EQ(s.idt.base, *(uint64_t *)(data + 18));
	EXPECT_EQ(s.ldt.selector, *(uint16_t *)(data + 32));
	EXPECT_EQ(s.tr.selector, *(uint16_t *)(data + 40));
	EXPECT_EQ(s.gdt.base, *(uint64_t *)(data + 50));
	EXPECT_EQ((uint64_t)SEL_TSS, vcpu_regs(&self->g.vcpu).rcx);
	EXPECT_EQ(CR4_UMIP, vcpu_sregs(&self->g.vcpu).cr4 & CR4_UMIP);
	/* A fault of the instruction's own. */
	load(bad_ltr);
	set_umip(&self->g, true);
	memset(guest_exception(&self->g), 0, sizeof(struct guest_exception));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(13ull, guest_exception(&self->g)->vector);
	EXPECT_EQ((uint64_t)SEL_DATA, guest_exception(&self->g)->error);
}

TEST_F(cpu, umip_of_a_program)
{
	if (!umip_offered(&self->g))
		SKIP(return, "no UMIP here");
#define CHECK_PROGRAM(name, length) do {					\
	load(insn_##name);							\
	set_umip(&self->g, true);						\
	EXPECT_TRUE(run_user_ends(&self->g, 0)) TH_LOG(#name);			\
	load(insn_##name);							\
	set_umip(&self->g, false);						\
	EXPECT_TRUE(run_user_ends(&self->g, length)) TH_LOG(#name " without UMIP");	\
} while (0)
	CHECK_PROGRAM(sgdt, 8);
	CHECK_PROGRAM(sidt, 8);
	CHECK_PROGRAM(sldt, 3);
	CHECK_PROGRAM(str, 3);
	CHECK_PROGRAM(lldt, 0);
}

/* AVX state of the guest, kept over an exit, while the host uses its own. */
GUEST_CODE_BLOB(avx, 64,
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $7, %eax\n xsetbv\n"
	"mov $0x40000, %ebx\n vmovups (%rbx), %ymm7\n"
	"out %al, $0x10\n"
	"vmovups %ymm7, 64(%rbx)\n"
	"mov $5, %eax\n xsetbv\n hlt\n");

TEST_F(cpu, xsetbv_and_ymm)
{
	uint64_t *data = guest_u64(&self->g, GUEST_DATA);
	uint32_t eax = 7, ebx, ecx = 0, edx;
	double noise = 1.5;

	__asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (!host_has_xsave() || !(ebx & 1u << 5))
		SKIP(return, "no AVX2 here");
	for (int i = 0; i < 4; i++)
		data[i] = 0x1111111111111111ull * (i + 1);
	load(avx);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	__asm__ volatile("vbroadcastsd %0, %%ymm7" : : "m"(noise) : "xmm7");
	/* XCR0 = 5: YMM without SSE faults after the store */
	guest_exception(&self->g)->vector = 0;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(PORT_EXC, self->run->io.port);
	EXPECT_EQ(13ull, guest_exception(&self->g)->vector);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(data[i], data[8 + i]);
}

/*
 * From reset to long mode and back by the guest's own instructions, with an
 * exit at each stop; PAE paging without long mode on the way loads the PDPTEs.
 */
GUEST_CODE_BLOB(real_to_long, 16,
	"code: .set base, 0x10000\n"
	"xor %ax, %ax\n mov %ax, %ds\n"
	"out %al, $0x10\n"			/* 0: real */
	"lgdtl %cs:gdtr - code\n"
	"mov %cr0, %eax\n or $1, %eax\n mov %eax, %cr0\n"
	"ljmpl $0x18, $base + pm - code\n"
	".code32\n pm: mov $0x10, %ax\n mov %ax, %ds\n mov %ax, %ss\n mov %ax, %es\n"
	"out %al, $0x10\n"			/* 1: protected */
	"mov %cr4, %eax\n or $0x20, %eax\n mov %eax, %cr4\n"
	"mov $0xa000, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"mov 0x40000, %ebx\n out %al, $0x10\n"	/* 2: PAE paging */
	"mov $0xa000, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	"mov $0x4000, %eax\n mov %eax, %cr3\n"
	"mov $0xc0000080, %ecx\n rdmsr\n or $0x100, %eax\n wrmsr\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"out %al, $0x10\n"			/* 3: compatibility mode */
	"ljmpl $0x08, $base + lm - code\n"
	".code64\n lm: mov 0x40000, %rbx\n out %al, $0x10\n" /* 4: 64 bit */
	"mov $base + 0x8000, %esp\n push $0x18\n lea back(%rip), %rax\n push %rax\n lretq\n"
	".code32\n back: mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	"out %al, $0x10\n"			/* 5: protected again */
	"hlt\n"
	".balign 4\n gdtr: .word 0x47\n .long 0x1000\n");

TEST_F(cpu, real_to_long_and_back)
{
	struct { uint64_t efer, cr0; } want[] = {
		{ 0, 0 }, { 0, CR0_PE }, { 0, CR0_PE | CR0_PG },
		{ EFER_LME | EFER_LMA, CR0_PE | CR0_PG },
		{ EFER_LME | EFER_LMA, CR0_PE | CR0_PG }, { EFER_LME, CR0_PE },
	};

	guest_destroy(&self->g);
	guest_start(&self->g, MODE_REAL, real_to_long);
	self->run = self->g.vcpu.run;
	guest_build_tables(self->g.ram, true);
	*guest_u64(&self->g, GUEST_DATA) = 0x5566778899aabbcc;
	for (int i = 0; i < 6; i++) {
		struct kvm_sregs s;

		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO)) TH_LOG("stop %d", i);
		s = vcpu_sregs(&self->g.vcpu);
		EXPECT_EQ(want[i].efer, s.efer) TH_LOG("stop %d", i);
		EXPECT_EQ(want[i].cr0, s.cr0 & (CR0_PE | CR0_PG)) TH_LOG("stop %d", i);
		if (i == 2)
			EXPECT_EQ(0x99aabbccull, vcpu_regs(&self->g.vcpu).rbx);
		if (i == 4)
			EXPECT_EQ(0x5566778899aabbccull, vcpu_regs(&self->g.vcpu).rbx);
	}
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

/* A PDPTE with a reserved bit: MOV CR0 that enables PAE paging gets #GP. */
GUEST_CODE_BLOB(pae_enable, 32, "mov %eax, %cr0\n hlt\n");

TEST_F(cpu, pdpte_checks)
{
	struct kvm_sregs s;
	uint64_t *pdpte;

	guest_destroy(&self->g);
	guest_start(&self->g, MODE_PROT32, pae_enable);
	pdpte = guest_u64(&self->g, GUEST_PAE_PDPT);
	s = vcpu_sregs(&self->g.vcpu);
	s.cr3 = GUEST_PAE_PDPT;
	s.cr4 |= CR4_PAE;
	ASSERT_EQ(0, vcpu_set_sregs(&self->g.vcpu, &s));
	pdpte[2] |= 2;
	ASSERT_TRUE(run_fault(&self->g, s.cr0 | CR0_PG, 0, 0, 13));
	EXPECT_EQ(0ull, vcpu_sregs(&self->g.vcpu).cr0 & CR0_PG);
}

GUEST_CODE_BLOB(tsc, 64, "rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %rbx\n"
		"mov $0x10, %ecx\n rdmsr\n shl $32, %rdx\n or %rdx, %rax\n hlt\n");

TEST_F(cpu, tsc)
{
	uint64_t value, start = 1ull << 44;
	struct kvm_regs regs;

	load(tsc);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_GT(regs.rax, regs.rbx);
	EXPECT_LT(regs.rax - regs.rbx, 1ull << 30);
	EXPECT_EQ(1, vcpu_set_msr(&self->g.vcpu, 0x10, start));
	ASSERT_EQ(1, vcpu_get_msr(&self->g.vcpu, 0x10, &value));
	EXPECT_GE(value, start);
	EXPECT_LT(value - start, 1ull << 34);
	load(tsc);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_GE(vcpu_regs(&self->g.vcpu).rbx, start);
}

SLAT_TEST_MAIN
