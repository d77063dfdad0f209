/* SPDX-License-Identifier: Apache-2.0 */
/* Single pictures: a request that waits for the next one. See preview.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "preview.h"

/* A request that waits for the next picture. */
struct snapshot {
	struct watcher watcher; /* first: woken() gets this */
	struct request *request;
	struct preview_camera *camera;
	struct variant *variant; /* while the watcher is on its list */
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
	struct picture *picture = picture_queue_next(&snapshot->variant->queue, &snapshot->cursor);
	if (picture && *picture->away) { /* who asks for a snapshot wants a new picture, or the reason as a status */
		picture_drop(picture);
		return;
	}
	snapshot->picture = picture;
	watcher_remove(watcher);
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
	watcher_remove(&snapshot->watcher);
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

enum MHD_Result snapshot_answer(struct request *request, struct preview_camera *camera,
                                const struct variant_options *options)
{
	if (!camera->on)
		return answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
		                    "preview of camera %s is off; PUT {\"on\": true} to /api/v1/cameras/%s/preview",
		                    camera->name, camera->name);
	struct variant *variant;
	int status = variant_get(camera, options, &variant);
	if (status < 0)
		return answer_variant(request, camera, status);
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	uv_timer_t *timer = calloc(1, sizeof(*timer));
	if (!snapshot || !timer) {
		free(snapshot);
		free(timer);
		camera_update(camera);
		return MHD_NO;
	}
	*snapshot = (struct snapshot){.watcher.woken = snapshot_woken,
	                              .request = request,
	                              .camera = camera,
	                              .variant = variant,
	                              .cursor = variant->queue.count,
	                              .timer = timer};
	request->snapshot = snapshot;
	request->connection->stream = snapshot;
	request->connection->gone = snapshot_gone;
	uv_timer_init(request->preview->role->loop, timer);
	timer->data = snapshot;
	uv_timer_start(timer, snapshot_too_late, PREVIEW_SNAPSHOT_NS / 1000000, 0);
	request_suspend(request);
	watcher_add(&variant->watchers, &snapshot->watcher);
	camera_update(camera);
	return MHD_YES;
}
