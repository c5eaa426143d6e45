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

#define XMM_BYTES	16
#define NR_XMM		16
#define MMX_BYTES	8
#define NR_MMX		8

/* Top of the x87 register stack in the status word. */
#define X87_TOP_SHIFT	11
#define X87_TOP		(7 << X87_TOP_SHIFT)

/*
 * The guest's registers are the task's own now: load them if they are not. The
 * whole legacy area is the smallest thing that an instruction with a register
 * number in memory can reach; the upper halves of YMM and ZMM are not in it and
 * so keep their values.
 */
static void legacy_begin(struct fxregs_state *fx)
{
	fpregs_lock();
	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	asm volatile("fxsave64 %0" : "=m" (*fx));
}

static void legacy_end(void)
{
	fpregs_unlock();
}

static void *legacy_xmm(struct fxregs_state *fx, unsigned int reg)
{
	return (u8 *)fx->xmm_space + reg * XMM_BYTES;
}

void slat_fpu_read_xmm(unsigned int reg, void *buf)
{
	struct fxregs_state fx __aligned(16);

	if (WARN_ON_ONCE(reg >= NR_XMM))
		return;
	legacy_begin(&fx);
	legacy_end();
	memcpy(buf, legacy_xmm(&fx, reg), XMM_BYTES);
}

void slat_fpu_write_xmm(unsigned int reg, const void *buf)
{
	struct fxregs_state fx __aligned(16);

	if (WARN_ON_ONCE(reg >= NR_XMM))
		return;
	legacy_begin(&fx);
	memcpy(legacy_xmm(&fx, reg), buf, XMM_BYTES);
	asm volatile("fxrstor64 %0" : : "m" (fx));
	legacy_end();
}

/* An MMX register is a physical x87 register; the image counts from the top. */
static void *legacy_mmx(struct fxregs_state *fx, unsigned int reg)
{
	unsigned int top = (fx->swd & X87_TOP) >> X87_TOP_SHIFT;

	return (u8 *)fx->st_space + ((reg - top) & (NR_MMX - 1)) * XMM_BYTES;
}

void slat_fpu_read_mmx(unsigned int reg, void *buf)
{
	struct fxregs_state fx __aligned(16);

	if (WARN_ON_ONCE(reg >= NR_MMX))
		return;
	legacy_begin(&fx);
	legacy_end();
	memcpy(buf, legacy_mmx(&fx, reg), MMX_BYTES);
}

/* What every MMX instruction does first: the top is 0, no register is empty. */
static void legacy_enter_mmx(struct fxregs_state *fx)
{
	u8 st[sizeof(fx->st_space)];
	unsigned int reg;

	for (reg = 0; reg < NR_MMX; reg++)
		memcpy(st + reg * XMM_BYTES, legacy_mmx(fx, reg), XMM_BYTES);
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
	legacy_end();
}
