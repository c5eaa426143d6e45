/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A second statement of what module/vmx/features.c derives from its table: plain
 * code, feature by feature, with the numbers of the SDM.  The tests compare.
 */
#ifndef SLAT_SELFTESTS_FEATURES_SPEC_H
#define SLAT_SELFTESTS_FEATURES_SPEC_H

#include "vmx/features.h"

/* Numbers of X86_FEATURE_* and X86_BUG_* here. */
#define SPEC_NR_KEPT	(NR_CPUID_WORDS * 32)

struct spec_host {
	bool	kept[SPEC_NR_KEPT];
	u32	controls;
	u64	cr4;
	u64	xcr0;
	u32	cpuid_7_2_edx;
	u64	arch_caps;
	bool	gds_mitigated;
};

/* The leaves of a CPUID that hold feature bits or components. */
enum spec_leaf {
	LEAF_1,
	LEAF_6,
	LEAF_7_0,
	LEAF_7_1,
	LEAF_7_2,
	LEAF_D_0,
	LEAF_D_1,
	LEAF_8000_0001,
	LEAF_8000_0008,
	NR_LEAVES,
};

enum { EAX, EBX, ECX, EDX };

struct spec_cpuid {
	u32	leaf[NR_LEAVES][4];
};

/* The leaf of a function and index, or NULL: not one of these. */
u32 *spec_leaf(struct spec_cpuid *cpuid, u32 function, u32 index);

/* What of a processor's own answer is offered. */
void spec_offer(const struct spec_host *host, const struct spec_cpuid *told,
		struct spec_cpuid *offered);

/* What a guest of the host can have at most; the signature and the address width are 0. */
struct slat_guest_cpu spec_host_cpu(const struct spec_host *host);

/* What a guest has whose client set that CPUID. */
struct slat_guest_cpu spec_guest_cpu(const struct spec_cpuid *cpuid,
				     const struct slat_guest_cpu *host);

bool spec_has_msr(const struct slat_guest_cpu *cpu, u32 msr);
u32 spec_controls(const struct slat_guest_cpu *cpu);
u64 spec_arch_caps(const struct spec_host *host);

#endif /* SLAT_SELFTESTS_FEATURES_SPEC_H */
