/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Single registers of the guest's FPU state, for instructions with a register
 * and a device for operands.
 */
#ifndef SLAT_ACCESS_FPREGS_H
#define SLAT_ACCESS_FPREGS_H

#include <linux/types.h>

/* The guest's FPU state is in the registers or in this task's FPU buffer. */
void slat_fpu_read_xmm(unsigned int reg, void *buf);
void slat_fpu_write_xmm(unsigned int reg, const void *buf);
/* The host has AVX, as any guest that may use it proves. */
void slat_fpu_read_ymm(unsigned int reg, void *buf);
/* Clears what lies above. */
void slat_fpu_write_ymm(unsigned int reg, const void *buf);
/* The x87's status word; its control word. */
u16 slat_fpu_x87_status(void);
u16 slat_fpu_x87_control(void);
/* Does an unmasked x87 exception wait for the next x87 or MMX instruction? */
bool slat_fpu_x87_error(void);
void slat_fpu_read_mmx(unsigned int reg, void *buf);
/* Also makes the x87 state what it is after an MMX instruction; @buf may be NULL. */
void slat_fpu_write_mmx(unsigned int reg, const void *buf);

#endif
