/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope run`: becomes the control process (roles/control.c), so its pid is the one that the user started. */
#include "cli.h"
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run_options {
	char *domain;
	bool status;
	char *log;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct run_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {"status", OPTION_BOOL, offsetof(struct run_options, status), "false", 0, 0, "", NULL,
     "Print a line a second on standard output: rates, times, drops."},
    {"log", OPTION_CHOICE, offsetof(struct run_options, log), "info", 0, 0, "", "info|error",
     "What the processes log on standard error."},
    {NULL},
};

static int become_control(const struct run_options *options, const char *file)
{
	char program[PATH_MAX], log[64], domain[PATH_MAX + 16];

	if (paths_program("control", program, sizeof program) < 0) {
		cli_error("cannot find %s: build or install it", program);
		return 1;
	}
	snprintf(log, sizeof log, "--log=%s", options->log);
	snprintf(domain, sizeof domain, "--domain=%s", options->domain);
	char *const argv[] = {"zoetrope: control", log, domain, options->status ? "--status=true" : "--status=false",
	                      (char *)file,        NULL};
	execv(program, argv);
	cli_error("cannot start %s: %s", program, strerror(errno));
	return 1;
}

static int run(int argc, char **argv)
{
	struct run_options options;
	struct cli_words words;
	int status = CLI_USAGE;

	if (cli_read(&cli_run, argc, argv, &options, &words) < 0) {
		status = CLI_USAGE;
	} else if (words.count != 1) {
		cli_error("run: wanted one configuration file, found %u; usage: zoetrope run %s", words.count,
		          cli_run.usage);
	} else {
		char file[PATH_MAX];
		snprintf(file, sizeof file, words.items[0][0] == '-' ? "./%s" : "%s", words.items[0]);
		status = become_control(&options, file);
	}
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_run = {
    .name = "run",
    .usage = "[--status] [--domain DIR] CONFIG.yaml",
    .help = "Start everything that a configuration names, and keep it running until Ctrl-C.",
    .rows = rows,
    .more = "Relative paths in the configuration count from the folder where zoetrope was started.\n"
            "`zoetrope help config` names every key.\n",
    .run = run,
};
