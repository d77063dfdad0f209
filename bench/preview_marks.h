/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame's number in its first 16 lines: 32 blocks of 16 x 16 pixels, black or white, the lowest bit first. They are whole
 * blocks of a JPEG, so that an eighth of its size is enough to read them.
 */
#ifndef BENCH_PREVIEW_MARKS_H
#define BENCH_PREVIEW_MARKS_H

#include <stdint.h>
#include <string.h>

#define MARKS_SIDE 16
#define MARKS_BITS 32

static inline void marks_draw(unsigned char *luma, unsigned width, uint32_t number)
{
	for (unsigned y = 0; y < MARKS_SIDE; y++)
		for (unsigned bit = 0; bit < MARKS_BITS; bit++)
			memset(luma + (size_t)y * width + bit * MARKS_SIDE, number >> bit & 1 ? 255 : 0, MARKS_SIDE);
}

/* eighth: luma of the picture scaled to an eighth, in each direction. */
static inline uint32_t marks_read(const unsigned char *eighth)
{
	uint32_t number = 0;
	for (unsigned bit = 0; bit < MARKS_BITS; bit++)
		number |= (uint32_t)(eighth[bit * MARKS_SIDE / 8] > 127) << bit;
	return number;
}

#endif
