/* SPDX-License-Identifier: Apache-2.0 */
/* See camera_small.h. It reads the camera's topic as any subscriber does, so that the capture thread knows nothing of it. */
#include "camera_small.h"

#include "convert/convert.h"
#include "feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_WIDTH  640 /* what is enough for a detector or a wall of pictures */
#define SMALL_HEIGHT 360
#define SIDE_MOST    16384
#define WISHES_MOST  64 /* as many subscribers as a topic can have */

struct camera_small {
	struct role *role;
	struct feed frames;
	struct zoe_publisher *publisher;
	struct converter *converter;
	uint32_t width, height, format; /* as wished for; width and height 0 = not */
	int refused;                    /* the last failure that was told; 0 = none since */
};

/* Formats that the converter makes. */
static bool is_made(uint32_t format)
{
	return format == ZOE_FORMAT_I420 || format == ZOE_FORMAT_RGB24 || format == ZOE_FORMAT_BGR24 ||
	       format == ZOE_FORMAT_GREY;
}

/* Within the wished width and height, with the frame's shape and never larger than it; sides even. */
static void choose_size(const struct camera_small *small, const struct zoe_image *from, struct zoe_image *to)
{
	double width = small->width ? small->width : small->height ? SIDE_MOST : SMALL_WIDTH;
	double height = small->height ? small->height : small->width ? SIDE_MOST : SMALL_HEIGHT;
	double scale = width / from->width < height / from->height ? width / from->width : height / from->height;
	if (scale > 1)
		scale = 1;
	to->width = (uint32_t)(from->width * scale + 0.5) & ~1u;
	to->height = (uint32_t)(from->height * scale + 0.5) & ~1u;
	to->width = to->width ? to->width : 2;
	to->height = to->height ? to->height : 2;
}

static int make_one(struct camera_small *small, const struct zoe_frame *frame)
{
	struct zoe_image image = {.format = small->format};
	const uint8_t *pixels;
	struct zoe_loan loan;
	choose_size(small, &frame->image, &image);
	int status = converter_run(small->converter, &frame->image, frame->data, frame->size, &image, &pixels);
	if (status < 0)
		return status;
	/* Its planes may lie anywhere in memory of the converter: in a slot they begin where the layout says. */
	struct zoe_image tight = image;
	int64_t size = zoe_image_layout(&tight, 1);
	if (size < 0 || memcmp(tight.planes, image.planes, sizeof(tight.planes)) != 0)
		return -EINVAL;
	status = zoe_loan(small->publisher, (size_t)size, &loan);
	if (status < 0)
		return status;
	memcpy(loan.data, pixels, (size_t)size);
	loan.image = image;
	loan.capture_ns = frame->capture_ns;
	status = zoe_publish(small->publisher, &loan, NULL);
	if (status < 0)
		zoe_discard(small->publisher, &loan);
	return status;
}

static void on_frames(struct feed *feed)
{
	struct camera_small *small = feed->user;
	struct zoe_frame frame;
	if (feed_take_latest(feed, &frame) < 0)
		return;
	int status = make_one(small, &frame);
	feed_release(feed, &frame);
	if (status < 0 && status != small->refused)
		role_error(small->role, "frames for %s/small cannot be made: %s", small->role->name, strerror(-status));
	small->refused = status < 0 ? status : 0;
}

void camera_small_tick(struct camera_small *small)
{
	struct zoe_wish wishes[WISHES_MOST];
	int count = zoe_publisher_wishes(small->publisher, wishes, WISHES_MOST);
	small->width = small->height = small->format = 0;
	for (int i = 0; i < count && i < WISHES_MOST; i++) {
		small->width = wishes[i].width > small->width ? wishes[i].width : small->width;
		small->height = wishes[i].height > small->height ? wishes[i].height : small->height;
		if (!small->format && is_made(wishes[i].format))
			small->format = wishes[i].format;
	}
	if (!small->format)
		small->format = ZOE_FORMAT_I420;
	feed_want(&small->frames, count > 0);
}

int camera_small_create(struct role *role, struct camera_small **out)
{
	char topic[ZOE_TOPIC_NAME_MAX + 1];
	struct camera_small *small = calloc(1, sizeof(*small));
	if (!small)
		return -ENOMEM;
	small->role = role;
	snprintf(topic, sizeof(topic), "%s/small", role->name);
	int status = feed_init(&small->frames, role, role->name, "", on_frames, small);
	if (status == 0)
		status = converter_create(&small->converter);
	if (status == 0)
		status = zoe_publisher_open(role->domain, topic, NULL, &small->publisher);
	if (status < 0) {
		camera_small_destroy(small);
		return status;
	}
	*out = small;
	return 0;
}

void camera_small_destroy(struct camera_small *small)
{
	if (!small)
		return;
	feed_finish(&small->frames);
	zoe_publisher_close(small->publisher);
	converter_destroy(small->converter);
	free(small);
}
