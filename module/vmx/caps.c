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

#include "perf.h"

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

static const struct control pin = {
	"pin-based", MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	PIN_NEED, 0 };
static const struct control primary = {
	"primary", MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
	PRIMARY_NEED | PRIMARY_TOGGLE, 0 };
static const struct control vm_exit = {
	"exit", MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS,
	EXIT_NEED, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL };
static const struct control vm_entry = {
	"entry", MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS,
	ENTRY_NEED, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL };

static int probe_controls(struct slat_caps *caps, bool use_true)
{
	u32 optional = slat_features_controls(~0U);
	const struct control secondary = {
		"secondary", MSR_IA32_VMX_PROCBASED_CTLS2, 0, SECONDARY_NEED,
		optional | SECONDARY_EXEC_PAUSE_LOOP_EXITING |
		SECONDARY_EXEC_ENABLE_PML | SECONDARY_EXEC_ENCLS_EXITING |
		SECONDARY_EXEC_DESC };
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
	caps->umip_by_exits = caps->secondary & SECONDARY_EXEC_DESC &&
			      !boot_cpu_has(X86_FEATURE_UMIP);
	if (caps->umip_by_exits)
		optional |= SECONDARY_EXEC_DESC;
	caps->secondary_opt = caps->secondary & optional;
	caps->has_encls = caps->secondary & SECONDARY_EXEC_ENCLS_EXITING;
	caps->has_ple = caps->secondary & SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	caps->pub.pml = caps->secondary & SECONDARY_EXEC_ENABLE_PML;
	caps->secondary &= ~(optional | SECONDARY_EXEC_DESC | SECONDARY_EXEC_ENABLE_PML);
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

/* X86_BUG_* are numbers of the same bitmap. */
static bool host_has(u16 feature)
{
	return boot_cpu_has(feature);
}

static u32 cpuid_7_2_edx(void)
{
	u32 eax, ebx, ecx, edx;

	cpuid_count(7, 2, &eax, &ebx, &ecx, &edx);
	return edx;
}

static void probe_guest(struct slat_caps *caps)
{
	struct slat_guest_cpu *cpu = &caps->pub.cpu;
	struct slat_feature_host host = {
		.has = host_has,
		.controls = caps->secondary_opt,
		.cr4 = caps->cr4_fixed1,
		.gds_mitigated = gds_ucode_mitigated(),
	};

	if (boot_cpu_has(X86_FEATURE_XSAVE))
		caps->pub.host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, caps->host_xss);
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, host.arch_caps);
	if (boot_cpu_data.cpuid_level >= 7 && cpuid_eax(7) >= 2)
		host.cpuid_7_2_edx = cpuid_7_2_edx();
	rdmsrl(MSR_EFER, caps->host_efer);
	rdmsrl(MSR_IA32_CR_PAT, caps->host_pat);

	host.xcr0 = caps->pub.host_xcr0;
	caps->arch_caps = slat_features_arch_caps(&host);
	slat_features_host(&host, cpu, caps->pub.offer);
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

static bool msr_is(u32 msr, u64 expected)
{
	u64 value;

	return !rdmsrl_safe(msr, &value) && value == expected;
}

/* May a VMCS have any word between @least and @most here? */
static bool control_takes(u32 msr, u32 least, u32 most)
{
	u64 value;

	if (rdmsrl_safe(msr, &value))
		return false;
	return !((u32)value & ~least) && !(most & ~(u32)(value >> 32));
}

static bool controls_match(const struct slat_caps *caps)
{
	bool use_true = caps->basic & BIT_ULL(55);
	u32 secondary = caps->secondary | caps->secondary_opt;

	if (caps->pub.pml)
		secondary |= SECONDARY_EXEC_ENABLE_PML;
	return control_takes(use_true ? pin.true_msr : pin.msr, caps->pin, caps->pin) &&
	       control_takes(use_true ? primary.true_msr : primary.msr,
			     caps->primary, caps->primary | PRIMARY_TOGGLE) &&
	       control_takes(MSR_IA32_VMX_PROCBASED_CTLS2, caps->secondary, secondary) &&
	       control_takes(use_true ? vm_exit.true_msr : vm_exit.msr,
			     caps->vm_exit, caps->vm_exit) &&
	       control_takes(use_true ? vm_entry.true_msr : vm_entry.msr,
			     caps->vm_entry, caps->vm_entry);
}

static bool fixed_match(const struct slat_caps *caps)
{
	u64 cr0_fixed0;

	return !rdmsrl_safe(MSR_IA32_VMX_CR0_FIXED0, &cr0_fixed0) &&
	       (cr0_fixed0 & ~(u64)(X86_CR0_PE | X86_CR0_PG)) == caps->cr0_fixed0 &&
	       msr_is(MSR_IA32_VMX_CR0_FIXED1, caps->cr0_fixed1) &&
	       msr_is(MSR_IA32_VMX_CR4_FIXED0, caps->cr4_fixed0) &&
	       msr_is(MSR_IA32_VMX_CR4_FIXED1, caps->cr4_fixed1);
}

bool slat_caps_match(void)
{
	const struct slat_caps *caps = &slat_caps;

	return msr_is(MSR_IA32_VMX_BASIC, caps->basic) &&
	       msr_is(MSR_IA32_VMX_EPT_VPID_CAP, caps->ept_vpid) &&
	       controls_match(caps) && fixed_match(caps);
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
	caps->has_pmu = boot_cpu_has(X86_FEATURE_ARCH_PERFMON) && slat_perf_has_ctrl();
	caps->has_perf_ctrl = caps->has_pmu && !perf_ctrl_is_broken() &&
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
