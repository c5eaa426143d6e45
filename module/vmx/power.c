// SPDX-License-Identifier: GPL-2.0
/*
 * Turns VMX on with the first VM and off with the last, and never leaves it on
 * across CPU hotplug, suspend, reboot, kexec or panic: raises the events of
 * owner.h and carries its actions out.  vmxon.c does what is to be done on one
 * CPU.
 *
 * users_lock protects the user count and what the first and the last VM and the
 * notifiers of reboot and modules change.  The state is also read without it: by the callbacks
 * of CPU hotplug, which SLAT_DO_LOCK_CPUS waits for, and by the last CPU before
 * sleep, when no task is left to change it.
 *
 * Who else may own VMX: KVM.  Its CPU hotplug state is taken while a VM of ours
 * exists, so that whichever comes second is refused.  On 6.1 KVM holds that
 * state from module load on, with VMX unused until its first VM; then a dynamic
 * state is taken instead ("shared"), and CPUs cannot go offline while VMs exist.
 *
 * The kernel has one slot for a callback that turns VMX off when it panics, and
 * warns if two want it.  It is taken while a VM of ours exists, unless kvm_intel
 * is loaded: on 6.1 KVM's callback then does the same for us, later VMX stays on
 * in a panic, which may cost the crash kernel its other CPUs.  KVM asks nobody
 * before it takes the slot, even where it then learns that VMX is ours: so the
 * slot is given back before kvm_intel starts, and taken again when it left.
 */
#include "power.h"

#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/syscore_ops.h>

#include <asm/reboot.h>

#include "compat.h"
#include "vcpu.h"

static DEFINE_MUTEX(users_lock);
static unsigned int users;
static enum slat_owner_state owner;
static int hotplug_state;
static bool guard_wanted, guard_is_kvms, guarded;

bool slat_cpu_rebooting(void)
{
	return slat_owner_goes_down(READ_ONCE(owner));
}

static void cpu_on_ipi(void *arg)
{
	atomic_t *error = arg;
	int err = slat_vmxon_order(SLAT_ORDER_ON);

	if (err)
		atomic_cmpxchg(error, 0, err);
}

static void cpu_off_ipi(void *unused)
{
	slat_vmxon_order(SLAT_ORDER_OFF);
}

static enum slat_owner_event vmx_on_all(int *err)
{
	atomic_t error = ATOMIC_INIT(0);

	on_each_cpu(cpu_on_ipi, &error, 1);
	*err = atomic_read(&error);
	return *err ? SLAT_WHEN_VMXON_FAILED : SLAT_WHEN_VMXON_DONE;
}

static int vmx_on_here(void)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = slat_vmxon_order(SLAT_ORDER_ON);
	local_irq_restore(flags);
	if (err)
		pr_err("slat: CPU %d: VMXON failed: %d\n", raw_smp_processor_id(), err);
	return err;
}

static void vmx_off_here(void)
{
	unsigned long flags;

	local_irq_save(flags);
	slat_vmxon_order(SLAT_ORDER_OFF);
	local_irq_restore(flags);
}

static int owner_event(enum slat_owner_event event);

static int hotplug_online(unsigned int cpu)
{
	return owner_event(hotplug_state < CPUHP_AP_ONLINE ? SLAT_WHEN_CPU_STARTS :
			   SLAT_WHEN_CPU_ONLINE);
}

static int hotplug_offline(unsigned int cpu)
{
	return owner_event(cpuhp_tasks_frozen ? SLAT_WHEN_CPU_OFFLINE_FROZEN :
			   SLAT_WHEN_CPU_OFFLINE);
}

static enum slat_owner_event take_state(int wanted, int *err)
{
	int state = cpuhp_setup_state_nocalls_cpuslocked(wanted, "slat/vmx:online",
							 hotplug_online, hotplug_offline);

	*err = min(state, 0);
	if (*err)
		return SLAT_WHEN_STATE_REFUSED;
	/* A dynamic state has got its number now. */
	hotplug_state = state ?: wanted;
	return SLAT_WHEN_STATE_TAKEN;
}

static enum slat_owner_event take_kvms_state(int *err)
{
	enum slat_owner_event event = take_state(SLAT_CPUHP_STATE, err);

	/* Behind the scheduler KVM takes it only while it has VMX on. */
	if (*err != -EBUSY || SLAT_CPUHP_STATE > CPUHP_AP_ONLINE)
		return event;
	return SLAT_WHEN_STATE_IS_KVMS;
}

/* Panic or kexec of a crash kernel; on each CPU, interrupts off, maybe NMI. */
static void cpu_emergency(void)
{
	owner_event(SLAT_WHEN_EMERGENCY);
}

static bool kvm_is_loaded(void)
{
	if (!__symbol_get("kvm_rebooting"))
		return false;
	__symbol_put("kvm_rebooting");
	return true;
}

static void guard_update(void)
{
	switch (slat_guard_decide(guard_wanted, guarded, guard_is_kvms)) {
	case SLAT_GUARD_SET:
		cpu_emergency_register_virt_callback(cpu_emergency);
		guarded = true;
		break;
	case SLAT_GUARD_CLEAR:
		cpu_emergency_unregister_virt_callback(cpu_emergency);
		guarded = false;
		break;
	case SLAT_GUARD_KEEP:
		break;
	}
}

static void tell_failed(int err)
{
	if (err != -EBUSY)
		return;
	pr_err_ratelimited("slat: VMX is in use by another hypervisor, most likely kvm_intel\n");
	pr_err_ratelimited("slat: end its guests, or unload it (rmmod kvm_intel); on kernels that keep VMX on from module load (6.12 and later) boot with kvm.enable_virt_at_load=0\n");
}

static void tell(enum slat_owner_action action, int err)
{
	switch (action) {
	case SLAT_DO_TELL_STARTED:
		slat_l1d_warn();
		break;
	case SLAT_DO_TELL_UNGUARDED:
		if (!guarded)
			pr_info_once("slat: kvm_intel is loaded: VMX stays on if the kernel panics\n");
		break;
	case SLAT_DO_TELL_FAILED:
		tell_failed(err);
		break;
	case SLAT_DO_TELL_STAYS:
		pr_warn("slat: CPU %d stays online while VMs exist and kvm_intel is loaded\n",
			raw_smp_processor_id());
		break;
	default:
		WARN_ON_ONCE(1);
	}
}

/* What is done to all CPUs, or beside them.  Return: what the action reports. */
static enum slat_owner_event carry_out(enum slat_owner_action action, int *err)
{
	switch (action) {
	case SLAT_DO_LOCK_CPUS:
		cpus_read_lock();
		break;
	case SLAT_DO_UNLOCK_CPUS:
		cpus_read_unlock();
		break;
	case SLAT_DO_TAKE_KVMS_STATE:
		return take_kvms_state(err);
	case SLAT_DO_TAKE_OWN_STATE:
		return take_state(CPUHP_AP_ONLINE_DYN, err);
	case SLAT_DO_PUT_STATE:
		cpuhp_remove_state_nocalls_cpuslocked(hotplug_state);
		break;
	case SLAT_DO_VMXON_ALL:
		return vmx_on_all(err);
	case SLAT_DO_VMXOFF_ALL:
		on_each_cpu(cpu_off_ipi, NULL, 1);
		break;
	case SLAT_DO_VMXON_HERE:
		*err = vmx_on_here();
		break;
	case SLAT_DO_VMXOFF_HERE:
		vmx_off_here();
		break;
	case SLAT_DO_DROP_HERE:
		slat_vmxon_order(SLAT_ORDER_DROP);
		break;
	case SLAT_DO_GUARD:
	case SLAT_DO_UNGUARD:
		guard_wanted = action == SLAT_DO_GUARD;
		guard_update();
		break;
	case SLAT_DO_FOLLOW:
		preempt_notifier_inc();
		break;
	case SLAT_DO_UNFOLLOW:
		preempt_notifier_dec();
		break;
	default:
		tell(action, *err);
	}
	return SLAT_WHEN_NONE;
}

/* As owner.h says.  Context: that of the event. */
static int owner_event(enum slat_owner_event event)
{
	const enum slat_owner_action *action;
	const struct slat_owner_row *row;
	enum slat_owner_state state;
	int err = 0;

	do {
		state = READ_ONCE(owner);
		row = slat_owner_decide(state, event);
		if (WARN_ON_ONCE(row->answer == SLAT_ANSWER_NEVER))
			return -EIO;
		if (row->next != state)
			WRITE_ONCE(owner, row->next);
		event = SLAT_WHEN_NONE;
		for (action = row->actions; *action != SLAT_DO_END; action++)
			event = carry_out(*action, &err);
	} while (event != SLAT_WHEN_NONE);

	switch (row->answer) {
	case SLAT_ANSWER_RESULT:
		return err;
	case SLAT_ANSWER_BUSY:
		return -EBUSY;
	default:
		return 0;
	}
}

int slat_vmx_get(void)
{
	int err = 0;

	mutex_lock(&users_lock);
	if (!users)
		err = owner_event(SLAT_WHEN_FIRST_VM);
	if (!err)
		users++;
	mutex_unlock(&users_lock);
	return err;
}

void slat_vmx_put(void)
{
	mutex_lock(&users_lock);
	if (!WARN_ON_ONCE(!users) && !--users)
		owner_event(SLAT_WHEN_LAST_VM);
	mutex_unlock(&users_lock);
}

/* The last CPU before sleep; the others went by hotplug.  Interrupts off. */
static int sleep_suspend(void)
{
	int err = owner_event(SLAT_WHEN_SUSPEND);

	slat_tsc_host_sleeps();
	return err;
}

static void sleep_resume(void)
{
	slat_tsc_host_wakes();
	owner_event(SLAT_WHEN_RESUME);
}

SLAT_DEFINE_SYSCORE(sleep_ops, sleep_suspend, sleep_resume);

static int reboot_notify(struct notifier_block *nb, unsigned long event,
			 void *unused)
{
	mutex_lock(&users_lock);
	owner_event(SLAT_WHEN_REBOOT);
	mutex_unlock(&users_lock);
	return NOTIFY_OK;
}

static struct notifier_block reboot_block = {
	.notifier_call = reboot_notify,
};

static void kvm_news(enum slat_kvm_part part, enum slat_kvm_news news)
{
	mutex_lock(&users_lock);
	guard_is_kvms = slat_guard_is_kvms(guard_is_kvms, part, news);
	guard_update();
	mutex_unlock(&users_lock);
}

/* It stays, and KVM has no callback for VMs of ours. */
static void kvm_came(void)
{
	mutex_lock(&users_lock);
	if (owner == SLAT_OWNER_EXCLUSIVE)
		tell(SLAT_DO_TELL_UNGUARDED, 0);
	mutex_unlock(&users_lock);
}

/* Before a module's start, after it, and after its end; without module_mutex. */
static int module_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct module *module = data;
	enum slat_kvm_part part;

	if (!strcmp(module->name, "kvm_intel"))
		part = SLAT_KVM_VENDOR;
	else if (!strcmp(module->name, "kvm"))
		part = SLAT_KVM_CORE;
	else
		return NOTIFY_DONE;

	if (event == MODULE_STATE_COMING)
		kvm_news(part, SLAT_KVM_COMES);
	else if (event == MODULE_STATE_GOING)
		kvm_news(part, SLAT_KVM_LEFT);
	else if (event == MODULE_STATE_LIVE && part == SLAT_KVM_VENDOR)
		kvm_came();
	return NOTIFY_OK;
}

static struct notifier_block module_block = {
	.notifier_call = module_notify,
};

/*
 * What was loaded before us.  kvm is there before kvm_intel comes, and who looks
 * kvm up does not wait for it.
 */
static void kvm_look(void)
{
	if (kvm_is_loaded())
		kvm_news(SLAT_KVM_VENDOR, SLAT_KVM_COMES);
}

void slat_power_init(void)
{
	slat_register_syscore(&sleep_ops);
	register_reboot_notifier(&reboot_block);
	register_module_notifier(&module_block);
	kvm_look();
}

void slat_power_exit(void)
{
	unregister_module_notifier(&module_block);
	unregister_reboot_notifier(&reboot_block);
	slat_unregister_syscore(&sleep_ops);
}
