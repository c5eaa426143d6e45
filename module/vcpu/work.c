// SPDX-License-Identifier: GPL-2.0
/*
 * Pending work of the host task before it enters the guest: signals,
 * reschedules, task work, rseq, memory cgroups. The kernel exports one door to
 * all of it, and that door takes KVM's struct kvm_vcpu, of which it writes
 * run->exit_reason and stat.signal_exits. So each vCPU carries one of those,
 * with nothing in it but a pointer to the real run page.
 */
#include <linux/kvm_host.h>
#include <linux/entry-kvm.h>
#include <linux/mm.h>

#include "vcpu.h"

int slat_vcpu_work_init(struct slat_vcpu *vcpu)
{
	vcpu->work = kvzalloc(sizeof(*vcpu->work), GFP_KERNEL_ACCOUNT);
	if (!vcpu->work)
		return -ENOMEM;
	vcpu->work->run = vcpu->run;
	return 0;
}

void slat_vcpu_work_destroy(struct slat_vcpu *vcpu)
{
	kvfree(vcpu->work);
}

int slat_vcpu_do_work(struct slat_vcpu *vcpu)
{
	int err;

	if (likely(!__xfer_to_guest_mode_work_pending()))
		return 0;
	err = xfer_to_guest_mode_handle_work(vcpu->work);
	if (err)
		vcpu->stats.signal++;
	return err;
}
