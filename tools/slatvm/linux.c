// SPDX-License-Identifier: GPL-2.0
/*
 * "slatvm linux BZIMAGE": Linux on one vCPU with a serial console, by the 32-bit
 * boot protocol (Documentation/arch/x86/boot.rst): the kernel at 1 MiB, an
 * initramfs at the end of memory, and a page that says where all that is.
 *
 * One thread runs the vCPU and all devices. The device offers no interrupt
 * controller, so this program has one (board.c) and hands over one vector at a
 * time: KVM_INTERRUPT when the guest can take it, an interrupt window when not.
 */
#define _GNU_SOURCE		/* ppoll() */
#include "slatvm.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "linux.h"

#define BOOT_PARAMS	0x10000
#define COMMAND_LINE	0x20000
#define COMMAND_MAX	2048
#define KERNEL		0x100000
#define LOW_END		0x9fc00
#define SECTOR		512
#define RAM		1		/* E820_TYPE_RAM */
#define ANY_LOADER	0xff
#define GUEST_PARAMETERS \
	"console=ttyS0 acpi=off noapic nolapic pci=off reboot=t panic=-1 tsc=reliable"

/* A whole file into memory of our own; *@size bytes. */
static void *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data;
	long end;

	if (!file || fseek(file, 0, SEEK_END))
		die(errno, "%s", path);
	end = ftell(file);
	rewind(file);
	data = malloc(end + 1);
	if (end < 0 || !data || fread(data, 1, end, file) != (size_t)end)
		die(errno, "%s", path);
	fclose(file);
	*size = end;
	return data;
}

static void *at(const struct slot *ram, uint64_t gpa)
{
	return (char *)ram->mem + gpa;
}

static void add_ram(struct boot_params *params, uint64_t start, uint64_t end)
{
	params->e820_table[params->e820_entries++] = (struct boot_e820_entry) {
		.addr = start, .size = end - start, .type = RAM,
	};
}

static void load_kernel(const struct slot *ram, const char *path, struct boot_params *params)
{
	size_t size, setup, code;
	char *image = read_file(path, &size);
	const struct setup_header *head = (void *)(image + offsetof(struct boot_params, hdr));

	if (size < 2 * SECTOR || memcmp(&head->header, "HdrS", 4) || head->version < 0x020a ||
	    !(head->loadflags & LOADED_HIGH))
		die(0, "%s: expected a bzImage of boot protocol 2.10 or later", path);
	setup = (head->setup_sects ? head->setup_sects + 1 : 5) * SECTOR;
	if (setup >= size || KERNEL + head->init_size > ram->size ||
	    size - setup > ram->size - KERNEL)
		die(0, "%s: needs %u bytes of memory above 1 MiB, the guest has %zu MiB", path,
		    head->init_size, ram->size / MIB);
	code = size - setup;
	params->hdr = *head;
	memcpy(at(ram, KERNEL), image + setup, code);
	free(image);
}

static void load_initrd(const struct slot *ram, const char *path, struct boot_params *params)
{
	uint64_t top = ram->size, start;
	size_t size;
	void *data;

	if (!path)
		return;
	data = read_file(path, &size);
	if (top > params->hdr.initrd_addr_max)
		top = params->hdr.initrd_addr_max + 1ull;
	start = (top - size) & -PAGE_SIZE;
	if (size > top || start < KERNEL + params->hdr.init_size)
		die(0, "%s: %zu KiB don't fit beside the kernel in %zu MiB", path, size / KIB,
		    ram->size / MIB);
	memcpy(at(ram, start), data, size);
	free(data);
	params->hdr.ramdisk_image = start;
	params->hdr.ramdisk_size = size;
}

static void load_linux(struct vm *vm, const struct slot *ram, const struct linux_options *o)
{
	struct boot_params *params = at(ram, BOOT_PARAMS);
	int khz = ioctl(vm->vcpus[0].fd, KVM_GET_TSC_KHZ, NULL), length;
	char tsc[40] = "";

	load_kernel(ram, o->kernel, params);
	load_initrd(ram, o->initrd, params);
	if (khz > 0)
		snprintf(tsc, sizeof(tsc), " tsc_early_khz=%d", khz);
	length = snprintf(at(ram, COMMAND_LINE), COMMAND_MAX, "%s%s %s", GUEST_PARAMETERS, tsc,
			  o->append ? o->append : "");
	if (length >= COMMAND_MAX || (uint32_t)length > params->hdr.cmdline_size)
		die(0, "--append: %d bytes of command line, expected less than %u", length,
		    params->hdr.cmdline_size);
	params->hdr.type_of_loader = ANY_LOADER;
	params->hdr.cmd_line_ptr = COMMAND_LINE;
	add_ram(params, 0, LOW_END);
	add_ram(params, KERNEL, ram->size);
}

/* Flat segments with the selectors that the protocol asks for; paging is off. */
static void enter_linux(struct vcpu *vcpu)
{
	const struct kvm_regs regs = { .rip = KERNEL, .rsi = BOOT_PARAMS, .rflags = 2 };

	vcpu_enter_flat(vcpu, &regs, 0x10, 0x18);
}

static void on_signal(int signal)
{
	(void)signal;
}

/*
 * SIGALRM is the timer, SIGUSR1 another thread's wish; both end KVM_RUN and are
 * blocked everywhere else, so that none is lost between a check and the call.
 */
static void signals_init(struct linux_vm *l)
{
	struct {
		struct kvm_signal_mask head;
		uint8_t set[8];
	} __attribute__((packed)) mask = { .head.len = sizeof(mask.set) };
	struct sigaction action = { .sa_handler = on_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	sigset_t blocked;

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, &l->unblocked);
	if (ioctl(l->vm.vcpus[0].fd, KVM_SET_SIGNAL_MASK, &mask))
		die(errno, "KVM_SET_SIGNAL_MASK");
	if (timer_create(CLOCK_MONOTONIC, &event, &l->timer))
		die(errno, "timer_create");
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec) { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

static void arm_timer(struct linux_vm *l)
{
	uint64_t deadline = board_deadline(&l->board);
	struct itimerspec when = { .it_value = to_timespec(deadline) };

	if (deadline == l->armed)
		return;
	timer_settime(l->timer, TIMER_ABSTIME, &when, NULL);
	l->armed = deadline;
}

/* One vector if the guest can take it now; a window exit if there is more. */
static void inject(struct linux_vm *l)
{
	struct vcpu *vcpu = &l->vm.vcpus[0];
	struct kvm_run *run = vcpu->run;

	if (pic_pending(&l->board.pic) && run->ready_for_interrupt_injection && run->if_flag) {
		struct kvm_interrupt vector = { .irq = pic_acknowledge(&l->board.pic) };

		if (ioctl(vcpu->fd, KVM_INTERRUPT, &vector))
			die(errno, "KVM_INTERRUPT of vector %u", vector.irq);
		run->ready_for_interrupt_injection = 0;
	}
	run->request_interrupt_window = pic_pending(&l->board.pic);
}

/* The guest halted: nothing to do before a timer, a key or another thread. */
static void wait_for_work(struct linux_vm *l)
{
	struct pollfd in = { .fd = board_wants_input(&l->board) ? STDIN_FILENO : -1,
			     .events = POLLIN };
	uint64_t deadline, now;
	struct timespec wait;

	fflush(stdout);
	board_poll(&l->board);
	deadline = board_deadline(&l->board);
	now = clock_ns();
	wait = to_timespec(deadline > now ? deadline - now : 0);
	if (!pic_pending(&l->board.pic))
		ppoll(&in, 1, deadline ? &wait : NULL, &l->unblocked);
}

static void port_exit(struct linux_vm *l)
{
	struct vcpu *vcpu = &l->vm.vcpus[0];
	struct kvm_run *run = vcpu->run;
	uint8_t *data = vcpu_io_data(vcpu);

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint32_t value = 0;

		memcpy(&value, data, run->io.size);
		board_port(&l->board, run->io.port, run->io.direction == KVM_EXIT_IO_IN,
			   run->io.size, &value);
		memcpy(data, &value, run->io.size);
	}
}

static bool end(struct linux_vm *l, const char *how)
{
	l->end = how;
	return false;
}

/* True while the guest lives. */
static bool one_exit(struct linux_vm *l)
{
	struct vcpu *vcpu = &l->vm.vcpus[0];

	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		port_exit(l);
		return !l->board.reset || end(l, "reset its machine");
	case KVM_EXIT_HLT:
		if (!vcpu->run->if_flag)
			return end(l, "halted with interrupts off");
		wait_for_work(l);
		return true;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_INTR:
		return true;
	case KVM_EXIT_SHUTDOWN:
		return end(l, "shut down");
	default:
		if (!vcpu_handle_exit(vcpu))
			vcpu_die(vcpu);
		return true;
	}
}

/* They are blocked again and so still there. */
static void take_signals(void)
{
	const struct timespec now = {};
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGALRM);
	sigaddset(&ours, SIGUSR1);
	while (sigtimedwait(&ours, NULL, &now) > 0)
		;
}

/*
 * The answer to the last exit is taken by the next KVM_RUN: until then the
 * registers are those from before the instruction.
 */
static bool complete_exit(struct linux_vm *l)
{
	struct vcpu *vcpu = &l->vm.vcpus[0];
	bool alive = true;

	vcpu->run->immediate_exit = 1;
	/* Part of a string instruction may be another exit. */
	while (alive && !ioctl(vcpu->fd, KVM_RUN, NULL))
		alive = one_exit(l);
	if (alive && errno != EINTR)
		die(errno, "KVM_RUN");
	vcpu->run->immediate_exit = 0;
	return alive;
}

bool linux_run(struct linux_vm *l)
{
	struct vcpu *vcpu = &l->vm.vcpus[0];

	while (!atomic_load(&l->stop)) {
		board_poll(&l->board);
		arm_timer(l);
		inject(l);
		if (!ioctl(vcpu->fd, KVM_RUN, NULL)) {
			if (!one_exit(l))
				return false;
		} else if (errno == EINTR) {
			take_signals();
		} else {
			die(errno, "KVM_RUN");
		}
	}
	return complete_exit(l);
}

/* Memory, a vCPU and what the run loop needs; nothing is loaded. */
static void linux_init(struct linux_vm *l, const char *device, size_t memory)
{
	memset(l, 0, sizeof(*l));
	vm_open(&l->vm, device);
	l->ram = vm_add_slot(&l->vm, "ram", 0, memory);
	vm_slot_create(&l->vm, l->ram);
	vcpu_add(&l->vm);
	board_init(&l->board);
	signals_init(l);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Each key at once and as it is; the terminal's own way again at the end. */
static struct termios terminal;

static void terminal_restore(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

static void terminal_raw(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &terminal))
		return;
	raw = terminal;
	raw.c_lflag &= ~(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	atexit(terminal_restore);
}

static int end_of_guest(struct linux_vm *l)
{
	fflush(stdout);
	fprintf(stderr, "slatvm: the guest %s\n", l->end);
	vm_close(&l->vm);
	return 0;
}

/* The other process of a migration: made before any VM, since VMs aren't inherited. */
static int destination(const char *device, const struct linux_options *o, int fd)
{
	static struct linux_vm l;

	linux_init(&l, device, o->memory);
	migrate_in(&l, fd);
	linux_run(&l);
	return end_of_guest(&l);
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		die(errno, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int linux_boot(const char *device, const struct linux_options *o)
{
	static struct linux_vm l;
	int link[2] = { -1, -1 };
	pid_t pid = -1;

	terminal_raw();
	if (o->migrate_after_s) {
		if (pipe(link))
			die(errno, "migration: a pipe");
		pid = fork();
		if (pid < 0)
			die(errno, "migration: the other process");
		close(link[!pid]);
		if (!pid)
			return destination(device, o, link[0]);
		signal(SIGPIPE, SIG_IGN);
	}
	linux_init(&l, device, o->memory);
	load_linux(&l.vm, l.ram, o);
	enter_linux(&l.vm.vcpus[0]);
	if (pid < 0) {
		linux_run(&l);
		return end_of_guest(&l);
	}
	migrate_out(&l, link[1], o->migrate_after_s);
	vm_close(&l.vm);
	return wait_for(pid);
}
