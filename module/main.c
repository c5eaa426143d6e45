// SPDX-License-Identifier: GPL-2.0
/*
 * Module load and unload: parameters, and the one struct slat_device. The order
 * of load is processor, debugfs, shrinker, node; the node comes last and goes
 * first, so nobody meets a half made device.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/string.h>

#include <asm/processor.h>

#include "ioctl/ioctl.h"
#include "mmu/policy.h"
#include "slots/memslots.h"
#include "vm/device.h"

#define SLAT_MAX_VCPUS		1024
#define SLAT_DEFAULT_VCPUS	288

static char *node_name = "slat";
module_param_named(dev_name, node_name, charp, 0444);
MODULE_PARM_DESC(dev_name, "name of the device node: slat, or kvm where KVM is absent");

static unsigned int nr_memslots = SLAT_NR_MEMSLOTS;
module_param(nr_memslots, uint, 0444);
MODULE_PARM_DESC(nr_memslots, "memory slots per VM");

static unsigned int max_vcpus = SLAT_DEFAULT_VCPUS;
module_param(max_vcpus, uint, 0444);
MODULE_PARM_DESC(max_vcpus, "vCPUs per VM");

static unsigned int gen_bits = SLAT_GEN_BITS_MAX;
module_param(gen_bits, uint, 0444);
MODULE_PARM_DESC(gen_bits, "bits of the slot generation in an MMIO entry (debugging)");

static unsigned long gen_start;
module_param(gen_start, ulong, 0444);
MODULE_PARM_DESC(gen_start, "slot generation of a new VM (debugging)");

static bool eptad = true;
module_param(eptad, bool, 0444);
MODULE_PARM_DESC(eptad, "use the accessed and dirty bits of the EPT");

static unsigned int fault_around = 1 + SLAT_AROUND_MAX;
module_param(fault_around, uint, 0444);
MODULE_PARM_DESC(fault_around, "pages that a fault maps at most, where a guest goes through its memory");

static char *wrprot = "auto";
module_param(wrprot, charp, 0444);
MODULE_PARM_DESC(wrprot, "how dirty pages are protected again: auto, classic, rmap or scan");

static const char *const wrprot_names[] = {
	[SLAT_POLICY_AUTO] = "auto",
	[SLAT_POLICY_CLASSIC] = "classic",
	[SLAT_POLICY_RMAP] = "rmap",
	[SLAT_POLICY_SCAN] = "scan",
};

static struct slat_device slat_device;

static bool range_ok(const char *name, u64 value, u64 low, u64 high)
{
	if (value >= low && value <= high)
		return true;
	pr_err("parameter %s=%llu: expected %llu to %llu\n", name, value, low, high);
	return false;
}

static bool node_name_ok(void)
{
	if (!strcmp(node_name, "slat") || !strcmp(node_name, "kvm"))
		return true;
	pr_err("parameter dev_name='%s': expected slat or kvm\n", node_name);
	return false;
}

static int wrprot_find(void)
{
	int policy = match_string(wrprot_names, ARRAY_SIZE(wrprot_names), wrprot);

	if (policy < 0)
		pr_err("parameter wrprot='%s': expected auto, classic, rmap or scan\n", wrprot);
	return policy;
}

/*
 * The guard bits of MMIO entries lie above the generation, so a processor with
 * few address bits has no room for them. It matters only where L1TF does.
 */
static bool guard_ok(void)
{
	if (slat_mmio_guard(boot_cpu_data.x86_cache_bits) ||
	    !boot_cpu_has_bug(X86_BUG_L1TF))
		return true;
	pr_err("L1TF: %u cacheable address bits, expected at least %u\n",
	       boot_cpu_data.x86_cache_bits, SLAT_CACHE_BITS_MIN);
	return false;
}

static int __init config_init(struct slat_config *config)
{
	int policy = wrprot_find();

	if (policy < 0 || !node_name_ok() || !guard_ok() ||
	    !range_ok("nr_memslots", nr_memslots, 1, SLAT_NR_MEMSLOTS) ||
	    !range_ok("max_vcpus", max_vcpus, 1, SLAT_MAX_VCPUS) ||
	    !range_ok("fault_around", fault_around, 1, 1 + SLAT_AROUND_MAX) ||
	    !range_ok("gen_bits", gen_bits, SLAT_GEN_BITS_MIN, SLAT_GEN_BITS_MAX) ||
	    !range_ok("gen_start", gen_start, 0, SLAT_GEN_IN_FLUX - 1))
		return -EINVAL;
	config->nr_memslots = nr_memslots;
	config->max_vcpus = max_vcpus;
	config->gen_bits = gen_bits;
	config->gen_start = gen_start;
	config->wrprot = policy;
	config->ept_ad = eptad;
	config->fault_around = fault_around;
	return 0;
}

static int __init node_register(struct slat_device *device)
{
	struct miscdevice *misc = &device->misc;
	int err;

	misc->name = node_name;
	misc->minor = strcmp(node_name, "kvm") ? MISC_DYNAMIC_MINOR : KVM_MINOR;
	misc->fops = &slat_dev_fops;
	misc->mode = 0660;
	err = misc_register(misc);
	if (err)
		pr_err("cannot register /dev/%s: error %d%s\n", node_name, err,
		       err == -EBUSY ? " (is kvm loaded?)" : "");
	return err;
}

static int __init slat_init(void)
{
	struct slat_device *device = &slat_device;
	int err;

	err = config_init(&device->config);
	if (err)
		return err;
	device->caps = slat_vmx_init();
	if (IS_ERR(device->caps))
		return PTR_ERR(device->caps);
	mutex_init(&device->vms_lock);
	INIT_LIST_HEAD(&device->vms);
	device->debugfs = debugfs_create_dir("slat", NULL);
	err = slat_device_shrinker_add(device);
	if (err)
		goto err_debugfs;
	err = node_register(device);
	if (err)
		goto err_shrinker;
	return 0;

err_shrinker:
	slat_device_shrinker_remove(device);
err_debugfs:
	debugfs_remove_recursive(device->debugfs);
	slat_vmx_exit();
	return err;
}

static void __exit slat_exit(void)
{
	struct slat_device *device = &slat_device;

	misc_deregister(&device->misc);
	slat_device_shrinker_remove(device);
	debugfs_remove_recursive(device->debugfs);
	slat_vmx_exit();
}

module_init(slat_init);
module_exit(slat_exit);

MODULE_DESCRIPTION("Slat: virtual machines on Intel VMX and EPT behind the KVM ABI");
MODULE_LICENSE("GPL");
