// SPDX-License-Identifier: GPL-2.0
/*
 * Decoding and running programs of operations. See ops.h.
 */
#include "ops.h"

#include <stdio.h>

#define NR_IDS		6
#define NR_HVA_PAGES	200

static const char *const op_names[OP_KINDS] = {
	"read", "write", "exec", "write", "sprawl", "kernel-write", "hold",
	"create", "create-small", "delete", "move", "odd", "log-on", "log-off",
	"get-dirty", "clear-dirty", "host", "host-wide", "host-attr", "reclaim",
	"age", "cap",
};

static enum op_kind op_kind(const u8 *op)
{
	return op[0] % OP_KINDS;
}

enum op_actor op_actor(const u8 *op)
{
	enum op_kind kind = op_kind(op);

	if (kind >= OP_CREATE && kind <= OP_CLEAR_DIRTY)
		return ACTOR_SLOTS;
	if (kind >= OP_HOST && kind <= OP_CAP)
		return ACTOR_HOST;
	return ACTOR_VCPU;
}

static gfn_t op_gfn(const u8 *op)
{
	return world_gfns[op[2] % world_nr_gfns];
}

static u64 op_npages(const u8 *op)
{
	static const u64 sizes[] = {
		1, 2, 3, 5, 8, 512, 513, 1024, 1536, 1 << 18, (1 << 18) + 5,
	};

	return sizes[op[3] % (op_kind(op) == OP_CREATE_SMALL ? 5 : ARRAY_SIZE(sizes))];
}

static void run_slots(const u8 *op)
{
	struct kvm_userspace_memory_region region = {
		.slot = op[1] % NR_IDS,
		.guest_phys_addr = op_gfn(op) * SLAT_PAGE_SIZE,
		.memory_size = op_npages(op) * SLAT_PAGE_SIZE,
		.userspace_addr = hva_of(op[4] % NR_HVA_PAGES),
		.flags = op[5] % 4 == 3 ? KVM_MEM_READONLY : 0,
	};
	struct flat_slot slot = flat_slot(&world.flat, region.slot);
	enum op_kind kind = op_kind(op);

	if (op[5] & 16)
		region.flags |= KVM_MEM_LOG_DIRTY_PAGES;
	if (kind == OP_DELETE)
		region.memory_size = 0;
	if ((kind == OP_MOVE || kind == OP_LOG_ON || kind == OP_LOG_OFF) && slot.used) {
		region.memory_size = slot.npages * SLAT_PAGE_SIZE;
		region.userspace_addr = slot.hva;
		region.flags = slot.flags;
		if (kind != OP_MOVE)
			region.guest_phys_addr = slot.base * SLAT_PAGE_SIZE;
		if (kind == OP_LOG_ON)
			region.flags |= KVM_MEM_LOG_DIRTY_PAGES;
		if (kind == OP_LOG_OFF)
			region.flags &= ~KVM_MEM_LOG_DIRTY_PAGES;
	}
	if (op_kind(op) == OP_ODD) {
		static const u64 odd[] = {
			1, 0x800, 1ULL << 47, 1ULL << 48, ~0ULL << 12, ~0ULL << 40,
		};
		u64 value = odd[op[6] % ARRAY_SIZE(odd)];

		switch (op[7] % 5) {
		case 0:
			region.guest_phys_addr += value;
			break;
		case 1:
			region.memory_size += value;
			break;
		case 2:
			region.userspace_addr += value;
			break;
		case 3:
			region.flags = value;
			break;
		default:
			region.slot = value;
			break;
		}
	}
	world_region(&region);
}

static void run_log(const u8 *op)
{
	u32 id = op[1] % (NR_IDS + 1) == NR_IDS ? 1000 : op[1] % (NR_IDS + 1);
	struct flat_slot slot = flat_slot(&world.flat, id);
	u64 first = op[2] % 4 * 64;

	world.slots.policy = op[6] % (SLAT_NR_POLICIES + 1);
	if (op_kind(op) == OP_GET_DIRTY) {
		world_get_dirty(id, op[3] % 8 == 0);
		return;
	}
	if (op[5] & 1)
		world_clear_dirty(id, first, op[4] % 4 * 64, op[3] * 0x0101010101010101ULL);
	else if (slot.npages >= first)
		world_clear_dirty(id, first, slot.npages - first, ~0ULL);
	else
		world_clear_dirty(id, op[2], op[3], ~0ULL);
}

static void run_host_attr(const u8 *op)
{
	hva_t hva = hva_of(op[1] % NR_HVA_PAGES);
	struct host_page *page;

	/* As munmap(), mprotect(), mmap() and the memory failure handler do. */
	host_change_begin(hva, 1, true);
	host_change_apply(hva, 1, op[3] % 4 == 1 ? HOST_PROTECT : HOST_UNMAP);
	page = host_page(hva);
	page->no_vma = op[3] % 4 == 0;
	page->vma_readonly = op[3] % 4 == 1;
	page->poisoned = op[3] % 16 == 2;
	host_change_end(hva, 1);
}

static void run_host(const u8 *op)
{
	u64 start = op[1] % NR_HVA_PAGES;

	switch (op_kind(op)) {
	case OP_HOST:
		host_change(hva_of(start), 1 + op[2] % 4, op[3] % HOST_CHANGES, op[4] & 1);
		break;
	case OP_HOST_WIDE:
		host_change(hva_of(start), 1 + op[2] * 16, op[3] % HOST_CHANGES,
			    op[4] & 1);
		break;
	case OP_HOST_ATTR:
		run_host_attr(op);
		break;
	case OP_RECLAIM:
		world_reclaim(op[1] % 4, op[2] & 1);
		CHECK(slat_mmu_reclaimable(&world.mmu) < MACHINE_TABLES);
		break;
	case OP_AGE:
		world_age(start, 1 + op[2], op[3] & 1);
		break;
	default:
		world.reclaiming++;
		slat_mmu_set_max_tables(&world.mmu, SLAT_MIN_TABLES + op[1] % 8);
		break;
	}
}

static void run_vcpu(const u8 *op, struct vcpu *vcpu)
{
	gfn_t gfn = op_gfn(op);
	struct touch touch;

	switch (op_kind(op)) {
	case OP_SPRAWL:
		gfn = 4096 + ((gfn_t)op[2] << 9);
		break;
	case OP_KERNEL_WRITE:
		world_kernel_write(vcpu, gfn);
		return;
	case OP_HOLD:
		vcpu_enter(vcpu);
		sim_pause();
		slat_slots_find(slat_memslots_read(&world.slots), gfn);
		vcpu_leave(vcpu);
		return;
	default:
		break;
	}
	touch = guest_touch(vcpu, gfn, op_kind(op) == OP_WRITE ||
			    op_kind(op) == OP_WRITE_AGAIN ? ACCESS_WRITE :
			    op_kind(op) == OP_EXEC ? ACCESS_EXEC : ACCESS_READ);
	/* Alone, a retry can only come from the host. */
	if (sim_plan.kind == SIM_MANUAL && touch.retries > 3)
		FAIL("%u retries with nobody else there", touch.retries);
}

void op_run(const u8 *op, struct vcpu *vcpu)
{
	switch (op_actor(op)) {
	case ACTOR_VCPU:
		run_vcpu(op, vcpu);
		break;
	case ACTOR_SLOTS:
		if (op_kind(op) >= OP_GET_DIRTY)
			run_log(op);
		else
			run_slots(op);
		break;
	default:
		run_host(op);
		break;
	}
}

void op_print(const u8 *op)
{
	printf("#   %-12s", op_names[op_kind(op)]);
	switch (op_actor(op)) {
	case ACTOR_VCPU:
		printf(" vCPU %u, gfn %llx\n", op[1] % world.options.vcpus, op_gfn(op));
		break;
	case ACTOR_SLOTS:
		printf(" id %u, gfn %llx, %llu pages, hva page %u, flags %u\n",
		       op[1] % NR_IDS, op_gfn(op), op_npages(op), op[4] % NR_HVA_PAGES,
		       op[5] % 4 == 3);
		break;
	default:
		printf(" %u %u %u %u\n", op[1], op[2], op[3], op[4]);
		break;
	}
}

void ops_run(const u8 *ops, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const u8 *op = ops + i * OP_BYTES;

		op_run(op, &world.vcpus[op[1] % world.options.vcpus]);
		world_check();
	}
}

struct actor {
	const u8 *ops;
	size_t nr;
	enum op_actor kind;
	unsigned int index;
	unsigned int of;
};

static void actor_main(void *arg)
{
	struct actor *actor = arg;
	size_t i;

	for (i = 0; i < actor->nr; i++) {
		const u8 *op = actor->ops + i * OP_BYTES;

		if (op_actor(op) == actor->kind && op[1] % actor->of == actor->index)
			op_run(op, &world.vcpus[actor->index]);
	}
}

void ops_run_concurrent(const u8 *ops, size_t nr)
{
	static const char *const names[] = { "vcpu", "slots", "host" };
	struct actor actors[SIM_MAX_TASKS];
	unsigned int kind, i, n = 0;

	for (kind = 0; kind < ACTORS; kind++) {
		unsigned int of = kind == ACTOR_VCPU ? world.options.vcpus : 2;

		for (i = 0; i < of; i++, n++) {
			actors[n] = (struct actor){ ops, nr, kind, i, of };
			sim_spawn(names[kind], actor_main, &actors[n]);
		}
	}
	world_end();
}
