/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What viewers of a camera see while it gives no pictures: its last one, dimmed, and why. Encoded once for each reason,
 * and sent again every second, so that who comes later sees it too. See preview.h.
 */
#include <stdlib.h>
#include <string.h>

#include "convert/convert.h"
#include "preview.h"

#define AWAY_AFTER_NS 1000000000 /* a process that is restarted at once is not worth a word */
#define DARK_WIDTH    640        /* of the picture of a camera that never gave one */
#define DARK_HEIGHT   360

/* The newest frame that is still kept in the topic, for viewers who came too late for any. */
static bool newest_kept(struct preview_camera *camera, struct zoe_subscriber **out_subscriber,
                        struct zoe_frame *out_frame)
{
	struct zoe_subscriber_options options = {.pins = 1, .start = ZOE_START_OLDEST};
	if (zoe_subscriber_open(camera->preview->role->domain, camera->name, &options, out_subscriber) < 0)
		return false;
	return zoe_take_latest(*out_subscriber, 0, out_frame) == 0 && out_frame->image.format != ZOE_FORMAT_NONE;
}

/* The last picture, or darkness. Returns 0 | -ENOMEM. */
static int backdrop(struct preview_camera *camera, struct overlay_canvas *canvas)
{
	struct converter *converter = camera->preview->converter;
	struct zoe_subscriber *subscriber = NULL;
	struct zoe_frame frame;
	int status = -ENOENT;
	if (camera->last) {
		frame = (struct zoe_frame){.data = camera->last->data, .size = camera->last->size};
		frame.image.format = ZOE_FORMAT_MJPEG;
		frame.image.width = camera->last->width;
		frame.image.height = camera->last->height;
		status = overlay_copy(canvas, converter, &frame, frame.image.width, frame.image.height);
	} else if (newest_kept(camera, &subscriber, &frame)) {
		status = overlay_copy(canvas, converter, &frame, frame.image.width, frame.image.height);
	}
	zoe_subscriber_close(subscriber);
	if (status == 0)
		return 0;
	overlay_finish(canvas);
	canvas->image = (struct zoe_image){.format = ZOE_FORMAT_RGB24, .width = DARK_WIDTH, .height = DARK_HEIGHT};
	zoe_image_layout(&canvas->image, 1);
	canvas->rgb = calloc(1, overlay_size(canvas));
	return canvas->rgb ? 0 : -ENOMEM;
}

static struct picture *notice_make(struct preview_camera *camera, const char *state, const char *reason)
{
	struct overlay_canvas canvas = {0};
	struct picture *picture = NULL;
	char error[ENCODER_ERROR_BYTES], title[96];
	const unsigned char *data;
	size_t size;
	if (backdrop(camera, &canvas) < 0)
		return NULL;
	snprintf(title, sizeof(title), "%s: %s", camera->name, state);
	overlay_notice(&canvas, title, reason);
	if (encoder_jpeg.encode(camera->variants->encoder, &canvas.image, canvas.rgb, overlay_size(&canvas), &data,
	                        &size, error) == 0)
		picture = picture_create(data, size);
	if (picture) {
		picture->width = canvas.image.width;
		picture->height = canvas.image.height;
	}
	overlay_finish(&canvas);
	if (!picture)
		return NULL;
	if (camera->last) {
		picture->seq = camera->last->seq;
		picture->capture_ns = camera->last->capture_ns;
		picture->publish_ns = camera->last->publish_ns;
	}
	picture->camera = camera->name;
	picture->encode_begin_ns = picture->encode_end_ns = zoe_now_ns();
	snprintf(picture->away, sizeof(picture->away), "%s", state);
	return picture;
}

static bool is_away(const char *state)
{
	static const char *const words[] = {"stalled", "lost", "retrying", "restarting"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(state, words[i]))
			return true;
	return false;
}

void camera_away_forget(struct preview_camera *camera)
{
	picture_drop(camera->notice);
	camera->notice = NULL;
	*camera->notice_text = 0;
}

void camera_remember(struct preview_camera *camera, struct picture *picture)
{
	picture_drop(camera->last);
	camera->last = picture_hold(picture);
	camera->last_ns = zoe_now_ns();
	camera_away_forget(camera);
}

void camera_look_away(struct preview_camera *camera, const json_t *system)
{
	const json_t *json = json_object_get(json_object_get(system, "cameras"), camera->name);
	const char *state = json_string_value(json_object_get(json, "state"));
	const char *reason = json_string_value(json_object_get(json, "reason"));
	char text[sizeof(camera->notice_text)];
	if (!camera->on || !state || !is_away(state) || zoe_now_ns() - camera->last_ns < AWAY_AFTER_NS)
		return;
	variants_sweep(camera, false);
	if (!camera->variants)
		return;
	snprintf(text, sizeof(text), "%s %s", state, reason ? reason : "");
	if (!camera->notice || strcmp(text, camera->notice_text) != 0) {
		camera_away_forget(camera);
		camera->notice = notice_make(camera, state, reason ? reason : "");
		snprintf(camera->notice_text, sizeof(camera->notice_text), "%s", text);
	}
	if (camera->notice)
		variants_show(camera, camera->notice);
}
