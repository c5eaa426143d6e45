// SPDX-License-Identifier: GPL-2.0
/*
 * What instructions that load system registers do to the vCPU, where the processor could not
 * carry them out because an operand is in a device: the emulator has made the checks.
 * Context: process, loaded.
 */
#include <linux/bug.h>

#include <asm/vmx.h>

#include "request.h"
#include "vcpu.h"

void slat_vmx_get_tables(struct slat_vmx *vmx, struct slat_vmx_table *gdt,
			 struct slat_vmx_table *idt)
{
	gdt->base = slat_vmcs_read(GUEST_GDTR_BASE);
	gdt->limit = slat_vmcs_read(GUEST_GDTR_LIMIT);
	idt->base = slat_vmcs_read(GUEST_IDTR_BASE);
	idt->limit = slat_vmcs_read(GUEST_IDTR_LIMIT);
}

void slat_vmx_set_gdt(struct slat_vmx *vmx, u64 base, u16 limit)
{
	slat_vmcs_write(GUEST_GDTR_BASE, base);
	slat_vmcs_write(GUEST_GDTR_LIMIT, limit);
}

void slat_vmx_set_idt(struct slat_vmx *vmx, u64 base, u16 limit)
{
	slat_vmcs_write(GUEST_IDTR_BASE, base);
	slat_vmcs_write(GUEST_IDTR_LIMIT, limit);
}

void slat_vmx_set_segment(struct slat_vmx *vmx, enum slat_vmx_seg seg,
			  const struct kvm_segment *in)
{
	slat_regs_set_segment(vmx, seg, in);
}

void slat_vmx_load_msw(struct slat_vmx *vmx, u16 msw)
{
	/* The four bits make no CR0 that is refused. */
	WARN_ON_ONCE(slat_cr_load_msw(vmx, msw));
}

void slat_vmx_advance_ss(struct slat_vmx *vmx, u64 next_rip)
{
	u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	/* The second of two in a row blocks nothing. */
	if (state & GUEST_INTR_STATE_MOV_SS) {
		slat_vmx_advance(vmx, next_rip);
		return;
	}
	slat_regs_move(vmx, next_rip);
	state &= ~(u32)GUEST_INTR_STATE_STI;
	slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state | GUEST_INTR_STATE_MOV_SS);
	slat_debug_shadowed(vmx);
}

void slat_vmx_end_nmi(struct slat_vmx *vmx)
{
	u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

	slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO, state & ~(u32)GUEST_INTR_STATE_NMI);
	slat_request(vmx, SLAT_REQUEST_EVENTS);
}
