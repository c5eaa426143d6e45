// SPDX-License-Identifier: GPL-2.0
/* The guest that ram.h describes. */
#include "ram.h"
#include "dirty.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS		60000

/*
 * rdi: the first page's address, rcx: pages, rax: the first one's number.
 * The second part leaves in rbx how many differ, in r8 and r9 the last that did.
 * The third one goes on for ever and counts its rounds in GUEST_DATA; rdx and rsi:
 * the address and pages of a round.
 */
GUEST_CODE_BLOB(fill, 64,
	"1: mov %rax, (%rdi)\n"
	"inc %rax\n"
	"add $4096, %rdi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n"
	"ram_compare:\n"
	"mov (%rdi), %r10\n"
	"cmp %r10, %rax\n"
	"je 2f\n"
	"inc %rbx\n"
	"mov %rdi, %r8\n"
	"mov %r10, %r9\n"
	"2: inc %rax\n"
	"add $4096, %rdi\n"
	"dec %rcx\n"
	"jnz ram_compare\n"
	"hlt\n"
	"ram_rounds:\n"
	"mov %rdx, %rdi\n"
	"mov %rsi, %rcx\n"
	"lea 1(%rax), %rbx\n"
	"2: mov (%rdi), %r9\n"
	"cmp %r9, %rax\n"
	"jne 3f\n"
	"mov %rbx, (%rdi)\n"
	"add $4096, %rdi\n"
	"dec %rcx\n"
	"jnz 2b\n"
	"mov %rbx, %rax\n"
	"incq 0x40000\n"
	"jmp ram_rounds\n"
	"3: hlt\n");

extern const char ram_compare[], ram_rounds[];

void ram_init(struct ram *r, uint64_t npages, void *mem)
{
	memset(r, 0, sizeof(*r));
	guest_start(&r->g, MODE_LONG, fill);
	r->npages = npages;
	r->mem = mem ? mem : vm_alloc(npages * PAGE_SIZE);
	vm_must(ram_set(r, 0), "the slot");
}

void ram_destroy(struct ram *r)
{
	guest_destroy(&r->g);
	vm_free(r->mem, r->npages * PAGE_SIZE);
}

int ram_set(struct ram *r, uint32_t flags)
{
	return vm_set_slot(&r->g.vm, RAM_SLOT, flags, RAM_GPA, r->npages * PAGE_SIZE, r->mem);
}

static void aim(struct ram *r, const char *code, uint64_t first, uint64_t n, uint64_t number)
{
	struct kvm_regs regs = vcpu_regs(&r->g.vcpu);

	regs.rip = GUEST_CODE + (code - fill_start);
	regs.rdi = RAM_GPA + first * PAGE_SIZE;
	regs.rcx = n;
	regs.rax = number;
	regs.rbx = 0;
	regs.rdx = RAM_GPA;
	regs.rsi = r->npages;
	vcpu_set_regs(&r->g.vcpu, &regs);
}

int ram_store(struct ram *r, uint64_t first, uint64_t n, uint64_t tag)
{
	int ret;

	aim(r, fill_start, first, n, tag + first);
	ret = vcpu_run(&r->g.vcpu);
	if (ret || r->g.vcpu.run->exit_reason == KVM_EXIT_HLT)
		return ret;
	vcpu_describe_exit(&r->g.vcpu, ret);
	return -EPROTO;
}

bool ram_holds(struct ram *r, uint64_t first, uint64_t n, uint64_t tag)
{
	struct kvm_regs regs;

	aim(r, ram_compare, first, n, tag + first);
	if (vcpu_run_to(&r->g.vcpu, KVM_EXIT_HLT))
		return false;
	regs = vcpu_regs(&r->g.vcpu);
	if (regs.rbx)
		fprintf(stderr, "# the guest finds %llu of %llu pages wrong, the last 0x%llx: 0x%llx\n",
			(unsigned long long)regs.rbx, (unsigned long long)n,
			(unsigned long long)(regs.r8 - RAM_GPA) / PAGE_SIZE,
			(unsigned long long)regs.r9);
	return !regs.rbx;
}

bool ram_host_holds(const struct ram *r, uint64_t first, uint64_t n, uint64_t tag)
{
	for (uint64_t page = first; page < first + n; page++) {
		uint64_t got = *(volatile uint64_t *)ram_word(r, page);

		if (got == tag + page)
			continue;
		fprintf(stderr, "# the host finds 0x%llx in page %llu, expected 0x%llx\n",
			(unsigned long long)got, (unsigned long long)page,
			(unsigned long long)(tag + page));
		return false;
	}
	return true;
}

bool ram_both_hold(struct ram *r, uint64_t first, uint64_t n, uint64_t tag)
{
	return ram_holds(r, first, n, tag) && ram_host_holds(r, first, n, tag);
}

uint64_t ram_log(struct ram *r)
{
	uint64_t bits = 0;

	vm_must(dirty_log_get(&r->g.vm, RAM_SLOT, &bits), "KVM_GET_DIRTY_LOG");
	return bits;
}

static volatile uint64_t *rounds_done(struct ram *r)
{
	return guest_u64(&r->g, GUEST_DATA);
}

void ram_start(struct ram *r, uint64_t round)
{
	aim(r, ram_rounds, 0, 0, round);
	runner_start(&r->runner, &r->g.vcpu);
}

bool ram_goes_on(struct ram *r)
{
	uint64_t until = *rounds_done(r) + 2, deadline = now_ms() + WAIT_MS;

	while (*rounds_done(r) < until && !r->runner.ended && now_ms() < deadline)
		sched_yield();
	return *rounds_done(r) >= until;
}

/* Stopped in the middle of a round: @at pages have the next number already. */
static bool is_at(const struct ram *r, const void *mem, uint64_t at, uint64_t round)
{
	for (uint64_t page = 0; page < r->npages; page++) {
		uint64_t got = *(const volatile uint64_t *)((char *)mem + page * PAGE_SIZE);

		if (got == round + (page < at))
			continue;
		fprintf(stderr, "# page %llu holds 0x%llx in round 0x%llx, which is at page %llu\n",
			(unsigned long long)page, (unsigned long long)got,
			(unsigned long long)round, (unsigned long long)at);
		return false;
	}
	return true;
}

bool ram_is_one_moment(const struct ram *r, const void *mem)
{
	const uint64_t step = PAGE_SIZE / sizeof(uint64_t);
	const volatile uint64_t *word = mem;
	uint64_t last = word[(r->npages - 1) * step], at = 0;

	while (at < r->npages && word[at * step] != last)
		at++;
	return is_at(r, mem, at, last);
}

bool ram_stop(struct ram *r)
{
	int error = runner_stop(&r->runner);
	struct kvm_regs regs = vcpu_regs(&r->g.vcpu);

	if (error || r->g.vcpu.run->exit_reason == KVM_EXIT_HLT) {
		fprintf(stderr, "# the guest ended with %d at 0x%llx: 0x%llx, expected 0x%llx\n",
			error, regs.rdi, regs.r9, regs.rax);
		return false;
	}
	return ram_is_one_moment(r, r->mem);
}
