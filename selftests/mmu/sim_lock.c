// SPDX-License-Identifier: GPL-2.0
/*
 * Locks with their order asserted, waiting, and store buffers. Part of the
 * simulated machine (sim.h); the core reaches it through port_sim.h.
 */
#include "sim_internal.h"
#include "tap.h"

#include <string.h>

void sim_lock_init(struct sim_lock *lock, const char *name, int rank)
{
	const char *arrow = strrchr(name, '>');

	lock->name = arrow ? arrow + 1 : name;
	lock->rank = rank;
	lock->readers = 0;
	lock->writer = NULL;
}

void sim_might_sleep(const char *what)
{
	int i;

	if (sim_current->atomic)
		FAIL("%s may sleep, which the caller forbade", what);
	for (i = 0; i < sim_current->nr_held; i++) {
		if (sim_current->held[i]->rank >= SIM_RANK_MMU)
			FAIL("%s may sleep, but %s is held", what,
			     sim_current->held[i]->name);
	}
}

static void lock_check_order(struct sim_lock *lock, bool sleeping)
{
	int i;

	if (!lock->name)
		FAIL("a lock is used before its init");
	if (sleeping)
		sim_might_sleep(lock->name);
	if (lock->rank == SIM_RANK_SLOTS && sim_current->in_section)
		FAIL("%s is taken inside a reader section", lock->name);
	for (i = 0; i < sim_current->nr_held; i++) {
		if (sim_current->held[i]->rank >= lock->rank)
			FAIL("lock order: %s is taken with %s held", lock->name,
			     sim_current->held[i]->name);
	}
	if (sim_current->nr_held == SIM_MAX_HELD)
		FAIL("too many locks held");
}

static void lock_push(struct sim_lock *lock, bool exclusive)
{
	sim_current->held[sim_current->nr_held] = lock;
	sim_current->held_exclusive[sim_current->nr_held++] = exclusive;
}

static void lock_pop(struct sim_lock *lock, bool exclusive)
{
	int i, last = sim_current->nr_held - 1;

	for (i = last; i >= 0; i--) {
		if (sim_current->held[i] == lock &&
		    sim_current->held_exclusive[i] == exclusive)
			break;
	}
	if (i < 0)
		FAIL("%s is released by a task that does not hold it so", lock->name);
	sim_current->held[i] = sim_current->held[last];
	sim_current->held_exclusive[i] = sim_current->held_exclusive[last];
	sim_current->nr_held--;
}

static void lock_wait(struct sim_lock *lock)
{
	sim_current->why = lock->name;
	sim_block(lock);
}

void sim_lock_shared(struct sim_lock *lock)
{
	lock_check_order(lock, false);
	sim_point();
	while (lock->writer)
		lock_wait(lock);
	lock->readers++;
	lock_push(lock, false);
	sim_drain(sim_current);
}

void sim_unlock_shared(struct sim_lock *lock)
{
	sim_drain(sim_current);
	lock_pop(lock, false);
	if (!--lock->readers)
		sim_wake(lock);
	sim_point();
}

void sim_lock_exclusive(struct sim_lock *lock, bool sleeping)
{
	lock_check_order(lock, sleeping);
	sim_point();
	while (lock->writer || lock->readers)
		lock_wait(lock);
	lock->writer = sim_current;
	lock_push(lock, true);
	sim_drain(sim_current);
	if (sleeping && sim_mutex_hook)
		sim_mutex_hook(lock, true);
}

void sim_unlock_exclusive(struct sim_lock *lock)
{
	sim_drain(sim_current);
	if (lock->rank == SIM_RANK_SLOTS && sim_mutex_hook)
		sim_mutex_hook(lock, false);
	lock_pop(lock, true);
	lock->writer = NULL;
	sim_wake(lock);
	sim_point();
}

bool sim_holds(const struct sim_lock *lock, bool exclusive)
{
	int i;

	for (i = 0; i < sim_current->nr_held; i++) {
		if (sim_current->held[i] == lock &&
		    (!exclusive || sim_current->held_exclusive[i]))
			return true;
	}
	return false;
}

bool sim_holds_exclusive(void)
{
	int i;

	for (i = 0; i < sim_current->nr_held; i++) {
		if (sim_current->held[i]->rank == SIM_RANK_MMU &&
		    sim_current->held_exclusive[i])
			return true;
	}
	return false;
}

void sim_assert_held(const struct sim_lock *lock, bool exclusive)
{
	if (!sim_holds(lock, exclusive))
		FAIL("%s is not held%s", lock->name, exclusive ? " exclusive" : "");
}

bool sim_contended(struct sim_lock *lock)
{
	sim_assert_held(lock, true);
	sim_counts.contended++;
	switch (sim_plan.yield) {
	case SIM_YIELD_ALWAYS:
		return true;
	case SIM_YIELD_RANDOM:
		return sim_chance(256);
	case SIM_YIELD_NTH:
		return sim_counts.contended == sim_plan.yield_at;
	default:
		return false;
	}
}

/* After each entry, unless the test is about slices: so that a walk may yield anywhere. */
u64 sim_slice(u64 entries)
{
	return sim_plan.slices ? entries : 1;
}

void sim_relax(struct sim_lock *lock)
{
	sim_assert_held(lock, true);
	if (sim_current->atomic)
		FAIL("%s is yielded, which the caller forbade", lock->name);
	sim_counts.relaxed++;
	sim_trace("yields", 0, 0, 0, 0);
	sim_unlock_exclusive(lock);
	if (sim_relax_hook)
		sim_relax_hook();
	if (sim_plan.kind != SIM_MANUAL)
		sim_pause();
	sim_lock_exclusive(lock, false);
}

void sim_cond_resched(void)
{
	sim_might_sleep("cond_resched");
	sim_point();
}

/* As the kernel's: first enlist, then look at the condition, then sleep. */
void sim_wait_begin(port_waitq_t *wq)
{
	sim_might_sleep("wait_event");
	if (sim_current->in_section)
		FAIL("a task waits inside a reader section");
	sim_current->woken = false;
	sim_current->waiting = wq;
}

void sim_wait_sleep(port_waitq_t *wq)
{
	sim_drain(sim_current);
	sim_point();
	if (sim_current->woken)
		return;
	sim_counts.sleeps++;
	sim_trace("sleeps", 0, 0, 0, 0);
	sim_current->why = "a wait queue";
	sim_block(wq);
}

void sim_wait_end(void)
{
	sim_current->waiting = NULL;
}

void sim_wake_all(port_waitq_t *wq)
{
	int nr;

	sim_drain(sim_current);
	sim_point();
	for (nr = 0; nr < sim_nr_tasks; nr++) {
		if (sim_tasks[nr].waiting == wq)
			sim_tasks[nr].woken = true;
	}
	sim_wake(wq);
}

void sim_atomic_begin(void)
{
	sim_current->atomic++;
}

void sim_atomic_end(void)
{
	sim_current->atomic--;
}

void sim_section(bool inside)
{
	sim_current->in_section = inside;
}

/* Store buffers: x86's order, in which only a load may overtake a store. */

void sim_drain(struct sim_task *task)
{
	task->nr_pending = 0;
}

/* The oldest store becomes visible. */
static void drain_one(struct sim_task *task)
{
	task->nr_pending--;
	memmove(task->pending, task->pending + 1,
		task->nr_pending * sizeof(task->pending[0]));
}

void sim_drain_some(struct sim_task *task)
{
	while (task->nr_pending && sim_chance(128))
		drain_one(task);
}

void sim_barrier(void)
{
	sim_point();
	sim_drain(sim_current);
}

/* What a load at @p by the current task must give instead of memory, if any. */
static const char *pending_old(const volatile void *p)
{
	int nr, i;

	for (nr = 0; nr < sim_nr_tasks; nr++) {
		struct sim_task *task = &sim_tasks[nr];

		if (task == sim_current)
			continue;
		for (i = 0; i < task->nr_pending; i++) {
			if (task->pending[i].at == p)
				return task->pending[i].old;
		}
	}
	return NULL;
}

void sim_load(const volatile void *p, void *to, size_t size)
{
	const char *old;

	if (!sim_holds_exclusive())
		sim_point();
	old = pending_old(p);
	memcpy(to, old ? old : (const char *)p, size);
}

void sim_store(volatile void *p, const void *from, size_t size)
{
	struct sim_task *task = sim_current;

	sim_point();
	if (sim_plan.buffering && size <= 8) {
		struct sim_pending *pending;

		if (task->nr_pending == SIM_MAX_PENDING)
			drain_one(task);
		pending = &task->pending[task->nr_pending++];
		pending->at = p;
		pending->size = size;
		memcpy(pending->old, (const char *)p, size);
	}
	memcpy((void *)p, from, size);
	if (sim_store_hook)
		sim_store_hook(p);
	sim_point();
}

void sim_counter_add(u64 *counter, u64 n)
{
	u64 old = *counter;

	if (!sim_holds_exclusive())
		sim_point();
	*counter = old + n;
}

long long sim_atomic_add(atomic64_t *a, long long n)
{
	sim_barrier();
	a->v += n;
	return a->v;
}

long long sim_atomic_read(const atomic64_t *a)
{
	sim_point();
	return a->v;
}
