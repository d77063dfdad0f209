/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `zoetrope`: one file each, one row each in the table of main.c. */
#ifndef ZOETROPE_CLI_H
#define ZOETROPE_CLI_H

#include "options.h"

#define CLI_USAGE 2   /* exit status: the command line is wrong */
#define CLI_WORDS 256 /* a folder of pictures */

struct cli_command {
	const char *name;
	const char *usage; /* behind the name */
	const char *help;  /* one sentence */
	const struct option_row *rows;
	const char *more;                  /* further lines of its help, or NULL */
	int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit status */
};

extern const struct cli_command cli_run, cli_ctl, cli_ls, cli_info, cli_top, cli_view, cli_cat, cli_clean, cli_model,
    cli_detect, cli_devices, cli_version, cli_help;
extern const struct cli_command *const cli_commands[]; /* ends with NULL */

/* What stands on a command line besides options. */
struct cli_words {
	const char *items[CLI_WORDS];
	unsigned count;
};

/*
 * Read options and words. values: options_init() is done here, options_finish() by the caller.
 *
 * Returns 0 | -EINVAL (the sentence was printed)
 */
int cli_read(const struct cli_command *command, int argc, char **argv, void *values, struct cli_words *words);

/* Print "zoetrope: ..." to standard error. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The domain's path: what was given, else ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID. */
void cli_domain(const char *given, char *out, size_t size);

/* Help of one command; all of them. */
void cli_print_help(const struct cli_command *command);

#endif
