/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resolving an EPT fault: from the neutral fault to a leaf, an MMIO entry or an
 * answer for the vCPU. Builds in the kernel and in user space.
 */
#ifndef SLAT_PAGEFAULT_H
#define SLAT_PAGEFAULT_H

#include "memslots.h"
#include "mmu/map.h"

enum slat_fault_result {
	SLAT_FAULT_FIXED,	/* enter the guest again */
	SLAT_FAULT_RETRY,	/* leave the reader section, then enter again */
	SLAT_FAULT_MMIO,	/* no RAM for this access: emulate it */
	SLAT_FAULT_BROKEN,	/* a misconfiguration that nobody wrote */
	SLAT_FAULT_ERROR,	/* see @error */
};

/* How a fault was fixed. The values are seen in traces. */
enum slat_fixed {
	SLAT_FIXED_INSTALLED = 0,	/* a leaf was written, or gained rights */
	SLAT_FIXED_WRITABLE = 1,	/* a leaf got back the W that a log took */
	SLAT_FIXED_SPURIOUS = 2,	/* there was nothing to do (any more) */
};

/**
 * struct slat_fault_context - what a vCPU brings to a fault
 * @slots: the VM's slots
 * @vcpu: its spare tables and counters, registered with the EPT
 * @counter: faults by slot, registered with the slots
 * @fixed: out, with SLAT_FAULT_FIXED, for traces
 * @error: out, with SLAT_FAULT_ERROR: -EFAULT, -ENOMEM or -EINTR
 */
struct slat_fault_context {
	struct slat_memslots *slots;
	struct slat_mmu_vcpu vcpu;
	struct slat_fault_counter counter;
	enum slat_fixed fixed;
	int error;
};

/* A vCPU comes; @context is zeroed memory. */
void slat_fault_context_init(struct slat_fault_context *context, struct slat_memslots *slots);

/* A vCPU goes, which is inside no fault. What it has counted stays counted. */
void slat_fault_context_destroy(struct slat_fault_context *context);

/* What the core asks under the mmu lock before it writes what a fault has found. */
extern const struct slat_recheck_ops slat_fault_recheck;

/**
 * slat_handle_fault() - resolve an EPT violation or misconfiguration
 * @context: of the vCPU
 * @fault: what the guest did
 *
 * Called inside a reader section, without locks; may sleep. Never loops: what
 * lost a race comes back as SLAT_FAULT_RETRY, and the caller must leave the
 * reader section before it tries again, or a DELETE that waits for it and an
 * invalid slot that it waits for would wait for each other.
 *
 * Return: enum slat_fault_result.
 */
enum slat_fault_result slat_handle_fault(struct slat_fault_context *context,
					 const struct slat_fault *fault);

#endif
