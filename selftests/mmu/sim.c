// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks, the plan that schedules them, and the trace that a failing test
 * prints. See sim.h.
 */
#include "sim.h"
#include "sim_internal.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define SIM_STACK	(256 * 1024)
#define SIM_MAX_POINTS	40000000ULL
#define SIM_TRACE	60

struct sim_counts sim_counts;
struct sim_plan sim_plan;
bool sim_expect_warning;
void (*sim_relax_hook)(void);
void (*sim_mutex_hook)(struct sim_lock *lock, bool taken);
void (*sim_store_hook)(const volatile void *p);

struct sim_task sim_tasks[SIM_MAX_TASKS];
int sim_nr_tasks;
struct sim_task *sim_current;

static u64 sim_seed;

static struct {
	const char *fmt;
	u64 step;
	int task;
	u64 args[4];
} trace[SIM_TRACE];
static u64 trace_nr;

u64 sim_random(void)
{
	u64 z;

	sim_seed += 0x9e3779b97f4a7c15ULL;
	z = sim_seed;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

u64 sim_below(u64 n)
{
	return sim_random() % n;
}

bool sim_chance(unsigned int in_1024)
{
	return (sim_random() & 1023) < in_1024;
}

void sim_trace(const char *fmt, u64 a, u64 b, u64 c, u64 d)
{
	__typeof__(&trace[0]) t = &trace[trace_nr++ % SIM_TRACE];

	t->fmt = fmt;
	t->step = sim_counts.points;
	t->task = sim_current ? sim_current->nr : -1;
	t->args[0] = a;
	t->args[1] = b;
	t->args[2] = c;
	t->args[3] = d;
}

static void sim_print(void)
{
	u64 i = trace_nr > SIM_TRACE ? trace_nr - SIM_TRACE : 0;
	int nr;

	printf("# seed %llu, task %d, point %llu; the last events:\n",
	       test_options.seed, sim_current ? sim_current->nr : -1,
	       sim_counts.points);
	for (nr = 0; nr < (int)sim_plan.nr; nr++)
		printf("#   preempted at point %llu by task %d\n",
		       sim_plan.preempt[nr].at, sim_plan.preempt[nr].to);
	if (sim_plan.yield == SIM_YIELD_NTH)
		printf("#   yields when asked the %lluth time\n", sim_plan.yield_at);
	for (; i < trace_nr; i++) {
		__typeof__(&trace[0]) t = &trace[i % SIM_TRACE];

		printf("#   %6llu [%d] ", t->step, t->task);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		printf(t->fmt, t->args[0], t->args[1], t->args[2], t->args[3]);
#pragma GCC diagnostic pop
		printf("\n");
	}
	for (nr = 0; nr < sim_nr_tasks; nr++)
		printf("#   task %d %s: %s %s\n", nr, sim_tasks[nr].name,
		       sim_tasks[nr].done ? "done" :
		       sim_tasks[nr].blocked_on ? "blocked on" : "ready",
		       sim_tasks[nr].why ? sim_tasks[nr].why : "");
}

void port_warn(const char *expr, const char *file, int line)
{
	if (!sim_expect_warning)
		test_fail(file, line, "WARN_ON_ONCE(%s)", expr);
	sim_counts.warnings++;
}

void sim_reset(u64 seed, const struct sim_plan *plan)
{
	static const struct sim_plan manual;
	int nr;

	for (nr = 1; nr < sim_nr_tasks; nr++) {
		if (!sim_tasks[nr].done)
			FAIL("a new run begins, but task %d is not done", nr);
	}
	for (nr = 0; nr < SIM_MAX_TASKS; nr++) {
		void *stack = sim_tasks[nr].stack;

		memset(&sim_tasks[nr], 0, sizeof(sim_tasks[nr]));
		sim_tasks[nr].stack = stack;
		sim_tasks[nr].nr = nr;
	}
	memset(&sim_counts, 0, sizeof(sim_counts));
	sim_plan = plan ? *plan : manual;
	sim_seed = seed * 0x2545f4914f6cdd1dULL + 1;
	sim_tasks[0].name = "main";
	sim_nr_tasks = 1;
	sim_current = &sim_tasks[0];
	sim_expect_warning = false;
	sim_relax_hook = NULL;
	sim_mutex_hook = NULL;
	sim_store_hook = NULL;
	trace_nr = 0;
	test_fail_hook = sim_print;
}

/* Keep this stack in @from, go on where @to was kept. */
void sim_switch_stack(void **from, void *to);

__asm__(".text\n"
	".type sim_switch_stack, @function\n"
	"sim_switch_stack:\n"
	"\tpushq %rbp\n\tpushq %rbx\n\tpushq %r12\n"
	"\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n"
	"\tmovq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n"
	"\tpopq %r15\n\tpopq %r14\n\tpopq %r13\n"
	"\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tret\n"
	".size sim_switch_stack, . - sim_switch_stack\n");

static void task_switch(struct sim_task *to)
{
	struct sim_task *from = sim_current;

	if (to == from)
		return;
	sim_counts.switches++;
	sim_current = to;
#ifdef SIM_ASAN
	__sanitizer_start_switch_fiber(from->done ? NULL : &from->fake_stack,
				       to->nr ? to->stack : from->main_stack,
				       to->nr ? SIM_STACK : from->main_size);
#endif
	sim_switch_stack(&from->sp, to->sp);
#ifdef SIM_ASAN
	__sanitizer_finish_switch_fiber(sim_current->fake_stack, NULL, NULL);
#endif
}

/* Somebody else than the current task, which can't go on. */
static struct sim_task *task_pick_other(void)
{
	struct sim_task *ready[SIM_MAX_TASKS];
	int nr, first, count = 0;

	if (sim_current->resumer) {
		struct sim_task *to = sim_current->resumer;

		sim_current->resumer = NULL;
		return to;
	}
	/* In turn, so that who was preempted goes on after all others. */
	first = sim_current->nr ? sim_current->nr + 1 : sim_plan.first ? : 1;
	for (nr = 0; nr < sim_nr_tasks; nr++) {
		struct sim_task *task = &sim_tasks[(first + nr) % sim_nr_tasks];

		if (task != sim_current && !task->done && !task->blocked_on)
			ready[count++] = task;
	}
	if (!count)
		FAIL("deadlock: no task can go on (task %d waits for %s)",
		     sim_current->nr, sim_current->why ? sim_current->why : "?");
	return ready[sim_plan.kind == SIM_RANDOM ? sim_below(count) : 0];
}

static void task_main(void)
{
#ifdef SIM_ASAN
	const void *bottom;
	size_t size;
	int nr;

	__sanitizer_finish_switch_fiber(NULL, &bottom, &size);
	/* Whoever switched here first tells where the main stack is. */
	if (!sim_tasks[0].main_known) {
		for (nr = 0; nr < SIM_MAX_TASKS; nr++) {
			sim_tasks[nr].main_stack = bottom;
			sim_tasks[nr].main_size = size;
			sim_tasks[nr].main_known = true;
		}
	}
#endif
	sim_current->fn(sim_current->arg);
	sim_drain(sim_current);
	if (sim_current->nr_held)
		FAIL("task %d ends with %s held", sim_current->nr,
		     sim_current->held[0]->name);
	sim_current->done = true;
	sim_wake(sim_current);
	task_switch(task_pick_other());
	FAIL("a task that ended runs again");
}

int sim_spawn(const char *name, void (*fn)(void *), void *arg)
{
	struct sim_task *task;
	void **top;

	if (sim_nr_tasks == SIM_MAX_TASKS)
		FAIL("too many tasks");
	task = &sim_tasks[sim_nr_tasks];
	task->name = name;
	task->fn = fn;
	task->arg = arg;
	if (!task->stack)
		task->stack = malloc(SIM_STACK);
#ifdef SIM_ASAN
	/* The last task on it left without a return. */
	ASAN_UNPOISON_MEMORY_REGION(task->stack, SIM_STACK);
#endif
	/* As if task_main() were called: a return address, and six registers. */
	top = (void **)((char *)task->stack + SIM_STACK);
	memset(top - 8, 0, 8 * sizeof(*top));
	top[-2] = (void *)task_main;
	task->sp = top - 8;
	return sim_nr_tasks++;
}

void sim_block(const void *what)
{
	sim_current->blocked_on = what;
	task_switch(task_pick_other());
}

void sim_wake(const void *what)
{
	int nr;

	for (nr = 0; nr < sim_nr_tasks; nr++) {
		if (sim_tasks[nr].blocked_on == what)
			sim_tasks[nr].blocked_on = NULL;
	}
}

bool sim_run(int nr)
{
	struct sim_task *task = &sim_tasks[nr];

	if (task->done)
		return true;
	if (task->blocked_on)
		return false;
	task->resumer = sim_current;
	task_switch(task);
	return task->done;
}

void sim_join_all(void)
{
	int nr;

	sim_drain(sim_current);
	for (nr = 1; nr < sim_nr_tasks; nr++) {
		while (!sim_tasks[nr].done) {
			sim_current->why = "the other tasks";
			sim_block(&sim_tasks[nr]);
		}
	}
}

bool sim_is_done(int nr)
{
	return sim_tasks[nr].done;
}

bool sim_is_blocked(int nr)
{
	return sim_tasks[nr].blocked_on;
}

int sim_self(void)
{
	return sim_current->nr;
}

u64 sim_step(void)
{
	return sim_counts.points;
}

u64 port_clock(void)
{
	return sim_counts.points * (sim_plan.tick ? : 1);
}

static struct sim_task *task_if_ready(int nr)
{
	struct sim_task *task = &sim_tasks[nr];

	if (nr >= sim_nr_tasks || task->done || task->blocked_on)
		return NULL;
	return task;
}

void sim_pause(void)
{
	int nr = sim_below(sim_nr_tasks);
	int i;

	for (i = 0; i < sim_nr_tasks; i++, nr = (nr + 1) % sim_nr_tasks) {
		struct sim_task *task = task_if_ready(nr);

		if (task && task != sim_current) {
			task_switch(task);
			return;
		}
	}
}

void sim_point(void)
{
	unsigned int i;

	if (++sim_counts.points > SIM_MAX_POINTS)
		FAIL("no end in sight: livelock");
	if (sim_plan.buffering)
		sim_drain_some(sim_current);
	if (sim_nr_tasks == 1 || sim_plan.kind == SIM_MANUAL)
		return;
	if (sim_plan.kind == SIM_RANDOM) {
		if (sim_chance(sim_plan.chance))
			sim_pause();
		return;
	}
	for (i = 0; i < sim_plan.nr; i++) {
		struct sim_task *task;

		if (sim_plan.preempt[i].at != sim_counts.points)
			continue;
		task = task_if_ready(sim_plan.preempt[i].to);
		if (task)
			task_switch(task);
	}
}
