/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walks of the guest's page tables that need not be made again.
 *
 * A device driver's loop exits again and again at the same few instructions, for the
 * same few registers. The walk that found such a page is remembered as the table
 * entries that it read; the next one reads those entries again, and if none changed it
 * would end where it ended before. Nothing is believed that was not read from guest
 * memory now. Called by the emulator, inside the vCPU's reader section, which is what
 * keeps remembered host addresses usable: they belong to the slot set with the
 * remembered generation, and that set is the current one.
 */
#ifndef SLAT_ACCESS_KNOWN_WALK_H
#define SLAT_ACCESS_KNOWN_WALK_H

#include <linux/types.h>
#include <linux/uaccess.h>

#define SLAT_KNOWN_LEVELS	4

/**
 * struct slat_known_walk - the last walk of one kind in long mode
 * @generation: of the slot set by which host addresses were found
 * @linear: page that was walked to
 * @gpa: where it is
 * @cr0: registers that the walk obeyed
 * @cr3: see there
 * @cr4: see there
 * @efer: see there
 * @ac: RFLAGS.AC
 * @pkru: PKRU
 * @cpl: privilege level
 * @flags: enum slat_access flags of the access
 * @nr: entries read; 0 when nothing is remembered
 * @entry: their values
 * @where: their host addresses
 */
struct slat_known_walk {
	u64 generation;
	u64 linear;
	u64 gpa;
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 ac;
	u32 pkru;
	u8 cpl;
	u8 flags;
	u8 nr;
	u64 entry[SLAT_KNOWN_LEVELS];
	u64 __user *where[SLAT_KNOWN_LEVELS];
};

struct slat_vcpu_access;

/* Would a fetch from @linear obey what the remembered one did? Its entries are not looked at. */
bool slat_known_walk_matches(const struct slat_vcpu_access *access,
			     const struct slat_known_walk *walk, u64 linear,
			     unsigned int flags);

/*
 * Are the entries what they were? Between user_access_begin() and user_access_end(); a
 * fault is no verdict, the long way handles it.
 */
static __always_inline bool slat_known_walk_reads_same(const struct slat_known_walk *walk)
{
	const u64 *known = walk->entry, *end = known + walk->nr;
	u64 __user *const *where = walk->where;
	u64 entry;

	/* No index here: a bounds check may call out, which is not allowed now. */
	for (; known < end; known++, where++) {
		unsafe_get_user(entry, *where, fault);
		if (entry != *known)
			return false;
	}
	return true;

fault:
	return false;
}

/**
 * slat_known_walk_make() - walk, and remember it if it can be
 * @access: loaded, inside the reader section
 * @walk: where to remember it
 * @linear: linear address
 * @flags: enum slat_access flags
 * @gpa: result
 *
 * Return: as slat_access_linear_to_gpa().
 */
int slat_known_walk_make(struct slat_vcpu_access *access, struct slat_known_walk *walk,
			 u64 linear, unsigned int flags, u64 *gpa);

/**
 * slat_access_translate() - struct slat_emul_ops.translate
 * @ctx: struct slat_vcpu_access, loaded, inside the reader section
 * @linear: linear address
 * @flags: enum slat_access flags
 * @gpa: result
 *
 * Return: as slat_access_linear_to_gpa().
 */
int slat_access_translate(void *ctx, u64 linear, unsigned int flags, u64 *gpa);

#endif
