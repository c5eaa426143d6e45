// SPDX-License-Identifier: GPL-2.0
/*
 * How long a slot change or a dirty-log call keeps the vCPUs out: the time for
 * which its thread holds a rwlock exclusive, which in both modules is the mmu
 * lock. Two vCPUs write all the while, so that there is somebody to yield to.
 *
 * kprobes on the kernel's own lock functions say when, in TSC ticks, the same
 * for both modules; each hold includes some hundred ticks of the probes. What
 * is held shared is not counted: faults go on beside it.
 */
#define _GNU_SOURCE		/* O_PATH */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSTANCE	"instances/slatbench/"
#define BUSY_VCPUS	2
#define BUSY_SLOT	FIRST_FREE_SLOT
#define BUSY_GPA	0x60000000ul
#define BUSY_PART	(4 * MIB)

static const char probes[] =
	"r:slatbench/locked _raw_write_lock\n"
	"p:slatbench/unlock _raw_write_unlock\n";

/* Where tracefs is mounted; the second is where debugfs brings it along. */
static const char *const mounts[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
static int tracefs = -1;

static bool tracefs_open(void)
{
	for (unsigned int i = 0; tracefs < 0 && i < 2; i++) {
		tracefs = open(mounts[i], O_PATH | O_DIRECTORY);
		if (tracefs >= 0 && faccessat(tracefs, "kprobe_events", W_OK, 0)) {
			close(tracefs);
			tracefs = -1;
		}
	}
	if (tracefs < 0)
		bench_progress("lock: expected tracefs with kprobe_events, left out");
	return tracefs >= 0;
}

/*
 * Write a text to a file of tracefs; false with a word on stderr. Appended: to
 * truncate kprobe_events would take everybody's probes.
 */
static bool tell(const char *path, const char *text)
{
	int fd = openat(tracefs, path, O_WRONLY | O_APPEND);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, text, strlen(text));
		close(fd);
	}
	if (n == (ssize_t)strlen(text))
		return true;
	bench_progress("lock: %s: %s, left out", path, strerror(errno));
	return false;
}

static void probes_end(void)
{
	tell(INSTANCE "events/slatbench/enable", "0");
	unlinkat(tracefs, INSTANCE, AT_REMOVEDIR);
	tell("kprobe_events", "-:slatbench/locked\n-:slatbench/unlock\n");
}

/* A trace of this thread's locks alone, in a buffer of its own. */
static bool probes_begin(void)
{
	char filter[64];

	snprintf(filter, sizeof(filter), "common_pid == %ld", syscall(SYS_gettid));
	if (!tracefs_open() || !tell("kprobe_events", probes))
		return false;
	if (!mkdirat(tracefs, INSTANCE, 0700) &&
	    tell(INSTANCE "tracing_on", "0") &&
	    tell(INSTANCE "trace_clock", "x86-tsc") &&
	    tell(INSTANCE "events/slatbench/filter", filter) &&
	    tell(INSTANCE "events/slatbench/enable", "1"))
		return true;
	probes_end();
	return false;
}

struct holds {
	uint64_t longest;
	uint64_t total;
};

/* "TASK-PID [CPU] FLAGS TICKS: EVENT: ..."; 0: not such a line. */
static uint64_t event_time(const char *line, const char *event)
{
	const char *at = strstr(line, event);

	if (!at || at[-1] != ' ' || at[-2] != ':')
		return 0;
	at -= 2;
	while (at > line && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return strtoull(at, NULL, 10);
}

static void holds_read(struct holds *holds, const char *histogram, const char *title)
{
	int fd = openat(tracefs, INSTANCE "trace", O_RDONLY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	uint64_t since = 0, now;
	char line[512];

	*holds = (struct holds) {};
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		now = event_time(line, "locked:");
		if (now) {
			since = now;
			continue;
		}
		now = event_time(line, "unlock:");
		if (!now || !since)
			continue;
		bench_histogram(histogram, title, "ticks", now - since);
		if (now - since > holds->longest)
			holds->longest = now - since;
		holds->total += now - since;
		since = 0;
	}
	fclose(file);
}

struct operation {
	const char *name;
	const char *title;
	void (*prepare)(struct bench_guest *bg);
	void (*run)(struct bench_guest *bg);
	void (*restore)(struct bench_guest *bg);
};

/* This file is cleared by being truncated. */
static void trace_clear(void)
{
	close(openat(tracefs, INSTANCE "trace", O_WRONLY | O_TRUNC));
}

static void measure(struct bench_guest *bg, const struct operation *op)
{
	char name[64];
	struct holds holds;

	op->prepare(bg);
	trace_clear();
	tell(INSTANCE "tracing_on", "1");
	op->run(bg);
	tell(INSTANCE "tracing_on", "0");
	snprintf(name, sizeof(name), "lock.%s", op->name);
	holds_read(&holds, name, op->title);
	op->restore(bg);
	if (!holds.longest) {
		bench_progress("lock: %s: no lock was seen, left out", op->name);
		return;
	}
	snprintf(name, sizeof(name), "lock.%s.longest", op->name);
	bench_sample(name, op->title, "ticks", holds.longest);
	snprintf(name, sizeof(name), "lock.%s.total", op->name);
	bench_sample(name, op->title, "ticks", holds.total);
}

static void touch_all(struct bench_guest *bg)
{
	work_touch_ram(bg, WORK_WRITE);
}

static void add_small(struct bench_guest *bg)
{
	const struct work work = {
		.what = WORK_WRITE, .first = SMALL_GPA, .stride = PAGE_SIZE,
		.count = SMALL_SIZE / PAGE_SIZE,
	};

	touch_all(bg);
	vm_must(bench_set_small(bg, SMALL_GPA, 0), "the small slot");
	work_do(&bg->g.vcpu, &work);
}

static void delete_small(struct bench_guest *bg)
{
	vm_must(vm_delete_slot(&bg->g.vm, SMALL_SLOT), "deleting the small slot");
}

static void delete_ram(struct bench_guest *bg)
{
	vm_must(vm_delete_slot(&bg->g.vm, RAM_SLOT), "deleting the RAM's slot");
}

static void plain_ram(struct bench_guest *bg)
{
	vm_must(bench_set_ram(bg, 0), "the RAM's slot");
}

static void log_ram(struct bench_guest *bg)
{
	vm_must(bench_set_ram(bg, KVM_MEM_LOG_DIRTY_PAGES), "KVM_MEM_LOG_DIRTY_PAGES");
}

static void log_ram_and_touch(struct bench_guest *bg)
{
	log_ram(bg);
	touch_all(bg);
}

static void get_log(struct bench_guest *bg)
{
	static uint64_t bitmap[RAM_PAGES / 64];
	struct kvm_dirty_log log = { .slot = RAM_SLOT, .dirty_bitmap = bitmap };

	vm_must(vm_ioctl(bg->g.vm.fd, KVM_GET_DIRTY_LOG, &log), "KVM_GET_DIRTY_LOG");
}

static void nothing(struct bench_guest *bg)
{
	(void)bg;
}

static const struct operation operations[] = {
	{ "delete_small", "mmu lock held exclusive: a 16-page slot deleted",
	  add_small, delete_small, nothing },
	{ "delete_large", "mmu lock held exclusive: a mapped 64 MiB slot deleted",
	  touch_all, delete_ram, plain_ram },
	{ "enable_log", "mmu lock held exclusive: the log of 16384 mapped pages enabled",
	  touch_all, log_ram, plain_ram },
	{ "get_log", "mmu lock held exclusive: GET with all 16384 pages dirty",
	  log_ram_and_touch, get_log, plain_ram },
};

static atomic_bool stop;

struct busy {
	struct vcpu vcpu;
	pthread_t thread;
	uint64_t first;
};

static void *busy_main(void *arg)
{
	struct busy *busy = arg;
	const struct work work = {
		.what = WORK_WRITE, .first = busy->first, .stride = PAGE_SIZE,
		.count = BUSY_PART / PAGE_SIZE,
	};

	while (!atomic_load(&stop))
		work_do(&busy->vcpu, &work);
	return NULL;
}

static void *busy_begin(struct bench_guest *bg, struct busy *busy)
{
	void *memory = vm_alloc(BUSY_VCPUS * BUSY_PART);

	vm_must(vm_set_slot(&bg->g.vm, BUSY_SLOT, 0, BUSY_GPA, BUSY_VCPUS * BUSY_PART, memory),
		"the writers' slot");
	atomic_store(&stop, false);
	for (int i = 0; i < BUSY_VCPUS; i++) {
		busy[i].first = BUSY_GPA + i * BUSY_PART;
		guest_add_vcpu(&bg->g, i + 1, MODE_LONG, &busy[i].vcpu);
		if (pthread_create(&busy[i].thread, NULL, busy_main, &busy[i]))
			exit(1);
	}
	return memory;
}

static void busy_end(struct busy *busy)
{
	atomic_store(&stop, true);
	for (int i = 0; i < BUSY_VCPUS; i++) {
		pthread_join(busy[i].thread, NULL);
		vcpu_destroy(&busy[i].vcpu);
	}
}

void group_locks(void)
{
	const unsigned int nr = sizeof(operations) / sizeof(operations[0]);
	struct busy busy[BUSY_VCPUS];
	struct bench_guest bg;
	void *memory;

	bench_progress("lock");
	if (!probes_begin())
		return;
	if (bench_guest_init(&bg, RAM_SIZE, BACKING_4K)) {
		memory = busy_begin(&bg, busy);
		for (unsigned int i = 0; i < nr * bench_repeats(); i++)
			measure(&bg, &operations[i % nr]);
		busy_end(busy);
		bench_guest_destroy(&bg);
		vm_free(memory, BUSY_VCPUS * BUSY_PART);
	}
	probes_end();
}
