// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_IOEVENTFD: the errno of each bad call, which writes signal and which go
 * to the client, in memory and ports; and that no write is lost or told twice
 * while eventfds come and go under a running vCPU.
 */
#include "test.h"

#include <cpuid.h>
#include <poll.h>
#include <sys/eventfd.h>

#define MMIO	0xd0000000ull
#define PORT	0x1234

#define MATCH	KVM_IOEVENTFD_FLAG_DATAMATCH
#define PIO	KVM_IOEVENTFD_FLAG_PIO
#define REMOVE	KVM_IOEVENTFD_FLAG_DEASSIGN

GUEST_CODE_BLOB(wr8, 64, "mov %al, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(wr16, 64, "mov %ax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(wr32, 64, "mov %eax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(wr64, 64, "mov %rax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(rd32, 64, "mov (%rbx), %eax\n hlt\n");
GUEST_CODE_BLOB(add32, 64, "add %eax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(fstp, 64, "fninit\n fld1\n fstpl (%rbx)\n hlt\n");
GUEST_CODE_BLOB(out8, 64, "out %al, %dx\n hlt\n");
GUEST_CODE_BLOB(out16, 64, "out %ax, %dx\n hlt\n");
GUEST_CODE_BLOB(out32, 64, "out %eax, %dx\n hlt\n");
GUEST_CODE_BLOB(in32, 64, "in %dx, %eax\n hlt\n");
GUEST_CODE_BLOB(outsb, 64, "rep outsb\n hlt\n");
GUEST_CODE_BLOB(stosl, 64, "rep stosl\n hlt\n");
/* Counts its writes, in a register, before it makes the next one. */
GUEST_CODE_BLOB(storm, 64, "1: mov %eax, (%rbx)\n inc %rcx\n jmp 1b\n");
GUEST_CODE_BLOB(port_storm, 64, "1: out %eax, %dx\n inc %rcx\n jmp 1b\n");

FIXTURE(ioeventfd) {
	struct guest g;
	int fd;
	pthread_t thread;
};

FIXTURE_SETUP(ioeventfd)
{
	guest_start(&self->g, MODE_LONG, wr32);
	self->fd = vm_must(eventfd(0, EFD_NONBLOCK), "eventfd");
}

FIXTURE_TEARDOWN(ioeventfd)
{
	guest_destroy(&self->g);
	close(self->fd);
}

static int assign(struct guest *g, int fd, uint64_t addr, uint32_t len, uint32_t flags,
		  uint64_t value)
{
	struct kvm_ioeventfd args = {
		.addr = addr, .len = len, .fd = fd, .flags = flags, .datamatch = value,
	};

	return vm_ioctl(g->vm.fd, KVM_IOEVENTFD, &args);
}

/* Signals since the last call. */
static uint64_t signals(int fd)
{
	uint64_t count = 0;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

static void set_access(struct guest *g, uint64_t address, uint64_t value)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rax = value;
	regs.rbx = address;
	regs.rdx = address;
	regs.rsi = regs.rdi = GUEST_DATA;
	regs.rip = GUEST_CODE;
	regs.rflags = 2;
	vcpu_set_regs(&g->vcpu, &regs);
}

enum outcome { HALTED, EXITED, WRONG };

/* Run to the halt: did an exit to the client come before it? */
static enum outcome run_access(struct guest *g)
{
	enum outcome outcome = HALTED;

	for (;;) {
		int ret = vcpu_run(&g->vcpu);
		uint32_t reason = g->vcpu.run->exit_reason;

		if (!ret && reason == KVM_EXIT_HLT)
			return outcome;
		if (ret || outcome != HALTED || (reason != KVM_EXIT_MMIO && reason != KVM_EXIT_IO)) {
			vcpu_describe_exit(&g->vcpu, ret);
			return WRONG;
		}
		outcome = EXITED;
	}
}

#define access_as(g, blob, address, value) ({		\
	guest_load(g, blob);				\
	set_access(g, address, value);			\
	run_access(g);					\
})

TEST_F(ioeventfd, errno_of_each_bad_call)
{
	struct guest *g = &self->g;
	int null = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EFAULT, vm_ioctl_num(g->vm.fd, KVM_IOEVENTFD, 0));
	EXPECT_EQ(-EINVAL, assign(g, self->fd, MMIO, 3, 0, 0));
	EXPECT_EQ(-EINVAL, assign(g, self->fd, MMIO, 16, 0, 0));
	EXPECT_EQ(-EINVAL, assign(g, self->fd, MMIO, ~0u, 0, 0));
	EXPECT_EQ(-EINVAL, assign(g, self->fd, -3ull, 4, 0, 0));
	EXPECT_EQ(-EINVAL, assign(g, self->fd, MMIO, 4, 1u << 5, 0));
	EXPECT_EQ(-EINVAL, assign(g, self->fd, MMIO, 4, 1u << 31, 0));
	EXPECT_EQ(-EINVAL, assign(g, self->fd, MMIO, 0, MATCH, 0));
	EXPECT_EQ(-EBADF, assign(g, -1, MMIO, 4, 0, 0));
	EXPECT_EQ(-EINVAL, assign(g, null, MMIO, 4, 0, 0));
	EXPECT_EQ(-EINVAL, assign(g, -1, MMIO, 3, 0, 0));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 4, REMOVE, 0));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 3, REMOVE, 0));
	EXPECT_EQ(-EBADF, assign(g, -1, MMIO, 3, REMOVE, 0));
	EXPECT_EQ(-EINVAL, assign(g, null, MMIO, 4, REMOVE, 0));
	EXPECT_EQ(0, assign(g, self->fd, -4ull, 2, 0, 0));
	close(null);
}

TEST_F(ioeventfd, what_may_stand_beside_what)
{
	struct guest *g = &self->g;
	int other = vm_must(eventfd(0, 0), "eventfd");

	EXPECT_EQ(0, assign(g, self->fd, MMIO, 4, 0, 0));
	EXPECT_EQ(-EEXIST, assign(g, self->fd, MMIO, 4, 0, 0));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO, 4, 0, 0));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO, 4, MATCH, 5));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO, 0, 0, 0));
	EXPECT_EQ(0, assign(g, other, MMIO, 2, 0, 0));
	EXPECT_EQ(0, assign(g, other, MMIO + 1, 4, 0, 0));
	EXPECT_EQ(0, assign(g, other, MMIO, 4, PIO, 0));

	EXPECT_EQ(0, assign(g, self->fd, MMIO + 16, 4, MATCH, 5));
	EXPECT_EQ(0, assign(g, self->fd, MMIO + 16, 4, MATCH, 6));
	EXPECT_EQ(0, assign(g, self->fd, MMIO + 16, 8, MATCH, 5));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO + 16, 4, MATCH, 5));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO + 16, 4, 0, 0));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO + 16, 0, 0, 0));

	EXPECT_EQ(0, assign(g, self->fd, MMIO + 32, 0, 0, 0));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO + 32, 0, 0, 0));
	EXPECT_EQ(-EEXIST, assign(g, other, MMIO + 32, 1, MATCH, 9));
	close(other);
}

TEST_F(ioeventfd, only_what_is_the_same_in_all_is_removed)
{
	struct guest *g = &self->g;
	int other = vm_must(eventfd(0, 0), "eventfd");

	ASSERT_EQ(0, assign(g, self->fd, MMIO, 4, MATCH, 5));
	EXPECT_EQ(-ENOENT, assign(g, other, MMIO, 4, REMOVE | MATCH, 5));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 4, REMOVE | MATCH, 6));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 4, REMOVE, 5));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 2, REMOVE | MATCH, 5));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 0, REMOVE, 0));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO + 1, 4, REMOVE | MATCH, 5));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 4, REMOVE | MATCH | PIO, 5));
	EXPECT_EQ(0, assign(g, self->fd, MMIO, 4, REMOVE | MATCH, 5));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 4, REMOVE | MATCH, 5));
	ASSERT_EQ(0, assign(g, self->fd, MMIO, 4, 0, 0));
	EXPECT_EQ(-ENOENT, assign(g, self->fd, MMIO, 4, REMOVE | MATCH, 0));
	EXPECT_EQ(0, assign(g, self->fd, MMIO, 4, REMOVE, 77));
	close(other);
}

/* The flag of another architecture: KVM takes it, for a bus that nobody writes. */
TEST_F(ioeventfd, flag_of_another_architecture)
{
	if (vm_is_kvm(&self->g.vm))
		SKIP(return, "KVM registers it on a bus that x86 has not");
	EXPECT_EQ(-EINVAL, assign(&self->g, self->fd, MMIO, 4,
				  KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY, 0));
}

TEST_F(ioeventfd, memory_write_of_each_size)
{
	struct guest *g = &self->g;

	for (unsigned int len = 1; len <= 8; len *= 2)
		ASSERT_EQ(0, assign(g, self->fd, MMIO + 16 * len, len, 0, 0));
	EXPECT_EQ(HALTED, access_as(g, wr8, MMIO + 16, 1));
	EXPECT_EQ(HALTED, access_as(g, wr16, MMIO + 32, 1));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 64, 1));
	EXPECT_EQ(HALTED, access_as(g, wr64, MMIO + 128, 1));
	EXPECT_EQ(4ull, signals(self->fd));
	/* Another length or address, or a read, is the client's. */
	EXPECT_EQ(EXITED, access_as(g, wr16, MMIO + 16, 1));
	EXPECT_EQ(EXITED, access_as(g, wr8, MMIO + 32, 1));
	EXPECT_EQ(EXITED, access_as(g, wr64, MMIO + 64, 1));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 65, 1));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 62, 1));
	EXPECT_EQ(EXITED, access_as(g, rd32, MMIO + 64, 1));
	EXPECT_EQ(0ull, signals(self->fd));
}

TEST_F(ioeventfd, port_write_of_each_size)
{
	struct guest *g = &self->g;

	for (unsigned int len = 1; len <= 4; len *= 2)
		ASSERT_EQ(0, assign(g, self->fd, PORT + len, len, PIO, 0));
	EXPECT_EQ(HALTED, access_as(g, out8, PORT + 1, 1));
	EXPECT_EQ(HALTED, access_as(g, out16, PORT + 2, 1));
	EXPECT_EQ(HALTED, access_as(g, out32, PORT + 4, 1));
	EXPECT_EQ(3ull, signals(self->fd));
	EXPECT_EQ(EXITED, access_as(g, out16, PORT + 1, 1));
	EXPECT_EQ(EXITED, access_as(g, out32, PORT + 3, 1));
	EXPECT_EQ(EXITED, access_as(g, in32, PORT + 4, 1));
	EXPECT_EQ(EXITED, access_as(g, wr32, PORT + 4 + MMIO, 1));
	EXPECT_EQ(0ull, signals(self->fd));
}

TEST_F(ioeventfd, only_the_value_asked_for)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, assign(g, self->fd, MMIO, 4, MATCH, 0x89abcdef));
	ASSERT_EQ(0, assign(g, self->fd, MMIO, 8, MATCH, 0x89abcdef));
	ASSERT_EQ(0, assign(g, self->fd, PORT, 1, MATCH | PIO, 0x80));
	/* More than the length can hold: never. */
	ASSERT_EQ(0, assign(g, self->fd, MMIO + 16, 1, MATCH, 0x180));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO, 0x1289abcdefull));
	EXPECT_EQ(HALTED, access_as(g, wr64, MMIO, 0x89abcdefull));
	EXPECT_EQ(HALTED, access_as(g, out8, PORT, 0x180));
	EXPECT_EQ(3ull, signals(self->fd));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO, 0x89abcdeeull));
	EXPECT_EQ(EXITED, access_as(g, wr64, MMIO, 0x189abcdefull));
	EXPECT_EQ(EXITED, access_as(g, out8, PORT, 0x81));
	EXPECT_EQ(EXITED, access_as(g, wr8, MMIO + 16, 0x80));
	EXPECT_EQ(0ull, signals(self->fd));
}

TEST_F(ioeventfd, length_zero_takes_every_write_to_its_address)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, assign(g, self->fd, MMIO + 16, 0, 0, 0));
	ASSERT_EQ(0, assign(g, self->fd, PORT, 0, PIO, 0));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(HALTED, access_as(g, wr8, MMIO + 16, i));
		EXPECT_EQ(HALTED, access_as(g, wr16, MMIO + 16, i));
		EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 16, i));
		EXPECT_EQ(HALTED, access_as(g, wr64, MMIO + 16, i));
		EXPECT_EQ(HALTED, access_as(g, out8, PORT, i));
		EXPECT_EQ(HALTED, access_as(g, out32, PORT, i));
		EXPECT_EQ(6ull, signals(self->fd));
		EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 20, i));
		EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 15, i));
		EXPECT_EQ(0ull, signals(self->fd));
	}
	EXPECT_EQ(0, assign(g, self->fd, MMIO + 16, 0, REMOVE, 0));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 16, 1));
	EXPECT_EQ(0ull, signals(self->fd));
}

/* FSTP is in no emulator: only its length can have been looked at. */
TEST_F(ioeventfd, length_zero_on_a_known_page_needs_no_decoder)
{
	struct guest *g = &self->g;
	unsigned int eax, ebx, ecx, edx;

	__cpuid(1, eax, ebx, ecx, edx);
	if (ecx & 1u << 31)
		SKIP(return, "below another hypervisor the length is not trusted");
	ASSERT_EQ(0, assign(g, self->fd, MMIO, 0, 0, 0));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO, 1));
	EXPECT_EQ(HALTED, access_as(g, fstp, MMIO, 1));
	EXPECT_EQ(2ull, signals(self->fd));
	EXPECT_EQ(GUEST_CODE + (fstp_end - fstp_start), vcpu_regs(&g->vcpu).rip);
}

/* The write half of an instruction whose read half the client has answered. */
TEST_F(ioeventfd, read_goes_to_the_client_and_the_write_signals)
{
	struct kvm_run *run = self->g.vcpu.run;

	ASSERT_EQ(0, assign(&self->g, self->fd, MMIO, 4, MATCH, 0x111));
	guest_load(&self->g, add32);
	set_access(&self->g, MMIO, 0x11);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	EXPECT_EQ(0, run->mmio.is_write);
	memcpy(run->mmio.data, "\x00\x01\0\0", 4);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(1ull, signals(self->fd));
}

/* A write across pages is two; each is looked up for itself. */
TEST_F(ioeventfd, one_half_of_a_write_across_pages)
{
	struct kvm_run *run = self->g.vcpu.run;

	ASSERT_EQ(0, assign(&self->g, self->fd, MMIO + 0xffc, 4, MATCH, 0x44332211));
	guest_load(&self->g, wr64);
	set_access(&self->g, MMIO + 0xffc, 0x8877665544332211);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	EXPECT_EQ(MMIO + 0x1000, run->mmio.phys_addr);
	EXPECT_EQ(4u, run->mmio.len);
	EXPECT_EQ(0, memcmp(run->mmio.data, "\x55\x66\x77\x88", 4));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(1ull, signals(self->fd));
}

/* Elements of a string that match are the eventfd's, the others the client's, in order. */
TEST_F(ioeventfd, string_to_a_port)
{
	struct kvm_regs regs;
	uint8_t seen[8];
	unsigned int n = 0;

	ASSERT_EQ(0, assign(&self->g, self->fd, PORT, 1, MATCH | PIO, 7));
	memcpy(self->g.ram + GUEST_DATA, "\1\7\2\7\7\3\7", 7);
	guest_load(&self->g, outsb);
	set_access(&self->g, PORT, 0);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rcx = 7;
	vcpu_set_regs(&self->g.vcpu, &regs);
	for (;;) {
		struct kvm_run *run = self->g.vcpu.run;

		ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
		if (run->exit_reason == KVM_EXIT_HLT)
			break;
		ASSERT_EQ((uint32_t)KVM_EXIT_IO, run->exit_reason);
		ASSERT_GT(sizeof(seen), n + run->io.count);
		memcpy(seen + n, (char *)run + run->io.data_offset, run->io.count);
		n += run->io.count;
	}
	EXPECT_EQ(3u, n);
	EXPECT_EQ(0, memcmp(seen, "\1\2\3", 3));
	EXPECT_EQ(4ull, signals(self->fd));
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(0ull, regs.rcx);
	EXPECT_EQ(GUEST_DATA + 7, regs.rsi);
}

TEST_F(ioeventfd, string_to_memory)
{
	struct kvm_regs regs;

	for (unsigned int i = 0; i < 100; i++)
		if (i != 40)
			ASSERT_EQ(0, assign(&self->g, self->fd, MMIO + 4 * i, 4, 0, 0));
	guest_load(&self->g, stosl);
	set_access(&self->g, MMIO, 5);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rcx = 100;
	regs.rdi = MMIO;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	EXPECT_EQ(MMIO + 160, self->g.vcpu.run->mmio.phys_addr);
	EXPECT_EQ(40ull, signals(self->fd));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(59ull, signals(self->fd));
}

/* Hundreds, registered in a scattered order, each with the right one found. */
TEST_F(ioeventfd, many)
{
	enum { N = 300 };
	struct guest *g = &self->g;
	int other = vm_must(eventfd(0, EFD_NONBLOCK), "eventfd");

	for (unsigned int i = 0; i < N; i++) {
		unsigned int k = i * 7919 % N;

		ASSERT_EQ(0, assign(g, k % 3 ? self->fd : other, MMIO + k / 4 * 8, 4, MATCH, k % 4));
	}
	for (unsigned int k = 0; k < N; k += 13) {
		EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + k / 4 * 8, k % 4));
		EXPECT_EQ(1ull, signals(k % 3 ? self->fd : other));
		EXPECT_EQ(0ull, signals(k % 3 ? other : self->fd));
		EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + k / 4 * 8, 4));
	}
	for (unsigned int k = 0; k < N; k += 2)
		ASSERT_EQ(0, assign(g, k % 3 ? self->fd : other, MMIO + k / 4 * 8, 4,
				    REMOVE | MATCH, k % 4));
	for (unsigned int k = 0; k < N; k += 29)
		EXPECT_EQ(k % 2 ? HALTED : EXITED, access_as(g, wr32, MMIO + k / 4 * 8, k % 4));
	close(other);
}

/* The client's fd is gone, what it named is not: the write is still swallowed. */
TEST_F(ioeventfd, closed_early)
{
	int fd = vm_must(eventfd(0, 0), "eventfd");

	ASSERT_EQ(0, assign(&self->g, fd, MMIO, 4, 0, 0));
	close(fd);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(HALTED, access_as(&self->g, wr32, MMIO, i));
	EXPECT_EQ(-EEXIST, assign(&self->g, self->fd, MMIO, 4, 0, 0));
}

static void *wait_for_signal(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	return (void *)(long)poll(&p, 1, 30000);
}

TEST_F(ioeventfd, wakes_who_waits)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, assign(&self->g, self->fd, MMIO, 4, 0, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_signal, &self->fd));
	usleep(10000);
	EXPECT_EQ(HALTED, access_as(&self->g, wr32, MMIO, 1));
	pthread_join(thread, &ret);
	EXPECT_EQ(1, (long)ret);
}

/*
 * Assign and remove under a vCPU that does nothing but write: each of its
 * writes is either signalled or told to the client, and none is signalled once
 * a removal has returned.
 */
#define race(blob, address, len, flags) do {						\
	uint64_t signalled = 0, late = 0, made;						\
	struct kvm_regs regs;								\
											\
	guest_load(&self->g, blob);							\
	set_access(&self->g, address, 5);						\
	regs = vcpu_regs(&self->g.vcpu);						\
	regs.rcx = 0;									\
	regs.rflags |= RFLAGS_IF;							\
	vcpu_set_regs(&self->g.vcpu, &regs);						\
	exits = 0;									\
	race_start(&self->g.vcpu, &self->thread);					\
	for (int i = 0; i < 300; i++) {							\
		ASSERT_EQ(0, assign(&self->g, self->fd, address, len, flags, 5));	\
		if (i % 8 == 0)								\
			usleep(500);							\
		ASSERT_EQ(0, assign(&self->g, self->fd, address, len, REMOVE | (flags), 5));	\
		signalled += signals(self->fd);						\
		if (i % 8 == 0)								\
			usleep(500);							\
		late += signals(self->fd);						\
	}										\
	race_stop(&self->g.vcpu, self->thread);						\
	made = vcpu_regs(&self->g.vcpu).rcx;						\
	EXPECT_EQ(0ull, late);								\
	EXPECT_LT(0ull, signalled);							\
	EXPECT_LT(0ull, exits);								\
	/* The last exit's write may not be counted yet. */				\
	EXPECT_LE(made, signalled + exits);						\
	EXPECT_GE(made + 1, signalled + exits);						\
} while (0)

static volatile uint64_t exits;
static volatile bool race_over;

static void *race_main(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!race_over) {
		int ret = vcpu_run(vcpu);

		if (ret == -EINTR)
			continue;
		if (ret || (vcpu->run->exit_reason != KVM_EXIT_IO &&
			    vcpu->run->exit_reason != KVM_EXIT_MMIO)) {
			vcpu_describe_exit(vcpu, ret);
			break;
		}
		exits++;
	}
	return NULL;
}

static void race_kick(int sig)
{
}

static void race_start(struct vcpu *vcpu, pthread_t *thread)
{
	struct sigaction action = { .sa_handler = race_kick };

	sigaction(SIGUSR1, &action, NULL);
	race_over = false;
	vm_must(-pthread_create(thread, NULL, race_main, vcpu), "thread");
}

static void race_stop(struct vcpu *vcpu, pthread_t thread)
{
	race_over = true;
	vcpu->run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	vcpu->run->immediate_exit = 0;
}

TEST_F_TIMEOUT(ioeventfd, come_and_go_under_a_writing_vcpu, LONG_TIMEOUT)
{
	race(storm, MMIO, 4, 0);
}

TEST_F_TIMEOUT(ioeventfd, come_and_go_with_a_value, LONG_TIMEOUT)
{
	race(storm, MMIO, 4, MATCH);
}

TEST_F_TIMEOUT(ioeventfd, come_and_go_without_a_length, LONG_TIMEOUT)
{
	race(storm, MMIO, 0, 0);
}

TEST_F_TIMEOUT(ioeventfd, come_and_go_on_a_port, LONG_TIMEOUT)
{
	race(port_storm, PORT, 4, PIO);
}

/* The VM goes while its eventfds are signalled; they stay good for their owner. */
TEST_F_TIMEOUT(ioeventfd, vm_ends_with_eventfds, LONG_TIMEOUT)
{
	for (int i = 0; i < 20; i++) {
		struct guest g;

		guest_start(&g, MODE_LONG, wr32);
		ASSERT_EQ(0, assign(&g, self->fd, MMIO, 4, 0, 0));
		ASSERT_EQ(0, assign(&g, self->fd, PORT, 0, PIO, 0));
		EXPECT_EQ(HALTED, access_as(&g, wr32, MMIO, 1));
		guest_destroy(&g);
		EXPECT_EQ(1ull, signals(self->fd));
	}
}

SLAT_TEST_MAIN
