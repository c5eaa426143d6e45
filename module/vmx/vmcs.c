// SPDX-License-Identifier: GPL-2.0
/*
 * VMCS regions, and what to say when a VMX instruction fails.  None of the
 * failures is expected: the fields that are optional in hardware are touched
 * only where caps.c found them.  Called with the VMCS current, any context but
 * slat_vmcs_alloc(), which sleeps.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "vcpu.h"

/* After a reboot notifier or a panic has turned VMX off, everything fails. */
static bool vmx_went_off(void)
{
	return slat_cpu_rebooting() || !slat_cpu_vmx_on();
}

void slat_vmcs_read_error(unsigned long field)
{
	WARN_ONCE(!vmx_went_off(), "slat: VMREAD of field %#lx failed\n", field);
}

void slat_vmcs_write_error(unsigned long field, unsigned long value)
{
	WARN_ONCE(!vmx_went_off(),
		  "slat: VMWRITE of %#lx to field %#lx failed: error %lu\n",
		  value, field, slat_vmcs_read(VM_INSTRUCTION_ERROR));
}

void slat_vmcs_insn_error(const char *insn, u64 arg)
{
	WARN_ONCE(!vmx_went_off(), "slat: %s of %#llx failed\n", insn, arg);
}

/* A cleared region with its revision, one page.  NULL if memory lacks. */
struct slat_vmcs *slat_vmcs_alloc(u32 revision)
{
	struct slat_vmcs *vmcs;

	vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (vmcs)
		vmcs->revision = revision;
	return vmcs;
}

void slat_vmcs_free(struct slat_vmcs *vmcs)
{
	free_page((unsigned long)vmcs);
}

struct dump_field {
	u16 field;
	const char *name;
};

static const struct dump_field dump_fields[] = {
	{ GUEST_CR0, "CR0" }, { CR0_READ_SHADOW, "CR0 shadow" },
	{ GUEST_CR3, "CR3" },
	{ GUEST_CR4, "CR4" }, { CR4_READ_SHADOW, "CR4 shadow" },
	{ GUEST_IA32_EFER, "EFER" }, { GUEST_IA32_PAT, "PAT" },
	{ GUEST_RIP, "RIP" }, { GUEST_RSP, "RSP" }, { GUEST_RFLAGS, "RFLAGS" },
	{ GUEST_DR7, "DR7" }, { GUEST_IA32_DEBUGCTL, "DEBUGCTL" },
	{ GUEST_CS_SELECTOR, "CS" }, { GUEST_CS_AR_BYTES, "CS ar" },
	{ GUEST_CS_BASE, "CS base" }, { GUEST_CS_LIMIT, "CS limit" },
	{ GUEST_SS_SELECTOR, "SS" }, { GUEST_SS_AR_BYTES, "SS ar" },
	{ GUEST_SS_BASE, "SS base" }, { GUEST_SS_LIMIT, "SS limit" },
	{ GUEST_DS_AR_BYTES, "DS ar" }, { GUEST_ES_AR_BYTES, "ES ar" },
	{ GUEST_FS_AR_BYTES, "FS ar" }, { GUEST_GS_AR_BYTES, "GS ar" },
	{ GUEST_TR_SELECTOR, "TR" }, { GUEST_TR_AR_BYTES, "TR ar" },
	{ GUEST_TR_BASE, "TR base" }, { GUEST_TR_LIMIT, "TR limit" },
	{ GUEST_LDTR_SELECTOR, "LDTR" }, { GUEST_LDTR_AR_BYTES, "LDTR ar" },
	{ GUEST_GDTR_BASE, "GDTR" }, { GUEST_GDTR_LIMIT, "GDTR limit" },
	{ GUEST_IDTR_BASE, "IDTR" }, { GUEST_IDTR_LIMIT, "IDTR limit" },
	{ GUEST_ACTIVITY_STATE, "activity" },
	{ GUEST_INTERRUPTIBILITY_INFO, "interruptibility" },
	{ GUEST_PENDING_DBG_EXCEPTIONS, "pending debug" },
	{ VM_ENTRY_INTR_INFO_FIELD, "entry event" },
	{ VM_ENTRY_INSTRUCTION_LEN, "entry length" },
	{ PIN_BASED_VM_EXEC_CONTROL, "pin" },
	{ CPU_BASED_VM_EXEC_CONTROL, "primary" },
	{ SECONDARY_VM_EXEC_CONTROL, "secondary" },
	{ VM_ENTRY_CONTROLS, "entry" }, { VM_EXIT_CONTROLS, "exit" },
	{ EXCEPTION_BITMAP, "exceptions" }, { EPT_POINTER, "EPTP" },
	{ GUEST_PHYSICAL_ADDRESS, "GPA" }, { IDT_VECTORING_INFO_FIELD, "IDT vectoring" },
	{ VM_INSTRUCTION_ERROR, "instruction error" },
};

/* Off, as KVM's: guests can bring it about, and the log is the host's. */
static bool dump_invalid_vmcs;
module_param(dump_invalid_vmcs, bool, 0644);
MODULE_PARM_DESC(dump_invalid_vmcs, "log the VMCS where a guest can't be entered or its exit is not known");

/* Guest and control state of the current VMCS, rate limited. */
void slat_vmcs_dump(u32 reason, u64 qualification)
{
	static DEFINE_RATELIMIT_STATE(limit, 10 * HZ, 2);
	unsigned int i;

	if (!__ratelimit(&limit))
		return;
	if (!READ_ONCE(dump_invalid_vmcs)) {
		pr_warn_once("slat: a guest can't go on, exit reason %#x: with dump_invalid_vmcs=1 the log has its VMCS\n",
			     reason);
		return;
	}
	pr_warn("slat: exit reason %#x, qualification %#llx; VMCS:\n",
		reason, qualification);
	for (i = 0; i < ARRAY_SIZE(dump_fields); i++)
		pr_warn("slat:   %-18s %016lx\n", dump_fields[i].name,
			slat_vmcs_read(dump_fields[i].field));
}
