// SPDX-License-Identifier: GPL-2.0
/*
 * A 16550A serial line that is always ready to send. What the guest sends goes
 * to standard output; what was typed waits until the guest reads it.
 */
#include "board.h"

#include <stdio.h>

#define IER_RECEIVE	0x01
#define IER_SEND	0x02
#define LCR_DIVISOR	0x80
#define MCR_LOOP	0x10
#define MCR_OUT2	0x08		/* lets its interrupt through */
#define LSR_DATA	0x01
#define LSR_EMPTY	0x60
#define MSR_READY	0xb0		/* carrier, data set ready, clear to send */
#define IIR_NONE	0x01
#define IIR_SEND	0x02
#define IIR_RECEIVE	0x04
#define IIR_FIFO	0xc0

static bool receives(const struct uart *u)
{
	return u->ier & IER_RECEIVE && u->in_count;
}

static bool may_send(const struct uart *u)
{
	return u->ier & IER_SEND && !u->thr_empty_told;
}

bool uart_interrupts(const struct uart *u)
{
	return u->mcr & MCR_OUT2 && (receives(u) || may_send(u));
}

bool uart_receive(struct uart *u, uint8_t byte)
{
	if (u->in_count == sizeof(u->in))
		return false;
	u->in[(u->in_first + u->in_count++) % sizeof(u->in)] = byte;
	return true;
}

static uint8_t read_data(struct uart *u)
{
	uint8_t byte = 0;

	if (u->in_count) {
		byte = u->in[u->in_first];
		u->in_first = (u->in_first + 1) % sizeof(u->in);
		u->in_count--;
	}
	return byte;
}

/* The most urgent reason; that it may send is told once. */
static uint8_t read_iir(struct uart *u)
{
	uint8_t fifo = u->fifo ? IIR_FIFO : 0;

	if (receives(u))
		return fifo | IIR_RECEIVE;
	if (may_send(u)) {
		u->thr_empty_told = true;
		return fifo | IIR_SEND;
	}
	return fifo | IIR_NONE;
}

uint8_t uart_read(struct uart *u, unsigned int reg)
{
	bool divisor = u->lcr & LCR_DIVISOR;

	switch (reg) {
	case 0:
		return divisor ? u->dll : read_data(u);
	case 1:
		return divisor ? u->dlm : u->ier;
	case 2:
		return read_iir(u);
	case 3:
		return u->lcr;
	case 4:
		return u->mcr;
	case 5:
		return LSR_EMPTY | (u->in_count ? LSR_DATA : 0);
	case 6:
		/* Looped back, it reads what the modem lines are told. */
		if (u->mcr & MCR_LOOP)
			return (u->mcr & 0x0c) << 4 | (u->mcr & 0x02) << 3 |
			       (u->mcr & 0x01) << 5;
		return MSR_READY;
	default:
		return u->scr;
	}
}

static void send(struct uart *u, uint8_t byte)
{
	if (u->mcr & MCR_LOOP)
		uart_receive(u, byte);
	else
		putchar(byte);
	u->thr_empty_told = false;
}

void uart_write(struct uart *u, unsigned int reg, uint8_t value)
{
	bool divisor = u->lcr & LCR_DIVISOR;

	switch (reg) {
	case 0:
		if (divisor)
			u->dll = value;
		else
			send(u, value);
		break;
	case 1:
		if (divisor) {
			u->dlm = value;
			break;
		}
		if (value & ~u->ier & IER_SEND)
			u->thr_empty_told = false;
		u->ier = value & 0x0f;
		break;
	case 2:
		u->fifo = value & 1;
		if (value & 2)
			u->in_count = 0;
		break;
	case 3:
		u->lcr = value;
		break;
	case 4:
		u->mcr = value & 0x1f;
		break;
	case 7:
		u->scr = value;
		break;
	}
}
