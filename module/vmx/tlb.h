/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What processors cache of a guest's translations: the vCPU's side of the
 * protocol that tlb.c describes, and which changes of registers make a vCPU's
 * linear translations stale.  Called by the run loop with interrupts off, and
 * by whoever changes registers, in process context, loaded.
 */
#ifndef SLAT_VMX_TLB_H
#define SLAT_VMX_TLB_H

#include "request.h"

enum slat_vcpu_mode {
	SLAT_OUTSIDE_GUEST,
	SLAT_IN_GUEST,
};

void slat_tlb_cpu_on(void);
void slat_tlb_vm_init(struct slat_vmx_vm *vm);
void slat_tlb_vcpu_init(struct slat_vmx *vmx);
void slat_tlb_moved(struct slat_vmx *vmx, int cpu);
void slat_tlb_flush_local(struct slat_vmx *vmx, u64 seq);
void slat_tlb_flush_vpid(struct slat_vmx *vmx);

/* From here on flushers take the vCPU for one in guest mode, on this CPU. */
static __always_inline void slat_tlb_enter(struct slat_vmx *vmx)
{
	int cpu = smp_processor_id();

	if (unlikely(vmx->mode_cpu != cpu))
		slat_tlb_moved(vmx, cpu);
	/* Pairs with the acquire in slat_vmx_vm_flush(): mode_cpu is a CPU's number. */
	smp_store_release(&vmx->mode, SLAT_IN_GUEST);
	/*
	 * Pairs with the full barrier in slat_vmx_vm_flush(): that sees the
	 * mode, or slat_tlb_sync() sees its number.
	 */
	smp_mb();
}

/* Carry out the flushes that this CPU missed; between slat_tlb_enter() and entry. */
static __always_inline void slat_tlb_sync(struct slat_vmx *vmx)
{
	u64 seq = atomic64_read(&vmx->vm->tlb_seq);

	if (unlikely(vmx->vm->cpu_seq[smp_processor_id()] != seq))
		slat_tlb_flush_local(vmx, seq);
}

/*
 * The whole way to an entry, interrupts off.  Unless @may_enter says no, this CPU
 * has carried out the flushes that it missed, and @requests are the caller's to
 * carry out.  It is asked first: a request that is taken is forgotten, so an entry
 * that is given up must take none.  Return: false: give up, slat_tlb_leave().
 */
static __always_inline bool slat_tlb_begin(struct slat_vmx *vmx,
					   bool (*may_enter)(const struct slat_vmx *vmx),
					   u32 *requests)
{
	slat_tlb_enter(vmx);
	if (unlikely(!may_enter(vmx)))
		return false;
	slat_tlb_sync(vmx);
	*requests = 0;
	if (unlikely(vmx->requests))
		*requests = slat_requests_take(vmx);
	return true;
}

/* Nothing of the guest runs from here on. */
static __always_inline void slat_tlb_leave(struct slat_vmx *vmx)
{
	/* Pairs with the acquire in slat_vmx_vm_flush(). */
	smp_store_release(&vmx->mode, SLAT_OUTSIDE_GUEST);
}

/* A change of these by a trapped MOV empties the TLB of the guest. */
#define SLAT_CR4_TLB	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP | \
			 X86_CR4_PCIDE | X86_CR4_SMAP | X86_CR4_PKE)

static inline void slat_tlb_cr0_changes(struct slat_vmx *vmx, u64 old, u64 cr0)
{
	if ((old ^ cr0) & X86_CR0_PG)
		slat_request(vmx, SLAT_REQUEST_VPID);
}

static inline void slat_tlb_cr4_changes(struct slat_vmx *vmx, u64 old, u64 cr4)
{
	if ((old ^ cr4) & SLAT_CR4_TLB)
		slat_request(vmx, SLAT_REQUEST_VPID);
}

/* NX and the paging mode change what cached translations mean. */
static inline void slat_tlb_efer_changes(struct slat_vmx *vmx, u64 old, u64 efer)
{
	if ((old ^ efer) & (EFER_NX | EFER_LMA))
		slat_request(vmx, SLAT_REQUEST_VPID);
}

/* CR3, and maybe the mode, were changed behind the processor's back. */
static inline void slat_tlb_sregs_change(struct slat_vmx *vmx)
{
	slat_request(vmx, SLAT_REQUEST_VPID);
}

#endif /* SLAT_VMX_TLB_H */
