/* SPDX-License-Identifier: Apache-2.0 */
/* What of a picture is blacked out: fractions of the source's whole picture, as the crop is, so that masks stay where they
 * are when size or crop change. */
#include "camera_driver.h"
#include "paint.h"

#include <math.h>
#include <string.h>

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
	const struct area *crop = &request->crop;
	struct paint paint = {.image = image, .data = data};
	int width = (int)image->width, height = (int)image->height;
	for (unsigned i = 0; i < request->mask_count; i++) {
		const struct area *mask = &request->masks[i];
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
