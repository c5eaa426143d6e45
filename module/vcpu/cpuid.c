// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUID of one vCPU: set and read by the client, read by the guest, and
 * turned into what vmx must know (by the table of vmx/features.c). Called with
 * the vCPU's mutex held; the instruction's emulation with the vCPU loaded.
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

/* Bits that mirror registers. */
#define CPUID_1_ECX_OSXSAVE	BIT(27)
#define CPUID_1_EDX_APIC	BIT(9)
#define CPUID_7_ECX_OSPKE	BIT(4)

/* Physical address bits of a processor that does not say (SDM, CPUID). */
#define DEFAULT_PHYS_BITS	36
/* No processor has more: what is above them in an entry of a table means something else. */
#define MAX_PHYS_BITS	52

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

static u32 entry_reg(const struct kvm_cpuid_entry2 *e, u8 reg)
{
	const u32 regs[] = { e->eax, e->ebx, e->ecx, e->edx };

	return regs[reg];
}

/* What of a guest's CPUID allows it something; 0 where a leaf is absent. */
static void cpuid_collect(struct kvm_cpuid_entry2 *entries, u32 nr,
			  struct slat_guest_cpuid *cpuid)
{
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	memset(cpuid, 0, sizeof(*cpuid));
	for (i = 0; i < SLAT_NR_CPUID_WORDS; i++) {
		const struct slat_cpuid_place *place = &slat_cpuid_places[i];

		e = slat_cpuid_find(entries, nr, place->function, place->index);
		if (e)
			cpuid->word[i] = entry_reg(e, place->reg);
	}
	e = slat_cpuid_find(entries, nr, 0xd, 0);
	if (e)
		cpuid->xcr0 = e->eax | (u64)e->edx << 32;
	e = slat_cpuid_find(entries, nr, 0xd, 1);
	if (e)
		cpuid->xss = e->ecx | (u64)e->edx << 32;
}

static void guest_cpu_make(const struct slat_guest_cpu *host,
			   struct kvm_cpuid_entry2 *entries, u32 nr,
			   struct slat_guest_cpu *cpu)
{
	struct slat_guest_cpuid cpuid;
	struct kvm_cpuid_entry2 *e;
	u32 width;

	cpuid_collect(entries, nr, &cpuid);
	slat_features_guest(&cpuid, host, cpu);
	e = slat_cpuid_find(entries, nr, 1, 0);
	cpu->signature = e ? e->eax : 0;
	e = slat_cpuid_find(entries, nr, 0x80000008, 0);
	width = e ? e->eax & 0xff : 0;
	/* The client may say anything; masks are made of it. */
	cpu->maxphyaddr = width ? min_t(u32, width, MAX_PHYS_BITS) : DEFAULT_PHYS_BITS;
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
			 e->eax & SLAT_CPUID_D1_EAX_COMPACTED)
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
