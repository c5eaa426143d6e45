// SPDX-License-Identifier: GPL-2.0
/*
 * Linked into the upstream KVM selftests with -Wl,--wrap=ioctl: their x86
 * library asks for an in-kernel interrupt controller for every VM, whether the
 * test needs one or not.  Where the device under test has none, that one call
 * is answered here, and said so once on stderr.  Every other call, and this
 * one where the device offers it, goes to the kernel untouched.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>

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
