/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instruction fetch for the emulator.
 *
 * A device driver's loop exits again and again at the same few instructions.
 * The walk that found such an instruction is remembered as the table entries
 * that it read; the next fetch reads those entries again, and if none changed
 * the walk would end where it ended before. Nothing is believed that was not
 * read from guest memory now.
 */
#ifndef SLAT_ACCESS_FETCH_H
#define SLAT_ACCESS_FETCH_H

#include <linux/types.h>

#define SLAT_FETCH_LEVELS	4

/**
 * struct slat_fetch_cache - the last walk of a fetch in long mode
 * @generation: of the slot set by which host addresses were found; 0 with
 *	@nr 0 when nothing is remembered
 * @linear: page that was fetched from
 * @cr3: paging registers that the walk obeyed
 * @cr4: likewise
 * @efer: likewise
 * @cpl: privilege level of the fetch
 * @nr: entries read; 0 when nothing is remembered
 * @entry: their values
 * @where: their host addresses
 * @code: host address of the page
 */
struct slat_fetch_cache {
	u64 generation;
	u64 linear;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u8 cpl;
	u8 nr;
	u64 entry[SLAT_FETCH_LEVELS];
	u64 __user *where[SLAT_FETCH_LEVELS];
	u8 __user *code;
};

/**
 * slat_access_fetch() - struct slat_emul_ops.fetch
 * @ctx: struct slat_vcpu_access, loaded, inside the reader section
 * @linear: linear address
 * @buf: where to
 * @len: at most what is left of the page
 *
 * Return: @len; -EFAULT with the emulator's exception filled; -ENXIO: no RAM;
 * -EAGAIN; or another errno of the walk.
 */
int slat_access_fetch(void *ctx, u64 linear, void *buf, unsigned int len);

#endif
