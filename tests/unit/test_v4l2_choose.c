/* SPDX-License-Identifier: Apache-2.0 */
/* Which format, size and rate a V4L2 device is set to: the device is a table here, behind v4l2_ioctl(). */
#include "check.h"
#include "drivers/camera/v4l2.h"

#include <errno.h>
#include <string.h>

struct offer {
	uint32_t code;
	unsigned width, height, fps;
};

static const struct offer *offers; /* those of a format follow each other; ends with code 0 */

int __wrap_v4l2_ioctl(const struct v4l2_device *device, unsigned long request, void *argument);

/* The n-th offer that begins a format, or that is of a format. */
static const struct offer *find(uint32_t code, unsigned index)
{
	for (const struct offer *offer = offers; offer->code; offer++) {
		bool begins = offer == offers || offer[-1].code != offer->code;
		if ((code ? offer->code == code : begins) && index-- == 0)
			return offer;
	}
	return NULL;
}

int __wrap_v4l2_ioctl(const struct v4l2_device *device, unsigned long request, void *argument)
{
	struct v4l2_fmtdesc *format = argument;
	struct v4l2_frmsizeenum *size = argument;
	struct v4l2_frmivalenum *rate = argument;
	struct v4l2_format *set = argument;
	const struct offer *offer = NULL;
	switch (request) {
	case VIDIOC_ENUM_FMT:
		offer = find(0, format->index);
		format->pixelformat = offer ? offer->code : 0;
		return offer ? 0 : -EINVAL;
	case VIDIOC_ENUM_FRAMESIZES:
		offer = find(size->pixel_format, size->index);
		size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
		if (offer)
			size->discrete = (struct v4l2_frmsize_discrete){offer->width, offer->height};
		return offer ? 0 : -EINVAL;
	case VIDIOC_ENUM_FRAMEINTERVALS:
		for (unsigned i = 0; (offer = find(rate->pixel_format, i)) && offer->width != rate->width;)
			i++;
		rate->type = V4L2_FRMIVAL_TYPE_DISCRETE;
		if (offer)
			rate->discrete = (struct v4l2_fract){1, offer->fps};
		return offer && rate->index == 0 ? 0 : -EINVAL;
	case VIDIOC_G_FMT:
		set->fmt.pix.width = 640;
		set->fmt.pix.height = 480;
		return 0;
	default:
		return 0; /* S_FMT, S_PARM: all is taken */
	}
}

static const struct offer webcam[] = {
    {V4L2_PIX_FMT_MJPEG, 640, 480, 30}, {V4L2_PIX_FMT_MJPEG, 1280, 720, 30}, {V4L2_PIX_FMT_YUYV, 640, 480, 30},
    {V4L2_PIX_FMT_YUYV, 1280, 720, 10}, {V4L2_PIX_FMT_H264, 1920, 1080, 30}, {0},
};

static struct v4l2_choice chosen(const struct offer *table, struct camera_request request)
{
	struct v4l2_device device = {
	    .fd = -1, .path = "/dev/video0", .card = "table", .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	struct v4l2_choice choice = {0};
	char error[CAMERA_ERROR_BYTES] = "";
	offers = table;
	CHECK(v4l2_choose(&device, &request, &choice, error) == 0);
	return choice;
}

static bool is(struct v4l2_choice choice, uint32_t code, unsigned width, unsigned fps)
{
	printf("%s\n", choice.why);
	return choice.kind->code == code && choice.width == width && choice.fps > fps - 0.01 && choice.fps < fps + 0.01;
}

TEST(without_a_wish_the_present_size_uncompressed)
{
	CHECK(is(chosen(webcam, (struct camera_request){0}), V4L2_PIX_FMT_YUYV, 640, 30));
}

TEST(compressed_where_raw_is_slow)
{
	struct v4l2_choice choice = chosen(webcam, (struct camera_request){.width = 1280, .height = 720});
	CHECK(is(choice, V4L2_PIX_FMT_MJPEG, 1280, 30));
	CHECK(strstr(choice.why, "uncompressed it would be slower"));
}

TEST(a_slow_wish_stays_uncompressed)
{
	CHECK(is(chosen(webcam, (struct camera_request){.width = 1280, .height = 720, .fps = 10}), V4L2_PIX_FMT_YUYV,
	         1280, 10));
}

TEST(nearest_larger_size)
{
	struct v4l2_choice choice = chosen(webcam, (struct camera_request){.width = 800, .height = 600});
	CHECK(is(choice, V4L2_PIX_FMT_MJPEG, 1280, 30));
	CHECK(strstr(choice.why, "nearest to 800x600"));
	CHECK(is(chosen(webcam, (struct camera_request){.width = 4000, .height = 3000}), V4L2_PIX_FMT_H264, 1920, 30));
}

TEST(crop_asks_for_a_larger_picture)
{
	struct camera_request half = {.width = 640, .height = 360, .crop = {.width = 0.5, .height = 0.5}};
	CHECK(chosen(webcam, half).width == 1280);
}

TEST(a_format_that_is_not_offered)
{
	struct v4l2_choice choice = chosen(webcam, (struct camera_request){.format = ZOE_FORMAT_NV12});
	CHECK(is(choice, V4L2_PIX_FMT_YUYV, 640, 30));
	CHECK(strstr(choice.why, "the wanted format is not offered, so it is converted"));
}

static int choose_with(const char *source, struct v4l2_choice *out, char *error)
{
	struct v4l2_device device = {
	    .fd = -1, .path = "/dev/video0", .card = "table", .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	struct camera_request request = {.source = source, .shown = source};
	offers = webcam;
	return v4l2_choose(&device, &request, out, error);
}

TEST(one_of_the_devices_own_formats)
{
	struct v4l2_choice choice;
	char error[CAMERA_ERROR_BYTES] = "";
	CHECK(choose_with("/dev/video0?format=MJPG", &choice, error) == 0);
	CHECK(is(choice, V4L2_PIX_FMT_MJPEG, 640, 30) && strstr(choice.why, "as wanted"));
	CHECK(choose_with("/dev/video0?format=NV12", &choice, error) == -EINVAL);
	CHECK(
	    strstr(error, "does not offer the format wanted in '/dev/video0?format=NV12'; it offers MJPG, YUYV, H264"));
	CHECK(choose_with("/dev/video0?format=", &choice, error) == -EINVAL);
	CHECK(choose_with("/dev/video0?size=1", &choice, error) == -EINVAL && strstr(error, "found '?size=1'"));
}

TEST(nothing_that_can_be_read)
{
	static const struct offer only[] = {{V4L2_PIX_FMT_VP8, 1920, 1080, 30}, {V4L2_PIX_FMT_HEVC, 640, 480, 30}, {0}};
	struct v4l2_device device = {
	    .fd = -1, .path = "/dev/video0", .card = "table", .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	struct v4l2_choice choice;
	char error[CAMERA_ERROR_BYTES] = "";
	offers = only;
	CHECK(v4l2_choose(&device, &(struct camera_request){0}, &choice, error) < 0);
	CHECK(strstr(error, "/dev/video0 (table) offers only VP80, HEVC; wanted one of NV12"));
}
