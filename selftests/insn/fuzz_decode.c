// SPDX-License-Identifier: GPL-2.0
/*
 * The decoder against Zydis: random bytes in every mode must give the same
 * verdict, length and, for what is emulated, the same operation and operands.
 */
#include <stdio.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include "../../module/insn/decode.h"
#include "tap.h"

struct oracle {
	ZydisDecoder decoder;
	enum slat_insn_mode mode;
	const char *name;
};

static struct oracle oracles[] = {
	{ .mode = SLAT_MODE_LONG, .name = "64-bit" },
	{ .mode = SLAT_MODE_PROT32, .name = "32-bit" },
	{ .mode = SLAT_MODE_PROT16, .name = "16-bit protected" },
	{ .mode = SLAT_MODE_REAL, .name = "real" },
};

/* Names of emulated operations, as Zydis prints them, separated by spaces. */
static const char *const op_names[SLAT_OP_NR] = {
	[SLAT_OP_ADD] = "add", [SLAT_OP_OR] = "or", [SLAT_OP_ADC] = "adc",
	[SLAT_OP_SBB] = "sbb", [SLAT_OP_AND] = "and", [SLAT_OP_SUB] = "sub",
	[SLAT_OP_XOR] = "xor", [SLAT_OP_CMP] = "cmp", [SLAT_OP_ROL] = "rol",
	[SLAT_OP_ROR] = "ror", [SLAT_OP_RCL] = "rcl", [SLAT_OP_RCR] = "rcr",
	[SLAT_OP_SHL] = "shl", [SLAT_OP_SHR] = "shr", [SLAT_OP_SHL2] = "shl",
	[SLAT_OP_SAR] = "sar", [SLAT_OP_TEST] = "test", [SLAT_OP_INC] = "inc",
	[SLAT_OP_DEC] = "dec", [SLAT_OP_NOT] = "not", [SLAT_OP_NEG] = "neg",
	[SLAT_OP_MUL] = "mul", [SLAT_OP_IMUL1] = "imul",
	[SLAT_OP_IMUL] = "imul", [SLAT_OP_DIV] = "div",
	[SLAT_OP_IDIV] = "idiv", [SLAT_OP_SHLD] = "shld",
	[SLAT_OP_SHRD] = "shrd", [SLAT_OP_MOV] = "mov movnti",
	[SLAT_OP_MOVZX] = "movzx", [SLAT_OP_MOVSX] = "movsx movsxd",
	[SLAT_OP_MOVBE] = "movbe",
	[SLAT_OP_CMOV] = "cmovo cmovno cmovb cmovnb cmovz cmovnz cmovbe cmovnbe "
			 "cmovs cmovns cmovp cmovnp cmovl cmovnl cmovle cmovnle",
	[SLAT_OP_SETCC] = "seto setno setb setnb setz setnz setbe setnbe sets "
			  "setns setp setnp setl setnl setle setnle",
	[SLAT_OP_XCHG] = "xchg", [SLAT_OP_CMPXCHG] = "cmpxchg",
	[SLAT_OP_CMPXCHG8B] = "cmpxchg8b cmpxchg16b", [SLAT_OP_XADD] = "xadd",
	[SLAT_OP_BT] = "bt", [SLAT_OP_BTS] = "bts", [SLAT_OP_BTR] = "btr",
	[SLAT_OP_BTC] = "btc", [SLAT_OP_BSF] = "bsf", [SLAT_OP_BSR] = "bsr",
	[SLAT_OP_XLAT] = "xlat", [SLAT_OP_PUSH] = "push", [SLAT_OP_POP] = "pop",
	[SLAT_OP_PUSHA] = "pusha pushad", [SLAT_OP_POPA] = "popa popad",
	[SLAT_OP_PUSHF] = "pushf pushfd pushfq",
	[SLAT_OP_POPF] = "popf popfd popfq", [SLAT_OP_ENTER] = "enter",
	[SLAT_OP_LEAVE] = "leave", [SLAT_OP_CALL] = "call", [SLAT_OP_JMP] = "jmp",
	[SLAT_OP_RET] = "ret", [SLAT_OP_CALLF] = "call", [SLAT_OP_JMPF] = "jmp",
	[SLAT_OP_RETF] = "ret", [SLAT_OP_IRET] = "iret iretd iretq",
	[SLAT_OP_MOVS] = "movsb movsw movsd movsq",
	[SLAT_OP_CMPS] = "cmpsb cmpsw cmpsd cmpsq",
	[SLAT_OP_STOS] = "stosb stosw stosd stosq",
	[SLAT_OP_LODS] = "lodsb lodsw lodsd lodsq",
	[SLAT_OP_SCAS] = "scasb scasw scasd scasq",
	[SLAT_OP_INS] = "insb insw insd", [SLAT_OP_OUTS] = "outsb outsw outsd",
	[SLAT_OP_IN] = "in", [SLAT_OP_OUT] = "out",
	[SLAT_OP_SSEMOV] = "movups movupd movss movsd movlps movlpd movhps "
			   "movhpd movaps movapd movntps movntpd movdqa movdqu "
			   "movntdq movntdqa lddqu movhlps movlhps",
	[SLAT_OP_SSEMOVZ] = "movss movsd movd movq",
	[SLAT_OP_VEXMOV] = "vmovups vmovupd vmovss vmovsd vmovlps vmovlpd vmovhps "
			   "vmovhpd vmovaps vmovapd vmovntps vmovntpd vmovd vmovq "
			   "vmovdqa vmovdqu vmovntdq vmovntdqa vlddqu",
	[SLAT_OP_MMXMOV] = "movd movq movntq",
	[SLAT_OP_LSEG] = "lds les lfs lgs lss", [SLAT_OP_SLDT] = "sldt",
	[SLAT_OP_STR] = "str", [SLAT_OP_LLDT] = "lldt", [SLAT_OP_LTR] = "ltr",
	[SLAT_OP_SGDT] = "sgdt", [SLAT_OP_SIDT] = "sidt", [SLAT_OP_LGDT] = "lgdt",
	[SLAT_OP_LIDT] = "lidt", [SLAT_OP_SMSW] = "smsw", [SLAT_OP_LMSW] = "lmsw",
	[SLAT_OP_FNSTCW] = "fnstcw", [SLAT_OP_FNSTSW] = "fnstsw",
	[SLAT_OP_NOP] = "nop prefetch prefetchw prefetchwt1 prefetchnta "
			"prefetcht0 prefetcht1 prefetcht2 clflush clflushopt "
			"clwb lfence mfence sfence",
};

/* Instructions of other makers, undefined on Intel processors. */
static bool is_foreign(const ZydisDecodedInstruction *z)
{
	switch (z->meta.isa_ext) {
	case ZYDIS_ISA_EXT_AMD3DNOW:
	case ZYDIS_ISA_EXT_CLZERO:
	case ZYDIS_ISA_EXT_FMA4:
	case ZYDIS_ISA_EXT_KNC:
	case ZYDIS_ISA_EXT_KNCE:
	case ZYDIS_ISA_EXT_KNCV:
	case ZYDIS_ISA_EXT_PADLOCK:
	case ZYDIS_ISA_EXT_SSE4A:
	case ZYDIS_ISA_EXT_SVM:
	case ZYDIS_ISA_EXT_TBM:
	case ZYDIS_ISA_EXT_XOP:
		return true;
	default:
		return z->encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX ||
		       z->encoding == ZYDIS_INSTRUCTION_ENCODING_XOP ||
		       z->encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW;
	}
}

static bool same_name(unsigned int op, const char *name)
{
	const char *list = op_names[op];
	size_t len = strlen(name);

	while (list && *list) {
		if (!strncmp(list, name, len) &&
		    (list[len] == ' ' || !list[len]))
			return true;
		list = strchr(list, ' ');
		if (list)
			list++;
	}
	return false;
}

static int gpr_number(ZydisRegister reg)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
	case ZYDIS_REGCLASS_MMX:
		return ZydisRegisterGetId(reg);
	default:
		return -1;
	}
}

static bool same_register(const struct slat_operand *opnd, ZydisRegister reg)
{
	ZydisRegister want;
	unsigned int id = opnd->reg;

	switch (opnd->type) {
	case SLAT_OPND_XMM:
	case SLAT_OPND_XMM_HIGH:
		return reg == ZydisRegisterEncode(opnd->size == 32 ? ZYDIS_REGCLASS_YMM :
						  ZYDIS_REGCLASS_XMM, id);
	case SLAT_OPND_MMX:
		return reg == ZydisRegisterEncode(ZYDIS_REGCLASS_MMX, id);
	case SLAT_OPND_SREG:
		return reg == ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, id);
	case SLAT_OPND_REG_HIGH:
		return reg == ZYDIS_REGISTER_AH + id;
	case SLAT_OPND_REG:
		break;
	default:
		return false;
	}
	switch (opnd->size) {
	case 1:
		/* Zydis numbers AH..BH between BL and SPL. */
		want = id < 4 ? ZYDIS_REGISTER_AL + id :
				ZYDIS_REGISTER_SPL + id - 4;
		break;
	case 2:
		want = ZydisRegisterEncode(ZYDIS_REGCLASS_GPR16, id);
		break;
	case 4:
		want = ZydisRegisterEncode(ZYDIS_REGCLASS_GPR32, id);
		break;
	default:
		want = ZydisRegisterEncode(ZYDIS_REGCLASS_GPR64, id);
		break;
	}
	return reg == want;
}

static uint64_t low_bits(uint64_t value, unsigned int bytes)
{
	return bytes >= 8 ? value : value & ((1ull << (8 * bytes)) - 1);
}

static bool same_memory(const struct slat_insn *insn,
			const struct slat_operand *opnd,
			const ZydisDecodedOperand *z)
{
	ZydisRegister base = z->mem.base;
	bool rip = base == ZYDIS_REGISTER_RIP || base == ZYDIS_REGISTER_EIP;
	bool has_base = base != ZYDIS_REGISTER_NONE && !rip;
	bool has_index = z->mem.index != ZYDIS_REGISTER_NONE;

	if (z->size != opnd->size * 8u)
		return false;
	if (z->mem.segment != ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, insn->seg)) {
		/* In 64-bit mode ES, CS, SS and DS are one and the same. */
		if (insn->mode != SLAT_MODE_LONG || insn->seg > SLAT_SEG_DS ||
		    z->mem.segment == ZYDIS_REGISTER_FS ||
		    z->mem.segment == ZYDIS_REGISTER_GS)
			return false;
	}
	if (rip != insn->rip_relative)
		return false;
	if (has_base ? gpr_number(base) != insn->base : insn->base != SLAT_GPR_NONE)
		return false;
	if (has_index) {
		if (gpr_number(z->mem.index) != insn->index ||
		    z->mem.scale != 1u << insn->scale)
			return false;
	} else if (insn->index != SLAT_GPR_NONE) {
		return false;
	}
	return low_bits(z->mem.disp.value, insn->asize) ==
	       low_bits(insn->disp, insn->asize);
}

static bool same_operand(const struct slat_insn *insn,
			 const struct slat_operand *opnd,
			 const ZydisDecodedOperand *z)
{
	if (opnd->type == SLAT_OPND_MEM)
		return z->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		       same_memory(insn, opnd, z);
	if (opnd->type == SLAT_OPND_IMM) {
		if (z->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			return false;
		return low_bits(insn->imm, opnd->size) ==
		       low_bits(z->imm.value.u, opnd->size);
	}
	return z->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       same_register(opnd, z->reg.value);
}

/* Zydis shows strings' addresses as implicit memory operands. */
static bool same_string(const struct slat_insn *insn,
			const ZydisDecodedInstruction *zi,
			const ZydisDecodedOperand *z)
{
	unsigned int i, size = 0;
	bool seg = insn->src.type != SLAT_OPND_STR_SRC;

	if (insn->dst.type == SLAT_OPND_STR_DST)
		size = insn->dst.size;
	else
		size = insn->src.size;
	for (i = 0; i < zi->operand_count; i++) {
		if (z[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		if (z[i].size != size * 8)
			return false;
		if (gpr_number(z[i].mem.base) == SLAT_RSI)
			seg = z[i].mem.segment ==
			      ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, insn->seg);
	}
	return seg && zi->address_width == insn->asize * 8;
}

/* XLAT's address is an implicit operand; AL is no index register to us. */
static bool same_table(const struct slat_insn *insn,
		       const ZydisDecodedInstruction *zi,
		       const ZydisDecodedOperand *z)
{
	unsigned int i;

	for (i = 0; i < zi->operand_count; i++)
		if (z[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			break;
	return i < zi->operand_count && insn->base == SLAT_RBX &&
	       gpr_number(z[i].mem.base) == SLAT_RBX &&
	       (insn->mode == SLAT_MODE_LONG ||
		z[i].mem.segment == ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, insn->seg)) &&
	       insn->src.size == 1 && insn->dst.reg == SLAT_RAX;
}

/* Zydis has one name for near and far branches. */
static bool same_distance(const struct slat_insn *insn, const ZydisDecodedInstruction *zi)
{
	bool far = zi->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;

	switch (insn->op) {
	case SLAT_OP_CALL:
	case SLAT_OP_JMP:
	case SLAT_OP_RET:
		return !far;
	case SLAT_OP_CALLF ... SLAT_OP_RETF:
		return far;
	default:
		return true;
	}
}

static bool same_pointer(const struct slat_insn *insn, const ZydisDecodedOperand *z)
{
	return z->type == ZYDIS_OPERAND_TYPE_POINTER && z->ptr.segment == insn->imm >> 32 &&
	       z->ptr.offset == (uint32_t)insn->imm;
}

static bool same_operands(const struct slat_insn *insn,
			  const ZydisDecodedInstruction *zi,
			  const ZydisDecodedOperand *z)
{
	const struct slat_operand *first = &insn->dst;

	if (insn->op == SLAT_OP_NOP)
		return true;
	if (!same_distance(insn, zi))
		return false;
	if (insn->op == SLAT_OP_ENTER)
		return z[0].imm.value.u == (uint16_t)insn->imm &&
		       (uint8_t)z[1].imm.value.u == insn->imm >> 16 &&
		       zi->operand_width == insn->osize * 8;
	if ((insn->op == SLAT_OP_CALLF || insn->op == SLAT_OP_JMPF) &&
	    insn->src.type == SLAT_OPND_IMM)
		return same_pointer(insn, &z[0]);
	if ((insn->op >= SLAT_OP_MOVS && insn->op <= SLAT_OP_OUTS))
		return same_string(insn, zi, z);
	if (insn->op == SLAT_OP_XLAT)
		return same_table(insn, zi, z);
	if (first->type == SLAT_OPND_NONE && insn->src.type == SLAT_OPND_NONE)
		return zi->operand_width == insn->osize * 8;
	if (first->type == SLAT_OPND_NONE)
		return same_operand(insn, &insn->src, &z[0]);
	/* AX * r/m: only the factor is visible. */
	if (!same_operand(insn, first, &z[0]))
		return false;
	if (insn->src.type == SLAT_OPND_NONE)
		return true;
	if (!same_operand(insn, &insn->src, &z[1]))
		return false;
	if (insn->op == SLAT_OP_SHLD || insn->op == SLAT_OP_SHRD ||
	    (insn->op == SLAT_OP_IMUL && insn->imm_len)) {
		if (z[2].type == ZYDIS_OPERAND_TYPE_REGISTER)
			return !insn->imm_len && z[2].reg.value == ZYDIS_REGISTER_CL;
		return insn->imm_len && low_bits(insn->imm, z[2].size / 8) ==
					low_bits(z[2].imm.value.u, z[2].size / 8);
	}
	return true;
}

static bool same_prefixes(const struct slat_insn *insn,
			  const ZydisDecodedInstruction *zi)
{
	const ZydisInstructionAttributes rep = ZYDIS_ATTRIB_HAS_REP |
		ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPZ |
		ZYDIS_ATTRIB_HAS_REPNE | ZYDIS_ATTRIB_HAS_REPNZ;

	if (insn->lock != !!(zi->attributes & ZYDIS_ATTRIB_HAS_LOCK))
		return false;
	if (insn->op != SLAT_OP_CMPS && insn->op != SLAT_OP_SCAS)
		return true;
	if (!insn->rep)
		return !(zi->attributes & rep);
	return !!(zi->attributes & (ZYDIS_ATTRIB_HAS_REPNE | ZYDIS_ATTRIB_HAS_REPNZ)) ==
	       (insn->rep == 0xf2);
}

/*
 * Where Zydis 4.0 differs from real processors (test_native.c shows it):
 * MOVSXD to 16 bits reads 16 bits, not 32; a SIB base of 5 with mod = 0 means
 * no base, also when REX.B would make it R13, with 32-bit addresses too. And
 * 3E before an indirect branch overrides the segment, though it also means
 * NOTRACK.
 */
static bool is_zydis_slip(const struct slat_insn *insn, const char *what)
{
	if (strcmp(what, "operands"))
		return false;
	if (insn->op == SLAT_OP_MOVSX && insn->map == 0 && insn->osize == 2)
		return true;
	if ((insn->op == SLAT_OP_CALL || insn->op == SLAT_OP_JMP) &&
	    insn->mode != SLAT_MODE_LONG)
		return insn->seg == SLAT_SEG_DS &&
		       (insn->base == SLAT_RBP || insn->base == SLAT_RSP);
	return insn->mode == SLAT_MODE_LONG && insn->asize == 4 &&
	       (insn->modrm & 0xc7) == 4 && (insn->sib & 7) == 5 &&
	       (insn->rex & 1);
}

/* What the two say about one instruction; NULL when they agree. */
static const char *disagreement(struct oracle *oracle, const u8 *bytes, int ret,
				const struct slat_insn *insn)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction zi;
	ZyanStatus status;

	status = ZydisDecoderDecodeFull(&oracle->decoder, bytes,
					SLAT_INSN_MAX_LEN, &zi, operands);
	if (!ZYAN_SUCCESS(status))
		return ret == 0 ? "Zydis refuses what is emulated" : NULL;
	if (ret == -E2BIG || ret == -ENODATA)
		return "too long only for the decoder";
	if (ret == -EINVAL)
		return is_foreign(&zi) ? NULL : "Zydis accepts it";
	if (zi.length != insn->len && !(is_foreign(&zi) && ret))
		return "length";
	if (ret)
		return NULL;
	if (!same_name(insn->op, ZydisMnemonicGetString(zi.mnemonic)))
		return "operation";
	if (!same_prefixes(insn, &zi))
		return "prefixes";
	if (!same_operands(insn, &zi, operands))
		return "operands";
	return NULL;
}

/* Fewer bytes: -ENODATA below the length, the same answer from it on. */
static bool truncation_agrees(const u8 *bytes, int ret,
			      const struct slat_insn *insn,
			      enum slat_insn_mode mode)
{
	struct slat_insn other;
	unsigned int nr;

	if (ret && ret != -EOPNOTSUPP)
		return true;
	nr = rnd_below(insn->len);
	if (slat_insn_decode(&other, bytes, nr, mode) != -ENODATA)
		return false;
	return slat_insn_decode(&other, bytes, insn->len, mode) == ret &&
	       other.len == insn->len;
}

/* Opcodes that are emulated come as often as all others together. */
static void make_bytes(u8 *bytes)
{
	static const u8 prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e,
				       0x36, 0x3e, 0x64, 0x65 };
	unsigned int pos = 0;
	unsigned int i;

	for (i = 0; i < 16; i += 8) {
		uint64_t word = rnd();

		memcpy(bytes + i, &word, 8);
	}
	while (pos < 14 && rnd_one_in(3))
		bytes[pos++] = prefixes[rnd_below(sizeof(prefixes))];
	if (rnd_one_in(40))
		while (pos < 14 && !rnd_one_in(10))
			bytes[pos++] = prefixes[rnd_below(sizeof(prefixes))];
	if (pos < 14 && rnd_one_in(3))
		bytes[pos++] = 0x40 | rnd_below(16);
	if (pos < 14 && rnd_one_in(2)) {
		bytes[pos++] = 0x0f;
		if (pos < 14 && rnd_one_in(8))
			bytes[pos++] = rnd_one_in(2) ? 0x38 : 0x3a;
	} else if (pos < 14 && rnd_one_in(20)) {
		static const u8 vex[] = { 0xc4, 0xc5, 0x62 };

		bytes[pos++] = vex[rnd_below(3)];
		if (pos < 14 && rnd_one_in(2))
			bytes[pos] = 0xc0 | rnd_below(64);
		/* Without a third register, as the moves have it. */
		if (pos < 14 && bytes[pos - 1] == 0xc5 && rnd_one_in(2))
			bytes[pos] |= 0x78;
	}
}

static void report(struct oracle *oracle, const u8 *bytes, int ret,
		   const struct slat_insn *insn, const char *what)
{
	char hex[3 * SLAT_INSN_MAX_LEN + 1] = "";
	ZydisDisassembledInstruction text = { 0 };
	ZydisMachineMode mode = oracle->decoder.machine_mode;
	unsigned int i;

	for (i = 0; i < SLAT_INSN_MAX_LEN; i++)
		sprintf(hex + 3 * i, "%02x ", bytes[i]);
	ZydisDisassembleIntel(mode, 0, bytes, SLAT_INSN_MAX_LEN, &text);
	tap_note("%s: %s: %sret %d len %u op %u map %u opcode %02x; Zydis: len %u %s",
		 oracle->name, what, hex, ret, insn->len, insn->op, insn->map,
		 insn->opcode, text.info.length, text.text);
}

static void fuzz(struct oracle *oracle, unsigned long count)
{
	unsigned long i, emulated = 0, valid = 0, wrong = 0;
	u8 bytes[16];

	for (i = 0; i < count; i++) {
		struct slat_insn insn;
		const char *what;
		int ret;

		make_bytes(bytes);
		ret = slat_insn_decode(&insn, bytes, 15, oracle->mode);
		emulated += ret == 0;
		valid += ret == 0 || ret == -EOPNOTSUPP;
		what = disagreement(oracle, bytes, ret, &insn);
		if (!what && !truncation_agrees(bytes, ret, &insn, oracle->mode))
			what = "truncated bytes";
		if (!what || is_zydis_slip(&insn, what))
			continue;
		if (wrong++ < 40)
			report(oracle, bytes, ret, &insn, what);
	}
	tap_ok(!wrong && emulated > count / 10,
	       "%s: %lu random instructions, %lu with a length, %lu emulated, %lu disagreements with Zydis",
	       oracle->name, count, valid, emulated, wrong);
}

static void oracle_init(struct oracle *oracle)
{
	ZydisMachineMode mode = ZYDIS_MACHINE_MODE_LONG_64;
	ZydisStackWidth width = ZYDIS_STACK_WIDTH_64;

	if (oracle->mode == SLAT_MODE_PROT32) {
		mode = ZYDIS_MACHINE_MODE_LONG_COMPAT_32;
		width = ZYDIS_STACK_WIDTH_32;
	} else if (oracle->mode == SLAT_MODE_PROT16) {
		mode = ZYDIS_MACHINE_MODE_LONG_COMPAT_16;
		width = ZYDIS_STACK_WIDTH_16;
	} else if (oracle->mode == SLAT_MODE_REAL) {
		mode = ZYDIS_MACHINE_MODE_REAL_16;
		width = ZYDIS_STACK_WIDTH_16;
	}
	ZydisDecoderInit(&oracle->decoder, mode, width);
	ZydisDecoderEnableMode(&oracle->decoder, ZYDIS_DECODER_MODE_KNC, ZYAN_FALSE);
}

int main(int argc, char **argv)
{
	unsigned long count;
	unsigned int i;

	tap_options(argc, argv);
	count = tap_count(1000000);
	for (i = 0; i < sizeof(oracles) / sizeof(oracles[0]); i++) {
		oracle_init(&oracles[i]);
		fuzz(&oracles[i], count / 4);
	}
	return tap_end();
}
