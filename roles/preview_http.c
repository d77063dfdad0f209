/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd in the role's event loop: its epoll descriptor is watched, its time-out is a timer, no thread of its
 * own. A request that has to wait is suspended and resumed. See preview.h.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preview.h"

#define HTTP_SWEEP_MS 1000
/* libmicrohttpd stops to accept here; the places above PREVIEW_CONNECTIONS are for saying 503. */
#define HTTP_CONNECTIONS_HARD (PREVIEW_CONNECTIONS + 20)

static void http_free_handle(uv_handle_t *handle)
{
	free(handle);
}

/* ---- the loop ---- */

static void http_timeout(uv_timer_t *timer);

static void http_run(struct http *http)
{
	if (!http->daemon)
		return;
	MHD_run(http->daemon);
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	if (MHD_get_timeout(http->daemon, &timeout_ms) == MHD_YES)
		uv_timer_start(http->timer, http_timeout, timeout_ms, 0);
	else
		uv_timer_stop(http->timer);
}

static void http_timeout(uv_timer_t *timer)
{
	struct preview *preview = timer->data;
	http_run(&preview->http);
}

static void http_readable(uv_poll_t *poll, int status, int events)
{
	struct preview *preview = poll->data;
	http_run(&preview->http);
}

void http_wake(struct preview *preview)
{
	if (preview->http.timer && !preview->http.closing)
		uv_timer_start(preview->http.timer, http_timeout, 0, 0);
}

/* Has a client had its time? Whoever sends or reads a byte now and then must not keep a place for ever. */
static bool http_too_slow(const struct connection *connection, int64_t now_ns)
{
	int64_t age_ns = now_ns - connection->begin_ns;
	return connection->answering ? !connection->endless && age_ns > PREVIEW_ANSWER_NS : age_ns > PREVIEW_REQUEST_NS;
}

/* Half a request, and no more will come: libmicrohttpd misses an end that came together with the last bytes. */
static bool http_broken_off(const struct connection *connection)
{
	int unread = 0;
	return !connection->answering && !connection->stream && !ioctl(connection->fd, FIONREAD, &unread) && !unread;
}

/* libmicrohttpd does not look at suspended connections, and bears whoever makes some progress. */
static void http_sweep(uv_timer_t *timer)
{
	struct preview *preview = timer->data;
	int64_t now_ns = zoe_now_ns();
	for (struct connection *connection = preview->http.connections; connection; connection = connection->next) {
		struct pollfd look = {.fd = connection->fd, .events = POLLRDHUP};
		bool ended = poll(&look, 1, 0) == 1;
		if (http_too_slow(connection, now_ns) || (ended && http_broken_off(connection)))
			shutdown(connection->fd, SHUT_RDWR);
		if (connection->stream && ended)
			connection->gone(connection->stream);
		else if (connection->stream && connection->tick)
			connection->tick(connection->stream);
	}
}

/* ---- connections ---- */

static void http_connection_begins(struct preview *preview, struct MHD_Connection *mhd, void **socket_context)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	*socket_context = connection;
	if (!connection)
		return;
	connection->preview = preview;
	connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	connection->begin_ns = zoe_now_ns();
	connection->link = &preview->http.connections;
	connection->next = *connection->link;
	if (connection->next)
		connection->next->link = &connection->next;
	*connection->link = connection;
	preview->http.connection_count++;
}

static void http_connection_ends(struct preview *preview, struct connection *connection)
{
	if (!connection)
		return;
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
	preview->http.connection_count--;
	free(connection);
}

static void http_connection(void *user, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		http_connection_begins(user, mhd, socket_context);
	else
		http_connection_ends(user, *socket_context);
}

/* ---- answers ---- */

static void answer_headers(struct MHD_Response *response)
{
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	/* no-referrer would make a browser send the login form with Origin: null */
	MHD_add_response_header(response, "Referrer-Policy", "same-origin");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(response, "Content-Security-Policy",
	                        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	                        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
}

enum MHD_Result answer_response(struct request *request, unsigned status, struct MHD_Response *response)
{
	if (!response)
		return MHD_NO;
	request->connection->answering = true;
	request->connection->begin_ns = zoe_now_ns();
	answer_headers(response);
	enum MHD_Result result = MHD_queue_response(request->mhd, status, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result answer_bytes(struct request *request, const char *type, const void *data, size_t size)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(size, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return answer_response(request, MHD_HTTP_OK, response);
}

enum MHD_Result answer_json(struct request *request, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
	json_decref(json);
	if (!text)
		return MHD_NO;
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"zoetrope\"");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	}
	return answer_response(request, status, response);
}

enum MHD_Result answer_error(struct request *request, unsigned status, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_t *sentence = json_string(text);
	return answer_json(request, status,
	                   json_pack("{s:o}", "error", sentence ? sentence : json_string("this is not UTF-8")));
}

enum MHD_Result answer_variant(struct request *request, const struct preview_camera *camera, int status)
{
	if (status != -EMFILE)
		return MHD_NO;
	return answer_error(
	    request, MHD_HTTP_SERVICE_UNAVAILABLE,
	    "camera %s is encoded in %d ways already, which is the limit; ask with the fps, height, quality "
	    "and overlay of another viewer",
	    camera->name, PREVIEW_VARIANTS);
}

/* ---- requests ---- */

void request_suspend(struct request *request)
{
	request->suspended = true;
	MHD_suspend_connection(request->mhd);
}

void request_resume(struct request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	MHD_resume_connection(request->mhd);
	http_wake(request->preview);
}

static struct connection *request_connection(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

/* The headers are there. What cannot be answered well is answered before a body is read. */
static enum MHD_Result request_begin(struct preview *preview, struct MHD_Connection *mhd, const char *path,
                                     const char *method, void **context)
{
	struct connection *connection = request_connection(mhd);
	struct request *request = connection ? calloc(1, sizeof(*request)) : NULL;
	if (!request)
		return MHD_NO;
	*context = request;
	*request = (struct request){.connection = connection, .mhd = mhd, .preview = preview};
	snprintf(request->method, sizeof(request->method), "%s", method);
	size_t length = strlen(path);
	if (preview->http.connection_count > PREVIEW_CONNECTIONS)
		return answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
		                    "%d connections are open already, which is the limit; close one and try again",
		                    PREVIEW_CONNECTIONS);
	if (length >= sizeof(request->path))
		return answer_error(request, MHD_HTTP_URI_TOO_LONG, "the path has %zu characters, at most %zu are read",
		                    length, sizeof(request->path) - 1);
	memcpy(request->path, path, length + 1);
	const char *size = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (size && strtoull(size, NULL, 10) > PREVIEW_BODY_BYTES)
		return answer_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body has %s bytes, at most %d are read",
		                    size, PREVIEW_BODY_BYTES);
	return MHD_YES;
}

/* A body without an announced length is read to its end, but not kept beyond the limit, nor borne for ever. */
static enum MHD_Result request_body(struct request *request, const char *data, size_t *size)
{
	if (*size > PREVIEW_BODY_BYTES - request->body_size)
		request->body_too_large = true;
	if (!request->body_too_large)
		memcpy(request->body + request->body_size, data, *size);
	request->body_size += *size;
	*size = 0;
	if (request->body_size > 16 * PREVIEW_BODY_BYTES)
		return MHD_NO;
	return MHD_YES;
}

static enum MHD_Result http_request(void *user, struct MHD_Connection *mhd, const char *path, const char *method,
                                    const char *version, const char *data, size_t *size, void **context)
{
	struct request *request = *context;
	if (!request)
		return request_begin(user, mhd, path, method, context);
	if (*size)
		return request_body(request, data, size);
	if (request->switching || request->snapshot)
		return route_continue(request);
	if (request->body_too_large)
		return answer_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body has %zu bytes, at most %d are read",
		                    request->body_size, PREVIEW_BODY_BYTES);
	return route_request(request);
}

static void http_completed(void *user, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;
	if (!request)
		return;
	*context = NULL;
	route_finish(request);
	request->connection->answering = request->connection->endless = false;
	request->connection->begin_ns = zoe_now_ns();
	free(request);
}

/* ---- open and close ---- */

static int http_watch(struct preview *preview)
{
	struct http *http = &preview->http;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	http->poll = calloc(1, sizeof(*http->poll));
	http->timer = calloc(1, sizeof(*http->timer));
	http->sweep = calloc(1, sizeof(*http->sweep));
	if (!info || !http->poll || !http->timer || !http->sweep)
		goto fail;
	if (uv_poll_init(preview->role->loop, http->poll, info->epoll_fd) < 0)
		goto fail;
	uv_timer_init(preview->role->loop, http->timer);
	uv_timer_init(preview->role->loop, http->sweep);
	http->poll->data = http->timer->data = http->sweep->data = preview;
	uv_poll_start(http->poll, UV_READABLE, http_readable);
	uv_timer_start(http->sweep, http_sweep, HTTP_SWEEP_MS, HTTP_SWEEP_MS);
	http_wake(preview);
	return 0;
fail:
	free(http->poll);
	free(http->timer);
	free(http->sweep);
	http->poll = NULL;
	http->timer = http->sweep = NULL;
	return -ENOMEM;
}

int http_open(struct preview *preview)
{
	struct http *http = &preview->http;
	int status = guard_open(preview);
	if (status < 0)
		return status;
	http->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, http_request, preview, MHD_OPTION_LISTEN_SOCKET,
	    http->listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_HARD,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PREVIEW_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)32768, MHD_OPTION_NOTIFY_CONNECTION, http_connection, preview, MHD_OPTION_NOTIFY_COMPLETED,
	    http_completed, preview, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_END);
	if (!http->daemon) {
		role_error(preview->role, "the HTTP server on %s could not start: %s", http->address, strerror(errno));
		return -EIO;
	}
	status = http_watch(preview);
	if (status < 0)
		role_error(preview->role, "the HTTP server on %s could not start: no memory", http->address);
	return status;
}

static void http_close_handle(uv_handle_t *handle)
{
	if (handle)
		uv_close(handle, http_free_handle);
}

void http_close(struct preview *preview)
{
	struct http *http = &preview->http;
	http->closing = true;
	/* libmicrohttpd must not be stopped while a connection is suspended. */
	for (struct connection *connection = http->connections; connection; connection = connection->next)
		if (connection->stream)
			connection->gone(connection->stream);
	http_close_handle((uv_handle_t *)http->poll);
	http_close_handle((uv_handle_t *)http->timer);
	http_close_handle((uv_handle_t *)http->sweep);
	http->poll = NULL;
	http->timer = http->sweep = NULL;
	if (http->daemon)
		MHD_stop_daemon(http->daemon); /* closes the listening socket too */
	else if (http->listen_fd >= 0)
		close(http->listen_fd);
	http->daemon = NULL;
	http->listen_fd = -1;
}
