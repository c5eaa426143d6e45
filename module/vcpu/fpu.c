// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's FPU state while the vCPU does not run. The kernel's own guest FPU
 * objects hold it; KVM_RUN swaps it with the task's state once per call.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

#include "cpuid.h"
#include "vcpu.h"

int slat_vcpu_fpu_init(struct slat_vcpu *vcpu)
{
	return fpu_alloc_guest_fpstate(&vcpu->fpu) ? 0 : -ENOMEM;
}

void slat_vcpu_fpu_destroy(struct slat_vcpu *vcpu)
{
	fpu_free_guest_fpstate(&vcpu->fpu);
}

static void fxsave_to_kvm(const struct fxregs_state *fx, struct kvm_fpu *out)
{
	memcpy(out->fpr, fx->st_space, sizeof(out->fpr));
	out->fcw = fx->cwd;
	out->fsw = fx->swd;
	out->ftwx = fx->twd;
	out->last_opcode = fx->fop;
	out->last_ip = fx->rip;
	out->last_dp = fx->rdp;
	memcpy(out->xmm, fx->xmm_space, sizeof(out->xmm));
}

/* As on KVM, MXCSR is not part of it: KVM_SET_FPU has always left it alone. */
int slat_vcpu_get_fpu(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_fpu out = {};
	void *state;

	/* The kernel's copy fills in what the processor left out as initial. */
	state = kvzalloc(vcpu->fpu.uabi_size, GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, state, vcpu->fpu.uabi_size,
				       vcpu->fpu.fpstate->user_xfeatures, 0);
	fxsave_to_kvm(state, &out);
	kvfree(state);
	return copy_to_user(argp, &out, sizeof(out)) ? -EFAULT : 0;
}

int slat_vcpu_set_fpu(struct slat_vcpu *vcpu, void __user *argp)
{
	struct xregs_state *xsave = &vcpu->fpu.fpstate->regs.xsave;
	struct fxregs_state *fx = &vcpu->fpu.fpstate->regs.fxsave;
	struct kvm_fpu in;

	if (copy_from_user(&in, argp, sizeof(in)))
		return -EFAULT;
	memcpy(fx->st_space, in.fpr, sizeof(in.fpr));
	fx->cwd = in.fcw;
	fx->swd = in.fsw;
	fx->twd = in.ftwx;
	fx->fop = in.last_opcode;
	fx->rip = in.last_ip;
	fx->rdp = in.last_dp;
	memcpy(fx->xmm_space, in.xmm, sizeof(in.xmm));
	/* Without these the processor would load the initial state instead. */
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		xsave->header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

/* What user space may see and set of the guest's state. */
static u64 xfeatures(u64 xcr0_valid)
{
	return xcr0_valid | XFEATURE_MASK_FPSSE;
}

u32 slat_fpu_xsave_size(const struct slat_vmx_caps *caps)
{
	return max_t(u32, sizeof(struct kvm_xsave),
		     slat_xstate_size(caps->cpu.xcr0_valid, false));
}

static int get_xsave(struct slat_vcpu *vcpu, void __user *argp, u32 size)
{
	u64 features = xfeatures(vcpu->guest_cpu.xcr0_valid);
	void *state;
	int err;

	if (size < vcpu->fpu.uabi_size)
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_XSAVE_SIZE,
				   vcpu->fpu.uabi_size, size);
	state = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, state, size, features,
				       slat_vmx_pkru(vcpu->vmx));
	err = copy_to_user(argp, state, size) ? -EFAULT : 0;
	kvfree(state);
	return err;
}

int slat_vcpu_get_xsave(struct slat_vcpu *vcpu, void __user *argp)
{
	return get_xsave(vcpu, argp, sizeof(struct kvm_xsave));
}

int slat_vcpu_get_xsave2(struct slat_vcpu *vcpu, void __user *argp)
{
	return get_xsave(vcpu, argp, max_t(u32, vcpu->fpu.uabi_size,
					   slat_fpu_xsave_size(vcpu->vm->device->caps)));
}

int slat_vcpu_set_xsave(struct slat_vcpu *vcpu, void __user *argp)
{
	u64 features = xfeatures(vcpu->vm->device->caps->cpu.xcr0_valid);
	u32 pkru = slat_vmx_pkru(vcpu->vmx);
	struct xregs_state *state;
	int err;

	state = vmemdup_user(argp, max_t(u32, vcpu->fpu.uabi_size,
					 sizeof(struct kvm_xsave)));
	if (IS_ERR(state))
		return PTR_ERR(state);
	/* Checks the header and MXCSR: XRSTOR must not fault on what it takes. */
	err = fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, state, features, &pkru);
	if (!err)
		slat_vmx_set_pkru(vcpu->vmx, pkru);
	else
		slat_reject(&vcpu->why, err, SLAT_CHECK_XSAVE, state->header.xfeatures, features);
	kvfree(state);
	return err;
}
