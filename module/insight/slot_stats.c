// SPDX-License-Identifier: GPL-2.0
/*
 * What a slot's counters say: SLAT_GET_SLOT_STATS, and a line a slot in debugfs.
 * Most of it is in slat_slot_state; how many leafs are mapped is counted when it
 * is asked for, by a walk. Called without locks; takes slots_lock, but not for the
 * walk: whoever watches must not keep a slot change from going on.
 */
#include <linux/bitops.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "insight.h"
#include "mmu/counters.h"
#include "mmu/query.h"
#include "slots/dirty_bitmap.h"
#include "vm/vm.h"

int slat_vm_visit(struct slat_vm *vm, gfn_t start, struct slat_visit *v)
{
	struct slat_reader reader;
	gfn_t gfn = start;
	int err = 0;

	slat_reader_register(&vm->epochs, &reader);
	while (gfn < v->end && !err) {
		slat_reader_enter(&vm->epochs, &reader);
		gfn = slat_mmu_visit(&vm->mmu, gfn, v);
		slat_reader_leave(&vm->epochs, &reader);
		cond_resched();
		err = fatal_signal_pending(current) ? -EINTR : 0;
	}
	slat_reader_unregister(&vm->epochs, &reader);
	return err;
}

static void leaf_count(struct slat_visit *v, gfn_t gfn, int level, u64 entry)
{
	struct slat_slot_stats *stats = v->arg;

	if (!ept_is_leaf(entry, level) || level > ARRAY_SIZE(stats->mapped))
		return;
	stats->mapped[level - 1]++;
	if (entry & EPT_W)
		stats->mapped_writable++;
}

static u64 dirty_count(const struct slat_dirty_log *log)
{
	u64 i, nr = 0;

	for (i = 0; i < log->nr_words; i++) {
		nr += hweight_long(READ_ONCE(log->live[i]));
		if (i % 65536 == 65535)
			cond_resched();
	}
	return nr;
}

/* All but what a walk and the whole EPT tell; slots_lock is held. */
static void stats_fill(struct slat_vm *vm, const struct slat_memslot *slot,
		       struct slat_slot_stats *stats)
{
	struct slat_slot_state *state = slot->state;
	struct slat_fault_counts faults;

	slat_fault_counts_sum(&vm->slots, slot, &faults);
	*stats = (struct slat_slot_stats) {
		.slot = slot->id,
		.gpa = slot->base_gfn << SLAT_PAGE_SHIFT,
		.size = slot->npages << SLAT_PAGE_SHIFT,
		.hva = slot->hva,
		.slot_flags = slot->flags,
		.protect = slat_protect_of(slat_memslots_policy(&vm->slots, slot)),
		.faults_ram = faults.nr[SLAT_SLOT_FAULT_RAM],
		.faults_write = faults.nr[SLAT_SLOT_FAULT_WRITE],
		.faults_spurious = faults.nr[SLAT_SLOT_FAULT_SPURIOUS],
		.faults_retry = faults.nr[SLAT_SLOT_FAULT_RETRY],
		.zapped = atomic64_read(&state->zapped),
		.wrprot_leafs = state->wrprot_leafs,
		.wrprot_ns = port_clock_ns(state->wrprot_spent),
		.rounds_rmap = state->rounds[SLAT_WRPROT_RMAP],
		.rounds_scan = state->rounds[SLAT_WRPROT_SCAN],
		.dirty_reported = state->dirty_reported,
	};
	if (!slot->log)
		return;
	stats->dirty_now = dirty_count(slot->log);
	stats->dirty_ns = port_clock_ns(port_clock() - state->dirty_since);
}

/*
 * The leafs where the slot was when @stats was filled: without slots_lock, so it may have
 * gone meanwhile, and the counts with it.
 */
static int stats_count_leafs(struct slat_vm *vm, struct slat_slot_stats *stats)
{
	const gfn_t start = stats->gpa >> SLAT_PAGE_SHIFT;
	struct slat_visit visit = {
		.end = start + (stats->size >> SLAT_PAGE_SHIFT),
		.visit = leaf_count,
		.arg = stats,
	};

	return slat_vm_visit(vm, start, &visit);
}

/* What is counted for the whole EPT alone. */
static void stats_add_mmio(struct slat_vm *vm, struct slat_slot_stats *stats)
{
	struct slat_mmu_stats mmu;

	slat_mmu_stats_sum(&vm->mmu, &mmu);
	stats->mmio_mark = mmu.mmio_mark;
	stats->mmio_hit = mmu.mmio_hit;
	stats->mmio_stale = mmu.mmio_stale;
}

int slat_vm_slot_stats(struct slat_vm *vm, void __user *argp, struct slat_reject *why)
{
	struct slat_memslots *slots = &vm->slots;
	const struct slat_memslot *slot;
	struct slat_slot_stats stats;
	int err;

	if (copy_from_user(&stats, argp, sizeof(stats)))
		return -EFAULT;
	err = slat_check_form(&stats, 0, why);
	if (err)
		return err;
	why->slot = stats.slot;
	if (stats.slot >= slots->config.nr_max)
		return slat_reject(why, -EINVAL, SLAT_CHECK_SLOT_ID, stats.slot,
				   slots->config.nr_max - 1);
	mutex_lock(&slots->lock);
	slot = slat_memslots_find_id(slots, stats.slot);
	if (slot)
		stats_fill(vm, slot, &stats);
	mutex_unlock(&slots->lock);
	if (!slot)
		return slat_reject(why, -ENOENT, SLAT_CHECK_NO_SLOT, stats.slot, 0);
	err = stats_count_leafs(vm, &stats);
	if (err)
		return err;
	stats_add_mmio(vm, &stats);
	/* As in a GPA query: the VM's own process alone is told. */
	if (vm->mm != current->mm)
		stats.hva = 0;
	return copy_to_user(argp, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static void slot_show(struct seq_file *m, const struct slat_slot_stats *s)
{
	seq_printf(m, "%u gpa 0x%llx size 0x%llx hva 0x%llx flags %u protect %u", s->slot, s->gpa,
		   s->size, s->hva, s->slot_flags, s->protect);
	seq_printf(m, " faults_ram %llu faults_write %llu faults_spurious %llu faults_retry %llu",
		   s->faults_ram, s->faults_write, s->faults_spurious, s->faults_retry);
	seq_printf(m, " mapped_4k %llu mapped_2m %llu mapped_1g %llu writable %llu zapped %llu",
		   s->mapped[0], s->mapped[1], s->mapped[2], s->mapped_writable, s->zapped);
	seq_printf(m, " wrprot_leafs %llu wrprot_ns %llu rounds_rmap %llu rounds_scan %llu",
		   s->wrprot_leafs, s->wrprot_ns, s->rounds_rmap, s->rounds_scan);
	seq_printf(m, " dirty_reported %llu dirty_now %llu dirty_ns %llu\n", s->dirty_reported,
		   s->dirty_now, s->dirty_ns);
}

/* The first slot with number @id or above; false: there is none. */
static bool slot_next(struct slat_vm *vm, u32 *id, struct slat_slot_stats *stats)
{
	struct slat_memslots *slots = &vm->slots;
	bool found;

	mutex_lock(&slots->lock);
	while (*id < slots->nr_ids && !slots->by_id[*id])
		++*id;
	found = *id < slots->nr_ids;
	if (found)
		stats_fill(vm, slots->by_id[*id], stats);
	mutex_unlock(&slots->lock);
	return found;
}

void slat_vm_slots_show(struct slat_vm *vm, struct seq_file *m)
{
	struct slat_slot_stats stats;
	u32 id;

	for (id = 0; slot_next(vm, &id, &stats) && !seq_has_overflowed(m); id++) {
		if (!stats_count_leafs(vm, &stats))
			slot_show(m, &stats);
	}
}
