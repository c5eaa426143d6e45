// SPDX-License-Identifier: GPL-2.0
/*
 * Long runs of everything at once, and what is left behind: CPU migration
 * under host memory changes, THP backing at odd offsets, VMs by the dozen, and
 * the module's reference count when all is closed.
 */
#include "test.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#define SLOT	1
#define GPA	0x10000000ul

/* Adds one to the first word of each page, page by page, for ever. */
GUEST_CODE_BLOB(walker, 64,
	"1: mov %rbx, %rdi\n"
	"mov %rdx, %rsi\n"
	"2: incq (%rdi)\n"
	"add $4096, %rdi\n"
	"dec %rsi\n"
	"jnz 2b\n"
	"incq 0x40000\n"
	"jmp 1b\n");

static void start_walker(struct guest *g, struct runner *r, uint64_t pages)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rbx = GPA;
	regs.rdx = pages;
	vcpu_set_regs(&g->vcpu, &regs);
	runner_start(r, &g->vcpu);
}

static bool rounds_pass(struct guest *g, uint64_t n)
{
	volatile uint64_t *rounds = guest_u64(g, GUEST_DATA);
	uint64_t target = *rounds + n;
	uint64_t deadline = now_ms() + 30000;

	while (*rounds < target) {
		if (now_ms() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

/* Each test makes its own guests; the fixture only carries the time limit. */
FIXTURE(stress) {
	struct guest *none;
};

FIXTURE_SETUP(stress)
{
	self->none = NULL;
}

FIXTURE_TEARDOWN(stress)
{
}

/*
 * The vCPU changes CPU while its memory is discarded: after each discard the
 * pages must hold small fresh counts, never what a stale translation left.
 */
TEST_F_TIMEOUT(stress, migration_while_memory_is_discarded, LONG_TIMEOUT)
{
	const uint64_t pages = 16;
	struct runner r = {};
	struct guest g;
	char *mem;

	if (cpus_online() < 2)
		SKIP(return, "needs two CPUs");
	guest_start(&g, MODE_LONG, walker);
	mem = vm_alloc(pages * PAGE_SIZE);
	ASSERT_EQ(0, vm_set_slot(&g.vm, SLOT, 0, GPA, pages * PAGE_SIZE, mem));
	start_walker(&g, &r, pages);
	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, pin_thread(r.thread, i & 1));
		ASSERT_TRUE(rounds_pass(&g, 2));
		ASSERT_EQ(0, madvise(mem, pages * PAGE_SIZE, MADV_DONTNEED));
		ASSERT_TRUE(rounds_pass(&g, 2));
		for (uint64_t k = 0; k < pages; k++) {
			ASSERT_NE(0ull, *(volatile uint64_t *)(mem + k * PAGE_SIZE))
				TH_LOG("round %d: page %lu is not the guest's any more", i, k);
		}
	}
	EXPECT_EQ(0, runner_stop(&r));
	guest_destroy(&g);
}

/* Slot and host memory differ by 4K within a huge page: each page in its place. */
TEST_F_TIMEOUT(stress, huge_pages_at_odd_offsets, LONG_TIMEOUT)
{
	const size_t size = 8 * MIB;
	char *area = mmap(NULL, size + 4 * MIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mem = (char *)(((uintptr_t)area + 2 * MIB - 1) & ~(2 * MIB - 1));
	struct guest g;

	ASSERT_NE(MAP_FAILED, area);
	madvise(mem, size, MADV_HUGEPAGE);
	for (size_t i = 0; i < size; i += PAGE_SIZE)
		*(uint64_t *)(mem + i) = 0xabc000 + i / PAGE_SIZE;
	probe_init(&g);
	for (uint64_t shift = 0; shift <= 2 * PAGE_SIZE; shift += PAGE_SIZE) {
		const size_t length = 6 * MIB - 3 * PAGE_SIZE;

		ASSERT_EQ(0, vm_set_slot(&g.vm, SLOT, 0, GPA, length, mem + shift));
		for (size_t i = 0; i < length; i += 13 * PAGE_SIZE) {
			ASSERT_TRUE(probe_is_ram(&g, GPA + i,
						 0xabc000 + (shift + i) / PAGE_SIZE));
		}
		ASSERT_TRUE(probe_is_ram(&g, GPA + length - PAGE_SIZE,
					 0xabc000 + (shift + length) / PAGE_SIZE - 1));
		ASSERT_TRUE(probe_is_mmio(&g, GPA + length));
		ASSERT_EQ(0, vm_delete_slot(&g.vm, SLOT));
	}
	guest_destroy(&g);
	munmap(area, size + 4 * MIB);
}

TEST_F_TIMEOUT(stress, huge_page_split_and_collapse_under_the_guest, LONG_TIMEOUT)
{
	const size_t size = 4 * MIB;
	char *area = mmap(NULL, size + 2 * MIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mem = (char *)(((uintptr_t)area + 2 * MIB - 1) & ~(2 * MIB - 1));
	struct runner r = {};
	struct guest g;

	ASSERT_NE(MAP_FAILED, area);
	guest_start(&g, MODE_LONG, walker);
	ASSERT_EQ(0, vm_set_slot(&g.vm, SLOT, 0, GPA, size, mem));
	start_walker(&g, &r, size / PAGE_SIZE);
	for (int i = 0; i < 20; i++) {
		madvise(mem, size, i & 1 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
		ASSERT_EQ(0, madvise(mem + (i % 2) * 2 * MIB + 7 * PAGE_SIZE, PAGE_SIZE,
				     MADV_DONTNEED));
		if (i % 5 == 0)
			ASSERT_EQ(0, madvise(mem, size, MADV_DONTNEED));
		ASSERT_TRUE(rounds_pass(&g, 2));
	}
	for (size_t i = 0; i < size; i += PAGE_SIZE) {
		ASSERT_NE(0ull, *(volatile uint64_t *)(mem + i));
	}
	EXPECT_EQ(0ull, r.mmio_reads + r.mmio_writes);
	EXPECT_EQ(0, runner_stop(&r));
	guest_destroy(&g);
}

TEST_F_TIMEOUT(stress, many_vms_come_and_go, LONG_TIMEOUT)
{
	for (int i = 0; i < 60; i++) {
		struct guest g;

		probe_init(&g);
		ASSERT_TRUE(probe_is_mmio(&g, GPA));
		ASSERT_TRUE(probe_is_ram(&g, GUEST_DATA, 0));
		guest_destroy(&g);
	}
}

TEST_F_TIMEOUT(stress, slots_and_memory_change_in_two_vms, LONG_TIMEOUT)
{
	const uint64_t pages = 64;
	struct guest g[2];
	struct runner r[2] = {};
	char *mem[2];

	for (int i = 0; i < 2; i++) {
		guest_start(&g[i], MODE_LONG, walker);
		mem[i] = vm_alloc(pages * PAGE_SIZE);
		ASSERT_EQ(0, vm_set_slot(&g[i].vm, SLOT, 0, GPA, pages * PAGE_SIZE, mem[i]));
		start_walker(&g[i], &r[i], pages);
	}
	for (int i = 0; i < 60; i++) {
		struct guest *one = &g[i & 1];

		ASSERT_EQ(0, vm_delete_slot(&one->vm, SLOT));
		ASSERT_EQ(0, madvise(mem[!(i & 1)], pages * PAGE_SIZE, MADV_DONTNEED));
		ASSERT_TRUE(rounds_pass(one, 1));
		ASSERT_EQ(0, vm_set_slot(&one->vm, SLOT, 0, GPA, pages * PAGE_SIZE, mem[i & 1]));
	}
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(rounds_pass(&g[i], 2));
		EXPECT_EQ(0, runner_stop(&r[i]));
		guest_destroy(&g[i]);
	}
}

/* Adds one to the first word of each page once, then reports and halts. */
GUEST_CODE_BLOB(adder, 64,
	"1: lock incq (%rbx)\n"
	"add $4096, %rbx\n"
	"dec %rdx\n"
	"jnz 1b\n"
	"hlt\n");

/* Four vCPUs take the same faults at the same time; no page is mapped twice. */
TEST_F_TIMEOUT(stress, vcpus_fault_on_the_same_pages, LONG_TIMEOUT)
{
	const uint64_t pages = 1024;
	struct vcpu vcpus[4];
	struct runner r[4] = {};
	struct guest g;
	char *mem = vm_alloc(pages * PAGE_SIZE);

	guest_start(&g, MODE_LONG, adder);
	ASSERT_EQ(0, vm_set_slot(&g.vm, SLOT, 0, GPA, pages * PAGE_SIZE, mem));
	vcpus[0] = g.vcpu;
	for (int i = 1; i < 4; i++)
		guest_add_vcpu(&g, i, MODE_LONG, &vcpus[i]);
	for (int round = 1; round <= 5; round++) {
		for (int i = 0; i < 4; i++) {
			struct kvm_regs regs = vcpu_regs(&vcpus[i]);

			regs.rip = GUEST_CODE;
			regs.rbx = GPA;
			regs.rdx = pages;
			vcpu_set_regs(&vcpus[i], &regs);
		}
		for (int i = 0; i < 4; i++)
			runner_start(&r[i], &vcpus[i]);
		for (int i = 0; i < 4; i++) {
			ASSERT_EQ(0, runner_join(&r[i]));
		}
		for (uint64_t k = 0; k < pages; k++) {
			ASSERT_EQ(4ull * round, *(volatile uint64_t *)(mem + k * PAGE_SIZE));
		}
		/* Drop every translation, keep the content. */
		ASSERT_EQ(0, mprotect(mem, pages * PAGE_SIZE, PROT_READ));
		ASSERT_EQ(0, mprotect(mem, pages * PAGE_SIZE, PROT_READ | PROT_WRITE));
	}
	for (int i = 1; i < 4; i++)
		vcpu_destroy(&vcpus[i]);
	guest_destroy(&g);
}

/* The counters' file is still open when the VM goes. */
TEST_F(stress, statistics_outlive_the_vm)
{
	const char *dir = strstr(vm_device(), "slat") ? "slat" : "kvm";
	const char *file = strstr(vm_device(), "slat") ? "stats" : "exits";
	char path[128], text[4096];
	struct guest g;
	int fd;

	probe_init(&g);
	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%d-%d/%s", dir, getpid(), g.vm.fd,
		 file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		SKIP(return, "%s: %s", path, strerror(errno));
	EXPECT_LT(0, read(fd, text, sizeof(text)));
	ASSERT_TRUE(probe_is_mmio(&g, GPA));
	guest_destroy(&g);
	lseek(fd, 0, SEEK_SET);
	/* Data of before, or an errno; what matters is that nothing else happens. */
	if (read(fd, text, sizeof(text)) < 0)
		EXPECT_TRUE(errno == EIO || errno == ENODEV) TH_LOG("%s", strerror(errno));
	close(fd);
	EXPECT_EQ(-1, open(path, O_RDONLY));
}

/* /sys/module/NAME/refcnt of the module behind the device, or -1. */
static long module_refcnt(void)
{
	const char *name = strstr(vm_device(), "slat") ? "slat" : "kvm_intel";
	char path[64];
	long count = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &count) != 1)
		count = -1;
	fclose(file);
	return count;
}

/* In use: it must count as such and refuse to go. */
static bool module_is_held(void)
{
	const char *name = strstr(vm_device(), "slat") ? "slat" : "kvm_intel";

	return module_refcnt() > 0 && syscall(SYS_delete_module, name, O_NONBLOCK) == -1 &&
	       errno == EWOULDBLOCK;
}

static bool refcnt_falls_to_zero(void)
{
	uint64_t deadline = now_ms() + 10000;

	while (module_refcnt() != 0) {
		if (now_ms() > deadline)
			return false;
		usleep(10000);
	}
	return true;
}

TEST_F_TIMEOUT(stress, no_reference_is_left, LONG_TIMEOUT)
{
	struct guest g;
	struct kvm_run *map;

	if (module_refcnt() < 0)
		SKIP(return, "no refcnt: the device is built in");
	ASSERT_TRUE(refcnt_falls_to_zero());
	probe_init(&g);
	EXPECT_TRUE(module_is_held());
	close(g.vm.dev);
	EXPECT_TRUE(module_is_held());
	close(g.vm.fd);
	EXPECT_TRUE(module_is_held());
	map = mmap(NULL, g.vm.run_size, PROT_READ, MAP_SHARED, g.vcpu.fd, 0);
	close(g.vcpu.fd);
	/* A mapping of kvm_run alone still holds the vCPU. */
	EXPECT_TRUE(module_is_held());
	munmap(map, g.vm.run_size);
	munmap(g.vcpu.run, g.vm.run_size);
	EXPECT_TRUE(refcnt_falls_to_zero()) TH_LOG("refcnt %ld", module_refcnt());
}

TEST_F_TIMEOUT(stress, killed_processes_leave_no_reference, LONG_TIMEOUT)
{
	if (module_refcnt() < 0)
		SKIP(return, "no refcnt: the device is built in");
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (pid == 0) {
			struct runner r = {};
			struct guest g;

			guest_start(&g, MODE_LONG, walker);
			start_walker(&g, &r, 8);
			pause();
		}
		usleep(150000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	EXPECT_TRUE(refcnt_falls_to_zero()) TH_LOG("refcnt %ld", module_refcnt());
}

SLAT_TEST_MAIN
