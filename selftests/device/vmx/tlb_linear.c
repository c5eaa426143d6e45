// SPDX-License-Identifier: GPL-2.0
/*
 * What CPUs may still have cached of the guest's own tables: after the vCPU was on
 * another CPU, after its control registers were set by the client or by itself, and
 * where a vCPU may have the VPID of another one. Each read must give the word of the
 * page that the tables map now. Bochs empties its TLB at each VM exit and has no
 * VPIDs, so a flush that is missing shows on silicon alone; what shows there is a
 * register that was not loaded. Slots are in tlb.c.
 */
#include "test.h"

#include <sched.h>

#define LINEAR		0x8000000000ul	/* entry 1 of the top table, entry 0 of the others */
#define LINEAR32	0x40000000ul	/* the same for the modes of 32 bits */
#define PAGES		16ul
#define PAGE(k)		(0x80000 + (k) * PAGE_SIZE)
#define TAG(k)		(0x7ab1e000u + (k))

#define TABLE	(PTE_P | PTE_W | PTE_A)
#define LEAF	(PTE_P | PTE_W | PTE_A | PTE_D)

/* Four tables: CR3 of a space, where low memory is the supervisor's. */
#define SPACE(i)	(GUEST_DATA + (i) * 4 * PAGE_SIZE)
#define PD(i)		(SPACE(i) + 2 * PAGE_SIZE)
#define PT(i)		(SPACE(i) + 3 * PAGE_SIZE)

/*
 * Each begins at 16 times its number in enum code. LOAD and SET_CR4 are the same bytes
 * in code of 32 bits.
 */
enum code { LOAD, INVLPG, SET_CR3, SET_CR4 };

GUEST_CODE_BLOB(codes, 64,
	"mov (%rbx), %eax\n hlt\n .balign 16\n"
	"mov %rdx, (%rdi)\n invlpg (%rbx)\n mov (%rbx), %eax\n hlt\n .balign 16\n"
	"mov %rdx, (%rdi)\n mov %cr3, %rax\n mov %rax, %cr3\n mov (%rbx), %eax\n hlt\n .balign 16\n"
	"mov %rdx, %cr4\n mov (%rbx), %eax\n hlt\n");

struct access {
	uint64_t linear;
	uint64_t entry;		/* of a table, where the code changes one */
	uint64_t value;		/* for it, or for the register */
};

FIXTURE(linear) {
	struct guest g;
};

static void fill_pages(uint8_t *ram, uint32_t first)
{
	for (uint64_t k = 0; k < PAGES; k++)
		*(uint64_t *)(ram + PAGE(k)) = first + k;
}

static void build_space(struct guest *g, unsigned int i, uint64_t pte)
{
	guest_u64(g, SPACE(i))[0] = GUEST_PDPT | TABLE;
	guest_u64(g, SPACE(i))[1] = (SPACE(i) + PAGE_SIZE) | TABLE;
	*guest_u64(g, SPACE(i) + PAGE_SIZE) = PD(i) | TABLE;
	*guest_u64(g, PD(i)) = PT(i) | TABLE;
	*guest_u64(g, PT(i)) = pte;
}

static void set_space(struct vcpu *vcpu, unsigned int i, uint64_t cr4)
{
	struct kvm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cr3 = SPACE(i);
	sregs.cr4 |= cr4;
	vm_must(vcpu_set_sregs(vcpu, &sregs), "KVM_SET_SREGS");
}

FIXTURE_SETUP(linear)
{
	guest_start(&self->g, MODE_LONG, codes);
	fill_pages(self->g.ram, TAG(0));
	for (unsigned int i = 0; i < 2; i++)
		build_space(&self->g, i, PAGE(i) | LEAF);
	set_space(&self->g.vcpu, 0, 0);
}

FIXTURE_TEARDOWN(linear)
{
	guest_destroy(&self->g);
}

/* What the code has read at the end. */
static uint64_t run_code(struct vcpu *vcpu, enum code code, const struct access *access)
{
	struct kvm_regs regs = vcpu_regs(vcpu);

	regs.rip = GUEST_CODE + 16 * code;
	regs.rbx = access->linear;
	regs.rdi = access->entry;
	regs.rdx = access->value;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run_to(vcpu, KVM_EXIT_HLT))
		return 0;
	return (uint32_t)vcpu_regs(vcpu).rax;
}

static uint64_t load(struct vcpu *vcpu, uint64_t linear)
{
	const struct access access = { .linear = linear };

	return run_code(vcpu, LOAD, &access);
}

static void use_cpu(int cpu)
{
	vm_must(pin_thread(pthread_self(), cpu % cpus_online()), "CPU of the test");
}

/* INVLPG and MOV CR3 do not exit: they reach the CPU on which they are executed. */
TEST_F_TIMEOUT(linear, entry_changed_on_another_cpu, LONG_TIMEOUT)
{
	struct vcpu *vcpu = &self->g.vcpu;
	/* the leaf, and the entry above it, which a paging-structure cache may have */
	const uint64_t entries[2][3] = {
		{ PT(0), PAGE(0) | LEAF, PAGE(1) | LEAF }, { PD(0), PT(0) | TABLE, PT(1) | TABLE },
	};

	for (int i = 0; i < 80; i++) {
		const uint64_t *entry = entries[i / 4 & 1];
		const struct access access = { LINEAR, entry[0], entry[1 + !(i & 1)] };

		use_cpu(i / 8);
		ASSERT_EQ(TAG(i & 1), load(vcpu, LINEAR)) TH_LOG("before change %d", i);
		use_cpu(i / 8 + 1);
		ASSERT_EQ(TAG(!(i & 1)), run_code(vcpu, i & 2 ? SET_CR3 : INVLPG, &access));
		use_cpu(i / 8);
		ASSERT_EQ(TAG(!(i & 1)), load(vcpu, LINEAR)) TH_LOG("change %d", i);
	}
}

/*
 * rdi: the entry, which is r8 and r9 in turn; rbx: what it maps, a word r10d or r11d
 * and a count; rcx: rounds. Halts where it finds the other page's word.
 */
GUEST_CODE_BLOB(changer, 64,
	"1: mov %r8, (%rdi)\n invlpg (%rbx)\n"
	"mov (%rbx), %eax\n cmp %r10d, %eax\n jne 2f\n incq 8(%rbx)\n"
	"mov %r9, (%rdi)\n invlpg (%rbx)\n"
	"mov (%rbx), %eax\n cmp %r11d, %eax\n jne 2f\n incq 8(%rbx)\n"
	"incq (%rcx)\n jmp 1b\n"
	"2: hlt\n");

static void start_changer(struct guest *g, struct runner *r)
{
	struct kvm_regs regs;

	guest_load(g, changer);
	regs = vcpu_regs(&g->vcpu);
	regs.rdi = PT(0);
	regs.rbx = LINEAR;
	regs.rcx = PAGE(PAGES);
	regs.r8 = PAGE(0) | LEAF;
	regs.r9 = PAGE(1) | LEAF;
	regs.r10 = TAG(0);
	regs.r11 = TAG(1);
	vcpu_set_regs(&g->vcpu, &regs);
	runner_start(r, &g->vcpu);
}

TEST_F_TIMEOUT(linear, entry_changed_while_the_vcpu_moves, LONG_TIMEOUT)
{
	volatile uint64_t *rounds = guest_u64(&self->g, PAGE(PAGES));
	struct runner r = {};

	start_changer(&self->g, &r);
	for (int i = 0; i < 100; i++) {
		uint64_t target = *rounds + 2;

		ASSERT_EQ(0, pin_thread(r.thread, i % cpus_online()));
		while (*rounds < target && !r.ended)
			sched_yield();
		ASSERT_FALSE(r.ended) TH_LOG("move %d: read 0x%llx", i, vcpu_regs(r.vcpu).rax);
	}
	EXPECT_EQ(0, runner_stop(&r));
	/* each write went to the page that was mapped; one round may be unfinished */
	for (int k = 0; k < 2; k++) {
		EXPECT_LE(*rounds, guest_u64(&self->g, PAGE(k))[1]);
		EXPECT_GE(*rounds + 1, guest_u64(&self->g, PAGE(k))[1]);
	}
}

/* Loading CR3 drops what is not global, also of tables that were in use before. */
TEST_F(linear, cr3_set_by_the_client)
{
	for (unsigned int i = 0; i < 50; i++) {
		*guest_u64(&self->g, PT(i & 1)) = PAGE(i % PAGES) | LEAF;
		set_space(&self->g.vcpu, i & 1, 0);
		ASSERT_EQ(TAG(i % PAGES), load(&self->g.vcpu, LINEAR)) TH_LOG("load %u", i);
	}
}

static void set_cr4(struct vcpu *vcpu, uint64_t cr4)
{
	struct kvm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cr4 = cr4;
	vm_must(vcpu_set_sregs(vcpu, &sregs), "KVM_SET_SREGS");
}

/* Change bits of CR4 by the client or the guest, then read. */
static uint64_t load_with_cr4(struct vcpu *vcpu, bool by_guest, uint64_t linear, uint64_t toggle)
{
	const struct access access = { .linear = linear, .value = vcpu_sregs(vcpu).cr4 ^ toggle };

	if (by_guest)
		return run_code(vcpu, SET_CR4, &access);
	set_cr4(vcpu, access.value);
	return load(vcpu, linear);
}

/* Each change of PGE drops everything, global or not. */
TEST_F(linear, cr4_pge_drops_global_entries)
{
	struct vcpu *vcpu = &self->g.vcpu;

	for (int i = 0; i < 40; i++) {
		bool by_guest = i & 2;

		*guest_u64(&self->g, PT(0)) = PAGE(i % PAGES) | LEAF | PTE_G;
		ASSERT_EQ(TAG(i % PAGES), load_with_cr4(vcpu, by_guest, LINEAR, CR4_PGE))
			TH_LOG("change %d", i);
	}
}

static bool has_smep(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(vm->dev);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 7, 0);
	bool has = leaf && leaf->ebx & 1u << 7;

	free(cpuid);
	return has;
}

/* Setting SMEP drops all, clearing it need not. */
TEST_F(linear, cr4_smep_drops_entries)
{
	struct vcpu *vcpu = &self->g.vcpu;

	if (!has_smep(&self->g.vm))
		SKIP(return, "the processor has no SMEP");
	for (int i = 0; i < 20; i++) {
		bool by_guest = i & 1;

		*guest_u64(&self->g, PT(0)) = PAGE(i % PAGES) | LEAF;
		ASSERT_EQ(TAG(i % PAGES), load_with_cr4(vcpu, by_guest, LINEAR, CR4_SMEP))
			TH_LOG("change %d", i);
		ASSERT_EQ(TAG(i % PAGES), load_with_cr4(vcpu, by_guest, LINEAR, CR4_SMEP));
	}
}

/*
 * PSE decides what an entry of the directory is: a page of 4 MiB, or, at the same
 * address, the table in its first 4 KiB.
 */
TEST_F(linear, cr4_pse_makes_a_page_of_a_table)
{
	const uint64_t big = 0x10000000, low = SPACE(2);
	uint32_t *directory = (uint32_t *)guest_u64(&self->g, GUEST_PD32);
	struct vcpu *vcpu = &self->g.vcpu;
	uint8_t *mem = vm_alloc(PAGES * PAGE_SIZE);

	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 1, 0, big, PAGES * PAGE_SIZE, mem));
	*(uint64_t *)(mem + PAGE_SIZE) = TAG(7);
	((uint32_t *)mem)[1] = PAGE(3) | LEAF;
	for (uint32_t k = 0; k < GUEST_RAM / PAGE_SIZE; k++)
		((uint32_t *)guest_u64(&self->g, low))[k] = k * PAGE_SIZE | LEAF;
	directory[0] = low | TABLE;
	directory[LINEAR32 / (4 * MIB)] = big | LEAF | PTE_PS;
	guest_set_mode(vcpu, MODE_PAGED32);
	ASSERT_EQ(TAG(7), load(vcpu, LINEAR32 + PAGE_SIZE));
	for (int i = 0; i < 20; i++) {
		bool by_guest = i & 2;

		ASSERT_EQ(i & 1 ? TAG(7) : TAG(3),
			  load_with_cr4(vcpu, by_guest, LINEAR32 + PAGE_SIZE, CR4_PSE))
			TH_LOG("change %d", i);
	}
	vm_free(mem, PAGES * PAGE_SIZE);
}

/* Two tables, one linear address, one PCID, and entries that loading CR3 keeps. */
TEST_F(linear, vcpus_that_share_a_cpu)
{
	struct vcpu other;

	guest_add_vcpu(&self->g, 1, MODE_LONG, &other);
	for (unsigned int i = 0; i < 2; i++) {
		*guest_u64(&self->g, PT(i)) |= PTE_G;
		set_space(i ? &other : &self->g.vcpu, i, CR4_PGE);
	}
	for (int i = 0; i < 60; i++) {
		use_cpu(i / 10);
		ASSERT_EQ(TAG(0), load(&self->g.vcpu, LINEAR)) TH_LOG("turn %d", i);
		ASSERT_EQ(TAG(1), load(&other, LINEAR)) TH_LOG("turn %d", i);
	}
	vcpu_destroy(&other);
}

/* The VPID of a vCPU that is gone is free for the next one, of this VM ... */
TEST_F(linear, vcpu_in_the_place_of_another)
{
	use_cpu(0);
	for (unsigned int i = 1; i < 12; i++) {
		struct vcpu other;

		*guest_u64(&self->g, PT(i & 1)) = PAGE(i) | LEAF | PTE_G;
		guest_add_vcpu(&self->g, i, MODE_LONG, &other);
		set_space(&other, i & 1, CR4_PGE);
		ASSERT_EQ(TAG(i), load(&other, LINEAR)) TH_LOG("vCPU %u", i);
		vcpu_destroy(&other);
	}
}

/* ... or of another one, while the VM that had it is still there. */
TEST_F(linear, vcpu_in_the_place_of_another_vms)
{
	struct guest other[8];

	use_cpu(0);
	for (unsigned int i = 0; i < 8; i++) {
		guest_start(&other[i], MODE_LONG, codes);
		fill_pages(other[i].ram, TAG(0x100 * (i + 1)));
		build_space(&other[i], 0, PAGE(i) | LEAF | PTE_G);
		set_space(&other[i].vcpu, 0, CR4_PGE);
		ASSERT_EQ(TAG(0x101 * i + 0x100), load(&other[i].vcpu, LINEAR)) TH_LOG("VM %u", i);
		ASSERT_EQ(TAG(0), load(&self->g.vcpu, LINEAR)) TH_LOG("beside VM %u", i);
		vcpu_destroy(&other[i].vcpu);
	}
	for (unsigned int i = 0; i < 8; i++) {
		vm_destroy(&other[i].vm);
		vm_free(other[i].ram, GUEST_RAM);
	}
}

/* ecx: what is read without paging; eax: what is read with it. */
GUEST_CODE_BLOB(paging, 32,
	"mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	"mov (%ebx), %ecx\n"
	"or $0x80000000, %eax\n mov %eax, %cr0\n"
	"mov (%ebx), %eax\n hlt\n");

FIXTURE(modes) {
	struct guest g;
	uint64_t *mem;
};

/* LINEAR32 is another page in each mode; that of its number in enum guest_mode. */
FIXTURE_SETUP(modes)
{
	struct guest *g = &self->g;

	guest_start(g, MODE_LONG, codes);
	fill_pages(g->ram, TAG(0));
	self->mem = vm_alloc(PAGE_SIZE);
	self->mem[0] = TAG(MODE_PROT32);
	ASSERT_EQ(0, vm_set_slot(&g->vm, 1, 0, LINEAR32, PAGE_SIZE, self->mem));
	*guest_u64(g, GUEST_PD + PAGE_SIZE) = PT(0) | TABLE;
	*guest_u64(g, PT(0)) = PAGE(MODE_LONG) | LEAF;
	guest_u64(g, GUEST_PAE_PDPT)[1] = PD(1) | PTE_P;
	*guest_u64(g, PD(1)) = PT(1) | TABLE;
	*guest_u64(g, PT(1)) = PAGE(MODE_PAE) | LEAF;
	((uint32_t *)guest_u64(g, GUEST_PD32))[LINEAR32 / (4 * MIB)] = PT(2) | TABLE;
	*guest_u64(g, PT(2)) = PAGE(MODE_PAGED32) | LEAF;
}

FIXTURE_TEARDOWN(modes)
{
	guest_destroy(&self->g);
	vm_free(self->mem, PAGE_SIZE);
}

TEST_F(modes, each_by_its_own_tables)
{
	for (int i = 0; i < 32; i++) {
		/* each pair of modes in each order */
		enum guest_mode mode = MODE_PROT32 + (i & 1 ? i / 2 % 4 : i / 8 % 4);

		guest_set_mode(&self->g.vcpu, mode);
		ASSERT_EQ(TAG(mode), load(&self->g.vcpu, LINEAR32)) TH_LOG("step %d", i);
	}
}

/* CR3 stays; the table is changed while it is not in use. */
TEST_F(modes, paging_switched_by_the_client)
{
	struct vcpu *vcpu = &self->g.vcpu;
	struct kvm_sregs sregs;

	guest_set_mode(vcpu, MODE_PAGED32);
	for (unsigned int i = 0; i < 20; i++) {
		ASSERT_EQ(TAG(MODE_PAGED32 + i % 8), load(vcpu, LINEAR32)) TH_LOG("step %u", i);
		sregs = vcpu_sregs(vcpu);
		sregs.cr0 &= ~CR0_PG;
		ASSERT_EQ(0, vcpu_set_sregs(vcpu, &sregs));
		ASSERT_EQ(TAG(MODE_PROT32), load(vcpu, LINEAR32)) TH_LOG("step %u", i);
		*guest_u64(&self->g, PT(2)) = PAGE(MODE_PAGED32 + (i + 1) % 8) | LEAF;
		sregs.cr0 |= CR0_PG;
		ASSERT_EQ(0, vcpu_set_sregs(vcpu, &sregs));
	}
}

TEST_F(modes, paging_switched_by_the_guest)
{
	struct vcpu *vcpu = &self->g.vcpu;

	guest_load(&self->g, paging);
	guest_set_mode(vcpu, MODE_PAGED32);
	for (unsigned int i = 0; i < 20; i++) {
		struct kvm_regs regs = vcpu_regs(vcpu);

		regs.rip = GUEST_CODE;
		regs.rbx = LINEAR32;
		vcpu_set_regs(vcpu, &regs);
		*guest_u64(&self->g, PT(2)) = PAGE(MODE_PAGED32 + i % 8) | LEAF;
		ASSERT_EQ(0, vcpu_run_to(vcpu, KVM_EXIT_HLT));
		regs = vcpu_regs(vcpu);
		ASSERT_EQ(TAG(MODE_PROT32), regs.rcx) TH_LOG("step %u", i);
		ASSERT_EQ(TAG(MODE_PAGED32 + i % 8), regs.rax) TH_LOG("step %u", i);
	}
}

SLAT_TEST_MAIN
