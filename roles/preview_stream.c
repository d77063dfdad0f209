/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multipart streams and snapshots. A stream's connection is suspended while there is no new picture. The socket's
 * buffer is kept short, so that a picture's Send-Time is when it really leaves and a slow viewer has little old to
 * read.
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

#include "preview.h"

#define STREAM_BOUNDARY     "zoetrope"
#define STREAM_BLOCK_BYTES  65536
#define STREAM_SOCKET_BYTES 131072
#define STREAM_UNSENT_BYTES 16384
#define STREAM_AHEAD        2  /* pictures on the way, besides those that the way itself holds */
#define STREAM_AHEAD_MOST   16 /* whatever the way */
#define STREAM_FPS_MOST     60 /* for reckoning how many pictures are on the way during a round trip */

/* One who watches a stream. */
struct viewer {
	struct watcher watcher; /* first: woken() gets this */
	struct preview_camera *camera;
	struct connection *connection;
	struct MHD_Connection *mhd;
	enum preview_variant variant;
	uint64_t cursor;
	struct picture *picture;       /* being sent */
	char head[PREVIEW_HEAD_BYTES]; /* what stands before its bytes; at first only the boundary */
	size_t head_size;
	size_t position;                  /* in head, picture and tail */
	uint64_t bytes;                   /* handed to the kernel in all */
	uint64_t ends[STREAM_AHEAD_MOST]; /* where the last pictures ended in them */
	uint64_t sent;                    /* pictures */
	int64_t held_ns;                  /* since when the peer has not acknowledged enough; 0 = it has */
	bool suspended, gone;
};

static const char stream_tail[] = "\r\n--" STREAM_BOUNDARY "\r\n";

/* ---- streams ---- */

static void viewer_resume(struct viewer *viewer)
{
	if (!viewer->suspended)
		return;
	viewer->suspended = false;
	MHD_resume_connection(viewer->mhd);
	http_wake(viewer->camera->preview);
}

static void viewer_woken(struct watcher *watcher)
{
	struct viewer *viewer = (struct viewer *)watcher;
	if (viewer->held_ns && zoe_now_ns() - viewer->held_ns > PREVIEW_IDLE_SECONDS * 1000000000LL)
		viewer->gone = true;
	viewer_resume(viewer);
}

static void viewer_gone(void *stream)
{
	struct viewer *viewer = stream;
	viewer->gone = true;
	viewer_resume(viewer);
}

static void viewer_free(void *user)
{
	struct viewer *viewer = user;
	struct preview_camera *camera = viewer->camera;
	viewer->connection->stream = NULL;
	camera->viewers--;
	camera_unwatch(camera, &viewer->watcher);
	if (!camera->preview->http.closing)
		camera_update(camera);
	picture_drop(viewer->picture);
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
	uint64_t limit = STREAM_AHEAD + (uint64_t)info.tcpi_rtt * STREAM_FPS_MOST / 1000000;
	if (limit > STREAM_AHEAD_MOST)
		limit = STREAM_AHEAD_MOST;
	if (viewer->sent < limit)
		return false;
	uint64_t end = viewer->ends[(viewer->sent - limit) % STREAM_AHEAD_MOST];
	return end + (uint64_t)queued > viewer->bytes;
}

/* Begin the next picture's part. Returns false if there is none yet. */
static bool viewer_next(struct viewer *viewer)
{
	struct preview_camera *camera = viewer->camera;
	viewer->picture = picture_queue_next(&camera->queues[viewer->variant], &viewer->cursor);
	viewer->position = 0;
	viewer->head_size = 0;
	if (!viewer->picture)
		return false;
	int64_t now_ns = zoe_now_ns();
	if (!*viewer->picture->away)
		metrics_add(&camera->latency, now_ns - viewer->picture->capture_ns);
	size_t room = sizeof(viewer->head);
	size_t used = (size_t)snprintf(viewer->head, room, "Content-Type: %s\r\nContent-Length: %zu\r\n",
	                               encoder_jpeg.media_type, viewer->picture->size);
	used += picture_headers(viewer->picture, viewer->head + used, room - used - 2, now_ns);
	memcpy(viewer->head + used, "\r\n", 2);
	viewer->head_size = used + 2;
	return true;
}

/* Copy what is left of one stretch of the part, beginning at viewer->position - *start. */
static size_t viewer_copy(struct viewer *viewer, size_t *start, const void *data, size_t size, char *out, size_t room)
{
	size_t skip = viewer->position - *start;
	*start += size;
	if (skip >= size || !room)
		return 0;
	size_t count = size - skip < room ? size - skip : room;
	memcpy(out, (const char *)data + skip, count);
	viewer->position += count;
	return count;
}

/* Also used for the opening boundary, which is a part without a picture. */
static size_t viewer_fill(struct viewer *viewer, char *out, size_t room)
{
	size_t start = 0, used = viewer_copy(viewer, &start, viewer->head, viewer->head_size, out, room);
	if (!viewer->picture || viewer->position < start)
		return used;
	used += viewer_copy(viewer, &start, viewer->picture->data, viewer->picture->size, out + used, room - used);
	if (viewer->position < start)
		return used;
	return used + viewer_copy(viewer, &start, stream_tail, strlen(stream_tail), out + used, room - used);
}

static void viewer_end(struct viewer *viewer)
{
	picture_drop(viewer->picture);
	viewer->picture = NULL;
	viewer->ends[viewer->sent++ % STREAM_AHEAD_MOST] = viewer->bytes;
	viewer->head_size = viewer->position = 0;
}

static bool viewer_may_send(struct viewer *viewer)
{
	bool ahead = viewer_is_ahead(viewer);
	if (!ahead)
		viewer->held_ns = 0;
	else if (!viewer->held_ns)
		viewer->held_ns = zoe_now_ns();
	return !ahead;
}

/* Called by libmicrohttpd when the bytes before have gone to the kernel. A part never begins in another's block. */
static ssize_t viewer_read(void *user, uint64_t position, char *out, size_t room)
{
	struct viewer *viewer = user;
	if (viewer->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t used = viewer_fill(viewer, out, room);
	if (!used && viewer->picture)
		viewer_end(viewer);
	if (!used && viewer_may_send(viewer) && viewer_next(viewer))
		used = viewer_fill(viewer, out, room);
	viewer->bytes += used;
	if (used)
		return (ssize_t)used;
	viewer->suspended = true;
	MHD_suspend_connection(viewer->mhd);
	return 0;
}

static void stream_socket(int fd)
{
	int bytes = STREAM_SOCKET_BYTES, unsent = STREAM_UNSENT_BYTES, one = 1;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

enum MHD_Result stream_answer(struct request *request, struct preview_camera *camera, enum preview_variant variant)
{
	struct viewer *viewer = calloc(1, sizeof(*viewer));
	if (!viewer)
		return MHD_NO;
	viewer->watcher.woken = viewer_woken;
	viewer->camera = camera;
	viewer->connection = request->connection;
	viewer->mhd = request->mhd;
	viewer->variant = variant;
	viewer->head_size = (size_t)snprintf(viewer->head, sizeof(viewer->head), "--%s\r\n", STREAM_BOUNDARY);
	struct MHD_Response *response =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, viewer_read, viewer, viewer_free);
	if (!response) {
		free(viewer);
		return MHD_NO;
	}
	uint64_t count = camera->queues[variant].count;
	viewer->cursor = count ? count - 1 : 0;
	camera->viewers++;
	camera_watch(camera, variant, &viewer->watcher);
	request->connection->stream = viewer;
	request->connection->gone = viewer_gone;
	stream_socket(request->connection->fd);
	/* No chunks: a part's bytes stand as they are, also for the simplest of clients. */
	MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	                        "multipart/x-mixed-replace; boundary=" STREAM_BOUNDARY);
	return answer_response(request, MHD_HTTP_OK, response);
}

/* ---- snapshots ---- */

/* A request that waits for the next picture. */
struct snapshot {
	struct watcher watcher; /* first: woken() gets this */
	struct request *request;
	struct preview_camera *camera;
	enum preview_variant variant;
	uint64_t cursor;
	struct picture *picture;
	uv_timer_t *timer;
};

static void snapshot_free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void snapshot_woken(struct watcher *watcher)
{
	struct snapshot *snapshot = (struct snapshot *)watcher;
	if (snapshot->picture)
		return;
	struct picture *picture = picture_queue_next(&snapshot->camera->queues[snapshot->variant], &snapshot->cursor);
	if (picture && *picture->away) { /* who asks for a snapshot wants a new picture, or the reason as a status */
		picture_drop(picture);
		return;
	}
	snapshot->picture = picture;
	camera_unwatch(snapshot->camera, watcher);
	request_resume(snapshot->request);
}

static void snapshot_too_late(uv_timer_t *timer)
{
	struct snapshot *snapshot = timer->data;
	request_resume(snapshot->request);
}

static void snapshot_gone(void *stream)
{
	struct snapshot *snapshot = stream;
	request_resume(snapshot->request);
}

void snapshot_finish(struct request *request)
{
	struct snapshot *snapshot = request->snapshot;
	if (!snapshot)
		return;
	request->snapshot = NULL;
	request->connection->stream = NULL;
	camera_unwatch(snapshot->camera, &snapshot->watcher);
	if (!request->preview->http.closing)
		camera_update(snapshot->camera);
	if (snapshot->timer)
		uv_close((uv_handle_t *)snapshot->timer, snapshot_free_handle);
	picture_drop(snapshot->picture);
	free(snapshot);
}

enum MHD_Result snapshot_continue(struct request *request)
{
	struct snapshot *snapshot = request->snapshot;
	struct picture *picture = snapshot->picture;
	const char *camera = snapshot->camera->name;
	if (!picture)
		return answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
		                    "camera %s has delivered no frame within %d s; see its state at /api/v1/state",
		                    camera, (int)(PREVIEW_SNAPSHOT_NS / 1000000000));
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(picture->size, picture->data, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	char lines[PREVIEW_HEAD_BYTES];
	lines[picture_headers(picture, lines, sizeof(lines) - 1, zoe_now_ns())] = 0;
	char *rest;
	for (char *line = strtok_r(lines, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
		char *colon = strchr(line, ':');
		*colon = 0;
		MHD_add_response_header(response, line, colon + 2);
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, encoder_jpeg.media_type);
	return answer_response(request, MHD_HTTP_OK, response);
}

enum MHD_Result snapshot_answer(struct request *request, struct preview_camera *camera, enum preview_variant variant)
{
	if (!camera->on)
		return answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
		                    "preview of camera %s is off; PUT {\"on\": true} to /api/v1/cameras/%s/preview",
		                    camera->name, camera->name);
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	uv_timer_t *timer = calloc(1, sizeof(*timer));
	if (!snapshot || !timer) {
		free(snapshot);
		free(timer);
		return MHD_NO;
	}
	*snapshot = (struct snapshot){.watcher.woken = snapshot_woken,
	                              .request = request,
	                              .camera = camera,
	                              .variant = variant,
	                              .cursor = camera->queues[variant].count,
	                              .timer = timer};
	request->snapshot = snapshot;
	request->connection->stream = snapshot;
	request->connection->gone = snapshot_gone;
	uv_timer_init(request->preview->role->loop, timer);
	timer->data = snapshot;
	uv_timer_start(timer, snapshot_too_late, PREVIEW_SNAPSHOT_NS / 1000000, 0);
	request_suspend(request);
	camera_watch(camera, variant, &snapshot->watcher);
	return MHD_YES;
}
