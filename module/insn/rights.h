/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the processor checks before an instruction reaches memory or a device,
 * besides segments and pages: may it use these vector registers, may it use this
 * port? Called by the emulator's glue; pure, but for the callback that reads the
 * guest's TSS.
 */
#ifndef SLAT_INSN_RIGHTS_H
#define SLAT_INSN_RIGHTS_H

#include "types.h"

/**
 * enum slat_registers - registers that an instruction may be denied
 * @SLAT_REGISTERS_MMX: MMX
 * @SLAT_REGISTERS_XMM: XMM, by an instruction without VEX
 * @SLAT_REGISTERS_YMM: XMM and YMM, by one with VEX
 */
enum slat_registers {
	SLAT_REGISTERS_MMX,
	SLAT_REGISTERS_XMM,
	SLAT_REGISTERS_YMM,
};

/**
 * struct slat_rights_cpu - what decides about them
 * @cr0: CR0 (EM and TS matter)
 * @cr4: CR4 (OSFXSR and OSXSAVE matter)
 * @xcr0: XCR0 (SSE and AVX matter)
 * @mode: code segment mode
 * @x87_error: the x87 status word has an unmasked exception pending
 */
struct slat_rights_cpu {
	u64 cr0;
	u64 cr4;
	u64 xcr0;
	enum slat_insn_mode mode;
	bool x87_error;
};

/**
 * slat_rights_registers() - may these registers be used?
 * @cpu: control registers
 * @registers: which ones
 *
 * SDM, "Exception Conditions of Legacy SIMD Instructions Operating on MMX
 * Registers", "Instruction Exception Specification" (types 1, 4 and 5).
 *
 * Return: 0, or the vector of the exception, which has no error code.
 */
u8 slat_rights_registers(const struct slat_rights_cpu *cpu, enum slat_registers registers);

/**
 * struct slat_rights_tss - the task register
 * @base: linear address of the TSS
 * @limit: last byte
 * @type: of its descriptor
 * @usable: there is one
 */
struct slat_rights_tss {
	u64 base;
	u32 limit;
	u8 type;
	bool usable;
};

/**
 * slat_rights_port() - does the I/O permission bitmap allow these ports?
 * @tss: the task register
 * @read: reads guest memory at a linear address as the processor does for itself
 * @ctx: first argument of @read
 * @port: first port
 * @size: how many
 *
 * For an access that CPL and IOPL do not allow already (SDM, "I/O Permission Bit
 * Map").
 *
 * Return: 0: allowed; 1: #GP(0); or what @read returned, a negative errno.
 */
int slat_rights_port(const struct slat_rights_tss *tss,
		     int (*read)(void *ctx, u64 linear, void *buf, unsigned int len),
		     void *ctx, u16 port, unsigned int size);

#endif /* SLAT_INSN_RIGHTS_H */
