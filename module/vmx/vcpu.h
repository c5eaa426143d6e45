/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vCPU as the files of the VMX layer share it.  Registers that the VMCS
 * holds are read when first asked for and written back before the next entry:
 * a cached value is valid while its bit in @avail is set, and differs from the
 * VMCS while its bit in @dirty is.  All fields belong to the task that loaded
 * the vCPU, except those of the last group.
 */
#ifndef SLAT_VMX_VCPU_H
#define SLAT_VMX_VCPU_H

#include <linux/percpu.h>
#include <linux/preempt.h>

#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "caps.h"
#include "host_state.h"
#include "tsc_base.h"
#include "vmcs.h"

/* Index into slat_vmx_frame.regs: instruction encoding order. */
enum {
	SLAT_REG_RAX,
	SLAT_REG_RCX,
	SLAT_REG_RDX,
	SLAT_REG_RBX,
	SLAT_REG_RSP,
	SLAT_REG_RBP,
	SLAT_REG_RSI,
	SLAT_REG_RDI,
	SLAT_NR_REGS = 16,
};

/* What entry.S reads and writes; offsets in entry.h are asserted in run.c. */
struct slat_vmx_frame {
	u64	regs[SLAT_NR_REGS];
	u64	host_rsp;	/* value in the VMCS */
	u64	spec_ctrl;	/* of the guest */
};

/* Bits of slat_vmx.avail and slat_vmx.dirty. */
#define SLAT_CACHE_RIP		BIT(0)
#define SLAT_CACHE_RSP		BIT(1)	/* written back when it differs */
#define SLAT_CACHE_RFLAGS	BIT(2)
#define SLAT_CACHE_CR0		BIT(3)
#define SLAT_CACHE_CR4		BIT(4)
#define SLAT_CACHE_INTR_INFO	BIT(5)

/* MSRs that are only stored. */
enum slat_msr_slot {
	SLAT_MSR_STAR,
	SLAT_MSR_LSTAR,
	SLAT_MSR_FMASK,
	SLAT_MSR_CSTAR,
	SLAT_MSR_TSC_AUX,
	SLAT_MSR_TSC_ADJUST,
	SLAT_MSR_HWCR,
	SLAT_MSR_MISC_ENABLE,
	SLAT_MSR_UCODE_REV,
	SLAT_MSR_PLATFORM_ID,
	SLAT_MSR_PLATFORM_INFO,
	SLAT_MSR_MISC_FEATURES,
	SLAT_MSR_FEAT_CTL,
	SLAT_MSR_POWER_CTL,
	SLAT_MSR_ARCH_CAPS,
	SLAT_MSR_SMBASE,
	SLAT_MSR_SMI_COUNT,
	SLAT_MSR_TSC_DEADLINE,
	SLAT_MSR_XSS,
	SLAT_MSR_MTRR_DEF,
	SLAT_MSR_MTRR_FIX,
	SLAT_MSR_MTRR_VAR = SLAT_MSR_MTRR_FIX + 11,
	SLAT_MSR_MCG_CAP = SLAT_MSR_MTRR_VAR + 16,
	SLAT_MSR_MCG_STATUS,
	SLAT_MSR_MCG_CTL,
	SLAT_MSR_MCE_BANKS,
	SLAT_NR_MSR_SLOTS = SLAT_MSR_MCE_BANKS + 4 * SLAT_MCE_BANKS,
};

/* What the entry event field was filled with. */
enum slat_event_kind {
	SLAT_EVENT_NONE,
	SLAT_EVENT_EXCEPTION,
	SLAT_EVENT_NMI,
	SLAT_EVENT_IRQ,
};

/**
 * struct slat_vmx_events - what has to be delivered to the guest
 * @entered:	what that put into the entry field; of the last entry
 * @exc_pending: an exception is queued
 * @exc_injected: its delivery began, and may have been interrupted
 * @exc_has_error: push @exc_error
 * @exc_has_payload: a client restored it with @exc_payload, which its delivery brings
 * @exc_vector: vector
 * @irq_queued:	an interrupt is queued, or its delivery was interrupted
 * @irq_soft:	it came from INT n: @insn_len is its length
 * @irq_vector:	vector
 * @nmi_injected: delivery of an NMI was interrupted
 * @nmi_pending: queued NMIs, at most 2
 * @want_window: tell the caller once an interrupt could be delivered
 * @triple_fault: the guest is to be shut down
 * @exc_error:	error code
 * @exc_payload: CR2, or bits for DR6
 * @insn_len:	length of the instruction behind a soft event
 */
struct slat_vmx_events {
	u8	entered;
	bool	exc_pending;
	bool	exc_injected;
	bool	exc_has_error;
	bool	exc_has_payload;
	u8	exc_vector;
	bool	irq_queued;
	bool	irq_soft;
	u8	irq_vector;
	bool	nmi_injected;
	u8	nmi_pending;
	bool	want_window;
	bool	triple_fault;
	u32	exc_error;
	u32	insn_len;
	u64	exc_payload;
};

/**
 * struct slat_vmx_debug - what a client that debugs the guest asked for
 * @control:	KVM_GUESTDBG_*; 0 while it does not
 * @stepped:	the host completed the instruction that was to be stepped over
 * @dr:		breakpoints that take the place of the guest's
 * @dr7:	likewise
 *
 * While KVM_GUESTDBG_SINGLESTEP is set, RFLAGS.TF is the client's: it is not
 * shown and not taken where registers are read and written.
 */
struct slat_vmx_debug {
	u32	control;
	bool	stepped;
	u64	dr[4];
	u64	dr7;
};

struct slat_vmx {
	struct slat_vmx_frame frame;

	/* Cached VMCS fields, see the top of the file. */
	u32	avail;
	u32	dirty;
	u64	rip;
	u64	rflags;
	u64	rsp_hw;		/* RSP in the VMCS, while SLAT_CACHE_RSP */
	u64	cr0;		/* as the guest reads it */
	u64	cr4;
	u32	intr_info;

	/* Always known: the guest cannot change them without an exit. */
	u32	primary;	/* control words as written to the VMCS */
	u32	secondary;
	u32	vm_entry;
	u32	exceptions;
	u64	efer;
	u64	pat;
	u64	debugctl;
	u64	cr2;
	u64	cr8;
	u64	apic_base;
	u64	xcr0;
	struct slat_tsc tsc;
	u64	tsc_left_ns;	/* the kernel's clock when it left its CPU */
	u64	kernel_gs_base;	/* while !host.loaded */
	u32	pkru;
	u64	dr[4];
	u64	dr6;
	u64	dr7;
	bool	drs_loaded;	/* the guest uses its DRs without exits */
	bool	drs_armed;	/* the DR7 in use has breakpoints: load at each entry */
	bool	spec_ctrl_open;	/* SPEC_CTRL is not intercepted any more */
	bool	launched;
	u32	requests;	/* SLAT_REQUEST_*, see request.h */

	/* The last exit. */
	u32	exit_reason;
	u32	idt_vectoring;
	u32	fail;		/* SLAT_ENTER_* */

	struct slat_vmx_events ev;
	struct slat_vmx_debug debug;
	struct slat_vmx_host host;

	struct slat_guest_cpu guest;
	u64	cr0_owned;
	u64	cr4_owned;
	u64	msr[SLAT_NR_MSR_SLOTS];

	/* Constant after creation. */
	const struct slat_caps *caps;
	struct slat_vmx_vm *vm;
	u32	id;
	const struct slat_vmx_ops *ops;
	void	*ctx;
	struct slat_vmcs *vmcs;
	u64	vmcs_pa;
	unsigned long *msr_bitmap;
	u16	vpid;		/* 0: none, see vpid.c */
	struct preempt_notifier notifier;
	struct list_head vm_node;	/* slat_vmx_vm.vcpus, under its lock */
	struct rcu_head rcu;

	/*
	 * Where the VMCS is active (-1: nowhere), with cpu_node written by that
	 * CPU with interrupts off.
	 */
	int	cpu;
	struct list_head cpu_node;

	/* Written by this vCPU, read by flushers. */
	int	mode;		/* enum slat_vcpu_mode */
	int	mode_cpu;	/* of the last entry or the attempt, -1: none */
};

/* DR6 and DR7 after RESET; the reserved ones read as 1. */
#define SLAT_DR6_RESET	0xffff0ff0ULL
#define SLAT_DR7_RESET	0x400ULL
#define SLAT_DR6_VALID	0xe00fULL
#define SLAT_DR7_VALID	0xffff2bffULL
#define SLAT_DR7_ENABLES	0xffULL
#define SLAT_DR7_GD	BIT_ULL(13)

/* power.c */
bool slat_cpu_rebooting(void);

/* vmxon.c: changed by their own CPU, with interrupts off */
DECLARE_PER_CPU(bool, slat_vmx_on);
static inline bool slat_cpu_vmx_on(void)
{
	return this_cpu_read(slat_vmx_on);
}

struct slat_cpu_msrs {
	u64 star, lstar, fmask, tsc_aux;
};
const struct slat_cpu_msrs *slat_cpu_host_msrs(void);
struct cpumask *slat_cpu_kick_mask(void);

/* active.c */
void slat_cpu_activate(struct slat_vmx *vmx, int cpu);
void slat_cpu_deactivate(struct slat_vmx *vmx);

/* vpid.c */
u16 slat_vpid_alloc(void);
void slat_vpid_free(u16 vpid);

/* l1d.c */
void slat_l1d_requested(void);
void slat_l1d_flush(const struct slat_caps *caps);

/* switch.c: host and guest MSRs and segments */
void slat_switch_init(struct slat_vmx *vmx);
void slat_switch_cpu(struct slat_vmx *vmx, int cpu);
void slat_switch_to_guest(struct slat_vmx *vmx);
void slat_switch_to_host(struct slat_vmx *vmx);
u64 slat_switch_get_kernel_gs(struct slat_vmx *vmx);
void slat_switch_set_kernel_gs(struct slat_vmx *vmx, u64 base);
void slat_switch_set_msr(struct slat_vmx *vmx, enum slat_msr_slot slot,
			 u64 data);
void slat_switch_set_efer(struct slat_vmx *vmx, u64 efer);

/* cr.c: control registers with the architecture's checks */
bool slat_cr_cr0_valid(u64 cr0);
bool slat_cr_cr4_valid(struct slat_vmx *vmx, u64 cr4);
void slat_cr_apply_cr0(struct slat_vmx *vmx, u64 cr0);
void slat_cr_apply_cr4(struct slat_vmx *vmx, u64 cr4);
void slat_cr_apply_efer(struct slat_vmx *vmx, u64 efer);
int slat_cr_set_cr0(struct slat_vmx *vmx, u64 cr0);
int slat_cr_load_msw(struct slat_vmx *vmx, u16 msw);
int slat_cr_set_cr4(struct slat_vmx *vmx, u64 cr4);
int slat_cr_set_efer(struct slat_vmx *vmx, u64 efer, bool host);
int slat_cr_set_apic_base(struct slat_vmx *vmx, u64 base, bool host,
			  struct slat_reject *why);
u64 slat_cr_pdpte_reserved(const struct slat_vmx *vmx);
bool slat_cr_pdptes_valid(const struct slat_vmx *vmx, const u64 pdptes[4]);
void slat_cr_write_pdptes(const u64 pdptes[4]);
int slat_cr_load_pdptes(struct slat_vmx *vmx, u64 cr3);
void slat_cr_update_masks(struct slat_vmx *vmx);
bool slat_cr_pae_paging(struct slat_vmx *vmx);

/* regs.c */
void slat_regs_set_segment(struct slat_vmx *vmx, enum slat_vmx_seg seg,
			   const struct kvm_segment *in);
void slat_regs_set_dr7(struct slat_vmx *vmx, u64 dr7);
void slat_regs_move(struct slat_vmx *vmx, u64 next_rip);

/* msr.c */
void slat_msr_init(struct slat_vmx *vmx);
void slat_msr_update_bitmap(struct slat_vmx *vmx);

/* mce.c: functions of the MSR table */
int slat_mce_get(struct slat_vmx *vmx, u32 index, u64 *data, bool host);
int slat_mce_set(struct slat_vmx *vmx, u32 index, u64 data, bool host);

/* tsc.c: likewise */
int slat_tsc_get(struct slat_vmx *vmx, u32 index, u64 *data, bool host);
int slat_tsc_set(struct slat_vmx *vmx, u32 index, u64 data, bool host);
int slat_tsc_set_adjust(struct slat_vmx *vmx, u32 index, u64 data, bool host);
/* What guests' TSCs count from, see tsc_base.h. */
u64 slat_tsc_now(void);
void slat_tsc_write(struct slat_vmx *vmx);
void slat_tsc_left(struct slat_vmx *vmx);
void slat_tsc_arrived(struct slat_vmx *vmx);

/* debug.c */
void slat_debug_update_dr7(struct slat_vmx *vmx);
bool slat_debug_catches_db(const struct slat_vmx *vmx);
enum slat_exit_type slat_debug_db(struct slat_vmx *vmx, struct slat_exit *exit,
				  u64 dr6);
enum slat_exit_type slat_debug_bp(struct slat_vmx *vmx, struct slat_exit *exit);
void slat_debug_completed(struct slat_vmx *vmx);
void slat_debug_shadowed(struct slat_vmx *vmx);
bool slat_debug_step(struct slat_vmx *vmx, struct slat_exit *exit);

/* perf.c */
void slat_perf_to_guest(struct slat_vmx *vmx);
void slat_perf_restart_pebs(struct slat_vmx *vmx);

/* event.c */

/* Interruptibility: an instruction blocks events for one more. */
#define SLAT_SHADOW	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* INT3 and INTO: they come again with their instruction. */
static inline bool slat_vector_is_soft(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

void slat_events_queue_exception(struct slat_vmx *vmx, u8 vector);
void slat_events_prepare(struct slat_vmx *vmx);
void slat_events_complete(struct slat_vmx *vmx);
void slat_events_cancel(struct slat_vmx *vmx);
bool slat_events_wake(struct slat_vmx *vmx);

/* vcpu.c */
void slat_vcpu_update_controls(struct slat_vmx *vmx);

/* exit.c, exit_cr.c, exit_ept.c */
enum slat_exit_type slat_exit_handle(struct slat_vmx *vmx,
				     struct slat_exit *exit);
int slat_exit_cr(struct slat_vmx *vmx);
enum slat_exit_type slat_exit_dr(struct slat_vmx *vmx, struct slat_exit *exit);
enum slat_exit_type slat_exit_ept_violation(struct slat_vmx *vmx,
					    struct slat_exit *exit);
enum slat_exit_type slat_exit_ept_misconfig(struct slat_vmx *vmx,
					    struct slat_exit *exit);

static inline bool slat_vmx_has(const struct slat_vmx *vmx, u32 feature)
{
	return vmx->guest.features & feature;
}

static inline void slat_vmx_set_primary(struct slat_vmx *vmx, u32 value)
{
	if (vmx->primary != value) {
		vmx->primary = value;
		slat_vmcs_write(CPU_BASED_VM_EXEC_CONTROL, value);
	}
}

static inline void slat_vmx_set_entry(struct slat_vmx *vmx, u32 value)
{
	if (vmx->vm_entry != value) {
		vmx->vm_entry = value;
		slat_vmcs_write(VM_ENTRY_CONTROLS, value);
	}
}

static inline u64 slat_rip(struct slat_vmx *vmx)
{
	if (!(vmx->avail & SLAT_CACHE_RIP)) {
		vmx->rip = slat_vmcs_read(GUEST_RIP);
		vmx->avail |= SLAT_CACHE_RIP;
	}
	return vmx->rip;
}

static inline void slat_set_rip(struct slat_vmx *vmx, u64 rip)
{
	vmx->rip = rip;
	vmx->avail |= SLAT_CACHE_RIP;
	vmx->dirty |= SLAT_CACHE_RIP;
}

static inline u64 slat_rflags(struct slat_vmx *vmx)
{
	if (!(vmx->avail & SLAT_CACHE_RFLAGS)) {
		vmx->rflags = slat_vmcs_read(GUEST_RFLAGS);
		vmx->avail |= SLAT_CACHE_RFLAGS;
	}
	return vmx->rflags;
}

static inline void slat_set_rflags(struct slat_vmx *vmx, u64 rflags)
{
	vmx->rflags = rflags | X86_EFLAGS_FIXED;
	vmx->avail |= SLAT_CACHE_RFLAGS;
	vmx->dirty |= SLAT_CACHE_RFLAGS;
}

static inline u64 *slat_regs(struct slat_vmx *vmx)
{
	if (!(vmx->avail & SLAT_CACHE_RSP)) {
		vmx->rsp_hw = slat_vmcs_read(GUEST_RSP);
		vmx->frame.regs[SLAT_REG_RSP] = vmx->rsp_hw;
		vmx->avail |= SLAT_CACHE_RSP;
	}
	return vmx->frame.regs;
}

static inline u64 slat_cr0(struct slat_vmx *vmx)
{
	if (!(vmx->avail & SLAT_CACHE_CR0)) {
		vmx->cr0 &= ~vmx->cr0_owned;
		vmx->cr0 |= slat_vmcs_read(GUEST_CR0) & vmx->cr0_owned;
		vmx->avail |= SLAT_CACHE_CR0;
	}
	return vmx->cr0;
}

static inline u64 slat_cr4(struct slat_vmx *vmx)
{
	if (!(vmx->avail & SLAT_CACHE_CR4)) {
		vmx->cr4 &= ~vmx->cr4_owned;
		vmx->cr4 |= slat_vmcs_read(GUEST_CR4) & vmx->cr4_owned;
		vmx->avail |= SLAT_CACHE_CR4;
	}
	return vmx->cr4;
}

/* CR4.OSXSAVE is never owned by the guest: no need to look at the VMCS. */
static inline bool slat_has_osxsave(const struct slat_vmx *vmx)
{
	return vmx->cr4 & X86_CR4_OSXSAVE;
}

static inline u32 slat_intr_info(struct slat_vmx *vmx)
{
	if (!(vmx->avail & SLAT_CACHE_INTR_INFO)) {
		vmx->intr_info = slat_vmcs_read(VM_EXIT_INTR_INFO);
		vmx->avail |= SLAT_CACHE_INTR_INFO;
	}
	return vmx->intr_info;
}

#endif /* SLAT_VMX_VCPU_H */
