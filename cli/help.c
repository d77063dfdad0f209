/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope help`, `help COMMAND`, and `help config`: every key of the configuration, from its rows. */
#include "cli.h"
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {{NULL}};

void cli_print_help(const struct cli_command *command)
{
	printf("usage: zoetrope %s %s\n\n%s\n", command->name, command->usage, command->help);
	if (command->more)
		printf("%s", command->more);
	if (command->rows->name)
		putchar('\n');
	options_help(command->rows);
}

static void print_commands(void)
{
	printf("usage: zoetrope COMMAND ...\n\n"
	       "Frames from a camera to many readers in shared memory, each part in its own process.\n\n");
	for (const struct cli_command *const *command = cli_commands; *command; command++)
		printf("  %-8s %s\n", (*command)->name, (*command)->help);
	printf("\n`zoetrope help COMMAND` says more; `zoetrope help config` names every key of the configuration.\n");
}

static void print_key(const struct option_row *row)
{
	char wanted[256];

	options_wanted(row, wanted, sizeof wanted);
	printf("    %-10s %s\n               %s; %s%s\n", row->name, row->help, wanted,
	       row->fallback ? "default " : "required",
	       row->fallback ? (*row->fallback ? row->fallback : "empty") : "");
}

static void print_config(void)
{
	for (const struct config_section *section = config_sections; section->key; section++) {
		printf("%s:%s\n  %s\n", section->key, section->named ? " {NAME: {...}}" : "", section->help);
		for (const struct option_row *row = section->rows; row->name; row++) {
			if (!section->set_by_control || strcmp(row->name, section->set_by_control))
				print_key(row);
		}
		putchar('\n');
	}
	printf("in each of them:\n");
	for (const struct option_row *row = process_rows; row->name; row++)
		print_key(row);
}

static int run(int argc, char **argv)
{
	struct cli_words words;

	if (cli_read(&cli_help, argc, argv, NULL, &words) < 0)
		return CLI_USAGE;
	if (!words.count) {
		print_commands();
		return 0;
	}
	if (!strcmp(words.items[0], "config")) {
		print_config();
		return 0;
	}
	for (const struct cli_command *const *command = cli_commands; *command; command++) {
		if (!strcmp((*command)->name, words.items[0])) {
			cli_print_help(*command);
			return 0;
		}
	}
	cli_error("help: command '%s' is not known; see `zoetrope help`", words.items[0]);
	return CLI_USAGE;
}

const struct cli_command cli_help = {
    .name = "help",
    .usage = "[COMMAND | config]",
    .help = "Say what the commands do, or name every key of the configuration.",
    .rows = rows,
    .run = run,
};
