/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of one child: start, heartbeat, end, start again. A child that is killed from outside comes back at once;
 * one that fails by itself waits longer each time; one that fails by itself before it was ever ready ends everything,
 * since then the configuration is wrong and its sentence is what the user needs.
 */
#include "affinity.h"
#include "control.h"
#include "control_spawn.h"
#include "log.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENT_S        5           /* without a line, once it is ready */
#define SILENT_START_S  60          /* before: a large model takes its time */
#define LEAVE_S         2           /* for a child whose channel has ended */
#define AGAIN_MS        100         /* to start again; doubles with each failure in a row */
#define AGAIN_FAULT_MS  5000        /* at most, after a fault of its own */
#define AGAIN_MURDER_MS 1000        /* at most, after a kill from outside: back within 2 s is promised */
#define GOOD_NS         10000000000 /* a life this long forgets earlier failures */

struct process_watch {
	uv_poll_t poll;
	int pidfd;
	struct process *process;
};

struct process_request {
	struct process *process;
	unsigned life;
};

int process_send(struct process *process, json_t *message)
{
	if (!process->channel) {
		json_decref(message);
		return -ENOTCONN;
	}
	return channel_send(process->channel, message);
}

struct process *process_find(struct control *control, const char *role, const char *name)
{
	for (size_t i = 0; i < control->process_count; i++) {
		const struct config_entry *entry = control->processes[i].entry;
		if (!strcmp(entry->section->role, role) && (!name || !strcmp(entry->name, name)))
			return &control->processes[i];
	}
	return NULL;
}

static void set_state(struct process *process, const char *state, const char *reason)
{
	if (!strcmp(process->state, state) && !strcmp(process->reason, reason))
		return;
	snprintf(process->state, sizeof process->state, "%s", state);
	snprintf(process->reason, sizeof process->reason, "%s", reason);
	control_push_soon(process->control);
}

/* ---- what it says ------------------------------------------------------------------------------------------- */

static void take_state(struct process *process, const json_t *message)
{
	json_t *metrics = json_object_get(message, "metrics");

	snprintf(process->cpus, sizeof process->cpus, "%s", channel_get_text(message, "cpus", ""));
	snprintf(process->policy, sizeof process->policy, "%s", channel_get_text(message, "policy", ""));
	if (json_is_object(metrics)) {
		json_decref(process->metrics);
		process->metrics = json_incref(metrics);
	}
	set_state(process, channel_get_text(message, "state", "starting"), channel_get_text(message, "reason", ""));
	if (!process->ready && strcmp(process->state, "starting")) {
		process->ready = process->ever_ready = true;
		process->murders = 0;
		process->error[0] = 0;
	}
	routes_take_state(process);
	if (process->ready && !strcmp(process->entry->section->role, "preview"))
		status_print_address(process->control);
	if (!process->introduced) {
		process->introduced = true;
		routes_introduce(process);
	}
}

static void take_error(struct process *process, const json_t *message)
{
	const char *text = channel_get_text(message, "text", "");
	bool again = !strcmp(process->error, text);

	snprintf(process->error, sizeof process->error, "%s", text);
	process->last_words = channel_get_bool(message, "last", false);
	if (!again &&
	    !(process->control->stopping && process->control->status)) /* then one sentence was said already */
		log_line(process->title, "%s", text);
}

static void reply(void *user, json_t *answer)
{
	struct process_request *request = user;

	if (request->life == request->process->life)
		process_send(request->process, answer);
	else
		json_decref(answer);
	free(request);
}

static void take_request(struct process *process, const json_t *message)
{
	struct process_request *request = malloc(sizeof *request);

	if (!request)
		return;
	*request = (struct process_request){.process = process, .life = process->life};
	server_request(process->control, message, reply, request);
}

static void on_message(void *user, const char *type, const json_t *message)
{
	struct process *process = user;

	process->silent_s = 0;
	if (!strcmp(type, "hello"))
		process->wants_system = channel_get_bool(message, "wants_system", false);
	else if (!strcmp(type, "state"))
		take_state(process, message);
	else if (!strcmp(type, "turned"))
		routes_take_turned(process, message);
	else if (!strcmp(type, "was_set"))
		settings_take(process, message);
	else if (!strcmp(type, "request"))
		take_request(process, message);
	else if (!strcmp(type, "error"))
		take_error(process, message);
}

/* The child hears the end too and leaves; if it does not, it is killed. */
static void on_closed(void *user, const char *why)
{
	struct process *process = user;

	channel_close(process->channel);
	process->channel = NULL;
	process->leave_s = LEAVE_S;
	if (*why) {
		log_line(process->title, "%s; it is ended and started again", why);
		set_state(process, "lost", why);
	}
}

/* ---- its end ------------------------------------------------------------------------------------------------ */

static void describe_end(const struct process *process, int status, char *out, size_t size)
{
	if (process->hung)
		snprintf(out, size, "said nothing for %d s and was killed", process->ready ? SILENT_S : SILENT_START_S);
	else if (WIFSIGNALED(status))
		snprintf(out, size, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "ended with status %d", WEXITSTATUS(status));
}

/* Did it fail by itself, or was it killed by somebody else? */
static bool is_own_fault(const struct process *process, int status)
{
	static const int faults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP};

	if (process->hung || !WIFSIGNALED(status))
		return true;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (WTERMSIG(status) == faults[i])
			return true;
	}
	return false;
}

static uint64_t doubled(unsigned times, uint64_t limit_ms)
{
	uint64_t delay_ms = AGAIN_MS;

	while (times-- && delay_ms < limit_ms)
		delay_ms *= 2;
	return delay_ms < limit_ms ? delay_ms : limit_ms;
}

static uint64_t delay_again(struct process *process, int status)
{
	if (zoe_now_ns() - process->started_ns > GOOD_NS)
		process->own_faults = 0;
	if (is_own_fault(process, status))
		return doubled(process->own_faults++, AGAIN_FAULT_MS);
	if (process->ready)
		return AGAIN_MS;
	return doubled(process->murders++, AGAIN_MURDER_MS);
}

static void on_restart(uv_timer_t *timer)
{
	process_start(timer->data);
}

/* Nobody will answer what was asked of it. */
static void lost(struct process *process, const char *reason)
{
	routes_lost(process, reason);
	settings_lost(process, reason);
}

static void start_again(struct process *process, int status, const char *how)
{
	uint64_t delay_ms = delay_again(process, status);
	char text[CONTROL_REASON_BYTES];

	snprintf(text, sizeof text, "%.150s; starts again in %u ms", how, (unsigned)delay_ms);
	log_line(process->title, "%s", text);
	if (process->error[0] && (process->last_words || !WIFSIGNALED(status)))
		snprintf(text, sizeof text, "%.250s", process->error);
	set_state(process, "restarting", text);
	lost(process, text);
	uv_timer_start(&process->restart, on_restart, delay_ms, 0);
}

static void ended(struct process *process, int status)
{
	char how[CONTROL_REASON_BYTES];

	describe_end(process, status, how, sizeof how);
	channel_close(process->channel);
	process->channel = NULL;
	process->pid = 0;
	json_decref(process->metrics);
	process->metrics = NULL;
	process->stat = (struct stat_sample){0};
	process->children.count = 0;
	process->cpus[0] = process->policy[0] = 0;
	if (process->control->stopping) {
		set_state(process, "off", how);
		lost(process, how);
		control_ended(process->control);
	} else if (!process->ever_ready && is_own_fault(process, status)) {
		if (!process->error[0])
			log_line(process->title, "%s before it was ready", how);
		lost(process, how);
		control_stop(process->control, 1);
	} else {
		start_again(process, status, how);
	}
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_exit_seen(uv_poll_t *poll, int poll_status, int events)
{
	struct process_watch *watch = poll->data;
	struct process *process = watch->process;
	int status = 0;

	if (process->channel)
		channel_drain(process->channel); /* its last words */
	kill(-process->pid, SIGKILL);            /* what it has started itself; the number is ours until we wait */
	if (waitpid(process->pid, &status, WNOHANG) == 0)
		return;
	uv_close((uv_handle_t *)poll, on_watch_closed);
	close(watch->pidfd);
	process->watch = NULL;
	ended(process, status);
}

/* ---- its beginning ------------------------------------------------------------------------------------------ */

static int watch_exit(struct process *process, int pidfd)
{
	struct process_watch *watch = malloc(sizeof *watch);

	if (!watch)
		return -ENOMEM;
	*watch = (struct process_watch){.pidfd = pidfd, .process = process};
	watch->poll.data = watch;
	uv_poll_init(&process->control->loop, &watch->poll, pidfd);
	watch->poll.data = watch;
	uv_poll_start(&watch->poll, UV_READABLE, on_exit_seen);
	process->watch = watch;
	return 0;
}

static void send_start(struct process *process)
{
	json_t *message = channel_message("start");

	json_object_set_new(message, "switches", routes_switches(process));
	if (process->settings)
		json_object_set_new(message, "settings", settings_of(process));
	if (arguments_command(process->entry)) { /* roles have these on their command lines */
		json_object_set_new(message, "name", json_string(process->entry->name));
		json_object_set_new(message, "options", arguments_json(process->entry));
	}
	process_send(process, message);
}

/* Forget the life before. */
static void begin_life(struct process *process, const struct spawned *spawned)
{
	process->pid = spawned->pid;
	process->life++;
	process->silent_s = process->leave_s = 0;
	process->last_words = false;
	process->ready = process->introduced = process->hung = process->wants_system = false;
	process->started_ns = zoe_now_ns();
	set_state(process, "starting", "");
}

static int spawn(struct process *process, struct spawned *out)
{
	return spawn_start(process->program, process->argv, process->secrets, zoe_domain_path(process->control->domain),
	                   out);
}

/* A role sets its CPUs and priority itself; a program of the user's inherits the CPUs that control has while it spawns. */
static int spawn_command(struct process *process, struct spawned *out)
{
	const struct process_config *config = process->entry->values;
	char error[AFFINITY_ERROR_BYTES];
	cpu_set_t ours;

	if (sched_getaffinity(0, sizeof ours, &ours) < 0)
		return -errno;
	int status = affinity_apply(config->cpus, error);

	if (status < 0)
		log_line(process->title, "%s", error);
	else
		status = spawn(process, out);
	sched_setaffinity(0, sizeof ours, &ours);
	if (!status && config->nice && setpriority(PRIO_PROCESS, (id_t)out->pid, (int)config->nice) < 0)
		log_line(process->title, "key 'nice': cannot set %d: %s; negative ones need CAP_SYS_NICE",
		         (int)config->nice, strerror(errno));
	return status;
}

void process_start(struct process *process)
{
	static const struct channel_ops ops = {.message = on_message, .closed = on_closed};
	struct control *control = process->control;
	struct spawned spawned;
	int status = arguments_command(process->entry) ? spawn_command(process, &spawned) : spawn(process, &spawned);

	if (status < 0) {
		log_line(process->title, "cannot start %s: %s", process->program, strerror(-status));
		if (!process->ever_ready)
			control_stop(control, 1);
		else
			uv_timer_start(&process->restart, on_restart, AGAIN_FAULT_MS, 0);
		return;
	}
	begin_life(process, &spawned);
	status = channel_open(&control->loop, spawned.channel, CHANNEL_LINE_CHILD, &ops, process, &process->channel);
	if (status < 0 || watch_exit(process, spawned.pidfd) < 0) {
		log_line(process->title, "cannot watch it: out of memory"); /* it would run unseen */
		kill(spawned.pid, SIGKILL);
		abort();
	}
	send_start(process);
}

/* ---- once a second ------------------------------------------------------------------------------------------ */

void process_kill(struct process *process)
{
	if (process->pid && kill(-process->pid, SIGKILL) < 0) /* its group, or itself while it has none yet */
		kill(process->pid, SIGKILL);
}

/* Counts seconds of this loop, not of the clock: after Ctrl-Z and fg nobody is to blame. */
void process_tick(struct process *process)
{
	if (!process->pid)
		return;
	stat_take(process->pid, &process->stat);
	stat_take_children(process->pid, &process->children);
	if (process->leave_s && !--process->leave_s)
		process_kill(process);
	if (process->hung || ++process->silent_s <= (process->ready ? SILENT_S : SILENT_START_S))
		return;
	process->hung = true;
	process_kill(process);
}

void process_quit(struct process *process)
{
	uv_timer_stop(&process->restart);
	if (process->pid)
		process_send(process, channel_message("quit"));
}

void process_close(struct process *process)
{
	if (!uv_is_closing((uv_handle_t *)&process->restart))
		uv_close((uv_handle_t *)&process->restart, NULL);
	json_decref(process->metrics);
	json_decref(process->settings);
	process->metrics = process->settings = NULL;
}
