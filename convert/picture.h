/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared between the files of the converter: a picture as plain pointers, scratch memory, and the three steps that a
 * conversion is made of. A step reads one picture and writes another into scratch memory that is kept between calls.
 */
#ifndef CONVERT_PICTURE_H
#define CONVERT_PICTURE_H

#include "convert.h"

/* A YUV picture has Y, U, V in planes 0..2 (NV12: Y, UV), RGB and GREY one plane. Range and matrix are never DEFAULT.
 */
struct picture {
	enum zoe_format
	    format; /* GREY, I420, I422, I444, NV12, RGB24, BGR24; packed YUV and JPEG only before unpacking */
	int width, height;
	enum zoe_range range;
	enum zoe_matrix matrix;
	uint8_t *planes[3];
	int strides[3];
};

struct scratch {
	uint8_t *data;
	size_t size;
};

/* Width and height of plane 1 and 2 of a planar YUV format. Odd sizes round up. */
void picture_chroma_size(enum zoe_format format, int width, int height, int *out_width, int *out_height);

/* Let planes point into scratch memory, each row `align` bytes. Returns 0 | -ENOMEM | -EINVAL (size). */
int picture_allocate(struct picture *picture, struct scratch *scratch, unsigned align);

/*
 * Decode a JPEG into planes of its own subsampling (I420, I422, I444, GREY), or RGB24 for anything else.
 * Returns 0 | -EBADMSG (damaged) | -ENOMEM.
 */
struct jpeg;
int unpack_jpeg(struct jpeg **jpeg, const uint8_t *data, size_t size, struct scratch *scratch, struct picture *out);
void unpack_jpeg_end(struct jpeg *jpeg);

/* Copy the planes of a YUV or GREY picture from src->range to out->range. Both may be the same memory. */
void colour_range(const struct picture *src, struct picture *out);

/* Bring an I420 or GREY picture to a range and matrix, in place. row: scratch. Returns 0 | -ENOMEM. */
int colour_change(struct picture *picture, enum zoe_range range, enum zoe_matrix matrix, struct scratch *row);

/* Scale RGB24 or BGR24 to a size that is smaller both ways; out's planes are there. Returns 0 | -ENOMEM. */
int shrink_rgb(const struct picture *src, struct picture *out, struct scratch *scratch);

/* At least `bytes` of scratch memory. Returns 0 | -ENOMEM. */
int scratch_reserve(struct scratch *scratch, size_t bytes);

#endif
