/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a role: its own options, those of every process, and --name, --domain, --log. Used by role.c
 * alone. */
#ifndef ZOETROPE_ROLE_COMMAND_H
#define ZOETROPE_ROLE_COMMAND_H

#include "role.h"

struct role_command {
	char *name;   /* "" = the role's word */
	char *domain; /* "" = ZOETROPE_DOMAIN or the default */
	char *log;    /* info, error */
};

/*
 * rows     process_rows and the role's, joined
 * options  filled; options_init() was not called yet
 *
 * Returns 0 | 1 (--help or --version: printed) | -EINVAL, -ENOENT, -ENOMEM (sentence in error[OPTIONS_ERROR_BYTES])
 * Owner   the caller: role_command_finish() and options_finish(), also after a failure
 */
int role_command_read(int argc, char **argv, const char *role, const struct option_row *rows, void *options,
                      struct role_command *out, char *error);
void role_command_finish(struct role_command *command);

#endif
