/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arithmetic with exact flags, in portable C. Pure functions: operand size in
 * bytes (1, 2, 4, 8), values zero-extended to 64 bits, @rflags in and out.
 * Only the flags that an instruction defines or leaves undefined are changed;
 * undefined ones get what Intel processors show where that is simple.
 */
#ifndef SLAT_INSN_ALU_H
#define SLAT_INSN_ALU_H

#include "decode.h"
#include "types.h"

/* Low @size bytes set; @size 1..8. */
static inline u64 slat_alu_mask(unsigned int size)
{
	return ~0ull >> (64 - 8 * size);
}

/**
 * slat_alu_binary() - ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST
 * @op: enum slat_op
 * @size: operand size in bytes
 * @dst: first operand
 * @src: second operand
 * @rflags: RFLAGS, updated
 *
 * Return: the result (of CMP and TEST: what is not written).
 */
u64 slat_alu_binary(enum slat_op op, unsigned int size, u64 dst, u64 src,
		    u64 *rflags);

/**
 * slat_alu_unary() - INC, DEC, NOT, NEG
 * @op: enum slat_op
 * @size: operand size in bytes
 * @dst: operand
 * @rflags: RFLAGS, updated
 *
 * Return: the result.
 */
u64 slat_alu_unary(enum slat_op op, unsigned int size, u64 dst, u64 *rflags);

/**
 * slat_alu_shift() - ROL, ROR, RCL, RCR, SHL, SHR, SAR
 * @op: enum slat_op
 * @size: operand size in bytes
 * @dst: operand
 * @count: count, masked here
 * @rflags: RFLAGS, updated
 *
 * Return: the result.
 */
u64 slat_alu_shift(enum slat_op op, unsigned int size, u64 dst,
		   unsigned int count, u64 *rflags);

/**
 * slat_alu_shift_double() - SHLD, SHRD
 * @op: enum slat_op
 * @size: operand size in bytes: 2, 4, 8
 * @dst: operand
 * @src: where the bits shifted in come from
 * @count: count, masked here; beyond the operand size the result is undefined
 * @rflags: RFLAGS, updated
 *
 * Return: the result.
 */
u64 slat_alu_shift_double(enum slat_op op, unsigned int size, u64 dst, u64 src,
			  unsigned int count, u64 *rflags);

/**
 * slat_alu_bit() - BT, BTS, BTR, BTC
 * @op: enum slat_op
 * @size: operand size in bytes: 2, 4, 8
 * @dst: operand
 * @bit: bit number, masked here
 * @rflags: RFLAGS, updated
 *
 * Return: the result.
 */
u64 slat_alu_bit(enum slat_op op, unsigned int size, u64 dst, u64 bit,
		 u64 *rflags);

/**
 * slat_alu_multiply() - MUL, IMUL
 * @op: SLAT_OP_MUL for unsigned, else signed
 * @size: operand size in bytes
 * @a: first factor
 * @b: second factor
 * @high: upper half of the product
 * @rflags: RFLAGS, updated
 *
 * Return: lower half of the product.
 */
u64 slat_alu_multiply(enum slat_op op, unsigned int size, u64 a, u64 b,
		      u64 *high, u64 *rflags);

/**
 * slat_alu_divide() - DIV, IDIV
 * @op: SLAT_OP_DIV for unsigned, else signed
 * @size: operand size in bytes
 * @divisor: divisor
 * @low: lower half of the dividend; becomes the quotient
 * @high: upper half of the dividend; becomes the remainder
 *
 * No flag is defined afterwards, and none is changed.
 *
 * Return: false: by zero, or the quotient does not fit: #DE.
 */
bool slat_alu_divide(enum slat_op op, unsigned int size, u64 divisor, u64 *low,
		     u64 *high);

/**
 * slat_alu_scan() - BSF, BSR
 * @op: SLAT_OP_BSF or SLAT_OP_BSR
 * @src: what is searched for a set bit, not zero
 *
 * Return: the number of the lowest or the highest one.
 */
unsigned int slat_alu_scan(enum slat_op op, u64 src);

/**
 * slat_alu_condition() - is a condition code fulfilled
 * @cond: low four bits of a Jcc, SETcc or CMOVcc opcode
 * @rflags: RFLAGS
 */
bool slat_alu_condition(unsigned int cond, u64 rflags);

#endif /* SLAT_INSN_ALU_H */
