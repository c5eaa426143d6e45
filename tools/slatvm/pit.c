// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254 timer: channel 0 interrupts, once (modes 0, 1, 4, 5) or again and
 * again (2, 3); channel 2 is what an operating system measures other clocks by.
 * Time is handed in, in nanoseconds.
 */
#include "board.h"

#define HZ		1193182ull
#define NS		1000000000ull

static uint64_t ticks_to_ns(uint64_t ticks)
{
	return ticks * NS / HZ;
}

static uint32_t reload(const struct pit_channel *c)
{
	return c->reload ? c->reload : 0x10000;
}

static bool periodic(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static uint64_t elapsed(const struct pit_channel *c, uint64_t now)
{
	return now > c->start ? (now - c->start) * HZ / NS : 0;
}

static uint16_t count(const struct pit_channel *c, uint64_t now)
{
	uint64_t gone = elapsed(c, now);

	/* Mode 3 counts in steps of two, twice in a period. */
	if (c->mode == 3)
		return reload(c) - 2 * gone % reload(c);
	return periodic(c) ? reload(c) - gone % reload(c) : reload(c) - gone;
}

static void load(struct pit_channel *c, uint16_t value, uint64_t now)
{
	c->reload = value;
	c->start = now;
	c->deadline = now + ticks_to_ns(reload(c));
}

static void write_count(struct pit_channel *c, uint8_t value, uint64_t now)
{
	switch (c->access) {
	case 1:
		load(c, value, now);
		break;
	case 2:
		load(c, value << 8, now);
		break;
	default:
		if (c->write_high)
			load(c, c->low | value << 8, now);
		else
			c->low = value;
		c->write_high = !c->write_high;
	}
}

static void write_control(struct pit *p, uint8_t value, uint64_t now)
{
	struct pit_channel *c = &p->channel[value >> 6];
	uint8_t mode = value >> 1 & 7;

	if (value >> 6 == 3)	/* read-back: nobody whom we boot asks */
		return;
	if (!(value >> 4 & 3)) {
		c->latch = count(c, now);
		c->latched = true;
		return;
	}
	*c = (struct pit_channel) {
		.access = value >> 4 & 3,
		.mode = mode > 5 ? mode - 4 : mode,
		.start = now,
	};
}

void pit_write(struct pit *p, uint16_t port, uint8_t value, uint64_t now)
{
	if (port == 0x61) {
		/* A rising gate starts channel 2 anew. */
		if (value & 1 && !p->gate2)
			p->channel[2].start = now;
		p->gate2 = value & 1;
		p->speaker = value & 2;
	} else if (port == 0x43) {
		write_control(p, value, now);
	} else {
		write_count(&p->channel[port & 3], value, now);
	}
}

/* Its output: high behind a one-shot's end, and in the first half of a period. */
static bool output(const struct pit_channel *c, uint64_t now)
{
	uint64_t gone = elapsed(c, now);

	if (periodic(c))
		return gone % reload(c) < reload(c) / 2;
	return gone >= reload(c);
}

uint8_t pit_read(struct pit *p, uint16_t port, uint64_t now)
{
	struct pit_channel *c = &p->channel[port & 3];
	uint16_t value;
	bool high;

	if (port == 0x61)
		return p->gate2 | p->speaker << 1 |
		       (p->gate2 && output(&p->channel[2], now)) << 5;
	if (port == 0x43)
		return 0xff;
	value = c->latched ? c->latch : count(c, now);
	high = c->access == 2 || (c->access == 3 && c->read_high);
	if (c->access == 3)
		c->read_high = !c->read_high;
	if (c->access != 3 || high)
		c->latched = false;
	return high ? value >> 8 : value;
}

bool pit_expired(struct pit *p, uint64_t now)
{
	struct pit_channel *c = &p->channel[0];
	uint64_t period = ticks_to_ns(reload(c));

	if (!c->deadline || now < c->deadline)
		return false;
	/* What the host slept through is lost, as on a machine that was off. */
	if (periodic(c))
		c->deadline += ((now - c->deadline) / period + 1) * period;
	else
		c->deadline = 0;
	return true;
}
