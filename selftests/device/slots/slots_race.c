// SPDX-License-Identifier: GPL-2.0
/*
 * Slot changes under running vCPUs, lifetimes, and closes in every order. The
 * guest reports through a page of slot 0: what it read last and how often it
 * went round, so that the host can tell "after the ioctl" from "before".
 */
#include "test.h"

#include <sched.h>
#include <signal.h>

#define SLOT		1
#define GPA		0x10000000ul
#define GPA2		0x18000000ul
#define PAGES		32ul
#define SIZE		(PAGES * PAGE_SIZE)
#define RAM_TAG		0x5241524152415241ull
#define MMIO_TAG	0x4f494d4d4f494d4dull
#define POISON		0xa5a5a5a5a5a5a5a5ull

/*
 * rbx: address to read; rcx: report page. While the host says that it is RAM,
 * it is read by FLD too, which no emulator knows: a stale MMIO entry over RAM
 * then ends the run, however well the emulator would have served a MOV.
 */
GUEST_CODE_BLOB(reader, 64,
	"1: mov (%rbx), %rax\n"
	"mov %rax, (%rcx)\n"
	"cmpq $0, 16(%rcx)\n"
	"je 2f\n"
	"fldl (%rbx)\n"
	"fstp %st(0)\n"
	"2: incq 8(%rcx)\n"
	"jmp 1b\n");

/* rbx: first address to write, rdx: pages; rcx: report page. */
GUEST_CODE_BLOB(writer, 64,
	"1: mov %rbx, %rdi\n"
	"mov %rdx, %rsi\n"
	"2: mov %rsi, (%rdi)\n"
	"add $4096, %rdi\n"
	"dec %rsi\n"
	"jnz 2b\n"
	"incq 8(%rcx)\n"
	"jmp 1b\n");

struct report {
	volatile uint64_t value;
	volatile uint64_t rounds;
	volatile uint64_t native;
};

FIXTURE(race) {
	struct guest g;
	uint64_t *mem;
	struct report *report;
	struct runner r;
};

FIXTURE_SETUP(race)
{
	guest_start(&self->g, MODE_LONG, reader);
	self->mem = vm_alloc(SIZE);
	for (size_t i = 0; i < SIZE / 8; i++)
		self->mem[i] = RAM_TAG;
	self->report = (void *)(self->g.ram + GUEST_DATA);
	memset(&self->r, 0, sizeof(self->r));
	self->r.mmio_value = MMIO_TAG;
}

FIXTURE_TEARDOWN(race)
{
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
}

static void point_at(struct vcpu *vcpu, uint64_t gpa, unsigned int report)
{
	struct kvm_regs regs = vcpu_regs(vcpu);

	regs.rip = GUEST_CODE;
	regs.rbx = gpa;
	regs.rcx = GUEST_DATA + report * PAGE_SIZE;
	regs.rdx = PAGES;
	vcpu_set_regs(vcpu, &regs);
}

/* Wait until the guest began and finished a whole round from now on. */
static bool rounds_pass(struct report *report)
{
	uint64_t target = report->rounds + 2;
	uint64_t deadline = now_ms() + 10000;

	while (report->rounds < target) {
		if (now_ms() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

/* The slot was there before: the guest reads RAM, by any instruction. */
static bool reads_ram(struct report *report)
{
	bool ok;

	report->native = 1;
	ok = rounds_pass(report) && report->value == RAM_TAG;
	report->native = 0;
	return rounds_pass(report) && ok;
}

TEST_F_TIMEOUT(race, create_and_delete_under_a_reader, LONG_TIMEOUT)
{
	point_at(&self->g.vcpu, GPA, 0);
	runner_start(&self->r, &self->g.vcpu);
	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
		ASSERT_TRUE(reads_ram(self->report)) TH_LOG("round %d", i);
		ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
		ASSERT_TRUE(rounds_pass(self->report));
		ASSERT_EQ(MMIO_TAG, self->report->value) TH_LOG("round %d", i);
	}
	EXPECT_EQ(0, runner_stop(&self->r));
}

TEST_F_TIMEOUT(race, move_loop_ends_mmio_each_time, LONG_TIMEOUT)
{
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
	point_at(&self->g.vcpu, GPA, 0);
	runner_start(&self->r, &self->g.vcpu);
	for (int i = 0; i < 100; i++) {
		uint64_t exits;

		ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA2, SIZE, self->mem));
		ASSERT_TRUE(rounds_pass(self->report));
		ASSERT_EQ(MMIO_TAG, self->report->value);
		ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
		ASSERT_TRUE(reads_ram(self->report));
		exits = self->r.mmio_reads;
		ASSERT_TRUE(rounds_pass(self->report));
		ASSERT_EQ(exits, self->r.mmio_reads);
	}
	EXPECT_EQ(0, runner_stop(&self->r));
}

/* A slot that is always there must never look like MMIO, whatever changes. */
TEST_F_TIMEOUT(race, changes_elsewhere_never_touch_this_slot, LONG_TIMEOUT)
{
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
	point_at(&self->g.vcpu, GPA, 0);
	runner_start(&self->r, &self->g.vcpu);
	for (int i = 0; i < 500; i++) {
		ASSERT_EQ(0, vm_set_slot(&self->g.vm, 2, 0, GPA2, SIZE, self->mem));
		ASSERT_EQ(0, vm_set_slot(&self->g.vm, 2, 0, GPA2 + SIZE, SIZE, self->mem));
		ASSERT_EQ(0, vm_delete_slot(&self->g.vm, 2));
	}
	ASSERT_TRUE(rounds_pass(self->report));
	EXPECT_EQ(RAM_TAG, self->report->value);
	EXPECT_EQ(0ull, self->r.mmio_reads);
	EXPECT_EQ(0, runner_stop(&self->r));
}

/* Poison laid after DELETE returned must survive writers that never stop. */
TEST_F_TIMEOUT(race, deleted_memory_is_never_written, LONG_TIMEOUT)
{
	guest_load(&self->g, writer);
	point_at(&self->g.vcpu, GPA, 0);
	runner_start(&self->r, &self->g.vcpu);
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
		ASSERT_TRUE(rounds_pass(self->report));
		ASSERT_EQ(1ull, self->mem[(PAGES - 1) * PAGE_SIZE / 8]);
		ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
		memset(self->mem, (uint8_t)POISON, SIZE);
		ASSERT_TRUE(rounds_pass(self->report));
		for (size_t k = 0; k < PAGES; k++) {
			ASSERT_EQ(POISON, self->mem[k * PAGE_SIZE / 8])
				TH_LOG("round %d page %zu", i, k);
		}
	}
	EXPECT_EQ(0, runner_stop(&self->r));
}

TEST_F_TIMEOUT(race, discarded_memory_is_never_written, LONG_TIMEOUT)
{
	guest_load(&self->g, writer);
	point_at(&self->g.vcpu, GPA, 0);
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
	runner_start(&self->r, &self->g.vcpu);
	for (int i = 0; i < 100; i++) {
		char *other = vm_alloc(SIZE);

		/* The old pages, moved away, are this test's alone. */
		ASSERT_EQ(other, mremap(self->mem, SIZE, SIZE,
					MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, other));
		memset(other, (uint8_t)POISON, SIZE);
		ASSERT_TRUE(rounds_pass(self->report));
		for (size_t k = 0; k < SIZE; k += PAGE_SIZE) {
			ASSERT_EQ(POISON, *(uint64_t *)(other + k));
		}
		ASSERT_EQ(1ull, *(volatile uint64_t *)&self->mem[(PAGES - 1) * PAGE_SIZE / 8]);
		vm_free(other, SIZE);
	}
	EXPECT_EQ(0, runner_stop(&self->r));
}

TEST_F_TIMEOUT(race, four_vcpus_and_one_slot_that_comes_and_goes, LONG_TIMEOUT)
{
	struct vcpu vcpus[4];
	struct runner r[4] = {};

	for (int i = 1; i < 4; i++)
		guest_add_vcpu(&self->g, i, MODE_LONG, &vcpus[i]);
	vcpus[0] = self->g.vcpu;
	for (int i = 0; i < 4; i++) {
		point_at(&vcpus[i], GPA + i * PAGE_SIZE, i);
		r[i].mmio_value = MMIO_TAG;
		runner_start(&r[i], &vcpus[i]);
	}
	for (int k = 0; k < 20; k++) {
		bool create = !(k & 1);

		if (create) {
			ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
		}
		if (!create) {
			ASSERT_EQ(0, vm_delete_slot(&self->g.vm, SLOT));
		}
		for (int i = 0; i < 4; i++) {
			struct report *report = (void *)(self->g.ram + GUEST_DATA + i * PAGE_SIZE);

			if (create) {
				ASSERT_TRUE(reads_ram(report)) TH_LOG("vcpu %d round %d", i, k);
				continue;
			}
			ASSERT_TRUE(rounds_pass(report));
			ASSERT_EQ(MMIO_TAG, report->value) TH_LOG("vcpu %d round %d", i, k);
		}
	}
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, runner_stop(&r[i]));
	for (int i = 1; i < 4; i++)
		vcpu_destroy(&vcpus[i]);
}

struct updater {
	struct vm *vm;
	uint32_t slot;
	char *mem;
	int failures;
};

static void *update_slots(void *arg)
{
	struct updater *u = arg;
	uint64_t gpa = GPA2 + u->slot * SIZE;

	for (int i = 0; i < 100; i++) {
		u->failures += vm_set_slot(u->vm, u->slot, 0, gpa, SIZE, u->mem) != 0;
		u->failures += vm_delete_slot(u->vm, u->slot) != 0;
	}
	return NULL;
}

TEST_F_TIMEOUT(race, parallel_updates_of_different_slots, LONG_TIMEOUT)
{
	struct updater u[4];
	pthread_t threads[4];

	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
	point_at(&self->g.vcpu, GPA, 0);
	runner_start(&self->r, &self->g.vcpu);
	for (int i = 0; i < 4; i++) {
		u[i] = (struct updater) { &self->g.vm, 2 + i, (char *)self->mem, 0 };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, update_slots, &u[i]));
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, u[i].failures);
	}
	EXPECT_EQ(0ull, self->r.mmio_reads);
	EXPECT_EQ(0, runner_stop(&self->r));
}

TEST_F(race, vcpu_runs_on_after_the_vm_fd_is_closed)
{
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
	point_at(&self->g.vcpu, GPA, 0);
	close(self->g.vm.fd);
	runner_start(&self->r, &self->g.vcpu);
	EXPECT_TRUE(rounds_pass(self->report));
	EXPECT_EQ(RAM_TAG, self->report->value);
	EXPECT_EQ(0, runner_stop(&self->r));
}

TEST_F(race, every_fd_closed_under_a_running_vcpu)
{
	ASSERT_EQ(0, vm_set_slot(&self->g.vm, SLOT, 0, GPA, SIZE, self->mem));
	point_at(&self->g.vcpu, GPA, 0);
	runner_start(&self->r, &self->g.vcpu);
	ASSERT_TRUE(rounds_pass(self->report));
	close(self->g.vm.dev);
	close(self->g.vm.fd);
	close(self->g.vcpu.fd);
	EXPECT_TRUE(rounds_pass(self->report));
	EXPECT_EQ(RAM_TAG, self->report->value);
	/* Its next KVM_RUN may find the fd gone: the runner's error is no failure. */
	runner_stop(&self->r);
}

static void run_forever(void)
{
	struct guest g;
	struct runner r = {};

	guest_start(&g, MODE_LONG, writer);
	vm_must(vm_set_slot(&g.vm, SLOT, 0, GPA, SIZE, vm_alloc(SIZE)), "slot");
	point_at(&g.vcpu, GPA, 0);
	runner_start(&r, &g.vcpu);
	pause();
}

TEST_F(race, process_killed_while_its_guest_runs)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();
		int status;

		ASSERT_LE(0, pid);
		if (pid == 0)
			run_forever();
		usleep(200 * 1000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
}

static void *close_guesses(void *arg)
{
	struct vm *vm = arg;

	for (int i = 0; i < 2000; i++)
		close(vm->fd + 1 + i % 3);
	return NULL;
}

/* An fd may be closed by a guess before the call that made it has returned. */
TEST_F(race, fds_closed_while_they_are_created)
{
	struct vm vm;
	pthread_t thread;

	vm_create(&vm);
	ASSERT_EQ(0, pthread_create(&thread, NULL, close_guesses, &vm));
	for (int i = 0; i < 40; i++) {
		int ret = vcpu_create_raw(&vm, i);

		EXPECT_TRUE(ret >= 0 || ret == -EINVAL);
	}
	pthread_join(thread, NULL);
	close(vm.fd);
}

struct creator {
	struct vm *vm;
	int made;
	int exist;
};

static void *create_vcpus(void *arg)
{
	struct creator *c = arg;

	for (int id = 0; id < 16; id++) {
		int fd = vcpu_create_raw(c->vm, id);

		c->made += fd >= 0;
		c->exist += fd == -EEXIST;
	}
	return NULL;
}

TEST_F(race, vcpu_ids_are_unique_under_concurrent_creation)
{
	struct creator c[4];
	pthread_t threads[4];
	struct vm vm;
	int made = 0, exist = 0;

	vm_create(&vm);
	for (int i = 0; i < 4; i++) {
		c[i] = (struct creator) { &vm, 0, 0 };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, create_vcpus, &c[i]));
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		made += c[i].made;
		exist += c[i].exist;
	}
	EXPECT_EQ(16, made);
	EXPECT_EQ(48, exist);
	vm_destroy(&vm);
}

SLAT_TEST_MAIN
