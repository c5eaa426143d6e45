/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running a scenario in every order: with one preemption at every point, with
 * two at random ones, with a yield at every place that offers one.
 */
#ifndef SLAT_EXPLORE_H
#define SLAT_EXPLORE_H

#include "sim.h"
#include "tap.h"

/* Makes a world with the plan, spawns tasks, and destroys it. */
typedef void (*scenario_fn)(const struct sim_plan *plan);

/**
 * explore() - every schedule with one preemption, whoever goes first, and @pairs
 *	with two or three
 * @scenario: what to run
 * @tasks: how many tasks it spawns
 * @pairs: how many more
 */
void explore(scenario_fn scenario, int tasks, unsigned int pairs);

/* Never, always, and at each single question of port_rwlock_contended(). */
void explore_yields(scenario_fn scenario);

#endif
