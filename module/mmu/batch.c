// SPDX-License-Identifier: GPL-2.0
/*
 * What an exclusive section owes, and how it ends or yields: the flush first, then the
 * tables that were unlinked go to the epochs, then the lock is dropped. Used by zap.c,
 * wrprot.c, reclaim.c and age.c with the mmu lock held exclusive.
 */
#include "internal.h"

void slat_batch_init(struct slat_batch *batch, struct slat_mmu *mmu,
		     enum slat_why why)
{
	batch->mmu = mmu;
	batch->why = why;
	batch->flush_owed = false;
	batch->leafs = 0;
	batch->mmio = 0;
	batch->unlinked = 0;
	batch->yields = 0;
	batch->work = 0;
	batch->look_at = SLAT_SLICE;
	batch->step.began = 0;
	INIT_LIST_HEAD(&batch->tables);
}

/* What the step that begins will not have done, for batch_trace_step(). */
void slat_batch_note_step(struct slat_batch *batch)
{
	batch->step.leafs = batch->leafs;
	batch->step.mmio = batch->mmio;
	batch->step.unlinked = batch->unlinked;
	batch->step.began = port_trace_ns();
}

/* Write protection has a trace point of its own. */
static bool batch_zaps(const struct slat_batch *batch)
{
	return batch->why != SLAT_WHY_LOG && batch->why != SLAT_WHY_DIRTY;
}

/* Enabled in the middle of a step: then nothing was noted when it began. */
static void batch_trace_step(const struct slat_batch *batch)
{
	const struct slat_ev_zap_step ev = {
		.vm = batch->mmu->config.id,
		.why = batch->why,
		.step = batch->yields,
		.leafs = batch->leafs - batch->step.leafs,
		.mmio = batch->mmio - batch->step.mmio,
		.tables = batch->unlinked - batch->step.unlinked,
		.ns = slat_trace_since(batch->step.began),
	};

	if (batch_zaps(batch) && batch->step.began)
		slat_trace_zap_step(&ev);
}

static void batch_trace_flush(const struct slat_batch *batch, u32 cpus, u64 began)
{
	const struct slat_ev_flush ev = {
		.vm = batch->mmu->config.id,
		.why = batch->why,
		.cpus = cpus,
		.ns = slat_trace_since(began),
	};

	slat_trace_flush(&ev);
}

static void table_retired_free(struct slat_retired *retired)
{
	slat_table_free_subtree(container_of(retired, struct slat_table, retired));
}

/*
 * Flush, then hand the unlinked tables to the epochs: after the flush no CPU
 * walks them, after the epoch no lookup does.
 */
void slat_batch_flush(struct slat_batch *batch)
{
	struct slat_mmu *mmu = batch->mmu;
	struct slat_table *table, *next;

	port_assert_write(&mmu->lock);
	if (batch->flush_owed) {
		u64 began = slat_trace_began(slat_flush);
		unsigned int cpus = mmu->ops->flush(mmu->ctx);

		slat_count(&mmu->counters.flushes);
		port_counter_add(&mmu->counters.flush_cpus, cpus);
		batch->flush_owed = false;
		if (port_trace_on(slat_flush))
			batch_trace_flush(batch, cpus, began);
	}
	list_for_each_entry_safe(table, next, &batch->tables, batch_list) {
		list_del(&table->batch_list);
		slat_epoch_retire(mmu->epochs, &table->retired,
				  SLAT_PAGE_SIZE + sizeof(*table), table_retired_free);
	}
	if (port_trace_on(slat_zap_step))
		batch_trace_step(batch);
	slat_hist_add(&mmu->hold, port_clock() - batch->held_since);
}

static bool batch_is_spent(const struct slat_batch *batch)
{
	return batch->work >= SLAT_HOLD_ENTRIES ||
	       port_clock_ns(port_clock() - batch->held_since) >= SLAT_HOLD_NS;
}

/*
 * A slice of work is done. If somebody waits, or the section has had the lock for long
 * enough, it is dropped and taken again. What is owed is flushed first: while the lock
 * is dropped others may believe that the zapped part is gone.
 */
bool slat_batch_look(struct slat_batch *batch)
{
	struct slat_mmu *mmu = batch->mmu;

	port_assert_write(&mmu->lock);
	batch->look_at = batch->work + SLAT_SLICE;
	if (!port_rwlock_contended(&mmu->lock) && !batch_is_spent(batch))
		return false;
	slat_batch_flush(batch);
	slat_count(&mmu->counters.yields);
	port_rwlock_relax(&mmu->lock);
	batch->yields++;
	slat_batch_begin_step(batch);
	return true;
}
