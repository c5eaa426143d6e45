// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of module/vmx/features.c: the table by itself, and what is derived from
 * it against the specification of spec.c, for each feature by itself and for
 * random hosts and CPUIDs.  The file is included, so that its rows can be seen.
 */
#include <stdio.h>
#include <string.h>

#include "vmx/features.c"

#include "spec.h"
#include "tap.h"

/* A seeded generator (splitmix64), for each test from its beginning. */
static u64 rnd(void)
{
	static u64 state;
	u64 z = (state += 0x9e3779b97f4a7c15ull) + test_options.seed;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static unsigned int rnd_below(unsigned int n)
{
	return rnd() % n;
}

static bool rnd_one_in(unsigned int n)
{
	return !rnd_below(n);
}

#define note(format, ...)	printf("# " format "\n", __VA_ARGS__)

/* The host that slat_feature_host.has() answers for. */
static struct spec_host host;

static bool host_has(u16 feature)
{
	return host.kept[feature];
}

static struct slat_feature_host asked_host(void)
{
	return (struct slat_feature_host) {
		.has = host_has,
		.controls = host.controls,
		.cr4 = host.cr4,
		.xcr0 = host.xcr0,
		.cpuid_7_2_edx = host.cpuid_7_2_edx,
		.arch_caps = host.arch_caps,
		.gds_mitigated = host.gds_mitigated,
	};
}

static void host_full(void)
{
	memset(&host, 0xff, sizeof(host));
	memset(host.kept, true, sizeof(host.kept));
	host.gds_mitigated = true;
}

static void host_random(void)
{
	unsigned int i, rare = 1 + rnd_below(8);
	bool most = rnd_one_in(2);

	for (i = 0; i < SPEC_NR_KEPT; i++)
		host.kept[i] = rnd_one_in(rare) != most;
	host.controls = rnd();
	host.cr4 = rnd() | (rnd_one_in(2) ? ~0ull : 0);
	host.xcr0 = rnd();
	host.cpuid_7_2_edx = rnd();
	host.arch_caps = rnd();
	host.gds_mitigated = rnd_one_in(2);
}

static void cpuid_random(struct spec_cpuid *cpuid)
{
	unsigned int i, reg;

	for (i = 0; i < NR_LEAVES; i++)
		for (reg = 0; reg < 4; reg++)
			cpuid->leaf[i][reg] = rnd();
}

/* What vcpu/cpuid.c collects of a client's CPUID. */
static struct slat_guest_cpuid collected(struct spec_cpuid *cpuid)
{
	struct slat_guest_cpuid out = {};
	unsigned int i;

	for (i = 0; i < SLAT_NR_CPUID_WORDS; i++) {
		const struct slat_cpuid_place *place = &slat_cpuid_places[i];

		out.word[i] = spec_leaf(cpuid, place->function, place->index)[place->reg];
	}
	out.xcr0 = cpuid->leaf[LEAF_D_0][EAX] | (u64)cpuid->leaf[LEAF_D_0][EDX] << 32;
	out.xss = cpuid->leaf[LEAF_D_1][ECX] | (u64)cpuid->leaf[LEAF_D_1][EDX] << 32;
	return out;
}

static bool cpus_equal(const struct slat_guest_cpu *a, const struct slat_guest_cpu *b)
{
	return a->cr4_valid == b->cr4_valid && a->efer_valid == b->efer_valid &&
	       a->xcr0_valid == b->xcr0_valid && a->xss_valid == b->xss_valid &&
	       a->spec_ctrl_valid == b->spec_ctrl_valid && a->features == b->features;
}

static void cpu_note(const char *whose, const struct slat_guest_cpu *cpu)
{
	note("%s: cr4 %#llx efer %#llx xcr0 %#llx xss %#llx spec_ctrl %#llx features %#x",
		 whose, (unsigned long long)cpu->cr4_valid, (unsigned long long)cpu->efer_valid,
		 (unsigned long long)cpu->xcr0_valid, (unsigned long long)cpu->xss_valid,
		 (unsigned long long)cpu->spec_ctrl_valid, cpu->features);
}

static bool cpu_agrees(const struct slat_guest_cpu *got, const struct slat_guest_cpu *want)
{
	if (cpus_equal(got, want))
		return true;
	cpu_note("expected", want);
	cpu_note("got", got);
	return false;
}

/* Is what the host offers, and what it would let a guest have, as specified? */
static bool host_agrees(struct spec_cpuid *told)
{
	struct slat_cpuid_offer offer[SLAT_NR_CPUID_WORDS];
	struct slat_feature_host asked = asked_host();
	struct slat_guest_cpu cpu, want = spec_host_cpu(&host);
	struct spec_cpuid offered;
	unsigned int i;

	slat_features_host(&asked, &cpu, offer);
	if (!cpu_agrees(&cpu, &want))
		return false;
	spec_offer(&host, told, &offered);
	for (i = 0; i < SLAT_NR_CPUID_WORDS; i++) {
		const struct slat_cpuid_place *place = &slat_cpuid_places[i];
		u32 answer = spec_leaf(told, place->function, place->index)[place->reg];
		u32 bits = spec_leaf(&offered, place->function, place->index)[place->reg];
		u32 got = offer[i].decided | (answer & offer[i].passed);

		if (got == bits)
			continue;
		note("leaf %#x.%u register %u: %#x expected, %#x offered", place->function,
			 place->index, place->reg, bits, got);
		return false;
	}
	return true;
}

static bool guest_agrees(struct spec_cpuid *cpuid, const struct slat_guest_cpu *limit)
{
	struct slat_guest_cpuid asked = collected(cpuid);
	struct slat_guest_cpu cpu, want = spec_guest_cpu(cpuid, limit);

	slat_features_guest(&asked, limit, &cpu);
	return cpu_agrees(&cpu, &want);
}

/* A host that lacks one thing, or has nothing else. */
static void test_host_each(void)
{
	struct spec_cpuid all;
	unsigned int i;
	bool ok = true;

	memset(&all, 0xff, sizeof(all));
	for (i = 0; i < SPEC_NR_KEPT + 64 && ok; i++) {
		host_full();
		host.cpuid_7_2_edx &= ~(1u << i % 32);
		if (i < SPEC_NR_KEPT) {
			host.kept[i] = false;
		} else {
			host.controls &= ~(1u << (i - SPEC_NR_KEPT) % 32);
			host.cr4 &= ~(1ull << (i - SPEC_NR_KEPT));
		}
		ok = host_agrees(&all);
		if (i >= SPEC_NR_KEPT || !ok)
			continue;
		memset(host.kept, false, sizeof(host.kept));
		host.kept[i] = true;
		ok = host_agrees(&all);
	}
	CHECK(ok);
}

static void test_host_random(void)
{
	unsigned long n = test_runs(20000);
	struct spec_cpuid told;
	bool ok = true;

	while (n-- && ok) {
		host_random();
		cpuid_random(&told);
		ok = host_agrees(&told);
	}
	CHECK(ok);
}

/* CPUIDs of one bit, and of all but one, on a host that has everything. */
static void test_guest_each(void)
{
	struct slat_guest_cpu limit;
	unsigned int leaf, reg, nr;
	struct spec_cpuid cpuid;
	bool ok = true;

	memset(&limit, 0xff, sizeof(limit));
	for (leaf = 0; leaf < NR_LEAVES && ok; leaf++)
		for (reg = 0; reg < 4 && ok; reg++)
			for (nr = 0; nr < 32 && ok; nr++) {
				memset(&cpuid, 0, sizeof(cpuid));
				cpuid.leaf[leaf][reg] = 1u << nr;
				ok = guest_agrees(&cpuid, &limit);
				memset(&cpuid, 0xff, sizeof(cpuid));
				cpuid.leaf[leaf][reg] &= ~(1u << nr);
				ok = ok && guest_agrees(&cpuid, &limit);
			}
	CHECK(ok);
}

static void test_guest_random(void)
{
	struct slat_cpuid_offer offer[SLAT_NR_CPUID_WORDS];
	unsigned long n = test_runs(20000);
	struct spec_cpuid cpuid;
	bool ok = true;

	while (n-- && ok) {
		struct slat_feature_host asked;
		struct slat_guest_cpu limit;

		host_random();
		asked = asked_host();
		slat_features_host(&asked, &limit, offer);
		/* Of IA32_XSS no host offers anything yet. */
		limit.xss_valid = rnd();
		cpuid_random(&cpuid);
		ok = guest_agrees(&cpuid, &limit);
	}
	CHECK(ok);
}

static bool cpu_within(const struct slat_guest_cpu *a, const struct slat_guest_cpu *b)
{
	return !(a->cr4_valid & ~b->cr4_valid) && !(a->efer_valid & ~b->efer_valid) &&
	       !(a->xcr0_valid & ~b->xcr0_valid) && !(a->xss_valid & ~b->xss_valid) &&
	       !(a->spec_ctrl_valid & ~b->spec_ctrl_valid) &&
	       !(a->features & ~b->features & ~SLAT_CPU_X2APIC);
}

static struct slat_guest_cpu cpu_random(void)
{
	return (struct slat_guest_cpu) {
		.cr4_valid = rnd(), .efer_valid = rnd(), .xcr0_valid = rnd(),
		.xss_valid = rnd(), .spec_ctrl_valid = rnd(), .features = rnd(),
		.signature = rnd(), .maxphyaddr = rnd(),
	};
}

/* The limit takes away and gives nothing; what is the caller's stays. */
static void test_limit(void)
{
	unsigned long n = test_runs(20000);
	bool ok = true;

	while (n-- && ok) {
		struct slat_guest_cpu limit = cpu_random(), cpu = cpu_random(), was = cpu, again;

		slat_features_limit(&cpu, &limit);
		again = cpu;
		slat_features_limit(&again, &limit);
		ok = cpu_within(&cpu, &limit) && cpu_within(&cpu, &was) &&
		     !(cpu.features & ~was.features) && cpus_equal(&cpu, &again) &&
		     cpu.signature == was.signature && cpu.maxphyaddr == was.maxphyaddr;
	}
	CHECK(ok);
}

static void test_msrs(void)
{
	/* Those that features bring, and some others. */
	static const u32 msrs[] = {
		0x3b, 0x48, 0x49, 0x10a, 0x10b, 0xda0, 0xc0000103,
		0x10, 0x1b, 0x8b, 0x174, 0x277, 0x1a0, 0xc0000080,
	};
	unsigned long n = test_runs(20000);
	unsigned int i;
	bool ok = true;

	while (n-- && ok) {
		struct slat_guest_cpu cpu = cpu_random();

		cpu.features &= rnd();
		cpu.spec_ctrl_valid &= 1u << rnd_below(16) & 0x5ff;
		for (i = 0; i < ARRAY_SIZE(msrs) && ok; i++)
			ok = slat_features_msr(&cpu, msrs[i]) == spec_has_msr(&cpu, msrs[i]);
	}
	CHECK(ok);
}

static void test_controls(void)
{
	unsigned long n = test_runs(20000);
	bool ok = slat_features_controls(~0u) == 0x101008;

	while (n-- && ok) {
		struct slat_guest_cpu cpu = cpu_random();

		ok = slat_features_controls(cpu.features) == spec_controls(&cpu);
	}
	CHECK(ok);
}

static void test_arch_caps(void)
{
	unsigned long n = test_runs(20000);
	bool ok = true;

	while (n-- && ok) {
		struct slat_feature_host asked;

		host_random();
		asked = asked_host();
		ok = slat_features_arch_caps(&asked) == spec_arch_caps(&host);
	}
	CHECK(ok);
}

/* One client's bit away: the guest loses what its rows allow, and nothing else. */
static void test_rows_alone(void)
{
	struct slat_guest_cpuid all, less;
	struct slat_guest_cpu limit, full, cpu, lost;
	unsigned int w, nr, i;
	bool ok = true;

	memset(&all, 0xff, sizeof(all));
	memset(&limit, 0xff, sizeof(limit));
	slat_features_guest(&all, &limit, &full);
	for (w = 0; w < SLAT_NR_CPUID_WORDS; w++)
		for (nr = 0; nr < 32; nr++) {
			less = all;
			less.word[w] &= ~(1u << nr);
			slat_features_guest(&less, &limit, &cpu);
			memset(&lost, 0, sizeof(lost));
			for (i = 0; i < ARRAY_SIZE(features); i++)
				if (features[i].word == w && features[i].bit == 1u << nr)
					cpu_add(&lost, &features[i]);
			ok = ok && (full.cr4_valid & ~cpu.cr4_valid) == lost.cr4_valid &&
			     (full.efer_valid & ~cpu.efer_valid) ==
			     (lost.efer_valid & ~EFER_SCE) &&
			     (full.spec_ctrl_valid & ~cpu.spec_ctrl_valid) ==
			     lost.spec_ctrl_valid &&
			     (full.features & ~cpu.features) == lost.features &&
			     !cpu.xcr0_valid == !!(lost.features & SLAT_CPU_XSAVE) &&
			     !cpu.xss_valid == !!(lost.features & SLAT_CPU_XSAVES);
		}
	CHECK(ok);
}

/* Adds @bits to *@seen; false where one of them is there already. */
static bool first_use(u64 *seen, u64 bits)
{
	bool first = !(*seen & bits);

	*seen |= bits;
	return first;
}

static void test_cpuid_bits(void)
{
	u64 seen[SLAT_NR_CPUID_WORDS] = {};
	unsigned int i, shared = 0;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		ok = ok && f->word < SLAT_NR_CPUID_WORDS && __builtin_popcount(f->bit) == 1;
		if (first_use(&seen[f->word], f->bit))
			continue;
		/* IBRS and IBPB */
		ok = ok && f->word == SLAT_CPUID_7_EDX && f->bit == 1u << 26;
		shared++;
	}
	for (i = 0; i < ARRAY_SIZE(passed); i++)
		ok = ok && passed[i].word < SLAT_NR_CPUID_WORDS &&
		     __builtin_popcount(passed[i].bit) == 1 &&
		     first_use(&seen[passed[i].word], passed[i].bit);
	CHECK(ok && shared == 1);
}

static void test_allowed_bits(void)
{
	u64 cr4 = CR4_ALWAYS, efer = 0, xcr0 = 0, spec_ctrl = 0, cpu = 0;
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		ok = ok && first_use(&cr4, f->cr4) && first_use(&efer, f->efer) &&
		     first_use(&xcr0, f->xcr0) && first_use(&spec_ctrl, f->spec_ctrl) &&
		     first_use(&cpu, f->cpu) && __builtin_popcountll(f->cr4) <= 1 &&
		     __builtin_popcount(f->cpu) <= 1;
	}
	CHECK(ok);
	CHECK(cpu == SLAT_CPU_GBPAGES * 2 - 1);
}

/* What the functions count on: who needs a control or brings an MSR can be found. */
static void test_rows_are_found(void)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		ok = ok && (!f->control || f->cpu) && (!f->msr || f->cpu || f->spec_ctrl) &&
		     (!f->clients || (f->cpu && !f->host[0] && !f->control));
	}
	CHECK(ok);
}

static const struct test tests[] = {
	{ "each bit of CPUID has one row, but for IBRS and IBPB", test_cpuid_bits },
	{ "no bit of CR4, EFER, XCR0, IA32_SPEC_CTRL or SLAT_CPU_* is in two rows", test_allowed_bits },
	{ "a row with a control or an MSR has a bit that tells of it", test_rows_are_found },
	{ "a bit of CPUID away takes away what its rows allow, and nothing else", test_rows_alone },
	{ "the offer of a host that lacks one thing, or keeps one feature", test_host_each },
	{ "the offer of random hosts", test_host_random },
	{ "what a CPUID of one bit, and of all but one, allows", test_guest_each },
	{ "what random CPUIDs allow on random hosts", test_guest_random },
	{ "no guest has more than the host or than its client said", test_limit },
	{ "which MSRs a guest has", test_msrs },
	{ "which secondary controls a guest needs", test_controls },
	{ "IA32_ARCH_CAPABILITIES for a guest", test_arch_caps },
	{}
};

int main(int argc, char **argv)
{
	static const struct test *const suites[] = { tests, NULL };

	return test_main(argc, argv, suites);
}
