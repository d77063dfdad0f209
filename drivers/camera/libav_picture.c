/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decoder's picture means (format, range, matrix), and how it is copied or converted into a slot. Formats that
 * enum zoe_format has stay as they are; all others become I420. swscale does sizes and formats.
 */
#include "libav.h"

#include <errno.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>

#define HD_LINES 720 /* from here on an unstated matrix is BT.709, as players assume */

static const struct {
	enum AVPixelFormat av, jpeg; /* jpeg: the same in full range, by its deprecated name */
	enum zoe_format format;
} formats[] = {
    {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, ZOE_FORMAT_I420},
    {AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUVJ422P, ZOE_FORMAT_I422},
    {AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUVJ444P, ZOE_FORMAT_I444},
    {AV_PIX_FMT_NV12, AV_PIX_FMT_NONE, ZOE_FORMAT_NV12},
    {AV_PIX_FMT_YUYV422, AV_PIX_FMT_NONE, ZOE_FORMAT_YUYV},
    {AV_PIX_FMT_UYVY422, AV_PIX_FMT_NONE, ZOE_FORMAT_UYVY},
    {AV_PIX_FMT_RGB24, AV_PIX_FMT_NONE, ZOE_FORMAT_RGB24},
    {AV_PIX_FMT_BGR24, AV_PIX_FMT_NONE, ZOE_FORMAT_BGR24},
    {AV_PIX_FMT_GRAY8, AV_PIX_FMT_NONE, ZOE_FORMAT_GREY},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

enum AVPixelFormat picture_format(uint32_t format)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (formats[i].format == format)
			return formats[i].av;
	return AV_PIX_FMT_NONE;
}

/* Its name without the J, and whether it had one. */
static enum AVPixelFormat without_j(enum AVPixelFormat format, bool *out_full)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (formats[i].jpeg == format && format != AV_PIX_FMT_NONE) {
			*out_full = true;
			return formats[i].av;
		}
	}
	*out_full = format == AV_PIX_FMT_YUVJ440P || format == AV_PIX_FMT_YUVJ411P || format == AV_PIX_FMT_GRAY8;
	return format == AV_PIX_FMT_YUVJ440P   ? AV_PIX_FMT_YUV440P
	       : format == AV_PIX_FMT_YUVJ411P ? AV_PIX_FMT_YUV411P
	                                       : format;
}

static bool is_rgb(enum AVPixelFormat format)
{
	const AVPixFmtDescriptor *description = av_pix_fmt_desc_get(format);
	return description && description->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

static enum zoe_range range_of(const AVFrame *frame)
{
	bool full;
	enum AVPixelFormat format = without_j(frame->format, &full);
	if (is_rgb(format) || frame->color_range == AVCOL_RANGE_JPEG)
		return ZOE_RANGE_FULL;
	if (frame->color_range == AVCOL_RANGE_MPEG)
		return ZOE_RANGE_LIMITED;
	return full ? ZOE_RANGE_FULL : ZOE_RANGE_LIMITED;
}

/* libav's number of the YUV matrix; never AVCOL_SPC_UNSPECIFIED. */
static enum AVColorSpace space_of(const AVFrame *frame)
{
	if (frame->colorspace != AVCOL_SPC_UNSPECIFIED && frame->colorspace != AVCOL_SPC_RGB &&
	    frame->colorspace != AVCOL_SPC_RESERVED)
		return frame->colorspace;
	return frame->height < HD_LINES ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
}

/* BT.601 has several numbers (SMPTE 170M, BT.470 BG). DEFAULT = a matrix that struct zoe_image does not know. */
static enum zoe_matrix matrix_of(enum AVColorSpace space)
{
	if (space == AVCOL_SPC_BT709)
		return ZOE_MATRIX_BT709;
	return space == AVCOL_SPC_SMPTE170M || space == AVCOL_SPC_BT470BG || space == AVCOL_SPC_FCC
	           ? ZOE_MATRIX_BT601
	           : ZOE_MATRIX_DEFAULT;
}

/* Wanted size, with the source's shape if only one side is wanted. */
static void plan_size(const AVFrame *frame, unsigned width, unsigned height, struct zoe_image *out)
{
	uint64_t own_width = (uint64_t)frame->width, own_height = (uint64_t)frame->height;
	if (!width && height)
		width = (unsigned)((own_width * height / own_height + 1) & ~1u);
	if (!height && width)
		height = (unsigned)((own_height * width / own_width + 1) & ~1u);
	out->width = width ? width : (uint32_t)own_width;
	out->height = height ? height : (uint32_t)own_height;
}

int picture_crop(AVFrame *frame, const struct camera_request *request)
{
	unsigned x, y, width, height;
	area_pixels(&request->crop, (unsigned)frame->width, (unsigned)frame->height, &x, &y, &width, &height);
	frame->crop_left = x;
	frame->crop_top = y;
	frame->crop_right = (unsigned)frame->width - x - width;
	frame->crop_bottom = (unsigned)frame->height - y - height;
	return av_frame_apply_cropping(frame, AV_FRAME_CROP_UNALIGNED);
}

int picture_plan(const AVFrame *frame, const struct camera_request *request, struct picture_plan *out, char *error)
{
	bool full;
	struct picture_plan plan = {.source = without_j(frame->format, &full),
	                            .target = AV_PIX_FMT_YUV420P,
	                            .width = frame->width,
	                            .height = frame->height,
	                            .request = request};
	enum AVColorSpace space = space_of(frame);
	plan.image.format = ZOE_FORMAT_I420;
	for (size_t i = 0; i < FORMATS; i++) {
		if (request->format ? formats[i].format == request->format : formats[i].av == plan.source) {
			plan.image.format = formats[i].format;
			plan.target = formats[i].av;
		}
	}
	plan_size(frame, request->width, request->height, &plan.image);
	if (zoe_image_layout(&plan.image, 64) < 0) {
		snprintf(error, CAMERA_ERROR_BYTES, "%s", zoe_error());
		return -EINVAL;
	}
	plan.size = (size_t)zoe_image_layout(&plan.image, 64);
	bool rgb = is_rgb(plan.target), from_rgb = is_rgb(plan.source);
	plan.image.range = rgb ? ZOE_RANGE_FULL : from_rgb ? ZOE_RANGE_LIMITED : range_of(frame);
	if (!rgb)
		plan.image.matrix = matrix_of(space) ? matrix_of(space) : ZOE_MATRIX_BT709;
	plan.convert = plan.source != plan.target || (int)plan.image.width != frame->width ||
	               (int)plan.image.height != frame->height || (!rgb && !matrix_of(space));
	*out = plan;
	return 0;
}

bool picture_fits(const struct picture_plan *plan, const AVFrame *frame)
{
	bool full;
	if (plan->convert || without_j(frame->format, &full) != plan->target ||
	    frame->width != (int)plan->image.width || frame->height != (int)plan->image.height)
		return false;
	return is_rgb(plan->target) || (range_of(frame) == (enum zoe_range)plan->image.range &&
	                                matrix_of(space_of(frame)) == (enum zoe_matrix)plan->image.matrix);
}

int picture_convert(const struct picture_plan *plan, const AVFrame *frame, struct SwsContext **scaler,
                    uint8_t *const planes[4], const int strides[4])
{
	bool full;
	enum AVPixelFormat source = without_j(frame->format, &full);
	*scaler = sws_getCachedContext(*scaler, frame->width, frame->height, source, (int)plan->image.width,
	                               (int)plan->image.height, plan->target,
	                               SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
	if (!*scaler)
		return -EINVAL;
	const int *from = sws_getCoefficients(space_of(frame));
	const int *to = plan->image.matrix == ZOE_MATRIX_BT709 ? sws_getCoefficients(SWS_CS_ITU709)
	                                                       : sws_getCoefficients(SWS_CS_ITU601);
	/* Fails, harmlessly, for RGB to RGB, which has no matrix. */
	sws_setColorspaceDetails(*scaler, from, range_of(frame) == ZOE_RANGE_FULL, to,
	                         plan->image.range == ZOE_RANGE_FULL, 0, 1 << 16, 1 << 16);
	int rows =
	    sws_scale(*scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
	return rows == (int)plan->image.height ? 0 : -EINVAL;
}

int picture_write(const struct picture_plan *plan, const AVFrame *frame, struct SwsContext **scaler, void *data)
{
	uint8_t *planes[4] = {NULL};
	int strides[4] = {0};
	for (unsigned i = 0; i < plan->image.plane_count; i++) {
		planes[i] = (uint8_t *)data + plan->image.planes[i].offset;
		strides[i] = (int)plan->image.planes[i].stride;
	}
	if (!picture_fits(plan, frame))
		return picture_convert(plan, frame, scaler, planes, strides);
	av_image_copy(planes, strides, (const uint8_t **)(uintptr_t)frame->data, frame->linesize, plan->target,
	              frame->width, frame->height);
	return 0;
}

int picture_loan(struct zoe_publisher *publisher, const struct picture_plan *plan, const AVFrame *frame,
                 struct SwsContext **scaler, struct zoe_loan *out)
{
	struct zoe_loan loan;
	int status = zoe_loan(publisher, plan->size, &loan);
	if (status < 0)
		return status;
	status = picture_write(plan, frame, scaler, loan.data);
	if (status < 0) {
		zoe_discard(publisher, &loan);
		return status;
	}
	camera_mask(plan->request, &plan->image, loan.data);
	loan.image = plan->image;
	*out = loan;
	return 0;
}
