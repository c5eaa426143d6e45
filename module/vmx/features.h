/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's processor: the features of CPUID, what each of them needs of the
 * host and what it allows a guest.  The table is in features.c; the offer to
 * clients, the bits that a guest may set, the MSRs that it has and the controls
 * that it is entered with all come from there.
 *
 * Plain data and functions of it: no state, no lock, any context.  Also built in
 * user space, where selftests/features/ holds the other side of the gate.
 */
#ifndef SLAT_VMX_FEATURES_H
#define SLAT_VMX_FEATURES_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/types.h>
#else
#include "features_user.h"
#endif

/* Features of the guest's CPUID that the module looks at while the guest runs. */
#define SLAT_CPU_RDTSCP		BIT(0)
#define SLAT_CPU_RDPID		BIT(1)
#define SLAT_CPU_INVPCID	BIT(2)
#define SLAT_CPU_XSAVE		BIT(3)
#define SLAT_CPU_XSAVES		BIT(4)
#define SLAT_CPU_TSC_ADJUST	BIT(5)
#define SLAT_CPU_IBPB		BIT(6)	/* IA32_PRED_CMD */
#define SLAT_CPU_FLUSH_L1D	BIT(7)	/* IA32_FLUSH_CMD */
#define SLAT_CPU_ARCH_CAPS	BIT(8)	/* IA32_ARCH_CAPABILITIES */
#define SLAT_CPU_X2APIC		BIT(9)
#define SLAT_CPU_GBPAGES	BIT(10)

/* Words of feature bits: leaf, subleaf where there are some, register. */
enum slat_cpuid_word {
	SLAT_CPUID_1_ECX,
	SLAT_CPUID_1_EDX,
	SLAT_CPUID_6_EAX,
	SLAT_CPUID_7_0_EBX,
	SLAT_CPUID_7_ECX,
	SLAT_CPUID_7_EDX,
	SLAT_CPUID_7_1_EAX,
	SLAT_CPUID_7_1_EDX,
	SLAT_CPUID_7_2_EDX,
	SLAT_CPUID_D_1_EAX,
	SLAT_CPUID_8000_0001_ECX,
	SLAT_CPUID_8000_0001_EDX,
	SLAT_CPUID_8000_0008_EBX,
	SLAT_NR_CPUID_WORDS,
};

/* Where a word is found; @reg counts EAX, EBX, ECX, EDX. */
struct slat_cpuid_place {
	u32	function;
	u32	index;
	u8	reg;
};

extern const struct slat_cpuid_place slat_cpuid_places[SLAT_NR_CPUID_WORDS];

/**
 * struct slat_cpuid_offer - feature bits of one word that a guest can be offered
 * @decided: those that are offered whatever the processor itself answers
 * @passed:	those that are offered where it has them
 */
struct slat_cpuid_offer {
	u32	decided;
	u32	passed;
};

/**
 * struct slat_guest_cpu - what the guest's CPUID allows
 * @cr4_valid:	CR4 bits that the guest may set
 * @efer_valid:	EFER bits that the guest may set
 * @xcr0_valid:	XCR0 bits that the guest may set; 0 without XSAVE
 * @xss_valid:	IA32_XSS bits that the guest may set
 * @spec_ctrl_valid: IA32_SPEC_CTRL bits; 0 means that the MSR is absent
 * @features:	SLAT_CPU_* bits
 * @signature:	CPUID(1).EAX
 * @maxphyaddr:	guest physical address width in bits
 */
struct slat_guest_cpu {
	u64	cr4_valid;
	u64	efer_valid;
	u64	xcr0_valid;
	u64	xss_valid;
	u64	spec_ctrl_valid;
	u32	features;
	u32	signature;
	u8	maxphyaddr;
};

/**
 * struct slat_feature_host - what the table asks of a host
 * @has:	did the kernel find and keep this X86_FEATURE_* or X86_BUG_*?
 * @controls:	secondary controls that a guest can be entered with; descriptor-table
 *		exiting only where it stands in for UMIP
 * @cr4:	CR4 bits that may be 1 in VMX operation
 * @xcr0:	XCR0, 0 where there is none
 * @cpuid_7_2_edx: that register of the processor's own CPUID, 0 where there is no
 *		such leaf: the kernel has no word for it
 * @arch_caps:	IA32_ARCH_CAPABILITIES, 0 where there is none
 * @gds_mitigated: microcode keeps gathers from leaking, for guests too
 */
struct slat_feature_host {
	bool	(*has)(u16 feature);
	u32	controls;
	u64	cr4;
	u64	xcr0;
	u32	cpuid_7_2_edx;
	u64	arch_caps;
	bool	gds_mitigated;
};

/**
 * struct slat_guest_cpuid - the parts of a client's CPUID that allow something
 * @word:	feature bits, 0 where there is no such leaf
 * @xcr0:	components that leaf 0xd offers for XCR0
 * @xss:	likewise for IA32_XSS
 */
struct slat_guest_cpuid {
	u32	word[SLAT_NR_CPUID_WORDS];
	u64	xcr0;
	u64	xss;
};

/**
 * slat_features_host() - what a guest of this host can be offered
 * @host: the host
 * @cpu: filled in, but for the signature and the address width
 * @offer: filled in, one for each word of feature bits
 */
void slat_features_host(const struct slat_feature_host *host, struct slat_guest_cpu *cpu,
			struct slat_cpuid_offer offer[SLAT_NR_CPUID_WORDS]);

/* IA32_ARCH_CAPABILITIES for a guest of this host, but for what L1D flushes add (l1d.c). */
u64 slat_features_arch_caps(const struct slat_feature_host *host);

/**
 * slat_features_guest() - what a client's CPUID allows its guest
 * @cpuid: the client's
 * @host: of slat_features_host(): the limit
 * @cpu: filled in, but for the signature and the address width
 */
void slat_features_guest(const struct slat_guest_cpuid *cpuid,
			 const struct slat_guest_cpu *host, struct slat_guest_cpu *cpu);

/* Take away from @cpu what @host lacks. */
void slat_features_limit(struct slat_guest_cpu *cpu, const struct slat_guest_cpu *host);

/* The secondary controls that these SLAT_CPU_* features need; of ~0U: all there are. */
u32 slat_features_controls(u32 features);

/* Does that guest have this MSR, one that a feature brings? */
bool slat_features_msr(const struct slat_guest_cpu *cpu, u32 msr);

#endif /* SLAT_VMX_FEATURES_H */
