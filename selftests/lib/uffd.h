/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose pages come when the test gives them (userfaultfd): whoever touches
 * one before sleeps until then, a fault of a guest inside the kernel. Used by tests
 * that need such a fault to be in the middle of something.
 */
#ifndef SLAT_SELFTESTS_UFFD_H
#define SLAT_SELFTESTS_UFFD_H

#include <stdbool.h>
#include <stddef.h>

/* Register memory that nobody has touched yet; -1: the kernel has no userfaultfd. */
int uffd_open(void *mem, size_t size);

/* Wait until @nr more faults sleep for that page; false where another came, or none. */
bool uffd_wait(int fd, const void *page, int nr);

/* Give the page, zeroed, and wake all who sleep for it. */
void uffd_give(int fd, void *page);

#endif
