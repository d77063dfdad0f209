/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as nested keys, over libyaml's document API; every error names file and line. libyaml stays behind
 * this header.
 */
#ifndef ZOETROPE_YAML_FILE_H
#define ZOETROPE_YAML_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

#define YAML_ERROR_BYTES 1024

struct yaml;

struct yaml_pair {
	const char *key; /* lives as long as the document */
	int value;       /* node */
	unsigned line;   /* of the key, from 1 */
};

/*
 * Read a file of one document.
 *
 * wanted  what an empty file should have held: "cameras: and more"
 * error   [YAML_ERROR_BYTES], also where later failures go
 *
 * Returns 0 | -EINVAL | -ENOMEM | -errno
 */
int yaml_open(const char *path, const char *wanted, struct yaml **out, char *error);
void yaml_close(struct yaml *yaml);
int yaml_root(const struct yaml *yaml);

/* Next key of a mapping (*at = 0 at first); false = no more, or no mapping. */
bool yaml_next(const struct yaml *yaml, int node, size_t *at, struct yaml_pair *out);

/* Every key of the whole document is text and stands once in its mapping. Returns 0 | -EINVAL. */
int yaml_check_keys(struct yaml *yaml);

/* Is the node a mapping (or empty)? path for the sentence, "" = the document. Returns 0 | -EINVAL. */
int yaml_wants_keys(struct yaml *yaml, int node, const char *path);

/*
 * What a row wants, as options_put() reads it: a scalar as it stands, a sequence of scalars joined as options_join()
 * does; for OPTION_PAIRS a mapping of scalars too. Caller frees.
 * NULL = it is something else, or no memory: error[OPTIONS_ERROR_BYTES] says what was wanted and found.
 */
char *yaml_text(const struct yaml *yaml, int node, const struct option_row *row, char *error);

/* Write "FILE:LINE: ..." into error; line 0 = "FILE: ...". Returns -EINVAL. */
int yaml_fail(struct yaml *yaml, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The sentence about a key that does not exist below path ("" = at the top). Returns -EINVAL. */
int yaml_unknown(struct yaml *yaml, unsigned line, const char *path, const char *key, const char *nearest);

#endif
