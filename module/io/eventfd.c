// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_IOEVENTFD: what a client may ask for, and in which order it is told what
 * is wrong. Called by the VM's ioctl without locks; iobus.c does the work.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/uaccess.h>

#include "iobus.h"
#include "reject.h"

/* One flag of the ABI names a bus of another architecture. */
#define IOEVENTFD_FLAGS	\
	(KVM_IOEVENTFD_VALID_FLAG_MASK & ~KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)

static int ioeventfd_check(const struct kvm_ioeventfd *args, struct slat_reject *why)
{
	switch (args->len) {
	case 0:
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return slat_reject(why, -EINVAL, SLAT_CHECK_IO_LENGTH, args->len, sizeof(u64));
	}
	if (args->addr + args->len < args->addr)
		return slat_reject(why, -EINVAL, SLAT_CHECK_IO_WRAP, args->addr, args->len);
	if (args->flags & ~IOEVENTFD_FLAGS)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, args->flags, IOEVENTFD_FLAGS);
	/* Any length means any value. */
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return slat_reject(why, -EINVAL, SLAT_CHECK_IO_ANY_LENGTH, args->flags, 0);
	return 0;
}

/* The client's eventfd, with a reference, or ERR_PTR. */
static struct eventfd_ctx *ioeventfd_get(int fd, struct slat_reject *why)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);

	if (PTR_ERR_OR_ZERO(ctx) == -EBADF)
		slat_reject(why, -EBADF, SLAT_CHECK_FD, fd, 0);
	else if (IS_ERR(ctx))
		slat_reject(why, PTR_ERR(ctx), SLAT_CHECK_EVENTFD, fd, 0);
	return ctx;
}

int slat_io_eventfd(struct slat_vm_io *io, void __user *argp, struct slat_reject *why)
{
	struct slat_iobus_event event;
	struct kvm_ioeventfd args;
	int err;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	event = (struct slat_iobus_event) {
		.addr = args.addr,
		.len = args.len,
		.space = args.flags & KVM_IOEVENTFD_FLAG_PIO ? SLAT_IOBUS_PIO : SLAT_IOBUS_MMIO,
		.wildcard = !(args.flags & KVM_IOEVENTFD_FLAG_DATAMATCH),
	};
	if (!event.wildcard)
		event.datamatch = args.datamatch;
	/* What is to be removed is only compared, so it needs no check. */
	if (!(args.flags & KVM_IOEVENTFD_FLAG_DEASSIGN)) {
		err = ioeventfd_check(&args, why);
		if (err)
			return err;
	}
	event.ctx = ioeventfd_get(args.fd, why);
	if (IS_ERR(event.ctx))
		return PTR_ERR(event.ctx);
	if (args.flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		err = slat_iobus_remove_event(io, &event, why);
	} else {
		err = slat_iobus_add_event(io, &event, why);
		if (!err)
			return 0;
	}
	eventfd_ctx_put(event.ctx);
	return err;
}
