/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels. Each section names the file that needs it and
 * offers one spelling to both sides. Which side a kernel is on is probed: Kbuild
 * looks into its headers and defines SLAT_HAS_*, since a version number says
 * little about a distribution's kernel. The number decides one thing only:
 * whether anybody tried Slat on such a kernel.
 */
#ifndef SLAT_COMPAT_H
#define SLAT_COMPAT_H

#include <linux/version.h>

/* The series on which the checks run. */
#define SLAT_SERIES	(LINUX_VERSION_CODE >> 8)
#if SLAT_SERIES != (KERNEL_VERSION(6, 1, 0) >> 8) && \
	SLAT_SERIES != (KERNEL_VERSION(6, 12, 0) >> 8) && !defined(SLAT_UNTRIED)
#error "slat was tried on kernels of the series 6.1 and 6.12 alone: expected headers of one of them; make UNTRIED=1 builds it all the same"
#endif

#include <linux/cpuhotplug.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include <asm/cpufeature.h>
#include <asm/idtentry.h>
#include <asm/vmx.h>

/* vmx/features.c, vmx/vcpu.c: the control that lets a guest use XSAVES was renamed (6.11). */
#ifdef SECONDARY_EXEC_ENABLE_XSAVES
#define SLAT_SECONDARY_XSAVES	SECONDARY_EXEC_ENABLE_XSAVES
#else
#define SLAT_SECONDARY_XSAVES	SECONDARY_EXEC_XSAVES
#endif

/* vmx/features.c: bits of a word that 6.1 keeps without a name for each. */
#ifndef X86_FEATURE_CMPCCXADD
#define X86_FEATURE_CMPCCXADD	(CPUID_7_1_EAX * 32 + 7)
#define X86_FEATURE_FZRM	(CPUID_7_1_EAX * 32 + 10)
#define X86_FEATURE_FSRS	(CPUID_7_1_EAX * 32 + 11)
#define X86_FEATURE_FSRC	(CPUID_7_1_EAX * 32 + 12)
#define X86_FEATURE_AVX_IFMA	(CPUID_7_1_EAX * 32 + 23)
#endif

/*
 * vmx/power.c: the hotplug state of KVM (6.3 moved it behind the scheduler).
 * Whoever holds it owns VMX.
 */
#ifdef SLAT_HAS_CPUHP_KVM_ONLINE
#define SLAT_CPUHP_STATE	CPUHP_AP_KVM_ONLINE
#else
#define SLAT_CPUHP_STATE	CPUHP_AP_KVM_STARTING
#endif

/*
 * vmx/power.c: syscore callbacks take an argument, and are registered by another
 * structure (6.18, and the stable series that took the change over).
 */
#ifdef SLAT_HAS_SYSCORE
#define SLAT_DEFINE_SYSCORE(name, suspend_fn, resume_fn) \
	static int name##_suspend(void *data) { return suspend_fn(); } \
	static void name##_resume(void *data) { resume_fn(); } \
	static const struct syscore_ops name##_ops = { \
		.suspend = name##_suspend, .resume = name##_resume, \
	}; \
	static struct syscore name = { .ops = &name##_ops }
#define slat_register_syscore	register_syscore
#define slat_unregister_syscore	unregister_syscore
#else
#define SLAT_DEFINE_SYSCORE(name, suspend_fn, resume_fn) \
	static struct syscore_ops name = { \
		.suspend = suspend_fn, .resume = resume_fn, \
	}
#define slat_register_syscore	register_syscore_ops
#define slat_unregister_syscore	unregister_syscore_ops
#endif

/* io/iobus.c: the number to add, always one, is no argument any more (6.8). */
#ifdef SLAT_HAS_EVENTFD_SIGNAL_ONE
#define slat_eventfd_signal(ctx)	eventfd_signal(ctx)
#else
#define slat_eventfd_signal(ctx)	((void)eventfd_signal(ctx, 1))
#endif

/* vmx/run.c: the NMI entry that expects a frame on the current stack (6.4). */
#ifdef SLAT_HAS_NMI_KVM_VMX
#define SLAT_NMI_ENTRY		asm_exc_nmi_kvm_vmx
#else
#define SLAT_NMI_ENTRY		asm_exc_nmi_noist
#endif

/* vcpu/run.c: the field is hard to use by accident where KVM must not (6.11). */
static inline bool slat_run_immediate_exit(const struct kvm_run *run)
{
#ifdef HINT_UNSAFE_IN_KVM
	return READ_ONCE(run->HINT_UNSAFE_IN_KVM(immediate_exit));
#else
	return READ_ONCE(run->immediate_exit);
#endif
}

/* vm/hostmem.c: a fault that waits for memory ends when any signal comes (6.2). */
#if defined(SLAT_HAS_SHRINKER_ALLOC) && !defined(SLAT_HAS_FOLL_INTERRUPTIBLE)
#error "slat: this kernel has FOLL_INTERRUPTIBLE, but not where Kbuild looks for it"
#endif
#ifdef SLAT_HAS_FOLL_INTERRUPTIBLE
#define SLAT_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define SLAT_FOLL_INTERRUPTIBLE	0
#endif

/*
 * vm/hostmem.c: a fault that stands for an access takes the hints that NUMA balancing
 * left in the page tables, and so tells it who uses the page. Before 6.6 all did.
 */
#ifdef SLAT_HAS_FOLL_HONOR_NUMA_FAULT
#define SLAT_FOLL_HONOR_NUMA	FOLL_HONOR_NUMA_FAULT
#else
#define SLAT_FOLL_HONOR_NUMA	0
#endif

/* vm/shrinker.c: shrinkers are allocated by the kernel and carry a pointer (6.7). */
typedef unsigned long (*slat_shrink_fn)(struct shrinker *shrinker,
					struct shrink_control *sc);

#ifdef SLAT_HAS_SHRINKER_ALLOC
static inline struct shrinker *slat_shrinker_add(const char *name, void *data,
						 slat_shrink_fn count,
						 slat_shrink_fn scan)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->private_data = data;
	shrinker_register(shrinker);
	return shrinker;
}

static inline void slat_shrinker_remove(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}

static inline void *slat_shrinker_data(struct shrinker *shrinker)
{
	return shrinker->private_data;
}
#else
struct slat_shrinker {
	struct shrinker shrinker;
	void *data;
};

static inline struct shrinker *slat_shrinker_add(const char *name, void *data,
						 slat_shrink_fn count,
						 slat_shrink_fn scan)
{
	struct slat_shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->shrinker.count_objects = count;
	s->shrinker.scan_objects = scan;
	s->shrinker.seeks = DEFAULT_SEEKS;
	s->data = data;
	if (register_shrinker(&s->shrinker, "%s", name)) {
		kfree(s);
		return NULL;
	}
	return &s->shrinker;
}

static inline void slat_shrinker_remove(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(container_of(shrinker, struct slat_shrinker, shrinker));
}

static inline void *slat_shrinker_data(struct shrinker *shrinker)
{
	return container_of(shrinker, struct slat_shrinker, shrinker)->data;
}
#endif

#endif /* SLAT_COMPAT_H */
