/* SPDX-License-Identifier: Apache-2.0 */
/* Luma and chroma apart, as YUV4MPEG2 wants them. Bytes change their places and nothing else. */
#include "planar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

/* Every `step`th byte of a row, from `from` on. */
static void pick(uint8_t *to, const uint8_t *row, unsigned from, unsigned step, uint32_t count)
{
	for (uint32_t x = 0; x < count; x++)
		to[x] = row[from + x * step];
}

void planar_take_apart(const struct zoe_image *image, const uint8_t *data, const struct zoe_image *planar,
                       uint8_t *out_rows)
{
	const struct zoe_plane *to = planar->planes;
	unsigned luma = image->format == ZOE_FORMAT_UYVY;
	bool nv12 = image->format == ZOE_FORMAT_NV12;
	uint32_t half = (image->width + 1) / 2;

	for (uint32_t y = 0; y < image->height; y++) {
		const uint8_t *row = data + image->planes[0].offset + (uint64_t)y * image->planes[0].stride;
		pick(out_rows + (uint64_t)y * to[0].stride, row, luma, nv12 ? 1 : 2, image->width);
	}
	for (uint32_t y = 0; y < (nv12 ? (image->height + 1) / 2 : image->height); y++) {
		const struct zoe_plane *from = &image->planes[nv12];
		const uint8_t *row = data + from->offset + (uint64_t)y * from->stride;
		pick(out_rows + to[1].offset + (uint64_t)y * half, row, nv12 ? 0 : !luma, nv12 ? 2 : 4, half);
		pick(out_rows + to[2].offset + (uint64_t)y * half, row, (nv12 ? 0 : !luma) + (nv12 ? 1 : 2),
		     nv12 ? 2 : 4, half);
	}
}

uint32_t planar_format(uint32_t format)
{
	switch (format) {
	case ZOE_FORMAT_GREY:
	case ZOE_FORMAT_I420:
	case ZOE_FORMAT_I422:
	case ZOE_FORMAT_I444:
		return format;
	case ZOE_FORMAT_NV12:
		return ZOE_FORMAT_I420;
	case ZOE_FORMAT_YUYV:
	case ZOE_FORMAT_UYVY:
		return ZOE_FORMAT_I422;
	default:
		return ZOE_FORMAT_NONE;
	}
}

int planar_check(const struct zoe_image *image, char error[256])
{
	char name[5];

	zoe_format_name(image->format, name);
	if (planar_format(image->format))
		return 0;
	if (image->format == ZOE_FORMAT_NONE)
		snprintf(error, 256, "the topic carries messages, not pictures; --raw writes them as they are");
	else if (image->format == ZOE_FORMAT_MJPEG)
		snprintf(error, 256, "the frames are JPEGs, not YUV4MPEG2: --raw TOPIC | ffmpeg -f mjpeg -i -");
	else
		snprintf(error, 256, "%s is not YUV4MPEG2: --raw TOPIC | ffmpeg -f rawvideo -pix_fmt %s -s %ux%u -i -",
		         name, image->format == ZOE_FORMAT_RGB24 ? "rgb24" : "bgr24", image->width, image->height);
	return -EINVAL;
}
