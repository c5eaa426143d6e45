// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO and PIO: the two ioctls that name the zones. Called by the VM's
 * ioctl without locks; iobus.c keeps the zones, ring.c takes the writes.
 */
#include <linux/kvm.h>
#include <linux/uaccess.h>

#include "iobus.h"
#include "reject.h"
#include "ring.h"

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

int slat_io_add_zone(struct slat_vm_io *io, void __user *argp, struct slat_reject *why)
{
	struct slat_iobus_zone zone;
	int err;

	err = zone_from_user(&zone, argp, why);
	if (err)
		return err;
	if (!slat_ring_page(io))
		return -ENOMEM;
	return slat_iobus_add_zone(io, &zone, why);
}

int slat_io_remove_zones(struct slat_vm_io *io, void __user *argp, struct slat_reject *why)
{
	struct slat_iobus_zone zone;
	int err;

	err = zone_from_user(&zone, argp, why);
	return err ? err : slat_iobus_remove_zones(io, &zone);
}
