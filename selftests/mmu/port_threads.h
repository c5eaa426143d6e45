/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate's clockwork on POSIX threads: real locks and real atomics, so that
 * ThreadSanitizer sees what the core orders and what it does not. Used by
 * stress.c alone; memory comes from threads.c.
 */
#ifndef SLAT_PORT_THREADS_H
#define SLAT_PORT_THREADS_H

#include <pthread.h>
#include <sched.h>

typedef struct { pthread_rwlock_t l; } port_rwlock_t;
typedef struct { pthread_mutex_t l; } port_spinlock_t;
typedef struct { pthread_mutex_t l; } port_mutex_t;
typedef struct { pthread_mutex_t l; pthread_cond_t c; } port_waitq_t;
typedef struct { long long v; } atomic64_t;

#define port_rwlock_init(lock)	((void)pthread_rwlock_init(&(lock)->l, NULL))
#define port_read_lock(lock)	((void)pthread_rwlock_rdlock(&(lock)->l))
#define port_read_unlock(lock)	((void)pthread_rwlock_unlock(&(lock)->l))
#define port_write_lock(lock)	((void)pthread_rwlock_wrlock(&(lock)->l))
#define port_write_unlock(lock)	((void)pthread_rwlock_unlock(&(lock)->l))
#define port_assert_write(lock)	((void)(lock))
#define port_assert_held(lock)	((void)(lock))

#define port_spin_init(lock)	((void)pthread_mutex_init(&(lock)->l, NULL))
#define port_spin_lock(lock)	((void)pthread_mutex_lock(&(lock)->l))
#define port_spin_unlock(lock)	((void)pthread_mutex_unlock(&(lock)->l))
#define port_mutex_init(lock)	((void)pthread_mutex_init(&(lock)->l, NULL))
#define port_mutex_lock(lock)	((void)pthread_mutex_lock(&(lock)->l))
#define port_mutex_unlock(lock)	((void)pthread_mutex_unlock(&(lock)->l))
#define port_assert_mutex(lock)	((void)(lock))

/* Every other question is answered yes. */
static inline bool port_rwlock_contended(port_rwlock_t *lock)
{
	static __thread unsigned int turn;

	(void)lock;
	return turn++ & 1;
}

static inline void port_rwlock_relax(port_rwlock_t *lock)
{
	port_write_unlock(lock);
	sched_yield();
	port_write_lock(lock);
}

#define port_slice(entries)	1

static inline void port_waitq_init(port_waitq_t *wq)
{
	pthread_mutex_init(&wq->l, NULL);
	pthread_cond_init(&wq->c, NULL);
}

static inline void port_wake_all(port_waitq_t *wq)
{
	pthread_mutex_lock(&wq->l);
	pthread_cond_broadcast(&wq->c);
	pthread_mutex_unlock(&wq->l);
}

#define port_wait_event(wq, cond)					\
	do {								\
		pthread_mutex_lock(&(wq).l);				\
		while (!(cond))						\
			pthread_cond_wait(&(wq).c, &(wq).l);		\
		pthread_mutex_unlock(&(wq).l);				\
	} while (0)
#define port_cond_resched()	((void)sched_yield())

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

/*
 * A locked instruction on a word of one's own: a full barrier on x86, which,
 * unlike a fence, ThreadSanitizer knows, and which orders no two threads in its
 * eyes that the core does not order.
 */
static inline void smp_mb(void)
{
	static __thread int own;

	__atomic_fetch_add(&own, 1, __ATOMIC_SEQ_CST);
}

#define smp_rmb()		smp_mb()
#define smp_wmb()		smp_mb()

#define atomic64_read(a)	__atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define atomic64_set(a, n)	__atomic_store_n(&(a)->v, n, __ATOMIC_RELAXED)
#define atomic64_add(n, a)	((void)__atomic_fetch_add(&(a)->v, n, __ATOMIC_RELAXED))
#define atomic64_inc(a)		atomic64_add(1, a)
#define atomic64_dec(a)		atomic64_add(-1, a)
#define atomic64_dec_return(a)	__atomic_sub_fetch(&(a)->v, 1, __ATOMIC_SEQ_CST)

/* Any time will do: it decides about cost alone. */
static inline u64 port_clock(void)
{
	static __thread u64 calls;

	return calls += 16;
}

/* No trace point is on. */
#define PORT_TRACE_DECLARE(event)	struct traced
#define port_trace_on(event)		false
#define port_trace_ns()			0

static inline void port_entry_changed(const u64 *entry, gfn_t gfn, int level, int change,
				      u64 old, u64 new)
{
	(void)entry;
	(void)gfn;
	(void)level;
	(void)change;
	(void)old;
	(void)new;
}

/* Not one atomic addition, so that two writers at a time are no better off than in the kernel. */
static inline void port_counter_add(u64 *counter, u64 n)
{
	WRITE_ONCE(*counter, READ_ONCE(*counter) + n);
}

static inline u64 port_entry_read(u64 *entry)
{
	/* What it leads to was written before: an address dependency. */
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static inline void port_entry_write(u64 *entry, u64 value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

static inline u64 port_entry_xchg(u64 *entry, u64 value)
{
	return __atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
}

static inline u64 port_entry_cmpxchg(u64 *entry, u64 old, u64 value)
{
	__atomic_compare_exchange_n(entry, &old, value, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return old;
}

static inline unsigned long port_word_xchg(unsigned long *word, unsigned long value)
{
	return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

static inline unsigned long port_word_or(unsigned long *word, unsigned long bits)
{
	return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static inline unsigned long port_word_andnot(unsigned long *word, unsigned long bits)
{
	return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

static inline void port_bit_set(unsigned long nr, unsigned long *words)
{
	port_word_or(&words[nr / 64], 1UL << (nr % 64));
}

static inline bool port_bit_test(unsigned long nr, const unsigned long *words)
{
	return READ_ONCE(words[nr / 64]) >> (nr % 64) & 1;
}

#endif
