/* SPDX-License-Identifier: Apache-2.0 */
/* See paint.h. Everything is a box with even corners, so chroma samples never lie across an edge. */
#include "paint.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

struct yuv {
	uint8_t y, u, v;
};

static uint8_t byte(double value)
{
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : lround(value));
}

static struct yuv yuv_of(const struct zoe_image *image, struct paint_rgb c)
{
	double kr = image->matrix == ZOE_MATRIX_BT709 ? 0.2126 : 0.299;
	double kb = image->matrix == ZOE_MATRIX_BT709 ? 0.0722 : 0.114;
	double luma = kr * c.r + (1 - kr - kb) * c.g + kb * c.b;
	bool full = image->range == ZOE_RANGE_FULL;
	double black = full ? 0 : 16, light = full ? 1 : 219.0 / 255, colour = full ? 1 : 224.0 / 255;
	return (struct yuv){byte(black + luma * light), byte(128 + (c.b - luma) / (2 * (1 - kb)) * colour),
	                    byte(128 + (c.r - luma) / (2 * (1 - kr)) * colour)};
}

static uint8_t *row_of(const struct paint *paint, int plane, int y)
{
	const struct zoe_plane *p = &paint->image->planes[plane];
	return (uint8_t *)paint->data + p->offset + (size_t)y * p->stride;
}

/* Rows of a plane filled with groups of `bytes` bytes, from column x of groups. */
static void fill(const struct paint *paint, int plane, int x, int y, int groups, int rows, const uint8_t *group,
                 int bytes)
{
	uint8_t *first = row_of(paint, plane, y) + (size_t)x * (size_t)bytes;
	size_t length = (size_t)groups * (size_t)bytes;
	if (bytes == 1)
		memset(first, group[0], length);
	for (int i = 0; bytes > 1 && i < groups; i++)
		memcpy(first + (size_t)i * (size_t)bytes, group, (size_t)bytes);
	for (int i = 1; i < rows; i++)
		memcpy(row_of(paint, plane, y + i) + (size_t)x * (size_t)bytes, first, length);
}

void paint_box(const struct paint *paint, int x, int y, int width, int height, struct paint_rgb colour)
{
	struct yuv c = yuv_of(paint->image, colour);
	uint8_t r = (uint8_t)colour.r, g = (uint8_t)colour.g, b = (uint8_t)colour.b;
	int half = (width + 1) / 2, half_rows = (height + 1) / 2;
	switch (paint->image->format) {
	case ZOE_FORMAT_I420:
		fill(paint, 0, x, y, width, height, &c.y, 1);
		fill(paint, 1, x / 2, y / 2, half, half_rows, &c.u, 1);
		fill(paint, 2, x / 2, y / 2, half, half_rows, &c.v, 1);
		break;
	case ZOE_FORMAT_I422:
		fill(paint, 0, x, y, width, height, &c.y, 1);
		fill(paint, 1, x / 2, y, half, height, &c.u, 1);
		fill(paint, 2, x / 2, y, half, height, &c.v, 1);
		break;
	case ZOE_FORMAT_I444:
		fill(paint, 0, x, y, width, height, &c.y, 1);
		fill(paint, 1, x, y, width, height, &c.u, 1);
		fill(paint, 2, x, y, width, height, &c.v, 1);
		break;
	case ZOE_FORMAT_NV12:
		fill(paint, 0, x, y, width, height, &c.y, 1);
		fill(paint, 1, x / 2, y / 2, half, half_rows, (uint8_t[]){c.u, c.v}, 2);
		break;
	case ZOE_FORMAT_YUYV:
		fill(paint, 0, x / 2, y, half, height, (uint8_t[]){c.y, c.u, c.y, c.v}, 4);
		break;
	case ZOE_FORMAT_UYVY:
		fill(paint, 0, x / 2, y, half, height, (uint8_t[]){c.u, c.y, c.v, c.y}, 4);
		break;
	case ZOE_FORMAT_RGB24:
		fill(paint, 0, x, y, width, height, (uint8_t[]){r, g, b}, 3);
		break;
	case ZOE_FORMAT_BGR24:
		fill(paint, 0, x, y, width, height, (uint8_t[]){b, g, r}, 3);
		break;
	default:
		fill(paint, 0, x, y, width, height, &c.y, 1);
	}
}

/* CRC-16/CCITT-FALSE: polynomial 0x1021, begins with 0xffff. */
static uint16_t crc16(const uint8_t *bytes, size_t count)
{
	unsigned crc = 0xffff;
	for (size_t i = 0; i < count; i++) {
		crc ^= (unsigned)bytes[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
	}
	return (uint16_t)crc;
}

void paint_marks(const struct paint *paint, int block, uint64_t number, uint64_t time_ns)
{
	uint8_t bytes[18];
	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(number >> (56 - 8 * i));
		bytes[8 + i] = (uint8_t)(time_ns >> (56 - 8 * i));
	}
	uint16_t crc = crc16(bytes, 16);
	bytes[16] = (uint8_t)(crc >> 8);
	bytes[17] = (uint8_t)crc;
	for (int bit = 0; bit < 144; bit++) {
		int shade = bytes[bit / 8] >> (7 - bit % 8) & 1 ? 255 : 0;
		paint_box(paint, bit % 18 * block, bit / 18 * block, block, block,
		          (struct paint_rgb){shade, shade, shade});
	}
}

/* Seven segments, bits from the top clockwise, the middle last. */
static const uint8_t segments[10] = {0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f};

static void paint_digit(const struct paint *paint, int x, int y, int block, int digit)
{
	const struct paint_rgb white = {255, 255, 255};
	int thick = block / 4, half = block - thick; /* a digit is `block` wide and 2 half + thick high */
	const int boxes[7][4] = {
	    {0, 0, block, thick},
	    {block - thick, 0, thick, half + thick},
	    {block - thick, half, thick, half + thick},
	    {0, 2 * half, block, thick},
	    {0, half, thick, half + thick},
	    {0, 0, thick, half + thick},
	    {0, half, block, thick},
	};
	for (int i = 0; i < 7; i++) {
		if (segments[digit] >> i & 1)
			paint_box(paint, x + boxes[i][0], y + boxes[i][1], boxes[i][2], boxes[i][3], white);
	}
}

void paint_digits(const struct paint *paint, int x, int y, int block, const char *text)
{
	int thick = block / 4;
	for (; *text && x + block <= (int)paint->image->width; text++) {
		if (*text == '.') {
			paint_box(paint, x, y + 2 * (block - thick), thick, thick, (struct paint_rgb){255, 255, 255});
			x += 2 * thick;
		} else {
			paint_digit(paint, x, y, block, *text - '0');
			x += block + block / 2;
		}
	}
}
