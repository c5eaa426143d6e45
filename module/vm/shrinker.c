// SPDX-License-Identifier: GPL-2.0
/*
 * Memory pressure: gives table pages back that hold no RAM.
 * Called by the kernel's reclaim, possibly by a task that is inside this module
 * itself: so the list of VMs is tried, never waited for.
 */
#include <linux/mutex.h>
#include <linux/mm.h>
#include <linux/shrinker.h>

#include "compat.h"
#include "mmu/reclaim.h"
#include "vm.h"

static unsigned long tables_count(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	struct slat_device *device = slat_shrinker_data(shrinker);
	unsigned long nr = 0;
	struct slat_vm *vm;

	if (!mutex_trylock(&device->vms_lock))
		return 0;
	list_for_each_entry(vm, &device->vms, list)
		nr += slat_mmu_reclaimable(&vm->mmu);
	mutex_unlock(&device->vms_lock);
	return nr ?: SHRINK_EMPTY;
}

static unsigned long tables_scan(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	struct slat_device *device = slat_shrinker_data(shrinker);
	unsigned long freed = 0;
	struct slat_vm *vm;

	if (!mutex_trylock(&device->vms_lock))
		return SHRINK_STOP;
	list_for_each_entry(vm, &device->vms, list) {
		if (freed >= sc->nr_to_scan)
			break;
		freed += slat_mmu_reclaim(&vm->mmu, sc->nr_to_scan - freed, false);
	}
	/* Begin with another VM the next time. */
	if (!list_empty(&device->vms))
		list_rotate_left(&device->vms);
	mutex_unlock(&device->vms_lock);
	return freed ?: SHRINK_STOP;
}

int slat_device_shrinker_add(struct slat_device *device)
{
	device->shrinker = slat_shrinker_add("slat-tables", device, tables_count,
					     tables_scan);
	return device->shrinker ? 0 : -ENOMEM;
}

void slat_device_shrinker_remove(struct slat_device *device)
{
	slat_shrinker_remove(device->shrinker);
}
