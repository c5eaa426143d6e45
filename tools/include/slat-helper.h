/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slat's own ioctls for authors of VMMs: one function per call, header only, C
 * and C++. Needs include/uapi in the include path. Each function returns 0 or
 * -errno. fd is a VM's, but where it says otherwise.
 *
 *	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
 *		fprintf(stderr, "slot: %s\n", slat_why(vm));
 *
 *	struct slat_gpa_query q;
 *
 *	if (!slat_query_gpa(vm, run->mmio.phys_addr, SLAT_GPA_WRITE, &q))
 *		puts(slat_reason_text(q.reason));
 *	slat_set_slot_policy(vm, 0, SLAT_PROTECT_SCAN);
 */
#ifndef SLAT_HELPER_H
#define SLAT_HELPER_H

#include <errno.h>
#include <slat.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static inline int slat_call(int fd, unsigned long call, void *arg)
{
	return ioctl(fd, call, arg) < 0 ? -errno : 0;
}

/* @fd: /dev/slat or a VM. Anything but Slat gives -EINVAL or -ENOTTY. */
static inline int slat_get_info(int fd, struct slat_info *info)
{
	memset(info, 0, sizeof(*info));
	return slat_call(fd, SLAT_GET_INFO, info);
}

/* Does the module behind @fd (device or VM) know the ioctl @call? */
static inline int slat_has_call(int fd, unsigned long call)
{
	struct slat_info info;

	return !slat_get_info(fd, &info) && (info.calls >> _IOC_NR(call) & 1);
}

static inline int slat_policy_call(int fd, unsigned long call, __u32 flags, __u32 slot,
				   __u32 *protect)
{
	struct slat_policy policy;
	int ret;

	memset(&policy, 0, sizeof(policy));
	policy.flags = flags;
	policy.slot = slot;
	if (call == SLAT_SET_POLICY)
		policy.protect = *protect;
	ret = slat_call(fd, call, &policy);
	if (!ret && call == SLAT_GET_POLICY)
		*protect = policy.effective;
	return ret;
}

/* The VM's policy, for all slots that have none of their own. */
static inline int slat_set_policy(int fd, __u32 protect)
{
	return slat_policy_call(fd, SLAT_SET_POLICY, 0, 0, &protect);
}

static inline int slat_set_slot_policy(int fd, __u32 slot, __u32 protect)
{
	return slat_policy_call(fd, SLAT_SET_POLICY, SLAT_POLICY_SLOT, slot, &protect);
}

/* What rules in the end, never SLAT_PROTECT_DEFAULT. */
static inline int slat_get_policy(int fd, __u32 *protect)
{
	return slat_policy_call(fd, SLAT_GET_POLICY, 0, 0, protect);
}

static inline int slat_get_slot_policy(int fd, __u32 slot, __u32 *protect)
{
	return slat_policy_call(fd, SLAT_GET_POLICY, SLAT_POLICY_SLOT, slot, protect);
}

static inline const char *slat_protect_name(__u32 protect)
{
	static const char *const names[] = { "default", "auto", "classic", "rmap", "scan" };

	return protect < sizeof(names) / sizeof(names[0]) ? names[protect] : "unknown";
}

/* enum slat_protect of a name, or -EINVAL. */
static inline int slat_protect_find(const char *name)
{
	__u32 i;

	for (i = 0; i <= SLAT_PROTECT_SCAN; i++)
		if (!strcmp(name, slat_protect_name(i)))
			return (int)i;
	return -EINVAL;
}

static inline int slat_query_gpa(int fd, __u64 gpa, __u32 access, struct slat_gpa_query *query)
{
	memset(query, 0, sizeof(*query));
	query->gpa = gpa;
	query->access = access;
	return slat_call(fd, SLAT_QUERY_GPA, query);
}

/* enum slat_gpa_reason in words. */
static inline const char *slat_reason_text(__u32 reason)
{
	static const char *const words[] = {
		"no exit: the EPT grants the access",
		"not mapped yet: the fault maps the slot's page",
		"no slot: MMIO, the fault writes an MMIO entry",
		"no slot: MMIO, by an MMIO entry",
		"an MMIO entry of an older generation: the slots are looked up anew",
		"a write to a read-only slot: MMIO",
		"write-protected for the dirty log: the fault marks the page dirty",
		"the host has granted no write yet: the fault asks for it",
		"the slot is being deleted or moved: the fault is retried",
		"the host is changing the memory: the fault is retried",
		"an entry that Slat did not write: the run ends with an internal error",
	};

	return reason < sizeof(words) / sizeof(words[0]) ? words[reason] : "unknown reason";
}

static inline int slat_get_last_error(int fd, struct slat_last_error *error)
{
	memset(error, 0, sizeof(*error));
	return slat_call(fd, SLAT_GET_LAST_ERROR, error);
}

/*
 * Why the last ioctl on the VM failed, in words; errno stays. The text lives
 * until the thread's next call.
 */
static inline const char *slat_why(int fd)
{
	static __thread char text[SLAT_ERROR_TEXT];
	struct slat_last_error error;
	int saved = errno;

	if (slat_get_last_error(fd, &error))
		snprintf(text, sizeof(text), "%s", strerror(saved));
	else
		memcpy(text, error.text, sizeof(text));
	errno = saved;
	return text;
}

static inline int slat_get_slot_stats(int fd, __u32 slot, struct slat_slot_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->slot = slot;
	return slat_call(fd, SLAT_GET_SLOT_STATS, stats);
}

#endif
