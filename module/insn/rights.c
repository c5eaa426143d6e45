// SPDX-License-Identifier: GPL-2.0
/*
 * Rights to vector registers and ports; see rights.h. Pure, expects no lock.
 */
#include "rights.h"

#define CR0_EM		SLAT_INSN_BIT(2)
#define CR0_TS		SLAT_INSN_BIT(3)
#define CR4_OSFXSR	SLAT_INSN_BIT(9)
#define CR4_OSXSAVE	SLAT_INSN_BIT(18)
#define XCR0_SSE_AVX	(SLAT_INSN_BIT(1) | SLAT_INSN_BIT(2))

static bool is_undefined(const struct slat_rights_cpu *cpu, enum slat_registers registers)
{
	switch (registers) {
	case SLAT_REGISTERS_MMX:
		return cpu->cr0 & CR0_EM;
	case SLAT_REGISTERS_XMM:
		return cpu->cr0 & CR0_EM || !(cpu->cr4 & CR4_OSFXSR);
	default:
		return cpu->mode == SLAT_MODE_REAL || cpu->mode == SLAT_MODE_VM86 ||
		       !(cpu->cr4 & CR4_OSXSAVE) ||
		       (cpu->xcr0 & XCR0_SSE_AVX) != XCR0_SSE_AVX;
	}
}

u8 slat_rights_registers(const struct slat_rights_cpu *cpu, enum slat_registers registers)
{
	if (is_undefined(cpu, registers))
		return SLAT_VEC_UD;
	if (cpu->cr0 & CR0_TS)
		return SLAT_VEC_NM;
	if (registers == SLAT_REGISTERS_MMX && cpu->x87_error)
		return SLAT_VEC_MF;
	return 0;
}

/* Types of a TSS that has a bitmap, and where that begins. */
#define TYPE_TSS_AVAILABLE	9
#define TYPE_TSS_BUSY		11
#define TSS_BITMAP_OFFSET	0x66

int slat_rights_port(const struct slat_rights_tss *tss,
		     int (*read)(void *ctx, u64 linear, void *buf, unsigned int len),
		     void *ctx, u16 port, unsigned int size)
{
	u16 where, bits, mask = (1 << size) - 1;
	u32 offset;
	int err;

	if (!tss->usable || tss->limit < TSS_BITMAP_OFFSET + 1 ||
	    (tss->type != TYPE_TSS_AVAILABLE && tss->type != TYPE_TSS_BUSY))
		return 1;
	err = read(ctx, tss->base + TSS_BITMAP_OFFSET, &where, sizeof(where));
	if (err)
		return err;
	/* Two bytes are read for every port, as an access may reach into the next. */
	offset = where + port / 8;
	if (offset + 1 > tss->limit)
		return 1;
	err = read(ctx, tss->base + offset, &bits, sizeof(bits));
	if (err)
		return err;
	return bits >> (port % 8) & mask ? 1 : 0;
}
