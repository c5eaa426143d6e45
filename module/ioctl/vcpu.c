// SPDX-License-Identifier: GPL-2.0
/*
 * The file of a vCPU, its mapping and its ioctls: who may call, one at a time,
 * which function. No work is done here but the signal mask and MP state.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/signal.h>
#include <linux/uaccess.h>

#include "abi.h"
#include "insight/insight.h"
#include "io/ring.h"
#include "ioctl.h"
#include "vcpu/vcpu.h"

static int get_mp_state(struct kvm_mp_state __user *argp)
{
	/* Without an interrupt controller in the kernel nothing else exists. */
	const struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	return copy_to_user(argp, &state, sizeof(state)) ? -EFAULT : 0;
}

static int set_mp_state(struct slat_vcpu *vcpu, const struct kvm_mp_state __user *argp)
{
	struct kvm_mp_state state;

	if (copy_from_user(&state, argp, sizeof(state)))
		return -EFAULT;
	return state.mp_state == KVM_MP_STATE_RUNNABLE ? 0 :
	       slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_MP_STATE, state.mp_state,
			   KVM_MP_STATE_RUNNABLE);
}

static void set_sigset(struct slat_vcpu *vcpu, sigset_t *sigset)
{
	sigdelsetmask(sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = *sigset;
	vcpu->sigset_active = true;
}

static int set_signal_mask(struct slat_vcpu *vcpu,
			   struct kvm_signal_mask __user *argp)
{
	struct kvm_signal_mask head;
	sigset_t sigset;

	if (!argp) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (head.len != sizeof(sigset))
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_SIGSET, head.len,
				   sizeof(sigset));
	if (copy_from_user(&sigset, argp->sigset, sizeof(sigset)))
		return -EFAULT;
	set_sigset(vcpu, &sigset);
	return 0;
}

/* Registers, all of them: what a client saves and restores. */
static int vcpu_regs_ioctl(struct slat_vcpu *vcpu, unsigned int cmd, void __user *argp)
{
	switch (cmd) {
	case KVM_GET_REGS:
		return slat_vcpu_get_regs(vcpu, argp);
	case KVM_SET_REGS:
		return slat_vcpu_set_regs(vcpu, argp);
	case KVM_GET_SREGS:
		return slat_vcpu_get_sregs(vcpu, argp);
	case KVM_SET_SREGS:
		return slat_vcpu_set_sregs(vcpu, argp);
	case KVM_GET_SREGS2:
		return slat_vcpu_get_sregs2(vcpu, argp);
	case KVM_SET_SREGS2:
		return slat_vcpu_set_sregs2(vcpu, argp);
	case KVM_GET_FPU:
		return slat_vcpu_get_fpu(vcpu, argp);
	case KVM_SET_FPU:
		return slat_vcpu_set_fpu(vcpu, argp);
	case KVM_GET_XSAVE:
		return slat_vcpu_get_xsave(vcpu, argp);
	case KVM_GET_XSAVE2:
		return slat_vcpu_get_xsave2(vcpu, argp);
	case KVM_SET_XSAVE:
		return slat_vcpu_set_xsave(vcpu, argp);
	case KVM_GET_XCRS:
		return slat_vcpu_get_xcrs(vcpu, argp);
	case KVM_SET_XCRS:
		return slat_vcpu_set_xcrs(vcpu, argp);
	case KVM_GET_VCPU_EVENTS:
		return slat_vcpu_get_events(vcpu, argp);
	case KVM_SET_VCPU_EVENTS:
		return slat_vcpu_set_events(vcpu, argp);
	case KVM_GET_DEBUGREGS:
		return slat_vcpu_get_debugregs(vcpu, argp);
	case KVM_SET_DEBUGREGS:
		return slat_vcpu_set_debugregs(vcpu, argp);
	default:
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_UNKNOWN_CALL, cmd, 0);
	}
}

static int vcpu_call(struct slat_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_RUN:
		return unlikely(arg) ? slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_RUN_ARG, arg, 0) :
				       slat_vcpu_run(vcpu);
	case KVM_INTERRUPT:
		return slat_vcpu_interrupt(vcpu, argp);
	case KVM_NMI:
		return slat_vcpu_nmi(vcpu);
	case KVM_GET_MSRS:
		return slat_vcpu_get_msrs(vcpu, argp);
	case KVM_SET_MSRS:
		return slat_vcpu_set_msrs(vcpu, argp);
	case KVM_GET_TSC_KHZ:
		return slat_vmx_tsc_khz();
	case KVM_SET_TSC_KHZ:
		return slat_vmx_set_tsc_khz(arg, &vcpu->why);
	case KVM_X86_SETUP_MCE:
		return slat_vcpu_setup_mce(vcpu, argp);
	case KVM_X86_SET_MCE:
		return slat_vcpu_set_mce(vcpu, argp);
	case KVM_GET_CPUID2:
		return slat_vcpu_get_cpuid2(vcpu, argp);
	case KVM_SET_CPUID2:
		return slat_vcpu_set_cpuid2(vcpu, argp);
	case KVM_GET_MP_STATE:
		return get_mp_state(argp);
	case KVM_SET_MP_STATE:
		return set_mp_state(vcpu, argp);
	case KVM_SET_SIGNAL_MASK:
		return set_signal_mask(vcpu, argp);
	case KVM_SET_GUEST_DEBUG:
		return slat_vcpu_set_guest_debug(vcpu, argp);
	case KVM_GET_STATS_FD:
		return slat_vcpu_stats_fd(vcpu);
	case KVM_TRANSLATE:
		return slat_vcpu_translate(vcpu, argp);
	case KVM_PRE_FAULT_MEMORY:
		return slat_vcpu_pre_fault(vcpu, argp);
	default:
		return vcpu_regs_ioctl(vcpu, cmd, argp);
	}
}

/*
 * The call has failed; noted down for SLAT_GET_LAST_ERROR. A signal refuses nothing. The
 * vCPU's mutex is held.
 */
static noinline void vcpu_note_failure(struct slat_vcpu *vcpu, unsigned int cmd, long err)
{
	if (err != -EINTR && err != -EAGAIN)
		slat_failure_record(&vcpu->vm->failure, cmd, err, &vcpu->why);
	vcpu->why = (struct slat_reject)SLAT_REJECT_VCPU(vcpu->id);
}

/* A call that is none of KVM's, before the mutex is taken. */
static noinline int vcpu_unknown_call(struct slat_vcpu *vcpu, unsigned int cmd)
{
	struct slat_reject why = SLAT_REJECT_VCPU(vcpu->id);

	slat_reject(&why, -EINVAL, SLAT_CHECK_UNKNOWN_CALL, cmd, 0);
	slat_failure_record(&vcpu->vm->failure, cmd, -EINVAL, &why);
	return -EINVAL;
}

/* Get means: the right process, a living VM, and the vCPU to ourselves. */
static int vcpu_get(struct slat_vcpu *vcpu, unsigned int cmd)
{
	if (!slat_vm_is_usable(vcpu->vm))
		return -EIO;
	if (_IOC_TYPE(cmd) != KVMIO)
		return vcpu_unknown_call(vcpu, cmd);
	return mutex_lock_killable(&vcpu->mutex) ? -EINTR : 0;
}

static void vcpu_put(struct slat_vcpu *vcpu)
{
	mutex_unlock(&vcpu->mutex);
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct slat_vcpu *vcpu = file->private_data;
	long ret;

	ret = vcpu_get(vcpu, cmd);
	if (ret)
		return ret;
	ret = vcpu_call(vcpu, cmd, arg);
	if (unlikely(ret < 0))
		vcpu_note_failure(vcpu, cmd, ret);
	vcpu_put(vcpu);
	return ret;
}

#ifdef CONFIG_COMPAT
/* The only structure whose layout differs for a 32-bit client: the signal set. */
static int compat_set_signal_mask(struct slat_vcpu *vcpu,
				  struct kvm_signal_mask __user *argp)
{
	struct kvm_signal_mask head;
	sigset_t sigset;

	if (!argp)
		return set_signal_mask(vcpu, NULL);
	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (head.len != sizeof(compat_sigset_t))
		return slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_SIGSET, head.len,
				   sizeof(compat_sigset_t));
	if (get_compat_sigset(&sigset, (compat_sigset_t __user *)argp->sigset))
		return -EFAULT;
	set_sigset(vcpu, &sigset);
	return 0;
}

static long vcpu_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct slat_vcpu *vcpu = file->private_data;
	void __user *argp = compat_ptr(arg);
	long ret;

	if (cmd != KVM_SET_SIGNAL_MASK)
		return vcpu_ioctl(file, cmd, (unsigned long)argp);
	ret = vcpu_get(vcpu, cmd);
	if (ret)
		return ret;
	ret = compat_set_signal_mask(vcpu, argp);
	if (ret < 0)
		vcpu_note_failure(vcpu, cmd, ret);
	vcpu_put(vcpu);
	return ret;
}
#endif

static vm_fault_t vcpu_page_fault(struct vm_fault *vmf)
{
	struct slat_vcpu *vcpu = vmf->vma->vm_file->private_data;
	void *page;

	switch (vmf->pgoff) {
	case SLAT_RUN_PAGE:
		page = vcpu->run;
		break;
	case SLAT_PIO_PAGE:
		page = vcpu->access.pio_data;
		break;
	case SLAT_RING_PAGE:
		page = slat_ring_page(&vcpu->vm->io);
		if (!page)
			return VM_FAULT_OOM;
		break;
	default:
		return VM_FAULT_SIGBUS;
	}
	vmf->page = virt_to_page(page);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_page_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct slat_vcpu *vcpu = file->private_data;

	slat_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vcpu_compat_ioctl,
#endif
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

int slat_vcpu_create_fd(struct slat_vm *vm, unsigned long id, struct slat_reject *why)
{
	struct slat_vcpu *vcpu;
	struct file *file;
	int fd, err;

	vcpu = slat_vcpu_create(vm, id, why);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	fd = get_unused_fd_flags(O_CLOEXEC);
	err = fd;
	if (fd < 0)
		goto err_vcpu;
	/* The file's reference; its release() drops it. */
	slat_vm_get(vm);
	file = anon_inode_getfile("slat-vcpu", &vcpu_fops, vcpu, O_RDWR);
	err = PTR_ERR_OR_ZERO(file);
	if (err)
		goto err_put;
	fd_install(fd, file);
	return fd;

err_put:
	slat_vm_put(vm);
	put_unused_fd(fd);
err_vcpu:
	slat_vcpu_remove(vcpu);
	return err;
}
