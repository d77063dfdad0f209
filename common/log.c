/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines of the program. No state: whoever logs says who it is. */
#include "log.h"

#include <unistd.h>

#define LINE_BYTES 2048 /* below PIPE_BUF, so a line in a pipe is never torn */

void log_line_v(const char *who, const char *format, va_list args)
{
	char line[LINE_BYTES];
	int length = snprintf(line, sizeof line, "zoetrope: %.200s%s", who, *who ? ": " : "");
	int begin = length;

	int text = vsnprintf(line + length, sizeof line - (size_t)length, format, args);
	length += text > 0 ? text : 0;
	if (length > (int)sizeof line - 2)
		length = sizeof line - 2;
	for (int i = begin; i < length; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 127)
			line[i] = ' ';
	}
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nobody to tell */
}

void log_line(const char *who, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line_v(who, format, args);
	va_end(args);
}
