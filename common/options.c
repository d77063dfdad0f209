/* SPDX-License-Identifier: Apache-2.0 */
/* Options as rows: defaults, setting by key, the nearest known key, and the sentences about them. */
#include "options.h"
#include "options_value.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *member_of(const struct option_row *row, void *values)
{
	return (char *)values + row->offset;
}

static const void *member_read(const struct option_row *row, const void *values)
{
	return (const char *)values + row->offset;
}

static bool owns_memory(const struct option_row *row)
{
	return row->type == OPTION_TEXT || row->type == OPTION_CHOICE || row->type == OPTION_CPUS ||
	       row->type == OPTION_LIST;
}

int options_init(const struct option_row *rows, void *values)
{
	for (const struct option_row *row = rows; row->name; row++) {
		assert(row->fallback || owns_memory(row)); /* only those can be seen to be missing */
		if (row->type == OPTION_LIST)
			*(struct option_list *)member_of(row, values) = (struct option_list){0};
		else if (owns_memory(row))
			*(char **)member_of(row, values) = NULL;
	}
	for (const struct option_row *row = rows; row->name; row++) {
		if (!row->fallback || (row->type == OPTION_LIST && !*row->fallback))
			continue;
		int status = options_value_read(row, row->fallback, member_of(row, values));
		assert(status != -EINVAL); /* a default that its own row refuses is our bug */
		if (status < 0) {
			options_finish(rows, values);
			return status;
		}
	}
	return 0;
}

void options_finish(const struct option_row *rows, void *values)
{
	for (const struct option_row *row = rows; row->name; row++)
		options_value_free(row, member_of(row, values));
}

const struct option_row *options_find(const struct option_row *rows, const char *key)
{
	for (const struct option_row *row = rows; row->name; row++) {
		if (!strcmp(row->name, key))
			return row;
	}
	return NULL;
}

#define KEY_MAX 63 /* longer words are near to nothing */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) that turn one word into the other. */
static unsigned distance(const char *a, const char *b)
{
	size_t a_length = strlen(a), b_length = strlen(b);
	unsigned cost[KEY_MAX + 2][KEY_MAX + 2];

	if (a_length > KEY_MAX || b_length > KEY_MAX)
		return KEY_MAX;
	for (unsigned i = 0; i <= a_length; i++)
		cost[i][0] = i;
	for (unsigned j = 0; j <= b_length; j++)
		cost[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		for (size_t j = 1; j <= b_length; j++) {
			unsigned replaced = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			cost[i][j] = least(replaced, least(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[a_length][b_length];
}

/* Is the one the beginning of the other ("model_path", "lab")? */
static bool begins(const char *a, const char *b)
{
	size_t length = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return length >= 3 && !strncmp(a, b, length);
}

const char *options_nearest_word(const char *const *words, size_t count, const char *word)
{
	unsigned best = strlen(word) <= 3 ? 1 : strlen(word) <= 6 ? 2 : 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned edits = distance(words[i], word);
		if (edits < best || (edits == best && !nearest)) {
			best = edits;
			nearest = words[i];
		}
	}
	for (size_t i = 0; !nearest && i < count; i++) {
		if (begins(words[i], word))
			nearest = words[i];
	}
	return nearest;
}

const char *options_nearest(const struct option_row *rows, const char *key)
{
	const char *names[128];
	size_t count = 0;

	for (const struct option_row *row = rows; row->name && count < sizeof names / sizeof *names; row++)
		names[count++] = row->name;
	return options_nearest_word(names, count, key);
}

void options_wanted(const struct option_row *row, char *out, size_t size)
{
	static const char *const kinds[] = {
	    [OPTION_TEXT] = "text",
	    [OPTION_BOOL] = "true or false",
	    [OPTION_INTEGER] = "a whole number",
	    [OPTION_NUMBER] = "a number",
	    [OPTION_DURATION] = "a time with its unit, such as 500ms, 2s, 1m or 1h",
	    [OPTION_SIZE] = "a size, such as 4096, 64K, 2M or 1G",
	    [OPTION_CPUS] = "CPU numbers, such as 1, 0-3 or 0,2, or big or little",
	    [OPTION_LIST] = "a list",
	};
	bool bounded = row->min != 0 || row->max != 0;
	int length = 0;

	if (row->type == OPTION_LIST && row->choices)
		length = snprintf(out, size, "keys with values, or a list of KEY=VALUE");
	else if (row->type == OPTION_CHOICE)
		length = snprintf(out, size, "one of %s", row->choices);
	else
		length = snprintf(out, size, "%s", kinds[row->type]);
	if (bounded && length < (int)size) {
		const char *unit = row->type == OPTION_DURATION ? "s" : "";
		length += snprintf(out + length, size - (size_t)length, " from %.12g%s to %.12g%s", row->min, unit,
		                   row->max, unit);
	}
	if (row->unit && *row->unit && length < (int)size)
		snprintf(out + length, size - (size_t)length, " (%s)", row->unit);
}

int options_put(const struct option_row *row, void *values, const char *text, char *error)
{
	int status = options_value_read(row, text, member_of(row, values));

	if (status == -EINVAL) {
		char wanted[256];
		options_wanted(row, wanted, sizeof wanted);
		snprintf(error, OPTIONS_ERROR_BYTES, "wanted %s, found '%.100s'", wanted, text);
	} else if (status < 0) {
		snprintf(error, OPTIONS_ERROR_BYTES, "out of memory");
	}
	return status;
}

int options_set(const struct option_row *rows, void *values, const char *key, const char *text, char *error)
{
	const struct option_row *row = options_find(rows, key);
	char reason[OPTIONS_ERROR_BYTES];

	if (!row) {
		const char *nearest = options_nearest(rows, key);
		snprintf(error, OPTIONS_ERROR_BYTES, "key '%s' is not known%s%s%s", key,
		         nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
		return -ENOENT;
	}
	int status = options_put(row, values, text, reason);
	if (status < 0)
		snprintf(error, OPTIONS_ERROR_BYTES, "key '%s': %.400s", key, reason);
	return status;
}

const struct option_row *options_missing(const struct option_row *rows, const void *values)
{
	for (const struct option_row *row = rows; row->name; row++) {
		if (row->fallback)
			continue;
		const void *member = member_read(row, values);
		bool missing = row->type == OPTION_LIST ? !((const struct option_list *)member)->count
		                                        : !*(char *const *)member || !**(char *const *)member;
		if (missing)
			return row;
	}
	return NULL;
}

int options_complete(const struct option_row *rows, const void *values, char *error)
{
	const struct option_row *row = options_missing(rows, values);

	if (!row)
		return 0;
	snprintf(error, OPTIONS_ERROR_BYTES, "key '%s' is missing: %s", row->name, row->help);
	return -EINVAL;
}

/* Append the value of the variable that ${name} names; *at stands behind "${". */
static int expand_variable(const char **at, FILE *out, char *error)
{
	size_t length = strcspn(*at, "}");
	char name[128];

	if (!(*at)[length] || !length || length >= sizeof name) {
		snprintf(error, OPTIONS_ERROR_BYTES, "wanted ${NAME}, found '${%.100s'", *at);
		return -EINVAL;
	}
	memcpy(name, *at, length);
	name[length] = 0;
	const char *value = getenv(name);
	if (!value) {
		snprintf(error, OPTIONS_ERROR_BYTES,
		         "environment variable %s is not set; set it before zoetrope starts", name);
		return -EINVAL;
	}
	fputs(value, out);
	*at += length + 1;
	return 0;
}

int options_expand(const char *text, char **out, char *error)
{
	size_t size = 0;
	char *expanded = NULL;
	int status = 0;
	FILE *stream = open_memstream(&expanded, &size);

	if (!stream) {
		snprintf(error, OPTIONS_ERROR_BYTES, "out of memory");
		return -ENOMEM;
	}
	for (const char *at = text; !status && *at;) {
		if (at[0] == '$' && at[1] == '{') {
			at += 2;
			status = expand_variable(&at, stream, error);
		} else {
			fputc(*at++, stream);
		}
	}
	if (fclose(stream) && !status) {
		snprintf(error, OPTIONS_ERROR_BYTES, "out of memory");
		status = -ENOMEM;
	}
	if (status < 0)
		free(expanded);
	else
		*out = expanded;
	return status;
}

char *options_join(char *const *items, size_t count)
{
	size_t size = 1;

	for (size_t i = 0; i < count; i++)
		size += 2 * strlen(items[i]) + 1;
	char *joined = malloc(size), *end = joined;
	for (size_t i = 0; joined && i < count; i++) {
		if (i)
			*end++ = ',';
		for (const char *at = items[i]; *at; at++) {
			if (*at == ',' || *at == '\\')
				*end++ = '\\';
			*end++ = *at;
		}
	}
	if (joined)
		*end = 0;
	return joined;
}

char *options_text(const struct option_row *row, const void *values)
{
	return options_value_text(row, member_read(row, values));
}

void options_help(const struct option_row *rows)
{
	for (const struct option_row *row = rows; row->name; row++) {
		char wanted[256];
		options_wanted(row, wanted, sizeof wanted);
		printf("  --");
		for (const char *at = row->name; *at; at++)
			putchar(*at == '_' ? '-' : *at);
		printf("\n        %s\n        %s", row->help, wanted);
		if (!row->fallback)
			printf("; required\n");
		else
			printf("; default %s\n", *row->fallback ? row->fallback : "empty");
	}
}
