// SPDX-License-Identifier: GPL-2.0
/*
 * The guest linear-address walker. Goes down the guest's tables once, keeping
 * each entry it read, then checks rights, then sets the accessed and dirty
 * bits that lack. An entry that changed in between starts the walk again.
 * Called on the vCPU's own thread; expects no lock.
 */
#include "walk.h"

#define CR0_WP		SLAT_INSN_BIT(16)
#define CR0_PG		SLAT_INSN_BIT(31)
#define CR4_PSE		SLAT_INSN_BIT(4)
#define CR4_PAE		SLAT_INSN_BIT(5)
#define CR4_LA57	SLAT_INSN_BIT(12)
#define CR4_SMEP	SLAT_INSN_BIT(20)
#define CR4_SMAP	SLAT_INSN_BIT(21)
#define CR4_PKE		SLAT_INSN_BIT(22)
#define EFER_LMA	SLAT_INSN_BIT(10)
#define EFER_NXE	SLAT_INSN_BIT(11)

#define ENTRY_P		SLAT_INSN_BIT(0)
#define ENTRY_W		SLAT_INSN_BIT(1)
#define ENTRY_U		SLAT_INSN_BIT(2)
#define ENTRY_A		SLAT_INSN_BIT(5)
#define ENTRY_D		SLAT_INSN_BIT(6)
#define ENTRY_PS	SLAT_INSN_BIT(7)
#define ENTRY_NX	SLAT_INSN_BIT(63)
#define ENTRY_PKEY(e)	(((e) >> 59) & 15)

#define WALK_LEVELS	4
/* Walks in a row that another vCPU may spoil before the guest has to retry. */
#define WALK_TRIES	8

/* Bits first..last, both included. */
static u64 bits(unsigned int first, unsigned int last)
{
	return first > last ? 0 : (~0ull >> (63 - last)) & (~0ull << first);
}

/**
 * struct walk - one walk in progress
 * @cpu: paging registers
 * @ops: access to guest memory
 * @ctx: first argument of @ops
 * @gva: linear address, cut to 32 bits outside IA-32e mode
 * @access: enum slat_access flags
 * @user: access as CPL 3
 * @wide: 8-byte entries (PAE and 4-level)
 * @lma: 4-level paging
 * @maxphyaddr: physical address width
 * @nr: entries read
 * @entry: their values, root first
 * @entry_gpa: their addresses
 */
struct walk {
	const struct slat_walk_cpu *cpu;
	const struct slat_walk_ops *ops;
	void *ctx;
	u64 gva;
	unsigned int access;
	bool user;
	bool wide;
	bool lma;
	u8 maxphyaddr;
	u8 nr;
	u64 entry[WALK_LEVELS];
	u64 entry_gpa[WALK_LEVELS];
};

static bool walk_has_nx(const struct walk *w)
{
	return w->wide && (w->cpu->efer & EFER_NXE);
}

/* Error code bits that say what was tried, not why it failed. */
static u16 walk_pfec(const struct walk *w)
{
	u16 pfec = 0;

	if (w->access & SLAT_ACC_WRITE)
		pfec |= SLAT_PFEC_W;
	if (w->user)
		pfec |= SLAT_PFEC_U;
	if ((w->access & SLAT_ACC_FETCH) &&
	    (walk_has_nx(w) || (w->cpu->cr4 & CR4_SMEP)))
		pfec |= SLAT_PFEC_I;
	return pfec;
}

static int walk_fault(const struct walk *w, struct slat_walk_result *res,
		      u16 why)
{
	res->fault = true;
	res->pfec = walk_pfec(w) | why;
	return -EFAULT;
}

static bool entry_is_leaf(const struct walk *w, u64 entry, unsigned int level)
{
	if (level == 1)
		return true;
	if (!(entry & ENTRY_PS) || level > 3)
		return false;
	return w->wide || (w->cpu->cr4 & CR4_PSE);
}

/* Bits that must be zero in a present entry. */
static u64 entry_reserved(const struct walk *w, u64 entry, unsigned int level)
{
	bool leaf = entry_is_leaf(w, entry, level);
	unsigned int width = w->maxphyaddr;
	u64 mask;

	if (!w->wide) {
		if (!leaf || level == 1)
			return 0;
		if (w->cpu->no_pse36)
			return bits(13, 21);
		/* Bits 20:13 hold address bits 39:32, as many as exist. */
		return bits(width < 40 ? width - 19 : 21, 21);
	}

	mask = bits(width, 51);
	if (!w->lma)
		mask |= bits(52, 62);
	if (!walk_has_nx(w))
		mask |= ENTRY_NX;
	if (level == 4 || (level == 3 && w->cpu->no_gbpages))
		mask |= ENTRY_PS;
	else if (leaf && level > 1)
		mask |= bits(13, 12 + 9 * (level - 1) - 1);
	return mask;
}

static u64 entry_table(const struct walk *w, u64 entry)
{
	return entry & (w->wide ? bits(12, 51) : bits(12, 31));
}

static u64 leaf_gpa(const struct walk *w, u64 entry, unsigned int level)
{
	unsigned int shift = 12 + (w->wide ? 9 : 10) * (level - 1);
	u64 offset = w->gva & bits(0, shift - 1);
	u64 base = entry & bits(shift, w->wide ? 51 : 31);

	if (!w->wide && level == 2)
		base |= (entry & bits(13, 20)) << 19;
	return base | offset;
}

static int entry_read(struct walk *w, u64 gpa, struct slat_walk_result *res)
{
	u32 narrow = 0;
	u64 entry = 0;
	int ret;

	res->entry_gpa = gpa;
	if (w->wide) {
		ret = w->ops->read_entry(w->ctx, gpa, &entry, 8);
	} else {
		ret = w->ops->read_entry(w->ctx, gpa, &narrow, 4);
		entry = narrow;
	}
	if (ret == -EFAULT) {
		res->not_ram = true;
		return -EIO;
	}
	w->entry[w->nr] = entry;
	w->entry_gpa[w->nr] = gpa;
	w->nr++;
	return ret;
}

/* Where the first table is; level and table of the walk's start. */
static int walk_root(const struct walk *w, struct slat_walk_result *res,
		     u64 *table, unsigned int *level)
{
	const struct slat_walk_cpu *cpu = w->cpu;
	u64 pdpte;

	if (w->lma) {
		*level = 4;
		*table = cpu->cr3 & bits(12, 51);
		return 0;
	}
	*level = 2;
	if (!w->wide) {
		*table = cpu->cr3 & bits(12, 31);
		return 0;
	}
	pdpte = cpu->pdpte[(w->gva >> 30) & 3];
	if (!(pdpte & ENTRY_P))
		return walk_fault(w, res, 0);
	*table = pdpte & bits(12, 51);
	return 0;
}

/* Go down to the leaf, collecting entries and rights. */
static int walk_down(struct walk *w, struct slat_walk_result *res)
{
	unsigned int index_bits = w->wide ? 9 : 10;
	unsigned int level, shift;
	u64 table, entry, index;
	int ret;

	w->nr = 0;
	res->writable = true;
	res->user = true;
	res->exec = true;
	ret = walk_root(w, res, &table, &level);
	if (ret)
		return ret;

	for (;; level--) {
		shift = 12 + index_bits * (level - 1);
		index = (w->gva >> shift) & bits(0, index_bits - 1);
		ret = entry_read(w, table + index * (w->wide ? 8 : 4), res);
		if (ret)
			return ret;
		entry = w->entry[w->nr - 1];
		if (!(entry & ENTRY_P))
			return walk_fault(w, res, 0);
		if (entry & entry_reserved(w, entry, level))
			return walk_fault(w, res, SLAT_PFEC_P | SLAT_PFEC_RSVD);
		res->writable &= !!(entry & ENTRY_W);
		res->user &= !!(entry & ENTRY_U);
		if (walk_has_nx(w) && (entry & ENTRY_NX))
			res->exec = false;
		if (entry_is_leaf(w, entry, level))
			break;
		table = entry_table(w, entry);
	}
	res->level = level;
	res->gpa = leaf_gpa(w, entry, level);
	return 0;
}

/* Does the protection key of the leaf forbid this data access? */
static bool walk_pkey_denies(const struct walk *w,
			     const struct slat_walk_result *res)
{
	const struct slat_walk_cpu *cpu = w->cpu;
	unsigned int key;

	if (!w->lma || !(cpu->cr4 & CR4_PKE) || !res->user ||
	    (w->access & SLAT_ACC_FETCH))
		return false;
	key = ENTRY_PKEY(w->entry[w->nr - 1]);
	if (cpu->pkru & (1u << (2 * key)))
		return true;
	return (cpu->pkru & (2u << (2 * key))) &&
	       (w->access & SLAT_ACC_WRITE) &&
	       (w->user || (cpu->cr0 & CR0_WP));
}

static bool walk_rights_deny(const struct walk *w,
			     const struct slat_walk_result *res)
{
	const struct slat_walk_cpu *cpu = w->cpu;
	bool write = w->access & SLAT_ACC_WRITE;
	bool fetch = w->access & SLAT_ACC_FETCH;

	if (fetch && !res->exec)
		return true;
	if (w->user)
		return !res->user || (write && !res->writable);
	if (fetch)
		return res->user && (cpu->cr4 & CR4_SMEP);
	if (res->user && (cpu->cr4 & CR4_SMAP) &&
	    ((w->access & SLAT_ACC_IMPLICIT) || !(cpu->rflags & SLAT_FLAG_AC)))
		return true;
	return write && !res->writable && (cpu->cr0 & CR0_WP);
}

/* Set the accessed bit of every entry used and the dirty bit of the leaf. */
static int walk_set_ad(struct walk *w)
{
	unsigned int i;
	u64 want;
	int ret;

	if ((w->access & SLAT_ACC_NO_AD) || !w->ops->cmpxchg_entry)
		return 0;
	for (i = 0; i < w->nr; i++) {
		want = w->entry[i] | ENTRY_A;
		if (i == w->nr - 1u && (w->access & SLAT_ACC_WRITE))
			want |= ENTRY_D;
		if (want == w->entry[i])
			continue;
		ret = w->ops->cmpxchg_entry(w->ctx, w->entry_gpa[i],
					    w->entry[i], want,
					    w->wide ? 8 : 4);
		if (ret && ret != -EFAULT)
			return ret;
	}
	return 0;
}

static int walk_once(struct walk *w, struct slat_walk_result *res)
{
	bool pkey_denies;
	int ret;

	memset(res, 0, sizeof(*res));
	ret = walk_down(w, res);
	if (ret)
		return ret;
	if (!(w->access & SLAT_ACC_ANY)) {
		pkey_denies = walk_pkey_denies(w, res);
		if (pkey_denies || walk_rights_deny(w, res))
			return walk_fault(w, res, SLAT_PFEC_P |
					  (pkey_denies ? SLAT_PFEC_PK : 0));
	}
	return walk_set_ad(w);
}

int slat_walk(const struct slat_walk_cpu *cpu, const struct slat_walk_ops *ops,
	      void *ctx, u64 gva, unsigned int access,
	      struct slat_walk_result *res)
{
	struct walk w = {
		.cpu = cpu,
		.ops = ops,
		.ctx = ctx,
		.access = access,
		.wide = cpu->cr4 & CR4_PAE,
		.lma = cpu->efer & EFER_LMA,
		.maxphyaddr = cpu->maxphyaddr < 32 ? 52 : cpu->maxphyaddr,
	};
	unsigned int i;
	int ret = -EAGAIN;

	w.user = !(access & SLAT_ACC_IMPLICIT) &&
		 ((access & SLAT_ACC_USER) || cpu->cpl == 3);
	w.gva = w.lma ? gva : (u32)gva;
	if (w.lma && (cpu->cr4 & CR4_LA57)) {
		memset(res, 0, sizeof(*res));
		return -EOPNOTSUPP;
	}
	if (!(cpu->cr0 & CR0_PG)) {
		*res = (struct slat_walk_result) {
			.gpa = w.gva, .writable = true, .user = true,
			.exec = true,
		};
		return 0;
	}
	if (w.lma && (u64)((s64)(gva << 16) >> 16) != gva) {
		*res = (struct slat_walk_result) { .noncanonical = true };
		return -EFAULT;
	}
	for (i = 0; i < WALK_TRIES && ret == -EAGAIN; i++)
		ret = walk_once(&w, res);
	return ret;
}
