// SPDX-License-Identifier: GPL-2.0
/*
 * Whole little programs against a device that answers from memory: what
 * firmware does with VGA memory in real mode, a stack or a branch target in a
 * device, the rarer forms with a memory operand, and writes to a READONLY slot.
 * mmio.c looks at single exits; here it is the outcome that counts.
 *
 * Where KVM's emulator does not know a form it says so (an internal error), and
 * that is accepted of KVM alone. Where one step of an instruction writes to a
 * device more than once, KVM tells the last write only: skipped there.
 */
#include "test.h"

#define MMIO	0xd0000000ull
#define VGA	0xa0000ull
#define ROM	0xc0000ull
#define BYTES	0x1000

FIXTURE(forms) {
	struct guest g;
	uint64_t base;
	unsigned int reads, writes;
	uint8_t dev[BYTES];
};

FIXTURE_SETUP(forms)
{
}

FIXTURE_TEARDOWN(forms)
{
	guest_destroy(&self->g);
}

enum outcome { HALTED, REFUSED, WRONG };

static bool dev_serve(FIXTURE_DATA(forms) * self)
{
	struct kvm_run *run = self->g.vcpu.run;
	uint64_t offset = run->mmio.phys_addr - self->base;

	if (offset > BYTES - run->mmio.len)
		return false;
	if (run->mmio.is_write) {
		memcpy(self->dev + offset, run->mmio.data, run->mmio.len);
		self->writes++;
	} else {
		memcpy(run->mmio.data, self->dev + offset, run->mmio.len);
		self->reads++;
	}
	return true;
}

/* Run to the halt, the device answering. */
static enum outcome dev_run(FIXTURE_DATA(forms) * self)
{
	struct kvm_run *run = self->g.vcpu.run;

	self->reads = self->writes = 0;
	for (int i = 0; i < 100000; i++) {
		int ret = vcpu_run(&self->g.vcpu);

		if (!ret && run->exit_reason == KVM_EXIT_HLT)
			return HALTED;
		if (!ret && run->exit_reason == KVM_EXIT_INTERNAL_ERROR &&
		    vm_is_kvm(&self->g.vm))
			return REFUSED;
		if (ret || run->exit_reason != KVM_EXIT_MMIO || !dev_serve(self)) {
			vcpu_describe_exit(&self->g.vcpu, ret);
			return WRONG;
		}
	}
	return WRONG;
}

static void dev_put(FIXTURE_DATA(forms) * self, unsigned int offset, uint64_t value)
{
	memcpy(self->dev + offset, &value, sizeof(value));
}

static uint64_t dev_get(FIXTURE_DATA(forms) * self, unsigned int offset)
{
	uint64_t value;

	memcpy(&value, self->dev + offset, sizeof(value));
	return value;
}

#define CF	0x001
#define ZF	0x040

/* RBX is the device, which holds @dev at 0; what comes of RAX, RDX and the device. */
struct form {
	const char *name;
	const char *start, *end;
	uint64_t rax, rdx, dev;
	uint64_t want_rax, want_rdx, want_dev;
	uint32_t flags_mask, flags;
};

#define FORM(name, text)	GUEST_CODE_BLOB(form_##name, 64, text "\n hlt\n")
#define ENTRY(name, ...)	{ #name, form_##name##_start, form_##name##_end, __VA_ARGS__ }

FORM(mul32, "mull (%rbx)");
FORM(mul64, "mulq (%rbx)");
FORM(imul8, "imulb (%rbx)");
FORM(imul2, "imul (%rbx), %eax");
FORM(imul3, "imul $-3, (%rbx), %rax");
FORM(div8, "divb (%rbx)");
FORM(div32, "divl (%rbx)");
FORM(div64, "divq (%rbx)");
FORM(idiv64, "idivq (%rbx)");
FORM(bsf32, "bsfl (%rbx), %eax");
FORM(bsr64, "bsrq (%rbx), %rax");
FORM(bsf_none, "bsfq (%rbx), %rax");
FORM(xlat, "xlat");
FORM(not16, "notw (%rbx)");
FORM(neg32, "negl (%rbx)");
FORM(inc8, "incb (%rbx)");
FORM(dec64, "decq (%rbx)");
FORM(rol8, "rolb $3, (%rbx)");
FORM(rcl32, "stc\n rcll $1, (%rbx)");
FORM(rcr16, "clc\n rcrw $1, (%rbx)");
FORM(shl64, "mov %eax, %ecx\n shlq %cl, (%rbx)");
FORM(sar32, "sarl $4, (%rbx)");
FORM(shld32, "shldl $8, %eax, (%rbx)");
FORM(shrd64, "shrdq $16, %rax, (%rbx)");
FORM(xchg32, "xchg %eax, (%rbx)");
FORM(xadd32, "lock xaddl %eax, (%rbx)");
FORM(cmpxchg, "cmpxchg %rdx, (%rbx)");
FORM(cmpxchg_not, "cmpxchg %rdx, (%rbx)");
FORM(bts, "lock btsl $4, (%rbx)");
FORM(btr_reg, "btr %rdx, (%rbx)");
FORM(setc, "stc\n setc (%rbx)");
FORM(cmov, "cmp %eax, %eax\n cmovz (%rbx), %eax");
FORM(push_pop, "push (%rbx)\n pop %rax");
FORM(pop_mem, "push %rax\n pop (%rbx)");
FORM(lods, "mov %rbx, %rsi\n lodsl");
FORM(scas, "mov %rbx, %rdi\n mov $8, %ecx\n repne scasb");
FORM(mmx, "movq (%rbx), %mm3\n movq %mm3, (%rbx)\n movq %mm3, -8(%rsp)\n mov -8(%rsp), %rax\n emms");
FORM(mmx32, "movd (%rbx), %mm3\n movq %mm3, -8(%rsp)\n mov -8(%rsp), %rax\n emms");

static const struct form forms[] = {
	ENTRY(mul32, 0x80000001, 9, 4, 4, 2, 4, CF, CF),
	ENTRY(mul64, 1ull << 63, 9, 6, 0, 3, 6, CF, CF),
	ENTRY(imul8, -3ull, 7, 5, -15ull, 7, 5, CF, 0),
	ENTRY(imul2, 6, 0, 7, 42, 0, 7, CF, 0),
	ENTRY(imul3, 0, 0, 5, -15ull, 0, 5, CF, 0),
	ENTRY(div8, 0x0107, 3, 0x10, 0x0710, 3, 0x10, 0, 0),
	ENTRY(div32, 2, 1, 3, 0x55555556, 0, 3, 0, 0),
	ENTRY(div64, 5, 1, 0x10, 1ull << 60, 5, 0x10, 0, 0),
	ENTRY(idiv64, -7ull, -1ull, 2, -3ull, -1ull, 2, 0, 0),
	ENTRY(bsf32, 0, 0, 0xffff00000, 20, 0, 0xffff00000, ZF, 0),
	ENTRY(bsr64, 0, 0, 0xffff00000, 35, 0, 0xffff00000, ZF, 0),
	ENTRY(bsf_none, 77, 0, 0, 77, 0, 0, ZF, ZF),
	ENTRY(xlat, 0x1105, 0, 0x8877665544332211, 0x1166, 0, 0x8877665544332211, 0, 0),
	ENTRY(not16, 1, 0, 0x1111, 1, 0, 0xeeee, 0, 0),
	ENTRY(neg32, 1, 0, 1, 1, 0, 0xffffffff, CF, CF),
	ENTRY(inc8, 1, 0, 0x1ff, 1, 0, 0x100, ZF, ZF),
	ENTRY(dec64, 1, 0, 0, 1, 0, -1ull, ZF, 0),
	ENTRY(rol8, 1, 0, 0x81, 1, 0, 0x0c, CF, 0),
	ENTRY(rcl32, 1, 0, 0x80000000, 1, 0, 1, CF, CF),
	ENTRY(rcr16, 1, 0, 3, 1, 0, 1, CF, CF),
	ENTRY(shl64, 60, 0, 0x12, 60, 0, 0x2ull << 60, CF, CF),
	ENTRY(sar32, 1, 0, 0x80000000, 1, 0, 0xf8000000, CF, 0),
	ENTRY(shld32, 0xab000000, 0, 0x11223344, 0xab000000, 0, 0x223344ab, CF, CF),
	ENTRY(shrd64, 0xabcd, 0, 0x1122334455667788, 0xabcd, 0, 0xabcd112233445566, CF, 0),
	ENTRY(xchg32, 0x1234, 0, 0x5678, 0x5678, 0, 0x1234, 0, 0),
	ENTRY(xadd32, 1, 0, 0xffffffff, 0xffffffff, 0, 0, CF | ZF, CF | ZF),
	ENTRY(cmpxchg, 5, 6, 5, 5, 6, 6, ZF, ZF),
	ENTRY(cmpxchg_not, 4, 6, 5, 5, 6, 5, ZF, 0),
	ENTRY(bts, 1, 0, 0, 1, 0, 0x10, CF, 0),
	ENTRY(btr_reg, 1, 63, 1ull << 63, 1, 63, 0, CF, CF),
	ENTRY(setc, 1, 0, 0, 1, 0, 1, CF, CF),
	ENTRY(cmov, 1, 0, 0x99, 0x99, 0, 0x99, ZF, ZF),
	ENTRY(push_pop, 1, 0, 0x1122334455667788, 0x1122334455667788, 0, 0x1122334455667788, 0, 0),
	ENTRY(pop_mem, 0x1122334455667788, 0, 0, 0x1122334455667788, 0, 0x1122334455667788, 0, 0),
	ENTRY(lods, 1, 0, 0x1122334455667788, 0x55667788, 0, 0x1122334455667788, 0, 0),
	ENTRY(scas, 0x55, 0, 0x1122334455667788, 0x55, 0, 0x1122334455667788, ZF, ZF),
	ENTRY(mmx, 1, 0, 0x1122334455667788, 0x1122334455667788, 0, 0x1122334455667788, 0, 0),
	ENTRY(mmx32, 1, 0, 0x1122334455667788, 0x55667788, 0, 0x1122334455667788, 0, 0),
};

static bool form_is_right(FIXTURE_DATA(forms) * self, const struct form *f)
{
	struct kvm_regs regs;
	enum outcome outcome;

	guest_load_code(&self->g, f->start, f->end);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rax = f->rax;
	regs.rdx = f->rdx;
	regs.rbx = MMIO;
	regs.rflags = 2;
	vcpu_set_regs(&self->g.vcpu, &regs);
	dev_put(self, 0, f->dev);
	outcome = dev_run(self);
	if (outcome == REFUSED)
		fprintf(stderr, "# %s: refused\n", f->name);
	if (outcome != HALTED)
		return outcome == REFUSED;
	regs = vcpu_regs(&self->g.vcpu);
	if (regs.rax == f->want_rax && regs.rdx == f->want_rdx && dev_get(self, 0) == f->want_dev &&
	    (regs.rflags & f->flags_mask) == f->flags &&
	    regs.rip == GUEST_CODE + (uint64_t)(f->end - f->start))
		return true;
	fprintf(stderr, "# %s: rax 0x%llx rdx 0x%llx device 0x%lx rflags 0x%llx rip 0x%llx\n",
		f->name, regs.rax, regs.rdx, dev_get(self, 0), regs.rflags, regs.rip);
	return false;
}

TEST_F(forms, arithmetic_and_moves)
{
	guest_start(&self->g, MODE_LONG, form_mul32);
	self->base = MMIO;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		EXPECT_TRUE(form_is_right(self, &forms[i]));
}

GUEST_CODE_BLOB(divide_error, 64, "divl (%rbx)\n hlt\n");

/* The fault is the guest's, after the device was read. */
TEST_F(forms, division_by_a_device_that_answers_zero)
{
	struct kvm_regs regs;

	guest_start(&self->g, MODE_LONG, divide_error);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rbx = MMIO;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	memset(self->g.vcpu.run->mmio.data, 0, 8);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_IO));
	EXPECT_EQ(0ull, guest_exception(&self->g)->vector);
	EXPECT_EQ(GUEST_CODE, guest_exception(&self->g)->rip);
}

/* The target of a branch comes from the device; RIP and the stack are right. */
GUEST_CODE_BLOB(branches, 64,
	"lea 1f(%rip), %rax\n mov %rax, (%rbx)\n"
	"lea 3f(%rip), %rax\n mov %rax, 8(%rbx)\n"
	"call *(%rbx)\n"
	"mov $2, %edx\n jmp *8(%rbx)\n"
	"mov $99, %edx\n hlt\n"
	"1: mov (%rsp), %rsi\n mov $1, %ecx\n ret\n"
	"3: hlt\n");

TEST_F(forms, branches_through_a_device)
{
	struct kvm_regs regs;
	enum outcome outcome;

	guest_start(&self->g, MODE_LONG, branches);
	self->base = MMIO;
	regs = vcpu_regs(&self->g.vcpu);
	regs.rbx = MMIO;
	vcpu_set_regs(&self->g.vcpu, &regs);
	outcome = dev_run(self);
	if (outcome == REFUSED)
		SKIP(return, "refused");
	ASSERT_EQ(HALTED, outcome);
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(1ull, regs.rcx);
	EXPECT_EQ(2ull, regs.rdx);
	EXPECT_EQ(GUEST_STACK, regs.rsp);
	EXPECT_EQ(GUEST_CODE + (uint64_t)(branches_end - branches_start), regs.rip);
}

/* Everything that touches the stack, which is in the device. */
GUEST_CODE_BLOB(stack64, 64,
	"lea 0x800(%rbx), %rsp\n"
	"push %rax\n push $0x55\n pushw $0x1234\n popw %si\n"
	"stc\n pushf\n clc\n popf\n setc %dl\n"
	"push %rbp\n mov %rsp, %rbp\n sub $0x40, %rsp\n leave\n"
	"call 1f\n"
	"pop %rcx\n pop %rax\n hlt\n"
	"1: ret\n");

TEST_F(forms, stack_in_a_device)
{
	struct kvm_regs regs;
	enum outcome outcome;

	guest_start(&self->g, MODE_LONG, stack64);
	self->base = MMIO;
	regs = vcpu_regs(&self->g.vcpu);
	regs.rbx = MMIO;
	regs.rax = 0x1122334455667788;
	regs.rbp = 0x1234;
	vcpu_set_regs(&self->g.vcpu, &regs);
	outcome = dev_run(self);
	if (outcome == REFUSED)
		SKIP(return, "refused");
	ASSERT_EQ(HALTED, outcome);
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(0x1122334455667788ull, regs.rax);
	EXPECT_EQ(0x55ull, regs.rcx);
	EXPECT_EQ(1ull, regs.rdx & 0xff);
	EXPECT_EQ(0x1234ull, regs.rsi & 0xffff);
	EXPECT_EQ(0x1234ull, regs.rbp);
	EXPECT_EQ(MMIO + 0x800, regs.rsp);
	EXPECT_EQ(0x1122334455667788ull, dev_get(self, 0x7f8));
	EXPECT_EQ(0x55ull, dev_get(self, 0x7f0));
}

GUEST_CODE_BLOB(pusha32, 32,
	"lea 0x800(%ebx), %esp\n pusha\n"
	"mov $0, %eax\n mov $0, %ecx\n mov $0, %esi\n mov $0, %ebp\n"
	"popa\n hlt\n");

TEST_F(forms, pusha_and_popa_in_a_device)
{
	struct kvm_regs regs;

	guest_start(&self->g, MODE_PROT32, pusha32);
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM tells the last of the eight writes only");
	self->base = MMIO;
	regs = vcpu_regs(&self->g.vcpu);
	regs.rbx = MMIO;
	regs.rax = 0xa1;
	regs.rcx = 0xc1;
	regs.rsi = 0x51;
	regs.rbp = 0xb1;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(HALTED, dev_run(self));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(8u, self->writes);
	EXPECT_EQ(0xa1ull, regs.rax);
	EXPECT_EQ(0xc1ull, regs.rcx);
	EXPECT_EQ(0x51ull, regs.rsi);
	EXPECT_EQ(0xb1ull, regs.rbp);
	EXPECT_EQ(MMIO, regs.rbx);
	EXPECT_EQ(MMIO + 0x800, regs.rsp);
	EXPECT_EQ(0xa1ull << 32 | 0xc1, dev_get(self, 0x7f8));
	EXPECT_EQ(MMIO + 0x800, dev_get(self, 0x7ec) & 0xffffffff);
}

/*
 * Real mode. Memory as a PC has it: RAM up to VGA, then the device, then a ROM
 * (a READONLY slot) with a pattern in it.
 */
static void pc_start(FIXTURE_DATA(forms) * self, const char *start, const char *end)
{
	guest_init(&self->g, MODE_REAL, start, end);
	vm_must(vm_delete_slot(&self->g.vm, 0), "delete");
	vm_must(vm_set_slot(&self->g.vm, 0, 0, 0, VGA, self->g.ram), "RAM");
	vm_must(vm_set_slot(&self->g.vm, 1, KVM_MEM_READONLY, ROM, BYTES, self->g.ram + ROM),
		"ROM");
	for (unsigned int i = 0; i < BYTES; i++)
		self->g.ram[ROM + i] = i * 3;
	self->base = VGA;
}

#define pc(self, blob)	pc_start(self, blob##_start, blob##_end)

/* Clear the first lines, write a text with attributes, scroll up, then down. */
GUEST_CODE_BLOB(vga_text, 16,
	"mov $0xa000, %ax\n mov %ax, %es\n mov %ax, %ds\n cld\n"
	"xor %di, %di\n mov $0x0720, %ax\n mov $240, %cx\n rep stosw\n"
	"mov $160, %di\n mov $0x1f41, %ax\n mov $5, %cx\n"
	"1: stosw\n inc %al\n loop 1b\n"
	"mov $160, %si\n xor %di, %di\n mov $80, %cx\n rep movsw\n"
	"std\n mov $158, %si\n mov $318, %di\n mov $80, %cx\n rep movsw\n"
	"cld\n hlt\n");

TEST_F(forms, real_mode_text_screen)
{
	pc(self, vga_text);
	ASSERT_EQ(HALTED, dev_run(self));
	EXPECT_EQ(240u + 5 + 80 + 80, self->writes);
	EXPECT_EQ(160u, self->reads);
	EXPECT_EQ(0x1f441f431f421f41ull, dev_get(self, 0));
	EXPECT_EQ(0x0720072007201f45ull, dev_get(self, 8));
	EXPECT_EQ(0x1f441f431f421f41ull, dev_get(self, 160));
	EXPECT_EQ(0x0720072007200720ull, dev_get(self, 320));
	EXPECT_EQ(0ull, dev_get(self, 480));
}

/* Planes and latches are worked with read-modify-write instructions. */
GUEST_CODE_BLOB(vga_pixels, 16,
	"mov $0xa000, %ax\n mov %ax, %es\n mov $0x10, %bx\n"
	"movb $0x0f, %es:(%bx)\n orb $0xc0, %es:(%bx)\n andb $0xf8, %es:(%bx)\n"
	"xorb $0xff, %es:(%bx)\n notb %es:(%bx)\n incb %es:(%bx)\n"
	"mov $0x55, %al\n xchg %al, %es:(%bx)\n mov %al, %es:1(%bx)\n"
	"addw $0x1234, %es:2(%bx)\n decw %es:2(%bx)\n"
	"testb $0x80, %es:1(%bx)\n setnz %dl\n"
	"cmpb $0x55, %es:(%bx)\n sete %dh\n"
	"movl $0x11223344, %es:4(%bx)\n rolw $4, %es:4(%bx)\n"
	"lodsb %es:(%si)\n hlt\n");

TEST_F(forms, real_mode_pixels)
{
	struct kvm_regs regs;

	pc(self, vga_pixels);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rsi = 0x14;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(HALTED, dev_run(self));
	regs = vcpu_regs(&self->g.vcpu);
	/* 0f | c0 = cf & f8 = c8 ^ ff = 37 ~ c8 + 1 = c9 */
	EXPECT_EQ(0x112234431233c955ull, dev_get(self, 0x10));
	EXPECT_EQ(0x0101ull, regs.rdx & 0xffff);
	EXPECT_EQ(0x43ull, regs.rax & 0xff);
	EXPECT_EQ(0x15ull, regs.rsi & 0xffff);
}

/* Reads of the ROM are memory, writes to it are exits, by whatever instruction. */
GUEST_CODE_BLOB(rom, 16,
	"mov $0xc000, %ax\n mov %ax, %es\n mov %ax, %ds\n mov %ax, %ss\n"
	"mov $0x800, %sp\n push %ax\n pushl $0x12345678\n call 1f\n"
	"1: movw $0x5a5a, 0x10\n incb 0x20\n xchg %al, 0x21\n addl $1, 0x30\n"
	"cld\n mov $0x40, %si\n mov $0x100, %di\n mov $16, %cx\n rep movsb\n"
	"mov $0x200, %di\n mov $8, %cx\n rep stosw\n"
	"mov 0x22, %ax\n hlt\n");

TEST_F(forms, real_mode_writes_to_a_rom)
{
	struct kvm_regs regs;
	enum outcome outcome;

	pc(self, rom);
	self->base = ROM;
	outcome = dev_run(self);
	if (outcome == REFUSED)
		SKIP(return, "refused");
	ASSERT_EQ(HALTED, outcome);
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(0u, self->reads);
	EXPECT_EQ(1u + 1 + 1 + 4 + 16 + 8, self->writes);
	EXPECT_EQ(0xc00012345678ull, dev_get(self, 0x7f8) >> 16);
	EXPECT_EQ(0x5a5aull, dev_get(self, 0x10) & 0xffff);
	EXPECT_EQ((0x20 * 3 + 1ull) & 0xff, self->dev[0x20]);
	EXPECT_EQ(0ull, self->dev[0x21]);
	for (unsigned int i = 0; i < 16; i++)
		EXPECT_EQ((uint8_t)((0x40 + i) * 3), self->dev[0x100 + i]);
	/* The ROM itself is what it was. */
	for (unsigned int i = 0; i < BYTES; i++)
		ASSERT_EQ((uint8_t)(i * 3), self->g.ram[ROM + i]);
	EXPECT_EQ(((0x23 * 3) & 0xff) << 8 | ((0x22 * 3) & 0xff), regs.rax & 0xffff);
}

/* Ports and a ROM: INS writes to it (exits), OUTS reads it (memory). */
GUEST_CODE_BLOB(rom_ports, 16,
	"mov $0xc000, %ax\n mov %ax, %es\n mov %ax, %fs\n cld\n mov $0x510, %dx\n"
	"mov $0x40, %di\n mov $4, %cx\n rep insb\n"
	"mov $0x50, %si\n mov $4, %cx\n fs rep outsb\n hlt\n");

TEST_F(forms, strings_between_ports_and_a_rom)
{
	struct kvm_run *run;
	unsigned int in = 0, out = 0;

	pc(self, rom_ports);
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM tells the last write of a read-ahead only");
	self->base = ROM;
	run = self->g.vcpu.run;
	for (;;) {
		uint8_t *data;

		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		if (run->exit_reason == KVM_EXIT_HLT)
			break;
		if (run->exit_reason == KVM_EXIT_MMIO) {
			ASSERT_TRUE(dev_serve(self));
			continue;
		}
		ASSERT_EQ(KVM_EXIT_IO, run->exit_reason);
		data = (uint8_t *)run + run->io.data_offset;
		for (unsigned int i = 0; i < run->io.count; i++) {
			if (run->io.direction == KVM_EXIT_IO_IN)
				data[i] = 0xe0 + in++;
			else
				ASSERT_EQ((uint8_t)((0x50 + out++) * 3), data[i]);
		}
	}
	EXPECT_EQ(4u, in);
	EXPECT_EQ(4u, out);
	EXPECT_EQ(4u, self->writes);
	EXPECT_EQ(0xe3e2e1e0ull, dev_get(self, 0x40));
	EXPECT_EQ(0x40 * 3, self->g.ram[ROM + 0x40]);
}

SLAT_TEST_MAIN
