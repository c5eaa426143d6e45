// SPDX-License-Identifier: GPL-2.0
/*
 * Write protection and minor faults of userfaultfd, as snapshots and post-copy migration
 * use them: what is protected stays as it is, however the guest goes on, until the
 * handler lets it go; reads don't wait; a dirty log is another thing.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>

#define PAGES	32ul
#define SIZE	(PAGES * PAGE_SIZE)
#define ALL	((1ull << PAGES) - 1)
#define WAIT_MS	30000

FIXTURE(uffd_wp) {
	struct ram r;
	int fd;
	char *alias;		/* the same memory, not registered; shared only */
};

FIXTURE_VARIANT(uffd_wp) {
	bool shared;
};

FIXTURE_VARIANT_ADD(uffd_wp, anonymous) { false };
FIXTURE_VARIANT_ADD(uffd_wp, shared) { true };

static int uffd_register(void *mem, uint64_t features, uint64_t mode)
{
	struct uffdio_register reg = { .range = { (uintptr_t)mem, SIZE }, .mode = mode };
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void *shared_memory(char **alias)
{
	int fd = syscall(SYS_memfd_create, "guest", MFD_CLOEXEC);
	void *mem;

	if (fd < 0 || ftruncate(fd, SIZE))
		vm_must(-errno, "memfd");
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*alias = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED || *alias == MAP_FAILED)
		vm_must(-errno, "mmap of a memfd");
	close(fd);
	return mem;
}

FIXTURE_SETUP(uffd_wp)
{
	ram_init(&self->r, PAGES, variant->shared ? shared_memory(&self->alias) : NULL);
	self->fd = -1;
}

FIXTURE_TEARDOWN(uffd_wp)
{
	if (self->fd >= 0)
		close(self->fd);
	ram_destroy(&self->r);
}

#define uffd_wp_data _test_data_uffd_wp	/* as the harness names it */

static bool can_protect(struct uffd_wp_data *self, bool shared)
{
	self->fd = uffd_register(self->r.mem, UFFD_FEATURE_PAGEFAULT_FLAG_WP |
				 (shared ? UFFD_FEATURE_WP_HUGETLBFS_SHMEM : 0),
				 UFFDIO_REGISTER_MODE_WP);
	return self->fd >= 0;
}

static void protect(struct uffd_wp_data *self, uint64_t first, uint64_t n, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)ram_word(&self->r, first), n * PAGE_SIZE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};
	int ret;

	while ((ret = vm_ioctl(self->fd, UFFDIO_WRITEPROTECT, &wp)) == -EAGAIN)
		;
	vm_must(ret, "UFFDIO_WRITEPROTECT");
}

/* The page of the next fault, which must be told with these flags; -1: no such fault. */
static int next_fault(struct uffd_wp_data *self, uint64_t flags, int wait_ms)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&p, 1, wait_ms) <= 0 || read(self->fd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	if (msg.event != UFFD_EVENT_PAGEFAULT || (msg.arg.pagefault.flags & flags) != flags)
		return -1;
	return (msg.arg.pagefault.address - (uintptr_t)self->r.mem) / PAGE_SIZE;
}

/* Another thread stores to each page, once; the test says when each store may be made. */
struct storer {
	struct ram *r;
	uint64_t tag;
	int ret;
	pthread_t thread;
};

static void *storer_main(void *arg)
{
	struct storer *s = arg;

	s->ret = ram_store(s->r, 0, PAGES, s->tag);
	return NULL;
}

static void storer_start(struct storer *s, struct ram *r, uint64_t tag)
{
	*s = (struct storer) { .r = r, .tag = tag };
	vm_must(-pthread_create(&s->thread, NULL, storer_main, s), "pthread_create");
}

/* Each of the stores waits for its page, and not one is made before. */
static bool each_store_waits(struct uffd_wp_data *self, uint64_t old, uint64_t tag)
{
	struct storer s;

	storer_start(&s, &self->r, tag);
	for (uint64_t i = 0; i < PAGES; i++) {
		int page = next_fault(self, UFFD_PAGEFAULT_FLAG_WP, WAIT_MS);

		if (page != (int)i || !ram_host_holds(&self->r, i, PAGES - i, old)) {
			fprintf(stderr, "# page %llu: the fault was of %d\n",
				(unsigned long long)i, page);
			protect(self, 0, PAGES, false);
			pthread_join(s.thread, NULL);
			return false;
		}
		protect(self, i, 1, false);
	}
	pthread_join(s.thread, NULL);
	return !s.ret && next_fault(self, 0, 0) < 0 && ram_host_holds(&self->r, 0, PAGES, tag);
}

TEST_F(uffd_wp, each_store_waits_and_reads_do_not)
{
	if (!can_protect(self, variant->shared))
		SKIP(return, "no write protection by userfaultfd for this memory");
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	for (uint64_t tag = 0x1000; tag < 0x4000; tag += 0x1000) {
		protect(self, 0, PAGES, true);
		EXPECT_EQ(PAGES, pages_with(self->r.mem, PAGES, PM_UFFD_WP));
		ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, tag));
		ASSERT_EQ(-1, next_fault(self, 0, 0));
		ASSERT_TRUE(each_store_waits(self, tag, tag + 0x1000));
		EXPECT_EQ(0ull, pages_with(self->r.mem, PAGES, PM_UFFD_WP));
	}
}

TEST_F(uffd_wp, protection_taken_back_is_no_fault)
{
	if (!can_protect(self, variant->shared))
		SKIP(return, "no write protection by userfaultfd for this memory");
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	protect(self, 0, PAGES, true);
	ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
	protect(self, 0, PAGES, false);
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x2000));
	EXPECT_EQ(-1, next_fault(self, 0, 0));
	EXPECT_TRUE(ram_host_holds(&self->r, 0, PAGES, 0x2000));
}

/* The log and the protection take W away for different reasons, and give it back apart. */
TEST_F(uffd_wp, log_and_protection_do_not_lift_each_other)
{
	if (!can_protect(self, variant->shared))
		SKIP(return, "no write protection by userfaultfd for this memory");
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_set(&self->r, KVM_MEM_LOG_DIRTY_PAGES));
	protect(self, 0, PAGES, true);
	EXPECT_EQ(0ull, ram_log(&self->r));
	ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
	EXPECT_EQ(0ull, ram_log(&self->r));
	ASSERT_TRUE(each_store_waits(self, 0x1000, 0x2000));
	EXPECT_EQ(ALL, ram_log(&self->r));
	/* Collected and not protected: told, without a fault of the handler's. */
	ASSERT_EQ(0, ram_store(&self->r, 0, 8, 0x3000));
	EXPECT_EQ(-1, next_fault(self, 0, 0));
	EXPECT_EQ(0xffull, ram_log(&self->r));
	/* Protected and without a log: a fault. */
	protect(self, 0, PAGES, true);
	ASSERT_EQ(0, ram_set(&self->r, 0));
	ASSERT_TRUE(ram_holds(&self->r, 0, 8, 0x3000));
	protect(self, 0, 8, false);
	ASSERT_EQ(0, ram_store(&self->r, 0, 8, 0x2000));
	ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, 0x2000));
	protect(self, 0, 8, true);
	ASSERT_TRUE(each_store_waits(self, 0x2000, 0x4000));
}

/* As QEMU's background snapshot: the memory of one moment is read while the guest goes on. */
TEST_F_TIMEOUT(uffd_wp, a_snapshot_is_of_one_moment, LONG_TIMEOUT)
{
	char *copy = vm_alloc(SIZE);
	int page;

	if (!can_protect(self, variant->shared))
		SKIP(return, "no write protection by userfaultfd for this memory");
	ram_start(&self->r, 0);
	for (int i = 0; i < 6; i++) {
		ASSERT_TRUE(ram_goes_on(&self->r));
		protect(self, 0, PAGES, true);
		memcpy(copy, self->r.mem, SIZE);
		EXPECT_TRUE(ram_is_one_moment(&self->r, copy));
		page = next_fault(self, UFFD_PAGEFAULT_FLAG_WP, WAIT_MS);
		EXPECT_LE(0, page);
		for (int look = 0; look < 100; look++) {
			ASSERT_EQ(0, memcmp(copy, self->r.mem, SIZE));
			sched_yield();
		}
		protect(self, 0, PAGES, false);
	}
	ASSERT_TRUE(ram_goes_on(&self->r));
	EXPECT_TRUE(ram_stop(&self->r));
}

static void go_on_with(struct uffd_wp_data *self, uint64_t page)
{
	struct uffdio_continue cont = {
		.range = { (uintptr_t)ram_word(&self->r, page), PAGE_SIZE },
	};
	int ret;

	while ((ret = vm_ioctl(self->fd, UFFDIO_CONTINUE, &cont)) == -EAGAIN)
		;
	vm_must(ret, "UFFDIO_CONTINUE");
}

/* The page is in the file already; the handler may still change it before the guest sees it. */
TEST_F(uffd_wp, minor_faults_wait_for_the_handler)
{
	struct storer s;

	if (!variant->shared)
		SKIP(return, "minor faults are of shared memory");
	self->fd = uffd_register(self->r.mem, UFFD_FEATURE_MINOR_SHMEM,
				 UFFDIO_REGISTER_MODE_MINOR);
	if (self->fd < 0)
		SKIP(return, "no minor faults in this kernel");
	for (int round = 0; round < 2; round++) {
		memset(self->alias, 0x5a, SIZE);
		storer_start(&s, &self->r, 0x1000);
		for (uint64_t i = 0; i < PAGES; i++) {
			ASSERT_EQ((int)i, next_fault(self, UFFD_PAGEFAULT_FLAG_MINOR, WAIT_MS));
			ASSERT_EQ(0x5a, self->alias[i * PAGE_SIZE]);
			((uint64_t *)(self->alias + i * PAGE_SIZE))[1] = 0x9000 + i;
			go_on_with(self, i);
		}
		pthread_join(s.thread, NULL);
		ASSERT_EQ(0, s.ret);
		ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
		for (uint64_t i = 0; i < PAGES; i++) {
			EXPECT_EQ(0x1000 + i, ((uint64_t *)(self->alias + i * PAGE_SIZE))[0]);
			EXPECT_EQ(0x9000 + i, ram_word(&self->r, i)[1]);
		}
		/* Out of the mapping alone: the next access is such a fault again. */
		ASSERT_EQ(0, madvise(self->r.mem, SIZE, MADV_DONTNEED));
	}
}

SLAT_TEST_MAIN
