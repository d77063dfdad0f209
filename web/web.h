/* SPDX-License-Identifier: Apache-2.0 */
/* The page's files, put into the program at build by tools/embed. */
#ifndef ZOETROPE_WEB_H
#define ZOETROPE_WEB_H

#include <stddef.h>

struct web_file {
	const char *path; /* "/app.js"; "/" for index.html */
	const char *type;
	const unsigned char *data;
	size_t size;
};

extern const struct web_file web_files[]; /* ends with path NULL */

#endif
