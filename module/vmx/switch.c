// SPDX-License-Identifier: GPL-2.0
/*
 * The part of the host's state that VM entry and exit do not switch by
 * themselves, or switch to a value that belongs to the CPU or the task.  The
 * guest's KERNEL_GS_BASE, SYSCALL MSRs and TSC_AUX stay in the registers
 * between entries: the kernel itself needs none of them.  They go when the task
 * is switched out or leaves for user space, by the preempt notifier and
 * slat_vmx_unload().  SYSCALL MSRs and TSC_AUX are written only where they
 * differ from the host's, so a guest without SYSCALL costs nothing.  The MSRs
 * are accessed natively: no hypervisor that patches them offers VMX.
 *
 * All functions: VMCS current, preemption off.
 */
#include <linux/smp.h>

#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/msr.h>
#include <asm/segment.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/tsc.h>

#include "entry.h"
#include "vcpu.h"

/* Host fields that are the same on each CPU and for each task. */
void slat_switch_init(struct slat_vmx *vmx)
{
	struct desc_ptr idt;
	u64 data;

	slat_vmcs_write(HOST_CR0, read_cr0());
	slat_vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	slat_vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	slat_vmcs_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	/* User selectors have RPL 3, which VM entry refuses: reloaded by hand. */
	slat_vmcs_write(HOST_DS_SELECTOR, 0);
	slat_vmcs_write(HOST_ES_SELECTOR, 0);
	slat_vmcs_write(HOST_FS_SELECTOR, 0);
	slat_vmcs_write(HOST_GS_SELECTOR, 0);

	store_idt(&idt);
	slat_vmcs_write(HOST_IDTR_BASE, idt.address);
	slat_vmcs_write(HOST_RIP, (unsigned long)slat_vmx_exit_entry);

	rdmsrl(MSR_IA32_SYSENTER_CS, data);
	slat_vmcs_write(HOST_IA32_SYSENTER_CS, data);
	rdmsrl(MSR_IA32_SYSENTER_EIP, data);
	slat_vmcs_write(HOST_IA32_SYSENTER_EIP, data);
	slat_vmcs_write(HOST_IA32_SYSENTER_ESP, 0);

	slat_vmcs_write(HOST_IA32_PAT, vmx->caps->host_pat);
	slat_vmcs_write(HOST_IA32_EFER, vmx->caps->host_efer);
	slat_vmcs_write(HOST_FS_BASE, 0);
}

/* Host fields that belong to the CPU. */
void slat_switch_cpu(struct slat_vmx *vmx, int cpu)
{
	slat_vmcs_write(HOST_TR_BASE,
			(unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	slat_vmcs_write(HOST_GDTR_BASE, (unsigned long)get_current_gdt_ro());
	slat_vmcs_write(HOST_GS_BASE, cpu_kernelmode_gs_base(cpu));
	if (IS_ENABLED(CONFIG_IA32_EMULATION))
		slat_vmcs_write(HOST_IA32_SYSENTER_ESP,
				(unsigned long)(cpu_entry_stack(cpu) + 1));
}

static bool needs_tsc_aux(const struct slat_vmx *vmx)
{
	return slat_vmx_has(vmx, SLAT_CPU_RDTSCP | SLAT_CPU_RDPID);
}

static void msrs_to_guest(struct slat_vmx *vmx)
{
	const struct slat_cpu_msrs *host = slat_cpu_host_msrs();

	if (vmx->efer & EFER_SCE) {
		if (vmx->msr[SLAT_MSR_STAR] != host->star)
			native_wrmsrl(MSR_STAR, vmx->msr[SLAT_MSR_STAR]);
		if (vmx->msr[SLAT_MSR_LSTAR] != host->lstar)
			native_wrmsrl(MSR_LSTAR, vmx->msr[SLAT_MSR_LSTAR]);
		if (vmx->msr[SLAT_MSR_FMASK] != host->fmask)
			native_wrmsrl(MSR_SYSCALL_MASK, vmx->msr[SLAT_MSR_FMASK]);
		vmx->host.syscall_loaded = true;
	}
	if (needs_tsc_aux(vmx) &&
	    vmx->msr[SLAT_MSR_TSC_AUX] != host->tsc_aux) {
		native_wrmsrl(MSR_TSC_AUX, vmx->msr[SLAT_MSR_TSC_AUX]);
		vmx->host.tsc_aux_loaded = true;
	}
}

static void msrs_to_host(struct slat_vmx *vmx)
{
	const struct slat_cpu_msrs *host = slat_cpu_host_msrs();

	if (vmx->host.syscall_loaded) {
		if (vmx->msr[SLAT_MSR_STAR] != host->star)
			native_wrmsrl(MSR_STAR, host->star);
		if (vmx->msr[SLAT_MSR_LSTAR] != host->lstar)
			native_wrmsrl(MSR_LSTAR, host->lstar);
		if (vmx->msr[SLAT_MSR_FMASK] != host->fmask)
			native_wrmsrl(MSR_SYSCALL_MASK, host->fmask);
		vmx->host.syscall_loaded = false;
	}
	if (vmx->host.tsc_aux_loaded) {
		native_wrmsrl(MSR_TSC_AUX, host->tsc_aux);
		vmx->host.tsc_aux_loaded = false;
	}
}

/* The guest's segments and MSRs take over, if they have not yet. */
void slat_switch_to_guest(struct slat_vmx *vmx)
{
	struct slat_vmx_host *host = &vmx->host;
	u64 fs_base;

	if (host->loaded)
		return;

	savesegment(ds, host->ds);
	savesegment(es, host->es);
	savesegment(fs, host->fs);
	savesegment(gs, host->gs);
	store_ldt(host->ldt);

	if (static_cpu_has(X86_FEATURE_FSGSBASE))
		fs_base = rdfsbase();
	else
		fs_base = __rdmsr(MSR_FS_BASE);
	if (fs_base != host->fs_base) {
		slat_vmcs_write(HOST_FS_BASE, fs_base);
		host->fs_base = fs_base;
	}

	host->kernel_gs_base = __rdmsr(MSR_KERNEL_GS_BASE);
	if (vmx->kernel_gs_base != host->kernel_gs_base)
		native_wrmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	msrs_to_guest(vmx);
	/* This CPU may have slept meanwhile, and its TSC with it. */
	if (unlikely(check_tsc_unstable()))
		slat_tsc_arrived(vmx);
	host->loaded = true;
}

/* Selectors that VM exit has set to null; rare: 32-bit tasks, LDT users. */
static void segments_to_host(const struct slat_vmx_host *host)
{
	if (host->ldt)
		asm volatile("lldt %0" : : "m"(host->ldt));
	if (host->gs)
		load_gs_index(host->gs);
	if (host->fs) {
		loadsegment(fs, host->fs);
		/* A null selector with RPL 3 may clear the base. */
		wrmsrl(MSR_FS_BASE, host->fs_base);
	}
	if (host->ds)
		loadsegment(ds, host->ds);
	if (host->es)
		loadsegment(es, host->es);
}

/* The task's own state is back, if it had gone. */
void slat_switch_to_host(struct slat_vmx *vmx)
{
	struct slat_vmx_host *host = &vmx->host;
	struct desc_ptr gdt;

	if (!host->loaded)
		return;

	vmx->kernel_gs_base = __rdmsr(MSR_KERNEL_GS_BASE);
	if (unlikely(host->ldt | host->gs | host->fs | host->ds | host->es)) {
		segments_to_host(host);
		native_wrmsrl(MSR_KERNEL_GS_BASE, host->kernel_gs_base);
	} else if (vmx->kernel_gs_base != host->kernel_gs_base) {
		native_wrmsrl(MSR_KERNEL_GS_BASE, host->kernel_gs_base);
	}
	msrs_to_host(vmx);
	if (unlikely(check_tsc_unstable()))
		slat_tsc_left(vmx);

	/* VM exit loads fixed limits: the I/O bitmap needs a larger one... */
	invalidate_tss_limit();
	/* ...and the GDT's would reach past its end. */
	gdt.size = GDT_SIZE - 1;
	gdt.address = (unsigned long)get_current_gdt_ro();
	native_load_gdt(&gdt);
	host->loaded = false;
}

u64 slat_switch_get_kernel_gs(struct slat_vmx *vmx)
{
	u64 base;

	preempt_disable();
	if (vmx->host.loaded)
		rdmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	base = vmx->kernel_gs_base;
	preempt_enable();
	return base;
}

void slat_switch_set_kernel_gs(struct slat_vmx *vmx, u64 base)
{
	preempt_disable();
	if (vmx->host.loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, base);
	vmx->kernel_gs_base = base;
	preempt_enable();
}

/* Change one of the MSRs above. */
void slat_switch_set_msr(struct slat_vmx *vmx, enum slat_msr_slot slot,
			 u64 data)
{
	preempt_disable();
	if (vmx->host.loaded)
		msrs_to_host(vmx);
	vmx->msr[slot] = data;
	if (vmx->host.loaded)
		msrs_to_guest(vmx);
	preempt_enable();
}

/* EFER.SCE decides whether the SYSCALL MSRs matter. */
void slat_switch_set_efer(struct slat_vmx *vmx, u64 efer)
{
	preempt_disable();
	if (vmx->host.loaded)
		msrs_to_host(vmx);
	vmx->efer = efer;
	if (vmx->host.loaded)
		msrs_to_guest(vmx);
	preempt_enable();
}
