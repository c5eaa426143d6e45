/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest with one more slot, whose pages a test has written and whose dirty log
 * it compares: used by the dirty*.c tests. The slot begins just below a 2 MiB
 * boundary, so a slot of more than three pages has two leaf tables.
 */
#ifndef SLAT_SELFTESTS_DIRTY_H
#define SLAT_SELFTESTS_DIRTY_H

#include "guest.h"

#define DIRTY_SLOT	1
#define DIRTY_GPA	(0x10200000ul - 3 * PAGE_SIZE)
#define DIRTY_PAGES_MAX	65536ul

#define LOG		KVM_MEM_LOG_DIRTY_PAGES
#define MANUAL		KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE
#define MANUAL_ALL_SET	(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET)

/* One bit a page; the words that GET and CLEAR copy. */
struct pages {
	uint64_t word[DIRTY_PAGES_MAX / 64];
};

struct dirty {
	struct guest g;
	uint8_t *mem;
	uint64_t npages;
	uint64_t flags;		/* of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
	uint64_t value;		/* what the guest wrote last */
	struct pages got;
};

/* A long mode guest, its slot not yet set, the log protected as @manual says. */
void dirty_init(struct dirty *d, uint64_t npages, uint64_t manual);
void dirty_destroy(struct dirty *d);

/* Create the slot or change its flags; delete it. */
int dirty_set(struct dirty *d, uint32_t flags);
int dirty_delete(struct dirty *d);

/* The guest writes a new value to, or reads, the first word of each page of @set. */
int dirty_write(struct dirty *d, const struct pages *set);
int dirty_read(struct dirty *d, const struct pages *set);
/* The same, but the test itself runs the vCPU. */
void dirty_aim_write(struct dirty *d, const struct pages *set);
int dirty_write_page(struct dirty *d, uint64_t page);
/* Do all pages of @set hold what dirty_write() wrote last? */
bool dirty_data_ok(struct dirty *d, const struct pages *set);

/* The ioctls as they are. */
int dirty_log_get(struct vm *vm, uint32_t slot, void *bitmap);
int dirty_log_clear(struct vm *vm, uint32_t slot, uint64_t first, uint32_t n,
		    const void *bitmap);
int dirty_log_manual(struct vm *vm, uint64_t options);

/* GET into @d->got; nothing behind the bitmap may be written. */
int dirty_get(struct dirty *d);
int dirty_clear(struct dirty *d, const struct pages *set);
/* A whole round: GET, and CLEAR of all it told where that is a step of its own. */
int dirty_take(struct dirty *d);
/* Take a round and compare: says where it differs. */
bool dirty_is(struct dirty *d, const struct pages *want);
bool dirty_is_none(struct dirty *d);
bool pages_same(const struct pages *got, const struct pages *want, uint64_t npages);

/* Page sets: first + k * step below @npages; about one in @one_in. */
struct pages pages_each(uint64_t npages, uint64_t first, uint64_t step);
struct pages pages_random(uint64_t npages, unsigned int one_in, uint64_t *seed);

static inline struct pages pages_all(uint64_t npages)
{
	return pages_each(npages, 0, 1);
}

static inline bool pages_has(const struct pages *p, uint64_t page)
{
	return p->word[page / 64] >> page % 64 & 1;
}

static inline void pages_add(struct pages *p, uint64_t page)
{
	p->word[page / 64] |= 1ull << page % 64;
}

#endif
