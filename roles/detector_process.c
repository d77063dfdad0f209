/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that is a process, as the role sees it: spawned with the role's own command line, told what to look at, started
 * again when it has ended. The other side is detector_member.c.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "detector_packet.h"
#include "detector_worker.h"

#define WORKER_FD    3
#define AGAIN_MS     100  /* to start again; doubles with each life in a row that found nothing */
#define AGAIN_MAX_MS 5000 /* at most */
#define ROOM_MS      200  /* to read what it was told, when its socket is full; on a busy machine it takes a while */

extern char **environ;

/* One life of it. */
struct life {
	struct worker *worker;
	uv_process_t process;
	uv_poll_t poll;
	int fd;
	unsigned handles; /* open ones: freed with the last */
};

struct worker_process {
	char *const *argv;
	struct life *life; /* NULL between two */
	uv_timer_t again;
	unsigned failures; /* lives in a row that found nothing */
	bool ever_ready;
};

/* ---- what it says ------------------------------------------------------------------------------------------- */

static void take_ready(struct worker *worker, const struct packet *head)
{
	snprintf(worker->failure, sizeof(worker->failure), "%s", head->status < 0 ? head->text : "");
	if (head->status < 0)
		return;
	worker->frames = head->frames;
	worker->process->ever_ready = true;
}

static void take_frame(struct worker *worker, const struct packet *head)
{
	struct job *job = worker->jobs[head->job];
	job->taken = head->status == 0;
	job->look.frame = (struct zoe_frame){
	    .seq = head->seq,
	    .lost = head->lost,
	    .capture_ns = head->capture_ns,
	    .publish_ns = head->publish_ns,
	    .image = {.width = head->width, .height = head->height},
	};
	if (job->taken) {
		worker->took(worker, job);
		return;
	}
	job->missing = head->status == -EAGAIN;
	job->look.status = head->status;
	snprintf(job->look.error, sizeof(job->look.error), "%s", head->text);
	worker_finish_job(worker, head->job);
}

static void take_result(struct worker *worker, const struct packet_full *packet)
{
	struct look *look = &worker->jobs[packet->head.job]->look;
	look->status = packet->head.status;
	look->looked = packet->head.looked;
	snprintf(look->error, sizeof(look->error), "%s", packet->head.text);
	packet_boxes(packet, &look->result);
	worker->process->failures = 0;
	worker_finish_job(worker, packet->head.job);
}

/* Returns 0 | -errno when there is no more. */
static int take_packet(struct life *life)
{
	struct packet_full packet;
	struct worker *worker = life->worker;
	int status = packet_receive(life->fd, &packet);
	if (status < 0)
		return status;
	if (packet.head.kind == PACKET_READY) {
		take_ready(worker, &packet.head);
		return 0;
	}
	if (packet.head.job >= worker->job_count || !worker->jobs[packet.head.job])
		return -EBADMSG;
	if (packet.head.kind == PACKET_TOOK)
		take_frame(worker, &packet.head);
	else
		take_result(worker, &packet);
	return 0;
}

static void on_packet(uv_poll_t *poll, int poll_status, int events)
{
	struct life *life = poll->data;
	int status;
	do
		status = take_packet(life);
	while (status == 0);
	if (status != -EAGAIN) { /* it ends, or has lost its mind: on_exit() does the rest */
		uv_poll_stop(poll);
		uv_process_kill(&life->process, SIGKILL);
	}
	life->worker->changed(life->worker);
}

/* ---- its lives ---------------------------------------------------------------------------------------------- */

static void life_closed(uv_handle_t *handle)
{
	struct life *life = handle->data;
	if (--life->handles > 0)
		return;
	close(life->fd);
	free(life);
}

static void again_closed(uv_handle_t *handle)
{
	struct worker *worker = handle->data;
	worker->gone = true;
	worker->changed(worker);
}

/* It has died with them. */
static void lose_jobs(struct worker *worker)
{
	while (worker->job_count) { /* after these comes the one that it was told ahead */
		for (unsigned i = 0, count = worker->job_count; i < count; i++) {
			if (!worker->jobs[i])
				continue;
			worker->jobs[i]->missing = true;
			worker_finish_job(worker, i);
		}
	}
}

static void on_again(uv_timer_t *timer);

static void start_again(struct worker *worker, int64_t status, int signal)
{
	struct worker_process *process = worker->process;
	uint64_t delay_ms = AGAIN_MS;
	for (unsigned i = 0; i < process->failures && delay_ms < AGAIN_MAX_MS; i++)
		delay_ms *= 2;
	delay_ms = delay_ms < AGAIN_MAX_MS ? delay_ms : AGAIN_MAX_MS;
	process->failures++;
	char how[ZOE_DETECTOR_ERROR_BYTES];
	if (signal)
		snprintf(how, sizeof(how), "worker %u was ended by signal %d (%s)", worker->number, signal,
		         strsignal(signal));
	else
		snprintf(how, sizeof(how), "worker %u ended with status %d", worker->number, (int)status);
	if (process->ever_ready) {
		role_error(worker->role, "%s; starts again in %u ms", how, (unsigned)delay_ms);
		uv_timer_start(&process->again, on_again, delay_ms, 0);
	} else if (!worker->failure[0]) {
		snprintf(worker->failure, sizeof(worker->failure), "%.400s before it was ready", how);
	}
}

static void on_exit_seen(uv_process_t *handle, int64_t status, int signal)
{
	struct life *life = handle->data;
	struct worker *worker = life->worker;
	while (take_packet(life) == 0) /* its last words */
		;
	lose_jobs(worker);
	worker->frames = 0;
	worker->process->life = NULL;
	uv_close((uv_handle_t *)&life->poll, life_closed);
	uv_close((uv_handle_t *)&life->process, life_closed);
	if (worker->closing)
		uv_close((uv_handle_t *)&worker->process->again, again_closed);
	else
		start_again(worker, status, signal);
	worker->changed(worker);
}

/* environ and the number of the descriptor. */
static char **make_environment(void)
{
	static char variable[] = PACKET_VARIABLE "=3";
	size_t count = 0;
	while (environ[count])
		count++;
	char **variables = calloc(count + 2, sizeof(*variables));
	if (!variables)
		return NULL;
	memcpy(variables, environ, count * sizeof(*variables));
	variables[count] = variable;
	return variables;
}

static int spawn(struct life *life, int child_fd)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (length < 0)
		return -errno;
	path[length] = '\0';
	char **variables = make_environment();
	uv_stdio_container_t stdio[WORKER_FD + 1] = {
	    {.flags = UV_IGNORE},
	    {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
	    {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
	    {.flags = UV_INHERIT_FD, .data.fd = child_fd},
	};
	uv_process_options_t options = {
	    .exit_cb = on_exit_seen,
	    .file = path,
	    .args = (char **)(uintptr_t)life->worker->process->argv,
	    .env = variables,
	    .stdio = stdio,
	    .stdio_count = WORKER_FD + 1,
	};
	if (!variables)
		return -ENOMEM;
	life->handles++; /* from here on it has to be closed, even if it fails */
	int status = uv_spawn(life->worker->role->loop, &life->process, &options);
	free(variables);
	return status;
}

static int start_life(struct worker *worker)
{
	int pair[2];
	struct life *life = calloc(1, sizeof(*life));
	if (!life)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		int status = -errno;
		free(life);
		return status;
	}
	life->worker = worker;
	life->fd = pair[0];
	int status = uv_poll_init(worker->role->loop, &life->poll, life->fd);
	if (status < 0) { /* there is no handle that could be closed */
		close(pair[0]);
		close(pair[1]);
		free(life);
		return status;
	}
	life->process.data = life->poll.data = life;
	life->handles = 1;
	status = spawn(life, pair[1]);
	close(pair[1]);
	if (status < 0) {
		if (life->handles > 1)
			uv_close((uv_handle_t *)&life->process, life_closed);
		uv_close((uv_handle_t *)&life->poll, life_closed);
		return status;
	}
	uv_poll_start(&life->poll, UV_READABLE, on_packet);
	worker->process->life = life;
	worker->since_ns = zoe_now_ns();
	return 0;
}

static void on_again(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	int status = start_life(worker);
	if (status == 0)
		return;
	role_error(worker->role, "worker %u cannot be started: %s", worker->number, uv_strerror(status));
	uv_timer_start(timer, on_again, AGAIN_MAX_MS, 0);
}

/* ---- what the role wants ------------------------------------------------------------------------------------ */

static void process_end(struct worker *worker, const char *why)
{
	if (!worker->process->life)
		return;
	if (!worker->closing)
		role_error(worker->role, "worker %u: %s, so it is killed and started again", worker->number, why);
	uv_process_kill(&worker->process->life->process, SIGKILL);
}

static void send_packet(struct worker *worker, const struct packet *packet, const struct detector_result *boxes)
{
	const struct life *life = worker->process->life;
	int status = life ? packet_send(life->fd, packet, boxes, ROOM_MS) : -EPIPE;
	/* -EPIPE: it has ended, and we shall hear of it. It reads while it is idle, so a socket that stays full is its fault. */
	if (status < 0 && status != -EPIPE)
		process_end(worker, "it does not read what it is told");
}

static void process_start(struct worker *worker)
{
	for (unsigned i = 0; i < worker->job_count; i++) {
		const struct look *look = &worker->jobs[i]->look;
		const struct packet packet = {
		    .kind = PACKET_LOOK, .job = i, .camera = look->camera, .whole = look->whole};
		send_packet(worker, &packet, &look->earlier);
	}
	send_packet(worker, &(struct packet){.kind = PACKET_GO}, NULL);
}

/* It reads this when it has told what it found. */
static void process_follow(struct worker *worker)
{
	const struct packet packet = {.kind = PACKET_LOOK, .camera = worker->next->look.camera, .ahead = 1};
	send_packet(worker, &packet, NULL);
	send_packet(worker, &(struct packet){.kind = PACKET_GO}, NULL);
}

static void process_leave(struct worker *worker, unsigned camera)
{
	if (worker->process->life)
		send_packet(worker, &(struct packet){.kind = PACKET_LEAVE, .camera = camera}, NULL);
}

/* The end of its socket tells it to go. */
static void process_close(struct worker *worker)
{
	struct worker_process *process = worker->process;
	worker->closing = true;
	if (process->life)
		shutdown(process->life->fd, SHUT_WR);
	else if (!uv_is_closing((uv_handle_t *)&process->again))
		uv_close((uv_handle_t *)&process->again, again_closed);
}

static void process_destroy(struct worker *worker)
{
	free(worker->process);
}

int worker_open_process(struct worker *worker, char *const *argv)
{
	static const struct worker_ops ops = {
	    .start = process_start,
	    .follow = process_follow,
	    .leave = process_leave,
	    .end = process_end,
	    .close = process_close,
	    .destroy = process_destroy,
	};
	struct worker_process *process = calloc(1, sizeof(*process));
	if (!process) {
		role_error(worker->role, "no memory for a worker");
		return -ENOMEM;
	}
	process->argv = argv;
	worker->ops = &ops;
	worker->process = process;
	uv_timer_init(worker->role->loop, &process->again);
	process->again.data = worker;
	int status = start_life(worker);
	if (status < 0)
		role_error(worker->role, "worker %u cannot be started: %s", worker->number, uv_strerror(status));
	return status;
}
