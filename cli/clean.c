/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope clean`: remove what the dead left in a domain. What belongs to living processes is never touched. */
#include "cli.h"
#include "instance.h"
#include "zoetrope.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct clean_options {
	char *domain;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct clean_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {NULL},
};

/* The files of a control process that is dead, then the directory. */
static int clean_control(const char *path)
{
	pid_t other = 0;
	int fd = -1;
	int status = instance_lock(path, &fd, &other);

	if (status == -EBUSY) {
		printf("zoetrope runs in %s with pid %d: its files stay\n", path, (int)other);
		return 0;
	}
	if (status < 0) {
		cli_error("clean: cannot lock %s/control.lock: %s", path, strerror(-status));
		return 1;
	}
	instance_unlock(path, fd);
	instance_remove_directory(path);
	return 0;
}

static int clean(const char *path)
{
	struct zoe_domain *domain;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		printf("nothing to clean: there is no %s\n", path);
		return 0;
	}
	if (zoe_domain_open(path, &domain) < 0) {
		cli_error("clean: %s", zoe_error());
		return 1;
	}
	int removed = zoe_domain_clean(domain);
	zoe_domain_close(domain);
	if (removed < 0) {
		cli_error("clean: %s", zoe_error());
		return 1;
	}
	printf("%s: removed %d stale topic%s\n", path, removed, removed == 1 ? "" : "s");
	return clean_control(path);
}

static int run(int argc, char **argv)
{
	struct clean_options options;
	struct cli_words words;
	char path[PATH_MAX];
	int status = CLI_USAGE;

	if (!cli_read(&cli_clean, argc, argv, &options, &words)) {
		if (words.count) {
			cli_error("clean: '%s' is too much; usage: zoetrope clean %s", words.items[0], cli_clean.usage);
		} else {
			cli_domain(options.domain, path, sizeof path);
			status = clean(path);
		}
	}
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_clean = {
    .name = "clean",
    .usage = "[--domain DIR]",
    .help = "Remove what processes that were killed have left in a domain.",
    .rows = rows,
    .run = run,
};
