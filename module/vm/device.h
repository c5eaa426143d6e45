/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device: what all VMs have in common. One exists, in main.c; it travels by
 * pointer, from the misc device's file to each VM.
 */
#ifndef SLAT_VM_DEVICE_H
#define SLAT_VM_DEVICE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>

#include "mmu/policy.h"
#include "vmx/vmx.h"

struct dentry;
struct shrinker;

/**
 * struct slat_config - module parameters, checked; constant after load
 * @nr_memslots: slots per VM
 * @max_vcpus: vCPUs per VM
 * @gen_bits: bits of the generation in an MMIO entry
 * @gen_start: generation of a new VM's empty slot set
 * @wrprot: how a new VM protects dirty pages again
 * @ept_ad: let the processor keep accessed and dirty bits in the EPT
 * @fault_around: pages that a fault maps at most, 1 to 1 + SLAT_AROUND_MAX
 */
struct slat_config {
	u32 nr_memslots;
	u32 max_vcpus;
	u32 gen_bits;
	u64 gen_start;
	enum slat_wrprot_policy wrprot;
	bool ept_ad;
	unsigned int fault_around;
};

/* A vCPU's id may be larger than their number, as in KVM. */
#define SLAT_VCPU_IDS_PER_VCPU	4

/**
 * struct slat_device - the module's one object
 * @misc: the node; its file operations find the rest by container_of()
 * @caps: what the processor offers; constant after load
 * @config: module parameters
 * @debugfs: the module's directory there
 * @shrinker: takes tables back under memory pressure
 * @last_vm_id: number of the VM made last, for traces
 * @vms_lock: protects @vms; no memory is allocated under it
 * @vms: all VMs
 */
struct slat_device {
	struct miscdevice misc;
	const struct slat_vmx_caps *caps;
	struct slat_config config;
	struct dentry *debugfs;
	struct shrinker *shrinker;
	atomic_t last_vm_id;
	struct mutex vms_lock;
	struct list_head vms;
};

/* How many ids there are for vCPUs, where the client does not ask for less. */
static inline u32 slat_max_vcpu_ids(const struct slat_device *device)
{
	return device->config.max_vcpus * SLAT_VCPU_IDS_PER_VCPU;
}

/**
 * slat_device_shrinker_add() - offer table pages to memory pressure
 * @device: the device
 *
 * Return: 0 or -ENOMEM.
 */
int slat_device_shrinker_add(struct slat_device *device);
void slat_device_shrinker_remove(struct slat_device *device);

#endif
