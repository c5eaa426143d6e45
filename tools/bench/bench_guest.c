// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark's guest: the tests' long mode guest with loops for code, RAM of
 * a chosen backing, and a small slot that comes and goes.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ENTRY_STEP	64

GUEST_CODE_BLOB(loops, 64,
	/* WORK_READ */
	"1: mov (%rsi), %rax\n"
	"add %rdi, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n"
	".balign 64\n"
	/* WORK_WRITE */
	"1: mov %rax, (%rsi)\n"
	"add %rdi, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n"
	".balign 64\n"
	/* WORK_CPUID */
	"mov %rcx, %r8\n"
	"1: xor %eax, %eax\n"
	"cpuid\n"
	"dec %r8\n"
	"jnz 1b\n"
	"hlt\n"
	".balign 64\n"
	/* WORK_PORT */
	"1: out %al, $" STR(PORT_SYNC) "\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n"
	".balign 64\n"
	/* WORK_STORE_PORT */
	"1: mov %rax, (%rsi)\n"
	"out %al, $" STR(PORT_SYNC) "\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n"
	".balign 64\n"
	/* WORK_TIMED_WRITE */
	"xor %ebx, %ebx\n"
	"1: rdtsc\n"
	"mov %eax, %r8d\n"
	"mov %rax, (%rsi)\n"
	"rdtsc\n"
	"sub %r8d, %eax\n"
	"cmp %ebx, %eax\n"
	"cmova %eax, %ebx\n"
	"add %rdi, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n");

static void *backed_alloc(size_t size, enum backing backing)
{
	const size_t align = 2 * MIB;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint8_t *mem;

	if (backing == BACKING_HUGETLB) {
		mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
		return mem == MAP_FAILED ? NULL : mem;
	}
	/* Aligned, so that huge pages could be used and only the backing decides. */
	mem = mmap(NULL, size + align, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	mem += -(uintptr_t)mem % align;
	madvise(mem, size, backing == BACKING_THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return mem;
}

bool bench_guest_init(struct bench_guest *bg, size_t ram_size, enum backing backing)
{
	memset(bg, 0, sizeof(*bg));
	bg->ram_size = ram_size;
	bg->backing = backing;
	if (ram_size) {
		bg->ram = backed_alloc(ram_size, backing);
		if (!bg->ram)
			return false;
		for (size_t at = 0; at < ram_size; at += PAGE_SIZE)
			((volatile char *)bg->ram)[at] = 1;
	}
	bg->small = vm_alloc(SMALL_SIZE);
	memset(bg->small, 1, SMALL_SIZE);
	guest_start(&bg->g, MODE_LONG, loops);
	if (bench_zaps_own_slot()) {
		struct kvm_enable_cap cap = {
			.cap = KVM_CAP_DISABLE_QUIRKS2,
			.args[0] = 1 << 7,	/* KVM_X86_QUIRK_SLOT_ZAP_ALL */
		};

		vm_must(vm_ioctl(bg->g.vm.fd, KVM_ENABLE_CAP, &cap),
			"KVM_CAP_DISABLE_QUIRKS2 with KVM_X86_QUIRK_SLOT_ZAP_ALL");
	}
	if (ram_size)
		vm_must(bench_set_ram(bg, 0), "the RAM's slot");
	return true;
}

void bench_guest_destroy(struct bench_guest *bg)
{
	guest_destroy(&bg->g);
	vm_free(bg->small, SMALL_SIZE);
	if (bg->ram)
		munmap(bg->ram, bg->ram_size);
}

int bench_set_ram(struct bench_guest *bg, uint32_t flags)
{
	return vm_set_slot(&bg->g.vm, RAM_SLOT, flags, RAM_GPA, bg->ram_size, bg->ram);
}

int bench_set_small(struct bench_guest *bg, uint64_t gpa, uint32_t flags)
{
	return vm_set_slot(&bg->g.vm, SMALL_SLOT, flags, gpa, SMALL_SIZE, bg->small);
}

void work_aim(struct vcpu *vcpu, const struct work *work)
{
	struct kvm_regs regs = {
		.rip = GUEST_CODE + work->what * ENTRY_STEP,
		.rsp = GUEST_STACK,
		.rsi = work->first,
		.rdi = work->stride,
		.rcx = work->count,
		.rflags = RFLAGS_IF | 2,
	};

	vcpu_set_regs(vcpu, &regs);
}

void work_step(struct vcpu *vcpu, uint32_t reason)
{
	int ret = vcpu_run(vcpu);

	if (!ret && vcpu->run->exit_reason == reason)
		return;
	vcpu_describe_exit(vcpu, ret);
	fprintf(stderr, "slatbench: expected exit reason %u\n", reason);
	exit(1);
}

uint64_t work_do(struct vcpu *vcpu, const struct work *work)
{
	uint64_t start;

	work_aim(vcpu, work);
	start = ticks_now();
	for (;;) {
		int ret = vcpu_run(vcpu);

		if (ret) {
			vcpu_describe_exit(vcpu, ret);
			exit(1);
		}
		if (vcpu->run->exit_reason == KVM_EXIT_HLT)
			return ticks_now() - start;
		if (vcpu->run->exit_reason != KVM_EXIT_MMIO &&
		    vcpu->run->exit_reason != KVM_EXIT_IO) {
			vcpu_describe_exit(vcpu, 0);
			exit(1);
		}
	}
}

uint64_t work_touch_ram(struct bench_guest *bg, enum guest_work what)
{
	const struct work all = {
		.what = what,
		.first = RAM_GPA,
		.stride = PAGE_SIZE,
		.count = bg->ram_size / PAGE_SIZE,
	};

	return work_do(&bg->g.vcpu, &all);
}
