/* SPDX-License-Identifier: Apache-2.0 */
/* The types of options: how each is read from text and written as text. Relies on the C locale (a program that never
 * sets one). */
#include "options_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

/* Largest first: text is written in the largest that divides the value. */
static const struct unit duration_units[] = {{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6},
                                             {"us", 1e3},   {"ns", 1},   {NULL, 0}};
static const struct unit size_units[] = {
    {"T", 1099511627776.0}, {"G", 1073741824.0}, {"M", 1048576.0}, {"K", 1024.0}, {"", 1}, {NULL, 0}};

static bool in_bounds(const struct option_row *row, double value)
{
	return (row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max);
}

static int read_bool(const char *text, bool *out)
{
	static const char *const words[][2] = {{"true", "false"}, {"on", "off"}, {"yes", "no"}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		for (int off = 0; off < 2; off++) {
			if (!strcasecmp(text, words[i][off])) {
				*out = !off;
				return 0;
			}
		}
	}
	return -EINVAL;
}

static int read_integer(const struct option_row *row, const char *text, int64_t *out)
{
	char *end;

	if (!*text || isspace((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	int64_t value = strtoll(text, &end, 10);
	if (errno || *end || !in_bounds(row, (double)value))
		return -EINVAL;
	*out = value;
	return 0;
}

static int read_number(const struct option_row *row, const char *text, double *out)
{
	char *end;

	if (!*text || isspace((unsigned char)*text))
		return -EINVAL;
	double value = strtod(text, &end);
	if (*end || !isfinite(value) || !in_bounds(row, value))
		return -EINVAL;
	*out = value;
	return 0;
}

/* A number that carries one of the units; scale turns the result into what the row's bounds are given in. */
static int read_measure(const struct option_row *row, const struct unit *units, double scale, const char *text,
                        int64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	double number = strtod(text, &end);
	for (const struct unit *unit = units; unit->name; unit++) {
		if (strcmp(end, unit->name))
			continue;
		double value = number * unit->factor;
		if (!(value < 9e18) || !in_bounds(row, value / scale)) /* 9e18: below INT64_MAX */
			return -EINVAL;
		*out = (int64_t)llround(value);
		return 0;
	}
	return -EINVAL;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t length = strlen(text);

	for (const char *at = choices; length && *at;) {
		size_t span = strcspn(at, "|");
		if (span == length && !strncmp(at, text, span))
			return true;
		at += span + (at[span] == '|');
	}
	return false;
}

static bool are_cpus(const char *text)
{
	if (!strcmp(text, "big") || !strcmp(text, "little"))
		return true;
	for (const char *at = text; *at;) {
		char *end;
		if (!isdigit((unsigned char)*at))
			return false;
		long first = strtol(at, &end, 10), last = first;
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return false;
			last = strtol(end + 1, &end, 10);
		}
		if (last < first || last > 4095) /* more than any kernel configuration has (CONFIG_NR_CPUS of
		                                    distributions: 8192 at most) */
			return false;
		if (*end == ',' && end[1])
			end++;
		else if (*end)
			return false;
		at = end;
	}
	return true;
}

static int read_text(const struct option_row *row, const char *text, char **out)
{
	if (row->type == OPTION_CHOICE && !is_choice(row->choices, text))
		return -EINVAL;
	if (row->type == OPTION_CPUS && !are_cpus(text))
		return -EINVAL;
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

static void free_list(struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct option_list){0};
}

/* Copy one item up to an unescaped ',' or the end; returns where it ended. */
static const char *copy_item(const char *at, char *out)
{
	for (; *at && *at != ','; at++) {
		if (*at == '\\' && at[1])
			at++;
		*out++ = *at;
	}
	*out = 0;
	return at;
}

static int read_list(const char *text, struct option_list *out)
{
	size_t length = strlen(text);
	struct option_list list = {
	    .items = calloc(length / 2 + 2, sizeof *list.items)}; /* items have a character and a ',' */

	if (!list.items)
		return -ENOMEM;
	for (const char *at = text; *at;) {
		char *item = malloc(length + 1);
		if (!item) {
			free_list(&list);
			return -ENOMEM;
		}
		at = copy_item(at, item);
		list.items[list.count++] = item;
		if (!*item || (*at == ',' && !at[1])) {
			free_list(&list);
			return -EINVAL;
		}
		at += *at == ',';
	}
	free_list(out);
	*out = list;
	return 0;
}

int options_value_read(const struct option_row *row, const char *text, void *member)
{
	switch (row->type) {
	case OPTION_BOOL:
		return read_bool(text, member);
	case OPTION_INTEGER:
		return read_integer(row, text, member);
	case OPTION_NUMBER:
		return read_number(row, text, member);
	case OPTION_DURATION:
		return read_measure(row, duration_units, 1e9, text, member);
	case OPTION_SIZE:
		return read_measure(row, size_units, 1, text, member);
	case OPTION_LIST:
		return read_list(text, member);
	case OPTION_TEXT:
	case OPTION_CHOICE:
	case OPTION_CPUS:
		return read_text(row, text, member);
	}
	return -EINVAL;
}

static char *measure_text(const struct unit *units, int64_t value)
{
	const struct unit *unit = units;
	char *text;

	while (unit[1].name && (value < (int64_t)unit->factor || value % (int64_t)unit->factor))
		unit++;
	return asprintf(&text, "%" PRId64 "%s", value / (int64_t)unit->factor, unit->name) < 0 ? NULL : text;
}

static char *number_text(double value)
{
	char shortest[64];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(shortest, sizeof shortest, "%.*g", digits, value);
		if (strtod(shortest, NULL) == value)
			break;
	}
	return strdup(shortest);
}

char *options_value_text(const struct option_row *row, const void *member)
{
	char *text;

	switch (row->type) {
	case OPTION_BOOL:
		return strdup(*(const bool *)member ? "true" : "false");
	case OPTION_INTEGER:
		return asprintf(&text, "%" PRId64, *(const int64_t *)member) < 0 ? NULL : text;
	case OPTION_NUMBER:
		return number_text(*(const double *)member);
	case OPTION_DURATION:
		return *(const int64_t *)member ? measure_text(duration_units, *(const int64_t *)member) : strdup("0s");
	case OPTION_SIZE:
		return measure_text(size_units, *(const int64_t *)member);
	case OPTION_LIST:
		return options_join(((const struct option_list *)member)->items,
		                    ((const struct option_list *)member)->count);
	case OPTION_TEXT:
	case OPTION_CHOICE:
	case OPTION_CPUS:
		return strdup(*(char *const *)member ? *(char *const *)member : "");
	}
	return NULL;
}

void options_value_free(const struct option_row *row, void *member)
{
	if (row->type == OPTION_LIST) {
		free_list(member);
	} else if (row->type == OPTION_TEXT || row->type == OPTION_CHOICE || row->type == OPTION_CPUS) {
		free(*(char **)member);
		*(char **)member = NULL;
	}
}
