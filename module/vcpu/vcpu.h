/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual CPU: its life, its state for the client, KVM_RUN's loop. The glue
 * between vmx, the slots and the room of accesses.
 */
#ifndef SLAT_VCPU_VCPU_H
#define SLAT_VCPU_VCPU_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/signal_types.h>
#include <linux/types.h>

#include <asm/fpu/api.h>

#include "access/access.h"
#include "slots/pagefault.h"
#include "vm/vm.h"
#include "vmx/vmx.h"

struct kvm_vcpu;

/* As KVM's: a list of MSRs of this length or more is refused. */
#define SLAT_MAX_IO_MSRS	256

/**
 * struct slat_vcpu_stats - event counts; written by the vCPU's task alone
 * @exits: returns from slat_vmx_run() after the guest ran
 * @aborts: entries given up for work of the host task
 * @ept: EPT violations and misconfigurations
 * @io: IN, OUT and their string forms that exited
 * @cpuid: CPUID instructions
 * @hlt: HLT instructions
 * @signal: returns to the client because of a signal
 * @user: returns to the client, of any kind
 */
struct slat_vcpu_stats {
	u64 exits;
	u64 aborts;
	u64 ept;
	u64 io;
	u64 cpuid;
	u64 hlt;
	u64 signal;
	u64 user;
};

/**
 * struct slat_vcpu - one virtual CPU
 * @vm: its VM; the vCPU's file holds a reference
 * @id: the client's number for it
 * @mutex: one ioctl at a time; protects everything below
 * @vmx: the processor's part
 * @run: page shared with the client, who may write it at any time: each field
 *	is read once and never trusted to be what was written
 * @work: what the kernel's entry work needs to see of a vCPU
 * @fault: its spare tables for faults, and what they have counted
 * @access: accesses that no RAM answers; has its reader and its last exit
 * @fpu: guest FPU state while not in the registers
 * @cpuid: as the client set it
 * @nr_cpuid: length of @cpuid
 * @guest_cpu: what it allows
 * @has_run: the guest was entered once: CPUID is fixed
 * @sigset: signal mask inside KVM_RUN
 * @sigset_active: it was set
 * @why: what the checks of the running call have said
 * @stats: event counts; read without lock
 */
struct slat_vcpu {
	struct slat_vm *vm;
	u32 id;
	struct mutex mutex;
	struct slat_vmx *vmx;
	struct kvm_run *run;
	struct kvm_vcpu *work;

	struct slat_fault_context fault;
	struct slat_vcpu_access access;

	struct fpu_guest fpu;
	struct kvm_cpuid_entry2 *cpuid;
	u32 nr_cpuid;
	struct slat_guest_cpu guest_cpu;
	bool has_run;

	sigset_t sigset;
	bool sigset_active;

	struct slat_reject why;
	struct slat_vcpu_stats stats;
};

/* vcpu.c */

/**
 * slat_vcpu_create() - make a vCPU and give it its place in the VM
 * @vm: the VM
 * @id: the client's number for the vCPU
 * @why: filled in with -EINVAL and -EEXIST
 *
 * Return: the vCPU, which the VM's destruction will destroy; or ERR_PTR:
 * -EINVAL: @id is out of range, or there are as many vCPUs as allowed;
 * -EEXIST: @id is taken; -ENOMEM.
 */
struct slat_vcpu *slat_vcpu_create(struct slat_vm *vm, unsigned long id,
				   struct slat_reject *why);

/* Undo slat_vcpu_create(): the vCPU never had a file. */
void slat_vcpu_remove(struct slat_vcpu *vcpu);

/* Called by the VM's destruction: no file refers to @vcpu. */
void slat_vcpu_destroy(struct slat_vcpu *vcpu);

/* run.c */

/**
 * slat_vcpu_run() - KVM_RUN
 * @vcpu: mutex held
 *
 * Return: 0: run->exit_reason says what happened;
 * -EINTR: a signal is pending, or immediate_exit was set;
 * -EINVAL: cr8, or registers that kvm_run brings along;
 * -EFAULT: a slot's memory cannot be had; -ENOMEM.
 */
int slat_vcpu_run(struct slat_vcpu *vcpu);

/* prefault.c */

/**
 * slat_vcpu_pre_fault() - KVM_PRE_FAULT_MEMORY
 * @vcpu: mutex held, not loaded
 * @argp: the client's struct kvm_pre_fault_memory; comes back as what is left to do
 *
 * Return: 0: at least one page is mapped;
 * -EINVAL: a flag, or a range that is not whole pages, is empty or wraps; -ENOENT: the
 * first page has no slot; -EINTR: a signal; -EFAULT: no host memory behind it, or a bad
 * pointer; -ENOMEM.
 */
int slat_vcpu_pre_fault(struct slat_vcpu *vcpu, void __user *argp);

/* sync_regs.c; loaded */

/**
 * slat_sync_regs_load() - take the registers that the client changed in kvm_run
 * @vcpu: loaded
 * @dirty: KVM_SYNC_X86_* bits; they are cleared in kvm_run as each is taken
 *
 * Return: 0; -EINVAL: an unknown bit, or values that the ioctl of the same
 * registers refuses.
 */
int slat_sync_regs_load(struct slat_vcpu *vcpu, u64 dirty);

/* Give those of @valid to the client; unknown bits are passed over. */
void slat_sync_regs_store(struct slat_vcpu *vcpu, u64 valid);

/* state.c; @vcpu->mutex held, not loaded. As the ioctl of the name. */
int slat_vcpu_get_regs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_regs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_sregs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_sregs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_sregs2(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_sregs2(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_events(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_events(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_debugregs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_debugregs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_msrs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_msrs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_guest_debug(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_xcrs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_xcrs(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_setup_mce(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_mce(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_translate(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_interrupt(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_nmi(struct slat_vcpu *vcpu);

/* fpu.c */
int slat_vcpu_fpu_init(struct slat_vcpu *vcpu);
void slat_vcpu_fpu_destroy(struct slat_vcpu *vcpu);
int slat_vcpu_get_fpu(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_fpu(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_xsave(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_xsave2(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_set_xsave(struct slat_vcpu *vcpu, void __user *argp);
/* Bytes that KVM_GET_XSAVE2 copies; KVM_CAP_XSAVE2. */
u32 slat_fpu_xsave_size(const struct slat_vmx_caps *caps);

/* work.c */
int slat_vcpu_work_init(struct slat_vcpu *vcpu);
void slat_vcpu_work_destroy(struct slat_vcpu *vcpu);

/**
 * slat_vcpu_do_work() - do what the kernel wants of a task that enters a guest
 * @vcpu: outside any reader section
 *
 * Signals, reschedules, task work, resume work (rseq, memory cgroups).
 *
 * Return: 0; -EINTR: a signal is pending and run->exit_reason says so.
 */
int slat_vcpu_do_work(struct slat_vcpu *vcpu);

/* cpuid.c */
void slat_vcpu_cpuid_init(struct slat_vcpu *vcpu);
int slat_vcpu_set_cpuid2(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_cpuid2(struct slat_vcpu *vcpu, void __user *argp);
/* Emulate the CPUID instruction. Loaded. */
void slat_vcpu_cpuid(struct slat_vcpu *vcpu);

#endif
