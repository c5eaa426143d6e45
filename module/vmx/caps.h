/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the processor's VMX offers, reduced to the control words that are
 * written to a VMCS.  Filled once by slat_caps_probe() at module load, constant
 * afterwards.  Internal to the VMX layer.
 */
#ifndef SLAT_VMX_CAPS_H
#define SLAT_VMX_CAPS_H

#include "vmx.h"

/**
 * struct slat_caps - capabilities with the fields of this layer
 * @pub:	what the rooms above see
 * @basic:	IA32_VMX_BASIC
 * @ept_vpid:	IA32_VMX_EPT_VPID_CAP
 * @revision:	VMCS revision identifier
 * @pin:	pin-based controls
 * @primary:	primary processor-based controls
 * @secondary:	secondary processor-based controls: always on
 * @secondary_opt: secondary controls that a guest feature may turn on
 * @vm_exit:	VM-exit controls
 * @vm_entry:	VM-entry controls
 * @cr0_fixed0:	CR0 bits that must be 1 in VMX operation (PE and PG not: URG)
 * @cr0_fixed1:	CR0 bits that may be 1
 * @cr4_fixed0:	the same for CR4
 * @cr4_fixed1:	the same for CR4
 * @cr0_owned:	CR0 bits that a guest may change without an exit
 * @cr4_owned:	CR4 bits that a guest may change without an exit
 * @host_efer:	EFER of the host
 * @host_pat:	IA32_PAT of the host
 * @host_xss:	IA32_XSS of the host, 0 where there is none
 * @arch_caps:	IA32_ARCH_CAPABILITIES for a guest, see slat_arch_caps()
 * @invept_single: extent of INVEPT that one EPTP needs
 * @invvpid_single: extent of INVVPID that one VPID needs
 * @has_pmu:	the host may count while a guest runs
 * @has_perf_ctrl: PERF_GLOBAL_CTRL is switched on entry and exit
 * @has_ple:	pause-loop exiting
 * @has_encls:	ENCLS exits
 * @umip_by_exits: the processor lacks UMIP: descriptor-table exits stand in
 * @l1d_flush:	flush L1D before entry, always or under conditions
 * @l1d_cond:	only under the conditions of l1d.c
 * @l1d_reported: the choice was put where sysfs reports it
 * @l1d_pages:	what to read where there is no flush command
 */
struct slat_caps {
	struct slat_vmx_caps pub;
	u64	basic;
	u64	ept_vpid;
	u32	revision;
	u32	pin;
	u32	primary;
	u32	secondary;
	u32	secondary_opt;
	u32	vm_exit;
	u32	vm_entry;
	u64	cr0_fixed0;
	u64	cr0_fixed1;
	u64	cr4_fixed0;
	u64	cr4_fixed1;
	u64	cr0_owned;
	u64	cr4_owned;
	u64	host_efer;
	u64	host_pat;
	u64	host_xss;
	u64	arch_caps;
	u8	invept_single;
	u8	invvpid_single;
	bool	has_pmu;
	bool	has_perf_ctrl;
	bool	has_ple;
	bool	has_encls;
	bool	umip_by_exits;
	bool	l1d_flush;
	bool	l1d_cond;
	bool	l1d_reported;
	void	*l1d_pages;
};

/**
 * slat_caps_probe() - read the capability MSRs of this CPU
 *
 * Logs each capability that lacks.  Return: 0 or -EOPNOTSUPP.
 */
int slat_caps_probe(void);

/* Does this CPU have what the probed one has?  Any context. */
bool slat_caps_match(void);

/* The result of the probe; constant between slat_vmx_init() and _exit(). */
const struct slat_caps *slat_caps_get(void);

/* Take and give back what slat_caps_probe() does not: memory.  0 or -ENOMEM. */
int slat_caps_init(void);
void slat_caps_exit(void);

/* l1d.c */
int slat_l1d_init(struct slat_caps *caps);
void slat_l1d_exit(struct slat_caps *caps);
void slat_l1d_warn(void);
void slat_l1d_follow(void);

/* IA32_ARCH_CAPABILITIES for a guest, under the policy of L1D flushes as it is now. */
u64 slat_arch_caps(const struct slat_caps *caps);

#endif /* SLAT_VMX_CAPS_H */
