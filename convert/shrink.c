/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed RGB made smaller. libyuv would go by 32-bit pixels, and make them of all there are, though each pixel of a smaller
 * picture is a mix of only four. So only these are read: 1920x1080 to 300x300 takes a third of the time.
 */
#include "picture.h"

#include <stddef.h>
#include <string.h>

/* Rows of the result's width, 3 bytes a pixel: of the rows above and below the pixels to the left and right of a place. */
struct corners {
	uint8_t *above_left, *above_right, *below_left, *below_right;
	uint8_t *weights; /* of the right ones, 256ths */
};

/* Where the middle of the result's pixel `index` lies: 256ths of a source pixel from the middle of the first one. */
static int64_t place(int index, int from, int to)
{
	return (2 * index + 1) * (int64_t)from * 128 / to - 128;
}

/* The pixels left and right of each place; there is one to the right, for the result is narrower. What is needed next lies
 * `ahead` bytes further on: pictures are larger than caches, and no hardware guesses where the next row is. */
static void pick(const uint8_t *row, ptrdiff_t ahead, const uint32_t *columns, int width, uint8_t *left, uint8_t *right)
{
	int last = width - 1;
	for (int x = 0; x < last; x++) { /* four bytes are as quick as one; the next pixel overwrites the fourth */
		__builtin_prefetch(row + ahead + columns[x]);
		memcpy(left + 3 * x, row + columns[x], 4);
		memcpy(right + 3 * x, row + columns[x] + 3, 4);
	}
	memcpy(left + 3 * last, row + columns[last], 3);
	memcpy(right + 3 * last, row + columns[last] + 3, 3);
}

/* 16-bit numbers are enough, and eight fit a vector. below: weight of the row below, 256ths. */
static void mix(const struct corners *corners, unsigned below, int bytes, uint8_t *restrict out)
{
	const uint8_t *restrict above_left = corners->above_left, *restrict above_right = corners->above_right;
	const uint8_t *restrict below_left = corners->below_left, *restrict below_right = corners->below_right;
	const uint8_t *restrict weights = corners->weights;
	const uint16_t down = (uint16_t)below, up = (uint16_t)(256 - below);
	for (int i = 0; i < bytes; i++) {
		uint16_t right = weights[i], left = (uint16_t)(256 - right);
		uint16_t first = (uint16_t)(above_left[i] * left + above_right[i] * right + 128);
		uint16_t second = (uint16_t)(below_left[i] * left + below_right[i] * right + 128);
		out[i] = (uint8_t)((uint16_t)((first >> 8) * up + (second >> 8) * down + 128) >> 8);
	}
}

int shrink_rgb(const struct picture *src, struct picture *out, struct scratch *scratch)
{
	const size_t bytes = (size_t)out->width * 3;
	int status = scratch_reserve(scratch, bytes * 5 + (size_t)out->width * sizeof(uint32_t));
	if (status < 0)
		return status;
	uint32_t *columns = (uint32_t *)(void *)scratch->data;
	uint8_t *rows = (uint8_t *)(columns + out->width);
	const struct corners corners = {rows, rows + bytes, rows + 2 * bytes, rows + 3 * bytes, rows + 4 * bytes};
	for (int x = 0; x < out->width; x++) {
		int64_t at = place(x, src->width, out->width);
		columns[x] = (uint32_t)(at / 256 * 3);
		memset(corners.weights + 3 * x, (int)(at % 256), 3);
	}
	for (int y = 0; y < out->height; y++) {
		const int64_t at = place(y, src->height, out->height), row = at / 256;
		const int64_t next = y + 1 < out->height ? place(y + 1, src->height, out->height) / 256 : row;
		const ptrdiff_t stride = src->strides[0], ahead = (ptrdiff_t)(next - row) * stride;
		const uint8_t *above = src->planes[0] + (ptrdiff_t)row * stride;
		pick(above, ahead, columns, out->width, corners.above_left, corners.above_right);
		pick(above + stride, ahead, columns, out->width, corners.below_left, corners.below_right);
		mix(&corners, (unsigned)(at % 256), (int)bytes, out->planes[0] + (ptrdiff_t)y * out->strides[0]);
	}
	return 0;
}
