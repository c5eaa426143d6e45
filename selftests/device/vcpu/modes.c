// SPDX-License-Identifier: GPL-2.0
/*
 * Guests in every CPU mode, the switches between them made by the guest
 * itself, and state that must survive exits: FPU and SSE, MSRs, debug
 * registers, CPUID.
 */
#include "test.h"

#define RESET_PAGE	0xfffff000ul

FIXTURE(modes) {
	struct guest g;
	struct kvm_run *run;
};

GUEST_CODE_BLOB(idle, 64, "hlt\n");

FIXTURE_SETUP(modes)
{
	guest_start(&self->g, MODE_LONG, idle);
	self->run = self->g.vcpu.run;
}

FIXTURE_TEARDOWN(modes)
{
	guest_destroy(&self->g);
}

#define restart(mode, name) do {			\
	guest_destroy(&self->g);			\
	guest_start(&self->g, mode, name);		\
	self->run = self->g.vcpu.run;			\
} while (0)

/* The reset vector: a jump in the last 16 bytes below 4 GiB. */
GUEST_CODE_BLOB(reset_vector, 16, "mov %cs, %ax\n mov %ax, %bx\n jmp 1f\n 1: hlt\n");

TEST_F(modes, real_mode_from_the_reset_vector)
{
	uint8_t *rom = vm_alloc(PAGE_SIZE);
	struct vcpu vcpu;
	struct vm vm;

	vm_create(&vm);
	memcpy(rom + 0xff0, reset_vector_start, reset_vector_end - reset_vector_start);
	ASSERT_EQ(0, vm_set_slot(&vm, 0, KVM_MEM_READONLY, RESET_PAGE, PAGE_SIZE, rom));
	vcpu_create(&vm, 0, &vcpu);
	ASSERT_EQ(0, vcpu_run_to(&vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0xf000ull, vcpu_regs(&vcpu).rbx & 0xffff);
	vcpu_destroy(&vcpu);
	vm_destroy(&vm);
}

GUEST_CODE_BLOB(real, 16,
	"mov $0x2000, %ax\n mov %ax, %ds\n"
	"movw $0x1234, 0x10\n"
	"mov 0x10, %bx\n"
	"push %bx\n pop %cx\n"
	"hlt\n");

TEST_F(modes, real_mode_segments_and_stack)
{
	struct kvm_regs regs;

	restart(MODE_REAL, real);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(0x1234ull, regs.rcx & 0xffff);
	EXPECT_EQ(0x1234, *(uint16_t *)(self->g.ram + 0x20010));
	EXPECT_EQ(0x2000, vcpu_sregs(&self->g.vcpu).ds.selector);
	EXPECT_EQ(0x20000ull, vcpu_sregs(&self->g.vcpu).ds.base);
}

GUEST_CODE_BLOB(real_int, 16,
	"xor %ax, %ax\n mov %ax, %ds\n"
	"movw $0x9000, 0x84\n movw $0, 0x86\n"	/* vector 0x21 -> 0:9000 */
	"movb $0xcf, 0x9000\n"			/* iret */
	"int $0x21\n"
	"mov $0x77, %al\n"
	"hlt\n");

TEST_F(modes, real_mode_software_interrupt)
{
	restart(MODE_REAL, real_int);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x77ull, vcpu_regs(&self->g.vcpu).rax & 0xff);
}

GUEST_CODE_BLOB(flat32, 32,
	"mov $0x12345678, %eax\n"
	"mov %eax, 0x50000\n"
	"push %eax\n pop %ebx\n"
	"call 1f\n hlt\n"
	"1: add $1, %ebx\n ret\n");

TEST_F(modes, flat_32_bit_code_in_each_paging_mode)
{
	static const enum guest_mode modes[] = { MODE_PROT32, MODE_PAGED32, MODE_PAE };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		restart(modes[i], flat32);
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT)) TH_LOG("mode %zu", i);
		EXPECT_EQ(0x12345679ull, vcpu_regs(&self->g.vcpu).rbx);
		EXPECT_EQ(0x12345678u, *(uint32_t *)(self->g.ram + 0x50000));
	}
}

/* Real mode, protected mode, PAE paging, long mode, and all the way back. */
GUEST_CODE_BLOB(ladder, 16,
	"cli\n"
	"xor %ax, %ax\n mov %ax, %ds\n"
	"mov $0x7000, %sp\n"
	"movl $0x1000, 0x8002\n movw $0x47, 0x8000\n"
	"lgdtl 0x8000\n"
	"mov %cr0, %eax\n or $1, %al\n mov %eax, %cr0\n"
	"ljmpl $0x18, $0x10000 + (2f - ladder_start)\n"
	".code32\n"
	"2: mov $0x10, %eax\n mov %eax, %ds\n mov %eax, %ss\n mov %eax, %es\n"
	"mov $0x3f000, %esp\n"
	"mov $1, %eax\n out %eax, $" STR(PORT_SYNC) "\n"
	"mov %cr4, %eax\n or $0x20, %eax\n mov %eax, %cr4\n"
	"mov $0xa000, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"mov $2, %eax\n out %eax, $" STR(PORT_SYNC) "\n"
	"mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	"mov $0x4000, %eax\n mov %eax, %cr3\n"
	"mov $0xc0000080, %ecx\n rdmsr\n or $0x100, %eax\n wrmsr\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"mov $3, %eax\n out %eax, $" STR(PORT_SYNC) "\n"
	"ljmp $0x08, $0x10000 + (3f - ladder_start)\n"
	".code64\n"
	"3: mov $0x123456789abcdef0, %r10\n"
	"mov $4, %eax\n out %eax, $" STR(PORT_SYNC) "\n"
	"push $0x18\n lea 4f(%rip), %rax\n push %rax\n lretq\n"
	".code32\n"
	"4: mov $5, %eax\n out %eax, $" STR(PORT_SYNC) "\n"
	"mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	"mov $0xc0000080, %ecx\n rdmsr\n and $~0x100, %eax\n wrmsr\n"
	"mov %cr0, %eax\n and $~1, %eax\n mov %eax, %cr0\n"
	"mov $6, %eax\n out %eax, $" STR(PORT_SYNC) "\n"
	"hlt\n");

#define expect_step(step) do {							\
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));			\
	ASSERT_EQ((uint64_t)(step), vcpu_io_value(&self->g.vcpu));		\
	s = vcpu_sregs(&self->g.vcpu);						\
} while (0)

TEST_F(modes, the_guest_climbs_to_long_mode_and_back)
{
	struct kvm_sregs s;

	restart(MODE_REAL, ladder);
	expect_step(1);
	EXPECT_EQ(CR0_PE, s.cr0 & (CR0_PE | CR0_PG));
	EXPECT_EQ(0ull, s.efer);
	EXPECT_EQ(1, s.cs.db);
	expect_step(2);
	EXPECT_EQ(CR0_PE | CR0_PG, s.cr0 & (CR0_PE | CR0_PG));
	EXPECT_EQ(GUEST_PAE_PDPT, s.cr3);
	EXPECT_EQ(0ull, s.efer & EFER_LMA);
	expect_step(3);
	EXPECT_EQ(EFER_LME | EFER_LMA, s.efer);
	EXPECT_EQ(0, s.cs.l);
	expect_step(4);
	EXPECT_EQ(1, s.cs.l);
	EXPECT_EQ(0x123456789abcdef0ull, vcpu_regs(&self->g.vcpu).r10);
	expect_step(5);
	EXPECT_EQ(0, s.cs.l);
	EXPECT_EQ(EFER_LME | EFER_LMA, s.efer);
	expect_step(6);
	EXPECT_EQ(0ull, s.cr0 & (CR0_PE | CR0_PG));
	EXPECT_EQ(0ull, s.efer);
	EXPECT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
}

/* PDPTEs are loaded with CR3 and not re-read with each access. */
GUEST_CODE_BLOB(pae_cr3, 32,
	"movl $0, 0x51000\n"
	"mov 0x40000000, %eax\n"
	"mov $0x50000, %ebx\n mov %ebx, %cr3\n"
	"mov 0x40000000, %ecx\n"
	"hlt\n");

TEST_F(modes, pae_tables_change_with_cr3)
{
	uint64_t *pdpt;

	restart(MODE_PAE, pae_cr3);
	pdpt = guest_u64(&self->g, 0x50000);
	/* In the new tables the second GiB is the first one once more. */
	memcpy(pdpt, self->g.ram + GUEST_PAE_PDPT, 32);
	pdpt[1] = pdpt[0];
	*(uint32_t *)self->g.ram = 0xcafe;
	guest_u64(&self->g, GUEST_PD + PAGE_SIZE)[0] = PTE_P | PTE_W | PTE_PS | PTE_A | PTE_D |
						       0x000000;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0xcafeull, vcpu_regs(&self->g.vcpu).rax);
	EXPECT_EQ(0xcafeull, vcpu_regs(&self->g.vcpu).rcx);
}

GUEST_CODE_BLOB(sse, 64,
	"movups 0x40000, %xmm0\n"
	"movups 0x40010, %xmm15\n"
	"fld1\n fldpi\n"
	"ldmxcsr 0x40020\n"
	"mov $1000, %ecx\n"
	"1: mov %ecx, %eax\n" SYNC64
	"dec %ecx\n jnz 1b\n"
	"movups %xmm0, 0x40030\n"
	"movups %xmm15, 0x40040\n"
	"fstpl 0x40050\n fstpl 0x40058\n"
	"stmxcsr 0x40060\n"
	"hlt\n");

/* The host's own SSE use between exits must not reach the guest, nor back. */
TEST_F(modes, fpu_state_survives_exits)
{
	uint8_t *data = self->g.ram + GUEST_DATA;

	guest_load(&self->g, sse);
	for (int i = 0; i < 32; i++)
		data[i] = 0x30 + i;
	*(uint32_t *)(data + 0x20) = 0x1fa0;
	for (int i = 0; i < 1000; i++) {
		double x = i;

		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
		__asm__ volatile("movsd %0, %%xmm0\n mulsd %%xmm0, %%xmm0\n movaps %%xmm0, %%xmm15\n"
				 : : "m"(x) : "xmm0", "xmm15");
	}
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0, memcmp(data, data + 0x30, 16));
	EXPECT_EQ(0, memcmp(data + 16, data + 0x40, 16));
	EXPECT_EQ(0x400921fb54442d18ull, *(uint64_t *)(data + 0x50));
	EXPECT_EQ(0x3ff0000000000000ull, *(uint64_t *)(data + 0x58));
	EXPECT_EQ(0x1fa0u, *(uint32_t *)(data + 0x60));
}

TEST_F(modes, fpu_ioctls_reach_the_guest)
{
	struct kvm_fpu fpu;

	guest_load(&self->g, sse);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_GET_FPU, &fpu));
	EXPECT_EQ(0, memcmp(fpu.xmm[15], self->g.ram + 0x40010, 16));
	memset(fpu.xmm[0], 0x5c, 16);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_FPU, &fpu));
	for (int i = 1; i < 1000; i++) {
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	}
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x5c5c5c5c5c5c5c5cull, *(uint64_t *)(self->g.ram + 0x40030));
}

GUEST_CODE_BLOB(msrs, 64,
	"mov $0xc0000082, %ecx\n rdmsr\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r8\n"
	"mov $0xc0000081, %ecx\n xor %eax, %eax\n mov $0x00230010, %edx\n wrmsr\n"
	"mov $0x174, %ecx\n mov $0x10, %eax\n xor %edx, %edx\n wrmsr\n"
	"mov $0xc0000101, %ecx\n mov $0x45000, %eax\n xor %edx, %edx\n wrmsr\n"
	"mov %gs:8, %r9\n"
	"mov $0xc0000102, %ecx\n mov $0x46000, %eax\n xor %edx, %edx\n wrmsr\n"
	"hlt\n"
	"swapgs\n mov %gs:8, %r9\n hlt\n");

TEST_F(modes, msrs_between_guest_and_host)
{
	uint64_t value;

	guest_load(&self->g, msrs);
	ASSERT_EQ(1, vcpu_set_msr(&self->g.vcpu, 0xc0000082, 0xffffffff81234567));
	*guest_u64(&self->g, 0x45008) = 0x4545;
	*guest_u64(&self->g, 0x46008) = 0x4646;
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0xffffffff81234567ull, vcpu_regs(&self->g.vcpu).r8);
	EXPECT_EQ(0x4545ull, vcpu_regs(&self->g.vcpu).r9);
	EXPECT_EQ(1, vcpu_get_msr(&self->g.vcpu, 0xc0000081, &value));
	EXPECT_EQ(0x0023001000000000ull, value);
	EXPECT_EQ(1, vcpu_get_msr(&self->g.vcpu, 0x174, &value));
	EXPECT_EQ(0x10ull, value);
	EXPECT_EQ(0x45000ull, vcpu_sregs(&self->g.vcpu).gs.base);
	EXPECT_EQ(1, vcpu_get_msr(&self->g.vcpu, 0xc0000102, &value));
	EXPECT_EQ(0x46000ull, value);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x4646ull, vcpu_regs(&self->g.vcpu).r9);
	EXPECT_EQ(0x46000ull, vcpu_sregs(&self->g.vcpu).gs.base);
}

/* The syscall MSRs are the CPU's: SYSCALL must land where the guest said. */
GUEST_CODE_BLOB(syscall, 64,
	"mov $0xc0000082, %ecx\n lea 1f(%rip), %rax\n xor %edx, %edx\n wrmsr\n"
	"mov $0xc0000081, %ecx\n xor %eax, %eax\n mov $0x00000008, %edx\n wrmsr\n"
	"mov $0xc0000084, %ecx\n mov $0x200, %eax\n xor %edx, %edx\n wrmsr\n"
	"mov $0xc0000080, %ecx\n rdmsr\n or $1, %eax\n wrmsr\n"
	"syscall\n"
	"2: hlt\n"
	"1: lea 2b(%rip), %rbx\n hlt\n");

TEST_F(modes, syscall_lands_at_lstar)
{
	struct kvm_regs regs;

	guest_load(&self->g, syscall);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(regs.rbx, regs.rcx);
	EXPECT_NE(0ull, regs.rcx);
	EXPECT_EQ(0ull, regs.rflags & RFLAGS_IF);
}

GUEST_CODE_BLOB(tsc, 64,
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r8\n" SYNC64
	"rdtsc\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r9\n hlt\n");

TEST_F(modes, tsc_starts_near_zero_and_grows)
{
	struct kvm_regs regs;
	uint64_t value;

	guest_load(&self->g, tsc);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_LT(regs.r8, regs.r9);
	EXPECT_EQ(1, vcpu_get_msr(&self->g.vcpu, 0x10, &value));
	EXPECT_LT(regs.r9, value);
	ASSERT_EQ(1, vcpu_set_msr(&self->g.vcpu, 0x10, 1ull << 50));
	guest_load(&self->g, tsc);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_LE(1ull << 50, vcpu_regs(&self->g.vcpu).r8);
}

GUEST_CODE_BLOB(debugregs, 64,
	"mov $0x11110000, %rax\n mov %rax, %db0\n"
	"mov $0x33330000, %rax\n mov %rax, %db3\n"
	"mov $0x400, %rax\n mov %rax, %db7\n"
	"mov $100, %ecx\n"
	"1: mov %ecx, %eax\n" SYNC64
	"mov %db0, %rbx\n mov %db3, %rdx\n mov %db7, %rsi\n"
	"cmp $0x11110000, %rbx\n jne 2f\n"
	"cmp $0x33330000, %rdx\n jne 2f\n"
	"cmp $0x400, %rsi\n jne 2f\n"
	"dec %ecx\n jnz 1b\n"
	"2: hlt\n");

TEST_F(modes, debug_registers_survive_exits)
{
	guest_load(&self->g, debugregs);
	for (int i = 100; i > 0; i--) {
		ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
		ASSERT_EQ((uint64_t)i, vcpu_io_value(&self->g.vcpu));
	}
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0ull, vcpu_regs(&self->g.vcpu).rcx & 0xffffffff);
}

GUEST_CODE_BLOB(cpuid, 64,
	"mov $0x80000002, %eax\n cpuid\n mov %eax, %r8d\n"
	"mov $1, %eax\n cpuid\n mov %ecx, %r9d\n"
	"mov %cr4, %rax\n or $0x40000, %rax\n mov %rax, %cr4\n"
	"mov $1, %eax\n cpuid\n mov %ecx, %r10d\n"
	"mov $0x40ffffff, %eax\n mov $7, %ebx\n cpuid\n"
	"hlt\n");

/* CPUID answers what SET_CPUID2 said; OSXSAVE alone follows CR4. */
TEST_F(modes, cpuid_as_set)
{
	struct kvm_cpuid2 *table = vm_supported_cpuid(self->g.vm.dev);
	struct kvm_regs regs;

	if (!(cpuid_find(table, 1, 0)->ecx & 1u << 26))
		SKIP(return, "no XSAVE on this device");
	cpuid_find(table, 0x80000002, 0)->eax = 0x74616c53;
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_SET_CPUID2, table));
	guest_load(&self->g, cpuid);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(0x74616c53ull, regs.r8);
	EXPECT_EQ(0ull, regs.r9 & 1u << 27);
	EXPECT_NE(0ull, regs.r10 & 1u << 27);
	free(table);
}

TEST_F(modes, translate)
{
	struct kvm_translation tr = { .linear_address = 0x12345 };

	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x12345ull, tr.physical_address);
	/* An entry of 4K: linear 0x40001000 is physical 0x7000. */
	guest_u64(&self->g, GUEST_PD + PAGE_SIZE)[0] = 0x50000 | PTE_P | PTE_W;
	guest_u64(&self->g, 0x50000)[1] = 0x7000 | PTE_P;
	tr.linear_address = 0x40001234;
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x7234ull, tr.physical_address);
	tr.linear_address = 0x40002000;
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(0, tr.valid);
	EXPECT_EQ(~0ull, tr.physical_address);
}

TEST_F(modes, translate_without_paging_is_the_identity)
{
	struct kvm_translation tr = { .linear_address = 0x1234567 };

	restart(MODE_PROT32, flat32);
	ASSERT_EQ(0, vm_ioctl(self->g.vcpu.fd, KVM_TRANSLATE, &tr));
	EXPECT_EQ(1, tr.valid);
	EXPECT_EQ(0x1234567ull, tr.physical_address);
}

SLAT_TEST_MAIN
