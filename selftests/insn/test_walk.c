// SPDX-License-Identifier: GPL-2.0
/*
 * The guest linear-address walker against a reference that asks of every
 * single bit what it means, over random page tables in all paging modes; and
 * the paths that need a disturbed memory: races, read-only and missing tables.
 */
#include <stdlib.h>

#include "../../module/insn/walk.h"
#include "tap.h"

#define FRAMES		12
#define FRAME_BASE	0x40000ull	/* first frame; all are below 4 GiB */

/* Physical memory: a few page frames, everything else is a hole. */
struct memory {
	u64 word[FRAMES][512];
	bool readonly[FRAMES];
	unsigned int races;		/* cmpxchg calls still to be spoiled */
	unsigned int nr_cmpxchg;
	u64 race_bits;			/* what the other vCPU flips */
	int read_errno;
};

static u8 *memory_at(struct memory *m, u64 gpa)
{
	u64 frame = (gpa - FRAME_BASE) / 4096;

	if (gpa < FRAME_BASE || frame >= FRAMES)
		return NULL;
	return (u8 *)m->word[frame] + gpa % 4096;
}

static int read_entry(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct memory *m = ctx;
	u8 *at = memory_at(m, gpa);

	if (m->read_errno)
		return m->read_errno;
	if (!at || gpa % len)
		return -EFAULT;
	memcpy(buf, at, len);
	return 0;
}

static int cmpxchg_entry(void *ctx, u64 gpa, u64 old, u64 new, unsigned int len)
{
	struct memory *m = ctx;
	u8 *at = memory_at(m, gpa);
	u64 now = 0;

	m->nr_cmpxchg++;
	if (!at || m->readonly[(gpa - FRAME_BASE) / 4096])
		return -EFAULT;
	if (m->races) {
		m->races--;
		*at ^= m->race_bits;
	}
	memcpy(&now, at, len);
	if (now != old)
		return -EAGAIN;
	memcpy(at, &new, len);
	return 0;
}

static const struct slat_walk_ops walk_ops = { read_entry, cmpxchg_entry };

/* ---- the reference ---- */

enum ref_mode { REF_OFF, REF_32, REF_PAE, REF_LONG };

enum ref_end { REF_OK, REF_FAULT, REF_NONCANONICAL, REF_HOLE };

struct ref {
	enum ref_end end;
	u64 gpa;
	unsigned int pfec;
	unsigned int level;
	unsigned int nr;		/* entries used */
	u64 used[4];			/* their addresses */
	bool w, u, x;
};

static bool bit(u64 value, unsigned int n)
{
	return value >> n & 1;
}

static enum ref_mode ref_mode(const struct slat_walk_cpu *cpu)
{
	if (!bit(cpu->cr0, 31))
		return REF_OFF;
	if (!bit(cpu->cr4, 5))
		return REF_32;
	return bit(cpu->efer, 10) ? REF_LONG : REF_PAE;
}

/* Is bit @n of a present entry reserved? One question at a time. */
static bool ref_reserved_bit(const struct slat_walk_cpu *cpu, enum ref_mode mode,
			     unsigned int level, bool leaf, unsigned int n)
{
	unsigned int width = cpu->maxphyaddr;

	if (mode == REF_32) {
		if (!(leaf && level == 2))
			return false;
		if (n == 21)
			return true;
		if (n < 13 || n > 20)
			return false;
		return cpu->no_pse36 || n + 19 >= (width < 40 ? width : 40);
	}
	if (n == 63)
		return !bit(cpu->efer, 11);
	if (n >= 52)
		return mode == REF_PAE;
	if (n >= width)
		return true;
	if (n == 7 && level == 4)
		return true;
	if (n == 7 && level == 3)
		return cpu->no_gbpages;
	if (leaf && level == 2)
		return n >= 13 && n <= 20;
	if (leaf && level == 3)
		return n >= 13 && n <= 29;
	return false;
}

static bool ref_reserved(const struct slat_walk_cpu *cpu, enum ref_mode mode,
			 unsigned int level, bool leaf, u64 entry)
{
	unsigned int n;

	for (n = 0; n < 64; n++)
		if (bit(entry, n) &&
		    ref_reserved_bit(cpu, mode, level, leaf, n))
			return true;
	return false;
}

static bool ref_leaf(const struct slat_walk_cpu *cpu, enum ref_mode mode,
		     unsigned int level, u64 entry)
{
	if (level == 1)
		return true;
	if (level == 4 || !bit(entry, 7))
		return false;
	if (level == 3)
		return true;
	return mode != REF_32 || bit(cpu->cr4, 4);
}

static u64 ref_leaf_address(enum ref_mode mode, unsigned int level, u64 entry,
			    u64 gva)
{
	if (mode == REF_32) {
		if (level == 1)
			return (entry & 0xfffff000) + (gva & 0xfff);
		return (entry & 0xffc00000) + (gva & 0x3fffff) +
		       ((entry >> 13 & 0xff) << 32);
	}
	entry &= 0xffffffffff000;
	if (level == 1)
		return entry + (gva & 0xfff);
	if (level == 2)
		return (entry & ~0x1fffffull) + (gva & 0x1fffff);
	return (entry & ~0x3fffffffull) + (gva & 0x3fffffff);
}

static u64 ref_index(enum ref_mode mode, unsigned int level, u64 gva)
{
	static const unsigned int wide[] = { 0, 12, 21, 30, 39 };

	if (mode == REF_32)
		return level == 2 ? gva >> 22 & 1023 : gva >> 12 & 1023;
	return gva >> wide[level] & 511;
}

static void ref_fault(const struct slat_walk_cpu *cpu, bool user,
		      unsigned int access, unsigned int why, struct ref *r)
{
	bool nx = bit(cpu->cr4, 5) && bit(cpu->efer, 11);

	r->end = REF_FAULT;
	r->pfec = why;
	if (access & SLAT_ACC_WRITE)
		r->pfec |= 2;
	if (user)
		r->pfec |= 4;
	if ((access & SLAT_ACC_FETCH) && (nx || bit(cpu->cr4, 20)))
		r->pfec |= 16;
}

/* Does the protection key forbid it (SDM, "Protection Keys")? */
static bool ref_pkey(const struct slat_walk_cpu *cpu, enum ref_mode mode,
		     bool user, unsigned int access, const struct ref *r,
		     u64 leaf)
{
	unsigned int key = leaf >> 59 & 15;
	bool ad = cpu->pkru >> 2 * key & 1, wd = cpu->pkru >> (2 * key + 1) & 1;

	if (mode != REF_LONG || !bit(cpu->cr4, 22) || !r->u)
		return false;
	if (access & SLAT_ACC_FETCH)
		return false;
	if (ad)
		return true;
	return wd && (access & SLAT_ACC_WRITE) && (user || bit(cpu->cr0, 16));
}

/* "Determination of Access Rights", one sentence each. */
static bool ref_allowed(const struct slat_walk_cpu *cpu, bool user,
			unsigned int access, const struct ref *r)
{
	bool smap_off = !bit(cpu->cr4, 21) ||
			(bit(cpu->rflags, 18) && !(access & SLAT_ACC_IMPLICIT));

	if (access & SLAT_ACC_FETCH) {
		if (user)
			return r->u && r->x;
		if (r->u)
			return r->x && !bit(cpu->cr4, 20);
		return r->x;
	}
	if (access & SLAT_ACC_WRITE) {
		if (user)
			return r->u && r->w;
		if (bit(cpu->cr0, 16) && !r->w)
			return false;
		return !r->u || smap_off;
	}
	if (user)
		return r->u;
	return !r->u || smap_off;
}

static void ref_walk(const struct slat_walk_cpu *cpu, struct memory *m, u64 gva,
		     unsigned int access, struct ref *r)
{
	enum ref_mode mode = ref_mode(cpu);
	bool user = !(access & SLAT_ACC_IMPLICIT) &&
		    (cpu->cpl == 3 || (access & SLAT_ACC_USER));
	unsigned int level = mode == REF_LONG ? 4 : 2;
	u64 table = cpu->cr3 & (mode == REF_LONG ? 0xffffffffff000 : 0xfffff000);
	u64 entry;
	bool pk;

	*r = (struct ref) { .w = true, .u = true, .x = true };
	if (mode != REF_LONG)
		gva &= 0xffffffff;
	if (mode == REF_OFF) {
		r->gpa = gva;
		return;
	}
	if (mode == REF_LONG && gva >> 47 != 0 && gva >> 47 != 0x1ffff) {
		r->end = REF_NONCANONICAL;
		return;
	}
	if (mode == REF_PAE) {
		entry = cpu->pdpte[gva >> 30];
		if (!bit(entry, 0)) {
			ref_fault(cpu, user, access, 0, r);
			return;
		}
		table = entry & 0xffffffffff000;
	}
	for (;; level--) {
		unsigned int size = mode == REF_32 ? 4 : 8;
		u64 at = table + ref_index(mode, level, gva) * size;
		bool leaf;

		if (!memory_at(m, at)) {
			r->end = REF_HOLE;
			return;
		}
		entry = 0;
		memcpy(&entry, memory_at(m, at), size);
		r->used[r->nr++] = at;
		leaf = ref_leaf(cpu, mode, level, entry);
		if (!bit(entry, 0)) {
			ref_fault(cpu, user, access, 0, r);
			return;
		}
		if (ref_reserved(cpu, mode, level, leaf, entry)) {
			ref_fault(cpu, user, access, 9, r);
			return;
		}
		r->w = r->w && bit(entry, 1);
		r->u = r->u && bit(entry, 2);
		r->x = r->x && !(mode != REF_32 && bit(entry, 63));
		if (leaf)
			break;
		table = entry & (mode == REF_32 ? 0xfffff000 : 0xffffffffff000);
	}
	r->level = level;
	r->gpa = ref_leaf_address(mode, level, entry, gva);
	pk = ref_pkey(cpu, mode, user, access, r, entry);
	if (pk || !ref_allowed(cpu, user, access, r))
		ref_fault(cpu, user, access, pk ? 33 : 1, r);
}

/* Apply to @m what a good walk sets. */
static void ref_set_ad(const struct slat_walk_cpu *cpu, struct memory *m,
		       unsigned int access, const struct ref *r)
{
	unsigned int i;

	(void)cpu;
	if (r->end != REF_OK || (access & SLAT_ACC_NO_AD))
		return;
	for (i = 0; i < r->nr; i++) {
		if (m->readonly[(r->used[i] - FRAME_BASE) / 4096])
			continue;
		*memory_at(m, r->used[i]) |= 0x20;
		if (i == r->nr - 1 && (access & SLAT_ACC_WRITE))
			*memory_at(m, r->used[i]) |= 0x40;
	}
}

/* ---- random tables ---- */

static u64 draw_frame(void)
{
	if (rnd_one_in(60))
		return rnd() & 0xfffff000;
	return FRAME_BASE + 4096ull * rnd_below(FRAMES);
}

/* An entry that mostly leads on and mostly grants. */
static u64 draw_entry(bool wide)
{
	u64 entry = draw_frame() | 1;

	if (rnd_one_in(40))
		entry &= ~1ull;
	if (!rnd_one_in(4))
		entry |= 2;
	if (!rnd_one_in(3))
		entry |= 4;
	entry |= rnd() & 0x60;		/* A, D */
	if (rnd_one_in(6))		/* a large page, perhaps aligned */
		entry = (entry & 0xfff) | 0x80 | (rnd() & (rnd_one_in(2) ?
			0xffffffc0000000 : 0xffffffffe00000) & 0x7fffffffff);
	if (rnd_one_in(30))
		entry |= 1ull << rnd_below(wide ? 64 : 32);
	if (wide && rnd_one_in(8))
		entry |= 1ull << 63;
	if (wide && rnd_one_in(4))
		entry |= (u64)rnd_below(16) << 59;
	return entry;
}

static void draw_memory(struct memory *m, enum ref_mode mode)
{
	unsigned int i, j;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < FRAMES; i++) {
		m->readonly[i] = rnd_one_in(10);
		for (j = 0; j < 512; j++) {
			m->word[i][j] = draw_entry(mode != REF_32);
			if (mode == REF_32)
				m->word[i][j] = (u32)m->word[i][j] |
						draw_entry(false) << 32;
		}
	}
}

static void draw_cpu(struct slat_walk_cpu *cpu, enum ref_mode mode)
{
	unsigned int i;

	memset(cpu, 0, sizeof(*cpu));
	cpu->cr0 = (mode != REF_OFF ? 1u << 31 : 0) | (rnd() & 1 << 16);
	cpu->cr3 = draw_frame();
	cpu->cr4 = rnd() & (1 << 4 | 1 << 20 | 1 << 21 | 1 << 22);
	if (mode >= REF_PAE)
		cpu->cr4 |= 1 << 5;
	cpu->efer = rnd() & 1 << 11;
	if (mode == REF_LONG)
		cpu->efer |= 1 << 10;
	cpu->rflags = 2 | (rnd() & 1 << 18);
	for (i = 0; i < 4; i++)
		cpu->pdpte[i] = draw_frame() | !rnd_one_in(16);
	cpu->pkru = rnd() & rnd();
	cpu->cpl = rnd_one_in(2) ? 3 : 0;
	cpu->maxphyaddr = 36 + rnd_below(17);
	cpu->no_gbpages = rnd_one_in(4);
	cpu->no_pse36 = rnd_one_in(4);
}

static unsigned int draw_access(void)
{
	static const unsigned int kinds[] = { SLAT_ACC_READ, SLAT_ACC_WRITE,
					      SLAT_ACC_FETCH };
	unsigned int access = kinds[rnd_below(3)];

	if (rnd_one_in(3))
		access |= SLAT_ACC_USER;
	if (rnd_one_in(8))
		access |= SLAT_ACC_IMPLICIT;
	if (rnd_one_in(8))
		access |= SLAT_ACC_NO_AD;
	return access;
}

static bool same_end(const struct ref *r, int ret,
		     const struct slat_walk_result *res)
{
	switch (r->end) {
	case REF_OK:
		return ret == 0 && res->gpa == r->gpa && res->level == r->level &&
		       res->writable == r->w && res->user == r->u &&
		       res->exec == r->x && !res->fault && !res->not_ram;
	case REF_FAULT:
		return ret == -EFAULT && res->fault && res->pfec == r->pfec;
	case REF_NONCANONICAL:
		return ret == -EFAULT && res->noncanonical && !res->fault;
	default:
		return ret == -EIO && res->not_ram && !res->fault;
	}
}

static u64 draw_gva(enum ref_mode mode)
{
	u64 gva = rnd();

	if (mode == REF_LONG && !rnd_one_in(20))
		gva = (u64)((s64)(gva << 16) >> 16);
	return gva;
}

static void test_mode(enum ref_mode mode, const char *name, unsigned long count)
{
	static struct memory m, before;
	unsigned long i, ends[4] = { 0 }, wrong = 0;
	struct slat_walk_result res;
	struct slat_walk_cpu cpu;
	struct ref r;

	for (i = 0; i < count; i++) {
		unsigned int access = draw_access();
		u64 gva = draw_gva(mode);
		int ret;

		if (i % 256 == 0)
			draw_memory(&before, mode);
		draw_cpu(&cpu, mode);
		ref_walk(&cpu, &before, gva, access, &r);
		ends[r.end]++;
		m = before;
		memset(&res, 0x5a, sizeof(res));
		ret = slat_walk(&cpu, &walk_ops, &m, gva, access, &res);
		ref_set_ad(&cpu, &before, access, &r);
		m.nr_cmpxchg = 0;
		if (same_end(&r, ret, &res) && !memcmp(&m, &before, sizeof(m)))
			continue;
		if (wrong++ < 5)
			tap_note("gva %llx access %x: expected end %u gpa %llx pfec %x, got %d gpa %llx pfec %x%s",
				 gva, access, r.end, r.gpa, r.pfec, ret, res.gpa,
				 res.pfec, memcmp(&m, &before, sizeof(m)) ?
				 ", memory differs" : "");
		before = m;
	}
	tap_ok(!wrong && ends[REF_OK] > count / 20,
	       "%s: %lu walks as the reference (%lu good, %lu faults, %lu not canonical, %lu holes), %lu differ",
	       name, count, ends[REF_OK], ends[REF_FAULT], ends[REF_NONCANONICAL],
	       ends[REF_HOLE], wrong);
}

/* ---- disturbed memory ---- */

/* A 4-level tree for one page: frames 0 to 3, page 0x123456000. */
static void make_tree(struct memory *m, struct slat_walk_cpu *cpu)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	memset(cpu, 0, sizeof(*cpu));
	cpu->cr0 = 1ull << 31 | 1 << 16;
	cpu->cr3 = FRAME_BASE;
	cpu->cr4 = 1 << 5;
	cpu->efer = 1 << 10 | 1 << 11;
	cpu->maxphyaddr = 40;
	for (i = 0; i < 3; i++)
		m->word[i][0] = (FRAME_BASE + 4096 * (i + 1)) | 7;
	m->word[3][0] = 0x123456007;
}

static void test_races(void)
{
	struct slat_walk_result res;
	struct slat_walk_cpu cpu;
	static struct memory m;
	int ret;

	make_tree(&m, &cpu);
	m.races = 3;
	m.race_bits = 0x10;		/* another bit of the entry changes */
	ret = slat_walk(&cpu, &walk_ops, &m, 0x789, SLAT_ACC_WRITE, &res);
	tap_ok(ret == 0 && res.gpa == 0x123456789 && (m.word[3][0] & 0x60) == 0x60,
	       "an entry that changes under the walk: the walk starts again");

	make_tree(&m, &cpu);
	m.races = ~0u;
	m.race_bits = 0x10;
	ret = slat_walk(&cpu, &walk_ops, &m, 0x789, SLAT_ACC_WRITE, &res);
	tap_ok(ret == -EAGAIN && m.nr_cmpxchg < 100,
	       "entries that change for ever: -EAGAIN, no endless loop");

	make_tree(&m, &cpu);
	m.races = 1;
	m.race_bits = 1;		/* the root entry vanishes */
	ret = slat_walk(&cpu, &walk_ops, &m, 0x789, SLAT_ACC_READ, &res);
	tap_ok(ret == -EFAULT && res.fault && res.pfec == 0,
	       "an entry that vanishes under the walk: page fault");
}

static void test_table_places(void)
{
	const struct slat_walk_ops no_ad = { read_entry, NULL };
	struct slat_walk_result res;
	struct slat_walk_cpu cpu;
	static struct memory m;
	int ret;

	make_tree(&m, &cpu);
	m.readonly[0] = true;
	m.readonly[3] = true;
	ret = slat_walk(&cpu, &walk_ops, &m, 0x10, SLAT_ACC_WRITE, &res);
	tap_ok(ret == 0 && res.gpa == 0x123456010 && !(m.word[0][0] & 0x20) &&
	       (m.word[1][0] & 0x20) && !(m.word[3][0] & 0x60),
	       "tables in a read-only slot: translated without their A/D bits");

	make_tree(&m, &cpu);
	m.word[1][0] = 0xfee00007;
	ret = slat_walk(&cpu, &walk_ops, &m, 0x10, SLAT_ACC_READ, &res);
	tap_ok(ret == -EIO && res.not_ram && res.entry_gpa == 0xfee00000 &&
	       !(m.word[0][0] & 0x20),
	       "a table outside RAM: -EIO with its address, nothing changed");

	make_tree(&m, &cpu);
	ret = slat_walk(&cpu, &walk_ops, &m, 0x10, SLAT_ACC_WRITE | SLAT_ACC_NO_AD, &res);
	tap_ok(ret == 0 && !m.nr_cmpxchg, "SLAT_ACC_NO_AD writes nothing");
	ret = slat_walk(&cpu, &no_ad, &m, 0x10, SLAT_ACC_WRITE, &res);
	tap_ok(ret == 0 && !(m.word[3][0] & 0x60), "no cmpxchg_entry: no A/D");

	make_tree(&m, &cpu);
	m.read_errno = -EINTR;
	ret = slat_walk(&cpu, &walk_ops, &m, 0x10, SLAT_ACC_READ, &res);
	tap_ok(ret == -EINTR && !res.fault, "other errors of a callback come back");
}

static void test_special(void)
{
	struct slat_walk_result res;
	struct slat_walk_cpu cpu;
	static struct memory m;
	int ret;

	make_tree(&m, &cpu);
	cpu.cr4 |= 1 << 12;
	ret = slat_walk(&cpu, &walk_ops, &m, 0x10, SLAT_ACC_READ, &res);
	tap_ok(ret == -EOPNOTSUPP && !res.fault, "5-level paging is refused");

	make_tree(&m, &cpu);
	m.word[3][0] = 0x123456001;
	cpu.cpl = 3;
	ret = slat_walk(&cpu, &walk_ops, &m, 0x10, SLAT_ACC_WRITE | SLAT_ACC_ANY, &res);
	tap_ok(ret == 0 && !res.writable && !res.user && res.exec,
	       "SLAT_ACC_ANY translates without rights and tells them");

	make_tree(&m, &cpu);
	cpu.maxphyaddr = 0;
	m.word[3][0] |= 1ull << 51;
	ret = slat_walk(&cpu, &walk_ops, &m, 0x10, SLAT_ACC_READ, &res);
	tap_ok(ret == 0 && res.gpa == (0x123456010 | 1ull << 51),
	       "no maxphyaddr given: 52 bits");
}

int main(int argc, char **argv)
{
	unsigned long count;

	tap_options(argc, argv);
	count = tap_count(200000);
	test_mode(REF_OFF, "paging off", count / 20);
	test_mode(REF_32, "32-bit", count / 4);
	test_mode(REF_PAE, "PAE", count / 4);
	test_mode(REF_LONG, "4-level", count / 2);
	test_races();
	test_table_places();
	test_special();
	return tap_end();
}
