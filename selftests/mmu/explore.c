// SPDX-License-Identifier: GPL-2.0
/*
 * Enumerating schedules. See explore.h.
 */
#include "explore.h"

#define MAX_POINTS	4000

/* One preemption at every point; returns how many there are. */
static u64 explore_points(scenario_fn scenario, int tasks, struct sim_plan plan)
{
	u64 points, at;
	int to;

	plan.nr = 0;
	scenario(&plan);
	points = sim_counts.points;
	if (points > MAX_POINTS)
		FAIL("the scenario is too long: %llu points", points);
	plan.nr = 1;
	for (at = 1; at <= points; at++) {
		for (to = 1; to <= tasks; to++) {
			plan.preempt[0].at = at;
			plan.preempt[0].to = to;
			scenario(&plan);
		}
	}
	return points;
}

void explore(scenario_fn scenario, int tasks, unsigned int pairs)
{
	struct sim_plan plan = { .kind = SIM_PREEMPT };
	unsigned int i;
	u64 points, at;

	for (plan.first = 1; plan.first <= tasks; plan.first++)
		explore_points(scenario, tasks, plan);
	plan.first = 1;
	plan.buffering = true;
	points = explore_points(scenario, tasks, plan);
	for (i = 0; i < pairs; i++) {
		plan.nr = 2 + i % 2;
		plan.first = 1 + i % tasks;
		for (at = 0; at < plan.nr; at++) {
			u64 z = (test_options.seed * 1000003 + i * 7 + at) *
				0x9e3779b97f4a7c15ULL;

			plan.preempt[at].at = 1 + (z >> 20) % points;
			plan.preempt[at].to = 1 + (z >> 50) % tasks;
		}
		scenario(&plan);
	}
}

void explore_yields(scenario_fn scenario)
{
	struct sim_plan plan = { .yield = SIM_YIELD_NEVER };
	u64 questions, at;

	scenario(&plan);
	questions = sim_counts.contended;
	CHECK(questions > 0);
	plan.yield = SIM_YIELD_ALWAYS;
	scenario(&plan);
	CHECK(sim_counts.relaxed > 0);
	plan.yield = SIM_YIELD_NTH;
	for (at = 1; at <= questions && at < MAX_POINTS; at++) {
		plan.yield_at = at;
		scenario(&plan);
	}
}
