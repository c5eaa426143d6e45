/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest linear-address walker: what the processor does to turn a linear
 * address of the guest into a guest physical one. Called by the instruction
 * emulator's glue, by instruction fetch and by KVM_TRANSLATE, on the vCPU's
 * own thread; it takes no lock and holds no state. What it reads, it reads
 * through struct slat_walk_ops, which may sleep.
 */
#ifndef SLAT_INSN_WALK_H
#define SLAT_INSN_WALK_H

#include "types.h"

/**
 * struct slat_walk_cpu - the registers that rule paging
 * @cr0: CR0 (PG and WP matter)
 * @cr3: CR3
 * @cr4: CR4 (PSE, PAE, SMEP, SMAP, PKE, LA57 matter)
 * @efer: IA32_EFER (LMA and NXE matter)
 * @rflags: RFLAGS (AC matters)
 * @pdpte: the four PDPTE registers; used when PAE = 1 and LMA = 0
 * @pkru: PKRU; used when CR4.PKE = 1
 * @cpl: current privilege level; 3 makes every access a user access unless
 *       SLAT_ACC_IMPLICIT is given. KVM_TRANSLATE passes 0.
 * @maxphyaddr: width of a guest physical address, 32..52 (0 is taken as 52)
 * @no_gbpages: CPUID offers no 1 GiB pages: PS in a PDPTE is a reserved bit
 * @no_pse36: CPUID offers no PSE-36
 */
struct slat_walk_cpu {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;
	u64 pdpte[4];
	u32 pkru;
	u8 cpl;
	u8 maxphyaddr;
	bool no_gbpages;
	bool no_pse36;
};

/**
 * struct slat_walk_ops - the walker's access to guest page tables
 * @read_entry: read @len (4 or 8) bytes, naturally aligned, in one piece.
 *              0, or -EFAULT when no readable RAM is there. Any other errno
 *              ends the walk and is handed to the caller.
 * @cmpxchg_entry: replace @old by @new, @len (4 or 8) bytes, atomically with
 *              respect to the guest. 0; -EAGAIN when the entry is not @old
 *              any more; -EFAULT when it cannot be written (a read-only
 *              slot): the walk then goes on without that A/D update, as KVM
 *              does. Any other errno ends the walk. May be NULL: no A/D.
 */
struct slat_walk_ops {
	int (*read_entry)(void *ctx, u64 gpa, void *buf, unsigned int len);
	int (*cmpxchg_entry)(void *ctx, u64 gpa, u64 old, u64 new,
			     unsigned int len);
};

/**
 * struct slat_walk_result - where the walk ended
 * @gpa: guest physical address (valid when slat_walk() returned 0)
 * @entry_gpa: address of the last entry read; 0 when none was
 * @level: level of the leaf: 1 = 4K, 2 = 2M or 4M, 3 = 1G, 0 = no paging
 * @writable: every level grants writes (CR0.WP and protection keys apart)
 * @user: every level grants user accesses
 * @exec: no level forbids fetches (SMEP apart)
 * @fault: the guest must get a page fault with error code @pfec
 * @noncanonical: the address is not canonical: #GP(0), or #SS(0) by segment
 * @not_ram: a page table at @entry_gpa lies outside readable RAM
 * @pfec: page-fault error code, when @fault
 */
struct slat_walk_result {
	u64 gpa;
	u64 entry_gpa;
	u8 level;
	bool writable;
	bool user;
	bool exec;
	bool fault;
	bool noncanonical;
	bool not_ram;
	u16 pfec;
};

/* Bits of a page-fault error code. */
#define SLAT_PFEC_P	0x01
#define SLAT_PFEC_W	0x02
#define SLAT_PFEC_U	0x04
#define SLAT_PFEC_RSVD	0x08
#define SLAT_PFEC_I	0x10
#define SLAT_PFEC_PK	0x20

/**
 * slat_walk() - translate one guest linear address
 * @cpu: paging registers
 * @ops: access to guest memory
 * @ctx: handed to @ops
 * @gva: guest linear address (its segment base added); bits 63:32 are ignored
 *       outside IA-32e mode
 * @access: enum slat_access flags
 * @res: all of it is written, also on failure
 *
 * Paging off, 32-bit (with PSE and PSE-36), PAE and 4-level paging; rights by
 * U/S, R/W, NX, WP, SMEP, SMAP and protection keys; reserved bits. Accessed
 * and dirty bits are set, after the rights were found good, by cmpxchg of
 * each entry that lacks them; when an entry changed meanwhile, the whole walk
 * starts again. (SDM, "Paging", all sections.)
 *
 * Return: 0 with @res->gpa;
 * -EFAULT with @res->fault (inject #PF) or @res->noncanonical;
 * -EIO with @res->not_ram: a page table lies outside RAM, nothing injected;
 * -EAGAIN: entries changed at each of several tries, let the guest retry;
 * -EOPNOTSUPP: 5-level paging; or what a callback returned.
 */
int slat_walk(const struct slat_walk_cpu *cpu, const struct slat_walk_ops *ops,
	      void *ctx, u64 gva, unsigned int access,
	      struct slat_walk_result *res);

#endif /* SLAT_INSN_WALK_H */
