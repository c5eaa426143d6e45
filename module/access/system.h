/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System registers of the guest for the emulator, and memory that the processor reads for
 * itself: descriptor tables and the TSS.
 */
#ifndef SLAT_ACCESS_SYSTEM_H
#define SLAT_ACCESS_SYSTEM_H

#include "insn/system.h"

/* Callbacks of struct slat_emul_ops; their context is struct slat_vcpu_access. */
extern const struct slat_system_ops slat_access_system_ops;

/**
 * slat_access_read_system() - read as the processor does, with its own rights
 * @ctx: struct slat_vcpu_access, loaded, inside its reader section
 * @linear: linear address
 * @buf: where to
 * @len: how many bytes
 *
 * Return: 0; -EFAULT with the emulator's exception filled; -ENXIO: no RAM; -EAGAIN; or
 * another errno of the walk.
 */
int slat_access_read_system(void *ctx, u64 linear, void *buf, unsigned int len);

#endif
