// SPDX-License-Identifier: GPL-2.0
/*
 * Slat's own ioctls: the rules that all of them follow (flags, reserved bytes,
 * pointers, who may call), the policy, the GPA query and the counts of a slot,
 * and all of them beside slots that change; last_error.c has the words of each
 * refusal. The frozen layouts are checked by including them. On KVM only the
 * refusals are left.
 */
#include "test.h"

#include <assert.h>
#include <slat-helper.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../../module/abi.h"

#define SLOT	1
#define GPA	0x10000000ul
#define PAGES	16ul
#define SIZE	(PAGES * PAGE_SIZE)

/* One call, its structure, and where that has bytes that must be 0. */
static const struct call {
	unsigned long cmd;
	size_t size;
	uint32_t flags;			/* that exist */
	size_t zero[2];			/* from, to */
	size_t pad;			/* a 32-bit field that must be 0, if any */
} calls[] = {
	{ SLAT_GET_INFO, sizeof(struct slat_info), 0,
	  { offsetof(struct slat_info, reserved), sizeof(struct slat_info) },
	  offsetof(struct slat_info, pad) },
	{ SLAT_GET_POLICY, sizeof(struct slat_policy), SLAT_POLICY_SLOT,
	  { offsetof(struct slat_policy, reserved), sizeof(struct slat_policy) },
	  offsetof(struct slat_policy, slot) },
	{ SLAT_SET_POLICY, sizeof(struct slat_policy), SLAT_POLICY_SLOT,
	  { offsetof(struct slat_policy, reserved), sizeof(struct slat_policy) },
	  offsetof(struct slat_policy, effective) },
	{ SLAT_QUERY_GPA, sizeof(struct slat_gpa_query), 0,
	  { offsetof(struct slat_gpa_query, reserved), sizeof(struct slat_gpa_query) },
	  offsetof(struct slat_gpa_query, pad) },
	{ SLAT_GET_LAST_ERROR, sizeof(struct slat_last_error), 0,
	  { offsetof(struct slat_last_error, reserved), offsetof(struct slat_last_error, text) },
	  offsetof(struct slat_last_error, pad) },
	{ SLAT_GET_SLOT_STATS, sizeof(struct slat_slot_stats), 0,
	  { offsetof(struct slat_slot_stats, reserved), sizeof(struct slat_slot_stats) }, 0 },
};

#define ARG_MAX	sizeof(struct slat_last_error)

FIXTURE(ext) {
	struct guest g;
	uint64_t *mem;
	int fd;
};

FIXTURE_SETUP(ext)
{
	probe_init(&self->g);
	self->mem = vm_alloc(SIZE);
	self->fd = self->g.vm.fd;
}

FIXTURE_TEARDOWN(ext)
{
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
}

#define set_slot(id, flags, gpa) vm_set_slot(&self->g.vm, id, flags, gpa, SIZE, self->mem)

/* A structure that the call accepts. */
static void arg_init(const struct call *call, uint8_t *arg)
{
	memset(arg, 0, ARG_MAX);
	if (call->cmd == SLAT_QUERY_GPA)
		((struct slat_gpa_query *)arg)->access = SLAT_GPA_READ;
}

static struct slat_last_error last_error(int fd)
{
	struct slat_last_error e;

	vm_must(slat_get_last_error(fd, &e), "SLAT_GET_LAST_ERROR");
	return e;
}

TEST(no_call_where_it_is_not_slat)
{
	struct vm vm;

	vm_create(&vm);
	for (size_t i = 0; i < ARRAY_SIZE(calls) && vm_is_kvm(&vm); i++) {
		EXPECT_EQ(-EINVAL, vm_ioctl_num(vm.dev, calls[i].cmd, 0));
		EXPECT_EQ(-ENOTTY, vm_ioctl_num(vm.fd, calls[i].cmd, 0));
	}
	EXPECT_EQ(!vm_is_kvm(&vm), slat_has_call(vm.dev, SLAT_GET_INFO));
	EXPECT_EQ(!vm_is_kvm(&vm), slat_has_call(vm.fd, SLAT_QUERY_GPA));
	vm_destroy(&vm);
}

TEST_F(ext, info_tells_every_call)
{
	struct slat_info dev, vm;
	uint64_t told = 0;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, slat_get_info(self->g.vm.dev, &dev));
	ASSERT_EQ(0, slat_get_info(self->fd, &vm));
	EXPECT_EQ(0, memcmp(&dev, &vm, sizeof(dev)));
	EXPECT_EQ(SLAT_ABI_VERSION, vm.version);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		told |= 1ull << _IOC_NR(calls[i].cmd);
	}
	EXPECT_EQ(told, vm.calls);
	EXPECT_EQ(0x1full, vm.protect);
	EXPECT_EQ(4u, vm.nr_levels);
	EXPECT_NE(0u, vm.leaf_levels & 2);
	EXPECT_LE(2u, vm.gen_bits);
}

/* Other numbers, sizes and directions are other calls; a vCPU has none. */
TEST_F(ext, unknown_calls)
{
	uint8_t arg[2 * ARG_MAX] = {};

	SLAT_ONLY(&self->g.vm);
	for (unsigned int nr = 0; nr < 64; nr++) {
		EXPECT_EQ(-ENOTTY, vm_ioctl(self->fd, _IO(SLATIO, nr), arg));
		EXPECT_EQ(-ENOTTY, vm_ioctl(self->fd, _IOWR(SLATIO, nr, char), arg));
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		unsigned long cmd = calls[i].cmd;

		EXPECT_EQ(-ENOTTY, vm_ioctl(self->fd, cmd + (8 << _IOC_SIZESHIFT), arg));
		EXPECT_EQ(-ENOTTY, vm_ioctl(self->fd, cmd - (8 << _IOC_SIZESHIFT), arg));
		EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vcpu.fd, cmd, arg));
		if (cmd != SLAT_GET_INFO)
			EXPECT_EQ(-EINVAL, vm_ioctl(self->g.vm.dev, cmd, arg));
	}
}

TEST_F(ext, unknown_flags)
{
	uint8_t arg[ARG_MAX];

	SLAT_ONLY(&self->g.vm);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (int bit = 0; bit < 32; bit++) {
			uint32_t flag = 1u << bit;

			if (flag & calls[i].flags)
				continue;
			arg_init(&calls[i], arg);
			memcpy(arg, &flag, sizeof(flag));
			EXPECT_EQ(-EINVAL, vm_ioctl(self->fd, calls[i].cmd, arg));
			if (calls[i].cmd == SLAT_GET_LAST_ERROR)
				continue;
			EXPECT_EQ((uint32_t)SLAT_CHECK_FLAGS, last_error(self->fd).check);
			EXPECT_EQ(flag, last_error(self->fd).value);
		}
	}
}

TEST_F(ext, every_reserved_byte)
{
	uint8_t arg[ARG_MAX];

	SLAT_ONLY(&self->g.vm);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];

		arg_init(c, arg);
		ASSERT_EQ(0, vm_ioctl(self->fd, c->cmd, arg));
		for (size_t at = c->pad; at < c->zero[1]; at++) {
			if (at < c->zero[0] && (!c->pad || at >= c->pad + 4))
				continue;
			arg_init(c, arg);
			arg[at] = 1 << at % 8;
			EXPECT_EQ(-EINVAL, vm_ioctl(self->fd, c->cmd, arg))
				TH_LOG("call %lx, byte %zu", c->cmd, at);
			if (c->cmd == SLAT_GET_LAST_ERROR)
				continue;
			EXPECT_EQ((uint32_t)SLAT_CHECK_RESERVED, last_error(self->fd).check);
			EXPECT_EQ(at & (at < c->zero[0] ? ~3ul : ~7ul), last_error(self->fd).value);
		}
	}
}

/* Nowhere, half there, there but not writable; the kernel's own addresses. */
TEST_F(ext, bad_pointers)
{
	char *map = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SLAT_ONLY(&self->g.vm);
	ASSERT_NE(MAP_FAILED, map);
	munmap(map + PAGE_SIZE, PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		bool gets = _IOC_DIR(c->cmd) & _IOC_READ;

		EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, c->cmd, 0));
		EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, c->cmd, 0xffff888000000000ul));
		EXPECT_EQ(-EFAULT, vm_ioctl_num(self->fd, c->cmd, -8ul));
		for (size_t have = 0; have < c->size; have += 4) {
			EXPECT_EQ(-EFAULT, vm_ioctl(self->fd, c->cmd, map + PAGE_SIZE - have));
		}
		arg_init(c, (uint8_t *)map);
		mprotect(map, PAGE_SIZE, PROT_READ);
		EXPECT_EQ(gets ? -EFAULT : 0, vm_ioctl(self->fd, c->cmd, map));
		mprotect(map, PAGE_SIZE, PROT_READ | PROT_WRITE);
		EXPECT_EQ(0, vm_ioctl(self->fd, c->cmd, map));
	}
	munmap(map, PAGE_SIZE);
}

TEST_F(ext, another_process)
{
	uint8_t arg[ARG_MAX];
	int status;
	pid_t pid;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct slat_gpa_query query;
		int bad = 0;

		/* Its monitor may ask all of them, KVM's calls are not for it. */
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			arg_init(&calls[i], arg);
			bad |= vm_ioctl(self->fd, calls[i].cmd, arg) != 0;
			arg[0] = 0xff;
			bad |= vm_ioctl(self->fd, calls[i].cmd, arg) != -EINVAL;
		}
		bad |= vm_ioctl_num(self->fd, KVM_CREATE_VCPU, 9) != -EIO;
		bad |= slat_query_gpa(self->fd, GPA, SLAT_GPA_READ, &query) ||
		       !(query.state & SLAT_GPA_STATE_SLOT) || query.hva;
		_exit(bad);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* That was not the VM's to explain. */
	EXPECT_EQ(0ull, last_error(self->fd).serial);
}

/* ioctl(2) as a 32-bit program makes it. */
static int ioctl32(int fd, uint32_t cmd, void *arg)
{
	long ret = 54;

	asm volatile("int $0x80" : "+a"(ret) : "b"((long)fd), "c"((long)cmd), "d"(arg) :
		     "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* Where it would fault, this file is not there either. */
static bool has_ioctl32(void)
{
	return !access("/proc/sys/abi/vsyscall32", F_OK);
}

/* A 32-bit client's calls come by another way, with the same structures. */
TEST_F(ext, a_32_bit_client)
{
	struct slat_last_error *e;
	uint8_t *arg;

	SLAT_ONLY(&self->g.vm);
	if (!has_ioctl32())
		SKIP(return, "the kernel runs no 32-bit programs");
	arg = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		arg_init(&calls[i], arg);
		EXPECT_EQ(0, ioctl32(self->fd, calls[i].cmd, arg));
	}
	EXPECT_EQ(-ENOTTY, ioctl32(self->fd, _IO(SLATIO, 0), arg));
	arg_init(&calls[0], arg);
	e = (struct slat_last_error *)arg;
	EXPECT_EQ(0, ioctl32(self->fd, SLAT_GET_LAST_ERROR, arg));
	EXPECT_EQ((uint32_t)SLAT_CHECK_UNKNOWN_CALL, e->check);
	EXPECT_EQ((uint32_t)_IO(SLATIO, 0), e->call);
	munmap(arg, PAGE_SIZE);
}

TEST_F(ext, policy_of_vm_and_slot)
{
	struct slat_policy policy = {};
	uint32_t protect, module;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, slat_get_policy(self->fd, &module));
	EXPECT_NE((uint32_t)SLAT_PROTECT_DEFAULT, module);
	for (uint32_t p = SLAT_PROTECT_AUTO; p <= SLAT_PROTECT_SCAN; p++) {
		ASSERT_EQ(0, slat_set_policy(self->fd, p));
		ASSERT_EQ(0, slat_get_policy(self->fd, &protect));
		EXPECT_EQ(p, protect);
		EXPECT_EQ(p, (uint32_t)slat_protect_find(slat_protect_name(p)));
	}
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA));
	ASSERT_EQ(0, slat_get_slot_policy(self->fd, SLOT, &protect));
	EXPECT_EQ((uint32_t)SLAT_PROTECT_SCAN, protect);
	ASSERT_EQ(0, slat_set_slot_policy(self->fd, SLOT, SLAT_PROTECT_RMAP));
	policy.flags = SLAT_POLICY_SLOT;
	policy.slot = SLOT;
	ASSERT_EQ(0, vm_ioctl(self->fd, SLAT_GET_POLICY, &policy));
	EXPECT_EQ((uint32_t)SLAT_PROTECT_RMAP, policy.protect);
	EXPECT_EQ((uint32_t)SLAT_PROTECT_RMAP, policy.effective);
	/* It stays with the slot, and goes with it. */
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA));
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA + SIZE));
	ASSERT_EQ(0, slat_get_slot_policy(self->fd, SLOT, &protect));
	EXPECT_EQ((uint32_t)SLAT_PROTECT_RMAP, protect);
	ASSERT_EQ(0, slat_set_slot_policy(self->fd, SLOT, SLAT_PROTECT_DEFAULT));
	ASSERT_EQ(0, vm_ioctl(self->fd, SLAT_GET_POLICY, &policy));
	EXPECT_EQ((uint32_t)SLAT_PROTECT_DEFAULT, policy.protect);
	EXPECT_EQ((uint32_t)SLAT_PROTECT_SCAN, policy.effective);
	ASSERT_EQ(0, slat_set_slot_policy(self->fd, SLOT, SLAT_PROTECT_RMAP));
	ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
	EXPECT_EQ(-ENOENT, slat_get_slot_policy(self->fd, SLOT, &protect));
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA));
	ASSERT_EQ(0, slat_get_slot_policy(self->fd, SLOT, &protect));
	EXPECT_EQ((uint32_t)SLAT_PROTECT_SCAN, protect);
	ASSERT_EQ(0, slat_set_policy(self->fd, SLAT_PROTECT_DEFAULT));
	ASSERT_EQ(0, slat_get_policy(self->fd, &protect));
	EXPECT_EQ(module, protect);
}

TEST_F(ext, policy_refused)
{
	uint32_t protect, slots = vm_check_extension(self->fd, KVM_CAP_NR_MEMSLOTS);

	SLAT_ONLY(&self->g.vm);
	EXPECT_EQ(-ENOENT, slat_set_slot_policy(self->fd, SLOT, SLAT_PROTECT_SCAN));
	EXPECT_EQ(-ENOENT, slat_get_slot_policy(self->fd, slots - 1, &protect));
	EXPECT_EQ(-EINVAL, slat_set_slot_policy(self->fd, slots, SLAT_PROTECT_SCAN));
	EXPECT_EQ(-EINVAL, slat_get_slot_policy(self->fd, SLAT_NO_SLOT, &protect));
	EXPECT_EQ(-EINVAL, slat_set_policy(self->fd, SLAT_PROTECT_SCAN + 1));
	EXPECT_EQ((uint32_t)SLAT_CHECK_PROTECT, last_error(self->fd).check);
	EXPECT_EQ(-EINVAL, slat_set_policy(self->fd, ~0u));
	EXPECT_EQ(-EINVAL, slat_set_slot_policy(self->fd, 0, 1u << 31));
}

static uint32_t reason(int fd, uint64_t gpa, uint32_t access)
{
	struct slat_gpa_query q;

	vm_must(slat_query_gpa(fd, gpa, access, &q), "SLAT_QUERY_GPA");
	return q.reason;
}

TEST_F(ext, query_reasons)
{
	struct slat_gpa_query q;
	struct probe p;

	SLAT_ONLY(&self->g.vm);
	EXPECT_EQ((uint32_t)SLAT_GPA_NO_SLOT, reason(self->fd, GPA, SLAT_GPA_READ));
	ASSERT_TRUE(probe_is_mmio(&self->g, GPA));
	EXPECT_EQ((uint32_t)SLAT_GPA_MMIO, reason(self->fd, GPA, SLAT_GPA_WRITE));
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA + SIZE));
	EXPECT_EQ((uint32_t)SLAT_GPA_MMIO_STALE, reason(self->fd, GPA, SLAT_GPA_READ));
	EXPECT_EQ((uint32_t)SLAT_GPA_UNMAPPED, reason(self->fd, GPA + SIZE, SLAT_GPA_READ));
	ASSERT_EQ(0, probe_write(&self->g, GPA + SIZE, 1, &p));
	EXPECT_EQ((uint32_t)SLAT_GPA_NO_EXIT, reason(self->fd, GPA + SIZE, SLAT_GPA_WRITE));
	ASSERT_EQ(0, slat_query_gpa(self->fd, GPA + SIZE + 5, SLAT_GPA_EXEC, &q));
	EXPECT_EQ((uint32_t)SLAT_GPA_NO_EXIT, q.reason);
	EXPECT_EQ((uint32_t)SLOT, q.slot);
	EXPECT_EQ((uintptr_t)self->mem + 5, q.hva);
	EXPECT_EQ(1u, q.level);
	EXPECT_EQ(7u, q.rights);
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA + SIZE));
	EXPECT_EQ((uint32_t)SLAT_GPA_LOGGED, reason(self->fd, GPA + SIZE, SLAT_GPA_WRITE));
	EXPECT_EQ((uint32_t)SLAT_GPA_NO_EXIT, reason(self->fd, GPA + SIZE, SLAT_GPA_READ));
	ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_READONLY, GPA + SIZE));
	EXPECT_EQ((uint32_t)SLAT_GPA_READONLY, reason(self->fd, GPA + SIZE, SLAT_GPA_WRITE));
	EXPECT_EQ(0, strncmp("a write to a read-only", slat_reason_text(SLAT_GPA_READONLY), 22));
}

TEST_F(ext, query_refused)
{
	struct slat_gpa_query q;

	SLAT_ONLY(&self->g.vm);
	for (uint32_t access = 0; access < 16; access++) {
		bool ok = access == 1 || access == 2 || access == 4;

		EXPECT_EQ(ok ? 0 : -EINVAL, slat_query_gpa(self->fd, GPA, access, &q));
	}
	EXPECT_EQ(-EINVAL, slat_query_gpa(self->fd, 1ull << 52, SLAT_GPA_READ, &q));
	EXPECT_EQ(-EINVAL, slat_query_gpa(self->fd, ~0ull, SLAT_GPA_READ, &q));
	EXPECT_EQ((uint32_t)SLAT_CHECK_ADDRESS, last_error(self->fd).check);
}

TEST_F(ext, slot_stats)
{
	struct kvm_dirty_log log = { .slot = SLOT };
	struct slat_slot_stats s;
	uint64_t bitmap[1], before;
	struct probe p;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA));
	ASSERT_EQ(0, slat_get_slot_stats(self->fd, SLOT, &s));
	before = s.mmio_mark;
	EXPECT_EQ(GPA, s.gpa);
	EXPECT_EQ(SIZE, s.size);
	EXPECT_EQ((uintptr_t)self->mem, s.hva);
	EXPECT_EQ(0ull, s.mapped[0] + s.faults_ram + s.zapped + s.rounds_rmap + s.rounds_scan);
	for (uint64_t i = 0; i < 10; i++) {
		ASSERT_EQ(0, probe_write(&self->g, GPA + i * PAGE_SIZE, i, &p));
	}
	ASSERT_TRUE(probe_is_mmio(&self->g, GPA + SIZE));
	ASSERT_EQ(0, slat_get_slot_stats(self->fd, SLOT, &s));
	EXPECT_EQ(10ull, s.faults_ram);
	EXPECT_EQ(10ull, s.mapped[0]);
	EXPECT_EQ(10ull, s.mapped_writable);
	EXPECT_EQ(before + 1, s.mmio_mark);
	EXPECT_EQ(0ull, s.dirty_ns);
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA));
	ASSERT_EQ(0, probe_write(&self->g, GPA + 2 * PAGE_SIZE, 1, &p));
	ASSERT_EQ(0, probe_write(&self->g, GPA + 7 * PAGE_SIZE, 1, &p));
	ASSERT_EQ(0, slat_get_slot_stats(self->fd, SLOT, &s));
	EXPECT_EQ(2ull, s.faults_write);
	EXPECT_EQ(2ull, s.dirty_now);
	EXPECT_EQ(0ull, s.dirty_reported);
	EXPECT_EQ(10ull, s.wrprot_leafs);
	EXPECT_EQ(2ull, s.mapped_writable);
	EXPECT_EQ((uint32_t)KVM_MEM_LOG_DIRTY_PAGES, s.slot_flags);
	EXPECT_LT(0ull, s.dirty_ns);
	ASSERT_EQ(0, slat_set_slot_policy(self->fd, SLOT, SLAT_PROTECT_SCAN));
	log.dirty_bitmap = bitmap;
	ASSERT_EQ(0, vm_ioctl(self->fd, KVM_GET_DIRTY_LOG, &log));
	ASSERT_EQ(0, slat_get_slot_stats(self->fd, SLOT, &s));
	EXPECT_EQ(2ull, s.dirty_reported);
	EXPECT_EQ(0ull, s.dirty_now);
	EXPECT_EQ(1ull, s.rounds_scan);
	EXPECT_EQ(0ull, s.rounds_rmap);
	EXPECT_EQ(12ull, s.wrprot_leafs);
	EXPECT_EQ((uint32_t)SLAT_PROTECT_SCAN, s.protect);
	/* The host takes a page; the slot moves; then it goes, and its counts with it. */
	madvise(self->mem, PAGE_SIZE, MADV_DONTNEED);
	ASSERT_EQ(0, slat_get_slot_stats(self->fd, SLOT, &s));
	EXPECT_EQ(1ull, s.zapped);
	EXPECT_EQ(9ull, s.mapped[0]);
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA + SIZE));
	ASSERT_EQ(0, slat_get_slot_stats(self->fd, SLOT, &s));
	EXPECT_EQ(10ull, s.zapped);
	EXPECT_EQ(0ull, s.mapped[0]);
	EXPECT_EQ(GPA + SIZE, s.gpa);
	ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
	EXPECT_EQ(-ENOENT, slat_get_slot_stats(self->fd, SLOT, &s));
	EXPECT_EQ((uint32_t)SLAT_CHECK_NO_SLOT, last_error(self->fd).check);
	EXPECT_EQ(-EINVAL, slat_get_slot_stats(self->fd, 1u << 16, &s));
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA));
	ASSERT_EQ(0, slat_get_slot_stats(self->fd, SLOT, &s));
	EXPECT_EQ(0ull, s.faults_ram + s.zapped + s.wrprot_leafs + s.dirty_reported);
}

/* The VM's file @name in debugfs; empty where it cannot be read. */
static void debugfs_read(int vm, const char *name, char *text, size_t size)
{
	char path[96];
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/slat/%d-%d/%s", getpid(), vm, name);
	text[0] = 0;
	file = fopen(path, "r");
	if (!file)
		return;
	got = fread(text, 1, size - 1, file);
	text[got] = 0;
	fclose(file);
}

TEST_F(ext, ept_and_slots_in_debugfs)
{
	static char text[1 << 16];
	struct probe p;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA));
	for (uint64_t i = 0; i < 10; i++) {
		ASSERT_EQ(0, probe_write(&self->g, GPA + i * PAGE_SIZE, i, &p));
	}
	ASSERT_TRUE(probe_is_mmio(&self->g, GPA + SIZE));
	debugfs_read(self->fd, "ept", text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "generation 2 "));
	EXPECT_NE(NULL, strstr(text, "4 gfn 0x0-0x7ffffff table rwx"));
	EXPECT_NE(NULL, strstr(text, "   1 gfn 0x10000-0x10009 leaf rwx AD host-writable x10\n"));
	EXPECT_NE(NULL, strstr(text, "   1 gfn 0x10010-0x10010 mmio generation 2 current x1\n"));
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA));
	debugfs_read(self->fd, "ept", text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "0x10000-0x10009 leaf r-x A"));
	EXPECT_NE(NULL, strstr(text, "mmio generation 2 stale"));
	debugfs_read(self->fd, "histograms", text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "slot_change_ns "));
	EXPECT_NE(NULL, strstr(text, "lock_hold_ns "));
	debugfs_read(self->fd, "slots", text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "\n1 gpa 0x10000000 size 0x10000 "));
	EXPECT_NE(NULL, strstr(text, " mapped_4k 10 "));
}

struct race {
	int fd;
	volatile bool stop;
	volatile uint64_t asked;
	volatile int error;
};

static bool stats_race(struct race *race);

/* Asks everything, all the time; no answer may be an unexpected one. */
static void *race_main(void *arg)
{
	struct race *race = arg;
	struct slat_gpa_query q;
	struct slat_last_error e;
	uint32_t protect;

	while (!race->stop && !race->error) {
		for (uint64_t at = 0; at < 4 * PAGES; at++) {
			race->error |= slat_query_gpa(race->fd, GPA + at * PAGE_SIZE,
						      1u << at % 3, &q);
			if (q.reason == SLAT_GPA_BROKEN ||
			    (q.reason == SLAT_GPA_UNMAPPED && !(q.state & SLAT_GPA_STATE_SLOT)))
				race->error = -EPROTO;
		}
		slat_get_slot_policy(race->fd, SLOT, &protect);
		slat_set_slot_policy(race->fd, SLOT, SLAT_PROTECT_AUTO + race->asked % 4);
		race->error |= slat_get_last_error(race->fd, &e);
		if (!stats_race(race))
			race->error = -EPROTO;
		race->asked++;
	}
	return NULL;
}

/* A slot is there or not; where it is, no more is mapped than it has pages. */
static bool stats_race(struct race *race)
{
	struct slat_slot_stats s;
	int ret = slat_get_slot_stats(race->fd, SLOT, &s);

	return ret == -ENOENT || (!ret && s.size == SIZE && s.mapped[0] <= PAGES);
}

TEST_F_TIMEOUT(ext, beside_changing_slots, LONG_TIMEOUT)
{
	struct race race = { .fd = self->fd };
	uint64_t until = now_ms() + 2000, changes = 0;
	struct probe p;
	pthread_t thread;

	SLAT_ONLY(&self->g.vm);
	ASSERT_EQ(0, pthread_create(&thread, NULL, race_main, &race));
	while (now_ms() < until || race.asked < 10) {
		uint64_t gpa = GPA + changes % 3 * SIZE;

		ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES * (changes & 1), gpa));
		ASSERT_EQ(0, probe_write(&self->g, gpa + changes % PAGES * PAGE_SIZE, 1, &p));
		ASSERT_FALSE(p.mmio);
		ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES, gpa + SIZE));
		ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
		changes++;
		ASSERT_EQ(0, race.error);
	}
	race.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, race.error);
	EXPECT_LT(10ull, changes);
}

SLAT_TEST_MAIN
