/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instruction fetch for the emulator: the last walk is remembered, and where the code
 * is on the host.
 */
#ifndef SLAT_ACCESS_FETCH_H
#define SLAT_ACCESS_FETCH_H

#include "known_walk.h"

/**
 * struct slat_fetch_cache - the last fetch
 * @walk: to the page
 * @code: host address of the page
 */
struct slat_fetch_cache {
	struct slat_known_walk walk;
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
