/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes that the kernel answers by itself, without an exit to the client:
 * addresses with an eventfd (KVM_IOEVENTFD) and zones whose writes are
 * collected in a ring (coalesced MMIO and PIO).
 *
 * All of them are in one immutable object per VM, sorted, looked up in
 * O(log n). A change makes a new object and publishes it by one pointer store.
 * Readers are the vCPUs' sections in slat_vm.epochs, which an EPT exit is in
 * anyhow: a VM that has none of this pays one test of a pointer per exit. What
 * a section may still use is freed, and an eventfd let go, when the sections
 * that could have found it are over. (SRCU would give the same, for a second
 * entry and exit of a section on each access.)
 */
#ifndef SLAT_IOBUS_H
#define SLAT_IOBUS_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "mmu/epoch.h"

struct eventfd_ctx;
struct slat_reject;

/* Zones in one space; KVM's limit. Eventfds are limited by memory alone. */
#define SLAT_IOBUS_MAX_ZONES	1000

enum slat_iobus_space {
	SLAT_IOBUS_MMIO,
	SLAT_IOBUS_PIO,
};

/**
 * struct slat_iobus_event - an eventfd that is signalled by a write
 * @addr: exactly this address
 * @datamatch: exactly this value, unless @wildcard
 * @ctx: what is signalled; referenced
 * @len: exactly this length; 0: any length and any value
 * @space: enum slat_iobus_space
 * @wildcard: any value
 */
struct slat_iobus_event {
	u64 addr;
	u64 datamatch;
	struct eventfd_ctx *ctx;
	u32 len;
	u8 space;
	bool wildcard;
};

/**
 * struct slat_iobus_zone - writes that lie wholly inside go to the ring
 * @addr: first address
 * @size: bytes
 * @space: enum slat_iobus_space
 * @reach: the furthest end of this and all earlier zones of the space
 */
struct slat_iobus_zone {
	u64 addr;
	u32 size;
	u8 space;
	u64 reach;
};

/**
 * struct slat_iobus - everything that is registered; immutable once published
 * @retired: to be freed when no reader can hold it
 * @nr_events: length of @events
 * @nr_zones: length of @zones
 * @events: by space, address, length, value; no two answer the same write
 * @zones: by space and address; may overlap
 */
struct slat_iobus {
	struct slat_retired retired;
	u32 nr_events;
	u32 nr_zones;
	struct slat_iobus_event *events;
	struct slat_iobus_zone *zones;
};

/**
 * struct slat_vm_io - a VM's part in this
 * @epochs: readers of @bus and of slots and tables; constant
 * @lock: serialises changes; readers never take it
 * @bus: what is registered; NULL if nothing is
 * @ring: page shared with the client; made when first needed, then constant
 * @ring_lock: leaf lock; vCPUs that write into @ring
 */
struct slat_vm_io {
	struct slat_epochs *epochs;
	struct mutex lock;
	struct slat_iobus *bus;
	struct kvm_coalesced_mmio_ring *ring;
	spinlock_t ring_lock;
};

/* Nothing is registered in zeroed @io; @epochs are its VM's, initialised. */
void slat_io_init(struct slat_vm_io *io, struct slat_epochs *epochs);

/* Nothing of the VM runs any more. */
void slat_io_destroy(struct slat_vm_io *io);

/* Is anything registered? If not, no write need be looked up. */
static inline bool slat_io_exists(const struct slat_vm_io *io)
{
	return unlikely(READ_ONCE(io->bus));
}

/* iobus.c */

/**
 * slat_iobus_write() - offer a guest's write to what is registered
 * @io: of the VM; the caller is inside its vCPU's reader section
 * @space: memory or port
 * @addr: address
 * @len: bytes, 1..8
 * @data: what is written
 *
 * Return: true: taken; false: it is the client's.
 */
bool slat_iobus_write(struct slat_vm_io *io, enum slat_iobus_space space, u64 addr,
		      unsigned int len, const void *data);

/**
 * slat_iobus_signal_any() - signal the eventfd of any access to an address
 * @io: as for slat_iobus_write()
 * @addr: guest physical address
 *
 * Return: false: there is none that asks for neither length nor value.
 */
bool slat_iobus_signal_any(struct slat_vm_io *io, u64 addr);

/**
 * slat_iobus_add_event() - register an eventfd
 * @io: of the VM
 * @event: with its reference, which is the bus's after success
 * @why: filled in with -EEXIST and -ENOSPC
 *
 * Return: 0; -EEXIST: a write could match both @event and an earlier one;
 * -ENOSPC: as many zones as there may be; -ENOMEM.
 */
int slat_iobus_add_event(struct slat_vm_io *io, const struct slat_iobus_event *event,
			 struct slat_reject *why);

/**
 * slat_iobus_remove_event() - the reverse; @event must be the same in all fields
 * @io: of the VM; the caller is in no reader section
 * @event: what was registered
 * @why: filled in with -ENOENT
 *
 * The eventfd is not signalled any more when it returns.
 *
 * Return: 0; -ENOENT; -ENOMEM: nothing changed.
 */
int slat_iobus_remove_event(struct slat_vm_io *io, const struct slat_iobus_event *event,
			    struct slat_reject *why);

/**
 * slat_iobus_add_zone() - register a zone
 * @io: of the VM
 * @zone: its address, size and space
 * @why: filled in with -ENOSPC
 *
 * Return: 0, -ENOSPC, -ENOMEM.
 */
int slat_iobus_add_zone(struct slat_vm_io *io, const struct slat_iobus_zone *zone,
			struct slat_reject *why);

/**
 * slat_iobus_remove_zones() - remove each zone that @zone lies wholly inside
 * @io: of the VM; the caller is in no reader section
 * @zone: address, size and space
 *
 * No write to them reaches the ring any more when it returns.
 *
 * Return: 0, also when there is none; -ENOMEM: nothing changed.
 */
int slat_iobus_remove_zones(struct slat_vm_io *io, const struct slat_iobus_zone *zone);

/*
 * Calls of the client, without locks. @why is filled in with each errno but
 * -EFAULT and -ENOMEM.
 */

/* eventfd.c: KVM_IOEVENTFD */
int slat_io_eventfd(struct slat_vm_io *io, void __user *argp, struct slat_reject *why);

/* coalesced.c: KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO */
int slat_io_add_zone(struct slat_vm_io *io, void __user *argp, struct slat_reject *why);
int slat_io_remove_zones(struct slat_vm_io *io, void __user *argp, struct slat_reject *why);

#endif
