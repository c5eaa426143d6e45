// SPDX-License-Identifier: GPL-2.0
/*
 * Random slot ioctls against a model: the model predicts each call's errno and
 * what the guest must then find at each address. SLAT_SEED picks the sequence;
 * a failure prints the seed and the call, so that it can be run again.
 */
#include "test.h"

#define BASE		0x10000000ul
#define WINDOW_PAGES	64		/* the model's world: pages from BASE on */
#define IDS		12
#define FIRST_ID	1		/* slot 0 is the probe's own */
#define MEM_PAGES	64
#define SLOT_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

struct model_slot {
	bool used;
	uint32_t flags;
	uint64_t gpa, size, hva;
};

struct fuzz {
	struct guest g;
	char *mem;
	uint64_t x;
	uint64_t limit;		/* first physical address that can't be */
	struct model_slot slots[IDS + FIRST_ID];
};

static uint64_t rnd(struct fuzz *f, uint64_t n)
{
	f->x ^= f->x << 13;
	f->x ^= f->x >> 7;
	f->x ^= f->x << 17;
	return (f->x * 0x2545f4914f6cdd1dull >> 16) % n;
}

static uint64_t tag(uint64_t page)
{
	return 0xf00d0000 + page;
}

static bool overlaps(struct fuzz *f, uint32_t id, uint64_t gpa, uint64_t size)
{
	if (id != 0 && gpa < GUEST_RAM)
		return true;
	for (uint32_t i = 0; i < IDS + FIRST_ID; i++) {
		struct model_slot *s = &f->slots[i];

		if (s->used && i != id && gpa < s->gpa + s->size && s->gpa < gpa + size)
			return true;
	}
	return false;
}

static bool malformed(const struct kvm_userspace_memory_region *r)
{
	return r->flags & ~SLOT_FLAGS || r->memory_size % PAGE_SIZE ||
	       r->guest_phys_addr % PAGE_SIZE || r->userspace_addr % PAGE_SIZE ||
	       r->slot >= IDS + FIRST_ID ||
	       r->userspace_addr + r->memory_size < r->userspace_addr ||
	       r->userspace_addr + r->memory_size > (1ull << 47) - PAGE_SIZE ||
	       r->guest_phys_addr + r->memory_size < r->guest_phys_addr ||
	       r->memory_size / PAGE_SIZE > (1ull << 31) - 1;
}

/* What KVM answers; a success changes the model. */
static int predict(struct fuzz *f, const struct kvm_userspace_memory_region *r)
{
	struct model_slot *s;

	if (malformed(r))
		return -EINVAL;
	s = &f->slots[r->slot];
	if (!r->memory_size) {
		if (!s->used)
			return -EINVAL;
		s->used = false;
		return 0;
	}
	if (s->used && (s->hva != r->userspace_addr || s->size != r->memory_size ||
			(s->flags ^ r->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	if (!s->used || s->gpa != r->guest_phys_addr) {
		if (overlaps(f, r->slot, r->guest_phys_addr, r->memory_size))
			return -EEXIST;
		if (r->guest_phys_addr + r->memory_size > f->limit)
			return -EINVAL;
	}
	*s = (struct model_slot) {
		true, r->flags, r->guest_phys_addr, r->memory_size, r->userspace_addr,
	};
	return 0;
}

static uint64_t pick(struct fuzz *f, const uint64_t *values, size_t n)
{
	return values[rnd(f, n)];
}

/* Mostly sane calls that collide with each other; now and then one bad field. */
static struct kvm_userspace_memory_region make_call(struct fuzz *f)
{
	static const uint64_t bad_gpa[] = {
		1, 0x800, ~0ull, -PAGE_SIZE, 1ull << 63, 1ull << 52, 1ull << 40, 0, 0x1ff000,
	};
	static const uint64_t bad_size[] = {
		1, 0xfff, ~0ull, -PAGE_SIZE, 1ull << 63, 1ull << 43, 1ull << 47, 0x1800,
	};
	static const uint64_t bad_hva[] = {
		1, ~0ull, -PAGE_SIZE, 1ull << 63, 1ull << 47, (1ull << 47) - PAGE_SIZE,
		0xffff888000000000,
	};
	static const uint64_t bad_flags[] = { 4, 8, 0x80000000, 0xffffffff };
	static const uint64_t bad_slot[] = { 0x7fff, 0xffff, 0x20000, 0xffff0001, ~0u };
	uint64_t pages = 1 + rnd(f, 8), page = rnd(f, MEM_PAGES - pages);
	struct kvm_userspace_memory_region r = {
		.slot = FIRST_ID + rnd(f, IDS),
		.flags = rnd(f, 4) ? 0 : (uint32_t)rnd(f, 4) & SLOT_FLAGS,
		.guest_phys_addr = BASE + rnd(f, WINDOW_PAGES) * PAGE_SIZE,
		.memory_size = pages * PAGE_SIZE,
		.userspace_addr = (uintptr_t)f->mem + page * PAGE_SIZE,
	};
	const struct model_slot *s = &f->slots[r.slot];

	if (s->used && rnd(f, 2)) {
		/* Delete it, or change one thing about it. */
		r.memory_size = rnd(f, 2) ? s->size : 0;
		r.userspace_addr = s->hva;
		r.flags = rnd(f, 4) ? s->flags : r.flags;
	}
	switch (rnd(f, 24)) {
	case 0:
		r.guest_phys_addr = pick(f, bad_gpa, ARRAY_SIZE(bad_gpa));
		break;
	case 1:
		r.memory_size = pick(f, bad_size, ARRAY_SIZE(bad_size));
		break;
	case 2:
		r.userspace_addr = pick(f, bad_hva, ARRAY_SIZE(bad_hva));
		break;
	case 3:
		r.flags = pick(f, bad_flags, ARRAY_SIZE(bad_flags));
		break;
	case 4:
		r.slot = pick(f, bad_slot, ARRAY_SIZE(bad_slot));
		break;
	}
	return r;
}

static bool page_agrees(struct fuzz *f, uint64_t gpa)
{
	for (uint32_t i = FIRST_ID; i < IDS + FIRST_ID; i++) {
		const struct model_slot *s = &f->slots[i];

		if (s->used && gpa - s->gpa < s->size)
			return probe_is_ram(&f->g, gpa,
					    tag((s->hva + gpa - s->gpa - (uintptr_t)f->mem) /
						PAGE_SIZE));
	}
	return probe_is_mmio(&f->g, gpa);
}

static bool one_call(struct fuzz *f, bool log_dirty)
{
	struct kvm_userspace_memory_region r = make_call(f);
	int expected, ret;

	if (!log_dirty)
		r.flags &= ~KVM_MEM_LOG_DIRTY_PAGES;
	expected = predict(f, &r);
	ret = vm_ioctl(f->g.vm.fd, KVM_SET_USER_MEMORY_REGION, &r);
	if (ret == expected)
		return true;
	fprintf(stderr, "# slot 0x%x flags 0x%x gpa 0x%llx size 0x%llx hva 0x%llx: %d, expected %d\n",
		r.slot, r.flags, r.guest_phys_addr, r.memory_size, r.userspace_addr, ret, expected);
	return false;
}

FIXTURE(fuzz) {
	struct fuzz f;
	uint64_t seed;
};

FIXTURE_SETUP(fuzz)
{
	struct fuzz *f = &self->f;
	const char *env = getenv("SLAT_SEED");
	struct kvm_cpuid2 *cpuid;

	self->seed = env ? strtoull(env, NULL, 0) : 20260101;
	f->x = self->seed * 2 + 1;
	probe_init(&f->g);
	f->mem = vm_alloc(MEM_PAGES * PAGE_SIZE);
	for (uint64_t i = 0; i < MEM_PAGES; i++)
		*(uint64_t *)(f->mem + i * PAGE_SIZE) = tag(i);
	f->slots[0] = (struct model_slot) { true, 0, 0, GUEST_RAM, (uintptr_t)f->g.ram };
	cpuid = vm_supported_cpuid(f->g.vm.dev);
	f->limit = 1ull << (cpuid_find(cpuid, 0x80000008, 0)->eax & 0xff);
	free(cpuid);
}

FIXTURE_TEARDOWN(fuzz)
{
	guest_destroy(&self->f.g);
}

TEST_F_TIMEOUT(fuzz, random_calls_agree_with_the_model, LONG_TIMEOUT)
{
	struct fuzz *f = &self->f;
	bool log_dirty = vm_set_slot(&f->g.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, BASE, PAGE_SIZE,
				     f->mem) == 0;

	if (log_dirty)
		ASSERT_EQ(0, vm_delete_slot(&f->g.vm, 1));
	for (int i = 0; i < 4000; i++) {
		ASSERT_TRUE(one_call(f, log_dirty)) TH_LOG("seed %lu call %d", self->seed, i);
		if (i % 4)
			continue;
		ASSERT_TRUE(page_agrees(f, BASE + rnd(f, WINDOW_PAGES + 8) * PAGE_SIZE))
			TH_LOG("seed %lu call %d", self->seed, i);
	}
	for (uint64_t page = 0; page < WINDOW_PAGES + 8; page++) {
		ASSERT_TRUE(page_agrees(f, BASE + page * PAGE_SIZE))
			TH_LOG("seed %lu page %lu", self->seed, page);
	}
}

SLAT_TEST_MAIN
