/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope version`. */
#include "cli.h"
#include "zoetrope.h"

#include <stdio.h>

static const struct option_row rows[] = {{NULL}};

static int run(int argc, char **argv)
{
	struct cli_words words;

	if (cli_read(&cli_version, argc, argv, NULL, &words) < 0)
		return CLI_USAGE;
	printf("zoetrope %s\n", zoe_version());
	return 0;
}

const struct cli_command cli_version = {
    .name = "version",
    .usage = "",
    .help = "Print the version.",
    .rows = rows,
    .run = run,
};
