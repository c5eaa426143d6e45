// SPDX-License-Identifier: GPL-2.0
/*
 * The VM in debugfs, in slat/<pid>-<fd>/: "stats", one "name value" per line;
 * "histograms" of times; "slots", one line each; "ept", see ept_dump.c. Made and
 * removed with the VM; a reader in progress is waited for by debugfs.
 */
#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "insight.h"
#include "mmu/counters.h"
#include "vcpu/vcpu.h"
#include "vm/vm.h"

#define MMU_STAT(name)	{ #name, offsetof(struct slat_mmu_stats, name) }
#define VCPU_STAT(name, field)	{ name, offsetof(struct slat_vcpu, field) }

struct stat_desc {
	const char *name;
	size_t offset;
};

static const struct stat_desc mmu_stats[] = {
	MMU_STAT(faults_ram),
	MMU_STAT(faults_spurious),
	MMU_STAT(faults_retry),
	MMU_STAT(faults_write),
	MMU_STAT(around_leafs),
	MMU_STAT(wrprot_leafs),
	MMU_STAT(rounds_rmap),
	MMU_STAT(rounds_scan),
	MMU_STAT(mmio_mark),
	MMU_STAT(mmio_hit),
	MMU_STAT(mmio_stale),
	MMU_STAT(mapped_leafs),
	MMU_STAT(zapped_leafs),
	MMU_STAT(zapped_mmio),
	MMU_STAT(tables),
	MMU_STAT(tables_freed),
	MMU_STAT(flushes),
	MMU_STAT(flush_cpus),
	MMU_STAT(yields),
	MMU_STAT(reclaims),
};

static const struct stat_desc vcpu_stats[] = {
	VCPU_STAT("exits_total", stats.exits),
	VCPU_STAT("exits_aborted", stats.aborts),
	VCPU_STAT("exits_ept", stats.ept),
	VCPU_STAT("exits_mmio", access.stats.mmio),
	VCPU_STAT("exits_io", stats.io),
	VCPU_STAT("exits_pio", access.stats.pio),
	VCPU_STAT("io_in_kernel", access.stats.in_kernel),
	VCPU_STAT("exits_cpuid", stats.cpuid),
	VCPU_STAT("exits_hlt", stats.hlt),
	VCPU_STAT("insn_emulated", access.stats.insn_emulated),
	VCPU_STAT("insn_failed", access.stats.insn_failed),
	VCPU_STAT("returns_signal", stats.signal),
	VCPU_STAT("returns_user", stats.user),
};

static_assert(ARRAY_SIZE(mmu_stats) * sizeof(u64) ==
	      sizeof(struct slat_mmu_stats));
static_assert(ARRAY_SIZE(vcpu_stats) * sizeof(u64) ==
	      sizeof(struct slat_vcpu_stats) + sizeof(struct slat_access_stats));

static u64 vcpu_stat_sum(struct slat_vm *vm, size_t offset)
{
	struct slat_vcpu *vcpu;
	unsigned long id;
	u64 sum = 0;

	xa_for_each(&vm->vcpus, id, vcpu)
		sum += READ_ONCE(*(u64 *)((char *)vcpu + offset));
	return sum;
}

static void slots_root_show(struct seq_file *m, struct slat_vm *vm)
{
	const struct slat_slots_root *root;
	struct slat_reader reader;
	u64 generation;
	u32 nr;

	slat_reader_register(&vm->epochs, &reader);
	slat_reader_enter(&vm->epochs, &reader);
	root = slat_memslots_read(&vm->slots);
	generation = root->generation;
	nr = root->nr;
	slat_reader_leave(&vm->epochs, &reader);
	slat_reader_unregister(&vm->epochs, &reader);
	seq_printf(m, "generation %llu\n", generation & ~SLAT_GEN_IN_FLUX);
	seq_printf(m, "nr_slots %u\n", nr);
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct slat_vm *vm = m->private;
	struct slat_mmu_stats sum;
	size_t i;

	/* as in traces */
	seq_printf(m, "id %u\n", slat_vm_id(vm));
	slots_root_show(m, vm);
	slat_mmu_stats_sum(&vm->mmu, &sum);
	for (i = 0; i < ARRAY_SIZE(mmu_stats); i++)
		seq_printf(m, "%s %llu\n", mmu_stats[i].name,
			   *(u64 *)((char *)&sum + mmu_stats[i].offset));
	/* Creation and failure of a vCPU change the array. */
	mutex_lock(&vm->lock);
	seq_printf(m, "nr_vcpus %u\n", vm->nr_vcpus);
	for (i = 0; i < ARRAY_SIZE(vcpu_stats); i++)
		seq_printf(m, "%s %llu\n", vcpu_stats[i].name,
			   vcpu_stat_sum(vm, vcpu_stats[i].offset));
	mutex_unlock(&vm->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* A line a bucket that is not empty: name, from, to (ns), how often. */
static void hist_show(struct seq_file *m, const char *name, const struct slat_hist *hist)
{
	unsigned int i;

	for (i = 0; i < SLAT_HIST_BUCKETS; i++) {
		const u64 nr = READ_ONCE(hist->bucket[i]);

		if (nr)
			seq_printf(m, "%s %llu %llu %llu\n", name, i ? BIT_ULL(i - 1) : 0,
				   i ? BIT_ULL(i) - 1 : 0, nr);
	}
}

static int histograms_show(struct seq_file *m, void *unused)
{
	struct slat_vm *vm = m->private;

	hist_show(m, "slot_change_ns", &vm->slots.changes);
	hist_show(m, "zap_ns", &vm->mmu.zap);
	hist_show(m, "lock_hold_ns", &vm->mmu.hold);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(histograms);

static int slots_show(struct seq_file *m, void *unused)
{
	slat_vm_slots_show(m->private, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(slots);

/*
 * A VM outlives its fd while a vCPU's is open, so the name may be taken: a
 * suffix then keeps it unique.
 */
static void dir_name(const struct slat_vm *vm, int fd, char *name, size_t size)
{
	struct dentry *parent = vm->device->debugfs, *old;
	unsigned int n;

	snprintf(name, size, "%d-%d", task_tgid_nr(current), fd);
	for (n = 1; (old = debugfs_lookup(name, parent)) != NULL; n++) {
		dput(old);
		snprintf(name, size, "%d-%d-%u", task_tgid_nr(current), fd, n);
	}
}

void slat_vm_debugfs_add(struct slat_vm *vm, int fd)
{
	char name[40];

	if (IS_ERR_OR_NULL(vm->device->debugfs))
		return;
	dir_name(vm, fd, name, sizeof(name));
	vm->debugfs = debugfs_create_dir(name, vm->device->debugfs);
	debugfs_create_file("stats", 0444, vm->debugfs, vm, &stats_fops);
	debugfs_create_file("histograms", 0444, vm->debugfs, vm, &histograms_fops);
	debugfs_create_file("slots", 0444, vm->debugfs, vm, &slots_fops);
	debugfs_create_file("ept", 0444, vm->debugfs, vm, &slat_ept_dump_fops);
}

void slat_vm_debugfs_remove(struct slat_vm *vm)
{
	debugfs_remove_recursive(vm->debugfs);
}
