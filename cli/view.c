/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope view`: becomes the window (roles/view.c), so that this program links no graphics. */
#include "cli.h"
#include "login.h"
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct view_options {
	char *domain;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct view_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {NULL},
};

/* What the window is told to show: a source with a login by the environment, or everybody could read it with ps. */
static const char *without_login(const char *what)
{
	char error[OPTIONS_ERROR_BYTES], *expanded;

	if (!login_is_plain(what) || options_expand(what, &expanded, error) < 0)
		return what;
	int status = setenv(LOGIN_SOURCE, expanded, 1);
	free(expanded);
	return status < 0 ? what : "${" LOGIN_SOURCE "}";
}

static int become_window(char *domain, const char *what)
{
	char program[PATH_MAX];

	if (paths_program("view", program, sizeof program) < 0) {
		cli_error("cannot find %s: build or install it", program);
		return 1;
	}
	char *const argv[] = {"zoetrope-view", domain, (char *)without_login(what), NULL};
	execv(program, argv);
	cli_error("cannot start %s: %s", program, strerror(errno));
	return 1;
}

static int run(int argc, char **argv)
{
	struct view_options options;
	struct cli_words words;
	int status = CLI_USAGE;

	if (cli_read(&cli_view, argc, argv, &options, &words) == 0) {
		if (words.count == 1)
			status = become_window(options.domain, words.items[0]);
		else
			cli_error("view: wanted one camera, file or source, found %u; usage: zoetrope view %s",
			          words.count, cli_view.usage);
	}
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_view = {
    .name = "view",
    .usage = "[--domain DIR] CAMERA|FILE|SOURCE",
    .help = "Show a camera in a window; or a file or a source, such as clip.mp4 or test:, without a configuration.",
    .rows = rows,
    .more = "Keys: q end, space pause, s save the picture here, f full screen, o boxes on and off.\n",
    .run = run,
};
