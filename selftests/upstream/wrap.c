// SPDX-License-Identifier: GPL-2.0
/*
 * Linked into the upstream KVM selftests with -Wl,--wrap=NAME, for what the
 * tests take for granted and the device or the emulated machine hasn't:
 *
 * ioctl: their x86 library asks for an in-kernel interrupt controller for every
 * VM, whether the test needs one or not. Where the device under test has none,
 * that one call is answered here, and said so once on stderr.
 *
 * KVM_SET_REGS: a guest that is entered with interrupts disabled and spins is
 * never left again in the emulated machine, because Bochs then keeps the
 * host's interrupts masked in the guest (on any hypervisor). The library starts
 * its guests so; here they get RFLAGS.IF, which changes nothing else for
 * guests that no interrupt is sent to.
 *
 * alarm, sem_timedwait: how long a test waits before it takes the guest for
 * hung. The emulated machine runs some 50 million instructions a second, and on
 * a debug kernel needs ten times as many: the waits are longer here.
 *
 * open: 6.12's library reads a parameter of kvm.ko before anything else, and skips the
 * test where that module is not loaded. There it is told the parameter's default.
 *
 * Every other call goes to the kernel untouched, and so does the first one
 * where the device offers it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RFLAGS_IF	(1ul << 9)
/* A wait gets that many times its seconds. */
#define PATIENCE	60

static const char parameter[] = "/sys/module/kvm/parameters/force_emulation_prefix";
static const char parameter_default[] = "0\n";

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
unsigned int __real_alarm(unsigned int seconds);
unsigned int __wrap_alarm(unsigned int seconds);
int __real_sem_timedwait(sem_t *sem, const struct timespec *until);
int __wrap_sem_timedwait(sem_t *sem, const struct timespec *until);

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
			"wrap: KVM_CREATE_IRQCHIP is not offered, answered by the test\n");
	errno = 0;
	return 0;
}

/* The reading end of a pipe that has that text and then ends. */
static int open_default(void)
{
	int ends[2];

	if (pipe(ends))
		return -1;
	if (write(ends[1], parameter_default, strlen(parameter_default)) < 0)
		return -1;
	close(ends[1]);
	return ends[0];
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode, fd;

	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	fd = __real_open(path, flags, mode);
	if (fd < 0 && errno == ENOENT && !strcmp(path, parameter))
		return open_default();
	return fd;
}

unsigned int __wrap_alarm(unsigned int seconds)
{
	return __real_alarm(seconds * PATIENCE);
}

int __wrap_sem_timedwait(sem_t *sem, const struct timespec *until)
{
	struct timespec later = *until;

	later.tv_sec += 2 * (PATIENCE - 1);
	return __real_sem_timedwait(sem, &later);
}
