// SPDX-License-Identifier: GPL-2.0
/*
 * The set of eventfds and zones: lookups by vCPUs, who take no lock, and
 * changes by the VM's ioctls, one at a time under slat_vm_io.lock. See iobus.h
 * for how the two get along.
 */
#include <linux/eventfd.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "iobus.h"
#include "reject.h"
#include "ring.h"

void slat_io_init(struct slat_vm_io *io, struct slat_epochs *epochs)
{
	io->epochs = epochs;
	mutex_init(&io->lock);
	spin_lock_init(&io->ring_lock);
}

static size_t iobus_bytes(u32 nr_events, u32 nr_zones)
{
	size_t events = array_size(nr_events, sizeof(struct slat_iobus_event));
	size_t zones = array_size(nr_zones, sizeof(struct slat_iobus_zone));

	return size_add(sizeof(struct slat_iobus), size_add(events, zones));
}

static struct slat_iobus *iobus_alloc(u32 nr_events, u32 nr_zones)
{
	struct slat_iobus *bus;

	bus = kvzalloc(iobus_bytes(nr_events, nr_zones), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return NULL;
	bus->nr_events = nr_events;
	bus->nr_zones = nr_zones;
	bus->events = (void *)(bus + 1);
	bus->zones = (void *)(bus->events + nr_events);
	return bus;
}

static void iobus_free(struct slat_retired *retired)
{
	kvfree(container_of(retired, struct slat_iobus, retired));
}

void slat_io_destroy(struct slat_vm_io *io)
{
	struct slat_iobus *bus = io->bus;
	u32 i;

	for (i = 0; bus && i < bus->nr_events; i++)
		eventfd_ctx_put(bus->events[i].ctx);
	kvfree(bus);
	if (io->ring)
		free_page((unsigned long)io->ring);
	mutex_destroy(&io->lock);
}

/*
 * Order of events; 0 where one write could match both. For events that may
 * stand beside each other that never happens, so it is a total order of them.
 */
static int event_cmp(const struct slat_iobus_event *a,
		     const struct slat_iobus_event *b)
{
	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (!a->len || !b->len)
		return 0;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->wildcard || b->wildcard || a->datamatch == b->datamatch)
		return 0;
	return a->datamatch < b->datamatch ? -1 : 1;
}

/* Index of the first event that is not before @key; @match: it answers @key. */
static u32 event_find(const struct slat_iobus *bus,
		      const struct slat_iobus_event *key, bool *match)
{
	u32 low = 0, high = bus ? bus->nr_events : 0;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (event_cmp(&bus->events[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*match = bus && low < bus->nr_events && !event_cmp(&bus->events[low], key);
	return low;
}

/* How many zones of the space begin at @addr or below, those of spaces before included. */
static u32 zone_find(const struct slat_iobus *bus, enum slat_iobus_space space, u64 addr)
{
	u32 low = 0, high = bus ? bus->nr_zones : 0;

	while (low < high) {
		u32 mid = low + (high - low) / 2;
		const struct slat_iobus_zone *zone = &bus->zones[mid];

		if (zone->space < space || (zone->space == space && zone->addr <= addr))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * If any zone that begins at or before @addr reaches the end of the access,
 * that one holds it whole, whichever it is.
 */
static bool zone_holds(const struct slat_iobus *bus, enum slat_iobus_space space, u64 addr,
		       unsigned int len)
{
	u32 i = zone_find(bus, space, addr);

	return i && bus->zones[i - 1].space == space && addr + len >= addr &&
	       addr + len <= bus->zones[i - 1].reach;
}

bool slat_iobus_write(struct slat_vm_io *io, enum slat_iobus_space space, u64 addr,
		      unsigned int len, const void *data)
{
	const struct slat_iobus *bus = READ_ONCE(io->bus);
	struct slat_iobus_event key = { .space = space, .addr = addr, .len = len };
	bool match;
	u32 i;

	if (!bus || WARN_ON_ONCE(!len || len > sizeof(key.datamatch)))
		return false;
	memcpy(&key.datamatch, data, len);
	i = event_find(bus, &key, &match);
	if (match) {
		slat_eventfd_signal(bus->events[i].ctx);
		return true;
	}
	return zone_holds(bus, space, addr, len) &&
	       slat_ring_write(io, space, addr, len, data);
}

bool slat_iobus_signal_any(struct slat_vm_io *io, u64 addr)
{
	const struct slat_iobus *bus = READ_ONCE(io->bus);
	const struct slat_iobus_event key = { .space = SLAT_IOBUS_MMIO, .addr = addr };
	bool match;
	u32 i;

	i = event_find(bus, &key, &match);
	if (!match || bus->events[i].len)
		return false;
	slat_eventfd_signal(bus->events[i].ctx);
	return true;
}

/*
 * Publish @bus, or nothing where it is empty. Sections that may still use the
 * old one keep it alive.
 */
static void iobus_publish(struct slat_vm_io *io, struct slat_iobus *bus)
{
	struct slat_iobus *old = io->bus;

	/* Its contents before the pointer: pairs with the readers' dependency. */
	smp_store_release(&io->bus, bus);
	if (old)
		slat_epoch_retire(io->epochs, &old->retired,
				  iobus_bytes(old->nr_events, old->nr_zones), iobus_free);
}

/* Nobody is inside a section that found what was just unpublished. */
static void iobus_wait(struct slat_vm_io *io)
{
	slat_epoch_wait(io->epochs, slat_epoch_advance(io->epochs));
	slat_epoch_reap(io->epochs);
}

static u32 iobus_nr_zones(const struct slat_iobus *bus, enum slat_iobus_space space)
{
	return zone_find(bus, space, ~0ULL) -
	       (space == SLAT_IOBUS_MMIO ? 0 : zone_find(bus, SLAT_IOBUS_MMIO, ~0ULL));
}

/* @bus has its zones: compute how far each and those before it reach. */
static void zones_reach(struct slat_iobus *bus)
{
	struct slat_iobus_zone *zone;
	u32 i;

	for (i = 0; i < bus->nr_zones; i++) {
		zone = &bus->zones[i];
		/* One that wraps holds nothing. */
		zone->reach = zone->addr + zone->size;
		if (i && zone[-1].space == zone->space)
			zone->reach = max(zone->reach, zone[-1].reach);
	}
}

static void events_copy(struct slat_iobus *to, u32 at, const struct slat_iobus *from, u32 first,
			u32 nr)
{
	if (nr)
		memcpy(&to->events[at], &from->events[first], nr * sizeof(to->events[0]));
}

static void zones_copy(struct slat_iobus *to, u32 at, const struct slat_iobus *from, u32 first,
		       u32 nr)
{
	if (nr)
		memcpy(&to->zones[at], &from->zones[first], nr * sizeof(to->zones[0]));
}

/* Is there room for one more device in the space, as KVM counts them? */
static int zones_check(const struct slat_iobus *bus, enum slat_iobus_space space,
		       struct slat_reject *why)
{
	u32 nr = iobus_nr_zones(bus, space);

	return nr < SLAT_IOBUS_MAX_ZONES ? 0 :
	       slat_reject(why, -ENOSPC, SLAT_CHECK_IO_ZONES, nr, SLAT_IOBUS_MAX_ZONES);
}

static int event_insert(struct slat_vm_io *io, const struct slat_iobus_event *event,
			struct slat_reject *why)
{
	struct slat_iobus *old = io->bus, *bus;
	u32 nr_events = old ? old->nr_events : 0, nr_zones = old ? old->nr_zones : 0;
	bool match;
	int err;
	u32 i;

	i = event_find(old, event, &match);
	if (match)
		return slat_reject(why, -EEXIST, SLAT_CHECK_IO_TAKEN, event->addr, event->len);
	err = zones_check(old, event->space, why);
	if (err)
		return err;
	bus = iobus_alloc(nr_events + 1, nr_zones);
	if (!bus)
		return -ENOMEM;
	events_copy(bus, 0, old, 0, i);
	bus->events[i] = *event;
	events_copy(bus, i + 1, old, i, nr_events - i);
	zones_copy(bus, 0, old, 0, nr_zones);
	iobus_publish(io, bus);
	return 0;
}

int slat_iobus_add_event(struct slat_vm_io *io, const struct slat_iobus_event *event,
			 struct slat_reject *why)
{
	int err;

	mutex_lock(&io->lock);
	err = event_insert(io, event, why);
	mutex_unlock(&io->lock);
	slat_epoch_reap(io->epochs);
	return err;
}

static bool event_is(const struct slat_iobus_event *a, const struct slat_iobus_event *b)
{
	return a->ctx == b->ctx && a->len == b->len && a->wildcard == b->wildcard &&
	       (a->wildcard || a->datamatch == b->datamatch);
}

static int event_delete(struct slat_vm_io *io, const struct slat_iobus_event *event,
			struct slat_reject *why)
{
	struct slat_iobus *old = io->bus, *bus = NULL;
	bool match;
	u32 i;

	i = event_find(old, event, &match);
	if (!match || !event_is(&old->events[i], event))
		return slat_reject(why, -ENOENT, SLAT_CHECK_IO_ABSENT, event->addr, event->len);
	if (old->nr_events + old->nr_zones > 1) {
		bus = iobus_alloc(old->nr_events - 1, old->nr_zones);
		if (!bus)
			return -ENOMEM;
		events_copy(bus, 0, old, 0, i);
		events_copy(bus, i, old, i + 1, old->nr_events - i - 1);
		zones_copy(bus, 0, old, 0, old->nr_zones);
	}
	iobus_publish(io, bus);
	return 0;
}

int slat_iobus_remove_event(struct slat_vm_io *io, const struct slat_iobus_event *event,
			    struct slat_reject *why)
{
	int err;

	mutex_lock(&io->lock);
	err = event_delete(io, event, why);
	mutex_unlock(&io->lock);
	if (err)
		return err;
	iobus_wait(io);
	eventfd_ctx_put(event->ctx);
	return 0;
}

static int zone_insert(struct slat_vm_io *io, const struct slat_iobus_zone *zone,
		       struct slat_reject *why)
{
	struct slat_iobus *old = io->bus, *bus;
	u32 nr_events = old ? old->nr_events : 0, nr_zones = old ? old->nr_zones : 0;
	u32 i = zone_find(old, zone->space, zone->addr);
	int err;

	err = zones_check(old, zone->space, why);
	if (err)
		return err;
	bus = iobus_alloc(nr_events, nr_zones + 1);
	if (!bus)
		return -ENOMEM;
	events_copy(bus, 0, old, 0, nr_events);
	zones_copy(bus, 0, old, 0, i);
	bus->zones[i] = *zone;
	zones_copy(bus, i + 1, old, i, nr_zones - i);
	zones_reach(bus);
	iobus_publish(io, bus);
	return 0;
}

int slat_iobus_add_zone(struct slat_vm_io *io, const struct slat_iobus_zone *zone,
			struct slat_reject *why)
{
	int err;

	mutex_lock(&io->lock);
	err = zone_insert(io, zone, why);
	mutex_unlock(&io->lock);
	slat_epoch_reap(io->epochs);
	return err;
}

/* Does @zone lie wholly inside @outer? One too large for an int never does, as in KVM. */
static bool zone_is_inside(const struct slat_iobus_zone *zone,
			   const struct slat_iobus_zone *outer)
{
	u64 end = zone->addr + zone->size;

	return zone->space == outer->space && zone->size <= INT_MAX && end >= zone->addr &&
	       zone->addr >= outer->addr && end <= outer->addr + outer->size;
}

static int zones_delete(struct slat_vm_io *io, const struct slat_iobus_zone *zone, bool *found)
{
	struct slat_iobus *old = io->bus, *bus = NULL;
	u32 i, left = 0, nr_zones = old ? old->nr_zones : 0;

	for (i = 0; i < nr_zones; i++)
		left += !zone_is_inside(zone, &old->zones[i]);
	*found = left < nr_zones;
	if (!*found)
		return 0;
	if (old->nr_events + left) {
		bus = iobus_alloc(old->nr_events, left);
		if (!bus)
			return -ENOMEM;
		events_copy(bus, 0, old, 0, old->nr_events);
		for (i = 0, left = 0; i < nr_zones; i++)
			if (!zone_is_inside(zone, &old->zones[i]))
				bus->zones[left++] = old->zones[i];
		zones_reach(bus);
	}
	iobus_publish(io, bus);
	return 0;
}

int slat_iobus_remove_zones(struct slat_vm_io *io, const struct slat_iobus_zone *zone)
{
	bool found;
	int err;

	mutex_lock(&io->lock);
	err = zones_delete(io, zone, &found);
	mutex_unlock(&io->lock);
	if (!err && found)
		iobus_wait(io);
	return err;
}
