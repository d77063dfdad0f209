/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A camera in preview. While somebody watches, every frame is taken in order and encoded once for each variant that is
 * watched. When frames were overrun, it goes on with the newest. Nobody watches: no subscription. See preview.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "convert/convert.h"
#include "preview.h"

struct preview_camera *camera_find(struct preview *preview, const char *name)
{
	for (size_t i = 0; i < preview->camera_count; i++)
		if (!strcmp(preview->cameras[i].name, name))
			return &preview->cameras[i];
	return NULL;
}

static bool camera_watched(const struct preview_camera *camera)
{
	return camera->watchers[VARIANT_PLAIN] || camera->watchers[VARIANT_OVERLAY];
}

/* RGB of the frame in memory of our own, with the boxes drawn. */
static int camera_paint(struct preview_camera *camera, const struct zoe_frame *frame, struct zoe_image *out_image)
{
	struct zoe_image image = {
	    .format = ZOE_FORMAT_RGB24, .width = frame->image.width, .height = frame->image.height};
	const uint8_t *pixels;
	int status =
	    converter_run(camera->preview->converter, &frame->image, frame->data, frame->size, &image, &pixels);
	if (status < 0)
		return status;
	size_t bytes = (size_t)image.planes[0].stride * image.height;
	if (bytes > camera->canvas_bytes) {
		unsigned char *canvas = realloc(camera->canvas, bytes);
		if (!canvas)
			return -ENOMEM;
		camera->canvas = canvas;
		camera->canvas_bytes = bytes;
	}
	memcpy(camera->canvas, pixels + image.planes[0].offset, bytes);
	image.planes[0].offset = 0;
	for (size_t i = 0; i < RESULT_DETECTORS; i++) {
		const struct result *result = camera->results.results[i];
		if (result && result->head.magic && result_fresh(result, frame->capture_ns))
			overlay_draw(camera->canvas, image.width, image.height, image.planes[0].stride, result);
	}
	*out_image = image;
	return 0;
}

static int camera_compress(struct preview_camera *camera, const struct zoe_frame *frame, enum preview_variant variant,
                           const unsigned char **out_data, size_t *out_size, char *error)
{
	void *encoder = camera->preview->encoder;
	if (variant == VARIANT_PLAIN)
		return encoder_jpeg.encode(encoder, &frame->image, frame->data, frame->size, out_data, out_size, error);
	struct zoe_image image;
	int status = camera_paint(camera, frame, &image);
	if (status < 0) {
		snprintf(error, ENCODER_ERROR_BYTES, "cannot draw into this picture: %s", strerror(-status));
		return status;
	}
	return encoder_jpeg.encode(encoder, &image, camera->canvas, camera->canvas_bytes, out_data, out_size, error);
}

/* Why a frame could not be encoded is said once, not for each frame. */
static void camera_complain(struct preview_camera *camera, const char *error)
{
	if (strcmp(camera->trouble, error))
		role_error(camera->preview->role, "%s: %s", camera->name, error);
	snprintf(camera->trouble, sizeof(camera->trouble), "%s", error);
}

static struct picture *camera_encode(struct preview_camera *camera, const struct zoe_frame *frame,
                                     enum preview_variant variant)
{
	int64_t begin_ns = zoe_now_ns();
	char error[ENCODER_ERROR_BYTES] = "";
	const unsigned char *data;
	size_t size;
	if (camera_compress(camera, frame, variant, &data, &size, error) < 0) {
		camera_complain(camera, error);
		return NULL;
	}
	camera->trouble[0] = 0;
	struct picture *picture = picture_create(data, size);
	if (!picture)
		return NULL;
	picture->seq = frame->seq;
	picture->capture_ns = frame->capture_ns;
	picture->publish_ns = frame->publish_ns;
	picture->encode_begin_ns = begin_ns;
	picture->encode_end_ns = zoe_now_ns();
	metrics_add(&camera->encode, picture->encode_end_ns - begin_ns);
	const struct result *result = camera->results.newest;
	if (result && result_fresh(result, frame->capture_ns)) {
		picture->has_result = true;
		picture->result_seq = result->head.source_seq;
		picture->result_age_ns = frame->capture_ns - result->head.source_capture_ns;
	}
	return picture;
}

void camera_show(struct preview_camera *camera, enum preview_variant variant, struct picture *picture)
{
	picture_queue_put(&camera->queues[variant], picture);
	struct watcher *next;
	for (struct watcher *watcher = camera->watchers[variant]; watcher; watcher = next) {
		next = watcher->next;
		watcher->woken(watcher);
	}
}

static void camera_deliver(struct preview_camera *camera, const struct zoe_frame *frame)
{
	const struct result *result = camera->results.newest;
	bool done = false;
	for (int variant = 0; variant < VARIANTS; variant++) {
		if (!camera->watchers[variant])
			continue;
		struct picture *picture = camera_encode(camera, frame, variant);
		if (!picture)
			continue;
		if (!done)
			camera_remember(camera, frame, picture);
		done = true;
		camera_show(camera, variant, picture);
	}
	if (!done)
		return;
	camera->encoded++;
	metrics_event(&camera->rate, zoe_now_ns());
	if (result && result_fresh(result, frame->capture_ns))
		metrics_add(&camera->result_age, frame->capture_ns - result->head.source_capture_ns);
}

/* After an overrun the newest frame is wanted instead of the oldest that is left. */
static void camera_catch_up(struct preview_camera *camera, struct zoe_frame *frame)
{
	camera->drops += frame->lost;
	struct zoe_frame newest;
	if (feed_take_latest(&camera->frames, &newest) < 0)
		return;
	camera->drops += newest.lost + 1;
	feed_release(&camera->frames, frame);
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
		camera_catch_up(camera, &frame);
	if (frame.image.format != ZOE_FORMAT_NONE && feed->subscriber)
		camera_deliver(camera, &frame);
	feed_release(feed, &frame);
	camera_update(camera);
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
		json_t *json = result_json(result, camera->name);
		events_send(camera->preview, "detections", json);
		json_decref(json);
	}
}

void camera_update(struct preview_camera *camera)
{
	bool watched = camera->on && camera_watched(camera);
	feed_want(&camera->detections,
	          watched || camera->preview->listeners > 0); /* first, to have boxes for the first frame */
	feed_want(&camera->frames, watched);
	for (int variant = 0; variant < VARIANTS; variant++)
		if (!camera->watchers[variant] || !camera->on)
			picture_queue_empty(&camera->queues[variant]);
}

void camera_watch(struct preview_camera *camera, enum preview_variant variant, struct watcher *watcher)
{
	watcher->link = &camera->watchers[variant];
	watcher->next = *watcher->link;
	if (watcher->next)
		watcher->next->link = &watcher->next;
	*watcher->link = watcher;
	camera_update(camera);
}

void camera_unwatch(struct preview_camera *camera, struct watcher *watcher)
{
	if (!watcher->link)
		return;
	*watcher->link = watcher->next;
	if (watcher->next)
		watcher->next->link = watcher->link;
	*watcher = (struct watcher){.woken = watcher->woken};
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
		status =
		    feed_init(&camera->detections, preview->role, name, "/detections", camera_detections_ready, camera);
	return status;
}

void camera_close(struct preview_camera *camera)
{
	feed_finish(&camera->frames);
	feed_finish(&camera->detections);
	result_set_finish(&camera->results);
	for (int variant = 0; variant < VARIANTS; variant++)
		picture_queue_empty(&camera->queues[variant]);
	camera_away_forget(camera);
	picture_drop(camera->last);
	camera->last = NULL;
	free(camera->canvas);
	camera->canvas = NULL;
}
