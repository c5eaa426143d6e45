// SPDX-License-Identifier: GPL-2.0
/*
 * VM exits, after run.c has done what needs interrupts off.  Each handler either
 * completes the guest's instruction and says SLAT_EXIT_NONE, or describes what
 * somebody else has to do.  Context: process, loaded.
 *
 * Not handled: task switches through a TSS (exit 9), which no 64-bit guest can
 * make and 32-bit guests make only for double faults: SLAT_EXIT_INTERNAL.
 */
#include <linux/kvm_para.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <asm/cpu.h>
#include <asm/fpu/xcr.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include <uapi/asm/debugreg.h>

#include "request.h"
#include "vcpu.h"

static enum slat_exit_type inject_ud(struct slat_vmx *vmx)
{
	slat_vmx_inject_exception(vmx, X86_TRAP_UD, false, 0, 0);
	return SLAT_EXIT_NONE;
}

static enum slat_exit_type inject_gp(struct slat_vmx *vmx)
{
	slat_vmx_inject_exception(vmx, X86_TRAP_GP, true, 0, 0);
	return SLAT_EXIT_NONE;
}

/* The instruction completed, or faults with #GP(0). */
static enum slat_exit_type skip_or_gp(struct slat_vmx *vmx, int err)
{
	if (err)
		return inject_gp(vmx);
	slat_vmx_skip(vmx);
	return SLAT_EXIT_NONE;
}

static enum slat_exit_type skip(struct slat_vmx *vmx)
{
	slat_vmx_skip(vmx);
	return SLAT_EXIT_NONE;
}

/* EDX:EAX, as RDMSR, WRMSR and XSETBV use them. */
static u64 edx_eax(const struct slat_vmx *vmx)
{
	return (u32)vmx->frame.regs[SLAT_REG_RAX] |
	       vmx->frame.regs[SLAT_REG_RDX] << 32;
}

static enum slat_exit_type internal_error(struct slat_vmx *vmx,
					  struct slat_exit *exit, u32 suberror)
{
	exit->internal.suberror = suberror;
	exit->internal.ndata = 2;
	exit->internal.data[0] = vmx->exit_reason;
	exit->internal.data[1] = vmx->cpu;
	return SLAT_EXIT_INTERNAL;
}

enum slat_exit_type slat_vmx_delivery_error(struct slat_vmx *vmx, gpa_t gpa,
					    struct slat_exit *exit)
{
	exit->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	exit->internal.ndata = 5;
	exit->internal.data[0] = vmx->idt_vectoring;
	exit->internal.data[1] = vmx->exit_reason;
	exit->internal.data[2] = exit->qualification;
	exit->internal.data[3] = gpa;
	exit->internal.data[4] = vmx->cpu;
	return SLAT_EXIT_INTERNAL;
}

static enum slat_exit_type exit_debug(struct slat_vmx *vmx,
				      struct slat_exit *exit, u32 info)
{
	u64 dr6 = slat_vmcs_read(EXIT_QUALIFICATION);
	u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	if (unlikely(slat_debug_catches_db(vmx)))
		return slat_debug_db(vmx, exit, dr6);
	/* INT1 exits before it completes, yet its trap comes after it. */
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
		slat_set_rip(vmx, slat_rip(vmx) +
				  slat_vmcs_read(VM_EXIT_INSTRUCTION_LEN));
	/* Though the #DB that is entered says so already. */
	if (state & SLAT_SHADOW)
		slat_debug_shadowed(vmx);
	slat_vmx_inject_exception(vmx, X86_TRAP_DB, false, 0, dr6);
	return SLAT_EXIT_NONE;
}

/* Nobody here knows what to do with it: the client decides. */
static enum slat_exit_type exit_with_exception(struct slat_exit *exit, u32 info)
{
	exit->exception.vector = info & INTR_INFO_VECTOR_MASK;
	exit->exception.error = info & INTR_INFO_DELIVER_CODE_MASK ?
				slat_vmcs_read(VM_EXIT_INTR_ERROR_CODE) : 0;
	return SLAT_EXIT_EXCEPTION;
}

/* #AC: alignment of the guest's own, or a split lock that the host forbids. */
static enum slat_exit_type exit_alignment(struct slat_vmx *vmx,
					  struct slat_exit *exit, u32 info)
{
	bool guests_own = !boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) ||
			  (slat_vmx_cpl(vmx) == 3 &&
			   slat_cr0(vmx) & X86_CR0_AM &&
			   slat_rflags(vmx) & X86_EFLAGS_AC);

	if (guests_own) {
		slat_vmx_inject_exception(vmx, X86_TRAP_AC, true, 0, 0);
		return SLAT_EXIT_NONE;
	}
	if (handle_guest_split_lock(slat_rip(vmx)))
		return SLAT_EXIT_NONE;
	return exit_with_exception(exit, info);
}

static enum slat_exit_type exit_exception(struct slat_vmx *vmx,
					  struct slat_exit *exit)
{
	u32 info = slat_intr_info(vmx);

	switch (info & INTR_INFO_VECTOR_MASK) {
	case X86_TRAP_NMI:
	case X86_TRAP_MC:
		/* The host's: handled while interrupts were off. */
		return SLAT_EXIT_NONE;
	case X86_TRAP_DB:
		return exit_debug(vmx, exit, info);
	case X86_TRAP_BP:
		return slat_debug_bp(vmx, exit);
	case X86_TRAP_AC:
		return exit_alignment(vmx, exit, info);
	}
	return exit_with_exception(exit, info);
}

static enum slat_exit_type exit_irq_window(struct slat_vmx *vmx)
{
	slat_request(vmx, SLAT_REQUEST_EVENTS);
	if (vmx->ev.want_window && slat_vmx_ready_for_irq(vmx))
		return SLAT_EXIT_IRQ_WINDOW;
	return SLAT_EXIT_NONE;
}

/* Bits of the exit qualification for I/O, and of the instruction information. */
#define IO_SIZE		GENMASK(2, 0)
#define IO_IN		BIT(3)
#define IO_STRING	BIT(4)
#define IO_REP		BIT(5)
#define IO_PORT_SHIFT	16
#define INFO_ADDR_SHIFT	7
#define INFO_ADDR_MASK	7

static enum slat_exit_type exit_io(struct slat_vmx *vmx,
				   struct slat_exit *exit)
{
	u32 qual = slat_vmcs_read(EXIT_QUALIFICATION);
	struct slat_exit_io *io = &exit->io;

	exit->qualification = qual;
	io->port = qual >> IO_PORT_SHIFT;
	io->size = (qual & IO_SIZE) + 1;
	io->in = qual & IO_IN;
	io->string = qual & IO_STRING;
	io->rep = qual & IO_REP;
	io->linear = 0;
	io->addr_size = 0;
	if (io->string) {
		u32 info = slat_vmcs_read(VMX_INSTRUCTION_INFO);

		io->linear = slat_vmcs_read(GUEST_LINEAR_ADDRESS);
		io->addr_size = 2 << (info >> INFO_ADDR_SHIFT & INFO_ADDR_MASK);
	}
	return SLAT_EXIT_IO;
}

static enum slat_exit_type exit_rdmsr(struct slat_vmx *vmx)
{
	u64 *regs = vmx->frame.regs;
	u64 data;

	if (slat_vmx_get_msr(vmx, regs[SLAT_REG_RCX], &data, false))
		return inject_gp(vmx);
	regs[SLAT_REG_RAX] = (u32)data;
	regs[SLAT_REG_RDX] = data >> 32;
	return skip(vmx);
}

static enum slat_exit_type exit_wrmsr(struct slat_vmx *vmx)
{
	return skip_or_gp(vmx, slat_vmx_set_msr(vmx,
						vmx->frame.regs[SLAT_REG_RCX],
						edx_eax(vmx), false));
}

static enum slat_exit_type exit_xsetbv(struct slat_vmx *vmx)
{
	u32 index = vmx->frame.regs[SLAT_REG_RCX];

	if (slat_vmx_cpl(vmx) || index != XCR_XFEATURE_ENABLED_MASK)
		return inject_gp(vmx);
	return skip_or_gp(vmx, slat_vmx_set_xcr0(vmx, edx_eax(vmx), NULL));
}

/* No hypercall exists. */
static enum slat_exit_type exit_vmcall(struct slat_vmx *vmx)
{
	s64 ret = slat_vmx_cpl(vmx) ? -KVM_EPERM : -KVM_ENOSYS;

	vmx->frame.regs[SLAT_REG_RAX] =
		slat_vmx_cpu_mode(vmx) == SLAT_VMX_MODE_LONG ? ret : (u32)ret;
	return skip(vmx);
}

/* A guest spins: let somebody else run, maybe the holder of its lock. */
static enum slat_exit_type exit_pause(struct slat_vmx *vmx)
{
	cond_resched();
	return skip(vmx);
}

static enum slat_exit_type exit_cr(struct slat_vmx *vmx)
{
	int ret = slat_exit_cr(vmx);

	if (ret < 0)
		return inject_gp(vmx);
	slat_vmx_skip(vmx);
	return ret ? SLAT_EXIT_SET_TPR : SLAT_EXIT_NONE;
}

static enum slat_exit_type exit_hlt(struct slat_vmx *vmx)
{
	slat_vmx_skip(vmx);
	/* A trap of the HLT's own, or what waited for STI's shadow: no need to tell the client. */
	return vmx->ev.exc_pending || slat_events_wake(vmx) ? SLAT_EXIT_NONE : SLAT_EXIT_HLT;
}

/* What TDX brought: they exit wherever the processor has it. No header names them yet. */
#define REASON_SEAMCALL		76
#define REASON_TDCALL		77

/*
 * No control asks for any other exit. What comes all the same is an instruction that
 * this module does not know, of a processor newer than it. A program must not be able
 * to stop its VM with that.
 */
static enum slat_exit_type exit_unknown(struct slat_vmx *vmx, struct slat_exit *exit)
{
	if (slat_vmx_cpl(vmx))
		return inject_ud(vmx);
	return internal_error(vmx, exit, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
}

/* Less frequent reasons. */
static enum slat_exit_type exit_other(struct slat_vmx *vmx,
				      struct slat_exit *exit)
{
	switch (vmx->exit_reason) {
	case EXIT_REASON_TRIPLE_FAULT:
		return SLAT_EXIT_SHUTDOWN;
	case EXIT_REASON_NMI_WINDOW:
		slat_request(vmx, SLAT_REQUEST_EVENTS);
		return SLAT_EXIT_NONE;
	case EXIT_REASON_RDPMC:
		/* No counter exists. */
		return inject_gp(vmx);
	case EXIT_REASON_INVD:
	case EXIT_REASON_WBINVD:
		/* No device reads guest memory around the caches. */
		return skip(vmx);
	case EXIT_REASON_XSETBV:
		return exit_xsetbv(vmx);
	case EXIT_REASON_VMCALL:
		return exit_vmcall(vmx);
	case EXIT_REASON_MWAIT_INSTRUCTION:
	case EXIT_REASON_MONITOR_INSTRUCTION:
		/* They do nothing, whatever the guest's CPUID says: as on KVM. */
		return skip(vmx);
	case EXIT_REASON_PAUSE_INSTRUCTION:
		return exit_pause(vmx);
	case EXIT_REASON_GDTR_IDTR:
	case EXIT_REASON_LDTR_TR:
		/* Asked for where they stand in for UMIP: the emulator knows who may. */
		return SLAT_EXIT_EMULATE;
	case EXIT_REASON_VMCLEAR ... EXIT_REASON_VMON:
	case EXIT_REASON_INVEPT:
	case EXIT_REASON_INVVPID:
	case EXIT_REASON_VMFUNC:
	case EXIT_REASON_ENCLS:
	case REASON_SEAMCALL:
	case REASON_TDCALL:
		return inject_ud(vmx);
	case EXIT_REASON_TASK_SWITCH:
		slat_vmcs_dump(vmx->exit_reason,
			       slat_vmcs_read(EXIT_QUALIFICATION));
		return internal_error(vmx, exit, KVM_INTERNAL_ERROR_EMULATION);
	}
	slat_vmcs_dump(vmx->exit_reason, slat_vmcs_read(EXIT_QUALIFICATION));
	return exit_unknown(vmx, exit);
}

enum slat_exit_type slat_exit_handle(struct slat_vmx *vmx,
				     struct slat_exit *exit)
{
	switch (vmx->exit_reason) {
	case EXIT_REASON_EPT_VIOLATION:
		return slat_exit_ept_violation(vmx, exit);
	case EXIT_REASON_EPT_MISCONFIG:
		return slat_exit_ept_misconfig(vmx, exit);
	case EXIT_REASON_IO_INSTRUCTION:
		return exit_io(vmx, exit);
	case EXIT_REASON_EXTERNAL_INTERRUPT:
		return SLAT_EXIT_NONE;
	case EXIT_REASON_INTERRUPT_WINDOW:
		return exit_irq_window(vmx);
	case EXIT_REASON_MSR_WRITE:
		return exit_wrmsr(vmx);
	case EXIT_REASON_MSR_READ:
		return exit_rdmsr(vmx);
	case EXIT_REASON_CPUID:
		return SLAT_EXIT_CPUID;
	case EXIT_REASON_HLT:
		return exit_hlt(vmx);
	case EXIT_REASON_CR_ACCESS:
		return exit_cr(vmx);
	case EXIT_REASON_DR_ACCESS:
		return slat_exit_dr(vmx, exit);
	case EXIT_REASON_EXCEPTION_NMI:
		return exit_exception(vmx, exit);
	}
	return exit_other(vmx, exit);
}
