/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest may use, asked for an instruction that is emulated. What the
 * processor found out before the exit does not count: it may have been another
 * instruction, see insn/emulate.h.
 */
#ifndef SLAT_ACCESS_RIGHTS_H
#define SLAT_ACCESS_RIGHTS_H

#include "insn/rights.h"

/* Callbacks of struct slat_emul_ops; their context is struct slat_vcpu_access. */
int slat_access_check_registers(void *ctx, enum slat_registers registers);
int slat_access_check_io(void *ctx, u16 port, unsigned int size);

struct slat_vcpu_access;

/* Is alignment checked now? Loaded; the emulator's CPL and RFLAGS are filled. */
bool slat_access_checks_alignment(struct slat_vcpu_access *access);

#endif
