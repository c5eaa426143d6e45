// SPDX-License-Identifier: GPL-2.0
/*
 * Registers as user space and the emulator see them: general registers, RIP,
 * RFLAGS, segments, and KVM's kvm_regs, kvm_sregs and kvm_debugregs.  Callers
 * hold the vCPU loaded.
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include <uapi/asm/debugreg.h>

#include "tlb.h"
#include "vcpu.h"

#define MAX_INSN_LEN	15

u64 *slat_vmx_gprs(struct slat_vmx *vmx)
{
	return slat_regs(vmx);
}

u64 slat_vmx_rip(struct slat_vmx *vmx)
{
	return slat_rip(vmx);
}

/* Flags that are not the guest's now. */
static u64 hidden_flags(const struct slat_vmx *vmx)
{
	return unlikely(vmx->debug.control & KVM_GUESTDBG_SINGLESTEP) ?
	       X86_EFLAGS_TF : 0;
}

u64 slat_vmx_rflags(struct slat_vmx *vmx)
{
	return slat_rflags(vmx) & ~hidden_flags(vmx);
}

void slat_vmx_set_rflags(struct slat_vmx *vmx, u64 rflags)
{
	u64 hidden = hidden_flags(vmx);

	slat_set_rflags(vmx, (rflags & ~hidden) | (slat_rflags(vmx) & hidden));
	/* IF may have opened the window that a queued interrupt waits for. */
	slat_request(vmx, SLAT_REQUEST_EVENTS);
}

u64 slat_vmx_cr0(struct slat_vmx *vmx)
{
	return slat_cr0(vmx);
}

u64 slat_vmx_cr3(struct slat_vmx *vmx)
{
	return slat_vmcs_read(GUEST_CR3);
}

u64 slat_vmx_cr4(struct slat_vmx *vmx)
{
	return slat_cr4(vmx);
}

u64 slat_vmx_cr8(struct slat_vmx *vmx)
{
	return vmx->cr8;
}

u64 slat_vmx_efer(struct slat_vmx *vmx)
{
	return vmx->efer;
}

u64 slat_vmx_xcr0(struct slat_vmx *vmx)
{
	return vmx->xcr0;
}

u64 slat_vmx_apic_base(struct slat_vmx *vmx)
{
	return vmx->apic_base;
}

u32 slat_vmx_pkru(struct slat_vmx *vmx)
{
	return vmx->pkru;
}

void slat_vmx_set_pkru(struct slat_vmx *vmx, u32 pkru)
{
	vmx->pkru = pkru;
}

int slat_vmx_set_cr8(struct slat_vmx *vmx, u64 cr8)
{
	if (cr8 & ~0xfULL)
		return -EINVAL;
	vmx->cr8 = cr8;
	return 0;
}

#define NR_EVENTS	256

/* The VMCS numbers segment fields in enum slat_vmx_seg's order, step 2. */
#define SEG_FIELD(first, seg)	((first) + 2 * (seg))

void slat_vmx_segment(struct slat_vmx *vmx, enum slat_vmx_seg seg,
		      struct kvm_segment *out)
{
	u32 ar = slat_vmcs_read(SEG_FIELD(GUEST_ES_AR_BYTES, seg));
	bool unusable = ar & VMX_AR_UNUSABLE_MASK;

	*out = (struct kvm_segment) {
		.base = slat_vmcs_read(SEG_FIELD(GUEST_ES_BASE, seg)),
		.limit = slat_vmcs_read(SEG_FIELD(GUEST_ES_LIMIT, seg)),
		.selector = slat_vmcs_read(SEG_FIELD(GUEST_ES_SELECTOR, seg)),
		.type = ar & VMX_AR_TYPE_MASK,
		.s = (ar >> 4) & 1,
		.dpl = VMX_AR_DPL(ar),
		/* Some clients restore only this one of the two. */
		.present = !unusable,
		.avl = (ar >> 12) & 1,
		.l = (ar >> 13) & 1,
		.db = (ar >> 14) & 1,
		.g = (ar >> 15) & 1,
		.unusable = unusable,
	};
}

static u32 segment_ar(const struct kvm_segment *in, enum slat_vmx_seg seg)
{
	u32 ar;

	/* The level of SS is the CPL, of whatever use SS itself is. */
	if (in->unusable || !in->present)
		return VMX_AR_UNUSABLE_MASK |
		       (seg == SLAT_VMX_SEG_SS ? (in->dpl & 3) << VMX_AR_DPL_SHIFT : 0);
	ar = (in->type & VMX_AR_TYPE_MASK) | (in->s & 1) << 4 |
	     (in->dpl & 3) << VMX_AR_DPL_SHIFT | VMX_AR_P_MASK |
	     (in->avl & 1) << 12 | (in->l & 1) << 13 | (in->db & 1) << 14 |
	     (in->g & 1) << 15;
	/* Loading a segment sets its accessed bit; VM entry insists on it. */
	if (in->s & 1 && seg <= SLAT_VMX_SEG_GS)
		ar |= VMX_AR_TYPE_ACCESSES_MASK;
	return ar;
}

void slat_regs_set_segment(struct slat_vmx *vmx, enum slat_vmx_seg seg,
			   const struct kvm_segment *in)
{
	slat_vmcs_write(SEG_FIELD(GUEST_ES_BASE, seg), in->base);
	slat_vmcs_write(SEG_FIELD(GUEST_ES_LIMIT, seg), in->limit);
	slat_vmcs_write(SEG_FIELD(GUEST_ES_SELECTOR, seg), in->selector);
	slat_vmcs_write(SEG_FIELD(GUEST_ES_AR_BYTES, seg), segment_ar(in, seg));
}

u64 slat_vmx_seg_base(struct slat_vmx *vmx, enum slat_vmx_seg seg)
{
	return slat_vmcs_read(SEG_FIELD(GUEST_ES_BASE, seg));
}

u8 slat_vmx_cpl(struct slat_vmx *vmx)
{
	/* The processor keeps SS.DPL equal to CPL, whatever was loaded. */
	return VMX_AR_DPL(slat_vmcs_read(GUEST_SS_AR_BYTES));
}

enum slat_vmx_mode slat_vmx_cpu_mode(struct slat_vmx *vmx)
{
	u32 ar;

	if (!(slat_cr0(vmx) & X86_CR0_PE))
		return SLAT_VMX_MODE_REAL;
	if (slat_rflags(vmx) & X86_EFLAGS_VM)
		return SLAT_VMX_MODE_VM86;
	ar = slat_vmcs_read(GUEST_CS_AR_BYTES);
	if (vmx->efer & EFER_LMA && ar & VMX_AR_L_MASK)
		return SLAT_VMX_MODE_LONG;
	return ar & VMX_AR_DB_MASK ? SLAT_VMX_MODE_PROT32 :
				     SLAT_VMX_MODE_PROT16;
}

static __always_inline void end_shadow(struct slat_vmx *vmx)
{
	u32 shadow = slat_vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	u32 cleared = shadow & ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);

	if (likely(cleared == shadow))
		return;
	slat_vmcs_write(GUEST_INTERRUPTIBILITY_INFO, cleared);
	slat_request(vmx, SLAT_REQUEST_EVENTS);
}

void slat_vmx_end_shadow(struct slat_vmx *vmx)
{
	end_shadow(vmx);
}

bool slat_vmx_steps(struct slat_vmx *vmx)
{
	return slat_rflags(vmx) & X86_EFLAGS_TF;
}

void slat_regs_move(struct slat_vmx *vmx, u64 next_rip)
{
	/* Outside of 64-bit code the instruction pointer wraps at 4 GiB. */
	if (unlikely((next_rip ^ slat_rip(vmx)) & BIT_ULL(32)) &&
	    slat_vmx_cpu_mode(vmx) != SLAT_VMX_MODE_LONG)
		next_rip = (u32)next_rip;
	slat_set_rip(vmx, next_rip);
	end_shadow(vmx);
}

void slat_vmx_advance(struct slat_vmx *vmx, u64 next_rip)
{
	slat_regs_move(vmx, next_rip);
	if (unlikely(slat_rflags(vmx) & X86_EFLAGS_TF))
		slat_debug_completed(vmx);
}

void slat_vmx_skip(struct slat_vmx *vmx)
{
	slat_vmx_advance(vmx, slat_rip(vmx) +
			      slat_vmcs_read(VM_EXIT_INSTRUCTION_LEN));
}

u32 slat_vmx_insn_len(struct slat_vmx *vmx)
{
	u32 len;

	if (boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return 0;
	len = slat_vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	return len <= MAX_INSN_LEN ? len : 0;
}

void slat_vmx_get_regs(struct slat_vmx *vmx, struct kvm_regs *regs)
{
	const u64 *gpr = slat_regs(vmx);

	regs->rax = gpr[SLAT_REG_RAX];
	regs->rbx = gpr[SLAT_REG_RBX];
	regs->rcx = gpr[SLAT_REG_RCX];
	regs->rdx = gpr[SLAT_REG_RDX];
	regs->rsi = gpr[SLAT_REG_RSI];
	regs->rdi = gpr[SLAT_REG_RDI];
	regs->rsp = gpr[SLAT_REG_RSP];
	regs->rbp = gpr[SLAT_REG_RBP];
	regs->r8 = gpr[8];
	regs->r9 = gpr[9];
	regs->r10 = gpr[10];
	regs->r11 = gpr[11];
	regs->r12 = gpr[12];
	regs->r13 = gpr[13];
	regs->r14 = gpr[14];
	regs->r15 = gpr[15];
	regs->rip = slat_rip(vmx);
	regs->rflags = slat_vmx_rflags(vmx);
}

void slat_vmx_set_regs(struct slat_vmx *vmx, const struct kvm_regs *regs)
{
	u64 *gpr = slat_regs(vmx);

	gpr[SLAT_REG_RAX] = regs->rax;
	gpr[SLAT_REG_RBX] = regs->rbx;
	gpr[SLAT_REG_RCX] = regs->rcx;
	gpr[SLAT_REG_RDX] = regs->rdx;
	gpr[SLAT_REG_RSI] = regs->rsi;
	gpr[SLAT_REG_RDI] = regs->rdi;
	gpr[SLAT_REG_RSP] = regs->rsp;
	gpr[SLAT_REG_RBP] = regs->rbp;
	gpr[8] = regs->r8;
	gpr[9] = regs->r9;
	gpr[10] = regs->r10;
	gpr[11] = regs->r11;
	gpr[12] = regs->r12;
	gpr[13] = regs->r13;
	gpr[14] = regs->r14;
	gpr[15] = regs->r15;
	slat_set_rip(vmx, regs->rip);
	slat_vmx_set_rflags(vmx, regs->rflags);
	vmx->ev.exc_pending = false;
}

static void regs_get_tables(struct kvm_sregs *sregs)
{
	sregs->idt.base = slat_vmcs_read(GUEST_IDTR_BASE);
	sregs->idt.limit = slat_vmcs_read(GUEST_IDTR_LIMIT);
	sregs->gdt.base = slat_vmcs_read(GUEST_GDTR_BASE);
	sregs->gdt.limit = slat_vmcs_read(GUEST_GDTR_LIMIT);
}

static void regs_set_tables(const struct kvm_sregs *sregs)
{
	slat_vmcs_write(GUEST_IDTR_BASE, sregs->idt.base);
	slat_vmcs_write(GUEST_IDTR_LIMIT, sregs->idt.limit);
	slat_vmcs_write(GUEST_GDTR_BASE, sregs->gdt.base);
	slat_vmcs_write(GUEST_GDTR_LIMIT, sregs->gdt.limit);
}

void slat_vmx_get_sregs(struct slat_vmx *vmx, struct kvm_sregs *sregs)
{
	memset(sregs, 0, sizeof(*sregs));
	slat_vmx_segment(vmx, SLAT_VMX_SEG_CS, &sregs->cs);
	slat_vmx_segment(vmx, SLAT_VMX_SEG_DS, &sregs->ds);
	slat_vmx_segment(vmx, SLAT_VMX_SEG_ES, &sregs->es);
	slat_vmx_segment(vmx, SLAT_VMX_SEG_FS, &sregs->fs);
	slat_vmx_segment(vmx, SLAT_VMX_SEG_GS, &sregs->gs);
	slat_vmx_segment(vmx, SLAT_VMX_SEG_SS, &sregs->ss);
	slat_vmx_segment(vmx, SLAT_VMX_SEG_TR, &sregs->tr);
	slat_vmx_segment(vmx, SLAT_VMX_SEG_LDTR, &sregs->ldt);
	regs_get_tables(sregs);
	sregs->cr0 = slat_cr0(vmx);
	sregs->cr2 = vmx->cr2;
	sregs->cr3 = slat_vmcs_read(GUEST_CR3);
	sregs->cr4 = slat_cr4(vmx);
	sregs->cr8 = vmx->cr8;
	sregs->efer = vmx->efer;
	sregs->apic_base = vmx->apic_base;
	if (vmx->ev.irq_queued && !vmx->ev.irq_soft)
		__set_bit(vmx->ev.irq_vector,
			  (unsigned long *)sregs->interrupt_bitmap);
}

/* Each register by itself. */
static int sregs_check_bits(struct slat_vmx *vmx, const struct kvm_sregs *sregs,
			    struct slat_reject *why)
{
	if (!slat_cr_cr0_valid(sregs->cr0))
		return slat_reject(why, -EINVAL, SLAT_CHECK_CR0, sregs->cr0, 0);
	if (!slat_cr_cr4_valid(vmx, sregs->cr4))
		return slat_reject(why, -EINVAL, SLAT_CHECK_CR4, sregs->cr4,
				   vmx->guest.cr4_valid);
	if (sregs->efer & ~vmx->guest.efer_valid)
		return slat_reject(why, -EINVAL, SLAT_CHECK_EFER, sregs->efer,
				   vmx->guest.efer_valid);
	if (sregs->cr8 & ~0xfULL)
		return slat_reject(why, -EINVAL, SLAT_CHECK_CR8, sregs->cr8, 0xf);
	return 0;
}

/* Do they make one mode? */
static int sregs_check_mode(struct slat_vmx *vmx, const struct kvm_sregs *sregs,
			    struct slat_reject *why)
{
	bool long_mode = sregs->efer & EFER_LME && sregs->cr0 & X86_CR0_PG;

	if (long_mode != !!(sregs->efer & EFER_LMA))
		return slat_reject(why, -EINVAL, SLAT_CHECK_LONG_MODE, sregs->efer, sregs->cr0);
	if (sregs->cs.l && (!long_mode || sregs->cs.db))
		return slat_reject(why, -EINVAL, SLAT_CHECK_CS, sregs->cs.l, sregs->cs.db);
	if (!long_mode)
		return 0;
	if (!(sregs->cr4 & X86_CR4_PAE))
		return slat_reject(why, -EINVAL, SLAT_CHECK_PAE, sregs->cr4, X86_CR4_PAE);
	if (sregs->cr3 >> vmx->guest.maxphyaddr)
		return slat_reject(why, -EINVAL, SLAT_CHECK_CR3, sregs->cr3,
				   vmx->guest.maxphyaddr);
	return 0;
}

/* @pdptes: to be used as they are, or NULL. */
static int set_sregs(struct slat_vmx *vmx, const struct kvm_sregs *sregs,
		     const u64 *pdptes, struct slat_reject *why)
{
	int err;

	err = sregs_check_bits(vmx, sregs, why);
	if (!err)
		err = sregs_check_mode(vmx, sregs, why);
	if (!err)
		err = slat_cr_set_apic_base(vmx, sregs->apic_base, true, why);
	if (err)
		return err;

	regs_set_tables(sregs);
	vmx->cr2 = sregs->cr2;
	vmx->cr8 = sregs->cr8;
	slat_vmcs_write(GUEST_CR3, sregs->cr3);
	slat_cr_apply_efer(vmx, sregs->efer);
	slat_cr_apply_cr4(vmx, sregs->cr4);
	slat_cr_apply_cr0(vmx, sregs->cr0);
	/* A table that cannot be read faults at the guest's first access. */
	if (pdptes)
		slat_cr_write_pdptes(pdptes);
	else if (slat_cr_pae_paging(vmx))
		slat_cr_load_pdptes(vmx, sregs->cr3);

	slat_regs_set_segment(vmx, SLAT_VMX_SEG_CS, &sregs->cs);
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_DS, &sregs->ds);
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_ES, &sregs->es);
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_FS, &sregs->fs);
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_GS, &sregs->gs);
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_SS, &sregs->ss);
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_TR, &sregs->tr);
	slat_regs_set_segment(vmx, SLAT_VMX_SEG_LDTR, &sregs->ldt);

	slat_tlb_sregs_change(vmx);
	slat_request(vmx, SLAT_REQUEST_EVENTS);
	return 0;
}

int slat_vmx_set_sregs(struct slat_vmx *vmx, const struct kvm_sregs *sregs,
		       struct slat_reject *why)
{
	unsigned int vector;
	int err;

	err = set_sregs(vmx, sregs, NULL, why);
	if (err)
		return err;
	vector = find_first_bit((unsigned long *)sregs->interrupt_bitmap,
				NR_EVENTS);
	if (vector < NR_EVENTS) {
		vmx->ev.irq_queued = true;
		vmx->ev.irq_soft = false;
		vmx->ev.irq_vector = vector;
	}
	return 0;
}

/* What kvm_sregs and kvm_sregs2 have in common. */
#define SREGS_COMMON	offsetof(struct kvm_sregs, interrupt_bitmap)

void slat_vmx_get_sregs2(struct slat_vmx *vmx, struct kvm_sregs2 *sregs2)
{
	struct kvm_sregs sregs;

	BUILD_BUG_ON(SREGS_COMMON != offsetof(struct kvm_sregs2, flags));
	slat_vmx_get_sregs(vmx, &sregs);
	memset(sregs2, 0, sizeof(*sregs2));
	memcpy(sregs2, &sregs, SREGS_COMMON);
	if (slat_cr_pae_paging(vmx)) {
		slat_vmx_pdptes(vmx, sregs2->pdptrs);
		sregs2->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
}

/* Those that a client gives: present ones have no reserved bit. */
static int pdptes_check(struct slat_vmx *vmx, const u64 pdptes[4], struct slat_reject *why)
{
	int i;

	for (i = 0; i < 4; i++) {
		const u64 one[4] = { pdptes[i] };

		if (!slat_cr_pdptes_valid(vmx, one))
			return slat_reject(why, -EINVAL, SLAT_CHECK_PDPTE, pdptes[i],
					   slat_cr_pdpte_reserved(vmx));
	}
	return 0;
}

int slat_vmx_set_sregs2(struct slat_vmx *vmx, const struct kvm_sregs2 *sregs2,
			struct slat_reject *why)
{
	bool pae = sregs2->cr0 & X86_CR0_PG && sregs2->cr4 & X86_CR4_PAE &&
		   !(sregs2->efer & EFER_LMA);
	struct kvm_sregs sregs = {};
	int err = 0;

	if (sregs2->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, sregs2->flags,
				   KVM_SREGS2_FLAGS_PDPTRS_VALID);
	if (sregs2->flags && !pae)
		return slat_reject(why, -EINVAL, SLAT_CHECK_PDPTRS, sregs2->flags, 0);
	if (sregs2->flags)
		err = pdptes_check(vmx, sregs2->pdptrs, why);
	if (err)
		return err;
	memcpy(&sregs, sregs2, SREGS_COMMON);
	return set_sregs(vmx, &sregs, sregs2->flags ? sregs2->pdptrs : NULL, why);
}

void slat_regs_set_dr7(struct slat_vmx *vmx, u64 dr7)
{
	vmx->dr7 = dr7;
	slat_debug_update_dr7(vmx);
}

void slat_vmx_get_debugregs(struct slat_vmx *vmx, struct kvm_debugregs *dbg)
{
	memset(dbg, 0, sizeof(*dbg));
	memcpy(dbg->db, vmx->dr, sizeof(dbg->db));
	dbg->dr6 = vmx->dr6;
	dbg->dr7 = vmx->dr7;
}

int slat_vmx_set_debugregs(struct slat_vmx *vmx, const struct kvm_debugregs *dbg,
			   struct slat_reject *why)
{
	if (dbg->flags)
		return slat_reject(why, -EINVAL, SLAT_CHECK_FLAGS, dbg->flags, 0);
	if (dbg->dr6 >> 32 || dbg->dr7 >> 32)
		return slat_reject(why, -EINVAL, SLAT_CHECK_DR, dbg->dr6, dbg->dr7);
	memcpy(vmx->dr, dbg->db, sizeof(vmx->dr));
	vmx->dr6 = (dbg->dr6 & SLAT_DR6_VALID) | SLAT_DR6_RESET;
	slat_regs_set_dr7(vmx, (dbg->dr7 & SLAT_DR7_VALID) | SLAT_DR7_RESET);
	return 0;
}
