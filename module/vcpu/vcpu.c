// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a vCPU: its shared pages, its place in the VM. Creation is called by
 * the VM's ioctl; destruction by the VM's, when no file is left.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "access/guestmem.h"
#include "trace.h"
#include "vcpu.h"

static const struct slat_vmx_ops vcpu_vmx_ops = {
	.read_guest = slat_guest_read_vmx,
};

static int vcpu_pages_init(struct slat_vcpu *vcpu)
{
	BUILD_BUG_ON(sizeof(struct kvm_run) > PAGE_SIZE);
	BUILD_BUG_ON(SLAT_EMUL_PIO_DATA > PAGE_SIZE);

	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		return -ENOMEM;
	vcpu->access.pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->access.pio_data) {
		free_page((unsigned long)vcpu->run);
		return -ENOMEM;
	}
	return 0;
}

static void vcpu_pages_destroy(struct slat_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->access.pio_data);
	free_page((unsigned long)vcpu->run);
}

/* All that is constant in it. */
static void vcpu_access_init(struct slat_vcpu *vcpu)
{
	struct slat_vcpu_access *access = &vcpu->access;
	struct slat_vm *vm = vcpu->vm;

	access->vmx = vcpu->vmx;
	access->slots = &vm->slots;
	access->epochs = &vm->epochs;
	access->io = &vm->io;
	access->guest_cpu = &vcpu->guest_cpu;
	access->run = vcpu->run;
	access->exit_on_failure = &vm->exit_on_failure;
	access->vm_id = slat_vm_id(vm);
	access->vcpu_id = vcpu->id;
	slat_access_init(access);
}

static struct slat_vcpu *vcpu_make(struct slat_vm *vm, u32 id)
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
	err = vcpu_pages_init(vcpu);
	if (err)
		goto err_free;
	err = slat_vcpu_work_init(vcpu);
	if (err)
		goto err_pages;
	err = slat_vcpu_fpu_init(vcpu);
	if (err)
		goto err_work;
	vcpu->vmx = slat_vmx_vcpu_create(&vm->vmx, id, &vcpu_vmx_ops, &vcpu->access);
	err = PTR_ERR_OR_ZERO(vcpu->vmx);
	if (err)
		goto err_fpu;
	vcpu_access_init(vcpu);
	slat_vcpu_cpuid_init(vcpu);
	slat_reader_register(&vm->epochs, &vcpu->access.reader);
	slat_fault_context_init(&vcpu->fault, &vm->slots);
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
	slat_fault_context_destroy(&vcpu->fault);
	slat_reader_unregister(&vcpu->vm->epochs, &vcpu->access.reader);
	slat_vmx_vcpu_destroy(vcpu->vmx);
	slat_vcpu_fpu_destroy(vcpu);
	slat_vcpu_work_destroy(vcpu);
	vcpu_pages_destroy(vcpu);
	kvfree(vcpu->cpuid);
	kfree(vcpu);
}

/*
 * Take one of the allowed number before anything is allocated. From the first vCPU on the
 * client can't say any more which ids there are, as in KVM.
 */
static int vcpu_reserve(struct slat_vm *vm, unsigned long id, struct slat_reject *why)
{
	const u32 max = vm->device->config.max_vcpus;
	int err = 0;

	mutex_lock(&vm->lock);
	if (!vm->max_vcpu_ids)
		vm->max_vcpu_ids = slat_max_vcpu_ids(vm->device);
	if (id >= vm->max_vcpu_ids)
		err = slat_reject(why, -EINVAL, SLAT_CHECK_VCPU_ID, id, vm->max_vcpu_ids - 1);
	else if (vm->nr_vcpus >= max)
		err = slat_reject(why, -EINVAL, SLAT_CHECK_VCPU_COUNT, vm->nr_vcpus, max);
	else
		vm->nr_vcpus++;
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

struct slat_vcpu *slat_vcpu_create(struct slat_vm *vm, unsigned long id,
				   struct slat_reject *why)
{
	struct slat_vcpu *vcpu;
	int err;

	err = vcpu_reserve(vm, id, why);
	if (err)
		return ERR_PTR(err);
	vcpu = vcpu_make(vm, id);
	err = PTR_ERR_OR_ZERO(vcpu);
	if (err)
		goto err_unreserve;
	err = vcpu_publish(vcpu, why);
	if (err)
		goto err_vcpu;
	return vcpu;

err_vcpu:
	slat_vcpu_destroy(vcpu);
err_unreserve:
	vcpu_unreserve(vm);
	return ERR_PTR(err);
}

void slat_vcpu_remove(struct slat_vcpu *vcpu)
{
	struct slat_vm *vm = vcpu->vm;

	vcpu_unpublish(vcpu);
	slat_vcpu_destroy(vcpu);
	vcpu_unreserve(vm);
}
