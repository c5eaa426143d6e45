// SPDX-License-Identifier: GPL-2.0
/*
 * L1D flush before VM entry on CPUs with L1TF.  The policy is the kernel's own
 * choice (l1tf= on the command line), or kvm_intel's while it is loaded and has
 * EPT (its vmentry_l1d_flush=, which can change): never; always; or, by default, "cond": before the
 * first entry after anything that may have brought secrets of the host into the
 * cache.  Here that is, as in KVM: the way through user space (slat_vmx_load()),
 * every context switch, every interrupt whose handler asks for it, and the
 * emulator (slat_vmx_host_data_touched()), which reads whatever the guest's
 * instruction names.  The way of an EPT fault touches slots, page tables and
 * struct pages, but no contents; when it sleeps, the context switch counts.
 *
 * slat_l1d_flush() runs with interrupts off just before entry, noinstr.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/smt.h>
#include <linux/spinlock.h>

#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/vmx.h>

#include "request.h"
#include "vcpu.h"

/* Twice the largest L1D of an affected CPU, whatever its replacement policy. */
#define L1D_ORDER	4
#define L1D_BYTES	(PAGE_SIZE << L1D_ORDER)

static enum vmx_l1d_flush_state l1d_choose(enum vmx_l1d_flush_state reported)
{
	/* kvm_intel without EPT needs none; our guests have EPT. */
	if (reported != VMENTER_L1D_FLUSH_AUTO && reported != VMENTER_L1D_FLUSH_EPT_DISABLED)
		return reported;
	if (!boot_cpu_has_bug(X86_BUG_L1TF))
		return VMENTER_L1D_FLUSH_NOT_REQUIRED;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES)) {
		u64 data;

		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, data);
		if (data & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH)
			return VMENTER_L1D_FLUSH_NOT_REQUIRED;
	}
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return VMENTER_L1D_FLUSH_NEVER;
	case L1TF_MITIGATION_FULL:
	case L1TF_MITIGATION_FULL_FORCE:
		return VMENTER_L1D_FLUSH_ALWAYS;
	default:
		return VMENTER_L1D_FLUSH_COND;
	}
}

/*
 * What was made of which report, and what stood there before.  The report is a
 * word of the kernel's that kvm_intel writes, also when its parameter changes.
 */
static DEFINE_SPINLOCK(l1d_lock);
static struct slat_caps *l1d_caps;
static enum vmx_l1d_flush_state l1d_seen, l1d_before;

static void l1d_update(void)
{
	enum vmx_l1d_flush_state reported = READ_ONCE(l1tf_vmx_mitigation);
	enum vmx_l1d_flush_state state = l1d_choose(reported);

	WRITE_ONCE(l1d_caps->l1d_cond, state == VMENTER_L1D_FLUSH_COND);
	WRITE_ONCE(l1d_caps->l1d_flush, state == VMENTER_L1D_FLUSH_COND ||
					state == VMENTER_L1D_FLUSH_ALWAYS);
	/* What /sys/devices/system/cpu/vulnerabilities/l1tf reports. */
	if (state != reported) {
		l1d_before = reported;
		l1d_caps->l1d_reported = true;
		l1tf_vmx_mitigation = state;
	} else {
		l1d_caps->l1d_reported = false;
	}
	WRITE_ONCE(l1d_seen, state);
}

/* A client comes to run a vCPU: has somebody chosen otherwise? */
void slat_l1d_follow(void)
{
	if (likely(READ_ONCE(l1tf_vmx_mitigation) == READ_ONCE(l1d_seen)))
		return;
	spin_lock(&l1d_lock);
	if (l1tf_vmx_mitigation != l1d_seen)
		l1d_update();
	spin_unlock(&l1d_lock);
}

/* Return: 0 or -ENOMEM. */
int slat_l1d_init(struct slat_caps *caps)
{
	/* Also where nothing is flushed now: that may change. */
	if (boot_cpu_has_bug(X86_BUG_L1TF) && !boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO,
						L1D_ORDER);

		if (!page)
			return -ENOMEM;
		caps->l1d_pages = page_address(page);
	}
	l1d_caps = caps;
	l1d_update();
	return 0;
}

void slat_l1d_exit(struct slat_caps *caps)
{
	if (caps->l1d_reported && l1tf_vmx_mitigation == l1d_seen)
		l1tf_vmx_mitigation = l1d_before;
	free_pages((unsigned long)caps->l1d_pages, L1D_ORDER);
	caps->l1d_pages = NULL;
}

/*
 * A hypervisor in the guest need not flush at its own entries: those are entries
 * from here, each with its flush.  Only where the host takes the risk is it left
 * to decide for itself.
 */
u64 slat_arch_caps(const struct slat_caps *caps)
{
	if (READ_ONCE(l1tf_vmx_mitigation) == VMENTER_L1D_FLUSH_NEVER)
		return caps->arch_caps;
	return caps->arch_caps | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
}

/* A sibling thread can read what this one has in L1D, flushed or not. */
void slat_l1d_warn(void)
{
	if (boot_cpu_has_bug(X86_BUG_L1TF) && sched_smt_active() &&
	    l1tf_mitigation != L1TF_MITIGATION_OFF &&
	    l1tf_mitigation != L1TF_MITIGATION_FLUSH_NOWARN)
		pr_warn_once("slat: L1TF and SMT: a guest may read memory of the host, see admin-guide/hw-vuln/l1tf.rst\n");
}

static noinstr void l1d_read_pages(const u8 *pages)
{
	unsigned long i;

	/* Fill the TLB first: a page walk would disturb the cache. */
	for (i = 0; i < L1D_BYTES; i += PAGE_SIZE)
		(void)READ_ONCE(pages[i]);
	asm volatile("lfence" ::: "memory");
	for (i = 0; i < L1D_BYTES; i += L1_CACHE_BYTES)
		(void)READ_ONCE(pages[i]);
	asm volatile("lfence" ::: "memory");
}

/*
 * SLAT_REQUEST_L1D: to where an interrupt would leave it, so that one place is
 * asked just before entry.  Interrupts off until then.
 */
void slat_l1d_requested(void)
{
	kvm_set_cpu_l1tf_flush_l1d();
}

noinstr void slat_l1d_flush(const struct slat_caps *caps)
{
	if (READ_ONCE(caps->l1d_cond)) {
		if (!kvm_get_cpu_l1tf_flush_l1d())
			return;
		kvm_clear_cpu_l1tf_flush_l1d();
	}
	if (static_cpu_has(X86_FEATURE_FLUSH_L1D))
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		l1d_read_pages(caps->l1d_pages);
}

void slat_vmx_host_data_touched(struct slat_vmx *vmx)
{
	slat_request_l1d(vmx);
}
