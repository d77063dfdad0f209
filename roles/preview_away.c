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

/* RGB of the last picture; in the converter's memory, or NULL. */
static const uint8_t *last_pixels(struct preview_camera *camera, const struct zoe_frame *kept, struct zoe_image *image)
{
	struct zoe_image jpeg = {.format = ZOE_FORMAT_MJPEG};
	const struct zoe_image *source = kept ? &kept->image : &jpeg;
	const void *data = kept ? kept->data : camera->last->data;
	size_t size = kept ? kept->size : camera->last->size;
	const uint8_t *pixels;
	if (!kept) {
		jpeg.width = camera->last_width;
		jpeg.height = camera->last_height;
	}
	*image = (struct zoe_image){.format = ZOE_FORMAT_RGB24, .width = source->width, .height = source->height};
	return converter_run(camera->preview->converter, source, data, size, image, &pixels) < 0
	           ? NULL
	           : pixels + image->planes[0].offset;
}

/* The last picture, or darkness, in memory of our own. Returns it | NULL (no memory). */
static unsigned char *backdrop(struct preview_camera *camera, struct zoe_image *image)
{
	struct zoe_subscriber *subscriber = NULL;
	struct zoe_frame kept;
	bool is_kept = !camera->last && newest_kept(camera, &subscriber, &kept);
	const uint8_t *pixels = camera->last || is_kept ? last_pixels(camera, is_kept ? &kept : NULL, image) : NULL;
	if (!pixels) {
		*image = (struct zoe_image){.format = ZOE_FORMAT_RGB24, .width = DARK_WIDTH, .height = DARK_HEIGHT};
		zoe_image_layout(image, 1);
	}
	size_t bytes = (size_t)image->planes[0].stride * image->height;
	unsigned char *canvas = calloc(1, bytes);
	if (canvas && pixels)
		memcpy(canvas, pixels, bytes);
	image->planes[0].offset = 0;
	zoe_subscriber_close(subscriber);
	return canvas;
}

static struct picture *notice_make(struct preview_camera *camera, const char *state, const char *reason)
{
	struct zoe_image image;
	struct picture *picture = NULL;
	char error[ENCODER_ERROR_BYTES], title[96];
	const unsigned char *data;
	size_t size;
	unsigned char *canvas = backdrop(camera, &image);
	if (!canvas)
		return NULL;
	size_t stride = image.planes[0].stride;
	snprintf(title, sizeof(title), "%s: %s", camera->name, state);
	overlay_notice(canvas, image.width, image.height, stride, title, reason);
	if (encoder_jpeg.encode(camera->preview->encoder, &image, canvas, stride * image.height, &data, &size, error) ==
	    0)
		picture = picture_create(data, size);
	free(canvas);
	if (!picture)
		return NULL;
	if (camera->last) {
		picture->seq = camera->last->seq;
		picture->capture_ns = camera->last->capture_ns;
		picture->publish_ns = camera->last->publish_ns;
	}
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

void camera_remember(struct preview_camera *camera, const struct zoe_frame *frame, struct picture *picture)
{
	picture_drop(camera->last);
	camera->last = picture_hold(picture);
	camera->last_width = frame->image.width;
	camera->last_height = frame->image.height;
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
	if (!camera->watchers[VARIANT_PLAIN] && !camera->watchers[VARIANT_OVERLAY])
		return;
	snprintf(text, sizeof(text), "%s %s", state, reason ? reason : "");
	if (!camera->notice || strcmp(text, camera->notice_text) != 0) {
		camera_away_forget(camera);
		camera->notice = notice_make(camera, state, reason ? reason : "");
		snprintf(camera->notice_text, sizeof(camera->notice_text), "%s", text);
	}
	for (int variant = 0; variant < VARIANTS && camera->notice; variant++)
		if (camera->watchers[variant])
			camera_show(camera, variant, picture_hold(camera->notice));
}
