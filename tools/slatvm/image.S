/* SPDX-License-Identifier: GPL-2.0 */
/* The demo's guest, linked into the VMM as bytes. */
	.section .rodata, "a"
	.globl	guest_image, guest_image_end
guest_image:
	.incbin GUEST_IMAGE_FILE
guest_image_end:
	.section .note.GNU-stack, "", @progbits
