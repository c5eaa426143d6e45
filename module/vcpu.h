/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual CPU as the front sees it: the file, the kvm_run page, what waits
 * for the client's answer, and the glue between vmx, the slots and the emulator.
 */
#ifndef SLAT_VCPU_H
#define SLAT_VCPU_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/signal_types.h>
#include <linux/types.h>

#include <asm/fpu/api.h>

#include "fetch.h"
#include "insn/emulate.h"
#include "insn/walk.h"
#include "pagefault.h"
#include "vm.h"
#include "vmx/vmx.h"

struct kvm_vcpu;

/* As KVM's: a list of MSRs of this length or more is refused. */
#define SLAT_MAX_IO_MSRS	256

/* Pages of the vCPU's mapping. */
#define SLAT_RUN_PAGE		0
#define SLAT_PIO_PAGE		1
#define SLAT_RING_PAGE		KVM_COALESCED_MMIO_PAGE_OFFSET
#define SLAT_NR_RUN_PAGES	3

/**
 * enum slat_pending - what the last exit to the client left to complete
 * @SLAT_PENDING_NONE: nothing
 * @SLAT_PENDING_IN: IN: the client's data goes to RAX
 * @SLAT_PENDING_OUT: OUT: the instruction is to be skipped
 * @SLAT_PENDING_EMUL_MMIO: the emulator waits for a device's memory
 * @SLAT_PENDING_EMUL_PIO: the emulator waits for a string port access
 * @SLAT_PENDING_EMUL_RESUME: a device has answered, the slot that the data goes
 *	to is being changed: try again, without asking the device twice
 */
enum slat_pending {
	SLAT_PENDING_NONE,
	SLAT_PENDING_IN,
	SLAT_PENDING_OUT,
	SLAT_PENDING_EMUL_MMIO,
	SLAT_PENDING_EMUL_PIO,
	SLAT_PENDING_EMUL_RESUME,
};

/**
 * struct slat_vcpu_stats - event counts; written by the vCPU's task alone
 * @exits: returns from slat_vmx_run() after the guest ran
 * @aborts: entries given up for work of the host task
 * @ept: EPT violations and misconfigurations
 * @mmio: exits to the client for device memory
 * @io: IN, OUT and their string forms that exited
 * @pio: exits to the client for ports
 * @in_kernel: device writes that an eventfd or the ring took instead
 * @cpuid: CPUID instructions
 * @hlt: HLT instructions
 * @insn_emulated: instructions completed by the emulator
 * @insn_failed: instructions that it could not do
 * @signal: returns to the client because of a signal
 * @user: returns to the client, of any kind
 */
struct slat_vcpu_stats {
	u64 exits;
	u64 aborts;
	u64 ept;
	u64 mmio;
	u64 io;
	u64 pio;
	u64 in_kernel;
	u64 cpuid;
	u64 hlt;
	u64 insn_emulated;
	u64 insn_failed;
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
 * @pio_data: page shared with the client: data of port accesses
 * @work: what the kernel's entry work needs to see of a vCPU
 * @reader: its reader of slots and tables
 * @fault: its tables for faults
 * @exit: the last exit
 * @exit_type: its type
 * @pending: what the client has to answer
 * @pio_linear_rip: where the pending IN or OUT is (CS base added)
 * @pio_size: its width
 * @emul: the emulator
 * @fetch: the last instruction fetch
 * @walk_cpu: paging registers for the emulator's walks
 * @walk_cpu_valid: they were read since the registers last changed
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
	void *pio_data;
	struct kvm_vcpu *work;

	struct slat_reader reader;
	struct slat_fault_context fault;
	struct slat_exit exit;
	enum slat_exit_type exit_type;

	enum slat_pending pending;
	u64 pio_linear_rip;
	u8 pio_size;
	struct slat_emul emul;
	struct slat_fetch_cache fetch;
	struct slat_walk_cpu walk_cpu;
	bool walk_cpu_valid;

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

/* What a step of the run loop wants next. */
enum slat_step {
	SLAT_STEP_ENTER,	/* enter the guest (again) */
	SLAT_STEP_RESUME,	/* complete what is pending once more, outside the section */
	SLAT_STEP_USER,		/* return 0 to the client; run says why */
	SLAT_STEP_ERROR,	/* return slat_vcpu.fault.error to the client */
};

/* vcpu.c */

/**
 * slat_vcpu_create_fd() - KVM_CREATE_VCPU
 * @vm: the VM
 * @id: the client's number for the vCPU
 * @why: filled in with -EINVAL and -EEXIST
 *
 * Return: a file descriptor;
 * -EINVAL: @id is out of range, or there are as many vCPUs as allowed;
 * -EEXIST: @id is taken; -EMFILE, -ENFILE, -ENOMEM.
 */
int slat_vcpu_create_fd(struct slat_vm *vm, unsigned long id, struct slat_reject *why);

/* Called by the VM's destruction: no file refers to @vcpu. */
void slat_vcpu_destroy(struct slat_vcpu *vcpu);

/* vcpu_ioctl.c; @vcpu->mutex is held by neither */
long slat_vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long slat_vcpu_compat_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg);

/* vcpu_run.c */

/**
 * slat_vcpu_run() - KVM_RUN
 * @vcpu: mutex held
 *
 * Return: 0: run->exit_reason says what happened;
 * -EINTR: a signal is pending, or immediate_exit was set;
 * -EINVAL: cr8, or registers that kvm_run brings along;
 * -EFAULT, -EHWPOISON: a slot's memory cannot be had; -ENOMEM.
 */
int slat_vcpu_run(struct slat_vcpu *vcpu);

/* Fill run for an emulation that failed; bytes of the instruction included. */
enum slat_step slat_vcpu_emulation_failed(struct slat_vcpu *vcpu);

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

/* vcpu_state.c; @vcpu->mutex held, not loaded. As the ioctl of the name. */
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
/* The guest's FPU state is in the registers or in this task's FPU buffer. */
void slat_fpu_read_xmm(unsigned int reg, void *buf);
void slat_fpu_write_xmm(unsigned int reg, const void *buf);
void slat_fpu_read_mmx(unsigned int reg, void *buf);
/* Also makes the x87 state what it is after an MMX instruction; @buf may be NULL. */
void slat_fpu_write_mmx(unsigned int reg, const void *buf);

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

/* pio.c */
enum slat_step slat_vcpu_pio(struct slat_vcpu *vcpu);
enum slat_step slat_vcpu_complete_pio(struct slat_vcpu *vcpu);

/* mmio.c */
void slat_vcpu_emulator_init(struct slat_vcpu *vcpu);
/* Both: loaded, inside the reader section. */
enum slat_step slat_vcpu_emulate(struct slat_vcpu *vcpu);
enum slat_step slat_vcpu_complete_emulation(struct slat_vcpu *vcpu);
/* Fill the walker's registers. Loaded. */
void slat_vcpu_walk_cpu(struct slat_vcpu *vcpu, struct slat_walk_cpu *cpu);
extern const struct slat_walk_ops slat_vcpu_walk_ops;

/**
 * slat_vcpu_linear_to_gpa() - translate for the emulator
 * @vcpu: loaded, inside the reader section
 * @ops: how to read page tables
 * @linear: linear address
 * @access: enum slat_access flags
 * @gpa: result
 *
 * Return: as slat_walk(); -EFAULT with the emulator's exception filled.
 */
int slat_vcpu_linear_to_gpa(struct slat_vcpu *vcpu, const struct slat_walk_ops *ops,
			    u64 linear, unsigned int access, u64 *gpa);

/* stats_fd.c */

/**
 * slat_vcpu_stats_fd() - KVM_GET_STATS_FD of a vCPU
 * @vcpu: the vCPU
 *
 * Return: a file descriptor that holds the VM; -EMFILE, -ENFILE, -ENOMEM.
 */
int slat_vcpu_stats_fd(struct slat_vcpu *vcpu);

/* cpuid.c */
void slat_vcpu_cpuid_init(struct slat_vcpu *vcpu);
int slat_vcpu_set_cpuid2(struct slat_vcpu *vcpu, void __user *argp);
int slat_vcpu_get_cpuid2(struct slat_vcpu *vcpu, void __user *argp);
/* Emulate the CPUID instruction. Loaded. */
void slat_vcpu_cpuid(struct slat_vcpu *vcpu);

#endif
