// SPDX-License-Identifier: GPL-2.0
/*
 * The ring of coalesced writes. Writers are vCPUs inside their reader section,
 * one at a time under the ring's lock; the client reads without one.
 *
 * The page is the client's too, and may change at any time: an index is read
 * once and checked before it is used.
 */
#include <linux/gfp.h>
#include <linux/kvm.h>
#include <linux/string.h>

#include "ring.h"

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
