/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to module/insn: how the files that execute instructions (exec.c,
 * stack.c, far.c, system.c, sse.c, string.c) read memory and announce effects. Nothing takes effect before
 * emulate.c commits it, so an instruction can be abandoned at any point and
 * started again; what it had read from memory is then read from a log.
 *
 * All functions return SLAT_EMUL_DONE to go on; anything else is handed up
 * unchanged and ends the attempt.
 */
#ifndef SLAT_INSN_MACHINE_H
#define SLAT_INSN_MACHINE_H

#include "emulate.h"

/* slat_emul.state: what the machine waits for. */
enum machine_state {
	STATE_IDLE,
	STATE_MMIO_READ,	/* data goes to the log, then start again */
	STATE_MMIO_WRITE,	/* committed; more fragments may follow */
	STATE_PIO,		/* not committed; then start again */
	STATE_PIO_OUTS,		/* committed; then the next iterations */
};

/* slat_emul.effect: what is to be written besides general registers and memory. */
enum machine_effect {
	EFFECT_NONE,
	EFFECT_XMM,
	EFFECT_YMM,
	EFFECT_MMX,
	EFFECT_MMX_STATE,	/* only what MMX instructions do to the x87 */
	EFFECT_SEGMENT,		/* this and all that follow: slat_system_commit() */
	EFFECT_IRET,		/* CS, and NMIs are not blocked any more */
	EFFECT_GDT,
	EFFECT_IDT,
	EFFECT_MSW,
};

enum slat_emul_status slat_machine_errno(int ret);
enum slat_emul_status slat_machine_raise(struct slat_emul *e, u8 vector);
enum slat_emul_status slat_machine_gp(struct slat_emul *e, enum slat_seg seg);

bool slat_machine_is_canonical(u64 linear);

u64 slat_machine_gpr(const struct slat_emul *e, unsigned int reg);
void slat_machine_set_gpr(struct slat_emul *e, unsigned int reg,
			  unsigned int size, u64 value);

enum slat_emul_status slat_machine_linear(struct slat_emul *e,
					  enum slat_seg seg, u64 offset,
					  unsigned int len, unsigned int access,
					  u64 *linear);
enum slat_emul_status slat_machine_branch(struct slat_emul *e, u64 target);
enum slat_emul_status slat_machine_gpa(struct slat_emul *e, u64 linear,
				       unsigned int access, unsigned int len,
				       u64 *gpa);
enum slat_emul_status slat_machine_probe(struct slat_emul *e, u64 linear,
					 unsigned int len, unsigned int access);
bool slat_machine_replay(struct slat_emul *e, unsigned int len, void *buf);
enum slat_emul_status slat_machine_read(struct slat_emul *e, u64 linear,
					unsigned int len, unsigned int access,
					void *buf);
enum slat_emul_status slat_machine_write(struct slat_emul *e, u64 linear,
					 unsigned int len, const void *data,
					 const void *old);

enum slat_emul_status slat_exec(struct slat_emul *e);
enum slat_emul_status slat_exec_sse(struct slat_emul *e);
enum slat_emul_status slat_exec_stack(struct slat_emul *e);
enum slat_emul_status slat_exec_far(struct slat_emul *e);
enum slat_emul_status slat_exec_system(struct slat_emul *e);
enum slat_emul_status slat_exec_string(struct slat_emul *e);
enum slat_emul_status slat_exec_io(struct slat_emul *e);

/* exec.c, for the others */
enum slat_emul_status slat_exec_mem(struct slat_emul *e, unsigned int len,
				    unsigned int access, u64 *linear);
enum slat_emul_status slat_exec_read(struct slat_emul *e,
				     const struct slat_operand *opnd,
				     unsigned int access, u64 *value);
enum slat_emul_status slat_exec_write(struct slat_emul *e,
				      const struct slat_operand *opnd,
				      u64 value, const u64 *old);

/* stack.c, for far branches */
void slat_stack_move(struct slat_emul *e, u64 rsp);
enum slat_emul_status slat_stack_push(struct slat_emul *e, u64 value, unsigned int len);
enum slat_emul_status slat_stack_read(struct slat_emul *e, u64 offset, unsigned int len,
				      u64 *value);

/* segments.c */
enum slat_emul_status slat_segment_load(struct slat_emul *e, enum slat_seg seg, u16 selector);
enum slat_emul_status slat_segment_load_code(struct slat_emul *e, u16 selector,
					     enum slat_load_why why);
enum slat_emul_status slat_segment_mark(struct slat_emul *e);

/* system.c, for far branches and for emulate.c */
enum slat_emul_status slat_system_read_pointer(struct slat_emul *e, u64 *offset, u16 *selector);
void slat_system_commit(struct slat_emul *e);

#endif /* SLAT_INSN_MACHINE_H */
