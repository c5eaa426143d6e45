// SPDX-License-Identifier: GPL-2.0
/*
 * The picture of slatctl show: a bar for each slot, as wide as any other, in
 * which each run of pages has the colour of its rights; below them a bar for the
 * MMIO entries, in the order of their addresses.
 */
#include "show.h"

#define WIDTH		960
#define LEFT		20
#define BAR		22
#define ROW		58
#define TOP		70

enum colour { UNMAPPED, WRITABLE, WRITTEN, PROTECTED, MMIO, STALE, NR_COLOURS };

static const struct {
	const char *fill, *text;
} colours[NR_COLOURS] = {
	[UNMAPPED] = { "#e6e6e6", "not mapped" },
	[WRITABLE] = { "#9bd0a0", "writable" },
	[WRITTEN] = { "#2f8f46", "writable, D set" },
	[PROTECTED] = { "#e0a030", "no W: read only, or logged" },
	[MMIO] = { "#4a78c0", "MMIO entry" },
	[STALE] = { "#b9cbe8", "MMIO entry, stale" },
};

static enum colour colour_of(const struct run_view *run)
{
	if (run->mmio)
		return run->stale ? STALE : MMIO;
	if (run->rights[1] != 'w')
		return PROTECTED;
	return run->rights[5] == 'D' ? WRITTEN : WRITABLE;
}

static void bar(double x, int y, double width, enum colour colour, const struct run_view *run)
{
	/* a single page of many must still be seen */
	if (width < 0.6)
		width = 0.6;
	printf("<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\">", x, y, width, BAR,
	       colours[colour].fill);
	if (run)
		printf("<title>gfn 0x%llx-0x%llx, level %d, %s</title>", run->first, run->last,
		       run->level, colours[colour].text);
	puts("</rect>");
}

static void text(double x, int y, const char *words)
{
	printf("<text x=\"%.0f\" y=\"%d\">%s</text>\n", x, y, words);
}

static void legend(void)
{
	for (int i = 0; i < NR_COLOURS; i++) {
		double x = LEFT + i * (WIDTH / NR_COLOURS);

		printf("<rect x=\"%.0f\" y=\"38\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x,
		       colours[i].fill);
		text(x + 16, 48, colours[i].text);
	}
}

static void slot_row(const struct picture *p, const struct slot_view *s, int y)
{
	const double scale = (double)WIDTH / s->npages;
	char words[200];

	snprintf(words, sizeof(words),
		 "slot %u: gfn 0x%llx, %llu pages, flags %u, policy %s; %llu mapped, %llu writable, %llu dirty",
		 s->id, s->first, s->npages, s->flags, protect_text(s->protect), s->mapped,
		 s->writable, s->dirty_now);
	text(LEFT, y - 6, words);
	bar(LEFT, y, WIDTH, UNMAPPED, NULL);
	for (int i = 0; i < p->nr_runs; i++) {
		const struct run_view *r = &p->runs[i];
		unsigned long long first = r->first > s->first ? r->first : s->first;
		unsigned long long end = s->first + s->npages;

		if (r->mmio || r->last < s->first || r->first >= end)
			continue;
		if (r->last + 1 < end)
			end = r->last + 1;
		bar(LEFT + (first - s->first) * scale, y, (end - first) * scale, colour_of(r), r);
	}
}

/* Their gfns are far apart: each run is as wide as any other. */
static void mmio_row(const struct picture *p, int y)
{
	char words[80];
	int nr = 0, n = 0;

	for (int i = 0; i < p->nr_runs; i++)
		nr += p->runs[i].mmio;
	snprintf(words, sizeof(words), "MMIO entries: %d runs", nr);
	text(LEFT, y - 6, words);
	for (int i = 0; i < p->nr_runs; i++) {
		if (!p->runs[i].mmio)
			continue;
		bar(LEFT + (double)n * WIDTH / nr, y, (double)WIDTH / nr - 1, colour_of(&p->runs[i]),
		    &p->runs[i]);
		n++;
	}
}

void show_svg(const struct picture *p)
{
	const int height = TOP + (p->nr_slots + 1) * ROW;
	char words[120];

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\">\n",
	       WIDTH + 2 * LEFT, height);
	puts("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
	snprintf(words, sizeof(words), "VM %s, slot generation %llu", p->name, p->generation);
	text(LEFT, 22, words);
	legend();
	for (int i = 0; i < p->nr_slots; i++)
		slot_row(p, &p->slots[i], TOP + 12 + i * ROW);
	mmio_row(p, TOP + 12 + p->nr_slots * ROW);
	puts("</svg>");
}
