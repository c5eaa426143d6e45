// SPDX-License-Identifier: GPL-2.0
/*
 * The host's performance counters around a guest, as perf wants them: see perf.h. The
 * guest has none of its own. Called by run.c with interrupts off, on either side of an
 * entry, and at module load.
 */
#include <linux/preempt.h>

#include <asm/msr.h>

#include "perf.h"
#include "vcpu.h"

/* The array is the CPU's: it is good until the next question here. */
static struct slat_perf perf_ask(void)
{
	struct perf_guest_switch_msr *msrs;
	int nr = 0;

	/* No PMU of a guest's takes part. */
	msrs = perf_guest_get_msrs(&nr, NULL);
	return slat_perf_read(msrs, nr);
}

bool slat_perf_has_ctrl(void)
{
	bool has;

	preempt_disable();
	has = perf_ask().has_ctrl;
	preempt_enable();
	return has;
}

/*
 * Before an entry. The processor needs time to finish a record after PEBS was turned off,
 * so that is done here, not by the entry itself. perf's handler of an NMI that comes behind
 * this turns it on again. Then a sample would have to be due on the few instructions that
 * are left to the entry, behind which those counters stand still: KVM has the same gap.
 */
void slat_perf_to_guest(struct slat_vmx *vmx)
{
	struct slat_vmx_host *host = &vmx->host;
	struct slat_perf perf = perf_ask();

	if (vmx->caps->has_perf_ctrl) {
		if (unlikely(perf.guest != host->guest_perf_ctrl)) {
			slat_vmcs_write(GUEST_IA32_PERF_GLOBAL_CTRL, perf.guest);
			host->guest_perf_ctrl = perf.guest;
		}
		if (unlikely(perf.host != host->perf_ctrl)) {
			slat_vmcs_write(HOST_IA32_PERF_GLOBAL_CTRL, perf.host);
			host->perf_ctrl = perf.host;
		}
	}
	host->pebs_stopped = perf.pebs;
	if (unlikely(perf.pebs))
		native_wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
}

/* After the exit: an NMI may have changed meanwhile what perf wants. */
void slat_perf_restart_pebs(struct slat_vmx *vmx)
{
	native_wrmsrl(MSR_IA32_PEBS_ENABLE, perf_ask().pebs);
	vmx->host.pebs_stopped = false;
}
