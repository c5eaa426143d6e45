/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generations of the slot set, and how an MMIO entry carries one. Pure.
 *
 * A generation is a 64-bit counter of slot changes; bit 63 says that a change
 * is in flux. Only settled generations are stored in entries: an entry holds
 * the low bits of the generation, as many as the layout has, and is believed
 * only while it equals the current settled one. When the stored bits wrap to
 * zero all MMIO entries are zapped first (see memslots.c), so that equality of
 * the low bits implies equality of the whole.
 *
 * Where the bits of a tagged entry are:
 *
 *    63  62      52  51    cache_bits-1..-5   30        12  11     3  2  0
 *   +---+----------+------+-----------------+-------------+---------+-----+
 *   | 0 | gen high |  0   | ones (L1TF)     |   gen mid   | gen low | 110 |
 *   +---+----------+------+-----------------+-------------+---------+-----+
 *
 * The hardware reports the address of a misconfiguration, so no gfn is stored.
 * L1TF: a CPU may speculate on the address of an entry that faults, so the top
 * five cacheable address bits are set, where no RAM is. Zapped entries are all
 * zero: they have no software state, and address 0 of the host holds no secret
 * (the kernel never puts user data there).
 */
#ifndef SLAT_MMU_MMIO_GEN_H
#define SLAT_MMU_MMIO_GEN_H

#include "ept.h"

#define SLAT_GEN_IN_FLUX	BIT_ULL(63)

#define SLAT_GEN_LOW_SHIFT	3
#define SLAT_GEN_LOW_BITS	9
#define SLAT_GEN_MID_SHIFT	12
#define SLAT_GEN_MID_BITS	19
#define SLAT_GEN_HIGH_SHIFT	52
#define SLAT_GEN_HIGH_BITS	11
#define SLAT_GEN_BITS_MAX \
	(SLAT_GEN_LOW_BITS + SLAT_GEN_MID_BITS + SLAT_GEN_HIGH_BITS)
#define SLAT_GEN_BITS_MIN	2

/* Fewest cacheable address bits that leave the guard bits clear of gen mid. */
#define SLAT_GUARD_BITS		5
#define SLAT_CACHE_BITS_MIN \
	(SLAT_GEN_MID_SHIFT + SLAT_GEN_MID_BITS + SLAT_GUARD_BITS)

#define SLAT_GEN_LOW_MASK \
	GENMASK_ULL(SLAT_GEN_LOW_SHIFT + SLAT_GEN_LOW_BITS - 1, SLAT_GEN_LOW_SHIFT)
#define SLAT_GEN_MID_MASK \
	GENMASK_ULL(SLAT_GEN_MID_SHIFT + SLAT_GEN_MID_BITS - 1, SLAT_GEN_MID_SHIFT)
#define SLAT_GEN_HIGH_MASK \
	GENMASK_ULL(SLAT_GEN_HIGH_SHIFT + SLAT_GEN_HIGH_BITS - 1, SLAT_GEN_HIGH_SHIFT)

static_assert(!(SLAT_GEN_LOW_MASK & EPT_RWX));
static_assert(!(SLAT_GEN_LOW_MASK & SLAT_GEN_MID_MASK));
static_assert(!(SLAT_GEN_MID_MASK & SLAT_GEN_HIGH_MASK));
static_assert(!(SLAT_GEN_LOW_MASK & SLAT_GEN_HIGH_MASK));
static_assert(!(SLAT_GEN_HIGH_MASK & SLAT_GEN_IN_FLUX));
static_assert(SLAT_GEN_BITS_MAX < 63);

/**
 * struct slat_mmio_layout - how this VM writes MMIO entries; const after init
 * @gen_bits: how many low bits of the generation an entry stores
 * @guard: address bits to set in each MMIO entry against L1TF
 */
struct slat_mmio_layout {
	u8 gen_bits;
	u64 guard;
};

static inline u64 slat_gen_mask(const struct slat_mmio_layout *layout)
{
	return BIT_ULL(layout->gen_bits) - 1;
}

/* The guard bits for a CPU with @cache_bits cacheable address bits; 0: too few. */
static inline u64 slat_mmio_guard(unsigned int cache_bits)
{
	if (cache_bits < SLAT_CACHE_BITS_MIN || cache_bits > 52)
		return 0;
	return GENMASK_ULL(cache_bits - 1, cache_bits - SLAT_GUARD_BITS);
}

static inline bool slat_gen_in_flux(u64 gen)
{
	return gen & SLAT_GEN_IN_FLUX;
}

/* The settled generation that follows @gen, whether @gen is in flux or not. */
static inline u64 slat_gen_next(u64 gen)
{
	return ((gen & ~SLAT_GEN_IN_FLUX) + 1) & ~SLAT_GEN_IN_FLUX;
}

/* Do the stored bits start again at zero with @gen? */
static inline bool slat_gen_wraps(const struct slat_mmio_layout *layout, u64 gen)
{
	return !(gen & slat_gen_mask(layout));
}

static inline u64 slat_mmio_make(const struct slat_mmio_layout *layout, u64 gen)
{
	u64 g = gen & slat_gen_mask(layout);
	u64 low = g & (BIT_ULL(SLAT_GEN_LOW_BITS) - 1);
	u64 mid = (g >> SLAT_GEN_LOW_BITS) & (BIT_ULL(SLAT_GEN_MID_BITS) - 1);
	u64 high = g >> (SLAT_GEN_LOW_BITS + SLAT_GEN_MID_BITS);

	return EPT_MMIO_MAGIC | layout->guard | low << SLAT_GEN_LOW_SHIFT |
	       mid << SLAT_GEN_MID_SHIFT | high << SLAT_GEN_HIGH_SHIFT;
}

/* The stored bits of the generation in MMIO entry @entry. */
static inline u64 slat_mmio_gen(u64 entry)
{
	u64 low = (entry & SLAT_GEN_LOW_MASK) >> SLAT_GEN_LOW_SHIFT;
	u64 mid = (entry & SLAT_GEN_MID_MASK) >> SLAT_GEN_MID_SHIFT;
	u64 high = (entry & SLAT_GEN_HIGH_MASK) >> SLAT_GEN_HIGH_SHIFT;

	return low | mid << SLAT_GEN_LOW_BITS |
	       high << (SLAT_GEN_LOW_BITS + SLAT_GEN_MID_BITS);
}

/* May MMIO entry @entry be believed while the slot set has generation @gen? */
static inline bool slat_mmio_is_current(const struct slat_mmio_layout *layout,
					u64 entry, u64 gen)
{
	return !slat_gen_in_flux(gen) &&
	       slat_mmio_gen(entry) == (gen & slat_gen_mask(layout));
}

#endif
