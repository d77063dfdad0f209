/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as typed rows. One row gives the command line, the YAML check, --help and the man page of an option.
 * A row names a member of a struct; every string and list in that struct belongs to options_finish().
 */
#ifndef ZOETROPE_OPTIONS_H
#define ZOETROPE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_ERROR_BYTES 512

enum option_type {
	OPTION_TEXT,     /* char *: any text; ${NAME} is replaced from the environment when the role reads it */
	OPTION_BOOL,     /* bool: true/false, on/off, yes/no */
	OPTION_INTEGER,  /* int64_t */
	OPTION_NUMBER,   /* double */
	OPTION_DURATION, /* int64_t ns: 500ms, 2s, 1m, 1h */
	OPTION_SIZE,     /* int64_t bytes: 4096, 64K, 2M, 1G */
	OPTION_CHOICE,   /* char *: one of `choices` */
	OPTION_CPUS, /* char *: "", "1", "0-3", "0,2", "big", "little"; checked for form here, against the machine by affinity */
	OPTION_LIST, /* struct option_list: YAML sequence; as text joined by ',' */
};

/* A list's items are "key=value", and YAML may give them as keys with values. */
#define OPTION_PAIRS "key=value"

struct option_list {
	char **items;
	size_t count;
};

struct option_row {
	const char *name; /* as in YAML; on the command line --name VALUE, '_' written '-' as well */
	enum option_type type;
	size_t offset;        /* offsetof the member */
	const char *fallback; /* default as text; NULL = required */
	double min, max;      /* inclusive, for INTEGER, NUMBER, DURATION (s), SIZE (bytes); both 0 = no bounds */
	const char *unit;     /* "pixels", "frames per second", ""... */
	const char *choices;  /* CHOICE: "a|b|c"; LIST: OPTION_PAIRS, or NULL */
	const char *help;     /* one sentence */
};

/* Rows end with one whose name is NULL. All functions: errors are one sentence in error[OPTIONS_ERROR_BYTES]. */

/* Fill *values with the defaults. Returns 0 | -ENOMEM. */
int options_init(const struct option_row *rows, void *values);
void options_finish(const struct option_row *rows, void *values);

/* Set one option from text. Returns 0 | -EINVAL (value wrong: what was wanted, what was found) | -ENOENT (no such key;
 * nearest named) | -ENOMEM. */
int options_set(const struct option_row *rows, void *values, const char *key, const char *text, char *error);

/* The same by its row; the sentence says only what was wanted and found. Returns 0 | -EINVAL | -ENOMEM. */
int options_put(const struct option_row *row, void *values, const char *text, char *error);

/* The row named key, or NULL. */
const struct option_row *options_find(const struct option_row *rows, const char *key);

/* Nearest known key by edit distance, or NULL if none is near. */
const char *options_nearest(const struct option_row *rows, const char *key);

/* The same among any words. */
const char *options_nearest_word(const char *const *words, size_t count, const char *word);

/* A row without default that has no value, or NULL. */
const struct option_row *options_missing(const struct option_row *rows, const void *values);

/* Is everything there that has no default? Returns 0 | -EINVAL (which one is missing). */
int options_complete(const struct option_row *rows, const void *values, char *error);

/* Replace ${NAME} by the environment's. Caller frees *out. Returns 0 | -EINVAL (not set, or no '}') | -ENOMEM. */
int options_expand(const char *text, char **out, char *error);

/* Join list items by ',' as options_set() reads them (a backslash before ',' and backslash). Caller frees. NULL = no
 * memory. */
char *options_join(char *const *items, size_t count);

/* What a value must look like, for people: "a number from 0 to 1000 (frames per second)". */
void options_wanted(const struct option_row *row, char *out, size_t size);

/* Text of an option's present value, as options_set() reads it. Caller frees. NULL = no memory. */
char *options_text(const struct option_row *row, const void *values);

/* Print an entry for each row: --name, sentence, what is wanted, default. */
void options_help(const struct option_row *rows);

#endif
