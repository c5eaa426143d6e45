/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate's clockwork on the simulated machine: every lock, barrier and shared
 * access is a call into sim.c or machine.c, where the scheduler may let another
 * task run and where the rules of the lock order are asserted.
 */
#ifndef SLAT_PORT_SIM_H
#define SLAT_PORT_SIM_H

struct sim_task;

/**
 * struct sim_lock - any lock
 * @name: for messages; set at init
 * @rank: place in the lock order; a task takes locks in growing order only
 * @readers: how many tasks hold it shared
 * @writer: who holds it exclusive
 */
struct sim_lock {
	const char *name;
	int rank;
	int readers;
	struct sim_task *writer;
};

enum sim_rank {
	SIM_RANK_SLOTS = 1,	/* slots_lock */
	SIM_RANK_MMAP,		/* the host's mmap_lock */
	SIM_RANK_MMU,		/* the mmu lock */
	SIM_RANK_LEAF,		/* nothing is taken inside */
};

typedef struct { struct sim_lock l; } port_rwlock_t;
typedef struct { struct sim_lock l; } port_spinlock_t;
typedef struct { struct sim_lock l; } port_mutex_t;
typedef struct { int unused; } port_waitq_t;
typedef struct { long long v; } atomic64_t;

void sim_lock_init(struct sim_lock *lock, const char *name, int rank);
void sim_lock_shared(struct sim_lock *lock);
void sim_unlock_shared(struct sim_lock *lock);
void sim_lock_exclusive(struct sim_lock *lock, bool sleeping);
void sim_unlock_exclusive(struct sim_lock *lock);
void sim_assert_held(const struct sim_lock *lock, bool exclusive);
bool sim_contended(struct sim_lock *lock);
void sim_relax(struct sim_lock *lock);
u64 sim_slice(u64 entries);

#define port_rwlock_init(lock)	sim_lock_init(&(lock)->l, #lock, SIM_RANK_MMU)
#define port_read_lock(lock)	sim_lock_shared(&(lock)->l)
#define port_read_unlock(lock)	sim_unlock_shared(&(lock)->l)
#define port_write_lock(lock)	sim_lock_exclusive(&(lock)->l, false)
#define port_write_unlock(lock)	sim_unlock_exclusive(&(lock)->l)
#define port_assert_write(lock)	sim_assert_held(&(lock)->l, true)
#define port_assert_held(lock)	sim_assert_held(&(lock)->l, false)
#define port_rwlock_contended(lock)	sim_contended(&(lock)->l)
#define port_rwlock_relax(lock)	sim_relax(&(lock)->l)

#define port_slice(entries)		sim_slice(entries)

#define port_spin_init(lock)	sim_lock_init(&(lock)->l, #lock, SIM_RANK_LEAF)
#define port_spin_lock(lock)	sim_lock_exclusive(&(lock)->l, false)
#define port_spin_unlock(lock)	sim_unlock_exclusive(&(lock)->l)

#define port_mutex_init(lock)	sim_lock_init(&(lock)->l, #lock, SIM_RANK_SLOTS)
#define port_mutex_lock(lock)	sim_lock_exclusive(&(lock)->l, true)
#define port_mutex_unlock(lock)	sim_unlock_exclusive(&(lock)->l)
#define port_assert_mutex(lock)	sim_assert_held(&(lock)->l, true)

void sim_wait_begin(port_waitq_t *wq);
void sim_wait_sleep(port_waitq_t *wq);
void sim_wait_end(void);
void sim_wake_all(port_waitq_t *wq);
void sim_cond_resched(void);

#define port_waitq_init(wq)	((void)((wq)->unused = 0))
#define port_wake_all(wq)	sim_wake_all(wq)
#define port_wait_event(wq, cond)		\
	do {					\
		for (;;) {			\
			sim_wait_begin(&(wq));	\
			if (cond)		\
				break;		\
			sim_wait_sleep(&(wq));	\
		}				\
		sim_wait_end();			\
	} while (0)
#define port_cond_resched()	sim_cond_resched()

/*
 * Loads and stores. A store stays in the task's store buffer, unseen by other
 * tasks' loads, until a barrier, a lock or chance drains it.
 */
void sim_load(const volatile void *p, void *to, size_t size);
void sim_store(volatile void *p, const void *from, size_t size);
void sim_barrier(void);

#define READ_ONCE(x)							\
	({ union { __typeof__(x) v; char c[sizeof(x)]; } __load;	\
	   sim_load(&(x), __load.c, sizeof(x));				\
	   __load.v; })
#define WRITE_ONCE(x, value)						\
	do {								\
		__typeof__(x) __store = (value);			\
		sim_store(&(x), &__store, sizeof(x));			\
	} while (0)
#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)
#define smp_mb()		sim_barrier()
/* TSO: loads stay in order among themselves, so do stores. */
#define smp_rmb()		__asm__ __volatile__("" ::: "memory")
#define smp_wmb()		__asm__ __volatile__("" ::: "memory")

long long sim_atomic_add(atomic64_t *a, long long n);
long long sim_atomic_read(const atomic64_t *a);

#define atomic64_read(a)	sim_atomic_read(a)
#define atomic64_set(a, n)	((void)((a)->v = (n)))
#define atomic64_add(n, a)	((void)sim_atomic_add(a, n))
#define atomic64_inc(a)		((void)sim_atomic_add(a, 1))
#define atomic64_dec(a)		((void)sim_atomic_add(a, -1))
#define atomic64_dec_return(a)	sim_atomic_add(a, -1)

/* Steps of the simulation. */
u64 port_clock(void);

/* Every trace point is on: traced.c takes what is told and checks it. */
#define PORT_TRACE_DECLARE(event)	struct traced
#define port_trace_on(event)		true

static inline u64 port_trace_ns(void)
{
	return port_clock() + 1;
}

u64 port_entry_read(u64 *entry);
void port_entry_write(u64 *entry, u64 value);
u64 port_entry_xchg(u64 *entry, u64 value);
u64 port_entry_cmpxchg(u64 *entry, u64 old, u64 value);
void port_entry_changed(const u64 *entry, gfn_t gfn, int level, int change, u64 old,
			u64 new);

/* Two writers at a time lose one of their additions. */
void sim_counter_add(u64 *counter, u64 n);

#define port_counter_add(counter, n)	sim_counter_add(counter, n)

static inline unsigned long port_word_xchg(unsigned long *word,
					   unsigned long value)
{
	unsigned long old;

	sim_barrier();
	old = *word;
	*word = value;
	return old;
}

static inline unsigned long port_word_or(unsigned long *word, unsigned long bits)
{
	sim_barrier();
	*word |= bits;
	return *word & ~bits;
}

static inline unsigned long port_word_andnot(unsigned long *word,
					     unsigned long bits)
{
	unsigned long old;

	sim_barrier();
	old = *word;
	*word &= ~bits;
	return old;
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
