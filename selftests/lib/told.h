/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What SLAT_GET_LAST_ERROR must say of a refused call: used by the last_error*.c
 * tests, whose tables are made of it.
 */
#ifndef SLAT_SELFTESTS_TOLD_H
#define SLAT_SELFTESTS_TOLD_H

#include "vm.h"

#include <slat-helper.h>

/* A number that the test does not know. */
#define ANY		0xa5a5a5a5a5a5a5a5ull

struct told {
	int err;
	uint32_t check;
	uint64_t value, limit;
	const char *words;
};

static inline struct slat_last_error last_error(int fd)
{
	struct slat_last_error e;

	vm_must(slat_get_last_error(fd, &e), "SLAT_GET_LAST_ERROR");
	return e;
}

/*
 * Does the record of the VM @fd tell of the call that gave @ret what it should? @vcpu:
 * whose it was, or SLAT_NO_VCPU.
 */
static inline bool is_told(int fd, uint32_t vcpu, int ret, unsigned long cmd,
			   const struct told *told)
{
	struct slat_last_error e = last_error(fd);

	if (ret == -told->err && (int)e.error == told->err && e.call == (uint32_t)cmd &&
	    e.check == told->check && (told->value == ANY || e.value == told->value) &&
	    (told->limit == ANY || e.limit == told->limit) && e.vcpu == vcpu &&
	    e.slot == SLAT_NO_SLOT && e.other == SLAT_NO_SLOT &&
	    (vcpu == SLAT_NO_VCPU) == !!strncmp(e.text, "vCPU ", 5) &&
	    strstr(e.text, told->words))
		return true;
	fprintf(stderr, "# expected %d, check %u, '%s'; got %d, call %x, check %u, 0x%llx, 0x%llx, '%s'\n",
		-told->err, told->check, told->words, ret, e.call, e.check,
		(unsigned long long)e.value, (unsigned long long)e.limit, e.text);
	return false;
}

#endif
