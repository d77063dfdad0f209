/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn into pictures for people, never into frames: boxes and labels, notices, date and time. */
#ifndef ROLES_OVERLAY_H
#define ROLES_OVERLAY_H

#include "convert/convert.h"
#include "result.h"

/* An RGB picture in memory of our own; zeroed is empty. */
struct overlay_canvas {
	unsigned char *rgb;
	size_t capacity;
	struct zoe_image image;
};

/* Copy a frame there as RGB, in that size. Returns 0 | -errno of converter_run() | -ENOMEM */
int overlay_copy(struct overlay_canvas *canvas, struct converter *converter, const struct zoe_frame *frame,
                 unsigned width, unsigned height);
void overlay_finish(struct overlay_canvas *canvas);
/* Bytes of the picture. */
size_t overlay_size(const struct overlay_canvas *canvas);

/* Boxes and labels of several detectors. */
void overlay_draw(struct overlay_canvas *canvas, const struct result *const results[], size_t count);

/* Local date and time of a moment of CLOCK_MONOTONIC, in the lower left corner. */
void overlay_clock(struct overlay_canvas *canvas, int64_t capture_ns);

/* Dim the picture, and write a title and a sentence over it. */
void overlay_notice(struct overlay_canvas *canvas, const char *title, const char *sentence);

#endif
