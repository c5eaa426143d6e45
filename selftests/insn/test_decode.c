// SPDX-License-Identifier: GPL-2.0
/*
 * Decoder cases written by hand from the SDM: lengths, verdicts and fields
 * that random testing against a disassembler reaches rarely or not at all.
 */
#include <stdio.h>

#include "../../module/insn/decode.h"
#include "tap.h"

/**
 * struct sample - one encoding and what it must give
 * @bytes: encoding, as a string literal
 * @nr: bytes given
 * @mode: code segment mode
 * @ret: result of slat_insn_decode()
 * @len: length, where there is one
 * @op: operation, where it is emulated
 * @size: size of the first operand, 0: not checked
 * @text: the instruction in words
 */
struct sample {
	const char *bytes;
	unsigned int nr;
	enum slat_insn_mode mode;
	int ret;
	unsigned int len;
	enum slat_op op;
	unsigned int size;
	const char *text;
};

#define L SLAT_MODE_LONG
#define P32 SLAT_MODE_PROT32
#define P16 SLAT_MODE_PROT16
#define RM SLAT_MODE_REAL
#define V86 SLAT_MODE_VM86
#define OK(text, mode, op, size, bytes) \
	{ bytes, sizeof(bytes) - 1, mode, 0, sizeof(bytes) - 1, SLAT_OP_##op, size, text }
#define LEN(text, mode, bytes) \
	{ bytes, sizeof(bytes) - 1, mode, -EOPNOTSUPP, sizeof(bytes) - 1, SLAT_OP_NONE, 0, text }
#define BAD(text, mode, ret, bytes) \
	{ bytes, sizeof(bytes) - 1, mode, ret, 0, SLAT_OP_NONE, 0, text }

static const struct sample samples[] = {
	OK("mov eax, [rip+disp32]", L, MOV, 4, "\x8b\x05\x00\x00\x00\x01"),
	OK("mov eax, [disp32]", P32, MOV, 4, "\x8b\x05\x00\x00\x00\x01"),
	OK("mov ax, [di]", RM, MOV, 2, "\x8b\x05"),
	OK("mov ax, [disp16]", RM, MOV, 2, "\x8b\x06\x00\x01"),
	OK("mov rax, moffs64", L, MOV, 8, "\x48\xa1\1\2\3\4\5\6\7\x08"),
	OK("mov eax, moffs32 (67)", L, MOV, 4, "\x67\xa1\1\2\3\4"),
	OK("mov ax, moffs16", V86, MOV, 2, "\xa1\x34\x12"),
	OK("mov [moffs64], al", L, MOV, 1, "\xa2\1\2\3\4\5\6\7\x08"),
	OK("mov r8, imm64", L, MOV, 8, "\x49\xb8\1\2\3\4\5\6\7\x08"),
	OK("mov qword [rax], imm32", L, MOV, 8, "\x48\xc7\x00\1\2\3\4"),
	OK("mov word [rax], imm16", L, MOV, 2, "\x66\xc7\x00\1\2"),
	OK("mov [rbx], ds", L, MOV, 2, "\x48\x8c\x1b"),
	OK("movzx rax, word [rbx]", L, MOVZX, 8, "\x48\x0f\xb7\x03"),
	OK("movsx eax, byte [bx]", P16, MOVSX, 4, "\x66\x0f\xbe\x07"),
	OK("movsxd rax, dword [rbx]", L, MOVSX, 8, "\x48\x63\x03"),
	LEN("arpl [ebx], ax", P32, "\x63\x03"),
	OK("lock cmpxchg16b [rdi]", L, CMPXCHG8B, 16, "\xf0\x48\x0f\xc7\x0f"),
	OK("lock cmpxchg8b [edi]", P32, CMPXCHG8B, 8, "\xf0\x0f\xc7\x0f"),
	OK("lock inc byte [rbx]", L, INC, 1, "\xf0\xfe\x03"),
	OK("inc eax", P32, INC, 4, "\x40"),
	OK("push imm8", L, PUSH, 0, "\x6a\xff"),
	OK("push imm16", L, PUSH, 0, "\x66\x68\1\2"),
	OK("pop [rsp+8]", L, POP, 8, "\x8f\x44\x24\x08"),
	OK("div byte [rbx]", L, DIV, 1, "\xf6\x33"),
	OK("idiv qword [rbx]", L, IDIV, 8, "\x48\xf7\x3b"),
	OK("bsf rax, [rbx]", L, BSF, 8, "\x48\x0f\xbc\x03"),
	LEN("tzcnt eax, [rbx]", L, "\xf3\x0f\xbc\x03"),
	LEN("lzcnt eax, [rbx]", L, "\xf3\x0f\xbd\x03"),
	OK("xlat", RM, XLAT, 1, "\xd7"),
	OK("pusha", RM, PUSHA, 0, "\x60"),
	OK("popf", L, POPF, 0, "\x9d"),
	OK("leave", P32, LEAVE, 0, "\xc9"),
	OK("call near ignores 66 in 64-bit code", L, CALL, 0, "\x66\xe8\1\2\3\4"),
	OK("call near rel16", P32, CALL, 0, "\x66\xe8\1\2"),
	OK("call [rbx]", L, CALL, 0, "\xff\x13"),
	OK("jmp [bx+si]", RM, JMP, 0, "\xff\x20"),
	OK("call far [rbx]", L, CALLF, 0, "\xff\x1b"),
	OK("jmp far [rbx] of 80 bits", L, JMPF, 0, "\x48\xff\x2b"),
	BAD("call far to a register", L, -EINVAL, "\xff\xdb"),
	BAD("jmp far to a register", L, -EINVAL, "\xff\xeb"),
	OK("ret imm16", L, RET, 0, "\xc2\1\2"),
	OK("movq mm1, [rbx]", L, MMXMOV, 8, "\x0f\x6f\x0b"),
	OK("movd [ebx], mm1", P32, MMXMOV, 4, "\x0f\x7e\x0b"),
	OK("movntq [rbx], mm1", L, MMXMOV, 8, "\x0f\xe7\x0b"),
	LEN("paddb mm1, [rbx]", L, "\x0f\xfc\x0b"),
	OK("rep stosq", L, STOS, 8, "\xf3\x48\xab"),
	OK("rep insd stays 4 bytes with REX.W", L, INS, 4, "\xf3\x48\x6d"),
	OK("movbe [rbx], rax", L, MOVBE, 8, "\x48\x0f\x38\xf1\x03"),
	LEN("crc32 eax, [rbx]", L, "\xf2\x0f\x38\xf1\x03"),
	OK("movnti [ebx], eax in 16-bit code", P16, MOV, 4, "\x67\x0f\xc3\x03"),
	OK("movd xmm0, [bx] in 16-bit code", P16, SSEMOVZ, 4, "\x66\x0f\x6e\x07"),
	OK("movq xmm1, [rbx]", L, SSEMOVZ, 8, "\xf3\x0f\x7e\x0b"),
	OK("movdqu [r8], xmm9", L, SSEMOV, 16, "\xf3\x45\x0f\x7f\x08"),
	OK("movss xmm0, [rbx]", L, SSEMOVZ, 4, "\xf3\x0f\x10\x03"),
	OK("movss [rbx], xmm0", L, SSEMOV, 4, "\xf3\x0f\x11\x03"),
	OK("clflush [rbx]", L, NOP, 0, "\x0f\xae\x3b"),
	OK("lfence", L, NOP, 0, "\x0f\xae\xe8"),
	OK("mfence", L, NOP, 0, "\x0f\xae\xf0"),
	LEN("tpause edi", L, "\x66\x0f\xae\xf7"),
	OK("test byte [rbx], imm8", L, TEST, 1, "\xf6\x03\x01"),
	OK("test, the undocumented twin", L, TEST, 4, "\xf7\x0b\1\2\3\4"),
	OK("not dword [rbx]", L, NOT, 4, "\xf7\x13"),
	OK("15 bytes", L, MOV, 4, "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x8b\x05\0\0\0\0"),
	OK("a REX before a prefix is void", L, MOV, 2, "\x48\x66\x8b\x03"),

	OK("enter", L, ENTER, 0, "\xc8\1\2\3"),
	OK("call far", P32, CALLF, 0, "\x9a\1\2\3\4\5\6"),
	OK("call far", P16, CALLF, 0, "\x9a\1\2\3\4"),
	LEN("jmp near ignores 66 in 64-bit code", L, "\x66\xe9\1\2\3\4"),
	LEN("jmp near rel16", P32, "\x66\xe9\1\2"),
	LEN("mov cr0, rax takes no memory", L, "\x0f\x22\x04"),
	OK("vmovups ymm0, [rbx]", L, VEXMOV, 32, "\xc5\xfc\x10\x03"),
	OK("vmovdqu [r8], xmm9", L, VEXMOV, 16, "\xc4\x41\x7a\x7f\x08"),
	OK("vmovq [rbx], xmm1", L, VEXMOV, 8, "\xc5\xf9\xd6\x0b"),
	OK("vmovq rax, xmm1", L, VEXMOV, 8, "\xc4\xe1\xf9\x7e\xc8"),
	OK("vmovd [ebx], xmm1 whatever W says", P32, VEXMOV, 4, "\xc4\xe1\xf9\x7e\x0b"),
	OK("vmovss xmm0, [rbx] whatever L says", L, VEXMOV, 4, "\xc5\xfe\x10\x03"),
	LEN("vmovss xmm0, xmm1, xmm2", L, "\xc5\xf2\x10\xc2"),
	LEN("vmovlps xmm0, xmm1, [rbx]", L, "\xc5\xf0\x12\x03"),
	LEN("vpblendd xmm, m, imm8", L, "\xc4\xe3\x79\x02\x03\x01"),
	LEN("vzeroupper", L, "\xc5\xf8\x77"),
	LEN("evex vmovups zmm0, [rax+disp8]", L, "\x62\xf1\x7c\x48\x10\x40\x01"),
	LEN("evex vpternlogd with imm8", L, "\x62\xf3\x7d\x48\x25\xc1\xff"),
	OK("les eax, [ebx]", P32, LSEG, 4, "\xc4\x03"),
	OK("lss rax, [rbx]", L, LSEG, 8, "\x48\x0f\xb2\x03"),
	BAD("lss from a register", L, -EINVAL, "\x0f\xb2\xc3"),
	OK("mov ss, [rbx]", L, MOV, 2, "\x8e\x13"),
	BAD("mov cs, [rbx]", L, -EINVAL, "\x8e\x0b"),
	BAD("mov to a segment register that is none", L, -EINVAL, "\x8e\x33"),
	OK("pop ds", P32, POP, 4, "\x1f"),
	BAD("pop ds in 64-bit code", L, -EINVAL, "\x1f"),
	OK("pop gs", L, POP, 8, "\x0f\xa9"),
	OK("smsw [rbx]", L, SMSW, 2, "\x48\x0f\x01\x23"),
	OK("smsw rax", L, SMSW, 8, "\x48\x0f\x01\xe0"),
	OK("lgdt [rbx]", L, LGDT, 10, "\x0f\x01\x13"),
	OK("sidt [bx]", RM, SIDT, 6, "\x0f\x01\x0f"),
	OK("ltr [ebx]", P32, LTR, 0, "\x0f\x00\x1b"),
	BAD("ltr [bx] in real mode", RM, -EINVAL, "\x0f\x00\x1f"),
	BAD("sldt [bx] in virtual-8086 mode", V86, -EINVAL, "\x0f\x00\x07"),
	LEN("vmcall", L, "\x0f\x01\xc1"),
	LEN("invlpg [rbx]", L, "\x0f\x01\x3b"),
	OK("fnstcw [rbx]", L, FNSTCW, 2, "\xd9\x3b"),
	OK("fnstsw [rbx]", L, FNSTSW, 2, "\xdd\x3b"),
	LEN("fcos", L, "\xd9\xff"),
	OK("iretq", L, IRET, 0, "\x48\xcf"),
	OK("ret far imm16", L, RETF, 0, "\xca\1\2"),
	LEN("bound ax, [si]", RM, "\x62\x04"),
	LEN("xbegin", L, "\xc7\xf8\1\2\3\4"),
	LEN("fld dword [rbx+disp32]", L, "\xd9\x83\1\2\3\4"),

	BAD("aaa in 64-bit code", L, -EINVAL, "\x37"),
	BAD("push es in 64-bit code", L, -EINVAL, "\x06"),
	BAD("82 in 64-bit code", L, -EINVAL, "\x82\x03\x01"),
	BAD("lock mov", L, -EINVAL, "\xf0\x8b\x03"),
	BAD("lock add to a register", L, -EINVAL, "\xf0\x01\xc3"),
	BAD("lock bt", L, -EINVAL, "\xf0\x0f\xa3\x03"),
	BAD("lock on what is not emulated", L, -EINVAL, "\xf0\x90"),
	BAD("movbe between registers", L, -EINVAL, "\x0f\x38\xf1\xc3"),
	BAD("mov [rbx], segment register 6", L, -EINVAL, "\x8c\x33"),
	BAD("vmovups with a third register", L, -EINVAL, "\xc5\xf4\x10\x03"),
	BAD("vmovq of 32 bytes", L, -EINVAL, "\xc5\xfd\xd6\x0b"),
	BAD("66 before vex", L, -EINVAL, "\x66\xc5\xfc\x10\x03"),
	BAD("evex with its fixed bit clear", L, -EINVAL, "\x62\xf1\x78\x48\x10\x40\x01"),
	BAD("evex map 0", L, -EINVAL, "\x62\xf0\x7c\x48\x10\x40\x01"),
	BAD("vex in virtual-8086 mode", V86, -EINVAL, "\xc5\xfc\x10\x03"),
	BAD("ff /7", L, -EINVAL, "\xff\x3b"),
	BAD("8f /1", L, -EINVAL, "\x8f\x0b"),
	BAD("0f 04", L, -EINVAL, "\x0f\x04"),

	BAD("nothing", L, -ENODATA, ""),
	BAD("prefixes alone", L, -ENODATA, "\x66\x67\xf2"),
	BAD("no ModRM", L, -ENODATA, "\x8b"),
	BAD("no SIB", L, -ENODATA, "\x8b\x04"),
	BAD("half a displacement", L, -ENODATA, "\x8b\x80\1\2"),
	BAD("half an immediate", L, -ENODATA, "\xc7\x03\1\2"),
	BAD("half a vex prefix", L, -ENODATA, "\xc4\xe3"),
	BAD("c4 alone in 32-bit code", P32, -ENODATA, "\xc4"),
	BAD("15 prefixes", L, -E2BIG,
	    "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"),
	BAD("16 bytes", L, -E2BIG, "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x8b\x05\0\0\0\0"),
};

static void test_samples(void)
{
	struct slat_insn insn;
	unsigned int i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		int ret = slat_insn_decode(&insn, (const u8 *)s->bytes, s->nr, s->mode);
		bool good = ret == s->ret;

		if (s->len)
			good = good && insn.len == s->len && insn.op == s->op;
		if (s->size)
			good = good && insn.dst.size == s->size;
		if (!good)
			tap_note("got %d, length %u, operation %u, size %u", ret,
				 insn.len, insn.op, insn.dst.size);
		tap_ok(good, "mode %d: %s", s->mode, s->text);
	}
}

/* What follows an instruction, and its bytes past the end, play no part. */
static void test_tail(void)
{
	const struct sample *s;
	struct slat_insn a, b;
	u8 bytes[SLAT_INSN_MAX_LEN];
	unsigned int i, wrong = 0;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		s = &samples[i];
		if (!s->len)
			continue;
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, s->bytes, s->len);
		slat_insn_decode(&a, bytes, sizeof(bytes), s->mode);
		memset(bytes + s->len, 0xff, sizeof(bytes) - s->len);
		slat_insn_decode(&b, bytes, sizeof(bytes), s->mode);
		memcpy(a.bytes, b.bytes, sizeof(a.bytes));
		wrong += !!memcmp(&a, &b, sizeof(a));
	}
	tap_ok(!wrong, "bytes after the instruction play no part");
}

int main(int argc, char **argv)
{
	tap_options(argc, argv);
	test_samples();
	test_tail();
	return tap_end();
}
