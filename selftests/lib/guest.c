// SPDX-License-Identifier: GPL-2.0
/*
 * Builds the guest that guest.h describes: tables in RAM from the host's side
 * and the vCPU's registers for each mode. Guest code never has to set up its
 * own mode unless that is what a test is about.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#define VECTORS		32
#define STUB_SIZE	16

/* Vectors that push an error code: 8, 10-14, 17, 21. */
#define STUBS(rax, rsp, w)						\
	".set vec, 0\n"								\
	".rept 32\n"								\
	".balign 16\n"								\
	".if ((0x227d00 >> vec) & 1) == 0\n push $0\n.endif\n"			\
	"push $vec\n"								\
	"jmp 1f\n"								\
	".set vec, vec + 1\n"							\
	".endr\n"								\
	"1: push %" rax "\n mov %" rax ", 0xc030\n"				\
	"mov 1*" w "(%" rsp "), %" rax "\n mov %" rax ", 0xc000\n"		\
	"mov 2*" w "(%" rsp "), %" rax "\n mov %" rax ", 0xc008\n"		\
	"mov 3*" w "(%" rsp "), %" rax "\n mov %" rax ", 0xc010\n"		\
	"mov %cr2, %" rax "\n mov %" rax ", 0xc018\n"				\
	"lea 3*" w "(%" rsp "), %" rax "\n mov %" rax ", 0xc020\n"		\
	"incl 0xc028\n"								\
	"out %eax, $" STR(PORT_EXC) "\n"					\
	"pop %" rax "\n"							\
	"lea 2*" w "(%" rsp "), %" rsp "\n"

GUEST_CODE_BLOB(stubs64, 64, STUBS("rax", "rsp", "8") "iretq\n");
GUEST_CODE_BLOB(stubs32, 32, STUBS("eax", "esp", "4") "iretl\n");

GUEST_CODE_BLOB(probe, 64,
	"mov (%rbx), %rax\n"
	"hlt\n"
	".balign 16\n"
	"mov %rax, (%rbx)\n"
	"hlt\n"
	".balign 16\n"
	"fldl (%rbx)\n"
	"fstp %st(0)\n"
	"hlt\n");
#define PROBE_READ_RIP	GUEST_CODE
#define PROBE_WRITE_RIP	(GUEST_CODE + 16)
#define PROBE_NATIVE_RIP (GUEST_CODE + 32)

bool guest_mode_is_wide(enum guest_mode mode)
{
	return mode == MODE_LONG;
}

static void build_page_tables(uint8_t *ram)
{
	uint64_t *pml4 = (uint64_t *)(ram + GUEST_PML4);
	uint64_t *pdpt = (uint64_t *)(ram + GUEST_PDPT);
	uint64_t *pd = (uint64_t *)(ram + GUEST_PD);
	uint64_t *pae = (uint64_t *)(ram + GUEST_PAE_PDPT);
	uint32_t *pd32 = (uint32_t *)(ram + GUEST_PD32);
	const uint64_t rwu = PTE_P | PTE_W | PTE_U;

	pml4[0] = GUEST_PDPT | rwu;
	for (uint64_t i = 0; i < 512; i++)
		pdpt[i] = i < 4 ? (GUEST_PD + i * PAGE_SIZE) | rwu :
				  i * GIB | rwu | PTE_PS | PTE_A | PTE_D;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i] = i * 2 * MIB | rwu | PTE_PS | PTE_A | PTE_D;
	for (uint64_t i = 0; i < 4; i++)
		pae[i] = (GUEST_PD + i * PAGE_SIZE) | PTE_P;
	for (uint32_t i = 0; i < 1024; i++)
		pd32[i] = i * (uint32_t)(4 * MIB) | rwu | PTE_PS | PTE_A | PTE_D;
}

static void build_idt(uint8_t *ram, bool wide)
{
	uint64_t *idt = (uint64_t *)(ram + GUEST_IDT);

	for (uint64_t i = 0; i < VECTORS; i++) {
		uint64_t target = GUEST_STUBS + i * STUB_SIZE;
		uint64_t sel = wide ? SEL_CODE64 : SEL_CODE32;
		uint64_t gate = target | sel << 16 | 0x8eull << 40;

		if (wide)
			idt[2 * i] = gate;
		else
			idt[i] = gate;
	}
}

void guest_build_tables(uint8_t *ram, bool wide)
{
	static const uint64_t gdt[] = {
		[SEL_CODE64 / 8] = 0x00af9b000000ffff,
		[SEL_DATA / 8] = 0x00cf93000000ffff,
		[SEL_CODE32 / 8] = 0x00cf9b000000ffff,
		[SEL_USER64 / 8] = 0x00affb000000ffff,
		[SEL_USER_DATA / 8] = 0x00cff3000000ffff,
		[SEL_TSS / 8] = 0x00008b0000000067 | GUEST_TSS << 16,
	};

	memcpy(ram + GUEST_GDT, gdt, sizeof(gdt));
	*(uint64_t *)(ram + GUEST_TSS + 4) = GUEST_STACK;
	build_page_tables(ram);
	build_idt(ram, wide);
	if (wide)
		memcpy(ram + GUEST_STUBS, stubs64_start, stubs64_end - stubs64_start);
	else
		memcpy(ram + GUEST_STUBS, stubs32_start, stubs32_end - stubs32_start);
}

static struct kvm_segment make_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment) {
		.selector = selector,
		.limit = 0xffffffff,
		.type = type,
		.s = 1,
		.present = 1,
		.g = 1,
		.db = 1,
	};
}

static void set_real(struct kvm_sregs *s)
{
	s->cs.selector = GUEST_CODE >> 4;
	s->cs.base = GUEST_CODE;
}

static void set_descriptors(struct kvm_sregs *s, bool wide)
{
	struct kvm_segment data = make_segment(SEL_DATA, 3);

	s->cs = make_segment(wide ? SEL_CODE64 : SEL_CODE32, 11);
	s->cs.l = wide;
	s->cs.db = !wide;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment) {
		.selector = SEL_TSS,
		.base = GUEST_TSS,
		.limit = 0x67,
		.type = 11,
		.present = 1,
	};
	s->ldt = (struct kvm_segment) { .unusable = 1 };
	s->gdt.base = GUEST_GDT;
	s->gdt.limit = SEL_TSS + 15;
	s->idt.base = GUEST_IDT;
	s->idt.limit = VECTORS * (wide ? 16 : 8) - 1;
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE;
}

/*
 * IF is set, though no interrupt is ever injected: Bochs holds host interrupts
 * back while a guest runs that was entered with IF clear, so a guest that
 * spins would keep its CPU for ever there.
 */
void guest_set_mode(struct vcpu *vcpu, enum guest_mode mode)
{
	struct kvm_regs regs = {
		.rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = RFLAGS_IF | 2,
	};
	struct kvm_sregs s = vcpu_sregs(vcpu);

	s.efer = 0;
	if (mode == MODE_REAL) {
		set_real(&s);
		regs.rip = 0;
		regs.rsp = 0x8000;
	} else {
		set_descriptors(&s, guest_mode_is_wide(mode));
		s.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	}
	if (mode == MODE_PAGED32) {
		s.cr3 = GUEST_PD32;
		s.cr4 |= CR4_PSE;
	} else if (mode == MODE_PAE) {
		s.cr3 = GUEST_PAE_PDPT;
		s.cr4 |= CR4_PAE;
	} else if (mode == MODE_LONG) {
		s.cr3 = GUEST_PML4;
		s.cr4 |= CR4_PAE;
		s.efer = EFER_LME | EFER_LMA | EFER_NX;
	}
	if (mode >= MODE_PAGED32)
		s.cr0 |= CR0_PG;
	vm_must(vcpu_set_sregs(vcpu, &s), "KVM_SET_SREGS");
	vcpu_set_regs(vcpu, &regs);
}

void guest_set_user(struct vcpu *vcpu)
{
	struct kvm_sregs s = vcpu_sregs(vcpu);

	s.cs.selector = SEL_USER64 | 3;
	s.cs.dpl = 3;
	s.ss.selector = SEL_USER_DATA | 3;
	s.ss.dpl = 3;
	vm_must(vcpu_set_sregs(vcpu, &s), "KVM_SET_SREGS, CPL 3");
}

void guest_load_code(struct guest *g, const char *start, const char *end)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	memcpy(g->ram + GUEST_CODE, start, end - start);
	if (regs.rip >= GUEST_CODE)
		regs.rip = GUEST_CODE;
	regs.rsp = GUEST_STACK;
	vcpu_set_regs(&g->vcpu, &regs);
}

void guest_init(struct guest *g, enum guest_mode mode, const char *start, const char *end)
{
	vm_create(&g->vm);
	g->ram = vm_alloc(GUEST_RAM);
	vm_must(vm_set_slot(&g->vm, 0, 0, 0, GUEST_RAM, g->ram), "slot 0");
	vcpu_create(&g->vm, 0, &g->vcpu);
	guest_build_tables(g->ram, guest_mode_is_wide(mode));
	memcpy(g->ram + GUEST_CODE, start, end - start);
	guest_set_mode(&g->vcpu, mode);
}

void guest_add_vcpu(struct guest *g, unsigned int id, enum guest_mode mode, struct vcpu *vcpu)
{
	struct kvm_regs regs;

	vcpu_create(&g->vm, id, vcpu);
	guest_set_mode(vcpu, mode);
	regs = vcpu_regs(vcpu);
	regs.rsp -= id * PAGE_SIZE;
	vcpu_set_regs(vcpu, &regs);
}

void guest_destroy(struct guest *g)
{
	vcpu_destroy(&g->vcpu);
	vm_destroy(&g->vm);
	vm_free(g->ram, GUEST_RAM);
}

GUEST_CODE_BLOB(one_iret, 64,
	"mov %rsp, %rax\n push $" STR(SEL_DATA) "\n push %rax\n pushfq\n"
	"push $" STR(SEL_CODE64) "\n lea 1f(%rip), %rax\n push %rax\n iretq\n"
	"1: hlt\n");

void guest_settle_nmis(void)
{
	struct guest g;
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	vm_must(sched_setaffinity(0, sizeof(here), &here), "sched_setaffinity");
	guest_start(&g, MODE_LONG, one_iret);
	vm_must(vcpu_run_to(&g.vcpu, KVM_EXIT_HLT), "a guest's IRET");
	guest_destroy(&g);
}

void probe_init(struct guest *g)
{
	guest_start(g, MODE_LONG, probe);
}

static int probe_access(struct guest *g, uint64_t rip, uint64_t gpa, uint64_t value,
			struct probe *p)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);
	struct kvm_run *run = g->vcpu.run;
	const uint64_t answer = PROBE_MMIO_VALUE;
	int ret;

	regs.rip = rip;
	regs.rbx = gpa;
	regs.rax = value;
	vcpu_set_regs(&g->vcpu, &regs);
	memset(p, 0, sizeof(*p));
	ret = vcpu_run(&g->vcpu);
	if (ret == 0 && run->exit_reason == KVM_EXIT_MMIO) {
		p->mmio = true;
		p->addr = run->mmio.phys_addr;
		p->len = run->mmio.len;
		p->is_write = run->mmio.is_write;
		if (p->is_write)
			memcpy(&p->value, run->mmio.data, sizeof(p->value));
		else
			memcpy(run->mmio.data, &answer, sizeof(answer));
		ret = vcpu_run(&g->vcpu);
	}
	if (ret || run->exit_reason != KVM_EXIT_HLT) {
		fprintf(stderr, "# probe at 0x%llx:\n", (unsigned long long)gpa);
		vcpu_describe_exit(&g->vcpu, ret);
		return -1;
	}
	if (!p->is_write)
		p->value = vcpu_regs(&g->vcpu).rax;
	return 0;
}

int probe_read(struct guest *g, uint64_t gpa, struct probe *p)
{
	return probe_access(g, PROBE_READ_RIP, gpa, 0, p);
}

int probe_write(struct guest *g, uint64_t gpa, uint64_t value, struct probe *p)
{
	return probe_access(g, PROBE_WRITE_RIP, gpa, value, p);
}

/*
 * No emulator here knows FLD, so it succeeds only where the access really is
 * mapped. A stale MMIO entry over RAM would else hide behind an emulator that
 * looks the slot up itself.
 */
static bool probe_native(struct guest *g, uint64_t gpa)
{
	struct probe p;

	return !probe_access(g, PROBE_NATIVE_RIP, gpa, 0, &p) && !p.mmio;
}

bool probe_is_ram(struct guest *g, uint64_t gpa, uint64_t value)
{
	struct probe p;

	if (probe_read(g, gpa, &p))
		return false;
	if (!p.mmio && p.value == value)
		return probe_native(g, gpa);
	fprintf(stderr, "# read 0x%llx: %s value 0x%llx, expected RAM with 0x%llx\n",
		(unsigned long long)gpa, p.mmio ? "MMIO" : "RAM",
		(unsigned long long)p.value, (unsigned long long)value);
	return false;
}

bool probe_is_mmio(struct guest *g, uint64_t gpa)
{
	struct probe p;

	if (probe_read(g, gpa, &p))
		return false;
	if (p.mmio && p.addr == gpa && p.len == 8 && !p.is_write && p.value == PROBE_MMIO_VALUE)
		return true;
	fprintf(stderr, "# read 0x%llx: %s value 0x%llx, expected MMIO\n",
		(unsigned long long)gpa, p.mmio ? "MMIO" : "RAM", (unsigned long long)p.value);
	return false;
}
