/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Linux side of the gate described in port.h.  Only port.h includes it.
 */
#ifndef SLAT_VMX_PORT_KERNEL_H
#define SLAT_VMX_PORT_KERNEL_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/rculist.h>
#include <linux/smp.h>

#include <asm/barrier.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "vcpu.h"

#endif /* SLAT_VMX_PORT_KERNEL_H */
