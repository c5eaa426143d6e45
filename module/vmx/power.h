/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files that turn VMX on and off share: power.c decides for all CPUs,
 * vmxon.c acts on one, active.c knows which VMCSs it has to write back.
 */
#ifndef SLAT_VMX_POWER_H
#define SLAT_VMX_POWER_H

#include <linux/types.h>

#include "owner.h"

/* power.c: sleep and reboot are heard of between these two. */
void slat_power_init(void);
void slat_power_exit(void);

/**
 * slat_vmxon_alloc() - what each possible CPU needs for VMX operation
 * @revision:	VMCS revision identifier
 *
 * Context: process.  Return: 0 or -ENOMEM.
 */
int slat_vmxon_alloc(u32 revision);

/* Give it back; VMX is off. */
void slat_vmxon_free(void);

/**
 * slat_vmxon_order() - put this CPU into VMX operation or out of it
 * @order:	what is wanted; nothing happens where it is so already
 *
 * Context: interrupts off, or nobody else runs on this CPU; SLAT_ORDER_DROP
 * also in an NMI.  Return: 0; -EBUSY: another hypervisor has VMX on here;
 * -EIO: VMXON failed, or this CPU's VMX is not that of the others.
 */
int slat_vmxon_order(enum slat_cpu_order order);

/* active.c: empty lists, for each possible CPU. */
void slat_active_init(void);

/* Write all VMCSs that are active on this CPU back and forget them.  Interrupts off. */
void slat_active_clear(void);

/* Write them back, whatever was interrupted: the list stays.  Maybe in an NMI. */
void slat_active_drop(void);

/* tsc.c: the last CPU before sleep, and the first behind it.  Interrupts off. */
void slat_tsc_host_sleeps(void);
void slat_tsc_host_wakes(void);

#endif /* SLAT_VMX_POWER_H */
