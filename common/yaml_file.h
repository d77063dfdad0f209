/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as nested keys, over libyaml's document API; every error names file and line. libyaml stays behind
 * this header.
 */
#ifndef ZOETROPE_CONTROL_YAML_H
#define ZOETROPE_CONTROL_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct yaml;

struct yaml_pair {
	const char *key; /* lives as long as the document */
	int value;       /* node */
	unsigned line;   /* of the key, from 1 */
};

/* Read a file of one document. error [CONTROL_ERROR_BYTES] is also where later failures go. Returns 0 | -EINVAL |
 * -ENOMEM | -errno */
int yaml_open(const char *path, struct yaml **out, char *error);
void yaml_close(struct yaml *yaml);
int yaml_root(const struct yaml *yaml);

/* Next key of a mapping (*at = 0 at first); false = no more, or no mapping. */
bool yaml_next(const struct yaml *yaml, int node, size_t *at, struct yaml_pair *out);

/* Every key of the whole document is text and stands once in its mapping. Returns 0 | -EINVAL. */
int yaml_check_keys(struct yaml *yaml);

/* Is the node a mapping (or empty)? path for the sentence, "" = the document. Returns 0 | -EINVAL. */
int yaml_wants_keys(struct yaml *yaml, int node, const char *path);

/*
 * A scalar as it stands, or a sequence of scalars joined as options_join() does. Caller frees.
 * NULL = it is something else, or no memory: error[OPTIONS_ERROR_BYTES] says what was wanted and found.
 */
char *yaml_text(const struct yaml *yaml, int node, bool is_list, char *error);

/* Write "FILE:LINE: ..." into error; line 0 = "FILE: ...". Returns -EINVAL. */
int yaml_fail(struct yaml *yaml, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The sentence about a key that does not exist below path ("" = at the top). Returns -EINVAL. */
int yaml_unknown(struct yaml *yaml, unsigned line, const char *path, const char *key, const char *nearest);

#endif
