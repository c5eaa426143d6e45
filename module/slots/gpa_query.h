/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SLAT_QUERY_GPA: what the EPT and the slots say of an address, and why an
 * access there exits. Builds in the kernel and in user space.
 */
#ifndef SLAT_GPA_QUERY_H
#define SLAT_GPA_QUERY_H

#include <slat.h>

#include "memslots.h"

/**
 * slat_memslots_query_gpa() - explain an access
 * @slots: the VM's slots
 * @query: a private copy of the client's; its out fields are written
 * @why: filled in with -EINVAL; may be NULL
 *
 * Called inside a reader section, without locks.
 *
 * Return: 0; -EINVAL: flags, reserved fields, not exactly one kind of access, or
 * an address beyond what slots and EPT can have.
 */
int slat_memslots_query_gpa(struct slat_memslots *slots, struct slat_gpa_query *query,
			    struct slat_reject *why);

#endif
