/* SPDX-License-Identifier: Apache-2.0 */
/* What a V4L2 device offers: formats, sizes, rates. */
#include "v4l2.h"

#include <errno.h>
#include <stddef.h>

const struct v4l2_kind v4l2_kinds[] = {
    {V4L2_PIX_FMT_NV12, ZOE_FORMAT_NV12, 1},        {V4L2_PIX_FMT_YUV420, ZOE_FORMAT_I420, 1},
    {V4L2_PIX_FMT_NV12M, ZOE_FORMAT_NV12, 2},       {V4L2_PIX_FMT_YUV420M, ZOE_FORMAT_I420, 3},
    {V4L2_PIX_FMT_YUYV, ZOE_FORMAT_YUYV, 1},        {V4L2_PIX_FMT_UYVY, ZOE_FORMAT_UYVY, 1},
    {V4L2_PIX_FMT_YUV422P, ZOE_FORMAT_I422, 1},     {V4L2_PIX_FMT_RGB24, ZOE_FORMAT_RGB24, 1},
    {V4L2_PIX_FMT_BGR24, ZOE_FORMAT_BGR24, 1},      {V4L2_PIX_FMT_MJPEG, ZOE_FORMAT_MJPEG, 1, true},
    {V4L2_PIX_FMT_JPEG, ZOE_FORMAT_MJPEG, 1, true}, {V4L2_PIX_FMT_GREY, ZOE_FORMAT_GREY, 1},
    {V4L2_PIX_FMT_H264, ZOE_FORMAT_NONE, 1, true},  {0, ZOE_FORMAT_NONE, 0},
};

const struct v4l2_kind *v4l2_kind_find(uint32_t code)
{
	for (const struct v4l2_kind *kind = v4l2_kinds; kind->code; kind++)
		if (kind->code == code)
			return kind;
	return NULL;
}

int v4l2_each_format(const struct v4l2_device *device, int (*visit)(const struct v4l2_fmtdesc *format, void *user),
                     void *user)
{
	struct v4l2_fmtdesc format = {.type = device->type};
	int status = 0;
	while (status == 0 && v4l2_ioctl(device, VIDIOC_ENUM_FMT, &format) == 0) {
		status = visit(&format, user);
		format = (struct v4l2_fmtdesc){.type = device->type, .index = format.index + 1};
	}
	return status;
}

int v4l2_each_size(const struct v4l2_device *device, uint32_t code,
                   int (*visit)(const struct v4l2_frmsizeenum *size, void *user), void *user)
{
	struct v4l2_frmsizeenum size = {.pixel_format = code};
	int status = 0;
	while (status == 0 && v4l2_ioctl(device, VIDIOC_ENUM_FRAMESIZES, &size) == 0) {
		status = visit(&size, user);
		if (size.type != V4L2_FRMSIZE_TYPE_DISCRETE)
			break; /* one range says all */
		size = (struct v4l2_frmsizeenum){.pixel_format = code, .index = size.index + 1};
	}
	return status;
}

int v4l2_each_rate(const struct v4l2_device *device, uint32_t code, unsigned width, unsigned height,
                   int (*visit)(const struct v4l2_frmivalenum *rate, void *user), void *user)
{
	struct v4l2_frmivalenum rate = {.pixel_format = code, .width = width, .height = height};
	int status = 0;
	while (status == 0 && v4l2_ioctl(device, VIDIOC_ENUM_FRAMEINTERVALS, &rate) == 0) {
		status = visit(&rate, user);
		if (rate.type != V4L2_FRMIVAL_TYPE_DISCRETE)
			break;
		rate = (struct v4l2_frmivalenum){
		    .pixel_format = code, .width = width, .height = height, .index = rate.index + 1};
	}
	return status;
}
