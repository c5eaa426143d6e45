/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one include of a test: the kselftest harness and the library. A test
 * binary ends with SLAT_TEST_MAIN, which adds --device, --list and test names
 * as arguments to the harness's own main loop.
 */
#ifndef SLAT_SELFTESTS_TEST_H
#define SLAT_SELFTESTS_TEST_H

#include <kselftest_harness.h>

#include "guest.h"
#include "vm.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

/* Heavy tests: an emulated CPU runs some 50 million instructions a second. */
#define LONG_TIMEOUT	120

/* First in a case about what KVM does not have. */
#define SLAT_ONLY(vm) do {						\
	if (vm_is_kvm(vm))						\
		SKIP(return, "KVM has no such call");			\
} while (0)

/* A parameter of slat.ko, for those that change what is expected. */
static inline uint64_t module_parameter(const char *name)
{
	char path[80], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/slat/parameters/%s", name);
	file = fopen(path, "r");
	if (file && !fgets(text, sizeof(text), file))
		text[0] = 0;
	if (file)
		fclose(file);
	return strtoull(text, NULL, 0);
}

static bool test_wanted(const struct __fixture_metadata *f, const struct __test_metadata *t,
			char **names)
{
	char full[256];

	if (!*names)
		return true;
	snprintf(full, sizeof(full), "%s.%s", f->name, t->name);
	for (; *names; names++)
		if (strstr(full, *names))
			return true;
	return false;
}

/* Keep the tests whose "fixture.name" contains one of @names; none given keeps all. */
static void test_select(char **names)
{
	for (struct __fixture_metadata *f = __fixture_list; f; f = f->next) {
		struct __test_metadata **link = &f->tests;

		while (*link)
			if (test_wanted(f, *link, names))
				link = &(*link)->next;
			else
				*link = (*link)->next;
	}
}

static int test_list(void)
{
	for (struct __fixture_metadata *f = __fixture_list; f; f = f->next)
		for (struct __test_metadata *t = f->tests; t; t = t->next)
			printf("%s.%s\n", f->name, t->name);
	return 0;
}

static int test_main(int argc, char **argv)
{
	int fd;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		if (!strcmp(argv[1], "--list"))
			return test_list();
		if (strcmp(argv[1], "--device") || argc < 3) {
			fprintf(stderr, "usage: [--device NODE] [--list] [NAME-PART...]\n");
			return 2;
		}
		vm_set_device(argv[2]);
		argc--;
		argv++;
	}
	fd = open(vm_device(), O_RDWR);
	if (fd < 0) {
		printf("TAP version 13\nBail out! %s: %s\n", vm_device(), strerror(errno));
		return 1;
	}
	close(fd);
	test_select(argv + 1);
	return test_harness_run(argc, argv);
}

#define SLAT_TEST_MAIN					\
	int main(int argc, char **argv)			\
	{						\
		setvbuf(stdout, NULL, _IOLBF, 0);	\
		return test_main(argc, argv);		\
	}

#endif
