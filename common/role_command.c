/* SPDX-License-Identifier: Apache-2.0 */
/* Reads --key=value, --key value and --flag into a role's options. ${NAME} becomes the environment's here, not before.
 */
#include "role_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row command_rows[] = {
    {"name", OPTION_TEXT, offsetof(struct role_command, name), "", 0, 0, "", NULL,
     "Name of the camera or detector, [A-Za-z0-9_-], at most 31 characters."},
    {"domain", OPTION_TEXT, offsetof(struct role_command, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {"log", OPTION_CHOICE, offsetof(struct role_command, log), "info", 0, 0, "", "info|error",
     "What is logged on standard error."},
    {NULL},
};

static void print_help(const char *role, const struct option_row *rows)
{
	printf("usage: zoetrope-%s [--OPTION=VALUE]...\n\n", role);
	printf("The %s of Zoetrope, as `zoetrope run` starts it; it can also run alone.\n\n", role);
	options_help(rows);
	options_help(command_rows);
	printf("  --help, --version\n");
}

static bool is_bool_word(const char *text)
{
	static const char *const words[] = {"true", "false", "on", "off", "yes", "no"};

	for (size_t i = 0; text && i < sizeof words / sizeof *words; i++) {
		if (!strcasecmp(text, words[i]))
			return true;
	}
	return false;
}

/* Set one option of either table. */
static int set(const struct option_row *rows, void *options, struct role_command *command, const char *key,
               const char *text, char *error)
{
	const struct option_row *row = options_find(rows, key);
	bool of_command = !row && options_find(command_rows, key);
	char *expanded = NULL;

	if (!row)
		row = options_find(command_rows, key);
	int status = row && row->type == OPTION_TEXT ? options_expand(text, &expanded, error) : 0;
	if (!status)
		status = options_set(of_command ? command_rows : rows, of_command ? (void *)command : options, key,
		                     expanded ? expanded : text, error);
	free(expanded);
	return status;
}

/* Read the option at argv[*at]; *at moves to its last argument. */
static int read_option(char **argv, int *at, const struct option_row *rows, void *options, struct role_command *command,
                       char *error)
{
	char key[64] = "";
	const char *argument = argv[*at];
	size_t length = strcspn(argument, "=");

	if (strncmp(argument, "--", 2) || length < 3 || length - 2 >= sizeof key) {
		snprintf(error, OPTIONS_ERROR_BYTES, "wanted --OPTION=VALUE, found '%.100s'; --help names the options",
		         argument);
		return -EINVAL;
	}
	for (size_t i = 0; i < length - 2; i++)
		key[i] = argument[i + 2] == '-' ? '_' : argument[i + 2];

	const struct option_row *row = options_find(rows, key);
	const char *value = argument[length] ? argument + length + 1 : argv[*at + 1];
	if (row && row->type == OPTION_BOOL && !argument[length] && !is_bool_word(value))
		return set(rows, options, command, key, "true", error);
	if (!value) {
		snprintf(error, OPTIONS_ERROR_BYTES, "--%s wants a value", key);
		return -EINVAL;
	}
	*at += !argument[length];
	return set(rows, options, command, key, value, error);
}

int role_command_read(int argc, char **argv, const char *role, const struct option_row *rows, void *options,
                      struct role_command *out, char *error)
{
	int status = options_init(command_rows, out);

	if (!status)
		status = options_init(rows, options);
	if (status < 0) {
		snprintf(error, OPTIONS_ERROR_BYTES, "out of memory");
		return status;
	}
	for (int at = 1; at < argc; at++) {
		if (!strcmp(argv[at], "--help")) {
			print_help(role, rows);
			return 1;
		}
		if (!strcmp(argv[at], "--version")) {
			printf("zoetrope-%s %s\n", role, zoe_version());
			return 1;
		}
		status = read_option(argv, &at, rows, options, out, error);
		if (status < 0)
			return status;
	}
	if (*out->name && !config_is_name(out->name)) {
		snprintf(error, OPTIONS_ERROR_BYTES,
		         "key 'name': wanted at most 31 of [A-Za-z0-9_-] and not 'all', found '%.100s'", out->name);
		return -EINVAL;
	}
	return options_complete(rows, options, error);
}

void role_command_finish(struct role_command *command)
{
	options_finish(command_rows, command);
}
