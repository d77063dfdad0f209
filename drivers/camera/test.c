/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The synthetic camera. "test:" or "test:?format=NV12" (any uncompressed format); size and rate come
 * from the configuration, 1280x720 at 30 by default. Colours are limited range, BT.601 below 720 lines and BT.709 from
 * there.
 *
 * What the picture says, readable by a program after JPEG (tests/support/marks.py):
 *   block side B = max(8, min(width / 18, height / 32) rounded down to a multiple of 8)
 *   marks   18 x 8 blocks of B x B pixels from the top left corner, rows from left to right: 144 bits, highest first,
 *           white = 1: frame number (64 bits), capture time in ns of CLOCK_MONOTONIC (64), CRC-16/CCITT-FALSE of these
 *           16 bytes (16)
 *   digits  frame number, and below it the time in seconds, from y = 8 B to y = 12 B; for people
 *   square  2 B x 2 B pixels of colour 224,32,32; its left edge is 2 fold(number * B/4, (width - 2 B)/2) and its top
 * edge 12 B + 2 fold(number * B/8, (height - 14 B)/2), where fold(t, m) = m - |m - t mod 2m| goes to and fro The frame
 * number counts frames of the grid of time since the source was opened: a dropped frame leaves a gap in it.
 */
#include "camera_driver.h"
#include "paint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_LEAST  160
#define HEIGHT_LEAST 120
#define SIDE_MOST    8192

struct test_camera {
	struct zoe_image image; /* with planes, whole */
	struct camera_request request;
	size_t size;
	uint8_t *background;
	double fps;
	uint64_t number;
	int block;
	struct zoe_publisher *publisher;
	struct zoe_loan loan; /* data is NULL: none, for the reason in loan_status */
	int loan_status;
};

static int parse_format(const struct camera_request *request, uint32_t *out_format, char *error)
{
	const char *source = request->source;
	*out_format = request->format ? request->format : ZOE_FORMAT_I420;
	if (!*source)
		return 0;
	uint32_t format = strncmp(source, "?format=", 8) == 0 ? camera_format_find(source + 8) : 0;
	if (format && !request->format)
		*out_format = format;
	if (format)
		return 0;
	snprintf(
	    error, CAMERA_ERROR_BYTES,
	    "source 'test:%.100s' is not understood: wanted 'test:' or 'test:?format=F', F one of I420, I422, I444, "
	    "NV12, YUYV, UYVY, RGB24, BGR24, GREY",
	    source);
	return -EINVAL;
}

static int check_size(unsigned width, unsigned height, char *error)
{
	if (width >= WIDTH_LEAST && width <= SIDE_MOST && width % 2 == 0 && height >= HEIGHT_LEAST &&
	    height <= SIDE_MOST && height % 2 == 0)
		return 0;
	snprintf(error, CAMERA_ERROR_BYTES, "the test camera makes even sizes from %ux%u to %ux%u, not %ux%u",
	         WIDTH_LEAST, HEIGHT_LEAST, SIDE_MOST, SIDE_MOST, width, height);
	return -EINVAL;
}

static int block_side(unsigned width, unsigned height)
{
	unsigned side = width / 18 < height / 32 ? width / 18 : height / 32;
	return side < 16 ? 8 : (int)(side & ~7u);
}

static void test_close(void *state)
{
	struct test_camera *test = state;
	if (!test)
		return;
	if (test->loan.data)
		zoe_discard(test->publisher, &test->loan);
	free(test->background);
	free(test);
}

static void paint_background(const struct test_camera *test)
{
	struct paint paint = {.image = &test->image, .data = test->background};
	int width = (int)test->image.width, height = (int)test->image.height;
	for (int y = 0; y < height; y += 2) {
		for (int x = 0; x < width; x += 32) {
			int shade = 48 + 96 * y / height;
			int tint = x / 32 % 4 * 12;
			paint_box(&paint, x, y, width - x < 32 ? width - x : 32, 2,
			          (struct paint_rgb){shade, shade + tint, shade + 24});
		}
	}
}

static int test_open(const struct camera_request *request, struct camera_mode *out_mode, void **out_state, char *error)
{
	unsigned width = request->width ? request->width : request->height ? request->height * 16 / 9 & ~1u : 1280;
	unsigned height = request->height ? request->height : request->width ? request->width * 9 / 16 & ~1u : 720;
	uint32_t format = 0;
	int status = parse_format(request, &format, error);
	if (status == 0)
		status = check_size(width, height, error);
	if (status < 0)
		return status;
	struct test_camera *test = calloc(1, sizeof(*test));
	if (!test)
		goto fail;
	bool rgb = format == ZOE_FORMAT_RGB24 || format == ZOE_FORMAT_BGR24;
	test->request = *request;
	test->image = (struct zoe_image){.format = format,
	                                 .width = width,
	                                 .height = height,
	                                 .range = rgb ? ZOE_RANGE_FULL : ZOE_RANGE_LIMITED,
	                                 .matrix = rgb            ? ZOE_MATRIX_DEFAULT
	                                           : height < 720 ? ZOE_MATRIX_BT601
	                                                          : ZOE_MATRIX_BT709};
	test->size = (size_t)zoe_image_layout(&test->image, 64);
	test->fps = request->fps > 0 ? request->fps : 30;
	test->block = block_side(width, height);
	test->background = calloc(1, test->size);
	if (!test->background)
		goto fail;
	paint_background(test);
	*out_mode = (struct camera_mode){
	    .image = test->image, .fps = test->fps, .slot_bytes = test->size, .loans = 2, .keeps = 0};
	area_crop(&request->crop, &out_mode->image);
	*out_state = test;
	return 0;
fail:
	test_close(test);
	snprintf(error, CAMERA_ERROR_BYTES, "no memory for a test picture of %ux%u", width, height);
	return -ENOMEM;
}

static void test_attach(void *state, const struct camera_topics *topics)
{
	struct test_camera *test = state;
	test->publisher = topics->frames;
}

static int fold(uint64_t t, int m)
{
	if (m <= 0)
		return 0;
	int at = (int)(t % (2 * (uint64_t)m));
	return at < m ? at : 2 * m - at;
}

static void paint_frame(const struct test_camera *test, void *data, int64_t due_ns)
{
	struct paint paint = {.image = &test->image, .data = data};
	int block = test->block, width = (int)test->image.width, height = (int)test->image.height;
	memcpy(data, test->background, test->size);
	paint_marks(&paint, block, test->number, (uint64_t)due_ns);
	char text[32];
	snprintf(text, sizeof(text), "%08llu", (unsigned long long)test->number);
	paint_digits(&paint, block / 2, 8 * block, block, text);
	snprintf(text, sizeof(text), "%lld.%03lld", (long long)(due_ns / 1000000000),
	         (long long)(due_ns / 1000000 % 1000));
	paint_digits(&paint, block / 2, 10 * block, block, text);
	int x = 2 * fold(test->number * (uint64_t)(block / 4), (width - 2 * block) / 2);
	int y = 12 * block + 2 * fold(test->number * (uint64_t)(block / 8), (height - 14 * block) / 2);
	paint_box(&paint, x, y, 2 * block, 2 * block, (struct paint_rgb){224, 32, 32});
}

static int test_next(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	struct test_camera *test = state;
	uint64_t dropped = pace->dropped;
	/* pace->start_ns moves on with drops, and so does the number. */
	*out_due_ns = camera_pace_due(pace, (int64_t)((double)(test->number - dropped) * 1e9 / test->fps));
	test->number += pace->dropped - dropped;
	test->loan_status = zoe_loan(test->publisher, test->size, &test->loan);
	if (test->loan_status == 0)
		paint_frame(test, test->loan.data, *out_due_ns);
	else
		test->loan = (struct zoe_loan){0};
	return 0;
}

static int test_publish(void *state, int64_t capture_ns, uint64_t *out_seq)
{
	struct test_camera *test = state;
	test->number++;
	if (test->loan_status < 0)
		return test->loan_status;
	test->loan.capture_ns = capture_ns;
	test->loan.image = test->image;
	area_crop(&test->request.crop, &test->loan.image);
	camera_mask(&test->request, &test->loan.image, test->loan.data);
	return zoe_publish(test->publisher, &test->loan, out_seq);
}

const struct camera_driver camera_test = {
    .schemes = "test",
    .open = test_open,
    .attach = test_attach,
    .next = test_next,
    .publish = test_publish,
    .close = test_close,
};
