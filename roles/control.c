/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main() of zoetrope-control, which `zoetrope run` becomes: command line, the domain's lock, the loop, and leaving: all
 * children are asked, those that stay are killed, the domain is left empty.
 */
#include "control.h"
#include "instance.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAVE_MS 1500 /* docs/protocol.md "quit"; 2 s are promised for everything */
#define PUSH_MS  50   /* changes that come together are sent together */

struct control_options {
	char *domain;
	bool status;
	char *log;
};

static const struct option_row control_rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct control_options, domain), "", 0, 0, "", NULL, "Directory of the domain."},
    {"status", OPTION_BOOL, offsetof(struct control_options, status), "false", 0, 0, "", NULL,
     "Print a line a second on standard output."},
    {"log", OPTION_CHOICE, offsetof(struct control_options, log), "info", 0, 0, "", "info|error",
     "What children log on standard error."},
    {NULL},
};

/* ---- leaving ------------------------------------------------------------------------------------------------ */

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Every child has ended: close what keeps the loop alive. */
static void close_all(struct control *control)
{
	server_close(control);
	for (size_t i = 0; i < control->process_count; i++)
		process_close(&control->processes[i]);
	close_handle((uv_handle_t *)&control->second);
	close_handle((uv_handle_t *)&control->push);
	close_handle((uv_handle_t *)&control->deadline);
	for (int i = 0; i < 3; i++)
		close_handle((uv_handle_t *)&control->signals[i]);
}

void control_ended(struct control *control)
{
	for (size_t i = 0; i < control->process_count; i++) {
		if (control->processes[i].pid)
			return;
	}
	close_all(control);
}

static void kill_all(struct control *control)
{
	for (size_t i = 0; i < control->process_count; i++)
		process_kill(&control->processes[i]);
}

static void on_deadline(uv_timer_t *timer)
{
	kill_all(timer->data);
}

void control_stop(struct control *control, int status)
{
	if (control->stopping) {
		if (!status)
			kill_all(control); /* asked a second time */
		return;
	}
	control->stopping = true;
	control->status = status;
	for (size_t i = 0; i < control->process_count; i++)
		process_quit(&control->processes[i]);
	uv_timer_start(&control->deadline, on_deadline, LEAVE_MS, 0);
	control_ended(control);
}

static void on_signal(uv_signal_t *handle, int number)
{
	control_stop(handle->data, 0);
}

/* ---- the loop ----------------------------------------------------------------------------------------------- */

/* To every child that wants it and reads what it gets. */
static void push(struct control *control)
{
	json_t *state = NULL;

	for (size_t i = 0; i < control->process_count; i++) {
		struct process *process = &control->processes[i];
		if (!process->channel || !process->wants_system || channel_backlog(process->channel))
			continue;
		if (!state)
			state = state_build(control);
		json_t *message = channel_message("system");
		json_object_set(message, "state", state);
		process_send(process, message);
	}
	json_decref(state);
}

static void on_push(uv_timer_t *timer)
{
	push(timer->data);
}

void control_push_soon(struct control *control)
{
	if (!control->stopping && !uv_is_active((uv_handle_t *)&control->push))
		uv_timer_start(&control->push, on_push, PUSH_MS, 0);
}

static void on_second(uv_timer_t *timer)
{
	struct control *control = timer->data;

	for (size_t i = 0; i < control->process_count; i++)
		process_tick(&control->processes[i]);
	routes_tick(control);
	settings_tick(control);
	push(control);
	if (control->print_status && control->started_ns && !control->stopping)
		status_print(control);
}

static void init_loop(struct control *control)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	uv_timer_t *timers[] = {&control->second, &control->push, &control->deadline};

	for (size_t i = 0; i < 3; i++) {
		uv_timer_init(&control->loop, timers[i]);
		timers[i]->data = control;
		uv_signal_init(&control->loop, &control->signals[i]);
		control->signals[i].data = control;
		uv_signal_start(&control->signals[i], on_signal, numbers[i]);
	}
	uv_timer_start(&control->second, on_second, 1000, 1000);
}

/* ---- set-up ------------------------------------------------------------------------------------------------- */

static int lock_domain(struct control *control, const char *path)
{
	pid_t other = 0;
	int status = zoe_domain_open(*path ? path : NULL, &control->domain);

	if (status < 0) {
		log_line("", "%s", zoe_error());
		return status;
	}
	path = zoe_domain_path(control->domain);
	status = instance_lock(path, &control->lock_fd, &other);
	if (status == -EBUSY)
		log_line(
		    "",
		    "domain %s is in use by the zoetrope with pid %d; end that one, or choose another with --domain",
		    path, (int)other);
	else if (status < 0)
		log_line("", "cannot lock %s/control.lock: %s", path, strerror(-status));
	return status;
}

/* Leave nothing behind. A domain of a group (setgid) was made by somebody on purpose and stays. */
static void leave_domain(struct control *control)
{
	const char *path = control->domain ? zoe_domain_path(control->domain) : "";

	if (control->lock_fd >= 0) {
		if (zoe_domain_clean(control->domain) < 0)
			log_line("", "cannot clean the domain: %s", zoe_error());
		instance_unlock(path, control->lock_fd);
		instance_remove_directory(path);
	}
	zoe_domain_close(control->domain);
}

static int build_processes(struct control *control)
{
	control->processes = calloc(control->config.count, sizeof *control->processes);
	if (!control->processes)
		return -ENOMEM;
	for (size_t i = 0; i < control->config.count; i++) {
		struct process *process = &control->processes[i];
		*process =
		    (struct process){.control = control, .entry = &control->config.entries[i], .state = "starting"};
		control->process_count++;
		uv_timer_init(&control->loop, &process->restart);
		process->restart.data = process;
		int status = arguments_build(process);
		if (status < 0)
			return status;
	}
	return routes_build(control);
}

static void start_all(struct control *control)
{
	control->started_ns = zoe_now_ns();
	for (size_t i = 0; i < control->process_count && !control->stopping; i++)
		process_start(&control->processes[i]);
}

static void run(struct control *control, const struct control_options *options, const char *file)
{
	char error[CONTROL_ERROR_BYTES] = "out of memory";

	control->status = 1;
	if (control_config_read(file, &control->config, error) < 0) {
		log_line("", "%s", error);
		return;
	}
	if (lock_domain(control, options->domain) < 0) {
		leave_domain(control);
		return;
	}
	init_loop(control);
	if (!build_processes(control) && !server_open(control)) {
		control->status = 0;
		start_all(control);
	} else {
		close_all(control);
	}
	while (uv_run(&control->loop, UV_RUN_DEFAULT))
		;
	for (size_t i = 0; i < control->process_count; i++)
		arguments_free(&control->processes[i]);
	routes_free(control);
	leave_domain(control);
}

/* Arguments are what cli/run.c hands on: --domain=.. --status=.. --log=.. FILE. */
static int read_arguments(int argc, char **argv, struct control_options *options, const char **out_file, char *error)
{
	for (int i = 1; i < argc; i++) {
		char key[64];
		size_t length = strcspn(argv[i], "=");
		if (strncmp(argv[i], "--", 2)) {
			*out_file = argv[i];
			continue;
		}
		snprintf(key, sizeof key, "%.*s", length > 2 ? (int)length - 2 : 0, argv[i] + 2);
		int status =
		    options_set(control_rows, options, key, argv[i][length] ? argv[i] + length + 1 : "true", error);
		if (status < 0)
			return status;
	}
	if (*out_file)
		return 0;
	snprintf(error, OPTIONS_ERROR_BYTES, "no configuration file is named; zoetrope run CONFIG.yaml");
	return -EINVAL;
}

/* Descriptors 0 to 2 must be something, or a socket of ours would become the standard output of children. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct control control = {.lock_fd = -1};
	struct control_options options;
	const char *file = NULL;
	char error[OPTIONS_ERROR_BYTES];

	open_standard();
	signal(SIGPIPE, SIG_IGN);
	if (options_init(control_rows, &options) < 0 || uv_loop_init(&control.loop) < 0)
		return 1;
	if (read_arguments(argc, argv, &options, &file, error) < 0) {
		log_line("", "%s", error);
		control.status = 2;
	} else {
		control.print_status = options.status;
		control.log = options.log;
		run(&control, &options, file);
	}
	uv_loop_close(&control.loop);
	free(control.processes);
	control_config_finish(&control.config);
	options_finish(control_rows, &options);
	return control.status;
}
