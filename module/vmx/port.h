/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate between the flush protocol (tlb.h, tlb.c, request.h) and what it runs
 * on: a closed list of names.  port_kernel.h maps them to Linux; port_flush.h, in
 * selftests/flush/, to a machine whose processors forget no translation before
 * they must.
 *
 *  types      u16 u32 u64 bool, struct cpumask, atomic64_t
 *  language   READ_ONCE WRITE_ONCE smp_mb smp_load_acquire smp_store_release
 *             likely unlikely __always_inline atomic64_read atomic64_set
 *             atomic64_inc_return NULL
 *  vCPU       struct slat_vmx: caps vm vpid vm_node mode mode_cpu requests
 *  VM         struct slat_vmx_vm: eptp tlb_seq cpu_seq vcpus
 *  caps       struct slat_caps: invept_single invvpid_single l1d_cond
 *  lists      list_for_each_entry_rcu rcu_read_lock rcu_read_unlock
 *  CPUs       smp_processor_id preempt_disable preempt_enable
 *             slat_cpu_kick_mask cpumask_clear cpumask_test_and_set_cpu
 *             smp_call_function_many
 *  processor  slat_invept slat_invvpid, VMX_EPT_EXTENT_GLOBAL,
 *             VMX_VPID_EXTENT_ALL_CONTEXT; X86_CR0_PG, X86_CR4_* of SLAT_CR4_TLB,
 *             EFER_NX, EFER_LMA
 */
#ifndef SLAT_VMX_PORT_H
#define SLAT_VMX_PORT_H

#ifdef __KERNEL__
#include "port_kernel.h"
#else
#include <port_flush.h>
#endif

#endif /* SLAT_VMX_PORT_H */
