/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VM entry and exit: load the guest's general registers, enter, save them, and
 * keep what the guest left in the processor's predictors away from the host.
 * Called from run.c with interrupts off, between guest_state_enter_irqoff() and
 * guest_state_exit_irqoff().
 */
#include <linux/linkage.h>

#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "entry.h"

#define REG(n)		(8 * n)(%rax)
#define RAX		REG(0)
#define RCX		REG(1)
#define RDX		REG(2)
#define RBX		REG(3)
#define RBP		REG(5)
#define RSI		REG(6)
#define RDI		REG(7)
#define R8		REG(8)
#define R9		REG(9)
#define R10		REG(10)
#define R11		REG(11)
#define R12		REG(12)
#define R13		REG(13)
#define R14		REG(14)
#define R15		REG(15)

	.section .noinstr.text, "ax"

/*
 * unsigned int slat_vmx_enter(struct slat_vmx_frame *frame, unsigned long flags)
 *
 * Stack while the guest runs, from HOST_RSP up: frame, flags, rbx, r12..r15,
 * rbp.  RSP itself is switched by the VMCS.
 */
SYM_FUNC_START(slat_vmx_enter)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi
	push	%rdi

	cmp	%rsp, SLAT_FRAME_HOST_RSP(%rdi)
	je	.Lrsp_done
	mov	%rsp, %rsi
	call	slat_vmx_host_rsp_changed
	mov	(%rsp), %rdi
.Lrsp_done:
	mov	8(%rsp), %rbx

	/*
	 * From the write of SPEC_CTRL to the entry there must be no return and
	 * no indirect branch: the host's protection is gone.
	 */
	bt	$SLAT_ENTER_WRITE_SPEC_BIT, %ebx
	jnc	.Lspec_done
	mov	SLAT_FRAME_SPEC_CTRL(%rdi), %eax
	xor	%edx, %edx
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
.Lspec_done:
	mov	%rdi, %rax

	/* CF chooses the instruction; nothing below may change it. */
	bt	$SLAT_ENTER_RESUME_BIT, %ebx

	mov	RCX, %rcx
	mov	RDX, %rdx
	mov	RBX, %rbx
	mov	RBP, %rbp
	mov	RSI, %rsi
	mov	RDI, %rdi
	mov	R8,  %r8
	mov	R9,  %r9
	mov	R10, %r10
	mov	R11, %r11
	mov	R12, %r12
	mov	R13, %r13
	mov	R14, %r14
	mov	R15, %r15
	mov	RAX, %rax

	/* VERW, as late as can be: it changes ZF only. */
	CLEAR_CPU_BUFFERS

	jnc	.Llaunch

	/* The exit comes back below; tell the unwinder it is the same frame. */
	UNWIND_HINT_SAVE
.Lresume:
	vmresume
	jmp	.Lfail
.Llaunch:
	vmlaunch
	jmp	.Lfail

	_ASM_EXTABLE(.Lresume, .Lfault)
	_ASM_EXTABLE(.Llaunch, .Lfault)

SYM_INNER_LABEL(slat_vmx_exit_entry, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR

	push	%rax
	mov	8(%rsp), %rax
	pop	RAX
	mov	%rcx, RCX
	mov	%rdx, RDX
	mov	%rbx, RBX
	mov	%rbp, RBP
	mov	%rsi, RSI
	mov	%rdi, RDI
	mov	%r8,  R8
	mov	%r9,  R9
	mov	%r10, R10
	mov	%r11, R11
	mov	%r12, R12
	mov	%r13, R13
	mov	%r14, R14
	mov	%r15, R15

	mov	$SLAT_ENTER_EXITED, %ebx

.Lclear:
	/* No value of the guest may be used speculatively. */
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	/* Before the first return: the guest may have filled the RSB. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE

	pop	%rdi
	pop	%rsi
	ALTERNATIVE "jmp .Lspec_restored", "", X86_FEATURE_MSR_SPEC_CTRL
	call	slat_vmx_restore_spec_ctrl
.Lspec_restored:
	CLEAR_BRANCH_HISTORY_VMEXIT

	mov	%ebx, %eax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lfail:
	mov	$SLAT_ENTER_FAILED, %ebx
	jmp	.Lclear
.Lfault:
	mov	$SLAT_ENTER_FAULTED, %ebx
	jmp	.Lclear
SYM_FUNC_END(slat_vmx_enter)

/*
 * void slat_vmx_nmi(unsigned long entry)
 *
 * Run the NMI handler as if the NMI, which the exit consumed, came now.  NMIs
 * are still blocked; the handler's IRET unblocks them.
 */
SYM_FUNC_START(slat_vmx_nmi)
	push	%rbp
	mov	%rsp, %rbp
	/* The processor aligns the stack before it pushes a frame. */
	and	$-16, %rsp
	push	$__KERNEL_DS
	push	%rbp
	pushf
	push	$__KERNEL_CS
	CALL_NOSPEC rdi
	/* IRET already popped the frame; objtool cannot know. */
	mov	%rbp, %rsp
	pop	%rbp
	RET
SYM_FUNC_END(slat_vmx_nmi)
