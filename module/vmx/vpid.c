// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual-processor identifiers: each vCPU has one of its own from creation to
 * destruction, by which the processor tells its linear mappings from those of
 * others.  0 is the host's.  Called by vcpu.c in process context.
 */
#include <linux/bitmap.h>
#include <linux/spinlock.h>

#include "vcpu.h"

#define NR_VPIDS	65536

static DEFINE_SPINLOCK(vpid_lock);
static DECLARE_BITMAP(vpids, NR_VPIDS);

/* Return: a VPID, never 0, or -ENOSPC. */
int slat_vpid_alloc(void)
{
	int vpid;

	spin_lock(&vpid_lock);
	vpid = find_next_zero_bit(vpids, NR_VPIDS, 1);
	if (vpid < NR_VPIDS)
		__set_bit(vpid, vpids);
	else
		vpid = -ENOSPC;
	spin_unlock(&vpid_lock);
	return vpid;
}

void slat_vpid_free(u16 vpid)
{
	spin_lock(&vpid_lock);
	__clear_bit(vpid, vpids);
	spin_unlock(&vpid_lock);
}
