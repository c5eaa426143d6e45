/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the supported kernels, 6.1 to 6.12; the only file that
 * looks at LINUX_VERSION_CODE. Each section names the file that needs it and
 * offers one spelling to both sides.
 */
#ifndef SLAT_COMPAT_H
#define SLAT_COMPAT_H

#include <linux/cpuhotplug.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

#include <asm/idtentry.h>
#include <asm/vmx.h>

/* vmx/features.c: the control that lets a guest use XSAVES was renamed (6.11). */
#ifdef SECONDARY_EXEC_ENABLE_XSAVES
#define SLAT_SECONDARY_XSAVES	SECONDARY_EXEC_ENABLE_XSAVES
#else
#define SLAT_SECONDARY_XSAVES	SECONDARY_EXEC_XSAVES
#endif

/*
 * vmx/cpu.c: the hotplug state of KVM (6.3 moved it behind the scheduler).
 * Whoever holds it owns VMX.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define SLAT_CPUHP_STATE	CPUHP_AP_KVM_ONLINE
#else
#define SLAT_CPUHP_STATE	CPUHP_AP_KVM_STARTING
#endif

/*
 * vmx/cpu.c: syscore callbacks take an argument, and are registered by another
 * structure, from 6.18 on and in the stable series that took the change over.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 60)
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

/* iobus.c: the number to add, always one, is no argument any more (6.8). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define slat_eventfd_signal(ctx)	eventfd_signal(ctx)
#else
#define slat_eventfd_signal(ctx)	((void)eventfd_signal(ctx, 1))
#endif

/* vmx/run.c: smp_send_reschedule() became a macro with a tracepoint in it (6.4). */
#include <trace/events/ipi.h>

/* vmx/run.c: the NMI entry that expects a frame on the current stack (6.4). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define SLAT_NMI_ENTRY		asm_exc_nmi_kvm_vmx
#else
#define SLAT_NMI_ENTRY		asm_exc_nmi_noist
#endif

/* vcpu_run.c: the field is hard to use by accident where KVM must not (6.11). */
static inline bool slat_run_immediate_exit(const struct kvm_run *run)
{
#ifdef HINT_UNSAFE_IN_KVM
	return READ_ONCE(run->HINT_UNSAFE_IN_KVM(immediate_exit));
#else
	return READ_ONCE(run->immediate_exit);
#endif
}

/* hostmem.c: a fault that waits for memory ends when any signal comes (6.2). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define SLAT_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define SLAT_FOLL_INTERRUPTIBLE	0
#endif

/* shrinker.c: shrinkers are allocated by the kernel and carry a pointer (6.7). */
typedef unsigned long (*slat_shrink_fn)(struct shrinker *shrinker,
					struct shrink_control *sc);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
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
