// SPDX-License-Identifier: GPL-2.0
/*
 * The host changes the memory behind a slot: discard, remap, protect, move,
 * copy-on-write after fork, files, userfaultfd. The guest must follow each
 * change by its next access, without any ioctl.
 */
#include "test.h"

#include "../../../module/abi.h"

#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/syscall.h>

#define SLOT	1
#define GPA	0x10000000ul
#define PAGES	64
#define SIZE	(PAGES * PAGE_SIZE)

FIXTURE(hostmem) {
	struct guest g;
	char *mem;
};

FIXTURE_SETUP(hostmem)
{
	probe_init(&self->g);
	self->mem = vm_alloc(SIZE);
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
}

FIXTURE_TEARDOWN(hostmem)
{
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
}

static bool touch_all(struct guest *g, uint64_t tag)
{
	struct probe p;

	for (uint64_t i = 0; i < PAGES; i++)
		if (probe_write(g, GPA + i * PAGE_SIZE, tag + i, &p) || p.mmio)
			return false;
	return true;
}

static bool all_hold(struct guest *g, uint64_t tag, uint64_t step)
{
	for (uint64_t i = 0; i < PAGES; i++)
		if (!probe_is_ram(g, GPA + i * PAGE_SIZE, tag + i * step))
			return false;
	return true;
}

TEST_F(hostmem, dontneed_gives_zero_pages)
{
	for (int round = 0; round < 4; round++) {
		ASSERT_TRUE(touch_all(&self->g, 0x100));
		ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_DONTNEED));
		ASSERT_TRUE(all_hold(&self->g, 0, 0));
	}
}

TEST_F(hostmem, dontneed_of_one_page_leaves_its_neighbours)
{
	ASSERT_TRUE(touch_all(&self->g, 0x100));
	ASSERT_EQ(0, madvise(self->mem + 5 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + 4 * PAGE_SIZE, 0x104));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + 5 * PAGE_SIZE, 0));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + 6 * PAGE_SIZE, 0x106));
}

/* A read of never-written memory maps the zero page; a write must leave it. */
TEST_F(hostmem, zero_page_is_replaced_by_a_write)
{
	struct probe p;

	ASSERT_TRUE(all_hold(&self->g, 0, 0));
	ASSERT_EQ(0, probe_write(&self->g, GPA, 0x77, &p));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA, 0x77));
	EXPECT_EQ(0x77, *(volatile uint64_t *)self->mem);
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + PAGE_SIZE, 0));
	EXPECT_EQ(0, *(volatile uint64_t *)(self->mem + PAGE_SIZE));
}

TEST_F(hostmem, host_write_after_guest_read_of_the_zero_page)
{
	ASSERT_TRUE(probe_is_ram(&self->g, GPA, 0));
	*(volatile uint64_t *)self->mem = 0x1234;
	EXPECT_TRUE(probe_is_ram(&self->g, GPA, 0x1234));
}

TEST_F(hostmem, mmap_over_the_backing)
{
	ASSERT_TRUE(touch_all(&self->g, 0x100));
	ASSERT_EQ(self->mem, mmap(self->mem, SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	for (uint64_t i = 0; i < PAGES; i++)
		*(uint64_t *)(self->mem + i * PAGE_SIZE) = 0x500 + i;
	EXPECT_TRUE(all_hold(&self->g, 0x500, 1));
}

TEST_F(hostmem, mremap_swaps_pages)
{
	char *other = vm_alloc(SIZE);

	ASSERT_TRUE(touch_all(&self->g, 0x100));
	for (uint64_t i = 0; i < PAGES; i++)
		*(uint64_t *)(other + i * PAGE_SIZE) = 0x900 + i;
	ASSERT_EQ(self->mem, mremap(other, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				    self->mem));
	EXPECT_TRUE(all_hold(&self->g, 0x900, 1));
}

/* Where the device says that it tells: KVM's own does so for private memory alone. */
static bool told_memory_fault(struct guest *g, uint64_t gpa)
{
	struct abi_memory_fault fault;

	if (vm_is_kvm(&g->vm))
		return true;
	memcpy(&fault, g->vcpu.run->padding, sizeof(fault));
	return vm_check_extension(g->vm.fd, KVM_CAP_MEMORY_FAULT_INFO) == 1 &&
	       g->vcpu.run->exit_reason == KVM_EXIT_MEMORY_FAULT &&
	       !fault.flags && fault.gpa == gpa && fault.size == PAGE_SIZE;
}

TEST_F(hostmem, unmapped_backing_is_efault_and_comes_back)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);

	ASSERT_TRUE(touch_all(&self->g, 0x100));
	munmap(self->mem, SIZE);
	regs.rip = GUEST_CODE;
	regs.rbx = GPA;
	vcpu_set_regs(&self->g.vcpu, &regs);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->g.vcpu));
	EXPECT_EQ(GUEST_CODE, vcpu_regs(&self->g.vcpu).rip);
	EXPECT_TRUE(told_memory_fault(&self->g, GPA));
	/* The same away from the beginning of a page, and it is told anew. */
	memset(self->g.vcpu.run->padding, 0x5a, sizeof(struct abi_memory_fault));
	regs.rbx = GPA + PAGE_SIZE + 0x123;
	vcpu_set_regs(&self->g.vcpu, &regs);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->g.vcpu));
	EXPECT_TRUE(told_memory_fault(&self->g, GPA + PAGE_SIZE));
	ASSERT_EQ(self->mem, mmap(self->mem, SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	*(uint64_t *)self->mem = 0x321;
	EXPECT_TRUE(probe_is_ram(&self->g, GPA, 0x321));
}

TEST_F(hostmem, mprotect_none_is_efault_and_read_is_read)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);

	ASSERT_TRUE(touch_all(&self->g, 0x100));
	ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_READ));
	EXPECT_TRUE(all_hold(&self->g, 0x100, 1));
	regs.rip = GUEST_CODE + 16;
	regs.rbx = GPA;
	regs.rax = 0xbad;
	vcpu_set_regs(&self->g.vcpu, &regs);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->g.vcpu));
	EXPECT_EQ(0x100, *(volatile uint64_t *)self->mem);
	ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_NONE));
	regs.rip = GUEST_CODE;
	vcpu_set_regs(&self->g.vcpu, &regs);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->g.vcpu));
	ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(all_hold(&self->g, 0x100, 1));
	EXPECT_TRUE(touch_all(&self->g, 0x200));
}

/* After fork both processes share pages: the guest's write must copy, not leak. */
TEST_F(hostmem, fork_copy_on_write)
{
	int to_child[2], to_parent[2];
	char c = 0;
	pid_t pid;
	int status;

	ASSERT_TRUE(touch_all(&self->g, 0x100));
	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		bool same = true;

		if (read(to_child[0], &c, 1) != 1)
			_exit(2);
		for (uint64_t i = 0; i < PAGES; i++)
			same &= *(uint64_t *)(self->mem + i * PAGE_SIZE) == 0x100 + i;
		_exit(same ? 0 : 1);
	}
	ASSERT_TRUE(touch_all(&self->g, 0x700));
	EXPECT_TRUE(all_hold(&self->g, 0x700, 1));
	for (uint64_t i = 0; i < PAGES; i++)
		EXPECT_EQ(0x700 + i, *(volatile uint64_t *)(self->mem + i * PAGE_SIZE));
	ASSERT_EQ(1, write(to_child[1], &c, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("the child saw the guest's writes");
}

/* First address of the named mapping of this process, or NULL. */
static char *find_mapping(const char *name)
{
	char line[256];
	char *start = NULL;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (!start && fgets(line, sizeof(line), maps))
		if (strstr(line, name))
			start = (char *)strtoul(line, NULL, 16);
	fclose(maps);
	return start;
}

/* Pages without a struct page of their own: RAM, or a plain refusal. */
TEST_F(hostmem, raw_page_frames_are_mapped_or_efault)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);
	char *vvar = find_mapping("[vvar]");
	int ret;

	if (!vvar)
		SKIP(return, "no vvar mapping");
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 2, KVM_MEM_READONLY, GPA + SIZE, PAGE_SIZE, vvar));
	regs.rip = GUEST_CODE;
	regs.rbx = GPA + SIZE;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ret = vcpu_run(&self->g.vcpu);
	EXPECT_TRUE(ret == -EFAULT || self->g.vcpu.run->exit_reason == KVM_EXIT_HLT)
		vcpu_describe_exit(&self->g.vcpu, ret);
	EXPECT_EQ(0, vm_delete_slot(&self->g.vm, 2));
}

/* A guest that can write its own kvm_run page harms nobody else. */
TEST_F(hostmem, kvm_run_as_guest_memory)
{
	struct kvm_run *run = self->g.vcpu.run;
	struct probe p;

	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 2, 0, GPA + SIZE, 2 * PAGE_SIZE, run));
	ASSERT_EQ(0, probe_write(&self->g, GPA + SIZE + 2048, 0x1234, &p));
	EXPECT_FALSE(p.mmio);
	EXPECT_EQ(0x1234ull, *(uint64_t *)((char *)run + 2048));
	for (uint64_t at = 0; at < 2 * PAGE_SIZE; at += 8) {
		ASSERT_EQ(0, probe_write(&self->g, GPA + SIZE + at, 0, &p));
	}
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA + SIZE + 2 * PAGE_SIZE));
	EXPECT_EQ(0, vm_delete_slot(&self->g.vm, 2));
}

static int memfd(size_t size)
{
	int fd = syscall(SYS_memfd_create, "guest", 0);

	if (fd >= 0 && ftruncate(fd, size))
		return -1;
	return fd;
}

TEST_F(hostmem, shared_file_backing_and_truncate)
{
	int fd = memfd(SIZE);
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);
	uint64_t value;

	ASSERT_LE(0, fd);
	ASSERT_EQ(self->mem, mmap(self->mem, SIZE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_TRUE(touch_all(&self->g, 0x300));
	ASSERT_EQ(8, pread(fd, &value, 8, 3 * PAGE_SIZE));
	EXPECT_EQ(0x303ull, value);
	value = 0x999;
	ASSERT_EQ(8, pwrite(fd, &value, 8, 3 * PAGE_SIZE));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + 3 * PAGE_SIZE, 0x999));
	ASSERT_EQ(0, ftruncate(fd, 0));
	regs.rip = GUEST_CODE;
	regs.rbx = GPA;
	vcpu_set_regs(&self->g.vcpu, &regs);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->g.vcpu));
	ASSERT_EQ(0, ftruncate(fd, SIZE));
	EXPECT_TRUE(all_hold(&self->g, 0, 0));
	close(fd);
}

/* An mprotect of unrelated memory, over and over, must not hold up a fault. */
static void *storm(void *arg)
{
	volatile bool *stop = arg;
	char *other = vm_alloc(SIZE);

	while (!*stop) {
		memset(other, 1, SIZE);
		madvise(other, SIZE, MADV_DONTNEED);
		sched_yield();
	}
	vm_free(other, SIZE);
	return NULL;
}

TEST_F_TIMEOUT(hostmem, faults_progress_under_a_notifier_storm, LONG_TIMEOUT)
{
	volatile bool stop = false;
	pthread_t thread;
	uint64_t start;

	ASSERT_EQ(0, pthread_create(&thread, NULL, storm, (void *)&stop));
	start = now_ms();
	for (int round = 0; round < 8; round++) {
		ASSERT_TRUE(touch_all(&self->g, round));
		ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_DONTNEED));
	}
	EXPECT_GT(20000ull, now_ms() - start);
	stop = true;
	pthread_join(thread, NULL);
}

struct uffd {
	int fd;
	char *mem;
	pthread_t thread;
	volatile int served;
	int delay_ms;
};

/* The kernel may ask for a second try; a page that is there only needs the wake-up. */
static void uffd_copy(struct uffd *u, struct uffdio_copy copy)
{
	struct uffdio_range range = { copy.dst, copy.len };

	while (ioctl(u->fd, UFFDIO_COPY, &copy)) {
		if (errno == EAGAIN)
			continue;
		if (errno != EEXIST)
			fprintf(stderr, "# UFFDIO_COPY: %s\n", strerror(errno));
		vm_must(vm_ioctl(u->fd, UFFDIO_WAKE, &range), "UFFDIO_WAKE");
		return;
	}
}

static void *uffd_serve(void *arg)
{
	struct uffd *u = arg;
	struct uffd_msg msg;

	while (read(u->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		uint64_t addr = msg.arg.pagefault.address & ~(PAGE_SIZE - 1);
		uint64_t page[PAGE_SIZE / 8] = { 0xfeed0000 + (addr - (uintptr_t)u->mem) };
		struct uffdio_copy copy = {
			.dst = addr, .src = (uintptr_t)page, .len = PAGE_SIZE,
		};

		usleep(u->delay_ms * 1000);
		u->served++;
		uffd_copy(u, copy);
	}
	return NULL;
}

/* Returns 0 when the kernel has no userfaultfd. */
static int uffd_start(struct uffd *u, char *mem, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)mem, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	u->mem = mem;
	u->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (u->fd < 0 && errno == ENOSYS)
		return 0;
	if (u->fd < 0 || ioctl(u->fd, UFFDIO_API, &api) || ioctl(u->fd, UFFDIO_REGISTER, &reg))
		vm_must(-errno, "userfaultfd");
	vm_must(-pthread_create(&u->thread, NULL, uffd_serve, u), "pthread_create");
	return 1;
}

TEST_F(hostmem, userfaultfd_serves_guest_faults)
{
	struct uffd u = { .delay_ms = 1 };

	if (!uffd_start(&u, self->mem, SIZE))
		SKIP(return, "no userfaultfd in this kernel");
	EXPECT_TRUE(all_hold(&self->g, 0xfeed0000, PAGE_SIZE));
	EXPECT_EQ(PAGES, u.served);
}

/* A slot delete waits for a fault that sleeps in userfaultfd, and no longer. */
TEST_F(hostmem, delete_while_a_fault_sleeps)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);
	struct uffd u = { .delay_ms = 300 };
	struct runner r = {};

	if (!uffd_start(&u, self->mem, SIZE))
		SKIP(return, "no userfaultfd in this kernel");
	regs.rip = GUEST_CODE;
	regs.rbx = GPA;
	vcpu_set_regs(&self->g.vcpu, &regs);
	runner_start(&r, &self->g.vcpu);
	usleep(100 * 1000);
	EXPECT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
	EXPECT_EQ(0, runner_join(&r));
	EXPECT_EQ(1, u.served);
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA));
}

SLAT_TEST_MAIN
