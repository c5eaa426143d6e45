// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic with exact flags. Called by exec.c and string.c; pure.
 */
#include "alu.h"

static bool sign_of(u64 value, unsigned int size)
{
	return (value >> (8 * size - 1)) & 1;
}

static u64 flag_if(bool condition, u64 flag)
{
	return condition ? flag : 0;
}

/* ZF, SF and PF of a result that fits @size. */
static u64 result_flags(u64 result, unsigned int size)
{
	u8 parity = result;

	parity ^= parity >> 4;
	parity ^= parity >> 2;
	parity ^= parity >> 1;
	return flag_if(!result, SLAT_FLAG_ZF) |
	       flag_if(sign_of(result, size), SLAT_FLAG_SF) |
	       flag_if(!(parity & 1), SLAT_FLAG_PF);
}

static u64 add_flags(u64 *rflags, u64 a, u64 b, bool carry, unsigned int size)
{
	u64 mask = slat_alu_mask(size);
	u64 sum = (a + b + carry) & mask;
	/* Carry out of each bit position, by majority. */
	u64 carries = (a & b) | ((a | b) & ~sum);

	*rflags &= ~SLAT_FLAG_ARITH;
	*rflags |= result_flags(sum, size) |
		   flag_if(sign_of(carries, size), SLAT_FLAG_CF) |
		   flag_if(carries & 8, SLAT_FLAG_AF) |
		   flag_if(sign_of((a ^ sum) & (b ^ sum), size), SLAT_FLAG_OF);
	return sum;
}

static u64 sub_flags(u64 *rflags, u64 a, u64 b, bool borrow, unsigned int size)
{
	u64 mask = slat_alu_mask(size);
	u64 diff = (a - b - borrow) & mask;
	/* Borrow into each bit position. */
	u64 borrows = (~a & b) | ((~a | b) & diff);

	*rflags &= ~SLAT_FLAG_ARITH;
	*rflags |= result_flags(diff, size) |
		   flag_if(sign_of(borrows, size), SLAT_FLAG_CF) |
		   flag_if(borrows & 8, SLAT_FLAG_AF) |
		   flag_if(sign_of((a ^ b) & (a ^ diff), size), SLAT_FLAG_OF);
	return diff;
}

/* CF and OF clear; AF is undefined and clear on Intel. */
static u64 logic_flags(u64 *rflags, u64 result, unsigned int size)
{
	*rflags &= ~SLAT_FLAG_ARITH;
	*rflags |= result_flags(result, size);
	return result;
}

u64 slat_alu_binary(enum slat_op op, unsigned int size, u64 dst, u64 src,
		    u64 *rflags)
{
	bool carry = *rflags & SLAT_FLAG_CF;

	src &= slat_alu_mask(size);
	dst &= slat_alu_mask(size);
	switch (op) {
	case SLAT_OP_ADD:
		return add_flags(rflags, dst, src, false, size);
	case SLAT_OP_ADC:
		return add_flags(rflags, dst, src, carry, size);
	case SLAT_OP_SBB:
		return sub_flags(rflags, dst, src, carry, size);
	case SLAT_OP_SUB:
	case SLAT_OP_CMP:
		return sub_flags(rflags, dst, src, false, size);
	case SLAT_OP_OR:
		return logic_flags(rflags, dst | src, size);
	case SLAT_OP_XOR:
		return logic_flags(rflags, dst ^ src, size);
	default:	/* AND, TEST */
		return logic_flags(rflags, dst & src, size);
	}
}

u64 slat_alu_unary(enum slat_op op, unsigned int size, u64 dst, u64 *rflags)
{
	u64 mask = slat_alu_mask(size);
	u64 carry = *rflags & SLAT_FLAG_CF;
	u64 result;

	dst &= mask;
	switch (op) {
	case SLAT_OP_INC:
		result = add_flags(rflags, dst, 1, false, size);
		break;
	case SLAT_OP_DEC:
		result = sub_flags(rflags, dst, 1, false, size);
		break;
	case SLAT_OP_NEG:
		return sub_flags(rflags, 0, dst, false, size);
	default:	/* NOT changes no flag */
		return ~dst & mask;
	}
	/* INC and DEC leave CF alone. */
	*rflags = (*rflags & ~SLAT_FLAG_CF) | carry;
	return result;
}

/* One rotation step through or around CF. */
static u64 rotate_step(enum slat_op op, unsigned int size, u64 value,
		       bool *carry)
{
	unsigned int top = 8 * size - 1;
	bool out;

	if (op == SLAT_OP_ROL || op == SLAT_OP_RCL) {
		out = (value >> top) & 1;
		value = (value << 1) & slat_alu_mask(size);
		value |= op == SLAT_OP_ROL ? out : *carry;
	} else {
		out = value & 1;
		value >>= 1;
		value |= (u64)(op == SLAT_OP_ROR ? out : *carry) << top;
	}
	*carry = out;
	return value;
}

static u64 alu_rotate(enum slat_op op, unsigned int size, u64 dst,
		      unsigned int count, u64 *rflags)
{
	unsigned int width = 8 * size;
	bool carry = *rflags & SLAT_FLAG_CF;
	bool overflow;

	if (op == SLAT_OP_RCL || op == SLAT_OP_RCR)
		count %= width + 1;
	if (!count)
		return dst;
	while (count--)
		dst = rotate_step(op, size, dst, &carry);

	if (op == SLAT_OP_ROL || op == SLAT_OP_RCL)
		overflow = sign_of(dst, size) != carry;
	else
		overflow = sign_of(dst, size) != ((dst >> (width - 2)) & 1);
	*rflags &= ~(SLAT_FLAG_CF | SLAT_FLAG_OF);
	*rflags |= flag_if(carry, SLAT_FLAG_CF) |
		   flag_if(overflow, SLAT_FLAG_OF);
	return dst;
}

u64 slat_alu_shift(enum slat_op op, unsigned int size, u64 dst,
		   unsigned int count, u64 *rflags)
{
	unsigned int width = 8 * size;
	bool carry, overflow;
	u64 result;
	s64 wide;

	count &= size == 8 ? 63 : 31;
	dst &= slat_alu_mask(size);
	if (!count)
		return dst;
	switch (op) {
	case SLAT_OP_SHL:
	case SLAT_OP_SHL2:
		result = (dst << count) & slat_alu_mask(size);
		carry = count <= width && ((dst >> (width - count)) & 1);
		overflow = sign_of(result, size) != carry;
		break;
	case SLAT_OP_SHR:
		result = dst >> count;
		carry = (dst >> (count - 1)) & 1;
		/* The sign before the last step. */
		overflow = sign_of(dst >> (count - 1), size);
		break;
	case SLAT_OP_SAR:
		wide = (s64)(dst << (64 - width)) >> (64 - width);
		result = (u64)(wide >> count) & slat_alu_mask(size);
		carry = (wide >> (count - 1)) & 1;
		overflow = false;
		break;
	default:
		return alu_rotate(op, size, dst, count, rflags);
	}
	*rflags &= ~SLAT_FLAG_ARITH;
	*rflags |= result_flags(result, size) | flag_if(carry, SLAT_FLAG_CF) |
		   flag_if(overflow, SLAT_FLAG_OF);
	return result;
}

u64 slat_alu_shift_double(enum slat_op op, unsigned int size, u64 dst, u64 src,
			  unsigned int count, u64 *rflags)
{
	unsigned int width = 8 * size;
	u64 mask = slat_alu_mask(size);
	u64 result, swap;
	bool carry;

	count &= size == 8 ? 63 : 31;
	dst &= mask;
	src &= mask;
	if (!count)
		return dst;
	if (count > width) {
		/* 16-bit only, and undefined: the bits go round once more. */
		count -= width;
		swap = dst;
		dst = src;
		src = swap;
	}
	if (op == SLAT_OP_SHLD) {
		carry = (dst >> (width - count)) & 1;
		result = count == width ? src :
			 ((dst << count) | (src >> (width - count))) & mask;
	} else {
		carry = (dst >> (count - 1)) & 1;
		result = count == width ? src :
			 ((dst >> count) | (src << (width - count))) & mask;
	}
	*rflags &= ~SLAT_FLAG_ARITH;
	*rflags |= result_flags(result, size) | flag_if(carry, SLAT_FLAG_CF) |
		   flag_if(sign_of(dst ^ result, size), SLAT_FLAG_OF);
	return result;
}

u64 slat_alu_bit(enum slat_op op, unsigned int size, u64 dst, u64 bit,
		 u64 *rflags)
{
	u64 mask = 1ull << (bit & (8 * size - 1));

	*rflags &= ~SLAT_FLAG_CF;
	*rflags |= flag_if(dst & mask, SLAT_FLAG_CF);
	switch (op) {
	case SLAT_OP_BTS:
		return dst | mask;
	case SLAT_OP_BTR:
		return dst & ~mask;
	case SLAT_OP_BTC:
		return dst ^ mask;
	default:
		return dst;
	}
}

/* 64 x 64 -> 128 bits, unsigned, by halves. */
static u64 multiply_wide(u64 a, u64 b, u64 *high)
{
	u64 a_low = (u32)a, a_high = a >> 32;
	u64 b_low = (u32)b, b_high = b >> 32;
	u64 low = a_low * b_low;
	u64 mid = a_high * b_low + (low >> 32);
	u64 mid2 = a_low * b_high + (u32)mid;

	*high = a_high * b_high + (mid >> 32) + (mid2 >> 32);
	return (mid2 << 32) | (u32)low;
}

u64 slat_alu_multiply(enum slat_op op, unsigned int size, u64 a, u64 b,
		      u64 *high, u64 *rflags)
{
	unsigned int shift = 64 - 8 * size;
	u64 mask = slat_alu_mask(size);
	u64 low, extension;

	a &= mask;
	b &= mask;
	if (op != SLAT_OP_MUL) {
		a = (u64)((s64)(a << shift) >> shift);
		b = (u64)((s64)(b << shift) >> shift);
	}
	low = multiply_wide(a, b, high);
	if (op != SLAT_OP_MUL)
		*high -= ((s64)a < 0 ? b : 0) + ((s64)b < 0 ? a : 0);
	if (size < 8)
		*high = (low >> (8 * size)) & mask;
	low &= mask;

	/* CF and OF: the upper half says more than the lower one's sign. */
	extension = op != SLAT_OP_MUL && sign_of(low, size) ? mask : 0;
	*rflags &= ~SLAT_FLAG_ARITH;
	*rflags |= flag_if(*high != extension, SLAT_FLAG_CF | SLAT_FLAG_OF) |
		   (result_flags(low, size) & (SLAT_FLAG_SF | SLAT_FLAG_PF));
	return low;
}

/* Unsigned: 128 by 64 bits, a bit at a time; @high < @divisor. */
static void divide_wide(u64 divisor, u64 *low, u64 *high)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		bool carry = *high >> 63;

		*high = (*high << 1) | (*low >> 63);
		*low <<= 1;
		if (carry || *high >= divisor) {
			*high -= divisor;
			*low |= 1;
		}
	}
}

static void negate_wide(u64 *low, u64 *high, u64 mask)
{
	*low = -*low & mask;
	*high = (~*high + !*low) & mask;
}

bool slat_alu_divide(enum slat_op op, unsigned int size, u64 divisor, u64 *low,
		     u64 *high)
{
	u64 mask = slat_alu_mask(size);
	bool negative_dividend = op == SLAT_OP_IDIV && sign_of(*high, size);
	bool negative_divisor = op == SLAT_OP_IDIV && sign_of(divisor, size);
	u64 q = *low & mask, r = *high & mask, dividend;

	divisor &= mask;
	if (negative_divisor)
		divisor = -divisor & mask;
	if (negative_dividend)
		negate_wide(&q, &r, mask);
	if (r >= divisor)
		return false;
	if (size == 8) {
		divide_wide(divisor, &q, &r);
	} else {
		dividend = (r << (8 * size)) | q;
		q = dividend / divisor;
		r = dividend % divisor;
	}
	if (op == SLAT_OP_IDIV) {
		bool negative = negative_dividend != negative_divisor;

		/* The most negative quotient has no positive counterpart. */
		if (q > (mask >> 1) + negative)
			return false;
		q = negative ? -q & mask : q;
		r = negative_dividend ? -r & mask : r;
	}
	*low = q;
	*high = r;
	return true;
}

unsigned int slat_alu_scan(enum slat_op op, u64 src)
{
	return op == SLAT_OP_BSF ? __builtin_ctzll(src) :
				   63 - __builtin_clzll(src);
}

bool slat_alu_condition(unsigned int cond, u64 rflags)
{
	bool less = !(rflags & SLAT_FLAG_SF) != !(rflags & SLAT_FLAG_OF);
	bool holds;

	switch (cond >> 1) {
	case 0:
		holds = rflags & SLAT_FLAG_OF;
		break;
	case 1:
		holds = rflags & SLAT_FLAG_CF;
		break;
	case 2:
		holds = rflags & SLAT_FLAG_ZF;
		break;
	case 3:
		holds = rflags & (SLAT_FLAG_CF | SLAT_FLAG_ZF);
		break;
	case 4:
		holds = rflags & SLAT_FLAG_SF;
		break;
	case 5:
		holds = rflags & SLAT_FLAG_PF;
		break;
	case 6:
		holds = less;
		break;
	default:
		holds = less || (rflags & SLAT_FLAG_ZF);
		break;
	}
	return holds != (cond & 1);
}
