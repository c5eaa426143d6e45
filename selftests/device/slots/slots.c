// SPDX-License-Identifier: GPL-2.0
/*
 * What slot changes do to a guest: after each ioctl returns, the next guest
 * access must see the new map. One thread; the probe guest makes one 8-byte
 * access per call. Races with a running guest are in slots_race.c.
 */
#include "test.h"

#define SLOT		1
#define GPA		0x10000000ul
#define GPA2		0x18000000ul
#define SIZE		(64 * PAGE_SIZE)

FIXTURE(slots) {
	struct guest g;
	uint64_t *mem;
	uint64_t *mem2;
};

FIXTURE_SETUP(slots)
{
	probe_init(&self->g);
	self->mem = vm_alloc(SIZE);
	self->mem2 = vm_alloc(SIZE);
	for (size_t i = 0; i < SIZE / 8; i++) {
		self->mem[i] = 0x1000000 + i;
		self->mem2[i] = 0x2000000 + i;
	}
}

FIXTURE_TEARDOWN(slots)
{
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
	vm_free(self->mem2, SIZE);
}

#define set_slot(id, flags, gpa, hva) vm_set_slot(&self->g.vm, id, flags, gpa, SIZE, hva)
#define delete_slot(id) vm_delete_slot(&self->g.vm, id)

TEST_F(slots, no_slot_is_mmio)
{
	struct probe p;

	EXPECT_TRUE(probe_is_mmio(&self->g, GPA));
	ASSERT_EQ(0, probe_write(&self->g, GPA + 8, 0x1122334455667788, &p));
	EXPECT_TRUE(p.mmio);
	EXPECT_TRUE(p.is_write);
	EXPECT_EQ(GPA + 8, p.addr);
	EXPECT_EQ(8u, p.len);
	EXPECT_EQ(0x1122334455667788ull, p.value);
}

TEST_F(slots, create_is_visible_to_the_vcpu_that_saw_mmio)
{
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(probe_is_mmio(&self->g, GPA));
	}
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA, self->mem[0]));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + SIZE - 8, self->mem[SIZE / 8 - 1]));
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA + SIZE));
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA - 8));
}

TEST_F(slots, guest_writes_reach_the_host)
{
	struct probe p;

	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	ASSERT_EQ(0, probe_write(&self->g, GPA + 0x1008, 0xabcdef, &p));
	EXPECT_FALSE(p.mmio);
	EXPECT_EQ(0xabcdefull, self->mem[0x1008 / 8]);
	self->mem[0x2000 / 8] = 0x777;
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + 0x2000, 0x777));
}

TEST_F(slots, delete_is_visible_at_once)
{
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	for (uint64_t off = 0; off < SIZE; off += PAGE_SIZE) {
		ASSERT_TRUE(probe_is_ram(&self->g, GPA + off, self->mem[off / 8]));
	}
	ASSERT_EQ(0, delete_slot(SLOT));
	for (uint64_t off = 0; off < SIZE; off += PAGE_SIZE) {
		ASSERT_TRUE(probe_is_mmio(&self->g, GPA + off));
	}
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem2));
	for (uint64_t off = 0; off < SIZE; off += PAGE_SIZE) {
		ASSERT_TRUE(probe_is_ram(&self->g, GPA + off, self->mem2[off / 8]));
	}
}

TEST_F(slots, delete_leaves_other_slots_alone)
{
	ASSERT_EQ(0, set_slot(1, 0, GPA, self->mem));
	ASSERT_EQ(0, set_slot(2, 0, GPA + SIZE, self->mem2));
	ASSERT_TRUE(probe_is_ram(&self->g, GPA + SIZE - 8, self->mem[SIZE / 8 - 1]));
	ASSERT_TRUE(probe_is_ram(&self->g, GPA + SIZE, self->mem2[0]));
	ASSERT_EQ(0, delete_slot(1));
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA + SIZE - 8));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + SIZE, self->mem2[0]));
}

/* Nothing of the old backing is reachable once DELETE has returned. */
TEST_F(slots, deleted_memory_is_the_hosts_alone)
{
	struct probe p;

	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	for (uint64_t off = 0; off < SIZE; off += PAGE_SIZE) {
		ASSERT_EQ(0, probe_write(&self->g, GPA + off, off, &p));
	}
	ASSERT_EQ(0, delete_slot(SLOT));
	munmap(self->mem, SIZE);
	ASSERT_EQ(self->mem, mmap(self->mem, SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	memset(self->mem, 0xaa, SIZE);
	for (uint64_t off = 0; off < SIZE; off += PAGE_SIZE) {
		ASSERT_EQ(0, probe_write(&self->g, GPA + off, 0x5555, &p));
		ASSERT_TRUE(p.mmio);
	}
	for (size_t i = 0; i < SIZE / 8; i++) {
		ASSERT_EQ(0xaaaaaaaaaaaaaaaaull, self->mem[i]);
	}
}

TEST_F(slots, move)
{
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	ASSERT_TRUE(probe_is_ram(&self->g, GPA, self->mem[0]));
	ASSERT_TRUE(probe_is_mmio(&self->g, GPA2));
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA2, self->mem));
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA2, self->mem[0]));
}

TEST_F(slots, move_over_its_own_place)
{
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	for (int i = 0; i < 50; i++) {
		uint64_t gpa = GPA + (i & 1) * PAGE_SIZE;

		ASSERT_EQ(0, set_slot(SLOT, 0, gpa, self->mem));
		ASSERT_TRUE(probe_is_ram(&self->g, GPA + PAGE_SIZE,
					 self->mem[(GPA + PAGE_SIZE - gpa) / 8]));
		ASSERT_TRUE(probe_is_mmio(&self->g, i & 1 ? GPA : GPA + SIZE));
	}
}

TEST_F(slots, refused_changes_change_nothing)
{
	ASSERT_EQ(0, set_slot(1, 0, GPA, self->mem));
	ASSERT_EQ(0, set_slot(2, 0, GPA2, self->mem2));
	ASSERT_EQ(-EEXIST, set_slot(2, 0, GPA + PAGE_SIZE, self->mem2));
	ASSERT_EQ(-EINVAL, set_slot(1, KVM_MEM_READONLY, GPA, self->mem));
	ASSERT_EQ(-EINVAL, set_slot(1, 0, GPA, self->mem2));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + PAGE_SIZE, self->mem[PAGE_SIZE / 8]));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA2, self->mem2[0]));
}

TEST_F(slots, readonly_reads_are_ram_and_writes_are_mmio)
{
	struct probe p;

	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_READONLY, GPA, self->mem));
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(probe_is_ram(&self->g, GPA + 16, self->mem[2]));
		ASSERT_EQ(0, probe_write(&self->g, GPA + 16, 0x99, &p));
		EXPECT_TRUE(p.mmio);
		EXPECT_EQ(GPA + 16, p.addr);
		EXPECT_EQ(0x99ull, p.value);
		EXPECT_EQ(0x1000002ull, self->mem[2]);
	}
	/* A write before the first read of a page. */
	ASSERT_EQ(0, probe_write(&self->g, GPA + PAGE_SIZE, 0x99, &p));
	EXPECT_TRUE(p.mmio);
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + PAGE_SIZE, self->mem[PAGE_SIZE / 8]));
	/* The host may still change it. */
	self->mem[2] = 0x4242;
	EXPECT_TRUE(probe_is_ram(&self->g, GPA + 16, 0x4242));
}

TEST_F(slots, readonly_over_a_readonly_mapping)
{
	struct probe p;

	mprotect(self->mem, SIZE, PROT_READ);
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_READONLY, GPA, self->mem));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA, self->mem[0]));
	ASSERT_EQ(0, probe_write(&self->g, GPA, 1, &p));
	EXPECT_TRUE(p.mmio);
}

/* Flags of a live slot: only dirty logging may change, and data stays. */
TEST_F(slots, log_flag_toggles_keep_the_data)
{
	struct probe p;
	int ret = set_slot(SLOT, KVM_MEM_LOG_DIRTY_PAGES, GPA, self->mem);

	if (ret == -EINVAL)
		SKIP(return, "no dirty logging on this device");
	ASSERT_EQ(0, ret);
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, probe_write(&self->g, GPA + 8 * i, i, &p));
		EXPECT_FALSE(p.mmio);
		ASSERT_EQ(0, set_slot(SLOT, i & 1 ? KVM_MEM_LOG_DIRTY_PAGES : 0, GPA, self->mem));
		EXPECT_TRUE(probe_is_ram(&self->g, GPA + 8 * i, i));
	}
}

/* An exit that is pending while its slot comes is finished as the exit it was. */
TEST_F(slots, pending_mmio_outlives_the_slot_change)
{
	struct kvm_regs regs = vcpu_regs(&self->g.vcpu);
	uint64_t before = self->mem[0];

	regs.rip = GUEST_CODE;
	regs.rbx = GPA;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	memset(self->g.vcpu.run->mmio.data, 0x3c, 8);
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(0x3c3c3c3c3c3c3c3cull, vcpu_regs(&self->g.vcpu).rax);
	EXPECT_TRUE(probe_is_ram(&self->g, GPA, before));

	ASSERT_EQ(0, delete_slot(SLOT));
	regs.rip = GUEST_CODE + 16;
	regs.rax = 0xbad;
	vcpu_set_regs(&self->g.vcpu, &regs);
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_MMIO));
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	ASSERT_EQ(0, vcpu_run_to(&self->g.vcpu, KVM_EXIT_HLT));
	EXPECT_EQ(before, self->mem[0]);
}

TEST_F(slots, two_slots_on_one_hva)
{
	struct probe p;

	ASSERT_EQ(0, set_slot(1, 0, GPA, self->mem));
	ASSERT_EQ(0, set_slot(2, 0, GPA2, self->mem));
	ASSERT_EQ(0, probe_write(&self->g, GPA + 8, 0x1234, &p));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA2 + 8, 0x1234));
	ASSERT_EQ(0, delete_slot(1));
	EXPECT_TRUE(probe_is_mmio(&self->g, GPA + 8));
	EXPECT_TRUE(probe_is_ram(&self->g, GPA2 + 8, 0x1234));
}

TEST_F(slots, six_hundred_updates_then_mmio)
{
	ASSERT_TRUE(probe_is_mmio(&self->g, GPA2));
	for (int i = 0; i < 300; i++) {
		ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
		ASSERT_EQ(0, delete_slot(SLOT));
		ASSERT_TRUE(probe_is_mmio(&self->g, GPA2));
	}
	ASSERT_EQ(0, set_slot(SLOT, 0, GPA, self->mem));
	for (int i = 0; i < 1000; i++) {
		ASSERT_TRUE(probe_is_mmio(&self->g, GPA2 + 8 * (i & 63)));
	}
	EXPECT_TRUE(probe_is_ram(&self->g, GPA, self->mem[0]));
}

TEST_F(slots, many_slots)
{
	int n = vm_check_extension(self->g.vm.dev, KVM_CAP_NR_MEMSLOTS);

	if (n > 500)
		n = 500;
	/* Every second page, so that slots and holes alternate. */
	for (int i = 1; i < n; i++) {
		ASSERT_EQ(0, vm_set_slot(&self->g.vm, i, 0, GPA + 2 * i * PAGE_SIZE, PAGE_SIZE,
					 (char *)self->mem + (i % 64) * PAGE_SIZE));
	}
	for (int i = 1; i < n; i += 7) {
		ASSERT_TRUE(probe_is_ram(&self->g, GPA + 2 * i * PAGE_SIZE,
					 self->mem[(i % 64) * PAGE_SIZE / 8]));
		ASSERT_TRUE(probe_is_mmio(&self->g, GPA + (2 * i + 1) * PAGE_SIZE));
	}
	for (int i = 1; i < n; i += 2) {
		ASSERT_EQ(0, delete_slot(i));
	}
	for (int i = 2; i < n; i += 6) {
		ASSERT_TRUE(probe_is_ram(&self->g, GPA + 2 * i * PAGE_SIZE,
					 self->mem[(i % 64) * PAGE_SIZE / 8]));
		ASSERT_TRUE(probe_is_mmio(&self->g, GPA + 2 * (i - 1) * PAGE_SIZE));
	}
}

/* The guest's own tables and code go away under it: an exit, never a loop. */
TEST_F(slots, deleting_the_code_slot_stops_the_guest)
{
	struct kvm_run *run = self->g.vcpu.run;
	int ret;

	ASSERT_TRUE(probe_is_mmio(&self->g, GPA));
	ASSERT_EQ(0, delete_slot(0));
	ret = vcpu_run(&self->g.vcpu);
	ASSERT_EQ(0, ret);
	EXPECT_TRUE(run->exit_reason == KVM_EXIT_SHUTDOWN ||
		    run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		vcpu_describe_exit(&self->g.vcpu, ret);
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, 0, 0, 0, GUEST_RAM, self->g.ram));
}

/*
 * Page tables in a READONLY slot with their A bits clear: the walk's write
 * can't be done, so the run must end, not spin. (KVM emulates on until an
 * access of its own ends the run; an internal error is the plainer answer.)
 */
TEST_F(slots, page_tables_in_a_readonly_slot_end_the_run)
{
	uint64_t *pml4 = (uint64_t *)((char *)self->mem + PAGE_SIZE);
	struct kvm_sregs s = vcpu_sregs(&self->g.vcpu);
	uint32_t reason;

	memcpy(pml4, self->g.ram + GUEST_PML4, PAGE_SIZE);
	pml4[0] &= ~PTE_A;
	ASSERT_EQ(0, set_slot(SLOT, KVM_MEM_READONLY, GPA, self->mem));
	s.cr3 = GPA + PAGE_SIZE;
	ASSERT_EQ(0, vcpu_set_sregs(&self->g.vcpu, &s));
	ASSERT_EQ(0, vcpu_run(&self->g.vcpu));
	reason = self->g.vcpu.run->exit_reason;
	EXPECT_TRUE(reason == KVM_EXIT_INTERNAL_ERROR || reason == KVM_EXIT_MMIO)
		vcpu_describe_exit(&self->g.vcpu, 0);
	EXPECT_EQ(0ull, pml4[0] & PTE_A);
}

SLAT_TEST_MAIN
