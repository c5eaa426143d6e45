// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a vCPU: its file, its shared pages, its place in the VM. Creation is
 * called by the VM's ioctl; destruction by the VM's, when no file is left.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "guestmem.h"
#include "trace.h"
#include "vcpu.h"

static const struct slat_vmx_ops vcpu_vmx_ops = {
	.read_guest = slat_guest_read_vmx,
};

static vm_fault_t vcpu_page_fault(struct vm_fault *vmf)
{
	struct slat_vcpu *vcpu = vmf->vma->vm_file->private_data;
	void *page;

	switch (vmf->pgoff) {
	case SLAT_RUN_PAGE:
		page = vcpu->run;
		break;
	case SLAT_PIO_PAGE:
		page = vcpu->pio_data;
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
	.unlocked_ioctl = slat_vcpu_ioctl,
	.compat_ioctl = slat_vcpu_compat_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

static int vcpu_pages_init(struct slat_vcpu *vcpu)
{
	BUILD_BUG_ON(sizeof(struct kvm_run) > PAGE_SIZE);
	BUILD_BUG_ON(SLAT_EMUL_PIO_DATA > PAGE_SIZE);

	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		return -ENOMEM;
	vcpu->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->pio_data) {
		free_page((unsigned long)vcpu->run);
		return -ENOMEM;
	}
	return 0;
}

static void vcpu_pages_destroy(struct slat_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->pio_data);
	free_page((unsigned long)vcpu->run);
}

static struct slat_vcpu *vcpu_create(struct slat_vm *vm, u32 id)
{
	struct slat_vcpu *vcpu;
	int err;

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->why = (struct slat_reject)SLAT_REJECT_VCPU(id);
	mutex_init(&vcpu->mutex);
	vcpu->fault.slots = &vm->slots;
	err = vcpu_pages_init(vcpu);
	if (err)
		goto err_free;
	err = slat_vcpu_work_init(vcpu);
	if (err)
		goto err_pages;
	err = slat_vcpu_fpu_init(vcpu);
	if (err)
		goto err_work;
	vcpu->vmx = slat_vmx_vcpu_create(&vm->vmx, id, &vcpu_vmx_ops, vcpu);
	err = PTR_ERR_OR_ZERO(vcpu->vmx);
	if (err)
		goto err_fpu;
	slat_vcpu_emulator_init(vcpu);
	slat_vcpu_cpuid_init(vcpu);
	slat_reader_register(&vm->epochs, &vcpu->reader);
	slat_mmu_vcpu_register(&vm->mmu, &vcpu->fault.vcpu);
	trace_slat_vcpu_create(slat_vm_id(vm), id);
	return vcpu;

err_fpu:
	slat_vcpu_fpu_destroy(vcpu);
err_work:
	slat_vcpu_work_destroy(vcpu);
err_pages:
	vcpu_pages_destroy(vcpu);
err_free:
	kfree(vcpu);
	return ERR_PTR(err);
}

void slat_vcpu_destroy(struct slat_vcpu *vcpu)
{
	trace_slat_vcpu_destroy(slat_vm_id(vcpu->vm), vcpu->id);
	slat_mmu_vcpu_unregister(&vcpu->vm->mmu, &vcpu->fault.vcpu);
	slat_reader_unregister(&vcpu->vm->epochs, &vcpu->reader);
	slat_vmx_vcpu_destroy(vcpu->vmx);
	slat_vcpu_fpu_destroy(vcpu);
	slat_vcpu_work_destroy(vcpu);
	vcpu_pages_destroy(vcpu);
	kvfree(vcpu->cpuid);
	kfree(vcpu);
}

/* Take one of the allowed number before anything is allocated. */
static int vcpu_reserve(struct slat_vm *vm, struct slat_reject *why)
{
	const u32 max = vm->device->config.max_vcpus;
	int err = 0;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus < max)
		vm->nr_vcpus++;
	else
		err = slat_reject(why, -EINVAL, SLAT_CHECK_VCPU_COUNT, vm->nr_vcpus, max);
	mutex_unlock(&vm->lock);
	return err;
}

static void vcpu_unreserve(struct slat_vm *vm)
{
	mutex_lock(&vm->lock);
	vm->nr_vcpus--;
	mutex_unlock(&vm->lock);
}

/* Return: as xa_insert(), with -EEXIST for a taken id. */
static int vcpu_publish(struct slat_vcpu *vcpu, struct slat_reject *why)
{
	struct slat_vm *vm = vcpu->vm;
	int err;

	mutex_lock(&vm->lock);
	err = xa_insert(&vm->vcpus, vcpu->id, vcpu, GFP_KERNEL_ACCOUNT);
	mutex_unlock(&vm->lock);
	return err == -EBUSY ? slat_reject(why, -EEXIST, SLAT_CHECK_VCPU_EXISTS, vcpu->id, 0) :
			       err;
}

static void vcpu_unpublish(struct slat_vcpu *vcpu)
{
	mutex_lock(&vcpu->vm->lock);
	xa_erase(&vcpu->vm->vcpus, vcpu->id);
	mutex_unlock(&vcpu->vm->lock);
}

int slat_vcpu_create_fd(struct slat_vm *vm, unsigned long id, struct slat_reject *why)
{
	const u32 ids = vm->device->config.max_vcpus * SLAT_VCPU_IDS_PER_VCPU;
	struct slat_vcpu *vcpu;
	struct file *file;
	int fd, err;

	/* The ABI's argument is 32 bits wide, whatever the client passes. */
	if ((u32)id >= ids)
		return slat_reject(why, -EINVAL, SLAT_CHECK_VCPU_ID, (u32)id, ids - 1);
	err = vcpu_reserve(vm, why);
	if (err)
		return err;
	vcpu = vcpu_create(vm, id);
	err = PTR_ERR_OR_ZERO(vcpu);
	if (err)
		goto err_unreserve;
	err = vcpu_publish(vcpu, why);
	if (err)
		goto err_vcpu;
	fd = get_unused_fd_flags(O_CLOEXEC);
	err = fd;
	if (fd < 0)
		goto err_unpublish;
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
err_unpublish:
	vcpu_unpublish(vcpu);
err_vcpu:
	slat_vcpu_destroy(vcpu);
err_unreserve:
	vcpu_unreserve(vm);
	return err;
}
