/* SPDX-License-Identifier: Apache-2.0 */
/* One line on standard error for each event: "zoetrope: camera front: sentence". Written at once, so lines never mix.
 */
#ifndef ZOETROPE_LOG_H
#define ZOETROPE_LOG_H

#include <stdarg.h>
#include <stdio.h>

/* who may be ""; control characters in the sentence are replaced, it may come from a file's name. */
void log_line(const char *who, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_line_v(const char *who, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
