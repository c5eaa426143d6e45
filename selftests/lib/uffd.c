// SPDX-License-Identifier: GPL-2.0
/* The calls behind uffd.h. */
#include "uffd.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT_MS	10000

int uffd_open(void *mem, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)mem, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOSYS)
		return -1;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		vm_must(-errno, "userfaultfd");
	return fd;
}

bool uffd_wait(int fd, const void *page, int nr)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	while (nr && poll(&p, 1, WAIT_MS) > 0) {
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if ((msg.arg.pagefault.address & ~(PAGE_SIZE - 1)) != (uintptr_t)page)
			return false;
		nr--;
	}
	return !nr;
}

void uffd_give(int fd, void *page)
{
	static uint8_t zeroes[PAGE_SIZE];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page, .src = (uintptr_t)zeroes, .len = PAGE_SIZE,
	};
	int ret;

	while ((ret = vm_ioctl(fd, UFFDIO_COPY, &copy)) == -EAGAIN)
		;
	vm_must(ret, "UFFDIO_COPY");
}
