// SPDX-License-Identifier: GPL-2.0
/*
 * Each ioctl with each of its allocations and copies failing in turn: it says
 * ENOMEM or EFAULT, changes nothing, and works when it is called again. Needs
 * a kernel with fault injection (the debug kernel), where /proc/PID/fail-nth
 * makes the n-th thing that can fail in this task do so; skipped elsewhere.
 */
#include "dirty.h"
#include "test.h"

#include <sys/eventfd.h>

#define NPAGES		40ul
#define MOST		3000	/* things that can fail in one call */
#define AWAY		0x40000000ul

static int nth_fd = -1;

/* A fault that is dumped would look like an oops in the kernel's log. */
static int fault_setup(void)
{
	static const char *const files[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[128];
	int fd;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", files[i][0]);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, files[i][1], 1) != 1)
			return -1;
		close(fd);
	}
	return 0;
}

static void fault_arm(int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	/* A fault that is still to come may come here, once. */
	if (pwrite(nth_fd, text, len, 0) != len && pwrite(nth_fd, text, len, 0) != len)
		abort();
}

/* Has the fault come since it was armed? Reading may itself be what fails. */
static bool fault_fired(void)
{
	char text[16] = "";
	ssize_t len = pread(nth_fd, text, sizeof(text) - 1, 0);

	if (len > 0 && atoi(text) == 0)
		return true;
	fault_arm(0);
	return false;
}

/*
 * One kind of call: @op returns a negative errno or success; @undo brings back
 * what was before a success; @same tells that a failure changed nothing.
 */
struct call {
	const char *name;
	int (*op)(struct dirty *d);
	int (*undo)(struct dirty *d);
	bool (*same)(struct dirty *d);
};

static int made;	/* what the last successful @op returned */

/* How many calls failed; -1 where one of them was wrong. */
static int each_fault(struct dirty *d, const struct call *call)
{
	int failures = 0;

	for (int nth = 1; nth < MOST; nth++) {
		bool fired;
		int ret;

		fault_arm(nth);
		ret = call->op(d);
		fired = fault_fired();
		if (ret < 0) {
			failures++;
			if (!fired || (ret != -ENOMEM && ret != -EFAULT)) {
				printf("# %s: errno %d at %d\n", call->name, -ret, nth);
				return -1;
			}
			if (call->same && !call->same(d)) {
				printf("# %s: changed something at %d\n", call->name, nth);
				return -1;
			}
			continue;
		}
		made = ret;
		if (call->undo && call->undo(d) < 0) {
			printf("# %s: not undone at %d\n", call->name, nth);
			return -1;
		}
		if (!fired) {
			printf("# %s: %d of %d faults failed it\n", call->name, failures, nth - 1);
			return failures;
		}
	}
	printf("# %s: no end\n", call->name);
	return -1;
}

FIXTURE(nomem) {
	struct dirty d;
	struct pages set;
};

FIXTURE_SETUP(nomem)
{
	if (fault_setup())
		SKIP(return, "the kernel has no fault injection");
	dirty_init(&self->d, NPAGES, 0);
	self->set = pages_each(NPAGES, 0, 2);
}

FIXTURE_TEARDOWN(nomem)
{
	dirty_destroy(&self->d);
}

#define expect_survives(name, op, undo, same)	\
	EXPECT_LT(0, each_fault(&self->d, &(struct call){ name, op, undo, same }))

static int close_made(struct dirty *d)
{
	return close(made);
}

static int create_vm(struct dirty *d)
{
	return vm_ioctl_num(d->g.vm.dev, KVM_CREATE_VM, 0);
}

TEST_F_TIMEOUT(nomem, create_vm, LONG_TIMEOUT)
{
	expect_survives("CREATE_VM", create_vm, close_made, NULL);
}

/* The number of a vCPU stays taken when its file is closed. */
static int create_vcpu(struct dirty *d)
{
	static unsigned long id;

	return vcpu_create_raw(&d->g.vm, ++id);
}

static int create_vcpu_again(struct dirty *d)
{
	return vcpu_create_raw(&d->g.vm, 200);
}

TEST_F_TIMEOUT(nomem, create_vcpu, LONG_TIMEOUT)
{
	expect_survives("CREATE_VCPU", create_vcpu, close_made, NULL);
	/* A failure gives the number back. */
	for (int nth = 1;; nth++) {
		int fd;

		fault_arm(nth);
		fd = create_vcpu_again(&self->d);
		fault_fired();
		if (fd >= 0) {
			close(fd);
			break;
		}
		ASSERT_TRUE(fd == -ENOMEM || fd == -EFAULT) TH_LOG("errno %d at %d", -fd, nth);
	}
	EXPECT_EQ(-EEXIST, create_vcpu_again(&self->d));
}

static int slot_plain(struct dirty *d)
{
	return dirty_set(d, 0);
}

static int slot_log(struct dirty *d)
{
	return dirty_set(d, LOG);
}

static int slot_move(struct dirty *d)
{
	return vm_set_slot(&d->g.vm, DIRTY_SLOT, 0, DIRTY_GPA + AWAY, d->npages * PAGE_SIZE,
			   d->mem);
}

/* Where is the slot's memory for the guest? */
static bool slot_is_here(struct dirty *d)
{
	struct pages set = pages_each(NPAGES, 1, 7);

	return !dirty_write(d, &set) && dirty_data_ok(d, &set);
}

static bool slot_is_nowhere(struct dirty *d)
{
	return probe_is_mmio(&d->g, DIRTY_GPA);
}

TEST_F_TIMEOUT(nomem, create_slot, LONG_TIMEOUT)
{
	expect_survives("create", slot_plain, dirty_delete, NULL);
	expect_survives("create with a log", slot_log, dirty_delete, NULL);
	EXPECT_EQ(0, slot_plain(&self->d));
	EXPECT_TRUE(slot_is_here(&self->d));
}

/* Another guest, whose code is the probe. */
static void probe_instead(struct dirty *d)
{
	dirty_destroy(d);
	memset(d, 0, sizeof(*d));
	probe_init(&d->g);
	d->npages = NPAGES;
	d->mem = vm_alloc(NPAGES * PAGE_SIZE);
}

TEST_F_TIMEOUT(nomem, create_slot_is_nowhere, LONG_TIMEOUT)
{
	probe_instead(&self->d);
	expect_survives("create", slot_log, dirty_delete, slot_is_nowhere);
}

TEST_F_TIMEOUT(nomem, change_slot, LONG_TIMEOUT)
{
	ASSERT_EQ(0, slot_plain(&self->d));
	expect_survives("delete", dirty_delete, slot_plain, slot_is_here);
	expect_survives("move", slot_move, slot_plain, slot_is_here);
	expect_survives("log on", slot_log, slot_plain, slot_is_here);
	ASSERT_EQ(0, slot_log(&self->d));
	expect_survives("log off", slot_plain, slot_log, slot_is_here);
}

/* Nothing is mapped, in the host or in the guest, when the guest begins to write. */
static void run_prepare(struct dirty *d, const struct pages *set)
{
	vm_must(dirty_delete(d), "delete");
	vm_must(madvise(d->mem, d->npages * PAGE_SIZE, MADV_DONTNEED), "madvise");
	vm_must(slot_log(d), "create");
	dirty_aim_write(d, set);
}

TEST_F_TIMEOUT(nomem, run, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;
	int failures = 0;
	bool fired;

	ASSERT_EQ(0, slot_log(d));
	for (int nth = 1;; nth++) {
		int ret;

		ASSERT_GT(MOST, nth);
		run_prepare(d, &self->set);
		fault_arm(nth);
		ret = vcpu_run(&d->g.vcpu);
		fired = fault_fired();
		if (ret) {
			failures++;
			ASSERT_TRUE(fired && (ret == -ENOMEM || ret == -EFAULT))
				TH_LOG("errno %d at %d", -ret, nth);
			ASSERT_EQ(0, vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT));
		} else {
			ASSERT_EQ(KVM_EXIT_HLT, d->g.vcpu.run->exit_reason);
		}
		ASSERT_TRUE(dirty_data_ok(d, &self->set)) TH_LOG("at %d", nth);
		ASSERT_TRUE(dirty_is(d, &self->set)) TH_LOG("at %d", nth);
		if (!fired)
			break;
	}
	EXPECT_LT(0, failures);
}

static int log_get(struct dirty *d)
{
	return dirty_log_get(&d->g.vm, DIRTY_SLOT, &d->got);
}

/* What GET told is dirty again. */
static int log_write(struct dirty *d)
{
	struct pages set = pages_each(NPAGES, 0, 2);

	if (!pages_same(&d->got, &set, NPAGES))
		return -1;
	memset(&d->got, 0, sizeof(d->got));
	return dirty_write(d, &set);
}

TEST_F_TIMEOUT(nomem, get_loses_nothing, LONG_TIMEOUT)
{
	ASSERT_EQ(0, slot_log(&self->d));
	ASSERT_EQ(0, dirty_write(&self->d, &self->set));
	expect_survives("GET_DIRTY_LOG", log_get, log_write, NULL);
	EXPECT_TRUE(dirty_is(&self->d, &self->set));
}

static int log_clear(struct dirty *d)
{
	struct pages all = pages_all(NPAGES);

	return dirty_log_clear(&d->g.vm, DIRTY_SLOT, 0, NPAGES, &all);
}

TEST_F_TIMEOUT(nomem, clear_clears_all_or_nothing, LONG_TIMEOUT)
{
	struct dirty *d = &self->d;
	int failures = 0;

	ASSERT_EQ(0, dirty_log_manual(&d->g.vm, MANUAL));
	d->flags = MANUAL;
	ASSERT_EQ(0, slot_log(d));
	for (int nth = 1;; nth++) {
		bool fired;
		int ret;

		ASSERT_GT(MOST, nth);
		ASSERT_EQ(0, dirty_write(d, &self->set));
		fault_arm(nth);
		ret = log_clear(d);
		fired = fault_fired();
		ASSERT_EQ(0, log_get(d));
		if (ret) {
			failures++;
			ASSERT_TRUE(fired && (ret == -ENOMEM || ret == -EFAULT))
				TH_LOG("errno %d at %d", -ret, nth);
			ASSERT_TRUE(pages_same(&d->got, &self->set, NPAGES))
				TH_LOG("at %d", nth);
			continue;
		}
		ASSERT_TRUE(pages_same(&d->got, &(struct pages){}, NPAGES));
		if (!fired)
			break;
	}
	EXPECT_LT(0, failures);
}

static int event_fd;

static int event_call(struct dirty *d, uint32_t flags)
{
	struct kvm_ioeventfd args = { .addr = AWAY, .len = 4, .fd = event_fd, .flags = flags };

	return vm_ioctl(d->g.vm.fd, KVM_IOEVENTFD, &args);
}

static int event_add(struct dirty *d)
{
	return event_call(d, 0);
}

static int event_remove(struct dirty *d)
{
	return event_call(d, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static int zone_call(struct dirty *d, unsigned long request)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = AWAY + 0x100, .size = 16 };

	return vm_ioctl(d->g.vm.fd, request, &zone);
}

static int zone_add(struct dirty *d)
{
	return zone_call(d, KVM_REGISTER_COALESCED_MMIO);
}

static int zone_remove(struct dirty *d)
{
	return zone_call(d, KVM_UNREGISTER_COALESCED_MMIO);
}

/* Does the client see a write there? */
static bool write_exits(struct dirty *d, uint64_t offset)
{
	struct probe p;

	return !probe_write(&d->g, AWAY + offset, 1, &p) && p.mmio;
}

static bool zone_is_there(struct dirty *d)
{
	return !write_exits(d, 0x100);
}

static bool zone_is_not_there(struct dirty *d)
{
	return write_exits(d, 0x100);
}

/* The set of both is made anew by each change, so each is changed beside the other. */
TEST_F_TIMEOUT(nomem, writes_in_the_kernel, LONG_TIMEOUT)
{
	probe_instead(&self->d);
	event_fd = vm_must(eventfd(0, 0), "eventfd");
	ASSERT_EQ(0, zone_add(&self->d));
	expect_survives("IOEVENTFD", event_add, event_remove, zone_is_there);
	ASSERT_EQ(0, event_add(&self->d));
	expect_survives("IOEVENTFD, remove", event_remove, event_add, zone_is_there);
	ASSERT_EQ(0, zone_remove(&self->d));
	expect_survives("REGISTER_COALESCED_MMIO", zone_add, zone_remove, zone_is_not_there);
	ASSERT_EQ(0, zone_add(&self->d));
	expect_survives("UNREGISTER_COALESCED_MMIO", zone_remove, zone_add, zone_is_there);
	close(event_fd);
}

static struct kvm_sregs sregs;
static struct kvm_cpuid2 *cpuid;

static int get_sregs(struct dirty *d)
{
	return vm_ioctl(d->g.vcpu.fd, KVM_GET_SREGS, &sregs);
}

static int set_sregs(struct dirty *d)
{
	return vm_ioctl(d->g.vcpu.fd, KVM_SET_SREGS, &sregs);
}

static int set_cpuid(struct dirty *d)
{
	return vm_ioctl(d->g.vcpu.fd, KVM_SET_CPUID2, cpuid);
}

static int get_fpu(struct dirty *d)
{
	static struct kvm_fpu fpu;

	return vm_ioctl(d->g.vcpu.fd, KVM_GET_FPU, &fpu);
}

static int get_regs(struct dirty *d)
{
	static struct kvm_regs regs;

	return vm_ioctl(d->g.vcpu.fd, KVM_GET_REGS, &regs);
}

static int get_msrs(struct dirty *d)
{
	static struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry.index = 0xc0000080 };

	/* As many as were read. */
	return vm_ioctl(d->g.vcpu.fd, KVM_GET_MSRS, &msrs);
}

static struct kvm_xsave xsave;

static int get_xsave(struct dirty *d)
{
	return vm_ioctl(d->g.vcpu.fd, KVM_GET_XSAVE, &xsave);
}

static int set_xsave(struct dirty *d)
{
	return vm_ioctl(d->g.vcpu.fd, KVM_SET_XSAVE, &xsave);
}

static int set_guest_debug(struct dirty *d)
{
	static struct kvm_guest_debug dbg = { .control = KVM_GUESTDBG_ENABLE };

	return vm_ioctl(d->g.vcpu.fd, KVM_SET_GUEST_DEBUG, &dbg);
}

static int feature_msrs(struct dirty *d)
{
	static struct {
		struct kvm_msr_list head;
		uint32_t indices[64];
	} list;

	list.head.nmsrs = 64;
	return vm_ioctl(d->g.vm.dev, KVM_GET_MSR_FEATURE_INDEX_LIST, &list);
}

static int supported_cpuid(struct dirty *d)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[256];
	} all;

	all.head.nent = 256;
	return vm_ioctl(d->g.vm.dev, KVM_GET_SUPPORTED_CPUID, &all);
}

TEST_F_TIMEOUT(nomem, state, LONG_TIMEOUT)
{
	cpuid = vm_supported_cpuid(self->d.g.vm.dev);
	expect_survives("GET_SREGS", get_sregs, NULL, NULL);
	expect_survives("SET_SREGS", set_sregs, NULL, NULL);
	expect_survives("SET_CPUID2", set_cpuid, NULL, NULL);
	expect_survives("GET_FPU", get_fpu, NULL, NULL);
	expect_survives("GET_XSAVE", get_xsave, NULL, NULL);
	expect_survives("SET_XSAVE", set_xsave, NULL, NULL);
	expect_survives("SET_GUEST_DEBUG", set_guest_debug, NULL, NULL);
	expect_survives("GET_MSR_FEATURE_INDEX_LIST", feature_msrs, NULL, NULL);
	expect_survives("GET_REGS", get_regs, NULL, NULL);
	expect_survives("GET_MSRS", get_msrs, NULL, NULL);
	expect_survives("GET_SUPPORTED_CPUID", supported_cpuid, NULL, NULL);
}

SLAT_TEST_MAIN
