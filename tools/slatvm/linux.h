/* SPDX-License-Identifier: GPL-2.0 */
/*
 * "slatvm linux": one Linux guest in this process, and its move to another one.
 *
 *   linux.c    loads and runs it
 *   state.c    all of a vCPU's state, taken and given
 *   migrate.c  memory in rounds and then the state, through a pipe
 */
#ifndef SLATVM_LINUX_H
#define SLATVM_LINUX_H

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "board.h"
#include "slatvm.h"

#define MSRS_MAX	256
#define XCRS_MAX	16

struct linux_vm {
	struct vm vm;
	struct slot *ram;
	struct board board;
	timer_t timer;
	uint64_t armed;		/* the timer's deadline; 0: none */
	sigset_t unblocked;	/* the signals that were let through before ours */
	atomic_bool stop;	/* another thread wants the guest stopped */
	const char *end;	/* what ended it, once it did */
};

struct linux_options {
	const char *kernel;	/* a bzImage */
	const char *initrd;	/* or NULL */
	const char *append;	/* more of the command line, or NULL */
	size_t memory;
	unsigned int migrate_after_s;	/* 0: stays where it is */
};

/* What KVM keeps of a vCPU, without its CPUID, which both sides make alike. */
struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_fpu fpu;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_mp_state mp_state;
	bool has_xsave;
	uint32_t nr_msrs;
	struct kvm_msr_entry msrs[MSRS_MAX];
};

/* linux.c */

/* Run the guest until it ends (false) or @stop is set (true). */
bool linux_run(struct linux_vm *l);
/* The whole command; returns its exit status. */
int linux_boot(const char *device, const struct linux_options *options);

/* state.c */

void state_get(struct vcpu *vcpu, struct vcpu_state *state);
void state_set(struct vcpu *vcpu, const struct vcpu_state *state);

/* migrate.c */

/* Run @l, and after @after_s seconds move it through @fd; then it is stopped here. */
void migrate_out(struct linux_vm *l, int fd, unsigned int after_s);
/* Fill @l, initialised and empty, from @fd. */
void migrate_in(struct linux_vm *l, int fd);

#endif
