// SPDX-License-Identifier: GPL-2.0
/*
 * The base of guests' time stamp counters: see tsc_base.h.  Called by tsc.c; expects no
 * lock, since each vCPU's part is its task's, and the host's changes while one CPU runs.
 */
#include "tsc_base.h"

/* How far the clock that shows @now is behind one that showed @before; 0: it is not. */
static unsigned long long behind(unsigned long long before, unsigned long long now)
{
	return (long long)(before - now) > 0 ? before - now : 0;
}

void slat_tsc_sleep(struct slat_tsc_host *host, unsigned long long tsc)
{
	host->asleep = slat_tsc_base(host, tsc);
}

void slat_tsc_wake(struct slat_tsc_host *host, unsigned long long tsc)
{
	host->lost += behind(host->asleep, slat_tsc_base(host, tsc));
}

bool slat_tsc_leave(const struct slat_tsc_host *host, struct slat_tsc *vcpu,
		    unsigned long long tsc)
{
	if (vcpu->away)
		return false;
	vcpu->away = true;
	vcpu->left = slat_tsc_base(host, tsc);
	return true;
}

void slat_tsc_arrive(const struct slat_tsc_host *host, struct slat_tsc *vcpu,
		     unsigned long long tsc, unsigned long long owed)
{
	if (vcpu->away)
		vcpu->offset += behind(vcpu->left + owed, slat_tsc_base(host, tsc));
	vcpu->away = false;
	vcpu->lost = host->lost;
}
