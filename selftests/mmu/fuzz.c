// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage-guided fuzzing with clang's libFuzzer: the input is a program of
 * operations (ops.h); its first bytes choose the knobs. `make fuzz` keeps what
 * reached new code in corpus/.
 */
#include "ops.h"

#include <stdlib.h>

#define MAX_OPS	200
#define KNOBS	8

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct sim_plan plan_of(const u8 *knobs)
{
	struct sim_plan plan = {
		.kind = knobs[0] & 1 ? SIM_RANDOM : SIM_MANUAL,
		.chance = 4 + knobs[1],
		.yield = knobs[2] % 3,
		.buffering = knobs[0] & 2,
	};

	return plan;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct world_options options = { .nr_slots = 16 };
	struct sim_plan plan;
	size_t nr;

	if (size < KNOBS + OP_BYTES)
		return 0;
	nr = min((size - KNOBS) / OP_BYTES, (size_t)MAX_OPS);
	plan = plan_of(data);
	options.gen_bits = 2 + data[3] % 5;
	options.first_generation = (1ULL << 30) - data[4] % 8;
	options.vcpus = 1 + data[5] % 3;
	options.accessed_dirty = data[0] & 4;
	options.manual_protect = data[0] & 8;
	options.around = data[5] / 3 % (SLAT_AROUND_MAX + 1);
	options.initially_set = options.manual_protect && (data[0] & 16);
	world_begin(data[6], &plan, &options);
	world.worst = data[0] & 32;
	if (data[0] & 64)
		host_options = (struct host_options){
			.again = 40, .interrupted = 40, .shared = 400, .slow = 300,
			.withhold = 300,
		};
	if (data[0] & 128)
		machine.fail_chance = data[7];
	if (plan.kind == SIM_RANDOM) {
		ops_run_concurrent(data + KNOBS, nr);
		return 0;
	}
	ops_run(data + KNOBS, nr);
	world_end();
	return 0;
}
