/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest for a test: one RAM slot at guest physical 0, one vCPU, descriptor
 * tables, page tables and exception stubs at fixed addresses, and a blob of
 * assembly that lives in the test's own source.
 *
 * Guest physical map of slot 0 (GUEST_RAM bytes):
 *
 *   0x01000  GDT            0x04000  PML4, PDPT, four page directories
 *   0x01800  TSS            0x0a000  PAE PDPT, then a 32-bit page directory
 *   0x02000  IDT            0x0c000  record of the last exception
 *   0x03000  stubs          0x10000  code        0x3f000 stack top
 *                           0x40000  data, free for the test
 *
 * Every paging mode maps linear = physical: 4 GiB in large pages, and in long
 * mode 508 GiB more above it.
 */
#ifndef SLAT_SELFTESTS_GUEST_H
#define SLAT_SELFTESTS_GUEST_H

#include "vm.h"

#define GUEST_GDT	0x01000ul
#define GUEST_TSS	0x01800ul
#define GUEST_IDT	0x02000ul
#define GUEST_STUBS	0x03000ul
#define GUEST_PML4	0x04000ul
#define GUEST_PDPT	0x05000ul
#define GUEST_PD	0x06000ul
#define GUEST_PAE_PDPT	0x0a000ul
#define GUEST_PD32	0x0b000ul
#define GUEST_EXC	0x0c000ul
#define GUEST_CODE	0x10000ul
#define GUEST_STACK	0x3f000ul
#define GUEST_DATA	0x40000ul
#define GUEST_RAM	(2 * MIB)

#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_USER64	0x28
#define SEL_USER_DATA	0x30
#define SEL_TSS		0x38

#define CR0_PE		(1ul << 0)
#define CR0_MP		(1ul << 1)
#define CR0_EM		(1ul << 2)
#define CR0_TS		(1ul << 3)
#define CR0_ET		(1ul << 4)
#define CR0_NE		(1ul << 5)
#define CR0_WP		(1ul << 16)
#define CR0_AM		(1ul << 18)
#define CR0_PG		(1ul << 31)
#define CR4_PSE		(1ul << 4)
#define CR4_PAE		(1ul << 5)
#define CR4_PGE		(1ul << 7)
#define CR4_OSFXSR	(1ul << 9)
#define CR4_OSXMMEXCPT	(1ul << 10)
#define CR4_OSXSAVE	(1ul << 18)
#define CR4_SMEP	(1ul << 20)
#define EFER_SCE	(1ul << 0)
#define EFER_LME	(1ul << 8)
#define EFER_LMA	(1ul << 10)
#define EFER_NX		(1ul << 11)

#define RFLAGS_TF	(1ul << 8)
#define RFLAGS_IF	(1ul << 9)
#define RFLAGS_AC	(1ul << 18)

#define PTE_P		(1ul << 0)
#define PTE_W		(1ul << 1)
#define PTE_U		(1ul << 2)
#define PTE_A		(1ul << 5)
#define PTE_D		(1ul << 6)
#define PTE_PS		(1ul << 7)
#define PTE_G		(1ul << 8)

/* Ports that the guest blobs and the exception stubs use; no device is there. */
#define PORT_SYNC	0x10
#define PORT_EXC	0x11

#define STR_(x)		#x
#define STR(x)		STR_(x)

/*
 * Define guest code @name for @bits (16, 32 or 64) from assembly text. It is
 * copied to GUEST_CODE, so it may refer to itself by relative addresses alone.
 */
#define GUEST_CODE_BLOB(name, bits, text)				\
	__asm__(".pushsection .rodata,\"a\",@progbits\n"		\
		".balign 16\n"						\
		".code" #bits "\n"					\
		#name "_start:\n"					\
		text "\n"						\
		#name "_end:\n"						\
		".code64\n"						\
		".popsection\n");					\
	extern const char name##_start[], name##_end[]

#define SYNC64	"out %eax, $" STR(PORT_SYNC) "\n"

enum guest_mode {
	MODE_REAL,
	MODE_PROT32,		/* flat, no paging */
	MODE_PAGED32,		/* 4 MiB pages */
	MODE_PAE,
	MODE_LONG,
};

struct guest {
	struct vm vm;
	struct vcpu vcpu;
	uint8_t *ram;
};

/* What the exception stubs leave at GUEST_EXC, in 32 and 64 bit code alike. */
struct guest_exception {
	uint64_t vector;
	uint64_t error;
	uint64_t rip;
	uint64_t cr2;
	uint64_t frame;		/* address of the saved RIP on the guest's stack */
	uint64_t count;
	uint64_t rax;
};

/* Create everything and leave the vCPU about to run the blob in @mode. */
void guest_init(struct guest *g, enum guest_mode mode, const char *start, const char *end);
#define guest_start(g, mode, name) guest_init(g, mode, name##_start, name##_end)
void guest_destroy(struct guest *g);

/*
 * Before a test of NMIs: no guest that ran before blocks those of this one. Bochs
 * 2.7 keeps the blocking of virtual NMIs in the CPU; a VM entry that has none does
 * not end it (SDM, "Loading Guest Non-Register State", says it does), an IRET of a
 * guest does. So one is made here, and this thread stays on the CPU: what it blocks
 * there ends there. On silicon it changes nothing.
 */
void guest_settle_nmis(void);

/* From 64-bit code at CPL 0 to CPL 3. */
void guest_set_user(struct vcpu *vcpu);

/* One more vCPU on the same code, with 4 KiB of stack of its own. */
void guest_add_vcpu(struct guest *g, unsigned int id, enum guest_mode mode, struct vcpu *vcpu);

/* Copy another blob to GUEST_CODE and point the vCPU at it. */
void guest_load_code(struct guest *g, const char *start, const char *end);
#define guest_load(g, name) guest_load_code(g, name##_start, name##_end)

/* Build tables in @ram; set @vcpu's registers to run GUEST_CODE in @mode. */
void guest_build_tables(uint8_t *ram, bool wide);
void guest_set_mode(struct vcpu *vcpu, enum guest_mode mode);
bool guest_mode_is_wide(enum guest_mode mode);

static inline uint64_t *guest_u64(struct guest *g, uint64_t gpa)
{
	return (uint64_t *)(g->ram + gpa);
}

static inline struct guest_exception *guest_exception(struct guest *g)
{
	return (struct guest_exception *)(g->ram + GUEST_EXC);
}

/* One guest access, made by probe code: was it RAM, or which MMIO exit came? */
struct probe {
	bool mmio;
	uint64_t value;		/* read: what the guest got */
	uint64_t addr;
	uint32_t len;
	bool is_write;
};

#define PROBE_MMIO_VALUE	0x4d4d494f4d4d494full

/* A long mode guest whose code is the probe. */
void probe_init(struct guest *g);
/*
 * An 8-byte access at @gpa. An MMIO read is answered with PROBE_MMIO_VALUE.
 * Returns 0, or -1 when anything but one MMIO exit and the halt came.
 */
int probe_read(struct guest *g, uint64_t gpa, struct probe *p);
int probe_write(struct guest *g, uint64_t gpa, uint64_t value, struct probe *p);
/*
 * Short forms for asserts: true when the read was RAM holding @value, mapped so
 * that no instruction needs emulation; or MMIO.
 */
bool probe_is_ram(struct guest *g, uint64_t gpa, uint64_t value);
bool probe_is_mmio(struct guest *g, uint64_t gpa);

#endif
