/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VMX layer as the rooms above see it: the processor is
 * turned on and off here, a VM is an EPT root plus a flush counter, a vCPU is
 * a VMCS plus the registers that the VMCS does not hold.  Exits come back as
 * neutral values; no VMX constant is needed to handle one.  This layer never
 * calls them or the MMU by name: what it needs from guest memory it reads
 * through struct slat_vmx_ops.
 *
 * Context words used below:
 *   process  may sleep, interrupts on
 *   loaded   between slat_vmx_load() and slat_vmx_unload() in the same task,
 *            under the vCPU's own mutex
 */
#ifndef SLAT_VMX_VMX_H
#define SLAT_VMX_VMX_H

#include <linux/atomic.h>
#include <linux/kvm.h>
#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "features.h"
#include "mmu/types.h"
#include "reject.h"

struct slat_vmx;

/**
 * struct slat_vmx_caps - what this processor offers, constant after probe
 * @cpu:	all that a guest can be offered; the default before
 *		slat_vmx_set_guest_cpu()
 * @offer:	the same as feature bits of CPUID, by enum slat_cpuid_word
 * @host_xcr0:	XCR0 of the host
 * @ept_ad:	EPT accessed and dirty bits
 * @ept_2m:	2 MiB EPT leaves
 * @ept_1g:	1 GiB EPT leaves
 * @ept_exec_only: execute-only EPT entries
 * @pml:	page-modification logging
 *
 * The fields that only this layer reads are in caps.h.
 */
struct slat_vmx_caps {
	struct slat_guest_cpu cpu;
	struct slat_cpuid_offer offer[SLAT_NR_CPUID_WORDS];
	u64	host_xcr0;
	bool	ept_ad;
	bool	ept_2m;
	bool	ept_1g;
	bool	ept_exec_only;
	bool	pml;
};

/**
 * enum slat_exit_type - what slat_vmx_run() wants from its caller
 * @SLAT_EXIT_NONE:	nothing; check for work and run again
 * @SLAT_EXIT_ABORT:	the guest was not entered: a signal, a reschedule or
 *			other work of the host task is pending
 * @SLAT_EXIT_CPUID:	fill RAX..RDX by EAX/ECX, then slat_vmx_skip()
 * @SLAT_EXIT_EMULATE:	the processor leaves the instruction at RIP to the host;
 *			its operands may be anywhere
 * @SLAT_EXIT_HLT:	the guest halted; RIP already is after the HLT
 * @SLAT_EXIT_IO:	port access, see struct slat_exit_io
 * @SLAT_EXIT_EPT:	EPT violation or misconfiguration, see fault
 * @SLAT_EXIT_SHUTDOWN:	triple fault
 * @SLAT_EXIT_IRQ_WINDOW: an interrupt asked for by
 *			slat_vmx_want_irq_window() can be queued now
 * @SLAT_EXIT_SET_TPR:	the guest lowered CR8; RIP already is after the MOV
 * @SLAT_EXIT_DEBUG:	a debugging client's step or breakpoint, see debug
 * @SLAT_EXIT_EXCEPTION: an exception that is not the guest's to handle, see exception
 * @SLAT_EXIT_FAIL_ENTRY: VM entry failed, see fail_entry
 * @SLAT_EXIT_INTERNAL:	cannot go on, see internal
 */
enum slat_exit_type {
	SLAT_EXIT_NONE,
	SLAT_EXIT_ABORT,
	SLAT_EXIT_CPUID,
	SLAT_EXIT_EMULATE,
	SLAT_EXIT_HLT,
	SLAT_EXIT_IO,
	SLAT_EXIT_EPT,
	SLAT_EXIT_SHUTDOWN,
	SLAT_EXIT_IRQ_WINDOW,
	SLAT_EXIT_SET_TPR,
	SLAT_EXIT_DEBUG,
	SLAT_EXIT_EXCEPTION,
	SLAT_EXIT_FAIL_ENTRY,
	SLAT_EXIT_INTERNAL,
};

/**
 * struct slat_exit_io - one IN, OUT, INS or OUTS
 * @linear:	guest linear address of the first element, string forms only
 * @port:	I/O port
 * @size:	1, 2 or 4 bytes
 * @addr_size:	2, 4 or 8: width of RCX, RSI and RDI, string forms only
 * @in:		from the port to the guest
 * @string:	INS or OUTS
 * @rep:	REP prefix: RCX (by @addr_size) counts; may be 0
 *
 * RIP is still at the instruction: slat_vmx_skip() once it is complete.
 */
struct slat_exit_io {
	u64	linear;
	u16	port;
	u8	size;
	u8	addr_size;
	bool	in;
	bool	string;
	bool	rep;
};

#define SLAT_EXIT_NDATA		8

/**
 * struct slat_exit - result of slat_vmx_run()
 * @reason:	basic VMX exit reason, or ~0 when the guest was not entered
 *		or the entry failed (for tracing and counting only)
 * @qualification: exit qualification where this layer read it, else 0
 * @io:		with SLAT_EXIT_IO
 * @fault:	with SLAT_EXIT_EPT
 * @debug:	with SLAT_EXIT_DEBUG: as KVM's kvm_debug_exit_arch
 * @exception:	with SLAT_EXIT_EXCEPTION
 * @fail_entry:	with SLAT_EXIT_FAIL_ENTRY: KVM's hardware_entry_failure_reason
 * @internal:	with SLAT_EXIT_INTERNAL: KVM_INTERNAL_ERROR_*
 */
struct slat_exit {
	u32	reason;
	u64	qualification;
	union {
		struct slat_exit_io io;
		struct slat_fault fault;
		struct {
			u32	exception;
			u64	pc;
			u64	dr6;
			u64	dr7;
		} debug;
		struct {
			u32	vector;
			u32	error;
		} exception;
		struct {
			u64	reason;
			u32	cpu;
		} fail_entry;
		struct {
			u32	suberror;
			u32	ndata;
			u64	data[SLAT_EXIT_NDATA];
		} internal;
	};
};

/**
 * struct slat_vmx_ops - what a vCPU needs from its owner
 * @read_guest:	copy @len bytes at guest physical @gpa to @buf; 0 or -errno
 *		(-EFAULT where no RAM answers).  Called in process context from
 *		slat_vmx_run() and slat_vmx_set_sregs().
 */
struct slat_vmx_ops {
	int (*read_guest)(void *ctx, gpa_t gpa, void *buf, unsigned int len);
};

/**
 * struct slat_vmx_vm - the part of a VM that the hardware knows
 * @id:		number of the VM in traces, constant
 * @eptp:	EPT pointer, constant
 * @tlb_seq:	number of the last flush asked for
 * @cpu_seq:	per CPU: last flush carried out there; written by that CPU only
 * @vcpus:	vCPUs, read under RCU
 * @lock:	protects writers of @vcpus and the TSC fields
 * @tsc_data:	last value that user space wrote to a vCPU's IA32_TSC
 * @tsc_host:	the base (tsc_base.h) at that time
 * @tsc_offset:	offset from the base that followed from it
 *
 * Embedded in struct slat_vm; fields are this layer's own.
 */
struct slat_vmx_vm {
	u32		id;
	u64		eptp;
	atomic64_t	tlb_seq;
	u64		*cpu_seq;
	struct list_head vcpus;
	spinlock_t	lock;
	u64		tsc_data;
	u64		tsc_host;
	u64		tsc_offset;
};

/* Module and processor */

/**
 * slat_vmx_init() - probe the processor and prepare for VMXON
 *
 * Names each lacking capability in the kernel log.  Context: process, module
 * load.  Return: the capabilities, or ERR_PTR: -EOPNOTSUPP (VMX, EPT or
 * another required control lacks or is disabled by firmware), -ENOMEM.
 */
const struct slat_vmx_caps *slat_vmx_init(void);

/* Undo slat_vmx_init(); no VM exists.  Context: process, module unload. */
void slat_vmx_exit(void);

/**
 * slat_vmx_get() - take a reference on VMX; the first turns it on everywhere
 *
 * Context: process.  Return: 0; -EBUSY if another hypervisor owns VMX on some
 * CPU (the log says who and what to do); -EIO if VMXON failed.  On error
 * no CPU was left in VMX operation.
 */
int slat_vmx_get(void);

/* Drop it; the last turns VMX off.  Context: process. */
void slat_vmx_put(void);

/* VM */

/**
 * slat_vmx_vm_init() - prepare @vm for the EPT hierarchy at @root
 * @vm:		memory of the caller
 * @id:		number of the VM in traces
 * @root:	host physical address of the level-4 EPT table
 * @ad:		use accessed and dirty bits; ignored if the CPU has none
 *
 * Context: process, between slat_vmx_get() and slat_vmx_put().
 * Return: 0 or -ENOMEM.
 */
int slat_vmx_vm_init(struct slat_vmx_vm *vm, u32 id, hpa_t root, bool ad);

/* All vCPUs of @vm are destroyed.  Context: process. */
void slat_vmx_vm_destroy(struct slat_vmx_vm *vm);

/**
 * slat_vmx_vm_flush() - make every CPU forget what it cached of the EPT
 *
 * On return no CPU uses a guest-physical or combined mapping, nor a paging
 * structure entry, that was made from what the EPT held before the call.
 * Write the entries first; the needed full barrier is inside.  CPUs in guest
 * mode are interrupted and waited for, others flush before their next entry.
 *
 * Context: any that may wait for other CPUs: interrupts on, spinlocks allowed
 * unless an interrupt handler or a section with interrupts off takes them.
 * Return: number of CPUs that were interrupted.
 */
unsigned int slat_vmx_vm_flush(struct slat_vmx_vm *vm);

/* vCPU life */

/**
 * slat_vmx_vcpu_create() - make a vCPU in the state after RESET
 * @vm:		its VM
 * @id:		vCPU id; 0 is the bootstrap processor (IA32_APIC_BASE)
 * @ops:	callbacks, constant
 * @ctx:	first argument of each callback
 *
 * Context: process.  Return: the vCPU, or ERR_PTR(-ENOMEM).
 */
struct slat_vmx *slat_vmx_vcpu_create(struct slat_vmx_vm *vm, u32 id,
				      const struct slat_vmx_ops *ops,
				      void *ctx);

/* Not loaded.  Context: process. */
void slat_vmx_vcpu_destroy(struct slat_vmx *vmx);

/**
 * slat_vmx_load() - make @vmx this task's vCPU
 *
 * Needed around every call below that says "loaded".  The task may sleep and
 * migrate meanwhile: a preempt notifier follows it.  Does not nest.
 * Context: process, vCPU mutex held.
 */
void slat_vmx_load(struct slat_vmx *vmx);

/* Undo it; the task's own MSRs and segments are back.  Context: process. */
void slat_vmx_unload(struct slat_vmx *vmx);

/**
 * slat_vmx_set_guest_cpu() - apply the guest's CPUID
 * @vmx:	loaded
 * @cpu:	copied; bits that the host lacks are dropped
 */
void slat_vmx_set_guest_cpu(struct slat_vmx *vmx,
			    const struct slat_guest_cpu *cpu);

/**
 * slat_vmx_run() - enter the guest once
 * @vmx:	loaded
 * @exit:	filled as the returned type says
 *
 * Handles what needs nobody else: external interrupts, NMI, machine checks,
 * control and debug registers, MSRs, XSETBV, WBINVD, VMX instructions, PAUSE,
 * event windows and re-injection.  The guest FPU state is in the registers (or
 * TIF_NEED_FPU_LOAD is set): fpu_swap_kvm_fpstate() is the caller's.
 * Context: process, preemption enabled, no slot reader held.
 * Return: the exit type.
 */
enum slat_exit_type slat_vmx_run(struct slat_vmx *vmx, struct slat_exit *exit);

/**
 * slat_vmx_host_data_touched() - contents of host memory may be in the cache
 * @vmx: loaded
 *
 * Said by whoever emulates on the guest's behalf; see l1d.c.
 */
void slat_vmx_host_data_touched(struct slat_vmx *vmx);

/**
 * slat_vmx_skip() - complete the instruction that caused the last exit
 *
 * Only for exits that define an instruction length (CPUID, IO); for an
 * emulated one use slat_vmx_advance().  RIP moves on, the STI or MOV SS shadow
 * ends, a single-step trap becomes pending if RFLAGS.TF is set.
 * Context: loaded.
 */
void slat_vmx_skip(struct slat_vmx *vmx);

/* The same with the next RIP given, for the emulator.  Context: loaded. */
void slat_vmx_advance(struct slat_vmx *vmx, u64 next_rip);

/*
 * The same for MOV SS and POP SS: events wait for one more instruction.  Of several
 * such in a row the first alone makes them wait.  Context: loaded.
 */
void slat_vmx_advance_ss(struct slat_vmx *vmx, u64 next_rip);

/* NMIs are blocked no longer, as after IRET.  Context: loaded. */
void slat_vmx_end_nmi(struct slat_vmx *vmx);

/* The shadow of STI or MOV SS is over, as at the end of an instruction.  Loaded. */
void slat_vmx_end_shadow(struct slat_vmx *vmx);

/* Does each instruction end in a trap: the guest's RFLAGS.TF, or a client's step?  Loaded. */
bool slat_vmx_steps(struct slat_vmx *vmx);

/**
 * slat_vmx_is_due() - does anything come before the guest's next instruction?
 *
 * An exception, an NMI or an interrupt that can be delivered, the window that
 * the client waits for, the trap of a step.  Context: loaded.
 */
bool slat_vmx_is_due(struct slat_vmx *vmx);

/**
 * slat_vmx_insn_len() - how long is the instruction behind an EPT exit?
 *
 * The SDM does not promise it; processors tell it all the same, but another
 * hypervisor below may not.
 *
 * Return: its length; 0: not known, it must be decoded. Context: loaded.
 */
u32 slat_vmx_insn_len(struct slat_vmx *vmx);

/**
 * slat_vmx_delivery_error() - the last EPT exit cannot be served in the middle
 * of an event's delivery (fault.in_event and the access is MMIO)
 *
 * Fills @exit->internal as KVM_INTERNAL_ERROR_DELIVERY_EV.
 * Context: loaded, right after slat_vmx_run() returned SLAT_EXIT_EPT.
 * Return: SLAT_EXIT_INTERNAL.
 */
enum slat_exit_type slat_vmx_delivery_error(struct slat_vmx *vmx, gpa_t gpa,
					    struct slat_exit *exit);

/* Events */

/**
 * slat_vmx_inject_exception() - raise an exception in the guest
 * @vmx:	loaded
 * @vector:	0..31
 * @has_error:	push @error (dropped in real mode)
 * @error:	error code
 * @payload:	CR2 for #PF, DR6 bits for #DB, else ignored
 *
 * Combines with an exception that is already on its way as the SDM says:
 * double fault, then shutdown.  RIP must be at the faulting instruction.
 */
void slat_vmx_inject_exception(struct slat_vmx *vmx, u8 vector, bool has_error,
			       u32 error, u64 payload);

/**
 * slat_vmx_queue_interrupt() - KVM_INTERRUPT of a user space irqchip
 *
 * Delivered as soon as the guest can take it, in the place of one that was
 * queued before and is not delivered yet.  Context: loaded.
 * Return: 0; -EINVAL if @vector > 255.
 */
int slat_vmx_queue_interrupt(struct slat_vmx *vmx, u32 vector, struct slat_reject *why);

/* KVM_NMI.  Context: loaded. */
void slat_vmx_queue_nmi(struct slat_vmx *vmx);

/* Would an interrupt queued now be delivered at the next entry?  Loaded. */
bool slat_vmx_ready_for_irq(struct slat_vmx *vmx);

/* Return SLAT_EXIT_IRQ_WINDOW once slat_vmx_ready_for_irq().  Loaded. */
void slat_vmx_want_irq_window(struct slat_vmx *vmx, bool want);

/*
 * KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS. @switched_on: KVM_VCPUEVENT_VALID_PAYLOAD and
 * _TRIPLE_FAULT as far as the client knows them. Loaded. The second returns 0, or -EINVAL
 * (unknown flags, bad vector), nothing changed then.
 */
void slat_vmx_get_events(struct slat_vmx *vmx, u32 switched_on, struct kvm_vcpu_events *ev);
int slat_vmx_set_events(struct slat_vmx *vmx, u32 switched_on, const struct kvm_vcpu_events *ev,
			struct slat_reject *why);

/*
 * Registers; all: context loaded. Those that take a @why fill it in with -EINVAL, here and
 * above; it may be NULL.
 */

/**
 * slat_vmx_gprs() - the 16 general registers, in instruction encoding order
 *
 * RAX RCX RDX RBX RSP RBP RSI RDI R8..R15.  The pointer is constant for the
 * life of @vmx, but RSP is valid only between this call and the next
 * slat_vmx_run(): call it again after each exit.  Stores take effect.
 */
u64 *slat_vmx_gprs(struct slat_vmx *vmx);
u64 slat_vmx_rip(struct slat_vmx *vmx);
u64 slat_vmx_rflags(struct slat_vmx *vmx);
void slat_vmx_set_rflags(struct slat_vmx *vmx, u64 rflags);

u64 slat_vmx_cr0(struct slat_vmx *vmx);
u64 slat_vmx_cr3(struct slat_vmx *vmx);
u64 slat_vmx_cr4(struct slat_vmx *vmx);
u64 slat_vmx_cr8(struct slat_vmx *vmx);
u64 slat_vmx_efer(struct slat_vmx *vmx);
u64 slat_vmx_apic_base(struct slat_vmx *vmx);

/* These also while not loaded, under the vCPU's mutex: none is in the VMCS. */
u64 slat_vmx_xcr0(struct slat_vmx *vmx);
u32 slat_vmx_pkru(struct slat_vmx *vmx);
void slat_vmx_set_pkru(struct slat_vmx *vmx, u32 pkru);

/* Return: 0 or -EINVAL (not in the guest's CPUID, or no valid combination). */
int slat_vmx_set_xcr0(struct slat_vmx *vmx, u64 xcr0, struct slat_reject *why);

/* Return: 0 or -EINVAL (a reserved bit is set). */
int slat_vmx_set_cr8(struct slat_vmx *vmx, u64 cr8);

/* PDPTEs in use; meaningful with PAE paging outside of long mode. */
void slat_vmx_pdptes(struct slat_vmx *vmx, u64 pdptes[4]);

/*
 * Segment registers in instruction encoding order (the values of enum slat_seg
 * of the decoder), then the system ones.
 */
enum slat_vmx_seg {
	SLAT_VMX_SEG_ES,
	SLAT_VMX_SEG_CS,
	SLAT_VMX_SEG_SS,
	SLAT_VMX_SEG_DS,
	SLAT_VMX_SEG_FS,
	SLAT_VMX_SEG_GS,
	SLAT_VMX_SEG_LDTR,
	SLAT_VMX_SEG_TR,
	SLAT_VMX_NR_SEGS,
};

void slat_vmx_segment(struct slat_vmx *vmx, enum slat_vmx_seg seg,
		      struct kvm_segment *out);
/* Load one; VM entry insists on what the architecture does. */
void slat_vmx_set_segment(struct slat_vmx *vmx, enum slat_vmx_seg seg,
			  const struct kvm_segment *in);
u64 slat_vmx_seg_base(struct slat_vmx *vmx, enum slat_vmx_seg seg);
u8 slat_vmx_cpl(struct slat_vmx *vmx);

/* GDTR or IDTR. */
struct slat_vmx_table {
	u64	base;
	u32	limit;
};

void slat_vmx_get_tables(struct slat_vmx *vmx, struct slat_vmx_table *gdt,
			 struct slat_vmx_table *idt);
void slat_vmx_set_gdt(struct slat_vmx *vmx, u64 base, u16 limit);
void slat_vmx_set_idt(struct slat_vmx *vmx, u64 base, u16 limit);

/* What LMSW does to CR0. */
void slat_vmx_load_msw(struct slat_vmx *vmx, u16 msw);

/* How the guest decodes instructions now; values of enum slat_insn_mode. */
enum slat_vmx_mode {
	SLAT_VMX_MODE_REAL,
	SLAT_VMX_MODE_VM86,
	SLAT_VMX_MODE_PROT16,
	SLAT_VMX_MODE_PROT32,
	SLAT_VMX_MODE_LONG,		/* 64-bit code; compatibility is PROT16/32 */
};

enum slat_vmx_mode slat_vmx_cpu_mode(struct slat_vmx *vmx);

void slat_vmx_get_regs(struct slat_vmx *vmx, struct kvm_regs *regs);

/* KVM_SET_REGS: drops a pending exception, as KVM does. */
void slat_vmx_set_regs(struct slat_vmx *vmx, const struct kvm_regs *regs);

void slat_vmx_get_sregs(struct slat_vmx *vmx, struct kvm_sregs *sregs);

/**
 * slat_vmx_set_sregs() - KVM_SET_SREGS
 *
 * Everything is checked before anything changes.  Return: 0; -EINVAL for a
 * control register, EFER or APIC base that the guest's CPUID or the
 * architecture forbids, or a set that does not fit together.
 */
int slat_vmx_set_sregs(struct slat_vmx *vmx, const struct kvm_sregs *sregs,
		       struct slat_reject *why);

void slat_vmx_get_sregs2(struct slat_vmx *vmx, struct kvm_sregs2 *sregs2);

/**
 * slat_vmx_set_sregs2() - KVM_SET_SREGS2
 *
 * As slat_vmx_set_sregs(), but a queued interrupt is left alone, and PDPTEs
 * are taken as they are where the flag says so, not read from guest memory.
 * Return: 0; -EINVAL, also: an unknown flag, PDPTEs without PAE paging or with
 * reserved bits.
 */
int slat_vmx_set_sregs2(struct slat_vmx *vmx, const struct kvm_sregs2 *sregs2,
			struct slat_reject *why);

void slat_vmx_get_debugregs(struct slat_vmx *vmx, struct kvm_debugregs *dbg);

/* Return: 0 or -EINVAL, nothing changed then. */
int slat_vmx_set_debugregs(struct slat_vmx *vmx, const struct kvm_debugregs *dbg,
			   struct slat_reject *why);

/* KVM_GUESTDBG_* that slat_vmx_set_guest_debug() takes. */
u32 slat_vmx_guest_debug_flags(void);

/**
 * slat_vmx_set_guest_debug() - KVM_SET_GUEST_DEBUG
 * @vmx:	loaded
 * @dbg:	what to stop at; addresses are linear
 * @why:	filled in with -EINVAL and -EBUSY
 *
 * Replaces what was asked for before.  One step is one call with
 * KVM_GUESTDBG_SINGLESTEP: what the guest does to its RFLAGS.TF may end it.
 * Return: 0; -EINVAL: an unknown flag; -EBUSY: an exception is pending already
 * that the one to inject would displace.
 */
int slat_vmx_set_guest_debug(struct slat_vmx *vmx, const struct kvm_guest_debug *dbg,
			     struct slat_reject *why);

/* MSRs */

/**
 * slat_vmx_get_msr() - read a guest MSR
 * @vmx:	loaded
 * @index:	MSR number
 * @data:	result
 * @host:	asked for by user space, not by the guest's RDMSR
 *
 * Return: 0 or -EINVAL (the guest gets #GP).
 */
int slat_vmx_get_msr(struct slat_vmx *vmx, u32 index, u64 *data, bool host);

/* Likewise.  Return: 0 or -EINVAL (unknown, read-only, reserved bits). */
int slat_vmx_set_msr(struct slat_vmx *vmx, u32 index, u64 data, bool host);

/**
 * slat_vmx_msr_list() - numbers for KVM_GET_MSR_INDEX_LIST
 * @out:	array of @max entries, or NULL with @max 0
 *
 * Return: how many there are, whatever @max is.
 */
unsigned int slat_vmx_msr_list(u32 *out, unsigned int max);

/*
 * MSRs that tell what a guest can be offered: KVM_GET_MSR_FEATURE_INDEX_LIST as
 * slat_vmx_msr_list(), and the value of one; -EINVAL: not in that list.
 */
unsigned int slat_vmx_feature_msr_list(u32 *out, unsigned int max);
int slat_vmx_get_feature_msr(u32 index, u64 *data);

/* Time stamp counter */

/* Rate of the guest's TSC, in kHz.  Any context. */
u32 slat_vmx_tsc_khz(void);

/**
 * slat_vmx_set_tsc_khz() - KVM_SET_TSC_KHZ
 * @khz: what the client wants; 0 is the host's own rate
 * @why: filled in with -EINVAL
 *
 * The guest's TSC always runs at the host's rate, so any other is refused,
 * but for a difference as small as two measurements of one clock have.
 * Any context.  Return: 0 or -EINVAL.
 */
int slat_vmx_set_tsc_khz(u32 khz, struct slat_reject *why);

/* Machine checks */

/* Banks at most, and before slat_vmx_setup_mce(). */
#define SLAT_MCE_BANKS		32

/* MCG_CAP bits that slat_vmx_setup_mce() takes, besides the number of banks. */
u64 slat_vmx_mce_cap(void);

/**
 * slat_vmx_setup_mce() - KVM_X86_SETUP_MCE: choose IA32_MCG_CAP
 * @vmx:	loaded
 * @cap:	number of banks in bits 7:0, and the bits of slat_vmx_mce_cap()
 * @why:	filled in with -EINVAL
 *
 * All banks report all errors afterwards.
 * Return: 0; -EINVAL: no bank or too many, or an unknown bit.
 */
int slat_vmx_setup_mce(struct slat_vmx *vmx, u64 cap, struct slat_reject *why);

/**
 * slat_vmx_set_mce() - KVM_X86_SET_MCE: report an error in the guest's banks
 * @vmx:	loaded
 * @mce:	the error
 * @why:	filled in with -EINVAL
 *
 * An uncorrected one raises #MC, or shuts the guest down where it cannot take
 * one; a bank that does not report keeps silent.
 * Return: 0; -EINVAL: no such bank, or the status is not valid.
 */
int slat_vmx_set_mce(struct slat_vmx *vmx, const struct kvm_x86_mce *mce,
		     struct slat_reject *why);

#endif /* SLAT_VMX_VMX_H */
