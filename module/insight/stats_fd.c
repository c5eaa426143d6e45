// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_STATS_FD: the counters and histograms of a VM or a vCPU in KVM's binary
 * form: header, id, descriptors, values, one behind the other. Made by the
 * ioctls; reads take no lock and come from any process that was given the file.
 * Counters that mean what KVM's mean have KVM's name.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "insight.h"
#include "mmu/counters.h"
#include "vcpu/vcpu.h"
#include "vm/vm.h"

/* As KVM's, which the ABI does not fix: the header tells it. */
#define NAME_SIZE	48

#define NAME_OFFSET	offsetof(struct kvm_stats_desc, name)

/*
 * One descriptor as the client reads it. Kernels differ in whether their own
 * struct kvm_stats_desc has room for the name; it stands at the same place.
 */
union stat_desc {
	struct kvm_stats_desc head;
	char bytes[NAME_OFFSET + NAME_SIZE];
};

static_assert(sizeof(union stat_desc) == NAME_OFFSET + NAME_SIZE);

/**
 * struct stat_entry - one counter or histogram
 * @name: what the client is told
 * @flags: KVM_STATS_TYPE_*, _UNIT_* and _BASE_*
 * @exponent: power of the base
 * @nr: values; a histogram's buckets
 * @summed: it is in struct slat_mmu_stats, which is added up for a read
 * @offset: where the first is: there, in struct slat_vm or in struct slat_vcpu
 * @less: offset of the counter to subtract, or NO_LESS
 */
struct stat_entry {
	const char *name;
	u32 flags;
	s16 exponent;
	u16 nr;
	bool summed;
	size_t offset;
	size_t less;
};

#define NO_LESS		(~(size_t)0)

#define PLAIN(type)	(type | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define TIMES		(KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10)

#define SUM_OFFSET(field)	offsetof(struct slat_mmu_stats, field)
#define VM_COUNTER(name, field) { \
	name, PLAIN(KVM_STATS_TYPE_CUMULATIVE), 0, 1, true, SUM_OFFSET(field), NO_LESS }
#define VM_INSTANT(name, field, less) { \
	name, PLAIN(KVM_STATS_TYPE_INSTANT), 0, 1, true, SUM_OFFSET(field), less }
/* Of nanoseconds: the buckets of struct slat_hist are those of the ABI. */
#define VM_HISTOGRAM(name, field) { \
	name, TIMES, -9, SLAT_HIST_BUCKETS, false, offsetof(struct slat_vm, field.bucket), \
	NO_LESS }
#define VCPU_COUNTER(name, field) { \
	name, PLAIN(KVM_STATS_TYPE_CUMULATIVE), 0, 1, false, \
	offsetof(struct slat_vcpu, field), NO_LESS }

static const struct stat_entry vm_entries[] = {
	/* KVM's */
	VM_COUNTER("remote_tlb_flush_requests", flushes),
	VM_INSTANT("pages_4k", mapped_leafs, SUM_OFFSET(zapped_leafs)),
	/* Slat's */
	VM_COUNTER("faults_ram", faults_ram),
	VM_COUNTER("faults_write", faults_write),
	VM_COUNTER("around_leafs", around_leafs),
	VM_COUNTER("faults_spurious", faults_spurious),
	VM_COUNTER("faults_retry", faults_retry),
	VM_COUNTER("mmio_mark", mmio_mark),
	VM_COUNTER("mmio_hit", mmio_hit),
	VM_COUNTER("mmio_stale", mmio_stale),
	VM_COUNTER("wrprot_leafs", wrprot_leafs),
	VM_COUNTER("rounds_rmap", rounds_rmap),
	VM_COUNTER("rounds_scan", rounds_scan),
	VM_COUNTER("mapped_leafs", mapped_leafs),
	VM_COUNTER("zapped_leafs", zapped_leafs),
	VM_COUNTER("zapped_mmio", zapped_mmio),
	VM_INSTANT("tables", tables, NO_LESS),
	VM_COUNTER("tables_freed", tables_freed),
	VM_COUNTER("flush_cpus", flush_cpus),
	VM_COUNTER("yields", yields),
	VM_COUNTER("reclaims", reclaims),
	VM_HISTOGRAM("slot_change_hist", slots.changes),
	VM_HISTOGRAM("zap_hist", mmu.zap),
	VM_HISTOGRAM("lock_hold_hist", mmu.hold),
};

static const struct stat_entry vcpu_entries[] = {
	/* KVM's */
	VCPU_COUNTER("exits", stats.exits),
	VCPU_COUNTER("io_exits", stats.io),
	VCPU_COUNTER("mmio_exits", access.stats.mmio),
	VCPU_COUNTER("signal_exits", stats.signal),
	VCPU_COUNTER("halt_exits", stats.hlt),
	VCPU_COUNTER("insn_emulation_fail", access.stats.insn_failed),
	/* Slat's */
	VCPU_COUNTER("insn_emulated", access.stats.insn_emulated),
	VCPU_COUNTER("ept_exits", stats.ept),
	VCPU_COUNTER("cpuid_exits", stats.cpuid),
	VCPU_COUNTER("aborted_entries", stats.aborts),
	VCPU_COUNTER("io_to_user", access.stats.pio),
	VCPU_COUNTER("io_in_kernel", access.stats.in_kernel),
	VCPU_COUNTER("user_returns", stats.user),
};

#define NR_VM_HISTOGRAMS	3

/* All of a VM but the flushes of which KVM has a name are listed; all of a vCPU. */
static_assert(ARRAY_SIZE(vm_entries) ==
	      sizeof(struct slat_mmu_stats) / sizeof(u64) + 1 + NR_VM_HISTOGRAMS);
static_assert(ARRAY_SIZE(vcpu_entries) * sizeof(u64) ==
	      sizeof(struct slat_vcpu_stats) + sizeof(struct slat_access_stats));

/**
 * struct stats_file - behind one file descriptor
 * @vm: its VM; a reference
 * @entries: which counters and histograms
 * @nr: how many
 * @base: what their offsets count from if they are not summed; lives as long as @vm
 * @head: what the client reads first
 * @id: what it reads second
 */
struct stats_file {
	struct slat_vm *vm;
	const struct stat_entry *entries;
	u32 nr;
	const void *base;
	struct kvm_stats_header head;
	char id[NAME_SIZE];
};

/* A u64 of a sum, or one that its vCPU alone writes, or that is written under a lock. */
static u64 counter_read(const void *base, size_t offset)
{
	return READ_ONCE(*(const u64 *)(base + offset));
}

static void values_get(const void *base, const struct stat_entry *entry, u64 *values)
{
	const u64 less = entry->less == NO_LESS ? 0 : counter_read(base, entry->less);
	u16 i;

	for (i = 0; i < entry->nr; i++)
		values[i] = counter_read(base, entry->offset + i * sizeof(u64)) - less;
}

/* A reader that goes along the file from @pos on, block by block. */
struct stats_reader {
	char __user *to;
	size_t left;
	u64 pos;
};

/* Copy what of the block of @size bytes at @start the reader wants. */
static int block_read(struct stats_reader *reader, u64 start, const void *block, size_t size)
{
	size_t skip, nr;

	if (!reader->left || reader->pos < start || reader->pos >= start + size)
		return 0;
	skip = reader->pos - start;
	nr = min(size - skip, reader->left);
	if (copy_to_user(reader->to, block + skip, nr))
		return -EFAULT;
	reader->to += nr;
	reader->left -= nr;
	reader->pos += nr;
	return 0;
}

static int descs_read(struct stats_reader *reader, const struct stats_file *stats)
{
	u32 i, at = 0;

	/* What is read again and again is the values alone. */
	if (reader->pos >= stats->head.data_offset)
		return 0;
	for (i = 0; i < stats->nr; i++) {
		const struct stat_entry *entry = &stats->entries[i];
		union stat_desc desc;
		int err;

		/* All of it goes to the client. */
		memset(&desc, 0, sizeof(desc));
		desc.head.flags = entry->flags;
		desc.head.exponent = entry->exponent;
		desc.head.size = entry->nr;
		desc.head.offset = at;
		at += entry->nr * sizeof(u64);
		strscpy(desc.bytes + NAME_OFFSET, entry->name, NAME_SIZE);
		err = block_read(reader, stats->head.desc_offset + i * sizeof(desc), &desc,
				 sizeof(desc));
		if (err)
			return err;
	}
	return 0;
}

static int values_read(struct stats_reader *reader, const struct stats_file *stats)
{
	u64 values[SLAT_HIST_BUCKETS], at = stats->head.data_offset;
	struct slat_mmu_stats sum;
	u32 i;

	if (stats->entries == vm_entries)
		slat_mmu_stats_sum(&stats->vm->mmu, &sum);
	for (i = 0; i < stats->nr && reader->left; i++) {
		const struct stat_entry *entry = &stats->entries[i];
		size_t size = entry->nr * sizeof(u64);
		int err = 0;

		/* Whatever is before the values is told by now. */
		if (reader->pos < at + size) {
			values_get(entry->summed ? &sum : stats->base, entry, values);
			err = block_read(reader, at, values, size);
		}
		if (err)
			return err;
		at += size;
	}
	return 0;
}

static ssize_t stats_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	const struct stats_file *stats = file->private_data;
	struct stats_reader reader = { .to = to, .left = size, .pos = *pos };
	int err;

	err = block_read(&reader, 0, &stats->head, sizeof(stats->head));
	if (!err)
		err = block_read(&reader, stats->head.id_offset, stats->id, sizeof(stats->id));
	if (!err)
		err = descs_read(&reader, stats);
	if (!err)
		err = values_read(&reader, stats);
	if (err)
		return err;
	*pos = reader.pos;
	return size - reader.left;
}

static int stats_release(struct inode *inode, struct file *file)
{
	struct stats_file *stats = file->private_data;

	slat_vm_put(stats->vm);
	kfree(stats);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

static void stats_layout(struct stats_file *stats)
{
	struct kvm_stats_header *head = &stats->head;

	head->name_size = NAME_SIZE;
	head->num_desc = stats->nr;
	head->id_offset = sizeof(*head);
	head->desc_offset = head->id_offset + NAME_SIZE;
	head->data_offset = head->desc_offset + stats->nr * sizeof(union stat_desc);
	static_assert(!(sizeof(struct kvm_stats_header) % sizeof(u64)));
	static_assert(!(sizeof(union stat_desc) % sizeof(u64)));
}

/* A file over @stats, which it owns when this succeeds. */
static int stats_fd(struct stats_file *stats, const char *name)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	stats_layout(stats);
	/* The file's reference; its release() drops it. */
	slat_vm_get(stats->vm);
	file = anon_inode_getfile(name, &stats_fops, stats, O_RDONLY);
	if (IS_ERR(file)) {
		slat_vm_put(stats->vm);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file->f_mode |= FMODE_PREAD;
	fd_install(fd, file);
	return fd;
}

int slat_vm_stats_fd(struct slat_vm *vm)
{
	struct stats_file *stats = kzalloc(sizeof(*stats), GFP_KERNEL_ACCOUNT);
	int fd;

	if (!stats)
		return -ENOMEM;
	stats->vm = vm;
	stats->entries = vm_entries;
	stats->nr = ARRAY_SIZE(vm_entries);
	stats->base = vm;
	snprintf(stats->id, sizeof(stats->id), "kvm-%d", task_tgid_nr(current));
	fd = stats_fd(stats, "slat-vm-stats");
	if (fd < 0)
		kfree(stats);
	return fd;
}

int slat_vcpu_stats_fd(struct slat_vcpu *vcpu)
{
	struct stats_file *stats = kzalloc(sizeof(*stats), GFP_KERNEL_ACCOUNT);
	char name[sizeof("slat-vcpu-stats:") + 10];
	int fd;

	if (!stats)
		return -ENOMEM;
	stats->vm = vcpu->vm;
	stats->entries = vcpu_entries;
	stats->nr = ARRAY_SIZE(vcpu_entries);
	stats->base = vcpu;
	snprintf(stats->id, sizeof(stats->id), "kvm-%d/vcpu-%u", task_tgid_nr(current), vcpu->id);
	snprintf(name, sizeof(name), "slat-vcpu-stats:%u", vcpu->id);
	fd = stats_fd(stats, name);
	if (fd < 0)
		kfree(stats);
	return fd;
}
