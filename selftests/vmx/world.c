// SPDX-License-Identifier: GPL-2.0
/*
 * See world.h.  The actions are those of power.c and vmxon.c, on plain words.
 */
#include "world.h"

#include <errno.h>
#include <string.h>

struct world world;

void world_init(bool starting)
{
	int i;

	memset(&world, 0, sizeof(world));
	world.starting = starting;
	for (i = 0; i < CPUS; i++)
		world.cpu[i].online = true;
}

bool world_any_on(void)
{
	int i;

	for (i = 0; i < CPUS; i++)
		if (world.cpu[i].on)
			return true;
	return false;
}

static int cpu_vmxon(struct cpu *cpu)
{
	if (cpu->on)
		FAIL("VMXON on a CPU in VMX operation");
	if (world.going_down)
		FAIL("VMXON while the machine goes down");
	if (!world.guarded && !world.guard_is_kvms)
		FAIL("VMXON without an emergency callback");
	cpu->failed = cpu->foreign || cpu->broken;
	if (cpu->failed)
		return cpu->foreign ? -EBUSY : -EIO;
	cpu->on = true;
	return 0;
}

static int cpu_order(int nr, enum slat_cpu_order order)
{
	struct cpu *cpu = &world.cpu[nr];
	enum slat_cpu_step step = slat_cpu_decide(cpu->on, order);

	switch (step) {
	case SLAT_STEP_NONE:
		return 0;
	case SLAT_STEP_VMXON:
		return cpu_vmxon(cpu);
	case SLAT_STEP_VMXOFF:
	case SLAT_STEP_DROP:
		if (!cpu->on)
			FAIL("VMXOFF on a CPU out of VMX operation");
		if ((step == SLAT_STEP_DROP) != (order == SLAT_ORDER_DROP))
			FAIL("the list of VMCSs: in an emergency, and only then, it must stay");
		cpu->on = false;
		return 0;
	}
	FAIL("step %d: no such step", step);
}

static void all_order(enum slat_cpu_order order, int *err)
{
	int i, said;

	if (!world.locked)
		FAIL("all CPUs are ordered while one may come");
	for (i = 0; i < CPUS; i++) {
		if (!world.cpu[i].online)
			continue;
		said = cpu_order(i, order);
		if (said && !*err)
			*err = said;
	}
}

static enum slat_owner_event take_kvms_state(int *err)
{
	if (!world.locked)
		FAIL("a hotplug state is taken with CPUs unlocked");
	if (world.kvms_state == OURS || world.own_state)
		FAIL("a second hotplug state is taken");
	*err = world.kvms_error;
	if (*err)
		return SLAT_WHEN_STATE_REFUSED;
	if (world.kvms_state == NOBODY) {
		world.kvms_state = OURS;
		return SLAT_WHEN_STATE_TAKEN;
	}
	*err = -EBUSY;
	return world.starting ? SLAT_WHEN_STATE_IS_KVMS : SLAT_WHEN_STATE_REFUSED;
}

static enum slat_owner_event take_own_state(int *err)
{
	if (!world.locked)
		FAIL("a hotplug state is taken with CPUs unlocked");
	if (world.kvms_state == OURS || world.own_state)
		FAIL("a second hotplug state is taken");
	*err = world.own_error;
	if (*err)
		return SLAT_WHEN_STATE_REFUSED;
	world.own_state = true;
	return SLAT_WHEN_STATE_TAKEN;
}

static void put_state(void)
{
	if (!world.locked)
		FAIL("a hotplug state is put with CPUs unlocked");
	if ((world.kvms_state == OURS) == world.own_state)
		FAIL("expected one hotplug state to put");
	if (world_any_on())
		FAIL("a CPU in VMX operation could go offline unseen");
	if (world.own_state)
		world.own_state = false;
	else
		world.kvms_state = NOBODY;
}

/* As in arch/x86/kernel/reboot.c, which warns where this fails. */
static void slot_register(enum holder who)
{
	if (world.slot != NOBODY)
		FAIL("WARN: the slot for an emergency callback is taken");
	world.slot = who;
}

static void slot_unregister(enum holder who)
{
	if (world.slot != who)
		FAIL("WARN: the emergency callback is another's");
	world.slot = NOBODY;
}

static void guard_update(void)
{
	switch (slat_guard_decide(world.guard_wanted, world.guarded, world.guard_is_kvms)) {
	case SLAT_GUARD_KEEP:
		return;
	case SLAT_GUARD_SET:
		slot_register(OURS);
		world.guarded = true;
		return;
	case SLAT_GUARD_CLEAR:
		if (world_any_on() && !world.guard_is_kvms)
			FAIL("a CPU in VMX operation is left without an emergency callback");
		slot_unregister(OURS);
		world.guarded = false;
		return;
	}
}

static void follow(int change)
{
	/* It changes code, under the lock of CPU hotplug. */
	if (world.locked)
		FAIL("preempt notifiers are turned on or off with CPUs locked");
	world.followed += change;
	if (world.followed < 0 || world.followed > 1)
		FAIL("preempt notifiers are on %d times", world.followed);
}

static void lock_cpus(bool lock)
{
	if (world.locked == lock)
		FAIL("CPUs are %s twice", lock ? "locked" : "unlocked");
	if (lock && world.wait)
		world.wait();
	world.locked = lock;
}

static enum slat_owner_event carry_out(enum slat_owner_action action, int cpu, int *err)
{
	switch (action) {
	case SLAT_DO_END:
		break;
	case SLAT_DO_LOCK_CPUS:
	case SLAT_DO_UNLOCK_CPUS:
		lock_cpus(action == SLAT_DO_LOCK_CPUS);
		break;
	case SLAT_DO_TAKE_KVMS_STATE:
		return take_kvms_state(err);
	case SLAT_DO_TAKE_OWN_STATE:
		return take_own_state(err);
	case SLAT_DO_PUT_STATE:
		put_state();
		break;
	case SLAT_DO_VMXON_ALL:
		*err = 0;
		all_order(SLAT_ORDER_ON, err);
		return *err ? SLAT_WHEN_VMXON_FAILED : SLAT_WHEN_VMXON_DONE;
	case SLAT_DO_VMXOFF_ALL:
		all_order(SLAT_ORDER_OFF, err);
		break;
	case SLAT_DO_VMXON_HERE:
		*err = cpu_order(cpu, SLAT_ORDER_ON);
		break;
	case SLAT_DO_VMXOFF_HERE:
		cpu_order(cpu, SLAT_ORDER_OFF);
		break;
	case SLAT_DO_DROP_HERE:
		cpu_order(cpu, SLAT_ORDER_DROP);
		break;
	case SLAT_DO_GUARD:
	case SLAT_DO_UNGUARD:
		world.guard_wanted = action == SLAT_DO_GUARD;
		guard_update();
		break;
	case SLAT_DO_FOLLOW:
	case SLAT_DO_UNFOLLOW:
		follow(action == SLAT_DO_FOLLOW ? 1 : -1);
		break;
	case SLAT_DO_TELL_FAILED:
		world.told++;
		break;
	case SLAT_DO_TELL_STAYS:
		world.stays++;
		break;
	case SLAT_DO_TELL_STARTED:
	case SLAT_DO_TELL_UNGUARDED:
		break;
	}
	return SLAT_WHEN_NONE;
}

/* As power.c looks a row up; the state changes with it. */
static const struct slat_owner_row *look(enum slat_owner_event event)
{
	const struct slat_owner_row *row = slat_owner_decide(world.owner, event);

	if (row->answer != SLAT_ANSWER_NEVER && row->next != world.owner)
		world.owner = row->next;
	return row;
}

static int answer(const struct slat_owner_row *row, int err)
{
	switch (row->answer) {
	case SLAT_ANSWER_NEVER:
		return -ENOSYS;
	case SLAT_ANSWER_DONE:
		return 0;
	case SLAT_ANSWER_RESULT:
		return err;
	case SLAT_ANSWER_BUSY:
		return -EBUSY;
	}
	FAIL("answer %d: no such answer", row->answer);
}

/* A row that was looked up, and all that its actions report. */
static int follow_row(const struct slat_owner_row *row, int cpu)
{
	enum slat_owner_event event;
	int err = 0, i;

	for (;;) {
		event = SLAT_WHEN_NONE;
		for (i = 0; row->actions[i] != SLAT_DO_END; i++) {
			if (event != SLAT_WHEN_NONE)
				FAIL("an action reports, and is not the last");
			if (world.gap)
				world.gap();
			event = carry_out(row->actions[i], cpu, &err);
		}
		if (world.gap)
			world.gap();
		if (event == SLAT_WHEN_NONE)
			return answer(row, err);
		row = look(event);
		if (row->answer == SLAT_ANSWER_NEVER)
			FAIL("state %d has no row for the report %d", world.owner, event);
	}
}

int world_event(enum slat_owner_event event, int cpu)
{
	return follow_row(look(event), cpu);
}

static void kvm_news(enum slat_kvm_part part, enum slat_kvm_news news)
{
	world.guard_is_kvms = slat_guard_is_kvms(world.guard_is_kvms, part, news);
	guard_update();
}

/* What the module's lock is taken for; a notifier waits for it. */
static int locked_event(enum slat_owner_event event)
{
	int err;

	world.busy = true;
	err = world_event(event, 0);
	world.busy = false;
	if (world.left)
		kvm_news(SLAT_KVM_VENDOR, SLAT_KVM_LEFT);
	world.left = false;
	return err;
}

int world_get(void)
{
	int err = world.users ? 0 : locked_event(SLAT_WHEN_FIRST_VM);

	if (!err)
		world.users++;
	return err;
}

void world_put(void)
{
	if (!--world.users)
		CHECK_EQ(locked_event(SLAT_WHEN_LAST_VM), 0);
}

const struct slat_owner_row *world_hotplug(bool up, bool frozen)
{
	CHECK(!world.locked);
	if (world.kvms_state != OURS && !world.own_state)
		return NULL;
	if (!up)
		return look(frozen ? SLAT_WHEN_CPU_OFFLINE_FROZEN : SLAT_WHEN_CPU_OFFLINE);
	return look(world.starting && !world.own_state ? SLAT_WHEN_CPU_STARTS :
		    SLAT_WHEN_CPU_ONLINE);
}

int world_hotplug_finish(const struct slat_owner_row *row, int cpu, bool up)
{
	int err;

	/* Where KVM holds a state beside ours, its turn comes before. */
	if (up)
		world.cpu[cpu].foreign = world.kvm_uses;
	err = row ? follow_row(row, cpu) : 0;
	CHECK(err != -ENOSYS);
	if (up && err && world.starting && !world.own_state)
		FAIL("a CPU is refused that can't be");
	if (err) {
		if (up && world.cpu[cpu].on)
			FAIL("a CPU is refused and left in VMX operation");
		world.cpu[cpu].foreign &= !up;
		return err;
	}
	if (!up && world.cpu[cpu].on)
		FAIL("a CPU goes offline in VMX operation");
	world.cpu[cpu].online = up;
	world.cpu[cpu].foreign &= up;
	return 0;
}

int world_cpu_up(int cpu)
{
	return world_hotplug_finish(world_hotplug(true, false), cpu, true);
}

int world_cpu_down(int cpu, bool frozen)
{
	return world_hotplug_finish(world_hotplug(false, frozen), cpu, false);
}

void world_sleep(void)
{
	bool was_online[CPUS];
	int i;

	for (i = 1; i < CPUS; i++) {
		was_online[i] = world.cpu[i].online;
		if (was_online[i])
			CHECK_EQ(world_cpu_down(i, true), 0);
	}
	CHECK_EQ(world_event(SLAT_WHEN_SUSPEND, 0), 0);
	if (world_any_on())
		FAIL("a CPU sleeps in VMX operation");
	CHECK_EQ(world_event(SLAT_WHEN_RESUME, 0), 0);
	for (i = 1; i < CPUS; i++)
		if (was_online[i])
			world_cpu_up(i);
}

void world_reboot(void)
{
	CHECK_EQ(locked_event(SLAT_WHEN_REBOOT), 0);
	world.going_down = true;
	if (world_any_on())
		FAIL("a CPU is in VMX operation while the machine goes down");
}

/* The kernel calls what is registered, on each CPU. */
void world_emergency(int cpu)
{
	if (!world.guarded)
		return;
	CHECK_EQ(world_event(SLAT_WHEN_EMERGENCY, cpu), 0);
	world.going_down = true;
	if (world.cpu[cpu].on)
		FAIL("a CPU stays in VMX operation in an emergency");
}

static void kvm_left(void)
{
	if (world.busy)
		world.left = true;
	else
		kvm_news(SLAT_KVM_VENDOR, SLAT_KVM_LEFT);
}

void world_kvm_look(void)
{
	if (world.kvm_core)
		kvm_news(SLAT_KVM_VENDOR, SLAT_KVM_COMES);
}

/*
 * On 6.1 KVM holds its state and the slot while it is loaded, later while it has
 * VMX on; it takes the slot first.  A start waits for the module's lock.
 */
bool world_kvm_load(void)
{
	if (world.kvm_loaded || world.busy)
		return false;
	if (!world.kvm_core)
		kvm_news(SLAT_KVM_CORE, SLAT_KVM_COMES);
	world.kvm_core = true;
	kvm_news(SLAT_KVM_VENDOR, SLAT_KVM_COMES);
	if (world.starting) {
		slot_register(KVMS);
		if (world.kvms_state != NOBODY) {
			slot_unregister(KVMS);
			kvm_left();
			return false;
		}
		world.kvms_state = KVMS;
	}
	world.kvm_loaded = true;
	return true;
}

void world_kvm_unload(void)
{
	if (!world.kvm_loaded)
		return;
	if (world.kvm_uses)
		world_kvm_off();
	if (world.starting) {
		world.kvms_state = NOBODY;
		slot_unregister(KVMS);
	}
	world.kvm_loaded = false;
	kvm_left();
}

void world_kvm_unload_core(void)
{
	if (world.kvm_loaded || !world.kvm_core || world.busy)
		return;
	world.kvm_core = false;
	kvm_news(SLAT_KVM_CORE, SLAT_KVM_LEFT);
}

bool world_kvm_on(void)
{
	int i;

	if (!world.kvm_loaded || world.kvm_uses)
		return false;
	if (!world.starting)
		slot_register(KVMS);
	if (world_any_on() || world.kvms_state == OURS) {
		if (!world.starting)
			slot_unregister(KVMS);
		return false;
	}
	world.kvm_uses = true;
	world.kvms_state = KVMS;
	for (i = 0; i < CPUS; i++)
		world.cpu[i].foreign = world.cpu[i].online;
	return true;
}

void world_kvm_off(void)
{
	int i;

	if (!world.kvm_uses)
		return;
	world.kvm_uses = false;
	if (!world.starting) {
		world.kvms_state = NOBODY;
		slot_unregister(KVMS);
	}
	for (i = 0; i < CPUS; i++)
		world.cpu[i].foreign = false;
}

static void check_cpus(bool owned)
{
	int i;

	for (i = 0; i < CPUS; i++) {
		const struct cpu *cpu = &world.cpu[i];

		if (cpu->on && !owned)
			FAIL("CPU %d is in VMX operation in state %d", i, world.owner);
		if (cpu->on && !cpu->online)
			FAIL("CPU %d is in VMX operation and offline", i);
		if (cpu->on && cpu->foreign)
			FAIL("CPU %d is in VMX operation twice", i);
		if (owned && cpu->online && !cpu->on && !cpu->failed)
			FAIL("CPU %d is online without VMX in state %d", i, world.owner);
	}
}

void world_check(void)
{
	bool owned = world.owner == SLAT_OWNER_EXCLUSIVE || world.owner == SLAT_OWNER_SHARED;
	bool held = owned || world.owner == SLAT_OWNER_LEAVING;

	CHECK(!world.locked);
	CHECK(world.owner != SLAT_OWNER_STARTING && world.owner != SLAT_OWNER_STARTING_SHARED);
	CHECK_EQ(held, world.users > 0);
	CHECK_EQ(held, world.followed);
	CHECK_EQ(held, (world.kvms_state == OURS) + world.own_state);
	if (world.owner == SLAT_OWNER_EXCLUSIVE)
		CHECK(world.kvms_state == OURS);
	if (world.owner == SLAT_OWNER_SHARED)
		CHECK(world.own_state);
	CHECK_EQ(world.guarded, held && !world.guard_is_kvms);
	CHECK_EQ(world.guarded, world.slot == OURS);
	CHECK(!world.kvm_loaded || world.guard_is_kvms);
	CHECK(world.kvm_core || !world.guard_is_kvms);
	CHECK_EQ(slat_owner_goes_down(world.owner), world.going_down);
	check_cpus(owned);
}
