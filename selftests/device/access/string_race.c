// SPDX-License-Identifier: GPL-2.0
/*
 * String instructions from a device into RAM (REP INS, REP MOVS) while slots are
 * deleted, moved, made again and change their flags, as a client does that splits
 * slots under running vCPUs. The device is the client: it numbers what it hands out.
 * Each number must arrive once, at its place: in RAM, or where no slot was, as an
 * MMIO write. A device that is asked again for what it has given would show.
 */
#include "test.h"
#include "uffd.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define SLOT		1
#define GPA		0x10000000ul
#define AWAY		0x18000000ul
#define DEVICE		0xd0000000ul
#define PORT		0x1234
#define PAGES		4ul		/* that are written */
#define ELEMENTS	(PAGES * PAGE_SIZE / 4)
#define LAST_PAGE	PAGES		/* and one whose fault sleeps */
#define SIZE		((PAGES + 1) * PAGE_SIZE)

/* Behind the string instruction, for another vCPU: one write. */
#define WRITE_RIP	(GUEST_CODE + 32)
#define ONE_WRITE	"hlt\n .balign 32\n mov %rax, (%rbx)\n hlt\n"

GUEST_CODE_BLOB(insl, 64, "rep insl\n" ONE_WRITE);
GUEST_CODE_BLOB(movsl, 64, "rep movsl\n" ONE_WRITE);

/* The client of one vCPU, in a thread of its own. */
struct client {
	struct vcpu *vcpu;
	uint32_t given;			/* numbers that the device has handed out */
	uint64_t mmio_writes;
	uint8_t mmio[ELEMENTS * 4];	/* what came as MMIO writes, by address */
	uint8_t nr_mmio[ELEMENTS * 4];
	pthread_t thread;
	volatile pid_t tid;
	volatile bool ended;
	volatile int error;
};

FIXTURE(string) {
	struct guest g;
	struct vcpu other;
	uint8_t *mem;
	struct client c;
};

FIXTURE_SETUP(string)
{
	guest_start(&self->g, MODE_LONG, insl);
	guest_add_vcpu(&self->g, 1, MODE_LONG, &self->other);
	self->mem = vm_alloc(SIZE);
	memset(&self->c, 0, sizeof(self->c));
	self->c.vcpu = &self->g.vcpu;
}

FIXTURE_TEARDOWN(string)
{
	vcpu_destroy(&self->other);
	guest_destroy(&self->g);
	vm_free(self->mem, SIZE);
}

static int slot_set(struct guest *g, uint8_t *mem, uint32_t flags, uint64_t gpa)
{
	return vm_set_slot(&g->vm, SLOT, flags, gpa, SIZE, mem);
}

/* Point the vCPU at the blob that is loaded. */
static void string_aim(struct guest *g)
{
	struct kvm_regs regs = vcpu_regs(&g->vcpu);

	regs.rip = GUEST_CODE;
	regs.rdx = PORT;
	regs.rsi = DEVICE;
	regs.rdi = GPA;
	regs.rcx = ELEMENTS;
	vcpu_set_regs(&g->vcpu, &regs);
}

/* The write is kept byte by byte: a device may be told several elements at once. */
static int mmio_write(struct client *c)
{
	struct kvm_run *run = c->vcpu->run;
	uint64_t at = run->mmio.phys_addr - GPA;

	if (at + run->mmio.len > sizeof(c->mmio))
		return -EPROTO;
	for (unsigned int i = 0; i < run->mmio.len; i++) {
		c->mmio[at + i] = run->mmio.data[i];
		c->nr_mmio[at + i]++;
	}
	c->mmio_writes++;
	return 0;
}

/* 0: go on; 1: the guest has halted. */
static int client_serve(struct client *c)
{
	struct kvm_run *run = c->vcpu->run;
	uint32_t value;

	switch (run->exit_reason) {
	case KVM_EXIT_HLT:
		return 1;
	case KVM_EXIT_IO:
		if (run->io.direction != KVM_EXIT_IO_IN || run->io.port != PORT ||
		    run->io.size != sizeof(value))
			break;
		for (unsigned int i = 0; i < run->io.count; i++) {
			value = ++c->given;
			memcpy((uint8_t *)run + run->io.data_offset + i * sizeof(value), &value,
			       sizeof(value));
		}
		return 0;
	case KVM_EXIT_MMIO:
		if (run->mmio.is_write)
			return mmio_write(c);
		if (run->mmio.len != sizeof(value))
			break;
		value = ++c->given;
		memcpy(run->mmio.data, &value, sizeof(value));
		return 0;
	}
	vcpu_describe_exit(c->vcpu, 0);
	return -EPROTO;
}

/* From the answer to the last exit on, to the halt. */
static void *client_main(void *arg)
{
	struct client *c = arg;
	int ret;

	c->tid = syscall(SYS_gettid);
	do {
		ret = vcpu_run(c->vcpu) ?: client_serve(c);
	} while (!ret);
	c->error = ret < 0 ? ret : 0;
	c->ended = true;
	return NULL;
}

/* Is each element there, once, at its place? */
static bool all_arrived(struct client *c, const uint8_t *mem)
{
	static const uint8_t none[4], one[4] = { 1, 1, 1, 1 };
	uint32_t ram, device;

	for (uint32_t i = 0; i < ELEMENTS; i++) {
		const uint8_t *nr = c->nr_mmio + 4 * i;

		memcpy(&ram, mem + 4 * i, 4);
		memcpy(&device, c->mmio + 4 * i, 4);
		if (ram == i + 1 && !memcmp(nr, none, 4))
			continue;
		if (!ram && device == i + 1 && !memcmp(nr, one, 4))
			continue;
		fprintf(stderr, "# element %u: RAM has %u; MMIO writes %u, the last of %u\n",
			i + 1, ram, nr[0], device);
		return false;
	}
	return c->given == ELEMENTS;
}

static void client_reset(struct client *c, uint8_t *mem)
{
	memset(mem, 0, PAGES * PAGE_SIZE);
	memset(c->mmio, 0, sizeof(c->mmio));
	memset(c->nr_mmio, 0, sizeof(c->nr_mmio));
	c->given = 0;
	c->mmio_writes = 0;
	c->ended = false;
}

/* Slot changes for as long as the client works. */
struct changer {
	struct guest *g;
	uint8_t *mem;
	bool flags_only;
	pthread_t thread;
	volatile bool stop;
	volatile int error;
	volatile uint64_t changes;
};

static int change_slots(struct changer *ch)
{
	struct guest *g = ch->g;
	uint32_t log = ch->changes & 1 ? KVM_MEM_LOG_DIRTY_PAGES : 0;

	if (ch->flags_only)
		return slot_set(g, ch->mem, log, GPA);
	switch (ch->changes % 3) {
	case 0:
		return vm_delete_slot(&g->vm, SLOT) ?: slot_set(g, ch->mem, log, GPA);
	case 1:
		return slot_set(g, ch->mem, log, AWAY) ?: slot_set(g, ch->mem, log, GPA);
	default:
		return slot_set(g, ch->mem, log, GPA);
	}
}

static void *changer_main(void *arg)
{
	struct changer *ch = arg;

	while (!ch->stop && !ch->error) {
		ch->error = change_slots(ch);
		ch->changes++;
	}
	return NULL;
}

/* Rounds of the string instruction beside it; how many MMIO writes came, or -1. */
static int64_t rounds_beside_changes(struct _test_data_string *self, bool flags_only)
{
	struct changer ch = { .g = &self->g, .mem = self->mem, .flags_only = flags_only };
	uint64_t until = now_ms() + 1000;
	int64_t mmio = 0;

	vm_must(slot_set(&self->g, self->mem, 0, GPA), "slot");
	vm_must(-pthread_create(&ch.thread, NULL, changer_main, &ch), "pthread_create");
	for (int round = 0; mmio >= 0 && (round < 3 || now_ms() < until); round++) {
		client_reset(&self->c, self->mem);
		string_aim(&self->g);
		client_main(&self->c);
		mmio += self->c.mmio_writes;
		if (self->c.error || !all_arrived(&self->c, self->mem))
			mmio = -1;
	}
	ch.stop = true;
	pthread_join(ch.thread, NULL);
	return ch.error || !ch.changes ? -1 : mmio;
}

TEST_F_TIMEOUT(string, ins_beside_slots_that_go_and_come, LONG_TIMEOUT)
{
	EXPECT_LE(0, rounds_beside_changes(self, false));
}

TEST_F_TIMEOUT(string, ins_beside_flags_that_change, LONG_TIMEOUT)
{
	/* The slot is there all the time. */
	EXPECT_EQ(0, rounds_beside_changes(self, true));
}

TEST_F_TIMEOUT(string, movs_beside_slots_that_go_and_come, LONG_TIMEOUT)
{
	guest_load(&self->g, movsl);
	EXPECT_LE(0, rounds_beside_changes(self, false));
}

TEST_F_TIMEOUT(string, movs_beside_flags_that_change, LONG_TIMEOUT)
{
	guest_load(&self->g, movsl);
	EXPECT_EQ(0, rounds_beside_changes(self, true));
}

/* Has the thread gone to sleep in the kernel, for good as it seems, or ended? */
static bool sleeps(volatile pid_t *tid, volatile bool *ended)
{
	uint64_t until = now_ms() + 10000;
	char path[64], state;
	int nr = 0;

	while (nr < 5 && !*ended && now_ms() < until) {
		FILE *file;

		usleep(5000);
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", *tid);
		file = *tid ? fopen(path, "r") : NULL;
		state = 'R';
		if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'R';
		if (file)
			fclose(file);
		nr = state == 'R' ? 0 : nr + 1;
	}
	return nr == 5 || *ended;
}

/* One change of the slot, in a thread. */
struct change {
	struct guest *g;
	uint8_t *mem;
	bool move;
	pthread_t thread;
	volatile pid_t tid;
	volatile bool ended;
	int error;
};

static void *change_main(void *arg)
{
	struct change *ch = arg;

	ch->tid = syscall(SYS_gettid);
	ch->error = ch->move ? slot_set(ch->g, ch->mem, 0, AWAY) :
			       vm_delete_slot(&ch->g->vm, SLOT);
	ch->ended = true;
	return NULL;
}

/* The other vCPU writes to the last page, whose fault then sleeps. */
static bool other_sleeps(struct _test_data_string *self, int fd, struct runner *runner)
{
	struct kvm_regs regs = vcpu_regs(&self->other);

	regs.rip = WRITE_RIP;
	regs.rbx = GPA + LAST_PAGE * PAGE_SIZE;
	vcpu_set_regs(&self->other, &regs);
	runner_start(runner, &self->other);
	return uffd_wait(fd, self->mem + LAST_PAGE * PAGE_SIZE, 1);
}

/*
 * The change is held in its middle by the other vCPU's fault; only then the client's
 * answer is taken, whose data has nowhere to go before the change is done. KVM does
 * not wait but tells the client of an MMIO write, which keeps the rule too.
 */
static bool answer_in_the_middle(struct _test_data_string *self, bool move)
{
	struct change ch = { .g = &self->g, .mem = self->mem, .move = move };
	uint8_t *page = self->mem + LAST_PAGE * PAGE_SIZE;
	int fd = uffd_open(page, PAGE_SIZE);
	struct runner runner = {};
	bool ok;

	string_aim(&self->g);
	/* The first exit, answered. */
	ok = !slot_set(&self->g, self->mem, 0, GPA) && !vcpu_run(&self->g.vcpu) &&
	     !client_serve(&self->c) && self->c.given && other_sleeps(self, fd, &runner);
	if (!ok)
		return false;
	vm_must(-pthread_create(&ch.thread, NULL, change_main, &ch), "pthread_create");
	ok = sleeps(&ch.tid, &ch.ended) && !ch.ended;
	vm_must(-pthread_create(&self->c.thread, NULL, client_main, &self->c), "pthread_create");
	ok &= sleeps(&self->c.tid, &self->c.ended);
	uffd_give(fd, page);
	ok &= !runner_join(&runner);
	pthread_join(ch.thread, NULL);
	pthread_join(self->c.thread, NULL);
	close(fd);
	return ok && !ch.error && !self->c.error && all_arrived(&self->c, self->mem) &&
	       self->c.mmio_writes;
}

#define NEED_UFFD							\
	do {								\
		int fd_ = syscall(SYS_userfaultfd, 0);			\
									\
		if (fd_ < 0)						\
			SKIP(return, "no userfaultfd in this kernel");	\
		close(fd_);						\
	} while (0)

TEST_F(string, ins_answered_while_its_slot_is_deleted)
{
	NEED_UFFD;
	EXPECT_TRUE(answer_in_the_middle(self, false));
}

TEST_F(string, ins_answered_while_its_slot_moves)
{
	NEED_UFFD;
	EXPECT_TRUE(answer_in_the_middle(self, true));
}

TEST_F(string, movs_answered_while_its_slot_is_deleted)
{
	NEED_UFFD;
	guest_load(&self->g, movsl);
	EXPECT_TRUE(answer_in_the_middle(self, false));
}

TEST_F(string, movs_answered_while_its_slot_moves)
{
	NEED_UFFD;
	guest_load(&self->g, movsl);
	EXPECT_TRUE(answer_in_the_middle(self, true));
}

SLAT_TEST_MAIN
