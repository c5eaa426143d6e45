// SPDX-License-Identifier: GPL-2.0
/*
 * EPT violations and misconfigurations, made neutral: struct slat_fault has no
 * VMX constant in it.  Context: process, loaded.
 */
#include <asm/vmx.h>

#include "vcpu.h"

/* Exit qualification of an EPT violation. */
#define EPT_QUAL_READ		BIT(0)
#define EPT_QUAL_WRITE		BIT(1)
#define EPT_QUAL_FETCH		BIT(2)
#define EPT_QUAL_RIGHTS		GENMASK(5, 3)
#define EPT_QUAL_GVA_VALID	BIT(7)
#define EPT_QUAL_TRANSLATED	BIT(8)
#define EPT_QUAL_NMI_UNBLOCK	BIT(12)

enum slat_exit_type slat_exit_ept_violation(struct slat_vmx *vmx,
					    struct slat_exit *exit)
{
	u32 qual = slat_vmcs_read(EXIT_QUALIFICATION);
	struct slat_fault *fault = &exit->fault;
	bool in_event = vmx->idt_vectoring & VECTORING_INFO_VALID_MASK;

	/*
	 * IRET unblocked NMIs before its access faulted; it comes again, so
	 * they are still blocked.
	 */
	if (unlikely(qual & EPT_QUAL_NMI_UNBLOCK) && !in_event) {
		u32 state = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);

		slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
				state | GUEST_INTR_STATE_NMI);
	}

	exit->qualification = qual;
	fault->gpa = slat_vmcs_read(GUEST_PHYSICAL_ADDRESS);
	fault->gva_valid = qual & EPT_QUAL_GVA_VALID;
	fault->gva = fault->gva_valid ? slat_vmcs_read(GUEST_LINEAR_ADDRESS) : 0;
	fault->read = qual & EPT_QUAL_READ;
	fault->write = qual & EPT_QUAL_WRITE;
	fault->exec = qual & EPT_QUAL_FETCH;
	fault->present = qual & EPT_QUAL_RIGHTS;
	fault->misconfig = false;
	fault->page_walk = fault->gva_valid && !(qual & EPT_QUAL_TRANSLATED);
	fault->in_event = in_event;
	return SLAT_EXIT_EPT;
}

enum slat_exit_type slat_exit_ept_misconfig(struct slat_vmx *vmx,
					    struct slat_exit *exit)
{
	exit->fault = (struct slat_fault) {
		.gpa = slat_vmcs_read(GUEST_PHYSICAL_ADDRESS),
		.misconfig = true,
		.in_event = vmx->idt_vectoring & VECTORING_INFO_VALID_MASK,
	};
	return SLAT_EXIT_EPT;
}
