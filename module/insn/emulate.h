/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instruction emulation: a resumable state machine that executes one guest
 * instruction (or iterations of one string instruction) and stops whenever
 * user space must answer for a device. Called by the vCPU's glue on the
 * vCPU's own thread; takes no lock. Callbacks may sleep.
 *
 *	fill regs, ops, ctx; slat_emul_run()
 *	   |
 *	   +-> DONE       registers and RIP committed
 *	   +-> MMIO       exit to user space; its answer goes to
 *	   |              slat_emul_complete_mmio(), which returns as run() does
 *	   +-> PIO        the same, with slat_emul_complete_pio()
 *	   +-> EXCEPTION  inject e->exception; the instruction changed nothing
 *	   +-> UNHANDLED  nothing changed; KVM_EXIT_INTERNAL_ERROR with e->insn
 *	   +-> RETRY      nothing changed; enter the guest again
 *
 * Nothing, that is, but the mark that a descriptor may have got (segments.c).
 *
 * What is committed when (KVM's contract): gpr[], rip and rflags always hold
 * committed state. A device read leaves them as before the instruction until
 * the data is there. Before a device write is handed out they are already as
 * after the instruction. So the glue may copy them back after every call.
 * When user space changes registers between exit and completion, the glue
 * stores the new values here before it completes.
 *
 * A string instruction commits each iteration; DONE with RIP still at the
 * instruction means that more iterations follow once the guest runs again.
 *
 * The instruction that is found may be another one than the one that exited:
 * another vCPU has changed the code, or the exit was by a translation that is
 * no longer in the guest's tables. So what the processor had checked for the
 * one that exited is not taken as checked: every right is looked at here again
 * (rights.h, the segments, the walk of the access that is really made). Only
 * where the glue gives a @gpa_hint is the walk left out; whom it trusts so far
 * is its decision.
 */
#ifndef SLAT_INSN_EMULATE_H
#define SLAT_INSN_EMULATE_H

#include "decode.h"
#include "rights.h"
#include "system.h"
#include "types.h"

/* The longest access: a YMM register. */
#define SLAT_EMUL_MAX_DATA	32
/* Read log: everything one instruction may read from memory. */
#define SLAT_EMUL_READ_LOG	64
/* Iterations of a string instruction per slat_emul_run(). */
#define SLAT_EMUL_MAX_ITER	1024
/* Bytes that one string port read or write moves per exit, as in KVM. */
#define SLAT_EMUL_PIO_DATA	1024

/**
 * enum slat_emul_status - what slat_emul_run() and _complete_*() ask for
 * @SLAT_EMUL_DONE: committed; enter the guest at slat_emul.rip
 * @SLAT_EMUL_MMIO: slat_emul.mmio describes one device access
 * @SLAT_EMUL_PIO: slat_emul.pio describes one port access
 * @SLAT_EMUL_EXCEPTION: slat_emul.exception must be injected at rip
 * @SLAT_EMUL_UNHANDLED: this cannot be emulated; insn.bytes has the bytes
 * @SLAT_EMUL_RETRY: memory changed under the instruction; run it again, or
 *	slat_emul_resume() it where slat_emul_has_answer() says so
 */
enum slat_emul_status {
	SLAT_EMUL_DONE,
	SLAT_EMUL_MMIO,
	SLAT_EMUL_PIO,
	SLAT_EMUL_EXCEPTION,
	SLAT_EMUL_UNHANDLED,
	SLAT_EMUL_RETRY,
};

/**
 * struct slat_emul_ops - the emulator's way to guest state
 *
 * Every callback gets slat_emul.ctx. Those that can return -EFAULT must have
 * filled slat_emul.exception. -EAGAIN from any of them makes the instruction
 * RETRY, any errno not named below UNHANDLED. (Both promise that nothing was
 * changed, except when the second page of a write fails so after the first
 * was written: that is UNHANDLED.)
 *
 * @fetch: read instruction bytes at a linear address (CS base added, never
 *	across a page) with the rights of a fetch at slat_emul.cpl. Returns
 *	how many were read (1..len), or -EFAULT, or -ENXIO when no RAM.
 * @translate: linear address to guest physical address for an access with
 *	enum slat_access flags (SLAT_ACC_USER is set at CPL 3). 0 or -EFAULT.
 * @read_gpa: read RAM; never crosses a page, up to SLAT_EMUL_MAX_DATA bytes;
 *	aligned 1, 2, 4 and 8 bytes in one piece. 0, or -ENXIO: MMIO.
 * @write_gpa: write RAM likewise; INS writes up to SLAT_EMUL_PIO_DATA bytes.
 *	0, or -ENXIO: MMIO (or a read-only slot), perhaps half way.
 * @cmpxchg_gpa: atomically replace @old by @new in RAM; 1, 2, 4, 8 or 16
 *	bytes, inside one 64-byte line but perhaps not naturally aligned. 0;
 *	-EAGAIN when the memory is not @old any more; -ENXIO: MMIO.
 * @seg_base: base of a segment. Asked in 64-bit mode for FS and GS only.
 * @seg_check: limit and type check of an access outside 64-bit mode, offset
 *	before the base is added; see slat_segment_check(). 0 or -EFAULT. NULL:
 *	no checks.
 * @seg_selector: visible selector of a segment register, LDTR or TR. NULL:
 *	instructions that store one are UNHANDLED.
 * @read_xmm: read all 16 bytes of XMM register @reg (0..15). NULL: SSE moves
 *	are UNHANDLED.
 * @write_xmm: write all 16 bytes; bits above 127 of the register are kept.
 * @read_ymm: read all 32 bytes of YMM register @reg (0..15). NULL: VEX moves
 *	are UNHANDLED.
 * @write_ymm: write all 32 bytes; bits above 255 become 0.
 * @read_mmx: read all 8 bytes of MMX register @reg (0..7). NULL: MMX moves
 *	are UNHANDLED.
 * @write_mmx: write all 8 bytes, and do what every MMX instruction does to the
 *	x87 state (top of stack 0, no register empty). @buf NULL: only that.
 * @check_registers: may the guest use these vector registers (CR0, CR4, XCR0)?
 *	0 or -EFAULT. NULL: always.
 * @check_io: may the guest access these ports (TSS bitmap, IOPL)? 0 or
 *	-EFAULT. NULL: always.
 * @stop: work is pending (a signal, an interrupt): end the string
 *	instruction at the iteration boundary where it is now. NULL: never.
 * @system: segments' hidden parts and other system registers. NULL:
 *	instructions that load or store those are UNHANDLED.
 */
struct slat_emul_ops {
	int (*fetch)(void *ctx, u64 linear, void *buf, unsigned int len);
	int (*translate)(void *ctx, u64 linear, unsigned int access, u64 *gpa);
	int (*read_gpa)(void *ctx, u64 gpa, void *buf, unsigned int len);
	int (*write_gpa)(void *ctx, u64 gpa, const void *buf, unsigned int len);
	int (*cmpxchg_gpa)(void *ctx, u64 gpa, const void *old, const void *new,
			   unsigned int len);
	u64 (*seg_base)(void *ctx, enum slat_seg seg);
	int (*seg_check)(void *ctx, enum slat_seg seg, u64 offset,
			 unsigned int len, unsigned int access);
	u16 (*seg_selector)(void *ctx, enum slat_seg seg);
	void (*read_xmm)(void *ctx, unsigned int reg, void *buf);
	void (*write_xmm)(void *ctx, unsigned int reg, const void *buf);
	void (*read_ymm)(void *ctx, unsigned int reg, void *buf);
	void (*write_ymm)(void *ctx, unsigned int reg, const void *buf);
	void (*read_mmx)(void *ctx, unsigned int reg, void *buf);
	void (*write_mmx)(void *ctx, unsigned int reg, const void *buf);
	int (*check_registers)(void *ctx, enum slat_registers registers);
	int (*check_io)(void *ctx, u16 port, unsigned int size);
	bool (*stop)(void *ctx);
	const struct slat_system_ops *system;
};

/**
 * struct slat_emul_mmio - one device access for KVM_EXIT_MMIO
 * @gpa: guest physical address
 * @len: bytes, 1..8, never across a page
 * @is_write: @data goes to the device; else the device's answer is awaited
 * @data: what is written
 */
struct slat_emul_mmio {
	u64 gpa;
	u8 len;
	bool is_write;
	u8 data[8];
};

/**
 * struct slat_emul_pio - one port access for KVM_EXIT_IO
 * @port: port number
 * @size: 1, 2 or 4 bytes
 * @is_in: IN or INS
 * @count: elements; size * count <= SLAT_EMUL_PIO_DATA
 * @data: elements written (OUT); elements read are stored here on completion
 */
struct slat_emul_pio {
	u16 port;
	u8 size;
	bool is_in;
	u16 count;
	u8 data[SLAT_EMUL_PIO_DATA];
};

/* One translated page of the running instruction. */
struct slat_emul_xlat {
	u64 linear;		/* page address */
	u64 gpa;		/* page address */
	unsigned int access;
};

/* One write of the running instruction, inside one page. */
struct slat_emul_write {
	u64 gpa;
	u8 len;
	u8 done;		/* bytes handed out as MMIO so far */
	bool mmio;
	bool atomic;		/* cmpxchg against old[] */
	u8 data[SLAT_EMUL_MAX_DATA];
};

/* A segment register that the running instruction loads. */
struct slat_emul_load {
	u64 linear;		/* of its descriptor, if it came from a table */
	struct slat_descriptor desc;
	u16 selector;
	u8 seg;
	u8 type_byte;		/* as it is in the table */
	bool in_table;
};

/* What the running instruction loads GDTR or IDTR with; of LMSW, the limit alone. */
struct slat_emul_table {
	u64 base;
	u16 limit;
};

/* slat_emul.committed */
enum slat_committed {
	SLAT_COMMITTED_NOTHING,
	SLAT_COMMITTED,
	SLAT_COMMITTED_SHADOW,	/* and events wait for one more instruction */
};

#define SLAT_EMUL_XLATS		4
/* PUSHA writes eight registers, one of them perhaps across pages. */
#define SLAT_EMUL_WRITES	9
#define SLAT_EMUL_REG_WRITES	8

/**
 * struct slat_emul - one vCPU's emulator
 * @ops: callbacks
 * @ctx: their first argument
 * @gpr: general registers, committed, enum slat_gpr order
 * @rip: instruction pointer, committed (IP without the CS base)
 * @rflags: RFLAGS, committed
 * @mode: code segment mode
 * @cpl: current privilege level
 * @stack_size: bytes of the stack pointer outside 64-bit mode: 4 when SS.B is
 *	set, else 2 (0 is taken as the default of @mode)
 * @align_check: alignment checking is on: CPL 3, CR0.AM and RFLAGS.AC
 * @step: one iteration of a string instruction at a time: each owes a trap
 * @gpa_hint_valid: the exit gave the GPA of the access in @gpa_hint, and it is
 *	the final translation of a data operand of this instruction. Saves the
 *	walk when the instruction has one memory operand inside one page with
 *	the same page offset. The glue clears it if it cannot know that (a
 *	guest page table in MMIO exits with the entry's address instead).
 * @gpa_hint: see @gpa_hint_valid
 * @gpa_hint_write: it serves for a write as well; else for a read alone
 * @single_outs: OUTS hands out one element at a time; the glue may itself
 *	answer some of them
 * @insn: the decoded instruction; insn.bytes holds @fetched bytes
 * @fetched: bytes fetched; valid also after UNHANDLED
 * @committed: enum slat_committed: whether an instruction or an iteration took
 *	effect since the glue has cleared this
 * @exception: valid after SLAT_EMUL_EXCEPTION; filled by callbacks too
 * @mmio: valid after SLAT_EMUL_MMIO
 * @pio: valid after SLAT_EMUL_PIO
 *
 * The rest is private. A zeroed struct is a valid idle emulator.
 */
struct slat_emul {
	const struct slat_emul_ops *ops;
	void *ctx;
	u64 gpr[SLAT_GPR_NR];
	u64 rip;
	u64 rflags;
	enum slat_insn_mode mode;
	u8 cpl;
	u8 stack_size;
	bool align_check;
	bool step;
	bool gpa_hint_valid;
	bool gpa_hint_write;
	bool single_outs;
	u64 gpa_hint;

	struct slat_insn insn;
	u8 fetched;
	u8 committed;
	struct slat_exception exception;
	struct slat_emul_mmio mmio;

	/* private: where the machine stands */
	u8 state;
	bool decoded;		/* insn is whole and can be emulated */
	bool again;		/* a string instruction has more iterations */
	bool pio_answered;	/* IN and OUT: the port access is over */
	u16 iterations;
	bool mem_valid;		/* mem_linear is the memory operand's address */
	u64 mem_linear;

	/* private: what was read; a restarted instruction reads it again */
	u8 read_log[SLAT_EMUL_READ_LOG];
	u8 read_len;
	u8 read_pos;
	bool read_device;	/* some of it is a device's answer */

	/* private: translations, kept until the guest runs again as a TLB */
	u8 nr_xlats;
	struct slat_emul_xlat xlat[SLAT_EMUL_XLATS];

	/* private: effects not yet committed */
	u64 next_rip;
	u64 next_rflags;
	u16 next_pio_pos;
	u8 nr_reg_writes;
	u8 reg_write[SLAT_EMUL_REG_WRITES];
	u64 reg_value[SLAT_EMUL_REG_WRITES];
	u8 effect;
	u8 vector_reg;
	u8 vector_value[SLAT_EMUL_MAX_DATA];
	u8 nr_writes;
	u8 write_pos;
	struct slat_emul_write write[SLAT_EMUL_WRITES];
	u8 old[16];
	struct slat_emul_load load;
	struct slat_emul_table table;

	/* private: read-ahead of INS */
	u16 pio_pos;
	u16 pio_end;
	struct slat_emul_pio pio;
};

/**
 * slat_emul_run() - emulate the instruction at e->rip
 * @e: emulator with ops, ctx, registers, mode and cpl filled
 *
 * Starts afresh: what an abandoned earlier instruction left is forgotten.
 *
 * Return: enum slat_emul_status.
 */
enum slat_emul_status slat_emul_run(struct slat_emul *e);

/**
 * slat_emul_complete_mmio() - continue after SLAT_EMUL_MMIO
 * @e: the emulator
 * @data: e->mmio.len bytes that the device answered; unused for a write
 *
 * Return: enum slat_emul_status; another MMIO when the access has more
 * fragments or the instruction more accesses. UNHANDLED when no MMIO was
 * pending.
 */
enum slat_emul_status slat_emul_complete_mmio(struct slat_emul *e,
					      const u8 *data);

/**
 * slat_emul_complete_pio() - continue after SLAT_EMUL_PIO
 * @e: the emulator
 * @data: e->pio.size * e->pio.count bytes that were read from the port;
 *	unused for a write
 *
 * Return: enum slat_emul_status, UNHANDLED when no PIO was pending.
 */
enum slat_emul_status slat_emul_complete_pio(struct slat_emul *e,
					     const u8 *data);

/**
 * slat_emul_has_answer() - would starting afresh ask a device again?
 * @e: the emulator, which returned SLAT_EMUL_RETRY
 *
 * A device may not give its data twice: a FIFO, a sector read by INS.
 */
bool slat_emul_has_answer(const struct slat_emul *e);

/**
 * slat_emul_resume() - try again after SLAT_EMUL_RETRY with what devices gave
 * @e: the emulator
 *
 * Return: enum slat_emul_status.
 */
enum slat_emul_status slat_emul_resume(struct slat_emul *e);

/**
 * slat_emul_is_last() - is the pending device access the instruction's last act?
 * @e: the emulator, which returned SLAT_EMUL_MMIO
 *
 * Then everything else is committed already: the glue may slat_emul_cancel()
 * instead of completing the access.
 */
bool slat_emul_is_last(const struct slat_emul *e);

/**
 * slat_emul_depends_on() - what the pending device access is at the mercy of
 * @e: the emulator, which waits for an answer or is to be resumed
 *
 * Until a read is answered nothing is committed, and the instruction is begun
 * again with the answer: that is for the address that these registers made.
 *
 * Return: a bit for each general register; 0: the access is a write, which no
 * register changes any more.
 */
u32 slat_emul_depends_on(const struct slat_emul *e);

/**
 * slat_emul_pending() - is an MMIO or PIO exit waiting for its completion
 * @e: the emulator
 */
bool slat_emul_pending(const struct slat_emul *e);

/**
 * slat_emul_cancel() - forget an instruction that waits for user space
 * @e: the emulator
 *
 * For a vCPU reset or destruction. Registers keep their committed values.
 */
void slat_emul_cancel(struct slat_emul *e);

#endif /* SLAT_INSN_EMULATE_H */
