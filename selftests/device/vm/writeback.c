// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory is a file of a real file system, which the host writes to its disk while the
 * guest goes on storing: each store that comes after a page was written reaches the disk
 * with the next. Needs an ext4 at /disk; the checks' job makes one on a RAM disk.
 */
#include "test.h"

#include "pagemap.h"
#include "ram.h"

#include <sys/vfs.h>

#define PAGES		64ul
#define SIZE		(PAGES * PAGE_SIZE)
#define FILE_NAME	"/disk/guest"
#define FILLER_NAME	"/disk/filler"
#define EXT4_MAGIC	0xef53

FIXTURE(writeback) {
	struct ram r;
	int fd;
};

FIXTURE_SETUP(writeback)
{
	struct statfs fs;
	void *mem;

	self->fd = -1;
	if (statfs("/disk", &fs) || fs.f_type != EXT4_MAGIC)
		SKIP(return, "no ext4 at /disk");
	self->fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ftruncate(self->fd, SIZE));
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ram_init(&self->r, PAGES, mem);
}

FIXTURE_TEARDOWN(writeback)
{
	if (self->fd < 0)
		return;
	ram_destroy(&self->r);
	close(self->fd);
	unlink(FILE_NAME);
}

/*
 * What the disk has, once nothing maps the file and its pages are dropped. They are not
 * written for this: one that the host takes for clean goes with what was stored to it.
 */
static bool disk_holds(struct ram *r, int fd, uint64_t tag)
{
	uint64_t word;

	if (munmap(r->mem, SIZE) || kernel_set("/proc/sys/vm/drop_caches", "1"))
		return false;
	for (uint64_t i = 0; i < PAGES; i++) {
		if (pread(fd, &word, sizeof(word), i * PAGE_SIZE) != sizeof(word))
			return false;
		if (word == tag + i)
			continue;
		fprintf(stderr, "# page %llu of the file holds 0x%llx, expected 0x%llx\n",
			(unsigned long long)i, (unsigned long long)word,
			(unsigned long long)(tag + i));
		return false;
	}
	return mmap(r->mem, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == r->mem;
}

TEST_F(writeback, a_store_after_a_sync_reaches_the_disk)
{
	for (uint64_t tag = 0x1000; tag < 0x4000; tag += 0x1000) {
		ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, tag));
		ASSERT_EQ(0, msync(self->r.mem, SIZE, MS_SYNC));
		ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, tag));
		ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, tag + 0x100));
		ASSERT_TRUE(disk_holds(&self->r, self->fd, tag + 0x100));
		ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, tag + 0x100));
	}
}

/* The same, of a page that the guest only read before. */
TEST_F(writeback, a_store_after_a_read_reaches_the_disk)
{
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_TRUE(disk_holds(&self->r, self->fd, 0x1000));
	ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x2000));
	ASSERT_TRUE(disk_holds(&self->r, self->fd, 0x2000));
}

TEST_F_TIMEOUT(writeback, a_guest_that_goes_on_loses_nothing, LONG_TIMEOUT)
{
	const unsigned int flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				   SYNC_FILE_RANGE_WAIT_AFTER;
	uint64_t words[PAGES], word;

	ram_start(&self->r, 0);
	for (int i = 0; i < 12; i++) {
		ASSERT_EQ(0, sync_file_range(self->fd, 0, SIZE, flags));
		ASSERT_TRUE(ram_goes_on(&self->r));
	}
	ASSERT_TRUE(ram_stop(&self->r));
	for (uint64_t i = 0; i < PAGES; i++)
		words[i] = *ram_word(&self->r, i);
	ASSERT_EQ(0, munmap(self->r.mem, SIZE));
	ASSERT_EQ(0, kernel_set("/proc/sys/vm/drop_caches", "1"));
	for (uint64_t i = 0; i < PAGES; i++) {
		ASSERT_EQ(8, pread(self->fd, &word, sizeof(word), i * PAGE_SIZE));
		EXPECT_EQ(words[i], word);
	}
}

/* A page that is written to the disk was not stored to. */
TEST_F(writeback, the_log_tells_stores_alone)
{
	ASSERT_EQ(0, ram_set(&self->r, KVM_MEM_LOG_DIRTY_PAGES));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	EXPECT_EQ(~0ull, ram_log(&self->r));
	ASSERT_EQ(0, msync(self->r.mem, SIZE, MS_SYNC));
	ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
	EXPECT_EQ(0ull, ram_log(&self->r));
	ASSERT_EQ(0, ram_store(&self->r, 8, 8, 0x2000));
	ASSERT_EQ(0, msync(self->r.mem, SIZE, MS_SYNC));
	EXPECT_EQ(0xff00ull, ram_log(&self->r));
	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x3000));
	EXPECT_EQ(~0ull, ram_log(&self->r));
	EXPECT_TRUE(disk_holds(&self->r, self->fd, 0x3000));
}

TEST_F(writeback, files_and_guest_see_one_another)
{
	uint64_t word = 0x4005;

	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(8, pwrite(self->fd, &word, sizeof(word), 5 * PAGE_SIZE));
	EXPECT_TRUE(ram_holds(&self->r, 5, 1, 0x4000));
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       8 * PAGE_SIZE, PAGE_SIZE));
	EXPECT_TRUE(ram_holds(&self->r, 8, 1, -8));
	ASSERT_EQ(0, ram_store(&self->r, 8, 1, 0x5000));
	EXPECT_TRUE(ram_holds(&self->r, 7, 1, 0x1000));
	ASSERT_EQ(8, pread(self->fd, &word, sizeof(word), 8 * PAGE_SIZE));
	EXPECT_EQ(0x5008ull, word);
}

/* A private mapping: the file's page until the guest stores, its own from then on. */
TEST_F(writeback, private_pages_part_from_the_file)
{
	uint64_t word = 0x4005;

	ASSERT_EQ(0, ram_store(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ((void *)self->r.mem, mmap(self->r.mem, SIZE, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_FIXED, self->fd, 0));
	ASSERT_TRUE(ram_holds(&self->r, 0, PAGES, 0x1000));
	ASSERT_EQ(8, pwrite(self->fd, &word, sizeof(word), 5 * PAGE_SIZE));
	EXPECT_TRUE(ram_holds(&self->r, 5, 1, 0x4000));
	ASSERT_EQ(0, ram_store(&self->r, 5, 1, 0x6000));
	ASSERT_EQ(8, pread(self->fd, &word, sizeof(word), 5 * PAGE_SIZE));
	EXPECT_EQ(0x4005ull, word);
	word = 0x7005;
	ASSERT_EQ(8, pwrite(self->fd, &word, sizeof(word), 5 * PAGE_SIZE));
	EXPECT_TRUE(ram_holds(&self->r, 5, 1, 0x6000));
}

/* No room for the page on the disk: the store is refused, until there is. */
TEST_F(writeback, a_full_disk_refuses_the_store)
{
	int filler = open(FILLER_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	static char block[256 * KIB];
	int ret;

	ASSERT_LE(0, filler);
	ASSERT_TRUE(ram_holds(&self->r, 0, 1, 0));
	while (write(filler, block, sizeof(block)) > 0)
		;
	ASSERT_EQ(0, fsync(filler));
	while (write(filler, block, PAGE_SIZE) > 0)
		;
	ret = ram_store(&self->r, 0, PAGES, 0x1000);
	close(filler);
	unlink(FILLER_NAME);
	sync();
	EXPECT_EQ(-EFAULT, ret);
	EXPECT_EQ(0, ram_store(&self->r, 0, PAGES, 0x2000));
	EXPECT_TRUE(disk_holds(&self->r, self->fd, 0x2000));
}

SLAT_TEST_MAIN
