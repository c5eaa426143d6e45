// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUID of one vCPU: set and read by the client, read by the guest, and
 * turned into what vmx must know. Called with the vCPU's mutex held; the
 * instruction's emulation with the vCPU loaded.
 *
 * Entries are stored as the client gave them. The few bits that mirror live
 * registers (OSXSAVE, OSPKE, APIC, the XSAVE size) are put in when read.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "cpuid.h"
#include "vcpu.h"

#define CPUID_1_ECX_PCID	BIT(17)
#define CPUID_1_ECX_X2APIC	BIT(21)
#define CPUID_1_ECX_XSAVE	BIT(26)
#define CPUID_1_ECX_OSXSAVE	BIT(27)
#define CPUID_1_ECX_MWAIT	BIT(3)
#define CPUID_1_EDX_MCE		BIT(7)
#define CPUID_1_EDX_APIC	BIT(9)
#define CPUID_7_EBX_FSGSBASE	BIT(0)
#define CPUID_7_EBX_TSC_ADJUST	BIT(1)
#define CPUID_7_EBX_SMEP	BIT(7)
#define CPUID_7_EBX_INVPCID	BIT(10)
#define CPUID_7_EBX_SMAP	BIT(20)
#define CPUID_7_ECX_UMIP	BIT(2)
#define CPUID_7_ECX_PKU		BIT(3)
#define CPUID_7_ECX_OSPKE	BIT(4)
#define CPUID_7_ECX_LA57	BIT(16)
#define CPUID_7_ECX_RDPID	BIT(22)
#define CPUID_7_EDX_SPEC_CTRL	BIT(26)
#define CPUID_7_EDX_STIBP	BIT(27)
#define CPUID_7_EDX_FLUSH_L1D	BIT(28)
#define CPUID_7_EDX_ARCH_CAPS	BIT(29)
#define CPUID_7_EDX_SSBD	BIT(31)
#define CPUID_D1_EAX_XSAVEC	BIT(1)
#define CPUID_D1_EAX_XSAVES	BIT(3)
#define CPUID_81_EDX_SYSCALL	BIT(11)
#define CPUID_81_EDX_NX		BIT(20)
#define CPUID_81_EDX_GBPAGES	BIT(26)
#define CPUID_81_EDX_RDTSCP	BIT(27)
#define CPUID_81_EDX_LM		BIT(29)

/* Physical address bits of a processor that does not say (SDM, CPUID). */
#define DEFAULT_PHYS_BITS	36

/* CR4 bits that no CPUID bit takes away (see SLAT_CR4_BY_FEATURE below). */
#define CR4_ALWAYS							\
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |		\
	 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |	\
	 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

struct kvm_cpuid_entry2 *slat_cpuid_find(struct kvm_cpuid_entry2 *entries, u32 nr,
					 u32 function, u32 index)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		struct kvm_cpuid_entry2 *e = &entries[i];

		if (e->function == function &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     e->index == index))
			return e;
	}
	return NULL;
}

/* The words of a guest's CPUID that decide something here; 0 where absent. */
struct cpuid_words {
	u32 leaf1_eax, leaf1_ecx, leaf1_edx;
	u32 leaf7_ebx, leaf7_ecx, leaf7_edx;
	u32 leafd1_eax;
	u64 xcr0, xss;
	u32 ext1_edx;
	u32 ext8_eax;
};

static void words_collect(struct kvm_cpuid_entry2 *entries, u32 nr,
			  struct cpuid_words *w)
{
	struct kvm_cpuid_entry2 *e;

	memset(w, 0, sizeof(*w));
	e = slat_cpuid_find(entries, nr, 1, 0);
	if (e) {
		w->leaf1_eax = e->eax;
		w->leaf1_ecx = e->ecx;
		w->leaf1_edx = e->edx;
	}
	e = slat_cpuid_find(entries, nr, 7, 0);
	if (e) {
		w->leaf7_ebx = e->ebx;
		w->leaf7_ecx = e->ecx;
		w->leaf7_edx = e->edx;
	}
	e = slat_cpuid_find(entries, nr, 0xd, 0);
	if (e)
		w->xcr0 = e->eax | (u64)e->edx << 32;
	e = slat_cpuid_find(entries, nr, 0xd, 1);
	if (e) {
		w->leafd1_eax = e->eax;
		w->xss = e->ecx | (u64)e->edx << 32;
	}
	e = slat_cpuid_find(entries, nr, 0x80000001, 0);
	if (e)
		w->ext1_edx = e->edx;
	e = slat_cpuid_find(entries, nr, 0x80000008, 0);
	if (e)
		w->ext8_eax = e->eax;
}

static u64 words_cr4(const struct cpuid_words *w)
{
	u64 cr4 = CR4_ALWAYS;

	if (w->leaf1_ecx & CPUID_1_ECX_PCID)
		cr4 |= X86_CR4_PCIDE;
	if (w->leaf1_ecx & CPUID_1_ECX_XSAVE)
		cr4 |= X86_CR4_OSXSAVE;
	if (w->leaf7_ebx & CPUID_7_EBX_FSGSBASE)
		cr4 |= X86_CR4_FSGSBASE;
	if (w->leaf7_ebx & CPUID_7_EBX_SMEP)
		cr4 |= X86_CR4_SMEP;
	if (w->leaf7_ebx & CPUID_7_EBX_SMAP)
		cr4 |= X86_CR4_SMAP;
	if (w->leaf7_ecx & CPUID_7_ECX_UMIP)
		cr4 |= X86_CR4_UMIP;
	if (w->leaf7_ecx & CPUID_7_ECX_PKU)
		cr4 |= X86_CR4_PKE;
	return cr4;
}

static u64 words_efer(const struct cpuid_words *w)
{
	u64 efer = EFER_SCE;

	if (w->ext1_edx & CPUID_81_EDX_LM)
		efer |= EFER_LME | EFER_LMA;
	if (w->ext1_edx & CPUID_81_EDX_NX)
		efer |= EFER_NX;
	return efer;
}

static u64 words_spec_ctrl(const struct cpuid_words *w)
{
	u64 bits = 0;

	if (w->leaf7_edx & CPUID_7_EDX_SPEC_CTRL)
		bits |= SPEC_CTRL_IBRS;
	if (w->leaf7_edx & CPUID_7_EDX_STIBP)
		bits |= SPEC_CTRL_STIBP;
	if (w->leaf7_edx & CPUID_7_EDX_SSBD)
		bits |= SPEC_CTRL_SSBD;
	return bits;
}

struct feature_bit {
	size_t word;
	u32 bit;
	u32 feature;
};

#define FEATURE(field, bit, feature) \
	{ offsetof(struct cpuid_words, field), bit, feature }

static const struct feature_bit feature_bits[] = {
	FEATURE(ext1_edx, CPUID_81_EDX_LM, SLAT_CPU_LM),
	FEATURE(ext1_edx, CPUID_81_EDX_NX, SLAT_CPU_NX),
	FEATURE(ext1_edx, CPUID_81_EDX_SYSCALL, SLAT_CPU_SYSCALL),
	FEATURE(ext1_edx, CPUID_81_EDX_RDTSCP, SLAT_CPU_RDTSCP),
	FEATURE(ext1_edx, CPUID_81_EDX_GBPAGES, SLAT_CPU_GBPAGES),
	FEATURE(leaf7_ecx, CPUID_7_ECX_RDPID, SLAT_CPU_RDPID),
	FEATURE(leaf7_ecx, CPUID_7_ECX_PKU, SLAT_CPU_PKU),
	FEATURE(leaf7_ebx, CPUID_7_EBX_INVPCID, SLAT_CPU_INVPCID),
	FEATURE(leaf7_ebx, CPUID_7_EBX_TSC_ADJUST, SLAT_CPU_TSC_ADJUST),
	FEATURE(leaf1_ecx, CPUID_1_ECX_XSAVE, SLAT_CPU_XSAVE),
	FEATURE(leafd1_eax, CPUID_D1_EAX_XSAVES, SLAT_CPU_XSAVES),
	FEATURE(leaf1_ecx, CPUID_1_ECX_MWAIT, SLAT_CPU_MWAIT),
	FEATURE(leaf1_ecx, CPUID_1_ECX_X2APIC, SLAT_CPU_X2APIC),
	FEATURE(leaf1_ecx, CPUID_1_ECX_PCID, SLAT_CPU_PCID),
	FEATURE(leaf1_edx, CPUID_1_EDX_MCE, SLAT_CPU_MCE),
	FEATURE(leaf7_edx, CPUID_7_EDX_SPEC_CTRL, SLAT_CPU_IBPB),
	FEATURE(leaf7_edx, CPUID_7_EDX_FLUSH_L1D, SLAT_CPU_FLUSH_L1D),
	FEATURE(leaf7_edx, CPUID_7_EDX_ARCH_CAPS, SLAT_CPU_ARCH_CAPS),
};

static u32 words_features(const struct cpuid_words *w)
{
	u32 features = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(feature_bits); i++) {
		const struct feature_bit *f = &feature_bits[i];

		if (*(const u32 *)((const char *)w + f->word) & f->bit)
			features |= f->feature;
	}
	return features;
}

static u8 words_phys_bits(const struct cpuid_words *w)
{
	u8 bits = w->ext8_eax & 0xff;

	return bits ? bits : DEFAULT_PHYS_BITS;
}

/* Bits that the host lacks are dropped here, and again by vmx for itself. */
static void guest_cpu_make(const struct slat_guest_cpu *host,
			   struct kvm_cpuid_entry2 *entries, u32 nr,
			   struct slat_guest_cpu *cpu)
{
	struct cpuid_words w;

	words_collect(entries, nr, &w);
	*cpu = (struct slat_guest_cpu) {
		.cr4_valid = words_cr4(&w) & host->cr4_valid,
		.efer_valid = words_efer(&w) & host->efer_valid,
		.xcr0_valid = w.xcr0 & host->xcr0_valid,
		.xss_valid = w.xss & host->xss_valid,
		.spec_ctrl_valid = words_spec_ctrl(&w) & host->spec_ctrl_valid,
		.features = words_features(&w) & (host->features | SLAT_CPU_CLIENTS),
		.signature = w.leaf1_eax,
		.maxphyaddr = words_phys_bits(&w),
	};
	if (!(cpu->features & SLAT_CPU_XSAVE))
		cpu->xcr0_valid = 0;
	if (!(cpu->features & SLAT_CPU_XSAVES))
		cpu->xss_valid = 0;
}

void slat_vcpu_cpuid_init(struct slat_vcpu *vcpu)
{
	vcpu->guest_cpu = vcpu->vm->device->caps->cpu;
}

/* Put the bits in that mirror registers. Loaded. */
static void cpuid_update_live(struct slat_vcpu *vcpu, struct kvm_cpuid_entry2 *e)
{
	struct slat_vmx *vmx = vcpu->vmx;
	u64 xcr0;

	switch (e->function) {
	case 1:
		e->ecx &= ~CPUID_1_ECX_OSXSAVE;
		if (slat_vmx_cr4(vmx) & X86_CR4_OSXSAVE)
			e->ecx |= CPUID_1_ECX_OSXSAVE;
		if (!(slat_vmx_apic_base(vmx) & MSR_IA32_APICBASE_ENABLE))
			e->edx &= ~CPUID_1_EDX_APIC;
		break;
	case 7:
		if (e->index)
			break;
		e->ecx &= ~CPUID_7_ECX_OSPKE;
		if (slat_vmx_cr4(vmx) & X86_CR4_PKE)
			e->ecx |= CPUID_7_ECX_OSPKE;
		break;
	case 0xd:
		xcr0 = slat_vmx_xcr0(vmx);
		if (e->index == 0)
			e->ebx = slat_xstate_size(xcr0, false);
		else if (e->index == 1 &&
			 (e->eax & (CPUID_D1_EAX_XSAVES | CPUID_D1_EAX_XSAVEC)))
			e->ebx = slat_xstate_size(xcr0, true);
		break;
	}
}

static bool entries_equal(const struct kvm_cpuid_entry2 *a,
			  const struct kvm_cpuid_entry2 *b)
{
	return a->function == b->function && a->index == b->index &&
	       a->flags == b->flags && a->eax == b->eax && a->ebx == b->ebx &&
	       a->ecx == b->ecx && a->edx == b->edx;
}

/* Is @new what the vCPU has already, live bits aside? Loaded. */
static bool cpuid_is_same(struct slat_vcpu *vcpu, const struct kvm_cpuid_entry2 *new,
			  u32 nr)
{
	u32 i;

	if (nr != vcpu->nr_cpuid)
		return false;
	for (i = 0; i < nr; i++) {
		struct kvm_cpuid_entry2 a = vcpu->cpuid[i], b = new[i];

		cpuid_update_live(vcpu, &a);
		cpuid_update_live(vcpu, &b);
		if (!entries_equal(&a, &b))
			return false;
	}
	return true;
}

/* Linear addresses are 48 bits wide (or 57; 0 says nothing). */
static int cpuid_check(struct kvm_cpuid_entry2 *entries, u32 nr, struct slat_reject *why)
{
	struct kvm_cpuid_entry2 *e = slat_cpuid_find(entries, nr, 0x80000008, 0);
	u32 bits = e ? (e->eax >> 8) & 0xff : 0;

	return bits == 0 || bits == 48 || bits == 57 ? 0 :
	       slat_reject(why, -EINVAL, SLAT_CHECK_CPUID_WIDTH, bits, 0);
}

/* Takes @entries over when it returns 0. */
static int cpuid_set(struct slat_vcpu *vcpu, struct kvm_cpuid_entry2 *entries, u32 nr)
{
	int err = 0;

	slat_vmx_load(vcpu->vmx);
	if (vcpu->has_run) {
		/* What the guest has seen stays; saying it again is no change. */
		if (cpuid_is_same(vcpu, entries, nr))
			kvfree(entries);
		else
			err = slat_reject(&vcpu->why, -EINVAL, SLAT_CHECK_CPUID_FIXED, nr,
					  vcpu->nr_cpuid);
	} else {
		err = cpuid_check(entries, nr, &vcpu->why);
	}
	if (!err && !vcpu->has_run) {
		kvfree(vcpu->cpuid);
		vcpu->cpuid = entries;
		vcpu->nr_cpuid = nr;
		guest_cpu_make(&vcpu->vm->device->caps->cpu, entries, nr,
			       &vcpu->guest_cpu);
		slat_vmx_set_guest_cpu(vcpu->vmx, &vcpu->guest_cpu);
	}
	slat_vmx_unload(vcpu->vmx);
	return err;
}

int slat_vcpu_set_cpuid2(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_cpuid2 __user *user = argp;
	struct kvm_cpuid_entry2 *entries = NULL;
	struct kvm_cpuid2 head;
	int err;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > SLAT_MAX_CPUID_ENTRIES)
		return slat_reject(&vcpu->why, -E2BIG, SLAT_CHECK_MANY_ENTRIES, head.nent,
				   SLAT_MAX_CPUID_ENTRIES);
	if (head.nent) {
		entries = vmemdup_user(user->entries, head.nent * sizeof(*entries));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	err = cpuid_set(vcpu, entries, head.nent);
	if (err)
		kvfree(entries);
	return err;
}

/* A copy with the live bits in, or NULL: out of memory. */
static struct kvm_cpuid_entry2 *cpuid_snapshot(struct slat_vcpu *vcpu)
{
	struct kvm_cpuid_entry2 *copy;
	u32 i;

	copy = kvmalloc_array(vcpu->nr_cpuid, sizeof(*copy), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	memcpy(copy, vcpu->cpuid, vcpu->nr_cpuid * sizeof(*copy));
	slat_vmx_load(vcpu->vmx);
	for (i = 0; i < vcpu->nr_cpuid; i++)
		cpuid_update_live(vcpu, &copy[i]);
	slat_vmx_unload(vcpu->vmx);
	return copy;
}

int slat_vcpu_get_cpuid2(struct slat_vcpu *vcpu, void __user *argp)
{
	struct kvm_cpuid2 __user *user = argp;
	struct kvm_cpuid_entry2 *copy;
	struct kvm_cpuid2 head;
	int err = 0;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent < vcpu->nr_cpuid)
		return slat_reject(&vcpu->why, -E2BIG, SLAT_CHECK_FEW_ENTRIES, head.nent,
				   vcpu->nr_cpuid);
	head.nent = vcpu->nr_cpuid;
	if (head.nent) {
		copy = cpuid_snapshot(vcpu);
		if (!copy)
			return -ENOMEM;
		if (copy_to_user(user->entries, copy, head.nent * sizeof(*copy)))
			err = -EFAULT;
		kvfree(copy);
	}
	if (!err && copy_to_user(user, &head, sizeof(head)))
		err = -EFAULT;
	return err;
}

static struct kvm_cpuid_entry2 *vcpu_find(struct slat_vcpu *vcpu, u32 function,
					  u32 index)
{
	return slat_cpuid_find(vcpu->cpuid, vcpu->nr_cpuid, function, index);
}

/*
 * A leaf above the highest of its class answers as the highest basic leaf does
 * (SDM, CPUID: "INPUT EAX ... out of range"). Return: that leaf's number, or
 * @function where it is in range.
 */
static u32 cpuid_effective_leaf(struct slat_vcpu *vcpu, u32 function)
{
	struct kvm_cpuid_entry2 *basic = vcpu_find(vcpu, 0, 0), *class;

	if (!basic)
		return function;
	if (function >= 0x40000000 && function <= 0x4fffffff)
		class = vcpu_find(vcpu, function & 0xffffff00, 0);
	else
		class = vcpu_find(vcpu, function & 0x80000000, 0);
	if (class && function <= class->eax)
		return function;
	return basic->eax;
}

/* A topology subleaf that does not exist: the level, and the APIC id as ever. */
static void cpuid_topology(struct slat_vcpu *vcpu, struct kvm_cpuid_entry2 *out)
{
	struct kvm_cpuid_entry2 *e = vcpu_find(vcpu, out->function, 1);

	if (!e)
		return;
	out->ecx = out->index & 0xff;
	out->edx = e->edx;
}

void slat_vcpu_cpuid(struct slat_vcpu *vcpu)
{
	u64 *gpr = slat_vmx_gprs(vcpu->vmx);
	u32 function = gpr[SLAT_RAX], index = gpr[SLAT_RCX];
	struct kvm_cpuid_entry2 *e, out = {};

	e = vcpu_find(vcpu, function, index);
	if (!e) {
		function = cpuid_effective_leaf(vcpu, function);
		e = vcpu_find(vcpu, function, index);
	}
	if (e) {
		out = *e;
		cpuid_update_live(vcpu, &out);
	} else if (function == 0xb || function == 0x1f) {
		out.function = function;
		out.index = index;
		cpuid_topology(vcpu, &out);
	}
	gpr[SLAT_RAX] = out.eax;
	gpr[SLAT_RBX] = out.ebx;
	gpr[SLAT_RCX] = out.ecx;
	gpr[SLAT_RDX] = out.edx;
	slat_vmx_skip(vcpu->vmx);
}
