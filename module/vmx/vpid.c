// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual-processor identifiers: each vCPU has one of its own from creation to
 * destruction, by which the processor tells its linear mappings from those of
 * others.  0 is the host's.  A vCPU that comes when all are taken runs without one,
 * as on KVM: its entries and exits drop all its linear mappings, so it owes no
 * INVVPID.  Called by vcpu.c in process context.
 */
#include <linux/bitmap.h>
#include <linux/spinlock.h>

#include "vcpu.h"

#define NR_VPIDS	65536

static DEFINE_SPINLOCK(vpid_lock);
static DECLARE_BITMAP(vpids, NR_VPIDS);

/* Return: a VPID; 0: none is left. */
u16 slat_vpid_alloc(void)
{
	unsigned long vpid;

	spin_lock(&vpid_lock);
	vpid = find_next_zero_bit(vpids, NR_VPIDS, 1);
	if (vpid < NR_VPIDS)
		__set_bit(vpid, vpids);
	else
		vpid = 0;
	spin_unlock(&vpid_lock);
	return vpid;
}

void slat_vpid_free(u16 vpid)
{
	if (!vpid)
		return;
	spin_lock(&vpid_lock);
	__clear_bit(vpid, vpids);
	spin_unlock(&vpid_lock);
}
