// SPDX-License-Identifier: GPL-2.0
/*
 * Single vector registers of a guest whose FPU state is in the processor or in
 * this task's FPU buffer: between KVM_RUN's two swaps. Called by the emulator's
 * glue.
 */
#include <linux/bug.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

#include "fpregs.h"

#define ST_BYTES	16
#define MMX_BYTES	8
#define NR_MMX		8

/* Top of the x87 register stack in the status word. */
#define X87_TOP_SHIFT	11
#define X87_TOP		(7 << X87_TOP_SHIFT)

/* The guest's registers are the task's own now: load them if they are not. */
static void vector_begin(void)
{
	fpregs_lock();
	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

static void vector_end(void)
{
	fpregs_unlock();
}

/* An instruction names its registers, so there is one for each number. */
#define VECTOR_LOAD(insn, name, nr)						\
	do {									\
		if (reg == nr)							\
			asm volatile(insn " %0, %%" name #nr : : "m" (*image));	\
	} while (0)
#define VECTOR_STORE(insn, name, nr)						\
	do {									\
		if (reg == nr)							\
			asm volatile(insn " %%" name #nr ", %0" : "=m" (*image)); \
	} while (0)
#define VECTOR_EACH(do_one, insn, name)						\
	do {									\
		do_one(insn, name, 0); do_one(insn, name, 1);			\
		do_one(insn, name, 2); do_one(insn, name, 3);			\
		do_one(insn, name, 4); do_one(insn, name, 5);			\
		do_one(insn, name, 6); do_one(insn, name, 7);			\
		do_one(insn, name, 8); do_one(insn, name, 9);			\
		do_one(insn, name, 10); do_one(insn, name, 11);			\
		do_one(insn, name, 12); do_one(insn, name, 13);			\
		do_one(insn, name, 14); do_one(insn, name, 15);			\
	} while (0)

struct xmm_image {
	u8 bytes[16];
};

struct ymm_image {
	u8 bytes[32];
};

void slat_fpu_read_xmm(unsigned int reg, void *buf)
{
	struct xmm_image *image = buf;

	vector_begin();
	VECTOR_EACH(VECTOR_STORE, "movdqu", "xmm");
	vector_end();
}

void slat_fpu_write_xmm(unsigned int reg, const void *buf)
{
	const struct xmm_image *image = buf;

	vector_begin();
	VECTOR_EACH(VECTOR_LOAD, "movdqu", "xmm");
	vector_end();
}

void slat_fpu_read_ymm(unsigned int reg, void *buf)
{
	struct ymm_image *image = buf;

	vector_begin();
	VECTOR_EACH(VECTOR_STORE, "vmovdqu", "ymm");
	vector_end();
}

void slat_fpu_write_ymm(unsigned int reg, const void *buf)
{
	const struct ymm_image *image = buf;

	vector_begin();
	VECTOR_EACH(VECTOR_LOAD, "vmovdqu", "ymm");
	vector_end();
}

/* Error summary: an unmasked exception waits for the next x87 or MMX instruction. */
#define X87_ES	BIT(7)

u16 slat_fpu_x87_status(void)
{
	u16 status;

	vector_begin();
	asm volatile("fnstsw %0" : "=m" (status));
	vector_end();
	return status;
}

u16 slat_fpu_x87_control(void)
{
	u16 control;

	vector_begin();
	asm volatile("fnstcw %0" : "=m" (control));
	vector_end();
	return control;
}

bool slat_fpu_x87_error(void)
{
	return slat_fpu_x87_status() & X87_ES;
}

/*
 * The whole legacy area is the smallest thing that an instruction with a register
 * number in memory can reach; the upper halves of YMM and ZMM are not in it and so
 * keep their values.
 */
static void legacy_begin(struct fxregs_state *fx)
{
	vector_begin();
	asm volatile("fxsave64 %0" : "=m" (*fx));
}

/* An MMX register is a physical x87 register; the image counts from the top. */
static void *legacy_mmx(struct fxregs_state *fx, unsigned int reg)
{
	unsigned int top = (fx->swd & X87_TOP) >> X87_TOP_SHIFT;

	return (u8 *)fx->st_space + ((reg - top) & (NR_MMX - 1)) * ST_BYTES;
}

void slat_fpu_read_mmx(unsigned int reg, void *buf)
{
	struct fxregs_state fx __aligned(16);

	if (WARN_ON_ONCE(reg >= NR_MMX))
		return;
	legacy_begin(&fx);
	vector_end();
	memcpy(buf, legacy_mmx(&fx, reg), MMX_BYTES);
}

/* What every MMX instruction does first: the top is 0, no register is empty. */
static void legacy_enter_mmx(struct fxregs_state *fx)
{
	u8 st[sizeof(fx->st_space)];
	unsigned int reg;

	for (reg = 0; reg < NR_MMX; reg++)
		memcpy(st + reg * ST_BYTES, legacy_mmx(fx, reg), ST_BYTES);
	memcpy(fx->st_space, st, sizeof(st));
	fx->swd &= ~X87_TOP;
	fx->twd = 0xff;
}

void slat_fpu_write_mmx(unsigned int reg, const void *buf)
{
	struct fxregs_state fx __aligned(16);
	u8 *image;

	if (WARN_ON_ONCE(reg >= NR_MMX))
		return;
	legacy_begin(&fx);
	legacy_enter_mmx(&fx);
	if (buf) {
		image = legacy_mmx(&fx, reg);
		memcpy(image, buf, MMX_BYTES);
		/* Sign and exponent, as the processor leaves them. */
		memset(image + MMX_BYTES, 0xff, 2);
	}
	asm volatile("fxrstor64 %0" : : "m" (fx));
	vector_end();
}
