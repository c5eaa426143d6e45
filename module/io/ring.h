/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring of coalesced writes: one page per VM, shared with the client, which
 * reads it when it likes to.
 */
#ifndef SLAT_IO_RING_H
#define SLAT_IO_RING_H

#include "iobus.h"

/**
 * slat_ring_page() - the ring's page, for a mapping
 * @io: the VM's
 *
 * Takes no lock: it runs in page faults.
 *
 * Return: the page, or NULL for want of memory.
 */
void *slat_ring_page(struct slat_vm_io *io);

/* Append a write; false when the ring is full, or its indices are garbage. */
bool slat_ring_write(struct slat_vm_io *io, enum slat_iobus_space space, u64 addr,
		     unsigned int len, const void *data);

#endif
