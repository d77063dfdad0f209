/* SPDX-License-Identifier: Apache-2.0 */
/* The number that bench/camera paints into each picture, and when it came to whom. */
#ifndef BENCH_CAMERA_MARKS_H
#define BENCH_CAMERA_MARKS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define MARKS_BITS    12
#define MARKS_SIDE    32 /* pixels of a bit, white = 1; the lowest bit is the leftmost, in the upper left corner */
#define ARRIVALS_MOST 8192

struct arrivals {
	unsigned count;
	struct {
		unsigned number;
		int64_t when_ns;
	} each[ARRIVALS_MOST];
};

static inline unsigned marks_read(const uint8_t *luma, size_t stride)
{
	unsigned number = 0;
	for (unsigned bit = 0; bit < MARKS_BITS; bit++)
		number |= (luma[MARKS_SIDE / 2 * stride + bit * MARKS_SIDE + MARKS_SIDE / 2] > 127u) << bit;
	return number;
}

static inline void arrivals_add(struct arrivals *arrivals, unsigned number)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (arrivals->count == ARRIVALS_MOST)
		return;
	arrivals->each[arrivals->count].number = number;
	arrivals->each[arrivals->count++].when_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void arrivals_print(const struct arrivals *arrivals)
{
	for (unsigned i = 0; i < arrivals->count; i++)
		printf("%u %lld\n", arrivals->each[i].number, (long long)arrivals->each[i].when_ns);
}

#endif
