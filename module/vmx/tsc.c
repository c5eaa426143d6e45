// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's time stamp counter: the host's plus an offset, which user space
 * and the guest choose through MSRs.  It is never scaled.  Called by the MSR
 * table and by the vCPU's calls.  Context: process, loaded.
 */
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/spinlock.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "vcpu.h"

/* Rates that differ by less are one and the same clock, as KVM has it. */
#define TOLERANCE_PPM	250

int slat_tsc_get(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = rdtsc() + vmx->tsc_offset;
	return 0;
}

static void set_tsc_offset(struct slat_vmx *vmx, u64 offset)
{
	vmx->tsc_offset = offset;
	slat_vmcs_write(TSC_OFFSET, offset);
}

/*
 * User space restores the TSC of one vCPU after another, and means them equal:
 * a value close to what the last one would read now follows the same offset. So
 * does 0, the reset of a vCPU, whose TSC joins the others'.
 */
static void set_tsc_host(struct slat_vmx *vmx, u64 data)
{
	struct slat_vmx_vm *vm = vmx->vm;
	u64 now, expected, distance, second = (u64)tsc_khz * 1000;

	spin_lock(&vm->lock);
	now = rdtsc();
	expected = vm->tsc_data + (now - vm->tsc_host);
	distance = expected > data ? expected - data : data - expected;
	if (data && distance >= second) {
		vm->tsc_data = data;
		vm->tsc_host = now;
		vm->tsc_offset = data - now;
	}
	set_tsc_offset(vmx, vm->tsc_offset);
	spin_unlock(&vm->lock);
}

int slat_tsc_set(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	u64 offset;

	if (host) {
		set_tsc_host(vmx, data);
		return 0;
	}
	offset = data - rdtsc();
	vmx->msr[SLAT_MSR_TSC_ADJUST] += offset - vmx->tsc_offset;
	set_tsc_offset(vmx, offset);
	return 0;
}

int slat_tsc_set_adjust(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	/* What user space restores is already part of the TSC it restores. */
	if (!host)
		set_tsc_offset(vmx, vmx->tsc_offset + data -
				    vmx->msr[SLAT_MSR_TSC_ADJUST]);
	vmx->msr[SLAT_MSR_TSC_ADJUST] = data;
	return 0;
}

u32 slat_vmx_tsc_khz(void)
{
	return tsc_khz;
}

int slat_vmx_set_tsc_khz(u32 khz, struct slat_reject *why)
{
	u32 tolerance = div_u64((u64)tsc_khz * TOLERANCE_PPM, 1000000);

	if (!khz)
		return 0;
	if (khz < tsc_khz - tolerance || khz > tsc_khz + tolerance)
		return slat_reject(why, -EINVAL, SLAT_CHECK_TSC_KHZ, khz, tsc_khz);
	return 0;
}
