// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the fake machine: table pages, other allocations, and the one way
 * to a paging entry. See machine.h.
 */
#include "machine.h"
#include "mmu/counters.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define TABLE_BASE_PA	0x3c0000000ULL
#define PAGE		4096
#define MAX_HISTORY	65536
#define ALLOC_MAGIC	0x510751a7a110c8edULL
#define POISON		0x6b

struct machine machine;

static u64 *arena;
static struct fake_table tables[MACHINE_TABLES];
static unsigned int next_table;
static unsigned int highest_table;

/* Freed memory of port_alloc(): kept until the next run, so that nobody gets it. */
struct alloc_head {
	u64 magic;
	size_t bytes;
	struct alloc_head *next;
	u64 pad;
};

static struct alloc_head *freed_allocs;

static void table_forget(struct fake_table *table)
{
	free(table->generation);
	while (table->stale) {
		struct stale_leaf *stale = table->stale;

		table->stale = stale->next;
		free(stale);
	}
	memset(table, 0, sizeof(*table));
}

void machine_reset(void)
{
	struct machine_write *history = machine.history;
	unsigned int i;

	if (!arena) {
		arena = mmap(NULL, (size_t)MACHINE_TABLES * PAGE,
			     PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (arena == MAP_FAILED) {
			perror("# mmap");
			exit(1);
		}
	}
	for (i = 0; i < highest_table; i++)
		table_forget(&tables[i]);
	next_table = 0;
	highest_table = 0;
	while (freed_allocs) {
		struct alloc_head *head = freed_allocs;

		freed_allocs = head->next;
		free(head);
	}
	memset(&machine, 0, sizeof(machine));
	machine.history = history;
}

void machine_record(bool on)
{
	if (!machine.history)
		machine.history = calloc(MAX_HISTORY, sizeof(*machine.history));
	machine.recording = on;
	if (on)
		machine.nr_writes = 0;
}

static bool alloc_fails(void)
{
	machine.nr_allocs++;
	if (machine.nr_allocs == machine.fail_at ||
	    (machine.fail_chance && sim_chance(machine.fail_chance))) {
		machine.nr_failed[sim_self()]++;
		sim_trace("allocation %llu fails", machine.nr_allocs, 0, 0, 0);
		return true;
	}
	return false;
}

void *port_alloc(size_t bytes)
{
	struct alloc_head *head;

	sim_might_sleep("port_alloc");
	sim_point();
	if (alloc_fails())
		return NULL;
	head = calloc(1, sizeof(*head) + bytes);
	head->magic = ALLOC_MAGIC;
	head->bytes = bytes;
	machine.live_allocs++;
	return head + 1;
}

static void alloc_free(void *p, size_t max)
{
	struct alloc_head *head;

	if (!p)
		return;
	head = (struct alloc_head *)p - 1;
	if (head->magic != ALLOC_MAGIC)
		FAIL("port_free() of what is not allocated (freed twice?)");
	if (head->bytes > max)
		FAIL("port_free_small() of %zu bytes", (size_t)head->bytes);
	head->magic = ~ALLOC_MAGIC;
	machine.live_allocs--;
#ifdef SIM_ASAN
	free(head);
#else
	memset(p, POISON, head->bytes);
	head->next = freed_allocs;
	freed_allocs = head;
#endif
}

void port_free(void *p)
{
	sim_might_sleep("port_free");
	alloc_free(p, ~(size_t)0);
}

void port_free_small(void *p)
{
	alloc_free(p, SLAT_PAGE_SIZE);
}

bool port_copy_to_user(void *to, const void *from, size_t bytes)
{
	sim_might_sleep("copy_to_user");
	sim_point();
	if (!to)
		return false;
	memcpy(to, from, bytes);
	return true;
}

bool port_copy_from_user(void *to, const void *from, size_t bytes)
{
	sim_might_sleep("copy_from_user");
	sim_point();
	if (!from)
		return false;
	memcpy(to, from, bytes);
	return true;
}

u64 *machine_entries(const struct fake_table *table)
{
	return arena + (table - tables) * (PAGE / sizeof(u64));
}

u64 machine_table_pa(const struct fake_table *table)
{
	return TABLE_BASE_PA + (u64)(table - tables) * PAGE;
}

static struct fake_table *table_of_entry(const u64 *entry)
{
	size_t page = ((uintptr_t)entry - (uintptr_t)arena) / PAGE;

	if (unlikely(page >= MACHINE_TABLES || (uintptr_t)entry & 7))
		FAIL("an access to %p, which is in no table", (const void *)entry);
	if (unlikely(!tables[page].live))
		FAIL("an access to a table page that was freed (or never was)");
	return &tables[page];
}

struct fake_table *machine_table(u64 pa)
{
	u64 page = (pa - TABLE_BASE_PA) / PAGE;

	if (pa < TABLE_BASE_PA || page >= MACHINE_TABLES || pa % PAGE ||
	    !tables[page].live)
		FAIL("physical address %llx is no table page", pa);
	return &tables[page];
}

void *port_table_alloc(void)
{
	struct fake_table *table;
	unsigned int i;

	sim_might_sleep("port_table_alloc");
	sim_point();
	if (alloc_fails())
		return NULL;
	/* Round robin: a page is reused as late as possible. */
	for (i = 0; i < MACHINE_TABLES; i++) {
		table = &tables[next_table++ % MACHINE_TABLES];
		if (!table->live)
			break;
	}
	if (table->live)
		FAIL("the machine is out of table pages");
	if (table - tables >= highest_table)
		highest_table = table - tables + 1;
	table_forget(table);
	table->live = true;
	machine.live_tables++;
	memset(machine_entries(table), 0, PAGE);
	return machine_entries(table);
}

void port_table_free(void *entries)
{
	struct fake_table *table = table_of_entry(entries);

	if (machine.on_table_free)
		machine.on_table_free(table);
	tlb_table_freed(table);
	table->live = false;
	machine.live_tables--;
	memset(entries, POISON, PAGE);
}

u64 port_table_pa(void *entries)
{
	return machine_table_pa(table_of_entry(entries));
}

void *port_table_va(u64 pa)
{
	return machine_entries(machine_table(pa));
}

void *port_table_meta(void *entries)
{
	return table_of_entry(entries)->meta;
}

void port_table_set_meta(void *entries, void *meta)
{
	table_of_entry(entries)->meta = meta;
}

void machine_for_each_table(void (*fn)(struct fake_table *table, void *arg),
			    void *arg)
{
	unsigned int i;

	for (i = 0; i < highest_table; i++) {
		if (tables[i].live)
			fn(&tables[i], arg);
	}
}

int machine_next_entry(const struct fake_table *table, int index)
{
	while (index < 512) {
		u64 word = table->nonzero[index / 64] >> (index % 64);

		if (word)
			return index + __builtin_ctzll(word);
		index = (index / 64 + 1) * 64;
	}
	return 512;
}

static void check_told(const struct machine_untold *untold)
{
	if (untold->entry)
		FAIL("an entry was written past the door: %llx -> %llx", untold->old,
		     untold->new);
}

void machine_check_told(void)
{
	unsigned int i;

	for (i = 0; i < SIM_MAX_TASKS; i++)
		check_told(&machine.untold[i]);
}

/* No write goes with it: the entry is below a table that was unlinked. */
static void entry_gone(struct fake_table *table, int index, u64 old, u64 new)
{
	u64 bit = 1ULL << (index % 64);

	if (new || !old || machine_entries(table)[index] != old)
		FAIL("the door is told of %llx -> %llx, which nobody wrote", old, new);
	if (tlb_is_linked(table))
		FAIL("the door is told that %llx has gone, which is linked", old);
	if (table->told[index / 64] & bit)
		FAIL("the door is told twice that %llx has gone", old);
	table->told[index / 64] |= bit;
}

/* What a change is, by what was there before and is now. */
static int change_of(int level, u64 old, u64 new)
{
	if (!ept_is_present(old) && !ept_is_present(new))
		return new ? SLAT_CHANGE_MARKED : SLAT_CHANGE_UNMARKED;
	if (!ept_is_present(old))
		return ept_is_leaf(new, level) ? SLAT_CHANGE_MAPPED : SLAT_CHANGE_LINKED;
	if (!ept_is_present(new))
		return ept_is_leaf(old, level) ? SLAT_CHANGE_ZAPPED : SLAT_CHANGE_UNLINKED;
	switch (old & ~new) {
	case EPT_W:
		return SLAT_CHANGE_PROTECTED;
	case EPT_A:
		return SLAT_CHANGE_AGED;
	case 0:
		return SLAT_CHANGE_GAINED;
	default:
		FAIL("%llx becomes %llx, which is none of the changes", old, new);
	}
}

void port_entry_changed(const u64 *entry, gfn_t gfn, int level, int change, u64 old,
			u64 new)
{
	struct machine_untold *untold = &machine.untold[sim_self()];
	struct fake_table *table = table_of_entry(entry);
	int index = entry - machine_entries(table);

	if (level != table->level || gfn != tlb_gfn(table, index))
		FAIL("the door is told of gfn %llx, level %d; it is gfn %llx, level %d", gfn,
		     level, tlb_gfn(table, index), table->level);
	if (change != change_of(level, old, new))
		FAIL("the door is told that %llx -> %llx is change %d, it is %d", old, new,
		     change, change_of(level, old, new));
	if (!untold->entry) {
		entry_gone(table, index, old, new);
		return;
	}
	if (untold->entry != entry || untold->old != old || untold->new != new)
		FAIL("the door is told of %llx -> %llx, but %llx -> %llx was written", old,
		     new, untold->old, untold->new);
	untold->entry = NULL;
}

/* The only place that writes an entry. */
static void entry_write(u64 *entry, u64 value, bool by_core)
{
	struct fake_table *table = table_of_entry(entry);
	int index = entry - machine_entries(table);
	u64 old = *entry;

	*entry = value;
	if (value)
		table->nonzero[index / 64] |= 1ULL << (index % 64);
	else
		table->nonzero[index / 64] &= ~(1ULL << (index % 64));
	sim_trace(by_core ? "entry of gfn %llx, level %llu: %llx -> %llx" :
			    "hardware: gfn %llx, level %llu: %llx -> %llx",
		  table->level ? tlb_gfn(table, index) : 0, table->level, old, value);
	if (by_core && machine.recording && machine.nr_writes < MAX_HISTORY)
		machine.history[machine.nr_writes++] =
			(struct machine_write){ table, index, old, value };
	if (by_core) {
		check_told(&machine.untold[sim_self()]);
		machine.untold[sim_self()] =
			(struct machine_untold){ entry, old, value };
	}
	if (by_core && machine.on_write)
		machine.on_write(table, index, old, value);
	tlb_changed(table, index, old, value);
}

void machine_hw_set(struct fake_table *table, int index, u64 bits)
{
	u64 *entry = machine_entries(table) + index;

	if ((*entry & bits) != bits)
		entry_write(entry, *entry | bits, false);
}

u64 port_entry_read(u64 *entry)
{
	table_of_entry(entry);
	if (!sim_holds_exclusive()) {
		sim_point();
		/* It may be gone by now, if nothing kept it. */
		table_of_entry(entry);
	}
	return *entry;
}

void port_entry_write(u64 *entry, u64 value)
{
	sim_point();
	entry_write(entry, value, true);
	sim_point();
}

u64 port_entry_xchg(u64 *entry, u64 value)
{
	u64 old;

	sim_barrier();
	table_of_entry(entry);
	old = *entry;
	entry_write(entry, value, true);
	sim_point();
	return old;
}

u64 port_entry_cmpxchg(u64 *entry, u64 old, u64 value)
{
	u64 found;

	sim_barrier();
	table_of_entry(entry);
	found = *entry;
	if (found == old) {
		entry_write(entry, value, true);
		sim_point();
	}
	return found;
}
