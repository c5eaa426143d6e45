// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a vCPU: memory, VMCS controls, the state after RESET, and loading it
 * for a task.  Called by the rooms above in process context; everything that touches
 * the VMCS has it current, with a preempt notifier that follows the task.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <asm/apicdef.h>
#include <asm/fpu/types.h>
#include <asm/msr.h>

#include "compat.h"
#include "tlb.h"
#include "vcpu.h"

#define PLE_GAP_TICKS	128	/* TSC ticks between PAUSEs of one loop */
#define PLE_WINDOW_TICKS 4096	/* and how long a loop may last */

/* Vectors that could hang the CPU in microcode, or belong to the host. */
#define EXCEPTIONS	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC))

#define PAT_RESET	0x0007040600070406ULL

int slat_vmx_vm_init(struct slat_vmx_vm *vm, u32 id, hpa_t root, bool ad)
{
	const struct slat_caps *caps = slat_caps_get();

	vm->cpu_seq = kvcalloc(nr_cpu_ids, sizeof(*vm->cpu_seq),
			       GFP_KERNEL_ACCOUNT);
	if (!vm->cpu_seq)
		return -ENOMEM;
	vm->id = id;
	slat_tlb_vm_init(vm);
	vm->eptp = root | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4;
	if (ad && caps->pub.ept_ad)
		vm->eptp |= VMX_EPTP_AD_ENABLE_BIT;
	INIT_LIST_HEAD(&vm->vcpus);
	spin_lock_init(&vm->lock);
	vm->tsc_data = 0;
	vm->tsc_host = slat_tsc_now();
	vm->tsc_offset = -vm->tsc_host;
	return 0;
}

void slat_vmx_vm_destroy(struct slat_vmx_vm *vm)
{
	WARN_ON_ONCE(!list_empty(&vm->vcpus));
	kvfree(vm->cpu_seq);
	vm->cpu_seq = NULL;
}

/* Secondary controls that are not the same for each vCPU. */
void slat_vcpu_update_controls(struct slat_vmx *vmx)
{
	u32 secondary = vmx->caps->secondary | slat_features_controls(vmx->guest.features);

	if (!vmx->vpid)
		secondary &= ~SECONDARY_EXEC_ENABLE_VPID;
	/* CR4.UMIP is never owned by the guest: no need to look at the VMCS. */
	if (vmx->caps->umip_by_exits && vmx->cr4 & X86_CR4_UMIP)
		secondary |= SECONDARY_EXEC_DESC;
	if (secondary != vmx->secondary) {
		vmx->secondary = secondary;
		slat_vmcs_write(SECONDARY_VM_EXEC_CONTROL, secondary);
		if (secondary & SLAT_SECONDARY_XSAVES)
			slat_vmcs_write(XSS_EXIT_BITMAP, 0);
	}
}

static void vcpu_init_controls(struct slat_vmx *vmx)
{
	const struct slat_caps *caps = vmx->caps;

	slat_vmcs_write(PIN_BASED_VM_EXEC_CONTROL, caps->pin);
	vmx->primary = 0;
	slat_vmx_set_primary(vmx, caps->primary);
	vmx->secondary = 0;
	slat_vcpu_update_controls(vmx);
	slat_vmcs_write(VM_EXIT_CONTROLS, caps->vm_exit);
	vmx->vm_entry = 0;
	slat_vmx_set_entry(vmx, caps->vm_entry);

	vmx->exceptions = EXCEPTIONS;
	slat_vmcs_write(EXCEPTION_BITMAP, EXCEPTIONS);
	slat_vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	slat_vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	slat_vmcs_write(CR3_TARGET_COUNT, 0);
	slat_vmcs_write(VM_EXIT_MSR_STORE_COUNT, 0);
	slat_vmcs_write(VM_EXIT_MSR_LOAD_COUNT, 0);
	slat_vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, 0);
	slat_vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	slat_vmcs_write(MSR_BITMAP, __pa(vmx->msr_bitmap));
	slat_vmcs_write(VMCS_LINK_POINTER, ~0ULL);
	slat_vmcs_write(EPT_POINTER, vmx->vm->eptp);
	slat_vmcs_write(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	slat_tsc_write(vmx);
	if (caps->has_ple) {
		slat_vmcs_write(PLE_GAP, PLE_GAP_TICKS);
		slat_vmcs_write(PLE_WINDOW, PLE_WINDOW_TICKS);
	}
	if (caps->has_encls)
		slat_vmcs_write(ENCLS_EXITING_BITMAP, ~0ULL);
	if (caps->has_perf_ctrl) {
		slat_vmcs_write(GUEST_IA32_PERF_GLOBAL_CTRL, 0);
		slat_vmcs_write(HOST_IA32_PERF_GLOBAL_CTRL, 0);
	}
}

static void vcpu_init_segments(struct slat_vmx *vmx)
{
	struct kvm_segment seg = {
		.limit = 0xffff, .type = 3, .s = 1, .present = 1,
	};
	int i;

	for (i = SLAT_VMX_SEG_ES; i <= SLAT_VMX_SEG_GS; i++)
		slat_regs_set_segment(vmx, i, &seg);
	seg.type = 11;
	seg.selector = 0xf000;
	seg.base = 0xffff0000;
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_CS, &seg);

	seg = (struct kvm_segment) { .limit = 0xffff, .type = 2, .present = 1 };
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_LDTR, &seg);
	seg.type = 11;
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_TR, &seg);

	slat_vmcs_write(GUEST_GDTR_BASE, 0);
	slat_vmcs_write(GUEST_GDTR_LIMIT, 0xffff);
	slat_vmcs_write(GUEST_IDTR_BASE, 0);
	slat_vmcs_write(GUEST_IDTR_LIMIT, 0xffff);
}

/* The state after RESET; memory of @vmx is zero. */
static void vcpu_init_state(struct slat_vmx *vmx, u32 id)
{
	vmx->cr8 = 0;
	vmx->xcr0 = XFEATURE_MASK_FP;
	vmx->dr6 = SLAT_DR6_RESET;
	vmx->dr7 = SLAT_DR7_RESET;
	vmx->pat = PAT_RESET;
	vmx->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE;
	if (!id)
		vmx->apic_base |= MSR_IA32_APICBASE_BSP;
	vmx->frame.regs[SLAT_REG_RDX] = vmx->guest.signature;
	slat_regs(vmx)[SLAT_REG_RSP] = 0;
	slat_set_rip(vmx, 0xfff0);
	slat_set_rflags(vmx, X86_EFLAGS_FIXED);

	slat_vmcs_write(GUEST_RSP, 0);
	slat_vmcs_write(GUEST_CR3, 0);
	slat_vmcs_write(GUEST_DR7, vmx->dr7);
	slat_vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	slat_vmcs_write(GUEST_IA32_PAT, vmx->pat);
	slat_vmcs_write(GUEST_SYSENTER_CS, 0);
	slat_vmcs_write(GUEST_SYSENTER_ESP, 0);
	slat_vmcs_write(GUEST_SYSENTER_EIP, 0);
	slat_vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	slat_vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);

	slat_cr_update_masks(vmx);
	slat_cr_apply_efer(vmx, 0);
	slat_cr_apply_cr4(vmx, 0);
	slat_cr_apply_cr0(vmx, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET);
	vcpu_init_segments(vmx);
}

static void vcpu_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct slat_vmx *vmx = container_of(notifier, struct slat_vmx, notifier);

	slat_request_l1d(vmx);
	slat_cpu_activate(vmx, cpu);
}

static void vcpu_sched_out(struct preempt_notifier *notifier,
			   struct task_struct *next)
{
	struct slat_vmx *vmx = container_of(notifier, struct slat_vmx, notifier);

	slat_switch_to_host(vmx);
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in = vcpu_sched_in,
	.sched_out = vcpu_sched_out,
};

static int vcpu_alloc(struct slat_vmx *vmx)
{
	vmx->vpid = slat_vpid_alloc();
	vmx->vmcs = slat_vmcs_alloc(vmx->caps->revision);
	if (!vmx->vmcs)
		goto err_vpid;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	vmx->msr_bitmap = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->msr_bitmap)
		goto err_vmcs;
	return 0;

err_vmcs:
	slat_vmcs_free(vmx->vmcs);
err_vpid:
	slat_vpid_free(vmx->vpid);
	return -ENOMEM;
}

struct slat_vmx *slat_vmx_vcpu_create(struct slat_vmx_vm *vm, u32 id,
				      const struct slat_vmx_ops *ops,
				      void *ctx)
{
	struct slat_vmx *vmx;
	int err;

	vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	if (!vmx)
		return ERR_PTR(-ENOMEM);
	vmx->caps = slat_caps_get();
	vmx->vm = vm;
	vmx->ops = ops;
	vmx->ctx = ctx;
	vmx->cpu = -1;
	slat_tlb_vcpu_init(vmx);
	vmx->guest = vmx->caps->pub.cpu;
	vmx->tsc.offset = vm->tsc_offset;
	preempt_notifier_init(&vmx->notifier, &vcpu_preempt_ops);
	err = vcpu_alloc(vmx);
	if (err)
		goto err_vmx;
	slat_msr_init(vmx);

	slat_vmx_load(vmx);
	slat_switch_init(vmx);
	vcpu_init_controls(vmx);
	vmx->id = id;
	vcpu_init_state(vmx, id);
	slat_vmx_unload(vmx);

	spin_lock(&vm->lock);
	list_add_tail_rcu(&vmx->vm_node, &vm->vcpus);
	spin_unlock(&vm->lock);
	return vmx;

err_vmx:
	kfree(vmx);
	return ERR_PTR(err);
}

void slat_vmx_vcpu_destroy(struct slat_vmx *vmx)
{
	spin_lock(&vmx->vm->lock);
	list_del_rcu(&vmx->vm_node);
	spin_unlock(&vmx->vm->lock);

	slat_cpu_deactivate(vmx);
	free_page((unsigned long)vmx->msr_bitmap);
	slat_vmcs_free(vmx->vmcs);
	slat_vpid_free(vmx->vpid);
	/* A flusher may still be looking at mode. */
	kfree_rcu(vmx, rcu);
}

void slat_vmx_load(struct slat_vmx *vmx)
{
	int cpu;

	slat_l1d_follow();
	cpu = get_cpu();
	preempt_notifier_register(&vmx->notifier);
	slat_request_l1d(vmx);
	slat_cpu_activate(vmx, cpu);
	put_cpu();
}

void slat_vmx_unload(struct slat_vmx *vmx)
{
	preempt_disable();
	slat_switch_to_host(vmx);
	preempt_notifier_unregister(&vmx->notifier);
	preempt_enable();
}

void slat_vmx_set_guest_cpu(struct slat_vmx *vmx,
			    const struct slat_guest_cpu *cpu)
{
	vmx->guest = *cpu;
	slat_features_limit(&vmx->guest, &vmx->caps->pub.cpu);
	slat_vcpu_update_controls(vmx);
	slat_cr_update_masks(vmx);
	slat_msr_update_bitmap(vmx);
}
