// SPDX-License-Identifier: GPL-2.0
/*
 * Instruction fetch for the emulator, with the last one remembered (see fetch.h).
 * Called by the emulator on the vCPU's thread, inside its reader section.
 */
#include <linux/uaccess.h>

#include "access.h"
#include "guestmem.h"

#define OFFSET_MASK	(SLAT_PAGE_SIZE - 1)

/*
 * Compare the entries, and read the code: two words that overlap make the longest
 * instruction.
 */
static bool cache_fetch(const struct slat_fetch_cache *c, u64 linear, u8 *buf)
{
	u64 __user *code = (u64 __user *)(c->code + (linear & OFFSET_MASK));
	u64 __user *tail = (u64 __user *)((u8 __user *)code + SLAT_INSN_MAX_LEN - 8);
	u64 low, high;

	if (!user_access_begin(code, SLAT_INSN_MAX_LEN))
		return false;
	if (!slat_known_walk_reads_same(&c->walk))
		goto fault;
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

static unsigned int fetch_flags(const struct slat_vcpu_access *access)
{
	return SLAT_ACC_FETCH | (access->emul.cpl == 3 ? SLAT_ACC_USER : 0);
}

static int fetch_walk(struct slat_vcpu_access *access, u64 linear, void *buf,
		      unsigned int len)
{
	struct slat_fetch_cache *c = &access->fetch;
	void __user *code;
	u64 gpa;
	int err;

	err = slat_known_walk_make(access, &c->walk, linear, fetch_flags(access), &gpa);
	if (err)
		return err;
	if (slat_guest_to_user(access, gpa & ~OFFSET_MASK, SLAT_PAGE_SIZE, false, &code))
		c->walk.nr = 0;
	else
		c->code = code;
	err = slat_guest_read(access, gpa, buf, len);
	return err ? err : len;
}

int slat_access_fetch(void *ctx, u64 linear, void *buf, unsigned int len)
{
	struct slat_vcpu_access *access = ctx;
	struct slat_fetch_cache *c = &access->fetch;

	if (len == SLAT_INSN_MAX_LEN &&
	    slat_known_walk_matches(access, &c->walk, linear, fetch_flags(access)) &&
	    cache_fetch(c, linear, buf))
		return len;
	return fetch_walk(access, linear, buf, len);
}
