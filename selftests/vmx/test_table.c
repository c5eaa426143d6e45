// SPDX-License-Identifier: GPL-2.0
/*
 * Each cell of the tables by itself.
 */
#include "world.h"

static bool is_settled(enum slat_owner_state state)
{
	return state != SLAT_OWNER_STARTING && state != SLAT_OWNER_STARTING_SHARED;
}

static bool has_vms(enum slat_owner_state state)
{
	return state == SLAT_OWNER_EXCLUSIVE || state == SLAT_OWNER_SHARED ||
	       state == SLAT_OWNER_LEAVING;
}

/* Can the event come in the state?  The table has rows for these alone. */
static bool can_come(enum slat_owner_state state, enum slat_owner_event event)
{
	switch (event) {
	case SLAT_WHEN_FIRST_VM:
		return is_settled(state) && !has_vms(state);
	case SLAT_WHEN_LAST_VM:
		return has_vms(state);
	case SLAT_WHEN_REBOOT:
	case SLAT_WHEN_CPU_ONLINE:
	case SLAT_WHEN_CPU_OFFLINE:
	case SLAT_WHEN_CPU_OFFLINE_FROZEN:
	case SLAT_WHEN_SUSPEND:
	case SLAT_WHEN_RESUME:
		return is_settled(state);
	case SLAT_WHEN_CPU_STARTS:
		return is_settled(state) && state != SLAT_OWNER_SHARED;
	case SLAT_WHEN_EMERGENCY:
		return true;
	case SLAT_WHEN_STATE_TAKEN:
	case SLAT_WHEN_STATE_REFUSED:
	case SLAT_WHEN_VMXON_DONE:
	case SLAT_WHEN_VMXON_FAILED:
		return !is_settled(state);
	case SLAT_WHEN_STATE_IS_KVMS:
		return state == SLAT_OWNER_STARTING;
	default:
		return false;
	}
}

#define for_each_cell(state, event)						\
	for (state = 0; state < SLAT_NR_OWNER_STATES; state++)			\
		for (event = 0; event < SLAT_NR_OWNER_EVENTS; event++)

static bool row_does(const struct slat_owner_row *row, enum slat_owner_action action)
{
	int i;

	for (i = 0; i < SLAT_OWNER_ACTIONS && row->actions[i] != SLAT_DO_END; i++)
		if (row->actions[i] == action)
			return true;
	return false;
}

static void test_rows(void)
{
	const struct slat_owner_row *row;
	unsigned int state, event;

	for_each_cell(state, event) {
		row = slat_owner_decide(state, event);
		if ((row->answer != SLAT_ANSWER_NEVER) != can_come(state, event))
			FAIL("state %u, event %u: answer %d", state, event, row->answer);
		CHECK(row->actions[SLAT_OWNER_ACTIONS - 1] == SLAT_DO_END);
		CHECK(row->next < SLAT_NR_OWNER_STATES);
		if (row->answer == SLAT_ANSWER_NEVER)
			CHECK(row->actions[0] == SLAT_DO_END);
	}
}

/* CPUs come, go and sleep without the lock under which the state changes. */
static void test_state_stays(void)
{
	const struct slat_owner_row *row;
	unsigned int state, event;

	for_each_cell(state, event) {
		row = slat_owner_decide(state, event);
		if (row->answer == SLAT_ANSWER_NEVER)
			continue;
		if (event >= SLAT_WHEN_CPU_STARTS && event <= SLAT_WHEN_RESUME)
			CHECK_EQ(row->next, state);
	}
}

static void test_errnos(void)
{
	const struct slat_owner_row *row;
	unsigned int state, event;

	for_each_cell(state, event) {
		row = slat_owner_decide(state, event);
		switch (event) {
		case SLAT_WHEN_CPU_STARTS:
			CHECK(!can_come(state, event) || row->answer == SLAT_ANSWER_DONE);
			break;
		case SLAT_WHEN_CPU_ONLINE:
			/* Without VMX it must not be there where VMs may run. */
			CHECK_EQ(row->answer == SLAT_ANSWER_RESULT,
				 row_does(row, SLAT_DO_VMXON_HERE));
			break;
		case SLAT_WHEN_CPU_OFFLINE:
			CHECK_EQ(row->answer == SLAT_ANSWER_BUSY, state == SLAT_OWNER_SHARED);
			break;
		case SLAT_WHEN_FIRST_VM:
			CHECK_EQ(row->answer == SLAT_ANSWER_BUSY, state == SLAT_OWNER_GONE);
			break;
		default:
			CHECK(row->answer != SLAT_ANSWER_BUSY);
		}
	}
}

static void test_goes_down(void)
{
	const struct slat_owner_row *row;
	unsigned int state, event;

	for_each_cell(state, event) {
		row = slat_owner_decide(state, event);
		if (slat_owner_goes_down(state) && row->answer != SLAT_ANSWER_NEVER)
			CHECK(slat_owner_goes_down(row->next));
		if (!slat_owner_goes_down(row->next))
			continue;
		CHECK(!row_does(row, SLAT_DO_VMXON_ALL) && !row_does(row, SLAT_DO_VMXON_HERE));
	}
}

/* It may be an NMI: no lock, no other CPU, no list. */
static void test_emergency(void)
{
	const struct slat_owner_row *row;
	unsigned int state;

	for (state = 0; state < SLAT_NR_OWNER_STATES; state++) {
		row = slat_owner_decide(state, SLAT_WHEN_EMERGENCY);
		CHECK(row->actions[0] == SLAT_DO_DROP_HERE && row->actions[1] == SLAT_DO_END);
		if (is_settled(state))
			CHECK(slat_owner_goes_down(row->next));
	}
}

static void test_cpu(void)
{
	CHECK(slat_cpu_decide(false, SLAT_ORDER_ON) == SLAT_STEP_VMXON);
	CHECK(slat_cpu_decide(true, SLAT_ORDER_ON) == SLAT_STEP_NONE);
	CHECK(slat_cpu_decide(false, SLAT_ORDER_OFF) == SLAT_STEP_NONE);
	CHECK(slat_cpu_decide(true, SLAT_ORDER_OFF) == SLAT_STEP_VMXOFF);
	CHECK(slat_cpu_decide(false, SLAT_ORDER_DROP) == SLAT_STEP_NONE);
	CHECK(slat_cpu_decide(true, SLAT_ORDER_DROP) == SLAT_STEP_DROP);
}

static void test_guard(void)
{
	int wanted, set, kvms;

	for (wanted = 0; wanted < 2; wanted++)
		for (set = 0; set < 2; set++)
			for (kvms = 0; kvms < 2; kvms++)
				CHECK_EQ(slat_guard_decide(wanted, set, kvms),
					 set == (wanted && !kvms) ? SLAT_GUARD_KEEP :
					 set ? SLAT_GUARD_CLEAR : SLAT_GUARD_SET);
}

static void test_guard_is_kvms(void)
{
	int was;

	for (was = 0; was < 2; was++) {
		CHECK_EQ(slat_guard_is_kvms(was, SLAT_KVM_VENDOR, SLAT_KVM_COMES), 1);
		CHECK_EQ(slat_guard_is_kvms(was, SLAT_KVM_CORE, SLAT_KVM_COMES), was);
		CHECK_EQ(slat_guard_is_kvms(was, SLAT_KVM_VENDOR, SLAT_KVM_LEFT), 0);
		CHECK_EQ(slat_guard_is_kvms(was, SLAT_KVM_CORE, SLAT_KVM_LEFT), 0);
	}
}

/* From before the first VMXON until after the last VMXOFF. */
static void test_guard_order(void)
{
	const struct slat_owner_row *row;
	unsigned int state, event;

	for_each_cell(state, event) {
		row = slat_owner_decide(state, event);
		if (row_does(row, SLAT_DO_GUARD))
			CHECK(event == SLAT_WHEN_FIRST_VM && row->actions[0] == SLAT_DO_GUARD);
		if (event == SLAT_WHEN_FIRST_VM && row->answer == SLAT_ANSWER_RESULT)
			CHECK(row_does(row, SLAT_DO_GUARD));
		CHECK_EQ(row_does(row, SLAT_DO_UNGUARD),
			 row->answer != SLAT_ANSWER_NEVER &&
			 (event == SLAT_WHEN_LAST_VM ||
			  (!is_settled(state) && row->next == SLAT_OWNER_OFF)));
	}
}

const struct test table_tests[] = {
	{ "table: a row where the event can come, nothing elsewhere", test_rows },
	{ "table: CPUs that come, go and sleep leave the state alone", test_state_stays },
	{ "table: who is refused, and who can't be", test_errnos },
	{ "table: a machine that goes down never turns VMX on", test_goes_down },
	{ "table: an emergency acts on its own CPU alone", test_emergency },
	{ "table: a CPU does what is left to do", test_cpu },
	{ "table: the emergency callback is ours where kvm_intel isn't loaded", test_guard },
	{ "table: whose the emergency callback is, by what comes and leaves", test_guard_is_kvms },
	{ "table: the emergency callback is there before VMX is on", test_guard_order },
	{ }
};
