// SPDX-License-Identifier: GPL-2.0
/*
 * Memory behind the gate for the threaded build: the allocator, and pages with
 * their physical address equal to their virtual one. See port_threads.h.
 */
#include <port_user.h>

#include <stdio.h>
#include <stdlib.h>

#define PAGE	4096

void port_warn(const char *expr, const char *file, int line)
{
	printf("# FAIL %s:%d: WARN_ON_ONCE(%s)\n", file, line, expr);
	abort();
}

void *port_alloc(size_t bytes)
{
	return calloc(1, bytes ? bytes : 1);
}

void port_free(void *p)
{
	free(p);
}

void port_free_small(void *p)
{
	free(p);
}

/* The page, and behind it what page->private is in the kernel. */
void *port_table_alloc(void)
{
	void *page = aligned_alloc(PAGE, 2 * PAGE);

	if (page)
		memset(page, 0, 2 * PAGE);
	return page;
}

void port_table_free(void *entries)
{
	free(entries);
}

u64 port_table_pa(void *entries)
{
	return (uintptr_t)entries;
}

void *port_table_va(u64 pa)
{
	return (void *)(uintptr_t)pa;
}

void *port_table_meta(void *entries)
{
	return *(void **)((char *)entries + PAGE);
}

void port_table_set_meta(void *entries, void *meta)
{
	*(void **)((char *)entries + PAGE) = meta;
}

bool port_copy_to_user(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
	return true;
}

bool port_copy_from_user(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
	return true;
}
