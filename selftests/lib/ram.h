/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest with one more slot, whose pages it fills and checks itself, once or over
 * and over: used by tests in which the host does something to the memory behind it.
 * The slot begins just below a 2 MiB boundary, so it has two leaf tables.
 */
#ifndef SLAT_SELFTESTS_RAM_H
#define SLAT_SELFTESTS_RAM_H

#include "guest.h"

#define RAM_SLOT	1
#define RAM_GPA		(0x10200000ul - 3 * PAGE_SIZE)

struct ram {
	struct guest g;
	uint8_t *mem;
	uint64_t npages;
	struct runner runner;
};

/* @mem: what the slot has behind it; NULL for anonymous memory, which is freed at the end. */
void ram_init(struct ram *r, uint64_t npages, void *mem);
void ram_destroy(struct ram *r);
/* Set the slot anew with these flags, over what is at @r->mem. */
int ram_set(struct ram *r, uint32_t flags);

static inline uint64_t *ram_word(const struct ram *r, uint64_t page)
{
	return (uint64_t *)(r->mem + page * PAGE_SIZE);
}

/*
 * The guest stores @tag + page in the first word of each of @n pages from @first, or
 * compares it with that. ram_store() gives what KVM_RUN does, or -EPROTO for another
 * exit than the guest's halt; RDI is then at the page of a store that was not made.
 */
int ram_store(struct ram *r, uint64_t first, uint64_t n, uint64_t tag);
bool ram_holds(struct ram *r, uint64_t first, uint64_t n, uint64_t tag);
/* Does the host see that? */
bool ram_host_holds(const struct ram *r, uint64_t first, uint64_t n, uint64_t tag);
/* A guest that keeps a page which is not the host's any more finds its own stores there. */
bool ram_both_hold(struct ram *r, uint64_t first, uint64_t n, uint64_t tag);

/* The pages whose writes the log of a slot of at most 64 told, one bit each. */
uint64_t ram_log(struct ram *r);

/*
 * A thread in which the guest goes through all pages for ever: each must still hold the
 * number of its last round, and gets that of the next. All pages begin with @round.
 * What it finds wrong ends it.
 */
void ram_start(struct ram *r, uint64_t round);
/* Wait until the guest has begun and ended one more round, at least; false if it ended. */
bool ram_goes_on(struct ram *r);
/* Stop it; true if it found nothing wrong, and neither does the host now. */
bool ram_stop(struct ram *r);
/* Is memory at @mem as the guest leaves it in a round: pages of the next one, then of the last? */
bool ram_is_one_moment(const struct ram *r, const void *mem);

#endif
