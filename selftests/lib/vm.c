// SPDX-License-Identifier: GPL-2.0
/*
 * The client side of the KVM ABI for the tests: one small function per step.
 * Nothing here knows guest code; guest.c builds on it.
 */
#define _GNU_SOURCE
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CPUID_ENTRIES_MAX	256

static const char *device_path;

const char *vm_device(void)
{
	const char *env = getenv("SLAT_DEV");

	if (device_path)
		return device_path;
	return env && *env ? env : "/dev/slat";
}

void vm_set_device(const char *path)
{
	device_path = path;
}

int vm_must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "# %s: %s\n", what, strerror(-ret));
	abort();
}

int vm_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int vm_ioctl_num(int fd, unsigned long request, unsigned long arg)
{
	return vm_ioctl(fd, request, (void *)arg);
}

int vm_check_extension(int fd, long cap)
{
	return vm_ioctl_num(fd, KVM_CHECK_EXTENSION, cap);
}

void vm_create(struct vm *vm)
{
	vm->dev = open(vm_device(), O_RDWR | O_CLOEXEC);
	if (vm->dev < 0)
		vm_must(-errno, vm_device());
	vm->fd = vm_must(vm_ioctl_num(vm->dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	vm->run_size = vm_must(vm_ioctl_num(vm->dev, KVM_GET_VCPU_MMAP_SIZE, 0),
			       "KVM_GET_VCPU_MMAP_SIZE");
}

void vm_destroy(struct vm *vm)
{
	close(vm->fd);
	close(vm->dev);
}

bool vm_is_kvm(struct vm *vm)
{
	char path[32], name[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", vm->fd);
	return readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "kvm-vm");
}

bool vm_uses_ept_ad(struct vm *vm)
{
	FILE *file = fopen(vm_is_kvm(vm) ? "/sys/module/kvm_intel/parameters/eptad" :
					   "/sys/module/slat/parameters/eptad", "r");
	int c = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return c == 'Y';
}

void *vm_alloc(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		vm_must(-errno, "mmap of guest memory");
	madvise(mem, size, MADV_NOHUGEPAGE);
	return mem;
}

void vm_free(void *mem, size_t size)
{
	munmap(mem, size);
}

int vm_set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa, size_t size,
		const void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return vm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

int vm_delete_slot(struct vm *vm, uint32_t slot)
{
	return vm_set_slot(vm, slot, 0, 0, 0, NULL);
}

struct kvm_cpuid2 *vm_supported_cpuid(int dev)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES_MAX *
					  sizeof(cpuid->entries[0]));

	if (!cpuid)
		vm_must(-ENOMEM, "cpuid");
	cpuid->nent = CPUID_ENTRIES_MAX;
	vm_must(vm_ioctl(dev, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
	return cpuid;
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function && e->index == index)
			return e;
	}
	return NULL;
}

int vcpu_create_raw(struct vm *vm, unsigned long id)
{
	return vm_ioctl_num(vm->fd, KVM_CREATE_VCPU, id);
}

void vcpu_create(struct vm *vm, unsigned long id, struct vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid = vm_supported_cpuid(vm->dev);

	vcpu->vm = vm;
	vcpu->fd = vm_must(vcpu_create_raw(vm, id), "KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		vm_must(-errno, "mmap of kvm_run");
	vm_must(vm_ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	free(cpuid);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->vm->run_size);
	close(vcpu->fd);
}

int vcpu_run(struct vcpu *vcpu)
{
	return vm_ioctl_num(vcpu->fd, KVM_RUN, 0);
}

void vcpu_describe_exit(struct vcpu *vcpu, int ret)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;

	if (ret < 0) {
		fprintf(stderr, "# KVM_RUN: %s\n", strerror(-ret));
		return;
	}
	regs = vcpu_regs(vcpu);
	fprintf(stderr, "# exit %u at rip 0x%llx", run->exit_reason, regs.rip);
	if (run->exit_reason == KVM_EXIT_MMIO)
		fprintf(stderr, ": mmio %s 0x%llx len %u", run->mmio.is_write ? "write" : "read",
			run->mmio.phys_addr, run->mmio.len);
	if (run->exit_reason == KVM_EXIT_IO)
		fprintf(stderr, ": port 0x%x %s size %u value 0x%llx", run->io.port,
			run->io.direction ? "out" : "in", run->io.size,
			(unsigned long long)vcpu_io_value(vcpu));
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
		fprintf(stderr, ": suberror %u ndata %u", run->internal.suberror,
			run->internal.ndata);
		for (unsigned int i = 0; i < run->internal.ndata && i < 16; i++)
			fprintf(stderr, " %llx", run->internal.data[i]);
	}
	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		fprintf(stderr, ": hardware reason 0x%llx",
			run->fail_entry.hardware_entry_failure_reason);
	fprintf(stderr, "\n");
}

int vcpu_run_to(struct vcpu *vcpu, uint32_t reason)
{
	int ret = vcpu_run(vcpu);

	if (ret == 0 && vcpu->run->exit_reason == reason)
		return 0;
	fprintf(stderr, "# expected exit %u\n", reason);
	vcpu_describe_exit(vcpu, ret);
	return -1;
}

struct kvm_regs vcpu_regs(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	vm_must(vm_ioctl(vcpu->fd, KVM_GET_REGS, &regs), "KVM_GET_REGS");
	return regs;
}

void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs)
{
	vm_must(vm_ioctl(vcpu->fd, KVM_SET_REGS, (void *)regs), "KVM_SET_REGS");
}

struct kvm_sregs vcpu_sregs(struct vcpu *vcpu)
{
	struct kvm_sregs sregs;

	vm_must(vm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	return sregs;
}

int vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	return vm_ioctl(vcpu->fd, KVM_SET_SREGS, (void *)sregs);
}

static int vcpu_msr_io(struct vcpu *vcpu, unsigned long request, uint32_t index, uint64_t *value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {
		.head.nmsrs = 1,
		.entry.index = index,
		.entry.data = *value,
	};
	int ret = vm_ioctl(vcpu->fd, request, &msrs);

	*value = msrs.entry.data;
	return ret;
}

int vcpu_get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = 0;
	return vcpu_msr_io(vcpu, KVM_GET_MSRS, index, value);
}

int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	return vcpu_msr_io(vcpu, KVM_SET_MSRS, index, &value);
}

uint64_t vcpu_io_value(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t value = 0;

	if (run->io.size <= sizeof(value))
		memcpy(&value, (char *)run + run->io.data_offset, run->io.size);
	return value;
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

int cpus_online(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

int pin_thread(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(thread, sizeof(set), &set);
}
