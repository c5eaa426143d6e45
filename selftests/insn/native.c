// SPDX-License-Identifier: GPL-2.0
/*
 * Native execution of single instructions: code generated at a fixed address
 * loads every register from memory, runs the instruction, stores them back.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

/* Lives at NATIVE_STATE, addressed by absolute displacement. */
struct native_state {
	struct native_regs in;
	struct native_regs out;
	u64 host_rsp;
	u32 far_offset;		/* where and in which CS the instruction is */
	u16 far_selector;
	u16 data_selector;	/* DS and ES for the instruction */
	u16 stack_selector;	/* SS for the instruction */
	u16 host_ds;
	u16 host_es;
	u16 host_ss;
};

#define STATE		((struct native_state *)NATIVE_STATE)
#define IN(field)	(NATIVE_STATE + offsetof(struct native_state, in.field))
#define OUT(field)	(NATIVE_STATE + offsetof(struct native_state, out.field))
#define AT(field)	(NATIVE_STATE + offsetof(struct native_state, field))
#define RSP		4

/* Linux' own selectors, and those of the LDT entries made here. */
#define CS_64		0x33
#define CS_32		0x23
#define DS_FLAT		0x2b
#define LDT(entry)	((entry) * 8 + 7)
#define LDT_CODE16	0
#define LDT_DATA	1
#define LDT_STACK	2

static u8 *code_end;
static u8 *insn_at;		/* for 64-bit mode */
static u8 *compat_at;		/* for compatibility mode */

/* What stands behind the instruction: for 64-bit mode, for compatibility mode. */
static struct {
	u8 bytes[512];
	unsigned int len;
} epilogues[2];

static bool has_compat;
static u16 host_cs;
static sigjmp_buf fault_jump;
static char handler_stack[65536];
static volatile int fault_signal;

static void put(u8 byte)
{
	*code_end++ = byte;
}

static void put_address(u64 address)
{
	u32 disp = address;

	memcpy(code_end, &disp, 4);
	code_end += 4;
}

/* mov between a general register and memory: 8b loads, 89 stores. */
static void put_mov(u8 opcode, unsigned int reg, u64 address)
{
	put(0x48 | (reg & 8 ? 4 : 0));
	put(opcode);
	put(0x04 | (reg & 7) << 3);
	put(0x25);
	put_address(address);
}

bool native_has_avx(void)
{
	return __builtin_cpu_supports("avx");
}

/* A whole vector register and memory, movups or vmovups: 10 loads, 11 stores. */
static void put_vector(u8 opcode, unsigned int reg, u64 address)
{
	if (native_has_avx()) {
		put(0xc5);
		put(reg & 8 ? 0x7c : 0xfc);
	} else {
		if (reg & 8)
			put(0x44);
		put(0x0f);
	}
	put(opcode);
	put(0x04 | (reg & 7) << 3);
	put(0x25);
	put_address(address);
}

/* movq between an MMX register and memory: 6f loads, 7f stores. */
static void put_movq(u8 opcode, unsigned int reg, u64 address)
{
	put(0x0f);
	put(opcode);
	put(0x04 | reg << 3);
	put(0x25);
	put_address(address);
}

/* push or pop qword [address] */
static void put_stack(u8 opcode, u8 modrm, u64 address)
{
	put(opcode);
	put(modrm);
	put(0x25);
	put_address(address);
}

static void put_prologue(bool compat)
{
	static const u8 saves[] = { 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41,
				    0x56, 0x41, 0x57 };
	unsigned int i;

	for (i = 0; i < sizeof(saves); i++)
		put(saves[i]);
	put_mov(0x89, RSP, AT(host_rsp));
	for (i = 0; i < 16; i++)
		put_vector(0x10, i, IN(ymm) + 32 * i);
	for (i = 0; i < 8; i++)
		put_movq(0x6f, i, IN(mmx) + 8 * i);
	put_stack(0xff, 0x34, IN(rflags));
	put(0x9d);				/* popf */
	for (i = 0; i < 16; i++)
		if (i != RSP)
			put_mov(0x8b, i, IN(gpr) + 8 * i);
	if (compat) {
		put_stack(0x8e, 0x1c, AT(data_selector));	/* mov ds */
		put_stack(0x8e, 0x04, AT(data_selector));	/* mov es */
		put_stack(0x8e, 0x14, AT(stack_selector));	/* mov ss */
	}
	put_mov(0x8b, RSP, IN(gpr) + 8 * RSP);
	if (compat)
		put_stack(0xff, 0x2c, AT(far_offset));		/* ljmp */
}

/* Behind code of compatibility mode the segments are the instruction's. */
static void put_epilogue(bool compat)
{
	static const u8 restores[] = { 0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
				       0x41, 0x5c, 0x5d, 0x5b, 0xc3 };
	unsigned int i;

	for (i = 0; i < 16; i++)
		put_mov(0x89, i, OUT(gpr) + 8 * i);
	if (compat) {
		put_stack(0x8e, 0x14, AT(host_ss));
		put_stack(0x8e, 0x1c, AT(host_ds));
		put_stack(0x8e, 0x04, AT(host_es));
	}
	put_mov(0x8b, RSP, AT(host_rsp));
	put(0x9c);				/* pushf */
	put_stack(0x8f, 0x04, OUT(rflags));
	for (i = 0; i < 16; i++)
		put_vector(0x11, i, OUT(ymm) + 32 * i);
	for (i = 0; i < 8; i++)
		put_movq(0x7f, i, OUT(mmx) + 8 * i);
	put(0x0f);				/* emms */
	put(0x77);
	for (i = 0; i < sizeof(restores); i++)
		put(restores[i]);
}

static void on_fault(int sig)
{
	fault_signal = sig;
	siglongjmp(fault_jump, 1);
}

/* The guest's RSP may be anything: handlers run on a stack of their own. */
static void install_handlers(void)
{
	struct sigaction action = { .sa_handler = on_fault,
				    .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_sp = handler_stack,
			  .ss_size = sizeof(handler_stack) };

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
}

static bool map_at(u64 address, size_t bytes, int prot)
{
	return mmap((void *)address, bytes, prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
	       (void *)address;
}

static bool set_ldt(unsigned int entry, unsigned int contents, u64 base,
		    unsigned int limit)
{
	struct user_desc desc = {
		.entry_number = entry,
		.base_addr = base,
		.limit = limit,
		.contents = contents,
	};

	return syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)) == 0;
}

/* 16-bit code, and data that lies at NATIVE_DATA. */
static bool make_segments(void)
{
	return set_ldt(LDT_CODE16, MODIFY_LDT_CONTENTS_CODE, NATIVE_CODE, 0xffff) &&
	       set_ldt(LDT_DATA, MODIFY_LDT_CONTENTS_DATA, NATIVE_DATA, NATIVE_LIMIT) &&
	       set_ldt(LDT_STACK, MODIFY_LDT_CONTENTS_DATA, NATIVE_DATA, NATIVE_LIMIT);
}

static void epilogue_make(bool compat)
{
	code_end = epilogues[compat].bytes;
	put_epilogue(compat);
	epilogues[compat].len = code_end - epilogues[compat].bytes;
}

/* Does a NOP run there, again and again? */
static bool mode_runs(enum slat_insn_mode mode)
{
	struct native_setup setup = { .mode = mode, .small = mode == SLAT_MODE_PROT16 };
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		struct native_regs regs = { .rflags = 2 };

		if (!native_run(&setup, (const u8 *)"\x90", 1, &regs))
			return false;
	}
	return true;
}

/*
 * A host that is itself a guest without hardware for it may refuse segments of
 * user space, or break over them: so it is tried by a child.
 */
static bool compat_runs(void)
{
	int status = 0;
	pid_t child = fork();

	if (!child)
		_exit(!mode_runs(SLAT_MODE_PROT32) || !mode_runs(SLAT_MODE_PROT16));
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

bool native_init(unsigned int data_bytes)
{
	int rw = PROT_READ | PROT_WRITE;

	if (!map_at(NATIVE_STATE, 0x10000, rw) ||
	    !map_at(NATIVE_CODE, 0x1000, rw | PROT_EXEC) ||
	    !map_at(NATIVE_DATA - NATIVE_GUARD, NATIVE_GUARD, PROT_NONE) ||
	    !map_at(NATIVE_DATA, data_bytes, rw) ||
	    !map_at(NATIVE_DATA + data_bytes, NATIVE_GUARD, PROT_NONE))
		return false;
	asm volatile("mov %%cs, %0" : "=r"(host_cs));
	asm volatile("mov %%ss, %0" : "=r"(STATE->host_ss));
	asm volatile("mov %%ds, %0" : "=r"(STATE->host_ds));
	asm volatile("mov %%es, %0" : "=r"(STATE->host_es));
	epilogue_make(false);
	epilogue_make(true);
	code_end = (u8 *)NATIVE_CODE;
	put_prologue(false);
	insn_at = code_end;
	code_end = (u8 *)NATIVE_CODE + 2048;
	put_prologue(true);
	compat_at = code_end;
	install_handlers();
	has_compat = host_cs == CS_64 && make_segments() && compat_runs();
	return true;
}

bool native_data_segment(const struct user_desc *desc)
{
	struct user_desc copy = *desc;

	copy.entry_number = LDT_DATA;
	copy.base_addr = NATIVE_DATA;
	return syscall(SYS_modify_ldt, 0x11, &copy, sizeof(copy)) == 0;
}

int native_signal(void)
{
	return fault_signal;
}

bool native_has_compat(void)
{
	return has_compat;
}

u64 native_code_base(const struct native_setup *setup)
{
	return setup->mode == SLAT_MODE_PROT16 ? NATIVE_CODE : 0;
}

u64 native_rip(const struct native_setup *setup)
{
	u8 *at = setup->mode == SLAT_MODE_LONG ? insn_at : compat_at;

	return (u64)at - native_code_base(setup);
}

u16 native_selector(const struct native_setup *setup, enum slat_seg seg)
{
	bool lng = setup->mode == SLAT_MODE_LONG;
	u16 selector = 0;

	switch (seg) {
	case SLAT_SEG_CS:
		return lng ? host_cs : setup->mode == SLAT_MODE_PROT32 ? CS_32 :
							       LDT(LDT_CODE16);
	case SLAT_SEG_SS:
		return lng ? STATE->host_ss : setup->small ? LDT(LDT_STACK) : DS_FLAT;
	case SLAT_SEG_DS:
	case SLAT_SEG_ES:
		if (!lng)
			return setup->small ? LDT(LDT_DATA) : DS_FLAT;
		return seg == SLAT_SEG_DS ? STATE->host_ds : STATE->host_es;
	case SLAT_SEG_FS:
		asm volatile("mov %%fs, %0" : "=r"(selector));
		return selector;
	default:
		asm volatile("mov %%gs, %0" : "=r"(selector));
		return selector;
	}
}

/* The instruction, the way back to 64-bit mode, the epilogue. */
static void put_instruction(const struct native_setup *setup, const u8 *bytes,
			    unsigned int len)
{
	const bool compat = setup->mode != SLAT_MODE_LONG;
	u8 *at = compat ? compat_at : insn_at;

	memcpy(at, bytes, len);
	code_end = at + len;
	if (compat) {
		if (setup->mode == SLAT_MODE_PROT16)
			put(0x66);
		put(0xea);			/* ljmp CS_64:epilogue */
		put_address((u64)code_end + 6);
		put(CS_64);
		put(0);
	}
	memcpy(code_end, epilogues[compat].bytes, epilogues[compat].len);
}

/* After a fault the segments are still the instruction's. */
static void restore_segments(void)
{
	asm volatile("mov %0, %%ss" : : "m"(STATE->host_ss));
	asm volatile("mov %0, %%ds" : : "m"(STATE->host_ds));
	asm volatile("mov %0, %%es" : : "m"(STATE->host_es));
}

bool native_run(const struct native_setup *setup, const u8 *bytes,
		unsigned int len, struct native_regs *regs)
{
	u64 entry = NATIVE_CODE + (setup->mode == SLAT_MODE_LONG ? 0 : 2048);
	void (*volatile run)(void) = (void (*)(void))entry;

	STATE->in = *regs;
	STATE->in.rflags |= 0x202;
	STATE->far_offset = native_rip(setup);
	STATE->far_selector = native_selector(setup, SLAT_SEG_CS);
	STATE->data_selector = native_selector(setup, SLAT_SEG_DS);
	STATE->stack_selector = native_selector(setup, SLAT_SEG_SS);
	put_instruction(setup, bytes, len);
	if (sigsetjmp(fault_jump, 1)) {
		if (setup->mode != SLAT_MODE_LONG)
			restore_segments();
		return false;
	}
	run();
	*regs = STATE->out;
	regs->rflags &= ~0x200ull;
	return true;
}
