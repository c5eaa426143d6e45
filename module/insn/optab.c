// SPDX-License-Identifier: GPL-2.0
/*
 * The opcode tables (SDM, appendix "Opcode Map"), read by decode.c alone.
 * Constant data; an opcode that is to be emulated gets its operands here and
 * its meaning in exec.c.
 */
#include "optab.h"

#define LEN(a)			{ .attr = (a) }
#define OP(a, o, d, s)		{ .attr = (a), .op = SLAT_OP_##o, .dst = (d), .src = (s) }
#define GRP(a, g, d, s)		{ .attr = (a) | A_GRP | A_M, .op = (g), .dst = (d), .src = (s) }

/* The six forms that the eight ALU instructions share. */
#define ALU_ROW(base, o)					\
	[(base) + 0] = OP(A_M | A_B, o, O_E, O_G),		\
	[(base) + 1] = OP(A_M, o, O_E, O_G),			\
	[(base) + 2] = OP(A_M | A_B, o, O_G, O_E),		\
	[(base) + 3] = OP(A_M, o, O_G, O_E),			\
	[(base) + 4] = OP(A_I8 | A_B, o, O_A, O_I),		\
	[(base) + 5] = OP(A_IZ, o, O_A, O_I)

const struct optab_entry slat_optab_one[256] = {
	ALU_ROW(0x00, ADD),
	[0x06] = OP(A_N64, PUSH, O_NONE, O_OPSEG),
	[0x07] = OP(A_N64, POP, O_OPSEG, O_NONE),
	ALU_ROW(0x08, OR),
	[0x0e] = OP(A_N64, PUSH, O_NONE, O_OPSEG),
	ALU_ROW(0x10, ADC),
	[0x16] = OP(A_N64, PUSH, O_NONE, O_OPSEG),
	[0x17] = OP(A_N64, POP, O_OPSEG, O_NONE),
	ALU_ROW(0x18, SBB),
	[0x1e] = OP(A_N64, PUSH, O_NONE, O_OPSEG),
	[0x1f] = OP(A_N64, POP, O_OPSEG, O_NONE),
	ALU_ROW(0x20, AND),
	[0x27] = LEN(A_N64),
	ALU_ROW(0x28, SUB),
	[0x2f] = LEN(A_N64),
	ALU_ROW(0x30, XOR),
	[0x37] = LEN(A_N64),
	ALU_ROW(0x38, CMP),
	[0x3f] = LEN(A_N64),

	[0x40 ... 0x47] = OP(A_N64, INC, O_Z, O_NONE),
	[0x48 ... 0x4f] = OP(A_N64, DEC, O_Z, O_NONE),
	[0x50 ... 0x57] = OP(A_D64, PUSH, O_NONE, O_Z),
	[0x58 ... 0x5f] = OP(A_D64, POP, O_Z, O_NONE),

	[0x60] = OP(A_N64, PUSHA, O_NONE, O_NONE),
	[0x61] = OP(A_N64, POPA, O_NONE, O_NONE),
	[0x62] = LEN(A_N64 | A_M),			/* BOUND */
	[0x63] = OP(A_M, MOVSX, O_G, O_E),		/* MOVSXD or ARPL */
	[0x68] = OP(A_D64 | A_IZ, PUSH, O_NONE, O_I),
	[0x69] = OP(A_M | A_IZ, IMUL, O_G, O_E),
	[0x6a] = OP(A_D64 | A_I8, PUSH, O_NONE, O_I),
	[0x6b] = OP(A_M | A_I8, IMUL, O_G, O_E),
	[0x6c] = OP(A_B, INS, O_STR_DST, O_DX),
	[0x6d] = OP(0, INS, O_STR_DST, O_DX),
	[0x6e] = OP(A_B, OUTS, O_DX, O_STR_SRC),
	[0x6f] = OP(0, OUTS, O_DX, O_STR_SRC),
	[0x70 ... 0x7f] = LEN(A_I8),			/* Jcc */

	[0x80] = GRP(A_I8 | A_B, G_ALU, O_E, O_I),
	[0x81] = GRP(A_IZ, G_ALU, O_E, O_I),
	[0x82] = GRP(A_I8 | A_B | A_N64, G_ALU, O_E, O_I),
	[0x83] = GRP(A_I8, G_ALU, O_E, O_I),
	[0x84] = OP(A_M | A_B, TEST, O_E, O_G),
	[0x85] = OP(A_M, TEST, O_E, O_G),
	[0x86] = OP(A_M | A_B, XCHG, O_E, O_G),
	[0x87] = OP(A_M, XCHG, O_E, O_G),
	[0x88] = OP(A_M | A_B, MOV, O_E, O_G),
	[0x89] = OP(A_M, MOV, O_E, O_G),
	[0x8a] = OP(A_M | A_B, MOV, O_G, O_E),
	[0x8b] = OP(A_M, MOV, O_G, O_E),
	[0x8c] = OP(A_M, MOV, O_E, O_S),
	[0x8d] = LEN(A_M),				/* LEA */
	[0x8e] = OP(A_M, MOV, O_S, O_E),
	[0x8f] = GRP(A_D64, G_POP, O_E, O_NONE),

	[0x9a] = OP(A_FAR | A_N64, CALLF, O_NONE, O_I),
	[0x9c] = OP(A_D64, PUSHF, O_NONE, O_NONE),
	[0x9d] = OP(A_D64, POPF, O_NONE, O_NONE),
	[0xa0] = OP(A_B, MOV, O_A, O_MOFFS),
	[0xa1] = OP(0, MOV, O_A, O_MOFFS),
	[0xa2] = OP(A_B, MOV, O_MOFFS, O_A),
	[0xa3] = OP(0, MOV, O_MOFFS, O_A),
	[0xa4] = OP(A_B, MOVS, O_STR_DST, O_STR_SRC),
	[0xa5] = OP(0, MOVS, O_STR_DST, O_STR_SRC),
	[0xa6] = OP(A_B, CMPS, O_STR_DST, O_STR_SRC),
	[0xa7] = OP(0, CMPS, O_STR_DST, O_STR_SRC),
	[0xa8] = OP(A_I8 | A_B, TEST, O_A, O_I),
	[0xa9] = OP(A_IZ, TEST, O_A, O_I),
	[0xaa] = OP(A_B, STOS, O_STR_DST, O_A),
	[0xab] = OP(0, STOS, O_STR_DST, O_A),
	[0xac] = OP(A_B, LODS, O_A, O_STR_SRC),
	[0xad] = OP(0, LODS, O_A, O_STR_SRC),
	[0xae] = OP(A_B, SCAS, O_STR_DST, O_A),
	[0xaf] = OP(0, SCAS, O_STR_DST, O_A),

	[0xb0 ... 0xb7] = OP(A_I8 | A_B, MOV, O_Z, O_I),
	[0xb8 ... 0xbf] = OP(A_IV, MOV, O_Z, O_I),

	[0xc0] = GRP(A_I8 | A_B, G_SHIFT, O_E, O_I),
	[0xc1] = GRP(A_I8, G_SHIFT, O_E, O_I),
	[0xc2] = OP(A_I16 | A_F64, RET, O_NONE, O_I),
	[0xc3] = OP(A_F64, RET, O_NONE, O_NONE),
	[0xc4] = OP(A_N64 | A_M, LSEG, O_G, O_M),	/* LES */
	[0xc5] = OP(A_N64 | A_M, LSEG, O_G, O_M),	/* LDS */
	[0xc6] = GRP(A_I8 | A_B, G_MOV, O_E, O_I),
	[0xc7] = GRP(A_IZ, G_MOV, O_E, O_I),
	[0xc8] = OP(A_I16 | A_I8 | A_D64, ENTER, O_NONE, O_NONE),
	[0xc9] = OP(A_D64, LEAVE, O_NONE, O_NONE),
	[0xca] = OP(A_I16, RETF, O_NONE, O_I),
	[0xcb] = OP(0, RETF, O_NONE, O_NONE),
	[0xcd] = LEN(A_I8),
	[0xce] = LEN(A_N64),
	[0xcf] = OP(0, IRET, O_NONE, O_NONE),

	[0xd0] = GRP(A_B, G_SHIFT, O_E, O_ONE),
	[0xd1] = GRP(0, G_SHIFT, O_E, O_ONE),
	[0xd2] = GRP(A_B, G_SHIFT, O_E, O_CL),
	[0xd3] = GRP(0, G_SHIFT, O_E, O_CL),
	[0xd4 ... 0xd5] = LEN(A_I8 | A_N64),		/* AAM, AAD */
	[0xd6] = LEN(A_N64),				/* SALC */
	[0xd7] = OP(A_B, XLAT, O_A, O_XLAT),
	[0xd8] = LEN(A_M),				/* x87 */
	[0xd9] = GRP(0, G_X87, O_E, O_NONE),
	[0xda ... 0xdc] = LEN(A_M),
	[0xdd] = GRP(0, G_X87, O_E, O_NONE),
	[0xde ... 0xdf] = LEN(A_M),

	[0xe0 ... 0xe3] = LEN(A_I8),			/* LOOPcc, JCXZ */
	[0xe4] = OP(A_I8 | A_B, IN, O_A, O_I),
	[0xe5] = OP(A_I8, IN, O_A, O_I),
	[0xe6] = OP(A_I8 | A_B, OUT, O_I, O_A),
	[0xe7] = OP(A_I8, OUT, O_I, O_A),
	[0xe8] = OP(A_JZ | A_F64, CALL, O_NONE, O_I),
	[0xe9] = LEN(A_JZ),
	[0xea] = OP(A_FAR | A_N64, JMPF, O_NONE, O_I),
	[0xeb] = LEN(A_I8),
	[0xec] = OP(A_B, IN, O_A, O_DX),
	[0xed] = OP(0, IN, O_A, O_DX),
	[0xee] = OP(A_B, OUT, O_DX, O_A),
	[0xef] = OP(0, OUT, O_DX, O_A),

	[0xf6] = GRP(A_B, G_UNARY, O_E, O_NONE),
	[0xf7] = GRP(0, G_UNARY, O_E, O_NONE),
	[0xfe] = GRP(A_B, G_INCDEC, O_E, O_NONE),
	[0xff] = GRP(0, G_FF, O_E, O_NONE),
};

const struct optab_entry slat_optab_0f[256] = {
	[0x00] = GRP(0, G_SEGMENT, O_E, O_NONE),
	[0x01] = GRP(0, G_TABLE, O_E, O_NONE),
	[0x02 ... 0x03] = LEN(A_M),
	[0x04] = LEN(A_UD),
	[0x0a] = LEN(A_UD),
	[0x0c] = LEN(A_UD),
	[0x0d] = OP(A_M, NOP, O_NONE, O_NONE),		/* PREFETCHW */
	[0x0f] = LEN(A_M | A_I8),			/* 3DNow! */
	[0x10 ... 0x17] = LEN(A_M),
	[0x18] = OP(A_M, NOP, O_NONE, O_NONE),		/* PREFETCHh */
	[0x19 ... 0x1e] = LEN(A_M),
	[0x1f] = OP(A_M, NOP, O_NONE, O_NONE),
	[0x20 ... 0x23] = LEN(A_M | A_RR),		/* MOV CR, DR */
	[0x24 ... 0x27] = LEN(A_UD),
	[0x28 ... 0x2f] = LEN(A_M),
	[0x36] = LEN(A_UD),
	[0x39] = LEN(A_UD),
	[0x3b ... 0x3f] = LEN(A_UD),
	[0x40 ... 0x4f] = OP(A_M, CMOV, O_G, O_E),
	[0x50 ... 0x6f] = LEN(A_M),
	[0x70 ... 0x73] = LEN(A_M | A_I8),
	[0x74 ... 0x76] = LEN(A_M),
	[0x78 ... 0x7f] = LEN(A_M),
	[0x80 ... 0x8f] = LEN(A_JZ),
	[0x90 ... 0x9f] = OP(A_M | A_B, SETCC, O_E, O_NONE),

	[0xa0] = OP(A_D64, PUSH, O_NONE, O_OPSEG),
	[0xa1] = OP(A_D64, POP, O_OPSEG, O_NONE),
	[0xa3] = OP(A_M, BT, O_E, O_G),
	[0xa4] = OP(A_M | A_I8, SHLD, O_E, O_G),
	[0xa5] = OP(A_M, SHLD, O_E, O_G),
	[0xa6 ... 0xa7] = LEN(A_M),
	[0xa8] = OP(A_D64, PUSH, O_NONE, O_OPSEG),
	[0xa9] = OP(A_D64, POP, O_OPSEG, O_NONE),
	[0xab] = OP(A_M, BTS, O_E, O_G),
	[0xac] = OP(A_M | A_I8, SHRD, O_E, O_G),
	[0xad] = OP(A_M, SHRD, O_E, O_G),
	[0xae] = GRP(0, G_FENCE, O_NONE, O_NONE),
	[0xaf] = OP(A_M, IMUL, O_G, O_E),

	[0xb0] = OP(A_M | A_B, CMPXCHG, O_E, O_G),
	[0xb1] = OP(A_M, CMPXCHG, O_E, O_G),
	[0xb2] = OP(A_M, LSEG, O_G, O_M),		/* LSS */
	[0xb3] = OP(A_M, BTR, O_E, O_G),
	[0xb4 ... 0xb5] = OP(A_M, LSEG, O_G, O_M),	/* LFS, LGS */
	[0xb6] = OP(A_M | A_S1, MOVZX, O_G, O_E),
	[0xb7] = OP(A_M | A_S2, MOVZX, O_G, O_E),
	[0xb8 ... 0xb9] = LEN(A_M),			/* POPCNT, UD1 */
	[0xba] = GRP(A_I8, G_BT, O_E, O_I),
	[0xbb] = OP(A_M, BTC, O_E, O_G),
	[0xbc] = OP(A_M, BSF, O_G, O_E),		/* TZCNT with F3 */
	[0xbd] = OP(A_M, BSR, O_G, O_E),		/* LZCNT with F3 */
	[0xbe] = OP(A_M | A_S1, MOVSX, O_G, O_E),
	[0xbf] = OP(A_M | A_S2, MOVSX, O_G, O_E),
	[0xc0] = OP(A_M | A_B, XADD, O_E, O_G),
	[0xc1] = OP(A_M, XADD, O_E, O_G),
	[0xc2] = LEN(A_M | A_I8),
	[0xc3] = OP(A_M, MOV, O_M, O_G),		/* MOVNTI */
	[0xc4 ... 0xc6] = LEN(A_M | A_I8),
	[0xc7] = GRP(0, G_CMPXCHG8B, O_M, O_NONE),
	[0xd0 ... 0xff] = LEN(A_M),
};

#define SSE(opc, pfx, sz, o, d, s, a) \
	{ .opcode = (opc), .prefix = (pfx), .size = (sz), .entry = OP(A_M | (a), o, d, s) }
/* Whole registers; with VEX, 32 bytes too. */
#define SSE_WHOLE(opc, pfx, d, s)	SSE(opc, pfx, 16, SSEMOV, d, s, A_V128 | A_V256)
#define SSE_ALIGNED(opc, pfx, d, s)	SSE(opc, pfx, 16, SSEMOV, d, s, A_ALIGN | A_V128 | A_V256)

const struct optab_sse slat_optab_sse[] = {
	SSE_WHOLE(0x10, 0x00, O_V, O_W),		/* MOVUPS */
	SSE_WHOLE(0x10, 0x66, O_V, O_W),		/* MOVUPD */
	SSE(0x10, 0xf3, 4, SSEMOV, O_V, O_W, A_V128),	/* MOVSS */
	SSE(0x10, 0xf2, 8, SSEMOV, O_V, O_W, A_V128),	/* MOVSD */
	SSE_WHOLE(0x11, 0x00, O_W, O_V),
	SSE_WHOLE(0x11, 0x66, O_W, O_V),
	SSE(0x11, 0xf3, 4, SSEMOV, O_W, O_V, A_V128),
	SSE(0x11, 0xf2, 8, SSEMOV, O_W, O_V, A_V128),
	SSE(0x12, 0x00, 8, SSEMOV, O_V, O_M, 0),	/* MOVLPS */
	SSE(0x12, 0x66, 8, SSEMOV, O_V, O_M, 0),	/* MOVLPD */
	SSE(0x13, 0x00, 8, SSEMOV, O_M, O_V, A_V128),
	SSE(0x13, 0x66, 8, SSEMOV, O_M, O_V, A_V128),
	SSE(0x16, 0x00, 8, SSEMOV, O_V_HIGH, O_M, 0),	/* MOVHPS */
	SSE(0x16, 0x66, 8, SSEMOV, O_V_HIGH, O_M, 0),	/* MOVHPD */
	SSE(0x17, 0x00, 8, SSEMOV, O_M, O_V_HIGH, A_V128),
	SSE(0x17, 0x66, 8, SSEMOV, O_M, O_V_HIGH, A_V128),
	SSE_ALIGNED(0x28, 0x00, O_V, O_W),		/* MOVAPS */
	SSE_ALIGNED(0x28, 0x66, O_V, O_W),		/* MOVAPD */
	SSE_ALIGNED(0x29, 0x00, O_W, O_V),
	SSE_ALIGNED(0x29, 0x66, O_W, O_V),
	SSE_ALIGNED(0x2b, 0x00, O_M, O_V),		/* MOVNTPS */
	SSE_ALIGNED(0x2b, 0x66, O_M, O_V),		/* MOVNTPD */
	SSE(0x6e, 0x00, 0, MMXMOV, O_P, O_E, 0),
	SSE(0x7e, 0x00, 0, MMXMOV, O_E, O_P, 0),
	SSE(0x6f, 0x00, 8, MMXMOV, O_P, O_Q, 0),
	SSE(0x7f, 0x00, 8, MMXMOV, O_Q, O_P, 0),
	SSE(0xe7, 0x00, 8, MMXMOV, O_M, O_P, 0),	/* MOVNTQ */
	SSE(0x6e, 0x66, 0, SSEMOVZ, O_V, O_E, A_V128),	/* MOVD, MOVQ */
	SSE(0x7e, 0x66, 0, SSEMOVZ, O_E, O_V, A_V128),
	SSE(0x7e, 0xf3, 8, SSEMOVZ, O_V, O_W, A_V128),	/* MOVQ */
	SSE(0xd6, 0x66, 8, SSEMOVZ, O_W, O_V, A_V128),
	SSE_ALIGNED(0x6f, 0x66, O_V, O_W),		/* MOVDQA */
	SSE_ALIGNED(0x7f, 0x66, O_W, O_V),
	SSE_WHOLE(0x6f, 0xf3, O_V, O_W),		/* MOVDQU */
	SSE_WHOLE(0x7f, 0xf3, O_W, O_V),
	SSE_ALIGNED(0xe7, 0x66, O_M, O_V),		/* MOVNTDQ */
	SSE_WHOLE(0xf0, 0xf2, O_V, O_M),		/* LDDQU */
};

const unsigned int slat_optab_nr_sse = ARRAY_SIZE(slat_optab_sse);
