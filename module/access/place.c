// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a pending instruction is where it was; see place.h. Called by ioctls that
 * change registers and by the completion, with the vCPU's mutex held, loaded.
 */
#include <linux/string.h>

#include "access.h"

static bool emulation_is_pending(const struct slat_vcpu_access *access)
{
	return access->pending == SLAT_PENDING_EMUL_MMIO ||
	       access->pending == SLAT_PENDING_EMUL_PIO ||
	       access->pending == SLAT_PENDING_EMUL_RESUME;
}

static void place_take(struct slat_vcpu_access *access, struct slat_place *place)
{
	struct slat_vmx *vmx = access->vmx;
	unsigned int i;

	place->mode = slat_vmx_cpu_mode(vmx);
	place->rip = slat_vmx_rip(vmx);
	slat_access_walk_cpu(access, &place->cpu);
	for (i = 0; i < SLAT_SEG_NR; i++)
		place->seg_base[i] = slat_vmx_seg_base(vmx, i);
	memcpy(place->gpr, slat_vmx_gprs(vmx), sizeof(place->gpr));
}

void slat_access_note_place(struct slat_vcpu_access *access)
{
	if (likely(!emulation_is_pending(access)) || access->place.noted)
		return;
	place_take(access, &access->place);
	access->place.noted = true;
}

static bool paging_differs(const struct slat_walk_cpu *a, const struct slat_walk_cpu *b)
{
	return a->cpl != b->cpl || a->cr0 != b->cr0 || a->cr3 != b->cr3 ||
	       a->cr4 != b->cr4 || a->efer != b->efer;
}

static bool gprs_differ(const u64 *a, const u64 *b, u32 which)
{
	unsigned int i;

	for (i = 0; i < SLAT_GPR_NR; i++)
		if (which & 1 << i && a[i] != b[i])
			return true;
	return false;
}

bool slat_access_place_changed(struct slat_vcpu_access *access)
{
	struct slat_place *was = &access->place, now;

	was->noted = false;
	place_take(access, &now);
	return now.mode != was->mode || now.rip != was->rip ||
	       paging_differs(&now.cpu, &was->cpu) ||
	       memcmp(now.seg_base, was->seg_base, sizeof(now.seg_base)) ||
	       gprs_differ(now.gpr, was->gpr, slat_emul_depends_on(&access->emul));
}
