// SPDX-License-Identifier: GPL-2.0
/*
 * SLAT_GET_LAST_ERROR: every refusal of a VM's ioctls has words of its own, with
 * the value that was given and what was expected, and numbers for programs. Those of
 * vCPUs are in last_error_vcpu.c. KVM has no such call.
 */
#include "test.h"
#include "told.h"

#include <sys/eventfd.h>

#define SLOT	1
#define GPA	0x10000000ul
#define PAGES	16ul
#define SIZE	(PAGES * PAGE_SIZE)

FIXTURE(last_error) {
	struct guest g;
	uint64_t *mem;
	int fd;
};

FIXTURE_SETUP(last_error)
{
	probe_init(&self->g);
	self->mem = vm_alloc(SIZE);
	self->fd = self->g.vm.fd;
}

FIXTURE_TEARDOWN(last_error)
{
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
}

#define set_slot(id, flags, gpa) vm_set_slot(&self->g.vm, id, flags, gpa, SIZE, self->mem)

/* Each refusal tells its check, and the words hold the numbers. */
TEST_F(last_error, of_slots)
{
	const uint64_t mem = (uintptr_t)self->mem;
	const struct {
		struct kvm_userspace_memory_region r;
		uint32_t check;
		const char *words;
	} bad[] = {
		{ { 2, 4, GPA, SIZE, mem }, SLAT_CHECK_FLAGS, "flags 0x4" },
		{ { 2, 0, GPA + 1, SIZE, mem }, SLAT_CHECK_GPA_ALIGN, "0x10000001" },
		{ { 2, 0, GPA, 0x1234, mem }, SLAT_CHECK_SIZE_ALIGN, "0x1234" },
		{ { 2, 0, GPA, SIZE, mem + 1 }, SLAT_CHECK_HVA_ALIGN, "userspace_addr" },
		{ { 2, 0, GPA, SIZE, 1ull << 63 }, SLAT_CHECK_HVA_RANGE, "user space" },
		{ { 0x8000, 0, GPA, SIZE, mem }, SLAT_CHECK_SLOT_ID, "slot number 32768" },
		{ { 2, 0, -SIZE, 2 * SIZE, mem }, SLAT_CHECK_GPA_WRAP, "wrap" },
		{ { 2, 0, 1ull << 56, SIZE, mem }, SLAT_CHECK_GPA_LIMIT, "end" },
		{ { 2, 0, 0, 1ull << 43, 0 }, SLAT_CHECK_SLOT_SIZE, "memory_size" },
		{ { 2, 0, GPA, 0, 0 }, SLAT_CHECK_NO_SLOT, "no such slot" },
		{ { 1, 0, GPA, 2 * SIZE, mem }, SLAT_CHECK_SIZE_CHANGED, "expected 0x10000" },
		{ { 1, 0, GPA, SIZE, mem + PAGE_SIZE }, SLAT_CHECK_HVA_CHANGED, "delete it" },
		{ { 1, KVM_MEM_READONLY, GPA, SIZE, mem }, SLAT_CHECK_READONLY_CHANGED,
		  "KVM_MEM_READONLY" },
		{ { 2, 0, GPA + PAGE_SIZE, SIZE, mem }, SLAT_CHECK_OVERLAP,
		  "; slot 1 has 0x10000000 to 0x1000ffff" },
	};

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ((uint32_t)SLAT_CHECK_NONE, last_error(self->fd).check);
	ASSERT_EQ(0, set_slot(1, 0, GPA));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kvm_userspace_memory_region r = bad[i].r;
		int ret = vm_ioctl(self->fd, KVM_SET_USER_MEMORY_REGION, &r);
		struct slat_last_error e = last_error(self->fd);

		EXPECT_GT(0, ret);
		EXPECT_EQ(-ret, (int)e.error);
		EXPECT_EQ((uint32_t)KVM_SET_USER_MEMORY_REGION, e.call);
		EXPECT_EQ(i + 1, e.serial);
		EXPECT_EQ(bad[i].check, e.check);
		EXPECT_EQ(bad[i].r.slot, e.slot);
		EXPECT_NE(NULL, strstr(e.text, bad[i].words)) TH_LOG("'%s'", e.text);
	}
	EXPECT_EQ(1u, last_error(self->fd).other);
	EXPECT_EQ(GPA, last_error(self->fd).other_gpa);
	EXPECT_EQ(SIZE, last_error(self->fd).other_size);
	/* A call that succeeds leaves it. */
	ASSERT_EQ(0, set_slot(1, KVM_MEM_LOG_DIRTY_PAGES, GPA));
	EXPECT_EQ(ARRAY_SIZE(bad), last_error(self->fd).serial);
}

TEST_F(last_error, of_other_calls)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP };
	struct kvm_enable_cap ids = { .cap = KVM_CAP_MAX_VCPU_ID, .args = { 1 } };
	struct kvm_clear_dirty_log clear = { .slot = SLOT, .first_page = 1 };
	struct kvm_dirty_log log = { .slot = SLOT };
	const struct {
		unsigned long cmd, arg;
		int err;
		uint32_t check;
	} bad[] = {
		{ KVM_CREATE_VCPU, 0, EEXIST, SLAT_CHECK_VCPU_EXISTS },
		{ KVM_CREATE_VCPU, 0x7fffffff, EINVAL, SLAT_CHECK_VCPU_ID },
		{ KVM_SET_NR_MMU_PAGES, 63, EINVAL, SLAT_CHECK_NR_MMU_PAGES },
		{ KVM_SET_TSS_ADDR, -1ul, EINVAL, SLAT_CHECK_ADDRESS },
		{ KVM_SET_IDENTITY_MAP_ADDR, (uintptr_t)&cap, EINVAL, SLAT_CHECK_VCPUS_MADE },
		{ KVM_SET_GSI_ROUTING, (uintptr_t)&log, EINVAL, SLAT_CHECK_NO_IRQCHIP },
		{ KVM_ENABLE_CAP, (uintptr_t)&cap, EINVAL, SLAT_CHECK_CAP },
		{ KVM_ENABLE_CAP, (uintptr_t)&ids, EINVAL, SLAT_CHECK_VCPU_IDS },
		{ KVM_SIGNAL_MSI, (uintptr_t)&ids, EINVAL, SLAT_CHECK_NO_IRQCHIP },
		{ KVM_CLEAR_DIRTY_LOG, (uintptr_t)&clear, EINVAL, SLAT_CHECK_CLEAR_FIRST },
		{ KVM_GET_DIRTY_LOG, (uintptr_t)&log, ENOENT, SLAT_CHECK_NO_SLOT },
		{ KVM_GET_DIRTY_LOG, 0, EFAULT, SLAT_CHECK_UNTOLD },
		{ KVM_CREATE_IRQCHIP, 0, ENOTTY, SLAT_CHECK_UNKNOWN_CALL },
		{ SLAT_SET_POLICY, 0, EFAULT, SLAT_CHECK_UNTOLD },
	};

	SLAT_ONLY(&self->g.vm);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct slat_last_error e;

		EXPECT_EQ(-bad[i].err, vm_ioctl_num(self->fd, bad[i].cmd, bad[i].arg));
		e = last_error(self->fd);
		EXPECT_EQ(bad[i].err, (int)e.error);
		EXPECT_EQ((uint32_t)bad[i].cmd, e.call);
		EXPECT_EQ(bad[i].check, e.check) TH_LOG("call %lx: '%s'", bad[i].cmd, e.text);
		EXPECT_EQ(i + 1, e.serial);
		EXPECT_LT(10, strlen(slat_why(self->fd)));
	}
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA));
	EXPECT_EQ(-ENOENT, vm_ioctl(self->fd, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ((uint32_t)SLAT_CHECK_NOT_LOGGING, last_error(self->fd).check);
}

/* What a call of the tables below gets for a descriptor. */
#define EVENT	100
#define CLOSED	(-1)
#define OTHER	101

#define MMIO	0xd0000000ull
#define MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define PIO	KVM_IOEVENTFD_FLAG_PIO
#define REMOVE	KVM_IOEVENTFD_FLAG_DEASSIGN
#define ZONES	1000

static const struct {
	struct kvm_ioeventfd args;
	struct told told;
} bad_events[] = {
	{ { .addr = MMIO, .len = 3, .fd = EVENT },
	  { EINVAL, SLAT_CHECK_IO_LENGTH, 3, 8, "len 3: expected 1, 2, 4, 8, or 0" } },
	{ { .addr = MMIO, .len = 16, .fd = EVENT },
	  { EINVAL, SLAT_CHECK_IO_LENGTH, 16, 8, "len 16: expected" } },
	{ { .addr = ~2ull, .len = 4, .fd = EVENT },
	  { EINVAL, SLAT_CHECK_IO_WRAP, ~2ull, 4,
	    "addr 0xfffffffffffffffd, len 4: expected a range" } },
	{ { .addr = MMIO, .len = 4, .fd = EVENT, .flags = 0x80 },
	  { EINVAL, SLAT_CHECK_FLAGS, 0x80, 0x17, "flags 0x80: expected none but 0x17" } },
	{ { .addr = MMIO, .len = 4, .fd = EVENT,
	    .flags = KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY },
	  { EINVAL, SLAT_CHECK_FLAGS, 8, 0x17, "flags 0x8: expected none but 0x17" } },
	{ { .addr = MMIO, .len = 0, .fd = EVENT, .flags = MATCH },
	  { EINVAL, SLAT_CHECK_IO_ANY_LENGTH, MATCH, 0,
	    "flags 0x1: expected no KVM_IOEVENTFD_FLAG_DATAMATCH" } },
	{ { .addr = MMIO, .len = 4, .fd = CLOSED },
	  { EBADF, SLAT_CHECK_FD, CLOSED, 0, "fd -1: expected an open" } },
	{ { .addr = MMIO, .len = 4, .fd = CLOSED, .flags = REMOVE },
	  { EBADF, SLAT_CHECK_FD, CLOSED, 0, "fd -1: expected an open" } },
	{ { .addr = MMIO, .len = 4, .fd = OTHER },
	  { EINVAL, SLAT_CHECK_EVENTFD, OTHER, 0, "expected an eventfd" } },
	{ { .addr = MMIO, .len = 4, .fd = EVENT },
	  { EEXIST, SLAT_CHECK_IO_TAKEN, MMIO, 4,
	    "addr 0xd0000000, len 4: expected no eventfd there" } },
	{ { .addr = MMIO, .len = 0, .fd = EVENT },
	  { EEXIST, SLAT_CHECK_IO_TAKEN, MMIO, 0, "addr 0xd0000000, len 0: expected no" } },
	{ { .addr = MMIO + 8, .len = 4, .fd = EVENT, .flags = REMOVE | MATCH, .datamatch = 7 },
	  { ENOENT, SLAT_CHECK_IO_ABSENT, MMIO + 8, 4,
	    "addr 0xd0000008, len 4: expected an eventfd that was assigned" } },
	{ { .addr = MMIO, .len = 4, .fd = EVENT, .flags = REMOVE | MATCH, .datamatch = 8 },
	  { ENOENT, SLAT_CHECK_IO_ABSENT, MMIO, 4, "addr 0xd0000000, len 4: expected an" } },
	{ { .addr = 0x1000, .len = 4, .fd = EVENT, .flags = PIO },
	  { ENOSPC, SLAT_CHECK_IO_ZONES, ZONES, ZONES,
	    "1000 coalesced zones: expected fewer than 1000" } },
};

static const struct {
	unsigned long cmd;
	struct kvm_coalesced_mmio_zone args;
	struct told told;
} bad_zones[] = {
	{ KVM_REGISTER_COALESCED_MMIO, { .addr = MMIO, .size = 8, .pio = 2 },
	  { EINVAL, SLAT_CHECK_IO_SPACE, 2, 1, "pio 2: expected at most 1" } },
	{ KVM_UNREGISTER_COALESCED_MMIO, { .addr = MMIO, .size = 8, .pio = ~0u },
	  { EINVAL, SLAT_CHECK_IO_SPACE, ~0u, 1, "pio 4294967295: expected at most 1" } },
	{ KVM_REGISTER_COALESCED_MMIO, { .addr = 0x1000, .size = 1, .pio = 1 },
	  { ENOSPC, SLAT_CHECK_IO_ZONES, ZONES, ZONES,
	    "1000 coalesced zones: expected fewer than 1000" } },
};

TEST_F(last_error, of_ioeventfd_and_coalesced_zones)
{
	struct kvm_ioeventfd taken = { .addr = MMIO, .len = 4, .flags = MATCH, .datamatch = 7 };
	int event = vm_must(eventfd(0, 0), "eventfd"), other = open("/dev/null", O_RDONLY);
	struct kvm_coalesced_mmio_zone zone = { .size = 1, .pio = 1 };
	uint64_t serial;

	SLAT_ONLY(&self->g.vm);
	ASSERT_LE(0, other);
	ASSERT_EQ(EVENT, dup2(event, EVENT));
	ASSERT_EQ(OTHER, dup2(other, OTHER));
	taken.fd = EVENT;
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_IOEVENTFD, &taken));
	for (zone.addr = 0; zone.addr < ZONES; zone.addr++) {
		ASSERT_EQ(0, vm_ioctl(self->fd, KVM_REGISTER_COALESCED_MMIO, &zone));
	}
	serial = last_error(self->fd).serial;
	for (size_t i = 0; i < ARRAY_SIZE(bad_events); i++) {
		struct kvm_ioeventfd args = bad_events[i].args;
		int ret = vm_ioctl(self->fd, KVM_IOEVENTFD, &args);

		EXPECT_TRUE(is_told(self->fd, SLAT_NO_VCPU, ret, KVM_IOEVENTFD,
				    &bad_events[i].told));
		EXPECT_EQ(++serial, last_error(self->fd).serial);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_zones); i++) {
		struct kvm_coalesced_mmio_zone args = bad_zones[i].args;
		int ret = vm_ioctl(self->fd, bad_zones[i].cmd, &args);

		EXPECT_TRUE(is_told(self->fd, SLAT_NO_VCPU, ret, bad_zones[i].cmd,
				    &bad_zones[i].told));
		EXPECT_EQ(++serial, last_error(self->fd).serial);
	}
	/* What was there is there still, and goes without a word. */
	taken.flags |= REMOVE;
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_IOEVENTFD, &taken));
	EXPECT_EQ(serial, last_error(self->fd).serial);
	close(EVENT);
	close(OTHER);
	close(event);
	close(other);
}

SLAT_TEST_MAIN
