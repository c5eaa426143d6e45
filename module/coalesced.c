// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO and PIO: the ring that the client reads when it likes to, and
 * the two ioctls that name the zones. Writers are vCPUs inside their reader
 * section, one at a time under the ring's lock.
 *
 * The page is the client's too, and may change at any time: an index is read
 * once and checked before it is used.
 */
#include <linux/gfp.h>
#include <linux/kvm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "iobus.h"
#include "reject.h"
#include "vm.h"

void *slat_ring_page(struct slat_vm_io *io)
{
	struct kvm_coalesced_mmio_ring *ring = READ_ONCE(io->ring), *other;

	if (ring)
		return ring;
	ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!ring)
		return NULL;
	other = cmpxchg(&io->ring, NULL, ring);
	if (!other)
		return ring;
	free_page((unsigned long)ring);
	return other;
}

bool slat_ring_write(struct slat_vm_io *io, enum slat_iobus_space space, u64 addr,
		     unsigned int len, const void *data)
{
	struct kvm_coalesced_mmio_ring *ring = io->ring;
	struct kvm_coalesced_mmio *entry;
	bool room = false;
	u32 first, last;

	BUILD_BUG_ON(sizeof(*ring) + KVM_COALESCED_MMIO_MAX * sizeof(*entry) > PAGE_SIZE);

	spin_lock(&io->ring_lock);
	first = READ_ONCE(ring->first);
	last = READ_ONCE(ring->last);
	/* One entry stays free, so that a full ring does not look like an empty one. */
	if (first < KVM_COALESCED_MMIO_MAX && last < KVM_COALESCED_MMIO_MAX)
		room = (last + 1) % KVM_COALESCED_MMIO_MAX != first;
	if (room) {
		entry = &ring->coalesced_mmio[last];
		entry->phys_addr = addr;
		entry->len = len;
		entry->pio = space == SLAT_IOBUS_PIO;
		memcpy(entry->data, data, len);
		/* The entry before the index: pairs with the client's read of it. */
		smp_store_release(&ring->last, (last + 1) % KVM_COALESCED_MMIO_MAX);
	}
	spin_unlock(&io->ring_lock);
	return room;
}

/* Return: 0, -EFAULT, or -EINVAL for a space that does not exist. */
static int zone_from_user(struct slat_iobus_zone *zone, void __user *argp,
			  struct slat_reject *why)
{
	struct kvm_coalesced_mmio_zone args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.pio > 1)
		return slat_reject(why, -EINVAL, SLAT_CHECK_IO_SPACE, args.pio, 1);
	*zone = (struct slat_iobus_zone) {
		.addr = args.addr,
		.size = args.size,
		.space = args.pio ? SLAT_IOBUS_PIO : SLAT_IOBUS_MMIO,
	};
	return 0;
}

int slat_vm_register_coalesced(struct slat_vm *vm, void __user *argp, struct slat_reject *why)
{
	struct slat_iobus_zone zone;
	int err;

	err = zone_from_user(&zone, argp, why);
	if (err)
		return err;
	if (!slat_ring_page(&vm->io))
		return -ENOMEM;
	return slat_iobus_add_zone(vm, &zone, why);
}

int slat_vm_unregister_coalesced(struct slat_vm *vm, void __user *argp, struct slat_reject *why)
{
	struct slat_iobus_zone zone;
	int err;

	err = zone_from_user(&zone, argp, why);
	return err ? err : slat_iobus_remove_zones(vm, &zone);
}
