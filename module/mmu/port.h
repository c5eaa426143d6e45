/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate between the MMU core and whatever it runs on.
 *
 * The core (module/mmu/, module/slots/) uses the names listed here and no
 * others: no kernel header and no libc header is included anywhere behind this
 * file. port_kernel.h maps the names to Linux; port_user.h (in selftests/mmu/)
 * maps them to a fake machine that records every entry write, lies about TLBs
 * and fails allocations on demand.
 *
 * The closed list:
 *
 *  types      u8 u16 u32 u64 bool, gfn_t gpa_t hva_t (unsigned long),
 *             kvm_pfn_t, struct list_head, atomic64_t
 *  language   __user READ_ONCE WRITE_ONCE smp_mb smp_rmb smp_wmb smp_load_acquire
 *             smp_store_release likely unlikely container_of static_assert
 *             __always_inline ARRAY_SIZE BIT_ULL GENMASK_ULL min max min_t max_t swap memcpy
 *             size_t E* error numbers
 *             WARN_ON_ONCE (yields its condition)
 *  lists      LIST_HEAD INIT_LIST_HEAD list_add_tail list_del list_del_init list_empty
 *             list_splice_tail_init list_first_entry list_for_each_entry
 *             list_for_each_entry_safe
 *  atomics    atomic64_read atomic64_set atomic64_inc atomic64_dec
 *             atomic64_add atomic64_dec_return
 *             port_bit_set(nr, words) port_bit_test(nr, words)
 *             port_word_xchg(word, value) port_word_or(word, bits)
 *             port_word_andnot(word, bits), which return the old word;
 *             port_popcount(word) port_first_bit(word)
 *             port_bits(value): how many it needs, 0 for 0
 *             port_counter_add(counter, n): a u64 that nobody else writes now,
 *             though others may read it
 *  locks      port_rwlock_t: port_rwlock_init port_read_lock
 *             port_read_unlock port_write_lock port_write_unlock
 *             port_rwlock_contended port_rwlock_relax port_assert_write
 *             port_assert_held
 *             port_spinlock_t: port_spin_init port_spin_lock port_spin_unlock
 *             port_mutex_t: port_mutex_init port_mutex_lock
 *             port_mutex_unlock port_assert_mutex
 *  waiting    port_waitq_t: port_waitq_init port_wake_all port_wait_event
 *             port_cond_resched
 *  time       port_clock(): any unit; cheap, and goes forward on one CPU;
 *             port_clock_ns(clock): such a time in ns
 *  tracing    PORT_TRACE_DECLARE(event), port_trace_on(event): does anybody
 *             listen? port_trace_ns(); what is told goes to the functions that
 *             events.h declares
 *  memory     port_alloc port_free (zeroed, any size, may sleep)
 *             port_free_small (what port_alloc() gave for at most a page: does
 *             not sleep)
 *             port_table_alloc port_table_free (one zeroed page)
 *             port_table_pa port_table_va port_table_meta port_table_set_meta
 *  entries    port_entry_read port_entry_write port_entry_xchg
 *             port_entry_cmpxchg (the only way to touch a paging entry)
 *             port_entry_changed(entry, gfn, level, change, old, new): told of each
 *             change that has taken effect; nothing in the kernel
 *  layout     port_cache_aligned: a member that begins a cache line
 *  user       port_user_range_ok(hva, bytes)
 *             port_copy_to_user(to, from, bytes), port_copy_from_user: false
 *             when a part could not be copied
 *
 *  slices     port_slice(entries): after how many entries of work an exclusive
 *             section asks whether it should yield; @entries in the kernel
 *
 * port_rwlock_contended(lock) says whether somebody waits for the lock or the
 * time slice is over; port_rwlock_relax(lock) then lets others run and takes
 * the lock again (both with the lock held for write). "Should yield" is decided
 * behind the gate, so that the tests can force it anywhere.
 */
#ifndef SLAT_MMU_PORT_H
#define SLAT_MMU_PORT_H

#ifdef __KERNEL__
#include "port_kernel.h"
#else
#include <port_user.h>
#endif

#endif
