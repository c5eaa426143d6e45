// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's guest: asks the VMM for a command, does it, and notes how many
 * TSC ticks that took as the guest saw it. Freestanding, no interrupts.
 */
#include "protocol.h"

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint64_t ticks_now(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static void print(const char *text)
{
	while (*text)
		out8(PORT_CONSOLE, *text++);
}

/* A word that differs by place, so that a page in the wrong place shows. */
static inline uint64_t tag(uint64_t address)
{
	return address ^ 0x5a5a0000a5a50000;
}

static void write_words(struct mailbox *box)
{
	for (uint64_t at = box->base; at < box->base + box->size; at += box->stride)
		*(volatile uint64_t *)at = tag(at - box->base);
	box->result = 0;
}

static void check_words(struct mailbox *box)
{
	uint64_t wrong = 0;

	for (uint64_t at = box->base; at < box->base + box->size; at += box->stride)
		wrong += *(volatile uint64_t *)at != tag(at - box->base);
	box->result = wrong;
}

static void load(struct mailbox *box)
{
	uint64_t value = 0;

	for (uint64_t i = 0; i < box->count; i++)
		value = *(volatile uint32_t *)box->base;
	box->result = value;
}

static void store(struct mailbox *box)
{
	for (uint64_t i = 0; i < box->count; i++)
		*(volatile uint32_t *)box->base = i;
	box->result = 0;
}

void guest_main(uint32_t cpu);
void guest_main(uint32_t cpu)
{
	struct mailbox *box = (struct mailbox *)GUEST_MAILBOXES + cpu;

	print("in long mode, on page tables of its own\n");
	for (;;) {
		uint32_t command = in32(PORT_COMMAND);
		uint64_t start = ticks_now();

		switch (command) {
		case CMD_WRITE:
			write_words(box);
			break;
		case CMD_CHECK:
			check_words(box);
			break;
		case CMD_LOAD:
			load(box);
			break;
		case CMD_STORE:
			store(box);
			break;
		default:
			return;
		}
		box->ticks = ticks_now() - start;
	}
}
