// SPDX-License-Identifier: GPL-2.0
/* Walks that need not be made again: see known_walk.h. */
#include "access.h"
#include "guestmem.h"

#define OFFSET_MASK	(SLAT_PAGE_SIZE - 1)

static u64 slots_generation(const struct slat_vcpu_access *access)
{
	return slat_memslots_read(access->slots)->generation;
}

bool slat_known_walk_matches(const struct slat_vcpu_access *access,
			     const struct slat_known_walk *walk, u64 linear,
			     unsigned int flags)
{
	const struct slat_emul *emul = &access->emul;
	struct slat_vmx *vmx = access->vmx;

	return walk->nr && walk->linear == (linear & ~OFFSET_MASK) && walk->flags == flags &&
	       walk->generation == slots_generation(access) &&
	       emul->mode == SLAT_MODE_LONG && walk->cpl == emul->cpl &&
	       walk->cr3 == slat_vmx_cr3(vmx) && walk->cr4 == slat_vmx_cr4(vmx) &&
	       walk->efer == slat_vmx_efer(vmx);
}

/* What rules data besides: WP, SMAP's AC, protection keys. */
static bool data_walk_matches(const struct slat_vcpu_access *access,
			      const struct slat_known_walk *walk, u64 linear,
			      unsigned int flags)
{
	return slat_known_walk_matches(access, walk, linear, flags) &&
	       walk->ac == (access->emul.rflags & SLAT_FLAG_AC) &&
	       walk->cr0 == slat_vmx_cr0(access->vmx) &&
	       walk->pkru == slat_vmx_pkru(access->vmx);
}

/* The walker's callbacks; what they read is noted until the walk is over. */
static int note_read_entry(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct slat_vcpu_access *access = ctx;
	struct slat_known_walk *walk = access->noted_walk;
	void __user *user;
	int err;

	err = slat_guest_to_user(access, gpa, len, false, &user);
	if (!err)
		err = slat_read_user(user, buf, len) ? -ENXIO : 0;
	if (err)
		return err == -ENXIO ? -EFAULT : err;
	if (walk->nr < SLAT_KNOWN_LEVELS && len == sizeof(u64)) {
		walk->where[walk->nr] = user;
		walk->entry[walk->nr] = *(u64 *)buf;
		walk->nr++;
	}
	return 0;
}

/* A bit is set: the entries noted are not what is there now. */
static int note_cmpxchg_entry(void *ctx, u64 gpa, u64 old, u64 new, unsigned int len)
{
	struct slat_vcpu_access *access = ctx;

	access->noted_walk->nr = 0;
	return slat_access_walk_ops.cmpxchg_entry(ctx, gpa, old, new, len);
}

static const struct slat_walk_ops note_walk_ops = {
	.read_entry = note_read_entry,
	.cmpxchg_entry = note_cmpxchg_entry,
};

int slat_known_walk_make(struct slat_vcpu_access *access, struct slat_known_walk *walk,
			 u64 linear, unsigned int flags, u64 *gpa)
{
	const struct slat_walk_cpu *cpu = &access->walk_cpu;
	u64 generation = slots_generation(access);
	int err;

	walk->nr = 0;
	access->noted_walk = walk;
	err = slat_access_linear_to_gpa(access, &note_walk_ops, linear, flags, gpa);
	/* Keep it if it is all that the walk depended on, and if one slot set ruled all along. */
	if (err || access->emul.mode != SLAT_MODE_LONG ||
	    generation != slots_generation(access)) {
		walk->nr = 0;
		return err;
	}
	walk->generation = generation;
	walk->linear = linear & ~OFFSET_MASK;
	walk->gpa = *gpa & ~OFFSET_MASK;
	walk->flags = flags;
	walk->cr0 = cpu->cr0;
	walk->cr3 = cpu->cr3;
	walk->cr4 = cpu->cr4;
	walk->efer = cpu->efer;
	walk->ac = cpu->rflags & SLAT_FLAG_AC;
	walk->pkru = cpu->pkru;
	walk->cpl = access->emul.cpl;
	return 0;
}

static bool reads_same(const struct slat_known_walk *walk)
{
	bool same;

	if (!user_access_begin(walk->where[0], sizeof(u64)))
		return false;
	same = slat_known_walk_reads_same(walk);
	user_access_end();
	return same;
}

int slat_access_translate(void *ctx, u64 linear, unsigned int flags, u64 *gpa)
{
	struct slat_vcpu_access *access = ctx;
	struct slat_known_walk *walk = &access->data_walk;

	if (data_walk_matches(access, walk, linear, flags) && reads_same(walk)) {
		*gpa = walk->gpa | (linear & OFFSET_MASK);
		return 0;
	}
	return slat_known_walk_make(access, walk, linear, flags, gpa);
}
