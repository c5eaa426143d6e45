// SPDX-License-Identifier: GPL-2.0
/*
 * Instruction fetch for the emulator, with the last walk remembered (see
 * fetch.h). Called by the emulator on the vCPU's thread, inside its reader
 * section, which is what keeps remembered host addresses usable: they belong to
 * the slot set with the remembered generation, and that set is the current one.
 */
#include <linux/uaccess.h>

#include "access.h"
#include "guestmem.h"

#define OFFSET_MASK	(SLAT_PAGE_SIZE - 1)

static u64 slots_generation(const struct slat_vcpu_access *access)
{
	return slat_memslots_read(access->slots)->generation;
}

static bool cache_matches(const struct slat_vcpu_access *access, u64 linear)
{
	const struct slat_fetch_cache *c = &access->fetch;
	struct slat_vmx *vmx = access->vmx;

	return c->nr && c->linear == (linear & ~OFFSET_MASK) &&
	       c->generation == slots_generation(access) &&
	       access->emul.mode == SLAT_MODE_LONG && c->cpl == access->emul.cpl &&
	       c->cr3 == slat_vmx_cr3(vmx) && c->cr4 == slat_vmx_cr4(vmx) &&
	       c->efer == slat_vmx_efer(vmx);
}

/*
 * Read the entries, compare, and read the code: two words that overlap make the
 * longest instruction. A fault is no verdict, the long way handles it.
 */
static bool cache_fetch(const struct slat_fetch_cache *c, u64 linear, u8 *buf)
{
	u64 __user *code = (u64 __user *)(c->code + (linear & OFFSET_MASK));
	u64 __user *tail = (u64 __user *)((u8 __user *)code + SLAT_INSN_MAX_LEN - 8);
	const u64 *known = c->entry, *end = known + c->nr;
	u64 __user *const *where = c->where;
	u64 entry, low, high;

	if (!user_access_begin(code, SLAT_INSN_MAX_LEN))
		return false;
	/* No index here: a bounds check may call out, which is not allowed now. */
	for (; known < end; known++, where++) {
		unsafe_get_user(entry, *where, fault);
		if (entry != *known)
			goto fault;
	}
	unsafe_get_user(low, code, fault);
	unsafe_get_user(high, tail, fault);
	user_access_end();
	memcpy(buf, &low, sizeof(low));
	memcpy(buf + SLAT_INSN_MAX_LEN - sizeof(high), &high, sizeof(high));
	return true;

fault:
	user_access_end();
	return false;
}

/* The walker's callbacks; what they read is noted until the walk is over. */
static int fetch_read_entry(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct slat_vcpu_access *access = ctx;
	struct slat_fetch_cache *c = &access->fetch;
	void __user *user;
	int err;

	err = slat_guest_to_user(access, gpa, len, false, &user);
	if (!err)
		err = slat_read_user(user, buf, len) ? -ENXIO : 0;
	if (err)
		return err == -ENXIO ? -EFAULT : err;
	if (c->nr < SLAT_FETCH_LEVELS && len == sizeof(u64)) {
		c->where[c->nr] = user;
		c->entry[c->nr] = *(u64 *)buf;
		c->nr++;
	}
	return 0;
}

/* An accessed bit is set: the entries noted are not what is there now. */
static int fetch_cmpxchg_entry(void *ctx, u64 gpa, u64 old, u64 new,
			       unsigned int len)
{
	struct slat_vcpu_access *access = ctx;

	access->fetch.nr = 0;
	return slat_access_walk_ops.cmpxchg_entry(ctx, gpa, old, new, len);
}

static const struct slat_walk_ops fetch_walk_ops = {
	.read_entry = fetch_read_entry,
	.cmpxchg_entry = fetch_cmpxchg_entry,
};

/*
 * Keep what was noted if it is all that the walk depended on, and if one slot
 * set ruled from before the walk to now.
 */
static void cache_fill(struct slat_vcpu_access *access, u64 linear, u64 gpa, u64 generation)
{
	const struct slat_walk_cpu *cpu = &access->walk_cpu;
	struct slat_fetch_cache *c = &access->fetch;
	void __user *code;

	if (!c->nr || access->emul.mode != SLAT_MODE_LONG ||
	    slat_guest_to_user(access, gpa & ~OFFSET_MASK, SLAT_PAGE_SIZE, false, &code) ||
	    generation != slots_generation(access)) {
		c->nr = 0;
		return;
	}
	c->generation = generation;
	c->linear = linear & ~OFFSET_MASK;
	c->cr3 = cpu->cr3;
	c->cr4 = cpu->cr4;
	c->efer = cpu->efer;
	c->cpl = access->emul.cpl;
	c->code = code;
}

static int fetch_walk(struct slat_vcpu_access *access, u64 linear, void *buf,
		      unsigned int len)
{
	u64 gpa, generation = slots_generation(access);
	unsigned int flags = SLAT_ACC_FETCH;
	int err;

	if (access->emul.cpl == 3)
		flags |= SLAT_ACC_USER;
	access->fetch.nr = 0;
	err = slat_access_linear_to_gpa(access, &fetch_walk_ops, linear, flags, &gpa);
	if (err) {
		access->fetch.nr = 0;
		return err;
	}
	cache_fill(access, linear, gpa, generation);
	err = slat_guest_read(access, gpa, buf, len);
	return err ? err : len;
}

int slat_access_fetch(void *ctx, u64 linear, void *buf, unsigned int len)
{
	struct slat_vcpu_access *access = ctx;

	if (len == SLAT_INSN_MAX_LEN && cache_matches(access, linear) &&
	    cache_fetch(&access->fetch, linear, buf))
		return len;
	return fetch_walk(access, linear, buf, len);
}
