// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the VMX capability MSRs once at module load and turns them into the
 * control words of a VMCS, or says which capability lacks.  Required besides
 * EPT, VPID and unrestricted guest: virtual NMIs, MSR bitmaps, and EFER and PAT
 * switched by VM entry and exit.  Every processor with unrestricted guest has
 * them, so there is no second code path for their absence.
 */
#include "caps.h"

#include <linux/errno.h>
#include <linux/printk.h>

#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/processor.h>
#include <asm/vmx.h>

#include "compat.h"

static struct slat_caps slat_caps;

const struct slat_caps *slat_caps_get(void)
{
	return &slat_caps;
}

/* One control word: what must be on, what is taken if it is there. */
struct control {
	const char *name;
	u32 msr;
	u32 true_msr;
	u32 need;
	u32 want;
};

#define PIN_NEED	(PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING | \
			 PIN_BASED_VIRTUAL_NMIS)

#define PRIMARY_NEED	(CPU_BASED_USE_TSC_OFFSETTING | CPU_BASED_HLT_EXITING | \
			 CPU_BASED_MWAIT_EXITING | CPU_BASED_RDPMC_EXITING | \
			 CPU_BASED_CR8_LOAD_EXITING | \
			 CPU_BASED_CR8_STORE_EXITING | \
			 CPU_BASED_MOV_DR_EXITING | CPU_BASED_UNCOND_IO_EXITING | \
			 CPU_BASED_USE_MSR_BITMAPS | CPU_BASED_MONITOR_EXITING | \
			 CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)

/* Turned on and off while a guest runs; must be allowed, starts off. */
#define PRIMARY_TOGGLE	(CPU_BASED_INTR_WINDOW_EXITING | \
			 CPU_BASED_NMI_WINDOW_EXITING)

/* With EPT none of these may be forced on. */
#define PRIMARY_NEVER	(CPU_BASED_CR3_LOAD_EXITING | \
			 CPU_BASED_CR3_STORE_EXITING | \
			 CPU_BASED_INVLPG_EXITING)

#define SECONDARY_NEED	(SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID | \
			 SECONDARY_EXEC_UNRESTRICTED_GUEST | \
			 SECONDARY_EXEC_WBINVD_EXITING)

#define SECONDARY_OPT	(SECONDARY_EXEC_ENABLE_RDTSCP | \
			 SECONDARY_EXEC_ENABLE_INVPCID | SLAT_SECONDARY_XSAVES)

#define EXIT_NEED	(VM_EXIT_SAVE_DEBUG_CONTROLS | \
			 VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_SAVE_IA32_PAT | \
			 VM_EXIT_LOAD_IA32_PAT | VM_EXIT_SAVE_IA32_EFER | \
			 VM_EXIT_LOAD_IA32_EFER)

#define ENTRY_NEED	(VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_PAT | \
			 VM_ENTRY_LOAD_IA32_EFER)

/* The bits that may lack, by the names that the SDM gives them. */
struct bit_name {
	u32 bit;
	const char *name;
};

static const struct bit_name secondary_names[] = {
	{ SECONDARY_EXEC_ENABLE_EPT, "EPT" },
	{ SECONDARY_EXEC_ENABLE_VPID, "VPID" },
	{ SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ SECONDARY_EXEC_WBINVD_EXITING, "WBINVD exiting" },
};

static void control_explain(const struct control *ctl, u32 missing)
{
	unsigned int i;

	if (ctl->msr == MSR_IA32_VMX_PROCBASED_CTLS2) {
		for (i = 0; i < ARRAY_SIZE(secondary_names); i++)
			if (missing & secondary_names[i].bit)
				pr_err("slat: this CPU lacks %s\n",
				       secondary_names[i].name);
		return;
	}
	pr_err("slat: this CPU lacks VMX %s controls %#x\n", ctl->name, missing);
}

/* Value for one control word; 0 with *@err set if a needed bit lacks. */
static u32 control_adjust(const struct control *ctl, bool use_true, int *err)
{
	u64 msr = 0;
	u32 on, allowed, missing;

	if (rdmsrl_safe(use_true && ctl->true_msr ? ctl->true_msr : ctl->msr,
			&msr))
		msr = 0;
	on = msr;
	allowed = msr >> 32;
	missing = ctl->need & ~allowed;
	if (missing) {
		control_explain(ctl, missing);
		*err = -EOPNOTSUPP;
		return 0;
	}
	return ((ctl->need | ctl->want) & allowed) | on;
}

static int probe_vmx_present(void)
{
	u64 feat_ctl = 0;

	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		pr_err("slat: this CPU lacks VMX, or firmware disabled it\n");
		return -EOPNOTSUPP;
	}
	rdmsrl_safe(MSR_IA32_FEAT_CTL, &feat_ctl);
	if ((feat_ctl & (FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) !=
	    (FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		pr_err("slat: firmware lacks VMX: IA32_FEATURE_CONTROL is %#llx\n",
		       feat_ctl);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int probe_basic(struct slat_caps *caps, bool *use_true)
{
	u64 basic;

	if (rdmsrl_safe(MSR_IA32_VMX_BASIC, &basic)) {
		pr_err("slat: this CPU lacks IA32_VMX_BASIC\n");
		return -EOPNOTSUPP;
	}
	caps->basic = basic;
	caps->revision = basic & GENMASK(30, 0);
	*use_true = basic & BIT_ULL(55);
	if (((basic >> 32) & 0x1fff) > PAGE_SIZE) {
		pr_err("slat: VMCS region of this CPU is larger than a page\n");
		return -EOPNOTSUPP;
	}
	/* Bit 48: regions must lie below 4 GiB. 64-bit processors clear it. */
	if (basic & BIT_ULL(48) || ((basic >> 50) & 15) != 6) {
		pr_err("slat: this CPU lacks write-back VMCS memory\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int probe_controls(struct slat_caps *caps, bool use_true)
{
	static const struct control pin = {
		"pin-based", MSR_IA32_VMX_PINBASED_CTLS,
		MSR_IA32_VMX_TRUE_PINBASED_CTLS, PIN_NEED, 0 };
	static const struct control primary = {
		"primary", MSR_IA32_VMX_PROCBASED_CTLS,
		MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
		PRIMARY_NEED | PRIMARY_TOGGLE, 0 };
	static const struct control secondary = {
		"secondary", MSR_IA32_VMX_PROCBASED_CTLS2, 0, SECONDARY_NEED,
		SECONDARY_OPT | SECONDARY_EXEC_PAUSE_LOOP_EXITING |
		SECONDARY_EXEC_ENABLE_PML | SECONDARY_EXEC_ENCLS_EXITING };
	static const struct control vm_exit = {
		"exit", MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS,
		EXIT_NEED, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL };
	static const struct control vm_entry = {
		"entry", MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS,
		ENTRY_NEED, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL };
	int err = 0;

	caps->pin = control_adjust(&pin, use_true, &err);
	caps->primary = control_adjust(&primary, use_true, &err);
	if (err)
		return err;	/* the secondary MSR may not exist */
	caps->primary &= ~PRIMARY_TOGGLE;
	if (caps->primary & PRIMARY_NEVER) {
		pr_err("slat: this CPU lacks CR3 and INVLPG without exits\n");
		err = -EOPNOTSUPP;
	}
	caps->secondary = control_adjust(&secondary, use_true, &err);
	caps->vm_exit = control_adjust(&vm_exit, use_true, &err);
	caps->vm_entry = control_adjust(&vm_entry, use_true, &err);
	/*
	 * What could not be cleared would be an exit for which there is no
	 * handler, or a state switch that nobody fills in.
	 */
	caps->secondary_opt = caps->secondary & SECONDARY_OPT;
	caps->has_encls = caps->secondary & SECONDARY_EXEC_ENCLS_EXITING;
	caps->has_ple = caps->secondary & SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	caps->pub.pml = caps->secondary & SECONDARY_EXEC_ENABLE_PML;
	caps->secondary &= ~(SECONDARY_OPT | SECONDARY_EXEC_ENABLE_PML);
	return err;
}

static int probe_ept(struct slat_caps *caps)
{
	u64 cap = 0;
	u64 need = VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT |
		   VMX_EPT_INVEPT_BIT | VMX_EPT_EXTENT_GLOBAL_BIT;

	rdmsrl_safe(MSR_IA32_VMX_EPT_VPID_CAP, &cap);
	if ((cap & need) != need) {
		pr_err("slat: this CPU lacks EPT with 4 levels, write-back tables and INVEPT (EPT capabilities %#llx)\n",
		       cap);
		return -EOPNOTSUPP;
	}
	if (!(cap >> 32 & VMX_VPID_INVVPID_BIT) ||
	    !(cap >> 32 & VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT)) {
		pr_err("slat: this CPU lacks INVVPID\n");
		return -EOPNOTSUPP;
	}
	caps->ept_vpid = cap;
	caps->pub.ept_ad = cap & VMX_EPT_AD_BIT;
	caps->pub.ept_2m = cap & VMX_EPT_2MB_PAGE_BIT;
	caps->pub.ept_1g = cap & VMX_EPT_1GB_PAGE_BIT;
	caps->pub.ept_exec_only = cap & VMX_EPT_EXECUTE_ONLY_BIT;
	caps->pub.pml &= caps->pub.ept_ad;
	caps->invept_single = cap & VMX_EPT_EXTENT_CONTEXT_BIT ?
			      VMX_EPT_EXTENT_CONTEXT : VMX_EPT_EXTENT_GLOBAL;
	caps->invvpid_single =
		cap >> 32 & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT ?
		VMX_VPID_EXTENT_SINGLE_CONTEXT : VMX_VPID_EXTENT_ALL_CONTEXT;
	return 0;
}

/* CR0 and CR4 bits that a guest may flip unseen, if the hardware lets it. */
#define CR0_OWNED	(X86_CR0_TS | X86_CR0_WP | X86_CR0_AM | X86_CR0_MP | \
			 X86_CR0_EM)
#define CR4_OWNED	(X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PCE | \
			 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_PGE | \
			 X86_CR4_FSGSBASE | X86_CR4_SMEP | X86_CR4_SMAP)

static void probe_fixed(struct slat_caps *caps)
{
	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, caps->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED1, caps->cr0_fixed1);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, caps->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, caps->cr4_fixed1);
	/* Unrestricted guest frees these two. */
	caps->cr0_fixed0 &= ~(u64)(X86_CR0_PE | X86_CR0_PG);
	caps->cr0_owned = CR0_OWNED & caps->cr0_fixed1 & ~caps->cr0_fixed0;
	caps->cr4_owned = CR4_OWNED & caps->cr4_fixed1 & ~caps->cr4_fixed0;
}

struct feature_bit {
	u16 feature;
	u64 bit;
};

static u64 feature_mask(const struct feature_bit *map, unsigned int n)
{
	u64 mask = 0;

	while (n--)
		if (boot_cpu_has(map[n].feature))
			mask |= map[n].bit;
	return mask;
}

static u64 guest_cr4(const struct slat_caps *caps)
{
	static const struct feature_bit map[] = {
		{ X86_FEATURE_UMIP, X86_CR4_UMIP },
		{ X86_FEATURE_FSGSBASE, X86_CR4_FSGSBASE },
		{ X86_FEATURE_PCID, X86_CR4_PCIDE },
		{ X86_FEATURE_XSAVE, X86_CR4_OSXSAVE },
		{ X86_FEATURE_SMEP, X86_CR4_SMEP },
		{ X86_FEATURE_SMAP, X86_CR4_SMAP },
		{ X86_FEATURE_OSPKE, X86_CR4_PKE },
	};
	u64 cr4 = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE |
		  X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |
		  X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;

	return (cr4 | feature_mask(map, ARRAY_SIZE(map))) & caps->cr4_fixed1;
}

static u32 guest_features(const struct slat_caps *caps)
{
	static const struct feature_bit map[] = {
		{ X86_FEATURE_LM, SLAT_CPU_LM },
		{ X86_FEATURE_NX, SLAT_CPU_NX },
		{ X86_FEATURE_SYSCALL, SLAT_CPU_SYSCALL },
		{ X86_FEATURE_RDTSCP, SLAT_CPU_RDTSCP },
		{ X86_FEATURE_RDPID, SLAT_CPU_RDPID },
		{ X86_FEATURE_INVPCID, SLAT_CPU_INVPCID },
		{ X86_FEATURE_XSAVE, SLAT_CPU_XSAVE },
		{ X86_FEATURE_XSAVES, SLAT_CPU_XSAVES },
		{ X86_FEATURE_OSPKE, SLAT_CPU_PKU },
		{ X86_FEATURE_TSC, SLAT_CPU_TSC_ADJUST },
		{ X86_FEATURE_IBPB, SLAT_CPU_IBPB },
		{ X86_FEATURE_FLUSH_L1D, SLAT_CPU_FLUSH_L1D },
		{ X86_FEATURE_ARCH_CAPABILITIES, SLAT_CPU_ARCH_CAPS },
		{ X86_FEATURE_PCID, SLAT_CPU_PCID },
		{ X86_FEATURE_MCE, SLAT_CPU_MCE },
		{ X86_FEATURE_GBPAGES, SLAT_CPU_GBPAGES },
	};
	u32 bits = feature_mask(map, ARRAY_SIZE(map));

	/* RDTSCP and RDPID share one control. */
	if (!(caps->secondary_opt & SECONDARY_EXEC_ENABLE_RDTSCP))
		bits &= ~(SLAT_CPU_RDTSCP | SLAT_CPU_RDPID);
	if (!(caps->secondary_opt & SECONDARY_EXEC_ENABLE_INVPCID))
		bits &= ~SLAT_CPU_INVPCID;
	if (!(caps->secondary_opt & SLAT_SECONDARY_XSAVES))
		bits &= ~SLAT_CPU_XSAVES;
	return bits;
}

/* Bits of IA32_ARCH_CAPABILITIES that tell a guest the truth. */
#define ARCH_CAPS_GUEST	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | \
			 ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO | \
			 ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | \
			 ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | \
			 ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | \
			 ARCH_CAP_FB_CLEAR | ARCH_CAP_RRSBA | \
			 ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | \
			 ARCH_CAP_RFDS_NO | ARCH_CAP_RFDS_CLEAR | ARCH_CAP_BHI_NO)

static u64 guest_arch_caps(void)
{
	u64 data = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, data);
	data &= ARCH_CAPS_GUEST;
	/* No executable huge page is ever mapped on an affected CPU. */
	data |= ARCH_CAP_PSCHANGE_MC_NO;
	/* The host flushes at its own entry; a nested one has no need to. */
	data |= ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
	if (!boot_cpu_has_bug(X86_BUG_CPU_MELTDOWN))
		data |= ARCH_CAP_RDCL_NO;
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		data |= ARCH_CAP_SSB_NO;
	if (!boot_cpu_has_bug(X86_BUG_MDS))
		data |= ARCH_CAP_MDS_NO;
	return data;
}

/* Only states without XFD: no AMX. */
#define XCR0_GUEST	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | \
			 XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512 | \
			 XFEATURE_MASK_PKRU)

static void probe_guest(struct slat_caps *caps)
{
	static const struct feature_bit spec[] = {
		{ X86_FEATURE_IBRS, SPEC_CTRL_IBRS },
		{ X86_FEATURE_STIBP, SPEC_CTRL_STIBP },
		{ X86_FEATURE_SPEC_CTRL_SSBD, SPEC_CTRL_SSBD },
	};
	struct slat_guest_cpu *cpu = &caps->pub.cpu;

	if (boot_cpu_has(X86_FEATURE_XSAVE))
		caps->pub.host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, caps->host_xss);
	rdmsrl(MSR_EFER, caps->host_efer);
	rdmsrl(MSR_IA32_CR_PAT, caps->host_pat);
	caps->arch_caps = guest_arch_caps();

	cpu->cr4_valid = guest_cr4(caps);
	cpu->features = guest_features(caps);
	cpu->xcr0_valid = caps->pub.host_xcr0 & XCR0_GUEST;
	if (!(cpu->cr4_valid & X86_CR4_PKE))
		cpu->xcr0_valid &= ~(u64)XFEATURE_MASK_PKRU;
	cpu->efer_valid = EFER_LME | EFER_LMA;
	if (cpu->features & SLAT_CPU_SYSCALL)
		cpu->efer_valid |= EFER_SCE;
	if (cpu->features & SLAT_CPU_NX)
		cpu->efer_valid |= EFER_NX;
	if (boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		cpu->spec_ctrl_valid = feature_mask(spec, ARRAY_SIZE(spec));
	cpu->signature = cpuid_eax(1);
	cpu->maxphyaddr = min_t(u8, boot_cpu_data.x86_phys_bits,
				SLAT_GPA_BITS);
}

/* Errata AAK155, AAP115, AAT100, BC86, BA97: the host's value may get lost. */
static bool perf_ctrl_is_broken(void)
{
	if (boot_cpu_data.x86 != 6)
		return false;
	switch (boot_cpu_data.x86_model) {
	case 26:
	case 30:
	case 37:
	case 44:
	case 46:
		return true;
	}
	return false;
}

bool slat_caps_match(void)
{
	u64 basic = 0, secondary = 0, ept_vpid = 0;

	rdmsrl_safe(MSR_IA32_VMX_BASIC, &basic);
	rdmsrl_safe(MSR_IA32_VMX_PROCBASED_CTLS2, &secondary);
	rdmsrl_safe(MSR_IA32_VMX_EPT_VPID_CAP, &ept_vpid);
	return basic == slat_caps.basic && ept_vpid == slat_caps.ept_vpid &&
	       !(slat_caps.secondary & ~(secondary >> 32)) &&
	       !(slat_caps.secondary_opt & ~(secondary >> 32));
}

int slat_caps_probe(void)
{
	struct slat_caps *caps = &slat_caps;
	bool use_true;
	int err;

	memset(caps, 0, sizeof(*caps));
	err = probe_vmx_present();
	if (!err)
		err = probe_basic(caps, &use_true);
	if (!err)
		err = probe_controls(caps, use_true);
	if (!err)
		err = probe_ept(caps);
	if (err)
		return err;
	probe_fixed(caps);
	probe_guest(caps);
	/* The counters are switched only if both directions can. */
	caps->has_perf_ctrl =
		boot_cpu_has(X86_FEATURE_ARCH_PERFMON) && !perf_ctrl_is_broken() &&
		(caps->vm_exit & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL) &&
		(caps->vm_entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
	if (!caps->has_perf_ctrl) {
		caps->vm_exit &= ~VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
		caps->vm_entry &= ~VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	}
	return 0;
}

int slat_caps_init(void)
{
	return slat_l1d_init(&slat_caps);
}

void slat_caps_exit(void)
{
	slat_l1d_exit(&slat_caps);
}
