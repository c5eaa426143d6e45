// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM answers by Slat's own ioctls (docs/extensions.md): explain an
 * address, show or set a policy, tell the last error.
 */
#include <errno.h>
#include <slat-helper.h>
#include <stdlib.h>
#include <unistd.h>

#include "slatctl.h"

static int refused(int error)
{
	fprintf(stderr, "slatctl: %s\n", strerror(-error));
	return 1;
}

static int access_find(const char *name)
{
	static const char *const names[] = { "read", "write", "exec" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(name, names[i]))
			return 1 << i;
	fprintf(stderr, "slatctl: access '%s': expected read, write or exec\n", name);
	return -1;
}

static void rights_text(unsigned int rights, char *text)
{
	text[0] = rights & SLAT_GPA_READ ? 'r' : '-';
	text[1] = rights & SLAT_GPA_WRITE ? 'w' : '-';
	text[2] = rights & SLAT_GPA_EXEC ? 'x' : '-';
	text[3] = '\0';
}

static void explain_lines(const struct slat_gpa_query *q, const char *access)
{
	char rights[4];

	rights_text(q->rights, rights);
	printf("%s of 0x%llx: %s\n", access, (unsigned long long)q->gpa,
	       slat_reason_text(q->reason));
	printf("  entry   level %u, rights %s%s%s%s%s\n", q->level, rights,
	       q->state & SLAT_GPA_STATE_MMIO ? ", MMIO entry" :
	       q->state & SLAT_GPA_STATE_PRESENT ? ", leaf" : ", empty",
	       q->state & SLAT_GPA_STATE_ACCESSED ? ", accessed" : "",
	       q->state & SLAT_GPA_STATE_DIRTY ? ", dirty" : "",
	       q->state & SLAT_GPA_STATE_HOST_WRITABLE ? ", host-writable" : "");
	if (q->state & SLAT_GPA_STATE_SLOT)
		printf("  slot    %u, flags %#x%s%s\n", q->slot, q->slot_flags,
		       q->state & SLAT_GPA_STATE_SLOT_INVALID ? ", going" : "",
		       q->state & SLAT_GPA_STATE_DIRTY_BIT ? ", dirty in its log" : "");
	else
		puts("  slot    none");
	printf("  slots   generation %llu%s", (unsigned long long)q->generation,
	       q->state & SLAT_GPA_STATE_FLUX ? ", changing now" : "");
	if (q->state & SLAT_GPA_STATE_MMIO)
		printf("; the entry's is %llu (%u bits)", (unsigned long long)q->entry_generation,
		       q->gen_bits);
	putchar('\n');
}

static void explain_json(const struct slat_gpa_query *q, const char *access)
{
	printf("{\"gpa\": %llu, \"access\": \"%s\", \"reason\": %u, \"text\": ",
	       (unsigned long long)q->gpa, access, q->reason);
	json_string(slat_reason_text(q->reason));
	printf(", \"state\": %u, \"level\": %u, \"rights\": %u, \"generation\": %llu", q->state,
	       q->level, q->rights, (unsigned long long)q->generation);
	if (q->state & SLAT_GPA_STATE_MMIO)
		printf(", \"entry_generation\": %llu", (unsigned long long)q->entry_generation);
	if (q->state & SLAT_GPA_STATE_SLOT)
		printf(", \"slot\": %u, \"slot_flags\": %u", q->slot, q->slot_flags);
	puts("}");
}

int cmd_explain(void)
{
	const char *name = options.nr_args == 3 ? options.args[2] : "read";
	unsigned long long gpa;
	struct slat_gpa_query query;
	int access, fd, err;
	char *end;

	errno = 0;
	gpa = strtoull(options.args[1], &end, 0);
	if (errno || !*options.args[1] || *end || options.args[1][0] == '-') {
		fprintf(stderr, "slatctl: address '%s': expected a number, as 0x1000\n",
			options.args[1]);
		return 2;
	}
	access = access_find(name);
	if (access < 0)
		return 2;
	fd = vm_open(options.args[0]);
	if (fd < 0)
		return 1;
	err = slat_query_gpa(fd, gpa, access, &query);
	close(fd);
	if (err == -EINVAL) {
		fprintf(stderr, "slatctl: address 0x%llx: expected one that a slot could have\n", gpa);
		return 1;
	}
	if (err)
		return refused(err);
	if (options.json)
		explain_json(&query, name);
	else
		explain_lines(&query, name);
	return 0;
}

static int policy_set(int fd, const char *name)
{
	int protect = slat_protect_find(name);

	if (protect < 0) {
		fprintf(stderr, "slatctl: policy '%s': expected default, auto, classic, rmap or scan\n",
			name);
		return -EINVAL;
	}
	return options.slot < 0 ? slat_set_policy(fd, protect) :
				  slat_set_slot_policy(fd, options.slot, protect);
}

int cmd_policy(void)
{
	unsigned int protect = 0;
	int fd, err = 0;

	fd = vm_open(options.args[0]);
	if (fd < 0)
		return 1;
	if (options.nr_args == 2)
		err = policy_set(fd, options.args[1]);
	if (!err)
		err = options.slot < 0 ? slat_get_policy(fd, &protect) :
					 slat_get_slot_policy(fd, options.slot, &protect);
	close(fd);
	if (err == -ENOENT) {
		fprintf(stderr, "slatctl: slot %ld: the VM has no such slot\n", options.slot);
		return 1;
	}
	if (err)
		return refused(err);
	puts(slat_protect_name(protect));
	return 0;
}

int cmd_error(void)
{
	struct slat_last_error last;
	int fd, err;

	fd = vm_open(options.args[0]);
	if (fd < 0)
		return 1;
	err = slat_get_last_error(fd, &last);
	close(fd);
	if (err)
		return refused(err);
	if (!options.json) {
		fputs(last.text, stdout);
		if (last.check != SLAT_CHECK_NONE)
			printf(" (ioctl 0x%x: %s; failure number %llu)", last.call,
			       strerror(last.error), (unsigned long long)last.serial);
		putchar('\n');
		return 0;
	}
	printf("{\"serial\": %llu, \"check\": %u, \"errno\": %u, \"call\": %u, \"value\": %llu, ",
	       (unsigned long long)last.serial, last.check, last.error, last.call,
	       (unsigned long long)last.value);
	printf("\"limit\": %llu, \"text\": ", (unsigned long long)last.limit);
	json_string(last.text);
	puts("}");
	return 0;
}
