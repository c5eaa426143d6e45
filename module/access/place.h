/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where an instruction stands that waits for the client: which code, in which
 * mode, at which addresses.
 *
 * The client may change all of that before it answers: it resets the vCPU, it
 * takes the instruction over and moves RIP on, it loads another state. What it set
 * is where the guest goes on then. The instruction that waited is forgotten, with
 * its answer; if the guest is still before it, it begins anew.
 */
#ifndef SLAT_ACCESS_PLACE_H
#define SLAT_ACCESS_PLACE_H

#include "insn/walk.h"

/**
 * struct slat_place - what a pending instruction depends on
 * @noted: the rest is as it was at the exit
 * @mode: enum slat_insn_mode
 * @rip: instruction pointer
 * @cpu: what rules paging; RFLAGS and PKRU do not count
 * @seg_base: bases of the segments
 * @gpr: general registers
 */
struct slat_place {
	bool noted;
	u8 mode;
	u64 rip;
	struct slat_walk_cpu cpu;
	u64 seg_base[SLAT_SEG_NR];
	u64 gpr[SLAT_GPR_NR];
};

struct slat_vcpu_access;

/**
 * slat_access_note_place() - the client is about to change the vCPU's state
 * @access: loaded
 *
 * Costs nothing where nothing is pending; and the exit itself need not note
 * anything, since no state changes before the client does it.
 */
void slat_access_note_place(struct slat_vcpu_access *access);

/*
 * Has the client moved what is pending elsewhere, since slat_access_note_place() noted
 * where that was? Forgets what was noted. Loaded.
 */
bool slat_access_place_changed(struct slat_vcpu_access *access);

#endif
