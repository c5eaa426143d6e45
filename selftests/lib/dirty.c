// SPDX-License-Identifier: GPL-2.0
/* The guest, the ioctls and the page sets that dirty.h describes. */
#include "dirty.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST	0x80000ul	/* guest addresses to touch, up to the end of slot 0 */
#define CANARY	0xc5

GUEST_CODE_BLOB(touch, 64,
	"1: mov (%rsi), %rdi\n"
	"mov %rax, (%rdi)\n"
	"add $8, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n"
	".balign 32\n"
	"1: mov (%rsi), %rdi\n"
	"mov (%rdi), %rax\n"
	"add $8, %rsi\n"
	"dec %rcx\n"
	"jnz 1b\n"
	"hlt\n");
#define WRITE_RIP	GUEST_CODE
#define READ_RIP	(GUEST_CODE + 32)

void dirty_init(struct dirty *d, uint64_t npages, uint64_t manual)
{
	memset(d, 0, sizeof(*d));
	guest_start(&d->g, MODE_LONG, touch);
	d->npages = npages;
	d->mem = vm_alloc(npages * PAGE_SIZE);
	d->flags = manual;
	d->value = 0x1000;
	if (manual)
		vm_must(dirty_log_manual(&d->g.vm, manual), "KVM_ENABLE_CAP");
}

void dirty_destroy(struct dirty *d)
{
	guest_destroy(&d->g);
	vm_free(d->mem, d->npages * PAGE_SIZE);
}

int dirty_set(struct dirty *d, uint32_t flags)
{
	return vm_set_slot(&d->g.vm, DIRTY_SLOT, flags, DIRTY_GPA, d->npages * PAGE_SIZE,
			   d->mem);
}

int dirty_delete(struct dirty *d)
{
	return vm_delete_slot(&d->g.vm, DIRTY_SLOT);
}

/* Returns how many pages there are to touch. */
static uint64_t aim(struct dirty *d, const struct pages *set, uint64_t rip)
{
	struct kvm_regs regs = vcpu_regs(&d->g.vcpu);
	uint64_t *list = guest_u64(&d->g, LIST);
	uint64_t n = 0;

	for (uint64_t page = 0; page < d->npages; page++)
		if (pages_has(set, page))
			list[n++] = DIRTY_GPA + page * PAGE_SIZE;
	regs.rip = rip;
	regs.rsi = LIST;
	regs.rcx = n;
	regs.rax = d->value;
	vcpu_set_regs(&d->g.vcpu, &regs);
	return n;
}

void dirty_aim_write(struct dirty *d, const struct pages *set)
{
	d->value++;
	aim(d, set, WRITE_RIP);
}

int dirty_write(struct dirty *d, const struct pages *set)
{
	d->value++;
	return aim(d, set, WRITE_RIP) ? vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT) : 0;
}

int dirty_read(struct dirty *d, const struct pages *set)
{
	return aim(d, set, READ_RIP) ? vcpu_run_to(&d->g.vcpu, KVM_EXIT_HLT) : 0;
}

int dirty_write_page(struct dirty *d, uint64_t page)
{
	struct pages set = pages_each(page + 1, page, 1);

	return dirty_write(d, &set);
}

bool dirty_data_ok(struct dirty *d, const struct pages *set)
{
	for (uint64_t page = 0; page < d->npages; page++) {
		uint64_t *word = (uint64_t *)(d->mem + page * PAGE_SIZE);

		if (pages_has(set, page) && *word != d->value) {
			fprintf(stderr, "# page %llu holds 0x%llx, expected 0x%llx\n",
				(unsigned long long)page, (unsigned long long)*word,
				(unsigned long long)d->value);
			return false;
		}
	}
	return true;
}

int dirty_log_get(struct vm *vm, uint32_t slot, void *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return vm_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

int dirty_log_clear(struct vm *vm, uint32_t slot, uint64_t first, uint32_t n,
		    const void *bitmap)
{
	struct kvm_clear_dirty_log log = {
		.slot = slot, .first_page = first, .num_pages = n,
		.dirty_bitmap = (void *)bitmap,
	};

	return vm_ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

int dirty_log_manual(struct vm *vm, uint64_t options)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args[0] = options,
	};

	return vm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static size_t bitmap_bytes(uint64_t npages)
{
	return (npages + 63) / 64 * 8;
}

int dirty_get(struct dirty *d)
{
	size_t bytes = bitmap_bytes(d->npages);
	uint8_t *buffer = malloc(bytes + 8);
	int ret;

	memset(buffer, CANARY, bytes + 8);
	ret = dirty_log_get(&d->g.vm, DIRTY_SLOT, buffer);
	memset(&d->got, 0, sizeof(d->got));
	memcpy(&d->got, buffer, bytes);
	for (int i = 0; i < 8 && !ret; i++)
		if (buffer[bytes + i] != CANARY)
			ret = -EOVERFLOW;
	free(buffer);
	return ret;
}

int dirty_clear(struct dirty *d, const struct pages *set)
{
	return dirty_log_clear(&d->g.vm, DIRTY_SLOT, 0, d->npages, set);
}

int dirty_take(struct dirty *d)
{
	int ret = dirty_get(d);

	return ret || !d->flags ? ret : dirty_clear(d, &d->got);
}

bool pages_same(const struct pages *got, const struct pages *want, uint64_t npages)
{
	/* Whole words: nothing behind the slot's end may be set. */
	for (uint64_t page = 0; page < (npages + 63) / 64 * 64; page++) {
		if (pages_has(got, page) == pages_has(want, page))
			continue;
		fprintf(stderr, "# page %llu of %llu is %s\n", (unsigned long long)page,
			(unsigned long long)npages,
			pages_has(got, page) ? "reported, not written" : "written, not reported");
		return false;
	}
	return true;
}

bool dirty_is(struct dirty *d, const struct pages *want)
{
	int ret = dirty_take(d);

	if (ret)
		fprintf(stderr, "# dirty log: %s\n", strerror(-ret));
	return !ret && pages_same(&d->got, want, d->npages);
}

bool dirty_is_none(struct dirty *d)
{
	static const struct pages none;

	return dirty_is(d, &none);
}

struct pages pages_each(uint64_t npages, uint64_t first, uint64_t step)
{
	struct pages set = {};

	for (uint64_t page = first; page < npages; page += step)
		pages_add(&set, page);
	return set;
}

struct pages pages_random(uint64_t npages, unsigned int one_in, uint64_t *seed)
{
	struct pages set = {};

	for (uint64_t page = 0; page < npages; page++) {
		*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
		if ((*seed >> 33) % one_in == 0)
			pages_add(&set, page);
	}
	return set;
}
