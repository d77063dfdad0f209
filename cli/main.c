/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope COMMAND ...`: finds the command, and what all commands share. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_command *const cli_commands[] = {&cli_run,     &cli_ctl,     &cli_ls,    &cli_info,  &cli_top,
                                                  &cli_view,    &cli_cat,     &cli_clean, &cli_model, &cli_detect,
                                                  &cli_devices, &cli_version, &cli_help,  NULL};

void cli_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("zoetrope: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void cli_domain(const char *given, char *out, size_t size)
{
	const char *path = given && *given ? given : getenv("ZOETROPE_DOMAIN");

	if (path && *path)
		snprintf(out, size, "%s", path);
	else
		snprintf(out, size, "/dev/shm/zoetrope-%u", (unsigned)geteuid()); /* as zoe_domain_open() */
}

/* Options are --key=value, --key value, or --flag. */
static int read_option(const struct cli_command *command, char **argv, int *at, void *values)
{
	char key[64] = "", error[OPTIONS_ERROR_BYTES];
	const char *argument = argv[*at];
	size_t length = strcspn(argument, "=");
	const char *value = argument[length] ? argument + length + 1 : NULL;

	if (strncmp(argument, "--", 2) || length - 2 >= sizeof key) {
		cli_error("%s: option '%s' is not known; see `zoetrope help %s`", command->name, argument,
		          command->name);
		return -EINVAL;
	}
	memcpy(key, argument + 2, length - 2);
	const struct option_row *row = options_find(command->rows, key);
	if (!row) {
		const char *nearest = options_nearest(command->rows, key);
		cli_error("%s: option '--%s' is not known%s%s%s", command->name, key,
		          nearest ? "; did you mean '--" : "", nearest ? nearest : "", nearest ? "'?" : "");
		return -EINVAL;
	}
	if (!value && row->type == OPTION_BOOL)
		value = "true";
	else if (!value)
		value = argv[++*at];
	if (!value) {
		cli_error("%s: --%s wants a value; see `zoetrope help %s`", command->name, key, command->name);
		return -EINVAL;
	}
	if (options_put(row, values, value, error) < 0) {
		cli_error("%s: --%s: %s", command->name, key, error);
		return -EINVAL;
	}
	return 0;
}

int cli_read(const struct cli_command *command, int argc, char **argv, void *values, struct cli_words *words)
{
	*words = (struct cli_words){0};
	if (options_init(command->rows, values) < 0) {
		cli_error("out of memory");
		return -EINVAL;
	}
	for (int at = 1; at < argc; at++) {
		if (argv[at][0] == '-' && argv[at][1]) {
			if (read_option(command, argv, &at, values) < 0)
				return -EINVAL;
		} else if (words->count == CLI_WORDS) {
			cli_error("%s: '%s' is too much; usage: zoetrope %s %s", command->name, argv[at], command->name,
			          command->usage);
			return -EINVAL;
		} else {
			words->items[words->count++] = argv[at];
		}
	}
	return 0;
}

static int unknown(const char *name)
{
	const char *names[32];
	size_t count = 0;

	for (; cli_commands[count]; count++)
		names[count] = cli_commands[count]->name;
	const char *nearest = options_nearest_word(names, count, name);
	cli_error("command '%s' is not known%s%s%s; see `zoetrope help`", name, nearest ? "; did you mean '" : "",
	          nearest ? nearest : "", nearest ? "'?" : "");
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";

	if (!strcmp(name, "--version"))
		name = "version";
	else if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	for (const struct cli_command *const *command = cli_commands; *command; command++) {
		if (strcmp((*command)->name, name))
			continue;
		for (int i = 2; i < argc; i++) {
			if (!strcmp(argv[i], "--help")) {
				cli_print_help(*command);
				return 0;
			}
		}
		return (*command)->run(argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : argv);
	}
	return unknown(name);
}
