/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests: what a vCPU must do before its next entry, a bit each in one word
 * (slat_vmx.requests), which slat_tlb_begin() tests once.
 *
 * Only the vCPU's own task asks: in process context, or in its preempt notifier,
 * which may come between any two instructions of the task.  So a bit is set by
 * one instruction, which the notifier finds done or not begun, and no bit is
 * lost; and since nobody else writes the word, none of them needs a LOCK prefix.
 * What other CPUs want of a vCPU is a number that they count up (tlb.c), or a
 * signal to its task.
 */
#ifndef SLAT_VMX_REQUEST_H
#define SLAT_VMX_REQUEST_H

#include "port.h"

/* An event may need an entry field: slat_events_prepare() has to run. */
#define SLAT_REQUEST_EVENTS	1U
/* Linear translations of this vCPU are stale on the CPU that it enters on. */
#define SLAT_REQUEST_VPID	2U
/* Host data may be in L1D since the last entry. */
#define SLAT_REQUEST_L1D	4U

/* The vCPU's own task. */
static __always_inline void slat_request(struct slat_vmx *vmx, u32 bits)
{
	asm("orl %1, %0" : "+m"(vmx->requests) : "ir"(bits) : "cc");
}

/* On the way into the guest: interrupts are off, so no notifier comes. */
static __always_inline u32 slat_requests_take(struct slat_vmx *vmx)
{
	u32 bits = vmx->requests;

	vmx->requests = 0;
	return bits;
}

/* Only a flush under conditions (l1d.c) has to know. */
static __always_inline void slat_request_l1d(struct slat_vmx *vmx)
{
	if (vmx->caps->l1d_cond)
		slat_request(vmx, SLAT_REQUEST_L1D);
}

#endif /* SLAT_VMX_REQUEST_H */
