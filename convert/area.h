/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a picture, told as fractions of it, so that it stays where it is when the size changes. */
#ifndef CONVERT_AREA_H
#define CONVERT_AREA_H

#include "zoetrope.h"

#define AREA_ERROR_BYTES 512

/* From the top left. Width 0 = none: all of the picture. */
struct area {
	double x, y, width, height;
};

/* Read "X Y WIDTH HEIGHT". Returns 0 | -EINVAL with a sentence in error[AREA_ERROR_BYTES]. */
int area_read(const char *text, struct area *out, char *error);

/* The pixels of an area in a picture of that size: even corners, so that chroma samples stay whole. */
void area_pixels(const struct area *area, unsigned width, unsigned height, unsigned *out_x, unsigned *out_y,
                 unsigned *out_width, unsigned *out_height);

/* Let the picture be that part of itself. Its pixels stay where they are. */
void area_crop(const struct area *area, struct zoe_image *image);

#endif
