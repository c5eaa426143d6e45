// SPDX-License-Identifier: GPL-2.0
/*
 * The scene of the emulator's contract tests; see scene.h.
 */
#include "scene.h"

const enum fake_page scene_all_mmio[] = { FAKE_MMIO, FAKE_MMIO, FAKE_MMIO, FAKE_MMIO };
const enum fake_page scene_ram_mmio[] = { FAKE_RAM, FAKE_MMIO, FAKE_RAM, FAKE_NONE };
const enum fake_page scene_mmio_none[] = { FAKE_MMIO, FAKE_NONE, FAKE_RAM, FAKE_RAM };

static u8 first_byte(unsigned int i)
{
	return i * 7 + i / 256;
}

static u64 first_gpr(unsigned int i)
{
	return 0x1111111111111111ull * i;
}

void scene_start(struct fake *f, const enum fake_page *pages)
{
	unsigned int i;

	fake_init(f, SCENE_BASE);
	f->e.rip = SCENE_CODE;
	for (i = 0; i < FAKE_BYTES; i++)
		f->memory[i] = first_byte(i);
	for (i = 0; pages && i < FAKE_PAGES; i++)
		f->page[i] = pages[i];
	for (i = 0; i < SLAT_GPR_NR; i++)
		f->e.gpr[i] = first_gpr(i);
	f->e.rflags = 2 | SLAT_FLAG_CF;
}

u64 scene_peek(const struct fake *f, u64 linear, unsigned int len)
{
	u64 value = 0;

	memcpy(&value, f->memory + (linear - SCENE_BASE), len);
	return value;
}

/* The test itself chooses these to say where an operand is. */
static bool is_address_register(unsigned int reg)
{
	return reg == SLAT_RBX || reg == SLAT_RSP || reg == SLAT_RCX ||
	       reg == SLAT_RDX || reg == SLAT_RSI || reg == SLAT_RDI;
}

bool scene_untouched(const struct fake *f)
{
	unsigned int i;

	for (i = 0; i < SLAT_GPR_NR; i++)
		if (!is_address_register(i) && f->e.gpr[i] != first_gpr(i))
			return false;
	for (i = 0; i < FAKE_BYTES; i++)
		if (f->memory[i] != first_byte(i))
			return false;
	return f->e.rip == SCENE_CODE && f->e.rflags == (2 | SLAT_FLAG_CF);
}

bool scene_mmio_is(const struct fake *f, u64 linear, unsigned int len, bool is_write)
{
	return f->e.mmio.gpa == fake_gpa(f, linear) && f->e.mmio.len == len &&
	       f->e.mmio.is_write == is_write;
}
