// SPDX-License-Identifier: GPL-2.0
/*
 * What guests' time stamp counters count from, on CPUs whose TSCs disagree and in a
 * machine that sleeps. No guest's TSC goes back; those of one VM stay together where the
 * host's do; and none goes on further than the host did.
 */
#include "vmx/tsc_base.h"
#include "world.h"

#include <string.h>

#define TSC_CPUS		3
#define NR_VCPUS	4
#define NOWHERE		-1
#define SECOND		1000000000ULL

typedef unsigned long long u64;

struct guest {
	struct slat_tsc tsc;
	int cpu;
	u64 left;	/* the other clock when it left its CPU */
	u64 field;	/* as the processor has it */
	u64 seen;	/* the greatest value that it read */
};

static struct slat_tsc_host host;
static u64 real, skew[TSC_CPUS];
/* A clock that stands still in the machine's sleep alone, used where TSCs are unstable. */
static u64 other;
static bool unstable;
static struct guest guests[NR_VCPUS];
static u64 state;

static u64 rnd(u64 n)
{
	u64 z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z ^ (z >> 31)) % n;
}

/* Every look at a clock takes a tick. */
static u64 tsc(int cpu)
{
	other++;
	return ++real + skew[cpu];
}

static void begin(u64 start)
{
	unsigned int i;

	memset(&host, 0, sizeof(host));
	memset(skew, 0, sizeof(skew));
	real = start;
	other = 0;
	unstable = false;
	for (i = 0; i < NR_VCPUS; i++)
		guests[i] = (struct guest){ .cpu = NOWHERE };
}

static void arrive(struct guest *guest, int cpu)
{
	guest->cpu = cpu;
	slat_tsc_arrive(&host, &guest->tsc, tsc(cpu),
			unstable ? other - guest->left : 0);
	guest->field = slat_tsc_field(&guest->tsc);
}

static void leave(struct guest *guest)
{
	if (guest->cpu == NOWHERE)
		return;
	if (slat_tsc_leave(&host, &guest->tsc, tsc(guest->cpu)))
		guest->left = other;
	guest->cpu = NOWHERE;
}

static void move(struct guest *guest, int cpu)
{
	if (guest->cpu == cpu)
		return;
	leave(guest);
	arrive(guest, cpu);
}

/* RDTSC of the guest. */
static u64 guest_reads(struct guest *guest)
{
	u64 value = tsc(guest->cpu) + guest->field;

	if ((long long)(value - guest->seen) < 0)
		FAIL("the guest's TSC goes back from %llu to %llu", guest->seen, value);
	guest->seen = value;
	return value;
}

/* The guest's TSC is set: what it reads now is @value. */
static void guest_set(struct guest *guest, u64 value)
{
	guest->tsc.offset = value - slat_tsc_base(&host, tsc(guest->cpu));
	guest->field = slat_tsc_field(&guest->tsc);
	guest->seen = value;
}

/* Asleep for a while, after which CPUs count from @after; ~0: they went on. */
static void machine_sleeps(u64 after)
{
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++)
		leave(&guests[i]);
	slat_tsc_sleep(&host, tsc(0));
	real = after == ~0ull ? real + SECOND : after;
	slat_tsc_wake(&host, tsc(0));
}

/* A TSC starts again at 0, and sooner or later: the guests' go on where they were. */
static void test_sleep(void)
{
	static const u64 afters[] = { 0, 5, 1000 * SECOND, ~0ull };
	unsigned int i, n;
	u64 before, value;

	for (n = 0; n < sizeof(afters) / sizeof(*afters); n++) {
		begin(2000 * SECOND);
		for (i = 0; i < NR_VCPUS; i++) {
			arrive(&guests[i], i % TSC_CPUS);
			guest_set(&guests[i], 77 * SECOND);
		}
		before = guest_reads(&guests[0]);
		machine_sleeps(afters[n]);
		for (i = 0; i < NR_VCPUS; i++) {
			arrive(&guests[i], i % TSC_CPUS);
			value = guest_reads(&guests[i]);
			/* Together, and not ahead by more than the host's own time. */
			CHECK(value - before < 100 + (afters[n] == ~0ull ? SECOND : 0));
		}
		machine_sleeps(3);
		arrive(&guests[1], 1);
		CHECK(guest_reads(&guests[1]) + 100 - value < 200);
	}
}

/* One was idle long before each sleep, the other ran until it: they stay together. */
static void test_together(void)
{
	unsigned int i;
	u64 value;

	begin(2000 * SECOND);
	for (i = 0; i < 2; i++) {
		arrive(&guests[i], i);
		guest_set(&guests[i], 77 * SECOND);
	}
	for (i = 0; i < 3; i++) {
		leave(&guests[0]);
		real += 10 * SECOND;
		guest_reads(&guests[1]);
		machine_sleeps(3);
		arrive(&guests[0], 0);
		arrive(&guests[1], 1);
		value = guest_reads(&guests[0]);
		CHECK(guest_reads(&guests[1]) + 100 - value < 200);
	}
}

/* A vCPU that was set while the host had lost ticks reads what it was set to. */
static void test_set_after_sleep(void)
{
	begin(10 * SECOND);
	arrive(&guests[0], 0);
	machine_sleeps(0);
	arrive(&guests[0], 0);
	guest_set(&guests[0], 42);
	CHECK(guest_reads(&guests[0]) - 42 < 10);
	arrive(&guests[1], 1);
	guest_set(&guests[1], 5 * SECOND);
	machine_sleeps(0);
	arrive(&guests[1], 2);
	CHECK(guest_reads(&guests[1]) - 5 * SECOND < 20);
}

/* To a CPU behind: time stands still. To one ahead and back: never a step back. */
static void test_skew(void)
{
	u64 value, next;

	begin(100 * SECOND);
	skew[1] = -SECOND;
	skew[2] = SECOND;
	arrive(&guests[0], 0);
	value = guest_reads(&guests[0]);
	move(&guests[0], 1);
	next = guest_reads(&guests[0]);
	CHECK(next - value < 10);
	move(&guests[0], 0);
	value = guest_reads(&guests[0]);
	CHECK(value - next - SECOND < 10);
	move(&guests[0], 2);
	move(&guests[0], 1);
	move(&guests[0], 2);
	guest_reads(&guests[0]);
}

/* TSCs that stop with their CPUs: the guest is owed what the other clock says, and once. */
static void test_stops(void)
{
	struct guest *guest = &guests[0];
	u64 value;

	begin(100 * SECOND);
	unstable = true;
	arrive(guest, 0);
	guest_set(guest, 77 * SECOND);
	leave(guest);
	other += SECOND;
	/* Its VMCS leaves the CPU later than its task. */
	CHECK(!slat_tsc_leave(&host, &guest->tsc, tsc(0)));
	other += SECOND;
	arrive(guest, 1);
	value = guest_reads(guest);
	CHECK(value - 79 * SECOND < 20);
	/* Nothing is owed where it has ticked on. */
	leave(guest);
	real += SECOND;
	other += SECOND;
	arrive(guest, 1);
	CHECK(guest_reads(guest) - value - SECOND < 20);
	/* It did not before it left: only what passed behind that is owed. */
	value = guest_reads(guest);
	other += SECOND;
	leave(guest);
	arrive(guest, 1);
	CHECK(guest_reads(guest) - value < 20);
}

/* CPUs that agree move nothing, whatever was set. */
static void test_steady(void)
{
	unsigned int i;
	u64 offset;

	begin(SECOND);
	arrive(&guests[0], 0);
	guest_set(&guests[0], -5ULL);
	guests[0].seen = 0;
	offset = guests[0].tsc.offset;
	for (i = 1; i < 100; i++) {
		move(&guests[0], i % TSC_CPUS);
		CHECK_EQ(guests[0].tsc.offset, offset);
		CHECK_EQ(guests[0].field, offset);
	}
}

static void random_step(void)
{
	struct guest *guest = &guests[rnd(NR_VCPUS)];

	switch (rnd(12)) {
	case 0:
		machine_sleeps(rnd(2) ? rnd(real) : ~0ull);
		break;
	case 1:
		/* While no vCPU is there: under one no TSC changes. */
		for (guest = guests; guest < guests + NR_VCPUS; guest++)
			leave(guest);
		skew[rnd(TSC_CPUS)] = rnd(2 * SECOND) - SECOND;
		break;
	case 2:
		if (guest->cpu != NOWHERE)
			guest_set(guest, rnd(1000 * SECOND));
		break;
	case 3:
		leave(guest);
		other += rnd(2) * rnd(SECOND);
		break;
	case 4 ... 7:
		move(guest, rnd(TSC_CPUS));
		break;
	default:
		if (guest->cpu != NOWHERE)
			guest_reads(guest);
	}
}

static void test_random(void)
{
	unsigned int run, i;

	state = test_options.seed;
	for (run = 0; run < test_runs(300); run++) {
		begin(1000 * SECOND + rnd(1000 * SECOND));
		unstable = run % 2;
		for (i = 0; i < 300; i++)
			random_step();
	}
}

const struct test tsc_tests[] = {
	{ "tsc: sleep that resets the host's", test_sleep },
	{ "tsc: the vCPUs of a VM stay together over sleep", test_together },
	{ "tsc: a guest's is set between sleeps", test_set_after_sleep },
	{ "tsc: CPUs that disagree", test_skew },
	{ "tsc: TSCs that stop while a vCPU is away", test_stops },
	{ "tsc: CPUs that agree change nothing", test_steady },
	{ "tsc: random moves, sleeps and skews", test_random },
	{ 0 }
};
