/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user-space side of the gate module/vmx/port.h: names that the flush
 * protocol may use.  What touches time is selftests/mmu's simulated machine; the
 * processors with their translation caches are cpus.c.
 */
#ifndef SLAT_PORT_FLUSH_H
#define SLAT_PORT_FLUSH_H

#include <asm/processor-flags.h>

#include <port_user.h>

#undef __always_inline
#define __always_inline	inline __attribute__((always_inline))

#define EFER_LMA	(1ULL << 10)
#define EFER_NX		(1ULL << 11)

#define VMX_EPT_EXTENT_CONTEXT		1
#define VMX_EPT_EXTENT_GLOBAL		2
#define VMX_VPID_EXTENT_SINGLE_CONTEXT	1
#define VMX_VPID_EXTENT_ALL_CONTEXT	2

struct cpumask {
	unsigned long bits;
};

struct slat_caps {
	u8 invept_single;
	u8 invvpid_single;
	bool l1d_cond;
};

struct slat_vmx_vm {
	u64 eptp;
	atomic64_t tlb_seq;
	u64 *cpu_seq;
	struct list_head vcpus;
};

struct slat_vmx {
	const struct slat_caps *caps;
	struct slat_vmx_vm *vm;
	u16 vpid;
	struct list_head vm_node;
	int mode;
	int mode_cpu;
	u32 requests;
};

unsigned int slat_vmx_vm_flush(struct slat_vmx_vm *vm);

int smp_processor_id(void);
void preempt_disable(void);
void preempt_enable(void);
struct cpumask *slat_cpu_kick_mask(void);
void smp_call_function_many(const struct cpumask *mask, void (*fn)(void *), void *arg,
			    bool wait);
void slat_invept(unsigned long extent, u64 eptp);
void slat_invvpid(unsigned long extent, u16 vpid);

static inline void cpumask_clear(struct cpumask *mask)
{
	mask->bits = 0;
}

static inline bool cpumask_test_and_set_cpu(int cpu, struct cpumask *mask)
{
	bool was = mask->bits >> cpu & 1;

	mask->bits |= 1UL << cpu;
	return was;
}

#define atomic64_inc_return(a)	sim_atomic_add(a, 1)

/* No vCPU of the model is freed before its run is over. */
#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)
#define list_for_each_entry_rcu(pos, head, member)				\
	for (pos = list_entry(READ_ONCE((head)->next), __typeof__(*pos), member); \
	     &pos->member != (head);						\
	     pos = list_entry(READ_ONCE(pos->member.next), __typeof__(*pos), member))

#endif
