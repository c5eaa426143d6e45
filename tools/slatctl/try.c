// SPDX-License-Identifier: GPL-2.0
/*
 * The last word of the doctor: a guest of one instruction. A VM with one page
 * and one vCPU in real mode executes HLT at address 0 and is destroyed again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "slatctl.h"

#define PAGE	4096
#define HLT	0xf4

/**
 * struct try - what is made, in this order
 * @step: the call that is under way, for the message
 */
struct try {
	const char *step;
	int node, vm, vcpu;
	unsigned char *page;
	struct kvm_run *run;
	size_t run_size;
};

static bool try_node(struct try *t, const char *path)
{
	int version;

	t->step = "open";
	t->node = open(path, O_RDWR | O_CLOEXEC);
	if (t->node < 0)
		return false;
	t->step = "KVM_GET_API_VERSION";
	version = ioctl(t->node, KVM_GET_API_VERSION, 0);
	if (version >= 0 && version != KVM_API_VERSION)
		errno = EPROTO;
	return version == KVM_API_VERSION;
}

static bool try_vm(struct try *t)
{
	struct kvm_userspace_memory_region region = { .memory_size = PAGE };
	int size;

	t->step = "KVM_CREATE_VM";
	t->vm = ioctl(t->node, KVM_CREATE_VM, 0);
	if (t->vm < 0)
		return false;
	t->step = "KVM_SET_USER_MEMORY_REGION";
	t->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->page == MAP_FAILED)
		return false;
	t->page[0] = HLT;
	region.userspace_addr = (unsigned long)t->page;
	if (ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region))
		return false;
	t->step = "KVM_CREATE_VCPU";
	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
	size = ioctl(t->node, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (t->vcpu < 0 || size < (int)sizeof(*t->run))
		return false;
	t->run_size = size;
	t->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	return t->run != MAP_FAILED;
}

static bool try_run(struct try *t)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;

	t->step = "KVM_SET_SREGS";
	if (ioctl(t->vcpu, KVM_GET_SREGS, &sregs))
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(t->vcpu, KVM_SET_SREGS, &sregs) || ioctl(t->vcpu, KVM_SET_REGS, &regs))
		return false;
	t->step = "KVM_RUN";
	return ioctl(t->vcpu, KVM_RUN, 0) == 0;
}

static const char *remedy(int error)
{
	switch (error) {
	case EBUSY:
		return "another hypervisor holds VMX: end its guests or unload it (modprobe -r kvm_intel); the kernel log says more";
	case EACCES:
	case EPERM:
		return "be root, or a member of the node's group";
	case ENOMEM:
		return "free some memory, or raise the limit of this control group";
	default:
		return "the kernel log (dmesg) says more";
	}
}

void try_guest(const char *node)
{
	struct try t = { .node = -1, .vm = -1, .vcpu = -1, .page = MAP_FAILED, .run = MAP_FAILED };

	if (!try_node(&t, node) || !try_vm(&t) || !try_run(&t))
		finding(FINDING_FAIL, "guest", remedy(errno), "%s on %s: %s", t.step, node,
			strerror(errno));
	else if (t.run->exit_reason != KVM_EXIT_HLT)
		finding(FINDING_FAIL, "guest", "the kernel log (dmesg) says more",
			"a guest of one HLT ended with exit reason %u, expected %u",
			t.run->exit_reason, KVM_EXIT_HLT);
	else
		finding(FINDING_OK, "guest", NULL, "a guest on %s executed HLT", node);

	if (t.run != MAP_FAILED)
		munmap(t.run, t.run_size);
	if (t.vcpu >= 0)
		close(t.vcpu);
	if (t.vm >= 0)
		close(t.vm);
	if (t.page != MAP_FAILED)
		munmap(t.page, PAGE);
	if (t.node >= 0)
		close(t.node);
}
