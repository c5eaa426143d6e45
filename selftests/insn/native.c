// SPDX-License-Identifier: GPL-2.0
/*
 * Native execution of single instructions: code generated at a fixed address
 * loads every register from memory, runs the instruction, stores them back.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

#include "native.h"

/* Lives at NATIVE_STATE, addressed by absolute displacement. */
struct native_state {
	struct native_regs in;
	struct native_regs out;
	u64 host_rsp;
};

#define STATE		((struct native_state *)NATIVE_STATE)
#define IN(field)	(NATIVE_STATE + offsetof(struct native_state, in.field))
#define OUT(field)	(NATIVE_STATE + offsetof(struct native_state, out.field))
#define RSP		4

static u8 *code_end;
static u8 *insn_at;
static u8 epilogue[512];
static unsigned int epilogue_len;
static sigjmp_buf fault_jump;
static char handler_stack[65536];

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

/* movups between a vector register and memory: 10 loads, 11 stores. */
static void put_movups(u8 opcode, unsigned int reg, u64 address)
{
	if (reg & 8)
		put(0x44);
	put(0x0f);
	put(opcode);
	put(0x04 | (reg & 7) << 3);
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

static void put_prologue(void)
{
	static const u8 saves[] = { 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41,
				    0x56, 0x41, 0x57 };
	unsigned int i;

	for (i = 0; i < sizeof(saves); i++)
		put(saves[i]);
	put_mov(0x89, RSP, NATIVE_STATE + offsetof(struct native_state, host_rsp));
	for (i = 0; i < 16; i++)
		put_movups(0x10, i, IN(xmm) + 16 * i);
	put_stack(0xff, 0x34, IN(rflags));
	put(0x9d);				/* popf */
	for (i = 0; i < 16; i++)
		if (i != RSP)
			put_mov(0x8b, i, IN(gpr) + 8 * i);
	put_mov(0x8b, RSP, IN(gpr) + 8 * RSP);
}

static void put_epilogue(void)
{
	static const u8 restores[] = { 0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
				       0x41, 0x5c, 0x5d, 0x5b, 0xc3 };
	unsigned int i;

	for (i = 0; i < 16; i++)
		put_mov(0x89, i, OUT(gpr) + 8 * i);
	put_mov(0x8b, RSP, NATIVE_STATE + offsetof(struct native_state, host_rsp));
	put(0x9c);				/* pushf */
	put_stack(0x8f, 0x04, OUT(rflags));
	for (i = 0; i < 16; i++)
		put_movups(0x11, i, OUT(xmm) + 16 * i);
	for (i = 0; i < sizeof(restores); i++)
		put(restores[i]);
}

static void on_fault(int sig)
{
	(void)sig;
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
}

static bool map_at(u64 address, size_t bytes, int prot)
{
	return mmap((void *)address, bytes, prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
	       (void *)address;
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
	code_end = epilogue;
	put_epilogue();
	epilogue_len = code_end - epilogue;
	code_end = (u8 *)NATIVE_CODE;
	put_prologue();
	insn_at = code_end;
	install_handlers();
	return true;
}

u64 native_rip(void)
{
	return (u64)insn_at;
}

bool native_run(const u8 *bytes, unsigned int len, struct native_regs *regs)
{
	void (*volatile run)(void) = (void (*)(void))NATIVE_CODE;

	STATE->in = *regs;
	STATE->in.rflags |= 0x202;
	memcpy(insn_at, bytes, len);
	memcpy(insn_at + len, epilogue, epilogue_len);
	if (sigsetjmp(fault_jump, 1))
		return false;
	run();
	*regs = STATE->out;
	regs->rflags &= ~0x200ull;
	return true;
}
