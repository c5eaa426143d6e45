/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who owns VMX, as tables: what happens in each state when something comes from
 * outside or an action reports how it went.  power.c raises the events and
 * carries the actions out; selftests/vmx does the same to a machine of its own.
 * Decisions only: no kernel header, no memory, no lock.
 *
 * Three machines: the owner of all CPUs, each CPU, and the emergency callback.
 * The owner's actions are orders to the other two, which know what is left to
 * do: an order to turn on what is on does nothing.  The callback is ordered
 * before the first VMXON and until after the last VMXOFF, and it also makes way
 * for KVM's, whatever the owner's state.
 *
 *            FIRST_VM            TAKEN, VMXON_DONE
 *      OFF -----------> STARTING -----------------> EXCLUSIVE --- REBOOT --.
 *       |                  | STATE_IS_KVMS                                 v
 *       |                  v       TAKEN, VMXON_DONE                    LEAVING
 *       |           STARTING_SHARED --------------> SHARED ---- REBOOT --^ |
 *       |                                                          LAST_VM |
 *       `------------------------------ REBOOT --------------------> GONE <'
 *
 * LAST_VM leads from EXCLUSIVE and SHARED to OFF, and so does a failure from the
 * two in which VMX is being started.  An emergency goes where REBOOT does.
 */
#ifndef SLAT_VMX_OWNER_H
#define SLAT_VMX_OWNER_H

/**
 * enum slat_owner_state - which CPUs shall be in VMX operation
 * @SLAT_OWNER_OFF:	none; nothing of KVM's is held
 * @SLAT_OWNER_STARTING: the first VM waits for them; KVM's hotplug state is asked for
 * @SLAT_OWNER_STARTING_SHARED: likewise, with a hotplug state of our own
 * @SLAT_OWNER_EXCLUSIVE: all; KVM's hotplug state is ours, so KVM can't come
 * @SLAT_OWNER_SHARED:	all; KVM holds its hotplug state without using VMX, and
 *			a CPU can't go offline while tasks run
 * @SLAT_OWNER_LEAVING:	none; the machine goes down under VMs that still exist
 * @SLAT_OWNER_GONE:	none; the machine goes down, no VM is left
 * @SLAT_NR_OWNER_STATES: number of states
 */
enum slat_owner_state {
	SLAT_OWNER_OFF,
	SLAT_OWNER_STARTING,
	SLAT_OWNER_STARTING_SHARED,
	SLAT_OWNER_EXCLUSIVE,
	SLAT_OWNER_SHARED,
	SLAT_OWNER_LEAVING,
	SLAT_OWNER_GONE,
	SLAT_NR_OWNER_STATES,
};

/**
 * enum slat_owner_event - what happened
 * @SLAT_WHEN_NONE:	nothing: the last action has nothing to report
 * @SLAT_WHEN_FIRST_VM: a VM is to be made and there is none
 * @SLAT_WHEN_LAST_VM:	the last one is gone
 * @SLAT_WHEN_REBOOT:	reboot notifier: the machine goes down
 * @SLAT_WHEN_CPU_STARTS: this CPU comes up and cannot be refused: interrupts are
 *			off, it is in the starting section of CPU hotplug
 * @SLAT_WHEN_CPU_ONLINE: this CPU comes up behind that section and can be refused
 * @SLAT_WHEN_CPU_OFFLINE: this CPU goes down while tasks run
 * @SLAT_WHEN_CPU_OFFLINE_FROZEN: likewise for sleep: user tasks are frozen
 * @SLAT_WHEN_SUSPEND:	the last CPU goes to sleep, the others are offline
 * @SLAT_WHEN_RESUME:	it woke up
 * @SLAT_WHEN_EMERGENCY: this CPU stops for a panic or crash kernel; maybe in an NMI
 * @SLAT_WHEN_STATE_TAKEN: action: the hotplug state is ours
 * @SLAT_WHEN_STATE_IS_KVMS: action: it is KVM's, which does not use VMX
 * @SLAT_WHEN_STATE_REFUSED: action: it is not to be had
 * @SLAT_WHEN_VMXON_DONE: action: each CPU is in VMX operation
 * @SLAT_WHEN_VMXON_FAILED: action: at least one is not
 * @SLAT_NR_OWNER_EVENTS: number of events
 */
enum slat_owner_event {
	SLAT_WHEN_NONE,
	SLAT_WHEN_FIRST_VM,
	SLAT_WHEN_LAST_VM,
	SLAT_WHEN_REBOOT,
	SLAT_WHEN_CPU_STARTS,
	SLAT_WHEN_CPU_ONLINE,
	SLAT_WHEN_CPU_OFFLINE,
	SLAT_WHEN_CPU_OFFLINE_FROZEN,
	SLAT_WHEN_SUSPEND,
	SLAT_WHEN_RESUME,
	SLAT_WHEN_EMERGENCY,
	SLAT_WHEN_STATE_TAKEN,
	SLAT_WHEN_STATE_IS_KVMS,
	SLAT_WHEN_STATE_REFUSED,
	SLAT_WHEN_VMXON_DONE,
	SLAT_WHEN_VMXON_FAILED,
	SLAT_NR_OWNER_EVENTS,
};

/**
 * enum slat_owner_action - what is to be done
 * @SLAT_DO_END:	nothing more
 * @SLAT_DO_LOCK_CPUS:	no CPU comes or goes from here on; waits for one that does
 * @SLAT_DO_UNLOCK_CPUS: they may again
 * @SLAT_DO_TAKE_KVMS_STATE: take KVM's hotplug state: TAKEN, IS_KVMS or REFUSED
 * @SLAT_DO_TAKE_OWN_STATE: take one that nobody has: TAKEN or REFUSED
 * @SLAT_DO_PUT_STATE:	give back whichever was taken
 * @SLAT_DO_VMXON_ALL:	order each CPU on: VMXON_DONE or VMXON_FAILED
 * @SLAT_DO_VMXOFF_ALL:	order each CPU off
 * @SLAT_DO_VMXON_HERE:	order this CPU on, interrupts off
 * @SLAT_DO_VMXOFF_HERE: order this CPU off, interrupts off
 * @SLAT_DO_DROP_HERE:	order this CPU off in an emergency
 * @SLAT_DO_GUARD:	order the emergency callback to be there, where KVM allows it
 * @SLAT_DO_UNGUARD:	order it away
 * @SLAT_DO_FOLLOW:	have the scheduler call the preempt notifiers of vCPUs
 * @SLAT_DO_UNFOLLOW:	no more
 * @SLAT_DO_TELL_STARTED: log what the host's owner should know
 * @SLAT_DO_TELL_UNGUARDED: log it, if there is no emergency callback
 * @SLAT_DO_TELL_FAILED: log who else may own VMX, if that was the error
 * @SLAT_DO_TELL_STAYS:	log that this CPU stays online
 */
enum slat_owner_action {
	SLAT_DO_END,
	SLAT_DO_LOCK_CPUS,
	SLAT_DO_UNLOCK_CPUS,
	SLAT_DO_TAKE_KVMS_STATE,
	SLAT_DO_TAKE_OWN_STATE,
	SLAT_DO_PUT_STATE,
	SLAT_DO_VMXON_ALL,
	SLAT_DO_VMXOFF_ALL,
	SLAT_DO_VMXON_HERE,
	SLAT_DO_VMXOFF_HERE,
	SLAT_DO_DROP_HERE,
	SLAT_DO_GUARD,
	SLAT_DO_UNGUARD,
	SLAT_DO_FOLLOW,
	SLAT_DO_UNFOLLOW,
	SLAT_DO_TELL_STARTED,
	SLAT_DO_TELL_UNGUARDED,
	SLAT_DO_TELL_FAILED,
	SLAT_DO_TELL_STAYS,
};

/**
 * enum slat_owner_answer - what whoever raised the event is told
 * @SLAT_ANSWER_NEVER:	this event can't come in this state; -EIO and a warning
 * @SLAT_ANSWER_DONE:	0, whatever the actions said
 * @SLAT_ANSWER_RESULT:	the first error of the actions, or 0
 * @SLAT_ANSWER_BUSY:	-EBUSY
 */
enum slat_owner_answer {
	SLAT_ANSWER_NEVER,
	SLAT_ANSWER_DONE,
	SLAT_ANSWER_RESULT,
	SLAT_ANSWER_BUSY,
};

#define SLAT_OWNER_ACTIONS	7

/**
 * struct slat_owner_row - one cell of the table
 * @answer:	what the event's raiser is told, unless an action raises another
 * @next:	the state to be in
 * @actions:	what to do, up to SLAT_DO_END
 *
 * To carry a row out: be in @next first, so that a CPU that comes or goes from
 * then on finds what is wanted; do the actions in their order; take the event
 * that the last of them reports, if there is one, to the row of that.  Where
 * @next is the state that was looked up, leave it alone: CPUs come, go and sleep
 * without the lock under which others change it.
 */
struct slat_owner_row {
	enum slat_owner_answer answer;
	enum slat_owner_state next;
	enum slat_owner_action actions[SLAT_OWNER_ACTIONS];
};

/* Total: a cell that is not in the table answers NEVER and does nothing. */
const struct slat_owner_row *slat_owner_decide(enum slat_owner_state state,
					       enum slat_owner_event event);

/* Has the machine begun to go down?  From then on nothing turns VMX on. */
static inline _Bool slat_owner_goes_down(enum slat_owner_state state)
{
	return state >= SLAT_OWNER_LEAVING;
}

/**
 * enum slat_cpu_order - what the owner wants of a CPU
 * @SLAT_ORDER_ON:	VMX operation
 * @SLAT_ORDER_OFF:	none; interrupts off
 * @SLAT_ORDER_DROP:	none, at once: in the middle of anything
 * @SLAT_NR_CPU_ORDERS: number of orders
 */
enum slat_cpu_order {
	SLAT_ORDER_ON,
	SLAT_ORDER_OFF,
	SLAT_ORDER_DROP,
	SLAT_NR_CPU_ORDERS,
};

/**
 * enum slat_cpu_step - what the CPU does
 * @SLAT_STEP_NONE:	nothing
 * @SLAT_STEP_VMXON:	VMXON
 * @SLAT_STEP_VMXOFF:	write all active VMCSs back, take them off the list, VMXOFF
 * @SLAT_STEP_DROP:	likewise, but leave the list, which may be half changed
 */
enum slat_cpu_step {
	SLAT_STEP_NONE,
	SLAT_STEP_VMXON,
	SLAT_STEP_VMXOFF,
	SLAT_STEP_DROP,
};

/* @on: we have put this CPU into VMX operation. */
enum slat_cpu_step slat_cpu_decide(_Bool on, enum slat_cpu_order order);

/**
 * enum slat_guard_step - what to do about the kernel's one emergency callback
 * @SLAT_GUARD_KEEP:	nothing
 * @SLAT_GUARD_SET:	register ours
 * @SLAT_GUARD_CLEAR:	unregister it
 */
enum slat_guard_step {
	SLAT_GUARD_KEEP,
	SLAT_GUARD_SET,
	SLAT_GUARD_CLEAR,
};

/*
 * @wanted: SLAT_DO_GUARD came last, not SLAT_DO_UNGUARD; @set: ours is registered;
 * @kvms: KVM may register its own at any time.
 */
enum slat_guard_step slat_guard_decide(_Bool wanted, _Bool set, _Bool kvms);

/**
 * enum slat_kvm_part - a module of KVM's
 * @SLAT_KVM_CORE:	kvm: it registers on behalf of the other alone
 * @SLAT_KVM_VENDOR:	kvm_intel: from its start to its end there may be a callback
 */
enum slat_kvm_part {
	SLAT_KVM_CORE,
	SLAT_KVM_VENDOR,
};

/**
 * enum slat_kvm_news - what the kernel says of it
 * @SLAT_KVM_COMES:	it is about to start
 * @SLAT_KVM_LEFT:	it ended, or its start failed: what it registered is gone
 */
enum slat_kvm_news {
	SLAT_KVM_COMES,
	SLAT_KVM_LEFT,
};

/*
 * May KVM register its callback from now on?  @kvms: could it before?  The core
 * is there before kvm_intel comes and until it left, so that either's end is the
 * end of both.
 */
_Bool slat_guard_is_kvms(_Bool kvms, enum slat_kvm_part part, enum slat_kvm_news news);

#endif /* SLAT_VMX_OWNER_H */
