// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input of the dirty log's ioctls: the errno that KVM gives for each, and
 * that nothing is lost by a call that failed. What they do when they succeed is
 * in dirty.c.
 */
#include "dirty.h"
#include "test.h"

#define NPAGES		200ul
#define BYTES		32ul	/* of its bitmap */

FIXTURE(bad) {
	struct dirty d;
	struct vm *vm;
	struct pages set;
	uint8_t *split;		/* a bitmap whose second half is not mapped */
};

FIXTURE_VARIANT(bad) {
	uint64_t manual;
};

FIXTURE_VARIANT_ADD(bad, plain) { 0 };
FIXTURE_VARIANT_ADD(bad, manual) { MANUAL };

/* Two pages, of which the second is gone; the bitmap lies across them. */
static uint8_t *split_buffer(void)
{
	uint8_t *two = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (two == MAP_FAILED || munmap(two + PAGE_SIZE, PAGE_SIZE))
		abort();
	return two + PAGE_SIZE - BYTES / 2;
}

FIXTURE_SETUP(bad)
{
	struct dirty *d = &self->d;

	dirty_init(d, NPAGES, variant->manual);
	self->vm = &d->g.vm;
	self->set = pages_each(NPAGES, 1, 3);
	self->split = split_buffer();
	vm_must(dirty_set(d, LOG), "the slot");
	vm_must(dirty_write(d, &self->set), "the guest's writes");
}

FIXTURE_TEARDOWN(bad)
{
	munmap(self->split - PAGE_SIZE + BYTES / 2, PAGE_SIZE);
	dirty_destroy(&self->d);
}

#define get(slot, bitmap) dirty_log_get(self->vm, slot, bitmap)
#define clear(first, n, bitmap) dirty_log_clear(self->vm, DIRTY_SLOT, first, n, bitmap)

TEST_F(bad, get_of_a_slot_that_is_none)
{
	struct pages *bits = &self->d.got;

	EXPECT_EQ(-ENOENT, get(2, bits));
	EXPECT_EQ(-ENOENT, get(500, bits));
	EXPECT_EQ(-EINVAL, get(vm_check_extension(self->vm->dev, KVM_CAP_NR_MEMSLOTS), bits));
	EXPECT_EQ(-EINVAL, get(0xffff, bits));
	/* Bits 16 and up are the address space, of which there are two at most. */
	EXPECT_EQ(-EINVAL, get(2 << 16 | DIRTY_SLOT, bits));
	EXPECT_EQ(-EINVAL, get(0xffffffff, bits));
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
}

TEST_F(bad, clear_of_a_slot_that_is_none)
{
	struct pages all = pages_all(NPAGES);

	EXPECT_EQ(-ENOENT, dirty_log_clear(self->vm, 2, 0, 64, &all));
	EXPECT_EQ(-EINVAL, dirty_log_clear(self->vm, 0xffff, 0, 64, &all));
	EXPECT_EQ(-EINVAL, dirty_log_clear(self->vm, 2 << 16 | DIRTY_SLOT, 0, 64, &all));
	EXPECT_EQ(-EINVAL, dirty_log_clear(self->vm, 0xffffffff, 0, 64, &all));
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
}

TEST_F(bad, a_slot_without_a_log)
{
	struct pages all = pages_all(NPAGES);

	EXPECT_EQ(-ENOENT, get(0, &self->d.got));
	EXPECT_EQ(-ENOENT, dirty_log_clear(self->vm, 0, 0, 64, &all));
	/* What is wrong with the range by itself comes first. */
	EXPECT_EQ(-EINVAL, dirty_log_clear(self->vm, 0, 1, 64, &all));
	EXPECT_EQ(-EINVAL, dirty_log_clear(self->vm, 2, 1, 64, &all));
	/* And a bad slot before a bad bitmap. */
	EXPECT_EQ(-ENOENT, get(2, NULL));
	EXPECT_EQ(-ENOENT, dirty_log_clear(self->vm, 2, 0, 64, NULL));
	EXPECT_EQ(-ENOENT, dirty_log_clear(self->vm, 2, 0, 63, &all));
}

TEST_F(bad, request_that_is_not_there)
{
	EXPECT_EQ(-EFAULT, vm_ioctl(self->vm->fd, KVM_GET_DIRTY_LOG, NULL));
	EXPECT_EQ(-EFAULT, vm_ioctl(self->vm->fd, KVM_CLEAR_DIRTY_LOG, NULL));
	EXPECT_EQ(-EFAULT, vm_ioctl(self->vm->fd, KVM_ENABLE_CAP, NULL));
	EXPECT_EQ(-EFAULT, vm_ioctl(self->vm->fd, KVM_GET_DIRTY_LOG,
				    self->split + BYTES / 2 - 8));
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
}

/* Slat puts back what it could not hand out. */
TEST_F(bad, get_into_memory_that_is_not_writable)
{
	void *bad[] = {
		NULL,
		(void *)8,
		self->split,			/* half way */
		self->split + BYTES / 2 - 1,	/* after a byte */
		self->split + BYTES / 2,	/* at once */
		(void *)0xffff800000000000ul,
		(void *)-PAGE_SIZE,
		mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT, get(DIRTY_SLOT, bad[i])) TH_LOG("bitmap %zu", i);
	}
	munmap(bad[ARRAY_SIZE(bad) - 1], PAGE_SIZE);
	if (vm_is_kvm(self->vm) && !variant->manual)
		SKIP(return, "KVM loses the bits of a copy that failed");
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
	EXPECT_TRUE(dirty_is_none(&self->d));
}

/* Writes between the call that failed and the next one join the old bits. */
TEST_F(bad, a_failed_get_and_writes_after_it)
{
	struct dirty *d = &self->d;
	struct pages both = pages_each(NPAGES, 1, 3), more = pages_each(NPAGES, 2, 3);

	if (vm_is_kvm(self->vm) && !variant->manual)
		SKIP(return, "KVM loses the bits of a copy that failed");
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(-EFAULT, get(DIRTY_SLOT, self->split));
		ASSERT_EQ(0, dirty_write(d, &more));
	}
	for (size_t i = 0; i < ARRAY_SIZE(both.word); i++)
		both.word[i] |= more.word[i];
	EXPECT_TRUE(dirty_is(d, &both));
	ASSERT_EQ(0, dirty_write(d, &more));
	EXPECT_TRUE(dirty_is(d, &more));
}

/* A failed copy protects no less: what is written next is told next. */
TEST_F_TIMEOUT(bad, a_bitmap_of_many_pages_that_faults_half_way, LONG_TIMEOUT)
{
	uint64_t n = 40000, seed = 3;
	struct dirty *d = &self->d;
	uint8_t *map;

	if (vm_is_kvm(self->vm) && !variant->manual)
		SKIP(return, "KVM loses the bits of a copy that failed");
	dirty_destroy(d);
	dirty_init(d, n, variant->manual);
	ASSERT_EQ(0, dirty_set(d, LOG));
	self->set = pages_random(n, 200, &seed);
	pages_add(&self->set, n - 1);
	ASSERT_EQ(0, dirty_write(d, &self->set));
	map = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_EQ(0, munmap(map + PAGE_SIZE, PAGE_SIZE));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(-EFAULT, get(DIRTY_SLOT, map));
	}
	EXPECT_TRUE(dirty_is(d, &self->set));
	EXPECT_TRUE(dirty_is_none(d));
	munmap(map, PAGE_SIZE);
}

TEST_F(bad, ranges_that_clear_refuses)
{
	static const struct { uint64_t first; uint32_t n; } bad[] = {
		{ 1, 64 }, { 63, 64 }, { 65, 64 }, { 32, 32 }, { 8, 0 },
		{ 0, 1 }, { 0, 63 }, { 0, 65 }, { 64, 100 }, { 128, 71 },
		{ 0, 201 }, { 0, 256 }, { 64, 137 }, { 64, 192 }, { 192, 9 }, { 192, 64 },
		{ 256, 0 }, { 256, 64 }, { 256, 1 },
		{ 0, 0xffffffff }, { 0, 0xffffffc0 }, { 64, 0xffffffc0 }, { 192, 0xffffffff },
		{ 1ull << 32, 64 }, { 1ull << 58, 64 }, { 1ull << 63, 64 },
		{ -64ull, 64 }, { -64ull, 128 }, { -64ull, 264 }, { ~0ull, 1 },
		{ -1ull << 32, 200 }, { (1ull << 52) - 64, 264 },
	};
	struct pages all = pages_all(NPAGES + 200);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, clear(bad[i].first, bad[i].n, &all))
			TH_LOG("first 0x%llx pages %u", (unsigned long long)bad[i].first,
			       bad[i].n);
	}
	/* A range that is refused is refused before its bitmap is read. */
	EXPECT_EQ(-EINVAL, clear(1, 64, NULL));
	EXPECT_EQ(-EINVAL, clear(0, 65, NULL));
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
}

TEST_F(bad, clear_of_no_pages)
{
	EXPECT_EQ(0, clear(0, 0, NULL));
	EXPECT_EQ(0, clear(192, 0, NULL));
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
}

TEST_F(bad, clear_from_memory_that_is_not_readable)
{
	memset(self->split, 0xff, BYTES / 2);
	EXPECT_EQ(-EFAULT, clear(0, NPAGES, NULL));
	EXPECT_EQ(-EFAULT, clear(0, NPAGES, self->split));
	EXPECT_EQ(-EFAULT, clear(64, NPAGES - 64, self->split + 8));
	EXPECT_EQ(-EFAULT, clear(0, 64, self->split + BYTES / 2 - 4));
	EXPECT_EQ(-EFAULT, clear(192, 8, self->split + BYTES / 2));
	EXPECT_EQ(-EFAULT, clear(0, NPAGES, (void *)-PAGE_SIZE));
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
	EXPECT_TRUE(dirty_is_none(&self->d));
}

/* Only the bits asked for go; those of clean pages and behind the end mean nothing. */
TEST_F(bad, clear_takes_no_more_than_was_asked)
{
	struct dirty *d = &self->d;
	struct pages left = self->set, ask;

	if (!variant->manual)
		SKIP(return, "GET clears");
	memset(&ask, 0, sizeof(ask));
	ask.word[0] = 0xf0f0f0f0f0f0f0f0;
	ask.word[3] = ~0ull;
	ASSERT_EQ(0, clear(0, 64, &ask));
	ASSERT_EQ(0, clear(192, 8, &ask.word[3]));
	left.word[0] &= ~ask.word[0];
	left.word[3] = 0;
	ASSERT_EQ(0, dirty_get(d));
	ASSERT_TRUE(pages_same(&d->got, &left, NPAGES));
	/* Those that were cleared are protected again, and told when written. */
	ASSERT_EQ(0, dirty_write(d, &self->set));
	ASSERT_EQ(0, dirty_get(d));
	ASSERT_TRUE(pages_same(&d->got, &self->set, NPAGES));
	ASSERT_EQ(0, clear(64, 64, &self->set.word[1]));
	left = self->set;
	left.word[1] = 0;
	EXPECT_TRUE(dirty_is(d, &left));
}

/* CLEAR needs no capability; without it, GET has cleared already. */
TEST_F(bad, clear_before_get)
{
	struct dirty *d = &self->d;
	struct pages some = pages_each(64, 0, 1), left = self->set;

	ASSERT_EQ(0, clear(0, 64, &some));
	left.word[0] = 0;
	EXPECT_TRUE(dirty_is(d, &left));
	ASSERT_EQ(0, dirty_write(d, &self->set));
	EXPECT_TRUE(dirty_is(d, &self->set));
}

FIXTURE(cap) {
	struct dirty d;
	struct vm *vm;
	struct pages all;
};

FIXTURE_SETUP(cap)
{
	dirty_init(&self->d, NPAGES, 0);
	self->vm = &self->d.g.vm;
	self->all = pages_all(NPAGES);
}

FIXTURE_TEARDOWN(cap)
{
	dirty_destroy(&self->d);
}

static int enable(struct vm *vm, struct kvm_enable_cap cap)
{
	return vm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

TEST_F(cap, options_that_are_refused)
{
	static const uint64_t bad[] = {
		KVM_DIRTY_LOG_INITIALLY_SET, 4, 5, 7, 1ull << 32 | 1, 1ull << 63, ~0ull,
	};
	const uint32_t cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2;

	EXPECT_EQ((int)MANUAL_ALL_SET, vm_check_extension(self->vm->dev, cap));
	EXPECT_EQ((int)MANUAL_ALL_SET, vm_check_extension(self->vm->fd, cap));
	/* Its predecessor was withdrawn. */
	EXPECT_EQ(0, vm_check_extension(self->vm->dev, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT));
	EXPECT_EQ(-EINVAL, enable(self->vm, (struct kvm_enable_cap) {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT, .args[0] = 1 }));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, dirty_log_manual(self->vm, bad[i]))
			TH_LOG("options 0x%llx", (unsigned long long)bad[i]);
	}
	EXPECT_EQ(-EINVAL, enable(self->vm, (struct kvm_enable_cap) {
		.cap = cap, .flags = 1, .args[0] = 1 }));
	EXPECT_EQ(-EINVAL, enable(self->vm, (struct kvm_enable_cap) {
		.cap = cap, .flags = 1u << 31 }));
	/* Nothing was enabled: GET clears. */
	ASSERT_EQ(0, dirty_set(&self->d, LOG));
	ASSERT_EQ(0, dirty_write(&self->d, &self->all));
	EXPECT_TRUE(dirty_is(&self->d, &self->all));
	EXPECT_TRUE(dirty_is_none(&self->d));
}

/* Arguments that the capability has no use for are ignored, as KVM does. */
TEST_F(cap, other_arguments_are_ignored)
{
	EXPECT_EQ(0, enable(self->vm, (struct kvm_enable_cap) {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1, 2, 3, ~0ull } }));
}

TEST_F(cap, it_may_come_and_go_under_a_log)
{
	struct dirty *d = &self->d;
	struct pages odd = pages_each(NPAGES, 1, 2);

	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_write(d, &odd));
	ASSERT_EQ(0, dirty_log_manual(self->vm, MANUAL));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, dirty_get(d));
		ASSERT_TRUE(pages_same(&d->got, &odd, NPAGES));
	}
	ASSERT_EQ(0, dirty_log_manual(self->vm, MANUAL_ALL_SET));
	ASSERT_EQ(0, dirty_get(d));
	ASSERT_TRUE(pages_same(&d->got, &odd, NPAGES));
	ASSERT_EQ(0, dirty_log_manual(self->vm, 0));
	EXPECT_TRUE(dirty_is(d, &odd));
	EXPECT_TRUE(dirty_is_none(d));
	/* All set holds for logs that begin while it is enabled. */
	ASSERT_EQ(0, dirty_log_manual(self->vm, MANUAL_ALL_SET));
	ASSERT_EQ(0, dirty_get(d));
	EXPECT_TRUE(pages_same(&d->got, &(struct pages){}, NPAGES));
	ASSERT_EQ(0, dirty_set(d, 0));
	ASSERT_EQ(0, dirty_set(d, LOG));
	ASSERT_EQ(0, dirty_log_manual(self->vm, 0));
	EXPECT_TRUE(dirty_is(d, &self->all));
	ASSERT_EQ(0, dirty_write(d, &odd));
	EXPECT_TRUE(dirty_is(d, &odd));
}

SLAT_TEST_MAIN
