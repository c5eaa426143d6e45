/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the VMM and the demo's guest agree on: where things lie in guest
 * physical memory and how the guest is told what to do. The guest reads
 * PORT_COMMAND to get its next command; its arguments and results lie in a
 * mailbox per CPU in shared memory.
 */
#ifndef SLATVM_PROTOCOL_H
#define SLATVM_PROTOCOL_H

#define PORT_CONSOLE	0xe9
#define PORT_COMMAND	0x510

#define GUEST_MAILBOXES	0x1000
#define GUEST_STACKS	0x90000		/* CPU 0's top; the others' lie below */
#define GUEST_STACK_STEP 0x4000
#define GUEST_CPUS_MAX	16
#define GUEST_TABLES	0xa0000		/* PML4, PDPT and four page directories */
#define GUEST_IMAGE	0x100000

#ifndef __ASSEMBLER__
#include <stdint.h>

enum command {
	CMD_WRITE = 1,	/* write one tagged word each @stride bytes */
	CMD_CHECK,	/* read them back and count those that differ */
	CMD_LOAD,	/* read @base @count times; the last value is the result */
	CMD_STORE,	/* write @base @count times */
	CMD_HALT,
};

struct mailbox {
	/* from the VMM */
	uint64_t base;
	uint64_t size;
	uint64_t stride;
	uint64_t count;
	/* from the guest */
	uint64_t ticks;
	uint64_t result;
	uint64_t reserved[2];
};
#endif

#endif
