/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multipart streams. A stream has pictures of one camera or several, in turn, and events if they are wanted. Once
 * libmicrohttpd has sent the answer's head its connection stays suspended, and parts go from where they lie into the
 * socket: a viewer costs one system call for a picture, and no copy but the kernel's. The socket's buffer is kept short,
 * so that a picture's Send-Time is when it really leaves and a slow viewer has little old to read.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preview.h"

#define STREAM_BOUNDARY     "zoetrope"
#define STREAM_BLOCK_BYTES  1024 /* libmicrohttpd has nothing to put in there */
#define STREAM_SOCKET_BYTES 131072
#define STREAM_UNSENT_BYTES 16384
#define STREAM_AHEAD        2  /* pictures of each camera on the way, besides those that the way itself holds */
#define STREAM_AHEAD_MOST   64 /* whatever the way */
#define STREAM_FPS_MOST     60 /* for reckoning how many pictures are on the way during a round trip */

struct viewer;

/* A camera in a stream. */
struct source {
	struct watcher watcher; /* first: woken() gets this */
	struct viewer *viewer;
	struct variant *variant;
	uint64_t cursor;
};

/* One who watches a stream. */
struct viewer {
	struct preview *preview;
	struct connection *connection;
	struct MHD_Connection *mhd;
	uv_poll_t *poll; /* the socket, from when it is ours until somebody has gone; else NULL */
	int looks_for;   /* what of it poll looks for; changing that costs two system calls */
	struct source *sources;
	size_t count, turn;   /* whose picture is looked for first */
	struct source events; /* its watcher and cursor, if events are wanted */
	struct event *first;  /* what held when the stream began; not sent yet */
	struct event *event;  /* being sent, as is */
	struct picture *picture;
	char head[PREVIEW_HEAD_BYTES]; /* what stands before its bytes; at first only the boundary */
	size_t head_size;
	size_t position;                  /* in head, picture and tail */
	uint64_t bytes;                   /* handed to the kernel in all */
	uint64_t ends[STREAM_AHEAD_MOST]; /* where the last pictures ended in them */
	uint64_t sent;                    /* pictures */
	int64_t held_ns;                  /* since when the peer has taken nothing that was there for it; 0 = it does */
	bool gone;
};

static const char stream_tail[] = "\r\n--" STREAM_BOUNDARY "\r\n";

/* ---- streams ---- */

static void viewer_free_poll(uv_handle_t *handle)
{
	free(handle);
}

/* Give the connection back to libmicrohttpd, which ends it. */
static void viewer_gone(void *stream)
{
	struct viewer *viewer = stream;
	viewer->gone = true;
	if (!viewer->poll)
		return;
	uv_close((uv_handle_t *)viewer->poll, viewer_free_poll);
	viewer->poll = NULL;
	MHD_resume_connection(viewer->mhd);
	http_wake(viewer->preview);
}

static void viewer_free(void *user)
{
	struct viewer *viewer = user;
	viewer->connection->stream = NULL;
	if (viewer->poll)
		uv_close((uv_handle_t *)viewer->poll, viewer_free_poll);
	for (size_t i = 0; i < viewer->count; i++) {
		struct preview_camera *camera = viewer->sources[i].variant->camera;
		camera->viewers--;
		watcher_remove(&viewer->sources[i].watcher);
		if (!viewer->preview->http.closing)
			camera_update(camera);
	}
	events_unwatch(viewer->preview, &viewer->events.watcher);
	event_drop(viewer->first);
	event_drop(viewer->event);
	picture_drop(viewer->picture);
	free(viewer->sources);
	free(viewer);
}

/* Are more pictures on the way than the way is long? A slow viewer's kernel would only keep them until they are old. */
static bool viewer_is_ahead(const struct viewer *viewer)
{
	int fd = viewer->connection->fd, queued = 0;
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);
	if (ioctl(fd, SIOCOUTQ, &queued) < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
		return false;
	uint64_t limit = (STREAM_AHEAD + (uint64_t)info.tcpi_rtt * STREAM_FPS_MOST / 1000000) * viewer->count;
	if (limit > STREAM_AHEAD_MOST)
		limit = STREAM_AHEAD_MOST;
	if (viewer->sent < limit)
		return false;
	uint64_t end = viewer->ends[(viewer->sent - limit) % STREAM_AHEAD_MOST];
	return end + (uint64_t)queued > viewer->bytes;
}

static void viewer_begin(struct viewer *viewer, int length)
{
	viewer->head_size = (size_t)length;
	viewer->position = 0;
}

/* Begin the part of the next event. Returns false if there is none yet. */
static bool viewer_next_event(struct viewer *viewer)
{
	viewer->event = viewer->first;
	viewer->first = NULL;
	if (!viewer->event && viewer->events.watcher.link)
		viewer->event = event_next(viewer->preview, &viewer->events.cursor);
	if (!viewer->event)
		return false;
	viewer_begin(viewer, snprintf(viewer->head, sizeof(viewer->head),
	                              "Content-Type: application/json\r\nContent-Length: %zu\r\n"
	                              "X-Zoetrope-Event: %s\r\n\r\n",
	                              viewer->event->data_size, viewer->event->name));
	return true;
}

/* The same for the next picture; the cameras take turns. */
static bool viewer_next_picture(struct viewer *viewer)
{
	for (size_t i = 0; i < viewer->count && !viewer->picture; i++) {
		struct source *source = &viewer->sources[viewer->turn];
		viewer->turn = (viewer->turn + 1) % viewer->count;
		viewer->picture = picture_queue_next(&source->variant->queue, &source->cursor);
		if (!viewer->picture)
			continue;
		struct preview_camera *camera = source->variant->camera;
		int64_t now_ns = zoe_now_ns();
		if (!*viewer->picture->away) {
			metrics_add(&camera->latency, now_ns - viewer->picture->capture_ns);
			metrics_add(&camera->send, now_ns - viewer->picture->encode_end_ns);
		}
		size_t room = sizeof(viewer->head);
		size_t used = (size_t)snprintf(viewer->head, room, "Content-Type: %s\r\nContent-Length: %zu\r\n",
		                               encoder_jpeg.media_type, viewer->picture->size);
		used += picture_headers(viewer->picture, viewer->head + used, room - used - 2, now_ns);
		memcpy(viewer->head + used, "\r\n", 2);
		viewer_begin(viewer, (int)used + 2);
	}
	return viewer->picture;
}

/* What of the part is not sent yet, where it lies. The opening boundary is a part without contents. Returns how many. */
static int viewer_left(const struct viewer *viewer, struct iovec out[3])
{
	const void *data = NULL;
	size_t size = 0, skip = viewer->position;
	if (viewer->picture) {
		data = viewer->picture->data;
		size = viewer->picture->size;
	} else if (viewer->event) {
		data = viewer->event->text + viewer->event->data;
		size = viewer->event->data_size;
	}
	const struct iovec whole[3] = {{(void *)(uintptr_t)viewer->head, viewer->head_size},
	                               {(void *)(uintptr_t)data, size},
	                               {(void *)(uintptr_t)stream_tail, data ? strlen(stream_tail) : 0}};
	int count = 0;
	for (int i = 0; i < 3; i++) {
		size_t gone = skip < whole[i].iov_len ? skip : whole[i].iov_len;
		skip -= gone;
		if (gone < whole[i].iov_len)
			out[count++] = (struct iovec){(char *)whole[i].iov_base + gone, whole[i].iov_len - gone};
	}
	return count;
}

/* Returns 0: the part has gone to the kernel | -EAGAIN: not all of it | -EPIPE: the peer is away */
static int viewer_push(struct viewer *viewer)
{
	struct iovec left[3];
	struct msghdr message = {.msg_iov = left};
	while ((message.msg_iovlen = (size_t)viewer_left(viewer, left)) > 0) {
		ssize_t sent = sendmsg(viewer->connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? -EAGAIN : -EPIPE;
		viewer->position += (size_t)sent;
		viewer->bytes += (size_t)sent;
		viewer->held_ns = 0;
	}
	return 0;
}

static void viewer_end(struct viewer *viewer)
{
	if (viewer->picture)
		viewer->ends[viewer->sent++ % STREAM_AHEAD_MOST] = viewer->bytes;
	picture_drop(viewer->picture);
	event_drop(viewer->event);
	viewer->picture = NULL;
	viewer->event = NULL;
	viewer_begin(viewer, 0);
}

/* Is there a part to send, and may it go? */
static bool viewer_next(struct viewer *viewer, bool *out_held)
{
	if (viewer->head_size || viewer_next_event(viewer))
		return true;
	*out_held = viewer_is_ahead(viewer);
	return !*out_held && viewer_next_picture(viewer);
}

static void viewer_ready(uv_poll_t *poll, int status, int events);

/* Send what there is, as far as the socket takes it. */
static void viewer_run(struct viewer *viewer)
{
	bool held = false;
	int status = 0;
	if (!viewer->poll)
		return;
	while (!status && viewer_next(viewer, &held)) {
		status = viewer_push(viewer);
		if (!status)
			viewer_end(viewer);
	}
	held |= status == -EAGAIN;
	if (!held)
		viewer->held_ns = 0;
	else if (!viewer->held_ns)
		viewer->held_ns = zoe_now_ns();
	int looks_for = UV_DISCONNECT | (status ? UV_WRITABLE : 0);
	if (status == -EPIPE ||
	    (looks_for != viewer->looks_for && uv_poll_start(viewer->poll, looks_for, viewer_ready) < 0))
		viewer_gone(viewer);
	viewer->looks_for = looks_for;
}

static void viewer_ready(uv_poll_t *poll, int status, int events)
{
	struct viewer *viewer = poll->data;
	if (status < 0 || events & UV_DISCONNECT)
		viewer_gone(viewer);
	else
		viewer_run(viewer);
}

static void viewer_woken(struct watcher *watcher)
{
	viewer_run(((struct source *)watcher)->viewer);
}

/* Once a second. */
static void viewer_tick(void *stream)
{
	struct viewer *viewer = stream;
	if (!viewer->held_ns || zoe_now_ns() - viewer->held_ns < PREVIEW_IDLE_SECONDS * 1000000000LL)
		return;
	viewer_run(viewer); /* it may have taken all since, and nothing new has come that would have shown it */
	if (viewer->held_ns)
		viewer_gone(viewer);
}

static void stream_socket(int fd)
{
	int bytes = STREAM_SOCKET_BYTES, unsent = STREAM_UNSENT_BYTES, one = 1, none = 0;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	/* libmicrohttpd may have kept the head back for what comes behind it. */
	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &none, sizeof(none));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* Called by libmicrohttpd when the answer's head has gone, and once more at the end. */
static ssize_t viewer_read(void *user, uint64_t position, char *out, size_t room)
{
	struct viewer *viewer = user;
	uv_poll_t *poll = viewer->gone ? NULL : calloc(1, sizeof(*poll));
	if (!poll || uv_poll_init(viewer->preview->role->loop, poll, viewer->connection->fd) < 0) {
		free(poll);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	poll->data = viewer;
	viewer->poll = poll;
	MHD_suspend_connection(viewer->mhd);
	stream_socket(viewer->connection->fd);
	viewer_run(viewer);
	return 0;
}

/* Returns 0 | -ENOMEM | -EMFILE, with the camera that is encoded in too many ways. */
static int viewer_watch(struct viewer *viewer, const struct query *query, struct preview_camera **out_camera)
{
	for (; viewer->count < query->count; viewer->count++) {
		struct source *source = &viewer->sources[viewer->count];
		struct preview_camera *camera = *out_camera = query->cameras[viewer->count];
		int status = variant_get(camera, &query->options, &source->variant);
		if (status < 0)
			return status;
		uint64_t count = source->variant->queue.count;
		source->cursor = count ? count - 1 : 0;
		source->viewer = viewer;
		source->watcher.woken = viewer_woken;
		watcher_add(&source->variant->watchers, &source->watcher);
		camera->viewers++;
		camera_update(camera);
	}
	return 0;
}

static struct viewer *viewer_create(struct request *request, size_t count)
{
	struct viewer *viewer = calloc(1, sizeof(*viewer));
	struct source *sources = calloc(count, sizeof(*sources));
	if (!viewer || !sources) {
		free(viewer);
		free(sources);
		return NULL;
	}
	*viewer = (struct viewer){.preview = request->preview,
	                          .connection = request->connection,
	                          .mhd = request->mhd,
	                          .sources = sources,
	                          .events = {.viewer = viewer, .watcher.woken = viewer_woken}};
	viewer_begin(viewer, snprintf(viewer->head, sizeof(viewer->head), "--%s\r\n", STREAM_BOUNDARY));
	return viewer;
}

enum MHD_Result stream_answer(struct request *request, const struct query *query)
{
	struct viewer *viewer = viewer_create(request, query->count);
	struct preview_camera *camera = NULL;
	int status = viewer ? viewer_watch(viewer, query, &camera) : -ENOMEM;
	struct MHD_Response *response = status < 0
	                                    ? NULL
	                                    : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
	                                                                        viewer_read, viewer, viewer_free);
	if (!response && viewer)
		viewer_free(viewer);
	if (status < 0)
		return answer_variant(request, camera, status);
	if (!response)
		return MHD_NO;
	if (query->events) {
		viewer->first = event_first(request->preview, &viewer->events.cursor);
		events_watch(request->preview, &viewer->events.watcher);
	}
	request->connection->stream = viewer;
	request->connection->gone = viewer_gone;
	request->connection->tick = viewer_tick;
	request->connection->endless = true;
	/* No chunks: a part's bytes stand as they are, also for the simplest of clients. */
	MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	                        "multipart/x-mixed-replace; boundary=" STREAM_BOUNDARY);
	return answer_response(request, MHD_HTTP_OK, response);
}
