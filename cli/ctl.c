/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope ctl`: one line to the control process over control.sock, one line back (docs/protocol.md). */
#include "ctl.h"
#include "channel.h"
#include "cli.h"
#include "instance.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_S 10   /* control itself waits 2 s for a child */
#define END_MS   5000 /* 2 s are promised */

struct ctl_options {
	char *domain;
	bool json;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct ctl_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {"json", OPTION_BOOL, offsetof(struct ctl_options, json), "false", 0, 0, "", NULL, "Print the answer as JSON."},
    {NULL},
};

/* {"fps": "10"} of fps=10 ..., or NULL. */
static json_t *read_settings(const struct cli_words *words)
{
	json_t *settings = json_object();

	for (unsigned i = 2; i < words->count; i++) {
		const char *equal = strchr(words->items[i], '=');
		size_t length = equal ? (size_t)(equal - words->items[i]) : 0;
		char name[64];
		if (!length || length >= sizeof name) {
			cli_error("ctl: wanted NAME=VALUE, such as fps=10, found '%s'", words->items[i]);
			json_decref(settings);
			return NULL;
		}
		snprintf(name, sizeof name, "%.*s", (int)length, words->items[i]);
		json_object_set_new(settings, name, channel_string(equal + 1));
	}
	return settings;
}

/* The request that the words say, or NULL after a sentence. */
static json_t *make_request(const struct cli_words *words)
{
	const char *first = words->count ? words->items[0] : "";
	bool alone = words->count == 1 && (!strcmp(first, "status") || !strcmp(first, "quit"));
	bool on = words->count == 3 && !strcmp(words->items[2], "on");
	bool set = words->count >= 3 && !strcmp(words->items[1], "set");
	json_t *request = channel_message("request"), *settings = NULL;

	json_object_set_new(request, "id", json_integer(1));
	if (set && (settings = read_settings(words))) {
		json_object_set_new(request, "camera", channel_string(first));
		json_object_set_new(request, "verb", json_string("set"));
		json_object_set_new(request, "settings", settings);
	} else if (set) {
		json_decref(request);
		return NULL;
	} else if (alone) {
		json_object_set_new(request, "verb", json_string(first));
	} else if (words->count == 3 && (on || !strcmp(words->items[2], "off"))) {
		json_object_set_new(request, "camera", channel_string(first));
		json_object_set_new(request, "verb", channel_string(words->items[1]));
		json_object_set_new(request, "on", json_boolean(on));
	} else {
		cli_error("ctl: usage: zoetrope ctl %s", cli_ctl.usage);
		json_decref(request);
		return NULL;
	}
	return request;
}

static int send_request(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int status = text && dprintf(fd, "%s\n", text) > 0 ? 0 : -EIO;

	free(text);
	return status;
}

/* The line that comes back; NULL after a sentence. Takes fd. */
static json_t *read_answer(int fd)
{
	struct timeval limit = {.tv_sec = ANSWER_S};
	char *line = NULL;
	size_t size = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	FILE *stream = fdopen(fd, "r");
	ssize_t length = stream ? getline(&line, &size, stream) : -1;
	json_t *answer = length > 0 ? json_loadb(line, (size_t)length, 0, NULL) : NULL;
	if (!answer)
		cli_error("ctl: the control process has not answered within %d s", ANSWER_S);
	free(line);
	if (stream)
		fclose(stream);
	else
		close(fd);
	return answer;
}

static json_t *ask(const char *domain, const json_t *request)
{
	int fd = instance_connect(domain);

	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		cli_error("ctl: nothing runs in %s; start it with zoetrope run CONFIG.yaml", domain);
		return NULL;
	}
	if (fd < 0) {
		cli_error("ctl: cannot reach %s/control.sock: %s", domain, strerror(-fd));
		return NULL;
	}
	if (send_request(fd, request) < 0) {
		cli_error("ctl: the control process does not listen");
		close(fd);
		return NULL;
	}
	return read_answer(fd);
}

/* After quit: until the process has ended. */
static int wait_end(pid_t pid)
{
	struct pollfd end = {.fd = pidfd_open(pid, 0), .events = POLLIN};

	if (end.fd < 0)
		return 0; /* it has ended already */
	int count = poll(&end, 1, END_MS);
	close(end.fd);
	if (count > 0)
		return 0;
	cli_error("ctl: pid %d has not ended within %d s", (int)pid, END_MS / 1000);
	return 1;
}

static int control(const struct ctl_options *options, const struct cli_words *words)
{
	char domain[PATH_MAX];
	json_t *request = make_request(words);

	if (!request)
		return CLI_USAGE;
	cli_domain(options->domain, domain, sizeof domain);
	pid_t pid = instance_running(domain);
	json_t *answer = ask(domain, request);
	int status = answer ? ctl_show(words, answer, options->json) : 1;
	if (!status && !strcmp(words->items[0], "quit") && words->count == 1 && pid > 0)
		status = wait_end(pid);
	json_decref(request);
	json_decref(answer);
	return status;
}

static int run(int argc, char **argv)
{
	struct ctl_options options;
	struct cli_words words;
	int status = CLI_USAGE;

	if (!cli_read(&cli_ctl, argc, argv, &options, &words))
		status = control(&options, &words);
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_ctl = {
    .name = "ctl",
    .usage = "[--json] [--domain DIR] CAMERA|all capture|preview|save|detect on|off | CAMERA set NAME=VALUE... | "
             "status | quit",
    .help = "Turn a switch of what runs, set a camera, show its state, or end it.",
    .rows = rows,
    .more = "What can be set is width, height, fps, format, and the controls that `zoetrope devices` names.\n"
            "The exit status is 0 if the switch then is as wanted, or the camera took what was set.\n",
    .run = run,
};
