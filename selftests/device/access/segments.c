// SPDX-License-Identifier: GPL-2.0
/*
 * Segment loads, far branches and system registers through a device. Each instruction runs
 * twice from the same state: once with its operand in RAM, when the processor carries it out,
 * once with the same bytes in a device, when the emulator does. All that can be seen
 * afterwards must be the same: registers, hidden parts of segments, descriptors, memory, the
 * exception with its error code.
 *
 * What KVM's emulator does not know it says (an internal error), and that is accepted of KVM
 * alone. Rows that are not for KVM are those where it does otherwise than the processor: of two
 * writes to a device it tells the last, what pops twice from a device pops too much, data of
 * an inner level may be loaded where CPL or RPL is good enough, null in SS becomes a segment, a
 * step traps right behind MOV SS, and LGDT and its like read and write RAM alone, for ever.
 *
 * ENTER with 16-bit operands in 64-bit code is not here: Bochs takes it for the other one.
 * selftests/insn compares it with a processor.
 */
#include "test.h"

#define MMIO		0xd0000000ull
#define RAM_PLACE	(GUEST_DATA + 0x10000)	/* 16 bits of both are the same */
#define PLACE_BYTES	0x1000
#define OPERAND		0x800		/* in the place; RBX points there */
#define LDT		(GUEST_DATA + 0x2000)
#define GDT_BYTES	0x100
#define TARGET		(GUEST_CODE + 0x80)	/* of branches; a HLT */

/* Descriptors behind those that every guest has. */
#define SEL_D0		0x80	/* data of level 0, not accessed */
#define SEL_D3		0x88
#define SEL_RO		0x90	/* 16-bit, read only, 0x124 bytes */
#define SEL_CONFORMING	0x98
#define SEL_EXEC	0xa0	/* cannot be read */
#define SEL_ABSENT	0xa8
#define SEL_NEW_TSS	0xb0	/* 16 bytes, as the next */
#define SEL_LDT		0xc0
#define SEL_C64		0xd0
#define SEL_C32		0xd8
#define SEL_C_BAD	0xe0	/* L and D */
#define SEL_DOWN	0xe8	/* expands down */
#define SEL_U64		0xf0
#define SEL_BUSY	SEL_TSS
#define SEL_IN_LDT	(8 | 4)

#define DESCRIPTOR(base, limit, access, flags)						\
	(((limit) & 0xffffull) | ((base) & 0xffffffull) << 16 | (uint64_t)(access) << 40 |	\
	 ((limit) >> 16 & 15ull) << 48 | (uint64_t)(flags) << 52 | (uint64_t)(base) >> 24 << 56)

static const uint64_t more_gdt[] = {
	DESCRIPTOR(0x12345000ull, 0xfffff, 0x92, 0xd),	/* AVL set too */
	DESCRIPTOR(0ull, 0xfffff, 0xf2, 0xc),
	DESCRIPTOR(0x11000ull, 0x123, 0x90, 0),
	DESCRIPTOR(0ull, 0xfffff, 0x9e, 0xc),
	DESCRIPTOR(0ull, 0xfffff, 0x98, 0xc),
	DESCRIPTOR(0ull, 0xfffff, 0x12, 0xc),
	DESCRIPTOR(0x10ull << 12, 0x67, 0x89, 0), 0x1234,
	DESCRIPTOR(LDT, 0x3f, 0x82, 0), 0,
	DESCRIPTOR(0ull, 0xfffff, 0x9a, 0xa),
	DESCRIPTOR(0ull, 0xfffff, 0x9a, 0xc),
	DESCRIPTOR(0ull, 0xfffff, 0x9a, 0xe),
	DESCRIPTOR(0ull, 0x00fff, 0x96, 0x4),
	DESCRIPTOR(0ull, 0xfffff, 0xfa, 0xa),
};

FIXTURE(segments) {
	struct guest g;
	uint64_t place;
	uint8_t dev[PLACE_BYTES];
};
#define segments_data FIXTURE_DATA(segments)

FIXTURE_SETUP(segments)
{
}

FIXTURE_TEARDOWN(segments)
{
	guest_destroy(&self->g);
}

/* What can be seen of one run. */
struct outcome {
	bool refused;
	bool halted;
	struct guest_exception exception;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint8_t place[PLACE_BYTES];
	uint8_t gdt[GDT_BYTES];
	uint8_t ldt[64];
};

enum { KVM_SAME, KVM_DIFFERS };

struct row {
	const char *name;
	const char *start, *end;
	uint64_t low;		/* the operand */
	uint16_t high;
	int kvm;
};

#define FORM(name, bits, text)	GUEST_CODE_BLOB(form_##name, bits, text "\n hlt\n")
#define ROW_(name, low, high, kvm) \
	{ #name " " #low, form_##name##_start, form_##name##_end, low, high, kvm }
#define ROW(name, low)		ROW_(name, low, 0, KVM_SAME)
#define WIDE(name, low, high)	ROW_(name, low, high, KVM_SAME)
#define OWN(name, low, high)	ROW_(name, low, high, KVM_DIFFERS)
#define POINTER(offset, sel)	((offset) | (uint64_t)(sel) << 32)

FORM(ds, 64, "mov (%rbx), %ds");
FORM(es, 64, "mov (%rbx), %es");
FORM(fs, 64, "mov (%rbx), %fs");
FORM(gs, 64, "mov (%rbx), %gs");
FORM(ss, 64, "mov (%rbx), %ss");
FORM(step_ds, 64, "pushfq\n orl $0x100, (%rsp)\n popfq\n mov (%rbx), %ds\n nop\n nop");
FORM(step_ss, 64, "pushfq\n orl $0x100, (%rsp)\n popfq\n mov (%rbx), %ss\n nop\n nop");
FORM(lss, 64, "lss (%rbx), %eax");
FORM(lfs, 64, "lfs (%rbx), %ecx");
FORM(lgs16, 64, "lgsw (%rbx), %dx");
FORM(lgs64, 64, ".byte 0x48, 0x0f, 0xb5, 0x03");	/* lgs (%rbx), %rax */
FORM(pop_fs, 64, "mov %rbx, %rsp\n popq %fs");
FORM(pop_gs16, 64, "mov %rbx, %rsp\n popw %gs");
FORM(smsw, 64, "smsw (%rbx)");
FORM(sldt, 64, "sldt (%rbx)");
FORM(str, 64, "str (%rbx)");
FORM(sgdt, 64, "sgdt (%rbx)");
FORM(sidt, 64, "sidt (%rbx)");
FORM(fnstcw, 64, "fldcw 2(%rsp)\n fnstcw (%rbx)");
FORM(fnstsw, 64, "fninit\n fldz\n fnstsw (%rbx)");
FORM(lmsw, 64, "lmsw (%rbx)");
FORM(lldt, 64, "lldt (%rbx)");
FORM(ltr, 64, "ltr (%rbx)");
FORM(lgdt, 64, "lgdt (%rbx)");
FORM(lidt, 64, "lidt (%rbx)");
FORM(ljmp, 64, "ljmp *(%rbx)");
FORM(ljmp64, 64, "rex.w ljmp *(%rbx)");
FORM(lcall, 64, "lea 0x200(%rbx), %rsp\n lcall *(%rbx)");
FORM(lcall64, 64, "lea 0x200(%rbx), %rsp\n rex.w lcall *(%rbx)");
FORM(lret, 64, "mov %rbx, %rsp\n movl %eax, 4(%rbx)\n lret");
FORM(lret64, 64, "mov %rbx, %rsp\n movq %rax, 8(%rbx)\n lretq $0x20");
FORM(enter, 64, "mov %rbx, %rsp\n mov $0x1234, %rbp\n enter $0x20, $0");
FORM(leave, 64, "mov %rbx, %rbp\n leave");

static const struct row long_rows[] = {
	ROW(ds, SEL_D0), ROW(es, SEL_D3), ROW(es, SEL_RO), ROW(fs, SEL_D0), ROW(fs, SEL_DOWN),
	ROW(gs, SEL_IN_LDT), ROW(gs, SEL_CONFORMING | 3), ROW(ds, 0), ROW(ds, 3),
	ROW(ds, SEL_ABSENT), ROW(ds, SEL_EXEC), ROW(ds, 0x400), ROW(ds, SEL_NEW_TSS),
	OWN(ds, SEL_D0 | 3, 0), ROW(gs, 0x44),
	ROW(ss, SEL_D0), OWN(ss, 0, 0), ROW(ss, 3), ROW(ss, SEL_D3), ROW(ss, SEL_D0 | 1),
	ROW(ss, SEL_RO), ROW(ss, SEL_ABSENT), ROW(ss, SEL_C64),
	ROW(step_ds, SEL_D0), OWN(step_ss, SEL_D0, 0),
	ROW(lss, POINTER(0x87654321, SEL_D0)), ROW(lss, POINTER(0x87654321, SEL_D3)),
	ROW(lfs, POINTER(0xffffffff, SEL_D3)), ROW(lgs16, 0x1234 | SEL_D0 << 16),
	WIDE(lgs64, 0x1122334455667788, SEL_D0),
	ROW(pop_fs, 0xffff0000ull | SEL_D0), ROW(pop_gs16, SEL_D3),
	ROW(smsw, 0), ROW(sldt, 0), ROW(str, 0), OWN(sgdt, 0, 0),
	OWN(sidt, 0, 0), ROW(fnstcw, 0), ROW(fnstsw, 0),
	ROW(lmsw, 0xfff0), ROW(lmsw, 0xa), ROW(lmsw, 0xc),
	ROW(lldt, SEL_LDT), ROW(lldt, 0), ROW(lldt, SEL_NEW_TSS), ROW(lldt, SEL_IN_LDT),
	ROW(ltr, SEL_NEW_TSS), ROW(ltr, SEL_BUSY), ROW(ltr, 0), ROW(ltr, SEL_LDT),
	ROW(ltr, 0xf8),
	OWN(lgdt, 0x1000ull << 16 | 0x7f, 0),
	OWN(lidt, 0x1000ull << 16 | 0x7f, 0),
	OWN(lidt, 0x1000ull << 16 | 0x7f, 0x8000),
	ROW(ljmp, POINTER(TARGET, SEL_C64)), ROW(ljmp, POINTER(TARGET, SEL_C32)),
	ROW(ljmp, POINTER(TARGET, SEL_CONFORMING)), ROW(ljmp, POINTER(TARGET, SEL_C64 | 1)),
	ROW(ljmp, POINTER(TARGET, SEL_C_BAD)), ROW(ljmp, POINTER(TARGET, SEL_D0)),
	ROW(ljmp, POINTER(TARGET, SEL_U64)), OWN(ljmp, POINTER(TARGET, SEL_LDT), 0),
	ROW(ljmp, POINTER(TARGET, 2)), WIDE(ljmp64, TARGET, SEL_C64),
	WIDE(ljmp64, 1ull << 47, SEL_C64), OWN(lcall, POINTER(TARGET, SEL_C64), 0),
	OWN(lcall64, TARGET, SEL_C32), OWN(lret, TARGET, 0), OWN(lret64, TARGET, 0), ROW(enter, 0),
	ROW(leave, 0x1122334455667788),
};

static const struct row user_rows[] = {
	ROW(ds, SEL_D3 | 3), OWN(ds, SEL_D0, 0), ROW(ds, SEL_D0 | 3), ROW(gs, SEL_CONFORMING | 3),
	ROW(ss, SEL_D3 | 3), ROW(ss, SEL_D3), ROW(ss, 0), ROW(ss, 3),
	ROW(lss, POINTER(0x87654321, SEL_D3 | 3)), ROW(smsw, 0), ROW(str, 0),
	ROW(lmsw, 0xa), ROW(lldt, 0), ROW(ltr, SEL_NEW_TSS), ROW(lgdt, 0), ROW(lidt, 0),
	ROW(ljmp, POINTER(TARGET, SEL_U64 | 3)), ROW(ljmp, POINTER(TARGET, SEL_U64)),
	ROW(ljmp, POINTER(TARGET, SEL_C64)), ROW(ljmp, POINTER(TARGET, SEL_CONFORMING)),
};

FORM(lds_32, 32, "lds (%ebx), %edi");
FORM(les_32, 32, "les (%ebx), %edi");
FORM(lss_32, 32, "lss (%ebx), %esp");
FORM(ss_32, 32, "mov (%ebx), %ss");
FORM(pop_es_32, 32, "mov %ebx, %esp\n pop %es");
FORM(pop_ss_32, 32, "mov %ebx, %esp\n pop %ss\n nop");
FORM(pop_ds16_32, 32, "mov %ebx, %esp\n popw %ds");
FORM(lldt_32, 32, "lldt (%ebx)");
FORM(ltr_32, 32, "ltr (%ebx)");
FORM(sgdt_32, 32, "sgdt (%ebx)");
FORM(lidt_32, 32, "lidt (%ebx)");
FORM(lidt16_32, 32, "lidtw (%ebx)");
FORM(ljmp_32, 32, "ljmp *(%ebx)");
FORM(ljmp16_32, 32, "ljmpw *(%ebx)");
FORM(lcall_32, 32, "lea 0x200(%ebx), %esp\n lcall *(%ebx)");
FORM(lcall_imm_32, 32, "lea 0x200(%ebx), %esp\n lcall $0xd8, $0x10080");
FORM(lret_32, 32, "mov %ebx, %esp\n movl %eax, 4(%ebx)\n lret $8");
FORM(enter_32, 32, "mov %ebx, %esp\n mov $0x1234, %ebp\n enter $0x20, $0");
FORM(enter16_32, 32, "mov %ebx, %esp\n mov $0xabcd1234, %ebp\n enterw $0x20, $0");

static const struct row prot_rows[] = {
	ROW(lds_32, POINTER(0x87654321, SEL_D0)), ROW(lds_32, POINTER(1, 0)),
	ROW(les_32, POINTER(1, SEL_ABSENT)), ROW(les_32, POINTER(1, SEL_IN_LDT)),
	ROW(lss_32, POINTER(0x87654321, SEL_D0)), ROW(ss_32, 0), ROW(ss_32, SEL_D0),
	ROW(pop_es_32, 0xffff0000ull | SEL_D3), ROW(pop_ss_32, SEL_D0), ROW(pop_ds16_32, SEL_RO),
	ROW(lldt_32, SEL_LDT), ROW(ltr_32, SEL_NEW_TSS), ROW(ltr_32, SEL_BUSY),
	OWN(sgdt_32, 0, 0), OWN(lidt_32, 0xabcdef12345678, 0),
	OWN(lidt16_32, 0xabcdef12345678, 0),
	ROW(ljmp_32, POINTER(TARGET, SEL_C32)), ROW(ljmp16_32, 0x80 | SEL_C_BAD << 16),
	ROW(ljmp_32, POINTER(TARGET, SEL_ABSENT)),
	OWN(lcall_32, POINTER(TARGET, SEL_C32), 0), OWN(lcall_imm_32, 0, 0),
	OWN(lret_32, TARGET, 0), ROW(enter_32, 0), OWN(enter16_32, 0, 0),
};

FORM(es_16, 16, "mov (%bx), %es");
FORM(ss_16, 16, "mov (%bx), %ss");
FORM(les_16, 16, "les (%bx), %di");
FORM(lds32_16, 16, "ldsl (%bx), %edi");
FORM(pop_es_16, 16, "mov %bx, %sp\n pop %es");
FORM(smsw_16, 16, "smsw (%bx)");
FORM(lmsw_16, 16, "lmsw (%bx)");
FORM(sgdt_16, 16, "sgdtw (%bx)");
FORM(lgdt_16, 16, "lgdtw (%bx)");
FORM(ljmp_16, 16, "ljmp *(%bx)");
FORM(lcall_16, 16, "mov $0xa00, %sp\n lcall *(%bx)");
FORM(lret_16, 16, "mov %bx, %sp\n lret");
FORM(iret_16, 16, "mov %bx, %sp\n iretw");
FORM(enter_16, 16, "mov %bx, %sp\n mov $0x5678, %bp\n enter $0x20, $0");
FORM(enter32_16, 16, "mov %bx, %sp\n mov $0xabcd5678, %ebp\n enterl $0x20, $0");

#define REAL_TARGET	((TARGET - GUEST_CODE + 0x10) | (GUEST_CODE / 16 - 1) << 16)

static const struct row real_rows[] = {
	ROW(es_16, 0xabcd), ROW(ss_16, 0xabcd), ROW(les_16, 0xabcd1234),
	ROW(lds32_16, POINTER(0x12345678, 0xabcd)), ROW(pop_es_16, 0xabcd), ROW(smsw_16, 0),
	ROW(lmsw_16, 3), OWN(sgdt_16, 0, 0), OWN(lgdt_16, 0xabcdef12345678, 0),
	ROW(ljmp_16, REAL_TARGET), OWN(lcall_16, REAL_TARGET, 0), OWN(lret_16, REAL_TARGET, 0),
	OWN(iret_16, REAL_TARGET | 0x4a57ull << 32, 0), ROW(enter_16, 0), OWN(enter32_16, 0, 0),
};

static void tables_put(struct guest *g)
{
	memset(g->ram + GUEST_CODE, 0xf4, 0x100);
	memset(guest_exception(g), 0, sizeof(struct guest_exception));
	guest_build_tables(g->ram, vcpu_sregs(&g->vcpu).efer & EFER_LMA);
	memcpy(g->ram + GUEST_GDT + SEL_D0, more_gdt, sizeof(more_gdt));
	memset(g->ram + LDT, 0, 64);
	*(uint64_t *)(g->ram + LDT + 8) = DESCRIPTOR(0x33000ull, 0x4321, 0x92, 0);
}

static void registers_put(segments_data *self, const struct kvm_sregs *start, bool real)
{
	struct kvm_regs regs = {
		.rip = real ? 0 : GUEST_CODE, .rflags = RFLAGS_IF | 2, .rsp = GUEST_STACK,
		.rax = start->cs.selector, .rbx = real ? OPERAND : self->place + OPERAND,
	};
	struct kvm_sregs sregs = *start;

	sregs.gdt.limit = GDT_BYTES - 1;
	sregs.ldt = (struct kvm_segment) {
		.selector = SEL_LDT, .base = LDT, .limit = 0x3f, .type = 2, .present = 1,
	};
	if (real)
		sregs.ds.base = sregs.ss.base = self->place;
	vm_must(vcpu_set_sregs(&self->g.vcpu, &sregs), "KVM_SET_SREGS");
	vcpu_set_regs(&self->g.vcpu, &regs);
}

/* The device answers until the code halts, or an exception has been told. */
static bool run(segments_data *self, struct outcome *o)
{
	struct kvm_run *run = self->g.vcpu.run;

	for (int i = 0; i < 100; i++) {
		uint64_t offset = run->mmio.phys_addr - MMIO;
		int ret = vcpu_run(&self->g.vcpu);

		o->halted = !ret && run->exit_reason == KVM_EXIT_HLT;
		o->refused = !ret && run->exit_reason == KVM_EXIT_INTERNAL_ERROR;
		if (o->halted || o->refused || (!ret && run->exit_reason == KVM_EXIT_IO))
			return true;
		offset = run->mmio.phys_addr - MMIO;
		if (ret || run->exit_reason != KVM_EXIT_MMIO || offset > PLACE_BYTES - 8) {
			vcpu_describe_exit(&self->g.vcpu, ret);
			return false;
		}
		if (run->mmio.is_write)
			memcpy(self->dev + offset, run->mmio.data, run->mmio.len);
		else
			memcpy(run->mmio.data, self->dev + offset, run->mmio.len);
	}
	return false;
}

/* A register that a null selector left: only that, and of the stack the level, is known. */
static void normal_segment(struct kvm_segment *s, uint64_t place, bool is_stack)
{
	if (s->base == place)
		s->base = 0;
	if (s->unusable)
		*s = (struct kvm_segment) {
			.selector = s->selector, .unusable = 1, .dpl = is_stack ? s->dpl : 0,
		};
}

static uint64_t normal(uint64_t value, uint64_t place)
{
	return value - place < PLACE_BYTES ? value - place : value;
}

/* What differs because the place does. */
static void outcome_normal(struct outcome *o, uint64_t place)
{
	normal_segment(&o->sregs.es, place, false);
	normal_segment(&o->sregs.cs, place, false);
	normal_segment(&o->sregs.ss, place, true);
	normal_segment(&o->sregs.ds, place, false);
	normal_segment(&o->sregs.fs, place, false);
	normal_segment(&o->sregs.gs, place, false);
	normal_segment(&o->sregs.ldt, place, false);
	normal_segment(&o->sregs.tr, place, false);
	o->regs.rbx = normal(o->regs.rbx, place);
	o->regs.rsp = normal(o->regs.rsp, place);
	o->regs.rbp = normal(o->regs.rbp, place);
	/* The rest of the record is where the exception found things. */
	o->exception = (struct guest_exception) {
		.vector = o->exception.vector, .error = o->exception.error, .rip = o->exception.rip,
	};
}

static bool outcome_take(segments_data *self, const struct row *row, const struct kvm_sregs *start,
			 uint64_t place, struct outcome *o)
{
	bool real = !(start->cr0 & CR0_PE);
	uint8_t *bytes = place == MMIO ? self->dev : self->g.ram + place;
	bool good;

	memset(o, 0, sizeof(*o));
	memset(bytes, 0, PLACE_BYTES);
	memcpy(bytes + OPERAND, &row->low, 8);
	memcpy(bytes + OPERAND + 8, &row->high, 2);
	self->place = place;
	tables_put(&self->g);
	memcpy(self->g.ram + GUEST_CODE, row->start, row->end - row->start);
	registers_put(self, start, real);
	good = run(self, o);
	o->exception = *guest_exception(&self->g);
	o->regs = vcpu_regs(&self->g.vcpu);
	o->sregs = vcpu_sregs(&self->g.vcpu);
	memcpy(o->place, bytes, PLACE_BYTES);
	memcpy(o->gdt, self->g.ram + GUEST_GDT, GDT_BYTES);
	memcpy(o->ldt, self->g.ram + LDT, sizeof(o->ldt));
	outcome_normal(o, place);
	return good;
}

static bool segment_differs(const char *name, const struct kvm_segment *a,
			    const struct kvm_segment *b)
{
	if (!memcmp(a, b, sizeof(*a)))
		return false;
	fprintf(stderr, "# %s: 0x%x 0x%llx 0x%x type %u dpl %u s %u p %u l %u db %u g %u avl %u un %u; "
		"processor 0x%x 0x%llx 0x%x type %u dpl %u s %u p %u l %u db %u g %u avl %u un %u\n",
		name, b->selector, b->base, b->limit, b->type, b->dpl, b->s, b->present, b->l,
		b->db, b->g, b->avl, b->unusable, a->selector, a->base, a->limit, a->type, a->dpl,
		a->s, a->present, a->l, a->db, a->g, a->avl, a->unusable);
	return true;
}

static bool segments_differ(const struct kvm_sregs *a, const struct kvm_sregs *b)
{
	return segment_differs("ES", &a->es, &b->es) | segment_differs("CS", &a->cs, &b->cs) |
	       segment_differs("SS", &a->ss, &b->ss) | segment_differs("DS", &a->ds, &b->ds) |
	       segment_differs("FS", &a->fs, &b->fs) | segment_differs("GS", &a->gs, &b->gs) |
	       segment_differs("LDTR", &a->ldt, &b->ldt) | segment_differs("TR", &a->tr, &b->tr);
}

static bool value_differs(const char *name, uint64_t a, uint64_t b)
{
	if (a != b)
		fprintf(stderr, "# %s: 0x%lx, processor 0x%lx\n", name, b, a);
	return a != b;
}

static bool registers_differ(const struct outcome *a, const struct outcome *b)
{
	return value_differs("rax", a->regs.rax, b->regs.rax) |
	       value_differs("rbx", a->regs.rbx, b->regs.rbx) |
	       value_differs("rcx", a->regs.rcx, b->regs.rcx) |
	       value_differs("rdx", a->regs.rdx, b->regs.rdx) |
	       value_differs("rdi", a->regs.rdi, b->regs.rdi) |
	       value_differs("rsp", a->regs.rsp, b->regs.rsp) |
	       value_differs("rbp", a->regs.rbp, b->regs.rbp) |
	       value_differs("rip", a->regs.rip, b->regs.rip) |
	       value_differs("rflags", a->regs.rflags, b->regs.rflags) |
	       value_differs("cr0", a->sregs.cr0, b->sregs.cr0) |
	       value_differs("gdt", a->sregs.gdt.base, b->sregs.gdt.base) |
	       value_differs("gdt limit", a->sregs.gdt.limit, b->sregs.gdt.limit) |
	       value_differs("idt", a->sregs.idt.base, b->sregs.idt.base) |
	       value_differs("idt limit", a->sregs.idt.limit, b->sregs.idt.limit);
}

static bool outcomes_differ(const struct outcome *a, const struct outcome *b)
{
	return value_differs("halted", a->halted, b->halted) |
	       value_differs("vector", a->exception.vector, b->exception.vector) |
	       value_differs("error code", a->exception.error, b->exception.error) |
	       value_differs("at", a->exception.rip, b->exception.rip) |
	       registers_differ(a, b) | segments_differ(&a->sregs, &b->sregs) |
	       value_differs("memory differs", 0, !!memcmp(a->place, b->place, PLACE_BYTES)) |
	       value_differs("GDT differs", 0, !!memcmp(a->gdt, b->gdt, GDT_BYTES)) |
	       value_differs("LDT differs", 0, !!memcmp(a->ldt, b->ldt, sizeof(a->ldt)));
}

static bool row_is_right(segments_data *self, const struct row *row, const struct kvm_sregs *start)
{
	static struct outcome processor, emulator;
	bool is_kvm = vm_is_kvm(&self->g.vm);

	if (is_kvm && row->kvm == KVM_DIFFERS)
		return true;
	if (outcome_take(self, row, start, RAM_PLACE, &processor) && !processor.refused &&
	    outcome_take(self, row, start, MMIO, &emulator)) {
		if (emulator.refused && is_kvm) {
			fprintf(stderr, "# %s: refused\n", row->name);
			return true;
		}
		if (!emulator.refused && !outcomes_differ(&processor, &emulator))
			return true;
	}
	fprintf(stderr, "# %s\n", row->name);
	return false;
}

#define RIGHT(self, rows, start)						\
	for (size_t i_ = 0; i_ < ARRAY_SIZE(rows); i_++)			\
		EXPECT_TRUE(row_is_right(self, &(rows)[i_], start))

TEST_F_TIMEOUT(segments, long_mode, LONG_TIMEOUT)
{
	struct kvm_sregs start;

	guest_start(&self->g, MODE_LONG, form_ds);
	start = vcpu_sregs(&self->g.vcpu);
	RIGHT(self, long_rows, &start);
}

/* They end at a HLT that a program may not execute: #GP(0) there, or before. */
TEST_F_TIMEOUT(segments, long_mode_user, LONG_TIMEOUT)
{
	struct kvm_sregs start;

	guest_start(&self->g, MODE_LONG, form_ds);
	guest_set_user(&self->g.vcpu);
	start = vcpu_sregs(&self->g.vcpu);
	RIGHT(self, user_rows, &start);
}

TEST_F_TIMEOUT(segments, protected_mode, LONG_TIMEOUT)
{
	struct kvm_sregs start;

	guest_start(&self->g, MODE_PROT32, form_ds);
	start = vcpu_sregs(&self->g.vcpu);
	RIGHT(self, prot_rows, &start);
}

TEST_F_TIMEOUT(segments, real_mode, LONG_TIMEOUT)
{
	struct kvm_sregs start;

	guest_start(&self->g, MODE_REAL, form_ds);
	start = vcpu_sregs(&self->g.vcpu);
	RIGHT(self, real_rows, &start);
}

/* The answer to the pending load, and no more; the shadow that it left. */
static int shadow_after(segments_data *self, uint16_t selector)
{
	struct kvm_run *run = self->g.vcpu.run;
	struct kvm_vcpu_events events;
	int ret = vcpu_run(&self->g.vcpu);

	if (ret || run->exit_reason != KVM_EXIT_MMIO || run->mmio.is_write) {
		vcpu_describe_exit(&self->g.vcpu, ret);
		return -1;
	}
	memcpy(run->mmio.data, &selector, sizeof(selector));
	run->immediate_exit = 1;
	ret = vcpu_run(&self->g.vcpu);
	run->immediate_exit = 0;
	if (ret != -EINTR)
		return -1;
	vm_must(vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &events), "KVM_GET_VCPU_EVENTS");
	return events.interrupt.shadow;
}

FORM(shadows, 64,
	"mov (%rbx), %ss\n mov (%rbx), %ss\n mov (%rbx), %ss\n nop\n"
	"mov (%rbx), %ds\n lss (%rbx), %eax\n mov %rbx, %rsp");

/* Of loads in a row each other one leaves events in the shadow. */
TEST_F(segments, shadow_of_mov_ss)
{
	struct kvm_sregs start;
	int first;

	guest_start(&self->g, MODE_LONG, form_shadows);
	start = vcpu_sregs(&self->g.vcpu);
	self->place = MMIO;
	tables_put(&self->g);
	memcpy(self->g.ram + GUEST_CODE, form_shadows_start,
	       form_shadows_end - form_shadows_start);
	registers_put(self, &start, false);
	first = shadow_after(self, SEL_D0);
	EXPECT_EQ(KVM_X86_SHADOW_INT_MOV_SS, first);
	EXPECT_EQ(0, shadow_after(self, SEL_D0));
	EXPECT_EQ(KVM_X86_SHADOW_INT_MOV_SS, shadow_after(self, 0));
	EXPECT_EQ(0, shadow_after(self, SEL_D0));
}

FORM(iret_nmi, 16, "mov %bx, %sp\n iretw");

TEST_F(segments, iret_of_real_mode_ends_the_blocking_of_nmis)
{
	struct kvm_sregs start;
	struct kvm_vcpu_events events;
	uint32_t target = REAL_TARGET;
	struct outcome o;

	guest_settle_nmis();
	guest_start(&self->g, MODE_REAL, form_iret_nmi);
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM pops twice from a device");
	start = vcpu_sregs(&self->g.vcpu);
	self->place = MMIO;
	tables_put(&self->g);
	memcpy(self->g.ram + GUEST_CODE, form_iret_nmi_start,
	       form_iret_nmi_end - form_iret_nmi_start);
	memcpy(self->dev + OPERAND, &target, sizeof(target));
	self->dev[OPERAND + 5] = RFLAGS_IF >> 8;
	registers_put(self, &start, true);
	vm_must(vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &events), "KVM_GET_VCPU_EVENTS");
	events.nmi.masked = 1;
	vm_must(vm_ioctl(self->g.vcpu.fd, KVM_SET_VCPU_EVENTS, &events), "KVM_SET_VCPU_EVENTS");
	ASSERT_TRUE(run(self, &o) && o.halted);
	vm_must(vm_ioctl(self->g.vcpu.fd, KVM_GET_VCPU_EVENTS, &events), "KVM_GET_VCPU_EVENTS");
	EXPECT_EQ(0, events.nmi.masked);
}

FORM(mark, 64, "mov $0x80, %eax\n mov %eax, %ds");

#define ROM	0x20000000ul

/* The processor cannot mark a descriptor that is in a ROM: lost, as a write to a ROM is. */
TEST_F(segments, descriptor_in_a_rom)
{
	struct kvm_sregs sregs;
	uint64_t before;

	guest_start(&self->g, MODE_LONG, form_mark);
	SLAT_ONLY(&self->g.vm);
	tables_put(&self->g);
	guest_load(&self->g, form_mark);
	vm_must(vm_set_slot(&self->g.vm, 1, KVM_MEM_READONLY, ROM, PAGE_SIZE,
			    self->g.ram + GUEST_GDT), "ROM");
	sregs = vcpu_sregs(&self->g.vcpu);
	sregs.gdt.base = ROM;
	sregs.gdt.limit = GDT_BYTES - 1;
	vm_must(vcpu_set_sregs(&self->g.vcpu, &sregs), "KVM_SET_SREGS");
	before = *guest_u64(&self->g, GUEST_GDT + SEL_D0);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	sregs = vcpu_sregs(&self->g.vcpu);
	EXPECT_EQ(SEL_D0, sregs.ds.selector);
	EXPECT_EQ(0x12345000ull, sregs.ds.base);
	EXPECT_EQ(3, sregs.ds.type);
	EXPECT_EQ(before, *guest_u64(&self->g, GUEST_GDT + SEL_D0));
}

SLAT_TEST_MAIN
