// SPDX-License-Identifier: GPL-2.0
/* Files of the host, read below options.root. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "slatctl.h"

const char *host_path(const char *format, ...)
{
	static char path[4096];
	int len = snprintf(path, sizeof(path), "%s", options.root);
	va_list ap;

	if (len < 0 || (size_t)len >= sizeof(path))
		return "";
	va_start(ap, format);
	vsnprintf(path + len, sizeof(path) - len, format, ap);
	va_end(ap);
	return path;
}

bool host_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void chomp(char *line)
{
	line[strcspn(line, "\n")] = '\0';
}

bool host_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "r");
	bool good;

	if (!f)
		return false;
	good = fgets(line, size, f);
	fclose(f);
	if (good)
		chomp(line);
	return good;
}

/* The value in "NAME <blanks> : VALUE", or NULL. */
static const char *field_value(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len))
		return NULL;
	line += len;
	line += strspn(line, " \t");
	if (*line != ':' && *line != '=')
		return NULL;
	line++;
	return line + strspn(line, " \t");
}

bool host_field(const char *path, const char *name, char *value, size_t size)
{
	FILE *f = fopen(path, "r");
	const char *found = NULL;
	static char line[16384];

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = field_value(line, name);
	fclose(f);
	if (!found)
		return false;
	snprintf(value, size, "%s", found);
	chomp(value);
	return true;
}

bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}
