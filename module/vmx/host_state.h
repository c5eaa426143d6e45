/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All state of the host that a guest takes the place of: who keeps the host's
 * value, and who brings it back.  docs/vmx.md shows this table; scripts/names fails
 * where the two differ or a function is not in the file that is named with it.
 * The functions of a row with "yes" run between guest_state_enter_irqoff() and
 * guest_state_exit_irqoff(), where no tracer may be called: scripts/lint looks in
 * the built module whether they are out of its reach.
 *
 * | state | comes back when | kept by | brought back by | noinstr | why |
 * | General registers | each exit | slat_vmx_enter() in entry.S | slat_vmx_enter() in entry.S
 *   | yes | VM exit leaves the guest's there |
 * | RSP | each exit | slat_vmx_host_rsp_changed() in run.c | VM exit | yes | written where
 *   the stack is not as deep as at the last entry |
 * | RIP | each exit | slat_switch_init() in switch.c | VM exit | | it goes on in entry.S |
 * | RFLAGS | each exit | nobody | VM exit | | it clears them: interrupts stay off |
 * | SPEC_CTRL | each exit | the kernel | slat_vmx_restore_spec_ctrl() in run.c | yes | before
 *   the first return that the guest may have trained |
 * | CR2 | each exit | nobody | nobody | | a page fault writes it before the kernel reads it |
 * | CR0, IDT, selectors of CS, SS, TR | each exit | slat_switch_init() in switch.c | VM exit
 *   | | the same on each CPU and for each task |
 * | SYSENTER_CS, SYSENTER_EIP | each exit | slat_switch_init() in switch.c | VM exit | |
 *   likewise |
 * | PAT, EFER | each exit | slat_caps_probe() in caps.c | VM exit | | likewise; found at
 *   module load |
 * | GS base, bases of TSS and GDT, SYSENTER_ESP | each exit | slat_switch_cpu() in switch.c |
 *   VM exit | | they belong to the CPU |
 * | CR3, CR4 | each exit | host_fields_refresh() in run.c | VM exit | | the kernel changes
 *   them between entries |
 * | PERF_GLOBAL_CTRL | each exit | slat_perf_to_guest() in perf.c | VM exit | | perf says
 *   which counters run in the guest |
 * | PEBS_ENABLE | each exit, if perf asks | the kernel | slat_perf_restart_pebs() in perf.c
 *   | | records go to linear addresses, which would be the guest's |
 * | FS base | each exit | slat_switch_to_guest() in switch.c | VM exit | | it belongs to the
 *   task |
 * | DEBUGCTL | each exit | host_fields_refresh() in run.c | run_guest() in run.c | | VM exit
 *   clears it |
 * | DR0 to DR3, DR6, DR7 | each exit, if used | the kernel | drs_to_host() in run.c | | VM
 *   exit disarms DR7; drs_to_guest() in run.c does so before the guest's are loaded |
 * | XCR0, XSS | each exit, if they differ | slat_caps_probe() in caps.c | xstate_to_host() in
 *   run.c | | the kernel saves and loads the FPU under its own |
 * | PKRU | each exit, if used | xstate_to_guest() in run.c | xstate_to_host() in run.c | | it
 *   would deny the kernel user memory |
 * | KERNEL_GS_BASE | task leaves | slat_switch_to_guest() in switch.c | slat_switch_to_host()
 *   in switch.c | | the kernel itself does not use it |
 * | STAR, LSTAR, FMASK, TSC_AUX | task leaves, if they differ | host_msrs_read() in vmxon.c |
 *   msrs_to_host() in switch.c | | likewise; constant on each CPU |
 * | DS, ES, FS, GS, LDT | task leaves, if not null | slat_switch_to_guest() in switch.c |
 *   segments_to_host() in switch.c | | VM exit makes them null: VM entry refuses those of
 *   user space |
 * | Limits of GDT and TSS | task leaves | the kernel | slat_switch_to_host() in switch.c | |
 *   VM exit loads limits of its own: one too large, one too small |
 * | FPU | KVM_RUN ends | slat_vcpu_run() in vcpu/run.c | slat_vcpu_run() in vcpu/run.c | |
 *   fpu_swap_kvm_fpstate() does it |
 * | CR4.VMXE, Intel PT | last VM ends | enter_vmx() in vmxon.c | slat_vmxon_order() in
 *   vmxon.c | | PT may have to stop in VMX operation |
 *
 * "Task leaves": slat_switch_to_host(), when the task is switched out or returns
 * from KVM_RUN.
 */
#ifndef SLAT_VMX_HOST_STATE_H
#define SLAT_VMX_HOST_STATE_H

#include <linux/types.h>

/**
 * struct slat_vmx_host - state of the host that the guest displaces
 * @loaded:	guest MSRs and segments are in the registers
 * @syscall_loaded: STAR, LSTAR and FMASK are the guest's
 * @tsc_aux_loaded: TSC_AUX is the guest's
 * @pebs_stopped: PEBS_ENABLE is 0 for the guest
 * @cr3:	value of the VMCS field, likewise the ones below
 * @cr4:	likewise
 * @fs_base:	likewise
 * @perf_ctrl:	likewise
 * @guest_perf_ctrl: likewise, the guest's
 * @guest_debugctl: likewise: the guest's bits and one of the host
 * @kernel_gs_base: of the task
 * @debugctl:	IA32_DEBUGCTL just before entry
 * @ds:		selectors of the task
 * @es:		likewise
 * @fs:		likewise
 * @gs:		likewise
 * @ldt:	likewise
 */
struct slat_vmx_host {
	bool	loaded;
	bool	syscall_loaded;
	bool	tsc_aux_loaded;
	bool	pebs_stopped;
	u16	ds, es, fs, gs, ldt;
	u64	cr3;
	u64	cr4;
	u64	fs_base;
	u64	perf_ctrl;
	u64	guest_perf_ctrl;
	u64	guest_debugctl;
	u64	kernel_gs_base;
	u64	debugctl;
};

#endif /* SLAT_VMX_HOST_STATE_H */
