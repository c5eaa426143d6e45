// SPDX-License-Identifier: GPL-2.0
/*
 * VMs, vCPUs and the calls that a test makes. See world.h.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

struct world world;

static const u64 cr4_bits[] = {
	X86_CR4_PSE, X86_CR4_PAE, X86_CR4_PGE, X86_CR4_SMEP, X86_CR4_PCIDE, X86_CR4_SMAP,
	X86_CR4_PKE,
};

static_assert(CHANGE_CR4 + ARRAY_SIZE(cr4_bits) == CHANGE_NX);

static bool roots[NR_ROOTS];
static bool vpids[NR_VPIDS];
static u32 nr_uids;

/* Memory is freed when the run is over: what is read too late is noticed by its content. */
static void *objects[MAX_OBJECTS];
static int nr_objects;

static void *object_alloc(size_t bytes)
{
	if (nr_objects == MAX_OBJECTS)
		FAIL("too many objects");
	objects[nr_objects] = calloc(1, bytes);
	return objects[nr_objects++];
}

/* The lowest free number from @first on, as the kernel's allocators give it. */
static int number_alloc(bool *used, int first, int end)
{
	int i;

	for (i = first; i < end; i++) {
		if (!used[i]) {
			used[i] = true;
			return i;
		}
	}
	FAIL("out of numbers");
}

/* As vmx/vpid.c does it: none is left, so the vCPU does without. */
static u16 vpid_alloc(void)
{
	u16 vpid;

	for (vpid = 1; vpid < NR_VPIDS; vpid++) {
		if (!vpids[vpid]) {
			vpids[vpid] = true;
			return vpid;
		}
	}
	return 0;
}

static u32 frame_alloc(void)
{
	if (world.nr_frames == MAX_FRAMES)
		FAIL("out of frames");
	return world.nr_frames++;
}

void world_begin(u64 seed, const struct sim_plan *plan, bool coarse)
{
	int i;

	sim_reset(seed, plan);
	memset(&world, 0, sizeof(world));
	memset(roots, 0, sizeof(roots));
	memset(vpids, 0, sizeof(vpids));
	nr_uids = 0;
	world.nr_frames = FOREIGN + 1;
	world.dead[FOREIGN] = true;
	world.caps.invept_single = coarse ? VMX_EPT_EXTENT_GLOBAL : VMX_EPT_EXTENT_CONTEXT;
	world.caps.invvpid_single = coarse ? VMX_VPID_EXTENT_ALL_CONTEXT :
					     VMX_VPID_EXTENT_SINGLE_CONTEXT;
	cpus_reset();
	for (i = 0; i < MODEL_CPUS; i++) {
		cpu_vmx_off(i);
		cpu_vmx_on(i);
	}
}

void world_end(void)
{
	while (nr_objects)
		free(objects[--nr_objects]);
}

struct vm *vm_create(void)
{
	struct vm *vm = object_alloc(sizeof(*vm));
	int gfn;

	vm->root = number_alloc(roots, 0, NR_ROOTS);
	vm->hw.eptp = (vm->root + 1ULL) << 12;
	vm->hw.cpu_seq = object_alloc(MODEL_CPUS * sizeof(*vm->hw.cpu_seq));
	INIT_LIST_HEAD(&vm->hw.vcpus);
	slat_tlb_vm_init(&vm->hw);
	for (gfn = 0; gfn < NR_GFNS; gfn++)
		vm->ept[gfn] = frame_alloc();
	sim_trace("VM with root %llu", vm->root, 0, 0, 0);
	return vm;
}

void vm_destroy(struct vm *vm)
{
	int gfn;

	CHECK(list_empty(&vm->hw.vcpus));
	for (gfn = 0; gfn < NR_GFNS; gfn++)
		world.dead[vm->ept[gfn]] = true;
	roots[vm->root] = false;
	sim_trace("root %llu is free", vm->root, 0, 0, 0);
}

unsigned int vm_remap(struct vm *vm, int gfn)
{
	u32 old = vm->ept[gfn];
	unsigned int nr;

	sim_trace("gfn %llu moves from frame %llu", gfn, old, 0, 0);
	WRITE_ONCE(vm->ept[gfn], frame_alloc());
	nr = slat_vmx_vm_flush(&vm->hw);
	sim_trace("frame %llu is free, %llu CPUs were interrupted", old, nr, 0, 0);
	world.dead[old] = true;
	world.interrupted += nr;
	cpus_check();
	return nr;
}

struct vcpu *vcpu_create(struct vm *vm)
{
	struct vcpu *vcpu = object_alloc(sizeof(*vcpu));

	vcpu->vm = vm;
	vcpu->uid = ++nr_uids;
	vcpu->hw.caps = &world.caps;
	vcpu->hw.vm = &vm->hw;
	vcpu->hw.vpid = vpid_alloc();
	slat_tlb_vcpu_init(&vcpu->hw);
	list_add_tail(&vcpu->hw.vm_node, &vm->hw.vcpus);
	sim_trace("vCPU %llu has VPID %llu", vcpu->uid, vcpu->hw.vpid, 0, 0);
	return vcpu;
}

/* A flusher that looks at it goes on from it, as under RCU. */
void vcpu_destroy(struct vcpu *vcpu)
{
	struct list_head *node = &vcpu->hw.vm_node;

	node->prev->next = node->next;
	node->next->prev = node->prev;
	vpids[vcpu->hw.vpid] = false;
	sim_trace("VPID %llu is free", vcpu->hw.vpid, 0, 0, 0);
}

static void guest_run(struct vcpu *vcpu, struct cpu *cpu, enum guest_act act)
{
	int step;

	for (step = 0; step < 2; step++) {
		cpu_fill();
		if (cpu->pending)
			return;
		if (act == GUEST_LINGER)
			cpu_linger();
		if (act == GUEST_INVLPG && !step) {
			vcpu->gen++;
			cpu_drop_linear(vcpu_tag(vcpu));
		}
	}
}

static bool may_enter(const struct slat_vmx *hw)
{
	struct vcpu *vcpu = container_of(hw, struct vcpu, hw);
	bool work = vcpu->work;

	vcpu->work = false;
	if (cpus[smp_processor_id()].vmx_on)
		return !work;
	world.aborted++;
	return false;
}

/* As slat_vmx_run() does it. */
bool vcpu_run(struct vcpu *vcpu, int nr, enum guest_act act)
{
	struct slat_vmx *hw = &vcpu->hw;
	struct cpu *cpu = &cpus[nr];
	u32 requests;
	bool enter;

	cpu_take(nr);
	cpu_irqs_off();
	enter = slat_tlb_begin(hw, may_enter, &requests);
	if (enter) {
		if (requests & SLAT_REQUEST_VPID)
			slat_tlb_flush_vpid(hw);
		cpu_enter_guest(vcpu);
		guest_run(vcpu, cpu, act);
		cpu_leave_guest();
	}
	slat_tlb_leave(hw);
	cpu_irqs_on();
	cpu_release();
	return enter;
}

void vcpu_change(struct vcpu *vcpu, enum change change)
{
	struct slat_vmx *hw = &vcpu->hw;

	sim_trace("vCPU %llu: change %llu", vcpu->uid, change, 0, 0);
	vcpu->gen += change != CHANGE_NOTHING;
	switch (change) {
	case CHANGE_SREGS:
		slat_tlb_sregs_change(hw);
		break;
	case CHANGE_PG:
		slat_tlb_cr0_changes(hw, X86_CR0_PE | X86_CR0_PG, X86_CR0_PE);
		break;
	case CHANGE_NX:
		slat_tlb_efer_changes(hw, 0, EFER_NX);
		break;
	case CHANGE_LMA:
		slat_tlb_efer_changes(hw, EFER_LMA, 0);
		break;
	case CHANGE_NOTHING:
		slat_tlb_cr0_changes(hw, X86_CR0_PE, X86_CR0_PE | X86_CR0_TS);
		slat_tlb_cr4_changes(hw, X86_CR4_PAE, X86_CR4_PAE | X86_CR4_OSFXSR);
		slat_tlb_efer_changes(hw, EFER_NX, EFER_NX | 1);
		break;
	default:
		slat_tlb_cr4_changes(hw, X86_CR4_DE, X86_CR4_DE | cr4_bits[change - CHANGE_CR4]);
	}
	/* Other requests are made in between. */
	slat_request(hw, SLAT_REQUEST_EVENTS);
}
