// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO and PIO: which writes go to the ring and which to the client,
 * what a full or scribbled ring does, and that no write is lost while zones
 * come and go and a client drains the ring under running vCPUs.
 */
#include "test.h"

#define MMIO	0xd0000000ull
#define PORT	0x1234
#define RING_MAX	((PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) / \
			 sizeof(struct kvm_coalesced_mmio))
#define ZONES_MAX	1000

GUEST_CODE_BLOB(wr8, 64, "mov %al, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(wr16, 64, "mov %ax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(wr32, 64, "mov %eax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(wr64, 64, "mov %rax, (%rbx)\n hlt\n");
GUEST_CODE_BLOB(rd32, 64, "mov (%rbx), %eax\n hlt\n");
GUEST_CODE_BLOB(out16, 64, "out %ax, %dx\n hlt\n");
GUEST_CODE_BLOB(in16, 64, "in %dx, %ax\n hlt\n");
GUEST_CODE_BLOB(stosw, 64, "rep stosw\n hlt\n");
GUEST_CODE_BLOB(storm, 64, "1: mov %ecx, (%rbx)\n inc %rcx\n jmp 1b\n");

FIXTURE(coalesced) {
	struct guest g;
	struct kvm_coalesced_mmio_ring *ring;
	pthread_t thread;
};

FIXTURE_SETUP(coalesced)
{
	int page;

	guest_start(&self->g, MODE_LONG, wr32);
	page = vm_check_extension(self->g.vm.dev, KVM_CAP_COALESCED_MMIO);
	ASSERT_EQ(KVM_COALESCED_MMIO_PAGE_OFFSET, page);
	ASSERT_LE((page + 1) * PAGE_SIZE, self->g.vm.run_size);
	self->ring = (void *)self->g.vcpu.run + page * PAGE_SIZE;
}

FIXTURE_TEARDOWN(coalesced)
{
	guest_destroy(&self->g);
}

static int zone_call(struct guest *g, unsigned long request, uint64_t addr, uint32_t size,
		     uint32_t pio)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = addr, .size = size, .pio = pio };

	return vm_ioctl(g->vm.fd, request, &zone);
}

#define add(g, addr, size, pio)	zone_call(g, KVM_REGISTER_COALESCED_MMIO, addr, size, pio)
#define del(g, addr, size, pio)	zone_call(g, KVM_UNREGISTER_COALESCED_MMIO, addr, size, pio)

static void set_access(struct guest *g, uint64_t address, uint64_t value)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rax = value;
	regs.rbx = address;
	regs.rdx = address;
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

/* Take the oldest entry; false when it is another one, or none. */
static bool take(struct kvm_coalesced_mmio_ring *ring, uint64_t addr, uint32_t len, uint64_t value,
		 uint32_t pio)
{
	struct kvm_coalesced_mmio entry = ring->coalesced_mmio[ring->first];
	bool there = ring->first != ring->last;
	uint64_t seen = 0;

	memcpy(&seen, entry.data, len);
	if (there && entry.phys_addr == addr && entry.len == len && seen == value &&
	    entry.pio == pio) {
		ring->first = (ring->first + 1) % RING_MAX;
		return true;
	}
	fprintf(stderr, "# first %u last %u: addr 0x%llx len %u data 0x%llx pio %u\n",
		ring->first, ring->last, entry.phys_addr, entry.len, (unsigned long long)seen,
		entry.pio);
	return false;
}

TEST_F(coalesced, capabilities_and_an_empty_ring)
{
	EXPECT_EQ(1, vm_check_extension(self->g.vm.dev, KVM_CAP_COALESCED_PIO));
	EXPECT_EQ(0u, self->ring->first);
	EXPECT_EQ(0u, self->ring->last);
	EXPECT_EQ(EXITED, access_as(&self->g, wr32, MMIO, 1));
	EXPECT_EQ(0u, self->ring->last);
}

TEST_F(coalesced, errno_of_each_bad_call)
{
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->g.vm.fd, KVM_REGISTER_COALESCED_MMIO, 0));
	EXPECT_EQ(-EFAULT, vm_ioctl_num(self->g.vm.fd, KVM_UNREGISTER_COALESCED_MMIO, 0));
	EXPECT_EQ(-EINVAL, add(&self->g, MMIO, 16, 2));
	EXPECT_EQ(-EINVAL, del(&self->g, MMIO, 16, ~0u));
	/* Nothing to remove is no error. */
	EXPECT_EQ(0, del(&self->g, MMIO, 16, 0));
}

TEST_F(coalesced, number_of_zones)
{
	struct guest *g = &self->g;

	for (unsigned int i = 0; i < ZONES_MAX; i++)
		ASSERT_EQ(0, add(g, MMIO + 16 * (i * 7 % ZONES_MAX), 8, 0));
	EXPECT_EQ(-ENOSPC, add(g, MMIO, 8, 0));
	EXPECT_EQ(0, add(g, PORT, 8, 1));
	for (unsigned int i = 0; i < ZONES_MAX; i += 97) {
		EXPECT_EQ(HALTED, access_as(g, wr64, MMIO + 16 * i, i));
		EXPECT_TRUE(take(self->ring, MMIO + 16 * i, 8, i, 0));
		EXPECT_EQ(EXITED, access_as(g, wr64, MMIO + 16 * i + 8, i));
	}
	ASSERT_EQ(0, del(g, MMIO + 16 * 97, 8, 0));
	EXPECT_EQ(0, add(g, MMIO, 8, 0));
}

TEST_F(coalesced, writes_inside_and_outside)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, add(g, MMIO + 0x100, 0x10, 0));
	EXPECT_EQ(HALTED, access_as(g, wr8, MMIO + 0x100, 0x11));
	EXPECT_EQ(HALTED, access_as(g, wr16, MMIO + 0x101, 0x2222));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 0x10c, 0x33333333));
	EXPECT_EQ(HALTED, access_as(g, wr64, MMIO + 0x108, 0x4444444444444444));
	EXPECT_EQ(4u, self->ring->last);
	EXPECT_TRUE(take(self->ring, MMIO + 0x100, 1, 0x11, 0));
	EXPECT_TRUE(take(self->ring, MMIO + 0x101, 2, 0x2222, 0));
	EXPECT_TRUE(take(self->ring, MMIO + 0x10c, 4, 0x33333333, 0));
	EXPECT_TRUE(take(self->ring, MMIO + 0x108, 8, 0x4444444444444444, 0));
	/* A part outside, all outside, a read, a port: the client's. */
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 0x0fe, 1));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 0x10d, 1));
	EXPECT_EQ(EXITED, access_as(g, wr64, MMIO + 0x110, 1));
	EXPECT_EQ(EXITED, access_as(g, rd32, MMIO + 0x100, 1));
	EXPECT_EQ(EXITED, access_as(g, out16, 0x100, 1));
	EXPECT_EQ(4u, self->ring->last);
}

TEST_F(coalesced, ports)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, add(g, PORT, 4, 1));
	EXPECT_EQ(HALTED, access_as(g, out16, PORT + 2, 0xabcd));
	EXPECT_TRUE(take(self->ring, PORT + 2, 2, 0xabcd, 1));
	EXPECT_EQ(EXITED, access_as(g, out16, PORT + 3, 1));
	EXPECT_EQ(EXITED, access_as(g, in16, PORT, 1));
	EXPECT_EQ(EXITED, access_as(g, wr16, PORT + MMIO, 1));
}

TEST_F(coalesced, removal)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, add(g, MMIO, 0x100, 0));
	ASSERT_EQ(0, add(g, MMIO, 0x80, 0));
	ASSERT_EQ(0, add(g, MMIO + 0x1000, 0x100, 0));
	ASSERT_EQ(0, add(g, MMIO, 0x100, 1));
	/* Not inside any zone, or of no size that KVM knows: nothing happens. */
	EXPECT_EQ(0, del(g, MMIO, 0x101, 0));
	EXPECT_EQ(0, del(g, MMIO - 1, 2, 0));
	EXPECT_EQ(0, del(g, MMIO, 0x80000000, 0));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 0x10, 1));
	/* A part takes each zone that holds it. */
	EXPECT_EQ(0, del(g, MMIO + 0x10, 4, 0));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 0x10, 2));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 0x90, 2));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 0x1010, 3));
	EXPECT_EQ(0, del(g, MMIO + 0x1000, 0x100, 0));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 0x1010, 4));
	EXPECT_TRUE(take(self->ring, MMIO + 0x10, 4, 1, 0));
	EXPECT_TRUE(take(self->ring, MMIO + 0x1010, 4, 3, 0));
}

/* KVM's search may miss a zone that another one lies in; either answer is legal there. */
TEST_F(coalesced, zones_in_zones)
{
	struct guest *g = &self->g;

	if (vm_is_kvm(&g->vm))
		SKIP(return, "KVM's binary search wants zones that don't overlap");
	ASSERT_EQ(0, add(g, MMIO, 0x1000, 0));
	ASSERT_EQ(0, add(g, MMIO + 0x100, 0x10, 0));
	ASSERT_EQ(0, add(g, MMIO + 0x200, 0x10, 0));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 0x300, 1));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 0x10e, 2));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 0x204, 3));
	EXPECT_EQ(0, del(g, MMIO + 0x800, 4, 0));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 0x204, 4));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 0x10e, 5));
	EXPECT_EQ(4u, self->ring->last);
}

/* Two zones side by side hold no write that lies in both. */
TEST_F(coalesced, zones_side_by_side)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, add(g, MMIO, 8, 0));
	ASSERT_EQ(0, add(g, MMIO + 8, 8, 0));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 4, 1));
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO + 8, 2));
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO + 6, 3));
	EXPECT_EQ(2u, self->ring->last);
}

TEST_F(coalesced, zone_that_wraps_or_is_empty_holds_nothing)
{
	struct guest *g = &self->g;

	EXPECT_EQ(0, add(g, -0x100ull, 0x200, 0));
	EXPECT_EQ(0, add(g, MMIO, 0, 0));
	EXPECT_EQ(EXITED, access_as(g, wr8, MMIO, 1));
	EXPECT_EQ(EXITED, access_as(g, wr8, 0xfee00000, 1));
}

/* The registers move on; the entries come in order. */
TEST_F(coalesced, string_instruction)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, add(&self->g, MMIO, 0x1000, 0));
	guest_load(&self->g, stosw);
	set_access(&self->g, MMIO, 0x720);
	regs = vcpu_regs(&self->g.vcpu);
	regs.rcx = 80;
	regs.rdi = MMIO + 0x40;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	for (unsigned int i = 0; i < 80; i++)
		ASSERT_TRUE(take(self->ring, MMIO + 0x40 + 2 * i, 2, 0x720, 0));
	EXPECT_EQ(self->ring->first, self->ring->last);
	regs = vcpu_regs(&self->g.vcpu);
	EXPECT_EQ(0ull, regs.rcx);
	EXPECT_EQ(MMIO + 0x40 + 160, regs.rdi);
}

/* Fill the ring from @start: one entry stays free, then the writes are the client's. */
#define fill(start) do {								\
	self->ring->first = self->ring->last = start;					\
	for (unsigned int i = 0; i < RING_MAX - 1; i++)					\
		ASSERT_EQ(HALTED, access_as(g, wr32, MMIO, i));				\
	ASSERT_EQ(((start) + RING_MAX - 1) % RING_MAX, self->ring->last);		\
	for (unsigned int i = 0; i < 3; i++)						\
		EXPECT_EQ(EXITED, access_as(g, wr32, MMIO, 1000 + i));			\
	EXPECT_EQ(1002u, *(uint32_t *)last_data);					\
	for (unsigned int i = 0; i < 3; i++)						\
		ASSERT_TRUE(take(self->ring, MMIO, 4, i, 0));				\
	for (unsigned int i = 0; i < 3; i++)						\
		EXPECT_EQ(HALTED, access_as(g, wr32, MMIO, RING_MAX - 1 + i));		\
	EXPECT_EQ(EXITED, access_as(g, wr32, MMIO, 5));					\
	for (unsigned int i = 3; i < RING_MAX + 2; i++)					\
		ASSERT_TRUE(take(self->ring, MMIO, 4, i, 0));				\
	EXPECT_EQ(self->ring->first, self->ring->last);					\
} while (0)

TEST_F_TIMEOUT(coalesced, full_ring, LONG_TIMEOUT)
{
	const void *last_data = self->g.vcpu.run->mmio.data;
	struct guest *g = &self->g;

	ASSERT_EQ(0, add(g, MMIO, 0x1000, 0));
	fill(RING_MAX - 1);
}

/*
 * 6.1's KVM counts modulo the ring what it subtracted modulo 2^32: from other
 * places it stops half way, or overwrites a full ring.
 */
TEST_F_TIMEOUT(coalesced, full_ring_from_anywhere, LONG_TIMEOUT)
{
	const void *last_data = self->g.vcpu.run->mmio.data;
	struct guest *g = &self->g;

	if (vm_is_kvm(&g->vm))
		SKIP(return, "6.1's KVM mistakes how full the ring is");
	ASSERT_EQ(0, add(g, MMIO, 0x1000, 0));
	fill(0u);
	fill(1u);
	fill(100u);
}

/* Indices that the client has scribbled over are no reason to write anywhere else. */
TEST_F(coalesced, indices_out_of_range)
{
	static const uint32_t bad[] = { RING_MAX, RING_MAX + 1, 4096, 0x7fffffff, 0x80000000, ~0u };
	struct guest *g = &self->g;

	ASSERT_EQ(0, add(g, MMIO, 0x1000, 0));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		self->ring->first = 0;
		self->ring->last = bad[i];
		EXPECT_EQ(EXITED, access_as(g, wr32, MMIO, 1));
		EXPECT_EQ(bad[i], self->ring->last);
		self->ring->first = bad[i];
		self->ring->last = bad[i];
		EXPECT_EQ(EXITED, access_as(g, wr32, MMIO, 1));
		/* Where the client reads does not matter to where is written. */
		self->ring->last = 5;
		EXPECT_NE(WRONG, access_as(g, wr32, MMIO, 1));
		EXPECT_GE(6u, self->ring->last);
	}
	self->ring->first = self->ring->last = 7;
	EXPECT_EQ(HALTED, access_as(g, wr32, MMIO, 2));
	EXPECT_TRUE(take(self->ring, MMIO, 4, 2, 0));
}

TEST_F(coalesced, every_vcpu_maps_the_same_ring)
{
	struct kvm_coalesced_mmio_ring *other;
	struct vcpu vcpu;

	guest_add_vcpu(&self->g, 1, MODE_LONG, &vcpu);
	other = (void *)vcpu.run + KVM_COALESCED_MMIO_PAGE_OFFSET * PAGE_SIZE;
	ASSERT_EQ(0, add(&self->g, MMIO, 0x1000, 0));
	EXPECT_EQ(HALTED, access_as(&self->g, wr32, MMIO, 0x77));
	EXPECT_TRUE(take(other, MMIO, 4, 0x77, 0));
	EXPECT_EQ(1u, self->ring->first);
	vcpu_destroy(&vcpu);
}

static volatile bool race_over;
static volatile uint64_t exits;

static void *race_main(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!race_over) {
		int ret = vcpu_run(vcpu);

		if (ret == -EINTR)
			continue;
		if (ret || vcpu->run->exit_reason != KVM_EXIT_MMIO) {
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

static void race_start(struct guest *g, pthread_t *thread)
{
	struct sigaction action = { .sa_handler = race_kick };
	struct kvm_regs regs;

	guest_load(g, storm);
	set_access(g, MMIO, 0);
	regs = vcpu_regs(&g->vcpu);
	regs.rcx = 0;
	regs.rflags |= RFLAGS_IF;
	vcpu_set_regs(&g->vcpu, &regs);
	sigaction(SIGUSR1, &action, NULL);
	race_over = false;
	exits = 0;
	vm_must(-pthread_create(thread, NULL, race_main, &g->vcpu), "thread");
}

static void race_stop(struct guest *g, pthread_t thread)
{
	race_over = true;
	g->vcpu.run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	g->vcpu.run->immediate_exit = 0;
}

/* Drain the ring: entries, each later than the one before; ~0 if one is not. */
static uint64_t drain(struct kvm_coalesced_mmio_ring *ring, uint32_t *next)
{
	uint64_t n = 0;

	while (ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
		struct kvm_coalesced_mmio *entry = &ring->coalesced_mmio[ring->first];
		uint32_t value;

		memcpy(&value, entry->data, 4);
		if (entry->phys_addr != MMIO || entry->len != 4 || entry->pio || value < *next)
			return ~0ull;
		*next = value + 1;
		__atomic_store_n(&ring->first, (ring->first + 1) % RING_MAX, __ATOMIC_RELEASE);
		n++;
	}
	return n;
}

/*
 * Each write is in the ring or was told by an exit, in order, and none enters
 * the ring once a removal has returned.
 */
TEST_F_TIMEOUT(coalesced, zones_come_and_go_under_a_writing_vcpu, LONG_TIMEOUT)
{
	uint64_t in_ring = 0, late = 0, made, n;
	uint32_t next = 0;

	race_start(&self->g, &self->thread);
	for (int i = 0; i < 300; i++) {
		ASSERT_EQ(0, add(&self->g, MMIO, 4, 0));
		for (int k = 0; k < 2 * !(i % 8); k++) {
			usleep(300);
			n = drain(self->ring, &next);
			ASSERT_NE(~0ull, n);
			in_ring += n;
		}
		ASSERT_EQ(0, del(&self->g, MMIO, 4, 0));
		n = drain(self->ring, &next);
		ASSERT_NE(~0ull, n);
		in_ring += n;
		if (i % 8 == 0)
			usleep(500);
		late += drain(self->ring, &next);
	}
	race_stop(&self->g, self->thread);
	made = vcpu_regs(&self->g.vcpu).rcx;
	EXPECT_EQ(0ull, late);
	EXPECT_LT(0ull, in_ring);
	EXPECT_LT(0ull, exits);
	/* 6.1's KVM may overwrite a full ring. */
	if (!vm_is_kvm(&self->g.vm))
		EXPECT_LE(made, in_ring + exits);
	EXPECT_GE(made + 1, in_ring + exits);
}

/* A client that writes nonsense into the ring while it is used harms itself alone. */
TEST_F_TIMEOUT(coalesced, scribbled_over_under_a_writing_vcpu, LONG_TIMEOUT)
{
	uint32_t x = 12345;

	ASSERT_EQ(0, add(&self->g, MMIO, 4, 0));
	race_start(&self->g, &self->thread);
	for (int i = 0; i < 200000; i++) {
		x = x * 1664525 + 1013904223;
		*(volatile uint32_t *)(x & 1 << 20 ? &self->ring->first : &self->ring->last) =
			x & 1 << 21 ? x >> 24 : x;
	}
	race_stop(&self->g, self->thread);
	self->ring->first = self->ring->last = 0;
	EXPECT_EQ(HALTED, access_as(&self->g, wr32, MMIO, 9));
	EXPECT_TRUE(take(self->ring, MMIO, 4, 9, 0));
}

/* The ring's page belongs to whoever still maps it. */
TEST_F(coalesced, mapping_survives_the_vm)
{
	struct guest g;
	struct kvm_coalesced_mmio_ring *ring;
	struct kvm_run *run;

	guest_start(&g, MODE_LONG, wr32);
	run = mmap(NULL, g.vm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, g.vcpu.fd, 0);
	ASSERT_NE(MAP_FAILED, run);
	ring = (void *)run + KVM_COALESCED_MMIO_PAGE_OFFSET * PAGE_SIZE;
	ASSERT_EQ(0, add(&g, MMIO, 4, 0));
	EXPECT_EQ(HALTED, access_as(&g, wr32, MMIO, 0x99));
	guest_destroy(&g);
	EXPECT_TRUE(take(ring, MMIO, 4, 0x99, 0));
	munmap(run, self->g.vm.run_size);
}

SLAT_TEST_MAIN
