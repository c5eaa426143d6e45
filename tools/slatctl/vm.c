// SPDX-License-Identifier: GPL-2.0
/*
 * Another process's VM: its name in debugfs tells process and descriptor, and
 * pidfd_getfd() brings a copy of that here.
 */
#include <dirent.h>
#include <errno.h>
#include <slat-helper.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slatctl.h"

static int complain(const char *name, const char *what)
{
	fprintf(stderr, "slatctl: VM '%s': %s\n", name, what);
	return -1;
}

/* The descriptor of the one VM that process @pid has; -1 and a message. */
static int only_vm(const char *name, int pid)
{
	int found = -1, number = 0, other_pid, fd;
	struct dirent *entry;
	DIR *dir = opendir(host_path(VMS_DIRECTORY));

	if (!dir)
		return complain(name, "debugfs cannot be read: be root, or give PID-FD");
	while ((entry = readdir(dir))) {
		if (sscanf(entry->d_name, "%d-%d", &other_pid, &fd) != 2 || other_pid != pid)
			continue;
		found = fd;
		number++;
	}
	closedir(dir);
	if (number == 1)
		return found;
	return complain(name, number ? "the process has several: give PID-FD, see slatctl list" :
				       "the process has none, see slatctl list");
}

static int take_fd(const char *name, int pid, int fd)
{
	struct slat_info info;
	int pidfd, copy;

	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return complain(name, strerror(errno));
	copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	close(pidfd);
	if (copy < 0)
		return complain(name, errno == EPERM ? "its process may not be traced by you: be root" :
						       strerror(errno));
	if (!slat_get_info(copy, &info))
		return copy;
	close(copy);
	return complain(name, "that descriptor is no VM of Slat's (closed, or not its own)");
}

/* "PID-FD", or "PID" of a process with one VM. */
static bool vm_find(const char *name, int *pid, int *fd)
{
	int used = 0;

	if (sscanf(name, "%d-%d%n", pid, fd, &used) == 2 && !name[used])
		return true;
	used = 0;
	if (sscanf(name, "%d%n", pid, &used) != 1 || name[used]) {
		complain(name, "expected PID or PID-FD");
		return false;
	}
	*fd = only_vm(name, *pid);
	return *fd >= 0;
}

bool vm_directory(const char *vm, char *name, size_t size)
{
	int pid, fd;

	if (!vm_find(vm, &pid, &fd))
		return false;
	snprintf(name, size, "%d-%d", pid, fd);
	return true;
}

int vm_open(const char *name)
{
	int pid, fd;

	return vm_find(name, &pid, &fd) ? take_fd(name, pid, fd) : -1;
}
