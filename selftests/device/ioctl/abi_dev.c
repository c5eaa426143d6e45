// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of the device node itself: version, capabilities, VM creation,
 * supported CPUID and MSR lists, and what each answers to bad input.
 */
#include "test.h"

FIXTURE(dev) {
	int fd;
};

FIXTURE_SETUP(dev)
{
	self->fd = open(vm_device(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(dev)
{
	close(self->fd);
}

TEST_F(dev, api_version_is_12)
{
	EXPECT_EQ(12, KVM_API_VERSION);
	EXPECT_EQ(12, vm_ioctl_num(self->fd, KVM_GET_API_VERSION, 0));
}

TEST_F(dev, api_version_rejects_an_argument)
{
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_GET_API_VERSION, 1));
}

TEST_F(dev, unknown_ioctl_is_einval)
{
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, _IO(KVMIO, 0xff), 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, _IO('T', 0x42), 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_RUN, 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_SET_USER_MEMORY_REGION, 0));
}

TEST_F(dev, mmap_size_holds_run_and_pio_pages)
{
	int size = vm_ioctl_num(self->fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	EXPECT_LE((int)(2 * PAGE_SIZE), size);
	EXPECT_EQ(0, size % (int)PAGE_SIZE);
	EXPECT_LE((vm_check_extension(self->fd, KVM_CAP_COALESCED_MMIO) + 1) * (int)PAGE_SIZE, size);
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_GET_VCPU_MMAP_SIZE, 1));
}

TEST_F(dev, capabilities_that_every_client_needs)
{
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_USER_MEMORY));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_IMMEDIATE_EXIT));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_EXT_CPUID));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_MP_STATE));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_READONLY_MEM));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_DESTROY_MEMORY_REGION_WORKS));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_JOIN_MEMORY_REGIONS_WORKS));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_SYNC_MMU));
	EXPECT_LE(32, vm_check_extension(self->fd, KVM_CAP_NR_MEMSLOTS));
	EXPECT_GE(32764, vm_check_extension(self->fd, KVM_CAP_NR_MEMSLOTS));
}

TEST_F(dev, vcpu_limits_are_consistent)
{
	int recommended = vm_check_extension(self->fd, KVM_CAP_NR_VCPUS);
	int max = vm_check_extension(self->fd, KVM_CAP_MAX_VCPUS);
	int max_id = vm_check_extension(self->fd, KVM_CAP_MAX_VCPU_ID);

	EXPECT_LT(0, recommended);
	EXPECT_LE(recommended, max);
	EXPECT_LE(max, max_id);
}

TEST_F(dev, unknown_capability_is_zero)
{
	EXPECT_EQ(0, vm_check_extension(self->fd, 0x7fff));
	EXPECT_EQ(0, vm_check_extension(self->fd, 0xffffffffl));
	EXPECT_EQ(0, vm_check_extension(self->fd, -1l));
	EXPECT_EQ(0, vm_check_extension(self->fd, 1l << 32 | KVM_CAP_USER_MEMORY));
}

/*
 * A capability that is offered has its ioctl; one that is not offered has
 * the answer of an unknown ioctl. The table holds the VM ioctls that can be
 * told apart by a call that is harmless when it is known.
 */
TEST_F(dev, capability_zero_means_unknown_ioctl)
{
	static const struct {
		long cap;
		unsigned long request;
	} vm_ioctls[] = {
		{ KVM_CAP_IRQCHIP, KVM_GET_IRQCHIP },
		{ KVM_CAP_IRQFD, KVM_IRQFD },
		{ KVM_CAP_IOEVENTFD, KVM_IOEVENTFD },
		{ KVM_CAP_PIT2, KVM_CREATE_PIT2 },
		{ KVM_CAP_PIT_STATE2, KVM_GET_PIT2 },
		{ KVM_CAP_ADJUST_CLOCK, KVM_GET_CLOCK },
		{ KVM_CAP_COALESCED_MMIO, KVM_REGISTER_COALESCED_MMIO },
		{ KVM_CAP_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO },
		{ KVM_CAP_SIGNAL_MSI, KVM_SIGNAL_MSI },
		{ KVM_CAP_ENABLE_CAP_VM, KVM_ENABLE_CAP },
		{ KVM_CAP_X86_MSR_FILTER, KVM_X86_SET_MSR_FILTER },
		{ KVM_CAP_SET_TSS_ADDR, KVM_SET_TSS_ADDR },
		{ KVM_CAP_SET_IDENTITY_MAP_ADDR, KVM_SET_IDENTITY_MAP_ADDR },
		{ KVM_CAP_IRQ_ROUTING, KVM_SET_GSI_ROUTING },
	};
	int vm = vm_ioctl_num(self->fd, KVM_CREATE_VM, 0);

	ASSERT_LE(0, vm);
	for (size_t i = 0; i < ARRAY_SIZE(vm_ioctls); i++) {
		int cap = vm_check_extension(self->fd, vm_ioctls[i].cap);
		int ret = vm_ioctl_num(vm, vm_ioctls[i].request, 0);

		EXPECT_EQ(cap <= 0, ret == -ENOTTY)
			TH_LOG("cap %ld is %d, ioctl returns %d", vm_ioctls[i].cap, cap, ret);
	}
	close(vm);
}

/* What comes with another capability is told with it. */
TEST_F(dev, capabilities_of_writes_in_the_kernel)
{
	int event = vm_check_extension(self->fd, KVM_CAP_IOEVENTFD);
	int zone = vm_check_extension(self->fd, KVM_CAP_COALESCED_MMIO);

	EXPECT_EQ(event, vm_check_extension(self->fd, KVM_CAP_IOEVENTFD_NO_LENGTH));
	EXPECT_EQ(event, vm_check_extension(self->fd, KVM_CAP_IOEVENTFD_ANY_LENGTH));
	EXPECT_EQ(zone > 0, vm_check_extension(self->fd, KVM_CAP_COALESCED_PIO));
	if (zone)
		EXPECT_EQ(KVM_COALESCED_MMIO_PAGE_OFFSET, zone);
}

TEST_F(dev, capability_zero_means_unknown_vcpu_ioctl)
{
	static const struct {
		long cap;
		unsigned long request;
	} vcpu_ioctls[] = {
		{ KVM_CAP_XSAVE, KVM_GET_XSAVE },
		{ KVM_CAP_XSAVE, KVM_SET_XSAVE },
		{ KVM_CAP_XSAVE2, KVM_GET_XSAVE2 },
		{ KVM_CAP_XCRS, KVM_GET_XCRS },
		{ KVM_CAP_XCRS, KVM_SET_XCRS },
		{ KVM_CAP_DEBUGREGS, KVM_GET_DEBUGREGS },
		{ KVM_CAP_SET_GUEST_DEBUG, KVM_SET_GUEST_DEBUG },
		{ KVM_CAP_SREGS2, KVM_GET_SREGS2 },
		{ KVM_CAP_SREGS2, KVM_SET_SREGS2 },
		{ KVM_CAP_MCE, KVM_X86_SETUP_MCE },
		{ KVM_CAP_MCE, KVM_X86_SET_MCE },
	};
	int vm = vm_ioctl_num(self->fd, KVM_CREATE_VM, 0);
	int vcpu = vm_ioctl_num(vm, KVM_CREATE_VCPU, 0);

	ASSERT_LE(0, vcpu);
	for (size_t i = 0; i < ARRAY_SIZE(vcpu_ioctls); i++) {
		int cap = vm_check_extension(self->fd, vcpu_ioctls[i].cap);
		int ret = vm_ioctl_num(vcpu, vcpu_ioctls[i].request, 1);

		/* It says whether there is XSAVE; the ioctls then tell of no XCR. */
		if (vcpu_ioctls[i].cap == KVM_CAP_XCRS && !cap)
			continue;
		EXPECT_EQ(cap > 0 ? -EFAULT : -EINVAL, ret)
			TH_LOG("cap %ld is %d", vcpu_ioctls[i].cap, cap);
	}
	close(vcpu);
	close(vm);
}

/* What QEMU will not start without. */
TEST_F(dev, capabilities_of_the_platform)
{
	uint64_t cap = 0;

	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_SET_TSS_ADDR));
	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_SET_IDENTITY_MAP_ADDR));
	EXPECT_EQ(4096, vm_check_extension(self->fd, KVM_CAP_IRQ_ROUTING));
	EXPECT_EQ(32, vm_check_extension(self->fd, KVM_CAP_MCE));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, KVM_X86_GET_MCE_CAP_SUPPORTED, 0));
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap));
	/* MCG_CTL_P and MCG_SER_P, and no number of banks */
	EXPECT_EQ(1ull << 8 | 1ull << 24, cap & (1ull << 8 | 1ull << 24 | 0xff));
}

TEST_F(dev, create_vm_and_close)
{
	for (int i = 0; i < 8; i++) {
		int vm = vm_ioctl_num(self->fd, KVM_CREATE_VM, 0);

		ASSERT_LE(0, vm);
		EXPECT_EQ(0, close(vm));
	}
}

TEST_F(dev, create_vm_rejects_an_unknown_type)
{
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_CREATE_VM, 0x40));
	EXPECT_EQ(-EINVAL, vm_ioctl_num(self->fd, KVM_CREATE_VM, ~0ul));
}

TEST_F(dev, create_vm_without_a_free_fd_is_emfile)
{
	struct rlimit limit = { 0, 0 };

	limit.rlim_cur = limit.rlim_max = self->fd + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, vm_ioctl_num(self->fd, KVM_CREATE_VM, 0));
}

TEST_F(dev, vm_survives_the_device_fd)
{
	int vm = vm_ioctl_num(self->fd, KVM_CREATE_VM, 0);
	int vcpu;

	ASSERT_LE(0, vm);
	close(self->fd);
	vcpu = vm_ioctl_num(vm, KVM_CREATE_VCPU, 0);
	EXPECT_LE(0, vcpu);
	close(vm);
	close(vcpu);
}

TEST_F(dev, supported_cpuid_grows_by_e2big)
{
	struct kvm_cpuid2 *full = vm_supported_cpuid(self->fd);
	struct kvm_cpuid2 *tight = calloc(1, sizeof(*tight) + 256 * sizeof(tight->entries[0]));

	ASSERT_LT(0u, full->nent);
	tight->nent = 0;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, tight));
	tight->nent = 1;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, tight));
	tight->nent = full->nent - 1;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, tight));
	tight->nent = full->nent;
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, tight));
	EXPECT_EQ(full->nent, tight->nent);
	EXPECT_EQ(0, memcmp(full->entries, tight->entries,
			    full->nent * sizeof(full->entries[0])));
	free(tight);
	free(full);
}

TEST_F(dev, supported_cpuid_holds_the_basic_leaves)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(self->fd);
	struct kvm_cpuid_entry2 *e;

	e = cpuid_find(cpuid, 0, 0);
	ASSERT_NE(NULL, e);
	EXPECT_LE(1u, e->eax);
	e = cpuid_find(cpuid, 1, 0);
	ASSERT_NE(NULL, e);
	EXPECT_NE(0u, e->edx & 1u << 0) TH_LOG("no FPU");
	EXPECT_NE(0u, e->edx & 1u << 6) TH_LOG("no PAE");
	EXPECT_NE(0u, e->edx & 1u << 26) TH_LOG("no SSE2");
	EXPECT_EQ(0u, e->ecx & 1u << 6) TH_LOG("SMX offered");
	e = cpuid_find(cpuid, 0x80000001, 0);
	ASSERT_NE(NULL, e);
	EXPECT_NE(0u, e->edx & 1u << 29) TH_LOG("no long mode");
	e = cpuid_find(cpuid, 0x80000008, 0);
	ASSERT_NE(NULL, e);
	EXPECT_LE(36u, e->eax & 0xff);
	EXPECT_GE(52u, e->eax & 0xff);
	free(cpuid);
}

TEST_F(dev, supported_cpuid_faults_on_bad_pointers)
{
	struct kvm_cpuid2 *page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_cpuid2 *edge = (void *)((char *)page + PAGE_SIZE - sizeof(*edge));

	ASSERT_NE(MAP_FAILED, page);
	munmap((char *)page + PAGE_SIZE, PAGE_SIZE);
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, KVM_GET_SUPPORTED_CPUID, 0));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, KVM_GET_SUPPORTED_CPUID, 1ul << 63));
	edge->nent = 256;
	EXPECT_EQ(-EFAULT, vm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, edge));
}

TEST_F(dev, supported_cpuid_accepts_a_huge_count)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));

	cpuid->nent = ~0u;
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_GET_SUPPORTED_CPUID, cpuid));
	EXPECT_LT(0u, cpuid->nent);
	EXPECT_GE(256u, cpuid->nent);
	free(cpuid);
}

TEST_F(dev, msr_index_list_grows_by_e2big)
{
	struct kvm_msr_list head = { .nmsrs = 0 };
	struct kvm_msr_list *list;
	bool lstar = false;

	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_MSR_INDEX_LIST, &head));
	ASSERT_LT(0u, head.nmsrs);
	list = calloc(1, sizeof(*list) + head.nmsrs * sizeof(list->indices[0]));
	list->nmsrs = head.nmsrs - 1;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_MSR_INDEX_LIST, list));
	EXPECT_EQ(head.nmsrs, list->nmsrs);
	EXPECT_EQ(0, vm_ioctl(self->fd, KVM_GET_MSR_INDEX_LIST, list));
	for (unsigned int i = 0; i < list->nmsrs; i++)
		lstar |= list->indices[i] == 0xc0000082;
	EXPECT_TRUE(lstar);
	free(list);
}

TEST_F(dev, msr_index_list_faults_on_bad_pointers)
{
	struct kvm_msr_list *list = (void *)((char *)vm_alloc(PAGE_SIZE) + PAGE_SIZE -
					     sizeof(*list));

	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, KVM_GET_MSR_INDEX_LIST, 0));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, KVM_GET_MSR_INDEX_LIST, 1ul << 63));
	list->nmsrs = ~0u;
	mprotect((void *)((uintptr_t)list & ~(PAGE_SIZE - 1)), PAGE_SIZE, PROT_READ);
	EXPECT_EQ(-EFAULT, vm_ioctl(self->fd, KVM_GET_MSR_INDEX_LIST, list));
}

/* What the processor can offer, asked for without a vCPU. */
TEST_F(dev, feature_msrs)
{
	struct {
		struct kvm_msr_list head;
		uint32_t indices[64];
	} list = {};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = { .head.nmsrs = 1 };
	bool arch_caps = false;
	uint32_t n;

	EXPECT_EQ(1, vm_check_extension(self->fd, KVM_CAP_GET_MSR_FEATURES));
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_MSR_FEATURE_INDEX_LIST, &list));
	ASSERT_GE(64u, list.head.nmsrs);
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_MSR_FEATURE_INDEX_LIST, &list));
	n = list.head.nmsrs;
	for (uint32_t i = 0; i < n; i++) {
		msrs.entry[0].index = list.indices[i];
		EXPECT_EQ(1, vm_ioctl(self->fd, KVM_GET_MSRS, &msrs))
			TH_LOG("MSR 0x%x", list.indices[i]);
		arch_caps |= list.indices[i] == 0x10a;
	}
	EXPECT_TRUE(arch_caps);
	/* the list ends at what is not a feature */
	msrs.head.nmsrs = 2;
	msrs.entry[0].index = 0x10a;
	msrs.entry[1].index = 0xdeadbeef;
	EXPECT_EQ(1, vm_ioctl(self->fd, KVM_GET_MSRS, &msrs));
	msrs.head.nmsrs = 256;
	EXPECT_EQ(-E2BIG, vm_ioctl(self->fd, KVM_GET_MSRS, &msrs));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, KVM_GET_MSRS, 1));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, KVM_GET_MSR_FEATURE_INDEX_LIST, 1));
}

/*
 * Every MSR in the list can be read from a fresh vCPU and written back. (The
 * paravirtual range that KVM adds is left out: some of it wants a LAPIC.)
 */
TEST_F(dev, listed_msrs_are_readable_and_writable)
{
	struct kvm_msr_list head = { .nmsrs = 0 };
	struct kvm_msr_list *list;
	struct vm vm;
	struct vcpu vcpu;

	vm_create(&vm);
	vcpu_create(&vm, 0, &vcpu);
	vm_ioctl(self->fd, KVM_GET_MSR_INDEX_LIST, &head);
	list = calloc(1, sizeof(*list) + head.nmsrs * sizeof(list->indices[0]));
	list->nmsrs = head.nmsrs;
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_MSR_INDEX_LIST, list));
	for (unsigned int i = 0; i < list->nmsrs; i++) {
		uint64_t value;

		if (list->indices[i] >> 8 == 0x4b564d)
			continue;
		EXPECT_EQ(1, vcpu_get_msr(&vcpu, list->indices[i], &value))
			TH_LOG("read of MSR 0x%x", list->indices[i]);
		EXPECT_EQ(1, vcpu_set_msr(&vcpu, list->indices[i], value))
			TH_LOG("write of MSR 0x%x value 0x%lx", list->indices[i], value);
	}
	free(list);
}

SLAT_TEST_MAIN
