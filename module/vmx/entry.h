/* SPDX-License-Identifier: GPL-2.0 */
/* What entry.S and its C callers agree on.  Included by both. */
#ifndef SLAT_VMX_ENTRY_H
#define SLAT_VMX_ENTRY_H

/* Flags of slat_vmx_enter(). */
#define SLAT_ENTER_RESUME_BIT		0	/* VMRESUME instead of VMLAUNCH */
#define SLAT_ENTER_WRITE_SPEC_BIT	1	/* write the guest's SPEC_CTRL */
#define SLAT_ENTER_SAVE_SPEC_BIT	2	/* read it back afterwards */

/* Its results. */
#define SLAT_ENTER_EXITED		0	/* entered, or the entry failed late */
#define SLAT_ENTER_FAILED		1	/* VMfail: see the instruction error */
#define SLAT_ENTER_FAULTED		2	/* VMX operation is off */

/* Offsets in struct slat_vmx_frame. */
#define SLAT_FRAME_HOST_RSP		128
#define SLAT_FRAME_SPEC_CTRL		136

#ifndef __ASSEMBLY__
#include <linux/types.h>

struct slat_vmx_frame;

unsigned int slat_vmx_enter(struct slat_vmx_frame *frame, unsigned long flags);
void slat_vmx_exit_entry(void);
void slat_vmx_host_rsp_changed(struct slat_vmx_frame *frame, u64 rsp);
void slat_vmx_restore_spec_ctrl(struct slat_vmx_frame *frame,
				unsigned long flags);
void slat_vmx_nmi(unsigned long entry);
#endif

#endif /* SLAT_VMX_ENTRY_H */
