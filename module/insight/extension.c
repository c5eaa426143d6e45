// SPDX-License-Identifier: GPL-2.0
/*
 * Slat's own ioctls: what there is, the write-protection policy, and the way to
 * the calls that have a file of their own. Called by the device's and the VM's
 * ioctl without locks. The rules that all of them follow are in <slat.h>.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "abi.h"
#include "insight.h"
#include "slots/gpa_query.h"
#include "vm/vm.h"

#define CALL_BIT(call)	BIT_ULL(_IOC_NR(call))

#define CALLS	(CALL_BIT(SLAT_GET_INFO) | CALL_BIT(SLAT_GET_POLICY) |		\
		 CALL_BIT(SLAT_SET_POLICY) | CALL_BIT(SLAT_QUERY_GPA) |		\
		 CALL_BIT(SLAT_GET_LAST_ERROR) | CALL_BIT(SLAT_GET_SLOT_STATS))

/* The ABI's policies are the core's, in the same order, behind the default. */
static_assert(SLAT_PROTECT_AUTO == SLAT_POLICY_AUTO + 1);
static_assert(SLAT_PROTECT_CLASSIC == SLAT_POLICY_CLASSIC + 1);
static_assert(SLAT_PROTECT_RMAP == SLAT_POLICY_RMAP + 1);
static_assert(SLAT_PROTECT_SCAN == SLAT_POLICY_SCAN + 1);
static_assert(SLAT_PROTECT_SCAN + 1 == SLAT_NR_POLICIES + 1);

static enum slat_wrprot_policy policy_from_abi(u32 protect)
{
	return protect == SLAT_PROTECT_DEFAULT ? SLAT_POLICY_INHERIT : protect - 1;
}

static int check_zero_u32(u32 word, size_t offset, struct slat_reject *why)
{
	return word ? slat_reject(why, -EINVAL, SLAT_CHECK_RESERVED, offset, 0) : 0;
}

int slat_extension_info(const struct slat_device *device, void __user *argp,
			struct slat_reject *why)
{
	struct slat_info info;
	int err;

	if (copy_from_user(&info, argp, sizeof(info)))
		return -EFAULT;
	err = slat_check_form(&info, 0, why) ?:
	      check_zero_u32(info.pad, offsetof(struct slat_info, pad), why);
	if (err)
		return err;
	info.version = SLAT_ABI_VERSION;
	info.calls = CALLS;
	info.protect = BIT_ULL(SLAT_NR_POLICIES + 1) - 1;
	info.gen_bits = device->config.gen_bits;
	info.nr_levels = SLAT_ROOT_LEVEL;
	info.leaf_levels = BIT(SLAT_LEVEL_4K);
	return copy_to_user(argp, &info, sizeof(info)) ? -EFAULT : 0;
}

/**
 * policy_find() - whose policy is meant?
 * @slots: slots_lock is held
 * @policy: the client's request
 * @slot: out: the slot, NULL: the VM
 * @why: filled in on failure
 *
 * Return: 0; -EINVAL: no such slot number, or one without SLAT_POLICY_SLOT;
 * -ENOENT: no such slot.
 */
static int policy_find(const struct slat_memslots *slots, const struct slat_policy *policy,
		       const struct slat_memslot **slot, struct slat_reject *why)
{
	*slot = NULL;
	if (!(policy->flags & SLAT_POLICY_SLOT))
		return check_zero_u32(policy->slot, offsetof(struct slat_policy, slot), why);
	why->slot = policy->slot;
	if (policy->slot >= slots->config.nr_max)
		return slat_reject(why, -EINVAL, SLAT_CHECK_SLOT_ID, policy->slot,
				   slots->config.nr_max - 1);
	*slot = slat_memslots_find_id(slots, policy->slot);
	if (!*slot)
		return slat_reject(why, -ENOENT, SLAT_CHECK_NO_SLOT, policy->slot, 0);
	return 0;
}

static int get_policy(struct slat_vm *vm, struct slat_policy __user *argp,
		      struct slat_reject *why)
{
	struct slat_memslots *slots = &vm->slots;
	const struct slat_memslot *slot;
	struct slat_policy policy;
	int err;

	if (copy_from_user(&policy, argp, sizeof(policy)))
		return -EFAULT;
	err = slat_check_form(&policy, SLAT_POLICY_SLOT, why);
	if (err)
		return err;
	mutex_lock(&slots->lock);
	err = policy_find(slots, &policy, &slot, why);
	if (!err) {
		policy.protect = slat_protect_of(slot ? slot->state->policy : slots->policy);
		policy.effective = slat_protect_of(slat_memslots_policy(slots, slot));
	}
	mutex_unlock(&slots->lock);
	if (err)
		return err;
	return copy_to_user(argp, &policy, sizeof(policy)) ? -EFAULT : 0;
}

static int set_policy(struct slat_vm *vm, const struct slat_policy __user *argp,
		      struct slat_reject *why)
{
	struct slat_memslots *slots = &vm->slots;
	const struct slat_memslot *slot;
	struct slat_policy policy;
	int err;

	if (copy_from_user(&policy, argp, sizeof(policy)))
		return -EFAULT;
	err = slat_check_form(&policy, SLAT_POLICY_SLOT, why) ?:
	      check_zero_u32(policy.effective, offsetof(struct slat_policy, effective), why);
	if (err)
		return err;
	if (policy.protect > SLAT_PROTECT_SCAN)
		return slat_reject(why, -EINVAL, SLAT_CHECK_PROTECT, policy.protect,
				   SLAT_PROTECT_SCAN);
	mutex_lock(&slots->lock);
	err = policy_find(slots, &policy, &slot, why);
	if (!err && slot)
		slot->state->policy = policy_from_abi(policy.protect);
	else if (!err)
		slots->policy = policy_from_abi(policy.protect);
	mutex_unlock(&slots->lock);
	return err;
}

static int query_gpa(struct slat_vm *vm, struct slat_gpa_query __user *argp,
		     struct slat_reject *why)
{
	struct slat_gpa_query query;
	struct slat_reader reader;
	int err;

	if (copy_from_user(&query, argp, sizeof(query)))
		return -EFAULT;
	slat_reader_register(&vm->epochs, &reader);
	slat_reader_enter(&vm->epochs, &reader);
	err = slat_memslots_query_gpa(&vm->slots, &query, why);
	slat_reader_leave(&vm->epochs, &reader);
	slat_reader_unregister(&vm->epochs, &reader);
	if (err)
		return err;
	/* Where its memory lies is no other process's business. */
	if (vm->mm != current->mm)
		query.hva = 0;
	return copy_to_user(argp, &query, sizeof(query)) ? -EFAULT : 0;
}

long slat_vm_extension_ioctl(struct slat_vm *vm, unsigned int cmd, void __user *argp,
			     struct slat_reject *why)
{
	switch (cmd) {
	case SLAT_GET_INFO:
		return slat_extension_info(vm->device, argp, why);
	case SLAT_GET_POLICY:
		return get_policy(vm, argp, why);
	case SLAT_SET_POLICY:
		return set_policy(vm, argp, why);
	case SLAT_QUERY_GPA:
		return query_gpa(vm, argp, why);
	case SLAT_GET_SLOT_STATS:
		return slat_vm_slot_stats(vm, argp, why);
	case SLAT_GET_LAST_ERROR:
		return slat_failure_get(&vm->failure, argp, why);
	default:
		return slat_reject(why, -ENOTTY, SLAT_CHECK_UNKNOWN_CALL, cmd, 0);
	}
}
