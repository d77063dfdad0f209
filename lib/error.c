/* SPDX-License-Identifier: Apache-2.0 */
/* The last error of each thread: the only variable of the library that is not in a handle. */
#include "error.h"
#include "zoetrope.h"

#include <stdarg.h>
#include <stdio.h>
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
