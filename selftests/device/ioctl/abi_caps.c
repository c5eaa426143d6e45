// SPDX-License-Identifier: GPL-2.0
/*
 * Calls and capabilities of a VM that came to KVM late, or that clients switch on: what
 * each answers where it is offered, and that it is unknown where it is not.
 */
#include "test.h"

#include "../../../module/abi.h"

FIXTURE(caps) {
	struct vm vm;
	char *mem;
	size_t size;
};

FIXTURE_SETUP(caps)
{
	vm_create(&self->vm);
	self->size = 4 * PAGE_SIZE;
	self->mem = vm_alloc(self->size);
}

FIXTURE_TEARDOWN(caps)
{
	vm_destroy(&self->vm);
	vm_free(self->mem, self->size);
}

static int set_region2(struct vm *vm, struct kvm_userspace_memory_region2 region)
{
	return vm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

TEST_F(caps, region2_sets_what_the_first_call_sets)
{
	struct kvm_userspace_memory_region2 r = {
		.slot = 1, .guest_phys_addr = MIB, .memory_size = self->size,
		.userspace_addr = (uintptr_t)self->mem,
		/* Without the flag nothing behind the address counts. */
		.guest_memfd = -1u, .guest_memfd_offset = 1, .pad1 = 1, .pad2 = { 1 },
	};

	if (!vm_check_extension(self->vm.dev, KVM_CAP_USER_MEMORY2)) {
		EXPECT_EQ(-ENOTTY, set_region2(&self->vm, r));
		return;
	}
	EXPECT_EQ(0, set_region2(&self->vm, r));
	/* It is there: in the way, and the same once more. */
	EXPECT_EQ(-EEXIST, vm_set_slot(&self->vm, 2, 0, MIB, PAGE_SIZE, self->mem));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, MIB, self->size, self->mem));
	r.flags = KVM_MEM_LOG_DIRTY_PAGES;
	EXPECT_EQ(0, set_region2(&self->vm, r));
	r.flags = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;
	EXPECT_EQ(-EINVAL, set_region2(&self->vm, r));
	r.memory_size = 0;
	r.flags = 0;
	EXPECT_EQ(0, set_region2(&self->vm, r));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 2, 0, MIB, PAGE_SIZE, self->mem));
}

TEST_F(caps, region2_refuses_what_the_first_call_refuses)
{
	const struct kvm_userspace_memory_region2 good = {
		.memory_size = self->size, .userspace_addr = (uintptr_t)self->mem,
	};
	struct kvm_userspace_memory_region2 r = good;

	if (!vm_check_extension(self->vm.dev, KVM_CAP_USER_MEMORY2))
		SKIP(return, "no KVM_SET_USER_MEMORY_REGION2");
	r.guest_phys_addr = 1;
	EXPECT_EQ(-EINVAL, set_region2(&self->vm, r));
	r = good;
	r.userspace_addr++;
	EXPECT_EQ(-EINVAL, set_region2(&self->vm, r));
	r = good;
	r.slot = 0xffff;
	EXPECT_EQ(-EINVAL, set_region2(&self->vm, r));
	/* An ordinary VM has no private memory, whatever file is named. */
	for (int bit = 2; bit < 32; bit++) {
		r = good;
		r.flags = 1u << bit;
		EXPECT_EQ(-EINVAL, set_region2(&self->vm, r)) TH_LOG("flag bit %d", bit);
	}
	EXPECT_EQ(0, set_region2(&self->vm, good));
}

TEST_F(caps, region2_bad_pointers_are_efault)
{
	char *page = vm_alloc(2 * PAGE_SIZE);

	if (!vm_check_extension(self->vm.dev, KVM_CAP_USER_MEMORY2))
		SKIP(return, "no KVM_SET_USER_MEMORY_REGION2");
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SET_USER_MEMORY_REGION2, 0));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SET_USER_MEMORY_REGION2, 1ul << 63));
	/* The whole of it is read, also what does not count. */
	vm_free(page + PAGE_SIZE, PAGE_SIZE);
	EXPECT_EQ(-EFAULT, vm_ioctl(self->vm.fd, KVM_SET_USER_MEMORY_REGION2,
				    page + PAGE_SIZE - sizeof(struct kvm_userspace_memory_region)));
	vm_free(page, PAGE_SIZE);
}

/* What vCPUs of the VM begin with. KVM takes other rates, and Slat none but the host's. */
TEST_F(caps, tsc_khz_of_the_vm)
{
	int khz = vm_ioctl_num(self->vm.fd, KVM_GET_TSC_KHZ, 0);
	struct vcpu vcpu;

	ASSERT_LT(0, khz);
	EXPECT_EQ(0, vm_ioctl_num(self->vm.fd, KVM_SET_TSC_KHZ, khz));
	EXPECT_EQ(0, vm_ioctl_num(self->vm.fd, KVM_SET_TSC_KHZ, 0));
	EXPECT_EQ(khz, vm_ioctl_num(self->vm.fd, KVM_GET_TSC_KHZ, 0));
	if (!vm_is_kvm(&self->vm)) {
		EXPECT_EQ(0, vm_check_extension(self->vm.dev, KVM_CAP_VM_TSC_CONTROL));
		EXPECT_EQ(-EINVAL, vm_ioctl_num(self->vm.fd, KVM_SET_TSC_KHZ, khz / 2));
		EXPECT_EQ(-EINVAL, vm_ioctl_num(self->vm.fd, KVM_SET_TSC_KHZ, 2 * khz));
		EXPECT_EQ(khz, vm_ioctl_num(self->vm.fd, KVM_GET_TSC_KHZ, 0));
	}
	vcpu_create(&self->vm, 0, &vcpu);
	EXPECT_EQ(khz, vm_ioctl_num(vcpu.fd, KVM_GET_TSC_KHZ, 0));
	vcpu_destroy(&vcpu);
}

/* There is nobody to signal, which KVM says of itself in the same way. */
TEST_F(caps, signal_msi_without_a_controller)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x40 };

	EXPECT_EQ(1, vm_check_extension(self->vm.dev, KVM_CAP_SIGNAL_MSI));
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vm.fd, KVM_SIGNAL_MSI, &msi));
	msi.flags = KVM_MSI_VALID_DEVID;
	EXPECT_EQ(-EINVAL, vm_ioctl(self->vm.fd, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_SIGNAL_MSI, 0));
}

static int enable(struct vm *vm, uint32_t what, uint32_t flags, uint64_t arg)
{
	struct kvm_enable_cap cap = { .cap = what, .flags = flags, .args = { arg } };

	return vm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

TEST_F(caps, nothing_else_is_switched_on)
{
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->vm.fd, KVM_ENABLE_CAP, 0));
	EXPECT_EQ(-EINVAL, enable(&self->vm, 0x7fff, 0, 0));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_USER_MEMORY, 0, 1));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 1, 4));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1, 1));
}

TEST_F(caps, greatest_vcpu_id_is_said_once)
{
	int ids = vm_check_extension(self->vm.dev, KVM_CAP_MAX_VCPU_ID);

	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, ids + 1));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, 1ull << 32));
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, 0));
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, 4));
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, 4));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, 5));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, 0));
	EXPECT_EQ(-EINVAL, vcpu_create_raw(&self->vm, 4));
	EXPECT_LE(0, vcpu_create_raw(&self->vm, 3));
	/* Others are not concerned. */
	EXPECT_EQ(ids, vm_check_extension(self->vm.dev, KVM_CAP_MAX_VCPU_ID));
}

/* 6.1's KVM looks at the lower half alone. */
TEST_F(caps, vcpu_id_has_all_its_bits)
{
	if (vm_is_kvm(&self->vm) && !vm_check_extension(self->vm.dev, KVM_CAP_PRE_FAULT_MEMORY))
		SKIP(return, "an older KVM");
	EXPECT_EQ(-EINVAL, vcpu_create_raw(&self->vm, 1ull << 32));
	EXPECT_EQ(-EINVAL, vcpu_create_raw(&self->vm, 1ull << 63));
}

TEST_F(caps, greatest_vcpu_id_is_fixed_by_the_first)
{
	int ids = vm_check_extension(self->vm.dev, KVM_CAP_MAX_VCPU_ID);

	EXPECT_LE(0, vcpu_create_raw(&self->vm, 0));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, 4));
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_MAX_VCPU_ID, 0, ids));
	EXPECT_LE(0, vcpu_create_raw(&self->vm, ids - 1));
}

TEST_F(caps, exit_on_emulation_failure_is_a_switch)
{
	EXPECT_EQ(1, vm_check_extension(self->vm.dev, KVM_CAP_EXIT_ON_EMULATION_FAILURE));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 0, 2));
	EXPECT_EQ(-EINVAL, enable(&self->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 0, 1ull << 32));
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 0, 1));
	EXPECT_EQ(0, enable(&self->vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 0, 0));
}

struct range {
	uint64_t gpa, size;
};

/* Answers with -errno, and leaves in @r what the call says is left. */
static int pre_fault(int fd, struct range *r, uint64_t flags)
{
	struct kvm_pre_fault_memory in = { .gpa = r->gpa, .size = r->size, .flags = flags };
	int ret = vm_ioctl(fd, KVM_PRE_FAULT_MEMORY, &in);

	*r = (struct range) { in.gpa, in.size };
	return ret;
}

#define PRE_FAULT(gpa, size) pre_fault(vcpu.fd, &(struct range) { gpa, size }, 0)

TEST_F(caps, pre_fault_maps_what_has_a_slot)
{
	struct range r = { MIB, 2 * PAGE_SIZE };
	struct vcpu vcpu;

	vcpu_create(&self->vm, 0, &vcpu);
	if (!vm_check_extension(self->vm.dev, KVM_CAP_PRE_FAULT_MEMORY)) {
		EXPECT_EQ(-EINVAL, pre_fault(vcpu.fd, &r, 0));
		SKIP(return, "no KVM_PRE_FAULT_MEMORY");
	}
	EXPECT_EQ(-ENOENT, pre_fault(vcpu.fd, &r, 0));
	EXPECT_EQ(2 * PAGE_SIZE, r.size);
	ASSERT_EQ(0, vm_set_slot(&self->vm, 0, 0, MIB, self->size, self->mem));
	EXPECT_EQ(0, pre_fault(vcpu.fd, &r, 0));
	EXPECT_EQ(0ul, r.size);
	EXPECT_EQ(MIB + 2 * PAGE_SIZE, r.gpa);
	/* Once more, and beyond the end: what could be done counts. */
	r = (struct range) { MIB, self->size + 3 * PAGE_SIZE };
	EXPECT_EQ(0, pre_fault(vcpu.fd, &r, 0));
	EXPECT_EQ(3 * PAGE_SIZE, r.size);
	EXPECT_EQ(MIB + self->size, r.gpa);
	EXPECT_EQ(-ENOENT, pre_fault(vcpu.fd, &r, 0));
	/* Where a slot can never be. */
	EXPECT_EQ(-ENOENT, PRE_FAULT(1ull << 52, PAGE_SIZE));
	EXPECT_EQ(-ENOENT, PRE_FAULT(-2 * PAGE_SIZE, PAGE_SIZE));
	vcpu_destroy(&vcpu);
}

TEST_F(caps, pre_fault_refuses)
{
	struct range r = { MIB, PAGE_SIZE };
	struct vcpu vcpu;

	vcpu_create(&self->vm, 0, &vcpu);
	if (!vm_check_extension(self->vm.dev, KVM_CAP_PRE_FAULT_MEMORY))
		SKIP(return, "no KVM_PRE_FAULT_MEMORY");
	ASSERT_EQ(0, vm_set_slot(&self->vm, 0, 0, MIB, self->size, self->mem));
	EXPECT_EQ(-EINVAL, pre_fault(vcpu.fd, &r, 1));
	EXPECT_EQ(-EINVAL, pre_fault(vcpu.fd, &r, 1ull << 63));
	EXPECT_EQ(-EINVAL, PRE_FAULT(MIB + 1, PAGE_SIZE));
	EXPECT_EQ(-EINVAL, PRE_FAULT(MIB, PAGE_SIZE - 1));
	EXPECT_EQ(-EINVAL, PRE_FAULT(MIB, 0));
	EXPECT_EQ(-EINVAL, PRE_FAULT(MIB, -MIB));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(vcpu.fd, KVM_PRE_FAULT_MEMORY, 0));
	/* No memory behind the slot's third page. */
	munmap(self->mem + 2 * PAGE_SIZE, PAGE_SIZE);
	r = (struct range) { MIB, self->size };
	EXPECT_EQ(0, pre_fault(vcpu.fd, &r, 0));
	EXPECT_EQ(2 * PAGE_SIZE, r.size);
	EXPECT_EQ(-EFAULT, pre_fault(vcpu.fd, &r, 0));
	EXPECT_EQ(2 * PAGE_SIZE, r.size);
	vcpu_destroy(&vcpu);
}

SLAT_TEST_MAIN
