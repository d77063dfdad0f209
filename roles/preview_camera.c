/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A camera in preview. While somebody watches, every frame is taken in order and encoded. When frames were overrun, it
 * goes on with the newest. Nobody watches: no subscription. See preview.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "preview.h"

struct preview_camera *camera_find(struct preview *preview, const char *name)
{
	for (size_t i = 0; i < preview->camera_count; i++)
		if (!strcmp(preview->cameras[i].name, name))
			return &preview->cameras[i];
	return NULL;
}

static void camera_detections_ready(struct feed *feed)
{
	struct preview_camera *camera = feed->user;
	struct zoe_frame frame;
	while (feed_take(feed, &frame) == 0) {
		const struct result *result;
		int status = result_set_add(&camera->results, &frame, &result);
		feed_release(feed, &frame);
		if (status < 0)
			continue;
		exact_add(camera, result);
		json_t *json = result_json(result, camera->name);
		events_send(camera->preview, "detections", json);
		json_decref(json);
	}
}

static void camera_deliver(struct preview_camera *camera, const struct zoe_frame *frame)
{
	const struct result *result = camera->results.newest;
	int64_t now_ns = zoe_now_ns();
	unsigned made = variants_deliver(camera, frame, false);
	if (camera->exact.late)
		camera_detections_ready(&camera->detections); /* before it is decided that some are too late */
	made += exact_frame(camera, frame);
	if (!made)
		return;
	camera->encoded += made;
	metrics_event(&camera->rate, now_ns);
	if (result && result_fresh(result, frame->capture_ns))
		metrics_add(&camera->result_age, frame->capture_ns - result->head.source_capture_ns);
}

/* After an overrun the newest frame is wanted instead of the oldest that is left. */
static void camera_catch_up(struct feed *feed, struct zoe_frame *frame)
{
	struct preview_camera *camera = feed->user;
	camera->drops += frame->lost;
	struct zoe_frame newest;
	if (feed_take_latest(feed, &newest) < 0)
		return;
	camera->drops += newest.lost + 1;
	feed_release(feed, frame);
	*frame = newest;
}

/* One frame for each turn of the loop, so that viewers are served in between. */
static void camera_frames_ready(struct feed *feed)
{
	struct preview_camera *camera = feed->user;
	struct zoe_frame frame;
	if (feed_take(feed, &frame) < 0)
		return;
	if (frame.lost)
		camera_catch_up(feed, &frame);
	if (frame.image.format != ZOE_FORMAT_NONE && feed->subscription)
		camera_deliver(camera, &frame);
	feed_release(feed, &frame);
	camera_update(camera);
}

/* As its process says. */
static bool camera_sends_jpeg(const struct preview_camera *camera)
{
	const json_t *known = state_known_camera(camera->preview, camera);
	return json_is_true(json_object_get(json_object_get(json_object_get(known, "metrics"), "camera"), "jpeg"));
}

void camera_update(struct preview_camera *camera)
{
	variants_sweep(camera, false);
	bool watched = camera->on && camera->variants;
	feed_want(&camera->detections,
	          watched || camera->preview->events.listeners > 0); /* first, to have boxes for the first frame */
	bool jpeg = watched && camera_sends_jpeg(camera) && variants_pass(camera);
	feed_want(&camera->jpegs, jpeg);
	feed_want(&camera->frames, watched && !jpeg);
	exact_update(camera);
	for (struct variant *variant = camera->variants; variant && !camera->on; variant = variant->next)
		picture_queue_empty(&variant->queue);
}

void camera_turn(struct preview_camera *camera, bool on)
{
	camera->on = on;
	camera_update(camera);
}

int camera_open(struct preview_camera *camera, struct preview *preview, const char *name)
{
	camera->preview = preview;
	camera->name = name;
	camera->on = role_wanted(preview->role, name, "preview");
	int status = feed_init(&camera->frames, preview->role, name, "", camera_frames_ready, camera);
	if (!status)
		status = feed_init(&camera->jpegs, preview->role, name, "/jpeg", camera_frames_ready, camera);
	if (!status)
		status =
		    feed_init(&camera->detections, preview->role, name, "/detections", camera_detections_ready, camera);
	return status;
}

void camera_close(struct preview_camera *camera)
{
	feed_finish(&camera->frames);
	feed_finish(&camera->jpegs);
	feed_finish(&camera->detections);
	exact_close(camera);
	result_set_finish(&camera->results);
	variants_sweep(camera, true);
	camera_away_forget(camera);
	picture_drop(camera->last);
	camera->last = NULL;
	overlay_finish(&camera->canvas);
}
