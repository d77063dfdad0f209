/* SPDX-License-Identifier: Apache-2.0 */
/* See area.h. A part of a picture is the picture's own bytes with other offsets. */
#include "area.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

int area_read(const char *text, struct area *out, char *error)
{
	struct area area;
	char rest;
	int count = sscanf(text, "%lf %lf %lf %lf %c", &area.x, &area.y, &area.width, &area.height, &rest);
	if (count == 4 && area.x >= 0 && area.y >= 0 && area.width > 0 && area.height > 0 &&
	    area.x + area.width <= 1.0000001 && area.y + area.height <= 1.0000001) {
		*out = area;
		return 0;
	}
	snprintf(
	    error, AREA_ERROR_BYTES,
	    "wanted an area inside the picture as 'X Y WIDTH HEIGHT', each from 0 to 1, for example '0.5 0 0.5 1' for "
	    "its right half; found '%.100s'",
	    text);
	return -EINVAL;
}

/* The even pixel nearest below a fraction of a side that has some. */
static unsigned even_inside(double at, unsigned side)
{
	unsigned pixel = (unsigned)lround(at * side);
	return (pixel < side ? pixel : side - 1) & ~1u;
}

void area_pixels(const struct area *area, unsigned width, unsigned height, unsigned *out_x, unsigned *out_y,
                 unsigned *out_width, unsigned *out_height)
{
	*out_x = *out_y = 0;
	*out_width = width;
	*out_height = height;
	if (area->width <= 0)
		return;
	unsigned right = (unsigned)lround((area->x + area->width) * width);
	unsigned bottom = (unsigned)lround((area->y + area->height) * height);
	*out_x = even_inside(area->x, width);
	*out_y = even_inside(area->y, height);
	right = right > width ? width : right;
	bottom = bottom > height ? height : bottom;
	/* At least two pixels, or what there is. */
	*out_width = right > *out_x + 1 ? (right - *out_x) & ~1u : width - *out_x;
	*out_height = bottom > *out_y + 1 ? (bottom - *out_y) & ~1u : height - *out_y;
}

/* Bytes from the beginning of a plane's row to pixel x, and rows to pixel y. */
static void plane_steps(uint32_t format, unsigned plane, unsigned *bytes, unsigned *rows_shift)
{
	bool chroma = plane > 0;
	*bytes = format == ZOE_FORMAT_RGB24 || format == ZOE_FORMAT_BGR24             ? 6
	         : format == ZOE_FORMAT_YUYV || format == ZOE_FORMAT_UYVY             ? 4
	         : chroma && (format == ZOE_FORMAT_I420 || format == ZOE_FORMAT_I422) ? 1
	                                                                              : 2; /* of two pixels */
	*rows_shift = chroma && (format == ZOE_FORMAT_I420 || format == ZOE_FORMAT_NV12);
}

void area_crop(const struct area *area, struct zoe_image *image)
{
	unsigned x, y;
	area_pixels(area, image->width, image->height, &x, &y, &image->width, &image->height);
	for (unsigned i = 0; i < image->plane_count; i++) {
		unsigned bytes, rows_shift;
		plane_steps(image->format, i, &bytes, &rows_shift);
		image->planes[i].offset += (uint64_t)(y >> rows_shift) * image->planes[i].stride + x / 2 * bytes;
	}
}
