/* SPDX-License-Identifier: Apache-2.0 */
/* The last error of each thread: the only variable of the library that is not in a handle. */
#include "error.h"
#include "zoetrope.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static _Thread_local char sentence[512];

int zi_fail(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return code;
}

int zi_open_failed(const char *format, ...)
{
	int error = errno;
	bool damaged = error == ELOOP || error == ENOTDIR || error == EISDIR || error == ENXIO;
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (damaged)
		return zi_fail(-EBADMSG, "damaged: something else is in the place of %s; run zoetrope clean", what);
	return zi_fail(-error, "cannot open %s: %s", what, strerror(error));
}

const char *zoe_error(void)
{
	return sentence;
}

const char *zoe_version(void)
{
	return ZOE_VERSION;
}

int64_t zoe_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
