// SPDX-License-Identifier: GPL-2.0
/*
 * What guests are offered, leaf by leaf and MSR by MSR, beside what KVM offers in
 * the same boot.  Every difference that is meant is in a list here, with the reason;
 * any other one is a failure.  Neither needs a VM, so that it does not matter who
 * owns VMX; where no KVM is loaded, there is nothing to compare with.
 */
#include "test.h"

#define KVM_NODE	"/dev/kvm"
#define SIGNATURE	0x40000000
#define ANY		(~0u)
#define WHOLE		{ ~0u, ~0u, ~0u, ~0u }
#define BIT32(n)	(1u << (n))
#define XTILE		(BIT32(17) | BIT32(18))

enum { EAX, EBX, ECX, EDX, NR_REGS };

static const char *const reg_names[NR_REGS] = { "EAX", "EBX", "ECX", "EDX" };

/* Bits that may differ.  A leaf that only one of the two has must be here as a whole. */
static const struct allowed {
	uint32_t function;
	uint32_t index;
	uint32_t mask[NR_REGS];
	const char *why;
} allowed[] = {
	{ 0, 0, { ~0u }, "6.12 knows leafs up to 0x24" },
	{ 0x20, ANY, WHOLE, "above the last leaf here" },
	{ 0x21, ANY, WHOLE, "above the last leaf here" },
	{ 0x22, ANY, WHOLE, "above the last leaf here" },
	{ 0x23, ANY, WHOLE, "above the last leaf here" },
	{ 0x24, ANY, WHOLE, "AVX10 is not here" },

	{ 1, 0, { 0, 0xffff00ff }, "KVM leaves the host's APIC id and number of threads in" },
	{ 1, 0, { 0, 0, BIT32(2) | BIT32(15), BIT32(21) }, "no PMU: DTES64, PDCM, DS" },
	{ 1, 0, { 0, 0, BIT32(5) }, "no nested VMX" },
	{ 1, 0, { 0, 0, BIT32(21) }, "no APIC in the kernel that had x2APIC's MSRs" },
	{ 1, 0, { 0, 0, BIT32(31) }, "HYPERVISOR, which KVM leaves to the client" },
	{ 1, 0, { 0, 0, 0, BIT32(9) | BIT32(12) }, "APIC and MTRR need nothing of the host here" },

	{ 7, 0, { 0, BIT32(2) }, "no SGX" },
	{ 7, 0, { 0, BIT32(14) }, "no MPX" },
	{ 7, 0, { 0, BIT32(25) }, "no Intel PT" },
	{ 7, 0, { 0, 0, BIT32(5) }, "no WAITPKG: its control stays off" },
	{ 7, 0, { 0, 0, BIT32(16) }, "no LA57: guests have four levels" },
	{ 7, 0, { 0, 0, BIT32(24) }, "no bus lock detection: DEBUGCTL has no such bit here" },
	{ 7, 0, { 0, 0, BIT32(30) }, "no SGX: its launch control" },
	{ 7, 0, { 0, 0, 0, BIT32(22) | BIT32(24) | BIT32(25) }, "no AMX" },
	{ 7, 0, { 0, 0, 0, BIT32(28) }, "L1D_FLUSH: since 6.3 in KVM too" },
	{ 7, 1, { 0x801c80, 0, 0, 0x4030 }, "since 6.3 in KVM too: CMPCCXADD and others" },
	{ 7, 1, { BIT32(21), 0, 0, BIT32(8) }, "no AMX" },
	{ 7, 1, { BIT32(26) }, "no LAM: CR3 has no such bits here" },
	{ 7, 1, { 0, 0, 0, BIT32(19) }, "no AVX10" },

	{ 0xa, 0, WHOLE, "no PMU" },
	{ 0xb, 0, { 0, 0, 0, ~0u }, "KVM leaves the host's x2APIC id in" },
	{ 0x1f, 0, { 0, 0, 0, ~0u }, "KVM leaves the host's x2APIC id in" },
	{ 0xd, 0, { XTILE }, "no AMX" },
	{ 0xd, 1, { BIT32(4) }, "no XFD, which is AMX's" },
	{ 0xd, 17, WHOLE, "no AMX" },
	{ 0xd, 18, WHOLE, "no AMX" },
	{ 0x12, ANY, WHOLE, "no SGX" },
	{ 0x14, ANY, WHOLE, "no Intel PT" },
	{ 0x1d, ANY, WHOLE, "no AMX" },
	{ 0x1e, ANY, WHOLE, "no AMX" },

	{ SIGNATURE, 0, WHOLE, "who it is" },
	{ SIGNATURE + 1, 0, WHOLE, "nothing paravirtual" },
	{ 0x80000002, 0, WHOLE, "the host's brand, which KVM leaves out" },
	{ 0x80000003, 0, WHOLE, "the host's brand, which KVM leaves out" },
	{ 0x80000004, 0, WHOLE, "the host's brand, which KVM leaves out" },
	{ 0x80000008, 0, { ~0u }, "addresses have 48 bits at most" },
	{ 0x80000008, 0, { 0, BIT32(12) | BIT32(14) | BIT32(15) | BIT32(24) | BIT32(26) },
	  "AMD's names of what leaf 7 and IA32_ARCH_CAPABILITIES say" },
};

static const struct {
	uint32_t first, last;
	uint64_t mask;
	const char *why;
} allowed_msrs[] = {
	{ 0xce, 0xce, ~0ull, "MSR_PLATFORM_INFO: a feature MSR since 6.13" },
	{ 0x10a, 0x10a, 1ull << 7, "no IA32_TSX_CTRL: guests clear buffers by VERW" },
	{ 0x345, 0x345, ~0ull, "no PMU" },
	{ 0x480, 0x491, ~0ull, "no nested VMX" },
	{ 0xc0011029, 0xc0011029, ~0ull, "AMD's" },
};

FIXTURE(offer) {
	int dev;
	int kvm;
	struct kvm_cpuid2 *ours;
	struct kvm_cpuid2 *theirs;
};

/* Is that what KVM itself answers?  The node may be Slat's under KVM's name. */
static bool is_kvms(struct kvm_cpuid2 *cpuid)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid, SIGNATURE, 0);

	return e && !memcmp(&e->ebx, "KVMKVMKVM\0\0\0", 12);
}

FIXTURE_SETUP(offer)
{
	self->dev = vm_must(open(vm_device(), O_RDWR), vm_device());
	self->ours = vm_supported_cpuid(self->dev);
	self->kvm = open(KVM_NODE, O_RDWR);
	if (self->kvm >= 0)
		self->theirs = vm_supported_cpuid(self->kvm);
}

/* First in a case. */
#define NEEDS_BOTH() do {								\
	if (self->kvm < 0 || is_kvms(self->ours) || !is_kvms(self->theirs))		\
		SKIP(return, "there are not both Slat and KVM");			\
} while (0)

FIXTURE_TEARDOWN(offer)
{
	free(self->ours);
	free(self->theirs);
	if (self->kvm >= 0)
		close(self->kvm);
	close(self->dev);
}

static uint32_t allowed_mask(uint32_t function, uint32_t index, int reg)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].function == function &&
		    (allowed[i].index == ANY || allowed[i].index == index))
			mask |= allowed[i].mask[reg];
	return mask;
}

/* Sizes of the save area follow from the components: compared where those are the same. */
static bool is_size(const struct kvm_cpuid_entry2 *e, int reg)
{
	return e->function == 0xd && ((e->index == 0 && (reg == EBX || reg == ECX)) ||
				      (e->index == 1 && reg == EBX));
}

static bool entry_agrees(const struct kvm_cpuid_entry2 *a, const struct kvm_cpuid_entry2 *b,
			 bool sizes)
{
	const uint32_t ours[] = { a->eax, a->ebx, a->ecx, a->edx };
	const uint32_t theirs[] = { b->eax, b->ebx, b->ecx, b->edx };
	bool ok = a->flags == b->flags;

	if (!ok)
		printf("# leaf %#x.%u: flags %#x, KVM's are %#x\n", a->function, a->index,
		       a->flags, b->flags);
	for (int reg = 0; reg < NR_REGS; reg++) {
		uint32_t odd = (ours[reg] ^ theirs[reg]) &
			       ~allowed_mask(a->function, a->index, reg);

		if (!odd || (!sizes && is_size(a, reg)))
			continue;
		printf("# leaf %#x.%u %s: %#x, KVM's is %#x: they differ in %#x\n", a->function,
		       a->index, reg_names[reg], ours[reg], theirs[reg], odd);
		ok = false;
	}
	return ok;
}

/* A leaf that the other one lacks. */
static bool may_lack(const struct kvm_cpuid_entry2 *e, const char *who)
{
	for (int reg = 0; reg < NR_REGS; reg++)
		if (allowed_mask(e->function, e->index, reg) != ~0u) {
			printf("# leaf %#x.%u is only in %s list\n", e->function, e->index, who);
			return false;
		}
	return true;
}

TEST_F(offer, cpuid)
{
	struct kvm_cpuid_entry2 *a, *b;
	bool sizes;

	NEEDS_BOTH();
	a = cpuid_find(self->ours, 0xd, 0);
	b = cpuid_find(self->theirs, 0xd, 0);
	/* Nor do they say anything where there is no XSAVE. */
	sizes = a && b && a->eax && a->eax == b->eax && a->edx == b->edx;
	for (uint32_t i = 0; i < self->ours->nent; i++) {
		a = &self->ours->entries[i];
		b = cpuid_find(self->theirs, a->function, a->index);
		EXPECT_TRUE(b ? entry_agrees(a, b, sizes) : may_lack(a, "Slat's"));
	}
	for (uint32_t i = 0; i < self->theirs->nent; i++) {
		b = &self->theirs->entries[i];
		EXPECT_TRUE(cpuid_find(self->ours, b->function, b->index) ||
			    may_lack(b, "KVM's"));
	}
}

#define MSRS_MAX	100

struct msr_numbers {
	struct kvm_msr_list list;
	uint32_t numbers[MSRS_MAX];
};

static void feature_msrs(int dev, struct msr_numbers *msrs)
{
	msrs->list.nmsrs = MSRS_MAX;
	vm_must(vm_ioctl(dev, KVM_GET_MSR_FEATURE_INDEX_LIST, &msrs->list),
		"KVM_GET_MSR_FEATURE_INDEX_LIST");
}

static uint64_t feature_msr(int dev, uint32_t number)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1, .entry.index = number };

	if (vm_ioctl(dev, KVM_GET_MSRS, &msr) != 1)
		printf("# feature MSR %#x can't be read\n", number);
	return msr.entry.data;
}

static bool has_number(const struct msr_numbers *msrs, uint32_t number)
{
	for (uint32_t i = 0; i < msrs->list.nmsrs; i++)
		if (msrs->list.indices[i] == number)
			return true;
	return false;
}

static uint64_t allowed_in_msr(uint32_t number)
{
	for (unsigned int i = 0; i < sizeof(allowed_msrs) / sizeof(allowed_msrs[0]); i++)
		if (number >= allowed_msrs[i].first && number <= allowed_msrs[i].last)
			return allowed_msrs[i].mask;
	return 0;
}

TEST_F(offer, feature_msrs)
{
	struct msr_numbers ours, theirs;

	NEEDS_BOTH();
	feature_msrs(self->dev, &ours);
	feature_msrs(self->kvm, &theirs);
	for (uint32_t i = 0; i < ours.list.nmsrs; i++) {
		EXPECT_TRUE(has_number(&theirs, ours.list.indices[i]))
			TH_LOG("MSR %x is not KVM's", ours.list.indices[i]);
	}
	for (uint32_t i = 0; i < theirs.list.nmsrs; i++) {
		uint32_t number = theirs.list.indices[i];
		uint64_t mask = ~allowed_in_msr(number);

		if (!mask)
			continue;
		EXPECT_TRUE(has_number(&ours, number)) TH_LOG("MSR %x is KVM's alone", number);
		EXPECT_EQ(feature_msr(self->kvm, number) & mask,
			  feature_msr(self->dev, number) & mask) TH_LOG("MSR %x", number);
	}
}

SLAT_TEST_MAIN
