/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A firmware of 64 KiB for QEMU's -bios that misbehaves on demand: it says
 * "ROM ready", reads one letter from the serial line and does what stands
 * beside it in the table below. Position: its last byte is at 4 GiB, and the
 * same again below 1 MiB, where it runs.
 *
 * Memory that it uses: 0x1000 tables, 0x1800 counters, 0x2000 IDT, stacks
 * below 0x7000 (from ring 3) and 0x8000, 0x10000 a copy of its own code.
 * Interrupts stay enabled wherever it spins: see the tests' page on Bochs.
 */
	.set	GDT, 0x1000
	.set	TSS, 0x1400
	.set	COUNT, 0x1800
	.set	WATCHED, 0x1804
	.set	IDT, 0x2000
	.set	COPY, 0x10000
	.set	BASE, 0xf0000

	.text
	.code16
start:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %es
	movw	%cs, %ax
	movw	%ax, %ds
	movw	$(gdt - start), %si
	movw	$GDT, %di
	movw	$(gdt_end - gdt), %cx
	rep movsb
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	GDT
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	$0x08, $flat

	.code32
flat:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$0x8000, %esp
	/* everything from the interrupt controllers is masked */
	movb	$0xff, %al
	outb	%al, $0x21
	outb	%al, $0xa1
	/* exceptions are told, any other vector is a plain return */
	xorl	%edi, %edi
1:	movl	$on_exception, %eax
	cmpl	$32, %edi
	jb	2f
	movl	$on_any, %eax
2:	call	set_gate
	incl	%edi
	cmpl	$256, %edi
	jne	1b
	lidtl	idt_pointer
	movl	$TSS, %ebx
	movl	$0x7000, 4(%ebx)
	movl	$0x10, 8(%ebx)
	movl	$0x28, %eax
	ltr	%ax
	sti
	movl	$text_ready, %esi
	call	print
next:
	movw	$0x3fd, %dx
1:	inb	%dx, %al
	testb	$1, %al
	jz	1b
	movw	$0x3f8, %dx
	inb	%dx, %al
	movl	$commands, %ebx
2:	cmpb	$0, (%ebx)
	je	next
	cmpb	%al, (%ebx)
	je	3f
	addl	$8, %ebx
	jmp	2b
3:	call	*4(%ebx)
	jmp	next

	.balign	8
commands:
	.long	't', triple_fault
	.long	'j', jump_device
	.long	'v', jump_screen
	.long	'r', write_rom
	.long	'd', debug_flood
	.long	'a', alignment_flood
	.long	'h', halt_for_good
	.long	'g', garbage
	.long	'b', debugged
	.long	0, 0

/* %eax: handler; %edi: vector. A trap gate of ring 0: interrupts stay enabled. */
set_gate:
	leal	IDT(, %edi, 8), %ebx
	movw	%ax, (%ebx)
	movw	$0x08, 2(%ebx)
	movw	$0x8f00, 4(%ebx)
	shrl	$16, %eax
	movw	%ax, 6(%ebx)
	ret

/* %esi: text */
print:
	movw	$0x3f8, %dx
1:	lodsb
	testb	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	ret

on_any:
	iretl

/* Whether there is an error code is not known, so there is no way back. */
on_exception:
	movl	$text_exception, %esi
	call	print
	movl	(%esp), %eax
	call	print_hex
	movl	4(%esp), %eax
	call	print_hex
1:	hlt
	jmp	1b

/* No handler for the fault, none for the double fault: shutdown. */
triple_fault:
	lidtl	idt_none
	ud2

/* Instructions fetched from a device: nothing can execute them. */
jump_device:
	movl	$0xfed00000, %eax
	jmp	*%eax

jump_screen:
	movl	$0xa0000, %eax
	jmp	*%eax

/* Code runs in this read-only memory; writes to it, of each kind, change nothing. */
write_rom:
	movl	(scratch), %ebp
	movl	$0x12345678, (scratch)
	incl	(scratch)
	xorb	$0xff, (scratch)
	movl	$scratch, %edi
	movl	$4, %ecx
	movb	$0xaa, %al
	rep stosb
	movl	$0x55, %eax
	xchgl	%eax, (scratch)
	cmpl	(scratch), %ebp
	movl	$text_same, %esi
	je	1f
	movl	$text_changed, %esi
1:	call	print
	ret

/* 20000 single steps, then 10000 hits of a data breakpoint: each one told. */
debug_flood:
	movl	$on_debug, %eax
	movl	$1, %edi
	call	set_gate
	movl	$0, (COUNT)
	movl	$5000, %ecx
	pushfl
	orl	$0x100, (%esp)
	popfl
1:	nop
	nop
	nop
	loop	1b
	pushfl
	andl	$~0x100, (%esp)
	popfl
	/* the loop, and the three instructions that end it or their traps */
	movl	(COUNT), %eax
	movl	$text_steps, %esi
	cmpl	$20003, %eax
	jne	3f
	movl	$0, (COUNT)
	movl	$WATCHED, %eax
	movl	%eax, %dr0
	/* enabled, writes of four bytes */
	movl	$0x000d0702, %eax
	movl	%eax, %dr7
	movl	$10000, %ecx
2:	movl	%ecx, (WATCHED)
	loop	2b
	xorl	%eax, %eax
	movl	%eax, %dr7
	movl	(COUNT), %eax
	movl	$text_hits, %esi
	cmpl	$10000, %eax
	jne	3f
	movl	$text_debug, %esi
	call	print
	ret
3:	movl	%eax, %ebp
	call	print
	movl	%ebp, %eax
	call	print_hex
	ret

print_hex:
	movl	$8, %ecx
	movw	$0x3f8, %dx
	movl	%eax, %ebx
1:	roll	$4, %ebx
	movb	%bl, %al
	andb	$15, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	2f
	addb	$39, %al
2:	outb	%al, %dx
	loop	1b
	movb	$'\n', %al
	outb	%al, %dx
	ret

on_debug:
	incl	(COUNT)
	iretl

/* Ring 3 reads a word askew, for ever; each time the handler goes back to it. */
alignment_flood:
	movl	$on_alignment, %eax
	movl	$17, %edi
	call	set_gate
	movl	%cr0, %eax
	orl	$0x40000, %eax
	movl	%eax, %cr0
	pushl	$0x23
	pushl	$0x6000
	pushl	$0x40202
	pushl	$0x1b
	pushl	$1f
	iretl
1:	movl	$0x23, %eax
	movl	%eax, %ds
	movl	0x5001, %eax
	jmp	1b

on_alignment:
	pushl	%eax
	pushl	%edx
	incl	%ss:(COUNT)
	testl	$0xfff, %ss:(COUNT)
	jnz	1f
	movb	$'.', %al
	movw	$0x3f8, %dx
	outb	%al, %dx
1:	popl	%edx
	popl	%eax
	/* the error code */
	addl	$4, %esp
	iretl

/* What gdb.c steps through; it finds the places in the table near the end. */
debugged:
	movl	$0, (COUNT)
debugged_1:
	incl	(COUNT)
debugged_2:
	movl	(COUNT), %eax
debugged_3:
	movl	%eax, (WATCHED)
debugged_4:
	cmpl	$10, %eax
	jb	debugged_1
	movl	$text_debugged, %esi
	call	print
	ret

halt_for_good:
	cli
1:	hlt
	jmp	1b

/*
 * Garbage into each device: the ports of the first 4 KiB in each size, the
 * interrupt controllers, the timer, the screen. Left out is what only resets
 * the machine (keyboard controller, ports 0x92 and 0xcf9), our serial line, the
 * word of the local APIC that sends interrupts (it would stop us), and PIT and
 * RTC: a timer of some microseconds keeps an emulated QEMU busy for ever.
 */
garbage:
	movl	$BASE, %esi
	movl	$COPY, %edi
	movl	$(end_of_code - start), %ecx
	rep movsb
	movl	$(1f - BASE + COPY), %eax
	jmp	*%eax
1:	movl	$0x2545f491, %ebp
	xorl	%edi, %edi
ports:
	movl	$left_out - BASE + COPY, %ebx
1:	movzwl	(%ebx), %ecx
	movzwl	2(%ebx), %edx
	addl	$4, %ebx
	/* the list's end: none of these */
	testl	%edx, %edx
	jz	2f
	cmpl	%ecx, %edi
	jb	1b
	cmpl	%edx, %edi
	jae	1b
	jmp	3f
2:	call	random
	movl	%edi, %edx
	outb	%al, %dx
	outw	%ax, %dx
	outl	%eax, %dx
	inl	%dx, %eax
3:	incl	%edi
	cmpl	$0x1000, %edi
	jne	ports

	movl	$text_ports - BASE + COPY, %esi
	call	print

	/* IOAPIC: each register through its window */
	movl	$0xfec00000, %ebx
	xorl	%ecx, %ecx
1:	movl	%ecx, (%ebx)
	call	random
	movl	%eax, 0x10(%ebx)
	incl	%ecx
	cmpl	$0x40, %ecx
	jne	1b
	/* HPET, local APIC without ICR, the screen's memory */
	movl	$0xfed00000, %ebx
	movl	$0x100, %ecx
	movl	$4, %esi
	call	sweep
	movl	$0xfee00010, %ebx
	movl	$0x2f, %ecx
	movl	$16, %esi
	call	sweep
	movl	$0xfee00320, %ebx
	movl	$0x0d, %ecx
	movl	$16, %esi
	call	sweep
	movl	$0xa0000, %ebx
	movl	$1000, %ecx
	movl	$0x81, %esi
	call	sweep
	movl	$text_garbage - BASE + COPY, %esi
	call	print
	ret

/* %eax: the next of %ebp's sequence */
random:
	imull	$1664525, %ebp
	addl	$1013904223, %ebp
	movl	%ebp, %eax
	rorl	$7, %eax
	ret

/* %ecx words into a device at %ebx, %esi apart */
sweep:
	call	random
	movl	%eax, (%ebx)
	addl	%esi, %ebx
	loop	sweep
	ret

/* Ports from, to: an access of four bytes reaches three further. */
left_out:
	.word	0x03d, 0x044
	.word	0x05d, 0x065
	.word	0x06d, 0x072
	.word	0x08f, 0x093
	.word	0x3f5, 0x400
	.word	0xcf0, 0xd00
	.word	0, 0

text_ready:
	.asciz	"ROM ready\n"
text_same:
	.asciz	"ROM unchanged\n"
text_changed:
	.asciz	"ROM changed\n"
text_debug:
	.asciz	"ROM debug traps are all there\n"
text_steps:
	.asciz	"ROM wrong number of steps: 0x"
text_hits:
	.asciz	"ROM wrong number of hits: 0x"
text_exception:
	.asciz	"ROM exception, words on its stack: "
text_debugged:
	.asciz	"ROM loop is done\n"
text_ports:
	.asciz	"ROM ports are done\n"
text_garbage:
	.asciz	"ROM garbage is written\n"
	.balign	4
scratch:
	.long	0x600df00d

	.balign	8
idt_none:
	.word	0
	.long	0
	.balign	8
idt_pointer:
	.word	256 * 8 - 1
	.long	IDT

	/* Accessed bits are set: the processor writes none. */
	.balign	8
gdt:
	.word	gdt_end - gdt - 1
	.long	GDT
	.word	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00cffb000000ffff
	.quad	0x00cff3000000ffff
	.quad	0x0000890014000067
gdt_end:
end_of_code:

	.org	0xff00
	.long	debugged_1, debugged_2, debugged_3, debugged_4, WATCHED
	.org	0xfff0
	.code16
	ljmpw	$0xf000, $0
	.org	0x10000
