/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YUV4MPEG2 has planes only: NV12, YUYV and UYVY are taken apart into the planes of I420 and I422, which loses nothing. What
 * would have to be decoded or computed is refused, for this program links no codec. The beginning is written with the
 * first frame, and says what all of them are.
 */
#include "picture_out.h"
#include "planar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct picture_out {
	int fd;
	bool y4m;
	double fps;
	struct zoe_image first; /* what the stream carries; all zero before the first frame */
	bool begun;
	uint8_t *rows; /* a picture without gaps */
	size_t rows_bytes;
};

int picture_out_create(int fd, bool y4m, struct picture_out **result)
{
	struct picture_out *out = calloc(1, sizeof *out);

	if (!out)
		return -ENOMEM;
	*out = (struct picture_out){.fd = fd, .y4m = y4m, .fps = 25};
	*result = out;
	return 0;
}

void picture_out_destroy(struct picture_out *out)
{
	if (!out)
		return;
	free(out->rows);
	free(out);
}

void picture_out_rate(struct picture_out *out, double fps)
{
	out->fps = fps;
}

static int write_all(struct picture_out *out, const void *bytes, size_t size, const volatile int *stop)
{
	for (const char *at = bytes; size > 0;) {
		ssize_t done = write(out->fd, at, size);
		if (done < 0 && errno != EINTR)
			return -errno;
		if (*stop && done < 0)
			return -EINTR;
		at += done > 0 ? done : 0;
		size -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

static const char *y4m_colours(uint32_t format)
{
	switch (format) {
	case ZOE_FORMAT_GREY:
		return "mono";
	case ZOE_FORMAT_I422:
		return "422";
	case ZOE_FORMAT_I444:
		return "444";
	default:
		return "420jpeg";
	}
}

/* 0 means full range for RGB, GREY and MJPEG, limited for the others. */
static uint32_t range_of(const struct zoe_image *image)
{
	bool full = image->format == ZOE_FORMAT_GREY || image->format == ZOE_FORMAT_RGB24 ||
	            image->format == ZOE_FORMAT_BGR24 || image->format == ZOE_FORMAT_MJPEG;

	return image->range ? image->range : full ? ZOE_RANGE_FULL : ZOE_RANGE_LIMITED;
}

static int y4m_begin(struct picture_out *out, const struct zoe_image *image, const volatile int *stop)
{
	char text[160];
	int length = snprintf(text, sizeof text, "YUV4MPEG2 W%u H%u F%ld:1000 Ip A1:1 C%s XCOLORRANGE=%s\n",
	                      image->width, image->height, lround(out->fps * 1000), y4m_colours(image->format),
	                      range_of(image) == ZOE_RANGE_FULL ? "FULL" : "LIMITED");

	return write_all(out, text, (size_t)length, stop);
}

/* Room for a picture without gaps. */
static int need_rows(struct picture_out *out, size_t size)
{
	if (size > out->rows_bytes) {
		free(out->rows);
		out->rows = malloc(size);
		out->rows_bytes = out->rows ? size : 0;
	}
	return out->rows ? 0 : -ENOMEM;
}

/* The rows of all planes, one behind the other. The layout without gaps tells how long and how many they are. */
static int write_rows(struct picture_out *out, const struct zoe_image *image, const uint8_t *data,
                      const volatile int *stop)
{
	struct zoe_image tight = *image;
	int64_t size = zoe_image_layout(&tight, 1);

	if (size < 0)
		return (int)size;
	if (memcmp(tight.planes, image->planes, sizeof tight.planes) == 0)
		return write_all(out, data, (size_t)size, stop);
	if (need_rows(out, (size_t)size) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < tight.plane_count; i++) {
		const struct zoe_plane *plane = &tight.planes[i];
		uint64_t end = i + 1 < tight.plane_count ? tight.planes[i + 1].offset : (uint64_t)size;

		for (uint64_t at = plane->offset, y = 0; at < end; at += plane->stride, y++)
			memcpy(out->rows + at, data + image->planes[i].offset + y * image->planes[i].stride,
			       plane->stride);
	}
	return write_all(out, out->rows, (size_t)size, stop);
}

static int write_y4m(struct picture_out *out, const struct zoe_frame *frame, const volatile int *stop)
{
	struct zoe_image planar = frame->image;
	int status = 0;

	planar.format = planar_format(frame->image.format);
	if (!out->begun)
		status = y4m_begin(out, &planar, stop);
	out->begun = true;
	if (status == 0)
		status = write_all(out, "FRAME\n", 6, stop);
	if (status < 0 || planar.format == frame->image.format)
		return status < 0 ? status : write_rows(out, &frame->image, frame->data, stop);
	int64_t size = zoe_image_layout(&planar, 1);
	if (size < 0 || need_rows(out, (size_t)size) < 0)
		return size < 0 ? (int)size : -ENOMEM;
	planar_take_apart(&frame->image, frame->data, &planar, out->rows);
	return write_all(out, out->rows, (size_t)size, stop);
}

/* JPEGs and messages say themselves what they are; of other bytes a reader knows only what it was told once. */
static int check_same(struct picture_out *out, const struct zoe_image *image, char *error)
{
	const struct zoe_image *first = &out->first;
	char before[5], now[5];

	if (out->y4m && planar_check(image, error) < 0)
		return -EINVAL;
	if (!first->width)
		out->first = *image;
	bool same = image->format == first->format && image->width == first->width && image->height == first->height &&
	            range_of(image) == range_of(first);
	if (same || (!out->y4m && (image->format == ZOE_FORMAT_NONE || image->format == ZOE_FORMAT_MJPEG)))
		return 0;
	zoe_format_name(first->format, before);
	zoe_format_name(image->format, now);
	snprintf(error, 256, "the frames were %s %ux%u and now are %s %ux%u, which a stream cannot say; start it again",
	         before, first->width, first->height, now, image->width, image->height);
	return -EINVAL;
}

int picture_out_write(struct picture_out *out, const struct zoe_frame *frame, const volatile int *stop, char error[256])
{
	const struct zoe_image *image = &frame->image;
	int status = check_same(out, image, error);

	if (status < 0)
		return status;
	if (out->y4m)
		status = write_y4m(out, frame, stop);
	else if (image->format == ZOE_FORMAT_NONE || image->format == ZOE_FORMAT_MJPEG)
		status = write_all(out, frame->data, frame->size, stop);
	else
		status = write_rows(out, image, frame->data, stop);
	if (status < 0)
		snprintf(error, 256, "a frame could not be written: %s", strerror(-status));
	return status;
}
