/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The board that "slatvm linux" boots on: as little of a PC as Linux needs when
 * it is told to expect no more (acpi=off noapic nolapic pci=off). Two interrupt
 * controllers, a timer, a serial line and a clock. Each is a plain struct, so
 * that a migration can send all of them as they are.
 *
 *   board.c  which port belongs to which device; clock, reset, the rest
 *   pic.c    two 8259A interrupt controllers
 *   pit.c    8254 timer, channels 0 and 2
 *   uart.c   16550A serial line
 *
 * All of it is called from the one thread that runs the vCPU.
 */
#ifndef SLATVM_BOARD_H
#define SLATVM_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define IRQ_TIMER	0
#define IRQ_SERIAL	4

struct pic_chip {
	uint8_t irr;		/* requested */
	uint8_t isr;		/* being served */
	uint8_t imr;		/* masked */
	uint8_t base;		/* vector of its first line */
	uint8_t next_icw;	/* of its initialisation, 2 to 4; 0: it is ready */
	bool has_icw4;
	bool auto_eoi;
	bool read_isr;
};

struct pic {
	struct pic_chip chip[2];	/* master, slave at its line 2 */
	uint8_t edge_level[2];		/* ELCR, kept and not acted upon: all lines are edges */
};

struct pit_channel {
	uint16_t reload;	/* 0 means 65536 */
	uint16_t latch;
	uint8_t mode;
	uint8_t access;		/* 1 low, 2 high, 3 low then high */
	bool latched;
	bool write_high;	/* the second byte of two comes next */
	bool read_high;
	uint8_t low;		/* the first byte of two */
	uint64_t start;		/* when it was loaded, ns */
	uint64_t deadline;	/* of channel 0's next interrupt, ns; 0: none */
};

struct pit {
	struct pit_channel channel[3];
	bool gate2;		/* port 0x61, with the speaker's bit */
	bool speaker;
};

struct uart {
	uint8_t ier, lcr, mcr, scr, dll, dlm;
	bool fifo;
	bool thr_empty_told;	/* the driver has read that it may send */
	bool line;		/* its interrupt line, of which the edge counts */
	uint8_t in[64];		/* what was typed */
	unsigned int in_first, in_count;
};

struct board {
	struct pic pic;
	struct pit pit;
	struct uart uart;
	uint8_t cmos_index;
	bool reset;		/* the guest asked for it */
	bool input_ended;	/* standard input did */
};

void board_init(struct board *b);
/* One access of the guest, @size bytes; @value is read or written. */
void board_port(struct board *b, uint16_t port, bool in, unsigned int size, uint32_t *value);
/* Let time pass and bytes come in; afterwards pic_pending() is right. */
void board_poll(struct board *b);
/* Would a byte on standard input be taken now? */
bool board_wants_input(const struct board *b);
/* When the timer wants board_poll() next, ns of clock_ns(); 0: never. */
uint64_t board_deadline(const struct board *b);
uint64_t clock_ns(void);

void pic_raise(struct pic *p, unsigned int irq);
/* Does any line want the processor's attention? */
bool pic_pending(struct pic *p);
/* The vector of the most urgent line, which is served from now on. */
uint8_t pic_acknowledge(struct pic *p);
uint8_t pic_read(struct pic *p, uint16_t port);
void pic_write(struct pic *p, uint16_t port, uint8_t value);

uint8_t pit_read(struct pit *p, uint16_t port, uint64_t now);
void pit_write(struct pit *p, uint16_t port, uint8_t value, uint64_t now);
/* True where channel 0's interrupt is due; it is then counted as given. */
bool pit_expired(struct pit *p, uint64_t now);

uint8_t uart_read(struct uart *u, unsigned int reg);
void uart_write(struct uart *u, unsigned int reg, uint8_t value);
bool uart_interrupts(const struct uart *u);
/* A byte that was typed; false when there is no room. */
bool uart_receive(struct uart *u, uint8_t byte);

#endif
