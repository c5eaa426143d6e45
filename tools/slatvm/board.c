// SPDX-License-Identifier: GPL-2.0
/*
 * Which port belongs to which device; and what is too small for a file: the
 * clock, the reset line, and buses on which nobody answers.
 */
#include "board.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT_SERIAL	0x3f8
#define RESET_KEYBOARD	0xfe		/* command to port 0x64 */

void board_init(struct board *b)
{
	memset(b, 0, sizeof(*b));
	/* As firmware leaves it: nothing interrupts before the guest wants it. */
	b->pic.chip[0].imr = b->pic.chip[1].imr = 0xff;
}

uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static uint8_t bcd(int value)
{
	return value / 10 << 4 | value % 10;
}

/* The clock's registers: the host's time, in the form that its status B says. */
static uint8_t cmos_read(uint8_t index)
{
	time_t now = time(NULL);
	struct tm t;

	gmtime_r(&now, &t);
	switch (index) {
	case 0x00:
		return bcd(t.tm_sec);
	case 0x02:
		return bcd(t.tm_min);
	case 0x04:
		return bcd(t.tm_hour);
	case 0x06:
		return bcd(t.tm_wday + 1);
	case 0x07:
		return bcd(t.tm_mday);
	case 0x08:
		return bcd(t.tm_mon + 1);
	case 0x09:
		return bcd(t.tm_year % 100);
	case 0x32:
		return bcd(19 + t.tm_year / 100);
	case 0x0a:
		return 0x26;	/* not being updated */
	case 0x0b:
		return 0x02;	/* 24 hours, BCD */
	case 0x0d:
		return 0x80;	/* valid */
	default:
		return 0;
	}
}

/* After each thing that may have moved the serial line's interrupt. */
static void serial_line(struct board *b)
{
	bool line = uart_interrupts(&b->uart);

	if (line && !b->uart.line)
		pic_raise(&b->pic, IRQ_SERIAL);
	b->uart.line = line;
}

static uint8_t serial_read(struct board *b, unsigned int reg)
{
	uint8_t value = uart_read(&b->uart, reg);

	serial_line(b);
	return value;
}

static uint8_t port_read(struct board *b, uint16_t port)
{
	switch (port) {
	case 0x20: case 0x21: case 0xa0: case 0xa1:
		return pic_read(&b->pic, port);
	case 0x4d0: case 0x4d1:
		return b->pic.edge_level[port & 1];
	case 0x40: case 0x41: case 0x42: case 0x43: case 0x61:
		return pit_read(&b->pit, port, clock_ns());
	case 0x71:
		return cmos_read(b->cmos_index);
	case PORT_SERIAL ... PORT_SERIAL + 7:
		return serial_read(b, port - PORT_SERIAL);
	default:
		return 0xff;
	}
}

static void port_write(struct board *b, uint16_t port, uint8_t value)
{
	switch (port) {
	case 0x20: case 0x21: case 0xa0: case 0xa1:
		pic_write(&b->pic, port, value);
		break;
	case 0x4d0: case 0x4d1:
		b->pic.edge_level[port & 1] = value;
		break;
	case 0x40: case 0x41: case 0x42: case 0x43: case 0x61:
		pit_write(&b->pit, port, value, clock_ns());
		break;
	case 0x64:
		b->reset |= value == RESET_KEYBOARD;
		break;
	case 0x70:
		b->cmos_index = value & 0x7f;
		break;
	case PORT_SERIAL ... PORT_SERIAL + 7:
		uart_write(&b->uart, port - PORT_SERIAL, value);
		serial_line(b);
		break;
	}
}

/* All these devices are one byte wide: a wider access is several. */
void board_port(struct board *b, uint16_t port, bool in, unsigned int size, uint32_t *value)
{
	uint8_t *bytes = (uint8_t *)value;

	for (unsigned int i = 0; i < size; i++) {
		if (in)
			bytes[i] = port_read(b, port + i);
		else
			port_write(b, port + i, bytes[i]);
	}
}

bool board_wants_input(const struct board *b)
{
	return b->uart.ier && !b->input_ended && b->uart.in_count < sizeof(b->uart.in);
}

static void read_input(struct board *b)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	uint8_t byte;

	while (board_wants_input(b) && poll(&in, 1, 0) == 1) {
		if (read(STDIN_FILENO, &byte, 1) == 1)
			uart_receive(&b->uart, byte);
		else
			b->input_ended = true;
	}
}

void board_poll(struct board *b)
{
	if (pit_expired(&b->pit, clock_ns()))
		pic_raise(&b->pic, IRQ_TIMER);
	read_input(b);
	serial_line(b);
}

uint64_t board_deadline(const struct board *b)
{
	return b->pit.channel[0].deadline;
}
