/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Encoding of EPT entries (SDM volume 3, "EPT Translation Mechanism" and
 * "EPT Misconfigurations"). Pure: words in, words out.
 */
#ifndef SLAT_MMU_EPT_H
#define SLAT_MMU_EPT_H

#include "types.h"

#define EPT_R			BIT_ULL(0)
#define EPT_W			BIT_ULL(1)
#define EPT_X			BIT_ULL(2)
#define EPT_RWX			(EPT_R | EPT_W | EPT_X)
#define EPT_MEMTYPE_SHIFT	3
#define EPT_MEMTYPE_MASK	GENMASK_ULL(5, 3)
#define EPT_MEMTYPE_WB		(6ULL << EPT_MEMTYPE_SHIFT)
#define EPT_IPAT		BIT_ULL(6)
#define EPT_PS			BIT_ULL(7)
#define EPT_A			BIT_ULL(8)
#define EPT_D			BIT_ULL(9)
#define EPT_ADDR_MASK		GENMASK_ULL(51, 12)

/*
 * Ignored by hardware: the host mapping behind this leaf grants write, and the
 * slot is writable. So a leaf with it and without W is write-protected for the
 * dirty log alone and may get W back without asking the host.
 */
#define EPT_SW_HOST_WRITABLE	BIT_ULL(52)

/* Bits 2:0 = 110b (write and execute without read): always a misconfiguration. */
#define EPT_MMIO_MAGIC		(EPT_W | EPT_X)

static_assert((EPT_MMIO_MAGIC & EPT_R) == 0);
static_assert((EPT_SW_HOST_WRITABLE & EPT_ADDR_MASK) == 0);
static_assert((EPT_ADDR_MASK & (EPT_RWX | EPT_MEMTYPE_MASK | EPT_IPAT | EPT_PS |
				EPT_A | EPT_D)) == 0);

/*
 * Every entry that we make present has R: so R alone tells present, and a
 * tagged MMIO entry can never look present.
 */
static inline bool ept_is_present(u64 entry)
{
	return entry & EPT_R;
}

static inline bool ept_is_mmio(u64 entry)
{
	return (entry & EPT_RWX) == EPT_MMIO_MAGIC;
}

static inline bool ept_is_leaf(u64 entry, int level)
{
	return ept_is_present(entry) &&
	       (level == SLAT_LEVEL_4K || (entry & EPT_PS));
}

static inline bool ept_is_table(u64 entry, int level)
{
	return ept_is_present(entry) && level > SLAT_LEVEL_4K &&
	       !(entry & EPT_PS);
}

static inline u64 ept_addr(u64 entry)
{
	return entry & EPT_ADDR_MASK;
}

static inline kvm_pfn_t ept_pfn(u64 entry)
{
	return ept_addr(entry) >> SLAT_PAGE_SHIFT;
}

static inline u64 ept_make_table(u64 table_pa)
{
	return (table_pa & EPT_ADDR_MASK) | EPT_RWX;
}

/*
 * A leaf of 4 KiB: write-back with IPAT (no device is assigned, so the guest's
 * PAT has no say), A and D preset so that hardware need not write them.
 */
static inline u64 ept_make_leaf(kvm_pfn_t pfn, bool write, bool host_writable)
{
	return ((pfn << SLAT_PAGE_SHIFT) & EPT_ADDR_MASK) | EPT_R | EPT_X |
	       (write ? EPT_W | EPT_D : 0) |
	       (host_writable ? EPT_SW_HOST_WRITABLE : 0) |
	       EPT_MEMTYPE_WB | EPT_IPAT | EPT_A;
}

/*
 * Bit 7 is reserved where there are no large pages (a PML4 entry), and so are the address
 * bits below a large page. In a leaf of 4 KiB hardware ignores bit 7; nobody sets it.
 */
static inline bool ept_leaf_is_wellformed(u64 entry, int level)
{
	const u64 below = (slat_level_pages(level) - 1) << SLAT_PAGE_SHIFT;

	return level < SLAT_ROOT_LEVEL && !(entry & below) &&
	       !(entry & EPT_PS) == (level == SLAT_LEVEL_4K) &&
	       (entry & EPT_MEMTYPE_MASK) == EPT_MEMTYPE_WB &&
	       !(entry & ~(EPT_ADDR_MASK | EPT_RWX | EPT_MEMTYPE_MASK | EPT_IPAT | EPT_PS |
			   EPT_A | EPT_D | EPT_SW_HOST_WRITABLE));
}

/*
 * Is @entry one that this file could have made? Hardware reports reserved bits
 * in a present entry as a misconfiguration too, and such an entry must not be
 * taken for MMIO nor be retried for ever. @reserved: address bits that the processor
 * has not.
 */
static inline bool ept_is_wellformed(u64 entry, int level, u64 reserved)
{
	if (!entry || ept_is_mmio(entry))
		return true;
	if (!ept_is_present(entry) || (entry & reserved))
		return false;
	if (ept_is_table(entry, level))
		return !(entry & ~(EPT_ADDR_MASK | EPT_RWX | EPT_A));
	return ept_leaf_is_wellformed(entry, level);
}

/*
 * Does replacing @old by @new take away what a TLB may still hold? Then a
 * flush is owed. Non-present entries and misconfigurations are never cached
 * (SDM, "Information That May Be Cached"), so leaving them owes nothing; gaining
 * rights owes nothing, since a CPU that faults drops the stale entry
 * ("Invalidation by EPT violations").
 */
static inline bool ept_change_needs_flush(u64 old, u64 new)
{
	if (!ept_is_present(old))
		return false;
	if (!ept_is_present(new))
		return true;
	if ((old ^ new) & (EPT_ADDR_MASK | EPT_PS | EPT_MEMTYPE_MASK | EPT_IPAT))
		return true;
	return old & ~new & (EPT_RWX | EPT_A | EPT_D);
}

#endif
