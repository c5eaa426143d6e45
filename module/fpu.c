// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's FPU state while the vCPU does not run, and single vector registers
 * while it does. The kernel's own guest FPU objects hold it; KVM_RUN swaps it
 * with the task's state once per call.
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

#define XMM_BYTES	16
#define NR_XMM		16
#define MMX_BYTES	8
#define NR_MMX		8

/* Top of the x87 register stack in the status word. */
#define X87_TOP_SHIFT	11
#define X87_TOP		(7 << X87_TOP_SHIFT)

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

/*
 * The guest's registers are the task's own now: load them if they are not. The
 * whole legacy area is the smallest thing that an instruction with a register
 * number in memory can reach; the upper halves of YMM and ZMM are not in it and
 * so keep their values.
 */
static void legacy_begin(struct fxregs_state *fx)
{
	fpregs_lock();
	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	asm volatile("fxsave64 %0" : "=m" (*fx));
}

static void legacy_end(void)
{
	fpregs_unlock();
}

static void *legacy_xmm(struct fxregs_state *fx, unsigned int reg)
{
	return (u8 *)fx->xmm_space + reg * XMM_BYTES;
}

void slat_fpu_read_xmm(unsigned int reg, void *buf)
{
	struct fxregs_state fx __aligned(16);

	if (WARN_ON_ONCE(reg >= NR_XMM))
		return;
	legacy_begin(&fx);
	legacy_end();
	memcpy(buf, legacy_xmm(&fx, reg), XMM_BYTES);
}

void slat_fpu_write_xmm(unsigned int reg, const void *buf)
{
	struct fxregs_state fx __aligned(16);

	if (WARN_ON_ONCE(reg >= NR_XMM))
		return;
	legacy_begin(&fx);
	memcpy(legacy_xmm(&fx, reg), buf, XMM_BYTES);
	asm volatile("fxrstor64 %0" : : "m" (fx));
	legacy_end();
}

/* An MMX register is a physical x87 register; the image counts from the top. */
static void *legacy_mmx(struct fxregs_state *fx, unsigned int reg)
{
	unsigned int top = (fx->swd & X87_TOP) >> X87_TOP_SHIFT;

	return (u8 *)fx->st_space + ((reg - top) & (NR_MMX - 1)) * XMM_BYTES;
}

void slat_fpu_read_mmx(unsigned int reg, void *buf)
{
	struct fxregs_state fx __aligned(16);

	if (WARN_ON_ONCE(reg >= NR_MMX))
		return;
	legacy_begin(&fx);
	legacy_end();
	memcpy(buf, legacy_mmx(&fx, reg), MMX_BYTES);
}

/* What every MMX instruction does first: the top is 0, no register is empty. */
static void legacy_enter_mmx(struct fxregs_state *fx)
{
	u8 st[sizeof(fx->st_space)];
	unsigned int reg;

	for (reg = 0; reg < NR_MMX; reg++)
		memcpy(st + reg * XMM_BYTES, legacy_mmx(fx, reg), XMM_BYTES);
	memcpy(fx->st_space, st, sizeof(st));
	fx->swd &= ~X87_TOP;
	fx->twd = 0xff;
}

void slat_fpu_write_mmx(unsigned int reg, const void *buf)
{
	struct fxregs_state fx __aligned(16);
	u8 *image;

	if (WARN_ON_ONCE(reg >= NR_MMX))
		return;
	legacy_begin(&fx);
	legacy_enter_mmx(&fx);
	if (buf) {
		image = legacy_mmx(&fx, reg);
		memcpy(image, buf, MMX_BYTES);
		/* Sign and exponent, as the processor leaves them. */
		memset(image + MMX_BYTES, 0xff, 2);
	}
	asm volatile("fxrstor64 %0" : : "m" (fx));
	legacy_end();
}
