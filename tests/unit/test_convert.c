/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The converter against our own arithmetic: every expected pixel is computed here in doubles from ITU-R BT.601 and
 * BT.709, not by the libraries that the converter uses.
 */
#include "convert/convert.h"
#include "tests/check.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <turbojpeg.h>

struct yuv {
	int y, u, v;
};

struct rgb {
	int r, g, b;
};

static const struct rgb colours[] = {{255, 255, 255}, {0, 0, 0},     {255, 0, 0},    {0, 255, 0},   {0, 0, 255},
                                     {128, 128, 128}, {200, 30, 90}, {16, 240, 120}, {70, 60, 250}, {235, 235, 16}};
#define COLOURS (sizeof(colours) / sizeof(colours[0]))

static const uint32_t yuv_formats[] = {ZOE_FORMAT_I420, ZOE_FORMAT_I422, ZOE_FORMAT_I444,
                                       ZOE_FORMAT_NV12, ZOE_FORMAT_YUYV, ZOE_FORMAT_UYVY};
#define YUV_FORMATS (sizeof(yuv_formats) / sizeof(yuv_formats[0]))

static int byte(double value)
{
	return value < 0 ? 0 : value > 255 ? 255 : (int)lround(value);
}

static struct yuv yuv_of(struct rgb colour, uint32_t range, uint32_t matrix)
{
	double kr = matrix == ZOE_MATRIX_BT709 ? 0.2126 : 0.299, kb = matrix == ZOE_MATRIX_BT709 ? 0.0722 : 0.114;
	double luma = kr * colour.r + (1 - kr - kb) * colour.g + kb * colour.b;
	double pb = (colour.b - luma) / (2 * (1 - kb)), pr = (colour.r - luma) / (2 * (1 - kr));
	if (range == ZOE_RANGE_FULL)
		return (struct yuv){byte(luma), byte(128 + pb), byte(128 + pr)};
	return (struct yuv){byte(16 + luma * 219 / 255), byte(128 + pb * 224 / 255), byte(128 + pr * 224 / 255)};
}

/* A picture with planes laid out at `align`, to be freed. */
struct sample {
	struct zoe_image image;
	uint8_t *data;
	size_t size;
};

static struct sample sample_create(uint32_t format, unsigned width, unsigned height, unsigned align)
{
	struct sample sample = {.image = {.format = format, .width = width, .height = height}};
	int64_t size = zoe_image_layout(&sample.image, align);
	CHECK(size > 0);
	sample.size = (size_t)size;
	sample.data = malloc(sample.size);
	CHECK(sample.data);
	memset(sample.data, 0x55, sample.size);
	return sample;
}

static void sample_yuv_pixel(struct sample *sample, unsigned x, unsigned y, struct yuv p)
{
	const struct zoe_plane *planes = sample->image.planes;
	uint8_t *d = sample->data;
	bool down = sample->image.format == ZOE_FORMAT_I420 || sample->image.format == ZOE_FORMAT_NV12;
	bool across = sample->image.format != ZOE_FORMAT_I444;
	unsigned cx = across ? x / 2 : x, cy = down ? y / 2 : y;
	uint8_t *packed = d + planes[0].offset + (size_t)y * planes[0].stride + (size_t)(x / 2) * 4;
	switch (sample->image.format) {
	case ZOE_FORMAT_YUYV:
		packed[x % 2 * 2] = (uint8_t)p.y;
		packed[1] = (uint8_t)p.u;
		packed[3] = (uint8_t)p.v;
		return;
	case ZOE_FORMAT_UYVY:
		packed[x % 2 * 2 + 1] = (uint8_t)p.y;
		packed[0] = (uint8_t)p.u;
		packed[2] = (uint8_t)p.v;
		return;
	case ZOE_FORMAT_NV12:
		d[planes[1].offset + (size_t)cy * planes[1].stride + 2 * cx] = (uint8_t)p.u;
		d[planes[1].offset + (size_t)cy * planes[1].stride + 2 * cx + 1] = (uint8_t)p.v;
		break;
	default:
		d[planes[1].offset + (size_t)cy * planes[1].stride + cx] = (uint8_t)p.u;
		d[planes[2].offset + (size_t)cy * planes[2].stride + cx] = (uint8_t)p.v;
	}
	d[planes[0].offset + (size_t)y * planes[0].stride + x] = (uint8_t)p.y;
}

static void sample_rgb_pixel(struct sample *sample, unsigned x, unsigned y, struct rgb c)
{
	uint8_t *p = sample->data + sample->image.planes[0].offset + (size_t)y * sample->image.planes[0].stride + 3 * x;
	bool swapped = sample->image.format == ZOE_FORMAT_BGR24;
	p[0] = (uint8_t)(swapped ? c.b : c.r);
	p[1] = (uint8_t)c.g;
	p[2] = (uint8_t)(swapped ? c.r : c.b);
}

/* Colours in squares of `side` pixels, so that chroma samples never mix two of them when side is even. */
static struct rgb colour_at(unsigned x, unsigned y, unsigned side)
{
	return colours[(x / side + 3 * (y / side)) % COLOURS];
}

static struct sample sample_squares(uint32_t format, unsigned width, unsigned height, unsigned align, uint32_t range,
                                    uint32_t matrix, unsigned side)
{
	struct sample sample = sample_create(format, width, height, align);
	bool is_rgb = format == ZOE_FORMAT_RGB24 || format == ZOE_FORMAT_BGR24;
	for (unsigned y = 0; y < height; y++) {
		for (unsigned x = 0; x < width; x++) {
			struct rgb colour = colour_at(x, y, side);
			if (is_rgb)
				sample_rgb_pixel(&sample, x, y, colour);
			else
				sample_yuv_pixel(&sample, x, y, yuv_of(colour, range, matrix));
		}
	}
	sample.image.range = range;
	sample.image.matrix = matrix;
	return sample;
}

static int worst(int a, int b)
{
	return a > b ? a : b;
}

static int rgb_difference(const uint8_t *p, bool bgr, struct rgb wanted)
{
	int r = p[bgr ? 2 : 0], b = p[bgr ? 0 : 2];
	return worst(worst(abs(r - wanted.r), abs(p[1] - wanted.g)), abs(b - wanted.b));
}

/* Convert and compare with the squares at each pixel. Returns the largest difference of a byte. */
static int squares_error(struct converter *converter, const struct sample *sample, struct zoe_image dst, unsigned side)
{
	const uint8_t *data;
	CHECK_OK(converter_run(converter, &sample->image, sample->data, sample->size, &dst, &data));
	bool is_rgb = dst.format == ZOE_FORMAT_RGB24 || dst.format == ZOE_FORMAT_BGR24;
	int error = 0;
	for (unsigned y = 0; y < dst.height; y++) {
		for (unsigned x = 0; x < dst.width; x++) {
			struct rgb colour = colour_at(x, y, side);
			const uint8_t *p = data + dst.planes[0].offset + (size_t)y * dst.planes[0].stride;
			if (is_rgb) {
				error = worst(error, rgb_difference(p + 3 * x, dst.format == ZOE_FORMAT_BGR24, colour));
				continue;
			}
			struct yuv wanted = yuv_of(colour, dst.range, dst.matrix);
			error = worst(error, abs(p[x] - wanted.y));
			for (unsigned i = 1; i < dst.plane_count; i++) {
				const uint8_t *c = data + dst.planes[i].offset + (size_t)(y / 2) * dst.planes[i].stride;
				error = worst(error, abs(c[x / 2] - (i == 1 ? wanted.u : wanted.v)));
			}
		}
	}
	return error;
}

/* Rounding to 8-bit YUV costs up to 2 steps of RGB (2.1 x 0.5 for blue, limited range), libyuv's 6-bit factors 2 more.
 */
#define RGB_TOLERANCE 4
#define YUV_TOLERANCE 2

static void check_all_targets(struct converter *converter, const struct sample *sample, const char *what)
{
	static const uint32_t targets[] = {ZOE_FORMAT_RGB24, ZOE_FORMAT_BGR24, ZOE_FORMAT_I420, ZOE_FORMAT_I420,
	                                   ZOE_FORMAT_I420};
	static const uint32_t ranges[] = {0, 0, ZOE_RANGE_LIMITED, ZOE_RANGE_FULL, ZOE_RANGE_FULL};
	static const uint32_t matrices[] = {0, 0, ZOE_MATRIX_BT601, ZOE_MATRIX_BT601, ZOE_MATRIX_BT709};
	for (unsigned i = 0; i < 5; i++) {
		char name[5];
		zoe_format_name(sample->image.format, name);
		struct zoe_image dst = {.format = targets[i], .range = ranges[i], .matrix = matrices[i]};
		int error = squares_error(converter, sample, dst, 8);
		/* An RGB source goes to YUV in one step more, a YUV one too when the matrix changes. */
		if (error > (i < 2 ? RGB_TOLERANCE : YUV_TOLERANCE))
			check_failed(__FILE__, __LINE__, "%s %s range %u matrix %u, target %u: off by %d", what, name,
			             sample->image.range, sample->image.matrix, i, error);
	}
}

TEST(yuv_range_and_matrix)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned f = 0; f < YUV_FORMATS; f++) {
		for (uint32_t range = ZOE_RANGE_LIMITED; range <= ZOE_RANGE_FULL; range++) {
			for (uint32_t matrix = ZOE_MATRIX_BT601; matrix <= ZOE_MATRIX_BT709; matrix++) {
				struct sample sample = sample_squares(yuv_formats[f], 80, 48, 1, range, matrix, 8);
				check_all_targets(converter, &sample, "tight");
				free(sample.data);
			}
		}
	}
	converter_destroy(converter);
}

TEST(strides_and_odd_sizes)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned f = 0; f < YUV_FORMATS; f++) {
		struct sample sample =
		    sample_squares(yuv_formats[f], 77, 45, 64, ZOE_RANGE_LIMITED, ZOE_MATRIX_BT601, 8);
		check_all_targets(converter, &sample, "odd");
		free(sample.data);
		sample = sample_squares(yuv_formats[f], 1, 1, 16, ZOE_RANGE_FULL, ZOE_MATRIX_BT709, 8);
		check_all_targets(converter, &sample, "one pixel");
		free(sample.data);
	}
	converter_destroy(converter);
}

/* Largest difference between a conversion and the picture painted in that format; and how many bytes are off by more than
 * the tolerance. */
static int painted_error(struct converter *converter, const struct sample *source, const struct sample *wanted,
                         int tolerance, size_t *off)
{
	struct zoe_image dst = wanted->image;
	uint8_t *out = malloc(wanted->size);
	const uint8_t *data;
	int error = 0;
	*off = 0;
	CHECK(out);
	CHECK_OK(converter_run_into(converter, &source->image, source->data, source->size, &dst, out, wanted->size));
	for (size_t i = 0; i < wanted->size; i++) {
		error = worst(error, abs(out[i] - wanted->data[i]));
		*off += abs(out[i] - wanted->data[i]) > tolerance;
	}
	CHECK_EQ(memcmp(dst.planes, wanted->image.planes, sizeof(dst.planes)), 0);
	CHECK_OK(converter_run(converter, &source->image, source->data, source->size, &dst, &data));
	CHECK_EQ(memcmp(data, out, wanted->size), 0);
	free(out);
	return error;
}

TEST(every_format_from_every_format)
{
	static const uint32_t more[] = {ZOE_FORMAT_RGB24, ZOE_FORMAT_BGR24};
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned to = 0; to < YUV_FORMATS; to++) {
		struct sample wanted =
		    sample_squares(yuv_formats[to], 80, 48, 1, ZOE_RANGE_LIMITED, ZOE_MATRIX_BT709, 8);
		for (unsigned from = 0; from < YUV_FORMATS + 2; from++) {
			uint32_t format = from < YUV_FORMATS ? yuv_formats[from] : more[from - YUV_FORMATS];
			for (unsigned times = 1; times <= 2; times++) { /* 2: scaled as well */
				struct sample source = sample_squares(format, 80 * times, 48 * times, 64,
				                                      ZOE_RANGE_LIMITED, ZOE_MATRIX_BT709, 8 * times);
				/* Chroma that is spread to more samples is blended with that beside it, so at the
				 * borders of squares: in two of eight rows, and columns, where planes are larger. */
				bool spread = yuv_formats[to] == ZOE_FORMAT_I422 || yuv_formats[to] == ZOE_FORMAT_I444;
				size_t off, most = spread ? wanted.size * 2 / 5 : 0;
				/* libyuv rounds down each time when it scales packed RGB, first rows, then columns. */
				int tolerance = YUV_TOLERANCE + (from >= YUV_FORMATS && times > 1);
				int error = painted_error(converter, &source, &wanted, tolerance, &off);
				if (off > most || (error && format == yuv_formats[to] && times == 1))
					check_failed(__FILE__, __LINE__, "format %u to %u, %u times: off by %d", from,
					             to, times, error);
				free(source.data);
			}
		}
		free(wanted.data);
	}
	converter_destroy(converter);
}

TEST(chroma_of_every_pixel_is_kept_when_the_format_stays)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned f = 0; f < YUV_FORMATS; f++) {
		struct sample source = sample_squares(yuv_formats[f], 42, 17, 64, ZOE_RANGE_FULL, ZOE_MATRIX_BT601, 1);
		struct sample wanted = sample_squares(yuv_formats[f], 42, 17, 1, ZOE_RANGE_FULL, ZOE_MATRIX_BT601, 1);
		size_t off;
		CHECK_EQ(painted_error(converter, &source, &wanted, YUV_TOLERANCE, &off), 0);
		free(source.data);
		free(wanted.data);
	}
	converter_destroy(converter);
}

TEST(rgb_sources)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned align = 1; align <= 64; align *= 64) {
		struct sample rgb = sample_squares(ZOE_FORMAT_RGB24, 75, 41, align, 0, 0, 8);
		struct sample bgr = sample_squares(ZOE_FORMAT_BGR24, 75, 41, align, 0, 0, 8);
		check_all_targets(converter, &rgb, "rgb");
		check_all_targets(converter, &bgr, "bgr");
		struct zoe_image same = {.format = ZOE_FORMAT_RGB24};
		CHECK_EQ(squares_error(converter, &rgb, same, 8), 0);
		CHECK_EQ(squares_error(converter, &bgr, same, 8), 0);
		free(rgb.data);
		free(bgr.data);
	}
	converter_destroy(converter);
}

TEST(defaults_are_limited_601_and_full_rgb)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	struct sample sample = sample_squares(ZOE_FORMAT_I420, 16, 16, 1, ZOE_RANGE_LIMITED, ZOE_MATRIX_BT601, 16);
	sample.image.range = 0;
	sample.image.matrix = 0;
	struct zoe_image dst = {.format = ZOE_FORMAT_RGB24};
	const uint8_t *data;
	CHECK_OK(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data));
	CHECK_EQ(data[0], 255);
	CHECK_EQ(dst.range, ZOE_RANGE_FULL);
	dst = (struct zoe_image){.format = ZOE_FORMAT_I420};
	CHECK_OK(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data));
	CHECK(data == sample.data);
	CHECK_EQ(dst.range, ZOE_RANGE_LIMITED);
	CHECK_EQ(dst.matrix, ZOE_MATRIX_BT601);
	free(sample.data);
	converter_destroy(converter);
}

/* A white of 235 is 255 in GREY; luma weights of a 709 source stay its own. */
TEST(grey)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned f = 0; f < YUV_FORMATS; f++) {
		struct sample sample =
		    sample_squares(yuv_formats[f], 31, 17, 1, ZOE_RANGE_LIMITED, ZOE_MATRIX_BT601, 8);
		struct zoe_image dst = {.format = ZOE_FORMAT_GREY};
		const uint8_t *data;
		CHECK_OK(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data));
		for (unsigned y = 0; y < 17; y++) {
			for (unsigned x = 0; x < 31; x++) {
				struct yuv wanted = yuv_of(colour_at(x, y, 8), ZOE_RANGE_FULL, ZOE_MATRIX_BT601);
				CHECK(abs(data[y * 31 + x] - wanted.y) <= 1);
			}
		}
		free(sample.data);
	}
	struct sample grey = sample_create(ZOE_FORMAT_GREY, 256, 2, 64);
	for (unsigned i = 0; i < 512; i++)
		grey.data[i] = (uint8_t)i;
	struct zoe_image rgb = {.format = ZOE_FORMAT_RGB24}, i420 = {.format = ZOE_FORMAT_I420};
	const uint8_t *data;
	CHECK_OK(converter_run(converter, &grey.image, grey.data, grey.size, &rgb, &data));
	for (unsigned i = 0; i < 256; i++)
		CHECK_EQ(data[3 * i + i % 3], i);
	CHECK_OK(converter_run(converter, &grey.image, grey.data, grey.size, &i420, &data));
	for (unsigned i = 0; i < 256; i++)
		CHECK(abs(data[i] - byte(16 + i * 219 / 255.0)) <= 1);
	CHECK_EQ(data[i420.planes[1].offset], 128);
	grey.image.range = ZOE_RANGE_LIMITED;
	CHECK_OK(converter_run(converter, &grey.image, grey.data, grey.size, &rgb, &data));
	for (unsigned i = 0; i < 256; i++)
		CHECK(abs(data[3 * i + i % 3] - byte((i - 16.0) * 255 / 219)) <= 1);
	free(grey.data);
	converter_destroy(converter);
}

/* Squares of 16 become squares of 8 or 32: inside them the colour is the same, only edges blend. */
static void check_scaled(struct converter *converter, uint32_t from, uint32_t to, unsigned width, unsigned height)
{
	struct sample sample = sample_squares(from, 160, 96, 64, from == ZOE_FORMAT_RGB24 ? 0 : ZOE_RANGE_FULL, 0, 16);
	struct zoe_image dst = {.format = to, .width = width, .height = height};
	const uint8_t *data;
	CHECK_OK(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data));
	CHECK_EQ(dst.width, width);
	CHECK_EQ(dst.height, height);
	for (unsigned sy = 0; sy < 6; sy++) {
		for (unsigned sx = 0; sx < 10; sx++) {
			unsigned x = (sx * 16 + 8) * width / 160, y = (sy * 16 + 8) * height / 96;
			struct rgb colour = colours[(sx + 3 * sy) % COLOURS];
			if (to != ZOE_FORMAT_I420) {
				CHECK(rgb_difference(data + ((size_t)y * width + x) * 3, to == ZOE_FORMAT_BGR24,
				                     colour) <= RGB_TOLERANCE);
				continue;
			}
			struct yuv wanted = yuv_of(colour, ZOE_RANGE_LIMITED, ZOE_MATRIX_BT601);
			CHECK(abs(data[y * width + x] - wanted.y) <= YUV_TOLERANCE);
			const uint8_t *u = data + dst.planes[1].offset + (size_t)(y / 2) * dst.planes[1].stride;
			CHECK(abs(u[x / 2] - wanted.u) <= YUV_TOLERANCE);
		}
	}
	free(sample.data);
}

TEST(scaling)
{
	static const uint32_t sources[] = {ZOE_FORMAT_I420, ZOE_FORMAT_I422, ZOE_FORMAT_I444, ZOE_FORMAT_NV12,
	                                   ZOE_FORMAT_YUYV, ZOE_FORMAT_UYVY, ZOE_FORMAT_RGB24};
	static const uint32_t targets[] = {ZOE_FORMAT_RGB24, ZOE_FORMAT_BGR24, ZOE_FORMAT_I420};
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned s = 0; s < 7; s++) {
		for (unsigned t = 0; t < 3; t++) {
			check_scaled(converter, sources[s], targets[t], 80, 48);
			check_scaled(converter, sources[s], targets[t], 320, 192);
			check_scaled(converter, sources[s], targets[t], 101, 75);
			check_scaled(converter, sources[s], targets[t], 61, 300);
		}
	}
	converter_destroy(converter);
}

/* Shrinking averages: a fine chess board becomes even grey, not noise. */
TEST(shrinking_averages)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	struct sample sample = sample_create(ZOE_FORMAT_GREY, 256, 256, 1);
	for (unsigned i = 0; i < 256 * 256; i++)
		sample.data[i] = (i + i / 256) % 2 ? 255 : 0;
	struct zoe_image dst = {.format = ZOE_FORMAT_GREY, .width = 64, .height = 32};
	const uint8_t *data;
	CHECK_OK(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data));
	for (unsigned i = 0; i < 64 * 32; i++)
		CHECK(abs(data[i] - 128) <= 2);
	free(sample.data);
	converter_destroy(converter);
}

/* Rows that rise by one: each row of a smaller picture has the value in the middle of those that it stands for. */
TEST(shrinking_keeps_the_place)
{
	static const unsigned heights[] = {12, 40, 77, 100};
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	struct sample sample = sample_create(ZOE_FORMAT_BGR24, 90, 200, 1);
	for (unsigned i = 0; i < 3 * 90 * 200; i++)
		sample.data[i] = (uint8_t)(i / (3 * 90));
	for (unsigned h = 0; h < sizeof(heights) / sizeof(heights[0]); h++) {
		struct zoe_image dst = {.format = ZOE_FORMAT_RGB24, .width = 30, .height = heights[h]};
		const uint8_t *data;
		CHECK_OK(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data));
		for (unsigned i = 0; i < 3 * 30 * heights[h]; i++)
			CHECK(fabs(data[i] - ((i / 90 + 0.5) * 200 / heights[h] - 0.5)) <= 0.6);
	}
	free(sample.data);
	converter_destroy(converter);
}

/* What four pixels give at the middle of pixel (x, y) of a smaller picture. */
static double mixed(const struct sample *sample, const struct zoe_image *dst, unsigned x, unsigned y, unsigned channel)
{
	const struct zoe_image *src = &sample->image;
	double at_x = (x + 0.5) * src->width / dst->width - 0.5, at_y = (y + 0.5) * src->height / dst->height - 0.5;
	double right = at_x - floor(at_x), below = at_y - floor(at_y);
	const uint8_t *above =
	    sample->data + src->planes[0].offset + (size_t)at_y * src->planes[0].stride + 3 * (size_t)at_x + channel;
	const uint8_t *under = above + src->planes[0].stride;
	return (1 - below) * ((1 - right) * above[0] + right * above[3]) +
	       below * ((1 - right) * under[0] + right * under[3]);
}

/* Packed RGB is shrunk as is expected from two ways at once, in every odd size; nothing behind its last row is read. */
TEST(rgb_is_mixed_of_four_pixels)
{
	static const unsigned sizes[][4] = {
	    {2, 2, 1, 1}, {3, 2, 2, 1}, {5, 7, 4, 6}, {333, 251, 300, 77}, {1920, 108, 300, 30}};
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sample sample = sample_create(ZOE_FORMAT_BGR24, sizes[i][0], sizes[i][1], 1);
		for (size_t k = 0; k < sample.size; k++)
			sample.data[k] = (uint8_t)(k * 2654435761u >> 13);
		struct zoe_image dst = {.format = ZOE_FORMAT_RGB24, .width = sizes[i][2], .height = sizes[i][3]};
		const uint8_t *data;
		CHECK_OK(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data));
		for (unsigned k = 0; k < 3 * dst.width * dst.height; k++)
			CHECK(fabs(data[k] - mixed(&sample, &dst, k / 3 % dst.width, k / 3 / dst.width, 2 - k % 3)) <=
			      3);
		free(sample.data);
	}
	converter_destroy(converter);
}

/* JPEG of the squares at the best quality; pixels away from edges keep their colour. */
static void check_jpeg(struct converter *converter, int subsampling, unsigned width, unsigned height)
{
	struct sample sample = sample_squares(ZOE_FORMAT_RGB24, width, height, 1, 0, 0, 16);
	tjhandle turbo = tjInitCompress();
	unsigned char *jpeg = NULL;
	unsigned long size = 0;
	CHECK_EQ(
	    tjCompress2(turbo, sample.data, (int)width, 0, (int)height, TJPF_RGB, &jpeg, &size, subsampling, 100, 0),
	    0);
	struct zoe_image source = {.format = ZOE_FORMAT_MJPEG, .width = width, .height = height};
	struct zoe_image dst = {.format = ZOE_FORMAT_RGB24};
	const uint8_t *data;
	CHECK_OK(converter_run(converter, &source, jpeg, size, &dst, &data));
	CHECK_EQ(dst.width, width);
	CHECK_EQ(dst.height, height);
	for (unsigned y = 8; y < height; y += 16) {
		for (unsigned x = 8; x < width; x += 16) {
			struct rgb colour = colour_at(x, y, 16);
			if (subsampling == TJSAMP_GRAY) {
				int luma = yuv_of(colour, ZOE_RANGE_FULL, ZOE_MATRIX_BT601).y;
				colour = (struct rgb){luma, luma, luma};
			}
			CHECK(rgb_difference(data + ((size_t)y * width + x) * 3, false, colour) <= 6);
		}
	}
	struct zoe_image small = {.format = ZOE_FORMAT_I420, .width = width / 2, .height = height / 2};
	CHECK_OK(converter_run(converter, &source, jpeg, size, &small, &data));
	struct yuv first = yuv_of(colours[0], ZOE_RANGE_LIMITED, ZOE_MATRIX_BT601);
	CHECK(abs(data[2 * small.planes[0].stride + 2] - first.y) <= 3);
	tjFree(jpeg);
	tjDestroy(turbo);
	free(sample.data);
}

TEST(mjpeg)
{
	static const int kinds[] = {TJSAMP_420, TJSAMP_422, TJSAMP_444, TJSAMP_GRAY, TJSAMP_440, TJSAMP_411};
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	for (unsigned i = 0; i < 6; i++) {
		check_jpeg(converter, kinds[i], 160, 96);
		check_jpeg(converter, kinds[i], 157, 91);
	}
	converter_destroy(converter);
}

TEST(damaged_jpeg)
{
	struct sample sample = sample_squares(ZOE_FORMAT_RGB24, 64, 64, 1, 0, 0, 8);
	tjhandle turbo = tjInitCompress();
	unsigned char *jpeg = NULL;
	unsigned long size = 0;
	CHECK_EQ(tjCompress2(turbo, sample.data, 64, 0, 64, TJPF_RGB, &jpeg, &size, TJSAMP_420, 90, 0), 0);
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	struct zoe_image source = {.format = ZOE_FORMAT_MJPEG, .width = 64, .height = 64};
	struct zoe_image dst = {.format = ZOE_FORMAT_RGB24};
	const uint8_t *data;
	for (unsigned long cut = 0; cut < size - 2; cut += 37) {
		CHECK_EQ(converter_run(converter, &source, jpeg, cut, &dst, &data), -EBADMSG);
		CHECK_EQ(dst.width, 0);
	}
	CHECK_OK(converter_run(converter, &source, jpeg, size, &dst, &data));
	converter_destroy(converter);
	tjFree(jpeg);
	tjDestroy(turbo);
	free(sample.data);
}

TEST(refusals)
{
	struct converter *converter;
	CHECK_OK(converter_create(&converter));
	struct sample sample = sample_squares(ZOE_FORMAT_I420, 16, 16, 1, 0, 0, 8);
	struct zoe_image dst = {.format = ZOE_FORMAT_RGB24};
	const uint8_t *data;
	CHECK_EQ(converter_run(converter, &sample.image, sample.data, sample.size - 1, &dst, &data), -EINVAL);
	dst.format = ZOE_FORMAT_MJPEG;
	CHECK_EQ(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data), -EINVAL);
	dst = (struct zoe_image){.format = ZOE_FORMAT_NV12, .width = 16, .height = 16};
	uint8_t room[16 * 16 * 3 / 2];
	CHECK_EQ(converter_run_into(converter, &sample.image, sample.data, sample.size, &dst, room, sizeof(room) - 1),
	         -ENOSPC);
	dst.width = 0;
	CHECK_EQ(converter_run_into(converter, &sample.image, sample.data, sample.size, &dst, room, sizeof(room)),
	         -EINVAL);
	dst = (struct zoe_image){.format = ZOE_FORMAT_RGB24, .width = 20000, .height = 10};
	CHECK_EQ(converter_run(converter, &sample.image, sample.data, sample.size, &dst, &data), -EINVAL);
	dst = (struct zoe_image){.format = ZOE_FORMAT_RGB24};
	struct zoe_image message = {0};
	CHECK_EQ(converter_run(converter, &message, sample.data, sample.size, &dst, &data), -EINVAL);
	struct zoe_image unknown = {
	    .format = ZOE_FOURCC('A', 'B', 'C', 'D'), .width = 4, .height = 4, .plane_count = 1};
	CHECK_EQ(converter_run(converter, &unknown, sample.data, sample.size, &dst, &data), -EINVAL);
	free(sample.data);
	converter_destroy(converter);
	converter_destroy(NULL);
}
