// SPDX-License-Identifier: GPL-2.0
/*
 * See spec.h.  Bits are numbers of the SDM (volume 2, CPUID; volume 3, control
 * registers, XCR0, VM-execution controls; volume 4, MSRs), so that a slip in the
 * table or in the words that it is written in is seen.
 */
#include <stddef.h>

#include "spec.h"

static u64 bit(unsigned int nr)
{
	return 1ull << nr;
}

u32 *spec_leaf(struct spec_cpuid *cpuid, u32 function, u32 index)
{
	switch (function) {
	case 1:
		return cpuid->leaf[LEAF_1];
	case 6:
		return cpuid->leaf[LEAF_6];
	case 7:
		return index > 2 ? NULL : cpuid->leaf[LEAF_7_0 + index];
	case 0xd:
		return index > 1 ? NULL : cpuid->leaf[index ? LEAF_D_1 : LEAF_D_0];
	case 0x80000001:
		return cpuid->leaf[LEAF_8000_0001];
	case 0x80000008:
		return cpuid->leaf[LEAF_8000_0008];
	}
	return NULL;
}

static bool kept(const struct spec_host *host, unsigned int word, unsigned int nr)
{
	return host->kept[word * 32 + nr];
}

/* Features that are instructions alone, by word. */
static const struct {
	u8	leaf, reg, kept;
	u32	bits;
} instructions[] = {
	{ LEAF_1, ECX, CPUID_1_ECX, 0x72d83203 },
	{ LEAF_1, EDX, CPUID_1_EDX, 0x0f8ba97f },
	{ LEAF_7_0, EBX, CPUID_7_0_EBX, 0xfdaf2b78 },
	{ LEAF_7_0, ECX, CPUID_7_ECX, 0x1a005f42 },
	{ LEAF_7_0, EDX, CPUID_7_EDX, 0x0081451c },
	{ LEAF_7_1, EAX, CPUID_7_1_EAX, 0x00801cb0 },
	{ LEAF_D_1, EAX, CPUID_D_1_EAX, 0x00000007 },
	{ LEAF_8000_0001, ECX, CPUID_8000_0001_ECX, 0x00000121 },
	{ LEAF_8000_0008, EBX, CPUID_8000_0008_EBX, 0x00000200 },
};

static void offer_instructions(const struct spec_host *host, const struct spec_cpuid *told,
			       struct spec_cpuid *offered)
{
	unsigned int i, nr;

	for (i = 0; i < ARRAY_SIZE(instructions); i++) {
		unsigned int leaf = instructions[i].leaf, reg = instructions[i].reg;

		for (nr = 0; nr < 32; nr++)
			if (instructions[i].bits & bit(nr) &&
			    kept(host, instructions[i].kept, nr))
				offered->leaf[leaf][reg] |= told->leaf[leaf][reg] & bit(nr);
	}
	/* What Linux keeps no word for is the processor's alone to say. */
	offered->leaf[LEAF_7_1][EDX] |= told->leaf[LEAF_7_1][EDX] & 0x00004030;
	offered->leaf[LEAF_7_2][EDX] |= told->leaf[LEAF_7_2][EDX] & 0x00000020;
}

static bool cr4_feature(const struct spec_host *host, unsigned int word, unsigned int nr,
			unsigned int cr4)
{
	return kept(host, word, nr) && host->cr4 & bit(cr4);
}

/* Descriptor-table exiting. */
static bool umip_by_exits(const struct spec_host *host)
{
	return host->controls & bit(2);
}

static bool control_feature(const struct spec_host *host, unsigned int word, unsigned int nr,
			    unsigned int control)
{
	return kept(host, word, nr) && host->controls & bit(control);
}

static bool spec_ctrl_feature(const struct spec_host *host, unsigned int word, unsigned int nr)
{
	return kept(host, word, nr) && kept(host, CPUID_OWN, 16);
}

static void offer_leaf_7(const struct spec_host *host, u32 *leaf)
{
	leaf[EBX] |= cr4_feature(host, CPUID_7_0_EBX, 0, 16) * bit(0);		/* FSGSBASE */
	leaf[EBX] |= kept(host, CPUID_1_EDX, 4) * bit(1);			/* TSC_ADJUST */
	leaf[EBX] |= cr4_feature(host, CPUID_7_0_EBX, 7, 20) * bit(7);		/* SMEP */
	leaf[EBX] |= control_feature(host, CPUID_7_0_EBX, 10, 12) * bit(10);	/* INVPCID */
	leaf[EBX] |= cr4_feature(host, CPUID_7_0_EBX, 20, 21) * bit(20);	/* SMAP */
	if (umip_by_exits(host) || cr4_feature(host, CPUID_7_ECX, 2, 11))
		leaf[ECX] |= bit(2);						/* UMIP */
	if (kept(host, CPUID_7_ECX, 3) && cr4_feature(host, CPUID_7_ECX, 4, 22))
		leaf[ECX] |= bit(3);						/* PKU */
	leaf[ECX] |= control_feature(host, CPUID_7_ECX, 22, 3) * bit(22);	/* RDPID */
	if (spec_ctrl_feature(host, CPUID_OWN, 25) && kept(host, CPUID_OWN, 26))
		leaf[EDX] |= bit(26);						/* IBRS, IBPB */
	leaf[EDX] |= spec_ctrl_feature(host, CPUID_OWN, 27) * bit(27);		/* STIBP */
	leaf[EDX] |= kept(host, CPUID_7_EDX, 28) * bit(28);			/* L1D_FLUSH */
	leaf[EDX] |= bit(29);							/* ARCH_CAPS */
	leaf[EDX] |= spec_ctrl_feature(host, CPUID_7_EDX, 31) * bit(31);	/* SSBD */
}

void spec_offer(const struct spec_host *host, const struct spec_cpuid *told,
		struct spec_cpuid *offered)
{
	u32 *leaf = offered->leaf[LEAF_1];

	*offered = (struct spec_cpuid) {};
	offer_instructions(host, told, offered);
	leaf[ECX] |= cr4_feature(host, CPUID_1_ECX, 17, 17) * bit(17);		/* PCID */
	leaf[ECX] |= cr4_feature(host, CPUID_1_ECX, 26, 18) * bit(26);		/* XSAVE */
	leaf[ECX] |= bit(31);							/* a hypervisor */
	leaf[EDX] |= bit(9) | bit(12);						/* APIC, MTRR */
	leaf[EDX] |= kept(host, CPUID_1_EDX, 7) * (bit(7) | bit(14));		/* MCE, MCA */
	offered->leaf[LEAF_6][EAX] = bit(2);					/* ARAT */
	offer_leaf_7(host, offered->leaf[LEAF_7_0]);
	if (kept(host, CPUID_OWN, 16))						/* IA32_SPEC_CTRL */
		offered->leaf[LEAF_7_2][EDX] |= host->cpuid_7_2_edx & 0x1f;
	offered->leaf[LEAF_D_1][EAX] |= control_feature(host, CPUID_D_1_EAX, 3, 20) * bit(3);
	leaf = offered->leaf[LEAF_8000_0001];
	leaf[EDX] |= kept(host, CPUID_8000_0001_EDX, 11) * bit(11);		/* SYSCALL */
	leaf[EDX] |= kept(host, CPUID_8000_0001_EDX, 20) * bit(20);		/* NX */
	leaf[EDX] |= kept(host, CPUID_8000_0001_EDX, 26) * bit(26);		/* 1 GiB pages */
	leaf[EDX] |= control_feature(host, CPUID_8000_0001_EDX, 27, 3) * bit(27); /* RDTSCP */
	leaf[EDX] |= kept(host, CPUID_8000_0001_EDX, 29) * bit(29);		/* long mode */
}

/* The bits of CR4 that need no feature: 0 to 10, up to OSXMMEXCPT. */
#define CR4_PLAIN	0x7ffull

static u64 cr4_of(const struct spec_cpuid *cpuid)
{
	const u32 *leaf1 = cpuid->leaf[LEAF_1], *leaf7 = cpuid->leaf[LEAF_7_0];
	u64 cr4 = CR4_PLAIN;

	if (leaf7[ECX] & bit(2))
		cr4 |= bit(11);
	if (leaf7[EBX] & bit(0))
		cr4 |= bit(16);
	if (leaf1[ECX] & bit(17))
		cr4 |= bit(17);
	if (leaf1[ECX] & bit(26))
		cr4 |= bit(18);
	if (leaf7[EBX] & bit(7))
		cr4 |= bit(20);
	if (leaf7[EBX] & bit(20))
		cr4 |= bit(21);
	if (leaf7[ECX] & bit(3))
		cr4 |= bit(22);
	return cr4;
}

static u32 features_of(const struct spec_cpuid *cpuid)
{
	const struct {
		u32 word, nr, feature;
	} bits[] = {
		{ cpuid->leaf[LEAF_1][ECX], 21, SLAT_CPU_X2APIC },
		{ cpuid->leaf[LEAF_1][ECX], 26, SLAT_CPU_XSAVE },
		{ cpuid->leaf[LEAF_7_0][EBX], 1, SLAT_CPU_TSC_ADJUST },
		{ cpuid->leaf[LEAF_7_0][EBX], 10, SLAT_CPU_INVPCID },
		{ cpuid->leaf[LEAF_7_0][ECX], 22, SLAT_CPU_RDPID },
		{ cpuid->leaf[LEAF_7_0][EDX], 26, SLAT_CPU_IBPB },
		{ cpuid->leaf[LEAF_7_0][EDX], 28, SLAT_CPU_FLUSH_L1D },
		{ cpuid->leaf[LEAF_7_0][EDX], 29, SLAT_CPU_ARCH_CAPS },
		{ cpuid->leaf[LEAF_D_1][EAX], 3, SLAT_CPU_XSAVES },
		{ cpuid->leaf[LEAF_8000_0001][EDX], 26, SLAT_CPU_GBPAGES },
		{ cpuid->leaf[LEAF_8000_0001][EDX], 27, SLAT_CPU_RDTSCP },
	};
	u32 features = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (bits[i].word & bit(bits[i].nr))
			features |= bits[i].feature;
	return features;
}

/* What each bit of a CPUID allows in IA32_SPEC_CTRL. */
static u64 spec_ctrl_of(const struct spec_cpuid *cpuid)
{
	const struct {
		u32 word, nr;
		u64 allowed;
	} bits[] = {
		{ cpuid->leaf[LEAF_7_0][EDX], 26, 0x001 },	/* IBRS */
		{ cpuid->leaf[LEAF_7_0][EDX], 27, 0x002 },	/* STIBP */
		{ cpuid->leaf[LEAF_7_0][EDX], 31, 0x004 },	/* SSBD */
		{ cpuid->leaf[LEAF_7_2][EDX], 0, 0x080 },	/* PSFD */
		{ cpuid->leaf[LEAF_7_2][EDX], 1, 0x018 },	/* IPRED_DIS_U and _S */
		{ cpuid->leaf[LEAF_7_2][EDX], 2, 0x060 },	/* RRSBA_DIS_U and _S */
		{ cpuid->leaf[LEAF_7_2][EDX], 3, 0x100 },	/* DDPD_U */
		{ cpuid->leaf[LEAF_7_2][EDX], 4, 0x400 },	/* BHI_DIS_S */
	};
	u64 valid = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (bits[i].word & bit(bits[i].nr))
			valid |= bits[i].allowed;
	return valid;
}

struct slat_guest_cpu spec_host_cpu(const struct spec_host *host)
{
	struct slat_guest_cpu cpu = {};
	struct spec_cpuid most;

	spec_offer(host, &(struct spec_cpuid) {}, &most);
	cpu.cr4_valid = cr4_of(&most) & (host->cr4 | umip_by_exits(host) * bit(11));
	cpu.features = features_of(&most);
	cpu.efer_valid = bit(8) | bit(10);
	if (most.leaf[LEAF_8000_0001][EDX] & bit(11))
		cpu.efer_valid |= bit(0);
	if (most.leaf[LEAF_8000_0001][EDX] & bit(20))
		cpu.efer_valid |= bit(11);
	if (cpu.features & SLAT_CPU_XSAVE)
		cpu.xcr0_valid = host->xcr0 & 0xe7;
	if (cpu.features & SLAT_CPU_XSAVE && cpu.cr4_valid & bit(22))
		cpu.xcr0_valid |= host->xcr0 & bit(9);
	cpu.spec_ctrl_valid = spec_ctrl_of(&most);
	/* Either half of the bit that IBRS and IBPB share can be had without the offer. */
	if (spec_ctrl_feature(host, CPUID_OWN, 25))
		cpu.spec_ctrl_valid |= bit(0);
	if (kept(host, CPUID_OWN, 26))
		cpu.features |= SLAT_CPU_IBPB;
	return cpu;
}

struct slat_guest_cpu spec_guest_cpu(const struct spec_cpuid *cpuid,
				     const struct slat_guest_cpu *host)
{
	const u32 *leaf81 = cpuid->leaf[LEAF_8000_0001];
	struct slat_guest_cpu cpu = {};

	cpu.cr4_valid = cr4_of(cpuid) & host->cr4_valid;
	cpu.features = features_of(cpuid) &
		       (host->features | SLAT_CPU_X2APIC);
	cpu.efer_valid = bit(0);
	if (leaf81[EDX] & bit(29))
		cpu.efer_valid |= bit(8) | bit(10);
	if (leaf81[EDX] & bit(20))
		cpu.efer_valid |= bit(11);
	cpu.efer_valid &= host->efer_valid;
	cpu.spec_ctrl_valid = spec_ctrl_of(cpuid) & host->spec_ctrl_valid;
	if (cpu.features & SLAT_CPU_XSAVE)
		cpu.xcr0_valid = host->xcr0_valid & (cpuid->leaf[LEAF_D_0][EAX] |
						     (u64)cpuid->leaf[LEAF_D_0][EDX] << 32);
	if (cpu.features & SLAT_CPU_XSAVES)
		cpu.xss_valid = host->xss_valid & (cpuid->leaf[LEAF_D_1][ECX] |
						   (u64)cpuid->leaf[LEAF_D_1][EDX] << 32);
	return cpu;
}

bool spec_has_msr(const struct slat_guest_cpu *cpu, u32 msr)
{
	switch (msr) {
	case 0x3b:
		return cpu->features & SLAT_CPU_TSC_ADJUST;
	case 0x48:
		return cpu->spec_ctrl_valid;
	case 0x49:
		return cpu->features & SLAT_CPU_IBPB;
	case 0x10a:
		return cpu->features & SLAT_CPU_ARCH_CAPS;
	case 0x10b:
		return cpu->features & SLAT_CPU_FLUSH_L1D;
	case 0xda0:
		return cpu->features & SLAT_CPU_XSAVES;
	case 0xc0000103:
		return cpu->features & (SLAT_CPU_RDTSCP | SLAT_CPU_RDPID);
	}
	return false;
}

u32 spec_controls(const struct slat_guest_cpu *cpu)
{
	u32 controls = 0;

	if (cpu->features & (SLAT_CPU_RDTSCP | SLAT_CPU_RDPID))
		controls |= bit(3);
	if (cpu->features & SLAT_CPU_INVPCID)
		controls |= bit(12);
	if (cpu->features & SLAT_CPU_XSAVES)
		controls |= bit(20);
	return controls;
}

u64 spec_arch_caps(const struct spec_host *host)
{
	/* 0 to 6 8 13 14 15 17 19 20 24 26 27 28 62; always 6 */
	u64 data = (host->arch_caps & 0x400000001d1ae17f) | bit(6);

	if (!kept(host, CPUID_BUGS, 14))
		data |= bit(0);
	if (!kept(host, CPUID_BUGS, 17))
		data |= bit(4);
	if (!kept(host, CPUID_BUGS, 19))
		data |= bit(5);
	/* TAA takes TSX, and so RTM. */
	if (!kept(host, CPUID_7_0_EBX, 11))
		data &= ~bit(8);
	else if (!kept(host, CPUID_BUGS, 22))
		data |= bit(8);
	if (!kept(host, CPUID_BUGS, 30) || host->gds_mitigated)
		data |= bit(26);
	if (!kept(host, CPUID_MORE_BUGS, 2))
		data |= bit(27);
	if (!kept(host, CPUID_MORE_BUGS, 5))
		data |= bit(62);
	return data;
}
