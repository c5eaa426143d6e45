// SPDX-License-Identifier: GPL-2.0
/* The maps' content, and the difference of two. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Reads a map's pairs to lines of @size bytes that begin with the key. */
static int map_read(int map, void *lines, size_t size, size_t key_size, size_t value_at, int max)
{
	char key[16], next[16];
	void *at = NULL;
	int nr = 0;

	while (nr < max && !bpf_map_get_next_key(map, at, next)) {
		char *line = (char *)lines + nr * size;

		memcpy(key, next, sizeof(key));
		at = key;
		memcpy(line, key, key_size);
		nr += !bpf_map_lookup_elem(map, key, line + value_at);
	}
	return nr;
}

#define MAP_READ(map, lines, key)						\
	map_read(map, lines, sizeof((lines)[0]), sizeof((lines)[0].key),	\
		 offsetof(typeof((lines)[0]), counts), sizeof(lines) / sizeof((lines)[0]))

static bool vm_is_there(const struct sample *s, unsigned int id)
{
	for (int i = 0; i < s->nr_vms; i++)
		if (s->vms[i].id == id)
			return true;
	return false;
}

/* vCPUs and slots of VMs that are gone leave the maps here. */
static void forget_dead(const struct maps *maps, struct sample *s)
{
	int nr = 0;

	for (int i = 0; i < s->nr_vcpus; i++) {
		if (vm_is_there(s, s->vcpus[i].key.vm))
			s->vcpus[nr++] = s->vcpus[i];
		else
			bpf_map_delete_elem(maps->vcpus, &s->vcpus[i].key);
	}
	s->nr_vcpus = nr;
	nr = 0;
	for (int i = 0; i < s->nr_slots; i++) {
		if (vm_is_there(s, s->slots[i].key.vm))
			s->slots[nr++] = s->slots[i];
		else
			bpf_map_delete_elem(maps->slots, &s->slots[i].key);
	}
	s->nr_slots = nr;
}

/* A VM whose vCPUs alone were heard of has a line too. */
static void add_quiet_vms(struct sample *s)
{
	for (int i = 0; i < s->nr_vcpus && s->nr_vms < MAX_VMS; i++)
		if (!vm_is_there(s, s->vcpus[i].key.vm))
			s->vms[s->nr_vms++] = (struct vm_line){ .id = s->vcpus[i].key.vm };
}

void sample_take(const struct maps *maps, struct sample *s)
{
	char name[64];
	int nr = 0;

	s->seconds = now();
	s->nr_vms = MAP_READ(maps->vms, s->vms, id);
	s->nr_vcpus = MAP_READ(maps->vcpus, s->vcpus, key);
	s->nr_slots = MAP_READ(maps->slots, s->slots, key);
	add_quiet_vms(s);
	/* Events of its last moments may have come after its destruction. */
	for (int i = 0; i < s->nr_vms; i++) {
		if (vm_name(s->vms[i].id, name, sizeof(name)))
			s->vms[nr++] = s->vms[i];
		else
			bpf_map_delete_elem(maps->vms, &s->vms[i].id);
	}
	s->nr_vms = nr;
	forget_dead(maps, s);
}

/* Counters are unsigned long longs; @nr of them at @now less those at @before. */
static void subtract(void *now, const void *before, size_t nr)
{
	unsigned long long *a = now;
	const unsigned long long *b = before;

	for (size_t i = 0; i < nr; i++)
		if (a[i] >= b[i])
			a[i] -= b[i];
}

#define WORDS(type)	(sizeof(type) / sizeof(unsigned long long))

static void vms_subtract(struct sample *now, const struct sample *before)
{
	for (int i = 0; i < now->nr_vms; i++) {
		unsigned long long hold = now->vms[i].counts.zap_hold_max_ns;

		for (int j = 0; j < before->nr_vms; j++)
			if (now->vms[i].id == before->vms[j].id)
				subtract(&now->vms[i].counts, &before->vms[j].counts,
					 WORDS(struct vm_counts));
		now->vms[i].counts.zap_hold_max_ns = hold;
	}
}

static void slots_subtract(struct sample *now, const struct sample *before)
{
	const size_t first = offsetof(struct slot_counts, changes);

	for (int i = 0; i < now->nr_slots; i++)
		for (int j = 0; j < before->nr_slots; j++)
			if (!memcmp(&now->slots[i].key, &before->slots[j].key,
				    sizeof(struct slot_key)))
				subtract((char *)&now->slots[i].counts + first,
					 (const char *)&before->slots[j].counts + first,
					 WORDS(struct slot_counts) -
					 first / sizeof(unsigned long long));
}

void sample_subtract(struct sample *now, const struct sample *before)
{
	vms_subtract(now, before);
	slots_subtract(now, before);
	for (int i = 0; i < now->nr_vcpus; i++)
		for (int j = 0; j < before->nr_vcpus; j++)
			if (!memcmp(&now->vcpus[i].key, &before->vcpus[j].key,
				    sizeof(struct vcpu_key)))
				subtract(&now->vcpus[i].counts, &before->vcpus[j].counts,
					 WORDS(struct vcpu_counts));
	now->seconds -= before->seconds;
}
