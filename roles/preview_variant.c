/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is encoded of a camera: once for each set of parameters that somebody watches, as seldom, as small and as coarse
 * as they say. See preview.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "convert/convert.h"
#include "preview.h"
#include "zoetrope_camera.h"

/* ---- who waits ---- */

void watcher_add(struct watcher **list, struct watcher *watcher)
{
	watcher->link = list;
	watcher->next = *list;
	if (watcher->next)
		watcher->next->link = &watcher->next;
	*list = watcher;
}

void watcher_remove(struct watcher *watcher)
{
	if (!watcher->link)
		return;
	*watcher->link = watcher->next;
	if (watcher->next)
		watcher->next->link = watcher->link;
	*watcher = (struct watcher){.woken = watcher->woken};
}

void watchers_wake(struct watcher *list)
{
	struct watcher *next;
	for (struct watcher *watcher = list; watcher; watcher = next) {
		next = watcher->next;
		watcher->woken(watcher);
	}
}

/* ---- variants ---- */

static bool variant_is(const struct variant *variant, const struct variant_options *options)
{
	const struct variant_options *own = &variant->options;
	return own->fps == options->fps && own->height == options->height && own->quality == options->quality &&
	       own->overlay == options->overlay;
}

int variant_get(struct preview_camera *camera, const struct variant_options *options, struct variant **out)
{
	const struct preview_config *config = camera->preview->config;
	unsigned count = 0;
	for (struct variant *variant = camera->variants; variant; variant = variant->next, count++) {
		if (!variant_is(variant, options))
			continue;
		*out = variant;
		return 0;
	}
	if (count >= PREVIEW_VARIANTS)
		return -EMFILE;
	struct variant *variant = calloc(1, sizeof(*variant));
	int quality = options->quality ? (int)options->quality : (int)config->quality;
	if (!variant || encoder_jpeg.open(quality, &variant->encoder) < 0) {
		free(variant);
		return -ENOMEM;
	}
	variant->camera = camera;
	variant->options = *options;
	variant->next = camera->variants;
	camera->variants = variant;
	*out = variant;
	return 0;
}

void variants_sweep(struct preview_camera *camera, bool all)
{
	for (struct variant **link = &camera->variants; *link;) {
		struct variant *variant = *link;
		if (variant->watchers && !all) {
			link = &variant->next;
			continue;
		}
		*link = variant->next;
		picture_queue_empty(&variant->queue);
		encoder_jpeg.close(variant->encoder);
		free(variant);
	}
}

/* ---- encoding ---- */

/* Is this frame's turn? On average the wanted rate comes out, whatever the camera's. */
static bool variant_wants(struct variant *variant, int64_t capture_ns)
{
	if (variant->options.fps <= 0)
		return true;
	int64_t period_ns = (int64_t)(1e9 / variant->options.fps);
	if (capture_ns < variant->due_ns - period_ns / 16 && capture_ns > variant->due_ns - 2 * period_ns)
		return false;
	bool late = capture_ns > variant->due_ns + period_ns || capture_ns < variant->due_ns - period_ns;
	variant->due_ns = (late ? capture_ns : variant->due_ns) + period_ns;
	return true;
}

/* The size that is wanted; 4:2:0 likes even numbers. */
static void variant_size(const struct variant_options *options, struct zoe_image *image)
{
	if (!options->height || options->height >= image->height)
		return;
	uint64_t width = ((uint64_t)image->width * options->height + image->height / 2) / image->height;
	image->width = width < 2 ? 2 : (unsigned)width & ~1u;
	image->height = options->height;
}

/* What is drawn into a frame. Returns how many. */
static size_t variant_results(const struct variant *variant, const struct zoe_frame *frame,
                              const struct result *out[DETECTORS_MAX])
{
	const struct preview_camera *camera = variant->camera;
	const struct result *result;
	size_t count = 0;
	if (variant->options.overlay == OVERLAY_EXACT)
		for (unsigned at = 0; count < DETECTORS_MAX && (result = exact_result(camera, frame, &at));)
			out[count++] = result;
	for (size_t i = 0; i < DETECTORS_MAX && variant->options.overlay == OVERLAY_NEWEST; i++) {
		result = camera->results.results[i];
		if (result && result->head.magic && result_fresh(result, frame->capture_ns))
			out[count++] = result;
	}
	return count;
}

/* The frame in memory of our own, with what people are to see in it. */
static int variant_paint(const struct variant *variant, const struct zoe_frame *frame, const struct zoe_image *size)
{
	struct preview_camera *camera = variant->camera;
	int status = overlay_copy(&camera->canvas, camera->preview->converter, frame, size->width, size->height);
	if (status < 0)
		return status;
	const struct result *wanted[DETECTORS_MAX];
	size_t count = variant_results(variant, frame, wanted);
	overlay_draw(&camera->canvas, wanted, count);
	if (camera->preview->config->timestamp)
		overlay_clock(&camera->canvas, frame->capture_ns);
	return 0;
}

/* Is there something to be drawn into the picture, or is it to be smaller or coarser? */
static bool variant_passes(const struct variant *variant)
{
	const struct variant_options *options = &variant->options;
	return !options->overlay && !options->height && !options->quality &&
	       !variant->camera->preview->config->timestamp;
}

bool variants_pass(const struct preview_camera *camera)
{
	for (const struct variant *variant = camera->variants; variant; variant = variant->next)
		if (variant->watchers && variant_passes(variant))
			return true;
	return false;
}

uint64_t variant_number(const struct zoe_frame *frame)
{
	struct zoe_camera_meta meta;
	memcpy(&meta, frame->meta, sizeof(meta));
	bool jpeg = frame->image.format == ZOE_FORMAT_MJPEG && meta.magic == ZOE_CAMERA_MAGIC;
	return jpeg && meta.frame ? meta.frame - 1 : frame->seq;
}

/* image: in, the size that is wanted; out, what was encoded. */
static int variant_compress(const struct variant *variant, const struct zoe_frame *frame, struct zoe_image *image,
                            const unsigned char **out_data, size_t *out_size, char *error)
{
	const struct variant_options *options = &variant->options;
	const struct overlay_canvas *canvas = &variant->camera->canvas;
	bool paint = options->overlay || variant->camera->preview->config->timestamp;
	bool again = options->quality && frame->image.format == ZOE_FORMAT_MJPEG;
	const uint8_t *pixels;
	if (!paint && image->height == frame->image.height && !again)
		return encoder_jpeg.encode(variant->encoder, &frame->image, frame->data, frame->size, out_data,
		                           out_size, error);
	int status = paint ? variant_paint(variant, frame, image)
	                   : converter_run(variant->camera->preview->converter, &frame->image, frame->data, frame->size,
	                                   image, &pixels);
	if (status < 0) {
		snprintf(error, ENCODER_ERROR_BYTES, "cannot %s this picture: %s", paint ? "draw into" : "scale",
		         strerror(-status));
		return status;
	}
	if (paint)
		return encoder_jpeg.encode(variant->encoder, &canvas->image, canvas->rgb, overlay_size(canvas),
		                           out_data, out_size, error);
	return encoder_jpeg.encode(variant->encoder, image, pixels, (size_t)image->width * image->height * 3 / 2,
	                           out_data, out_size, error);
}

/* Why a frame could not be encoded is said once, not for each frame. */
static void variant_complain(struct preview_camera *camera, const char *error)
{
	if (strcmp(camera->trouble, error))
		role_error(camera->preview->role, "%s: %s", camera->name, error);
	snprintf(camera->trouble, sizeof(camera->trouble), "%s", error);
}

static struct picture *variant_encode(const struct variant *variant, const struct zoe_frame *frame)
{
	struct preview_camera *camera = variant->camera;
	int64_t begin_ns = zoe_now_ns();
	char error[ENCODER_ERROR_BYTES] = "";
	struct zoe_image image = {.format = ZOE_FORMAT_I420,
	                          .width = frame->image.width,
	                          .height = frame->image.height,
	                          .range = ZOE_RANGE_FULL,
	                          .matrix = ZOE_MATRIX_BT601};
	const unsigned char *data;
	size_t size;
	variant_size(&variant->options, &image);
	if (variant_compress(variant, frame, &image, &data, &size, error) < 0) {
		variant_complain(camera, error);
		return NULL;
	}
	camera->trouble[0] = 0;
	struct picture *picture = picture_create(data, size);
	if (!picture)
		return NULL;
	picture->camera = camera->name;
	picture->width = image.width;
	picture->height = image.height;
	picture->seq = variant_number(frame);
	picture->capture_ns = frame->capture_ns;
	picture->publish_ns = frame->publish_ns;
	picture->encode_begin_ns = begin_ns;
	picture->encode_end_ns = zoe_now_ns();
	metrics_add(&camera->taken, begin_ns - frame->publish_ns);
	metrics_add(&camera->encode, picture->encode_end_ns - begin_ns);
	const struct result *result = camera->results.newest;
	unsigned at = 0;
	if (variant->options.overlay == OVERLAY_EXACT)
		result = exact_result(camera, frame, &at);
	if (result && result_fresh(result, frame->capture_ns)) {
		picture->has_result = true;
		picture->result_seq = result->head.source_seq;
		picture->result_age_ns = frame->capture_ns - result->head.source_capture_ns;
	}
	return picture;
}

static void variant_show(struct variant *variant, struct picture *picture)
{
	picture_queue_put(&variant->queue, picture);
	watchers_wake(variant->watchers);
}

void variants_show(struct preview_camera *camera, struct picture *picture)
{
	for (struct variant *variant = camera->variants; variant; variant = variant->next)
		if (variant->watchers)
			variant_show(variant, picture_hold(picture));
}

unsigned variants_deliver(struct preview_camera *camera, const struct zoe_frame *frame, bool exact)
{
	unsigned made = 0, height = 0;
	for (struct variant *variant = camera->variants; variant; variant = variant->next) {
		if (!variant->watchers || exact != (variant->options.overlay == OVERLAY_EXACT) ||
		    !variant_wants(variant, frame->capture_ns))
			continue;
		struct picture *picture = variant_encode(variant, frame);
		if (!picture)
			continue;
		made++;
		if (picture->height > height) {
			height = picture->height;
			camera_remember(camera, picture);
		}
		variant_show(variant, picture);
	}
	return made;
}
