/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a role: command line, affinity, domain, open(), the event loop, clean end. What goes over the channel to
 * control is in role_channel.c.
 */
#include "role_private.h"

#include "affinity.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#define END_US 1500000 /* a role that has not left by then never will; docs/protocol.md "quit" */

static void on_late(int signal)
{
	static const char text[] = "zoetrope: did not end within 1.5 s, so it is ended\n";

	if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
		_exit(1);
	_exit(1);
}

/* From now on the process has END_US left. Called from a signal handler too: setitimer is a plain system call on Linux.
 */
static void limit_life(void)
{
	setitimer(ITIMER_REAL,
	          &(struct itimerval){.it_value = {.tv_sec = END_US / 1000000, .tv_usec = END_US % 1000000}}, NULL);
}

/* Control is dead. The channel's end says so too, but a role that hangs in open() would not look. */
static void on_orphaned(int signal)
{
	limit_life();
}

static void catch_signals(bool under_control)
{
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_late}, NULL);
	if (!under_control)
		return;
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_orphaned, .sa_flags = SA_RESTART}, NULL);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
}

void role_stop(struct role *role, int status)
{
	struct role_private *private = role->private_;

	if (status && !private->status)
	private->status = status;
	if (private->stopping)
		return;
	private->stopping = true;
	limit_life();
	uv_stop(role->loop);
}

void role_fail(struct role *role)
{
	role_stop(role, 1);
}

static void on_signal(uv_signal_t *handle, int number)
{
	role_stop(handle->data, 0);
}

static void on_second(uv_timer_t *timer)
{
	struct role *role = timer->data;

	role_check_affinity(role);
	role_send_state(role);
}

void role_check_affinity(struct role *role)
{
	struct role_private *private = role->private_;
	const struct process_config *process = role->options;
	const char *wanted = private->wanted_cpus;
	int differed = affinity_verify(wanted, private->cpus);

	if (differed > 0 && !private->affinity_warned) {
		private->affinity_warned = true;
		role_info(role, "%d threads were on other CPUs than %s and have been moved", differed, wanted);
	}
	differed = scheduling_verify(process->policy, (int)process->nice, private->policy);
	if (differed > 0 && !private->policy_warned) {
		private->policy_warned = true;
		role_info(role, "%d threads had another policy or nice value than %s, %d and were set right", differed,
		          process->policy, (int)process->nice);
	}
}

static int apply_process(struct role *role)
{
	const struct process_config *process = role->options;
	char error[AFFINITY_ERROR_BYTES + SCHEDULING_ERROR_BYTES];

	affinity_resolve(process->cpus, "/sys/devices/system/cpu", role->private_->wanted_cpus);
	int status = affinity_apply(role->private_->wanted_cpus, error);
	if (!status)
		status = scheduling_apply(process->policy, (int)process->nice, error);
	if (status < 0)
		role_error(role, "%s", error);
	return status;
}

/* Everything is known: begin to work. */
void role_begin(struct role *role)
{
	struct role_private *private = role->private_;

	if (private->begun || private->stopping)
		return;
	private->begun = true;
	if (role->ops->open(role) < 0) {
		role_stop(role, 1);
		return;
	}
	private->opened = true;
	role_check_affinity(role);
	role_send_state(role);
	uv_timer_start(&private->second, on_second, 1000, 1000);
}

static void open_loop(struct role *role)
{
	struct role_private *private = role->private_;

	uv_timer_init(role->loop, &private->second);
	uv_timer_init(role->loop, &private->soon);
	private->second.data = private->soon.data = role;
	const int numbers[] = {SIGTERM, SIGINT};
	for (int i = 0; i < 2; i++) {
		uv_signal_init(role->loop, &private->signals[i]);
		private->signals[i].data = role;
		uv_signal_start(&private->signals[i], on_signal, numbers[i]);
	}
}

/* Close all handles, the role's first, and let their callbacks run. */
static void close_loop(struct role *role)
{
	struct role_private *private = role->private_;

	limit_life();
	if (private->begun)
		role->ops->close(role);
	role_channel_close(role);
	uv_close((uv_handle_t *)&private->second, NULL);
	uv_close((uv_handle_t *)&private->soon, NULL);
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&private->signals[i], NULL);
	while (uv_run(role->loop, UV_RUN_DEFAULT)) /* the first one only takes note of an uv_stop() from before */
		;
	int status = uv_loop_close(role->loop);
	assert(!status); /* a role must close what its open() made */
}

static int open_domain(struct role *role, const char *path)
{
	int status = zoe_domain_open(*path ? path : NULL, &role->domain);

	if (status < 0)
		role_error(role, "%s", zoe_error());
	return status;
}

/* The loop exists, the command line was read with command_status. */
static void run(struct role *role, int command_status, const char *command_error)
{
	struct role_private *private = role->private_;

	if (command_status < 0) {
		role_error(role, "%s", command_error);
		private->status = 2;
		return;
	}
	if (apply_process(role) < 0 || open_domain(role, private->command.domain) < 0) {
		private->status = 1;
		return;
	}
	if (!private->channel)
		role_begin(role); /* under control it begins with the message "start" */
	if (!private->stopping)
		uv_run(role->loop, UV_RUN_DEFAULT);
}

/* Take the inherited socket out of the environment, so that no process of ours inherits it again. -1 = runs alone. */
static int take_channel(void)
{
	const char *text = getenv("ZOETROPE_CHANNEL");
	int fd = text && *text ? atoi(text) : -1;

	unsetenv("ZOETROPE_CHANNEL");
	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		fd = -1;
	return fd;
}

int role_main(int argc, char **argv, const struct role_ops *ops)
{
	struct role_private private = {.state = "starting", .rows = config_join(ops->rows)};
	struct role role = {.ops = ops, .name = ops->role, .loop = &private.loop, .private_ = &private};
	char error[OPTIONS_ERROR_BYTES] = "";

	role.options = calloc(1, ops->options_bytes);
	private.switches = json_object();
	if (!private.rows || !role.options || !private.switches || uv_loop_init(role.loop) < 0) {
		log_line(ops->role, "out of memory");
		return 1;
	}
	int command_status =
	    role_command_read(argc, argv, ops->role, private.rows, role.options, &private.command, error);
	if (command_status <= 0) {
		int fd = take_channel();
		if (private.command.name && *private.command.name)
			role.name = private.command.name;
		catch_signals(fd >= 0);
		open_loop(&role);
		role_channel_open(&role, fd);
		run(&role, command_status, error);
		close_loop(&role);
		zoe_domain_close(role.domain);
	} else {
		uv_loop_close(role.loop);
	}
	json_decref(private.switches);
	json_decref(private.settings);
	role_command_finish(&private.command);
	options_finish(private.rows, role.options);
	free(role.options);
	free(private.rows);
	return private.status;
}
