/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What guests' time stamp counters count from: the host's TSC, made to go on where it
 * starts again.  tsc.c reads the processor and writes the VMCS; selftests/vmx does the
 * same to a machine of its own.  Arithmetic only: no kernel header, no memory, no lock.
 *
 * Two things put a host's TSC back.  Sleep (S3) and hibernation reset it, on all CPUs
 * alike: what it lost is added for every guest, so that the vCPUs of a VM stay together.
 * And CPUs may disagree, if firmware or a hypervisor below left them so: a vCPU that
 * moves to one that is behind takes the difference along.  The guest finds time that
 * stood still, never time that went back.  A vCPU that comes to a CPU ahead jumps with it,
 * as the host's own programs do.
 */
#ifndef SLAT_VMX_TSC_BASE_H
#define SLAT_VMX_TSC_BASE_H

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
 * @left: the base on the CPU that it left last, at that time; 0: on none yet
 */
struct slat_tsc {
	unsigned long long offset;
	unsigned long long lost;
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
 * slat_tsc_leave() - a vCPU has left a CPU, where it will not run before it arrives
 * @host: the host's part
 * @vcpu: the vCPU
 * @tsc: of that CPU
 */
void slat_tsc_leave(const struct slat_tsc_host *host, struct slat_tsc *vcpu,
		    unsigned long long tsc);

/**
 * slat_tsc_arrive() - a vCPU comes to a CPU
 * @host: the host's part
 * @vcpu: the vCPU; what slat_tsc_field() says may change
 * @tsc: of the new CPU, read after the old one's
 */
void slat_tsc_arrive(const struct slat_tsc_host *host, struct slat_tsc *vcpu,
		     unsigned long long tsc);

#endif /* SLAT_VMX_TSC_BASE_H */
