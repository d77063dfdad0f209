/* SPDX-License-Identifier: Apache-2.0 */
/* Crops and masks in every format and at odd sizes; and how a source is shown to people. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "common/login.h"
#include "drivers/camera/camera_driver.h"

static const uint32_t formats[] = {
    ZOE_FORMAT_GREY, ZOE_FORMAT_I420, ZOE_FORMAT_I422,  ZOE_FORMAT_I444,  ZOE_FORMAT_NV12,
    ZOE_FORMAT_YUYV, ZOE_FORMAT_UYVY, ZOE_FORMAT_RGB24, ZOE_FORMAT_BGR24,
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* Byte of the brightness of a pixel; for RGB its middle byte. */
static uint8_t brightness(const struct zoe_image *image, const uint8_t *data, unsigned x, unsigned y)
{
	const uint8_t *row = data + image->planes[0].offset + (size_t)y * image->planes[0].stride;
	switch (image->format) {
	case ZOE_FORMAT_YUYV:
		return row[2 * x];
	case ZOE_FORMAT_UYVY:
		return row[2 * x + 1];
	case ZOE_FORMAT_RGB24:
	case ZOE_FORMAT_BGR24:
		return row[3 * x + 1];
	default:
		return row[x];
	}
}

static uint8_t *grey_picture(struct zoe_image *image, uint32_t format, unsigned width, unsigned height,
                             size_t *out_size)
{
	*image = (struct zoe_image){
	    .format = format, .width = width, .height = height, .range = ZOE_RANGE_FULL, .matrix = ZOE_MATRIX_BT601};
	int64_t size = zoe_image_layout(image, 16);
	CHECK(size > 0);
	uint8_t *data = malloc((size_t)size + 64);
	memset(data, 200, (size_t)size);
	memset(data + size, 77, 64); /* a fence */
	*out_size = (size_t)size;
	return data;
}

static void check_fence(const uint8_t *data, size_t size)
{
	for (int i = 0; i < 64; i++)
		CHECK(data[size + (size_t)i] == 77);
}

TEST(areas_are_read)
{
	char error[CAMERA_ERROR_BYTES];
	struct area area;
	CHECK_EQ(area_read("0.25 0 0.5 1", &area, error), 0);
	CHECK(area.x == 0.25 && area.y == 0 && area.width == 0.5 && area.height == 1);
	const char *const wrong[] = {"",           "0.1 0.1 0.1", "0 0 0 1",       "0 0 1 1 1", "0.5 0 0.6 1",
	                             "-0.1 0 1 1", "0 0 100 100", "nan 0 0.1 0.1", "a b c d",   "0 0 1 1x"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_EQ(area_read(wrong[i], &area, error), -EINVAL);
		CHECK_HAS(error, "'X Y WIDTH HEIGHT'");
		CHECK_HAS(error, wrong[i]);
	}
}

TEST(masks_blacken_all_of_their_area_and_little_else)
{
	const struct area mask = {0.3, 0.4, 0.31, 0.27};
	const unsigned sizes[][2] = {{64, 48}, {63, 47}, {17, 33}, {2, 2}, {1, 1}};
	for (size_t f = 0; f < FORMATS; f++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			struct camera_request request = {.masks = &mask, .mask_count = 1};
			struct zoe_image image;
			size_t size;
			uint8_t *data = grey_picture(&image, formats[f], sizes[s][0], sizes[s][1], &size);
			camera_mask(&request, &image, data);
			for (unsigned y = 0; y < image.height; y++) {
				for (unsigned x = 0; x < image.width; x++) {
					double left = mask.x * image.width, top = mask.y * image.height;
					double right = left + mask.width * image.width,
					       bottom = top + mask.height * image.height;
					bool inside = x + 1 > left && x < right && y + 1 > top && y < bottom;
					bool near = x + 3 > left && x < right + 2 && y + 3 > top && y < bottom + 2;
					CHECK(!inside || brightness(&image, data, x, y) == 0);
					CHECK(near || brightness(&image, data, x, y) == 200);
				}
			}
			check_fence(data, size);
			free(data);
		}
	}
}

TEST(a_mask_stays_where_it_is_when_the_picture_is_cropped)
{
	const struct area mask = {0.5, 0.5, 0.25, 0.25};
	for (size_t f = 0; f < FORMATS; f++) {
		struct camera_request request = {.masks = &mask, .mask_count = 1, .crop = {0.26, 0.31, 0.7, 0.6}};
		struct zoe_image image, whole;
		size_t size;
		uint8_t *data = grey_picture(&image, formats[f], 200, 100, &size);
		whole = image;
		area_crop(&request.crop, &image);
		CHECK(image.width < 142 && image.width > 136 && image.height < 62 && image.height > 58);
		CHECK_EQ(zoe_image_check(&image, size), 0);
		camera_mask(&request, &image, data);
		for (unsigned y = 50; y < 75; y++)
			for (unsigned x = 100; x < 150; x++)
				CHECK(brightness(&whole, data, x, y) == 0);
		CHECK(brightness(&whole, data, 94, 60) == 200 && brightness(&whole, data, 156, 60) == 200);
		CHECK(brightness(&whole, data, 120, 44) == 200 && brightness(&whole, data, 120, 81) == 200);
		check_fence(data, size);
		free(data);
	}
}

TEST(crops_lie_inside_and_begin_at_even_pixels)
{
	for (unsigned width = 1; width < 40; width++) {
		for (int step = 0; step < 20; step++) {
			struct camera_request request = {.crop = {step / 20.0, step / 20.0, 0.05, 0.05}};
			unsigned x, y, w, h;
			area_pixels(&request.crop, width, 2 * width, &x, &y, &w, &h);
			CHECK(x % 2 == 0 && y % 2 == 0 && x + w <= width && y + h <= 2 * width);
			CHECK(w >= 1 && h >= 1);
		}
	}
}

TEST(logins_are_not_shown)
{
	const char *const sources[][2] = {
	    {"rtsp://user:pass@10.0.0.5:554/main", "rtsp://10.0.0.5:554/main"},
	    {"rtsp://user:p@ss/w?rd@10.0.0.5/main?x=pass", "rtsp://10.0.0.5/main..."},
	    {"http://cam/video?user=a&password=pass", "http://cam/video..."},
	    {"rtsp://10.0.0.5/user=admin_password=pass_channel=1", "rtsp://10.0.0.5/user..."},
	    {"rtsp://10.0.0.5/main", "rtsp://10.0.0.5/main"},
	    {"file:a@b.mp4", "file:a@b.mp4"},
	    {"/home/a/b?c.mp4", "/home/a/b?c.mp4"},
	};
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		char shown[CAMERA_SHOWN_BYTES];
		camera_source_show(sources[i][0], shown);
		CHECK(!strstr(shown, "pass"));
		CHECK(strcmp(shown, sources[i][1]) == 0);
	}
}

TEST(pipelines_are_shown_without_secrets)
{
	const char *const sources[][2] = {
	    {"gst:rtspsrc location=rtsp://me:pass@10.0.0.5/x ! decodebin",
	     "gst:rtspsrc location=rtsp://10.0.0.5/x ! decodebin"},
	    {"gst:rtspsrc location=rtsp://me:p!a@ss@h/x user-pw=pa!ss ! a",
	     "gst:rtspsrc location=rtsp://h/x user-pw=* ! a"},
	    {"gst:x uri=\"rtsp://me:pa ss@h/x?pass=1\" ! y", "gst:x uri=\"rtsp://h/x\" ! y"},
	    {"gst:x user-pw = \"pa ss \\\" pass\" ! y", "gst:x user-pw = * ! y"},
	    {"gst:x user-pw='pa ss' user-id=pass ! y", "gst:x user-pw=* user-id=* ! y"},
	    {"gst:x PassPhrase=pa\\ ss ! y", "gst:x PassPhrase=* ! y"},
	    {"gst:x extra-headers=\"a,Authorization=(string)pass\" ! y", "gst:x extra-headers=* ! y"},
	    {"gst:x location=rtsp://h/user=a_password=pass ! y", "gst:x location=rtsp://h/user ! y"},
	    {"gst:videotestsrc pattern=ball ! video/x-raw,width=4 ! y",
	     "gst:videotestsrc pattern=ball ! video/x-raw,width=4 ! y"},
	};
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		char shown[CAMERA_SHOWN_BYTES];
		camera_source_show(sources[i][0], shown);
		CHECK(strcmp(shown, sources[i][1]) == 0);
		login_hide(shown);
		CHECK(strcmp(shown, sources[i][1]) == 0);
		CHECK(login_is_plain(sources[i][0]) == (strcmp(sources[i][0], sources[i][1]) != 0));
	}
	CHECK(!login_is_plain("rtsp://${USER}:${PASSWORD}@10.0.0.5/main"));
	CHECK(!login_is_plain("gst:rtspsrc location=rtsp://10.0.0.5/x user-pw=${PASSWORD} user-id=\"${USER}\" ! a"));
	CHECK(login_is_plain("gst:rtspsrc location=rtsp://10.0.0.5/x user-pw=${PASSWORD}x ! a"));
}

TEST(sentences_are_told_without_secrets)
{
	const char *pipeline = "gst:rtspsrc location=rtsp://me:se\"cr@h/x user-pw=\"se cret\" user-id=me ! a";
	char text[] = "could not set user-pw to \"se cret\"; rtsp://me:se\"cr@h/x: me cannot read se\"cr, some time";
	login_hide_all(text, pipeline);
	CHECK(!strstr(text, "se cret") && !strstr(text, "se\"cr"));
	CHECK(strstr(text, "me cannot read") && strstr(text, "some time"));
}
