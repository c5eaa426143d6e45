/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What guests' time stamp counters count from: the host's TSC, made to go on where it
 * starts again.  tsc.c reads the processor and writes the VMCS; selftests/vmx does the
 * same to a machine of its own.  Arithmetic only: no memory, no lock.
 *
 * Two things put a host's TSC back.  Sleep (S3) and hibernation reset it, on all CPUs
 * alike: what it lost is added for every guest, so that the vCPUs of a VM stay together.
 * And CPUs may disagree, if firmware or a hypervisor below left them so: a vCPU that
 * moves to one that is behind takes the difference along.  The guest finds time that
 * stood still, never time that went back.  A vCPU that comes to a CPU ahead jumps with it,
 * as the host's own programs do.
 *
 * A third makes it late: a TSC that stops while its CPU sleeps deeply, or that ticks slower
 * for a while.  The host's kernel calls such a TSC unstable and goes by another clock.
 * There a vCPU is away whenever its task is, and is owed the ticks of that clock.
 */
#ifndef SLAT_VMX_TSC_BASE_H
#define SLAT_VMX_TSC_BASE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#endif

/**
 * struct slat_tsc_host - the host's part
 * @lost: ticks that sleep took from the TSC, ever; changed while one CPU runs
 * @asleep: the base when it fell asleep
 */
struct slat_tsc_host {
	unsigned long long lost;
	unsigned long long asleep;
};

/**
 * struct slat_tsc - a vCPU's part
 * @offset: the guest's TSC minus the base
 * @lost: slat_tsc_host.lost, as far as the processor's TSC offset includes it
 * @away: it is on no CPU, and was on one
 * @left: the base on that CPU when it left
 */
struct slat_tsc {
	unsigned long long offset;
	unsigned long long lost;
	bool away;
	unsigned long long left;
};

/* The base on a CPU whose TSC is @tsc now. */
static inline unsigned long long slat_tsc_base(const struct slat_tsc_host *host,
					       unsigned long long tsc)
{
	return tsc + host->lost;
}

/* What the processor adds to its own TSC for the guest. */
static inline unsigned long long slat_tsc_field(const struct slat_tsc *vcpu)
{
	return vcpu->offset + vcpu->lost;
}

/**
 * slat_tsc_sleep() - the machine falls asleep
 * @host: the host's part
 * @tsc: of the last CPU, after all vCPUs have left theirs
 */
void slat_tsc_sleep(struct slat_tsc_host *host, unsigned long long tsc);

/**
 * slat_tsc_wake() - and wakes up
 * @host: the host's part
 * @tsc: of the first CPU, before any vCPU comes to one
 */
void slat_tsc_wake(struct slat_tsc_host *host, unsigned long long tsc);

/**
 * slat_tsc_leave() - a vCPU has left a CPU, and runs nowhere before it arrives
 * @host: the host's part
 * @vcpu: the vCPU
 * @tsc: of that CPU
 *
 * Return: true if it was not away already.
 */
bool slat_tsc_leave(const struct slat_tsc_host *host, struct slat_tsc *vcpu,
		    unsigned long long tsc);

/**
 * slat_tsc_arrive() - a vCPU comes to a CPU, the one that it left or another
 * @host: the host's part
 * @vcpu: the vCPU; what slat_tsc_field() says may change
 * @tsc: of the CPU, read after the one that it left
 * @owed: ticks that must have passed since then at least
 */
void slat_tsc_arrive(const struct slat_tsc_host *host, struct slat_tsc *vcpu,
		     unsigned long long tsc, unsigned long long owed);

#endif /* SLAT_VMX_TSC_BASE_H */
