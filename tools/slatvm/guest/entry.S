/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's first instructions. The VMM enters in 32-bit protected mode,
 * flat, without paging, with the CPU's number in EBX. CPU 0 builds page tables
 * that map 4 GiB by 2 MiB pages, linear = physical; every CPU then switches
 * itself to long mode and calls guest_main(cpu). CPU 0 has run to its first
 * command before the VMM starts another.
 */
#include "protocol.h"

#define PML4	GUEST_TABLES
#define PDPT	(GUEST_TABLES + 0x1000)
#define PD	(GUEST_TABLES + 0x2000)
#define PRESENT_WRITABLE	0x03
#define LARGE_PAGE		0x83

	.section .text.entry, "ax"
	.globl	_start
	.code32
_start:
	test	%ebx, %ebx
	jnz	enter_long_mode

	movl	$(PDPT + PRESENT_WRITABLE), PML4
	mov	$(PD + PRESENT_WRITABLE), %eax
	mov	$PDPT, %edi
1:	mov	%eax, (%edi)
	add	$0x1000, %eax
	add	$8, %edi
	cmp	$(PDPT + 4 * 8), %edi
	jne	1b

	mov	$LARGE_PAGE, %eax
	mov	$PD, %edi
1:	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$0x200000, %eax
	add	$8, %edi
	cmp	$(PD + 4 * 0x1000), %edi
	jne	1b

enter_long_mode:
	mov	%cr4, %eax
	or	$(1 << 5), %eax			/* PAE */
	mov	%eax, %cr4
	mov	$PML4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER */
	rdmsr
	or	$(1 << 8), %eax			/* LME */
	wrmsr
	mov	%cr0, %eax
	or	$(1 << 31 | 1 << 16), %eax	/* PG, WP */
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$0x08, $long_mode

	.code64
long_mode:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%ebx, %edi
	imul	$GUEST_STACK_STEP, %ebx, %eax
	mov	$GUEST_STACKS, %esp
	sub	%eax, %esp
	call	guest_main
1:	hlt
	jmp	1b

	.balign 8
gdt:	.quad	0
	.quad	0x00af9b000000ffff		/* 0x08: 64-bit code */
	.quad	0x00cf93000000ffff		/* 0x10: data */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
