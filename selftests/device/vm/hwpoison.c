// SPDX-License-Identifier: GPL-2.0
/*
 * Memory behind a slot is lost, as MADV_HWPOISON has it: the client gets SIGBUS
 * with the address, KVM_RUN ends with EINTR, and the guest stands where it was.
 * A page is gone from the machine with each case.
 */
#include "test.h"

#include <signal.h>

#define SLOT	1
#define GPA	0x10000000ul
#define PAGES	4
#define SIZE	(PAGES * PAGE_SIZE)
#define LOST	2

FIXTURE(hwpoison) {
	struct guest g;
	char *mem;
};

static volatile sig_atomic_t signals;
static siginfo_t last;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	last = *info;
	signals++;
}

FIXTURE_SETUP(hwpoison)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	probe_init(&self->g);
	self->mem = vm_alloc(SIZE);
	for (uint64_t i = 0; i < PAGES; i++)
		*(uint64_t *)(self->mem + i * PAGE_SIZE) = 0x100 + i;
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
	ASSERT_EQ(0, sigaction(SIGBUS, &action, NULL));
}

FIXTURE_TEARDOWN(hwpoison)
{
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
}

static char *lost_page(char *mem)
{
	return mem + LOST * PAGE_SIZE;
}

/* @code: GUEST_CODE reads, 16 bytes behind it writes. */
static int touch_lost(struct guest *g, uint64_t code)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rip = code;
	regs.rbx = GPA + LOST * PAGE_SIZE;
	regs.rax = 0xbad;
	vcpu_set_regs(&g->vcpu, &regs);
	return vcpu_run(&g->vcpu);
}

/* The kernel may tell of it at once, which is not what is asked here. */
static bool lose(char *mem)
{
	bool lost = !madvise(lost_page(mem), PAGE_SIZE, MADV_HWPOISON);

	signals = 0;
	return lost;
}

static void check_lost(struct __test_metadata *_metadata, struct guest *g, char *mem, uint64_t code)
{
	for (int i = 1; i <= 2; i++) {
		ASSERT_EQ(-EINTR, touch_lost(g, code));
		EXPECT_EQ(KVM_EXIT_INTR, g->vcpu.run->exit_reason);
		EXPECT_EQ(code, vcpu_regs(&g->vcpu).rip);
		ASSERT_EQ(i, signals);
		EXPECT_EQ(BUS_MCEERR_AR, last.si_code);
		EXPECT_EQ((void *)lost_page(mem), last.si_addr);
		EXPECT_EQ(12, last.si_addr_lsb);
	}
	/* The rest of the slot is as it was, and other memory can take the place. */
	EXPECT_TRUE(probe_is_ram(g, GPA + (LOST - 1) * PAGE_SIZE, 0x100 + LOST - 1));
	EXPECT_TRUE(probe_is_ram(g, GPA + (LOST + 1) * PAGE_SIZE, 0x100 + LOST + 1));
	ASSERT_EQ(lost_page(mem), mmap(lost_page(mem), PAGE_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_TRUE(probe_is_ram(g, GPA + LOST * PAGE_SIZE, 0));
	EXPECT_EQ(2, signals);
}

TEST_F(hwpoison, read_of_lost_memory_is_a_signal)
{
	ASSERT_TRUE(probe_is_ram(&self->g, GPA + LOST * PAGE_SIZE, 0x100 + LOST));
	if (!lose(self->mem))
		SKIP(return, "no MADV_HWPOISON: %s", strerror(errno));
	check_lost(_metadata, &self->g, self->mem, GUEST_CODE);
}

TEST_F(hwpoison, write_to_lost_memory_is_a_signal)
{
	struct probe p;

	ASSERT_EQ(0, probe_write(&self->g, GPA + LOST * PAGE_SIZE, 0x77, &p));
	if (!lose(self->mem))
		SKIP(return, "no MADV_HWPOISON: %s", strerror(errno));
	check_lost(_metadata, &self->g, self->mem, GUEST_CODE + 16);
}

/* Lost before the guest ever saw it. */
TEST_F(hwpoison, memory_lost_before_its_first_access_is_a_signal)
{
	if (!lose(self->mem))
		SKIP(return, "no MADV_HWPOISON: %s", strerror(errno));
	check_lost(_metadata, &self->g, self->mem, GUEST_CODE);
}

SLAT_TEST_MAIN
