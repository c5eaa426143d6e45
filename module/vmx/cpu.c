// SPDX-License-Identifier: GPL-2.0
/*
 * VMX operation of the processors: on with the first VM, off with the last, and
 * never left on across CPU hotplug, suspend, reboot, kexec or panic.  Each CPU
 * keeps a list of the VMCSs that are active on it, so that they can be written
 * back to memory before VMXOFF or before another CPU loads them.
 *
 * The lists are changed on their own CPU with interrupts off; vmx_on and
 * current_vmx by their own CPU.  users_lock protects the user count and the
 * transitions that it causes.
 *
 * Who else may own VMX: KVM.  Its CPU hotplug state is taken while a VM of ours
 * exists, so that whichever comes second is refused.  On 6.1 KVM holds that
 * state from module load on, with VMX unused until its first VM; then a dynamic
 * state is taken instead ("shared"), and CPUs cannot go offline while VMs exist.
 *
 * The kernel has one slot for a callback that turns VMX off when it panics, and
 * warns if two want it.  It is taken while a VM of ours exists, unless kvm is
 * loaded: on 6.1 KVM's callback then does the same for us, later VMX stays on
 * in a panic, which may cost the crash kernel its other CPUs.
 */
#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>

#include <asm/intel_pt.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

#include "compat.h"
#include "vcpu.h"

struct cpu_state {
	struct slat_vmcs *region;
	bool vmx_on;
	struct slat_vmx *current_vmx;
	struct list_head active;
	cpumask_var_t kick_mask;
	struct slat_cpu_msrs msrs;
};

static DEFINE_PER_CPU(struct cpu_state, cpu_state);

static DEFINE_MUTEX(users_lock);
static unsigned int users;
static int hotplug_state;
static bool shared;
static bool emergency_registered;
static bool rebooting;

#define NR_VPIDS	65536

static DEFINE_SPINLOCK(vpid_lock);
static DECLARE_BITMAP(vpids, NR_VPIDS);

bool slat_cpu_vmx_on(void)
{
	return this_cpu_read(cpu_state.vmx_on);
}

bool slat_cpu_rebooting(void)
{
	return READ_ONCE(rebooting);
}

/* Scratch mask of this CPU; preemption off. */
struct cpumask *slat_cpu_kick_mask(void)
{
	return this_cpu_cpumask_var_ptr(cpu_state.kick_mask);
}

/* The host's own values of the MSRs that SYSCALL and RDTSCP use. */
const struct slat_cpu_msrs *slat_cpu_host_msrs(void)
{
	return this_cpu_ptr(&cpu_state.msrs);
}

/* Return: a VPID, never 0, or -ENOSPC. */
int slat_vpid_alloc(void)
{
	int vpid;

	spin_lock(&vpid_lock);
	vpid = find_next_zero_bit(vpids, NR_VPIDS, 1);
	if (vpid < NR_VPIDS)
		__set_bit(vpid, vpids);
	else
		vpid = -ENOSPC;
	spin_unlock(&vpid_lock);
	return vpid;
}

void slat_vpid_free(u16 vpid)
{
	spin_lock(&vpid_lock);
	__clear_bit(vpid, vpids);
	spin_unlock(&vpid_lock);
}

/* Write the VMCS of @vmx back and forget it; on its CPU, interrupts off. */
static void vmcs_deactivate_local(struct cpu_state *cs, struct slat_vmx *vmx)
{
	slat_vmcs_clear(vmx->vmcs_pa);
	if (cs->current_vmx == vmx)
		cs->current_vmx = NULL;
	list_del(&vmx->cpu_node);
	vmx->launched = false;
	/*
	 * The node is off the list before another CPU can see -1 and put it on
	 * its own.  Pairs with smp_rmb() in slat_cpu_activate().
	 */
	smp_wmb();
	WRITE_ONCE(vmx->cpu, -1);
}

static void vmcs_deactivate_ipi(void *arg)
{
	struct slat_vmx *vmx = arg;

	/* VMXOFF there may have been faster. */
	if (vmx->cpu == smp_processor_id())
		vmcs_deactivate_local(this_cpu_ptr(&cpu_state), vmx);
}

/* Make the VMCS of @vmx active nowhere.  Interrupts on. */
void slat_cpu_deactivate(struct slat_vmx *vmx)
{
	int cpu = READ_ONCE(vmx->cpu);

	if (cpu != -1)
		smp_call_function_single(cpu, vmcs_deactivate_ipi, vmx, 1);
}

/* Make the VMCS of @vmx current on this CPU.  Preemption off. */
void slat_cpu_activate(struct slat_vmx *vmx, int cpu)
{
	struct cpu_state *cs = this_cpu_ptr(&cpu_state);
	bool moved = vmx->cpu != cpu;

	if (unlikely(!cs->vmx_on))
		return;

	if (moved) {
		slat_cpu_deactivate(vmx);
		/* Sets up the region, if it was never active. */
		slat_vmcs_clear(vmx->vmcs_pa);
		local_irq_disable();
		/* Pairs with smp_wmb() in vmcs_deactivate_local(). */
		smp_rmb();
		list_add(&vmx->cpu_node, &cs->active);
		local_irq_enable();
	}
	if (cs->current_vmx != vmx) {
		cs->current_vmx = vmx;
		slat_vmcs_load(vmx->vmcs_pa);
		/* Another guest's branch history must not steer this one. */
		indirect_branch_prediction_barrier();
	}
	if (moved) {
		slat_switch_cpu(vmx, cpu);
		vmx->flush_vpid = true;
		WRITE_ONCE(vmx->cpu, cpu);
	}
}

static bool cpu_vmxe_is_set(void)
{
	/* The shadow misses a hypervisor that writes CR4 behind Linux. */
	return (cr4_read_shadow() | __read_cr4()) & X86_CR4_VMXE;
}

static int cpu_vmxon(struct cpu_state *cs)
{
	u64 pa = __pa(cs->region);

	if (cpu_vmxe_is_set())
		return -EBUSY;
	if (!slat_caps_match()) {
		pr_err("slat: CPU %d differs in VMX capabilities\n",
		       smp_processor_id());
		return -EIO;
	}

	rdmsrl(MSR_STAR, cs->msrs.star);
	rdmsrl(MSR_LSTAR, cs->msrs.lstar);
	rdmsrl(MSR_SYSCALL_MASK, cs->msrs.fmask);
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID))
		rdmsrl(MSR_TSC_AUX, cs->msrs.tsc_aux);

	intel_pt_handle_vmx(1);
	cr4_set_bits(X86_CR4_VMXE);
	asm goto("1: vmxon %[pa]\n\t"
		 "jbe %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [pa] "m"(pa) : "cc", "memory" : fail);
	cs->vmx_on = true;
	/* VPIDs and EPTPs are ours alone from here: drop what others left. */
	slat_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	slat_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
	return 0;

fail:
	cr4_clear_bits(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
	return -EIO;
}

static void vmxoff_insn(void)
{
	asm volatile("1: vmxoff\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : : : "cc", "memory");
	cr4_clear_bits(X86_CR4_VMXE);
}

/* Interrupts off, or nobody else runs on this CPU. */
static void cpu_vmxoff(struct cpu_state *cs)
{
	struct slat_vmx *vmx, *next;

	if (!cs->vmx_on)
		return;
	list_for_each_entry_safe(vmx, next, &cs->active, cpu_node)
		vmcs_deactivate_local(cs, vmx);
	cs->vmx_on = false;
	vmxoff_insn();
	intel_pt_handle_vmx(0);
}

static void cpu_on_ipi(void *arg)
{
	atomic_t *error = arg;
	int err = cpu_vmxon(this_cpu_ptr(&cpu_state));

	if (err)
		atomic_cmpxchg(error, 0, err);
}

static void cpu_off_ipi(void *arg)
{
	cpu_vmxoff(this_cpu_ptr(&cpu_state));
}

/* A CPU comes up while VMs exist. */
static int hotplug_online(unsigned int cpu)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = cpu_vmxon(this_cpu_ptr(&cpu_state));
	local_irq_restore(flags);
	if (!err)
		return 0;
	pr_err("slat: CPU %u: VMXON failed: %d\n", cpu, err);
	/* In the starting section a CPU cannot be refused any more. */
	return SLAT_CPUHP_STATE < CPUHP_AP_ONLINE && !shared ? 0 : err;
}

static int hotplug_offline(unsigned int cpu)
{
	unsigned long flags;

	/*
	 * The dynamic state comes before the scheduler has moved all tasks
	 * away, so a vCPU could still be switched in here.  Frozen tasks can't.
	 */
	if (shared && !cpuhp_tasks_frozen) {
		pr_warn("slat: CPU %u stays online while VMs exist and kvm_intel is loaded\n",
			cpu);
		return -EBUSY;
	}
	local_irq_save(flags);
	cpu_vmxoff(this_cpu_ptr(&cpu_state));
	local_irq_restore(flags);
	return 0;
}

/* Panic or kexec of a crash kernel; on each CPU, interrupts off, maybe NMI. */
static void cpu_emergency(void)
{
	struct cpu_state *cs = this_cpu_ptr(&cpu_state);
	struct slat_vmx *vmx;

	WRITE_ONCE(rebooting, true);
	if (!cs->vmx_on)
		return;
	cs->vmx_on = false;
	list_for_each_entry(vmx, &cs->active, cpu_node)
		slat_vmcs_clear(vmx->vmcs_pa);
	vmxoff_insn();
}

static void vmx_busy(void)
{
	pr_err_ratelimited("slat: VMX is in use by another hypervisor, most likely kvm_intel\n");
	pr_err_ratelimited("slat: end its guests, or unload it (rmmod kvm_intel); on kernels that keep VMX on from module load (6.12 and later) boot with kvm.enable_virt_at_load=0\n");
}

static bool kvm_is_loaded(void)
{
	if (!__symbol_get("kvm_rebooting"))
		return false;
	__symbol_put("kvm_rebooting");
	return true;
}

static void emergency_register(void)
{
	emergency_registered = !kvm_is_loaded();
	if (emergency_registered)
		cpu_emergency_register_virt_callback(cpu_emergency);
	else if (!shared)
		pr_info_once("slat: kvm is loaded: VMX stays on if the kernel panics\n");
}

static void emergency_unregister(void)
{
	if (emergency_registered)
		cpu_emergency_unregister_virt_callback(cpu_emergency);
}

static int take_hotplug_state(void)
{
	int state;

	shared = false;
	state = cpuhp_setup_state_nocalls_cpuslocked(SLAT_CPUHP_STATE,
						     "slat/vmx:online",
						     hotplug_online, hotplug_offline);
	if (!state) {
		hotplug_state = SLAT_CPUHP_STATE;
		return 0;
	}
	/* Behind the scheduler KVM takes it only while it has VMX on. */
	if (state != -EBUSY || SLAT_CPUHP_STATE > CPUHP_AP_ONLINE)
		return state;
	shared = true;
	state = cpuhp_setup_state_nocalls_cpuslocked(CPUHP_AP_ONLINE_DYN,
						     "slat/vmx:online",
						     hotplug_online, hotplug_offline);
	if (state < 0)
		return state;
	hotplug_state = state;
	return 0;
}

static int vmx_on_all(void)
{
	atomic_t error = ATOMIC_INIT(0);
	int err;

	cpus_read_lock();
	err = take_hotplug_state();
	if (err)
		goto out;
	on_each_cpu(cpu_on_ipi, &error, 1);
	err = atomic_read(&error);
	if (err)
		goto err_off;
	cpus_read_unlock();
	emergency_register();
	preempt_notifier_inc();
	slat_l1d_warn();
	return 0;

err_off:
	on_each_cpu(cpu_off_ipi, NULL, 1);
	cpuhp_remove_state_nocalls_cpuslocked(hotplug_state);
out:
	cpus_read_unlock();
	if (err == -EBUSY)
		vmx_busy();
	return err;
}

static void vmx_off_all(void)
{
	preempt_notifier_dec();
	emergency_unregister();
	cpus_read_lock();
	on_each_cpu(cpu_off_ipi, NULL, 1);
	cpuhp_remove_state_nocalls_cpuslocked(hotplug_state);
	cpus_read_unlock();
}

int slat_vmx_get(void)
{
	int err = 0;

	mutex_lock(&users_lock);
	if (!users)
		err = vmx_on_all();
	if (!err)
		users++;
	mutex_unlock(&users_lock);
	return err;
}

void slat_vmx_put(void)
{
	mutex_lock(&users_lock);
	if (!WARN_ON_ONCE(!users) && !--users)
		vmx_off_all();
	mutex_unlock(&users_lock);
}

/* The last CPU before sleep; the others went by hotplug.  Interrupts off. */
static int sleep_suspend(void)
{
	if (users)
		cpu_vmxoff(this_cpu_ptr(&cpu_state));
	return 0;
}

static void sleep_resume(void)
{
	if (users && cpu_vmxon(this_cpu_ptr(&cpu_state)))
		pr_err("slat: VMXON failed on resume\n");
}

SLAT_DEFINE_SYSCORE(sleep_ops, sleep_suspend, sleep_resume);

/* INIT is blocked in VMX operation: firmware could not start the CPUs. */
static int reboot_notify(struct notifier_block *nb, unsigned long event,
			 void *unused)
{
	WRITE_ONCE(rebooting, true);
	on_each_cpu(cpu_off_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_block = {
	.notifier_call = reboot_notify,
};

static void cpus_free(void)
{
	struct cpu_state *cs;
	int cpu;

	for_each_possible_cpu(cpu) {
		cs = per_cpu_ptr(&cpu_state, cpu);
		slat_vmcs_free(cs->region);
		cs->region = NULL;
		free_cpumask_var(cs->kick_mask);
	}
}

static int cpus_alloc(u32 revision)
{
	struct cpu_state *cs;
	int cpu;

	for_each_possible_cpu(cpu) {
		cs = per_cpu_ptr(&cpu_state, cpu);
		INIT_LIST_HEAD(&cs->active);
		cs->region = slat_vmcs_alloc(revision);
		if (!cs->region ||
		    !zalloc_cpumask_var(&cs->kick_mask, GFP_KERNEL)) {
			cpus_free();
			return -ENOMEM;
		}
	}
	return 0;
}

const struct slat_vmx_caps *slat_vmx_init(void)
{
	const struct slat_caps *caps = slat_caps_get();
	int err;

	err = slat_caps_probe();
	if (err)
		return ERR_PTR(err);
	err = cpus_alloc(caps->revision);
	if (err)
		return ERR_PTR(err);
	err = slat_caps_init();
	if (err)
		goto err_cpus;
	slat_register_syscore(&sleep_ops);
	register_reboot_notifier(&reboot_block);
	return &caps->pub;

err_cpus:
	cpus_free();
	return ERR_PTR(err);
}

void slat_vmx_exit(void)
{
	unregister_reboot_notifier(&reboot_block);
	slat_unregister_syscore(&sleep_ops);
	slat_caps_exit();
	cpus_free();
}
