// SPDX-License-Identifier: GPL-2.0
/*
 * Linked into the upstream KVM selftests with -Wl,--wrap=ioctl: their x86
 * library asks for an in-kernel interrupt controller for every VM, whether the
 * test needs one or not.  Where the device under test has none, that one call
 * is answered here, and said so once on stderr.
 *
 * The emulated machine needs one thing more: a guest that is entered with
 * interrupts disabled and spins is never left again there, because Bochs then
 * keeps the host's interrupts masked in the guest (on any hypervisor). The
 * library starts its guests so; here they get RFLAGS.IF, which changes nothing
 * else for guests that no interrupt is sent to.
 *
 * Every other call goes to the kernel untouched, and so does the first one
 * where the device offers it.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>

#define RFLAGS_IF	(1ul << 9)

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	static int told;
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	if (request == KVM_SET_REGS)
		((struct kvm_regs *)arg)->rflags |= RFLAGS_IF;
	ret = __real_ioctl(fd, request, arg);
	if (request != KVM_CREATE_IRQCHIP || !ret ||
	    (errno != ENOTTY && errno != EINVAL))
		return ret;

	if (!told++)
		fprintf(stderr,
			"irqchip_wrap: KVM_CREATE_IRQCHIP is not offered, answered by the test\n");
	errno = 0;
	return 0;
}
