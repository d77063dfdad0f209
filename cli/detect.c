/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope detect`: becomes zoetrope-detect (roles/detect.c), so that this program links neither codec nor engine. */
#include "cli.h"
#include "config.h"
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_MAX 32

/* Options that differ from their defaults as --key=value, then the pictures. Ends only if something failed. */
static void become_detect(const struct detect_config *options, const struct cli_words *words)
{
	char program[PATH_MAX], *arguments[ROWS_MAX + CLI_WORDS + 2] = {"zoetrope: detect"};
	size_t count = 1, own;

	if (paths_program("detect", program, sizeof program) < 0) {
		cli_error("cannot find %s: build or install it", program);
		return;
	}
	for (const struct option_row *row = detect_rows; row->name; row++) {
		char *text = options_text(row, options);
		if (text && strcmp(text, row->fallback) && asprintf(&arguments[count], "--%s=%s", row->name, text) > 0)
			count++;
		free(text);
	}
	own = count;
	for (unsigned i = 0; i < words->count; i++)
		arguments[count++] = (char *)words->items[i];
	execv(program, arguments);
	cli_error("cannot start %s: %s", program, strerror(errno));
	while (own > 1)
		free(arguments[--own]);
}

static int run(int argc, char **argv)
{
	struct detect_config options;
	struct cli_words words;
	int status = CLI_USAGE;

	if (cli_read(&cli_detect, argc, argv, &options, &words) == 0) {
		bool help = options.options.count == 1 && !strcmp(options.options.items[0], "help");
		if (words.count || help) {
			become_detect(&options, &words);
			status = 1;
		} else {
			cli_error("detect: wanted pictures, found none; usage: zoetrope detect %s", cli_detect.usage);
		}
	}
	options_finish(detect_rows, &options);
	return status;
}

const struct cli_command cli_detect = {
    .name = "detect",
    .usage = "[--model NAME] [--engine NAME] IMAGE...",
    .help = "Find objects in pictures: a line of JSON for each, and a copy of it with boxes.",
    .rows = detect_rows,
    .more = "Boxes are [x, y, width, height] in fractions of the picture. Nothing needs to run for it.\n",
    .run = run,
};
