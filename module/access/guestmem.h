/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest physical memory as the kernel reads and writes it for a vCPU: through
 * the slots, at the hva, in the owner's address space. May sleep.
 */
#ifndef SLAT_ACCESS_GUESTMEM_H
#define SLAT_ACCESS_GUESTMEM_H

#include "access.h"

/**
 * slat_guest_to_user() - where is guest memory in the owner's address space?
 * @access: inside its reader section, in which alone the result may be used
 * @gpa: guest physical address
 * @len: at most what is left of the page
 * @write: it is to be written
 * @user: result
 *
 * Return: 0; -ENXIO: no RAM (writable RAM); -EAGAIN: the slot is changing.
 */
int slat_guest_to_user(struct slat_vcpu_access *access, gpa_t gpa, unsigned int len,
		       bool write, void __user **user);

/* Aligned 1, 2, 4 and 8 bytes in one piece. Return: 0 or -EFAULT. */
int slat_read_user(const void __user *user, void *buf, unsigned int len);

/**
 * slat_guest_read() - read RAM
 * @access: inside its reader section
 * @gpa: guest physical address
 * @buf: where to
 * @len: at most what is left of the page; aligned 1, 2, 4 and 8 bytes are read
 *	in one piece
 *
 * Return: 0; -ENXIO: no RAM; -EAGAIN: the slot is changing, leave the section.
 */
int slat_guest_read(struct slat_vcpu_access *access, gpa_t gpa, void *buf, unsigned int len);

/* Write RAM likewise; -ENXIO also for a slot that the guest may not write. */
int slat_guest_write(struct slat_vcpu_access *access, gpa_t gpa, const void *buf,
		     unsigned int len);

/**
 * slat_guest_cmpxchg() - atomically replace RAM
 * @access: inside its reader section
 * @gpa: guest physical address
 * @old: what must be there
 * @new: what to store
 * @len: 1, 2, 4 or 8
 *
 * Return: 0; -EAGAIN: @old is not there any more, or the slot is changing;
 * -ENXIO: no RAM, or not writable; -EOPNOTSUPP: another length.
 */
int slat_guest_cmpxchg(struct slat_vcpu_access *access, gpa_t gpa, const void *old,
		       const void *new, unsigned int len);

/* struct slat_vmx_ops.read_guest: enters the reader section where needed. */
int slat_guest_read_vmx(void *ctx, gpa_t gpa, void *buf, unsigned int len);

#endif
