/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other side of the gate of module/vmx/features.h: the words of the kernel
 * that the table is written in.  What is architecture has its value by the SDM;
 * numbers of Linux for features are any that differ.  A build of the module checks
 * the table against Linux's own numbers (BUILD_BUG_ON_ZERO() in features.c).
 */
#ifndef SLAT_SELFTESTS_FEATURES_USER_H
#define SLAT_SELFTESTS_FEATURES_USER_H

#include <stdbool.h>
#include <stdint.h>

#include <asm/processor-flags.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define U16_MAX			UINT16_MAX
#define BIT(n)			(1ul << (n))
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define BUILD_BUG_ON_ZERO(e)	0

/* Words of X86_FEATURE_*, 32 to a word. */
enum {
	CPUID_1_EDX,
	CPUID_8000_0001_EDX,
	CPUID_1_ECX,
	CPUID_8000_0001_ECX,
	CPUID_7_0_EBX,
	CPUID_D_1_EAX,
	CPUID_7_1_EAX,
	CPUID_6_EAX,
	CPUID_7_ECX,
	CPUID_7_EDX,
	CPUID_OWN,		/* those of Linux that are no bit of CPUID */
	CPUID_8000_0008_EBX,
	CPUID_BUGS,
	CPUID_MORE_BUGS,
	NR_CPUID_WORDS,
};

#define X86_FEATURE_TSC			(CPUID_1_EDX * 32 + 4)
#define X86_FEATURE_MCE			(CPUID_1_EDX * 32 + 7)
#define X86_FEATURE_RTM			(CPUID_7_0_EBX * 32 + 11)
#define X86_FEATURE_PKU			(CPUID_7_ECX * 32 + 3)
#define X86_FEATURE_OSPKE		(CPUID_7_ECX * 32 + 4)
#define X86_FEATURE_SPEC_CTRL_SSBD	(CPUID_7_EDX * 32 + 31)
#define X86_FEATURE_MSR_SPEC_CTRL	(CPUID_OWN * 32 + 16)
#define X86_FEATURE_IBRS		(CPUID_OWN * 32 + 25)
#define X86_FEATURE_IBPB		(CPUID_OWN * 32 + 26)
#define X86_FEATURE_STIBP		(CPUID_OWN * 32 + 27)
#define X86_BUG_CPU_MELTDOWN		(CPUID_BUGS * 32 + 14)
#define X86_BUG_SPEC_STORE_BYPASS	(CPUID_BUGS * 32 + 17)
#define X86_BUG_MDS			(CPUID_BUGS * 32 + 19)
#define X86_BUG_TAA			(CPUID_BUGS * 32 + 22)
#define X86_BUG_GDS			(CPUID_BUGS * 32 + 30)
#define X86_BUG_RFDS			(CPUID_MORE_BUGS * 32 + 2)
#define X86_BUG_ITS			(CPUID_MORE_BUGS * 32 + 5)

#define EFER_SCE	BIT(0)
#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)
#define EFER_NX		BIT(11)

#define XFEATURE_MASK_FP	BIT(0)
#define XFEATURE_MASK_SSE	BIT(1)
#define XFEATURE_MASK_YMM	BIT(2)
#define XFEATURE_MASK_AVX512	(BIT(5) | BIT(6) | BIT(7))
#define XFEATURE_MASK_PKRU	BIT(9)

#define SECONDARY_EXEC_DESC		BIT(2)
#define SECONDARY_EXEC_ENABLE_RDTSCP	BIT(3)
#define SECONDARY_EXEC_ENABLE_INVPCID	BIT(12)
#define SLAT_SECONDARY_XSAVES		BIT(20)

#define MSR_IA32_TSC_ADJUST		0x3b
#define MSR_IA32_SPEC_CTRL		0x48
#define MSR_IA32_PRED_CMD		0x49
#define MSR_IA32_ARCH_CAPABILITIES	0x10a
#define MSR_IA32_FLUSH_CMD		0x10b
#define MSR_IA32_XSS			0xda0
#define MSR_TSC_AUX			0xc0000103

#define SPEC_CTRL_IBRS	BIT(0)
#define SPEC_CTRL_STIBP	BIT(1)
#define SPEC_CTRL_SSBD	BIT(2)

#define ARCH_CAP_RDCL_NO		BIT(0)
#define ARCH_CAP_IBRS_ALL		BIT(1)
#define ARCH_CAP_RSBA			BIT(2)
#define ARCH_CAP_SKIP_VMENTRY_L1DFLUSH	BIT(3)
#define ARCH_CAP_SSB_NO			BIT(4)
#define ARCH_CAP_MDS_NO			BIT(5)
#define ARCH_CAP_PSCHANGE_MC_NO		BIT(6)
#define ARCH_CAP_TAA_NO			BIT(8)
#define ARCH_CAP_SBDR_SSDP_NO		BIT(13)
#define ARCH_CAP_FBSDP_NO		BIT(14)
#define ARCH_CAP_PSDP_NO		BIT(15)
#define ARCH_CAP_FB_CLEAR		BIT(17)
#define ARCH_CAP_RRSBA			BIT(19)
#define ARCH_CAP_BHI_NO			BIT(20)
#define ARCH_CAP_PBRSB_NO		BIT(24)
#define ARCH_CAP_GDS_NO			BIT(26)
#define ARCH_CAP_RFDS_NO		BIT(27)
#define ARCH_CAP_RFDS_CLEAR		BIT(28)
#define ARCH_CAP_ITS_NO			BIT(62)

#endif /* SLAT_SELFTESTS_FEATURES_USER_H */
