/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model's processors: who runs on them, interrupts, and what they cache of
 * guests' translations.  A processor keeps everything that a page walk found
 * while a guest ran on it, until an instruction that must drop it (SDM volume 3,
 * "Caching Translation Information").  The whole set is known, so a check asks
 * whether anything forbidden is in it, instead of hoping to hit it.
 */
#ifndef SLAT_FLUSH_CPUS_H
#define SLAT_FLUSH_CPUS_H

#include <port_flush.h>

#include "sim.h"
#include "tap.h"

#define MODEL_CPUS	3
#define NR_GFNS		2
#define MAX_CACHED	512
#define NO_VPID		0xffff	/* linear mappings made without one */
#define FOREIGN		0	/* the frame of a translation that is not ours */

struct vcpu;

/**
 * struct cached - one translation that a processor may use
 * @eptp: of the tables that the walk went through; 0: made without EPT, by others.
 *	The SDM says that such are not used with EPT; nothing shall rest on it.
 * @vpid: 0: guest-physical; else a combined mapping, from linear addresses
 * @gfn: what it maps
 * @frame: to what
 * @uid: with @vpid: whose linear translation it was
 * @gen: with @vpid: of which state of that vCPU's registers and tables
 */
struct cached {
	u64 eptp;
	u16 vpid;
	u16 gfn;
	u32 frame;
	u32 uid;
	u32 gen;
};

/**
 * struct cpu - one processor
 * @vmx_on: between VMXON and VMXOFF
 * @taken: a task runs here with preemption off
 * @irqs_off: and with interrupts off
 * @pending: an interrupt waits
 * @acks: interrupts taken
 * @guest: the vCPU that is in guest mode
 * @mask: slat_cpu_kick_mask()
 * @cached: what it may use
 * @nr_cached: how many
 */
struct cpu {
	bool vmx_on;
	bool taken;
	bool irqs_off;
	bool pending;
	u64 acks;
	struct vcpu *guest;
	struct cpumask mask;
	struct cached cached[MAX_CACHED];
	int nr_cached;
};

extern struct cpu cpus[MODEL_CPUS];

/* Where the calling task's preempt_disable() finds itself. */
void cpu_prefer(int cpu);
/* Run on @cpu with preemption off, as soon as nobody else does. */
void cpu_take(int cpu);
void cpu_release(void);
void cpu_irqs_off(void);
void cpu_irqs_on(void);

void cpus_reset(void);
void cpu_vmx_on(int cpu);
/* Others may use VMX there from now on, with any VPID and any EPTP. */
void cpu_vmx_off(int cpu);

/* Guest mode on the CPU of the calling task. */
void cpu_enter_guest(struct vcpu *vcpu);
void cpu_leave_guest(void);
/* Walk as far ahead as a processor may. */
void cpu_fill(void);
/* INVLPG or MOV CR3 by the guest. */
void cpu_drop_linear(u16 vpid);
/* By what its linear mappings are kept apart. */
u16 vcpu_tag(const struct vcpu *vcpu);
/* Stay in guest mode until interrupted. */
void cpu_linger(void);

/* Fails if a CPU in guest mode may use what it must not. */
void cpu_check(const struct cpu *cpu);
void cpus_check(void);

#endif
