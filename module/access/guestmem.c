// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing guest memory for the emulator, the page walker and vmx.
 * Called on the vCPU's thread inside its reader section: the section keeps a
 * DELETE or MOVE from returning while a copy to or from the old hva runs.
 */
#include <linux/kvm.h>
#include <linux/uaccess.h>

#include "slots/dirty_log.h"
#include "guestmem.h"

int slat_guest_to_user(struct slat_vcpu_access *access, gpa_t gpa, unsigned int len,
		       bool write, void __user **user)
{
	const struct slat_slots_root *root = slat_memslots_read(access->slots);
	const struct slat_memslot *slot;
	gfn_t gfn = gpa >> SLAT_PAGE_SHIFT;
	unsigned long offset = gpa & (SLAT_PAGE_SIZE - 1);

	if (WARN_ON_ONCE(!slat_reader_inside(&access->reader)) ||
	    WARN_ON_ONCE(len > SLAT_PAGE_SIZE - offset))
		return -ENXIO;
	slot = slat_slots_find(root, gfn);
	if (!slot)
		return -ENXIO;
	if (slot->invalid)
		return -EAGAIN;
	if (write && (slot->flags & KVM_MEM_READONLY))
		return -ENXIO;
	*user = (void __user *)(slat_memslot_hva(slot, gfn) + offset);
	return 0;
}

#define read_user_as(type)					\
	({							\
		type val_;					\
		int err_ = get_user(val_, (type __user *)user);	\
								\
		*(type *)buf = val_;				\
		err_;						\
	})

int slat_read_user(const void __user *user, void *buf, unsigned int len)
{
	switch (len) {
	case 1:
		return read_user_as(u8);
	case 2:
		return read_user_as(u16);
	case 4:
		return read_user_as(u32);
	case 8:
		return read_user_as(u64);
	default:
		return copy_from_user(buf, user, len) ? -EFAULT : 0;
	}
}

static int write_user(void __user *user, const void *buf, unsigned int len)
{
	switch (len) {
	case 1:
		return put_user(*(u8 *)buf, (u8 __user *)user);
	case 2:
		return put_user(*(u16 *)buf, (u16 __user *)user);
	case 4:
		return put_user(*(u32 *)buf, (u32 __user *)user);
	case 8:
		return put_user(*(u64 *)buf, (u64 __user *)user);
	default:
		return copy_to_user(user, buf, len) ? -EFAULT : 0;
	}
}

int slat_guest_read(struct slat_vcpu_access *access, gpa_t gpa, void *buf, unsigned int len)
{
	void __user *user;
	int err;

	err = slat_guest_to_user(access, gpa, len, false, &user);
	if (err)
		return err;
	/* As in KVM, what the host does not back looks like a device. */
	return slat_read_user(user, buf, len) ? -ENXIO : 0;
}

int slat_guest_write(struct slat_vcpu_access *access, gpa_t gpa, const void *buf,
		     unsigned int len)
{
	void __user *user;
	int err;

	err = slat_guest_to_user(access, gpa, len, true, &user);
	if (err)
		return err;
	if (write_user(user, buf, len))
		return -ENXIO;
	slat_memslots_mark_dirty(access->slots, gpa >> SLAT_PAGE_SHIFT);
	return 0;
}

/* 0: done; 1: another value was there; -EFAULT. */
#define cmpxchg_user_as(type)						\
	({								\
		type old_ = *(const type *)old;				\
									\
		__try_cmpxchg_user((type __user *)user, &old_,		\
				   *(const type *)new, fault_##type);	\
	})

int slat_guest_cmpxchg(struct slat_vcpu_access *access, gpa_t gpa, const void *old,
		       const void *new, unsigned int len)
{
	void __user *user;
	int err;

	err = slat_guest_to_user(access, gpa, len, true, &user);
	if (err)
		return err;
	switch (len) {
	case 1:
		err = cmpxchg_user_as(u8);
		break;
	case 2:
		err = cmpxchg_user_as(u16);
		break;
	case 4:
		err = cmpxchg_user_as(u32);
		break;
	case 8:
		err = cmpxchg_user_as(u64);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (err < 0)
		return -ENXIO;
	if (err)
		return -EAGAIN;
	slat_memslots_mark_dirty(access->slots, gpa >> SLAT_PAGE_SHIFT);
	return 0;
}

int slat_guest_read_vmx(void *ctx, gpa_t gpa, void *buf, unsigned int len)
{
	struct slat_vcpu_access *access = ctx;
	struct slat_epochs *epochs = access->epochs;
	bool inside = slat_reader_inside(&access->reader);
	int err;

	if (!inside)
		slat_reader_enter(epochs, &access->reader);
	err = slat_guest_read(access, gpa, buf, len);
	if (!inside)
		slat_reader_leave(epochs, &access->reader);
	return err ? -EFAULT : 0;
}
