/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user-space side of the gate module/mmu/port.h: the names that the core
 * may use, and no more. Only port.h and the tests include it.
 *
 * What touches time (locks, barriers, entries, waiting) comes from one of two
 * places: port_sim.h, the fake machine with coroutines and lying TLBs, or, with
 * PORT_THREADS, port_threads.h, plain POSIX threads for ThreadSanitizer.
 */
#ifndef SLAT_PORT_USER_H
#define SLAT_PORT_USER_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef u64 gfn_t;
typedef u64 gpa_t;
typedef unsigned long hva_t;
typedef u64 kvm_pfn_t;

#define __user
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define port_cache_aligned	__attribute__((aligned(64)))
#define BIT_ULL(nr)		(1ULL << (nr))
#define GENMASK_ULL(high, low) \
	((~0ULL >> (63 - (high))) & (~0ULL << (low)))
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#undef static_assert
#define static_assert(expr, ...)	_Static_assert(expr, #expr)

#define PORT_PICK(type, a, op, b) \
	({ type __a = (a); type __b = (b); __a op __b ? __a : __b; })
#define min(a, b)		PORT_PICK(__typeof__(a), a, <, b)
#define max(a, b)		PORT_PICK(__typeof__(a), a, >, b)
#define min_t(type, a, b)	PORT_PICK(type, a, <, b)
#define max_t(type, a, b)	PORT_PICK(type, a, >, b)
#define swap(a, b) \
	do { __typeof__(a) __swap = (a); (a) = (b); (b) = __swap; } while (0)

/* A broken invariant ends the test; the core's own WARN_ON_ONCE goes on. */
void port_warn(const char *expr, const char *file, int line);
#define WARN_ON_ONCE(cond) \
	({ bool __bad = !!(cond); \
	   if (unlikely(__bad)) \
		port_warn(#cond, __FILE__, __LINE__); \
	   __bad; })

/* Doubly linked lists; a head is a node of its own. */
struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

#define LIST_HEAD(name)		struct list_head name = { &(name), &(name) }

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* A node that was deleted and is used again faults at once. */
static inline void list_del(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = (struct list_head *)0x1001;
	node->prev = (struct list_head *)0x1002;
}

static inline void list_del_init(struct list_head *node)
{
	list_del(node);
	INIT_LIST_HEAD(node);
}

static inline void list_splice_tail_init(struct list_head *from,
					 struct list_head *to)
{
	while (!list_empty(from)) {
		struct list_head *node = from->next;

		list_del(node);
		list_add_tail(node, to);
	}
}

#define list_entry(ptr, type, member)	container_of(ptr, type, member)
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_for_each_entry(pos, head, member)				\
	for (pos = list_entry((head)->next, __typeof__(*pos), member);	\
	     &pos->member != (head);					\
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_entry_safe(pos, tmp, head, member)		\
	for (pos = list_entry((head)->next, __typeof__(*pos), member),	\
	     tmp = list_entry(pos->member.next, __typeof__(*pos), member); \
	     &pos->member != (head);					\
	     pos = tmp,							\
	     tmp = list_entry(pos->member.next, __typeof__(*pos), member))

void *port_alloc(size_t bytes);
void port_free(void *p);
void port_free_small(void *p);
void *port_table_alloc(void);
void port_table_free(void *entries);
u64 port_table_pa(void *entries);
void *port_table_va(u64 pa);
void *port_table_meta(void *entries);
void port_table_set_meta(void *entries, void *meta);

/* As on x86-64 with four-level paging: user addresses end at 2^47 - 4096. */
#define PORT_USER_END		((1UL << 47) - 4096)

static inline bool port_user_range_ok(unsigned long hva, u64 bytes)
{
	return bytes <= PORT_USER_END && hva <= PORT_USER_END - bytes;
}

/* Fail when the address is NULL or the test says so. */
bool port_copy_to_user(void *to, const void *from, size_t bytes);
bool port_copy_from_user(void *to, const void *from, size_t bytes);

static inline unsigned int port_popcount(unsigned long word)
{
	return __builtin_popcountl(word);
}

static inline unsigned int port_bits(u64 value)
{
	return value ? 64 - __builtin_clzll(value) : 0;
}

static inline u64 port_clock_ns(u64 clock)
{
	return clock;
}

static inline unsigned int port_first_bit(unsigned long word)
{
	return __builtin_ctzl(word);
}

#ifdef PORT_THREADS
#include "port_threads.h"
#else
#include "port_sim.h"
#endif

#endif
