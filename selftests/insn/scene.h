/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scene that the emulator's contract tests play in: a fake machine with
 * known registers and memory, and questions about what became of them.
 */
#ifndef SLAT_SELFTESTS_INSN_SCENE_H
#define SLAT_SELFTESTS_INSN_SCENE_H

#include "fake.h"

#define SCENE_BASE	0x20000000ull
#define SCENE_CODE	0x400000ull

/* Instruction bytes as a string literal. */
#define RUN_CODE(f, text)	fake_code(f, text, sizeof(text) - 1)

/* A machine with numbered registers and bytes; @pages: NULL for all RAM. */
void scene_start(struct fake *f, const enum fake_page *pages);
/* @len bytes of memory as a number. */
u64 scene_peek(const struct fake *f, u64 linear, unsigned int len);
/* RAX, RBP and R8 up, RIP, flags and memory as scene_start() left them? */
bool scene_untouched(const struct fake *f);
/* Is the pending device access this one? */
bool scene_mmio_is(const struct fake *f, u64 linear, unsigned int len, bool is_write);

extern const enum fake_page scene_all_mmio[FAKE_PAGES];
extern const enum fake_page scene_ram_mmio[FAKE_PAGES];
extern const enum fake_page scene_mmio_none[FAKE_PAGES];

#endif /* SLAT_SELFTESTS_INSN_SCENE_H */
