/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pixel formats, over libyuv and libjpeg-turbo. Knows struct zoe_image and nothing else of the transport.
 * Range and matrix of the source are honoured: limited-range BT.601 white is 255 in RGB, not 235.
 */
#ifndef ZOETROPE_CONVERT_H
#define ZOETROPE_CONVERT_H

#include "zoetrope.h"

#ifdef __cplusplus
extern "C" {
#endif

struct converter; /* scratch memory that is kept between calls; one thread at a time */

int converter_create(struct converter **out);
void converter_destroy(struct converter *converter);

/*
 * Convert and scale one picture.
 *
 * src, src_data, src_size  any format of enum zoe_format, MJPEG included
 *                          MJPEG: the JPEG's own size counts, and it is full range BT.601
 * dst                      format (any but MJPEG), width and height (0 = the source's) are wanted; range and matrix
 *                          likewise (default: full for RGB and GREY, limited BT.601 for YUV). On success all of it says
 *                          what was made; planes are filled in here, rows tight. On failure it is unchanged. I422, I444,
 *                          NV12, YUYV and UYVY are made from I420, unless the source is that already.
 * out_data                 the picture; the converter's, until its next call. It may be src_data itself (from the first
 *                          plane's offset) if that is what is wanted already, so it lives no longer than src_data.
 *
 * Returns  0 | -EINVAL (source planes do not fit, format not known, size 0 or above 16384) | -EBADMSG (JPEG damaged)
 *          | -ENOMEM
 */
int converter_run(struct converter *converter, const struct zoe_image *src, const void *src_data, size_t src_size,
                  struct zoe_image *dst, const uint8_t **out_data);

/*
 * The same into memory of the caller's. dst->width and height must be given.
 *
 * Returns  as above | -ENOSPC (it needs more than room)
 */
int converter_run_into(struct converter *converter, const struct zoe_image *src, const void *src_data, size_t src_size,
                       struct zoe_image *dst, void *out, size_t room);

/* Take packed pixels of three bytes apart: count bytes of each. */
void convert_split(const uint8_t *pixels, unsigned count, uint8_t *first, uint8_t *second, uint8_t *third);

#ifdef __cplusplus
}
#endif

#endif
