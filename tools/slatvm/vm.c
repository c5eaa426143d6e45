// SPDX-License-Identifier: GPL-2.0
/*
 * The client side of the KVM ABI, as small as a VMM can be: open the device,
 * make a VM, give it memory slots and vCPUs, run them exit by exit. A failure
 * here ends the program with the call's name, the errno and a hint.
 */
#include "slatvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol.h"

#define CPUID_ENTRIES_MAX	256

/* What to do about an errno that the device gives. */
static const char *hint(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
		return " (is the module loaded?)";
	case EACCES:
		return " (does your user belong to the node's group?)";
	case EBUSY:
		return " (VMX is in use; the kernel log names the holder)";
	}
	return "";
}

void die(int error, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "slatvm: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
	exit(1);
}

static void __attribute__((noreturn)) die_device(int error, const char *what)
{
	die(0, "%s: %s%s", what, strerror(error), hint(error));
}

static int must_ioctl(int fd, unsigned long request, void *arg, const char *what)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		die_device(errno, what);
	return ret;
}

void vm_open(struct vm *vm, const char *device)
{
	int version;

	memset(vm, 0, sizeof(*vm));
	vm->device = device;
	vm->dev = open(device, O_RDWR | O_CLOEXEC);
	if (vm->dev < 0)
		die_device(errno, device);
	version = must_ioctl(vm->dev, KVM_GET_API_VERSION, NULL, "KVM_GET_API_VERSION");
	if (version != KVM_API_VERSION)
		die(0, "%s speaks API version %d, expected %d", device, version, KVM_API_VERSION);
	vm->fd = must_ioctl(vm->dev, KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
	vm->run_size = must_ioctl(vm->dev, KVM_GET_VCPU_MMAP_SIZE, NULL,
				  "KVM_GET_VCPU_MMAP_SIZE");
}

void vm_close(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		munmap(vm->vcpus[i].run, vm->run_size);
		close(vm->vcpus[i].fd);
	}
	close(vm->fd);
	close(vm->dev);
}

static uint64_t set_region(struct vm *vm, const struct slot *slot, size_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot->id,
		.flags = slot->log ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = slot->gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)slot->mem,
	};
	uint64_t start = ticks_now();

	must_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
	return ticks_now() - start;
}

uint64_t vm_slot_create(struct vm *vm, const struct slot *slot)
{
	return set_region(vm, slot, slot->size);
}

uint64_t vm_slot_delete(struct vm *vm, const struct slot *slot)
{
	return set_region(vm, slot, 0);
}

uint64_t vm_slot_move(struct vm *vm, struct slot *slot, uint64_t gpa)
{
	slot->gpa = gpa;
	return set_region(vm, slot, slot->size);
}

uint64_t vm_slot_log(struct vm *vm, struct slot *slot, bool log)
{
	slot->log = log;
	return set_region(vm, slot, slot->size);
}

uint64_t vm_slot_dirty(struct vm *vm, const struct slot *slot, uint64_t *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot->id, .dirty_bitmap = bitmap };
	uint64_t start = ticks_now();

	must_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log, "KVM_GET_DIRTY_LOG");
	return ticks_now() - start;
}

struct slot *vm_add_slot(struct vm *vm, const char *name, uint64_t gpa, size_t size)
{
	struct slot *slot = &vm->slots[vm->nr_slots];

	if (vm->nr_slots == SLOTS_MAX)
		die(0, "more than %d slots", SLOTS_MAX);
	*slot = (struct slot) { .id = vm->nr_slots, .gpa = gpa, .size = size, .name = name };
	slot->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slot->mem == MAP_FAILED)
		die(errno, "mmap of %zu MiB for %s", size / MIB, name);
	madvise(slot->mem, size, MADV_NOHUGEPAGE);
	/* Present before the guest's first touch: a fault then costs the module alone. */
	for (size_t at = 0; at < size; at += PAGE_SIZE)
		((volatile char *)slot->mem)[at] = 0;
	vm->nr_slots++;
	return slot;
}

struct slot *vm_slot_at(struct vm *vm, uint64_t gpa)
{
	for (unsigned int i = 0; i < vm->nr_slots; i++)
		if (gpa - vm->slots[i].gpa < vm->slots[i].size)
			return &vm->slots[i];
	return NULL;
}

static void vcpu_set_cpuid(struct vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) +
					  CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));

	if (!cpuid)
		die(ENOMEM, "CPUID");
	cpuid->nent = CPUID_ENTRIES_MAX;
	must_ioctl(vcpu->vm->dev, KVM_GET_SUPPORTED_CPUID, cpuid, "KVM_GET_SUPPORTED_CPUID");
	must_ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2");
	free(cpuid);
}

struct vcpu *vcpu_add(struct vm *vm)
{
	struct vcpu *vcpu = &vm->vcpus[vm->nr_vcpus];

	if (vm->nr_vcpus == CPUS_MAX)
		die(0, "more than %d vCPUs", CPUS_MAX);
	vcpu->vm = vm;
	vcpu->id = vm->nr_vcpus;
	vcpu->fd = must_ioctl(vm->fd, KVM_CREATE_VCPU, (void *)(uintptr_t)vcpu->id,
			      "KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die(errno, "mmap of kvm_run");
	vcpu_set_cpuid(vcpu);
	vm->nr_vcpus++;
	return vcpu;
}

static void set_state(struct vcpu *vcpu, struct kvm_sregs *sregs, const struct kvm_regs *regs)
{
	must_ioctl(vcpu->fd, KVM_SET_SREGS, sregs, "KVM_SET_SREGS");
	must_ioctl(vcpu->fd, KVM_SET_REGS, (void *)regs, "KVM_SET_REGS");
}

/*
 * Interrupts are enabled, though none is ever injected: Bochs holds the host's
 * own back while a guest runs that was entered with them off.
 */
static struct kvm_regs regs_at(const struct vcpu *vcpu, uint64_t rip)
{
	return (struct kvm_regs) { .rip = rip, .rbx = vcpu->id, .rflags = 0x202 };
}

void vcpu_enter_flat(struct vcpu *vcpu, const struct kvm_regs *regs, uint16_t code,
		     uint16_t data)
{
	struct kvm_segment flat = {
		.limit = 0xffffffff, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
		.selector = data,
	};
	struct kvm_sregs sregs;

	must_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
	sregs.cs = flat;
	sregs.cs.type = 11;
	sregs.cs.selector = code;
	sregs.cr0 = 0x31;		/* PE, ET, NE */
	set_state(vcpu, &sregs, regs);
}

void vcpu_enter_protected(struct vcpu *vcpu, uint64_t entry)
{
	const struct kvm_regs regs = regs_at(vcpu, entry);

	vcpu_enter_flat(vcpu, &regs, 0x08, 0x10);
}

void vcpu_enter_real(struct vcpu *vcpu, uint64_t entry)
{
	const struct kvm_regs regs = regs_at(vcpu, entry & 0xf);
	struct kvm_sregs sregs;

	must_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
	sregs.cs.base = entry & ~0xful;
	sregs.cs.selector = entry >> 4;
	set_state(vcpu, &sregs, &regs);
}

uint32_t vcpu_run(struct vcpu *vcpu)
{
	while (ioctl(vcpu->fd, KVM_RUN, NULL) < 0)
		if (errno != EINTR)
			die(errno, "KVM_RUN of vCPU %u", vcpu->id);
	return vcpu->run->exit_reason;
}

void *vcpu_io_data(struct vcpu *vcpu)
{
	return (char *)vcpu->run + vcpu->run->io.data_offset;
}

static void console_write(struct vcpu *vcpu, char c)
{
	if (!vcpu->line_open)
		printf("  guest cpu %u: ", vcpu->id);
	vcpu->line_open = c != '\n';
	putchar(c);
}

/* Reads of nothing give all ones, as a bus does; writes to nothing are lost. */
static void mmio_answer(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vcpu->mmio_exits++;
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
}

bool vcpu_handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		mmio_answer(vcpu);
		return true;
	case KVM_EXIT_IO:
		if (run->io.direction == KVM_EXIT_IO_OUT && run->io.port == PORT_CONSOLE) {
			for (uint32_t i = 0; i < run->io.count; i++)
				console_write(vcpu, ((char *)vcpu_io_data(vcpu))[i]);
			return true;
		}
	}
	return false;
}

static void print_bytes(const uint8_t *bytes, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fprintf(stderr, " %02x", bytes[i]);
}

void vcpu_die(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;

	fflush(stdout);
	must_ioctl(vcpu->fd, KVM_GET_REGS, &regs, "KVM_GET_REGS");
	fprintf(stderr, "slatvm: vCPU %u stopped at rip 0x%llx: exit reason %u", vcpu->id,
		regs.rip, run->exit_reason);
	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		fprintf(stderr, ", triple fault");
		break;
	case KVM_EXIT_IO:
		fprintf(stderr, ", port 0x%x, which no device has", run->io.port);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		fprintf(stderr, ", hardware refused the guest state, reason 0x%llx",
			run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		fprintf(stderr, ", internal error %u", run->internal.suberror);
		if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION &&
		    run->emulation_failure.ndata >= 3 && run->emulation_failure.flags &
		    KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) {
			fprintf(stderr, ", instruction bytes");
			print_bytes(run->emulation_failure.insn_bytes,
				    run->emulation_failure.insn_size);
		}
		break;
	}
	fprintf(stderr, "\n");
	exit(1);
}
