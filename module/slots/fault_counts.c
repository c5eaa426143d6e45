// SPDX-License-Identifier: GPL-2.0
/* Faults by slot, counted by each vCPU for itself: see fault_counts.h. */
#include "fault_counts.h"
#include "memslots.h"
#include "mmu/counters.h"

static void counts_add(struct slat_fault_counts *sum, const struct slat_fault_counts *counts)
{
	unsigned int i;

	for (i = 0; i < SLAT_NR_SLOT_FAULTS; i++)
		sum->nr[i] += READ_ONCE(counts->nr[i]);
}

/*
 * The place is @state's from now on, NULL: nobody's.  Freeing a state does not sleep.
 * The vCPU is inside no count, or it is the caller.
 */
static void place_give(struct slat_memslots *slots, struct slat_fault_counter *counter,
		       unsigned int place, struct slat_slot_state *state)
{
	struct slat_fault_counts *counts = &counter->slots[place].counts;
	struct slat_slot_state *old;

	port_spin_lock(&slots->counters_lock);
	old = counter->slots[place].state;
	if (old)
		counts_add(&old->faults, counts);
	*counts = (struct slat_fault_counts){};
	counter->slots[place].state = state ? slat_slot_state_get(state) : NULL;
	port_spin_unlock(&slots->counters_lock);
	if (old)
		slat_slot_state_put(old);
}

void slat_fault_counter_register(struct slat_memslots *slots,
				 struct slat_fault_counter *counter)
{
	port_spin_lock(&slots->counters_lock);
	list_add_tail(&counter->list, &slots->counters);
	port_spin_unlock(&slots->counters_lock);
}

void slat_fault_counter_unregister(struct slat_memslots *slots,
				   struct slat_fault_counter *counter)
{
	unsigned int i;

	for (i = 0; i < SLAT_COUNTED_SLOTS; i++)
		place_give(slots, counter, i, NULL);
	port_spin_lock(&slots->counters_lock);
	list_del(&counter->list);
	port_spin_unlock(&slots->counters_lock);
}

void slat_fault_count(struct slat_memslots *slots, struct slat_fault_counter *counter,
		      const struct slat_memslot *slot, enum slat_slot_fault what)
{
	unsigned int place = slot->id % SLAT_COUNTED_SLOTS;

	if (unlikely(counter->slots[place].state != slot->state))
		place_give(slots, counter, place, slot->state);
	slat_count(&counter->slots[place].counts.nr[what]);
}

void slat_fault_counts_sum(struct slat_memslots *slots, const struct slat_memslot *slot,
			   struct slat_fault_counts *sum)
{
	unsigned int place = slot->id % SLAT_COUNTED_SLOTS;
	struct slat_fault_counter *counter;

	port_spin_lock(&slots->counters_lock);
	*sum = slot->state->faults;
	list_for_each_entry(counter, &slots->counters, list) {
		if (counter->slots[place].state == slot->state)
			counts_add(sum, &counter->slots[place].counts);
	}
	port_spin_unlock(&slots->counters_lock);
}
