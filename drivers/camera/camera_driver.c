/* SPDX-License-Identifier: Apache-2.0 */
/* The camera drivers there are, and the pacing that they share. */
#include "camera_driver.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct camera_driver *const drivers[] = {&camera_file, &camera_test};
#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

/* Length of "scheme" in "scheme:rest"; 0 if it is a bare path. */
static size_t scheme_length(const char *source)
{
	size_t length = 0;
	while (isalnum((unsigned char)source[length]) || (length && strchr("+-.", source[length]) && source[length]))
		length++;
	return length && source[length] == ':' ? length : 0;
}

/* "file:///a/b" and "file:/a/b" are the same file. */
static const char *without_authority(const char *rest)
{
	return strncmp(rest, "///", 3) == 0 ? rest + 2 : rest;
}

const struct camera_driver *camera_driver_find(const char *source, const char **out_rest, char *error)
{
	size_t length = scheme_length(source);
	if (length == 0) {
		*out_rest = source;
		return &camera_file;
	}
	for (size_t i = 0; i < DRIVERS; i++) {
		if (strlen(drivers[i]->scheme) != length || strncmp(drivers[i]->scheme, source, length) != 0)
			continue;
		*out_rest = without_authority(source + length + 1);
		return drivers[i];
	}
	char known[128] = "";
	for (size_t i = 0; i < DRIVERS; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s:", i ? ", " : "",
		         drivers[i]->scheme);
	snprintf(error, CAMERA_ERROR_BYTES, "source '%.200s': there is no camera driver '%.*s:'; there are %s", source,
	         (int)length, source, known);
	return NULL;
}

int64_t camera_pace_due(struct camera_pace *pace, int64_t at_ns)
{
	int64_t due = pace->start_ns + at_ns, late = zoe_now_ns() - due;
	if (late <= pace->period_ns)
		return due;
	int64_t skipped = late / pace->period_ns;
	pace->start_ns += skipped * pace->period_ns;
	pace->dropped += (uint64_t)skipped;
	return due + skipped * pace->period_ns;
}
