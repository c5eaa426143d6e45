// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's time stamp counter: the host's, made to go on (tsc_base.h), plus an
 * offset, which user space and the guest choose through MSRs.  It is never scaled.
 * Called by the MSR table and by the vCPU's calls, in process context, loaded; where a
 * vCPU leaves a CPU and comes to one, with preemption off, where the TSC is unstable its
 * task too; before and after sleep.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "power.h"
#include "vcpu.h"

/* Rates that differ by less are one and the same clock, as KVM has it. */
#define TOLERANCE_PPM	250

static struct slat_tsc_host tsc_host;

u64 slat_tsc_now(void)
{
	return slat_tsc_base(&tsc_host, rdtsc());
}

/* The last CPU before sleep, the first one behind it; interrupts off. */
void slat_tsc_host_sleeps(void)
{
	slat_tsc_sleep(&tsc_host, rdtsc());
}

void slat_tsc_host_wakes(void)
{
	slat_tsc_wake(&tsc_host, rdtsc());
}

/* On the CPU that @vmx leaves, preemption off; the machine may be about to sleep. */
void slat_tsc_left(struct slat_vmx *vmx)
{
	if (slat_tsc_leave(&tsc_host, &vmx->tsc, rdtsc()))
		vmx->tsc_left_ns = ktime_get_mono_fast_ns();
}

/* What the clock that the kernel trusts says has passed, where the TSC may have stood still. */
static u64 ticks_owed(const struct slat_vmx *vmx)
{
	s64 ns = ktime_get_mono_fast_ns() - vmx->tsc_left_ns;

	return ns > 0 ? mul_u64_u32_div(ns, tsc_khz, USEC_PER_SEC) : 0;
}

void slat_tsc_write(struct slat_vmx *vmx)
{
	slat_vmcs_write(TSC_OFFSET, slat_tsc_field(&vmx->tsc));
}

/*
 * On the CPU, the VMCS current.  The TSC is not read before the other CPU's was: that
 * it left was seen in memory.
 */
void slat_tsc_arrived(struct slat_vmx *vmx)
{
	u64 owed = vmx->tsc.away && check_tsc_unstable() ? ticks_owed(vmx) : 0;

	slat_tsc_arrive(&tsc_host, &vmx->tsc, rdtsc_ordered(), owed);
	slat_tsc_write(vmx);
}

int slat_tsc_get(struct slat_vmx *vmx, u32 index, u64 *data, bool host)
{
	*data = slat_tsc_now() + vmx->tsc.offset;
	return 0;
}

static void set_tsc_offset(struct slat_vmx *vmx, u64 offset)
{
	vmx->tsc.offset = offset;
	slat_tsc_write(vmx);
	/* Where the task is away in its VMM, ticks are owed from here on. */
	if (vmx->tsc.away) {
		vmx->tsc.away = false;
		slat_tsc_left(vmx);
	}
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
	now = slat_tsc_now();
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
	/* A move to another CPU changes the offset: not between the look and the change. */
	preempt_disable();
	offset = data - slat_tsc_now();
	vmx->msr[SLAT_MSR_TSC_ADJUST] += offset - vmx->tsc.offset;
	set_tsc_offset(vmx, offset);
	preempt_enable();
	return 0;
}

int slat_tsc_set_adjust(struct slat_vmx *vmx, u32 index, u64 data, bool host)
{
	/* What user space restores is already part of the TSC it restores. */
	preempt_disable();
	if (!host)
		set_tsc_offset(vmx, vmx->tsc.offset + data -
				    vmx->msr[SLAT_MSR_TSC_ADJUST]);
	vmx->msr[SLAT_MSR_TSC_ADJUST] = data;
	preempt_enable();
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
