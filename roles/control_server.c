/* SPDX-License-Identifier: Apache-2.0 */
/* The Unix socket control.sock, on which `zoetrope ctl` asks; and what a request is, also for children. */
#include "control.h"
#include "instance.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS_MAX 64

struct client {
	struct server *server;
	struct channel *channel; /* NULL = it has gone; freed when nothing is awaited for it any more */
	unsigned awaited;
	struct client *next;
};

struct server {
	uv_pipe_t pipe;
	struct control *control;
	struct client *clients;
	unsigned client_count;
};

/* A request that is being answered. */
struct request {
	json_t *id;
	void (*reply)(void *user, json_t *answer);
	void *user;
};

/* Make the answer line out of what was found, and send it. */
static void answer_request(struct request *request, const json_t *found)
{
	json_t *answer = channel_message("answer");

	json_object_set(answer, "id", request->id);
	json_object_update(answer, (json_t *)found);
	request->reply(request->user, answer);
	json_decref(request->id);
	free(request);
}

static void on_turned(void *user, const json_t *found)
{
	answer_request(user, found);
}

static void answer_status(struct control *control, struct request *request)
{
	json_t *found = json_object();

	json_object_set_new(found, "state", state_build(control));
	answer_request(request, found);
	json_decref(found);
}

static void answer_quit(struct control *control, struct request *request)
{
	json_t *found = json_pack("{s:b, s:b, s:s}", "wanted", 0, "actual", 0, "reason", "");

	answer_request(request, found);
	json_decref(found);
	control_stop(control, 0);
}

static void answer_error(struct request *request, const char *text)
{
	json_t *found = json_pack("{s:s}", "error", text);

	answer_request(request, found);
	json_decref(found);
}

void server_request(struct control *control, const json_t *message, void (*reply)(void *user, json_t *answer),
                    void *user)
{
	struct request *request = malloc(sizeof *request);
	const char *verb = channel_get_text(message, "verb", "");
	const char *camera = json_string_value(json_object_get(message, "camera"));
	const json_t *on = json_object_get(message, "on"), *settings = json_object_get(message, "settings");
	bool set = !strcmp(verb, "set");

	if (!request) {
		reply(user, channel_message("answer"));
		return;
	}
	*request = (struct request){.id = json_incref(json_object_get(message, "id")), .reply = reply, .user = user};
	if (!strcmp(verb, "status"))
		answer_status(control, request);
	else if (!strcmp(verb, "quit"))
		answer_quit(control, request);
	else if (!camera || (set ? !json_is_object(settings) : !json_is_boolean(on)))
		answer_error(request,
		             "wanted \"verb\" of status, quit, set or a switch, for a switch \"camera\" and \"on\", "
		             "and for set \"camera\" and \"settings\", an object");
	else if (control->stopping)
		answer_error(request, "zoetrope is ending");
	else if (set)
		settings_ask(control, camera, settings, on_turned, request);
	else
		routes_turn(control, camera, verb, json_is_true(on), on_turned, request);
}

/* ---- clients ------------------------------------------------------------------------------------------------ */

static void free_client(struct client *client)
{
	struct client **link = &client->server->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->server->client_count--;
	free(client);
}

static void reply(void *user, json_t *answer)
{
	struct client *client = user;

	client->awaited--;
	if (client->channel)
		channel_send(client->channel, answer);
	else
		json_decref(answer);
	if (!client->channel && !client->awaited)
		free_client(client);
}

static void on_message(void *user, const char *type, const json_t *message)
{
	struct client *client = user;

	if (strcmp(type, "request"))
		return;
	client->awaited++;
	server_request(client->server->control, message, reply, client);
}

static void drop_client(struct client *client)
{
	channel_close(client->channel);
	client->channel = NULL;
	if (!client->awaited)
		free_client(client);
}

static void on_closed(void *user, const char *why)
{
	if (*why)
		log_line("control.sock", "somebody %s", why);
	drop_client(user);
}

/* The accepted descriptor goes from libuv's handle to a channel of its own. */
static int accept_fd(uv_stream_t *stream, uv_pipe_t *accepted)
{
	int fd;

	uv_pipe_init(stream->loop, accepted, 0);
	int status = uv_accept(stream, (uv_stream_t *)accepted);
	if (!status)
		status = uv_fileno((uv_handle_t *)accepted, &fd);
	if (!status)
		status = dup(fd);
	return status;
}

static void on_accepted_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_connection(uv_stream_t *stream, int status)
{
	static const struct channel_ops ops = {.message = on_message, .closed = on_closed};
	struct server *server = stream->data;
	uv_pipe_t *accepted = status < 0 ? NULL : malloc(sizeof *accepted);

	if (!accepted)
		return;
	int fd = accept_fd(stream, accepted);
	uv_close((uv_handle_t *)accepted, on_accepted_closed);
	struct client *client = fd >= 0 && server->client_count < CLIENTS_MAX ? malloc(sizeof *client) : NULL;
	if (!client) {
		if (fd >= 0)
			close(fd);
		return;
	}
	*client = (struct client){.server = server, .next = server->clients};
	server->clients = client;
	server->client_count++;
	if (channel_open(stream->loop, fd, CHANNEL_LINE_CHILD, &ops, client, &client->channel) < 0)
		free_client(client);
}

int server_open(struct control *control)
{
	const char *domain = zoe_domain_path(control->domain);
	struct server *server = malloc(sizeof *server);
	int fd = server ? instance_listen(domain) : -ENOMEM;

	if (fd < 0) {
		log_line("", "cannot listen on %s/control.sock: %s", domain, strerror(-fd));
		free(server);
		return fd;
	}
	*server = (struct server){.control = control};
	uv_pipe_init(&control->loop, &server->pipe, 0);
	server->pipe.data = server;
	control->server = server;
	int status = uv_pipe_open(&server->pipe, fd);
	if (!status)
		status = uv_listen((uv_stream_t *)&server->pipe, 16, on_connection);
	if (status < 0)
		log_line("", "cannot listen on %s/control.sock: %s", domain, uv_strerror(status));
	return status;
}

static void on_server_closed(uv_handle_t *handle)
{
	struct server *server = handle->data;

	while (server->clients) { /* their channels are closed; answers that were awaited never come */
		struct client *next = server->clients->next;
		free(server->clients);
		server->clients = next;
	}
	free(server);
}

void server_close(struct control *control)
{
	struct client *next;

	if (!control->server)
		return;
	for (struct client *client = control->server->clients; client; client = next) {
		next = client->next;
		drop_client(client);
	}
	uv_close((uv_handle_t *)&control->server->pipe, on_server_closed);
	control->server = NULL;
}
