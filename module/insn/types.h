/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate of module/insn: the only place that knows whether these files are
 * being built into the kernel or into a user-space test. Everything else here
 * is plain C over fixed-width integers, memcpy(), memset() and errno values:
 * no allocation, no globals, no locks. Contact with the world goes through
 * the callback tables of emulate.h and walk.h.
 */
#ifndef SLAT_INSN_TYPES_H
#define SLAT_INSN_TYPES_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif
#ifndef static_assert
#define static_assert _Static_assert
#endif
#endif /* __KERNEL__ */

#define SLAT_INSN_BIT(n)	(1ull << (n))
#define SLAT_INSN_PAGE_SIZE	4096ull
#define SLAT_INSN_PAGE_MASK	(~(SLAT_INSN_PAGE_SIZE - 1))

/* RFLAGS bits, by the names of the SDM. */
#define SLAT_FLAG_CF	SLAT_INSN_BIT(0)
#define SLAT_FLAG_PF	SLAT_INSN_BIT(2)
#define SLAT_FLAG_AF	SLAT_INSN_BIT(4)
#define SLAT_FLAG_ZF	SLAT_INSN_BIT(6)
#define SLAT_FLAG_SF	SLAT_INSN_BIT(7)
#define SLAT_FLAG_TF	SLAT_INSN_BIT(8)
#define SLAT_FLAG_IF	SLAT_INSN_BIT(9)
#define SLAT_FLAG_DF	SLAT_INSN_BIT(10)
#define SLAT_FLAG_OF	SLAT_INSN_BIT(11)
#define SLAT_FLAG_IOPL	(SLAT_INSN_BIT(12) | SLAT_INSN_BIT(13))
#define SLAT_FLAG_NT	SLAT_INSN_BIT(14)
#define SLAT_FLAG_RF	SLAT_INSN_BIT(16)
#define SLAT_FLAG_VM	SLAT_INSN_BIT(17)
#define SLAT_FLAG_AC	SLAT_INSN_BIT(18)
#define SLAT_FLAG_ID	SLAT_INSN_BIT(21)
#define SLAT_FLAG_ARITH	(SLAT_FLAG_CF | SLAT_FLAG_PF | SLAT_FLAG_AF | \
			 SLAT_FLAG_ZF | SLAT_FLAG_SF | SLAT_FLAG_OF)

/* Exception vectors that these files raise by themselves. */
#define SLAT_VEC_DE	0
#define SLAT_VEC_UD	6
#define SLAT_VEC_NM	7
#define SLAT_VEC_NP	11
#define SLAT_VEC_SS	12
#define SLAT_VEC_GP	13
#define SLAT_VEC_PF	14
#define SLAT_VEC_MF	16
#define SLAT_VEC_AC	17

/**
 * enum slat_insn_mode - how CS makes the processor read instructions
 * @SLAT_MODE_REAL: CR0.PE = 0: 16-bit operands and addresses by default
 * @SLAT_MODE_VM86: EFLAGS.VM = 1 in protected mode: 16-bit defaults
 * @SLAT_MODE_PROT16: protected or compatibility mode, CS.D = 0
 * @SLAT_MODE_PROT32: protected or compatibility mode, CS.D = 1
 * @SLAT_MODE_LONG: 64-bit mode: EFER.LMA = 1 and CS.L = 1
 */
enum slat_insn_mode {
	SLAT_MODE_REAL,
	SLAT_MODE_VM86,
	SLAT_MODE_PROT16,
	SLAT_MODE_PROT32,
	SLAT_MODE_LONG,
};

/**
 * enum slat_seg - segment registers in the encoding of the ModRM reg field
 * @SLAT_SEG_ES: extra segment, destination of string instructions
 * @SLAT_SEG_CS: code segment
 * @SLAT_SEG_SS: stack segment
 * @SLAT_SEG_DS: data segment
 * @SLAT_SEG_FS: keeps its base in 64-bit mode
 * @SLAT_SEG_GS: keeps its base in 64-bit mode
 * @SLAT_SEG_NR: number of segment registers; also "no override"
 * @SLAT_SEG_LDTR: not encoded so: selector and hidden part of the LDT
 * @SLAT_SEG_TR: likewise of the TSS
 */
enum slat_seg {
	SLAT_SEG_ES,
	SLAT_SEG_CS,
	SLAT_SEG_SS,
	SLAT_SEG_DS,
	SLAT_SEG_FS,
	SLAT_SEG_GS,
	SLAT_SEG_NR,
	SLAT_SEG_LDTR = SLAT_SEG_NR,
	SLAT_SEG_TR,
};

/* General registers in hardware order: the index into slat_emul.gpr[]. */
enum slat_gpr {
	SLAT_RAX,
	SLAT_RCX,
	SLAT_RDX,
	SLAT_RBX,
	SLAT_RSP,
	SLAT_RBP,
	SLAT_RSI,
	SLAT_RDI,
	SLAT_R8,
	SLAT_GPR_NR = 16,
	SLAT_GPR_NONE = 0xff,
};

/**
 * enum slat_access - how memory is accessed; flags, given to walker and glue
 * @SLAT_ACC_READ: data read (no bit set)
 * @SLAT_ACC_WRITE: data write, or the read half of a read-modify-write
 * @SLAT_ACC_FETCH: instruction fetch
 * @SLAT_ACC_USER: as CPL 3
 * @SLAT_ACC_IMPLICIT: supervisor access whatever the CPL (descriptor table)
 * @SLAT_ACC_NO_AD: do not set accessed and dirty bits (KVM_TRANSLATE)
 * @SLAT_ACC_ANY: do not check rights, only translate (KVM_TRANSLATE)
 */
enum slat_access {
	SLAT_ACC_READ = 0,
	SLAT_ACC_WRITE = 1,
	SLAT_ACC_FETCH = 2,
	SLAT_ACC_USER = 4,
	SLAT_ACC_IMPLICIT = 8,
	SLAT_ACC_NO_AD = 16,
	SLAT_ACC_ANY = 32,
};

/**
 * struct slat_exception - an exception that the guest must get
 * @vector: exception vector
 * @has_error: @error_code is pushed
 * @error_code: error code, zero where none
 * @cr2: faulting linear address of a page fault
 */
struct slat_exception {
	u8 vector;
	bool has_error;
	u32 error_code;
	u64 cr2;
};

#endif /* SLAT_INSN_TYPES_H */
