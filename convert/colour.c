/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Range and matrix of YUV pixels, in place. libyuv has no such step: it would go by RGB, and only to BT.601.
 * Source: ITU-R BT.601-7 and BT.709-6 (weights of red and blue; 219 and 224 steps in limited range).
 */
#include "picture.h"

#include <string.h>

/*
 * 16-bit integers throughout, so that eight fit a vector of the oldest x86-64: factors have 14 bits of fraction (|factor| < 2),
 * what is added up has 6 (|sum| < 512).
 */
#define FACTOR_BITS 14
#define SUM_BITS    6

/* From (Y, U, V) to (Y', U', V'), each less 128. Grey stays grey, so Y adds nothing to U' and V'. */
struct colour_step {
	int16_t y_y, u_y, v_y;
	int16_t u_u, v_u;
	int16_t u_v, v_v;
	int16_t y_add; /* with half of the last bit, for rounding */
};

static double weight_red(enum zoe_matrix matrix)
{
	return matrix == ZOE_MATRIX_BT709 ? 0.2126 : 0.299;
}

static double weight_blue(enum zoe_matrix matrix)
{
	return matrix == ZOE_MATRIX_BT709 ? 0.0722 : 0.114;
}

static int16_t fixed(double value, int bits)
{
	return (int16_t)(value * (1 << bits) + (value < 0 ? -0.5 : 0.5));
}

/* (sample - 128) * factor, as a sum. Flipping the highest bit takes 128 away, in a form that needs no 32-bit product. */
static inline int16_t times(uint8_t sample, int16_t factor)
{
	int16_t high = (int16_t)((uint16_t)(sample ^ 0x80) << 8);
	return (int16_t)((high * factor) >> 16);
}

static inline uint8_t to_byte(int16_t sum)
{
	int16_t value = (int16_t)(sum >> SUM_BITS);
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/*
 * With Y, Pb, Pr of the source: R = Y + 2(1-kr)Pr, B = Y + 2(1-kb)Pb, G from both; and back with the target's weights.
 */
static struct colour_step colour_plan(enum zoe_range from_range, enum zoe_matrix from, enum zoe_range to_range,
                                      enum zoe_matrix to)
{
	double fr = weight_red(from), fb = weight_blue(from), fg = 1 - fr - fb;
	double tr = weight_red(to), tb = weight_blue(to), tg = 1 - tr - tb;
	double red_pr = 2 * (1 - fr), blue_pb = 2 * (1 - fb);
	double green_pb = -blue_pb * fb / fg, green_pr = -red_pr * fr / fg;
	/* What one unit of Pb and Pr adds to the target's Y, Pb, Pr. */
	double pb_y = tg * green_pb + tb * blue_pb, pr_y = tr * red_pr + tg * green_pr;
	double pb_pb = (blue_pb - pb_y) / (2 * (1 - tb)), pr_pb = -pr_y / (2 * (1 - tb));
	double pb_pr = -pb_y / (2 * (1 - tr)), pr_pr = (red_pr - pr_y) / (2 * (1 - tr));
	double from_y = from_range == ZOE_RANGE_FULL ? 255 : 219, from_c = from_range == ZOE_RANGE_FULL ? 255 : 224;
	double to_y = to_range == ZOE_RANGE_FULL ? 255 : 219, to_c = to_range == ZOE_RANGE_FULL ? 255 : 224;
	double y_from = from_range == ZOE_RANGE_FULL ? 0 : 16, y_to = to_range == ZOE_RANGE_FULL ? 0 : 16;
	return (struct colour_step){
	    .y_y = fixed(to_y / from_y, FACTOR_BITS),
	    .u_y = fixed(pb_y * to_y / from_c, FACTOR_BITS),
	    .v_y = fixed(pr_y * to_y / from_c, FACTOR_BITS),
	    .u_u = fixed(pb_pb * to_c / from_c, FACTOR_BITS),
	    .v_u = fixed(pr_pb * to_c / from_c, FACTOR_BITS),
	    .u_v = fixed(pb_pr * to_c / from_c, FACTOR_BITS),
	    .v_v = fixed(pr_pr * to_c / from_c, FACTOR_BITS),
	    .y_add = fixed(y_to + (128 - y_from) * to_y / from_y + 0.5, SUM_BITS),
	};
}

#define CHROMA_ADD ((int16_t)((128 << SUM_BITS) + (1 << (SUM_BITS - 1))))

static void colour_luma(uint8_t *row, int width, const int16_t *offsets, const struct colour_step *step)
{
	int16_t factor = step->y_y, add = step->y_add;
	for (int x = 0; x < width; x++)
		row[x] = to_byte((int16_t)(times(row[x], factor) + offsets[x] + add));
}

/* One row of chroma; offsets gets what it adds to the luma beside it, twice for each sample. */
static void colour_chroma(uint8_t *u, uint8_t *v, int width, int16_t *offsets, const struct colour_step *step)
{
	const struct colour_step s = *step;
	for (int x = 0; x < width; x++) {
		uint8_t from_u = u[x], from_v = v[x];
		int16_t add = (int16_t)(times(from_u, s.u_y) + times(from_v, s.v_y));
		offsets[2 * x] = add;
		offsets[2 * x + 1] = add;
		u[x] = to_byte((int16_t)(times(from_u, s.u_u) + times(from_v, s.v_u) + CHROMA_ADD));
		v[x] = to_byte((int16_t)(times(from_u, s.u_v) + times(from_v, s.v_v) + CHROMA_ADD));
	}
}

/*
 * One pointer only: the compiler would not use vectors for two that may overlap. And not inlined: it would widen the factor
 * outside of the loop, and multiply 32 bits (0.7 instead of 0.3 ms for 1280x720).
 */
__attribute__((noinline)) static void colour_linear(uint8_t *row, int width, int16_t factor, int16_t add)
{
	for (int x = 0; x < width; x++)
		row[x] = to_byte((int16_t)(times(row[x], factor) + add));
}

void colour_range(const struct picture *src, struct picture *out)
{
	struct colour_step step = colour_plan(src->range, src->matrix, out->range, src->matrix);
	int planes = src->format == ZOE_FORMAT_GREY ? 1 : src->format == ZOE_FORMAT_NV12 ? 2 : 3;
	for (int i = 0; i < planes; i++) {
		int width = src->width, height = src->height;
		if (i > 0) {
			picture_chroma_size(src->format, src->width, src->height, &width, &height);
			width *= planes == 2 ? 2 : 1;
		}
		for (int y = 0; y < height; y++) {
			const uint8_t *from = src->planes[i] + (ptrdiff_t)y * src->strides[i];
			uint8_t *row = out->planes[i] + (ptrdiff_t)y * out->strides[i];
			if (row != from)
				memcpy(row, from, (size_t)width);
			colour_linear(row, width, i ? step.u_u : step.y_y, i ? CHROMA_ADD : step.y_add);
		}
	}
}

/* row: offsets for a row of luma, one more if its width is odd. */
static int colour_matrix(struct picture *picture, enum zoe_range range, enum zoe_matrix matrix, struct scratch *row)
{
	struct colour_step step = colour_plan(picture->range, picture->matrix, range, matrix);
	int status = scratch_reserve(row, ((size_t)picture->width + 1) * sizeof(int16_t));
	if (status < 0)
		return status;
	int16_t *offsets = (int16_t *)(void *)row->data;
	for (int y = 0; y < picture->height; y++) {
		ptrdiff_t half = y / 2;
		if (y % 2 == 0)
			colour_chroma(picture->planes[1] + half * picture->strides[1],
			              picture->planes[2] + half * picture->strides[2], (picture->width + 1) / 2,
			              offsets, &step);
		colour_luma(picture->planes[0] + (ptrdiff_t)y * picture->strides[0], picture->width, offsets, &step);
	}
	return 0;
}

int colour_change(struct picture *picture, enum zoe_range range, enum zoe_matrix matrix, struct scratch *row)
{
	if (picture->matrix != matrix && picture->format != ZOE_FORMAT_GREY) {
		int status = colour_matrix(picture, range, matrix, row);
		if (status < 0)
			return status;
	} else if (picture->range != range) {
		struct picture out = *picture;
		out.range = range;
		colour_range(picture, &out);
	}
	picture->range = range;
	picture->matrix = matrix;
	return 0;
}
