/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What perf wants of the host's counters around an entry. perf.c asks it and writes the
 * processor; selftests/vmx reads answers of its own. No memory, no lock.
 *
 * perf answers with MSRs, each with a value for the guest and one for the host.
 * IA32_PERF_GLOBAL_CTRL lets a counter run on both sides, on one, or on none, as
 * exclude_guest and exclude_host of its event say. Counters that write PEBS records never
 * run in the guest: records go to linear addresses, which are the guest's there.
 * IA32_PEBS_ENABLE is in the answer where this does not suffice: a record that is on its
 * way at the entry would be written behind it. What else may be in the answer is for
 * guests with a PMU.
 */
#ifndef SLAT_VMX_PERF_H
#define SLAT_VMX_PERF_H

#ifdef __KERNEL__
#include <asm/msr-index.h>
#include <asm/perf_event.h>
#else
#include <port_perf.h>
#endif

/**
 * struct slat_perf - perf's answer
 * @has_ctrl:	it has a value of IA32_PERF_GLOBAL_CTRL
 * @guest:	that of the guest
 * @host:	and that of the host
 * @pebs:	the host's IA32_PEBS_ENABLE, where it must be 0 in the guest; else 0
 */
struct slat_perf {
	bool	has_ctrl;
	u64	guest;
	u64	host;
	u64	pebs;
};

/* @msrs may be NULL: this host's perf has no counters. */
static inline struct slat_perf slat_perf_read(const struct perf_guest_switch_msr *msrs, int nr)
{
	struct slat_perf perf = {};
	int i;

	for (i = 0; msrs && i < nr; i++) {
		if (msrs[i].msr == MSR_CORE_PERF_GLOBAL_CTRL) {
			perf.has_ctrl = true;
			perf.guest = msrs[i].guest;
			perf.host = msrs[i].host;
		} else if (msrs[i].msr == MSR_IA32_PEBS_ENABLE && !msrs[i].guest) {
			perf.pebs = msrs[i].host;
		}
	}
	return perf;
}

/* Does perf say which counters run in guests? Not in the user-space build. */
bool slat_perf_has_ctrl(void);

#endif /* SLAT_VMX_PERF_H */
