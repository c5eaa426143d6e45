/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Linux side of the gate described in port.h: the one file of the core
 * that includes kernel headers. Only port.h includes it.
 */
#ifndef SLAT_MMU_PORT_KERNEL_H
#define SLAT_MMU_PORT_KERNEL_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/kvm_types.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwlock.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timex.h>
#include <linux/tracepoint-defs.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#define port_cache_aligned	____cacheline_aligned_in_smp

typedef rwlock_t port_rwlock_t;
typedef spinlock_t port_spinlock_t;
typedef struct mutex port_mutex_t;
typedef wait_queue_head_t port_waitq_t;

#define port_rwlock_init(lock)		rwlock_init(lock)
#define port_read_lock(lock)		read_lock(lock)
#define port_read_unlock(lock)		read_unlock(lock)
#define port_write_lock(lock)		write_lock(lock)
#define port_write_unlock(lock)		write_unlock(lock)
#define port_assert_write(lock)		lockdep_assert_held_write(lock)
#define port_assert_held(lock)		lockdep_assert_held(lock)

#define port_spin_init(lock)		spin_lock_init(lock)
#define port_spin_lock(lock)		spin_lock(lock)
#define port_spin_unlock(lock)		spin_unlock(lock)

#define port_mutex_init(lock)		mutex_init(lock)
#define port_mutex_lock(lock)		mutex_lock(lock)
#define port_mutex_unlock(lock)		mutex_unlock(lock)
#define port_assert_mutex(lock)		lockdep_assert_held(lock)

#define port_waitq_init(wq)		init_waitqueue_head(wq)
#define port_wake_all(wq)		wake_up_all(wq)
#define port_wait_event(wq, cond)	wait_event(wq, cond)
#define port_cond_resched()		cond_resched()

/*
 * Not rwlock_needbreak(): it sees waiters only where the kernel is preemptible, and stock
 * kernels are not; but a vCPU that waits for its fault is worse off than a task that
 * waits for its CPU. The first of the queue has left its mark in the lock's word: once
 * the lock is dropped it is the waiter's, and ours again only behind it.
 */
static inline bool port_rwlock_contended(port_rwlock_t *lock)
{
	return need_resched() || rwlock_is_contended(lock);
}

static inline void port_rwlock_relax(port_rwlock_t *lock)
{
	write_unlock(lock);
	cond_resched();
	write_lock(lock);
}

/* Entries in a slice of an exclusive section: see SLAT_SLICE. */
#define port_slice(entries)		(entries)

static inline u64 port_clock(void)
{
	return get_cycles();
}

/*
 * A difference of two CPUs' clocks, or across a suspend, may be negative: as 0,
 * since a quotient that doesn't fit would raise #DE.
 */
static inline u64 port_clock_ns(u64 clock)
{
	if ((s64)clock <= 0)
		return 0;
	return tsc_khz ? mul_u64_u64_div_u64(clock, USEC_PER_SEC, tsc_khz) : clock;
}

/* The one way to a trace point that is safe in headers; a NOP while it is off. */
#define PORT_TRACE_DECLARE(event)	DECLARE_TRACEPOINT(event)
#define port_trace_on(event)		tracepoint_enabled(event)

static inline u64 port_trace_ns(void)
{
	return ktime_get_mono_fast_ns();
}

static inline void *port_alloc(size_t bytes)
{
	return kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
}

static inline void port_free(void *p)
{
	kvfree(p);
}

/* kvzalloc() takes up to a page from kmalloc() alone, and kfree() never sleeps. */
static inline void port_free_small(void *p)
{
	kfree(p);
}

static inline void *port_table_alloc(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static inline void port_table_free(void *entries)
{
	free_page((unsigned long)entries);
}

static inline u64 port_table_pa(void *entries)
{
	return __pa(entries);
}

static inline void *port_table_va(u64 pa)
{
	return __va(pa);
}

static inline void *port_table_meta(void *entries)
{
	return (void *)page_private(virt_to_page(entries));
}

static inline void port_table_set_meta(void *entries, void *meta)
{
	set_page_private(virt_to_page(entries), (unsigned long)meta);
}

static inline u64 port_entry_read(u64 *entry)
{
	return READ_ONCE(*entry);
}

static inline void port_entry_write(u64 *entry, u64 value)
{
	WRITE_ONCE(*entry, value);
}

static inline u64 port_entry_xchg(u64 *entry, u64 value)
{
	return xchg(entry, value);
}

/* Returns what the entry held: @old means the exchange took place. */
static inline u64 port_entry_cmpxchg(u64 *entry, u64 old, u64 value)
{
	return cmpxchg64(entry, old, value);
}

/* By set_pte.c, for each; what the tests compare with the writes that they see. */
static inline void port_entry_changed(const u64 *entry, gfn_t gfn, int level, int change,
				      u64 old, u64 new)
{
}

/*
 * Without a lock prefix, since no addition of another CPU can be lost; one instruction,
 * since faults and walks count what they do.
 */
static inline void port_counter_add(u64 *counter, u64 n)
{
	asm("addq %1, %0" : "+m" (*counter) : "er" (n) : "cc");
}

static inline void port_bit_set(unsigned long nr, unsigned long *words)
{
	set_bit(nr, words);
}

static inline bool port_bit_test(unsigned long nr, const unsigned long *words)
{
	return test_bit(nr, words);
}

static inline unsigned int port_popcount(unsigned long word)
{
	return hweight_long(word);
}

static inline unsigned int port_bits(u64 value)
{
	return fls64(value);
}

/* Number of the lowest bit that is set in @word, which is not 0. */
static inline unsigned int port_first_bit(unsigned long word)
{
	return __ffs(word);
}

static inline unsigned long port_word_or(unsigned long *word,
					 unsigned long bits)
{
	return atomic_long_fetch_or(bits, (atomic_long_t *)word);
}

static inline unsigned long port_word_andnot(unsigned long *word,
					     unsigned long bits)
{
	return atomic_long_fetch_andnot(bits, (atomic_long_t *)word);
}

static inline unsigned long port_word_xchg(unsigned long *word,
					   unsigned long value)
{
	return xchg(word, value);
}

static inline bool port_user_range_ok(unsigned long hva, u64 bytes)
{
	return access_ok((void __user *)hva, bytes);
}

static inline bool port_copy_to_user(void __user *to, const void *from,
				     size_t bytes)
{
	return !copy_to_user(to, from, bytes);
}

static inline bool port_copy_from_user(void *to, const void __user *from,
				       size_t bytes)
{
	return !copy_from_user(to, from, bytes);
}

#endif
