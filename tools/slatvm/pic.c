// SPDX-License-Identifier: GPL-2.0
/*
 * Two 8259A interrupt controllers, the slave at the master's line 2: fixed
 * priorities, edge triggered, specific and non-specific end of interrupt. That
 * is what a PC's operating systems use of them.
 */
#include "board.h"

#include <strings.h>

#define CASCADE		2
#define ICW1		0x10
#define ICW1_ICW4	0x01
#define ICW4_AUTO_EOI	0x02
#define OCW3		0x08
#define OCW3_READ_IRR	0x02
#define OCW3_READ_ISR	0x03
#define OCW2_EOI	0x20
#define OCW2_SPECIFIC	0x40

/* The line to serve next, or -1: unmasked, requested, and none more urgent served. */
static int chip_next(const struct pic_chip *c)
{
	int line = ffs(c->irr & ~c->imr) - 1;
	int served = ffs(c->isr) - 1;

	return line >= 0 && (served < 0 || line < served) ? line : -1;
}

static uint8_t chip_take(struct pic_chip *c, int line)
{
	c->irr &= ~(1u << line);
	if (!c->auto_eoi)
		c->isr |= 1u << line;
	return c->base + line;
}

void pic_raise(struct pic *p, unsigned int irq)
{
	p->chip[irq / 8].irr |= 1u << irq % 8;
}

bool pic_pending(struct pic *p)
{
	if (chip_next(&p->chip[1]) >= 0)
		p->chip[0].irr |= 1u << CASCADE;
	else
		p->chip[0].irr &= ~(1u << CASCADE);
	return chip_next(&p->chip[0]) >= 0;
}

uint8_t pic_acknowledge(struct pic *p)
{
	int line = chip_next(&p->chip[0]);
	uint8_t vector = chip_take(&p->chip[0], line);

	return line == CASCADE ? chip_take(&p->chip[1], chip_next(&p->chip[1])) : vector;
}

uint8_t pic_read(struct pic *p, uint16_t port)
{
	struct pic_chip *c = &p->chip[port >= 0xa0];

	if (port & 1)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

static void chip_command(struct pic_chip *c, uint8_t value)
{
	if (value & ICW1) {
		*c = (struct pic_chip) { .next_icw = 2, .has_icw4 = value & ICW1_ICW4 };
	} else if (value & OCW3) {
		if (value & OCW3_READ_IRR)
			c->read_isr = (value & OCW3_READ_ISR) == OCW3_READ_ISR;
	} else if (value & OCW2_EOI) {
		if (value & OCW2_SPECIFIC)
			c->isr &= ~(1u << (value & 7));
		else
			c->isr &= c->isr - 1;
	}
}

/* The mask; or during initialisation the vector, the cascade (known), the mode. */
static void chip_data(struct pic_chip *c, uint8_t value)
{
	switch (c->next_icw) {
	case 2:
		c->base = value & ~7;
		c->next_icw = 3;
		break;
	case 3:
		c->next_icw = c->has_icw4 ? 4 : 0;
		break;
	case 4:
		c->auto_eoi = value & ICW4_AUTO_EOI;
		c->next_icw = 0;
		break;
	default:
		c->imr = value;
	}
}

void pic_write(struct pic *p, uint16_t port, uint8_t value)
{
	struct pic_chip *c = &p->chip[port >= 0xa0];

	if (port & 1)
		chip_data(c, value);
	else
		chip_command(c, value);
}
