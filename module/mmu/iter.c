// SPDX-License-Identifier: GPL-2.0
/*
 * The iterator over entries of a range: three small steps (down, side, up) and
 * the one place where a walk may yield. Used by zap.c, wrprot.c, age.c,
 * reclaim.c and verify.c with the mmu lock held.
 */
#include "internal.h"

static void iter_read(struct slat_iter *iter)
{
	iter->old = port_entry_read(slat_table_entry(iter->table, iter->gfn));
}

void slat_iter_start(struct slat_iter *iter, struct slat_mmu *mmu, gfn_t start,
		     gfn_t end)
{
	port_assert_held(&mmu->lock);
	iter->mmu = mmu;
	iter->start = start;
	iter->end = min(end, SLAT_MAX_GFN);
	iter->gfn = start;
	iter->yielded = ~0ULL;
	iter->restart = false;
	iter->table = start < iter->end ? mmu->root : NULL;
	if (iter->table)
		iter_read(iter);
}

static bool iter_down(struct slat_iter *iter)
{
	if (!ept_is_table(iter->old, iter->table->level))
		return false;
	iter->table = slat_table_of(iter->old);
	iter_read(iter);
	return true;
}

static bool iter_side(struct slat_iter *iter)
{
	int level = iter->table->level;
	gfn_t next = slat_level_base(iter->gfn, level) + slat_level_pages(level);

	if (next >= iter->end) {
		iter->table = NULL;
		return true;
	}
	iter->gfn = next;
	if (!slat_level_index(next, level))
		return false;
	iter_read(iter);
	return true;
}

/* Stand on the parent's entry that covers @gfn, which @table ends before. */
static void iter_up(struct slat_iter *iter)
{
	while (!slat_level_index(iter->gfn, iter->table->level) &&
	       iter->table->parent)
		iter->table = iter->table->parent;
	iter_read(iter);
}

void slat_iter_next(struct slat_iter *iter)
{
	if (iter->restart) {
		iter->restart = false;
		iter->table = iter->mmu->root;
		iter_read(iter);
		return;
	}
	if (iter_down(iter))
		return;
	if (!iter_side(iter))
		iter_up(iter);
}

/**
 * slat_iter_yield() - let others run if somebody waits
 * @iter: the walk; nothing was decided yet about the entry where it stands
 * @batch: what the walk owes
 *
 * Flushes what is owed, drops the mmu lock, takes it again; the walk then goes
 * on with the same gfn from the top, since any table may have gone meanwhile.
 * Yields only when the walk has moved since it last yielded: forward progress.
 *
 * Return: true if it yielded: the caller continues its loop.
 */
bool slat_iter_yield(struct slat_iter *iter, struct slat_batch *batch)
{
	slat_batch_did(batch, 1);
	if (iter->yielded == iter->gfn)
		return false;
	if (!slat_batch_yield(batch))
		return false;
	iter->yielded = iter->gfn;
	iter->restart = true;
	return true;
}
