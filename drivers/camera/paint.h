/* SPDX-License-Identifier: Apache-2.0 */
/* Filled boxes, marks and digits in a picture of any uncompressed format. For the test camera and for masks. */
#ifndef CAMERA_PAINT_H
#define CAMERA_PAINT_H

#include "zoetrope.h"

struct paint {
	const struct zoe_image *image; /* with planes */
	void *data;
};

struct paint_rgb {
	int r, g, b;
};

/* Inside the picture. x and y are even; width and height too, unless the box reaches the picture's edge. */
void paint_box(const struct paint *paint, int x, int y, int width, int height, struct paint_rgb colour);

/* 18 x 8 blocks from the top left corner; see test.c. */
void paint_marks(const struct paint *paint, int block, uint64_t number, uint64_t time_ns);

/* Digits and '.', two blocks high, a block wide with a gap of half a block; cut off at the picture's right edge. */
void paint_digits(const struct paint *paint, int x, int y, int block, const char *text);

#endif
