/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a picture: what is cropped to, and what is blacked out. Both are fractions of the source's whole picture, so
 * that they stay where they are when size or crop change. */
#include "camera_driver.h"
#include "paint.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int camera_area_read(const char *text, struct camera_area *out, char *error)
{
	struct camera_area area;
	char rest;
	int count = sscanf(text, "%lf %lf %lf %lf %c", &area.x, &area.y, &area.width, &area.height, &rest);
	if (count == 4 && area.x >= 0 && area.y >= 0 && area.width > 0 && area.height > 0 &&
	    area.x + area.width <= 1.0000001 && area.y + area.height <= 1.0000001) {
		*out = area;
		return 0;
	}
	snprintf(
	    error, CAMERA_ERROR_BYTES,
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

void camera_crop_pixels(const struct camera_request *request, unsigned width, unsigned height, unsigned *out_x,
                        unsigned *out_y, unsigned *out_width, unsigned *out_height)
{
	const struct camera_area *crop = &request->crop;
	*out_x = *out_y = 0;
	*out_width = width;
	*out_height = height;
	if (crop->width <= 0)
		return;
	unsigned right = (unsigned)lround((crop->x + crop->width) * width);
	unsigned bottom = (unsigned)lround((crop->y + crop->height) * height);
	*out_x = even_inside(crop->x, width);
	*out_y = even_inside(crop->y, height);
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

void camera_crop(const struct camera_request *request, struct zoe_image *image)
{
	unsigned x, y;
	camera_crop_pixels(request, image->width, image->height, &x, &y, &image->width, &image->height);
	for (unsigned i = 0; i < image->plane_count; i++) {
		unsigned bytes, rows_shift;
		plane_steps(image->format, i, &bytes, &rows_shift);
		image->planes[i].offset += (uint64_t)(y >> rows_shift) * image->planes[i].stride + x / 2 * bytes;
	}
}

/* From a fraction of the source's picture to pixels of the cropped one, between 0 and most. */
static int to_pixels(double at, double crop_at, double crop_size, int most, bool up)
{
	double pixels = (crop_size > 0 ? (at - crop_at) / crop_size : at) * most;
	/* A crop begins at an even pixel, so it may be off by up to two. */
	double spare = crop_size > 0 ? 2 : 0;
	double rounded = up ? ceil((pixels + spare) / 2) * 2 : floor((pixels - spare) / 2) * 2;
	return rounded < 0 ? 0 : rounded > most ? most : (int)rounded;
}

void camera_mask(const struct camera_request *request, const struct zoe_image *image, void *data)
{
	const struct camera_area *crop = &request->crop;
	struct paint paint = {.image = image, .data = data};
	int width = (int)image->width, height = (int)image->height;
	for (unsigned i = 0; i < request->mask_count; i++) {
		const struct camera_area *mask = &request->masks[i];
		int left = to_pixels(mask->x, crop->x, crop->width, width, false);
		int top = to_pixels(mask->y, crop->y, crop->height, height, false);
		int right = to_pixels(mask->x + mask->width, crop->x, crop->width, width, true);
		int bottom = to_pixels(mask->y + mask->height, crop->y, crop->height, height, true);
		if (right > left && bottom > top)
			paint_box(&paint, left, top, right - left, bottom - top, (struct paint_rgb){0, 0, 0});
	}
}

uint32_t camera_format_find(const char *name)
{
	static const struct {
		const char *name;
		uint32_t format;
	} formats[] = {
	    {"I420", ZOE_FORMAT_I420}, {"I422", ZOE_FORMAT_I422},   {"I444", ZOE_FORMAT_I444},
	    {"NV12", ZOE_FORMAT_NV12}, {"YUYV", ZOE_FORMAT_YUYV},   {"UYVY", ZOE_FORMAT_UYVY},
	    {"GREY", ZOE_FORMAT_GREY}, {"RGB24", ZOE_FORMAT_RGB24}, {"BGR24", ZOE_FORMAT_BGR24},
	};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return formats[i].format;
	return 0;
}
