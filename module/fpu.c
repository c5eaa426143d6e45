// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's FPU state while the vCPU does not run, and single XMM registers
 * while it does. The kernel's own guest FPU objects hold it; KVM_RUN swaps it
 * with the task's state once per call.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

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

/* The guest's registers are the task's own now: load them if they are not. */
static void xmm_begin(void)
{
	fpregs_lock();
	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

static void xmm_end(void)
{
	fpregs_unlock();
}

#define FOR_EACH_XMM(op)						\
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7)			\
	op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)

#define READ_XMM(n)							\
	case n:								\
		asm volatile("movdqu %%xmm" #n ", %0" : "=m" (*value));	\
		break;

#define WRITE_XMM(n)							\
	case n:								\
		asm volatile("movdqu %0, %%xmm" #n : : "m" (*value));	\
		break;

struct xmm_value {
	u8 bytes[16];
};

void slat_fpu_read_xmm(unsigned int reg, void *buf)
{
	struct xmm_value *value = buf;

	xmm_begin();
	switch (reg) {
	FOR_EACH_XMM(READ_XMM)
	default:
		WARN_ON_ONCE(1);
		memset(value, 0, sizeof(*value));
	}
	xmm_end();
}

/* Legacy encodings, as used here, keep bits above 127. */
void slat_fpu_write_xmm(unsigned int reg, const void *buf)
{
	const struct xmm_value *value = buf;

	xmm_begin();
	switch (reg) {
	FOR_EACH_XMM(WRITE_XMM)
	default:
		WARN_ON_ONCE(1);
	}
	xmm_end();
}
