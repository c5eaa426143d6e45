/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM and its vCPUs as a client of the KVM ABI sees them: file descriptors,
 * slots and the kvm_run page. Used by every test. The library never asserts
 * for the test: calls return 0 or -errno, and vm_must() ends the process when
 * a step that no test is about fails.
 */
#ifndef SLAT_SELFTESTS_VM_H
#define SLAT_SELFTESTS_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE	4096ul
#define KIB		1024ul
#define MIB		(1024ul * KIB)
#define GIB		(1024ul * MIB)

struct vm {
	int dev;
	int fd;
	size_t run_size;
};

struct vcpu {
	struct vm *vm;
	int fd;
	struct kvm_run *run;
};

/* The device node: --device, else SLAT_DEV, else /dev/slat. */
const char *vm_device(void);
void vm_set_device(const char *path);

/* Print @what with the errno in @ret and abort when @ret is negative; else return @ret. */
int vm_must(int ret, const char *what);

/* ioctl(2) that returns -errno instead of setting errno. */
int vm_ioctl(int fd, unsigned long request, void *arg);
/* The same with a plain number as the argument. */
int vm_ioctl_num(int fd, unsigned long request, unsigned long arg);

int vm_check_extension(int fd, long cap);

void vm_create(struct vm *vm);
void vm_destroy(struct vm *vm);
/* Is it KVM itself? For the few cases where KVM does less than Slat promises. */
bool vm_is_kvm(struct vm *vm);
/* Does its EPT use accessed and dirty bits? They make the guest's page walks writes. */
bool vm_uses_ept_ad(struct vm *vm);

/* Anonymous zeroed host memory, page aligned, 4K pages. */
void *vm_alloc(size_t size);
void vm_free(void *mem, size_t size);

int vm_set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa, size_t size,
		const void *hva);
int vm_delete_slot(struct vm *vm, uint32_t slot);

/* Returns the new vCPU's fd, or -errno. vcpu_create() adds kvm_run and CPUID. */
int vcpu_create_raw(struct vm *vm, unsigned long id);
void vcpu_create(struct vm *vm, unsigned long id, struct vcpu *vcpu);
void vcpu_destroy(struct vcpu *vcpu);

/* Everything that the device supports, as SET_CPUID2 takes it. */
struct kvm_cpuid2 *vm_supported_cpuid(int dev);
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index);

/* One KVM_RUN: 0 or -errno. */
int vcpu_run(struct vcpu *vcpu);
/* One KVM_RUN that must end with @reason: 0, or -1 with the exit described on stderr. */
int vcpu_run_to(struct vcpu *vcpu, uint32_t reason);
void vcpu_describe_exit(struct vcpu *vcpu, int ret);

struct kvm_regs vcpu_regs(struct vcpu *vcpu);
void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs);
struct kvm_sregs vcpu_sregs(struct vcpu *vcpu);
int vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs);
int vcpu_get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value);
int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value);

/* The data of a KVM_EXIT_IO of at most eight bytes. */
uint64_t vcpu_io_value(struct vcpu *vcpu);

/*
 * A thread that keeps one vCPU in KVM_RUN until runner_stop(), until the guest
 * halts, or until an exit that it does not know, which it leaves in @error.
 */
struct runner {
	struct vcpu *vcpu;
	pthread_t thread;
	volatile bool stop;
	volatile bool ended;
	volatile int error;
	volatile uint64_t mmio_reads;
	volatile uint64_t mmio_writes;
	volatile uint64_t syncs;
	volatile uint64_t last_sync;
	volatile uint64_t eintr;
	uint64_t mmio_value;
};

void runner_start(struct runner *runner, struct vcpu *vcpu);
/* Interrupt the thread (signal + immediate_exit) and join it. Returns its error. */
int runner_stop(struct runner *runner);
/* Wait for the guest to halt by itself. Returns the thread's error. */
int runner_join(struct runner *runner);

uint64_t now_ms(void);
int cpus_online(void);
/* Let a thread run on one CPU alone: 0 or -errno. */
int pin_thread(pthread_t thread, int cpu);

#endif
