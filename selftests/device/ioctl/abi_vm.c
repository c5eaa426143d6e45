// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a VM: each errno of SET_USER_MEMORY_REGION, CREATE_VCPU and
 * SET_NR_MMU_PAGES, and whose VM it is. What slots do to a guest is in slots.c.
 */
#include "test.h"

FIXTURE(vm) {
	struct vm vm;
	char *mem;
	size_t size;
};

FIXTURE_SETUP(vm)
{
	vm_create(&self->vm);
	self->size = 16 * PAGE_SIZE;
	self->mem = vm_alloc(self->size);
}

FIXTURE_TEARDOWN(vm)
{
	vm_destroy(&self->vm);
	vm_free(self->mem, self->size);
}

#define set_slot(slot, flags, gpa, size, hva) \
	vm_set_slot(&self->vm, slot, flags, gpa, size, (void *)(hva))

TEST_F(vm, unknown_ioctl_is_enotty)
{
	EXPECT_EQ(-ENOTTY, vm_ioctl_num(self->vm.fd, _IO(KVMIO, 0xff), 0));
	EXPECT_EQ(-ENOTTY, vm_ioctl_num(self->vm.fd, _IO('T', 0x42), 0));
	EXPECT_EQ(-ENOTTY, vm_ioctl_num(self->vm.fd, KVM_RUN, 0));
	EXPECT_EQ(-ENOTTY, vm_ioctl_num(self->vm.fd, KVM_GET_API_VERSION, 0));
}

TEST_F(vm, check_extension_on_the_vm_agrees_with_the_device)
{
	static const long caps[] = {
		KVM_CAP_USER_MEMORY, KVM_CAP_NR_MEMSLOTS, KVM_CAP_MAX_VCPUS,
		KVM_CAP_READONLY_MEM, KVM_CAP_IMMEDIATE_EXIT,
	};

	if (!vm_check_extension(self->vm.dev, KVM_CAP_CHECK_EXTENSION_VM)) {
		EXPECT_EQ(-ENOTTY, vm_check_extension(self->vm.fd, KVM_CAP_USER_MEMORY));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		EXPECT_EQ(vm_check_extension(self->vm.dev, caps[i]),
			  vm_check_extension(self->vm.fd, caps[i]));
	}
}

TEST_F(vm, tss_address)
{
	EXPECT_EQ(0, vm_ioctl_num(self->vm.fd, KVM_SET_TSS_ADDR, 0xfffbd000));
	EXPECT_EQ(0, vm_ioctl_num(self->vm.fd, KVM_SET_TSS_ADDR, 0));
	EXPECT_EQ(0, vm_ioctl_num(self->vm.fd, KVM_SET_TSS_ADDR, 0xffffd000));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->vm.fd, KVM_SET_TSS_ADDR, 0xffffd001));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->vm.fd, KVM_SET_TSS_ADDR, 1ul << 32));
}

TEST_F(vm, identity_map_address)
{
	uint64_t addr = 0xfffbc000, zero = 0;

	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, 1));
	EXPECT_EQ(0, vm_ioctl(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	EXPECT_EQ(0, vm_ioctl(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &zero));
	ASSERT_LE(0, vcpu_create_raw(&self->vm, 0));
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->vm.fd, KVM_SET_IDENTITY_MAP_ADDR, 1));
}

/* Without an in-kernel interrupt controller there is nothing to route to. */
TEST_F(vm, gsi_routing_without_a_controller)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routing = {};

	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SET_GSI_ROUTING, 1));
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vm.fd, KVM_SET_GSI_ROUTING, &routing));
	routing.head.nr = 1;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vm.fd, KVM_SET_GSI_ROUTING, &routing));
}

#define SECOND	1000000000ull

TEST_F(vm, clock_runs_and_can_be_set)
{
	struct kvm_clock_data data = {}, later;

	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_GET_CLOCK, 1));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SET_CLOCK, 1));
	ASSERT_EQ(0, vm_ioctl(self->vm.fd, KVM_GET_CLOCK, &data));
	EXPECT_GT(60 * SECOND, data.clock) TH_LOG("a new VM's clock is %llu", data.clock);
	usleep(1000);
	ASSERT_EQ(0, vm_ioctl(self->vm.fd, KVM_GET_CLOCK, &later));
	EXPECT_LT(data.clock, later.clock);
	data.clock = 5000 * SECOND;
	data.flags = 0;
	ASSERT_EQ(0, vm_ioctl(self->vm.fd, KVM_SET_CLOCK, &data));
	ASSERT_EQ(0, vm_ioctl(self->vm.fd, KVM_GET_CLOCK, &later));
	EXPECT_LE(5000 * SECOND, later.clock);
	EXPECT_GT(5060 * SECOND, later.clock);
	data.flags = 1 << 30;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vm.fd, KVM_SET_CLOCK, &data));
}

/* With the wall clock of the moment it was read, the way there counts too. */
TEST_F(vm, clock_that_travelled)
{
	struct kvm_clock_data data = { .clock = 100 * SECOND, .flags = KVM_CLOCK_REALTIME };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	data.realtime = (now.tv_sec - 1000) * SECOND;
	ASSERT_EQ(0, vm_ioctl(self->vm.fd, KVM_SET_CLOCK, &data));
	ASSERT_EQ(0, vm_ioctl(self->vm.fd, KVM_GET_CLOCK, &data));
	EXPECT_LE(1100 * SECOND, data.clock);
	EXPECT_GT(1160 * SECOND, data.clock);
}

TEST_F(vm, slot_bad_pointer_is_efault)
{
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SET_USER_MEMORY_REGION, 0));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SET_USER_MEMORY_REGION, 1ul << 63));
}

TEST_F(vm, slot_unknown_flags_are_einval)
{
	for (int bit = 2; bit < 32; bit++) {
		EXPECT_EQ(-EINVAL, set_slot(0, 1u << bit, 0, self->size, self->mem))
			TH_LOG("flag bit %d", bit);
	}
	EXPECT_EQ(0, set_slot(0, 0, 0, self->size, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 4, 0, self->size, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 4, 0, 0, 0));
}

TEST_F(vm, slot_unaligned_fields_are_einval)
{
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 1, self->size, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0x800, self->size, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, self->size - 1, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 0x800, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, PAGE_SIZE, self->mem + 1));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, PAGE_SIZE, self->mem + 0x800));
}

TEST_F(vm, slot_wrapping_gpa_is_einval)
{
	EXPECT_EQ(-EINVAL, set_slot(0, 0, ~0ul - self->size + 1 + PAGE_SIZE, self->size,
				    self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, -PAGE_SIZE, PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, -PAGE_SIZE, 2 * PAGE_SIZE, self->mem));
}

TEST_F(vm, slot_outside_the_physical_address_width_is_einval)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(self->vm.dev);
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid, 0x80000008, 0);
	uint64_t limit;

	ASSERT_NE(NULL, e);
	limit = 1ull << (e->eax & 0xff);
	EXPECT_EQ(0, set_slot(0, 0, limit - self->size, self->size, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(1, 0, limit, PAGE_SIZE, self->mem));
	EXPECT_EQ(0, vm_delete_slot(&self->vm, 0));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, limit - PAGE_SIZE, 2 * PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 1ull << 62, PAGE_SIZE, self->mem));
	free(cpuid);
}

TEST_F(vm, slot_kernel_or_non_canonical_hva_is_einval)
{
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, PAGE_SIZE, 0xffff888000000000ul));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, PAGE_SIZE, 0xffffffff81000000ul));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, PAGE_SIZE, -PAGE_SIZE));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, PAGE_SIZE, 1ul << 63));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 2 * PAGE_SIZE, (1ul << 47) - 2 * PAGE_SIZE));
}

TEST_F(vm, slot_size_limits)
{
	const uint64_t too_many = (1ull << 31) * PAGE_SIZE;

	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, too_many, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, -PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 1ull << 62, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 1ull << 47, self->mem));
}

/* The hva is not looked at until a guest touches the page. */
TEST_F(vm, slot_over_unmapped_hva_is_accepted)
{
	munmap(self->mem, self->size);
	EXPECT_EQ(0, set_slot(0, 0, 0, self->size, self->mem));
	EXPECT_EQ(0, set_slot(1, 0, GIB, self->size, 0));
}

TEST_F(vm, slot_overlap_is_eexist)
{
	ASSERT_EQ(0, set_slot(0, 0, 0x10000, 0x4000, self->mem));
	EXPECT_EQ(-EEXIST, set_slot(1, 0, 0x10000, 0x4000, self->mem));
	EXPECT_EQ(-EEXIST, set_slot(1, 0, 0x11000, 0x1000, self->mem));
	EXPECT_EQ(-EEXIST, set_slot(1, 0, 0xf000, 0x2000, self->mem));
	EXPECT_EQ(-EEXIST, set_slot(1, 0, 0x13000, 0x2000, self->mem));
	EXPECT_EQ(-EEXIST, set_slot(1, 0, 0xf000, 0x6000, self->mem));
	EXPECT_EQ(0, set_slot(1, 0, 0xf000, 0x1000, self->mem));
	EXPECT_EQ(0, set_slot(2, 0, 0x14000, 0x1000, self->mem));
}

TEST_F(vm, slot_move_onto_another_is_eexist)
{
	ASSERT_EQ(0, set_slot(0, 0, 0x10000, 0x4000, self->mem));
	ASSERT_EQ(0, set_slot(1, 0, 0x20000, 0x4000, self->mem));
	EXPECT_EQ(-EEXIST, set_slot(1, 0, 0x11000, 0x4000, self->mem));
	/* Overlapping its own old place is no overlap. */
	EXPECT_EQ(0, set_slot(1, 0, 0x21000, 0x4000, self->mem));
	EXPECT_EQ(0, set_slot(1, 0, 0x14000, 0x4000, self->mem));
	/* A refused move left the slot where it was. */
	EXPECT_EQ(0, set_slot(2, 0, 0x20000, 0x4000, self->mem));
}

TEST_F(vm, slot_changes_of_size_hva_or_readonly_are_einval)
{
	ASSERT_EQ(0, set_slot(0, 0, 0, 0x4000, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 0x5000, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 0x3000, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 0x4000, self->mem + PAGE_SIZE));
	EXPECT_EQ(-EINVAL, set_slot(0, KVM_MEM_READONLY, 0, 0x4000, self->mem));
	ASSERT_EQ(0, set_slot(1, KVM_MEM_READONLY, MIB, 0x4000, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(1, 0, MIB, 0x4000, self->mem));
}

TEST_F(vm, slot_no_change_is_zero)
{
	ASSERT_EQ(0, set_slot(0, 0, 0, 0x4000, self->mem));
	EXPECT_EQ(0, set_slot(0, 0, 0, 0x4000, self->mem));
}

TEST_F(vm, slot_delete_of_nothing_is_einval)
{
	EXPECT_EQ(-EINVAL, vm_delete_slot(&self->vm, 0));
	ASSERT_EQ(0, set_slot(0, 0, 0, 0x4000, self->mem));
	EXPECT_EQ(-EINVAL, vm_delete_slot(&self->vm, 1));
	EXPECT_EQ(0, vm_delete_slot(&self->vm, 0));
	EXPECT_EQ(-EINVAL, vm_delete_slot(&self->vm, 0));
}

TEST_F(vm, slot_delete_still_checks_its_fields)
{
	ASSERT_EQ(0, set_slot(0, 0, 0, 0x4000, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 1, 0, 0));
	EXPECT_EQ(-EINVAL, set_slot(0, 0, 0, 0, 1));
	EXPECT_EQ(0, vm_delete_slot(&self->vm, 0));
}

TEST_F(vm, slot_id_boundary)
{
	int n = vm_check_extension(self->vm.fd, KVM_CAP_NR_MEMSLOTS);

	if (n < 0)
		n = vm_check_extension(self->vm.dev, KVM_CAP_NR_MEMSLOTS);
	EXPECT_EQ(0, set_slot(n - 1, 0, 0, PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(n, 0, MIB, PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0xffff, 0, MIB, PAGE_SIZE, self->mem));
}

TEST_F(vm, slot_address_space_beyond_the_last_is_einval)
{
	int spaces = vm_check_extension(self->vm.dev, KVM_CAP_MULTI_ADDRESS_SPACE);

	if (spaces < 1)
		spaces = 1;
	EXPECT_EQ(0, set_slot((spaces - 1) << 16, 0, 0, PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(spaces << 16, 0, MIB, PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, set_slot(0xffff0000, 0, MIB, PAGE_SIZE, self->mem));
}

TEST_F(vm, vcpu_ids)
{
	int max_id = vm_check_extension(self->vm.dev, KVM_CAP_MAX_VCPU_ID);
	int fd = vcpu_create_raw(&self->vm, 0);

	EXPECT_LE(0, fd);
	EXPECT_EQ(-EEXIST, vcpu_create_raw(&self->vm, 0));
	EXPECT_EQ(-EINVAL, vcpu_create_raw(&self->vm, max_id));
	EXPECT_EQ(-EINVAL, vcpu_create_raw(&self->vm, -1ul));
	EXPECT_EQ(-EINVAL, vcpu_create_raw(&self->vm, 0x80000000ul));
	EXPECT_LE(0, vcpu_create_raw(&self->vm, max_id - 1));
	/* The id stays taken until the VM is gone. */
	close(fd);
	EXPECT_EQ(-EEXIST, vcpu_create_raw(&self->vm, 0));
}

TEST_F(vm, vcpu_without_a_free_fd_is_emfile_and_leaves_the_id_free)
{
	struct rlimit old, limit;
	int fd;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = self->vm.fd + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, vcpu_create_raw(&self->vm, 3));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	fd = vcpu_create_raw(&self->vm, 3);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(vm, nr_mmu_pages)
{
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->vm.fd, KVM_SET_NR_MMU_PAGES, 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->vm.fd, KVM_SET_NR_MMU_PAGES, 63));
	EXPECT_EQ(0, vm_ioctl_num(self->vm.fd, KVM_SET_NR_MMU_PAGES, 64));
	EXPECT_EQ(0, vm_ioctl_num(self->vm.fd, KVM_SET_NR_MMU_PAGES, 1 << 20));
}

static int in_child(int (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(-fn(arg));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static int child_sets_slot(void *arg)
{
	return vm_set_slot(arg, 1, 0, MIB, PAGE_SIZE, (void *)0x10000);
}

static int child_creates_vcpu(void *arg)
{
	return vcpu_create_raw(arg, 5);
}

static int child_runs(void *arg)
{
	return vm_ioctl_num(*(int *)arg, KVM_RUN, 0);
}

TEST_F(vm, other_process_is_eio)
{
	int vcpu = vcpu_create_raw(&self->vm, 0);

	ASSERT_LE(0, vcpu);
	EXPECT_EQ(-EIO, in_child(child_sets_slot, &self->vm));
	EXPECT_EQ(-EIO, in_child(child_creates_vcpu, &self->vm));
	EXPECT_EQ(-EIO, in_child(child_runs, &vcpu));
	/* The owner is not disturbed. */
	EXPECT_EQ(0, set_slot(1, 0, MIB, PAGE_SIZE, self->mem));
	EXPECT_LE(0, vcpu_create_raw(&self->vm, 5));
}

TEST_F(vm, read_write_and_mmap_are_refused)
{
	char c = 0;

	EXPECT_EQ(-1, read(self->vm.fd, &c, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->vm.fd, &c, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, self->vm.fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

SLAT_TEST_MAIN
