/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The simulated machine's scheduler: tasks are coroutines of one thread, and
 * at every point where the real machine could switch, the plan decides who goes
 * on. So every interleaving can be asked for by number and repeated by seed.
 */
#ifndef SLAT_SIM_H
#define SLAT_SIM_H

#include <port_user.h>

#ifdef __SANITIZE_ADDRESS__
#define SIM_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN
#endif
#endif

#define SIM_MAX_TASKS	10
#define SIM_MAX_HELD	8

/**
 * struct sim_plan - who runs when
 * @kind: SIM_MANUAL: the running task goes on until it blocks; SIM_RANDOM: it
 *	is preempted at any point with @chance in 1024; SIM_PREEMPT: exactly at
 *	the points listed
 * @chance: see @kind
 * @first: the task that goes first when the main task waits, 0 as 1
 * @nr: length of @preempt
 * @preempt: at point @at the task @to runs
 * @yield: how port_rwlock_contended() answers
 * @yield_at: with SIM_YIELD_NTH, the only question that is answered yes
 * @tick: what port_clock() counts at a scheduling point, 0 as 1
 * @slices: exclusive sections ask that question after whole slices of work alone
 * @buffering: stores may stay in the store buffer
 */
struct sim_plan {
	enum { SIM_MANUAL, SIM_RANDOM, SIM_PREEMPT } kind;
	unsigned int chance;
	int first;
	unsigned int nr;
	struct { u64 at; int to; } preempt[4];
	enum { SIM_YIELD_NEVER, SIM_YIELD_ALWAYS, SIM_YIELD_RANDOM,
	       SIM_YIELD_NTH } yield;
	u64 yield_at;
	u64 tick;
	bool slices;
	bool buffering;
};

struct sim_counts {
	u64 points;		/* scheduling points passed */
	u64 contended;		/* questions asked */
	u64 relaxed;		/* yields made */
	u64 sleeps;		/* port_wait_event() that had to sleep */
	u64 switches;
	u64 warnings;		/* of the core, where expected */
};

extern struct sim_counts sim_counts;
extern struct sim_plan sim_plan;

/* A WARN_ON_ONCE of the core is what the test wants to see. */
extern bool sim_expect_warning;
/* Called with the mmu lock dropped in the middle of a walk. */
extern void (*sim_relax_hook)(void);
/* Called when a mutex was taken (true) or is about to be released (false). */
extern void (*sim_mutex_hook)(struct sim_lock *lock, bool taken);

/* Called after a store by WRITE_ONCE or smp_store_release. */
extern void (*sim_store_hook)(const volatile void *p);

/* Begin anew: only the calling task, number 0, exists. */
void sim_reset(u64 seed, const struct sim_plan *plan);
int sim_spawn(const char *name, void (*fn)(void *), void *arg);
void sim_join_all(void);
/* Run task @nr until it blocks or ends; @return true if it ended. */
bool sim_run(int nr);
bool sim_is_done(int nr);
bool sim_is_blocked(int nr);
int sim_self(void);
u64 sim_step(void);
void sim_point(void);
/* Give way to any other task, as the plan likes. */
void sim_pause(void);
/* Sleep until sim_wake(@what). */
void sim_block(const void *what);
void sim_wake(const void *what);
bool sim_holds(const struct sim_lock *lock, bool exclusive);
bool sim_holds_exclusive(void);
void sim_might_sleep(const char *what);
/* Between these the running task may not sleep, yield or wait. */
void sim_atomic_begin(void);
void sim_atomic_end(void);
/* The running task is inside a reader section. */
void sim_section(bool inside);

u64 sim_random(void);
/* A number below @n. */
u64 sim_below(u64 n);
bool sim_chance(unsigned int in_1024);

/* Remember an event; @fmt takes up to four u64. Printed when a test fails. */
void sim_trace(const char *fmt, u64 a, u64 b, u64 c, u64 d);

#endif
