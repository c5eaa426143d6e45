// SPDX-License-Identifier: GPL-2.0
/*
 * Live migration, precopy: a thread sends all memory, then again and again what
 * the dirty log says was written meanwhile, while the guest runs on. When little
 * is left the guest stops, the rest and the vCPU's and devices' state follow,
 * and the other side lets it go on.
 *
 * The stream is records: pages at a guest address, or the state, which ends it.
 */
#include "linux.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEFT_PAGES	256		/* that a guest may stop for */
#define ROUNDS_MAX	30
#define MAGIC		0x746c6173u	/* "slat" */

enum record_type { RECORD_PAGES = 1, RECORD_STATE };

struct record {
	uint32_t magic;
	uint32_t type;
	uint64_t gpa;
	uint64_t bytes;
};

struct final {
	struct vcpu_state vcpu;
	struct board board;
	uint64_t stopped_ns;
};

static void send_all(int fd, const void *data, size_t bytes)
{
	for (const char *at = data; bytes;) {
		ssize_t n = write(fd, at, bytes);

		if (n < 0 && errno != EINTR)
			die(errno, "migration: cannot send");
		if (n > 0) {
			at += n;
			bytes -= n;
		}
	}
}

static void receive_all(int fd, void *data, size_t bytes)
{
	for (char *at = data; bytes;) {
		ssize_t n = read(fd, at, bytes);

		if (!n)
			die(0, "migration: the other side ended, %zu bytes were expected", bytes);
		if (n < 0 && errno != EINTR)
			die(errno, "migration: cannot receive");
		if (n > 0) {
			at += n;
			bytes -= n;
		}
	}
}

static void send_record(int fd, uint32_t type, uint64_t gpa, const void *data, size_t bytes)
{
	const struct record record = {
		.magic = MAGIC, .type = type, .gpa = gpa, .bytes = bytes,
	};

	send_all(fd, &record, sizeof(record));
	send_all(fd, data, bytes);
}

struct sender {
	struct linux_vm *l;
	int fd;
	unsigned int after_s;
	pthread_t vcpu_thread;
	uint64_t *bitmap;
	size_t pages;		/* in guest memory */
	unsigned int rounds;
	uint64_t sent;		/* pages */
	struct stats before;
};

static bool is_set(const uint64_t *bitmap, size_t bit)
{
	return bitmap[bit / 64] >> bit % 64 & 1;
}

/* Every page whose bit is set, neighbours in one record. */
static uint64_t send_dirty(struct sender *s)
{
	const struct slot *ram = s->l->ram;
	uint64_t sent = 0;

	for (size_t first = 0, end; first < s->pages; first = end) {
		for (end = first; end < s->pages && is_set(s->bitmap, end); end++)
			;
		if (end > first)
			send_record(s->fd, RECORD_PAGES, first * PAGE_SIZE,
				    (char *)ram->mem + first * PAGE_SIZE,
				    (end - first) * PAGE_SIZE);
		sent += end - first;
		end += end == first;
	}
	s->sent += sent;
	return sent;
}

/* The destination's memory is zero already. */
static void leave_out_zeroes(struct sender *s)
{
	static const char zeroes[PAGE_SIZE];

	for (size_t page = 0; page < s->pages; page++)
		if (!memcmp((char *)s->l->ram->mem + page * PAGE_SIZE, zeroes, PAGE_SIZE))
			s->bitmap[page / 64] &= ~(1ull << page % 64);
}

static const char *strategy(struct sender *s)
{
	struct stats after;
	const char *text = "n/a";

	stats_read(&s->l->vm, &after);
	if (stats_delta(&s->before, &after, COUNT_ROUNDS_SCAN) > 0)
		text = "scan";
	if (stats_delta(&s->before, &after, COUNT_ROUNDS_RMAP) > 0)
		text = text[0] == 's' ? "both" : "rmap";
	s->before = after;
	return text;
}

/* Send what is set now; @ticks: what taking the log cost. */
static uint64_t send_round(struct sender *s, uint64_t ticks)
{
	uint64_t start = clock_ns(), pages = send_dirty(s);

	fprintf(stderr, "slatvm: migration: round %2u: %6llu pages, %8.1f ms, log %9llu ticks, "
		"strategy %s\n", s->rounds++, (unsigned long long)pages,
		(clock_ns() - start) / 1e6, (unsigned long long)ticks, strategy(s));
	return pages;
}

static void *sender_main(void *arg)
{
	struct sender *s = arg;
	struct linux_vm *l = s->l;
	uint64_t left, ticks;

	sleep(s->after_s);
	stats_read(&l->vm, &s->before);
	ticks = vm_slot_log(&l->vm, l->ram, true);
	memset(s->bitmap, 0xff, s->pages / 8);
	leave_out_zeroes(s);
	send_round(s, ticks);
	do {
		ticks = vm_slot_dirty(&l->vm, l->ram, s->bitmap);
		left = send_round(s, ticks);
	} while (left > LEFT_PAGES && s->rounds < ROUNDS_MAX);
	atomic_store(&l->stop, true);
	pthread_kill(s->vcpu_thread, SIGUSR1);
	return NULL;
}

static void send_final(struct sender *s)
{
	static struct final final;

	final.stopped_ns = clock_ns();
	send_round(s, vm_slot_dirty(&s->l->vm, s->l->ram, s->bitmap));
	state_get(&s->l->vm.vcpus[0], &final.vcpu);
	final.board = s->l->board;
	send_record(s->fd, RECORD_STATE, 0, &final, sizeof(final));
}

void migrate_out(struct linux_vm *l, int fd, unsigned int after_s)
{
	struct sender s = {
		.l = l, .fd = fd, .after_s = after_s, .vcpu_thread = pthread_self(),
		.pages = l->ram->size / PAGE_SIZE,
	};
	pthread_t thread;
	int error;

	s.bitmap = calloc(s.pages / 64 + 1, 8);
	if (!s.bitmap)
		die(ENOMEM, "migration");
	error = pthread_create(&thread, NULL, sender_main, &s);
	if (error)
		die(error, "migration: a thread");
	if (!linux_run(l))
		die(0, "migration: the guest ended before it was moved");
	fflush(stdout);
	pthread_join(thread, NULL);
	send_final(&s);
	fprintf(stderr, "slatvm: migration: %u rounds, %llu pages of %zu sent\n", s.rounds,
		(unsigned long long)s.sent, s.pages);
	free(s.bitmap);
}

static void receive_pages(struct linux_vm *l, const struct record *record, int fd)
{
	if (record->gpa % PAGE_SIZE || record->bytes % PAGE_SIZE ||
	    record->gpa > l->ram->size || record->bytes > l->ram->size - record->gpa)
		die(0, "migration: 0x%llx bytes at 0x%llx: expected pages of the guest's memory",
		    (unsigned long long)record->bytes, (unsigned long long)record->gpa);
	receive_all(fd, (char *)l->ram->mem + record->gpa, record->bytes);
}

void migrate_in(struct linux_vm *l, int fd)
{
	static struct final final;
	struct record record;

	for (;;) {
		receive_all(fd, &record, sizeof(record));
		if (record.magic != MAGIC)
			die(0, "migration: magic 0x%x, expected 0x%x", record.magic, MAGIC);
		if (record.type != RECORD_PAGES)
			break;
		receive_pages(l, &record, fd);
	}
	if (record.type != RECORD_STATE || record.bytes != sizeof(final))
		die(0, "migration: record %u of %llu bytes, expected the state's %zu",
		    record.type, (unsigned long long)record.bytes, sizeof(final));
	receive_all(fd, &final, sizeof(final));
	state_set(&l->vm.vcpus[0], &final.vcpu);
	l->board = final.board;
	fprintf(stderr, "slatvm: migration: downtime %.1f ms, the guest goes on in process %d\n",
		(clock_ns() - final.stopped_ns) / 1e6, getpid());
}
