// SPDX-License-Identifier: GPL-2.0
/*
 * Property tests: random programs of operations, one after the other and many
 * at a time, over a range of knobs. A program that fails is made smaller and
 * printed with its seed.
 */
#include "ops.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OPS		400

/**
 * struct knobs - of one run
 * @concurrent: all actors at a time
 */
struct knobs {
	struct world_options options;
	struct sim_plan plan;
	bool concurrent;
	bool worst;
	bool host_nasty;
	unsigned int fail_chance;
};

static void run_program(u64 seed, const struct knobs *knobs, const u8 *ops, size_t nr)
{
	world_begin(seed, &knobs->plan, &knobs->options);
	world.worst = knobs->worst;
	if (knobs->host_nasty)
		host_options = (struct host_options){
			.again = 40, .interrupted = 40, .shared = 400, .slow = 300,
			.withhold = 300,
		};
	machine.fail_chance = knobs->fail_chance;
	if (knobs->concurrent) {
		ops_run_concurrent(ops, nr);
		return;
	}
	ops_run(ops, nr);
	world_end();
}

static bool program_passes(u64 seed, const struct knobs *knobs, const u8 *ops,
			   size_t nr)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(1);
		alarm(10);
		run_program(seed, knobs, ops, nr);
		test_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Leave out what is not needed for the failure; returns the new length. */
static size_t program_shrink(u64 seed, const struct knobs *knobs, u8 *ops, size_t nr)
{
	static u8 smaller[MAX_OPS * OP_BYTES];
	size_t chunk, at;

	for (chunk = nr / 2; chunk; chunk /= 2) {
		for (at = 0; at + chunk <= nr;) {
			memcpy(smaller, ops, at * OP_BYTES);
			memcpy(smaller + at * OP_BYTES, ops + (at + chunk) * OP_BYTES,
			       (nr - at - chunk) * OP_BYTES);
			if (program_passes(seed, knobs, smaller, nr - chunk)) {
				at += chunk;
				continue;
			}
			nr -= chunk;
			memcpy(ops, smaller, nr * OP_BYTES);
		}
	}
	return nr;
}

static void program_fails(u64 seed, const struct knobs *knobs, u8 *ops, size_t nr,
			  FILE *said)
{
	size_t i;
	int c;

	printf("# seed %llu: a program of %zu operations fails; shrinking\n", seed, nr);
	nr = program_shrink(seed, knobs, ops, nr);
	world.options = knobs->options;
	printf("# the %zu operations that matter:\n", nr);
	for (i = 0; i < nr; i++)
		op_print(ops + i * OP_BYTES);
	run_program(seed, knobs, ops, nr);
	printf("# it does not repeat alone; what was said at first:\n");
	rewind(said);
	while ((c = fgetc(said)) != EOF)
		putchar(c);
	FAIL("a program fails only after others");
}

static void program_make(u64 seed, u8 *ops, size_t nr)
{
	size_t i;

	sim_reset(seed, NULL);
	for (i = 0; i < nr * OP_BYTES; i++)
		ops[i] = sim_random();
}

/*
 * @nr programs in a child; the child says which one it is in, so that the
 * parent can look into the one that failed.
 */
static void run_many(const struct knobs *knobs, unsigned int runs, size_t nr)
{
	static u8 ops[MAX_OPS * OP_BYTES];
	u64 first = test_options.seed * 1000003;
	u64 at = first;
	FILE *said = tmpfile();
	int pipes[2], status;
	unsigned int i;
	pid_t pid;

	if (pipe(pipes) || !said)
		FAIL("no pipe or no file");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(fileno(said), STDOUT_FILENO);
		dup2(fileno(said), STDERR_FILENO);
		for (i = 0; i < runs; i++) {
			u64 seed = first + i;

			if (write(pipes[1], &seed, sizeof(seed)) != sizeof(seed))
				_exit(1);
			program_make(seed, ops, nr);
			alarm(20);
			run_program(seed, knobs, ops, nr);
		}
		test_exit(0);
	}
	close(pipes[1]);
	while (read(pipes[0], &at, sizeof(at)) == sizeof(at))
		;
	waitpid(pid, &status, 0);
	close(pipes[0]);
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		fclose(said);
		return;
	}
	program_make(at, ops, nr);
	program_fails(at, knobs, ops, nr, said);
}

static const struct world_options wide = {
	.gen_bits = SLAT_GEN_BITS_MAX, .nr_slots = 32, .vcpus = 2,
};

/* Three bits of generation, a few changes before they wrap. */
static const struct world_options narrow = {
	.gen_bits = 3, .first_generation = (1ULL << 40) - 4, .nr_slots = 32,
	.vcpus = 3, .accessed_dirty = true,
};

static void test_sequence(void)
{
	struct knobs knobs = { .options = wide };

	run_many(&knobs, test_runs(60), 200);
	knobs.options.manual_protect = true;
	run_many(&knobs, test_runs(20), 200);
	knobs.options.initially_set = true;
	knobs.options.around = SLAT_AROUND_MAX;
	run_many(&knobs, test_runs(40), 200);
}

static void test_sequence_wrap(void)
{
	struct knobs knobs = {
		.options = narrow, .worst = true, .host_nasty = true,
		.plan.yield = SIM_YIELD_ALWAYS,
	};

	run_many(&knobs, test_runs(60), 200);
	knobs.options.gen_bits = 2;
	knobs.options.around = 2;
	run_many(&knobs, test_runs(30), 200);
}

static void test_sequence_no_memory(void)
{
	struct knobs knobs = {
		.options = narrow, .host_nasty = true, .fail_chance = 100,
		.plan.yield = SIM_YIELD_RANDOM,
	};

	run_many(&knobs, test_runs(60), 200);
}

static void test_concurrent(void)
{
	struct knobs knobs = {
		.options = wide, .concurrent = true,
		.plan = { .kind = SIM_RANDOM, .chance = 60,
			  .yield = SIM_YIELD_RANDOM, .buffering = true },
	};

	run_many(&knobs, test_runs(150), 150);
	knobs.options.manual_protect = true;
	run_many(&knobs, test_runs(50), 150);
	knobs.options.initially_set = true;
	run_many(&knobs, test_runs(50), 150);
	knobs.options.around = SLAT_AROUND_MAX;
	run_many(&knobs, test_runs(100), 150);
}

static void test_concurrent_nasty(void)
{
	struct knobs knobs = {
		.options = narrow, .concurrent = true, .worst = true,
		.host_nasty = true,
		.plan = { .kind = SIM_RANDOM, .chance = 250,
			  .yield = SIM_YIELD_ALWAYS, .buffering = true },
	};

	run_many(&knobs, test_runs(150), 150);
	knobs.plan.chance = 12;
	knobs.options.gen_bits = 2;
	run_many(&knobs, test_runs(150), 150);
	knobs.options.around = 3;
	run_many(&knobs, test_runs(150), 150);
	knobs.fail_chance = 60;
	run_many(&knobs, test_runs(80), 150);
}

const struct test random_tests[] = {
	{ "random operations in sequence: the tree equals the model", test_sequence },
	{ "random operations across generation wraps, yielding everywhere",
	  test_sequence_wrap },
	{ "random operations with failing allocations", test_sequence_no_memory },
	{ "random operations of many tasks at a time", test_concurrent },
	{ "random operations of many tasks, worst TLBs, nasty host, wraps",
	  test_concurrent_nasty },
	{ }
};
