/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs and vCPUs on the model's processors, the calls that a test makes, and what
 * must hold: whatever was mapped before a flush may be used by no guest once the
 * flush has returned; and a vCPU uses no linear translation but its own, of the
 * state that its registers and tables have now.
 */
#ifndef SLAT_FLUSH_WORLD_H
#define SLAT_FLUSH_WORLD_H

#include "cpus.h"
#include "vmx/tlb.h"

#define NR_ROOTS	3
/* With 0, which is nobody's.  Fewer than the vCPUs of some tests. */
#define NR_VPIDS	5
#define MAX_FRAMES	20000
#define MAX_OBJECTS	2000

/**
 * struct vm - a VM
 * @hw: what the protocol knows of it
 * @root: its root page
 * @ept: the frame of each gfn
 */
struct vm {
	struct slat_vmx_vm hw;
	int root;
	u32 ept[NR_GFNS];
};

/**
 * struct vcpu - a vCPU
 * @hw: what the protocol knows of it
 * @vm: its VM
 * @uid: never used again
 * @gen: counts changes after which earlier linear translations are stale
 * @work: its task has something else to do: the next entry is given up
 */
struct vcpu {
	struct slat_vmx hw;
	struct vm *vm;
	u32 uid;
	u32 gen;
	bool work;
};

enum guest_act {
	GUEST_RUN,
	GUEST_INVLPG,	/* changes its tables, and says so on this CPU */
	GUEST_LINGER,	/* stays until it is interrupted */
};

enum change {
	CHANGE_SREGS,
	CHANGE_PG,
	CHANGE_CR4,	/* + number of a bit in cr4_bits[] of world.c */
	CHANGE_NX = CHANGE_CR4 + 7,
	CHANGE_LMA,
	CHANGE_NOTHING,	/* bits after which nothing is stale */
	NR_CHANGES,
};

/**
 * struct world - the one there is
 * @caps: of the processors
 * @dead: frames that were given back
 * @interrupted: the sum of what flushes returned
 * @aborted: entries given up on a CPU without VMX
 * @invepts: instructions executed
 * @invvpids: likewise
 */
struct world {
	struct slat_caps caps;
	bool dead[MAX_FRAMES];
	u32 nr_frames;
	u64 interrupted;
	u64 aborted;
	u64 invepts;
	u64 invvpids;
};

extern struct world world;

/* @coarse: INVEPT and INVVPID know no single context. */
void world_begin(u64 seed, const struct sim_plan *plan, bool coarse);
/* When all tasks but the caller's are done. */
void world_end(void);

struct vm *vm_create(void);
/* No vCPU is left.  The root page, and so the EPTP, is the next VM's. */
void vm_destroy(struct vm *vm);
/* Map @gfn elsewhere; the old frame is free once the flush has returned. */
unsigned int vm_remap(struct vm *vm, int gfn);

struct vcpu *vcpu_create(struct vm *vm);
void vcpu_destroy(struct vcpu *vcpu);
/* One try to enter on @cpu; false: it was not entered. */
bool vcpu_run(struct vcpu *vcpu, int cpu, enum guest_act act);
/* As an ioctl or a trapped instruction does. */
void vcpu_change(struct vcpu *vcpu, enum change change);

#endif
