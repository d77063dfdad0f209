/* SPDX-License-Identifier: Apache-2.0 */
/* The camera drivers there are, and the pacing that they share. */
#include "camera_driver.h"

#include "common/login.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static const struct camera_driver *const drivers[] = {&camera_file, &camera_network, &camera_images,
                                                      &camera_v4l2, &camera_gst,     &camera_test};
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

/* Is the word one of those in the list, which blanks separate? */
static bool has_word(const char *list, const char *word, size_t length)
{
	for (; *list; list += strspn(list, " ")) {
		size_t span = strcspn(list, " ");
		if (span == length && strncmp(list, word, length) == 0)
			return true;
		list += span;
	}
	return false;
}

/* "rtsp:, file:, test:" */
static void name_schemes(char *out, size_t room)
{
	size_t used = 0;
	for (size_t i = 0; i < DRIVERS; i++) {
		for (const char *list = drivers[i]->schemes; *list && used < room; list += strspn(list, " ")) {
			size_t span = strcspn(list, " ");
			used += (size_t)snprintf(out + used, room - used, "%s%.*s:", used ? ", " : "", (int)span, list);
			list += span;
		}
	}
}

const struct camera_driver *camera_driver_find(const char *source, const char **out_rest, char *error)
{
	size_t length = scheme_length(source);
	if (length == 0) {
		*out_rest = source;
		return strncmp(source, "/dev/", 5) == 0 ? &camera_v4l2 : &camera_file;
	}
	for (size_t i = 0; i < DRIVERS; i++) {
		if (!has_word(drivers[i]->schemes, source, length))
			continue;
		*out_rest = without_authority(source + length + 1);
		return drivers[i];
	}
	char known[128], shown[CAMERA_SHOWN_BYTES];
	name_schemes(known, sizeof(known));
	camera_source_show(source, shown);
	snprintf(error, CAMERA_ERROR_BYTES, "source '%.200s': there is no camera driver '%.*s:'; there are %s", shown,
	         (int)length, source, known);
	return NULL;
}

void camera_source_show(const char *source, char out[CAMERA_SHOWN_BYTES])
{
	const char *host = strstr(source, "://");
	if (strncmp(source, "gst:", 4) == 0) {
		char whole[4096];
		snprintf(whole, sizeof(whole), "%s", source);
		login_hide(whole);
		snprintf(out, CAMERA_SHOWN_BYTES, "%.*s", CAMERA_SHOWN_BYTES - 1, whole);
		return;
	}
	if (!host || host - source != (ptrdiff_t)scheme_length(source) || strncmp(source, "file:", 5) == 0) {
		snprintf(out, CAMERA_SHOWN_BYTES, "%s", source);
		return;
	}
	host += 3;
	/* A password may hold any character, '/' and '?' too: only what follows the last '@' is surely none of it. */
	const char *login = strrchr(host, '@');
	const char *address = login ? login + 1 : host;
	size_t length = strcspn(address, "?=&#");
	snprintf(out, CAMERA_SHOWN_BYTES, "%.*s%.*s%s", (int)(host - source), source, (int)length, address,
	         address[length] ? "..." : "");
}

int camera_interrupt_wait(struct camera_interrupt *interrupt, int64_t until_ns)
{
	for (;;) {
		int64_t left = until_ns - zoe_now_ns();
		if (atomic_load(&interrupt->set))
			return -EINTR;
		if (left <= 0)
			return 0;
		struct pollfd wake = {.fd = interrupt->fd, .events = POLLIN};
		struct timespec time = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
		ppoll(&wake, 1, &time, NULL);
	}
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
