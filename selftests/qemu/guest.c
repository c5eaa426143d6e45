// SPDX-License-Identifier: GPL-2.0
/*
 * The program inside QEMU's guest: it keeps memory busy with a pattern that it
 * verifies, and waits for the power button. Static; run by the guest's shell.
 *
 *	guest busy MIB THREADS	rewrite until SIGUSR1, verify, tell
 *	guest button SECONDS	until the power button is pressed
 *
 * Each word of a page tells the page, the word and the pass in which it was
 * written, and a thread knows which pass each of its pages is in: memory that
 * is one write behind is found, wherever it is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE_WORDS	512
#define MAX_THREADS	8
/* Wrong words that are told one by one. */
#define TOLD		5

struct worker {
	pthread_t thread;
	uint64_t *memory;
	size_t pages;
	uint64_t passes;
	uint64_t wrong;
	int number;
};

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/* What the first word of @page holds after @pass wrote it; each next is one more. */
static uint64_t pattern(uint64_t page, uint64_t pass)
{
	uint64_t x = page * 0x9e3779b97f4a7c15ull + pass * 0xc2b2ae3d27d4eb4full + 1;

	x ^= x >> 29;
	return x * 0xbf58476d1ce4e5b9ull;
}

static void page_write(uint64_t *words, uint64_t page, uint64_t pass)
{
	uint64_t x = pattern(page, pass);

	for (int i = 0; i < PAGE_WORDS; i++)
		words[i] = x + i;
}

static void page_verify(struct worker *w, uint64_t page, uint64_t pass)
{
	const uint64_t *words = w->memory + page * PAGE_WORDS;
	uint64_t x = pattern(page, pass);

	for (int i = 0; i < PAGE_WORDS; i++) {
		if (words[i] == x + i)
			continue;
		if (w->wrong++ < TOLD)
			printf("GUEST wrong: thread %d page %llu word %d pass %llu: %#llx, not %#llx\n",
			       w->number, (unsigned long long)page, i, (unsigned long long)pass,
			       (unsigned long long)words[i], (unsigned long long)(x + i));
	}
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;

	for (uint64_t page = 0; page < w->pages; page++)
		page_write(w->memory + page * PAGE_WORDS, page, 0);
	while (!stop) {
		for (uint64_t page = 0; page < w->pages; page++) {
			page_verify(w, page, w->passes);
			page_write(w->memory + page * PAGE_WORDS, page, w->passes + 1);
		}
		__atomic_store_n(&w->passes, w->passes + 1, __ATOMIC_RELEASE);
	}
	for (uint64_t page = 0; page < w->pages; page++)
		page_verify(w, page, w->passes);
	return NULL;
}

static int busy(size_t pages, int threads)
{
	struct worker workers[MAX_THREADS] = {};
	uint64_t passes = 0, wrong = 0;
	bool said = false;

	signal(SIGUSR1, on_stop);
	for (int i = 0; i < threads; i++) {
		struct worker *w = &workers[i];

		w->number = i;
		w->pages = pages / threads;
		w->memory = mmap(NULL, w->pages * PAGE_WORDS * 8, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (w->memory == MAP_FAILED ||
		    pthread_create(&w->thread, NULL, worker_run, w)) {
			perror("GUEST busy");
			return 1;
		}
	}
	while (!stop) {
		usleep(50000);
		if (!said && __atomic_load_n(&workers[threads - 1].passes, __ATOMIC_ACQUIRE)) {
			said = true;
			printf("GUEST busy: first pass done\n");
		}
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		passes += workers[i].passes;
		wrong += workers[i].wrong;
	}
	printf("GUEST busy: verified %zu pages in %d threads, %llu passes, %llu words wrong.\n",
	       pages / threads * threads, threads, (unsigned long long)passes,
	       (unsigned long long)wrong);
	return wrong != 0;
}

static int input_devices(struct pollfd *fds, int max)
{
	DIR *dir = opendir("/dev/input");
	struct dirent *entry;
	char path[300];
	int n = 0;

	while (dir && n < max && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "event", 5))
			continue;
		snprintf(path, sizeof(path), "/dev/input/%s", entry->d_name);
		fds[n].fd = open(path, O_RDONLY | O_NONBLOCK);
		fds[n].events = POLLIN;
		if (fds[n].fd >= 0)
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static int button(int seconds)
{
	struct pollfd fds[8];
	int n = input_devices(fds, 8);
	struct input_event event;
	time_t end = time(NULL) + seconds;

	printf("GUEST button: %d input devices\n", n);
	while (n && time(NULL) < end) {
		poll(fds, n, 1000);
		for (int i = 0; i < n; i++) {
			if (read(fds[i].fd, &event, sizeof(event)) != sizeof(event))
				continue;
			if (event.type == EV_KEY && event.code == KEY_POWER && event.value) {
				printf("GUEST button: power\n");
				return 0;
			}
		}
	}
	printf("GUEST button: nothing within %d s\n", seconds);
	return 1;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && !strcmp(argv[1], "busy") && atoi(argv[2]) > 0 &&
	    atoi(argv[3]) > 0 && atoi(argv[3]) <= MAX_THREADS)
		return busy((size_t)atoi(argv[2]) * 256, atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "button"))
		return button(atoi(argv[2]));
	fprintf(stderr, "usage: guest busy MIB THREADS | guest button SECONDS\n");
	return 2;
}
