/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine that power.c could run on: CPUs that come and go, a KVM that may be
 * loaded, hold its hotplug state or have VMX on, and everything that the actions
 * of module/vmx/owner.h change.  It carries the tables out as the kernel does and
 * complains at once of what no machine may see, such as VMXON on a CPU that is in
 * VMX operation.
 */
#ifndef SLAT_SELFTESTS_VMX_WORLD_H
#define SLAT_SELFTESTS_VMX_WORLD_H

#include <stdbool.h>

#include "tap.h"
#include "vmx/owner.h"

#define CPUS		3

/* Who holds a hotplug state, or the slot of the emergency callback. */
enum holder { NOBODY, OURS, KVMS };

/**
 * struct cpu - one CPU
 * @online: it takes interrupts
 * @on: we have put it into VMX operation
 * @foreign: another hypervisor has
 * @broken: VMXON fails there
 * @failed: it did, the last time
 */
struct cpu {
	bool online;
	bool on;
	bool foreign;
	bool broken;
	bool failed;
};

/**
 * struct world - the machine
 * @owner:	state of the table
 * @cpu:	the CPUs
 * @starting:	KVM's hotplug state is in the starting section, as on 6.1
 * @kvm_loaded:	kvm_intel.ko is there
 * @kvm_core:	kvm.ko is there
 * @kvm_uses:	it has VMX on
 * @kvms_state:	who holds KVM's hotplug state
 * @own_state:	a dynamic state is ours
 * @kvms_error:	a request for KVM's hotplug state ends so, if it is not 0
 * @own_error:	likewise for one of our own
 * @locked:	CPUs can't come or go
 * @busy:	a call of the module's is under way, and its lock taken
 * @slot:	whose the emergency callback is
 * @guarded:	it is ours
 * @guard_wanted: SLAT_DO_GUARD came last
 * @guard_is_kvms: what the module was told of kvm_intel
 * @left:	that kvm_intel left is told when the lock is free
 * @followed:	preempt notifiers are called, for so many
 * @users:	VMs
 * @going_down:	the reboot notifier returned, or an emergency came
 * @told:	SLAT_DO_TELL_FAILED was carried out so often
 * @stays:	likewise SLAT_DO_TELL_STAYS
 * @gap:	called before each action: something else may come in between
 * @wait:	called by SLAT_DO_LOCK_CPUS: a CPU that comes or goes is waited for
 */
struct world {
	enum slat_owner_state owner;
	struct cpu cpu[CPUS];
	bool starting;
	bool kvm_loaded;
	bool kvm_core;
	bool kvm_uses;
	enum holder kvms_state;
	bool own_state;
	int kvms_error;
	int own_error;
	bool locked;
	bool busy;
	enum holder slot;
	bool guarded;
	bool guard_wanted;
	bool guard_is_kvms;
	bool left;
	int followed;
	int users;
	bool going_down;
	int told;
	int stays;
	void (*gap)(void);
	void (*wait)(void);
};

extern struct world world;

/* A machine of which all CPUs are online, without KVM. */
void world_init(bool starting);

/* Raise an event on a CPU; what power.c would return. */
int world_event(enum slat_owner_event event, int cpu);

/* The module's calls, and what the kernel makes of events. */
int world_get(void);
void world_put(void);
int world_cpu_up(int cpu);
int world_cpu_down(int cpu, bool frozen);
void world_sleep(void);
void world_reboot(void);
void world_emergency(int cpu);

/* The row of a CPU that comes or goes now; NULL: no callback of ours is there. */
const struct slat_owner_row *world_hotplug(bool up, bool frozen);
/* The rest of it; 0, or why the CPU stays as it was. */
int world_hotplug_finish(const struct slat_owner_row *row, int cpu, bool up);

/* The module was loaded after KVM: no notifier told it so. */
void world_kvm_look(void);

/* KVM takes or leaves what it can; false where it is refused. */
bool world_kvm_load(void);
/* kvm.ko alone. */
void world_kvm_unload_core(void);
void world_kvm_unload(void);
bool world_kvm_on(void);
void world_kvm_off(void);

/* What holds whenever nothing is in progress. */
void world_check(void);

/* Is any CPU in VMX operation of ours? */
bool world_any_on(void);

extern const struct test table_tests[];
extern const struct test start_tests[];
extern const struct test hotplug_tests[];
extern const struct test random_tests[];
extern const struct test tsc_tests[];
extern const struct test perf_tests[];

#endif
