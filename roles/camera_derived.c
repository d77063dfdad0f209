/* SPDX-License-Identifier: Apache-2.0 */
/* See camera_derived.h. It reads the camera's topic as any subscriber does, so that the capture thread knows nothing of it. */
#include "camera_derived.h"

#include "convert/convert.h"
#include "feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_MOST   16384
#define WISHES_MOST 64 /* as many subscribers as a topic can have */

/* What is made without a wish. */
static const struct {
	const char *suffix;
	uint32_t width, height; /* at most; what is enough for a detector or a wall of pictures */
	uint32_t format;
} kinds[DERIVED_KINDS] = {
    [DERIVED_SMALL] = {"small", 640, 360, ZOE_FORMAT_I420},
    [DERIVED_CONVERTED] = {"converted", SIDE_MOST, SIDE_MOST, ZOE_FORMAT_RGB24},
};

struct camera_derived {
	struct role *role;
	enum derived_kind kind;
	struct feed frames;
	struct zoe_publisher *publisher;
	struct converter *converter;
	uint32_t width, height, format; /* as wished for; width and height 0 = not */
	int refused;                    /* the last failure that was told; 0 = none since */
};

static bool is_made(uint32_t format)
{
	struct zoe_image image = {.format = format, .width = 2, .height = 2};
	return format != ZOE_FORMAT_NONE && format != ZOE_FORMAT_MJPEG && zoe_image_layout(&image, 1) > 0;
}

static bool is_yuv(uint32_t format)
{
	return format != ZOE_FORMAT_RGB24 && format != ZOE_FORMAT_BGR24 && format != ZOE_FORMAT_GREY;
}

/* Within the wished width and height, with the frame's shape and never larger than it; sides even, unless it is as large. */
static void choose_size(const struct camera_derived *derived, const struct zoe_image *from, struct zoe_image *to)
{
	double width = derived->width ? derived->width : derived->height ? SIDE_MOST : kinds[derived->kind].width;
	double height = derived->height ? derived->height : derived->width ? SIDE_MOST : kinds[derived->kind].height;
	double scale = width / from->width < height / from->height ? width / from->width : height / from->height;
	to->width = from->width;
	to->height = from->height;
	if (scale >= 1)
		return;
	to->width = (uint32_t)(from->width * scale + 0.5) & ~1u;
	to->height = (uint32_t)(from->height * scale + 0.5) & ~1u;
	to->width = to->width ? to->width : 2;
	to->height = to->height ? to->height : 2;
}

/* Range and matrix stay those of the frame where the pixels stay YUV: whoever looks at it is told, and nothing is lost. */
static int make_one(struct camera_derived *derived, const struct zoe_frame *frame)
{
	struct zoe_image image = {.format = derived->format}, layout;
	struct zoe_loan loan;
	choose_size(derived, &frame->image, &image);
	if (is_yuv(image.format) && is_yuv(frame->image.format) && frame->image.format != ZOE_FORMAT_MJPEG) {
		image.range = frame->image.range;
		image.matrix = frame->image.matrix;
	}
	layout = image;
	int64_t size = zoe_image_layout(&layout, 1);
	if (size < 0)
		return (int)size;
	int status = zoe_loan(derived->publisher, (size_t)size, &loan);
	if (status < 0)
		return status;
	status = converter_run_into(derived->converter, &frame->image, frame->data, frame->size, &image, loan.data,
	                            (size_t)size);
	if (status == 0) {
		loan.image = image;
		loan.capture_ns = frame->capture_ns;
		status = zoe_publish(derived->publisher, &loan, NULL);
	}
	if (status < 0)
		zoe_discard(derived->publisher, &loan);
	return status;
}

static void on_frames(struct feed *feed)
{
	struct camera_derived *derived = feed->user;
	struct zoe_frame frame;
	if (feed_take_latest(feed, &frame) < 0)
		return;
	int status = make_one(derived, &frame);
	feed_release(feed, &frame);
	if (status < 0 && status != derived->refused)
		role_error(derived->role, "frames for %s/%s cannot be made: %s", derived->role->name,
		           kinds[derived->kind].suffix, strerror(-status));
	derived->refused = status < 0 ? status : 0;
}

void camera_derived_tick(struct camera_derived *derived)
{
	struct zoe_wish wishes[WISHES_MOST];
	int count = zoe_publisher_wishes(derived->publisher, wishes, WISHES_MOST);
	derived->width = derived->height = derived->format = 0;
	for (int i = 0; i < count && i < WISHES_MOST; i++) {
		derived->width = wishes[i].width > derived->width ? wishes[i].width : derived->width;
		derived->height = wishes[i].height > derived->height ? wishes[i].height : derived->height;
		if (!derived->format && is_made(wishes[i].format))
			derived->format = wishes[i].format;
	}
	if (!derived->format)
		derived->format = kinds[derived->kind].format;
	feed_want(&derived->frames, count > 0);
}

int camera_derived_create(struct role *role, enum derived_kind kind, struct camera_derived **out)
{
	char topic[ZOE_TOPIC_NAME_MAX + 1];
	struct camera_derived *derived = calloc(1, sizeof(*derived));
	if (!derived)
		return -ENOMEM;
	derived->role = role;
	derived->kind = kind;
	snprintf(topic, sizeof(topic), "%s/%s", role->name, kinds[kind].suffix);
	int status = feed_init(&derived->frames, role, role->name, "", on_frames, derived);
	if (status == 0)
		status = converter_create(&derived->converter);
	if (status == 0)
		status = zoe_publisher_open(role->domain, topic, NULL, &derived->publisher);
	if (status < 0) {
		camera_derived_destroy(derived);
		return status;
	}
	*out = derived;
	return 0;
}

void camera_derived_destroy(struct camera_derived *derived)
{
	if (!derived)
		return;
	feed_finish(&derived->frames);
	zoe_publisher_close(derived->publisher);
	converter_destroy(derived->converter);
	free(derived);
}
