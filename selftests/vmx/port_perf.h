/* SPDX-License-Identifier: GPL-2.0 */
/* What module/vmx/perf.h takes from the kernel: an entry of perf's answer, and two MSRs. */
#ifndef PORT_PERF_H
#define PORT_PERF_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned long long u64;

struct perf_guest_switch_msr {
	unsigned int msr;
	u64 host, guest;
};

#define MSR_CORE_PERF_GLOBAL_CTRL	0x38f
#define MSR_IA32_PEBS_ENABLE		0x3f1

#endif
