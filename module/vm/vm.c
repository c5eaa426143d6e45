// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a VM. Creation and destruction run in process context without locks.
 */
#include <linux/err.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "trace.h"
#include "vm.h"

/*
 * What faults and lookups only read shares no cache line with what each fault writes.
 * These offsets say so where struct slat_vm begins a line itself, as what kmalloc gives
 * does at that size.
 */
static_assert(!IS_ENABLED(CONFIG_SMP) ||
	      (offsetof(struct slat_mmu, lock) % SMP_CACHE_BYTES == 0 &&
	       offsetof(struct slat_mmu, lock) >= offsetofend(struct slat_mmu, config) &&
	       offsetof(struct slat_mmu, cap_lock) % SMP_CACHE_BYTES == 0));

/* The EPT and the slots over it. */
static int vm_memory_init(struct slat_vm *vm)
{
	const struct slat_config *config = &vm->device->config;
	const struct slat_mmu_config mmu = {
		.layout = {
			.gen_bits = config->gen_bits,
			.guard = slat_mmio_guard(boot_cpu_data.x86_cache_bits),
		},
		.reserved = EPT_ADDR_MASK & ~(BIT_ULL(boot_cpu_data.x86_phys_bits) - 1),
		.accessed_dirty = config->ept_ad && vm->device->caps->ept_ad,
		.around = config->fault_around - 1,
		.id = atomic_inc_return(&vm->device->last_vm_id),
	};
	const struct slat_memslots_config slots = {
		.nr_max = config->nr_memslots,
		.max_gfn = BIT_ULL(vm->device->caps->cpu.maxphyaddr - SLAT_PAGE_SHIFT),
		.first_generation = config->gen_start,
		.policy = config->wrprot,
	};
	int err;

	err = slat_mmu_init(&vm->mmu, &slat_host_mmu_ops, vm, &vm->epochs, &mmu);
	if (err)
		return err;
	err = slat_memslots_init(&vm->slots, &vm->mmu, &slots);
	if (err)
		slat_mmu_destroy(&vm->mmu);
	return err;
}

static void vm_memory_destroy(struct slat_vm *vm)
{
	slat_memslots_destroy(&vm->slots);
	slat_mmu_destroy(&vm->mmu);
}

static void vm_publish(struct slat_vm *vm)
{
	mutex_lock(&vm->device->vms_lock);
	list_add(&vm->list, &vm->device->vms);
	mutex_unlock(&vm->device->vms_lock);
}

static void vm_unpublish(struct slat_vm *vm)
{
	mutex_lock(&vm->device->vms_lock);
	list_del(&vm->list);
	mutex_unlock(&vm->device->vms_lock);
}

static void vm_init(struct slat_vm *vm, struct slat_device *device,
		    const struct slat_vm_ops *ops)
{
	vm->device = device;
	vm->ops = ops;
	kref_init(&vm->kref);
	mutex_init(&vm->lock);
	xa_init(&vm->vcpus);
	slat_epochs_init(&vm->epochs);
	slat_vm_clock_init(vm);
	slat_io_init(&vm->io, &vm->epochs);
	slat_failure_init(&vm->failure);
	mmgrab(current->mm);
	vm->mm = current->mm;
}

struct slat_vm *slat_vm_create(struct slat_device *device, const struct slat_vm_ops *ops, int fd)
{
	struct slat_vm *vm;
	int err;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm_init(vm, device, ops);
	err = slat_vmx_get();
	if (err)
		goto err_free;
	err = vm_memory_init(vm);
	if (err)
		goto err_vmx_put;
	err = slat_vmx_vm_init(&vm->vmx, slat_vm_id(vm), slat_mmu_root_pa(&vm->mmu),
			       vm->mmu.config.accessed_dirty);
	if (err)
		goto err_memory;
	err = slat_host_attach(vm);
	if (err)
		goto err_vmx_vm;
	preempt_notifier_inc();
	vm_publish(vm);
	trace_slat_vm_create(slat_vm_id(vm), current->tgid, fd);
	return vm;

err_vmx_vm:
	slat_vmx_vm_destroy(&vm->vmx);
err_memory:
	vm_memory_destroy(vm);
err_vmx_put:
	slat_vmx_put();
err_free:
	slat_epochs_destroy(&vm->epochs);
	mmdrop(vm->mm);
	kfree(vm);
	return ERR_PTR(err);
}

static void vm_destroy(struct kref *kref)
{
	struct slat_vm *vm = container_of(kref, struct slat_vm, kref);
	struct slat_vcpu *vcpu;
	unsigned long id;

	vm->ops->debugfs_remove(vm);
	vm_unpublish(vm);
	preempt_notifier_dec();
	slat_host_detach(vm);
	xa_for_each(&vm->vcpus, id, vcpu)
		vm->ops->vcpu_destroy(vcpu);
	xa_destroy(&vm->vcpus);
	slat_io_destroy(&vm->io);
	slat_vmx_vm_destroy(&vm->vmx);
	vm_memory_destroy(vm);
	slat_epochs_destroy(&vm->epochs);
	slat_vmx_put();
	mmdrop(vm->mm);
	trace_slat_vm_destroy(slat_vm_id(vm));
	kfree(vm);
}

void slat_vm_put(struct slat_vm *vm)
{
	kref_put(&vm->kref, vm_destroy);
}

void slat_vm_kill(struct slat_vm *vm)
{
	WRITE_ONCE(vm->dead, true);
}
