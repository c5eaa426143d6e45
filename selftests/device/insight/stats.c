// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_STATS_FD of a VM and a vCPU: the layout, reads at each offset, what
 * the file refuses, how long it lives, that counters of KVM's names count what
 * they say, and that Slat's histograms hold what was provoked.
 */
#include "test.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SLOT	1
#define GPA	0x10000000ul
#define PAGES	16ul

#define FILE_MAX	65536

/* A stats file as it was read at once. */
struct content {
	size_t size;
	union {
		struct kvm_stats_header head;
		uint8_t bytes[FILE_MAX];
	};
};

FIXTURE(stats) {
	struct guest g;
	uint64_t *mem;
	int vm;
	int vcpu;
	struct content content;
};

static int stats_fd(int fd)
{
	return vm_ioctl_num(fd, KVM_GET_STATS_FD, 0);
}

FIXTURE_SETUP(stats)
{
	probe_init(&self->g);
	self->mem = vm_alloc(PAGES * PAGE_SIZE);
	ASSERT_EQ(1, vm_check_extension(self->g.vm.dev, KVM_CAP_BINARY_STATS_FD));
	self->vm = stats_fd(self->g.vm.fd);
	self->vcpu = stats_fd(self->g.vcpu.fd);
	ASSERT_LE(0, self->vm);
	ASSERT_LE(0, self->vcpu);
}

FIXTURE_TEARDOWN(stats)
{
	close(self->vm);
	close(self->vcpu);
	guest_destroy(&self->g);
	vm_free(self->mem, PAGES * PAGE_SIZE);
}

static bool read_all(int fd, struct content *c)
{
	ssize_t got = pread(fd, c->bytes, sizeof(c->bytes), 0);

	c->size = got < 0 ? 0 : got;
	return got > (ssize_t)sizeof(c->head);
}

static const struct kvm_stats_desc *desc_at(const struct content *c, uint32_t i)
{
	size_t size = sizeof(struct kvm_stats_desc) + c->head.name_size;

	return (const void *)(c->bytes + c->head.desc_offset + i * size);
}

static const struct kvm_stats_desc *desc_find(const struct content *c, const char *name)
{
	for (uint32_t i = 0; i < c->head.num_desc; i++)
		if (!strcmp(desc_at(c, i)->name, name))
			return desc_at(c, i);
	return NULL;
}

/* The counter @name, now; ~0 where there is none. */
static uint64_t counter(int fd, const char *name)
{
	static struct content c;
	const struct kvm_stats_desc *desc;
	uint64_t value = ~0ull;

	if (!read_all(fd, &c))
		return ~0ull;
	desc = desc_find(&c, name);
	if (desc && pread(fd, &value, sizeof(value), c.head.data_offset + desc->offset) !=
	    sizeof(value))
		return ~0ull;
	return value;
}

/* As the ABI describes them; a value alone is of size 1. */
static bool kind_is_ok(const struct kvm_stats_desc *d)
{
	switch (d->flags & KVM_STATS_TYPE_MASK) {
	case KVM_STATS_TYPE_LINEAR_HIST:
		return d->size > 2 && d->bucket_size;
	case KVM_STATS_TYPE_LOG_HIST:
		return d->size > 2 && !d->bucket_size;
	default:
		return d->size == 1 && !d->bucket_size &&
		       (d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX;
	}
}

static bool unit_is_ok(const struct kvm_stats_desc *d)
{
	if ((d->flags & KVM_STATS_BASE_MASK) > KVM_STATS_BASE_MAX ||
	    (d->flags & KVM_STATS_UNIT_MASK) > KVM_STATS_UNIT_MAX)
		return false;
	return (d->flags & KVM_STATS_UNIT_MASK) == KVM_STATS_UNIT_SECONDS ?
	       d->exponent <= 0 : d->exponent >= 0;
}

/* Blocks lie behind the header, 8-byte aligned, apart, the values last. */
static bool layout_is_ok(const struct content *c)
{
	const struct kvm_stats_header *h = &c->head;
	size_t descs = h->num_desc * (sizeof(struct kvm_stats_desc) + h->name_size);

	for (uint32_t i = 0; i < h->num_desc; i++) {
		const struct kvm_stats_desc *d = desc_at(c, i);

		if (!d->name[0] || strnlen(d->name, h->name_size) == h->name_size ||
		    d->offset % 8 || h->data_offset + d->offset + 8 * d->size > c->size ||
		    !kind_is_ok(d) || !unit_is_ok(d))
			return false;
	}
	return !h->flags && h->num_desc && !(h->id_offset % 8) && !(h->desc_offset % 8) &&
	       !(h->data_offset % 8) && h->id_offset >= sizeof(*h) &&
	       h->desc_offset >= h->id_offset + h->name_size &&
	       h->data_offset >= h->desc_offset + descs;
}

TEST_F(stats, layout)
{
	ASSERT_TRUE(read_all(self->vm, &self->content));
	EXPECT_TRUE(layout_is_ok(&self->content));
	EXPECT_EQ(0, strncmp((char *)self->content.bytes + self->content.head.id_offset,
			     "kvm-", 4));
	ASSERT_TRUE(read_all(self->vcpu, &self->content));
	EXPECT_TRUE(layout_is_ok(&self->content));
	EXPECT_NE(NULL, strstr((char *)self->content.bytes + self->content.head.id_offset,
			       "/vcpu-0"));
}

TEST_F(stats, names_are_told_once)
{
	struct content *c = &self->content;

	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(read_all(i ? self->vm : self->vcpu, c));
		for (uint32_t d = 0; d < c->head.num_desc; d++) {
			EXPECT_EQ(desc_at(c, d), desc_find(c, desc_at(c, d)->name));
		}
	}
}

/* Nothing runs, so the file does not change. */
TEST_F(stats, every_offset_and_length)
{
	struct content *c = &self->content;
	static const size_t lengths[] = { 1, 7, 8, 64, 200, 4096 };
	uint8_t part[4096];

	ASSERT_TRUE(read_all(self->vm, c));
	for (size_t at = 0; at <= c->size + 9; at++) {
		for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
			size_t left = at < c->size ? c->size - at : 0;
			size_t want = lengths[l] < left ? lengths[l] : left;

			memset(part, 0xcc, sizeof(part));
			ASSERT_EQ((ssize_t)want, pread(self->vm, part, lengths[l], at));
			ASSERT_EQ(0, memcmp(part, c->bytes + at, want));
			ASSERT_TRUE(want == sizeof(part) || part[want] == 0xcc);
		}
	}
	EXPECT_EQ(0, pread(self->vm, part, 8, 1ll << 62));
	EXPECT_EQ(0, pread(self->vm, part, 0, 0));
	EXPECT_EQ(-1, pread(self->vm, part, 8, -1));
	EXPECT_EQ(EINVAL, errno);
}

/* read() goes on where it ended; a second file has a place of its own. */
TEST_F(stats, reads_in_sequence)
{
	struct content *c = &self->content;
	int other = stats_fd(self->g.vm.fd);
	size_t at = 0;
	uint8_t part[100];
	ssize_t got;

	ASSERT_LE(0, other);
	EXPECT_NE(other, self->vm);
	ASSERT_TRUE(read_all(self->vm, c));
	while ((got = read(other, part, 1 + at % sizeof(part))) > 0) {
		ASSERT_EQ(0, memcmp(part, c->bytes + at, got));
		at += got;
	}
	EXPECT_EQ(0, got);
	EXPECT_EQ(c->size, at);
	EXPECT_EQ(8, read(self->vm, part, 8));
	EXPECT_EQ(0, memcmp(part, c->bytes, 8));
	close(other);
}

TEST_F(stats, what_the_file_refuses)
{
	char c[16] = "";

	EXPECT_EQ(-1, write(self->vm, c, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pwrite(self->vm, c, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	/* As in KVM it is accepted and does nothing. */
	EXPECT_EQ(8, read(self->vm, c, 8));
	EXPECT_EQ(8, lseek(self->vm, 0, SEEK_SET));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, self->vm, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENOTTY, vm_ioctl_num(self->vm, KVM_GET_STATS_FD, 0));
	EXPECT_NE(0, fcntl(self->vm, F_GETFD) & FD_CLOEXEC);
}

/* A buffer whose second half is not there. */
TEST_F(stats, bad_buffers)
{
	char *map = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	munmap(map + PAGE_SIZE, PAGE_SIZE);
	for (size_t have = 0; have < 200; have += 8) {
		EXPECT_EQ(-1, pread(self->vm, map + PAGE_SIZE - have, 400, 0));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(200, pread(self->vm, map + PAGE_SIZE - 200, 200, 0));
	munmap(map, PAGE_SIZE);
}

TEST_F(stats, vcpu_counts_its_exits)
{
	uint64_t exits = counter(self->vcpu, "exits");
	uint64_t mmio = counter(self->vcpu, "mmio_exits");
	uint64_t halts = counter(self->vcpu, "halt_exits");

	ASSERT_NE(~0ull, exits);
	ASSERT_NE(~0ull, mmio);
	ASSERT_NE(~0ull, halts);
	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(probe_is_mmio(&self->g, GPA));
	}
	EXPECT_EQ(mmio + 10, counter(self->vcpu, "mmio_exits"));
	EXPECT_EQ(halts + 10, counter(self->vcpu, "halt_exits"));
	EXPECT_LE(exits + 20, counter(self->vcpu, "exits"));
}

TEST_F(stats, vm_counts_its_pages)
{
	uint64_t pages, flushes;
	struct probe p;

	/* What the probe itself needs is mapped then. */
	ASSERT_EQ(0, probe_write(&self->g, GPA, 0, &p));
	pages = counter(self->vm, "pages_4k");
	flushes = counter(self->vm, "remote_tlb_flush_requests");
	ASSERT_NE(~0ull, pages);
	ASSERT_NE(~0ull, flushes);
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, PAGES * PAGE_SIZE, self->mem));
	for (uint64_t i = 0; i < PAGES; i++) {
		ASSERT_EQ(0, probe_write(&self->g, GPA + i * PAGE_SIZE, i, &p));
	}
	EXPECT_EQ(pages + PAGES, counter(self->vm, "pages_4k"));
	ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
	/* KVM drops everything with one slot, and its flush may go another way. */
	EXPECT_GE(pages, counter(self->vm, "pages_4k"));
	if (!vm_is_kvm(&self->g.vm)) {
		EXPECT_EQ(pages, counter(self->vm, "pages_4k"));
		EXPECT_LT(flushes, counter(self->vm, "remote_tlb_flush_requests"));
	}
}

#define BUCKETS_MAX	64

struct hist {
	unsigned int size;
	uint64_t bucket[BUCKETS_MAX];
};

/* A histogram of times in nanoseconds by powers of two, now; none: size 0. */
static struct hist hist_read(int fd, const char *name)
{
	static struct content c;
	const struct kvm_stats_desc *desc;
	struct hist hist = {};

	if (!read_all(fd, &c))
		return hist;
	desc = desc_find(&c, name);
	if (!desc || desc->size > BUCKETS_MAX || desc->exponent != -9 ||
	    desc->flags != (KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS |
			    KVM_STATS_BASE_POW10))
		return hist;
	memcpy(hist.bucket, c.bytes + c.head.data_offset + desc->offset, 8 * desc->size);
	hist.size = desc->size;
	return hist;
}

/* What came since @before; those that took less than 1 ns or more than @ns: ~0. */
static uint64_t hist_new(int fd, const char *name, const struct hist *before, uint64_t ns)
{
	struct hist now = hist_read(fd, name);
	uint64_t nr = 0;

	for (unsigned int i = 0; i < now.size; i++) {
		uint64_t added = now.bucket[i] - before->bucket[i];

		if (added && (!i || 1ull << (i - 1) > ns))
			return ~0ull;
		nr += added;
	}
	return now.size && now.size == before->size ? nr : ~0ull;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

#define CHANGES	20

/* Slots that come, are filled and go: so many changes, zaps and holds of the lock. */
TEST_F(stats, histograms_hold_what_was_done)
{
	struct hist changes, zaps, holds;
	struct guest *g = &self->g;
	uint64_t began, ns, held;
	struct probe p;

	if (vm_is_kvm(&g->vm))
		SKIP(return, "these histograms are Slat's");
	changes = hist_read(self->vm, "slot_change_hist");
	zaps = hist_read(self->vm, "zap_hist");
	holds = hist_read(self->vm, "lock_hold_hist");
	began = now_ns();
	for (int i = 0; i < CHANGES; i++) {
		ASSERT_EQ(0, vm_set_slot(&g->vm, SLOT, 0, GPA, PAGES * PAGE_SIZE, self->mem));
		ASSERT_EQ(0, probe_write(g, GPA, i, &p));
		ASSERT_EQ(0, vm_delete_slot(&g->vm, SLOT));
	}
	ns = now_ns() - began;
	EXPECT_EQ(2ull * CHANGES, hist_new(self->vm, "slot_change_hist", &changes, ns));
	EXPECT_EQ((uint64_t)CHANGES, hist_new(self->vm, "zap_hist", &zaps, ns));
	/* One each, and another where a zap yielded to a task that wanted the CPU. */
	held = hist_new(self->vm, "lock_hold_hist", &holds, ns);
	EXPECT_LE((uint64_t)CHANGES, held);
	EXPECT_GE(2ull * CHANGES, held);
}

/* Nothing runs, so both are of one moment. */
TEST_F(stats, debugfs_tells_the_same_histograms)
{
	static const char *const names[][2] = {
		{ "slot_change_ns", "slot_change_hist" },
		{ "zap_ns", "zap_hist" },
		{ "lock_hold_ns", "lock_hold_hist" },
	};
	uint64_t from, to, nr, told[ARRAY_SIZE(names)] = {};
	char path[96], name[32];
	FILE *file;

	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "these histograms are Slat's");
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, PAGES * PAGE_SIZE, self->mem));
	ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
	snprintf(path, sizeof(path), "/sys/kernel/debug/slat/%d-%d/histograms", getpid(),
		 self->g.vm.fd);
	file = fopen(path, "r");
	if (!file)
		SKIP(return, "no debugfs");
	while (fscanf(file, "%31s %lu %lu %lu", name, &from, &to, &nr) == 4) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct hist hist = hist_read(self->vm, names[i][1]);
			unsigned int bucket = from ? 64 - __builtin_clzll(from) : 0;

			if (strcmp(name, names[i][0]))
				continue;
			ASSERT_LT(bucket, hist.size);
			EXPECT_EQ(nr, hist.bucket[bucket]);
			EXPECT_EQ(from ? 1ull << (bucket - 1) : 0, from);
			told[i] += nr;
		}
	}
	fclose(file);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct hist none = { .size = hist_read(self->vm, names[i][1]).size };

		EXPECT_LT(0ull, told[i]);
		EXPECT_EQ(told[i], hist_new(self->vm, names[i][1], &none, ~0ull));
	}
}

/* Who was given the file reads it; only the VM's own process may ask for one. */
TEST_F(stats, another_process)
{
	pid_t pid = fork();
	int status;

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(counter(self->vcpu, "exits") == ~0ull ? 1 :
		      stats_fd(self->g.vm.fd) != -EIO || stats_fd(self->g.vcpu.fd) != -EIO);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(stats, no_file_is_left)
{
	struct rlimit old, limit;
	int fd;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = self->vcpu + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, stats_fd(self->g.vm.fd));
	EXPECT_EQ(-EMFILE, stats_fd(self->g.vcpu.fd));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	fd = stats_fd(self->g.vm.fd);
	EXPECT_LE(0, fd);
	close(fd);
}

/* The file holds the VM, and with it the module. */
TEST(stats_outlive_the_vm)
{
	struct guest g;
	uint64_t exits;
	int vm, vcpu;

	probe_init(&g);
	/* 6.12's lets kvm_intel go, and the machine dies of it. */
	if (vm_is_kvm(&g.vm))
		SKIP(return, "such a file does not hold kvm_intel");
	ASSERT_TRUE(probe_is_mmio(&g, GPA));
	vm = stats_fd(g.vm.fd);
	vcpu = stats_fd(g.vcpu.fd);
	exits = counter(vcpu, "exits");
	guest_destroy(&g);
	for (int i = 0; i < 2; i++) {
		int fd = i ? vcpu : vm;

		EXPECT_NE(~0ull, counter(fd, i ? "exits" : "pages_4k"));
		EXPECT_EQ(-1, syscall(SYS_delete_module, "slat", O_NONBLOCK));
		EXPECT_EQ(EWOULDBLOCK, errno);
		EXPECT_EQ(exits, counter(vcpu, "exits"));
		if (!i)
			close(fd);
	}
	close(vcpu);
}

SLAT_TEST_MAIN
