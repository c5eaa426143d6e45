/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fake machine for the emulator: a few pages of guest memory, each of them
 * RAM, a device, a read-only slot or not mapped, behind a translation that
 * shuffles pages. Device pages answer from the same backing store through
 * exits, so every run can be compared byte by byte.
 */
#ifndef SLAT_SELFTESTS_INSN_FAKE_H
#define SLAT_SELFTESTS_INSN_FAKE_H

#include "../../module/insn/emulate.h"

#define FAKE_PAGES	4
#define FAKE_BYTES	(FAKE_PAGES * 4096)
#define FAKE_LOG	64

/* Descriptor tables, at linear addresses of their own. */
#define FAKE_ENTRIES	32
#define FAKE_GDT	0x70000000ull
#define FAKE_LDT	0x71000000ull

enum fake_page {
	FAKE_RAM,
	FAKE_MMIO,
	FAKE_READONLY,	/* reads are RAM, writes exit */
	FAKE_NONE,	/* page fault */
	FAKE_BUSY,	/* its slot is being changed */
};

/**
 * struct fake - the machine
 * @e: emulator, embedded
 * @base: linear address of the pages
 * @page: kind of each page
 * @memory: backing store of all pages, in linear order
 * @code: instruction bytes
 * @code_len: bytes that can be fetched
 * @code_linear: linear address of @code
 * @seg: segment bases
 * @selector: segment selectors, LDTR and TR behind the others
 * @hidden: hidden parts, as last loaded; not what the accesses are checked by
 * @sys: descriptor tables and control registers; the GDT is @gdt, the LDT @ldt
 * @gdt: descriptors
 * @ldt: descriptors
 * @nr_marks: descriptors marked
 * @table_race: the next marks find another value, so many times
 * @nr_table_reads: reads of the tables
 * @nmi_ended: an IRET was carried out
 * @x87_control: control word
 * @x87_status: status word
 * @ymm: vector registers; XMM registers are their lower halves
 * @mmx: MMX registers
 * @mmx_state: an MMX instruction was executed
 * @log: device accesses so far, in order
 * @nr_log: how many (may exceed FAKE_LOG)
 * @nr_translate: translations asked for
 * @nr_fetch: fetches asked for
 * @strayed: a translation outside the pages and their guard was asked for
 * @guard: bytes around the pages where a fault is all right
 * @race: change RAM under the next cmpxchg_gpa calls, so many times
 * @nr_cmpxchg: calls of cmpxchg_gpa
 * @nr_write: calls of write_gpa that wrote
 * @check_limit: segment limit to enforce, 0 for none
 * @denied: vector that check_registers raises, 0 for none
 * @asked: registers that it was asked for last
 * @readonly: bit N: page N is read-only for the guest
 * @allowed_port: lowest port that check_io refuses, 0 for none
 * @stop: value of the stop callback
 */
struct fake {
	struct slat_emul e;
	u64 base;
	enum fake_page page[FAKE_PAGES];
	u8 memory[FAKE_BYTES];
	u8 code[32];
	unsigned int code_len;
	u64 code_linear;
	u64 seg[SLAT_SEG_NR];
	u16 selector[SLAT_SEG_TR + 1];
	struct slat_descriptor hidden[SLAT_SEG_TR + 1];
	struct slat_system_state sys;
	u64 gdt[FAKE_ENTRIES];
	u64 ldt[FAKE_ENTRIES];
	unsigned int nr_marks;
	unsigned int table_race;
	unsigned int nr_table_reads;
	bool nmi_ended;
	u16 x87_control;
	u16 x87_status;
	u8 ymm[16][32];
	u64 mmx[8];
	bool mmx_state;
	struct slat_emul_mmio log[FAKE_LOG];
	unsigned int nr_log;
	unsigned int nr_translate;
	unsigned int nr_fetch;
	bool strayed;
	u64 guard;
	unsigned int race;
	unsigned int nr_cmpxchg;
	unsigned int nr_write;
	u64 check_limit;
	u8 denied;
	enum slat_registers asked;
	unsigned int readonly;
	u16 allowed_port;
	bool stop;
};

/* A machine in 64-bit mode with all pages RAM. */
void fake_init(struct fake *f, u64 base);
/* Guest physical address of a linear one. */
u64 fake_gpa(const struct fake *f, u64 linear);
/* Set the instruction; it is fetched at e.rip (with the CS base). */
void fake_code(struct fake *f, const void *bytes, unsigned int len);
/* Run to the end, answering devices from @memory. */
enum slat_emul_status fake_run(struct fake *f);
/* Answer one pending device access from @memory. */
enum slat_emul_status fake_answer(struct fake *f);

#endif /* SLAT_SELFTESTS_INSN_FAKE_H */
