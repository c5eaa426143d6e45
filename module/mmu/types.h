/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Words and neutral structures shared by the MMU core and its callers.
 *
 * Glossary; each word has this one meaning everywhere:
 *
 *  gpa, gfn    guest physical address; the same in units of 4 KiB pages
 *  hva         address in the user process that owns the VM
 *  pfn         host physical address in units of 4 KiB pages
 *  slot        a range of gfns backed by a range of hvas; immutable once built
 *  root        of slots: the immutable set of all slots with its generation;
 *              of paging: the top table, where the EPTP points
 *  table       a page of 512 entries
 *  entry       one 64-bit word of a table
 *  leaf        an entry that maps a page
 *  level       1 for a leaf of 4 KiB, 2 for 2 MiB, 3 for 1 GiB, 4 for the top
 *  zap         make an entry non-present
 *  flush       make every CPU drop cached translations (INVEPT)
 *  generation  number of the slot set, see mmio_gen.h
 *  epoch       number by which readers say which old objects they may hold
 *
 * Ranges are half open: [start, end).
 */
#ifndef SLAT_MMU_TYPES_H
#define SLAT_MMU_TYPES_H

#include "port.h"

#define SLAT_PAGE_SHIFT		12
#define SLAT_PAGE_SIZE		BIT_ULL(SLAT_PAGE_SHIFT)
#define SLAT_LEVEL_BITS		9
#define SLAT_TABLE_ENTRIES	512U
#define SLAT_LEVEL_4K		1
#define SLAT_LEVEL_2M		2
#define SLAT_LEVEL_1G		3
#define SLAT_ROOT_LEVEL		4

static_assert(SLAT_TABLE_ENTRIES == BIT_ULL(SLAT_LEVEL_BITS));

/* Four levels reach 48 bits of guest physical address. */
#define SLAT_GPA_BITS		(SLAT_PAGE_SHIFT + SLAT_ROOT_LEVEL * SLAT_LEVEL_BITS)
#define SLAT_MAX_GFN		BIT_ULL(SLAT_GPA_BITS - SLAT_PAGE_SHIFT)

/* Number of gfns that one entry of @level covers. */
static inline u64 slat_level_pages(int level)
{
	return BIT_ULL((level - 1) * SLAT_LEVEL_BITS);
}

static inline unsigned int slat_level_index(gfn_t gfn, int level)
{
	return (gfn >> ((level - 1) * SLAT_LEVEL_BITS)) &
	       (SLAT_TABLE_ENTRIES - 1);
}

static inline gfn_t slat_level_base(gfn_t gfn, int level)
{
	return gfn & ~(slat_level_pages(level) - 1);
}

/**
 * struct slat_fault - what the guest did, free of VMX constants
 * @gpa: guest physical address of the access, given by hardware
 * @gva: guest linear address, meaningful when @gva_valid
 * @read: the access was a data read
 * @write: the access was a write
 * @exec: the access was an instruction fetch
 * @present: the paging entry granted some right (a rights violation)
 * @misconfig: the entry was an EPT misconfiguration; read/write/exec unknown
 * @gva_valid: @gva was reported
 * @page_walk: the access was made by the guest's own page walk
 * @in_event: the access was made while an event was being delivered
 */
struct slat_fault {
	gpa_t gpa;
	u64 gva;
	bool read;
	bool write;
	bool exec;
	bool present;
	bool misconfig;
	bool gva_valid;
	bool page_walk;
	bool in_event;
};

#endif
