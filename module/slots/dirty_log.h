/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dirty log of a slot: which pages were written since the client last
 * asked. Builds in the kernel and in user space.
 *
 * A page's bit is set when a vCPU's fault makes its leaf writable (mmu/fault.c)
 * and when kernel code has written to it on behalf of the guest
 * (slat_memslots_mark_dirty()). It is taken and the page protected again in one
 * step (mmu/wrprot.c).
 */
#ifndef SLAT_DIRTY_LOG_H
#define SLAT_DIRTY_LOG_H

#include "dirty_bitmap.h"
#include "memslots.h"

/**
 * slat_memslots_get_dirty_log() - KVM_GET_DIRTY_LOG
 * @slots: the VM's slots
 * @log: a private copy of the client's request
 * @why: filled in with -EINVAL and -ENOENT; may be NULL
 *
 * Copies the bits to the client; unless it protects manually (see
 * slat_memslots.manual_protect) they are taken and their pages protected again.
 * When the copy fails the bits are put back, so the next call reports them.
 *
 * Return: 0; -EINVAL: no such slot number; -ENOENT: no such slot, or it does
 * not log; -EFAULT: the bitmap is not writable.
 */
int slat_memslots_get_dirty_log(struct slat_memslots *slots,
				const struct kvm_dirty_log *log,
				struct slat_reject *why);

/**
 * slat_memslots_clear_dirty_log() - KVM_CLEAR_DIRTY_LOG
 * @slots: the VM's slots
 * @log: a private copy of the client's request
 * @why: filled in with -EINVAL and -ENOENT; may be NULL
 *
 * Return: 0; -EINVAL: no such slot number, or a range that does not begin at a
 * multiple of 64, is out of the slot, or ends neither at a multiple of 64 nor
 * with the slot; -ENOENT: no such slot, or it does not log; -EFAULT: the bitmap
 * is not readable (nothing was cleared); -ENOMEM.
 */
int slat_memslots_clear_dirty_log(struct slat_memslots *slots,
				  const struct kvm_clear_dirty_log *log,
				  struct slat_reject *why);

/**
 * slat_memslots_mark_dirty() - kernel code has written to guest memory
 * @slots: the VM's slots
 * @gfn: the page written
 *
 * Called after the write, inside the reader section in which it was made. Looks
 * the slot up again: logging may have been enabled since, and then the write may
 * have come after the client's copy of the page.
 */
void slat_memslots_mark_dirty(struct slat_memslots *slots, gfn_t gfn);

#endif
