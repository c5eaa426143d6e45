/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What sim.c (tasks) and sim_lock.c (locks, store buffers) share.
 */
#ifndef SLAT_SIM_INTERNAL_H
#define SLAT_SIM_INTERNAL_H

#include "sim.h"

#define SIM_MAX_PENDING	8

/* A store that other tasks do not see yet: @old is what they still load. */
struct sim_pending {
	const volatile void *at;
	size_t size;
	char old[8];
};

struct sim_task {
	int nr;
	const char *name;
	void (*fn)(void *arg);
	void *arg;
	bool done;
	const void *blocked_on;
	const char *why;
	struct sim_task *resumer;
	struct sim_lock *held[SIM_MAX_HELD];
	bool held_exclusive[SIM_MAX_HELD];
	int nr_held;
	int atomic;
	bool in_section;
	bool woken;
	const port_waitq_t *waiting;
	struct sim_pending pending[SIM_MAX_PENDING];
	int nr_pending;
	void *sp;
	void *stack;
	void *fake_stack;
	const void *main_stack;
	size_t main_size;
	bool main_known;
};

extern struct sim_task sim_tasks[SIM_MAX_TASKS];
extern int sim_nr_tasks;
extern struct sim_task *sim_current;

void sim_drain(struct sim_task *task);
void sim_drain_some(struct sim_task *task);

#endif
