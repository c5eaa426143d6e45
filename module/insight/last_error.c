// SPDX-License-Identifier: GPL-2.0
/*
 * SLAT_GET_LAST_ERROR: which check refused the last ioctl of a VM, or of one of
 * its vCPUs, that failed. The ioctls record numbers; the words are made here,
 * when they are asked for, so that clients in any language get them and a check
 * that is newer than the client's header explains itself.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "insight.h"
#include "vm/failure.h"

/* Each takes value and limit, in this order, as %llu, %lld or %llx, or just the first. */
static const char *const check_words[] = {
	[SLAT_CHECK_NONE] = "no call has failed",
	[SLAT_CHECK_UNTOLD] = "the call tells nothing but its errno",
	[SLAT_CHECK_UNKNOWN_CALL] = "ioctl 0x%llx: there is no such call",
	[SLAT_CHECK_FLAGS] = "flags 0x%llx: expected none but 0x%llx",
	[SLAT_CHECK_RESERVED] = "the field at byte %llu of the argument: expected 0",
	[SLAT_CHECK_SLOT_ID] = "slot number %llu: expected at most %llu",
	[SLAT_CHECK_NO_SLOT] = "slot number %llu: there is no such slot",
	[SLAT_CHECK_GPA_ALIGN] = "guest_phys_addr 0x%llx: expected a multiple of 0x%llx",
	[SLAT_CHECK_SIZE_ALIGN] = "memory_size 0x%llx: expected a multiple of 0x%llx",
	[SLAT_CHECK_HVA_ALIGN] = "userspace_addr 0x%llx: expected a multiple of 0x%llx",
	[SLAT_CHECK_HVA_RANGE] = "userspace_addr 0x%llx, 0x%llx bytes: expected a range of user space",
	[SLAT_CHECK_GPA_WRAP] = "guest_phys_addr 0x%llx, 0x%llx bytes: expected a range that does not wrap",
	[SLAT_CHECK_GPA_LIMIT] = "the slot would end at 0x%llx: expected at most 0x%llx, where guest addresses end",
	[SLAT_CHECK_SLOT_SIZE] = "memory_size 0x%llx: expected at most 0x%llx",
	[SLAT_CHECK_SIZE_CHANGED] = "memory_size 0x%llx: expected 0x%llx, a slot keeps its size (delete it first)",
	[SLAT_CHECK_HVA_CHANGED] = "userspace_addr 0x%llx: expected 0x%llx, a slot keeps its memory (delete it first)",
	[SLAT_CHECK_READONLY_CHANGED] = "flags 0x%llx: expected KVM_MEM_READONLY as in 0x%llx, a slot keeps it (delete it first)",
	[SLAT_CHECK_OVERLAP] = "guest_phys_addr 0x%llx, 0x%llx bytes: expected a free range",
	[SLAT_CHECK_NOT_LOGGING] = "slot number %llu: it has no dirty log, expected KVM_MEM_LOG_DIRTY_PAGES",
	[SLAT_CHECK_CLEAR_FIRST] = "first_page %llu: expected a multiple of %llu",
	[SLAT_CHECK_CLEAR_RANGE] = "the range ends at page %llu: expected at most %llu, where the slot ends",
	[SLAT_CHECK_CLEAR_LENGTH] = "num_pages %llu: expected a multiple of %llu, or up to the slot's end",
	[SLAT_CHECK_CAP] = "capability %llu: it cannot be enabled",
	[SLAT_CHECK_CAP_ARGS] = "args[0] 0x%llx: expected none but 0x%llx",
	[SLAT_CHECK_NR_MMU_PAGES] = "%llu table pages: expected at least %llu",
	[SLAT_CHECK_VCPU_ID] = "vCPU number %llu: expected at most %llu",
	[SLAT_CHECK_VCPU_COUNT] = "there are %llu vCPUs: expected fewer than %llu",
	[SLAT_CHECK_VCPU_EXISTS] = "vCPU number %llu: it is taken",
	[SLAT_CHECK_ADDRESS] = "address 0x%llx: expected at most 0x%llx",
	[SLAT_CHECK_VCPUS_MADE] = "%llu vCPUs exist: expected the call before the first is made",
	[SLAT_CHECK_NO_IRQCHIP] = "the kernel has no interrupt controller to route to",
	[SLAT_CHECK_PROTECT] = "policy %llu: expected at most %llu",
	[SLAT_CHECK_ACCESS] = "access 0x%llx: expected one bit of 0x%llx",
	[SLAT_CHECK_IO_LENGTH] = "len %llu: expected 1, 2, 4, %llu, or 0 for any",
	[SLAT_CHECK_IO_WRAP] = "addr 0x%llx, len %llu: expected a range that does not wrap",
	[SLAT_CHECK_IO_ANY_LENGTH] = "flags 0x%llx: expected no KVM_IOEVENTFD_FLAG_DATAMATCH with len 0, which takes any value",
	[SLAT_CHECK_FD] = "fd %lld: expected an open descriptor",
	[SLAT_CHECK_EVENTFD] = "fd %lld: expected an eventfd",
	[SLAT_CHECK_IO_TAKEN] = "addr 0x%llx, len %llu: expected no eventfd there that the same write signals",
	[SLAT_CHECK_IO_ABSENT] = "addr 0x%llx, len %llu: expected an eventfd that was assigned with the same fd, space and datamatch",
	[SLAT_CHECK_IO_ZONES] = "the space has %llu coalesced zones: expected fewer than %llu",
	[SLAT_CHECK_IO_SPACE] = "pio %llu: expected at most %llu",
	[SLAT_CHECK_HOST_PAGE] = "guest address 0x%llx: expected the host to have a page at 0x%llx",
	[SLAT_CHECK_RUN_ARG] = "argument 0x%llx: expected %llu",
	[SLAT_CHECK_VALID_REGS] = "kvm_valid_regs 0x%llx: expected none but 0x%llx",
	[SLAT_CHECK_DIRTY_REGS] = "kvm_dirty_regs 0x%llx: expected none but 0x%llx",
	[SLAT_CHECK_CR8] = "cr8 0x%llx: expected at most 0x%llx",
	[SLAT_CHECK_MP_STATE] = "mp_state %llu: expected %llu, KVM_MP_STATE_RUNNABLE",
	[SLAT_CHECK_SIGSET] = "len %llu: expected %llu, the size of a signal set",
	[SLAT_CHECK_VECTOR] = "interrupt %llu: expected a vector of at most %llu",
	[SLAT_CHECK_MANY_ENTRIES] = "%llu entries: expected at most %llu",
	[SLAT_CHECK_FEW_ENTRIES] = "room for %llu entries: expected at least %llu",
	[SLAT_CHECK_CPUID_FIXED] = "%llu entries: expected the guest's own %llu, since it has run",
	[SLAT_CHECK_CPUID_WIDTH] = "%llu bits of linear addresses in leaf 0x80000008: expected 48 or 57",
	[SLAT_CHECK_XSAVE_SIZE] = "a state of %llu bytes: expected at most %llu (KVM_GET_XSAVE2 has room)",
	[SLAT_CHECK_XSAVE] = "XSTATE_BV 0x%llx: expected none but 0x%llx, zeroes behind it and a valid MXCSR",
	[SLAT_CHECK_NO_XSAVE] = "the processor has no XSAVE",
	[SLAT_CHECK_XCR0] = "XCR0 0x%llx: expected bit 0, and none but 0x%llx",
	[SLAT_CHECK_XCR0_STATES] = "XCR0 0x%llx: expected AVX with SSE alone, AVX-512 whole and with AVX alone",
	[SLAT_CHECK_CR0] = "CR0 0x%llx: expected 32 bits, PG with PE alone, NW with CD alone",
	[SLAT_CHECK_CR4] = "CR4 0x%llx: expected none but 0x%llx, as the CPUID says",
	[SLAT_CHECK_EFER] = "EFER 0x%llx: expected none but 0x%llx, as the CPUID says",
	[SLAT_CHECK_LONG_MODE] = "EFER 0x%llx with CR0 0x%llx: expected LMA where LME and PG are, nowhere else",
	[SLAT_CHECK_PAE] = "CR4 0x%llx: expected PAE, 0x%llx, in long mode",
	[SLAT_CHECK_CS] = "CS.L %llu, CS.D %llu: expected L in long mode alone, and without D",
	[SLAT_CHECK_CR3] = "CR3 0x%llx: expected an address of at most %llu bits",
	[SLAT_CHECK_APIC_BASE] = "apic_base 0x%llx: expected none of 0x%llx",
	[SLAT_CHECK_APIC_MODE] = "apic_base 0x%llx: expected x2APIC mode with 0x%llx alone",
	[SLAT_CHECK_PDPTRS] = "flags 0x%llx: expected PDPTEs with PAE paging alone",
	[SLAT_CHECK_PDPTE] = "PDPTE 0x%llx: expected none of 0x%llx",
	[SLAT_CHECK_EXCEPTION] = "exception %llu: expected at most %llu, and not 2 (NMI)",
	[SLAT_CHECK_SMM] = "flags 0x%llx: expected no state of SMM, which is not there",
	[SLAT_CHECK_DR] = "DR6 0x%llx, DR7 0x%llx: expected 32 bits each",
	[SLAT_CHECK_DEBUG_BUSY] = "control 0x%llx: expected no exception to inject while %llu is pending",
	[SLAT_CHECK_MCE_BANKS] = "%llu banks: expected 1 to %llu",
	[SLAT_CHECK_MCE_CAP] = "MCG_CAP 0x%llx: expected none but 0x%llx",
	[SLAT_CHECK_MCE_BANK] = "bank %llu: expected at most %llu",
	[SLAT_CHECK_MCE_STATUS] = "status 0x%llx: expected VAL, 0x%llx",
	[SLAT_CHECK_TSC_KHZ] = "%llu kHz: expected the host's %llu",
	[SLAT_CHECK_VCPU_IDS] = "%llu vCPU ids: expected at most %llu, and no change once said or used",
	[SLAT_CHECK_NO_MEMORY] = "guest address 0x%llx: expected a slot there",
};

/* "slot 3: guest_phys_addr 0x1000, ...: expected ...; slot 1 has ..."; or "vCPU 0: ..." */
static void describe(char *text, size_t size, const struct slat_failure *failure)
{
	const struct slat_reject *why = &failure->why;
	const char *words = check_words[why->check];
	size_t len = 0;

	if (why->slot != SLAT_NO_SLOT)
		len = scnprintf(text, size, "slot %u: ", why->slot);
	if (why->vcpu != SLAT_NO_VCPU)
		len = scnprintf(text, size, "vCPU %u: ", why->vcpu);
	len += scnprintf(text + len, size - len, words, why->value, why->limit);
	if (why->other != SLAT_NO_SLOT)
		scnprintf(text + len, size - len, "; slot %u has 0x%llx to 0x%llx", why->other,
			  why->other_gpa, why->other_gpa + why->other_size - 1);
}

int slat_failure_get(struct slat_failure *failure, void __user *argp,
		     struct slat_reject *why)
{
	struct slat_last_error out;
	struct slat_failure copy;
	int err;

	if (copy_from_user(&out, argp, sizeof(out)))
		return -EFAULT;
	err = slat_check_form(&out, 0, why);
	if (err)
		return err;
	if (out.pad)
		return slat_reject(why, -EINVAL, SLAT_CHECK_RESERVED,
				   offsetof(struct slat_last_error, pad), 0);
	spin_lock(&failure->lock);
	copy = *failure;
	spin_unlock(&failure->lock);
	if (WARN_ON_ONCE(copy.why.check >= ARRAY_SIZE(check_words)))
		copy.why.check = SLAT_CHECK_UNTOLD;

	out = (struct slat_last_error) {
		.check = copy.why.check,
		.error = copy.error,
		.call = copy.call,
		.serial = copy.serial,
		.value = copy.why.value,
		.limit = copy.why.limit,
		.slot = copy.why.slot,
		.other = copy.why.other,
		.other_gpa = copy.why.other_gpa,
		.other_size = copy.why.other_size,
		.vcpu = copy.why.vcpu,
	};
	describe(out.text, sizeof(out.text), &copy);
	return copy_to_user(argp, &out, sizeof(out)) ? -EFAULT : 0;
}
