// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the guest's processor: one row a feature, with its bit of CPUID,
 * what it needs of the host and what it allows a guest.  A feature is offered
 * where the host kernel kept it, VMX can carry it out, and nothing that the
 * guest would need for it lacks.  Called by caps.c at module load, by
 * vcpu/cpuid.c and vcpu.c when a client sets a CPUID, and by msr.c.  No state,
 * any context.
 *
 * A guest may have less than the host by its client's CPUID, never more.
 */
#include "features.h"

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/kernel.h>

#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "compat.h"
#endif

const struct slat_cpuid_place slat_cpuid_places[SLAT_NR_CPUID_WORDS] = {
	[SLAT_CPUID_1_ECX] = { 1, 0, 2 },
	[SLAT_CPUID_1_EDX] = { 1, 0, 3 },
	[SLAT_CPUID_6_EAX] = { 6, 0, 0 },
	[SLAT_CPUID_7_0_EBX] = { 7, 0, 1 },
	[SLAT_CPUID_7_ECX] = { 7, 0, 2 },
	[SLAT_CPUID_7_EDX] = { 7, 0, 3 },
	[SLAT_CPUID_7_1_EAX] = { 7, 1, 0 },
	[SLAT_CPUID_7_1_EDX] = { 7, 1, 3 },
	[SLAT_CPUID_7_2_EDX] = { 7, 2, 3 },
	[SLAT_CPUID_D_1_EAX] = { 0xd, 1, 0 },
	[SLAT_CPUID_8000_0001_ECX] = { 0x80000001, 0, 2 },
	[SLAT_CPUID_8000_0001_EDX] = { 0x80000001, 0, 3 },
	[SLAT_CPUID_8000_0008_EBX] = { 0x80000008, 0, 1 },
};

/**
 * struct feature - a feature that is more than instructions: a row of the table
 * @bit:	of CPUID, as a mask; two rows may share one, which is offered where
 *		both are there
 * @word:	enum slat_cpuid_word
 * @clients:	never offered, but a client may give it to a guest
 * @host:	X86_FEATURE_* that the host kernel must have kept, all of them; 0: none
 *		(a bit of CPUID(7).2 must besides be the processor's own)
 * @control:	secondary control that a guest needs to have it
 * @instead:	secondary control whose exits stand in for a host that lacks it
 * @cpu:	SLAT_CPU_* bit that says that a guest has it
 * @msr:	exists where this row, or another one of the same MSR, is there
 * @cr4:	CR4 bit that it allows; VMX operation must allow it too
 * @efer:	EFER bits that it allows
 * @xcr0:	components of the host's XCR0 that can be offered with it; which of
 *		them a guest has is said by leaf 0xd alone, as in KVM
 * @spec_ctrl:	IA32_SPEC_CTRL bits that it allows
 */
struct feature {
	u32	bit;
	u8	word;
	bool	clients;
	u16	host[2];
	u32	control;
	u32	instead;
	u32	cpu;
	u32	msr;
	u64	cr4;
	u64	efer;
	u64	xcr0;
	u64	spec_ctrl;
};

/* Where the bit is, by the SDM; the kernel's number of the feature must say the same. */
#define AT(word_, nr, name) \
	.word = SLAT_CPUID_##word_, \
	.bit = BIT(nr) + BUILD_BUG_ON_ZERO(X86_FEATURE_##name != CPUID_##word_ * 32 + (nr))

/* The same for one that is there where the host kernel kept that very bit. */
#define KEPT(word_, nr, name) \
	AT(word_, nr, name), .host = { CPUID_##word_ * 32 + (nr) }

/* One of a word that the kernel does not keep, or only in part and elsewhere. */
#define UNKEPT(word_, nr, name) \
	.word = SLAT_CPUID_##word_, .bit = BIT(nr)

/* Bits of IA32_SPEC_CTRL with a bit of CPUID(7).2 each, or for two of them. */
#define SPEC_IPRED_DIS_U	BIT(3)
#define SPEC_IPRED_DIS_S	BIT(4)
#define SPEC_RRSBA_DIS_U	BIT(5)
#define SPEC_RRSBA_DIS_S	BIT(6)
#define SPEC_PSFD		BIT(7)
#define SPEC_DDPD_U		BIT(8)
#define SPEC_BHI_DIS_S		BIT(10)

#define SPEC_CTRL(bits) \
	.host = { X86_FEATURE_MSR_SPEC_CTRL }, .spec_ctrl = bits, .msr = MSR_IA32_SPEC_CTRL

/* Only states without XFD: no AMX. */
#define XCR0_XSAVE	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | \
			 XFEATURE_MASK_AVX512)

static const struct feature features[] = {
	{ KEPT(1_ECX, 17, PCID), .cr4 = X86_CR4_PCIDE },
	{ KEPT(1_ECX, 26, XSAVE), .cpu = SLAT_CPU_XSAVE, .cr4 = X86_CR4_OSXSAVE,
	  .xcr0 = XCR0_XSAVE },
	{ KEPT(D_1_EAX, 3, XSAVES), .cpu = SLAT_CPU_XSAVES, .control = SLAT_SECONDARY_XSAVES,
	  .msr = MSR_IA32_XSS },
	{ AT(7_ECX, 3, PKU), .host = { X86_FEATURE_PKU, X86_FEATURE_OSPKE }, .cr4 = X86_CR4_PKE,
	  .xcr0 = XFEATURE_MASK_PKRU },

	{ KEPT(7_0_EBX, 0, FSGSBASE), .cr4 = X86_CR4_FSGSBASE },
	{ KEPT(7_0_EBX, 7, SMEP), .cr4 = X86_CR4_SMEP },
	{ KEPT(7_0_EBX, 20, SMAP), .cr4 = X86_CR4_SMAP },
	{ KEPT(7_ECX, 2, UMIP), .cr4 = X86_CR4_UMIP, .instead = SECONDARY_EXEC_DESC },

	/* KVM, too, lets a guest set SCE whose CPUID has no SYSCALL. */
	{ KEPT(8000_0001_EDX, 11, SYSCALL), .efer = EFER_SCE },
	{ KEPT(8000_0001_EDX, 20, NX), .efer = EFER_NX },
	{ KEPT(8000_0001_EDX, 29, LM), .efer = EFER_LME | EFER_LMA },
	{ KEPT(8000_0001_EDX, 26, GBPAGES), .cpu = SLAT_CPU_GBPAGES },

	{ KEPT(8000_0001_EDX, 27, RDTSCP), .cpu = SLAT_CPU_RDTSCP,
	  .control = SECONDARY_EXEC_ENABLE_RDTSCP, .msr = MSR_TSC_AUX },
	{ KEPT(7_ECX, 22, RDPID), .cpu = SLAT_CPU_RDPID,
	  .control = SECONDARY_EXEC_ENABLE_RDTSCP, .msr = MSR_TSC_AUX },
	{ KEPT(7_0_EBX, 10, INVPCID), .cpu = SLAT_CPU_INVPCID,
	  .control = SECONDARY_EXEC_ENABLE_INVPCID },
	/* Made of the TSC offset: the host needs no such MSR. */
	{ AT(7_0_EBX, 1, TSC_ADJUST), .host = { X86_FEATURE_TSC }, .cpu = SLAT_CPU_TSC_ADJUST,
	  .msr = MSR_IA32_TSC_ADJUST },

	/* IBRS and IBPB share a bit of Intel's CPUID; Linux has a number for each. */
	{ AT(7_EDX, 26, SPEC_CTRL), .host = { X86_FEATURE_IBRS, X86_FEATURE_MSR_SPEC_CTRL },
	  .spec_ctrl = SPEC_CTRL_IBRS, .msr = MSR_IA32_SPEC_CTRL },
	{ AT(7_EDX, 26, SPEC_CTRL), .host = { X86_FEATURE_IBPB }, .cpu = SLAT_CPU_IBPB,
	  .msr = MSR_IA32_PRED_CMD },
	{ AT(7_EDX, 27, INTEL_STIBP), .host = { X86_FEATURE_STIBP, X86_FEATURE_MSR_SPEC_CTRL },
	  .spec_ctrl = SPEC_CTRL_STIBP, .msr = MSR_IA32_SPEC_CTRL },
	{ AT(7_EDX, 31, SPEC_CTRL_SSBD),
	  .host = { X86_FEATURE_SPEC_CTRL_SSBD, X86_FEATURE_MSR_SPEC_CTRL },
	  .spec_ctrl = SPEC_CTRL_SSBD, .msr = MSR_IA32_SPEC_CTRL },
	{ KEPT(7_EDX, 28, FLUSH_L1D), .cpu = SLAT_CPU_FLUSH_L1D, .msr = MSR_IA32_FLUSH_CMD },
	/* Composed here: the host may have none, and know all the same what it is not prone to. */
	{ AT(7_EDX, 29, ARCH_CAPABILITIES), .cpu = SLAT_CPU_ARCH_CAPS,
	  .msr = MSR_IA32_ARCH_CAPABILITIES },

	{ UNKEPT(7_2_EDX, 0, PSFD), SPEC_CTRL(SPEC_PSFD) },
	{ UNKEPT(7_2_EDX, 1, IPRED_CTRL), SPEC_CTRL(SPEC_IPRED_DIS_U | SPEC_IPRED_DIS_S) },
	{ UNKEPT(7_2_EDX, 2, RRSBA_CTRL), SPEC_CTRL(SPEC_RRSBA_DIS_U | SPEC_RRSBA_DIS_S) },
	{ UNKEPT(7_2_EDX, 3, DDPD_U), SPEC_CTRL(SPEC_DDPD_U) },
	{ UNKEPT(7_2_EDX, 4, BHI_CTRL), SPEC_CTRL(SPEC_BHI_DIS_S) },

	/* The banks are emulated, and the MSRs are there for every guest, as KVM's. */
	{ KEPT(1_EDX, 7, MCE) },
	{ AT(1_EDX, 14, MCA), .host = { X86_FEATURE_MCE } },

	/*
	 * The APIC is the client's to emulate; nothing here stands against it, and
	 * its timer runs in every C-state.  MTRRs are kept for the guest, and all
	 * of its memory is write-back.
	 */
	{ AT(1_EDX, 9, APIC) },
	{ AT(6_EAX, 2, ARAT) },
	{ AT(1_EDX, 12, MTRR) },
	{ AT(1_ECX, 31, HYPERVISOR) },

	/* Not offered. Given by the client, it is a bit of IA32_APIC_BASE. */
	{ AT(1_ECX, 21, X2APIC), .clients = true, .cpu = SLAT_CPU_X2APIC },
};

/*
 * Instructions and facts that nothing here must carry out: handed on as the
 * processor says it, where the host kernel kept the bit.
 */
struct passed {
	u32	bit;
	u8	word;
	u16	host;
};

#define PASSED(word_, nr, name) \
	{ AT(word_, nr, name), .host = CPUID_##word_ * 32 + (nr) }

/* Of a word that the kernel does not keep: what the processor says is all there is. */
#define NOT_KEPT	U16_MAX
#define TOLD(word_, nr, name) \
	{ UNKEPT(word_, nr, name), .host = NOT_KEPT }

static const struct passed passed[] = {
	PASSED(1_ECX, 0, XMM3),
	PASSED(1_ECX, 1, PCLMULQDQ),
	PASSED(1_ECX, 9, SSSE3),
	PASSED(1_ECX, 12, FMA),
	PASSED(1_ECX, 13, CX16),
	PASSED(1_ECX, 19, XMM4_1),
	PASSED(1_ECX, 20, XMM4_2),
	PASSED(1_ECX, 22, MOVBE),
	PASSED(1_ECX, 23, POPCNT),
	PASSED(1_ECX, 25, AES),
	PASSED(1_ECX, 28, AVX),
	PASSED(1_ECX, 29, F16C),
	PASSED(1_ECX, 30, RDRAND),

	PASSED(1_EDX, 0, FPU),
	PASSED(1_EDX, 1, VME),
	PASSED(1_EDX, 2, DE),
	PASSED(1_EDX, 3, PSE),
	PASSED(1_EDX, 4, TSC),
	PASSED(1_EDX, 5, MSR),
	PASSED(1_EDX, 6, PAE),
	PASSED(1_EDX, 8, CX8),
	PASSED(1_EDX, 11, SEP),
	PASSED(1_EDX, 13, PGE),
	PASSED(1_EDX, 15, CMOV),
	PASSED(1_EDX, 16, PAT),
	PASSED(1_EDX, 17, PSE36),
	PASSED(1_EDX, 19, CLFLUSH),
	PASSED(1_EDX, 23, MMX),
	PASSED(1_EDX, 24, FXSR),
	PASSED(1_EDX, 25, XMM),
	PASSED(1_EDX, 26, XMM2),
	PASSED(1_EDX, 27, SELFSNOOP),

	PASSED(7_0_EBX, 3, BMI1),
	PASSED(7_0_EBX, 4, HLE),
	PASSED(7_0_EBX, 5, AVX2),
	PASSED(7_0_EBX, 6, FDP_EXCPTN_ONLY),
	PASSED(7_0_EBX, 8, BMI2),
	PASSED(7_0_EBX, 9, ERMS),
	PASSED(7_0_EBX, 11, RTM),
	PASSED(7_0_EBX, 13, ZERO_FCS_FDS),
	PASSED(7_0_EBX, 16, AVX512F),
	PASSED(7_0_EBX, 17, AVX512DQ),
	PASSED(7_0_EBX, 18, RDSEED),
	PASSED(7_0_EBX, 19, ADX),
	PASSED(7_0_EBX, 21, AVX512IFMA),
	PASSED(7_0_EBX, 23, CLFLUSHOPT),
	PASSED(7_0_EBX, 24, CLWB),
	PASSED(7_0_EBX, 26, AVX512PF),
	PASSED(7_0_EBX, 27, AVX512ER),
	PASSED(7_0_EBX, 28, AVX512CD),
	PASSED(7_0_EBX, 29, SHA_NI),
	PASSED(7_0_EBX, 30, AVX512BW),
	PASSED(7_0_EBX, 31, AVX512VL),

	PASSED(7_ECX, 1, AVX512VBMI),
	PASSED(7_ECX, 6, AVX512_VBMI2),
	PASSED(7_ECX, 8, GFNI),
	PASSED(7_ECX, 9, VAES),
	PASSED(7_ECX, 10, VPCLMULQDQ),
	PASSED(7_ECX, 11, AVX512_VNNI),
	PASSED(7_ECX, 12, AVX512_BITALG),
	PASSED(7_ECX, 14, AVX512_VPOPCNTDQ),
	PASSED(7_ECX, 25, CLDEMOTE),
	PASSED(7_ECX, 27, MOVDIRI),
	PASSED(7_ECX, 28, MOVDIR64B),

	PASSED(7_EDX, 2, AVX512_4VNNIW),
	PASSED(7_EDX, 3, AVX512_4FMAPS),
	PASSED(7_EDX, 4, FSRM),
	PASSED(7_EDX, 8, AVX512_VP2INTERSECT),
	PASSED(7_EDX, 10, MD_CLEAR),
	PASSED(7_EDX, 14, SERIALIZE),
	PASSED(7_EDX, 16, TSXLDTRK),
	PASSED(7_EDX, 23, AVX512_FP16),

	PASSED(7_1_EAX, 4, AVX_VNNI),
	PASSED(7_1_EAX, 5, AVX512_BF16),
	PASSED(7_1_EAX, 7, CMPCCXADD),
	PASSED(7_1_EAX, 10, FZRM),
	PASSED(7_1_EAX, 11, FSRS),
	PASSED(7_1_EAX, 12, FSRC),
	PASSED(7_1_EAX, 23, AVX_IFMA),

	TOLD(7_1_EDX, 4, AVX_VNNI_INT8),
	TOLD(7_1_EDX, 5, AVX_NE_CONVERT),
	TOLD(7_1_EDX, 14, PREFETCHITI),

	TOLD(7_2_EDX, 5, MCDT_NO),

	PASSED(D_1_EAX, 0, XSAVEOPT),
	PASSED(D_1_EAX, 1, XSAVEC),
	PASSED(D_1_EAX, 2, XGETBV1),

	PASSED(8000_0001_ECX, 0, LAHF_LM),
	PASSED(8000_0001_ECX, 5, ABM),
	PASSED(8000_0001_ECX, 8, 3DNOWPREFETCH),

	PASSED(8000_0008_EBX, 9, WBNOINVD),
};

/* CR4 bits that no CPUID bit takes away, as in KVM. */
#define CR4_ALWAYS	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | \
			 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/* Bits of IA32_ARCH_CAPABILITIES that tell a guest the truth. */
#define ARCH_CAPS_PASSED	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA | \
				 ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO | \
				 ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | \
				 ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | \
				 ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | \
				 ARCH_CAP_FB_CLEAR | ARCH_CAP_RRSBA | \
				 ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | \
				 ARCH_CAP_RFDS_NO | ARCH_CAP_RFDS_CLEAR | \
				 ARCH_CAP_BHI_NO | ARCH_CAP_ITS_NO)

/* What the host kernel knows of a processor that has no bit to say it. */
static const struct {
	u16	bug;
	u64	absent;
} arch_caps_known[] = {
	{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
	{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
	{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
	{ X86_BUG_TAA, ARCH_CAP_TAA_NO },
	{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
	{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO },
	{ X86_BUG_ITS, ARCH_CAP_ITS_NO },
};

u64 slat_features_arch_caps(const struct slat_feature_host *host)
{
	u64 data = host->arch_caps & ARCH_CAPS_PASSED;
	unsigned int i;

	/* No executable huge page is ever mapped on an affected CPU. */
	data |= ARCH_CAP_PSCHANGE_MC_NO;
	if (host->gds_mitigated)
		data |= ARCH_CAP_GDS_NO;

	for (i = 0; i < ARRAY_SIZE(arch_caps_known); i++)
		if (!host->has(arch_caps_known[i].bug))
			data |= arch_caps_known[i].absent;
	/*
	 * A guest without RTM has no need to ask, and finds the same value where
	 * the host's kernel turned TSX off.
	 */
	if (!host->has(X86_FEATURE_RTM))
		data &= ~(u64)ARCH_CAP_TAA_NO;
	return data;
}

static bool feature_is_there(const struct feature *f, const struct slat_feature_host *host)
{
	unsigned int i;

	if (f->instead & host->controls)
		return true;
	for (i = 0; i < ARRAY_SIZE(f->host); i++)
		if (f->host[i] && !host->has(f->host[i]))
			return false;
	if (f->word == SLAT_CPUID_7_2_EDX && !(host->cpuid_7_2_edx & f->bit))
		return false;
	return !f->clients && !(f->control & ~host->controls) && !(f->cr4 & ~host->cr4);
}

static void cpu_add(struct slat_guest_cpu *cpu, const struct feature *f)
{
	cpu->cr4_valid |= f->cr4;
	cpu->efer_valid |= f->efer;
	cpu->xcr0_valid |= f->xcr0;
	cpu->spec_ctrl_valid |= f->spec_ctrl;
	cpu->features |= f->cpu;
}

/* Without the instructions there is no state for them. */
static void cpu_drop_states(struct slat_guest_cpu *cpu)
{
	if (!(cpu->features & SLAT_CPU_XSAVE))
		cpu->xcr0_valid = 0;
	if (!(cpu->features & SLAT_CPU_XSAVES))
		cpu->xss_valid = 0;
}

void slat_features_host(const struct slat_feature_host *host, struct slat_guest_cpu *cpu,
			struct slat_cpuid_offer offer[SLAT_NR_CPUID_WORDS])
{
	u32 lacking[SLAT_NR_CPUID_WORDS] = {};
	unsigned int i;

	for (i = 0; i < SLAT_NR_CPUID_WORDS; i++)
		offer[i] = (struct slat_cpuid_offer) {};
	/* A host that runs this is in long mode, whatever its command line hides. */
	*cpu = (struct slat_guest_cpu) {
		.cr4_valid = CR4_ALWAYS & host->cr4,
		.efer_valid = EFER_LME | EFER_LMA,
	};
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		if (feature_is_there(f, host)) {
			cpu_add(cpu, f);
			offer[f->word].decided |= f->bit;
		} else {
			lacking[f->word] |= f->bit;
		}
	}
	cpu->xcr0_valid &= host->xcr0;
	cpu_drop_states(cpu);
	for (i = 0; i < SLAT_NR_CPUID_WORDS; i++)
		offer[i].decided &= ~lacking[i];
	for (i = 0; i < ARRAY_SIZE(passed); i++)
		if (passed[i].host == NOT_KEPT || host->has(passed[i].host))
			offer[passed[i].word].passed |= passed[i].bit;
}

/* What a guest may have though the host's offer lacks it. */
static u32 clients_features(void)
{
	u32 bits = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].clients)
			bits |= features[i].cpu;
	return bits;
}

void slat_features_limit(struct slat_guest_cpu *cpu, const struct slat_guest_cpu *host)
{
	cpu->cr4_valid &= host->cr4_valid;
	cpu->efer_valid &= host->efer_valid;
	cpu->xcr0_valid &= host->xcr0_valid;
	cpu->xss_valid &= host->xss_valid;
	cpu->spec_ctrl_valid &= host->spec_ctrl_valid;
	cpu->features &= host->features | clients_features();
	cpu_drop_states(cpu);
}

void slat_features_guest(const struct slat_guest_cpuid *cpuid,
			 const struct slat_guest_cpu *host, struct slat_guest_cpu *cpu)
{
	unsigned int i;

	*cpu = (struct slat_guest_cpu) {
		.cr4_valid = CR4_ALWAYS,
		.efer_valid = EFER_SCE,
	};
	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (cpuid->word[features[i].word] & features[i].bit)
			cpu_add(cpu, &features[i]);
	cpu->xcr0_valid = cpuid->xcr0;
	cpu->xss_valid = cpuid->xss;
	slat_features_limit(cpu, host);
}

u32 slat_features_controls(u32 cpu_features)
{
	u32 controls = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].cpu & cpu_features)
			controls |= features[i].control;
	return controls;
}

bool slat_features_msr(const struct slat_guest_cpu *cpu, u32 msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		if (f->msr == msr &&
		    (f->cpu & cpu->features || f->spec_ctrl & cpu->spec_ctrl_valid))
			return true;
	}
	return false;
}
